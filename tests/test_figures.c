/* SPDX-License-Identifier: BSD-2-Clause */
/* What the matching service shows of its inquiries under /metrics. */
#include <poll.h>

#include "testing_rest.h"

static char page[sizeof(((struct answer *)NULL)->body)];

/* The worker has read them, soon. */
static void
read_page(void)
{
	struct answer a;
	int i;

	for (i = 0; i < TESTING_WAIT_MS / 20; i++) {
		testing_ask_with("GET", "/metrics", NULL, NULL, &a);
		ck_assert_int_eq(a.status, 200);
		if (strstr(a.body, "psymatch_inquiries_today"))
			break;
		(void)poll(NULL, 0, 20);
	}
	memcpy(page, a.body, sizeof a.body);
	testing_promtool(page);
}

static void
want(const char *line)
{
	ck_assert_msg(strstr(page, line) != NULL, "want %s, found %s", line,
	              page);
}

/* From now on the service has the rights of somebody else, who may not reach
 * the calls. */
static void
drop_rights(void)
{
	psm_store_free(store);
	pg_run("GRANT USAGE ON SCHEMA psymatch, matching_service TO "
	       "pg_monitor");
	pg_run("GRANT ALL ON ALL TABLES IN SCHEMA psymatch, matching_service "
	       "TO pg_monitor");
	pg_run("ALTER DATABASE %s SET role = pg_monitor", pg_name());
	store = pg_store();
}

/* 1: the calls are in the same database; 2: they may not be read. */
START_TEST(inquiries_of_today)
{
	char *day;

	service = "matching";
	pg_database();
	day = pg_text("SELECT (now() AT TIME ZONE 'Europe/Berlin')::date");
	store = pg_store();
	ck_assert_int_eq(psm_store_migrate(store, "matching", NULL), 0);
	if (_i)
		ck_assert_int_eq(
		    psm_store_migrate(store, "communication", NULL), 0);
	/* Answered after two hours; new; sent now; answered too long ago. */
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id,"
	       " anfragegroesse, erstellt_datum, gesendet_datum, antwort_datum)"
	       " SELECT i, 1, n - c, n - s, n - a"
	       " FROM (SELECT now() AT TIME ZONE 'UTC' AS n) t, (VALUES"
	       " (1, interval '9 days', interval '9 days',"
	       " interval '9 days' - interval '2 hours'),"
	       " (2, interval '0', NULL, NULL),"
	       " (3, interval '9 days', interval '0', NULL),"
	       " (4, interval '90 days', interval '90 days',"
	       " interval '80 days')) v (i, c, s, a)");
	if (_i == 2)
		drop_rights();
	start("");
	read_page();
	/* What came in the last second of a day is of another one now. */
	if (pg_int("SELECT ((now() AT TIME ZONE 'Europe/Berlin')::date = "
	           "'%s')::integer",
	           day)) {
		want("psymatch_inquiries_today{what=\"created\"} 1\n");
		want("psymatch_inquiries_today{what=\"sent\"} 1\n");
	}
	want("psymatch_inquiries_today{what=\"answered\"} 0\n");
	want("psymatch_inquiry_answer_seconds 7200\n");
	want("psymatch_follow_ups{what=\"planned\"} 0\n");
	ck_assert_int_eq(strstr(page, "what=\"done\"} 0\n") != NULL, _i == 1);
	free(day);
	tear_down();
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("figures");
	TCase *tc = tcase_create("figures");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, inquiries_of_today, 0, 3);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
