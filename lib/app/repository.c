/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/repository.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"

#define VERSION_OF                                                             \
	"SELECT version FROM psymatch.entity_version "                         \
	"WHERE entity = $1 AND id = $2::bigint"
#define COUNTED                                                                \
	" ON CONFLICT (entity, id) DO UPDATE SET version = v.version + 1 "     \
	"RETURNING id, version"
#define NEXT_VERSION                                                           \
	"INSERT INTO psymatch.entity_version AS v (entity, id, version) "      \
	"VALUES ($1, $2::bigint, 1)" COUNTED

static int
queue(psm_tx *tx, const char *sql, size_t count, const char *const *texts,
      psm_rows **rows, psm_error *err)
{
	struct psm__param params[PSM__LIST_PARAMS];

	for (size_t i = 0; i < count; i++)
		params[i] = psm__param_text(texts[i]);
	return psm__tx_queue(tx, sql, count, params, rows, err);
}

/* "Therapist 7 not found" */
static int
not_found(const struct psm_entity *e, const char *id, psm_error *err)
{
	char name[32];
	size_t i;

	for (i = 0; e->name[i] != '\0' && i + 1 < sizeof(name); i++)
		name[i] = e->name[i] == '_' ? ' ' : e->name[i];
	name[i] = '\0';
	name[0] = (char)toupper((unsigned char)name[0]);
	return psm__fail(err, PSM_ERR_NOT_FOUND, "%s %s not found", name, id);
}

int
psm__repo_read(const psm_rows *rows, size_t n, const struct psm_entity *e,
               struct psm__row *row, psm_error *err)
{
	int rc = psm__row_init(row, e, err);

	for (size_t i = 0; i < e->count && rc == 0; i++)
		rc = psm__row_set(row, (int)i, psm_rows_text(rows, n, i), err);
	return rc;
}

/* The version comes with the row, or is asked for behind it when that waits for
 * a lock. */
int
psm__repo_ask(psm_tx *tx, const struct psm_entity *e, int64_t id, int lock,
              struct psm__answer *a, psm_error *err)
{
	const char *params[2] = {e->name, psm__number(&a->id, id)};
	const char *sql = psm__sql(e, lock ? PSM__SQL_LOCK : PSM__SQL_SELECT);
	int rc = sql == NULL ? psm__nomem(err) : 0;

	a->rows = a->versions = NULL;
	a->is_locked = lock;
	if (rc == 0)
		rc = queue(tx, sql, 1, params + 1, &a->rows, err);
	if (rc == 0 && lock)
		rc = queue(tx, VERSION_OF, 2, params, &a->versions, err);
	return rc;
}

int
psm__repo_loaded(const struct psm__answer *a, const struct psm_entity *e,
                 struct psm__row *row, int64_t *version, psm_error *err)
{
	*version = 0;
	if (psm_rows_count(a->rows) == 0)
		return not_found(e, a->id.text, err);
	if (!a->is_locked)
		*version = psm_rows_int(a->rows, 0, e->count);
	else if (psm_rows_count(a->versions) > 0)
		*version = psm_rows_int(a->versions, 0, 0);
	return psm__repo_read(a->rows, 0, e, row, err);
}

void
psm__answer_free(struct psm__answer *a)
{
	psm_rows_free(a->versions);
	psm_rows_free(a->rows);
	a->rows = a->versions = NULL;
}

/* One round trip for a row and its version. */
static int
load(psm_tx *tx, const struct psm_entity *e, int64_t id, int lock,
     struct psm__row *row, int64_t *version, psm_error *err)
{
	struct psm__answer a;
	int rc = psm__repo_ask(tx, e, id, lock, &a, err);

	memset(row, 0, sizeof(*row));
	*version = 0;
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		rc = psm__repo_loaded(&a, e, row, version, err);
	psm__answer_free(&a);
	return rc;
}

int
psm__repo_get(psm_tx *tx, const struct psm_entity *e, int64_t id,
              struct psm__row *row, int64_t *version, psm_error *err)
{
	return load(tx, e, id, 0, row, version, err);
}

int
psm__repo_lock(psm_tx *tx, const struct psm_entity *e, int64_t id,
               struct psm__row *row, int64_t *version, psm_error *err)
{
	return load(tx, e, id, 1, row, version, err);
}

static int
queue_insert(psm_tx *tx, const struct psm__row *row, struct psm__answer *a,
             psm_error *err)
{
	const struct psm_entity *e = row->entity;
	const char *insert = psm__sql(e, PSM__SQL_INSERT);
	const char *params[PSM__COLUMNS_MAX];
	size_t count = psm__sql_insert_params(row, params);
	struct psm__buf sql = {0};
	int rc;

	/* The id of the one statement is a parameter of the other. */
	psm__buf_printf(&sql,
	                "WITH made AS (%s) INSERT INTO psymatch.entity_version "
	                "AS v (entity, id, version) SELECT '%s', id, 1 "
	                "FROM made" COUNTED,
	                insert != NULL ? insert : "", e->name);
	rc = insert == NULL || sql.failed
	         ? psm__nomem(err)
	         : queue(tx, sql.data, count, params, &a->rows, err);
	psm__buf_free(&sql);
	return rc;
}

int
psm__repo_put(psm_tx *tx, const struct psm__row *row, enum psm__put how,
              struct psm__answer *a, psm_error *err)
{
	const char *params[PSM__COLUMNS_MAX];
	const char *key[2] = {row->entity->name,
	                      psm__row_get(row, PSM__COLUMN_ID)};
	const char *sql = NULL;
	size_t count = 1;
	int rc = 0;

	a->rows = a->versions = NULL;
	if (how == PSM__PUT_INSERT)
		return queue_insert(tx, row, a, err);
	params[0] = key[1];
	if (how == PSM__PUT_UPDATE)
		count = psm__sql_update_params(row, params);
	if (how != PSM__PUT_TOUCH) {
		sql = psm__sql(row->entity, how == PSM__PUT_UPDATE
		                                ? PSM__SQL_UPDATE
		                                : PSM__SQL_DELETE);
		rc = sql == NULL ? psm__nomem(err)
		                 : queue(tx, sql, count, params, NULL, err);
	}
	/* The statement travels with the one that counts it. */
	return rc == 0 ? queue(tx, NEXT_VERSION, 2, key, &a->rows, err) : rc;
}

int
psm__repo_stored(const struct psm__answer *a, struct psm__row *row,
                 int64_t *version, psm_error *err)
{
	*version = psm_rows_int(a->rows, 0, 1);
	return psm__row_get(row, PSM__COLUMN_ID) != NULL
	           ? 0
	           : psm__row_set(row, PSM__COLUMN_ID,
	                          psm_rows_text(a->rows, 0, 0), err);
}

static int
put(psm_tx *tx, struct psm__row *row, enum psm__put how, int64_t *version,
    psm_error *err)
{
	struct psm__answer a;
	int rc = psm__repo_put(tx, row, how, &a, err);

	*version = 0;
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		rc = psm__repo_stored(&a, row, version, err);
	psm__answer_free(&a);
	return rc;
}

int
psm__repo_insert(psm_tx *tx, struct psm__row *row, int64_t *version,
                 psm_error *err)
{
	return put(tx, row, PSM__PUT_INSERT, version, err);
}

int
psm__repo_update(psm_tx *tx, struct psm__row *row, int64_t *version,
                 psm_error *err)
{
	return put(tx, row, PSM__PUT_UPDATE, version, err);
}

int
psm__repo_list(psm_tx *tx, const struct psm_entity *e, struct psm__list *l,
               psm_rows **page, int64_t *total, psm_error *err)
{
	const char *params[PSM__LIST_PARAMS];
	size_t count = psm__list_params(l, e, params);
	char *counting = psm__list_count_sql(l, e);
	char *listing = psm__list_page_sql(l, e);
	psm_rows *all = NULL;
	int rc = 0;

	*page = NULL;
	*total = 0;
	if (counting == NULL || listing == NULL)
		rc = psm__nomem(err);
	if (rc == 0)
		rc = queue(tx, counting, count - 2, params, &all, err);
	if (rc == 0)
		rc = queue(tx, listing, count, params, page, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*total = psm_rows_int(all, 0, 0);
	psm_rows_free(all);
	psm__free(counting);
	psm__free(listing);
	return rc;
}
