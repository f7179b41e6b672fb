/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that the patient service handles, contacts, and two who change one
 * patient at once. */
#include <pthread.h>

#include "testing_patient.h"

/* -- events */

/* An event of a time, "2026-03-01T23:30:00Z". */
static psm_event *
event(const char *type, const char *time, const char *members)
{
	char id[37], text[1000];
	psm_event *ev;

	ck_assert_int_eq(psm_uuid_new(id, sizeof(id)), 0);
	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"%s\", \"event_type\": \"%s\", "
	               "\"version\": \"1.0\", \"timestamp\": \"%s\", "
	               "\"producer\": \"test\", \"payload\": {%s}}",
	               id, type, time, members);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	return ev;
}

static void
receive(const char *type, const char *time, const char *members)
{
	psm_event *ev = event(type, time, members);

	OK(pg_handle(st, psm_patient_handle, ev, err));
	psm_event_free(ev);
}

#define MAIL_TO(id) "\"email_id\": 4, \"email_data\": {}, \"patient_id\": " id
#define CALL_WITH(id) "\"call_id\": 4, \"call_data\": {}, \"patient_id\": " id

static void
check_contact(const char *want)
{
	char *got = pg_text("SELECT letzter_kontakt FROM "
	                    "patient_service.patienten WHERE id = 1");

	ck_assert_str_eq(got, want);
	free(got);
}

START_TEST(types)
{
	size_t count = 0;

	for (; psm_patient_type_at(count) != NULL; count++)
		ck_assert_ptr_nonnull(
		    psm_catalogue_find(psm_patient_type_at(count)));
	ck_assert_uint_eq(count, 8);
}
END_TEST

/* By Berlin's clock: half past eleven in the evening of Greenwich is tomorrow,
 * in summer by two hours. */
START_TEST(fault_71_a_contact_is_on_the_events_own_day)
{
	static const struct {
		const char *type, *time, *members, *day;
	} cases[] = {
	    {"email.sent", "2026-01-10T22:59:59Z", MAIL_TO("1"), "2026-01-10"},
	    {"email.sent", "2026-01-10T23:00:00Z", MAIL_TO("1"), "2026-01-11"},
	    {"email.response_received", "2025-07-01T22:00:00Z",
	     "\"email_id\": 4, \"patient_id\": 1", "2025-07-02"},
	    {"phone_call.completed", "2025-07-01T21:59:59Z", CALL_WITH("1"),
	     "2025-07-01"},
	    {"email.sent", "2026-02-01T10:00:00+02:00", MAIL_TO("1"),
	     "2026-02-01"},
	    /* as older programs call it */
	    {"communication.email_sent", "2026-02-01T10:00:00Z", MAIL_TO("1"),
	     "2026-02-01"},
	    /* of the future */
	    {"email.sent", "2099-02-01T10:00:00Z", MAIL_TO("1"), TODAY},
	};

	OK(create(PATIENT()));
	receive(cases[_i].type, cases[_i].time, cases[_i].members);
	check_contact(cases[_i].day);
	check_events("created updated");
	check_event("updated", "updated_fields", "[\"letzter_kontakt\"]");
	check_event("updated", "patient_data,letzter_kontakt", cases[_i].day);
	check_event("updated", "entity_version", "2");
}
END_TEST

/* Late, early, twice: what comes out is the last day of all. */
START_TEST(fault_71_any_order_and_replay)
{
	static const char *const times[] = {
	    "2026-02-01T10:00:00Z", "2026-02-03T10:00:00Z",
	    "2026-02-02T10:00:00Z", "2026-02-03T11:00:00Z"};

	OK(create(PATIENT()));
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < 4; i++)
			receive("email.sent", times[(i + (size_t)_i) % 4],
			        MAIL_TO("1"));
	}
	check_contact("2026-02-03");
	ck_assert_int_le(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = "
	           "'patient.updated'"),
	    3);
	ck_assert_int_eq(
	    pg_int(
		"SELECT count(*) FROM (SELECT payload::jsonb #>> "
		"'{patient_data,letzter_kontakt}' AS day, lag(payload::jsonb "
		"#>> '{patient_data,letzter_kontakt}') OVER (ORDER BY id) AS "
		"last FROM psymatch.outbox WHERE type = 'patient.updated') x "
		"WHERE day <= last"),
	    0);
}
END_TEST

/* Nobody, somebody else's, somebody gone: nothing to do, and no failure. */
START_TEST(contacts_that_are_nobodys)
{
	static const char *const members[] = {
	    MAIL_TO("null"), MAIL_TO("0"), MAIL_TO("-1"), MAIL_TO("77"),
	    "\"email_id\": 4, \"email_data\": {}, \"therapist_id\": 1"};

	OK(create(PATIENT()));
	for (size_t i = 0; i < PSM__COUNT(members); i++)
		receive("email.sent", "2026-02-01T10:00:00Z", members[i]);
	/* A planned call is no contact. */
	receive("communication.call_scheduled", "2026-02-01T10:00:00Z",
	        CALL_WITH("1"));
	check_contact("");
	check_events("created");
	ck_assert_int_eq(psm_patient_handle(NULL, NULL, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

START_TEST(contacts_by_hand)
{
	OK(create(PATIENT()));
	changed(psm_patient_contact(st, 1, "2026-02-28", err));
	check_contact("2026-02-28");
	ck_assert_int_eq(psm_patient_contact(st, 1, "2026-02-27", err), 0);
	changed(psm_patient_contact(st, 1, NULL, err));
	check_contact(TODAY);
	ck_assert_int_eq(psm_patient_contact(st, 1, NULL, err), 0);
	check_events("created updated updated");
	ck_assert_int_eq(psm_patient_contact(st, 1, "2026-03-03", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_contact(st, 1, "2026-02-30", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_patient_contact(st, 2, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_patient_contact(NULL, 1, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* -- at once */

#define PAID "{\"zahlung_eingegangen\": true}"
#define SIGNED "{\"vertraege_unterschrieben\": true}"

/* Another process, as far as the database can tell. */
static void *
pay(void *rc)
{
	psm_error *own = psm_error_new();
	psm_store *other = pg_store();

	*(int *)rc = psm_patient_update(other, 1, PSM_VERSION_ANY, PAID,
	                                strlen(PAID), NULL, own);
	psm_store_free(other);
	psm_error_free(own);
	return NULL;
}

/* The payment waits for the contracts, and sees them. */
START_TEST(payment_and_contracts_at_once)
{
	pthread_t thread;
	psm_tx *tx;
	int rc;

	OK(create(PATIENT()));
	OK(psm_tx_begin(st, &tx, err));
	changed(psm_entity_update(tx, "patient", 1, PSM_VERSION_ANY,
	                          PSM_CHANGE_PUT, SIGNED, strlen(SIGNED), NULL,
	                          NULL, err));
	ck_assert_int_eq(pthread_create(&thread, NULL, pay, &rc), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM pg_stat_activity WHERE datname = "
	                "current_database() AND wait_event_type = 'Lock'") > 0);
	OK(psm_tx_commit(tx, err));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc, 1);
	check_events("created updated updated status_changed");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "patient_service.patienten WHERE startdatum = "
	                        "'" TODAY "' AND status = 'auf_der_Suche'"),
	                 1);
}
END_TEST

/* Two payments, too: one of them finds it done. */
START_TEST(two_payments_at_once)
{
	pthread_t thread;
	int rc, mine;

	OK(create(PATIENT(", \"vertraege_unterschrieben\": true")));
	ck_assert_int_eq(pthread_create(&thread, NULL, pay, &rc), 0);
	mine = put(1, PAID);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(mine + rc, 1);
	check_events("created updated status_changed");
}
END_TEST

/* What one wrote the other does not undo, if it says what it has read. */
START_TEST(fault_67_no_lost_update)
{
	static const char town[] = "{\"ort\": \"Bonn\"}";

	OK(create(PATIENT()));
	changed(psm_patient_update(st, 1, 1, PAID, strlen(PAID), NULL, err));
	ck_assert_int_eq(
	    psm_patient_update(st, 1, 1, town, strlen(town), NULL, err),
	    PSM_ERR_PRECONDITION);
	changed(psm_patient_update(st, 1, 2, town, strlen(town), NULL, err));
	check_event("updated", "patient_data,zahlung_eingegangen", "true");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("patient_contact");
	TCase *t = tcase_create("contact");

	tcase_add_checked_fixture(t, patient_setup, patient_teardown);
	tcase_add_test(t, types);
	tcase_add_loop_test(t, fault_71_a_contact_is_on_the_events_own_day, 0,
	                    7);
	tcase_add_loop_test(t, fault_71_any_order_and_replay, 0, 4);
	tcase_add_test(t, contacts_that_are_nobodys);
	tcase_add_test(t, contacts_by_hand);
	tcase_add_test(t, payment_and_contracts_at_once);
	tcase_add_test(t, two_payments_at_once);
	tcase_add_test(t, fault_67_no_lost_update);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	pg_main(argv);
	pg_template(patient_sets);
	return testing_run(srunner_create(suite()));
}
