/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Publishing what is there: after a database was adopted, or a copy was lost,
 * nothing else would tell others about a therapist before the next change.
 */
#include "app/app.h"

/* Longer transactions would hold up who changes one of these therapists. */
#define LIMIT_MAX 1000

/* Those that no event has told about, or all behind the last one announced. */
static int
select_ids(psm_tx *tx, int all, int limit, psm_rows **rows, psm_error *err)
{
	struct psm__number n;
	const char *params[1] = {psm__number(&n, limit)};

	if (all)
		return psm_tx_exec(
		    tx,
		    "SELECT id FROM therapist_service.therapeuten "
		    "WHERE id > coalesce((SELECT last_id FROM "
		    "psymatch.announcement WHERE entity = 'therapist'), 0) "
		    "ORDER BY id LIMIT $1::integer",
		    1, params, rows, err);
	return psm_tx_exec(tx,
	                   "SELECT t.id FROM therapist_service.therapeuten t "
	                   "WHERE NOT EXISTS (SELECT FROM "
	                   "psymatch.entity_version v WHERE "
	                   "v.entity = 'therapist' AND v.id = t.id) "
	                   "ORDER BY t.id LIMIT $1::integer",
	                   1, params, rows, err);
}

static int
publish_one(psm_tx *tx, int64_t id, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_therapist,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__therapist_announce};
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	if (rc == PSM_ERR_NOT_FOUND) { /* deleted in this moment */
		psm__error_clear(err);
		return 0;
	}
	return rc < 0 ? rc : 0;
}

static int
remember(psm_tx *tx, const char *last, psm_error *err)
{
	if (last == NULL)
		return psm_tx_exec(tx,
		                   "DELETE FROM psymatch.announcement "
		                   "WHERE entity = 'therapist'",
		                   0, NULL, NULL, err);
	return psm_tx_exec(
	    tx,
	    "INSERT INTO psymatch.announcement (entity, last_id) "
	    "VALUES ('therapist', $1::integer) "
	    "ON CONFLICT (entity) DO UPDATE "
	    "SET last_id = excluded.last_id",
	    1, &last, NULL, err);
}

static int
announce(psm_tx *tx, int all, int limit, psm_error *err)
{
	psm_rows *rows = NULL;
	size_t count = 0;
	int rc;

	/* Two at once take turns. 7462: the number of this lock. */
	rc = psm_tx_exec(tx, "SELECT pg_advisory_xact_lock(7462, 0)", 0, NULL,
	                 NULL, err);
	if (rc == 0)
		rc = select_ids(tx, all, limit, &rows, err);
	if (rc == 0)
		count = psm_rows_count(rows);
	if (rc == 0 && all)
		rc = remember(
		    tx, count > 0 ? psm_rows_text(rows, count - 1, 0) : NULL,
		    err);
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = publish_one(tx, psm_rows_int(rows, i, 0), err);
	psm_rows_free(rows);
	return rc < 0 ? rc : (int)count;
}

int
psm_therapist_announce(psm_store *store, int all, int limit, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc;

	psm__error_clear(err);
	if (store == NULL || limit < 1 || limit > LIMIT_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and a limit of 1 to %d",
		                 LIMIT_MAX);
	rc = psm_tx_begin(store, &tx, err);
	if (rc == 0)
		rc = announce(tx, all, limit, err);
	return psm__app_end(tx, rc, err);
}
