/* SPDX-License-Identifier: BSD-2-Clause */
/* The partitions of a processor: where each stands, and what it waits for. */
#include "flow/processor/processor_int.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* The same topic on two transports is two logs with offsets of their own. */
static char *
name_log(const psm_transport *t, const char *topic)
{
	const char *realm = t->ops->realm ? t->ops->realm : "";
	size_t size = strlen(realm) + strlen(topic) + 1;
	char *name = psm__alloc(size);

	if (name)
		(void)snprintf(name, size, "%s%s", realm, topic);
	return name;
}

/* Index of the partition, which is made if it is new; -1: out of memory. */
int
psm__part_index(psm_processor *pr, const char *topic, int32_t partition)
{
	struct psm__part *p;
	size_t i;

	for (i = 0; i < pr->part_count; i++)
		if (pr->parts[i].partition == partition &&
		    strcmp(pr->parts[i].topic, topic) == 0)
			return (int)i;
	if (psm__grow(&pr->parts, &pr->part_cap, pr->part_count + 1,
	              sizeof *pr->parts) < 0)
		return -1;
	p = &pr->parts[pr->part_count];
	memset(p, 0, sizeof *p);
	p->log = name_log(pr->t, topic);
	if (!p->log)
		return -1;
	p->topic = p->log + strlen(p->log) - strlen(topic);
	p->partition = partition;
	p->next = -1;
	p->reread = PSM__NOT_AGAIN;
	p->gap_from = p->gap_to = -1;
	return (int)pr->part_count++;
}

struct psm__part *
psm__part_find(psm_processor *pr, const char *topic, int32_t partition)
{
	int i = psm__part_index(pr, topic, partition);

	return i < 0 ? NULL : &pr->parts[i];
}

struct psm__place
psm__part_place(const psm_processor *pr, const struct psm__part *p)
{
	return (struct psm__place){pr->name, p->log, p->partition,
	                           p->incarnation};
}

/* -- what is known of its row */

#define TO(s) (1u << (s))
static const struct {
	const char *name;
	unsigned may_follow;
} states[PSM__N_PART_STATES] = {
    [PSM__PART_UNREAD] = {"unread",
                          TO(PSM__PART_KNOWN) | TO(PSM__PART_RECREATED)},
    [PSM__PART_KNOWN] = {"known", TO(PSM__PART_UNREAD) | TO(PSM__PART_CLAIMED) |
                                      TO(PSM__PART_RECREATED)},
    [PSM__PART_CLAIMED] = {"claimed",
                           TO(PSM__PART_UNREAD) | TO(PSM__PART_RECREATED)},
    [PSM__PART_RECREATED] = {"recreated", TO(PSM__PART_KNOWN)},
};

int
psm__part_may_move(enum psm__part_state from, enum psm__part_state to)
{
	return (states[from].may_follow & TO(to)) != 0;
}

void
psm__part_set_state(struct psm__part *p, enum psm__part_state to)
{
	enum psm__part_state from = p->state;
	char at[16];

	if (from == to)
		return;
	assert(psm__part_may_move(from, to));
	p->state = to;
	(void)snprintf(at, sizeof at, "%d", (int)p->partition);
	psm__log(PSM_LOG_DEBUG, "partition state", "topic", p->topic,
	         "partition", at, "from", states[from].name, "to",
	         states[to].name, NULL);
}

int
psm__part_is_known(const struct psm__part *p)
{
	return p->state == PSM__PART_KNOWN || p->state == PSM__PART_CLAIMED;
}

void
psm__part_forget_row(struct psm__part *p)
{
	/* That the topic was recreated is known until the row is moved. */
	if (p->state != PSM__PART_RECREATED)
		psm__part_set_state(p, PSM__PART_UNREAD);
}

/* -- what it waits for */

static int
is_full(enum psm__part_wait wait)
{
	return wait == PSM__WAIT_KEY || wait == PSM__WAIT_KEYS;
}

static void
tell_full(psm_processor *pr, const struct psm__part *p,
          enum psm__part_wait wait)
{
	int64_t most =
	    wait == PSM__WAIT_KEY ? pr->parked_key_max : pr->parked_keys_max;
	char why[160];

	(void)snprintf(why, sizeof why, "%.80s[%d]: %lld %s", p->topic,
	               (int)p->partition, (long long)most,
	               wait == PSM__WAIT_KEY ? "events of one key are parked"
	                                     : "keys have parked events");
	psm__log(PSM_LOG_ERROR,
	         "a partition waits: no more events may be parked", "consumer",
	         pr->name, "reason", why, NULL);
	(void)pthread_mutex_lock(&pr->lock);
	(void)snprintf(pr->full_why, sizeof pr->full_why, "%s", why);
	(void)pthread_mutex_unlock(&pr->lock);
}

void
psm__part_set_wait(psm_processor *pr, struct psm__part *p,
                   enum psm__part_wait wait)
{
	if (is_full(wait) && wait != p->wait)
		tell_full(pr, p, wait);
	if (is_full(wait) != is_full(p->wait))
		(void)__atomic_add_fetch(&pr->full, is_full(wait) ? 1 : -1,
		                         __ATOMIC_RELAXED);
	if (!wait != !p->wait)
		(void)__atomic_add_fetch(&pr->retrying, wait ? 1 : -1,
		                         __ATOMIC_RELAXED);
	p->wait = wait;
	psm__metric_set(
	    psm__gauge("psymatch_processor_full", "consumer", pr->name,
	               "Partitions that wait because too much is parked."),
	    __atomic_load_n(&pr->full, __ATOMIC_RELAXED));
}

/* Go on behind the message that waited for another try. */
void
psm__part_end_retry(psm_processor *pr, struct psm__part *p)
{
	if (p->wait == PSM__NO_WAIT)
		return;
	pr->source->ops->release(pr->source, &p->record);
	/* It fails only when the partition is not ours any more. */
	(void)pr->source->ops->pause(pr->source, p->topic, p->partition, 0,
	                             NULL);
	p->attempt = p->looks = 0;
	psm__part_set_wait(pr, p, PSM__NO_WAIT);
}

/* -- starting again */

void
psm__part_reset(psm_processor *pr, struct psm__part *p)
{
	size_t i;

	for (i = 0; i < pr->batch.count; i++)
		if (&pr->parts[pr->batch.items[i].part] == p)
			pr->batch.items[i].gone = 1;
	/* The memory of a kept message goes; its item is not looked at. */
	psm__part_end_retry(pr, p);
	psm__kept_drop(pr, p);
	psm__part_forget_row(p);
	p->next = -1;
	p->reread = PSM__NOT_AGAIN;
	p->from_earliest = 0;
}

void
psm__part_reread(psm_processor *pr, struct psm__part *p, int64_t from)
{
	psm__part_reset(pr, p);
	p->reread = from;
}

/* -- whose it is */

static const unsigned use_may_follow[PSM__N_PART_USES] = {
    [PSM__PART_AWAY] = TO(PSM__PART_ASSIGNED),
    [PSM__PART_ASSIGNED] = TO(PSM__PART_AWAY) | TO(PSM__PART_IN_BATCH),
    [PSM__PART_IN_BATCH] = TO(PSM__PART_AWAY) | TO(PSM__PART_ASSIGNED),
};

int
psm__part_may_use(enum psm__part_use from, enum psm__part_use to)
{
	return (use_may_follow[from] & TO(to)) != 0;
}

void
psm__part_set_use(psm_processor *pr, struct psm__part *p, enum psm__part_use to)
{
	enum psm__part_use from = p->use;

	if (from == to)
		return;
	assert(psm__part_may_use(from, to));
	p->use = to;
	if (from == PSM__PART_AWAY || to == PSM__PART_AWAY)
		(void)__atomic_add_fetch(&pr->assigned,
		                         to == PSM__PART_AWAY ? -1 : 1,
		                         __ATOMIC_RELAXED);
}
