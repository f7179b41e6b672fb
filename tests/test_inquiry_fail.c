/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries whose mail or call fails after they were sent. */
#include <psymatch/call.h>
#include <psymatch/mail.h>
#include <psymatch/matching.h>
#include <psymatch/search.h>

#include "app/app.h"
#include "testing_inquiry.h"

#define BERTA 5
#define CARLA 6

static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	add_therapist(CARLA, "10115", "NULL");
	add_patient(7, "10117", 2);
	add_patient(8, "10435", 1);
}

/* The matching service handles an event of the communication service. */
static void
happens(const char *type, const char *payload)
{
	static int count;
	char text[2000];
	psm_event *ev = NULL;
	psm_tx *tx = NULL;

	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"0192c9a0-0000-7000-8000-%012d\", "
	               "\"event_type\": \"%s\", \"version\": \"1.0\", "
	               "\"timestamp\": \"2026-03-03T09:00:00Z\", "
	               "\"producer\": \"communication-service\", "
	               "\"payload\": %s}",
	               ++count, type, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_matching_handle(tx, ev, NULL, err));
	OK(psm_tx_commit(tx, err));
	psm_event_free(ev);
}

#define MAIL_FAILED(id, more)                                                  \
	"{\"email_id\": " #id ", \"therapist_id\": 5, \"email_data\": "        \
	"{\"betreff\": \"Suche - Ref: A1\"}, \"attempts\": 3, \"reason\": "    \
	"\"550 no such user\"" more "}"
#define CALL(id, status)                                                       \
	"{\"call_id\": " #id ", \"therapist_id\": 6, \"call_data\": "          \
	"{\"call_id\": " #id ", \"therapeutenanfrage_id\": 1, \"status\": "    \
	"\"" status "\"}}"

/* "email 1 2 2026-03-03": way, mail, call, failures, day of sending. */
#define STATE(want)                                                            \
	SAYS(want,                                                             \
	     "SELECT concat_ws(' ', coalesce(versandweg, '-'), "               \
	     "coalesce(email_id::text, '-'), coalesce(phone_call_id::text, "   \
	     "'-'), fehlversuche, coalesce(gesendet_datum::date::text, "       \
	     "'unsent')) FROM " INQUIRY)

static void
sent(int64_t therapist)
{
	ck_assert_msg(create(therapist) == 1, "%s", psm_error_message(err));
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
}

START_TEST(fault_s3_a_refused_mail_is_not_silence)
{
	sent(BERTA);
	STATE("email 1 - 0 2026-03-02");
	for (int i = 0; i < 2; i++) /* also when it comes again */
		happens("email.failed", MAIL_FAILED(1, ""));
	STATE("email 1 - 1 unsent");
	SAYS("[2026-03-03 09:00 (System)] Not sent: the mail 1 failed: 550 no "
	     "such user",
	     "SELECT notizen FROM " INQUIRY);
	/* The therapist was not asked, so nothing keeps him from it. */
	SAYS("", "SELECT naechster_kontakt_moeglich::text FROM "
	         "therapist_service.therapeuten WHERE id = 5");
	ck_assert_int_eq(outbox("cooling.period_started"), 0);
	/* Another mail, once. */
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	is("/email_id", "2");
	STATE("email 2 - 1 2026-03-02");
	ck_assert_int_eq(send_it(1), PSM_ERR_TRANSITION);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 2);
	/* What comes late of the first one is not about the second. */
	happens("email.failed", MAIL_FAILED(1, ""));
	STATE("email 2 - 1 2026-03-02");
	check_invariants();
}
END_TEST

START_TEST(it_may_be_cancelled)
{
	sent(BERTA);
	happens("email.failed", MAIL_FAILED(1, ""));
	OK(psm_inquiry_cancel(st, 1, "no address", err));
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	/* Its mail leaves after all: what is over stays so, but is known. */
	happens("email.sent", MAIL_FAILED(1, ""));
	SAYS("t t",
	     "SELECT concat_ws(' ', gesendet_datum IS NULL, notizen LIKE "
	     "'%%sent after all') FROM " INQUIRY " WHERE id = 1");
}
END_TEST

/* What is tried again has not failed, and what nobody knows is not sent again. */
START_TEST(other_failures)
{
	sent(BERTA);
	happens("email.failed", MAIL_FAILED(1, ", \"next_attempt_at\": "
	                                       "\"2026-03-03T10:00:00Z\""));
	SAYS("", "SELECT notizen FROM " INQUIRY);
	happens("email.failed", MAIL_FAILED(1, ", \"suspect\": true"));
	SAYS("[2026-03-03 09:00 (System)] Nobody knows whether the mail 1 was "
	     "sent",
	     "SELECT notizen FROM " INQUIRY);
	happens("email.failed", MAIL_FAILED(77, ""));
	STATE("email 1 - 0 2026-03-02");
	ck_assert_int_eq(
	    answer(1,
	           "{\"patient_responses\": {\"7\": \"abgelehnt_sonstiges\", "
	           "\"8\": \"abgelehnt_sonstiges\"}}"),
	    0);
	happens("email.failed", MAIL_FAILED(1, ""));
	STATE("email 1 - 0 2026-03-02");
}
END_TEST

START_TEST(a_mail_that_left_after_all)
{
	sent(BERTA);
	happens("email.sent", MAIL_FAILED(1, ""));
	STATE("email 1 - 0 2026-03-02");
	happens("email.failed", MAIL_FAILED(1, ""));
	happens("email.sent", MAIL_FAILED(1, ""));
	STATE("email 1 - 1 2026-03-03");
	ck_assert_int_eq(send_it(1), PSM_ERR_TRANSITION);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 2);
}
END_TEST

/* The mail of another database failed before its number was kept here; once that
 * is gone, no other mail is the inquiry's. */
START_TEST(a_mail_without_number)
{
	sent(BERTA);
	pg_run("UPDATE " INQUIRY " SET email_id = NULL");
	happens("email.failed", MAIL_FAILED(31, ""));
	STATE("email - - 0 2026-03-02");
	pg_run("INSERT INTO psymatch.job (kind, key, run_at, due_at) VALUES "
	       "('inquiry.send', '1', now(), now())");
	happens("email.failed", MAIL_FAILED(31, ""));
	STATE("email 31 - 1 unsent");
}
END_TEST

START_TEST(a_call_that_failed)
{
	sent(CARLA);
	STATE("phone_call - 1 0 2026-03-02");
	happens("phone_call.failed", CALL(1, "fehlgeschlagen"));
	STATE("phone_call - - 1 unsent");
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	STATE("phone_call - 2 1 2026-03-02");
	happens("phone_call.failed", CALL(2, "abgebrochen"));
	STATE("phone_call - - 2 unsent");
	happens("phone_call.completed", CALL(2, "abgeschlossen"));
	STATE("phone_call - 2 2 2026-03-03");
	check_invariants();
}
END_TEST

/* Somebody recorded the answer before the call took place. */
START_TEST(a_call_after_the_answer)
{
	sent(CARLA);
	ck_assert_int_eq(
	    answer(1, "{\"patient_responses\": {\"7\": \"angenommen\", "
	              "\"8\": \"angenommen\"}}"),
	    0);
	happens("phone_call.failed", CALL(1, "fehlgeschlagen"));
	STATE("phone_call - 1 0 2026-03-02");
}
END_TEST

/* The communication service tells of a call that failed. */
START_TEST(calls_publish_it)
{
	static const char failed[] = "{\"status\": \"fehlgeschlagen\"}";

	sent(CARLA);
	ck_assert_int_ge(psm_call_update(st, 1, PSM_VERSION_ANY, failed,
	                                 strlen(failed), NULL, err),
	                 0);
	SAYS("1 6 1 fehlgeschlagen",
	     "SELECT concat_ws(' ', p->>'call_id', p->>'therapist_id', "
	     "p->'call_data'->>'therapeutenanfrage_id', "
	     "p->'call_data'->>'status') FROM (SELECT payload::jsonb AS p FROM "
	     "psymatch.outbox WHERE type = 'phone_call.failed') x");
}
END_TEST

/* What the communication service told last of a mail or a call, to the matching
 * service. */
static void
last_happens(const char *type)
{
	char *payload = pg_text("SELECT payload FROM psymatch.outbox WHERE "
	                        "type = '%s' ORDER BY id DESC LIMIT 1",
	                        type);

	happens(type, payload);
	free(payload);
}

/* Status of the mail, when it would be tried again; the inquiry is to be sent
 * again. */
static const struct {
	const char *set;
	int again;
} deleted_mails[] = {
    {"status = 'In_Warteschlange'", 1},
    {"status = 'In_Warteschlange', angehalten_seit = '2026-03-02'", 1},
    {"status = 'Entwurf'", 1},
    {"status = 'Fehlgeschlagen', naechster_versuch_am = '2026-03-04'", 1},
    {"status = 'Fehlgeschlagen'", 0},
    {"status = 'Gesendet'", 0},
};

START_TEST(a_mail_that_is_deleted_before_it_left)
{
	sent(BERTA);
	pg_run("UPDATE communication_service.emails SET %s",
	       deleted_mails[_i].set);
	OK(psm_mail_delete(st, 1, PSM_VERSION_ANY, err));
	for (int i = 0; i < 2; i++)
		last_happens("email.deleted");
	if (!deleted_mails[_i].again) {
		STATE("email - - 0 2026-03-02");
		return;
	}
	STATE("email - - 1 unsent");
	SAYS("[2026-03-03 09:00 (System)] Not sent: its mail was deleted",
	     "SELECT notizen FROM " INQUIRY);
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	STATE("email 2 - 1 2026-03-02");
	last_happens("email.deleted");
	STATE("email 2 - 1 2026-03-02");
	check_invariants();
}
END_TEST

START_TEST(a_call_that_is_deleted)
{
	sent(CARLA);
	OK(psm_call_delete(st, 1, PSM_VERSION_ANY, err));
	for (int i = 0; i < 2; i++)
		last_happens("phone_call.deleted");
	STATE("phone_call - - 1 unsent");
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	STATE("phone_call - 2 1 2026-03-02");
	/* One that took place was an inquiry. */
	pg_run("UPDATE communication_service.telefonanrufe SET status = "
	       "'abgeschlossen'");
	OK(psm_call_delete(st, 2, PSM_VERSION_ANY, err));
	last_happens("phone_call.deleted");
	STATE("phone_call - - 1 2026-03-02");
	check_invariants();
}
END_TEST

START_TEST(a_follow_up_that_is_deleted)
{
	sent(BERTA);
	pg_run("UPDATE " INQUIRY " SET phone_call_id = 4");
	happens("phone_call.deleted",
	        "{\"call_id\": 4, \"therapist_id\": 5, "
	        "\"therapeutenanfrage_id\": 1, \"status\": \"geplant\"}");
	STATE("email 1 - 0 2026-03-02");
}
END_TEST

/* A follow-up is not what it was sent by: it gets another one, unless somebody
 * called it off. */
START_TEST(a_follow_up_that_failed)
{
	sent(BERTA);
	pg_run("UPDATE " INQUIRY " SET phone_call_id = 4, therapist_id = 6");
	happens("phone_call.failed", CALL(4, "abgebrochen"));
	STATE("email 1 4 0 2026-03-02");
	happens("phone_call.failed", CALL(4, "fehlgeschlagen"));
	STATE("email 1 - 0 2026-03-02");
}
END_TEST

START_TEST(by_hand)
{
	psm_tx *tx = NULL;

	sent(BERTA);
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_inquiry_handed_over(tx, 1, 9, 0, err), 0);
	ck_assert_int_eq(psm_inquiry_handed_over(tx, 1, 0, 9, err), 1);
	ck_assert_int_eq(psm_inquiry_handed_over(tx, 1, 9, 9, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, " ", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, "\xff", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_cancel(st, 1, "\xff", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_proposal_refuse(st, 1, "\xff", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, "came back", err), 1);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, "came back", err), 0);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 2, "came back", err),
	                 PSM_ERR_NOT_FOUND);
	psm_tx_rollback(tx);
}
END_TEST

/* What a blocked therapist was not asked, he is not asked later. */
START_TEST(of_a_therapist_who_is_blocked_it_is_cancelled)
{
	sent(BERTA);
	pg_run("UPDATE matching_service.therapeuten_kopie SET status = "
	       "'gesperrt' WHERE id = 5");
	happens("email.failed", MAIL_FAILED(1, ""));
	SAYS("t t the therapist is blocked 2026-03-03 2",
	     "SELECT concat_ws(' ', gesendet_datum IS NULL, storniert_datum "
	     "IS NOT NULL, storniert_grund, storniert_datum::date, "
	     "anfragegroesse) FROM " INQUIRY);
	ck_assert_int_eq(send_it(1), PSM_ERR_TRANSITION);
	check_invariants();
}
END_TEST

START_TEST(by_hand_and_gone)
{
	psm_tx *tx = NULL;

	sent(BERTA);
	pg_run("DELETE FROM matching_service.therapeuten_kopie WHERE id = 5");
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, "came back", err), 1);
	ck_assert_int_eq(psm_inquiry_not_sent(tx, 1, "came back", err), 0);
	OK(psm_tx_commit(tx, err));
	SAYS("the therapist is not known any more",
	     "SELECT storniert_grund FROM " INQUIRY);
}
END_TEST

/* Who excluded the therapist meanwhile does not go with the second mail. */
START_TEST(the_second_mail_is_for_those_who_still_fit)
{
	sent(BERTA);
	pg_run("UPDATE matching_service.platzsuche SET "
	       "ausgeschlossene_therapeuten = '[5]' WHERE id = 7");
	happens("email.failed", MAIL_FAILED(1, ""));
	matches_are(1, "8 anstehend"); /* at once, not only then: */
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	SAYS("8", "SELECT string_agg(patient_id::text, ',') FROM "
	          "matching_service.therapeut_anfrage_patient");
	SAYS("t 1",
	     "SELECT concat_ws(' ', notizen LIKE '%%does not fit any more: the "
	     "search excludes the therapist%%', anfragegroesse) FROM " INQUIRY);
	check_invariants();
}
END_TEST

/* An adopted inquiry that names neither way nor mail was made by telephone, as
 * far as anybody knows. */
START_TEST(of_an_unknown_way_no_mail_fails)
{
	sent(BERTA);
	pg_run("UPDATE " INQUIRY " SET email_id = NULL, versandweg = NULL");
	happens("email.failed", MAIL_FAILED(31, ""));
	STATE("- - - 0 2026-03-02");
	pg_run("UPDATE " INQUIRY " SET email_id = 31");
	happens("email.failed", MAIL_FAILED(31, ""));
	STATE("- 31 - 1 unsent");
}
END_TEST

/* Nor does anybody wait in it who found a place meanwhile. */
START_TEST(who_has_a_place_leaves_what_failed)
{
	sent(BERTA);
	OK(psm_search_cancel(st, 8, NULL, err));
	matches_are(1, "8 anstehend, 7 anstehend"); /* it was sent */
	happens("email.failed", MAIL_FAILED(1, ""));
	matches_are(1, "7 anstehend");
	OK(psm_search_cancel(st, 7, NULL, err));
	SAYS("0 t", "SELECT anfragegroesse || ' ' || left((storniert_datum IS "
	            "NOT NULL)::text, 1) FROM " INQUIRY);
	check_invariants();
}
END_TEST

static int64_t
ticking_clock(void *user)
{
	(void)user;
	now_us += 1000;
	return now_us;
}

/* The answer tells the date that the row has. */
START_TEST(the_date_of_sending)
{
	ck_assert_int_eq(create(BERTA), 1);
	psm_set_clock(ticking_clock, NULL);
	ck_assert_msg(send_it(1) == 1, "%s", psm_error_message(err));
	SAYS("t",
	     "SELECT gesendet_datum = (('%s'::jsonb)->>'sent_date')"
	     "::timestamp FROM " INQUIRY,
	     out);
}
END_TEST

/* -- what a database had before it was adopted */

#define NO "abgelehnt_Kapazitaet"
#define SAY(a, b, more)                                                        \
	"{\"patient_responses\": {\"7\": \"" a "\", \"8\": \"" b "\"}" more "}"
#define CORRECT ", \"correction\": true"

/* Patient 7 was placed by inquiry 2, and inquiry 1 accepted later; 8 was placed
 * by inquiry 1; of the other patient a person said so. */
START_TEST(successes_are_corrected)
{
	sent(BERTA);
	ck_assert_int_eq(create(CARLA), 1);
	ck_assert_int_eq(send_it(2), 1);
	OK(answer(2, SAY("angenommen", NO, "")));
	now_us += DAY_US;
	OK(answer(1, SAY("angenommen", "angenommen", "")));
	/* A conflict placed nobody, even if it came first. */
	pg_run("UPDATE " SEARCH
	       " SET erfolgreiche_anfrage_id = NULL; UPDATE " MATCH
	       " SET konflikt = therapeutenanfrage_id = 2; DELETE FROM "
	       "psymatch.migration WHERE set = 'matching' AND version = 13");
	OK(psm_store_migrate(st, "matching", err));
	SAYS("1",
	     "SELECT erfolgreiche_anfrage_id FROM " SEARCH " WHERE id = 7");
	pg_run("UPDATE " SEARCH " SET erfolgreiche_anfrage_id = NULL; INSERT "
	       "INTO " SEARCH " (id, patient_id, status) VALUES (9, 9, "
	       "'erfolgreich'); UPDATE " MATCH " SET konflikt = false; DELETE "
	       "FROM psymatch.migration WHERE set = 'matching' AND version = "
	       "13");
	OK(psm_store_migrate(st, "matching", err));
	SAYS("2 1 -", "SELECT string_agg(coalesce("
	              "erfolgreiche_anfrage_id::text, '-'), ' ' ORDER BY id) "
	              "FROM " SEARCH);
	SAYS("1:7", "SELECT string_agg(therapeutenanfrage_id || ':' || "
	            "patient_id, ' ') FROM " MATCH " WHERE konflikt");
	OK(answer(1, SAY("angenommen", NO, CORRECT)));
	search_is(8, "aktiv");
	OK(answer(2, SAY(NO, NO, CORRECT)));
	SAYS("1",
	     "SELECT erfolgreiche_anfrage_id FROM " SEARCH " WHERE id = 7");
	SAYS("0", "SELECT count(*) FROM " MATCH " WHERE konflikt");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry_fail");
	TCase *c = tcase_create("failures");

	tcase_add_checked_fixture(c, setup, inquiry_teardown);
	tcase_add_test(c, fault_s3_a_refused_mail_is_not_silence);
	tcase_add_test(c, it_may_be_cancelled);
	tcase_add_test(c, other_failures);
	tcase_add_test(c, a_mail_that_left_after_all);
	tcase_add_test(c, a_mail_without_number);
	tcase_add_test(c, a_call_that_failed);
	tcase_add_test(c, a_call_after_the_answer);
	tcase_add_test(c, calls_publish_it);
	tcase_add_test(c, a_follow_up_that_failed);
	tcase_add_test(c, by_hand);
	tcase_add_test(c, of_a_therapist_who_is_blocked_it_is_cancelled);
	tcase_add_test(c, by_hand_and_gone);
	tcase_add_test(c, the_second_mail_is_for_those_who_still_fit);
	tcase_add_test(c, who_has_a_place_leaves_what_failed);
	tcase_add_test(c, of_an_unknown_way_no_mail_fails);
	tcase_add_loop_test(c, a_mail_that_is_deleted_before_it_left, 0,
	                    PSM__COUNT(deleted_mails));
	tcase_add_test(c, a_call_that_is_deleted);
	tcase_add_test(c, a_follow_up_that_is_deleted);
	tcase_add_test(c, the_date_of_sending);
	tcase_add_test(c, successes_are_corrected);
	suite_add_tcase(s, c);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
