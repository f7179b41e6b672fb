/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/relay.h>

#include "client/producer/producer.h"
#include "flow/relay/seen.h"
#include "flow/tables.h"
#include "flow/window.h"
#include "flow/worker.h"
#include "store/delivery.h"

#include <psymatch/producer.h>
#include <stdio.h>
#include <string.h>

/* How often the outbox is looked at without a wake-up. A wake-up can be lost,
 * and a pooler may have none. */
#define POLL_MS 1000
/* After rows were found: again so soon, then later and later. Within this time
 * a process that commits more does not send another notification. */
#define LOOK_FIRST_MS PSM__NOTIFY_MS
/* After a failure: full jitter up to this. */
#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 3000
/* Acknowledgements come in bursts: wait this long for the rest of one. */
#define BURST_MS 5
/* Freed without a stop: so long for the acknowledgements under way. Without
 * any, what the broker has would be sent again by the next relay. */
#define FREE_MS 3000
/* Upkeep of the tables, by the one that leads; after a failure, and while there
 * is more to do. */
#define UPKEEP_MS (3600 * 1000)
#define UPKEEP_AGAIN_MS 60000
#define UPKEEP_MORE_MS 1000

struct psm_relay {
	psm_store *st;
	psm_transport *t;
	psm_config *cfg;
	struct psm__worker worker;
	struct psm__window window;

	/* The thread's own. */
	struct psm__conn *conn;
	int leading;
	int deaf;               /* the connection hears nothing any more */
	psm_producer *producer; /* while leading; changed under lock */
	psm_error *err;
	unsigned failures;
	int64_t measured_at_ms;
	int64_t found_at_ms;            /* rows were found or announced */
	int64_t upkeep_at_ms;           /* not before */
	struct psm__outbox_floor floor; /* while leading */

	pthread_mutex_t lock; /* taken before the producer's locks */
	struct psm__relay_seen seen;
};

/* -- life */

static int
copy_config(psm_relay *r, const psm_config *cfg, psm_error *err)
{
	int rc = psm__config_copy(cfg, &r->cfg, err);

	/* The row is the durable copy: the producer needs no spool. */
	if (rc == 0)
		rc = psm_config_set(r->cfg, "PSYMATCH_SPOOL_DIR", "none", err);
	return rc;
}

int
psm_relay_new(psm_store *st, psm_transport *t, const psm_config *cfg,
              psm_relay **out, psm_error *err)
{
	psm_relay *r;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!st || !t || !cfg)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store, a transport and settings");
	r = psm__alloc(sizeof *r);
	if (!r)
		return psm__nomem(err);
	(void)pthread_mutex_init(&r->lock, NULL);
	rc = psm__worker_init(&r->worker, err);
	if (rc < 0) {
		(void)pthread_mutex_destroy(&r->lock);
		psm__free(r);
		return rc;
	}
	rc = psm__window_init(&r->window, err);
	if (rc < 0) {
		psm__worker_destroy(&r->worker);
		(void)pthread_mutex_destroy(&r->lock);
		psm__free(r);
		return rc;
	}
	r->st = st;
	r->t = psm_transport_ref(t);
	r->found_at_ms = psm__mono_ms();
	psm__relay_seen_init(
	    &r->seen, psm_config_int(cfg, "PSYMATCH_LONG_TX_SECONDS") * 1000);
	r->err = psm_error_new();
	rc = r->err ? copy_config(r, cfg, err) : psm__nomem(err);
	if (rc == 0)
		rc = psm__worker_pollable(&r->worker, err);
	if (rc < 0)
		psm_relay_free(r);
	else
		*out = r;
	return rc;
}

void
psm_relay_free(psm_relay *r)
{
	if (!r)
		return;
	if (psm_relay_stop(r, FREE_MS, NULL) < 0)
		(void)psm__worker_stop(&r->worker, -1, NULL, NULL);
	psm_transport_unref(r->t);
	psm_config_free(r->cfg);
	psm_error_free(r->err);
	psm__window_destroy(&r->window);
	psm__worker_destroy(&r->worker);
	psm__relay_seen_destroy(&r->seen);
	(void)pthread_mutex_destroy(&r->lock);
	psm__free(r);
}

/* -- measuring. @thread relay */

static int
measure(psm_relay *r)
{
	int64_t waiting = 0, oldest_ms = 0, tx_ms = 0;
	int rc;

	if (psm__mono_ms() < r->measured_at_ms + POLL_MS)
		return 0;
	rc = psm__outbox_measure(r->conn, r->floor.id, &waiting, &oldest_ms,
	                         r->err);
	if (rc == 0)
		rc = psm__outbox_oldest_tx(r->conn, &tx_ms, r->err);
	if (rc == 0 && r->leading)
		rc = psm__outbox_floor_step(&r->floor, r->conn, r->err);
	if (rc < 0)
		return rc;
	r->measured_at_ms = psm__mono_ms();
	psm__relay_seen_tx(&r->seen, tx_ms);
	psm__relay_seen_outbox(&r->seen, waiting, oldest_ms);
	return 0;
}

/* -- the producer. @thread relay */

/* @thread producer */
static void
on_delivery(const char *event_id, int rc, const char *reason, void *user)
{
	psm_relay *r = user;

	if (psm__window_report(&r->window, event_id, rc, reason))
		psm__worker_wake(&r->worker);
}

static int
open_producer(psm_relay *r)
{
	psm_producer *p = NULL;
	int rc = psm_producer_new(r->t, r->cfg, &p, r->err);

	if (rc == 0)
		rc = psm_producer_set_delivery(p, on_delivery, r);
	if (rc == 0)
		psm__producer_backed(p);
	if (rc == 0)
		rc = psm_producer_start(p, r->err);
	if (rc < 0) {
		psm_producer_free(p);
		return rc;
	}
	(void)pthread_mutex_lock(&r->lock);
	r->producer = p;
	(void)pthread_mutex_unlock(&r->lock);
	return 0;
}

/* What it had is forgotten, not lost: the rows are still there. */
static void
close_producer(psm_relay *r)
{
	psm_producer *p;

	(void)pthread_mutex_lock(&r->lock);
	p = r->producer;
	r->producer = NULL;
	(void)pthread_mutex_unlock(&r->lock);
	if (p && psm_producer_close(p, 0, NULL, NULL) < 0)
		psm__log(PSM_LOG_DEBUG,
		         "outbox: events under way will be sent again", NULL);
	psm_producer_free(p);
	psm__window_clear(&r->window);
}

/* -- leading. @thread relay */

static void
disconnect(psm_relay *r)
{
	if (r->leading)
		psm__relay_seen_leader(&r->seen, 0);
	r->leading = 0;
	close_producer(r);
	psm__outbox_floor_free(&r->floor);
	psm__conn_close(r->conn);
	r->conn = NULL;
}

/* 0: leading. 1: another process does. */
static int
lead(psm_relay *r)
{
	int rc = 0;

	if (!r->conn) {
		rc = psm__store_connect(r->st, "relay", &r->conn, r->err);
		/* A standby lets itself be read: all of it would be sent, and
		 * again and again. */
		if (rc == 0)
			rc = psm__conn_writable(r->conn, r->err);
	}
	if (rc < 0)
		return rc;
	psm__conn_limits(r->conn, 0, &r->worker.cancel);
	rc = psm__outbox_lead(r->conn, &r->leading, r->err);
	if (rc < 0)
		return rc;
	if (!r->leading)
		return 1;
	/* Before the first look, so that no commit falls between. */
	rc = psm__conn_listen(r->conn, PSM__OUTBOX_CHANNEL, r->err);
	if (rc == 0)
		rc = psm__sequences_follow(r->conn, r->err);
	if (rc == 0)
		rc = open_producer(r);
	if (rc == 0)
		psm__relay_seen_leader(&r->seen, 1);
	return rc;
}

/* Rows that can never be sent go to the dead letters. */
static int
write_dead_letters(psm_relay *r)
{
	struct psm__flight f;
	char id[40];
	int rc;

	while (psm__window_dead(&r->window, &f)) {
		rc = psm__outbox_dead_letter(r->conn, f.id, f.code, f.reason,
		                             r->err);
		if (rc < 0)
			return rc;
		psm__window_done(&r->window, &f.id, 1);
		(void)snprintf(id, sizeof id, "%s", f.event_id);
		psm__log(PSM_LOG_ERROR, "outbox: event cannot be sent",
		         "event_id", id, "reason", f.reason, NULL);
	}
	return 0;
}

/* 0: the producer has it, or it is dead. PSM_ERR_FULL: not now. */
static int
send_row(psm_relay *r, const struct psm__outbox_row *row)
{
	psm_event *ev = NULL;
	int rc;

	psm__window_add(&r->window, row->id, row->parts.id);
	psm__error_clear(r->err);
	rc = row->envelope ? psm_event_parse(row->envelope,
	                                     strlen(row->envelope), &ev, r->err)
	                   : psm__event_from_parts(&row->parts, &ev, r->err);
	if (rc == 0)
		rc = psm__event_read_headers(ev, row->headers,
		                             row->header_count);
	if (rc >= 0)
		rc = psm__producer_send_as(r->producer, row->topic, ev,
		                           row->envelope, r->err);
	psm_event_free(ev);
	if (rc == 0)
		return 0;
	if (rc == PSM_ERR_FULL || rc == PSM_ERR_NOMEM || rc == PSM_ERR_STATE) {
		psm__window_refused(&r->window, row->id, 0, NULL);
		return rc;
	}
	psm__window_refused(&r->window, row->id, rc, psm_error_message(r->err));
	psm__error_clear(r->err);
	return 0;
}

/* In order; the first that is not taken ends it, or a key would be reordered.
 */
static int
send_rows(psm_relay *r, const psm_rows *rows)
{
	struct psm__outbox_row row;
	size_t i;
	int rc = 0;

	for (i = 0; i < psm_rows_count(rows) && rc == 0; i++) {
		psm__outbox_row(rows, i, &row);
		rc = send_row(r, &row);
	}
	return rc;
}

/* Delete what was acknowledged and, if more, read and send what is there.
 * *full 1: there was more than could be taken. */
static int
turn(psm_relay *r, int more, int *full)
{
	int64_t done[PSM__WINDOW], busy[PSM__WINDOW];
	struct psm__outbox_query q = {
	    .done = done, .in_flight = busy, .floor = r->floor.id};
	psm_rows *rows = NULL;
	int rc;

	*full = 0;
	rc = write_dead_letters(r);
	if (rc < 0)
		return rc;
	psm__window_split(&r->window, done, &q.done_count, busy,
	                  &q.in_flight_count);
	if (more)
		q.limit = PSM__WINDOW - q.in_flight_count;
	rc = psm__outbox_read(r->conn, &q, &rows, r->err);
	if (rc < 0)
		return rc;
	psm__window_done(&r->window, done, q.done_count);
	psm__relay_seen_sent(&r->seen, q.done_count);
	if (psm_rows_count(rows) > 0)
		r->found_at_ms = psm__mono_ms();
	if (q.done_count > 0 || psm_rows_count(rows) == 0)
		r->failures = 0; /* it goes forward, or has nothing to do */
	rc = send_rows(r, rows);
	*full = q.limit > 0 && psm_rows_count(rows) == q.limit;
	psm_rows_free(rows);
	return rc;
}

/* A failure here is not one of the outbox; what broke the connection shows at
 * the next statement. */
static void
upkeep(psm_relay *r)
{
	int64_t now_ms = psm__mono_ms();
	int more = 0, rc;

	if (now_ms < r->upkeep_at_ms)
		return;
	rc = psm__upkeep(r->st, r->conn, &more, r->err);
	if (rc < 0)
		psm__log(PSM_LOG_WARN, "inbox: upkeep failed", "reason",
		         psm_error_message(r->err), NULL);
	psm__error_clear(r->err);
	r->upkeep_at_ms = now_ms + (rc < 0 ? UPKEEP_AGAIN_MS
	                            : more ? UPKEEP_MORE_MS
	                                   : UPKEEP_MS);
}

/* -- the thread */

/* The order of a key is the producer's promise; when it gave up an event, all
 * behind it have to be sent again by a new one. */
static int
renew_producer(psm_relay *r)
{
	int full;
	int rc = turn(r, 0, &full);

	if (rc < 0)
		return rc;
	close_producer(r);
	return open_producer(r);
}

/* 5, 10, 20, .. ms after the last rows, at last once a second. */
static int
next_look_ms(const psm_relay *r)
{
	int64_t since_ms = psm__mono_ms() - r->found_at_ms;

	return since_ms < LOOK_FIRST_MS ? LOOK_FIRST_MS
	       : since_ms < POLL_MS     ? (int)since_ms
	                                : POLL_MS;
}

/* One turn of a leader; *wait_ms until the next one. */
static int
publish(psm_relay *r, int *wait_ms)
{
	int full = 0, rc;

	if (psm__window_failed(&r->window)) {
		*wait_ms =
		    psm__backoff_ms(r->failures++, RETRY_BASE_MS, RETRY_CAP_MS);
		static const char text[] =
		    "the producer gave up, trying a new one";

		psm__relay_seen_problem(&r->seen, text, text);
		return renew_producer(r);
	}
	rc = turn(r, 1, &full);
	if (rc == PSM_ERR_FULL || rc == PSM_ERR_NOMEM) {
		*wait_ms = RETRY_BASE_MS;
		return 0;
	}
	if (rc < 0)
		return rc;
	rc = measure(r);
	if (rc == 0)
		upkeep(r);
	psm__relay_seen_problem(&r->seen, "", "");
	*wait_ms = full && psm__window_outstanding(&r->window) < PSM__WINDOW / 2
	               ? 0
	               : next_look_ms(r);
	return rc;
}

static int
step(psm_relay *r, int *wait_ms)
{
	int rc;

	*wait_ms = POLL_MS;
	psm__error_clear(r->err);
	if (r->leading)
		return publish(r, wait_ms);
	rc = lead(r);
	if (rc == 0)
		*wait_ms = 0;
	if (rc == 1)
		rc = measure(r);
	if (rc == 0)
		psm__relay_seen_problem(&r->seen, "", "");
	return rc;
}

/* 1: another process announced rows. */
static int
hear(psm_relay *r)
{
	int count = r->leading ? psm__conn_heard(r->conn) : 0;

	if (count < 0) {
		r->deaf = 1; /* the next statement tells why */
		return 0;
	}
	r->deaf = 0;
	if (count == 0)
		return 0;
	r->found_at_ms = psm__mono_ms();
	psm__relay_seen_wakeups(&r->seen, count);
	return 1;
}

/* For a report, a commit of this process or a notification of another one. */
static void
wait_for_work(psm_relay *r, int wait_ms)
{
	int woken;

	if (wait_ms <= 0 || hear(r))
		return;
	woken = psm__worker_wait_on(
	    &r->worker, r->leading && !r->deaf ? psm__conn_socket(r->conn) : -1,
	    wait_ms);
	(void)hear(r);
	/* Woken by the first report of a burst: the rest is near. */
	if (woken == 1 && psm__window_outstanding(&r->window) > 0)
		(void)psm__worker_wait_on(&r->worker, -1, BURST_MS);
}

/* Give what is under way a chance to be acknowledged. */
static void
drain(psm_relay *r)
{
	int full, left;

	if (!r->leading)
		return;
	/* The last quarter is for the deletion. */
	left = psm__worker_left_ms(&r->worker);
	psm__window_wait(&r->window, left - left / 4);
	(void)turn(r, 0, &full); /* else they are sent twice */
}

/* @thread relay */
static void
run(void *arg)
{
	psm_relay *r = arg;
	int wait_ms, rc;

	psm__tables_await(r->st, &r->worker, "outbox");
	while (!psm__worker_stopping(&r->worker)) {
		rc = step(r, &wait_ms);
		if (rc < 0) {
			psm__relay_seen_problem(&r->seen,
			                        psm_error_message(r->err),
			                        psm_error_public(r->err));
			disconnect(r);
			wait_ms = psm__backoff_ms(r->failures++, RETRY_BASE_MS,
			                          RETRY_CAP_MS);
		}
		wait_for_work(r, wait_ms);
	}
	drain(r);
	disconnect(r);
}

/* @thread any */
static int
wake(void *arg)
{
	psm_relay *r = arg;

	/* The leader of another process has to be told by other means. */
	if (!psm__relay_seen_leads(&r->seen))
		return 0;
	psm__worker_wake(&r->worker);
	return 1;
}

int
psm_relay_start(psm_relay *r, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!r)
		return psm__fail(err, PSM_ERR_INVAL, "r: want a relay");
	rc = psm__worker_start(&r->worker, "psm-relay", run, r, err);
	if (rc == 0)
		psm__store_on_outbox(r->st, wake, r);
	return rc;
}

int
psm_relay_stop(psm_relay *r, int timeout_ms, psm_error *err)
{
	psm__error_clear(err);
	if (!r || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a relay and a time from 0");
	if (psm__worker_running(&r->worker))
		psm__store_on_outbox(r->st, NULL, NULL);
	return psm__worker_stop(&r->worker, timeout_ms, NULL, err);
}

int64_t
psm_relay_stat(psm_relay *r, const char *name)
{
	return r && name ? psm__relay_seen_stat(&r->seen, name) : -1;
}

int
psm_relay_health(psm_relay *r, char *reason, size_t size)
{
	char why[200] = "", none[1];

	if (!reason || size == 0) {
		reason = none;
		size = sizeof none;
	}
	if (!r || !psm__worker_running(&r->worker)) {
		(void)snprintf(reason, size, "outbox: the relay does not run");
		return PSM_HEALTH_RED;
	}
	(void)pthread_mutex_lock(&r->lock);
	if (r->producer)
		(void)psm_producer_health(r->producer, why, sizeof why);
	(void)pthread_mutex_unlock(&r->lock);
	return psm__relay_seen_health(&r->seen, why, reason, size);
}
