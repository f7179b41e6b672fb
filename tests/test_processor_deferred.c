/* SPDX-License-Identifier: BSD-2-Clause */
/* Effects that violate a constraint which is looked at only by the commit: only
 * the event that did it becomes a dead letter. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#define COUNT 30
#define BAD 11

/* Events from the one to the other have no parent; __atomic. */
static int first_bad, last_bad;
static int lazy; /* the handler does not wait for the answers */

static int
run(psm_tx *tx, const char *sql, size_t count, const char *const *params,
    psm_error *e)
{
	return lazy ? psm_tx_queue(tx, sql, count, params, e)
	            : psm_tx_exec(tx, sql, count, params, NULL, e);
}

/* First the child, then its parent; a bad one has none. */
static int
child_first(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	char key[16], n[16];
	const char *params[] = {psm_event_id(ev), key, n};
	int number = flow_member(ev, "/n"), rc;

	(void)user;
	(void)snprintf(key, sizeof key, "%d", flow_member(ev, "/email_id"));
	(void)snprintf(n, sizeof n, "%d", number);
	rc = run(tx,
	         "INSERT INTO effects (event_id, key, n) VALUES "
	         "($1::uuid, $2::integer, $3::integer)",
	         3, params, e);
	if (rc == 0 &&
	    (number < __atomic_load_n(&first_bad, __ATOMIC_RELAXED) ||
	     number > __atomic_load_n(&last_bad, __ATOMIC_RELAXED)))
		rc = run(tx, "INSERT INTO parents VALUES ($1::integer)", 1,
		         &params[2], e);
	return rc;
}

static void
set_bad(int first, int last)
{
	__atomic_store_n(&first_bad, first, __ATOMIC_RELAXED);
	__atomic_store_n(&last_bad, last, __ATOMIC_RELAXED);
}

static void
setup(void)
{
	flow_setup();
	lazy = 0;
	set_bad(0, 0);
	pg_run("CREATE TABLE parents (n integer PRIMARY KEY)");
	pg_run("ALTER TABLE effects ADD FOREIGN KEY (n) REFERENCES parents "
	       "DEFERRABLE INITIALLY DEFERRED");
}

static void
start(const char *workers)
{
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", workers, err), 0);
	pr = flow_processor(st, t, child_first);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static int64_t
dead_at(int offset)
{
	return pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	              "\"offset\" = %d AND code = 'PSM_ERR_CONFLICT' AND "
	              "reason LIKE '%%effects_n_fkey%%'",
	              offset);
}

static void
check_all_but(int bad)
{
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(dead_at(bad - 1), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), COUNT - 1);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"),
	                 COUNT - 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n = %d", bad), 0);
}

static const struct {
	int lazy;
	const char *workers;
} ways[] = {{0, "1"}, {1, "1"}, {0, "4"}, {1, "4"}};

/* What is deferred stays so for the others: each is broken for a moment. */
START_TEST(one_event_violates_it)
{
	int n;

	lazy = ways[_i].lazy;
	for (n = 1; n <= COUNT; n++)
		flow_put(1 + n % 7, n);
	set_bad(BAD, BAD);
	start(ways[_i].workers);
	flow_wait_offset(COUNT);
	flow_stop();
	check_all_but(BAD);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), COUNT - 1);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
}
END_TEST

/* The one is good as long as the other is not there. */
START_TEST(two_events_violate_it)
{
	int n;

	pg_run("ALTER TABLE effects ADD UNIQUE (key) DEFERRABLE INITIALLY "
	       "DEFERRED");
	for (n = 1; n <= COUNT; n++)
		flow_put(n == BAD ? 1 : n, n);
	start("1");
	flow_wait_offset(COUNT);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(pg_int("SELECT \"offset\" FROM psymatch.dead_letter"),
	                 BAD - 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), COUNT - 1);
}
END_TEST

/* A parked one violates it when it is tried again. */
START_TEST(parked_event_violates_it)
{
	int n;

	lazy = _i;
	pg_run("CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN IF NEW.n = %d THEN RAISE EXCEPTION USING ERRCODE = "
	       "''57014''; END IF; RETURN NEW; END'",
	       BAD);
	pg_run("CREATE TRIGGER wait BEFORE INSERT ON effects FOR EACH ROW "
	       "EXECUTE FUNCTION wait()");
	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 0, child_first);
	set_bad(BAD, BAD);
	for (n = 1; n <= COUNT; n++)
		flow_put(1 + n % 7, n);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(COUNT);
	/* 18 and 25 are of its key. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 3);
	pg_run("DROP TRIGGER wait ON effects");
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 0 ||
	         (flow_retry_now(), 0));
	flow_stop();
	check_all_but(BAD);
}
END_TEST

/* A trigger that looks at the commit and refuses one: not the batch's fault. */
START_TEST(a_trigger_refuses_one)
{
	int n;

	lazy = _i;
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN IF NEW.n = %d THEN RAISE EXCEPTION ''no more''; END IF; "
	       "RETURN NULL; END'",
	       BAD);
	pg_run("CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON effects "
	       "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "
	       "refuse()");
	for (n = 1; n <= COUNT; n++)
		flow_put(1 + n % 7, n);
	start("1");
	flow_wait_offset(COUNT);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows(), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE \"offset\" = %d AND code = "
	                        "'PSM_ERR_REJECT' AND reason LIKE '%%no more'",
	                        BAD - 1),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), COUNT - 1);
}
END_TEST

/* The run in which they seemed to be handled does not count as that. */
START_TEST(breaker_opens)
{
	int n;

	lazy = _i;
	set_bad(1, COUNT);
	start("1");
	for (n = 1; n < PSM__BREAKER_KEYS; n++) {
		flow_put(n, n);
		flow_wait_offset(n);
	}
	for (; n <= COUNT; n++)
		flow_put(n, n);
	PG_UNTIL(psm_processor_stat(pr, "breaker") == PSM__BREAKER_OPEN);
	ck_assert_int_eq(flow_dead_rows(), PSM__BREAKER_KEYS - 1);
	set_bad(0, 0);
	flow_wait_offset(COUNT);
	flow_stop();
	ck_assert_int_eq(flow_dead_rows(), PSM__BREAKER_KEYS - 1);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects"),
	                 COUNT - PSM__BREAKER_KEYS + 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_deferred");
	TCase *tc = tcase_create("deferred");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, one_event_violates_it, 0,
	                    (int)(sizeof ways / sizeof ways[0]));
	tcase_add_test(tc, two_events_violate_it);
	tcase_add_loop_test(tc, parked_event_violates_it, 0, 2);
	tcase_add_loop_test(tc, a_trigger_refuses_one, 0, 2);
	tcase_add_loop_test(tc, breaker_opens, 0, 2);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
