/* SPDX-License-Identifier: BSD-2-Clause */
/* What events do to the matching service's tables. */
#include "app/app.h"
#include "testing_matching.h"

/* Therapists, patients, searches and inquiries of the sample file. */
static int
load(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *text;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/examples/data/patients.json",
	               top ? top : ".");
	text = testing_read(path, NULL);
	rc = psm_matching_load(st, text, err);
	free(text);
	return rc;
}

static void
setup_loaded(void)
{
	setup();
	receive(adelheid("therapist.created", ", \"status\": \"aktiv\"}"));
	receive(therapist("therapist.created", ALARICH, "Alarich",
	                  "Fantasieberger", "10115",
	                  ", \"status\": \"aktiv\"}"));
	receive(therapist("therapist.created", EDELTRAUD, "Edeltraud",
	                  "Scheinwälder", "20095", ", \"status\": \"aktiv\"}"));
	ck_assert_msg(load() == 6, "%s", psm_error_message(err));
}

static int64_t
inquiries(const char *where)
{
	return pg_int("SELECT count(*) FROM "
	              "matching_service.therapeutenanfrage WHERE %s",
	              where);
}

static int64_t
searches(const char *where)
{
	return pg_int("SELECT count(*) FROM matching_service.platzsuche "
	              "WHERE %s",
	              where);
}

/* How often a row was changed. */
static int64_t
version_of(const char *entity, const char *table, const char *where)
{
	return pg_int("SELECT coalesce(sum(version), 0) FROM "
	              "psymatch.entity_version WHERE entity = '%s' AND id IN "
	              "(SELECT id FROM matching_service.%s WHERE %s)",
	              entity, table, where);
}

static char *
state(void)
{
	return pg_text(
	    "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM ("
	    "SELECT t::text AS line FROM matching_service.platzsuche t UNION "
	    "ALL SELECT t::text FROM matching_service.therapeutenanfrage t "
	    "UNION ALL SELECT t::text FROM "
	    "matching_service.therapeut_anfrage_patient t UNION ALL SELECT "
	    "t::text FROM matching_service.therapeuten_kopie t UNION ALL "
	    "SELECT t::text FROM matching_service.patienten_kopie t UNION ALL "
	    "SELECT t::text FROM psymatch.entity_version t UNION ALL "
	    "SELECT id::text FROM psymatch.outbox) x");
}

static void
check_state(char *before)
{
	char *now = state();

	ck_assert_str_eq(now, before);
	free(now);
	free(before);
}

/* In every inquiry the rows are as many as its size, at places 1, 2, ... */
static void
check_invariants(void)
{
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeutenanfrage a "
	           "WHERE anfragegroesse <> (SELECT count(*) FROM "
	           "matching_service.therapeut_anfrage_patient m WHERE "
	           "m.therapeutenanfrage_id = a.id)"),
	    0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT position_in_anfrage, "
	           "row_number() OVER (PARTITION BY therapeutenanfrage_id "
	           "ORDER BY position_in_anfrage) AS n FROM "
	           "matching_service.therapeut_anfrage_patient) x "
	           "WHERE position_in_anfrage <> n"),
	    0);
}

static int
names(const char *(*at)(const psm_event_type_info *t, size_t i),
      const psm_event_type_info *t, const char *service)
{
	size_t i;

	for (i = 0; at(t, i) != NULL; i++)
		if (strcmp(at(t, i), service) == 0)
			return 1;
	return 0;
}

/* The services of this tree that handle events. */
static const struct {
	const char *name;
	const char *(*type_at)(size_t i);
} services[] = {{"communication-service", psm_communication_type_at},
                {"geocoding-service", psm_geo_type_at},
                {"matching-service", psm_matching_type_at},
                {"patient-service", psm_patient_type_at},
                {"therapist-service", psm_therapist_type_at}};

static int
is_registered(size_t service, const char *type)
{
	const char *known;

	for (size_t i = 0; (known = services[service].type_at(i)) != NULL; i++)
		if (strcmp(known, type) == 0)
			return 1;
	return 0;
}

/* Each type that the catalogue gives to the service, but for what it says is
 * not written yet, and no other one. */
START_TEST(the_catalogue_says_what_is_handled)
{
	const psm_event_type_info *t;
	size_t i, k, registered[PSM__COUNT(services)] = {0};

	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		const char *type = psm_catalogue_type_name(t);

		for (k = 0; k < PSM__COUNT(services); k++) {
			const char *name = services[k].name;
			int is = is_registered(k, type);

			ck_assert_msg(is ==
			                  (names(psm_catalogue_type_consumer_at,
			                         t, name) &&
			                   !names(psm_catalogue_type_planned_at,
			                          t, name)),
			              "%s: %s", name, type);
			registered[k] += (size_t)is;
		}
	}
	for (k = 0; k < PSM__COUNT(services); k++) {
		for (i = 0; services[k].type_at(i) != NULL; i++)
			continue;
		/* None that the catalogue does not know. */
		ck_assert_uint_eq(registered[k], i);
	}
}
END_TEST

/* -- load */

START_TEST(load_once)
{
	char *before;

	ck_assert_int_eq(patients("true"), 8);
	ck_assert_int_eq(searches("status = 'aktiv'"), 7);
	ck_assert_int_eq(searches("status = 'pausiert'"), 1);
	ck_assert_int_eq(inquiries("gesendet_datum IS NULL"), 4);
	ck_assert_int_eq(inquiries("gesendet_datum IS NOT NULL"), 2);
	ck_assert_int_eq(outbox("search.status_changed"), 8);
	ck_assert_int_eq(outbox("therapeutenanfrage.created"), 6);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 2);
	check_invariants();
	before = state();
	ck_assert_int_eq(load(), 0);
	check_state(before);
	/* Events know better than the file. */
	receive(make("patient.updated",
	             "{\"patient_id\": 1, \"patient_data\": {\"id\": 1, "
	             "\"plz\": \"10999\"}}"));
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(patients("id = 1 AND plz = '10999'"), 1);
}
END_TEST

START_TEST(load_refused)
{
	static const struct {
		const char *json, *pointer;
		int code;
	} cases[] = {
	    {"{}", "/patients", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{}]}", "/patients/0", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1}, {\"id\": 2, \"symptome\": "
	     "[\"Fernweh\"]}]}",
	     "/patients/1/symptome/0", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": {\"status\": \"neu\"}}]}",
	     "/patients/0/search/status", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": 1}]}",
	     "/patients/0/search", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": {\"created_at\": "
	     "\"yesterday\"}}]}",
	     "/patients/0/search/created_at", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": "
	     "{\"ausgeschlossene_therapeuten\": 4711}}]}",
	     "/patients/0/search/ausgeschlossene_therapeuten", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": {}}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"A\", \"nachname\": \"B\", "
	     "\"plz\": \"1\"}, \"patients\": [1]}]}",
	     "/inquiries/0", PSM_ERR_NOT_FOUND},
	    {"{\"patients\": [{\"id\": 1}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"Adelheid\", \"nachname\": "
	     "\"Musterbaum\", \"plz\": \"10115\"}, \"patients\": [1]}]}",
	     "/inquiries/0", PSM_ERR_NOT_FOUND},
	    {"{\"patients\": [{\"id\": 1}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"Adelheid\", \"nachname\": "
	     "\"Musterbaum\", \"plz\": \"10115\"}, \"patients\": []}]}",
	     "/inquiries/0", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": {}}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"Adelheid\", \"nachname\": "
	     "\"Musterbaum\", \"plz\": \"10115\"}, \"patients\": [1], "
	     "\"sent_at\": \"yesterday\"}]}",
	     "/inquiries/0", PSM_ERR_SCHEMA},
	    {"{\"patients\": [{\"id\": 1, \"search\": {}}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"Zwei\", \"nachname\": \"Mal\", "
	     "\"plz\": \"10115\"}, \"patients\": [1]}]}",
	     "/inquiries/0", PSM_ERR_AMBIGUOUS},
	    {"{\"patients\": [{\"id\": 1, \"search\": {}}], \"inquiries\": "
	     "[{\"therapist\": {\"vorname\": \"Ge\", \"nachname\": \"Sperrt\", "
	     "\"plz\": \"10115\"}, \"patients\": [1]}]}",
	     "/inquiries/0", PSM_ERR_CONFLICT},
	};

	receive(adelheid("therapist.created", "}"));
	receive(
	    therapist("therapist.created", 21, "Zwei", "Mal", "10115", "}"));
	receive(
	    therapist("therapist.created", 22, "Zwei", "Mal", "10115", "}"));
	receive(therapist("therapist.created", 23, "Ge", "Sperrt", "10115",
	                  ", \"status\": \"gesperrt\"}"));
	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		ck_assert_msg(psm_matching_load(st, cases[i].json, err) ==
		                  cases[i].code,
		              "%s: %s", cases[i].json, psm_error_message(err));
		ck_assert_str_eq(psm_error_pointer(err), cases[i].pointer);
		ck_assert_uint_gt(psm_error_line(err), 0);
	}
	ck_assert_int_eq(psm_matching_load(st, "{", err), PSM_ERR_PARSE);
	ck_assert_int_eq(psm_matching_load(st, NULL, err), PSM_ERR_INVAL);
	/* All or nothing. */
	ck_assert_int_eq(patients("true") + searches("true") +
	                     inquiries("true") +
	                     pg_int("SELECT count(*) FROM psymatch.outbox"),
	                 0);
}
END_TEST

START_TEST(one_active_search)
{
	psm_tx *tx;

	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_tx_exec(tx,
	                             "INSERT INTO matching_service.platzsuche "
	                             "(patient_id) VALUES (1)",
	                             0, NULL, NULL, err),
	                 PSM_ERR_CONFLICT);
	psm_tx_rollback(tx);
}
END_TEST

static psm_event *
deleted(int patient)
{
	char payload[100];

	(void)snprintf(payload, sizeof(payload),
	               "{\"patient_id\": %d, \"additional_data\": {\"id\": "
	               "%d}, \"id\": %d}",
	               patient, patient, patient);
	return make("patient.deleted", payload);
}

/* -- blocked therapists */

START_TEST(blocked)
{
	char *before;
	psm_event *ev = adelheid("therapist.blocked",
	                         ", \"status\": \"gesperrt\"}, \"reason\": "
	                         "\"zieht um\\n[x] forged\"");

	ck_assert_int_eq(handle(ev), 0);
	/* The two unsent ones are cancelled, with the event's time. */
	ck_assert_int_eq(
	    inquiries("therapist_id = 11 AND gesendet_datum IS NULL AND "
	              "storniert_datum = '2026-03-02 10:00:03' AND "
	              "storniert_grund LIKE 'zieht um%%' AND notizen = "
	              "E'[2026-03-02 10:00 (System)] Cancelled: zieht um\\n    "
	              "[x] forged'"),
	    2);
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 2);
	/* Those whose inquiry waits for an answer do not get her again. */
	ck_assert_int_eq(
	    searches("ausgeschlossene_therapeuten @> '[{\"id\": 11, "
	             "\"excluded_at\": \"2026-03-02T10:00:03.000000Z\", "
	             "\"reason\": \"Therapist blocked: zieht um\\n[x] "
	             "forged\"}]'"),
	    2);
	ck_assert_int_eq(searches("patient_id IN (4, 5) AND "
	                          "jsonb_array_length("
	                          "ausgeschlossene_therapeuten) = 1"),
	                 2);
	ck_assert_int_eq(searches("patient_id = 1 AND "
	                          "ausgeschlossene_therapeuten = '[]'"),
	                 1);
	/* Who read one of these rows before does not overwrite that. */
	ck_assert_int_eq(version_of("search", "platzsuche", "patient_id = 4"),
	                 2);
	ck_assert_int_eq(version_of("search", "platzsuche", "patient_id = 1"),
	                 1);
	ck_assert_int_eq(version_of("inquiry", "therapeutenanfrage",
	                            "storniert_datum IS NOT NULL"),
	                 2);
	check_invariants();
	before = state();
	ck_assert_int_eq(handle(ev), 0);
	check_state(before);
	psm_event_free(ev);
}
END_TEST

START_TEST(fault_S6_blocked_without_reason)
{
	receive(adelheid("therapist.blocked",
	                 ", \"status\": \"gesperrt\"}, \"reason\": null"));
	ck_assert_int_eq(inquiries("storniert_grund = 'Therapist blocked'"), 2);
	ck_assert_int_eq(
	    searches("ausgeschlossene_therapeuten @> '[{\"id\": 11, "
	             "\"reason\": \"Therapist blocked\"}]'"),
	    2);
	/* Other searches than active ones are left alone. */
	ck_assert_int_eq(searches("ausgeschlossene_therapeuten <> '[]'"), 3);
}
END_TEST

START_TEST(fault_S7_blocked_excludes_from_active_searches)
{
	pg_run("UPDATE matching_service.platzsuche SET status = 'pausiert' "
	       "WHERE patient_id = 4");
	pg_run("UPDATE matching_service.platzsuche SET "
	       "ausgeschlossene_therapeuten = '[3, 11]' WHERE patient_id = 5");
	receive(adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}"));
	ck_assert_int_eq(searches("patient_id = 4 AND "
	                          "ausgeschlossene_therapeuten = '[]'"),
	                 1);
	ck_assert_int_eq(searches("patient_id = 5 AND "
	                          "ausgeschlossene_therapeuten = '[3, 11]' AND "
	                          "updated_at IS NULL"),
	                 1);
}
END_TEST

START_TEST(blocked_leaves_answered_alone)
{
	pg_run("UPDATE matching_service.therapeutenanfrage SET antwort_datum = "
	       "now() WHERE gesendet_datum IS NOT NULL");
	receive(adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}"));
	ck_assert_int_eq(searches("patient_id IN (4, 5) AND "
	                          "ausgeschlossene_therapeuten = '[]'"),
	                 2);
}
END_TEST

/* An answer to what nobody sent: a row of an adopted database. It is history,
 * and does not keep the others from being cancelled. */
START_TEST(answered_without_sending)
{
	pg_run("UPDATE matching_service.therapeutenanfrage SET antwort_datum = "
	       "now() WHERE id = (SELECT min(id) FROM "
	       "matching_service.therapeutenanfrage WHERE therapist_id = 11 "
	       "AND gesendet_datum IS NULL)");
	receive(adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}"));
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 1);
	pg_run("UPDATE matching_service.therapeutenanfrage SET antwort_datum = "
	       "now() WHERE gesendet_datum IS NULL AND storniert_datum IS "
	       "NULL");
	for (int patient = 1; patient <= 8; patient++)
		receive(deleted(patient));
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 1);
	check_invariants();
}
END_TEST

/* Nobody can send a cancelled inquiry, whatever program tries. */
START_TEST(cancelled_is_not_sendable)
{
	psm_tx *tx;

	receive(adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}"));
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(
	    psm_tx_exec(tx,
	                "UPDATE matching_service.therapeutenanfrage SET "
	                "gesendet_datum = now() WHERE storniert_datum IS NOT "
	                "NULL",
	                0, NULL, NULL, err),
	    PSM_ERR_SCHEMA);
	psm_tx_rollback(tx);
}
END_TEST

/* A block that comes late, when it is over, does no harm. */
START_TEST(late_block)
{
	psm_event *block, *over;
	char *before;

	block = adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}");
	over = adelheid("therapist.unblocked", ", \"status\": \"aktiv\"}");
	ck_assert_int_eq(handle(over), 0);
	before = state();
	ck_assert_int_eq(handle(block), 0);
	check_state(before);
	psm_event_free(block);
	psm_event_free(over);
}
END_TEST

/* A later update that came first and says the same: the rest is done. */
START_TEST(late_block_of_one_who_is_still_blocked)
{
	psm_event *block =
	    adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}");

	receive(adelheid("therapist.updated",
	                 ", \"status\": \"gesperrt\", \"telefon\": \"1\"}"));
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 0);
	ck_assert_int_eq(handle(block), 0);
	psm_event_free(block);
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 2);
	ck_assert_int_eq(
	    searches("ausgeschlossene_therapeuten @> '[{\"id\": 11}]'"), 2);
	ck_assert_int_eq(copies("id = 11 AND telefon = '1'"), 1);
}
END_TEST

/* Unblocking gives nothing back: a person looks at the exclusions. */
START_TEST(unblocked)
{
	receive(adelheid("therapist.blocked", ", \"status\": \"gesperrt\"}"));
	receive(adelheid("therapist.unblocked", ", \"status\": \"aktiv\"}"));
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 2);
	ck_assert_int_eq(searches("ausgeschlossene_therapeuten <> '[]'"), 3);
	ck_assert_int_eq(copies("id = 11 AND status = 'aktiv'"), 1);
}
END_TEST

/* -- deleted patients */

START_TEST(fault_32_S8_patient_deleted)
{
	psm_event *ev = deleted(2);
	char *before, *text;

	ck_assert_int_eq(handle(ev), 0);
	ck_assert_int_eq(
	    searches("patient_id = 2 AND status = 'abgebrochen' AND notizen = "
	             "'[2026-03-02 10:00 (System)] Cancelled: Patient deleted "
	             "from system' AND updated_at = '2026-03-02 10:00:03'"),
	    1);
	text = pg_text("SELECT (payload::jsonb - 'search_id')::text FROM "
	               "psymatch.outbox WHERE type = 'search.status_changed' "
	               "ORDER BY id DESC LIMIT 1");
	ck_assert_str_eq(text,
	                 "{\"new_status\": \"abgebrochen\", \"old_status\": "
	                 "\"aktiv\", \"patient_id\": 2}");
	free(text);
	ck_assert_int_eq(outbox("search.status_changed"), 9);
	/* Out of the unsent inquiry, kept in the sent one. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM "
	           "matching_service.therapeut_anfrage_patient WHERE "
	           "patient_id = 2"),
	    1);
	ck_assert_int_eq(inquiries("gesendet_datum IS NULL AND "
	                           "anfragegroesse = 2 AND storniert_datum IS "
	                           "NULL"),
	                 1);
	ck_assert_int_eq(version_of("inquiry", "therapeutenanfrage",
	                            "gesendet_datum IS NULL AND "
	                            "anfragegroesse = 2"),
	                 1);
	check_invariants();
	/* Nothing about the person is left in the copy. */
	ck_assert_int_eq(patients("id = 2 AND geloescht AND vorname IS NULL "
	                          "AND symptome IS NULL AND geburtsdatum IS "
	                          "NULL AND plz IS NULL"),
	                 1);
	before = state();
	ck_assert_int_eq(handle(ev), 0);
	/* A late update brings nobody back. */
	receive(make("patient.updated",
	             "{\"patient_id\": 2, \"patient_data\": {\"id\": 2, "
	             "\"vorname\": \"Ulfried\"}}"));
	check_state(before);
	psm_event_free(ev);
}
END_TEST

START_TEST(patient_alone_in_an_inquiry)
{
	receive(deleted(6));
	ck_assert_int_eq(inquiries("anfragegroesse = 0 AND storniert_datum = "
	                           "'2026-03-02 10:00:03' AND storniert_grund "
	                           "= 'Patient deleted from system'"),
	                 1);
	ck_assert_int_eq(inquiries("storniert_datum IS NOT NULL"), 1);
	check_invariants();
}
END_TEST

START_TEST(patient_with_a_paused_search)
{
	receive(deleted(8));
	ck_assert_int_eq(searches("patient_id = 8 AND status = 'abgebrochen'"),
	                 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'search.status_changed' AND payload::jsonb ->> "
	           "'old_status' = 'pausiert'"),
	    1);
}
END_TEST

START_TEST(patient_whose_search_is_over)
{
	pg_run("UPDATE matching_service.platzsuche SET status = 'erfolgreich' "
	       "WHERE patient_id = 1");
	receive(deleted(1));
	ck_assert_int_eq(searches("patient_id = 1 AND status = 'erfolgreich' "
	                          "AND notizen IS NULL"),
	                 1);
	ck_assert_int_eq(outbox("search.status_changed"), 8);
	receive(deleted(77));
	ck_assert_int_eq(outbox("search.status_changed"), 8);
}
END_TEST

/* What a search that is closed at the takeover leaves in inquiries. */
START_TEST(inquiries_of_closed_searches)
{
	char *text;

	pg_run(
	    "DELETE FROM psymatch.migration WHERE set = 'matching' AND version "
	    "= 2; INSERT INTO matching_service.platzsuche (id, patient_id, "
	    "status, ausgeschlossene_therapeuten) VALUES (1, 5, 'abgebrochen', "
	    "'[]'), (2, 5, 'aktiv', '[{\"id\": 77}]'), (3, 5, 'abgebrochen', "
	    "'[]'), (9, 6, 'aktiv', '[]'); "
	    "INSERT INTO psymatch.search_closed VALUES (1, 5, 2), (3, 5, 2); "
	    "INSERT INTO matching_service.therapeutenanfrage (id, therapist_id, "
	    "anfragegroesse, gesendet_datum) VALUES (1, 70, 2, NULL), "
	    "(2, 70, 2, NULL), (3, 77, 1, NULL), (4, 70, 1, '2025-01-01'), "
	    "(5, 70, 3, NULL); "
	    "INSERT INTO matching_service.therapeut_anfrage_patient "
	    "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	    "position_in_anfrage) VALUES (1, 1, 5, 1), (1, 9, 6, 2), "
	    "(2, 1, 5, 1), (2, 3, 5, 2), (3, 1, 5, 1), (4, 1, 5, 1), "
	    "(5, 1, 5, 1), (5, 2, 5, 2), (5, 9, 6, 3)");
	OK(psm_store_migrate(st, "matching", err));
	text = pg_text(
	    "SELECT string_agg(line, ', ' ORDER BY line) FROM (SELECT "
	    "concat(a.id, ' of ', anfragegroesse, (SELECT string_agg(concat("
	    "' ', position_in_anfrage, ':', platzsuche_id), '' ORDER BY "
	    "position_in_anfrage) FROM "
	    "matching_service.therapeut_anfrage_patient m WHERE "
	    "m.therapeutenanfrage_id = a.id), CASE WHEN storniert_datum IS NOT "
	    "NULL AND storniert_grund LIKE 'The search was closed%%' THEN "
	    "' cancelled' END) AS line "
	    "FROM matching_service.therapeutenanfrage a) x");
	ck_assert_str_eq(text, "1 of 2 1:2 2:9, 2 of 1 1:2, 3 of 0 cancelled, "
	                       "4 of 1 1:1, 5 of 2 1:2 2:9");
	free(text);
}
END_TEST

/* The migration takes a database of the platform over. */
START_TEST(takeover)
{
	pg_run(
	    "SET client_min_messages = warning; "
	    "DROP SCHEMA matching_service CASCADE; "
	    "DELETE FROM psymatch.migration WHERE set = 'matching'; "
	    /* A platform has its types in public. */
	    "DROP TYPE suchstatus; "
	    "CREATE TYPE public.suchstatus AS ENUM ('aktiv', "
	    "'erfolgreich', 'pausiert', 'abgebrochen'); "
	    "CREATE SCHEMA patient_service; "
	    "CREATE TABLE patient_service.patienten (id integer PRIMARY "
	    "KEY); INSERT INTO patient_service.patienten VALUES (5); "
	    "CREATE SCHEMA matching_service; "
	    "CREATE TABLE matching_service.platzsuche (id serial PRIMARY "
	    "KEY, patient_id integer NOT NULL REFERENCES "
	    "patient_service.patienten (id) ON DELETE CASCADE, status "
	    "public.suchstatus NOT NULL DEFAULT 'aktiv', created_at timestamp NOT "
	    "NULL DEFAULT CURRENT_TIMESTAMP, updated_at timestamp, "
	    "ausgeschlossene_therapeuten jsonb NOT NULL DEFAULT '[]', "
	    "gesamt_angeforderte_kontakte integer NOT NULL DEFAULT 0, "
	    "erfolgreiche_vermittlung_datum timestamp, notizen text); "
	    "INSERT INTO matching_service.platzsuche (patient_id, "
	    "created_at, notizen, status) VALUES "
	    "(5, '2025-02-01', 'x', 'aktiv'), (5, '2025-01-01', NULL, "
	    "'aktiv'), (5, '2025-03-01', NULL, 'aktiv'), "
	    "(5, '2024-01-01', 'old', 'pausiert')");
	OK(psm_store_migrate(st, "matching", err));
	/* Of several active searches the oldest stays. */
	ck_assert_int_eq(searches("id = 2 AND status = 'aktiv' AND notizen IS "
	                          "NULL"),
	                 1);
	ck_assert_int_eq(
	    searches("id IN (1, 3) AND status = 'abgebrochen' AND updated_at "
	             "IS NOT NULL AND notizen ~ '^(x\n)?\\[[0-9: -]+ "
	             "\\(System\\)\\] Cancelled: the patient has an older "
	             "active search, number 2$'"),
	    2);
	ck_assert_int_eq(searches("id = 4 AND status = 'pausiert' AND notizen "
	                          "= 'old' AND updated_at IS NULL"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.search_closed "
	                        "WHERE patient_id = 5 AND kept_id = 2 AND "
	                        "search_id IN (1, 3) AND NOT reported"),
	                 2);
	OK(psm_store_migrate(st, "matching", err));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.aktive_suchen"),
	                 searches("status = 'aktiv'"));
	pg_run("DELETE FROM matching_service.platzsuche WHERE id <> 2; "
	       "DELETE FROM patient_service.patienten");
	ck_assert_int_eq(searches("patient_id = 5"), 1);
	receive(deleted(5));
	ck_assert_int_eq(searches("patient_id = 5 AND status = 'abgebrochen'"),
	                 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("matching");
	TCase *t = tcase_create("load");
	TCase *loaded = tcase_create("cascade");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_add_test(t, the_catalogue_says_what_is_handled);
	tcase_add_test(t, load_refused);
	tcase_add_test(t, takeover);
	tcase_add_test(t, inquiries_of_closed_searches);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(loaded, setup_loaded, app_teardown);
	tcase_add_test(loaded, load_once);
	tcase_add_test(loaded, one_active_search);
	tcase_add_test(loaded, blocked);
	tcase_add_test(loaded, fault_S6_blocked_without_reason);
	tcase_add_test(loaded, fault_S7_blocked_excludes_from_active_searches);
	tcase_add_test(loaded, blocked_leaves_answered_alone);
	tcase_add_test(loaded, answered_without_sending);
	tcase_add_test(loaded, cancelled_is_not_sendable);
	tcase_add_test(loaded, late_block);
	tcase_add_test(loaded, late_block_of_one_who_is_still_blocked);
	tcase_add_test(loaded, unblocked);
	tcase_add_test(loaded, fault_32_S8_patient_deleted);
	tcase_add_test(loaded, patient_alone_in_an_inquiry);
	tcase_add_test(loaded, patient_with_a_paused_search);
	tcase_add_test(loaded, patient_whose_search_is_over);
	suite_add_tcase(s, loaded);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
