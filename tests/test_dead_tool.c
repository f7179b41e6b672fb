/* SPDX-License-Identifier: BSD-2-Clause */
/* The program psymatch-dead, as people call it. */
#include "testing.h"
#include "testing_pg.h"

#include <sys/wait.h>

#define EVENT(id, payload)                                                     \
	"{\"event_id\":\"0198c0de-0000-7000-8000-0000000000" id                \
	"\",\"event_type\":\"communication.send_email\",\"version\":\"1.0\","  \
	"\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"test\","        \
	"\"payload\":{\"email_id\":" payload "}}"

static psm_store *st;
static char folder[4000], builddir[4096];
/* What the last call printed, standard error behind standard output. */
static char out[20000];

static void
setup(void)
{
	pg_database();
	st = pg_store();
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	testing_tmpdir(folder, sizeof folder);
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
	pg_run(
	    "INSERT INTO psymatch.dead_letter (consumer, topic, key, raw, "
	    "type, code, reason, failed_at) VALUES "
	    "('matching-service', 'communication-events', '7', "
	    "'{\"name\":\"Berta\"', 'communication.send_email', "
	    "'PSM_ERR_PARSE', 'line 1, column 16: cut off', now()), "
	    "('matching-service', 'communication-events', '8', "
	    "convert_to('" EVENT(
		"12",
		"8") "', 'UTF8'), "
		     "'communication.send_email', 'PSM_ERR_REJECT', 'no such mail', "
		     "'2026-01-01'), "
		     "('other', 'patient-events', NULL, NULL, NULL, "
		     "'PSM_ERR_PARSE', 'null', now())");
	pg_run("INSERT INTO psymatch.parked (consumer, key, topic, raw, type, "
	       "state, last_code, last_error) VALUES ('matching-service', "
	       "'9', 'communication-events', '{\"name\":\"Berta\"}', "
	       "'communication.send_email', 'held', 'PSM_ERR_RETRY', 'away'), "
	       "('matching-service', '9', 'communication-events', '{}', "
	       "'communication.send_email', 'waiting', NULL, NULL)");
}

static void
teardown(void)
{
	psm_store_free(st);
	testing_remove(folder);
}

/* Returns the exit status. */
static int
call(const char *args)
{
	char command[16000];

	(void)snprintf(command, sizeof command,
	               "cd '%s' && { '%s/psymatch-dead' %s; } 2>&1", folder,
	               builddir, args);
	return testing_shell(command, out, sizeof out);
}

static int
has(const char *text)
{
	return strstr(out, text) != NULL;
}

static int
lines(void)
{
	const char *c;
	int n = 0;

	for (c = out; *c; c++)
		n += *c == '\n';
	return n;
}

/* What both give is the same in type and value. */
static void
ls_is_as_show(void)
{
	static const char *const names[] = {
	    "id",    "consumer", "state",    "type", "event_id",
	    "topic", "key",      "offset",   "code", "attempts",
	    "bytes", "edited",   "partition"};
	psm_json *ls = NULL, *shown = NULL;
	char pointer[64];
	const psm_json *a, *b;
	size_t i, len, len_b;
	const char *text;

	ck_assert_int_eq(psm_json_parse(out, strcspn(out, "\n"), &ls, NULL), 0);
	ck_assert_int_eq(call("show d1"), 0);
	ck_assert_int_eq(psm_json_parse(out, strcspn(out, "\n"), &shown, NULL),
	                 0);
	for (i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(pointer, sizeof pointer, "/%s", names[i]);
		a = psm_json_at(ls, pointer);
		b = psm_json_at(shown, pointer);
		ck_assert_msg(a && b, "%s", names[i]);
		text = psm_json_text(a, &len);
		ck_assert_msg(strncmp(text, psm_json_text(b, &len_b), len) ==
		                      0 &&
		                  len == len_b,
		              "%s: %.*s", names[i], (int)len, text);
	}
	text = psm_json_string(psm_json_at(ls, "/since"));
	ck_assert_str_eq(text,
	                 psm_json_string(psm_json_at(shown, "/failed_at")));
	psm_json_free(ls);
	psm_json_free(shown);
}

START_TEST(ls_shows_both_kinds)
{
	ck_assert_int_eq(call("ls"), 0);
	ck_assert_int_eq(lines(), 7);
	ck_assert(has("ID  STATE  CONSUMER"));
	ck_assert(has("d1  dead   matching-service  communication.send_email"));
	ck_assert(has("p1  held     matching-service"));
	ck_assert(!has("Berta"));
	ck_assert_int_eq(call("--dead ls"), 0);
	ck_assert_int_eq(lines(), 4);
	ck_assert_int_eq(call("--parked --state waiting ls"), 0);
	ck_assert_int_eq(lines(), 2);
	ck_assert_int_eq(call("--dead --consumer other ls"), 0);
	ck_assert(has("d3  dead   other     -     -"));
	ck_assert_int_eq(call("--dead --since 2026-02-01 --code PSM_ERR_REJECT "
	                      "ls"),
	                 0);
	ck_assert_str_eq(out, "");
	ck_assert_int_eq(call("--dead --limit 1 ls"), 0);
	ck_assert_int_eq(lines(), 2);
	ck_assert_int_eq(call("--json --key 7 ls"), 0);
	ck_assert_int_eq(lines(), 1);
	ck_assert(has("{\"source\":\"dead\",\"id\":1,\"consumer\":"));
	ls_is_as_show();
}
END_TEST

START_TEST(payload_only_if_asked_for)
{
	ck_assert_int_eq(call("show d1 p1"), 0);
	ck_assert_int_eq(lines(), 2);
	ck_assert(!has("Berta"));
	ck_assert_int_eq(call("--payload show d1"), 0);
	ck_assert(has("Berta"));
	ck_assert_int_eq(call("cat d1"), 2);
	ck_assert(!has("Berta"));
	ck_assert_int_eq(call("--payload cat d1"), 0);
	ck_assert_str_eq(out, "{\"name\":\"Berta\"");
	ck_assert_int_eq(call("--payload cat d3"), 0);
	ck_assert_str_eq(out, "");
}
END_TEST

START_TEST(edit_and_release)
{
	char command[6000];

	(void)snprintf(command, sizeof command,
	               "--help >/dev/null; printf '%%s\\n' '%s' >event; "
	               "'%s/psymatch-dead' --who anna --why 'cut off' edit d1 "
	               "event",
	               EVENT("11", "7"), builddir);
	ck_assert_int_eq(call(command), 0);
	ck_assert_str_eq(out, "d1 edited\n");
	ck_assert_int_eq(call("--why 'cut off' release d1"), 0);
	ck_assert_str_eq(out, "d1 released\n");
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE key = '7' AND "
	           "state = 'retry' AND convert_from(raw, 'UTF8') = '%s'",
	           EVENT("11", "7")),
	    1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit "
	                        "WHERE why = 'cut off' AND (who = 'anna') = "
	                        "(action = 'edit') AND who <> ''"),
	                 2);
	/* Again, and what is no event. */
	ck_assert_int_eq(call("--why x release d1"), 1);
	ck_assert(has("d1: database: 55000 dead letter 1 is released"));
	ck_assert_int_eq(call("--why x edit d2 - </dev/null"), 1);
	ck_assert_int_eq(call("--why x edit d2 missing"), 1);
	ck_assert(has("missing: "));
	ck_assert_int_eq(call("--why x edit d17 - <event"), 1);
	ck_assert(has("no dead letter has the number 17"));
}
END_TEST

START_TEST(skip_and_all)
{
	ck_assert_int_eq(call("--why gone skip d1 p1"), 0);
	ck_assert_str_eq(out, "d1 skipped\np1 skipped\n");
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "id = 2 AND state = 'retry'"),
	                 1);
	ck_assert_int_eq(
	    call("--dead --consumer matching-service --why 'new version' "
	         "release --all"),
	    0);
	ck_assert_str_eq(out, "d2 released\n");
	/* One of them has no bytes: the others are done all the same. */
	ck_assert_int_eq(call("--why 'new version' release --all"), 1);
	ck_assert(has("d3: "));
	ck_assert(has("p2 released\n"));
}
END_TEST

/* On a terminal, which is what script(1) makes: a line of its own for each. */
START_TEST(shows_how_far_it_is)
{
	char command[5000];

	(void)snprintf(command, sizeof command,
	               "--version >/dev/null; script -qec \"'%s/psymatch-dead' "
	               "--dead --consumer other --why x release --all "
	               ">/dev/null\" /dev/null",
	               builddir);
	ck_assert_int_eq(call(command), 1);
	ck_assert_msg(has("\r0 of 1 row\033[K\r\033[Kpsymatch-dead: d3: "),
	              "%s", out);
	ck_assert_msg(has("\n\r1 of 1 row, ") && has("\033[K\r\r\n"), "%s",
	              out);
}
END_TEST

/* The table does not go to the database instead. */
START_TEST(no_standard_output)
{
	ck_assert_int_eq(call("ls >&-"), 1);
	ck_assert_int_eq(call("ls <&- >&-"), 1);
	ck_assert_int_eq(call("ls <&-"), 0);
	ck_assert_int_eq(lines(), 7);
}
END_TEST

START_TEST(stats_count)
{
	ck_assert_int_eq(call("stats"), 0);
	ck_assert_int_eq(lines(), 6);
	ck_assert(has("SOURCE  CONSUMER"));
	ck_assert_int_eq(call("--json stats"), 0);
	ck_assert_int_eq(lines(), 5);
	ck_assert(has("\"consumer\":\"other\",\"state\":\"dead\",\"code\":"
	              "\"PSM_ERR_PARSE\",\"count\":1,\"oldest\":\"2"));
	ck_assert(!has("\"oldest\":\"2026-01-01 "));
}
END_TEST

START_TEST(wrong_use)
{
	static const char *const calls[] = {
	    "",
	    "nothing",
	    "ls d1",
	    "show",
	    "--payload cat d1 d2",
	    "--colour ls",
	    "--dead --parked ls",
	    "--key 1 --key 2 ls",
	    "release d1",
	    "--why '' release d1",
	    "--why x release",
	    "--why x --all release d1",
	    "--why x edit d1",
	};
	size_t i;

	for (i = 0; i < sizeof calls / sizeof *calls; i++) {
		ck_assert_msg(call(calls[i]) == 2, "%s: %s", calls[i], out);
		ck_assert_msg(has("usage: psymatch-dead"), "%s", calls[i]);
	}
	ck_assert_int_eq(call("list"), 2);
	ck_assert(has("psymatch-dead: list: no such command\n"));
	ck_assert_int_eq(call("ls d1"), 2);
	ck_assert(has("psymatch-dead: ls: not with these arguments\n"));
	ck_assert_int_eq(call(""), 2);
	ck_assert(has("psymatch-dead: a command is missing\n"));
	ck_assert_int_eq(call("--help"), 0);
	ck_assert(has("usage: psymatch-dead"));
	ck_assert_int_eq(call("show 1 x1 d d1x d1"), 1);
	ck_assert(has("d1x: want an id such as d17 or p17"));
	ck_assert(has("\"consumer\""));
	ck_assert_int_eq(call("show d99 p99"), 1);
	ck_assert(has("d99: no dead letter has the number 99"));
	ck_assert(has("p99: no parked event has the number 99"));
	ck_assert_int_eq(call("--since 7 ls"), 2);
	ck_assert_int_eq(call("--event-id 7 ls"), 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit"), 0);
}
END_TEST

START_TEST(no_database)
{
	ck_assert_int_eq(setenv("DB_NAME", "there_is_none", 1), 0);
	ck_assert_int_eq(call("stats"), 1);
	ck_assert(has("psymatch-dead: stats: "));
	ck_assert_int_eq(setenv("DB_PORT", "no", 1), 0);
	ck_assert_int_eq(call("stats"), 1);
	ck_assert(has("DB_PORT"));
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("dead_tool");
	TCase *tc = tcase_create("dead_tool");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, ls_shows_both_kinds);
	tcase_add_test(tc, payload_only_if_asked_for);
	tcase_add_test(tc, edit_and_release);
	tcase_add_test(tc, skip_and_all);
	tcase_add_test(tc, shows_how_far_it_is);
	tcase_add_test(tc, no_standard_output);
	tcase_add_test(tc, stats_count);
	tcase_add_test(tc, wrong_use);
	tcase_add_test(tc, no_database);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
