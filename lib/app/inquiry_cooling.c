/* SPDX-License-Identifier: BSD-2-Clause */
/* A therapist who answered is left alone for some weeks. */
#include <stdio.h>
#include <string.h>

#include "app/inquiry.h"
#include "store/store.h"

#define THERAPISTS "therapist_service.therapeuten"
#define COPY "matching_service.therapeuten_kopie"

static int
emit(psm_tx *tx, int64_t therapist_id, const char *day, const char *reason,
     psm_error *err)
{
	psm_payload *m = psm_payload_new("cooling.period_started");

	psm_payload_int(m, "therapist_id", therapist_id);
	psm_payload_text(m, "next_contactable_date", day);
	psm_payload_text(m, "reason", reason);
	return psm__emit(tx, m, "matching-service", err);
}

/* The row itself, which publishes "therapist.updated"; somebody who was deleted
 * needs no rest. */
static int
cool(psm_tx *tx, int64_t therapist_id, const char *day, psm_error *err)
{
	char json[40];
	int rc = psm__app_has_table(tx, THERAPISTS, err);

	if (rc <= 0)
		return rc;
	(void)snprintf(json, sizeof(json), "{\"until\": \"%s\"}", day);
	rc = psm_entity_act(tx, "therapist", therapist_id, PSM_VERSION_ANY,
	                    "cool", json, strlen(json), NULL, NULL, err);
	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(err);
		rc = 0;
	}
	return rc < 0 ? rc : 0;
}

/* The copy at once: whoever selects therapists next must not find this one
 * before the event has come round, nor after an event from before now_us. */
static int
cool_copy(psm_tx *tx, const char *therapist_id, const char *day, int64_t now_us,
          psm_error *err)
{
	char now[32];
	const char *params[3] = {therapist_id, day, now};

	if (psm_time_format(now_us, now, sizeof(now)) < 0)
		return psm__fail(err, PSM_ERR_INVAL, "time: out of range");
	return psm_tx_exec(tx,
	                   "UPDATE " COPY " SET naechster_kontakt_moeglich = "
	                   "$2::date, gekuehlt_am = $3::timestamptz "
	                   "WHERE id = $1::integer AND NOT geloescht",
	                   3, params, NULL, err);
}

/* The day until which a row says so already, "" if it does not; 1: it is there. */
static int
read_day(psm_tx *tx, const char *sql, const char *therapist_id, char day[11],
         psm_error *err)
{
	const char *params[1] = {therapist_id}, *text;
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, 1, params, &rows, err);

	day[0] = '\0';
	if (rc == 0 && psm_rows_count(rows) > 0) {
		text = psm_rows_text(rows, 0, 0);
		(void)snprintf(day, 11, "%s", text != NULL ? text : "");
		rc = 1;
	}
	psm_rows_free(rows);
	return rc;
}

/* The therapist's own row knows better than the copy, which an event may be on
 * its way to. */
static int
current_day(psm_tx *tx, const char *therapist_id, char day[11], psm_error *err)
{
	char copied[11];
	int rc = read_day(tx,
	                  "SELECT naechster_kontakt_moeglich FROM " COPY
	                  " WHERE id = $1::integer FOR UPDATE",
	                  therapist_id, copied, err);

	if (rc >= 0)
		rc = psm__app_has_table(tx, THERAPISTS, err);
	if (rc > 0)
		rc = read_day(
		    tx,
		    "SELECT naechster_kontakt_moeglich FROM " THERAPISTS
		    " WHERE id = $1::integer FOR UPDATE",
		    therapist_id, day, err);
	if (rc == 0)
		(void)snprintf(day, 11, "%s", copied);
	return rc < 0 ? rc : 0;
}

int
psm__cooling_start(psm_tx *tx, int64_t therapist_id, const char *today,
                   const char *reason, psm_error *err)
{
	int weeks = (int)psm_config_int(psm__tx_config(tx), "COOLING_WEEKS");
	struct psm__number n;
	const char *id = psm__number(&n, therapist_id);
	const int64_t now_us = psm_now_us(); /* before the event of cool() */
	char current[11], day[11];
	int rc = current_day(tx, id, current, err), later;

	if (rc < 0)
		return rc;
	later = psm__cooling_day(current[0] != '\0' ? current : NULL, today,
	                         weeks, day);
	if (later)
		rc = cool(tx, therapist_id, day, err);
	if (rc == 0)
		rc = cool_copy(tx, id, day, now_us, err);
	if (rc == 0 && later)
		rc = emit(tx, therapist_id, day, reason, err);
	return rc < 0 ? rc : later;
}
