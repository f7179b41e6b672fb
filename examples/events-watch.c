/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * psymatch-events watch: what is sent, as it arrives, and how far the consumers
 * are. A thread per topic follows it without a group, one per group asks for its
 * lag; the main thread waits for a signal, or for nobody reading any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "events.h"
#include "tool.h"

#define GROUPS_MAX 64
/* Before a topic that is not there yet, or a server, is looked at again. */
#define AGAIN_MS 250
#define AGAIN_MOST_MS 4000
/* How long a broker may take to tell where a topic ends. */
#define WAIT_MS 10000

static const char name[] = "psymatch-events watch";
static volatile sig_atomic_t interrupted;

struct watch;

/* What was complained of last by all threads of a kind; "": nothing since they
 * had an answer. Only who asked after the last change can change it: what was
 * asked before is no news. */
struct complaint {
	pthread_mutex_t lock; /* last, changes */
	char last[300];
	unsigned changes;
};

struct group {
	struct watch *w;
	const char *name;
	int64_t lag; /* -1: it has read nothing yet */
};

struct watch {
	psm_transport *transport;
	const char *type, *key;
	int64_t since_us;
	int json, payload,
	    broken; /* broken: __atomic, nothing can be written */
	long lag_s;
	struct group groups[GROUPS_MAX];
	size_t group_count;
	struct complaint of_topics, of_groups;
};

struct topic {
	struct watch *w;
	const char *name;
	unsigned asked;
};

/* -- what both kinds of threads do */

/* Before a question, for the calls below. */
static unsigned
complaint_changes(struct complaint *c)
{
	unsigned changes;

	(void)pthread_mutex_lock(&c->lock);
	changes = c->changes;
	(void)pthread_mutex_unlock(&c->lock);
	return changes;
}

/* Once for what happens to many topics, or again and again. */
static void
complain_once(struct complaint *c, unsigned asked, const char *what)
{
	const char *cause = strstr(what, ": ");

	(void)pthread_mutex_lock(&c->lock);
	if (asked == c->changes && strcmp(c->last, cause ? cause : what) != 0) {
		(void)snprintf(c->last, sizeof c->last, "%s",
		               cause ? cause : what);
		c->changes++;
		fprintf(stderr, "%s: %s\n", name, what);
	}
	(void)pthread_mutex_unlock(&c->lock);
}

/* There was an answer: the next outage is told again. */
static void
complain_again(struct complaint *c, unsigned asked)
{
	(void)pthread_mutex_lock(&c->lock);
	if (asked == c->changes && c->last[0]) {
		c->last[0] = '\0';
		c->changes++;
	}
	(void)pthread_mutex_unlock(&c->lock);
}

static int
written(struct watch *w, psm_error *err)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	__atomic_store_n(&w->broken, errno ? errno : EIO, __ATOMIC_RELEASE);
	return psm_error_set(err, PSM_ERR_IO, "standard output");
}

/* -- events */

static int
show(const psm_event *ev, void *user, psm_error *err)
{
	struct topic *t = user;
	struct events_entry e;
	const psm_event *payload = t->w->payload ? ev : NULL;
	int rc;

	complain_again(&t->w->of_topics, t->asked);
	events_entry_of(&e, ev, t->name);
	rc = t->w->json ? events_entry_json(&e, payload, NULL, NULL, err)
	                : events_entry_print(&e, 0, payload, err);
	return rc < 0 ? rc : written(t->w, err);
}

static int
follow(struct topic *t, int64_t from_us, psm_error *err)
{
	const struct watch *w = t->w;
	psm_replay *r = NULL;
	int rc = psm_replay_new(w->transport, t->name, &r, err);

	if (rc == 0)
		rc = psm_replay_between(r, from_us, INT64_MAX, err);
	if (rc == 0)
		rc = psm_replay_only(r, w->type, w->key,
		                     w->key ? strlen(w->key) : 0, err);
	if (rc == 0)
		rc = psm_replay_follow(r, err);
	if (rc == 0)
		rc = psm_replay_run(r, show, t, WAIT_MS, err);
	psm_replay_free(r);
	return rc;
}

/* All of a topic is new that is made, or made again, while we watch. */
static void *
watch_topic(void *user)
{
	struct topic *t = user;
	psm_error *err = psm_error_new();
	int64_t from_us = t->w->since_us;
	int again_ms = AGAIN_MS;

	while (err && !__atomic_load_n(&t->w->broken, __ATOMIC_ACQUIRE)) {
		int rc;

		t->asked = complaint_changes(&t->w->of_topics);
		rc = follow(t, from_us, err);
		if (events_no_topic(rc, err))
			from_us = 0;
		else if (rc < 0 && rc != PSM_ERR_IO)
			complain_once(&t->w->of_topics, t->asked,
			              psm_error_message(err));
		(void)poll(NULL, 0, again_ms);
		if (again_ms < AGAIN_MOST_MS)
			again_ms *= 2;
	}
	psm_error_free(err);
	return NULL;
}

/* -- lag */

static void
lag_json(const struct group *g, const char *time, psm_error *err)
{
	psm_json_writer *writer = psm_json_writer_new();
	const char *text;

	psm_json_write_object(writer);
	psm_json_write_key(writer, "timestamp");
	psm_json_write_string(writer, time);
	psm_json_write_key(writer, "group");
	psm_json_write_string(writer, g->name);
	psm_json_write_key(writer, "lag");
	psm_json_write_int(writer, g->lag);
	psm_json_write_end(writer);
	if (psm_json_writer_finish(writer, &text, NULL, err) == 0)
		puts(text);
	psm_json_writer_free(writer);
}

/* 1: it has changed. */
static int
ask_lag(struct group *g, psm_error *err)
{
	int64_t lag = -1;
	int rc =
	    psm_transport_lag(g->w->transport, g->name, WAIT_MS, &lag, err);
	int changed = lag >= 0 && lag != g->lag;

	if (rc < 0 && rc != PSM_ERR_NOT_FOUND)
		return rc;
	g->lag = lag;
	return changed;
}

/* Told when it changes: a platform at rest is silent. */
static void *
watch_lag(void *user)
{
	struct group *g = user;
	psm_error *err = psm_error_new();
	char time[40];

	while (err && !__atomic_load_n(&g->w->broken, __ATOMIC_ACQUIRE)) {
		unsigned asked = complaint_changes(&g->w->of_groups);
		int rc = ask_lag(g, err);

		if (rc < 0)
			complain_once(&g->w->of_groups, asked,
			              psm_error_message(err));
		else
			complain_again(&g->w->of_groups, asked);
		if (rc > 0 &&
		    psm_time_format(psm_now_us(), time, sizeof time) == 0) {
			if (g->w->json)
				lag_json(g, time, err);
			else
				printf("%-27s  lag of %s: %lld\n", time,
				       g->name, (long long)g->lag);
			(void)written(g->w, err);
		}
		(void)poll(NULL, 0, (int)g->w->lag_s * 1000);
	}
	psm_error_free(err);
	return NULL;
}

/* -- the main thread */

static void
interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

/* 1: whoever read what is printed is gone. */
static int
nobody_reads(void)
{
	struct pollfd out = {.fd = STDOUT_FILENO};

	return poll(&out, 1, 100) == 1 &&
	       (out.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* 0: yes. Else errno. */
static int
can_be_written(void)
{
	int flags = fcntl(STDOUT_FILENO, F_GETFL);

	return flags < 0 || (flags & O_ACCMODE) == O_RDONLY ? EBADF : 0;
}

/* Nothing here takes the lock of standard output: a thread may hold it for as
 * long as nobody reads. */
static int
wait_for_the_end(struct watch *w)
{
	int broken;

	while (!interrupted && !__atomic_load_n(&w->broken, __ATOMIC_ACQUIRE))
		if (nobody_reads()) {
			(void)raise(SIGPIPE); /* as a write would */
			__atomic_store_n(&w->broken, EPIPE, __ATOMIC_RELEASE);
		}
	broken = __atomic_load_n(&w->broken, __ATOMIC_ACQUIRE);
	if (!broken)
		return 0;
	fprintf(stderr, "%s: standard output: %s\n", name, strerror(broken));
	return 1;
}

static int
start(void *(*run)(void *), void *user)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, user) == 0)
		return pthread_detach(thread);
	fprintf(stderr, "%s: the system gave no thread\n", name);
	return -1;
}

/* Signals come to the main thread alone, the second ends the process at once.
 * The threads end with the process: they have joined no group and hold nothing
 * that others wait for. What they print is flushed line by line. */
static int
watch(struct watch *w)
{
	struct sigaction action = {.sa_handler = interrupt,
	                           .sa_flags = SA_RESETHAND};
	static struct topic topics[64];
	sigset_t ends, before;
	size_t i;
	int rc = 0;

	w->broken = can_be_written();
	(void)sigemptyset(&ends);
	(void)sigaddset(&ends, SIGINT);
	(void)sigaddset(&ends, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &ends, &before);
	for (i = 0; rc == 0 && i < sizeof topics / sizeof *topics; i++) {
		topics[i].w = w;
		topics[i].name = psm_catalogue_topic_at(i);
		if (!topics[i].name)
			break;
		rc = start(watch_topic, &topics[i]);
	}
	for (i = 0; rc == 0 && i < w->group_count; i++)
		rc = start(watch_lag, &w->groups[i]);
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		rc = wait_for_the_end(w);
	_exit(rc != 0);
}

/* -- options */

static int
add_group(struct watch *w, const char *group)
{
	size_t i;

	for (i = 0; i < w->group_count; i++)
		if (strcmp(w->groups[i].name, group) == 0)
			return 0;
	if (w->group_count == GROUPS_MAX) {
		fprintf(stderr, "--group: want at most %d groups\n",
		        GROUPS_MAX);
		return -1;
	}
	w->groups[w->group_count++] =
	    (struct group){.w = w, .name = group, .lag = -1};
	return 0;
}

static int
take_since(struct watch *w, const char *text)
{
	psm_error *err = psm_error_new();
	int rc = strcmp(text, "now") == 0
	             ? 0
	             : psm_time_parse(text, strlen(text), &w->since_us, err);

	if (rc < 0)
		fprintf(stderr,
		        "psymatch-events watch: --since: want a time such as "
		        "2026-01-31T09:00:00Z, or now, got \"%s\"\n",
		        text);
	psm_error_free(err);
	return rc;
}

static int
take(struct watch *w, int c, const char *value)
{
	switch (c) {
	case 't':
		if (tool_type("psymatch-events watch", "--type", value) < 0)
			return -1;
		w->type = psm_catalogue_type_name(psm_catalogue_find(value));
		return 0;
	case 'k':
		w->key = value;
		return 0;
	case 's':
		return take_since(w, value);
	case 'g':
		return add_group(w, value);
	case 'l':
		return tool_number("psymatch-events watch", "--lag", value,
		                   3600, &w->lag_s);
	case 'j':
		w->json = 1;
		return 0;
	case 'p':
		w->payload = 1;
		return 0;
	default:
		return -1;
	}
}

/* The groups of the services, and those that were named. */
static void
add_services(struct watch *w)
{
	size_t i;

	for (i = 0; events_groups[i]; i++)
		(void)add_group(w, events_groups[i]);
}

int
events_watch(int argc, char **argv)
{
	static const struct option known[] = {
	    {"type", required_argument, NULL, 't'},
	    {"key", required_argument, NULL, 'k'},
	    {"since", required_argument, NULL, 's'},
	    {"group", required_argument, NULL, 'g'},
	    {"lag", required_argument, NULL, 'l'},
	    {"json", no_argument, NULL, 'j'},
	    {"payload", no_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	static char program[] = "psymatch-events";
	static struct watch w = {.lag_s = 10,
	                         .of_topics.lock = PTHREAD_MUTEX_INITIALIZER,
	                         .of_groups.lock = PTHREAD_MUTEX_INITIALIZER};
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	int c, rc;

	w.since_us = psm_now_us();
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (take(&w, c, optarg) < 0) {
			psm_error_free(err);
			return 2;
		}
	if (optind != argc) {
		psm_error_free(err);
		return 2;
	}
	add_services(&w);
	tool_log_start(program);
	setvbuf(stdout, NULL, _IOFBF, 65536); /* flushed line by line */
	rc = psm_config_from_env(&cfg, err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &w.transport, err);
	psm_config_free(cfg);
	if (rc == 0)
		rc = watch(&w);
	tool_complain(name, psm_error_message(err));
	psm_error_free(err);
	return 1;
}
