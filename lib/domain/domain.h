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
/* 1 if text is NULL or has nothing but blanks. */
int psm__is_blank(const char *text);
/* 1 if text is exactly count ASCII digits. */
int psm__is_digits(const char *text, size_t count);
/* 1 if text is a day of the calendar, written "YYYY-MM-DD". */
int psm__is_calendar_day(const char *text);
/* The same for "YYYYMMDD". */
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
/* For values that people give: required columns filled, texts not too long. */
int psm__row_check(const struct psm__row *r, size_t i, const psm_json *v,
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

/* -- therapist.c */

/* Map a record; prefix is the pointer of the record in its file. 0, 1 (skipped)
 * or an error. */
int psm__record_map(const psm_json *record, const char *prefix,
                    struct psm__row *out, psm_error *err);
/* A new therapist needs more than a known one: fails where the salutation was
 * unknown, else puts the values that only a new row gets. */
int psm__record_complete(const psm_json *record, const char *prefix,
                         struct psm__row *row, psm_error *err);

/* What a record says about who it is, if only that: texts that are at fault
 * are left out. Name and postal code may be missing. */
int psm__record_person(const psm_json *record, struct psm__row *out,
                       psm_error *err);

/* Who a file tells about, for psm__therapist_find(). */
struct psm__person {
	char *name;     /* vorname, nachname and plz as one key */
	char *practice; /* vorname, plz, strasse and ort as one key */
	char *telefon, *email;
	size_t record; /* index in the file */
};
struct psm__names {
	struct psm__person *people; /* sorted by name and record; owned */
	size_t count, cap;
};
int psm__names_add(struct psm__names *names, const struct psm__row *row,
                   size_t record, psm_error *err);
void psm__names_sort(struct psm__names *names);
/* Count of people with the row's name; they stand from *first on. */
int psm__names_find(const struct psm__names *names, const struct psm__row *row,
                    size_t *first, psm_error *err);
void psm__names_free(struct psm__names *names);

/* The rules of psm_therapist_match() on rows; names may be NULL. 0, 1 or an
 * error. */
int psm__therapist_find(const struct psm__row *fresh,
                        const struct psm__row *candidates, size_t count,
                        const struct psm__names *names, size_t *index,
                        psm_error *err);
/* The rules of psm_therapist_merge() on rows: modified columns are marked.
 * Their count or an error. */
int psm__therapist_merge(struct psm__row *stored, const struct psm__row *fresh,
                         psm_error *err);
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
