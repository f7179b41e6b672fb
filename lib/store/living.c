/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading one's own writes elsewhere: a commit waits until those consumers have
 * handled its events that live and have a handler for them. One that is late
 * costs one deadline; after that it is not waited for until it has caught up.
 */
#include "store/living.h"
#include "store/alive.h"
#include "store/pool.h"
#include "store/wait.h"

#include <stdio.h>
#include <string.h>

#define LIVING_SQL                                                             \
	"SELECT consumer FROM psymatch.consumer_alive WHERE seen_at > "        \
	"clock_timestamp() - " PSM__ALIVE_SQL
/* Pairs of event and consumer of one commit; of more the last ones. */
#define PAIRS_MAX 64

/* @locks late->lock held. NULL: it is not late. */
static struct psm__late_consumer *
find_locked(struct psm__late *late, const char *consumer)
{
	size_t i;

	for (i = 0; i < late->count; i++)
		if (strcmp(late->list[i].consumer, consumer) == 0)
			return &late->list[i];
	return NULL;
}

/* @locks late->lock held */
static void
forget_locked(struct psm__late *late, struct psm__late_consumer *l)
{
	psm__log(PSM_LOG_INFO, "consumer has caught up: commits wait for it",
	         "consumer", l->consumer, NULL);
	*l = late->list[--late->count];
}

/* @locks its lock held */
static void
set_newest_locked(struct psm__late_consumer *l, const struct psm__awaited *w,
                  int64_t at_ms)
{
	(void)snprintf(l->newest, sizeof l->newest, "%s", w->event_id);
	(void)snprintf(l->newest_type, sizeof l->newest_type, "%s", w->type);
	l->newest_ms = at_ms;
}

/* The newest is what it has to handle next. @locks its lock held */
static void
set_first_locked(struct psm__late_consumer *l)
{
	memcpy(l->first, l->newest, sizeof l->first);
	memcpy(l->first_type, l->newest_type, sizeof l->first_type);
	l->first_ms = l->newest_ms;
}

static struct psm__awaited
awaited(const char *consumer, const char *event_id, const char *type)
{
	return (struct psm__awaited){
	    .consumer = consumer, .event_id = event_id, .type = type};
}

/*
 * Has it caught up? If all that it was not waited for is decided, or if the
 * first of it was within the time that a commit waits. Else the newest is what
 * it has to handle next.
 */
static void
check_caught_up(struct psm__late *late, const struct psm__late_consumer *was,
                const struct psm__awaited *looked, int wait_ms)
{
	struct psm__late_consumer *l;
	int64_t took_ms = psm__mono_ms() - was->first_ms;

	if (looked[0].state == PSM__AWAIT_OPEN)
		return;
	(void)pthread_mutex_lock(&late->lock);
	l = find_locked(late, was->consumer);
	/* Another thread may have looked meanwhile. */
	if (l && strcmp(l->first, was->first) == 0) {
		if (looked[1].state != PSM__AWAIT_OPEN || took_ms < wait_ms)
			forget_locked(late, l);
		else
			set_first_locked(l);
	}
	(void)pthread_mutex_unlock(&late->lock);
}

/* 1: w is of a consumer that is late; it knows of w then. */
static int
is_late(struct psm__late *late, psm_store *st, const struct psm__awaited *w,
        int wait_ms)
{
	struct psm__late_consumer was, *l;
	struct psm__awaited look[2];

	(void)pthread_mutex_lock(&late->lock);
	l = find_locked(late, w->consumer);
	if (l)
		was = *l;
	(void)pthread_mutex_unlock(&late->lock);
	if (!l)
		return 0;
	look[0] = awaited(was.consumer, was.first, was.first_type);
	look[1] = awaited(was.consumer, was.newest, was.newest_type);
	/* Whatever it returns, the states tell. */
	(void)psm__await(st, look, 2, 0, NULL);
	check_caught_up(late, &was, look, wait_ms);
	(void)pthread_mutex_lock(&late->lock);
	l = find_locked(late, w->consumer);
	if (l)
		set_newest_locked(l, w, psm__mono_ms());
	(void)pthread_mutex_unlock(&late->lock);
	return l != NULL;
}

/* It was committed at at_ms. */
static void
become_late(struct psm__late *late, const struct psm__awaited *w, int64_t at_ms)
{
	struct psm__late_consumer *l;

	(void)pthread_mutex_lock(&late->lock);
	l = find_locked(late, w->consumer);
	if (l) { /* another commit found it late before */
		set_newest_locked(l, w, at_ms);
	} else if (late->count < PSM__LATE_MAX) {
		l = &late->list[late->count++];
		(void)snprintf(l->consumer, sizeof l->consumer, "%s",
		               w->consumer);
		set_newest_locked(l, w, at_ms);
		set_first_locked(l);
		psm__log(PSM_LOG_WARN,
		         "consumer is late: commits do not wait for it",
		         "consumer", w->consumer, NULL);
	}
	(void)pthread_mutex_unlock(&late->lock);
}

/* Those that are not late, in their order; how many. */
static size_t
leave_out_late(struct psm__late *late, psm_store *st, struct psm__awaited *list,
               size_t count, int wait_ms)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++)
		if (!is_late(late, st, &list[i], wait_ms))
			list[kept++] = list[i];
	return kept;
}

void
psm__living_ask(const struct psm__outgoing *out, struct psm__conn *c,
                psm_rows **living)
{
	struct psm__awaited one;

	if (psm__outgoing_living(out, &one, 1) > 0)
		psm__conn_queue_after(c, LIVING_SQL, living);
}

/* Of all types: whether it handles this one, the look tells. */
static int
lives(const psm_rows *living, const char *consumer)
{
	size_t i, len = strlen(consumer);
	const char *name;

	for (i = 0; i < psm_rows_count(living); i++) {
		name = psm_rows_text(living, i, 0);
		if (strncmp(name, consumer, len) == 0 &&
		    (name[len] == '\0' || name[len] == '-'))
			return 1;
	}
	return 0;
}

/* Those that live, in their order; how many. */
static size_t
leave_out_dead(const psm_rows *living, struct psm__awaited *list, size_t count)
{
	size_t i, kept = 0;

	for (i = 0; i < count; i++)
		if (!living || lives(living, list[i].consumer))
			list[kept++] = list[i];
	return kept;
}

void
psm__living_wait(const struct psm__outgoing *out, psm_store *st, int wait_ms,
                 const psm_rows *living)
{
	struct psm__late *late = psm__pool_late(st);
	struct psm__awaited list[PAIRS_MAX];
	int64_t now_ms = psm__mono_ms();
	size_t i, count = psm__outgoing_living(out, list, PAIRS_MAX);

	count = leave_out_dead(living, list, count);
	count = leave_out_late(late, st, list, count, wait_ms);
	if (count == 0 ||
	    psm__await(st, list, count, wait_ms, NULL) != PSM_ERR_TIMEOUT)
		return;
	for (i = 0; i < count; i++)
		if (list[i].state == PSM__AWAIT_OPEN)
			become_late(late, &list[i], now_ms);
}
