/* SPDX-License-Identifier: BSD-2-Clause */
/* psymatch-events send, trace and watch, as people call them. */
#include "mock.h"
#include "testing.h"
#include "testing_pg.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rigs.h"

#define TOPIC "communication-events"
#define SEND "psymatch-events' send search.status_changed"
#define PAYLOAD(n)                                                             \
	"{\"search_id\":" #n ",\"patient_id\":3,\"old_status\":null,"          \
	"\"new_status\":\"aktiv\"}"

static psm_transport *t;
static char builddir[4096];
/* What the last call printed, standard error behind standard output. */
static char out[40000];

static void
setup(void)
{
	pg_database();
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "postgres", 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_SPOOL_DIR", "none", 1), 0);
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
	t = rig_postgres.open(TOPIC);
}

static void
teardown(void)
{
	rig_postgres.close(t);
}

/* Returns the exit status of: input | 'builddir/' args. */
static int
call(const char *input, const char *args)
{
	char command[16384];

	(void)snprintf(command, sizeof command,
	               "printf '%%s' '%s' | { '%s/%s; } 2>&1", input, builddir,
	               args);
	return testing_shell(command, out, sizeof out);
}

static int
lines(void)
{
	const char *at;
	int n = 0;

	for (at = out; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

#define SAID(text) ck_assert_msg(strstr(out, text) != NULL, "%s", out)

static int
sent(void)
{
	ck_assert_int_eq(call("", "psymatch-replay' matching-events"), 0);
	return lines();
}

START_TEST(sends)
{
	char id[40], args[100];

	ck_assert_msg(call(PAYLOAD(1), SEND) == 0, "%s", out);
	ck_assert_uint_eq(strlen(out), 37);
	(void)snprintf(id, sizeof id, "%.36s", out);
	ck_assert_int_eq(sent(), 1);
	SAID(id);
	SAID("\"producer\":\"psymatch-events\"");
	/* A payload on more than one line is one; else a line is one. */
	ck_assert_int_eq(call("{\n\"search_id\":2,\"patient_id\":3,\n"
	                      "\"old_status\":null,\"new_status\":\"aktiv\"}\n",
	                      SEND " -"),
	                 0);
	ck_assert_int_eq(lines(), 1);
	ck_assert_int_eq(
	    call(PAYLOAD(3) "\n\n" PAYLOAD(4) "\n", SEND " --producer tester"),
	    0);
	ck_assert_int_eq(lines(), 2);
	ck_assert_int_eq(sent(), 4);
	SAID("\"producer\":\"tester\"");
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", id);
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_int_eq(lines(), 1);
	SAID("search.status_changed  key 1 ");
}
END_TEST

START_TEST(sends_a_long_file)
{
	char args[200], path[] = "/tmp/psymatch-events.XXXXXX";
	FILE *f = fdopen(mkstemp(path), "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_gt(fprintf(f, "%200000s" PAYLOAD(5), ""), 200000);
	ck_assert_int_eq(fclose(f), 0);
	(void)snprintf(args, sizeof args, SEND " %s", path);
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_int_eq(sent(), 1);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(sends_all_or_nothing)
{
	ck_assert_int_eq(call(PAYLOAD(1) "\n{\"search_id\":2}\n", SEND), 1);
	SAID("psymatch-events send: line 2: ");
	ck_assert_int_eq(call("{\"search_id\":2}\n" PAYLOAD(1) "\n", SEND), 1);
	SAID("psymatch-events send: line 1: ");
	ck_assert_int_eq(call("nonsense", SEND), 1);
	ck_assert_int_eq(call("", SEND), 1);
	ck_assert_int_eq(call(PAYLOAD(1), "psymatch-events' send no.such"), 1);
	ck_assert_int_eq(call("", SEND " /nowhere/file"), 1);
	SAID("/nowhere/file cannot be read\n");
	ck_assert_int_eq(call("", "psymatch-events' send"), 2);
	SAID("usage: ");
	ck_assert_int_eq(call("", SEND " --wait never"), 2);
	SAID("--wait: want a number");
	/* The topic was never made. */
	ck_assert_int_eq(call("", "psymatch-replay' matching-events"), 1);
	SAID("no such topic");
}
END_TEST

/* Where nothing more is accepted and no broker comes, it ends all the same. */
START_TEST(sends_no_more_than_fits)
{
	char spool[] = "/tmp/psymatch-events.XXXXXX";

	ck_assert_int_eq(setenv("PSYMATCH_QUEUE_MAX", "1", 1), 0);
	/* A broker makes room. */
	ck_assert_int_eq(call(PAYLOAD(1) "\n" PAYLOAD(2) "\n" PAYLOAD(3) "\n",
	                      SEND " 2>/dev/null"),
	                 0);
	ck_assert_msg(lines() == 3, "%s", out);
	ck_assert_int_eq(sent(), 3);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "kafka", 1), 0);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1),
	                 0);
	ck_assert_int_eq(call(PAYLOAD(1) "\n" PAYLOAD(2) "\n" PAYLOAD(3) "\n",
	                      SEND " --wait 1"),
	                 1);
	SAID("psymatch-events send: 2 of 3 events were not accepted\n");
	SAID("psymatch-events send: no broker has taken 1 event: ");
	ck_assert_int_eq(call(PAYLOAD(1), SEND " --wait 1"), 1);
	SAID("psymatch-events send: no broker has taken 1 event: ");
	ck_assert_ptr_null(strstr(out, "not accepted"));
	/* The next program sends what a spool has kept. */
	ck_assert_ptr_nonnull(mkdtemp(spool));
	ck_assert_int_eq(setenv("PSYMATCH_SPOOL_DIR", spool, 1), 0);
	ck_assert_int_eq(call(PAYLOAD(7), SEND " --wait 1"), 1);
	SAID("psymatch-events send: no broker has taken 1 event: ");
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "postgres", 1), 0);
	ck_assert_msg(call(PAYLOAD(8), SEND) == 0, "%s", out);
	ck_assert_int_eq(sent(), 5);
	SAID("\"key\":\"7\"");
	testing_remove(spool);
}
END_TEST

/* Produce is request 0, MSG_SIZE_TOO_LARGE is error 10. */
START_TEST(says_what_is_refused)
{
	struct mock m;

	mock_open(&m, "matching-events", 1);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "kafka", 1), 0);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS",
	                        rd_kafka_mock_cluster_bootstraps(m.cluster), 1),
	                 0);
	rd_kafka_mock_push_request_errors(m.cluster, 0, 2, 10, 10);
	ck_assert_int_eq(call(PAYLOAD(1), SEND), 1);
	SAID("the broker refused an event");
	ck_assert_msg(call(PAYLOAD(2), SEND) == 0, "%s", out);
	mock_close(&m);
}
END_TEST

/* Of this id, or of a new one. */
static void
put(psm_producer *p, char id[40], const char *cause, const char *correlation,
    int second)
{
	psm_event *ev = NULL;
	char text[800];
	int len;

	if (!id[0])
		ck_assert_int_eq(psm_uuid_new(id, 40), 0);
	len = snprintf(
	    text, sizeof text,
	    "{\"event_id\":\"%s\",\"event_type\":\"communication.send_email\","
	    "\"version\":\"1.0\",\"timestamp\":\"2026-01-31T09:00:%02dZ\","
	    "\"producer\":\"test\",\"payload\":{\"email_id\":7}}",
	    id, second);
	ck_assert_int_eq(psm_event_parse(text, (size_t)len, &ev, NULL), 0);
	ck_assert_int_eq(
	    psm_event_set_trace(ev, cause, correlation, NULL, NULL), 0);
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, NULL), 0);
	psm_event_free(ev);
}

START_TEST(traces)
{
	char first[40] = "", second[40] = "", third[40] = "", beside[40] = "",
	     other[40] = "", story[40];
	const char *at[4];
	char args[200];
	psm_producer *p = NULL;
	size_t left = 1;

	ck_assert_int_eq(psm_producer_open("test", &p, NULL), 0);
	ck_assert_int_eq(psm_uuid_new(story, sizeof story), 0);
	put(p, first, NULL, story, 1);
	put(p, other, NULL, NULL, 2);
	put(p, second, first, NULL, 3);
	put(p, third, second, NULL, 4);
	put(p, beside, NULL, story, 5);
	ck_assert_int_eq(psm_producer_close(p, 60000, &left, NULL), 0);
	psm_producer_free(p);
	/* From its end, from its middle, by its own id. */
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", third);
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_int_eq(lines(), 4);
	at[0] = strstr(out, first);
	at[1] = strstr(out, second);
	at[2] = strstr(out, third);
	at[3] = strstr(out, beside);
	ck_assert_msg(at[0] && at[1] > at[0] && at[2] > at[1] && at[3] > at[2],
	              "%s", out);
	ck_assert_ptr_null(strstr(out, other));
	SAID("2026-01-31T09:00:01"); /* then two steps to the right: */
	SAID("      communication.send_email  key 7  from test  " TOPIC "[");
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", story);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 4);
	(void)snprintf(args, sizeof args, "psymatch-events' trace --json %s",
	               other);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 1);
	SAID("\"causation_id\":null,");
	SAID("\"offset\":1}\n");
	ck_assert_int_eq(call("", "psymatch-events' trace nobody"), 1);
	SAID("no topic has an event of this id\n");
	ck_assert_int_eq(call("", "psymatch-events' trace"), 2);
	/* Only from a time on. */
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --since 2026-01-01T00:00:00Z %s",
	               other);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 1);
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --since 2999-01-01T00:00:00Z %s",
	               other);
	ck_assert_int_eq(call("", args), 1);
	SAID("no topic has an event of this id\n");
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --since yesterday %s", other);
	ck_assert_int_eq(call("", args), 1);
	ck_assert_int_eq(lines(), 1);
	pg_run("DELETE FROM psymatch.topic");
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", other);
	ck_assert_int_eq(call("", args), 1);
	SAID("psymatch-events trace: no topic is there\n");
}
END_TEST

/* Of causes in a circle, and of a cause that came later by its clock: all of
 * them, once each. */
START_TEST(traces_what_cannot_be)
{
	char first[40] = "", second[40], third[40] = "", early[40] = "";
	char args[200];
	const char *at[2];
	psm_producer *p = NULL;
	size_t left = 1;

	ck_assert_int_eq(psm_uuid_new(second, sizeof second), 0);
	ck_assert_int_eq(psm_producer_open("test", &p, NULL), 0);
	put(p, first, second, NULL, 1);
	put(p, second, first, NULL, 2);
	put(p, third, NULL, NULL, 4);
	put(p, early, third, NULL, 3);
	ck_assert_int_eq(psm_producer_close(p, 30000, &left, NULL), 0);
	psm_producer_free(p);
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", first);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 2);
	SAID(first);
	SAID(second);
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", early);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 2);
	at[0] = strstr(out, third);
	at[1] = strstr(out, early);
	ck_assert_msg(at[0] && at[1] > at[0], "%s", out);
}
END_TEST

static int
on_event(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)user;
	(void)err;
	return 0;
}

/* The group "reader" reads what there is, which is one event. */
static void
read_one(psm_transport *from, const psm_config *cfg)
{
	psm_consumer *c = NULL;
	int64_t lag = -1;

	ck_assert_int_eq(psm_consumer_new(from, cfg, "reader", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, "matching-events", NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "search.status_changed", on_event, NULL, NULL),
	    0);
	while (psm_transport_lag(from, "reader", 20000, &lag, NULL) < 0 ||
	       lag > 0)
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(psm_consumer_close(c, 30000, NULL), 0);
	psm_consumer_free(c);
}

static void
capital(char *id)
{
	for (; *id; id++)
		if (*id >= 'a' && *id <= 'f')
			*id = (char)(*id - 'a' + 'A');
}

/* What the tables tell: also of an event that is in no topic, and of one whose
 * id was not sent in the small letters that a database has. */
START_TEST(traces_by_tables)
{
	char first[40] = "", waiting[40], parked[40], args[200];
	psm_store *st = pg_store();
	psm_producer *p = NULL;
	size_t left = 1;

	ck_assert_int_eq(psm_store_migrate(st, "psymatch", NULL), 0);
	psm_store_free(st);
	ck_assert_int_eq(psm_uuid_new(waiting, sizeof waiting), 0);
	ck_assert_int_eq(psm_uuid_new(parked, sizeof parked), 0);
	ck_assert_int_eq(psm_uuid_new(first, sizeof first), 0);
	capital(first);
	ck_assert_int_eq(psm_producer_open("test", &p, NULL), 0);
	put(p, first, NULL, NULL, 1);
	ck_assert_int_eq(psm_producer_close(p, 30000, &left, NULL), 0);
	psm_producer_free(p);
	pg_run("INSERT INTO psymatch.inbox (consumer, event_id) "
	       "VALUES ('matching-service', '%s')",
	       first);
	pg_run("INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	       "aggregateid, type, version, producer, event_time, topic, "
	       "payload, causation_id) VALUES ('%s', 'search', '9', "
	       "'search.status_changed', '1.0', 'test', "
	       "'2026-01-31T10:00:00Z', 'matching-events', "
	       "'{\"name\":\"Berta\"}', '%s')",
	       waiting, first);
	pg_run("INSERT INTO psymatch.parked (consumer, key, event_id, type, "
	       "topic, raw, headers, state, last_code, last_error) VALUES "
	       "('patient-service', '7', '%s', 'email.sent', "
	       "'communication-events', '{\"timestamp\": "
	       "\"2026-01-31T11:00:00Z\", \"producer\": \"mail\", "
	       "\"payload\": {\"name\": \"Berta\"}}', '{\"causation_id\": "
	       "\"%s\"}', 'retry', 'PSM_ERR_DB', 'Berta')",
	       parked, waiting);
	/* Not without being asked. */
	(void)snprintf(args, sizeof args, "psymatch-events' trace %s", first);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 1);
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --database %s", parked);
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_msg(lines() == 6, "%s", out);
	capital(strstr(args, parked));
	ck_assert_msg(call("", args) == 0, "%s", out);
	ck_assert_msg(lines() == 6, "%s", out);
	SAID("  - handled by matching-service\n");
	SAID("  - in the outbox, not sent yet\n");
	SAID("  - parked p1 of patient-service: PSM_ERR_DB\n");
	SAID("2026-01-31T10:00:00.000000Z    search.status_changed  key 9  "
	     "from test  -  ");
	SAID("2026-01-31T11:00:00.000000Z      email.sent  key 7  from mail  "
	     "-  ");
	ck_assert_ptr_null(strstr(out, "Berta"));
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --database --json %s", waiting);
	ck_assert_int_eq(call("", args), 0);
	ck_assert_int_eq(lines(), 3);
	SAID("\"partition\":null,\"offset\":null,\"database\":[{\"state\":"
	     "\"parked\",\"consumer\":\"patient-service\",\"code\":"
	     "\"PSM_ERR_DB\",\"since\":\"");
	SAID("\"state\":\"handled\",\"consumer\":\"matching-service\","
	     "\"code\":null,");
	/* A broker that is away is told, and what is known without it. */
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "kafka", 1), 0);
	ck_assert_int_eq(setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1),
	                 0);
	(void)snprintf(args, sizeof args,
	               "psymatch-events' trace --database --wait 1 %s",
	               waiting);
	ck_assert_int_eq(call("", args), 0);
	SAID("psymatch-events trace: ");
	SAID("  - in the outbox, not sent yet\n");
	ck_assert_int_eq(call("", "psymatch-events' trace --database --wait 1 "
	                          "00000000-0000-4000-8000-000000000000"),
	                 1);
	SAID("neither a topic nor the database has an event of this id\n");
}
END_TEST

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
	SAID("--since: ");
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

/* On a terminal, which is what script(1) makes, and only there. */
START_TEST(shows_how_far_it_is)
{
	char args[5000], spool[] = "/tmp/psymatch-events.XXXXXX";

	ck_assert_ptr_nonnull(mkdtemp(spool));
	(void)snprintf(args, sizeof args,
	               "psymatch-events' --version; cat >%s/in; script -qec "
	               "\"'%s/psymatch-events' send search.status_changed "
	               "%s/in >%s/ids\" /dev/null",
	               spool, builddir, spool, spool);
	ck_assert_msg(call(PAYLOAD(1) "\n" PAYLOAD(2) "\n", args) == 0, "%s",
	              out);
	SAID("\r0 of 2 events\033[K\r");
	SAID("\r2 of 2 events, ");
	SAID(" a second\033[K\r\r\n");
	ck_assert_int_eq(sent(), 2);
	(void)snprintf(args, sizeof args,
	               "psymatch-events' --version; script -qec "
	               "\"'%s/psymatch-events' trace nobody\" /dev/null",
	               builddir);
	ck_assert_int_eq(call("", args), 1);
	SAID("\r2 events, ");
	SAID("\033[K\r\r\npsymatch-events trace: no topic has an event");
	testing_remove(spool);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("psymatch-events");
	TCase *tc = tcase_create("psymatch-events");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, sends);
	tcase_add_test(tc, sends_a_long_file);
	tcase_add_test(tc, sends_all_or_nothing);
	tcase_add_test(tc, sends_no_more_than_fits);
	tcase_add_test(tc, says_what_is_refused);
	tcase_add_test(tc, traces);
	tcase_add_test(tc, traces_what_cannot_be);
	tcase_add_test(tc, traces_by_tables);
	tcase_add_test(tc, watches);
	tcase_add_test(tc, watches_kafka);
	tcase_add_test(tc, watches_what_is_wanted);
	tcase_add_test(tc, watches_until_interrupted);
	tcase_add_test(tc, watches_only_for_readers);
	tcase_add_test(tc, shows_how_far_it_is);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
