/* SPDX-License-Identifier: BSD-2-Clause */
/* What a processor does with messages and with what handlers say. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

/* -- poison */

START_TEST(good_and_bad_messages)
{
	static const char garbage[] = "\x00\xff{not json";
	static const char unknown[] =
	    "{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","
	    "\"event_type\":\"moon.landed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{}}";
	char *text;

	flow_put(1, 1);
	flow_put_raw(t, "k\xfe", garbage, sizeof garbage - 1);
	flow_put_raw(t, "1", NULL, 0);
	flow_put_raw(t, "1", unknown, sizeof unknown - 1);
	text = flow_event(1, 2, NULL, "9.9");
	flow_put_raw(t, "1", text, strlen(text));
	free(text);
	flow_put_raw(t, "1", "", 0);
	flow_put(1, 2);
	flow_start();
	flow_wait_offset(7);
	flow_stop();
	flow_check_effects(2);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "dead"), 3);
	ck_assert_int_eq(psm_processor_stat(pr, "skipped"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "nothing"), -1);
	/* The bytes and where they came from. */
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM psymatch.dead_letter WHERE consumer = "
		"'" FLOW_NAME "' AND topic = '" FLOW_TOPIC
		"' AND partition = 0 AND "
		"\"offset\" = 1 AND raw = '\\x00ff7b6e6f74206a736f6e' AND "
		"decode(key, 'escape') = '\\x6bfe' AND code = "
		"'PSM_ERR_PARSE' AND reason LIKE 'line 1, column 1: want %%' "
		"AND event_id IS NULL"),
	    1);
	/* A null value says that a key is gone: no dead letter. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = 2"),
	    0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = 4 AND code = 'PSM_ERR_VERSION' AND "
	           "pointer = '/version'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = 5 AND raw = ''"),
	    1);
}
END_TEST

START_TEST(same_event_at_another_offset)
{
	static const char id[] = "0198c0de-0000-7000-8000-00000000000a";

	flow_put_to(t, 1, 1, id);
	flow_put_to(t, 1, 1, id);
	flow_put(1, 2);
	flow_start();
	flow_wait_offset(3);
	flow_put_to(t, 1, 1, id);
	flow_wait_offset(4);
	flow_stop();
	flow_check_effects(2);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 2);
}
END_TEST

/* Two of one batch with one id: the first is refused, so the second is fresh.
 */
START_TEST(same_event_after_a_refusal)
{
	static const char id[] = "0198c0de-0000-7000-8000-00000000000b";

	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_REJECT};
	flow_put_to(t, 1, 1, id);
	flow_put_to(t, 1, 2, id);
	flow_put(1, 3);
	flow_start();
	flow_wait_offset(3);
	flow_stop();
	flow_check_effects(2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n IN (2, 3)"), 2);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 2);
}
END_TEST

START_TEST(same_event_is_dead_once)
{
	static const char id[] = "0198c0de-0000-7000-8000-00000000000c";

	plan = (struct flow_plan){.bad = 1, .times = -1, .rc = PSM_ERR_REJECT};
	flow_put_to(t, 1, 1, id);
	flow_put_to(t, 1, 1, id);
	flow_start();
	flow_wait_offset(2);
	flow_put_to(t, 1, 1, id);
	flow_wait_offset(3);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(pg_int("SELECT \"offset\" FROM psymatch.dead_letter"),
	                 0);
	/* Given up, it is seen again when it comes again. */
	pg_run("SELECT psymatch.dead_skip(id, 'a test', 'no use') FROM "
	       "psymatch.dead_letter");
	flow_put_to(t, 1, 1, id);
	flow_wait_offset(4);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows(), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "dead"), 4);
}
END_TEST

/* -- what a handler says */

START_TEST(reject_is_a_dead_letter)
{
	int n;

	plan = (struct flow_plan){.bad = 3, .times = -1, .rc = PSM_ERR_REJECT};
	for (n = 1; n <= 5; n++)
		flow_put(1, n);
	flow_start();
	flow_wait_offset(5);
	flow_stop();
	/* Neither its row nor its event are left. */
	flow_check_effects(4);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n = 3"), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE \"offset\" "
	           "= 2 AND code = 'PSM_ERR_REJECT' AND reason = 'as planned' "
	           "AND type = 'communication.send_email' AND event_id IS NOT "
	           "NULL AND raw IS NOT NULL"),
	    1);
	ck_assert_int_eq(psm_processor_stat(pr, "dead"), 1);
	/* It may come again: it is not in the inbox. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 4);
}
END_TEST

/* -- statements whose answers a handler does not wait for */

static int lazy_calls; /* __atomic */

static int
lazy_handler(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	char key[16], n[16];
	const char *params[] = {psm_event_id(ev), key, n};

	(void)user;
	(void)__atomic_add_fetch(&lazy_calls, 1, __ATOMIC_RELAXED);
	(void)snprintf(key, sizeof key, "%d", flow_member(ev, "/email_id"));
	(void)snprintf(n, sizeof n, "%d", flow_member(ev, "/n"));
	return psm_tx_queue(tx,
	                    "INSERT INTO effects (event_id, key, n) VALUES "
	                    "($1::uuid, $2::integer, $3::integer)",
	                    3, params, e);
}

static void
start_lazy(int count)
{
	for (int n = 1; n <= count; n++)
		flow_put(1 + n % 7, n);
	pr = flow_processor(st, t, lazy_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(count);
	flow_stop();
}

START_TEST(queued_statements)
{
	start_lazy(120);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"), 120);
	ck_assert_int_eq(lazy_calls, 120);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 120);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Only the event whose statement it was is dead, wherever it showed. */
START_TEST(queued_statement_fails)
{
	static const int bad[] = {1, 5, 20};

	pg_run("ALTER TABLE effects ADD CHECK (n <> %d)", bad[_i]);
	start_lazy(20);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 19);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"), 19);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = %d AND code = 'PSM_ERR_SCHEMA'",
	           bad[_i] - 1),
	    1);
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 19);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
	ck_assert_int_gt(lazy_calls, 20);
}
END_TEST

/* More messages behind it than a batch takes. */
START_TEST(retry_keeps_the_order)
{
	int n;

	plan = (struct flow_plan){.bad = 3, .times = 2, .rc = PSM_ERR_RETRY};
	for (n = 1; n <= 120; n++)
		flow_put(1, n);
	flow_start();
	flow_wait_offset(120);
	flow_stop();
	flow_check_effects(120);
	ck_assert_int_eq(psm_processor_stat(pr, "retried"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "retrying"), 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(plan.seen, 3);
}
END_TEST

START_TEST(retry_stops_its_partition_only)
{
	int n;

	psm_transport_unref(t);
	ck_assert_int_eq(psm_transport_memory(8, &t, err), 0);
	plan =
	    (struct flow_plan){.bad = 1000, .times = -1, .rc = PSM_ERR_RETRY};
	flow_put(1, 1000);
	for (n = 1; n <= 80; n++)
		flow_put(n % 16 + 1, n);
	flow_start();
	/* All but the held partition's: key 1 and who shares it. */
	PG_UNTIL(pg_int("SELECT coalesce(sum(next), 0) FROM "
	                "psymatch.consumer_offset") > 50);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 1"),
	                 0);
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_AMBER);
	ck_assert_int_eq(psm_processor_stat(pr, "retrying"), 1);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	flow_wait_offset(81);
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 81);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(PARTITION BY key ORDER BY seq) AS before "
	                        "FROM effects WHERE n < 1000) AS o WHERE "
	                        "before >= n"),
	                 0);
}
END_TEST

START_TEST(system_failure_is_never_dead)
{
	int n;

	plan = (struct flow_plan){.bad = 3, .times = 2, .rc = PSM_ERR_DB};
	for (n = 1; n <= 10; n++)
		flow_put(1, n);
	flow_start();
	flow_wait_offset(10);
	flow_stop();
	flow_check_effects(10);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 10);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* A handler that goes on after a statement of its own failed. */
static int
swallow(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_save(tx, ev, e);

	(void)user;
	if (flow_member(ev, "/n") == 2 &&
	    psm_tx_exec(tx,
	                "INSERT INTO effects (seq, event_id) VALUES (1, "
	                "gen_random_uuid())",
	                0, NULL, NULL, e) == 0)
		return PSM_ERR_STATE;
	return rc;
}

START_TEST(failed_statement_counts)
{
	flow_put(1, 1);
	flow_put(1, 2);
	flow_put(1, 3);
	pr = flow_processor(st, t, swallow);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(3);
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE code = "
	           "'PSM_ERR_CONFLICT' AND \"offset\" = 1"),
	    1);
}
END_TEST

/* Log lines about dead letters, as "name=value ". */
static char letter_lines[1000];

static void
keep_letters(int level, const char *message, const char *const *fields,
             void *user)
{
	size_t i, n;

	(void)user;
	if (level != PSM_LOG_ERROR || !strstr(message, "dead letters"))
		return;
	(void)pthread_mutex_lock(&flow_lock);
	for (i = 0; fields[i]; i += 2) {
		n = strlen(letter_lines);
		(void)snprintf(letter_lines + n, sizeof letter_lines - n,
		               "%s=%s ", fields[i], fields[i + 1]);
	}
	(void)pthread_mutex_unlock(&flow_lock);
}

START_TEST(letter_is_found_by_its_log_line)
{
	char *event_id;

	plan = (struct flow_plan){.bad = 2, .times = -1, .rc = PSM_ERR_REJECT};
	flow_put(1, 1);
	flow_put(1, 2);
	psm_set_log(keep_letters, PSM_LOG_WARN, NULL);
	flow_start();
	flow_wait_offset(2);
	flow_stop();
	psm_set_log(NULL, PSM_LOG_WARN, NULL);
	event_id = strstr(letter_lines, "event_id=");
	ck_assert_msg(event_id != NULL, "%s", letter_lines);
	ck_assert(psm_uuid_valid(event_id + 9, 36));
	ck_assert_ptr_nonnull(strstr(event_id, " type="));
	*event_id = '\0';
	ck_assert_str_eq(letter_lines,
	                 "consumer=" FLOW_NAME " topic=" FLOW_TOPIC
	                 " partition=0 offset=1 code=PSM_ERR_REJECT "
	                 "reason=as planned ");
	ck_assert_int_ge(psm_metrics_value("psymatch_event_errors_total",
	                                   "communication.send_email"),
	                 1);
	ck_assert_int_ge(
	    psm_metrics_value("psymatch_events_consumed_total", FLOW_TOPIC), 2);
}
END_TEST

static int
has_none(psm_processor *p)
{
	char reason[200];

	return psm_processor_health(p, reason, sizeof reason) ==
	           PSM_HEALTH_AMBER &&
	       strstr(reason, "no partition is assigned to it") != NULL;
}

/* Prometheus reads what a processor counts; time is in seconds. */
START_TEST(metrics_of_a_processor)
{
	char *text = NULL;

	flow_start();
	flow_put(1, 1);
	flow_wait_offset(1);
	ck_assert_int_eq(psm_metrics_text(&text, NULL, err), 0);
	ck_assert_ptr_nonnull(
	    strstr(text, "psymatch_processor_handler_seconds_total{type=\""));
	testing_promtool(text);
	psm_free(text);
}
END_TEST

/* Two members of a group share one partition. */
START_TEST(health_without_a_partition)
{
	psm_processor *other;

	flow_start();
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_GREEN);
	other = flow_processor(st, t, flow_handler);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
	PG_UNTIL(has_none(pr) != has_none(other));
	if (has_none(pr)) {
		psm_processor *owner = other;

		other = pr;
		pr = owner;
	}
	ck_assert_int_eq(psm_processor_health(pr, NULL, 0), PSM_HEALTH_GREEN);
	flow_stop();
	PG_UNTIL(psm_processor_health(other, NULL, 0) == PSM_HEALTH_GREEN);
	psm_processor_free(pr);
	pr = other;
	flow_stop();
}
END_TEST

static const struct step {
	int size;
	size_t count;
	int64_t took_ms;
	int want;
} steps[] = {
    /* Quick and full: more. */
    {8, 8, 10, 16},
    {32, 32, 10, PSM__BATCH_MAX},
    {PSM__BATCH_MAX, PSM__BATCH_MAX, 10, PSM__BATCH_MAX},
    /* Nothing is known of larger ones. */
    {8, 7, 10, 8},
    {8, 0, 0, 8},
    {8, 8, PSM__BATCH_WORK_MS / 2 + 1, 8},
    /* Slow: as many as fit, one at least. */
    {50, 50, 2 * PSM__BATCH_WORK_MS, 25},
    {50, 10, 2 * PSM__BATCH_WORK_MS, 5},
    {50, 50, 50 * 96000, 1},
    {1, 1, 96000, 1},
    {1, 1, 10, 2},
};

START_TEST(c08_slow_handlers_make_small_batches)
{
	const struct step *s = &steps[_i];

	ck_assert_int_eq(
	    psm__batch_size(s->size, PSM__BATCH_MAX, s->count, s->took_ms),
	    s->want);
}
END_TEST

/* -- life */

static int
sleepy(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_save(tx, ev, e);

	(void)user;
	(void)pthread_mutex_lock(&flow_lock);
	plan.blocked = 1;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
	return rc < 0
	           ? rc
	           : psm_tx_exec(tx, "SELECT pg_sleep(300)", 0, NULL, NULL, e);
}

START_TEST(stop_has_a_deadline)
{
	int64_t began;
	int rc;

	flow_put(1, 1);
	pr = flow_processor(st, t, sleepy);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_blocked();
	began = psm__mono_ms();
	while ((rc = psm_processor_stop(pr, 100, err)) == PSM_ERR_TIMEOUT)
		continue;
	ck_assert_int_eq(rc, 0);
	ck_assert_int_lt(psm__mono_ms() - began, 60000);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_offset"), 0);
}
END_TEST

/* Without a topic of its own: a type says its topic, "*" does not. */
START_TEST(topics_are_those_of_the_handlers)
{
	flow_put(1, 1);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_on(pr, "*", flow_handler, NULL, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_on(pr, "communication.send_email",
	                                  flow_handler, NULL, err),
	                 0);
	ck_assert_int_eq(
	    psm_processor_on(pr, "email.sent", flow_handler, NULL, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(1);
	flow_stop();
	flow_check_effects(1);
}
END_TEST

START_TEST(a_set_of_handlers)
{
	psm_handlers *hs = NULL;

	flow_put(1, 1);
	ck_assert_int_eq(psm_handlers_new(&hs, err), 0);
	ck_assert_int_eq(psm_handlers_on_tx(hs, "communication.send_email",
	                                    NULL, flow_handler, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_handlers(pr, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_handlers(pr, hs, err), 0);
	ck_assert_int_eq(psm_processor_handlers(pr, hs, err), PSM_ERR_CONFLICT);
	psm_handlers_free(hs);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(1);
	flow_stop();
	flow_check_effects(1);
}
END_TEST

START_TEST(arguments_and_states)
{
	char reason[100];
	psm_processor *none = (psm_processor *)&none;

	ck_assert_int_eq(psm_processor_new(NULL, t, cfg, FLOW_NAME, &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, "", &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_subscribe(pr, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(
	    psm_processor_on(pr, "moon.landed", flow_handler, NULL, err),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(psm_processor_on(pr, "*", flow_handler, NULL, err), 0);
	ck_assert_int_eq(psm_processor_on(pr, "*", flow_handler, NULL, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_processor_health(pr, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	/* It touches nothing of what the thread uses: ThreadSanitizer looks. */
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_str_eq(psm_error_message(err),
	                 "processor: only before the start");
	ck_assert_int_eq(
	    psm_processor_on(pr, "therapist.blocked", flow_handler, NULL, err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_subscribe(pr, "x", err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_stop(pr, -1, err), PSM_ERR_INVAL);
	flow_stop();
	flow_stop();
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_stat(NULL, "dead"), -1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor");
	TCase *tc = tcase_create("processor");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, good_and_bad_messages);
	tcase_add_test(tc, same_event_at_another_offset);
	tcase_add_test(tc, same_event_after_a_refusal);
	tcase_add_test(tc, same_event_is_dead_once);
	tcase_add_test(tc, reject_is_a_dead_letter);
	tcase_add_test(tc, queued_statements);
	tcase_add_loop_test(tc, queued_statement_fails, 0, 3);
	tcase_add_test(tc, retry_keeps_the_order);
	tcase_add_test(tc, retry_stops_its_partition_only);
	tcase_add_test(tc, system_failure_is_never_dead);
	tcase_add_test(tc, failed_statement_counts);
	tcase_add_test(tc, letter_is_found_by_its_log_line);
	tcase_add_test(tc, metrics_of_a_processor);
	tcase_add_test(tc, health_without_a_partition);
	tcase_add_test(tc, stop_has_a_deadline);
	tcase_add_test(tc, arguments_and_states);
	tcase_add_test(tc, a_set_of_handlers);
	tcase_add_test(tc, topics_are_those_of_the_handlers);
	suite_add_tcase(s, tc);
	tc = tcase_create("batch size");
	tcase_add_loop_test(tc, c08_slow_handlers_make_small_batches, 0,
	                    (int)(sizeof steps / sizeof steps[0]));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
