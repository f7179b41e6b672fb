/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes, answers, health and metrics, asked by libcurl. */
#include "testing_http.h"

/* -- routes */

static const struct route_case {
	const char *method, *path;
	long status;
	const char *body; /* the whole one; NULL: none */
} route_cases[] = {
    {"GET", "/echo/7", 200, "[\"param GET /echo/7 7 -\"]"},
    {"PUT", "/echo/7", 200, "[\"put PUT /echo/7 7 -\"]"},
    {"GET", "/echo/fixed", 200, "[\"literal GET /echo/fixed - -\"]"},
    {"PUT", "/echo/other", 200, "[\"put PUT /echo/other other -\"]"},
    {"DELETE", "/other/x", 200, "[\"first DELETE /other/x other -\"]"},
    {"DELETE", "/echo/x", 405, "{\"message\":\"method not allowed\"}"},
    {"GET", "/", 200, "[\"root GET / - -\"]"},
    {"GET", "/echo/a%2Fb%20c", 200, "[\"param GET /echo/a%2Fb%20c a/b c -\"]"},
    {"GET", "/echo/%c3%A4", 200, "[\"param GET /echo/%c3%A4 \xc3\xa4 -\"]"},
    {"GET", "/echo/1?q+a=x%26y+z&q%20a=no", 200,
     "[\"param GET /echo/1 1 x&y z\"]"},
    {"GET", "/echo/1?q%20a", 200, "[\"param GET /echo/1 1 \"]"},
    {"GET", "/echo/1?other=1&&", 200, "[\"param GET /echo/1 1 -\"]"},
    {"GET", "/pair/x/of/y", 201, "{\"message\":\"x,y\"}"},
    {"HEAD", "/echo/7", 200, NULL},
    {"HEAD", "/nothing", 404, NULL},
    {"GET", "/nothing", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/echo", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/echo/", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/echo/1/", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/echo/../echo/1", 404, "{\"message\":\"no such path\"}"},
    {"GET", "//echo/1", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/%65cho/1", 404, "{\"message\":\"no such path\"}"},
    {"GET", "/echo/%zz", 400, "{\"message\":\"malformed path or query\"}"},
    {"GET", "/echo/%4", 400, "{\"message\":\"malformed path or query\"}"},
    {"GET", "/echo/%00", 400, "{\"message\":\"malformed path or query\"}"},
    {"GET", "/echo/1?a=%", 400, "{\"message\":\"malformed path or query\"}"},
    {"GET", "/echo/1?%00=1", 400, "{\"message\":\"malformed path or query\"}"},
    {"POST", "/echo/1", 405, "{\"message\":\"method not allowed\"}"},
    {"HEAD", "/body", 405, NULL},
    {"BREW", "/echo/1", 405, "{\"message\":\"method not allowed\"}"},
    {"PUT", "/echo/fixed", 405, "{\"message\":\"method not allowed\"}"},
    {"POST", "/health", 405, "{\"message\":\"method not allowed\"}"},
    {"GET", "/silent", 500, "{\"message\":\"no answer\"}"},
    {"GET", "/twice", 500, "{\"message\":\"last ? \\\"quoted\\\"\"}"},
};

START_TEST(a_request_finds_its_route)
{
	const struct route_case *c = &route_cases[_i];
	struct answer a;

	testing_ask(c->method, c->path, &a);
	ck_assert_int_eq(a.curl, CURLE_OK);
	ck_assert_msg(a.status == c->status, "%s %s: %ld %s", c->method,
	              c->path, a.status, a.body);
	ck_assert_str_eq(a.body, c->body ? c->body : "");
	ck_assert_str_eq(a.type, "application/json");
}
END_TEST

START_TEST(a_405_says_what_is_allowed)
{
	struct answer a;

	testing_ask("POST", "/echo/1", &a);
	ck_assert_ptr_nonnull(
	    strstr(a.headers, "\r\nAllow: GET, HEAD, PUT, OPTIONS\r\n"));
	testing_ask("GET", "/body", &a);
	ck_assert_ptr_nonnull(
	    strstr(a.headers, "\r\nAllow: POST, OPTIONS\r\n"));
}
END_TEST

START_TEST(head_is_get_without_a_body)
{
	struct answer a;

	testing_ask("HEAD", "/echo/7", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.headers, "\r\nContent-Length: 26\r\n"));
	ck_assert_uint_eq(a.body_len, 0);
}
END_TEST

START_TEST(too_many_query_items_are_refused)
{
	char path[512] = "/echo/1?";
	struct answer a;
	int i;

	for (i = 0; i < SVC_QUERY_MAX; i++)
		strcat(path, "n=1&");
	testing_ask("GET", path, &a);
	ck_assert_int_eq(a.status, 200);
	strcat(path, "n=1");
	testing_ask("GET", path, &a);
	ck_assert_int_eq(a.status, 400);
}
END_TEST

/* -- adding routes */

static const struct bad_route {
	const char *method, *path;
	int code;
} bad_routes[] = {
    {"HEAD", "/a", PSM_ERR_INVAL},
    {"get", "/a", PSM_ERR_INVAL},
    {"GET", "", PSM_ERR_INVAL},
    {"GET", "a", PSM_ERR_INVAL},
    {"GET", "/a/", PSM_ERR_INVAL},
    {"GET", "//a", PSM_ERR_INVAL},
    {"GET", "/{}", PSM_ERR_INVAL},
    {"GET", "/{a", PSM_ERR_INVAL},
    {"GET", "/{A}", PSM_ERR_INVAL},
    {"GET", "/a b", PSM_ERR_INVAL},
    {"GET", "/%41", PSM_ERR_INVAL},
    {"GET", "/1/2/3/4/5/6/7/8/9/10/11/12/13", PSM_ERR_INVAL},
    {"GET", NULL, PSM_ERR_INVAL},
    {NULL, "/a", PSM_ERR_INVAL},
    {"GET", "/echo/fixed", PSM_ERR_CONFLICT},
    {"GET", "/echo/{other}", PSM_ERR_CONFLICT},
    {"GET", "/health", PSM_ERR_CONFLICT},
    {"GET", "/metrics", PSM_ERR_CONFLICT},
};

static int
any_handler(const psm_request *req, psm_response *res, void *user,
            psm_error *err)
{
	(void)req;
	(void)res;
	(void)user;
	(void)err;
	return 0;
}

START_TEST(a_bad_route_is_refused)
{
	const struct bad_route *c = &bad_routes[_i];

	testing_server_new();
	ck_assert_int_eq(psm_service_route(testing_server.svc, c->method,
	                                   c->path, any_handler, NULL,
	                                   testing_server.err),
	                 c->code);
	ck_assert_int_eq(psm_error_code(testing_server.err), c->code);
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
}
END_TEST

/* -- errors */

static int
expected_status(int code)
{
	static const int table[][2] = {
	    {PSM_ERR_INVAL, 400},        {PSM_ERR_PARSE, 400},
	    {PSM_ERR_SCHEMA, 400},       {PSM_ERR_NOT_FOUND, 404},
	    {PSM_ERR_CONFLICT, 409},     {PSM_ERR_TRANSITION, 409},
	    {PSM_ERR_TOO_LARGE, 413},    {PSM_ERR_FULL, 503},
	    {PSM_ERR_DB, 503},           {PSM_ERR_BROKER, 503},
	    {PSM_ERR_TIMEOUT, 503},      {PSM_ERR_RETRY, 503},
	    {PSM_ERR_NOMEM, 503},        {PSM_ERR_IO, 503},
	    {PSM_ERR_REJECT, 422},       {PSM_ERR_UNCONFIRMED, 202},
	    {PSM_ERR_AMBIGUOUS, 409},    {PSM_ERR_FENCED, 503},
	    {PSM_ERR_CLOSED, 503},       {PSM_ERR_VERSION, 400},
	    {PSM_ERR_UNKNOWN_TYPE, 400}, {PSM_ERR_STATE, 500},
	    {PSM_ERR_CONFIG, 500},       {PSM_ERR_CORRUPT, 500},
	    {PSM_ERR_PRECONDITION, 412}, {PSM_ERR_MEDIA_TYPE, 415},
	    {PSM_ERR_UNAVAILABLE, 503},
	};
	size_t i;

	for (i = 0; i < sizeof table / sizeof *table; i++)
		if (table[i][0] == code)
			return table[i][1];
	ck_abort_msg("no status for code %d", code);
	return 0;
}

START_TEST(an_error_has_its_status)
{
	char path[32], body[128];
	struct answer a;
	int code, status;
	size_t i;

	for (i = 0; (code = psm_error_at(i)) != 0; i++) {
		(void)snprintf(path, sizeof path, "/fail/%d", code);
		testing_ask("GET", path, &a);
		status = expected_status(code);
		ck_assert_int_eq(a.status, status);
		ck_assert_int_eq(psm_error_http_status(code), status);
		(void)snprintf(body, sizeof body,
		               "{\"message\":\"%s\",\"code\":\"%s\"}",
		               status < 500 || code == PSM_ERR_UNAVAILABLE
		                   ? "it broke"
		                   : psm_strerror(code),
		               psm_error_name(code));
		ck_assert_str_eq(a.body, body);
		ck_assert_int_eq(strstr(a.headers, "\r\nRetry-After: 1\r\n") !=
		                     NULL,
		                 status == 503);
	}
	ck_assert_uint_gt(i, 20);
}
END_TEST

/* What the client is not told stands in the log. */
static char lines[1024];

static void
keep_line(int level, const char *message, const char *const *fields, void *user)
{
	char *to = user;

	(void)level;
	(void)snprintf(to, sizeof lines, "%s %s=%s %s=%s", message, fields[0],
	               fields[1], fields[2], fields[3]);
}

START_TEST(fault_88_details_go_to_the_log)
{
	psm_response res = {0};
	psm_error *err = psm_error_new();

	psm_set_log(keep_line, PSM_LOG_WARN, lines);
	psm_error_set(err, PSM_ERR_IO, "/var/lib/x/socket: no such file");
	psm_response_error(&res, err);
	ck_assert_int_eq(res.status, 503);
	ck_assert_int_eq(strncmp(res.body,
	                         "{\"message\":\"file or system error\",",
	                         strlen("{\"message\":\"file or system "
	                                "error\",")),
	                 0);
	ck_assert_str_eq(lines, "request failed code=PSM_ERR_IO "
	                        "reason=/var/lib/x/socket: no such file");
	lines[0] = '\0';
	psm_error_set(err, PSM_ERR_NOT_FOUND, "no such patient");
	psm_response_error(&res, err);
	ck_assert_str_eq(lines, "");
	psm_set_log(NULL, PSM_LOG_WARN, NULL);
	psm__svc_response_clear(&res);
	psm_error_free(err);
}
END_TEST

START_TEST(an_error_tells_the_place)
{
	psm_response res = {0};
	psm_error *err = psm_error_new();
	psm_json *doc = NULL, *body = NULL;

	ck_assert_int_lt(psm_json_parse("{\n \"a\": ?}", 10, &doc, err), 0);
	psm_response_error(&res, err);
	ck_assert_int_eq(res.status, 400);
	ck_assert_int_eq(psm_json_parse(res.body, res.len, &body, NULL), 0);
	ck_assert_ptr_nonnull(psm_json_at(body, "/message"));
	ck_assert_ptr_nonnull(psm_json_at(body, "/column"));
	ck_assert_int_eq(
	    strncmp(psm_json_text(psm_json_at(body, "/line"), NULL), "2", 1),
	    0);
	psm_json_free(body);
	psm_error_clear(err);
	psm_response_error(&res, err);
	ck_assert_int_eq(res.status, 500);
	psm__svc_response_clear(&res);
	psm_error_free(err);
	psm_response_error(NULL, NULL);
	psm_response_message(NULL, 200, "x");
	psm_response_json(NULL, 200, "1", 1);
}
END_TEST

/* -- health and metrics */

static int
health_of(char *reason, size_t size, void *user)
{
	ck_assert_uint_ge(size, 160);
	(void)snprintf(reason, size, "number %d", *(int *)user);
	return *(int *)user;
}

static void
add_part(const char *name, int *health)
{
	ck_assert_int_eq(psm_service_health(testing_server.svc, name, health_of,
	                                    health, testing_server.err),
	                 0);
}

START_TEST(fault_S10_health_is_the_worst_part)
{
	static int one = PSM_HEALTH_GREEN, two;
	static const struct {
		int health;
		long status;
		const char *part, *all;
	} cases[] = {
	    {PSM_HEALTH_GREEN, 200, "\"healthy\",\"reason\":\"number 0\"",
	     "{\"status\":\"healthy\",\"service\":"},
	    {PSM_HEALTH_AMBER, 200, "\"degraded\",\"reason\":\"number 1\"",
	     "{\"status\":\"degraded\",\"service\":"},
	    {PSM_HEALTH_RED, 503, "\"unhealthy\",\"reason\":\"number 2\"",
	     "{\"status\":\"unhealthy\",\"service\":"},
	    {77, 503, "\"unhealthy\",\"reason\":\"number 77\"",
	     "{\"status\":\"unhealthy\",\"service\":"},
	};
	psm_json *doc = NULL;
	struct answer a;

	testing_server_new();
	add_part("one", &one);
	add_part("two", &two);
	two = cases[_i].health;
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, cases[_i].status);
	ck_assert_str_eq(a.type, "application/json");
	ck_assert_int_eq(psm_json_parse(a.body, a.body_len, &doc, NULL), 0);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/service")),
	                 "test-service");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/parts/0/name")),
	                 "service");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/parts/0/reason")),
	                 "running");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/parts/2/name")),
	                 "two");
	ck_assert_ptr_nonnull(strstr(a.body, cases[_i].part));
	ck_assert_int_eq(strncmp(a.body, cases[_i].all, strlen(cases[_i].all)),
	                 0);
	/* Neither part is needed to answer requests. */
	testing_ask("GET", "/health/ready", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_null(strstr(a.body, "\"two\""));
	psm_json_free(doc);
	testing_server_down();
}
END_TEST

static int
start_waits(void *user, psm_error *err)
{
	(void)user;
	(void)err;
	testing_gate_pass();
	return 0;
}

START_TEST(a_service_that_starts_says_so)
{
	struct answer a;

	testing_server_new();
	ck_assert_int_eq(psm_service_stage(testing_server.svc, "slow",
	                                   start_waits, NULL, NULL,
	                                   testing_server.err),
	                 0);
	testing_server_start();
	testing_gate_wait(1);
	testing_ask("GET", "/health", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_ptr_nonnull(strstr(a.body, "\"reason\":\"starting: slow\""));
	testing_ask("GET", "/health/ready", &a);
	ck_assert_int_eq(a.status, 503);
	ck_assert_ptr_nonnull(strstr(a.body, "\"status\":\"unhealthy\""));
	testing_ask("GET", "/health/live", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body, "{\"status\":\"healthy\",\"service\":"
	                         "\"test-service\",\"parts\":[]}");
	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_eq(a.status, 503);
	testing_ask("GET", "/metrics", &a);
	ck_assert_int_eq(a.status, 200);
	testing_gate_open();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
	testing_assert_alive();
	testing_server_down();
}
END_TEST

START_TEST(metrics_are_text)
{
	struct answer a;

	testing_assert_alive();
	testing_ask("GET", "/metrics", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.type, "text/plain; version=0.0.4; charset=utf-8");
	ck_assert_ptr_nonnull(strstr(
	    a.body, "# HELP psymatch_http_responses_total Answers over HTTP, "
		    "by the class of their status.\n"));
	ck_assert_ptr_nonnull(
	    strstr(a.body, "psymatch_http_responses_total{class=\"2xx\"} "));
	testing_promtool(a.body);
}
END_TEST

/* -- listening */

START_TEST(a_port_in_use_is_an_error)
{
	int fd, port;

	testing_server_new();
	ck_assert_int_eq(
	    psm__svc_listen("127.0.0.1", 0, &fd, &port, testing_server.err), 0);
	ck_assert_int_eq(psm_service_run(testing_server.svc, "127.0.0.1", port,
	                                 testing_server.err),
	                 PSM_ERR_IO);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(testing_server.err), "127.0.0.1"));
	close(fd);
	ck_assert_int_eq(psm_service_run(testing_server.svc, "no such host", 1,
	                                 testing_server.err),
	                 PSM_ERR_IO);
	ck_assert_int_eq(
	    psm_service_run(testing_server.svc, NULL, 1, testing_server.err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_run(testing_server.svc, "::1", 65536,
	                                 testing_server.err),
	                 PSM_ERR_INVAL);
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("http");
	TCase *running = tcase_create("running");
	TCase *apart = tcase_create("apart");

	tcase_add_checked_fixture(running, testing_server_up,
	                          testing_server_down);
	tcase_set_timeout(running, 60);
	tcase_set_timeout(apart, 60);
	tcase_add_loop_test(running, a_request_finds_its_route, 0,
	                    sizeof route_cases / sizeof *route_cases);
	tcase_add_test(running, a_405_says_what_is_allowed);
	tcase_add_test(running, head_is_get_without_a_body);
	tcase_add_test(running, too_many_query_items_are_refused);
	tcase_add_test(running, an_error_has_its_status);
	tcase_add_test(running, metrics_are_text);
	tcase_add_loop_test(apart, a_bad_route_is_refused, 0,
	                    sizeof bad_routes / sizeof *bad_routes);
	tcase_add_test(apart, fault_88_details_go_to_the_log);
	tcase_add_test(apart, an_error_tells_the_place);
	tcase_add_loop_test(apart, fault_S10_health_is_the_worst_part, 0, 4);
	tcase_add_test(apart, a_service_that_starts_says_so);
	tcase_add_test(apart, a_port_in_use_is_an_error);
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
