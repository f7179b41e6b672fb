/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/domain.h"
#include "event/event.h"
#include "testing.h"

static psm_error *err;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
}

START_TEST(names)
{
	static const char *const words[] = {"aktiv", "gesperrt", "inaktiv"};

	for (int i = 0; i < 3; i++) {
		ck_assert_str_eq(psm_therapist_status_name(i), words[i]);
		ck_assert_int_eq(psm_therapist_status_from_name(words[i]), i);
	}
	ck_assert_ptr_null(psm_therapist_status_name(-1));
	ck_assert_ptr_null(psm_therapist_status_name(3));
	ck_assert_int_eq(psm_therapist_status_from_name("Aktiv"),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_status_from_name(""), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_status_from_name(NULL), PSM_ERR_INVAL);
}
END_TEST

/* The whole matrix: from none, aktiv, gesperrt, inaktiv; to aktiv, gesperrt,
 * inaktiv; without and with a block. u: updated, b: blocked, f: unblocked; the
 * digit is what happens to date and reason. */
static const char *const matrix[4][3][2] = {
    {{"u0", "f2"}, {"b1", "b1"}, {"u0", "u0"}},
    {{"u0", "u0"}, {"b1", "b1"}, {"u0", "u2"}},
    {{"f2", "f2"}, {"u0", "u0"}, {"u1", "u0"}},
    {{"u0", "f2"}, {"b1", "b1"}, {"u0", "u0"}},
};

START_TEST(transitions)
{
	const char *event, *want;
	char got[3] = "";

	for (int from = -1; from <= 2; from++) {
		for (int to = 0; to <= 2; to++) {
			for (int blocked = 0; blocked <= 1; blocked++) {
				int rc = psm_therapist_transition(
				    from, to, blocked, &event, err);

				want = matrix[from + 1][to][blocked];
				got[0] =
				    strcmp(event, "therapist.blocked") == 0
					? 'b'
				    : strcmp(event, "therapist.unblocked") == 0
					? 'f'
					: 'u';
				got[1] = (char)('0' + rc);
				ck_assert_msg(strcmp(got, want) == 0,
				              "%d -> %d, %d: want %s, got %s",
				              from, to, blocked, want, got);
				ck_assert_ptr_nonnull(
				    psm_catalogue_find(event));
			}
		}
	}
	ck_assert_int_eq(psm_therapist_transition(-2, 0, 0, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(event);
	ck_assert_int_eq(psm_therapist_transition(3, 0, 0, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_transition(0, -1, 0, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_transition(0, 3, 0, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_transition(0, 1, -1, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_transition(0, 1, 2, &event, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_transition(0, 1, 0, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* -- a row that goes through its life */

static struct psm__row row;
static const char *event;

/* Decide; the count of changed columns or an error, and the event. */
static int
decide(psm__decide_fn *fn, const char *wish, const char *today)
{
	struct psm__events ev = {0};
	struct psm__now now = {"", "", ""};
	psm_json *doc = NULL;
	int rc;

	(void)snprintf(now.today, sizeof(now.today), "%s", today);
	if (wish != NULL)
		ck_assert_int_eq(psm_json_parse(wish, strlen(wish), &doc, err),
		                 0);
	rc = fn(&row, doc, &now, &ev, err);
	psm_json_free(doc);
	ck_assert_uint_le(ev.count, 1);
	event = ev.count > 0 ? ev.items[0].type : NULL;
	psm__events_free(&ev);
	return rc < 0 ? rc : psm__row_modified(&row);
}

static void
setup_row(void)
{
	setup();
	ck_assert_int_eq(psm__row_init(&row, &psm__entity_therapist, err), 0);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__THERAPIST_STATUS, "aktiv", err), 0);
}

static void
teardown_row(void)
{
	psm__row_free(&row);
	teardown();
}

static void
check_row(const char *status, const char *date, const char *reason)
{
	static const int columns[] = {PSM__THERAPIST_STATUS,
	                              PSM__THERAPIST_SPERRDATUM,
	                              PSM__THERAPIST_SPERRGRUND};
	const char *const values[] = {status, date, reason};

	for (size_t i = 0; i < 3; i++) {
		const char *got = psm__row_get(&row, columns[i]);

		ck_assert_msg(
		    values[i] == NULL
			? got == NULL
			: got != NULL && strcmp(got, values[i]) == 0,
		    "%s: want %s, got %s", row.entity->fields[columns[i]].name,
		    values[i] ? values[i] : "null", got ? got : "null");
	}
	memset(row.modified, 0, row.entity->count);
}

START_TEST(block_and_unblock)
{
	ck_assert_int_eq(
	    decide(psm__therapist_block, "{\"reason\":\"why\"}", "2026-01-02"),
	    3);
	ck_assert_str_eq(event, "therapist.blocked");
	check_row("gesperrt", "2026-01-02", "why");
	/* The same again: nothing; another reason: no second block. */
	ck_assert_int_eq(
	    decide(psm__therapist_block, "{\"reason\":\"why\"}", "2026-01-03"),
	    0);
	ck_assert_ptr_null(event);
	ck_assert_int_eq(decide(psm__therapist_block,
	                        "{\"reason\":\"why not\"}", "2026-01-03"),
	                 1);
	ck_assert_str_eq(event, "therapist.updated");
	check_row("gesperrt", "2026-01-02", "why not");
	ck_assert_int_eq(decide(psm__therapist_unblock, NULL, ""), 3);
	ck_assert_str_eq(event, "therapist.unblocked");
	check_row("aktiv", NULL, NULL);
	ck_assert_int_eq(decide(psm__therapist_unblock, NULL, ""), 0);
	ck_assert_ptr_null(event);
	ck_assert_int_eq(decide(psm__therapist_block, NULL, "2026-01-04"), 2);
	check_row("gesperrt", "2026-01-04", NULL);
}
END_TEST

START_TEST(unblock_needs_a_block)
{
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__THERAPIST_STATUS, "inaktiv", err), 0);
	ck_assert_int_eq(decide(psm__therapist_unblock, NULL, ""),
	                 PSM_ERR_TRANSITION);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "\"inaktiv\""));
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "\"aktiv\""));
	check_row("inaktiv", NULL, NULL);
	psm_error_clear(err);
	ck_assert_int_eq(
	    psm__row_set(&row, PSM__THERAPIST_SPERRDATUM, "2026-01-01", err),
	    0);
	ck_assert_int_eq(decide(psm__therapist_unblock, NULL, ""), 2);
	ck_assert_str_eq(event, "therapist.unblocked");
	check_row("aktiv", NULL, NULL);
}
END_TEST

START_TEST(a_new_therapist)
{
	static const char text[] =
	    "{\"basic_info\": {\"salutation\": \"Dr.\", \"first_name\": "
	    "\"X\", \"last_name\": \"Y\"},\n \"location\": {\"postal_code\": "
	    "\"10115\"}, \"therapy_methods\": [\"Erwachsene\"]}";
	psm_json *record;
	struct psm__row fresh;

	ck_assert_int_eq(psm_json_parse(text, strlen(text), &record, err), 0);
	ck_assert_int_eq(psm__row_init(&fresh, &psm__entity_therapist, err), 0);
	ck_assert_int_eq(
	    psm__record_map(record, "/therapists/4", &fresh, NULL, err), 0);
	ck_assert_int_eq(
	    psm__record_complete(record, "/therapists/4", &fresh, err),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err),
	                 "/therapists/4/basic_info/salutation");
	ck_assert_uint_eq(psm_error_line(err), 1);
	psm_error_clear(err);
	ck_assert_int_eq(
	    psm__row_set(&fresh, PSM__THERAPIST_ANREDE, "Frau", err), 0);
	ck_assert_int_eq(
	    psm__record_complete(record, "/therapists/4", &fresh, err), 0);
	ck_assert_str_eq(psm__row_get(&fresh, PSM__THERAPIST_STATUS), "aktiv");
	ck_assert_str_eq(psm__row_get(&fresh, PSM__THERAPIST_KASSENSITZ), "t");
	ck_assert_str_eq(
	    psm__row_get(&fresh, PSM__THERAPIST_POTENZIELL_VERFUEGBAR), "f");
	ck_assert_str_eq(
	    psm__row_get(&fresh, PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN),
	    "egal");
	psm__row_free(&fresh);
	psm_json_free(record);
}
END_TEST

/* -- texts */

START_TEST(calendar)
{
	static const struct {
		const char *text;
		int is_day;
	} days[] = {
	    {"20250228", 1}, {"20240229", 1},  {"20250229", 0}, {"20000229", 1},
	    {"19000229", 0}, {"20250431", 0},  {"20251231", 1}, {"99999999", 0},
	    {"20251301", 0}, {"20250001", 0},  {"20250100", 0}, {"00000101", 0},
	    {"2025010", 0},  {"202501011", 0}, {"2025010a", 0}, {"", 0},
	    {"failed", 0},   {"-2025010", 0},
	};

	for (size_t i = 0; i < PSM__COUNT(days); i++)
		ck_assert_msg(psm__is_folder_day(days[i].text) ==
		                  days[i].is_day,
		              "%s", days[i].text);
}
END_TEST

START_TEST(texts)
{
	ck_assert_uint_eq(psm__utf8_count("a\xc3\xa4\xe2\x82\xac"), 3);
	ck_assert_int_eq(psm__text_is_blank(NULL), 1);
	ck_assert_int_eq(psm__text_is_blank(" \t\n"), 1);
	ck_assert_int_eq(psm__text_is_blank(" a "), 0);
	ck_assert_int_eq(psm__is_digits("01234", 5), 1);
	ck_assert_int_eq(psm__is_digits("0123", 5), 0);
	ck_assert_int_eq(psm__is_digits("0123x", 5), 0);
	ck_assert_int_eq(psm__is_digits(NULL, 5), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("therapist");
	TCase *t = tcase_create("status");
	TCase *life = tcase_create("life");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, names);
	tcase_add_test(t, transitions);
	tcase_add_test(t, calendar);
	tcase_add_test(t, texts);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(life, setup_row, teardown_row);
	tcase_add_test(life, block_and_unblock);
	tcase_add_test(life, unblock_needs_a_block);
	tcase_add_test(life, a_new_therapist);
	suite_add_tcase(s, life);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
