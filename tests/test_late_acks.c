/* SPDX-License-Identifier: BSD-2-Clause */
/* Acknowledgements that come later than the client waits for them: the broker
 * has the events, the client does not know it and sends them again. */
#include "mock.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#define EVENTS 60
#define KEYS 5
#define PARTITIONS 3
#define SOCKET_TIMEOUT "1000" /* ms; looked at once a second */
#define LATE_MS 6000
#define PATIENCE_MS 60000

static struct mock mock;
static char dir[256];
static int told, refused; /* deliveries */

static void
set_up(void)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_socket_timeout_ms", SOCKET_TIMEOUT, NULL};

	testing_tmpdir(dir, sizeof dir);
	flow_setup();
	psm_transport_unref(t);
	mock_open(&mock, FLOW_TOPIC, PARTITIONS);
	t = mock_transport(&mock, settings);
	told = refused = 0;
}

static void
tear_down(void)
{
	psm_transport_unref(t);
	t = NULL;
	mock_close(&mock);
	flow_teardown();
	testing_remove(dir);
}

static void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	(void)event_id, (void)reason, (void)user;
	__atomic_add_fetch(rc == 0 ? &told : &refused, 1, __ATOMIC_RELAXED);
}

static psm_producer *
start_producer(void)
{
	psm_producer *p = NULL;

	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", dir, err),
	                 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, err), 0);
	ck_assert_int_eq(psm_producer_set_delivery(p, hear, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	return p;
}

static void
send_range(psm_producer *p, int from, int to)
{
	psm_event *ev = NULL;
	int n;

	for (n = from; n <= to; n++) {
		char *text = flow_event(1 + n % KEYS, n, NULL, "1.0");

		ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, err),
		                 0);
		ck_assert_int_eq(psm_producer_send(p, FLOW_TOPIC, ev, err), 0);
		psm_event_free(ev);
		free(text);
	}
}

static void
flush(psm_producer *p)
{
	size_t left = 99;

	ck_assert_msg(psm_producer_flush(p, PATIENCE_MS, &left, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_uint_eq(left, 0);
}

/* What the broker has, heard by a client that waits long enough. */
static int64_t
messages_there(void)
{
	int64_t first, end, sum = 0;
	rd_kafka_resp_err_t e;

	for (int i = 0; i < PARTITIONS; i++) {
		e = rd_kafka_query_watermark_offsets(mock.rk, FLOW_TOPIC, i,
		                                     &first, &end, PATIENCE_MS);
		ck_assert_msg(!e, "%s", rd_kafka_err2str(e));
		sum += end;
	}
	return sum;
}

static int64_t
messages_done(void)
{
	return pg_int("SELECT coalesce(sum(next), 0) FROM "
	              "psymatch.consumer_offset");
}

START_TEST(p05_late_acknowledgements_double_no_effect)
{
	psm_producer *p = start_producer();
	int64_t there;

	rd_kafka_brokers_add(mock.rk,
	                     rd_kafka_mock_cluster_bootstraps(mock.cluster));
	send_range(p, 1, EVENTS / 2);
	flush(p);
	ck_assert_int_eq(messages_there(), EVENTS / 2); /* both connected */
	rd_kafka_mock_broker_set_rtt(mock.cluster, 1, LATE_MS);
	send_range(p, EVENTS / 2 + 1, EVENTS);
	PG_UNTIL(psm_producer_health(p, NULL, 0) != PSM_HEALTH_GREEN);
	ck_assert_int_gt(messages_there(), EVENTS / 2);
	ck_assert_int_eq(told, EVENTS / 2);
	rd_kafka_mock_broker_set_rtt(mock.cluster, 1, 0);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 0);
	ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, err), 0);
	psm_producer_free(p);
	ck_assert_int_eq(told, EVENTS);
	ck_assert_int_eq(refused, 0);
	there = messages_there();
	ck_assert_int_gt(there, EVENTS);
	flow_start();
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == EVENTS);
	PG_UNTIL(messages_done() == there);
	PG_UNTIL(psm_processor_stat(pr, "lag") == 0);
	flow_stop();
	flow_check_effects(EVENTS);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("late acknowledgements");
	TCase *tc = tcase_create("late");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, p05_late_acknowledgements_double_no_effect);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
