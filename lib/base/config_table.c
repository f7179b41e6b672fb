/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/config_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum type { INTEGER, BOOLEAN, WORD, STRING, PATH, SECRET };

static const char *const type_names[] = {
    [INTEGER] = "integer", [BOOLEAN] = "boolean", [WORD] = "word",
    [STRING] = "string",   [PATH] = "path",       [SECRET] = "secret",
};

/* One line per setting. A setting that no code reads does not belong here. */
static const struct setting {
	const char *name;
	enum type type;
	const char *preset;
	const char *unit;
	int64_t min, max;  /* INTEGER */
	const char *words; /* WORD: allowed ones, separated by blanks */
	const char *meaning;
} settings[] = {
    {"DB_HOST", STRING, "localhost", "", 0, 0, NULL,
     "PostgreSQL host, or the directory of its socket; several with commas: the one that can be written to"},
    {"DB_PORT", INTEGER, "5432", "", 1, 65535, NULL, "PostgreSQL port"},
    {"DB_NAME", STRING, "therapy_platform", "", 0, 0, NULL, "database"},
    {"DB_USER", STRING, "", "", 0, 0, NULL,
     "database user; empty: the system user"},
    {"DB_PASSWORD", SECRET, "", "", 0, 0, NULL,
     "database password; empty: none"},
    {"PSYMATCH_DB_CONNECTIONS", INTEGER, "8", "connections", 1, 1000, NULL,
     "size of the connection pool"},
    {"PSYMATCH_INBOX_DAYS", INTEGER, "35", "days", 1, 3650, NULL,
     "how long a consumer remembers handled events; at least as long as topics keep them"},
    {"PSYMATCH_LONG_TX_SECONDS", INTEGER, "60", "s", 1, 86400, NULL,
     "age of an open transaction that the relay's health warns of"},
    {"KAFKA_BOOTSTRAP_SERVERS", STRING, "localhost:9092", "", 0, 0, NULL,
     "brokers, host:port separated by commas"},
    {"KAFKA_LOG_LEVEL", WORD, "WARNING", "", 0, 0,
     "DEBUG INFO WARNING ERROR CRITICAL", "log level of the Kafka client"},
    {"LOG_LEVEL", WORD, "INFO", "", 0, 0, "DEBUG INFO WARNING ERROR CRITICAL",
     "log level of a service"},
    {"PSYMATCH_TRANSPORT", WORD, "kafka", "", 0, 0, "kafka memory postgres",
     "where events travel"},
    {"PSYMATCH_PREFETCH_MAX_BYTES", INTEGER, "67108864", "bytes", 1048576,
     1073741824, NULL,
     "memory of a consumer or processor for messages that it has read ahead, of all its partitions together"},
    {"PSYMATCH_PROCESSOR_WORKERS", INTEGER, "1", "threads", 1, 64, NULL,
     "threads that handle events of different keys at the same time; each needs a connection of the pool"},
    {"PSYMATCH_PROCESSOR_BREAKER", BOOLEAN, "true", "", 0, 0, NULL,
     "a processor stops for a time when the events of one key after another fail alike; false: each is parked or dead"},
    {"PSYMATCH_PARKED_KEY_MAX", INTEGER, "1000", "events", 1, 1000000, NULL,
     "parked events of one key; one more and its partition waits"},
    {"PSYMATCH_PARKED_KEYS_MAX", INTEGER, "10000", "keys", 1, 1000000, NULL,
     "keys with parked events, of one consumer; one more and its partition waits"},
    {"PSYMATCH_DEAD_LETTER_TOPIC", BOOLEAN, "false", "", 0, 0, NULL,
     "a consumer puts dead messages into TOPIC.dlq"},
    {"PSYMATCH_PG_DATABASE", STRING, "", "", 0, 0, NULL,
     "database of the topics in PostgreSQL; empty: that of DB_NAME"},
    {"PSYMATCH_PG_PARTITIONS", INTEGER, "3", "partitions", 1, 1000, NULL,
     "partitions of a topic in PostgreSQL that is made by its first use"},
    {"PSYMATCH_PG_RETENTION_SECONDS", INTEGER, "604800", "s", 1, 315360000,
     NULL, "how long messages are kept in PostgreSQL"},
    {"PSYMATCH_PG_LEASE_MS", INTEGER, "10000", "ms", 300, 600000, NULL,
     "a reader in PostgreSQL that is not heard of for so long loses its partitions"},
    {"PSYMATCH_WIRE", WORD, "snake", "", 0, 0, "snake camel",
     "write event_id or eventId; both are read"},
    {"PSYMATCH_SPOOL_DIR", PATH, "", "", 0, 0, NULL,
     "directory of the producer's spool; none: memory only; empty: $STATE_DIRECTORY/spool, else ${XDG_STATE_HOME:-$HOME/.local/state}/psymatch/spool"},
    {"PSYMATCH_SPOOL_DURABILITY", WORD, "disk", "", 0, 0, "disk interval os",
     "when an accepted event is safe: on disk, on disk within the interval, in the system's cache (survives kill -9)"},
    {"PSYMATCH_SPOOL_INTERVAL_MS", INTEGER, "100", "ms", 1, 60000, NULL,
     "longest time without a sync, durability interval"},
    {"PSYMATCH_SPOOL_MAX_BYTES", INTEGER, "1073741824", "bytes", 16777216,
     INT64_C(1) << 50, NULL, "size limit of the spool"},
    {"PSYMATCH_SPOOL_MAX_AGE_SECONDS", INTEGER, "0", "s", 0, 315360000, NULL,
     "how long an event may wait in the spool; 0: no limit"},
    {"PSYMATCH_SPOOL_AGE_ACTION", WORD, "warn", "", 0, 0, "warn refuse",
     "beyond that age: only say so, or refuse new events, too; none is ever dropped"},
    {"PSYMATCH_SPOOL_HIGH_PERCENT", INTEGER, "90", "%", 1, 100, NULL,
     "high watermark, of the spool's limits of size and age"},
    {"PSYMATCH_SPOOL_LOW_PERCENT", INTEGER, "70", "%", 1, 100, NULL,
     "low watermark: below it all is well again"},
    {"PSYMATCH_SPOOL_KEY_FILE", PATH, "", "", 0, 0, NULL,
     "file of the keys that the spool is encrypted with; empty: it is not encrypted"},
    {"PSYMATCH_QUEUE_MAX", INTEGER, "20000", "events", 1, 1000000, NULL,
     "events given to the transport and not yet acknowledged; all queued events without a spool"},
    {"PSYMATCH_EVENT_MAX_BYTES", INTEGER, "1000000", "bytes", 1024, 8000000,
     NULL, "size limit of one encoded event"},
    {"PSYMATCH_HTTP_HOST", STRING, "127.0.0.1", "", 0, 0, NULL,
     "address that a service listens on"},
    {"PSYMATCH_STRICT", BOOLEAN, "false", "", 0, 0, NULL,
     "whether an unknown PSYMATCH_ variable is an error, not a warning"},
    {"PSYMATCH_SHUTDOWN_MS", INTEGER, "10000", "ms", 100, 600000, NULL,
     "deadline of an orderly shutdown"},
    {"THERAPIST_SERVICE_INTERNAL_PORT", INTEGER, "8002", "", 0, 65535, NULL,
     "HTTP port of therapist-service; 0: none"},
    {"MATCHING_SERVICE_INTERNAL_PORT", INTEGER, "8003", "", 0, 65535, NULL,
     "HTTP port of matching-service; 0: none"},
    {"THERAPIST_IMPORT_FOLDER_PATH", PATH, "/scraping_data", "", 0, 0, NULL,
     "folder of the scraped therapist files"},
    {"THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS", INTEGER, "86400", "s", 1,
     31536000, NULL, "time between two imports"},
    {"THERAPIST_IMPORT_ENABLED", BOOLEAN, "true", "", 0, 0, NULL,
     "whether the service imports by itself"},
};

int
psm__setting_index(const char *name)
{
	for (size_t i = 0; i < PSM__COUNT(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return (int)i;
	return -1;
}

int
psm__setting_bool(const char *text, int *value)
{
	static const char *const words[] = {"false", "0", "no",  "off",
	                                    "true",  "1", "yes", "on"};

	for (size_t i = 0; i < PSM__COUNT(words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = i >= 4;
			return 1;
		}
	}
	return 0;
}

/* Decimal digits with a minus sign or none; no blanks, no plus. */
int
psm__setting_int(const char *text, int64_t *value)
{
	const char *digits = text + (*text == '-');
	char *end;

	if (*digits < '0' || *digits > '9')
		return 0;
	errno = 0;
	*value = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

/* The word of the list that text is, in any case of letters; its length in
 * *len. NULL: none of them. */
static const char *
find_word(const char *words, const char *text, size_t *len)
{
	for (const char *p = words; *p != '\0';
	     p += p[*len] == ' ' ? *len + 1 : *len) {
		*len = strcspn(p, " ");
		if (strlen(text) == *len && strncasecmp(p, text, *len) == 0)
			return p;
	}
	return NULL;
}

int
psm__setting_check(size_t i, const char *value, char **copy, psm_error *err)
{
	const struct setting *s = &settings[i];
	size_t len = strlen(value);
	const char *word;
	int64_t number;
	int flag, rc = 0;

	switch (s->type) {
	case INTEGER:
		if (!psm__setting_int(value, &number) || number < s->min ||
		    number > s->max)
			rc = psm__fail(err, PSM_ERR_CONFIG,
			               "%s: want an integer from %" PRId64
			               " to %" PRId64 "%s%s, found \"%s\"",
			               s->name, s->min, s->max,
			               s->unit[0] ? " " : "", s->unit, value);
		break;
	case BOOLEAN:
		if (!psm__setting_bool(value, &flag))
			rc = psm__fail(err, PSM_ERR_CONFIG,
			               "%s: want true or false, found \"%s\"",
			               s->name, value);
		break;
	case WORD:
		word = find_word(s->words, value, &len);
		if (!word)
			rc = psm__fail(err, PSM_ERR_CONFIG,
			               "%s: want one of %s, found \"%s\"",
			               s->name, s->words, value);
		value = word;
		break;
	case STRING:
	case PATH:
	case SECRET:
		break;
	}
	if (rc < 0)
		return rc;
	*copy = psm__strndup(value, len);
	return *copy ? 0 : psm__nomem(err);
}

/* "a b c" as "a, b or c". */
static size_t
list_words(const char *words, char *text, size_t size)
{
	size_t len = 0;

	for (const char *p = words; *p; p += strcspn(p, " ")) {
		const char *before = p == words ? "" : ", ";
		int n;

		p += *p == ' ';
		n = (int)strcspn(p, " ");
		if (p != words && p[n] == '\0')
			before = " or ";
		len += (size_t)snprintf(len < size ? text + len : NULL,
		                        len < size ? size - len : 0, "%s%.*s",
		                        before, n, p);
	}
	return len;
}

size_t
psm__setting_takes(size_t i, char *text, size_t size)
{
	const struct setting *s = &settings[i];

	text[0] = '\0';
	if (s->type == WORD)
		return list_words(s->words, text, size);
	if (s->type != INTEGER)
		return 0;
	return (size_t)snprintf(text, size, "%" PRId64 " to %" PRId64 "%s%s",
	                        s->min, s->max, s->unit[0] ? " " : "", s->unit);
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
