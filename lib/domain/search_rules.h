/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of searches: what opens, changes and ends one. */
#ifndef PSM_SEARCH_RULES_INT_H
#define PSM_SEARCH_RULES_INT_H

#include "domain/domain.h"

/* Contacts that one request may ask for. */
#define PSM__CONTACTS_MAX 100

/* -- search_rules.c: decisions, see psm__decide_fn */

/* The wish of psm__search_open: a row is made. */
struct psm__search_opening {
	int64_t patient_id;
	const char *exclusions; /* the patient's own list, JSON; or NULL */
	const char *author;     /* of the note */
	const char *note;       /* or NULL */
	const char *urgency;    /* "0" to "3"; NULL: none was declared */
};
psm__decide_fn psm__search_open;
/* The same wish: somebody asks for the search that is open already. */
psm__decide_fn psm__search_claim;
/* The wish of psm__search_end. */
struct psm__search_ending {
	int to;             /* enum psm_search_status */
	const char *author; /* "API", "System" */
	const char *what;   /* "Cancelled"; or NULL: by the status */
	const char *reason; /* or NULL */
};
psm__decide_fn psm__search_end;
/* The wish is a struct psm__wish. A list of exclusions that is replaced keeps
 * the entries of therapists who are on both. */
psm__decide_fn psm__search_patch;
/* The wish is psm_json, {"reason": text or null}, or NULL. */
psm__decide_fn psm__search_pause, psm__search_resume, psm__search_cancel;
/* {"requested_count": 1 to PSM__CONTACTS_MAX, "notizen": text or null} */
psm__decide_fn psm__search_contact;
/* {"therapist_id": number, "reason": text or null}; done already: nothing. */
psm__decide_fn psm__search_exclude;

/* The wish is one exclusion; its time is that of the decision. */
struct psm__exclusion {
	int64_t therapist_id;
	const char *reason; /* or NULL */
};
psm__decide_fn psm__search_add_exclusion;

/* The time of a decision in microseconds since 1970. */
int64_t psm__now_us(const struct psm__now *now);
/* The same the other way round; what is of Berlin is left empty. */
void psm__now_at(int64_t time_us, struct psm__now *now);
/* Append an entry to a column of notes. */
int psm__row_note(struct psm__row *row, int column, const struct psm__now *now,
                  const char *author, const char *text, psm_error *err);
/* {"<name>": whole number from least to most}; PSM_ERR_SCHEMA with its pointer.
 */
int psm__wish_int(const psm_json *doc, const char *name, int64_t least,
                  int64_t most, int64_t *out, psm_error *err);
/* {"<name>": text, null or absent}: *out is borrowed from doc, or NULL. */
int psm__wish_text(const psm_json *doc, const char *name, const char **out,
                   psm_error *err);

/* -- exclusion.c: lists of excluded therapists, JSON texts; *out is new */

/* *out is NULL for a stored text that is no array: it counts as an empty one. */
int psm__exclusion_parse(const char *text, psm_json **out, psm_error *err);
/* The entries that name a therapist, once each. list may be NULL. */
int psm__exclusion_seed(const char *list, char **out, psm_error *err);
/* fresh, but whoever is on old as well keeps the entry there if that says more
 * than a number. */
int psm__exclusion_replace(const char *old, const char *fresh, char **out,
                           psm_error *err);

/* -- search_due.c */

/* What is known when a patient's data arrived. */
struct psm__search_due {
	const char *before, *after; /* status; NULL: there is none */
	int had_copy;               /* 1: the patient was known before */
	int waiting;                /* 1: one was due, and data were missing */
	int searches;               /* 1: there is one, in whatever status */
	int open;                   /* 1: one is aktiv or pausiert */
	int newer; /* 1: one was opened since the event happened */
};
/* 1: a search is to be opened now, if the data it needs are there. */
int psm__search_is_due(const struct psm__search_due *d);
/*
 * What a patient's new status means for an open search: enum psm_search_status,
 * or -1: nothing. accepted: 1: a therapist has accepted the patient. *reason:
 * borrowed for ever.
 */
int psm__search_ends_as(const char *patient_status, int search_status,
                        int accepted, const char **reason);

#endif
