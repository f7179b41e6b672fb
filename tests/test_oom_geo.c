/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Distances, requests for them, suggestions and workloads without memory, at
 * each allocation in turn: they say so, change nothing, and work when they are
 * repeated.
 */
#include "base/base.h"
#include "testing_geo.h"
#include "testing_handle.h"
#include "testing_oom.h"

#include <psymatch/payload.h>
#include <psymatch/suggestion.h>
#include <psymatch/therapist.h>

static void
none(void)
{
	pg_run("DELETE FROM psymatch.outbox; "
	       "DELETE FROM geocoding_service.geocache; "
	       "DELETE FROM geocoding_service.distance_cache");
}

/* -- places */

#define ANSWER                                                                 \
	"{\"latitude\":50.8,\"longitude\":6.1,\"display_name\":\"Markt\","     \
	"\"status\":\"success\"}"

static void
known(void)
{
	none();
	pg_run("INSERT INTO geocoding_service.geocache (query, query_type, "
	       "latitude, longitude, result_data, created_at, updated_at, "
	       "hit_count) VALUES ('am markt', 'address', 50.8, 6.1, '" ANSWER
	       "', '2026-03-02 09:59', '2026-03-02 09:59', 1); "
	       "INSERT INTO geocoding_service.distance_cache VALUES (1, 52.5, "
	       "13.4, 50.8, 6.1, 'car', 612.5, '{\"original_source\": "
	       "\"osrm\"}', '2026-03-02 09:58', '2026-03-02 09:58', 1)");
}

static int
distance(char **out)
{
	static const char json[] =
	    "{\"origin\": \"10115\", \"destination\": \"Am Markt\"}";

	return psm_geo_distance(geo, st, json, strlen(json), out, err);
}

static int
by_codes(char **out)
{
	return psm_geo_plz_distance(st, "10115", "52062", out, err);
}

static int
recall(char **out)
{
	return psm_geo_recall(geo, st, "Am Markt", 0, 0, out, err);
}

static int
recall_place(char **out)
{
	return psm_geo_recall(geo, st, NULL, 50.8, 6.1, out, err);
}

static int
remember(char **out)
{
	(void)out;
	return psm_geo_remember(geo, st, NULL, 50.8, 6.1, ANSWER, err);
}

static int
load(char **out)
{
	(void)out;
	return psm_geo_load(st, centroids, strlen(centroids), 1, err);
}

/* The event is that of a processor, which looks at its payload first. */
static int
handle(psm_tx_event_fn fn, const char *type, const char *members, void *user)
{
	long refused = atomic_load(&testing_memory.fail_at);
	psm_event *ev;
	psm_tx *tx = NULL;
	int rc;

	testing_memory_refuse(0);
	ev = make_event(type, "2026-03-02T10:00:00Z", members);
	ck_assert_ptr_nonnull(psm_event_payload(ev));
	testing_memory_refuse(refused);
	rc = psm_tx_begin(st, &tx, err);
	if (rc == 0)
		rc = fn(tx, ev, user, err);
	if (rc == 0)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	return rc;
}

static int
ask_distance(char **out)
{
	(void)out;
	return handle(psm_geo_handle, "geocoding.calculate_distance",
	              "\"request_id\": 7, \"origin\": [52.5, 13.4], "
	              "\"destination\": \"Am Markt\"",
	              geo);
}

static int
ask_wrongly(char **out)
{
	(void)out;
	return handle(psm_geo_handle, "geocoding.calculate_distance",
	              "\"request_id\": 7, \"origin\": [152.5, 13.4]", geo);
}

static int
ask_therapists(char **out)
{
	(void)out;
	return handle(psm_geo_handle, "geocoding.search_therapists",
	              "\"request_id\": 7, \"patient_location\": \"Am Markt\", "
	              "\"search_params\": {\"radius_km\": 30}",
	              geo);
}

#define ONE(table, condition) "SELECT count(*) FROM " table " WHERE " condition
#define KEPT_ROUTE ONE("geocoding_service.distance_cache", "distance_km = 600")
#define TOLD(type, condition)                                                  \
	ONE("psymatch.outbox", "type = '" type "' AND " condition)

static const struct oom_case places[] = {
    {"distance", distance, none, KEPT_ROUTE, OOM_STAYS},
    {"known distance", distance, known,
     ONE("geocoding_service.distance_cache", "hit_count = 2"), OOM_STAYS},
    {"postal codes", by_codes, none, "SELECT 1", OOM_SAME},
    {"recall", recall, known, "SELECT 1", OOM_STAYS},
    {"recall in vain", recall_place, known, "SELECT 1", OOM_SAME},
    {"remember", remember, none,
     ONE("geocoding_service.geocache", "display_name = 'Markt'"), 0},
    {"load", load, none,
     "SELECT count(*) - 2 FROM "
     "geocoding_service.plz_centroids",
     0},
};

static const struct oom_case requests[] = {
    {"request", ask_distance, none,
     TOLD("geocoding.distance_result",
          "payload::jsonb #>> '{result,distance_km}' = '600'"),
     0},
    {"wrong request", ask_wrongly, none,
     TOLD("geocoding.distance_result",
          "payload::jsonb #>> '{result,error}' LIKE '%latitude of%'"),
     0},
    {"request for therapists", ask_therapists, none,
     TOLD("geocoding.therapist_search_result",
          "payload::jsonb #>> '{therapists,0,therapist_id}' = '4'"),
     0},
};

/* -- therapists */

static void
forgotten(void)
{
	pg_run("DELETE FROM psymatch.outbox; "
	       "DELETE FROM therapist_service.patientenwuensche; "
	       "DELETE FROM therapist_service.zuordnungen; "
	       "DELETE FROM therapist_service.anfragen; "
	       "DELETE FROM therapist_service.zustellungen; "
	       "UPDATE therapist_service.therapeuten SET letzter_kontakt_email "
	       "= NULL");
}

static const char wish[] =
    "\"patient_id\": 5, \"entity_version\": 1, \"patient_data\": {\"id\": 5, "
    "\"plz\": \"52062\", \"geschlecht\": \"weiblich\", \"geburtsdatum\": "
    "\"1990-05-06\", \"symptome\": [\"Mobbing\"], "
    "\"ausgeschlossene_therapeuten\": [8, {\"id\": 6}]}";

static int
patient(char **out)
{
	(void)out;
	return handle(psm_therapist_handle, "patient.created", wish, NULL);
}

static int
match(char **out)
{
	(void)out;
	return handle(psm_therapist_handle, "match.created",
	              "\"match_id\": 1, \"anfrage_id\": 3, \"patient_id\": 5, "
	              "\"therapist_id\": 1",
	              NULL);
}

static int
mail(char **out)
{
	(void)out;
	return handle(psm_therapist_handle, "email.sent",
	              "\"email_id\": 8, \"therapist_id\": 1, \"email_data\": "
	              "{\"id\": 8}",
	              NULL);
}

static int
response(char **out)
{
	(void)out;
	return handle(psm_therapist_handle,
	              "therapeutenanfrage.response_received",
	              "\"anfrage_id\": 3, \"response_type\": "
	              "\"teilweise_Annahme\", \"accepted_count\": 1, "
	              "\"rejected_count\": 1, \"no_response_count\": 0",
	              NULL);
}

static void
told(void)
{
	forgotten();
	ck_assert_int_eq(patient(NULL), 0);
	ck_assert_int_eq(match(NULL), 0);
}

static int
suggest(char **out)
{
	return psm_therapist_suggestions(st, 5, 1, 10, out, err);
}

static int
workload(char **out)
{
	return psm_therapist_workload(st, 1, out, err);
}

static int
workloads(char **out)
{
	return psm_therapist_workloads(st, "5", 1, 10, out, err);
}

static const struct oom_case therapists[] = {
    {"patient", patient, forgotten,
     ONE("therapist_service.patientenwuensche", "plz = '52062'"), 0},
    {"match", match, forgotten,
     ONE("therapist_service.zuordnungen", "patient_id = 5"), 0},
    {"mail", mail, forgotten,
     ONE("therapist_service.therapeuten", "letzter_kontakt_email IS NOT NULL"),
     0},
    {"response", response, forgotten, ONE("therapist_service.anfragen", "true"),
     0},
    {"suggestions", suggest, told,
     ONE("therapist_service.zuordnungen", "patient_id = 5"), OOM_SAME},
    {"workload", workload, told,
     ONE("therapist_service.zuordnungen", "patient_id = 5"), OOM_SAME},
    {"workloads", workloads, told,
     ONE("therapist_service.zuordnungen", "patient_id = 5"), OOM_SAME},
};

static void
setup(void)
{
	testing_memory_begin();
	geo_setup();
	pg_run("SELECT setval('geocoding_service.distance_cache_id_seq', 9)");
	fake.lat = 50.8;
	fake.lon = 6.1;
	fake.km = 600;
	for (int i = 0; i < 3; i++)
		pg_run("INSERT INTO therapist_service.therapeuten (anrede, "
		       "geschlecht, vorname, nachname, plz, email, status) "
		       "VALUES ('Frau', 'weiblich', 'Berta', 'Muster', "
		       "'520%d', 'b@example.org', 'aktiv')",
		       62 + i);
	pg_run("INSERT INTO matching_service.therapeuten_kopie (id, plz, ort, "
	       "nachname, status, event_time, event_id) VALUES (4, '52062', "
	       "'Musterau', 'Muster', 'aktiv', now(), 'x')");
	oom_setup();
}

START_TEST(places_without_memory)
{
	oom_all(places, PSM__COUNT(places));
}
END_TEST

START_TEST(requests_without_memory)
{
	oom_all(requests, PSM__COUNT(requests));
}
END_TEST

START_TEST(therapists_without_memory)
{
	oom_all(therapists, PSM__COUNT(therapists));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom_geo");
	TCase *t = tcase_create("oom");

	tcase_set_timeout(t, 300);
	tcase_add_checked_fixture(t, setup, geo_teardown);
	tcase_add_test(t, places_without_memory);
	tcase_add_test(t, requests_without_memory);
	tcase_add_test(t, therapists_without_memory);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
