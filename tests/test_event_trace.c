/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event has beside its envelope, its versions, and what is refused. */
#include <limits.h>

#include <psymatch/memory.h>
#include <psymatch/metrics.h>

#include "event/event_int.h"
#include "transport/transport.h"
#include "testing.h"

#define ID "0198c0de-0000-7000-8000-000000000001"
#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define STORY "1B4E28BA-2fa1-41d2-883f-0016d3cca427"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define ENVELOPE(version, payload)                                             \
	"{\"event_id\":\"" ID "\","                                            \
	"\"event_type\":\"communication.send_email\",\"version\":\"" version   \
	"\",\"timestamp\":\"2026-01-31T09:00:00.000001Z\","                    \
	"\"producer\":\"operator\",\"payload\":" payload "}"
#define EVENT ENVELOPE("1.0", "{\"email_id\":7}")

static psm_event *
parsed(const char *text)
{
	psm_event *ev = NULL;

	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, NULL), 0);
	return ev;
}

START_TEST(a_trace_is_set_and_read)
{
	psm_event *ev = parsed(EVENT);

	ck_assert_ptr_null(psm_event_causation_id(ev));
	ck_assert_ptr_null(psm_event_correlation_id(ev));
	ck_assert_ptr_null(psm_event_traceparent(ev));
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, STORY, TRACE, NULL), 0);
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	ck_assert_str_eq(psm_event_correlation_id(ev), STORY);
	ck_assert_str_eq(psm_event_traceparent(ev), TRACE);
	ck_assert_int_eq(psm_event_set_trace(ev, NULL, STORY, "", NULL), 0);
	ck_assert_ptr_null(psm_event_causation_id(ev));
	ck_assert_str_eq(psm_event_correlation_id(ev), STORY);
	ck_assert_ptr_null(psm_event_traceparent(ev));
	psm_event_free(ev);
	ck_assert_int_eq(psm_event_set_trace(NULL, CAUSE, NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_event_causation_id(NULL));
	ck_assert_ptr_null(psm_event_correlation_id(NULL));
	ck_assert_ptr_null(psm_event_traceparent(NULL));
}
END_TEST

static int
set_and_free(void *arg)
{
	psm_event *ev = NULL;
	int rc = psm_event_parse(EVENT, strlen(EVENT), &ev, NULL);

	(void)arg;
	if (rc == 0)
		rc = psm_event_set_trace(ev, NULL, NULL, "", NULL);
	if (rc == 0)
		rc = psm_event_set_trace(ev, CAUSE, STORY, TRACE, NULL);
	if (rc == 0)
		rc = psm_event_set_tracestate(ev, "a=b", NULL);
	psm_event_free(ev);
	return rc;
}

/* The event, its trace and the tracestate: a block each. */
START_TEST(a_trace_without_memory)
{
	ck_assert_int_eq(testing_fail_each(set_and_free, NULL, 0), 3);
}
END_TEST

#define T32 "0af7651916cd43dd8448eb211c80319c"
#define T16 "b7ad6b7169203331"
#define X36 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
static const struct {
	const char *text;
	int ok;
} traceparents[] = {
    {TRACE, 1},
    {"00-" T32 "-" T16 "-00", 1},
    {"00-" T32 "-" T16 "-ff", 1},
    {"cc-" T32 "-" T16 "-01", 1},
    {"cc-" T32 "-" T16 "-01-what-comes-later", 1},
    {"cc-" T32 "-" T16 "-01-" X36 X36 "z", 0}, /* 129 bytes */
    {"cc-" T32 "-" T16 "-01.what-comes-later", 0},
    {"cc-" T32 "-" T16 "-01-two words", 0},
    {"00-" T32 "-" T16 "-01-", 0},
    {"00-" T32 "-" T16 "-0", 0},
    {"00-" T32 "-" T16 "-01\n", 0},
    {"ff-" T32 "-" T16 "-01", 0},
    {"0-" T32 "-" T16 "-01", 0},
    {"00_" T32 "-" T16 "-01", 0},
    {"00-" T32 "_" T16 "-01", 0},
    {"00-" T32 "-" T16 "_01", 0},
    {"00-00000000000000000000000000000000-" T16 "-01", 0},
    {"00-" T32 "-0000000000000000-01", 0},
    {"00-0AF7651916cd43dd8448eb211c80319c-" T16 "-01", 0},
    {"00-gaf7651916cd43dd8448eb211c80319c-" T16 "-01", 0},
    {"00-" T32 "-B7ad6b7169203331-01", 0},
    {"00-" T32 "-" T16 "-0X", 0},
    {"0g-" T32 "-" T16 "-01", 0},
    {"no trace", 0},
};

/* One rule for what is set and for what is received. */
START_TEST(traceparent_syntax)
{
	const char *text = traceparents[_i].text;
	int ok = traceparents[_i].ok;
	struct psm__header h = {"traceparent", text, strlen(text)};
	psm_error *err = psm_error_new();
	psm_event *ev = parsed(EVENT);

	ck_assert_int_eq(psm_event_set_trace(ev, NULL, NULL, TRACE, NULL), 0);
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, NULL, text, err),
	                 ok ? 0 : PSM_ERR_INVAL);
	ck_assert_str_eq(psm_event_traceparent(ev), ok ? text : TRACE);
	ck_assert_pstr_eq(psm_event_causation_id(ev), ok ? CAUSE : NULL);
	if (!ok)
		ck_assert_ptr_nonnull(
		    strstr(psm_error_message(err), "traceparent: want"));
	psm_event_free(ev);
	ev = parsed(EVENT);
	ck_assert_int_eq(psm__event_read_headers(ev, &h, 1), !ok);
	ck_assert_pstr_eq(psm_event_traceparent(ev), ok ? text : NULL);
	psm_event_free(ev);
	psm_error_free(err);
}
END_TEST

START_TEST(ids_are_uuids)
{
	static const char *const bad[] = {"7", (ID "0"), (" " ID),
	                                  "0198c0de00007000800000000000000a"};
	psm_event *ev = parsed(EVENT);
	size_t i;

	for (i = 0; i < PSM__COUNT(bad); i++) {
		ck_assert_int_eq(
		    psm_event_set_trace(ev, bad[i], NULL, NULL, NULL),
		    PSM_ERR_INVAL);
		ck_assert_int_eq(
		    psm_event_set_trace(ev, NULL, bad[i], NULL, NULL),
		    PSM_ERR_INVAL);
	}
	ck_assert_ptr_null(psm_event_causation_id(ev));
	ck_assert_ptr_null(psm_event_correlation_id(ev));
	psm_event_free(ev);
}
END_TEST

START_TEST(headers_there_and_back)
{
	struct psm__header h[PSM__EVENT_HEADERS];
	psm_event *ev = parsed(EVENT), *other = parsed(EVENT);
	size_t count;

	ck_assert_uint_eq(psm__event_headers(ev, h), 0);
	ck_assert_int_eq(psm_event_set_trace(ev, NULL, STORY, NULL, NULL), 0);
	ck_assert_uint_eq(psm__event_headers(ev, h), 1);
	ck_assert_str_eq(h[0].name, "correlation_id");
	ck_assert_uint_eq(h[0].len, 36);
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, STORY, TRACE, NULL), 0);
	count = psm__event_headers(ev, h);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(psm__event_read_headers(other, h, count), 0);
	ck_assert_str_eq(psm_event_causation_id(other), CAUSE);
	ck_assert_str_eq(psm_event_correlation_id(other), STORY);
	ck_assert_str_eq(psm_event_traceparent(other), TRACE);
	psm_event_free(ev);
	psm_event_free(other);
}
END_TEST

static int64_t
bad_headers(void)
{
	return psm__metric_get(
	    psm__counter("psymatch_event_bad_headers_total", NULL, NULL, ""));
}

/* The bytes of a header end where its length says, not at a NUL. One without a
 * value is none. */
START_TEST(foreign_and_bad_headers)
{
	static const struct psm__header h[] = {
	    {"baggage", "a=b", 3},           {"causation_id", CAUSE "tail", 36},
	    {"causation_id", "nonsense", 8}, {"correlation_id", NULL, 0},
	    {"traceparent", "", 0},          {"Traceparent", TRACE, 55},
	    {"causation_id", ID, 35},
	};
	psm_event *ev = parsed(EVENT);
	int64_t before = bad_headers();

	ck_assert_int_eq(psm__event_read_headers(ev, h, PSM__COUNT(h)), 3);
	ck_assert_int_eq(bad_headers() - before, 3);
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	ck_assert_ptr_null(psm_event_correlation_id(ev));
	ck_assert_ptr_null(psm_event_traceparent(ev));
	ck_assert_int_eq(psm__event_read_headers(ev, NULL, 0), 0);
	psm_event_free(ev);
}
END_TEST

/* The last good one of a name counts, as Kafka's own clients have it. */
START_TEST(a_header_twice)
{
	static const struct psm__header h[] = {{"causation_id", ID, 36},
	                                       {"causation_id", CAUSE, 36}};
	psm_event *ev = parsed(EVENT);

	ck_assert_int_eq(psm__event_read_headers(ev, h, 2), 0);
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	psm_event_free(ev);
}
END_TEST

/* Nobody knows which trace it is, so it is none. */
START_TEST(two_traceparents)
{
	static const struct psm__header h[] = {
	    {"traceparent", TRACE, 55},
	    {"tracestate", "a=1", 3},
	    {"traceparent", "00-" T32 "-" T16 "-00", 55},
	    {"traceparent", "nonsense", 8},
	};
	psm_event *ev = parsed(EVENT);

	ck_assert_int_eq(psm__event_read_headers(ev, h, 3), 2);
	ck_assert_ptr_null(psm_event_traceparent(ev));
	ck_assert_ptr_null(psm_event_tracestate(ev));
	psm_event_free(ev);
	ev = parsed(EVENT);
	ck_assert_int_eq(psm__event_read_headers(ev, h + 2, 2), 2);
	ck_assert_ptr_null(psm_event_traceparent(ev));
	psm_event_free(ev);
}
END_TEST

/* One that was written twice is one. */
START_TEST(the_same_traceparent_twice)
{
	static const struct psm__header h[] = {{"traceparent", TRACE, 55},
	                                       {"traceparent", TRACE, 55}};
	psm_event *ev = parsed(EVENT);

	ck_assert_int_eq(psm__event_read_headers(ev, h, 2), 0);
	ck_assert_str_eq(psm_event_traceparent(ev), TRACE);
	psm_event_free(ev);
}
END_TEST

START_TEST(tracestate_goes_unchanged)
{
	static const char list[] = " a=1 ,\t, b@c=~!\"#,,x";
	struct psm__header h[PSM__EVENT_HEADERS];
	psm_event *ev = parsed(EVENT), *other = parsed(EVENT);
	char text[PSM__TRACESTATE_MAX + 2];
	size_t count;

	ck_assert_int_eq(psm_event_set_tracestate(ev, list, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, STORY, TRACE, NULL), 0);
	ck_assert_int_eq(psm_event_set_tracestate(ev, list, NULL), 0);
	count = psm__event_headers(ev, h);
	ck_assert_uint_eq(count, 4);
	ck_assert_int_eq(psm__event_read_headers(other, h, count), 0);
	ck_assert_str_eq(psm_event_tracestate(other), list);
	memset(text, 'x', sizeof text);
	text[PSM__TRACESTATE_MAX + 1] = '\0';
	ck_assert_int_eq(psm_event_set_tracestate(ev, text, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_set_tracestate(ev, "a=\xc3\xbc", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_str_eq(psm_event_tracestate(ev), list);
	text[PSM__TRACESTATE_MAX] = '\0';
	ck_assert_int_eq(psm_event_set_tracestate(ev, text, NULL), 0);
	ck_assert_str_eq(psm_event_tracestate(ev), text);
	ck_assert_int_eq(psm_event_set_tracestate(ev, "", NULL), 0);
	ck_assert_ptr_null(psm_event_tracestate(ev));
	/* It belongs to one traceparent. */
	ck_assert_int_eq(psm_event_set_trace(other, CAUSE, STORY, TRACE, NULL),
	                 0);
	ck_assert_ptr_null(psm_event_tracestate(other));
	ck_assert_ptr_null(psm_event_tracestate(NULL));
	ck_assert_int_eq(psm_event_set_tracestate(NULL, list, NULL),
	                 PSM_ERR_INVAL);
	psm_event_free(ev);
	psm_event_free(other);
}
END_TEST

/* Several are one list; a bad one is none; alone it says nothing. */
START_TEST(tracestates_received)
{
	static const struct psm__header h[] = {
	    {"tracestate", "a=1", 3},      {"traceparent", TRACE, 55},
	    {"tracestate", "", 0},         {"tracestate", NULL, 0},
	    {"tracestate", "b=2,c=3X", 7}, {"tracestate", "\x01", 1},
	};
	psm_event *ev = parsed(EVENT);

	ck_assert_int_eq(psm__event_read_headers(ev, h, 5), 0);
	ck_assert_str_eq(psm_event_tracestate(ev), "a=1,b=2,c=3");
	psm_event_free(ev);
	ev = parsed(EVENT);
	ck_assert_int_eq(psm__event_read_headers(ev, h, 6), 1);
	ck_assert_ptr_null(psm_event_tracestate(ev));
	ck_assert_str_eq(psm_event_traceparent(ev), TRACE);
	psm_event_free(ev);
	ev = parsed(EVENT);
	ck_assert_int_eq(psm__event_read_headers(ev, h, 1), 0);
	ck_assert_ptr_null(psm_event_tracestate(ev));
	psm_event_free(ev);
}
END_TEST

START_TEST(an_origin)
{
	struct psm__header h = {"causation_id", CAUSE, 36};
	struct psm__record rec = {.topic = "elsewhere",
	                          .partition = 2,
	                          .offset = INT64_C(5000000000),
	                          .timestamp_ms = 17,
	                          .key = "k",
	                          .key_len = 1,
	                          .value = EVENT,
	                          .value_len = strlen(EVENT),
	                          .headers = &h,
	                          .header_count = 1};
	struct psm__origin origin;
	psm_event *ev = parsed(EVENT);

	ck_assert_str_eq(psm_event_topic(ev), "communication-events");
	ck_assert_int_eq(psm_event_partition(ev), -1);
	ck_assert_int_eq(psm_event_offset(ev), -1);
	ck_assert_int_eq(psm_event_attempt(ev), 0);
	ck_assert_int_eq(psm_event_time_left_ms(ev), INT_MAX);
	ck_assert_int_eq(psm_event_is_replay(ev), 0);
	ck_assert_ptr_null(psm__event_origin(ev));
	psm_event_free(ev);

	ck_assert_int_eq(psm__record_parse(&rec, &ev, NULL), 0);
	ck_assert_str_eq(psm_event_topic(ev), "elsewhere");
	ck_assert_str_eq(psm__event_home(ev), "communication-events");
	ck_assert_str_eq(psm_event_key(ev), "7");
	ck_assert_int_eq(psm_event_partition(ev), 2);
	ck_assert_int_eq(psm_event_offset(ev), INT64_C(5000000000));
	ck_assert_int_eq(psm_event_attempt(ev), 1);
	ck_assert_int_eq(psm_event_time_left_ms(ev), INT_MAX);
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	origin = *psm__event_origin(ev);
	ck_assert_int_eq(origin.timestamp_ms, 17);
	ck_assert_mem_eq(origin.key, "k", origin.key_len);
	origin.attempt = 3;
	origin.is_replay = 1;
	origin.deadline_ms = psm__mono_ms() + 60000;
	psm__event_set_origin(ev, &origin);
	ck_assert_int_eq(psm_event_attempt(ev), 3);
	ck_assert_int_eq(psm_event_is_replay(ev), 1);
	ck_assert_int_gt(psm_event_time_left_ms(ev), 30000);
	ck_assert_int_le(psm_event_time_left_ms(ev), 60000);
	origin.deadline_ms = psm__mono_ms() - 1;
	psm__event_set_origin(ev, &origin);
	ck_assert_int_eq(psm_event_time_left_ms(ev), 0);
	psm_event_free(ev);

	rec.value_len--;
	ck_assert_int_eq(psm__record_parse(&rec, &ev, NULL), PSM_ERR_PARSE);
	ck_assert_ptr_null(ev);
}
END_TEST

START_TEST(no_event_at_all)
{
	ck_assert_ptr_null(psm_event_topic(NULL));
	ck_assert_int_eq(psm_event_partition(NULL), -1);
	ck_assert_int_eq(psm_event_offset(NULL), -1);
	ck_assert_int_eq(psm_event_attempt(NULL), 0);
	ck_assert_int_eq(psm_event_time_left_ms(NULL), INT_MAX);
	ck_assert_int_eq(psm_event_is_replay(NULL), 0);
}
END_TEST

static const struct {
	const char *a, *b;
	int sign;
} versions[] = {{"1.0", "1.0", 0},   {"1.0", "1.1", -1},
                {"1.2", "1.10", -1}, {"1.9", "2.0", -1},
                {"10.0", "9.9", 1},  {"1.9999", "1.9998", 1},
                {"0.1", "0.10", -1}, {"2.0", "1.9999", 1}};

START_TEST(versions_are_numbers)
{
	int one = psm__event_version_cmp(versions[_i].a, versions[_i].b);
	int two = psm__event_version_cmp(versions[_i].b, versions[_i].a);

	ck_assert_int_eq((one > 0) - (one < 0), versions[_i].sign);
	ck_assert_int_eq((two > 0) - (two < 0), -versions[_i].sign);
	ck_assert_int_eq(psm__event_version_valid(versions[_i].a), 1);
}
END_TEST

START_TEST(what_is_no_version)
{
	static const char *const bad[] = {
	    "",      "1",    "1.",   ".1",  "01.0", "1.00", "1.0 ",
	    "1.0.0", "v1.0", "-1.0", "1,0", "1.x",  "1e0",  "10000.0"};
	size_t i;

	for (i = 0; i < PSM__COUNT(bad); i++)
		ck_assert_msg(!psm__event_version_valid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(an_upcast)
{
	static const char payload[] = "{\"email_id\":8,\"more\":true}";
	psm_event *old = parsed(EVENT), *ev = NULL;
	psm_error *err = psm_error_new();

	ck_assert_int_eq(psm_event_set_trace(old, CAUSE, STORY, TRACE, NULL),
	                 0);
	ck_assert_int_eq(psm_event_set_tracestate(old, "a=1", NULL), 0);
	ck_assert_int_eq(
	    psm_event_upcast(old, "1.2", payload, strlen(payload), &ev, err),
	    0);
	ck_assert_str_eq(psm_event_tracestate(ev), "a=1");
	ck_assert_str_eq(psm_event_id(ev), ID);
	ck_assert_str_eq(psm_event_type(ev), "communication.send_email");
	ck_assert_str_eq(psm_event_version(ev), "1.2");
	ck_assert_str_eq(psm_event_version(old), "1.0");
	ck_assert_int_eq(psm_event_timestamp_us(ev),
	                 psm_event_timestamp_us(old));
	ck_assert_str_eq(psm_event_producer(ev), "operator");
	ck_assert_str_eq(psm_event_key(ev), "8");
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	ck_assert_str_eq(psm_event_traceparent(ev), TRACE);
	psm_event_free(ev);
	ck_assert_int_eq(
	    psm_event_upcast(old, "2.0", payload, strlen(payload), &ev, err),
	    PSM_ERR_VERSION);
	ck_assert_ptr_null(ev);
	ck_assert_int_eq(
	    psm_event_upcast(old, "next", payload, strlen(payload), &ev, err),
	    PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_event_upcast(old, "1.2", "{}", 2, &ev, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_int_eq(psm_event_upcast(old, "1.2", "{", 1, &ev, err),
	                 PSM_ERR_PARSE);
	ck_assert_int_eq(psm_event_upcast(NULL, "1.2", "{}", 2, &ev, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_upcast(old, NULL, "{}", 2, &ev, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_upcast(old, "1.2", NULL, 0, &ev, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_event_upcast(old, "1.2", "{}", 2, NULL, err),
	                 PSM_ERR_INVAL);
	psm_event_free(old);
	psm_error_free(err);
}
END_TEST

/*
 * What the earlier consumers let pass, or only logged. Code, pointer and
 * message together tell every two of them apart; the test below sees to it.
 */
#define MEMBERS(id, type, version, time, producer, payload)                    \
	"{" id type version time producer payload "\"x\":0}"
#define I "\"event_id\":\"" ID "\","
#define T "\"event_type\":\"communication.send_email\","
#define V "\"version\":\"1.0\","
#define W "\"timestamp\":\"2026-01-31T09:00:00Z\","
#define P "\"producer\":\"operator\","
#define D "\"payload\":{\"email_id\":7},"
static const struct {
	const char *text;
	int code;
	const char *pointer, *message;
} malformed[] = {
    {"", PSM_ERR_PARSE, "", "want a value, found the end of the text"},
    {"eventType=x", PSM_ERR_PARSE, "",
     "want a value, found a word without quotes"},
    {"{\"event_id\":\"" ID "\"", PSM_ERR_PARSE, "",
     "want ',' or '}', found the end of the text"},
    {"{\"event_id\":NaN}", PSM_ERR_PARSE, "", "want a value, found NaN"},
    {"{\"a\":1,\"a\":2}", PSM_ERR_PARSE, "",
     "want each key once, found one twice"},
    {"[" EVENT "]", PSM_ERR_SCHEMA, "", "event: want object, found array"},
    {"7", PSM_ERR_SCHEMA, "", "event: want object, found number"},
    {"\"text\"", PSM_ERR_SCHEMA, "", "event: want object, found string"},
    {"null", PSM_ERR_SCHEMA, "", "event: want object, found null"},
    {"{}", PSM_ERR_SCHEMA, "/event_id", "event_id: missing"},
    {MEMBERS(I, "", V, W, P, D), PSM_ERR_SCHEMA, "/event_type",
     "event_type: missing"},
    {MEMBERS(I, T, "", W, P, D), PSM_ERR_SCHEMA, "/version",
     "version: missing"},
    {MEMBERS(I, T, V, "", P, D), PSM_ERR_SCHEMA, "/timestamp",
     "timestamp: missing"},
    {MEMBERS(I, T, V, W, "", D), PSM_ERR_SCHEMA, "/producer",
     "producer: missing"},
    {MEMBERS(I, T, V, W, P, ""), PSM_ERR_SCHEMA, "/payload",
     "payload: missing"},
    {MEMBERS("\"event_id\":7,", T, V, W, P, D), PSM_ERR_SCHEMA, "/event_id",
     "event_id: want string, found number"},
    {MEMBERS(I, "\"event_type\":null,", V, W, P, D), PSM_ERR_SCHEMA,
     "/event_type", "event_type: want string, found null"},
    {MEMBERS(I, "\"event_type\":\"send\",", V, W, P, D), PSM_ERR_SCHEMA,
     "/event_type",
     "event_type: want \"noun.verb\" in small letters, found another text"},
    {MEMBERS(I, "\"eventType\":\"a.b\",\"event_type\":\"a.b\",", V, W, P, D),
     PSM_ERR_SCHEMA, "/event_type",
     "event_type: want one of event_type and eventType, found both"},
    {MEMBERS(I, T, "\"version\":\"9.9\",", W, P, D), PSM_ERR_VERSION,
     "/version", "version: want 1.x, found 9.9"},
    {MEMBERS(I, T, "\"version\":\"2.0\",", W, P, D), PSM_ERR_VERSION,
     "/version", "version: want 1.x, found 2.0"},
    {MEMBERS(I, T, "\"version\":\"one\",", W, P, D), PSM_ERR_SCHEMA, "/version",
     "version: want \"major.minor\", found another text"},
    {MEMBERS(I, T, "\"version\":1.0,", W, P, D), PSM_ERR_SCHEMA, "/version",
     "version: want string, found number"},
    {MEMBERS(I, T, V, "\"timestamp\":1769850000,", P, D), PSM_ERR_SCHEMA,
     "/timestamp", "timestamp: want string, found number"},
    {MEMBERS(I, T, V, "\"timestamp\":\"today\",", P, D), PSM_ERR_SCHEMA,
     "/timestamp", "timestamp: want YYYY-MM-DDTHH:MM:SSZ, found another text"},
    {MEMBERS(I, T, V, W, "\"producer\":\"\",", D), PSM_ERR_SCHEMA, "/producer",
     "producer: want a name of 1 to 100 characters, found another text"},
    {MEMBERS(I, T, V, W, P, "\"payload\":[7],"), PSM_ERR_SCHEMA, "/payload",
     "payload: want object, found array"},
    {MEMBERS(I, T, V, W, P, "\"payload\":\"{}\","), PSM_ERR_SCHEMA, "/payload",
     "payload: want object, found string"},
    {MEMBERS(I, T, V, W, P, "\"payload\":{},"), PSM_ERR_SCHEMA,
     "/payload/email_id", "/payload/email_id: want integer, found nothing"},
    {MEMBERS(I, T, V, W, P, "\"payload\":{\"email_id\":\"7\"},"),
     PSM_ERR_SCHEMA, "/payload/email_id",
     "/payload/email_id: want integer, found string"},
};

START_TEST(c11_malformed_envelope_is_refused)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	int rc = psm_event_parse(malformed[_i].text, strlen(malformed[_i].text),
	                         &ev, err);

	ck_assert_ptr_null(ev);
	ck_assert_msg(rc == malformed[_i].code, "%s: %s: %s",
	              malformed[_i].text, psm_strerror(rc),
	              psm_error_message(err));
	ck_assert_str_eq(psm_error_message(err), malformed[_i].message);
	ck_assert_str_eq(psm_error_pointer(err), malformed[_i].pointer);
	ck_assert_int_eq(psm_error_code(err), rc);
	ck_assert_uint_eq(psm_error_line(err), 1);
	ck_assert_uint_ge(psm_error_column(err), 1);
	psm_error_free(err);
}
END_TEST

START_TEST(c11_each_refusal_has_its_own_reason)
{
	size_t i, k;

	for (i = 0; i < PSM__COUNT(malformed); i++)
		for (k = 0; k < i; k++)
			ck_assert_msg(malformed[i].code != malformed[k].code ||
			                  strcmp(malformed[i].message,
			                         malformed[k].message) != 0,
			              "%s", malformed[i].message);
}
END_TEST

START_TEST(c11_an_older_or_newer_minor_is_read)
{
	static const char *const texts[] = {
	    ENVELOPE("1.0", "{\"email_id\":7}"),
	    ENVELOPE("1.9999", "{\"email_id\":7,\"later\":[]}")};
	size_t i;

	for (i = 0; i < PSM__COUNT(texts); i++)
		psm_event_free(parsed(texts[i]));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("event-trace");
	TCase *trace = tcase_create("trace"), *origin = tcase_create("origin");
	TCase *version = tcase_create("version"), *c11 = tcase_create("c11");

	tcase_add_test(trace, a_trace_without_memory);
	tcase_add_test(trace, a_trace_is_set_and_read);
	tcase_add_loop_test(trace, traceparent_syntax, 0,
	                    (int)PSM__COUNT(traceparents));
	tcase_add_test(trace, ids_are_uuids);
	tcase_add_test(trace, headers_there_and_back);
	tcase_add_test(trace, foreign_and_bad_headers);
	tcase_add_test(trace, a_header_twice);
	tcase_add_test(trace, two_traceparents);
	tcase_add_test(trace, the_same_traceparent_twice);
	tcase_add_test(trace, tracestate_goes_unchanged);
	tcase_add_test(trace, tracestates_received);
	tcase_add_test(origin, an_origin);
	tcase_add_test(origin, no_event_at_all);
	tcase_add_loop_test(version, versions_are_numbers, 0,
	                    (int)PSM__COUNT(versions));
	tcase_add_test(version, what_is_no_version);
	tcase_add_test(version, an_upcast);
	tcase_add_loop_test(c11, c11_malformed_envelope_is_refused, 0,
	                    (int)PSM__COUNT(malformed));
	tcase_add_test(c11, c11_each_refusal_has_its_own_reason);
	tcase_add_test(c11, c11_an_older_or_newer_minor_is_read);
	suite_add_tcase(s, trace);
	suite_add_tcase(s, origin);
	suite_add_tcase(s, version);
	suite_add_tcase(s, c11);
	return testing_run(srunner_create(s));
}
