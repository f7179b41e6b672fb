/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes by a role that may not do everything. */
#include "app/app.h"
#include "app/ask.h"
#include "app/fit_pair.h"
#include "testing_app.h"

/* A role that has its own service's rights and the first _i of these; it is
 * gone with the transaction. */
static const char *const rights[] = {
    "GRANT USAGE ON SCHEMA matching_service TO",
    "GRANT SELECT ON ALL TABLES IN SCHEMA matching_service TO"};
static const char *const own_rights[] = {
    "CREATE ROLE", "GRANT USAGE ON SCHEMA psymatch, therapist_service TO",
    "GRANT ALL ON ALL TABLES IN SCHEMA psymatch, therapist_service TO",
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA psymatch TO"};

static void
run(psm_tx *tx, const char *statement)
{
	char sql[128];

	(void)snprintf(sql, sizeof(sql), "%s psm_%ld", statement,
	               (long)getpid());
	OK(psm_tx_exec(tx, sql, 0, NULL, NULL, err));
}

START_TEST(deletes_without_a_right_to_inquiries)
{
	psm_tx *tx = NULL;

	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname) VALUES ('Frau', 'weiblich', 'V', 'N')");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum) VALUES (1, 1, now())");
	OK(psm_tx_begin(st, &tx, err));
	for (size_t i = 0; i < PSM__COUNT(own_rights); i++)
		run(tx, own_rights[i]);
	for (int i = 0; i < _i; i++)
		run(tx, rights[i]);
	run(tx, "SET LOCAL ROLE");
	ck_assert_int_eq(
	    psm_entity_delete(tx, "therapist", 1, PSM_VERSION_ANY, 0, err),
	    _i == PSM__COUNT(rights) ? PSM_ERR_CONFLICT : 0);
	psm_tx_rollback(tx);
}
END_TEST

START_TEST(does_without_centroids_that_it_may_not_read)
{
	struct psm__fit_terms terms;
	psm_tx *tx = NULL;

	pg_run("CREATE SCHEMA geocoding_service; CREATE TABLE " PSM__CENTROIDS
	       " (plz text, latitude float8, longitude float8)");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm__fit_terms(tx, &terms, err));
	ck_assert_int_eq(terms.centroids, 1);
	for (size_t i = 0; i < PSM__COUNT(own_rights); i++)
		run(tx, own_rights[i]);
	run(tx, "SET LOCAL ROLE");
	OK(psm__fit_terms(tx, &terms, err));
	ck_assert_int_eq(terms.centroids, 0);
	psm_tx_rollback(tx);
}
END_TEST

START_TEST(sees_no_column_that_it_may_not_reach)
{
	static const char sql[] = "SELECT (" PSM__HAS_COLUMN(
	    "'matching_service'", "'platzsuche'",
	    "'dringlichkeit'") ")::integer * 2 + (" PSM__HAS_COLUMN("'matching_service'",
	                                                            "'platzsuche'",
	                                                            "'x'") ")::integer";
	int64_t there = 0;
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	OK(psm__app_ask(tx, sql, 0, NULL, &there, err));
	ck_assert_int_eq(there, 2);
	for (size_t i = 0; i < PSM__COUNT(own_rights); i++)
		run(tx, own_rights[i]);
	for (int i = 0; i < _i; i++)
		run(tx, rights[i]);
	run(tx, "SET LOCAL ROLE");
	OK(psm__app_ask(tx, sql, 0, NULL, &there, err));
	ck_assert_int_eq(there, _i == PSM__COUNT(rights) ? 2 : 0);
	psm_tx_rollback(tx);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("change_rights");
	TCase *t = tcase_create("rights");

	tcase_add_checked_fixture(t, app_setup, app_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, deletes_without_a_right_to_inquiries, 0, 3);
	tcase_add_test(t, does_without_centroids_that_it_may_not_read);
	tcase_add_loop_test(t, sees_no_column_that_it_may_not_reach, 0, 3);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
