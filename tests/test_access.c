/* SPDX-License-Identifier: BSD-2-Clause */
/* Who may come in: tokens and roles, this machine only, pages of others, limits
 * of a client, TLS. */

#include "testing_access.h"

#define BEARER(token) "Authorization: Bearer " token

static const struct step {
	const char *method, *path, *headers, *body;
	long status;
	const char *want[3]; /* of headers and body; "!x": not x */
} with_tokens[] = {
    {"GET",
     "/echo/1",
     NULL,
     NULL,
     401,
     {"WWW-Authenticate: Bearer realm=\"psymatch\"\r\n", "!param"}},
    {"GET",
     "/echo/1",
     BEARER("nobody"),
     NULL,
     401,
     {"error=\"invalid_token\""}},
    {"GET", "/echo/1", BEARER(""), NULL, 401, {NULL}},
    {"GET", "/echo/1", "Authorization: Basic cmVhZGVyOg==", NULL, 401, {NULL}},
    {"GET", "/echo/1", BEARER("reader"), NULL, 200, {"param"}},
    {"GET", "/echo/1", "authorization: bearer  reader", NULL, 200, {"param"}},
    {"HEAD", "/echo/1", BEARER("reader"), NULL, 200, {NULL}},
    {"HEAD", "/echo/1", NULL, NULL, 401, {NULL}},
    {"GET", "/echo/1", BEARER("reader2"), NULL, 401, {NULL}},
    {"GET", "/echo/1", BEARER("reade"), NULL, 401, {NULL}},
    {"PUT",
     "/echo/1",
     BEARER("reader"),
     "x",
     403,
     {"error=\"insufficient_scope\", scope=\"write\"", "!put"}},
    {"PUT", "/echo/1", BEARER("writer"), "x", 200, {"put"}},
    {"PUT", "/echo/1", BEARER("admin"), "x", 200, {"put"}},
    {"DELETE", "/a/x", BEARER("reader"), NULL, 403, {NULL}},
    {"DELETE", "/a/x", BEARER("writer"), NULL, 200, {"first"}},
    {"GET",
     "/api/dead-letters/1",
     BEARER("writer"),
     NULL,
     403,
     {"scope=\"admin\""}},
    {"GET", "/api/dead-letters/1", BEARER("admin"), NULL, 200, {"yes"}},
    {"GET", "/api/jobsite", BEARER("reader"), NULL, 200, {"yes"}},
    {"GET",
     "/api/patients/import-errors",
     BEARER("writer"),
     NULL,
     403,
     {"scope=\"admin\""}},
    {"GET", "/api/patients/import-errors", BEARER("admin"), NULL, 200, {"yes"}},
    {"GET",
     "/api/therapists/import-errors",
     BEARER("writer"),
     NULL,
     403,
     {"scope=\"admin\""}},
    /* Whoever may not come in is not told what there is. */
    {"GET", "/nothing", NULL, NULL, 401, {NULL}},
    {"GET", "/nothing", BEARER("reader"), NULL, 404, {NULL}},
    {"POST", "/echo/1", NULL, "x", 401, {"!Allow:"}},
    {"POST", "/echo/1", BEARER("reader"), "x", 405, {"Allow: GET"}},
    {"GET", "/echo/%zz", NULL, NULL, 401, {NULL}},
    {"GET", "/metrics", NULL, NULL, 401, {"!psymatch_"}},
    {"GET", "/metrics", BEARER("reader"), NULL, 200, {"psymatch_"}},
    {"GET", "/health", NULL, NULL, 200, {"degraded", "!example.org"}},
    {"GET", "/health", BEARER("nobody"), NULL, 200, {"!example.org"}},
    {"GET",
     "/health",
     BEARER("reader"),
     NULL,
     200,
     {"\"access\"", "db.example.org"}},
    {"OPTIONS", "/echo/1", NULL, NULL, 204, {"Allow: GET"}},
    /* Who is unknown takes no room. */
    {"OPTIONS", "/echo/1", NULL, "x", 413, {"want no body"}},
    {"GET", "/health", NULL, "x", 413, {"want no body"}},
    {"GET", "/health", BEARER("reader"), "x", 200, {"\"access\""}},
};

static void
take_steps(const struct step *s, size_t count)
{
	struct answer a;
	char all[sizeof a.headers + sizeof a.body];
	size_t i, k;

	for (i = 0; i < count; i++, s++) {
		testing_ask_with(s->method, s->path, s->headers, s->body, &a);
		ck_assert_msg(a.status == s->status, "step %zu, %s %s: %ld %s",
		              i, s->method, s->path, a.status, a.body);
		(void)snprintf(all, sizeof all, "%s%s", a.headers, a.body);
		for (k = 0; k < 3 && s->want[k]; k++) {
			int no = s->want[k][0] == '!';

			ck_assert_msg((strstr(all, s->want[k] + no) != NULL) !=
			                  no,
			              "step %zu, %s %s: want %s, got %s", i,
			              s->method, s->path, s->want[k], all);
		}
	}
}

#define STEPS(steps) take_steps(steps, sizeof(steps) / sizeof *(steps))

static const char *const token_settings[] = {"PSYMATCH_API_TOKENS_FILE", path,
                                             NULL};

static char big[300000];

START_TEST(a_role_decides)
{
	struct answer a;

	up(token_settings);
	STEPS(with_tokens);
	/* A body that nobody reads is taken, so that the answer arrives. */
	memset(big, 'x', sizeof big - 1);
	testing_ask_with("POST", "/body", NULL, big, &a);
	ck_assert_int_eq(a.status, 401);
	testing_server_down();
}
END_TEST

static long
status_of(const char *headers)
{
	struct answer a;

	testing_ask_with("GET", "/echo/1", headers, NULL, &a);
	return a.status;
}

static void
assert_health(const char *want)
{
	struct answer a;

	testing_ask_with("GET", "/health", BEARER("writer"), NULL, &a);
	ck_assert_msg(strstr(a.body, want) != NULL, "%s", a.body);
}

START_TEST(the_file_is_read_again)
{
	struct answer a;

	up(token_settings);
	ck_assert_int_eq(status_of(BEARER("reader")), 200);
	put_file(WRITER);
	ck_assert_int_eq(status_of(BEARER("reader")), 401);
	ck_assert_int_eq(status_of(BEARER("writer")), 200);
	/* Broken: it opens nothing, and closes nothing. */
	put_file(READER "w write\n");
	ck_assert_int_eq(status_of(BEARER("reader")), 401);
	ck_assert_int_eq(status_of(BEARER("writer")), 200);
	assert_health("\"name\":\"access\",\"status\":\"degraded\"");
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(status_of(NULL), 401);
	ck_assert_int_eq(status_of(BEARER("writer")), 200);
	put_file(READER WRITER);
	ck_assert_int_eq(status_of(BEARER("reader")), 200);
	assert_health("\"name\":\"access\",\"status\":\"healthy\"");
	put_file("");
	testing_ask_with("GET", "/health", NULL, NULL,
	                 &a); /* shown no token, it looks */
	ck_assert_ptr_nonnull(strstr(a.body, "degraded"));
	ck_assert_int_eq(status_of(BEARER("writer")), 401);
	ck_assert_int_eq(status_of(NULL), 401);
	testing_server_down();
}
END_TEST

static const struct {
	const char *text, *want;
} broken[] = {
    {"a read\n", "line 1: want a name, a role and"},
    {"\n# x\na read b c\n", "line 3: want a name, a role and"},
    {"a read 12ab\n", "line 1: want the SHA-256"},
    {"a root 3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30",
     "line 1: want the role"},
    {"a,b read 3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30",
     "line 1: want a name of"},
    {READER READER, "line 2: want each token once"},
    {READER "r.1 write "
            "8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918",
     "line 2: want one role for each name"},
    {"a read g30941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30",
     "line 1: want the SHA-256"},
};

START_TEST(a_broken_file_is_no_start)
{
	psm_error *err = psm_error_new();
	struct svc_tokens *t = NULL;

	put_file(broken[_i].text);
	ck_assert_int_eq(psm__svc_tokens_new(path, &t, err), PSM_ERR_CONFIG);
	ck_assert_ptr_null(t);
	ck_assert_msg(strstr(psm_error_message(err), broken[_i].want) != NULL,
	              "%s", psm_error_message(err));
	/* The token may stand there in place of its hash. */
	ck_assert_ptr_null(strstr(psm_error_message(err), "12ab"));
	psm_error_free(err);
}
END_TEST

START_TEST(a_file_that_others_write_is_none)
{
	psm_error *err = psm_error_new();
	struct svc_tokens *t = NULL;

	ck_assert_int_eq(chmod(path, 0660), 0);
	ck_assert_int_eq(psm__svc_tokens_new(path, &t, err), PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "chmod go-w"));
	ck_assert_int_eq(psm__svc_tokens_new(dir, &t, err), PSM_ERR_CONFIG);
	ck_assert_int_eq(psm__svc_tokens_new("/nowhere/x", &t, err),
	                 PSM_ERR_CONFIG);
	psm_error_free(err);
}
END_TEST

/* -- which addresses */

static const struct {
	const char *host, *name, *value;
	int rc;
} hosts[] = {
    {"127.0.0.1", NULL, NULL, 0},
    {"127.0.0.9", NULL, NULL, 0},
    {"0.0.0.0", NULL, NULL, PSM_ERR_CONFIG},
    {"0.0.0.0", "PSYMATCH_API_OPEN", "true", 0},
    {"0.0.0.0", "PSYMATCH_API_TOKENS_FILE", path, 0},
};

START_TEST(fault_70_without_tokens_this_machine_only)
{
	const char *settings[] = {hosts[_i].name, hosts[_i].value, NULL};
	int rc, port, held = testing_port_hold(hosts[_i].host, &port);

	testing_server_settings = hosts[_i].name ? settings : NULL;
	testing_server_new();
	psm_service_stop(testing_server.svc); /* as soon as it runs */
	rc = psm_service_run(testing_server.svc, hosts[_i].host, port,
	                     testing_server.err);
	ck_assert_msg(rc == hosts[_i].rc, "%d %s", rc,
	              psm_error_message(testing_server.err));
	if (rc == PSM_ERR_CONFIG)
		ck_assert_ptr_nonnull(
		    strstr(psm_error_message(testing_server.err),
		           "PSYMATCH_API_TOKENS_FILE"));
	close(held);
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
}
END_TEST

/* -- browsers */

#define EVIL "Origin: https://evil.example"
#define PAGE "Origin: https://app.example"
#define ALLOWED "Access-Control-Allow-Origin: https://app.example\r\n"
#define PREFLIGHT "\nAccess-Control-Request-Method: PUT"
#define ANY_ALLOWED "Access-Control-Allow-Origin"

static const char *const cors_settings[] = {
    "CORS_ALLOWED_ORIGINS", " https://app.example/ , http://localhost:3000",
    "CORS_SUPPORTS_CREDENTIALS", "true", NULL};

static const struct step from_pages[] = {
    {"GET", "/echo/1", NULL, NULL, 200, {"!" ANY_ALLOWED}},
    {"GET",
     "/echo/1",
     PAGE,
     NULL,
     200,
     {ALLOWED, "Vary: Origin\r\n", "Access-Control-Allow-Credentials: true"}},
    {"GET", "/fail/-12", PAGE, NULL, 404, {ALLOWED, "Expose-Headers: ETag"}},
    {"GET", "/nothing", PAGE, NULL, 404, {ALLOWED}},
    {"GET", "/echo/1", EVIL, NULL, 200, {"!" ANY_ALLOWED}},
    {"PUT", "/echo/1", PAGE, "x", 200, {ALLOWED}},
    {"PUT", "/echo/1", EVIL, "x", 403, {"!" ANY_ALLOWED, "Origin"}},
    {"DELETE", "/a/x", "Origin: null", NULL, 403, {NULL}},
    {"OPTIONS",
     "/echo/1",
     PAGE PREFLIGHT,
     NULL,
     204,
     {ALLOWED, "Access-Control-Allow-Methods: GET, POST, PUT, PATCH, DELETE",
      "Access-Control-Allow-Headers: Content-Type, Authorization"}},
    {"OPTIONS", "/echo/1", EVIL PREFLIGHT, NULL, 204, {"!" ANY_ALLOWED}},
    {"GET", "/echo/1", "Host: evil.example", NULL, 403, {"this machine"}},
    {"GET", "/echo/1", "Host: 127.0.0.1.evil.example:80", NULL, 403, {NULL}},
    {"GET", "/echo/1", "Host: evil", NULL, 403, {"this machine"}},
    {"GET", "/echo/1", "Host: localhost.evil:80", NULL, 403, {NULL}},
    {"GET", "/echo/1", "Host: Localhost:80", NULL, 200, {NULL}},
    {"GET", "/echo/1", "Host: [::1]:80", NULL, 200, {NULL}},
    {"PUT",
     "/echo/1",
     "Host: localhost:80\nOrigin: http://localhost:80",
     "x",
     200,
     {NULL}},
};

START_TEST(pages_of_others_change_nothing)
{
	up(cors_settings);
	STEPS(from_pages);
	testing_server_down();
}
END_TEST

START_TEST(every_page_may_read_if_asked_for)
{
	static const char *const all[] = {"CORS_ALLOWED_ORIGINS", "*",
	                                  "PSYMATCH_API_OPEN", "true", NULL};
	static const struct step steps[] = {
	    {"GET",
	     "/echo/1",
	     EVIL,
	     NULL,
	     200,
	     {"Access-Control-Allow-Origin: *\r\n", "!Vary"}},
	    {"PUT", "/echo/1", EVIL, "x", 403, {"Origin", "!put"}},
	};

	up(all);
	STEPS(steps);
	testing_server_down();
}
END_TEST

START_TEST(origins_are_checked)
{
	psm_error *err = psm_error_new();
	struct svc_origins *o = NULL;

	ck_assert_int_eq(psm__svc_origins_new("*", 1, &o, err), PSM_ERR_CONFIG);
	ck_assert_int_eq(psm__svc_origins_new("app.example", 0, &o, err),
	                 PSM_ERR_CONFIG);
	ck_assert_int_eq(
	    psm__svc_origins_new("https://a.example/b", 0, &o, err),
	    PSM_ERR_CONFIG);
	ck_assert_int_eq(psm__svc_origins_new(" ,", 0, &o, err), 0);
	ck_assert_ptr_null(psm__svc_origins_find(o, "https://app.example"));
	psm__svc_origins_free(o);
	psm_error_free(err);
}
END_TEST

/* -- limits */

START_TEST(a_bucket_fills_again)
{
	struct svc_rate *r = NULL;
	int64_t now = 1000000;
	char name[8];
	int i;

	ck_assert_int_eq(psm__svc_rate_new(2, &r, NULL), 0);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now), 1);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now), 1);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now), 0);
	ck_assert_int_eq(psm__svc_rate_take(r, "b", 1, now), 1);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now + 499999), 0);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now + 500001), 1);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now + 500001), 0);
	/* A pause saves no more than a second's worth. */
	now += 60000000;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now), i < 2);
	/* Many others do not take its place: it was here just now. */
	for (i = 0; i < 30000; i++)
		(void)psm__svc_rate_take(
		    r, name, (size_t)snprintf(name, sizeof name, "%d", i),
		    now - 1 - i);
	ck_assert_int_eq(psm__svc_rate_take(r, "a", 1, now), 0);
	psm__svc_rate_free(r);
}
END_TEST

START_TEST(a_client_that_asks_too_often_waits)
{
	static const char *const settings[] = {"PSYMATCH_API_TOKENS_FILE", path,
	                                       "PSYMATCH_HTTP_CLIENT_RATE", "1",
	                                       NULL};
	struct answer a;
	int i;

	up(settings);
	for (i = 0; i < 1000; i++) {
		testing_ask_with("GET", "/echo/1", BEARER("reader"), NULL, &a);
		if (a.status == 429)
			break;
		ck_assert_int_eq(a.status, 200);
	}
	ck_assert_int_eq(a.status, 429);
	ck_assert_ptr_nonnull(strstr(a.headers, "\r\nRetry-After: 1\r\n"));
	/* Others are not meant. */
	ck_assert_int_eq(status_of(BEARER("writer")), 200);
	testing_server_down();
}
END_TEST

START_TEST(a_client_has_so_many_connections)
{
	static const char *const settings[] = {
	    "PSYMATCH_HTTP_CLIENT_CONNECTIONS", "2", NULL};
	int fds[3], i;

	up(settings);
	for (i = 0; i < 3; i++)
		fds[i] = connect_to_server();
	ck_assert_int_eq(is_closed(fds[2], TESTING_WAIT_MS), 1);
	ck_assert_int_eq(is_closed(fds[0], 0), 0);
	ck_assert_int_eq(is_closed(fds[1], 0), 0);
	for (i = 0; i < 3; i++)
		close(fds[i]);
	testing_server_down();
}
END_TEST

/* -- our own token */

START_TEST(a_service_shows_its_token)
{
	char file[300], base[64];
	const char *settings[] = {"PSYMATCH_API_TOKENS_FILE", path,
	                          "PSYMATCH_API_TOKEN_FILE", file, NULL};
	psm_error *err = psm_error_new();
	psm_json *doc = NULL;
	long status = 0;
	FILE *f;

	(void)snprintf(file, sizeof file, "%s/own", dir);
	f = fopen(file, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs("reader\n", f), 0);
	ck_assert_int_eq(fclose(f), 0);
	up(settings);
	(void)snprintf(base, sizeof base, "http://127.0.0.1:%d",
	               testing_server.port);
	/* Nor does a proxy see it, if one is set for the Internet. */
	ck_assert_int_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	ck_assert_msg(psm__svc_fetch("test", base, "/echo/1", TESTING_WAIT_MS,
	                             &doc, err) == 0,
	              "%s", psm_error_message(err));
	psm_json_free(doc);
	ck_assert_int_eq(unsetenv("http_proxy"), 0);
	/* Strangers are not shown it. */
	ck_assert_int_eq(
	    psm__svc_get(base, "/echo/1", NULL, TESTING_WAIT_MS, &status, &doc),
	    0);
	ck_assert_int_eq(status, 401);
	psm_json_free(doc);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(
	    psm__svc_fetch("test", base, "/echo/1", TESTING_WAIT_MS, &doc, err),
	    PSM_ERR_UNAVAILABLE);
	psm_error_free(err);
	testing_server_down();
}
END_TEST

START_TEST(a_token_that_is_none_is_refused)
{
	static const char *const values[][2] = {
	    {"PSYMATCH_API_TOKEN", "a\r\nX: y"},
	    {"PSYMATCH_API_TOKEN_FILE", "/nowhere/x"},
	    {"PSYMATCH_HTTP_TLS_CERT_FILE", "/nowhere/x"},
	    {"PSYMATCH_API_TOKENS_FILE", "/nowhere/x"},
	    {"CORS_ALLOWED_ORIGINS", "*"}, /* without tokens */
	};
	psm_service *svc = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_register(psm_service_settings(), NULL), 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, values[_i][0], values[_i][1], NULL), 0);
	ck_assert_int_eq(psm_service_new("x", cfg, &svc, NULL), PSM_ERR_CONFIG);
	ck_assert_ptr_null(svc);
	psm_config_free(cfg);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("access");
	TCase *tc = tcase_create("door");

	tcase_add_checked_fixture(tc, set_up_dir, tear_down_dir);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_role_decides);
	tcase_add_test(tc, the_file_is_read_again);
	tcase_add_loop_test(tc, a_broken_file_is_no_start, 0,
	                    sizeof broken / sizeof *broken);
	tcase_add_test(tc, a_file_that_others_write_is_none);
	tcase_add_loop_test(tc, fault_70_without_tokens_this_machine_only, 0,
	                    sizeof hosts / sizeof *hosts);
	tcase_add_test(tc, pages_of_others_change_nothing);
	tcase_add_test(tc, every_page_may_read_if_asked_for);
	tcase_add_test(tc, origins_are_checked);
	tcase_add_test(tc, a_bucket_fills_again);
	tcase_add_test(tc, a_client_that_asks_too_often_waits);
	tcase_add_test(tc, a_client_has_so_many_connections);
	tcase_add_test(tc, a_service_shows_its_token);
	tcase_add_loop_test(tc, a_token_that_is_none_is_refused, 0, 5);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
