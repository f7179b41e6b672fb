/* SPDX-License-Identifier: BSD-2-Clause */
/* psymatch-events send and trace, as people call them. */
#include "testing_events.h"

#include <unistd.h>

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
	SAID("/nowhere/file cannot be read: No such file or directory\n");
	ck_assert_int_eq(call("", "psymatch-events' send"), 2);
	SAID("psymatch-events send: want a type, and one file at most\n");
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
	ck_assert_int_eq(call("", args), 2);
	SAID("psymatch-events trace: --since: want a time such as");
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
	tcase_add_test(tc, shows_how_far_it_is);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
