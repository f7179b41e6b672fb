/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A spool that is left with a gigabyte of events, against reading its files
 * from front to end: until a producer has started, until every record was read
 * and checked, and until a broker that costs nothing has all of them. Before
 * each run the files are read once, or with --cold thrown out of the kernel's
 * cache, for all sides alike.
 */
#include <dirent.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#include <psymatch/psymatch.h>

#define TOPIC "therapist-events"
#define CHUNK ((size_t)1 << 20)
#define PATIENCE_MS 600000

struct options {
	size_t count;
	int rounds, cold, json;
	long before_kb; /* of resident memory, at most */
};

static char directory[256], spool[300], stream[340], copy[300];

/* -- measuring */

static struct timespec begun;

static void
begin(void)
{
	clock_gettime(CLOCK_MONOTONIC, &begun);
}

/* Milliseconds. */
static double
since(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return 1e3 * (double)(now.tv_sec - begun.tv_sec) +
	       1e-6 * (double)(now.tv_nsec - begun.tv_nsec);
}

static long
status_kb(const char *name)
{
	char line[256];
	size_t len = strlen(name);
	FILE *f = fopen("/proc/self/status", "re");
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, name, len) == 0 && line[len] == ':')
			kb = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kb;
}

/* -- the files */

/* Each in turn; what the last call returned, or the first below 0. */
static int
for_each_segment(int (*fn)(const char *path, void *user), void *user)
{
	struct dirent **names = NULL;
	int n = scandir(stream, &names, NULL, alphasort), rc = n < 0 ? -1 : 0;

	for (int i = 0; i < n; i++) {
		char path[700];

		snprintf(path, sizeof path, "%s/%s", stream, names[i]->d_name);
		if (rc == 0 && strstr(path, ".pms"))
			rc = fn(path, user);
		free(names[i]);
	}
	free(names);
	return rc;
}

static int
read_one(const char *path, void *user)
{
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : 1;

	while (n > 0)
		n = read(fd, user, CHUNK);
	if (fd >= 0)
		close(fd);
	return (int)n;
}

static int
forget_one(const char *path, void *user)
{
	int fd = open(path, O_RDONLY);
	int rc = fd < 0 ? -1 : fdatasync(fd);

	(void)user;
	if (rc == 0)
		rc = posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) ? -1 : 0;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
add_size(const char *path, void *user)
{
	FILE *f = fopen(path, "rb");

	if (!f || fseek(f, 0, SEEK_END) != 0)
		return -1;
	*(double *)user += (double)ftell(f);
	return fclose(f);
}

static char buffer[CHUNK];

static int
prepare(const struct options *o)
{
	return o->cold ? for_each_segment(forget_one, NULL)
	               : for_each_segment(read_one, buffer);
}

static int
run_read(const struct options *o, double *ms)
{
	int rc;

	(void)o;
	begin();
	rc = for_each_segment(read_one, buffer);
	*ms = since();
	return rc;
}
/* -- a producer */

static int
start(const char *where, int broker, psm_producer **p, psm_error *err)
{
	const char *settings[][2] = {
	    {"KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1"},
	    {"KAFKA_LOG_LEVEL", "CRITICAL"},
	    {"PSYMATCH_SPOOL_DIR", where},
	    {"PSYMATCH_SPOOL_DURABILITY", "os"},
	    {"PSYMATCH_SPOOL_MAX_BYTES", "68719476736"},
	};
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	int rc = psm_config_new(&cfg, err);

	for (size_t i = 0; rc == 0 && i < 5; i++)
		rc = psm_config_set(cfg, settings[i][0], settings[i][1], err);
	if (rc == 0)
		rc = broker ? psm_transport_memory(1, &t, err)
		            : psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, p, err);
	if (rc == 0)
		rc = psm_producer_start(*p, err);
	psm_transport_unref(t);
	psm_config_free(cfg);
	return rc;
}

/* A free alone would wait for the broker. */
static int
leave(psm_producer *p, int rc, psm_error *err)
{
	int closed = psm_producer_close(p, 0, NULL, NULL);

	psm_producer_free(p);
	psm_error_free(err);
	return rc < 0 || !p ? rc : closed;
}

/* The one stream that has been filled: each start begins another one. */
static int
find_stream(void)
{
	struct dirent *e;
	DIR *dir = opendir(spool);
	int found = 0;

	while (dir && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, "stream.", 7) == 0) {
			snprintf(stream, sizeof stream, "%s/%.20s", spool,
			         e->d_name);
			found++;
		}
	if (dir)
		closedir(dir);
	return found == 1 ? 0 : -1;
}

static int
fill(const struct options *o, const struct bench_events *e)
{
	psm_error *err = psm_error_new();
	psm_producer *p = NULL;
	int rc = start(spool, 0, &p, err);

	for (size_t i = 0; rc == 0 && i < o->count; i++) {
		size_t k = i % e->count;
		psm_event *ev = NULL;

		rc = psm_event_parse(e->bytes + e->at[k],
		                     e->at[k + 1] - e->at[k], &ev, err);
		if (rc == 0)
			rc = psm_producer_send(p, TOPIC, ev, err);
		psm_event_free(ev);
	}
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	return leave(p, rc, err);
}

/* Until it takes events again. */
static int
run_start(const struct options *o, double *ms)
{
	psm_error *err = psm_error_new();
	psm_producer *p = NULL;
	int rc;

	begin();
	rc = start(spool, 0, &p, err);
	*ms = since();
	if (rc == 0 && psm_producer_stat(p, "queued") != (int64_t)o->count)
		rc = -1;
	return leave(p, rc, err);
}

static int
count_record(const psm_spool_item *item, void *user)
{
	size_t *count = user;

	*count += psm_spool_item_what(item) == PSM_SPOOL_RECORD;
	return psm_spool_item_what(item) == PSM_SPOOL_DAMAGE ? -1 : 0;
}

static int
run_check(const struct options *o, double *ms)
{
	size_t count = 0;
	int rc;

	begin();
	rc = psm_spool_scan(spool, NULL, count_record, &count, NULL);
	*ms = since();
	return rc == 0 && count == o->count ? 0 : -1;
}

/* The files have a second name there, so this can be done again. */
static int
run_drain(const struct options *o, double *ms)
{
	psm_error *err = psm_error_new();
	psm_producer *p = NULL;
	int rc;

	begin();
	rc = start(copy, 1, &p, err);
	if (rc == 0)
		rc = psm_producer_flush(p, PATIENCE_MS, NULL, err);
	*ms = since();
	if (rc == 0 && psm_producer_stat(p, "sent") != (int64_t)o->count)
		rc = -1;
	return leave(p, rc, err);
}

/* -- rounds */

static struct side {
	const char *name;
	int (*run)(const struct options *o, double *ms);
	double ms[BENCH_ROUNDS];
} sides[] = {
    {.name = "read the files", .run = run_read},
    {.name = "start: takes events again", .run = run_start},
    {.name = "check every record", .run = run_check},
    {.name = "hand all over, acknowledged", .run = run_drain},
};
#define SIDES (sizeof sides / sizeof sides[0])

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(const double *values, int count)
{
	double sorted[BENCH_ROUNDS];

	memcpy(sorted, values, (size_t)count * sizeof *values);
	qsort(sorted, (size_t)count, sizeof *sorted, by_value);
	return sorted[count / 2];
}

static int
run_round(const struct options *o, int round)
{
	char command[1600];

	snprintf(command, sizeof command,
	         "rm -rf '%s' && cp -al '%s' '%s' && "
	         "rm -f '%s'/stream.*/cursor '%s'/stream.*/LOCK",
	         copy, spool, copy, copy, copy);
	if (system(command) != 0)
		return -1;
	for (size_t i = 0; i < SIDES; i++)
		if (prepare(o) != 0 ||
		    sides[i].run(o, &sides[i].ms[round]) != 0) {
			fprintf(stderr, "%s: failed\n", sides[i].name);
			return -1;
		}
	return 0;
}

static void
print(const struct options *o, double bytes)
{
	double all = median(sides[0].ms, o->rounds);

	if (o->json)
		printf("{\"bench\":\"recovery\",\"events\":%zu,\"bytes\":%.0f,"
		       "\"cache\":\"%s\",\"rounds\":%d,\"peak_kb\":%ld,"
		       "\"sides\":[",
		       o->count, bytes, o->cold ? "cold" : "warm", o->rounds,
		       status_kb("VmHWM"));
	else
		printf(
		    "%zu events in %.0f MB, cache %s, %d rounds\n%-32s %10s  "
		    "%s\n",
		    o->count, bytes / 1e6, o->cold ? "cold" : "warm", o->rounds,
		    "side (medians)", "ms", "x reading");
	for (size_t i = 0; i < SIDES; i++) {
		double ms = median(sides[i].ms, o->rounds);

		printf(o->json
		           ? "%s{\"name\":\"%s\",\"ms\":%.2f,\"ratio\":%.3f}"
		           : "%s%-32s %10.2f  %.3f\n",
		       o->json && i ? "," : "", sides[i].name, ms, ms / all);
	}
	if (o->json)
		printf("]}\n");
	else
		printf("most resident memory: %ld KB before, %ld KB after\n",
		       o->before_kb, status_kb("VmHWM"));
}

static void
usage(const char *program)
{
	fprintf(stderr,
	        "usage: %s [--count N] [--rounds N] [--cold] [--json]\n",
	        program);
	exit(2);
}

static void
read_options(int argc, char **argv, struct options *o)
{
	static const struct option names[] = {
	    {"count", required_argument, NULL, 'n'},
	    {"rounds", required_argument, NULL, 'r'},
	    {"cold", no_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			o->count = strtoul(optarg, NULL, 10);
		else if (c == 'r')
			o->rounds = atoi(optarg);
		else if (c == 'c')
			o->cold = 1;
		else if (c == 'j')
			o->json = 1;
		else
			usage(argv[0]);
	}
	if (optind < argc || o->count < 100 || o->rounds < 1 ||
	    o->rounds > BENCH_ROUNDS)
		usage(argv[0]);
}

/* What the making of the spool took does not count. */
static long
forget_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "we");

	if (f) {
		fputs("5", f);
		fclose(f);
	}
	return status_kb("VmHWM");
}

static int
set_up(const struct options *o, double *bytes)
{
	const char *tmp = getenv("TMPDIR");
	struct bench_events e = {0};
	int rc;

	snprintf(directory, sizeof directory, "%s/psymatch-bench.XXXXXX",
	         tmp ? tmp : "/tmp");
	if (!mkdtemp(directory) || bench_events_make(&e, 10000) != 0)
		return -1;
	snprintf(spool, sizeof spool, "%s/spool", directory);
	snprintf(copy, sizeof copy, "%s/copy", directory);
	rc = fill(o, &e);
	bench_events_free(&e);
	if (rc == 0)
		rc = find_stream();
	return rc == 0 ? for_each_segment(add_size, bytes) : rc;
}

int
main(int argc, char **argv)
{
	/* A gigabyte. */
	struct options o = {.count = 1500000, .rounds = 5};
	char command[300];
	double bytes = 0;
	int rc;

	read_options(argc, argv, &o);
	rc = set_up(&o, &bytes);
	o.before_kb = forget_peak();
	bench_begin();
	for (int round = 0; rc == 0 && round < o.rounds; round++)
		rc = run_round(&o, round);
	if (rc == 0) {
		print(&o, bytes);
		bench_end(o.json);
	}
	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	return system(command) != 0 || rc != 0;
}
