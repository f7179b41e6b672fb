/* SPDX-License-Identifier: BSD-2-Clause */
#include "people.h"

#include <stdio.h>

#define PIECE 10000

/* A statement for the numbers from $1 to $2, piece by piece. */
static int
fill(psm_store *store, const char *sql, int first, int last, psm_error *err)
{
	char from[16], to[16];
	const char *params[2] = {from, to};
	int rc = 0;

	for (; rc == 0 && first <= last; first += PIECE) {
		int end = first + PIECE - 1;

		(void)snprintf(from, sizeof(from), "%d", first);
		(void)snprintf(to, sizeof(to), "%d", end < last ? end : last);
		rc = psm_store_exec(store, sql, 2, params, NULL, err);
	}
	return rc;
}

/* Beside n six numbers by chance, of a person always the same. */
#define SERIES                                                                 \
	" FROM generate_series($1::int, $2::int) n CROSS JOIN LATERAL ("       \
	"SELECT hashint4(n + 1) & 2147483647 AS a, "                           \
	"hashint4(n + 20000003) & 2147483647 AS b, "                           \
	"hashint4(n + 30000001) & 2147483647 AS c, "                           \
	"hashint4(n + 40000003) & 2147483647 AS d, "                           \
	"hashint4(n + 50000017) & 2147483647 AS e, "                           \
	"hashint4(n + 60000011) & 2147483647 AS f) r"
/* One of 100 areas, of 80 codes each. */
#define PLZ "lpad((a % 100 * 1000 + b % 80 * 11 + 7)::text, 5, '0')"

int
people_migrate(psm_store *store, psm_error *err)
{
	/* An area is about 60 km wide. */
	static const char places[] =
	    "INSERT INTO geocoding_service.plz_centroids "
	    "(plz, ort, latitude, longitude) SELECT "
	    "lpad((n / 80 * 1000 + n % 80 * 11 + 7)::text, 5, '0'), 'X', "
	    "47.5 + n / 800 * 0.7 + a % 600 / 1000.0, "
	    "6.5 + n / 80 % 10 * 0.8 + b % 900 / 1000.0" SERIES
	    " ON CONFLICT DO NOTHING";
	int rc = psm_store_migrate(store, "psymatch", err);

	if (rc == 0)
		rc = psm_store_migrate(store, "matching", err);
	if (rc == 0)
		rc = psm_store_migrate(store, "geocoding", err);
	return rc < 0 ? rc : fill(store, places, 0, 7999, err);
}

int
people_therapists(psm_store *store, int count, psm_error *err)
{
	static const char sql[] =
	    "INSERT INTO matching_service.therapeuten_kopie (id, plz, status, "
	    "vorname, nachname, email, geschlecht, psychotherapieverfahren, "
	    "alter_min, alter_max, bevorzugt_gruppentherapie, "
	    "geschlechtspraeferenz, event_time, event_id) SELECT n, " PLZ
	    ", 'aktiv', 'V' || n, 'Muster' || n, 'praxis' || n || "
	    "'@example.org', CASE WHEN c % 10 < 7 THEN 'weiblich' ELSE "
	    "'männlich' END, CASE WHEN d % 10 < 2 THEN 'egal' WHEN d % 10 < 7 "
	    "THEN 'Verhaltenstherapie' ELSE "
	    "'tiefenpsychologisch_fundierte_Psychotherapie' END, "
	    "CASE WHEN e % 5 = 0 THEN 18 END, "
	    "CASE WHEN e % 5 = 0 THEN 25 + f % 45 END, f % 20 = 0, "
	    "CASE WHEN c % 20 = 0 THEN 'Weiblich' END, now(), 'x'" SERIES;

	return fill(store, sql, 1, count, err);
}

static int
patients(psm_store *store, int first, int last, psm_error *err)
{
	static const char sql[] =
	    "INSERT INTO matching_service.patienten_kopie (id, plz, "
	    "geschlecht, geburtsdatum, raeumliche_verfuegbarkeit, "
	    "offen_fuer_gruppentherapie, bevorzugtes_therapeutengeschlecht, "
	    "bevorzugtes_therapieverfahren, event_time, event_id) "
	    "SELECT n, " PLZ ", CASE WHEN c % 100 < 65 THEN 'weiblich' ELSE "
	    "'männlich' END, date '1945-01-01' + d % 23000, "
	    "jsonb_build_object('max_km', CASE WHEN e % 10 < 7 THEN 25 ELSE "
	    "10 + e % 5 * 10 END), f % 10 < 3, CASE WHEN c % 10 < 6 THEN NULL "
	    "WHEN c % 10 < 9 THEN 'Weiblich' ELSE 'Männlich' END, CASE WHEN "
	    "f % 100 < 55 THEN 'egal' WHEN f % 100 < 85 THEN "
	    "'Verhaltenstherapie' ELSE "
	    "'tiefenpsychologisch_fundierte_Psychotherapie' END, now(), "
	    "'x'" SERIES;

	return fill(store, sql, first, last, err);
}

int
people_searches(psm_store *store, int first, int last, psm_error *err)
{
	int rc = patients(store, first, last, err);

	return rc < 0 ? rc
	              : fill(store,
	                     "INSERT INTO matching_service.platzsuche (id, "
	                     "patient_id, created_at, "
	                     "ausgeschlossene_therapeuten) SELECT n, n, "
	                     "timestamp '2025-01-01' + n * interval '30 s', "
	                     "CASE WHEN n % 5 < 2 THEN jsonb_build_array(n % "
	                     "1000 + 1, jsonb_build_object('id', n % 777 + "
	                     "1)) ELSE '[]' END" SERIES,
	                     first, last, err);
}

int
people_analyze(psm_store *store, psm_error *err)
{
	return psm_store_exec(store, "ANALYZE", 0, NULL, NULL, err);
}
