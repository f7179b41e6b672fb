/* SPDX-License-Identifier: BSD-2-Clause */
/* Which therapists are suggested, and what they have to do. */
#include "base/base.h"
#include "testing_handle.h"

#include <psymatch/json.h>
#include <psymatch/suggestion.h>
#include <psymatch/therapist.h>

#define AT(second) "2026-03-09T11:00:0" #second "Z"

static void
tell(const char *type, const char *time, const char *members)
{
	receive(psm_therapist_handle, type, time, members);
}

static void
add(const char *name, const char *more)
{
	char json[500];

	(void)snprintf(json, sizeof(json),
	               "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "
	               "\"vorname\": \"Berta\", \"nachname\": \"%s\"%s}",
	               name, more);
	OK(psm_therapist_create(st, json, strlen(json), NULL, err));
}

/* "number:tier" of each of a page. */
static void
check(int64_t patient, int page, int limit, const char *want)
{
	char *out = NULL, got[500] = "";
	const psm_json *row;
	psm_json *doc = NULL;
	int64_t id, tier;

	OK(psm_therapist_suggestions(st, patient, page, limit, &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	for (size_t n = 0;
	     (row = psm_json_item(psm_json_at(doc, "/data"), n)) != NULL; n++) {
		OK(psm_json_get_int(psm_json_at(row, "/therapist_id"), &id,
		                    err));
		OK(psm_json_get_int(psm_json_at(row, "/tier"), &tier, err));
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		               "%s%d:%d", n > 0 ? " " : "", (int)id, (int)tier);
	}
	ck_assert_str_eq(got, want);
	psm_json_free(doc);
	psm_free(out);
}

#define PATIENT(id, version, record)                                           \
	"\"patient_id\": " #id ", \"entity_version\": " #version               \
	", \"patient_data\": {\"id\": " #id record "}"
#define MAIL ", \"email\": \"b@example.org\""
#define BOTH                                                                   \
	", \"potenziell_verfuegbar\": true, \"ueber_curavani_informiert\": "   \
	"true" MAIL

/* -- suggestions */

START_TEST(suggests)
{
	add("Eins", ", \"plz\": \"52062\"" MAIL);
	add("Zwei", ", \"plz\": \"52070\"" BOTH);
	add("Drei", ", \"plz\": \"10115\"" BOTH); /* another area */
	add("Vier", ", \"plz\": \"52064\", \"alter_min\": 90" MAIL);
	add("Fuenf", ", \"plz\": \"52064\", \"geschlechtspraeferenz\": "
	             "\"Männlich\"" MAIL);
	add("Sechs", ", \"plz\": \"52064\"");
	add("Sieben", ", \"plz\": \"52066\", \"naechster_kontakt_moeglich\": "
	              "\"2099-01-01\"" MAIL);
	add("Acht", ", \"plz\": \"52066\"" MAIL);
	tell("patient.created", AT(0),
	     PATIENT(5, 1,
	             ", \"plz\": \"52062\", \"geschlecht\": \"weiblich\", "
	             "\"geburtsdatum\": \"1990-05-06\", \"symptome\": "
	             "[\"Mobbing\"], \"nachname\": \"Muster\""));
	check(5, 1, 10, "2:0 1:3 8:3 6:7");
	check(5, 2, 2, "8:3 6:7");
	check(5, 3, 2, "");
	/* As therapists are now. */
	ck_assert_int_eq(psm_therapist_block(st, 2, "reise", err), 1);
	check(5, 1, 10, "1:3 8:3 6:7");
	/* Who waits already comes later. */
	tell("match.created", AT(1),
	     "\"match_id\": 1, \"patient_id\": 6, \"therapist_id\": 1, "
	     "\"anfrage_id\": 3");
	check(5, 1, 10, "8:3 1:3 6:7");
	/* A part of the record empties nothing; an older event does nothing. */
	tell("patient.updated", AT(2),
	     PATIENT(5, 3,
	             ", \"ausgeschlossene_therapeuten\": [8, {\"id\": 6}]"));
	check(5, 1, 10, "1:3");
	tell("patient.updated", AT(3),
	     PATIENT(5, 2, ", \"ausgeschlossene_therapeuten\": []"));
	check(5, 1, 10, "1:3");
	tell("patient.updated", AT(4), PATIENT(5, 4, ", \"plz\": null"));
	check(5, 1, 10, "");
}
END_TEST

START_TEST(the_nearest_first)
{
	OK(psm_store_migrate(st, "geocoding", err));
	pg_run(
	    "INSERT INTO geocoding_service.plz_centroids (plz, ort, latitude, "
	    "longitude) VALUES ('52062', 'A', 50, 6), ('52064', 'A', 50.1, 6), "
	    "('52066', 'A', 50.01, 6)");
	add("Eins", ", \"plz\": \"52064\"" MAIL);
	add("Zwei", ", \"plz\": \"52066\"" MAIL);
	tell("patient.created", AT(0), PATIENT(5, 1, ", \"plz\": \"52062\""));
	check(5, 1, 10, "2:3 1:3");
	/* Without a version the time counts. */
	tell("patient.updated", AT(3),
	     "\"patient_id\": 5, \"patient_data\": {\"id\": 5, \"plz\": null}");
	tell("patient.updated", AT(2),
	     "\"patient_id\": 5, \"patient_data\": {\"id\": 5, \"plz\": "
	     "\"52062\"}");
	check(5, 1, 10, "");
}
END_TEST

/* Nothing of a person is kept that is not needed, and nothing of a deleted one;
 * also if what was before comes late. */
START_TEST(forgets)
{
	char *out = NULL;

	add("Eins", ", \"plz\": \"52062\"");
	tell("patient.created", AT(0),
	     PATIENT(5, 1, ", \"plz\": \"52062\", \"nachname\": \"Muster\""));
	check(5, 1, 10, "1:7");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "therapist_service.patientenwuensche p WHERE "
	                        "p::text LIKE '%%Muster%%'"),
	                 0);
	tell("patient.deleted", AT(1), "\"patient_id\": 5");
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(
		    psm_therapist_suggestions(st, 5, 1, 10, &out, err),
		    PSM_ERR_NOT_FOUND);
		ck_assert_ptr_null(out);
		ck_assert_int_eq(
		    pg_int("SELECT count(*) FROM "
		           "therapist_service.patientenwuensche WHERE "
		           "geloescht AND plz IS NULL"),
		    1);
		tell("patient.updated", AT(2),
		     PATIENT(5, 9, ", \"plz\": \"52062\""));
	}
}
END_TEST

/* -- workload */

static void
check_workload(int64_t id, const char *want)
{
	char *out = NULL;

	OK(psm_therapist_workload(st, id, &out, err));
	ck_assert_ptr_nonnull(strstr(out, want));
	psm_free(out);
}

#define MATCH(id) "\"match_id\": " #id ", \"anfrage_id\": 3"
#define WHOM(patient) ", \"patient_id\": " #patient ", \"therapist_id\": 1"
#define TO(status) ", \"old_status\": \"anstehend\", \"new_status\": " status
#define ANSWER(accepted, rejected)                                             \
	"\"anfrage_id\": 3, \"response_type\": \"teilweise_Annahme\", "        \
	"\"accepted_count\": " #accepted ", \"rejected_count\": " #rejected    \
	", \"no_response_count\": 0"
#define MAILED                                                                 \
	"\"email_id\": 8, \"therapist_id\": 1, \"email_data\": {\"id\": 8}"

#define GONE_MAIL(status)                                                      \
	"\"email_id\": 8, \"therapist_id\": 1, \"status\": \"" status "\""
#define GONE_CALL(status)                                                      \
	"\"call_id\": 2, \"therapist_id\": 1, \"status\": \"" status "\""

static const struct {
	const char *type, *time, *members;
} steps[] = {
    {"match.created", AT(0), MATCH(1) WHOM(5)},
    {"match.created", AT(0), MATCH(2) WHOM(6)},
    {"therapeutenanfrage.created", AT(0),
     "\"anfrage_id\": 3, \"therapist_id\": 1, \"patient_ids\": [5, 6], "
     "\"anfrage_size\": 2"},
    {"therapeutenanfrage.sent", AT(1),
     "\"anfrage_id\": 3, \"communication_type\": \"email\", "
     "\"communication_id\": 8"},
    {"email.failed", AT(2), MAILED ", \"attempts\": 4"},
    {"email.sent", AT(3), MAILED},
    {"match.status_changed", AT(5), MATCH(1) TO("\"angenommen\"")},
    {"match.status_changed", AT(5), MATCH(2) TO("\"abgelehnt\"")},
    {"therapeutenanfrage.response_received", AT(5), ANSWER(2, 0)},
    {"therapeutenanfrage.response_received", AT(7), ANSWER(1, 1)},
};

/* In whatever order they come, each of them twice. */
START_TEST(any_order)
{
	int order[PSM__COUNT(steps)], count = (int)PSM__COUNT(steps);

	add("Eins", "");
	for (int n = 0; n < 24; n++) {
		pg_run("TRUNCATE therapist_service.zuordnungen, "
		       "therapist_service.anfragen, "
		       "therapist_service.zustellungen");
		permute(_i * 100003 + n * 150889, order, count);
		for (int i = 0; i < count; i++)
			tell(steps[order[i]].type, steps[order[i]].time,
			     steps[order[i]].members);
		check_workload(
		    1, "{\"therapist_id\":1,\"pending_patients\":0,"
		       "\"accepted_patients\":1,\"rejected_patients\":1,"
		       "\"unanswered_patients\":0,\"sent_inquiries\":1,"
		       "\"answered_inquiries\":1,\"response_rate\":1,"
		       "\"acceptance_rate\":0.5,\"hours_to_response\":0,"
		       "\"last_sent\":\"2026-03-09T11:00:01Z\","
		       "\"last_response\":\"2026-03-09T11:00:05Z\"}");
	}
}
END_TEST

START_TEST(counts)
{
	char *out = NULL;

	add("Eins", ", \"plz\": \"52062\"");
	add("Zwei", ", \"plz\": \"10115\"");
	check_workload(1, "\"sent_inquiries\":0,\"answered_inquiries\":0,"
	                  "\"response_rate\":null,\"acceptance_rate\":null,"
	                  "\"hours_to_response\":null,\"last_sent\":null,"
	                  "\"last_response\":null}");
	for (int i = 0; i < 4; i++)
		tell(steps[i].type, steps[i].time, steps[i].members);
	check_workload(1, "\"pending_patients\":2,");
	check_workload(1, "\"sent_inquiries\":1,\"answered_inquiries\":0,"
	                  "\"response_rate\":0,");
	/* That its mail had failed before is over. */
	tell("email.failed", AT(0), MAILED ", \"attempts\": 4");
	check_workload(1, "\"sent_inquiries\":1,");
	/* Its mail failed: it did not reach anybody, and will be sent again. */
	tell("email.failed", AT(2),
	     MAILED ", \"attempts\": 1, \"next_attempt_at\": "
	            "\"" AT(9) "\"");
	tell("email.failed", AT(2),
	     MAILED ", \"attempts\": 1, \"suspect\": true");
	check_workload(1, "\"sent_inquiries\":1,");
	tell("phone_call.failed", AT(2),
	     "\"call_id\": 8, \"therapist_id\": 1, \"call_data\": {\"id\": 8}");
	check_workload(1, "\"sent_inquiries\":1,");
	tell("email.failed", AT(3), MAILED ", \"attempts\": 4");
	check_workload(1, "\"sent_inquiries\":0,");
	tell("therapeutenanfrage.sent", AT(4),
	     "\"anfrage_id\": 3, \"communication_type\": \"phone_call\", "
	     "\"communication_id\": 2");
	check_workload(1, "\"sent_inquiries\":1,");
	tell("phone_call.failed", AT(5),
	     "\"call_id\": 2, \"therapist_id\": 1, \"call_data\": {\"id\": 2}");
	check_workload(1, "\"sent_inquiries\":0,");
	tell("phone_call.completed", AT(6),
	     "\"call_id\": 2, \"therapist_id\": 1, \"call_data\": {\"id\": 2}");
	check_workload(1, "\"sent_inquiries\":1,");
	tell(steps[3].type, steps[3].time, steps[3].members);
	check_workload(1, "\"last_sent\":\"2026-03-09T11:00:04Z\"");
	tell("phone_call.deleted", AT(7), GONE_CALL("abgeschlossen"));
	check_workload(1, "\"sent_inquiries\":1,");
	/* Without an answer of his; then corrected. */
	tell("therapeutenanfrage.response_received", AT(7), ANSWER(0, 0));
	check_workload(1, "\"answered_inquiries\":0,\"response_rate\":0,");
	tell("therapeutenanfrage.response_received", AT(8), ANSWER(1, 0));
	check_workload(1, "\"answered_inquiries\":1,\"response_rate\":1,"
	                  "\"acceptance_rate\":1,");
	/* Whoever answered was reached. */
	tell("phone_call.failed", AT(9),
	     "\"call_id\": 2, \"therapist_id\": 1, \"call_data\": {\"id\": 2}");
	check_workload(1, "\"sent_inquiries\":1,\"answered_inquiries\":1,");
	/* Of another machine, whose clock is behind, comes the answer. */
	tell("therapeutenanfrage.sent", "2026-03-09T23:00:00Z",
	     "\"anfrage_id\": 3, \"communication_type\": \"phone_call\", "
	     "\"communication_id\": 2");
	check_workload(1, "\"hours_to_response\":0,");
	tell("match.status_changed", AT(8), MATCH(2) TO("null"));
	check_workload(1, "\"pending_patients\":1,\"accepted_patients\":0,");

	OK(psm_therapist_workloads(st, NULL, 2, 1, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "{\"data\":[{\"therapist_id\":2,"));
	ck_assert_ptr_nonnull(
	    strstr(out, "}],\"page\":2,\"limit\":1,\"total\":2}"));
	psm_free(out);
	ck_assert_int_eq(
	    psm_therapist_workloads(st, "101150", 1, 20, &out, err),
	    PSM_ERR_SCHEMA);
	OK(psm_therapist_workloads(st, "1", 1, 20, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "{\"data\":[{\"therapist_id\":2,"));
	ck_assert_ptr_nonnull(
	    strstr(out, "}],\"page\":1,\"limit\":20,\"total\":1}"));
	psm_free(out);
	OK(psm_therapist_workloads(st, "5", 1, 20, &out, err));
	ck_assert_ptr_nonnull(strstr(
	    out, "{\"data\":[{\"therapist_id\":1,\"pending_patients\":1,"));
	ck_assert_ptr_nonnull(
	    strstr(out, "}],\"page\":1,\"limit\":20,\"total\":1}"));
	psm_free(out);
}
END_TEST

/* What came of a mail is what was told last, in whatever order it comes; calls
 * with patients are none of a therapist's. */
START_TEST(a_mail_that_arrived_after_all)
{
	add("Eins", "");
	for (int i = 2; i < 5; i++)
		tell(steps[i].type, steps[i].time, steps[i].members);
	check_workload(1, "\"sent_inquiries\":0,");
	tell(steps[5].type, steps[5].time, steps[5].members);
	check_workload(1, "\"sent_inquiries\":1,");
	tell(steps[4].type, steps[4].time, steps[4].members);
	check_workload(1, "\"sent_inquiries\":1,");
	/* Nobody knows whether it had left. */
	tell("email.deleted", AT(4), MAILED);
	check_workload(1, "\"sent_inquiries\":1,");
	tell("phone_call.failed", AT(2),
	     "\"call_id\": 4, \"patient_id\": 5, \"call_data\": {\"id\": 4}");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM therapist_service.zustellungen"), 1);
}
END_TEST

/* The first contact of a clock that is wrong is one of today. */
START_TEST(contacts)
{
	add("Eins", "");
	receive(psm_therapist_handle, "communication.email_sent",
	        "2099-01-01T00:00:00Z", MAILED);
	ck_assert_int_eq(
	    pg_int("SELECT (letzter_kontakt_email < '2098-01-01')::integer "
	           "FROM therapist_service.therapeuten"),
	    1);
}
END_TEST

/* What is deleted had still to reach the therapist, or had reached him. */
START_TEST(deleted)
{
	add("Eins", ", \"plz\": \"52062\"");
	for (int i = 0; i < 4; i++)
		tell(steps[i].type, steps[i].time, steps[i].members);
	tell("email.deleted", AT(2), GONE_MAIL("Gesendet"));
	tell("email.deleted", AT(2), GONE_MAIL("Fehlgeschlagen"));
	check_workload(1, "\"sent_inquiries\":1,");
	tell(
	    "email.deleted", AT(2),
	    GONE_MAIL("Fehlgeschlagen") ", \"next_attempt_at\": \"" AT(9) "\"");
	check_workload(1, "\"sent_inquiries\":0,");
	tell("therapeutenanfrage.sent", AT(4),
	     "\"anfrage_id\": 3, \"communication_type\": \"phone_call\", "
	     "\"communication_id\": 2");
	check_workload(1, "\"sent_inquiries\":1,");
	tell("phone_call.deleted", AT(5), GONE_CALL("geplant"));
	check_workload(1, "\"sent_inquiries\":0,");
	tell("therapeutenanfrage.sent", AT(6),
	     "\"anfrage_id\": 3, \"communication_type\": \"email\", "
	     "\"communication_id\": 9");
	check_workload(1, "\"sent_inquiries\":1,");
	tell("email.deleted", AT(7),
	     "\"email_id\": 9, \"therapist_id\": 1, \"status\": "
	     "\"In_Warteschlange\"");
	check_workload(1, "\"sent_inquiries\":0,");
}
END_TEST

START_TEST(refusals)
{
	static const struct {
		const char *type, *members;
	} wrong[] = {
	    {"match.created", "\"match_id\": 3000000000, \"patient_id\": 1, "
	                      "\"therapist_id\": 1"},
	    {"patient.created", "\"patient_id\": 3000000000, \"patient_data\": "
	                        "{\"id\": 1}"},
	    {"therapeutenanfrage.sent",
	     "\"anfrage_id\": 3000000000, \"communication_type\": \"email\""},
	    {"email.failed",
	     "\"email_id\": 3000000000, \"therapist_id\": 1, \"email_data\": {}, "
	     "\"attempts\": 1"},
	};
	char *out = NULL;
	psm_event *ev;

	for (size_t i = 0; i < PSM__COUNT(wrong); i++) {
		ev = make_event(wrong[i].type, AT(0), wrong[i].members);
		ck_assert_int_eq(pg_handle(st, psm_therapist_handle, ev, err),
		                 PSM_ERR_REJECT);
		psm_event_free(ev);
	}
	ck_assert_int_eq(psm_therapist_suggestions(NULL, 1, 1, 10, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_suggestions(st, 1, 1, 10, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_suggestions(st, 1, 0, 10, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_suggestions(st, 1, 1, 1001, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_workload(st, 1, &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_therapist_workload(NULL, 1, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_workloads(st, "5x", 1, 10, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_fault_pointer(err, 0), "/plz_prefix");
	ck_assert_int_eq(psm_therapist_workloads(st, "", 1, 10, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_therapist_workloads(st, NULL, 1, 0, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_workloads(st, NULL, 1, 10, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(out);
}
END_TEST

/* What was there before the service kept count. */
START_TEST(adopts)
{
	char *out = NULL;

	pg_run("DROP TABLE therapist_service.patientenwuensche, "
	       "therapist_service.zuordnungen, therapist_service.anfragen, "
	       "therapist_service.zustellungen");
	pg_run("DELETE FROM psymatch.migration WHERE set = 'therapist' AND "
	       "version = 9");
	OK(psm_store_migrate(st, "patient", err));
	pg_run("INSERT INTO patient_service.patienten (id, anrede, geschlecht, "
	       "vorname, nachname, plz, ausgeschlossene_therapeuten) VALUES "
	       "(5, 'Frau', 'weiblich', 'A', 'B', '52062', '[2]')");
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id) "
	       "VALUES (4, 5)");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (id, "
	       "therapist_id, anfragegroesse, gesendet_datum, antwort_datum, "
	       "angenommen_anzahl, email_id) VALUES (3, 1, 1, "
	       "'2026-03-01 10:00', '2026-03-01 12:30', 1, 8)");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, status) VALUES (3, 4, 5, 1, "
	       "'angenommen')");
	/* Nobody waits in a cancelled one. */
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id) "
	       "VALUES (6, 7); INSERT INTO matching_service.therapeutenanfrage "
	       "(id, therapist_id, anfragegroesse, storniert_datum) VALUES "
	       "(4, 1, 1, '2026-03-02'); INSERT INTO "
	       "matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) VALUES (4, 6, 7, 1)");
	OK(psm_store_migrate(st, "therapist", err));
	add("Eins", ", \"plz\": \"52062\"");
	add("Zwei", ", \"plz\": \"52062\"");
	check(5, 1, 10, "1:7");
	OK(psm_therapist_workload(st, 1, &out, err));
	ck_assert_ptr_nonnull(
	    strstr(out, "\"accepted_patients\":1,\"rejected_patients\":0,"
	                "\"unanswered_patients\":0,\"sent_inquiries\":1,"
	                "\"answered_inquiries\":1,\"response_rate\":1,"
	                "\"acceptance_rate\":1,\"hours_to_response\":2.5,"));
	ck_assert_ptr_nonnull(strstr(out, "\"pending_patients\":0,"));
	psm_free(out);
	/* What made it comes again. */
	tell("match.created", AT(0), MATCH(1) WHOM(5));
	check_workload(1, "\"accepted_patients\":1,");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("suggestion");
	TCase *t = tcase_create("suggestion");

	tcase_add_checked_fixture(t, app_setup, app_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, suggests);
	tcase_add_test(t, the_nearest_first);
	tcase_add_test(t, forgets);
	tcase_add_loop_test(t, any_order, 0, 3);
	tcase_add_test(t, counts);
	tcase_add_test(t, a_mail_that_arrived_after_all);
	tcase_add_test(t, deleted);
	tcase_add_test(t, contacts);
	tcase_add_test(t, refusals);
	tcase_add_test(t, adopts);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
