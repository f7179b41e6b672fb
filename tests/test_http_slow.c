/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients that are slow, idle or many: each costs a socket, none a thread. */
#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "testing_http.h"

#define SLOW 64
#define MANY 200

static const char get_echo[] = "GET /echo/1 HTTP/1.1\r\nHost: localhost\r\n"
			       "Connection: close\r\n\r\n";
static const char wait_head[] = "GET /wait HTTP/1.1\r\nHost: localhost\r\n"
				"Connection: close\r\n\r\n";
static const char body_head[] = "POST /body HTTP/1.1\r\nHost: localhost\r\n"
				"Content-Length: 6000\r\n\r\n";

static int
connect_to_server(void)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
	                           .sin_port =
	                               htons((uint16_t)testing_server.port)};
	struct timeval wait = {TESTING_WAIT_MS / 1000, 0};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_ge(fd, 0);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
	return fd;
}

static void
put(int fd, const char *bytes)
{
	ck_assert_int_eq(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL),
	                 (ssize_t)strlen(bytes));
}

/* Read until the server hangs up, which it must do. */
static void
read_all(int fd, char *answer, size_t size)
{
	size_t used = 0;
	ssize_t n;

	while ((n = read(fd, answer + used, size - 1 - used)) > 0)
		used += (size_t)n;
	answer[used] = '\0';
	ck_assert_msg(n == 0 || used > 0, "no answer");
	close(fd);
}

static void
up_with(const struct svc_limits *changed)
{
	struct svc_limits *limits;

	testing_server_new();
	limits = &testing_server.svc->limits;
	if (changed->connections > 0)
		limits->connections = changed->connections;
	if (changed->handlers > 0)
		limits->handlers = changed->handlers;
	if (changed->bodies > 0)
		limits->bodies = changed->bodies;
	if (changed->head_ms > 0)
		limits->head_ms = changed->head_ms;
	if (changed->body_ms > 0)
		limits->body_ms = changed->body_ms;
	if (changed->queue_ms > 0)
		limits->queue_ms = changed->queue_ms;
	if (changed->crowded_ms > 0)
		limits->crowded_ms = changed->crowded_ms;
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

/* -- deadlines: those that a request of a busy machine meets, too */

static const struct slow_case {
	const char *start, *answer;
} slow_cases[] = {
    {"GET /echo/1 HTTP/1.1\r\nHost: localhost\r\nX-", "HTTP/1.1 408 "},
    {body_head, "HTTP/1.1 408 "},
    {"", "HTTP/1.1 408 "},
};

START_TEST(slow_clients_are_hung_up_on)
{
	const struct slow_case *c = &slow_cases[_i];
	int fds[SLOW], i;
	char answer[1024];
	struct answer a;

	up_with(&(struct svc_limits){.head_ms = 1500, .body_ms = 1500});
	for (i = 0; i < SLOW; i++) {
		fds[i] = connect_to_server();
		put(fds[i], c->start);
	}
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, 200);
	testing_assert_alive();
	for (i = 0; i < SLOW; i++) {
		read_all(fds[i], answer, sizeof answer);
		ck_assert_msg(strncmp(answer, c->answer, 13) == 0, "\"%s\"",
		              answer);
		ck_assert_ptr_nonnull(strstr(
		    answer,
		    "\r\n\r\n{\"message\":\"request came too slowly\"}"));
	}
	ck_assert_int_eq(psm_metrics_value("psymatch_http_timeouts_total", ""),
	                 SLOW);
	testing_server_down();
}
END_TEST

/* A byte now and then does not prolong the deadline. */
START_TEST(a_trickle_does_not_help)
{
	struct pollfd p = {.events = POLLIN};
	char answer[1024];
	int i;

	up_with(&(struct svc_limits){.head_ms = 1500, .body_ms = 1500});
	p.fd = connect_to_server();
	put(p.fd, body_head);
	for (i = 0; i < 5000 && poll(&p, 1, 10) == 0; i++)
		if (send(p.fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
	ck_assert_int_lt(i, 5000);
	read_all(p.fd, answer, sizeof answer);
	ck_assert_int_eq(strncmp(answer, "HTTP/1.1 408 ", 13), 0);
	testing_server_down();
}
END_TEST

/* -- more than there is room for */

static void
assert_200(int fd)
{
	char answer[1024];

	read_all(fd, answer, sizeof answer);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 200 ", 13) == 0, "\"%s\"",
	              answer);
}

START_TEST(clients_at_once_are_all_answered)
{
	static const size_t connections[] = {0, 16};
	static int fds[MANY];
	int i;

	up_with(&(struct svc_limits){.connections = connections[_i]});
	for (i = 0; i < MANY; i++) {
		fds[i] = connect_to_server();
		put(fds[i], get_echo);
	}
	for (i = 0; i < MANY; i++)
		assert_200(fds[i]);
	testing_server_down();
}
END_TEST

START_TEST(idle_clients_make_room)
{
	int fds[32], i;

	up_with(&(struct svc_limits){
	    .connections = 16, .head_ms = 600000, .crowded_ms = 1000});
	for (i = 0; i < 32; i++)
		fds[i] = connect_to_server();
	testing_assert_alive();
	for (i = 0; i < 32; i++)
		close(fds[i]);
	testing_server_down();
}
END_TEST

START_TEST(waiting_for_a_handler_has_an_end)
{
	struct answer a;
	int fd;

	up_with(&(struct svc_limits){.handlers = 1, .queue_ms = 1000});
	fd = connect_to_server();
	put(fd, wait_head);
	testing_gate_wait(1);
	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_str_eq(a.body, "{\"message\":\"too many requests at once\"}");
	ck_assert_ptr_nonnull(strstr(a.headers, "\r\nRetry-After: 1\r\n"));
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, 200);
	testing_gate_open();
	assert_200(fd);
	testing_assert_alive();
	testing_server_down();
}
END_TEST

START_TEST(bodies_together_are_bounded)
{
	CURL *curl;
	struct answer a;
	char body[20001];
	int fd, i;

	memset(body, 'a', sizeof body - 1);
	body[sizeof body - 1] = '\0';
	up_with(&(struct svc_limits){.bodies = 8192});
	fd = connect_to_server();
	put(fd, body_head); /* 5999 of 6000 bytes: 8 KiB of memory */
	for (i = 0; i < 5999; i++)
		put(fd, "a");
	do { /* until those have been read */
		curl = testing_client("POST", "/body", &a);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		testing_perform(curl, &a);
	} while (a.status == 200);
	ck_assert_int_eq(a.status, 503);
	ck_assert_str_eq(a.body, "{\"message\":\"too many requests at once\"}");
	shutdown(fd, SHUT_WR);
	read_all(fd, body, sizeof body);
	do { /* until it has gone */
		curl = testing_client("POST", "/body", &a);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "abc");
		testing_perform(curl, &a);
	} while (a.status == 503);
	ck_assert_int_eq(a.status, 200);
	testing_server_down();
}
END_TEST

START_TEST(requests_in_a_row_are_answered_in_order)
{
	char bytes[1024] = "", want[32], answer[4096];
	const char *at = answer;
	int fd, i;

	up_with(&(struct svc_limits){.handlers = 4});
	for (i = 0; i < 10; i++)
		(void)snprintf(
		    bytes + strlen(bytes), sizeof bytes - strlen(bytes),
		    "GET /echo/%d HTTP/1.1\r\nHost: localhost\r\n%s\r\n", i,
		    i == 9 ? "Connection: close\r\n" : "");
	fd = connect_to_server();
	put(fd, bytes);
	read_all(fd, answer, sizeof answer);
	for (i = 0; i < 10; i++) {
		(void)snprintf(want, sizeof want, "GET /echo/%d %d ", i, i);
		at = strstr(at, want);
		ck_assert_ptr_nonnull(at);
	}
	testing_server_down();
}
END_TEST

/* Handlers that had begun end, one that waits for a thread does not begin. */
START_TEST(a_shutdown_ends_the_queue)
{
	char answer[1024];
	struct answer a;
	int first, second;

	up_with(&(struct svc_limits){.handlers = 1, .queue_ms = 600000});
	first = connect_to_server();
	put(first, wait_head);
	testing_gate_wait(1);
	second = connect_to_server();
	put(second, get_echo);
	psm_service_stop(testing_server.svc);
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_STOPPING, TESTING_WAIT_MS),
	    0);
	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_eq(a.status, 503);
	testing_gate_open();
	assert_200(first);
	read_all(second, answer, sizeof answer);
	ck_assert_msg(strncmp(answer, "HTTP/1.1 200 ", 13) == 0 ||
	                  strncmp(answer, "HTTP/1.1 503 ", 13) == 0,
	              "\"%s\"", answer);
	testing_server_down();
}
END_TEST

/* -- the list of connections by itself, with a clock of its own */

static struct svc_conn *late_one;

static void
on_late(struct svc_conn *conn, void *user)
{
	ck_assert_ptr_null(user);
	late_one = conn;
	conn->until_us = 0;
}

START_TEST(each_phase_has_its_deadline)
{
	static const struct svc_limits limits = {.connections = 1000,
	                                         .head_ms = 10,
	                                         .body_ms = 20,
	                                         .queue_ms = 30,
	                                         .answer_ms = 40,
	                                         .idle_ms = 50};
	static const struct {
		enum svc_phase phase;
		int64_t ms; /* 0: none */
		const char *text;
	} cases[] = {
	    {SVC_HEAD, 10, "408"},  {SVC_BODY, 20, "408"}, {SVC_QUEUED, 30, ""},
	    {SVC_HANDLED, 0, NULL}, {SVC_ANSWER, 40, ""},
	};
	struct svc_conns conns;
	struct svc_conn *conn;
	char text[512];
	int fds[2];

	psm__svc_conns_init(&conns, &limits);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	conn = psm__svc_conn_new(&conns, fds[0]);
	ck_assert_ptr_nonnull(conn);
	if (cases[_i].phase != SVC_HEAD)
		psm__svc_conn_phase(&conns, conn, cases[_i].phase);
	ck_assert_int_eq(conn->until_us - conn->since_us,
	                 cases[_i].ms > 0 ? cases[_i].ms * 1000
	                                  : -conn->since_us);
	ck_assert_int_eq(
	    psm__svc_conns_expire(&conns, conn->since_us + 9999, on_late, NULL),
	    conn->until_us);
	ck_assert_int_eq(psm__svc_conns_expire(&conns, conn->since_us + 1000000,
	                                       on_late, NULL),
	                 0);
	if (cases[_i].phase == SVC_QUEUED)
		ck_assert_ptr_eq(late_one, conn);
	else if (cases[_i].ms > 0)
		read_all(fds[1], text, sizeof text);
	if (cases[_i].ms > 0 && cases[_i].phase != SVC_QUEUED) {
		ck_assert_int_eq(conn->phase, SVC_CLOSING);
		ck_assert_uint_eq(conns.closing, 1);
	}
	psm__svc_conn_free(&conns, conn);
	ck_assert_uint_eq(conns.count + conns.closing, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http_slow");
	TCase *t = tcase_create("slow");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, slow_clients_are_hung_up_on, 0, 3);
	tcase_add_test(t, a_trickle_does_not_help);
	tcase_add_loop_test(t, clients_at_once_are_all_answered, 0, 2);
	tcase_add_test(t, idle_clients_make_room);
	tcase_add_test(t, waiting_for_a_handler_has_an_end);
	tcase_add_test(t, bodies_together_are_bounded);
	tcase_add_test(t, requests_in_a_row_are_answered_in_order);
	tcase_add_test(t, a_shutdown_ends_the_queue);
	tcase_add_loop_test(t, each_phase_has_its_deadline, 0, 5);
	suite_add_tcase(s, t);
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
