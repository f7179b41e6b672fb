/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object or array must look like inside: see enum psm__form. */
#ifndef PSM_SHAPE_INT_H
#define PSM_SHAPE_INT_H

#include "entity/entity.h"

/* The names that a week's times have; ends with NULL. */
extern const char *const psm__shape_days[];

/* Told of each fault; below is the pointer from the column on: "/montag/0". */
typedef void psm__shape_fn(void *user, const char *below, const psm_json *v,
                           const char *what);

/* v is of the column's type. Other forms than those of objects and arrays have
 * no faults here. */
void psm__shape_check(enum psm__form form, const psm_json *v,
                      psm__shape_fn *tell, void *user);

#endif
