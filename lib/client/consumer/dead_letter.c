/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dead letters in a topic beside the one they came from. Everything here:
 * @thread the busy one.
 *
 * A dead letter is a copy: the transport may still send it when its partition
 * has gone to another consumer. It belongs to its partition until that is
 * dropped, then to the sink, which reports on it once in any case.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/consumer/consumer_int.h"

/* How long the first step waits for the broker's answer. */
#define STEP_MS 100
/* Until it is asked for again. */
#define ASK_MS 20
/* Until a dead letter that was not taken is sent again. */
#define AGAIN_MS 1000
/* Until one that was refused for good is: the topic has to be repaired
 * first. */
#define REFUSED_MS 30000
/* Of ours, in front of which nothing of the application's may stand. */
#define PREFIX "dead-"
#define OURS 9
#define REASON_MAX 500

enum dlq_state {
	DLQ_WAITS, /* to be sent when due */
	DLQ_SENT,  /* a report will come */
	DLQ_DONE   /* acknowledged */
};

struct psm__dlq_message {
	enum dlq_state state;
	int asked;     /* its first step, which waits, is over */
	int abandoned; /* its partition is gone: free it with the report */
	int64_t due_ms;
	int code;
	char reason[REASON_MAX];
	char topic[256];
	char numbers[5][32]; /* partition, offset, attempts, bytes, time */
	struct psm__message message;
	/* What message points to: headers, then all the bytes. */
	struct psm__header headers[];
};

int
psm__dlq_wanted(const psm_consumer *c, const char *topic)
{
	size_t len = strlen(topic);
	size_t end = strlen(PSM__DEAD_SUFFIX);

	/* What dies in a topic of dead letters stays there: no chain. */
	return c->dead_letters &&
	       (len < end || strcmp(topic + len - end, PSM__DEAD_SUFFIX) != 0);
}

/* -- making one */

static int
is_ours(const struct psm__header *h)
{
	return strncmp(h->name, PREFIX, strlen(PREFIX)) == 0;
}

static void
add_header(struct psm__dlq_message *d, const char *name, const char *value)
{
	struct psm__header *h = &d->headers[d->message.header_count++];

	h->name = name;
	h->value = value;
	h->len = strlen(value);
}

static void
describe(const psm_consumer *c, struct psm__dlq_message *d,
         const struct psm__record *rec, const char *topic, int attempts)
{
	char(*n)[32] = d->numbers;
	char time[40] = "";

	snprintf(n[0], sizeof(n[0]), "%d", (int)rec->partition);
	snprintf(n[1], sizeof(n[1]), "%lld", (long long)rec->offset);
	snprintf(n[2], sizeof(n[2]), "%d", attempts);
	snprintf(n[3], sizeof(n[3]), "%zu", rec->value_len);
	(void)psm_time_format(psm_now_us(), time, sizeof(time)); /* it fits */
	snprintf(n[4], sizeof(n[4]), "%.31s", time);
	add_header(d, PREFIX "topic", topic);
	add_header(d, PREFIX "partition", n[0]);
	add_header(d, PREFIX "offset", n[1]);
	add_header(d, PREFIX "group", c->group);
	add_header(d, PREFIX "code", psm_error_name(d->code));
	add_header(d, PREFIX "reason", d->reason);
	add_header(d, PREFIX "attempts", n[2]);
	add_header(d, PREFIX "bytes", n[3]);
	add_header(d, PREFIX "time", n[4]);
}

struct psm__dlq_message *
psm__dlq_new(const psm_consumer *c, const struct psm__record *rec, int code,
             const char *reason, int attempts)
{
	size_t heads = (rec->header_count + OURS) * sizeof(struct psm__header);
	size_t bytes = rec->key_len + rec->value_len + strlen(rec->topic) + 1 +
	               psm__header_bytes(rec->headers, rec->header_count);
	struct psm__dlq_message *d = psm__alloc(sizeof(*d) + heads + bytes);
	struct psm__message *m;
	const char *topic;
	size_t i;
	char *to;

	if (!d)
		return NULL;
	m = &d->message;
	to = (char *)d + sizeof(*d) + heads;
	d->code = code;
	snprintf(d->reason, sizeof(d->reason), "%s", reason);
	snprintf(d->topic, sizeof(d->topic), "%s" PSM__DEAD_SUFFIX, rec->topic);
	m->topic = d->topic;
	m->key_len = rec->key_len;
	m->key = psm__put(&to, rec->key, rec->key_len);
	m->value_len = rec->value_len;
	m->value = psm__put(&to, rec->value, rec->value_len);
	topic = psm__put(&to, rec->topic, strlen(rec->topic) + 1);
	m->headers = d->headers;
	for (i = 0; i < rec->header_count; i++)
		if (!is_ours(&rec->headers[i])) /* of an earlier death */
			d->headers[m->header_count++] =
			    psm__put_header(&to, &rec->headers[i]);
	describe(c, d, rec, topic, attempts);
	m->token = (uint64_t)(uintptr_t)d;
	return d;
}

/* -- sending */

/* What becomes of it now that it is not in the sink's hands. */
static void
decide(struct psm__dlq_message *d, int rc)
{
	d->state = DLQ_WAITS;
	d->due_ms = psm__mono_ms() + AGAIN_MS;
	if (rc == 0) {
		d->state = DLQ_DONE;
	} else if (rc == PSM_ERR_TOO_LARGE && d->message.value) {
		/* With the headers it is larger than the broker takes; they
		 * say where the bytes are, and how many. */
		d->message.value = NULL;
		d->message.value_len = 0;
		d->due_ms = 0;
	} else if (rc == PSM_ERR_TOO_LARGE || rc == PSM_ERR_INVAL) {
		d->due_ms = psm__mono_ms() + REFUSED_MS;
		psm__log(PSM_LOG_ERROR, "dead letter refused", "topic",
		         d->topic, "code", psm_error_name(rc), NULL);
	}
}

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct psm__dlq_message *d =
	    (struct psm__dlq_message *)(uintptr_t)token;

	(void)reason;
	(void)user;
	if (d->abandoned)
		psm__free(d);
	else
		decide(d, rc);
}

/* Every dead letter that was sent gets its report. */
static void
close_sink(psm_consumer *c, int timeout_ms)
{
	if (c->dead_sink)
		c->dead_sink->ops->close(c->dead_sink, timeout_ms);
	c->dead_sink = NULL;
}

static void
send(psm_consumer *c, struct psm__dlq_message *d)
{
	int rc = 0;

	if (!c->dead_sink)
		rc = c->t->ops->open_sink(c->t, on_report, c, &c->dead_sink,
		                          NULL);
	if (rc == 0) {
		/* Reports come with poll only. */
		d->state = DLQ_SENT;
		rc = c->dead_sink->ops->send(c->dead_sink, &d->message, NULL);
	}
	if (rc < 0)
		decide(d, rc);
	if (rc == PSM_ERR_BROKER)
		close_sink(c, 0);
}

int
psm__dlq_go_on(psm_consumer *c, struct psm__dlq_message *d)
{
	/* Mostly the answer is there at once; if not, other partitions are not
	 * kept waiting for it. */
	int wait_ms = d->asked ? 0 : STEP_MS;

	d->asked = 1;
	if (d->state == DLQ_WAITS && d->due_ms <= psm__mono_ms())
		send(c, d);
	if (d->state == DLQ_SENT &&
	    c->dead_sink->ops->poll(c->dead_sink, wait_ms, NULL) < 0)
		close_sink(c, 0);
	return d->state == DLQ_DONE ? 0 : PSM_ERR_RETRY;
}

int64_t
psm__dlq_due(const struct psm__dlq_message *d)
{
	return d->state == DLQ_WAITS ? d->due_ms : psm__mono_ms() + ASK_MS;
}

int
psm__dlq_code(const struct psm__dlq_message *d)
{
	return d->code;
}

const char *
psm__dlq_reason(const struct psm__dlq_message *d)
{
	return d->reason;
}

void
psm__dlq_drop(struct psm__dlq_message *d)
{
	if (d && d->state == DLQ_SENT)
		d->abandoned = 1;
	else
		psm__free(d);
}

void
psm__dlq_close(psm_consumer *c, int timeout_ms)
{
	close_sink(c, timeout_ms);
}
