/* SPDX-License-Identifier: BSD-2-Clause */
/* The program psymatch-replay, as people call it. */
#include "testing.h"
#include "testing_pg.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "transport/murmur2.h"
#include "rigs.h"

#define TOPIC "communication-events"
#define SECRET "Berta"
#define EVENTS 30

static psm_transport *t;
static char builddir[4096];
/* What the last call printed, standard error behind standard output. */
static char out[40000];

static void
send_one(struct rig_sender *s, int key, int n)
{
	char text[600], id[40], name[16];
	int len;

	ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
	len = snprintf(text, sizeof text,
	               "{\"event_id\":\"%s\",\"event_type\":"
	               "\"communication.send_email\",\"version\":\"1.0\","
	               "\"timestamp\":\"2026-01-31T09:00:00Z\","
	               "\"producer\":\"test\",\"payload\":{\"email_id\":%d,"
	               "\"n\":%d,\"name\":\"" SECRET "\"}}",
	               id, key, n);
	(void)snprintf(name, sizeof name, "%d", key);
	rig_send(s, name, text, (size_t)len);
}

static void
setup(void)
{
	struct rig_sender *s;
	int n;

	pg_database();
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "postgres", 1), 0);
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
	t = rig_postgres.open(TOPIC);
	s = rig_sender_open(t, TOPIC);
	for (n = 1; n <= EVENTS; n++)
		send_one(s, 1 + n % 3, n);
	rig_send(s, "1", "garbage", 7);
	rig_send(s, "1", NULL, 0);
	rig_sender_close(s);
}

static void
teardown(void)
{
	rig_postgres.close(t);
}

/* Returns the exit status. */
static int
call(const char *args)
{
	char command[8000];

	(void)snprintf(command, sizeof command,
	               "{ '%s/psymatch-replay' %s; } 2>&1", builddir, args);
	return testing_shell(command, out, sizeof out);
}

/* On a terminal, which is what script(1) makes. */
static int
call_on_terminal(const char *args)
{
	char command[8000];

	(void)snprintf(command, sizeof command,
	               "script -qec \"'%s/psymatch-replay' %s\" /dev/null",
	               builddir, args);
	return testing_shell(command, out, sizeof out);
}

static int
times(const char *text)
{
	const char *at = out;
	int n = 0;

	while ((at = strstr(at, text))) {
		n++;
		at += strlen(text);
	}
	return n;
}

START_TEST(prints_what_was_sent)
{
	ck_assert_int_eq(call(TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), EVENTS);
	ck_assert_int_eq(times("\"key\":\"2\",\"event_id\":\""), EVENTS / 3);
	ck_assert_int_eq(times("\"type\":\"communication.send_email\","
	                       "\"version\":\"1.0\",\"producer\":\"test\","
	                       "\"timestamp\":\"2026-01-31T09:00:00"),
	                 EVENTS);
	ck_assert_int_eq(times("psymatch-replay: 1 message is no event\n"), 1);
	/* Nobody's name, unless asked for. */
	ck_assert_int_eq(times(SECRET), 0);
	ck_assert_int_eq(call("--payload " TOPIC), 0);
	ck_assert_int_eq(times("\"name\":\"" SECRET "\""), EVENTS);
	/* No group was made. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.group_state"),
	                 0);
}
END_TEST

START_TEST(selects)
{
	char args[100];
	int partition;

	ck_assert_int_eq(call("--key 2 " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), EVENTS / 3);
	ck_assert_int_eq(times("\"key\":\"2\""), EVENTS / 3);
	ck_assert_int_eq(call("--key 2 --limit 4 " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), 4);
	ck_assert_int_eq(call("--type email.sent " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), 0);
	ck_assert_int_eq(call("--until 2026-01-01T00:00:00Z " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), 0);
	ck_assert_int_eq(call("--since 2026-01-01T00:00:00Z " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), EVENTS);
	partition = (int)psm__partition_of("2", 1, RIG_PARTITIONS);
	(void)snprintf(args, sizeof args,
	               "--partition %d --from 1 --to 3 " TOPIC, partition);
	ck_assert_int_eq(call(args), 0);
	ck_assert_int_eq(times("{\"partition\":"), 2);
	ck_assert_int_eq(times("\"offset\":0,"), 0);
	ck_assert_int_eq(times("\"offset\":2,"), 1);
}
END_TEST

/* What is sent while it runs is printed at once; it ends at the limit. */
START_TEST(follows)
{
	char command[5000], line[1000];
	struct rig_sender *s;
	FILE *f;
	int n;

	(void)snprintf(command, sizeof command,
	               "exec '%s/psymatch-replay' --follow --limit %d " TOPIC,
	               builddir, EVENTS + 3);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	for (n = 1; n <= EVENTS; n++)
		ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	s = rig_sender_open(t, TOPIC);
	for (n = 1; n <= 3; n++) {
		send_one(s, 70 + n, n);
		rig_flush(s);
		ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
		(void)snprintf(command, sizeof command, "\"key\":\"%d\"",
		               70 + n);
		ck_assert_msg(strstr(line, command) != NULL, "%s", line);
	}
	rig_sender_close(s);
	ck_assert_ptr_null(fgets(line, sizeof line, f));
	ck_assert_int_eq(pclose(f), 0);
	ck_assert_int_eq(call("--follow --limit 1 --text '\"n\":17,' " TOPIC),
	                 0);
	ck_assert_int_eq(times("{\"partition\":"), 1);
	ck_assert_int_eq(times(SECRET), 0);
	ck_assert_int_eq(call("--text '\"n\":1' " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), 1 + 10 + 1);
	ck_assert_int_eq(call("--follow --until 2026-01-01T00:00:00Z " TOPIC),
	                 2);
	ck_assert_int_eq(times("--until: want none"), 1);
	ck_assert_int_eq(call("--until now " TOPIC), 0);
	ck_assert_int_eq(call("--since now " TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), 0);
}
END_TEST

START_TEST(shows_how_far_it_is)
{
	ck_assert_int_eq(call_on_terminal("--key nobody " TOPIC " >/dev/null"),
	                 0);
	/* And the two that are no events. */
	ck_assert_msg(times("\r32 of 32 messages") > 0, "%s", out);
	ck_assert_int_eq(times("\033[K\r\r\n"), 1);
	ck_assert_int_eq(call("--key nobody " TOPIC), 0);
	ck_assert_int_eq(times("messages,"), 0);
	/* Not among what is printed on the same terminal. */
	ck_assert_int_eq(call_on_terminal(TOPIC), 0);
	ck_assert_int_eq(times("{\"partition\":"), EVENTS);
	ck_assert_int_eq(times("\033[K"), 0);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	ck_assert_int_eq(call("--help"), 0);
	ck_assert_int_eq(times("usage: psymatch-replay"), 1);
	ck_assert_int_eq(call(""), 2);
	ck_assert_int_eq(call("a b"), 2);
	ck_assert_int_eq(call("--since yesterday " TOPIC), 2);
	ck_assert_int_eq(times("psymatch-replay: --since: want a time such as "
	                       "2026-01-31T09:00:00Z, or now, got "
	                       "\"yesterday\"\n"),
	                 1);
	ck_assert_int_eq(call("--until 2026-01-31 " TOPIC), 2);
	ck_assert_int_eq(times("psymatch-replay: --until: want a time such as "
	                       "2026-01-31T09:00:00Z, or now, got "
	                       "\"2026-01-31\"\n"),
	                 1);
	ck_assert_int_eq(call("--limit 0 " TOPIC), 2);
	ck_assert_int_eq(times("--limit: want a number from 1 on, got \"0\""),
	                 1);
	ck_assert_int_eq(call("--from 3 " TOPIC), 2); /* of which one? */
	ck_assert_int_eq(call("nowhere"), 1);
	ck_assert_int_eq(times("psymatch-replay: nowhere: no such topic\n"), 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("psymatch-replay");
	TCase *tc = tcase_create("psymatch-replay");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, prints_what_was_sent);
	tcase_add_test(tc, selects);
	tcase_add_test(tc, follows);
	tcase_add_test(tc, shows_how_far_it_is);
	tcase_add_test(tc, says_what_is_wrong);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
