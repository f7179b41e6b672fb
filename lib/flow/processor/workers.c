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

struct psm__workers {
	pthread_mutex_t lock;
	pthread_cond_t begin, end; /* lock */
	unsigned round;            /* lock: counts batches */
	size_t busy;               /* lock: workers that have not finished it */
	int quit;                  /* lock */
	size_t count, started;
	struct psm__worker_tx worker[];
};

/* -- one share. @thread worker */

/* While this transaction lasts no other process takes the partitions over. */
static int
lock_offsets(struct psm__worker_tx *w, psm_tx *tx)
{
	const psm_processor *pr = w->pr;
	struct psm__place *places = psm__array(w->count, sizeof *places);
	size_t count = 0, i, k;
	int ours = 0, rc;

	if (!places)
		return psm__nomem(w->err);
	for (i = 0; i < w->count; i++) {
		const struct psm__part *p = &pr->parts[w->items[i]->part];

		/* Each partition has a name of its own. */
		for (k = 0; k < count && places[k].topic != p->log; k++)
			continue;
		if (k == count)
			places[count++] = psm__part_place(pr, p);
	}
	rc = psm__offset_lock(tx, places, count, pr->owner, &ours, w->err);
	psm__free(places);
	if (rc == 0 && !ours)
		rc = psm__fail(w->err, PSM_ERR_FENCED, PSM__FENCED);
	return rc;
}

static int
run_some(struct psm__worker_tx *w, size_t from, size_t to)
{
	psm_tx *tx = NULL;
	size_t i;
	int rc = psm__worker_tx_begin(w, &tx);

	/* Before it is known that they are ours still; but since the claim,
	 * which waited for them, others could park nothing unless they
	 * have claimed them too. */
	if (rc == 0)
		rc = psm__worker_tx_ask(w, tx);
	for (i = from; i < to; i++)
		w->items[i]->wait = PSM__NO_WAIT;
	if (rc == 0)
		rc = lock_offsets(w, tx);
	if (rc == 0) {
		psm__worker_tx_saw(w);
		rc = psm__worker_tx_handle(w, tx, from, to);
	}
	return psm__worker_tx_end(w, tx, rc);
}

static void
run_share(struct psm__worker_tx *w)
{
	size_t i, end;

	w->rc = 0;
	w->stops = 0;
	psm__error_clear(w->err);
	for (i = 0; i < w->count && w->rc == 0; i = end) {
		end = w->count - i < PSM__BATCH_MAX ? w->count
		                                    : i + PSM__BATCH_MAX;
		w->await_each = 0;
		do
			w->rc = run_some(w, i, end);
		while (psm__worker_tx_again(w, w->rc));
	}
}

static void *
worker_main(void *arg)
{
	struct psm__worker_tx *w = arg;
	struct psm__workers *all = w->pr->pool;
	unsigned round = 0;

	(void)pthread_mutex_lock(&all->lock);
	for (;;) {
		while (!all->quit && all->round == round)
			(void)pthread_cond_wait(&all->begin, &all->lock);
		if (all->quit)
			break;
		round = all->round;
		(void)pthread_mutex_unlock(&all->lock);
		if (w->count > 0)
			run_share(w);
		(void)pthread_mutex_lock(&all->lock);
		if (--all->busy == 0)
			(void)pthread_cond_signal(&all->end);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return NULL;
}

/* -- the batch. @thread processor */

/* The worker that handles it, by its key; without a key by its partition. */
static size_t
worker_of(const struct psm__workers *all, const struct psm__item *it)
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
	struct psm__workers *all = pr->pool;
	size_t i;

	for (i = 0; i < all->count; i++)
		all->worker[i].count = 0;
	for (i = 0; i < pr->batch.count; i++) {
		struct psm__item *it = &pr->batch.items[i];
		struct psm__worker_tx *w;

		if (it->gone) /* and with it, perhaps, its memory */
			continue;
		w = &all->worker[worker_of(all, it)];
		w->items[w->count++] = it;
	}
}

/* The first failure of a worker. */
static int
find_failure(psm_processor *pr)
{
	struct psm__workers *all = pr->pool;
	size_t i;
	int rc = 0;

	for (i = 0; i < all->count; i++) {
		struct psm__worker_tx *w = &all->worker[i];

		if (w->count == 0 || w->rc == 0)
			continue;
		if (rc == 0)
			psm__error_copy(pr->err, w->err);
		rc = rc == 0 ? w->rc : rc;
	}
	for (i = 0; i < pr->part_count && rc == PSM_ERR_FENCED; i++)
		psm__part_forget_row(&pr->parts[i]);
	return rc;
}

int
psm__workers_run(psm_processor *pr)
{
	struct psm__workers *all = pr->pool;

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
psm__workers_count(psm_processor *pr, int64_t *outcomes)
{
	size_t i;

	for (i = 0; pr->pool && i < pr->pool->count; i++)
		psm__worker_tx_count(&pr->pool->worker[i], outcomes);
}

/* -- life */

void
psm__workers_close(psm_processor *pr)
{
	struct psm__workers *all = pr->pool;
	size_t i;

	if (!all)
		return;
	(void)pthread_mutex_lock(&all->lock);
	all->quit = 1;
	(void)pthread_cond_broadcast(&all->begin);
	(void)pthread_mutex_unlock(&all->lock);
	for (i = 0; i < all->started; i++)
		(void)pthread_join(all->worker[i].thread, NULL);
	for (i = 0; i < all->count; i++)
		psm__worker_tx_destroy(&all->worker[i]);
	(void)pthread_cond_destroy(&all->begin);
	(void)pthread_cond_destroy(&all->end);
	(void)pthread_mutex_destroy(&all->lock);
	psm__free(all);
	pr->pool = NULL;
}

int
psm__workers_open(psm_processor *pr, psm_error *err)
{
	size_t i, count = (size_t)pr->workers;
	struct psm__workers *all;
	char name[16];
	int rc = 0;

	if (count == 1)
		return 0;
	all = psm__alloc(sizeof *all + count * sizeof all->worker[0]);
	if (!all)
		return psm__nomem(err);
	(void)pthread_mutex_init(&all->lock, NULL);
	(void)pthread_cond_init(&all->begin, NULL);
	(void)pthread_cond_init(&all->end, NULL);
	all->count = count;
	pr->pool = all;
	for (i = 0; i < count && rc == 0; i++) {
		rc = psm__worker_tx_init(&all->worker[i], pr, err);
		all->worker[i].beside = 1;
	}
	for (i = 0; i < count && rc == 0; i++) {
		(void)snprintf(name, sizeof name, "psm-worker-%u",
		               (unsigned)i % 1000);
		rc = psm__thread_start(&all->worker[i].thread, name,
		                       worker_main, &all->worker[i], err);
		all->started += rc == 0;
	}
	if (rc < 0)
		psm__workers_close(pr);
	return rc;
}
