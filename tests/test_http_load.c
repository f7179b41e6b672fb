/* SPDX-License-Identifier: BSD-2-Clause */
/* Large, malformed and many requests, by libcurl and by raw bytes. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "testing_http.h"

#define MIB ((size_t)1024 * 1024)

static void
post(size_t len, int chunked, struct answer *a)
{
	CURL *curl = testing_client("POST", "/body", a);
	struct curl_slist *list = NULL;
	char *body = malloc(len + 1);

	ck_assert_ptr_nonnull(body);
	memset(body, 'a', len);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	if (chunked)
		list = curl_slist_append(NULL, "Transfer-Encoding: chunked");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	testing_perform(curl, a);
	curl_slist_free_all(list);
	free(body);
}

/* Send bytes, read until the server hangs up or has answered; the length. */
static size_t
raw(const char *bytes, size_t len, char *answer, size_t size)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	                           .sin_port =
	                               htons((uint16_t)testing_server.port)};
	struct timeval wait = {TESTING_WAIT_MS / 1000, 0};
	size_t used = 0;
	ssize_t n;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	/* A server that has enough of it may have gone. */
	n = send(fd, bytes, len, MSG_NOSIGNAL);
	ck_assert(n >= 0 || errno == EPIPE || errno == ECONNRESET);
	(void)shutdown(fd, SHUT_WR);
	while (used + 1 < size &&
	       (n = read(fd, answer + used, size - 1 - used)) > 0)
		used += (size_t)n;
	answer[used] = '\0';
	close(fd);
	return used;
}

/* -- bodies */

START_TEST(a_body_arrives_whole)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 70000, MIB};
	char want[64];
	struct answer a;

	post(sizes[_i % 7], _i >= 7, &a);
	(void)snprintf(want, sizeof want, "[%zu,%lu]", sizes[_i % 7],
	               (unsigned long)sizes[_i % 7] * 'a');
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body, want);
}
END_TEST

START_TEST(a_body_that_is_too_large_is_413)
{
	struct answer a;

	post(MIB + 1, _i, &a);
	ck_assert_int_eq(a.status, 413);
	ck_assert_str_eq(a.body, "{\"message\":\"body larger than 1 MiB\"}");
	testing_assert_alive();
}
END_TEST

START_TEST(a_body_without_end_is_cut)
{
	struct answer a;

	post(16 * MIB, 1, &a);
	ck_assert_int_ne(a.curl, CURLE_OK);
	ck_assert_int_ne(a.status, 200);
	testing_assert_alive();
}
END_TEST

/* -- what is not HTTP */

static const struct raw_case {
	const char *bytes, *status; /* NULL: anything but 200 */
} raw_cases[] = {
    {"GARBAGE\r\n\r\n", NULL},
    {"GET /echo/1 HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
    {"GET /echo/1 HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
     "HTTP/1.1 400"},
    {"POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", NULL},
    {"POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     NULL},
    {"\x16\x03\x01\x02\x80\xff\r\n\r\n", NULL},
    {"", NULL},
};

START_TEST(malformed_requests_do_no_harm)
{
	const struct raw_case *c = &raw_cases[_i];
	char answer[4096];
	size_t len = strlen(c->bytes);

	(void)raw(c->bytes, len, answer, sizeof answer);
	if (c->status)
		ck_assert_msg(strncmp(answer, c->status, 12) == 0, "%s",
		              answer);
	else
		ck_assert_ptr_null(strstr(answer, " 200 "));
	testing_assert_alive();
}
END_TEST

START_TEST(headers_are_bounded)
{
	/* The second one is refused by libmicrohttpd, in words of its own. */
	size_t len = _i == 0 ? 10000 : 100000;
	char *bytes = malloc(len), answer[4096];

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'a', len);
	memcpy(bytes, "GET /echo/1 HTTP/1.1\r\nHost: x\r\nX: ", 34);
	memcpy(bytes + len - 4, "\r\n\r\n", 4);
	(void)raw(bytes, len, answer, sizeof answer);
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 431 ", 13), 0);
	if (_i == 0) {
		ck_assert_ptr_nonnull(
		    strstr(answer, "\r\nContent-Type: application/json\r\n"));
		ck_assert_ptr_nonnull(strstr(
		    answer, "{\"message\":\"headers larger than 8 KiB\"}"));
	}
	free(bytes);
	testing_assert_alive();
}
END_TEST

/* -- many at once */

static void *
ask_often(void *arg)
{
	struct answer *a = arg;
	int i;

	for (i = 0; i < 20; i++) {
		testing_ask("GET", "/echo/1", a);
		if (a->status != 200)
			break;
	}
	return NULL;
}

START_TEST(many_clients_at_once)
{
	static struct answer answers[16];
	pthread_t threads[16];
	int i;

	for (i = 0; i < 16; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, ask_often, &answers[i]),
		    0);
	for (i = 0; i < 16; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(answers[i].status, 200);
	}
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_http_responses_total", "2xx"), 16 * 20);
}
END_TEST

static void *
ask_wait(void *arg)
{
	testing_ask("GET", "/wait", arg);
	return NULL;
}

START_TEST(handlers_that_wait_do_not_stop_the_rest)
{
	static struct answer answers[16];
	struct answer a;
	pthread_t threads[16];
	int i;

	for (i = 0; i < 16; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, ask_wait, &answers[i]),
		    0);
	testing_gate_wait(16);
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, 200);
	testing_gate_open();
	for (i = 0; i < 16; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(answers[i].status, 200);
	}
}
END_TEST

START_TEST(a_shutdown_lets_requests_end)
{
	static struct answer answer;
	struct answer a;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, ask_wait, &answer), 0);
	testing_gate_wait(1);
	psm_service_stop(testing_server.svc);
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_STOPPING, TESTING_WAIT_MS),
	    0);
	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_str_eq(a.body, "{\"message\":\"not running\"}");
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_ptr_nonnull(strstr(a.body, "\"reason\":\"stopping\""));
	testing_gate_open();
	pthread_join(thread, NULL);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(answer.body, "[\"waited GET /wait - -\"]");
}
END_TEST

/* -- without memory: any answer but a wrong one, and the server lives on */

START_TEST(a_request_without_memory)
{
	struct answer a, whole;
	long n, count, refused = 0;

	testing_memory_begin();
	testing_server_up();
	testing_memory_refuse(0);
	testing_ask("GET", "/echo/1?q+a=5", &whole);
	count = atomic_load(&testing_memory.calls);
	ck_assert_int_ge(count, 4);
	for (n = 1; n <= count; n++) {
		testing_memory_refuse(n);
		testing_ask("GET", "/echo/1?q+a=5", &a);
		testing_memory_refuse(0);
		/* A counter or a log record may get lost; an answer is whole
		 * or none. */
		if (a.curl != CURLE_OK || a.status >= 500)
			refused++;
		else
			ck_assert_str_eq(a.body, whole.body);
		testing_assert_alive();
	}
	ck_assert_int_ge(refused, 4);
	testing_server_down();
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http_load");
	TCase *running = tcase_create("running");
	TCase *apart = tcase_create("apart");

	tcase_add_checked_fixture(running, testing_server_up,
	                          testing_server_down);
	tcase_set_timeout(running, 60);
	tcase_set_timeout(apart, 60);
	tcase_add_loop_test(running, a_body_arrives_whole, 0, 14);
	tcase_add_loop_test(running, a_body_that_is_too_large_is_413, 0, 2);
	tcase_add_test(running, a_body_without_end_is_cut);
	tcase_add_loop_test(running, malformed_requests_do_no_harm, 0,
	                    sizeof raw_cases / sizeof *raw_cases);
	tcase_add_loop_test(running, headers_are_bounded, 0, 2);
	tcase_add_test(running, many_clients_at_once);
	tcase_add_test(running, handlers_that_wait_do_not_stop_the_rest);
	tcase_add_test(running, a_shutdown_lets_requests_end);
	tcase_add_test(apart, a_request_without_memory);
	suite_add_tcase(s, running);
	suite_add_tcase(s, apart);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = testing_run(sr);
	curl_global_cleanup();
	return failed;
}
