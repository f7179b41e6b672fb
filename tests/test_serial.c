/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Serial equivalence, on every transport. Writers change entities and emit an
 * event for each change; it goes through the outbox, the relay and the topic to
 * two processors of one group, whose handler changes a table and emits the next
 * event, which takes the same way to the same handler. On that way all that may
 * go wrong goes wrong at random: rollbacks, doubled events, handlers that fail
 * for a time, for good or with the system, relays and processors that end in
 * the middle, connections that are cut, groups that are shared anew. At the end
 * the tables are those of a serial run: every change of a key once, in the
 * order of the commits, without those that were refused for good.
 *
 * PSYMATCH_TEST_SEED=N sets what a seed decides: which events are made, and
 * which of them fail how (1; "random" takes another one each time, and prints
 * it). PSYMATCH_TEST_ROUNDS=N: N seeds, one after another.
 */
#include "rigs.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/relay.h>

#define KEYS 10
#define HOPS 2
#define WRITERS 3
#define EACH 60
#define MAX_N (WRITERS * EACH * 2)
/* The writers stay so many events ahead of the handler at most, so that they
 * are at work in all of what happens. */
#define AHEAD 40
#define MODULUS 1000003

static const struct rig *rig;
static unsigned seed;
static int parking;
static psm_processor *members[2];
static psm_relay *relay;
static struct rig_sender *sender;

/* -- what becomes of an event is a matter of the seed */

enum fate { FINE, REFUSED, LATER, SYSTEM, CUT };

static enum fate
fate_of(int hop, int key, int n)
{
	unsigned at = testing_mix(
	    seed + testing_mix((unsigned)((hop * 64 + key) * 4096 + n)));

	at %= 1000;
	return at < 30   ? REFUSED
	       : at < 60 ? LATER
	       : at < 75 ? SYSTEM
	       : at < 80 ? CUT
	                 : FINE;
}

static int
step(int64_t value, int hop, int n)
{
	return (int)((value * 31 + (int64_t)n * 7 + hop + 1) % MODULUS);
}

/* -- the handler */

static int tries[HOPS][KEYS + 1][MAX_N]; /* flow_lock */
static int handled;                      /* flow_lock: calls */

static int
emit(psm_tx *tx, int hop, int key, int n, int times, psm_error *e)
{
	psm_event *ev = NULL;
	char payload[80];
	int rc;

	(void)snprintf(payload, sizeof payload,
	               "{\"email_id\":%d,\"n\":%d,\"hop\":%d}", key, n, hop);
	rc = psm_event_new("communication.send_email", "test", payload,
	                   strlen(payload), &ev, e);
	while (rc == 0 && times-- > 0)
		rc = psm_tx_emit(tx, ev, e);
	psm_event_free(ev);
	return rc;
}

/* What it shall return this time; 1: its connection shall be cut. */
static int
verdict(int hop, int key, int n)
{
	enum fate fate = fate_of(hop, key, n);
	int count;

	(void)pthread_mutex_lock(&flow_lock);
	count = ++tries[hop][key][n];
	handled++;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
	if (fate == REFUSED)
		return PSM_ERR_REJECT;
	if (fate == LATER)
		return count <= 1 + n % 2 ? PSM_ERR_RETRY : 0;
	if (fate == SYSTEM)
		return count == 1 ? PSM_ERR_DB : 0;
	return fate == CUT && count == 1;
}

static int
apply(psm_tx *tx, int hop, int key, int n, psm_error *e)
{
	char text[3][16];
	const char *params[] = {text[0], text[1], text[2]};

	(void)snprintf(text[0], sizeof text[0], "%d", hop);
	(void)snprintf(text[1], sizeof text[1], "%d", key);
	(void)snprintf(text[2], sizeof text[2], "%d", n);
	return psm_tx_exec(tx,
	                   "UPDATE account SET steps = steps + 1, value = "
	                   "(value * 31 + $3::bigint * 7 + hop + 1) % 1000003 "
	                   "WHERE hop = $1::integer AND key = $2::integer",
	                   3, params, NULL, e);
}

static int
mark(psm_tx *tx, const psm_event *ev, psm_error *e)
{
	char partition[16], offset[24];
	const char *params[] = {partition, offset};

	(void)snprintf(partition, sizeof partition, "%d",
	               psm_event_partition(ev));
	(void)snprintf(offset, sizeof offset, "%lld",
	               (long long)psm_event_offset(ev));
	return psm_tx_exec(
	    tx, "INSERT INTO marker VALUES ($1::integer, $2::bigint)", 2,
	    params, NULL, e);
}

/* All of its work is done before it fails, so all of it has to be undone. */
static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int key = flow_member(ev, "/email_id"), n = flow_member(ev, "/n");
	int hop = flow_member(ev, "/hop"), rc, planned;

	(void)user;
	if (hop == HOPS)
		return mark(tx, ev, e);
	planned = verdict(hop, key, n);
	rc = apply(tx, hop, key, n, e);
	if (rc == 0 && hop + 1 < HOPS)
		rc = emit(tx, hop + 1, key, n, 1 + (n % 9 == 0), e);
	if (rc == 0 && planned > 0)
		rc = psm_tx_exec(
		    tx, "SELECT pg_terminate_backend(pg_backend_pid())", 0,
		    NULL, NULL, e);
	if (rc == 0 && planned < 0)
		rc = psm_error_set(e, planned, "as planned");
	return rc;
}

/* -- the writers */

static int made; /* flow_lock: committed changes, as far as anybody knows */

static void
wait_for_room(void)
{
	struct timespec until;

	/* Calls may fail and come again, and the last change may wait for a
	 * processor that is to be started: no longer than that. */
	psm__deadline(&until, 500);
	(void)pthread_mutex_lock(&flow_lock);
	made++;
	while (made - handled / HOPS > AHEAD &&
	       pthread_cond_timedwait(&flow_changed, &flow_lock, &until) == 0)
		;
	(void)pthread_mutex_unlock(&flow_lock);
}

/* One change; one of seven is rolled back when all is written. */
static int
change(unsigned *random, psm_error *e)
{
	int key = 1 + (int)((unsigned)rand_r(random) % KEYS), rc, n = 0;
	unsigned dice = (unsigned)rand_r(random);
	const char *params[1];
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	char text[16];

	(void)snprintf(text, sizeof text, "%d", key);
	params[0] = text;
	rc = psm_tx_begin(st, &tx, e);
	if (rc < 0)
		return rc;
	rc = psm_tx_exec(tx,
	                 "UPDATE entity SET n = n + 1 WHERE key = $1::integer "
	                 "RETURNING n",
	                 1, params, &rows, e);
	if (rc == 0) {
		n = (int)psm_rows_int(rows, 0, 0);
		rc = emit(tx, 0, key, n, 1 + (dice % 8 == 0), e);
	}
	psm_rows_free(rows);
	if (rc == 0 && dice / 8 % 7 != 0)
		return psm_tx_commit(tx, e);
	psm_tx_rollback(tx);
	return rc < 0 ? rc : PSM_ERR_STATE;
}

static void *
write_all(void *arg)
{
	unsigned random = testing_mix(seed + (unsigned)(intptr_t)arg);
	psm_error *e = psm_error_new();
	int done = 0;

	while (done < EACH)
		if (change(&random, e) == 0) {
			done++;
			wait_for_room();
		}
	psm_error_free(e);
	return NULL;
}

/* -- what happens to it */

static void
start_relay(void)
{
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &relay, err), 0);
	ck_assert_int_eq(psm_relay_start(relay, err), 0);
}

/* Without time for acknowledgements: what is under way is sent again. */
static void
interrupt_relay(int timeout_ms)
{
	int rc = psm_relay_stop(relay, timeout_ms, err);

	ck_assert(rc == 0 || rc == PSM_ERR_TIMEOUT);
	psm_relay_free(relay);
	relay = NULL;
}

static void
start_member(int i)
{
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	if (parking)
		ck_assert_int_eq(psm_handler_options_on_failure(
				     o, PSM_ON_FAILURE_PARK, 1000, err),
		                 0);
	ck_assert_int_eq(
	    psm_processor_new(st, t, cfg, FLOW_NAME, &members[i], err), 0);
	ck_assert_int_eq(psm_processor_subscribe(members[i], FLOW_TOPIC, err),
	                 0);
	ck_assert_int_eq(psm_processor_on_with(members[i],
	                                       "communication.send_email", o,
	                                       handle, NULL, err),
	                 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_processor_start(members[i], err), 0);
}

static void
stop_member(int i, int timeout_ms)
{
	int rc = 0;

	if (members[i])
		rc = psm_processor_stop(members[i], timeout_ms, err);
	ck_assert(rc == 0 || rc == PSM_ERR_TIMEOUT);
	psm_processor_free(members[i]);
	members[i] = NULL;
}

static void
happen(unsigned *random)
{
	int what = rand_r(random) % 12, timeout_ms = rand_r(random) % 2 * 5000;
	int i = rand_r(random) % 2;

	if (what < 4) {
		interrupt_relay(timeout_ms);
		start_relay();
	} else if (what < 8) {
		stop_member(i, timeout_ms);
		start_member(i);
	} else if (what == 8) {
		stop_member(i, timeout_ms);
	} else if (what == 9) {
		(void)pg_kill("psymatch%");
	} else if (what == 10 && rig->evict) {
		rig->evict(t);
	} else {
		rig->set_down(t, 1);
		rig->set_down(t, 0);
	}
	for (i = 0; i < 2 && !members[0] && !members[1]; i++)
		start_member(i);
}

/* Some more calls of the handler, or a while, for what happened may be that
 * nothing is handled until the next thing happens. */
static void
go_on(int calls)
{
	struct timespec until;
	int rc = 0;

	psm__deadline(&until, 3000);
	(void)pthread_mutex_lock(&flow_lock);
	calls += handled;
	while (handled < calls && rc == 0)
		rc = pthread_cond_timedwait(&flow_changed, &flow_lock, &until);
	(void)pthread_mutex_unlock(&flow_lock);
}

/* -- the end */

/* A marker goes behind all that was sent, in each partition. */
static void
settle(void)
{
	int i, n = 0;

	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
	for (i = 0; i < RIG_PARTITIONS; i++) {
		static const char body[] =
		    "{\"event_id\":\"%s\",\"event_type\":"
		    "\"communication.send_email\",\"version\":\"1.0\","
		    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":"
		    "\"test\",\"payload\":{\"email_id\":1,\"n\":1,\"hop\":%d}}";
		char key[16], id[40], text[400];

		rig_key(i, &n, key, sizeof key);
		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		(void)snprintf(text, sizeof text, body, id, HOPS);
		rig_send(sender, key, text, strlen(text));
	}
	rig_flush(sender);
}

/* A worker can handle a marker while another one still has what is before it,
 * but the offset waits for both. */
static void
wait_settled(int markers)
{
	ck_assert_int_eq(
	    pg_wait(markers, 60000,
	            "SELECT count(*) FROM marker JOIN psymatch.consumer_offset "
	            "USING (partition) WHERE next > \"offset\""),
	    markers);
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.parked"), 0);
}

/* The serial run: of each key its changes, one after the other. */
static void
check_key(int key, int changes)
{
	int value[HOPS] = {0}, steps[HOPS] = {0}, hop, n;

	for (n = 1; n <= changes; n++)
		for (hop = 0; hop < HOPS; hop++) {
			if (fate_of(hop, key, n) == REFUSED)
				break;
			value[hop] = step(value[hop], hop, n);
			steps[hop]++;
		}
	for (hop = 0; hop < HOPS; hop++) {
		int64_t got = pg_int("SELECT value FROM account WHERE hop = %d "
		                     "AND key = %d",
		                     hop, key);
		int64_t had = pg_int("SELECT steps FROM account WHERE hop = %d "
		                     "AND key = %d",
		                     hop, key);

		ck_assert_msg(got == value[hop] && had == steps[hop],
		              "PSYMATCH_TEST_SEED=%u: key %d, hop %d: %d steps "
		              "to %d, serially %d to %d",
		              seed, key, hop, (int)had, (int)got, steps[hop],
		              value[hop]);
	}
}

static void
check_tables(void)
{
	int key, refused = 0, n, changes;

	for (key = 1; key <= KEYS; key++) {
		changes =
		    (int)pg_int("SELECT n FROM entity WHERE key = %d", key);
		ck_assert_int_lt(changes, MAX_N);
		check_key(key, changes);
		for (n = 1; n <= changes; n++)
			refused += fate_of(0, key, n) == REFUSED ||
			           fate_of(1, key, n) == REFUSED;
	}
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT event_id) FROM "
	                        "psymatch.dead_letter"),
	                 refused);
	/* A message is dead once; an event twice if it was sent twice. */
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT (consumer, topic, "
	                        "partition, \"offset\")) FROM "
	                        "psymatch.dead_letter"),
	                 pg_int("SELECT count(*) FROM psymatch.dead_letter"));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE code <> "
	           "'PSM_ERR_REJECT'"),
	    0);
	/* Not a single one of the writers' commits is missing. */
	ck_assert_int_ge(pg_int("SELECT sum(n) FROM entity"), WRITERS * EACH);
}

/* -- the test */

static void
setup(void)
{
	flow_setup();
	psm_transport_unref(t);
	t = rig->open(FLOW_TOPIC);
	sender = rig_sender_open(t, FLOW_TOPIC);
	/* For the writers, the relay and two processors with workers. */
	psm_store_free(st);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DB_CONNECTIONS", "24", err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	pg_run("CREATE TABLE entity (key integer PRIMARY KEY, n integer)");
	pg_run("INSERT INTO entity SELECT k, 0 FROM generate_series(1, %d) k",
	       KEYS);
	pg_run("CREATE TABLE account (hop integer, key integer, value bigint, "
	       "steps integer, PRIMARY KEY (hop, key))");
	pg_run("INSERT INTO account SELECT h, k, 0, 0 FROM generate_series(0, "
	       "%d) h, generate_series(1, %d) k",
	       HOPS - 1, KEYS);
	pg_run("CREATE TABLE marker (partition integer, \"offset\" bigint)");
	memset(tries, 0, sizeof tries);
	made = handled = 0;
}

static void
teardown(void)
{
	rig_sender_close(sender);
	rig->close(t);
	t = NULL;
	flow_teardown();
}

static unsigned
choose_seed(int round)
{
	return (unsigned)testing_seed() + (unsigned)round;
}

/* _i: which round; odd ones park what fails, even ones wait for it; with one
 * worker or four. */
START_TEST(tables_of_a_serial_run)
{
	/* A group of the mock takes seconds to be shared anew. */
	int events = rig->slow_groups ? 6 : 16, hop;
	const char *workers = (_i + 1) / 2 % 2 ? "4" : "1";
	pthread_t writers[WRITERS];
	unsigned random;
	intptr_t i;

	seed = choose_seed(_i);
	parking = _i % 2;
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", workers, err), 0);
	random = seed;
	(void)fprintf(stderr, "%s, %s, workers: %s: PSYMATCH_TEST_SEED=%u\n",
	              rig->name, parking ? "parking" : "waiting", workers,
	              seed);
	start_relay();
	start_member(0);
	start_member(1);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&writers[i], NULL, write_all,
		                                (void *)(i + 1)),
		                 0);
	while (events-- > 0) {
		go_on(10 + rand_r(&random) % 30);
		happen(&random);
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(writers[i], NULL), 0);
	for (i = 0; i < 2; i++)
		if (!members[i])
			start_member((int)i);
	/* What the first hop emits comes behind its marker. */
	for (hop = 1; hop <= HOPS; hop++) {
		settle();
		wait_settled(hop * RIG_PARTITIONS);
	}
	for (i = 0; i < 2; i++)
		stop_member((int)i, 10000);
	interrupt_relay(5000);
	check_tables();
}
END_TEST

/* RIG: which transport; there is one program for each. */
int
main(int argc, char **argv)
{
	const char *rounds = getenv("PSYMATCH_TEST_ROUNDS");
	Suite *s = suite_create("serial equivalence");
	TCase *tc = tcase_create("serial");

	(void)argc;
	rig = &RIG;
	if (rig->begin)
		rig->begin(argv);
	pg_main(argv);
	tcase_set_timeout(tc, 180);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, tables_of_a_serial_run, 0,
	                    rounds             ? atoi(rounds)
	                    : rig->slow_groups ? 2
	                                       : 4);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
