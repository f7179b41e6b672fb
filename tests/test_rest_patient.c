/* SPDX-License-Identifier: BSD-2-Clause */
/* Patients over HTTP: what a client of the platform asks for, each success and
 * each kind of failure. */
#include "testing_rest.h"

static void
set_up_patient(void)
{
	service = "patient";
	pg_copy();
	store = pg_store();
	start("");
}

#define PATIENTS "/api/patients"
#define ERIKA                                                                  \
	"\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\",\"vorname\":"         \
	"\"Erika\",\"nachname\":\"M\\u00fcller_x\""

static const struct step patients_steps[] = {
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"email\":\"e@example.org\",\"symptome\":[\"Mobbing\"],"
     "\"geburtsdatum\":\"1990-05-06\",\"id\":77,\"letzter_kontakt\":"
     "\"2020-01-01\",\"startdatum\":\"2020-01-01\",\"created_at\":"
     "\"2020-01-01\",\"nonsense\":{\"a\":[]}}",
     201,
     {"{\"id\":1,", "\"nachname\":\"M\xc3\xbcller_x\"",
      "Location: /api/patients/1\r\n", "\"status\":\"offen\""}},
    {"GET",
     PATIENTS "/1",
     NULL,
     NULL,
     200,
     {"\"letzter_kontakt\":null", "\"startdatum\":null",
      "\"zahlung_eingegangen\":false", "ETag: \"1\"\r\n"}},
    {"GET", PATIENTS "/1", "If-None-Match: \"1\"", NULL, 304, {"!Erika"}},
    {"GET", PATIENTS "/9", NULL, NULL, 404, {"Patient not found"}},
    {"GET", PATIENTS "/0x1", NULL, NULL, 404, {"Patient not found"}},
    {"POST",
     PATIENTS,
     JSON,
     "{}",
     400,
     {"{\"message\":\"", "\"pointer\":\"/anrede\"",
      "\"pointer\":\"/geschlecht\"", "\"pointer\":\"/nachname\""}},
    {"POST",
     PATIENTS,
     JSON,
     "{\"anrede\":\"Dr.\",\"geschlecht\":\"weiblich\",\"vorname\":\"A\","
     "\"nachname\":\"B\"}",
     400,
     {"/anrede", "Herr", "Frau"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"status\":\"weg\"}",
     400,
     {"/status", "auf_der_Suche"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"bevorzugtes_therapeutengeschlecht\":\"egal\"}",
     400,
     {"/bevorzugtes_therapeutengeschlecht", "Egal"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"bevorzugtes_therapieverfahren\":\"Egal\"}",
     400,
     {"/bevorzugtes_therapieverfahren", "egal"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"geburtsdatum\":\"1990-02-30\"}",
     400,
     {"/geburtsdatum", "YYYY-MM-DD"}},
    {"POST", PATIENTS, JSON, "{" ERIKA ",\"symptome\":[]}", 400, {"/symptome"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"symptome\":\"Mobbing\"}",
     400,
     {"/symptome"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"symptome\":[\"Mobbing\",\"Mobbing\",\"Mobbing\","
     "\"Mobbing\"]}",
     400,
     {"/symptome"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"symptome\":[\"mobbing\"]}",
     400,
     {"/symptome"}},
    {"POST",
     PATIENTS,
     JSON,
     "{" ERIKA ",\"zeitliche_verfuegbarkeit\":[]}",
     400,
     {"/zeitliche_verfuegbarkeit"}},
    {"POST", PATIENTS, JSON, "[{" ERIKA "}]", 400, {"PSM_ERR_SCHEMA"}},
    {"POST", PATIENTS, JSON, "{" ERIKA, 400, {"PSM_ERR_PARSE"}},
    {"POST", PATIENTS, JSON, "", 400, {"PSM_ERR_PARSE"}},
    {"POST",
     PATIENTS,
     "Content-Type: text/plain",
     "{}",
     400,
     {"body: want application/json"}},
    {"POST",
     PATIENTS,
     JSON "\nIdempotency-Key: k",
     "{\"anrede\":\"Herr\",\"geschlecht\":\"m\\u00e4nnlich\",\"vorname\":"
     "\"Max\",\"nachname\":\"100%\",\"status\":\"auf_der_Suche\"}",
     201,
     {"\"id\":2,", "\"geschlecht\":\"m\xc3\xa4nnlich\""}},
    {"POST",
     PATIENTS,
     JSON "\nIdempotency-Key: k",
     "{" ERIKA "}",
     422,
     {"another body"}},
    /* Absent and null stay; the empty text clears a date, and a text. */
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"email\":null,\"vorname\":null,\"geburtsdatum\":\"\",\"ort\":\"\","
     "\"hausarzt\":\"Dr. X\",\"id\":5,\"letzter_kontakt\":\"2020-01-01\"}",
     200,
     {"\"email\":\"e@example.org\"", "\"geburtsdatum\":null",
      "\"hausarzt\":\"Dr. X\"", "\"letzter_kontakt\":null"}},
    {"PUT", PATIENTS "/1", JSON, "{}", 200, {"ETag: \"2\"\r\n"}},
    {"PUT",
     PATIENTS "/1",
     JSON "\nIf-Match: \"1\"",
     "{\"ort\":\"Berlin\"}",
     412,
     {NULL}},
    {"PUT",
     PATIENTS "/1",
     JSON,
     "{\"zahlung_eingegangen\":true,\"vertraege_unterschrieben\":true}",
     200,
     {"\"status\":\"auf_der_Suche\"", "!\"startdatum\":null"}},
    {"PUT", PATIENTS "/1", JSON, "{\"anrede\":\"\"}", 400, {"/anrede"}},
    {"PUT", PATIENTS "/1", JSON, "{\"status\":\"x\"}", 400, {"/status"}},
    {"PUT", PATIENTS "/1", JSON, "x", 400, {"PSM_ERR_PARSE"}},
    {"PUT", PATIENTS "/1", NULL, "{}", 415, {NULL}},
    {"PUT", PATIENTS "/9", JSON, "{}", 404, {"Patient not found"}},
    {"PATCH",
     PATIENTS "/1",
     MERGE,
     "{\"email\":null}",
     200,
     {"\"email\":null"}},
    {"PATCH",
     PATIENTS "/1",
     MERGE,
     "{\"startdatum\":null}",
     400,
     {"/startdatum"}},
    {"GET",
     PATIENTS,
     NULL,
     NULL,
     200,
     {"\"total\":2", "\"page\":1,\"limit\":20"}},
    {"GET",
     PATIENTS "?limit=5000&page=2",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"page\":2,\"limit\":1000,\"total\":2"}},
    {"GET",
     PATIENTS "?search=M%C3%BCLLER_",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Erika"}},
    /* Also where the database's locale knows no capital umlauts. */
    {"GET",
     PATIENTS "?search=M%C3%9Cller_",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Erika"}},
    {"GET", PATIENTS "?search=l_er", NULL, NULL, 200, {"\"total\":0"}},
    {"GET", PATIENTS "?search=%25", NULL, NULL, 200, {"\"total\":1", "Max"}},
    {"GET", PATIENTS "?search=%5C", NULL, NULL, 200, {"\"total\":0"}},
    {"GET",
     PATIENTS "?status=auf_der_Suche&search=max",
     NULL,
     NULL,
     200,
     {"\"total\":1", "Max"}},
    {"GET",
     PATIENTS "?status=weg&page=3&limit=7",
     NULL,
     NULL,
     200,
     {"\"data\":[]", "\"total\":0"}},
    {"DELETE",
     PATIENTS "/1",
     NULL,
     NULL,
     200,
     {"\"Patient deleted successfully\""}},
    {"DELETE", PATIENTS "/1", NULL, NULL, 404, {"Patient not found"}},
    {"GET", PATIENTS "/1/communication", NULL, NULL, 404, {"not found"}},
    {"GET", PATIENTS "/2/communication", NULL, NULL, 503, {"communication"}},
    {"POST", PATIENTS "/2", JSON, "{}", 405, {"Allow: "}},
};

START_TEST(patients)
{
	STEPS(patients_steps);
	ck_assert_int_eq(events("patient.created"), 2);
	ck_assert_int_eq(events("patient.updated"), 3);
	ck_assert_int_eq(events("patient.status_changed"), 1);
	ck_assert_int_eq(events("patient.deleted"), 1);
}
END_TEST

/* Registrations that could not be imported. */
static const struct step faults_steps[] = {
    {"GET",
     PATIENTS "/import-errors?limit=1",
     NULL,
     NULL,
     200,
     {"\"file\" : \"b.json\"", "!a.json", "\"total\" : 2",
      "2026-03-01T10:00:00.000000Z"}},
    {"GET",
     PATIENTS "/import-errors?limit=1&page=2",
     NULL,
     NULL,
     200,
     {"\"file\" : \"a.json\"", "!b.json", "\"page\" : 2"}},
    {"GET",
     PATIENTS "/import-errors?page=9",
     NULL,
     NULL,
     200,
     {"\"data\" : []", "\"total\" : 2"}},
};

START_TEST(faults)
{
	pg_run("INSERT INTO psymatch.patient_import_fault (object_name, "
	       "content_hash, code, pointer, reason, found_at) VALUES "
	       "('a.json', '1', 'PSM_ERR_PARSE', '', 'x', now()), ('b.json', "
	       "'2', 'PSM_ERR_SCHEMA', '/anrede', 'y', '2026-03-01T10:00Z')");
	STEPS(faults_steps);
}
END_TEST

static unsigned
bit_of(const char *method)
{
	unsigned bit = 1;

	for (int m = 0; strcmp(psm__svc_methods[m], method) != 0; m++)
		bit <<= 1;
	return bit;
}

static const char *const services[] = {"patient", "therapist", "matching",
                                       "communication", "geocoding"};

/* Of a service: a method that a path does not have is 405, also where another
 * path with {id} has it. Nothing is asked of a database for it. */
START_TEST(each_path_has_its_own_methods)
{
	const struct svc_route *r, *end;
	unsigned allowed;

	pg_copy();
	store = pg_store();
	testing_server_new();
	ck_assert_msg(psm_rest_add(testing_server.svc, store,
	                           testing_server.cfg, services[_i],
	                           testing_server.err) == 0,
	              "%s", psm_error_message(testing_server.err));
	r = testing_server.svc->routes;
	end = r + testing_server.svc->route_count;
	ck_assert_ptr_ne(r, end);
	for (; r < end; r++) {
		unsigned own = 0;

		for (const struct svc_route *other = testing_server.svc->routes;
		     other < end; other++)
			if (strcmp(other->path, r->path) == 0)
				own |= bit_of(other->method);
		for (int m = 0; psm__svc_methods[m]; m++) {
			const struct svc_route *found = psm__svc_route_find(
			    testing_server.svc->routes,
			    testing_server.svc->route_count,
			    psm__svc_methods[m], r->path, &allowed);

			ck_assert_msg(allowed == own, "%s: %x, not %x", r->path,
			              allowed, own);
			ck_assert_msg((found != NULL) == !!(own & 1u << m),
			              "%s %s", psm__svc_methods[m], r->path);
		}
	}
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
	psm_store_free(store);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"patient", NULL};
	Suite *s = suite_create("rest_patient");
	TCase *tc = tcase_create("patients");

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	tcase_add_checked_fixture(tc, set_up_patient, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, patients);
	tcase_add_test(tc, faults);
	suite_add_tcase(s, tc);
	tc = tcase_create("routes");
	tcase_add_loop_test(tc, each_path_has_its_own_methods, 0,
	                    (int)PSM__COUNT(services));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
