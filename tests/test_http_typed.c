/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids, query parameters, bodies, headers and conditions, asked by libcurl; and
 * what a handler that fails answers. */
#include <ctype.h>

#include "testing_http.h"

/* The record of these tests. */
#define VERSION 7

static int
show(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	int64_t id = 0, n = -1, any, page, limit;
	int b = -1, rc = psm_request_id(req, "id", &id, err);
	char text[128];

	(void)user;
	if (rc >= 0)
		rc = psm_request_query_int(req, "n", -3, 9, &n, err);
	if (rc >= 0)
		rc = psm_request_query_int(req, "any", INT64_MIN, INT64_MAX,
		                           &any, err);
	if (rc >= 0)
		rc = psm_request_query_bool(req, "b", &b, err);
	if (rc < 0)
		return rc;
	psm_request_page(req, &page, &limit);
	psm_response_etag(res, VERSION);
	if (psm_request_is_fresh(req, VERSION)) {
		psm_response_json(res, 304, NULL, 0);
		return 0;
	}
	(void)snprintf(text, sizeof text, "[%d,%d,%d,%d,%d]", (int)id, (int)n,
	               b, (int)page, (int)limit);
	psm_response_json(res, 200, text, strlen(text));
	return 0;
}

static int
change(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	int type = psm_request_expect(
	    req, "application/json application/merge-patch+json", err);
	int match = type < 0 ? 0 : psm_request_if_match(req, VERSION, err);
	char text[64];

	(void)user;
	if (type < 0 || match < 0)
		return type < 0 ? type : match;
	(void)snprintf(text, sizeof text, "[%d,%d]", type, match);
	psm_response_header(res, "Location", "/typed/8");
	psm_response_header(res, "location", "/typed/9");
	psm_response_header(res, "X-Bad", "a\r\nX-Worse: b");
	psm_response_header(res, "X Bad", "a");
	psm_response_json(res, 201, text, strlen(text));
	return 0;
}

static int
faults(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)user;
	psm_response_header(res, "ETag", "\"of nothing\"");
	psm_response_message(res, 200, "does not count");
	psm_error_set(err, PSM_ERR_SCHEMA, "two faults");
	psm_error_add_fault(err, "/plz", "want 5 digits");
	psm_error_add_fault(err, "/email", "want \"one\" address");
	return PSM_ERR_SCHEMA;
}

static int
away(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)res;
	(void)user;
	return psm_error_set(err, PSM_ERR_UNAVAILABLE,
	                     "service \"communication\" is not there");
}

/* The code alone, without a text. */
static int
bare(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)res;
	(void)user;
	(void)err;
	return PSM_ERR_CONFLICT;
}

static void
set_up(void)
{
	static const struct {
		const char *method, *path;
		psm_route_fn fn;
	} routes[] = {
	    {"GET", "/typed/{id}", show},    {"PUT", "/typed/{id}", change},
	    {"DELETE", "/typed/{id}", bare}, {"GET", "/faults", faults},
	    {"GET", "/away", away},
	};
	size_t i;

	testing_server_new();
	for (i = 0; i < sizeof routes / sizeof *routes; i++)
		ck_assert_int_eq(psm_service_route(testing_server.svc,
		                                   routes[i].method,
		                                   routes[i].path, routes[i].fn,
		                                   NULL, testing_server.err),
		                 0);
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

/* header: one more; body: with it. */
static void
ask(const char *method, const char *path, const char *header, const char *body,
    struct answer *a)
{
	CURL *curl = testing_client(method, path, a);
	struct curl_slist *list = NULL;

	if (header)
		list = curl_slist_append(list, header);
	if (body) {
		list = curl_slist_append(list, "Expect:");
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
		if (!header || !strstr(header, "Content-Type"))
			list = curl_slist_append(
			    list, "Content-Type: application/json");
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	testing_perform(curl, a);
	curl_slist_free_all(list);
	ck_assert_int_eq(a->curl, CURLE_OK);
}

#define PATCH "Content-Type: Application/Merge-Patch+JSON; charset=utf-8"
#define STALE "If-Match: the record has version 7 by now: read it again"

static const struct typed_case {
	const char *method, *path, *header, *body;
	long status;
	const char *want, *want_header; /* parts of it; NULL: any */
} cases[] = {
    {"GET", "/typed/1", NULL, NULL, 200, "[1,-1,-1,1,20]", "ETag: \"7\"\r\n"},
    {"GET", "/typed/2147483647", NULL, NULL, 200, "[2147483647,", NULL},
    {"GET", "/typed/2147483648", NULL, NULL, 404, "\"message\":\"no such id\"",
     NULL},
    {"GET", "/typed/99999999999999999999", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/0", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/-1", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/+1", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/01", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/1.0", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/%31", NULL, NULL, 200, "[1,", NULL},
    {"GET", "/typed/1%20", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/x", NULL, NULL, 404, NULL, NULL},
    {"GET", "/typed/1?n=9&b=TRUE", NULL, NULL, 200, "[1,9,1,1,20]", NULL},
    {"GET", "/typed/1?n=-3&b=false", NULL, NULL, 200, "[1,-3,0,1,20]", NULL},
    {"GET", "/typed/1?n=&b=", NULL, NULL, 200, "[1,-1,-1,1,20]", NULL},
    {"GET", "/typed/1?n=10", NULL, NULL, 400,
     "\"errors\":[{\"pointer\":\"n\",\"message\":\"want an integer from -3 to "
     "9\"}]",
     NULL},
    {"GET", "/typed/1?n=-4", NULL, NULL, 400, NULL, NULL},
    {"GET", "/typed/1?any=-9223372036854775808", NULL, NULL, 200, "[1,", NULL},
    /* Of more than 64 bits: the nearest, which selects nothing either. */
    {"GET", "/typed/1?any=9223372036854775808", NULL, NULL, 200, "[1,", NULL},
    {"GET", "/typed/1?any=1.5", NULL, NULL, 400, "\"want an integer\"", NULL},
    {"GET", "/typed/1?n=1x", NULL, NULL, 400, NULL, NULL},
    {"GET", "/typed/1?n=-", NULL, NULL, 400, NULL, NULL},
    {"GET", "/typed/1?n=99999999999999999999", NULL, NULL, 400, NULL, NULL},
    {"GET", "/typed/1?b=1", NULL, NULL, 400, "b: want true or false", NULL},
    {"GET", "/typed/1?page=3&limit=50", NULL, NULL, 200, ",3,50]", NULL},
    {"GET", "/typed/1?page=0&limit=0", NULL, NULL, 200, ",1,1]", NULL},
    {"GET", "/typed/1?page=x&limit=9999999999999999999999", NULL, NULL, 200,
     ",1,1000]", NULL},
    {"GET", "/typed/1?page=-9&limit=1001", NULL, NULL, 200, ",1,1000]", NULL},
    {"GET", "/typed/1", "If-None-Match: \"7\"", NULL, 304, "",
     "ETag: \"7\"\r\n"},
    {"GET", "/typed/1", "If-None-Match: \"6\", W/\"7\"", NULL, 304, "", NULL},
    {"GET", "/typed/1", "If-None-Match: *", NULL, 304, "", NULL},
    {"GET", "/typed/1", "If-None-Match: \"8\"", NULL, 200, "[1,", NULL},
    {"GET", "/typed/1", "If-None-Match: 7", NULL, 200, "[1,", NULL},
    {"HEAD", "/typed/1", NULL, NULL, 200, "", "ETag: \"7\"\r\n"},
    {"OPTIONS", "/typed/1", NULL, NULL, 204, "",
     "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"},
    {"OPTIONS", "/nothing", NULL, NULL, 404, NULL, NULL},
    {"PATCH", "/typed/1", NULL, "{}", 405, NULL,
     "Allow: GET, HEAD, PUT, DELETE, OPTIONS\r\n"},
    {"PUT", "/typed/1", NULL, "{}", 201, "[0,0]", "location: /typed/9\r\n"},
    {"PUT", "/typed/1", PATCH, "{}", 201, "[1,0]", NULL},
    {"PUT", "/typed/1", "Content-Type: text/json", "{}", 415,
     "Content-Type: want application/json application/merge-patch+json", NULL},
    {"PUT", "/typed/1", "Content-Type: application/jsonx", "{}", 415, NULL,
     NULL},
    {"PUT", "/typed/1", "Content-Type:", "{}", 415, NULL, NULL},
    {"PUT", "/typed/1", NULL, "", 400, "\"code\":\"PSM_ERR_PARSE\"", NULL},
    {"PUT", "/typed/1", "If-Match: \"7\"", "{}", 201, "[0,1]", NULL},
    {"PUT", "/typed/1", "If-Match: \"6\",\"7\"", "{}", 201, "[0,1]", NULL},
    {"PUT", "/typed/1", "If-Match: *", "{}", 201, "[0,1]", NULL},
    {"PUT", "/typed/1", "If-Match: \"6\"", "{}", 412, STALE, NULL},
    {"PUT", "/typed/1", "If-Match: W/\"7\"", "{}", 412, NULL, NULL},
    {"PUT", "/typed/1", "If-Match: \"77\"", "{}", 412, NULL, NULL},
    {"PUT", "/typed/1", "If-Match: \"7", "{}", 412, NULL, NULL},
    {"DELETE", "/typed/1", NULL, NULL, 409,
     "{\"message\":\"conflicts with what is stored\","
     "\"code\":\"PSM_ERR_CONFLICT\"}",
     NULL},
    {"GET", "/faults", NULL, NULL, 400,
     "{\"message\":\"two faults\",\"code\":\"PSM_ERR_SCHEMA\","
     "\"pointer\":\"/plz\",\"errors\":[{\"pointer\":\"/plz\","
     "\"message\":\"want 5 digits\"},{\"pointer\":\"/email\","
     "\"message\":\"want \\\"one\\\" address\"}]}",
     NULL},
    {"GET", "/away", NULL, NULL, 503,
     "{\"message\":\"service \\\"communication\\\" is not there\"",
     "Retry-After: 1\r\n"},
};

START_TEST(each_request_has_its_answer)
{
	const struct typed_case *c = &cases[_i];
	struct answer a;

	ask(c->method, c->path, c->header, c->body, &a);
	ck_assert_msg(a.status == c->status, "%s %s: %ld %s", c->method,
	              c->path, a.status, a.body);
	if (c->want && !*c->want)
		ck_assert_str_eq(a.body, "");
	else if (c->want)
		ck_assert_msg(strstr(a.body, c->want) != NULL, "%s", a.body);
	if (c->want_header)
		ck_assert_msg(strstr(a.headers, c->want_header) != NULL, "%s",
		              a.headers);
	ck_assert_ptr_null(strstr(a.headers, "X-Bad"));
	ck_assert_ptr_null(strstr(a.headers, "X-Worse"));
	ck_assert_ptr_null(strstr(a.headers, "of nothing"));
}
END_TEST

START_TEST(arguments_are_checked)
{
	int64_t id = 9;
	int b;

	ck_assert_int_eq(psm_request_id(NULL, "id", &id, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_request_query_int(NULL, "n", 0, 1, &id, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_request_query_bool(NULL, "n", &b, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_request_expect(NULL, "a/b", NULL), PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_request_header(NULL, "a"));
	ck_assert_int_eq(psm_request_if_match(NULL, 1, NULL), 0);
	ck_assert_int_eq(psm_request_is_fresh(NULL, 1), 0);
	psm_request_page(NULL, &id, NULL);
	ck_assert_int_eq(id, 1);
	psm_response_header(NULL, "a", "b");
	psm_response_etag(NULL, 1);
}
END_TEST

/* psm_service(3) says of every setting what its row says. */
START_TEST(settings_are_in_the_manual)
{
	static char page[200000], want[1000];
	const char *dir = getenv("top_srcdir"), *const * row, *at = page;
	char path[1024];
	FILE *f;

	snprintf(path, sizeof path, "%s/man/psm_service.3", dir ? dir : "..");
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s", path);
	page[fread(page, 1, sizeof page - 1, f)] = '\0';
	fclose(f);
	for (row = psm_service_settings(); *row; row += 6) {
		int number = strcmp(row[1], "integer") == 0;

		snprintf(want, sizeof want,
		         ".It Ev %s\n(%s%s%s%s%s%s%s)\n%c%s.\n", row[0], row[1],
		         row[3][0] ? ", " : "", row[3],
		         number && row[4][0] ? " " : "", number ? row[4] : "",
		         row[2][0] ? "; default " : "", row[2],
		         toupper((unsigned char)row[5][0]), row[5] + 1);
		at = strstr(at, want);
		ck_assert_msg(at != NULL, "psm_service.3: want\n%s", want);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("http_typed");
	TCase *tc = tcase_create("requests"), *apart = tcase_create("apart");

	tcase_add_checked_fixture(tc, set_up, testing_server_down);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, each_request_has_its_answer, 0,
	                    sizeof cases / sizeof *cases);
	tcase_add_test(apart, arguments_are_checked);
	tcase_add_test(apart, settings_are_in_the_manual);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, apart);
	return testing_run(srunner_create(s));
}
