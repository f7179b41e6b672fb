/* SPDX-License-Identifier: BSD-2-Clause */
/* What people do with dead letters and parked events. */
#include "base/base.h"
#include "testing.h"
#include "testing_pg.h"

#include <psymatch/dead.h>
#include <psymatch/relay.h>
#include <pthread.h>

#define LETTERS PSM_DEAD_LETTERS
#define PARKED PSM_DEAD_PARKED
#define ID "0198c0de-0000-7000-8000-0000000000"
#define EVENT(n, payload)                                                      \
	"{\"event_id\":\"" ID #n "\",\"event_type\":"                          \
	"\"communication.send_email\",\"version\":\"1.0\",\"timestamp\":"      \
	"\"2026-01-31T09:00:00.000000Z\",\"producer\":\"test\",\"payload\":"   \
	"{\"email_id\":" payload "}}"

static psm_store *st;
static psm_error *err;

static void
setup(void)
{
	pg_database();
	st = pg_store();
	err = psm_error_new();
}

static void
teardown(void)
{
	psm_store_free(st);
	psm_error_free(err);
}

/* A dead letter of the consumer "c" with the key 7 and such bytes; its id. */
static int64_t
letter(const char *raw)
{
	return pg_int("INSERT INTO psymatch.dead_letter (consumer, topic, "
	              "partition, \"offset\", key, raw, type, code, reason, "
	              "headers) VALUES ('c', 'communication-events', 0, 5, "
	              "'7', convert_to('%s', 'UTF8'), "
	              "'communication.send_email', 'PSM_ERR_SCHEMA', 'as "
	              "planned', '{\"traceparent\": \"x\"}') RETURNING id",
	              raw);
}

static int64_t
parked(const char *key, const char *state, const char *raw)
{
	return pg_int("INSERT INTO psymatch.parked (consumer, key, topic, "
	              "partition, \"offset\", raw, event_id, type, attempts, "
	              "next_at, state, last_code, last_error) VALUES ('c', "
	              "'%s', 'communication-events', 0, 6, convert_to('%s', "
	              "'UTF8'), gen_random_uuid(), "
	              "'communication.send_email', 3, now() + interval '1 "
	              "hour', '%s', 'PSM_ERR_RETRY', 'as planned') "
	              "RETURNING id",
	              key, raw, state);
}

static size_t
count(int source, const char *const *filter)
{
	psm_rows *rows;
	size_t n;

	ck_assert_msg(psm_dead_list(st, source, filter, &rows, err) == 0, "%s",
	              psm_error_message(err));
	n = psm_rows_count(rows);
	psm_rows_free(rows);
	return n;
}

static int64_t
audits(const char *action, int64_t id)
{
	return pg_int("SELECT count(*) FROM psymatch.dead_audit WHERE action "
	              "= '%s' AND row_id = %lld AND who = 'anna' AND why = "
	              "'because' AND at <= clock_timestamp()",
	              action, (long long)id);
}

/* -- looking */

START_TEST(list_by_filters)
{
	static const char *const good[][5] = {
	    {"consumer", "c", NULL},
	    {"type", "communication.send_email", NULL},
	    {"key", "7", "state", "dead", NULL},
	    {"code", "PSM_ERR_SCHEMA", "topic", "communication-events", NULL},
	    {"since", "2020-01-01T00:00:00Z", NULL},
	    {"after", "0", "limit", "5", NULL},
	};
	static const char *const none[][3] = {
	    {"consumer", "d", NULL},
	    {"type", "patient.created", NULL},
	    {"key", "8", NULL},
	    {"state", "skipped", NULL},
	    {"code", "PSM_ERR_PARSE", NULL},
	    {"topic", "x", NULL},
	    {"event_id", ID "99", NULL},
	    {"since", "2999-01-01", NULL},
	    {"after", "1000000", NULL},
	    {"limit", "0", NULL},
	};
	static const char *const bad[][3] = {
	    {"event_id", "7", NULL},
	    {"since", "yesterdays", NULL},
	    {"after", "x", NULL},
	    {"limit", "many", NULL},
	};
	const char *unknown[] = {"colour", "red", NULL};
	const char *half[] = {"consumer", NULL};
	psm_rows *rows;
	size_t i;

	ck_assert_uint_eq(count(LETTERS, NULL), 0);
	(void)letter(EVENT(11, "7"));
	(void)letter("{");
	for (i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_uint_eq(count(LETTERS, good[i]), 2);
	for (i = 0; i < sizeof none / sizeof *none; i++)
		ck_assert_uint_eq(count(LETTERS, none[i]), 0);
	for (i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(psm_dead_list(st, LETTERS, bad[i], &rows, err),
		                 PSM_ERR_SCHEMA);
		ck_assert_ptr_null(rows);
	}
	ck_assert_int_eq(psm_dead_list(st, LETTERS, unknown, &rows, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_list(st, LETTERS, half, &rows, err),
	                 PSM_ERR_INVAL);
	ck_assert_uint_eq(count(PARKED, NULL), 0);
	(void)parked("7", "retry", "{}");
	ck_assert_uint_eq(count(PARKED, good[0]), 1);
	ck_assert_uint_eq(count(PARKED, NULL), 1);
}
END_TEST

/* Names and order of the columns are the contract. */
START_TEST(list_says_all_but_the_payload)
{
	static const char *const want[] = {
	    "",  "c",    "dead",       "communication.send_email",
	    "",  "comm", "0",          "5",
	    "7", "PSM_", "as planned", "1",
	    "",  "",     "18",         "f"};
	psm_rows *rows;
	const char *text;
	size_t i;

	(void)letter("{\"name\":\"Berta\"}  ");
	ck_assert_int_eq(psm_dead_list(st, LETTERS, NULL, &rows, err), 0);
	for (i = 0; i < sizeof want / sizeof *want; i++) {
		text = psm_rows_text(rows, 0, i);
		ck_assert_msg(!want[i][0] ||
		                  strncmp(text, want[i], strlen(want[i])) == 0,
		              "column %zu: %s", i, text);
		ck_assert(!text || !strstr(text, "Berta"));
	}
	ck_assert_ptr_null(psm_rows_text(rows, 0, i));
	psm_rows_free(rows);
}
END_TEST

START_TEST(show_hides_the_payload)
{
	int64_t id = letter("{\"name\":\"Berta\"}");
	char *json, *bytes;
	psm_json *doc;
	size_t len;

	ck_assert_int_eq(psm_dead_show(st, LETTERS, id, 0, &json, err), 0);
	ck_assert_ptr_null(strstr(json, "Berta"));
	ck_assert_int_eq(psm_json_parse(json, strlen(json), &doc, err), 0);
	ck_assert_str_eq(
	    psm_json_string(psm_json_at(doc, "/headers/traceparent")), "x");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/code")),
	                 "PSM_ERR_SCHEMA");
	psm_json_free(doc);
	psm_free(json);
	ck_assert_int_eq(psm_dead_show(st, LETTERS, id, 1, &json, err), 0);
	ck_assert_ptr_nonnull(strstr(json, "Berta"));
	psm_free(json);
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, id, &bytes, &len, err), 0);
	ck_assert_str_eq(bytes, "{\"name\":\"Berta\"}");
	ck_assert_uint_eq(len, strlen(bytes));
	psm_free(bytes);
	/* Bytes that are no text, and none at all. */
	pg_run("UPDATE psymatch.dead_letter SET raw = '\\xff00c3'");
	ck_assert_int_eq(psm_dead_show(st, LETTERS, id, 1, &json, err), 0);
	ck_assert_ptr_nonnull(strstr(json, "\"\\\\377\\\\000\\\\303\""));
	psm_free(json);
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, id, &bytes, &len, err), 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_int_eq(memcmp(bytes, "\xff\0\xc3", 3), 0);
	psm_free(bytes);
	pg_run("UPDATE psymatch.dead_letter SET raw = NULL");
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, id, &bytes, &len, err), 0);
	ck_assert_ptr_null(bytes);
}
END_TEST

START_TEST(stats)
{
	psm_rows *rows;

	(void)letter("{");
	(void)letter("{");
	(void)parked("7", "held", "{}");
	ck_assert_int_eq(psm_dead_stats(st, &rows, err), 0);
	ck_assert_uint_eq(psm_rows_count(rows), 2);
	ck_assert_str_eq(psm_rows_text(rows, 0, 0), "dead");
	ck_assert_int_eq(psm_rows_int(rows, 0, 4), 2);
	ck_assert_str_eq(psm_rows_text(rows, 1, 0), "parked");
	ck_assert_str_eq(psm_rows_text(rows, 1, 2), "held");
	ck_assert_str_eq(psm_rows_text(rows, 1, 3), "PSM_ERR_RETRY");
	psm_rows_free(rows);
	/* Nothing that people look at has the bytes. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "information_schema.columns WHERE table_schema "
	                        "= 'psymatch' AND table_name LIKE 'v\\_%%' AND "
	                        "data_type IN ('bytea', 'json', 'jsonb')"),
	                 0);
}
END_TEST

/* -- dead letters */

START_TEST(release_goes_behind_its_key)
{
	int64_t first = letter(EVENT(11, "7")), second = letter(EVENT(12, "7"));

	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, first, "anna", "because", err), 0);
	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, second, "anna", "because", err), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked p JOIN "
	           "psymatch.dead_letter d ON p.raw = d.raw WHERE p.consumer = "
	           "'c' AND p.key = '7' AND p.topic = d.topic AND p.partition "
	           "= 0 AND p.\"offset\" = 5 AND p.type = d.type AND p.headers "
	           "= d.headers AND p.next_at <= now() AND p.attempts = 1 AND "
	           "d.state = 'released'"),
	    2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.v_parked WHERE "
	                        "(place = 1 AND state = 'retry') OR (place = "
	                        "2 AND state = 'waiting')"),
	                 2);
	ck_assert_int_eq(audits("release", first), 1);
	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, first, "anna", "because", err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_dead_skip(st, LETTERS, first, "anna", "because", err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(audits("release", first), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 2);
}
END_TEST

START_TEST(skip_keeps_the_letter)
{
	int64_t id = letter("{");

	ck_assert_int_eq(psm_dead_skip(st, LETTERS, id, "anna", "because", err),
	                 0);
	ck_assert_int_eq(audits("skip", id), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.v_dead WHERE "
	                        "state = 'skipped' AND bytes = 1"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 0);
	ck_assert_int_eq(psm_dead_edit(st, LETTERS, id, EVENT(11, "7"),
	                               strlen(EVENT(11, "7")), "anna",
	                               "because", err),
	                 PSM_ERR_STATE);
}
END_TEST

START_TEST(edit_then_release)
{
	int64_t id = letter("{\"broken\":");
	const char *good = EVENT(11, "7");
	char *bytes;
	size_t len;

	ck_assert_int_eq(psm_dead_edit(st, LETTERS, id, good, strlen(good),
	                               "anna", "because", err),
	                 0);
	/* What came is still there. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter "
	                        "WHERE convert_from(raw, 'UTF8') = "
	                        "'{\"broken\":' AND event_id = '" ID "11'"),
	                 1);
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, id, &bytes, &len, err), 0);
	ck_assert_str_eq(bytes, good);
	psm_free(bytes);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_audit a JOIN "
	           "psymatch.dead_letter d ON a.row_id = d.id WHERE "
	           "before_sha256 = sha256(raw) AND after_sha256 = "
	           "sha256(edited_raw)"),
	    1);
	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, id, "anna", "because", err), 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	           "event_id = '" ID "11' AND raw = "
	           "(SELECT edited_raw FROM psymatch.dead_letter)"),
	    1);
}
END_TEST

START_TEST(edit_wants_the_same_event)
{
	static const struct {
		const char *bytes;
		int rc;
	} bad[] = {
	    {"{", PSM_ERR_PARSE},
	    {"{}", PSM_ERR_SCHEMA},
	    {EVENT(11, "\"x\""), PSM_ERR_SCHEMA},
	    {EVENT(12, "7"), PSM_ERR_CONFLICT},
	};
	int64_t id = letter(EVENT(11, "7"));
	size_t i;

	pg_run("UPDATE psymatch.dead_letter SET event_id = '" ID "11'");
	for (i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(psm_dead_edit(st, LETTERS, id, bad[i].bytes,
		                               strlen(bad[i].bytes), "anna",
		                               "because", err),
		                 bad[i].rc);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit"), 0);
	ck_assert_int_eq(pg_int("SELECT count(edited_raw) FROM "
	                        "psymatch.dead_letter"),
	                 0);
}
END_TEST

START_TEST(letter_without_bytes)
{
	int64_t id = letter("{");

	pg_run("UPDATE psymatch.dead_letter SET raw = NULL");
	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, id, "anna", "because", err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit"), 0);
}
END_TEST

/* -- each form of an event may be written */

static const int wires[] = {PSM_WIRE_SNAKE, PSM_WIRE_CAMEL,
                            PSM_WIRE_CLOUDEVENTS};

static void
edit_as(int source, int64_t id, int wire)
{
	psm_event *ev = NULL;
	char *text = NULL;
	size_t len;

	ck_assert_int_eq(
	    psm_event_parse(EVENT(11, "7"), strlen(EVENT(11, "7")), &ev, err),
	    0);
	ck_assert_int_eq(psm_event_encode(ev, wire, &text, &len, err), 0);
	ck_assert_int_eq(
	    psm_dead_edit(st, source, id, text, len, "anna", "because", err),
	    0);
	psm_event_free(ev);
	psm_free(text);
}

/* What the relay could not send goes back to the outbox. */
START_TEST(letter_of_the_relay)
{
	psm_config *cfg = pg_settings();
	psm_transport *t;
	psm_relay *r;
	int64_t id;

	pg_run("INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	       "aggregateid, type, version, producer, event_time, topic, "
	       "payload, headers) VALUES ('" ID "11', 'communication', '7', "
	       "'communication.send_email', '1.0', 'test', "
	       "'2026-01-31T09:00:00Z', 'communication-events', "
	       "'{\"email_id\":\"x\"}', '{\"correlation_id\": \"" ID "10\"}')");
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	ck_assert_int_eq(psm_relay_new(st, t, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
	ck_assert_int_eq(
	    pg_wait(1, 60000, "SELECT count(*) FROM psymatch.dead_letter"), 1);
	psm_relay_free(r);
	id = pg_int("SELECT id FROM psymatch.dead_letter");
	edit_as(LETTERS, id, wires[_i]);
	ck_assert_msg(
	    psm_dead_release(st, LETTERS, id, "anna", "because", err) == 0,
	    "%s", psm_error_message(err));
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.outbox WHERE event_id = '" ID
	           "11' AND aggregatetype = 'communication' AND aggregateid = "
	           "'7' AND version = '1.0' AND producer = 'test' AND "
	           "event_time = '2026-01-31T09:00:00Z' AND topic = "
	           "'communication-events' AND payload = '{\"email_id\":7}' "
	           "AND headers->>'correlation_id' = '" ID "10'"),
	    1);
	/* One that is no event stays where it is. */
	pg_run("UPDATE psymatch.dead_letter SET state = 'dead', edited_raw = "
	       "'{'");
	ck_assert_int_eq(
	    psm_dead_release(st, LETTERS, id, "anna", "because", err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.v_dead WHERE "
	                        "state = 'dead'"),
	                 1);
	psm_transport_unref(t);
	psm_config_free(cfg);
}
END_TEST

/* -- parked events */

START_TEST(parked_release_of_the_first)
{
	int64_t first = parked("7", "held", "{}");
	int64_t second = parked("7", "waiting", "{}");
	int64_t other = parked("8", "retry", "{}");

	ck_assert_int_eq(
	    psm_dead_release(st, PARKED, second, "anna", "because", err),
	    PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_dead_release(st, PARKED, first, "anna", "because", err), 0);
	ck_assert_int_eq(
	    psm_dead_release(st, PARKED, other, "anna", "because", err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "state = 'retry' AND next_at <= now()"),
	                 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "id = %lld AND state = 'waiting'",
	                        (long long)second),
	                 1);
	ck_assert_int_eq(audits("release", first), 1);
}
END_TEST

START_TEST(parked_skip_lets_the_next_go)
{
	int64_t first = parked("7", "held", "{\"n\":1}");
	int64_t second = parked("7", "waiting", "{\"n\":2}");
	int64_t third = parked("7", "waiting", "{\"n\":3}");

	/* From the middle: nothing moves. */
	ck_assert_int_eq(
	    psm_dead_skip(st, PARKED, second, "anna", "because", err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "state = 'retry'"),
	                 0);
	ck_assert_int_eq(
	    psm_dead_skip(st, PARKED, first, "anna", "because", err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked WHERE "
	                        "id = %lld AND state = 'retry' AND next_at <= "
	                        "now()",
	                        (long long)third),
	                 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.dead_letter WHERE state = "
	           "'skipped' AND code = 'PSM_ERR_RETRY' AND attempts = 3 AND "
	           "convert_from(raw, 'UTF8') IN ('{\"n\":1}', '{\"n\":2}')"),
	    2);
	ck_assert_int_eq(audits("skip", first), 1);
	ck_assert_int_eq(
	    psm_dead_skip(st, PARKED, first, "anna", "because", err),
	    PSM_ERR_NOT_FOUND);
}
END_TEST

START_TEST(parked_edit)
{
	int64_t id = parked("7", "held", "{}");

	pg_run("UPDATE psymatch.parked SET event_id = '" ID "11'");
	ck_assert_int_eq(psm_dead_edit(st, PARKED, id, EVENT(12, "7"),
	                               strlen(EVENT(12, "7")), "anna",
	                               "because", err),
	                 PSM_ERR_CONFLICT);
	edit_as(PARKED, id, PSM_WIRE_CLOUDEVENTS);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM psymatch.parked p JOIN "
	           "psymatch.dead_audit a ON a.row_id = p.id AND a.source = "
	           "'parked' WHERE before_sha256 = sha256('{}') AND "
	           "after_sha256 = sha256(raw) AND state = 'held' AND "
	           "convert_from(raw, 'UTF8')::json->>'specversion' = '1.0'"),
	    1);
}
END_TEST

/* -- what goes wrong */

START_TEST(no_such_row)
{
	int source;
	char *text;
	size_t len;

	for (source = LETTERS; source <= PARKED; source++) {
		ck_assert_int_eq(psm_dead_show(st, source, 9, 0, &text, err),
		                 PSM_ERR_NOT_FOUND);
		ck_assert_ptr_nonnull(strstr(psm_error_message(err), "9"));
		ck_assert_int_eq(psm_dead_raw(st, source, 9, &text, &len, err),
		                 PSM_ERR_NOT_FOUND);
		ck_assert_int_eq(psm_dead_edit(st, source, 9, EVENT(11, "7"),
		                               strlen(EVENT(11, "7")), "anna",
		                               "because", err),
		                 PSM_ERR_NOT_FOUND);
		ck_assert_int_eq(
		    psm_dead_release(st, source, 9, "anna", "because", err),
		    PSM_ERR_NOT_FOUND);
		ck_assert_int_eq(
		    psm_dead_skip(st, source, 9, "anna", "because", err),
		    PSM_ERR_NOT_FOUND);
		ck_assert_int_eq(
		    psm_dead_skip(st, source, -9, "anna", "because", err),
		    PSM_ERR_NOT_FOUND);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_audit"), 0);
}
END_TEST

static void *
release(void *arg)
{
	int *rc = arg;

	*rc = psm_dead_release(st, LETTERS, 1, "anna", "because", NULL);
	return NULL;
}

START_TEST(many_release_at_once)
{
	pthread_t threads[6];
	int rc[6], done = 0, refused = 0;
	size_t i;

	ck_assert_int_eq(letter(EVENT(11, "7")), 1);
	for (i = 0; i < 6; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, release, &rc[i]), 0);
	for (i = 0; i < 6; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		done += rc[i] == 0;
		refused += rc[i] == PSM_ERR_STATE;
	}
	ck_assert_int_eq(done, 1);
	ck_assert_int_eq(refused, 5);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 1);
	ck_assert_int_eq(audits("release", 1), 1);
}
END_TEST

START_TEST(arguments)
{
	psm_rows *rows;
	char *text;
	size_t len;

	ck_assert_int_eq(psm_dead_list(NULL, LETTERS, NULL, &rows, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_list(st, 2, NULL, &rows, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_list(st, -1, NULL, &rows, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_list(st, LETTERS, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_show(st, 2, 1, 0, &text, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_show(st, LETTERS, 1, 0, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, 1, NULL, &len, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_raw(st, LETTERS, 1, &text, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_stats(st, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_stats(NULL, &rows, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_release(st, LETTERS, 1, "", "y", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_release(st, LETTERS, 1, "x", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_skip(st, 3, 1, "x", "y", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_skip(NULL, 0, 1, "x", "y", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_dead_edit(st, LETTERS, 1, NULL, 1, "x", "y", err),
	                 PSM_ERR_INVAL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("dead");
	TCase *tc = tcase_create("dead");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, list_by_filters);
	tcase_add_test(tc, list_says_all_but_the_payload);
	tcase_add_test(tc, show_hides_the_payload);
	tcase_add_test(tc, stats);
	tcase_add_test(tc, release_goes_behind_its_key);
	tcase_add_test(tc, skip_keeps_the_letter);
	tcase_add_test(tc, edit_then_release);
	tcase_add_test(tc, edit_wants_the_same_event);
	tcase_add_test(tc, letter_without_bytes);
	tcase_add_loop_test(tc, letter_of_the_relay, 0, PSM__COUNT(wires));
	tcase_add_test(tc, parked_release_of_the_first);
	tcase_add_test(tc, parked_skip_lets_the_next_go);
	tcase_add_test(tc, parked_edit);
	tcase_add_test(tc, no_such_row);
	tcase_add_test(tc, many_release_at_once);
	tcase_add_test(tc, arguments);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
