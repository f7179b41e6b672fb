/* SPDX-License-Identifier: BSD-2-Clause */
/* A producer by one call: settings and transport are the environment's. */
#include "testing.h"

#include <psymatch/payload.h>
#include <psymatch/producer.h>

#include <string.h>

#include "client/producer/producer_int.h"

static char dir[256];

static void
set_up(void)
{
	testing_tmpdir(dir, sizeof(dir));
	setenv("PSYMATCH_TRANSPORT", "memory", 1);
	setenv("PSYMATCH_SPOOL_DIR", dir, 1);
}

static void
tear_down(void)
{
	testing_remove(dir);
}

/* The whole program of a sender. */
START_TEST(sends)
{
	static const char payload[] =
	    "{\"search_id\":1,\"patient_id\":3,"
	    "\"old_status\":null,\"new_status\":\"aktiv\"}";
	psm_error *err = psm_error_new();
	psm_producer *p = NULL;
	psm_event *ev = NULL;

	ck_assert_int_eq(psm_event_new("search.status_changed", "test", payload,
	                               sizeof(payload) - 1, &ev, err),
	                 0);
	ck_assert_msg(psm_producer_open(_i ? "a-program" : NULL, &p, err) == 0,
	              "%s", psm_error_message(err));
	ck_assert_int_eq(psm_producer_send(p, NULL, ev, err), 0);
	ck_assert_int_eq(psm_producer_stat(p, "accepted"), 1);
	ck_assert_int_eq(psm_producer_close(p, 60000, NULL, err), 0);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 1);
	psm_producer_free(p);
	psm_event_free(ev);
	psm_error_free(err);
}
END_TEST

static const struct {
	const char *variable, *value;
	int rc;
} faults[] = {
    {"PSYMATCH_QUEUE_MAX", "many", PSM_ERR_CONFIG},
    {"PSYMATCH_TRANSPORT", "pigeon", PSM_ERR_CONFIG},
    {"PSYMATCH_SPOOL_LOW_PERCENT", "99", PSM_ERR_CONFIG},
    {"PSYMATCH_SPOOL_DIR", "/dev/null/x", PSM_ERR_IO},
};

START_TEST(says_what_is_wrong)
{
	psm_error *err = psm_error_new();
	psm_producer *none = (psm_producer *)&err;

	setenv(faults[_i].variable, faults[_i].value, 1);
	ck_assert_int_eq(psm_producer_open("a-program", &none, err),
	                 faults[_i].rc);
	ck_assert_ptr_null(none);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), faults[_i].variable));
	psm_error_free(err);
}
END_TEST

START_TEST(bad_arguments)
{
	psm_producer *none = (psm_producer *)&none;

	ck_assert_int_eq(psm_producer_open("x", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_open("", &none, NULL), PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
}
END_TEST

/* The name is the client's, unless the environment has another. */
START_TEST(name_of_the_client)
{
	static const char key[] = "PSYMATCH_KAFKA_client_id";
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm__producer_settings("a-program", &cfg, NULL), 0);
	ck_assert_str_eq(psm_config_string(cfg, key), "a-program");
	psm_config_free(cfg);
	ck_assert_int_eq(psm__producer_settings(NULL, &cfg, NULL), 0);
	ck_assert_int_eq(psm_config_given(cfg, key), 0);
	psm_config_free(cfg);
	setenv(key, "another", 1);
	ck_assert_int_eq(psm__producer_settings("a-program", &cfg, NULL), 0);
	ck_assert_str_eq(psm_config_string(cfg, key), "another");
	psm_config_free(cfg);
}
END_TEST

static psm_payload *
answered(void)
{
	psm_payload *m = psm_payload_new("email.response_received");

	psm_payload_int(m, "email_id", 7);
	return m;
}

/* What a next program sends: its own events, and those of programs before. */
static void
next_program_sends(int64_t count)
{
	psm_producer *p;

	setenv("PSYMATCH_TRANSPORT", "memory", 1);
	ck_assert_int_eq(psm_producer_open("a-program", &p, NULL), 0);
	ck_assert_int_eq(psm_producer_close(p, 60000, NULL, NULL), 0);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), count);
	psm_producer_free(p);
}

/* One event by one call: it is sent. */
START_TEST(sends_one)
{
	psm_error *err = psm_error_new();

	ck_assert_msg(psm_producer_send_one("a-program", answered(), err) == 0,
	              "%s", psm_error_message(err));
	next_program_sends(0);
	psm_error_free(err);
}
END_TEST

/* Without a broker it is kept; where there is no spool, either, that is told. */
START_TEST(sends_one_without_broker)
{
	psm_error *err = psm_error_new();

	setenv("PSYMATCH_TRANSPORT", "kafka", 1);
	setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1);
	ck_assert_msg(psm__producer_send_one("a-program", answered(), 1, err) ==
	                  0,
	              "%s", psm_error_message(err));
	setenv("PSYMATCH_SPOOL_DIR", "none", 1);
	ck_assert_int_eq(
	    psm__producer_send_one("a-program", answered(), 1, err),
	    PSM_ERR_TIMEOUT);
	ck_assert_str_ne(psm_error_message(err), "");
	setenv("PSYMATCH_SPOOL_DIR", dir, 1);
	next_program_sends(1);
	psm_error_free(err);
}
END_TEST

/* What waits for a broker in the user's own place, no program without one takes:
 * its reader is somewhere else. */
START_TEST(memory_leaves_what_waits_for_a_broker)
{
	psm_error *err = psm_error_new();
	psm_producer *p;

	unsetenv("PSYMATCH_SPOOL_DIR");
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", dir, 1);
	setenv("PSYMATCH_TRANSPORT", "kafka", 1);
	setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", 1);
	ck_assert_msg(psm__producer_send_one("a-program", answered(), 1, err) ==
	                  0,
	              "%s", psm_error_message(err));
	next_program_sends(0);
	setenv("PSYMATCH_TRANSPORT", "kafka", 1);
	ck_assert_int_eq(psm_producer_open("a-program", &p, NULL), 0);
	ck_assert_int_eq(psm_producer_stat(p, "left_spool"), 1);
	ck_assert_int_eq(psm_producer_close(p, 1, NULL, NULL), 0);
	psm_producer_free(p);
	psm_error_free(err);
}
END_TEST

/* A faulty event touches nothing; the error names the member. */
START_TEST(sends_one_faulty)
{
	psm_error *err = psm_error_new();
	psm_payload *m = psm_payload_new("email.response_received");

	psm_payload_text(m, "email_id", "seven");
	ck_assert_int_eq(psm_producer_send_one("a-program", m, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_ptr_nonnull(strstr(psm_error_pointer(err), "email_id"));
	ck_assert_int_eq(psm_producer_send_one("a-program", NULL, err),
	                 PSM_ERR_NOMEM);
	ck_assert_int_eq(psm_producer_send_one(NULL, answered(), err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_producer_send_one("", answered(), err),
	                 PSM_ERR_SCHEMA);
	setenv("PSYMATCH_TRANSPORT", "pigeon", 1);
	ck_assert_int_eq(psm_producer_send_one("a-program", answered(), err),
	                 PSM_ERR_CONFIG);
	psm_error_free(err);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("producer by one call");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, sends, 0, 2);
	tcase_add_loop_test(tc, says_what_is_wrong, 0, (int)PSM__COUNT(faults));
	tcase_add_test(tc, bad_arguments);
	tcase_add_test(tc, name_of_the_client);
	tcase_add_test(tc, sends_one);
	tcase_add_test(tc, sends_one_without_broker);
	tcase_add_test(tc, memory_leaves_what_waits_for_a_broker);
	tcase_add_test(tc, sends_one_faulty);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
