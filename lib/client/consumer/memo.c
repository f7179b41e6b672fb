/* SPDX-License-Identifier: BSD-2-Clause */
/* How far partitions were handled that went away, in case they come back. */
#include <string.h>

#include "client/consumer/consumer_int.h"

static struct psm__cmemo *
find_memo(psm_consumer *c, const char *topic, int32_t partition)
{
	size_t i;

	for (i = 0; i < c->memo_count; i++)
		if (c->memos[i].partition == partition &&
		    strcmp(c->memos[i].topic, topic) == 0)
			return &c->memos[i];
	return NULL;
}

void
psm__memo_remember(psm_consumer *c, const struct psm__cpart *part)
{
	struct psm__cmemo *memo = find_memo(c, part->topic, part->partition);

	if (part->next < 0)
		return;
	if (!memo) {
		if (psm__grow(&c->memos, &c->memo_cap, c->memo_count + 1,
		              sizeof(*memo)) < 0)
			return;
		memo = &c->memos[c->memo_count];
		memo->topic = psm__strdup(part->topic);
		if (!memo->topic)
			return;
		memo->partition = part->partition;
		c->memo_count++;
	}
	memo->next = part->next;
	memo->confirmed = part->confirmed;
	memo->incarnation = part->incarnation;
}

/* A group forgets what it had only with the topic. */
static int
is_recreated(const struct psm__cmemo *memo, int64_t committed,
             int64_t incarnation)
{
	if (memo->incarnation != 0 && incarnation != 0 &&
	    memo->incarnation != incarnation)
		return 1;
	return committed != PSM__COMMITTED_UNKNOWN &&
	       committed < memo->confirmed;
}

static void
tell_recreated(psm_consumer *c, const struct psm__cmemo *memo,
               int64_t committed)
{
	struct psm__gap gap = {.topic = memo->topic,
	                       .partition = memo->partition,
	                       .from = memo->next,
	                       .to = committed > 0 ? committed : 0};

	if (gap.from < gap.to)
		gap.from = gap.to;
	psm__source_log_gap(c->group, &gap);
	psm__consumer_gap(&gap, c);
}

/*
 * A handler that ran longer than the group waits costs us the partition, and
 * its commit is refused. If no other consumer has come further until we get it back,
 * we go on behind what we handled: else the same events would come for ever.
 * But what we handled of a log that is gone says nothing of the new one.
 */
int64_t
psm__memo_recall(psm_consumer *c, const char *topic, int32_t partition,
                 int64_t committed, int64_t incarnation)
{
	struct psm__cmemo *memo = find_memo(c, topic, partition);
	struct psm__cpart *part;
	int64_t at = -1;

	if (memo && is_recreated(memo, committed, incarnation)) {
		tell_recreated(c, memo, committed);
		memo->next = memo->confirmed = -1;
	}
	/* Not against a group that cannot be asked: the log may be new. */
	if (memo && committed != PSM__COMMITTED_UNKNOWN &&
	    memo->next > committed)
		at = memo->next;
	part = psm__cpart_get(c, topic, partition);
	if (!part)
		return at;
	part->incarnation = incarnation;
	part->confirmed = committed;
	if (committed == PSM__COMMITTED_UNKNOWN)
		part->confirmed = memo ? memo->confirmed : -1;
	if (at >= 0)
		part->next = at; /* to be committed, still */
	return at;
}

void
psm__memo_forget_all(psm_consumer *c)
{
	while (c->memo_count)
		psm__free(c->memos[--c->memo_count].topic);
	psm__free(c->memos);
	c->memos = NULL;
}
