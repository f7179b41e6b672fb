/* SPDX-License-Identifier: BSD-2-Clause */
/* A POST with an Idempotency-Key has its effect once, and what it emits is of
 * the request's trace. */
#include "testing_http.h"
#include "testing_pg.h"

static psm_store *store;

#define EVENT                                                                  \
	"{\"event_id\":\"0197f7f5-2d6e-7d5a-8c3b-3f0f6d1f0e11\","              \
	"\"event_type\":\"communication.send_email\",\"version\":\"1.0\","     \
	"\"timestamp\":\"2026-07-01T09:30:00Z\",\"producer\":\"test\","        \
	"\"payload\":{\"email_id\":7}}"

static int
save(psm_tx *tx, const psm_request *req, psm_response *res, psm_error *err)
{
	size_t len;
	const char *body = psm_request_body(req, &len);
	psm_event *ev = NULL;
	psm_rows *rows = NULL;
	char text[64];
	int rc =
	    psm_tx_exec(tx, "INSERT INTO note VALUES (DEFAULT) RETURNING id", 0,
	                NULL, &rows, err);

	if (rc == 0)
		rc = psm_event_parse(EVENT, strlen(EVENT), &ev, err);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, err);
	(void)snprintf(text, sizeof text, "[%d]",
	               (int)psm_rows_int(rows, 0, 0));
	psm_response_json(res, 201, text, strlen(text));
	psm_response_header(res, "Location", "/notes/9");
	psm_response_etag(res, 1);
	if (rc == 0 && len == 6 && memcmp(body, "refuse", 6) == 0)
		rc = psm_error_set(err, PSM_ERR_REJECT, "as asked");
	if (rc == 0 && len == 4 && memcmp(body, "wait", 4) == 0)
		testing_gate_pass();
	psm_event_free(ev);
	psm_rows_free(rows);
	return rc;
}

/* What the lines of the last request name. */
static char logged[PSM__TRACEPARENT_SIZE];

static int
post(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	(void)user;
	(void)snprintf(logged, sizeof logged, "%s", psm__svc_trace());
	if (rc == 0)
		rc = psm_request_trace(req, tx, err);
	if (rc == 0)
		rc = psm_request_once(req, tx, res, err);
	if (rc == 0) {
		rc = save(tx, req, res, err);
		if (rc == 0)
			rc = psm_response_keep(res, req, tx, err);
		if (rc == 0) {
			rc = psm_tx_commit(tx, err);
			tx = NULL;
		}
	}
	psm_tx_rollback(tx);
	return rc;
}

/* A database that does not answer in time. */
static int
stuck(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)res;
	(void)user;
	return psm_store_exec(store, "SELECT pg_sleep(60)", 0, NULL, NULL, err);
}

static void
set_up(void)
{
	pg_database();
	store = pg_store();
	pg_run("CREATE TABLE note (id integer GENERATED ALWAYS AS IDENTITY)");
	testing_server_new();
	ck_assert_int_eq(psm_service_route(testing_server.svc, "POST", "/notes",
	                                   post, NULL, testing_server.err),
	                 0);
	ck_assert_int_eq(psm_service_route(testing_server.svc, "POST",
	                                   "/notes/{id}", post, NULL,
	                                   testing_server.err),
	                 0);
	ck_assert_int_eq(psm_service_route(testing_server.svc, "POST", "/stuck",
	                                   stuck, NULL, testing_server.err),
	                 0);
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

static void
tear_down(void)
{
	testing_server_down();
	psm_store_free(store);
}

/* key, more: whole headers, or NULL. */
static void
ask(const char *path, const char *key, const char *more, const char *body,
    struct answer *a)
{
	CURL *curl = testing_client("POST", path, a);
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");

	if (key)
		list = curl_slist_append(list, key);
	if (more)
		list = curl_slist_append(list, more);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	testing_perform(curl, a);
	curl_slist_free_all(list);
	ck_assert_int_eq(a->curl, CURLE_OK);
}

static void
expect(const struct answer *a, long status, const char *body, int replayed)
{
	ck_assert_msg(a->status == status, "%ld %s", a->status, a->body);
	if (body)
		ck_assert_str_eq(a->body, body);
	ck_assert_int_eq(strstr(a->headers, "Idempotency-Replayed: true\r\n") !=
	                     NULL,
	                 replayed);
	if (status != 201)
		return;
	ck_assert_ptr_nonnull(strstr(a->headers, "Location: /notes/9\r\n"));
	ck_assert_ptr_nonnull(strstr(a->headers, "ETag: \"1\"\r\n"));
}

START_TEST(the_same_key_has_one_effect)
{
	static const char key[] = "Idempotency-Key: 7f-\"a\"";
	struct answer a;

	ask("/notes", key, NULL, "{\"a\":1}", &a);
	expect(&a, 201, "[1]", 0);
	ask("/notes", key, NULL, "{\"a\":1}", &a);
	expect(&a, 201, "[1]", 1);
	ask("/notes", key, NULL, "{\"a\":2}", &a);
	expect(&a, 422, NULL, 0);
	ck_assert_ptr_nonnull(strstr(a.body, "used with another body"));
	/* Another path is another key, and so is another key. */
	ask("/notes/1", key, NULL, "{\"a\":2}", &a);
	expect(&a, 201, "[2]", 0);
	ask("/notes", "Idempotency-Key: 8", NULL, "{\"a\":1}", &a);
	expect(&a, 201, "[3]", 0);
	ask("/notes", NULL, NULL, "{\"a\":1}", &a);
	expect(&a, 201, "[4]", 0);
	ask("/notes", NULL, NULL, "{\"a\":1}", &a);
	expect(&a, 201, "[5]", 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 5);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.idempotency"),
	                 3);
}
END_TEST

START_TEST(a_failure_is_not_kept)
{
	static const char key[] = "Idempotency-Key: f";
	struct answer a;

	ask("/notes", key, NULL, "refuse", &a);
	expect(&a, 422, NULL, 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.idempotency"),
	                 0);
	ask("/notes", key, NULL, "other", &a);
	expect(&a, 201, NULL, 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM note"), 1);
}
END_TEST

static const struct {
	const char *key;
	long status;
} keys[] = {
    {"Idempotency-Key: a b", 400},
    {"Idempotency-Key: \xc3\xa4", 400},
    {"Idempotency-Key;", 400}, /* empty */
    {"Idempotency-Key: ~!", 201},
};

START_TEST(keys_are_checked)
{
	char longest[300] = "Idempotency-Key: ";
	size_t len = strlen(longest);
	struct answer a;
	size_t i;

	for (i = 0; i < sizeof keys / sizeof *keys; i++) {
		ask("/notes", keys[i].key, NULL, "{}", &a);
		ck_assert_msg(a.status == keys[i].status, "%s: %ld",
		              keys[i].key, a.status);
	}
	memset(longest + len, 'k', 255);
	ask("/notes", longest, NULL, "{}", &a);
	ck_assert_int_eq(a.status, 201);
	memset(longest + len, 'k', 256);
	ask("/notes", longest, NULL, "{}", &a);
	ck_assert_int_eq(a.status, 400);
}
END_TEST

START_TEST(a_body_may_have_any_bytes)
{
	struct answer a;

	ask("/notes", "Idempotency-Key: b", NULL, "\xff\x01\\x", &a);
	expect(&a, 201, "[1]", 0);
	ask("/notes", "Idempotency-Key: b", NULL, "\xff\x01\\x", &a);
	expect(&a, 201, "[1]", 1);
}
END_TEST

static void *
ask_beside(void *arg)
{
	ask("/notes", "Idempotency-Key: w", NULL, "wait", arg);
	return NULL;
}

/* Both came before either was answered: the second one waits for the first. */
START_TEST(at_the_same_time)
{
	struct answer a, b;
	pthread_t first, second;

	ck_assert_int_eq(pthread_create(&first, NULL, ask_beside, &a), 0);
	testing_gate_wait(1);
	ck_assert_int_eq(pthread_create(&second, NULL, ask_beside, &b), 0);
	ck_assert_int_eq(
	    pg_wait(1, TESTING_WAIT_MS,
	            "SELECT count(*) FROM pg_stat_activity WHERE "
	            "wait_event_type = 'Lock' AND query LIKE 'INSERT INTO "
	            "psymatch.idempotency%'"),
	    1);
	testing_gate_open();
	ck_assert_int_eq(pthread_join(first, NULL), 0);
	ck_assert_int_eq(pthread_join(second, NULL), 0);
	expect(&a, 201, "[1]", 0);
	expect(&b, 201, "[1]", 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM note"), 1);
}
END_TEST

START_TEST(keys_expire)
{
	struct answer a;
	int i;

	ask("/notes", "Idempotency-Key: old", NULL, "1", &a);
	for (i = 0; i < 5; i++)
		pg_run("INSERT INTO psymatch.idempotency (scope, key, request) "
		       "VALUES ('POST /notes', 'x%d', '')",
		       i);
	pg_run("UPDATE psymatch.idempotency SET created_at = now() - "
	       "interval '25 hours'");
	/* Expired: new again, with another body. */
	ask("/notes", "Idempotency-Key: old", NULL, "2", &a);
	expect(&a, 201, NULL, 0);
	for (i = 0; i < 2; i++) {
		ask("/notes", i ? "Idempotency-Key: n1" : "Idempotency-Key: n0",
		    NULL, "2", &a);
		expect(&a, 201, NULL, 0);
	}
	/* Two of the five that expired went with each request. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.idempotency"),
	                 3);
	ask("/notes", "Idempotency-Key: old", NULL, "2", &a);
	expect(&a, 201, NULL, 1);
}
END_TEST

#define PARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static const struct {
	const char *parent, *state; /* headers */
	const char *want_parent;    /* NULL: one of a new trace */
	const char *want_state;
} traces[] = {
    {"traceparent: " PARENT, "tracestate: a=1,b=2", PARENT, "a=1,b=2"},
    {"Traceparent: " PARENT, NULL, PARENT, "-"},
    {"traceparent: 00-x", "tracestate: a=1", NULL, "-"},
    {"traceparent: " PARENT, "tracestate: \xc3\xa4", PARENT, "-"},
    {NULL, NULL, NULL, "-"},
};

START_TEST(events_are_of_the_requests_trace)
{
	struct answer a;
	char *got;

	ask("/notes", traces[_i].parent, traces[_i].state, "{}", &a);
	ck_assert_int_eq(a.status, 201);
	got = pg_text("SELECT coalesce(traceparent, '-') FROM psymatch.outbox");
	ck_assert_str_eq(got, logged);
	ck_assert(psm__is_traceparent(got, strlen(got)));
	if (traces[_i].want_parent)
		ck_assert_str_eq(got, traces[_i].want_parent);
	free(got);
	got = pg_text("SELECT coalesce(tracestate, '-') FROM psymatch.outbox");
	ck_assert_str_eq(got, traces[_i].want_state);
	free(got);
}
END_TEST

START_TEST(arguments_are_checked)
{
	psm_tx *tx = NULL;

	ck_assert_int_eq(psm_request_once(NULL, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_response_keep(NULL, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_request_trace(NULL, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_set_trace(NULL, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_begin(store, &tx, NULL), 0);
	ck_assert_int_eq(psm_tx_set_trace(tx, "x", NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_set_trace(tx, NULL, "a=1", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_tx_set_trace(tx, PARENT, "", NULL), 0);
	ck_assert_int_eq(psm_tx_set_trace(tx, "", NULL, NULL), 0);
	psm_tx_rollback(tx);
}
END_TEST

/* The second request has a limit of its own. */
START_TEST(a_database_that_does_not_answer)
{
	struct svc_limits *limits = &testing_server.svc->limits;
	struct answer a;

	ck_assert_int_eq(
	    limits->database_ms,
	    psm_config_int(testing_server.cfg, "PSYMATCH_HTTP_DATABASE_MS"));
	limits->database_ms = 200;
	ask("/stuck", NULL, NULL, "{}", &a);
	expect(&a, 503, NULL, 0);
	limits->database_ms = 60000;
	ask("/notes", NULL, NULL, "{}", &a);
	expect(&a, 201, "[1]", 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("once");
	TCase *tc = tcase_create("once");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_same_key_has_one_effect);
	tcase_add_test(tc, a_failure_is_not_kept);
	tcase_add_test(tc, keys_are_checked);
	tcase_add_test(tc, a_body_may_have_any_bytes);
	tcase_add_test(tc, at_the_same_time);
	tcase_add_test(tc, keys_expire);
	tcase_add_loop_test(tc, events_are_of_the_requests_trace, 0,
	                    sizeof traces / sizeof *traces);
	tcase_add_test(tc, a_database_that_does_not_answer);
	tcase_add_test(tc, arguments_are_checked);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
