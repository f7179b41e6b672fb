/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publishing what is there: after a database was adopted, or a copy was lost,
 * nothing else would tell others about a row before the next change.
 */
#include "app/own_tx.h"

#include "app/app.h"

/* Longer transactions would hold up who changes one of these rows. */
#define LIMIT_MAX 1000

/* Those that no event has told about, or all behind the last one announced. */
static int
select_ids(psm_tx *tx, const struct psm_entity *e, int all, int limit,
           psm_rows **rows, psm_error *err)
{
	struct psm__number n;
	const char *params[2] = {psm__number(&n, limit), e->name};
	struct psm__buf sql = {0};
	int rc;

	psm__buf_printf(&sql, "SELECT t.id FROM %s.%s t WHERE ", e->schema,
	                e->table);
	psm__buf_puts(&sql,
	              all ? "t.id > coalesce((SELECT last_id FROM "
	                    "psymatch.announcement WHERE entity = $2), 0) "
	                  : "NOT EXISTS (SELECT FROM psymatch.entity_version v "
	                    "WHERE v.entity = $2 AND v.id = t.id) ");
	psm__buf_puts(&sql, "ORDER BY t.id LIMIT $1::integer");
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, 2, params, rows, err);
	psm__buf_free(&sql);
	return rc;
}

static int
publish_one(psm_tx *tx, const struct psm__policy *policy, int64_t id,
            psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = policy,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__decide_announce,
	                        .wish = policy->updated};
	struct psm__number n;
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	/* An adopted row may be larger than an event: the others come all the
	 * same, and its version says that it had its turn. */
	if (rc == PSM_ERR_TOO_LARGE)
		psm__log(PSM_LOG_WARN, "a row is too large to be published",
		         "entity", policy->entity->name, "id",
		         psm__number(&n, id), NULL);
	if (rc == PSM_ERR_TOO_LARGE ||
	    rc == PSM_ERR_NOT_FOUND) { /* deleted in this moment */
		psm__error_clear(err);
		return 0;
	}
	return rc < 0 ? rc : 0;
}

/* last NULL: there are no more. */
static int
remember(psm_tx *tx, const struct psm_entity *e, const char *last,
         psm_error *err)
{
	const char *params[2] = {e->name, last};

	if (last == NULL)
		return psm_tx_exec(tx,
		                   "DELETE FROM psymatch.announcement "
		                   "WHERE entity = $1",
		                   1, params, NULL, err);
	return psm_tx_exec(
	    tx,
	    "INSERT INTO psymatch.announcement (entity, last_id) "
	    "VALUES ($1, $2::integer) "
	    "ON CONFLICT (entity) DO UPDATE "
	    "SET last_id = excluded.last_id",
	    2, params, NULL, err);
}

static int
announce(psm_tx *tx, const struct psm__policy *policy, int all, int limit,
         psm_error *err)
{
	psm_rows *rows = NULL;
	size_t count = 0;
	int rc;

	/* Two at once take turns. 7462: the number of this lock. */
	rc = psm_tx_exec(tx, "SELECT pg_advisory_xact_lock(7462, 0)", 0, NULL,
	                 NULL, err);
	if (rc == 0)
		rc = select_ids(tx, policy->entity, all, limit, &rows, err);
	if (rc == 0)
		count = psm_rows_count(rows);
	if (rc == 0 && all)
		rc = remember(
		    tx, policy->entity,
		    count > 0 ? psm_rows_text(rows, count - 1, 0) : NULL, err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = publish_one(tx, policy, psm_rows_int(rows, i, 0), err);
	psm_rows_free(rows);
	return rc < 0 ? rc : (int)count;
}

int
psm__announce(psm_store *store, const struct psm__policy *policy, int all,
              int limit, psm_error *err)
{
	psm_tx *tx;
	int rc;

	psm__error_clear(err);
	if (store == NULL || limit < 1 || limit > LIMIT_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and a limit of 1 to %d",
		                 LIMIT_MAX);
	rc = psm__own_begin(store, &tx, NULL, err);
	if (rc == 0)
		rc = announce(tx, policy, all, limit, err);
	return psm__own_end(tx, rc, NULL, err);
}

int
psm_therapist_announce(psm_store *store, int all, int limit, psm_error *err)
{
	return psm__announce(store, &psm__policy_therapist, all, limit, err);
}
