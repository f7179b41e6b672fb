/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom an import finds stored, and what it keeps of the last record. */
#include <string.h>

#include "app/app.h"

void
psm__stored_list_free(struct psm__stored_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		psm__row_free(&list->items[i].row);
		psm__row_free(&list->items[i].last);
		psm__free(list->items[i].source);
		psm__free(list->items[i].fields);
	}
	psm__free(list->items);
	psm__names_free(&list->names);
	psm__names_free(&list->imported);
	memset(list, 0, sizeof(*list));
}

static int
copy(const char *text, char **out, psm_error *err)
{
	*out = text != NULL ? psm__strdup(text) : NULL;
	return text != NULL && *out == NULL ? psm__nomem(err) : 0;
}

static int
read_last(struct psm__stored *s, psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	if (s->fields == NULL)
		return 0;
	rc = psm_json_parse(s->fields, strlen(s->fields), &doc, err);
	if (rc == 0)
		rc = psm__row_init(&s->last, &psm__entity_therapist, err);
	if (rc == 0)
		rc = psm__row_from_json(&s->last, doc, "", err);
	psm_json_free(doc);
	return rc;
}

static int
read_one(const psm_rows *rows, size_t i, struct psm__stored *s, psm_error *err)
{
	size_t columns = psm__entity_therapist.count;
	int rc = psm__therapist_read(rows, i, &s->row, err);

	if (rc == 0)
		rc = copy(psm_rows_text(rows, i, columns), &s->source, err);
	if (rc == 0)
		rc = copy(psm_rows_text(rows, i, columns + 1), &s->fields, err);
	return rc == 0 ? read_last(s, err) : rc;
}

static int
add_names(struct psm__stored_list *list, size_t i,
          const struct psm__names *present, psm_error *err)
{
	const struct psm__stored *s = &list->items[i];
	size_t first;
	int rc = psm__names_add(&list->names, &s->row, i, err);

	if (rc < 0 || s->fields == NULL)
		return rc;
	rc = psm__names_find(present, &s->row, &first, err);
	return rc == 0  ? psm__names_add(&list->imported, &s->last, i, err)
	       : rc < 0 ? rc
	                : 0;
}

static int
read_list(const psm_rows *rows, const struct psm__names *present,
          struct psm__stored_list *out, psm_error *err)
{
	size_t count = psm_rows_count(rows);
	int rc = 0;

	if (count == 0)
		return 0;
	out->items = psm__alloc(count * sizeof(*out->items));
	if (out->items == NULL)
		return psm__nomem(err);
	out->count = count;
	for (size_t i = 0; i < count && rc == 0; i++) {
		rc = read_one(rows, i, &out->items[i], err);
		if (rc == 0)
			rc = add_names(out, i, present, err);
	}
	if (rc == 0)
		rc = psm__names_sort(&out->names, err);
	return rc < 0 ? rc : psm__names_sort(&out->imported, err);
}

int
psm__therapists_at(psm_tx *tx, const char *codes,
                   const struct psm__names *present,
                   struct psm__stored_list *out, psm_error *err)
{
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int rc;

	memset(out, 0, sizeof(*out));
	psm__buf_puts(&sql, "SELECT ");
	psm__therapist_columns(&sql);
	/* Names are compared here, not there: no database folds like another.
	 * The digits of the code are an index (migration 002). */
	psm__buf_puts(&sql,
	              ", s.import_source, i.fields "
	              "FROM therapist_service.therapeuten t "
	              "LEFT JOIN psymatch.therapist_state s "
	              "ON s.therapist_id = t.id "
	              "LEFT JOIN psymatch.therapist_import i "
	              "ON i.therapist_id = t.id WHERE t.id IN "
	              "(SELECT id FROM therapist_service.therapeuten "
	              "WHERE translate(plz, translate(plz, '0123456789', ''), "
	              "'') = ANY ($1::text[]) UNION "
	              "SELECT therapist_id FROM psymatch.therapist_import "
	              "WHERE plz = ANY ($1::text[])) ORDER BY t.id");
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, 1, &codes, &rows, err);
	if (rc == 0)
		rc = read_list(rows, present, out, err);
	if (rc < 0)
		psm__stored_list_free(out);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

int
psm__therapist_remember(psm_tx *tx, const char *id,
                        const struct psm__row *record, const char *fields,
                        const char *source, psm_error *err)
{
	const char *params[3] = {id, psm__row_get(record, "plz"), fields};
	int rc;

	rc = psm_tx_queue(tx,
	                  "INSERT INTO psymatch.therapist_import "
	                  "(therapist_id, plz, fields) "
	                  "VALUES ($1::integer, $2, $3) "
	                  "ON CONFLICT (therapist_id) DO UPDATE "
	                  "SET plz = excluded.plz, fields = excluded.fields",
	                  3, params, err);
	if (rc < 0 || source == NULL)
		return rc;
	/* Else an older file that says something else would be news again. */
	params[1] = source;
	return psm_tx_queue(tx,
	                    "INSERT INTO psymatch.therapist_state AS s "
	                    "(therapist_id, version, import_source) "
	                    "VALUES ($1::integer, 0, $2) "
	                    "ON CONFLICT (therapist_id) DO UPDATE "
	                    "SET import_source = excluded.import_source "
	                    "WHERE s.import_source IS DISTINCT FROM "
	                    "excluded.import_source",
	                    2, params, err);
}
