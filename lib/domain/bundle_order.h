/* SPDX-License-Identifier: BSD-2-Clause */
/* The searches of an area and a strategy, by key and id. */
#ifndef PSM_DOMAIN_BUNDLE_ORDER_H
#define PSM_DOMAIN_BUNDLE_ORDER_H

#include "domain/bundle_slots.h"
#include "domain/fit.h"

/* Genders, wishes of gender and procedure, group: see psm__bundle_class(). */
#define PSM__GENDERS (PSM__GENDER_ODD + 1)
#define PSM__PROCEDURES (PSM__PROCEDURE_ODD + 1)
#define PSM__CLASSES (PSM__GENDERS * PSM__GENDERS * PSM__PROCEDURES * 2)

enum { PSM__CHUNK = 128 };
/* What rules most searches out. */
struct psm__hot {
	uint16_t class, place;
	float km; /* at least max_km */
	int32_t birth;
};
struct psm__chunk {
	uint32_t count;
	uint32_t slot[PSM__CHUNK];
	int64_t key[PSM__CHUNK];
	struct psm__hot hot[PSM__CHUNK];
};
struct psm__order {
	struct psm__chunk **chunks;
	size_t count, cap, searches;
};
/* 0 or PSM_ERR_NOMEM. */
int psm__order_add(struct psm__order *o, const struct psm__slots *s,
                   uint32_t slot, size_t *bytes);
/* The search's record is still as it was when it was added. */
void psm__order_remove(struct psm__order *o, const struct psm__slots *s,
                       uint32_t slot, size_t *bytes);
/* The search has changed, but not what it is sorted by. */
void psm__order_update(struct psm__order *o, const struct psm__slots *s,
                       uint32_t slot);
void psm__order_free(struct psm__order *o);
unsigned psm__bundle_class(const struct psm__bundle_search *s);

#endif
