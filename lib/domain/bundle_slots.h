/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of searches by slot, slots by id. */
#ifndef PSM_DOMAIN_BUNDLE_SLOTS_H
#define PSM_DOMAIN_BUNDLE_SLOTS_H

#include <stddef.h>
#include <stdint.h>

#define PSM__NO_AREA UINT16_MAX
#define PSM__NO_PLZ UINT32_MAX

struct psm__bundle_search {
	int64_t created_us, key;
	double max_km;
	int32_t *excluded; /* ascending, owned */
	uint32_t excluded_count;
	int32_t id, patient_id, birth;
	uint32_t plz;   /* as a number, or PSM__NO_PLZ */
	uint16_t area;  /* or PSM__NO_AREA: in no order */
	uint16_t place; /* of the postal code in its area */
	unsigned char gender, wants_gender, procedure, group, odd_max_km;
	unsigned char strategy, urgency, returned;
};

enum { PSM__BLOCK = 4096 };
struct psm__slots {
	struct psm__bundle_search **blocks;
	size_t blocks_cap, used; /* slots that were ever used */
	uint32_t free;           /* 1 + a slot that is free; its excluded_count
	                            is the next one; 0: none */
	uint32_t *index;         /* 1 + slot, by hash of the id; 0: none */
	size_t index_size, count;
	size_t bytes; /* of all this */
};
static inline struct psm__bundle_search *
psm__slot(const struct psm__slots *s, uint32_t slot)
{
	return &s->blocks[slot / PSM__BLOCK][slot % PSM__BLOCK];
}
/* The slot of a search; -1: it is not here. */
int64_t psm__slots_find(const struct psm__slots *s, int32_t id);
/* A slot for an id that is not here, all zero but the id; -1: out of memory. */
int64_t psm__slots_add(struct psm__slots *s, int32_t id);
void psm__slots_remove(struct psm__slots *s, uint32_t slot);
void psm__slots_free(struct psm__slots *s);

#endif
