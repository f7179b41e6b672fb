/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/part.h"

#include "transport/kafka/prefetch.h"

#include <assert.h>
#include <string.h>

/* -- states */

static const char *const names[PSM__N_PART_STATES] = {
    [PSM__PART_FLOWING] = "flowing",   [PSM__PART_KEEPING] = "keeping",
    [PSM__PART_PAUSED] = "paused",     [PSM__PART_DRAINING] = "draining",
    [PSM__PART_RESUMING] = "resuming",
};

#define TO(s) (1u << (s))
static const unsigned may_follow[PSM__N_PART_STATES] = {
    [PSM__PART_FLOWING] = TO(PSM__PART_KEEPING),
    [PSM__PART_KEEPING] =
	TO(PSM__PART_FLOWING) | TO(PSM__PART_PAUSED) | TO(PSM__PART_DRAINING),
    [PSM__PART_PAUSED] = TO(PSM__PART_FLOWING) | TO(PSM__PART_RESUMING),
    [PSM__PART_DRAINING] = TO(PSM__PART_FLOWING) | TO(PSM__PART_KEEPING),
    [PSM__PART_RESUMING] = TO(PSM__PART_FLOWING) | TO(PSM__PART_PAUSED),
};

static int
is_fetched(enum psm__kafka_part_state state)
{
	return state != PSM__PART_PAUSED && state != PSM__PART_RESUMING;
}

/* Pausing throws away what librdkafka has fetched of the partition. */
static void
tell_client(struct psm__kafka_parts *ps, const struct psm__kafka_part *part,
            int fetched)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new(1);

	rd_kafka_topic_partition_list_add(list, part->topic, part->partition);
	if (fetched)
		(void)rd_kafka_resume_partitions(ps->rk, list);
	else
		(void)rd_kafka_pause_partitions(ps->rk, list);
	rd_kafka_topic_partition_list_destroy(list);
}

static void
set_state(struct psm__kafka_parts *ps, struct psm__kafka_part *part,
          enum psm__kafka_part_state to)
{
	enum psm__kafka_part_state from = part->state;

	assert(may_follow[from] & TO(to));
	part->state = to;
	ps->in_state[from]--;
	ps->in_state[to]++;
	if (is_fetched(from) == is_fetched(to) || ps->closing)
		return;
	psm__log(PSM_LOG_DEBUG, "partition", "topic", part->topic, "was",
	         names[from], "is", names[to], NULL);
	tell_client(ps, part, is_fetched(to));
}

static int
has_kept(const struct psm__kafka_part *part)
{
	return part->kept_at < part->kept_end;
}

/* The wait is over, or what was kept has been taken. */
static void
go_on(struct psm__kafka_parts *ps, struct psm__kafka_part *part)
{
	enum psm__kafka_part_state to = PSM__PART_FLOWING;

	if (has_kept(part))
		to = is_fetched(part->state) ? PSM__PART_DRAINING
		                             : PSM__PART_RESUMING;
	if (to != part->state)
		set_state(ps, part, to);
}

void
psm__kafka_part_wait(struct psm__kafka_parts *ps, struct psm__kafka_part *part,
                     int64_t until_ms)
{
	part->held_until_ms = until_ms;
	if (!until_ms)
		go_on(ps, part);
	else if (!psm__kafka_part_waits(part))
		set_state(ps, part,
		          is_fetched(part->state) ? PSM__PART_KEEPING
		                                  : PSM__PART_PAUSED);
}

struct psm__kafka_part *
psm__kafka_parts_ready(struct psm__kafka_parts *ps, int64_t now, int64_t *due)
{
	struct psm__kafka_part *ready = NULL;
	size_t i;

	for (i = 0; i < ps->count; i++) {
		struct psm__kafka_part *part = ps->list[i];

		if (psm__kafka_part_waits(part) && part->held_until_ms > now) {
			if (part->held_until_ms < *due)
				*due = part->held_until_ms;
			continue;
		}
		go_on(ps, part);
		if (part->state != PSM__PART_FLOWING)
			ready = part;
	}
	return ready;
}

void
psm__kafka_parts_pause(struct psm__kafka_parts *ps)
{
	size_t keeping = ps->in_state[PSM__PART_KEEPING];
	size_t i;

	if (keeping + ps->in_state[PSM__PART_PAUSED] == ps->count)
		return;
	for (i = 0; i < ps->count; i++)
		if (ps->list[i]->state == PSM__PART_KEEPING)
			set_state(ps, ps->list[i], PSM__PART_PAUSED);
}

/* -- what is kept */

static size_t
cost_of(const rd_kafka_message_t *m)
{
	return m->len + m->key_len + PSM__MESSAGE_COST;
}

int
psm__kafka_part_keep(struct psm__kafka_parts *ps, struct psm__kafka_part *part,
                     rd_kafka_message_t *m)
{
	assert(part->state != PSM__PART_FLOWING);
	if (!has_kept(part))
		part->kept_at = part->kept_end = 0;
	if (psm__grow(&part->kept, &part->kept_cap, part->kept_end + 1,
	              sizeof(*part->kept)) < 0) {
		ps->odd = m;
		return PSM_ERR_NOMEM;
	}
	part->kept[part->kept_end++] = m;
	ps->kept++;
	ps->kept_bytes += cost_of(m);
	return 0;
}

rd_kafka_message_t *
psm__kafka_part_take(struct psm__kafka_parts *ps, struct psm__kafka_part *part)
{
	rd_kafka_message_t *m = part->kept[part->kept_at++];

	ps->kept--;
	ps->kept_bytes -= cost_of(m);
	return m;
}

const rd_kafka_message_t *
psm__kafka_part_last(const struct psm__kafka_part *part)
{
	return has_kept(part) ? part->kept[part->kept_end - 1] : NULL;
}

void
psm__kafka_part_forget(struct psm__kafka_parts *ps,
                       struct psm__kafka_part *part)
{
	while (has_kept(part))
		rd_kafka_message_destroy(psm__kafka_part_take(ps, part));
	if (ps->odd && psm__kafka_part_of(ps, ps->odd) == part)
		rd_kafka_message_destroy(psm__kafka_parts_take_odd(ps));
}

rd_kafka_message_t *
psm__kafka_parts_take_odd(struct psm__kafka_parts *ps)
{
	rd_kafka_message_t *m = ps->odd;

	ps->odd = NULL;
	return m;
}

/* -- the list */

struct psm__kafka_part *
psm__kafka_part(struct psm__kafka_parts *ps, const char *topic,
                int32_t partition)
{
	size_t i = ps->last;

	/* Records come in runs of one partition. */
	if (i < ps->count && ps->list[i]->partition == partition &&
	    strcmp(ps->list[i]->topic, topic) == 0)
		return ps->list[i];
	for (i = 0; i < ps->count; i++)
		if (ps->list[i]->partition == partition &&
		    strcmp(ps->list[i]->topic, topic) == 0) {
			ps->last = i;
			return ps->list[i];
		}
	return NULL;
}

struct psm__kafka_part *
psm__kafka_part_of(struct psm__kafka_parts *ps, const rd_kafka_message_t *m)
{
	return psm__kafka_part(ps, rd_kafka_topic_name(m->rkt), m->partition);
}

void
psm__kafka_part_move(struct psm__kafka_part *part, int64_t position)
{
	__atomic_store_n(&part->position, position, __ATOMIC_RELAXED);
}

static void
part_free(struct psm__kafka_part *part)
{
	if (!part)
		return;
	if (part->queue)
		rd_kafka_queue_destroy(part->queue);
	psm__free(part->kept);
	psm__free(part->topic);
	psm__free(part);
}

/* The queue is cut off before the partition is assigned: afterwards, messages
 * could already be on their way through the consumer's queue. */
static struct psm__kafka_part *
part_new(struct psm__kafka_parts *ps, const rd_kafka_topic_partition_t *tp)
{
	struct psm__kafka_part *part = psm__alloc(sizeof(*part));

	if (!part)
		return NULL;
	part->partition = tp->partition;
	part->position = tp->offset >= 0 ? tp->offset : -1;
	part->came_ms = psm__mono_ms();
	part->topic = psm__strdup(tp->topic);
	if (part->topic)
		part->queue = rd_kafka_queue_get_partition(ps->rk, tp->topic,
		                                           tp->partition);
	if (!part->queue) {
		part_free(part);
		return NULL;
	}
	rd_kafka_queue_forward(part->queue, ps->records);
	return part;
}

int
psm__kafka_parts_add(struct psm__kafka_parts *ps,
                     const rd_kafka_topic_partition_t *tp)
{
	struct psm__kafka_part *part = part_new(ps, tp);
	int rc;

	if (!part)
		return PSM_ERR_NOMEM;
	pthread_mutex_lock(&ps->lock);
	rc = psm__grow(&ps->list, &ps->cap, ps->count + 1, sizeof(*ps->list));
	if (rc == 0)
		ps->list[ps->count++] = part;
	pthread_mutex_unlock(&ps->lock);
	if (rc < 0)
		part_free(part);
	else
		ps->in_state[part->state]++;
	return rc;
}

void
psm__kafka_parts_drop(struct psm__kafka_parts *ps, const char *topic,
                      int32_t partition)
{
	struct psm__kafka_part *part = psm__kafka_part(ps, topic, partition);
	size_t i;

	if (!part)
		return;
	psm__kafka_part_forget(ps, part);
	go_on(ps, part);
	pthread_mutex_lock(&ps->lock);
	for (i = 0; ps->list[i] != part;)
		i++;
	ps->list[i] = ps->list[--ps->count];
	pthread_mutex_unlock(&ps->lock);
	ps->in_state[part->state]--;
	part_free(part);
}

void
psm__kafka_parts_set_assigned(struct psm__kafka_parts *ps)
{
	pthread_mutex_lock(&ps->lock);
	ps->assigned = 1;
	pthread_mutex_unlock(&ps->lock);
}

/* -- life */

void
psm__kafka_parts_init(struct psm__kafka_parts *ps)
{
	pthread_mutex_init(&ps->lock, NULL);
}

void
psm__kafka_parts_attach(struct psm__kafka_parts *ps, rd_kafka_t *rk,
                        rd_kafka_queue_t *records)
{
	ps->rk = rk;
	ps->records = records;
}

void
psm__kafka_parts_close(struct psm__kafka_parts *ps)
{
	ps->closing = 1;
}

void
psm__kafka_parts_detach(struct psm__kafka_parts *ps)
{
	while (ps->count)
		psm__kafka_parts_drop(ps, ps->list[0]->topic,
		                      ps->list[0]->partition);
	if (ps->records) {
		rd_kafka_queue_cb_event_enable(ps->records, NULL, NULL);
		rd_kafka_queue_destroy(ps->records);
	}
	ps->records = NULL;
}

void
psm__kafka_parts_destroy(struct psm__kafka_parts *ps)
{
	psm__free(ps->list);
	pthread_mutex_destroy(&ps->lock);
}
