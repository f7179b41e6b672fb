/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests that come as events: each is answered once. */
#include <stdio.h>
#include <string.h>

#include <psymatch/payload.h>

#include "app/geo.h"
#include "domain/geo.h"
#include "json/json.h"

#define PRODUCER "geocoding-service"
#define KM_PER_DEGREE 111.0 /* of latitude; a little too few */

/* Begin the answer; the request's id, without which the catalogue lets no
 * request through, goes back as it came. */
static psm_payload *
begin_answer(const char *type, const psm_event *ev)
{
	const psm_json *id =
	    psm__json_member(psm_event_payload(ev), "request_id");
	psm_payload *m = psm_payload_new(type);
	size_t len = 0;
	const char *text = psm_json_text(id, &len);

	psm_payload_json(m, "request_id", text, len);
	return m;
}

static void
put_degrees(psm_payload *m, const char *name,
            const struct psm__geo_place *place)
{
	psm_payload_array(m, name);
	psm_payload_double(m, NULL, place->lat);
	psm_payload_double(m, NULL, place->lon);
	psm_payload_end(m);
}

/* What the geocoder found for a request is told, too: others need not ask. */
static int
tell_found(const struct psm__geo_run *run, const struct psm__geo_place *place,
           const char *name, psm_error *err)
{
	psm_payload *m = begin_answer("geocoding.geocode_result", run->ev);

	psm_payload_text(m, "address", place->address);
	put_degrees(m, "coordinates", place);
	if (*name)
		psm_payload_text(m, "display_name", name);
	return psm__emit(run->tx, m, PRODUCER, err);
}

/*
 * What came of a request, and what is told of it: a wrong one is answered with
 * the reason, which names no place. *why borrowed until told is freed. 0: to be
 * answered, else a failure that is nobody's request's fault.
 */
static int
classify(int rc, const psm_error *told, const char **why, psm_error *err)
{
	if (rc == PSM_ERR_SCHEMA)
		*why = psm_error_message(told);
	else if (rc < 0)
		psm__error_copy(err, told);
	return rc == PSM_ERR_SCHEMA ? 0 : rc;
}

static int
answer_distance(struct psm__geo_run *run, const psm_event *ev, psm_error *told,
                psm_error *err)
{
	const char *why = NULL;
	char *result = NULL;
	psm_payload *m;
	int rc = psm__geo_answer(run, psm_event_payload(ev), &result, told);

	rc = classify(rc, told, &why, err);
	if (rc == 0 && why != NULL)
		rc = psm__geo_refuse(why, &result, err);
	if (rc == 0) {
		m = begin_answer("geocoding.distance_result", ev);
		psm_payload_json(m, "result", result, strlen(result));
		rc = psm__emit(run->tx, m, PRODUCER, err);
	}
	psm_free(result);
	return rc;
}

/* -- therapists around a place */

struct search {
	struct psm__geo_place place;
	double radius_km;
	int64_t limit;
};

static int
read_search(const psm_json *payload, struct search *out, psm_error *err)
{
	const psm_json *p = psm__json_member(payload, "search_params"), *v;
	int rc =
	    psm__geo_read_place(payload, "patient_location", &out->place, err);

	out->radius_km = 25;
	out->limit = 50;
	if (p == NULL || psm_json_kind(p) == PSM_JSON_NULL)
		return rc;
	if (psm_json_kind(p) != PSM_JSON_OBJECT)
		return psm__geo_fault("search_params", "an object", err);
	v = psm__json_member(p, "radius_km");
	if (v != NULL && (psm_json_get_double(v, &out->radius_km, NULL) < 0 ||
	                  !(out->radius_km >= 0 && out->radius_km <= 1000)))
		rc = psm__geo_fault("search_params/radius_km",
		                    "a number of 0 to 1000", err);
	v = psm__json_member(p, "limit");
	if (v != NULL && (psm_json_get_int(v, &out->limit, NULL) < 0 ||
	                  out->limit < 1 || out->limit > 200))
		rc = psm__geo_fault("search_params/limit",
		                    "a whole number of 1 to 200", err);
	return rc;
}

/* Two arrays of SQL: the codes within the radius, and how far they are. */
struct near {
	struct psm__buf codes, km;
};

static int
add_near(const psm_rows *rows, size_t row, const struct search *s,
         struct near *out, psm_error *err)
{
	const char *plz = psm_rows_text(rows, row, 0);
	double lat, lon, km;
	char text[32];

	if (psm__geo_take_number(rows, row, 1, &lat, err) < 0 ||
	    psm__geo_take_number(rows, row, 2, &lon, err) < 0)
		return PSM_ERR_NOMEM;
	if (!psm__geo_in_range(lat, lon))
		return 0;
	km = psm__geo_km(s->place.lat, s->place.lon, lat, lon);
	if (km > s->radius_km)
		return 0;
	if (psm__json_write_digits(psm__geo_round(km, 2), text, sizeof(text)) <
	    0)
		return psm__nomem(err);
	psm__buf_printf(&out->codes, "%c%s", out->codes.len > 0 ? ',' : '{',
	                plz);
	psm__buf_printf(&out->km, "%c%s", out->km.len > 0 ? ',' : '{', text);
	return out->codes.failed || out->km.failed ? psm__nomem(err) : 0;
}

/* A band of latitude holds them all. */
static int
find_near(const struct psm__geo_run *run, const struct search *s,
          struct near *out, psm_error *err)
{
	double reach = s->radius_km / KM_PER_DEGREE;
	char least[32], most[32];
	const char *params[2] = {least, most};
	psm_rows *rows = NULL;
	int rc;

	if (psm__json_write_digits(s->place.lat - reach, least, sizeof(least)) <
	        0 ||
	    psm__json_write_digits(s->place.lat + reach, most, sizeof(most)) <
	        0)
		return psm__nomem(err);
	rc = psm__geo_exec(run,
	                   "SELECT plz, latitude, longitude "
	                   "FROM geocoding_service.plz_centroids "
	                   "WHERE latitude BETWEEN $1::float8 AND $2::float8 "
	                   "AND longitude IS NOT NULL AND plz ~ '^[0-9]{5}$'",
	                   2, params, &rows, err);
	for (size_t i = 0; i < psm_rows_count(rows) && rc == 0; i++)
		rc = add_near(rows, i, s, out, err);
	psm_rows_free(rows);
	if (rc == 0 && out->codes.len > 0) {
		psm__buf_putc(&out->codes, '}');
		psm__buf_putc(&out->km, '}');
	}
	return rc;
}

#define THERAPISTS(table)                                                      \
	"SELECT t.id, c.km, t.plz, t.ort "                                     \
	"FROM unnest($1::text[], $2::float8[]) AS c(plz, km) "                 \
	"JOIN " table " t ON t.plz = c.plz "                                   \
	"WHERE t.status::text = 'aktiv' ORDER BY c.km, t.id LIMIT $3::bigint"

static int
find_therapists(const struct psm__geo_run *run, const struct search *s,
                const struct near *near, psm_rows **rows, psm_error *err)
{
	struct psm__number limit;
	const char *params[3] = {near->codes.data, near->km.data,
	                         psm__number(&limit, s->limit)};
	const char *sql = NULL;
	psm_rows *tables = NULL;
	int rc;

	if (near->codes.len == 0 || near->codes.failed || near->km.failed)
		return near->codes.failed || near->km.failed ? psm__nomem(err)
		                                             : 0;
	rc = psm__geo_exec(
	    run,
	    "SELECT " PSM__HAS_TABLE(
		"'matching_service'",
		"'therapeuten_kopie'") ", " PSM__HAS_TABLE("'therapist_service'",
	                                                   "'therapeuten'"),
	    0, NULL, &tables, err);
	if (rc == 0 && psm_rows_int(tables, 0, 0))
		sql = THERAPISTS("matching_service.therapeuten_kopie");
	else if (rc == 0 && psm_rows_int(tables, 0, 1))
		sql = THERAPISTS("therapist_service.therapeuten");
	psm_rows_free(tables);
	return sql == NULL ? rc : psm__geo_exec(run, sql, 3, params, rows, err);
}

static void
write_therapists(psm_payload *m, const psm_rows *rows)
{
	const char *km;

	psm_payload_array(m, "therapists");
	for (size_t i = 0; i < psm_rows_count(rows); i++) {
		km = psm_rows_text(rows, i, 1);
		psm_payload_object(m, NULL);
		psm_payload_int(m, "therapist_id", psm_rows_int(rows, i, 0));
		psm_payload_json(m, "distance_km", km, strlen(km));
		psm_payload_text(m, "plz", psm_rows_text(rows, i, 2));
		psm_payload_text(m, "ort", psm_rows_text(rows, i, 3));
		psm_payload_end(m);
	}
	psm_payload_end(m);
}

static int
emit_therapists(const struct psm__geo_run *run, const psm_event *ev,
                const struct search *s, const psm_rows *rows, const char *why,
                psm_error *err)
{
	psm_payload *m = begin_answer("geocoding.therapist_search_result", ev);

	psm_payload_text(m, "status", why == NULL ? "success" : "error");
	if (why != NULL)
		psm_payload_text(m, "error", why);
	if (s->place.known) {
		put_degrees(m, "patient_location", &s->place);
	}
	write_therapists(m, rows);
	if (why == NULL) {
		psm_payload_object(m, "search_params");
		psm_payload_double(m, "radius_km", s->radius_km);
		psm_payload_int(m, "limit", s->limit);
		psm_payload_end(m);
	}
	return psm__emit(run->tx, m, PRODUCER, err);
}

static int
answer_search(struct psm__geo_run *run, const psm_event *ev, psm_error *told,
              psm_error *err)
{
	struct near near = {{0}, {0}};
	psm_rows *rows = NULL;
	const char *why = NULL;
	struct search s;
	int rc = read_search(psm_event_payload(ev), &s, told);

	if (rc == 0)
		rc = psm__geo_resolve(run, &s.place, told);
	if (rc == 0 && s.place.known)
		rc = find_near(run, &s, &near, told);
	if (rc == 0 && s.place.known)
		rc = find_therapists(run, &s, &near, &rows, told);
	rc = classify(rc, told, &why, err);
	if (why == NULL && !s.place.known)
		why = "Could not resolve coordinates of the patient_location";
	if (rc == 0)
		rc = emit_therapists(run, ev, &s, rows, why, err);
	psm_rows_free(rows);
	psm__buf_free(&near.codes);
	psm__buf_free(&near.km);
	return rc;
}

static const struct {
	const char *type;
	int (*answer)(struct psm__geo_run *run, const psm_event *ev,
	              psm_error *told, psm_error *err);
} handlers[] = {
    {"geocoding.calculate_distance", answer_distance},
    {"geocoding.search_therapists", answer_search},
};

static int
handle(const struct psm__geo_run *run, const psm_event *ev, size_t i,
       psm_error *err)
{
	struct psm__geo_run copy = *run;
	psm_error *told;
	int rc;

	copy.found = tell_found;
	copy.ev = ev;
	told = psm_error_new();
	if (told == NULL)
		return psm__nomem(err);
	rc = handlers[i].answer(&copy, ev, told, err);
	psm_error_free(told);
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}

const char *
psm_geo_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

int
psm_geo_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	struct psm__geo_run run;

	psm__error_clear(err);
	if (tx == NULL || ev == NULL || user == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx, ev or user is NULL");
	psm__geo_begin(&run, user, NULL, tx);
	for (size_t i = 0; i < PSM__COUNT(handlers); i++)
		if (strcmp(psm_event_type(ev), handlers[i].type) == 0)
			return handle(&run, ev, i, err);
	return 0;
}

int
psm_geo_subscribe(psm_processor *pr, psm_geo *geo, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (pr == NULL || geo == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "pr or geo is NULL");
	rc = psm_processor_subscribe(pr, "geocoding-requests", err);
	for (size_t i = 0; i < PSM__COUNT(handlers) && rc == 0; i++)
		rc = psm_processor_on(pr, handlers[i].type, psm_geo_handle, geo,
		                      err);
	return rc;
}
