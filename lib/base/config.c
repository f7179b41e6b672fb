/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KAFKA_PREFIX "PSYMATCH_KAFKA_"

extern char **environ;

enum type { INTEGER, BOOLEAN, WORD, TEXT, SECRET };

static const char *const type_names[] = {"integer", "boolean", "word", "text",
                                         "secret"};

/* One line per setting. A setting without a reader does not belong here. */
static const struct setting {
	const char *name;
	enum type type;
	const char *preset;
	const char *unit;
	int64_t min, max;  /* INTEGER */
	const char *words; /* WORD: allowed ones, separated by blanks */
	const char *meaning;
} settings[] = {
    {"DB_HOST", TEXT, "localhost", "", 0, 0, NULL,
     "PostgreSQL host, or the directory of its socket"},
    {"DB_PORT", INTEGER, "5432", "", 1, 65535, NULL, "PostgreSQL port"},
    {"DB_NAME", TEXT, "therapy_platform", "", 0, 0, NULL, "database"},
    {"DB_USER", TEXT, "", "", 0, 0, NULL,
     "database user; empty: the system user"},
    {"DB_PASSWORD", SECRET, "", "", 0, 0, NULL,
     "database password; empty: none"},
    {"PSYMATCH_DB_CONNECTIONS", INTEGER, "8", "connections", 1, 1000, NULL,
     "size of the connection pool"},
    {"KAFKA_BOOTSTRAP_SERVERS", TEXT, "localhost:9092", "", 0, 0, NULL,
     "brokers, host:port separated by commas"},
    {"KAFKA_LOG_LEVEL", WORD, "WARNING", "", 0, 0,
     "DEBUG INFO WARNING WARN ERROR CRITICAL", "log level of the Kafka client"},
    {"LOG_LEVEL", WORD, "INFO", "", 0, 0,
     "DEBUG INFO WARNING WARN ERROR CRITICAL", "log level of a service"},
    {"PSYMATCH_TRANSPORT", WORD, "kafka", "", 0, 0, "kafka memory",
     "where events travel"},
    {"PSYMATCH_WIRE", WORD, "snake", "", 0, 0, "snake camel",
     "write event_id or eventId; both are read"},
    {"PSYMATCH_SPOOL_DIR", TEXT, "", "", 0, 0, NULL,
     "directory of the producer's spool; empty: memory only"},
    {"PSYMATCH_SPOOL_DURABILITY", WORD, "disk", "", 0, 0, "disk interval os",
     "when an accepted event is safe: on disk, on disk within the interval, in the system's cache (survives kill -9)"},
    {"PSYMATCH_SPOOL_INTERVAL_MS", INTEGER, "100", "ms", 1, 60000, NULL,
     "longest time without a sync, durability interval"},
    {"PSYMATCH_SPOOL_MAX_BYTES", INTEGER, "1073741824", "bytes", 16777216,
     INT64_C(1) << 50, NULL, "size limit of the spool"},
    {"PSYMATCH_QUEUE_MAX", INTEGER, "20000", "events", 1, 1000000, NULL,
     "events given to the transport and not yet acknowledged; all queued events without a spool"},
    {"PSYMATCH_EVENT_MAX_BYTES", INTEGER, "1000000", "bytes", 1024, 8000000,
     NULL, "size limit of one encoded event"},
    {"PSYMATCH_HTTP_HOST", TEXT, "127.0.0.1", "", 0, 0, NULL,
     "address that a service listens on"},
    {"PSYMATCH_SHUTDOWN_MS", INTEGER, "10000", "ms", 100, 600000, NULL,
     "deadline of an orderly shutdown"},
    {"THERAPIST_SERVICE_INTERNAL_PORT", INTEGER, "8002", "", 0, 65535, NULL,
     "HTTP port of therapist-service; 0: none"},
    {"MATCHING_SERVICE_INTERNAL_PORT", INTEGER, "8003", "", 0, 65535, NULL,
     "HTTP port of matching-service; 0: none"},
    {"THERAPIST_IMPORT_FOLDER_PATH", TEXT, "/scraping_data", "", 0, 0, NULL,
     "folder of the scraped therapist files"},
    {"THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS", INTEGER, "86400", "s", 1,
     31536000, NULL, "time between two imports"},
    {"THERAPIST_IMPORT_ENABLED", BOOLEAN, "true", "", 0, 0, NULL,
     "whether the service imports by itself"},
};

struct property {
	char *name; /* of librdkafka: with dots */
	char *value;
};

struct psm_config {
	char *given[PSM__COUNT(settings)]; /* NULL: the preset */
	struct property *kafka;
	size_t kafka_count, kafka_cap;
};

static int
index_of(const char *name)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int
parse_bool(const char *text, int *value)
{
	static const char *const words[] = {"false", "0", "no",  "off",
	                                    "true",  "1", "yes", "on"};
	size_t i;

	for (i = 0; i < PSM__COUNT(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = i >= 4;
			return 1;
		}
	}
	return 0;
}

static int
parse_int(const char *text, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0' &&
	       (*text == '-' || (*text >= '0' && *text <= '9'));
}

static int
is_word_of(const char *words, const char *text)
{
	size_t len = strlen(text);
	const char *p = words;

	while (len > 0 && (p = strstr(p, text)) != NULL) {
		if ((p == words || p[-1] == ' ') &&
		    (p[len] == ' ' || p[len] == '\0'))
			return 1;
		p++;
	}
	return 0;
}

static int
check_value(const struct setting *s, const char *value, psm_error *err)
{
	int64_t number;
	int flag;

	switch (s->type) {
	case INTEGER:
		if (parse_int(value, &number) && number >= s->min &&
		    number <= s->max)
			return 0;
		return psm__fail(
		    err, PSM_ERR_CONFIG,
		    "%s: want an integer from %lld to %lld%s%s, found \"%s\"",
		    s->name, (long long)s->min, (long long)s->max,
		    s->unit[0] ? " " : "", s->unit, value);
	case BOOLEAN:
		if (parse_bool(value, &flag))
			return 0;
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "%s: want true or false, found \"%s\"",
		                 s->name, value);
	case WORD:
		if (is_word_of(s->words, value))
			return 0;
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "%s: want one of %s, found \"%s\"", s->name,
		                 s->words, value);
	case TEXT:
	case SECRET:
		break;
	}
	return 0;
}

int
psm_config_new(psm_config **out, psm_error *err)
{
	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_config_new: out is NULL");
	*out = psm__alloc(sizeof **out);
	return *out ? 0 : psm__nomem(err);
}

void
psm_config_free(psm_config *cfg)
{
	size_t i;

	if (!cfg)
		return;
	for (i = 0; i < PSM__COUNT(cfg->given); i++)
		psm__free(cfg->given[i]);
	for (i = 0; i < cfg->kafka_count; i++) {
		psm__free(cfg->kafka[i].name);
		psm__free(cfg->kafka[i].value);
	}
	psm__free(cfg->kafka);
	psm__free(cfg);
}

static int
set_property(psm_config *cfg, const char *key, const char *value,
             psm_error *err)
{
	struct property *p = NULL;
	char *name = psm__strdup(key), *copy = psm__strdup(value), *c;
	size_t i;

	for (c = name; c && *c; c++)
		if (*c == '_')
			*c = '.';
	for (i = 0; name && i < cfg->kafka_count; i++)
		if (strcmp(cfg->kafka[i].name, name) == 0)
			p = &cfg->kafka[i];
	if (!name || !copy ||
	    (!p && psm__grow(&cfg->kafka, &cfg->kafka_cap, cfg->kafka_count + 1,
	                     sizeof *p) < 0)) {
		psm__free(name);
		psm__free(copy);
		return psm__nomem(err);
	}
	if (p) {
		psm__free(p->name);
		psm__free(p->value);
	} else {
		p = &cfg->kafka[cfg->kafka_count++];
	}
	p->name = name;
	p->value = copy;
	return 0;
}

int
psm_config_set(psm_config *cfg, const char *name, const char *value,
               psm_error *err)
{
	char *copy;
	int i, rc;

	psm__error_clear(err);
	if (!cfg || !name || !value)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_config_set: NULL argument");
	if (strncmp(name, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) == 0 &&
	    name[strlen(KAFKA_PREFIX)])
		return set_property(cfg, name + strlen(KAFKA_PREFIX), value,
		                    err);
	i = index_of(name);
	if (i < 0)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "%s: there is no such setting", name);
	rc = check_value(&settings[i], value, err);
	if (rc < 0)
		return rc;
	copy = psm__strdup(value);
	if (!copy)
		return psm__nomem(err);
	psm__free(cfg->given[i]);
	cfg->given[i] = copy;
	return 0;
}

/* Only names that are ours: the environment holds many more. */
static int
is_ours(const char *name)
{
	return strncmp(name, "PSYMATCH_", 9) == 0 || index_of(name) >= 0;
}

/* Read by the Python package before there is a psm_config. */
static int
is_elsewhere(const char *name)
{
	return strcmp(name, "PSYMATCH_LIBRARY") == 0;
}

int
psm_config_from_env(psm_config **out, psm_error *err)
{
	psm_config *cfg = NULL;
	char name[128], **e;
	int rc = psm_config_new(&cfg, err);

	if (out)
		*out = NULL;
	else if (rc == 0)
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "psm_config_from_env: out is NULL");
	for (e = environ; rc == 0 && e && *e; e++) {
		const char *eq = strchr(*e, '=');

		if (!eq || (size_t)(eq - *e) >= sizeof name)
			continue;
		memcpy(name, *e, (size_t)(eq - *e));
		name[eq - *e] = '\0';
		if (is_ours(name) && !is_elsewhere(name))
			rc = psm_config_set(cfg, name, eq + 1, err);
	}
	if (rc < 0) {
		psm_config_free(cfg);
		return rc;
	}
	*out = cfg;
	return 0;
}

int
psm__config_copy(const psm_config *cfg, psm_config **out, psm_error *err)
{
	psm_config *copy = NULL;
	size_t i;
	int rc = psm_config_new(&copy, err);

	*out = NULL;
	for (i = 0; rc == 0 && i < PSM__COUNT(settings); i++)
		if (cfg->given[i] &&
		    !(copy->given[i] = psm__strdup(cfg->given[i])))
			rc = psm__nomem(err);
	for (i = 0; rc == 0 && i < cfg->kafka_count; i++)
		rc = set_property(copy, cfg->kafka[i].name, cfg->kafka[i].value,
		                  err);
	if (rc < 0) {
		psm_config_free(copy);
		return rc;
	}
	*out = copy;
	return 0;
}

const char *
psm_config_string(const psm_config *cfg, const char *name)
{
	int i = cfg && name ? index_of(name) : -1;

	if (i < 0)
		return NULL;
	return cfg->given[i] ? cfg->given[i] : settings[i].preset;
}

int64_t
psm_config_int(const psm_config *cfg, const char *name)
{
	const char *text = psm_config_string(cfg, name);
	int64_t value;

	return text && parse_int(text, &value) ? value : 0;
}

int
psm_config_bool(const psm_config *cfg, const char *name)
{
	const char *text = psm_config_string(cfg, name);
	int value;

	return text && parse_bool(text, &value) ? value : 0;
}

int
psm_config_given(const psm_config *cfg, const char *name)
{
	int i = cfg && name ? index_of(name) : -1;

	return i >= 0 && cfg->given[i] != NULL;
}

const char *
psm__config_kafka_name(const psm_config *cfg, size_t i)
{
	return i < cfg->kafka_count ? cfg->kafka[i].name : NULL;
}

const char *
psm__config_kafka_value(const psm_config *cfg, size_t i)
{
	return i < cfg->kafka_count ? cfg->kafka[i].value : NULL;
}

size_t
psm_config_count(void)
{
	return PSM__COUNT(settings);
}

const char *
psm_config_name_at(size_t i)
{
	return i < PSM__COUNT(settings) ? settings[i].name : NULL;
}

const char *
psm_config_type_at(size_t i)
{
	return i < PSM__COUNT(settings) ? type_names[settings[i].type] : NULL;
}

const char *
psm_config_default_at(size_t i)
{
	return i < PSM__COUNT(settings) ? settings[i].preset : NULL;
}

const char *
psm_config_unit_at(size_t i)
{
	return i < PSM__COUNT(settings) ? settings[i].unit : NULL;
}

const char *
psm_config_meaning_at(size_t i)
{
	return i < PSM__COUNT(settings) ? settings[i].meaning : NULL;
}
