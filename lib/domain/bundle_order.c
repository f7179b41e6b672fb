/* SPDX-License-Identifier: BSD-2-Clause */
/* The searches of an area in their order: sorted chunks of at most PSM__CHUNK,
 * none of them empty. */
#include <math.h>
#include <string.h>

#include "base/base.h"
#include "domain/bundle_order.h"

unsigned
psm__bundle_class(const struct psm__bundle_search *s)
{
	return ((s->gender * PSM__GENDERS + s->wants_gender) * PSM__PROCEDURES +
	        s->procedure) *
	           2 +
	       s->group;
}

static struct psm__hot
hot_of(const struct psm__bundle_search *s)
{
	struct psm__hot hot = {.class = (uint16_t)psm__bundle_class(s),
	                       .place = s->place,
	                       .km = (float)s->max_km,
	                       .birth = s->birth};

	if (hot.km < s->max_km)
		hot.km = nextafterf(hot.km, INFINITY);
	return hot;
}

/* The i-th of a chunk comes before the search. */
static int
is_before(const struct psm__chunk *c, uint32_t i, const struct psm__slots *s,
          const struct psm__bundle_search *search)
{
	if (c->key[i] != search->key)
		return c->key[i] < search->key;
	return psm__slot(s, c->slot[i])->id < search->id;
}

/* The chunk in which the search stands or belongs: the last one whose first is
 * not behind it, else the first one. There is at least one. */
static size_t
find_chunk(const struct psm__order *o, const struct psm__slots *s,
           const struct psm__bundle_search *search)
{
	size_t low = 0, high = o->count, middle;

	while (high - low > 1) {
		middle = low + (high - low) / 2;
		if (is_before(o->chunks[middle], 0, s, search) ||
		    psm__slot(s, o->chunks[middle]->slot[0]) == search)
			low = middle;
		else
			high = middle;
	}
	return low;
}

/* The first of a chunk that is not before the search. */
static uint32_t
find_in(const struct psm__chunk *c, const struct psm__slots *s,
        const struct psm__bundle_search *search)
{
	uint32_t low = 0, high = c->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (is_before(c, middle, s, search))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Move count of them from i of a chunk to j of another, or of the same. */
static void
move(struct psm__chunk *to, uint32_t j, const struct psm__chunk *from,
     uint32_t i, uint32_t count)
{
	memmove(&to->slot[j], &from->slot[i], count * sizeof(*to->slot));
	memmove(&to->key[j], &from->key[i], count * sizeof(*to->key));
	memmove(&to->hot[j], &from->hot[i], count * sizeof(*to->hot));
}

/* An empty chunk at a place of the order. */
static struct psm__chunk *
insert_chunk(struct psm__order *o, size_t at, size_t *bytes)
{
	size_t cap = o->cap;
	struct psm__chunk *c;

	if (psm__grow(&o->chunks, &o->cap, o->count + 1,
	              sizeof(struct psm__chunk *)) < 0)
		return NULL;
	*bytes += (o->cap - cap) * sizeof(struct psm__chunk *);
	c = psm__alloc(sizeof(*c));
	if (c == NULL)
		return NULL;
	*bytes += sizeof(*c);
	memmove(&o->chunks[at + 1], &o->chunks[at],
	        (o->count - at) * sizeof(struct psm__chunk *));
	o->chunks[at] = c;
	o->count++;
	return c;
}

/* Room for one more at place i of a full chunk: what is behind the end begins a
 * new one, so that searches that come in their order fill chunks; else the
 * halves part. */
static int
split(struct psm__order *o, size_t *at, uint32_t *i, size_t *bytes)
{
	uint32_t keep = *i == PSM__CHUNK ? PSM__CHUNK : PSM__CHUNK / 2;
	struct psm__chunk *next = insert_chunk(o, *at + 1, bytes), *c;

	if (next == NULL)
		return PSM_ERR_NOMEM;
	c = o->chunks[*at];
	next->count = c->count - keep;
	move(next, 0, c, keep, next->count);
	c->count = keep;
	if (*i >= keep) {
		*i -= keep;
		++*at;
	}
	return 0;
}

int
psm__order_add(struct psm__order *o, const struct psm__slots *s, uint32_t slot,
               size_t *bytes)
{
	const struct psm__bundle_search *search = psm__slot(s, slot);
	struct psm__chunk *c;
	size_t at;
	uint32_t i;

	if (o->count == 0 && insert_chunk(o, 0, bytes) == NULL)
		return PSM_ERR_NOMEM;
	at = o->searches == 0 ? 0 : find_chunk(o, s, search);
	i = find_in(o->chunks[at], s, search);
	if (o->chunks[at]->count == PSM__CHUNK && split(o, &at, &i, bytes) < 0)
		return PSM_ERR_NOMEM;
	c = o->chunks[at];
	move(c, i + 1, c, i, c->count - i);
	c->slot[i] = slot;
	c->key[i] = search->key;
	c->hot[i] = hot_of(search);
	c->count++;
	o->searches++;
	return 0;
}

void
psm__order_remove(struct psm__order *o, const struct psm__slots *s,
                  uint32_t slot, size_t *bytes)
{
	const struct psm__bundle_search *search = psm__slot(s, slot);
	size_t at = find_chunk(o, s, search);
	struct psm__chunk *c = o->chunks[at];
	uint32_t i = find_in(c, s, search);

	c->count--;
	move(c, i, c, i + 1, c->count - i);
	o->searches--;
	if (c->count > 0)
		return;
	psm__free(c);
	*bytes -= sizeof(*c);
	o->count--;
	memmove(&o->chunks[at], &o->chunks[at + 1],
	        (o->count - at) * sizeof(struct psm__chunk *));
}

void
psm__order_update(struct psm__order *o, const struct psm__slots *s,
                  uint32_t slot)
{
	const struct psm__bundle_search *search = psm__slot(s, slot);
	struct psm__chunk *c = o->chunks[find_chunk(o, s, search)];

	c->hot[find_in(c, s, search)] = hot_of(search);
}

void
psm__order_free(struct psm__order *o)
{
	for (size_t i = 0; i < o->count; i++)
		psm__free(o->chunks[i]);
	psm__free(o->chunks);
	memset(o, 0, sizeof(*o));
}
