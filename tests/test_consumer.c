/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/consumer/consumer_int.h"
#include "transport/murmur2.h"
#include "transport/memory/memory.h"
#include "consumer_rig.h"

/* -- tests */

START_TEST(handles_in_order)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "order", &seen);
	int i;

	ck_assert_int_eq(psm_consumer_poll(c, 0, NULL), 0);
	for (i = 1; i <= 600; i++)
		put_event(t, 1 + i % 20, i);
	/* One call takes 500 at most and does not wait for more. */
	ck_assert_int_eq(psm_consumer_poll(c, 10000, NULL), 500);
	ck_assert_int_eq(psm_consumer_poll(c, 10000, NULL), 100);
	ck_assert_int_eq(seen.count, 600);
	check_order(&seen);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 600);
	ck_assert_int_eq(psm_consumer_stat(c, "dead"), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), 0);
	ck_assert_int_eq(psm_consumer_stat(c, "nonsense"), -1);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_consumer_handled_total", "order"), 600);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

static const struct {
	const char *raw;
	int code; /* 0: skipped */
} poison[] = {
    {"\x01\xff garbage", PSM_ERR_PARSE},
    {"[1, 2]", PSM_ERR_SCHEMA},
    {"17", PSM_ERR_SCHEMA},
    {"{}", PSM_ERR_SCHEMA},
    {"{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
     "\"event_type\": \"search.status_changed\", \"version\": \"9.9\", "
     "\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "
     "\"payload\": {}}",
     PSM_ERR_VERSION},
    {"{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
     "\"event_type\": \"search.status_changed\", \"version\": \"1.0\", "
     "\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "
     "\"payload\": {\"search_id\": \"seven\"}}",
     PSM_ERR_SCHEMA},
    {"{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
     "\"event_type\": \"search.unheard_of\", \"version\": \"1.0\", "
     "\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "
     "\"payload\": {}}",
     0},
    {NULL, 0},
};

/* good, bad, good in one partition: both goods are handled, the bad one is dead
 * with its bytes and origin, or skipped, and does not come again. */
START_TEST(survives_poison)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "poison", &seen);
	const char *raw = poison[_i].raw;

	put_event(t, 1, 1);
	if (raw)
		put_text(t, raw);
	else
		ck_assert_int_eq(psm__memory_put(t, TOPIC, "1", NULL, 0), 0);
	put_event(t, 1, 2);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.number[0], 1);
	ck_assert_int_eq(seen.number[1], 2);
	if (poison[_i].code) {
		ck_assert_int_eq(seen.dead, 1);
		ck_assert_int_eq(seen.dead_code, poison[_i].code);
		ck_assert_int_eq(seen.dead_offset, 1);
		ck_assert_uint_eq(strlen(seen.dead_raw), strnlen(raw, 255));
		ck_assert_int_eq(strncmp(seen.dead_raw, raw, 255), 0);
		ck_assert_uint_gt(strlen(seen.dead_reason), 0);
		ck_assert_int_eq(psm_consumer_stat(c, "dead"), 1);
	} else {
		ck_assert_int_eq(seen.dead, 0);
		ck_assert_int_eq(psm_consumer_stat(c, "skipped"), 1);
	}
	ck_assert_int_eq(psm_consumer_close(c, 1000, NULL), 0);
	psm_consumer_free(c);

	c = make_consumer(t, "poison", &seen);
	ck_assert_int_eq(psm_consumer_poll(c, 50, NULL), 0);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* A key whose partition is the one of search 1, or is not. */
static int
search_beside(int same)
{
	int i;

	for (i = 2; i < 60; i++) {
		char key[16];
		int len = snprintf(key, sizeof(key), "%d", i);

		if ((psm__partition_of(key, (size_t)len, PARTITIONS) ==
		     psm__partition_of("1", 1, PARTITIONS)) == same)
			return i;
	}
	ck_abort_msg("no such key");
}

/* May pass, or not the fault of the event. */
static const int passing_codes[] = {PSM_ERR_RETRY, PSM_ERR_FULL, PSM_ERR_DB};

/* The partition waits for the failing event and keeps its order, the others go
 * on meanwhile. */
START_TEST(retries_in_order)
{
	psm_transport *t = open_memory();
	struct seen seen = {
	    .fail_number = 1, .fail_times = 4, .fail_rc = passing_codes[_i]};
	psm_consumer *c = make_consumer(t, "retry", &seen);
	int same = search_beside(1), other = search_beside(0);
	char reason[160];
	int i;

	put_event(t, 1, 1);
	put_event(t, same, 2);
	put_event(t, 1, 3);
	for (i = 4; i < 10; i++)
		put_event(t, other, i);
	ck_assert_int_eq(psm_consumer_poll(c, 1000, NULL), 6);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(seen.search[i], other);
	if (seen.fail_times > 0) {
		ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
		                 PSM_HEALTH_AMBER);
		ck_assert_ptr_nonnull(strstr(reason, "retrying " TOPIC));
		ck_assert_int_eq(psm_consumer_stat(c, "lag"), 3);
	}
	poll_until(c, &seen.count, 9);
	ck_assert_int_eq(seen.number[6], 1);
	ck_assert_int_eq(seen.number[7], 2);
	ck_assert_int_eq(seen.number[8], 3);
	ck_assert_int_eq(psm_consumer_stat(c, "retried"), 4);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 9);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* What waits for a retry is not committed, nor anything behind it. */
START_TEST(restart_keeps_what_failed)
{
	psm_transport *t = open_memory();
	struct seen seen = {
	    .fail_number = 3, .fail_times = 1000000, .fail_rc = PSM_ERR_RETRY};
	psm_consumer *c = make_consumer(t, "again", &seen);
	int i;

	for (i = 1; i <= 5; i++)
		put_event(t, 1, i);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(psm_consumer_poll(c, 50, NULL), 0);
	ck_assert_int_eq(psm_consumer_close(c, 1000, NULL), 0);
	psm_consumer_free(c);

	memset(&seen, 0, sizeof(seen));
	c = make_consumer(t, "again", &seen);
	poll_until(c, &seen.count, 3);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(seen.number[i], 3 + i);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

static const int final_codes[] = {PSM_ERR_REJECT, PSM_ERR_SCHEMA, PSM_ERR_INVAL,
                                  7};

START_TEST(buries_what_is_rejected)
{
	psm_transport *t = open_memory();
	struct seen seen = {
	    .fail_number = 2, .fail_times = 1, .fail_rc = final_codes[_i]};
	psm_consumer *c = make_consumer(t, "reject", &seen);
	char reason[160];
	int i;

	for (i = 1; i <= 3; i++)
		put_event(t, 1, i);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.number[1], 3);
	ck_assert_int_eq(seen.dead, 1);
	ck_assert_int_eq(seen.dead_offset, 1);
	ck_assert_int_eq(seen.dead_code, final_codes[_i] > 0 ? PSM_ERR_REJECT
	                                                     : final_codes[_i]);
	if (final_codes[_i] < 0)
		ck_assert_str_eq(seen.dead_reason, "the test says so");
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "1 dead"));
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

static int
count_call(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)err;
	__atomic_add_fetch((int *)user, 1, __ATOMIC_RELAXED);
	return 0;
}

START_TEST(star_takes_the_rest)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "star", &seen);
	int rest = 0;

	ck_assert_int_eq(psm_consumer_on(c, "*", count_call, &rest, NULL), 0);
	put_event(t, 1, 1);
	put_text(t, poison[6].raw);
	ck_assert_int_eq(psm_consumer_poll(c, 1000, NULL), 2);
	ck_assert_int_eq(seen.count, 1);
	ck_assert_int_eq(rest, 1);
	ck_assert_int_eq(psm_consumer_stat(c, "skipped"), 0);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

START_TEST(group_shares_each_event_once)
{
	psm_transport *t = open_memory();
	struct seen a = {0}, b = {0};
	psm_consumer *ca = make_consumer(t, "pair", &a);
	psm_consumer *cb = make_consumer(t, "pair", &b);
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	int i;

	/* Both take their share before the first event. */
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(psm_consumer_poll(ca, 0, NULL), 0);
		ck_assert_int_eq(psm_consumer_poll(cb, 0, NULL), 0);
	}
	for (i = 1; i <= 200; i++)
		put_event(t, 1 + i % 20, i);
	while (a.count + b.count < 200) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(psm_consumer_poll(ca, 5, NULL), 0);
		ck_assert_int_ge(psm_consumer_poll(cb, 5, NULL), 0);
	}
	ck_assert_int_gt(a.count, 0);
	ck_assert_int_gt(b.count, 0);
	check_order(&a);
	check_order(&b);
	/* The one that stays goes on with the other one's partitions. */
	ck_assert_int_eq(psm_consumer_close(ca, 1000, NULL), 0);
	for (i = 201; i <= 260; i++)
		put_event(t, 1 + i % 20, i);
	poll_until(cb, &b.count, 260 - a.count);
	psm_consumer_free(ca);
	psm_consumer_free(cb);
	psm_transport_unref(t);
}
END_TEST

/* -- threads */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int inside; /* a handler is in it */
	int open;
	int forbidden; /* result of a call that a handler may not make */
	psm_consumer *c;
};

static int
wait_at_gate(const psm_event *ev, void *user, psm_error *err)
{
	struct gate *g = user;

	(void)ev;
	(void)err;
	g->forbidden = psm_consumer_close(g->c, 0, NULL) == PSM_ERR_STATE &&
	               psm_consumer_poll(g->c, 0, NULL) == PSM_ERR_STATE &&
	               psm_consumer_start(g->c, NULL) == PSM_ERR_STATE;
	psm_consumer_free(g->c); /* refused, too */
	pthread_mutex_lock(&g->lock);
	g->inside++;
	pthread_cond_broadcast(&g->changed);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->lock);
	pthread_mutex_unlock(&g->lock);
	return 0;
}

START_TEST(close_waits_for_the_handler)
{
	psm_transport *t = open_memory();
	struct gate g = {.lock = PTHREAD_MUTEX_INITIALIZER,
	                 .changed = PTHREAD_COND_INITIALIZER};
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "gate", &c, NULL), 0);
	psm_config_free(cfg);
	g.c = c;
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", wait_at_gate, &g, NULL), 0);
	put_event(t, 1, 1);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	ck_assert_int_eq(psm_consumer_start(c, NULL), PSM_ERR_STATE);
	ck_assert_int_eq(psm_consumer_poll(c, 0, NULL), PSM_ERR_STATE);
	ck_assert_int_eq(psm_consumer_subscribe(c, "more", NULL),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_consumer_on_dead(c, NULL, NULL), PSM_ERR_STATE);

	pthread_mutex_lock(&g.lock);
	while (!g.inside)
		pthread_cond_wait(&g.changed, &g.lock);
	pthread_mutex_unlock(&g.lock);
	ck_assert_int_eq(psm_consumer_close(c, 50, NULL), PSM_ERR_TIMEOUT);
	pthread_mutex_lock(&g.lock);
	g.open = 1;
	pthread_cond_broadcast(&g.changed);
	pthread_mutex_unlock(&g.lock);
	ck_assert_int_eq(psm_consumer_close(c, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(g.forbidden, 1);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 1);
	ck_assert_int_eq(psm_consumer_close(c, 0, NULL), 0);
	ck_assert_int_eq(psm_consumer_poll(c, 0, NULL), PSM_ERR_STATE);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* Everything that other threads may ask, while a thread handles and partitions
 * move. */
START_TEST(thread_handles_everything)
{
	psm_transport *t = open_memory();
	struct seen seen = {
	    .fail_number = 50, .fail_times = 2, .fail_rc = PSM_ERR_RETRY};
	psm_consumer *c = make_consumer(t, "thread", &seen);
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	char reason[160];
	int i;

	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_str_eq(reason, "not started");
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	for (i = 1; i <= 500; i++) {
		put_event(t, 1 + i % 20, i);
		(void)psm_consumer_stat(c, "lag");
		(void)psm_consumer_health(c, reason, sizeof(reason));
	}
	while (psm_consumer_health(c, reason, sizeof(reason)) !=
	           PSM_HEALTH_GREEN ||
	       psm_consumer_stat(c, "handled") < 500) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		(void)psm_consumer_stat(c, "lag");
		sched_yield();
	}
	ck_assert_int_eq(psm_consumer_close(c, 5000, NULL), 0);
	check_order(&seen);
	ck_assert_int_eq(seen.count, 500);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_RED);
	ck_assert_str_eq(reason, "closed");
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

START_TEST(outage_shows_and_ends)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c;
	char reason[160];

	psm__memory_set_down(t, 1);
	c = make_consumer(t, "outage", &seen);
	ck_assert_int_eq(psm_consumer_poll(c, 20, NULL), 0);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "no broker reachable"));
	psm__memory_set_down(t, 0);
	put_event(t, 1, 1);
	poll_until(c, &seen.count, 1);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	/* A commit that nobody takes is not a success. */
	psm__memory_set_down(t, 1);
	ck_assert_int_eq(psm_consumer_close(c, 1000, NULL), PSM_ERR_BROKER);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

START_TEST(refuses_bad_arguments)
{
	psm_transport *t = open_memory();
	psm_consumer *c = NULL, *none = NULL;
	psm_config *cfg = NULL;
	psm_error *err = psm_error_new();

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(NULL, cfg, "g", &none, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_new(t, NULL, "g", &none, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "g", NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "", &none, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "a b", &none, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "g", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, "no/topic", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_subscribe(c, "..", NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_subscribe(NULL, TOPIC, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_on(c, "no.such", on_event, NULL, NULL),
	                 PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(psm_consumer_on(c, "email.sent", NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_on_dead(NULL, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_poll(c, -1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_poll(NULL, 0, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_poll(c, 0, err), PSM_ERR_STATE);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "subscribe first"));
	ck_assert_int_eq(psm_consumer_start(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_start(c, NULL), PSM_ERR_STATE);
	ck_assert_int_eq(psm_consumer_close(NULL, 0, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_close(c, -1, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_stat(NULL, "lag"), -1);
	ck_assert_int_eq(psm_consumer_stat(c, "lag"), -1);
	ck_assert_int_eq(psm_consumer_health(NULL, NULL, 0), PSM_HEALTH_RED);
	psm_consumer_free(NULL);
	psm_consumer_free(c);
	psm_config_free(cfg);
	psm_error_free(err);
	psm_transport_unref(t);
}
END_TEST

/* -- out of memory */

/* Returns what user points to, if it could read the event. */
static int
look_at(const psm_event *ev, void *user, psm_error *err)
{
	int64_t id = 0;
	int rc = psm_json_get_int(
	    psm_json_at(psm_event_payload(ev), "/patient_id"), &id, err);

	return rc < 0 ? rc : *(const int *)user;
}

static const char one_event[] =
    "{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
    "\"event_type\": \"search.status_changed\", \"version\": \"1.0\", "
    "\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "
    "\"payload\": {\"search_id\": 1, \"patient_id\": 1, "
    "\"old_status\": null, \"new_status\": \"aktiv\"}}";

/* The handler returns what arg points to. */
static int
one_life(void *arg)
{
	psm_transport *t = NULL;
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;
	int rc;

	rc = psm_config_new(&cfg, NULL);
	if (rc == 0)
		rc = psm_transport_memory(PARTITIONS, &t, NULL);
	if (rc == 0)
		rc = psm__memory_put(t, TOPIC, "1", one_event,
		                     sizeof(one_event) - 1);
	if (rc == 0)
		rc = psm_consumer_new(t, cfg, "oom", &c, NULL);
	if (rc == 0)
		rc = psm_consumer_subscribe(c, TOPIC, NULL);
	if (rc == 0)
		rc = psm_consumer_dead_letters(c, 1);
	if (rc == 0)
		rc = psm_consumer_on(c, "*", look_at, arg, NULL);
	/* An event that found no memory comes again. */
	while (rc == 0 && psm_consumer_stat(c, "handled") == 0 &&
	       psm_consumer_stat(c, "dead") == 0) {
		rc = psm_consumer_poll(c, 100, NULL);
		if (rc > 0)
			rc = 0;
	}
	/* Only what its handler rejects is dead, and its letter is written
	 * once. */
	if (rc == 0) {
		ck_assert_int_eq(psm_consumer_stat(c, "dead"),
		                 *(int *)arg != 0);
		ck_assert_int_eq(psm__memory_count(t, TOPIC ".dlq"),
		                 *(int *)arg != 0);
	}
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
	return rc;
}

START_TEST(survives_no_memory)
{
	int rc = _i == 0 ? 0 : PSM_ERR_REJECT;

	ck_assert_int_gt(testing_fail_each(one_life, &rc, 1), 20);
}
END_TEST

/* -- no memory, for as long as it lasts */

static int starving;

static void *
starving_alloc(size_t size)
{
	return starving ? NULL : malloc(size);
}

static void *
starving_realloc(void *old, size_t size)
{
	return starving ? NULL : realloc(old, size);
}

static int
failing_seek(struct psm__source *s, const char *topic, int32_t partition,
             int64_t offset, psm_error *err)
{
	(void)s;
	(void)topic;
	(void)partition;
	(void)offset;
	return psm__fail(err, PSM_ERR_BROKER, "as planned");
}

/* Nor can the source go back. */
START_TEST(nothing_is_left_out_without_memory)
{
	struct psm__source_ops ops;
	struct seen seen = {0};
	psm_transport *t;
	psm_consumer *c;
	int i;

	ck_assert_int_eq(
	    psm_set_allocator(starving_alloc, starving_realloc, free), 0);
	t = open_memory();
	c = make_consumer(t, "starving", &seen);
	ck_assert_int_eq(psm_consumer_poll(c, 0, NULL), 0);
	ops = *c->source->ops;
	ops.seek = failing_seek;
	c->source->ops = &ops;
	for (i = 1; i <= 10; i++)
		put_event(t, 1 + i % 3, i);
	psm__memory_evict(t);
	starving = 1;
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(psm_consumer_poll(c, 1, NULL), 0);
	starving = 0;
	poll_until(c, &seen.count, 10);
	check_order(&seen);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("consumer");

	tcase_add_test(testing_case(s, "order"), handles_in_order);
	tcase_add_loop_test(testing_case(s, "poison"), survives_poison, 0,
	                    PSM__COUNT(poison));
	tcase_add_loop_test(testing_case(s, "retry"), retries_in_order, 0,
	                    PSM__COUNT(passing_codes));
	tcase_add_test(testing_case(s, "restart"), restart_keeps_what_failed);
	tcase_add_loop_test(testing_case(s, "reject"), buries_what_is_rejected,
	                    0, PSM__COUNT(final_codes));
	tcase_add_test(testing_case(s, "star"), star_takes_the_rest);
	tcase_add_test(testing_case(s, "group"), group_shares_each_event_once);
	tcase_add_test(testing_case(s, "close"), close_waits_for_the_handler);
	tcase_add_test(testing_case(s, "thread"), thread_handles_everything);
	tcase_add_test(testing_case(s, "outage"), outage_shows_and_ends);
	tcase_add_test(testing_case(s, "arguments"), refuses_bad_arguments);
	tcase_add_loop_test(testing_case(s, "memory"), survives_no_memory, 0,
	                    2);
	tcase_add_test(testing_case(s, "starving"),
	               nothing_is_left_out_without_memory);
	return testing_run(srunner_create(s));
}
