/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/own_tx.h"

#include "app/app.h"

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
psm__own_create(psm_store *store, const char *entity, const char *json,
                size_t len, char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_create(tx, entity, json, len, out, NULL, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm__own_get(psm_store *store, const char *entity, int64_t id, char **out,
             int64_t *version, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_get(tx, entity, id, out, version, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm__own_list(psm_store *store, const char *entity, const char *query,
              char **out, psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm__list_query(tx, entity, query, out, err);
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
