/* SPDX-License-Identifier: BSD-2-Clause */
/* The topics of the catalogue on a cluster that creates none by request, and
 * the program psymatch-topics. test_real_topics.c has the rest. */
#include "mock.h"
#include "testing.h"

#include <sys/wait.h>

static struct mock m;
static psm_config *cfg;
static psm_error *err;
static psm_json *doc;
static char out[20000];

static void
set_up(void)
{
	err = psm_error_new();
	mock_open(&m, "patient-events", 3);
	ck_assert_int_eq(
	    rd_kafka_mock_topic_create(m.cluster, "therapist-events", 7, 1), 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS",
	                   rd_kafka_mock_cluster_bootstraps(m.cluster), err),
	    0);
}

static void
tear_down(void)
{
	psm_json_free(doc);
	doc = NULL;
	psm_config_free(cfg);
	psm_error_free(err);
	mock_close(&m);
}

static int
plan(int partitions, int replication)
{
	char *json = NULL;
	int rc =
	    psm_topics_plan(cfg, partitions, replication, 0, 60000, &json, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	psm_json_free(doc);
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	psm_free(json);
	return rc;
}

/* A member of the i-th topic as it stands in the text. */
static void
is(int topic, const char *member, const char *text)
{
	char pointer[64];
	const psm_json *v;
	const char *found;
	size_t len = 0;

	(void)snprintf(pointer, sizeof pointer, "/topics/%d/%s", topic, member);
	v = psm_json_at(doc, pointer);
	ck_assert_ptr_nonnull(v);
	found = psm_json_text(v, &len);
	ck_assert_msg(strlen(text) == len && memcmp(found, text, len) == 0,
	              "%s: want %s, got %.*s", pointer, text, (int)len, found);
}

static size_t
topic_count(void)
{
	size_t n = 0;

	while (psm_catalogue_topic_at(n))
		n++;
	return n;
}

START_TEST(what_is_missing_and_what_differs)
{
	size_t n = topic_count();

	ck_assert_int_eq(plan(0, 0), (int)n - 1);
	is(0, "topic", "\"patient-events\"");
	is(0, "state", "\"same\"");
	is(0, "partitions/found", "3");
	is(0, "replication/want", "1");
	is(0, "reason", "null");
	/* The mock tells no settings, and nobody blames a topic for that. */
	is(0, "retention_ms/want", "604800000");
	is(0, "retention_ms/found", "null");
	is(1, "state", "\"different\"");
	is(1, "partitions/want", "3");
	is(1, "partitions/found", "7");
	is(2, "state", "\"missing\"");
	is(2, "partitions/found", "null");
	ck_assert_uint_eq(psm_json_count(psm_json_at(doc, "/topics")), n);
	/* Looking did not create any. */
	ck_assert_int_eq(plan(7, 1), (int)n - 1);
	is(0, "state", "\"different\"");
	is(1, "state", "\"same\"");
	ck_assert_int_eq(plan(0, 3), (int)n);
	is(0, "replication/want", "3");
	is(0, "min_insync_replicas/want", "2");
}
END_TEST

START_TEST(topics_of_dead_letters)
{
	int n = (int)topic_count();

	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_DEAD_LETTER_TOPIC", "true", err), 0);
	ck_assert_int_eq(plan(0, 0), 2 * n - 1);
	is(n, "topic", "\"patient-events.dlq\"");
}
END_TEST

/* The mock refuses to create topics, so each row says why there is none. */
START_TEST(what_could_not_be_created)
{
	int n = (int)topic_count();
	char *json = NULL;

	ck_assert_int_eq(psm_topics_apply(cfg, 0, 0, 0, 10000, &json, err),
	                 n - 2);
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	psm_free(json);
	is(1, "reason", "null");
	is(2, "state", "\"missing\"");
	ck_assert_ptr_nonnull(
	    psm_json_string(psm_json_at(doc, "/topics/2/reason")));
}
END_TEST

START_TEST(wrong_arguments)
{
	char *json = NULL;

	ck_assert_int_eq(psm_topics_plan(NULL, 0, 0, 0, 1, &json, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_topics_apply(cfg, 0, 0, 0, 1, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_topics_plan(cfg, -1, 0, 0, 1, &json, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_topics_plan(cfg, 0, 101, 0, 1, &json, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_topics_plan(cfg, 0, 0, -1, 1, &json, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_topics_plan(cfg, 0, 0, 0, 0, &json, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(json);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", err), 0);
	ck_assert_int_eq(psm_topics_plan(cfg, 0, 0, 0, 1, &json, err),
	                 PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err),
	                 "PSYMATCH_TRANSPORT: want \"kafka\", got "
	                 "\"postgres\", whose topics are created by their "
	                 "first use");
}
END_TEST

/* Nothing listens on port 1. */
START_TEST(nobody_answers)
{
	char *json = NULL;

	ck_assert_int_eq(
	    psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", err),
	    0);
	ck_assert_int_eq(psm_topics_plan(cfg, 0, 0, 0, 300, &json, err),
	                 PSM_ERR_TIMEOUT);
	ck_assert_str_eq(psm_error_message(err),
	                 "Kafka at 127.0.0.1:1: no broker answered in time");
	ck_assert_ptr_null(json);
}
END_TEST

/* -- the program */

/* Returns the exit status. */
static int
call(const char *servers, const char *args)
{
	const char *build = getenv("top_builddir");
	char command[9000];

	(void)snprintf(
	    command, sizeof command,
	    "{ KAFKA_BOOTSTRAP_SERVERS=%s '%s/psymatch-topics' %s; } 2>&1",
	    servers, build ? build : ".", args);
	return testing_shell(command, out, sizeof out);
}

static void
says(const char *text)
{
	ck_assert_msg(strstr(out, text) != NULL, "not there: %s\n%s", text,
	              out);
}

START_TEST(the_program)
{
	const char *servers = rd_kafka_mock_cluster_bootstraps(m.cluster);

	ck_assert_int_eq(call(servers, "plan"), 0);
	says("patient-events          same       3             1");
	says("therapist-events        different  7 (want 3)");
	says("matching-events         missing    -             -");
	ck_assert_int_eq(call(servers, "check"), 1);
	ck_assert_int_eq(call(servers, "--partitions 7 --json plan"), 0);
	ck_assert_int_eq(psm_json_parse(out, strlen(out), &doc, err), 0);
	is(1, "state", "\"same\"");
	ck_assert_int_eq(call(servers, "apply"), 1);
	says("matching-events         missing");
	ck_assert_int_eq(call(servers, "plan >/dev/full"), 3);
	says("psymatch-topics: standard output: No space left on device");
	ck_assert_int_eq(call("127.0.0.1:1", "--wait 1 check"), 3);
	says("psymatch-topics: Kafka at 127.0.0.1:1: no broker answered");
}
END_TEST

START_TEST(how_the_program_is_used)
{
	static const char *const wrong[] = {
	    "",
	    "plan plan",
	    "delete",
	    "--oops plan",
	    "--partitions 0 plan",
	    "--wait 1x check",
	};
	size_t i;

	ck_assert_int_eq(call("-", "--help"), 0);
	says("usage: psymatch-topics");
	ck_assert_int_eq(call("-", "-h"), 0);
	ck_assert_int_eq(call("-", "--version"), 0);
	says(psm_version());
	for (i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_int_eq(call("-", wrong[i]), 2);
	says("psymatch-topics: --wait: want a number from 1 to 3600, got "
	     "\"1x\"");
	ck_assert_int_eq(call("-", ""), 2);
	says("psymatch-topics: a command is missing\n");
	ck_assert_int_eq(call("-", "delete"), 2);
	says("psymatch-topics: delete: no such command\n");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("topics");
	TCase *tc = tcase_create("mock");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, what_is_missing_and_what_differs);
	tcase_add_test(tc, topics_of_dead_letters);
	tcase_add_test(tc, what_could_not_be_created);
	tcase_add_test(tc, wrong_arguments);
	tcase_add_test(tc, nobody_answers);
	tcase_add_test(tc, the_program);
	tcase_add_test(tc, how_the_program_is_used);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
