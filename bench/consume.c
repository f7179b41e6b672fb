/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Consume: the same events by a raw consumer loop, by a raw loop with one bare
 * JSON pass, and by libpsymatch (parse, payload check, dispatch).
 */
#include "bench.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <psymatch/psymatch.h>
#include <yajl/yajl_parse.h>

static char topic[64];

static int
fill(const struct bench_options *o)
{
	struct bench_events e = {0};
	rd_kafka_t *rk = bench_raw_producer(o);
	size_t i;
	int rc = rk && bench_events_make(&e, o->count) == 0 ? 0 : -1;

	for (i = 0; i < o->count && rc == 0; i++)
		rc = bench_raw_send(rk, topic, i, e.bytes + e.at[i],
		                    e.at[i + 1] - e.at[i]);
	if (rk)
		rc |= bench_raw_finish(rk);
	bench_events_free(&e);
	return rc;
}

/* A group of its own for every run: each reads everything. */
static void
group_name(char *text, size_t size)
{
	static int n;

	snprintf(text, size, "bench-%ld-%d", (long)getpid(), n++);
}

static rd_kafka_t *
raw_consumer(const struct bench_options *o)
{
	char group[64], errstr[256];
	const char *settings[][2] = {
	    {"bootstrap.servers", o->bootstrap},
	    {"group.id", group},
	    {"auto.offset.reset", "earliest"},
	    {"enable.auto.commit", "false"},
	    {"partition.assignment.strategy", "range"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *topics;
	rd_kafka_t *rk;
	size_t i;

	group_name(group, sizeof group);
	for (i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1],
		                      errstr,
		                      sizeof errstr) != RD_KAFKA_CONF_OK)
			fprintf(stderr, "%s\n", errstr);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, errstr, sizeof errstr);
	if (!rk)
		return NULL;
	rd_kafka_poll_set_consumer(rk);
	topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
	if (rd_kafka_subscribe(rk, topics) != RD_KAFKA_RESP_ERR_NO_ERROR)
		fprintf(stderr, "subscribe failed\n");
	rd_kafka_topic_partition_list_destroy(topics);
	return rk;
}

static int
parse(const void *text, size_t len)
{
	static const yajl_callbacks none;
	yajl_handle h = yajl_alloc(&none, NULL, NULL);
	int ok = yajl_parse(h, text, len) == yajl_status_ok &&
	         yajl_complete_parse(h) == yajl_status_ok;

	yajl_free(h);
	return ok;
}

static int
run_loop(const struct bench_options *o, int with_parse)
{
	rd_kafka_t *rk = raw_consumer(o);
	size_t got = 0;
	int rc = rk ? 0 : -1, idle = 0;

	while (rc == 0 && got < o->count && idle < 300) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);

		idle = m ? 0 : idle + 1;
		if (m && !m->err) {
			if (got++ == 0) /* not the joining of the group */
				bench_begin();
			if (with_parse && !parse(m->payload, m->len))
				rc = -1;
		}
		if (m)
			rd_kafka_message_destroy(m);
	}
	if (rk) {
		rd_kafka_consumer_close(rk);
		rd_kafka_destroy(rk);
	}
	return rc || got < o->count ? -1 : 0;
}

static int
run_raw(const struct bench_options *o, void *work)
{
	(void)work;
	return run_loop(o, 0);
}

static int
run_by_hand(const struct bench_options *o, void *work)
{
	(void)work;
	return run_loop(o, 1);
}

static int
count_event(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)err;
	if (++*(size_t *)user == 1)
		bench_begin();
	return 0;
}

static int
consume_all(psm_consumer *c, size_t want, const size_t *got, psm_error *err)
{
	int idle = 0;

	while (*got < want && idle < 300) {
		int n = psm_consumer_poll(c, 100, err);

		if (n < 0)
			return n;
		idle = n ? 0 : idle + 1;
	}
	return *got < want ? -1 : psm_consumer_close(c, 10000, err);
}

static int
run_psymatch(const struct bench_options *o, void *work)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_consumer *c = NULL;
	size_t got = 0;
	char group[64];
	int rc = psm_config_from_env(&cfg, err);

	(void)work;
	group_name(group, sizeof group);
	if (rc == 0)
		rc = psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS",
		                    o->bootstrap, err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_consumer_new(t, cfg, group, &c, err);
	if (rc == 0)
		rc = psm_consumer_subscribe(c, topic, err);
	if (rc == 0)
		rc = psm_consumer_on(c, "therapist.updated", count_event, &got,
		                     err);
	if (rc == 0)
		rc = consume_all(c, o->count, &got, err);
	if (rc < 0)
		fprintf(stderr, "%zu events; %s\n", got,
		        psm_error_message(err));
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench_side sides[] = {
	    {.name = "raw consumer, no parsing", .run = run_raw},
	    {.name = "by hand: raw consumer + yajl", .run = run_by_hand},
	    {.name = "psymatch: parse + check + dispatch", .run = run_psymatch},
	};
	struct bench_options o = {.count =
	                              20000}; /* what the mock cluster keeps */
	int rc;

	bench_options(argc, argv, &o);
	if (!o.bootstrap)
		o.bootstrap = bench_mock_start();
	snprintf(topic, sizeof topic, "bench-consume-%ld", (long)getpid());
	if (!o.bootstrap || fill(&o) != 0) {
		fprintf(stderr, "consume: cannot set up\n");
		return 1;
	}
	rc = bench_compare(&o, sides, 3, NULL);
	bench_mock_stop();
	return rc;
}
