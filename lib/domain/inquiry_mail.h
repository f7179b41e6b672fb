/* SPDX-License-Identifier: BSD-2-Clause */
/* What the text of an inquiry is made of: of patients no name. */
#ifndef PSM_INQUIRY_MAIL_INT_H
#define PSM_INQUIRY_MAIL_INT_H

#include "domain/domain.h"

/* The values of the template "psychotherapie_anfrage" (psm_mail_render_fn), from
 * the copies of a therapist and of count patients in the order of their places.
 * *out is new (psm__free). */
int psm__inquiry_mail_values(int64_t inquiry_id,
                             const struct psm__row *therapist,
                             const struct psm__row *patients, size_t count,
                             const char *today, char **out, psm_error *err);
/* "Dr. Berta Musterbaum", without what is missing; new. */
char *psm__inquiry_addressee(const struct psm__row *therapist);
/* Full years on a day, -1: unknown; days as of psm__row. */
int psm__age_on(const char *birth, const char *today);

#endif
