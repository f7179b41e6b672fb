/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a therapist's mail says about the patients of an inquiry: a reading that
 * proposes, for a person to confirm. German, by phrases and their negations.
 */
#ifndef PSM_ANSWER_TEXT_INT_H
#define PSM_ANSWER_TEXT_INT_H

#include "domain/inquiry.h"

/* -- answer_date.c */

/*
 * A day that stands in a folded text: "1.5.2026", "01.05.", "1. mai", "ende
 * april", "mai 2027", "2026-05-01", "in 6 wochen". A day without a year is the
 * next one from today on; a month alone is its first day, "ende" its last.
 * *len: bytes that were read. 1: out is "YYYY-MM-DD"; 0: text does not begin
 * with a day.
 */
int psm__answer_day(const char *text, const char *today, char out[11],
                    size_t *len);

/* -- answer_words.c */

/* What a clause says; how sure that is, 0 to 100. */
enum psm__said {
	PSM__SAID_NOTHING,
	PSM__SAID_YES,
	PSM__SAID_TRIAL,   /* trial sessions are held */
	PSM__SAID_FULL,    /* no capacity */
	PSM__SAID_UNFIT,   /* not the right therapist for it */
	PSM__SAID_NO,      /* for another reason, or none */
	PSM__SAID_NO_SHOW, /* the patient did not come */
	PSM__SAID_ABSENT   /* nobody has read the inquiry */
};
struct psm__clause {
	enum psm__said said;
	int sure;
	const char *words; /* that it relies on; borrowed for ever */
};
/* Of a folded clause without umlauts. */
struct psm__clause psm__answer_clause(const char *clause);
/* The outcome of psm__said; NULL: none. */
const struct psm__outcome *psm__said_outcome(enum psm__said said);

/* -- answer_text.c */

#define PSM__ANSWER_PATIENTS_MAX 100
#define PSM__ANSWER_WORDS_MAX 16

struct psm__answer_reading {
	int64_t inquiry_id; /* of "A17" in subject or text; 0: none */
	/* By the index of the patients that were given; NULL: nothing said. */
	const struct psm__outcome *outcome[PSM__ANSWER_PATIENTS_MAX];
	int absent;     /* 1: an automatic note of absence */
	char until[11]; /* no capacity, or absent, before; "": not said */
	int sure;       /* 0 to 100 */
	const char *words[PSM__ANSWER_WORDS_MAX]; /* borrowed for ever */
	size_t words_count;
};
/*
 * Read subject and text, which may be NULL, of an answer about count patients,
 * at most PSM__ANSWER_PATIENTS_MAX. What the mail quotes of other mails counts
 * for nothing but the reference. 0 or PSM_ERR_NOMEM.
 */
int psm__answer_text(const char *subject, const char *text,
                     const int64_t *patients, size_t count, const char *today,
                     struct psm__answer_reading *out, psm_error *err);
/* The same for the reference alone: which inquiry is it about? */
int64_t psm__answer_reference(const char *subject, const char *text);

#endif
