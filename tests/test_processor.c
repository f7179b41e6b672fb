/* SPDX-License-Identifier: BSD-2-Clause */
/* The processor on the memory transport and a real PostgreSQL. */
#include "bus/transport.h"
#include "flow/processor_int.h"
#include "testing.h"
#include "testing_pg.h"

#include <pthread.h>
#include <time.h>

#define TOPIC "communication-events"
#define NAME "test-consumer"

static psm_store *st;
static psm_transport *t;
static psm_config *cfg;
static psm_error *err;
static psm_processor *pr;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

/* What the handler does; changed under lock. */
static struct plan {
	int64_t bad; /* the n that gets special treatment */
	int times;   /* this often, -1: always */
	int rc;      /* what it returns then */
	int seen;    /* calls for bad */
	int block;   /* wait at bad until this is 0 */
	int blocked; /* it does */
} plan;

static void
setup(void)
{
	pg_database();
	st = pg_store();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_int_eq(psm__cond_init(&changed), 0);
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	pg_run("CREATE TABLE effects (seq serial PRIMARY KEY, "
	       "event_id uuid NOT NULL, key integer, n integer)");
	memset(&plan, 0, sizeof plan);
}

static void
teardown(void)
{
	psm_processor_free(pr);
	psm_store_free(st);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
}

/* -- events: {"email_id": KEY, "n": N} */

static char *
make_event(int key, int n, const char *id, const char *version)
{
	char fresh[40], *text = NULL;
	int len;

	ck_assert_int_eq(psm_uuid_new(fresh, sizeof fresh), 0);
	len = asprintf(&text,
	               "{\"event_id\":\"%s\",\"event_type\":"
	               "\"communication.send_email\",\"version\":\"%s\","
	               "\"timestamp\":\"2026-01-31T09:00:00Z\","
	               "\"producer\":\"test\",\"payload\":{\"email_id\":%d,"
	               "\"n\":%d}}",
	               id ? id : fresh, version, key, n);
	ck_assert_int_gt(len, 0);
	return text;
}

static void
put_raw(psm_transport *to, const char *key, const char *value, size_t len)
{
	ck_assert_int_eq(psm__memory_put(to, TOPIC, key, value, len), 0);
}

static void
put_to(psm_transport *to, int key, int n, const char *id)
{
	char *text = make_event(key, n, id, "1.0"), name[16];

	(void)snprintf(name, sizeof name, "%d", key);
	put_raw(to, name, text, strlen(text));
	free(text);
}

static void
put(int key, int n)
{
	put_to(t, key, n, NULL);
}

static int
member_int(const psm_event *ev, const char *pointer)
{
	int64_t value = -1;

	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), pointer),
	                     &value, NULL),
	    0);
	return (int)value;
}

/* -- the handler: one row per event, one event emitted */

static int
save(psm_tx *tx, const psm_event *ev, psm_error *e)
{
	char key[16], n[16];
	const char *params[] = {psm_event_id(ev), key, n};

	(void)snprintf(key, sizeof key, "%d", member_int(ev, "/email_id"));
	(void)snprintf(n, sizeof n, "%d", member_int(ev, "/n"));
	return psm_tx_exec(tx,
	                   "INSERT INTO effects (event_id, key, n) VALUES "
	                   "($1::uuid, $2::integer, $3::integer)",
	                   3, params, NULL, e);
}

static int
emit(psm_tx *tx, const psm_event *ev, psm_error *e)
{
	psm_event *out = NULL;
	char payload[64];
	int rc;

	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               member_int(ev, "/email_id"), member_int(ev, "/n"));
	rc = psm_event_new("communication.send_email", "test", payload,
	                   strlen(payload), &out, e);
	if (rc == 0)
		rc = psm_tx_emit(tx, out, e);
	psm_event_free(out);
	return rc;
}

/* What plan says about this one; 0: nothing. */
static int
special(const psm_event *ev)
{
	int rc = 0;

	(void)pthread_mutex_lock(&lock);
	if (member_int(ev, "/n") == plan.bad) {
		plan.seen++;
		plan.blocked = plan.block;
		(void)pthread_cond_broadcast(&changed);
		while (plan.block)
			(void)pthread_cond_wait(&changed, &lock);
		if (plan.times < 0 || plan.times >= plan.seen)
			rc = plan.rc;
	}
	(void)pthread_mutex_unlock(&lock);
	return rc;
}

static int
on_event(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = save(tx, ev, e);
	int planned = special(ev);

	(void)user;
	if (rc == 0)
		rc = emit(tx, ev, e);
	if (rc == 0 && planned)
		rc = psm_error_set(e, planned, "as planned");
	return rc == 0 ? planned : rc;
}

static void
wait_blocked(void)
{
	struct timespec until;

	psm__deadline(&until, 10000);
	(void)pthread_mutex_lock(&lock);
	while (!plan.blocked)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&changed, &lock, &until), 0);
	(void)pthread_mutex_unlock(&lock);
}

static void
unblock(void)
{
	(void)pthread_mutex_lock(&lock);
	plan.block = plan.blocked = 0;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

static psm_processor *
new_processor(psm_store *store, psm_transport *from, psm_tx_event_fn fn)
{
	psm_processor *p;

	ck_assert_int_eq(psm_processor_new(store, from, cfg, NAME, &p, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(p, TOPIC, err), 0);
	ck_assert_int_eq(
	    psm_processor_on(p, "communication.send_email", fn, NULL, err), 0);
	return p;
}

static void
start(void)
{
	pr = new_processor(st, t, on_event);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

static void
stop(void)
{
	ck_assert_msg(psm_processor_stop(pr, 10000, err) == 0, "%s",
	              psm_error_message(err));
}

/* All messages up to offset n are done. */
static void
wait_offset(int n)
{
	ck_assert_int_eq(pg_wait(n, 20000,
	                         "SELECT coalesce(sum(next), 0) FROM "
	                         "psymatch.consumer_offset"),
	                 n);
}

/* n = 1 .. count per key, each once, in order. */
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
	/* What the handlers emitted: the same, in the same order. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), count);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT row_number() OVER (ORDER BY "
	           "seq) AS r, n FROM effects) AS e JOIN (SELECT row_number() "
	           "OVER (ORDER BY id) AS r, (payload::json->>'n')::integer AS "
	           "n FROM psymatch.outbox) AS o USING (r) WHERE e.n <> o.n"),
	    0);
}

static int64_t
dead_rows(void)
{
	return pg_int("SELECT count(*) FROM psymatch.dead_letter");
}

/* -- poison */

START_TEST(good_and_bad_messages)
{
	static const char garbage[] = "\x00\xff{not json";
	static const char unknown[] =
	    "{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","
	    "\"event_type\":\"moon.landed\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","
	    "\"payload\":{}}";
	char *text;

	put(1, 1);
	put_raw(t, "k\xfe", garbage, sizeof garbage - 1);
	put_raw(t, "1", NULL, 0);
	put_raw(t, "1", unknown, sizeof unknown - 1);
	text = make_event(1, 2, NULL, "9.9");
	put_raw(t, "1", text, strlen(text));
	free(text);
	put_raw(t, "1", "", 0);
	put(1, 2);
	start();
	wait_offset(7);
	stop();
	check_effects(2);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "dead"), 3);
	ck_assert_int_eq(psm_processor_stat(pr, "skipped"), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "ignored"), 1);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "nothing"), -1);
	/* The bytes and where they came from. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE consumer = "
	           "'" NAME "' AND topic = '" TOPIC "' AND partition = 0 AND "
	           "\"offset\" = 1 AND raw = '\\x00ff7b6e6f74206a736f6e' AND "
	           "decode(key, 'escape') = '\\x6bfe' AND code = "
	           "'PSM_ERR_PARSE' AND reason <> '' AND event_id IS NULL"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = 4 AND code = 'PSM_ERR_VERSION' AND "
	           "pointer = '/version'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE "
	           "\"offset\" = 5 AND raw = ''"),
	    1);
}
END_TEST

START_TEST(same_event_at_another_offset)
{
	static const char id[] = "0198c0de-0000-7000-8000-00000000000a";

	put_to(t, 1, 1, id);
	put_to(t, 1, 1, id);
	put(1, 2);
	start();
	wait_offset(3);
	put_to(t, 1, 1, id);
	wait_offset(4);
	stop();
	check_effects(2);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 2);
}
END_TEST

/* -- what a handler says */

START_TEST(reject_is_a_dead_letter)
{
	int n;

	plan = (struct plan){.bad = 3, .times = -1, .rc = PSM_ERR_REJECT};
	for (n = 1; n <= 5; n++)
		put(1, n);
	start();
	wait_offset(5);
	stop();
	/* Neither its row nor its event are left. */
	check_effects(4);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n = 3"), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE \"offset\" "
	           "= 2 AND code = 'PSM_ERR_REJECT' AND reason = 'as planned' "
	           "AND type = 'communication.send_email' AND event_id IS NOT "
	           "NULL AND raw IS NOT NULL"),
	    1);
	ck_assert_int_eq(psm_processor_stat(pr, "dead"), 1);
	/* It may come again: it is not in the inbox. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.inbox"), 4);
}
END_TEST

/* More messages behind it than a batch takes. */
START_TEST(retry_keeps_the_order)
{
	int n;

	plan = (struct plan){.bad = 3, .times = 2, .rc = PSM_ERR_RETRY};
	for (n = 1; n <= 120; n++)
		put(1, n);
	start();
	wait_offset(120);
	stop();
	check_effects(120);
	ck_assert_int_eq(psm_processor_stat(pr, "retried"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "holding"), 0);
	ck_assert_int_eq(dead_rows(), 0);
	ck_assert_int_eq(plan.seen, 3);
}
END_TEST

START_TEST(retry_stops_its_partition_only)
{
	char reason[200];
	int n, others;

	psm_transport_unref(t);
	ck_assert_int_eq(psm_transport_memory(8, &t, err), 0);
	plan = (struct plan){.bad = 1000, .times = -1, .rc = PSM_ERR_RETRY};
	put(1, 1000);
	for (n = 1; n <= 80; n++)
		put(n % 16 + 1, n);
	start();
	/* All but the held partition's: key 1 and who shares it. */
	others = (int)pg_wait(75, 3000,
	                      "SELECT sum(next) FROM psymatch.consumer_offset");
	ck_assert_int_gt(others, 50);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE key = 1"),
	                 0);
	ck_assert_int_eq(psm_processor_stat(pr, "holding"), 1);
	ck_assert_int_eq(psm_processor_health(pr, reason, sizeof reason),
	                 PSM_HEALTH_AMBER);
	(void)pthread_mutex_lock(&lock);
	plan.times = 0;
	(void)pthread_mutex_unlock(&lock);
	wait_offset(81);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 81);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(PARTITION BY key ORDER BY seq) AS before "
	                        "FROM effects WHERE n < 1000) AS o WHERE "
	                        "before >= n"),
	                 0);
}
END_TEST

START_TEST(system_failure_is_never_dead)
{
	int n;

	plan = (struct plan){.bad = 3, .times = 2, .rc = PSM_ERR_DB};
	for (n = 1; n <= 10; n++)
		put(1, n);
	start();
	wait_offset(10);
	stop();
	check_effects(10);
	ck_assert_int_eq(psm_processor_stat(pr, "rollbacks"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 10);
	ck_assert_int_eq(dead_rows(), 0);
}
END_TEST

/* A handler that goes on after a statement of its own failed. */
static int
swallow(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = save(tx, ev, e);

	(void)user;
	if (member_int(ev, "/n") == 2 &&
	    psm_tx_exec(tx,
	                "INSERT INTO effects (seq, event_id) VALUES (1, "
	                "gen_random_uuid())",
	                0, NULL, NULL, e) == 0)
		return PSM_ERR_STATE;
	return rc;
}

START_TEST(failed_statement_counts)
{
	put(1, 1);
	put(1, 2);
	put(1, 3);
	pr = new_processor(st, t, swallow);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	wait_offset(3);
	stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE code = "
	           "'PSM_ERR_CONFLICT' AND \"offset\" = 1"),
	    1);
}
END_TEST

static const struct judgement {
	int failed, rc;
	enum psm__verdict verdict;
	int code;
} judgements[] = {
    {0, 0, PSM__FINE, 0},
    {0, PSM_ERR_REJECT, PSM__PERMANENT, PSM_ERR_REJECT},
    {0, PSM_ERR_TRANSITION, PSM__PERMANENT, PSM_ERR_TRANSITION},
    {0, PSM_ERR_SCHEMA, PSM__PERMANENT, PSM_ERR_SCHEMA},
    {0, 5, PSM__PERMANENT, PSM_ERR_INVAL},
    {0, PSM_ERR_RETRY, PSM__TRANSIENT, PSM_ERR_RETRY},
    {0, PSM_ERR_BROKER, PSM__TRANSIENT, PSM_ERR_BROKER},
    {0, PSM_ERR_DB, PSM__SYSTEM, PSM_ERR_DB},
    {0, PSM_ERR_NOMEM, PSM__SYSTEM, PSM_ERR_NOMEM},
    {PSM_ERR_DB, 0, PSM__SYSTEM, PSM_ERR_DB},
    {PSM_ERR_DB, PSM_ERR_REJECT, PSM__SYSTEM, PSM_ERR_DB},
    {PSM_ERR_TIMEOUT, PSM_ERR_REJECT, PSM__TRANSIENT, PSM_ERR_TIMEOUT},
    {PSM_ERR_CONFLICT, 0, PSM__PERMANENT, PSM_ERR_CONFLICT},
    {PSM_ERR_CONFLICT, PSM_ERR_RETRY, PSM__TRANSIENT, PSM_ERR_RETRY},
    {PSM_ERR_CONFLICT, PSM_ERR_REJECT, PSM__PERMANENT, PSM_ERR_REJECT},
};

START_TEST(verdicts)
{
	const struct judgement *j = &judgements[_i];
	int code = j->rc;

	ck_assert_int_eq((int)psm__judge(j->failed, &code), (int)j->verdict);
	ck_assert_int_eq(code, j->code);
}
END_TEST

/* -- outages */

START_TEST(database_goes_in_the_middle_of_a_batch)
{
	char reason[200];
	int n;

	plan = (struct plan){.bad = 20, .block = 1};
	for (n = 1; n <= 60; n++)
		put(1, n);
	start();
	wait_blocked();
	pg_down();
	unblock();
	/* Red while it is away, and nothing is dead. */
	while (psm_processor_stat(pr, "rollbacks") < 2)
		(void)nanosleep(&(struct timespec){0, 1000000}, NULL);
	ck_assert_int_eq(psm_processor_health(pr, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	pg_up();
	wait_offset(60);
	stop();
	check_effects(60);
	ck_assert_int_eq(dead_rows(), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 60);
}
END_TEST

START_TEST(starts_without_database_and_broker)
{
	int64_t began = psm__mono_ms();
	int n;

	for (n = 1; n <= 5; n++)
		put(1, n);
	psm__memory_set_down(t, 1);
	pg_down();
	start();
	ck_assert_int_lt(psm__mono_ms() - began, 2000);
	psm__memory_set_down(t, 0);
	while (psm_processor_stat(pr, "rollbacks") < 1)
		(void)nanosleep(&(struct timespec){0, 1000000}, NULL);
	pg_up();
	wait_offset(5);
	stop();
	check_effects(5);
}
END_TEST

/* The row is the truth: a new group and a new broker memory change nothing. */
START_TEST(restart_goes_on)
{
	psm_transport *same;
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	for (n = 1; n <= 60; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		put_to(t, 1, n, id);
		put_to(same, 1, n, id);
	}
	start();
	wait_offset(60);
	stop();
	psm_processor_free(pr);
	psm_transport_unref(t);
	t = same;
	put(1, 61);
	put(1, 62);
	start();
	wait_offset(62);
	stop();
	check_effects(62);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
}
END_TEST

/* -- two that believe to own the partition */

START_TEST(two_fight_for_a_partition)
{
	psm_transport *same;
	psm_processor *other;
	psm_store *store2 = pg_store();
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	other = new_processor(store2, same, on_event);
	pr = new_processor(st, t, on_event);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
	for (n = 1; n <= 400; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		put_to(t, 1, n, id);
		put_to(same, 1, n, id);
	}
	wait_offset(400);
	stop();
	ck_assert_int_eq(psm_processor_stop(other, 10000, err), 0);
	check_effects(400);
	ck_assert_int_eq(psm_processor_stat(pr, "handled") +
	                     psm_processor_stat(other, "handled"),
	                 400);
	/* Never through the inbox alone: the fence saw all of it. */
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates") +
	                     psm_processor_stat(other, "duplicates"),
	                 0);
	psm_processor_free(other);
	psm_store_free(store2);
	psm_transport_unref(same);
}
END_TEST

/* One sleeps in its handler while its connection ends, another takes over. */
START_TEST(zombie_wakes_up)
{
	psm_transport *same;
	psm_processor *other;
	psm_store *store2;
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	for (n = 1; n <= 10; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		put_to(t, 1, n, id);
		put_to(same, 1, n, id);
	}
	plan = (struct plan){.bad = 5, .block = 1};
	start();
	wait_blocked();
	ck_assert_int_gt(pg_kill("psymatch pool"), 0);
	(void)pthread_mutex_lock(&lock);
	plan.bad = -1; /* the other one does not sleep */
	(void)pthread_mutex_unlock(&lock);
	store2 = pg_store();
	other = new_processor(store2, same, on_event);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
	wait_offset(10);
	unblock();
	put(1, 11);
	put_to(same, 1, 12, NULL);
	wait_offset(11);
	stop();
	ck_assert_int_eq(psm_processor_stop(other, 10000, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n <= 10"),
	                 10);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 11);
	ck_assert_int_ge(psm_processor_stat(pr, "rollbacks"), 1);
	psm_processor_free(other);
	psm_store_free(store2);
	psm_transport_unref(same);
}
END_TEST

/* -- life */

static int
sleepy(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = save(tx, ev, e);

	(void)user;
	(void)pthread_mutex_lock(&lock);
	plan.blocked = 1;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
	return rc < 0
	           ? rc
	           : psm_tx_exec(tx, "SELECT pg_sleep(20)", 0, NULL, NULL, e);
}

START_TEST(stop_has_a_deadline)
{
	int64_t began;

	put(1, 1);
	pr = new_processor(st, t, sleepy);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	wait_blocked();
	began = psm__mono_ms();
	ck_assert_int_eq(psm_processor_stop(pr, 100, err), 0);
	ck_assert_int_lt(psm__mono_ms() - began, 1500);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.consumer_offset"), 0);
}
END_TEST

START_TEST(arguments_and_states)
{
	char reason[100];
	psm_processor *none = (psm_processor *)&none;

	ck_assert_int_eq(psm_processor_new(NULL, t, cfg, NAME, &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, "", &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, NAME, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_subscribe(pr, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_processor_subscribe(pr, TOPIC, err), 0);
	ck_assert_int_eq(
	    psm_processor_on(pr, "moon.landed", on_event, NULL, err),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(psm_processor_on(pr, "*", on_event, NULL, err), 0);
	ck_assert_int_eq(psm_processor_on(pr, "*", on_event, NULL, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_processor_health(pr, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_processor_on(pr, "therapist.blocked", on_event, NULL, err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_subscribe(pr, "x", err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_stop(pr, -1, err), PSM_ERR_INVAL);
	stop();
	stop();
	ck_assert_int_eq(psm_processor_start(pr, err), PSM_ERR_STATE);
	ck_assert_int_eq(psm_processor_stat(NULL, "dead"), -1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor");
	TCase *tc = tcase_create("processor");
	SRunner *sr;
	int failed;

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, good_and_bad_messages);
	tcase_add_test(tc, same_event_at_another_offset);
	tcase_add_test(tc, reject_is_a_dead_letter);
	tcase_add_test(tc, retry_keeps_the_order);
	tcase_add_test(tc, retry_stops_its_partition_only);
	tcase_add_test(tc, system_failure_is_never_dead);
	tcase_add_test(tc, failed_statement_counts);
	tcase_add_test(tc, database_goes_in_the_middle_of_a_batch);
	tcase_add_test(tc, starts_without_database_and_broker);
	tcase_add_test(tc, restart_goes_on);
	tcase_add_test(tc, two_fight_for_a_partition);
	tcase_add_test(tc, zombie_wakes_up);
	tcase_add_test(tc, stop_has_a_deadline);
	tcase_add_test(tc, arguments_and_states);
	suite_add_tcase(s, tc);
	tc = tcase_create("verdicts");
	tcase_add_loop_test(tc, verdicts, 0,
	                    (int)(sizeof judgements / sizeof judgements[0]));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
