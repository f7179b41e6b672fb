/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of large tables are read by an index, also by the plan that the server
 * keeps for a prepared statement. */
#include "app/app.h"
#include "testing_app.h"

/* From the sixth time on the server may keep one plan for all values. */
#define TIMES 8

static void
setup(void)
{
	app_setup();
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, plz, status, potenziell_verfuegbar) SELECT "
	       "'Frau', 'weiblich', 'V' || i, 'N' || i, lpad((i * 7 %% "
	       "100000)::text, 5, '0'), 'aktiv', i %% 3 = 0 "
	       "FROM generate_series(1, 100000) i");
	pg_run("UPDATE therapist_service.therapeuten SET status = 'gesperrt' "
	       "WHERE id %% 100 = 0");
	pg_run("INSERT INTO matching_service.platzsuche (patient_id, status) "
	       "SELECT i, 'erfolgreich' FROM generate_series(1, 100000) i");
	pg_run("UPDATE matching_service.platzsuche SET status = 'aktiv' WHERE "
	       "id %% 200 = 0");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse) SELECT i %% 5000, 3 "
	       "FROM generate_series(1, 100000) i");
	OK(psm_store_migrate(st, "patient", err));
	OK(psm_store_migrate(st, "communication", err));
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, plz, status) SELECT 'Frau', 'weiblich', "
	       "'V' || i, 'N' || i, lpad((i * 7 %% 100000)::text, 5, '0'), "
	       "'Therapie_abgeschlossen' FROM generate_series(1, 100000) i");
	pg_run("UPDATE patient_service.patienten SET status = 'offen' WHERE "
	       "id %% 100 = 0");
	pg_run("INSERT INTO communication_service.emails (patient_id, betreff, "
	       "inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
	       "absender_email, absender_name, status) SELECT i %% 5000, 'x', "
	       "'x', 'x', 'a@example.org', 'A', 'b@example.org', 'B', "
	       "'Gesendet' FROM generate_series(1, 100000) i");
	pg_run("UPDATE communication_service.emails SET status = "
	       "'Fehlgeschlagen' WHERE id %% 100 = 0");
	pg_run("ANALYZE");
}

static const struct {
	const char *entity;
	const char *filters[5];
	const char *sort;
	const char *arguments; /* of the page's statement */
	int count_by_index;
} lists[] = {
    {"therapist", {NULL}, NULL, "20, 0", 0},
    {"therapist", {"status", "gesperrt"}, NULL, "'gesperrt', 20, 0", 1},
    {"therapist", {"plz_prefix", "123"}, NULL, "'123%', 20, 0", 1},
    {"therapist",
     {"plz_prefix", "123", "potenziell_verfuegbar", "true"},
     "nachname",
     "'123%', true, 20, 0",
     1},
    {"search", {"patient_id", "77"}, NULL, "77, 20, 0", 1},
    {"search", {"status", "aktiv"}, "created_at", "'aktiv', 20, 0", 1},
    {"inquiry", {"therapist_id", "77"}, "-id", "77, 20, 0", 1},
    {"patient", {"status", "offen"}, NULL, "'offen', 20, 0", 1},
    {"patient", {"plz_prefix", "123"}, "-nachname", "'123%', 20, 0", 1},
    {"email", {"patient_id", "77"}, "-created_at", "77, 20, 0", 1},
    {"email", {NULL}, "-created_at", "20, 0", 0},
    {"email", {"status", "Fehlgeschlagen"}, NULL, "'Fehlgeschlagen', 20, 0", 1},
};

static void
check_plan(psm_tx *tx, const char *name, const char *arguments)
{
	psm_rows *rows = NULL;
	char sql[200];

	(void)snprintf(sql, sizeof(sql), "EXPLAIN EXECUTE %s (%s)", name,
	               arguments);
	OK(psm_tx_exec(tx, sql, 0, NULL, &rows, err));
	for (size_t i = 0; i < psm_rows_count(rows); i++)
		ck_assert_msg(strstr(psm_rows_text(rows, i, 0), "Seq Scan") ==
		                  NULL,
		              "%s: %s", sql, psm_rows_text(rows, i, 0));
	psm_rows_free(rows);
}

/* The arguments of the count are those of the page without the last two. */
static void
check_plans(psm_tx *tx, const char *arguments, int count_too)
{
	char counting[100];
	psm_rows *rows = NULL;

	(void)snprintf(counting, sizeof(counting), "%.*s",
	               (int)(strlen(arguments) - strlen(", 20, 0")), arguments);
	OK(psm_tx_exec(tx,
	               "SELECT name, statement LIKE '%LIMIT%' FROM "
	               "pg_prepared_statements WHERE statement ~ "
	               "'^SELECT.* t( WHERE.*)?( ORDER.*)?$' AND statement !~ "
	               "'= \\$1::bigint' ORDER BY 2",
	               0, NULL, &rows, err));
	ck_assert_uint_eq(psm_rows_count(rows), 2);
	if (count_too)
		check_plan(tx, psm_rows_text(rows, 0, 0), counting);
	check_plan(tx, psm_rows_text(rows, 1, 0), arguments);
	psm_rows_free(rows);
}

START_TEST(large_lists_use_an_index)
{
	psm_tx *tx = NULL;
	char *out = NULL;

	for (size_t i = 0; i < PSM__COUNT(lists); i++) {
		psm_store *before = st;

		st = pg_store();
		OK(psm_tx_begin(st, &tx, err));
		for (int k = 0; k < TIMES; k++) {
			OK(psm_entity_list(tx, lists[i].entity,
			                   lists[i].filters, lists[i].sort, 1,
			                   20, &out, err));
			ck_assert_ptr_null(strstr(out, "\"data\":[]"));
			psm_free(out);
		}
		check_plans(tx, lists[i].arguments, lists[i].count_by_index);
		psm_tx_rollback(tx);
		psm_store_free(st);
		st = before;
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("list_plans");
	TCase *t = tcase_create("plans");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_set_timeout(t, 120);
	tcase_add_test(t, large_lists_use_an_index);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
