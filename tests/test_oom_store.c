/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each call of the store without memory, at each of its allocations in turn: it
 * says so, leaves the database as it was and nothing behind in the process, and
 * works when it is repeated.
 */
#include "testing.h"
#include "testing_pg.h"

#include "store/delivery.h"
#include "store/shadow.h"

#include <psymatch/dead.h>

#define PLACE                                                                  \
	{                                                                      \
		"c", "communication-events", 0, 7                              \
	}
#define ID "01890000-0000-7000-8000-0000000000"
#define EVENT_WITH(id)                                                         \
	"{\"event_id\":\"" id "\",\"event_type\":\"communication.send_email\"" \
	",\"version\":\"1.0\",\"timestamp\":\"2026-01-31T09:00:00Z\","         \
	"\"producer\":\"test\",\"payload\":{\"email_id\":7}}"

static const char event[] = EVENT_WITH(ID "01");
static psm_config *cfg;

static void
setup(void)
{
	testing_memory_begin();
	pg_database();
	pg_hasty();
	psm_store_free(pg_store());
	cfg = pg_settings();
	pg_run("CREATE TABLE t (id integer)");
}

static void
teardown(void)
{
	psm_config_free(cfg);
}

/* -- a store of its own around each try */

struct use {
	int (*fn)(psm_store *st);
	/* What fn needs; run before. */
	const char *before;
	/* Whose answer is the same after a try without memory. */
	const char *look;
	/* 1: it may do without some of it. */
	int lenient;
};

static int
use_store(void *arg)
{
	const struct use *use = arg;
	psm_store *st = NULL;
	char *before, *after;
	int rc;

	if (use->before)
		pg_run("%s", use->before);
	before = pg_text("%s", use->look);
	rc = psm_store_open(cfg, &st, NULL);
	if (rc == 0)
		rc = use->fn(st);
	psm_store_free(st);
	after = pg_text("%s", use->look);
	if (rc == PSM_ERR_NOMEM)
		ck_assert_str_eq(before, after);
	free(before);
	free(after);
	return rc;
}

static void
check_use(struct use use, long least)
{
	ck_assert_int_ge(testing_fail_each(use_store, &use, use.lenient),
	                 least);
}

#define COUNT(table) "SELECT count(*) FROM " table

/* -- a transaction of an application */

static int
queue_rows(psm_tx *tx)
{
	const char *params[] = {"1"};
	int i, rc = 0;

	for (i = 0; i < 20 && rc == 0; i++)
		rc = psm_tx_queue(tx, "INSERT INTO t VALUES ($1::integer)", 1,
		                  params, NULL);
	if (rc == 0)
		rc = psm__tx_savepoint(tx, "s", NULL);
	if (rc == 0)
		rc =
		    psm_tx_queue(tx, "INSERT INTO t VALUES (2)", 0, NULL, NULL);
	if (rc == 0)
		rc = psm__tx_rollback_to(tx, "s", NULL);
	return rc == 0 ? psm__tx_release(tx, "s", NULL) : rc;
}

static int
emit(psm_tx *tx)
{
	psm_event *ev = NULL, *cause = NULL;
	int rc = psm_event_parse(event, strlen(event), &ev, NULL);

	if (rc == 0)
		rc = psm_event_parse(event, strlen(event), &cause, NULL);
	if (rc == 0)
		psm__tx_set_cause(tx, cause);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, NULL);
	psm_event_free(ev);
	psm__tx_set_cause(tx, NULL);
	psm_event_free(cause);
	return rc;
}

static int
application(psm_store *st)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, NULL);

	if (rc == 0)
		rc = queue_rows(tx);
	if (rc == 0)
		rc = emit(tx);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	rc = psm_tx_commit(tx, NULL);
	ck_assert_int_eq(pg_int(COUNT("t")), rc == 0 ? 20 : 0);
	return rc;
}

START_TEST(queued_statements)
{
	check_use(
	    (struct use){application,
	                 "DELETE FROM t; DELETE FROM psymatch.outbox",
	                 "SELECT (" COUNT("t") ") + "
	                                       "(" COUNT("psymatch.outbox") ")",
	                 1}, /* the wake-up behind the commit */
	    25);
}
END_TEST

/* -- a commit that waits. Once it has committed it can only say that it does
 * not know. */

static int
required(psm_store *st)
{
	static const char *const consumers[] = {"a", "b"};
	psm_event *ev = NULL;
	psm_tx *tx = NULL;
	int rc = psm_event_parse(event, strlen(event), &ev, NULL);

	if (rc == 0)
		rc = psm_tx_begin(st, &tx, NULL);
	if (rc == 0)
		rc = psm_tx_emit_required(tx, ev, consumers, 2, NULL);
	psm_event_free(ev);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	rc = psm_tx_commit(tx, NULL);
	if (rc != PSM_ERR_UNCONFIRMED)
		return rc;
	ck_assert_int_eq(pg_int(COUNT("psymatch.outbox")), 1);
	return 0;
}

#define HANDLED_SQL                                                            \
	"DELETE FROM psymatch.outbox; DELETE FROM psymatch.inbox; INSERT "     \
	"INTO psymatch.inbox (consumer, event_id) VALUES ('a', '" ID "01'), "  \
	"('b', '" ID "01')"

START_TEST(required_events)
{
	check_use(
	    (struct use){required, HANDLED_SQL, COUNT("psymatch.outbox"), 1},
	    25);
}
END_TEST

static int
wait_handled(psm_store *st)
{
	return psm_store_wait_handled(st, ID "01", "a", 60000, NULL);
}

START_TEST(waiting_for_a_consumer)
{
	check_use(
	    (struct use){wait_handled, HANDLED_SQL, COUNT("psymatch.inbox"), 1},
	    8);
}
END_TEST

/* -- what a processor asks for */

static int
use_offsets(psm_tx *tx)
{
	struct psm__place at = PLACE;
	psm_rows *moved = NULL, *again = NULL;
	int64_t next = 0, incarnation = 0;
	int held = 0, rc;

	rc = psm__offset_move(tx, &at, -1, 5, "owner", &moved, NULL);
	if (rc == 0)
		rc = psm__offset_move(tx, &at, 5, 6, "owner", &again, NULL);
	if (rc == 0)
		rc = psm__offset_set(tx, &at, 5, NULL);
	if (rc == 0)
		rc = psm__offset_read(tx, &at, &next, &incarnation, NULL);
	if (rc == 0)
		ck_assert(next == 5 && incarnation == 7 &&
		          psm_rows_affected(again) == 1);
	if (rc == 0)
		rc = psm__offset_lock(tx, &at, 1, "owner", &held, NULL);
	if (rc == 0)
		ck_assert_int_eq(held, 1);
	if (rc < 0) /* their statements may still wait for an answer */
		psm_tx_rollback(tx);
	psm_rows_free(moved);
	psm_rows_free(again);
	return rc;
}

static int
use_inbox(psm_tx *tx)
{
	static const char *const ids[] = {ID "02", ID "03", ID "02"};
	psm_rows *rows = NULL;
	int fresh = 0, rc = psm__inbox_claim(tx, "c", ID "01", &fresh, NULL);

	if (rc == 0)
		rc = psm__inbox_claim_all(tx, "c", ids, 3, &rows, NULL);
	if (rc == 0)
		ck_assert(fresh && psm_rows_count(rows) == 2);
	psm_rows_free(rows);
	return rc == 0 ? psm__inbox_unclaim(tx, "c", ID "02", NULL) : rc;
}

static int
use_ahead(psm_tx *tx)
{
	struct psm__out_of_order a = {.at = PLACE, .offset = 7, .checksum = 9};
	int found = 0, rc = psm__out_of_order_add(tx, &a, NULL);

	if (rc == 0)
		rc = psm__out_of_order_has(tx, &a, &found, NULL);
	if (rc == 0)
		ck_assert_int_eq(found, 1);
	return rc == 0 ? psm__out_of_order_clear(tx, &a.at, 8, NULL) : rc;
}

static int
use_letter(psm_tx *tx)
{
	struct psm__dead_letter d = {.at = PLACE,
	                             .key = "7",
	                             .key_len = 1,
	                             .raw = event,
	                             .raw_len = strlen(event),
	                             .event_id = ID "01",
	                             .type = "communication.send_email",
	                             .code = PSM_ERR_SCHEMA,
	                             .reason = "not \xff UTF-8",
	                             .pointer = "/payload"};

	return psm__dead_letter_add(tx, &d, NULL);
}

static int
use_parked(psm_tx *tx)
{
	struct psm__parking p = {.at = PLACE,
	                         .key = "7",
	                         .key_len = 1,
	                         .raw = event,
	                         .raw_len = strlen(event),
	                         .event_id = ID "01",
	                         .attempts = 1,
	                         .code = PSM_ERR_RETRY,
	                         .reason = "not now"};
	struct psm__parked_list got = {0};
	const char *types[] = {"match.created", "search.status_changed"};
	struct psm__parked_whose whose = {"c", types, 2};
	struct psm__parked_sum sum = {0};
	int64_t count = 0;
	int rc;

	rc = psm__parked_of_key(tx, "c", "7", 1, 10, &count, NULL);
	if (rc == 0)
		rc = psm__parked_add(tx, &p, NULL);
	if (rc == 0)
		rc = psm__parked_keys(tx, "c", 10, &count, NULL);
	if (rc == 0)
		rc = psm__parked_measure(tx, &whose, &sum, NULL);
	if (rc == 0) {
		ck_assert_int_eq(sum.count, 1);
		rc = psm__parked_pick(tx, &whose, 5, &got, NULL);
	}
	if (rc == 0)
		ck_assert(got.count == 1 &&
		          got.events->raw_len == strlen(event));
	if (rc == 0)
		rc = psm__parked_later(tx, got.events->id, 10, PSM_ERR_RETRY,
		                       "no", NULL);
	if (rc == 0)
		rc = psm__parked_postpone(tx, got.events->id, 10, NULL);
	if (rc == 0)
		rc = psm__parked_set_type(tx, got.events->id, types[1], NULL);
	if (rc == 0)
		rc = psm__parked_done(tx, &got.events->id, 1, NULL);
	psm__parked_free(&got);
	return rc;
}

static int
delivery(psm_store *st)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, NULL);

	if (rc == 0)
		rc = use_inbox(tx);
	if (rc == 0)
		rc = use_ahead(tx);
	if (rc == 0)
		rc = use_letter(tx);
	if (rc == 0)
		rc = use_parked(tx);
	if (rc == 0) {
		rc = use_offsets(tx);
		tx = rc < 0 ? NULL : tx;
	}
	if (rc == 0)
		return psm_tx_commit(tx, NULL);
	psm_tx_rollback(tx);
	return rc;
}

START_TEST(delivery_of_events)
{
	check_use(
	    (struct use){
		delivery,
		"DELETE FROM psymatch.inbox; DELETE FROM "
		"psymatch.consumer_out_of_order; DELETE FROM psymatch.dead_letter; "
		"DELETE FROM psymatch.parked; DELETE FROM "
		"psymatch.consumer_offset",
		"SELECT (" COUNT(
		    "psymatch.inbox") ") + "
				      "(" COUNT(
					  "psymatch.consumer_out_of_order") ") + "
									    "(" COUNT(
										"psymatch.dead_letter") ") + "
													"(" COUNT(
													    "psymatch.parked") ") + "
															       "(" COUNT(
																   "psymatch.consumer_offset") ")",
		0},
	    60);
}
END_TEST

/* -- what people do about dead letters and parked events */

#define DEAD_ROWS                                                              \
	"DELETE FROM psymatch.dead_letter; DELETE FROM psymatch.parked; "      \
	"ALTER TABLE psymatch.dead_letter ALTER COLUMN id RESTART WITH 100; "  \
	"ALTER TABLE psymatch.parked ALTER COLUMN id RESTART WITH 100; "       \
	"INSERT INTO psymatch.dead_letter (id, consumer, topic, partition, "   \
	"\"offset\", key, raw, event_id, type, code, reason) OVERRIDING "      \
	"SYSTEM VALUE SELECT n, 'c', 'communication-events', 0, n, '7', "      \
	"convert_to('{}', 'UTF8'), ('" ID "0' || n)::uuid, "                   \
	"'communication.send_email', 'PSM_ERR_SCHEMA', 'as planned' FROM "     \
	"generate_series(1, 2) n; "                                            \
	"INSERT INTO psymatch.parked (id, consumer, key, topic, partition, "   \
	"\"offset\", raw, event_id, type, attempts, next_at, state, "          \
	"last_code, last_error) OVERRIDING SYSTEM VALUE SELECT n, 'c', n, "    \
	"'communication-events', 0, n, convert_to('{}', 'UTF8'), "             \
	"('" ID                                                                \
	"0' || n)::uuid, 'communication.send_email', 3, now() + interval "     \
	"'1 hour', 'retry', 'PSM_ERR_RETRY', 'as planned' FROM "               \
	"generate_series(1, 2) n"
#define DEAD_LOOK                                                              \
	"SELECT concat((SELECT string_agg(d::text, ';' ORDER BY id) FROM "     \
	"psymatch.dead_letter d), (SELECT string_agg(p::text, ';' ORDER BY "   \
	"id) FROM psymatch.parked p))"

static int source;

static int
read_dead(psm_store *st)
{
	static const char *const filter[] = {
	    "consumer", "c",  "topic", "communication-events",
	    "limit",    "10", NULL};
	psm_rows *rows = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc = psm_dead_list(st, source, filter, &rows, NULL);

	if (rc == 0)
		ck_assert_uint_eq(psm_rows_count(rows), 2);
	psm_rows_free(rows);
	rows = NULL;
	if (rc == 0)
		rc = psm_dead_stats(st, &rows, NULL);
	psm_rows_free(rows);
	if (rc == 0)
		rc = psm_dead_show(st, source, 1, 1, &text, NULL);
	psm_free(text);
	text = NULL;
	if (rc == 0)
		rc = psm_dead_raw(st, source, 1, &text, &len, NULL);
	psm_free(text);
	return rc;
}

static int
edit_dead(psm_store *st)
{
	return psm_dead_edit(st, source, 1, event, strlen(event), "me", "why",
	                     NULL);
}

static int
release_dead(psm_store *st)
{
	return psm_dead_release(st, source, 1, "me", "why", NULL);
}

static int
skip_dead(psm_store *st)
{
	return psm_dead_skip(st, source, 2, "me", "why", NULL);
}

START_TEST(dead_letters)
{
	static int (*const fns[])(psm_store *) = {read_dead, edit_dead,
	                                          release_dead, skip_dead};
	size_t i;

	source = _i == 0 ? PSM_DEAD_LETTERS : PSM_DEAD_PARKED;
	for (i = 0; i < sizeof fns / sizeof *fns; i++)
		check_use((struct use){fns[i], DEAD_ROWS, DEAD_LOOK, 0}, 8);
}
END_TEST

/* -- the rest */

static int
make_shadow(psm_store *st)
{
	static const char *const tables[] = {"public.t"};

	return psm_store_shadow(st, "shadow", tables, 1, NULL);
}

static int
use_shadow(psm_store *st)
{
	psm_tx *tx = NULL;
	int fresh = 0, rc = psm_tx_begin(st, &tx, NULL);

	if (rc == 0)
		rc = psm__shadow_enter(tx, "shadow", NULL);
	if (rc == 0)
		rc = psm__shadow_claim(tx, "c", ID "01", &fresh, NULL);
	if (rc == 0)
		rc = psm__shadow_check(tx, "shadow", NULL);
	psm_tx_rollback(tx);
	return rc;
}

static int
drop_shadow(psm_store *st)
{
	return psm_store_shadow_drop(st, "shadow", NULL);
}

#define NO_SHADOW                                                              \
	"SET client_min_messages = warning; DROP SCHEMA IF EXISTS shadow "     \
	"CASCADE; "
#define A_SHADOW                                                               \
	NO_SHADOW "CREATE SCHEMA shadow; CREATE TABLE "                        \
		  "shadow.psymatch_replay (consumer text, event_id uuid, "     \
		  "PRIMARY KEY (consumer, event_id))"

START_TEST(shadow_schema)
{
	static const char look[] =
	    "SELECT concat((SELECT count(*) FROM pg_namespace), (SELECT "
	    "count(*) FROM pg_class))";

	check_use((struct use){make_shadow, NO_SHADOW, look, 0}, 15);
	check_use((struct use){use_shadow, A_SHADOW, look, 1}, 10);
	check_use((struct use){drop_shadow, A_SHADOW, look, 0}, 10);
}
END_TEST

static int
maintain(psm_store *st)
{
	int rc = psm_store_migrate(st, "psymatch", NULL);

	return rc == 0 ? psm_store_maintain(st, NULL) : rc;
}

START_TEST(migration_and_upkeep)
{
	check_use((struct use){maintain, NULL, "SELECT 1", 0}, 10);
}
END_TEST

static int
use_outbox(struct psm__conn *c)
{
	const int64_t ids[] = {1, 2};
	struct psm__outbox_query q = {ids, 1, ids, 2, 10, 0};
	struct psm__outbox_floor floor = {0};
	struct psm__outbox_row row;
	int64_t waiting = 0, age_ms = 0;
	psm_rows *rows = NULL;
	int leader = 0, rc = psm__outbox_lead(c, &leader, NULL);

	if (rc == 0)
		rc = psm__outbox_read(c, &q, &rows, NULL);
	if (rc == 0) {
		ck_assert_uint_eq(psm_rows_count(rows), 1);
		psm__outbox_row(rows, 0, &row);
		ck_assert_int_eq(row.id, 3);
		rc = psm__outbox_dead_letter(c, 3, PSM_ERR_SCHEMA, "why", NULL);
	}
	if (rc == 0)
		rc = psm__outbox_measure(c, 0, &waiting, &age_ms, NULL);
	if (rc == 0)
		rc = psm__outbox_oldest_tx(c, &age_ms, NULL);
	if (rc == 0)
		rc = psm__outbox_floor_step(&floor, c, NULL);
	if (rc == 0)
		rc = psm__outbox_floor_step(&floor, c, NULL);
	psm__outbox_floor_free(&floor);
	psm_rows_free(rows);
	return rc;
}

static int
outbox(psm_store *st)
{
	struct psm__conn *c = NULL;
	int rc = psm__store_connect(st, "test", &c, NULL);

	if (rc == 0)
		rc = use_outbox(c);
	psm__conn_close(c);
	/* One that does not know yet that its row was deleted deletes it once
	 * more; what it did not delete is still there. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE id "
	                        "= 2"),
	                 1);
	ck_assert_int_eq(
	    pg_int("SELECT (" COUNT(
		"psymatch.outbox WHERE id = 3") ") + "
	                                        "(" COUNT(
						    "psymatch.dead_letter") ")"),
	    1);
	return rc;
}

START_TEST(outbox_of_the_relay)
{
	check_use(
	    (struct use){
		outbox,
		"DELETE FROM psymatch.outbox; DELETE FROM "
		"psymatch.dead_letter; INSERT INTO psymatch.outbox (id, "
		"event_id, aggregatetype, aggregateid, type, version, "
		"producer, event_time, topic, payload) OVERRIDING SYSTEM VALUE "
		"SELECT n, gen_random_uuid(), 'communication', '7', "
		"'communication.send_email', '1.0', 'test', now(), "
		"'communication-events', '{\"email_id\":7}' FROM "
		"generate_series(1, 3) n",
		"SELECT 1", 0},
	    15);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("oom_store");
	TCase *tc = tcase_create("calls");
	SRunner *sr = srunner_create(s);

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, queued_statements);
	tcase_add_test(tc, required_events);
	tcase_add_test(tc, waiting_for_a_consumer);
	tcase_add_test(tc, delivery_of_events);
	tcase_add_loop_test(tc, dead_letters, 0, 2);
	tcase_add_test(tc, shadow_schema);
	tcase_add_test(tc, migration_and_upkeep);
	tcase_add_test(tc, outbox_of_the_relay);
	suite_add_tcase(s, tc);
	return testing_run(sr);
}
