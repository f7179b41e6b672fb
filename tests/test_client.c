/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a neighbour that is slow, or says what nobody can use. */
#include <curl/curl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/service.h"
#include "testing.h"

#define CALLS 32 /* at the same time */
#define LONG_MS 60000

/* -- names: libcurl finds this function before that of the C library */

static pthread_mutex_t names = PTHREAD_MUTEX_INITIALIZER;

__attribute__((visibility("default"))) int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	(void)res;
	pthread_mutex_lock(&names);
	pthread_mutex_unlock(&names);
	return EAI_FAIL;
}

/* -- a neighbour of few words */

static int listener;
static char base[64];

/* psm__svc_listen() needs the function above. */
static void
set_up(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct sockaddr *any = (struct sockaddr *)&at;
	socklen_t len = sizeof at;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(bind(listener, any, len), 0);
	ck_assert_int_eq(listen(listener, 2 * CALLS), 0);
	ck_assert_int_eq(getsockname(listener, any, &len), 0);
	(void)snprintf(base, sizeof base, "http://127.0.0.1:%d",
	               ntohs(at.sin_port));
}

static void
tear_down(void)
{
	close(listener);
}

/* The next one that calls. */
static int
take_call(void)
{
	struct pollfd fd = {listener, POLLIN, 0};
	int conn;

	ck_assert_int_eq(poll(&fd, 1, LONG_MS), 1);
	conn = accept(listener, NULL, NULL);
	ck_assert_int_ge(conn, 0);
	return conn;
}

/* Say text, then its last byte again so many times. */
static void
say(int conn, const char *text, size_t again)
{
	char block[65536];
	size_t len = strlen(text);

	ck_assert_int_eq(send(conn, text, len, MSG_NOSIGNAL), (ssize_t)len);
	memset(block, text[len - 1], sizeof block);
	for (; again > 0; again -= len) {
		len = again < sizeof block ? again : sizeof block;
		if (send(conn, block, len, MSG_NOSIGNAL) < (ssize_t)len)
			return; /* it has heard enough */
	}
}

struct call {
	const char *base;
	int timeout_ms, rc;
	pthread_t thread;
	psm_error *err;
	psm_json *doc;
};

static void *
call(void *arg)
{
	struct call *c = arg;

	c->err = psm_error_new();
	c->rc = psm__svc_fetch("mail", c->base, "/x?y=1", c->timeout_ms,
	                       &c->doc, c->err);
	return NULL;
}

static void
begin(struct call *c, const char *url, int timeout_ms)
{
	*c = (struct call){.base = url, .timeout_ms = timeout_ms};
	ck_assert_int_eq(pthread_create(&c->thread, NULL, call, c), 0);
}

static void
end(struct call *c, int rc)
{
	ck_assert_int_eq(pthread_join(c->thread, NULL), 0);
	ck_assert_msg(c->rc == rc, "%d %s", c->rc, psm_error_message(c->err));
	if (rc < 0)
		ck_assert_ptr_nonnull(
		    strstr(psm_error_message(c->err), "\"mail\""));
	ck_assert_int_eq(c->doc != NULL, rc == 0);
	psm_json_free(c->doc);
	psm_error_free(c->err);
}

/* -- answers */

static const struct {
	const char *answer;
	size_t again;
	int rc;
} answers[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 0, 0},
    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{]", 0, PSM_ERR_UNAVAILABLE},
    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, PSM_ERR_UNAVAILABLE},
    {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 0,
     PSM_ERR_UNAVAILABLE},
    /* Not followed: whoever answers is to be the neighbour. */
    {"HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 2\r\n\r\n{}", 0,
     PSM_ERR_UNAVAILABLE},
    {"nonsense\r\n\r\n", 0, PSM_ERR_UNAVAILABLE},
    /* 17 MiB of blanks in front of nothing. */
    {"HTTP/1.1 200 OK\r\n\r\n ", (size_t)17 * 1024 * 1024, PSM_ERR_UNAVAILABLE},
};

START_TEST(an_answer_is_json_or_the_service_unavailable)
{
	char request[1024] = "";
	struct call c;
	int conn;

	begin(&c, base, LONG_MS);
	conn = take_call();
	ck_assert_int_gt(read(conn, request, sizeof request - 1), 0);
	ck_assert_ptr_nonnull(strstr(request, "GET /x?y=1 HTTP/1.1\r\n"));
	say(conn, answers[_i].answer, answers[_i].again);
	(void)shutdown(conn, SHUT_WR);
	end(&c, answers[_i].rc);
	close(conn);
}
END_TEST

START_TEST(a_base_may_end_with_a_slash)
{
	char request[1024] = "", url[80];
	struct call c;
	int conn;

	(void)snprintf(url, sizeof url, "%s/base//", base);
	begin(&c, url, LONG_MS);
	conn = take_call();
	ck_assert_int_gt(read(conn, request, sizeof request - 1), 0);
	ck_assert_ptr_nonnull(strstr(request, "GET /base/x?y=1 HTTP/1.1\r\n"));
	close(conn);
	end(&c, PSM_ERR_UNAVAILABLE);
}
END_TEST

/* -- deadlines: nothing but the deadline ends these calls */

static const char *const beginnings[] = {
    NULL, /* does not even take the call */
    "HTTP/1.1 200 OK\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1",
};

START_TEST(a_slow_answer_has_a_deadline)
{
	struct call c;
	int conn = -1;

	/* Time to call is in it. */
	begin(&c, base, 1000);
	if (beginnings[_i]) {
		conn = take_call();
		say(conn, beginnings[_i], 0);
	}
	end(&c, PSM_ERR_UNAVAILABLE);
	if (conn >= 0)
		close(conn);
}
END_TEST

START_TEST(no_time_left_is_no_call)
{
	struct pollfd fd = {listener, POLLIN, 0};
	struct call c;

	begin(&c, base, 0);
	end(&c, PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
}
END_TEST

START_TEST(a_slow_name_has_a_deadline)
{
	struct call c;

#if LIBCURL_VERSION_NUM < 0x075700
	return; /* it waits for the resolver's thread */
#endif
	pthread_mutex_lock(&names);
	begin(&c, "http://slow.test", 300);
	end(&c, PSM_ERR_UNAVAILABLE);
	pthread_mutex_unlock(&names);
}
END_TEST

/* -- many at once */

START_TEST(a_slow_neighbour_leaves_threads)
{
	struct pollfd fd = {listener, POLLIN, 0};
	struct call calls[CALLS], more;
	int conns[CALLS], i;

	for (i = 0; i < CALLS; i++)
		begin(&calls[i], base, LONG_MS);
	for (i = 0; i < CALLS; i++)
		conns[i] = take_call();
	begin(&more, base, LONG_MS);
	end(&more, PSM_ERR_UNAVAILABLE); /* without a call */
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	/* They did not come in the order in which they were begun. */
	for (i = 0; i < CALLS; i++)
		close(conns[i]);
	for (i = 0; i < CALLS; i++)
		end(&calls[i], PSM_ERR_UNAVAILABLE);
	/* Those have ended, so there is room again. */
	begin(&more, base, LONG_MS);
	close(take_call());
	end(&more, PSM_ERR_UNAVAILABLE);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("client");
	TCase *tc = tcase_create("client");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, an_answer_is_json_or_the_service_unavailable, 0,
	                    sizeof answers / sizeof *answers);
	tcase_add_test(tc, a_base_may_end_with_a_slash);
	tcase_add_loop_test(tc, a_slow_answer_has_a_deadline, 0,
	                    sizeof beginnings / sizeof *beginnings);
	tcase_add_test(tc, no_time_left_is_no_call);
	tcase_add_test(tc, a_slow_name_has_a_deadline);
	tcase_add_test(tc, a_slow_neighbour_leaves_threads);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
