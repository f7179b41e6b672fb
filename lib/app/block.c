/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/block.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

int
psm__event_number(const psm_event *ev, const char *name, int64_t *out,
                  psm_error *err)
{
	const psm_json *v = psm__json_member(psm_event_payload(ev), name);

	if (psm_json_get_int(v, out, NULL) == 0 && *out > 0 &&
	    *out <= INT32_MAX)
		return 0;
	return psm__fail(err, PSM_ERR_REJECT,
	                 "%s: want a positive number of 32 bits", name);
}

int
psm__origin_of(const psm_event *ev, struct psm__origin *out, psm_error *err)
{
	int64_t n;

	memset(out, 0, sizeof(*out));
	if (psm_json_get_int(
		psm__json_member(psm_event_payload(ev), "entity_version"), &n,
		NULL) == 0) {
		psm__number(&out->version, n);
		out->has_version = 1;
	}
	out->event_id = psm_event_id(ev);
	return psm_time_format(psm_event_timestamp_us(ev), out->time,
	                       sizeof(out->time)) < 0
	           ? psm__fail(err, PSM_ERR_REJECT,
	                       "timestamp: want a time that can be written")
	           : 0;
}

/* Versions count the changes of the therapist; who sends none has his clock.
 * %s: the schema. */
#define NOTE                                                                   \
	"INSERT INTO %s.therapeuten_sperren AS t (therapist_id, gesperrt, "    \
	"geloescht, grund, entity_version, event_time, event_id) VALUES "      \
	"($1::integer, $2::boolean, $3::boolean, $4, $5::bigint, "             \
	"$6::timestamptz, $7::uuid) ON CONFLICT (therapist_id) DO UPDATE SET " \
	"gesperrt = excluded.gesperrt, geloescht = excluded.geloescht, "       \
	"grund = excluded.grund, entity_version = excluded.entity_version, "   \
	"event_time = excluded.event_time, event_id = excluded.event_id "      \
	"WHERE NOT t.geloescht AND CASE WHEN excluded.geloescht THEN true "    \
	"WHEN t.entity_version IS NOT NULL AND excluded.entity_version IS "    \
	"NOT NULL THEN excluded.entity_version > t.entity_version "            \
	"ELSE (excluded.event_time, excluded.event_id) > (t.event_time, "      \
	"t.event_id) END"

int
psm__block_note(psm_tx *tx, const char *schema, const psm_event *ev,
                struct psm__block *out, psm_error *err)
{
	const char *type = psm_event_type(ev);
	int deleted = strcmp(type, "therapist.deleted") == 0;
	struct psm__origin o;
	struct psm__number id;
	const char *params[7] = {NULL};
	psm_rows *rows = NULL;
	char sql[900];
	int rc = psm__event_number(ev, "therapist_id", &out->therapist, err);

	if (rc == 0)
		rc = psm__origin_of(ev, &o, err);
	if (rc < 0)
		return rc;
	out->blocked = deleted || strcmp(type, "therapist.blocked") == 0;
	params[0] = psm__number(&id, out->therapist);
	params[1] = out->blocked ? "t" : "f";
	params[2] = deleted ? "t" : "f";
	if (out->blocked && !deleted)
		params[3] = psm_json_string(
		    psm__json_member(psm_event_payload(ev), "reason"));
	params[4] = o.has_version ? o.version.text : NULL;
	params[5] = o.time;
	params[6] = o.event_id;
	(void)snprintf(sql, sizeof(sql), NOTE, schema);
	rc = psm_tx_exec(tx, sql, 7, params, &rows, err);
	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}
