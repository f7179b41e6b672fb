/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading from Kafka as a member of a group: the poll loop, open and close. */
#include <pthread.h>

#include "transport/kafka/source.h"

/* librdkafka wants to be asked within max.poll.interval.ms; a rebalance raises
 * the flag at once, so this is only the heartbeat of an idle group. */
#define SERVE_MS 500
/* Until a broker is asked whether there is nothing to read. */
#define QUIET_MS 10000
/* A client ends within a second, on a busy machine some. */
#define FAREWELL_MS 10000

static struct psm__kafka_source *
source_of(struct psm__source *s)
{
	return (struct psm__kafka_source *)s;
}

void
psm__kafka_raise(rd_kafka_t *rk, void *opaque)
{
	struct psm__kafka_source *s = opaque;

	(void)rk;
	pthread_mutex_lock(&s->wait_lock);
	s->raised = 1;
	pthread_cond_signal(&s->wait_cond);
	pthread_mutex_unlock(&s->wait_lock);
}

static void
raise_group(rd_kafka_t *rk, void *opaque)
{
	struct psm__kafka_source *s = opaque;

	__atomic_store_n(&s->group_ready, 1, __ATOMIC_RELEASE);
	psm__kafka_raise(rk, s);
}

/* Threads of librdkafka wait until a time of the system's clock: when it was
 * set back, they may do nothing for as long. */
static int
check_clock(struct psm__kafka_source *s, psm_error *err)
{
	if (psm__clock_set_back(&s->clock))
		s->set_back = 1;
	if (!s->set_back)
		return 0;
	psm__fail(err, PSM_ERR_BROKER, "the system's clock was set back");
	psm__error_flags(err, 1, 1);
	return PSM_ERR_BROKER;
}

/* Rebalances, errors, statistics: 0, or an error. Every record comes by the
 * other queue. */
static int
serve_group(struct psm__kafka_source *s, int64_t now, psm_error *err)
{
	rd_kafka_message_t *m;
	int rc;

	if (now < s->serve_at_ms &&
	    !__atomic_load_n(&s->group_ready, __ATOMIC_RELAXED))
		return 0;
	(void)__atomic_exchange_n(&s->group_ready, 0, __ATOMIC_ACQ_REL);
	s->serve_at_ms = now + SERVE_MS;
	rc = check_clock(s, err);
	if (rc < 0)
		return rc;
	psm__kafka_drain_commits(s);
	psm__kafka_ask_ends(s, now);
	m = rd_kafka_consumer_poll(s->rk, 0);
	if (!m)
		return 0;
	/* There may be more behind it. */
	__atomic_store_n(&s->group_ready, 1, __ATOMIC_RELEASE);
	if (m->err)
		rc = psm__fail(err, PSM_ERR_BROKER, "%s: %s",
		               rd_kafka_err2name(m->err),
		               rd_kafka_message_errstr(m));
	rd_kafka_message_destroy(m);
	return rc;
}

/* 0: woken by wake(). */
static int
wait_for_more(struct psm__kafka_source *s, int64_t until_ms)
{
	int go_on;

	pthread_mutex_lock(&s->wait_lock);
	while (!s->raised && !s->woken) {
		int64_t left = until_ms - psm__mono_ms();
		struct timespec at;

		if (left <= 0)
			break;
		psm__deadline(&at, (int)left);
		pthread_cond_timedwait(&s->wait_cond, &s->wait_lock, &at);
	}
	go_on = !s->woken;
	s->raised = 0;
	s->woken = 0;
	pthread_mutex_unlock(&s->wait_lock);
	return go_on;
}

static int
check_alive(struct psm__kafka_source *s, psm_error *err)
{
	char text[256] = "";
	rd_kafka_resp_err_t e;

	e = rd_kafka_fatal_error(s->rk, text, sizeof(text));
	if (!e)
		return 0;
	psm__fail(err, PSM_ERR_BROKER, "the client is dead: %s: %s",
	          rd_kafka_err2name(e), text);
	psm__error_flags(err, 0, 1);
	return PSM_ERR_BROKER;
}

static int
source_poll(struct psm__source *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct psm__kafka_source *s = source_of(base);
	int64_t now = psm__mono_ms(), deadline = now + timeout_ms;

	for (;; now = psm__mono_ms()) {
		int64_t due = deadline;
		int rc = serve_group(s, now, err);

		if (rc == 0)
			rc = psm__kafka_next(s, now, rec, &due, err);
		if (rc)
			return rc;
		if (s->serve_at_ms < due)
			due = s->serve_at_ms;
		if (!wait_for_more(s, due))
			return 0;
		if (psm__mono_ms() >= deadline)
			return check_alive(s, err);
	}
}

static int
source_serve(struct psm__source *base, psm_error *err)
{
	struct psm__kafka_source *s = source_of(base);
	int rc = serve_group(s, psm__mono_ms(), err);

	return rc ? rc : check_alive(s, err);
}

static void
source_release(struct psm__source *base, struct psm__record *rec)
{
	(void)base;
	psm__kafka_release(rec);
}

static int
source_connected(struct psm__source *base)
{
	return psm__kafka_connected(&source_of(base)->link);
}

static void
source_trouble(struct psm__source *base, char *text, size_t size)
{
	psm__kafka_trouble(&source_of(base)->link, text, size);
}

static void
source_wake(struct psm__source *base)
{
	struct psm__kafka_source *s = source_of(base);

	pthread_mutex_lock(&s->wait_lock);
	s->woken = 1;
	pthread_cond_signal(&s->wait_cond);
	pthread_mutex_unlock(&s->wait_lock);
}

/* All but the client, which is gone. */
static void
source_end(struct psm__kafka_source *s)
{
	psm__kafka_waker_destroy(&s->waker);
	psm__free(s->group);
	pthread_cond_destroy(&s->wait_cond);
	pthread_mutex_destroy(&s->wait_lock);
	pthread_mutex_destroy(&s->parts_lock);
	psm__kafka_link_destroy(&s->link);
	psm__free(s);
}

/* What refers to the client has to go before it. */
static void
let_go(struct psm__kafka_source *s)
{
	psm__kafka_drop_parts(s);
	psm__free(s->parts);
	if (s->records) {
		rd_kafka_queue_cb_event_enable(s->records, NULL, NULL);
		rd_kafka_queue_destroy(s->records);
	}
	if (s->group_queue) {
		rd_kafka_queue_cb_event_enable(s->group_queue, NULL, NULL);
		rd_kafka_queue_destroy(s->group_queue);
	}
	if (s->commit_queue)
		rd_kafka_queue_destroy(s->commit_queue);
}

/* One that is not used yet. */
static void
source_free(struct psm__kafka_source *s)
{
	if (!s)
		return;
	let_go(s);
	if (s->rk)
		rd_kafka_destroy_flags(s->rk,
		                       RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	source_end(s);
}

/* @thread psm-farewell; owns the source once nobody waits any more */
static void *
farewell(void *arg)
{
	struct psm__kafka_source *s = arg;
	int left;

	rd_kafka_destroy_flags(
	    s->rk, s->closed ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_mutex_lock(&s->wait_lock);
	s->gone = 1;
	left = s->left;
	pthread_cond_signal(&s->wait_cond);
	pthread_mutex_unlock(&s->wait_lock);
	if (left)
		source_end(s);
	return NULL;
}

/* 1: the client has ended; 0: nobody waits for it any more. */
static int
wait_gone(struct psm__kafka_source *s)
{
	struct timespec at;
	int gone;

	psm__deadline(&at, FAREWELL_MS);
	pthread_mutex_lock(&s->wait_lock);
	while (!s->gone &&
	       pthread_cond_timedwait(&s->wait_cond, &s->wait_lock, &at) == 0)
		;
	gone = s->gone;
	s->left = !gone;
	pthread_mutex_unlock(&s->wait_lock);
	return gone;
}

/*
 * A client of librdkafka 2.0.2 that had a topic which was removed and made anew
 * may wait for its own threads for ever. Whoever closes a consumer does not:
 * then the client is left to itself, and keeps what it needs.
 */
static void
source_close(struct psm__source *base, int timeout_ms)
{
	struct psm__kafka_source *s = source_of(base);
	pthread_t thread;

	s->closing = 1;
	s->closed = psm__kafka_leave(s, timeout_ms);
	if (!s->closed)
		psm__log(PSM_LOG_WARN, "left the group without saying so",
		         "client", rd_kafka_name(s->rk), NULL);
	let_go(s);
	if (psm__thread_start(&thread, "psm-farewell", farewell, s, NULL) < 0) {
		(void)farewell(s);
		source_end(s);
		return;
	}
	if (wait_gone(s)) {
		pthread_join(thread, NULL);
		source_end(s);
		return;
	}
	pthread_detach(thread);
	psm__log(PSM_LOG_WARN, "a client of Kafka does not end", NULL);
}

static const struct psm__source_ops source_ops = {
    .poll = source_poll,
    .serve = source_serve,
    .release = source_release,
    .commit = psm__kafka_commit,
    .seek = psm__kafka_seek,
    .hold = psm__kafka_hold,
    .lag = psm__kafka_lag,
    .connected = source_connected,
    .trouble = source_trouble,
    .wake = source_wake,
    .close = source_close,
};

static int
subscribe(struct psm__kafka_source *s, const struct psm__source_conf *conf,
          psm_error *err)
{
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_resp_err_t e;
	size_t i;

	list = rd_kafka_topic_partition_list_new((int)conf->topic_count);
	for (i = 0; i < conf->topic_count; i++)
		rd_kafka_topic_partition_list_add(list, conf->topics[i],
		                                  RD_KAFKA_PARTITION_UA);
	e = rd_kafka_subscribe(s->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	if (e)
		return psm__fail(err, PSM_ERR_INVAL, "subscribe: %s",
		                 rd_kafka_err2str(e));
	return 0;
}

static struct psm__kafka_source *
source_new(const struct psm__source_conf *conf)
{
	struct psm__kafka_source *s = psm__alloc(sizeof(*s));

	if (!s)
		return NULL;
	if (psm__cond_init(&s->wait_cond) < 0) {
		psm__free(s);
		return NULL;
	}
	pthread_mutex_init(&s->wait_lock, NULL);
	pthread_mutex_init(&s->parts_lock, NULL);
	s->base.ops = &source_ops;
	(void)psm__clock_set_back(&s->clock);
	s->quiet_ms = QUIET_MS;
	psm__kafka_link_init(&s->link, s);
	s->start_at = conf->start_at;
	s->confirmed = conf->confirmed;
	s->revoked = conf->revoked;
	s->gap = conf->gap;
	s->user = conf->user;
	s->group = psm__strdup(conf->group);
	if (!s->group) {
		source_free(s);
		return NULL;
	}
	return s;
}

static int
start_client(struct psm__kafka_source *s, const struct psm__kafka *k,
             const struct psm__source_conf *conf, psm_error *err)
{
	rd_kafka_conf_t *rk_conf = NULL;
	int rc;

	rc = psm__kafka_conf(k->cfg, RD_KAFKA_CONSUMER, &rk_conf, err);
	if (rc < 0)
		return rc;
	rc = psm__kafka_set(rk_conf, "group.id", conf->group, err);
	if (rc == 0)
		rc = psm__kafka_set(rk_conf, "enable.partition.eof", "true",
		                    err);
	if (rc < 0) {
		rd_kafka_conf_destroy(rk_conf);
		return rc;
	}
	rc = psm__kafka_name_member(s, rk_conf, err);
	if (rc == 0)
		rc = psm__kafka_waker_init(&s->waker, rk_conf, k->cfg, err);
	if (rc < 0) {
		rd_kafka_conf_destroy(rk_conf);
		return rc;
	}
	rd_kafka_conf_set_rebalance_cb(rk_conf, psm__kafka_rebalance);
	rc = psm__kafka_client(RD_KAFKA_CONSUMER, rk_conf, &s->link, &s->rk,
	                       err);
	if (rc < 0)
		return rc;
	s->waker.rk = s->waker.user ? s->rk : NULL;
	s->keep_max = psm__kafka_keep_max(k->cfg);
	rd_kafka_poll_set_consumer(s->rk);
	s->records = rd_kafka_queue_new(s->rk);
	rd_kafka_queue_cb_event_enable(s->records, psm__kafka_raise, s);
	s->group_queue = rd_kafka_queue_get_consumer(s->rk);
	rd_kafka_queue_cb_event_enable(s->group_queue, raise_group, s);
	s->commit_queue = rd_kafka_queue_new(s->rk);
	return subscribe(s, conf, err);
}

int
psm__kafka_open_source(psm_transport *t, const struct psm__source_conf *conf,
                       struct psm__source **out, psm_error *err)
{
	struct psm__kafka_source *s = source_new(conf);
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	rc = start_client(s, (const struct psm__kafka *)t, conf, err);
	if (rc < 0) {
		source_free(s);
		return rc;
	}
	*out = &s->base;
	return 0;
}
