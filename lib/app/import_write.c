/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of an import file are written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/import_int.h"

static int
decide_new(struct psm__import_record *r, char **fields, psm_error *err)
{
	/* What is put beside the record's values is not what it said. */
	int rc = psm__record_text(&r->row, NULL, fields, err);

	if (rc == 0)
		rc = psm__record_complete(r->json, r->pointer, &r->row, err);
	return rc < 0 ? rc : PSM__N_CREATED;
}

/*
 * Files of several postal codes may tell about one therapist; the newest wins,
 * whatever the order in which they are read. One that was dated in the future
 * by mistake does not: nothing would ever be newer.
 */
static int
is_newer(const char *source, const struct psm__import *im)
{
	return source != NULL && strcmp(source, im->file->name) > 0 &&
	       strncmp(source, im->last_day, 8) <= 0;
}

static int
decide_same(const struct psm__import *im, const struct psm__import_record *r,
            const struct psm__stored *stored, char **fields, psm_error *err)
{
	int rc;

	if (is_newer(stored->source, im))
		return PSM__N_SUPERSEDED;
	rc = psm__record_text(&r->row, stored->fields ? &stored->last : NULL,
	                      fields, err);
	if (rc < 0)
		return rc;
	/* What the file says still is no news: what people made of it stays. */
	return stored->fields != NULL && strcmp(stored->fields, *fields) == 0
	           ? PSM__N_UNCHANGED
	           : PSM__N_UPDATED;
}

/* *known: who is stored, NULL: nobody. */
static int
find(const struct psm__import *im, const struct psm__import_record *r,
     const struct psm__stored_list *list, const struct psm__stored **known,
     psm_error *err)
{
	size_t at;
	int rc = psm__therapist_find(&r->row, &list->names, &list->imported,
	                             &im->names, &at, err);

	*known = rc >= 0 ? &list->items[at] : NULL;
	if (rc != PSM_ERR_NOT_FOUND)
		return rc < 0 ? rc : 0;
	psm__error_clear(err);
	return 0;
}

int
psm__import_decide(const struct psm__import *im, struct psm__import_record *r,
                   const struct psm__stored_list *list, int plan,
                   psm_error *err)
{
	const struct psm__stored *known;
	char *fields = NULL;
	int rc = find(im, r, list, &known, err);

	if (rc == 0)
		rc = known == NULL ? decide_new(r, &fields, err)
		                   : decide_same(im, r, known, &fields, err);
	r->id = rc >= 0 && known != NULL
	            ? psm__row_int(&known->row, PSM__THERAPIST_ID)
	            : 0;
	if (plan && (rc == PSM__N_CREATED || rc == PSM__N_UPDATED)) {
		r->fields = fields;
		fields = NULL;
		r->known = known;
	}
	psm__free(fields);
	return rc;
}

/* -- under the locks */

/* What one transaction writes. */
struct writing {
	struct psm__import *im;
	struct psm__import_record *records;
	size_t count;
	struct psm__sought sought[PSM__IMPORT_BATCH];
	struct psm__stored_list list;
	struct psm__change changes[PSM__IMPORT_BATCH];
	size_t change_count;
	psm_rows *claim;
	psm_tx *tx;
};

static int32_t
lock_number(const struct psm__sought *s)
{
	uint64_t h = psm__hash(PSM__HASH_START, s->plz, strlen(s->plz));

	h = psm__hash(h, s->vorname, strlen(s->vorname));
	return (int32_t)((h ^ h >> 32) & 0x7fffffff);
}

static int
compare_numbers(const void *a, const void *b)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	return x < y ? -1 : x > y;
}

/* Imports of one first name and postal code wait for each other: only then does
 * "not stored yet" stay true until the row is written. */
static int
lock_people(struct writing *w, psm_error *err)
{
	int32_t numbers[PSM__IMPORT_BATCH];
	struct psm__buf list = {0};
	const char *params[1];
	int rc;

	for (size_t i = 0; i < w->count; i++)
		numbers[i] = lock_number(&w->sought[i]);
	/* In order: else two imports could wait for each other for ever. */
	qsort(numbers, w->count, sizeof(*numbers), compare_numbers);
	for (size_t i = 0; i < w->count; i++)
		psm__buf_printf(&list, "%s%d", i > 0 ? "," : "{", numbers[i]);
	psm__buf_printf(&list, "}");
	params[0] = list.data;
	/* 7461: the number of this lock among the library's. A plan that was
	 * made while the tables were small would read all of them for each
	 * record until they are analyzed again: only lookups are wanted. */
	rc = list.failed
	         ? psm__nomem(err)
	         : psm_tx_queue(
		       w->tx,
		       "SELECT set_config('enable_seqscan', 'off', true), "
		       "set_config('enable_hashjoin', 'off', true), "
		       "set_config('enable_mergejoin', 'off', true), "
		       "count(pg_advisory_xact_lock(7461, n)) "
		       "FROM unnest($1::integer[]) n",
		       1, params, err);
	psm__buf_free(&list);
	return rc;
}

static int
compare_sought(const void *a, const void *b)
{
	const struct psm__sought *x = a, *y = b;
	int order = strcmp(x->plz, y->plz);

	return order != 0 ? order : strcmp(x->vorname, y->vorname);
}

static int
note_sought(struct writing *w, psm_error *err)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct psm__row *row = &w->records[i].row;

		w->sought[i].plz = psm__row_get(row, PSM__THERAPIST_PLZ);
		w->sought[i].vorname =
		    psm__text_fold(psm__row_get(row, PSM__THERAPIST_VORNAME));
		if (w->sought[i].vorname == NULL)
			return psm__nomem(err);
	}
	/* So that each name of a postal code is asked for once. */
	qsort(w->sought, w->count, sizeof(*w->sought), compare_sought);
	return 0;
}

/* The change that writes what was decided. */
static void
plan(struct writing *w, struct psm__import_record *r)
{
	struct psm__change *c = &w->changes[w->change_count++];

	c->tx = w->tx;
	c->policy = &psm__policy_therapist;
	c->if_version = PSM_VERSION_ANY;
	if (r->known == NULL) {
		c->verb = PSM__MAKE;
		c->decide = psm__therapist_import;
		c->wish = &r->row;
		return;
	}
	r->merge.fresh = &r->row;
	r->merge.last = r->known->fields != NULL ? &r->known->last : NULL;
	c->verb = PSM__CHANGE;
	c->id = psm__row_int(&r->known->row, PSM__THERAPIST_ID);
	c->decide = psm__therapist_import_update;
	c->wish = &r->merge;
}

static int
decide_all(struct writing *w, psm_error *err)
{
	for (size_t i = 0; i < w->count; i++) {
		struct psm__import_record *r = &w->records[i];

		r->result = psm__import_decide(w->im, r, &w->list, 1, err);
		if (r->result < 0)
			return r->result;
		if (r->fields != NULL)
			plan(w, r);
	}
	return 0;
}

/* Keep what the records said. */
static int
remember(struct writing *w, psm_error *err)
{
	const struct psm__change *c = w->changes;
	struct psm__remembered list = {{0}, {0}, {0}, {0}};
	int rc;

	for (size_t i = 0; i < w->count; i++) {
		struct psm__import_record *r = &w->records[i];

		if (r->fields == NULL)
			continue;
		if (r->result == PSM__N_UPDATED && !c->changed)
			r->result = PSM__N_UNCHANGED;
		r->id = psm__row_int(&c->row, PSM__THERAPIST_ID);
		psm__remembered_add(&list,
		                    psm__row_get(&c->row, PSM__THERAPIST_ID),
		                    &r->row, r->fields);
		c++;
	}
	rc = psm__therapists_remember(w->tx, &list, w->im->file->name, err);
	psm__remembered_free(&list);
	return rc;
}

static int
write_all(struct writing *w, psm_error *err)
{
	int rc = note_sought(w, err);

	if (rc == 0)
		rc = psm_tx_begin(w->im->store, &w->tx, err);
	if (rc == 0)
		rc = lock_people(w, err);
	if (rc == 0)
		rc = psm__known_claim(w->im, w->tx, &w->claim, err);
	if (rc == 0)
		rc = psm__stored_list_named(w->tx, w->sought, w->count,
		                            &w->im->names, &w->list, err);
	if (rc == 0)
		rc = decide_all(w, err);
	if (rc == 0 && w->change_count > 0)
		rc = psm__change_run_all(w->changes, w->change_count, err);
	if (rc >= 0)
		rc = remember(w, err);
	return psm__app_end(w->tx, rc, err);
}

/* In one transaction, decided again under its locks. */
static int
write_some(struct psm__import *im, struct psm__import_record *records,
           size_t count, psm_error *err)
{
	struct writing *w = psm__alloc(sizeof(*w));
	int rc;

	if (w == NULL)
		return psm__nomem(err);
	w->im = im;
	w->records = records;
	w->count = count;
	rc = write_all(w, err);
	if (rc >= 0)
		psm__known_claimed(im, w->claim);
	psm_rows_free(w->claim);
	for (size_t i = 0; i < count; i++) {
		psm__free(w->sought[i].vorname);
		psm__free(records[i].fields);
		records[i].fields = NULL;
	}
	for (size_t i = 0; i < w->change_count; i++)
		psm__change_free(&w->changes[i]);
	psm__stored_list_free(&w->list);
	psm__free(w);
	return rc;
}

void
psm__import_count(struct psm__import *im, const struct psm__import_record *r,
                  int result)
{
	im->counts.n[PSM__N_RECORDS]++;
	im->counts.n[result]++;
	if (result == PSM__N_CREATED || result == PSM__N_UPDATED ||
	    result == PSM__N_UNCHANGED)
		psm__known_person(im, r->id);
}

int
psm__import_refused(const struct psm__import *im, size_t i, psm_error *err)
{
	char pointer[48];

	if (psm_error_line(err) == 0)
		psm__error_position(
		    err, psm__json_position(psm_json_item(im->list, i)));
	(void)snprintf(pointer, sizeof(pointer), "/therapists/%zu", i);
	psm__error_pointer(err, pointer); /* the first one stays */
	if (im->is_new && i >= im->reported)
		psm__import_error(im->status, im->file->name, (int64_t)i, err);
	return PSM__N_FAILED;
}

/* One record must not keep the others from being written. */
static int
write_one(struct psm__import *im, struct psm__import_record *r, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	rc = write_some(im, r, 1, err);
	if (rc >= 0)
		rc = r->result;
	else if (!psm__app_is_system(rc))
		rc = psm__import_refused(im, r->number, err);
	if (rc >= 0)
		psm__import_count(im, r, rc);
	return rc < 0 ? rc : 0;
}

void
psm__import_drop(struct psm__import *im)
{
	while (im->waiting_count > 0)
		psm__row_free(&im->waiting[--im->waiting_count].row);
}

int
psm__import_write(struct psm__import *im, psm_error *err)
{
	size_t count = im->waiting_count;
	int rc = 0, together = 0;

	if (count > 1) {
		rc = write_some(im, im->waiting, count, err);
		together = rc >= 0;
	}
	for (size_t i = 0; i < count && together; i++)
		psm__import_count(im, &im->waiting[i], im->waiting[i].result);
	for (size_t i = 0; i < count && !together && rc != PSM_ERR_NOMEM; i++) {
		rc = write_one(im, &im->waiting[i], err);
		if (rc < 0)
			break;
	}
	psm__import_drop(im);
	return rc < 0 ? rc : 0;
}
