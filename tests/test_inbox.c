/* SPDX-License-Identifier: BSD-2-Clause */
/* How long a consumer remembers what it has handled. */
#include "store/delivery.h"
#include "store/migrate.h"
#include "testing.h"
#include "testing_pg.h"

#include <psymatch/relay.h>
#include <pthread.h>

#define CONSUMER "test-consumer"

static psm_store *st;
static psm_config *cfg;
static psm_error *err;

static void
setup(void)
{
	pg_database();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
}

static void
teardown(void)
{
	psm_store_free(st);
	psm_config_free(cfg);
	psm_error_free(err);
}

static void
migrate(void)
{
	ck_assert_msg(psm_store_migrate(st, "psymatch", err) == 0, "%s",
	              psm_error_message(err));
}

/* Up to the tables as they were before there were months. */
static void
migrate_old(void)
{
	struct psm__migration old[4] = {{NULL, 0, NULL, NULL}};
	const struct psm__migration *m;
	int n = 0;

	for (m = psm__migrations; m->set && n < 2; m++)
		if (strcmp(m->set, "psymatch") == 0)
			old[n++] = *m;
	ck_assert_int_eq(n, 2);
	ck_assert_int_eq(psm__migrate(st, old, "psymatch", err), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(to_regclass('psymatch.inbox_default'))"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_inherits WHERE "
	                        "inhparent = 'psymatch.inbox'::regclass"),
	                 1);
}

/* A row of the month that is so many months away. */
#define ID_OF(months)                                                          \
	"overlay(gen_random_uuid()::text PLACING left(psymatch.uuid_floor("    \
	"date_trunc('month', now()) + interval '" #months                      \
	" months 3 days')::text, 13) FROM 1 FOR 13)::uuid"

static int
claim(const char *id)
{
	psm_tx *tx = NULL;
	int fresh = 0, rc = psm_tx_begin(st, &tx, err);

	if (rc == 0)
		rc = psm__inbox_claim(tx, CONSUMER, id, &fresh, err);
	if (rc == 0)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	ck_assert_msg(rc == 0, "%s", psm_error_message(err));
	return fresh;
}

/* How many there are. */
static int64_t
months(void)
{
	return pg_int("SELECT count(*) FROM pg_inherits i JOIN pg_class c ON "
	              "c.oid = inhrelid WHERE inhparent = "
	              "'psymatch.inbox'::regclass AND relname LIKE "
	              "'inbox_20%%'");
}

START_TEST(rows_of_before_move)
{
	char *id;

	migrate_old();
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) SELECT '%s', "
	       "overlay(gen_random_uuid()::text PLACING left(lpad(to_hex(("
	       "extract(epoch FROM now() - n * interval '20 days') * "
	       "1000)::bigint), 12, '0'), 8) FROM 1 FOR 8)::uuid FROM "
	       "generate_series(0, 4) n",
	       CONSUMER);
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) VALUES ('%s', "
	       "'f47ac10b-58cc-4372-a567-0e02b2c3d479')",
	       CONSUMER);
	migrate();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 6);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox_default"),
	                 1);
	/* They are known as before. */
	id = pg_text("SELECT min(event_id::text) FROM psymatch.inbox");
	ck_assert_int_eq(claim(id), 0);
	free(id);
	ck_assert_int_eq(claim("f47ac10b-58cc-4372-a567-0e02b2c3d479"), 0);
	ck_assert_int_eq(claim("f47ac10b-58cc-4372-a567-0e02b2c3d470"), 1);
}
END_TEST

START_TEST(events_go_to_their_month)
{
	char id[40];
	int n;

	migrate();
	ck_assert_int_eq(months(), 3);
	for (n = 0; n < 10; n++) {
		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		ck_assert_int_eq(claim(id), 1);
		ck_assert_int_eq(claim(id), 0);
	}
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.inbox WHERE "
	           "tableoid::regclass::text = 'psymatch.inbox_' || "
	           "to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')"),
	    10);
	/* A claim looks into one partition, however many there are. */
	pg_run("SELECT psymatch.inbox_make((now() - m * interval '1 month')::"
	       "date) FROM generate_series(1, 12) m");
	pg_run("CREATE FUNCTION plan() RETURNS SETOF text LANGUAGE plpgsql AS "
	       "$$BEGIN RETURN QUERY EXECUTE 'EXPLAIN SELECT FROM "
	       "psymatch.inbox WHERE consumer = ''c'' AND event_id = ''%s'''; "
	       "END$$",
	       id);
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM plan() p WHERE p LIKE '%% on inbox%%'"),
	    1);
	ck_assert_int_eq(claim(id), 0);
}
END_TEST

START_TEST(past_months_are_dropped)
{
	migrate();
	pg_run("SELECT psymatch.inbox_make((date_trunc('month', now()) - m * "
	       "interval '1 month')::date) FROM generate_series(1, 4) m");
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) VALUES "
	       "('c', " ID_OF(-4) "), ('c', " ID_OF(
		   -3) "), "
	               "('c', " ID_OF(-1) "), ('c', " ID_OF(0) ")");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox_default"),
	                 0);
	ck_assert_int_eq(months(), 7);
	ck_assert_msg(psm_store_maintain(st, err) == 0, "%s",
	              psm_error_message(err));
	/* 35 days: the last month stays; three and four months ago go; two
	 * months ago depends on the day. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 2);
	ck_assert_int_le(months(), 5);
	ck_assert_int_ge(months(), 4);
	/* An event of then that comes again now has a place. */
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) VALUES "
	       "('c', " ID_OF(-4) ")");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox_default"),
	                 1);
}
END_TEST

START_TEST(other_ids_go_by_their_day)
{
	migrate();
	pg_run("INSERT INTO psymatch.inbox_default (consumer, event_id, "
	       "done_at) SELECT 'c', ('f47ac10b-58cc-4372-a567-' || "
	       "lpad(n::text, 12, '0'))::uuid, now() - interval '36 days' FROM "
	       "generate_series(1, 11000) n");
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id, done_at) "
	       "SELECT 'c', ('f47ac10b-58cc-4372-a568-' || lpad(n::text, 12, "
	       "'0'))::uuid, now() - interval '34 days' FROM "
	       "generate_series(1, 10) n");
	ck_assert_int_eq(pg_int("SELECT psymatch.inbox_clean(35, 1000)"), 1000);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 10010);
	ck_assert_int_eq(psm_store_maintain(st, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 10);
	ck_assert_int_eq(psm_store_maintain(NULL, err), PSM_ERR_INVAL);
}
END_TEST

/* A month that is late: events of it are in the default partition. */
START_TEST(late_month_waits_for_claims)
{
	psm_tx *tx;
	char id[40];
	int fresh;

	migrate();
	pg_run("DO $$BEGIN EXECUTE 'DROP TABLE psymatch.inbox_' || "
	       "to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'); END$$");
	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	ck_assert_int_eq(claim(id), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox_default"),
	                 1);
	/* A claim that is not committed yet: no place to be made, no harm. */
	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	ck_assert_int_eq(
	    psm__inbox_claim(tx, CONSUMER,
	                     "f47ac10b-58cc-4372-a567-0e02b2c3d479", &fresh,
	                     err),
	    0);
	ck_assert_int_eq(psm_store_maintain(st, err), PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 1);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	ck_assert_int_eq(psm_store_maintain(st, err), 0);
	ck_assert_int_eq(months(), 3);
	ck_assert_int_eq(claim(id), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox_default"),
	                 1);
}
END_TEST

static void *
claim_many(void *arg)
{
	char id[40];
	int i, *fresh = arg;

	for (i = 0; i < 300; i++) {
		psm_tx *tx = NULL;
		int one = 0;

		if (psm_uuid_new(id, sizeof id) < 0 ||
		    psm_tx_begin(st, &tx, NULL) < 0)
			continue;
		if (i % 2)
			id[0] = 'f'; /* the default partition */
		if (psm__inbox_claim(tx, CONSUMER, id, &one, NULL) == 0 &&
		    psm_tx_commit(tx, NULL) == 0)
			*fresh += one;
		else
			psm_tx_rollback(tx);
	}
	return NULL;
}

START_TEST(claims_go_on_meanwhile)
{
	pthread_t threads[4];
	int fresh[4] = {0}, i, round;

	migrate();
	for (i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, claim_many, &fresh[i]),
		    0);
	for (round = 0; round < 10; round++) {
		pg_run("SELECT psymatch.inbox_make((now() + interval '%d "
		       "months')::date)",
		       round + 3);
		pg_run("SELECT psymatch.inbox_make((now() - interval '%d "
		       "months')::date)",
		       round + 5);
		pg_run("SELECT psymatch.inbox_months(35)");
	}
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(fresh[i], 300);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 1200);
}
END_TEST

START_TEST(leader_does_the_upkeep)
{
	psm_transport *t;
	psm_relay *r;

	migrate();
	pg_run("SELECT psymatch.inbox_make((now() - interval '5 months')::"
	       "date)");
	pg_run("DO $$BEGIN EXECUTE 'DROP TABLE psymatch.inbox_' || "
	       "to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + "
	       "interval '2 months', 'YYYY_MM'); END$$");
	ck_assert_int_eq(months(), 3);
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
	PG_UNTIL(pg_int("SELECT count(to_regclass('psymatch.inbox_' || "
	                "to_char(date_trunc('month', now() AT TIME ZONE 'UTC')"
	                " + interval '2 months', 'YYYY_MM')))") == 1 &&
	         months() == 3);
	psm_relay_free(r);
	psm_transport_unref(t);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("inbox");
	TCase *tc = tcase_create("inbox");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, rows_of_before_move);
	tcase_add_test(tc, events_go_to_their_month);
	tcase_add_test(tc, past_months_are_dropped);
	tcase_add_test(tc, other_ids_go_by_their_day);
	tcase_add_test(tc, late_month_waits_for_claims);
	tcase_add_test(tc, claims_go_on_meanwhile);
	tcase_add_test(tc, leader_does_the_upkeep);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
