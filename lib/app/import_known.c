/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Files whose content is known to be stored: they are not read again. What is
 * known of a file is wrong as soon as another import writes records of a file
 * of that name, so each transaction that does says who it is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/uuid.h>
#include <psymatch/version.h>

#include "app/import_int.h"
#include "store/store.h"

/* The name of a file without its day. */
static const char *
own_name(const char *source)
{
	return strchr(source, '/') + 1;
}

/* Another version of the library may make something else of the same file. */
static void
content_of(const struct psm__file *f, char *out, size_t size)
{
	snprintf(out, size, "%s-%s", f->checksum, psm_version());
}

static int
read_known(const psm_rows *rows, struct psm__known_files *out, psm_error *err)
{
	size_t count = psm_rows_count(rows);
	const char *checksum;

	out->items = psm__array(count > 0 ? count : 1, sizeof(*out->items));
	if (out->items == NULL)
		return psm__nomem(err);
	for (size_t i = 0; i < count; i++) {
		struct psm__known_file *k = &out->items[i];

		checksum = psm_rows_text(rows, i, 2);
		snprintf(k->file, sizeof(k->file), "%s",
		         psm_rows_text(rows, i, 0));
		snprintf(k->writer, sizeof(k->writer), "%s",
		         psm_rows_text(rows, i, 1));
		snprintf(k->checksum, sizeof(k->checksum), "%s",
		         checksum != NULL ? checksum : "");
		k->records = psm_rows_int(rows, i, 3);
		k->people = psm_rows_int(rows, i, 4);
	}
	out->count = count;
	return 0;
}

int
psm__known_files(psm_store *store, struct psm__known_files *out, psm_error *err)
{
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	/* Each table once, also by a plan that was made while it was small. */
	if (rc == 0)
		rc = psm_tx_queue(
		    tx, "SELECT set_config('enable_nestloop', 'off', true)", 0,
		    NULL, err);
	/* Of the file is whoever was stored of it last: a record of another one
	 * may have changed the therapist since. */
	if (rc == 0)
		rc = psm_tx_exec(
		    tx,
		    "SELECT f.file, f.writer, CASE WHEN cardinality(f.ids) = "
		    "coalesce(n.count, 0) THEN f.checksum END, f.records, "
		    "f.people "
		    "FROM psymatch.import_file f "
		    "LEFT JOIN (SELECT p.file, count(*) AS count "
		    "FROM (SELECT file, unnest(ids) AS id "
		    "FROM psymatch.import_file) p "
		    "JOIN psymatch.therapist_import i ON i.therapist_id = p.id "
		    "AND right(i.source, 10) = p.file "
		    "JOIN therapist_service.therapeuten t ON t.id = p.id "
		    "WHERE i.fields IS NOT NULL GROUP BY 1) n "
		    "ON n.file = f.file "
		    "ORDER BY f.file COLLATE \"C\"",
		    0, NULL, &rows, err);
	if (rc >= 0)
		rc = read_known(rows, out, err);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	return rc;
}

int
psm__known_file(psm_store *store, const struct psm__file *f,
                struct psm__known_files *out, psm_error *err)
{
	const char *name = own_name(f->name);
	psm_rows *rows = NULL;
	int rc = psm_store_exec(store,
	                        "SELECT file, writer, NULL, 0, 0 "
	                        "FROM psymatch.import_file WHERE file = $1",
	                        1, &name, &rows, err);

	if (rc >= 0)
		rc = read_known(rows, out, err);
	psm_rows_free(rows);
	return rc;
}

void
psm__known_files_free(struct psm__known_files *list)
{
	psm__free(list->items);
	memset(list, 0, sizeof(*list));
}

static int
by_file(const void *a, const void *b)
{
	return strcmp(((const struct psm__known_file *)a)->file,
	              ((const struct psm__known_file *)b)->file);
}

int
psm__known_begin(struct psm__import *im, const struct psm__known_files *list,
                 psm_error *err)
{
	struct psm__known_file wanted;
	char content[PSM__CONTENT_LEN];

	if (psm_uuid_new(im->writer, sizeof(im->writer)) < 0)
		return psm__fail(err, PSM_ERR_IO, "no random numbers");
	snprintf(wanted.file, sizeof(wanted.file), "%s",
	         own_name(im->file->name));
	im->known = list->count > 0 ? bsearch(&wanted, list->items, list->count,
	                                      sizeof(wanted), by_file)
	                            : NULL;
	if (im->known == NULL)
		return 0;
	memcpy(im->last_writer, im->known->writer, sizeof(im->last_writer));
	content_of(im->file, content, sizeof(content));
	return strcmp(im->known->checksum, content) == 0;
}

/* The answer comes with the next one: who wrote before, '' for nobody, '?' for
 * who has just begun. */
int
psm__known_claim(struct psm__import *im, psm_tx *tx, psm_rows **rows,
                 psm_error *err)
{
	struct psm__param params[2] = {
	    psm__param_text(own_name(im->file->name)),
	    psm__param_text(im->writer)};

	return psm__tx_queue(
	    tx,
	    "WITH old AS (SELECT writer FROM psymatch.import_file "
	    "WHERE file = $1 FOR UPDATE) "
	    "INSERT INTO psymatch.import_file AS f (file, writer) "
	    /* Counted, so that it is looked at before the row is written. */
	    "SELECT $1, $2::uuid FROM (SELECT count(*) FROM old) looked_at "
	    "ON CONFLICT (file) "
	    "DO UPDATE SET writer = excluded.writer, checksum = NULL "
	    "RETURNING CASE WHEN f.xmax = 0 THEN '' "
	    "ELSE coalesce((SELECT writer::text FROM old), '?') END",
	    2, params, rows, err);
}

void
psm__known_claimed(struct psm__import *im, const psm_rows *rows)
{
	const char *before = psm_rows_text(rows, 0, 0);

	if (before == NULL || strcmp(before, im->last_writer) != 0)
		im->is_disturbed = 1;
	memcpy(im->last_writer, im->writer, sizeof(im->last_writer));
}

void
psm__known_person(struct psm__import *im, int64_t id)
{
	psm__buf_printf(&im->ids, "%s%" PRId64, im->ids.len > 0 ? "," : "{",
	                id);
}

int
psm__known_keep(struct psm__import *im, psm_error *err)
{
	const int64_t *n = im->counts.n;
	struct psm__number records, people;
	char content[PSM__CONTENT_LEN];
	const char *params[7];
	int rc;

	if (im->is_disturbed || im->lost_count > 0 || im->field_faults > 0 ||
	    n[PSM__N_FAILED] > 0 || n[PSM__N_SUPERSEDED] > 0)
		return 0;
	psm__buf_puts(&im->ids, im->ids.len > 0 ? "}" : "{}");
	if (im->ids.failed)
		return psm__nomem(err);
	content_of(im->file, content, sizeof(content));
	params[0] = own_name(im->file->name);
	params[1] = im->writer;
	params[2] = content;
	params[3] = psm__number(&records, n[PSM__N_RECORDS]);
	params[4] = psm__number(&people, n[PSM__N_RECORDS] - n[PSM__N_SKIPPED]);
	params[5] = im->last_writer;
	params[6] = im->ids.data;
	rc = psm_store_exec(
	    im->store,
	    "INSERT INTO psymatch.import_file AS f "
	    "(file, writer, checksum, records, people, ids) "
	    "VALUES ($1, $2::uuid, $3, $4::integer, $5::integer, "
	    "ARRAY(SELECT DISTINCT id FROM unnest($7::integer[]) id "
	    "ORDER BY id)) "
	    "ON CONFLICT (file) DO UPDATE SET checksum = excluded.checksum, "
	    "records = excluded.records, people = excluded.people, "
	    "ids = excluded.ids "
	    "WHERE f.writer::text = $6 AND "
	    "(f.checksum, f.records, f.people, f.ids) IS DISTINCT FROM "
	    "(excluded.checksum, excluded.records, excluded.people, "
	    "excluded.ids)",
	    7, params, NULL, err);
	/* Nothing that is said of it can be the file's fault. */
	return psm__app_is_system(rc) ? rc : 0;
}
