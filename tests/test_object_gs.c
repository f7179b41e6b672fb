/* SPDX-License-Identifier: BSD-2-Clause */
/* A bucket as a source of registrations, against a server that does what the
 * object storage would, and checks the claims that are signed. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <psymatch/object_storage.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/service.h"
#include "testing.h"
#include "testing_pg.h"

#define OBJECTS_MAX 16
#define WAIT_MS 60000
#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

#define DATA                                                                   \
	"{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "                \
	"\"vorname\": \"Berta\", \"nachname\": \"Musterbaum\"}"
#define GOOD(token)                                                            \
	"{\"patient_data\": " DATA ", \"registration_token\": \"" token "\"}"
#define BAD "{\"patient_data\": 7}"

/* -- the server */

struct object {
	char name[256];
	const char *text;
	int64_t generation;
};

static struct {
	struct object objects[OBJECTS_MAX];
	size_t count;
	int64_t generations;
	int tokens; /* given */
	int valid;  /* tokens with a lower number are not taken */
	/* What is answered instead, 0: what is asked for. */
	int list, read, end, token;
	const char *only; /* read is of this object, NULL: of each */
	psm_config *cfg;
	psm_service *svc;
	psm_error *err;
	pthread_t thread;
	int fd, port;
} fake;

static EVP_PKEY *key;
static psm_config *cfg;
static psm_object_source *source;
static psm_import_status *status;
static psm_store *st;
static psm_error *err;
static char folder[4000];

static void
put_object(const char *name, const char *text)
{
	struct object *o = &fake.objects[fake.count++];

	ck_assert_uint_le(fake.count, OBJECTS_MAX);
	(void)snprintf(o->name, sizeof(o->name), "%s", name);
	o->text = text;
	o->generation = ++fake.generations;
}

static struct object *
find_object(const char *name)
{
	for (size_t i = 0; i < fake.count; i++)
		if (strcmp(fake.objects[i].name, name) == 0)
			return &fake.objects[i];
	return NULL;
}

/* The token is of this account, and still taken. */
static int
is_allowed(const psm_request *req, const char *account)
{
	const char *text = psm_request_header(req, "Authorization");
	char want[32];
	size_t len;

	(void)snprintf(want, sizeof(want), "Bearer %s-", account);
	len = strlen(want);
	return text != NULL && strncmp(text, want, len) == 0 &&
	       atoi(text + len) >= fake.valid;
}

static int
answer(psm_response *res, int code, const char *text)
{
	psm_response_json(res, code, text, strlen(text));
	return 0;
}

static int
fake_list(const psm_request *req, psm_response *res, void *user, psm_error *e)
{
	const char *token = psm_request_query(req, "pageToken");
	size_t i = token != NULL ? (size_t)atoi(token) : 0, end = i + 2;
	char text[2000];
	int n = 0;

	(void)user;
	(void)e;
	if (!is_allowed(req, "reader") || fake.list != 0)
		return answer(res, fake.list != 0 ? fake.list : 401, "{}");
	ck_assert_str_eq(psm_request_param(req, "bucket"), "the bucket");
	n += snprintf(text, sizeof(text), "{\"items\": [");
	for (size_t first = i; i < end && i < fake.count; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              "%s{\"name\": \"%s\"}", i > first ? "," : "",
		              fake.objects[i].name);
	n += snprintf(text + n, sizeof(text) - (size_t)n, "]");
	if (i < fake.count)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
		              ", \"nextPageToken\": \"%zu\"", i);
	(void)snprintf(text + n, sizeof(text) - (size_t)n, "}");
	return answer(res, 200, text);
}

static int
fake_read(const psm_request *req, psm_response *res, void *user, psm_error *e)
{
	const struct object *o = find_object(psm_request_param(req, "name"));
	char number[24];

	(void)user;
	(void)e;
	if (!is_allowed(req, "reader"))
		return answer(res, 401, "{}");
	ck_assert_str_eq(psm_request_query(req, "alt"), "media");
	if (o == NULL || (fake.read != 0 && (fake.only == NULL ||
	                                     strcmp(fake.only, o->name) == 0)))
		return answer(res, fake.read != 0 ? fake.read : 404, "{}");
	(void)snprintf(number, sizeof(number), "%d", (int)o->generation);
	psm_response_header(res, "X-Goog-Generation", number);
	return answer(res, 200, o->text);
}

/* The object, if the account may end it; else NULL, and the answer is made. */
static struct object *
to_end(const psm_request *req, psm_response *res, const char *condition)
{
	struct object *o = find_object(psm_request_param(req, "name"));
	const char *generation = psm_request_query(req, condition);

	if (!is_allowed(req, "deleter"))
		(void)answer(res, 401, "{}");
	else if (fake.end != 0 || o == NULL)
		(void)answer(res, fake.end != 0 ? fake.end : 404, "{}");
	else if (generation == NULL || atoi(generation) != o->generation)
		(void)answer(res, 412, "{}");
	else
		return o;
	return NULL;
}

static int
fake_remove(const psm_request *req, psm_response *res, void *user, psm_error *e)
{
	struct object *o = to_end(req, res, "ifGenerationMatch");

	(void)user;
	(void)e;
	if (o == NULL)
		return 0;
	*o = fake.objects[--fake.count];
	psm_response_json(res, 204, "", 0);
	return 0;
}

static int
is_form(const psm_request *req)
{
	const char *type = psm_request_header(req, "Content-Type");

	return type != NULL && strstr(type, "form-urlencoded") != NULL;
}

/* In two parts. */
static int
fake_copy(const psm_request *req, psm_response *res, void *user, psm_error *e)
{
	struct object *o = to_end(req, res, "ifSourceGenerationMatch");
	const char *part = psm_request_query(req, "rewriteToken");

	(void)user;
	(void)e;
	if (o == NULL)
		return 0;
	if (is_form(req))
		return answer(res, 400, "{}");
	ck_assert_str_eq(psm_request_param(req, "to"), "the bucket");
	if (part == NULL)
		return answer(res, 200,
		              "{\"done\": false, \"rewriteToken\": \"a b\"}");
	ck_assert_str_eq(part, "a b");
	put_object(psm_request_param(req, "copy"), o->text);
	return answer(res, 200, "{\"done\": true}");
}

/* -- the claims */

static size_t
from_base64(const char *text, size_t len, unsigned char *out)
{
	char padded[4096] = "";
	int n;

	ck_assert_uint_lt(len + 4, sizeof(padded));
	for (size_t i = 0; i < len; i++)
		padded[i] = (char)(text[i] == '-'   ? '+'
		                   : text[i] == '_' ? '/'
		                                    : text[i]);
	while (len % 4 != 0)
		padded[len++] = '=';
	n = EVP_DecodeBlock(out, (unsigned char *)padded, (int)len);
	ck_assert_int_ge(n, 0);
	for (; len > 0 && padded[len - 1] == '='; len--)
		n--;
	return (size_t)n;
}

static void
check_signature(const char *claim, const char *dot)
{
	unsigned char bytes[512];
	size_t len = from_base64(dot + 1, strlen(dot + 1), bytes);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	ck_assert_int_eq(
	    EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key), 1);
	ck_assert_int_eq(EVP_DigestVerify(ctx, bytes, len,
	                                  (const unsigned char *)claim,
	                                  (size_t)(dot - claim)),
	                 1);
	EVP_MD_CTX_free(ctx);
}

static int
fake_token(const psm_request *req, psm_response *res, void *user, psm_error *e)
{
	unsigned char claims[2048];
	size_t len;
	const char *body = psm_request_body(req, &len), *claim, *dot, *end;
	char text[128];
	psm_json *doc;
	const char *scope;
	int64_t from, until;

	(void)user;
	if (fake.token != 0)
		return answer(res, fake.token, "{}");
	claim = strstr(body, "&assertion=");
	ck_assert_ptr_nonnull(claim);
	claim += strlen("&assertion=");
	dot = strchr(claim, '.') + 1;
	end = strchr(dot, '.');
	check_signature(claim, end);
	len = from_base64(dot, (size_t)(end - dot), claims);
	ck_assert_int_eq(psm_json_parse((char *)claims, len, &doc, e), 0);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/iss")),
	                 "import@example.org");
	scope = psm_json_string(psm_json_at(doc, "/scope"));
	ck_assert_int_eq(psm_json_get_int(psm_json_at(doc, "/iat"), &from, e),
	                 0);
	ck_assert_int_eq(psm_json_get_int(psm_json_at(doc, "/exp"), &until, e),
	                 0);
	ck_assert_int_eq(until - from, 3600);
	(void)snprintf(text, sizeof(text),
	               "{\"access_token\": \"%s-%d\", \"expires_in\": 3599}",
	               strstr(scope, "read_only") != NULL ? "reader"
	                                                  : "deleter",
	               fake.tokens++);
	psm_json_free(doc);
	return answer(res, 200, text);
}

/* -- it runs */

static void *
serve(void *arg)
{
	int *rc = arg;

	*rc = psm__svc_run_on(fake.svc, fake.fd, fake.err);
	return NULL;
}

static void
add(const char *method, const char *path, psm_route_fn fn)
{
	ck_assert_msg(
	    psm_service_route(fake.svc, method, path, fn, NULL, fake.err) == 0,
	    "%s", psm_error_message(fake.err));
}

static int served;

static void
fake_up(void)
{
	static const char object[] = "/storage/v1/b/{bucket}/o/{name}";

	fake.err = psm_error_new();
	ck_assert_int_eq(psm_config_new(&fake.cfg, fake.err), 0);
	ck_assert_int_eq(
	    psm_service_new("storage", fake.cfg, &fake.svc, fake.err), 0);
	add("POST", "/token", fake_token);
	add("GET", "/storage/v1/b/{bucket}/o", fake_list);
	add("GET", object, fake_read);
	add("DELETE", object, fake_remove);
	add("POST", "/storage/v1/b/{bucket}/o/{name}/rewriteTo/b/{to}/o/{copy}",
	    fake_copy);
	ck_assert_int_eq(
	    psm__svc_listen("127.0.0.1", 0, &fake.fd, &fake.port, fake.err), 0);
	ck_assert_int_eq(pthread_create(&fake.thread, NULL, serve, &served), 0);
	ck_assert_int_eq(psm__svc_wait(fake.svc, SVC_RUNNING, WAIT_MS), 0);
}

static void
fake_down(void)
{
	psm_service_stop(fake.svc);
	ck_assert_int_eq(pthread_join(fake.thread, NULL), 0);
	ck_assert_msg(served == 0, "%s", psm_error_message(fake.err));
	psm_service_free(fake.svc);
	psm_config_free(fake.cfg);
	psm_error_free(fake.err);
}

/* -- the settings */

static const char *
place(const char *below)
{
	static char path[4200];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, below);
	return path;
}

static void
write_file(const char *name, const char *text)
{
	FILE *f = fopen(place(name), "wb");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
write_key_file(void)
{
	psm_json_writer *w = psm_json_writer_new();
	BIO *bio = BIO_new(BIO_s_mem());
	const char *json;
	char *pem, *copy;
	size_t len;

	ck_assert_int_eq(
	    PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	len = (size_t)BIO_get_mem_data(bio, &pem);
	copy = strndup(pem, len);
	psm_json_write_object(w);
	psm_json_write_key(w, "client_email");
	psm_json_write_string(w, "import@example.org");
	psm_json_write_key(w, "private_key");
	psm_json_write_string(w, copy);
	psm_json_write_key(w, "token_uri");
	psm_json_write_string(w, "http://127.0.0.1:1/nowhere");
	psm_json_write_end(w);
	OK(psm_json_writer_finish(w, &json, &len, err));
	write_file("key.json", json);
	psm_json_writer_free(w);
	free(copy);
	BIO_free(bio);
}

static void
set(const char *name, const char *value)
{
	OK(psm_config_set(cfg, name, value, err));
}

static void
setup(void)
{
	char url[64];

	source = NULL;
	memset(&fake, 0, sizeof(fake));
	err = psm_error_new();
	pg_database();
	st = pg_store();
	OK(psm_store_migrate(st, "patient", err));
	testing_tmpdir(folder, sizeof(folder));
	key = EVP_RSA_gen(2048);
	ck_assert_ptr_nonnull(key);
	write_key_file();
	fake_up();
	OK(psm_config_register(psm_service_settings(), err));
	OK(psm_config_new(&cfg, err));
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", fake.port);
	set("GCS_BASE_URL", url);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/token",
	               fake.port);
	set("GCS_TOKEN_URL", url);
	set("GCS_READER_CREDENTIALS_PATH", place("key.json"));
	set("GCS_DELETER_CREDENTIALS_PATH", place("key.json"));
	set("PATIENT_IMPORT_SOURCE", "gs:the bucket");
	OK(psm_patient_import_status_new(300, &status, err));
}

static void
teardown(void)
{
	psm_object_source_free(source);
	psm_import_status_free(status);
	psm_config_free(cfg);
	fake_down();
	EVP_PKEY_free(key);
	testing_remove(folder);
	psm_store_free(st);
	psm_error_free(err);
}

static void
check_run(int want)
{
	int rc;

	if (source == NULL)
		OK(psm_object_source_open(cfg, &source, err));
	rc = psm_patient_import_run(st, source, status, err);
	ck_assert_msg(rc == want, "%d: %s", rc, psm_error_message(err));
}

static int64_t
patients(void)
{
	return pg_int("SELECT count(*) FROM patient_service.patienten");
}

/* -- the tests */

/* Fault 73: names with slashes, dots and escapes are names like any other. */
START_TEST(fault_73_a_bucket)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	put_object("x/../../b.json", GOOD("BBBBBBBBBB"));
	put_object("bad.json", BAD);
	put_object("\u00fc%2F c?&#+.json", GOOD("CCCCCCCCCC"));
	put_object("other.txt", "text");
	put_object("failed/old.json", GOOD("DDDDDDDDDD"));
	put_object("..json", GOOD("EEEEEEEEEE"));
	check_run(4);
	ck_assert_int_eq(patients(), 4);
	ck_assert_uint_eq(fake.count, 3);
	ck_assert_ptr_nonnull(find_object("failed/bad.json"));
	ck_assert_ptr_nonnull(find_object("failed/old.json"));
	ck_assert_ptr_nonnull(find_object("other.txt"));
	ck_assert_int_eq(fake.tokens, 2); /* one of each account */
	check_run(0);
	ck_assert_int_eq(fake.tokens, 2);
}
END_TEST

START_TEST(copies_are_kept)
{
	char kept[4200];

	(void)snprintf(kept, sizeof(kept), "%s/kept", folder);
	set("PATIENT_IMPORT_LOCAL_PATH", kept);
	put_object("../a.json", GOOD("AAAAAAAAAA"));
	put_object("bad.json", BAD);
	check_run(1);
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_int_eq(access(place("kept/%2E.%2Fa.json"), R_OK), 0);
	ck_assert_int_eq(access(place("kept/failed/bad.json"), R_OK), 0);
}
END_TEST

START_TEST(a_token_that_is_not_taken_any_more)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	check_run(1);
	fake.valid = fake.tokens;
	put_object("b.json", GOOD("BBBBBBBBBB"));
	check_run(1);
	ck_assert_int_eq(fake.tokens, 4);
	/* One that is never taken ends it. */
	fake.valid = 1000;
	put_object("c.json", GOOD("CCCCCCCCCC"));
	check_run(PSM_ERR_UNAVAILABLE);
	fake.valid = 0;
	fake.token = 500;
	psm_object_source_free(source);
	source = NULL;
	check_run(PSM_ERR_UNAVAILABLE);
	fake.token = 0;
	check_run(1);
}
END_TEST

/* Fault 84: a bucket that cannot be listed is no empty one. */
START_TEST(fault_84_lists)
{
	static const int codes[] = {500, 403, 404, 429};

	put_object("a.json", GOOD("AAAAAAAAAA"));
	fake.list = codes[_i];
	check_run(PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(psm_import_status_health(status, NULL, err),
	                 PSM_HEALTH_RED);
	fake.list = 0;
	check_run(1);
}
END_TEST

START_TEST(fault_75_reads)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	fake.read = 503;
	check_run(PSM_ERR_UNAVAILABLE);
	fake.read = 403;
	check_run(PSM_ERR_IO);
	fake.read = 404;
	check_run(0);
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.patient_import_fault"), 0);
	fake.read = 0;
	check_run(1);
}
END_TEST

/* What is refused of one object does not hold up those behind it. */
START_TEST(one_that_is_refused)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	put_object("b.json", GOOD("BBBBBBBBBB"));
	fake.read = _i;
	fake.only = "a.json";
	check_run(PSM_ERR_IO);
	ck_assert_int_eq(patients(), 1);
	ck_assert_uint_eq(fake.count, 1);
}
END_TEST

/* Fault 74: what could not be deleted is imported once all the same. */
START_TEST(fault_74_deletes)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	put_object("bad.json", BAD);
	fake.end = 403;
	check_run(PSM_ERR_IO);
	fake.end = 500;
	check_run(PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(patients(), 1);
	ck_assert_uint_eq(fake.count, 2);
	fake.end = 0;
	check_run(0);
	ck_assert_int_eq(patients(), 1);
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_ptr_nonnull(find_object("failed/bad.json"));
}
END_TEST

/* What came in its place meanwhile is not deleted. */
START_TEST(a_newer_one)
{
	put_object("a.json", GOOD("AAAAAAAAAA"));
	fake.end = 412;
	check_run(1);
	ck_assert_uint_eq(fake.count, 1);
	fake.end = 0;
	fake.objects[0].text = GOOD("BBBBBBBBBB");
	fake.objects[0].generation = ++fake.generations;
	check_run(1);
	ck_assert_uint_eq(fake.count, 0);
	ck_assert_int_eq(patients(), 2);
}
END_TEST

START_TEST(too_large)
{
	static char text[1024 * 1024 + 2];

	memset(text, ' ', sizeof(text) - 1);
	put_object("a.json", text);
	check_run(0);
	ck_assert_uint_eq(fake.count, 1);
	ck_assert_ptr_nonnull(find_object("failed/a.json"));
}
END_TEST

/* Fault 76: a server that says nothing does not hold the import for ever. */
START_TEST(fault_76_a_deadline)
{
	char url[64];
	int fd, port;

	ck_assert_int_eq(psm__svc_listen("127.0.0.1", 0, &fd, &port, err), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	set("GCS_BASE_URL", url);
	set("GCS_TIMEOUT_MS", "200");
	check_run(PSM_ERR_TIMEOUT);
	(void)close(fd);
}
END_TEST

static const char *const key_files[] = {
    "", "{", "[]", "{\"client_email\": \"a@example.org\"}",
    ("{\"client_email\": \"a@example.org\", \"private_key\": \"secret\", "
     "\"token_uri\": \"http://127.0.0.1/\"}")};

START_TEST(credentials)
{
	write_file("broken.json", key_files[_i]);
	set("GCS_DELETER_CREDENTIALS_PATH", place("broken.json"));
	ck_assert_int_eq(psm_object_source_open(cfg, &source, err),
	                 PSM_ERR_CONFIG);
	ck_assert_ptr_null(source);
	ck_assert_ptr_null(strstr(psm_error_message(err), "secret"));
	set("GCS_DELETER_CREDENTIALS_PATH", place("there-is-none"));
	ck_assert_int_eq(psm_object_source_open(cfg, &source, err),
	                 PSM_ERR_CONFIG);
}
END_TEST

START_TEST(names_of_sources)
{
	static const char *const wrong[] = {"", "gs:", "file:", "bucket",
	                                    "http://example.org/"};
	char name[4200];

	for (size_t i = 0; i < PSM__COUNT(wrong); i++) {
		set("PATIENT_IMPORT_SOURCE", wrong[i]);
		ck_assert_int_eq(psm_object_source_open(cfg, &source, err),
		                 PSM_ERR_CONFIG);
	}
	ck_assert_int_eq(psm_object_source_open(NULL, &source, err),
	                 PSM_ERR_INVAL);
	(void)snprintf(name, sizeof(name), "file:%s", folder);
	set("PATIENT_IMPORT_SOURCE", name);
	OK(psm_object_source_open(cfg, &source, err));
	psm_object_source_free(source);
	source = NULL;
	set("PATIENT_IMPORT_LOCAL_PATH", folder);
	ck_assert_int_eq(psm_object_source_open(cfg, &source, err),
	                 PSM_ERR_CONFIG);
	ck_assert_ptr_null(source);
	set("PATIENT_IMPORT_LOCAL_PATH", "");
	set("PATIENT_IMPORT_SOURCE", "");
	set("GCS_IMPORT_BUCKET", "the bucket");
	put_object("a.json", GOOD("AAAAAAAAAA"));
	check_run(1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("object storage");
	TCase *t = tcase_create("bucket");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, fault_73_a_bucket);
	tcase_add_test(t, copies_are_kept);
	tcase_add_test(t, a_token_that_is_not_taken_any_more);
	tcase_add_loop_test(t, fault_84_lists, 0, 4);
	tcase_add_test(t, fault_75_reads);
	tcase_add_loop_test(t, one_that_is_refused, 402, 404);
	tcase_add_test(t, fault_74_deletes);
	tcase_add_test(t, a_newer_one);
	tcase_add_test(t, too_large);
	tcase_add_test(t, fault_76_a_deadline);
	tcase_add_loop_test(t, credentials, 0, (int)PSM__COUNT(key_files));
	tcase_add_test(t, names_of_sources);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
