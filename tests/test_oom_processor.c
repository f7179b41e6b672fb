/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor that runs out of memory while it works: at each of its
 * allocations in turn. Every message is done all the same, once and in order.
 */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/handler.h>

#define PATIENCE_MS 60000

static long put; /* messages so far */

static void
setup(void)
{
	testing_memory_begin();
	flow_setup();
	pg_hasty();
	(void)pg_kill("psymatch%");
	put = 0;
}

/* All messages are done; after a failure it need not wait its time. */
static void
wait_done(void)
{
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;

	while (pg_int("SELECT coalesce(sum(next), 0) FROM "
	              "psymatch.consumer_offset") != put) {
		ck_assert_int_lt(psm__mono_ms(), until_ms);
		psm__worker_wake(&pr->worker);
		pg_pause();
	}
}

/* -- handlers that say no more than what they were told */

static int
number(const psm_event *ev, const char *pointer, char *text, size_t size,
       psm_error *e)
{
	int64_t value = 0;
	int rc = psm_json_get_int(psm_json_at(psm_event_payload(ev), pointer),
	                          &value, e);

	(void)snprintf(text, size, "%lld", (long long)value);
	return rc;
}

static int
emit(psm_tx *tx, const char *key, const char *n, psm_error *e)
{
	psm_event *out = NULL;
	char payload[96];
	int rc;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":%s,\"n\":%s}",
	               key, n);
	rc = psm_event_new("communication.send_email", "test", payload,
	                   strlen(payload), &out, e);
	if (rc == 0)
		rc = psm_tx_emit(tx, out, e);
	psm_event_free(out);
	return rc;
}

#define EFFECT                                                                 \
	"INSERT INTO effects (event_id, key, n) VALUES ($1::uuid, "            \
	"$2::integer, $3::integer)"

/* Keys above 100 are never handled: 101 asks for another try each time. */
static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	char key[24], n[24];
	const char *params[] = {psm_event_id(ev), key, n};
	psm_rows *rows = NULL;
	int rc;

	(void)user;
	rc = number(ev, "/email_id", key, sizeof key, e);
	if (rc == 0)
		rc = number(ev, "/n", n, sizeof n, e);
	if (rc < 0)
		return rc;
	if (strcmp(key, "101") == 0)
		return psm_error_set(e, PSM_ERR_RETRY, "not now");
	rc = psm_tx_exec(tx, "SELECT max(n) FROM effects WHERE key = 0", 0,
	                 NULL, &rows, e);
	psm_rows_free(rows);
	if (rc == 0)
		rc = psm_tx_queue(tx, EFFECT, 3, params, e);
	return rc == 0 ? emit(tx, key, n, e) : rc;
}

/* From 1.0 to 1.1, as one would write it. */
static int
upcast(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char key[24], n[24], payload[96];
	int rc = number(old, "/email_id", key, sizeof key, e);

	(void)user;
	if (rc == 0)
		rc = number(old, "/n", n, sizeof n, e);
	if (rc < 0)
		return rc;
	(void)snprintf(payload, sizeof payload,
	               "{\"email_id\":%s,\"n\":%s,\"new\":1}", key, n);
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, e);
}

static void
make(void)
{
	psm_handler_options *options = NULL;

	ck_assert_int_eq(psm_handler_options_new(&options, err), 0);
	ck_assert_int_eq(psm_handler_options_on_failure(
			     options, PSM_ON_FAILURE_PARK, 0, err),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_BREAKER", "0", err), 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on_with(pr, "communication.send_email",
	                                       options, handle, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_upcast(pr, "communication.send_email",
	                                      "1.0", "1.1", upcast, NULL, err),
	                 0);
	psm_handler_options_free(options);
}

static void
start(void)
{
	make();
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
put_one(int key, long n, const char *id, const char *version)
{
	char *text = flow_event(key, (int)n, id, version), name[16];

	(void)snprintf(name, sizeof name, "%d", key);
	flow_put_raw(t, name, text, strlen(text));
	free(text);
	put++;
}

/* -- everything that is handled */

static void
plain(long n)
{
	char id[40];

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	put_one(1, 2 * n, id, "1.1");
	put_one(2, n, NULL, "1.0");
	put_one(1, 2 * n, id, "1.1");
	put_one(1, 2 * n + 1, NULL, "1.1");
	wait_done();
}

START_TEST(handled_once_without_memory)
{
	long count;

	start();
	plain(0);
	count = testing_refuse_each(plain, 1);
	ck_assert_int_gt(count, 30);
	flow_stop();
	flow_check_effects((int)(put / 4 * 3));
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), put / 4 * 3);
	/* More, where the offset moves by itself and could not. */
	ck_assert_int_ge(psm_processor_stat(pr, "duplicates"), put / 4);
}
END_TEST

/* -- the same on new connections, where every statement is prepared */

static void
anew(long n)
{
	(void)pg_kill("psymatch%");
	put_one(1, n, NULL, "1.1");
	put_one(2, n, NULL, "1.1");
	wait_done();
}

START_TEST(handled_once_on_new_connections)
{
	start();
	anew(0);
	ck_assert_int_gt(testing_refuse_each(anew, 1), 50);
	flow_stop();
	flow_check_effects((int)put);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* -- what is parked, what waits behind it, what is dead */

static void
failures(long n)
{
	static const char bad[] = "{\"event_id\": 1}";

	put_one(101, 2 * n, NULL, "1.1");
	put_one(101, 2 * n + 1, NULL, "1.1");
	flow_put_raw(t, "3", bad, sizeof bad - 1);
	put++;
	put_one(2, n, NULL, "1.1");
	wait_done();
	/* In their order, and with what a row says of an event. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE key = '101' AND "
	           "event_id IS NOT NULL AND type = "
	           "'communication.send_email' AND consumer = '" FLOW_NAME "'"),
	    2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked AS a, psymatch.parked "
	           "AS b WHERE a.id < b.id AND a.\"offset\" < b.\"offset\" AND "
	           "a.state = 'retry' AND b.state = 'waiting'"),
	    1);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n = %ld", n), 1);
	pg_run("DELETE FROM psymatch.parked");
	pg_run("DELETE FROM psymatch.dead_letter");
}

START_TEST(put_aside_once_without_memory)
{
	start();
	failures(0);
	ck_assert_int_gt(testing_refuse_each(failures, 1), 30);
	flow_stop();
	flow_check_effects((int)(put / 4));
}
END_TEST

/* -- parked events that are tried again, by the test instead of the thread */

static void
park(int key, const char *state)
{
	char *text = flow_event(key, key, NULL, "1.0");

	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, partition, "
	       "\"offset\", raw, attempts, next_at, state) VALUES ('" FLOW_NAME
	       "', '%d', '" FLOW_TOPIC "', 0, %d, convert_to('%s', 'UTF8'), 1, "
	       "now() - interval '1 s', '%s')",
	       key, key, text, state);
	free(text);
}

static void
retry(long n)
{
	int64_t effects = pg_int("SELECT count(*) FROM effects");
	int rc;

	(void)n;
	park(7, "retry");
	park(7, "waiting");
	park(101, "retry");
	testing_spared = 0;
	testing_memory_refuse(n);
	pr->parked_at_ms = 0;
	rc = psm__retry_due(pr, 20);
	testing_spared = 1;
	ck_assert_msg(rc == 0 || rc == PSM_ERR_NOMEM, "%s", psm_error_name(rc));
	/* What it did not reach waits as it did; some of it has been put off
	 * so that others have their turn. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "key = '7'") +
	                     pg_int("SELECT count(*) FROM effects"),
	                 effects + 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "key = '101' AND attempts IN (1, 2)"),
	                 1);
	pg_run("UPDATE psymatch.parked SET next_at = now() - interval '1 s' "
	       "WHERE key = '7'");
	/* After a failure they are tried one by one. */
	do {
		pr->parked_at_ms = 0;
		ck_assert_int_eq(psm__retry_due(pr, 20), 0);
	} while (pr->parked_more);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), effects + 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 1);
	pg_run("DELETE FROM psymatch.parked");
	pg_run("DELETE FROM psymatch.inbox");
}

START_TEST(tried_again_once_without_memory)
{
	start();
	flow_stop();
	pr->worker.cancel = 0;
	testing_spared = 1;
	retry(0);
	ck_assert_int_gt(testing_refuse_each(retry, 1), 30);
	testing_spared = 1;
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* -- its whole life */

static int
whole_life(void *arg)
{
	psm_handler_options *options = NULL;
	psm_store *store = NULL;
	psm_transport *from = NULL;
	psm_config *settings = NULL;
	psm_processor *p = NULL;
	int rc;

	(void)arg;
	rc = psm_config_from_env(&settings, NULL);
	if (rc == 0)
		rc = psm_config_set(settings, "PSYMATCH_PROCESSOR_WORKERS", "2",
		                    NULL);
	if (rc == 0)
		rc = psm_store_open(settings, &store, NULL);
	if (rc == 0)
		rc = psm_transport_memory(1, &from, NULL);
	if (rc == 0)
		rc = psm_handler_options_new(&options, NULL);
	if (rc == 0)
		rc = psm_processor_new(store, from, settings, FLOW_NAME, &p,
		                       NULL);
	if (rc == 0)
		rc = psm_processor_subscribe(p, FLOW_TOPIC, NULL);
	if (rc == 0)
		rc = psm_processor_on_with(p, "communication.send_email",
		                           options, handle, NULL, NULL);
	if (rc == 0)
		rc = psm_processor_upcast(p, "communication.send_email", "1.0",
		                          "1.1", upcast, NULL, NULL);
	psm_processor_free(p);
	psm_handler_options_free(options);
	psm_transport_unref(from);
	psm_store_free(store);
	psm_config_free(settings);
	return rc;
}

START_TEST(life_without_memory)
{
	ck_assert_int_gt(testing_fail_each(whole_life, NULL, 0), 20);
}
END_TEST

/* A start that found no memory can be tried again. */
START_TEST(started_when_there_is_memory)
{
	int rc = PSM_ERR_NOMEM;
	long n;

	for (n = 1; rc == PSM_ERR_NOMEM; n++) {
		make();
		testing_memory_refuse(n);
		rc = psm_processor_start(pr, err);
		testing_memory_refuse(0);
		ck_assert(rc == 0 || rc == PSM_ERR_NOMEM);
		ck_assert_int_eq(psm_error_code(err), rc);
		if (rc < 0)
			ck_assert_int_eq(psm_processor_start(pr, err), 0);
		flow_stop();
		psm_processor_free(pr);
		pr = NULL;
	}
	ck_assert_int_gt(n, 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("oom_processor");
	TCase *tc = tcase_create("running");
	SRunner *sr = srunner_create(s);

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, handled_once_without_memory);
	tcase_add_test(tc, handled_once_on_new_connections);
	tcase_add_test(tc, put_aside_once_without_memory);
	tcase_add_test(tc, tried_again_once_without_memory);
	tcase_add_test(tc, started_when_there_is_memory);
	suite_add_tcase(s, tc);
	tc = tcase_create("life");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, life_without_memory);
	suite_add_tcase(s, tc);
	return testing_run(sr);
}
