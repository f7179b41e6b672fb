/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The matching service's own copies of therapists and patients. The event that
 * wrote a row is kept with it, so that a late one never takes the row back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/app.h"

struct copy {
	const struct psm_entity *entity;
	const char *table;
	const char *id, *data; /* fields of the payload */
	const char *const *columns;
};

static const char *const therapist_columns[] = {
    "anrede",
    "geschlecht",
    "titel",
    "vorname",
    "nachname",
    "strasse",
    "plz",
    "ort",
    "telefon",
    "email",
    "telefonische_erreichbarkeit",
    "psychotherapieverfahren",
    "potenziell_verfuegbar",
    "ueber_curavani_informiert",
    "naechster_kontakt_moeglich",
    "bevorzugte_diagnosen",
    "alter_min",
    "alter_max",
    "geschlechtspraeferenz",
    "bevorzugt_gruppentherapie",
    "status",
    NULL,
};

static const char *const patient_columns[] = {
    "geschlecht",
    "vorname",
    "nachname",
    "strasse",
    "plz",
    "ort",
    "krankenkasse",
    "geburtsdatum",
    "symptome",
    "erfahrung_mit_psychotherapie",
    "letzte_sitzung_vorherige_psychotherapie",
    "status",
    "zeitliche_verfuegbarkeit",
    "raeumliche_verfuegbarkeit",
    "verkehrsmittel",
    "offen_fuer_gruppentherapie",
    "bevorzugtes_therapeutengeschlecht",
    "bevorzugtes_therapieverfahren",
    NULL,
};

static const struct copy therapists = {
    &psm__entity_therapist, "matching_service.therapeuten_kopie",
    "/therapist_id", "/therapist_data", therapist_columns};
static const struct copy patients = {
    &psm__entity_patient, "matching_service.patienten_kopie", "/patient_id",
    "/patient_data", patient_columns};

/* Which event a row is from. */
struct origin {
	struct psm__number id, version;
	int has_version;
	char time[32];
	const char *event_id;
};

/* More than the columns of either copy, of an origin, and what is given. */
#define PARAMS_MAX 32

/* A row to be written. */
struct record {
	struct psm__row row;
	struct origin origin;
	/* For each column of the copy whether the event tells about it, as an
	 * array of booleans: "{t,f,...}". One that it does not tell about is
	 * kept, so that an event with a part of the record empties nothing. */
	char given[2 * PARAMS_MAX + 2];
};

/* data: the record of an event; NULL: it has every column. forced: told about
 * in any case, may be NULL. */
static void
put_given(const struct copy *c, const psm_json *data, const char *forced,
          char *text)
{
	const char *name;
	char pointer[64];
	size_t i, len = 0;
	int given;

	for (i = 0; (name = c->columns[i]) != NULL; i++) {
		snprintf(pointer, sizeof(pointer), "/%s", name);
		given = data == NULL || psm_json_at(data, pointer) != NULL ||
		        (forced != NULL && strcmp(name, forced) == 0);
		text[len++] = i == 0 ? '{' : ',';
		text[len++] = given ? 't' : 'f';
	}
	text[len++] = '}';
	text[len] = '\0';
}

static void
put_origin(const struct origin *o, const char **params)
{
	params[0] = o->id.text;
	params[1] = o->has_version ? o->version.text : NULL;
	params[2] = o->time;
	params[3] = o->event_id;
}

/* A row that the same event wrote is written again: that changes nothing. */
static void
put_newer(struct psm__buf *sql)
{
	psm__buf_puts(
	    sql, " WHERE NOT k.geloescht AND CASE "
		 "WHEN k.entity_version IS NOT NULL "
		 "AND excluded.entity_version IS NOT NULL "
		 "THEN excluded.entity_version >= k.entity_version "
		 "ELSE (excluded.event_time, excluded.event_id COLLATE \"C\") "
		 ">= (k.event_time, k.event_id COLLATE \"C\") END");
}

static void
put_upsert(const struct copy *c, struct psm__buf *sql)
{
	size_t count = 0;

	psm__buf_printf(sql,
	                "INSERT INTO %s AS k "
	                "(id, entity_version, event_time, event_id",
	                c->table);
	for (size_t i = 0; c->columns[i] != NULL; i++)
		psm__buf_printf(sql, ", %s", c->columns[i]);
	psm__buf_puts(sql, ") VALUES ($1, $2, $3, $4");
	while (c->columns[count] != NULL)
		psm__buf_printf(sql, ", $%zu", 5 + count++);
	psm__buf_puts(sql, ") ON CONFLICT (id) DO UPDATE SET "
	                   "entity_version = excluded.entity_version, "
	                   "event_time = excluded.event_time, "
	                   "event_id = excluded.event_id");
	for (size_t i = 0; c->columns[i] != NULL; i++)
		psm__buf_printf(sql,
		                ", %s = CASE WHEN ($%zu::boolean[])[%zu] THEN "
		                "excluded.%s ELSE k.%s END",
		                c->columns[i], 5 + count, i + 1, c->columns[i],
		                c->columns[i]);
	put_newer(sql);
}

/* 1: written, 0: what is there is newer. */
static int
write_copy(psm_tx *tx, const struct copy *c, const struct record *r,
           psm_error *err)
{
	const char *params[PARAMS_MAX];
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	size_t count = 4;
	int rc;

	put_origin(&r->origin, params);
	put_upsert(c, &sql);
	for (size_t i = 0; c->columns[i] != NULL; i++)
		params[count++] = psm__row_get(
		    &r->row, psm__column_find(c->entity, c->columns[i]));
	params[count++] = r->given;
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, count, params, &rows, err);
	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

static int
reject(psm_error *err, const char *pointer, const char *want)
{
	psm__fail(err, PSM_ERR_REJECT, "payload: want %s", want);
	psm__error_pointer(err, pointer);
	return PSM_ERR_REJECT;
}

static int
read_origin(const struct copy *c, const psm_event *ev, struct origin *out,
            psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	int64_t n;

	memset(out, 0, sizeof(*out));
	if (psm_json_get_int(psm_json_at(payload, c->id), &n, NULL) < 0 ||
	    n < 1 || n > INT32_MAX)
		return reject(err, c->id, "a positive number of 32 bits");
	psm__number(&out->id, n);
	if (psm_json_get_int(psm_json_at(payload, "/entity_version"), &n,
	                     NULL) == 0) {
		psm__number(&out->version, n);
		out->has_version = 1;
	}
	if (psm_time_format(psm_event_timestamp_us(ev), out->time,
	                    sizeof(out->time)) < 0)
		return reject(err, "", "a time that can be written");
	out->event_id = psm_event_id(ev);
	return 0;
}

/* The record names the same one as the event, if it names one. */
static int
check_id(const struct copy *c, const psm_json *data, const struct origin *o,
         psm_error *err)
{
	const psm_json *id = psm_json_at(data, "/id");
	char pointer[64];
	int64_t n;

	if (id == NULL)
		return 0;
	if (psm_json_get_int(id, &n, NULL) == 0 &&
	    n == strtoll(o->id.text, NULL, 10))
		return 0;
	snprintf(pointer, sizeof(pointer), "%s/id", c->data);
	return reject(err, pointer, "the id that the event is about");
}

/* Blocking and unblocking say something of the status, also with a record that
 * does not, or that is from before. The column to be written, or NULL. */
static const char *
settle_status(const psm_event *ev, struct psm__row *row, int *rc,
              psm_error *err)
{
	const char *type = psm_event_type(ev), *status, *settled = NULL;

	if (row->entity != &psm__entity_therapist)
		return NULL;
	status = psm__row_get(row, PSM__THERAPIST_STATUS);
	if (strcmp(type, "therapist.blocked") == 0 &&
	    (status == NULL || strcmp(status, "aktiv") == 0))
		settled = "gesperrt";
	else if (strcmp(type, "therapist.unblocked") == 0 &&
	         (status == NULL || strcmp(status, "gesperrt") == 0))
		settled = "aktiv";
	if (settled == NULL)
		return NULL;
	*rc = psm__row_set(row, PSM__THERAPIST_STATUS, settled, err);
	return "status";
}

static int
copy_event(psm_tx *tx, const struct copy *c, const psm_event *ev,
           psm_error *err)
{
	const psm_json *data = psm_json_at(psm_event_payload(ev), c->data);
	const char *forced = NULL;
	struct record r = {0};
	int rc;

	if (data == NULL || psm_json_kind(data) != PSM_JSON_OBJECT)
		return reject(err, c->data, "an object");
	rc = read_origin(c, ev, &r.origin, err);
	if (rc == 0)
		rc = check_id(c, data, &r.origin, err);
	if (rc == 0)
		rc = psm__row_init(&r.row, c->entity, err);
	if (rc == 0)
		rc = psm__row_read(&r.row, data, PSM__READ_RECORD, 0, c->data,
		                   err);
	if (rc == 0)
		forced = settle_status(ev, &r.row, &rc, err);
	put_given(c, data, forced, r.given);
	if (rc == 0)
		rc = write_copy(tx, c, &r, err);
	psm__row_free(&r.row);
	return rc;
}

int
psm__copy_therapist(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	return copy_event(tx, &therapists, ev, err);
}

int
psm__copy_patient(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	return copy_event(tx, &patients, ev, err);
}

int
psm__copy_patient_row(psm_tx *tx, const struct psm__row *row, int64_t time_us,
                      const char *id, psm_error *err)
{
	struct record r = {.row = *row, .origin = {.event_id = id}};
	struct origin *o = &r.origin;

	psm__number(&o->id,
	            strtoll(psm__row_get(row, PSM__PATIENT_ID), NULL, 10));
	if (psm_time_format(time_us, o->time, sizeof(o->time)) < 0)
		return psm__fail(err, PSM_ERR_INVAL, "time: out of range");
	put_given(&patients, NULL, NULL, r.given);
	return write_copy(tx, &patients, &r, err);
}

int
psm__erase_patient(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *params[4];
	struct psm__buf sql = {0};
	struct origin o;
	int rc;

	rc = read_origin(&patients, ev, &o, err);
	if (rc < 0)
		return rc;
	put_origin(&o, params);
	psm__buf_printf(&sql,
	                "INSERT INTO %s AS k (id, entity_version, event_time, "
	                "event_id, geloescht) VALUES ($1, $2, $3, $4, true) "
	                "ON CONFLICT (id) DO UPDATE SET geloescht = true, "
	                "entity_version = excluded.entity_version, "
	                "event_time = excluded.event_time, "
	                "event_id = excluded.event_id",
	                patients.table);
	for (size_t i = 0; patients.columns[i] != NULL; i++)
		psm__buf_printf(&sql, ", %s = NULL", patients.columns[i]);
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, 4, params, NULL, err);
	psm__buf_free(&sql);
	return rc;
}
