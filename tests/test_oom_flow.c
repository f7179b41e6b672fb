/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Relay, replay and the postgres transport without memory, at each of their
 * allocations in turn: whatever they had to do is done all the same.
 */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "store/pool.h"
#include "transport/memory/memory.h"

#include <psymatch/producer.h>
#include <psymatch/relay.h>
#include <psymatch/replay.h>

#define PATIENCE_MS 60000

static int last; /* the number of the newest event */
static psm_relay *r;

static void
setup(void)
{
	testing_memory_begin();
	flow_setup();
	pg_hasty();
	(void)pg_kill("psymatch%");
	last = 0;
	r = NULL;
}

/* Event number last+1 of one of two keys. */
static psm_event *
next_event(void)
{
	psm_event *ev = NULL;
	char payload[64];

	last++;
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               1 + last % 2, last);
	ck_assert_int_eq(psm_event_new("communication.send_email", "test",
	                               payload, strlen(payload), &ev, err),
	                 0);
	return ev;
}

/* -- relay */

static void
emit_some(void)
{
	psm_tx *tx = NULL;
	int i;

	ck_assert_int_eq(psm_tx_begin(st, &tx, err), 0);
	for (i = 0; i < 3; i++) {
		psm_event *ev = next_event();

		ck_assert_int_eq(psm_tx_emit(tx, ev, err), 0);
		psm_event_free(ev);
	}
	ck_assert_msg(psm_tx_commit(tx, err) == 0, "%s",
	              psm_error_message(err));
}

static void
relay_some(long n)
{
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;

	(void)n;
	emit_some();
	while (pg_int("SELECT count(*) FROM psymatch.outbox") > 0) {
		ck_assert_int_lt(psm__mono_ms(), until_ms);
		(void)psm__pool_outbox_written(st); /* it need not wait */
		pg_pause();
	}
}

/* A new leader, who prepares everything. */
static void
relay_anew(long n)
{
	(void)pg_kill("psymatch relay");
	relay_some(n);
}

/* All of 1 .. last, in order per key. A relay may send twice what it could not
 * delete: then everything from there on comes again, in order. */
static void
check_topic(void)
{
	static const char *const topics[] = {FLOW_TOPIC};
	struct psm__source_conf conf = {
	    .group = "reader", .topics = topics, .topic_count = 1};
	int64_t left = psm__memory_count(t, FLOW_TOPIC);
	int newest[3] = {0}, count = 0;
	struct psm__source *s = NULL;
	struct psm__record rec;

	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, err), 0);
	for (; left > 0; left--) {
		psm_event *ev = NULL;
		int key, n;

		ck_assert_int_eq(s->ops->poll(s, PATIENCE_MS, &rec, err), 1);
		ck_assert_int_eq(psm__record_parse(&rec, &ev, err), 0);
		key = flow_member(ev, "/email_id");
		n = flow_member(ev, "/n");
		psm_event_free(ev);
		s->ops->release(s, &rec);
		if (n <= newest[key])
			continue;
		ck_assert_int_eq(n, newest[key] ? newest[key] + 2
		                                : (key == 2 ? 1 : 2));
		newest[key] = n;
		count++;
	}
	s->ops->close(s, 1000);
	ck_assert_int_eq(count, last);
}

START_TEST(relayed_without_memory)
{
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
	relay_some(0);
	ck_assert_int_gt(testing_refuse_each(relay_some, 1), 8);
	ck_assert_int_gt(testing_refuse_each(relay_anew, 1), 20);
	ck_assert_int_eq(psm_relay_stop(r, PATIENCE_MS, err), 0);
	psm_relay_free(r);
	check_topic();
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static int
relay_life(void *arg)
{
	psm_transport *to = NULL;
	psm_config *settings = NULL;
	psm_store *store = NULL;
	psm_relay *mine = NULL;
	int rc = psm_config_new(&settings, NULL);

	(void)arg;
	if (rc == 0)
		rc = psm_store_open(settings, &store, NULL);
	if (rc == 0)
		rc = psm_transport_memory(1, &to, NULL);
	if (rc == 0)
		rc = psm_relay_new(store, to, settings, &mine, NULL);
	psm_relay_free(mine);
	psm_transport_unref(to);
	psm_store_free(store);
	psm_config_free(settings);
	return rc;
}

START_TEST(relay_made_without_memory)
{
	ck_assert_int_gt(testing_fail_each(relay_life, NULL, 0), 10);
}
END_TEST

/* -- replay */

#define MANY 6
#define FORGET                                                                 \
	"DELETE FROM effects; DELETE FROM psymatch.inbox; DELETE FROM "        \
	"psymatch.outbox"

struct replayed {
	int plain; /* into a plain handler, else into a processor's */
	int count; /* what that one has seen */
};

static int
up(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char payload[64];
	int64_t key = 0, n = 0;
	int rc = psm_json_get_int(
	    psm_json_at(psm_event_payload(old), "/email_id"), &key, e);

	(void)user;
	if (rc == 0)
		rc = psm_json_get_int(psm_json_at(psm_event_payload(old), "/n"),
		                      &n, e);
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               (int)key, (int)n);
	return rc < 0 ? rc
	              : psm_event_upcast(old, "1.1", payload, strlen(payload),
	                                 out, e);
}

static int
see(const psm_event *ev, void *user, psm_error *e)
{
	struct replayed *what = user;
	int64_t n = 0;
	int rc =
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n, e);

	if (rc == 0)
		ck_assert_int_eq(n, ++what->count);
	return rc;
}

static int
into_processor(psm_replay *replay)
{
	psm_processor *p = NULL;
	psm_store *store = NULL;
	int rc = psm_store_open(cfg, &store, NULL);

	if (rc == 0)
		rc = psm_processor_new(store, t, cfg, FLOW_NAME, &p, NULL);
	if (rc == 0)
		rc = psm_processor_on(p, "communication.send_email",
		                      flow_handler, NULL, NULL);
	if (rc == 0)
		rc = psm_processor_upcast(p, "communication.send_email", "1.0",
		                          "1.1", up, NULL, NULL);
	if (rc == 0)
		rc = psm_replay_into_live(replay, NULL);
	if (rc == 0)
		rc = psm_processor_replay(p, replay, PATIENCE_MS, NULL);
	psm_processor_free(p);
	psm_store_free(store);
	return rc;
}

static int
into_plain(psm_replay *replay, struct replayed *what)
{
	int rc = psm_replay_on(replay, "communication.send_email", NULL, see,
	                       what, NULL);

	what->count = 0;
	if (rc == 0)
		rc = psm_replay_upcast(replay, "communication.send_email",
		                       "1.0", "1.1", up, NULL, NULL);
	if (rc == 0)
		rc = psm_replay_run(replay, NULL, NULL, PATIENCE_MS, NULL);
	return rc;
}

static int
replay_once(void *arg)
{
	struct replayed *what = arg;
	psm_replay *replay = NULL;
	int rc;

	pg_run(FORGET);
	rc = psm_replay_new(t, FLOW_TOPIC, &replay, NULL);
	if (rc == 0)
		rc = psm_replay_only(replay, "communication.send_email", NULL,
		                     0, NULL);
	/* Some may fail; but nothing is wrong with these. */
	if (rc == 0)
		rc = psm_replay_max_failures(replay, 100, NULL);
	if (rc == 0)
		rc = what->plain ? into_plain(replay, what)
		                 : into_processor(replay);
	ck_assert_int_le(psm_replay_stat(replay, "failed"), 0);
	if (rc == 0 && what->plain)
		ck_assert_int_eq(what->count, MANY);
	else if (rc == 0)
		ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), MANY);
	psm_replay_free(replay);
	return rc;
}

START_TEST(replayed_without_memory)
{
	struct replayed what = {.plain = _i};
	int n;

	for (n = 1; n <= MANY; n++)
		flow_put(1, n);
	ck_assert_int_gt(testing_fail_each(replay_once, &what, 1), 20);
	/* What had been handled before is known. */
	if (!what.plain)
		ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"),
		                 0);
}
END_TEST

/* -- postgres transport */

static psm_transport *
open_postgres(psm_error *e)
{
	psm_transport *to = NULL;
	int rc = psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", e);

	if (rc == 0)
		rc = psm_transport_open(cfg, &to, e);
	return rc < 0 ? NULL : to;
}

static psm_producer *p;

static void
send_some(long n)
{
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;
	int i;

	(void)n;
	for (i = 0; i < 3; i++) {
		psm_event *ev = next_event();

		ck_assert_int_eq(psm_producer_send(p, FLOW_TOPIC, ev, err), 0);
		psm_event_free(ev);
	}
	while (pg_int("SELECT count(*) FROM effects") != last) {
		ck_assert_int_lt(psm__mono_ms(), until_ms);
		psm__worker_wake(&pr->worker);
		pg_pause();
	}
}

static void
send_anew(long n)
{
	(void)pg_kill("psymatch transport%");
	send_some(n);
}

START_TEST(sent_and_handled_without_memory)
{
	psm_transport *to = open_postgres(err);

	ck_assert_msg(to != NULL, "%s", psm_error_message(err));
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", "none", err),
	                 0);
	ck_assert_int_eq(psm_producer_new(to, cfg, &p, err), 0);
	ck_assert_int_eq(psm_producer_start(p, err), 0);
	pr = flow_processor(st, to, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	psm_transport_unref(to);
	send_some(0);
	/* Not each one: threads share them out differently every time. */
	ck_assert_int_gt(_i ? testing_refuse_each(send_anew, 6)
	                    : testing_refuse_each(send_some, 3),
	                 10);
	ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, err), 0);
	psm_producer_free(p);
	flow_stop();
	flow_check_effects(last);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

static int reports, reports_bad;

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	(void)token;
	(void)reason;
	(void)user;
	reports++;
	reports_bad += rc != 0;
}

static const char value[] = "{\"a\": 1}";

/* wait_ms 0: they are not written. */
static int
write_three(psm_transport *to, int wait_ms)
{
	struct psm__header h = {"traceparent", "x", 1};
	struct psm__message m = {.topic = FLOW_TOPIC,
	                         .key = "k",
	                         .key_len = 1,
	                         .value = value,
	                         .value_len = strlen(value),
	                         .headers = &h,
	                         .header_count = 1};
	struct psm__sink *sink = NULL;
	int i, sent = 0, rc;

	reports = reports_bad = 0;
	rc = to->ops->open_sink(to, on_report, NULL, &sink, NULL);
	for (i = 0; i < 3 && rc == 0; i++) {
		rc = sink->ops->send(sink, &m, NULL);
		sent += rc == 0;
	}
	if (sink)
		sink->ops->close(sink, wait_ms);
	/* One each of what was taken. */
	ck_assert_int_eq(reports, sent);
	ck_assert_int_eq(reports_bad, wait_ms > 0 ? 0 : sent);
	return rc;
}

static int
read_three(psm_transport *to)
{
	struct psm__reader_conf conf = {.topic = FLOW_TOPIC,
	                                .partition = -1,
	                                .to = INT64_MAX,
	                                .to_ms = INT64_MAX};
	struct psm__reader *reader = NULL;
	struct psm__record rec;
	int count = 0, rc;

	rc = to->ops->open_reader(to, &conf, PATIENCE_MS, &reader, NULL);
	if (rc < 0)
		return rc;
	while ((rc = reader->ops->next(reader, PATIENCE_MS, &rec, NULL)) == 1) {
		ck_assert_uint_eq(rec.value_len, strlen(value));
		ck_assert_int_eq(memcmp(rec.value, value, rec.value_len), 0);
		ck_assert_int_eq(rec.header_count, 1);
		reader->ops->release(reader, &rec);
		count++;
	}
	reader->ops->close(reader);
	if (rc != PSM__READER_END)
		return rc;
	ck_assert_int_eq(count, 3);
	return 0;
}

static int
write_and_read(void *to)
{
	int rc = write_three(to, 0);

	return rc == 0 ? read_three(to) : rc;
}

START_TEST(taken_and_read_without_memory)
{
	psm_transport *to = open_postgres(err);

	ck_assert_ptr_nonnull(to);
	ck_assert_int_eq(write_three(to, PATIENCE_MS), 0);
	ck_assert_int_gt(testing_fail_each(write_and_read, to, 1), 30);
	psm_transport_unref(to);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("oom_flow");
	TCase *tc = tcase_create("relay");
	SRunner *sr = srunner_create(s);

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, relayed_without_memory);
	suite_add_tcase(s, tc);
	tc = tcase_create("replay");
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, replayed_without_memory, 0, 2);
	suite_add_tcase(s, tc);
	tc = tcase_create("postgres");
	tcase_add_checked_fixture(tc, setup, flow_teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, sent_and_handled_without_memory, 0, 2);
	tcase_add_test(tc, taken_and_read_without_memory);
	suite_add_tcase(s, tc);
	tc = tcase_create("life");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, relay_made_without_memory);
	suite_add_tcase(s, tc);
	return testing_run(sr);
}
