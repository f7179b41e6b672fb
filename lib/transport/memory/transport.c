/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory transport: open and free, and the hooks of the tests. */
#include <string.h>

#include "transport/memory/memory.h"
#include "transport/memory/memory_int.h"

static struct psm__bus *
bus_of(psm_transport *t)
{
	return (struct psm__bus *)t;
}

static void
memory_free(psm_transport *t)
{
	struct psm__bus *bus = bus_of(t);
	size_t i;

	for (i = 0; i < bus->topic_count; i++)
		psm__mem_topic_free(bus->topics[i]);
	psm__free(bus->topics);
	for (i = 0; i < bus->group_count; i++)
		psm__mem_group_free(bus->groups[i]);
	psm__free(bus->groups);
	pthread_cond_destroy(&bus->changed);
	pthread_mutex_destroy(&bus->lock);
	psm__free(bus);
}

static const struct psm__transport_ops memory_ops = {
    .name = "memory",
    .ends_with_process = 1,
    .open_sink = psm__mem_open_sink,
    .open_source = psm__mem_open_source,
    .open_reader = psm__mem_open_reader,
    .lag = psm__mem_group_lag,
    .free = memory_free,
};

int
psm_transport_memory(int partitions, psm_transport **out, psm_error *err)
{
	struct psm__bus *bus;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (partitions < 1 || partitions > PSM__MEMORY_PARTITIONS_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "partitions: want 1 to %d, got %d",
		                 PSM__MEMORY_PARTITIONS_MAX, partitions);
	bus = psm__alloc(sizeof(*bus));
	if (!bus)
		return psm__nomem(err);
	bus->base.ops = &memory_ops;
	bus->base.refs = 1;
	bus->partitions = partitions;
	if (psm__cond_init(&bus->changed) < 0) {
		psm__free(bus);
		return psm__nomem(err);
	}
	pthread_mutex_init(&bus->lock, NULL);
	*out = &bus->base;
	return 0;
}

void
psm__memory_set_down(psm_transport *t, int down)
{
	struct psm__bus *bus = bus_of(t);

	pthread_mutex_lock(&bus->lock);
	bus->down = down;
	pthread_cond_broadcast(&bus->changed);
	pthread_mutex_unlock(&bus->lock);
}

void
psm__memory_fail_next(psm_transport *t, int count, int rc)
{
	struct psm__bus *bus = bus_of(t);

	pthread_mutex_lock(&bus->lock);
	bus->fail_count = count;
	bus->fail_rc = rc;
	pthread_mutex_unlock(&bus->lock);
}

/* Each partition of topic keeps `keep`; the next offset is reset for a new
 * log. */
static void
cut(psm_transport *t, const char *topic, size_t keep, int recreated)
{
	struct psm__bus *bus = bus_of(t);
	struct psm__mem_topic *found;
	int32_t i;

	pthread_mutex_lock(&bus->lock);
	found = psm__mem_topic(bus, topic);
	for (i = 0; found && i < bus->partitions; i++) {
		while (found->parts[i].count > keep)
			psm__mem_drop_oldest(&found->parts[i]);
		if (recreated)
			found->parts[i].next = 0;
	}
	if (found)
		found->epoch += recreated;
	pthread_cond_broadcast(&bus->changed);
	pthread_mutex_unlock(&bus->lock);
}

void
psm__memory_wipe(psm_transport *t, const char *topic)
{
	cut(t, topic, 0, 1);
}

void
psm__memory_retain(psm_transport *t, const char *topic, size_t keep)
{
	cut(t, topic, keep, 0);
}

int64_t
psm__memory_count(psm_transport *t, const char *topic)
{
	struct psm__bus *bus = bus_of(t);
	struct psm__mem_topic *found;
	int64_t count = 0;
	int32_t i;

	pthread_mutex_lock(&bus->lock);
	found = psm__mem_topic(bus, topic);
	for (i = 0; found && i < bus->partitions; i++)
		count += found->parts[i].next;
	pthread_mutex_unlock(&bus->lock);
	return count;
}

int
psm__memory_put(psm_transport *t, const char *topic, const char *key,
                const void *value, size_t len)
{
	struct psm__message m = {
	    .topic = topic,
	    .key = key,
	    .key_len = key ? strlen(key) : 0,
	    .value = value,
	    .value_len = len,
	};

	return psm__memory_put_message(t, &m);
}

int
psm__memory_put_message(psm_transport *t, const struct psm__message *message)
{
	struct psm__bus *bus = bus_of(t);
	struct psm__mem_message *m = psm__mem_message(message);
	struct psm__mem_topic *found;
	int rc = PSM_ERR_NOMEM;

	if (!m)
		return rc;
	pthread_mutex_lock(&bus->lock);
	found = psm__mem_topic(bus, message->topic);
	if (found)
		rc = psm__mem_append(bus, found, m);
	pthread_mutex_unlock(&bus->lock);
	if (rc < 0)
		psm__free(m);
	return rc;
}
