/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of searches: blocks that never move, and a hash table of their ids
 * with linear probing. */
#include <string.h>

#include "base/base.h"
#include "domain/bundle_slots.h"

enum { INDEX_LEAST = 1024 };

static size_t
home(const struct psm__slots *s, int32_t id)
{
	uint64_t hash = (uint32_t)id * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(hash >> 32) & (s->index_size - 1);
}

/* Where the id stands in the index, or the free place where it would. */
static size_t
place_of(const struct psm__slots *s, int32_t id)
{
	size_t i = home(s, id);

	while (s->index[i] != 0 && psm__slot(s, s->index[i] - 1)->id != id)
		i = (i + 1) & (s->index_size - 1);
	return i;
}

int64_t
psm__slots_find(const struct psm__slots *s, int32_t id)
{
	return s->index_size == 0 ? -1 : (int64_t)s->index[place_of(s, id)] - 1;
}

/* At most half full. */
static int
grow_index(struct psm__slots *s)
{
	size_t size = s->index_size ? s->index_size * 2 : INDEX_LEAST, old;
	uint32_t *before = s->index, *index;

	if (s->count * 2 < s->index_size)
		return 0;
	index = psm__array(size, sizeof(*index));
	if (index == NULL)
		return PSM_ERR_NOMEM;
	old = s->index_size;
	s->index = index;
	s->index_size = size;
	s->bytes += (size - old) * sizeof(*index);
	for (size_t i = 0; i < old; i++)
		if (before[i] != 0)
			index[place_of(s, psm__slot(s, before[i] - 1)->id)] =
			    before[i];
	psm__free(before);
	return 0;
}

/* A slot that nobody has. */
static int64_t
new_slot(struct psm__slots *s)
{
	size_t block = s->used / PSM__BLOCK, cap = s->blocks_cap;
	uint32_t slot;

	if (s->free != 0) {
		slot = s->free - 1;
		s->free = psm__slot(s, slot)->excluded_count;
		return slot;
	}
	if (s->used % PSM__BLOCK == 0) {
		if (psm__grow(&s->blocks, &s->blocks_cap, block + 1,
		              sizeof(*s->blocks)) < 0)
			return -1;
		s->blocks[block] = psm__array(PSM__BLOCK, sizeof(**s->blocks));
		s->bytes += (s->blocks_cap - cap) * sizeof(*s->blocks);
		if (s->blocks[block] == NULL)
			return -1;
		s->bytes += PSM__BLOCK * sizeof(**s->blocks);
	}
	return (int64_t)s->used++;
}

int64_t
psm__slots_add(struct psm__slots *s, int32_t id)
{
	int64_t slot;

	if (grow_index(s) < 0)
		return -1;
	slot = new_slot(s);
	if (slot < 0)
		return -1;
	memset(psm__slot(s, (uint32_t)slot), 0,
	       sizeof(struct psm__bundle_search));
	psm__slot(s, (uint32_t)slot)->id = id;
	s->index[place_of(s, id)] = (uint32_t)slot + 1;
	s->count++;
	return slot;
}

/* Those behind it that would not be found any more move up. */
static void
close_gap(struct psm__slots *s, size_t gap)
{
	size_t mask = s->index_size - 1, at = gap, want;

	for (;;) {
		at = (at + 1) & mask;
		if (s->index[at] == 0)
			break;
		want = home(s, psm__slot(s, s->index[at] - 1)->id);
		if (((at - want) & mask) >= ((at - gap) & mask)) {
			s->index[gap] = s->index[at];
			gap = at;
		}
	}
	s->index[gap] = 0;
}

void
psm__slots_remove(struct psm__slots *s, uint32_t slot)
{
	struct psm__bundle_search *search = psm__slot(s, slot);

	close_gap(s, place_of(s, search->id));
	search->id = 0;
	search->excluded_count = s->free;
	s->free = slot + 1;
	s->count--;
}

void
psm__slots_free(struct psm__slots *s)
{
	for (size_t i = 0; i * PSM__BLOCK < s->used; i++)
		psm__free(s->blocks[i]);
	psm__free(s->blocks);
	psm__free(s->index);
	memset(s, 0, sizeof(*s));
}
