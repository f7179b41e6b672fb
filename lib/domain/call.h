/* SPDX-License-Identifier: BSD-2-Clause */
/* The decisions about phone calls. */
#ifndef PSM_DOMAIN_CALL_H
#define PSM_DOMAIN_CALL_H

#include "domain/domain.h"
#include "domain/slot.h"

/* What a call is made of. */
struct psm__call_wish {
	const psm_json *doc;
	const char *once_key; /* NULL: none */
	/* Of the therapist: when he can be reached, which calls are planned
	 * from today on. A patient is called when it suits us. */
	const struct psm__reach *reach;
	const struct psm__busy *busy;
	size_t busy_count;
	const struct psm__holidays *holidays; /* may be NULL */
};
/*
 * A call without a date is planned for tomorrow, and one without a time: with a
 * patient for 10:00, with a therapist for the first time of the 14 days from
 * its date on that is free and, where there are hours at which the therapist
 * can be reached, in one of them, else at 10:00 or 14:00 of a working day. It
 * takes 10 minutes with a patient, else 5. One that took place already
 * (abgeschlossen) was now. PSM_ERR_SCHEMA: there is no free time.
 */
psm__decide_fn psm__call_decide_make;
/* The same for a struct psm__wish, without knowing what is planned: a call with
 * a therapist needs a time. */
psm__decide_fn psm__call_decide_new;
/* The wish is a struct psm__wish. A planned call that moves is published. */
psm__decide_fn psm__call_decide_patch;
/* Its therapist is blocked: a planned one is held. */
psm__decide_fn psm__call_decide_hold;
/* He is not any more. The wish is a struct psm__call_wish without a document:
 * a planned call whose time is over moves to the next free one, if there is. */
psm__decide_fn psm__call_decide_release;

#endif
