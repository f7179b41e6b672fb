/* SPDX-License-Identifier: BSD-2-Clause */
/* The partitions of a consumer: what is finished, what waits for a retry. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/consumer/consumer_int.h"

/* The wait before try n is drawn from 1 to min(cap, first * 2^n): the full
 * spread keeps consumers from coming back together. */
#define RETRY_FIRST_MS 100
#define RETRY_CAP_MS 30000

static size_t
find(const psm_consumer *c, const char *topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < c->part_count; i++)
		if (c->parts[i]->partition == partition &&
		    strcmp(c->parts[i]->topic, topic) == 0)
			break;
	return i;
}

struct psm__cpart *
psm__cpart_get(psm_consumer *c, const char *topic, int32_t partition)
{
	struct psm__cpart *part;
	size_t i = c->last_part;

	/* Records come in runs of one partition. */
	if (i < c->part_count && c->parts[i]->partition == partition &&
	    strcmp(c->parts[i]->topic, topic) == 0)
		return c->parts[i];
	i = find(c, topic, partition);
	if (i == c->part_count) {
		if (psm__grow(&c->parts, &c->part_cap, c->part_count + 1,
		              sizeof(struct psm__cpart *)) < 0)
			return NULL;
		part = psm__alloc(sizeof(*part));
		if (!part)
			return NULL;
		part->topic = psm__strdup(topic);
		if (!part->topic) {
			psm__free(part);
			return NULL;
		}
		part->partition = partition;
		part->next = part->committed = part->confirmed = -1;
		c->parts[c->part_count++] = part;
		__atomic_store_n(&c->assigned, (int64_t)c->part_count,
		                 __ATOMIC_RELAXED);
	}
	c->last_part = i;
	return c->parts[i];
}

/* What health() says of the retries. */
static void
tell_retries(psm_consumer *c, const struct psm__cpart *part)
{
	pthread_mutex_lock(&c->lock);
	if (c->retrying == 0)
		c->retry_since_ms = 0;
	else if (c->retry_since_ms == 0)
		c->retry_since_ms = psm__mono_ms();
	if (part)
		snprintf(c->retry_where, sizeof(c->retry_where),
		         part->dead_letter
		             ? "%.80s[%d] offset %lld, its dead letter"
		             : "%.80s[%d] offset %lld, try %u",
		         part->topic, (int)part->partition,
		         (long long)part->rec.offset, part->attempts + 1);
	pthread_mutex_unlock(&c->lock);
}

static void
set_retrying(psm_consumer *c, struct psm__cpart *part, int on)
{
	size_t now = c->retrying + (size_t)on - (size_t)part->retrying;

	part->retrying = on;
	__atomic_store_n(&c->retrying, now, __ATOMIC_RELAXED);
}

static void
part_free(psm_consumer *c, struct psm__cpart *part)
{
	psm__dlq_drop(part->dead_letter);
	if (part->retrying) {
		c->source->ops->release(c->source, &part->rec);
		set_retrying(c, part, 0);
		tell_retries(c, NULL);
	}
	psm__free(part->topic);
	psm__free(part);
}

void
psm__cpart_drop(psm_consumer *c, const char *topic, int32_t partition)
{
	size_t i = find(c, topic, partition);

	if (i == c->part_count)
		return;
	part_free(c, c->parts[i]);
	c->parts[i] = c->parts[--c->part_count];
	__atomic_store_n(&c->assigned, (int64_t)c->part_count,
	                 __ATOMIC_RELAXED);
}

void
psm__cpart_drop_all(psm_consumer *c)
{
	while (c->part_count)
		part_free(c, c->parts[--c->part_count]);
}

void
psm__cpart_confirmed(psm_consumer *c, const char *topic, int32_t partition,
                     int64_t next)
{
	size_t i = find(c, topic, partition);

	if (i < c->part_count)
		c->parts[i]->confirmed = next;
}

/* xorshift64: a spread, not a secret. */
static int
draw(psm_consumer *c, int limit)
{
	c->dice ^= c->dice << 13;
	c->dice ^= c->dice >> 7;
	c->dice ^= c->dice << 17;
	return 1 + (int)(c->dice % (uint64_t)limit);
}

static int
retry_delay(psm_consumer *c, unsigned attempts)
{
	int limit = RETRY_CAP_MS;

	if (attempts < 9 && (RETRY_FIRST_MS << attempts) < RETRY_CAP_MS)
		limit = RETRY_FIRST_MS << attempts;
	return draw(c, limit);
}

void
psm__cpart_retry(psm_consumer *c, struct psm__cpart *part,
                 const struct psm__record *rec)
{
	if (part->retrying) {
		part->attempts += !part->dead_letter;
	} else {
		part->rec = *rec;
		part->attempts = 1;
		set_retrying(c, part, 1);
		/* Until we say so: the next record must not come first. It
		 * can fail only when the partition was taken away, and then
		 * revoked drops this. */
		(void)c->source->ops->pause(c->source, part->topic,
		                            part->partition, INT_MAX, NULL);
	}
	if (part->dead_letter) {
		part->due_ms = psm__dlq_due(part->dead_letter);
		tell_retries(c, part);
		return;
	}
	part->due_ms = psm__mono_ms() + retry_delay(c, part->attempts - 1);
	__atomic_add_fetch(&c->counts.retried, 1, __ATOMIC_RELAXED);
	psm__metric_add(c->counts.m_retried, 1);
	tell_retries(c, part);
}

void
psm__cpart_retry_done(psm_consumer *c, struct psm__cpart *part)
{
	c->source->ops->release(c->source, &part->rec);
	set_retrying(c, part, 0);
	(void)c->source->ops->pause(c->source, part->topic, part->partition, 0,
	                            NULL); /* as above */
	tell_retries(c, NULL);
}

struct psm__cpart *
psm__cpart_due(psm_consumer *c, int *wait_ms)
{
	int64_t now;
	size_t i;

	if (c->retrying == 0)
		return NULL;
	now = psm__mono_ms();
	for (i = 0; i < c->part_count; i++) {
		struct psm__cpart *part = c->parts[i];

		if (!part->retrying)
			continue;
		if (part->due_ms <= now)
			return part;
		if (part->due_ms - now < *wait_ms)
			*wait_ms = (int)(part->due_ms - now);
	}
	return NULL;
}

static int
is_dirty(const struct psm__cpart *part)
{
	return part->next >= 0 && part->next != part->committed;
}

int
psm__cpart_commit_one(psm_consumer *c, struct psm__cpart *part, int wait,
                      psm_error *err)
{
	int64_t there = wait ? part->confirmed : part->committed;
	int rc;

	if (part->next < 0 || part->next == there)
		return 0;
	rc = c->source->ops->commit(c->source, part->topic, part->partition,
	                            part->next, wait, err);
	if (rc == 0)
		part->committed = part->next;
	return rc;
}

/* Commits are answered in order, so only the last one is waited for. */
int
psm__cpart_commit(psm_consumer *c, int wait, psm_error *err)
{
	size_t last = 0;
	int first = 0;
	size_t i;

	for (i = 0; i < c->part_count; i++)
		if (is_dirty(c->parts[i]))
			last = i;
	for (i = 0; i < c->part_count; i++) {
		int rc = psm__cpart_commit_one(c, c->parts[i],
		                               wait && i == last, err);

		if (rc < 0 && first == 0)
			first = rc;
	}
	return first;
}
