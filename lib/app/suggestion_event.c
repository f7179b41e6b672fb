/* SPDX-License-Identifier: BSD-2-Clause */
/* What the therapist service keeps of a patient: the wishes, so that it can
 * suggest therapists; nothing of a name, an illness or an insurance. */
#include <stdio.h>
#include <string.h>

#include "app/block.h"
#include "app/workload.h"
#include "json/json.h"

/* clang-format off */
const signed char psm__suggestion_wishes[] = {
	PSM__PATIENT_PLZ,
	PSM__PATIENT_GESCHLECHT,
	PSM__PATIENT_GEBURTSDATUM,
	PSM__PATIENT_RAEUMLICHE_VERFUEGBARKEIT,
	PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE,
	PSM__PATIENT_AUSGESCHLOSSENE_THERAPEUTEN,
	PSM__PATIENT_BEVORZUGTES_THERAPEUTENGESCHLECHT,
	PSM__PATIENT_BEVORZUGTES_THERAPIEVERFAHREN,
	-1
};
/* clang-format on */
enum { ORIGIN = 4, WISHES = 8 };

/* The same event again writes what is there. */
#define NEWER                                                                  \
	" WHERE NOT t.geloescht AND CASE WHEN t.entity_version IS NOT NULL "   \
	"AND excluded.entity_version IS NOT NULL THEN "                        \
	"excluded.entity_version > t.entity_version ELSE "                     \
	"(excluded.event_time, excluded.event_id) > (t.event_time, "           \
	"t.event_id) END"

/* What the event does not tell about is kept. */
static void
put_sql(struct psm__buf *b)
{
	const struct psm_entity_field *fields = psm__entity_patient.fields;
	const signed char *wish = psm__suggestion_wishes;
	size_t i;

	psm__buf_puts(b, "INSERT INTO therapist_service.patientenwuensche AS t "
	                 "(patient_id, entity_version, event_time, event_id");
	for (i = 0; wish[i] >= 0; i++)
		psm__buf_printf(b, ", %s", fields[wish[i]].name);
	psm__buf_puts(b, ") VALUES ($1, $2, $3, $4");
	for (i = 0; wish[i] >= 0; i++)
		psm__buf_printf(b, ", $%zu", ORIGIN + 1 + i);
	psm__buf_puts(b, ") ON CONFLICT (patient_id) DO UPDATE SET "
	                 "entity_version = excluded.entity_version, event_time "
	                 "= excluded.event_time, event_id = excluded.event_id");
	for (i = 0; wish[i] >= 0; i++) {
		const char *name = fields[wish[i]].name;

		psm__buf_printf(b,
		                ", %s = CASE WHEN ($%d::boolean[])[%zu] THEN "
		                "excluded.%s ELSE t.%s END",
		                name, ORIGIN + WISHES + 1, i + 1, name, name);
	}
	psm__buf_puts(b, NEWER);
}

static int
keep(psm_tx *tx, const struct psm__row *row, const char **params,
     psm_error *err)
{
	char given[2 * WISHES + 2] = "{}"; /* "{t,f,..}" */
	const signed char *wish = psm__suggestion_wishes;
	struct psm__buf sql = {0};
	size_t i;
	int rc;

	for (i = 0; wish[i] >= 0; i++) {
		params[ORIGIN + i] = psm__row_get(row, wish[i]);
		given[2 * i] = i == 0 ? '{' : ',';
		given[2 * i + 1] = row->given[wish[i]] ? 't' : 'f';
	}
	memcpy(&given[2 * i], "}", 2);
	params[ORIGIN + i] = given;
	put_sql(&sql);
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, ORIGIN + WISHES + 1, params,
	                              NULL, err);
	psm__buf_free(&sql);
	return rc;
}

static int
erase(psm_tx *tx, const char *const *params, psm_error *err)
{
	const struct psm_entity_field *fields = psm__entity_patient.fields;
	const signed char *wish = psm__suggestion_wishes;
	struct psm__buf sql = {0};
	int rc;

	psm__buf_puts(&sql,
	              "INSERT INTO therapist_service.patientenwuensche "
	              "(patient_id, entity_version, event_time, event_id, "
	              "geloescht) VALUES ($1, $2, $3, $4, true) ON CONFLICT "
	              "(patient_id) DO UPDATE SET geloescht = true");
	for (size_t i = 0; wish[i] >= 0; i++)
		psm__buf_printf(&sql, ", %s = NULL", fields[wish[i]].name);
	rc = sql.failed ? psm__nomem(err)
	                : psm_tx_exec(tx, sql.data, ORIGIN, params, NULL, err);
	psm__buf_free(&sql);
	return rc;
}

int
psm__suggestion_patient(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *data =
	    psm__json_member(psm_event_payload(ev), "patient_data");
	const char *params[ORIGIN + WISHES + 1];
	struct psm__row row = {0};
	struct psm__number id;
	struct psm__origin o;
	int64_t n = 0;
	int rc = psm__event_number(ev, "patient_id", &n, err);

	if (rc == 0)
		rc = psm__origin_of(ev, &o, err);
	if (rc < 0)
		return rc;
	params[0] = psm__number(&id, n);
	params[1] = o.has_version ? o.version.text : NULL;
	params[2] = o.time;
	params[3] = o.event_id;
	if (strcmp(psm_event_type(ev), "patient.deleted") == 0)
		return erase(tx, params, err);
	rc = psm__row_init(&row, &psm__entity_patient, err);
	if (rc == 0)
		rc = psm__row_read(&row, data, PSM__READ_RECORD, 0,
		                   "/patient_data", err);
	if (rc >= 0)
		rc = keep(tx, &row, params, err);
	psm__row_free(&row);
	return rc;
}
