/* SPDX-License-Identifier: BSD-2-Clause */
/* Decisions about the rows of inquiries, of their matches, and of searches that
 * an answer is about; for lib/app/change.h. */
#ifndef PSM_INQUIRY_ROWS_INT_H
#define PSM_INQUIRY_ROWS_INT_H

#include "domain/inquiry.h"

/* A note that is appended; time_us as psm_note_append() wants it. text NULL:
 * none. */
struct psm__note {
	const char *author, *text;
	int64_t time_us;
};

/* Who it is to, for the events, stands first in each wish. */

struct psm__inquiry_wish {
	int64_t therapist_id;
	/* made */
	const int64_t *patient_ids; /* by their places */
	size_t size;
	const char *strategy;
	/* sent */
	int by_mail;                     /* else by phone */
	int64_t email_id, phone_call_id; /* 0: none */
	/* answered */
	int64_t counts[PSM__COUNTED_KINDS];
	int correction;
	/* cancelled */
	const char *reason;
	struct psm__note note;
};
psm__decide_fn psm__inquiry_decide_make;   /* size, strategy */
psm__decide_fn psm__inquiry_decide_send;   /* email_id or phone_call_id, size */
psm__decide_fn psm__inquiry_decide_answer; /* counts, correction */
psm__decide_fn psm__inquiry_decide_cancel; /* reason */
psm__decide_fn psm__inquiry_decide_note;
/* The mail or call of the wish failed, or (without one) whatever it was sent by:
 * it is one that was not sent. No change: it was sent in another way. */
psm__decide_fn psm__inquiry_decide_fail;
/* The mail of the wish was deleted. */
psm__decide_fn psm__inquiry_decide_no_mail;
/* The mail that had failed was sent after all. */
psm__decide_fn psm__inquiry_decide_left;
/* The mail or call was made elsewhere. No change: it has one. */
psm__decide_fn psm__inquiry_decide_handed;

struct psm__match_wish {
	int64_t therapist_id;
	/* made */
	int64_t inquiry_id, search_id, patient_id, position;
	/* answered */
	const struct psm__outcome *outcome;
	const char *notes; /* NULL: as they are */
	int conflict, excluding;
};
psm__decide_fn psm__match_decide_make;
psm__decide_fn psm__match_decide_answer;
/* Another inquiry's place fell through: this one's is the place now. */
psm__decide_fn psm__match_decide_inherit;
/* Another inquiry's answer, which excluded the therapist first, was corrected:
 * this one's excludes him now. */
psm__decide_fn psm__match_decide_exclude;
/* Its inquiry was cancelled: the row stays as it is, the event tells. */
psm__decide_fn psm__match_decide_withdraw;

struct psm__search_wish {
	int64_t inquiry_id, therapist_id;
	struct psm__search_effect effect;
	const char *reason; /* in the list of excluded therapists */
	int64_t heir;       /* of the place: an inquiry; 0: none */
	int searches_again; /* 1: the patient has an active search by now */
	int deleted;        /* 1: there is no such patient any more */
	struct psm__note note;
};
psm__decide_fn psm__search_decide_answer;

#endif
