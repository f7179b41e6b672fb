/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rows of the producer share: a producer with numbered events on the
 * transport of the rig, what its callback heard, and what arrived. */
#ifndef PSM_TESTING_ROWS_H
#define PSM_TESTING_ROWS_H

#include "testing.h"

#include <pthread.h>

#include <psymatch/psymatch.h>

#include "suite_bus.h"

#define TOPIC "suite-events"
#define PATIENCE_MS 60000
#define MAX_EVENTS 20000

static const struct bus_rig *rig;
static char dir[256];
static psm_transport *transport;

static inline void
set_up(void)
{
	testing_tmpdir(dir, sizeof(dir));
}

static inline void
tear_down(void)
{
	testing_remove(dir);
}

/* For threads and children: Check's assertions are not theirs. */
static inline void
must(int condition)
{
	if (!condition)
		abort();
}

/* -- what the callback heard, by event id -- */

static struct {
	pthread_mutex_t lock;
	int count, ok, closed, refused;
	char ids[MAX_EVENTS][40];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	(void)user;
	pthread_mutex_lock(&heard.lock);
	must(heard.count < MAX_EVENTS && (rc == 0) == (reason[0] == '\0'));
	snprintf(heard.ids[heard.count++], sizeof(heard.ids[0]), "%s",
	         event_id);
	if (rc == 0)
		heard.ok++;
	else if (rc == PSM_ERR_CLOSED)
		heard.closed++;
	else
		heard.refused++;
	pthread_mutex_unlock(&heard.lock);
}

static inline int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

static inline void
heard_each_once(int count)
{
	ck_assert_int_eq(heard.count, count);
	qsort(heard.ids, (size_t)count, sizeof(heard.ids[0]), compare_ids);
	for (int i = 1; i < count; i++)
		ck_assert_str_ne(heard.ids[i - 1], heard.ids[i]);
}

/* -- a producer with numbered events -- */

static inline psm_producer *
start_on(psm_transport *t, const char *spool, const char *const *settings)
{
	psm_config *cfg = NULL;
	psm_producer *p = NULL;

	must(psm_config_new(&cfg, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, NULL) == 0);
	must(psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", "os", NULL) == 0);
	for (; settings && *settings; settings += 2)
		must(psm_config_set(cfg, settings[0], settings[1], NULL) == 0);
	must(psm_producer_new(t, cfg, &p, NULL) == 0);
	must(psm_producer_set_delivery(p, hear, NULL) == 0);
	must(psm_producer_start(p, NULL) == 0);
	psm_config_free(cfg);
	return p;
}

static inline psm_producer *
start(void)
{
	transport = rig->open();
	return start_on(transport, dir, NULL);
}

static inline int
send_long(psm_producer *p, int key, int n, int pad)
{
	char payload[20100];
	psm_event *ev = NULL;
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":%d,\"n\":%d,\"x\":\"%0*d\"}",
	                   key + 1, n, pad, 0);
	int rc;

	must(psm_event_new("patient.deleted", "test", payload, (size_t)len, &ev,
	                   NULL) == 0);
	rc = psm_producer_send(p, TOPIC, ev, NULL);
	psm_event_free(ev);
	return rc;
}

static inline int
try_send(psm_producer *p, int key, int n)
{
	return send_long(p, key, n, 1);
}

static inline void
send_range(psm_producer *p, int from, int to, int keys)
{
	for (int n = from; n < to; n++)
		ck_assert_int_eq(try_send(p, n % keys, n), 0);
}

static inline void
flush(psm_producer *p)
{
	size_t left = 99;
	psm_error *err = psm_error_new();

	ck_assert_msg(psm_producer_flush(p, PATIENCE_MS, &left, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_uint_eq(left, 0);
	psm_error_free(err);
}

static inline void
end(psm_producer *p)
{
	ck_assert_int_eq(psm_producer_close(p, PATIENCE_MS, NULL, NULL), 0);
	psm_producer_free(p);
}

/* -- what arrived -- */

static struct {
	int times[MAX_EVENTS], last[1000];
	int total, distinct, keys;
} seen;

static inline void
see(const struct psm__record *rec)
{
	char text[512] = "";
	int key = -1, n = -1;
	const char *at;

	memcpy(text, rec->value,
	       rec->value_len < sizeof(text) ? rec->value_len
	                                     : sizeof(text) - 1);
	at = strstr(text, "\"patient_id\"");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "\"patient_id\":%d,\"n\":%d", &key, &n), 2);
	ck_assert(n >= 0 && n < MAX_EVENTS);
	seen.total++;
	if (seen.times[n]++)
		return;
	seen.distinct++;
	/* Its first coming is in order. */
	ck_assert_msg(seen.last[key] <= n, "key %d: %d came after %d", key, n,
	              seen.last[key]);
	seen.last[key] = n;
}

/* Read the topic from its beginning until count different events came, and a
 * bit longer. */
static inline void
read_all(int count)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = "rows", .topics = topics, .topic_count = 1};
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	struct psm__source *s = NULL;
	struct psm__record rec;

	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(
	    transport->ops->open_source(transport, &conf, &s, NULL), 0);
	while (seen.distinct < count && psm__mono_ms() < deadline) {
		if (s->ops->poll(s, 200, &rec, NULL) != 1)
			continue;
		see(&rec);
		s->ops->release(s, &rec);
	}
	while (s->ops->poll(s, 100, &rec, NULL) == 1) {
		see(&rec);
		s->ops->release(s, &rec);
	}
	s->ops->close(s, 2000);
	ck_assert_int_eq(seen.distinct, count);
}

/* Every one of 0 .. count-1 once, in order per key. */
static inline void
arrived(int count)
{
	read_all(count);
	for (int n = 0; n < count; n++)
		ck_assert_msg(seen.times[n] == 1, "%d came %d times", n,
		              seen.times[n]);
	rig->close(transport);
}

#endif
