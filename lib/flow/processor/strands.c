/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Workers: a batch is split by key, each of them handles its share in
 * transactions of its own, and the processor's thread waits for all. So what
 * has one key is handled one after the other, in order, and a batch begins when
 * the one before has ended.
 */
#include "flow/processor/processor_int.h"

#include <stdio.h>
#include <string.h>

#include "transport/murmur2.h"

struct psm__strands {
	pthread_mutex_t lock;
	pthread_cond_t begin, end; /* lock */
	unsigned round;            /* lock: counts batches */
	size_t busy;               /* lock: strands that have not ended it */
	int quit;                  /* lock */
	size_t count, started;
	struct psm__strand strand[];
};

/* -- one share. @thread worker */

/* While this transaction lasts nobody takes the partitions over. */
static int
hold_offsets(struct psm__strand *l, psm_tx *tx)
{
	const psm_processor *pr = l->pr;
	struct psm__place *places = psm__array(l->count, sizeof *places);
	size_t count = 0, i, k;
	int held = 0, rc;

	if (!places)
		return psm__nomem(l->err);
	for (i = 0; i < l->count; i++) {
		const struct psm__part *p = &pr->parts[l->items[i]->part];

		/* Each partition has a name of its own. */
		for (k = 0; k < count && places[k].topic != p->log; k++)
			continue;
		if (k == count)
			places[count++] = psm__part_place(pr, p);
	}
	rc = psm__offset_hold(tx, places, count, pr->owner, &held, l->err);
	psm__free(places);
	if (rc == 0 && !held)
		rc = psm__fail(l->err, PSM_ERR_FENCED, PSM__FENCED);
	return rc;
}

static int
run_some(struct psm__strand *l, size_t from, size_t to)
{
	psm_tx *tx = NULL;
	size_t i;
	int rc = psm__strand_begin(l, &tx);

	/* Before it is known that they are ours still; but since the claim,
	 * which waited for them, others could put nothing aside unless they
	 * have claimed them too. */
	if (rc == 0)
		rc = psm__strand_ask(l, tx);
	for (i = from; i < to; i++)
		l->items[i]->stopped = 0;
	if (rc == 0)
		rc = hold_offsets(l, tx);
	if (rc == 0) {
		psm__strand_saw(l);
		rc = psm__strand_handle(l, tx, from, to);
	}
	return psm__strand_end(l, tx, rc);
}

static void
run_share(struct psm__strand *l)
{
	size_t i, end;

	l->rc = 0;
	l->stops = 0;
	psm__error_clear(l->err);
	for (i = 0; i < l->count && l->rc == 0; i = end) {
		end = l->count - i < PSM__BATCH_MAX ? l->count
		                                    : i + PSM__BATCH_MAX;
		l->careful = 0;
		do
			l->rc = run_some(l, i, end);
		while (psm__strand_unsure(l, l->rc));
	}
}

static void *
strand_main(void *arg)
{
	struct psm__strand *l = arg;
	struct psm__strands *all = l->pr->strands;
	unsigned round = 0;

	(void)pthread_mutex_lock(&all->lock);
	for (;;) {
		while (!all->quit && all->round == round)
			(void)pthread_cond_wait(&all->begin, &all->lock);
		if (all->quit)
			break;
		round = all->round;
		(void)pthread_mutex_unlock(&all->lock);
		if (l->count > 0)
			run_share(l);
		(void)pthread_mutex_lock(&all->lock);
		if (--all->busy == 0)
			(void)pthread_cond_signal(&all->end);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* -- the batch. @thread processor */

/* Who handles it: what has no key is kept in order by partition. */
static size_t
strand_of(const struct psm__strands *all, const struct psm__item *it)
{
	uint32_t hash = it->record.key
	                    ? psm__murmur2(it->record.key, it->record.key_len)
	                    : (uint32_t)it->record.partition;

	/* All keys of a partition agree in the low digits of the hash. */
	return (hash * UINT32_C(2654435761) >> 16) % all->count;
}

static void
share_out(psm_processor *pr)
{
	struct psm__strands *all = pr->strands;
	size_t i;

	for (i = 0; i < all->count; i++)
		all->strand[i].count = 0;
	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__strand *l;

		if (it->gone) /* and with it, perhaps, its memory */
			continue;
		l = &all->strand[strand_of(all, it)];
		l->items[l->count++] = it;
	}
}

/* The first reason of a strand that could not go on. */
static int
find_failure(psm_processor *pr)
{
	struct psm__strands *all = pr->strands;
	size_t i;
	int rc = 0;

	for (i = 0; i < all->count; i++) {
		struct psm__strand *l = &all->strand[i];

		if (l->count == 0 || l->rc == 0)
			continue;
		if (rc == 0)
			psm__error_copy(pr->err, l->err);
		rc = rc == 0 ? l->rc : rc;
	}
	for (i = 0; i < pr->part_count && rc == PSM_ERR_FENCED; i++)
		psm__part_doubt(&pr->parts[i]);
	return rc;
}

int
psm__strands_run(psm_processor *pr)
{
	struct psm__strands *all = pr->strands;

	share_out(pr);
	(void)pthread_mutex_lock(&all->lock);
	all->round++;
	all->busy = all->count;
	(void)pthread_cond_broadcast(&all->begin);
	while (all->busy > 0)
		(void)pthread_cond_wait(&all->end, &all->lock);
	(void)pthread_mutex_unlock(&all->lock);
	return find_failure(pr);
}

void
psm__strands_count(psm_processor *pr, int64_t *outcomes)
{
	size_t i;

	for (i = 0; pr->strands && i < pr->strands->count; i++)
		psm__strand_count(&pr->strands->strand[i], outcomes);
}

/* -- life */

void
psm__strands_close(psm_processor *pr)
{
	struct psm__strands *all = pr->strands;
	size_t i;

	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	all->quit = 1;
	(void)pthread_cond_broadcast(&all->begin);
	(void)pthread_mutex_unlock(&all->lock);
	for (i = 0; i < all->started; i++)
		(void)pthread_join(all->strand[i].thread, NULL);
	for (i = 0; i < all->count; i++)
		psm__strand_destroy(&all->strand[i]);
	(void)pthread_cond_destroy(&all->begin);
	(void)pthread_cond_destroy(&all->end);
	(void)pthread_mutex_destroy(&all->lock);
	psm__free(all);
	pr->strands = NULL;
}

int
psm__strands_open(psm_processor *pr, psm_error *err)
{
	size_t i, count = (size_t)pr->workers;
	struct psm__strands *all;
	char name[16];
	int rc = 0;

	if (count == 1)
		return 0;
	all = psm__alloc(sizeof *all + count * sizeof all->strand[0]);
	if (!all)
		return psm__nomem(err);
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_cond_init(&all->begin, NULL);
	(void)pthread_cond_init(&all->end, NULL);
	all->count = count;
	pr->strands = all;
	for (i = 0; i < count && rc == 0; i++) {
		rc = psm__strand_init(&all->strand[i], pr, err);
		all->strand[i].beside = 1;
	}
	for (i = 0; i < count && rc == 0; i++) {
		(void)snprintf(name, sizeof name, "psm-worker-%u",
		               (unsigned)i % 1000);
		rc = psm__thread_start(&all->strand[i].thread, name,
		                       strand_main, &all->strand[i], err);
		all->started += rc == 0;
	}
	if (rc < 0)
		psm__strands_close(pr);
	return rc;
}
