/* SPDX-License-Identifier: BSD-2-Clause */
/* The use cases of therapists by name, in a transaction of their own. */
#include "app/app.h"

static const char therapist[] = "therapist";

static int
begin(psm_store *store, psm_tx **tx, char **out, psm_error *err)
{
	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store is NULL");
	return psm_tx_begin(store, tx, err);
}

/* What could not be committed is not told. */
static int
end(psm_tx *tx, int rc, char **out, psm_error *err)
{
	rc = psm__app_end(tx, rc, err);
	if (rc < 0 && out != NULL) {
		psm_free(*out);
		*out = NULL;
	}
	return rc;
}

int
psm_therapist_create(psm_store *store, const char *json, size_t len, char **out,
                     psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, out, err);

	if (rc == 0)
		rc =
		    psm_entity_create(tx, therapist, json, len, out, NULL, err);
	return end(tx, rc, out, err);
}

int
psm_therapist_get(psm_store *store, int64_t id, char **out, int64_t *version,
                  psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_get(tx, therapist, id, out, version, err);
	return end(tx, rc, out, err);
}

int
psm_therapist_list(psm_store *store, const char *query, char **out,
                   psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm__list_query(tx, therapist, query, out, err);
	return end(tx, rc, out, err);
}

static int
change(psm_store *store, int64_t id, int64_t if_version, int how,
       const char *json, size_t len, char **out, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_update(tx, therapist, id, if_version, how, json,
		                       len, out, NULL, err);
	return end(tx, rc, out, err);
}

int
psm_therapist_update(psm_store *store, int64_t id, int64_t if_version,
                     const char *json, size_t len, char **out, psm_error *err)
{
	return change(store, id, if_version, PSM_CHANGE_PUT, json, len, out,
	              err);
}

int
psm_therapist_patch(psm_store *store, int64_t id, int64_t if_version,
                    const char *json, size_t len, char **out, psm_error *err)
{
	return change(store, id, if_version, PSM_CHANGE_MERGE, json, len, out,
	              err);
}

int
psm_therapist_delete(psm_store *store, int64_t id, int64_t if_version,
                     int force, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm_entity_delete(tx, therapist, id, if_version, force,
		                       err);
	return end(tx, rc, NULL, err);
}

static int
act(psm_store *store, int64_t id, const char *action, const char *json,
    size_t len, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm_entity_act(tx, therapist, id, PSM_VERSION_ANY, action,
		                    json, len, NULL, NULL, err);
	return end(tx, rc, NULL, err);
}

int
psm_therapist_block(psm_store *store, int64_t id, const char *reason,
                    psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *json = NULL;
	size_t len;
	int rc;

	psm__error_clear(err);
	if (w == NULL)
		return psm__nomem(err);
	psm_json_write_object(w);
	psm_json_write_key(w, "reason");
	psm_json_write_string(w, reason);
	psm_json_write_end(w);
	if (psm_json_writer_finish(w, &json, &len, NULL) == PSM_ERR_NOMEM)
		rc = psm__nomem(err);
	else if (json == NULL)
		rc = psm__fail(err, PSM_ERR_INVAL, "reason: want UTF-8");
	else
		rc = act(store, id, "block", json, len, err);
	psm_json_writer_free(w);
	return rc;
}

int
psm_therapist_unblock(psm_store *store, int64_t id, psm_error *err)
{
	return act(store, id, "unblock", NULL, 0, err);
}
