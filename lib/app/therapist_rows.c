/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists in the table; the SQL is made from the field table. */
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

#define TABLE "therapist_service.therapeuten"

static void
put_columns(struct psm__buf *b)
{
	const struct psm_entity *e = &psm__entity_therapist;

	for (size_t i = 0; i < e->count; i++)
		psm__buf_printf(b, "%st.%s", i ? ", " : "", e->fields[i].name);
}

static int
read_row(const psm_rows *rows, size_t n, struct psm__row *out, psm_error *err)
{
	int rc = psm__row_init(out, &psm__entity_therapist, err);

	for (size_t i = 0; i < psm__entity_therapist.count && rc == 0; i++)
		rc = psm__row_set(out, (int)i, psm_rows_text(rows, n, i), err);
	return rc;
}

int
psm__therapist_lock(psm_tx *tx, int64_t id, struct psm__row *row,
                    psm_error *err)
{
	struct psm__number number;
	const char *params[1] = {psm__number(&number, id)};
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int rc;

	memset(row, 0, sizeof(*row));
	psm__buf_puts(&sql, "SELECT ");
	put_columns(&sql);
	/* As bigint: an id beyond integer is nobody, not an error. */
	psm__buf_puts(&sql, " FROM " TABLE " t WHERE t.id = $1::bigint "
	                    "FOR UPDATE");
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, 1, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "there is no therapist %s", number.text);
	if (rc == 0)
		rc = read_row(rows, 0, row, err);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

/* Count a change of the therapist; *version is the number of this one. */
static int
next_version(psm_tx *tx, const char *id, const char *source, int64_t *version,
             psm_error *err)
{
	const char *params[2] = {id, source};
	psm_rows *rows = NULL;
	int rc;

	*version = 0;
	rc = psm_tx_exec(
	    tx,
	    "INSERT INTO psymatch.therapist_state AS s "
	    "(therapist_id, version, import_source) "
	    "VALUES ($1::integer, 1, $2::text) "
	    "ON CONFLICT (therapist_id) DO UPDATE SET version = s.version + 1, "
	    "import_source = coalesce(excluded.import_source, s.import_source) "
	    "RETURNING version",
	    2, params, &rows, err);
	if (rc == 0)
		*version = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__therapist_publish(psm_tx *tx, const struct psm__row *row,
                       const char *source, const char *event, psm_error *err)
{
	const char *id = psm__row_get(row, PSM__THERAPIST_ID);
	psm_json_writer *w;
	int64_t version;
	int rc;

	rc = next_version(tx, id, source, &version, err);
	if (rc < 0)
		return rc;
	w = psm_json_writer_new();
	if (w == NULL)
		return psm__nomem(err);
	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, strtoll(id, NULL, 10));
	psm_json_write_key(w, "therapist_data");
	rc = psm__row_write(row, PSM__FOR_EVENT, w, err);
	if (rc < 0)
		goto out;
	if (strcmp(event, "therapist.blocked") == 0) {
		psm_json_write_key(w, "reason");
		psm_json_write_string(
		    w, psm__row_get(row, PSM__THERAPIST_SPERRGRUND));
	}
	psm_json_write_key(w, "entity_version");
	psm_json_write_int(w, version);
	psm_json_write_end(w);
	rc = psm__app_emit(tx, event, "therapist-service", w, err);
out:
	psm_json_writer_free(w);
	return rc;
}

/* params points into row. The statement needs one per column at most. */
static size_t
put_insert(const struct psm__row *row, struct psm__buf *sql,
           const char **params)
{
	size_t count = 0;

	psm__buf_puts(sql, "INSERT INTO " TABLE " AS t (");
	for (size_t i = 0; i < row->entity->count; i++) {
		if (row->value[i] == NULL)
			continue;
		psm__buf_printf(sql, "%s%s", count ? ", " : "",
		                row->entity->fields[i].name);
		params[count++] = row->value[i];
	}
	psm__buf_puts(sql, ") VALUES (");
	for (size_t i = 1; i <= count; i++)
		psm__buf_printf(sql, "%s$%zu", i > 1 ? ", " : "", i);
	psm__buf_puts(sql, ") RETURNING ");
	put_columns(sql);
	return count;
}

int
psm__therapist_insert(psm_tx *tx, struct psm__row *row, const char *source,
                      psm_error *err)
{
	struct psm__row fresh = {0};
	struct psm__buf sql = {0};
	const char **params;
	psm_rows *rows = NULL;
	char today[11];
	size_t count;
	int rc;

	params = psm__array(row->entity->count, sizeof(*params));
	if (params == NULL)
		return psm__nomem(err);
	rc = psm__app_today(tx, today, err);
	if (rc == 0)
		rc = psm__row_set(row, PSM__THERAPIST_CREATED_AT, today, err);
	if (rc < 0)
		goto out;
	count = put_insert(row, &sql, params);
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, count, params, &rows, err);
	if (rc == 0)
		rc = read_row(rows, 0, &fresh, err);
	if (rc == 0)
		rc = psm__therapist_publish(tx, &fresh, source,
		                            "therapist.created", err);
	if (rc == 0)
		rc = psm__row_set(row, PSM__THERAPIST_ID,
		                  psm__row_get(&fresh, PSM__THERAPIST_ID), err);
out:
	psm__row_free(&fresh);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	psm__free(params);
	return rc;
}

static size_t
put_update(const struct psm__row *row, struct psm__buf *sql,
           const char **params)
{
	size_t count = 1;

	params[0] = psm__row_get(row, PSM__THERAPIST_ID);
	psm__buf_puts(sql, "UPDATE " TABLE " SET ");
	for (size_t i = 0; i < row->entity->count; i++) {
		if (!row->modified[i])
			continue;
		psm__buf_printf(sql, "%s%s = $%zu", count > 1 ? ", " : "",
		                row->entity->fields[i].name, count + 1);
		params[count++] = row->value[i];
	}
	psm__buf_puts(sql, " WHERE id = $1::integer");
	return count;
}

int
psm__therapist_save(psm_tx *tx, struct psm__row *row, const char *source,
                    const char *event, psm_error *err)
{
	size_t count;
	struct psm__buf sql = {0};
	const char **params;
	char today[11];
	int rc;

	params = psm__array(row->entity->count + 1, sizeof(*params));
	if (params == NULL)
		return psm__nomem(err);
	rc = psm__app_today(tx, today, err);
	if (rc == 0)
		rc = psm__row_set(row, PSM__THERAPIST_UPDATED_AT, today, err);
	if (rc == 0) {
		row->modified[PSM__THERAPIST_UPDATED_AT] = 1;
		count = put_update(row, &sql, params);
		rc = sql.failed
		         ? psm__nomem(err)
		         : psm_tx_exec(tx, sql.data, count, params, NULL, err);
	}
	if (rc == 0)
		rc = psm__therapist_publish(tx, row, source, event, err);
	psm__buf_free(&sql);
	psm__free(params);
	return rc;
}
