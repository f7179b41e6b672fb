/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bundling in memory: what its files share. A search is a record in a slot; the
 * searches of an area that belong to one strategy stand in its order, which is
 * cut into chunks. What a search of candidates looks at first stands in the
 * chunk itself, so that records of those who cannot fit are never read.
 */
#ifndef PSM_DOMAIN_BUNDLE_H
#define PSM_DOMAIN_BUNDLE_H

#include <psymatch/bundle.h>

#include "base/base.h"
#include "domain/bundle_order.h"
#include "domain/fit.h"
#include "domain/priority.h"
#include "domain/selection.h"
#include "json/json.h"

/* -- therapists */

struct psm__bundle_therapist {
	struct psm__fit_therapist fit;
	uint32_t plz;
	uint16_t area;
	int32_t contact_from; /* day, 0: any */
	int32_t *asked; /* patients in unanswered inquiries, ascending, owned */
	uint32_t asked_count;
	unsigned char active, pending;
	char *texts[4];                     /* owned, for: */
	struct psm__choice choice;          /* prepared */
	struct psm__bundle_therapist *next; /* of the same or another box */
	uint32_t question;                  /* in which it was counted last */
};
struct psm__therapist_area {
	uint32_t *ids; /* of therapists, any order */
	size_t count, cap;
};

enum { PSM__STRATEGIES = 2, PSM__BUNDLE_SIZE_MAX = 100 };
struct psm__strategy {
	char name[64];
	int order; /* enum psm__policy_order */
};

struct psm_bundle {
	int has_options; /* 1: whoever made it named some */
	int digits;      /* of a postal code that make an area */
	size_t areas;
	int size; /* of an inquiry, at most */
	double default_km;
	int share; /* of the second strategy, in percent */
	int strategies;
	struct psm__strategy strategy[PSM__STRATEGIES];
	struct psm__slots slots;
	size_t bytes;              /* of orders and exclusion lists */
	struct psm__order *orders; /* [areas * PSM__STRATEGIES] */
	double *lat, *lon;         /* [100000], NaN: unknown */
	/* Therapists, by id; a hash table with room between. */
	struct psm__bundle_therapist **therapists;
	size_t therapist_size, therapist_count;
	/* [therapist_size], by a hash of the box; first ones of lists. */
	struct psm__bundle_therapist **boxes;
	struct psm__therapist_area *therapist_areas; /* [areas] */
	/* Of the question under way: km to each place of the area. */
	double *km;
	uint32_t *km_of, question;
};

/* -- bundle.c */

/* Options as psm_bundle_new() takes them, for one that holds no searches and no
 * therapists yet; its places stay. */
int psm__bundle_set_options(psm_bundle *b, const char *json, size_t len,
                            psm_error *err);

/* -- bundle_places.c */

enum { PSM__CODES = 100000 }; /* numbers of five digits */
/* Places of an area: what is left of the code, and one for any other text. */
size_t psm__bundle_places(const struct psm_bundle *b);
/* The area of a postal code's text, or PSM__NO_AREA. */
uint16_t psm__bundle_area(const struct psm_bundle *b, const char *plz);
/* What was known of the question before counts no more. */
void psm__bundle_begin_question(psm_bundle *b);
/* A code of five digits as a number, else PSM__NO_PLZ. */
uint32_t psm__bundle_plz(const char *plz);

/* What a search is made of. excluded is copied. */
struct psm__bundle_wish {
	int32_t id, patient_id;
	int64_t created_us;
	const char *plz; /* may be NULL */
	int urgency, returned;
	struct psm__fit_patient fit;
};
/* Add it, or change what is here. PSM_ERR_NOMEM: it is not here any more. */
int psm__bundle_put(psm_bundle *b, const struct psm__bundle_wish *w,
                    psm_error *err);
int psm__bundle_drop(psm_bundle *b, int32_t id);

/* -- bundle_therapist.c */
struct psm__bundle_therapist *psm__bundle_therapist(const psm_bundle *b,
                                                    int64_t id);
/* -- bundle_read.c: members of JSON objects; faults with pointers */
/* NULL: absent or null, also in what is no object, or NULL. */
const psm_json *psm__bundle_member(const psm_json *doc, const char *name);
/* A whole number from least to most; absent or null: fallback, unless it is
 * below least: then it is a fault. */
int psm__bundle_int(const psm_json *doc, const char *name, int64_t least,
                    int64_t most, int64_t fallback, int64_t *out,
                    psm_error *err);
/* A text or NULL; borrowed. */
int psm__bundle_text(const psm_json *doc, const char *name, const char **out,
                     psm_error *err);
int psm__bundle_bool(const psm_json *doc, const char *name, int *out,
                     psm_error *err);
/* A day as psm__fit_day(); required or not, then 0. */
int psm__bundle_day(const psm_json *doc, const char *name, int required,
                    int32_t *out, psm_error *err);
int psm__bundle_number(const psm_json *doc, const char *name, double fallback,
                       double *out, psm_error *err);
int psm__bundle_time(const psm_json *doc, const char *name, int64_t *out,
                     psm_error *err);
/* PSM_ERR_SCHEMA, with its pointer. */
int psm__bundle_fault(const char *name, const char *want, psm_error *err);
/* Parse an object. */
int psm__bundle_object(const char *json, size_t len, psm_json **out,
                       psm_error *err);
/* A value's text with a NUL behind, new; NULL: absent, null (*rc 0) or out of
 * memory. */
char *psm__bundle_json(const psm_json *doc, const char *name, int *rc,
                       psm_error *err);

#endif
