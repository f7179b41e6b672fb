/* SPDX-License-Identifier: BSD-2-Clause */
/* What a real broker takes away or makes by itself: events whose time is over,
 * a topic that was recreated, a topic that nobody made. */
#include "testing.h"
#include "testing_kafka.h"
#include "testing_pg.h"

#include <librdkafka/rdkafka.h>

#include "base/base.h"

#define KEYS 3
/* What a segment and a partition may keep; ten events are more than one
 * segment. */
#define SEGMENT "1000"
#define KEPT "4000"

/* Events from .. to-1, ten at a time, stored when it returns. */
static void
send_events(const char *topic, int from, int to)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_compression_codec", "none", NULL};
	psm_producer *p = kafka_start(kafka_settings(settings), NULL);

	for (; from < to; from += 10) {
		kafka_send(p, topic, from, from + 10, KEYS);
		ck_assert_int_eq(
		    psm_producer_flush(p, KAFKA_PATIENCE_MS, NULL, NULL), 0);
	}
	kafka_close(p);
}

/* -- a consumer of numbered events */

static struct {
	pthread_mutex_t lock;
	int count, first, last, wrong;
} got = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int
note(const psm_event *ev, void *user, psm_error *err)
{
	int64_t n = -1;
	int rc =
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n, err);

	(void)user;
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&got.lock);
	if (got.count++ == 0)
		got.first = (int)n;
	else if (n != got.last + 1)
		got.wrong++; /* one partition: the order is that of sending */
	got.last = (int)n;
	pthread_mutex_unlock(&got.lock);
	return 0;
}

static int
seen(void)
{
	int count;

	pthread_mutex_lock(&got.lock);
	count = got.count;
	pthread_mutex_unlock(&got.lock);
	return count;
}

static void
forget(void)
{
	pthread_mutex_lock(&got.lock);
	got.count = 0;
	pthread_mutex_unlock(&got.lock);
}

static psm_consumer *
reader_with(const char *topic, const char *session_ms)
{
	const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms", session_ms,
	    "PSYMATCH_KAFKA_topic_metadata_refresh_interval_ms", "500", NULL};
	psm_config *cfg = kafka_settings(settings);
	psm_transport *t = kafka_transport(settings);
	psm_consumer *c = NULL;

	ck_assert_int_eq(psm_consumer_new(t, cfg, topic, &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, topic, NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "patient.deleted", note, NULL, NULL), 0);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	psm_config_free(cfg);
	psm_transport_unref(t);
	return c;
}

static psm_consumer *
reader(const char *topic)
{
	return reader_with(topic, "6000");
}

static void
end(psm_consumer *c)
{
	ck_assert_int_eq(psm_consumer_close(c, 10000, NULL), 0);
	psm_consumer_free(c);
	ck_assert_int_eq(got.wrong, 0);
}

/* -- tests */

/* A consumer that runs and has read that many, of a topic made for it. */
static psm_consumer *
reader_of(const char *topic, const char *const *config, int count)
{
	psm_consumer *c;

	kafka_create(topic, 1, config);
	send_events(topic, 0, count);
	c = reader(topic);
	KAFKA_UNTIL(seen() == count);
	return c;
}

/* The second time the consumer is started, what it should read next is gone. */
static void
reads_on_behind_the_gap(const char *topic, int last)
{
	char reason[256] = "", gone[128];
	int64_t first = kafka_first(topic, 0);
	psm_consumer *c;

	ck_assert_int_gt(first, 10);
	ck_assert_int_lt(first, last);
	forget();
	c = reader(topic);
	KAFKA_UNTIL(seen() == last - first);
	ck_assert_int_eq(got.first, first);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "gap_messages"), first - 10);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	(void)snprintf(gone, sizeof(gone), "%s[0]: 10 to %lld are gone", topic,
	               (long long)first - 1);
	ck_assert_msg(strstr(reason, gone) != NULL, "%s", reason);
	kafka_await_log("before they were read");
	end(c);
}

START_TEST(c14_retention_ran_past_the_consumer)
{
	static const char *const config[] = {"segment.bytes", SEGMENT,
	                                     "retention.bytes", KEPT, NULL};
	const char *topic = kafka_topic();

	end(reader_of(topic, config, 10));
	send_events(topic, 10, 200);
	KAFKA_UNTIL(kafka_first(topic, 0) > 100);
	/* The broker deletes until the size fits, then it stands still. */
	for (int64_t before = -1; before != kafka_first(topic, 0);) {
		before = kafka_first(topic, 0);
		for (int i = 0; i < 40; i++)
			kafka_pause();
	}
	reads_on_behind_the_gap(topic, 200);
}
END_TEST

START_TEST(c14_records_were_deleted)
{
	const char *topic = kafka_topic();

	end(reader_of(topic, NULL, 10));
	send_events(topic, 10, 60);
	kafka_trim(topic, 0, 40);
	reads_on_behind_the_gap(topic, 60);
}
END_TEST

/* Nothing is left, so that the end of the log is all that comes at first. */
START_TEST(c14_all_records_were_deleted)
{
	const char *topic = kafka_topic();
	psm_consumer *c;

	end(reader_of(topic, NULL, 10));
	send_events(topic, 10, 60);
	kafka_trim(topic, 0, 60);
	forget();
	c = reader(topic);
	KAFKA_UNTIL(psm_consumer_stat(c, "gaps") == 1);
	ck_assert_int_eq(psm_consumer_stat(c, "gap_messages"), 50);
	ck_assert_int_eq(psm_consumer_health(c, NULL, 0), PSM_HEALTH_AMBER);
	send_events(topic, 60, 70);
	KAFKA_UNTIL(seen() == 10);
	ck_assert_int_eq(got.first, 60);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	end(c);
}
END_TEST

/* Shorter than the old one, and longer. */
static const int recreated[] = {20, 60};

/* The consumer was away. The broker forgets a group's offsets with the topic:
 * all that is in the new one is read. */
START_TEST(c14_recreated_while_away)
{
	const char *topic = kafka_topic();
	psm_consumer *c;

	end(reader_of(topic, NULL, 30));
	kafka_delete(topic);
	forget();
	c = reader_of(topic, NULL, recreated[_i]);
	ck_assert_int_eq(got.first, 0);
	end(c);
}
END_TEST

/* The consumer goes on running, and says that its log is another one now. */
START_TEST(c14_recreated_while_reading)
{
	char reason[256] = "";
	const char *topic = kafka_topic();
	psm_consumer *c = reader_of(topic, NULL, 30);

	kafka_delete(topic);
	forget();
	kafka_create(topic, 1, NULL);
	send_events(topic, 0, 10);
	KAFKA_UNTIL(seen() == 10);
	ck_assert_int_eq(got.first, 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_msg(psm_consumer_stat(c, "gaps") == 1 ||
	                  strstr(reason, "reading failed"),
	              "%s", reason);
	end(c);
}
END_TEST

/* The consumer was told that the topic went. The new log is longer than what it
 * had handled of the old one, and nothing of that counts any more. */
START_TEST(c14_recreated_and_longer_while_reading)
{
	const char *topic = kafka_topic();
	psm_consumer *c = reader_of(topic, NULL, 30);

	KAFKA_UNTIL(kafka_committed(topic, topic, 0) == 30);
	kafka_delete(topic);
	kafka_await_log("partitions revoked");
	forget();
	kafka_create(topic, 1, NULL);
	send_events(topic, 0, 60);
	KAFKA_UNTIL(seen() == 60);
	ck_assert_int_eq(got.first, 0);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 1);
	ck_assert_int_eq(psm_consumer_health(c, NULL, 0), PSM_HEALTH_AMBER);
	ck_assert_int_eq(got.wrong, 0);
	/* Before librdkafka 2.6.1 a client that gave up a topic which went, and
	 * got it again, may wait for its own threads for ever; we do not. */
	end(c);
}
END_TEST

/* -- a processor on PostgreSQL */

static psm_store *st;

static void
set_up_store(void)
{
	kafka_set_up();
	pg_database();
	st = pg_store();
	pg_run("CREATE TABLE effects (n integer)");
}

static void
tear_down_store(void)
{
	psm_store_free(st);
	kafka_tear_down();
}

static int
save(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	int64_t n = -1;
	int rc =
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n, err);
	char text[24];
	const char *params[] = {text};

	(void)user;
	if (rc < 0)
		return rc;
	(void)snprintf(text, sizeof(text), "%lld", (long long)n);
	return psm_tx_exec(tx, "INSERT INTO effects VALUES ($1::integer)", 1,
	                   params, NULL, err);
}

static psm_processor *
processor(const char *name, const char *topic)
{
	psm_config *cfg = pg_settings();
	psm_transport *t = kafka_transport(NULL);
	psm_processor *pr = NULL;

	ck_assert_int_eq(psm_processor_new(st, t, cfg, name, &pr, NULL), 0);
	ck_assert_int_eq(psm_processor_subscribe(pr, topic, NULL), 0);
	ck_assert_int_eq(
	    psm_processor_on(pr, "patient.deleted", save, NULL, NULL), 0);
	ck_assert_int_eq(psm_processor_start(pr, NULL), 0);
	psm_config_free(cfg);
	psm_transport_unref(t);
	return pr;
}

static void
stop(psm_processor *pr)
{
	ck_assert_int_eq(psm_processor_stop(pr, 10000, NULL), 0);
	psm_processor_free(pr);
}

static int64_t
next_of(const char *name)
{
	return pg_int("SELECT coalesce(max(next), 0) FROM "
	              "psymatch.consumer_offset WHERE consumer = '%s'",
	              name);
}

/* A topic is known by its id here. */
static int
has_ids(void)
{
	return RD_KAFKA_VERSION >= 0x020300ff &&
	       rd_kafka_version() >= 0x020300ff;
}

/* Nothing is lost with the name: the id of the topic is another one. */
START_TEST(c14_recreated_and_longer_while_away)
{
	const char *topic = kafka_topic();
	psm_processor *pr;

	if (!has_ids()) {
		(void)printf("skipped: librdkafka %s tells no topic's id\n",
		             rd_kafka_version_str());
		return;
	}
	kafka_create(topic, 1, NULL);
	send_events(topic, 0, 30);
	pr = processor(topic, topic);
	KAFKA_UNTIL(next_of(topic) == 30);
	stop(pr);
	kafka_delete(topic);
	kafka_create(topic, 1, NULL);
	send_events(topic, 100, 150);
	pr = processor(topic, topic);
	KAFKA_UNTIL(next_of(topic) == 50);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT n) FROM effects WHERE "
	                        "n >= 100"),
	                 50);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 80);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 1);
	ck_assert_int_eq(psm_processor_health(pr, NULL, 0), PSM_HEALTH_AMBER);
	stop(pr);
	/* It is told once. */
	pr = processor(topic, topic);
	send_events(topic, 150, 160);
	KAFKA_UNTIL(next_of(topic) == 60);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
	stop(pr);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 90);
	kafka_delete(topic);
}
END_TEST

/* A row without a number, of a client that knew none, is of this log as far as
 * anybody knows, though the brokers have forgotten the group. */
START_TEST(a_row_without_a_number_is_of_this_log)
{
	const char *topic = kafka_topic();
	char forgotten[80];
	psm_processor *pr;

	(void)snprintf(forgotten, sizeof(forgotten), "%s-forgotten", topic);
	kafka_create(topic, 1, NULL);
	send_events(topic, 0, 30);
	pr = processor(topic, topic);
	KAFKA_UNTIL(next_of(topic) == 30);
	stop(pr);
	ck_assert_int_eq(
	    pg_int("SELECT count(incarnation) FROM psymatch.consumer_offset"),
	    has_ids());
	pg_run("UPDATE psymatch.consumer_offset SET incarnation = NULL, "
	       "consumer = '%s'",
	       forgotten);
	send_events(topic, 30, 40);
	pr = processor(forgotten, topic);
	KAFKA_UNTIL(next_of(forgotten) == 40);
	ck_assert_int_eq(psm_processor_stat(pr, "gaps"), 0);
	stop(pr);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 40);
	/* Now it has one, where there are any. */
	ck_assert_int_eq(
	    pg_int("SELECT count(incarnation) FROM psymatch.consumer_offset"),
	    has_ids());
	kafka_delete(topic);
}
END_TEST

/* As somebody else's program does it. */
static void
send_in_transaction(const char *topic, int from, int to)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char text[256] = "";
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers",
	                  getenv("KAFKA_BOOTSTRAP_SERVERS"), NULL, 0);
	rd_kafka_conf_set(conf, "transactional.id", topic, NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	ck_assert_msg(rk != NULL, "%s", text);
	ck_assert_ptr_null(rd_kafka_init_transactions(rk, KAFKA_PATIENCE_MS));
	ck_assert_ptr_null(rd_kafka_begin_transaction(rk));
	for (; from < to; from++) {
		psm_event *ev = kafka_event(1, from);
		char *value = NULL;
		size_t len;

		ck_assert_int_eq(
		    psm_event_encode(ev, PSM_WIRE_SNAKE, &value, &len, NULL),
		    0);
		ck_assert_int_eq(
		    rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic),
		                      RD_KAFKA_V_KEY("2", 1),
		                      RD_KAFKA_V_VALUE(value, len),
		                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
		                      RD_KAFKA_V_END),
		    0);
		psm_free(value);
		psm_event_free(ev);
	}
	ck_assert_ptr_null(rd_kafka_commit_transaction(rk, KAFKA_PATIENCE_MS));
	rd_kafka_destroy(rk);
}

/* The marker behind them has an offset, but is no message that waits. */
START_TEST(c12_a_transaction_leaves_no_lag)
{
	const char *topic = kafka_topic();
	psm_consumer *c;

	kafka_create(topic, 1, NULL);
	send_in_transaction(topic, 0, 10);
	KAFKA_UNTIL(kafka_end(topic, 0) == 11);
	c = reader(topic);
	KAFKA_UNTIL(seen() == 10);
	KAFKA_UNTIL(psm_consumer_stat(c, "lag") == 0);
	ck_assert_int_eq(psm_consumer_stat(c, "lag_seconds"), 0);
	send_in_transaction(topic, 10, 20);
	KAFKA_UNTIL(seen() == 20);
	KAFKA_UNTIL(psm_consumer_stat(c, "lag") == 0);
	ck_assert_int_eq(psm_consumer_stat(c, "gaps"), 0);
	end(c);
	kafka_delete(topic);
}
END_TEST

/* The client takes itself for dead after half a minute without the broker; the
 * broker that comes back knows its member, and waits for it that long again
 * unless it recognises it. */
START_TEST(c06_away_for_longer_than_a_session)
{
	const char *topic = kafka_topic();
	psm_consumer *c;
	int64_t back;

	kafka_create(topic, 1, NULL);
	send_events(topic, 0, 10);
	kafka_log_begin();
	c = reader_with(topic, "30000");
	KAFKA_UNTIL(seen() == 10);
	kafka_ctl("kill", 1);
	kafka_await_log("Consumer group session timed out");
	kafka_ctl("start", 1);
	back = psm__mono_ms();
	send_events(topic, 10, 20);
	KAFKA_UNTIL(seen() == 20);
	ck_assert_int_lt(psm__mono_ms() - back, 25000);
	end(c);
	kafka_delete(topic);
}
END_TEST

/* This broker makes a topic when somebody asks for it. */
START_TEST(a_topic_that_nobody_made)
{
	const char *topic = kafka_topic();

	send_events(topic, 0, 100);
	kafka_check(topic, 100, KEYS, 1);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const options[] = {
	    "--set", "auto.create.topics.enable=true",
	    "--set", "log.retention.check.interval.ms=200",
	    "--set", "log.initial.task.delay.ms=100",
	    NULL};
	Suite *s = suite_create("real_gone");
	TCase *tc = tcase_create("real_gone");
	TCase *pg = tcase_create("real_gone with a store");

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	pg_main(argv);
	tcase_set_timeout(tc, 180);
	tcase_add_checked_fixture(tc, kafka_set_up, kafka_tear_down);
	tcase_add_test(tc, c14_retention_ran_past_the_consumer);
	tcase_add_test(tc, c14_records_were_deleted);
	tcase_add_test(tc, c14_all_records_were_deleted);
	tcase_add_loop_test(tc, c14_recreated_while_away, 0,
	                    PSM__COUNT(recreated));
	tcase_add_test(tc, c14_recreated_while_reading);
	tcase_add_test(tc, c14_recreated_and_longer_while_reading);
	tcase_add_test(tc, a_topic_that_nobody_made);
	tcase_add_test(tc, c12_a_transaction_leaves_no_lag);
	tcase_add_test(tc, c06_away_for_longer_than_a_session);
	suite_add_tcase(s, tc);
	tcase_set_timeout(pg, 180);
	tcase_add_checked_fixture(pg, set_up_store, tear_down_store);
	tcase_add_test(pg, c14_recreated_and_longer_while_away);
	tcase_add_test(pg, a_row_without_a_number_is_of_this_log);
	suite_add_tcase(s, pg);
	return testing_run(srunner_create(s));
}
