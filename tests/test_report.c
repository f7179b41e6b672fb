/* SPDX-License-Identifier: BSD-2-Clause */
/* Reports: what is counted, under which key, in which span; and intervals. */
#include <math.h>

#include <psymatch/report.h>

#include "base/base.h"
#include "domain/interval.h"
#include "testing_app.h"

static psm_json *doc;

static void
teardown(void)
{
	psm_json_free(doc);
	doc = NULL;
	app_teardown();
}

static void
report(const char *json)
{
	char *out = NULL;

	psm_json_free(doc);
	doc = NULL;
	OK(psm_report_matching(st, json, strlen(json), &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	psm_free(out);
}

static double
number(const char *pointer)
{
	double n = (double)NAN;

	ck_assert_msg(psm_json_at(doc, pointer) != NULL, "%s", pointer);
	if (psm_json_kind(psm_json_at(doc, pointer)) != PSM_JSON_NULL)
		OK(psm_json_get_double(psm_json_at(doc, pointer), &n, err));
	return n;
}

static void
is(const char *pointer, double want)
{
	double n = number(pointer);

	ck_assert_msg(fabs(n - want) < 0.0001, "%s: %.6f", pointer, n);
}

static void
is_text(const char *pointer, const char *want)
{
	const char *text = psm_json_string(psm_json_at(doc, pointer));

	ck_assert_msg(text != NULL && strcmp(text, want) == 0, "%s: %s",
	              pointer, text != NULL ? text : "none");
}

static size_t
rows(void)
{
	return psm_json_count(psm_json_at(doc, "/rows"));
}

/*
 * Two therapists in two areas and tiers. Inquiries: 1 and 2 answered, 3 open, 4
 * answered by silence, 5 sent on 31 March at 23:30 in Berlin, 6 on 1 April at
 * 00:30, 7 never sent.
 */
static void
fill(void)
{
	pg_run("INSERT INTO matching_service.therapeuten_kopie "
	       "(id, plz, status, email, potenziell_verfuegbar, "
	       "ueber_curavani_informiert, event_time, event_id) VALUES "
	       "(1, '10115', 'aktiv', 'a@example.org', true, true, now(), "
	       "'x'), (2, '52062', 'aktiv', ' ', true, NULL, now(), 'x')");
	pg_run("INSERT INTO matching_service.therapeutenanfrage "
	       "(id, therapist_id, gesendet_datum, antwort_datum, antworttyp, "
	       "anfragegroesse, angenommen_anzahl, abgelehnt_anzahl, "
	       "keine_antwort_anzahl, strategie) VALUES "
	       "(1, 1, '2026-03-02 10:00', '2026-03-03 10:00', "
	       "'teilweise_Annahme', 6, 2, 4, 0, 'fifo'), "
	       "(2, 1, '2026-03-09 10:00', '2026-03-11 10:00', "
	       "'vollstaendige_Ablehnung', 4, 0, 4, 0, 'priority'), "
	       "(3, 1, '2026-03-10 10:00', NULL, NULL, 3, 0, 0, 0, 'fifo'), "
	       "(4, 2, '2026-03-10 10:00', '2026-03-20 10:00', "
	       "'keine_Antwort', 5, 0, 0, 5, NULL), "
	       "(5, 1, '2026-03-31 21:30', NULL, NULL, 1, 0, 0, 0, 'fifo'), "
	       "(6, 1, '2026-03-31 22:30', NULL, NULL, 1, 0, 0, 0, 'fifo'), "
	       "(7, 1, NULL, NULL, NULL, 1, 0, 0, 0, 'fifo')");
	pg_run("INSERT INTO matching_service.patienten_kopie "
	       "(id, plz, event_time, event_id) VALUES "
	       "(1, '10999', now(), 'x'), (2, '52070', now(), 'x')");
	pg_run(
	    "INSERT INTO matching_service.platzsuche (id, patient_id, status, "
	    "created_at, erfolgreiche_vermittlung_datum) VALUES "
	    "(1, 1, 'erfolgreich', '2026-01-01', '2026-03-11'), "
	    "(2, 2, 'erfolgreich', '2026-03-01', '2026-03-11'), "
	    "(3, 1, 'aktiv', '2026-03-01', NULL)");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, status) VALUES "
	       "(1, 1, 1, 1, 'angenommen'), (2, 1, 1, 1, 'angenommen'), "
	       "(3, 2, 2, 1, 'abgelehnt')");
}

#define MARCH "\"from\": \"2026-03-01\", \"to\": \"2026-03-31\""

START_TEST(one_row_for_all)
{
	fill();
	report("{" MARCH "}");
	ck_assert_uint_eq(rows(), 1);
	is("/rows/0/inquiries", 5);
	is("/rows/0/answered", 2);
	is("/rows/0/response_rate/rate", 0.4);
	is("/rows/0/response_rate/low", 0.117621);
	is("/rows/0/response_rate/high", 0.769276);
	is("/rows/0/patients", 10);
	is("/rows/0/accepted", 2);
	is("/rows/0/acceptance_rate/rate", 0.2);
	is("/rows/0/size/mean", 3.8);
	is("/rows/0/size/median", 4);
	is("/rows/0/hours_to_answer/mean", 36);
	is("/rows/0/hours_to_answer/median", 36);
	is("/rows/0/hours_to_answer/low", 36 - 1.959964 * 12);
	is("/rows/0/hours_to_answer/high", 36 + 1.959964 * 12);
	is("/rows/0/placements", 2);
	is("/rows/0/days_to_placement/mean", 39.5);
}
END_TEST

START_TEST(by_strategy)
{
	fill();
	report("{" MARCH ", \"by\": [\"strategy\"]}");
	ck_assert_uint_eq(rows(), 3);
	is_text("/rows/0/strategy", "fifo");
	is("/rows/0/inquiries", 3);
	is("/rows/0/answered", 1);
	/* Nobody noted which inquiry brought the place: the first one. */
	is("/rows/0/placements", 1);
	is("/rows/0/days_to_placement/mean", 69);
	is_text("/rows/1/strategy", "priority");
	is("/rows/1/placements", 0);
	ck_assert(isnan(number("/rows/1/days_to_placement/mean")));
	is("/rows/1/hours_to_answer/mean", 48);
	ck_assert(isnan(number("/rows/1/hours_to_answer/low")));
	ck_assert_int_eq(psm_json_kind(psm_json_at(doc, "/rows/2/strategy")),
	                 PSM_JSON_NULL);
	is("/rows/2/inquiries", 1);
	is("/rows/2/answered", 0);
	is("/rows/2/placements", 1);
	is("/rows/2/days_to_placement/mean", 10);
	ck_assert(isnan(number("/rows/2/acceptance_rate/rate")));
}
END_TEST

/* Of one patient who was refused and one who did not appear, the type is
 * keine_Antwort; adopted rows have types that their counts contradict. */
START_TEST(answered_by_counts)
{
	pg_run("INSERT INTO matching_service.therapeutenanfrage "
	       "(id, therapist_id, gesendet_datum, antwort_datum, antworttyp, "
	       "anfragegroesse, angenommen_anzahl, abgelehnt_anzahl, "
	       "keine_antwort_anzahl) VALUES "
	       "(1, 1, '2026-03-02 10:00', '2026-03-03 10:00', "
	       "'keine_Antwort', 2, 0, 1, 1), "
	       "(2, 1, '2026-03-02 10:00', '2026-03-12 10:00', "
	       "'vollstaendige_Ablehnung', 3, 0, 0, 3), "
	       "(3, 1, '2026-03-02 10:00', '2026-03-12 10:00', NULL, 3, 0, 0, "
	       "0), "
	       "(4, 1, '2026-03-02 10:00', NULL, NULL, 3, 1, 0, 0)");
	report("{" MARCH "}");
	is("/rows/0/inquiries", 4);
	is("/rows/0/answered", 1);
	is("/rows/0/patients", 2);
	is("/rows/0/hours_to_answer/mean", 24);
}
END_TEST

/* Search 1 names the later of two acceptances; of search 2 the earlier came
 * too late; search 3 names one that is gone. */
START_TEST(the_inquiry_that_brought_the_place)
{
	char *brought;

	fill();
	pg_run("UPDATE matching_service.platzsuche SET status = 'erfolgreich', "
	       "erfolgreiche_vermittlung_datum = '2026-03-11', "
	       "erfolgreiche_anfrage_id = CASE id WHEN 1 THEN 2 WHEN 3 THEN 99 "
	       "END");
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage, status, konflikt) VALUES "
	       "(1, 2, 2, 2, 'angenommen', true), "
	       "(2, 2, 2, 2, 'angenommen', false), "
	       "(1, 3, 1, 3, 'angenommen', false), "
	       "(2, 3, 1, 3, 'angenommen', false)");
	brought =
	    pg_text("SELECT string_agg(id || ':' || strategy, ' ' ORDER BY id) "
	            "FROM matching_service.report_placements");
	ck_assert_str_eq(brought, "1:priority 2:priority 3:fifo");
	free(brought);
}
END_TEST

START_TEST(by_week_area_and_tier)
{
	fill();
	report("{" MARCH ", \"by\": [\"tier\", \"week\", \"area\"]}");
	is_text("/by/0", "week");
	is_text("/by/2", "tier");
	is_text("/rows/0/week", "2026-03-02");
	is_text("/rows/0/area", "10");
	is("/rows/0/tier", 0);
	is("/rows/0/inquiries", 1);
	/* In the week of 9 March: two inquiries and a place in area 10, an
	 * inquiry and, of no known tier, a place in area 52. */
	is_text("/rows/1/week", "2026-03-09");
	is("/rows/1/inquiries", 2);
	is("/rows/1/placements", 1);
	is_text("/rows/2/area", "52");
	is("/rows/2/tier", 5);
	is("/rows/2/inquiries", 1);
	is("/rows/2/placements", 0);
	is_text("/rows/3/area", "52");
	ck_assert(isnan(number("/rows/3/tier")));
	is("/rows/3/inquiries", 0);
	is("/rows/3/placements", 1);
	is_text("/rows/4/week", "2026-03-30");
	ck_assert_uint_eq(rows(), 5);
}
END_TEST

/* Days are those of Berlin, where summer time has begun. */
START_TEST(the_last_day_counts_to_its_end)
{
	fill();
	report("{\"from\": \"2026-03-31\", \"to\": \"2026-03-31\"}");
	is("/rows/0/inquiries", 1);
	report("{\"from\": \"2026-04-01\", \"to\": \"2026-04-01\"}");
	is("/rows/0/inquiries", 1);
	report("{\"from\": \"2026-04-02\", \"to\": \"2026-12-31\", \"by\": "
	       "[\"week\"]}");
	ck_assert_uint_eq(rows(), 0);
}
END_TEST

START_TEST(nothing_at_all)
{
	report("{" MARCH "}");
	ck_assert_uint_eq(rows(), 1);
	is("/rows/0/inquiries", 0);
	is("/rows/0/placements", 0);
	ck_assert(isnan(number("/rows/0/response_rate/rate")));
	ck_assert(isnan(number("/rows/0/size/median")));
}
END_TEST

START_TEST(wrong_requests)
{
	static const struct {
		const char *json;
		int code;
		size_t faults;
	} cases[] = {
	    {"{}", PSM_ERR_SCHEMA, 2},
	    {"{\"from\": \"2026-02-30\", \"to\": 5, \"by\": \"week\"}",
	     PSM_ERR_SCHEMA, 3},
	    {"{\"from\": \"2026-02-02\", \"to\": \"2026-02-01\"}",
	     PSM_ERR_SCHEMA, 1},
	    {"{" MARCH ", \"by\": [\"month\"]}", PSM_ERR_SCHEMA, 1},
	    {"[]", PSM_ERR_SCHEMA, 0},
	    {"{", PSM_ERR_PARSE, 0},
	};
	char *out = NULL;

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		int rc = psm_report_matching(st, cases[i].json,
		                             strlen(cases[i].json), &out, err);

		ck_assert_msg(rc == cases[i].code, "%zu: %d", i, rc);
		ck_assert_uint_eq(psm_error_fault_count(err), cases[i].faults);
		ck_assert_ptr_null(out);
	}
	ck_assert_int_eq(psm_report_matching(NULL, "{}", 2, &out, err),
	                 PSM_ERR_INVAL);
}
END_TEST

/* A report of a week reads the rows of that week, not of all years. */
START_TEST(an_index_finds_the_span)
{
	char *plan;

	pg_run("INSERT INTO matching_service.therapeutenanfrage "
	       "(therapist_id, gesendet_datum, anfragegroesse) SELECT 1, "
	       "timestamp '2000-01-01' + g * interval '1 hour', 1 "
	       "FROM generate_series(1, 50000) g");
	pg_run("ANALYZE matching_service.therapeutenanfrage");
	plan =
	    pg_text("SELECT count(*) FROM matching_service.report_inquiries "
	            "WHERE sent_at >= '2003-01-01' AND sent_at < '2003-01-08'");
	ck_assert_str_eq(plan, "168");
	free(plan);
	pg_run("CREATE FUNCTION public.plan() RETURNS SETOF text AS $$ BEGIN "
	       "RETURN QUERY EXECUTE 'EXPLAIN SELECT count(*) "
	       "FROM matching_service.report_inquiries WHERE sent_at >= "
	       "''2003-01-01'' AND sent_at < ''2003-01-08'''; END $$ "
	       "LANGUAGE plpgsql");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM public.plan() p WHERE p LIKE "
	           "'%%idx_therapeutenanfrage_sent_date%%'"),
	    1);
}
END_TEST

START_TEST(intervals)
{
	static const struct {
		int64_t hits, count;
		double low, high;
	} cases[] = {
	    {5, 10, 0.236590, 0.763410},     {0, 10, 0, 0.277533},
	    {10, 10, 0.722467, 1},           {1, 1, 0.206549, 1},
	    {300, 1000, 0.272407, 0.329124},
	};
	struct psm__interval i;

	for (size_t k = 0; k < PSM__COUNT(cases); k++) {
		i = psm__interval_rate(cases[k].hits, cases[k].count);
		ck_assert_msg(fabs(i.low - cases[k].low) < 1e-5 &&
		                  fabs(i.high - cases[k].high) < 1e-5,
		              "%zu: %.6f %.6f", k, i.low, i.high);
	}
	i = psm__interval_rate(0, 0);
	ck_assert(isnan(i.value) && isnan(i.low) && isnan(i.high));
	i = psm__interval_mean(7, 2, 100);
	ck_assert(fabs(i.low - 6.608007) < 1e-5 &&
	          fabs(i.high - 7.391993) < 1e-5);
	i = psm__interval_mean(7, (double)NAN, 1);
	ck_assert(!isnan(i.value) && isnan(i.low) && isnan(i.high));
	i = psm__interval_mean((double)NAN, (double)NAN, 0);
	ck_assert(isnan(i.value));
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report"), *pure = tcase_create("pure");

	tcase_add_checked_fixture(t, app_setup, teardown);
	tcase_add_test(t, one_row_for_all);
	tcase_add_test(t, by_strategy);
	tcase_add_test(t, answered_by_counts);
	tcase_add_test(t, the_inquiry_that_brought_the_place);
	tcase_add_test(t, by_week_area_and_tier);
	tcase_add_test(t, the_last_day_counts_to_its_end);
	tcase_add_test(t, nothing_at_all);
	tcase_add_test(t, wrong_requests);
	tcase_add_test(t, an_index_finds_the_span);
	suite_add_tcase(s, t);
	tcase_add_test(pure, intervals);
	suite_add_tcase(s, pure);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
