/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <pthread.h>

psm_store *st;
psm_transport *t;
psm_config *cfg;
psm_error *err;
psm_relay *r;

#define WAIT_MS 60000 /* for a broker */

void
outbox_setup(void)
{
	pg_database();
	st = pg_store();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_int_eq(psm_transport_memory(3, &t, err), 0);
	pg_run("CREATE TABLE entity (key integer PRIMARY KEY, n integer)");
	pg_run("INSERT INTO entity SELECT k, 0 FROM generate_series(1, %d) k",
	       OUTBOX_KEYS);
}

void
outbox_teardown(void)
{
	psm_relay_free(r);
	psm_store_free(st);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
}

void
outbox_start(void)
{
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
}

void
outbox_wait_empty(void)
{
	ck_assert_int_eq(
	    pg_wait(0, 60000, "SELECT count(*) FROM psymatch.outbox"), 0);
}

/* -- writing */

psm_event *
outbox_event(int key, int n)
{
	char payload[64];
	psm_event *ev;

	(void)snprintf(payload, sizeof payload,
	               "{ \"email_id\": %d, \"n\": %d }", key, n);
	ck_assert_int_eq(psm_event_new("communication.send_email", "test",
	                               payload, strlen(payload), &ev, NULL),
	                 0);
	return ev;
}

int
outbox_emit(psm_tx *tx, int key, int n)
{
	psm_event *ev = outbox_event(key, n);
	int rc = psm_tx_emit(tx, ev, NULL);

	psm_event_free(ev);
	return rc;
}

/* One use case: lock the entity, change it, let it be known. */
int
outbox_change(psm_store *store, int key, psm_error *e)
{
	char text[16];
	const char *params[] = {text};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc, n;

	(void)snprintf(text, sizeof text, "%d", key);
	rc = psm_tx_begin(store, &tx, e);
	if (rc < 0)
		return rc;
	rc = psm_tx_exec(tx,
	                 "UPDATE entity SET n = n + 1 WHERE key = $1::integer "
	                 "RETURNING n",
	                 1, params, &rows, e);
	n = (int)psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	if (rc == 0)
		rc = outbox_emit(tx, key, n);
	if (rc == 0)
		return psm_tx_commit(tx, e);
	psm_tx_rollback(tx);
	return rc;
}

struct writer {
	psm_store *st;
	unsigned seed;
	int count, failed;
};

static void *
write_many(void *arg)
{
	struct writer *w = arg;
	int i;

	for (i = 0; i < w->count; i++)
		if (outbox_change(w->st,
		                  (int)(rand_r(&w->seed) % OUTBOX_KEYS) + 1,
		                  NULL) < 0)
			w->failed++;
	return NULL;
}

/* Returns how many commits succeeded. */
int
outbox_write(int each, void (*meanwhile)(void))
{
	struct writer w[OUTBOX_WRITERS];
	pthread_t threads[OUTBOX_WRITERS];
	int i, done = OUTBOX_WRITERS * each;

	for (i = 0; i < OUTBOX_WRITERS; i++) {
		w[i] = (struct writer){st, (unsigned)i + 1, each, 0};
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_many, &w[i]), 0);
	}
	if (meanwhile)
		meanwhile();
	for (i = 0; i < OUTBOX_WRITERS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		done -= w[i].failed;
	}
	return done;
}

/* -- reading what arrived */

static void
note(struct arrived *a, const psm_event *ev, int *highest, char *seen)
{
	int64_t key = 0, n = 0;

	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/email_id"),
	                     &key, NULL),
	    0);
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/n"), &n,
	                     NULL),
	    0);
	ck_assert(key >= 1 && key <= OUTBOX_KEYS && n >= 1 && n < 10000);
	if (seen[key * 10000 + n]++) {
		a->doubles++;
		return;
	}
	a->events++;
	a->inversions += n < highest[key];
	a->gaps += n > highest[key] + 1;
	highest[key] = n > highest[key] ? (int)n : highest[key];
}

struct arrived
outbox_read(void)
{
	static char seen[(OUTBOX_KEYS + 1) * 10000];
	int highest[OUTBOX_KEYS + 1] = {0};
	struct psm__reader_conf conf = {.topic = OUTBOX_TOPIC,
	                                .partition = -1,
	                                .to = INT64_MAX,
	                                .to_ms = INT64_MAX};
	struct psm__reader *s;
	struct psm__record rec;
	struct arrived a = {0};
	int rc;

	memset(seen, 0, sizeof seen);
	ck_assert_msg(t->ops->open_reader(t, &conf, WAIT_MS, &s, err) == 0,
	              "%s", psm_error_message(err));
	while ((rc = s->ops->next(s, WAIT_MS, &rec, err)) == 1) {
		psm_event *ev = NULL;

		ck_assert_int_eq(
		    psm_event_parse(rec.value, rec.value_len, &ev, err), 0);
		ck_assert_uint_eq(strlen(psm_event_key(ev)), rec.key_len);
		ck_assert_int_eq(
		    memcmp(psm_event_key(ev), rec.key, rec.key_len), 0);
		note(&a, ev, highest, seen);
		psm_event_free(ev);
		s->ops->release(s, &rec);
	}
	ck_assert_int_eq(rc, PSM__READER_END);
	s->ops->close(s);
	return a;
}
