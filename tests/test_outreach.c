/* SPDX-License-Identifier: BSD-2-Clause */
/* Mails and calls of therapists who are blocked, and free again. */
#include "testing_handle.h"

#include <pthread.h>
#include <sched.h>

#include <psymatch/call.h>
#include <psymatch/clock.h>
#include <psymatch/communication.h>
#include <psymatch/mail.h>

#define SECOND INT64_C(1000000)
/* Monday, 2026-03-09, 12:00 in Berlin. */
#define MONDAY INT64_C(1773054000)

static int64_t clock_us;

static int64_t
now_us(void *user)
{
	(void)user;
	return clock_us;
}

static void
setup(void)
{
	app_setup();
	clock_us = MONDAY * SECOND;
	psm_set_clock(now_us, NULL);
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	app_teardown();
}

static void
mail_to(int therapist, const char *status)
{
	char json[300];

	(void)snprintf(json, sizeof(json),
	               "{\"betreff\": \"a\", \"empfaenger_email\": "
	               "\"a@b.example\", \"empfaenger_name\": \"A\", "
	               "\"inhalt_text\": \"x\", \"therapist_id\": %d, "
	               "\"status\": \"%s\"}",
	               therapist, status);
	OK(psm_mail_create(st, json, strlen(json), NULL, NULL, NULL, err));
}

static void
call_with(int therapist, const char *day)
{
	char json[200];

	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, \"geplantes_datum\": \"%s\", "
	               "\"geplante_zeit\": \"10:00\"}",
	               therapist, day);
	OK(psm_call_create(st, json, strlen(json), NULL, err));
}

static int sent;

static int
send_mail(const char *mail, void *user, psm_error *e)
{
	int *answer = user;

	(void)mail;
	(void)e;
	sent++;
	return *answer;
}

static int
send_all(int answer)
{
	int rc;

	sent = 0;
	while ((rc = psm_mail_queue_run(st, send_mail, &answer, err)) > 0)
		continue;
	ck_assert_int_eq(rc, 0);
	return sent;
}

static void
tell(const char *type, const char *time, int version)
{
	char members[200];

	(void)snprintf(members, sizeof(members),
	               "\"therapist_id\": 7, \"entity_version\": %d%s", version,
	               strcmp(type, "therapist.deleted") == 0
	                   ? ""
	                   : ", \"therapist_data\": {\"id\": 7}");
	receive(psm_communication_handle, type, time, members);
}

#define BLOCK(version)                                                         \
	tell("therapist.blocked", "2026-03-09T11:00:00Z", version)
#define UNBLOCK(version)                                                       \
	tell("therapist.unblocked", "2026-03-09T11:00:00Z", version)

#define QUEUE "{\"status\": \"In_Warteschlange\"}"
#define DONE "{\"status\": \"abgeschlossen\"}"
#define MAILS "communication_service.emails"
#define CALLS "communication_service.telefonanrufe"

static int64_t
held(const char *table)
{
	return pg_int("SELECT count(*) FROM %s WHERE angehalten_seit IS NOT "
	              "NULL",
	              table);
}

START_TEST(mails_wait)
{
	char *out = NULL;

	mail_to(7, "In_Warteschlange");
	mail_to(7, "Entwurf");
	mail_to(8, "In_Warteschlange");
	BLOCK(1);
	ck_assert_int_eq(held(MAILS), 1);
	mail_to(7, "In_Warteschlange"); /* made meanwhile */
	ck_assert_int_eq(held(MAILS), 2);
	ck_assert_int_eq(send_all(0), 1);
	CHECK_TEXT("8", "SELECT string_agg(therapist_id::text, ' ') FROM " MAILS
	                " WHERE status = 'Gesendet'");
	OK(psm_mail_queue_status(st, &out, err));
	ck_assert_str_eq(out, "{\"due\":0,\"later\":0,\"oldest_due_seconds\":"
	                      "0,\"sending\":0,\"suspect\":0,\"held\":2}");
	psm_free(out);
	UNBLOCK(2);
	ck_assert_int_eq(held(MAILS), 0);
	ck_assert_int_eq(send_all(0), 2);
	CHECK_TEXT("Entwurf", "SELECT status FROM " MAILS " WHERE id = 2");
}
END_TEST

/* Nobody makes it due, and what was queued by hand meanwhile waits, too. */
START_TEST(mails_stay_held)
{
	psm_event *ev;

	mail_to(7, "In_Warteschlange");
	mail_to(7, "Entwurf");
	BLOCK(1);
	ev = make_event("communication.send_email", "2026-03-09T11:00:00Z",
	                "\"email_id\": 1");
	OK(pg_handle(st, psm_communication_handle, ev, err));
	psm_event_free(ev);
	ck_assert_int_ge(psm_mail_update(st, 2, PSM_VERSION_ANY, QUEUE,
	                                 strlen(QUEUE), NULL, err),
	                 0);
	ck_assert_int_eq(send_all(0), 0);
	ck_assert_int_eq(held(MAILS), 2);
}
END_TEST

/* One that is being sent at the moment, and fails, is not tried again. */
START_TEST(mails_that_failed)
{
	mail_to(7, "In_Warteschlange");
	ck_assert_int_eq(send_all(PSM_ERR_UNAVAILABLE), 1);
	BLOCK(1);
	ck_assert_int_eq(held(MAILS), 1);
	clock_us += 3600 * SECOND;
	ck_assert_int_eq(send_all(0), 0);
	UNBLOCK(2);
	ck_assert_int_eq(send_all(0), 1);
	ck_assert_int_eq(held(MAILS), 0);
	/* As a program of the platform writes. */
	BLOCK(3);
	pg_run(
	    "INSERT INTO " MAILS " (therapist_id, betreff, inhalt_html, "
	    "inhalt_text, empfaenger_email, empfaenger_name, absender_email, "
	    "absender_name, status, naechster_versuch_am) SELECT "
	    "therapist_id, betreff, inhalt_html, inhalt_text, "
	    "empfaenger_email, empfaenger_name, absender_email, "
	    "absender_name, 'Fehlgeschlagen', now() FROM " MAILS
	    " WHERE id = 1");
	ck_assert_int_eq(held(MAILS), 1);
	pg_run("UPDATE " MAILS " SET naechster_versuch_am = NULL WHERE id = 2");
	ck_assert_int_eq(held(MAILS), 0);
}
END_TEST

START_TEST(calls_wait)
{
	call_with(7, "2026-03-10");
	call_with(7, "2026-03-20");
	call_with(8, "2026-03-10");
	BLOCK(1);
	ck_assert_int_eq(held(CALLS), 2);
	call_with(7, "2026-03-21"); /* made meanwhile */
	ck_assert_int_eq(held(CALLS), 3);
	ck_assert_int_eq(outbox("communication.call_scheduled"), 4);
	clock_us += 5 * 86400 * SECOND; /* Saturday, the 14th */
	UNBLOCK(2);
	ck_assert_int_eq(held(CALLS), 0);
	CHECK_TEXT("2026-03-16 2026-03-20 2026-03-10 2026-03-21",
	           "SELECT string_agg(geplantes_datum::text, ' ' ORDER BY id) "
	           "FROM " CALLS);
	ck_assert_int_eq(outbox("communication.call_scheduled"), 5);
	/* One that took place is not held. */
	BLOCK(3);
	ck_assert_int_ge(psm_call_update(st, 1, PSM_VERSION_ANY, DONE,
	                                 strlen(DONE), NULL, err),
	                 0);
	ck_assert_int_eq(held(CALLS), 2);
}
END_TEST

/* The new time is one of the therapist's hours. */
START_TEST(a_call_goes_on_in_his_hours)
{
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, vorname, nachname, telefonische_erreichbarkeit) "
	       "VALUES (7, 'Frau', 'weiblich', 'A', 'B', "
	       "'{\"mo\": \"15-16\", \"di\": \"10-11\"}')");
	call_with(7, "2026-03-10");
	BLOCK(1);
	clock_us += 5 * 86400 * SECOND; /* Saturday, the 14th */
	UNBLOCK(2);
	CHECK_TEXT(
	    "2026-03-16 15:00:00",
	    "SELECT geplantes_datum || ' ' || geplante_zeit FROM " CALLS);
}
END_TEST

START_TEST(a_mail_that_is_deleted_meanwhile)
{
	mail_to(7, "In_Warteschlange");
	mail_to(7, "In_Warteschlange");
	mail_to(7, "In_Warteschlange");
	pg_run("CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN DELETE FROM " MAILS " WHERE id = 2; RETURN NULL; END'");
	pg_run("CREATE TRIGGER gone AFTER UPDATE ON " MAILS " FOR EACH ROW "
	       "WHEN (NEW.id = 1) EXECUTE FUNCTION gone()");
	BLOCK(1);
	ck_assert_int_eq(held(MAILS), 2);
}
END_TEST

/* In whatever order they come, the newest decides; deleted is for good. */
START_TEST(any_order)
{
	static const char *const types[] = {"blocked", "unblocked", "blocked",
	                                    "deleted"};
	char type[40];
	int order[4], count = _i < 6 ? 3 : 4;

	permute(_i < 6 ? _i : _i - 6, order, count);
	mail_to(7, "In_Warteschlange");
	for (int i = 0; i < count; i++) {
		(void)snprintf(type, sizeof(type), "therapist.%s",
		               types[order[i]]);
		tell(type, "2026-03-09T11:00:00Z", order[i] + 1);
	}
	ck_assert_int_eq(held(MAILS), 1);
	UNBLOCK(4);
	ck_assert_int_eq(held(MAILS), count == 4);
}
END_TEST

/* Without versions their times decide. */
START_TEST(any_order_by_time)
{
	static const char members[] =
	    "\"therapist_id\": 7, \"therapist_data\": {\"id\": 7}";

	mail_to(7, "In_Warteschlange");
	receive(psm_communication_handle, "therapist.unblocked",
	        "2026-03-09T11:00:01Z", members);
	receive(psm_communication_handle, "therapist.blocked",
	        "2026-03-09T11:00:00Z", members);
	ck_assert_int_eq(held(MAILS), 0);
	receive(psm_communication_handle, "therapist.blocked",
	        "2026-03-09T11:00:02Z", members);
	ck_assert_int_eq(held(MAILS), 1);
}
END_TEST

static void *
block(void *ev)
{
	psm_error *e = psm_error_new();
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, e);

	if (rc == 0)
		rc = psm_communication_handle(tx, ev, NULL, e);
	if (rc == 0)
		rc = psm_tx_commit(tx, e);
	else
		psm_tx_rollback(tx);
	psm_error_free(e);
	return rc == 0 ? ev : NULL;
}

/* A mail that is written at the moment is waited for. */
START_TEST(a_mail_at_the_same_time)
{
	static const char json[] =
	    "{\"betreff\": \"a\", \"empfaenger_email\": \"a@b.example\", "
	    "\"empfaenger_name\": \"A\", \"inhalt_text\": \"x\", "
	    "\"therapist_id\": 7, \"status\": \"In_Warteschlange\"}";
	psm_event *ev =
	    make_event("therapist.blocked", "2026-03-09T11:00:00Z",
	               "\"therapist_id\": 7, \"therapist_data\": {\"id\": 7}");
	pthread_t thread;
	psm_tx *tx = NULL;
	void *done;

	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_ge(psm_mail_make(tx, json, strlen(json), NULL, NULL, err),
	                 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, block, ev), 0);
	while (pg_int("SELECT count(*) FROM pg_locks WHERE locktype = "
	              "'advisory' AND NOT granted") == 0)
		(void)sched_yield();
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_eq(done, ev);
	ck_assert_int_eq(held(MAILS), 1);
	psm_event_free(ev);
}
END_TEST

/* Whoever plans a call, or changes a mail of the queue, has a lock that the one
 * who blocks needs: he waits for them, and they never for him. */
static void
block_meets(psm_tx *tx, const char *lock)
{
	psm_event *ev =
	    make_event("therapist.blocked", "2026-03-09T11:00:00Z",
	               "\"therapist_id\": 7, \"therapist_data\": {\"id\": 7}");
	static const char call[] =
	    "{\"therapist_id\": 7, \"geplantes_datum\": \"2026-03-10\", "
	    "\"geplante_zeit\": \"10:00\"}";
	static const char mail[] = "{\"fehlermeldung\": \"y\"}";
	pthread_t thread;
	void *done;

	ck_assert_int_eq(pthread_create(&thread, NULL, block, ev), 0);
	while (pg_int("SELECT count(*) FROM pg_locks l JOIN pg_database d ON "
	              "d.oid = l.database WHERE d.datname = "
	              "current_database() AND NOT l.granted") == 0 &&
	       pg_int("SELECT count(*) FROM pg_locks WHERE locktype = "
	              "'transactionid' AND NOT granted") == 0)
		(void)sched_yield();
	if (strcmp(lock, "call") == 0)
		ck_assert_msg(
		    psm_call_make(tx, call, strlen(call), NULL, NULL, err) == 1,
		    "%s", psm_error_message(err));
	else
		ck_assert_msg(psm_entity_update(tx, "email", 1, PSM_VERSION_ANY,
		                                PSM_CHANGE_MERGE, mail,
		                                strlen(mail), NULL, NULL,
		                                err) >= 0,
		              "%s", psm_error_message(err));
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_eq(done, ev);
	psm_event_free(ev);
}

START_TEST(a_call_that_is_planned)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT pg_advisory_xact_lock(hashtextextended("
	               "'psymatch call of therapist 7', 0))",
	               0, NULL, NULL, err));
	block_meets(tx, "call");
	ck_assert_int_eq(held(CALLS), 1);
}
END_TEST

START_TEST(a_mail_that_is_changed)
{
	psm_tx *tx = NULL;

	mail_to(7, "In_Warteschlange");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT FROM communication_service.emails WHERE id = 1 "
	               "FOR UPDATE",
	               0, NULL, NULL, err));
	block_meets(tx, "mail");
	ck_assert_int_eq(held(MAILS), 1);
}
END_TEST

/* A mail that begins to wait, and a call that is planned again. */
START_TEST(what_begins_to_wait_is_held)
{
	static const char queued[] = "{\"status\": \"In_Warteschlange\"}";
	static const char planned[] = "{\"status\": \"geplant\"}";

	mail_to(7, "Entwurf");
	call_with(7, "2026-03-10");
	pg_run("UPDATE communication_service.telefonanrufe SET status = "
	       "'fehlgeschlagen'");
	receive(psm_communication_handle, "therapist.blocked",
	        "2026-03-09T11:00:00Z",
	        "\"therapist_id\": 7, \"therapist_data\": {\"id\": 7}");
	ck_assert_int_eq(held(MAILS) + held(CALLS), 0);
	ck_assert_int_eq(psm_mail_update(st, 1, PSM_VERSION_ANY, queued,
	                                 strlen(queued), NULL, err),
	                 1);
	ck_assert_int_eq(psm_call_update(st, 1, PSM_VERSION_ANY, planned,
	                                 strlen(planned), NULL, err),
	                 1);
	ck_assert_int_eq(held(MAILS), 1);
	ck_assert_int_eq(held(CALLS), 1);
	/* Also what is somebody else's until then. */
	mail_to(8, "In_Warteschlange");
	call_with(8, "2026-03-11");
	pg_run("UPDATE " MAILS " SET therapist_id = 7; UPDATE " CALLS
	       " SET therapist_id = 7");
	ck_assert_int_eq(held(MAILS), 2);
	ck_assert_int_eq(held(CALLS), 2);
}
END_TEST

/* No event tells of those who were blocked before a database was adopted. */
START_TEST(blocked_before_it_was_adopted)
{
	mail_to(7, "In_Warteschlange");
	mail_to(8, "In_Warteschlange");
	call_with(7, "2026-03-10");
	/* What is over, and a mail that is tried again. */
	call_with(7, "2026-03-11");
	for (int i = 0; i < 3; i++)
		mail_to(7, "Entwurf");
	pg_run("UPDATE " MAILS
	       " SET status = 'Gesendet' WHERE id = 3; UPDATE " MAILS
	       " SET status = 'Fehlgeschlagen' WHERE id > 3; UPDATE " MAILS
	       " SET naechster_versuch_am = '2026-03-11' WHERE id = 5; "
	       "UPDATE " CALLS " SET status = 'abgeschlossen' WHERE id = 2");
	pg_run(
	    "INSERT INTO therapist_service.therapeuten (id, anrede, "
	    "geschlecht, vorname, nachname, status, sperrgrund, sperrdatum) "
	    "VALUES (7, 'Frau', 'weiblich', 'A', 'B', 'gesperrt', 'voll', "
	    "'2026-03-09'), (9, 'Frau', 'weiblich', 'A', 'B', 'gesperrt', "
	    "NULL, '2999-01-01'), (8, 'Frau', 'weiblich', 'A', 'B', 'aktiv', NULL, "
	    "NULL); DROP TRIGGER email_wartet_anhalten ON "
	    "communication_service.emails; DROP TRIGGER "
	    "anruf_geplant_anhalten ON "
	    "communication_service.telefonanrufe; DELETE FROM "
	    "psymatch.migration WHERE set = 'communication' AND version = "
	    "7");
	OK(psm_store_migrate(st, "communication", err));
	CHECK_TEXT("7 voll, 9", "SELECT string_agg(concat_ws(' ', "
	                        "therapist_id, grund), ', ' ORDER BY "
	                        "therapist_id) FROM "
	                        "communication_service.therapeuten_sperren "
	                        "WHERE gesperrt");
	CHECK_TEXT("1 5",
	           "SELECT string_agg(id::text, ' ' ORDER BY id) FROM " MAILS
	           " WHERE angehalten_seit IS NOT NULL");
	ck_assert_int_eq(held(CALLS), 1);
	/* Any event is newer. */
	CHECK_TEXT("2", "SELECT count(*)::text FROM "
	                "communication_service.therapeuten_sperren WHERE "
	                "event_time <= now()");
	mail_to(9, "In_Warteschlange");
	ck_assert_int_eq(held(MAILS), 3);
	/* What happens from then on counts, on the same day as well. */
	receive(psm_communication_handle, "therapist.unblocked",
	        "2026-03-09T11:00:00Z",
	        "\"therapist_id\": 7, \"therapist_data\": {\"id\": 7}");
	ck_assert_int_eq(held(MAILS), 1);
	ck_assert_int_eq(held(CALLS), 0);
}
END_TEST

START_TEST(wrong_events)
{
	psm_event *ev = make_event(
	    "therapist.blocked", "2026-03-09T11:00:00Z",
	    "\"therapist_id\": 3000000000, \"therapist_data\": {\"id\": 7}");

	ck_assert_int_eq(pg_handle(st, psm_communication_handle, ev, err),
	                 PSM_ERR_REJECT);
	psm_event_free(ev);
	ev = make_event("search.status_changed", "2026-03-09T11:00:00Z",
	                "\"search_id\": 1, \"patient_id\": 1, \"old_status\": "
	                "null, \"new_status\": \"aktiv\"");
	OK(pg_handle(st, psm_communication_handle, ev, err));
	psm_event_free(ev);
	ck_assert_int_eq(psm_communication_handle(NULL, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("outreach");
	TCase *t = tcase_create("blocked");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, mails_wait);
	tcase_add_test(t, mails_stay_held);
	tcase_add_test(t, mails_that_failed);
	tcase_add_test(t, calls_wait);
	tcase_add_test(t, a_call_goes_on_in_his_hours);
	tcase_add_test(t, a_mail_that_is_deleted_meanwhile);
	tcase_add_loop_test(t, any_order, 0, 30);
	tcase_add_test(t, any_order_by_time);
	tcase_add_test(t, a_mail_at_the_same_time);
	tcase_add_test(t, a_call_that_is_planned);
	tcase_add_test(t, a_mail_that_is_changed);
	tcase_add_test(t, what_begins_to_wait_is_held);
	tcase_add_test(t, blocked_before_it_was_adopted);
	tcase_add_test(t, wrong_events);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
