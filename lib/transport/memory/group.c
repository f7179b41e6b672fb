/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups of the memory transport: who reads which partition.
 *
 * A partition moves in two steps, so that it never has two readers: the group
 * names a target; the owner gives it up in its own poll (after its revoked
 * callback), then the target takes it in its poll (start_at). Callbacks run
 * outside the lock; the cursor array may move meanwhile, so cursors are found
 * again by index.
 */
#include <string.h>

#include "transport/memory/memory.h"
#include "transport/memory/memory_int.h"

static int
wants(const struct psm__mem_source *s, const char *topic)
{
	size_t i;

	for (i = 0; i < s->topic_count; i++)
		if (strcmp(s->topics[i], topic) == 0)
			return 1;
	return 0;
}

/* Members that read the topic; the nth of them into *member if there. */
static size_t
readers(const struct psm__mem_group *g, const char *topic, size_t nth,
        struct psm__mem_source **member)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < g->member_count; i++)
		if (wants(g->members[i], topic)) {
			if (count++ == nth)
				*member = g->members[i];
		}
	return count;
}

/* Neighbouring partitions go to the same member, as Kafka's range assignor
 * does it. @locks bus->lock held */
static void
rebalance(struct psm__bus *bus, struct psm__mem_group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		struct psm__mem_cursor *cur = &g->cursors[i];
		struct psm__mem_source *member = NULL;
		size_t count = readers(g, cur->topic->name, 0, &member);

		cur->target = NULL;
		if (!count)
			continue;
		readers(g, cur->topic->name,
		        (size_t)cur->partition * count /
		            (size_t)bus->partitions,
		        &cur->target);
	}
	pthread_cond_broadcast(&bus->changed);
}

/* @locks bus->lock held */
static int
add_cursors(struct psm__mem_source *s, const char *name)
{
	struct psm__mem_topic *topic = psm__mem_topic(s->bus, name);
	struct psm__mem_group *g = s->group;
	size_t want = g->count + (size_t)s->bus->partitions;
	int32_t p;
	size_t i;

	if (!topic)
		return PSM_ERR_NOMEM;
	for (i = 0; i < g->count; i++)
		if (g->cursors[i].topic == topic)
			return 0;
	if (psm__grow(&g->cursors, &g->cap, want, sizeof(*g->cursors)) < 0)
		return PSM_ERR_NOMEM;
	for (p = 0; p < s->bus->partitions; p++) {
		struct psm__mem_cursor *cur = &g->cursors[g->count++];

		memset(cur, 0, sizeof(*cur));
		cur->topic = topic;
		cur->partition = p;
		cur->committed = -1;
	}
	return 0;
}

/* @locks bus->lock held */
int
psm__mem_join(struct psm__mem_source *s, const char *group)
{
	struct psm__mem_group *g = psm__mem_group(s->bus, group);
	size_t i;

	if (!g || psm__grow(&g->members, &g->member_cap, g->member_count + 1,
	                    sizeof(*g->members)) < 0)
		return PSM_ERR_NOMEM;
	s->group = g;
	s->evicted = 0;
	for (i = 0; i < s->topic_count; i++)
		if (add_cursors(s, s->topics[i]) < 0)
			return PSM_ERR_NOMEM;
	g->members[g->member_count++] = s;
	rebalance(s->bus, g);
	return 0;
}

int
psm__mem_group_lag(psm_transport *t, const char *name, int timeout_ms,
                   int64_t *out, psm_error *err)
{
	struct psm__bus *bus = (struct psm__bus *)t;
	const struct psm__mem_group *g;
	size_t i;

	(void)timeout_ms;
	pthread_mutex_lock(&bus->lock);
	g = psm__mem_find_group(bus, name);
	if (g && g->count == 0)
		g = NULL; /* it came without topics, or found no memory */
	*out = 0;
	for (i = 0; g && i < g->count; i++) {
		const struct psm__mem_cursor *cur = &g->cursors[i];
		const struct psm__mem_partition *part =
		    &cur->topic->parts[cur->partition];
		int64_t from = psm__mem_first(part);

		if (cur->committed_epoch == cur->topic->epoch &&
		    cur->committed > from)
			from = cur->committed;
		*out += part->next - from;
	}
	pthread_mutex_unlock(&bus->lock);
	return g ? 0
	         : psm__fail(err, PSM_ERR_NOT_FOUND,
	                     "the group %s has read nothing yet", name);
}

/* @locks bus->lock held */
void
psm__mem_leave(struct psm__mem_source *s)
{
	struct psm__mem_group *g = s->group;
	size_t i, kept = 0;

	for (i = 0; i < g->count; i++) {
		if (g->cursors[i].owner == s)
			g->cursors[i].owner = NULL;
		if (g->cursors[i].loser == s)
			g->cursors[i].loser = NULL;
	}
	for (i = 0; i < g->member_count; i++)
		if (g->members[i] != s)
			g->members[kept++] = g->members[i];
	g->member_count = kept;
	rebalance(s->bus, g);
}

/* Run the callback of one cursor. @locks bus->lock held, not during the
 * callback */
static void
tell_revoked(struct psm__mem_source *s, size_t i)
{
	struct psm__mem_cursor *cur = &s->group->cursors[i];
	const char *topic = cur->topic->name; /* lives as long as the bus */
	int32_t partition = cur->partition;

	if (!s->revoked)
		return;
	pthread_mutex_unlock(&s->bus->lock);
	s->revoked(topic, partition, s->user);
	pthread_mutex_lock(&s->bus->lock);
}

/* 1: a member that was evicted has not noticed yet. */
static int
has_loser(const struct psm__mem_group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		if (g->cursors[i].loser)
			return 1;
	return 0;
}

/* @locks bus->lock held */
static void
evict(struct psm__bus *bus, struct psm__mem_group *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		g->cursors[i].loser = g->cursors[i].owner;
		g->cursors[i].owner = NULL;
	}
	for (i = 0; i < g->member_count; i++)
		g->members[i]->evicted = 1;
	g->member_count = 0;
	rebalance(bus, g);
}

void
psm__memory_evict(psm_transport *t)
{
	struct psm__bus *bus = (struct psm__bus *)t;
	size_t i;

	pthread_mutex_lock(&bus->lock);
	for (i = 0; i < bus->group_count; i++)
		if (!has_loser(bus->groups[i]))
			evict(bus, bus->groups[i]);
	pthread_mutex_unlock(&bus->lock);
}

/* After an eviction: revoke what is gone, and join again; without memory, at
 * the next poll. @locks as tell_revoked */
static void
come_back(struct psm__mem_source *s)
{
	struct psm__mem_group *g = s->group;
	size_t i;

	if (psm__grow(&g->members, &g->member_cap, g->member_count + 1,
	              sizeof(*g->members)) < 0)
		return;
	g->members[g->member_count++] = s;
	s->evicted = 0;
	for (i = 0; i < g->count; i++)
		if (g->cursors[i].loser == s) {
			g->cursors[i].loser = NULL;
			tell_revoked(s, i);
		}
	rebalance(s->bus, g);
}

/* One cursor that must go. @locks as tell_revoked */
static void
give_up(struct psm__mem_source *s, size_t i)
{
	tell_revoked(s, i);
	s->group->cursors[i].owner = NULL;
	pthread_cond_broadcast(&s->bus->changed);
}

/* As give_up, for one that comes. */
static void
take_over(struct psm__mem_source *s, size_t i)
{
	struct psm__mem_cursor *cur = &s->group->cursors[i];
	const char *topic = cur->topic->name;
	int32_t partition = cur->partition;
	int64_t committed = cur->committed;
	int64_t at = -1;

	cur->owner = s;
	cur->held_until_ms = 0;
	if (s->start_at) {
		pthread_mutex_unlock(&s->bus->lock);
		at = s->start_at(topic, partition, committed, 0, s->user);
		pthread_mutex_lock(&s->bus->lock);
		cur = &s->group->cursors[i];
	}
	if (at < 0 && at != PSM__EARLIEST)
		at = committed;
	cur->epoch = cur->topic->epoch;
	if (at < 0) {
		cur->position = psm__mem_first(&cur->topic->parts[partition]);
		return;
	}
	if (at == committed)
		cur->epoch = cur->committed_epoch;
	cur->position = at;
}

/* Follow the group: one step at a time, because a callback ran in between.
 * @locks bus->lock held */
void
psm__mem_follow(struct psm__mem_source *s)
{
	size_t i;

	if (s->evicted)
		come_back(s);
	for (i = 0; i < s->group->count; i++) {
		struct psm__mem_cursor *cur = &s->group->cursors[i];

		if (cur->owner == s && cur->target != s)
			give_up(s, i);
	}
	for (i = 0; i < s->group->count; i++) {
		struct psm__mem_cursor *cur = &s->group->cursors[i];

		if (!cur->owner && cur->target == s)
			take_over(s, i);
	}
	s->assigned = 1;
}
