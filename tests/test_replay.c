/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading a topic again, on every transport. */
#include "consumer_env.h"

#include <poll.h>
#include <stdlib.h>

#include "transport/murmur2.h"
#include "transport/memory/memory.h"

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
	partition = (partition + 1) % PARTITIONS;
	ck_assert_int_eq(psm_replay_offsets(r, partition, 0, 9, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(psm_replay_offsets(r, PARTITIONS, 0, 9, NULL), 0);
	ck_assert_int_eq(run(r, &again), PSM_ERR_BROKER);
	ck_assert_int_eq(again.seen.count, 0);
	psm_replay_free(r);
	close_env(&e);
}
END_TEST

static void *
put_later(void *env)
{
	struct env *e = env;
	int i;

	for (i = 2; i <= 4; i++)
		put_good(e, i);
	e->rig->set_down(e, 1);
	e->rig->set_down(e, 0);
	for (i = 5; i <= 6; i++)
		put_good(e, i);
	return NULL;
}

/* What is sent meanwhile comes, too, also behind an outage. */
START_TEST(follows_a_topic)
{
	struct again again = {.stop_after = 5};
	int32_t partition = psm__partition_of("1", 1, PARTITIONS);
	psm_replay *r = NULL;
	pthread_t thread;
	struct env e;

	open_env(&e, _i);
	put_good(&e, 1);
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_follow(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_follow(r, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, put_later, &e), 0);
	ck_assert_int_eq(run(r, &again), PSM_ERR_REJECT);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(again.seen.count, 5);
	ck_assert_int_eq(again.seen.number[4], 5);
	/* An end is one if there is a last offset. */
	memset(&again, 0, sizeof(again));
	again.grow = &e;
	ck_assert_int_eq(psm_replay_offsets(r, partition, 1, 9, NULL), 0);
	ck_assert_int_eq(run(r, &again), 0);
	ck_assert_int_eq(again.seen.count, 8);
	ck_assert_int_eq(again.seen.number[0], 2);
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

/* -- versions, failures, effects: the same whatever the transport is */

static void
put_version(psm_transport *t, int number, const char *version)
{
	char id[40], *text = NULL;
	int len;

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	len = asprintf(&text,
	               "{\"event_id\":\"%s\",\"event_type\":"
	               "\"search.status_changed\",\"version\":\"%s\","
	               "\"timestamp\":\"2026-01-31T09:00:00Z\","
	               "\"producer\":\"test\",\"payload\":{\"search_id\":1,"
	               "\"patient_id\":%d,\"old_status\":null,"
	               "\"new_status\":\"aktiv\"}}",
	               id, version, number);
	ck_assert_int_gt(len, 0);
	ck_assert_int_eq(psm__memory_put(t, TOPIC, "1", text, (size_t)len), 0);
	free(text);
}

struct versions {
	int by_range, by_rest, by_all;
	int calls, fail_at, fail_rc;
	psm_producer *p;
	int send_rc, mail_rc;
};

static int
up(const psm_event *old, psm_event **out, void *user, psm_error *err)
{
	const char *payload = "{\"search_id\":1,\"patient_id\":7,"
			      "\"old_status\":null,"
			      "\"new_status\":\"aktiv\"}";

	(void)user;
	return psm_event_upcast(old, "1.2", payload, strlen(payload), out, err);
}

static int
on_range(const psm_event *ev, void *user, psm_error *err)
{
	struct versions *v = user;

	(void)err;
	ck_assert_str_eq(psm_event_version(ev), "1.2");
	ck_assert_int_eq(psm_event_is_replay(ev), 1);
	ck_assert_int_eq(member(psm_event_payload(ev), "/patient_id"), 7);
	v->by_range++;
	return 0;
}

static int
on_rest(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)err;
	((struct versions *)user)->by_rest++;
	return 0;
}

static int
on_all(const psm_event *ev, void *user, psm_error *err)
{
	struct versions *v = user;

	(void)err;
	ck_assert_str_ne(psm_event_version(ev), "1.0");
	v->by_all++;
	return 0;
}

START_TEST(c04_upcast_and_versions_in_a_replay)
{
	psm_transport *t = open_memory();
	psm_handler_options *o = NULL;
	psm_replay *r = NULL;
	struct versions v = {0};

	put_version(t, 1, "1.0");
	put_version(t, 2, "1.2");
	put_version(t, 7, "1.2");
	put_version(t, 4, "1.3");
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	/* Nobody there to handle it. */
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_upcast(r, "search.status_changed", "1.0",
	                                   "1.2", up, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_replay_upcast(r, "search.status_changed", "1.0",
	                                   "1.3", up, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	/* One handler for all, behind the upcasters. */
	ck_assert_int_eq(psm_replay_run(r, on_all, &v, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(v.by_all, 4);

	psm_replay_free(r);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_upcast(r, "search.status_changed", "1.2",
	                                   "1.3", up, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.3", NULL, NULL), 0);
	ck_assert_int_eq(
	    psm_replay_on(r, "search.status_changed", o, on_rest, &v, NULL), 0);
	psm_handler_options_free(o);
	/* The first is too old for the handler and has no upcaster; those of
	 * 1.2 get one that says 1.2 again, which is not what it promised. */
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL),
	                 PSM_ERR_VERSION);
	ck_assert_int_eq(psm_replay_max_failures(r, 2, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_replay_max_failures(r, 3, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(psm_replay_stat(r, "failed"), 3);
	ck_assert_int_eq(v.by_rest, 1);
	psm_replay_free(r);

	/* The range takes what was upcast, the rest goes where it always does.
	 */
	v = (struct versions){0};
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.2", "1.2", NULL),
	                 0);
	ck_assert_int_eq(
	    psm_replay_on(r, "search.status_changed", o, on_range, &v, NULL),
	    0);
	psm_handler_options_free(o);
	ck_assert_int_eq(
	    psm_replay_on(r, "search.status_changed", NULL, on_rest, &v, NULL),
	    0);
	ck_assert_int_eq(
	    psm_replay_on(r, "search.status_changed", NULL, on_rest, &v, NULL),
	    PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_replay_upcast(r, "search.status_changed", "1.0",
	                                   "1.2", up, NULL, NULL),
	                 0);
	/* One of 1.2 as it came, and one of 1.3. */
	ck_assert_int_eq(
	    psm_replay_offsets(r, psm__partition_of("1", 1, PARTITIONS), 2, 4,
	                       NULL),
	    0);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(v.by_range, 1);
	ck_assert_int_eq(v.by_rest, 1);
	ck_assert_int_eq(
	    psm_replay_offsets(r, psm__partition_of("1", 1, PARTITIONS), 0, 1,
	                       NULL),
	    0);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(v.by_range, 2);
	psm_replay_free(r);
	psm_transport_unref(t);
}
END_TEST

static int
on_fail(const psm_event *ev, void *user, psm_error *err)
{
	struct versions *v = user;

	(void)ev;
	(void)err; /* without a reason */
	return ++v->calls >= v->fail_at ? v->fail_rc : 0;
}

START_TEST(failure_says_where)
{
	int32_t partition = psm__partition_of("1", 1, PARTITIONS);
	psm_transport *t = open_memory();
	psm_error *err = psm_error_new();
	struct versions v = {.fail_at = 2, .fail_rc = PSM_ERR_RETRY};
	psm_replay *r = NULL;
	char want[64];
	int i;

	for (i = 1; i <= 4; i++)
		put_event(t, 1, i);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_fail, &v, PATIENCE_MS, err),
	                 PSM_ERR_RETRY);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_RETRY);
	(void)snprintf(want, sizeof want, TOPIC "[%d]:1: %s", (int)partition,
	               psm_strerror(PSM_ERR_RETRY));
	ck_assert_str_eq(psm_error_message(err), want);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "failed"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "read"), 2);
	ck_assert_int_eq(psm_replay_stat(r, "offset"), 1);
	ck_assert_int_eq(psm_replay_stat(r, "partition"), partition);
	/* Counted, and on. */
	ck_assert_int_eq(psm_replay_max_failures(r, -1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_max_failures(r, 10, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_fail, &v, PATIENCE_MS, err), 0);
	ck_assert_int_eq(psm_error_code(err), 0);
	ck_assert_int_eq(psm_replay_stat(r, "handled"), 0);
	ck_assert_int_eq(psm_replay_stat(r, "failed"), 4);
	psm_replay_free(r);
	psm_error_free(err);
	psm_transport_unref(t);
}
END_TEST

static int
on_effect(const psm_event *ev, void *user, psm_error *err)
{
	struct versions *v = user;

	(void)err;
	ck_assert_int_eq(psm_replay_active(), 1);
	v->mail_rc = psm_replay_guard("mail", NULL);
	v->send_rc = psm_producer_send(v->p, NULL, ev, NULL);
	return 0;
}

START_TEST(effects_are_barred_in_a_replay)
{
	psm_transport *t = open_memory();
	psm_error *err = psm_error_new();
	struct versions v = {0};
	psm_config *cfg = NULL;
	psm_replay *r = NULL;
	char dir[256];

	testing_tmpdir(dir, sizeof dir);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", dir, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &v.p, NULL), 0);
	ck_assert_int_eq(psm_producer_start(v.p, NULL), 0);
	put_event(t, 1, 1);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_effect, &v, PATIENCE_MS, NULL),
	                 0);
	ck_assert_int_eq(v.mail_rc, PSM_ERR_STATE);
	ck_assert_int_eq(v.send_rc, PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_stat(v.p, "accepted"), 0);
	/* Sending may be allowed, mail never. */
	ck_assert_int_eq(psm_replay_may_send(r, NULL), 0);
	ck_assert_int_eq(psm_replay_run(r, on_effect, &v, PATIENCE_MS, NULL),
	                 0);
	ck_assert_int_eq(v.mail_rc, PSM_ERR_STATE);
	ck_assert_int_eq(v.send_rc, 0);
	/* Behind it all is as it was. */
	ck_assert_int_eq(psm_replay_active(), 0);
	ck_assert_int_eq(psm_replay_guard("mail", err), 0);
	ck_assert_int_eq(psm_replay_guard("", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_close(v.p, 60000, NULL, NULL), 0);
	psm_producer_free(v.p);
	psm_replay_free(r);
	psm_config_free(cfg);
	psm_error_free(err);
	psm_transport_unref(t);
	testing_remove(dir);
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
	             "SELECT count(pg_terminate_backend(pid, 60000)) FROM "
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

static int
lose_topic(const psm_event *ev, void *user, psm_error *err)
{
	ck_assert(ev && err);
	pg_run("%s", (const char *)user);
	return 0;
}

/* Whoever follows a topic that is gone, or another by its name, is told. */
START_TEST(a_topic_that_is_lost)
{
	static char gone[] = "DELETE FROM psymatch.topic",
		    anew[] = "UPDATE psymatch.topic SET created_at = now()";
	psm_error *err = psm_error_new();
	psm_replay *r = NULL;
	struct env e;

	open_env(&e, POSTGRES);
	put_good(&e, 1);
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_follow(r, NULL), 0);
	ck_assert_int_eq(
	    psm_replay_run(r, lose_topic, _i ? anew : gone, PATIENCE_MS, err),
	    PSM_ERR_BROKER);
	ck_assert_str_eq(psm_error_message(err),
	                 TOPIC ": the topic was dropped while it was read");
	psm_replay_free(r);
	psm_error_free(err);
	close_env(&e);
}
END_TEST

/* Kafka may refuse it (a Fetch, 1, with OFFSET_OUT_OF_RANGE, 1). */
START_TEST(begins_behind_the_end)
{
	struct again again = {.stop_after = 2};
	int32_t partition = psm__partition_of("1", 1, PARTITIONS);
	psm_replay *r = NULL;
	pthread_t thread;
	struct env e;

	open_env(&e, _i);
	put_good(&e, 1);
	ck_assert_int_eq(psm_replay_new(e.t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_follow(r, NULL), 0);
	ck_assert_int_eq(psm_replay_offsets(r, partition, 3, 9, NULL), 0);
	if (_i == KAFKA)
		rd_kafka_mock_push_request_errors(e.mock.cluster, 1, 1, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, put_later, &e), 0);
	ck_assert_int_eq(run(r, &again), PSM_ERR_REJECT);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(again.seen.number[0], 4);
	psm_replay_free(r);
	close_env(&e);
}
END_TEST

START_TEST(refuses_bad_arguments)
{
	psm_transport *t = open_memory();
	psm_replay *r = NULL;

	ck_assert_int_eq(psm_replay_new(NULL, TOPIC, &r, NULL), PSM_ERR_INVAL);
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
	ck_assert_int_eq(psm_replay_on(r, "*", NULL, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_replay_on(r, "moon.landed", NULL, on_again, NULL, NULL),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(
	    psm_replay_upcast(r, "email.sent", NULL, "1.1", NULL, NULL, NULL),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_into_schema(r, "", NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_into_schema(r, "\xff", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_into_live(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_replay_may_send(NULL, NULL), PSM_ERR_INVAL);
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
	tcase_add_loop_test(tc, follows_a_topic, 0, PSM__COUNT(rigs));
	tcase_add_test(tc, c04_upcast_and_versions_in_a_replay);
	tcase_add_test(tc, failure_says_where);
	tcase_add_test(tc, effects_are_barred_in_a_replay);
	tcase_add_test(tc, postgres_reads_chunk_by_chunk);
	tcase_add_loop_test(tc, a_topic_that_is_lost, 0, 2);
	tcase_add_loop_test(tc, begins_behind_the_end, 0, PSM__COUNT(rigs));
	tcase_add_test(tc, refuses_bad_arguments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
