/* SPDX-License-Identifier: BSD-2-Clause */
/* Searches, inquiries, exclusion lists and notes. */
#include "domain/domain.h"
#include "domain/search_rules.h"
#include "testing.h"

/* 2026-01-31T23:05:06.5Z */
#define NOW INT64_C(1769900706500000)

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

#define SEARCHES "auf_der_Suche"

/* Whose status becomes that of one who searches. */
static const struct {
	struct psm__search_due d;
	int want;
} dues[] = {
    {{.after = SEARCHES}, 1},
    {{.after = "offen"}, 0},
    {{.after = NULL}, 0},
    {{.after = SEARCHES, .searches = 1, .open = 1, .waiting = 1}, 0},
    {{.after = SEARCHES, .searches = 1, .waiting = 1}, 1},
    /* Nobody knows when it began. */
    {{.after = SEARCHES, .searches = 1}, 0},
    {{.after = SEARCHES, .searches = 1, .had_copy = 1}, 1},
    {{.before = "offen", .after = SEARCHES, .searches = 1, .had_copy = 1}, 1},
    {{.before = SEARCHES, .after = SEARCHES, .searches = 1, .had_copy = 1}, 0},
    {{.before = "offen",
      .after = SEARCHES,
      .searches = 1,
      .had_copy = 1,
      .newer = 1},
     0},
};

START_TEST(a_search_is_due)
{
	for (size_t i = 0; i < PSM__COUNT(dues); i++)
		ck_assert_msg(psm__search_is_due(&dues[i].d) == dues[i].want,
		              "case %zu", i);
}
END_TEST

static const struct {
	const char *patient;
	int search, accepted, want;
} ends[] = {
    {"Suche_abgebrochen", PSM_SEARCH_AKTIV, 1, PSM_SEARCH_ABGEBROCHEN},
    {"Suche_abgebrochen", PSM_SEARCH_ERFOLGREICH, 1, -1},
    {"in_Therapie", PSM_SEARCH_ABGEBROCHEN, 1, -1},
    {"in_Therapie", PSM_SEARCH_AKTIV, 1, PSM_SEARCH_ERFOLGREICH},
    {"in_Therapie", PSM_SEARCH_AKTIV, 0, PSM_SEARCH_ABGEBROCHEN},
    {"in_Therapie", PSM_SEARCH_PAUSIERT, 1, PSM_SEARCH_ABGEBROCHEN},
    {"offen", PSM_SEARCH_AKTIV, 1, -1},
    {NULL, PSM_SEARCH_AKTIV, 1, -1},
};

START_TEST(a_search_ends)
{
	const char *why;

	for (size_t i = 0; i < PSM__COUNT(ends); i++) {
		ck_assert_msg(
		    psm__search_ends_as(ends[i].patient, ends[i].search,
		                        ends[i].accepted, &why) == ends[i].want,
		    "case %zu", i);
		ck_assert_int_eq(why != NULL, ends[i].want >= 0);
	}
}
END_TEST

START_TEST(search_names)
{
	static const char *const words[] = {"aktiv", "erfolgreich", "pausiert",
	                                    "abgebrochen"};

	for (int i = 0; i < 4; i++) {
		ck_assert_str_eq(psm_search_status_name(i), words[i]);
		ck_assert_int_eq(psm_search_status_from_name(words[i]), i);
	}
	ck_assert_ptr_null(psm_search_status_name(4));
	ck_assert_ptr_null(psm_search_status_name(-1));
	ck_assert_int_eq(psm_search_status_from_name("beendet"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_status_from_name(NULL), PSM_ERR_INVAL);
}
END_TEST

/* Row: from aktiv, erfolgreich, pausiert, abgebrochen; column: to. */
START_TEST(search_matrix)
{
	static const char *const may[] = {".xxx", "....", "x..x", "...."};

	for (int from = 0; from < 4; from++) {
		for (int to = 0; to < 4; to++) {
			int rc = psm_search_transition(from, to, err);

			if (may[from][to] == 'x') {
				ck_assert_int_eq(rc, 0);
				continue;
			}
			ck_assert_int_eq(rc, PSM_ERR_TRANSITION);
			ck_assert_ptr_nonnull(
			    strstr(psm_error_message(err),
			           psm_search_status_name(from)));
			ck_assert_ptr_nonnull(
			    strstr(psm_error_message(err),
			           psm_search_status_name(to)));
		}
	}
	ck_assert_int_eq(psm_search_transition(-1, 0, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_search_transition(0, 4, err), PSM_ERR_INVAL);
}
END_TEST

/* Row: from unsent, sent, answered, cancelled; column: to. */
START_TEST(inquiry_matrix)
{
	static const char *const may[] = {".x.x", "x.x.", "....", "...."};

	for (int from = 0; from < 4; from++) {
		ck_assert_int_eq(
		    psm_inquiry_state_from_name(psm_inquiry_state_name(from)),
		    from);
		for (int to = 0; to < 4; to++)
			ck_assert_int_eq(
			    psm_inquiry_transition(from, to, err),
			    may[from][to] == 'x' ? 0 : PSM_ERR_TRANSITION);
	}
	ck_assert_ptr_null(psm_inquiry_state_name(4));
	ck_assert_int_eq(psm_inquiry_state_from_name("lost"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_inquiry_transition(4, 0, err), PSM_ERR_INVAL);
}
END_TEST

/* Bits: sent, answered, cancelled. */
START_TEST(inquiry_dates)
{
	static const int want[8] = {PSM_INQUIRY_UNSENT,   PSM_INQUIRY_CANCELLED,
	                            PSM_ERR_INVAL,        PSM_ERR_INVAL,
	                            PSM_INQUIRY_SENT,     PSM_ERR_INVAL,
	                            PSM_INQUIRY_ANSWERED, PSM_ERR_INVAL};

	for (int i = 0; i < 8; i++)
		ck_assert_int_eq(psm_inquiry_state(i & 4, i & 2, i & 1),
		                 want[i]);
}
END_TEST

/* -- exclusions */

static psm_json *
parse(const char *text)
{
	psm_json *doc;

	ck_assert_int_eq(psm_json_parse(text, strlen(text), &doc, err), 0);
	return doc;
}

START_TEST(exclusion_contains)
{
	static const struct {
		const char *list;
		int has_seven;
	} cases[] = {
	    {"[]", 0},
	    {"null", 0},
	    {"[7]", 1},
	    {"[1, 7, 2]", 1},
	    {"[70, 17]", 0},
	    {"[{\"id\": 7}]", 1},
	    {"[{\"id\": 7, \"excluded_at\": null, \"reason\": null}]", 1},
	    {"[{\"excluded_at\": 7}, \"7\", [7], null, true, 7.5]", 0},
	    {"[{\"id\": \"7\"}]", 0},
	    {"[\"x\", {\"id\": {}}, 7]", 1},
	    {"{\"id\": 7}", 0},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		psm_json *list = parse(cases[i].list);

		ck_assert_msg(psm_exclusion_contains(list, 7) ==
		                  cases[i].has_seven,
		              "%s", cases[i].list);
		psm_json_free(list);
	}
	ck_assert_int_eq(psm_exclusion_contains(NULL, 7), 0);
}
END_TEST

START_TEST(invariant_3_exclusion_add)
{
	static const struct {
		const char *list, *want;
		int added;
	} cases[] = {
	    {"null",
	     "[{\"id\": 7, \"excluded_at\": \"2026-01-31T23:05:06.500000Z\", "
	     "\"reason\": \"\\\"why\\\"\"}]",
	     1},
	    {"[3, {\"id\": 4, \"x\": 1.50}, \"odd\"]",
	     "[3, {\"id\": 4, \"x\": 1.50}, \"odd\", {\"id\": 7, "
	     "\"excluded_at\": \"2026-01-31T23:05:06.500000Z\", \"reason\": "
	     "\"\\\"why\\\"\"}]",
	     1},
	    {"[7]", "[7]", 0},
	    {"[{\"id\": 7, \"reason\": \"old\"}]",
	     "[{\"id\": 7, \"reason\": \"old\"}]", 0},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		psm_json *list = parse(cases[i].list), *got, *want;
		char *text, *again;

		ck_assert_int_eq(
		    psm_exclusion_add(list, 7, NOW, "\"why\"", &text, err),
		    cases[i].added);
		got = parse(text);
		want = parse(cases[i].want);
		ck_assert_msg(psm_json_equal(got, want), "got %s", text);
		/* A second time nothing is added. */
		ck_assert_int_eq(
		    psm_exclusion_add(got, 7, NOW + 1, "x", &again, err), 0);
		ck_assert_str_eq(again, text);
		psm_free(text);
		psm_free(again);
		psm_json_free(got);
		psm_json_free(want);
		psm_json_free(list);
	}
}
END_TEST

START_TEST(exclusion_refused)
{
	psm_json *object = parse("{\"id\": 7}"), *doc;
	char *text;

	ck_assert_int_eq(psm_exclusion_add(object, 7, NOW, NULL, &text, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(psm_exclusion_add(NULL, 7, NOW, "\xff", &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_exclusion_add(NULL, 0, NOW, NULL, &text, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_exclusion_add(NULL, 7, NOW, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_exclusion_add(NULL, 7, NOW, NULL, &text, err), 1);
	doc = parse(text);
	ck_assert_int_eq(psm_json_kind(psm_json_at(doc, "/0/reason")),
	                 PSM_JSON_NULL);
	psm_free(text);
	psm_json_free(doc);
	psm_json_free(object);
}
END_TEST

/* -- notes */

START_TEST(notes)
{
	static const struct {
		const char *notes, *author, *text, *want;
	} cases[] = {
	    {NULL, "System", "first", "[2026-01-31 23:05 (System)] first"},
	    {"", NULL, "first", "[2026-01-31 23:05] first"},
	    {"[2026-01-01 00:00] old", "API", "new",
	     "[2026-01-01 00:00] old\n[2026-01-31 23:05 (API)] new"},
	    {NULL, "API", "a\n[2026-01-31 23:05 (System)] forged",
	     "[2026-01-31 23:05 (API)] a\n    [2026-01-31 23:05 (System)] "
	     "forged"},
	    {NULL, "API", "a\r\nb\rc\vd\fe",
	     "[2026-01-31 23:05 (API)] a\n    b\n    c\n    d\n    e"},
	    {NULL, "API",
	     "a\xc2\x85"
	     "b\xe2\x80\xa8"
	     "c\xe2\x80\xa9"
	     "d\xe2\x80\x93"
	     "e\xc3\x85",
	     "[2026-01-31 23:05 (API)] a\n    b\n    c\n    d\xe2\x80\x93"
	     "e\xc3\x85"},
	    {NULL, "API", "\n", "[2026-01-31 23:05 (API)] \n    "},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		char *out;

		ck_assert_int_eq(psm_note_append(cases[i].notes, NOW,
		                                 cases[i].author, cases[i].text,
		                                 &out, err),
		                 0);
		ck_assert_str_eq(out, cases[i].want);
		psm_free(out);
	}
}
END_TEST

START_TEST(notes_refused)
{
	static const char *const authors[] = {"", "a)", "a]", "a\nb", "ä"};
	char *out;

	for (size_t i = 0; i < PSM__COUNT(authors); i++) {
		ck_assert_int_eq(
		    psm_note_append(NULL, NOW, authors[i], "x", &out, err),
		    PSM_ERR_INVAL);
		ck_assert_ptr_null(out);
	}
	ck_assert_int_eq(psm_note_append(NULL, NOW, "API", "", &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_note_append(NULL, NOW, "API", NULL, &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_note_append(NULL, NOW, "API", "x", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_note_append(NULL, -1, "API", "x", &out, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_note_append(NULL, INT64_C(253402300800000000),
	                                 "API", "x", &out, err),
	                 PSM_ERR_INVAL);
}
END_TEST

static int
everything(void *arg)
{
	char *list = NULL, *log = NULL;
	psm_json *old = NULL;
	int rc;

	rc = psm_json_parse(arg, strlen(arg), &old, NULL);
	if (rc == 0)
		rc = psm_exclusion_add(old, 7, NOW, "why", &list, NULL);
	if (rc >= 0)
		rc = psm_note_append(arg, NOW, "API", "two\nlines", &log, NULL);
	psm_free(list);
	psm_free(log);
	psm_json_free(old);
	return rc;
}

START_TEST(out_of_memory)
{
	char list[] = "[1, {\"id\": 2}]";

	ck_assert_int_gt(testing_fail_each(everything, list, 0), 4);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("search");
	TCase *t = tcase_create("rules");
	TCase *alone = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, search_names);
	tcase_add_test(t, search_matrix);
	tcase_add_test(t, a_search_is_due);
	tcase_add_test(t, a_search_ends);
	tcase_add_test(t, inquiry_matrix);
	tcase_add_test(t, inquiry_dates);
	tcase_add_test(t, exclusion_contains);
	tcase_add_test(t, invariant_3_exclusion_add);
	tcase_add_test(t, exclusion_refused);
	tcase_add_test(t, notes);
	tcase_add_test(t, notes_refused);
	suite_add_tcase(s, t);
	tcase_add_test(alone, out_of_memory);
	suite_add_tcase(s, alone);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
