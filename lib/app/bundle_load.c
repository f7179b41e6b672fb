/* SPDX-License-Identifier: BSD-2-Clause */
/* What the matching service's database knows, into a bundle in memory. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/candidates.h"
#include "domain/bundle_therapist.h"
#include "domain/geo.h"
#include "store/store.h"

#define FETCH "FETCH 10000 FROM psm_bundle"

/* A cursor: so the rows of a million searches are never here at once. */
static const char searches[] =
    "DECLARE psm_bundle NO SCROLL CURSOR FOR "
    "SELECT s.id, s.patient_id, "
    "(extract(epoch FROM s.created_at) * 1000000)::bigint, "
    "nullif(s.ausgeschlossene_therapeuten::text, '[]'), p.plz, p.geschlecht, "
    "p.geburtsdatum::text, p.raeumliche_verfuegbarkeit::text, "
    "p.offen_fuer_gruppentherapie, p.bevorzugtes_therapeutengeschlecht, "
    "p.bevorzugtes_therapieverfahren, n.platzsuche_id IS NOT NULL, "
    "s.dringlichkeit "
    "FROM matching_service.platzsuche s "
    "LEFT JOIN matching_service.patienten_kopie p ON p.id = s.patient_id "
    "LEFT JOIN (SELECT DISTINCT platzsuche_id "
    "FROM matching_service.therapeut_anfrage_patient "
    "WHERE antwortergebnis = 'nicht_erschienen') n ON n.platzsuche_id = s.id "
    "WHERE s.status = 'aktiv'";
enum {
	S_ID,
	S_PATIENT,
	S_CREATED,
	S_EXCLUDED,
	S_PLZ,
	S_GENDER,
	S_BIRTH,
	S_REACH,
	S_GROUP,
	S_WANTS,
	S_PROCEDURE,
	S_RETURNED,
	S_URGENCY
};

/*
 * %s: the time since which an inquiry that was sent still waits. Unlike that, a
 * patient who was asked for is not asked for again until there is an answer.
 */
static const char therapists[] =
    "DECLARE psm_bundle NO SCROLL CURSOR FOR "
    "SELECT k.id, k.plz, coalesce(k.status, ''), k.vorname, k.nachname, "
    "k.titel, k.email, k.naechster_kontakt_moeglich::text, "
    "k.potenziell_verfuegbar, k.ueber_curavani_informiert, k.geschlecht, "
    "k.geschlechtspraeferenz, k.psychotherapieverfahren, "
    "k.bevorzugt_gruppentherapie, k.alter_min, k.alter_max, "
    "EXISTS (SELECT FROM " PSM__PENDING(
	"k.id",
	"'%s'::timestamp") "), a.asked "
			   "FROM matching_service.therapeuten_kopie k LEFT JOIN ("
			   "SELECT i.therapist_id, json_agg(r.patient_id)::text AS asked "
			   "FROM matching_service.therapeutenanfrage i "
			   "JOIN matching_service.therapeut_anfrage_patient r "
			   "ON r.therapeutenanfrage_id = i.id "
			   "WHERE i.antwort_datum IS NULL AND i.storniert_datum IS NULL "
			   "GROUP BY i.therapist_id) a ON a.therapist_id = k.id "
			   "WHERE NOT k.geloescht";
enum {
	T_ID,
	T_PLZ,
	T_STATUS,
	T_FIRST,
	T_LAST,
	T_TITLE,
	T_MAIL,
	T_CONTACT,
	T_AVAILABLE,
	T_INFORMED,
	T_GENDER,
	T_WANTS,
	T_PROCEDURE,
	T_GROUP,
	T_AGE_MIN,
	T_AGE_MAX,
	T_PENDING,
	T_ASKED
};

static const char places[] =
    "DECLARE psm_bundle NO SCROLL CURSOR FOR "
    "SELECT plz, latitude, longitude FROM geocoding_service.plz_centroids "
    "WHERE plz ~ '^[0-9]{5}$'";

typedef int take_fn(psm_bundle *b, const psm_rows *rows, size_t i,
                    psm_error *err);

static int
take_search(psm_bundle *b, const psm_rows *rows, size_t i, psm_error *err)
{
	struct psm__bundle_wish w = {
	    .id = (int32_t)psm_rows_int(rows, i, S_ID),
	    .patient_id = (int32_t)psm_rows_int(rows, i, S_PATIENT),
	    .created_us = psm_rows_int(rows, i, S_CREATED),
	    .plz = psm_rows_text(rows, i, S_PLZ),
	    .urgency = (int)psm_rows_int(rows, i, S_URGENCY),
	    .returned = (int)psm_rows_int(rows, i, S_RETURNED)};
	int32_t *excluded = NULL;
	int odd, rc;

	w.fit.birth = psm__fit_day(psm_rows_text(rows, i, S_BIRTH));
	w.fit.gender =
	    (unsigned char)psm__fit_gender(psm_rows_text(rows, i, S_GENDER));
	w.fit.wants_gender = (unsigned char)psm__fit_wanted_gender(
	    psm_rows_text(rows, i, S_WANTS));
	w.fit.procedure = (unsigned char)psm__fit_procedure(
	    psm_rows_text(rows, i, S_PROCEDURE));
	w.fit.group = psm_rows_int(rows, i, S_GROUP) != 0;
	w.fit.max_km = psm__fit_max_km(psm_rows_text(rows, i, S_REACH),
	                               b->default_km, &odd);
	w.fit.odd_max_km = (unsigned char)odd;
	rc = psm__fit_excluded(psm_rows_text(rows, i, S_EXCLUDED), &excluded,
	                       &w.fit.excluded_count, err);
	w.fit.excluded = excluded;
	if (rc == 0)
		rc = psm__bundle_put(b, &w, err);
	psm__free(excluded);
	return rc;
}

static int32_t
age(const psm_rows *rows, size_t i, size_t column)
{
	int64_t years = psm_rows_int(rows, i, column);

	return years < 0 ? 0 : (int32_t)years;
}

static int
take_therapist(psm_bundle *b, const psm_rows *rows, size_t i, psm_error *err)
{
	struct psm__therapist_wish w = {
	    .status = psm_rows_text(rows, i, T_STATUS),
	    .plz = psm_rows_text(rows, i, T_PLZ),
	    .first = psm_rows_text(rows, i, T_FIRST),
	    .last = psm_rows_text(rows, i, T_LAST),
	    .title = psm_rows_text(rows, i, T_TITLE),
	    .mail = psm_rows_text(rows, i, T_MAIL),
	    .contact_from = psm__fit_day(psm_rows_text(rows, i, T_CONTACT)),
	    .available = (int)psm_rows_int(rows, i, T_AVAILABLE),
	    .informed = (int)psm_rows_int(rows, i, T_INFORMED),
	    .pending = (int)psm_rows_int(rows, i, T_PENDING)};
	int32_t *asked = NULL;
	int rc;

	w.fit.id = (int32_t)psm_rows_int(rows, i, T_ID);
	w.fit.age_min = age(rows, i, T_AGE_MIN);
	w.fit.age_max = age(rows, i, T_AGE_MAX);
	w.fit.gender =
	    (unsigned char)psm__fit_gender(psm_rows_text(rows, i, T_GENDER));
	w.fit.wants_gender = (unsigned char)psm__fit_wanted_gender(
	    psm_rows_text(rows, i, T_WANTS));
	w.fit.procedure = (unsigned char)psm__fit_procedure(
	    psm_rows_text(rows, i, T_PROCEDURE));
	w.fit.group = psm_rows_int(rows, i, T_GROUP) != 0;
	/* A list of numbers, like one of exclusions. */
	rc = psm__fit_excluded(psm_rows_text(rows, i, T_ASKED), &asked,
	                       &w.asked_count, err);
	w.asked = asked;
	if (rc == 0)
		rc = psm__bundle_put_therapist(b, &w, err);
	psm__free(asked);
	return rc;
}

static int
take_place(psm_bundle *b, const psm_rows *rows, size_t i, psm_error *err)
{
	const char *lat = psm_rows_text(rows, i, 1);
	const char *lon = psm_rows_text(rows, i, 2);
	double at[2];

	if (lat == NULL || lon == NULL)
		return 0;
	if (psm__json_read_double(lat, &at[0]) < 0 ||
	    psm__json_read_double(lon, &at[1]) < 0)
		return psm__nomem(err);
	/* One out of range is not known, and nothing is wrong with the rest. */
	return psm__geo_in_range(at[0], at[1])
	           ? psm_bundle_place(b, psm_rows_text(rows, i, 0), at[0],
	                              at[1], err)
	           : 0;
}

/* Every row of a cursor; how many. */
static int
take_all(psm_bundle *b, psm_tx *tx, const char *sql, take_fn *take,
         psm_error *err)
{
	int64_t taken = 0;
	size_t count = 0;
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, 0, NULL, NULL, err);

	while (rc == 0) {
		rc = psm_tx_exec(tx, FETCH, 0, NULL, &rows, err);
		count = psm_rows_count(rows);
		for (size_t i = 0; i < count && rc == 0; i++)
			rc = take(b, rows, i, err);
		psm_rows_free(rows);
		rows = NULL;
		taken += (int64_t)count;
		if (count == 0)
			break;
	}
	if (rc == 0)
		rc = psm_tx_exec(tx, "CLOSE psm_bundle", 0, NULL, NULL, err);
	return rc < 0 ? rc : (int)taken;
}

/* Those of the database's matching, unless whoever made the bundle named some,
 * or it holds something already. */
static int
take_settings(psm_bundle *b, psm_tx *tx, psm_error *err)
{
	const psm_config *cfg = psm__tx_config(tx);
	const char *first = psm_config_string(cfg, "MATCHING_STRATEGY");
	const char *second = psm_config_string(cfg, "MATCHING_STRATEGY_TRIAL");
	int two = strcmp(second, "none") != 0 && strcmp(second, first) != 0;
	struct psm__buf json = {0};
	int rc;

	if (b->has_options || b->slots.used > 0 || b->therapist_count > 0)
		return 0;
	if (psm_config_int(cfg, "PLZ_MATCH_DIGITS") > 3)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PLZ_MATCH_DIGITS: want 1 to 3 for a bundle");
	psm__buf_printf(
	    &json,
	    "{\"plz_digits\":%lld,\"size\":%lld,\"default_max_km\":%lld,"
	    "\"share\":%lld,\"strategies\":[{\"name\":\"%s\",\"policy\":"
	    "\"%s\"}",
	    (long long)psm_config_int(cfg, "PLZ_MATCH_DIGITS"),
	    (long long)psm_config_int(cfg, "MAX_ANFRAGE_SIZE"),
	    (long long)psm_config_int(cfg, "DEFAULT_MAX_DISTANCE_KM"),
	    (long long)psm_config_int(cfg, "MATCHING_STRATEGY_SHARE"), first,
	    first);
	if (two)
		psm__buf_printf(&json, ",{\"name\":\"%s\",\"policy\":\"%s\"}",
		                second, second);
	psm__buf_puts(&json, "]}");
	rc = json.failed ? psm__nomem(err)
	                 : psm__bundle_set_options(b, json.data, json.len, err);
	psm__buf_free(&json);
	return rc;
}

/* The time is the library's own, no text of anybody's. A cursor gets a plan for
 * all of its rows. */
static int
load_all(psm_bundle *b, psm_tx *tx, psm_error *err)
{
	char sql[sizeof(therapists) + 32];
	struct psm__fit_terms terms;
	int rc = psm_tx_exec(tx,
	                     "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, "
	                     "READ ONLY",
	                     0, NULL, NULL, err);

	if (rc == 0)
		rc = psm_tx_exec(tx, "SET LOCAL cursor_tuple_fraction = 1", 0,
		                 NULL, NULL, err);
	if (rc == 0)
		rc = take_settings(b, tx, err);
	if (rc == 0)
		rc = psm__fit_terms(tx, &terms, err);
	if (rc == 0 && terms.centroids)
		rc = take_all(b, tx, places, take_place, err);
	if (rc < 0)
		return rc;
	(void)snprintf(sql, sizeof(sql), therapists, terms.pending_since);
	rc = take_all(b, tx, sql, take_therapist, err);
	return rc < 0 ? rc : take_all(b, tx, searches, take_search, err);
}

int
psm_bundle_load(psm_bundle *b, psm_store *store, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc;

	psm__error_clear(err);
	if (b == NULL || store == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b or store is NULL");
	rc = psm_tx_begin(store, &tx, err);
	if (rc < 0)
		return rc;
	rc = load_all(b, tx, err);
	psm_tx_rollback(tx); /* it only read */
	return rc;
}
