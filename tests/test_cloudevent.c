/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as CloudEvents 1.0, in both forms and both directions. */
#include "event/cloudevent.h"
#include "testing.h"
#include "transport/transport.h"

#define ID "0198c0de-0000-7000-8000-000000000001"
#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define STORY "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define OTHER_TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
#define STATE "rojo=00f067aa0ba902b7, a=\\\"1\\\""
#define TIME "2026-01-31T09:00:00.000001Z"
#define PAYLOAD_TEXT "{\"email_id\": 7, \"note\":\"\303\274\"}"

static const char envelope[] =
    "{\"event_id\":\"" ID "\",\"event_type\":\"communication.send_email\","
    "\"version\":\"1.3\",\"timestamp\":\"" TIME "\","
    "\"producer\":\"patient-service\",\"payload\":" PAYLOAD_TEXT "}";

static const char structured[] =
    "{\"specversion\":\"1.0\",\"id\":\"" ID "\","
    "\"type\":\"communication.send_email\",\"source\":\"patient-service\","
    "\"subject\":\"7\",\"time\":\"" TIME "\",\"schemaversion\":\"1.3\","
    "\"causationid\":\"" CAUSE "\",\"correlationid\":\"" STORY "\","
    "\"traceparent\":\"" TRACE "\",\"tracestate\":\"" STATE "\","
    "\"datacontenttype\":\"application/json\",\"data\":" PAYLOAD_TEXT "}";

static const char *const binary[][2] = {
    {"ce_specversion", "1.0"},
    {"ce_id", ID},
    {"ce_type", "communication.send_email"},
    {"ce_source", "patient-service"},
    {"ce_subject", "7"},
    {"ce_time", TIME},
    {"ce_schemaversion", "1.3"},
    {"ce_causationid", CAUSE},
    {"ce_correlationid", STORY},
    {"content-type", "application/json"},
    {"traceparent", TRACE},
    {"tracestate", "rojo=00f067aa0ba902b7, a=\"1\""},
};

static psm_error *err;

static void
set_up(void)
{
	err = psm_error_new();
}

static void
tear_down(void)
{
	psm_error_free(err);
}

static psm_event *
parsed(const char *text)
{
	psm_event *ev = NULL;

	ck_assert_msg(psm_event_parse(text, strlen(text), &ev, err) == 0,
	              "%s: %s", psm_error_message(err), text);
	return ev;
}

static psm_event *
whole(void)
{
	psm_event *ev = parsed(envelope);

	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, STORY, TRACE, err), 0);
	ck_assert_int_eq(
	    psm_event_set_tracestate(ev, "rojo=00f067aa0ba902b7, a=\"1\"", err),
	    0);
	return ev;
}

/* What whole() is. */
static void
check_whole(const psm_event *ev)
{
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(psm_event_encode(ev, PSM_WIRE_SNAKE, &text, &len, err),
	                 0);
	ck_assert_str_eq(text, envelope);
	ck_assert_uint_eq(len, sizeof envelope - 1);
	psm_free(text);
	ck_assert_str_eq(psm_event_key(ev), "7");
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	ck_assert_str_eq(psm_event_correlation_id(ev), STORY);
	ck_assert_str_eq(psm_event_traceparent(ev), TRACE);
	ck_assert_str_eq(psm_event_tracestate(ev),
	                 "rojo=00f067aa0ba902b7, a=\"1\"");
	ck_assert_int_eq(psm_json_kind(psm_event_payload(ev)), PSM_JSON_OBJECT);
}

/* -- headers from pairs, a pair of NULLs ends them */

#define HEADERS_MAX 20

static size_t
headers_of(const char *const (*pairs)[2], size_t count,
           struct psm__header out[HEADERS_MAX])
{
	size_t i;

	for (i = 0; i < count && pairs[i][0]; i++)
		out[i] =
		    (struct psm__header){pairs[i][0], pairs[i][1],
		                         pairs[i][1] ? strlen(pairs[i][1]) : 0};
	return i;
}

static int
from_record(const struct psm__header *headers, size_t count, const char *value,
            psm_event **out)
{
	struct psm__record rec = {.topic = "communication-events",
	                          .value = value,
	                          .value_len = strlen(value),
	                          .headers = headers,
	                          .header_count = count};

	return psm__record_parse(&rec, out, err);
}

/* -- the two forms, to the byte */

START_TEST(the_structured_form)
{
	struct psm__cloudevent_record made;
	psm_event *ev = whole(), *again;
	char *text = NULL;
	size_t len = 0;

	ck_assert_int_eq(
	    psm_event_encode(ev, PSM_WIRE_CLOUDEVENTS, &text, &len, err), 0);
	ck_assert_str_eq(text, structured);
	ck_assert_uint_eq(len, sizeof structured - 1);
	psm_free(text);
	ck_assert_int_eq(psm__cloudevent_write(ev, PSM_WIRE_CLOUDEVENTS, &made),
	                 0);
	ck_assert_uint_eq(made.value_len, sizeof structured - 1);
	ck_assert_mem_eq(made.value, structured, made.value_len);
	ck_assert_uint_eq(made.header_count, 3);
	ck_assert_str_eq(made.headers[0].name, "content-type");
	ck_assert_str_eq(made.headers[0].value, "application/cloudevents+json");
	ck_assert_str_eq(made.headers[1].name, "traceparent");
	ck_assert_str_eq(made.headers[2].name, "tracestate");
	again = parsed(structured);
	check_whole(again);
	psm_event_free(again);
	ck_assert_int_eq(
	    from_record(made.headers, made.header_count, structured, &again),
	    0);
	check_whole(again);
	psm_event_free(again);
	psm__cloudevent_record_free(&made);
	psm_event_free(ev);
}
END_TEST

START_TEST(the_binary_form)
{
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(binary, PSM__COUNT(binary), headers), i;
	struct psm__cloudevent_record made;
	psm_event *ev = whole(), *again = NULL;

	ck_assert_int_eq(
	    psm__cloudevent_write(ev, PSM__WIRE_CLOUDEVENTS_BINARY, &made), 0);
	ck_assert_uint_eq(made.header_count, count);
	for (i = 0; i < count; i++) {
		ck_assert_str_eq(made.headers[i].name, binary[i][0]);
		ck_assert_str_eq(made.headers[i].value, binary[i][1]);
		ck_assert_uint_eq(made.headers[i].len, strlen(binary[i][1]));
	}
	ck_assert_uint_eq(made.value_len, strlen(PAYLOAD_TEXT));
	ck_assert_mem_eq(made.value, PAYLOAD_TEXT, made.value_len);
	psm__cloudevent_record_free(&made);
	psm_event_free(ev);
	ck_assert_int_eq(from_record(headers, count, PAYLOAD_TEXT, &again), 0);
	check_whole(again);
	psm_event_free(again);
	/* It is no text for psm_event_encode(). */
	ev = whole();
	ck_assert_int_eq(psm_event_encode(ev, PSM__WIRE_CLOUDEVENTS_BINARY,
	                                  (char *[]){NULL}, &count, err),
	                 PSM_ERR_INVAL);
	psm_event_free(ev);
}
END_TEST

/* An event that has nothing but what it must. */
START_TEST(what_is_not_there_is_left_out)
{
	static const char *const names[] = {
	    "ce_specversion", "ce_id",   "ce_type",          "ce_source",
	    "ce_subject",     "ce_time", "ce_schemaversion", "content-type"};
	psm_event *ev = parsed(envelope);
	struct psm__cloudevent_record made;
	size_t i;

	ck_assert_int_eq(
	    psm__cloudevent_write(ev, PSM__WIRE_CLOUDEVENTS_BINARY, &made), 0);
	ck_assert_uint_eq(made.header_count, PSM__COUNT(names));
	for (i = 0; i < PSM__COUNT(names); i++)
		ck_assert_str_eq(made.headers[i].name, names[i]);
	psm__cloudevent_record_free(&made);
	psm_event_free(ev);
}
END_TEST

/* -- sources */

static const struct {
	const char *producer, *source;
} sources[] = {
    {"patient-service", "patient-service"},
    {"Praxis M\303\274ller & Co", "Praxis%20M%c3%bcller%20%26%20Co"},
    {"a:b", "a:b"},
    {"a: b", "a%3a%20b"},
    {"100%", "100%25"},
    {"%41", "%2541"},
    {"/a/b?c", "%2fa%2fb%3fc"},
    {"https://example.org/a%20b?c=d#e", "https://example.org/a%20b?c=d#e"},
    {":x", "%3ax"},
    {"\"\\", "%22%5c"},
};

START_TEST(the_producer_survives)
{
	psm_event *ev = NULL, *again;
	struct psm__cloudevent_record made;
	char *text = NULL;
	size_t len;

	ck_assert_int_eq(psm_event_new("communication.send_email",
	                               sources[_i].producer, "{\"email_id\":7}",
	                               14, &ev, err),
	                 0);
	ck_assert_int_eq(
	    psm__cloudevent_write(ev, PSM__WIRE_CLOUDEVENTS_BINARY, &made), 0);
	ck_assert_str_eq(made.source, sources[_i].source);
	ck_assert_int_eq(from_record(made.headers, made.header_count,
	                             "{\"email_id\":7}", &again),
	                 0);
	ck_assert_str_eq(psm_event_producer(again), sources[_i].producer);
	psm_event_free(again);
	psm__cloudevent_record_free(&made);
	ck_assert_int_eq(
	    psm_event_encode(ev, PSM_WIRE_CLOUDEVENTS, &text, &len, err), 0);
	again = parsed(text);
	ck_assert_str_eq(psm_event_producer(again), sources[_i].producer);
	psm_event_free(again);
	psm_free(text);
	psm_event_free(ev);
}
END_TEST

/* The longest name, of the characters that take the most. */
START_TEST(a_long_producer_survives)
{
	char name[401] = "";
	psm_event *ev = NULL, *again;
	char *text = NULL;
	size_t len;
	int i;

	for (i = 0; i < 100; i++)
		strcat(name, "\360\237\230\200");
	ck_assert_int_eq(psm_event_new("communication.send_email", name,
	                               "{\"email_id\":7}", 14, &ev, err),
	                 0);
	ck_assert_int_eq(
	    psm_event_encode(ev, PSM_WIRE_CLOUDEVENTS, &text, &len, err), 0);
	again = parsed(text);
	ck_assert_str_eq(psm_event_producer(again), name);
	psm_event_free(again);
	psm_free(text);
	psm_event_free(ev);
}
END_TEST

/* -- what others write */

#define MUST                                                                   \
	"{\"specversion\":\"1.0\",\"id\":\"" ID "\","                          \
	"\"type\":\"communication.send_email\",\"source\":\"/x/y\","           \
	"\"time\":\"2026-01-31T10:00:00+01:00\""

static const char *const fine[] = {
    MUST ",\"data\":{\"email_id\":7}}",
    MUST ",\"data\":{\"email_id\":7},\"schemaversion\":null,\"traceparent\":"
	 "null,\"datacontenttype\":null,\"data_base64\":null}",
    MUST ",\"datacontenttype\":\"text/JSON; charset=utf-8\",\"data\":{\"email_"
	 "id\":7.0},\"partitionkey\":\"a\",\"sampledrate\":7,\"odd\":true}",
    MUST ",\"datacontenttype\":\"application/x+json\",\"dataschema\":\"x\","
	 "\"data_base64\":\"eyJlbWFpbF9pZCI6N30=\"}",
    "{\"data\":{\"email_id\":7},\"time\":\"2026-01-31T09:00:00\",\"source\":"
    "\"%2fx/y\",\"type\":\"communication.send_email\",\"id\":\"" ID "\","
    "\"specversion\":\"1.0\"}",
};

START_TEST(what_others_may_write)
{
	psm_event *ev = parsed(fine[_i]);

	ck_assert_str_eq(psm_event_id(ev), ID);
	ck_assert_str_eq(psm_event_type(ev), "communication.send_email");
	ck_assert_str_eq(psm_event_version(ev), "1.0");
	ck_assert_str_eq(psm_event_producer(ev), "/x/y");
	ck_assert_int_eq(psm_event_timestamp_us(ev), INT64_C(1769850000000000));
	ck_assert_str_eq(psm_event_key(ev), "7");
	ck_assert_ptr_null(psm_event_traceparent(ev));
	psm_event_free(ev);
}
END_TEST

/* An envelope of ours with such a member stays one. */
START_TEST(an_envelope_is_an_envelope)
{
	psm_event *ev = NULL;
	char text[sizeof envelope + 40];

	(void)snprintf(text, sizeof text, "%.*s,\"specversion\":\"1.0\"}",
	               (int)sizeof envelope - 2, envelope);
	ev = parsed(text);
	ck_assert_str_eq(psm_event_producer(ev), "patient-service");
	psm_event_free(ev);
	ck_assert_int_eq(psm_event_parse("{\"id\":\"" ID "\"}", 45, &ev, err),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_message(err), "event_id: missing");
}
END_TEST

START_TEST(an_unknown_type_is_read)
{
	psm_event *ev =
	    parsed("{\"specversion\":\"1.0\",\"id\":\"" ID
	           "\",\"type\":\"invoice.paid\","
	           "\"source\":\"x\",\"time\":\"" TIME "\",\"data\":{}}");

	ck_assert_str_eq(psm_event_type(ev), "invoice.paid");
	ck_assert_ptr_null(psm_event_key(ev));
	psm_event_free(ev);
}
END_TEST

static const struct {
	const char *text;
	int code;
	const char *pointer, *message;
	unsigned column;
} broken[] = {
    {"{\"specversion\":\"1.0\"}", PSM_ERR_SCHEMA, "/id",
     "CloudEvent: id: missing", 1},
    {"{\"specversion\":null}", PSM_ERR_SCHEMA, "/specversion",
     "CloudEvent: specversion: missing", 16},
    {"{\"specversion\":\"1.0\",\"id\":7}", PSM_ERR_SCHEMA, "/id",
     "CloudEvent: id: want string, found another kind", 27},
    {"{\"specversion\":\"0.3\",\"id\":\"a\",\"type\":\"a.b\",\"source\":\"x\","
     "\"time\":\"x\"}",
     PSM_ERR_VERSION, "/specversion",
     "CloudEvent: specversion: want 1.0, found another one", 16},
    {"{\"specversion\":\"1.0\",\"id\":\"a\",\"type\":\"a.b\",\"source\":\"x\","
     "\"time\":\"x\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/time",
     "CloudEvent: time: want YYYY-MM-DDTHH:MM:SSZ, found another text", 64},
    {"{\"specversion\":\"1.0\",\"id\":\"a\",\"type\":\"a.b\",\"source\":\"x\","
     "\"time\":\"" TIME "\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/id",
     "CloudEvent: event_id: want a UUID, found another text", 27},
    {"{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"type\":\"com.example.a\","
     "\"source\":\"x\",\"time\":\"" TIME "\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/type",
     "CloudEvent: event_type: want \"noun.verb\" in small letters, found "
     "another text",
     73},
    {MUST "}", PSM_ERR_SCHEMA, "/data", "CloudEvent: data: missing", 1},
    {MUST ",\"data\":{},\"data_base64\":\"\"}", PSM_ERR_SCHEMA, "/data",
     "CloudEvent: data: want one of data and data_base64", 0},
    {MUST ",\"data\":[]}", PSM_ERR_SCHEMA, "/data",
     "CloudEvent: /data: want object, found array", 0},
    {MUST ",\"data\":{}}", PSM_ERR_SCHEMA, "/data/email_id",
     "CloudEvent: /data/email_id: want integer, found nothing", 0},
    {MUST ",\"data\":{\"email_id\":\"x\"}}", PSM_ERR_SCHEMA, "/data/email_id",
     "CloudEvent: /data/email_id: want integer, found string", 0},
    {MUST ",\"data_base64\":\"x\"}", PSM_ERR_SCHEMA, "/data_base64",
     "CloudEvent: data_base64: want Base64, found another text", 0},
    {MUST ",\"data_base64\":\"eA==\"}", PSM_ERR_PARSE, "", NULL, 0},
    {MUST ",\"schemaversion\":\"2.0\",\"data\":{}}", PSM_ERR_VERSION,
     "/schemaversion", "CloudEvent: version: want 1.x, found 2.0", 0},
    {MUST ",\"datacontenttype\":\"application/xml\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/datacontenttype",
     "CloudEvent: datacontenttype: want application/json, found another type",
     0},
    {"{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"type\":\"a.b\",\"source\":"
     "\"\",\"time\":\"" TIME "\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/source",
     "CloudEvent: producer: want a name of 1 to 100 characters, found another "
     "text",
     0},
    {"{\"specversion\":\"1.0\",\"id\":\"" ID "\",\"type\":\"a.b\",\"source\":"
     "\"%ff\",\"time\":\"" TIME "\",\"data\":{}}",
     PSM_ERR_SCHEMA, "/source",
     "CloudEvent: source: want UTF-8, found other bytes", 0},
};

START_TEST(what_is_broken)
{
	psm_event *ev = NULL;
	int rc =
	    psm_event_parse(broken[_i].text, strlen(broken[_i].text), &ev, err);

	ck_assert_int_eq(rc, broken[_i].code);
	ck_assert_int_eq(psm_error_code(err), rc);
	ck_assert_ptr_null(ev);
	if (broken[_i].message)
		ck_assert_str_eq(psm_error_message(err), broken[_i].message);
	ck_assert_int_eq(strncmp(psm_error_message(err), "CloudEvent: ", 12),
	                 0);
	ck_assert_str_eq(psm_error_pointer(err), broken[_i].pointer);
	ck_assert_uint_ge(psm_error_line(err), 1);
	if (broken[_i].column)
		ck_assert_uint_eq(psm_error_column(err), broken[_i].column);
	/* Also where nobody asks why. */
	ck_assert_int_eq(psm_event_parse(broken[_i].text,
	                                 strlen(broken[_i].text), &ev, NULL),
	                 rc);
}
END_TEST

/* The binary form with one header changed; NULL: without it. The value of a
 * dead letter needs no headers, and fails in the same way. */
static const struct {
	const char *name, *value, *data;
	int code;
	const char *message;
} broken_binary[] = {
    {"ce_specversion", NULL, PAYLOAD_TEXT, PSM_ERR_SCHEMA,
     "CloudEvent: specversion: missing"},
    {"ce_specversion", "2.0", PAYLOAD_TEXT, PSM_ERR_VERSION,
     "CloudEvent: specversion: want 1.0, found another one"},
    {"ce_id", NULL, PAYLOAD_TEXT, PSM_ERR_SCHEMA, "CloudEvent: id: missing"},
    {"ce_type", NULL, PAYLOAD_TEXT, PSM_ERR_SCHEMA,
     "CloudEvent: type: missing"},
    {"ce_time", "soon", PAYLOAD_TEXT, PSM_ERR_SCHEMA,
     "CloudEvent: time: want YYYY-MM-DDTHH:MM:SSZ, found another text"},
    {"content-type", "application/avro", PAYLOAD_TEXT, PSM_ERR_SCHEMA,
     "CloudEvent: datacontenttype: want application/json, found another type"},
    {"ce_x", "1", "{}", PSM_ERR_SCHEMA,
     "CloudEvent: /email_id: want integer, found nothing"},
    {"ce_x", "1", "{\"email_id\":7},\"subject\":\"8\"", PSM_ERR_PARSE, NULL},
    {"ce_x", "1", "\"\\\001", PSM_ERR_PARSE, NULL},
};

START_TEST(what_is_broken_in_headers)
{
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(binary, PSM__COUNT(binary), headers), i;
	const char *data = broken_binary[_i].data;
	struct psm__record rec = {.topic = "t", .headers = headers};
	psm_event *ev = NULL;
	char *text = NULL, first[300];
	size_t len;

	for (i = 0; i < count; i++)
		if (strcmp(headers[i].name, broken_binary[_i].name) == 0)
			break;
	count += i == count;
	headers[i] = (struct psm__header){
	    broken_binary[_i].name, broken_binary[_i].value,
	    broken_binary[_i].value ? strlen(broken_binary[_i].value) : 0};
	ck_assert_int_eq(from_record(headers, count, data, &ev),
	                 broken_binary[_i].code);
	ck_assert_ptr_null(ev);
	if (broken_binary[_i].message)
		ck_assert_str_eq(psm_error_message(err),
		                 broken_binary[_i].message);
	(void)snprintf(first, sizeof first, "%s", psm_error_message(err));
	rec.value = data;
	rec.value_len = strlen(data);
	rec.header_count = count;
	ck_assert_int_eq(psm__record_join(&rec, &text, &len), 0);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(psm_event_parse(text, len, &ev, err),
	                 broken_binary[_i].code);
	if (!strstr(first, ": /")) /* a pointer begins with /data then */
		ck_assert_str_eq(psm_error_message(err), first);
	psm_free(text);
}
END_TEST

/* What a table keeps of a whole one is the event, trace included. */
START_TEST(a_record_in_one_text)
{
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(binary, PSM__COUNT(binary), headers), len;
	struct psm__record rec = {.value = PAYLOAD_TEXT,
	                          .value_len = strlen(PAYLOAD_TEXT),
	                          .headers = headers,
	                          .header_count = count};
	psm_event *ev;
	char *text = NULL;

	/* A name that comes twice: the last one counts, as for the reader. */
	headers[count++] = headers[1];
	headers[1].value = STORY;
	rec.header_count = count;
	ck_assert_int_eq(psm__record_join(&rec, &text, &len), 0);
	ev = parsed(text);
	ck_assert_int_eq(psm_event_set_trace(ev, CAUSE, STORY, TRACE, err), 0);
	ck_assert_int_eq(
	    psm_event_set_tracestate(ev, "rojo=00f067aa0ba902b7, a=\"1\"", err),
	    0);
	check_whole(ev);
	psm_event_free(ev);
	psm_free(text);
	/* Any other record stays as it is. */
	headers[0].name = headers[1].name = headers[count - 1].name = "x";
	ck_assert_int_eq(psm__record_join(&rec, &text, &len), 0);
	ck_assert_ptr_null(text);
	ck_assert_uint_eq(len, strlen(PAYLOAD_TEXT));
	rec.value = NULL;
	rec.value_len = 0;
	ck_assert_int_eq(psm__record_join(&rec, &text, &len), 0);
	ck_assert_ptr_null(text);
}
END_TEST

/* The plain headers are younger than the attributes. */
START_TEST(a_plain_trace_wins)
{
	static const struct psm__header plain = {"traceparent", OTHER_TRACE,
	                                         sizeof OTHER_TRACE - 1};
	static const struct psm__header same = {"traceparent", TRACE,
	                                        sizeof TRACE - 1};
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(binary, PSM__COUNT(binary), headers);
	psm_event *ev = NULL;

	ck_assert_int_eq(from_record(&plain, 1, structured, &ev), 0);
	ck_assert_str_eq(psm_event_traceparent(ev), OTHER_TRACE);
	ck_assert_ptr_null(psm_event_tracestate(ev));
	ck_assert_str_eq(psm_event_causation_id(ev), CAUSE);
	psm_event_free(ev);
	/* The same one again takes nothing away. */
	ck_assert_int_eq(from_record(&same, 1, structured, &ev), 0);
	check_whole(ev);
	psm_event_free(ev);
	headers[count++] = (struct psm__header){"ce_traceparent", OTHER_TRACE,
	                                        sizeof OTHER_TRACE - 1};
	ck_assert_int_eq(from_record(headers, count, PAYLOAD_TEXT, &ev), 0);
	check_whole(ev);
	psm_event_free(ev);
	headers[10].name = headers[11].name = "x";
	ck_assert_int_eq(from_record(headers, count, PAYLOAD_TEXT, &ev), 0);
	ck_assert_str_eq(psm_event_traceparent(ev), OTHER_TRACE);
	psm_event_free(ev);
}
END_TEST

/* Headers of a structured one that look like the other form. */
START_TEST(the_content_type_decides)
{
	static const char *const pairs[][2] = {
	    {"ce_id", "x"},
	    {"content-type", "Application/CloudEvents+json; charset=UTF-8"}};
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(pairs, 2, headers);
	psm_event *ev = NULL;

	ck_assert_int_eq(from_record(headers, count, structured, &ev), 0);
	check_whole(ev);
	psm_event_free(ev);
}
END_TEST

/* -- Base64: RFC 4648, 10 */

static const char *const base64[][2] = {{"", ""},
                                        {"f", "Zg=="},
                                        {"fo", "Zm8="},
                                        {"foo", "Zm9v"},
                                        {"foob", "Zm9vYg=="},
                                        {"fooba", "Zm9vYmE="},
                                        {"foobar", "Zm9vYmFy"},
                                        {"\377\376\375\374", "//79/A=="}};

START_TEST(base64_both_ways)
{
	static const char *const wrong[] = {"Z",    "Zg",       "Zg=",   "Zh==",
	                                    "Zm9=", "Z===",     "Zm9v=", "Zm 9",
	                                    "=Zm9", "Zg==Zg==", "Zm9-"};
	struct psm__buf b = {0};
	char to[20];
	size_t i, len = 9;

	for (i = 0; i < PSM__COUNT(base64); i++) {
		psm__buf_reset(&b);
		psm__base64_put(&b, base64[i][0], strlen(base64[i][0]));
		psm__buf_put(&b, "", 1);
		ck_assert_str_eq(b.data, base64[i][1]);
		ck_assert(psm__base64_read(base64[i][1], to, &len));
		ck_assert_uint_eq(len, strlen(base64[i][0]));
		ck_assert_mem_eq(to, base64[i][0], len);
	}
	for (i = 0; i < PSM__COUNT(wrong); i++)
		ck_assert_msg(!psm__base64_read(wrong[i], to, &len), "%s",
		              wrong[i]);
	psm__buf_free(&b);
}
END_TEST

/* -- no memory */

static int
there_and_back(void *arg)
{
	struct psm__header headers[HEADERS_MAX];
	size_t count = headers_of(binary, PSM__COUNT(binary), headers), len;
	struct psm__record rec = {.topic = "t",
	                          .value = PAYLOAD_TEXT,
	                          .value_len = strlen(PAYLOAD_TEXT),
	                          .headers = headers,
	                          .header_count = count};
	psm_event *ev = NULL, *again = NULL;
	char *text = NULL, *joined = NULL;
	int rc = psm__record_parse(&rec, &ev, err);

	(void)arg;
	if (rc == 0)
		rc = psm_event_encode(ev, PSM_WIRE_CLOUDEVENTS, &text, &len,
		                      err);
	if (rc == 0)
		rc = psm_event_parse(text, len, &again, err);
	psm_event_free(again);
	again = NULL;
	if (rc == 0)
		rc = psm_event_parse(fine[3], strlen(fine[3]), &again, err);
	if (rc == 0)
		rc = psm__record_join(&rec, &joined, &len);
	psm_event_free(again);
	psm_event_free(ev);
	psm_free(text);
	psm_free(joined);
	return rc;
}

START_TEST(without_memory)
{
	psm_error_free(err);
	err = NULL;
	ck_assert_int_gt(testing_fail_each(there_and_back, NULL, 0), 10);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cloudevent");
	TCase *tc = tcase_create("forms");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, the_structured_form);
	tcase_add_test(tc, the_binary_form);
	tcase_add_test(tc, what_is_not_there_is_left_out);
	tcase_add_loop_test(tc, the_producer_survives, 0, PSM__COUNT(sources));
	tcase_add_test(tc, a_long_producer_survives);
	tcase_add_loop_test(tc, what_others_may_write, 0, PSM__COUNT(fine));
	tcase_add_test(tc, an_envelope_is_an_envelope);
	tcase_add_test(tc, an_unknown_type_is_read);
	tcase_add_loop_test(tc, what_is_broken, 0, PSM__COUNT(broken));
	tcase_add_loop_test(tc, what_is_broken_in_headers, 0,
	                    PSM__COUNT(broken_binary));
	tcase_add_test(tc, a_record_in_one_text);
	tcase_add_test(tc, a_plain_trace_wins);
	tcase_add_test(tc, the_content_type_decides);
	tcase_add_test(tc, base64_both_ways);
	tcase_add_test(tc, without_memory);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
