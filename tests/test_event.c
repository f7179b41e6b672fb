/* SPDX-License-Identifier: BSD-2-Clause */
/* The envelope: cases in data/event, and what data cannot say. */

#include <psymatch/clock.h>
#include <psymatch/memory.h>

#include "event/catalogue_int.h"
#include "testing.h"

#define ID "0198c0de-0000-7000-8000-000000000001"
#define SHORT_EVENT                                                            \
	"{\"event_id\":\"" ID "\","                                            \
	"\"event_type\":\"communication.send_email\",\"version\":\"1.0\","     \
	"\"timestamp\":\"2026-01-31T09:00:00.000001Z\","                       \
	"\"producer\":\"operator\",\"payload\":{\"email_id\":7}}"
#define SHORT_EVENT_US INT64_C(1769850000000001)

/* -- cases as data */

static struct dirent **valid_cases, **invalid_cases;
static int valid_count, invalid_count;

/* A file of a case, to be freed with free(). */
static char *
read_case(const char *kind, const char *name, const char *file, size_t *len)
{
	char below[512], path[1024];

	snprintf(below, sizeof below, "event/%s/%s/%s", kind, name, file);
	return testing_read(testing_path(path, sizeof path, below), len);
}

static psm_event *
parsed(const char *text)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	int rc;

	rc = psm_event_parse(text, strlen(text), &ev, err);
	ck_assert_msg(rc == 0, "%s: %s", text, psm_error_message(err));
	psm_error_free(err);
	return ev;
}

static char *
encoded(const psm_event *ev, int wire)
{
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(psm_event_encode(ev, wire, &text, &len, NULL), 0);
	ck_assert_uint_eq(strlen(text), len);
	return text;
}

static void
same_event(const psm_event *a, const psm_event *b)
{
	const char *x, *y;
	size_t m, n;

	ck_assert_str_eq(psm_event_id(a), psm_event_id(b));
	ck_assert_str_eq(psm_event_type(a), psm_event_type(b));
	ck_assert_str_eq(psm_event_type_as_sent(a), psm_event_type_as_sent(b));
	ck_assert_str_eq(psm_event_version(a), psm_event_version(b));
	ck_assert_int_eq(psm_event_timestamp_us(a), psm_event_timestamp_us(b));
	ck_assert_str_eq(psm_event_producer(a), psm_event_producer(b));
	ck_assert_pstr_eq(psm_event_topic(a), psm_event_topic(b));
	ck_assert_pstr_eq(psm_event_key(a), psm_event_key(b));
	x = psm_json_text(psm_event_payload(a), &m);
	y = psm_json_text(psm_event_payload(b), &n);
	ck_assert_uint_eq(m, n);
	ck_assert_mem_eq(x, y, n);
	/* The text beside the values is the same, and a NUL ends it. */
	x = psm_event_payload_text(a, &m);
	ck_assert_uint_eq(m, n);
	ck_assert_mem_eq(x, y, n);
	ck_assert_uint_ge(strlen(x), n);
}

/* Through both writings and back the event and its text stay the same. */
START_TEST(valid_case)
{
	const char *name = valid_cases[_i]->d_name;
	psm_event *ev, *other;
	char *text, *snake, *camel, *again;
	size_t len;

	text = read_case("valid", name, "input", &len);
	ev = parsed(text);
	ck_assert_int_eq(psm_event_topic(ev) != NULL,
	                 psm_catalogue_find(psm_event_type(ev)) != NULL);
	snake = encoded(ev, PSM_WIRE_SNAKE);
	other = parsed(snake);
	same_event(ev, other);
	camel = encoded(other, PSM_WIRE_CAMEL);
	psm_event_free(other);
	ck_assert_ptr_null(strstr(camel, "\"event_id\":"));
	other = parsed(camel);
	same_event(ev, other);
	again = encoded(other, PSM_WIRE_SNAKE);
	ck_assert_str_eq(snake, again);
	psm_event_free(other);
	psm_event_free(ev);
	psm_free(snake);
	psm_free(camel);
	psm_free(again);
	free(text);
}
END_TEST

/* "name value" on a line of its own; the value into value[size]. */
static void
expected(const char *text, const char *name, char *value, size_t size)
{
	size_t len = strlen(name), used;
	const char *p = text;

	while (p && strncmp(p, name, len) != 0) {
		p = strchr(p, '\n');
		p = p ? p + 1 : NULL;
	}
	ck_assert_msg(p != NULL, "%s is not in %s", name, text);
	p += len;
	p += *p == ' ';
	used = strcspn(p, "\n");
	ck_assert_uint_lt(used, size);
	memcpy(value, p, used);
	value[used] = '\0';
}

START_TEST(invalid_case)
{
	const char *name = invalid_cases[_i]->d_name;
	psm_error *err = psm_error_new();
	psm_event *ev = (psm_event *)&ev;
	char *text, *error, want[400];
	size_t len, error_len;
	int rc;

	text = read_case("invalid", name, "input", &len);
	error = read_case("invalid", name, "error", &error_len);
	rc = psm_event_parse(text, len, &ev, err);
	ck_assert_ptr_null(ev);
	ck_assert_int_lt(rc, 0);
	ck_assert_int_eq(rc, psm_error_code(err));
	expected(error, "code", want, sizeof want);
	ck_assert_str_eq(psm_error_name(rc), want);
	expected(error, "line", want, sizeof want);
	ck_assert_msg((unsigned)atoi(want) == psm_error_line(err),
	              "%s: line %u", name, psm_error_line(err));
	expected(error, "column", want, sizeof want);
	ck_assert_msg((unsigned)atoi(want) == psm_error_column(err),
	              "%s: column %u", name, psm_error_column(err));
	expected(error, "pointer", want, sizeof want);
	ck_assert_str_eq(psm_error_pointer(err), want);
	expected(error, "text", want, sizeof want);
	ck_assert_str_eq(psm_error_message(err), want);
	psm_error_free(err);
	free(text);
	free(error);
}
END_TEST

START_TEST(cases_are_there)
{
	ck_assert_int_ge(valid_count, 15);
	ck_assert_int_ge(invalid_count, 30);
}
END_TEST

/* -- what a parsed event tells */

START_TEST(accessors)
{
	size_t len;
	psm_event *ev = parsed(SHORT_EVENT);
	int64_t email = 0;

	ck_assert_str_eq(psm_event_id(ev), ID);
	ck_assert_str_eq(psm_event_type(ev), "communication.send_email");
	ck_assert_str_eq(psm_event_version(ev), "1.0");
	ck_assert_int_eq(psm_event_timestamp_us(ev), SHORT_EVENT_US);
	ck_assert_str_eq(psm_event_producer(ev), "operator");
	ck_assert_str_eq(psm_event_topic(ev), "communication-events");
	ck_assert_str_eq(psm_event_key(ev), "7");
	ck_assert_int_eq(
	    psm_json_get_int(psm_json_at(psm_event_payload(ev), "/email_id"),
	                     &email, NULL),
	    0);
	ck_assert_int_eq(email, 7);
	psm_event_free(ev);
	psm_event_free(NULL);
	ck_assert_ptr_null(psm_event_id(NULL));
	ck_assert_ptr_null(psm_event_type(NULL));
	ck_assert_ptr_null(psm_event_type_as_sent(NULL));
	ck_assert_ptr_null(psm_event_version(NULL));
	ck_assert_ptr_null(psm_event_producer(NULL));
	ck_assert_ptr_null(psm_event_payload(NULL));
	len = 1;
	ck_assert_ptr_null(psm_event_payload_text(NULL, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(psm_event_topic(NULL));
	ck_assert_ptr_null(psm_event_key(NULL));
	ck_assert_int_eq(psm_event_timestamp_us(NULL), 0);
}
END_TEST

/* One event of the shape above with this type, timestamp and payload. */
static psm_event *
parsed_as(const char *type, const char *timestamp, const char *payload)
{
	char text[2048];

	snprintf(text, sizeof text,
	         "{\"event_id\":\"" ID "\",\"event_type\":\"%s\","
	         "\"version\":\"1.0\",\"timestamp\":\"%s\","
	         "\"producer\":\"operator\",\"payload\":%s}",
	         type, timestamp, payload);
	return parsed(text);
}

START_TEST(a_time_without_zone_is_utc)
{
	static const struct {
		const char *text;
		int64_t time_us;
		const char *written;
	} cases[] = {
	    {"2026-01-31T09:00:00", SHORT_EVENT_US - 1,
	     "2026-01-31T09:00:00.000000Z"},
	    {"2026-01-31T09:00:00.000001", SHORT_EVENT_US,
	     "2026-01-31T09:00:00.000001Z"},
	    {"2026-01-31T10:00:00.000001+01:00", SHORT_EVENT_US,
	     "2026-01-31T09:00:00.000001Z"},
	};
	psm_event *ev;
	char *text;
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		ev = parsed_as("communication.send_email", cases[i].text,
		               "{\"email_id\":7}");
		ck_assert_int_eq(psm_event_timestamp_us(ev), cases[i].time_us);
		text = encoded(ev, PSM_WIRE_SNAKE);
		ck_assert_ptr_nonnull(strstr(text, cases[i].written));
		psm_free(text);
		psm_event_free(ev);
	}
}
END_TEST

START_TEST(an_alias_means_its_type)
{
	psm_event *ev =
	    parsed_as("communication.email_sent", "2026-01-31T09:00:00Z",
	              "{\"email_id\":3,\"email_data\":{}}");
	char *text;

	ck_assert_str_eq(psm_event_type(ev), "email.sent");
	ck_assert_str_eq(psm_event_type_as_sent(ev),
	                 "communication.email_sent");
	ck_assert_str_eq(psm_event_key(ev), "3");
	text = encoded(ev, PSM_WIRE_SNAKE);
	ck_assert_ptr_nonnull(strstr(text, "\"communication.email_sent\""));
	psm_free(text);
	psm_event_free(ev);
}
END_TEST

START_TEST(an_unknown_type_has_no_topic)
{
	psm_event *ev = parsed_as("invoice.paid", "2026-01-31T09:00:00Z",
	                          "{\"amount\": 12.50, \"id\": 1e2}");
	char *text;

	ck_assert_str_eq(psm_event_type(ev), "invoice.paid");
	ck_assert_ptr_null(psm_event_topic(ev));
	ck_assert_ptr_null(psm_event_key(ev));
	/* Numbers go on as they were written. */
	text = encoded(ev, PSM_WIRE_CAMEL);
	ck_assert_ptr_nonnull(strstr(text, "{\"amount\": 12.50, \"id\": 1e2}"));
	psm_free(text);
	psm_event_free(ev);
}
END_TEST

START_TEST(keys)
{
	static const struct {
		const char *type, *payload, *key;
	} cases[] = {
	    {"communication.schedule_call", "{\"patient_id\":8}", "8"},
	    {"communication.schedule_call",
	     "{\"patient_id\":8,\"therapist_id\":9}", "9"},
	    {"scraping.run", "{\"request_id\":\"a b\"}", "a b"},
	    {"scraping.run", "{\"request_id\":44}", "44"},
	    {"communication.send_email", "{\"email_id\":9223372036854775807}",
	     "9223372036854775807"},
	};
	psm_event *ev;
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		ev = parsed_as(cases[i].type, "2026-01-31T09:00:00Z",
		               cases[i].payload);
		ck_assert_str_eq(psm_event_key(ev), cases[i].key);
		psm_event_free(ev);
	}
}
END_TEST

/* However the id is written, it is one key; and lengths are of characters. */
START_TEST(keys_of_one_id_are_the_same)
{
	static const char *const ids[] = {"7", "7.0", "70e-1", "0.7E+1"};
	struct psm__buf text = {0};
	psm_event *ev = NULL;

	psm__buf_printf(&text,
	                "{\"event_id\":\"" ID "\",\"event_type\":"
	                "\"patient.deleted\",\"version\":\"1.0\",\"timestamp\":"
	                "\"2026-01-31T09:00:00Z\",\"producer\":\"");
	for (int n = 0; n < 100; n++)
		psm__buf_printf(&text, "\xc3\xbc");
	psm__buf_printf(&text, "\",\"payload\":{\"patient_id\":%s}}", ids[_i]);
	ck_assert_int_eq(psm_event_parse(text.data, text.len, &ev, NULL), 0);
	ck_assert_str_eq(psm_event_key(ev), "7");
	ck_assert_uint_eq(strlen(psm_event_producer(ev)), 200);
	psm_event_free(ev);
	psm__buf_free(&text);
}
END_TEST

START_TEST(unknown_members_go_on)
{
	static const char text[] =
	    "{\"trace\": {\"n\": 1.50}, \"event_id\":\"" ID "\","
	    "\"eventType\":\"invoice.paid\",\"version\":\"1.3\","
	    "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"a\\\"b\","
	    "\"payload\":{},\"\\u00e4\\\"\\u001F\\n\":null}";
	psm_event *ev = parsed(text);
	char *snake = encoded(ev, PSM_WIRE_SNAKE);

	ck_assert_str_eq(snake,
	                 "{\"event_id\":\"" ID "\","
	                 "\"event_type\":\"invoice.paid\",\"version\":\"1.3\","
	                 "\"timestamp\":\"2026-01-31T09:00:00.000000Z\","
	                 "\"producer\":\"a\\\"b\",\"payload\":{},"
	                 "\"trace\":{\"n\": 1.50},"
	                 "\"\xc3\xa4\\\"\\u001f\\n\":null}");
	psm_free(snake);
	psm_event_free(ev);
}
END_TEST

/* -- new events */

static int64_t
stopped_clock(void *user)
{
	return *(int64_t *)user;
}

START_TEST(a_new_event)
{
	int64_t now = SHORT_EVENT_US;
	psm_event *ev = NULL, *other;
	char *text;

	psm_set_clock(stopped_clock, &now);
	ck_assert_int_eq(psm_event_new("communication.send_email", "operator",
	                               "{\"email_id\":7}", 14, &ev, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_uuid_valid(psm_event_id(ev), strlen(psm_event_id(ev))), 1);
	ck_assert_int_eq(psm_event_id(ev)[14], '7');
	text = encoded(ev, PSM_WIRE_SNAKE);
	/* The same as the one above, but for its own id. */
	ck_assert_uint_eq(strlen(text), strlen(SHORT_EVENT));
	ck_assert_mem_eq(text, SHORT_EVENT, 13);
	ck_assert_str_eq(text + 49, &SHORT_EVENT[49]);
	other = parsed(text);
	same_event(ev, other);
	psm_event_free(other);
	psm_event_free(ev);
	psm_free(text);
}
END_TEST

START_TEST(a_new_event_of_an_alias_has_the_proper_name)
{
	static const char payload[] = "{\"email_id\":7,\"email_data\":{}}";
	psm_event *ev = NULL;

	ck_assert_int_eq(psm_event_new("communication.email_sent", "a", payload,
	                               strlen(payload), &ev, NULL),
	                 0);
	ck_assert_str_eq(psm_event_type(ev), "email.sent");
	ck_assert_str_eq(psm_event_type_as_sent(ev), "email.sent");
	psm_event_free(ev);
}
END_TEST

static const struct bad_new {
	const char *type, *producer, *payload;
	int rc;
	const char *pointer;
	unsigned line, column;
} bad_news[] = {
    {NULL, "a", "{}", PSM_ERR_INVAL, "", 0, 0},
    {"scraping.run", NULL, "{}", PSM_ERR_INVAL, "", 0, 0},
    {"scraping.run", "a", NULL, PSM_ERR_INVAL, "", 0, 0},
    {"invoice.paid", "a", "{}", PSM_ERR_UNKNOWN_TYPE, "", 0, 0},
    {"scraping.run", "", "{\"request_id\":1}", PSM_ERR_SCHEMA, "", 0, 0},
    {"scraping.run", "a\tb", "{\"request_id\":1}", PSM_ERR_SCHEMA, "", 0, 0},
    {"scraping.run", "b\xfcro", "{\"request_id\":1}", PSM_ERR_SCHEMA, "", 0, 0},
    {"scraping.run", "a", "{\"request_id\":", PSM_ERR_PARSE, NULL, 1, 0},
    {"scraping.run", "a", "[1]", PSM_ERR_SCHEMA, "", 1, 1},
    {"scraping.run", "a", "{}", PSM_ERR_SCHEMA, "/request_id", 1, 1},
    {"scraping.run", "a", "{\"request_id\":1,\n \"plz\": 1}", PSM_ERR_SCHEMA,
     "/plz", 2, 9},
};

START_TEST(a_bad_new_event)
{
	const struct bad_new *b = &bad_news[_i];
	psm_error *err = psm_error_new();
	psm_event *ev = (psm_event *)&ev;

	ck_assert_int_eq(psm_event_new(b->type, b->producer, b->payload,
	                               b->payload ? strlen(b->payload) : 0, &ev,
	                               err),
	                 b->rc);
	ck_assert_ptr_null(ev);
	ck_assert_int_eq(psm_error_code(err), b->rc);
	ck_assert_str_ne(psm_error_message(err), "");
	if (b->pointer)
		ck_assert_str_eq(psm_error_pointer(err), b->pointer);
	ck_assert_uint_eq(psm_error_line(err), b->line);
	if (b->column)
		ck_assert_uint_eq(psm_error_column(err), b->column);
	psm_error_free(err);
}
END_TEST

START_TEST(arguments_are_checked)
{
	psm_event *ev = parsed(SHORT_EVENT), *out = NULL;
	char *text = NULL;
	size_t len;

	ck_assert_int_eq(psm_event_parse(NULL, 0, &out, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_parse("{}", 2, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_event_new("scraping.run", "a", "{}", 2, NULL, NULL),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_encode(NULL, 0, &text, &len, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_encode(ev, 0, NULL, &len, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_encode(ev, 0, &text, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_encode(ev, 3, &text, &len, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_encode(ev, -1, &text, &len, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(text);
	psm_event_free(ev);
}
END_TEST

START_TEST(bytes_that_are_no_text)
{
	static const struct {
		const char *bytes;
		size_t len;
		unsigned column;
		const char *message;
	} cases[] = {
	    {"\x00\x01\xffkafka", 8, 1, "want a value, found byte 0x00"},
	    {"{\"a\":\"\xe4\"}", 8, 7, "want UTF-8, found byte 0xe4"},
	    {"{\"\xc0\x80\":1}", 8, 3, "want UTF-8, found byte 0xc0"},
	    {"\x1f\x8b\x08", 3, 1, "want a value, found byte 0x1f"},
	};
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		ck_assert_int_eq(
		    psm_event_parse(cases[i].bytes, cases[i].len, &ev, err),
		    PSM_ERR_PARSE);
		ck_assert_ptr_null(ev);
		ck_assert_str_eq(psm_error_message(err), cases[i].message);
		ck_assert_uint_eq(psm_error_column(err), cases[i].column);
	}
	psm_error_free(err);
}
END_TEST

/* The largest event passes, one byte more does not; for new ones the limit
 * keeps room for the envelope. */
START_TEST(size_is_limited)
{
	char *text = malloc(PSM_EVENT_MAX + 2);
	size_t len = strlen(SHORT_EVENT);
	psm_event *ev = NULL;

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', PSM_EVENT_MAX + 1);
	memcpy(text, SHORT_EVENT, len);
	ck_assert_int_eq(psm_event_parse(text, PSM_EVENT_MAX, &ev, NULL), 0);
	psm_event_free(ev);
	ck_assert_int_eq(psm_event_parse(text, PSM_EVENT_MAX + 1, &ev, NULL),
	                 PSM_ERR_TOO_LARGE);
	memset(text, ' ', PSM_EVENT_MAX + 1);
	memcpy(text, "{\"email_id\":7}", 14);
	ck_assert_int_eq(psm_event_new("email.send", "a", text,
	                               PSM_EVENT_MAX - 1000, &ev, NULL),
	                 0);
	psm_event_free(ev);
	ck_assert_int_eq(psm_event_new("email.send", "a", text,
	                               PSM_EVENT_MAX - 100, &ev, NULL),
	                 PSM_ERR_TOO_LARGE);
	free(text);
}
END_TEST

/* -- events from their stored parts */

START_TEST(from_parts)
{
	struct psm__event_parts parts = {.id = ID,
	                                 .type = "communication.send_email",
	                                 .version = "1.0",
	                                 .producer = "operator",
	                                 .timestamp_us = SHORT_EVENT_US,
	                                 .payload = "{\"email_id\":7}",
	                                 .payload_len = 14};
	psm_event *ev = NULL;
	char *text;

	ck_assert_int_eq(psm__event_from_parts(&parts, &ev, NULL), 0);
	text = encoded(ev, PSM_WIRE_SNAKE);
	ck_assert_str_eq(text, SHORT_EVENT);
	psm_free(text);
	psm_event_free(ev);
	parts.type = "communication.email_sent";
	parts.payload = "{\"email_id\":7,\"email_data\":{}}";
	parts.payload_len = strlen(parts.payload);
	ck_assert_int_eq(psm__event_from_parts(&parts, &ev, NULL), 0);
	ck_assert_str_eq(psm_event_type(ev), "email.sent");
	ck_assert_str_eq(psm_event_type_as_sent(ev), parts.type);
	psm_event_free(ev);
	parts.version = "2.0";
	ck_assert_int_eq(psm__event_from_parts(&parts, &ev, NULL),
	                 PSM_ERR_VERSION);
	parts.version = "1.0";
	parts.id = "7";
	ck_assert_int_eq(psm__event_from_parts(&parts, &ev, NULL),
	                 PSM_ERR_SCHEMA);
	parts.id = ID;
	parts.payload_len--;
	ck_assert_int_eq(psm__event_from_parts(&parts, &ev, NULL),
	                 PSM_ERR_PARSE);
	ck_assert_ptr_null(ev);
}
END_TEST

/* -- out of memory: fail each allocation in turn */

static int
whole_life(void *arg)
{
	static const char payload[] = "{\"email_id\":7,\"email_data\":{}}";
	psm_event *ev = NULL, *other = NULL;
	char *text = NULL;
	size_t len;
	int rc;

	(void)arg; /* testing_fail_each() wants the parameter */
	rc = psm_event_new("email.sent", "a", payload, strlen(payload), &ev,
	                   NULL);
	if (rc == 0)
		rc = psm_event_encode(ev, PSM_WIRE_CAMEL, &text, &len, NULL);
	if (rc == 0)
		rc = psm_event_parse(text, len, &other, NULL);
	ck_assert_int_eq(rc == 0, other != NULL);
	if (rc == 0 && (!psm_event_payload(ev) || !psm_event_payload(other)))
		rc = PSM_ERR_NOMEM;
	psm_event_free(other);
	psm_free(text);
	psm_event_free(ev);
	return rc;
}

START_TEST(out_of_memory)
{
	/* Two events, one text, the values of both. */
	ck_assert_int_ge(testing_fail_each(whole_life, NULL, 0), 5);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("event");
	TCase *cases = tcase_create("cases");
	TCase *envelope = tcase_create("envelope");
	TCase *made = tcase_create("made");

	tcase_add_test(cases, cases_are_there);
	tcase_add_loop_test(cases, valid_case, 0, valid_count);
	tcase_add_loop_test(cases, invalid_case, 0, invalid_count);
	tcase_add_test(envelope, accessors);
	tcase_add_test(envelope, a_time_without_zone_is_utc);
	tcase_add_test(envelope, an_alias_means_its_type);
	tcase_add_test(envelope, an_unknown_type_has_no_topic);
	tcase_add_test(envelope, keys);
	tcase_add_loop_test(envelope, keys_of_one_id_are_the_same, 0, 4);
	tcase_add_test(envelope, unknown_members_go_on);
	tcase_add_test(envelope, arguments_are_checked);
	tcase_add_test(envelope, bytes_that_are_no_text);
	tcase_add_test(envelope, size_is_limited);
	tcase_add_test(made, a_new_event);
	tcase_add_test(made, a_new_event_of_an_alias_has_the_proper_name);
	tcase_add_loop_test(made, a_bad_new_event, 0,
	                    (int)PSM__COUNT(bad_news));
	tcase_add_test(made, from_parts);
	tcase_add_test(made, out_of_memory);
	suite_add_tcase(s, cases);
	suite_add_tcase(s, envelope);
	suite_add_tcase(s, made);
	return s;
}

int
main(void)
{

	valid_count = testing_list("event/valid", &valid_cases);
	invalid_count = testing_list("event/invalid", &invalid_cases);
	return testing_run(srunner_create(suite()));
}
