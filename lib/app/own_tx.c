/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/own_tx.h"

#include <string.h>

#include "app/app.h"
#include "store/store.h"

int
psm__own_begin(psm_store *store, psm_tx **tx, char **out, psm_error *err)
{
	psm__error_clear(err);
	*tx = NULL;
	if (out != NULL)
		*out = NULL;
	if (store == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store is NULL");
	return psm_tx_begin(store, tx, err);
}

int
psm__own_begin_out(psm_store *store, psm_tx **tx, char **out, psm_error *err)
{
	*tx = NULL;
	psm__error_clear(err);
	if (out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	return psm__own_begin(store, tx, out, err);
}

int
psm__own_end(psm_tx *tx, int rc, char **out, psm_error *err)
{
	rc = psm__app_end(tx, rc, err);
	if (rc < 0 && out != NULL) {
		psm_free(*out);
		*out = NULL;
	}
	return rc;
}

int
psm__own_reason(const char *reason, psm_error *err)
{
	if (reason == NULL ||
	    psm__utf8_check(reason, strlen(reason)) == strlen(reason))
		return 0;
	return psm__fail(err, PSM_ERR_INVAL, "reason: want UTF-8");
}

int
psm__own_create(psm_store *store, const char *entity, const char *json,
                size_t len, char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_create(tx, entity, json, len, out, NULL, err);
	return psm__own_end(tx, rc, out, err);
}

/* One round trip, with the commit. */
static int
read_entity(psm_tx *tx, const char *entity, int64_t id, char **out,
            int64_t *version, psm_error *err)
{
	psm__tx_last(tx);
	return psm_entity_get(tx, entity, id, out, version, err);
}

static int
read_list(psm_tx *tx, const char *entity, const char *query, char **out,
          psm_error *err)
{
	psm__tx_last(tx);
	return psm__list_query(tx, entity, query, out, err);
}

int
psm__own_get(psm_store *store, const char *entity, int64_t id, char **out,
             int64_t *version, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = read_entity(tx, entity, id, out, version, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm__own_list(psm_store *store, const char *entity, const char *query,
              char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = read_list(tx, entity, query, out, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm__own_update(psm_store *store, const char *entity, int64_t id,
                int64_t if_version, int how, const char *json, size_t len,
                char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_update(tx, entity, id, if_version, how, json,
		                       len, out, NULL, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm__own_delete(psm_store *store, const char *entity, int64_t id,
                int64_t if_version, int force, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm_entity_delete(tx, entity, id, if_version, force, err);
	return psm__own_end(tx, rc, NULL, err);
}

int
psm__own_act(psm_store *store, const char *entity, int64_t id,
             const char *action, const char *json, size_t len, char **out,
             psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_act(tx, entity, id, PSM_VERSION_ANY, action,
		                    json, len, out, NULL, err);
	return psm__own_end(tx, rc, out, err);
}

/* -- rows that are made at most once */

int
psm__own_make(psm_tx *tx, const char *json, size_t len, const char *once_key,
              psm__make_fn *make, char **out, psm_error *err)
{
	psm_json *doc = NULL;
	int64_t id;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (tx == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or json is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = make(tx, doc, once_key, &id, out, err);
	psm_json_free(doc);
	return rc;
}

int
psm__own_find(psm_tx *tx, const char *kind, const char *sql,
              const char *once_key, int64_t *id, psm_error *err)
{
	const char *params[2] = {once_key, kind};
	int64_t none;
	int rc;

	*id = 0;
	if (once_key == NULL)
		return 0;
	if (*once_key == '\0' || strlen(once_key) > 200)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "once_key: want 1 to 200 bytes");
	rc = psm__app_ask(tx,
	                  "SELECT 1 FROM (SELECT pg_advisory_xact_lock("
	                  "hashtextextended('psymatch ' || $2::text || ' ' || "
	                  "$1::text, 0))) l",
	                  2, params, &none, err);
	return rc < 0 ? rc : psm__app_ask(tx, sql, 1, params, id, err);
}

int
psm__own_write(psm_tx *tx, const struct psm__policy *policy,
               psm__decide_fn *decide, const void *wish, int64_t *id,
               char **out, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = policy,
	                        .verb = PSM__MAKE,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish};
	int rc = psm__change_run(&c, err), told = 0;

	if (rc >= 0) {
		*id = psm__row_int(&c.row, PSM__COLUMN_ID);
		if (out != NULL)
			told = psm__row_text(&c.row, PSM__FOR_REST, out, err);
		rc = told < 0 ? told : 1;
	}
	psm__change_free(&c);
	return rc;
}
