/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The descriptions of all services, and of all at one port: every route is in
 * them and in psymatch-rest(7), and what they refer to is there. No service
 * runs.
 */
#include <strings.h>

#include "platform/platform.h"
#include "rest/rest.h"
#include "testing.h"

static psm_config *cfg;
static psm_store *store;
static psm_platform *pf;
static psm_json *doc;
static char dir[256], tokens[300];

static void
set(const char *name, const char *value)
{
	ck_assert_int_eq(psm_config_set(cfg, name, value, NULL), 0);
}

static void
set_up(void)
{
	testing_tmpdir(dir, sizeof dir);
	ck_assert_int_eq(psm_config_register(psm_service_settings(), NULL), 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	set("DB_HOST", dir); /* nobody is there */
	set("PSYMATCH_TRANSPORT", "postgres");
	set("PATIENT_IMPORT_LOCAL_PATH", dir);
	ck_assert_int_eq(psm_store_open(cfg, &store, NULL), 0);
}

static void
tear_down(void)
{
	psm_json_free(doc);
	psm_platform_free(pf);
	psm_store_free(store);
	psm_config_free(cfg);
	testing_remove(dir);
}

static const psm_service *
service_of(const psm_platform *p)
{
	return p->host ? p->host : p->members[0].svc;
}

/* For check_openapi.sh. */
static void
keep(const char *text)
{
	const char *to = getenv("TESTING_OPENAPI");
	char path[4096];
	FILE *f;

	if (!to)
		return;
	(void)snprintf(path, sizeof path, "%s/%s.json", to,
	               service_of(pf)->name);
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

/* name NULL: all of them at one port. */
static void
describe(const char *name)
{
	char *text;

	if (!name)
		set("PSYMATCH_HTTP_ONE_PORT", "true");
	ck_assert_int_eq(psm_platform_new(name, store, cfg, &pf, NULL), 0);
	ck_assert_int_eq(psm__rest_openapi(service_of(pf), &text, NULL), 0);
	ck_assert_int_eq(psm_json_parse(text, strlen(text), &doc, NULL), 0);
	keep(text);
	psm_free(text);
}

/* The description of a route, NULL: none. */
static const psm_json *
operation_of(const struct svc_route *r)
{
	const psm_json *paths = psm_json_at(doc, "/paths"), *path;

	for (size_t i = 0; i < psm_json_count(paths); i++) {
		if (strcmp(psm_json_key(paths, i), r->path) != 0)
			continue;
		path = psm_json_item(paths, i);
		for (size_t k = 0; k < psm_json_count(path); k++)
			if (strcasecmp(psm_json_key(path, k), r->method) == 0)
				return psm_json_item(path, k);
	}
	return NULL;
}

/* Every reference leads somewhere; returns how many there are. */
static int
follow(const psm_json *v)
{
	int count = 0;

	for (size_t i = 0; i < psm_json_count(v); i++) {
		const char *key = psm_json_key(v, i);
		const psm_json *item = psm_json_item(v, i);

		count += follow(item);
		if (!key || strcmp(key, "$ref") != 0)
			continue;
		ck_assert_msg(psm_json_at(doc, psm_json_string(item) + 1) !=
		                  NULL,
		              "%s", psm_json_string(item));
		count++;
	}
	return count;
}

static void
assert_statuses(const struct svc_route *r, const psm_json *op)
{
	static const char *const all[] = {"400", "403", "413",
	                                  "429", "431", "503"};
	int is_open = r->role == SVC_ROLE_NONE;
	char pointer[64];

	for (size_t i = 0; i < PSM__COUNT(all); i++) {
		(void)snprintf(pointer, sizeof pointer, "/responses/%s",
		               all[i]);
		ck_assert_msg(psm_json_at(op, pointer) != NULL, "%s %s: %s",
		              r->method, r->path, all[i]);
	}
	ck_assert_int_eq(psm_json_at(op, "/responses/401") == NULL, is_open);
	ck_assert_int_eq(psm_json_count(psm_json_at(op, "/security")) == 0,
	                 is_open);
}

static void
assert_described(const struct svc_route *r, const char *page)
{
	const psm_json *op = operation_of(r);
	const char *summary = psm_json_string(psm_json_at(op, "/summary"));
	char item[300];

	ck_assert_msg(summary && *summary, "%s %s", r->method, r->path);
	ck_assert_ptr_nonnull(psm_json_string(psm_json_at(op, "/operationId")));
	assert_statuses(r, op);
	(void)snprintf(item, sizeof item, ".It Cm %s %s\n", r->method, r->path);
	ck_assert_msg(strstr(page, item) != NULL, "the manual lacks %s", item);
}

START_TEST(every_route_is_described)
{
	const char *top = getenv("top_builddir");
	const psm_service *svc;
	char name[4096], *page;

	(void)snprintf(name, sizeof name, "%s/psymatch-rest.7",
	               top ? top : ".");
	page = testing_read(name, NULL);
	describe(psm_platform_service_at((size_t)_i));
	svc = service_of(pf);
	for (size_t i = 0; i < svc->route_count; i++)
		assert_described(&svc->routes[i], page);
	ck_assert_int_ge(follow(doc), 20);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/servers/0/url")),
	                 "/");
	/* Without tokens it wants none. */
	ck_assert_uint_eq(
	    psm_json_count(psm_json_at(doc, "/paths/~1metrics/get/security")),
	    2);
	free(page);
}
END_TEST

START_TEST(all_services_are_described_at_one_port)
{
	const psm_service *host;
	const struct svc_route *r;
	char *text;
	size_t n = 0;

	describe(NULL);
	host = service_of(pf);
	for (size_t i = 0; i < host->route_count; i++) {
		r = &host->routes[i];
		if (strncmp(r->path, "/api/", 5) == 0)
			ck_assert_msg(operation_of(r) != NULL, "%s", r->path);
		n += operation_of(r) != NULL;
	}
	/* What two services have is there for both, the rest once. */
	ck_assert_ptr_nonnull(psm_json_at(
	    doc, "/paths/~1patient-service~1health~1import/get/summary"));
	ck_assert_ptr_nonnull(psm_json_at(
	    doc, "/paths/~1therapist-service~1health~1import/get/summary"));
	ck_assert_ptr_null(
	    psm_json_at(doc, "/paths/~1patient-service~1api~1patients"));
	ck_assert_ptr_null(
	    psm_json_at(doc, "/paths/~1patient-service~1health"));
	ck_assert_uint_gt(n, 60);
	ck_assert_int_ge(follow(doc), 200);
	/* A member's own paths are below its name. */
	ck_assert_int_eq(psm__rest_openapi(pf->members[0].svc, &text, NULL), 0);
	ck_assert_ptr_nonnull(
	    strstr(text, "\"servers\":[{\"url\":\"/patient-service\"}]"));
	psm_free(text);
}
END_TEST

/* sha256("admin") */
#define ADMIN                                                                  \
	"a admin "                                                             \
	"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918\n"

START_TEST(with_tokens_the_roles_are_told)
{
	FILE *f;

	(void)snprintf(tokens, sizeof tokens, "%s/tokens", dir);
	f = fopen(tokens, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(ADMIN, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	set("PSYMATCH_API_TOKENS_FILE", tokens);
	describe("patient-service");
#define ROLE(path, role)                                                       \
	ck_assert_str_eq(psm_json_string(psm_json_at(                          \
			     doc, "/paths/~1" path "/security/0/token/0")),    \
	                 role);                                                \
	ck_assert_uint_eq(                                                     \
	    psm_json_count(psm_json_at(doc, "/paths/~1" path "/security")), 1)
	ROLE("metrics/get", "read");
	ROLE("api~1patients/get", "read");
	ROLE("api~1patients/post", "write");
	ROLE("api~1patients~1{id}/delete", "write");
	ROLE("api~1jobs/get", "admin");
	ROLE("api~1patients~1import-errors/get", "admin");
	ck_assert_uint_eq(
	    psm_json_count(psm_json_at(doc, "/paths/~1health/get/security")),
	    0);
	ck_assert_str_eq(psm_json_string(psm_json_at(
			     doc, "/components/securitySchemes/token/scheme")),
	                 "bearer");
}
END_TEST

/* The answers of health have one shape, whatever their status. */
START_TEST(an_unhealthy_answer_has_its_schema)
{
	const psm_json *bad, *good;

	describe("therapist-service");
	good = psm_json_at(doc, "/paths/~1health~1import/get/responses/200");
	bad = psm_json_at(doc, "/paths/~1health~1import/get/responses/503");
	ck_assert_ptr_nonnull(bad);
	ck_assert(psm_json_equal(bad, good));
	ck_assert_ptr_nonnull(psm_json_at(
	    bad, "/content/application~1json/schema/properties/details"));
	ck_assert_ptr_nonnull(psm_json_at(
	    doc, "/paths/~1metrics/get/responses/200/content/text~1plain"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("openapi");
	TCase *tc = tcase_create("openapi");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, every_route_is_described, 0, PLATFORM_SERVICES);
	tcase_add_test(tc, all_services_are_described_at_one_port);
	tcase_add_test(tc, with_tokens_the_roles_are_told);
	tcase_add_test(tc, an_unhealthy_answer_has_its_schema);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
