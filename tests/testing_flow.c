/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <time.h>

/* Tests of processors are built a second time with more than one. */
#ifndef FLOW_WORKERS
#define FLOW_WORKERS "1"
#endif

psm_store *st;
psm_transport *t;
psm_config *cfg;
psm_error *err;
psm_processor *pr;
struct flow_plan plan;
pthread_mutex_t flow_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t flow_changed;

void
flow_setup(void)
{
	pg_database();
	st = pg_store();
	cfg = pg_settings();
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS",
	                                FLOW_WORKERS, NULL),
	                 0);
	err = psm_error_new();
	ck_assert_int_eq(psm__cond_init(&flow_changed), 0);
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	pg_run("CREATE TABLE effects (seq serial PRIMARY KEY, "
	       "event_id uuid NOT NULL, key integer, n integer)");
	memset(&plan, 0, sizeof plan);
}

void
flow_teardown(void)
{
	psm_processor_free(pr);
	psm_store_free(st);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
}

/* -- events: {"email_id": KEY, "n": N} */

char *
flow_event(int key, int n, const char *id, const char *version)
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

void
flow_put_raw(psm_transport *to, const char *key, const char *value, size_t len)
{
	ck_assert_int_eq(psm__memory_put(to, FLOW_TOPIC, key, value, len), 0);
}

void
flow_put_to(psm_transport *to, int key, int n, const char *id)
{
	char *text = flow_event(key, n, id, "1.0"), name[16];

	(void)snprintf(name, sizeof name, "%d", key);
	flow_put_raw(to, name, text, strlen(text));
	free(text);
}

void
flow_put(int key, int n)
{
	flow_put_to(t, key, n, NULL);
}

static int
member(const psm_event *ev, const char *pointer, int *to, psm_error *e)
{
	int64_t value = -1;
	int rc = psm_json_get_int(psm_json_at(psm_event_payload(ev), pointer),
	                          &value, e);

	*to = (int)value;
	return rc;
}

int
flow_member(const psm_event *ev, const char *pointer)
{
	int value = -1;

	ck_assert_int_eq(member(ev, pointer, &value, NULL), 0);
	return value;
}

/* -- the handler: one row per event, one event emitted */

int
flow_save(psm_tx *tx, const psm_event *ev, psm_error *e)
{
	char key[16], n[16];
	const char *params[] = {psm_event_id(ev), key, n};
	int k = 0, number = 0, rc = member(ev, "/email_id", &k, e);

	if (rc == 0)
		rc = member(ev, "/n", &number, e);
	if (rc < 0)
		return rc;
	(void)snprintf(key, sizeof key, "%d", k);
	(void)snprintf(n, sizeof n, "%d", number);
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
	int key = 0, n = 0, rc = member(ev, "/email_id", &key, e);

	if (rc == 0)
		rc = member(ev, "/n", &n, e);
	if (rc < 0)
		return rc;
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               key, n);
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
	int n = 0, rc = 0;

	if (member(ev, "/n", &n, NULL) < 0)
		return 0; /* it fails without a plan */
	(void)pthread_mutex_lock(&flow_lock);
	if (n == plan.bad) {
		plan.seen++;
		plan.blocked = plan.block;
		(void)pthread_cond_broadcast(&flow_changed);
		while (plan.blocked)
			(void)pthread_cond_wait(&flow_changed, &flow_lock);
		if (plan.times < 0 || plan.times >= plan.seen)
			rc = plan.rc;
	}
	(void)pthread_mutex_unlock(&flow_lock);
	return rc;
}

int
flow_handler(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_save(tx, ev, e);
	int planned = special(ev);

	(void)user;
	if (rc == 0)
		rc = emit(tx, ev, e);
	if (rc == 0 && planned)
		rc = psm_error_set(e, planned, "as planned");
	return rc == 0 ? planned : rc;
}

void
flow_wait_blocked(void)
{
	struct timespec until;

	psm__deadline(&until, 60000);
	(void)pthread_mutex_lock(&flow_lock);
	while (!plan.blocked)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&flow_changed, &flow_lock, &until),
		    0);
	(void)pthread_mutex_unlock(&flow_lock);
}

void
flow_block_next_at(int n)
{
	(void)pthread_mutex_lock(&flow_lock);
	plan.bad = n;
	plan.blocked = 0;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
}

void
flow_unblock(void)
{
	(void)pthread_mutex_lock(&flow_lock);
	plan.block = plan.blocked = 0;
	(void)pthread_cond_broadcast(&flow_changed);
	(void)pthread_mutex_unlock(&flow_lock);
}

psm_processor *
flow_processor(psm_store *store, psm_transport *from, psm_tx_event_fn fn)
{
	psm_processor *p;

	ck_assert_int_eq(
	    psm_processor_new(store, from, cfg, FLOW_NAME, &p, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(p, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(
	    psm_processor_on(p, "communication.send_email", fn, NULL, err), 0);
	return p;
}

psm_processor *
flow_processor_with(int policy, int max_attempts, psm_tx_event_fn fn)
{
	psm_handler_options *o;
	psm_processor *p;

	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(
	    psm_handler_options_on_failure(o, policy, max_attempts, err), 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &p, err), 0);
	ck_assert_int_eq(psm_processor_subscribe(p, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_on_with(p, "communication.send_email", o,
	                                       fn, NULL, err),
	                 0);
	psm_handler_options_free(o);
	return p;
}

void
flow_start(void)
{
	pr = flow_processor(st, t, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
}

void
flow_stop(void)
{
	ck_assert_msg(psm_processor_stop(pr, 60000, err) == 0, "%s",
	              psm_error_message(err));
}

/* All messages up to offset n are done. */
void
flow_wait_offset(int n)
{
	ck_assert_int_eq(pg_wait(n, 60000,
	                         "SELECT coalesce(sum(next), 0) FROM "
	                         "psymatch.consumer_offset"),
	                 n);
}

/* n = 1 .. count per key, each once, in order. */
void
flow_check_effects(int count)
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
	    pg_int("SELECT count(*) FROM (SELECT key, row_number() OVER "
	           "(PARTITION BY key ORDER BY seq) AS r, n FROM effects) AS e "
	           "JOIN (SELECT aggregateid::integer AS key, row_number() "
	           "OVER (PARTITION BY aggregateid ORDER BY id) AS r, "
	           "(payload::json->>'n')::integer AS n FROM psymatch.outbox) "
	           "AS o USING (key, r) WHERE e.n = o.n"),
	    count);
}

int64_t
flow_dead_rows(void)
{
	return pg_int("SELECT count(*) FROM psymatch.dead_letter");
}

void
flow_retry_when_told(void)
{
	pg_run("CREATE FUNCTION when_told() RETURNS trigger LANGUAGE plpgsql "
	       "AS 'BEGIN NEW.next_at := now() + interval ''1 hour''; RETURN "
	       "NEW; END'");
	pg_run("CREATE TRIGGER when_told BEFORE INSERT OR UPDATE OF attempts "
	       "ON psymatch.parked FOR EACH ROW EXECUTE FUNCTION when_told()");
}

void
flow_retry_now(void)
{
	/* Row by row: holding one lock and waiting for the next, it could stand
	 * across the workers. */
	pg_run("DO $$DECLARE i bigint; BEGIN FOR i IN SELECT id FROM "
	       "psymatch.parked LOOP UPDATE psymatch.parked SET next_at = "
	       "now() WHERE id = i AND next_at IS NOT NULL; COMMIT; END LOOP; "
	       "END$$");
}
