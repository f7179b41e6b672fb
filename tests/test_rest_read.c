/* SPDX-License-Identifier: BSD-2-Clause */
/* What a table of fields alone gives over HTTP: records that can be read. */
#include "testing_rest.h"

static void
set_up_matching(void)
{
	service = "matching";
	set_up();
	pg_run("INSERT INTO matching_service.platzsuche (patient_id, status, "
	       "notizen) VALUES (7, 'aktiv', 'x'), (8, 'pausiert', NULL), "
	       "(9, 'aktiv', NULL)");
	pg_run("INSERT INTO psymatch.entity_version VALUES ('search', 1, 3)");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum) VALUES (4, 2, NULL), "
	       "(5, 3, '2026-11-02 10:00:00.123456')");
}

static const struct step reads_steps[] = {
    {"GET",
     "/api/platzsuchen/1",
     NULL,
     NULL,
     200,
     {"ETag: \"3\"\r\n", "\"patient_id\":7,", "\"notizen\":\"x\"",
      "\"ausgeschlossene_therapeuten\":[]"}},
    {"GET", "/api/platzsuchen/1", "If-None-Match: \"3\"", NULL, 304, {NULL}},
    {"GET",
     "/api/platzsuchen/4",
     NULL,
     NULL,
     404,
     {"Search 4 not found", "PSM_ERR_NOT_FOUND"}},
    {"GET", "/api/platzsuchen/x", NULL, NULL, 404, {"Search not found"}},
    {"GET",
     "/api/platzsuchen?status=aktiv&sort=-id&limit=1",
     NULL,
     NULL,
     200,
     {"\"id\":3,", "!\"id\":1,", "\"total\":2"}},
    {"GET",
     "/api/platzsuchen?patient_id=8",
     NULL,
     NULL,
     200,
     {"\"id\":2,", "\"total\":1"}},
    {"GET",
     "/api/therapeutenanfragen/2",
     NULL,
     NULL,
     200,
     {"ETag: \"0\"\r\n", "\"anfragegroesse\":3",
      "\"gesendet_datum\":\"2026-11-02T10:00:00.123456Z\""}},
    {"GET",
     "/api/therapeutenanfragen?therapist_id=4",
     NULL,
     NULL,
     200,
     {"\"id\":1,", "\"total\":1"}},
    {"DELETE", "/api/platzsuchen/1", NULL, NULL, 405, {"Allow: GET"}},
    {"POST", "/api/platzsuchen", JSON, "{}", 405, {"Allow: GET"}},
    {"GET",
     "/openapi.json",
     NULL,
     NULL,
     200,
     {"\"/api/platzsuchen/{id}\"", "\"/api/therapeutenanfragen\"",
      "!/api/therapists", "#/components/schemas/Search\""}},
};

START_TEST(reads)
{
	STEPS(reads_steps);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("rest_read");
	TCase *tc = tcase_create("rest");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, set_up_matching, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, reads);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
