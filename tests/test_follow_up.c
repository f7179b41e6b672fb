/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that follow up inquiries without an answer. */
#include "app/ask.h"
#include "app/call.h"
#include "testing_app.h"

#include <psymatch/clock.h>
#include <psymatch/matching.h>
#include <psymatch/uuid.h>
#include <pthread.h>

#define SECOND INT64_C(1000000)

static char *out;
static _Atomic int64_t clock_us;

static int64_t
now_us(void *user)
{
	(void)user;
	return clock_us;
}

static void
at(const char *time)
{
	clock_us = pg_int("SELECT extract(epoch FROM timestamptz '%s')::bigint",
	                  time) *
	           SECOND;
}

static void
setup(void)
{
	out = NULL;
	app_setup();
	/* A Thursday. */
	at("2026-03-12 09:00+01");
	psm_set_clock(now_us, NULL);
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_free(out);
	app_teardown();
}

/* One that the matching service knows by its copy alone. */
static void
therapist(int id, const char *status, const char *hours)
{
	pg_run("INSERT INTO matching_service.therapeuten_kopie (id, status, "
	       "telefonische_erreichbarkeit, event_time, event_id) VALUES "
	       "(%d, '%s', '%s', now(), 'x')",
	       id, status, hours);
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, vorname, nachname, telefonische_erreichbarkeit) "
	       "VALUES (%d, 'Frau', 'weiblich', 'A', 'B', '%s')",
	       id, hours);
}

/* Sent at a time in Berlin. */
static void
inquiry(int id, int therapist_id, const char *sent)
{
	pg_run("INSERT INTO matching_service.therapeutenanfrage (id, "
	       "therapist_id, anfragegroesse, gesendet_datum) VALUES (%d, %d, "
	       "1, timestamptz '%s' AT TIME ZONE 'UTC')",
	       id, therapist_id, sent);
}

static void
run(const char *want)
{
	psm_free(out);
	OK(psm_follow_up_run(st, &out, err));
	ck_assert_str_eq(out, want);
}

#define COUNTS(planned, handed_over, without_time, failed)                     \
	"{\"planned\":" #planned ",\"handed_over\":" #handed_over              \
	",\"without_time\":" #without_time ",\"failed\":" #failed "}"
#define NOTHING COUNTS(0, 0, 0, 0)

static int64_t
calls(void)
{
	return pg_int(
	    "SELECT count(*) FROM communication_service.telefonanrufe");
}

#define CHECK_CALL(id, want)                                                   \
	CHECK_TEXT(                                                            \
	    want,                                                              \
	    "SELECT concat_ws(' ', c.geplantes_datum, "                        \
	    "c.geplante_zeit) FROM communication_service.telefonanrufe "       \
	    "c JOIN matching_service.therapeutenanfrage a ON "                 \
	    "a.phone_call_id = c.id AND c.therapeutenanfrage_id = "            \
	    "a.id AND c.therapist_id = a.therapist_id WHERE a.id = %d",        \
	    id)

START_TEST(plans_a_call)
{
	therapist(7, "aktiv", "{}");
	inquiry(12, 7, "2026-03-01 10:00+01");
	run(COUNTS(1, 0, 0, 0));
	CHECK_CALL(12, "2026-03-13 10:00:00");
	CHECK_TEXT("Follow-up für Anfrage A12 5 geplant",
	           "SELECT concat_ws(' ', notizen, dauer_minuten, status) FROM "
	           "communication_service.telefonanrufe");
	ck_assert_int_eq(outbox("communication.call_scheduled"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1);
	ck_assert_int_eq(pg_int("SELECT version FROM psymatch.entity_version "
	                        "WHERE entity = 'inquiry' AND id = 12"),
	                 1);
	/* Once, however long the answer takes. */
	run(NOTHING);
	clock_us += 100 * INT64_C(86400) * SECOND;
	run(NOTHING);
	ck_assert_int_eq(calls(), 1);
}
END_TEST

/* More than 7 full days, which are days of the calendar in Berlin: those on
 * which the clocks change count as one, and months end as they like. */
static const struct {
	const char *sent, *now;
	int due;
} waits[] = {
    {"2026-03-05 08:59:59+01", "2026-03-12 09:00+01", 1},
    {"2026-03-05 09:00:00+01", "2026-03-12 09:00+01", 0},
    {"2026-03-05 10:00+01", "2026-03-12 09:00+01", 0},
    {"2026-03-25 08:59:59+01", "2026-04-01 09:00+02", 1},
    {"2026-03-25 09:00:00+01", "2026-04-01 09:00+02", 0},
    {"2026-10-22 08:59:59+02", "2026-10-29 09:00+01", 1},
    {"2026-10-22 09:00:00+02", "2026-10-29 09:00+01", 0},
    {"2026-02-24 08:00+01", "2026-03-03 09:00+01", 1},
    {"2028-02-24 08:00+01", "2028-03-02 09:00+01", 1},
    {"2028-02-25 08:00+01", "2028-03-02 09:00+01", 0},
};

START_TEST(waits_more_than_seven_days)
{
	at(waits[_i].now);
	therapist(7, "aktiv", "{}");
	inquiry(12, 7, waits[_i].sent);
	psm_free(out);
	OK(psm_follow_up_run(st, &out, err));
	ck_assert_int_eq(calls(), waits[_i].due);
}
END_TEST

START_TEST(leaves_others_alone)
{
	therapist(7, "aktiv", "{}");
	for (int id = 1; id <= 4; id++)
		inquiry(id, 7, "2026-03-01 10:00+01");
	inquiry(5, 99, "2026-03-01 10:00+01"); /* nobody knows him */
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= NULL WHERE id = 1; "
	       "UPDATE matching_service.therapeutenanfrage SET antwort_datum = "
	       "now() WHERE id = 2; "
	       "UPDATE matching_service.therapeutenanfrage SET phone_call_id = "
	       "5 WHERE id = 3; "
	       "UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= NULL, storniert_datum = now() WHERE id = 4");
	run(NOTHING);
}
END_TEST

START_TEST(fault_57_blocked_therapists_are_not_called)
{
	therapist(7, "gesperrt", "{}");
	therapist(8, "inaktiv", "{}");
	therapist(9, "aktiv", "{}");
	pg_run("UPDATE matching_service.therapeuten_kopie SET geloescht = true "
	       "WHERE id = 9");
	for (int id = 7; id <= 9; id++)
		inquiry(id, id, "2026-03-01 10:00+01");
	run(NOTHING);
	/* Who comes back is called. */
	pg_run("UPDATE matching_service.therapeuten_kopie SET status = 'aktiv' "
	       "WHERE id = 7");
	run(COUNTS(1, 0, 0, 0));
}
END_TEST

START_TEST(fault_57_no_weekend_dates)
{
	at("2026-03-13 09:00+01"); /* a Friday */
	therapist(7, "aktiv", "{\"samstag\": [\"10:00-12:00\"]}");
	therapist(8, "aktiv",
	          "{\"Sa\": [\"10:00-12:00\"], \"Di\": [\"11:00-12:00\"]}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	inquiry(2, 8, "2026-03-01 10:00+01");
	run(COUNTS(2, 0, 0, 0));
	CHECK_CALL(1, "2026-03-16 10:00:00");
	CHECK_CALL(2, "2026-03-17 11:00:00");
}
END_TEST

START_TEST(fault_57_english_weekday_keys)
{
	therapist(7, "aktiv",
	          "{\"friday\": [{\"start\": \"15:00\", \"end\": \"16:00\"}]}");
	therapist(8, "aktiv", "{\"Mon\": [\"08:15\"], \"xx\": {}}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	inquiry(2, 8, "2026-03-01 10:00+01");
	inquiry(3, 7, "2026-03-01 10:00+01");
	run(COUNTS(3, 0, 0, 0));
	CHECK_CALL(1, "2026-03-13 15:00:00");
	CHECK_CALL(2, "2026-03-16 08:15:00");
	CHECK_CALL(3, "2026-03-13 15:05:00");
}
END_TEST

static psm_store *
store_with(const char *name, const char *value)
{
	psm_config *cfg = pg_settings();
	psm_store *other;

	OK(psm_config_set(cfg, name, value, err));
	OK(psm_store_open(cfg, &other, err));
	psm_config_free(cfg);
	return other;
}

/* What is wrong for all is told, and not counted for each. */
START_TEST(a_wrong_setting_stops_all)
{
	psm_store *other = store_with("PSYMATCH_HOLIDAYS_FILE", "/nonexistent");

	therapist(7, "aktiv", "{}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	ck_assert_int_eq(psm_follow_up_run(other, NULL, err), PSM_ERR_CONFIG);
	psm_store_free(other);
}
END_TEST

START_TEST(fault_57_the_time_is_validated)
{
	static const char *const bad[] = {"25:00", "9:30", "mittags",
	                                  "10:00:00"};
	psm_store *other;

	therapist(7, "aktiv", "{}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	for (size_t i = 0; i < PSM__COUNT(bad); i++) {
		other = store_with("DEFAULT_PHONE_CALL_TIME", bad[i]);
		ck_assert_int_eq(psm_follow_up_run(other, NULL, err),
		                 PSM_ERR_CONFIG);
		psm_store_free(other);
	}
	ck_assert_int_eq(calls(), 0);
	other = store_with("DEFAULT_PHONE_CALL_TIME", "13:20");
	OK(psm_follow_up_run(other, NULL, err));
	CHECK_CALL(1, "2026-03-13 13:20:00");
	psm_store_free(other);
}
END_TEST

START_TEST(the_threshold_is_a_setting)
{
	psm_store *other = store_with("FOLLOW_UP_THRESHOLD_DAYS", "14");

	therapist(7, "aktiv", "{}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	inquiry(2, 7, "2026-02-20 10:00+01");
	OK(psm_follow_up_run(other, &out, err));
	ck_assert_str_eq(out, COUNTS(1, 0, 0, 0));
	CHECK_CALL(2, "2026-03-13 10:00:00");
	psm_store_free(other);
}
END_TEST

START_TEST(one_without_a_time_waits)
{
	therapist(7, "aktiv", "{\"fr\": \"10:00-10:03\"}");
	therapist(8, "aktiv", "{}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	inquiry(2, 8, "2026-03-01 10:00+01");
	run(COUNTS(1, 0, 1, 0));
	pg_run("UPDATE therapist_service.therapeuten SET "
	       "telefonische_erreichbarkeit = '{}' WHERE id = 7");
	run(COUNTS(1, 0, 0, 0));
}
END_TEST

/* A call that was deleted makes room for another one. */
START_TEST(a_deleted_call_is_made_again)
{
	char id[37], text[400];
	psm_event *ev;
	psm_tx *tx;

	therapist(7, "aktiv", "{}");
	inquiry(12, 7, "2026-03-01 10:00+01");
	run(COUNTS(1, 0, 0, 0));
	OK(psm_call_delete(st, 1, PSM_VERSION_ANY, err));
	run(NOTHING);
	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	(void)snprintf(text, sizeof text,
	               "{\"event_id\": \"%s\", \"event_type\": "
	               "\"phone_call.deleted\", \"version\": \"1.0\", "
	               "\"timestamp\": \"2026-03-12T09:00:00Z\", "
	               "\"producer\": \"communication-service\", \"payload\": "
	               "{\"call_id\": 1, \"therapist_id\": 7}}",
	               id);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	for (int i = 0; i < 2; i++) { /* also when it comes again */
		OK(psm_tx_begin(st, &tx, err));
		OK(psm_matching_handle(tx, ev, NULL, err));
		OK(psm_tx_commit(tx, err));
		run(i == 0 ? COUNTS(1, 0, 0, 0) : NOTHING);
	}
	psm_event_free(ev);
	CHECK_CALL(12, "2026-03-13 10:00:00");
}
END_TEST

/* Nothing is half done where something fails, and it stops no other. */
START_TEST(a_failure_stops_no_other)
{
	therapist(7, "aktiv", "{}");
	inquiry(1, 7, "2026-03-01 10:00+01");
	inquiry(2, 7, "2026-03-02 10:00+01");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION ''no''; END'; CREATE TRIGGER t BEFORE "
	       "UPDATE ON matching_service.therapeutenanfrage FOR EACH ROW "
	       "WHEN (OLD.id = 1) EXECUTE FUNCTION refuse()");
	run(COUNTS(1, 0, 0, 1));
	ck_assert_int_eq(calls(), 1);
	CHECK_CALL(2, "2026-03-13 10:00:00");
	pg_run("DROP TRIGGER t ON matching_service.therapeutenanfrage; CREATE "
	       "CONSTRAINT TRIGGER t AFTER UPDATE ON "
	       "matching_service.therapeutenanfrage DEFERRABLE INITIALLY "
	       "DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()");
	run(COUNTS(0, 0, 0, 1));
	ck_assert_int_eq(calls(), 1);
	pg_run("DROP TRIGGER t ON matching_service.therapeutenanfrage");
	run(COUNTS(1, 0, 0, 0));
	CHECK_CALL(1, "2026-03-16 10:00:00");
}
END_TEST

/* The communication service has a database of its own. */
START_TEST(another_database_gets_a_job)
{
	psm_tx *tx;

	therapist(7, "aktiv", "{\"fr\": \"11:30-12\"}");
	inquiry(12, 7, "2026-03-01 10:00+01");
	pg_run("DROP SCHEMA communication_service CASCADE");
	run(COUNTS(0, 1, 0, 0));
	run(NOTHING);
	/* For a job that could not be committed nobody waits. */
	inquiry(13, 7, "2026-03-01 11:00+01");
	pg_run("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
	       "'BEGIN RAISE EXCEPTION ''no''; END'; CREATE CONSTRAINT TRIGGER "
	       "t AFTER INSERT ON psymatch.job DEFERRABLE INITIALLY DEFERRED "
	       "FOR EACH ROW EXECUTE FUNCTION refuse()");
	run(COUNTS(0, 0, 0, 1));
	pg_run("DELETE FROM matching_service.therapeutenanfrage WHERE id = "
	       "13");
	CHECK_TEXT("follow_up.call 12:2026-03-12 2026-03-13 11:30 7",
	           "SELECT concat_ws(' ', kind, key, "
	           "payload::jsonb->>'geplantes_datum', "
	           "payload::jsonb->>'geplante_zeit', "
	           "payload::jsonb->>'therapist_id') FROM psymatch.job");
	for (int i = 0; i < 2; i++) {
		OK(psm_tx_begin(st, &tx, err));
		ck_assert_int_eq(psm_follow_up_called(tx, 12, 77 + i, err),
		                 i == 0);
		OK(psm_tx_commit(tx, err));
	}
	ck_assert_int_eq(pg_int("SELECT phone_call_id FROM "
	                        "matching_service.therapeutenanfrage"),
	                 77);
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_follow_up_called(tx, 99, 77, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_follow_up_called(tx, 12, 0, err), PSM_ERR_INVAL);
	psm_tx_rollback(tx);
}
END_TEST

/* The one that waits for longest gets the first time; one that somebody is at
 * keeps nobody waiting. */
START_TEST(the_oldest_first)
{
	psm_tx *tx;

	therapist(7, "aktiv", "{}");
	inquiry(12, 7, "2026-03-02 10:00+01");
	inquiry(13, 7, "2026-03-01 10:00+01");
	inquiry(14, 7, "2026-02-01 10:00+01");
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx,
	               "SELECT FROM matching_service.therapeutenanfrage WHERE "
	               "id = 14 FOR UPDATE",
	               0, NULL, NULL, err));
	run(COUNTS(2, 0, 0, 0));
	psm_tx_rollback(tx);
	CHECK_TEXT("13 12",
	           "SELECT string_agg(therapeutenanfrage_id::text, ' ' ORDER "
	           "BY geplantes_datum, geplante_zeit) FROM "
	           "communication_service.telefonanrufe");
	run(COUNTS(1, 0, 0, 0));
}
END_TEST

/* What changes while the others are planned. */
static const char *const changes[] = {
    "UPDATE matching_service.therapeutenanfrage SET antwort_datum = now() "
    "WHERE id = 13",
    "UPDATE matching_service.therapeutenanfrage SET gesendet_datum = "
    "''2026-03-12'' WHERE id = 13",
    "UPDATE matching_service.therapeuten_kopie SET status = ''gesperrt'' "
    "WHERE id = 8",
};

START_TEST(not_due_any_more)
{
	therapist(7, "aktiv", "{}");
	therapist(8, "aktiv", "{}");
	inquiry(12, 7, "2026-03-01 10:00+01");
	inquiry(13, 8, "2026-03-01 11:00+01");
	pg_run("DROP SCHEMA communication_service CASCADE");
	pg_run("CREATE FUNCTION meanwhile() RETURNS trigger LANGUAGE plpgsql "
	       "AS 'BEGIN %s; RETURN NULL; END'",
	       changes[_i]);
	pg_run("CREATE TRIGGER meanwhile AFTER INSERT ON psymatch.job FOR EACH "
	       "ROW EXECUTE FUNCTION meanwhile()");
	run(COUNTS(0, 1, 0, 0));
}
END_TEST

/* What failed, or whose call was deleted, is asked for again the next day; what
 * waits or runs is not. */
START_TEST(a_job_that_failed_is_asked_for_again)
{
	static const char *const states[] = {"waiting", "running", "failed",
	                                     "waiting", "done"};
	static const int again[] = {0, 0, 1, 0, 1};

	therapist(7, "aktiv", "{}");
	inquiry(12, 7, "2026-03-01 10:00+01");
	pg_run("DROP SCHEMA communication_service CASCADE");
	run(COUNTS(0, 1, 0, 0));
	for (size_t i = 0; i < PSM__COUNT(again); i++) {
		pg_run("UPDATE psymatch.job SET state = '%s' WHERE state IN "
		       "('waiting', 'running')",
		       states[i]);
		clock_us += INT64_C(86400) * SECOND;
		run(again[i] ? COUNTS(0, 1, 0, 0) : NOTHING);
	}
	CHECK_TEXT("12:2026-03-12 failed, 12:2026-03-15 done, 12:2026-03-17 "
	           "waiting",
	           "SELECT string_agg(key || ' ' || state, ', ' ORDER BY id) "
	           "FROM psymatch.job");
	/* That of another inquiry keeps nobody waiting. */
	inquiry(1, 7, "2026-03-01 10:00+01");
	run(COUNTS(0, 1, 0, 0));
}
END_TEST

static void *
run_thread(void *arg)
{
	psm_store *store = pg_store();
	psm_error *e = psm_error_new();

	(void)arg;
	ck_assert_msg(psm_follow_up_run(store, NULL, e) == 0, "%s",
	              psm_error_message(e));
	psm_error_free(e);
	psm_store_free(store);
	return NULL;
}

START_TEST(fault_56_two_instances_plan_one_call)
{
	pthread_t threads[3];

	for (int id = 1; id <= 5; id++)
		therapist(id, "aktiv", "{}");
	for (int id = 1; id <= 30; id++)
		inquiry(id, 1 + id % 5, "2026-03-01 10:00+01");
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, run_thread, NULL), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	run(NOTHING);
	ck_assert_int_eq(calls(), 30);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT phone_call_id) FROM "
	                        "matching_service.therapeutenanfrage"),
	                 30);
}
END_TEST

/* Each day at 09:00 in Berlin, over the end of a month, and later after a
 * downtime. */
START_TEST(fault_56_each_day_over_the_end_of_a_month)
{
	psm_config *cfg = pg_settings();
	psm_jobs *jobs;

	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_config_set(cfg, "FOLLOW_UP_TIME", "9 Uhr", err));
	ck_assert_int_eq(psm_follow_up_daily(jobs, st, cfg, err),
	                 PSM_ERR_CONFIG);
	OK(psm_config_set(cfg, "FOLLOW_UP_TIME", "09:00", err));
	OK(psm_follow_up_daily(jobs, st, cfg, err));
	therapist(7, "aktiv", "{}");
	inquiry(1, 7, "2026-03-20 10:00+01");
	at("2026-03-30 12:00+02");
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 0);
	at("2026-03-31 08:59+02");
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 0);
	at("2026-03-31 09:00+02");
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	CHECK_CALL(1, "2026-04-01 10:00:00");
	inquiry(2, 7, "2026-03-22 10:00+01");
	at("2026-04-03 17:00+02"); /* nothing ran since */
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 0);
	CHECK_CALL(2, "2026-04-06 10:00:00");
	psm_jobs_free(jobs);
	psm_config_free(cfg);
}
END_TEST

/* However many were answered or called, the index has only those that were not. */
START_TEST(history_costs_nothing)
{
	therapist(7, "aktiv", "{}");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum, phone_call_id, antwort_datum) "
	       "SELECT 7, 1, '2026-01-01', CASE WHEN i %% 2 = 1 THEN i END, "
	       "CASE WHEN i %% 2 = 0 THEN timestamp '2026-01-02' END FROM "
	       "generate_series(1, 20000) i; "
	       "ANALYZE matching_service.therapeutenanfrage");
	pg_run(
	    "%s",
	    "CREATE FUNCTION plan() RETURNS SETOF text LANGUAGE plpgsql AS "
	    "$$ DECLARE l text; BEGIN FOR l IN EXPLAIN SELECT id FROM "
	    "matching_service.therapeutenanfrage a WHERE a.gesendet_datum < "
	    "'2026-03-05' AND a.gesendet_datum IS NOT NULL AND "
	    "a.antwort_datum IS NULL AND a.phone_call_id IS NULL AND "
	    "a.storniert_datum IS NULL LOOP RETURN NEXT l; END LOOP; END $$");
	CHECK_TEXT("t", "SELECT string_agg(l, '') LIKE "
	                "'%%idx_therapeutenanfrage_ohne_antwort%%' FROM "
	                "plan() l");
}
END_TEST

/* By PostgreSQL, which is asked once an hour only. */
START_TEST(the_time_in_berlin)
{
	static const char *const times[] = {
	    "2026-03-29 00:59:59.999999Z", "2026-03-29 01:00:00Z",
	    "2026-03-29 01:59:59.5Z",      "2026-03-29 00:30:00.123450Z",
	    "2026-10-25 00:59:59.000001Z", "2026-10-25 01:00:00.100Z",
	    "2026-10-25 01:30:00Z",        "2026-10-24 22:30:00Z",
	    "2026-12-31 23:00:00.9Z",      "1969-12-31 23:59:59.25Z",
	    "1970-01-01 00:00:00Z",        "2026-03-28 22:59:59Z",
	    "2026-03-28 23:00:00Z",        "2026-03-29 21:59:59Z",
	    "2026-03-29 22:00:00Z",        "2026-10-24 21:59:59Z",
	    "2026-10-24 22:00:00Z",        "2026-10-25 22:59:59Z",
	    "2026-10-25 23:00:00Z",        "2026-12-31 22:59:59Z",
	    "2028-02-28 23:00:00Z",        "0001-01-01 00:00:00Z",
	    "9999-12-30 22:59:59Z"};
	char day[11], tomorrow[9];
	struct psm__now now;
	psm_tx *tx;

	OK(psm_tx_begin(st, &tx, err));
	for (size_t i = 0; i < PSM__COUNT(times); i++) {
		clock_us = pg_int("SELECT (extract(epoch FROM timestamptz "
		                  "'%s') * 1000000)::bigint",
		                  times[i]);
		OK(psm__app_now(tx, &now, err));
		CHECK_TEXT(now.timestamp,
		           "SELECT (timestamptz '%s' AT TIME ZONE 'UTC')::text",
		           times[i]);
		CHECK_TEXT(now.today,
		           "SELECT (timestamptz '%s' AT TIME ZONE "
		           "'Europe/Berlin')::date::text",
		           times[i]);
		OK(psm__app_day(tx, clock_us, day, err));
		ck_assert_str_eq(day, now.today);
		OK(psm__app_tomorrow(st, tomorrow, err));
		CHECK_TEXT(tomorrow,
		           "SELECT to_char((timestamptz '%s' AT TIME ZONE "
		           "'Europe/Berlin')::date + 1, 'YYYYMMDD')",
		           times[i]);
		CHECK_TEXT(
		    now.time,
		    "SELECT date_trunc('second', timestamptz '%s' AT TIME "
		    "ZONE 'Europe/Berlin')::time::text",
		    times[i]);
	}
	psm_tx_rollback(tx);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("follow_up");
	TCase *tc = tcase_create("follow_up");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, plans_a_call);
	tcase_add_loop_test(tc, waits_more_than_seven_days, 0,
	                    (int)PSM__COUNT(waits));
	tcase_add_test(tc, leaves_others_alone);
	tcase_add_test(tc, fault_57_blocked_therapists_are_not_called);
	tcase_add_test(tc, fault_57_no_weekend_dates);
	tcase_add_test(tc, fault_57_english_weekday_keys);
	tcase_add_test(tc, fault_57_the_time_is_validated);
	tcase_add_test(tc, the_threshold_is_a_setting);
	tcase_add_test(tc, one_without_a_time_waits);
	tcase_add_test(tc, a_deleted_call_is_made_again);
	tcase_add_test(tc, a_failure_stops_no_other);
	tcase_add_test(tc, another_database_gets_a_job);
	tcase_add_test(tc, the_oldest_first);
	tcase_add_test(tc, a_wrong_setting_stops_all);
	tcase_add_loop_test(tc, not_due_any_more, 0, PSM__COUNT(changes));
	tcase_add_test(tc, a_job_that_failed_is_asked_for_again);
	tcase_add_test(tc, fault_56_two_instances_plan_one_call);
	tcase_add_test(tc, fault_56_each_day_over_the_end_of_a_month);
	tcase_add_test(tc, history_costs_nothing);
	tcase_add_test(tc, the_time_in_berlin);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
