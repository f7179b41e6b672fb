/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that are on disk when send returns: 32 threads with one producer
 * against a loop of write and fdatasync of the same bytes. The transport is
 * that of the process, so the disk is what is measured; the directory is made
 * in TMPDIR, which should be a disk.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#include <psymatch/psymatch.h>

#define THREADS 32

static char directory[256];

static int
run_by_hand(const struct bench_options *o, void *work)
{
	const struct bench_events *e = work;
	char path[300];
	int fd, rc = 0;

	(void)o;
	snprintf(path, sizeof path, "%s/log", directory);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	if (fd < 0)
		return -1;
	bench_begin();
	for (size_t i = 0; i < e->count && rc == 0; i++) {
		size_t len = e->at[i + 1] - e->at[i];

		if (write(fd, e->bytes + e->at[i], len) != (ssize_t)len ||
		    fdatasync(fd) != 0)
			rc = -1;
	}
	close(fd);
	unlink(path);
	return rc;
}

struct sender {
	pthread_t thread;
	psm_producer *p;
	const struct bench_events *e;
	size_t first;
	int rc;
};

static void *
send_share(void *arg)
{
	struct sender *s = arg;
	psm_error *err = psm_error_new();

	for (size_t i = s->first; i < s->e->count && s->rc == 0; i += THREADS) {
		psm_event *ev = NULL;

		s->rc =
		    psm_event_parse(s->e->bytes + s->e->at[i],
		                    s->e->at[i + 1] - s->e->at[i], &ev, err);
		if (s->rc == 0)
			s->rc = psm_producer_send(s->p, "therapist-events", ev,
			                          err);
		psm_event_free(ev);
	}
	if (s->rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	psm_error_free(err);
	return NULL;
}

static int
send_all(psm_producer *p, const struct bench_events *e)
{
	struct sender all[THREADS];
	int rc = 0;

	bench_begin();
	for (size_t i = 0; i < THREADS; i++) {
		all[i] = (struct sender){.p = p, .e = e, .first = i};
		if (pthread_create(&all[i].thread, NULL, send_share, &all[i]) !=
		    0)
			abort();
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(all[i].thread, NULL);
		rc |= all[i].rc;
	}
	return rc;
}

static int
run_psymatch(const struct bench_options *o, void *work)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	int rc = psm_config_new(&cfg, err);

	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", directory, err);
	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY",
		                    o->durability, err);
	if (rc == 0)
		rc = psm_transport_memory(1, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	else
		rc = send_all(p, work);
	if (rc == 0)
		rc = psm_producer_close(p, 60000, NULL, err);
	psm_producer_free(p);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench_side sides[] = {
	    {.name = "by hand: write + fdatasync", .run = run_by_hand},
	    {.name = "psymatch: 32 threads, on disk", .run = run_psymatch},
	};
	struct bench_options o = {.count = 5000};
	struct bench_events e = {0};
	const char *tmp = getenv("TMPDIR");
	char command[300];
	int rc = 1;

	bench_options(argc, argv, &o);
	o.bootstrap = "none";
	o.durability = "disk";
	snprintf(directory, sizeof directory, "%s/psymatch-bench.XXXXXX",
	         tmp ? tmp : "/tmp");
	if (!mkdtemp(directory) || bench_events_make(&e, o.count) != 0)
		fprintf(stderr, "durable: cannot set up\n");
	else
		rc = bench_compare(&o, sides, 2, &e);
	bench_events_free(&e);
	snprintf(command, sizeof command, "rm -rf '%s'", directory);
	return system(command) != 0 || rc;
}
