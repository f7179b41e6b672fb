/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of one import file become therapists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"
#include "json/json.h"

struct import {
	psm_store *store;
	const struct psm__file *file;
	psm_import_status *status;
	const psm_json *list;    /* "therapists" */
	struct psm__names names; /* of all records, also those left out */
	struct psm__stored_list stored; /* of the records' postal codes */
	int is_new;                     /* its errors are reported, */
	size_t reported;                /* from this record on */
	const char *last_day;           /* of the past */
	struct psm__lost *lost;         /* records that are no JSON */
	size_t lost_count;
	psm_error *field; /* what is wrong with one field of a record */
	struct psm__import_counts counts;
};

struct record {
	const psm_json *json;
	char pointer[48];
	struct psm__row row;
};

static void
record_free(struct record *r)
{
	psm__row_free(&r->row);
}

static int
record_map(const struct import *im, size_t i, struct record *out,
           const struct psm__record_faults *faults, psm_error *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	out->json = psm_json_item(im->list, i);
	snprintf(out->pointer, sizeof(out->pointer), "/therapists/%zu", i);
	rc = psm__row_init(&out->row, &psm__entity_therapist, err);
	if (rc == 0)
		rc = psm__record_map(out->json, out->pointer, &out->row, faults,
		                     err);
	if (rc != 0)
		record_free(out);
	return rc;
}

/* A field that is at fault is reported, the rest of the record is written. */
static void
tell_field(const psm_error *fault, size_t record, void *user)
{
	const struct import *im = user;

	if (im->is_new && record >= im->reported)
		psm__import_error(im->status, im->file->name, (int64_t)record,
		                  fault);
}

static const struct psm__lost *
find_lost(const struct import *im, size_t i)
{
	for (size_t n = 0; n < im->lost_count; n++) {
		if (im->lost[n].item == i)
			return &im->lost[n];
	}
	return NULL;
}

/* As psm__record_map(), also for what is no JSON. */
static int
record_read(struct import *im, size_t i, struct record *out, psm_error *err)
{
	struct psm__record_faults faults = {im->field, tell_field, i, im};
	const struct psm__lost *lost = find_lost(im, i);

	if (lost == NULL)
		return record_map(im, i, out, &faults, err);
	return psm__json_lost_fault(im->file->text, lost, err);
}

/* Postal codes, each once when sorted. */
struct codes {
	char (*list)[6];
	size_t count, cap;
};

static int
add_code(struct codes *codes, const struct psm__row *row, psm_error *err)
{
	const char *plz = psm__row_get(row, PSM__THERAPIST_PLZ);

	if (!psm__is_digits(plz, 5))
		return 0;
	/* Most files have one, or few that stand together. */
	if (codes->count > 0 && strcmp(codes->list[codes->count - 1], plz) == 0)
		return 0;
	if (psm__grow(&codes->list, &codes->cap, codes->count + 1,
	              sizeof(*codes->list)) < 0)
		return psm__nomem(err);
	memcpy(codes->list[codes->count++], plz, 6);
	return 0;
}

static int
compare_codes(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Everybody counts whom the file names: also in a record for children only, or
 * in one with a fault, nobody has changed the name. */
static int
collect_names(struct import *im, struct codes *codes, psm_error *err)
{
	struct psm__row who;
	int rc = 0;

	for (size_t i = 0; i < psm_json_count(im->list) && rc == 0; i++) {
		rc = psm__row_init(&who, &psm__entity_therapist, err);
		if (rc == 0)
			rc = psm__record_person(psm_json_item(im->list, i),
			                        &who, err);
		if (rc == 0)
			rc = psm__names_add(&im->names, &who, i, err);
		if (rc == 0)
			rc = add_code(codes, &who, err);
		psm__row_free(&who);
	}
	return rc < 0 ? rc : psm__names_sort(&im->names, err);
}

/* Read beforehand who is stored under the postal codes of the file. */
static int
load_stored(struct import *im, psm_error *err)
{
	struct codes codes = {0};
	psm_tx *tx = NULL;
	int rc = collect_names(im, &codes, err);

	if (codes.count > 1)
		qsort(codes.list, codes.count, sizeof(*codes.list),
		      compare_codes);
	if (rc == 0)
		rc = psm_tx_begin(im->store, &tx, err);
	for (size_t i = 0; i < codes.count && rc == 0; i++) {
		if (i > 0 && strcmp(codes.list[i], codes.list[i - 1]) == 0)
			continue;
		rc = psm__stored_list_add(tx, codes.list[i], NULL, &im->names,
		                          &im->stored, err);
	}
	if (rc == 0)
		rc = psm__stored_list_sort(&im->stored, err);
	psm_tx_rollback(tx);
	psm__free(codes.list);
	return rc;
}

/*
 * Two people of one name and postal code cannot be told apart: without this
 * the second would overwrite the first, and the other way round, at each run.
 */
static int
check_twins(const struct import *im, const struct record *r, psm_error *err)
{
	size_t first, i;
	int count = psm__names_find(&im->names, &r->row, &first, err), rc;
	static const struct psm__record_faults silent;
	struct record other;

	for (int n = 0; n < count; n++) {
		i = im->names.people[first + (size_t)n].number;
		if (psm_json_equal(r->json, psm_json_item(im->list, i)))
			continue;
		rc = record_map(im, i, &other, &silent, NULL);
		if (rc == PSM_ERR_NOMEM)
			return psm__nomem(err);
		if (rc != 0)
			continue; /* it will not be written */
		record_free(&other);
		return psm__fail(err, PSM_ERR_AMBIGUOUS,
		                 "want one record per name and postal code, "
		                 "found another at /therapists/%zu",
		                 i);
	}
	return count < 0 ? count : 0;
}

/* Run the change of a therapist, and keep what the record said. */
static int
save(const struct import *im, struct psm__change *c, const struct record *r,
     const char *fields, psm_error *err)
{
	int rc = psm__change_run(c, err), kept;

	if (rc >= 0) {
		kept = psm__therapist_remember(
		    c->tx, psm__row_get(&c->row, PSM__THERAPIST_ID), &r->row,
		    fields, im->file->name, err);
		rc = kept < 0 ? kept : rc;
	}
	psm__change_free(c);
	return rc;
}

/* tx NULL: nothing is written, the result is what would be. */
static int
make_new(const struct import *im, psm_tx *tx, struct record *r, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_therapist,
	                        .verb = PSM__MAKE,
	                        .decide = psm__therapist_import,
	                        .wish = &r->row};
	char *fields = NULL;
	int rc;

	/* What is put beside the record's values is not what it said. */
	rc = psm__record_text(&r->row, NULL, &fields, err);
	if (rc == 0)
		rc = psm__record_complete(r->json, r->pointer, &r->row, err);
	if (rc == 0 && tx != NULL)
		rc = save(im, &c, r, fields, err);
	psm__free(fields);
	return rc < 0 ? rc : PSM__N_CREATED;
}

static int
save_same(const struct import *im, psm_tx *tx, const struct record *r,
          const struct psm__stored *known, const char *fields, psm_error *err)
{
	const struct psm__merge_wish wish = {
	    &r->row, known->fields != NULL ? &known->last : NULL};
	struct psm__change c = {
	    .tx = tx,
	    .policy = &psm__policy_therapist,
	    .verb = PSM__CHANGE,
	    .id = psm__row_int(&known->row, PSM__THERAPIST_ID),
	    .if_version = PSM_VERSION_ANY,
	    .decide = psm__therapist_import_update,
	    .wish = &wish};
	int rc = save(im, &c, r, fields, err);

	if (rc < 0)
		return rc;
	return rc > 0 ? PSM__N_UPDATED : PSM__N_UNCHANGED;
}

/*
 * Files of several postal codes may tell about one therapist; the newest wins,
 * whatever the order in which they are read. One that was dated in the future
 * by mistake does not: nothing would ever be newer.
 */
static int
is_newer(const char *source, const struct import *im)
{
	return source != NULL && strcmp(source, im->file->name) > 0 &&
	       strncmp(source, im->last_day, 8) <= 0;
}

static int
make_same(const struct import *im, psm_tx *tx, const struct record *r,
          const struct psm__stored *stored, psm_error *err)
{
	char *fields;
	int rc;

	if (is_newer(stored->source, im))
		return PSM__N_SUPERSEDED;
	rc = psm__record_text(&r->row, stored->fields ? &stored->last : NULL,
	                      &fields, err);
	if (rc < 0)
		return rc;
	/* What the file says still is no news: what people made of it stays. */
	if (stored->fields != NULL && strcmp(stored->fields, fields) == 0)
		rc = PSM__N_UNCHANGED;
	else if (tx != NULL)
		rc = save_same(im, tx, r, stored, fields, err);
	else
		rc = PSM__N_UPDATED;
	psm__free(fields);
	return rc;
}

/* What becomes of the record, an enum psm__import_count, done if there is a
 * transaction; without one "updated" may turn out to be "unchanged". */
static int
decide(const struct import *im, psm_tx *tx, struct record *r,
       const struct psm__stored_list *list, psm_error *err)
{
	size_t at;
	int rc = psm__therapist_find(&r->row, &list->names, &list->imported,
	                             &im->names, &at, err);

	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(err);
		return make_new(im, tx, r, err);
	}
	return rc < 0 ? rc : make_same(im, tx, r, &list->items[at], err);
}

static int32_t
lock_number(const char *plz, const char *vorname)
{
	uint64_t h = psm__hash(PSM__HASH_START, plz, strlen(plz));

	h = psm__hash(h, vorname, strlen(vorname));
	return (int32_t)((h ^ h >> 32) & 0x7fffffff);
}

/* Imports of one first name and postal code wait for each other: only then does
 * "not stored yet" stay true until the row is written. */
static int
lock_people(psm_tx *tx, const char *plz, const char *vorname, psm_error *err)
{
	struct psm__number n;
	const char *params[1] = {psm__number(&n, lock_number(plz, vorname))};

	/* 7461: the number of this lock among the library's. A plan that was
	 * made while the tables were small would read all of them for each
	 * record until they are analyzed again: only lookups are wanted. */
	return psm_tx_queue(tx,
	                    "SELECT pg_advisory_xact_lock(7461, $1::integer), "
	                    "set_config('enable_seqscan', 'off', true), "
	                    "set_config('enable_hashjoin', 'off', true), "
	                    "set_config('enable_mergejoin', 'off', true)",
	                    1, params, err);
}

/* Decide again under the locks, and write. */
static int
write_mapped(const struct import *im, struct record *r, psm_error *err)
{
	const char *plz = psm__row_get(&r->row, PSM__THERAPIST_PLZ);
	char *vorname =
	    psm__text_fold(psm__row_get(&r->row, PSM__THERAPIST_VORNAME));
	struct psm__stored_list list = {0};
	psm_tx *tx = NULL;
	int rc;

	rc = vorname == NULL ? psm__nomem(err)
	                     : psm_tx_begin(im->store, &tx, err);
	if (rc == 0)
		rc = lock_people(tx, plz, vorname, err);
	if (rc == 0)
		rc = psm__stored_list_add(tx, plz, vorname, &im->names, &list,
		                          err);
	if (rc == 0)
		rc = psm__stored_list_sort(&list, err);
	if (rc == 0)
		rc = decide(im, tx, r, &list, err);
	rc = psm__app_end(tx, rc, err);
	psm__stored_list_free(&list);
	psm__free(vorname);
	return rc;
}

/* Most records say nothing new: the first look is at what was read beforehand,
 * without a lock. */
static int
import_mapped(const struct import *im, struct record *r, psm_error *err)
{
	int rc = decide(im, NULL, r, &im->stored, err);

	return rc == PSM__N_CREATED || rc == PSM__N_UPDATED
	           ? write_mapped(im, r, err)
	           : rc;
}

static int
import_record(struct import *im, size_t i, psm_error *err)
{
	struct record r;
	int rc;

	psm__error_clear(err);
	rc = record_read(im, i, &r, err);
	if (rc == 1)
		return PSM__N_SKIPPED;
	if (rc == 0) {
		rc = check_twins(im, &r, err);
		if (rc == 0)
			rc = import_mapped(im, &r, err);
		record_free(&r);
	}
	if (rc >= 0 || psm__app_is_system(rc))
		return rc;
	if (psm_error_line(err) == 0)
		psm__error_position(
		    err, psm__json_position(psm_json_item(im->list, i)));
	snprintf(r.pointer, sizeof(r.pointer), "/therapists/%zu", i);
	psm__error_pointer(err, r.pointer); /* the first one stays */
	if (im->is_new && i >= im->reported)
		psm__import_error(im->status, im->file->name, (int64_t)i, err);
	return PSM__N_FAILED;
}

/* *at: the record that ended it. */
static int
import_all(struct import *im, size_t *at, psm_error *err)
{
	int rc = load_stored(im, err);

	for (; *at < psm_json_count(im->list) && rc >= 0; ++*at) {
		if (psm__import_cancelled(im->status))
			return psm__fail(err, PSM_ERR_STATE,
			                 "import: cancelled");
		rc = import_record(im, *at, err);
		if (rc < 0)
			return rc;
		im->counts.n[PSM__N_RECORDS]++;
		im->counts.n[rc]++;
	}
	if (rc < 0)
		return rc;
	psm__error_clear(err); /* records with faults were reported */
	return (int)(im->counts.n[PSM__N_CREATED] +
	             im->counts.n[PSM__N_UPDATED]);
}

int
psm__import_document(psm_store *store, const struct psm__file *f,
                     const char *last_day, psm_import_status *status,
                     psm_error *err)
{
	struct import im = {
	    .store = store, .file = f, .status = status, .last_day = last_day};
	psm_json *doc = NULL;
	size_t at = 0;
	int rc;

	im.field = psm_error_new();
	if (im.field == NULL)
		return psm__nomem(err);
	rc = psm__json_salvage(f->text, f->len, "therapists", &doc, &im.lost,
	                       &im.lost_count, err);
	if (rc < 0)
		goto out;
	/* Whoever is in a lost record has not changed the name, either. */
	im.names.incomplete = im.lost_count > 0;
	im.list = psm_json_at(doc, "/therapists");
	if (psm_json_kind(doc) != PSM_JSON_OBJECT || im.list == NULL ||
	    psm_json_kind(im.list) != PSM_JSON_ARRAY) {
		rc = psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(doc),
		                  "want an object with an array "
		                  "\"therapists\"");
		psm__error_pointer(err, im.list != NULL ? "/therapists" : "");
		goto out;
	}
	im.is_new =
	    psm__import_is_new(status, f->name, f->checksum, &im.reported);
	rc = import_all(&im, &at, err);
	psm__import_file_read(status, f->name, &im.counts, at, rc >= 0,
	                      im.is_new);
out:
	psm__stored_list_free(&im.stored);
	psm__names_free(&im.names);
	psm__free(im.lost);
	psm_error_free(im.field);
	psm_json_free(doc);
	return rc;
}
