/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events of a topic once more, a line each, for people and for grep: what was
 * sent, by time, offset, type and key. Joins no group and changes nothing. The
 * transport is that of the environment, as for every program of the platform.
 */
#include "tool.h"

#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/psymatch.h>

static const char usage[] =
    "usage: psymatch-replay [OPTION]... TOPIC\n"
    "  --since TIME, --until TIME  only what was sent from, and before, this\n"
    "                              time, e.g. 2026-01-31T09:00:00Z, or now\n"
    "  --partition N               only this partition, and of it\n"
    "  --from N, --to N            only from, and before, this offset\n"
    "  --type TYPE, --key KEY      only events of this type, of this key\n"
    "  --text TEXT                 only events in whose payload this stands\n"
    "  --limit N                   at most so many\n"
    "  --follow                    go on with what is sent later, until\n"
    "                              interrupted\n"
    "  --payload                   print payloads too: they hold personal data\n"
    "  --wait MS                   give up after so long without an answer\n"
    "                              (10000)\n"
    "  -h, --help, --version\n";

enum { EXIT_USAGE = 2 };

struct options {
	const char *topic, *type, *key, *since, *until, *text;
	int64_t partition, from, to, limit, wait_ms;
	int payload, follow;
};

struct run {
	struct options o;
	psm_json_writer *w;
	psm_error *err;
	int64_t printed;
	int enough;    /* the limit was reached */
	int unwritten; /* standard output failed, which is said */
};

/* -- printing */

static void
put_text(psm_json_writer *w, const char *name, const char *text)
{
	if (!text)
		return;
	psm_json_write_key(w, name);
	psm_json_write_string(w, text);
}

static void
put_number(psm_json_writer *w, const char *name, int64_t number)
{
	psm_json_write_key(w, name);
	psm_json_write_int(w, number);
}

/* 1: --text stands in the payload, as JSON writes it. */
static int
has_text(struct run *r, const psm_event *ev, psm_error *err)
{
	const char *text;
	size_t len;
	int rc;

	if (!r->o.text)
		return 1;
	psm_json_writer_reset(r->w);
	psm_json_write_value(r->w, psm_event_payload(ev));
	rc = psm_json_writer_finish(r->w, &text, &len, err);
	return rc < 0 ? rc : strstr(text, r->o.text) != NULL;
}

static void
write_event(struct run *r, const psm_event *ev)
{
	char time[32] = "";

	psm_json_writer_reset(r->w);
	psm_json_write_object(r->w);
	put_number(r->w, "partition", psm_event_partition(ev));
	put_number(r->w, "offset", psm_event_offset(ev));
	put_text(r->w, "key", psm_event_key(ev));
	put_text(r->w, "event_id", psm_event_id(ev));
	put_text(r->w, "type", psm_event_type(ev));
	put_text(r->w, "version", psm_event_version(ev));
	put_text(r->w, "producer", psm_event_producer(ev));
	if (psm_time_format(psm_event_timestamp_us(ev), time, sizeof time) >= 0)
		put_text(r->w, "timestamp", time);
	put_text(r->w, "causation_id", psm_event_causation_id(ev));
	put_text(r->w, "correlation_id", psm_event_correlation_id(ev));
	if (r->o.payload) {
		psm_json_write_key(r->w, "payload");
		psm_json_write_value(r->w, psm_event_payload(ev));
	}
	psm_json_write_end(r->w);
}

static int
print_event(const psm_event *ev, void *user, psm_error *err)
{
	struct run *r = user;
	const char *text;
	size_t len;
	int rc = has_text(r, ev, err);

	if (rc <= 0)
		return rc;
	write_event(r, ev);
	rc = psm_json_writer_finish(r->w, &text, &len, err);
	if (rc < 0)
		return rc;
	if (printf("%s\n", text) < 0)
		return psm_error_set(err, PSM_ERR_IO, "standard output");
	r->printed++;
	r->enough = r->printed == r->o.limit;
	return r->enough ? PSM_ERR_REJECT : 0; /* how a replay is stopped */
}

/* -- the replay */

static int
time_of(const char *text, int64_t *us, psm_error *err)
{
	if (strcmp(text, "now") != 0)
		return psm_time_parse(text, strlen(text), us, err);
	*us = psm_now_us();
	return 0;
}

static int
choose_time(struct run *r, psm_replay *replay)
{
	int64_t from_us = 0, to_us = INT64_MAX;
	int rc = 0;

	if (r->o.since)
		rc = time_of(r->o.since, &from_us, r->err);
	if (rc == 0 && r->o.until)
		rc = time_of(r->o.until, &to_us, r->err);
	return rc < 0 ? rc : psm_replay_between(replay, from_us, to_us, r->err);
}

static int
choose(struct run *r, psm_replay *replay)
{
	const struct options *o = &r->o;
	int rc = choose_time(r, replay);

	if (rc == 0 && o->partition >= 0)
		rc = psm_replay_offsets(replay, (int32_t)o->partition, o->from,
		                        o->to, r->err);
	if (rc == 0)
		rc = psm_replay_only(replay, o->type, o->key,
		                     o->key ? strlen(o->key) : 0, r->err);
	if (rc == 0 && o->follow)
		rc = psm_replay_follow(replay, r->err);
	return rc;
}

/* Beside the replay: where most events are not wanted, nothing else happens for
 * long. */
struct ticker {
	struct tool_progress progress;
	psm_replay *replay;
	pthread_t thread;
	int ended; /* __atomic */
};

static void *
tick(void *user)
{
	struct ticker *k = user;

	while (!__atomic_load_n(&k->ended, __ATOMIC_ACQUIRE)) {
		(void)poll(NULL, 0, 100);
		tool_progress_show(&k->progress,
		                   psm_replay_stat(k->replay, "read"),
		                   psm_replay_stat(k->replay, "to_read"));
	}
	return NULL;
}

static int
replay_and_show(struct run *r, psm_replay *replay)
{
	struct ticker k = {.replay = replay};
	int rc;

	tool_progress_start(&k.progress, "messages", 1);
	if (k.progress.on && pthread_create(&k.thread, NULL, tick, &k) != 0)
		k.progress.on = 0;
	rc = psm_replay_run(replay, print_event, r, (int)r->o.wait_ms, r->err);
	if (!k.progress.on)
		return rc;
	__atomic_store_n(&k.ended, 1, __ATOMIC_RELEASE);
	(void)pthread_join(k.thread, NULL);
	tool_progress_end(&k.progress, psm_replay_stat(replay, "read"),
	                  psm_replay_stat(replay, "to_read"));
	return rc;
}

static int
replay(struct run *r, psm_transport *t)
{
	psm_replay *replay = NULL;
	int rc = psm_replay_new(t, r->o.topic, &replay, r->err);

	if (rc == 0)
		rc = choose(r, replay);
	if (rc == 0)
		rc = replay_and_show(r, replay);
	if (r->enough)
		rc = 0;
	(void)fflush(stdout); /* again at the end, where it counts */
	if (rc == 0 && psm_replay_stat(replay, "unreadable") > 0)
		fprintf(stderr,
		        psm_replay_stat(replay, "unreadable") == 1
		            ? "psymatch-replay: %lld message is no event\n"
		            : "psymatch-replay: %lld messages are no events\n",
		        (long long)psm_replay_stat(replay, "unreadable"));
	psm_replay_free(replay);
	return rc;
}

static int
run(struct run *r)
{
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	static char program[] = "psymatch-replay";
	int rc;

	tool_log_start(program);
	rc = psm_config_from_env(&cfg, r->err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &t, r->err);
	psm_config_free(cfg);
	if (rc == 0)
		rc = replay(r, t);
	psm_transport_unref(t);
	r->unwritten = rc == 0 && tool_flush(program) < 0;
	return rc;
}

/* -- options */

enum option_code {
	SINCE = 256,
	UNTIL,
	PARTITION,
	FROM,
	TO,
	TYPE,
	KEY,
	TEXT,
	LIMIT,
	WAIT,
	PAYLOAD,
	FOLLOW
};

static const struct option options[] = {
    {"since", required_argument, NULL, SINCE},
    {"until", required_argument, NULL, UNTIL},
    {"partition", required_argument, NULL, PARTITION},
    {"from", required_argument, NULL, FROM},
    {"to", required_argument, NULL, TO},
    {"type", required_argument, NULL, TYPE},
    {"key", required_argument, NULL, KEY},
    {"text", required_argument, NULL, TEXT},
    {"limit", required_argument, NULL, LIMIT},
    {"follow", no_argument, NULL, FOLLOW},
    {"wait", required_argument, NULL, WAIT},
    {"payload", no_argument, NULL, PAYLOAD},
    TOOL_OPTIONS};

static int
take_number(const char *option, const char *text, int64_t least, int64_t most,
            int64_t *out)
{
	char *end = NULL;

	*out = strtoll(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end && *out >= least &&
	    *out <= most)
		return 0;
	fprintf(stderr,
	        "psymatch-replay: %s: want a number from %lld on, got "
	        "\"%s\"\n",
	        option, (long long)least, text);
	return -1;
}

static int
take_text(const char *value, const char **out)
{
	*out = value;
	return 0;
}

/* 0: go on. 1: help was asked for. -1: wrong. */
static int
take_option(struct options *o, int c, const char *value)
{
	switch (c) {
	case SINCE:
		o->since = value;
		return tool_time("psymatch-replay", "--since", value, 1);
	case UNTIL:
		o->until = value;
		return tool_time("psymatch-replay", "--until", value, 1);
	case PARTITION:
		return take_number("--partition", value, 0, INT32_MAX,
		                   &o->partition);
	case FROM:
		return take_number("--from", value, 0, INT64_MAX, &o->from);
	case TO:
		return take_number("--to", value, 1, INT64_MAX, &o->to);
	case TYPE:
		o->type = value;
		return tool_type("psymatch-replay", "--type", value);
	case KEY:
		return take_text(value, &o->key);
	case TEXT:
		return take_text(value, &o->text);
	case LIMIT:
		return take_number("--limit", value, 1, INT64_MAX, &o->limit);
	case WAIT:
		return take_number("--wait", value, 1, INT32_MAX, &o->wait_ms);
	case PAYLOAD:
		return o->payload = 1, 0;
	case FOLLOW:
		return o->follow = 1, 0;
	default:
		return tool_asked(c, "psymatch-replay", usage);
	}
}

static int
wrong(const char *what)
{
	tool_complain("psymatch-replay", what);
	return -1;
}

static int
read_options(struct options *o, int argc, char **argv)
{
	int c, rc = 0;

	while (rc == 0 &&
	       (c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		rc = take_option(o, c, optarg);
	if (rc != 0)
		return rc;
	if (o->partition < 0 && (o->from > 0 || o->to < INT64_MAX))
		return wrong("--from, --to: want --partition, too");
	if (o->from >= o->to)
		return wrong("--to: want more than --from");
	if (o->follow && o->until)
		return wrong("--until: want none with --follow");
	if (optind + 1 != argc)
		return wrong("want one topic");
	o->topic = argv[optind];
	return 0;
}

int
main(int argc, char **argv)
{
	struct run r = {
	    .o = {.partition = -1, .to = INT64_MAX, .wait_ms = 10000}};
	int rc = read_options(&r.o, argc, argv);

	if (rc > 0)
		return tool_flush("psymatch-replay") < 0;
	if (rc < 0)
		return fputs(usage, stderr), EXIT_USAGE;
	if (r.o.follow)
		setvbuf(stdout, NULL, _IOLBF, 0);
	r.err = psm_error_new();
	r.w = psm_json_writer_new();
	rc = r.err && r.w ? run(&r) : PSM_ERR_NOMEM;
	if (rc < 0) {
		(void)fflush(stdout);
		fprintf(stderr, "psymatch-replay: %s\n",
		        psm_error_message(r.err)[0] ? psm_error_message(r.err)
		                                    : psm_strerror(rc));
	}
	psm_json_writer_free(r.w);
	psm_error_free(r.err);
	return rc < 0 || r.unwritten;
}
