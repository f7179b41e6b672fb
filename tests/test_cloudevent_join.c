/* SPDX-License-Identifier: BSD-2-Clause */
/* A CloudEvent in headers that can be read is the same event in the one text
 * that a table keeps of it. */
#include <stdlib.h>

#include "event/cloudevent.h"
#include "json/json.h"
#include "testing.h"

#define ID "0198c0de-0000-7000-8000-000000000001"
#define OTHER_ID "0198c0de-0000-7000-8000-000000000002"
#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define TIME "2026-01-31T09:00:00.000001Z"
#define MAIL "{\"email_id\": 7, \"note\":\"\303\274\"}"

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

#define HEADERS_MAX 24

struct record {
	struct psm__header headers[HEADERS_MAX];
	size_t count;
};

static void
add_bytes(struct record *r, const char *name, const char *value, size_t len)
{
	ck_assert_uint_lt(r->count, HEADERS_MAX);
	r->headers[r->count++] = (struct psm__header){name, value, len};
}

static void
add(struct record *r, const char *name, const char *value)
{
	add_bytes(r, name, value, value ? strlen(value) : 0);
}

static void
add_needed(struct record *r, const char *type)
{
	add(r, "ce_specversion", "1.0");
	add(r, "ce_id", ID);
	add(r, "ce_type", type);
	add(r, "ce_source", "patient-service");
	add(r, "ce_time", TIME);
}

/* -- the two ways of reading */

static int
from_headers(const struct record *r, const char *value, size_t len,
             psm_event **out)
{
	return psm__event_from_record(r->headers, r->count, value, len, out,
	                              err);
}

static int
from_text(const struct record *r, const char *value, size_t len,
          psm_event **out)
{
	struct psm__buf b = {0};
	psm_json *doc = NULL;
	int rc;

	psm__cloudevent_join(r->headers, r->count, value, len, &b);
	ck_assert(!b.failed);
	ck_assert_msg(psm_json_parse(b.data, b.len, &doc, err) == 0, "%s: %.*s",
	              psm_error_message(err), (int)(b.len < 900 ? b.len : 900),
	              b.data);
	psm_json_free(doc);
	rc = psm_event_parse(b.data, b.len, out, err);
	psm__buf_free(&b);
	return rc;
}

static void
check_text(const char *a, const char *b)
{
	ck_assert_int_eq(a != NULL, b != NULL);
	if (a)
		ck_assert_str_eq(a, b);
}

static void
check_same(const psm_event *a, const psm_event *b)
{
	check_text(psm_event_id(a), psm_event_id(b));
	check_text(psm_event_type_as_sent(a), psm_event_type_as_sent(b));
	check_text(psm_event_version(a), psm_event_version(b));
	check_text(psm_event_producer(a), psm_event_producer(b));
	check_text(psm_event_key(a), psm_event_key(b));
	check_text(psm_event_causation_id(a), psm_event_causation_id(b));
	check_text(psm_event_correlation_id(a), psm_event_correlation_id(b));
	check_text(psm_event_traceparent(a), psm_event_traceparent(b));
	check_text(psm_event_tracestate(a), psm_event_tracestate(b));
	ck_assert_int_eq(psm_event_timestamp_us(a), psm_event_timestamp_us(b));
	ck_assert(psm_json_equal(psm_event_payload(a), psm_event_payload(b)));
}

/* 1: it is an event. One that is none has a text that is none. */
static int
check_record(const struct record *r, const char *value, size_t len)
{
	psm_event *ev = NULL, *again = NULL;
	int rc = from_headers(r, value, len, &ev);

	if (rc < 0)
		return 0;
	rc = from_text(r, value, len, &again);
	ck_assert_msg(rc == 0, "%s", psm_error_message(err));
	check_same(ev, again);
	psm_event_free(again);
	psm_event_free(ev);
	return 1;
}

/* -- headers beside those that an event needs; all are accepted */

static const char *const beside[][4][2] = {
    {{"content-type", "application/json"},
     {"ce_datacontenttype", "application/json"}},
    {{"ce_datacontenttype", "application/json"},
     {"Content-Type", "application/json"}},
    {{"Content-Type", "text/xml"}, {"content-type", "text/json"}},
    {{"ce_datacontenttype", "text/xml"}},
    {{"CE_DataContentType", "text/xml"}},
    {{"ce_data", "{\"email_id\":8}"}},
    {{"ce_data_base64", "e30="}, {"CE_DATA", "x"}},
    {{"ce_event_id", OTHER_ID}},
    {{"ce_eventId", OTHER_ID}},
    {{"ce_ID", OTHER_ID}},
    {{"CE_ID", OTHER_ID}, {"ce_id", NULL}},
    {{"CE_SPECVERSION", "1.0"}, {"Ce_Time", "2020-01-01T00:00:00Z"}},
    {{"ce_x", "1"}, {"ce_X", "2"}, {"CE_x", "3"}},
    {{"ce_x", "\377"}, {"ce_y", "\\\"\177\001\n"}},
    {{"ce_\377", "1"}, {"ce_\376", "2"}},
    {{"ce_", "1"}, {"CE_", "2"}, {"ce", "3"}, {"", "4"}},
    {{"ce_\\", "1"}, {"ce_\"", "1"}, {"ce_\001", "2"}, {"ce_\303\234", "3"}},
    {{"ce_causationid", CAUSE}, {"CE_CORRELATIONID", CAUSE}},
    {{"CE_traceparent", TRACE}, {"ce_tracestate", "a=\"1\""}},
    {{"ce_traceparent", "x"}, {"ce_causationid", ""}},
    {{"ce_subject", "8"}, {"ce_SchemaVersion", "1.7"}, {"ce_source", "a b"}},
    {{"CE_DATA", NULL}, {"ce_type", NULL}, {"content-type", NULL}},
};

START_TEST(headers_beside_the_needed_ones)
{
	struct record r = {.count = 0};
	int i;

	add_needed(&r, "communication.send_email");
	for (i = 0; i < 4 && beside[_i][i][0]; i++)
		add(&r, beside[_i][i][0], beside[_i][i][1]);
	ck_assert(check_record(&r, MAIL, strlen(MAIL)));
	/* Those in front of them, too. */
	memmove(r.headers + i, r.headers, 5 * sizeof r.headers[0]);
	r.count = 0;
	for (i = 0; i < 4 && beside[_i][i][0]; i++)
		add(&r, beside[_i][i][0], beside[_i][i][1]);
	r.count += 5;
	ck_assert(check_record(&r, MAIL, strlen(MAIL)));
}
END_TEST

/* The last one counts, also what is in the text; a name in other letters is
 * another name. */
START_TEST(the_last_of_a_name_counts)
{
	struct record r = {.count = 0};
	psm_event *ev = NULL;

	add_needed(&r, "communication.send_email");
	add(&r, "ce_id", OTHER_ID);
	add(&r, "CE_ID", ID);
	add(&r, "ce_Id", ID);
	ck_assert_int_eq(from_text(&r, MAIL, strlen(MAIL), &ev), 0);
	ck_assert_str_eq(psm_event_id(ev), OTHER_ID);
	psm_event_free(ev);
	ck_assert_int_eq(from_headers(&r, MAIL, strlen(MAIL), &ev), 0);
	ck_assert_str_eq(psm_event_id(ev), OTHER_ID);
	psm_event_free(ev);
}
END_TEST

/* So a record with such names alone is none of CloudEvents. */
START_TEST(names_in_other_letters)
{
	const struct psm__header h[] = {{"CE_id", ID, sizeof ID - 1},
	                                {"ce_ID", ID, sizeof ID - 1},
	                                {"Ce_SpecVersion", "1.0", 3}};

	ck_assert_int_eq(psm__cloudevent_is_binary(h, PSM__COUNT(h)), 0);
}
END_TEST

START_TEST(a_value_with_a_nul)
{
	struct record r = {.count = 0};

	add_needed(&r, "communication.send_email");
	add_bytes(&r, "ce_x", "a\0b", 3);
	ck_assert(check_record(&r, MAIL, strlen(MAIL)));
}
END_TEST

/* -- any headers */

static const char *const names[] = {"ce_specversion",
                                    "CE_SpecVersion",
                                    "ce_id",
                                    "CE_ID",
                                    "ce_type",
                                    "Ce_Type",
                                    "ce_source",
                                    "ce_time",
                                    "ce_subject",
                                    "ce_causationid",
                                    "CE_TIME",
                                    "ce_traceparent",
                                    "ce_tracestate",
                                    "ce_data",
                                    "ce_data_base64",
                                    "content-type",
                                    "ce_datacontenttype",
                                    "CONTENT-TYPE",
                                    "ce_event_id",
                                    "ce_x",
                                    "ce_\377",
                                    "traceparent",
                                    "ce_X",
                                    "ce_schemaversion"};
static const char *const values[] = {"1.0",
                                     ID,
                                     OTHER_ID,
                                     "communication.send_email",
                                     "invoice.paid",
                                     "x/y",
                                     TIME,
                                     "2026-01-31T10:00:00+01:00",
                                     "application/json",
                                     "text/xml",
                                     TRACE,
                                     "a=b",
                                     "",
                                     "\377",
                                     "1.3",
                                     NULL};

static unsigned
any(unsigned below)
{
	static unsigned state = 1; /* each process begins here */

	state = state * 1103515245u + 12345u;
	return (state >> 16) % below;
}

/* A value that its name may have, or now and then any. */
static const char *
any_value(const char *name)
{
	static const struct {
		const char *name, *value[2];
	} usual[] = {{"ce_specversion", {"1.0", "1.0"}},
	             {"ce_id", {ID, OTHER_ID}},
	             {"ce_type", {"communication.send_email", "invoice.paid"}},
	             {"ce_time", {TIME, "2026-01-31T10:00:00+01:00"}},
	             {"ce_schemaversion", {"1.3", "1.0"}},
	             {"content-type", {"application/json", NULL}}};
	size_t i;

	for (i = 0; i < PSM__COUNT(usual); i++)
		if (strcmp(usual[i].name, name) == 0 && any(16) > 0)
			return usual[i].value[any(2)];
	return values[any(PSM__COUNT(values))];
}

START_TEST(any_headers)
{
	int i, accepted = 0;

	for (i = 0; i < 4000; i++) {
		struct record r = {.count = 0};
		size_t k, more = any(12), at, to;

		add_needed(&r, any(2) ? "invoice.paid"
		                      : "communication.send_email");
		for (k = 0; k < more; k++) {
			const char *name = names[any(PSM__COUNT(names))];

			add(&r, name, any_value(name));
		}
		for (k = 0; k < r.count; k++) {
			struct psm__header h;

			at = any((unsigned)r.count);
			to = any((unsigned)r.count);
			h = r.headers[at];
			r.headers[at] = r.headers[to];
			r.headers[to] = h;
		}
		accepted += check_record(&r, MAIL, strlen(MAIL));
	}
	ck_assert_int_gt(accepted, 1000);
}
END_TEST

/* -- limits */

/* {"a":[[...]]}, of so many levels. */
static size_t
nested(char *to, int levels)
{
	char *at = to + sprintf(to, "{\"a\":");
	int i;

	for (i = 1; i < levels; i++)
		*at++ = '[';
	for (i = 1; i < levels; i++)
		*at++ = ']';
	*at++ = '}';
	*at = '\0';
	return (size_t)(at - to);
}

/* What is an event can be written as one text, of whatever form. */
START_TEST(the_deepest_payload)
{
	struct record r = {.count = 0};
	psm_event *ev = NULL, *again = NULL;
	char value[200], wrong[200], *text = NULL;
	size_t len = nested(value, 63), wrong_len = nested(wrong, 64);

	add_needed(&r, "invoice.paid");
	ck_assert(check_record(&r, value, len));
	ck_assert_int_eq(from_headers(&r, value, len, &ev), 0);
	ck_assert_int_eq(psm_event_encode(ev, PSM_WIRE_SNAKE, &text, &len, err),
	                 0);
	ck_assert_int_eq(psm_event_parse(text, len, &again, err), 0);
	check_same(ev, again);
	psm_event_free(again);
	ck_assert_int_eq(
	    psm_event_upcast(ev, "1.1", wrong, wrong_len, &again, err),
	    PSM_ERR_PARSE);
	psm_event_free(ev);
	psm_free(text);
	ck_assert_int_eq(from_headers(&r, wrong, wrong_len, &ev),
	                 PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(err),
	                 "CloudEvent: payload: want at most 63 levels of "
	                 "nesting, found 64");
	/* Its text says the same, and not that it is no JSON. */
	ck_assert_int_eq(from_text(&r, wrong, wrong_len, &ev), PSM_ERR_PARSE);
	ck_assert_str_eq(psm_error_message(err),
	                 "CloudEvent: payload: want at most 63 levels of "
	                 "nesting, found 64");
}
END_TEST

/* Headers that are short, that are long, and that grow by being escaped. */
START_TEST(the_longest_event)
{
	static const char fill[3] = {'x', '\001', '\377'};
	const size_t extra = _i ? 3000 : 0;
	char *value = malloc(PSM_EVENT_MAX + 1), *text = malloc(extra + 1);
	struct record r = {.count = 0};
	size_t low = 100, high = PSM_EVENT_MAX;
	psm_event *ev = NULL;
	int rc;

	memset(text, fill[_i % 3], extra);
	add_needed(&r, "invoice.paid");
	add_bytes(&r, "ce_x", text, extra);
	memset(value, 'x', PSM_EVENT_MAX);
	memcpy(value, "{\"a\":\"", 6);
	while (high - low > 1) {
		size_t len = low + (high - low) / 2;

		memcpy(value + len - 2, "\"}", 2);
		rc = from_headers(&r, value, len, &ev);
		ck_assert_int_eq(rc == 0 || rc == PSM_ERR_TOO_LARGE, 1);
		psm_event_free(ev);
		if (rc == 0)
			ck_assert(check_record(&r, value, len));
		else
			ck_assert_int_eq(from_text(&r, value, len, &ev), rc);
		memset(value + len - 2, 'x', 2);
		*(rc == 0 ? &low : &high) = len;
	}
	ck_assert_uint_gt(low, PSM_EVENT_MAX - 600 - 6 * extra);
	free(text);
	free(value);
}
END_TEST

/* As many headers as a message can have; of each name the last one. */
START_TEST(very_many_headers)
{
	const size_t count = 100000;
	struct psm__header *h = calloc(count, sizeof *h);
	struct psm__buf b = {0};
	char(*text)[12] = calloc(count, sizeof *text);
	psm_json *doc = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		(void)snprintf(text[i], sizeof text[i], "ce_%zu", i / 2);
		h[i] = (struct psm__header){text[i], text[i] + 3,
		                            i % 2 ? strlen(text[i] + 3) : 0};
	}
	psm__cloudevent_join(h, count, "{}", 2, &b);
	ck_assert(!b.failed);
	ck_assert_int_eq(psm_json_parse(b.data, b.len, &doc, err), 0);
	ck_assert_uint_eq(psm_json_count(doc), count / 2 + 2);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/49999")), "49999");
	ck_assert_str_eq(psm_json_key(doc, 7), "7");
	psm_json_free(doc);
	psm__buf_free(&b);
	free(text);
	free(h);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("cloudevent_join");
	TCase *tc = tcase_create("join");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, headers_beside_the_needed_ones, 0,
	                    PSM__COUNT(beside));
	tcase_add_test(tc, the_last_of_a_name_counts);
	tcase_add_test(tc, names_in_other_letters);
	tcase_add_test(tc, a_value_with_a_nul);
	tcase_add_test(tc, any_headers);
	tcase_add_test(tc, the_deepest_payload);
	tcase_add_loop_test(tc, the_longest_event, 0, 3);
	tcase_add_test(tc, very_many_headers);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
