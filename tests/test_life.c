/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of patients and therapists, event by event: what one service
 * publishes the others handle, until a patient has a place; and who published
 * and who handled each type of the catalogue on the way.
 */
#include "base/base.h"
#include "testing_geo.h"

#include <psymatch/call.h>
#include <psymatch/communication.h>
#include <psymatch/inquiry.h>
#include <psymatch/mail.h>
#include <psymatch/patient_import.h>
#include <psymatch/scraping.h>
#include <psymatch/suggestion.h>

/* A day of the test: the clock goes on by seconds. */
#define CHECK_DAY(text)                                                        \
	do {                                                                   \
		char *got_ = text;                                             \
                                                                               \
		ck_assert_str_eq(got_, "2026-03-02");                          \
		free(got_);                                                    \
	} while (0)

/* -- the bus: every service hears what the catalogue says */

static const struct {
	const char *name;
	psm_tx_event_fn handle;
} services[] = {{"communication-service", psm_communication_handle},
                {"geocoding-service", psm_geo_handle},
                {"matching-service", psm_matching_handle},
                {"patient-service", psm_patient_handle},
                {"therapist-service", psm_therapist_handle}};

static void
deliver(const psm_event *ev, const char *service)
{
	psm_tx *tx = NULL;
	size_t i = 0;

	while (strcmp(services[i].name, service) != 0)
		ck_assert_uint_lt(++i, PSM__COUNT(services));
	OK(psm_tx_begin(st, &tx, err));
	ck_assert_msg(services[i].handle(tx, ev, geo, err) == 0, "%s, %s: %s",
	              service, psm_event_type(ev), psm_error_message(err));
	OK(psm_tx_commit(tx, err));
	pg_run("INSERT INTO heard VALUES ('%s', '%s')", psm_event_type(ev),
	       service);
}

static void
tell(const char *text)
{
	const psm_event_type_info *t;
	const char *name;
	psm_event *ev = NULL;

	OK(psm_event_parse(text, strlen(text), &ev, err));
	t = psm_catalogue_find(psm_event_type(ev));
	for (size_t i = 0; (name = psm_catalogue_type_consumer_at(t, i)); i++)
		deliver(ev, name);
	psm_event_free(ev);
}

/* Until nobody has anything to say any more. */
static void
settle(void)
{
	char *text;

	while (pg_int("SELECT count(*) FROM psymatch.outbox") > 0) {
		now_us += 1000000;
		text = pg_text(
		    "WITH o AS (DELETE FROM psymatch.outbox WHERE id = (SELECT "
		    "min(id) FROM psymatch.outbox) RETURNING *), s AS (INSERT "
		    "INTO said SELECT type, producer FROM o) SELECT "
		    "json_build_object('event_id', event_id, 'event_type', "
		    "type, 'version', version, 'timestamp', to_char(event_time "
		    "AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), "
		    "'producer', producer, 'payload', payload::json) FROM o");
		tell(text);
		free(text);
	}
}

/* -- the people */

static int answer_of_server;

static int
deliver_mail(const char *mail, void *user, psm_error *e)
{
	(void)mail;
	(void)user;
	return answer_of_server == 0
	           ? 0
	           : psm_error_set(e, answer_of_server, "550 nobody");
}

static int
render(const char *name, const char *values, char **subject, char **html,
       char **text, void *user, psm_error *e)
{
	(void)name;
	(void)values;
	(void)user;
	(void)e;
	*subject = NULL;
	*html = psm__strdup("<p>Guten Tag</p>");
	*text = psm__strdup("Guten Tag");
	return 0;
}

static void
therapist(const char *name, const char *more)
{
	char json[500];

	(void)snprintf(json, sizeof(json),
	               "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "
	               "\"vorname\": \"Anna\", \"nachname\": \"%s\", \"plz\": "
	               "\"52062\"%s}",
	               name, more);
	OK(psm_therapist_create(st, json, strlen(json), NULL, err));
	settle();
}

#define REGISTRATION                                                           \
	"{\"patient_data\": {\"anrede\": \"Frau\", \"geschlecht\": "           \
	"\"weiblich\", \"vorname\": \"Berta\", \"nachname\": \"Muster\", "     \
	"\"email\": \"b@example.org\"}, \"registration_token\": "              \
	"\"ABCDEFGHIJK%d\"}"
#define RECORD                                                                 \
	"{\"plz\": \"52062\", \"telefon\": \"0241 1\", \"geburtsdatum\": "     \
	"\"1990-05-06\", \"krankenkasse\": \"AOK\", \"symptome\": "            \
	"[\"Mobbing\"], \"erfahrung_mit_psychotherapie\": false, "             \
	"\"offen_fuer_gruppentherapie\": true, "                               \
	"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"08:00-10:00\"]}, "      \
	"\"zahlung_eingegangen\": true, \"vertraege_unterschrieben\": true}"

static void
change_patient(int64_t id, const char *json)
{
	ck_assert_msg(psm_patient_update(st, id, PSM_VERSION_ANY, json,
	                                 strlen(json), NULL, err) == 1,
	              "%s", psm_error_message(err));
	settle();
}

/* A registration is imported, confirmed, paid, and searched for. */
static void
patient(int number)
{
	char text[500], file[32], *out = NULL;

	(void)snprintf(text, sizeof(text), REGISTRATION, number);
	(void)snprintf(file, sizeof(file), "%d.json", number);
	ck_assert_msg(psm_patient_import_document(st, file, text, strlen(text),
	                                          &out, err) == 1,
	              "%s", psm_error_message(err));
	psm_free(out);
	ck_assert_int_eq(psm_patient_import_confirm(st, render, NULL, 9, err),
	                 1);
	settle();
	ck_assert_int_ge(psm_mail_queue_run(st, deliver_mail, NULL, err), 0);
	settle();
	CHECK_DAY(pg_text("SELECT letzter_kontakt FROM "
	                  "patient_service.patienten WHERE id = %d",
	                  number));
	change_patient(number, RECORD);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche WHERE "
	           "patient_id = %d AND status = 'aktiv'",
	           number),
	    1);
}

static void
call_is(int64_t id, const char *status)
{
	char json[64];

	(void)snprintf(json, sizeof(json), "{\"status\": \"%s\"}", status);
	ck_assert_int_eq(psm_call_update(st, id, PSM_VERSION_ANY, json,
	                                 strlen(json), NULL, err),
	                 1);
	settle();
}

static void
ask(int64_t therapist_id)
{
	ck_assert_msg(
	    psm_inquiry_create(st, therapist_id, "52", NULL, 0, NULL, err) == 1,
	    "%s", psm_error_message(err));
	settle();
	ck_assert_msg(psm_inquiry_send(st,
	                               pg_int("SELECT max(id) FROM "
	                                      "matching_service."
	                                      "therapeutenanfrage"),
	                               NULL, 0, render, NULL, NULL, err) == 1,
	              "%s", psm_error_message(err));
	settle();
}

static void
check_workload(int64_t id, const char *want)
{
	char *out = NULL;

	OK(psm_therapist_workload(st, id, &out, err));
	ck_assert_msg(strstr(out, want) != NULL, "%s", out);
	psm_free(out);
}

/* -- the life */

/* By mail, with an answer, to a place. */
static void
finds_a_place(void)
{
	static const char reply[] =
	    "{\"text\": \"Ja, gern.\", \"id\": \"<1@example.org>\", "
	    "\"subject\": \"Re: Suche Psychotherapieplätze - Ref: A1\", "
	    "\"from\": \"t@example.org\"}";
	static const char accepted[] =
	    "{\"patient_responses\": {\"1\": \"angenommen\"}}";
	char *out = NULL;

	patient(1);
	OK(psm_therapist_suggestions(st, 1, 1, 10, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"data\":[{\"therapist_id\":1,"));
	psm_free(out);
	ask(1);
	ck_assert_int_ge(psm_mail_queue_run(st, deliver_mail, NULL, err), 0);
	settle();
	CHECK_DAY(pg_text("SELECT letzter_kontakt_email FROM "
	                  "therapist_service.therapeuten WHERE id = 1"));
	check_workload(1, "\"pending_patients\":1,");
	check_workload(1, "\"sent_inquiries\":1,\"answered_inquiries\":0,");
	ck_assert_msg(psm_mail_answer(st, reply, strlen(reply), NULL, err) == 1,
	              "%s", psm_error_message(err));
	settle();
	OK(psm_inquiry_answer(st, 1, accepted, strlen(accepted), NULL, err));
	settle();
	check_workload(1, "\"accepted_patients\":1,");
	check_workload(1, "\"response_rate\":1,\"acceptance_rate\":1,");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche WHERE "
	           "patient_id = 1 AND status = 'erfolgreich'"),
	    1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie "
	           "WHERE id = 1 AND naechster_kontakt_moeglich > "
	           "'2026-03-02'"),
	    1);
}

/* By phone, since there is no mail address; then the therapist is blocked. */
static void
waits_for_another(void)
{
	char *out = NULL;

	patient(2);
	ask(2);
	call_is(1, "abgeschlossen");
	CHECK_DAY(pg_text("SELECT letzter_kontakt_telefon FROM "
	                  "therapist_service.therapeuten WHERE id = 2"));
	ck_assert_int_eq(psm_therapist_block(st, 2, "krank", err), 1);
	settle();
	OK(psm_patient_reassignments(st, 1, 10, &out, err));
	ck_assert_ptr_nonnull(
	    strstr(out, "\"therapist_id\":2,\"anfrage_id\":2,"));
	psm_free(out);
	ck_assert_int_eq(psm_therapist_unblock(st, 2, err), 1);
	settle();
	change_patient(2, "{\"ausgeschlossene_therapeuten\": [{\"id\": 2, "
	                  "\"reason\": \"war schon dort\"}]}");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche WHERE "
	           "patient_id = 2 AND ausgeschlossene_therapeuten::text "
	           "LIKE '%%2%%'"),
	    1);
}

/* What fails, and what people ask for beside it. */
static void
asks_and_fails(void)
{
	static const char mail[] =
	    "{\"therapist_id\": 1, \"betreff\": \"Hallo\", \"inhalt_text\": "
	    "\"Hallo\", \"empfaenger_email\": \"t@example.org\", "
	    "\"empfaenger_name\": \"T\", \"status\": \"In_Warteschlange\"}";

	OK(psm_call_request(st, "patient", 2, err));
	OK(psm_call_request(st, "therapist", 2, err));
	settle();
	call_is(2, "fehlgeschlagen");
	OK(psm_call_delete(st, 3, PSM_VERSION_ANY, err));
	settle();
	answer_of_server = PSM_ERR_REJECT;
	OK(psm_mail_create(st, mail, strlen(mail), NULL, NULL, NULL, err));
	ck_assert_int_ge(psm_mail_queue_run(st, deliver_mail, NULL, err), 0);
	settle();
	OK(psm_mail_delete(st,
	                   pg_int("SELECT max(id) FROM "
	                          "communication_service.emails"),
	                   PSM_VERSION_ANY, err));
	OK(psm_scraping_request(st, "52062", NULL, err));
	settle();
}

/* How far it is: asked by the matching service, and told. */
static void
asks_for_distances(void)
{
	char *out = NULL;

	OK(psm_inquiry_distances(st, 1, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"not_asked\""));
	psm_free(out);
	ck_assert_int_eq(psm_inquiry_ask_distances(st, 1, err), 1);
	OK(psm_inquiry_distances(st, 1, &out, err));
	ck_assert_ptr_nonnull(strstr(out, "\"pending\""));
	psm_free(out);
	settle();
	OK(psm_inquiry_distances(st, 1, &out, err));
	ck_assert_msg(strstr(out, "\"patient_id\" : 1, \"distance_km\" : 5.00, "
	                          "\"status\" : \"success\", \"source\" : "
	                          "\"osrm\"") != NULL,
	              "%s", out);
	psm_free(out);
	ck_assert_int_eq(psm_inquiry_ask_distances(st, 9, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_inquiry_distances(st, 9, &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_inquiry_ask_distances(NULL, 1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_distances(st, 1, NULL, err),
	                 PSM_ERR_INVAL);
}

/* Programs of the user's own. */
static void
asks_for_places(void)
{
	static const char request[] =
	    "{\"event_id\": \"019ca000-0000-7000-8000-00000000000%d\", "
	    "\"event_type\": \"geocoding.%s\", \"version\": \"1.0\", "
	    "\"timestamp\": \"2026-03-02T10:00:00Z\", \"producer\": \"mine\", "
	    "\"payload\": {\"request_id\": %d, %s}}";
	char text[500];

	(void)snprintf(text, sizeof(text), request, 1, "calculate_distance", 1,
	               "\"origin\": \"Musterweg\", \"destination\": \"10115\"");
	tell(text);
	(void)snprintf(text, sizeof(text), request, 2, "search_therapists", 2,
	               "\"patient_location\": \"52062\"");
	tell(text);
	settle();
}

static void
ends(void)
{
	char *out = NULL;

	OK(psm_therapist_delete(st, 2, PSM_VERSION_ANY, 1, err));
	OK(psm_patient_delete(st, 2, PSM_VERSION_ANY, err));
	settle();
	ck_assert_int_eq(psm_therapist_suggestions(st, 2, 1, 10, &out, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche WHERE "
	           "patient_id = 2 AND status = 'abgebrochen'"),
	    1);
}

/* -- the catalogue */

static void
check_all(const char *table, const char *type, const char *service)
{
	ck_assert_msg(pg_int("SELECT count(*) FROM %s WHERE type = '%s' AND "
	                     "service = '%s'",
	                     table, type, service) > 0,
	              "%s: nothing %s by the %s", type, table, service);
}

START_TEST(every_type_is_said_and_heard)
{
	const psm_event_type_info *t;
	const char *type, *name;

	therapist("Eins", ", \"email\": \"t@example.org\"");
	therapist("Zwei", ", \"telefon\": \"0241 2\"");
	finds_a_place();
	waits_for_another();
	asks_and_fails();
	asks_for_distances();
	asks_for_places();
	ends();
	for (size_t i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		type = psm_catalogue_type_name(t);
		for (size_t k = 0;
		     (name = psm_catalogue_type_producer_at(t, k)); k++)
			check_all("said", type, name);
		for (size_t k = 0;
		     (name = psm_catalogue_type_consumer_at(t, k)); k++)
			check_all("heard", type, name);
	}
}
END_TEST

static void
setup(void)
{
	geo_setup();
	OK(psm_store_migrate(st, "patient", err));
	pg_run("CREATE TABLE said (type text, service text)");
	pg_run("CREATE TABLE heard (type text, service text)");
	fake.lat = 50.75;
	fake.lon = 6.125;
	fake.km = 5;
	answer_of_server = 0;
}

static Suite *
suite(void)
{
	Suite *s = suite_create("life");
	TCase *t = tcase_create("life");

	tcase_add_checked_fixture(t, setup, geo_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, every_type_is_said_and_heard);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
