/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event is read in one pass or by a tree. Here: what the pass takes, that
 * both agree, and that values are made when they are asked for.
 */
#include <pthread.h>

#include <psymatch/memory.h>

#include "testing.h"
#include "json/json.h"
#include "testing_event.h"

#define HEAD                                                                   \
	"{\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","              \
	"\"event_type\":\"therapist.updated\",\"version\":\"1.0\","            \
	"\"timestamp\":\"2026-01-31T09:00:00.000001Z\","                       \
	"\"producer\":\"therapist-service\","
#define WITH(payload) HEAD "\"payload\":" payload "}"
#define DATA(data) WITH("{\"therapist_id\":7,\"therapist_data\":" data "}")
/* The same with other pieces of text. */
#define OTHER(id, version, time, end)                                          \
	"{" id "\"0198c0de-0000-7000-8000-000000000001\","                     \
	"\"event_type\":\"therapist.updated\"," version "\"1.0\","             \
	"\"timestamp\":\"2026-01-31T" time "\"producer\":\"x\","               \
	"\"payload\":{\"therapist_id\":7,\"therapist_data\":{\"id\":7}}" end
#define USUAL                                                                  \
	DATA("{\"id\":7,\"anrede\":\"Frau\",\"titel\":\"Dr.\",\"vorname\":"    \
	     "\"\xc3\x84nne\",\"telefonische_erreichbarkeit\":{\"montag\":["   \
	     "\"09:00-12:00\"]},\"fremdsprachen\":[\"Englisch\",null],"        \
	     "\"kassensitz\":true,\"alter_min\":18,"                           \
	     "\"letzter_kontakt_email\":\"2026-02-28\",\"status\":\"aktiv\"}")

static const struct {
	const char *text;
	int taken; /* by the pass */
	int as_written;
} texts[] = {
    {USUAL, 1, 1},
    {" \t\r\n" USUAL "\n", 1, 0},
    {DATA("{\"id\":7,\"sperrgrund\":null}"), 1, 1},
    {DATA("{\"vorname\":\"\\u00c4nne \\\"\\\\\",\"id\":7}"), 1, 1},
    {DATA("{\"id\":7,\"later\":{\"a\":[1.5e3,{\"a\":{}}],\"b\":0}}"), 1, 1},
    {WITH("{\"therapist_data\":{\"id\":7},\"therapist_id\":7}"), 1, 1},
    {WITH("{ \"therapist_data\" : {\"id\":7},\"therapist_id\":7}"), 1, 1},
    /* As long as what is written, or nearly it. */
    {OTHER("\"eventId\": ", "\"version\":", "09:00:00.000001Z\",", "}"), 1, 0},
    {OTHER("\"event_id\":", "\"version\": ", "09:00:00.000001Z\",", "}"), 1, 0},
    {OTHER("\"event_id\":", "\"version\":", "09:00:60.000001Z\",", "}"), 1, 0},
    {OTHER("\"event_id\":", "\"version\":", "09:00:00.0000012\",", "}"), 1, 0},
    {OTHER("\"event_id\":", "\"version\":", "09:00:00Z\",", "       }"), 1, 0},
    {OTHER("\"event_id\":", "\"version\":", "09:00:00.000001Z\",",
           ",\"more\":1}"),
     1, 0},
    {OTHER("\"event_id\":", "\"version\":", "09:00:00.000001Z\",", "}\n"), 1,
     0},
    {HEAD "\"other\":[{}],\"payload\":{\"therapist_id\":7,"
          "\"therapist_data\":{\"id\":7}},\"more\":\"x\"}",
     1, 0},
    /* Good, but not made for one pass. */
    {DATA("{\"id\":7,\"status\":\"akti\\u0076\"}"), 0, 0},
    {DATA("{\"id\":7,\"vorn\\u0061me\":\"x\"}"), 0, 0},
    {DATA("{\"id\":1234567890123456789}"), 0, 0},
    {"{\"payload\":{\"therapist_id\":7,\"therapist_data\":{\"id\":7}},"
     "\"event_id\":\"0198c0de-0000-7000-8000-000000000001\","
     "\"event_type\":\"therapist.updated\",\"version\":\"1.0\","
     "\"timestamp\":\"2026-01-31T09:00:00Z\",\"producer\":\"x\"}",
     0, 0},
};

START_TEST(good_texts)
{
	const char *text = texts[_i].text, *same;
	psm_event *ev = NULL;
	size_t len = 0;

	ck_assert_int_eq(testing_both_ways(text, strlen(text)),
	                 texts[_i].taken);
	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, NULL), 0);
	ck_assert_str_eq(psm_event_key(ev), "7");
	same = psm__event_text(ev, PSM_WIRE_SNAKE, &len);
	ck_assert_int_eq(same != NULL, texts[_i].as_written);
	if (same)
		ck_assert_str_eq(same, text);
	ck_assert_ptr_null(psm__event_text(ev, PSM_WIRE_CAMEL, &len));
	psm_event_free(ev);
}
END_TEST

static const char *const bad_texts[] = {
    "",
    "7",
    "\"text\"",
    "null",
    "[]",
    "{}",
    HEAD "\"payload\":[]}",
    HEAD "\"payload\":7}",
    HEAD "\"payload\":\"x\"}",
    HEAD "\"payload\":null}",
    WITH("{}"),
    WITH("{\"therapist_id\":7}"),
    WITH("{\"therapist_id\":0,\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":-7,\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":7.5,\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":null,\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":true,\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":{},\"therapist_data\":{\"id\":7}}"),
    WITH("{\"therapist_id\":7,\"therapist_id\":7,"
         "\"therapist_data\":{\"id\":7}}"),
    DATA("{}"),
    DATA("[]"),
    DATA("null"),
    DATA("{\"id\":\"7\"}"),
    DATA("{\"id\":7,\"id\":7}"),
    DATA("{\"id\":7,\"new\":1,\"new\":2}"),
    DATA("{\"id\":7,\"new\":{\"a\":1,\"a\":1}}"),
    DATA("{\"id\":7,\"status\":\"weg\"}"),
    DATA("{\"id\":7,\"status\":\"akt\"}"),
    DATA("{\"id\":7,\"status\":\"\"}"),
    DATA("{\"id\":7,\"kassensitz\":\"ja\"}"),
    DATA("{\"id\":7,\"kassensitz\":1}"),
    DATA("{\"id\":7,\"alter_min\":18.5}"),
    DATA("{\"id\":7,\"alter_min\":false}"),
    DATA("{\"id\":7,\"alter_min\":[]}"),
    DATA("{\"id\":7,\"vorname\":7}"),
    DATA("{\"id\":7,\"vorname\":{}}"),
    DATA("{\"id\":7,\"vorname\":\"\xff\"}"),
    DATA("{\"id\":7,\"vorname\":\"\\ud800\"}"),
    DATA("{\"id\":7,\"vorname\":\"\\u0000\"}"),
    DATA("{\"id\":7,\"arbeitszeiten\":[]}"),
    DATA("{\"id\":7,\"fremdsprachen\":{}}"),
    DATA("{\"id\":7,\"sperrdatum\":\"2026-02-29\"}"),
    DATA("{\"id\":7}") "x",
    DATA("{\"id\":7}") "\v",
    HEAD "\"eventId\":\"0198c0de-0000-7000-8000-000000000001\","
	 "\"payload\":{\"therapist_id\":7,\"therapist_data\":{\"id\":7}}}",
    HEAD "\"x\":1,\"x\":1,"
	 "\"payload\":{\"therapist_id\":7,\"therapist_data\":{\"id\":7}}}",
};

START_TEST(bad_text)
{
	const char *text = bad_texts[_i];
	psm_event *ev = NULL;
	psm_error *err = psm_error_new();

	ck_assert_int_eq(testing_both_ways(text, strlen(text)), 0);
	ck_assert_int_lt(psm_event_parse(text, strlen(text), &ev, err), 0);
	ck_assert_ptr_null(ev);
	ck_assert_str_ne(psm_error_message(err), "");
	psm_error_free(err);
}
END_TEST

/* The depth that a tree may have, and one more. */
START_TEST(depth)
{
	char text[1024], open[128], close[128];
	int levels;

	for (levels = 60; levels <= 62; levels++) {
		memset(open, '[', sizeof open);
		memset(close, ']', sizeof close);
		open[levels] = close[levels] = '\0';
		snprintf(text, sizeof text,
		         DATA("{\"id\":7,\"bevorzugte_diagnosen\":%s%s}"), open,
		         close);
		/* Three objects are around the array. */
		ck_assert_int_eq(testing_both_ways(text, strlen(text)),
		                 levels + 3 <= 64);
	}
}
END_TEST

/* As many keys that nobody knows as the pass compares, and one more. */
START_TEST(many_strangers)
{
	char text[4096];
	int count, i, n;

	for (count = 63; count <= 65; count++) {
		n = snprintf(text, sizeof text, "%s\"payload\":{", HEAD);
		for (i = 0; i < count; i++)
			n += snprintf(text + n, sizeof text - (size_t)n,
			              "\"k%d\":%d,", i, i);
		snprintf(text + n, sizeof text - (size_t)n,
		         "\"therapist_id\":7,\"therapist_data\":{\"id\":7}}}");
		ck_assert_int_eq(testing_both_ways(text, strlen(text)),
		                 count <= 64);
	}
}
END_TEST

/* There is no limit of length below the event's own. */
START_TEST(long_texts)
{
	size_t len = 100000, start = strlen(USUAL);
	char *text = malloc(len);

	ck_assert_ptr_nonnull(text);
	memset(text, ' ', len);
	memcpy(text, USUAL, start);
	ck_assert_int_eq(testing_both_ways(text, len), 1);
	text[len - 1] = 'x';
	ck_assert_int_eq(testing_both_ways(text, len), 0);
	free(text);
}
END_TEST

/* Numbers, words and separators, right and wrong: {"id":7,"new":[HERE]}. */
static const struct {
	const char *inside;
	int taken;
} grammar[] = {
    {"", 1},
    {" ", 1},
    {"0", 1},
    {"-0", 1},
    {"10", 1},
    {"0.5", 1},
    {"-1.50e+10", 1},
    {"1E5", 1},
    {"1e-05", 1},
    {"1 , 2\t", 1},
    {"1 , \"a\" ,\t[ ] ,\r{ }\n", 1},
    {"{\"a\" : 1 , \"b\" : { } }", 1},
    {"true,false,null", 1},
    {"-", 0},
    {"+1", 0},
    {"00", 0},
    {"01", 0},
    {"-01", 0},
    {".5", 0},
    {"1.", 0},
    {"1.e1", 0},
    {"1e", 0},
    {"1e+", 0},
    {"1 2", 0},
    {"0x1", 0},
    {"tru", 0},
    {"truex", 0},
    {"nul", 0},
    {"nullnull", 0},
    {"True", 0},
    {",", 0},
    {"1,", 0},
    {",1", 0},
    {"1,,2", 0},
    {"1:2", 0},
    {"{\"a\"}", 0},
    {"{\"a\":}", 0},
    {"{\"a\":1,}", 0},
    {"{,\"a\":1}", 0},
    {"{\"a\" 1}", 0},
    {"{\"a\"::1}", 0},
    {"{1:1}", 0},
    {"{\"a\":1 \"b\":1}", 0},
    {"[1}", 0},
    {"{\"a\":1]", 0},
    {"[", 0},
    {"]", 0},
    {"'a'", 0},
    {"/* */", 0},
    {"\v", 0},
};

START_TEST(grammar_of_json)
{
	char text[1024];
	size_t len;

	snprintf(text, sizeof text, DATA("{\"id\":7,\"new\":[%s]}"),
	         grammar[_i].inside);
	len = strlen(text);
	ck_assert_int_eq(testing_both_ways(text, len), grammar[_i].taken);
}
END_TEST

/* Every byte of an event in turn is left out, doubled, or another one. */
START_TEST(changed_bytes)
{
	static const char others[] = "\"\\{}[],: 07-e.t\v\x01\x7f\x80\xc3\xff";
	const char *text = texts[_i].text;
	size_t len = strlen(text), i, k;
	char *copy = malloc(len + 1);

	ck_assert_ptr_nonnull(copy);
	for (i = 0; i < len; i++) {
		memcpy(copy, text, len);
		for (k = 0; k < sizeof others; k++) { /* also the NUL */
			copy[i] = others[k];
			ck_assert_msg(testing_both_ways(copy, len) >= 0,
			              "%zu: %.*s", i, (int)len, copy);
		}
		memcpy(copy + i, text + i + 1, len - i - 1);
		ck_assert_int_ge(testing_both_ways(copy, len - 1), 0);
		memcpy(copy + i + 1, text + i, len - i);
		copy[i] = text[i];
		ck_assert_int_ge(testing_both_ways(copy, len + 1), 0);
		ck_assert_int_ge(testing_both_ways(text, i), 0);
	}
	free(copy);
}
END_TEST

#define THREADS 4
struct shared {
	const psm_event *ev;
	pthread_barrier_t start;
	const psm_json *seen[THREADS];
	int next; /* __atomic */
};

static void *
ask(void *arg)
{
	struct shared *s = arg;
	int me = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);

	pthread_barrier_wait(&s->start);
	s->seen[me] = psm_event_payload(s->ev);
	return NULL;
}

START_TEST(values_are_made_once)
{
	pthread_t threads[THREADS];
	struct shared s = {.next = 0};
	psm_event *ev;
	int round, i;

	pthread_barrier_init(&s.start, NULL, THREADS);
	for (round = 0; round < 200; round++) {
		ck_assert_int_eq(
		    psm_event_parse(USUAL, strlen(USUAL), &ev, NULL), 0);
		ck_assert_ptr_null(ev->payload);
		s.ev = ev;
		s.next = 0;
		for (i = 0; i < THREADS; i++)
			ck_assert_int_eq(
			    pthread_create(&threads[i], NULL, ask, &s), 0);
		for (i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
		for (i = 0; i < THREADS; i++)
			ck_assert_ptr_eq(s.seen[i], s.seen[0]);
		ck_assert_str_eq(psm_json_string(psm_json_at(
				     s.seen[0], "/therapist_data/status")),
		                 "aktiv");
		psm_event_free(ev);
	}
	pthread_barrier_destroy(&s.start);
}
END_TEST

/* Values stand where they stand in the text, whoever made the tree. */
START_TEST(positions_of_values)
{
	static const char text[] = "\n\n  " USUAL;
	psm_event *ev = NULL, *tree = NULL;
	const psm_json *a, *b;

	ck_assert_int_eq(psm_event_parse(text, strlen(text), &ev, NULL), 0);
	ck_assert_int_eq(psm__event_read(text, strlen(text), &tree, NULL), 0);
	a = psm_json_at(psm_event_payload(ev), "/therapist_data/kassensitz");
	b = psm_json_at(psm_event_payload(tree), "/therapist_data/kassensitz");
	ck_assert_uint_eq(psm_json_line(a), 3);
	ck_assert_uint_eq(psm_json_line(b), 3);
	ck_assert_uint_eq(psm_json_column(a), psm_json_column(b));
	psm_event_free(ev);
	psm_event_free(tree);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("event-stream");
	TCase *tc = tcase_create("stream"), *lazy = tcase_create("lazy");

	tcase_set_timeout(tc, 60);
	tcase_set_timeout(lazy, 60);
	tcase_add_loop_test(tc, good_texts, 0, (int)PSM__COUNT(texts));
	tcase_add_loop_test(tc, bad_text, 0, (int)PSM__COUNT(bad_texts));
	tcase_add_test(tc, depth);
	tcase_add_test(tc, many_strangers);
	tcase_add_test(tc, long_texts);
	tcase_add_loop_test(tc, grammar_of_json, 0, (int)PSM__COUNT(grammar));
	tcase_add_loop_test(tc, changed_bytes, 0, (int)PSM__COUNT(texts));
	tcase_add_test(lazy, values_are_made_once);
	tcase_add_test(lazy, positions_of_values);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, lazy);
	return testing_run(srunner_create(s));
}
