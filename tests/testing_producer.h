/* SPDX-License-Identifier: BSD-2-Clause */
/* A producer on a fake broker, with numbered events and a note of what the
 * delivery callback heard. */
#ifndef PSM_TESTING_PRODUCER_H
#define PSM_TESTING_PRODUCER_H

#include "testing.h"

#include <psymatch/producer.h>

#include "fake_sink.h"

/* For other threads and for children: what Check's own assertions write is not
 * for two writers at a time. */
static inline void
must(int condition)
{
	if (!condition)
		abort();
}

#define FLUSH_MS 60000
#define TOPIC "patient-events"

static struct fake fake;
static char dir[256];

static inline void
set_up(void)
{
	fake_init(&fake);
	testing_tmpdir(dir, sizeof(dir));
}

static inline void
tear_down(void)
{
	fake_free(&fake);
	testing_remove(dir);
}

/* -- a producer, and what its callback heard -- */

#define MAX_HEARD 20000
static struct heard {
	pthread_mutex_t lock;
	int count, ok;
	int last_rc;
	char reason[128];
	char ids[MAX_HEARD][40];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	must(user == &heard);
	pthread_mutex_lock(&heard.lock);
	must(heard.count < MAX_HEARD);
	snprintf(heard.ids[heard.count++], sizeof(heard.ids[0]), "%s",
	         event_id);
	if (rc == 0)
		heard.ok++;
	else
		heard.last_rc = rc;
	snprintf(heard.reason, sizeof(heard.reason), "%s", reason);
	pthread_mutex_unlock(&heard.lock);
}

static inline int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Exactly once, each. */
static inline void
heard_once(int count)
{
	ck_assert_int_eq(heard.count, count);
	qsort(heard.ids, (size_t)count, sizeof(heard.ids[0]), compare_ids);
	for (int i = 0; i < count; i++) {
		ck_assert_uint_eq(strlen(heard.ids[i]), 36);
		if (i > 0)
			ck_assert_str_ne(heard.ids[i - 1], heard.ids[i]);
	}
}

/* How producers write. */
static const char *producer_wire = "snake";

static inline psm_producer *
make_with(psm_transport *t, const char *spool, const char *durability,
          const char *queue_max)
{
	psm_config *cfg = NULL;
	psm_producer *p = NULL;

	must(psm_config_new(&cfg, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_WIRE", producer_wire, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", durability,
	                    NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_QUEUE_MAX", queue_max, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_EVENT_MAX_BYTES", "20000", NULL) ==
	     0);
	must(psm_producer_new(t, cfg, &p, NULL) == 0);
	must(psm_producer_set_delivery(p, hear, &heard) == 0);
	psm_config_free(cfg);
	return p;
}

static inline psm_producer *
start_with(const char *spool, const char *durability, const char *queue_max)
{
	psm_producer *p = make_with(&fake.base, spool, durability, queue_max);

	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	return p;
}

/* _i of a loop test: with and without a spool. */
static inline psm_producer *
start(int in_memory)
{
	return start_with(in_memory ? "none" : dir, "os", "1000");
}

static inline psm_event *
event(int key, int n)
{
	psm_event *ev = NULL;
	char payload[64];
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":%d,\"n\":%d}", key + 1, n);

	must(psm_event_new("patient.deleted", "test", payload, (size_t)len, &ev,
	                   NULL) == 0);
	return ev;
}

static inline int
try_send(psm_producer *p, int key, int n, const char *topic)
{
	psm_event *ev = event(key, n);
	int rc = psm_producer_send(p, topic, ev, NULL);

	psm_event_free(ev);
	return rc;
}

static inline void
send_range(psm_producer *p, int from, int to, int keys)
{
	for (int n = from; n < to; n++)
		ck_assert_int_eq(try_send(p, n % keys, n, NULL), 0);
}

static inline void
flush(psm_producer *p)
{
	size_t left = 99;

	ck_assert_int_eq(psm_producer_flush(p, FLUSH_MS, &left, NULL), 0);
	ck_assert_uint_eq(left, 0);
}

static inline void
end(psm_producer *p, int rc)
{
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL), rc);
	psm_producer_free(p);
}

/* All of 0 .. count-1 arrived once, and in order per key. */
static inline void
arrived(int count, int keys)
{
	int *next = calloc((size_t)keys, sizeof(*next));

	ck_assert_ptr_nonnull(next);
	ck_assert_int_eq(fake.delivered, count);
	for (int i = 0; i < count; i++) {
		int key = fake.keys[i];

		ck_assert_int_eq(fake.numbers[i], next[key] * keys + key);
		next[key]++;
	}
	free(next);
}

static inline int64_t
stat_of(psm_producer *p, const char *name)
{
	return psm_producer_stat(p, name);
}

#endif
