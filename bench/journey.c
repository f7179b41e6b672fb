/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a commit in one process to the effect in another one, while the relay
 * leads in a third: the time that a caller waits who reads his own write
 * elsewhere. Once with nothing else to do, once beside other writers, with a
 * broker in turns with raw librdkafka, whose way is the least that is possible
 * there; and how many commits per second are possible. Needs PostgreSQL as
 * DB_* says: build-aux/with-postgres --private bench/journey, with a broker
 * also build-aux/with-kafka before it and --kafka behind it. On a machine that
 * others use it tells how long one waits for a CPU: chrt -r 1 before it all.
 */
#include <getopt.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <psymatch/psymatch.h>

#include "bench.h"
#include "journey_raw.h"

#define TYPE "communication.send_email"
#define TOPIC "communication-events"
#define NO_PROBE 1 /* the key of events that are only load */
#define PATIENCE_MS 30000
/* Writers beside the probes: so many processes, and one commit per pause. */
#define WRITERS 2
#define PAUSE_MS 5
#define THREADS 4

struct options {
	int count, seconds, gap_ms, kafka, json;
};

/* What the processes tell each other. */
struct shared {
	int leading, reading, raw_reading, writing, stop;
	int64_t commits;
};

static struct options o = {.count = 100, .seconds = 5, .gap_ms = 250};
static struct shared *shared;

static void
usage(const char *program)
{
	fprintf(stderr,
	        "usage: %s [--count N] [--seconds N] [--gap-ms N] [--kafka] "
	        "[--json]\n",
	        program);
	exit(2);
}

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"count", required_argument, NULL, 'n'},
	    {"seconds", required_argument, NULL, 's'},
	    {"gap-ms", required_argument, NULL, 'g'},
	    {"kafka", no_argument, NULL, 'k'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			o.count = atoi(optarg);
		else if (c == 's')
			o.seconds = atoi(optarg);
		else if (c == 'g')
			o.gap_ms = atoi(optarg);
		else if (c == 'k')
			o.kafka = 1;
		else if (c == 'j')
			o.json = 1;
		else
			usage(argv[0]);
	}
	if (optind < argc || o.count < 1 || o.seconds < 1 || o.gap_ms < 1)
		usage(argv[0]);
}

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

static void
check(int rc, const psm_error *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "journey: %s\n", psm_error_message(err));
	exit(1);
}

/* -- the processes */

struct rooms {
	psm_error *err;
	psm_config *cfg;
	psm_store *st;
	psm_transport *t;
};

static void
open_rooms(struct rooms *r)
{
	r->err = psm_error_new();
	check(psm_config_from_env(&r->cfg, r->err), r->err);
	check(psm_config_set(r->cfg, "PSYMATCH_TRANSPORT",
	                     o.kafka ? "kafka" : "postgres", r->err),
	      r->err);
	check(psm_config_set(r->cfg, "PSYMATCH_SPOOL_DIR", "none", r->err),
	      r->err);
	check(psm_store_open(r->cfg, &r->st, r->err), r->err);
	check(psm_transport_open(r->cfg, &r->t, r->err), r->err);
}

static int
stopped(void)
{
	return __atomic_load_n(&shared->stop, __ATOMIC_ACQUIRE);
}

/* NO_PROBE: its effect is not told. */
static void
commit_one(psm_store *st, int id, psm_error *err)
{
	char payload[64];
	psm_event *ev = NULL;
	psm_tx *tx = NULL;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d}", id);
	check(
	    psm_event_new(TYPE, "journey", payload, strlen(payload), &ev, err),
	    err);
	check(psm_tx_begin(st, &tx, err), err);
	check(psm_tx_emit(tx, ev, err), err);
	check(psm_tx_commit(tx, err), err);
	psm_event_free(ev);
}

static void
relay(void)
{
	struct rooms r = {0};
	psm_relay *relay = NULL;

	open_rooms(&r);
	check(psm_relay_new(r.st, r.t, r.cfg, &relay, r.err), r.err);
	check(psm_relay_start(relay, r.err), r.err);
	if (o.kafka) /* who reads a topic is healthy only once it exists */
		commit_one(r.st, NO_PROBE, r.err);
	while (!stopped()) {
		__atomic_store_n(&shared->leading,
		                 psm_relay_stat(relay, "leader") == 1,
		                 __ATOMIC_RELEASE);
		pause_ms(20);
	}
	psm_relay_free(relay);
}

/* The server tells of the effect when it is committed. */
static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	const char *params[] = {psm_event_key(ev)};

	(void)user;
	return psm_tx_queue(tx,
	                    "SELECT pg_notify('journey', $1) WHERE $1 <> '1'",
	                    1, params, err);
}

static void
reader(void)
{
	struct rooms r = {0};
	psm_processor *pr = NULL;

	open_rooms(&r);
	check(psm_processor_new(r.st, r.t, r.cfg, "journey", &pr, r.err),
	      r.err);
	check(psm_processor_subscribe(pr, TOPIC, r.err), r.err);
	check(psm_processor_on(pr, TYPE, handle, NULL, r.err), r.err);
	check(psm_processor_start(pr, r.err), r.err);
	while (!stopped()) {
		__atomic_store_n(&shared->reading,
		                 psm_processor_health(pr, NULL, 0) ==
		                     PSM_HEALTH_GREEN,
		                 __ATOMIC_RELEASE);
		pause_ms(20);
	}
	psm_processor_free(pr);
}

static void
raw_reader(void)
{
	if (journey_raw_read(getenv("KAFKA_BOOTSTRAP_SERVERS"), (int)getppid(),
	                     &shared->raw_reading, &shared->stop) < 0)
		exit(1);
}

static void
writer(void)
{
	struct rooms r = {0};

	open_rooms(&r);
	while (!stopped()) {
		if (__atomic_load_n(&shared->writing, __ATOMIC_ACQUIRE))
			commit_one(r.st, NO_PROBE, r.err);
		pause_ms(PAUSE_MS);
	}
}

static void *
commit_often(void *arg)
{
	psm_error *err = psm_error_new();

	while (!stopped()) {
		commit_one(arg, NO_PROBE, err);
		(void)__atomic_add_fetch(&shared->commits, 1, __ATOMIC_RELAXED);
	}
	psm_error_free(err);
	return NULL;
}

static void
fast_writer(void)
{
	pthread_t threads[THREADS];
	struct rooms r = {0};
	int i;

	open_rooms(&r);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, commit_often, r.st) != 0)
			exit(1);
	for (i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
}

static pid_t
start(void (*run)(void))
{
	pid_t child = fork();

	if (child < 0)
		exit(1);
	if (child > 0)
		return child;
	run();
	_exit(0);
}

static void
finish(const pid_t *children, int count)
{
	int i, status;

	__atomic_store_n(&shared->stop, 1, __ATOMIC_RELEASE);
	for (i = 0; i < count; i++)
		if (waitpid(children[i], &status, 0) < 0 || status != 0)
			fprintf(stderr, "journey: a process failed\n");
	__atomic_store_n(&shared->stop, 0, __ATOMIC_RELEASE);
	shared->leading = shared->reading = shared->raw_reading = 0;
	shared->writing = 0;
}

static void
await(int *flag)
{
	int64_t until = now_us() + PATIENCE_MS * (int64_t)1000;

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE)) {
		if (now_us() > until) {
			fprintf(stderr, "journey: nothing started\n");
			exit(1);
		}
		pause_ms(20);
	}
}

/* -- the probes */

static PGconn *
listen_for_effects(void)
{
	PGconn *pg = journey_connect();
	PGresult *res = PQexec(pg, "LISTEN journey");

	if (PQresultStatus(res) != PGRES_COMMAND_OK) {
		fprintf(stderr, "journey: %s", PQerrorMessage(pg));
		exit(1);
	}
	PQclear(res);
	return pg;
}

static void
await_effect(PGconn *pg, int id)
{
	struct pollfd fd = {PQsocket(pg), POLLIN, 0};
	PGnotify *n;
	int found = 0;

	while (!found) {
		if (poll(&fd, 1, PATIENCE_MS) <= 0 || !PQconsumeInput(pg)) {
			fprintf(stderr, "journey: no effect\n");
			exit(1);
		}
		while ((n = PQnotifies(pg))) {
			found = found || atoi(n->extra) == id;
			PQfreemem(n);
		}
	}
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print_times(const char *name, int64_t *us)
{
	size_t count = (size_t)o.count, rank = (count * 99 + 99) / 100;
	double p50, p99, most;

	qsort(us, count, sizeof *us, by_value);
	p50 = 1e-3 * (double)us[count / 2];
	p99 = 1e-3 * (double)us[rank - 1];
	most = 1e-3 * (double)us[count - 1];
	if (o.json)
		printf("{\"bench\":\"journey\",\"transport\":\"%s\",\"side\":"
		       "\"%s\",\"probes\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
		       "\"max_ms\":%.1f}\n",
		       o.kafka ? "kafka" : "postgres", name, count, p50, p99,
		       most);
	else
		printf("%s, %s, %zu probes: p50 %.1f ms, p99 %.1f ms, max "
		       "%.1f ms\n",
		       o.kafka ? "kafka" : "postgres", name, count, p50, p99,
		       most);
	fflush(stdout);
}

/* raw NULL: ours. */
static int64_t
travel(struct rooms *r, rd_kafka_t *raw, PGconn *pg)
{
	static int last = NO_PROBE;
	int64_t from;
	int id = ++last;

	if (!raw)
		commit_one(r->st, id, r->err);
	else if (journey_raw_send(raw, (int)getpid(), id) < 0)
		exit(1);
	from = now_us();
	await_effect(pg, id);
	from = now_us() - from;
	/* Not in step with anything that looks now and then. */
	pause_ms(o.gap_ms / 2 + rand() % o.gap_ms);
	return from;
}

static void
probe(struct rooms *r, rd_kafka_t *raw, PGconn *pg, const char *name)
{
	int64_t *us = calloc((size_t)o.count * 2, sizeof *us);
	int64_t ours, beside;
	char text[40];
	int i;

	if (!us)
		exit(1);
	/* The first ones are for whatever is made at first use. */
	for (i = -3; i < o.count; i++) {
		ours = travel(r, NULL, pg);
		beside = raw ? travel(r, raw, pg) : 0;
		if (i < 0)
			continue;
		us[i] = ours;
		us[o.count + i] = beside;
	}
	print_times(name, us);
	(void)snprintf(text, sizeof text, "%s, raw librdkafka", name);
	if (raw)
		print_times(text, us + o.count);
	free(us);
}

static void
measure_journeys(struct rooms *r)
{
	pid_t children[3 + WRITERS];
	PGconn *pg = listen_for_effects();
	rd_kafka_t *raw = NULL;
	int i, count = 0;

	children[count++] = start(relay);
	children[count++] = start(reader);
	await(&shared->leading);
	await(&shared->reading);
	if (o.kafka)
		children[count++] = start(raw_reader);
	for (i = 0; i < WRITERS; i++)
		children[count++] = start(writer);
	/* librdkafka has threads: nothing is forked from here on. */
	if (o.kafka) {
		await(&shared->raw_reading);
		raw = journey_raw_open(getenv("KAFKA_BOOTSTRAP_SERVERS"),
		                       (int)getpid());
	}
	if (o.kafka && !raw) {
		fprintf(stderr, "journey: no broker answers\n");
		exit(1);
	}
	probe(r, raw, pg, "idle");
	__atomic_store_n(&shared->writing, 1, __ATOMIC_RELEASE);
	probe(r, raw, pg, "beside other writers");
	finish(children, count);
	journey_raw_close(raw);
	PQfinish(pg);
}

static void
measure_commits(void)
{
	pid_t children[3];
	int64_t from, before, count;
	double rate;

	children[0] = start(relay);
	await(&shared->leading);
	children[1] = start(fast_writer);
	children[2] = start(fast_writer);
	pause_ms(500);
	from = now_us();
	before = __atomic_load_n(&shared->commits, __ATOMIC_RELAXED);
	pause_ms(o.seconds * 1000);
	count = __atomic_load_n(&shared->commits, __ATOMIC_RELAXED) - before;
	rate = 1e6 * (double)count / (double)(now_us() - from);
	finish(children, 3);
	if (o.json)
		printf("{\"bench\":\"journey\",\"transport\":\"%s\",\"side\":"
		       "\"commits\",\"commits_per_s\":%.0f}\n",
		       o.kafka ? "kafka" : "postgres", rate);
	else
		printf("%s, 2 writers with %d threads each: %.0f commits/s\n",
		       o.kafka ? "kafka" : "postgres", THREADS, rate);
}

int
main(int argc, char **argv)
{
	struct rooms r = {0};

	read_options(argc, argv);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return 1;
	open_rooms(&r);
	check(psm_store_migrate(r.st, "psymatch", r.err), r.err);
	bench_begin();
	measure_journeys(&r);
	measure_commits();
	bench_end(o.json);
	psm_store_free(r.st);
	psm_transport_unref(r.t);
	psm_config_free(r.cfg);
	psm_error_free(r.err);
	return 0;
}
