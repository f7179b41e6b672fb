/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/config_int.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Settings of programs; five services have about 40. */
#define REGISTERED_MAX 256

enum type { INTEGER, BOOLEAN, WORD, STRING, PATH, SECRET };

static const char *const type_names[] = {
    [INTEGER] = "integer", [BOOLEAN] = "boolean", [WORD] = "word",
    [STRING] = "string",   [PATH] = "path",       [SECRET] = "secret",
};

/* What one setting is. */
struct setting {
	const char *name;
	enum type type;
	const char *preset;
	const char *unit;
	int64_t min, max;  /* INTEGER */
	const char *words; /* WORD: allowed ones, separated by blanks */
	const char *meaning;
};

/* The library's own, one line each. A setting that no code of the library reads
 * does not belong here: programs register theirs. */
static const struct setting own[] = {
    {"DB_HOST", STRING, "localhost", "", 0, 0, NULL,
     "PostgreSQL host, or the directory of its socket; several with commas: the one that can be written to"},
    {"DB_PORT", INTEGER, "5432", "", 1, 65535, NULL, "PostgreSQL port"},
    {"DB_NAME", STRING, "therapy_platform", "", 0, 0, NULL, "database"},
    {"DB_USER", STRING, "", "", 0, 0, NULL,
     "database user; empty: the system user"},
    {"DB_PASSWORD", SECRET, "", "", 0, 0, NULL,
     "database password; empty: none"},
    {"PSYMATCH_DB_CONNECTIONS", INTEGER, "8", "connections", 1, 1000, NULL,
     "size of the connection pool; also, handlers of HTTP requests at once"},
    {"PSYMATCH_INBOX_DAYS", INTEGER, "35", "days", 1, 3650, NULL,
     "how long a consumer remembers handled events; at least as long as topics keep them"},
    {"PSYMATCH_REST_WAIT_MS", INTEGER, "1000", "ms", 0, 60000, NULL,
     "how long an answer waits until the living consumers of a change have handled it; 0: never"},
    {"PLZ_MATCH_DIGITS", INTEGER, "2", "digits", 1, 5, NULL,
     "length of the postal area that patients and therapists are brought together in"},
    {"PENDING_WEEKS", INTEGER, "12", "weeks", 0, 520, NULL,
     "so long a sent inquiry without an answer keeps its therapist from being asked again; 0: for ever"},
    {"DEFAULT_MAX_DISTANCE_KM", INTEGER, "25", "km", 0, 20000, NULL,
     "way that a patient accepts who has no limit of the own"},
    {"MIN_ANFRAGE_SIZE", INTEGER, "1", "patients", 1, 100, NULL,
     "fewest patients of an inquiry"},
    {"MAX_ANFRAGE_SIZE", INTEGER, "6", "patients", 1, 100, NULL,
     "most patients of an inquiry"},
    {"MATCHING_STRATEGY", WORD, "fifo", "", 0, 0, "fifo priority",
     "who comes first in an inquiry: who waits longest, or the same with days given in advance"},
    {"MATCHING_STRATEGY_TRIAL", WORD, "none", "", 0, 0, "none fifo priority",
     "another strategy for a share of the searches, to compare both"},
    {"MATCHING_STRATEGY_SHARE", INTEGER, "50", "percent", 0, 100, NULL,
     "share of the searches that MATCHING_STRATEGY_TRIAL is for"},
    {"COOLING_WEEKS", INTEGER, "4", "weeks", 0, 520, NULL,
     "how long a therapist is left alone after an answer"},
    {"PSYMATCH_AUTO_RESPONSE", WORD, "propose", "", 0, 0, "propose apply off",
     "what becomes of answers by mail: a person confirms what was read, clear ones are recorded, or nothing is read"},
    {"PSYMATCH_LONG_TX_SECONDS", INTEGER, "60", "s", 1, 86400, NULL,
     "age of an open transaction that the relay's health warns of"},
    {"PSYMATCH_JOB_LEASE_SECONDS", INTEGER, "600", "s", 1, 86400, NULL,
     "how long a job may take; after that another worker does it, and the first one cannot commit"},
    {"PSYMATCH_JOB_ATTEMPTS", INTEGER, "20", "attempts", 1, 1000, NULL,
     "how often a job is tried before it has failed for good"},
    {"SCRAPING_COMMAND", STRING, "", "", 0, 0, NULL,
     "program that reads the public lists of therapists again, with its arguments; no shell reads it, a postal code comes last; empty: none"},
    {"SCRAPING_TIMEOUT_SECONDS", INTEGER, "540", "s", 1, 86399, NULL,
     "how long SCRAPING_COMMAND may take; less than PSYMATCH_JOB_LEASE_SECONDS"},
    {"PSYMATCH_JOB_DAYS", INTEGER, "90", "days", 1, 3650, NULL,
     "how long jobs that are done are remembered; so long none of the same key is made"},
    {"PSYMATCH_JOB_POLL_MS", INTEGER, "1000", "ms", 10, 3600000, NULL,
     "how often jobs are looked for"},
    {"FOLLOW_UP_THRESHOLD_DAYS", INTEGER, "7", "days", 1, 365, NULL,
     "full days after which an inquiry without an answer gets a call"},
    {"FOLLOW_UP_TIME", STRING, "09:00", "", 0, 0, NULL,
     "time of day in Berlin, HH:MM, at which such calls are planned"},
    {"DEFAULT_PHONE_CALL_TIME", STRING, "10:00", "", 0, 0, NULL,
     "time, HH:MM, of such a call with a therapist who gives no hours"},
    {"PSYMATCH_HOLIDAYS_FILE", PATH, "", "", 0, 0, NULL,
     "days without phone calls, one date a line; empty: none"},
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
    {"PSYMATCH_WIRE", WORD, "snake", "", 0, 0,
     "snake camel cloudevents cloudevents-binary",
     "how a producer writes events: with event_id, with eventId, or as CloudEvents in the structured or in Kafka's binary form; all are read"},
    {"PSYMATCH_SPOOL_DIR", PATH, "", "", 0, 0, NULL,
     "directory of the producer's spool; none: memory only; empty: $STATE_DIRECTORY/spool, else ${XDG_STATE_HOME:-$HOME/.local/state}/psymatch/spool, but none on the transport memory"},
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
    {"EMAIL_SENDER", STRING, "info@curavani.com", "", 0, 0, NULL,
     "mail address that e-mails are sent from, unless they name one"},
    {"EMAIL_SENDER_NAME", STRING, "Curavani GmbH", "", 0, 0, NULL,
     "name that belongs to EMAIL_SENDER"},
    {"EMAIL_QUEUE_BATCH_SIZE", INTEGER, "10", "e-mails", 1, 1000, NULL,
     "e-mails that are sent by one look at the queue"},
    {"EMAIL_LEASE_SECONDS", INTEGER, "300", "s", 1, 86400, NULL,
     "a sending without a result for so long is suspect; longer than SMTP_TIMEOUT_MS"},
    {"EMAIL_RETRY_LIMIT", INTEGER, "8", "attempts", 1, 100, NULL,
     "an e-mail that failed so often is not tried again"},
    {"EMAIL_RETRY_BASE_SECONDS", INTEGER, "60", "s", 1, 86400, NULL,
     "about the time before the second attempt; doubles with each one, up to 4 hours"},
    {"EMAIL_SUSPECT_POLICY", WORD, "fail", "", 0, 0, "fail resend hold",
     "an e-mail of which nobody knows whether it was sent: has failed for good, is sent again, or waits for a person"},
    {"PSYMATCH_STRICT", BOOLEAN, "false", "", 0, 0, NULL,
     "whether an unknown PSYMATCH_ variable is an error, not a warning"},
};

/* What programs registered, in the same form. A row is complete before it is
 * counted, and never changes again. */
static struct {
	pthread_mutex_t lock;
	struct setting rows[REGISTERED_MAX];
	size_t count; /* __atomic */
} registered = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* NULL: past the end. */
static const struct setting *
setting_at(size_t i)
{
	if (i < PSM__COUNT(own))
		return &own[i];
	i -= PSM__COUNT(own);
	return i < __atomic_load_n(&registered.count, __ATOMIC_ACQUIRE)
	           ? &registered.rows[i]
	           : NULL;
}

int
psm__setting_index(const char *name)
{
	const struct setting *s;

	for (size_t i = 0; (s = setting_at(i)); i++)
		if (strcmp(s->name, name) == 0)
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

static int
check(const struct setting *s, const char *value, char **copy, psm_error *err)
{
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

int
psm__setting_check(size_t i, const char *value, char **copy, psm_error *err)
{
	return check(setting_at(i), value, copy, err);
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
psm_config_takes_at(size_t i, char *text, size_t size)
{
	const struct setting *s = setting_at(i);

	if (text && size > 0)
		text[0] = '\0';
	if (!s || !text || size == 0)
		return 0;
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
	return PSM__COUNT(own) +
	       __atomic_load_n(&registered.count, __ATOMIC_ACQUIRE);
}

const char *
psm_config_name_at(size_t i)
{
	const struct setting *s = setting_at(i);

	return s ? s->name : NULL;
}

const char *
psm_config_type_at(size_t i)
{
	const struct setting *s = setting_at(i);

	return s ? type_names[s->type] : NULL;
}

const char *
psm_config_default_at(size_t i)
{
	const struct setting *s = setting_at(i);

	return s ? s->preset : NULL;
}

const char *
psm_config_unit_at(size_t i)
{
	const struct setting *s = setting_at(i);

	return s ? s->unit : NULL;
}

const char *
psm_config_meaning_at(size_t i)
{
	const struct setting *s = setting_at(i);

	return s ? s->meaning : NULL;
}

/* -- registering */

/* One row, as texts in this order. */
enum { NAME, TYPE, PRESET, RANGE, UNIT, MEANING, TEXTS };

static int
is_name(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return len > 0 && len <= 80 && name[len] == '\0';
}

static int
read_range(struct setting *s, const char *range)
{
	int end = 0;

	return sscanf(range, "%" SCNd64 " to %" SCNd64 "%n", &s->min, &s->max,
	              &end) == 2 &&
	       range[end] == '\0' && s->min >= 0 && s->min <= s->max;
}

static int
range_fits(struct setting *s, const char *range)
{
	if (s->type == INTEGER)
		return read_range(s, range);
	return (s->type == WORD) == (range[0] != '\0');
}

/* 0 or PSM_ERR_INVAL. */
static int
read_row(const char *const *row, struct setting *s, psm_error *err)
{
	char *copy = NULL;
	size_t type = 0;
	int rc = 0;

	for (size_t i = 0; i < TEXTS; i++)
		if (!row[i])
			return psm__fail(err, PSM_ERR_INVAL,
			                 "a setting's row: want %d texts",
			                 TEXTS);
	while (type < PSM__COUNT(type_names) &&
	       strcmp(type_names[type], row[TYPE]) != 0)
		type++;
	*s = (struct setting){.name = row[NAME],
	                      .type = (enum type)type,
	                      .preset = row[PRESET],
	                      .words = row[RANGE],
	                      .unit = row[UNIT],
	                      .meaning = row[MEANING]};
	if (!is_name(s->name) || type == PSM__COUNT(type_names) ||
	    !range_fits(s, row[RANGE]))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "setting \"%s\": want a name of [A-Z0-9_], a "
		                 "type, a range like \"1 to 9\" of an integer, "
		                 "words of a word",
		                 row[NAME]);
	if (s->preset[0])
		rc = check(s, s->preset, &copy, NULL);
	psm__free(copy);
	if (rc == PSM_ERR_CONFIG)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "%s: does not take its own default \"%s\"",
		                 s->name, s->preset);
	return rc < 0 ? psm__nomem(err) : 0;
}

static int
is_same(const struct setting *a, const struct setting *b)
{
	return a->type == b->type && a->min == b->min && a->max == b->max &&
	       (a->type != WORD || strcmp(a->words, b->words) == 0) &&
	       strcmp(a->preset, b->preset) == 0;
}

/* @locks registered.lock held */
static int
add_locked(const char *const *row, psm_error *err)
{
	struct setting s;
	size_t count = registered.count;
	int rc = read_row(row, &s, err), i;

	if (rc < 0)
		return rc;
	i = psm__setting_index(s.name);
	if (i >= 0 && !is_same(setting_at((size_t)i), &s))
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "%s: is registered with another type, range "
		                 "or default",
		                 s.name);
	if (i >= 0)
		return 0;
	if (count == REGISTERED_MAX)
		return psm__fail(err, PSM_ERR_FULL,
		                 "%s: %d settings are registered already",
		                 s.name, REGISTERED_MAX);
	registered.rows[count] = s;
	__atomic_store_n(&registered.count, count + 1, __ATOMIC_RELEASE);
	return 0;
}

int
psm_config_register(const char *const *rows, psm_error *err)
{
	int rc = 0;

	psm__error_clear(err);
	if (!rows)
		return psm__fail(err, PSM_ERR_INVAL, "rows: want a table");
	(void)pthread_mutex_lock(&registered.lock);
	for (; *rows && rc == 0; rows += TEXTS)
		rc = add_locked(rows, err);
	(void)pthread_mutex_unlock(&registered.lock);
	return rc;
}
