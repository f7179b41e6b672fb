/* SPDX-License-Identifier: BSD-2-Clause */
/* A commit wakes the relay that leads, in whatever process it is; and what
 * happens when it does not. */
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include "transport/postgres/pg_int.h"
#include "transport/postgres/postgres.h"

static psm_store *other; /* as another process has it */
static psm_relay *second;

static void
setup(void)
{
	outbox_setup();
	ck_assert_int_eq(psm_store_open(cfg, &other, err), 0);
}

static void
teardown(void)
{
	psm_relay_free(second);
	psm_store_free(other);
	outbox_teardown();
}

static int64_t
stat_of(psm_relay *relay, const char *name)
{
	return psm_relay_stat(relay, name);
}

static void
start_and_lead(void)
{
	outbox_start();
	PG_UNTIL(stat_of(r, "leader") == 1);
}

/* -- rate */

START_TEST(one_notification_within_its_time)
{
	int64_t at_ms = 0;

	ck_assert_int_eq(psm__notify_due(&at_ms, 1000), 1);
	ck_assert_int_eq(psm__notify_due(&at_ms, 1000), 0);
	ck_assert_int_eq(psm__notify_due(&at_ms, 1000 + PSM__NOTIFY_MS - 1), 0);
	ck_assert_int_eq(psm__notify_due(&at_ms, 1000 + PSM__NOTIFY_MS), 1);
	ck_assert_int_eq(psm__notify_due(&at_ms, 1000 + PSM__NOTIFY_MS), 0);
}
END_TEST

/* -- the relay */

START_TEST(commit_elsewhere_wakes_the_leader)
{
	int i;

	start_and_lead();
	ck_assert_int_eq(outbox_change(other, 1, err), 0);
	PG_UNTIL(stat_of(r, "sent") == 1);
	PG_UNTIL(stat_of(r, "wakeups") == 1);
	/* Its own commits wake it directly. */
	for (i = 2; i <= 20; i++) {
		ck_assert_int_eq(outbox_change(st, 1, err), 0);
		PG_UNTIL(stat_of(r, "sent") == i);
	}
	/* So this is the second notification, and none came before it: they
	 * come in the order of the commits. More than 5 ms after the first. */
	pg_run("SELECT pg_sleep(0.01)");
	ck_assert_int_eq(outbox_change(other, 1, err), 0);
	PG_UNTIL(stat_of(r, "wakeups") >= 2);
	ck_assert_int_eq(stat_of(r, "wakeups"), 2);
}
END_TEST

/* As with a server, or a pooler, that loses it. */
START_TEST(lost_wakeup_is_made_good)
{
	start_and_lead();
	pg_run("INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	       "aggregateid, type, version, producer, event_time, topic, "
	       "payload) VALUES (gen_random_uuid(), 'communication', '1', "
	       "'communication.send_email', '1.0', 'test', now(), '%s', "
	       "'{\"email_id\": 1, \"n\": 2}')",
	       OUTBOX_TOPIC);
	PG_UNTIL(stat_of(r, "sent") == 1);
	ck_assert_int_eq(stat_of(r, "wakeups"), 0);
}
END_TEST

/* The connection on which the leader listens is cut: it listens again. */
START_TEST(leader_listens_again)
{
	int64_t before;

	start_and_lead();
	(void)pg_kill("psymatch relay");
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname "
	                "= current_database() AND application_name = "
	                "'psymatch relay'") == 1);
	PG_UNTIL(stat_of(r, "leader") == 1);
	before = stat_of(r, "wakeups");
	/* Until the one that hears is a commit's, not the cut's. */
	while (stat_of(r, "wakeups") == before) {
		ck_assert_int_eq(outbox_change(other, 1, err), 0);
		outbox_wait_empty();
	}
}
END_TEST

START_TEST(next_leader_is_woken)
{
	start_and_lead();
	ck_assert_int_eq(psm_relay_new(other, t, cfg, &second, err), 0);
	ck_assert_int_eq(psm_relay_start(second, err), 0);
	/* A relay that does not lead takes no wake-up away from the one that
	 * does. */
	ck_assert_int_eq(outbox_change(other, 1, err), 0);
	PG_UNTIL(stat_of(r, "sent") == 1);
	PG_UNTIL(stat_of(r, "wakeups") >= 1);
	ck_assert_int_eq(stat_of(second, "wakeups"), 0);

	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	ck_assert_int_eq(outbox_change(st, 1, err), 0); /* nobody leads */
	PG_UNTIL(stat_of(second, "leader") == 1);
	PG_UNTIL(stat_of(second, "sent") == 1);
	/* Not each commit notifies. */
	while (stat_of(second, "wakeups") == 0) {
		ck_assert_int_eq(outbox_change(st, 1, err), 0);
		outbox_wait_empty();
	}
}
END_TEST

/* -- what it costs */

/* Commits in a row send few notifications: by time, not by commit. Counted is
 * what the leader hears. */
START_TEST(commits_in_a_row_are_few_wakeups)
{
	int64_t began_ms, most;
	int i;

	start_and_lead();
	began_ms = psm__mono_ms();
	for (i = 0; i < 500; i++)
		ck_assert_int_eq(outbox_change(other, i % OUTBOX_KEYS + 1, err),
		                 0);
	most = (psm__mono_ms() - began_ms) / PSM__NOTIFY_MS + 2;
	PG_UNTIL(stat_of(r, "sent") == 500);
	ck_assert_int_le(stat_of(r, "wakeups"), most);
	PG_UNTIL(stat_of(r, "wakeups") >= 1);
}
END_TEST

/* A notification that fails, or ends the connection, is no failure of the
 * commit. */
START_TEST(failed_notification_is_no_failed_commit)
{
	static const char *const bodies[] = {
	    "RAISE 'no'", "PERFORM pg_terminate_backend(pg_backend_pid())"};

	start_and_lead();
	pg_run("CREATE SCHEMA broken");
	pg_run("CREATE FUNCTION broken.pg_notify(text, text) RETURNS void "
	       "LANGUAGE plpgsql AS $$ BEGIN %s; END $$",
	       bodies[_i]);
	pg_run("DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET search_path "
	       "= broken, pg_catalog, public', current_database()); END $$");
	psm_store_free(other);
	ck_assert_int_eq(psm_store_open(cfg, &other, err), 0);
	ck_assert_int_eq(outbox_change(other, 1, err), 0);
	ck_assert_int_eq(outbox_change(other, 1, err), 0);
	PG_UNTIL(stat_of(r, "sent") == 2);
	ck_assert_int_eq(stat_of(r, "wakeups"), 0);
}
END_TEST

/* -- the transport in PostgreSQL */

static int64_t
appends_known(struct psm__pg *pg)
{
	int64_t n;

	(void)pthread_mutex_lock(&pg->lock);
	n = (int64_t)pg->written;
	(void)pthread_mutex_unlock(&pg->lock);
	return n;
}

/* Two transports are as two processes: a source of one learns of what the sink
 * of the other appended, also after its connection was cut. */
START_TEST(append_elsewhere_wakes_sources)
{
	static const char *const topics[] = {OUTBOX_TOPIC};
	struct psm__source_conf conf = {
	    .group = "readers", .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;
	psm_transport *reading = NULL;
	int64_t before;
	int i;

	psm_transport_unref(t);
	ck_assert_int_eq(psm__transport_postgres(cfg, &t, err), 0);
	ck_assert_int_eq(psm__transport_postgres(cfg, &reading, err), 0);
	ck_assert_int_eq(reading->ops->open_source(reading, &conf, &s, err), 0);
	outbox_start();
	for (i = 0; i < 2; i++) {
		/* Once when it begins to listen. */
		PG_UNTIL(appends_known((struct psm__pg *)reading) > i * 2);
		before = appends_known((struct psm__pg *)reading);
		while (appends_known((struct psm__pg *)reading) == before) {
			ck_assert_int_eq(outbox_change(st, 1, err), 0);
			outbox_wait_empty();
		}
		(void)pg_kill("psymatch transport lease");
	}
	s->ops->close(s, 1000);
	psm_transport_unref(reading);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("wakeup");
	TCase *tc = tcase_create("wakeup");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, one_notification_within_its_time);
	tcase_add_test(tc, lost_wakeup_is_made_good);
	tcase_add_test(tc, leader_listens_again);
	tcase_add_test(tc, next_leader_is_woken);
	tcase_add_test(tc, commits_in_a_row_are_few_wakeups);
	tcase_add_loop_test(tc, failed_notification_is_no_failed_commit, 0, 2);
	tcase_add_test(tc, append_elsewhere_wakes_sources);
	suite_add_tcase(s, tc);
	tc = tcase_create("pooled"); /* test_pooler.sh runs it */
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, commit_elsewhere_wakes_the_leader);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
