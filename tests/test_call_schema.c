/* SPDX-License-Identifier: BSD-2-Clause */
/* The phone calls of a database of the platform are taken over as they are. */
#include "testing_app.h"

#include <psymatch/call.h>

/* As the platform's last migration left it; the other schemas as far as keys
 * lead there. */
static const char platform[] =
    "CREATE SCHEMA therapist_service;"
    "CREATE TABLE therapist_service.therapeuten (id serial PRIMARY KEY, "
    "telefonische_erreichbarkeit jsonb);"
    "CREATE SCHEMA patient_service;"
    "CREATE TABLE patient_service.patienten (id serial PRIMARY KEY);"
    "INSERT INTO therapist_service.therapeuten VALUES (7), (8);"
    "INSERT INTO patient_service.patienten VALUES (3);"
    "CREATE SCHEMA communication_service;"
    "CREATE TYPE telefonanrufstatus AS ENUM ('geplant', 'abgeschlossen', "
    "'fehlgeschlagen', 'abgebrochen');"
    "CREATE TABLE communication_service.telefonanrufe ("
    "id serial PRIMARY KEY,"
    "therapist_id integer REFERENCES therapist_service.therapeuten (id) ON "
    "DELETE CASCADE,"
    "patient_id integer REFERENCES patient_service.patienten (id) ON DELETE "
    "CASCADE,"
    "geplantes_datum date NOT NULL,"
    "geplante_zeit time NOT NULL,"
    "dauer_minuten integer DEFAULT 5,"
    "tatsaechliches_datum date,"
    "tatsaechliche_zeit time,"
    "status telefonanrufstatus NOT NULL DEFAULT 'geplant',"
    "ergebnis text,"
    "notizen text,"
    "created_at timestamp,"
    "updated_at timestamp,"
    "CONSTRAINT phone_call_recipient_check CHECK ((therapist_id IS NOT NULL "
    "AND patient_id IS NULL) OR (therapist_id IS NULL AND patient_id IS NOT "
    "NULL)));"
    "ALTER TABLE communication_service.telefonanrufe ADD COLUMN "
    "therapeutenanfrage_id integer;"
    "CREATE INDEX ix_telefonanrufe_status ON "
    "communication_service.telefonanrufe (status);";
static const char rows[] =
    "INSERT INTO communication_service.telefonanrufe (therapist_id, "
    "patient_id, geplantes_datum, geplante_zeit, dauer_minuten, status, "
    "notizen, therapeutenanfrage_id) VALUES "
    /* Three at one time, one of them within another one. */
    "(7, NULL, '2999-03-09', '10:00', 5, 'geplant', NULL, 12),"
    "(7, NULL, '2999-03-09', '10:00', 5, 'geplant', NULL, 13),"
    "(7, NULL, '2999-03-09', '09:55', 30, 'geplant', NULL, NULL),"
    "(8, NULL, '2999-03-09', '10:00', 5, 'geplant', NULL, NULL),"
    /* No length, or none that can be; a time of the next day; for ever. */
    "(8, NULL, '2999-03-09', '10:05', NULL, 'geplant', '', NULL),"
    "(8, NULL, '2999-03-09', '10:10', -7, 'geplant', '', NULL),"
    "(8, NULL, '2999-03-09', '24:00', 0, 'geplant', '', NULL),"
    "(8, NULL, 'infinity', '10:00', 5, 'geplant', '', NULL),"
    "(8, NULL, '-infinity', '10:00', 5, 'geplant', '', NULL),"
    "(NULL, 3, '2999-03-09', '10:00', 10, 'geplant', NULL, NULL),"
    "(NULL, 3, '2999-03-09', '10:00', 10, 'geplant', NULL, NULL),"
    "(7, NULL, '2020-01-01', '10:00:30.5', 5, 'abgeschlossen', NULL, NULL),"
    "(7, NULL, '2999-03-10', '10:00', 5, 'abgebrochen', NULL, NULL);";

static const char rows_sql[] =
    "SELECT md5(string_agg(concat(id, therapist_id, patient_id, "
    "therapeutenanfrage_id, geplantes_datum, geplante_zeit, "
    "coalesce(dauer_minuten, -1), tatsaechliches_datum, tatsaechliche_zeit, "
    "status, ergebnis, notizen, created_at, updated_at, xmin), '|' ORDER BY "
    "id)) FROM communication_service.telefonanrufe";

static void
setup(void)
{
	pg_database();
	st = pg_store();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

START_TEST(every_row_survives)
{
	char *before, *after, *out = NULL;

	pg_run("%s", platform);
	pg_run("%s", rows);
	before = pg_text("%s", rows_sql);
	OK(psm_store_migrate(st, "communication", err));
	after = pg_text("%s", rows_sql);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	for (int id = 1; id <= 13; id++) {
		OK(psm_call_get(st, id, &out, NULL, err));
		psm_free(out);
	}
	OK(psm_store_migrate(st, "communication", err));
	/* History outlives people. */
	pg_run("DELETE FROM therapist_service.therapeuten; DELETE FROM "
	       "patient_service.patienten");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.telefonanrufe"),
	    13);
}
END_TEST

/* Those that overlap stay, but nothing new comes in between; they can be
 * changed, and moved to where it is free. */
START_TEST(what_overlaps_may_stay)
{
	static const char *const changes[] = {
	    "{\"notizen\": \"x\"}", "{\"geplante_zeit\": \"11:00\"}",
	    "{\"status\": \"abgeschlossen\"}"};
	static const char taken[] =
	    "{\"therapist_id\": 7, \"geplantes_datum\": \"2999-03-09\", "
	    "\"geplante_zeit\": \"10:02\"}";

	pg_run("%s", platform);
	pg_run("%s", rows);
	OK(psm_store_migrate(st, "communication", err));
	ck_assert_int_eq(psm_call_create(st, taken, strlen(taken), NULL, err),
	                 PSM_ERR_CONFLICT);
	for (size_t i = 0; i < 3; i++)
		ck_assert_int_eq(psm_call_update(st, 2, PSM_VERSION_ANY,
		                                 changes[i], strlen(changes[i]),
		                                 NULL, err),
		                 1);
	for (int id = 5; id <= 9; id++)
		ck_assert_int_eq(psm_call_update(st, id, PSM_VERSION_ANY,
		                                 changes[0], strlen(changes[0]),
		                                 NULL, err),
		                 1);
	OK(psm_call_delete(st, 1, PSM_VERSION_ANY, err));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("call_schema");
	TCase *tc = tcase_create("call_schema");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, app_teardown);
	tcase_add_test(tc, every_row_survives);
	tcase_add_test(tc, what_overlaps_may_stay);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
