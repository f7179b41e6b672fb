/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches: their changes, and their use cases by name. */
#include "app/search.h"

#include <string.h>

#include "app/app.h"
#include "app/inquiry_leave.h"
#include "app/own_tx.h"

static const char search[] = "search";

/* -- changes of one search */

int
psm__search_change(psm_tx *tx, int64_t id, psm__decide_fn *decide,
                   const void *wish, const struct psm__now *at, int *status,
                   psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_search,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish,
	                        .at = at};
	int rc = psm__change_run(&c, err);

	if (rc >= 0 && status != NULL)
		*status = psm__row_state(&c.row);
	psm__change_free(&c);
	return rc;
}

int
psm__search_make(psm_tx *tx, const struct psm__search_opening *opening,
                 const struct psm__now *at, char **out, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_search,
	                        .verb = PSM__MAKE,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__search_open,
	                        .wish = opening,
	                        .at = at};
	struct psm__number id;
	const char *patient = psm__number(&id, opening->patient_id);
	int rc = psm__change_run(&c, err);

	if (rc >= 0 && out != NULL)
		rc = psm__row_text(&c.row, PSM__FOR_REST, out, err);
	psm__change_free(&c);
	return rc < 0 ? rc
	              : psm_tx_exec(tx,
	                            "DELETE FROM "
	                            "matching_service.suche_unvollstaendig "
	                            "WHERE patient_id = $1::integer",
	                            1, &patient, NULL, err);
}

int
psm__search_finish(psm_tx *tx, int64_t id,
                   const struct psm__search_ending *ending,
                   const struct psm__now *at, psm_error *err)
{
	int rc =
	    psm__search_change(tx, id, psm__search_end, ending, at, NULL, err);

	if (rc > 0)
		rc = psm__search_leave(tx, id,
		                       ending->reason != NULL
		                           ? ending->reason
		                           : "the search has ended",
		                       at, err);
	return rc < 0 ? rc : 0;
}

/* -- to change one */

/* The only thing that the database knows better: the patient has another active
 * one. Its own words about that help nobody. */
static int
explain(int rc, psm_error *err)
{
	if (rc != PSM_ERR_CONFLICT ||
	    strstr(psm_error_message(err), "uq_platzsuche_aktiv") == NULL)
		return rc;
	psm__error_clear(err);
	psm__fail(err, PSM_ERR_CONFLICT,
	          "patient: want no other active search, found one");
	psm__error_pointer(err, "/status");
	psm__error_fault(err, "/status",
	                 "want a patient without another active search");
	return PSM_ERR_CONFLICT;
}

int
psm_search_update(psm_store *store, int64_t id, int64_t if_version,
                  const char *json, size_t len, char **out, psm_error *err)
{
	return explain(psm__own_update(store, search, id, if_version,
	                               PSM_CHANGE_PUT, json, len, out, err),
	               err);
}

int
psm_search_patch(psm_store *store, int64_t id, int64_t if_version,
                 const char *json, size_t len, char **out, psm_error *err)
{
	return explain(psm__own_update(store, search, id, if_version,
	                               PSM_CHANGE_MERGE, json, len, out, err),
	               err);
}

/* A change by hand: 1 changed, 0 nothing to do. */
static int
act(psm_store *store, int64_t id, psm__decide_fn *decide, const void *wish,
    const char *reason, psm_error *err)
{
	int status = -1, changed = 0;
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm__own_reason(reason, err);
	if (rc == 0)
		changed = rc = psm__search_change(tx, id, decide, wish, NULL,
		                                  &status, err);
	if (rc > 0)
		rc = psm__search_settle_as(tx, id, status, err);
	return explain(psm__own_end(tx, rc < 0 ? rc : changed, NULL, err), err);
}

static int
move(psm_store *store, int64_t id, int to, const char *reason, psm_error *err)
{
	const struct psm__search_ending e = {
	    .to = to, .author = "API", .reason = reason};
	int rc = act(store, id, psm__search_end, &e, reason, err);

	return rc < 0 ? rc : 0;
}

int
psm_search_pause(psm_store *store, int64_t id, const char *reason,
                 psm_error *err)
{
	return move(store, id, PSM_SEARCH_PAUSIERT, reason, err);
}

int
psm_search_resume(psm_store *store, int64_t id, const char *reason,
                  psm_error *err)
{
	return move(store, id, PSM_SEARCH_AKTIV, reason, err);
}

int
psm_search_cancel(psm_store *store, int64_t id, const char *reason,
                  psm_error *err)
{
	return move(store, id, PSM_SEARCH_ABGEBROCHEN, reason, err);
}

int
psm_search_exclude(psm_store *store, int64_t id, int64_t therapist_id,
                   const char *reason, psm_error *err)
{
	const struct psm__exclusion e = {.therapist_id = therapist_id,
	                                 .reason = reason};

	if (therapist_id < 1 || therapist_id > INT32_MAX) {
		psm__error_clear(err);
		return psm__fail(err, PSM_ERR_INVAL,
		                 "therapist_id: want a positive number of 32 "
		                 "bits");
	}
	return act(store, id, psm__search_add_exclusion, &e, reason, err);
}

/* -- contacts */

static int
write_totals(const struct psm__change *c, int64_t before, char **out,
             psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const struct {
		const char *name;
		int64_t value;
	} all[] = {
	    {"search_id", c->id},
	    {"previous_total", before},
	    {"new_total",
	     psm__row_int(&c->row, PSM__SEARCH_GESAMT_ANGEFORDERTE_KONTAKTE)},
	};

	psm_json_write_object(w);
	for (size_t i = 0; i < PSM__COUNT(all); i++) {
		psm_json_write_key(w, all[i].name);
		psm_json_write_int(w, all[i].value);
	}
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

/* The count is asked for before the search is. */
static int
request(psm_tx *tx, int64_t id, const psm_json *doc, char **out, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_search,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__search_contact,
	                        .wish = doc};
	int64_t count = 0;
	int rc = psm__wish_int(doc, "requested_count", 1, PSM__CONTACTS_MAX,
	                       &count, err);

	if (rc == 0)
		rc = psm__change_run(&c, err);
	if (rc > 0)
		rc = write_totals(
		    &c,
		    psm__row_int(&c.row,
		                 PSM__SEARCH_GESAMT_ANGEFORDERTE_KONTAKTE) -
			count,
		    out, err);
	psm__change_free(&c);
	return rc;
}

int
psm_search_contact(psm_store *store, int64_t id, const char *json, size_t len,
                   char **out, psm_error *err)
{
	psm_json *doc = NULL;
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = json != NULL && out != NULL
		         ? psm_json_parse(json, len, &doc, err)
		         : psm__fail(err, PSM_ERR_INVAL, "json or out is NULL");
	if (rc == 0)
		rc = request(tx, id, doc, out, err);
	psm_json_free(doc);
	return psm__own_end(tx, rc, out, err);
}

/* -- to delete one */

/* An open search is ended first, so that everybody hears of it. */
static int
end_and_delete(psm_tx *tx, int64_t id, int64_t if_version, psm_error *err)
{
	const struct psm__search_ending e = {.to = PSM_SEARCH_ABGEBROCHEN,
	                                     .author = "API",
	                                     .reason = "the search is deleted"};
	struct psm__row row;
	int64_t version;
	int state, rc = psm__repo_lock(tx, &psm__entity_search, id, &row,
	                               &version, err);

	if (rc == 0 && if_version != PSM_VERSION_ANY && if_version != version)
		rc = psm__fail(err, PSM_ERR_PRECONDITION,
		               "search: want version %lld, found version %lld",
		               (long long)if_version, (long long)version);
	if (rc == 0) {
		state = psm__row_state(&row);
		if (state == PSM_SEARCH_AKTIV || state == PSM_SEARCH_PAUSIERT)
			rc = psm__search_finish(tx, id, &e, NULL, err);
	}
	psm__row_free(&row);
	return rc == 0
	           ? psm_entity_delete(tx, search, id, PSM_VERSION_ANY, 0, err)
	           : rc;
}

int
psm_search_delete(psm_store *store, int64_t id, int64_t if_version,
                  psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0 && if_version < PSM_VERSION_ANY)
		rc =
		    psm__fail(err, PSM_ERR_INVAL, "if_version: want a version");
	if (rc == 0)
		rc = end_and_delete(tx, id, if_version, err);
	return psm__own_end(tx, rc, NULL, err);
}
