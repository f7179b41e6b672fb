/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers to inquiries are recorded and corrected. */
#include "app/app.h"
#include "testing_inquiry.h"

#define BERTA 5
#define CLARA 6

/* An inquiry to each of two therapists about patients 7, 8 and 9; both sent. */
static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	add_therapist(CLARA, "10117", "'clara@example.org'");
	for (int id = 7; id < 10; id++)
		add_patient(id, "10117", id);
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	ck_assert_int_eq(create(CLARA), 1);
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	ck_assert_int_eq(send_it(2), 1);
	pg_run("DELETE FROM psymatch.outbox");
	now_us += DAY_US;
}

static int
say(int64_t id, const char *a, const char *b, const char *c, const char *more)
{
	char json[500];

	(void)snprintf(json, sizeof(json),
	               "{\"patient_responses\": {\"7\": \"%s\", \"8\": \"%s\", "
	               "\"9\": \"%s\"}%s}",
	               a, b, c, more);
	return answer(id, json);
}

#define YES "angenommen"
#define FULL "abgelehnt_Kapazitaet"
#define UNFIT "abgelehnt_nicht_geeignet"
#define OTHER "abgelehnt_sonstiges"
#define ABSENT "nicht_erschienen"
#define TRIAL "in_Sitzungen"
#define CORRECT ", \"correction\": true"

static void
answered(int64_t id, const char *a, const char *b, const char *c,
         const char *more)
{
	ck_assert_msg(say(id, a, b, c, more) == 0, "%s",
	              psm_error_message(err));
	check_invariants();
}

static void
counts_are(int64_t id, const char *want)
{
	SAYS(want,
	     "SELECT concat_ws(' ', antworttyp, angenommen_anzahl, "
	     "abgelehnt_anzahl, keine_antwort_anzahl) FROM " INQUIRY
	     " WHERE id = %d",
	     (int)id);
}

static void
list_is(int search, const char *want)
{
	SAYS(want,
	     "SELECT string_agg(x ->> 'id' || ' ' || (x ->> 'reason'), ', ') "
	     "FROM " SEARCH
	     ", jsonb_array_elements(ausgeschlossene_therapeuten) x WHERE id = "
	     "%d",
	     search);
}

START_TEST(records)
{
	answered(1, YES, FULL, UNFIT, ", \"notizen\": \"am Telefon\"");
	is("/response_type", "\"teilweise_Annahme\"");
	is("/angenommene_patienten",
	   "[{\"patient_id\": 7, \"platzsuche_id\": 7}]");
	is("/konflikte", "[]");
	is("/antwort_zusammenfassung",
	   "{\"accepted\": 1, \"rejected\": 2, \"no_response\": 0}");
	counts_are(1, "teilweise_Annahme 1 2 0");
	matches_are(1, "7 angenommen, 8 abgelehnt, 9 abgelehnt");
	search_is(7, "erfolgreich 1 2026-03-03 10:00:00");
	search_is(8, "aktiv");
	search_is(9, "aktiv");
	list_is(9, "5 abgelehnt_nicht_geeignet");
	list_is(8, "");
	SAYS("2026-03-03 10:00:00",
	     "SELECT antwort_datum FROM " INQUIRY " WHERE id = 1");
	SAYS("[2026-03-03 10:00 (API)] Answer recorded: teilweise_Annahme\n"
	     "    am Telefon",
	     "SELECT notizen FROM " INQUIRY " WHERE id = 1");
	SAYS("[2026-03-03 10:00 (System)] Place found by inquiry A1",
	     "SELECT notizen FROM " SEARCH " WHERE id = 7");
}
END_TEST

START_TEST(publishes)
{
	answered(1, YES, FULL, UNFIT, "");
	SAYS("{\"anfrage_id\": 1, \"response_type\": \"teilweise_Annahme\", "
	     "\"accepted_count\": 1, \"rejected_count\": 2, "
	     "\"no_response_count\": 0}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'therapeutenanfrage.response_received'");
	SAYS("{\"search_id\": 7, \"new_status\": \"erfolgreich\", "
	     "\"old_status\": \"aktiv\", \"patient_id\": 7}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'search.status_changed'");
	SAYS("7 anstehend angenommen false 1 5 7, 8 anstehend abgelehnt false "
	     "1 5 8, 9 anstehend abgelehnt false 1 5 9",
	     "SELECT string_agg(concat_ws(' ', p ->> 'patient_id', p ->> "
	     "'old_status', p ->> 'new_status', p ->> 'conflict', p ->> "
	     "'anfrage_id', p ->> 'therapist_id', p ->> 'search_id'), ', ' "
	     "ORDER BY id) FROM (SELECT id, payload::jsonb AS p FROM "
	     "psymatch.outbox WHERE type = 'match.status_changed') x");
	SAYS("{\"reason\": \"response_received\", \"therapist_id\": 5, "
	     "\"next_contactable_date\": \"2026-03-31\"}",
	     "SELECT payload::jsonb FROM psymatch.outbox WHERE type = "
	     "'cooling.period_started'");
	ck_assert_int_eq(outbox("therapist.updated"), 1);
}
END_TEST

static const struct {
	const char *outcome;
	const char *status, *type, *counts, *list;
	int places;
} outcomes[] = {
    {YES, "angenommen", "vollstaendige_Annahme", "3 0 0", "", 1},
    {FULL, "abgelehnt", "vollstaendige_Ablehnung", "0 3 0", "", 0},
    {UNFIT, "abgelehnt", "vollstaendige_Ablehnung", "0 3 0",
     "5 abgelehnt_nicht_geeignet", 0},
    {OTHER, "abgelehnt", "vollstaendige_Ablehnung", "0 3 0", "", 0},
    {ABSENT, "keine_antwort", "keine_Antwort", "0 0 3", "5 nicht_erschienen",
     0},
    {TRIAL, "angenommen", "vollstaendige_Annahme", "3 0 0", "", 0},
};

/* All six can be recorded, are counted, and leave what they should. */
START_TEST(fault_29_each_outcome)
{
	const char *o = outcomes[_i].outcome;
	char text[100];

	answered(1, o, o, o, "");
	(void)snprintf(text, sizeof(text), "%s %s", outcomes[_i].type,
	               outcomes[_i].counts);
	counts_are(1, text);
	(void)snprintf(text, sizeof(text), "7 %s, 8 %s, 9 %s",
	               outcomes[_i].status, outcomes[_i].status,
	               outcomes[_i].status);
	matches_are(1, text);
	list_is(8, outcomes[_i].list);
	search_is(8, outcomes[_i].places ? "erfolgreich 1 2026-03-03 10:00:00"
	                                 : "aktiv");
}
END_TEST

START_TEST(fault_28_the_first_answer_has_its_own_kind)
{
	answered(1, YES, YES, YES, "");
	counts_are(1, "vollstaendige_Annahme 3 0 0");
	is("/response_type", "\"vollstaendige_Annahme\"");
	answered(1, FULL, FULL, FULL, CORRECT);
	counts_are(1, "vollstaendige_Ablehnung 0 3 0");
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 2);
}
END_TEST

/* The list is stored, once, and the therapist does not get the patient again. */
START_TEST(fault_30_exclusions_last)
{
	answered(1, FULL, FULL, UNFIT, "");
	pg_run("UPDATE matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = NULL");
	ck_assert_int_eq(create(BERTA), 1);
	is("/patient_ids", "[7, 8]");
}
END_TEST

START_TEST(fault_38_a_second_recording_is_refused)
{
	answered(1, YES, FULL, FULL, "");
	ck_assert_int_eq(say(1, FULL, FULL, FULL, ""), PSM_ERR_CONFLICT);
	ck_assert_ptr_null(out);
	counts_are(1, "teilweise_Annahme 1 2 0");
	ck_assert_int_eq(say(2, FULL, FULL, FULL, CORRECT), PSM_ERR_CONFLICT);
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 1);
}
END_TEST

START_TEST(what_cannot_be_answered)
{
	now_us += 60 * DAY_US;
	add_therapist(4, "10115", "NULL");
	ck_assert_int_eq(create(4), 1);
	ck_assert_int_eq(say(3, YES, YES, YES, ""), PSM_ERR_TRANSITION);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "not sent"));
	OK(psm_inquiry_cancel(st, 3, "x", err));
	ck_assert_int_eq(say(3, YES, YES, YES, ""), PSM_ERR_TRANSITION);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "cancelled"));
	ck_assert_int_eq(say(4, YES, YES, YES, ""), PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(
	    answer(1, "{\"patient_responses\": {\"7\": \"" YES "\"}}"),
	    PSM_ERR_SCHEMA);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "missing_patient_ids: [8, 9]"));
	ck_assert_int_eq(answer(1, "{"), PSM_ERR_PARSE);
	ck_assert_int_eq(psm_inquiry_answer(st, 1, NULL, 0, fresh(), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_answer(NULL, 1, "{}", 2, fresh(), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 0);
	check_invariants();
}
END_TEST

/* -- placed patients */

START_TEST(who_is_placed_leaves_unsent_inquiries)
{
	add_therapist(4, "10115", "NULL");
	ck_assert_int_eq(create(4), 1);
	answered(1, YES, TRIAL, FULL, "");
	matches_are(3, "8 anstehend, 9 anstehend");
	SAYS("2", "SELECT anfragegroesse FROM " INQUIRY " WHERE id = 3");
	/* the one that was sent keeps him */
	matches_are(2, "7 anstehend, 8 anstehend, 9 anstehend");
	answered(2, FULL, YES, YES, "");
	SAYS("1",
	     "SELECT count(*) FROM " INQUIRY
	     " WHERE id = 3 AND storniert_datum IS NOT NULL AND anfragegroesse "
	     "= 0");
}
END_TEST

START_TEST(fault_39_the_first_acceptance_wins)
{
	answered(2, YES, FULL, FULL, "");
	now_us += DAY_US;
	answered(1, YES, FULL, FULL, "");
	is("/konflikte", "[{\"patient_id\": 7, \"platzsuche_id\": 7}]");
	is("/angenommene_patienten/0/patient_id", "7");
	search_is(7, "erfolgreich 2 2026-03-03 10:00:00");
	counts_are(1, "teilweise_Annahme 1 2 0");
	SAYS("true",
	     "SELECT payload::jsonb ->> 'conflict' FROM psymatch.outbox WHERE "
	     "type = 'match.status_changed' AND payload::jsonb ->> "
	     "'anfrage_id' = '1' AND payload::jsonb ->> 'patient_id' = '7'");
	ck_assert_int_eq(outbox("search.status_changed"), 1);
	OK(psm_inquiry_conflicts(st, fresh(), err));
	is("/0/platzsuche_id", "7");
	is("/0/erfolgreiche_anfrage_id", "2");
	is("/0/annahmen/0/anfrage_id", "2");
	is("/0/annahmen/0/konflikt", "false");
	is("/0/annahmen/0/antwort_datum", "\"2026-03-03T10:00:00Z\"");
	is("/0/annahmen/1/anfrage_id", "1");
	is("/0/annahmen/1/konflikt", "true");
}
END_TEST

START_TEST(no_conflicts)
{
	answered(2, YES, FULL, FULL, "");
	OK(psm_inquiry_conflicts(st, fresh(), err));
	is("", "[]");
	ck_assert_int_eq(psm_inquiry_conflicts(st, NULL, err), PSM_ERR_INVAL);
}
END_TEST

START_TEST(a_paused_search_stays_paused)
{
	pg_run("UPDATE " SEARCH " SET status = 'pausiert' WHERE id = 7");
	answered(1, YES, FULL, FULL, "");
	search_is(7, "pausiert");
	is("/konflikte", "[]");
	matches_are(1, "7 angenommen, 8 abgelehnt, 9 abgelehnt");
}
END_TEST

/* -- corrections */

START_TEST(fault_38_a_correction_reopens)
{
	answered(1, YES, UNFIT, FULL, "");
	now_us += DAY_US;
	answered(1, FULL, FULL, UNFIT, CORRECT);
	search_is(7, "aktiv");
	list_is(8, "");
	list_is(9, "5 abgelehnt_nicht_geeignet");
	counts_are(1, "vollstaendige_Ablehnung 0 3 0");
	matches_are(1, "7 abgelehnt, 8 abgelehnt, 9 abgelehnt");
	/* the date is that of the answer, and nobody was asked again */
	SAYS("2026-03-03 10:00:00",
	     "SELECT antwort_datum FROM " INQUIRY " WHERE id = 1");
	ck_assert_int_eq(outbox("cooling.period_started"), 1);
	SAYS("aktiv erfolgreich, erfolgreich aktiv",
	     "SELECT string_agg(p ->> 'old_status' || ' ' || (p ->> "
	     "'new_status'), ', ' ORDER BY id) FROM (SELECT id, payload::jsonb "
	     "AS p FROM psymatch.outbox WHERE type = 'search.status_changed') "
	     "x");
	SAYS("[2026-03-04 10:00 (System)] The answer to inquiry A1 was "
	     "corrected: the search goes on",
	     "SELECT split_part(notizen, E'\\n', 2) FROM " SEARCH
	     " WHERE id = 7");
}
END_TEST

/* What is as it was is not done again. */
START_TEST(a_correction_of_nothing)
{
	answered(1, YES, UNFIT, FULL, "");
	now_us += DAY_US;
	answered(1, YES, UNFIT, FULL, CORRECT);
	search_is(7, "erfolgreich 1 2026-03-03 10:00:00");
	list_is(8, "5 abgelehnt_nicht_geeignet");
	ck_assert_int_eq(outbox("match.status_changed"), 3);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
}
END_TEST

/* Trial sessions that lead to a place: the answer is made whole. */
START_TEST(trial_sessions_succeed)
{
	answered(1, TRIAL, FULL, FULL, "");
	search_is(7, "aktiv");
	now_us += DAY_US;
	answered(1, YES, FULL, FULL, CORRECT);
	search_is(7, "erfolgreich 1 2026-03-04 10:00:00");
}
END_TEST

/* What another inquiry, or a person, did stays. */
START_TEST(a_correction_reverts_its_own_only)
{
	pg_run("UPDATE " SEARCH " SET ausgeschlossene_therapeuten = '[5]' "
	       "WHERE id = 9");
	answered(2, YES, FULL, FULL, "");
	answered(1, YES, FULL, UNFIT, "");
	answered(1, FULL, FULL, FULL, CORRECT);
	search_is(7, "erfolgreich 2 2026-03-03 10:00:00");
	SAYS("[5]",
	     "SELECT ausgeschlossene_therapeuten FROM " SEARCH " WHERE id = 9");
	SAYS("0", "SELECT count(*) FROM " MATCH " WHERE konflikt");
}
END_TEST

/* The place of the other one, who had accepted, too. */
START_TEST(the_next_acceptance_takes_over)
{
	answered(1, YES, FULL, FULL, "");
	now_us += DAY_US;
	answered(2, YES, FULL, FULL, "");
	answered(1, FULL, FULL, FULL, CORRECT);
	search_is(7, "erfolgreich 2 2026-03-03 10:00:00");
	SAYS("0", "SELECT count(*) FROM " MATCH " WHERE konflikt");
	answered(2, FULL, FULL, FULL, CORRECT);
	search_is(7, "aktiv");
}
END_TEST

/* Nobody has two active searches. */
START_TEST(a_later_search_goes_on)
{
	answered(1, YES, FULL, FULL, "");
	pg_run("INSERT INTO " SEARCH " (id, patient_id) VALUES (70, 7)");
	answered(1, FULL, FULL, FULL, CORRECT);
	search_is(7, "abgebrochen");
	search_is(70, "aktiv");
}
END_TEST

/* Nobody searches for who is gone. */
START_TEST(a_deleted_patient_searches_no_more)
{
	answered(1, YES, FULL, FULL, "");
	pg_run("UPDATE matching_service.patienten_kopie SET geloescht = true "
	       "WHERE id = 7");
	answered(1, FULL, FULL, FULL, CORRECT);
	search_is(7, "abgebrochen");
	SAYS("t", "SELECT notizen LIKE '%%A1 was corrected: the patient was "
	          "deleted' FROM " SEARCH " WHERE id = 7");
}
END_TEST

/* -- cooling */

static void
free_from(const char *want)
{
	SAYS(want,
	     "SELECT coalesce(t.naechster_kontakt_moeglich::text, '-') || ' ' "
	     "|| coalesce(k.naechster_kontakt_moeglich::text, '-') FROM "
	     "therapist_service.therapeuten t JOIN "
	     "matching_service.therapeuten_kopie k USING (id) WHERE id = 5");
}

START_TEST(fault_55_cooling)
{
	answered(1, FULL, FULL, FULL, "");
	free_from("2026-03-31 2026-03-31");
	ck_assert_int_eq(create(BERTA), PSM_ERR_CONFLICT);
	now_us += 28 * DAY_US;
	ck_assert_int_eq(create(BERTA), 1);
}
END_TEST

/* A later date that a person set stays, in the row and in the copy. */
START_TEST(fault_55_a_later_date_stays)
{
	pg_run("UPDATE therapist_service.therapeuten SET "
	       "naechster_kontakt_moeglich = '2026-06-01' WHERE id = 5");
	pg_run("UPDATE matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = '2026-06-01' WHERE id = 5");
	answered(1, FULL, FULL, FULL, "");
	free_from("2026-06-01 2026-06-01");
	ck_assert_int_eq(outbox("cooling.period_started"), 0);
	ck_assert_int_eq(outbox("therapist.updated"), 0);
}
END_TEST

/* The therapist service tells, at that time, of another telephone. */
static void
updated(const char *time, const char *phone, const char *next)
{
	char text[500];
	psm_event *ev = NULL;
	psm_tx *tx = NULL;

	(void)snprintf(
	    text, sizeof(text),
	    "{\"event_id\": \"0192c9a0-0000-7000-8000-00000000000%s\", "
	    "\"event_type\": \"therapist.updated\", \"version\": "
	    "\"1.0\", \"timestamp\": \"%s\", \"producer\": "
	    "\"therapist-service\", \"payload\": {\"therapist_id\": "
	    "5, \"therapist_data\": {\"id\": 5, \"telefon\": \"%s\", "
	    "\"naechster_kontakt_moeglich\": %s}}}",
	    phone, time, phone, next);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_matching_handle(tx, ev, NULL, err));
	OK(psm_tx_commit(tx, err));
	psm_event_free(ev);
	SAYS(phone, "SELECT telefon FROM matching_service.therapeuten_kopie "
	            "WHERE id = 5");
}

/* What the therapist service told before the answer arrives after it. */
START_TEST(an_older_event_does_not_end_cooling)
{
	answered(1, FULL, FULL, FULL, "");
	updated("2026-03-02T09:00:00Z", "1", "null");
	free_from("2026-03-31 2026-03-31");
	updated("2026-03-02T09:30:00Z", "2", "\"2026-06-01\"");
	free_from("2026-03-31 2026-06-01");
	updated("2026-03-03T12:00:00Z", "3", "null");
	free_from("2026-03-31 -");
}
END_TEST

/* The therapist's own row counts; the copy is not taken back. */
static const struct {
	const char *row, *copy, *after;
	int periods;
} cooled[] = {
    {"'2026-06-01'", "NULL", "2026-06-01 2026-06-01", 0},
    {"'2026-06-01'", "'2026-03-10'", "2026-06-01 2026-06-01", 0},
    {"NULL", "'2026-06-01'", "2026-03-31 2026-03-31", 1},
    {"'2026-03-10'", "NULL", "2026-03-31 2026-03-31", 1},
    {"'2026-03-31'", "NULL", "2026-03-31 2026-03-31", 0},
};

START_TEST(cooling_goes_by_the_row)
{
	pg_run("UPDATE therapist_service.therapeuten SET "
	       "naechster_kontakt_moeglich = %s WHERE id = 5; UPDATE "
	       "matching_service.therapeuten_kopie SET "
	       "naechster_kontakt_moeglich = %s WHERE id = 5",
	       cooled[_i].row, cooled[_i].copy);
	answered(1, FULL, FULL, FULL, "");
	free_from(cooled[_i].after);
	ck_assert_int_eq(outbox("cooling.period_started"), cooled[_i].periods);
}
END_TEST

/* Where the therapists have a database of their own, and of one who is gone. */
START_TEST(cooling_without_a_therapist)
{
	pg_run("DELETE FROM therapist_service.therapeuten");
	answered(1, FULL, FULL, FULL, "");
	ck_assert_int_eq(outbox("cooling.period_started"), 1);
	ck_assert_int_eq(outbox("therapist.updated"), 0);
	pg_run("DROP SCHEMA therapist_service CASCADE");
	answered(2, FULL, FULL, FULL, "");
	ck_assert_int_eq(outbox("cooling.period_started"), 2);
}
END_TEST

/* Both answers excluded the therapist: when both are corrected the search takes
 * him again. */
START_TEST(an_exclusion_of_two_inquiries)
{
	pg_run("UPDATE " INQUIRY " SET therapist_id = 5");
	answered(1, UNFIT, FULL, FULL, "");
	answered(2, ABSENT, FULL, FULL, "");
	for (int id = 1; id <= 2; id++) {
		SAYS(
		    "5 1",
		    "SELECT concat(ausgeschlossene_therapeuten->0->>'id', ' ', (SELECT count(*) FROM " MATCH
		    " WHERE ausschluss)) FROM " SEARCH " WHERE id = 7");
		answered(id, OTHER, FULL, FULL, CORRECT);
	}
	SAYS("[]", "SELECT ausgeschlossene_therapeuten::text FROM " SEARCH
	           " WHERE id = 7");
}
END_TEST

/* -- adopted rows */

/* The size tells of people who were deleted: the rows count. */
START_TEST(fault_33_a_size_that_is_wrong)
{
	pg_run("DELETE FROM " MATCH " WHERE therapeutenanfrage_id = 1 AND "
	       "patient_id = 8");
	pg_run("UPDATE " MATCH " SET position_in_anfrage = 2 WHERE "
	       "therapeutenanfrage_id = 1 AND patient_id = 9");
	ck_assert_msg(answer(1, "{\"patient_responses\": {\"7\": \"" YES
	                        "\", \"9\": \"" FULL "\"}}") == 0,
	              "%s", psm_error_message(err));
	SAYS("2", "SELECT anfragegroesse FROM " INQUIRY " WHERE id = 1");
	check_invariants();
}
END_TEST

/* All or nothing: a failure at the last statement leaves no trace. */
START_TEST(fault_35_one_transaction)
{
	char *before =
	    pg_text("SELECT md5(string_agg(t::text, '|' ORDER BY "
	            "t::text)) FROM (SELECT i::text AS t FROM " INQUIRY
	            " i UNION ALL SELECT m::text FROM " MATCH
	            " m UNION ALL SELECT s::text FROM " SEARCH " s) x");

	pg_run("CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ "
	       "BEGIN RAISE EXCEPTION 'no'; END $$");
	pg_run("CREATE TRIGGER no BEFORE UPDATE ON "
	       "matching_service.therapeuten_kopie EXECUTE FUNCTION no()");
	ck_assert_int_lt(say(1, YES, UNFIT, FULL, ""), 0);
	SAYS(before, "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) "
	             "FROM (SELECT i::text AS t FROM " INQUIRY
	             " i UNION ALL SELECT m::text FROM " MATCH
	             " m UNION ALL SELECT s::text FROM " SEARCH " s) x");
	free(before);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
	pg_run("DROP TRIGGER no ON matching_service.therapeuten_kopie");
	answered(1, YES, UNFIT, FULL, "");
}
END_TEST

/* -- at the same time */

static pthread_barrier_t start;
static _Atomic int done, conflicts;

static void *
answer_one(void *arg)
{
	static const char json[] =
	    "{\"patient_responses\": {\"7\": \"" YES "\", \"8\": \"" UNFIT
	    "\", \"9\": \"" FULL "\"}}";
	psm_error *e = psm_error_new();
	int rc;

	(void)pthread_barrier_wait(&start);
	rc = psm_inquiry_answer(st, *(int *)arg, json, strlen(json), NULL, e);
	done += rc == 0;
	conflicts += rc == PSM_ERR_CONFLICT;
	psm_error_free(e);
	return NULL;
}

/* Open connections: who has to connect first comes too late for a race. */
static void
warm_up(void)
{
	psm_tx *tx[2];

	for (int i = 0; i < 2; i++) {
		OK(psm_tx_begin(st, &tx[i], err));
		OK(psm_tx_exec(tx[i], "SELECT 1", 0, NULL, NULL, err));
	}
	for (int i = 0; i < 2; i++)
		psm_tx_rollback(tx[i]);
}

static void
at_once(int a, int b)
{
	pthread_t threads[2];
	int ids[2] = {a, b};

	done = conflicts = 0;
	warm_up();
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, 2), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, answer_one, &ids[i]), 0);
	for (int i = 0; i < 2; i++)
		(void)pthread_join(threads[i], NULL);
	(void)pthread_barrier_destroy(&start);
	check_invariants();
}

START_TEST(one_answer_at_once)
{
	at_once(1, 1);
	ck_assert_int_eq(done, 1);
	ck_assert_int_eq(conflicts, 1);
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 1);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
}
END_TEST

/* Both accept the same patient: one wins, the other is a conflict. */
START_TEST(two_answers_at_once)
{
	at_once(1, 2);
	ck_assert_int_eq(done, 2);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
	SAYS("1", "SELECT count(*) FROM " MATCH " WHERE konflikt");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry_answer");
	TCase *t = tcase_create("answer");

	tcase_add_checked_fixture(t, setup, inquiry_teardown);
	tcase_add_test(t, records);
	tcase_add_test(t, publishes);
	tcase_add_loop_test(t, fault_29_each_outcome, 0, PSM__COUNT(outcomes));
	tcase_add_test(t, fault_28_the_first_answer_has_its_own_kind);
	tcase_add_test(t, fault_30_exclusions_last);
	tcase_add_test(t, fault_38_a_second_recording_is_refused);
	tcase_add_test(t, what_cannot_be_answered);
	tcase_add_test(t, who_is_placed_leaves_unsent_inquiries);
	tcase_add_test(t, fault_39_the_first_acceptance_wins);
	tcase_add_test(t, no_conflicts);
	tcase_add_test(t, a_paused_search_stays_paused);
	tcase_add_test(t, fault_38_a_correction_reopens);
	tcase_add_test(t, a_correction_of_nothing);
	tcase_add_test(t, trial_sessions_succeed);
	tcase_add_test(t, a_correction_reverts_its_own_only);
	tcase_add_test(t, the_next_acceptance_takes_over);
	tcase_add_test(t, a_later_search_goes_on);
	tcase_add_test(t, a_deleted_patient_searches_no_more);
	tcase_add_test(t, fault_55_cooling);
	tcase_add_test(t, fault_55_a_later_date_stays);
	tcase_add_test(t, an_older_event_does_not_end_cooling);
	tcase_add_loop_test(t, cooling_goes_by_the_row, 0, PSM__COUNT(cooled));
	tcase_add_test(t, an_exclusion_of_two_inquiries);
	tcase_add_test(t, cooling_without_a_therapist);
	tcase_add_test(t, fault_33_a_size_that_is_wrong);
	tcase_add_test(t, fault_35_one_transaction);
	tcase_add_test(t, one_answer_at_once);
	tcase_add_test(t, two_answers_at_once);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
