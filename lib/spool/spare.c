/* SPDX-License-Identifier: BSD-2-Clause */
/* Spare segments: those that were drained and cleared, and one that the reader
 * prepares before it is needed. */
#include <errno.h>
#include <sys/mman.h>

#include "spool/spool_int.h"

/* Large enough that making one is rare, small enough that a drained one gives
 * its space back soon. */
#define FILE_SEGMENT ((size_t)8 << 20)
#define MEMORY_SEGMENT ((size_t)256 << 10)

/* New pages are the main cost of appending, so a drained segment is cleared and
 * used again; more than two would only keep disk space. */
#define SPARES_MAX 2

struct psm__spares {
	struct psm__segment *list; /* lock */
	unsigned count;            /* lock */
	size_t segment_size;
};

int
psm__spares_new(struct psm__spool *s)
{
	struct psm__spares *sp = psm__alloc(sizeof(*sp));

	if (!sp)
		return PSM_ERR_NOMEM;
	sp->segment_size = s->conf.segment_size;
	if (sp->segment_size == 0)
		sp->segment_size = s->dir[0] ? FILE_SEGMENT : MEMORY_SEGMENT;
	s->spares = sp;
	return 0;
}

void
psm__spares_drop(struct psm__spool *s)
{
	while (s->spares && s->spares->list) {
		struct psm__segment *g = s->spares->list;

		s->spares->list = g->next;
		s->spares->count--;
		psm__segment_drop_spare(g);
	}
}

void
psm__spares_free(struct psm__spool *s)
{
	psm__spares_drop(s);
	psm__free(s->spares);
	s->spares = NULL;
}

/* Where the first record of a new segment is. */
static size_t
start_of_records(const struct psm__spool *s)
{
	return s->keys ? PSM__SEALED_START : PSM__SEGMENT_HEADER;
}

/* A segment that follows a full one will mostly be filled as well. But where
 * events are synced, the first sync would have to write all of it. */
static enum psm__segment_use
use_of_next(const struct psm__spool *s, enum psm__segment_use use)
{
	return s->conf.durability == PSM__DURABLE_OS ? use : PSM__USE_SYNCED;
}

/* A spare segment of at least that size; 0 or an errno. None is filled here:
 * whoever sends would wait for it. @locks s->lock held */
static int
take_spare(struct psm__spool *s, size_t size, struct psm__segment **out)
{
	struct psm__spares *sp = s->spares;
	enum psm__segment_use use = use_of_next(
	    s, psm__queue_active(s) ? PSM__USE_NEXT : PSM__USE_FIRST);

	if (size > sp->segment_size)
		return psm__segment_new(s->own_stream, size, use, out);
	*out = sp->list;
	if (!*out)
		return psm__segment_new(s->own_stream, sp->segment_size, use,
		                        out);
	sp->list = (*out)->next;
	sp->count--;
	(*out)->next = NULL;
	return 0;
}

int
psm__spares_begin(struct psm__spool *s, size_t space, uint64_t first_seq,
                  struct psm__segment **out)
{
	struct psm__segment *g = NULL;
	int rc = take_spare(s, start_of_records(s) + space, &g);

	*out = NULL;
	if (rc == 0)
		rc = psm__segment_begin(s->keys, g, first_seq);
	if (rc != 0) {
		psm__segment_free(g);
		return rc;
	}
	*out = g;
	return 0;
}

static void
add_spare(struct psm__spool *s, struct psm__segment *g)
{
	pthread_mutex_lock(&s->lock);
	g->next = s->spares->list;
	s->spares->list = g;
	s->spares->count++;
	pthread_mutex_unlock(&s->lock);
}

/* A segment as new ones are, with its file still open. */
static int
is_usual(const struct psm__spool *s, const struct psm__segment *g)
{
	return g->stream == s->own_stream && psm__segment_is_own(g) &&
	       g->state != PSM__SEGMENT_FAILED && g->base &&
	       g->size == s->spares->segment_size &&
	       (g->fd >= 0 || g->own_memory);
}

void
psm__spares_retire(struct psm__spool *s, struct psm__segment *g)
{
	int rc = 0, room;

	if (g->damage != PSM__DAMAGE_NONE) {
		psm__segment_discard(&s->damage, g);
		return;
	}
	pthread_mutex_lock(&s->lock);
	room = s->spares->count < SPARES_MAX;
	pthread_mutex_unlock(&s->lock);
	if (room && is_usual(s, g))
		rc = psm__segment_clear(g,
		                        s->conf.durability != PSM__DURABLE_OS);
	if (rc < 0)
		psm__segment_free(g);
	else if (rc == 0)
		psm__segment_delete(g);
	else
		add_spare(s, g);
}

int
psm__spares_try_disk(struct psm__spool *s)
{
	return psm__segment_try_disk(s->own_stream, s->spares->segment_size);
}

int
psm__spares_prepare(struct psm__spool *s)
{
	const struct psm__segment *active;
	struct psm__segment *g = NULL;
	struct psm__stream_dir *sd = NULL;

	pthread_mutex_lock(&s->lock);
	active = psm__queue_active(s);
	if (active && active->used > active->size / 2 && !s->spares->list)
		sd = s->own_stream;
	pthread_mutex_unlock(&s->lock);
	if (!sd || sd->dirfd < 0)
		return 0;
	/* append finds out itself why there is none, and says so. */
	if (psm__segment_new(sd, s->spares->segment_size,
	                     use_of_next(s, PSM__USE_PREPARED), &g) != 0)
		return -1;
#ifdef MADV_POPULATE_WRITE
	/* Only a saving: pages that are not there yet come one by one. */
	madvise(g->base, g->size, MADV_POPULATE_WRITE);
#endif
	add_spare(s, g);
	return 0;
}
