/* SPDX-License-Identifier: BSD-2-Clause */
/* The state machines: walked whole, and what their steps set. */
#include "entity/machine.h"
#include "testing.h"

static psm_error *err;
static struct psm__row row;
static const char *event;
static const struct psm__now now = {"2026-07-01", "14:30:05",
                                    "2026-07-01 12:30:05.25"};

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm__row_free(&row);
	psm_error_free(err);
}

static void
make_row(const struct psm_entity *e)
{
	psm__row_free(&row);
	ck_assert_int_eq(psm__row_init(&row, e, err), 0);
}

/* A line per state before, the first for none; "x": may follow. In the order of
 * the words of domain.h's and the database's lists. */
static const struct {
	const struct psm_entity *entity;
	const char *words[6];
	const char *may[7];
} machines[] = {
    {&psm__entity_patient,
     {"offen", "auf_der_Suche", "in_Therapie", "Therapie_abgeschlossen",
      "Suche_abgebrochen", "Therapie_abgebrochen"},
     {"xxxxxx", ".xx.x.", "x.x.x.", ".x.x.x", ".xx...", "xx....", ".xx..."}},
    {&psm__entity_therapist,
     {"aktiv", "gesperrt", "inaktiv"},
     {"xxx", ".xx", "x.x", "xx."}},
    {&psm__entity_search,
     {"aktiv", "erfolgreich", "pausiert", "abgebrochen"},
     {"x...", ".xxx", "....", "x..x", "...."}},
    {&psm__entity_inquiry,
     {"unsent", "sent", "answered", "cancelled"},
     {"x...", ".x.x", "x.x.", "....", "...."}},
    {&psm__entity_inquiry_patient,
     {"anstehend", "angenommen", "abgelehnt", "keine_antwort"},
     {"x...", ".xxx", "..xx", ".x.x", ".xx."}},
    {&psm__entity_email,
     {"Entwurf", "In_Warteschlange", "Wird_gesendet", "Gesendet",
      "Fehlgeschlagen"},
     {"xx.xx", ".x.xx", "..xxx", "...xx", ".....", ".x..."}},
    {&psm__entity_phone_call,
     {"geplant", "abgeschlossen", "fehlgeschlagen", "abgebrochen"},
     {"xxxx", ".xxx", "....", "x...", "...."}},
};

static void
check_step(size_t n, int from, int to)
{
	const struct psm_entity *e = machines[n].entity;
	int may = machines[n].may[from + 1][to] == 'x', rc;
	char text[160];

	psm_error_clear(err);
	rc = psm__state_may_follow(e, from, to, err);
	ck_assert_msg(rc == (may ? 0 : PSM_ERR_TRANSITION), "%s: %d to %d",
	              e->name, from, to);
	make_row(e);
	ck_assert_int_eq(psm__row_move(&row, from, to, &now, &event, NULL), rc);
	if (may)
		return;
	ck_assert_ptr_null(event);
	ck_assert_int_eq(psm__row_modified(&row), 0);
	if (from < 0)
		(void)snprintf(text, sizeof(text),
		               "%s: \"%s\" may not be the first state", e->name,
		               machines[n].words[to]);
	else
		(void)snprintf(text, sizeof(text),
		               "%s: \"%s\" may not follow \"%s\"", e->name,
		               machines[n].words[to], machines[n].words[from]);
	ck_assert_str_eq(psm_error_message(err), text);
}

START_TEST(all_steps)
{
	const struct psm_entity *e = machines[_i].entity;
	const char *const *words = psm__state_words(e);
	int count = 0;

	while (words[count] != NULL) {
		ck_assert_str_eq(words[count], machines[_i].words[count]);
		count++;
	}
	ck_assert_uint_eq((size_t)count, strlen(machines[_i].may[0]));
	for (int from = -1; from < count; from++)
		for (int to = 0; to < count; to++)
			check_step((size_t)_i, from, to);
}
END_TEST

/* No step names a column or a state that is not there. */
START_TEST(tables_are_sound)
{
	const struct psm_entity *e = psm__entities[_i];
	const struct psm__machine *m = e->machine;
	int count = 0;

	while (m->words[count] != NULL)
		count++;
	ck_assert_int_eq(m->column < 0, m->derive != NULL);
	for (size_t i = 0; i < m->count; i++) {
		const struct psm__step *s = &m->steps[i];

		ck_assert_int_lt(s->from, count);
		ck_assert_int_lt(s->to, count);
		ck_assert(s->from != s->to || s->when == PSM__CORRECTING);
		for (size_t n = 0; n < PSM__SETS_MAX; n++)
			ck_assert_int_lt(s->sets[n].column, (int)e->count);
	}
	if (m->column >= 0)
		ck_assert_ptr_eq(e->fields[m->column].words, m->words);
}
END_TEST

static const char *
moved(int from, int to)
{
	ck_assert_int_eq(psm__row_move(&row, from, to, &now, &event, err), 0);
	return event ? event : "";
}

static void
is(int column, const char *want)
{
	const char *got = psm__row_get(&row, column);

	ck_assert_msg(want == NULL ? got == NULL
	                           : got != NULL && strcmp(got, want) == 0,
	              "%s: want %s, got %s", row.entity->fields[column].name,
	              want ? want : "null", got ? got : "null");
}

START_TEST(searches)
{
	make_row(&psm__entity_search);
	ck_assert_str_eq(moved(-1, 0), "search.status_changed");
	is(PSM__SEARCH_STATUS, "aktiv");
	ck_assert_int_eq(psm__row_state(&row), 0);
	is(PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM, NULL);
	ck_assert_str_eq(moved(0, 1), "search.status_changed");
	is(PSM__SEARCH_STATUS, "erfolgreich");
	is(PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM, now.timestamp);
}
END_TEST

START_TEST(inquiries)
{
	make_row(&psm__entity_inquiry);
	ck_assert_int_eq(psm__row_state(&row), 0);
	ck_assert_str_eq(moved(0, 1), "therapeutenanfrage.sent");
	is(PSM__INQUIRY_GESENDET_DATUM, now.timestamp);
	ck_assert_int_eq(psm__row_state(&row), 1);
	ck_assert_str_eq(moved(1, 2), "therapeutenanfrage.response_received");
	is(PSM__INQUIRY_ANTWORT_DATUM, now.timestamp);
	ck_assert_int_eq(psm__row_state(&row), 2);
	make_row(&psm__entity_inquiry);
	ck_assert_str_eq(moved(0, 3), "");
	is(PSM__INQUIRY_STORNIERT_DATUM, now.timestamp);
	ck_assert_int_eq(psm__row_state(&row), 3);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__INQUIRY_GESENDET_DATUM, "x", err), 0);
	ck_assert_int_eq(psm__row_state(&row), -1);
}
END_TEST

START_TEST(emails)
{
	make_row(&psm__entity_email);
	ck_assert_str_eq(moved(-1, 0), "communication.email_created");
	is(PSM__EMAIL_IN_WARTESCHLANGE_AM, NULL);
	ck_assert_str_eq(moved(0, 1), "");
	is(PSM__EMAIL_IN_WARTESCHLANGE_AM, now.timestamp);
	ck_assert_str_eq(moved(1, 2), "");
	ck_assert_str_eq(moved(2, 4), "email.failed");
	is(PSM__EMAIL_WIEDERHOLUNGSANZAHL, "1");
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__EMAIL_FEHLERMELDUNG, "why", err), 0);
	/* Queued again: the first time stays, the old fault goes. */
	ck_assert_int_eq(psm__row_set(&row, PSM__EMAIL_IN_WARTESCHLANGE_AM,
	                              "2026-06-30 10:00:00", err),
	                 0);
	ck_assert_str_eq(moved(4, 1), "");
	is(PSM__EMAIL_IN_WARTESCHLANGE_AM, "2026-06-30 10:00:00");
	is(PSM__EMAIL_FEHLERMELDUNG, NULL);
	ck_assert_str_eq(moved(1, 2), "");
	ck_assert_str_eq(moved(2, 4), "email.failed");
	is(PSM__EMAIL_WIEDERHOLUNGSANZAHL, "2");
	ck_assert_str_eq(moved(4, 1), "");
	ck_assert_str_eq(moved(1, 2), "");
	ck_assert_str_eq(moved(2, 3), "email.sent");
	is(PSM__EMAIL_GESENDET_AM, now.timestamp);
}
END_TEST

/* What the change gave itself stays. */
START_TEST(phone_calls)
{
	make_row(&psm__entity_phone_call);
	ck_assert_str_eq(moved(-1, 0), "communication.call_scheduled");
	row.given[PSM__PHONE_CALL_TATSAECHLICHE_ZEIT] = 1;
	ck_assert_str_eq(moved(0, 1), "phone_call.completed");
	is(PSM__PHONE_CALL_TATSAECHLICHES_DATUM, "2026-07-01");
	is(PSM__PHONE_CALL_TATSAECHLICHE_ZEIT, NULL);
	make_row(&psm__entity_phone_call);
	ck_assert_int_eq(psm__row_set(&row,
	                              PSM__PHONE_CALL_TATSAECHLICHES_DATUM,
	                              "2026-06-30", err),
	                 0);
	ck_assert_str_eq(moved(0, 1), "phone_call.completed");
	is(PSM__PHONE_CALL_TATSAECHLICHES_DATUM, "2026-06-30");
	is(PSM__PHONE_CALL_TATSAECHLICHE_ZEIT, "14:30:05");
}
END_TEST

/* A change by hand as a whole: read, checked, moved. */
START_TEST(changes_by_hand)
{
	static const char made[] =
	    "{\"patient_id\": 7, \"geplantes_datum\": \"2026-07-02\", "
	    "\"geplante_zeit\": \"09:30\"}";
	static const char done[] = "{\"status\": \"abgeschlossen\"}";
	psm_json *doc = NULL;

	make_row(&psm__entity_phone_call);
	ck_assert_int_eq(psm_json_parse(made, strlen(made), &doc, err), 0);
	ck_assert_int_eq(
	    psm__row_make(&row, doc, PSM__W_REST_CREATE, &now, &event, err), 0);
	psm_json_free(doc);
	ck_assert_str_eq(event, "communication.call_scheduled");
	is(PSM__PHONE_CALL_STATUS, "geplant");
	is(PSM__PHONE_CALL_DAUER_MINUTEN, "5");
	is(PSM__PHONE_CALL_CREATED_AT, now.timestamp);
	is(PSM__PHONE_CALL_UPDATED_AT, NULL);

	memset(row.modified, 0, row.entity->count);
	ck_assert_int_eq(psm_json_parse(done, strlen(done), &doc, err), 0);
	ck_assert_int_eq(
	    psm__row_patch(&row, doc, PSM__READ_PUT, &now, &event, err), 3);
	ck_assert_str_eq(event, "phone_call.completed");
	/* The same again is no step. */
	memset(row.modified, 0, row.entity->count);
	ck_assert_int_eq(
	    psm__row_patch(&row, doc, PSM__READ_PUT, &now, &event, err), 0);
	ck_assert_ptr_null(event);
	psm_json_free(doc);
	ck_assert_int_eq(
	    psm_json_parse("{\"status\": \"geplant\"}", 21, &doc, err), 0);
	ck_assert_int_eq(
	    psm__row_patch(&row, doc, PSM__READ_PUT, &now, &event, err),
	    PSM_ERR_TRANSITION);
	psm_json_free(doc);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("entity_state");
	TCase *tables = tcase_create("tables"), *steps = tcase_create("steps");

	tcase_add_checked_fixture(tables, setup, teardown);
	tcase_add_loop_test(tables, all_steps, 0, (int)PSM__COUNT(machines));
	tcase_add_loop_test(tables, tables_are_sound, 0, PSM__ENTITY_COUNT);
	suite_add_tcase(s, tables);
	tcase_add_checked_fixture(steps, setup, teardown);
	tcase_add_test(steps, searches);
	tcase_add_test(steps, inquiries);
	tcase_add_test(steps, emails);
	tcase_add_test(steps, phone_calls);
	tcase_add_test(steps, changes_by_hand);
	suite_add_tcase(s, steps);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
