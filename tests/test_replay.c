/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic again, on every transport. */
#include "consumer_env.h"

#include <poll.h>

#include "bus/murmur2.h"

struct again {
	struct seen seen;
	int not_replay;   /* events that were not marked */
	int stop_after;   /* then the handler ends it; 0: never */
	struct env *grow; /* the topic grows under the reader's hands */
};

static int
on_again(const psm_event *ev, void *user, psm_error *err)
{
	struct again *again = user;

	again->not_replay +=
	    !psm_event_is_replay(ev) || psm_event_attempt(ev) != 1;
	if (again->grow)
		put_good(again->grow, 1000 + again->seen.count);
	if (again->stop_after && again->seen.count == again->stop_after)
		return psm_error_set(err, PSM_ERR_REJECT, "enough");
	return on_event(ev, &again->seen, err);
}

static int
run(psm_replay *r, struct again *again)
{
	int rc = psm_replay_run(r, on_again, again, PATIENCE_MS, NULL);

	ck_assert_int_eq(again->not_replay, 0);
	check_order(&again->seen);
	return rc;
}

/* All of it, up to where it ended; a consumer of the topic does not notice. */
START_TEST(replays_without_a_trace)
{
	struct again again = {0};
	struct seen seen = {0};
	psm_replay *r = NULL;
	psm_consumer *c;
	struct env e;
	int i;

	open_env(&e, _i);
	for (i = 1; i <= 5; i++)
		put_good(&e, i);
	put(&e, "garbage", 7, NULL, 0);
	put(&e, NULL, 0, NULL, 0);
	c = make_consumer(e.t, "real", &seen);
	poll_until(c, &seen.count, 5);
	ck_assert_int_eq(psm_consumer_close(c, 8000, NULL), 0);
	psm_consumer_free(c);

	again.grow = &e;
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 5);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 5);
	ck_assert_int_eq(psm_replay_stat(r, "skipped"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "unreadable"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "nonsense"), -1);
	/* The same object again: the topic is longer now. */
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 10);
	/* Stopped by the handler. */
	memset(&again, 0, sizeof(again));
	again.stop_after = 3;
	ck_assert_int_eq(run(r, &again), PSM_ERR_REJECT);
	ck_assert_int_eq(again.seen.count, 3);
	psm_replay_free(r);

	memset(&seen, 0, sizeof(seen));
	c = make_consumer(e.t, "real", &seen);
	poll_until(c, &seen.count, 5);
	ck_assert_int_eq(seen.number[0], 1000);
	psm_consumer_free(c);
	close_env(&e);
}
END_TEST

/* By offset, by key, by type, and by the time of the transport. */
START_TEST(replays_what_is_wanted)
{
	struct again again = {0};
	psm_replay *r = NULL;
	int64_t middle_us;
	int32_t partition;
	struct env e;
	int i;

	open_env(&e, _i);
	for (i = 1; i <= 3; i++)
		put_good(&e, i);
	/* Times count in ms. */
	middle_us = psm_now_us() + 2000;
	while (psm_now_us() < middle_us)
		poll(NULL, 0, 1);
	for (i = 4; i <= 6; i++)
		put_good(&e, i);
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_between(r, middle_us, INT64_MAX, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	/* The mock cluster says of every time that nothing is younger. */
	ck_assert_int_eq(again.seen.count, _i == KAFKA ? 0 : 3);
	if (_i != KAFKA)
		ck_assert_int_eq(again.seen.number[0], 4);
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(psm_replay_between(r, 0, middle_us, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 3);
	ck_assert_int_eq(again.seen.number[2], 3);
	ck_assert_int_eq(psm_replay_between(r, 0, INT64_MAX, NULL), 0);

	ck_assert_int_eq(psm_replay_only(r, "email.sent", NULL, 0, NULL), 0);
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 0);
	ck_assert_int_eq(psm_replay_stat(r, "skipped"), 6);
	ck_assert_int_eq(
	    psm_replay_only(r, "search.status_changed", "1", 1, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 6);
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(psm_replay_only(r, NULL, "2", 1, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 0);
	ck_assert_int_eq(psm_replay_only(r, NULL, NULL, 0, NULL), 0);

	partition = psm__partition_of("1", 1, PARTITIONS);
	ck_assert_int_eq(psm_replay_offsets(r, partition, 1, 4, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 3);
	ck_assert_int_eq(again.seen.number[0], 2);
	ck_assert_int_eq(again.seen.number[2], 4);
	memset(&again, 0, sizeof(again));
	ck_assert_int_eq(psm_replay_offsets(r, (partition + 1) % PARTITIONS, 0,
	                                    INT64_MAX, NULL),
	                 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 0);
	psm_replay_free(r);
	close_env(&e);
}
END_TEST

START_TEST(outage_ends_a_replay)
{
	struct again again = {0};
	psm_replay *r = NULL;
	struct env e;

	open_env(&e, _i);
	put_good(&e, 1);
	e.rig->set_down(&e, 1);
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_again, &again, 300, NULL),
	                 PSM_ERR_TIMEOUT);
	e.rig->set_down(&e, 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 1);
	psm_replay_free(r);
	close_env(&e);
}
END_TEST

/* -- postgres: what lies behind the messages that are read together */

#define MANY 1200

struct meddle {
	int count, last;
	const char *sql; /* at the hundredth event; NULL: nothing */
};

static int
on_many(const psm_event *ev, void *user, psm_error *err)
{
	struct meddle *m = user;
	int number = (int)member(psm_event_payload(ev), "/patient_id");

	(void)err;
	ck_assert_int_gt(number, m->last);
	m->last = number;
	if (++m->count == 100 && m->sql)
		pg_run("%s", m->sql);
	return 0;
}

static int
run_many(psm_transport *t, const char *sql, struct meddle *m)
{
	psm_replay *r = NULL;
	int rc;

	*m = (struct meddle){.sql = sql};
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	rc = psm_replay_run(r, on_many, m, PATIENCE_MS, NULL);
	psm_replay_free(r);
	return rc;
}

START_TEST(postgres_reads_chunk_by_chunk)
{
	struct meddle m;
	psm_replay *r = NULL;
	int64_t middle_ms;
	struct env e;
	int i;

	open_env(&e, POSTGRES);
	ck_assert_int_eq(psm_replay_new(e.t, "nowhere", &r, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_many, &m, PATIENCE_MS, NULL),
	                 PSM_ERR_BROKER);
	psm_replay_free(r);
	for (i = 1; i <= MANY; i++)
		put_good(&e, i);
	ck_assert_int_eq(run_many(e.t, NULL, &m), 0);
	ck_assert_int_eq(m.count, MANY);
	/* Connections that are cut in between are made anew. */
	ck_assert_int_eq(
	    run_many(e.t,
	             "SELECT count(pg_terminate_backend(pid)) FROM "
	             "pg_stat_activity WHERE application_name LIKE "
	             "'%%reader%%' AND datname = current_database()",
	             &m),
	    0);
	ck_assert_int_eq(m.count, MANY);

	/* One message each 10 s: the time is found without reading all. */
	pg_run("UPDATE psymatch.log SET ts = timestamptz '2026-01-01 0:00Z' + "
	       "\"offset\" * interval '10 s'");
	middle_ms = pg_int("SELECT extract(epoch FROM timestamptz '2026-01-01 "
	                   "0:00Z') * 1000") +
	            1000 * 10000;
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_between(r, middle_ms * 1000,
	                                    (middle_ms + 50000) * 1000, NULL),
	                 0);
	m = (struct meddle){0};
	ck_assert_int_eq(psm_replay_run(r, on_many, &m, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(m.count, 5);
	ck_assert_int_eq(m.last, 1005);
	ck_assert_int_le(psm_replay_stat(r, "skipped"), 2);
	psm_replay_free(r);

	/* No group knows of it, and retention does not wait for it. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.group_state"),
	                 0);
	ck_assert_int_eq(
	    run_many(e.t,
	             "WITH d AS (DELETE FROM psymatch.log WHERE \"offset\" < "
	             "800) UPDATE psymatch.log_partition SET first = 800 WHERE "
	             "next > 0",
	             &m),
	    0);
	ck_assert_int_eq(m.count, 500 + MANY - 800);
	ck_assert_int_eq(m.last, MANY);
	for (i = MANY + 1; i <= MANY + 400; i++)
		put_good(&e, i);
	ck_assert_int_eq(run_many(e.t, "DELETE FROM psymatch.topic", &m),
	                 PSM_ERR_BROKER);
	close_env(&e);
}
END_TEST

START_TEST(refuses_bad_arguments)
{
	psm_transport *t = open_memory();
	psm_replay *r = NULL;

	ck_assert_int_eq(psm_replay_new(NULL, TOPIC, &r, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_new(t, "a b", &r, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_new(t, ".", &r, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_between(r, -1, 5, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_between(r, 5, 5, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_offsets(r, -1, 0, 1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_offsets(r, 0, 1, 1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_only(NULL, NULL, NULL, 0, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, 1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_run(r, on_again, NULL, 0, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_stat(NULL, "handled"), -1);
	psm_replay_free(r);
	psm_replay_free(NULL);
	psm_transport_unref(t);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("replay");
	TCase *tc = tcase_create("replay");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 90);
	tcase_add_loop_test(tc, replays_without_a_trace, 0, PSM__COUNT(rigs));
	tcase_add_loop_test(tc, replays_what_is_wanted, 0, PSM__COUNT(rigs));
	tcase_add_loop_test(tc, outage_ends_a_replay, 0, PSM__COUNT(rigs));
	tcase_add_test(tc, postgres_reads_chunk_by_chunk);
	tcase_add_test(tc, refuses_bad_arguments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
