/* SPDX-License-Identifier: BSD-2-Clause */
/* Which therapists of an area can be asked, in which order. */
#include "domain/selection.h"

#include "app/candidates.h"
#include "testing_search.h"

#include <psymatch/inquiry.h>

/* -- rules */

START_TEST(fault_45_names_in_mailboxes)
{
	static const struct {
		const char *box, *first, *last;
		int bears;
	} cases[] = {
	    {"mueller@example.org", "Anna", "M\xc3\xbcller", 3},
	    {"anna.mueller@example.org", "Anna", "M\xc3\xbcller", 3},
	    {"praxis-mueller2@example.org", "Anna", "M\xc3\xbcller", 3},
	    {"mueller.luedenscheidt@x.org", "A",
	     "M\xc3\xbcller-"
	     "L\xc3\xbc"
	     "denscheidt",
	     3},
	    {"von-der-au@x.org", "A", "von der Au", 3},
	    {"amueller@example.org", "Anna", "Mueller", 2},
	    {"annamueller@example.org", "Anna", "Mueller", 2},
	    {"praxismueller@example.org", "Anna", "Mueller", 2},
	    {"mueller@example.org", "Anna", "M\xc3\xbcller-Schmidt", 1},
	    {"gross@example.org", "A", "Gro\xc3\x9f", 3},
	    {"muellerpraxis@example.org", "Anna", "Mueller", 2},
	    {"muelleranna@example.org", "Anna", "Mueller", 2},
	    {"info@praxis-mueller.de", "Anna", "M\xc3\xbcller", 1},
	    {"info@mueller.example.org", "Anna", "Mueller", 1},
	    {"info@muellermann.de", "Anna", "Mueller", 0},
	    {"info@org.mueller", "Anna", "Mueller", 0},
	    /* Not inside a word, short ones not in the domain, no small word. */
	    {"info@auto.de", "A", "Au", 0},
	    {"post@au.de", "A", "Au", 0},
	    {"paul.bauer@x.de", "A", "Au", 0},
	    {"von@x.de", "A", "von der Au", 0},
	    {"muellermann@x.de", "A", "Mueller", 0},
	    {"@x.de", "A", "X", 0},
	    {"", "A", "A", 0},
	    {"anna@x.de", "Anna", "", 0},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		char *box = psm__selection_fold(cases[i].box);
		char *first = psm__selection_fold(cases[i].first);
		char *last = psm__selection_fold(cases[i].last);

		ck_assert_msg(
		    psm__mailbox_bears(box, first, last) == cases[i].bears,
		    "%s of %s: want %d, found %d", cases[i].box, cases[i].last,
		    cases[i].bears, psm__mailbox_bears(box, first, last));
		psm__free(box);
		psm__free(first);
		psm__free(last);
	}
}
END_TEST

START_TEST(tiers)
{
	static const int want[8] = {0, 1, 2, 3, 4, 5, 6, 7};
	int n = 0;

	for (int mailbox = 1; mailbox >= 0; mailbox--)
		for (int available = 1; available >= 0; available--)
			for (int informed = 1; informed >= 0; informed--)
				ck_assert_int_eq(psm__selection_tier(available,
				                                     informed,
				                                     mailbox),
				                 want[n++]);
}
END_TEST

/* The numbers of who is chosen, in their order, of a list in any order. */
static const char *
chosen(const struct psm__choice *list, size_t count, unsigned turn)
{
	static char text[200];
	struct psm__choice mixed[10];
	int n;

	for (size_t i = 0; i < count; i++)
		mixed[i] = list[(i * 7 + turn) % count];
	n = psm__selection(mixed, count, err);
	ck_assert_int_ge(n, 0);
	text[0] = '\0';
	for (int i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
		               "%s%d", i > 0 ? " " : "", (int)mixed[i].id);
	psm__selection_free(mixed, count);
	return text;
}

#define ONE(number, mail, ...)                                                 \
	{                                                                      \
		.id = (number), .email = (mail), .here = 1, __VA_ARGS__        \
	}

START_TEST(mailboxes)
{
	static const struct {
		const char *want;
		struct psm__choice list[4];
		size_t count;
	} cases[] = {
	    /* Nobody's name: title, then number. */
	    {"2",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      ONE(2, " P@X.de", .nachname = "B", .titel = "Prof. Dr."),
	      ONE(3, "p@x.de", .nachname = "C", .titel = "Dr.")},
	     3},
	    {"1",
	     {ONE(1, "p@x.de", .nachname = "A", .titel = "dr."),
	      ONE(2, "p@x.de", .nachname = "B")},
	     2},
	    /* A name is more than a title. */
	    {"3",
	     {ONE(1, "boehm@x.de", .nachname = "A", .titel = "Prof."),
	      ONE(3, "boehm@x.de", .nachname = "B\xc3\xb6hm")},
	     2},
	    {"3",
	     {ONE(1, "info@boehm.de", .nachname = "A", .titel = "Prof."),
	      ONE(3, "info@boehm.de", .nachname = "B\xc3\xb6hm")},
	     2},
	    /* One who waits, or is left alone, keeps all from being asked. */
	    {"",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      ONE(2, "p@x.de", .nachname = "B", .pending = 1)},
	     2},
	    {"",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      ONE(2, "p@x.de", .nachname = "B", .cooling = 1)},
	     2},
	    /* Blank mailboxes are none: everybody stands alone. */
	    {"1 3",
	     {ONE(1, " ", .nachname = "A"),
	      ONE(2, "", .nachname = "B", .pending = 1),
	      ONE(3, NULL, .nachname = "C")},
	     3},
	    /* Fault 46: colleagues elsewhere, or not active, count. */
	    {"",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      {.id = 2, .email = "p@x.de", .pending = 1}},
	     2},
	    {"",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      {.id = 2, .email = "p@x.de", .cooling = 1}},
	     2},
	    {"1",
	     {ONE(1, "p@x.de", .nachname = "A"),
	      {.id = 2, .email = "p@x.de", .blocked = 1, .nachname = "B"}},
	     2},
	    {"",
	     {ONE(1, "bode@x.de", .nachname = "A"),
	      {.id = 2,
	       .email = "bode@x.de",
	       .blocked = 1,
	       .nachname = "Bode"}},
	     2},
	    {"1",
	     {ONE(1, "bode@x.de", .nachname = "A"),
	      {.id = 2, .email = "bode@x.de", .nachname = "Bode"}},
	     2},
	    {"2",
	     {ONE(2, "bode@x.de", .nachname = "Bode"),
	      {.id = 1,
	       .email = "bode@x.de",
	       .blocked = 1,
	       .nachname = "Bode"}},
	     2},
	};

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		for (unsigned turn = 0; turn < 4; turn++) {
			const char *found =
			    chosen(cases[i].list, cases[i].count, turn);
			/* The last case: the blocked one has the lower number,
			 * so the mailbox is that one's. */
			const char *want =
			    i + 1 == PSM__COUNT(cases) ? "" : cases[i].want;

			ck_assert_msg(strcmp(found, want) == 0,
			              "case %zu: want \"%s\", found \"%s\"", i,
			              want, found);
		}
	}
}
END_TEST

/* A total order: tier, names by code point, number. */
START_TEST(order)
{
	static const struct psm__choice list[] = {
	    ONE(1, "a@x.de", .nachname = "Z", .available = 1, .informed = 1),
	    ONE(2, "b@x.de", .nachname = "A", .available = 1),
	    ONE(3, "c@x.de", .nachname = "a", .informed = 1),
	    ONE(4, "d@x.de", .nachname = "Z", .informed = 1),
	    ONE(5, "e@x.de", .nachname = "\xc3\x84", .informed = 1),
	    ONE(6, "f@x.de", .nachname = "Z", .vorname = "B"),
	    ONE(7, "g@x.de", .nachname = "Z", .vorname = "A"),
	    ONE(8, "h@x.de", .nachname = "Z", .vorname = "A"),
	    ONE(9, NULL, .nachname = "A", .available = 1, .informed = 1),
	};

	for (unsigned turn = 0; turn < 9; turn++)
		ck_assert_str_eq(chosen(list, PSM__COUNT(list), turn),
		                 "1 2 4 3 5 7 8 6 9");
	ck_assert_int_eq(psm__selection(NULL, 0, err), 0);
}
END_TEST

/* -- from the database */

static void
check_selection(const char *prefix, const char *want)
{
	char *out, ids[200] = "";
	psm_json *doc;
	size_t count;

	OK(psm_therapist_selection(st, prefix, &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	count = psm_json_count(psm_json_at(doc, "/data"));
	for (size_t i = 0; i < count; i++) {
		int64_t id;
		const psm_json *v = psm_json_item(psm_json_at(doc, "/data"), i);

		OK(psm_json_get_int(psm_json_at(v, "/id"), &id, err));
		(void)snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids),
		               "%s%lld", i > 0 ? " " : "", (long long)id);
	}
	ck_assert_str_eq(ids, want);
	psm_json_free(doc);
	psm_free(out);
}

START_TEST(selected)
{
	char *out;

	therapist_is(1, "Eins", ", \"email\": \"eins@x.de\"");
	therapist_is(2, "Zwei",
	             ", \"email\": \"zwei@x.de\", "
	             "\"potenziell_verfuegbar\": true");
	therapist_is(3, "Drei",
	             ", \"email\": \"drei@x.de\", \"plz\": \"20095\"");
	therapist_is(4, "Vier", ", \"email\": \" ZWEI@x.de\"");
	therapist_is(5, "Fuenf", ", \"status\": \"inaktiv\"");
	therapist_is(6, "Sechs", "");
	receive(make("therapist.deleted", "{\"therapist_id\": 6}"));
	therapist_is(7, "Sieben",
	             ", \"naechster_kontakt_moeglich\": "
	             "\"2999-01-01\"");
	therapist_is(8, "Acht",
	             ", \"naechster_kontakt_moeglich\": "
	             "\"2026-01-01\", \"bevorzugte_diagnosen\": "
	             "[\"F32\"]");
	check_selection("10", "2 1 8");
	check_selection("20", "3");
	check_selection("99", "");
	OK(psm_therapist_selection(st, "10", &out, err));
	CHECK_JSON(out, "/plz_prefix", "\"10\"");
	CHECK_JSON(out, "/total", "3");
	CHECK_JSON(out, "/data/0/potenziell_verfuegbar", "true");
	CHECK_JSON(out, "/data/0/tier", "1");
	CHECK_JSON(out, "/data/1/email", "\"eins@x.de\"");
	CHECK_JSON(out, "/data/1/titel", "null");
	CHECK_JSON(out, "/data/2/bevorzugte_diagnosen", "[\"F32\"]");
	CHECK_JSON(out, "/data/2/naechster_kontakt_moeglich", "\"2026-01-01\"");
	psm_free(out);
}
END_TEST

/* 46: a colleague in another area has an inquiry that waits. 44: but not for
 * ever. */
START_TEST(fault_44_and_46_pending)
{
	therapist_is(1, "Eins", ", \"email\": \"p@x.de\"");
	therapist_is(2, "Zwei",
	             ", \"email\": \"P@x.de\", \"plz\": \"20095\", "
	             "\"status\": \"inaktiv\"");
	check_selection("10", "1");
	(void)inquiry_to(2);
	check_selection("10", "");
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() AT TIME ZONE 'UTC' - interval '11 weeks'");
	check_selection("10", "");
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() AT TIME ZONE 'UTC' - interval '13 weeks'");
	check_selection("10", "1");
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() AT TIME ZONE 'UTC'");
	check_selection("10", "");
	pg_run("UPDATE matching_service.therapeutenanfrage SET antwort_datum "
	       "= now() AT TIME ZONE 'UTC'");
	check_selection("10", "1");
	/* 31: a cancelled one blocks nobody. */
	(void)inquiry_to(1);
	pg_run("UPDATE matching_service.therapeutenanfrage SET storniert_datum "
	       "= now() WHERE gesendet_datum IS NULL");
	check_selection("10", "1");
}
END_TEST

/* Who can be selected can get an inquiry. */
START_TEST(fault_44_inquiry_after_weeks)
{
	therapist_is(1, "Eins", "");
	patient_is(1, COMPLETE);
	(void)search_of(1);
	(void)inquiry_to(1);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() AT TIME ZONE 'UTC' - interval '11 weeks'");
	ck_assert_int_eq(psm_inquiry_create(st, 1, "10", NULL, 0, NULL, err),
	                 PSM_ERR_CONFLICT);
	pg_run("UPDATE matching_service.therapeutenanfrage SET gesendet_datum "
	       "= now() AT TIME ZONE 'UTC' - interval '13 weeks'");
	ck_assert_int_eq(psm_inquiry_create(st, 1, "10", NULL, 0, NULL, err),
	                 1);
}
END_TEST

START_TEST(fault_59_prefixes)
{
	static const char *const wrong[] = {
	    "1", "123", "1%", "1_", "", "1 ", "\xd9\xa1\xd9\xa0", "ab"};
	char *out;

	for (size_t i = 0; i < PSM__COUNT(wrong); i++) {
		ck_assert_int_eq(
		    psm_therapist_selection(st, wrong[i], &out, err),
		    PSM_ERR_SCHEMA);
		ck_assert_str_eq(psm_error_pointer(err), "/plz_prefix");
	}
	ck_assert_int_eq(psm_therapist_selection(st, NULL, &out, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_therapist_selection(st, "10", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_selection(NULL, "10", &out, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* 20,000 therapists with 20,000 answered inquiries: indexes alone are used. */
START_TEST(fault_52_cost_does_not_grow_with_others)
{
	const char *params[4] = {"10", "2026-11-30", "2026-01-01", "11"};
	struct psm__buf sql = {0}, plan = {0};
	psm_rows *rows;
	psm_tx *tx;

	pg_hasty();
	pg_run(
	    "INSERT INTO matching_service.therapeuten_kopie (id, plz, status, "
	    "email, nachname, event_time, event_id) SELECT n, 10 + n %% 80 "
	    "|| '115', 'aktiv', 'praxis' || n / 2 || '@x.de', 'N', now(), '' "
	    "FROM generate_series(1, 20000) n");
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum, antwort_datum) SELECT n, 0, "
	       "now(), now() FROM generate_series(1, 20000) n");
	pg_run("ANALYZE");
	psm__buf_printf(&sql, "EXPLAIN %s", psm__selection_sql);
	OK(psm_tx_begin(st, &tx, err));
	OK(psm_tx_exec(tx, sql.data, 4, params, &rows, err));
	for (size_t i = 0; i < psm_rows_count(rows); i++)
		psm__buf_printf(&plan, "%s\n", psm_rows_text(rows, i, 0));
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	ck_assert_msg(strstr(plan.data, "Seq Scan") == NULL, "%s", plan.data);
	ck_assert_msg(strstr(plan.data, "idx_therapeuten_kopie_postfach") !=
	                  NULL,
	              "%s", plan.data);
	psm__buf_free(&sql);
	psm__buf_free(&plan);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("selection");
	TCase *tc = tcase_create("selection");

	tcase_add_checked_fixture(tc, setup, app_teardown);
	tcase_add_test(tc, fault_45_names_in_mailboxes);
	tcase_add_test(tc, tiers);
	tcase_add_test(tc, mailboxes);
	tcase_add_test(tc, order);
	tcase_add_test(tc, selected);
	tcase_add_test(tc, fault_44_and_46_pending);
	tcase_add_test(tc, fault_44_inquiry_after_weeks);
	tcase_add_test(tc, fault_59_prefixes);
	tcase_add_test(tc, fault_52_cost_does_not_grow_with_others);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
