/* SPDX-License-Identifier: BSD-2-Clause */
/* The mails of a database of the platform are taken over as they are. */
#include "testing_app.h"

/* As the platform's last migration left it; the other schemas as far as keys
 * lead there. */
static const char platform[] =
    "CREATE SCHEMA therapist_service;"
    "CREATE TABLE therapist_service.therapeuten (id serial PRIMARY KEY);"
    "CREATE SCHEMA patient_service;"
    "CREATE TABLE patient_service.patienten (id serial PRIMARY KEY);"
    "INSERT INTO therapist_service.therapeuten VALUES (7), (8);"
    "INSERT INTO patient_service.patienten VALUES (3);"
    "CREATE SCHEMA communication_service;"
    "CREATE TYPE emailstatus AS ENUM ('Entwurf', 'In_Warteschlange', "
    "'Wird_gesendet', 'Gesendet', 'Fehlgeschlagen');"
    "CREATE TABLE communication_service.emails ("
    "id serial PRIMARY KEY,"
    "therapist_id integer REFERENCES therapist_service.therapeuten (id) ON "
    "DELETE CASCADE,"
    "patient_id integer REFERENCES patient_service.patienten (id) ON DELETE "
    "CASCADE,"
    "betreff varchar(255) NOT NULL,"
    "inhalt_html text NOT NULL,"
    "inhalt_text text NOT NULL,"
    "empfaenger_email varchar(255) NOT NULL,"
    "empfaenger_name varchar(255) NOT NULL,"
    "absender_email varchar(255) NOT NULL,"
    "absender_name varchar(255) NOT NULL,"
    "antwort_erhalten boolean NOT NULL DEFAULT false,"
    "antwortdatum timestamp,"
    "antwortinhalt text,"
    "status emailstatus DEFAULT 'Entwurf',"
    "in_warteschlange_am timestamp,"
    "gesendet_am timestamp,"
    "fehlermeldung text,"
    "wiederholungsanzahl integer DEFAULT 0,"
    "created_at timestamp,"
    "updated_at timestamp,"
    "CONSTRAINT email_recipient_check CHECK ((therapist_id IS NOT NULL AND "
    "patient_id IS NULL) OR (therapist_id IS NULL AND patient_id IS NOT NULL))"
    ");"
    "CREATE INDEX ix_emails_therapist_id ON communication_service.emails "
    "(therapist_id);";
static const char rows[] =
    "INSERT INTO communication_service.emails (therapist_id, patient_id, "
    "betreff, inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
    "absender_email, absender_name, status, wiederholungsanzahl, gesendet_am, "
    "antwort_erhalten) VALUES "
    "(7, NULL, 'Suche - Ref: A12', '<p>x</p>', 'x', 'a@b.de', 'None Muster', "
    "'i@c.de', 'C', 'Gesendet', 0, '2025-08-01 10:00:00.123', true),"
    /* No status, no text, an address that is none, no count. */
    "(NULL, 3, '', '', '', 'nobody', '', '', '', NULL, NULL, NULL, false),"
    /* What a crash left there, and what waits. */
    "(8, NULL, 'Ref: A99999999999', 'x', '', 'a@b.de', 'x', 'i@c.de', 'C', "
    "'Wird_gesendet', 0, NULL, false),"
    "(8, NULL, 'x', 'x', '', 'a@b.de', 'x', 'i@c.de', 'C', "
    "'In_Warteschlange', 0, NULL, false),"
    "(8, NULL, 'x', 'x', '', 'a@b.de', 'x', 'i@c.de', 'C', 'Fehlgeschlagen', "
    "3, NULL, false);";

static const char rows_sql[] =
    "SELECT md5(string_agg(concat(id, therapist_id, patient_id, betreff, "
    "inhalt_html, inhalt_text, empfaenger_email, empfaenger_name, "
    "absender_email, absender_name, antwort_erhalten, antwortdatum, "
    "antwortinhalt, coalesce(status::text, 'none'), in_warteschlange_am, "
    "gesendet_am, fehlermeldung, coalesce(wiederholungsanzahl, -1), "
    "created_at, updated_at, xmin), '|' ORDER BY id)) FROM "
    "communication_service.emails";

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
	/* Every one can be read, the odd ones, too. */
	for (int id = 1; id <= 5; id++) {
		OK(psm_mail_get(st, id, &out, NULL, err));
		psm_free(out);
	}
	OK(psm_store_migrate(st, "communication", err));
	/* History outlives people. */
	pg_run("DELETE FROM therapist_service.therapeuten; DELETE FROM "
	       "patient_service.patienten");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.emails"), 5);
}
END_TEST

START_TEST(an_odd_row_can_be_changed)
{
	static const char queue[] = "{\"status\":\"In_Warteschlange\"}";

	pg_run("%s", platform);
	pg_run("%s", rows);
	OK(psm_store_migrate(st, "communication", err));
	ck_assert_int_eq(
	    psm_mail_update(st, 2, 0, queue, strlen(queue), NULL, err), 1);
	ck_assert_int_eq(
	    psm_mail_update(st, 5, 0, queue, strlen(queue), NULL, err), 1);
	OK(psm_mail_delete(st, 2, PSM_VERSION_ANY, err));
}
END_TEST

/* As much is read of ten thousand old mails as of none. */
START_TEST(the_queue_does_not_grow_with_history)
{
	char *plan;

	OK(psm_store_migrate(st, "communication", err));
	for (int failed = 0; failed <= 1; failed++)
		pg_run("INSERT INTO communication_service.emails "
		       "(therapist_id, betreff, inhalt_html, inhalt_text, "
		       "empfaenger_email, empfaenger_name, absender_email, "
		       "absender_name, status) SELECT 1, 'Ref: A' || i, '', "
		       "'x', 'a@b.de', 'x', 'i@c.de', 'C', '%s' FROM "
		       "generate_series(%d, %d) i",
		       failed ? "Fehlgeschlagen" : "Gesendet",
		       failed * 5000 + 1, failed * 5000 + 5000);
	pg_run("ANALYZE communication_service.emails");
	ck_assert_int_eq(
	    pg_int("SELECT pg_relation_size("
	           "'communication_service.idx_emails_warteschlange') + "
	           "pg_relation_size('communication_service."
	           "idx_emails_in_versand')"),
	    2 * 8192);
	plan = pg_text("SELECT id::text FROM communication_service.emails "
	               "WHERE substring(betreff FROM '\\mA([0-9]{1,9})\\s*$') "
	               "= '77'");
	ck_assert_str_eq(plan, "77");
	free(plan);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("mail_schema");
	TCase *t = tcase_create("schema");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_add_test(t, every_row_survives);
	tcase_add_test(t, an_odd_row_can_be_changed);
	tcase_add_test(t, the_queue_does_not_grow_with_history);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
