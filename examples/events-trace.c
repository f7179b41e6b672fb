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

/* An event as far as it matters; ids are "" if there is none. */
struct entry {
	char id[40], cause[40], correlation[40];
	char type[64], producer[64], topic[64], key[64];
	int64_t at_us, offset;
	int32_t partition;
	int told, in;
};

struct trace {
	struct entry *all;
	size_t count, size;
	const char **known; /* a hash table of ids, of cap places */
	size_t cap;
	const char *id, *since;
	const char *topic; /* being read */
	long wait_s;
	int json;
	psm_error *err;
};

static void
copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from ? from : "");
}

static int
keep(const psm_event *ev, void *user, psm_error *err)
{
	struct trace *t = user;
	struct entry *e;

	if (t->count == t->size) {
		size_t size = t->size ? t->size * 2 : 1024;

		e = realloc(t->all, size * sizeof *e);
		if (!e)
			return psm_error_set(err, PSM_ERR_NOMEM,
			                     "out of memory");
		t->all = e;
		t->size = size;
	}
	e = &t->all[t->count++];
	memset(e, 0, sizeof *e);
	copy(e->id, sizeof e->id, psm_event_id(ev));
	copy(e->cause, sizeof e->cause, psm_event_causation_id(ev));
	copy(e->correlation, sizeof e->correlation,
	     psm_event_correlation_id(ev));
	copy(e->type, sizeof e->type, psm_event_type(ev));
	copy(e->producer, sizeof e->producer, psm_event_producer(ev));
	copy(e->topic, sizeof e->topic, t->topic);
	copy(e->key, sizeof e->key, psm_event_key(ev));
	e->at_us = psm_event_timestamp_us(ev);
	e->partition = psm_event_partition(ev);
	e->offset = psm_event_offset(ev);
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

/* A topic that nobody has made has no events. */
static int
is_missing(const struct trace *t, int rc)
{
	const char *message = psm_error_message(t->err);

	return rc == PSM_ERR_BROKER && (strstr(message, "no such topic") ||
	                                strstr(message, "Unknown topic"));
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
		if (is_missing(t, rc))
			rc = 0;
		else
			topics++;
	}
	psm_transport_unref(transport);
	return rc < 0 || topics > 0
	           ? rc
	           : psm_error_set(t->err, PSM_ERR_BROKER, "no topic is there");
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
			    !(is_known(t, e->id) || is_known(t, e->cause) ||
			      is_known(t, e->correlation)))
				continue;
			e->in = 1;
			know(t, e->id);
			know(t, e->cause);
			know(t, e->correlation);
			found++;
		}
	} while (found > before);
	return found > 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	return strcmp(x->id, y->id);
}

/* -- printing */

static void
print_json(struct trace *t, const struct entry *e, const char *time)
{
	const char *const members[][2] = {
	    {"timestamp", time},        {"type", e->type},
	    {"event_id", e->id},        {"producer", e->producer},
	    {"topic", e->topic},        {"key", e->key},
	    {"causation_id", e->cause}, {"correlation_id", e->correlation}};
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t i;

	psm_json_write_object(w);
	for (i = 0; i < sizeof members / sizeof *members; i++) {
		psm_json_write_key(w, members[i][0]);
		if (members[i][1][0])
			psm_json_write_string(w, members[i][1]);
		else
			psm_json_write_null(w);
	}
	psm_json_write_key(w, "partition");
	psm_json_write_int(w, e->partition);
	psm_json_write_key(w, "offset");
	psm_json_write_int(w, e->offset);
	psm_json_write_end(w);
	if (psm_json_writer_finish(w, &text, NULL, t->err) == 0)
		puts(text);
	psm_json_writer_free(w);
}

/* An event and, one step to the right, what it caused. */
static void
print(struct trace *t, struct entry *e, int depth)
{
	char time[40] = "-";
	size_t i;

	e->told = 1;
	(void)psm_time_format(e->at_us, time, sizeof time);
	if (t->json)
		print_json(t, e, time);
	else
		printf("%-27s  %*s%s  key %s  from %s  %s[%d]:%lld  %s\n", time,
		       2 * depth, "", e->type, e->key[0] ? e->key : "-",
		       e->producer, e->topic, (int)e->partition,
		       (long long)e->offset, e->id);
	for (i = 0; i < t->count; i++)
		if (t->all[i].in && !t->all[i].told &&
		    strcmp(t->all[i].cause, e->id) == 0)
			print(t, &t->all[i], depth + 1);
}

/* Only the story is left, by time; first those whose cause is not in it. */
static void
print_story(struct trace *t)
{
	size_t i, k, n = 0;

	for (i = 0; i < t->count; i++)
		if (t->all[i].in)
			t->all[n++] = t->all[i];
	t->count = n;
	qsort(t->all, n, sizeof *t->all, by_time);
	for (i = 0; i < n; i++) {
		for (k = 0; k < n; k++)
			if (strcmp(t->all[i].cause, t->all[k].id) == 0)
				break;
		if (k == n && !t->all[i].told)
			print(t, &t->all[i], 0);
	}
	for (i = 0; i < n; i++) /* causes in a circle */
		if (!t->all[i].told)
			print(t, &t->all[i], 0);
}

static int
run(struct trace *t)
{
	int rc = read_topics(t);

	if (rc == 0)
		rc = find_story(t);
	if (rc > 0)
		print_story(t);
	else if (rc == 0)
		tool_complain(name, "no topic has an event of this id");
	else
		tool_complain(name, psm_error_message(t->err));
	return rc > 0 ? 0 : 1;
}

int
events_trace(int argc, char **argv)
{
	static const struct option known[] = {
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
		else if (c == 's')
			t.since = optarg;
		else if (c != 'w' ||
		         tool_number("--wait", optarg, 3600, &t.wait_s) < 0)
			return 2;
	if (argc - optind != 1 || !argv[optind][0])
		return 2;
	t.id = argv[optind];
	tool_log_start(program);
	t.err = psm_error_new();
	rc = run(&t);
	psm_error_free(t.err);
	free(t.known);
	free(t.all);
	return rc;
}
