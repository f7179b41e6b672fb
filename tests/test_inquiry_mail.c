/* SPDX-License-Identifier: BSD-2-Clause */
/* What mails and calls of therapists mean: proposals, cooling, last contacts. */
#include "app/app.h"
#include "testing_inquiry.h"

#define BERTA 5
#define ALL_FULL "Leider habe ich derzeit keine freien Kapazit\xc3\xa4ten."

static void
setup(void)
{
	inquiry_setup();
	add_therapist(BERTA, "10115", "'berta@example.org'");
	for (int id = 71; id < 74; id++)
		add_patient(id, "10117", id);
	ck_assert_msg(create(BERTA) == 1, "%s", psm_error_message(err));
	ck_assert_int_eq(send_it(1), 1);
	pg_run("DELETE FROM psymatch.outbox");
	now_us += DAY_US;
}

/* As mode, with all that hangs on the store. */
static void
mode(const char *value)
{
	psm_config *cfg = pg_settings();

	OK(psm_config_set(cfg, "PSYMATCH_AUTO_RESPONSE", value, err));
	psm_store_free(st);
	OK(psm_store_open(cfg, &st, err));
	psm_config_free(cfg);
}

static psm_event *
event(const char *type, int64_t time_us, const char *payload)
{
	char id[37], time[32], text[3000];
	psm_event *ev;

	ck_assert_int_eq(psm_uuid_new(id, sizeof(id)), 0);
	ck_assert_int_ge(psm_time_format(time_us, time, sizeof(time)), 0);
	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"%s\", \"event_type\": \"%s\", "
	               "\"version\": \"1.0\", \"timestamp\": \"%s\", "
	               "\"producer\": \"test\", \"payload\": %s}",
	               id, type, time, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	return ev;
}

/* To both services, twice. */
static void
tell(psm_event *ev)
{
	for (int i = 0; i < 2; i++) {
		OK(pg_handle(st, psm_matching_handle, ev, err));
		OK(pg_handle(st, psm_therapist_handle, ev, err));
	}
	psm_event_free(ev);
}

static void
mail(int64_t email, int64_t therapist, const char *subject, const char *text)
{
	char payload[2000];

	(void)snprintf(payload, sizeof(payload),
	               "{\"email_id\": %lld, \"therapist_id\": %lld, "
	               "\"patient_id\": null, \"response_data\": {\"text\": "
	               "\"%s\", \"subject\": \"%s\"}}",
	               (long long)email, (long long)therapist, text, subject);
	tell(event("email.response_received", now_us, payload));
}

static int
proposals(const char *status)
{
	psm_json *doc;
	int count;

	OK(psm_inquiry_proposals(st, status, 100, fresh(), err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	count = (int)psm_json_count(doc);
	psm_json_free(doc);
	return count;
}

START_TEST(proposes)
{
	mail(1, BERTA, "AW: Suche", ALL_FULL);
	ck_assert_int_eq(proposals("offen"), 1);
	is("/0/therapeutenanfrage_id", "1");
	is("/0/therapist_id", "5");
	is("/0/erstellt_am", "\"2026-03-03T10:00:00Z\"");
	is("/0/erledigt_am", "null");
	is("/0/vorschlag/patient_responses",
	   "{\"71\": \"abgelehnt_Kapazitaet\", \"72\": "
	   "\"abgelehnt_Kapazitaet\", \"73\": \"abgelehnt_Kapazitaet\"}");
	is("/0/vorschlag/worte", "[\"keine+ * kapazitaet+\"]");
	SAYS("", "SELECT antworttyp FROM " INQUIRY);
	ck_assert_msg(
	    psm_inquiry_proposal_confirm(st, 1, NULL, 0, fresh(), err) == 0,
	    "%s", psm_error_message(err));
	is("/response_type", "\"vollstaendige_Ablehnung\"");
	ck_assert_int_eq(proposals("bestaetigt"), 1);
	ck_assert_int_eq(
	    psm_inquiry_proposal_confirm(st, 1, NULL, 0, NULL, err),
	    PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_inquiry_proposal_refuse(st, 1, NULL, err),
	                 PSM_ERR_CONFLICT);
	check_invariants();
}
END_TEST

/* The mail has another number, but names the inquiry; another therapist's does
 * not count. */
START_TEST(by_the_reference)
{
	mail(99, BERTA, "Antwort", "zu A1: " ALL_FULL);
	ck_assert_int_eq(proposals("offen"), 1);
	mail(98, 6, "Antwort", "zu A1: " ALL_FULL);
	mail(97, BERTA, "Antwort", ALL_FULL);
	ck_assert_int_eq(proposals(NULL), 1);
}
END_TEST

/* A person makes it whole. */
START_TEST(an_incomplete_one)
{
	static const char whole[] =
	    "{\"patient_responses\": {\"71\": \"angenommen\", \"72\": "
	    "\"abgelehnt_sonstiges\", \"73\": \"abgelehnt_sonstiges\"}}";

	mail(1, BERTA, "AW", "Patient 71 nehme ich gerne auf.");
	ck_assert_int_eq(proposals("offen"), 1);
	is("/0/vorschlag/missing_patient_ids", "[72, 73]");
	ck_assert_int_eq(
	    psm_inquiry_proposal_confirm(st, 1, NULL, 0, NULL, err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(proposals("offen"), 1);
	OK(psm_inquiry_proposal_confirm(st, 1, whole, strlen(whole), NULL,
	                                err));
	search_is(71, "erfolgreich 1 2026-03-03 10:00:00");
}
END_TEST

START_TEST(is_refused)
{
	mail(1, BERTA, "AW", ALL_FULL);
	OK(psm_inquiry_proposal_refuse(st, 1, "falsch gelesen", err));
	ck_assert_int_eq(proposals("verworfen"), 1);
	is("/0/grund", "\"falsch gelesen\"");
	SAYS("", "SELECT antworttyp FROM " INQUIRY);
	ck_assert_int_eq(psm_inquiry_proposal_refuse(st, 2, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_inquiry_proposals(st, NULL, 0, fresh(), err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* Who records the answer has seen to it. */
START_TEST(an_answer_ends_the_proposal)
{
	mail(1, BERTA, "AW", ALL_FULL);
	OK(answer(1, "{\"patient_responses\": {\"71\": \"angenommen\", \"72\": "
	             "\"angenommen\", \"73\": \"angenommen\"}}"));
	ck_assert_int_eq(proposals("offen"), 0);
	ck_assert_int_eq(proposals("verworfen"), 1);
}
END_TEST

START_TEST(applies_what_is_clear)
{
	mode("apply");
	mail(1, BERTA, "AW", ALL_FULL);
	ck_assert_int_eq(proposals("angewandt"), 1);
	SAYS("vollstaendige_Ablehnung", "SELECT antworttyp FROM " INQUIRY);
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 1);
	check_invariants();
}
END_TEST

static const char *const unclear[] = {
    "Patient 71 nehme ich gerne auf.",
    "Vielleicht kann ich alle aufnehmen.",
    "Ich bin bis zum 20.3. im Urlaub.",
    "Vielen Dank.",
};

/* Unless everybody is spoken of, for sure, a person decides. */
START_TEST(applies_nothing_else)
{
	mode("apply");
	mail(1, BERTA, "AW", unclear[_i]);
	ck_assert_int_eq(proposals("offen"), 1);
	SAYS("", "SELECT antworttyp FROM " INQUIRY);
}
END_TEST

/* A patient's mail may name an inquiry, but does not answer it. */
START_TEST(of_a_patient)
{
	mode("apply");
	tell(event("email.response_received", now_us,
	           "{\"email_id\": 1, \"therapist_id\": null, "
	           "\"patient_id\": 71, \"response_data\": {\"text\": "
	           "\"A1: " ALL_FULL "\"}}"));
	ck_assert_int_eq(proposals(NULL), 0);
	SAYS("", "SELECT antworttyp FROM " INQUIRY);
}
END_TEST

START_TEST(of_a_machine)
{
	mode("apply");
	tell(event("email.response_received", now_us,
	           "{\"email_id\": 1, \"therapist_id\": 5, \"patient_id\": "
	           "null, \"response_data\": {\"automatic\": true, "
	           "\"text\": \"" ALL_FULL "\"}}"));
	ck_assert_int_eq(proposals("offen"), 1);
	is("/0/konfidenz", "0");
	is("/0/vorschlag/konfidenz", "0");
	SAYS("", "SELECT antworttyp FROM " INQUIRY);
}
END_TEST

/* However late it is handled: a day without a year is the next one after the
 * mail was written. */
static const struct {
	int days; /* before now, when it was published */
	const char *received, *until;
} written[] = {
    {0, "null", "\"2027-02-28\""},
    {100, "null", "\"2026-02-28\""},
    {0, "\"2025-11-20T10:00:00Z\"", "\"2026-02-28\""},
    {100, "\"2026-04-01T10:00:00Z\"", "\"2026-02-28\""},
};

START_TEST(by_the_day_of_the_mail)
{
	char payload[400];

	(void)snprintf(
	    payload, sizeof(payload),
	    "{\"email_id\": 1, \"therapist_id\": 5, "
	    "\"response_data\": {\"text\": \"Ich habe bis Ende "
	    "Februar leider keine freien Plätze.\"%s%s}}",
	    strcmp(written[_i].received, "null") == 0 ? ""
						      : ", \"received_at\": ",
	    strcmp(written[_i].received, "null") == 0 ? ""
						      : written[_i].received);
	tell(event("email.response_received",
	           now_us - written[_i].days * DAY_US, payload));
	ck_assert_int_eq(proposals("offen"), 1);
	is("/0/vorschlag/bis", written[_i].until);
}
END_TEST

START_TEST(reads_nothing)
{
	mode("off");
	mail(1, BERTA, "AW", ALL_FULL);
	ck_assert_int_eq(proposals(NULL), 0);
}
END_TEST

/* -- reading alone */

START_TEST(reads_a_text)
{
	static const int64_t ids[] = {71, 72};

	OK(psm_inquiry_read_text("AW: Ref: A1", "71: ja, 72 leider erst ab Mai",
	                         ids, 2, "2026-03-02", fresh(), err));
	is("/patient_responses",
	   "{\"71\": \"angenommen\", \"72\": \"abgelehnt_Kapazitaet\"}");
	is("/missing_patient_ids", "[]");
	is("/abwesend", "false");
	is("/bis", "\"2026-05-01\"");
	ck_assert_int_eq(psm_inquiry_read_text(NULL, NULL, NULL, 1,
	                                       "2026-03-02", fresh(), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_inquiry_read_text(NULL, NULL, ids, 2, "heute", fresh(), err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_read_text(NULL, NULL, ids, 101,
	                                       "2026-03-02", fresh(), err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* -- contacts */

static void
days_are(const char *want)
{
	SAYS(want,
	     "SELECT concat_ws(' ', coalesce(letzter_kontakt_email::text, "
	     "'-'), coalesce(letzter_kontakt_telefon::text, '-'), "
	     "coalesce(naechster_kontakt_moeglich::text, '-')) FROM "
	     "therapist_service.therapeuten WHERE id = 5");
}

#define CALL(more)                                                             \
	"{\"call_id\": 1, \"call_data\": {\"id\": 1" more                      \
	"}, \"therapist_id\": 5, \"patient_id\": null}"

/* Whoever was spoken with is left alone, from the day of the call on. */
START_TEST(fault_55_a_call_cools)
{
	tell(event("phone_call.completed", MONDAY, CALL("")));
	days_are("- 2026-03-02 2026-03-30");
	SAYS("manual 2026-03-30",
	     "SELECT concat_ws(' ', p ->> 'reason', p ->> "
	     "'next_contactable_date') FROM (SELECT payload::jsonb AS p FROM "
	     "psymatch.outbox WHERE type = 'cooling.period_started') x");
	ck_assert_int_eq(outbox("cooling.period_started"), 1);
	/* the same again, an older one, and one about the inquiry */
	tell(event("phone_call.completed", MONDAY - 9 * DAY_US, CALL("")));
	ck_assert_int_eq(outbox("cooling.period_started"), 1);
	tell(event("phone_call.completed", MONDAY + DAY_US,
	           CALL(", \"therapeutenanfrage_id\": 1")));
	days_are("- 2026-03-03 2026-03-31");
	SAYS("response_received",
	     "SELECT payload::jsonb ->> 'reason' FROM psymatch.outbox WHERE "
	     "type = 'cooling.period_started' ORDER BY id DESC LIMIT 1");
}
END_TEST

START_TEST(calls_of_others)
{
	tell(event("phone_call.completed", MONDAY,
	           "{\"call_id\": 1, \"call_data\": {\"id\": 1}, "
	           "\"therapist_id\": null, \"patient_id\": 71}"));
	tell(event("phone_call.completed", MONDAY,
	           "{\"call_id\": 1, \"call_data\": {\"id\": 1}, "
	           "\"therapist_id\": 4000, \"patient_id\": null}"));
	days_are("- - -");
}
END_TEST

START_TEST(mails_are_contacts)
{
	tell(event("email.sent", MONDAY,
	           "{\"email_id\": 1, \"email_data\": {\"id\": 1}, "
	           "\"therapist_id\": 5}"));
	days_are("2026-03-02 - -");
	mail(1, BERTA, "AW", "Danke");
	days_are("2026-03-03 - -");
	tell(event("email.sent", MONDAY - DAY_US,
	           "{\"email_id\": 1, \"email_data\": {\"id\": 1}, "
	           "\"therapist_id\": 5}"));
	days_are("2026-03-03 - -");
}
END_TEST

/* Where the matching service has a database of its own. */
START_TEST(a_cooling_period_arrives)
{
	tell(event("cooling.period_started", MONDAY,
	           "{\"therapist_id\": 5, \"next_contactable_date\": "
	           "\"2026-04-01\", \"reason\": \"manual\"}"));
	days_are("- - 2026-04-01");
	ck_assert_int_eq(outbox("therapist.updated"), 1);
	tell(event("cooling.period_started", MONDAY,
	           "{\"therapist_id\": 5, \"next_contactable_date\": "
	           "\"2026-03-20\", \"reason\": \"manual\"}"));
	days_are("- - 2026-04-01");
}
END_TEST

/* -- a blocked therapist */

START_TEST(fault_31_a_block_withdraws_the_matches)
{
	now_us += 60 * DAY_US;
	pg_run("UPDATE " INQUIRY " SET antwort_datum = now(), antworttyp = "
	       "'keine_Antwort', keine_antwort_anzahl = 3");
	ck_assert_int_eq(create(BERTA), 1);
	tell(event("therapist.blocked", MONDAY,
	           "{\"therapist_id\": 5, \"reason\": \"Urlaub\", "
	           "\"therapist_data\": {\"id\": 5, \"status\": "
	           "\"gesperrt\"}}"));
	SAYS("2026-03-02 10:00:00 Urlaub",
	     "SELECT storniert_datum || ' ' || storniert_grund FROM " INQUIRY
	     " WHERE id = 2");
	SAYS("[2026-03-02 10:00 (System)] Cancelled: Urlaub",
	     "SELECT notizen FROM " INQUIRY " WHERE id = 2");
	ck_assert_int_eq(outbox("match.status_changed"), 3);
	ck_assert_int_eq(send_it(2), PSM_ERR_TRANSITION);
	ck_assert_int_eq(create(BERTA), PSM_ERR_CONFLICT);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("inquiry_mail");
	TCase *t = tcase_create("mail");

	tcase_add_checked_fixture(t, setup, inquiry_teardown);
	tcase_add_test(t, proposes);
	tcase_add_test(t, by_the_reference);
	tcase_add_test(t, an_incomplete_one);
	tcase_add_test(t, is_refused);
	tcase_add_test(t, an_answer_ends_the_proposal);
	tcase_add_test(t, applies_what_is_clear);
	tcase_add_loop_test(t, applies_nothing_else, 0, PSM__COUNT(unclear));
	tcase_add_test(t, of_a_patient);
	tcase_add_test(t, of_a_machine);
	tcase_add_loop_test(t, by_the_day_of_the_mail, 0, PSM__COUNT(written));
	tcase_add_test(t, reads_nothing);
	tcase_add_test(t, reads_a_text);
	tcase_add_test(t, fault_55_a_call_cools);
	tcase_add_test(t, calls_of_others);
	tcase_add_test(t, mails_are_contacts);
	tcase_add_test(t, a_cooling_period_arrives);
	tcase_add_test(t, fault_31_a_block_withdraws_the_matches);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
