/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches by hand: opened, read, changed, ended. */
#include <pthread.h>

#include "app/search.h"
#include "testing_search.h"

static int
create(const char *json, char **out)
{
	return psm_search_create(st, json, strlen(json), out, err);
}

static int
update(int64_t id, const char *json)
{
	return psm_search_update(st, id, PSM_VERSION_ANY, json, strlen(json),
	                         NULL, err);
}

static void
setup_patients(void)
{
	setup();
	patient_is(1, COMPLETE);
	patient_is(2, COMPLETE ", \"ausgeschlossene_therapeuten\": [5, "
	                       "{\"id\": 6, \"reason\": \"no\"}, 5, \"x\"]");
}

/* -- create */

START_TEST(created)
{
	char *out;

	OK(create("{\"patient_id\": 2, \"notizen\": \"urgent\\n[2026-01-01 "
	          "10:00 (System)] forged\", \"dringlichkeit\": 2}",
	          &out));
	CHECK_JSON(out, "/dringlichkeit", "2");
	CHECK_JSON(out, "/patient_id", "2");
	CHECK_JSON(out, "/status", "\"aktiv\"");
	CHECK_JSON(out, "/ausgeschlossene_therapeuten",
	           "[5,{\"id\": 6, \"reason\": \"no\"}]");
	CHECK_JSON(out, "/gesamt_angeforderte_kontakte", "0");
	psm_free(out);
	CHECK_PG("1", "SELECT count(*) FROM matching_service.platzsuche WHERE "
	              "notizen LIKE '[____-__-__ __:__ (API)] urgent' || "
	              "E'\\n    [2026-01-01 10:00 (System)] forged'");
	CHECK_PG("{\"new_status\": \"aktiv\", \"old_status\": null, "
	         "\"patient_id\": 2}",
	         "SELECT (payload::jsonb - 'search_id')::text FROM "
	         "psymatch.outbox WHERE type = 'search.status_changed'");
}
END_TEST

START_TEST(urgency)
{
	char *out = NULL;

	ck_assert_int_eq(
	    create("{\"patient_id\": 1, \"dringlichkeit\": 4}", &out),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/dringlichkeit");
	OK(create("{\"patient_id\": 1, \"dringlichkeit\": null}", &out));
	CHECK_JSON(out, "/dringlichkeit", "0");
	psm_free(out);
}
END_TEST

/* The guards in their order: known, complete, the only one. */
START_TEST(refused)
{
	char *out = NULL;

	ck_assert_int_eq(create("{\"patient_id\": 77}", &out),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_ptr_null(out);
	receive(make("patient.deleted", "{\"patient_id\": 2}"));
	ck_assert_int_eq(create("{\"patient_id\": 2}", &out),
	                 PSM_ERR_NOT_FOUND);
	patient_is(3, "\"geschlecht\": \"weiblich\", \"symptome\": "
	              "[\"Mobbing\"], \"krankenkasse\": \" \", "
	              "\"erfahrung_mit_psychotherapie\": true");
	ck_assert_int_eq(create("{\"patient_id\": 3}", &out), PSM_ERR_SCHEMA);
	ck_assert_uint_eq(psm_error_fault_count(err), 5);
	ck_assert_str_eq(psm_error_pointer(err), "/patient/krankenkasse");
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "geburtsdatum, "));
	ck_assert_int_eq(create("{\"patient_id\": \"1\"}", &out),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/patient_id");
	ck_assert_int_eq(create("{}", &out), PSM_ERR_SCHEMA);
	ck_assert_int_eq(create("[]", &out), PSM_ERR_SCHEMA);
	ck_assert_int_eq(create("{", &out), PSM_ERR_PARSE);
	ck_assert_int_eq(psm_search_create(NULL, "{}", 2, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_create(st, NULL, 0, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(outbox("search.status_changed"), 0);
}
END_TEST

START_TEST(one_active_search)
{
	int64_t first = search_of(1);
	char want[64], *out = NULL;

	ck_assert_int_eq(create("{\"patient_id\": 1}", &out), PSM_ERR_CONFLICT);
	(void)snprintf(want, sizeof(want), "already, search %lld",
	               (long long)first);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), want));
	ck_assert_str_eq(psm_error_pointer(err), "/search_id");
	/* A paused one is no obstacle, but cannot go on beside the other. */
	OK(psm_search_pause(st, first, NULL, err));
	(void)search_of(1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(i == 0
		                     ? psm_search_resume(st, first, NULL, err)
		                     : update(first, "{\"status\": \"aktiv\"}"),
		                 PSM_ERR_CONFLICT);
		ck_assert_str_eq(psm_error_message(err),
		                 "patient: want no other active search, found "
		                 "one");
	}
}
END_TEST

/* Whoever asks for the search that an event opened gets it, once. */
START_TEST(asked_for)
{
	static const char json[] =
	    "{\"patient_id\": 1, \"notizen\": \"Z\", \"dringlichkeit\": 2}";
	char *out = NULL;

	receive(patient_event("patient.created", 1, "",
	                      COMPLETE ", \"status\": \"auf_der_Suche\""));
	OK(psm_search_create(st, json, strlen(json), &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"id\":1,"));
	ck_assert_ptr_nonnull(strstr(out, "(API)] Z"));
	CHECK_JSON(out, "/dringlichkeit", "2");
	psm_free(out);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
	ck_assert_int_eq(psm_search_create(st, json, strlen(json), NULL, err),
	                 PSM_ERR_CONFLICT);
}
END_TEST

/* Nor is one given away that was used meanwhile, or that nobody's event opened;
 * beside one that is over there is a new one. */
static const struct {
	const char *sql;
	int rc, searches;
} used[] = {
    {"UPDATE matching_service.platzsuche SET updated_at = now()",
     PSM_ERR_CONFLICT, 1},
    {"UPDATE matching_service.platzsuche SET notizen = notizen || E'\\nx'",
     PSM_ERR_CONFLICT, 1},
    {"UPDATE matching_service.platzsuche SET notizen = E'[2026-01-01 10:00 "
     "(API)] x\\n' || notizen",
     PSM_ERR_CONFLICT, 1},
    {"UPDATE matching_service.platzsuche SET notizen = replace(notizen, "
     "'System', 'API')",
     PSM_ERR_CONFLICT, 1},
    {"UPDATE matching_service.platzsuche SET notizen = NULL", PSM_ERR_CONFLICT,
     1},
    {"WITH a AS (INSERT INTO matching_service.therapeutenanfrage "
     "(therapist_id, anfragegroesse) VALUES (2, 1) RETURNING id) INSERT INTO "
     "matching_service.therapeut_anfrage_patient (therapeutenanfrage_id, "
     "platzsuche_id, patient_id, position_in_anfrage) SELECT id, 1, 1, 1 "
     "FROM a",
     PSM_ERR_CONFLICT, 1},
    {"UPDATE matching_service.platzsuche SET status = 'pausiert'", 0, 2},
    {"SELECT 1", 0, 1},
};

START_TEST(asked_for_what_was_used)
{
	static const char json[] = "{\"patient_id\": 1}";

	receive(patient_event("patient.created", 1, "",
	                      COMPLETE ", \"status\": \"auf_der_Suche\""));
	pg_run("%s", used[_i].sql);
	ck_assert_int_eq(psm_search_create(st, json, strlen(json), NULL, err),
	                 used[_i].rc);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche"),
	    used[_i].searches);
}
END_TEST

struct racer {
	pthread_t thread;
	int rc;
};

static void *
race(void *arg)
{
	psm_error *own = psm_error_new();
	struct racer *r = arg;
	char *out = NULL;

	r->rc = psm_search_create(st, "{\"patient_id\": 1}", 17, &out, own);
	psm_free(out);
	psm_error_free(own);
	return NULL;
}

START_TEST(fault_40_two_at_once_make_one)
{
	struct racer r[4];
	int made = 0;

	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&r[i].thread, NULL, race, &r[i]), 0);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(r[i].thread, NULL), 0);
		made += r[i].rc == 0;
		ck_assert(r[i].rc == 0 || r[i].rc == PSM_ERR_CONFLICT ||
		          r[i].rc == PSM_ERR_RETRY);
	}
	ck_assert_int_eq(made, 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.platzsuche"),
	                 1);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
}
END_TEST

/* -- change */

START_TEST(fault_34_no_event_of_what_was_refused)
{
	int64_t id = search_of(1);

	ck_assert_int_eq(update(id, "{\"status\": \"pausiert\", "
	                            "\"ausgeschlossene_therapeuten\": [1, "
	                            "\"2\"]}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err),
	                 "/ausgeschlossene_therapeuten/1");
	ck_assert_int_eq(outbox("search.status_changed"), 1);
	CHECK_PG("aktiv", "SELECT status FROM matching_service.platzsuche");
}
END_TEST

START_TEST(fault_36_a_refused_step_says_why)
{
	int64_t id = search_of(1);

	ck_assert_int_eq(update(id, "{\"status\": \"aktiv\"}"), 0);
	ck_assert_int_eq(update(id, "{\"status\": \"abgebrochen\"}"), 1);
	ck_assert_int_eq(update(id, "{\"status\": \"aktiv\"}"),
	                 PSM_ERR_TRANSITION);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "abgebrochen"));
	ck_assert_int_eq(psm_search_pause(st, id, NULL, err),
	                 PSM_ERR_TRANSITION);
	ck_assert_int_eq(update(id, "{\"status\": \"Aktiv\"}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_search_cancel(st, 999, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(outbox("search.status_changed"), 2);
}
END_TEST

START_TEST(fault_37_success_by_hand_has_a_date)
{
	int64_t id = search_of(1);

	ck_assert_int_eq(update(id, "{\"status\": \"erfolgreich\"}"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.platzsuche WHERE "
	                        "erfolgreiche_vermittlung_datum IS NOT NULL"),
	                 1);
}
END_TEST

START_TEST(fault_37_exclusions_keep_what_they_say)
{
	int64_t id = search_of(2);

	ck_assert_int_eq(
	    update(id, "{\"ausgeschlossene_therapeuten\": [6, 7, 7]}"), 1);
	CHECK_PG("[{\"id\": 6, \"reason\": \"no\"}, 7]",
	         "SELECT ausgeschlossene_therapeuten FROM "
	         "matching_service.platzsuche");
	/* The same again is nothing new. */
	ck_assert_int_eq(
	    update(id, "{\"ausgeschlossene_therapeuten\": [6, 7]}"), 0);
	ck_assert_int_eq(update(id, "{\"ausgeschlossene_therapeuten\": "
	                            "[true]}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(update(id, "{\"ausgeschlossene_therapeuten\": []}"),
	                 1);
}
END_TEST

START_TEST(fault_86_notes_cannot_be_forged)
{
	int64_t id = search_of(1);

	ck_assert_int_eq(update(id, "{\"notizen\": \"as the platform\"}"), 1);
	CHECK_PG("as the platform",
	         "SELECT notizen FROM matching_service.platzsuche");
	OK(psm_search_pause(st, id, "holiday\n[2026-01-01 10:00] no", err));
	OK(psm_search_resume(st, id, NULL, err));
	OK(psm_search_cancel(st, id, " ", err));
	CHECK_PG(
	    "1",
	    "SELECT count(*) FROM matching_service.platzsuche WHERE "
	    "notizen ~ E'^as the platform\\n\\\\[[^\\\\]]*\\\\(API\\\\)\\\\] "
	    "Paused: holiday\\n    \\\\[2026-01-01 10:00\\\\] "
	    "no\\n\\\\[[^\\\\]]*\\\\] Resumed\\n\\\\[[^\\\\]]*\\\\] "
	    "Cancelled$'");
	CHECK_PG("aktiv pausiert aktiv abgebrochen",
	         "SELECT string_agg(payload::jsonb->>'new_status', ' ' ORDER "
	         "BY id) FROM psymatch.outbox");
}
END_TEST

START_TEST(versions)
{
	int64_t id = search_of(1), version = 0;
	char *out;

	OK(psm_search_get(st, id, &out, &version, err));
	psm_free(out);
	ck_assert_int_eq(version, 1);
	ck_assert_int_eq(
	    psm_search_update(st, id, 1, "{\"notizen\": \"x\"}", 16, NULL, err),
	    1);
	ck_assert_int_eq(
	    psm_search_patch(st, id, 1, "{\"notizen\": null}", 17, NULL, err),
	    PSM_ERR_PRECONDITION);
	ck_assert_int_eq(
	    psm_search_patch(st, id, 2, "{\"notizen\": null}", 17, &out, err),
	    1);
	CHECK_JSON(out, "/notizen", "null");
	psm_free(out);
	ck_assert_int_eq(
	    psm_search_patch(st, id, 3, "{\"patient_id\": 2}", 17, NULL, err),
	    PSM_ERR_SCHEMA);
}
END_TEST

START_TEST(exclude)
{
	int64_t id = search_of(1);

	ck_assert_int_eq(psm_search_exclude(st, id, 9, "rude", err), 1);
	ck_assert_int_eq(psm_search_exclude(st, id, 9, "again", err), 0);
	CHECK_PG("9 rude",
	         "SELECT concat(e->>'id', ' ', e->>'reason') FROM "
	         "matching_service.platzsuche, "
	         "jsonb_array_elements(ausgeschlossene_therapeuten) e");
	pg_run("UPDATE matching_service.platzsuche SET "
	       "ausgeschlossene_therapeuten = '[7]'");
	ck_assert_int_eq(psm_search_exclude(st, id, 7, NULL, err), 0);
	ck_assert_int_eq(psm_search_exclude(st, id, 0, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_exclude(st, 99, 7, NULL, err),
	                 PSM_ERR_NOT_FOUND);
}
END_TEST

static int
contact(int64_t id, const char *json, char **out)
{
	return psm_search_contact(st, id, json, strlen(json), out, err);
}

START_TEST(contacts)
{
	int64_t id = search_of(1);
	char *out;

	OK(contact(id, "{\"requested_count\": 1}", &out));
	psm_free(out);
	OK(contact(id, "{\"requested_count\": 100, \"notizen\": \"many\"}",
	           &out));
	CHECK_JSON(out, "/previous_total", "1");
	CHECK_JSON(out, "/new_total", "101");
	psm_free(out);
	CHECK_PG("1", "SELECT count(*) FROM matching_service.platzsuche WHERE "
	              "notizen LIKE '%%] 1 contact requested, 1 in all%%' AND "
	              "notizen LIKE '%%] 100 contacts requested, 101 in all: "
	              "many' AND gesamt_angeforderte_kontakte = 101");
	/* In the order of the guards. */
	ck_assert_int_eq(contact(999, "{\"requested_count\": 0}", &out),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/requested_count");
	ck_assert_int_eq(contact(999, "{\"requested_count\": 101}", &out),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(contact(999, "{\"requested_count\": 1}", &out),
	                 PSM_ERR_NOT_FOUND);
	pg_run("UPDATE matching_service.platzsuche SET "
	       "gesamt_angeforderte_kontakte = 2147483600");
	OK(contact(id, "{\"requested_count\": 47}", &out));
	psm_free(out);
	ck_assert_int_eq(contact(id, "{\"requested_count\": 1}", &out),
	                 PSM_ERR_CONFLICT);
	OK(psm_search_pause(st, id, NULL, err));
	ck_assert_int_eq(contact(id, "{\"requested_count\": 1}", &out),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(outbox("search.status_changed"), 2);
}
END_TEST

/* -- read */

START_TEST(shown)
{
	int64_t id, sent, open, gone;
	char *out;

	therapist_is(7, "Sieben", ", \"titel\": \"Dr.\"");
	id = search_of(1);
	sent = inquiry_to(7);
	put_into(sent, id);
	open = inquiry_to(8);
	put_into(open, id);
	gone = inquiry_to(9);
	put_into(gone, id);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= '2026-03-01 09:00', antwort_datum = '2026-03-02 09:00', "
	       "erstellt_datum = '2026-02-01' WHERE id = %lld",
	       (long long)sent);
	pg_run("UPDATE matching_service.therapeut_anfrage_patient SET status = "
	       "'abgelehnt', antwortergebnis = 'abgelehnt_Kapazitaet' WHERE "
	       "therapeutenanfrage_id = %lld",
	       (long long)sent);
	pg_run("UPDATE matching_service.therapeutenanfrage SET storniert_datum "
	       "= '2026-03-01' WHERE id = %lld",
	       (long long)gone);
	OK(psm_search_get(st, id, &out, NULL, err));
	CHECK_JSON(out, "/patient/krankenkasse", "\"Kasse\"");
	CHECK_JSON(out, "/aktive_anfragen", "1");
	CHECK_JSON(out, "/gesamt_anfragen", "2");
	CHECK_JSON(out, "/anfrage_verlauf/0/therapeuten_name",
	           "\"Dr. Anna Sieben\"");
	CHECK_JSON(out, "/anfrage_verlauf/0/outcome",
	           "\"abgelehnt_Kapazitaet\"");
	CHECK_JSON(out, "/anfrage_verlauf/0/sent_date",
	           "\"2026-03-01T09:00:00Z\"");
	CHECK_JSON(out, "/anfrage_verlauf/1/therapeuten_name", "\"Unknown\"");
	CHECK_JSON(out, "/anfrage_verlauf/2/cancelled_date",
	           "\"2026-03-01T00:00:00Z\"");
	psm_free(out);
	ck_assert_int_eq(psm_search_get(st, id + 1, &out, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_search_get(st, id, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

static void
check_list(const char *query, const char *total, const char *first)
{
	char *out;

	OK(psm_search_list(st, query, &out, err));
	CHECK_JSON(out, "/total", total);
	CHECK_JSON(out, "/data/0/id", first);
	psm_free(out);
}

/* Searches 1 to 5 of patients 11 to 15; search i is in i - 1 inquiries. */
/* The whole record, where this database has it. */
START_TEST(shown_with_the_patient)
{
	int64_t id = search_of(1);
	char *out;

	OK(psm_store_migrate(st, "patient", err));
	OK(psm_search_get(st, id, &out, NULL, err));
	ck_assert_ptr_null(strstr(out, "\"hausarzt\""));
	psm_free(out);
	pg_run("INSERT INTO patient_service.patienten (id, anrede, geschlecht, "
	       "vorname, nachname, email, hausarzt) VALUES (1, 'Frau', "
	       "'weiblich', 'Anna', 'Neu', 'a@b.example', 'Dr. Haus')");
	OK(psm_search_get(st, id, &out, NULL, err));
	CHECK_JSON(out, "/patient/email", "\"a@b.example\"");
	CHECK_JSON(out, "/patient/hausarzt", "\"Dr. Haus\"");
	CHECK_JSON(out, "/patient/nachname", "\"Neu\"");
	psm_free(out);
}
END_TEST

START_TEST(fault_58_filters_before_pages)
{
	static const char *const wrong[] = {"{\"status\": \"offen\"}",
	                                    "{\"patient_id\": \"1\"}",
	                                    "{\"limit\": 0}",
	                                    "{\"limit\": 1001}",
	                                    "{\"page\": 0}",
	                                    "{\"name\": \"x\"}",
	                                    "[]",
	                                    "{\"max_aktive_anfragen\": 1.5}"};
	char *out;

	for (int i = 1; i <= 5; i++) {
		patient_is(10 + i, COMPLETE);
		ck_assert_int_eq(search_of(10 + i), i);
		for (int k = 1; k < i; k++)
			put_into(inquiry_to(k), i);
	}
	pg_run("UPDATE matching_service.platzsuche SET created_at = "
	       "'2026-01-01'");
	OK(psm_search_pause(st, 5, NULL, err));
	pg_run("UPDATE matching_service.therapeut_anfrage_patient SET status = "
	       "'abgelehnt' WHERE platzsuche_id = 4");
	check_list(NULL, "5", "5");
	check_list("{\"status\": \"aktiv\"}", "4", "4");
	check_list("{\"patient_id\": 13}", "1", "3");
	check_list("{\"patient_id\": -1}", "0", "");
	check_list("{\"patient_id\": 2147483648}", "0", "");
	check_list("{\"min_anfragen\": -1}", "5", "5");
	check_list("{\"min_anfragen\": 2}", "3", "5");
	check_list("{\"min_anfragen\": 2, \"max_anfragen\": 3, \"status\": "
	           "\"aktiv\"}",
	           "2", "4");
	check_list("{\"min_aktive_anfragen\": 1}", "3", "5");
	check_list("{\"max_aktive_anfragen\": 0, \"limit\": 1, \"page\": 2}",
	           "2", "1");
	check_list("{\"limit\": 2, \"page\": 4}", "5", "");
	OK(psm_search_list(st, "{\"patient_id\": 13}", &out, err));
	CHECK_JSON(out, "/data/0/patienten_name", "\"Wilma Test\"");
	CHECK_JSON(out, "/data/0/aktive_anfragen", "2");
	CHECK_JSON(out, "/data/0/offen_fuer_gruppentherapie", "false");
	CHECK_JSON(out, "/data/0/ausgeschlossene_therapeuten_anzahl", "0");
	psm_free(out);
	for (size_t i = 0; i < PSM__COUNT(wrong); i++)
		ck_assert_int_eq(psm_search_list(st, wrong[i], &out, err),
		                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_search_list(st, NULL, NULL, err), PSM_ERR_INVAL);
}
END_TEST

/* -- unsent inquiries follow */

START_TEST(ended_search_leaves)
{
	int64_t a = search_of(1), b = search_of(2), both = inquiry_to(7),
		alone = inquiry_to(8);

	put_into(both, a);
	put_into(both, b);
	put_into(alone, a);
	OK(psm_search_pause(st, a, NULL, err));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM matching_service."
	                        "therapeut_anfrage_patient"),
	                 3);
	OK(psm_search_cancel(st, a, NULL, err));
	CHECK_PG("1 1",
	         "SELECT concat(position_in_anfrage, ' ', anfragegroesse) FROM "
	         "matching_service.therapeut_anfrage_patient m JOIN "
	         "matching_service.therapeutenanfrage i ON i.id = "
	         "therapeutenanfrage_id WHERE storniert_datum IS NULL");
	CHECK_PG("1",
	         "SELECT count(*) FROM matching_service.therapeutenanfrage "
	         "WHERE storniert_datum IS NOT NULL AND notizen LIKE "
	         "'%%(System)] Cancelled: the search has ended' AND id = 2");
	ck_assert_int_eq(outbox("match.status_changed"), 2);
	CHECK_PG(
	    "{\"match_id\": 1, \"search_id\": 1, \"anfrage_id\": 1, "
	    "\"new_status\": null, \"old_status\": \"anstehend\", "
	    "\"patient_id\": 1, \"therapist_id\": 7}",
	    "SELECT payload::jsonb::text FROM psymatch.outbox WHERE type = "
	    "'match.status_changed' ORDER BY id LIMIT 1");
}
END_TEST

START_TEST(excluded_therapist_is_left)
{
	int64_t a = search_of(1), to7 = inquiry_to(7), to8 = inquiry_to(8);

	therapist_is(7, "Sieben", "");
	therapist_is(8, "Acht", "");
	put_into(to7, a);
	put_into(to8, a);
	ck_assert_int_eq(psm_search_exclude(st, a, 7, NULL, err), 1);
	CHECK_PG("8", "SELECT string_agg(therapist_id::text, ' ') FROM "
	              "matching_service.therapeutenanfrage WHERE "
	              "storniert_datum IS NULL");
	ck_assert_int_eq(update(a, "{\"ausgeschlossene_therapeuten\": [7, 8]}"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM matching_service."
	                        "therapeut_anfrage_patient"),
	                 0);
}
END_TEST

/* A reason is UTF-8, whoever gives it. */
START_TEST(reasons_are_utf8)
{
	static int (*const moves[])(psm_store *, int64_t, const char *,
	                            psm_error *) = {
	    psm_search_pause, psm_search_resume, psm_search_cancel};
	int64_t a = search_of(1);

	for (size_t i = 0; i < PSM__COUNT(moves); i++)
		ck_assert_int_eq(moves[i](st, a, "\xff", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_exclude(st, a, 7, "\xc3(", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_exclude(st, a, 7, "\xc3\xa4", err), 1);
}
END_TEST

START_TEST(deleted)
{
	int64_t a = search_of(1), b = search_of(2), open = inquiry_to(7),
		sent = inquiry_to(8);

	put_into(open, a);
	put_into(sent, b);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() WHERE id = %lld",
	       (long long)sent);
	ck_assert_int_eq(psm_search_delete(st, a, 9, err),
	                 PSM_ERR_PRECONDITION);
	ck_assert_int_eq(psm_search_delete(st, a, -2, err), PSM_ERR_INVAL);
	OK(psm_search_delete(st, a, 1, err));
	CHECK_PG("abgebrochen",
	         "SELECT payload::jsonb->>'new_status' FROM psymatch.outbox "
	         "WHERE type = 'search.status_changed' ORDER BY id DESC "
	         "LIMIT 1");
	ck_assert_int_eq(psm_search_delete(st, b, PSM_VERSION_ANY, err),
	                 PSM_ERR_CONFLICT);
	CHECK_PG("aktiv", "SELECT status FROM matching_service.platzsuche");
	ck_assert_int_eq(psm_search_delete(st, a, PSM_VERSION_ANY, err),
	                 PSM_ERR_NOT_FOUND);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("search");
	TCase *tc = tcase_create("search");

	tcase_add_checked_fixture(tc, setup_patients, app_teardown);
	tcase_add_test(tc, created);
	tcase_add_test(tc, urgency);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, one_active_search);
	tcase_add_test(tc, asked_for);
	tcase_add_loop_test(tc, asked_for_what_was_used, 0, PSM__COUNT(used));
	tcase_add_test(tc, fault_40_two_at_once_make_one);
	tcase_add_test(tc, fault_34_no_event_of_what_was_refused);
	tcase_add_test(tc, fault_36_a_refused_step_says_why);
	tcase_add_test(tc, fault_37_success_by_hand_has_a_date);
	tcase_add_test(tc, fault_37_exclusions_keep_what_they_say);
	tcase_add_test(tc, fault_86_notes_cannot_be_forged);
	tcase_add_test(tc, versions);
	tcase_add_test(tc, exclude);
	tcase_add_test(tc, contacts);
	tcase_add_test(tc, shown);
	tcase_add_test(tc, shown_with_the_patient);
	tcase_add_test(tc, fault_58_filters_before_pages);
	tcase_add_test(tc, ended_search_leaves);
	tcase_add_test(tc, excluded_therapist_is_left);
	tcase_add_test(tc, reasons_are_utf8);
	tcase_add_test(tc, deleted);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
