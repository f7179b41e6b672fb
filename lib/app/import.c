/* SPDX-License-Identifier: BSD-2-Clause */
/* The records of one import file become therapists. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/import_int.h"
#include "json/json.h"

static int
record_map(const struct psm__import *im, size_t i,
           struct psm__import_record *out,
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
		psm__row_free(&out->row);
	return rc;
}

/* A field that is at fault is reported, the rest of the record is written. */
static void
tell_field(const psm_error *fault, size_t record, void *user)
{
	struct psm__import *im = user;

	im->field_faults++;
	if (im->is_new && record >= im->reported)
		psm__import_error(im->status, im->file->name, (int64_t)record,
		                  fault);
}

static const struct psm__lost *
find_lost(const struct psm__import *im, size_t i)
{
	for (size_t n = 0; n < im->lost_count; n++) {
		if (im->lost[n].item == i)
			return &im->lost[n];
	}
	return NULL;
}

/* As psm__record_map(), also for what is no JSON. */
static int
record_read(struct psm__import *im, size_t i, struct psm__import_record *out,
            psm_error *err)
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
collect_names(struct psm__import *im, struct codes *codes, psm_error *err)
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
load_stored(struct psm__import *im, psm_error *err)
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
		rc = psm__stored_list_add(tx, codes.list[i], &im->names,
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
check_twins(const struct psm__import *im, const struct psm__import_record *r,
            psm_error *err)
{
	size_t first, i;
	int count = psm__names_find(&im->names, &r->row, &first, err), rc;
	static const struct psm__record_faults silent;
	struct psm__import_record other;

	for (int n = 0; n < count; n++) {
		i = im->names.people[first + (size_t)n].number;
		if (psm_json_equal(r->json, psm_json_item(im->list, i)))
			continue;
		rc = record_map(im, i, &other, &silent, NULL);
		if (rc == PSM_ERR_NOMEM)
			return psm__nomem(err);
		if (rc != 0)
			continue; /* it will not be written */
		psm__row_free(&other.row);
		return psm__fail(err, PSM_ERR_AMBIGUOUS,
		                 "want one record per name and postal code, "
		                 "found another at /therapists/%zu",
		                 i);
	}
	return count < 0 ? count : 0;
}

/* Most records say nothing new: the first look is at what was read beforehand,
 * without a lock. Others wait for the next write. */
static int
look(struct psm__import *im, struct psm__import_record *r, psm_error *err)
{
	int rc = check_twins(im, r, err);

	if (rc == 0)
		rc = psm__import_decide(im, r, &im->stored, 0, err);
	return rc;
}

static int
import_record(struct psm__import *im, size_t i, psm_error *err)
{
	struct psm__import_record *r = &im->waiting[im->waiting_count];
	int rc;

	psm__error_clear(err);
	rc = record_read(im, i, r, err);
	if (rc == 1)
		return PSM__N_SKIPPED;
	r->number = i;
	if (rc == 0) {
		rc = look(im, r, err);
		if (rc == PSM__N_CREATED || rc == PSM__N_UPDATED) {
			im->waiting_count++;
			return PSM__N_RECORDS;
		}
		psm__row_free(&r->row);
	}
	return rc >= 0 || psm__app_is_system(rc)
	           ? rc
	           : psm__import_refused(im, i, err);
}

/* 1: the last of those that wait has the name of another record, which would not
 * find it stored. */
static int
is_named_twice(const struct psm__import *im, psm_error *err)
{
	const struct psm__row *last = &im->waiting[im->waiting_count - 1].row;
	size_t first;
	int count = psm__names_find(&im->names, last, &first, err);

	return count < 0 ? count : count > 1;
}

static int
import_next(struct psm__import *im, size_t i, psm_error *err)
{
	int rc = import_record(im, i, err);

	if (rc < 0)
		return rc;
	if (rc != PSM__N_RECORDS) {
		/* It does not wait, but is still there. */
		psm__import_count(im, &im->waiting[im->waiting_count], rc);
		return 0;
	}
	return im->waiting_count == PSM__IMPORT_BATCH ? 1
	                                              : is_named_twice(im, err);
}

/* *at: how far the records were read. */
static int
import_all(struct psm__import *im, size_t *at, psm_error *err)
{
	int rc = load_stored(im, err), cancelled = 0;

	while (rc == 0 && *at < psm_json_count(im->list)) {
		cancelled = psm__import_cancelled(im->status);
		if (cancelled)
			break;
		rc = import_next(im, *at, err);
		if (rc >= 0)
			++*at;
		if (rc == 1)
			rc = psm__import_write(im, err);
	}
	if (rc == 0)
		rc = psm__import_write(im, err);
	if (rc == 0 && cancelled)
		rc = psm__fail(err, PSM_ERR_STATE, "import: cancelled");
	if (rc == 0)
		rc = psm__known_keep(im, err);
	if (rc < 0)
		return rc;
	psm__error_clear(err); /* records with faults were reported */
	return (int)(im->counts.n[PSM__N_CREATED] +
	             im->counts.n[PSM__N_UPDATED]);
}

/* What the file holds is stored: nothing is to be read or written. */
static void
count_known(struct psm__import *im)
{
	im->counts.n[PSM__N_RECORDS] = im->known->records;
	im->counts.n[PSM__N_UNCHANGED] = im->known->people;
	im->counts.n[PSM__N_SKIPPED] = im->known->records - im->known->people;
}

static int
import_list(struct psm__import *im, psm_json **doc, psm_error *err)
{
	const struct psm__file *f = im->file;
	size_t at = 0;
	int rc = psm__json_salvage(f->text, f->len, "therapists", doc,
	                           &im->lost, &im->lost_count, err);

	if (rc < 0)
		return rc;
	/* Whoever is in a lost record has not changed the name, either. */
	im->names.incomplete = im->lost_count > 0;
	im->list = psm_json_at(*doc, "/therapists");
	if (psm_json_kind(*doc) != PSM_JSON_OBJECT || im->list == NULL ||
	    psm_json_kind(im->list) != PSM_JSON_ARRAY) {
		rc = psm__fail_at(err, PSM_ERR_SCHEMA, psm__json_position(*doc),
		                  "want an object with an array "
		                  "\"therapists\"");
		psm__error_pointer(err, im->list != NULL ? "/therapists" : "");
		return rc;
	}
	im->is_new =
	    psm__import_is_new(im->status, f->name, f->checksum, &im->reported);
	rc = import_all(im, &at, err);
	psm__import_file_read(im->status, f->name, &im->counts, at, rc >= 0,
	                      im->is_new);
	return rc;
}

int
psm__import_document(psm_store *store, const struct psm__file *f,
                     const struct psm__known_files *known, const char *last_day,
                     psm_import_status *status, psm_error *err)
{
	struct psm__import im = {
	    .store = store, .file = f, .status = status, .last_day = last_day};
	psm_json *doc = NULL;
	int rc = psm__known_begin(&im, known, err);

	if (rc == 1) {
		count_known(&im);
		im.is_new = psm__import_is_new(status, f->name, f->checksum,
		                               &im.reported);
		psm__import_file_read(status, f->name, &im.counts, 0, 1,
		                      im.is_new);
		return 0;
	}
	if (rc < 0)
		return rc;
	im.field = psm_error_new();
	im.waiting = psm__array(PSM__IMPORT_BATCH, sizeof(*im.waiting));
	rc = im.field == NULL || im.waiting == NULL
	         ? psm__nomem(err)
	         : import_list(&im, &doc, err);
	psm__import_drop(&im);
	psm__free(im.waiting);
	psm__stored_list_free(&im.stored);
	psm__names_free(&im.names);
	psm__free(im.lost);
	psm__buf_free(&im.ids);
	psm_error_free(im.field);
	psm_json_free(doc);
	return rc;
}
