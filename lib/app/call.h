/* SPDX-License-Identifier: BSD-2-Clause */
/* What other use cases need of phone calls. */
#ifndef PSM_APP_CALL_H
#define PSM_APP_CALL_H

#include <psymatch/call.h>

#include "app/app.h"
#include "domain/slot.h"

/*
 * Make a call of an object as psm_call_create() takes it. The same once_key (1
 * to 200 bytes, e.g. "inquiry:7") gives the same call again, also when two
 * transactions ask at once; NULL: always another one. *id receives its number.
 *
 * 1: made, 0: it was there; PSM_ERR_SCHEMA with all faults of doc,
 * PSM_ERR_CONFLICT: the therapist has another call at that time, PSM_ERR_DB.
 */
int psm__call_make(psm_tx *tx, const psm_json *doc, const char *once_key,
                   int64_t *id, psm_error *err);
/* The same, and *out receives the call as JSON; new. */
int psm__call_make_out(psm_tx *tx, const psm_json *doc, const char *once_key,
                       int64_t *id, char **out, psm_error *err);

/* -- follow_up.c */

/* A call is gone: the inquiries that had it may get another one. */
int psm__follow_up_lost(psm_tx *tx, int64_t call_id, psm_error *err);

/* -- call_slot.c: what finding a time needs */

struct psm__call_times {
	struct psm__reach reach;
	struct psm__busy *busy;
	size_t busy_count;
	struct psm__holidays holidays;
};
/* Until tx ends nobody else of this library plans, or moves, a call with the
 * therapist: who looks for a free time sees those that are taken. */
int psm__call_lock(psm_tx *tx, int64_t therapist, psm_error *err);
/*
 * Of a therapist; 0: of nobody, then only the holidays. Until tx ends nobody
 * else of this library plans a call with him. Free it in any case.
 */
int psm__call_times(psm_tx *tx, int64_t therapist, struct psm__call_times *out,
                    psm_error *err);
void psm__call_times_free(struct psm__call_times *t);
/* The holidays that PSYMATCH_HOLIDAYS_FILE names. PSM_ERR_CONFIG: it cannot be
 * read, or has a line that is no date. */
int psm__holidays(const psm_config *cfg, struct psm__holidays *out,
                  psm_error *err);

#endif
