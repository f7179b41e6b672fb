/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of a processor, on every transport: order per key, nothing lost,
 * no effect twice. Built once per transport, which is RIG.
 */
#include "rigs.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define KEYS 12
#define EVENTS 240

static const struct rig *rig;
static struct rig_sender *sender;

/* Another process, if a test has one; it was made before there were threads. */
static pid_t member;
static int to_member[2], to_parent[2];
static void be_a_member(void);

static void
setup(void)
{
	flow_setup();
	psm_transport_unref(t);
	t = rig->open(FLOW_TOPIC);
	sender = rig_sender_open(t, FLOW_TOPIC);
}

static void
setup_with_member(void)
{
	flow_setup();
	psm_transport_unref(t);
	ck_assert(pipe(to_member) == 0 && pipe(to_parent) == 0);
	member = fork();
	ck_assert_int_ge(member, 0);
	if (member == 0)
		be_a_member();
	t = rig->open(FLOW_TOPIC);
	sender = rig_sender_open(t, FLOW_TOPIC);
}

static void
teardown(void)
{
	psm_processor_free(pr);
	pr = NULL;
	rig_sender_close(sender);
	rig->close(t);
	t = NULL;
	flow_teardown();
}

static void
put(int key, int n, const char *id)
{
	char *text = flow_event(key, n, id, "1.0"), name[16];

	(void)snprintf(name, sizeof name, "%d", key);
	rig_send(sender, name, text, strlen(text));
	free(text);
}

/* count effects, each once, per key in order; with several processors the order
 * between keys is open. */
static void
check_effects(int count)
{
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), count);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT event_id) FROM effects"),
	                 count);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY "
	           "key ORDER BY seq) AS before FROM effects) AS o "
	           "WHERE before >= n"),
	    0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), count);
}

/* Events first to last, spread over the keys. */
static void
put_range(int first, int last)
{
	int n;

	for (n = first; n <= last; n++)
		put(1 + n % KEYS, n, NULL);
	rig_flush(sender);
}

static void
start(psm_processor **out)
{
	*out = flow_processor(st, t, flow_handler);
	ck_assert_int_eq(psm_processor_start(*out, err), 0);
}

static void
stop(psm_processor **p)
{
	ck_assert_msg(psm_processor_stop(*p, 60000, err) == 0, "%s",
	              psm_error_message(err));
	psm_processor_free(*p);
	*p = NULL;
}

START_TEST(c13_each_once_in_order)
{
	put_range(1, EVENTS / 2);
	start(&pr);
	put_range(EVENTS / 2 + 1, EVENTS);
	flow_wait_offset(EVENTS);
	PG_UNTIL(psm_processor_stat(pr, "handled") == EVENTS);
	PG_UNTIL(psm_processor_stat(pr, "lag") == 0);
	stop(&pr);
	check_effects(EVENTS);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

START_TEST(c05_second_delivery_does_nothing)
{
	static const char *const ids[] = {
	    "0198c0de-0000-7000-8000-000000000001",
	    "0198c0de-0000-7000-8000-000000000002",
	    "0198c0de-0000-7000-8000-000000000003"};
	int round, i;

	for (round = 0; round < 3; round++)
		for (i = 0; i < 3; i++)
			put(i + 1, i + 1, ids[i]);
	rig_flush(sender);
	start(&pr);
	flow_wait_offset(9);
	stop(&pr);
	check_effects(3);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 3);
}
END_TEST

START_TEST(c01_poison_is_a_dead_letter)
{
	static const char garbage[] = "\x00\xff{not json";

	put(1, 1, NULL);
	rig_send(sender, "1", garbage, sizeof garbage - 1);
	put(1, 2, NULL);
	rig_send(sender, "1", NULL, 0);
	put(1, 3, NULL);
	rig_flush(sender);
	start(&pr);
	flow_wait_offset(5);
	stop(&pr);
	check_effects(3);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE topic = "
	           "'" FLOW_TOPIC "' AND \"offset\" = 1 AND raw = "
	           "'\\x00ff7b6e6f74206a736f6e' AND code = 'PSM_ERR_PARSE'"),
	    1);
}
END_TEST

START_TEST(c04_rejected_is_a_dead_letter)
{
	plan = (struct flow_plan){.bad = 7, .times = -1, .rc = PSM_ERR_REJECT};
	put_range(1, 24);
	start(&pr);
	flow_wait_offset(24);
	stop(&pr);
	check_effects(23);
	ck_assert_int_eq(flow_dead_rows(), 1);
}
END_TEST

START_TEST(c03_failed_is_tried_again_in_order)
{
	plan = (struct flow_plan){.bad = 5, .times = 2, .rc = PSM_ERR_RETRY};
	put_range(1, 120);
	start(&pr);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 120);
	stop(&pr);
	check_effects(120);
	ck_assert_int_eq(plan.seen, 3);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static void
start_parking(void)
{
	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 1000, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

/* An event that cannot be handled now keeps back those of its key, and no
 * others. */
START_TEST(c03_one_key_waits_the_others_go_on)
{
	plan = (struct flow_plan){.bad = 5, .times = -1, .rc = PSM_ERR_RETRY};
	put_range(1, 120);
	start_parking();
	/* 5, 17, 29, .. are of the key that waits. */
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 110);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.parked") == 10);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n %% 12 = 5"), 0);
	(void)pthread_mutex_lock(&flow_lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&flow_lock);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 120);
	stop(&pr);
	check_effects(120);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

/* Stopped in the middle, started anew: nothing twice, nothing left out. */
START_TEST(c05_goes_on_after_a_restart)
{
	put_range(1, 60);
	start(&pr);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") > 0);
	stop(&pr);
	put_range(61, 120);
	start(&pr);
	flow_wait_offset(120);
	stop(&pr);
	check_effects(120);
}
END_TEST

/* As flow_wait_offset, through a rebalance: with the mock cluster one takes
 * seconds, on a busy machine several follow each other. */
static void
wait_rebalanced(int n)
{
	ck_assert_int_eq(pg_wait(n, 60000,
	                         "SELECT coalesce(sum(next), 0) FROM "
	                         "psymatch.consumer_offset"),
	                 n);
}

START_TEST(c15_two_share_a_group)
{
	psm_processor *other = NULL;
	int n = 60;

	start(&pr);
	put_range(1, n);
	flow_wait_offset(n);
	start(&other);
	/* Until both of them have had something: the group has been split. */
	while (psm_processor_stat(other, "handled") == 0) {
		put_range(n + 1, n + KEYS);
		n += KEYS;
		wait_rebalanced(n);
	}
	stop(&pr);
	put_range(n + 1, n + 60);
	wait_rebalanced(n + 60);
	stop(&other);
	check_effects(n + 60);
}
END_TEST

START_TEST(c06_broker_away_and_back)
{
	rig->set_down(t, 1);
	start(&pr);
	rig->set_down(t, 0);
	put_range(1, 60);
	flow_wait_offset(60);
	rig->set_down(t, 1);
	put(1, 61, NULL); /* waits in the sink */
	rig->set_down(t, 0);
	rig_flush(sender);
	put_range(62, 120);
	flow_wait_offset(120);
	stop(&pr);
	check_effects(120);
}
END_TEST

/* Another consumer reads all from the beginning, at its own pace. */
START_TEST(c10_new_consumer_reads_all)
{
	psm_processor *late = NULL;

	put_range(1, 60);
	start(&pr);
	flow_wait_offset(60);
	stop(&pr);
	pg_run("DELETE FROM effects; DELETE FROM psymatch.outbox");
	ck_assert_int_eq(psm_processor_new(st, t, cfg, "late", &late, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(late, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on(late, "communication.send_email",
	                                  flow_handler, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_start(late, err), 0);
	flow_wait_offset(120);
	stop(&late);
	check_effects(60);
}
END_TEST

/*
 * The group takes the first one for dead, but it lives: it goes on with what it
 * has read already while another one has its partitions.
 */
START_TEST(c05_zombie_is_fenced)
{
	psm_processor *other = NULL;

	plan = (struct flow_plan){.bad = 30, .block = 1};
	put_range(1, EVENTS);
	start(&pr);
	flow_wait_blocked();
	rig->evict(t);
	start(&other);
	PG_UNTIL(psm_processor_stat(other, "lag") > 0);
	flow_unblock();
	flow_wait_offset(EVENTS);
	stop(&pr);
	stop(&other);
	check_effects(EVENTS);
}
END_TEST

/* -- a process that is stopped in the middle of its work */

/* The process is stopped with its transaction open, and goes on hours later. */
static int
stop_at_30(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_handler(tx, ev, user, e);

	if (flow_member(ev, "/n") == 30)
		(void)raise(SIGSTOP);
	return rc;
}

/* A statement may take 2 s: so long may a process be silent, four times over.
 */
static void
start_hasty(psm_store *store, psm_transport *from, psm_tx_event_fn fn,
            psm_processor **out)
{
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_deadline(o, 2000, err), 0);
	ck_assert_int_eq(
	    psm_processor_new(store, from, cfg, FLOW_NAME, out, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(*out, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on_with(*out, "communication.send_email",
	                                       o, fn, NULL, err),
	                 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_processor_start(*out, err), 0);
}

#define WHERE_SIZE 256

/* @process a child */
static void
be_a_member(void)
{
	char where[WHERE_SIZE], ch;
	psm_processor *own = NULL;
	int tries;
	psm_store *store = NULL;

	if (read(to_member[0], where, sizeof where) != sizeof where ||
	    psm_store_open(cfg, &store, NULL) < 0)
		_exit(1);
	start_hasty(store, rig->again(where), stop_at_30, &own);
	if (read(to_member[0], &ch, 1) != 1)
		_exit(2);
	for (tries = 0;
	     tries < 600 && psm_processor_stat(own, "rollbacks") == 0; tries++)
		(void)poll(NULL, 0, 100); /* its thread may just be at it */
	ch = psm_processor_stat(own, "rollbacks") > 0 ? 'r' : 'c';
	if (write(to_parent[1], &ch, 1) != 1 ||
	    psm_processor_stop(own, 60000, NULL) < 0)
		_exit(3);
	_exit(0);
}

/* Stopped beyond all timeouts, in the middle of a transaction: another one gets
 * its partitions and its database lock, and what it still wanted to do is
 * refused when it goes on. */
START_TEST(c05_stopped_process_is_fenced)
{
	char where[WHERE_SIZE] = "", ch = 0;
	int status, n = EVENTS;

	(void)snprintf(where, sizeof where, "%s", rig->where());
	ck_assert_int_eq(write(to_member[1], where, sizeof where),
	                 sizeof where);
	put_range(1, n);
	ck_assert_int_eq(waitpid(member, &status, WUNTRACED), member);
	ck_assert(WIFSTOPPED(status));
	start_hasty(st, t, flow_handler, &pr);
	wait_rebalanced(n);
	check_effects(n);
	ck_assert_int_eq(kill(member, SIGCONT), 0);
	/* It has something to do again. */
	put_range(n + 1, n + 60);
	wait_rebalanced(n + 60);
	ck_assert_int_eq(write(to_member[1], "?", 1), 1);
	ck_assert_int_eq(read(to_parent[0], &ch, 1), 1);
	ck_assert_int_eq(waitpid(member, &status, 0), member);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	stop(&pr);
	ck_assert_int_eq(ch, 'r');
	check_effects(n + 60);
}
END_TEST

/* A replay into a schema of its own, while the live consumer works: the schema
 * gets what was there when it began, the live tables and the group notice
 * nothing, and nothing is sent. */
START_TEST(c10_replay_rebuilds_beside_the_live_tables)
{
	static const char *const tables[] = {"effects"};
	psm_processor *again = flow_processor(st, t, flow_handler);
	psm_replay *r = NULL;
	int64_t until_us;

	put_range(1, EVENTS / 2);
	start(&pr);
	flow_wait_offset(EVENTS / 2);
	ck_assert_int_eq(psm_store_shadow(st, "rebuilt", tables, 1, err), 0);
	ck_assert_int_eq(psm_replay_new(t, FLOW_TOPIC, &r, err), 0);
	ck_assert_int_eq(psm_replay_into_schema(r, "rebuilt", err), 0);
	ck_assert_msg(psm_processor_replay(again, r, 20000, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(psm_replay_stat(r, "handled"), EVENTS / 2);
	ck_assert_int_eq(psm_replay_stat(r, "dropped"), EVENTS / 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT event_id, key, n FROM effects "
	           "EXCEPT SELECT event_id, key, n FROM rebuilt.effects) AS d"),
	    0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY "
	           "key ORDER BY seq) AS before FROM rebuilt.effects) AS o "
	           "WHERE before >= n"),
	    0);

	/* The rest and one key of it, once more, by time and by key. */
	until_us = psm_now_us() + 60000000;
	put_range(EVENTS / 2 + 1, EVENTS);
	flow_wait_offset(EVENTS);
	ck_assert_int_eq(psm_replay_between(r, 0, until_us, err), 0);
	ck_assert_int_eq(
	    psm_replay_only(r, "communication.send_email", "3", 1, err), 0);
	ck_assert_int_eq(psm_processor_replay(again, r, 20000, err), 0);
	ck_assert_int_eq(psm_replay_stat(r, "duplicates"), EVENTS / 2 / KEYS);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), EVENTS / 2 / KEYS);
	ck_assert_int_eq(psm_replay_only(r, NULL, NULL, 0, err), 0);
	ck_assert_int_eq(psm_replay_between(r, until_us, INT64_MAX, err), 0);
	ck_assert_int_eq(psm_processor_replay(again, r, 20000, err), 0);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM rebuilt.effects"),
	                 EVENTS / 2 + EVENTS / 2 / KEYS);
	psm_replay_free(r);
	psm_processor_free(again);
	stop(&pr);
	check_effects(EVENTS);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static int
says_gone(void)
{
	char why[300] = "";

	return psm_processor_health(pr, why, sizeof why) == PSM_HEALTH_AMBER &&
	       strstr(why, "are gone, never read") != NULL;
}

/* A consumer that was away for too long goes on where the log begins now, says
 * what it never saw, and does not stop. */
START_TEST(c14_retention_ran_past)
{
	put_range(1, 24);
	start(&pr);
	wait_rebalanced(24);
	stop(&pr);
	put_range(25, 48);
	rig->expire(t, FLOW_TOPIC);
	start(&pr);
	put_range(49, 72);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects WHERE n > 48") == 24);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_gt(psm_processor_stat(pr, "gap_messages"), 0);
	PG_UNTIL(says_gone());
	stop(&pr);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n <= 24"),
	                 24);
	ck_assert_int_lt(pg_int("SELECT count(*) FROM effects"), 72);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER (PARTITION BY "
	           "key ORDER BY seq) AS before FROM effects) AS o "
	           "WHERE before >= n"),
	    0);
}
END_TEST

/* -- topics in another database than the processor's tables */

static char elsewhere[80];

static psm_store *
open_elsewhere(void)
{
	psm_config *there = pg_settings();
	psm_store *s = NULL;

	ck_assert_int_eq(psm_config_set(there, "DB_NAME", elsewhere, err), 0);
	ck_assert_int_eq(psm_store_open(there, &s, err), 0);
	psm_config_free(there);
	return s;
}

static void
setup_elsewhere(void)
{
	const char *const settings[] = {"PSYMATCH_PG_DATABASE", elsewhere,
	                                NULL};

	flow_setup();
	psm_transport_unref(t);
	(void)snprintf(elsewhere, sizeof elsewhere, "%s_topics", pg_name());
	pg_run("CREATE DATABASE %s", elsewhere);
	t = rig_postgres_with(settings);
	sender = rig_sender_open(t, FLOW_TOPIC);
}

static void
teardown_elsewhere(void)
{
	psm_processor_free(pr);
	pr = NULL;
	rig_sender_close(sender);
	psm_transport_unref(t);
	t = NULL;
	pg_run("DROP DATABASE %s WITH (FORCE)", elsewhere);
	flow_teardown();
}

static void
drop_topic(void)
{
	psm_store *there = open_elsewhere();
	psm_tx *tx = NULL;

	ck_assert_int_eq(psm_tx_begin(there, &tx, err), 0);
	ck_assert_int_eq(
	    psm_tx_exec(tx, "SELECT psymatch.topic_drop('" FLOW_TOPIC "')", 0,
	                NULL, NULL, err),
	    0);
	ck_assert_int_eq(psm_tx_commit(tx, err), 0);
	psm_store_free(there);
}

/* Whether the processor is there meanwhile, and what its row knows. */
enum { AWAY, THERE, AWAY_AND_OLD_ROW, N_MEANWHILE };

/* Dropping a topic does not reach the processor's row; that and the log are
 * compared, and nothing of the new log is left out. */
START_TEST(c14_dropped_in_another_database)
{
	int n;

	for (n = 1; n <= 57; n++)
		put(1, n, NULL);
	rig_flush(sender);
	start(&pr);
	flow_wait_offset(57);
	if (_i != THERE)
		stop(&pr);
	if (_i == AWAY_AND_OLD_ROW)
		pg_run(
		    "UPDATE psymatch.consumer_offset SET incarnation = NULL");
	drop_topic();
	for (n = 101; n <= 160; n++)
		put(1, n, NULL);
	rig_flush(sender);
	if (_i != THERE)
		start(&pr);
	PG_UNTIL(pg_int("SELECT count(*) FROM effects WHERE n > 100") == 60);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_eq(psm_processor_health(pr, NULL, 0), PSM_HEALTH_AMBER);
	flow_wait_offset(60);
	stop(&pr);
	check_effects(117);
	/* It is told once. */
	start(&pr);
	put(1, 161, NULL);
	rig_flush(sender);
	flow_wait_offset(61);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
	stop(&pr);
	check_effects(118);
}
END_TEST

static Suite *
suite(const char *name)
{
	const TTest *const tests[] = {
	    c13_each_once_in_order,
	    c05_second_delivery_does_nothing,
	    c01_poison_is_a_dead_letter,
	    c04_rejected_is_a_dead_letter,
	    c03_failed_is_tried_again_in_order,
	    c03_one_key_waits_the_others_go_on,
	    c05_goes_on_after_a_restart,
	    c15_two_share_a_group,
	    c06_broker_away_and_back,
	    c10_new_consumer_reads_all,
	    c10_replay_rebuilds_beside_the_live_tables,
	    c14_retention_ran_past,
	};
	Suite *s = suite_create(name);
	TCase *tc = tcase_create("conform");
	size_t i;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	for (i = 0; i < PSM__COUNT(tests); i++)
		tcase_add_test(tc, tests[i]);
	if (rig->evict)
		tcase_add_test(tc, c05_zombie_is_fenced);
	suite_add_tcase(s, tc);
	if (rig == &rig_postgres) {
		tc = tcase_create("elsewhere");
		tcase_set_timeout(tc, 120);
		tcase_add_checked_fixture(tc, setup_elsewhere,
		                          teardown_elsewhere);
		tcase_add_loop_test(tc, c14_dropped_in_another_database, 0,
		                    N_MEANWHILE);
		suite_add_tcase(s, tc);
	}
	if (rig->again) {
		tc = tcase_create("member");
		tcase_set_timeout(tc, 120);
		tcase_add_checked_fixture(tc, setup_with_member, teardown);
		tcase_add_test(tc, c05_stopped_process_is_fenced);
		suite_add_tcase(s, tc);
	}
	return s;
}

/* RIG: which transport; there is one program for each. */
int
main(int argc, char **argv)
{
	char name[64];

	(void)argc;
	rig = &RIG;
	if (rig->begin)
		rig->begin(argv);
	pg_main(argv);
	(void)snprintf(name, sizeof name, "conform on %s", rig->name);
	return testing_run(srunner_create(suite(name)));
}
