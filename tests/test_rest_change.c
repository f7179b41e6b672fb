/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists over HTTP: changed, blocked, deleted. */
#include <psymatch/relay.h>

#include "testing_rest.h"

/* -- changing */

static const struct step put_leaves_what_is_absent_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"titel\":\"Dr.\",\"naechster_kontakt_moeglich\":\"2027-01-31\"}",
     200,
     {"\"titel\":\"Dr.\"", "2027-01-31", "ETag: \"2\"\r\n", "Anna"}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"titel\":null,\"id\":9,\"unknown\":true}",
     200,
     {"\"titel\":\"Dr.\"", "ETag: \"2\"\r\n", "\"id\":1"}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"naechster_kontakt_moeglich\":\"\"}",
     200,
     {"\"naechster_kontakt_moeglich\":null", "ETag: \"3\"\r\n"}},
    {"PUT", "/api/therapists/1", JSON, "{\"anrede\":\"\"}", 400, {"/anrede"}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"alter_min\":\"jung\"}",
     400,
     {"/alter_min"}},
    {"PUT", "/api/therapists/1", JSON, "nonsense", 400, {"PSM_ERR_PARSE"}},
    {"PUT", "/api/therapists/1", "Content-Type: text/plain", "{}", 415, {NULL}},
    {"PUT",
     "/api/therapists/9",
     JSON,
     "{\"titel\":\"Dr.\"}",
     404,
     {"Therapist not found"}},
};

START_TEST(put_leaves_what_is_absent)
{
	STEPS(put_leaves_what_is_absent_steps);
	ck_assert_int_eq(events("therapist.updated"), 2);
}
END_TEST

static const struct step patch_clears_what_is_null_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"PATCH",
     "/api/therapists/1",
     MERGE,
     "{\"plz\":null,\"ort\":\"Aachen\"}",
     200,
     {"\"plz\":null", "\"ort\":\"Aachen\"", "ETag: \"2\"\r\n", "Anna"}},
    {"PATCH",
     "/api/therapists/1",
     MERGE,
     "{\"vorname\":null}",
     400,
     {"/vorname"}},
    {"PATCH",
     "/api/therapists/1",
     MERGE,
     "{\"unknown\":1,\"id\":2}",
     400,
     {"/unknown", "/id"}},
    {"PATCH",
     "/api/therapists/1",
     JSON,
     "{}",
     415,
     {"application/merge-patch+json"}},
    {"PATCH", "/api/therapists/1", MERGE, "{}", 200, {"ETag: \"2\"\r\n"}},
};

START_TEST(patch_clears_what_is_null)
{
	STEPS(patch_clears_what_is_null_steps);
	ck_assert_int_eq(events("therapist.updated"), 1);
}
END_TEST

static const struct step changes_are_conditional_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"PUT",
     "/api/therapists/1",
     JSON "\nIf-Match: \"1\"",
     "{\"ort\":\"A\"}",
     200,
     {"ETag: \"2\"\r\n"}},
    {"PUT",
     "/api/therapists/1",
     JSON "\nIf-Match: \"1\"",
     "{\"ort\":\"B\"}",
     412,
     {"PSM_ERR_PRECONDITION"}},
    {"PATCH",
     "/api/therapists/1",
     MERGE "\nIf-Match: \"1\", \"2\"",
     "{\"ort\":\"C\"}",
     200,
     {"ETag: \"3\"\r\n"}},
    {"PATCH",
     "/api/therapists/1",
     MERGE "\nIf-Match: *",
     "{\"ort\":\"D\"}",
     200,
     {"ETag: \"4\"\r\n"}},
    {"DELETE", "/api/therapists/1", "If-Match: \"3\"", NULL, 412, {NULL}},
    {"PUT", "/api/therapists/9", JSON "\nIf-Match: \"1\"", "{}", 404, {NULL}},
    {"DELETE",
     "/api/therapists/1",
     "If-Match: \"4\"",
     NULL,
     200,
     {"{\"message\":\"Therapist deleted successfully\"}"}},
};

START_TEST(changes_are_conditional)
{
	STEPS(changes_are_conditional_steps);
}
END_TEST

static const struct step blocking_has_its_events_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"status\":\"gesperrt\",\"sperrgrund\":\"no seat\"}",
     200,
     {"\"status\":\"gesperrt\"", "\"sperrgrund\":\"no seat\"",
      "!\"sperrdatum\":null"}},
    {"GET",
     "/api/therapists?status=gesperrt",
     NULL,
     NULL,
     200,
     {"\"total\":1"}},
    {"PUT",
     "/api/therapists/1",
     JSON,
     "{\"status\":\"aktiv\"}",
     200,
     {"\"sperrdatum\":null"}},
    {"POST",
     "/api/therapists/1/block",
     JSON "\nIdempotency-Key: b\ntraceparent: "
          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
     "{\"reason\":\"again\"}",
     200,
     {"\"sperrgrund\":\"again\"", "ETag: \"4\"\r\n"}},
    {"POST",
     "/api/therapists/1/block",
     JSON "\nIdempotency-Key: b",
     "{\"reason\":\"again\"}",
     200,
     {"Replayed"}},
    {"POST",
     "/api/therapists/1/unblock",
     NULL,
     NULL,
     200,
     {"\"status\":\"aktiv\""}},
    {"POST",
     "/api/therapists/1/block",
     JSON,
     "{\"reason\":7}",
     400,
     {"reason"}},
    {"POST", "/api/therapists/9/block", NULL, NULL, 404, {NULL}},
    {"GET",
     "/api/therapists/1/block",
     NULL,
     NULL,
     405,
     {"Allow: POST, OPTIONS\r\n"}},
};

START_TEST(blocking_has_its_events)
{
	STEPS(blocking_has_its_events_steps);
	ck_assert_int_eq(events("therapist.blocked"), 2);
	ck_assert_int_eq(events("therapist.unblocked"), 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	                        "type = 'therapist.blocked' AND traceparent "
	                        "LIKE '00-0af7651916cd43dd%%'"),
	                 1);
}
END_TEST

static const struct step what_is_deleted_is_gone_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"DELETE", "/api/therapists/1?force=x", NULL, NULL, 400, {"force"}},
    {"DELETE",
     "/api/therapists/1",
     NULL,
     NULL,
     200,
     {"{\"message\":\"Therapist deleted successfully\"}"}},
    {"GET", "/api/therapists/1", NULL, NULL, 404, {NULL}},
    {"DELETE", "/api/therapists/1", NULL, NULL, 404, {"Therapist not found"}},
    {"DELETE", "/api/therapists/1?force=true", NULL, NULL, 404, {NULL}},
    {"DELETE",
     "/api/therapists",
     NULL,
     NULL,
     405,
     {"Allow: GET, HEAD, POST, OPTIONS\r\n"}},
    {"OPTIONS",
     "/api/therapists/1",
     NULL,
     NULL,
     204,
     {"Allow: GET, HEAD, PUT, PATCH, DELETE, OPTIONS\r\n"}},
};

START_TEST(what_is_deleted_is_gone)
{
	STEPS(what_is_deleted_is_gone_steps);
	ck_assert_int_eq(events("therapist.deleted"), 1);
}
END_TEST

/* The matching service's inquiries are in the same database: one was sent and
 * has no answer yet. */
static const struct step an_unanswered_inquiry_keeps_a_therapist_steps[] = {
    {"POST", "/api/therapists", JSON, ANNA, 201, {NULL}},
    {"DELETE",
     "/api/therapists/1",
     NULL,
     NULL,
     409,
     {"PSM_ERR_CONFLICT", "want an answer to each inquiry", "!Anna"}},
    {"DELETE", "/api/therapists/1?force=false", NULL, NULL, 409, {NULL}},
    {"GET", "/api/therapists/1", NULL, NULL, 200, {"ETag: \"1\"\r\n"}},
    {"DELETE",
     "/api/therapists/1?force=true",
     "If-Match: \"2\"",
     NULL,
     412,
     {NULL}},
    {"DELETE",
     "/api/therapists/1?force=true",
     NULL,
     NULL,
     200,
     {"{\"message\":\"Therapist deleted successfully\"}"}},
    {"GET", "/api/therapists/1", NULL, NULL, 404, {NULL}},
};

START_TEST(an_unanswered_inquiry_keeps_a_therapist)
{
	ck_assert_int_eq(psm_store_migrate(store, "matching", NULL), 0);
	pg_run("INSERT INTO matching_service.therapeutenanfrage (therapist_id, "
	       "anfragegroesse, gesendet_datum) VALUES (1, 1, now())");
	STEPS(an_unanswered_inquiry_keeps_a_therapist_steps);
	ck_assert_int_eq(events("therapist.deleted"), 1);
}
END_TEST

/* Answers that are kept for an Idempotency-Key hold records of persons. */
START_TEST(expired_answers_go_without_a_request)
{
	testing_server_down();
	pg_run("INSERT INTO psymatch.idempotency (scope, key, request, body, "
	       "created_at) SELECT 'POST /', k, '', '{}', now() - h * interval "
	       "'1 hour' FROM (VALUES ('a', 25), ('b', 26), ('c', 24.5), "
	       "('new', 23)) v (k, h)");
	start("");
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.idempotency WHERE key "
	                "<> 'new'") == 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.idempotency"),
	                 1);
}
END_TEST

/* -- waiting for consumers */

static psm_transport *transport;
static psm_relay *relay;
static psm_processor *consumer;

/* A change may wait for as long as the client does (TESTING_WAIT_MS). */
static void
set_up_consumer(const char *wait_ms)
{
	psm_config *cfg;

	pg_database();
	psm_store_free(pg_store()); /* its tables */
	cfg = pg_settings();
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_REST_WAIT_MS", wait_ms, NULL), 0);
	ck_assert_int_eq(psm_store_open(cfg, &store, NULL), 0);
	ck_assert_int_eq(psm_store_migrate(store, "therapist", NULL), 0);
	ck_assert_int_eq(psm_transport_memory(1, &transport, NULL), 0);
	ck_assert_int_eq(psm_relay_new(store, transport, cfg, &relay, NULL), 0);
	ck_assert_int_eq(psm_relay_start(relay, NULL), 0);
	ck_assert_int_eq(psm_processor_new(store, transport, cfg,
	                                   "matching-service", &consumer, NULL),
	                 0);
	psm_config_free(cfg);
	pg_run("CREATE TABLE effects (type text)");
	start("");
}

static void
set_up_waiting(void)
{
	set_up_consumer("60000");
}

static void
set_up_late(void)
{
	set_up_consumer("50");
}

static void
tear_down_waiting(void)
{
	testing_server_down();
	psm_processor_free(consumer);
	psm_relay_free(relay);
	psm_transport_unref(transport);
	psm_store_free(store);
}

static int
save(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	const char *params[] = {psm_event_type(ev)};

	(void)user;
	return psm_tx_exec(tx, "INSERT INTO effects VALUES ($1)", 1, params,
	                   NULL, err);
}

static void
start_consumer(psm_tx_event_fn fn)
{
	ck_assert_int_eq(psm_processor_on(consumer, "*", fn, NULL, NULL), 0);
	ck_assert_int_eq(
	    psm_processor_subscribe(consumer, "therapist-events", NULL), 0);
	ck_assert_int_eq(psm_processor_start(consumer, NULL), 0);
	PG_UNTIL(pg_int("SELECT count(*) FROM psymatch.consumer_alive") == 1);
}

/* After each answer the consumer has handled the change. */
static void
change(const char *method, const char *path, const char *headers,
       const char *body, const char *type, int count)
{
	struct answer a;

	testing_ask_with(method, path, headers, body, &a);
	ck_assert_msg(a.status / 100 == 2, "%s: %ld %s", method, a.status,
	              a.body);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE type = '%s'", type),
	    count);
}

START_TEST(change_waits_for_a_living_consumer)
{
	char body[40];
	int i;

	start_consumer(save);
	change("POST", "/api/therapists", JSON, ANNA, "therapist.created", 1);
	for (i = 1; i <= 10; i++) {
		(void)snprintf(body, sizeof body, "{\"ort\":\"Ort %d\"}", i);
		change("PATCH", "/api/therapists/1", MERGE, body,
		       "therapist.updated", i);
	}
	change("POST", "/api/therapists/1/block", NULL, NULL,
	       "therapist.blocked", 1);
	change("DELETE", "/api/therapists/1", NULL, NULL, "therapist.deleted",
	       1);
}
END_TEST

static int
save_late(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	testing_gate_pass();
	return save(tx, ev, user, err);
}

static int late_lines; /* __atomic */

/* One says which consumer is late, and none says of whom its event is. */
static void
look(int level, const char *message, const char *const *fields, void *user)
{
	(void)level;
	(void)user;
	if (strncmp(message, "consumer is late", 16) == 0)
		__atomic_add_fetch(&late_lines, 1, __ATOMIC_SEQ_CST);
	ck_assert_ptr_null(strstr(message, "Anna"));
	for (; fields[0] && fields[1]; fields += 2)
		ck_assert_ptr_null(strstr(fields[1], "Anna"));
}

/* It is made, so that is what the client is told. */
START_TEST(change_is_answered_before_a_late_consumer)
{
	struct answer a;

	start_consumer(save_late);
	psm_set_log(look, PSM_LOG_DEBUG, NULL);
	testing_ask_with("POST", "/api/therapists", JSON, ANNA, &a);
	ck_assert_msg(a.status == 201, "%ld %s", a.status, a.body);
	ck_assert_ptr_nonnull(strstr(a.headers, "ETag: \"1\"\r\n"));
	ck_assert_int_eq(__atomic_load_n(&late_lines, __ATOMIC_SEQ_CST), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	testing_gate_open();
	PG_UNTIL(pg_int("SELECT count(*) FROM effects") == 1);
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
}
END_TEST

START_TEST(change_waits_for_nobody_without_one)
{
	change("POST", "/api/therapists", JSON, ANNA, "therapist.created", 0);
	change("PATCH", "/api/therapists/1", MERGE, "{\"ort\":\"Aachen\"}",
	       "therapist.updated", 0);
	/* It lived, and has not said so for long. */
	pg_run("INSERT INTO psymatch.consumer_alive VALUES "
	       "('matching-service', 'dead', NULL, now() - interval '1 h')");
	change("PATCH", "/api/therapists/1", MERGE, "{\"ort\":\"Bonn\"}",
	       "therapist.updated", 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("rest_change");
	TCase *tc = tcase_create("therapists");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, put_leaves_what_is_absent);
	tcase_add_test(tc, patch_clears_what_is_null);
	tcase_add_test(tc, changes_are_conditional);
	tcase_add_test(tc, blocking_has_its_events);
	tcase_add_test(tc, what_is_deleted_is_gone);
	tcase_add_test(tc, an_unanswered_inquiry_keeps_a_therapist);
	tcase_add_test(tc, expired_answers_go_without_a_request);
	suite_add_tcase(s, tc);
	tc = tcase_create("waiting");
	tcase_add_checked_fixture(tc, set_up_waiting, tear_down_waiting);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, change_waits_for_a_living_consumer);
	tcase_add_test(tc, change_waits_for_nobody_without_one);
	suite_add_tcase(s, tc);
	tc = tcase_create("late");
	tcase_add_checked_fixture(tc, set_up_late, tear_down_waiting);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, change_is_answered_before_a_late_consumer);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
