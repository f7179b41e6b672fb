/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The domain room: pure rules. No input or output, no clock (callers pass the
 * time), no SQL. An entity is a row of texts as PostgreSQL reads and writes
 * them, in the order of the entity's field table.
 */
#ifndef PSM_DOMAIN_INT_H
#define PSM_DOMAIN_INT_H

#include <psymatch/json.h>
#include <psymatch/matching.h>
#include <psymatch/therapist.h>

#include "base/base.h"
#include "event/event.h"
#include "json/json.h"

/* -- text.c */

/* Characters of valid UTF-8. */
size_t psm__utf8_count(const char *text);
/* 1 if text is exactly count ASCII digits. */
int psm__is_digits(const char *text, size_t count);
/* 1 if text is a day of the calendar, written "YYYYMMDD". */
int psm__is_folder_day(const char *text);

/* -- row.c */

/* value[i] belongs to entity->fields[i]; NULL is null. Booleans are "t" and
 * "f", json is its text, the rest is plain. */
struct psm__row {
	const struct psm__entity *entity;
	char **value;   /* owned, as are the texts in it */
	char *modified; /* 1: changed by a merge or a patch */
};

/* All null. An all-zero row may be freed. */
int psm__row_init(struct psm__row *r, const struct psm__entity *e,
                  psm_error *err);
void psm__row_free(struct psm__row *r);
/* Index of a column, which must exist. */
size_t psm__row_index(const struct psm__row *r, const char *column);
const char *psm__row_get(const struct psm__row *r, const char *column);
/* text is copied; NULL sets null. */
int psm__row_set(struct psm__row *r, size_t i, const char *text,
                 psm_error *err);
int psm__row_set_named(struct psm__row *r, const char *column, const char *text,
                       psm_error *err);
/* Store v if it has the type of the column; PSM_ERR_SCHEMA says what was
 * wanted, at "<prefix>/<column>". Null is stored as null. */
int psm__row_set_json(struct psm__row *r, size_t i, const psm_json *v,
                      const char *prefix, psm_error *err);
/* For values that people give: texts of one line are stored tidy, required
 * columns must be filled, and a text must do for its column. */
int psm__row_check(struct psm__row *r, size_t i, const psm_json *v,
                   const char *prefix, psm_error *err);
/* Every member of obj that names a column; the others are left out. */
int psm__row_from_json(struct psm__row *r, const psm_json *obj,
                       const char *prefix, psm_error *err);
/* The columns as one object; all: also those that are null. */
int psm__row_write(const struct psm__row *r, int all, psm_json_writer *w,
                   psm_error *err);
/* 1 if column i of both says the same; json is compared by meaning. */
int psm__row_same(const struct psm__row *a, const struct psm__row *b, size_t i,
                  psm_error *err);
/* 1 if column i is null, blank, or an empty array or object. */
int psm__row_is_empty(const struct psm__row *r, size_t i);
/* Count of columns marked as modified. */
int psm__row_modified(const struct psm__row *r);

/* Store a text that people give, a line tidily; text may be the value itself.
 * Results as of psm__value_tidy(). */
int psm__row_put(struct psm__row *r, size_t i, const char *text, char *what,
                 size_t size);

/* -- value.c */

/* A text that people give, as it is stored: a line tidily. 0: *tidy is new. 1:
 * it does not do for the column, and what says why, without data: "want ..,
 * found ..". PSM_ERR_NOMEM. */
int psm__value_tidy(const struct psm__entity_field *f, const char *text,
                    char **tidy, char *what, size_t size);

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
/*
 * A change by hand: patch is an object of columns. Status, sperrdatum and
 * sperrgrund follow psm_therapist_transition(); today is "YYYY-MM-DD". event
 * receives the type to publish. Count of modified columns or an error.
 */
int psm__therapist_patch(struct psm__row *stored, const psm_json *patch,
                         const char *today, const char **event, psm_error *err);
/* The same for blocking and unblocking; reason may be NULL. */
int psm__therapist_block(struct psm__row *stored, const char *reason,
                         const char *today, const char **event, psm_error *err);
int psm__therapist_unblock(struct psm__row *stored, const char **event,
                           psm_error *err);

#endif
