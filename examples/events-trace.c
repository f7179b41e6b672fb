/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * psymatch-events trace: all events of one story. An event belongs to it that
 * has its id, or is the cause or the effect of one that does, or shares its
 * correlation id.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "tool.h"

static const char name[] = "psymatch-events trace";

struct entry {
	struct events_entry e;
	int told, in;
};

/* What the tables of a database say of an event. */
struct note {
	char id[40], what[16], consumer[64], code[40], at[40];
	int64_t row;
};

struct trace {
	struct entry *all;
	size_t count, size;
	struct note *notes;
	size_t note_count;
	const char **known; /* a hash table of ids, of cap places */
	size_t cap;
	char id[40];
	const char *since;
	const char *topic; /* being read */
	long wait_s;
	int json, database;
	psm_error *err;
	struct tool_progress progress;
};

static void
copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

/* A new entry, zeroed; NULL: out of memory. */
static struct entry *
add(struct trace *t, psm_error *err)
{
	struct entry *grown;

	if (t->count == t->size) {
		size_t size = t->size ? t->size * 2 : 1024;

		grown = realloc(t->all, size * sizeof *grown);
		if (!grown) {
			(void)psm_error_set(err, PSM_ERR_NOMEM,
			                    "out of memory");
			return NULL;
		}
		t->all = grown;
		t->size = size;
	}
	return memset(&t->all[t->count++], 0, sizeof *t->all);
}

static int
keep(const psm_event *ev, void *user, psm_error *err)
{
	struct trace *t = user;
	struct entry *new = add(t, err);

	if (!new)
		return PSM_ERR_NOMEM;
	events_entry_of(&new->e, ev, t->topic);
	tool_progress_show(&t->progress, (int64_t)t->count, -1);
	return 0;
}

/* -- reading */

static int
read_topic(struct trace *t, psm_transport *transport)
{
	psm_replay *r = NULL;
	int64_t from_us = 0;
	int rc = psm_replay_new(transport, t->topic, &r, t->err);

	if (rc == 0 && t->since)
		rc = psm_time_parse(t->since, strlen(t->since), &from_us,
		                    t->err);
	if (rc == 0)
		rc = psm_replay_between(r, from_us, INT64_MAX, t->err);
	if (rc == 0)
		rc = psm_replay_run(r, keep, t, (int)t->wait_s * 1000, t->err);
	psm_replay_free(r);
	return rc;
}

static int
read_topics(struct trace *t)
{
	psm_transport *transport = NULL;
	psm_config *cfg = NULL;
	size_t i;
	int rc = psm_config_from_env(&cfg, t->err), topics = 0;

	if (rc == 0)
		rc = psm_transport_open(cfg, &transport, t->err);
	psm_config_free(cfg);
	for (i = 0; rc == 0 && (t->topic = psm_catalogue_topic_at(i)); i++) {
		rc = read_topic(t, transport);
		if (events_no_topic(rc, t->err))
			rc = 0;
		else
			topics++;
	}
	psm_transport_unref(transport);
	return rc < 0 || topics > 0
	           ? rc
	           : psm_error_set(t->err, PSM_ERR_BROKER, "no topic is there");
}

/* -- the tables of a database */

#define RFC_3339(column)                                                       \
	"to_char(" column " AT TIME ZONE 'UTC', "                              \
	"'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
/* Bytes that are no text are no failure for encode(). */
#define MEMBER(name, letters)                                                  \
	"substring(encode(raw, 'escape') from "                                \
	"'\"" name "\" *: *\"([" letters "]+)\"')"
#define OF_RAW(what, code, at, table)                                                                                     \
	"SELECT '" what "', id, consumer, " code ", " RFC_3339(                                                           \
	    at) ", event_id::text, headers->>'causation_id', "                                                            \
		"headers->>'correlation_id', type, " MEMBER("producer", "A-Za-z0-9._-") ", topic, key, coalesce(" MEMBER( \
		    "timestamp",                                                                                          \
		    "0-9TZ:.+-") ", " RFC_3339(at) ") "                                                                   \
						   "FROM psymatch." table                                                 \
						   " WHERE event_id IS NOT NULL "                                         \
						   "AND state NOT IN ('released', 'skipped')"

enum {
	WHAT,
	ROW,
	CONSUMER,
	CODE,
	AT,
	ID,
	CAUSE,
	CORRELATION,
	TYPE,
	PRODUCER,
	TOPIC,
	KEY,
	TIME
};

/* What is not sent yet, what failed for now, and what failed for good. */
static const char rows_sql[] = "SELECT 'outbox', id, NULL, NULL, " RFC_3339(
    "created_at") ", "
		  "event_id::text, coalesce(causation_id, headers->>'causation_id'), "
		  "coalesce(correlation_id, headers->>'correlation_id'), type, producer, "
		  "topic, aggregateid, " RFC_3339(
		      "event_time") " FROM psymatch.outbox "
				    "UNION ALL " OF_RAW(
					"parked", "last_code", "parked_at",
					"parked") " UNION ALL " OF_RAW("dead letter",
                                                                       "code",
                                                                       "failed_at",
                                                                       "dead_letter");

static const char handled_sql[] =
    "SELECT 'handled', NULL, consumer, NULL, " RFC_3339(
	"done_at") ", "
		   "event_id::text FROM psymatch.inbox WHERE event_id = ANY ($1::uuid[]) "
		   "ORDER BY done_at";

static int
add_notes(struct trace *t, const psm_rows *rows)
{
	size_t i, count = psm_rows_count(rows);
	struct note *grown =
	    realloc(t->notes, (t->note_count + count + 1) * sizeof *grown);

	if (!grown)
		return psm_error_set(t->err, PSM_ERR_NOMEM, "out of memory");
	t->notes = grown;
	for (i = 0; i < count; i++) {
		struct note *n = &t->notes[t->note_count++];

		memset(n, 0, sizeof *n);
		copy(n->what, sizeof n->what, psm_rows_text(rows, i, WHAT));
		copy(n->consumer, sizeof n->consumer,
		     psm_rows_text(rows, i, CONSUMER));
		copy(n->code, sizeof n->code, psm_rows_text(rows, i, CODE));
		copy(n->at, sizeof n->at, psm_rows_text(rows, i, AT));
		events_copy_id(n->id, psm_rows_text(rows, i, ID));
		n->row = psm_rows_int(rows, i, ROW);
	}
	return 0;
}

static int
add_rows(struct trace *t, const psm_rows *rows)
{
	size_t i;

	for (i = 0; i < psm_rows_count(rows); i++) {
		struct entry *new = add(t, t->err);
		struct events_entry *e;
		const char *time = psm_rows_text(rows, i, TIME);

		if (!new)
			return PSM_ERR_NOMEM;
		e = &new->e;
		events_copy_id(e->id, psm_rows_text(rows, i, ID));
		events_copy_id(e->cause, psm_rows_text(rows, i, CAUSE));
		events_copy_id(e->correlation,
		               psm_rows_text(rows, i, CORRELATION));
		copy(e->type, sizeof e->type, psm_rows_text(rows, i, TYPE));
		copy(e->producer, sizeof e->producer,
		     psm_rows_text(rows, i, PRODUCER));
		copy(e->topic, sizeof e->topic, psm_rows_text(rows, i, TOPIC));
		copy(e->key, sizeof e->key, psm_rows_text(rows, i, KEY));
		if (psm_time_parse(time, strlen(time), &e->at_us, NULL) < 0)
			e->at_us = 0;
		e->partition = -1;
	}
	return 0;
}

static int
read_tables(struct trace *t, psm_store **st)
{
	psm_config *cfg = NULL;
	psm_rows *rows = NULL;
	int rc = psm_config_from_env(&cfg, t->err);

	if (rc == 0)
		rc = psm_store_open(cfg, st, t->err);
	psm_config_free(cfg);
	if (rc == 0)
		rc = psm_store_exec(*st, rows_sql, 0, NULL, &rows, t->err);
	if (rc == 0)
		rc = add_rows(t, rows);
	if (rc == 0)
		rc = add_notes(t, rows);
	psm_rows_free(rows);
	return rc;
}

/* Who has handled the events of the story. */
static int
read_handled(struct trace *t, psm_store *st)
{
	char *list = malloc(t->count * 40 + 3), *at = list;
	const char *params[1] = {list};
	psm_rows *rows = NULL;
	size_t i;
	int rc;

	if (!list)
		return psm_error_set(t->err, PSM_ERR_NOMEM, "out of memory");
	*at++ = '{';
	for (i = 0; i < t->count; i++)
		at += sprintf(at, "%s%s", i ? "," : "", t->all[i].e.id);
	strcpy(at, "}");
	rc = psm_store_exec(st, handled_sql, 1, params, &rows, t->err);
	if (rc == 0)
		rc = add_notes(t, rows);
	psm_rows_free(rows);
	free(list);
	return rc;
}

/* -- which belong together */

/* The place of an id, or the free one where it would be. */
static size_t
place_of(const struct trace *t, const char *id)
{
	size_t h = 5381, i;

	for (i = 0; id[i]; i++)
		h = h * 33 + (unsigned char)id[i];
	for (h &= t->cap - 1; t->known[h] && strcmp(t->known[h], id);)
		h = (h + 1) & (t->cap - 1);
	return h;
}

static int
is_known(const struct trace *t, const char *id)
{
	return id[0] && t->known[place_of(t, id)] != NULL;
}

static void
know(struct trace *t, const char *id)
{
	if (id[0])
		t->known[place_of(t, id)] = id;
}

/* Until nothing is added: at most as often as the story is long. */
static int
find_story(struct trace *t)
{
	size_t i, before = 0, found = 0;

	for (t->cap = 64; t->cap < t->count * 8 + 8;)
		t->cap *= 2;
	t->known = calloc(t->cap, sizeof *t->known);
	if (!t->known)
		return psm_error_set(t->err, PSM_ERR_NOMEM, "out of memory");
	know(t, t->id);
	do {
		before = found;
		for (i = 0; i < t->count; i++) {
			struct entry *e = &t->all[i];

			if (e->in ||
			    !(is_known(t, e->e.id) || is_known(t, e->e.cause) ||
			      is_known(t, e->e.correlation)))
				continue;
			e->in = 1;
			know(t, e->e.id);
			know(t, e->e.cause);
			know(t, e->e.correlation);
			found++;
		}
	} while (found > before);
	return found > 0;
}

/* Of one id, what stands in a topic is first. */
static int
by_id(const void *a, const void *b)
{
	const struct events_entry *x = &((const struct entry *)a)->e;
	const struct events_entry *y = &((const struct entry *)b)->e;
	int order = strcmp(x->id, y->id);

	return order ? order : y->partition - x->partition;
}

static int
by_time(const void *a, const void *b)
{
	const struct events_entry *x = &((const struct entry *)a)->e;
	const struct events_entry *y = &((const struct entry *)b)->e;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* -- printing */

static int
is_of(const struct note *n, const struct entry *e)
{
	return strcmp(n->id, e->e.id) == 0;
}

struct told {
	const struct trace *t;
	const struct entry *e;
};

static void
write_text(psm_json_writer *w, const char *member, const char *text)
{
	psm_json_write_key(w, member);
	if (text[0])
		psm_json_write_string(w, text);
	else
		psm_json_write_null(w);
}

static void
write_notes(psm_json_writer *w, void *user)
{
	const struct told *told = user;
	size_t i;

	psm_json_write_key(w, "database");
	psm_json_write_array(w);
	for (i = 0; i < told->t->note_count; i++) {
		const struct note *n = &told->t->notes[i];

		if (!is_of(n, told->e))
			continue;
		psm_json_write_object(w);
		write_text(w, "state", n->what);
		write_text(w, "consumer", n->consumer);
		write_text(w, "code", n->code);
		write_text(w, "since", n->at);
		psm_json_write_key(w, "id");
		if (n->row)
			psm_json_write_int(w, n->row);
		else
			psm_json_write_null(w);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

static void
print_note(const struct note *n, int steps)
{
	printf("%-27s  %*s- ", n->at, 2 * steps, "");
	if (strcmp(n->what, "outbox") == 0)
		puts("in the outbox, not sent yet");
	else if (strcmp(n->what, "handled") == 0)
		printf("handled by %s\n", n->consumer);
	else
		printf("%s %c%lld of %s: %s\n", n->what, n->what[0],
		       (long long)n->row, n->consumer, n->code);
}

/* An event and, one step to the right, what it caused. */
static void
print(struct trace *t, struct entry *e, int depth)
{
	struct told told = {t, e};
	size_t i;

	e->told = 1;
	if (t->json)
		(void)events_entry_json(&e->e, NULL,
		                        t->database ? write_notes : NULL, &told,
		                        t->err);
	else
		(void)events_entry_print(&e->e, depth, NULL, t->err);
	for (i = 0; !t->json && i < t->note_count; i++)
		if (is_of(&t->notes[i], e))
			print_note(&t->notes[i], depth + 1);
	for (i = 0; i < t->count; i++)
		if (t->all[i].in && !t->all[i].told &&
		    strcmp(t->all[i].e.cause, e->e.id) == 0)
			print(t, &t->all[i], depth + 1);
}

/* Only the story is left, by time, each event once. */
static void
narrow(struct trace *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->count; i++)
		if (t->all[i].in)
			t->all[n++] = t->all[i];
	qsort(t->all, n, sizeof *t->all, by_id);
	t->count = 0;
	for (i = 0; i < n; i++)
		if (t->count == 0 ||
		    strcmp(t->all[t->count - 1].e.id, t->all[i].e.id) != 0)
			t->all[t->count++] = t->all[i];
	qsort(t->all, t->count, sizeof *t->all, by_time);
}

/* First those whose cause is not in it. */
static void
print_story(struct trace *t)
{
	size_t i, k, n = t->count;

	for (i = 0; i < n; i++) {
		for (k = 0; k < n; k++)
			if (strcmp(t->all[i].e.cause, t->all[k].e.id) == 0)
				break;
		if (k == n && !t->all[i].told)
			print(t, &t->all[i], 0);
	}
	for (i = 0; i < n; i++) /* causes in a circle */
		if (!t->all[i].told)
			print(t, &t->all[i], 0);
}

/* Without the broker the tables still tell something. */
static int
read_all(struct trace *t, psm_store **st)
{
	int topics = read_topics(t);

	tool_progress_end(&t->progress, (int64_t)t->count, -1);
	if (!t->database)
		return topics;
	if (topics < 0)
		tool_complain(name, psm_error_message(t->err));
	return read_tables(t, st);
}

static int
run(struct trace *t)
{
	psm_store *st = NULL;
	int rc = read_all(t, &st), found = 0;

	if (rc == 0)
		rc = found = find_story(t);
	if (rc > 0) {
		narrow(t);
		rc = t->database ? read_handled(t, st) : 0;
	}
	if (rc == 0 && found)
		print_story(t);
	else if (rc == 0)
		tool_complain(name, t->database
		                        ? "neither a topic nor the database "
		                          "has an event of this id"
		                        : "no topic has an event of this id");
	else
		tool_complain(name, psm_error_message(t->err));
	psm_store_free(st);
	return rc == 0 && found ? 0 : 1;
}

int
events_trace(int argc, char **argv)
{
	static const struct option known[] = {
	    {"database", no_argument, NULL, 'd'},
	    {"json", no_argument, NULL, 'j'},
	    {"since", required_argument, NULL, 's'},
	    {"wait", required_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0},
	};
	static char program[] = "psymatch-events";
	struct trace t = {.wait_s = 10};
	int c, rc;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (c == 'j')
			t.json = 1;
		else if (c == 'd')
			t.database = 1;
		else if (c == 's')
			t.since = optarg;
		else if (c != 'w' ||
		         tool_number("psymatch-events trace", "--wait", optarg,
		                     3600, &t.wait_s) < 0)
			return 2;
	if (argc - optind != 1 || !argv[optind][0]) {
		tool_complain("psymatch-events trace", "want one id");
		return 2;
	}
	if (t.since &&
	    tool_time("psymatch-events trace", "--since", t.since, 0) < 0)
		return 2;
	events_copy_id(t.id, argv[optind]);
	tool_log_start(program);
	tool_progress_start(&t.progress, "events", 0);
	t.err = psm_error_new();
	rc = run(&t);
	psm_error_free(t.err);
	free(t.known);
	free(t.notes);
	free(t.all);
	return rc;
}
