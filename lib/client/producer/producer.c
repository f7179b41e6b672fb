/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/producer/producer_int.h"

#include "event/cloudevent.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the spool, in front of the sender: what a burst leaves there within the
 * time that it takes to send it. */
#define MAPPED_AHEAD ((size_t)32 << 20)

/* -- forks: the child has no sender thread and must not use the files -- */

static unsigned forks;
static pthread_once_t forks_once = PTHREAD_ONCE_INIT;

static void
in_child(void)
{
	forks++;
}

static void
watch_forks(void)
{
	/* It fails only without memory; then the check is missing. */
	(void)pthread_atfork(NULL, NULL, in_child);
}

unsigned
psm__forks(void)
{
	pthread_once(&forks_once, watch_forks);
	return forks;
}

/* Long enough for a reachable broker to take the last events, short enough
 * for the end of a program without one. */
int psm__producer_free_ms = 3000;

void
psm__producer_backed(psm_producer *p)
{
	p->backed = 1;
}

/* -- making -- */

static int
read_settings(struct psm_producer *p, const psm_config *cfg)
{
	static const char *const words[] = {
	    [PSM__DURABLE_DISK] = "disk",
	    [PSM__DURABLE_INTERVAL] = "interval",
	    [PSM__DURABLE_OS] = "os",
	};
	const char *word = psm_config_string(cfg, "PSYMATCH_SPOOL_DURABILITY");
	const char *action;
	size_t i;

	for (i = 0; i < PSM__COUNT(words); i++)
		if (strcmp(words[i], word) == 0)
			p->durability = (int)i;
	p->wire = psm__wire_of(psm_config_string(cfg, "PSYMATCH_WIRE"));
	p->interval_ms = (int)psm_config_int(cfg, "PSYMATCH_SPOOL_INTERVAL_MS");
	p->max_bytes = psm_config_int(cfg, "PSYMATCH_SPOOL_MAX_BYTES");
	p->max_age_us =
	    psm_config_int(cfg, "PSYMATCH_SPOOL_MAX_AGE_SECONDS") * 1000000;
	action = psm_config_string(cfg, "PSYMATCH_SPOOL_AGE_ACTION");
	p->refuse_old = strcmp(action, "refuse") == 0;
	p->low_percent = (int)psm_config_int(cfg, "PSYMATCH_SPOOL_LOW_PERCENT");
	p->high_percent =
	    (int)psm_config_int(cfg, "PSYMATCH_SPOOL_HIGH_PERCENT");
	p->queue_max = (size_t)psm_config_int(cfg, "PSYMATCH_QUEUE_MAX");
	p->event_max = psm_config_int(cfg, "PSYMATCH_EVENT_MAX_BYTES");
	p->key_file =
	    psm__strdup(psm_config_string(cfg, "PSYMATCH_SPOOL_KEY_FILE"));
	if (!p->key_file)
		return PSM_ERR_NOMEM;
	return psm__producer_set_spool_dir(
	    p, psm_config_string(cfg, "PSYMATCH_SPOOL_DIR"),
	    p->transport->ops->ends_with_process);
}

static void
find_metrics(struct psm_producer *p)
{
	p->m_accepted = psm__counter("psymatch_producer_accepted_total", NULL,
	                             NULL, "events accepted by send");
	p->m_sent = psm__counter("psymatch_producer_sent_total", NULL, NULL,
	                         "events acknowledged by the broker");
	p->m_failed = psm__counter("psymatch_producer_failed_total", NULL, NULL,
	                           "events refused by the broker for good");
	p->m_restarts = psm__counter("psymatch_producer_restarts_total", NULL,
	                             NULL, "clients replaced after an error");
	p->m_waiting = psm__gauge("psymatch_producer_waiting", "spool", p->dir,
	                          "events not sent yet");
	p->m_bytes = psm__gauge("psymatch_producer_spool_bytes", "spool",
	                        p->dir, "bytes of the events not sent yet");
	p->m_oldest =
	    psm__gauge("psymatch_producer_oldest_seconds", "spool", p->dir,
	               "how long the oldest event not sent yet waits");
}

int
psm_producer_new(psm_transport *t, const psm_config *cfg, psm_producer **out,
                 psm_error *err)
{
	struct psm_producer *p;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!t || !cfg)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transport and a configuration");
	p = psm__alloc(sizeof(*p));
	if (!p)
		return psm__nomem(err);
	if (psm__cond_init(&p->wakeup) < 0) {
		psm__free(p);
		return psm__nomem(err);
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_mutex_init(&p->receipts_lock, NULL);
	p->transport = psm_transport_ref(t);
	p->forks = psm__forks();
	p->stop_at_ms = INT64_MAX;
	p->random = (uint32_t)psm__mono_us() ^ (uint32_t)getpid() << 16;
	p->random |= 1; /* xorshift never leaves 0 */
	p->err = psm_error_new();
	if (read_settings(p, cfg) < 0 || !p->err) {
		psm_producer_free(p);
		return psm__nomem(err);
	}
	find_metrics(p);
	*out = p;
	return 0;
}

static int
check_process(const struct psm_producer *p, psm_error *err)
{
	if (p->forks == psm__forks())
		return 0;
	return psm__fail(err, PSM_ERR_STATE,
	                 "the producer belongs to the process that forked");
}

int
psm_producer_set_delivery(psm_producer *p, psm_delivery_fn fn, void *user)
{
	if (!p)
		return PSM_ERR_INVAL;
	if (p->forks != psm__forks() || p->state != PSM__PRODUCER_NEW)
		return PSM_ERR_STATE;
	p->fn = fn;
	p->user = user;
	return 0;
}

int
psm_producer_set_watermark(psm_producer *p, psm_watermark_fn fn, void *user)
{
	if (!p)
		return PSM_ERR_INVAL;
	if (p->forks != psm__forks() || p->state != PSM__PRODUCER_NEW)
		return PSM_ERR_STATE;
	p->watermark_fn = fn;
	p->watermark_user = user;
	return 0;
}

static int
open_spool(struct psm_producer *p, struct psm__spool **out, psm_error *err)
{
	struct psm__spool_conf conf = {
	    .dir = p->dir,
	    .key_file = p->key_file,
	    .durability = p->durability,
	    .interval_ms = p->interval_ms,
	    .max_bytes = p->max_bytes,
	    .max_records = p->dir[0] ? 0 : p->queue_max,
	    .refuse_age_us = p->refuse_old ? p->max_age_us : 0,
	    .accept_age_us = p->max_age_us / 100 * p->low_percent,
	    /* Room for events that wait behind one blocked partition. */
	    .window = 2 * p->queue_max,
	    .mapped_ahead = MAPPED_AHEAD,
	    .wake = psm__sender_wake,
	    .user = p,
	};

	int rc = psm__producer_check_spool_dir(p, err);

	if (rc == 0)
		rc = psm__spool_open(&conf, out, err);
	return psm__producer_explain_spool_dir(rc, err);
}

int
psm_producer_start(psm_producer *p, psm_error *err)
{
	struct psm__spool *spool = NULL;
	int rc;

	psm__error_clear(err);
	if (!p)
		return psm__fail(err, PSM_ERR_INVAL, "want a producer");
	rc = check_process(p, err);
	if (rc < 0)
		return rc;
	if (p->state != PSM__PRODUCER_NEW)
		return psm__fail(err, PSM_ERR_STATE, "started before");
	if (p->low_percent > p->high_percent)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_SPOOL_LOW_PERCENT: want at most the "
		                 "%d of PSYMATCH_SPOOL_HIGH_PERCENT, found %d",
		                 p->high_percent, p->low_percent);
	rc = open_spool(p, &spool, err);
	if (rc < 0)
		return rc;
	p->spool = spool;
	p->last_ack_ms = psm__mono_ms();
	rc = psm__thread_start(&p->thread, "psm-producer", psm__sender, p, err);
	if (rc < 0) {
		p->spool = NULL;
		psm__spool_freeze(spool);
		psm__spool_close(spool);
		psm__spool_free(spool);
		return rc;
	}
	pthread_mutex_lock(&p->lock);
	p->state = PSM__PRODUCER_RUNNING;
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* -- sending -- */

static int
choose_topic(const char **topic, const psm_event *ev, psm_error *err)
{
	const char *usual = psm__event_home(ev);

	if (!*topic) {
		*topic = usual;
		if (!usual)
			return psm__fail(err, PSM_ERR_UNKNOWN_TYPE,
			                 "event type \"%s\" is not in the "
			                 "catalogue, so it needs a topic",
			                 psm_event_type(ev));
	} else if ((!usual || strcmp(*topic, usual) != 0) &&
	           !psm__is_topic(*topic)) {
		return psm__fail(err, PSM_ERR_INVAL,
		                 "topic: want " PSM__WANT_TOPIC);
	}
	return 0;
}

/* A longer text is allocated. */
#define USUAL_ROOM 4096

static int
append_text(struct psm_producer *p, struct psm__spool_entry *e, psm_error *err)
{
	if (e->value_len > (uint64_t)p->event_max)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "event: want at most %lld bytes, found %zu",
		                 (long long)p->event_max, e->value_len);
	return psm__spool_append(p->spool, e, err);
}

static int
append_cloudevent(struct psm_producer *p, struct psm__spool_entry *e,
                  const psm_event *ev, psm_error *err)
{
	struct psm__cloudevent_record record;
	int rc = psm__cloudevent_write(ev, p->wire, &record);

	e->value = record.value;
	e->value_len = record.value_len;
	e->headers = record.headers;
	e->header_count = record.header_count;
	rc = rc < 0 ? psm__nomem(err) : append_text(p, e, err);
	psm__cloudevent_record_free(&record);
	return rc;
}

/* value: the event as an envelope; NULL: it is encoded. */
static int
append(struct psm_producer *p, const char *topic, const psm_event *ev,
       const char *value, psm_error *err)
{
	struct psm__header headers[PSM__EVENT_HEADERS];
	struct psm__spool_entry e = {
	    .topic = topic,
	    .key = psm_event_key(ev),
	    .id = psm_event_id(ev),
	    .headers = headers,
	    .header_count = psm__event_headers(ev, headers),
	};
	char usual[USUAL_ROOM], *text = usual;
	size_t room;
	int rc;

	e.key_len = e.key ? strlen(e.key) : 0;
	if (p->wire >= PSM_WIRE_CLOUDEVENTS)
		return append_cloudevent(p, &e, ev, err);
	if (value)
		e.value_len = strlen(value);
	else
		value = psm__event_text(ev, p->wire, &e.value_len);
	if (value) {
		e.value = value;
		return append_text(p, &e, err);
	}
	room = psm__event_room(ev);
	if (room > sizeof usual)
		text = psm__realloc(NULL, room);
	if (!text || room == 0)
		return psm__nomem(err);
	e.value = text;
	e.value_len = psm__event_write(ev, p->wire, text);
	rc = append_text(p, &e, err);
	if (text != usual)
		psm__free(text);
	return rc;
}

int
psm_producer_send(psm_producer *p, const char *topic, const psm_event *ev,
                  psm_error *err)
{
	return psm__producer_send_as(p, topic, ev, NULL, err);
}

int
psm__producer_send_as(psm_producer *p, const char *topic, const psm_event *ev,
                      const char *value, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!p || !ev)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a producer and an event");
	rc = check_process(p, err);
	if (rc < 0)
		return rc;
	if (!p->spool)
		return psm__fail(err, PSM_ERR_STATE, "not started");
	if (psm__effects_barred(1))
		return psm__fail(err, PSM_ERR_STATE,
		                 "a handler of a replay sends no events");
	rc = choose_topic(&topic, ev, err);
	if (rc == 0)
		rc = append(p, topic, ev, value, err);
	if (rc < 0)
		return rc;
	__atomic_add_fetch(&p->accepted, 1, __ATOMIC_RELAXED);
	psm__metric_add(p->m_accepted, 1);
	return 0;
}

int
psm_producer_send_receipt(psm_producer *p, const char *topic,
                          const psm_event *ev, psm_receipt **out,
                          psm_error *err)
{
	struct psm_receipt *r;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!p || !ev)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a producer and an event");
	rc = check_process(p, err);
	if (rc < 0)
		return rc;
	r = psm__receipt_new(p, psm_event_id(ev));
	if (!r)
		return psm__nomem(err);
	rc = psm_producer_send(p, topic, ev, err);
	if (rc < 0) {
		psm__receipt_drop(p, r);
		return rc;
	}
	*out = r;
	return 0;
}

/* -- the end -- */

/* What flush and close want. */
static int
begin_to_end(psm_producer *p, int timeout_ms, size_t *left, psm_error *err)
{
	psm__error_clear(err);
	if (left)
		*left = 0;
	if (!p || timeout_ms < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a producer and a timeout from 0 on");
	return check_process(p, err);
}

int
psm_producer_flush(psm_producer *p, int timeout_ms, size_t *left,
                   psm_error *err)
{
	uint64_t waiting;
	int rc;

	rc = begin_to_end(p, timeout_ms, left, err);
	if (rc < 0)
		return rc;
	if (!p->spool)
		return psm__fail(err, PSM_ERR_STATE, "not started");
	if (psm__sender_is_me(p))
		return psm__fail(err, PSM_ERR_STATE,
		                 "not from the delivery callback");
	waiting = psm__spool_drain(p->spool, timeout_ms);
	if (left)
		*left = (size_t)waiting;
	if (waiting > 0)
		return psm__fail(err, PSM_ERR_TIMEOUT,
		                 "%llu events were not sent in %d ms",
		                 (unsigned long long)waiting, timeout_ms);
	return 0;
}

/* 1: closing was begun by this call. 0: there is nothing to do. */
static int
begin_close(struct psm_producer *p, psm_error *err)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	switch (p->state) {
	case PSM__PRODUCER_NEW:
		p->state = PSM__PRODUCER_CLOSED;
		break;
	case PSM__PRODUCER_RUNNING:
		p->state = PSM__PRODUCER_CLOSING;
		rc = 1;
		break;
	case PSM__PRODUCER_CLOSING:
		rc = psm__fail(err, PSM_ERR_STATE, "another thread closes it");
		break;
	default:
		break;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* Logged once, by the thread that closes. */
static void
say_left(const struct psm_producer *p)
{
	char count[32];

	(void)snprintf(count, sizeof(count), "%zu",
	               p->given_up ? p->given_up : p->left);
	if (p->given_up && !p->backed)
		psm__log(PSM_LOG_WARN,
		         "events were given up: not sent before the producer "
		         "was closed, and kept in memory only",
		         "count", count, NULL);
	else if (p->left && !p->given_up)
		psm__log(PSM_LOG_INFO,
		         "events stay in the spool for the next start",
		         "directory", p->dir, "count", count, NULL);
}

/* The sender is told after the intake was shut, so it sees all accepted
 * events. */
static void
end_close(struct psm_producer *p, int timeout_ms)
{
	psm__spool_shut(p->spool);
	pthread_mutex_lock(&p->lock);
	p->stop_at_ms = psm__mono_ms() + timeout_ms;
	pthread_mutex_unlock(&p->lock);
	psm__sender_wake(p);
	pthread_join(p->thread, NULL);
	p->unsynced = psm__spool_close(p->spool) < 0;
	pthread_mutex_lock(&p->lock);
	p->state = PSM__PRODUCER_CLOSED;
	pthread_mutex_unlock(&p->lock);
	say_left(p);
}

/* The result of the close, the same for each call. */
static int
closed(const struct psm_producer *p, psm_error *err)
{
	if (p->given_up > 0)
		return psm__fail(err, PSM_ERR_TIMEOUT,
		                 "%zu event%s given up: not sent in time, and "
		                 "no spool keeps %s",
		                 p->given_up, p->given_up == 1 ? "" : "s",
		                 p->given_up == 1 ? "it" : "them");
	if (p->unsynced && p->left > 0)
		return psm__fail(err, PSM_ERR_IO,
		                 "%zu event%s in the spool, whose last sync to "
		                 "the disk failed",
		                 p->left, p->left == 1 ? " stays" : "s stay");
	return 0;
}

int
psm_producer_close(psm_producer *p, int timeout_ms, size_t *left,
                   psm_error *err)
{
	int rc;

	rc = begin_to_end(p, timeout_ms, left, err);
	if (rc < 0)
		return rc;
	if (psm__sender_is_me(p))
		return psm__fail(err, PSM_ERR_STATE,
		                 "not from the delivery callback");
	rc = begin_close(p, err);
	if (rc < 0)
		return rc;
	if (rc == 1)
		end_close(p, timeout_ms);
	if (left)
		*left = p->left;
	return closed(p, err);
}

void
psm_producer_free(psm_producer *p)
{
	/* In a child of fork, everything belongs to the parent. */
	if (!p || p->forks != psm__forks())
		return;
	/* Events that are left were reported to the callback and the log. */
	if (p->spool && psm_producer_close(p, psm__producer_free_ms, NULL,
	                                   NULL) == PSM_ERR_STATE)
		return;
	psm__spool_free(p->spool);
	psm__send_windows_free(p);
	psm_transport_unref(p->transport);
	pthread_cond_destroy(&p->wakeup);
	pthread_mutex_destroy(&p->lock);
	pthread_mutex_destroy(&p->receipts_lock);
	psm_error_free(p->err);
	psm__free(p->dir);
	psm__free(p->key_file);
	psm__free(p);
}
