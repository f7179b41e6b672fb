/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Produce: the same events by raw librdkafka, by hand with the same promise
 * (one JSON pass, one write to a log, send), and by libpsymatch.
 */
#include "bench.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <psymatch/psymatch.h>
#include <yajl/yajl_parse.h>

static const char topic[] = "therapist-events";
static char directory[] = "/tmp/psymatch-bench.XXXXXX";

/* Connected, and all that is made once is made. */
static int
warm_up(rd_kafka_t *rk, const struct bench_events *e)
{
	int rc = bench_raw_send(rk, topic, 0, e->bytes, e->at[1]);

	if (rc == 0 && rd_kafka_flush(rk, 60000) != 0)
		rc = -1;
	bench_begin();
	return rc;
}

static int
run_raw(const struct bench_options *o, void *work)
{
	const struct bench_events *e = work;
	rd_kafka_t *rk = bench_raw_producer(o);
	size_t i;
	int rc = rk ? warm_up(rk, e) : -1;

	for (i = 0; rk && i < e->count && rc == 0; i++)
		rc = bench_raw_send(rk, topic, i, e->bytes + e->at[i],
		                    e->at[i + 1] - e->at[i]);
	return rk ? bench_raw_finish(rk) | rc : -1;
}

static int
is_json(const char *text, size_t len)
{
	static const yajl_callbacks none;
	yajl_handle h = yajl_alloc(&none, NULL, NULL);
	int ok =
	    yajl_parse(h, (const unsigned char *)text, len) == yajl_status_ok &&
	    yajl_complete_parse(h) == yajl_status_ok;

	yajl_free(h);
	return ok;
}

static int
run_by_hand(const struct bench_options *o, void *work)
{
	const struct bench_events *e = work;
	rd_kafka_t *rk = bench_raw_producer(o);
	char path[128];
	size_t i;
	int rc = rk ? warm_up(rk, e) : -1, fd;

	snprintf(path, sizeof path, "%s/log", directory);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_APPEND, 0600);
	for (i = 0; rk && fd >= 0 && i < e->count && rc == 0; i++) {
		const char *text = e->bytes + e->at[i];
		size_t len = e->at[i + 1] - e->at[i];

		if (!is_json(text, len) || write(fd, text, len) != (ssize_t)len)
			rc = -1;
		else
			rc = bench_raw_send(rk, topic, i, text, len);
	}
	if (fd >= 0)
		close(fd);
	unlink(path);
	return rk && fd >= 0 ? bench_raw_finish(rk) | rc : -1;
}

static int
send_one(psm_producer *p, const struct bench_events *e, size_t i,
         psm_error *err)
{
	psm_event *ev = NULL;
	int rc = psm_event_parse(e->bytes + e->at[i], e->at[i + 1] - e->at[i],
	                         &ev, err);

	while (rc == 0 &&
	       (rc = psm_producer_send(p, topic, ev, err)) == PSM_ERR_FULL)
		rc = psm_producer_flush(p, 100, NULL, NULL) == PSM_ERR_INVAL
		         ? -1
		         : 0;
	psm_event_free(ev);
	return rc;
}

static int
send_all(psm_producer *p, const struct bench_events *e, psm_error *err)
{
	int rc = send_one(p, e, 0, err);
	size_t i;

	if (rc == 0)
		rc = psm_producer_flush(p, 60000, NULL, err);
	bench_begin();
	for (i = 0; i < e->count && rc == 0; i++)
		rc = send_one(p, e, i, err);
	return rc < 0 ? rc : psm_producer_flush(p, 60000, NULL, err);
}

static int
configure(const struct bench_options *o, psm_config **cfg, psm_error *err)
{
	const char *settings[][2] = {
	    {"KAFKA_BOOTSTRAP_SERVERS", o->bootstrap},
	    {"PSYMATCH_KAFKA_compression_codec", o->codec},
	    {"PSYMATCH_SPOOL_DIR", directory},
	    {"PSYMATCH_SPOOL_DURABILITY", o->durability},
	};
	size_t i;
	int rc = psm_config_from_env(cfg, err);

	for (i = 0; i < sizeof settings / sizeof settings[0] && rc == 0; i++)
		rc = psm_config_set(*cfg, settings[i][0], settings[i][1], err);
	return rc;
}

static int
run_psymatch(const struct bench_options *o, void *work)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	int rc = configure(o, &cfg, err);

	if (rc == 0)
		rc = psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	if (rc == 0)
		rc = send_all(p, work, err);
	if (rc == 0)
		rc = psm_producer_close(p, 10000, NULL, err);
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
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
	    {.name = "raw librdkafka, copy", .run = run_raw},
	    {.name = "by hand: yajl + write + producev", .run = run_by_hand},
	    {.name = "psymatch: check + spool + send", .run = run_psymatch},
	};
	struct bench_options o = {.count = 200000};
	struct bench_events e = {0};
	int rc;

	bench_options(argc, argv, &o);
	if (!o.bootstrap)
		o.bootstrap = bench_mock_start();
	if (!o.bootstrap || !mkdtemp(directory) ||
	    bench_events_make(&e, o.count) != 0) {
		fprintf(stderr, "produce: cannot set up\n");
		return 1;
	}
	rc = bench_compare(&o, sides, 3, &e);
	bench_events_free(&e);
	bench_mock_stop();
	if (rmdir(directory) != 0) {
		/* The spool leaves its lock and cursor there. */
		char command[128];
		snprintf(command, sizeof command, "rm -rf '%s'", directory);
		rc |= system(command);
	}
	return rc;
}
