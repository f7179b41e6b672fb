/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain room: pure rules on rows of entities. No input or output, no clock
 * (callers pass the time), no SQL.
 */
#ifndef PSM_DOMAIN_INT_H
#define PSM_DOMAIN_INT_H

#include <psymatch/json.h>
#include <psymatch/matching.h>
#include <psymatch/patient.h>
#include <psymatch/therapist.h>

#include "base/base.h"
#include "entity/entity.h"
#include "json/json.h"

/* -- decide.c: decisions, for lib/app/change.h */

/* An event that is to be published. */
struct psm__told {
	const char *type; /* borrowed for ever */
	int64_t id;       /* who else it is about; 0: nobody */
	char *text;       /* why; owned, may be NULL */
};
/* In the order in which they are published. An all-zero one is empty. */
struct psm__events {
	struct psm__told *items;
	size_t count, cap;
	int failed; /* 1: out of memory, the list is not whole */
};
/* A type of NULL adds nothing. */
void psm__events_add(struct psm__events *ev, const char *type);
/* The same, about somebody else, too; text is copied and may be NULL. */
void psm__events_add_about(struct psm__events *ev, const char *type, int64_t id,
                           const char *text);
void psm__events_free(struct psm__events *ev);

/*
 * Pure: changes the row as wish asks, marks what it changed as modified, and
 * says which events tell of it. Without one nothing is to be saved. 0, or an
 * error; then the row is to be thrown away.
 */
typedef int psm__decide_fn(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err);

/* A wish of the REST interface, or of a program that uses its words. */
struct psm__wish {
	const psm_json *doc;
	enum psm__reading how; /* not of a row that is made */
	/* What is published of a row that is made, or that is changed, if the
	 * step from state to state has no event of its own. */
	const char *created, *updated;
};
psm__decide_fn psm__decide_make, psm__decide_patch;
/* The row is published as it is; the wish is the event's type, a text. */
psm__decide_fn psm__decide_announce;

/* -- therapist.c */

/* What to do with a field that is at fault, when its record can do without. */
struct psm__record_faults {
	psm_error *fault; /* for the mapping to use; may be NULL */
	/* May be NULL. */
	void (*tell)(const psm_error *fault, size_t record, void *user);
	size_t record;
	void *user;
};
/*
 * Map a record; prefix is the pointer of the record in its file. A field that
 * is at fault and need not be there is told and left out; without faults it is
 * an error. 0, 1 (skipped) or an error.
 */
int psm__record_map(const psm_json *record, const char *prefix,
                    struct psm__row *out,
                    const struct psm__record_faults *faults, psm_error *err);
/* A new therapist needs more than a known one: fails where the salutation was
 * unknown, else puts the values that only a new row gets. */
int psm__record_complete(const psm_json *record, const char *prefix,
                         struct psm__row *row, psm_error *err);

/* What a record says about who it is, if only that, as it is written there;
 * values that are no texts are left out. */
int psm__record_person(const psm_json *record, struct psm__row *out,
                       psm_error *err);

/* -- note.c */

/* The therapist that an element of an exclusion list excludes, a number or an
 * object; 0: nobody. */
int64_t psm__excluded_id(const psm_json *element);

/* -- identity.c */

/* What tells one person from another, as psm__text_fold() makes texts. */
struct psm__person {
	/* Each is one key, "" if a part of it is missing. */
	char *name;     /* vorname, nachname, plz */
	char *practice; /* vorname, plz, strasse, ort */
	char *telefon, *email;
	size_t number; /* of the record in its file, or of the stored row */
};
/* Those a file tells about, or those that are stored. */
struct psm__names {
	struct psm__person *people; /* by name and number; owned */
	size_t *by_practice;        /* indexes of people */
	size_t count, cap;
	int incomplete; /* 1: there are others, nobody knows who */
};
int psm__names_add(struct psm__names *names, const struct psm__row *row,
                   size_t number, psm_error *err);
/* After the last one was added, before any is looked for. */
int psm__names_sort(struct psm__names *names, psm_error *err);
/* Count of people with the row's name; they stand from *first on. */
int psm__names_find(const struct psm__names *names, const struct psm__row *row,
                    size_t *first, psm_error *err);
void psm__names_free(struct psm__names *names);

/* The rules of psm_therapist_match() on rows; imported, those stored as their
 * last record called them, and present may be NULL. 0, 1 or an error; *number
 * is that of the stored one. */
int psm__therapist_find(const struct psm__row *fresh,
                        const struct psm__names *stored,
                        const struct psm__names *imported,
                        const struct psm__names *present, size_t *number,
                        psm_error *err);
/*
 * The rules of psm_therapist_merge() on rows: modified columns are marked.
 * Their count or an error. last: what the record said the last time, or NULL;
 * what it says still is no news, and what people made of it stays.
 */
int psm__therapist_merge(struct psm__row *stored, const struct psm__row *fresh,
                         const struct psm__row *last, psm_error *err);
/* The columns that an import writes: what fresh says, else what last did; last
 * may be NULL. *out is new, a JSON object. */
int psm__record_text(const struct psm__row *fresh, const struct psm__row *last,
                     char **out, psm_error *err);
/* The wish is psm_json, {"reason": text or null}, or NULL. */
psm__decide_fn psm__therapist_block;
/* There is no wish. */
psm__decide_fn psm__therapist_unblock;
/* The wish is psm_json, {"until": date}: nobody is to ask before that day; a
 * later one stays. */
psm__decide_fn psm__therapist_cool;
/* The wish is psm_json, {"email": date, "telefon": date}, both may be missing:
 * the last contacts, never earlier than they were. */
psm__decide_fn psm__therapist_contact;
/* The wish is the row that an import makes, a struct psm__row. */
psm__decide_fn psm__therapist_import;
/* See psm__therapist_merge(). */
struct psm__merge_wish {
	const struct psm__row *fresh, *last;
};
psm__decide_fn psm__therapist_import_update;

#endif
