/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules across columns, one function per entity: see psm_entity.check. */
#ifndef PSM_RULES_INT_H
#define PSM_RULES_INT_H

#include "entity/entity.h"

int psm__check_patient(const struct psm__row *r, const struct psm__now *now,
                       const char *prefix, psm_error *err);
int psm__check_therapist(const struct psm__row *r, const struct psm__now *now,
                         const char *prefix, psm_error *err);
int psm__check_email(const struct psm__row *r, const struct psm__now *now,
                     const char *prefix, psm_error *err);
/* Of a mail and of a phone call. */
int psm__check_recipient(const struct psm__row *r, const struct psm__now *now,
                         const char *prefix, psm_error *err);

#endif
