/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of inquiries: what an outcome means, what an answer is, and what
 * one that is recorded, or corrected, does to a search.
 */
#ifndef PSM_INQUIRY_RULES_INT_H
#define PSM_INQUIRY_RULES_INT_H

#include "domain/domain.h"

/* -- inquiry.c */

enum psm__counted {
	PSM__ACCEPTED,
	PSM__REJECTED,
	PSM__UNANSWERED,
	PSM__COUNTED_KINDS
};

/* What a therapist's word on one patient means. */
struct psm__outcome {
	const char *word;          /* of patientenergebnis */
	const char *status;        /* that the match gets */
	enum psm__counted counted; /* in the inquiry */
	int places;                /* 1: the search has found its place */
	int excludes; /* 1: the search asks this therapist no more */
};
/* NULL: text is none of the six, or NULL. */
const struct psm__outcome *psm__outcome_find(const char *text);
/* For a list: NULL past the end. */
const struct psm__outcome *psm__outcome_at(size_t i);

/* The word of antworttyp for the counts of an inquiry. */
const char *psm__answer_type(const int64_t counts[PSM__COUNTED_KINDS]);

/*
 * The first day on which a therapist may be asked again: weeks after today, but
 * never earlier than current, which may be NULL. 1: later than current; 0: not;
 * then out is current.
 */
int psm__cooling_day(const char *current, const char *today, int weeks,
                     char out[11]);
/* 1: day, which may be NULL, is behind today. The day itself is free. */
int psm__is_cooling(const char *day, const char *today);

/* -- answer.c */

/* A match of the inquiry that is answered, and what was read for it. */
struct psm__answer_match {
	int64_t patient_id;
	const struct psm__outcome *outcome; /* NULL: not named */
	const char *notes;                  /* of the document; or NULL */
};
struct psm__answer_doc {
	struct psm__answer_match *matches;
	size_t count;
	const char *notes; /* of the document; or NULL */
	int correction;    /* 1: of an answer that is recorded already */
};
/*
 * Read {"patient_responses": {"<patient id>": outcome or {"outcome", "notizen"}},
 * "notizen": text, "correction": boolean} for the patients in out->matches. The
 * texts are borrowed from doc. 0 or PSM_ERR_SCHEMA, with a fault for each
 * patient that is missing, is not in the inquiry or has no valid outcome.
 */
int psm__answer_read(const psm_json *doc, struct psm__answer_doc *out,
                     psm_error *err);
/* How many of each kind the matches are. */
void psm__answer_count(const struct psm__answer_doc *a,
                       int64_t counts[PSM__COUNTED_KINDS]);

/* What an answer does to a search, beside what it writes into the match. */
struct psm__search_effect {
	int exclude;   /* 1: add the therapist to its list, -1: take it away */
	int place;     /* 1: it is successful, -1: it is not any more */
	int elsewhere; /* 1: another inquiry has placed the patient before */
};
/* The search and the match before the answer. */
struct psm__search_before {
	int status;    /* enum psm_search_status */
	int by_this;   /* 1: successful through this inquiry */
	int excluding; /* 1: this match put the therapist on the list */
	int listed;    /* 1: the therapist is on the list */
};
struct psm__search_effect
psm__answer_effect(const struct psm__outcome *next,
                   const struct psm__search_before *before);

/* The list without the entries that an answer of the therapist made; what a
 * person or another event put there stays. 1: changed; *out is new. */
int psm__exclusion_remove(const psm_json *list, int64_t therapist_id,
                          char **out, psm_error *err);

#endif
