/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists: what their changes need to know, and their use cases by name. */
#include <string.h>

#include "app/app.h"
#include "app/own_tx.h"

static const char therapist[] = "therapist";

/* -- its policy */

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	if (strcmp(told->type, "therapist.blocked") == 0)
		psm_payload_text(
		    m, "reason",
		    psm__row_get(&c->row, PSM__THERAPIST_SPERRGRUND));
}

/* The inquiries are the matching service's, which may have a database of its
 * own: then it alone knows. */
static int
may_delete(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t there, waiting = 0;
	int rc;

	rc = psm__app_ask(
	    tx,
	    "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON "
	    "n.oid = c.relnamespace WHERE n.nspname = 'matching_service' AND "
	    "c.relname = 'therapeutenanfrage' AND has_schema_privilege(n.oid, "
	    "'USAGE') AND has_table_privilege(c.oid, 'SELECT'))",
	    0, NULL, &there, err);
	if (rc == 0 && there)
		rc = psm__app_ask(tx,
		                  "SELECT EXISTS (SELECT FROM "
		                  "matching_service.therapeutenanfrage "
		                  "WHERE therapist_id = $1::integer "
		                  "AND gesendet_datum IS NOT NULL "
		                  "AND antwort_datum IS NULL)",
		                  1, &id, &waiting, err);
	if (rc == 0 && waiting)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "therapist: want an answer to each inquiry that "
		               "was sent, found one without");
	return rc;
}

static const struct psm__action actions[] = {
    {"block", psm__therapist_block},
    {"unblock", psm__therapist_unblock},
    {NULL, NULL},
};

const struct psm__policy psm__policy_therapist = {
    .entity = &psm__entity_therapist,
    .created = "therapist.created",
    .updated = "therapist.updated",
    .deleted = "therapist.deleted",
    .members = members,
    .may_delete = may_delete,
    .actions = actions,
};

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
