/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * State machines as tables: which state may follow which, what the step
 * publishes, and what it sets. There is no other form of them.
 */
#ifndef PSM_MACHINE_INT_H
#define PSM_MACHINE_INT_H

#include "entity/entity.h"

/* What a step does to a column. Only CLEAR minds nothing: the others leave a
 * column that the reading before gave itself. */
enum psm__effect {
	PSM__DOES_NOTHING,
	PSM__SETS_TODAY,
	PSM__SETS_NOW,
	PSM__FILLS_TODAY, /* the same if it is null */
	PSM__FILLS_NOW,
	PSM__FILLS_TIME,
	PSM__ADDS_ONE,
	PSM__CLEARS,
	PSM__CLEARS_OLD /* unless it was given */
};

struct psm__set {
	signed char column;
	unsigned char effect; /* enum psm__effect */
};

#define PSM__SETS_MAX 3

enum psm__when {
	PSM__ALWAYS,
	PSM__IF_SET,
	PSM__IF_NULL,
	PSM__CORRECTING /* only psm__row_correct() takes the step */
};

struct psm__step {
	signed char from, to; /* indexes of words; from -1: a row is made */
	unsigned char when;   /* enum psm__when, asked of column */
	signed char column;   /* before the step */
	const char *event;    /* to publish; NULL: none */
	struct psm__set sets[PSM__SETS_MAX];
};

/* The first step that fits counts. */
struct psm__machine {
	const char *const *words; /* of the states */
	int column;               /* that has the state; -1: it is derived */
	int (*derive)(const struct psm__row *r);
	const struct psm__step *steps;
	size_t count;
};

extern const struct psm__machine psm__machine_patient, psm__machine_therapist,
    psm__machine_search, psm__machine_inquiry, psm__machine_inquiry_patient,
    psm__machine_email, psm__machine_phone_call;

/* NULL: there is no such step. is_set: whether a column has a value before the
 * step, in the row r. */
const struct psm__step *psm__step_find(const struct psm__machine *m, int from,
                                       int to, const struct psm__row *r);

#endif
