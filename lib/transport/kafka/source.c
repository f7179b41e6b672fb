/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading from Kafka as a member of a group: the poll loop, open and close. */
#include "transport/kafka/commit.h"
#include "transport/kafka/farewell.h"
#include "transport/kafka/kafka.h"
#include "transport/kafka/member.h"
#include "transport/kafka/queue.h"
#include "transport/kafka/rebalance.h"
#include "transport/kafka/record.h"
#include "transport/kafka/wait.h"

/* librdkafka wants to be asked within max.poll.interval.ms; a rebalance raises
 * the flag at once, so this is only the heartbeat of an idle group. */
#define SERVE_MS 500
/* How long a seek may take, which only has to reach the thread that fetches. */
#define SEEK_MS 5000

/*
 * The records of all partitions go into one queue of ours, cut off from the
 * consumer's queue, which brings only rebalances, errors and statistics.
 */
struct source {
	struct psm__source base;
	struct psm__kafka_link link;
	struct psm__kafka_wait wait;
	struct psm__kafka_parts parts;
	struct psm__kafka_queue queue;
	struct psm__kafka_ends ends;
	struct psm__kafka_commits commits;
	struct psm__kafka_group group;
	struct psm__kafka_waker waker;
	rd_kafka_t *rk;
	rd_kafka_queue_t *group_queue;
	int group_ready;     /* __atomic; it got something */
	char *name;          /* the group's */
	int named_by_us;     /* as a member of it */
	int64_t serve_at_ms; /* when to look at the group at the latest */
	int64_t clock;       /* for psm__clock_set_back() */
	int set_back;        /* it was: the client has to be replaced */
};

static struct source *
source_of(struct psm__source *s)
{
	return (struct source *)s;
}

static void
raise_group(rd_kafka_t *rk, void *opaque)
{
	struct source *s = opaque;

	__atomic_store_n(&s->group_ready, 1, __ATOMIC_RELEASE);
	psm__kafka_raise(rk, &s->wait);
}

/* Threads of librdkafka wait until a time of the system's clock: when it was
 * set back, they may do nothing for as long. */
static int
check_clock(struct source *s, psm_error *err)
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
serve_group(struct source *s, int64_t now, psm_error *err)
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
	psm__kafka_commits_drain(&s->commits);
	psm__kafka_ask_ends(&s->ends, now);
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

static int
check_alive(struct source *s, psm_error *err)
{
	char text[256] = "";
	rd_kafka_resp_err_t e;

	e = rd_kafka_fatal_error(s->rk, text, sizeof(text));
	if (!e)
		return 0;
	psm__fail(err, PSM_ERR_BROKER, "the client is dead: %s: %s",
	          rd_kafka_err2name(e), text);
	/* Nobody else has an instance id of our making: the member that took
	 * its place is this client, back after a handler was longer than the
	 * poll limit, whose commit named the former member. */
	psm__error_flags(
	    err, s->named_by_us && e == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
	    1);
	return PSM_ERR_BROKER;
}

static int
source_poll(struct psm__source *base, int timeout_ms, struct psm__record *rec,
            psm_error *err)
{
	struct source *s = source_of(base);
	/* While records come nobody waits, and each asks. */
	int64_t now = timeout_ms > 0 ? psm__mono_ms() : psm__mono_ms_about();
	int64_t deadline = now + timeout_ms;

	for (;; now = psm__mono_ms()) {
		int64_t due = deadline;
		int rc = serve_group(s, now, err);

		if (rc == 0)
			rc = psm__kafka_next(&s->queue, now, rec, &due, err);
		if (rc)
			return rc;
		if (s->serve_at_ms < due)
			due = s->serve_at_ms;
		if (!psm__kafka_await(&s->wait, due))
			return 0;
		if (psm__mono_ms() >= deadline)
			return check_alive(s, err);
	}
}

static int
source_serve(struct psm__source *base, psm_error *err)
{
	struct source *s = source_of(base);
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
source_last_error(struct psm__source *base, char *text, size_t size)
{
	psm__kafka_last_error(&source_of(base)->link, text, size);
}

static void
source_wake(struct psm__source *base)
{
	psm__kafka_wake(&source_of(base)->wait);
}

/* -- asked for a partition */

/* NULL: it is not ours, as *err says. */
static struct psm__kafka_part *
find_part(struct source *s, const char *topic, int32_t partition,
          psm_error *err)
{
	struct psm__kafka_part *part =
	    psm__kafka_part(&s->parts, topic, partition);

	if (!part)
		(void)psm__fail(err, PSM_ERR_FENCED,
		                "%s[%d] is not assigned to us", topic,
		                (int)partition);
	return part;
}

static int
source_commit(struct psm__source *base, const char *topic, int32_t partition,
              int64_t next, int wait, psm_error *err)
{
	struct source *s = source_of(base);

	if (!find_part(s, topic, partition, err))
		return PSM_ERR_FENCED;
	return psm__kafka_commit(&s->commits, topic, partition, next, wait,
	                         err);
}

static int
source_seek(struct psm__source *base, const char *topic, int32_t partition,
            int64_t offset, psm_error *err)
{
	struct source *s = source_of(base);
	struct psm__kafka_part *part = find_part(s, topic, partition, err);
	rd_kafka_topic_t *handle;
	rd_kafka_resp_err_t e;

	if (!part)
		return PSM_ERR_FENCED;
	/* Not rd_kafka_seek_partitions(): before librdkafka 2.1 its timeout is
	 * 1,000 times too short. */
	handle = rd_kafka_topic_new(s->rk, topic, NULL);
	if (!handle)
		return psm__nomem(err);
	e = rd_kafka_seek(handle, partition,
	                  offset == PSM__EARLIEST ? RD_KAFKA_OFFSET_BEGINNING
	                                          : offset,
	                  SEEK_MS);
	rd_kafka_topic_destroy(handle);
	if (e)
		return psm__fail(err, PSM_ERR_BROKER, "seek: %s",
		                 rd_kafka_err2str(e));
	psm__kafka_part_forget(&s->parts, part);
	psm__kafka_part_move(part, offset >= 0 ? offset : -1);
	return 0;
}

static int
source_pause(struct psm__source *base, const char *topic, int32_t partition,
             int timeout_ms, psm_error *err)
{
	struct source *s = source_of(base);
	struct psm__kafka_part *part = find_part(s, topic, partition, err);

	if (!part)
		return PSM_ERR_FENCED;
	psm__kafka_part_wait(&s->parts, part,
	                     timeout_ms > 0 ? psm__mono_ms() + timeout_ms : 0);
	return 0;
}

static int64_t
source_lag(struct psm__source *base)
{
	return psm__kafka_lag(&source_of(base)->ends);
}

/* -- life */

/* Everything but the client, which has ended. */
static void
source_end(void *source)
{
	struct source *s = source;

	psm__kafka_waker_destroy(&s->waker);
	psm__free(s->name);
	psm__kafka_wait_destroy(&s->wait);
	psm__kafka_parts_destroy(&s->parts);
	psm__kafka_link_destroy(&s->link);
	psm__free(s);
}

/* What refers to the client has to go before it. */
static void
detach(struct source *s)
{
	psm__kafka_parts_detach(&s->parts);
	psm__kafka_commits_detach(&s->commits);
	if (s->group_queue) {
		rd_kafka_queue_cb_event_enable(s->group_queue, NULL, NULL);
		rd_kafka_queue_destroy(s->group_queue);
	}
}

/* One that is not used yet. */
static void
source_free(struct source *s)
{
	detach(s);
	if (s->rk)
		rd_kafka_destroy_flags(s->rk,
		                       RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	source_end(s);
}

static void
source_close(struct psm__source *base, int timeout_ms)
{
	struct source *s = source_of(base);
	int left;

	psm__kafka_parts_close(&s->parts);
	left = psm__kafka_leave(s->rk, &s->link, s->named_by_us, timeout_ms);
	if (!left)
		psm__log(PSM_LOG_WARN,
		         "left the group without telling the broker", "client",
		         rd_kafka_name(s->rk), NULL);
	detach(s);
	psm__kafka_end_client(s->rk,
	                      left ? 0 : RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE,
	                      source_end, s);
}

static const struct psm__source_ops source_ops = {
    .poll = source_poll,
    .serve = source_serve,
    .release = source_release,
    .commit = source_commit,
    .seek = source_seek,
    .pause = source_pause,
    .lag = source_lag,
    .connected = source_connected,
    .last_error = source_last_error,
    .wake = source_wake,
    .close = source_close,
};

static int
subscribe(struct source *s, const struct psm__source_conf *conf, psm_error *err)
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

static void
wire(struct source *s, const struct psm__source_conf *conf)
{
	s->group = (struct psm__kafka_group){
	    .parts = &s->parts,
	    .link = &s->link,
	    .start_at = conf->start_at,
	    .revoked = conf->revoked,
	    .user = conf->user,
	};
	s->commits = (struct psm__kafka_commits){
	    .parts = &s->parts,
	    .confirmed = conf->confirmed,
	    .user = conf->user,
	};
	s->queue = (struct psm__kafka_queue){
	    .parts = &s->parts,
	    .link = &s->link,
	    .waker = &s->waker,
	    .group = s->name,
	    .gap = conf->gap,
	    .user = conf->user,
	};
}

static struct source *
source_new(const struct psm__source_conf *conf)
{
	struct source *s = psm__alloc(sizeof(*s));

	if (!s || psm__kafka_wait_init(&s->wait) < 0) {
		psm__free(s);
		return NULL;
	}
	s->base.ops = &source_ops;
	(void)psm__clock_set_back(&s->clock);
	psm__kafka_link_init(&s->link, &s->group);
	psm__kafka_parts_init(&s->parts);
	psm__kafka_ends_init(&s->ends, &s->parts, &s->link);
	s->name = psm__strdup(conf->group);
	if (!s->name) {
		source_free(s);
		return NULL;
	}
	wire(s, conf);
	return s;
}

/* conf is *out also after a failure. */
static int
make_conf(struct source *s, const struct psm__kafka *k, rd_kafka_conf_t **out,
          psm_error *err)
{
	int rc = psm__kafka_conf(k->cfg, RD_KAFKA_CONSUMER, out, err);

	if (rc == 0)
		rc = psm__kafka_set(*out, "group.id", s->name, err);
	if (rc == 0)
		rc = psm__kafka_set(*out, "enable.partition.eof", "true", err);
	if (rc == 0)
		rc = psm__kafka_name_member(*out, &s->named_by_us, err);
	if (rc == 0)
		rc = psm__kafka_waker_init(&s->waker, *out, k->cfg, err);
	if (rc == 0)
		rd_kafka_conf_set_rebalance_cb(*out, psm__kafka_rebalance);
	return rc;
}

static int
start_client(struct source *s, const struct psm__kafka *k, psm_error *err)
{
	rd_kafka_conf_t *conf = NULL;
	rd_kafka_queue_t *records;
	int rc = make_conf(s, k, &conf, err);

	if (rc < 0) {
		if (conf)
			rd_kafka_conf_destroy(conf);
		return rc;
	}
	rc = psm__kafka_client(RD_KAFKA_CONSUMER, conf, &s->link, &s->rk, err);
	if (rc < 0)
		return rc;
	s->waker.rk = s->waker.user ? s->rk : NULL;
	s->queue.keep_max = psm__kafka_keep_max(k->cfg);
	rd_kafka_poll_set_consumer(s->rk);
	records = rd_kafka_queue_new(s->rk);
	psm__kafka_parts_attach(&s->parts, s->rk, records);
	rd_kafka_queue_cb_event_enable(records, psm__kafka_raise, &s->wait);
	s->group_queue = rd_kafka_queue_get_consumer(s->rk);
	rd_kafka_queue_cb_event_enable(s->group_queue, raise_group, s);
	psm__kafka_commits_attach(&s->commits, s->rk);
	return 0;
}

int
psm__kafka_open_source(psm_transport *t, const struct psm__source_conf *conf,
                       struct psm__source **out, psm_error *err)
{
	struct source *s = source_new(conf);
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	rc = start_client(s, (const struct psm__kafka *)t, err);
	if (rc == 0)
		rc = subscribe(s, conf, err);
	if (rc < 0) {
		source_free(s);
		return rc;
	}
	*out = &s->base;
	return 0;
}

/* -- for tests */

void
psm__kafka_fence_source(struct psm__source *base)
{
	rd_kafka_test_fatal_error(source_of(base)->rk,
	                          RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
	                          "asked for by a test");
}

void
psm__kafka_set_quiet(struct psm__source *base, int quiet_ms)
{
	source_of(base)->ends.quiet_ms = quiet_ms;
}

size_t
psm__kafka_kept(const struct psm__source *base)
{
	return ((const struct source *)base)->parts.kept;
}
