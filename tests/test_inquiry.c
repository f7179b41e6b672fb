/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries are composed and sent. */
#include <psymatch/search.h>

#include "app/app.h"
#include "testing_inquiry.h"

#define BERTA 5

static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	add_patient(7, "10117", 2);
	add_patient(8, "10435", 1);
	add_patient(9, "10999", 2);
}

static int64_t
inquiries(void)
{
	return pg_int("SELECT count(*) FROM " INQUIRY);
}

/* -- composing */

START_TEST(composes)
{
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	is("/anfrage_id", "1");
	is("/anfragegroesse", "3");
	/* by created_at, then by number */
	is("/patient_ids", "[8, 7, 9]");
	is("/strategie", "\"fifo\"");
	matches_are(1, "8 anstehend, 7 anstehend, 9 anstehend");
	SAYS("5 3 fifo", "SELECT concat_ws(' ', therapist_id, anfragegroesse, "
	                 "strategie) FROM " INQUIRY);
	ck_assert_int_eq(outbox("therapeutenanfrage.created"), 1);
	ck_assert_int_eq(outbox("match.created"), 3);
	SAYS(
	    "{\"anfrage_id\": 1, \"patient_ids\": [8, 7, 9], \"anfrage_size\": "
	    "3, \"therapist_id\": 5}",
	    "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	    "'therapeutenanfrage.created'");
	SAYS("{\"status\": \"anstehend\", \"match_id\": 1, \"search_id\": 8, "
	     "\"anfrage_id\": 1, \"patient_id\": 8, \"therapist_id\": 5}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'match.created' ORDER BY id LIMIT 1");
	check_invariants();
}
END_TEST

START_TEST(takes_the_longest_waiting)
{
	for (int id = 20; id < 30; id++)
		add_patient(id, "10115", 100 - id);
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[8, 7, 9, 29, 28, 27]");
	check_invariants();
}
END_TEST

/* More than one page of searches that do not fit is looked through. */
START_TEST(looks_behind_those_who_do_not_fit)
{
	for (int id = 100; id < 240; id++)
		add_patient(id, "10115", -id);
	pg_run("UPDATE matching_service.patienten_kopie SET "
	       "bevorzugtes_therapeutengeschlecht = 'Männlich' WHERE id >= "
	       "100");
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[8, 7, 9]");
	is("/geprueft", "143");
	is("/gruende/therapist_gender", "140");
}
END_TEST

START_TEST(nobody_fits)
{
	pg_run("UPDATE " SEARCH
	       " SET ausgeschlossene_therapeuten = '[5]' WHERE id = 7");
	pg_run("UPDATE " SEARCH
	       " SET ausgeschlossene_therapeuten = '[{\"id\": 5}]' WHERE id = "
	       "8");
	pg_run("UPDATE " SEARCH " SET status = 'pausiert' WHERE id = 9");
	ck_assert_int_eq(create(BERTA), 0);
	is("/anfrage_id", "null");
	is("/gruende", "{\"excluded\": 2}");
	is("/geprueft", "2");
	ck_assert_int_eq(inquiries(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

static const struct {
	const char *sql;
	int64_t therapist;
	const char *prefix, *options;
	int code;
	const char *text;
} refused[] = {
    {"SELECT", 6, "10", NULL, PSM_ERR_NOT_FOUND, "not found"},
    {"SELECT", 0, "10", NULL, PSM_ERR_NOT_FOUND, "number"},
    {"SELECT", INT64_C(5000000000), "10", NULL, PSM_ERR_NOT_FOUND, "number"},
    {"UPDATE matching_service.therapeuten_kopie SET geloescht = true", BERTA,
     "10", NULL, PSM_ERR_NOT_FOUND, "not found"},
    {"SELECT", BERTA, "1", NULL, PSM_ERR_SCHEMA, "2 digits"},
    {"SELECT", BERTA, "101", NULL, PSM_ERR_SCHEMA, "2 digits"},
    {"SELECT", BERTA, "1%", NULL, PSM_ERR_SCHEMA, "2 digits"},
    {"SELECT", BERTA, "", NULL, PSM_ERR_SCHEMA, "2 digits"},
    {"SELECT", BERTA, NULL, NULL, PSM_ERR_SCHEMA, "2 digits"},
    /* digits of another script */
    {"SELECT", BERTA, "\xd9\xa1\xd9\xa0", NULL, PSM_ERR_SCHEMA, "2 digits"},
    {"SELECT", BERTA, "20", NULL, PSM_ERR_CONFLICT, "postal area"},
    {"UPDATE matching_service.therapeuten_kopie SET status = 'gesperrt'", BERTA,
     "10", NULL, PSM_ERR_CONFLICT, "aktiv"},
    {"UPDATE matching_service.therapeuten_kopie SET status = 'inaktiv'", BERTA,
     "10", NULL, PSM_ERR_CONFLICT, "aktiv"},
    {"UPDATE matching_service.therapeuten_kopie SET "
     "naechster_kontakt_moeglich = '2026-03-03'",
     BERTA, "10", NULL, PSM_ERR_CONFLICT, "override_cooling"},
    {"INSERT INTO " INQUIRY " (therapist_id, anfragegroesse) VALUES (5, 0)",
     BERTA, "10", NULL, PSM_ERR_CONFLICT, "not sent"},
    {"INSERT INTO " INQUIRY " (therapist_id, anfragegroesse, gesendet_datum) "
     "VALUES (5, 0, now())",
     BERTA, "10", NULL, PSM_ERR_CONFLICT, "not answered"},
    {"SELECT", BERTA, "10", "{\"strategie\": \"best\"}", PSM_ERR_SCHEMA,
     "priority"},
    {"SELECT", BERTA, "10", "{\"override_cooling\": \" \"}", PSM_ERR_SCHEMA,
     "not blank"},
    {"SELECT", BERTA, "10", "{\"notizen\": 1}", PSM_ERR_SCHEMA, "not blank"},
    {"SELECT", BERTA, "10", "[]", PSM_ERR_SCHEMA, "object"},
    {"SELECT", BERTA, "10", "{", PSM_ERR_PARSE, ""},
};

/* Blocked, cooling, with another inquiry, from elsewhere: nothing is made. */
START_TEST(fault_41_creation_is_guarded)
{
	int64_t before;

	pg_run("%s", refused[_i].sql);
	before = inquiries();
	ck_assert_int_eq(create_with(refused[_i].therapist, refused[_i].prefix,
	                             refused[_i].options),
	                 refused[_i].code);
	ck_assert_msg(strstr(psm_error_message(err), refused[_i].text) != NULL,
	              "got: %s", psm_error_message(err));
	ck_assert_ptr_null(out);
	ck_assert_int_eq(inquiries(), before);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

/* The day itself is free, a cancelled or answered inquiry is none that waits. */
START_TEST(may_be_asked_again)
{
	pg_run("UPDATE matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = '2026-03-02'");
	pg_run("INSERT INTO " INQUIRY " (therapist_id, anfragegroesse, "
	       "storniert_datum) VALUES (5, 0, now())");
	pg_run("INSERT INTO " INQUIRY " (therapist_id, anfragegroesse, "
	       "gesendet_datum, antwort_datum, antworttyp) VALUES (5, 0, "
	       "now(), now(), 'keine_Antwort')");
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
}
END_TEST

START_TEST(cooling_is_overridden_with_a_note)
{
	pg_run("UPDATE matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = '2026-03-20'");
	ck_assert_int_eq(
	    create_with(BERTA, "10",
	                "{\"override_cooling\": \"rief selbst an\", "
	                "\"notizen\": \"eilig\"}"),
	    1);
	SAYS("[2026-03-02 10:00 (API)] Asked before the end of the cooling "
	     "period: rief selbst an\n    eilig",
	     "SELECT notizen FROM " INQUIRY);
	ck_assert_int_eq(send_it(1), PSM_ERR_CONFLICT);
	ck_assert_int_eq(send_with(1, "{\"override_cooling\": \"ja\"}"), 1);
}
END_TEST

static void
limit(const char *name, const char *value)
{
	psm_config *cfg = pg_settings();

	OK(psm_config_set(cfg, name, value, err));
	psm_store_free(st);
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
}

START_TEST(sizes_are_settings)
{
	limit("MAX_ANFRAGE_SIZE", "2");
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[8, 7]");
	limit("MIN_ANFRAGE_SIZE", "4");
	pg_run("DELETE FROM " INQUIRY);
	ck_assert_int_eq(create(BERTA), 0);
	ck_assert_int_eq(inquiries(), 0);
}
END_TEST

/* An inquiry that is so old that it does not keep the therapist from being asked
 * again still waits for the answers to its patients. */
START_TEST(whoever_waits_for_an_answer_is_not_asked_for_again)
{
	pg_run("INSERT INTO " INQUIRY
	       " (id, therapist_id, anfragegroesse, gesendet_datum) VALUES "
	       "(100, 5, 1, '2025-12-01')"); /* 13 weeks ago */
	pg_run("INSERT INTO " MATCH
	       " (therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) VALUES (100, 8, 8, 1)");
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	is("/patient_ids", "[7, 9]");
}
END_TEST

/* The patient searches anew: the search is another, the person is not. */
START_TEST(nor_by_another_search)
{
	pg_run("UPDATE " SEARCH " SET status = 'abgebrochen' WHERE id = 8");
	pg_run("INSERT INTO " SEARCH " (id, patient_id) VALUES (18, 8)");
	pg_run("INSERT INTO " INQUIRY
	       " (id, therapist_id, anfragegroesse, gesendet_datum) VALUES "
	       "(100, 5, 1, '2025-12-01')");
	pg_run("INSERT INTO " MATCH
	       " (therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) VALUES (100, 8, 8, 1)");
	OK(psm_search_why_not(st, 18, BERTA, fresh(), err));
	is("/failed/0/reason", "\"in_inquiry\"");
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	is("/patient_ids", "[7, 9]");
}
END_TEST

/* Whom nobody can tell the distance of is asked for, and that is said. */
START_TEST(says_what_cannot_be_told)
{
	pg_run("UPDATE matching_service.patienten_kopie SET "
	       "raeumliche_verfuegbarkeit = '{\"max_km\": \"weit\"}' WHERE id "
	       "= 8");
	add_patient(10, "10119", 9);
	pg_run("UPDATE " SEARCH
	       " SET ausgeschlossene_therapeuten = '[5]' WHERE id = 10");
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	is("/patient_ids", "[8, 7, 9]");
	is("/cannot_tell", "{\"distance\": 3, \"max_km\": 1}");
}
END_TEST

START_TEST(areas_of_one_digit)
{
	limit("PLZ_MATCH_DIGITS", "1");
	add_patient(10, "12043", 3);
	add_patient(11, "20095", 4);
	ck_assert_msg(create_with(BERTA, "1", NULL) == 1, "%s",
	              psm_error_message(err));
	is("/patient_ids", "[8, 7, 9, 10]");
}
END_TEST

/* -- at the same time */

#define THREADS 4
static pthread_barrier_t start;
static _Atomic int done, nobody, conflicts;

static void *
create_one(void *arg)
{
	psm_error *e = psm_error_new();
	int rc;

	(void)arg;
	(void)pthread_barrier_wait(&start);
	rc = psm_inquiry_create(st, BERTA, "10", NULL, 0, NULL, e);
	done += rc == 1;
	conflicts += rc == PSM_ERR_CONFLICT;
	psm_error_free(e);
	return NULL;
}

static void *
send_one(void *arg)
{
	psm_error *e = psm_error_new();
	int rc;

	(void)arg;
	(void)pthread_barrier_wait(&start);
	rc = psm_inquiry_send(st, 1, NULL, 0, render, NULL, NULL, e);
	done += rc == 1;
	conflicts += rc == PSM_ERR_TRANSITION;
	psm_error_free(e);
	return NULL;
}

/* Open connections: who has to connect first comes too late for a race. */
static void
warm_up(void)
{
	psm_tx *tx[THREADS];

	for (int i = 0; i < THREADS; i++) {
		OK(psm_tx_begin(st, &tx[i], err));
		OK(psm_tx_exec(tx[i], "SELECT 1", 0, NULL, NULL, err));
	}
	for (int i = 0; i < THREADS; i++)
		psm_tx_rollback(tx[i]);
}

static void
at_once(void *(*fn)(void *))
{
	pthread_t threads[THREADS];

	done = nobody = conflicts = 0;
	warm_up();
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, fn, NULL),
		                 0);
	for (int i = 0; i < THREADS; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_barrier_destroy(&start);
	ck_assert_int_eq(done, 1);
	ck_assert_int_eq(conflicts, THREADS - 1);
}

START_TEST(fault_41_two_at_once_make_one)
{
	at_once(create_one);
	ck_assert_int_eq(inquiries(), 1);
	ck_assert_int_eq(outbox("therapeutenanfrage.created"), 1);
}
END_TEST

/* Between the choice and the lock somebody excludes the therapist. */
START_TEST(excluded_while_it_is_composed)
{
	pthread_t thread;
	psm_tx *tx;

	done = conflicts = 0;
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, 1), 0);
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "UPDATE " SEARCH
	               " SET ausgeschlossene_therapeuten = '[5]' WHERE id = 7",
	               0, NULL, NULL, err));
	ck_assert_int_eq(pthread_create(&thread, NULL, create_one, NULL), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	                "current_database() AND wait_event_type = 'Lock'") ==
	         1);
	OK(psm_tx_commit(tx, err));
	(void)pthread_join(thread, NULL);
	(void)pthread_barrier_destroy(&start);
	ck_assert_int_eq(done, 1);
	matches_are(1, "8 anstehend, 9 anstehend");
	check_invariants();
}
END_TEST

START_TEST(fault_42_two_at_once_send_one)
{
	ck_assert_int_eq(create(BERTA), 1);
	at_once(send_one);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.emails"), 1);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 1);
	ck_assert_int_eq(outbox("communication.send_email"), 1);
}
END_TEST

/* -- sending */

START_TEST(fault_43_sending_publishes)
{
	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	is("/gesendet", "true");
	is("/communication_type", "\"email\"");
	is("/email_id", "1");
	is("/phone_call_id", "null");
	is("/sent_date", "\"2026-03-02T10:00:00Z\"");
	SAYS("{\"anfrage_id\": 1, \"communication_id\": 1, "
	     "\"communication_type\": \"email\"}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'therapeutenanfrage.sent'");
	SAYS("1 In_Warteschlange 5 berta@example.org Dr. Berta Musterbaum",
	     "SELECT concat_ws(' ', id, status, therapist_id, "
	     "empfaenger_email, empfaenger_name) FROM "
	     "communication_service.emails");
	SAYS("Suche Psychotherapieplätze - Ref: A1",
	     "SELECT betreff FROM communication_service.emails");
	SAYS("1 2026-03-02 10:00:00",
	     "SELECT email_id || ' ' || gesendet_datum FROM " INQUIRY);
	ck_assert_int_eq(send_it(1), PSM_ERR_TRANSITION);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "2026-03-02T10:00:00Z"));
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 1);
}
END_TEST

/* Who has no mail address is called. */
START_TEST(is_sent_by_a_call)
{
	add_therapist(6, "10117", "NULL");
	ck_assert_int_eq(create(6), 1);
	ck_assert_msg(
	    psm_inquiry_send(st, 1, NULL, 0, NULL, NULL, fresh(), err) == 1,
	    "%s", psm_error_message(err));
	is("/communication_type", "\"phone_call\"");
	is("/phone_call_id", "1");
	is("/email_id", "null");
	SAYS("6 1 geplant",
	     "SELECT concat_ws(' ', therapist_id, therapeutenanfrage_id, "
	     "status) FROM communication_service.telefonanrufe");
	SAYS("{\"anfrage_id\": 1, \"communication_id\": 1, "
	     "\"communication_type\": \"phone_call\"}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'therapeutenanfrage.sent'");
	SAYS("1", "SELECT phone_call_id FROM " INQUIRY);
}
END_TEST

/* What the text is made of has no patient's name in it. */
START_TEST(the_values_of_the_text)
{
	pg_run("UPDATE matching_service.therapeuten_kopie SET geschlecht = "
	       "'divers' WHERE id = %d",
	       BERTA);
	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(send_it(1), 1);
	out = realloc(out, sizeof(rendered));
	memcpy(out, rendered, sizeof(rendered));
	is("/therapist/anrede", "\"Frau\"");
	is("/therapist/geschlecht", "\"divers\"");
	is("/therapist/titel", "\"Dr.\"");
	is("/therapist/ueber_curavani_informiert", "null");
	is("/patient_count", "3");
	is("/anfrage_id", "1");
	is("/patients/0/id", "8");
	is("/patients/0/age", "35"); /* 36 tomorrow */
	is("/patients/0/symptome", "[\"Schlafstörungen\"]");
	is("/patients/0/krankenkasse", "\"AOK\"");
	is("/patients/0/erfahrung_mit_psychotherapie", "false");
	is("/patients/0/letzte_sitzung_vorherige_psychotherapie", "null");
	is("/patients/0/zeitliche_verfuegbarkeit/montag/0", "\"08:00-10:00\"");
	ck_assert_ptr_null(strstr(rendered, "Beispiel"));
	ck_assert_ptr_null(strstr(rendered, "Anna"));
}
END_TEST

/* A therapist without a title is not addressed with a word for nothing. */
START_TEST(fault_42_no_title)
{
	pg_run("UPDATE matching_service.therapeuten_kopie SET titel = NULL, "
	       "vorname = ''");
	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(send_it(1), 1);
	SAYS("Musterbaum",
	     "SELECT empfaenger_name FROM communication_service.emails");
}
END_TEST

START_TEST(who_does_not_search_leaves_first)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("UPDATE " SEARCH " SET status = 'pausiert' WHERE id = 8");
	pg_run("UPDATE matching_service.patienten_kopie SET geloescht = true "
	       "WHERE id = 9");
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	is("/anfragegroesse", "1");
	matches_are(1, "7 anstehend");
	SAYS("null",
	     "SELECT string_agg(DISTINCT coalesce(payload::jsonb ->> "
	     "'new_status', 'null'), ',') FROM psymatch.outbox WHERE type = "
	     "'match.status_changed'");
	ck_assert_int_eq(outbox("match.status_changed"), 2);
	check_invariants();
}
END_TEST

START_TEST(nobody_is_left)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("UPDATE " SEARCH " SET status = 'abgebrochen'");
	ck_assert_msg(send_it(1) == 0, "%s", psm_error_message(err));
	is("/gesendet", "false");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM " INQUIRY
	           " WHERE storniert_datum IS NOT NULL AND gesendet_datum IS "
	           "NULL AND anfragegroesse = 0"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.emails"), 0);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 0);
	ck_assert_int_eq(create(BERTA), 0); /* and holds nothing up */
}
END_TEST

static const struct {
	const char *sql;
	int code;
	const char *text;
} unsendable[] = {
    {"UPDATE matching_service.therapeuten_kopie SET status = 'gesperrt'",
     PSM_ERR_CONFLICT, "aktiv"},
    {"UPDATE matching_service.therapeuten_kopie SET geloescht = true",
     PSM_ERR_CONFLICT, "known"},
    {"UPDATE matching_service.therapeuten_kopie SET "
     "naechster_kontakt_moeglich = '2026-03-03'",
     PSM_ERR_CONFLICT, "override_cooling"},
    {"UPDATE matching_service.therapeuten_kopie SET email = ' ', telefon = "
     "NULL",
     PSM_ERR_CONFLICT, "neither"},
    {"UPDATE " INQUIRY " SET storniert_datum = now()", PSM_ERR_TRANSITION,
     "cancelled"},
    {"DELETE FROM " INQUIRY, PSM_ERR_NOT_FOUND, "not found"},
};

START_TEST(fault_31_what_is_not_sendable)
{
	ck_assert_int_eq(create(BERTA), 1);
	pg_run("%s", unsendable[_i].sql);
	ck_assert_int_eq(send_it(1), unsendable[_i].code);
	ck_assert_msg(strstr(psm_error_message(err), unsendable[_i].text) !=
	                  NULL,
	              "got: %s", psm_error_message(err));
	ck_assert_ptr_null(out);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.emails"), 0);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 0);
}
END_TEST

static int
no_text(const char *name, const char *values, char **subject, char **html,
        char **text, void *user, psm_error *e)
{
	(void)name;
	(void)values;
	(void)subject;
	(void)html;
	(void)text;
	return psm__fail(e, user ? *(int *)user : PSM_ERR_IO, "template: gone");
}

/* A text that cannot be made leaves everything as it was. */
START_TEST(a_failing_text_sends_nothing)
{
	int code = PSM_ERR_NOT_FOUND;

	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(send_as(no_text, NULL), PSM_ERR_IO);
	/* No sign that there is no such inquiry. */
	ck_assert_int_eq(send_as(no_text, &code), PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err), "template: gone");
	ck_assert_int_eq(send_as(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " INQUIRY
	                        " WHERE gesendet_datum IS NULL"),
	                 1);
	ck_assert_int_eq(send_it(1), 1);
}
END_TEST

/* Who is asked by mail has a job where the mails are elsewhere. */
START_TEST(mails_of_another_database)
{
	pg_run("DROP SCHEMA communication_service CASCADE");
	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	is("/email_id", "null");
	is("/communication_type", "\"email\"");
	SAYS("inquiry.send 1 berta@example.org",
	     "SELECT concat_ws(' ', kind, key, payload::jsonb ->> "
	     "'empfaenger_email') FROM psymatch.job");
	SAYS("{\"anfrage_id\": 1, \"communication_id\": null, "
	     "\"communication_type\": \"email\"}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'therapeutenanfrage.sent'");
}
END_TEST

/* -- the ends of inquiries that were not sent */

START_TEST(is_cancelled)
{
	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_inquiry_cancel(st, 1, "Praxis geschlossen", err));
	SAYS("2026-03-02 10:00:00 Praxis geschlossen",
	     "SELECT storniert_datum || ' ' || storniert_grund FROM " INQUIRY);
	SAYS("[2026-03-02 10:00 (System)] Cancelled: Praxis geschlossen",
	     "SELECT notizen FROM " INQUIRY);
	matches_are(1, "8 anstehend, 7 anstehend, 9 anstehend");
	ck_assert_int_eq(outbox("match.status_changed"), 3);
	ck_assert_int_eq(psm_inquiry_cancel(st, 1, "again", err),
	                 PSM_ERR_TRANSITION);
	ck_assert_int_eq(psm_inquiry_cancel(st, 1, " ", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_cancel(st, 2, "x", err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(outbox("match.status_changed"), 3);
	ck_assert_int_eq(create(BERTA), 1);
}
END_TEST

START_TEST(is_deleted)
{
	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_inquiry_delete(st, 1, 0, err));
	ck_assert_int_eq(inquiries(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " MATCH), 0);
	ck_assert_int_eq(outbox("match.status_changed"), 3);
	ck_assert_int_eq(psm_inquiry_delete(st, 1, 0, err), PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(create(BERTA), 1);
	ck_assert_int_eq(send_it(2), 1);
	ck_assert_int_eq(psm_inquiry_delete(st, 2, 0, err), PSM_ERR_CONFLICT);
	OK(psm_inquiry_delete(st, 2, 1, err));
	ck_assert_int_eq(inquiries(), 0);
}
END_TEST

START_TEST(is_read)
{
	int64_t version;

	ck_assert_int_eq(create(BERTA), 1);
	OK(psm_inquiry_get(st, 1, fresh(), &version, err));
	ck_assert_int_eq(version, 1);
	is("/therapist_id", "5");
	is("/strategie", "\"fifo\"");
	/* A therapists' table that is not migrated yet. */
	pg_run("ALTER TABLE therapist_service.therapeuten DROP barrierefrei");
	OK(psm_inquiry_get(st, 1, fresh(), &version, err));
	OK(psm_inquiry_list(st, "{\"therapist_id\": \"5\"}", fresh(), err));
	is("/total", "1");
	OK(psm_inquiry_matches(st, "{\"therapeutenanfrage_id\": \"1\"}",
	                       fresh(), err));
	is("/total", "3");
	is("/data/0/konflikt", "false");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry");
	TCase *compose = tcase_create("compose"), *go = tcase_create("send");

	tcase_add_checked_fixture(compose, setup, inquiry_teardown);
	tcase_add_test(compose, composes);
	tcase_add_test(compose, takes_the_longest_waiting);
	tcase_add_test(compose, looks_behind_those_who_do_not_fit);
	tcase_add_test(compose, nobody_fits);
	tcase_add_loop_test(compose, fault_41_creation_is_guarded, 0,
	                    PSM__COUNT(refused));
	tcase_add_test(compose, may_be_asked_again);
	tcase_add_test(compose, cooling_is_overridden_with_a_note);
	tcase_add_test(compose, sizes_are_settings);
	tcase_add_test(compose,
	               whoever_waits_for_an_answer_is_not_asked_for_again);
	tcase_add_test(compose, nor_by_another_search);
	tcase_add_test(compose, says_what_cannot_be_told);
	tcase_add_test(compose, areas_of_one_digit);
	tcase_add_test(compose, fault_41_two_at_once_make_one);
	tcase_add_test(compose, excluded_while_it_is_composed);
	tcase_add_test(compose, is_cancelled);
	tcase_add_test(compose, is_deleted);
	tcase_add_test(compose, is_read);
	suite_add_tcase(s, compose);
	tcase_add_checked_fixture(go, setup, inquiry_teardown);
	tcase_add_test(go, fault_42_two_at_once_send_one);
	tcase_add_test(go, fault_43_sending_publishes);
	tcase_add_test(go, is_sent_by_a_call);
	tcase_add_test(go, the_values_of_the_text);
	tcase_add_test(go, fault_42_no_title);
	tcase_add_test(go, who_does_not_search_leaves_first);
	tcase_add_test(go, nobody_is_left);
	tcase_add_loop_test(go, fault_31_what_is_not_sendable, 0,
	                    PSM__COUNT(unsendable));
	tcase_add_test(go, a_failing_text_sends_nothing);
	tcase_add_test(go, mails_of_another_database);
	suite_add_tcase(s, go);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
