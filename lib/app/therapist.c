/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists: their use cases by name. */
#include <string.h>

#include "app/app.h"
#include "app/own_tx.h"

static const char therapist[] = "therapist";

/* -- its use cases */

int
psm_therapist_create(psm_store *store, const char *json, size_t len, char **out,
                     psm_error *err)
{
	return psm__own_create(store, therapist, json, len, out, err);
}

int
psm_therapist_get(psm_store *store, int64_t id, char **out, int64_t *version,
                  psm_error *err)
{
	return psm__own_get(store, therapist, id, out, version, err);
}

int
psm_therapist_list(psm_store *store, const char *query, char **out,
                   psm_error *err)
{
	return psm__own_list(store, therapist, query, out, err);
}

int
psm_therapist_update(psm_store *store, int64_t id, int64_t if_version,
                     const char *json, size_t len, char **out, psm_error *err)
{
	return psm__own_update(store, therapist, id, if_version, PSM_CHANGE_PUT,
	                       json, len, out, err);
}

int
psm_therapist_patch(psm_store *store, int64_t id, int64_t if_version,
                    const char *json, size_t len, char **out, psm_error *err)
{
	return psm__own_update(store, therapist, id, if_version,
	                       PSM_CHANGE_MERGE, json, len, out, err);
}

int
psm_therapist_delete(psm_store *store, int64_t id, int64_t if_version,
                     int force, psm_error *err)
{
	return psm__own_delete(store, therapist, id, if_version, force, err);
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
		rc = psm__own_act(store, therapist, id, "block", json, len,
		                  NULL, err);
	psm_json_writer_free(w);
	return rc;
}

int
psm_therapist_unblock(psm_store *store, int64_t id, psm_error *err)
{
	return psm__own_act(store, therapist, id, "unblock", NULL, 0, NULL,
	                    err);
}
