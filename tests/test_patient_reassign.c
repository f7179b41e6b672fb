/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients in open inquiries to therapists who are blocked. */
#include "base/base.h"
#include "testing_handle.h"

#include <psymatch/json.h>
#include <psymatch/patient.h>

static void
setup(void)
{
	static const char json[] =
	    "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "
	    "\"vorname\": \"Berta\", \"nachname\": \"Muster\"}";

	app_setup();
	OK(psm_store_migrate(st, "patient", err));
	for (int i = 0; i < 2; i++)
		OK(psm_patient_create(st, json, strlen(json), NULL, err));
}

/* "patient:therapist:inquiry" of each of the first page. */
static void
check_list(const char *want)
{
	char *out = NULL, got[500] = "";
	const psm_json *row;
	psm_json *doc = NULL;
	int64_t patient, therapist, inquiry, total;
	size_t n = 0;

	OK(psm_patient_reassignments(st, 1, 10, &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	for (; (row = psm_json_item(psm_json_at(doc, "/data"), n)) != NULL;
	     n++) {
		OK(psm_json_get_int(psm_json_at(row, "/patient_id"), &patient,
		                    err));
		OK(psm_json_get_int(psm_json_at(row, "/therapist_id"),
		                    &therapist, err));
		OK(psm_json_get_int(psm_json_at(row, "/anfrage_id"), &inquiry,
		                    err));
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		               "%s%d:%d:%d", n > 0 ? " " : "", (int)patient,
		               (int)therapist, (int)inquiry);
	}
	ck_assert_str_eq(got, want);
	OK(psm_json_get_int(psm_json_at(doc, "/total"), &total, err));
	ck_assert_int_eq(total, (int64_t)n);
	psm_json_free(doc);
	psm_free(out);
}

#define AT(second) "2026-03-09T11:00:0" #second "Z"
#define MATCH(id, patient, therapist)                                          \
	"\"match_id\": " #id ", \"patient_id\": " #patient                     \
	", \"therapist_id\": " #therapist ", \"anfrage_id\": 5"
#define TO(status) ", \"old_status\": \"anstehend\", \"new_status\": " status
#define THERAPIST(id, version)                                                 \
	"\"therapist_id\": " #id ", \"therapist_data\": {\"id\": " #id         \
	"}, \"entity_version\": " #version

static void
tell(const char *type, const char *time, const char *members)
{
	receive(psm_patient_handle, type, time, members);
}

START_TEST(lists)
{
	char *out = NULL;

	tell("match.created", AT(0), MATCH(1, 1, 7));
	tell("match.created", AT(1), MATCH(2, 2, 7));
	tell("match.created", AT(2), MATCH(3, 2, 8));
	check_list("");
	tell("therapist.blocked", AT(3),
	     THERAPIST(7, 2) ", \"reason\": \"voll\"");
	check_list("1:7:5 2:7:5");
	OK(psm_patient_reassignments(st, 2, 1, &out, err));
	ck_assert_str_eq(out, "{\"data\":[{\"patient_id\":2,\"vorname\":"
	                      "\"Berta\",\"nachname\":\"Muster\","
	                      "\"therapist_id\":7,\"anfrage_id\":5,"
	                      "\"match_id\":2,\"gesperrt_seit\":"
	                      "\"2026-03-09T11:00:03Z\",\"sperrgrund\":"
	                      "\"voll\"}],\"page\":2,\"limit\":1,\"total\":2}");
	psm_free(out);
	/* Answered, withdrawn; unblocked. */
	tell("match.status_changed", AT(4), MATCH(1, 1, 7) TO("\"abgelehnt\""));
	check_list("2:7:5");
	tell("therapist.blocked", AT(5), THERAPIST(8, 2));
	check_list("2:7:5 2:8:5");
	tell("match.status_changed", AT(6), MATCH(2, 2, 7) TO("null"));
	check_list("2:8:5");
	tell("therapist.unblocked", AT(7), THERAPIST(8, 3));
	check_list("");
	tell("therapist.deleted", AT(8), "\"therapist_id\": 8");
	check_list("2:8:5");
	OK(psm_patient_delete(st, 2, PSM_VERSION_ANY, err));
	check_list("");
}
END_TEST

/* Two machines' clocks differ: what is made was made before it changed. */
START_TEST(a_change_comes_after_its_match)
{
	tell("match.created", AT(5), MATCH(1, 1, 7));
	tell("therapist.blocked", AT(3), THERAPIST(7, 2));
	check_list("1:7:5");
	tell("match.status_changed", AT(4), MATCH(1, 1, 7) TO("\"abgelehnt\""));
	check_list("");
	tell("match.created", AT(6), MATCH(1, 1, 7));
	check_list("");
}
END_TEST

/* Nothing is done by itself. */
START_TEST(tells_nobody)
{
	int64_t before = pg_int("SELECT count(*) FROM psymatch.outbox");

	tell("match.created", AT(0), MATCH(1, 1, 7));
	tell("therapist.blocked", AT(3), THERAPIST(7, 2));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"),
	                 before);
}
END_TEST

static const struct {
	const char *type, *time, *members;
} steps[] = {
    {"match.created", AT(0), MATCH(1, 1, 7)},
    {"match.status_changed", AT(1), "\"match_id\": 1" TO("\"angenommen\"")},
    {"match.status_changed", AT(2), "\"match_id\": 1" TO("\"anstehend\"")},
    {"therapist.unblocked", AT(3), THERAPIST(7, 1)},
    {"therapist.blocked", AT(4), THERAPIST(7, 2)},
};

/* In whatever order they come. */
START_TEST(any_order)
{
	int order[PSM__COUNT(steps)], count = (int)PSM__COUNT(steps);

	for (int n = _i; n < 120; n += 4) {
		pg_run("TRUNCATE patient_service.zuordnungen, "
		       "patient_service.therapeuten_sperren");
		permute(n, order, count);
		for (int i = 0; i < count; i++)
			tell(steps[order[i]].type, steps[order[i]].time,
			     steps[order[i]].members);
		check_list("1:7:5");
	}
}
END_TEST

START_TEST(refusals)
{
	char *out = NULL;
	psm_event *ev = make_event("match.created", AT(0),
	                           "\"match_id\": 3000000000, \"patient_id\": "
	                           "1, \"therapist_id\": 1");

	ck_assert_int_eq(pg_handle(st, psm_patient_handle, ev, err),
	                 PSM_ERR_REJECT);
	psm_event_free(ev);
	ck_assert_int_eq(psm_patient_reassignments(NULL, 1, 10, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_reassignments(st, 1, 10, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_reassignments(st, 0, 10, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_reassignments(st, 1, 1001, &out, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* What no event tells of, because it was so before: the third inquiry was
 * answered, the fourth cancelled. */
START_TEST(adopted)
{
	OK(psm_store_migrate(st, "matching", err));
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, vorname, nachname, status, sperrgrund, sperrdatum) "
	       "VALUES (7, 'Frau', 'weiblich', 'A', 'B', 'gesperrt', 'voll', "
	       "'2999-01-01'), (8, 'Frau', 'weiblich', 'A', 'B', 'gesperrt', "
	       "NULL, NULL), (9, 'Frau', 'weiblich', 'A', 'B', 'aktiv', NULL, "
	       "NULL); INSERT INTO matching_service.platzsuche (id, "
	       "patient_id) VALUES (1, 1), (2, 2); INSERT INTO "
	       "matching_service.therapeutenanfrage (id, therapist_id, "
	       "anfragegroesse, gesendet_datum, antwort_datum, "
	       "storniert_datum) VALUES (1, 7, 1, '2026-01-01', NULL, NULL), "
	       "(2, 8, 1, NULL, NULL, NULL), (3, 7, 1, '2026-01-01', "
	       "'2026-01-02', NULL), (4, 7, 1, NULL, NULL, '2026-01-01'), "
	       "(5, 9, 1, NULL, NULL, NULL); INSERT INTO "
	       "matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) SELECT a.id, 1 + a.id %% 2, 1 + a.id %% "
	       "2, 1 FROM matching_service.therapeutenanfrage a ORDER BY a.id; "
	       "INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, status) VALUES (1, 1, 1, 2, 'abgelehnt'); "
	       "DELETE FROM psymatch.migration WHERE set = 'patient' AND "
	       "version = 5");
	OK(psm_store_migrate(st, "patient", err));
	check_list("1:8:2 2:7:1");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM patient_service.therapeuten_sperren "
	           "WHERE event_time <= now()"),
	    2);
	tell("match.status_changed", AT(4),
	     "\"match_id\": 1" TO("\"abgelehnt\""));
	tell("therapist.unblocked", AT(5), THERAPIST(8, 2));
	check_list("");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("reassign");
	TCase *t = tcase_create("reassign");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, lists);
	tcase_add_test(t, a_change_comes_after_its_match);
	tcase_add_test(t, tells_nobody);
	tcase_add_loop_test(t, any_order, 0, 4);
	tcase_add_test(t, refusals);
	tcase_add_test(t, adopted);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
