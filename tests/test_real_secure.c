/* SPDX-License-Identifier: BSD-2-Clause */
/* TLS, logins and access lists of a real broker: what works, and what is said
 * when it does not. No event is lost by a wrong setting. */
#include "testing.h"
#include "testing_kafka.h"

#include "base/base.h"

#define COUNT 100
#define KEYS 7

static psm_config *
tls(const char *ca)
{
	psm_config *cfg = kafka_settings(NULL);

	ck_assert_int_eq(psm_config_set(cfg, "KAFKA_BOOTSTRAP_SERVERS",
	                                getenv("KAFKA_SSL_SERVERS"), NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_KAFKA_security_protocol",
	                                "SSL", NULL),
	                 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_KAFKA_ssl_ca_location",
	                                getenv(ca), NULL),
	                 0);
	return cfg;
}

START_TEST(tls_with_an_own_ca)
{
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = kafka_start(tls("KAFKA_CA"), NULL);
	kafka_send(p, topic, 0, COUNT, KEYS);
	kafka_close(p);
	kafka_check(topic, COUNT, KEYS, 1);
}
END_TEST

/* The events wait in the spool until the setting is right. */
START_TEST(tls_with_a_wrong_ca)
{
	const char *topic = kafka_topic();
	psm_producer *p;
	size_t left = 0;

	kafka_create(topic, 3, NULL);
	p = kafka_start(tls("KAFKA_OTHER_CA"), NULL);
	kafka_send(p, topic, 0, COUNT, KEYS);
	KAFKA_UNTIL(kafka_says(p, "PSYMATCH_KAFKA_ssl_ca_location"));
	ck_assert(kafka_says(p, "100 events wait"));
	kafka_await_log("certificate verify failed");
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, COUNT);
	psm_producer_free(p);
	p = kafka_start(tls("KAFKA_CA"), NULL);
	kafka_close(p);
	kafka_check(topic, COUNT, KEYS, 1);
}
END_TEST

static const char *const mechanisms[] = {"PLAIN", "SCRAM-SHA-256",
                                         "SCRAM-SHA-512"};

START_TEST(login)
{
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_login(mechanisms[_i], "app", "app-secret"), NULL);
	kafka_send(p, topic, 0, COUNT, KEYS);
	kafka_close(p);
	kafka_check(topic, COUNT, KEYS, 1);
	ck_assert(!kafka_logged("app-secret"));
}
END_TEST

START_TEST(login_with_a_wrong_password)
{
	const char *topic = kafka_topic();
	psm_producer *p;
	size_t left = 0;

	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_login(mechanisms[_i], "app", "not-the-password"),
	                NULL);
	kafka_send(p, topic, 0, COUNT, KEYS);
	KAFKA_UNTIL(kafka_says(p, "PSYMATCH_KAFKA_sasl_password"));
	ck_assert(kafka_says(p, "100 events wait"));
	kafka_await_log("PSYMATCH_KAFKA_sasl_password");
	ck_assert(!kafka_logged("not-the-password"));
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, COUNT);
	psm_producer_free(p);
	p = kafka_start(kafka_login(mechanisms[_i], "app", "app-secret"), NULL);
	kafka_close(p);
	kafka_check(topic, COUNT, KEYS, 1);
}
END_TEST

/* The same producer goes on when the access list allows it. */
START_TEST(no_permission)
{
	const char *topic = kafka_topic();
	psm_producer *p;

	kafka_create(topic, 3, NULL);
	p = kafka_start(kafka_login("PLAIN", "guest", "guest-secret"), NULL);
	kafka_send(p, topic, 0, COUNT, KEYS);
	KAFKA_UNTIL(kafka_says(p, topic));
	ck_assert(kafka_says(p, "authorization failed"));
	ck_assert(kafka_says(p, "100 events wait"));
	kafka_await_log(topic);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 0);
	kafka_allow("guest", topic);
	kafka_close(p);
	kafka_check(topic, COUNT, KEYS, 1);
}
END_TEST

static psm_consumer *
reader(psm_config *cfg, const char *topic)
{
	psm_transport *t = NULL;
	psm_consumer *c = NULL;

	ck_assert_int_eq(psm_transport_open(cfg, &t, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "guests", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, topic, NULL), 0);
	ck_assert_int_eq(psm_consumer_start(c, NULL), 0);
	psm_transport_unref(t);
	psm_config_free(cfg);
	return c;
}

static int
reader_says(psm_consumer *c, const char *part)
{
	char reason[512] = "";
	int health = psm_consumer_health(c, reason, sizeof(reason));

	return health != PSM_HEALTH_GREEN && strstr(reason, part) != NULL;
}

START_TEST(consumer_says_why)
{
	const char *topic = kafka_topic();
	psm_consumer *c;

	kafka_create(topic, 3, NULL);
	c = reader(kafka_login("PLAIN", "app", "not-the-password"), topic);
	KAFKA_UNTIL(reader_says(c, "PSYMATCH_KAFKA_sasl_password"));
	(void)!psm_consumer_close(c, 1000, NULL);
	psm_consumer_free(c);
	c = reader(kafka_login("PLAIN", "guest", "guest-secret"), topic);
	KAFKA_UNTIL(reader_says(c, "uthorization failed"));
	(void)!psm_consumer_close(c, 1000, NULL);
	psm_consumer_free(c);
}
END_TEST

int
main(int argc, char **argv)
{
	static const char *const options[] = {"--secure", NULL};
	Suite *s = suite_create("real_secure");
	TCase *tc = tcase_create("real_secure");

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, kafka_set_up, kafka_tear_down);
	tcase_add_test(tc, tls_with_an_own_ca);
	tcase_add_test(tc, tls_with_a_wrong_ca);
	tcase_add_loop_test(tc, login, 0, PSM__COUNT(mechanisms));
	tcase_add_loop_test(tc, login_with_a_wrong_password, 0,
	                    PSM__COUNT(mechanisms));
	tcase_add_test(tc, no_permission);
	tcase_add_test(tc, consumer_says_why);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
