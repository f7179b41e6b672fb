/* SPDX-License-Identifier: BSD-2-Clause */
/* A service by TLS. */
#include "testing_access.h"

static char big[300000];

static char cert[300], key[300];
static const char *const tls_settings[] = {"PSYMATCH_HTTP_TLS_CERT_FILE",
                                           cert,
                                           "PSYMATCH_HTTP_TLS_KEY_FILE",
                                           key,
                                           "PSYMATCH_API_CA_FILE",
                                           cert,
                                           NULL};

static void
make_certificate(void)
{
	char command[1024];

	(void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	(void)snprintf(key, sizeof key, "%s/key.pem", dir);
	(void)snprintf(command, sizeof command,
	               "openssl req -x509 -newkey ec -pkeyopt "
	               "ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
	               "/CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 "
	               "-keyout %s -out %s 2>/dev/null",
	               key, cert);
	ck_assert_int_eq(system(command), 0);
}

/* By our own client, which knows who signed it. */
static void
assert_fetched(void)
{
	psm_error *err = psm_error_new();
	psm_json *doc = NULL;
	char base[300];

	(void)snprintf(base, sizeof base, "https://127.0.0.1:%d",
	               testing_server.port);
	ck_assert_msg(psm__svc_fetch("test", base, "/echo/1", TESTING_WAIT_MS,
	                             &doc, err) == 0,
	              "%s", psm_error_message(err));
	psm_json_free(doc);
	psm_error_free(err);
}

#define WAITING 20

static void *
wait_for_answer(void *arg)
{
	struct answer *a = arg;

	testing_ask("GET", "/wait", a);
	return NULL;
}

/* Suspended connections, several at once, and bodies in pieces. */
START_TEST(the_same_by_tls)
{
	static struct answer all[WAITING];
	pthread_t threads[WAITING];
	struct answer a;
	CURL *curl;
	int i;

	make_certificate();
	up(tls_settings);
	testing_assert_alive();
	for (i = 0; i < WAITING; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, wait_for_answer, &all[i]),
		    0);
	testing_gate_wait(WAITING);
	testing_assert_alive();
	testing_gate_open();
	for (i = 0; i < WAITING; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(all[i].status, 200);
	}
	memset(big, 'x', sizeof big - 1);
	testing_ask_with("POST", "/body", NULL, big, &a);
	ck_assert_str_eq(a.body, "[299999,35999880]");
	/* Several requests of one connection. */
	curl = testing_client("GET", "/echo/1", &a);
	for (i = 0; i < 5; i++) {
		a.body_len = a.headers_len = 0;
		ck_assert_int_eq(curl_easy_perform(curl), CURLE_OK);
		ck_assert_str_eq(a.body, "[\"param GET /echo/1 1 -\"]");
	}
	testing_perform(curl, &a);
	assert_fetched();
	testing_server.is_tls = 0; /* without TLS nobody is heard */
	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_ne(a.curl, CURLE_OK);
	testing_server.is_tls = 1;
	testing_assert_alive();
	testing_server_down();
}
END_TEST

/* Neither what began a handshake nor what began a request stays. */
START_TEST(a_slow_client_by_tls_is_hung_up_on)
{
	int fd;

	make_certificate();
	testing_server_settings = tls_settings;
	testing_server_new();
	testing_server.svc->limits.head_ms =
	    1500; /* a handshake of a busy machine */
	testing_server_start();
	fd = connect_to_server();
	ck_assert_int_eq(is_closed(fd, TESTING_WAIT_MS), 1);
	close(fd);
	testing_assert_alive();
	testing_server_down();
}
END_TEST

START_TEST(a_key_of_another_certificate_is_no_start)
{
	char other[300];
	const char *settings[] = {"PSYMATCH_HTTP_TLS_CERT_FILE", cert,
	                          "PSYMATCH_HTTP_TLS_KEY_FILE",
	                          _i == 0   ? other
	                          : _i == 1 ? cert
	                                    : "/none",
	                          NULL};

	make_certificate();
	(void)snprintf(other, sizeof other, "%s/other.pem", dir);
	ck_assert_int_eq(rename(key, other), 0);
	make_certificate();
	testing_server_settings = settings;
	testing_server_new();
	ck_assert_int_eq(psm__svc_listen("127.0.0.1", 0, &testing_server.fd,
	                                 &testing_server.port, NULL),
	                 0);
	ck_assert_int_eq(psm__svc_run_on(testing_server.svc, testing_server.fd,
	                                 testing_server.err),
	                 PSM_ERR_CONFIG);
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("tls");
	TCase *tc = tcase_create("tls");

	tcase_add_checked_fixture(tc, set_up_dir, tear_down_dir);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_same_by_tls);
	tcase_add_test(tc, a_slow_client_by_tls_is_hung_up_on);
	tcase_add_loop_test(tc, a_key_of_another_certificate_is_no_start, 0, 3);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
