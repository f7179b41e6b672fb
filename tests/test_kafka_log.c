/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kafka transport logs and says in errors: no secrets, no warning of
 * what nobody can change. */
#include <string.h>

#include "mock.h"
#include "testing.h"
#include "transport/kafka/kafka.h"

#define PATIENCE_MS 60000
#define TOPIC "kafka-events"

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	(void)token;
	(void)rc;
	(void)reason;
	++*(int *)user;
}

static struct psm__sink *
open_sink(psm_transport *t, int *n)
{
	struct psm__sink *s = NULL;

	ck_assert_int_eq(t->ops->open_sink(t, on_report, n, &s, NULL), 0);
	return s;
}

static int lines, secrets;

static void
on_line(int level, const char *message, const char *const *fields, void *user)
{
	(void)level;
	(void)user;
	__atomic_add_fetch(&lines, 1, __ATOMIC_RELAXED);
	if (strstr(message, "hunter2"))
		__atomic_add_fetch(&secrets, 1, __ATOMIC_RELAXED);
	for (; *fields; fields += 2)
		if (strstr(fields[1], "hunter2"))
			__atomic_add_fetch(&secrets, 1, __ATOMIC_RELAXED);
}

/* Lines of librdkafka about its configuration, by level. */
static int confwarns[PSM_LOG_ERROR + 1];

static void
on_confwarn(int level, const char *message, const char *const *fields,
            void *user)
{
	(void)message;
	(void)user;
	for (; *fields; fields += 2)
		if (strcmp(fields[0], "facility") == 0 &&
		    strcmp(fields[1], "CONFWARN") == 0)
			confwarns[level]++;
}

/* Of what the library sets itself a user hears no warning; of a property that
 * is deprecated he does. */
START_TEST(warns_of_what_the_user_can_change)
{
	static const char *const deprecated[] = {
	    "PSYMATCH_KAFKA_reconnect_backoff_jitter_ms", "100", NULL};
	psm_transport *t;
	struct psm__sink *s;
	int n = 0;
	struct mock mock;

	mock_open(&mock, TOPIC, 1);
	psm_set_log(on_confwarn, PSM_LOG_DEBUG, NULL);
	t = mock_transport(&mock, _i ? deprecated : NULL);
	s = open_sink(t, &n);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
	ck_assert_int_eq(confwarns[PSM_LOG_DEBUG], 1);
	ck_assert_int_eq(confwarns[PSM_LOG_INFO], 0);
	ck_assert_int_eq(confwarns[PSM_LOG_WARN], _i);
	ck_assert_int_eq(confwarns[PSM_LOG_ERROR], 0);
	s->ops->close(s, 0);
	psm_transport_unref(t);
	mock_close(&mock);
}
END_TEST

/* A value that is refused is not repeated in the error, whatever is wrong with
 * it; nor is it by a client that cannot log in. */
START_TEST(errors_without_secrets)
{
	static const char *const names[] = {
	    "PSYMATCH_KAFKA_ssl_key_pem",
	    "PSYMATCH_KAFKA_ssl_certificate_pem",
	    "PSYMATCH_KAFKA_ssl_ca_pem",
	    "PSYMATCH_KAFKA_ssl_key_password",
	    "PSYMATCH_KAFKA_ssl_keystore_password",
	    "PSYMATCH_KAFKA_sasl_password",
	    "PSYMATCH_KAFKA_sasl_oauthbearer_config",
	};
	psm_error *err = psm_error_new();
	psm_transport *t = NULL;
	psm_config *cfg = NULL;
	struct psm__sink *s = NULL;
	int i, n = 0;

	psm_set_log(on_line, PSM_LOG_DEBUG, NULL);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1", NULL),
	    0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_debug", "all", NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "KAFKA_LOG_LEVEL", "DEBUG", NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_KAFKA_security_protocol",
	                                _i % 2 ? "sasl_ssl" : "ssl", NULL),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_sasl_mechanism", "PLAIN", NULL),
	    0);
	ck_assert_int_eq(psm_config_set(cfg, names[_i / 2], "hunter2", err), 0);
	if (psm_transport_open(cfg, &t, err) == 0 &&
	    t->ops->open_sink(t, on_report, &n, &s, err) == 0) {
		for (i = 0; i < 5; i++)
			(void)s->ops->poll(s, 20, NULL);
		s->ops->close(s, 0);
	}
	ck_assert_ptr_null(strstr(psm_error_message(err), "hunter2"));
	ck_assert_int_eq(__atomic_load_n(&secrets, __ATOMIC_RELAXED), 0);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
}
END_TEST

START_TEST(logs_without_secrets)
{
	static const char *const secret[] = {"PSYMATCH_KAFKA_sasl_password",
	                                     "hunter2",
	                                     "PSYMATCH_KAFKA_sasl_username",
	                                     "app",
	                                     "PSYMATCH_KAFKA_debug",
	                                     "all",
	                                     "KAFKA_LOG_LEVEL",
	                                     "DEBUG",
	                                     NULL};
	static const struct psm__message message = {
	    .topic = TOPIC, .value = "hunter2", .value_len = 7};
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	psm_transport *t;
	struct psm__sink *s;
	int n = 0;
	struct mock mock;

	psm_set_log(on_line, PSM_LOG_DEBUG, NULL);
	mock_open(&mock, TOPIC, 3);
	t = mock_transport(&mock, secret);
	s = open_sink(t, &n);
	ck_assert_int_eq(s->ops->send(s, &message, NULL), 0);
	while (n < 1 && psm__mono_ms() < deadline)
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
	s->ops->close(s, 1000);
	ck_assert_int_gt(__atomic_load_n(&lines, __ATOMIC_RELAXED), 10);
	ck_assert_int_eq(__atomic_load_n(&secrets, __ATOMIC_RELAXED), 0);
	psm_transport_unref(t);
	mock_close(&mock);
	psm_set_log(NULL, PSM_LOG_ERROR, NULL);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("kafka_log");
	TCase *tc = tcase_create("log");

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, warns_of_what_the_user_can_change, 0, 2);
	tcase_add_loop_test(tc, errors_without_secrets, 0, 14);
	tcase_add_test(tc, logs_without_secrets);
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
