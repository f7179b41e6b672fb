/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on the bus: topics with their messages, and groups. */
#include <string.h>

#include "transport/memory/memory_int.h"
#include "transport/murmur2.h"

void
psm__mem_wait(struct psm__bus *bus, int64_t deadline_ms)
{
	int64_t left = deadline_ms - psm__mono_ms();
	struct timespec at;

	if (left <= 0)
		return;
	psm__deadline(&at, left > 60000 ? 60000 : (int)left);
	bus->waiting++;
	pthread_cond_timedwait(&bus->changed, &bus->lock, &at);
	bus->waiting--;
}

void
psm__mem_wait_as_member(struct psm__bus *bus, int64_t deadline_ms)
{
	bus->members_waiting++;
	psm__mem_wait(bus, deadline_ms);
	bus->members_waiting--;
}

void
psm__mem_release(struct psm__mem_message *m)
{
	if (m && --m->refs == 0)
		psm__free(m);
}

struct psm__mem_topic *
psm__mem_topic(struct psm__bus *bus, const char *name)
{
	struct psm__mem_topic *topic = NULL;
	size_t i;

	for (i = 0; i < bus->topic_count; i++)
		if (strcmp(bus->topics[i]->name, name) == 0)
			return bus->topics[i];
	if (psm__grow(&bus->topics, &bus->topic_cap, bus->topic_count + 1,
	              sizeof(*bus->topics)) < 0)
		return NULL;
	topic = psm__alloc(sizeof(*topic));
	if (!topic)
		return NULL;
	topic->name = psm__strdup(name);
	if (!topic->name) {
		psm__free(topic);
		return NULL;
	}
	bus->topics[bus->topic_count++] = topic;
	return topic;
}

struct psm__mem_group *
psm__mem_find_group(const struct psm__bus *bus, const char *name)
{
	size_t i;

	for (i = 0; i < bus->group_count; i++)
		if (strcmp(bus->groups[i]->name, name) == 0)
			return bus->groups[i];
	return NULL;
}

struct psm__mem_group *
psm__mem_group(struct psm__bus *bus, const char *name)
{
	struct psm__mem_group *g = psm__mem_find_group(bus, name);

	if (g)
		return g;
	if (psm__grow(&bus->groups, &bus->group_cap, bus->group_count + 1,
	              sizeof(*bus->groups)) < 0)
		return NULL;
	g = psm__alloc(sizeof(*g));
	if (!g)
		return NULL;
	g->name = psm__strdup(name);
	if (!g->name) {
		psm__free(g);
		return NULL;
	}
	bus->groups[bus->group_count++] = g;
	return g;
}

struct psm__mem_message *
psm__mem_at(const struct psm__mem_partition *part, int64_t offset)
{
	int64_t first = part->next - (int64_t)part->count;

	if (offset < first || offset >= part->next)
		return NULL;
	return part->ring[(part->head + (size_t)(offset - first)) % part->cap];
}

void
psm__mem_drop_oldest(struct psm__mem_partition *part)
{
	struct psm__mem_message *m = part->ring[part->head];

	part->bytes -= m->bytes;
	part->head = (part->head + 1) % part->cap;
	part->count--;
	psm__mem_release(m);
}

/* Room for one more; the ring is unrolled into a larger one when full. */
static int
reserve(struct psm__mem_partition *part)
{
	struct psm__mem_message **ring;
	size_t cap = part->cap ? part->cap * 2 : 16;
	size_t i;

	if (part->count < part->cap)
		return 0;
	ring = psm__array(cap, sizeof(*ring));
	if (!ring)
		return PSM_ERR_NOMEM;
	for (i = 0; i < part->count; i++)
		ring[i] = part->ring[(part->head + i) % part->cap];
	psm__free(part->ring);
	part->ring = ring;
	part->cap = cap;
	part->head = 0;
	return 0;
}

struct psm__mem_message *
psm__mem_message(const struct psm__message *from)
{
	size_t key_len = from->key ? from->key_len : 0;
	size_t value_len = from->value ? from->value_len : 0;
	size_t bytes = key_len + value_len +
	               psm__header_bytes(from->headers, from->header_count);
	size_t i;
	struct psm__mem_message *m;
	char *to;

	m = psm__alloc(sizeof(*m) + from->header_count * sizeof(m->headers[0]) +
	               bytes);
	if (!m)
		return NULL;
	m->refs = 1;
	m->bytes = bytes;
	m->header_count = from->header_count;
	to = (char *)&m->headers[m->header_count];
	for (i = 0; i < m->header_count; i++)
		m->headers[i] = psm__put_header(&to, &from->headers[i]);
	m->key_len = key_len;
	m->key = psm__put(&to, from->key, key_len);
	m->value_len = value_len;
	m->value = psm__put(&to, from->value, value_len);
	return m;
}

/* A message that nobody waits for wakes nobody. @locks bus->lock held */
static int
is_awaited(const struct psm__bus *bus, const struct psm__mem_topic *topic)
{
	size_t i, k;

	if (bus->waiting > bus->members_waiting)
		return 1;
	for (i = 0; i < bus->group_count; i++)
		for (k = 0; k < bus->groups[i]->count; k++)
			if (bus->groups[i]->cursors[k].topic == topic)
				return 1;
	return 0;
}

int
psm__mem_append(struct psm__bus *bus, struct psm__mem_topic *topic,
                struct psm__mem_message *m)
{
	struct psm__mem_partition *part;

	if (m->key) {
		part = &topic->parts[psm__partition_of(m->key, m->key_len,
		                                       bus->partitions)];
	} else {
		part = &topic->parts[topic->spread];
		topic->spread = (topic->spread + 1) % bus->partitions;
	}
	if (reserve(part) < 0)
		return PSM_ERR_NOMEM;
	m->timestamp_ms = psm_now_us() / 1000;
	m->partition = (int32_t)(part - topic->parts);
	m->offset = part->next++;
	part->ring[(part->head + part->count++) % part->cap] = m;
	part->bytes += m->bytes;
	while (part->count > 1 && (part->count > PSM__MEMORY_RETAIN_COUNT ||
	                           part->bytes > PSM__MEMORY_RETAIN_BYTES))
		psm__mem_drop_oldest(part);
	if (is_awaited(bus, topic))
		pthread_cond_broadcast(&bus->changed);
	return 0;
}

void
psm__mem_topic_free(struct psm__mem_topic *topic)
{
	size_t i;

	for (i = 0; i < PSM__MEMORY_PARTITIONS_MAX; i++) {
		while (topic->parts[i].count)
			psm__mem_drop_oldest(&topic->parts[i]);
		psm__free(topic->parts[i].ring);
	}
	psm__free(topic->name);
	psm__free(topic);
}

void
psm__mem_group_free(struct psm__mem_group *g)
{
	psm__free(g->cursors);
	psm__free(g->members);
	psm__free(g->name);
	psm__free(g);
}

void
psm__mem_fill(struct psm__record *rec, const struct psm__mem_topic *topic,
              int32_t partition, struct psm__mem_message *m)
{
	m->refs++;
	rec->topic = topic->name;
	rec->partition = partition;
	rec->offset = m->offset;
	rec->timestamp_ms = m->timestamp_ms;
	rec->key = m->key;
	rec->key_len = m->key_len;
	rec->value = m->value;
	rec->value_len = m->value_len;
	rec->headers = m->headers;
	rec->header_count = m->header_count;
	rec->handle = m;
}
