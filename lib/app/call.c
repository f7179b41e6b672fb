/* SPDX-License-Identifier: BSD-2-Clause */
/* Phone calls: how they are made and changed, and their use cases by name. */
#include "app/call.h"

#include <stdio.h>
#include <string.h>

#include "app/own_tx.h"
#include "domain/call.h"
#include "json/json.h"
#include "store/store.h"

static const char phone_call[] = "phone_call";

/* -- making one */

static const char find_sql[] =
    "SELECT id FROM communication_service.telefonanrufe WHERE "
    "einmal_schluessel = $1::text";

static int
needs_time(const psm_json *doc)
{
	const psm_json *time = psm_json_at(doc, "/geplante_zeit");

	return time == NULL || psm_json_kind(time) == PSM_JSON_NULL;
}

/* 0: with none. What is wrong with the document the row's reader says. */
static int64_t
therapist_of(const psm_json *doc)
{
	int64_t id = 0;

	if (psm_json_get_int(psm_json_at(doc, "/therapist_id"), &id, NULL) < 0)
		return 0;
	return id > 0 && id <= INT32_MAX ? id : 0;
}

/* The database's own words about the constraint help nobody. */
static int
explain(int rc, psm_error *err)
{
	if (rc != PSM_ERR_CONFLICT)
		return rc;
	psm__error_clear(err);
	return psm__fail(err, PSM_ERR_CONFLICT,
	                 "phone_call: want a time without another call of the "
	                 "therapist");
}

int
psm__call_make_out(psm_tx *tx, const psm_json *doc, const char *once_key,
                   int64_t *id, char **out, psm_error *err)
{
	struct psm__call_times times = {0};
	struct psm__call_wish wish = {.doc = doc, .once_key = once_key};
	int rc = psm__own_find(tx, "call", find_sql, once_key, id, err);

	if (rc < 0)
		return rc;
	if (*id != 0)
		return out == NULL ? 0
		                   : psm_entity_get(tx, phone_call, *id, out,
		                                    NULL, err);
	if (therapist_of(doc) != 0)
		rc = needs_time(doc)
		         ? psm__call_times(tx, therapist_of(doc), &times, err)
		         : psm__call_lock(tx, therapist_of(doc), err);
	wish.reach = &times.reach;
	wish.busy = times.busy;
	wish.busy_count = times.busy_count;
	wish.holidays = &times.holidays;
	if (rc == 0)
		rc = explain(psm__own_write(tx, &psm__policy_phone_call,
		                            psm__call_decide_make, &wish, id,
		                            out, err),
		             err);
	psm__call_times_free(&times);
	return rc;
}

int
psm__call_make(psm_tx *tx, const psm_json *doc, const char *once_key,
               int64_t *id, psm_error *err)
{
	return psm__call_make_out(tx, doc, once_key, id, NULL, err);
}

/* -- use cases */

int
psm_call_make(psm_tx *tx, const char *json, size_t len, const char *once_key,
              char **out, psm_error *err)
{
	return psm__own_make(tx, json, len, once_key, psm__call_make_out, out,
	                     err);
}

int
psm_call_create(psm_store *store, const char *json, size_t len, char **out,
                psm_error *err)
{
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_call_make(tx, json, len, NULL, out, err);
	rc = psm__own_end(tx, rc, out, err);
	return rc < 0 ? rc : 0;
}

int
psm_call_get(psm_store *store, int64_t id, char **out, int64_t *version,
             psm_error *err)
{
	return psm__own_get(store, phone_call, id, out, version, err);
}

int
psm_call_list(psm_store *store, const char *query, char **out, psm_error *err)
{
	return psm__own_list(store, phone_call, query, out, err);
}

/* Its therapist's lock comes before its row's, as for a new one. */
static int
change(psm_store *store, int64_t id, int64_t if_version, int how,
       const char *json, size_t len, char **out, psm_error *err)
{
	struct psm__number n;
	const char *params[1] = {psm__number(&n, id)};
	int64_t therapist = 0;
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm__app_ask(tx,
		                  "SELECT therapist_id FROM "
		                  "communication_service.telefonanrufe WHERE "
		                  "id = $1::bigint AND therapist_id IS NOT "
		                  "NULL",
		                  1, params, &therapist, err);
	if (rc == 0 && therapist != 0)
		rc = psm__call_lock(tx, therapist, err);
	if (rc == 0)
		rc = psm_entity_update(tx, phone_call, id, if_version, how,
		                       json, len, out, NULL, err);
	return explain(psm__own_end(tx, rc, out, err), err);
}

int
psm_call_update(psm_store *store, int64_t id, int64_t if_version,
                const char *json, size_t len, char **out, psm_error *err)
{
	return change(store, id, if_version, PSM_CHANGE_PUT, json, len, out,
	              err);
}

int
psm_call_patch(psm_store *store, int64_t id, int64_t if_version,
               const char *json, size_t len, char **out, psm_error *err)
{
	return change(store, id, if_version, PSM_CHANGE_MERGE, json, len, out,
	              err);
}

int
psm_call_delete(psm_store *store, int64_t id, int64_t if_version,
                psm_error *err)
{
	return psm__own_delete(store, phone_call, id, if_version, 0, err);
}

/* -- commands */

int
psm_call_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	char key[60];
	int64_t id;
	int rc;

	(void)user; /* all there is to know stands in the transaction */
	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	if (strcmp(psm_event_type(ev), "communication.schedule_call") != 0)
		return 0;
	(void)snprintf(key, sizeof(key), "event:%s", psm_event_id(ev));
	rc = psm__call_make(tx, psm_event_payload(ev), key, &id, err);
	if (rc == PSM_ERR_CONFIG)
		return PSM_ERR_RETRY; /* somebody will repair it */
	/* What is wrong with the payload stays so. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT
	                                         : (rc < 0 ? rc : 0);
}

/* -- the command, from elsewhere */

static int
emit_wish(psm_tx *tx, const char *whom, int64_t id, psm_error *err)
{
	int is_patient = strcmp(whom, "patient") == 0;
	psm_payload *m = psm_payload_new("communication.schedule_call");

	psm_payload_int(m, is_patient ? "patient_id" : "therapist_id", id);
	return psm__emit(
	    tx, m, is_patient ? "patient-service" : "therapist-service", err);
}

int
psm_call_request(psm_store *store, const char *whom, int64_t id, psm_error *err)
{
	const char *number = NULL;
	char *row = NULL;
	psm_json *doc = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0 && (whom == NULL || (strcmp(whom, "patient") != 0 &&
	                                 strcmp(whom, "therapist") != 0)))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "whom: want \"patient\" or \"therapist\"");
	if (rc == 0)
		rc = psm_entity_get(tx, whom, id, &row, NULL, err);
	if (rc == 0)
		rc = psm_json_parse(row, strlen(row), &doc, err);
	if (rc == 0)
		number = psm_json_string(psm__json_member(doc, "telefon"));
	if (rc == 0 && (number == NULL || psm__text_is_blank(number)))
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "telefon: want a number to call, found none");
	if (rc == 0)
		rc = emit_wish(tx, whom, id, err);
	psm_json_free(doc);
	psm_free(row);
	return psm__own_end(tx, rc, NULL, err);
}
