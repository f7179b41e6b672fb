/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/processor/breaker.h"

#include "store/store.h"

#include <assert.h>

static const char *const names[PSM__N_BREAKER_STATES] = {
    [PSM__BREAKER_CLOSED] = "closed",
    [PSM__BREAKER_HALF_OPEN] = "half-open",
    [PSM__BREAKER_OPEN] = "open",
};

#define TO(s) (1u << (s))
static const unsigned may_follow[PSM__N_BREAKER_STATES] = {
    [PSM__BREAKER_CLOSED] = TO(PSM__BREAKER_OPEN),
    [PSM__BREAKER_HALF_OPEN] = TO(PSM__BREAKER_OPEN) | TO(PSM__BREAKER_CLOSED),
    [PSM__BREAKER_OPEN] = TO(PSM__BREAKER_HALF_OPEN),
};

static void
set_state(struct psm__breaker *b, enum psm__breaker_state state)
{
	assert(may_follow[b->state] & TO(state));
	b->state = state;
}

const char *
psm__breaker_name(enum psm__breaker_state state)
{
	return names[state];
}

int
psm__breaker_allow(struct psm__breaker *b, int64_t now_ms, int max)
{
	if (b->state == PSM__BREAKER_OPEN && now_ms >= b->until_ms)
		set_state(b, PSM__BREAKER_HALF_OPEN);
	b->proved = 0;
	if (b->state == PSM__BREAKER_OPEN)
		return 0;
	if (b->state == PSM__BREAKER_HALF_OPEN)
		return 1;
	return b->most > 0 && b->most < max ? b->most : max;
}

/* An event that is tried again takes its own place. */
static void
remember(struct psm__breaker *b, const struct psm__trial *t)
{
	size_t i = 0;

	while (i < b->count && b->last[i].event != t->event)
		i++;
	if (i == b->count) {
		i = b->at;
		b->at = (b->at + 1) % PSM__BREAKER_WINDOW;
		if (b->count < PSM__BREAKER_WINDOW)
			b->count++;
	}
	b->last[i].event = t->event;
	b->last[i].code = t->code;
}

/* 1: more than half of a full window say so. */
static int
is_common(const struct psm__breaker *b, int code)
{
	size_t i, same = 0;

	for (i = 0; i < b->count; i++)
		same += b->last[i].code == code;
	return b->count == PSM__BREAKER_WINDOW &&
	       same > PSM__BREAKER_WINDOW / 2;
}

/* 1: as many keys as it takes have failed in a row. */
static int
is_streak(struct psm__breaker *b, const struct psm__trial *t)
{
	size_t i;

	if (b->key_count > 0 && b->code != t->code)
		b->key_count = 0;
	b->code = t->code;
	for (i = 0; i < b->key_count; i++)
		if (b->keys[i] == t->key)
			return 0;
	b->keys[b->key_count++] = t->key;
	return b->key_count == PSM__BREAKER_KEYS;
}

static int
open_now(struct psm__breaker *b, int code, int64_t now_ms)
{
	set_state(b, PSM__BREAKER_OPEN);
	b->cause = code;
	b->count = b->at = b->key_count = 0;
	b->until_ms = now_ms + psm__backoff_ms(b->opened, PSM__BREAKER_BASE_MS,
	                                       PSM__BREAKER_CAP_MS);
	b->opened++;
	return 1;
}

int
psm__breaker_feed(struct psm__breaker *b, const struct psm__trial *t,
                  int64_t now_ms)
{
	int streak;

	if (b->state == PSM__BREAKER_OPEN)
		return t->code != 0; /* handled beside the one that opened it */
	remember(b, t);
	if (t->code == 0) {
		b->key_count = 0;
		b->proved = 1;
		return 0;
	}
	streak = is_streak(b, t);
	/* A probe that fails for another reason says nothing about the cause:
	 * it is the event's own affair, and the next one is tried. */
	if (streak || is_common(b, t->code) ||
	    (b->state == PSM__BREAKER_HALF_OPEN && t->code == b->cause))
		return open_now(b, t->code, now_ms);
	return 0;
}

void
psm__breaker_committed(struct psm__breaker *b)
{
	if (b->state == PSM__BREAKER_HALF_OPEN && b->proved) {
		set_state(b, PSM__BREAKER_CLOSED);
		/* Small batches first: if it opens again, what was handled
		 * before that stays handled. */
		b->most = 2;
	} else if (b->state == PSM__BREAKER_CLOSED && b->most > 0) {
		b->most = b->most < PSM__BREAKER_WINDOW ? b->most * 2 : 0;
	}
	if (b->state == PSM__BREAKER_CLOSED && b->count == PSM__BREAKER_WINDOW)
		b->opened = 0;
}
