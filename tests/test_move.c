/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A system moves from Kafka to PostgreSQL and back while it works, as
 * psymatch-transport(7) describes it: nothing is lost, nothing is done twice,
 * and no key is handled out of order.
 */
#include "rigs.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/relay.h>

#define KEYS 8
/* The load stays so many events ahead of the handlers: it goes on during the
 * pause of a move, but does not bury a slow machine. */
#define AHEAD 1000

static psm_transport *kafka, *postgres;
static psm_processor *on_kafka, *on_postgres;
static psm_relay *relay;

/* -- the load: one transaction after the other, until it is told to stop */

static pthread_t writer;
static int writing; /* flow_lock */
static int written; /* flow_lock: events of committed transactions */
static int handled; /* flow_lock: calls of the handler */

static int
emit_one(int n)
{
	psm_error *e = psm_error_new();
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	char payload[64];
	int rc;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               1 + n % KEYS, n);
	rc = psm_event_new("communication.send_email", "test", payload,
	                   strlen(payload), &ev, e);
	if (rc == 0)
		rc = psm_tx_begin(st, &tx, e);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, e);
	if (rc == 0)
		rc = psm_tx_commit(tx, e);
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	psm_error_free(e);
	return rc;
}

/* 0: it is time to end. */
static int
wait_for_room(int n)
{
	int go_on;

	(void)pthread_mutex_lock(&flow_lock);
	written = n;
	while (writing && written - handled > AHEAD)
		(void)pthread_cond_wait(&flow_changed, &flow_lock);
	go_on = writing;
	(void)pthread_mutex_unlock(&flow_lock);
	return go_on;
}

static void *
write_all(void *arg)
{
	int n = 0;

	(void)arg;
	while (wait_for_room(n))
		if (emit_one(n) < 0)
			break;
		else
			n++;
	return NULL;
}

static void
end_load(void)
{
	(void)pthread_mutex_lock(&flow_lock);
	writing = 0;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
}

/* -- the system */

static int
save(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)user;
	(void)pthread_mutex_lock(&flow_lock);
	handled++;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
	return flow_save(tx, ev, e);
}

static psm_processor *
start_processor(psm_transport *from)
{
	psm_processor *p = flow_processor(st, from, save);

	ck_assert_int_eq(psm_processor_start(p, err), 0);
	return p;
}

static void
start_relay(psm_transport *to)
{
	ck_assert_int_eq(psm_relay_new(st, to, cfg, &relay, err), 0);
	ck_assert_int_eq(psm_relay_start(relay, err), 0);
}

/* Without a time to wait for acknowledgements, some rows are sent and stay: the
 * next relay sends them again. */
static void
stop_relay(int timeout_ms)
{
	int rc = psm_relay_stop(relay, timeout_ms, err);

	ck_assert(rc == 0 || (timeout_ms == 0 && rc == PSM_ERR_TIMEOUT));
	psm_relay_free(relay);
	relay = NULL;
}

/* What has left the outbox has been handled: each event is in one of the two
 * places at least. An id that was drawn and is not committed makes it wait. */
static int
drained(void)
{
	return (int)pg_int(
	    "SELECT ((SELECT count(*) FROM (SELECT n FROM effects UNION SELECT "
	    "(payload::json->>'n')::integer FROM psymatch.outbox) AS u) >= "
	    "last_value)::integer FROM psymatch.outbox_id_seq");
}

static void
setup(void)
{
	flow_setup();
	kafka = rig_kafka.open(FLOW_TOPIC);
	postgres = rig_postgres.open(FLOW_TOPIC);
	writing = 1;
	written = handled = 0;
}

static void
teardown(void)
{
	rig_kafka.close(kafka);
	rig_postgres.close(postgres);
	flow_teardown();
}

static void
handle_more(int64_t count)
{
	int64_t want = pg_int("SELECT count(*) FROM effects") + count;

	PG_UNTIL(pg_int("SELECT count(*) FROM effects") >= want);
}

START_TEST(kafka_to_postgres_and_back)
{
	on_kafka = start_processor(kafka);
	start_relay(kafka);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_all, NULL), 0);
	handle_more(300);

	/* Forth: readers on both, the outbox waits until the old one is read.
	 */
	on_postgres = start_processor(postgres);
	stop_relay(5000);
	PG_UNTIL(drained());
	start_relay(postgres);
	handle_more(300);
	ck_assert_int_gt(psm_processor_stat(on_postgres, "handled"), 0);

	/* Back, this time with a relay that ends in the middle of its work. */
	stop_relay(0);
	PG_UNTIL(drained());
	PG_UNTIL(psm_processor_stat(on_postgres, "lag") == 0);
	start_relay(kafka);
	handle_more(300);

	end_load();
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.outbox") == 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == written);
	stop_relay(5000);
	ck_assert_int_eq(psm_processor_stop(on_kafka, 60000, err), 0);
	ck_assert_int_eq(psm_processor_stop(on_postgres, 60000, err), 0);

	ck_assert_int_gt(written, 900);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), written);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"),
	                 written);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY "
	           "key ORDER BY seq) AS before FROM effects) AS o "
	           "WHERE before >= n"),
	    0);
	ck_assert_int_eq(flow_dead_rows(), 0);
	psm_processor_free(on_kafka);
	psm_processor_free(on_postgres);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("move");
	TCase *tc = tcase_create("move");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, kafka_to_postgres_and_back);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
