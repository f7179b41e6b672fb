/* SPDX-License-Identifier: BSD-2-Clause */
/* One registration becomes a patient. */
#include <string.h>

#include "app/own_tx.h"
#include "app/patient.h"
#include "app/patient_import.h"
#include "domain/patient_import.h"
#include "store/store.h"

#define NAME_MAX_LEN 1024

struct document {
	const char *name;
	char hash[PSM__SHA256_SIZE];
	struct psm__patient_file file;
};

/* 1: it is ours to import, and whoever has the same waits for us; 0: it is
 * imported already. */
static int
claim(psm_tx *tx, const struct document *d, psm_error *err)
{
	const char *params[3] = {d->hash, d->file.token, d->name};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx,
	                     "INSERT INTO psymatch.patient_import "
	                     "(content_hash, registration_token, object_name) "
	                     "VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
	                     3, params, &rows, err);

	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

/* Whoever has it is the one whose content, or whose token, it is. */
static int
known(psm_tx *tx, const struct document *d, int64_t *patient, psm_error *err)
{
	const char *params[2] = {d->hash, d->file.token};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT patient_id, content_hash = $1 FROM psymatch.patient_import "
	    "WHERE content_hash = $1 OR registration_token = $2 "
	    "ORDER BY content_hash <> $1",
	    2, params, &rows, err);
	const char *same = psm_rows_text(rows, 0, 1);

	*patient = psm_rows_int(rows, 0, 0);
	if (rc == 0 && (same == NULL || same[0] != 't')) {
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "registration_token: want one that was not "
		               "imported yet, found it with another content "
		               "(patient %lld)",
		               (long long)*patient);
		psm__error_pointer(err, "/registration_token");
	}
	psm_rows_free(rows);
	return rc;
}

/* The token and the hash belong to that patient from now on. */
static int
note(psm_tx *tx, const struct document *d, const struct psm__row *row,
     psm_error *err)
{
	const char *params[3] = {
	    d->hash, psm__row_get(row, PSM__COLUMN_ID),
	    psm__row_is_empty(row, PSM__PATIENT_EMAIL) ? "none" : "open"};

	return psm_tx_queue(tx,
	                    "UPDATE psymatch.patient_import "
	                    "SET patient_id = $2::integer, confirmation = $3 "
	                    "WHERE content_hash = $1",
	                    3, params, err);
}

static int
make(psm_tx *tx, const struct document *d, int64_t *patient, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_patient,
	                        .verb = PSM__MAKE,
	                        .decide = psm__patient_import,
	                        .wish = &d->file.record};
	int rc = psm__change_run(&c, err);

	if (rc >= 0) {
		*patient = psm__row_int(&c.row, PSM__COLUMN_ID);
		rc = note(tx, d, &c.row, err);
	}
	psm__change_free(&c);
	return rc < 0 ? rc : 1;
}

static int
put_result(int64_t patient, int created, char **result, psm_error *err)
{
	psm_json_writer *w;

	if (result == NULL)
		return 0;
	w = psm_json_writer_new();
	if (w == NULL)
		return psm__nomem(err);
	psm_json_write_object(w);
	psm_json_write_key(w, "patient_id");
	psm_json_write_int(w, patient);
	psm_json_write_key(w, "created");
	psm_json_write_bool(w, created);
	psm_json_write_end(w);
	return psm__json_take(w, 0, result, err);
}

static int
import(psm_store *store, const struct document *d, char **result,
       psm_error *err)
{
	psm_tx *tx = NULL;
	int64_t patient = 0;
	int rc = psm_tx_begin(store, &tx, err), put;

	if (rc == 0)
		rc = claim(tx, d, err);
	if (rc == 0)
		rc = known(tx, d, &patient, err);
	else if (rc == 1)
		rc = make(tx, d, &patient, err);
	if (rc >= 0) {
		put = put_result(patient, rc, result, err);
		rc = put < 0 ? put : rc;
	}
	return psm__own_end(tx, rc, result, err);
}

static int
check(const psm_store *store, const char *name, const char *text, size_t len,
      psm_error *err)
{
	if (store == NULL || name == NULL || text == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "store, name or text is NULL");
	if (name[0] == '\0' || strlen(name) > NAME_MAX_LEN ||
	    psm__utf8_check(name, strlen(name)) != strlen(name))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "name: want 1 to %d bytes of UTF-8",
		                 NAME_MAX_LEN);
	if (len > PSM__PATIENT_FILE_MAX)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %zu bytes, found %zu",
		                 PSM__PATIENT_FILE_MAX, len);
	return 0;
}

int
psm_patient_import_document(psm_store *store, const char *name,
                            const char *text, size_t len, char **result,
                            psm_error *err)
{
	struct document d = {.name = name};
	psm_json *doc = NULL;
	size_t mark;
	int rc;

	psm__error_clear(err);
	if (result != NULL)
		*result = NULL;
	rc = check(store, name, text, len, err);
	if (rc < 0)
		return rc;
	rc = psm__sha256(text, len, d.hash, err);
	mark = len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	if (rc == 0)
		rc = psm_json_parse(text + mark, len - mark, &doc, err);
	if (rc == 0)
		rc = psm__patient_file_read(doc, &d.file, err);
	if (rc == 0)
		rc = import(store, &d, result, err);
	psm__patient_file_free(&d.file);
	psm_json_free(doc);
	return rc;
}
