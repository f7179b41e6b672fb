/* SPDX-License-Identifier: BSD-2-Clause */
/* What events of patients mean for searches and for unsent inquiries. */
#include <pthread.h>

#include "app/inquiry.h"
#include "app/inquiry_leave.h"
#include "testing_search.h"

#define SEARCHING ", \"status\": \"auf_der_Suche\""

static int64_t
searches(const char *where)
{
	return pg_int("SELECT count(*) FROM matching_service.platzsuche "
	              "WHERE %s",
	              where);
}

static int64_t
members(const char *where)
{
	return pg_int("SELECT count(*) FROM "
	              "matching_service.therapeut_anfrage_patient m JOIN "
	              "matching_service.therapeutenanfrage a ON a.id = "
	              "m.therapeutenanfrage_id WHERE %s",
	              where);
}

static psm_event *
moved(int id, const char *from, const char *to)
{
	char more[200], record[1500];

	(void)snprintf(more, sizeof(more),
	               ", \"old_status\": \"%s\", \"new_status\": \"%s\"", from,
	               to);
	(void)snprintf(record, sizeof(record), COMPLETE ", \"status\": \"%s\"",
	               to);
	return patient_event("patient.status_changed", id, more, record);
}

/* -- opening */

START_TEST(opened_by_status)
{
	psm_event *ev;

	receive(patient_event("patient.created", 1, "",
	                      COMPLETE ", \"status\": \"offen\", "
	                               "\"ausgeschlossene_therapeuten\": [4]"));
	ck_assert_int_eq(searches("true"), 0);
	ev = moved(1, "offen", "auf_der_Suche");
	ck_assert_int_eq(handle(ev), 0);
	CHECK_PG("aktiv [4]",
	         "SELECT concat(status, ' ', ausgeschlossene_therapeuten) FROM "
	         "matching_service.platzsuche");
	ck_assert_int_eq(outbox("search.status_changed"), 1);
	/* Again, and data that change later: no second one. */
	ck_assert_int_eq(handle(ev), 0);
	psm_event_free(ev);
	patient_is(1, COMPLETE SEARCHING ", \"telefon\": \"1\"");
	ck_assert_int_eq(searches("true"), 1);
	/* Nor when the first one has ended and the status stays. */
	OK(psm_search_cancel(st, 1, NULL, err));
	patient_is(1, COMPLETE SEARCHING ", \"telefon\": \"2\"");
	ck_assert_int_eq(searches("true"), 1);
}
END_TEST

/* Who searches again, gets another search. */
START_TEST(opened_again)
{
	receive(patient_event("patient.created", 1, "", COMPLETE SEARCHING));
	pg_run("UPDATE matching_service.platzsuche SET created_at = "
	       "'2026-01-01'");
	receive(moved(1, "auf_der_Suche", "Suche_abgebrochen"));
	ck_assert_int_eq(searches("status = 'abgebrochen'"), 1);
	receive(moved(1, "Suche_abgebrochen", "auf_der_Suche"));
	ck_assert_int_eq(searches("status = 'aktiv'"), 1);
	ck_assert_int_eq(searches("true"), 2);
}
END_TEST

/* The update of a later version comes before the change of status. */
START_TEST(opened_in_any_order)
{
	psm_event *late = moved(1, "offen", "auf_der_Suche");

	patient_is(1, COMPLETE SEARCHING ", \"telefon\": \"1\"");
	ck_assert_int_eq(searches("true"), 1);
	ck_assert_int_eq(handle(late), 0);
	psm_event_free(late);
	ck_assert_int_eq(searches("true"), 1);
}
END_TEST

/* An adopted patient whose search is over, heard of for the first time. */
START_TEST(not_opened_for_adopted)
{
	pg_run("INSERT INTO matching_service.platzsuche (patient_id, status) "
	       "VALUES (1, 'erfolgreich')");
	patient_is(1, COMPLETE SEARCHING);
	ck_assert_int_eq(searches("true"), 1);
}
END_TEST

START_TEST(waits_for_data)
{
	char *out;

	receive(patient_event(
	    "patient.created", 1, "",
	    "\"geschlecht\": \"divers\", \"krankenkasse\": \"Kasse\"" SEARCHING));
	ck_assert_int_eq(searches("true"), 0);
	OK(psm_search_incomplete(st, &out, err));
	CHECK_JSON(out, "/total", "1");
	CHECK_JSON(out, "/data/0/patient_id", "1");
	CHECK_JSON(out, "/data/0/missing/0", "\"symptome\"");
	CHECK_JSON(out, "/data/0/missing/1", "\"geburtsdatum\"");
	CHECK_JSON(out, "/data/0/since", "\"2026-03-02T10:00:00Z\"");
	psm_free(out);
	ck_assert_int_eq(
	    psm__metric_get(psm__counter("psymatch_searches_incomplete_total",
	                                 "column", "symptome", "")),
	    1);
	/* Some of it comes, then the rest. */
	patient_is(1, "\"symptome\": [\"Mobbing\"]");
	CHECK_PG("geburtsdatum 2026-03-02 10:00:00",
	         "SELECT concat(fehlt[1], ' ', seit AT TIME ZONE 'UTC') FROM "
	         "matching_service.suche_unvollstaendig");
	patient_is(1, COMPLETE);
	ck_assert_int_eq(searches("status = 'aktiv'"), 1);
	OK(psm_search_incomplete(st, &out, err));
	CHECK_JSON(out, "/total", "0");
	psm_free(out);
}
END_TEST

/* A paused search is one; what was opened after the event knows better. */
START_TEST(not_opened_beside_others)
{
	receive(patient_event("patient.created", 1, "", COMPLETE SEARCHING));
	pg_run("UPDATE matching_service.platzsuche SET created_at = "
	       "'2026-01-01'");
	OK(psm_search_pause(st, 1, NULL, err));
	receive(moved(1, "auf_der_Suche", "offen"));
	receive(moved(1, "offen", "auf_der_Suche"));
	ck_assert_int_eq(searches("true"), 1);
	receive(patient_event("patient.created", 2, "",
	                      COMPLETE ", \"status\": \"offen\""));
	OK(psm_search_cancel(st, search_of(2), NULL, err)); /* now, by hand */
	receive(moved(2, "offen", "auf_der_Suche"));
	ck_assert_int_eq(searches("patient_id = 2"), 1);
}
END_TEST

/* Who had a search before, and whose data are not complete any more. */
START_TEST(waits_again)
{
	pg_run("INSERT INTO matching_service.platzsuche (patient_id, status, "
	       "created_at) VALUES (1, 'abgebrochen', '2026-01-01')");
	receive(patient_event("patient.created", 1, "",
	                      "\"geschlecht\": \"divers\", \"status\": "
	                      "\"offen\""));
	receive(patient_event("patient.status_changed", 1,
	                      ", \"old_status\": \"offen\", \"new_status\": "
	                      "\"auf_der_Suche\"",
	                      "\"status\": \"auf_der_Suche\""));
	ck_assert_int_eq(searches("true"), 1);
	patient_is(1, COMPLETE);
	ck_assert_int_eq(searches("status = 'aktiv'"), 1);
}
END_TEST

START_TEST(waits_no_more)
{
	receive(patient_event("patient.created", 1, "",
	                      "\"geschlecht\": \"divers\"" SEARCHING));
	receive(patient_event("patient.created", 2, "",
	                      "\"geschlecht\": \"divers\"" SEARCHING));
	patient_is(1, "\"status\": \"Suche_abgebrochen\"");
	receive(make("patient.deleted", "{\"patient_id\": 2}"));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.suche_unvollstaendig"),
	                 0);
}
END_TEST

/* -- ending */

START_TEST(ended_by_status)
{
	static const struct {
		const char *to, *paused, *active, *accepted;
	} cases[] = {
	    {"Suche_abgebrochen", "abgebrochen", "abgebrochen", "abgebrochen"},
	    {"in_Therapie", "abgebrochen", "abgebrochen", "erfolgreich"},
	    {"offen", "pausiert", "aktiv", "aktiv"},
	};
	char want[100];

	for (int i = 0; i < 3; i++) {
		for (int k = 1; k <= 3; k++)
			receive(patient_event("patient.created", 10 * i + k, "",
			                      COMPLETE SEARCHING));
		OK(psm_search_pause(st, 3 * i + 1, NULL, err));
		put_into(inquiry_to(7), 3 * i + 3);
		pg_run("UPDATE matching_service.therapeutenanfrage SET "
		       "gesendet_datum = now()");
		pg_run("UPDATE matching_service.therapeut_anfrage_patient SET "
		       "status = 'angenommen' WHERE platzsuche_id = %d",
		       3 * i + 3);
		for (int k = 1; k <= 3; k++)
			receive(
			    moved(10 * i + k, "auf_der_Suche", cases[i].to));
		(void)snprintf(want, sizeof(want), "%s %s %s", cases[i].paused,
		               cases[i].active, cases[i].accepted);
		CHECK_PG(
		    want,
		    "SELECT string_agg(status::text, ' ' ORDER BY id) FROM "
		    "matching_service.platzsuche WHERE patient_id / 10 = "
		    "%d",
		    i);
	}
	ck_assert_int_eq(searches("erfolgreiche_vermittlung_datum = "
	                          "updated_at AND notizen LIKE '%%(System)] "
	                          "Successful: the patient is in therapy'"),
	                 1);
}
END_TEST

/* Success follows only an active search. */
START_TEST(paused_is_no_success)
{
	receive(patient_event("patient.created", 1, "", COMPLETE SEARCHING));
	put_into(inquiry_to(7), 1);
	pg_run(
	    "UPDATE matching_service.therapeutenanfrage SET gesendet_datum = "
	    "now()");
	pg_run("UPDATE matching_service.therapeut_anfrage_patient SET status = "
	       "'angenommen'");
	OK(psm_search_pause(st, 1, NULL, err));
	receive(moved(1, "auf_der_Suche", "in_Therapie"));
	ck_assert_int_eq(searches("status = 'abgebrochen'"), 1);
}
END_TEST

/* A search that a person opened for somebody in therapy is none of ours. */
START_TEST(opened_by_hand_stays)
{
	receive(patient_event("patient.created", 1, "",
	                      COMPLETE ", \"status\": \"in_Therapie\""));
	(void)search_of(1);
	patient_is(1, COMPLETE ", \"status\": \"in_Therapie\", \"telefon\": "
	                       "\"2\"");
	ck_assert_int_eq(searches("status = 'aktiv'"), 1);
}
END_TEST

/* -- fault 51 */

START_TEST(fault_51_exclusions_of_the_patient)
{
	const char *excluded = "{\"patient_id\": 1, \"therapist_id\": 8, "
			       "\"reason\": \"rude\"}";
	psm_event *ev = make("patient.therapist_excluded", excluded);

	ck_assert_int_eq(handle(ev), 0); /* of nobody who is known */
	patient_is(1, COMPLETE ", \"ausgeschlossene_therapeuten\": [7]");
	patient_is(2, COMPLETE);
	therapist_is(8, "Acht", "");
	(void)search_of(1);
	(void)search_of(2);
	put_into(inquiry_to(8), 1);
	ck_assert_int_eq(handle(ev), 0);
	ck_assert_int_eq(handle(ev), 0);
	psm_event_free(ev);
	CHECK_PG("[7, {\"id\": 8, \"reason\": \"rude\", \"excluded_at\": "
	         "\"2026-03-02T10:00:00.000000Z\"}]",
	         "SELECT ausgeschlossene_therapeuten FROM "
	         "matching_service.platzsuche WHERE id = 1");
	ck_assert_int_eq(searches("ausgeschlossene_therapeuten = '[]'"), 1);
	ck_assert_int_eq(members("true"), 0);
	ev = make("patient.therapist_excluded",
	          "{\"patient_id\": 1, \"therapist_id\": 0}");
	ck_assert_int_eq(handle(ev), PSM_ERR_REJECT);
	psm_event_free(ev);
}
END_TEST

/* A stored list that is none counts as an empty one. */
START_TEST(excluded_beside_an_odd_list)
{
	patient_is(1, COMPLETE);
	(void)search_of(1);
	pg_run("UPDATE matching_service.platzsuche SET "
	       "ausgeschlossene_therapeuten = '{\"id\": 7}'");
	receive(make("patient.therapist_excluded",
	             "{\"patient_id\": 1, \"therapist_id\": 8}"));
	ck_assert_int_eq(
	    searches("ausgeschlossene_therapeuten @> '[{\"id\": 8}]'"), 1);
	put_into(inquiry_to(9), 1);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now()");
	pg_run("UPDATE matching_service.platzsuche SET "
	       "ausgeschlossene_therapeuten = '\"7\"'");
	receive(therapist("therapist.blocked", 9, "Anna", "Neun", "10117",
	                  ", \"status\": \"gesperrt\"}"));
	ck_assert_int_eq(
	    searches("ausgeschlossene_therapeuten @> '[{\"id\": 9}]'"), 1);
}
END_TEST

/* -- unsent inquiries follow the data */

START_TEST(adjusted)
{
	int64_t unsent, sent;

	patient_is(1, COMPLETE);
	patient_is(2, COMPLETE);
	therapist_is(7, "Sieben", ", \"alter_max\": 50");
	(void)search_of(1);
	(void)search_of(2);
	unsent = inquiry_to(7);
	put_into(unsent, 1);
	put_into(unsent, 2);
	sent = inquiry_to(7);
	put_into(sent, 1);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() WHERE id = %lld",
	       (long long)sent);
	/* What does not matter changes nothing, not even a lock. */
	patient_is(1, COMPLETE ", \"strasse\": \"Weg 1\"");
	ck_assert_int_eq(members("true"), 3);
	patient_is(1, "\"geburtsdatum\": \"1960-01-01\"");
	ck_assert_int_eq(members("platzsuche_id = 1 AND a.id = 1"), 0);
	ck_assert_int_eq(members("platzsuche_id = 1 AND a.id = 2"), 1);
	CHECK_PG("1 [2026-03-02 10:00 (System)] Patient 1 left: does not fit "
	         "any more: the patient is older than the therapist wants",
	         "SELECT concat(anfragegroesse, ' ', notizen) FROM "
	         "matching_service.therapeutenanfrage WHERE id = 1");
	ck_assert_int_eq(members("platzsuche_id = 2 AND position_in_anfrage = "
	                         "1 AND a.id = 1"),
	                 1);
	ck_assert_int_eq(outbox("match.status_changed"), 1);
	ck_assert_int_eq(pg_int("SELECT version FROM psymatch.entity_version "
	                        "WHERE entity = 'inquiry' AND id = 1"),
	                 1);
	/* The last one moves away. */
	patient_is(2, "\"plz\": \"20095\"");
	ck_assert_int_eq(members("a.id = 1"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeutenanfrage WHERE id "
	                        "= 1 AND storniert_grund LIKE '%%postal%%'"),
	                 1);
}
END_TEST

/* Nobody knows for which area an inquiry was made: it counts when it changes. */
START_TEST(adjusted_by_area_when_that_changes)
{
	patient_is(1, COMPLETE);
	therapist_is(7, "Sieben", ", \"plz\": \"20095\"");
	(void)search_of(1);
	put_into(inquiry_to(7), 1);
	patient_is(1, "\"strasse\": \"Weg 1\"");
	ck_assert_int_eq(members("true"), 1);
	patient_is(1, "\"plz\": \"10119\"");
	ck_assert_int_eq(members("true"), 0);
}
END_TEST

START_TEST(what_was_sent_is_not_left)
{
	struct psm__now now;
	struct psm__leave l = {.patient_id = 1, .reason = "x", .now = &now};
	int64_t inquiry = inquiry_to(7);

	patient_is(1, COMPLETE);
	put_into(inquiry, search_of(1));
	pg_run(
	    "UPDATE matching_service.therapeutenanfrage SET gesendet_datum = "
	    "now()");
	OK(psm_tx_begin(st, &l.tx, err));
	OK(psm__app_now(l.tx, &now, err));
	OK(psm__inquiry_leave(&l, inquiry, err));
	OK(psm__inquiry_leave_all(&l, err));
	l.patient_id = 2; /* who is in none */
	OK(psm__inquiry_leave(&l, inquiry, err));
	OK(psm_tx_commit(l.tx, err));
	ck_assert_int_eq(members("true"), 1);
}
END_TEST

/* The distance decides, where it is known. */
START_TEST(adjusted_by_distance)
{
	OK(psm_store_migrate(st, "geocoding", err));
	pg_run(
	    "INSERT INTO geocoding_service.plz_centroids (plz, ort, latitude, "
	    "longitude) VALUES ('10117', 'A', 52.51, 13.38), ('14467', 'B', "
	    "52.39, 13.06), ('10115', 'C', 52.53, 13.38)");
	patient_is(1, COMPLETE ", \"raeumliche_verfuegbarkeit\": {\"max_km\": "
	                       "60}");
	therapist_is(7, "Sieben", "");
	(void)search_of(1);
	put_into(inquiry_to(7), 1);
	patient_is(1, "\"plz\": \"14467\""); /* 25 km, another area */
	ck_assert_int_eq(members("true"), 1);
	patient_is(1, "\"raeumliche_verfuegbarkeit\": {\"max_km\": \"x\"}");
	ck_assert_int_eq(members("true"), 0); /* 25.6 km, 25 by default */
}
END_TEST

/* -- two at once */

struct opener {
	pthread_t thread;
	int rc;
	const psm_event *ev; /* NULL: psm_search_create(), or: */
	int64_t resumed;     /* not 0: psm_search_resume() */
};

static void *
open_one(void *arg)
{
	psm_error *own = psm_error_new();
	struct opener *o = arg;
	psm_tx *tx = NULL;

	if (o->resumed != 0) {
		o->rc = psm_search_resume(st, o->resumed, NULL, own);
	} else if (o->ev == NULL) {
		o->rc =
		    psm_search_create(st, "{\"patient_id\": 1}", 17, NULL, own);
	} else {
		o->rc = psm_tx_begin(st, &tx, own);
		if (o->rc == 0)
			o->rc = psm_matching_handle(tx, o->ev, NULL, own);
		if (o->rc == 0)
			o->rc = psm_tx_commit(tx, own);
		else
			psm_tx_rollback(tx);
	}
	psm_error_free(own);
	return NULL;
}

static void
start(struct opener *o)
{
	ck_assert_int_eq(pthread_create(&o->thread, NULL, open_one, o), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	                "current_database() AND wait_event_type = 'Lock'") ==
	         1);
}

/* Somebody opens one by hand while the event that opens one is handled. */
START_TEST(by_hand_while_an_event_opens)
{
	struct opener hand = {.ev = NULL};
	psm_event *ev = moved(1, "offen", "auf_der_Suche");
	psm_tx *tx;

	patient_is(1, COMPLETE ", \"status\": \"offen\"");
	psm_event_free(ev);
	ev = moved(1, "offen", "auf_der_Suche");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_matching_handle(tx, ev, NULL, err));
	start(&hand);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(hand.thread, NULL), 0);
	ck_assert_int_eq(hand.rc, 0);
	ck_assert_int_eq(searches("true"), 1);
	psm_event_free(ev);
}
END_TEST

/* The other way round: the event finds what was opened meanwhile. */
START_TEST(an_event_while_one_opens_by_hand)
{
	struct opener event = {.ev = NULL};
	psm_event *ev;
	psm_tx *tx;

	patient_is(1, COMPLETE ", \"status\": \"offen\"");
	ev = moved(1, "offen", "auf_der_Suche");
	event.ev = ev;
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT FROM matching_service.patienten_kopie WHERE id "
	               "= 1 FOR UPDATE",
	               0, NULL, NULL, err));
	OK(psm_tx_exec(tx,
	               "INSERT INTO matching_service.platzsuche (patient_id) "
	               "VALUES (1)",
	               0, NULL, NULL, err));
	start(&event);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(event.thread, NULL), 0);
	ck_assert_int_eq(event.rc, 0);
	ck_assert_int_eq(searches("true"), 1);
	ck_assert_int_eq(patients("status = 'auf_der_Suche'"), 1);
	psm_event_free(ev);
}
END_TEST

/* Nor does an event that ends searches overlook it. */
START_TEST(an_event_that_ends_while_one_opens_by_hand)
{
	struct opener event = {.ev = NULL};
	psm_event *ev;
	psm_tx *tx;

	patient_is(1, COMPLETE ", \"status\": \"offen\"");
	ev = moved(1, "offen", "Suche_abgebrochen");
	event.ev = ev;
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT FROM matching_service.patienten_kopie WHERE id "
	               "= 1 FOR UPDATE",
	               0, NULL, NULL, err));
	OK(psm_tx_exec(tx,
	               "INSERT INTO matching_service.platzsuche (patient_id) "
	               "VALUES (1)",
	               0, NULL, NULL, err));
	start(&event);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(event.thread, NULL), 0);
	ck_assert_int_eq(event.rc, 0);
	ck_assert_int_eq(searches("status = 'abgebrochen'"), 1);
	psm_event_free(ev);
}
END_TEST

/* A search goes on while the patient moves: it is found in the new area. */
START_TEST(resumed_while_the_patient_moves)
{
	struct opener hand = {.ev = NULL};
	psm_tx *tx;

	patient_is(1, COMPLETE);
	hand.resumed = search_of(1);
	OK(psm_search_pause(st, hand.resumed, NULL, err));
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "UPDATE matching_service.patienten_kopie SET plz = "
	               "'20095' WHERE id = 1",
	               0, NULL, NULL, err));
	start(&hand);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(hand.thread, NULL), 0);
	ck_assert_int_eq(hand.rc, 0);
	CHECK_PG("20095", "SELECT plz FROM matching_service.aktive_suchen");
}
END_TEST

/* An inquiry to a therapist is composed while the event is handled that blocks
 * or deletes her: it is cancelled, too. */
START_TEST(composed_while_an_event_cancels)
{
	struct opener event = {.ev = NULL};
	psm_event *ev;
	psm_tx *tx;

	therapist_is(7, "Sieben", "");
	ev = _i == 0 ? therapist("therapist.blocked", 7, "Anna", "Sieben",
	                         "10117", ", \"status\": \"gesperrt\"}")
	             : make("therapist.deleted", "{\"therapist_id\": 7}");
	event.ev = ev;
	OK(psm_tx_begin(st, &tx, err));
	OK(psm__inquiry_lock_therapist(tx, 7, err));
	OK(psm_tx_exec(tx,
	               "INSERT INTO matching_service.therapeutenanfrage "
	               "(therapist_id, anfragegroesse) VALUES (7, 0)",
	               0, NULL, NULL, err));
	start(&event);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(event.thread, NULL), 0);
	ck_assert_int_eq(event.rc, 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeutenanfrage WHERE "
	                        "storniert_datum IS NOT NULL"),
	                 1);
	psm_event_free(ev);
}
END_TEST

/* -- patient.deleted */

START_TEST(fault_54_paused_searches_end_too)
{
	psm_event *ev;

	patient_is(1, COMPLETE);
	(void)search_of(1);
	OK(psm_search_pause(st, 1, NULL, err));
	(void)search_of(1);
	put_into(inquiry_to(7), 1);
	put_into(inquiry_to(8), 2);
	ev = make("patient.deleted", "{\"patient_id\": 1}");
	ck_assert_int_eq(handle(ev), 0);
	ck_assert_int_eq(handle(ev), 0);
	psm_event_free(ev);
	ck_assert_int_eq(searches("status = 'abgebrochen'"), 2);
	ck_assert_int_eq(outbox("search.status_changed"), 5);
	ck_assert_int_eq(outbox("match.status_changed"), 2);
	ck_assert_int_eq(members("true"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeutenanfrage WHERE "
	                        "storniert_datum IS NULL"),
	                 0);
}
END_TEST

/* -- the table of active searches */

START_TEST(active_searches_are_kept)
{
	const char *differs =
	    "SELECT count(*) FROM (SELECT s.id, s.patient_id, "
	    "coalesce(p.plz, '') AS plz, s.created_at FROM "
	    "matching_service.platzsuche s LEFT JOIN "
	    "matching_service.patienten_kopie p ON p.id = s.patient_id WHERE "
	    "s.status = 'aktiv') s FULL JOIN matching_service.aktive_suchen a "
	    "ON (a.search_id, a.patient_id, a.plz, a.created_at) = (s.id, "
	    "s.patient_id, s.plz, s.created_at) WHERE a.search_id IS NULL OR "
	    "s.id IS NULL";

	pg_run("INSERT INTO matching_service.platzsuche (patient_id) "
	       "VALUES (5)");
	patient_is(5, COMPLETE);
	for (int i = 1; i <= 3; i++) {
		patient_is(i, COMPLETE);
		(void)search_of(i);
	}
	ck_assert_int_eq(pg_int("%s", differs), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.aktive_suchen WHERE plz = "
	                        "'10115'"),
	                 4);
	patient_is(2, "\"plz\": \"20095\"");
	patient_is(3, "\"plz\": null");
	ck_assert_int_eq(pg_int("%s", differs), 0);
	OK(psm_search_pause(st, 2, NULL, err));
	pg_run("DELETE FROM matching_service.platzsuche WHERE id = 3");
	ck_assert_int_eq(pg_int("%s", differs), 0);
	OK(psm_search_resume(st, 2, NULL, err));
	ck_assert_int_eq(pg_int("%s", differs), 0);
	receive(make("patient.deleted", "{\"patient_id\": 1}"));
	ck_assert_int_eq(pg_int("%s", differs), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("search_event");
	TCase *tc = tcase_create("event");

	tcase_add_checked_fixture(tc, setup, app_teardown);
	tcase_add_test(tc, opened_by_status);
	tcase_add_test(tc, opened_again);
	tcase_add_test(tc, opened_in_any_order);
	tcase_add_test(tc, not_opened_for_adopted);
	tcase_add_test(tc, waits_for_data);
	tcase_add_test(tc, waits_again);
	tcase_add_test(tc, not_opened_beside_others);
	tcase_add_test(tc, waits_no_more);
	tcase_add_test(tc, ended_by_status);
	tcase_add_test(tc, paused_is_no_success);
	tcase_add_test(tc, opened_by_hand_stays);
	tcase_add_test(tc, fault_51_exclusions_of_the_patient);
	tcase_add_test(tc, adjusted);
	tcase_add_test(tc, what_was_sent_is_not_left);
	tcase_add_test(tc, adjusted_by_area_when_that_changes);
	tcase_add_test(tc, adjusted_by_distance);
	tcase_add_test(tc, by_hand_while_an_event_opens);
	tcase_add_test(tc, an_event_while_one_opens_by_hand);
	tcase_add_test(tc, an_event_that_ends_while_one_opens_by_hand);
	tcase_add_test(tc, resumed_while_the_patient_moves);
	tcase_add_loop_test(tc, composed_while_an_event_cancels, 0, 2);
	tcase_add_test(tc, excluded_beside_an_odd_list);
	tcase_add_test(tc, fault_54_paused_searches_end_too);
	tcase_add_test(tc, active_searches_are_kept);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
