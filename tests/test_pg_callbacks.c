/* SPDX-License-Identifier: BSD-2-Clause */
/* The callbacks of a source of transport postgres: each of them commits and
 * holds while the server goes away. It has a cluster of its own to stop. */
#include "rigs.h"
#include "testing.h"
#include "testing_pg.h"

#define TOPIC "callback-events"
#define MESSAGES 60
#define PATIENCE_MS 60000

enum callback { NONE, START_AT, CONFIRMED, REVOKED, GAP };

static psm_transport *t;
static struct psm__source *first;
static enum callback due;    /* the one that strikes */
static int calls;            /* times that it struck */
static int crash;            /* how it takes the server away */
static int polls;            /* it polls instead */
static int64_t seek_to = -1; /* what it does instead, if >= 0 */
static int commits;          /* it only commits instead: */
static int commit_rc;        /* with this result */
static int seen[MESSAGES];

static void
take_server(void)
{
	if (crash)
		pg_cluster("crash");
	else
		pg_down();
}

static void
give_server(void)
{
	if (crash)
		pg_cluster("start");
	else
		pg_up();
}

static void
refuses_to_be_polled(void)
{
	struct psm__record rec;

	ck_assert_int_eq(first->ops->poll(first, 0, &rec, NULL), PSM_ERR_STATE);
	ck_assert_int_eq(first->ops->serve(first, NULL), PSM_ERR_STATE);
}

static void
strike(enum callback which, const char *topic, int32_t partition)
{
	psm_error *err = psm_error_new();

	if (which != due) {
		psm_error_free(err);
		return;
	}
	due = NONE;
	calls++;
	if (polls) {
		refuses_to_be_polled();
	} else if (commits) {
		commit_rc =
		    first->ops->commit(first, topic, partition, 1, 1, err);
	} else if (seek_to >= 0) {
		ck_assert_int_eq(
		    first->ops->seek(first, topic, partition, seek_to, NULL),
		    0);
	} else {
		take_server();
		ck_assert_int_eq(
		    first->ops->commit(first, topic, partition, 1, 1, err),
		    PSM_ERR_DB);
		ck_assert_int_eq(
		    first->ops->pause(first, topic, partition, 0, NULL), 0);
		ck_assert_int_eq(first->ops->connected(first), 0);
	}
	psm_error_free(err);
}

static int64_t
start_at(const char *topic, int32_t partition, int64_t committed,
         int64_t incarnation, void *user)
{
	(void)committed;
	(void)incarnation;
	(void)user;
	strike(START_AT, topic, partition);
	return -1;
}

static void
confirmed(const char *topic, int32_t partition, int64_t next, void *user)
{
	(void)next;
	(void)user;
	strike(CONFIRMED, topic, partition);
}

static void
revoked(const char *topic, int32_t partition, void *user)
{
	(void)user;
	strike(REVOKED, topic, partition);
}

static void
gap(const struct psm__gap *g, void *user)
{
	(void)user;
	strike(GAP, g->topic, g->partition);
}

static struct psm__source *
open_source(int with_callbacks)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = "g", .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;

	if (with_callbacks) {
		conf.start_at = start_at;
		conf.confirmed = confirmed;
		conf.revoked = revoked;
		conf.gap = gap;
	}
	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, NULL), 0);
	return s;
}

/* "0", "1", .. in their order in partition 0, or in all of them. */
static void
send_all(int everywhere)
{
	struct rig_sender *s = rig_sender_open(t, TOPIC);
	char key[16], value[16];
	int i, n = 0;

	for (i = 0; i < MESSAGES; i++) {
		if (i == 0 || everywhere)
			rig_key(everywhere ? i % RIG_PARTITIONS : 0, &n, key,
			        sizeof key);
		(void)snprintf(value, sizeof value, "%d", i);
		rig_send(s, key, value, strlen(value));
	}
	rig_sender_close(s);
}

static void
setup(void)
{
	pg_database();
	t = rig_postgres_with(NULL);
	due = NONE;
	calls = crash = 0;
	seek_to = -1;
	polls = commits = 0;
}

static void
teardown(void)
{
	psm_transport_unref(t);
	t = NULL;
}

/* One poll; 1: a record, which is committed by a hint. */
static int
turn(struct psm__source *s, int timeout_ms, int64_t *offset)
{
	struct psm__record rec;

	if (s->ops->poll(s, timeout_ms, &rec, NULL) != 1)
		return 0;
	seen[atoi(rec.value)] = 1;
	if (offset)
		*offset = rec.offset;
	(void)s->ops->commit(s, rec.topic, rec.partition, rec.offset + 1, 0,
	                     NULL);
	s->ops->release(s, &rec);
	return 1;
}

static void
turn_until_struck(struct psm__source *other)
{
	int64_t until = psm__mono_ms() + PATIENCE_MS;

	while (calls == 0) {
		ck_assert_int_lt(psm__mono_ms(), until);
		if (other)
			(void)turn(other, 10, NULL);
		(void)turn(first, other ? 10 : 0, NULL);
	}
}

static int
all_seen(void)
{
	int i, count = 0;

	for (i = 0; i < MESSAGES; i++)
		count += seen[i];
	return count == MESSAGES;
}

/* Retention takes the first five while nothing of partition 0 is at hand. */
static void
make_gap(void)
{
	int64_t offset = -1;

	while (!turn(first, 100, &offset))
		;
	ck_assert_int_eq(offset, 0);
	pg_run("DELETE FROM psymatch.log WHERE partition = 0 AND \"offset\" < "
	       "5");
	pg_run("UPDATE psymatch.log_partition SET first = 5 WHERE partition = "
	       "0");
	ck_assert_int_eq(first->ops->seek(first, TOPIC, 0, 1, NULL), 0);
}

/* -- the server goes away in a callback */

#define AWAY_CRASH 4 /* from here on it crashes */
static const struct away {
	enum callback which;
	int crash;
} away[] = {{START_AT, 0}, {CONFIRMED, 0}, {REVOKED, 0},
            {GAP, 0},      {REVOKED, 1},   {START_AT, 1}};

START_TEST(server_goes_away)
{
	struct psm__source *other = NULL;
	int64_t until = psm__mono_ms() + PATIENCE_MS;
	int i;

	crash = away[_i].crash;
	send_all(away[_i].which != GAP);
	first = open_source(1);
	if (away[_i].which == GAP)
		make_gap();
	else if (away[_i].which != START_AT)
		while (!turn(first, 100, NULL))
			;
	if (away[_i].which == REVOKED)
		other = open_source(0);
	due = away[_i].which;
	turn_until_struck(other);
	ck_assert_int_eq(first->ops->connected(first), 0);
	give_server();
	/* It is an outage like any other. */
	for (i = 1; away[_i].which == GAP && i < 5; i++)
		seen[i] = 1;
	while (!all_seen()) {
		ck_assert_int_lt(psm__mono_ms(), until);
		(void)turn(first, 10, NULL);
		if (other)
			(void)turn(other, 10, NULL);
	}
	ck_assert_int_eq(calls, 1);
	if (other)
		other->ops->close(other, 1000);
	first->ops->close(first, 1000);
}
END_TEST

/* Both have their share afterwards: what was given up has a new owner. */
START_TEST(rebalance_goes_on_after_the_outage)
{
	struct psm__source *other;

	send_all(1);
	first = open_source(1);
	while (!turn(first, 100, NULL))
		;
	other = open_source(0);
	due = REVOKED;
	turn_until_struck(other);
	give_server();
	PG_UNTIL(((void)turn(first, 10, NULL), (void)turn(other, 10, NULL),
	          pg_int("SELECT (count(DISTINCT owner) = 2 AND count(owner) "
	                 "= count(*))::integer FROM "
	                 "psymatch.group_partition")) == 1);
	other->ops->close(other, 1000);
	first->ops->close(first, 1000);
}
END_TEST

/* A partition that is given up may be committed once more, unless it was taken
 * away: then another member may have read on. */
START_TEST(revoked_callback_commits_what_is_not_lost)
{
	struct psm__source *other = NULL;
	int lost = _i;

	commits = 1;
	send_all(1);
	first = open_source(1);
	while (!turn(first, 100, NULL))
		;
	due = REVOKED;
	if (lost)
		pg_run("UPDATE psymatch.group_partition SET owner = NULL");
	else
		other = open_source(0);
	turn_until_struck(other);
	ck_assert_int_eq(commit_rc, lost ? PSM_ERR_FENCED : 0);
	if (other)
		other->ops->close(other, 1000);
	first->ops->close(first, 1000);
}
END_TEST

/* What was committed is told when the source has left its group. */
START_TEST(server_goes_away_while_it_is_closed)
{
	send_all(1);
	first = open_source(1);
	while (!turn(first, 100, NULL))
		;
	due = CONFIRMED;
	first->ops->close(first, 1000);
	ck_assert_int_eq(calls, 1);
	give_server();
	ck_assert_int_eq(pg_int("SELECT sum(next) FROM "
	                        "psymatch.group_partition"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.group_member"),
	                 0);
}
END_TEST

/* -- a callback that decides where reading goes on */

START_TEST(gap_may_seek)
{
	int64_t offset = -1, until = psm__mono_ms() + PATIENCE_MS;

	send_all(0);
	first = open_source(1);
	make_gap();
	due = GAP;
	seek_to = 9;
	while (!turn(first, 100, &offset))
		ck_assert_int_lt(psm__mono_ms(), until);
	ck_assert_int_eq(calls, 1);
	ck_assert_int_eq(offset, 9);
	first->ops->close(first, 1000);
}
END_TEST

START_TEST(callback_must_not_poll)
{
	send_all(1);
	first = open_source(1);
	due = START_AT;
	polls = 1;
	while (!turn(first, 100, NULL))
		;
	ck_assert_int_eq(calls, 1);
	first->ops->close(first, 1000);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("callbacks of a source in postgres");
	TCase *tc = tcase_create("callbacks");

	(void)argc;
	pg_main_private(argv);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, server_goes_away, 0, AWAY_CRASH);
	tcase_add_test(tc, rebalance_goes_on_after_the_outage);
	tcase_add_loop_test(tc, revoked_callback_commits_what_is_not_lost, 0,
	                    2);
	tcase_add_test(tc, server_goes_away_while_it_is_closed);
	tcase_add_test(tc, gap_may_seek);
	tcase_add_test(tc, callback_must_not_poll);
	/* Last: a failure leaves no server. */
	tcase_add_loop_test(tc, server_goes_away, AWAY_CRASH, PSM__COUNT(away));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
