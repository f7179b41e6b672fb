/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong in consumers before, one test per row of that list, on every
 * transport: dead letters, lag, and messages that are gone.
 */
#include "consumer_env.h"

#include "transport/memory/memory.h"

/* -- dead letters in a topic */

static int
handle_letter(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)user;
	(void)err;
	return 0;
}

/* Reads one record of the topic of dead letters. */
static void
read_letter(struct env *e, const char *group, struct psm__record *rec,
            struct psm__source **s)
{
	static const char *const topics[] = {DLQ};
	struct psm__source_conf conf = {
	    .group = group, .topics = topics, .topic_count = 1};
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	int rc = 0;

	ck_assert_int_eq(e->t->ops->open_source(e->t, &conf, s, NULL), 0);
	while (rc != 1) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		rc = (*s)->ops->poll(*s, 200, rec, NULL);
	}
}

static void
check_header(const struct psm__record *rec, const char *name, const char *want)
{
	size_t i, found = 0;

	for (i = 0; i < rec->header_count; i++) {
		const struct psm__header *h = &rec->headers[i];

		if (strcmp(h->name, name) != 0)
			continue;
		found++;
		if (want) {
			ck_assert_uint_eq(h->len, strlen(want));
			ck_assert_int_eq(memcmp(h->value, want, h->len), 0);
		}
	}
	ck_assert_msg(found == 1, "%s: %zu", name, found);
}

static psm_consumer *
with_letters(struct env *e, const char *group, struct seen *seen)
{
	psm_consumer *c = make_consumer(e->t, group, seen);

	ck_assert_int_eq(psm_consumer_dead_letters(c, 2), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_dead_letters(NULL, 1), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_dead_letters(c, 1), 0);
	return c;
}

/* A program without a database keeps its dead, with bytes, key, headers and
 * what is known of the death. */
START_TEST(c12_dead_letters_in_a_topic)
{
	static const struct psm__header sent[] = {
	    {"traceparent", "of the sender", 13}, {"dead-code", "OLD", 3}};
	struct seen seen = {0};
	struct psm__source *s = NULL;
	struct psm__record rec;
	struct env e;
	psm_consumer *c;

	open_env(&e, _i);
	put_good(&e, 1);
	put(&e, "garbage", 7, sent, 2);
	put_good(&e, 2);
	c = with_letters(&e, "c12", &seen);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.dead, 1);
	end(c, 0);

	read_letter(&e, "c12-reader", &rec, &s);
	ck_assert_uint_eq(rec.value_len, 7);
	ck_assert_int_eq(memcmp(rec.value, "garbage", 7), 0);
	ck_assert_uint_eq(rec.key_len, 1);
	ck_assert_int_eq(rec.key[0], '1');
	check_header(&rec, "traceparent", "of the sender");
	check_header(&rec, "dead-topic", TOPIC);
	check_header(&rec, "dead-offset", "1");
	check_header(&rec, "dead-partition", NULL);
	check_header(&rec, "dead-group", "c12");
	check_header(&rec, "dead-code", "PSM_ERR_PARSE");
	check_header(&rec, "dead-reason", NULL);
	check_header(&rec, "dead-attempts", "1");
	check_header(&rec, "dead-bytes", "7");
	check_header(&rec, "dead-time", NULL);
	s->ops->release(s, &rec);
	s->ops->close(s, 5000);
	close_env(&e);
}
END_TEST

/* What dies in the topic of dead letters stays there: the letter is read once,
 * and no letter of it follows. */
START_TEST(c12_dead_letters_do_not_loop)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DEAD_LETTER_TOPIC", "1", NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "loop", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, DLQ, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", handle_letter, &seen, NULL),
	                 0);
	put_text(t, "garbage");
	while (psm_consumer_stat(c, "dead") < 2)
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(psm_consumer_poll(c, 50, NULL), 0);
	ck_assert_int_eq(psm__memory_count(t, DLQ), 1);
	ck_assert_int_eq(psm__memory_count(t, DLQ ".dlq"), 0);
	end(c, 0);
	psm_transport_unref(t);
}
END_TEST

/* The offset is committed only when the broker has the letter. */
START_TEST(c12_no_commit_before_the_letter)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	struct env e = {.t = t};
	psm_consumer *c = with_letters(&e, "slow", &seen);
	char reason[160];
	int i;

	put_text(t, "garbage");
	psm__memory_fail_next(t, 1000000, PSM_ERR_RETRY);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(seen.dead, 0);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "retried"), 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "its dead letter"));
	end(c, 0);
	/* It comes again; this time too large with its headers. */
	psm__memory_fail_next(t, 1, PSM_ERR_TOO_LARGE);
	c = with_letters(&e, "slow", &seen);
	poll_until(c, &seen.dead, 1);
	ck_assert_int_eq(psm__memory_count(t, DLQ), 1);
	end(c, 0);
	c = with_letters(&e, "slow", &seen);
	ck_assert_int_eq(psm_consumer_poll(c, 100, NULL), 0);
	end(c, 0);
	psm_transport_unref(t);
}
END_TEST

static void
poll_until_stat(psm_consumer *c, const char *name, int64_t want)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (psm_consumer_stat(c, name) != want) {
		ck_assert_msg(psm__mono_ms() < deadline, "%s: %lld, not %lld",
		              name, (long long)psm_consumer_stat(c, name),
		              (long long)want);
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	}
}

/* -- gaps */

/* The group's offset is behind the end of the log that is there now. */
START_TEST(c14_offset_beyond_the_log)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = "c14", .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;
	struct psm__record rec;
	struct seen seen = {0};
	char reason[160];
	psm_consumer *c;
	struct env e;
	int rc = 0;

	open_env(&e, _i);
	put_good(&e, 1);
	put_good(&e, 2);
	ck_assert_int_eq(e.t->ops->open_source(e.t, &conf, &s, NULL), 0);
	while (rc != 1)
		rc = s->ops->poll(s, 1000, &rec, NULL);
	ck_assert_int_eq(
	    s->ops->commit(s, rec.topic, rec.partition, 57, 1, NULL), 0);
	s->ops->release(s, &rec);
	s->ops->close(s, 5000);

	c = make_consumer(e.t, "c14", &seen);
	poll_until(c, &seen.count, 2);
	check_order(&seen);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "gap_messages"), 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "read until 57"));
	end(c, 0);
	close_env(&e);
}
END_TEST

/* Position 57, the topic is recreated and grows to 60: all 60 are handled. */
START_TEST(c14_wiped_log_grows_past_the_offset)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "wiped", &seen);
	int i;

	for (i = 1; i <= 57; i++)
		put_event(t, 1, i);
	poll_until(c, &seen.count, 57);
	end(c, 0);
	psm__memory_wipe(t, TOPIC);
	for (i = 101; i <= 160; i++)
		put_event(t, 1, i);
	c = make_consumer(t, "wiped", &seen);
	poll_until(c, &seen.count, 117);
	ck_assert_int_eq(seen.number[57], 101);
	check_order(&seen);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	/* Under the reader's hands, too; an empty new log is no gap twice. */
	psm__memory_wipe(t, TOPIC);
	ck_assert_int_eq(psm_consumer_poll(c, 20, NULL), 0);
	put_event(t, 1, 161);
	poll_until(c, &seen.count, 118);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 2);
	end(c, 0);
	/* What was decided is committed: no third gap. */
	c = make_consumer(t, "wiped", &seen);
	ck_assert_int_eq(psm_consumer_poll(c, 20, NULL), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 0);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* The topic goes and comes under the reader's hands, and grows to more than it
 * was: all of the new one is handled. The first thing that the reader looks at
 * is the log, or the group, because it was put out meanwhile. */
static void
drop_topic(int put_out)
{
	struct seen seen = {0};
	psm_consumer *c;
	struct env e;
	int i;

	open_env(&e, POSTGRES);
	c = make_consumer(e.t, "dropped", &seen);
	for (i = 1; i <= 57; i++)
		put_good(&e, i);
	poll_until(c, &seen.count, 57);
	ck_assert_int_eq(
	    pg_int("SELECT psymatch.topic_drop('" TOPIC "')::integer"), 1);
	for (i = 101; i <= 160; i++)
		put_good(&e, i);
	if (put_out) {
		pg_run("DELETE FROM psymatch.group_member");
		/* The thread that keeps the lease finds out. */
		pg_run("CREATE TABLE now AS SELECT clock_timestamp() AS ts");
		ck_assert_int_eq(
		    pg_wait(1, 60000,
		            "SELECT count(*) FROM pg_stat_activity, now WHERE "
		            "application_name = 'psymatch transport lease' AND "
		            "datname = current_database() AND state = 'idle' "
		            "AND query_start > ts"),
		    1);
	}
	poll_until(c, &seen.count, 117);
	ck_assert_int_eq(seen.number[57], 101);
	check_order(&seen);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	end(c, 0);
	close_env(&e);
}

START_TEST(c14_dropped_under_the_reader)
{
	drop_topic(0);
}
END_TEST

START_TEST(c14_dropped_while_put_out)
{
	drop_topic(1);
}
END_TEST

/* The thread that keeps it may have to wait for a busy machine. */
#define LEASE_MS 3000

static void
open_leased(struct env *e)
{
	psm_config *cfg;
	char lease[16];

	open_env(e, POSTGRES);
	psm_transport_unref(e->t);
	cfg = pg_settings();
	snprintf(lease, sizeof(lease), "%d", LEASE_MS);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PG_LEASE_MS", lease, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", NULL), 0);
	ck_assert_int_eq(psm_transport_open(cfg, &e->t, NULL), 0);
	psm_config_free(cfg);
}

static int
group_has(int next)
{
	return pg_int("SELECT coalesce(max(next), -1) FROM "
	              "psymatch.group_partition") == next;
}

/* How the new log is met: by reading on, or by a look at the group, which comes
 * first when nobody polled for a while. And whether the group ever heard how
 * far the old one was handled. */
enum { LOOKS_FIRST = 1, GROUP_KNOWS = 2 };

/* The same while the consumer runs and keeps in mind how far it was. */
START_TEST(c14_dropped_topic_grows_past_what_was_handled)
{
	struct seen seen = {0};
	struct env e;
	psm_consumer *c;
	int64_t until;
	int i;

	open_leased(&e);
	for (i = 1; i <= 57; i++)
		put_good(&e, i);
	c = make_consumer(e.t, "dropped", &seen);
	poll_until(c, &seen.count, 57);
	while ((_i & GROUP_KNOWS) && !group_has(57))
		ck_assert_int_eq(psm_consumer_poll(c, 20, NULL), 0);
	pg_run("SELECT psymatch.topic_drop('" TOPIC "')");
	for (i = 101; i <= 160; i++)
		put_good(&e, i);
	/* It is looked at three times within a lease. */
	until = (_i & LOOKS_FIRST) ? psm__mono_ms() + LEASE_MS / 2 : 0;
	while (psm__mono_ms() < until)
		pg_pause();
	poll_until(c, &seen.count, 117);
	ck_assert_int_eq(seen.number[57], 101);
	ck_assert_int_eq(seen.number[116], 160);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	end(c, 0);
	ck_assert(group_has(60));
	close_env(&e);
}
END_TEST

/* Retention ran past the consumer: what is left is handled, and it is said how
 * many are missed. */
START_TEST(c14_retention_ran_past)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "late", &seen);
	char reason[160];
	int i;

	put_event(t, 1, 1);
	poll_until(c, &seen.count, 1);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 0);
	for (i = 2; i <= 20; i++)
		put_event(t, 1, i);
	psm__memory_retain(t, TOPIC, 5);
	poll_until(c, &seen.count, 6);
	ck_assert_int_eq(seen.number[1], 16);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "gap_messages"), 14);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "1 to 14 are gone"));
	end(c, 0);
	/* A new group has missed nothing. */
	memset(&seen, 0, sizeof(seen));
	c = make_consumer(t, "new", &seen);
	poll_until(c, &seen.count, 5);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 0);
	end(c, 0);
	psm_transport_unref(t);
}
END_TEST

/* -- lag in seconds */

static int64_t now_us = INT64_C(1750000000000000);

static int64_t
fixed_clock(void *user)
{
	(void)user;
	return now_us;
}

START_TEST(c12_lag_in_events_and_seconds)
{
	psm_transport *t = open_memory();
	struct seen seen = {
	    .fail_number = 2, .fail_times = 1000000, .fail_rc = PSM_ERR_RETRY};
	psm_consumer *c = make_consumer(t, "lag", &seen);

	psm_set_clock(fixed_clock, NULL);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), -1);
	put_event(t, 1, 1);
	poll_until(c, &seen.count, 1);
	now_us += 40 * INT64_C(1000000);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 0);
	put_event(t, 1, 2);
	ck_assert_int_eq(psm_consumer_poll(c, 20, NULL), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 40);
	/* Nobody knows how much waits while nothing can be read. */
	psm__memory_set_down(t, 1);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), -1);
	psm__memory_set_down(t, 0);
	seen.fail_times = 0;
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 0);
	psm_set_clock(NULL, NULL);
	end(c, 0);
	psm_transport_unref(t);
}
END_TEST

/* What it knows of its work while an event cannot be handled, and where the
 * next life begins: with that event. */
START_TEST(c12_lag_and_commit)
{
	struct seen seen = {
	    .fail_number = 2, .fail_times = 1000000, .fail_rc = PSM_ERR_RETRY};
	psm_consumer *c;
	struct env e;

	open_env(&e, _i);
	c = make_consumer(e.t, "c12", &seen);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), -1);
	put_good(&e, 1);
	put_good(&e, 2);
	put_good(&e, 3);
	poll_until(c, &seen.count, 1);
	while (psm_consumer_stat(c, "retried") < 1)
		ck_assert_int_ge(psm_consumer_poll(c, 20, NULL), 0);
	poll_until_stat(c, "lag", 2);
	end(c, 0);

	memset(&seen, 0, sizeof(seen));
	c = make_consumer(e.t, "c12", &seen);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.number[0], 2);
	poll_until_stat(c, "lag", 0);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 2);
	end(c, 0);
	close_env(&e);
}
END_TEST

int
main(int argc, char **argv)
{
	const struct row rows[] = {
	    {"c12", c12_dead_letters_in_a_topic, EVERYWHERE, 0},
	    {"c12 loop", c12_dead_letters_do_not_loop, HERE, 0},
	    {"c12 commit", c12_no_commit_before_the_letter, HERE, 0},
	    {"c12 state", c12_lag_and_commit, EVERYWHERE, 0},
	    {"c12 lag", c12_lag_in_events_and_seconds, HERE, 0},
	    {"c14", c14_offset_beyond_the_log, EVERYWHERE, 0},
	    {"c14 wiped", c14_wiped_log_grows_past_the_offset, HERE, 0},
	    {"c14 dropped", c14_dropped_under_the_reader, HERE, 0},
	    {"c14 lost", c14_dropped_while_put_out, HERE, 0},
	    {"c14 grown", c14_dropped_topic_grows_past_what_was_handled, HERE,
	     4},
	    {"c14 retention", c14_retention_ran_past, HERE, 0},
	};

	(void)argc;
	begin_rows(argv);
	return run_rows("consumer gone", rows, PSM__COUNT(rows));
}
