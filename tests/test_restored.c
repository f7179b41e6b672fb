/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor whose database is new, or a backup that was restored, on every
 * transport: each event is handled once that the database has not seen and that
 * is still kept, whatever the group has committed. Built once per transport,
 * which is RIG.
 */
#include "rigs.h"
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#define EVENTS 20
/* What is left of them where retention takes some. */
#define KEPT 8

/* What the database has, and what the broker. */
struct restored {
	int row;       /* 1: there is a row of the offset */
	int done;      /* so many events were handled, the row says the same */
	int committed; /* offset of the group; -1: none */
};
#define WITH(done)                                                             \
	{0, done, -1}, {0, done, 0}, {0, done, 4}, {0, done, 12},              \
	    {0, done, 20}, {1, done, -1}, {1, done, 0}, {1, done, 4},          \
	    {1, done, 12}, {1, done, 20},
static const struct restored cases[] = {WITH(0) WITH(6) WITH(20)};
#define CASES PSM__COUNT(cases)

enum retention { NOTHING, SOME, ALL, N_RETENTIONS };

static const struct rig *rig;
static char names[CASES][24];
static psm_processor *processors[CASES];
static char ids[EVENTS + 1][40];
static int64_t low, end; /* of partition 0 */
static int told[CASES];  /* that there is no offset; flow_lock */

static void
on_log(int level, const char *message, const char *const *fields, void *user)
{
	const char *consumer = "";
	size_t i;

	(void)user;
	if (level != PSM_LOG_WARN ||
	    !strstr(message, "has no offset of a partition"))
		return;
	for (i = 0; fields[i]; i += 2)
		if (strcmp(fields[i], "consumer") == 0)
			consumer = fields[i + 1];
	(void)pthread_mutex_lock(&flow_lock);
	for (i = 0; i < CASES; i++)
		told[i] += strcmp(names[i], consumer) == 0;
	(void)pthread_mutex_unlock(&flow_lock);
}

static void
setup(void)
{
	size_t i;

	flow_setup();
	psm_transport_unref(t);
	t = rig->open(FLOW_TOPIC);
	pg_run("ALTER TABLE effects ADD consumer text");
	for (i = 0; i < CASES; i++)
		(void)snprintf(names[i], sizeof names[i], "case-%s-%d-%d",
		               cases[i].row ? "row" : "none", cases[i].done,
		               cases[i].committed);
}

static void
teardown(void)
{
	rig->close(t);
	t = NULL;
	flow_teardown();
}

/* -- the log */

static void
put_all(void)
{
	struct rig_sender *s = rig_sender_open(t, FLOW_TOPIC);
	char key[16], *text;
	int i, n = 0;

	rig_key(0, &n, key, sizeof key);
	for (i = 1; i <= EVENTS; i++) {
		ck_assert_int_eq(psm_uuid_new(ids[i], sizeof ids[i]), 0);
		text = flow_event(1, i, ids[i], "1.0");
		rig_send(s, key, text, strlen(text));
		free(text);
	}
	rig_sender_close(s);
}

static void
look_at_log(void)
{
	struct psm__reader_conf conf = {
	    .topic = FLOW_TOPIC, .to = INT64_MAX, .to_ms = INT64_MAX};
	struct psm__reader *r = NULL;
	struct psm__record rec;
	int rc;

	low = end = -1;
	ck_assert_int_eq(t->ops->open_reader(t, &conf, 10000, &r, err), 0);
	while ((rc = r->ops->next(r, 1000, &rec, err)) != PSM__READER_END) {
		ck_assert_int_ge(rc, 0);
		if (rc == 0)
			continue;
		low = low < 0 ? rec.offset : low;
		end = rec.offset + 1;
		r->ops->release(r, &rec);
	}
	r->ops->close(r);
}

static void
expire(enum retention how)
{
	if (how == ALL)
		rig->expire(t, FLOW_TOPIC);
	if (how == SOME && rig == &rig_memory)
		psm__memory_retain(t, FLOW_TOPIC, KEPT);
	if (how == SOME && rig == &rig_postgres) {
		pg_run("UPDATE psymatch.log SET ts = ts - interval '8 days' "
		       "WHERE \"offset\" < %d",
		       EVENTS - KEPT);
		ck_assert_int_gt(
		    pg_int("SELECT psymatch.log_expire(604800000, 9999)"), 0);
	}
	look_at_log();
	if (how == SOME)
		ck_assert_int_eq(low, EVENTS - KEPT);
	else
		ck_assert(how == ALL ? low > EVENTS : low == 0);
}

/* -- the broker's part: what the groups have committed */

static void
commit_all(void)
{
	static const char *const topics[] = {FLOW_TOPIC};
	struct psm__source *sources[CASES] = {NULL};
	struct psm__record rec;
	size_t i, left = 0;

	for (i = 0; i < CASES; i++) {
		struct psm__source_conf conf = {
		    .group = names[i], .topics = topics, .topic_count = 1};

		if (cases[i].committed < 0)
			continue;
		ck_assert_int_eq(
		    t->ops->open_source(t, &conf, &sources[i], err), 0);
		left++;
	}
	while (left > 0)
		for (i = 0; i < CASES; i++) {
			struct psm__source *s = sources[i];

			if (!s || s->ops->poll(s, 10, &rec, err) != 1)
				continue;
			s->ops->release(s, &rec);
			ck_assert_int_eq(s->ops->commit(s, FLOW_TOPIC, 0,
			                                cases[i].committed, 1,
			                                err),
			                 0);
			s->ops->close(s, 5000);
			sources[i] = NULL;
			left--;
		}
}

/* -- the database's part */

static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	char n[16];
	const char *params[] = {psm_event_id(ev), n, user};

	(void)snprintf(n, sizeof n, "%d", flow_member(ev, "/n"));
	return psm_tx_exec(tx,
	                   "INSERT INTO effects (event_id, n, consumer) VALUES "
	                   "($1::uuid, $2::integer, $3)",
	                   3, params, NULL, e);
}

static psm_processor *
start(const char *name)
{
	psm_processor *p = NULL;

	ck_assert_int_eq(psm_processor_new(st, t, cfg, name, &p, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(p, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on(p, "communication.send_email", handle,
	                                  (void *)(uintptr_t)name, err),
	                 0);
	ck_assert_int_eq(psm_processor_start(p, err), 0);
	return p;
}

static void
stop(psm_processor *p)
{
	ck_assert_int_eq(psm_processor_stop(p, 60000, err), 0);
	psm_processor_free(p);
}

/* Rows as a processor leaves them that has handled so many. */
static void
restore_all(void)
{
	psm_processor *p = start("reference");
	size_t i;

	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == EVENTS);
	stop(p);
	for (i = 0; i < CASES; i++) {
		pg_run("INSERT INTO effects (event_id, n, consumer) SELECT "
		       "event_id, n, '%s' FROM effects WHERE consumer = "
		       "'reference' AND n <= %d",
		       names[i], cases[i].done);
		pg_run("INSERT INTO psymatch.inbox (consumer, event_id) SELECT "
		       "consumer, event_id FROM effects WHERE consumer = '%s'",
		       names[i]);
		if (cases[i].row)
			pg_run(
			    "INSERT INTO psymatch.consumer_offset (consumer,"
			    " topic, partition, next, owner, incarnation) SELECT "
			    "'%s', topic, partition, %d, owner, incarnation FROM "
			    "psymatch.consumer_offset WHERE consumer = "
			    "'reference' AND partition = 0",
			    names[i], cases[i].done);
	}
}

/* -- what has to come of it */

static int
says(psm_processor *p, const char *words)
{
	char reason[300];

	return psm_processor_health(p, reason, sizeof reason) ==
	           PSM_HEALTH_AMBER &&
	       strstr(reason, words) != NULL;
}

static int
is_behind(const struct restored *c)
{
	return c->row && c->done < low;
}

static int
is_told(const struct restored *c)
{
	return !c->row && c->committed > 0;
}

static void
check_case(size_t i)
{
	const struct restored *c = &cases[i];
	int64_t from = c->done > low ? c->done : low;
	int64_t want = c->done + (from < EVENTS ? EVENTS - from : 0);
	int64_t again = !c->row && c->done > low ? c->done - low : 0;
	int64_t count, distinct;

	count = pg_int("SELECT count(*) FROM effects WHERE consumer = '%s'",
	               names[i]);
	distinct = pg_int("SELECT count(DISTINCT event_id) FROM effects WHERE "
	                  "consumer = '%s'",
	                  names[i]);
	ck_assert_msg(count == want && distinct == want,
	              "%s: want %d effects, got %d of %d events", names[i],
	              (int)want, (int)count, (int)distinct);
	ck_assert_msg(psm_processor_stat(processors[i], "duplicates") == again,
	              "%s: duplicates", names[i]);
	ck_assert_msg(psm_processor_stat(processors[i], "gaps") == is_behind(c),
	              "%s: gaps", names[i]);
	/* On a busy machine another sentence may be the worse one for a while.
	 */
	if (is_behind(c)) {
		PG_UNTIL(says(processors[i], "are gone, never read"));
		ck_assert_msg(
		    psm_processor_stat(processors[i], "gap_messages") ==
			low - c->done,
		    "%s: gap", names[i]);
	}
	if (is_told(c))
		PG_UNTIL(says(processors[i], "no offset in the database"));
	else
		ck_assert_msg(!says(processors[i], "no offset in the database"),
		              "%s: health", names[i]);
}

START_TEST(each_once_that_is_kept)
{
	size_t i;

	if (_i == SOME && rig == &rig_kafka)
		return; /* the mock forgets by size alone */
	put_all();
	commit_all();
	restore_all();
	expire((enum retention)_i);
	psm_set_log(on_log, PSM_LOG_WARN, NULL);
	for (i = 0; i < CASES; i++)
		processors[i] = start(names[i]);
	for (i = 0; i < CASES; i++)
		PG_UNTIL(pg_int("SELECT max(next) FROM "
		                "psymatch.consumer_offset WHERE consumer = "
		                "'%s' AND partition = 0",
		                names[i]) == end ||
		         /* nothing came behind it */
		         (cases[i].row && cases[i].done == end));
	for (i = 0; i < CASES; i++)
		check_case(i);
	for (i = 0; i < CASES; i++)
		stop(processors[i]);
	psm_set_log(NULL, 0, NULL);
	/* Once more where the group gave the partition to it again meanwhile. */
	for (i = 0; i < CASES; i++)
		ck_assert_msg((told[i] > 0) == is_told(&cases[i]),
		              "%s: told %d times", names[i], told[i]);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("restored");
	TCase *tc = tcase_create("restored");

	(void)argc;
	rig = &RIG;
	if (rig->begin)
		rig->begin(argv);
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, each_once_that_is_kept, 0, N_RETENTIONS);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
