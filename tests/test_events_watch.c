/* SPDX-License-Identifier: BSD-2-Clause */
/* psymatch-events watch, as people call it. */
#include "testing_events.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A line as it comes; the lag of a group that has read. */
static void
await_line(FILE *f, const char *text)
{
	char line[2000];

	while (fgets(line, sizeof line, f))
		if (strstr(line, text)) {
			(void)snprintf(out, sizeof out, "%s", line);
			return;
		}
	ck_abort_msg("no line with %s", text);
}

static FILE *
watch(const char *args)
{
	char command[5000];
	FILE *f;

	/* Its process id first, to interrupt it. */
	(void)snprintf(command, sizeof command,
	               "echo $$; exec '%s/psymatch-events' watch %s", builddir,
	               args);
	f = popen(command, "r");
	ck_assert_ptr_nonnull(f);
	return f;
}

static void
send_payload(const char *payload)
{
	ck_assert_msg(call(payload, SEND) == 0, "%s", out);
}

static void
watches_all(void)
{
	/* From the start: the mock cluster finds no other time. */
	FILE *f = watch("--since 1970-01-01T00:00:00Z --group reader --lag 1");
	psm_transport *one = NULL;
	psm_config *cfg = NULL;
	char line[100];
	int pid;

	ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	pid = atoi(line);
	send_payload(PAYLOAD(1));
	await_line(f, "search.status_changed  key 1  from psymatch-events  "
	              "matching-events[");
	ck_assert_ptr_null(strstr(out, "aktiv"));
	ck_assert_int_eq(psm_config_from_env(&cfg, NULL), 0);
	ck_assert_int_eq(psm_transport_open(cfg, &one, NULL), 0);
	read_one(one, cfg);
	await_line(f, "  lag of reader: 0\n");
	send_payload(PAYLOAD(1));
	await_line(f, "  lag of reader: 1\n");
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	while (fgets(line, sizeof line, f))
		continue;
	ck_assert_int_eq(pclose(f), 0);
	psm_transport_unref(one);
	psm_config_free(cfg);
}

START_TEST(watches)
{
	watches_all();
}
END_TEST

START_TEST(watches_kafka)
{
	struct mock m;

	mock_open(&m, "matching-events", 1);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "kafka", 1), 0);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS",
	                        rd_kafka_mock_cluster_bootstraps(m.cluster), 1),
	                 0);
	watches_all();
	mock_close(&m);
}
END_TEST

#define NO_GROUP "psymatch-events watch: database: 42P01 "

/* Until a thread of each kind has complained, whatever its topic, or a line is
 * what is wanted. How many complaints that were. */
static int
complaints(FILE *f, const char *until)
{
	int n = 0, topic = 0, group = 0;
	char line[2000];

	while ((until || !topic || !group) && fgets(line, sizeof line, f)) {
		if (strstr(line, NO_GROUP))
			n += group = 1;
		else if (strstr(line, ": 42P01 "))
			n += topic = 1;
		if (until && strstr(line, until))
			return n;
	}
	ck_assert_msg(!until && topic && group, "it has ended");
	return n;
}

#define TOPICS "SELECT p.partition, "
#define LAG "SELECT sum("

/* How often the server has refused a statement that begins like this since its
 * log had that size; others write there, too, whatever bytes they like. */
static int64_t
refused(int64_t size, const char *begin)
{
	return pg_int("SELECT count(*) FROM regexp_split_to_table(encode("
	              "pg_read_binary_file('%s/log', %lld, 16777216), "
	              "'escape'), E'\n') AS l WHERE l LIKE "
	              "'%%] %s STATEMENT:  %s%%'",
	              getenv("PSYMATCH_TEST_PG"), (long long)size, pg_name(),
	              begin);
}

/* However often it asks: a line for topics, and one for groups. Who is in the
 * middle of a topic may miss another table than who looks for one, which is
 * another complaint, and the first one is then told again. */
START_TEST(complains_once_for_each_outage)
{
	const char *event = "search.status_changed  key 1  ";
	FILE *f = watch("--since 2026-01-01T00:00:00Z --group reader --lag 1 "
	                "2>&1");
	psm_transport *one = NULL;
	psm_config *cfg = NULL;
	char line[100];
	int64_t size;
	int pid, n;

	ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	pid = atoi(line);
	send_payload(PAYLOAD(1));
	ck_assert_int_eq(complaints(f, event), 0);
	pg_run("ALTER SCHEMA psymatch RENAME TO away");
	n = complaints(f, NULL);
	size = pg_int("SELECT size FROM pg_stat_file('%s/log')",
	              getenv("PSYMATCH_TEST_PG"));
	PG_UNTIL(refused(size, TOPICS) > 4 && refused(size, LAG) > 4);
	pg_run("ALTER SCHEMA away RENAME TO psymatch");
	n += complaints(f, event);
	ck_assert_int_le(n, 4);
	/* The groups have answers again, too. */
	ck_assert_int_eq(psm_config_from_env(&cfg, NULL), 0);
	ck_assert_int_eq(psm_transport_open(cfg, &one, NULL), 0);
	read_one(one, cfg);
	psm_transport_unref(one);
	psm_config_free(cfg);
	ck_assert_int_eq(complaints(f, "  lag of reader: 0"), 0);
	pg_run("ALTER SCHEMA psymatch RENAME TO away");
	ck_assert_int_le(complaints(f, NULL), 4);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	while (fgets(line, sizeof line, f))
		continue;
	ck_assert_int_eq(pclose(f), 0);
	pg_run("ALTER SCHEMA away RENAME TO psymatch");
}
END_TEST

START_TEST(watches_what_is_wanted)
{
	FILE *f = watch("--json --payload --key 2 --type search.status_changed "
	                "--since 2026-01-01T00:00:00Z");
	char line[2000];
	int rc;

	ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	send_payload(PAYLOAD(1));
	send_payload(PAYLOAD(2));
	ck_assert_ptr_nonnull(fgets(line, sizeof line, f));
	ck_assert_msg(strstr(line, "\"key\":\"2\"") != NULL, "%s", line);
	ck_assert_msg(strstr(line, "\"payload\":{\"search_id\":2,") != NULL,
	              "%s", line);
	/* Nobody reads any more: it ends though nothing is sent. */
	rc = pclose(f);
	ck_assert(WIFSIGNALED(rc) ? WTERMSIG(rc) == SIGPIPE
	                          : WEXITSTATUS(rc) == 1);
	ck_assert_int_eq(call("", "psymatch-events' watch --since "
	                          "2026-01-01T00:00:00Z >/dev/full"),
	                 1);
	SAID("psymatch-events watch: standard output: No space left");
	ck_assert_int_eq(call("", "psymatch-events' watch --lag 0"), 2);
	SAID("--lag: want a number");
	ck_assert_int_eq(call("", "psymatch-events' watch --since then"), 2);
	SAID("psymatch-events watch: --since: want a time such as "
	     "2026-01-31T09:00:00Z, or now, got \"then\"\n");
	ck_assert_int_eq(call("", "psymatch-events' watch patient-events"), 2);
}
END_TEST

/* Standard output is fd. */
static pid_t
watch_on(int fd)
{
	char path[5000];
	pid_t pid;

	(void)snprintf(path, sizeof path, "%s/psymatch-events", builddir);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)dup2(fd, STDOUT_FILENO);
		execl(path, path, "watch", "--payload", "--since",
		      "2026-01-01T00:00:00Z", (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* As waitpid() gives it. */
static int
end_of(pid_t pid)
{
	int status, i;

	for (i = 0; i < 3000; i++) {
		if (waitpid(pid, &status, WNOHANG) == pid)
			return status;
		(void)poll(NULL, 0, 10);
	}
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
	ck_abort_msg("it does not end");
}

/* Of more than fits into a pipe. */
static void
send_long_event(void)
{
	char args[200], path[] = "/tmp/psymatch-events.XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f,
	                         "{\"search_id\":1,\"patient_id\":3,"
	                         "\"old_status\":null,\"new_status\":"
	                         "\"aktiv\",\"more\":\"%0200000d\"}",
	                         0),
	                 200000);
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(args, sizeof args, SEND " %s", path);
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_int_eq(unlink(path), 0);
}

/* A pager that stands still: a thread is in the middle of a line. */
START_TEST(watches_until_interrupted)
{
	struct pollfd room = {.events = POLLOUT};
	int fds[2];
	pid_t pid;

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	room.fd = fds[1];
	send_long_event();
	pid = watch_on(fds[1]);
	while (poll(&room, 1, 0) == 1)
		(void)poll(NULL, 0, 10);
	ck_assert_int_eq(kill(pid, SIGINT), 0);
	ck_assert_int_eq(end_of(pid), 0);
	(void)close(fds[0]);
	(void)close(fds[1]);
}
END_TEST

/* Nothing is sent, and yet it ends. */
START_TEST(watches_only_for_readers)
{
	int fds[2], status;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(close(fds[0]), 0);
	status = end_of(watch_on(fds[1]));
	ck_assert(WIFSIGNALED(status) ? WTERMSIG(status) == SIGPIPE
	                              : WEXITSTATUS(status) == 1);
	(void)close(fds[1]);
	ck_assert_int_eq(call("", "psymatch-events' watch >&-"), 1);
	SAID("psymatch-events watch: standard output: Bad file descriptor\n");
	ck_assert_int_eq(call("", "psymatch-events' watch 1</dev/null"), 1);
	SAID("psymatch-events watch: standard output: Bad file descriptor\n");
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("psymatch-events watch");
	TCase *tc = tcase_create("psymatch-events watch");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, watches);
	tcase_add_test(tc, watches_kafka);
	tcase_add_test(tc, complains_once_for_each_outage);
	tcase_add_test(tc, watches_what_is_wanted);
	tcase_add_test(tc, watches_until_interrupted);
	tcase_add_test(tc, watches_only_for_readers);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
