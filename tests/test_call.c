/* SPDX-License-Identifier: BSD-2-Clause */
/* Phone calls made, read, changed and deleted as JSON, on a real database. */
#include "app/call.h"
#include "testing_app.h"

#include <fcntl.h>
#include <psymatch/clock.h>
#include <pthread.h>

#define SECOND INT64_C(1000000)
/* Monday, 2026-03-09, 12:00 in Berlin. */
#define MONDAY INT64_C(1773054000)

static char *out;
static _Atomic int64_t clock_us;

static int64_t
now_us(void *user)
{
	(void)user;
	return clock_us;
}

static void
setup(void)
{
	out = NULL;
	app_setup();
	clock_us = MONDAY * SECOND;
	psm_set_clock(now_us, NULL);
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_free(out);
	app_teardown();
}

/* The payload of the newest event. */
#define CHECK_EVENT(want)                                                      \
	CHECK_TEXT(want, "SELECT (payload::jsonb || "                          \
	                 "jsonb_build_object('type', type))::text FROM "       \
	                 "psymatch.outbox ORDER BY id DESC LIMIT 1")

static int64_t
events(void)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox");
}

static int
create(const char *json)
{
	psm_free(out);
	return psm_call_create(st, json, strlen(json), &out, err);
}

static int
put(int64_t id, const char *json)
{
	psm_free(out);
	return psm_call_update(st, id, PSM_VERSION_ANY, json, strlen(json),
	                       &out, err);
}

static int
patch(int64_t id, const char *json)
{
	psm_free(out);
	return psm_call_patch(st, id, PSM_VERSION_ANY, json, strlen(json), &out,
	                      err);
}

static void
therapist(int id, const char *hours)
{
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, vorname, nachname, telefonische_erreichbarkeit) "
	       "VALUES (%d, 'Frau', 'weiblich', 'A', 'B', '%s')",
	       id, hours);
}

static void
check_time(const char *day, const char *time)
{
	check_out("/geplantes_datum", day);
	check_out("/geplante_zeit", time);
}

START_TEST(a_patient_is_called_at_ten)
{
	OK(create("{\"patient_id\": 3, \"id\": 9, \"dauer_minuten\": null}"));
	check_out("/id", "1");
	check_time("\"2026-03-10\"", "\"10:00\"");
	check_out("/dauer_minuten", "10");
	check_out("/status", "\"geplant\"");
	ck_assert_int_eq(events(), 1);
	CHECK_EVENT("{\"type\": \"communication.call_scheduled\", "
	            "\"call_id\": 1, \"call_data\": {\"status\": \"geplant\", "
	            "\"call_id\": 1, \"patient_id\": 3, \"therapist_id\": "
	            "null, \"recipient_type\": \"patient\", "
	            "\"scheduled_date\": \"2026-03-10\", \"scheduled_time\": "
	            "\"10:00:00\", \"therapeutenanfrage_id\": null}}");
	/* Five minutes are five minutes, and two patients may be called at
	 * once. */
	OK(create("{\"patient_id\": 4, \"dauer_minuten\": 5, "
	          "\"geplantes_datum\": \"2026-03-10\"}"));
	check_out("/dauer_minuten", "5");
	check_time("\"2026-03-10\"", "\"10:00\"");
	OK(create("{\"patient_id\": 3, \"geplante_zeit\": \"16:30\"}"));
	check_time("\"2026-03-10\"", "\"16:30\"");
}
END_TEST

/* What is over, and rows of another program that say no time. */
START_TEST(calls_that_are_in_nobodys_way)
{
	static const char *const changes[] = {
	    "status = 'fehlgeschlagen'",
	    "dauer_minuten = NULL, status = 'abgeschlossen'",
	    "geplantes_datum = 'infinity'"};

	therapist(7, "{}");
	pg_run("UPDATE therapist_service.therapeuten SET "
	       "telefonische_erreichbarkeit = (repeat('[', 2000) || repeat("
	       "']', 2000))::jsonb");
	pg_run("ALTER TABLE communication_service.telefonanrufe DISABLE "
	       "TRIGGER USER; TRUNCATE communication_service.anruf_termine");
	for (int i = 0; i < 3; i++) {
		OK(create("{\"therapist_id\": 7}"));
		check_time("\"2026-03-10\"", "\"10:00\"");
		pg_run("UPDATE communication_service.telefonanrufe SET %s "
		       "WHERE id = %d",
		       changes[i], i + 1);
	}
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-10\"", "\"10:00\"");
	/* One that does not say how long it takes takes five minutes. */
	pg_run("UPDATE communication_service.telefonanrufe SET dauer_minuten = "
	       "NULL WHERE id = 4");
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-10\"", "\"14:00\"");
}
END_TEST

START_TEST(a_therapist_gets_a_free_time)
{
	static const char *const times[] = {"\"10:00\"", "\"14:00\"",
	                                    "\"10:00\"", "\"14:00\""};

	for (int i = 0; i < 4; i++) {
		OK(create("{\"therapist_id\": 7, \"notizen\": \"x\"}"));
		check_time(i < 2 ? "\"2026-03-10\"" : "\"2026-03-11\"",
		           times[i]);
		check_out("/dauer_minuten", "5");
	}
	/* Another one is not in the way. */
	OK(create("{\"therapist_id\": 8}"));
	check_time("\"2026-03-10\"", "\"10:00\"");
}
END_TEST

START_TEST(the_day_given_is_the_first_one)
{
	OK(create("{\"therapist_id\": 7, \"geplantes_datum\": "
	          "\"2026-03-16\"}"));
	check_time("\"2026-03-16\"", "\"10:00\"");
	/* Today, but not in the past: 12:00 has passed. */
	OK(create("{\"therapist_id\": 7, \"geplantes_datum\": "
	          "\"2026-03-09\"}"));
	check_time("\"2026-03-09\"", "\"14:00\"");
	OK(create("{\"therapist_id\": 7, \"geplantes_datum\": "
	          "\"2020-01-01\"}"));
	check_time("\"2026-03-10\"", "\"10:00\"");
}
END_TEST

START_TEST(hours_are_kept)
{
	therapist(7, "{\"Mi\": [\"08:00-08:15\"], \"friday\": [{\"start\": "
	             "\"11:00\", \"end\": \"11:10\"}], \"xx\": 5}");
	OK(create("{\"therapist_id\": 7, \"dauer_minuten\": 10}"));
	check_time("\"2026-03-11\"", "\"08:00\"");
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-11\"", "\"08:10\"");
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-13\"", "\"11:00\"");
	/* Shapes that say nothing. */
	therapist(8, "[1, \"Mo\"]");
	OK(create("{\"therapist_id\": 8}"));
	check_time("\"2026-03-10\"", "\"10:00\"");
	/* None long enough. */
	therapist(9, "{\"Mi\": [\"08:00-08:15\"]}");
	ck_assert_int_eq(create("{\"therapist_id\": 9, \"dauer_minuten\": 20}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/geplante_zeit");
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err),
	           "No available slots found for this therapist"));
	ck_assert_ptr_null(out);
}
END_TEST

/* Where there is no therapist service, the matching service's copy knows. */
START_TEST(hours_of_the_copy)
{
	pg_run("DROP SCHEMA therapist_service CASCADE; INSERT INTO "
	       "matching_service.therapeuten_kopie (id, event_time, event_id, "
	       "telefonische_erreichbarkeit) VALUES (7, now(), 'x', "
	       "'{\"do\": \"9-10\"}')");
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-12\"", "\"09:00\"");
	pg_run("DROP SCHEMA matching_service CASCADE");
	OK(create("{\"therapist_id\": 7}"));
	check_time("\"2026-03-10\"", "\"10:00\"");
}
END_TEST

START_TEST(holidays_are_kept)
{
	char folder[256], path[300];
	int fd;
	psm_config *cfg = pg_settings();
	psm_store *other;

	testing_tmpdir(folder, sizeof folder);
	(void)snprintf(path, sizeof path, "%s/holidays", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "2026-03-10\n", 11), 11);
	OK(psm_config_set(cfg, "PSYMATCH_HOLIDAYS_FILE", path, err));
	OK(psm_store_open(cfg, &other, err));
	psm_free(out);
	OK(psm_call_create(other, "{\"therapist_id\": 7}", 19, &out, err));
	check_time("\"2026-03-11\"", "\"10:00\"");
	ck_assert_int_eq(write(fd, "morgen\n", 7), 7);
	psm_free(out);
	ck_assert_int_eq(
	    psm_call_create(other, "{\"therapist_id\": 7}", 19, &out, err),
	    PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "line 2"));
	testing_remove(folder);
	psm_free(out);
	ck_assert_int_eq(
	    psm_call_create(other, "{\"therapist_id\": 7}", 19, &out, err),
	    PSM_ERR_CONFIG);
	/* Who needs no time needs no holidays. */
	OK(psm_call_create(other, "{\"patient_id\": 7}", 17, &out, err));
	(void)close(fd);
	psm_store_free(other);
	psm_config_free(cfg);
}
END_TEST

static const struct refused {
	const char *json, *pointers;
} refused[] = {
    {"{}", "/therapist_id"},
    {"{\"therapist_id\": 1, \"patient_id\": 2}", "/patient_id"},
    {"{\"therapist_id\": 0}", "/therapist_id"},
    {"{\"therapist_id\": \"x\", \"dauer_minuten\": 0}",
     "/therapist_id /dauer_minuten"},
    {"{\"patient_id\": 1, \"geplantes_datum\": \"2026-02-30\", "
     "\"geplante_zeit\": \"25:00\"}",
     "/geplantes_datum /geplante_zeit"},
    {"{\"therapist_id\": 1, \"status\": \"Geplant\"}", "/status"},
    {"[]", "/therapist_id"},
};

START_TEST(refuses)
{
	const struct refused *r = &refused[_i];

	ck_assert_int_eq(create(r->json), PSM_ERR_SCHEMA);
	ck_assert_ptr_null(out);
	ck_assert_uint_ge(psm_error_fault_count(err), 1);
	for (size_t i = 0; i < psm_error_fault_count(err); i++)
		ck_assert_msg(strstr(r->pointers,
		                     psm_error_fault_pointer(err, i)) != NULL,
		              "%s", psm_error_fault_pointer(err, i));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.telefonanrufe"),
	    0);
	ck_assert_int_eq(events(), 0);
}
END_TEST

static int64_t
newest(void)
{
	return pg_int(
	    "SELECT max(id) FROM communication_service.telefonanrufe");
}

/* One call at a time with a therapist, also when the time is given. */
START_TEST(no_double_booking)
{
	static const char at_ten[] =
	    "{\"therapist_id\": 7, \"geplantes_datum\": \"2026-03-12\", "
	    "\"geplante_zeit\": \"10:00\", \"dauer_minuten\": 15}";
	int64_t second, third;

	OK(create(at_ten));
	ck_assert_int_eq(create(at_ten), PSM_ERR_CONFLICT);
	ck_assert_str_eq(psm_error_message(err),
	                 "phone_call: want a time without another call of the "
	                 "therapist");
	ck_assert_int_eq(create("{\"therapist_id\": 7, \"geplantes_datum\": "
	                        "\"2026-03-12\", \"geplante_zeit\": "
	                        "\"10:14\"}"),
	                 PSM_ERR_CONFLICT);
	OK(create("{\"therapist_id\": 7, \"geplantes_datum\": \"2026-03-12\", "
	          "\"geplante_zeit\": \"10:15\"}"));
	second = newest();
	ck_assert_int_eq(put(second, "{\"geplante_zeit\": \"10:10\"}"),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(patch(second, "{\"dauer_minuten\": 60}"), 1);
	/* Called off: the time is free again; and so is one that failed, until
	 * it is planned again. */
	ck_assert_int_eq(put(1, "{\"status\": \"fehlgeschlagen\"}"), 1);
	OK(create(at_ten));
	third = newest();
	ck_assert_int_eq(put(1, "{\"status\": \"geplant\"}"), PSM_ERR_CONFLICT);
	ck_assert_int_eq(put(third, "{\"status\": \"abgebrochen\"}"), 1);
	ck_assert_int_eq(put(1, "{\"status\": \"geplant\"}"), 1);
	OK(psm_call_delete(st, 1, PSM_VERSION_ANY, err));
	OK(create(at_ten));
}
END_TEST

START_TEST(a_completed_call_says_when_it_was)
{
	OK(create("{\"therapist_id\": 7, \"therapeutenanfrage_id\": 12}"));
	clock_us += 86400 * SECOND;
	ck_assert_int_eq(put(1, "{\"status\": \"abgeschlossen\", "
	                        "\"ergebnis\": \"ruft an\"}"),
	                 1);
	check_out("/tatsaechliches_datum", "\"2026-03-10\"");
	check_out("/tatsaechliche_zeit", "\"12:00\"");
	CHECK_EVENT("{\"type\": \"phone_call.completed\", \"call_id\": 1, "
	            "\"outcome\": \"ruft an\", \"call_data\": {\"status\": "
	            "\"abgeschlossen\", \"call_id\": 1, \"ergebnis\": \"ruft "
	            "an\", \"patient_id\": null, \"therapist_id\": 7, "
	            "\"recipient_type\": \"therapist\", "
	            "\"therapeutenanfrage_id\": 12}, \"patient_id\": null, "
	            "\"therapist_id\": 7, \"communication_type\": "
	            "\"phone_call\"}");
	ck_assert_int_eq(events(), 2);
	/* Nothing follows, and nothing is published twice. */
	ck_assert_int_eq(put(1, "{\"status\": \"abgeschlossen\"}"), 0);
	ck_assert_int_eq(put(1, "{\"status\": \"geplant\"}"),
	                 PSM_ERR_TRANSITION);
	ck_assert_int_eq(put(1, "{\"notizen\": \"x\"}"), 1);
	ck_assert_int_eq(events(), 2);
	/* What is given stays; without a result there is no outcome. */
	OK(create("{\"patient_id\": 3}"));
	ck_assert_int_eq(put(2, "{\"status\": \"abgeschlossen\", \"ergebnis\": "
	                        "\"  \", \"tatsaechliches_datum\": "
	                        "\"2026-03-09\", \"tatsaechliche_zeit\": "
	                        "\"09:30\"}"),
	                 1);
	check_out("/tatsaechliches_datum", "\"2026-03-09\"");
	check_out("/tatsaechliche_zeit", "\"09:30\"");
	CHECK_TEXT("f", "SELECT payload::jsonb ? 'outcome' FROM "
	                "psymatch.outbox ORDER BY id DESC LIMIT 1");
}
END_TEST

START_TEST(one_that_took_place_is_recorded)
{
	OK(create("{\"therapist_id\": 7, \"status\": \"abgeschlossen\"}"));
	check_time("\"2026-03-09\"", "\"12:00\"");
	check_out("/tatsaechliches_datum", "\"2026-03-09\"");
	ck_assert_int_eq(events(), 1);
	ck_assert_int_eq(outbox("phone_call.completed"), 1);
	OK(create("{\"therapist_id\": 7, \"status\": \"fehlgeschlagen\"}"));
	OK(create("{\"therapist_id\": 7, \"status\": \"abgebrochen\"}"));
	ck_assert_int_eq(outbox("phone_call.failed"), 2);
	ck_assert_int_eq(outbox("communication.call_scheduled"), 0);
}
END_TEST

/* Every step: which are there, and what they publish. */
static const char *const words[] = {"geplant", "abgeschlossen",
                                    "fehlgeschlagen", "abgebrochen"};
static const char *const steps[4][4] = {
    {"", "phone_call.completed", "phone_call.failed", "phone_call.failed"},
    {NULL, "", NULL, NULL},
    {"communication.call_scheduled", NULL, "", NULL},
    {NULL, NULL, NULL, ""},
};

START_TEST(walks_the_states)
{
	const char *event = steps[_i / 4][_i % 4];
	char json[80];
	int rc;

	pg_run("INSERT INTO communication_service.telefonanrufe (therapist_id, "
	       "geplantes_datum, geplante_zeit, status) VALUES (7, "
	       "'2026-03-10', '10:00', '%s')",
	       words[_i / 4]);
	(void)snprintf(json, sizeof json, "{\"status\": \"%s\"}",
	               words[_i % 4]);
	rc = put(1, json);
	if (event == NULL) {
		ck_assert_int_eq(rc, PSM_ERR_TRANSITION);
		ck_assert_int_eq(events(), 0);
	} else {
		ck_assert_int_eq(rc, *event != '\0');
		ck_assert_int_eq(events(), strlen(event) > 1);
	}
	if (event != NULL && strlen(event) > 1)
		ck_assert_int_eq(outbox(event), 1);
}
END_TEST

START_TEST(moves_and_disappears)
{
	OK(create("{\"therapist_id\": 7}"));
	ck_assert_int_eq(put(1, "{\"geplante_zeit\": \"15:00\"}"), 1);
	ck_assert_int_eq(outbox("communication.call_scheduled"), 2);
	ck_assert_int_eq(put(1, "{\"geplante_zeit\": \"15:00\"}"), 0);
	ck_assert_int_eq(patch(1, "{\"geplante_zeit\": null}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(patch(1, "{\"therapist_id\": 8}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(put(9, "{\"notizen\": \"x\"}"), PSM_ERR_NOT_FOUND);
	OK(psm_call_list(st, "{\"therapist_id\": 7}", &out, err));
	check_out("/total", "1");
	psm_free(out);
	ck_assert_int_eq(psm_call_delete(st, 1, 1, err), PSM_ERR_PRECONDITION);
	OK(psm_call_delete(st, 1, 2, err));
	CHECK_EVENT("{\"type\": \"phone_call.deleted\", \"status\": "
	            "\"geplant\", \"call_id\": 1, \"patient_id\": null, "
	            "\"therapist_id\": 7, \"therapeutenanfrage_id\": null}");
	ck_assert_int_eq(psm_call_get(st, 1, &out, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM communication_service.anruf_termine"),
	    0);
}
END_TEST

static int
make_once(psm_store *store, const char *key, char **text)
{
	psm_tx *tx;
	int rc;

	OK(psm_tx_begin(store, &tx, err));
	rc = psm_call_make(tx, "{\"therapist_id\": 7}", 19, key, text, err);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		OK(psm_tx_commit(tx, err));
	return rc;
}

START_TEST(makes_once)
{
	ck_assert_int_eq(make_once(st, "inquiry:12", &out), 1);
	check_out("/id", "1");
	check_out("/einmal_schluessel", "\"inquiry:12\"");
	psm_free(out);
	ck_assert_int_eq(make_once(st, "inquiry:12", &out), 0);
	check_out("/id", "1");
	ck_assert_int_eq(make_once(st, "inquiry:13", NULL), 1);
	ck_assert_int_eq(make_once(st, "", NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(events(), 2);
}
END_TEST

static int
command(const char *id, const char *payload)
{
	char text[400];
	psm_event *ev;
	psm_tx *tx;
	int rc;

	(void)snprintf(text, sizeof text,
	               "{\"event_id\": \"01a22a27-05ad-71db-8a35-%s\", "
	               "\"event_type\": \"communication.schedule_call\", "
	               "\"version\": \"1.0\", \"timestamp\": "
	               "\"2026-03-09T09:00:00Z\", \"producer\": \"test\", "
	               "\"payload\": %s}",
	               id, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	OK(psm_tx_begin(st, &tx, err));
	rc = psm_call_handle(tx, ev, NULL, err);
	if (rc < 0)
		psm_tx_rollback(tx);
	else
		OK(psm_tx_commit(tx, err));
	psm_event_free(ev);
	return rc;
}

START_TEST(a_command_plans_a_call)
{
	for (int i = 0; i < 2; i++) /* also when it comes again */
		OK(command("b1ceb79dca2f", "{\"therapist_id\": 7}"));
	OK(command("b1ceb79dca30", "{\"patient_id\": 3}"));
	CHECK_TEXT("7 10:00:00 5, 3 10:00:00 10",
	           "SELECT string_agg(concat_ws(' ', therapist_id, patient_id, "
	           "geplante_zeit, dauer_minuten), ', ' ORDER BY id) FROM "
	           "communication_service.telefonanrufe");
	ck_assert_int_eq(events(), 2);
	ck_assert_int_eq(
	    command("b1ceb79dca31", "{\"therapist_id\": 7, \"patient_id\": 3}"),
	    PSM_ERR_REJECT);
	ck_assert_int_eq(command("b1ceb79dca32",
	                         "{\"therapist_id\": 7, \"geplantes_datum\": "
	                         "\"2026-03-10\", \"geplante_zeit\": "
	                         "\"10:00\"}"),
	                 PSM_ERR_REJECT);
	ck_assert_int_eq(events(), 2);
}
END_TEST

START_TEST(somebody_asks_for_a_call)
{
	OK(psm_store_migrate(st, "patient", err));
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, telefon) VALUES ('Frau', 'weiblich', 'A', "
	       "'B', '0241 1'), ('Frau', 'weiblich', 'A', 'B', ' ')");
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname, telefon) VALUES ('Frau', 'weiblich', 'A', "
	       "'B', '0241 2')");
	OK(psm_call_request(st, "patient", 1, err));
	OK(psm_call_request(st, "therapist", 1, err));
	CHECK_TEXT("{\"patient_id\": 1} {\"therapist_id\": 1}",
	           "SELECT string_agg((payload::jsonb)::text, ' ' "
	           "ORDER BY id) FROM psymatch.outbox WHERE type = "
	           "'communication.schedule_call'");
	ck_assert_int_eq(psm_call_request(st, "patient", 2, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_call_request(st, "patient", 3, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_call_request(st, "search", 1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_call_request(st, NULL, 1, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_call_request(NULL, "patient", 1, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* Many at once, and each has a time of its own. */
#define THREADS 4
#define CALLS 5

static void *
book(void *arg)
{
	psm_store *store = pg_store();
	psm_error *e = psm_error_new();

	(void)arg;
	for (int i = 0; i < CALLS; i++)
		ck_assert_msg(psm_call_create(store, "{\"therapist_id\": 7}",
		                              19, NULL, e) == 0,
		              "%s", psm_error_message(e));
	psm_error_free(e);
	psm_store_free(store);
	return NULL;
}

START_TEST(two_bookings_at_once)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, book, NULL),
		                 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT (geplantes_datum, "
	                        "geplante_zeit)) FROM "
	                        "communication_service.telefonanrufe"),
	                 THREADS * CALLS);
	/* 10 working days have 20 times. */
	ck_assert_int_eq(create("{\"therapist_id\": 7}"), PSM_ERR_SCHEMA);
}
END_TEST

static void *
book_one(void *rc)
{
	psm_error *e = psm_error_new();

	*(int *)rc = psm_call_create(st, "{\"therapist_id\": 7}", 19, NULL, e);
	psm_error_free(e);
	return NULL;
}

/* Who wants any time waits for one whose time is given, and takes another. */
START_TEST(a_given_time_is_taken_before_the_commit)
{
	char json[120], *day, *time;
	psm_tx *tx = NULL;
	pthread_t thread;
	int rc = 1;

	OK(create("{\"therapist_id\": 7}"));
	day = pg_text("SELECT geplantes_datum::text FROM "
	              "communication_service.telefonanrufe");
	time = pg_text("SELECT geplante_zeit::text FROM "
	               "communication_service.telefonanrufe");
	OK(psm_call_delete(st, 1, PSM_VERSION_ANY, err));
	(void)snprintf(json, sizeof json,
	               "{\"therapist_id\": 7, \"geplantes_datum\": \"%s\", "
	               "\"geplante_zeit\": \"%.5s\"}",
	               day, time);
	free(day);
	free(time);
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_call_make(tx, json, strlen(json), NULL, NULL, err),
	                 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, book_one, &rc), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname "
	                "= current_database() AND wait_event_type = 'Lock'") ==
	         1);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("call");
	TCase *tc = tcase_create("call");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_patient_is_called_at_ten);
	tcase_add_test(tc, a_therapist_gets_a_free_time);
	tcase_add_test(tc, calls_that_are_in_nobodys_way);
	tcase_add_test(tc, the_day_given_is_the_first_one);
	tcase_add_test(tc, hours_are_kept);
	tcase_add_test(tc, hours_of_the_copy);
	tcase_add_test(tc, holidays_are_kept);
	tcase_add_loop_test(tc, refuses, 0,
	                    (int)(sizeof refused / sizeof *refused));
	tcase_add_test(tc, no_double_booking);
	tcase_add_test(tc, a_completed_call_says_when_it_was);
	tcase_add_test(tc, one_that_took_place_is_recorded);
	tcase_add_loop_test(tc, walks_the_states, 0, 16);
	tcase_add_test(tc, moves_and_disappears);
	tcase_add_test(tc, makes_once);
	tcase_add_test(tc, a_command_plans_a_call);
	tcase_add_test(tc, somebody_asks_for_a_call);
	tcase_add_test(tc, two_bookings_at_once);
	tcase_add_test(tc, a_given_time_is_taken_before_the_commit);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
