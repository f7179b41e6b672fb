/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/config_int.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "PSYMATCH_"
#define KAFKA_PREFIX "PSYMATCH_KAFKA_"

struct property {
	char *name; /* of librdkafka: with dots */
	char *value;
};

struct psm_config {
	struct property *kafka;
	size_t kafka_count, kafka_cap;
	/* Per setting, NULL: the default. Those registered since the last one
	 * was set are not in it yet. */
	char **given;
	size_t given_count, given_cap;
};

/* The key behind PSYMATCH_KAFKA_; NULL if name is another. */
static const char *
kafka_key(const char *name)
{
	const size_t len = sizeof(KAFKA_PREFIX) - 1;

	return strncmp(name, KAFKA_PREFIX, len) == 0 ? name + len : NULL;
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
	if (!cfg)
		return;
	for (size_t i = 0; i < cfg->given_count; i++)
		psm__free(cfg->given[i]);
	psm__free(cfg->given);
	for (size_t i = 0; i < cfg->kafka_count; i++) {
		psm__free(cfg->kafka[i].name);
		psm__free(cfg->kafka[i].value);
	}
	psm__free(cfg->kafka);
	psm__free(cfg);
}

/* librdkafka's keys have small letters and dots for underscores. */
static char
property_char(char c)
{
	if (c == '_')
		return '.';
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static struct property *
find_property(const psm_config *cfg, const char *key)
{
	for (size_t i = 0; i < cfg->kafka_count; i++) {
		const char *name = cfg->kafka[i].name, *k = key;

		while (*k != '\0' && property_char(*k) == *name) {
			k++;
			name++;
		}
		if (*k == *name)
			return &cfg->kafka[i];
	}
	return NULL;
}

static void
remove_property(psm_config *cfg, struct property *p)
{
	size_t behind = cfg->kafka_count - (size_t)(p - cfg->kafka) - 1;

	psm__free(p->name);
	psm__free(p->value);
	memmove(p, p + 1, behind * sizeof(*p));
	cfg->kafka_count--;
}

/* Which keys and values there are is librdkafka's to know: it is asked when a
 * client is made. */
static int
set_property(psm_config *cfg, const char *key, const char *value,
             psm_error *err)
{
	char *name = psm__strdup(key), *copy = psm__strdup(value);
	struct property *old = NULL;
	int rc = 0;

	if (!name || !copy ||
	    psm__grow(&cfg->kafka, &cfg->kafka_cap, cfg->kafka_count + 1,
	              sizeof(*cfg->kafka)) < 0) {
		rc = psm__nomem(err);
		goto out;
	}
	for (char *c = name; *c != '\0'; c++)
		*c = property_char(*c);
	old = find_property(cfg, name);
	if (old)
		remove_property(cfg, old);
	if (copy[0] != '\0') {
		cfg->kafka[cfg->kafka_count++] = (struct property){name, copy};
		name = copy = NULL; /* now the configuration's */
	}
out:
	psm__free(name);
	psm__free(copy);
	return rc;
}

/* Of an unknown name only what may stand in one is shown: a misplaced secret
 * must not get into a log. */
static void
show_name(const char *name, char *shown, size_t size)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                          "abcdefghijklmnopqrstuvwxyz0123456789_");

	(void)snprintf(shown, size, "%.*s%s", (int)(len < 80 ? len : 80), name,
	               name[len] != '\0' || len > 80 ? "..." : "");
}

static int
refuse_name(const char *name, psm_error *err)
{
	const char *nearest = psm__setting_nearest(name);
	char shown[84];

	show_name(name, shown, sizeof(shown));
	if (!nearest)
		return psm__fail(err, PSM_ERR_CONFIG, "%s: no such setting",
		                 shown);
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "%s: no such setting, the nearest is %s", shown,
	                 nearest);
}

/* Keep value, taken, for the i-th setting; 0 or PSM_ERR_NOMEM. */
static int
give(psm_config *cfg, size_t i, char *value)
{
	if (i >= cfg->given_count && !value)
		return 0;
	if (psm__grow(&cfg->given, &cfg->given_cap, i + 1,
	              sizeof(*cfg->given)) < 0)
		return PSM_ERR_NOMEM;
	while (cfg->given_count <= i)
		cfg->given[cfg->given_count++] = NULL;
	psm__free(cfg->given[i]);
	cfg->given[i] = value;
	return 0;
}

static const char *
given_value(const psm_config *cfg, size_t i)
{
	return i < cfg->given_count ? cfg->given[i] : NULL;
}

/* Where a setting that has a default says what "empty:" is, it is a value. */
static int
takes_empty(size_t i)
{
	return psm_config_default_at(i)[0] != '\0' &&
	       strstr(psm_config_meaning_at(i), "empty:") != NULL;
}

int
psm_config_set(psm_config *cfg, const char *name, const char *value,
               psm_error *err)
{
	const char *key;
	char *copy = NULL;
	int i, rc;

	psm__error_clear(err);
	if (!cfg || !name || !value)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_config_set: NULL argument");
	key = kafka_key(name);
	if (key && key[0] != '\0')
		return set_property(cfg, key, value, err);
	i = psm__setting_index(name);
	if (i < 0)
		return refuse_name(name, err);
	if (value[0] != '\0') {
		rc = psm__setting_check((size_t)i, value, &copy, err);
		if (rc < 0)
			return rc;
	} else if (takes_empty((size_t)i)) {
		copy = psm__strdup("");
		if (!copy)
			return psm__nomem(err);
	}
	rc = give(cfg, (size_t)i, copy);
	if (rc < 0)
		psm__free(copy);
	return rc < 0 ? psm__nomem(err) : 0;
}

enum origin { FOREIGN, LINK, KNOWN, UNKNOWN };

/* Whose a variable is. The environment is everybody's, and tests and bindings
 * have variables with our prefix that are no settings. For a service called
 * psymatch-db Kubernetes makes PSYMATCH_DB_PORT and more; for one called db,
 * DB_PORT with an address. */
static enum origin
origin_of(const char *name, const char *value)
{
	int is_ours = strncmp(name, PREFIX, sizeof(PREFIX) - 1) == 0;

	if (psm__setting_index(name) >= 0)
		return psm__is_link_value(name, value) ? LINK : KNOWN;
	if (!is_ours || psm__setting_is_foreign(name) ||
	    psm__is_link_name(name))
		return FOREIGN;
	return kafka_key(name) && kafka_key(name)[0] != '\0' ? KNOWN : UNKNOWN;
}

/* Nobody may have meant it for us; who did reads the log. */
static void
warn_of(const char *name, enum origin origin)
{
	const char *nearest = psm__setting_nearest(name);
	char shown[84];

	show_name(name, shown, sizeof(shown));
	if (origin == LINK)
		psm__log(PSM_LOG_WARN,
		         "environment: the address of a service where a port "
		         "is wanted; ignored",
		         "variable", shown, NULL);
	else
		psm__log(PSM_LOG_WARN, "environment: no such setting; ignored",
		         "variable", shown, "nearest", nearest ? nearest : "",
		         NULL);
}

/* The variable entry ("NAME=value") of the environment, if it is ours and as
 * wanted: KNOWN is set, the others are told of. */
static int
take_entry(psm_config *cfg, const char *entry, int known, psm_error *err)
{
	size_t len = strcspn(entry, "=");
	enum origin origin;
	char *name;
	int rc = 0;

	if (entry[len] != '=')
		return 0;
	name = psm__strndup(entry, len);
	if (!name)
		return psm__nomem(err);
	origin = origin_of(name, entry + len + 1);
	if (known && origin == KNOWN)
		rc = psm_config_set(cfg, name, entry + len + 1, err);
	else if (!known && origin == UNKNOWN &&
	         psm_config_bool(cfg, "PSYMATCH_STRICT") == 1)
		rc = refuse_name(name, err);
	else if (!known && (origin == UNKNOWN || origin == LINK))
		warn_of(name, origin);
	psm__free(name);
	return rc;
}

int
psm_config_from_env(psm_config **out, psm_error *err)
{
	psm_config *cfg = NULL;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "psm_config_from_env: out is NULL");
	*out = NULL;
	rc = psm_config_new(&cfg, err);
	for (int known = 1; known >= 0; known--)
		for (char **e = environ; rc == 0 && e && *e; e++)
			rc = take_entry(cfg, *e, known, err);
	if (rc < 0) {
		psm_config_free(cfg);
		psm__error_source(err, "environment");
		return rc;
	}
	*out = cfg;
	return 0;
}

int
psm__config_copy(const psm_config *cfg, psm_config **out, psm_error *err)
{
	psm_config *copy = NULL;
	int rc = psm_config_new(&copy, err);

	*out = NULL;
	for (size_t i = 0; rc == 0 && i < cfg->given_count; i++) {
		char *value = cfg->given[i] ? psm__strdup(cfg->given[i]) : NULL;

		if ((cfg->given[i] && !value) || give(copy, i, value) < 0) {
			psm__free(value);
			rc = psm__nomem(err);
		}
	}
	for (size_t i = 0; rc == 0 && i < cfg->kafka_count; i++)
		rc = set_property(copy, cfg->kafka[i].name, cfg->kafka[i].value,
		                  err);
	if (rc < 0) {
		psm_config_free(copy);
		return rc;
	}
	*out = copy;
	return 0;
}

/* -- reading */

static const char *
property_value(const psm_config *cfg, const char *key)
{
	const struct property *p = find_property(cfg, key);

	return p ? p->value : "";
}

const char *
psm_config_string(const psm_config *cfg, const char *name)
{
	const char *key;
	int i;

	if (!cfg || !name)
		return NULL;
	key = kafka_key(name);
	if (key && key[0] != '\0')
		return property_value(cfg, key);
	i = psm__setting_index(name);
	if (i < 0)
		return NULL;
	if (given_value(cfg, (size_t)i))
		return given_value(cfg, (size_t)i);
	return psm_config_default_at((size_t)i);
}

/* The value, or why there is none: a misspelt name must not look like one. */
static int
find_value(const psm_config *cfg, const char *name, const char **text)
{
	*text = psm_config_string(cfg, name);
	if (*text)
		return 0;
	if (!cfg || !name)
		return PSM_ERR_INVAL;
	psm__log(PSM_LOG_ERROR, "the program asks for a setting that is none",
	         "name", name, NULL);
	return PSM_ERR_NOT_FOUND;
}

int
psm_config_given(const psm_config *cfg, const char *name)
{
	const char *text;
	int rc = find_value(cfg, name, &text), i;

	if (rc < 0)
		return rc;
	i = psm__setting_index(name);
	return i >= 0 ? given_value(cfg, (size_t)i) != NULL : text[0] != '\0';
}

int64_t
psm_config_int(const psm_config *cfg, const char *name)
{
	const char *text;
	int64_t value;
	int rc = find_value(cfg, name, &text);

	if (rc < 0)
		return rc;
	return psm__setting_int(text, &value) ? value : PSM_ERR_INVAL;
}

int
psm_config_bool(const psm_config *cfg, const char *name)
{
	const char *text;
	int value, rc = find_value(cfg, name, &text);

	if (rc < 0)
		return rc;
	return psm__setting_bool(text, &value) ? value : PSM_ERR_INVAL;
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
