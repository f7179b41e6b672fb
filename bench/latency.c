/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long send takes while no broker answers, and what a long run needs of
 * memory: with --flat the events go to a broker, or through the memory
 * transport, as fast as a spool of 64 MiB lets them, and the resident memory is
 * printed ten times on the way.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#include <psymatch/psymatch.h>

static char directory[] = "/tmp/psymatch-bench.XXXXXX";

struct options {
	size_t count;
	const char *bootstrap; /* NULL: none */
	const char *durability;
	int json, flat;
};

static void
usage(const char *program)
{
	fprintf(stderr,
	        "usage: %s [--count N] [--durability os|interval|disk] "
	        "[--flat [--bootstrap HOST:PORT]] [--json]\n",
	        program);
	exit(2);
}

static void
read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
	    {"bootstrap", required_argument, NULL, 'b'},
	    {"count", required_argument, NULL, 'n'},
	    {"durability", required_argument, NULL, 'd'},
	    {"flat", no_argument, NULL, 'f'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'b')
			o->bootstrap = optarg;
		else if (c == 'n')
			o->count = strtoul(optarg, NULL, 10);
		else if (c == 'd')
			o->durability = optarg;
		else if (c == 'f')
			o->flat = 1;
		else if (c == 'j')
			o->json = 1;
		else
			usage(argv[0]);
	}
	if (optind < argc || o->count < 100 || (o->bootstrap && !o->flat))
		usage(argv[0]);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* A line of /proc/self/status, in KB; -1: there is none. */
static long
status_kb(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	size_t len = strlen(name);
	char line[128];
	long kb = -1;

	while (f && kb < 0 && fgets(line, sizeof line, f))
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			kb = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

static int
start(const struct options *o, psm_transport **t, psm_producer **p,
      psm_error *err)
{
	const char *settings[][2] = {
	    {"KAFKA_BOOTSTRAP_SERVERS",
	     o->bootstrap ? o->bootstrap : "127.0.0.1:1"},
	    {"KAFKA_LOG_LEVEL", "CRITICAL"},
	    {"PSYMATCH_SPOOL_DIR", directory},
	    {"PSYMATCH_SPOOL_DURABILITY", o->durability},
	    {"PSYMATCH_SPOOL_MAX_BYTES", o->flat ? "67108864" : "8589934592"},
	};
	psm_config *cfg = NULL;
	int rc = psm_config_new(&cfg, err);

	for (size_t i = 0; rc == 0 && i < 5; i++)
		rc = psm_config_set(cfg, settings[i][0], settings[i][1], err);
	if (rc == 0)
		rc = o->flat && !o->bootstrap ? psm_transport_memory(1, t, err)
		                              : psm_transport_open(cfg, t, err);
	if (rc == 0)
		rc = psm_producer_new(*t, cfg, p, err);
	if (rc == 0)
		rc = psm_producer_start(*p, err);
	psm_config_free(cfg);
	return rc;
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void
print_times(const struct options *o, int64_t *ns)
{
	double p50, p99, p999, most;

	qsort(ns, o->count, sizeof *ns, by_value);
	p50 = 1e-3 * (double)ns[o->count / 2];
	p99 = 1e-3 * (double)ns[o->count / 100 * 99];
	p999 = 1e-3 * (double)ns[o->count / 1000 * 999];
	most = 1e-3 * (double)ns[o->count - 1];
	if (o->json)
		printf("{\"bench\":\"latency\",\"durability\":\"%s\","
		       "\"events\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,"
		       "\"p999_us\":%.1f,\"max_us\":%.1f}\n",
		       o->durability, o->count, p50, p99, p999, most);
	else
		printf("send without a broker, durability %s, %zu events: "
		       "p50 %.1f us, p99 %.1f us, p99.9 %.1f us, "
		       "max %.1f us\n",
		       o->durability, o->count, p50, p99, p999, most);
}

/* The segments of the spool are mapped files, so they are told apart. */
static void
print_memory(const struct options *o, size_t sent)
{
	long own = status_kb("RssAnon"), mapped = status_kb("RssFile");
	long peak = status_kb("VmHWM");

	if (o->json)
		printf("{\"bench\":\"flat\",\"events\":%zu,\"own_kb\":%ld,"
		       "\"mapped_kb\":%ld,\"peak_kb\":%ld}\n",
		       sent, own, mapped, peak);
	else
		printf("%zu events: resident memory %ld KB of its own, %ld KB "
		       "of files, at most %ld KB in all\n",
		       sent, own, mapped, peak);
	fflush(stdout);
}

/* With --flat a full spool is waited for. */
static int
send_one(const struct options *o, psm_producer *p, const psm_event *ev,
         psm_error *err)
{
	int rc = psm_producer_send(p, "therapist-events", ev, err);

	while (o->flat && rc == PSM_ERR_FULL) {
		rc = psm_producer_flush(p, 10, NULL, err);
		if (rc == 0 || rc == PSM_ERR_TIMEOUT)
			rc = psm_producer_send(p, "therapist-events", ev, err);
	}
	return rc;
}

static int
send_all(const struct options *o, const struct bench_events *e, psm_producer *p,
         int64_t *ns, psm_error *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->count; i++) {
		size_t k = i % e->count;
		psm_event *ev = NULL;
		int64_t from;

		rc = psm_event_parse(e->bytes + e->at[k],
		                     e->at[k + 1] - e->at[k], &ev, err);
		from = now_ns();
		if (rc == 0)
			rc = send_one(o, p, ev, err);
		if (ns)
			ns[i] = now_ns() - from;
		psm_event_free(ev);
		if (o->flat && (i + 1) % (o->count / 10) == 0)
			print_memory(o, i + 1);
	}
	if (o->flat && rc == 0)
		rc = psm_producer_flush(p, 60000, NULL, err);
	return rc;
}

int
main(int argc, char **argv)
{
	struct options o = {.count = 100000, .durability = "os"};
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	struct bench_events e = {0};
	int64_t *ns = NULL;
	char command[128];
	int rc;

	read_options(argc, argv, &o);
	if (!o.flat)
		ns = calloc(o.count, sizeof *ns);
	if ((!ns && !o.flat) || !mkdtemp(directory) ||
	    bench_events_make(&e, 10000) != 0) {
		fprintf(stderr, "latency: cannot set up\n");
		return 1;
	}
	rc = start(&o, &t, &p, err);
	bench_begin();
	if (rc == 0)
		rc = send_all(&o, &e, p, ns, err);
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	else if (!o.flat)
		print_times(&o, ns);
	if (rc == 0)
		bench_end(o.json);
	psm_producer_free(p);
	psm_transport_unref(t);
	psm_error_free(err);
	bench_events_free(&e);
	free(ns);
	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	return rc < 0 || system(command) != 0;
}
