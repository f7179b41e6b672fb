/* SPDX-License-Identifier: BSD-2-Clause */
/* The matching service over HTTP: what a client of the platform asks for, each
 * success and each kind of failure. */
#include "testing_rest.h"

static void
set_up_matching(void)
{
	const char *dir = getenv("top_srcdir");
	static char path[500];
	static const char *const settings[] = {"PSYMATCH_TEMPLATE_DIR", path,
	                                       NULL};

	(void)snprintf(path, sizeof path, "%s/share/psymatch/templates",
	               dir ? dir : ".");
	testing_server_settings = settings;
	service = "matching";
	pg_copy();
	store = pg_store();
	start("");
}

static void
add_patient(int id, const char *plz)
{
	pg_run("INSERT INTO matching_service.patienten_kopie (id, geschlecht, "
	       "vorname, nachname, plz, krankenkasse, geburtsdatum, symptome, "
	       "erfahrung_mit_psychotherapie, offen_fuer_gruppentherapie, "
	       "zeitliche_verfuegbarkeit, status, event_time, event_id) "
	       "VALUES (%d, 'weiblich', 'Anna', 'Beispiel', '%s', 'AOK', "
	       "'1990-03-03', '[\"Mobbing\"]', false, true, '{\"montag\": "
	       "[\"08:00-10:00\"]}', 'auf_der_Suche', '2026-01-01', 'x')",
	       id, plz);
}

static void
add_therapist(int id, const char *mail)
{
	pg_run("INSERT INTO matching_service.therapeuten_kopie (id, anrede, "
	       "geschlecht, titel, vorname, nachname, plz, email, telefon, "
	       "status, event_time, event_id) VALUES (%d, 'Frau', 'weiblich', "
	       "'Dr.', 'Berta', 'Baum', '10117', %s, '030 1', 'aktiv', "
	       "'2026-01-01', 'x')",
	       id, mail);
}

/* -- searches */

#define SEARCHES "/api/platzsuchen"

static const struct step searches_steps[] = {
    {"POST",
     SEARCHES,
     JSON,
     "{\"patient_id\":7,\"notizen\":\"Z\\u00fcge \\\"x\\\"\",\"status\":"
     "\"pausiert\",\"nonsense\":[1]}",
     201,
     {"{\"id\":1,\"patient_id\":7,\"status\":\"aktiv\",\"created_at\":\"",
      "\"message\":\"Patient search created successfully\"}",
      "Location: /api/platzsuchen/1\r\n", "Z\xc3\xbcge \\\"x\\\""}},
    {"POST",
     SEARCHES,
     JSON,
     "{\"patient_id\":7}",
     400,
     {"\"message\":\"", "\"search_id\":1}"}},
    {"POST", SEARCHES, JSON, "{\"patient_id\":99}", 404, {"Patient 99 not"}},
    {"POST",
     SEARCHES,
     JSON,
     "{\"patient_id\":9}",
     400,
     {"\"patient_id\":9}", "krankenkasse", "/patient/krankenkasse"}},
    {"POST", SEARCHES, JSON, "{}", 400, {"/patient_id"}},
    {"POST", SEARCHES, JSON, "{\"patient_id\":\"x\"}", 400, {"/patient_id"}},
    {"POST", SEARCHES, JSON, "{\"patient_id\":", 400, {"PSM_ERR_PARSE"}},
    {"POST", SEARCHES, JSON, "[]", 400, {"PSM_ERR_SCHEMA"}},
    {"POST", SEARCHES, NULL, "{\"patient_id\":8}", 415, {NULL}},
    {"POST",
     SEARCHES,
     JSON "\nIdempotency-Key: a",
     "{\"patient_id\":8}",
     201,
     {"\"id\":2,"}},
    {"POST",
     SEARCHES,
     JSON "\nIdempotency-Key: a",
     "{\"patient_id\":8}",
     201,
     {"\"id\":2,", "Idempotency-Replayed: true"}},
    {"GET",
     SEARCHES "/1",
     NULL,
     NULL,
     200,
     {"\"patient\":{", "\"vorname\":\"Anna\"",
      "\"aktive_anfragen\":0,\"gesamt_anfragen\":0,\"anfrage_verlauf\":[]}",
      "ETag: \"1\"\r\n"}},
    {"GET", SEARCHES "/9", NULL, NULL, 404, {"Patient search not found"}},
    {"GET", SEARCHES "/01", NULL, NULL, 404, {"Patient search not found"}},
    {"PUT",
     SEARCHES "/1",
     JSON,
     "{\"status\":null,\"notizen\":\"neu\",\"ausgeschlossene_therapeuten\":"
     "[4],\"id\":77}",
     200,
     {"{\"id\":1,", "\"notizen\":\"neu\"",
      "\"ausgeschlossene_therapeuten\":[4]",
      "\"message\":\"Patient search updated successfully\"}"}},
    {"PUT",
     SEARCHES "/1",
     JSON "\nIf-Match: \"1\"",
     "{\"notizen\":\"alt\"}",
     412,
     {NULL}},
    {"PUT",
     SEARCHES "/1",
     JSON "\nIf-Match: \"2\"",
     "{\"notizen\":\"neu\"}",
     200,
     {"already"}},
    {"PUT", SEARCHES "/1", JSON, "{\"status\":\"weg\"}", 400, {"aktiv"}},
    {"PUT", SEARCHES "/1", JSON, "{\"status\":\"aktiv\"}", 200, {"already"}},
    {"PUT", SEARCHES "/9", JSON, "{}", 404, {"Patient search not found"}},
    {"PATCH",
     SEARCHES "/1",
     MERGE,
     "{\"notizen\":null}",
     200,
     {"\"notizen\":"
      "null"}},
    {"PATCH", SEARCHES "/1", JSON, "{}", 415, {NULL}},
    {"PATCH", SEARCHES "/1", MERGE, "{\"id\":3}", 400, {"/id"}},
    {"POST",
     SEARCHES "/1/kontaktanfrage",
     JSON,
     "{\"requested_count\":5,\"notizen\":\"mehr\"}",
     200,
     {"\"search_id\":1", "\"previous_total\":0", "\"new_total\":5",
      "\"message\":\""}},
    {"POST",
     SEARCHES "/1/kontaktanfrage",
     JSON,
     "{\"requested_count\":0}",
     400,
     {"/requested_count"}},
    {"POST",
     SEARCHES "/1/pausieren",
     NULL,
     NULL,
     200,
     {"Patient search 1 paused"}},
    {"POST",
     SEARCHES "/1/pausieren",
     JSON,
     "{\"grund\":\"Urlaub\"}",
     409,
     {"pausiert"}},
    {"POST", SEARCHES "/1/pausieren", JSON, "{\"grund\":7}", 400, {"/grund"}},
    {"POST",
     SEARCHES "/1/kontaktanfrage",
     JSON,
     "{\"requested_count\":5}",
     400,
     {"PSM_ERR_CONFLICT"}},
    {"POST", SEARCHES "/1/fortsetzen", JSON, "{}", 200, {"resumed"}},
    {"POST",
     SEARCHES "/1/ausschliessen",
     JSON,
     "{\"therapist_id\":5,\"grund\":\"x\"}",
     200,
     {"excludes"}},
    {"POST", SEARCHES "/1/ausschliessen", JSON, "{}", 400, {"therapist_id"}},
    {"GET",
     SEARCHES "?status=aktiv&limit=1",
     NULL,
     NULL,
     200,
     {"{\"data\":[{\"id\":2,\"patient_id\":8,\"patienten_name\":\"Anna "
      "Beispiel\",\"status\":\"aktiv\"",
      "\"aktive_anfragen\":0,\"gesamt_anfragen\":0,\"ausgeschlossene_"
      "therapeuten_anzahl\":0,\"offen_fuer_gruppentherapie\":true}]",
      "\"page\":1,\"limit\":1,\"total\":2}"}},
    {"GET",
     SEARCHES "?patient_id=7&limit=x&page=0&unknown=1",
     NULL,
     NULL,
     200,
     {"\"ausgeschlossene_therapeuten_anzahl\":2", "\"limit\":20,\"total\":1"}},
    {"GET", SEARCHES "?min_anfragen=1", NULL, NULL, 200, {"\"total\":0"}},
    {"GET", SEARCHES "?max_anfragen=0", NULL, NULL, 200, {"\"total\":2"}},
    {"GET", SEARCHES "?status=weg", NULL, NULL, 400, {"aktiv"}},
    {"GET",
     SEARCHES "?patient_id=%27",
     NULL,
     NULL,
     400,
     {"\"message\":\"patient_id: want an integer\""}},
    /* Numbers that no row can have select none. */
    {"GET", SEARCHES "?patient_id=-1", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     SEARCHES "?patient_id=2147483648",
     NULL,
     NULL,
     200,
     {"\"data\":[]"}},
    {"GET",
     SEARCHES "?patient_id=99999999999999999999",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"GET", SEARCHES "?min_anfragen=-1", NULL, NULL, 200, {"\"total\":2"}},
    {"GET",
     SEARCHES "/1/ausschlussgruende?therapist_id=5",
     NULL,
     NULL,
     200,
     {"\"fits\":false", "\"reason\":\"excluded\""}},
    {"GET", SEARCHES "/1/ausschlussgruende", NULL, NULL, 400, {"therapist_id"}},
    {"GET",
     SEARCHES "/9/ausschlussgruende?therapist_id=5",
     NULL,
     NULL,
     404,
     {NULL}},
    {"GET", SEARCHES "/unvollstaendig", NULL, NULL, 200, {"\"data\":[]"}},
    {"POST", SEARCHES "/2/abbrechen", JSON, "{}", 200, {"cancelled"}},
    {"PUT",
     SEARCHES "/2",
     JSON,
     "{\"status\":\"aktiv\"}",
     409,
     {"abgebrochen", "aktiv"}},
    {"DELETE",
     SEARCHES "/2",
     NULL,
     NULL,
     200,
     {"Patient search deleted successfully"}},
    {"DELETE", SEARCHES "/2", NULL, NULL, 404, {"Patient search not found"}},
};

START_TEST(searches)
{
	add_patient(7, "10115");
	add_patient(8, "10115");
	add_patient(9, "10115");
	pg_run("UPDATE matching_service.patienten_kopie SET krankenkasse = "
	       "' ' WHERE id = 9");
	STEPS(searches_steps);
	ck_assert_int_eq(events("search.status_changed"), 5);
}
END_TEST

/* -- inquiries */

#define INQUIRIES "/api/therapeutenanfragen"

static const struct step inquiries_steps[] = {
    {"GET",
     "/api/therapeuten-zur-auswahl?plz_prefix=10",
     NULL,
     NULL,
     200,
     {"\"plz_prefix\":\"10\",\"total\":2,\"data\":[{\"id\":5,",
      "\"anrede\":\"Frau\"", "\"psychotherapieverfahren\":"}},
    {"GET", "/api/therapeuten-zur-auswahl", NULL, NULL, 400, {"plz_prefix"}},
    {"GET",
     "/api/therapeuten-zur-auswahl?plz_prefix=1%25",
     NULL,
     NULL,
     400,
     {"plz_prefix"}},
    {"GET",
     INQUIRIES "/moeglich?therapist_id=5&plz_prefix=10",
     NULL,
     NULL,
     200,
     {"\"therapist_id\":5", "\"total\":2"}},
    {"GET", INQUIRIES "/moeglich", NULL, NULL, 400, {"therapist_id"}},
    {"GET", INQUIRIES "/moeglich?therapist_id=99", NULL, NULL, 404, {NULL}},
    {"GET", INQUIRIES, NULL, NULL, 200, {"\"total\":0", "\"summary\":{"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":5,\"plz_prefix\":\"1\"}",
     400,
     {"plz_prefix"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"plz_prefix\":\"10\"}",
     400,
     {"therapist_id"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":99,\"plz_prefix\":\"10\",\"sofort_senden\":\"ja\"}",
     400,
     {"\"/sofort_senden\""}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":99,\"plz_prefix\":\"10\"}",
     200,
     {"\"therapist_id\":99", "\"plz_prefix\":\"10\"", "!\"anfrage_id\":1"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":4,\"plz_prefix\":\"20\"}",
     200,
     {"{\"therapist_id\":4,", "\"anfragegroesse\":0", "!anfrage_id",
      "\"gesendet\":false,\"message\":\"No eligible patients found\"}"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":5,\"plz_prefix\":\"10\",\"sofort_senden\":false}",
     201,
     {"\"anfrage_id\":1,\"therapist_id\":5", "\"anfragegroesse\":2",
      "\"patient_ids\":[7,8]", "\"gesendet\":false"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":5,\"plz_prefix\":\"10\",\"sofort_senden\":null}",
     409,
     {NULL}},
    {"GET",
     INQUIRIES "?versand_status=ungesendet",
     NULL,
     NULL,
     200,
     {"\"id\":1,\"therapist_id\":5,\"therapeuten_name\":\"Dr. Berta Baum\"",
      "\"tage_seit_versand\":null,\"antworttyp\":null,\"anfragegroesse\":2",
      "\"summary\":{\"total_anfragen\":1,\"unsent_anfragen\":1,\"pending_"
      "responses\":0,\"needing_follow_up\":0}",
      "\"total\":1"}},
    {"PUT",
     INQUIRIES "/1/antwort",
     JSON,
     "{\"patient_responses\":{\"7\":\"angenommen\",\"8\":\"angenommen\"}}",
     400,
     {"PSM_ERR_TRANSITION"}},
    {"POST",
     INQUIRIES "/1/senden",
     NULL,
     NULL,
     200,
     {"\"anfrage_id\":1", "\"communication_type\":\"email\"",
      "\"email_id\":1,\"phone_call_id\":null,\"sent_date\":\"20",
      "\"message\":\"Anfrage sent successfully\""}},
    {"POST",
     INQUIRIES "/1/senden",
     JSON,
     "{}",
     400,
     {"\"sent_date\":\"20", "\"message\":\"", "sent"}},
    {"POST", INQUIRIES "/9/senden", NULL, NULL, 404, {"Anfrage not found"}},
    {"GET",
     INQUIRIES "?antwort_status=ausstehend&nachverfolgung_erforderlich=false"
               "&min_size=2&max_size=2&therapist_id=5",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"pending_responses\":1", "\"tage_seit_versand\":0",
      "\"antwort_vollstaendig\":false"}},
    {"GET",
     INQUIRIES "?nachverfolgung_erforderlich=true",
     NULL,
     NULL,
     200,
     {"\"total\":0"}},
    {"GET", INQUIRIES "?versand_status=weg", NULL, NULL, 400, {"gesendet"}},
    {"GET", INQUIRIES "?antwort_status=weg", NULL, NULL, 400, {"ausstehend"}},
    {"GET", INQUIRIES "?min_size=x", NULL, NULL, 400, {"min_size"}},
    {"GET",
     INQUIRIES "?therapist_id=2147483648",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"GET",
     INQUIRIES "?max_size=-99999999999999999999",
     NULL,
     NULL,
     200,
     {"\"total\":0"}},
    {"GET",
     INQUIRIES "/1",
     NULL,
     NULL,
     200,
     {"\"therapist\":{",
      "\"antwort_zusammenfassung\":{\"total_accepted\":0,"
      "\"total_rejected\":0,\"total_no_response\":0,"
      "\"antwort_vollstaendig\":false}",
      "\"patients\":[{\"position\":1,\"patient_id\":7,\"platzsuche_id\":1,"
      "\"search_created_at\":\"2026-01-01T00:00:00",
      "\"patient\":{"}},
    {"GET", INQUIRIES "/9", NULL, NULL, 404, {"Anfrage not found"}},
    {"GET", INQUIRIES "/x", NULL, NULL, 404, {"Anfrage not found"}},
    {"PUT",
     INQUIRIES "/1/antwort",
     JSON,
     "{\"patient_responses\":{\"7\":\"vielleicht\",\"99\":\"angenommen\"}}",
     400,
     {"\"missing_patient_ids\":[8]", "\"extra_patient_ids\":[99]",
      "\"valid_outcomes\":[\"angenommen\",\"abgelehnt_Kapazitaet\""}},
    {"PUT", INQUIRIES "/1/antwort", JSON, "{}", 400, {"patient_responses"}},
    {"PUT",
     INQUIRIES "/1/antwort",
     JSON,
     "{\"patient_responses\":{\"7\":\"angenommen\",\"8\":"
     "\"abgelehnt_sonstiges\"},\"notizen\":\"am Telefon\","
     "\"follow_up_required\":true}",
     200,
     {"\"response_type\":\"teilweise_Annahme\"",
      "\"angenommene_patienten\":[{\"patient_id\":7,\"platzsuche_id\":1}]",
      "\"antwort_zusammenfassung\":{\"accepted\":1,\"rejected\":1,\"no_"
      "response\":0}",
      "\"message\":\""}},
    {"PUT",
     INQUIRIES "/1/antwort",
     JSON,
     "{\"patient_responses\":{\"7\":\"angenommen\",\"8\":\"angenommen\"}}",
     409,
     {"PSM_ERR_CONFLICT"}},
    {"PUT",
     INQUIRIES "/1/antwort",
     JSON,
     "{\"patient_responses\":{\"7\":\"angenommen\",\"8\":\"angenommen\"},"
     "\"correction\":true}",
     200,
     {"\"response_type\":\"vollstaendige_Annahme\""}},
    {"GET",
     INQUIRIES "?antwort_status=beantwortet",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"antwort_vollstaendig\":true"}},
    {"GET",
     SEARCHES "/1",
     NULL,
     NULL,
     200,
     {"\"status\":\"erfolgreich\"",
      "\"anfrage_verlauf\":[{\"anfrage_id\":1,\"therapist_id\":5,"
      "\"therapeuten_name\":\"Dr. Berta Baum\",\"position\":1,"
      "\"status\":\"angenommen\",\"outcome\":\"angenommen\""}},
    {"GET", INQUIRIES "/konflikte", NULL, NULL, 200, {"[]"}},
    {"GET",
     INQUIRIES "/patienten?patient_id=7",
     NULL,
     NULL,
     200,
     {"\"total\":1", "\"antwortergebnis\":\"angenommen\""}},
    {"DELETE", SEARCHES "/1", NULL, NULL, 409, {"PSM_ERR_CONFLICT"}},
    {"POST",
     INQUIRIES "/1/stornieren",
     JSON,
     "{\"grund\":\"doch nicht\"}",
     409,
     {NULL}},
    {"POST", INQUIRIES "/1/stornieren", JSON, "{}", 400, {"grund"}},
    {"DELETE", INQUIRIES "/1?force=false", NULL, NULL, 409, {NULL}},
    {"DELETE", INQUIRIES "/1?force=x", NULL, NULL, 400, {"force"}},
    {"DELETE",
     INQUIRIES "/1",
     NULL,
     NULL,
     200,
     {"Anfrage deleted successfully"}},
    {"DELETE", INQUIRIES "/1", NULL, NULL, 404, {"Anfrage not found"}},
    {"GET",
     "/api/berichte/vermittlung?from=2026-01-01&to=2026-12-31&by=week,area",
     NULL,
     NULL,
     200,
     {"\"by\":[\"week\",\"area\"]", "\"rows\":["}},
    {"GET", "/api/berichte/vermittlung", NULL, NULL, 400, {"from"}},
    {"GET", "/api/antwortvorschlaege", NULL, NULL, 200, {"[]"}},
    {"GET", "/api/antwortvorschlaege?limit=0", NULL, NULL, 400, {"limit"}},
    {"POST", "/api/antwortvorschlaege/4/bestaetigen", NULL, NULL, 404, {"4"}},
    {"POST", "/api/antwortvorschlaege/4/verwerfen", JSON, "{}", 404, {"4"}},
};

START_TEST(inquiries)
{
	add_therapist(4, "NULL");
	add_therapist(5, "'berta@example.org'");
	add_therapist(6, "NULL");
	for (int id = 7; id < 9; id++) {
		add_patient(id, "10115");
		pg_run("INSERT INTO matching_service.platzsuche (patient_id, "
		       "created_at) VALUES (%d, '2026-01-01')",
		       id);
	}
	pg_run("UPDATE matching_service.therapeuten_kopie SET plz = '20117' "
	       "WHERE id = 4");
	STEPS(inquiries_steps);
}
END_TEST

/* -- sending at once */

static const struct step at_once_steps[] = {
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON "\nIdempotency-Key: k",
     "{\"therapist_id\":6,\"plz_prefix\":\"10\",\"sofort_senden\":true}",
     201,
     {"\"gesendet\":true", "\"anfrage_id\":1,"}},
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON "\nIdempotency-Key: k",
     "{\"therapist_id\":6,\"plz_prefix\":\"10\",\"sofort_senden\":true}",
     201,
     {"\"gesendet\":true", "\"anfrage_id\":1,", "Idempotency-Replayed"}},
    /* Neither mail address nor telephone: made, but not sent. */
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":4,\"plz_prefix\":\"10\",\"sofort_senden\":true}",
     201,
     {"\"gesendet\":false", "not sent", "\"anfragegroesse\":1"}},
    {"GET",
     INQUIRIES "/1/entfernungen",
     NULL,
     NULL,
     200,
     {"{\"anfrage_id\" : 1,", "\"patient_id\" : 7,", "\"not_asked\""}},
    {"POST",
     INQUIRIES "/1/entfernungen",
     NULL,
     NULL,
     202,
     {"{\"anfrage_id\" : 1,", "\"patient_id\" : 7,", "\"pending\""}},
    {"GET", INQUIRIES "/9/entfernungen", NULL, NULL, 404, {"not found"}},
    {"POST", INQUIRIES "/9/entfernungen", NULL, NULL, 404, {"not found"}},
    {"GET",
     INQUIRIES,
     NULL,
     NULL,
     200,
     {"\"total\":2", "\"unsent_anfragen\":1,\"pending_responses\":1"}},
    {"POST",
     INQUIRIES "/2/stornieren",
     JSON,
     "{\"grund\":\"doch nicht\"}",
     404,
     {NULL}},
    {"POST",
     INQUIRIES "/3/stornieren",
     JSON,
     "{\"grund\":\"doch nicht\"}",
     200,
     {"cancelled"}},
    {"POST", INQUIRIES "/3/senden", NULL, NULL, 400, {"!sent_date\":"}},
};

START_TEST(sending_at_once)
{
	add_therapist(4, "NULL");
	add_therapist(6, "NULL");
	pg_run("UPDATE matching_service.therapeuten_kopie SET telefon = NULL "
	       "WHERE id = 4");
	add_patient(7, "10115");
	pg_run("INSERT INTO matching_service.platzsuche (patient_id) VALUES "
	       "(7)");
	STEPS(at_once_steps);
	ck_assert_int_eq(events("therapeutenanfrage.sent"), 1);
	ck_assert_int_eq(events("therapeutenanfrage.created"), 2);
	ck_assert_int_eq(events("geocoding.calculate_distance"), 1);
}
END_TEST

static const struct step refused_steps[] = {
    {"POST",
     INQUIRIES "/erstellen-fuer-therapeut",
     JSON,
     "{\"therapist_id\":6,\"plz_prefix\":\"10\",\"sofort_senden\":true}",
     201,
     {"\"gesendet\":false", "not sent: refused for good\"", "!Baum"}},
};

/* Why the database fails is nobody's business. */
START_TEST(refused_by_the_database)
{
	add_therapist(6, "NULL");
	add_patient(7, "10115");
	pg_run("INSERT INTO matching_service.platzsuche (patient_id) VALUES "
	       "(7)");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION ''Baum''; END'");
	pg_run("CREATE TRIGGER refuse BEFORE UPDATE ON "
	       "matching_service.therapeutenanfrage FOR EACH ROW WHEN "
	       "(NEW.gesendet_datum IS NOT NULL) EXECUTE FUNCTION refuse()");
	STEPS(refused_steps);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"matching", "communication", NULL};
	Suite *s = suite_create("rest_matching");
	TCase *tc = tcase_create("matching");

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	tcase_add_checked_fixture(tc, set_up_matching, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, searches);
	tcase_add_test(tc, inquiries);
	tcase_add_test(tc, sending_at_once);
	tcase_add_test(tc, refused_by_the_database);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
