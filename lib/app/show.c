/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/show.h"

#include <string.h>

#include "app/app.h"
#include "app/fit_pair.h"
#include "app/own_tx.h"
#include "app/repository.h"
#include "base/base.h"

void
psm__show_value(psm_json_writer *w, const char *name, enum psm__show_kind kind,
                const psm_rows *rows, size_t row, size_t column)
{
	const char *text = psm_rows_text(rows, row, column);

	psm_json_write_key(w, name);
	if (text == NULL)
		psm_json_write_null(w);
	else if (kind == PSM__SHOW_NUMBER)
		psm_json_write_int(w, psm_rows_int(rows, row, column));
	else if (kind == PSM__SHOW_TIME)
		psm__write_timestamp(w, text);
	else if (kind == PSM__SHOW_BOOLEAN)
		psm_json_write_bool(w, text[0] == 't');
	else
		psm_json_write_string(w, text);
}

void
psm__show_row(psm_json_writer *w, const struct psm__show_column *columns,
              size_t count, const psm_rows *rows, size_t row)
{
	for (size_t k = 0; k < count; k++)
		psm__show_value(w, columns[k].name, columns[k].kind, rows, row,
		                k);
}

void
psm__show_rows(psm_json_writer *w, const struct psm__show_column *columns,
               size_t count, const psm_rows *rows)
{
	psm_json_write_array(w);
	for (size_t i = 0; i < psm_rows_count(rows); i++) {
		psm_json_write_object(w);
		psm__show_row(w, columns, count, rows, i);
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

int
psm__show_entity(psm_json_writer *w, const struct psm__row *row, psm_error *err)
{
	psm_json *doc = NULL;
	char *text = NULL;
	int rc = psm__row_text(row, PSM__FOR_REST, &text, err);

	if (rc == 0)
		rc = psm_json_parse(text, strlen(text), &doc, err);
	for (size_t i = 0; rc == 0 && i < psm_json_count(doc); i++) {
		psm_json_write_key(w, psm_json_key(doc, i));
		psm_json_write_value(w, psm_json_item(doc, i));
	}
	psm_json_free(doc);
	psm__free(text);
	return rc;
}

/* 1: its table is in this database, may be read, and has all columns: that of
 * another service may not be migrated yet. */
static int
is_whole(psm_tx *tx, const struct psm_entity *e, psm_error *err)
{
	struct psm__buf names = {0};
	const char *params[3] = {psm_entity_sql_schema(e),
	                         psm_entity_sql_table(e), NULL};
	int64_t there = 0;
	int rc = 0;

	for (size_t i = 0; i < e->count; i++)
		psm__buf_printf(&names, "%c%s", i == 0 ? '{' : ',',
		                e->fields[i].name);
	psm__buf_puts(&names, "}");
	params[2] = names.data;
	if (names.failed)
		rc = psm__nomem(err);
	if (rc == 0)
		rc = psm__app_ask(
		    tx,
		    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON "
		    "n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid "
		    "= c.oid WHERE n.nspname = $1::text AND c.relname = "
		    "$2::text AND has_schema_privilege(n.oid, 'USAGE') AND "
		    "has_table_privilege(c.oid, 'SELECT') AND a.attname = ANY "
		    "($3::name[]) AND NOT a.attisdropped",
		    3, params, &there, err);
	psm__buf_free(&names);
	return rc < 0 ? rc : there == (int64_t)e->count;
}

/* 1: the record itself, from its own table if that is in this database. */
static int
read_record(psm_tx *tx, const struct psm_entity *e, int64_t id,
            struct psm__row *row, psm_error *err)
{
	int64_t version;
	int rc = is_whole(tx, e, err);

	if (rc <= 0)
		return rc;
	rc = psm__repo_get(tx, e, id, row, &version, err);
	if (rc != PSM_ERR_NOT_FOUND)
		return rc < 0 ? rc : 1;
	psm__row_free(row);
	psm__error_clear(err);
	return 0;
}

int
psm__show_person(psm_json_writer *w, psm_tx *tx, const char *key,
                 const struct psm_entity *e, int64_t id, psm_error *err)
{
	struct psm__row row = {0};
	int rc = read_record(tx, e, id, &row, err), whole = rc > 0;

	if (rc == 0)
		rc = psm__copy_read(tx, e, id, 0, &row, err);
	psm_json_write_key(w, key);
	if (rc > 0)
		rc = psm__row_write(&row, whole ? PSM__FOR_REST : PSM__FOR_COPY,
		                    w, err);
	else
		psm_json_write_null(w);
	psm__row_free(&row);
	return rc;
}

static int
show_record(psm_tx *tx, const struct psm__shown *what, int64_t record,
            char **out, int64_t *version, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	struct psm__row row = {0};
	struct psm__number number;
	const char *id = psm__number(&number, record);
	int rc = psm__repo_get(tx, what->entity, record, &row, version, err);

	psm_json_write_object(w);
	if (rc == 0)
		rc = psm__show_entity(w, &row, err);
	if (rc == 0)
		rc = psm__show_person(w, tx, what->key, what->copied,
		                      psm__row_int(&row, what->column), err);
	if (rc >= 0)
		rc = what->rest(w, tx, id, err);
	psm_json_write_end(w);
	psm__row_free(&row);
	return psm__json_take(w, rc, out, err);
}

int
psm__show_get(psm_store *store, const struct psm__shown *what, int64_t id,
              char **out, int64_t *version, psm_error *err)
{
	int64_t found = 0;
	psm_tx *tx;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0)
		rc = show_record(tx, what, id, out, &found, err);
	if (version != NULL)
		*version = rc < 0 ? 0 : found;
	return psm__own_end(tx, rc, out, err);
}
