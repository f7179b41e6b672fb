/* SPDX-License-Identifier: BSD-2-Clause */
/* Payloads built member by member, and what is refused at their end. */
#include <math.h>

#include <psymatch/payload.h>

#include "base/base.h"
#include "testing.h"

/* The payload of the event, as it travels. */
static void
check_payload(psm_payload *m, const char *want)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	const char *text;
	size_t len;
	int rc = psm_event_new_from(m, "test", &ev, err);

	ck_assert_msg(rc == 0, "%s", psm_error_message(err));
	text = psm_json_text(psm_event_payload(ev), &len);
	ck_assert_uint_eq(len, strlen(want));
	ck_assert_mem_eq(text, want, len);
	psm_event_free(ev);
	psm_error_free(err);
}

START_TEST(members_in_their_order)
{
	psm_payload *m = psm_payload_new("search.status_changed");

	psm_payload_int(m, "search_id", 7);
	psm_payload_int(m, "patient_id", 3);
	psm_payload_null(m, "old_status");
	psm_payload_text(m, "new_status", "aktiv");
	check_payload(m, "{\"search_id\":7,\"patient_id\":3,"
	                 "\"old_status\":null,\"new_status\":\"aktiv\"}");
}
END_TEST

START_TEST(each_kind_of_value)
{
	static const char nested[] = "{\"a\": [1, 2]}";
	psm_payload *m = psm_payload_new("patient.updated");

	psm_payload_int(m, "patient_id", 9);
	psm_payload_object(m, "patient_data");
	psm_payload_int(m, "id", 9);
	psm_payload_bool(m, "zahlung_eingegangen", 2);
	psm_payload_bool(m, "offen_fuer_diga", 0);
	psm_payload_text(m, "plz", NULL);
	psm_payload_object(m, "zeitliche_verfuegbarkeit");
	psm_payload_time(m, "since", 1);
	psm_payload_double(m, "share", 0.1);
	psm_payload_json(m, "more", nested, sizeof nested - 1);
	psm_payload_end(m);
	psm_payload_end(m);
	psm_payload_array(m, "updated_fields");
	psm_payload_text(m, NULL, "titel");
	psm_payload_text(m, NULL, "id");
	psm_payload_end(m);
	check_payload(m,
	              "{\"patient_id\":9,\"patient_data\":{\"id\":9,"
	              "\"zahlung_eingegangen\":true,\"offen_fuer_diga\":false,"
	              "\"plz\":null,\"zeitliche_verfuegbarkeit\":{"
	              "\"since\":\"1970-01-01T00:00:00.000001Z\",\"share\":0.1,"
	              "\"more\":{\"a\": [1, 2]}}},"
	              "\"updated_fields\":[\"titel\",\"id\"]}");
}
END_TEST

/* What is given as text stays text, whatever stands in it. */
START_TEST(a_quote_makes_no_member)
{
	psm_payload *m = psm_payload_new("patient.therapist_excluded");

	psm_payload_int(m, "patient_id", 1);
	psm_payload_int(m, "therapist_id", 2);
	psm_payload_text(m, "reason", "x\",\"admin\":\"\\\n");
	check_payload(m, "{\"patient_id\":1,\"therapist_id\":2,"
	                 "\"reason\":\"x\\\",\\\"admin\\\":\\\"\\\\\\n\"}");
}
END_TEST

START_TEST(an_alias_gives_the_proper_name)
{
	psm_payload *m = psm_payload_new("communication.email_sent");
	psm_event *ev = NULL;

	psm_payload_int(m, "email_id", 1);
	psm_payload_object(m, "email_data");
	psm_payload_end(m);
	ck_assert_int_eq(psm_event_new_from(m, "test", &ev, NULL), 0);
	ck_assert_str_eq(psm_event_type(ev), "email.sent");
	ck_assert_str_eq(psm_event_producer(ev), "test");
	psm_event_free(ev);
}
END_TEST

/* -- what is refused */

static void
unknown_name(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_text(m, "nmae", "x");
}

static void
unknown_name_below(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_object(m, "patient_data");
	psm_payload_text(m, "nachname", "x");
	psm_payload_text(m, "nmae", "x");
}

/* A name that is no word is not repeated. */
static void
unknown_text_as_name(psm_payload *m)
{
	psm_payload_text(m, "Max Mustermann", "x");
}

static void
wrong_kind(psm_payload *m)
{
	psm_payload_text(m, "patient_id", "");
}

static void
required_left_out(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
}

static void
name_twice(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_int(m, "patient_id", 1);
}

static void
name_twice_below(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_object(m, "patient_data");
	psm_payload_text(m, "ort", "x");
	psm_payload_int(m, "id", 1);
	psm_payload_null(m, "ort");
	psm_payload_end(m);
}

static void
no_name(psm_payload *m)
{
	psm_payload_int(m, NULL, 1);
}

static void
item_with_name(psm_payload *m)
{
	psm_payload_array(m, "updated_fields");
	psm_payload_text(m, "x", "x");
}

static void
no_utf8(psm_payload *m)
{
	psm_payload_object(m, "patient_data");
	psm_payload_text(m, "ort", "\xff");
	psm_payload_end(m);
}

static void
not_finite(psm_payload *m)
{
	psm_payload_double(m, "patient_id", (double)NAN);
}

static void
time_out_of_range(psm_payload *m)
{
	psm_payload_object(m, "patient_data");
	psm_payload_time(m, "created_at", INT64_MAX);
}

static void
end_too_many(psm_payload *m)
{
	psm_payload_end(m);
	psm_payload_int(m, "patient_id", 1);
}

static void
end_too_few(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_array(m, "updated_fields");
}

static void
too_deep(psm_payload *m)
{
	int i;

	psm_payload_object(m, "patient_data");
	psm_payload_array(m, "symptome");
	for (i = 3; i < 64; i++)
		psm_payload_array(m, NULL);
	for (i = 0; i < 63; i++)
		psm_payload_end(m);
}

static void
not_json(psm_payload *m)
{
	psm_payload_int(m, "patient_id", 1);
	psm_payload_object(m, "patient_data");
	psm_payload_json(m, "id", "1,\"x\":2", 7);
}

static void
null_as_json(psm_payload *m)
{
	psm_payload_json(m, "patient_id", NULL, 0);
}

static const struct {
	void (*build)(psm_payload *m);
	int code;
	const char *pointer, *message;
} refused[] = {
    {unknown_name, PSM_ERR_SCHEMA, "/nmae",
     "/nmae: want a name that the catalogue has here, found another one"},
    {unknown_name_below, PSM_ERR_SCHEMA, "/patient_data/nmae",
     "/patient_data/nmae: want a name that the catalogue has here, found "
     "another one"},
    {unknown_text_as_name, PSM_ERR_SCHEMA, "",
     "payload: want a name that the catalogue has here, found another one"},
    {wrong_kind, PSM_ERR_SCHEMA, "/patient_id",
     "/patient_id: want integer, found string"},
    {required_left_out, PSM_ERR_SCHEMA, "/patient_data",
     "/patient_data: want object, found nothing"},
    {name_twice, PSM_ERR_PARSE, "/patient_id",
     "/patient_id: want each name once, found one twice"},
    {name_twice_below, PSM_ERR_PARSE, "/patient_data/ort", NULL},
    {no_name, PSM_ERR_STATE, "",
     "payload: want a member with a name, found one without"},
    {item_with_name, PSM_ERR_STATE, "/updated_fields",
     "/updated_fields: want an item without a name, found one with a name"},
    {no_utf8, PSM_ERR_STATE, "/patient_data/ort",
     "/patient_data/ort: want UTF-8, found other bytes"},
    {not_finite, PSM_ERR_STATE, "/patient_id",
     "/patient_id: want a finite number, found another one"},
    {time_out_of_range, PSM_ERR_STATE, "/patient_data/created_at",
     "/patient_data/created_at: want a time in the years 1 to 9999, found "
     "another one"},
    {end_too_many, PSM_ERR_STATE, "",
     "payload: want an end for each object and array, found one too many"},
    {end_too_few, PSM_ERR_STATE, "/updated_fields",
     "/updated_fields: want an end for each object and array, found one too "
     "few"},
    {too_deep, PSM_ERR_STATE, NULL, NULL},
    {not_json, PSM_ERR_PARSE, "/patient_data/id", NULL},
    {null_as_json, PSM_ERR_INVAL, "/patient_id",
     "/patient_id: want JSON, found NULL"},
};

/* Whatever comes behind a failure changes neither it nor anything else. */
static void
add_more(psm_payload *m)
{
	psm_payload_text(m, "another", "x");
	psm_payload_int(m, "another", 1);
	psm_payload_double(m, "another", 1.5);
	psm_payload_bool(m, "another", 1);
	psm_payload_null(m, "another");
	psm_payload_time(m, "another", INT64_MAX);
	psm_payload_json(m, "another", "}", 1);
	psm_payload_object(m, "another");
	psm_payload_array(m, "another");
	psm_payload_end(m);
	psm_payload_end(m);
}

static void
check_refused(psm_payload *m, int i)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;

	ck_assert_int_eq(psm_event_new_from(m, "test", &ev, err),
	                 refused[i].code);
	ck_assert_ptr_null(ev);
	ck_assert_int_eq(psm_error_code(err), refused[i].code);
	if (refused[i].pointer)
		ck_assert_str_eq(psm_error_pointer(err), refused[i].pointer);
	if (refused[i].message)
		ck_assert_str_eq(psm_error_message(err), refused[i].message);
	psm_error_free(err);
}

START_TEST(each_refusal)
{
	psm_payload *m = psm_payload_new("patient.updated");

	refused[_i].build(m);
	check_refused(m, _i);
}
END_TEST

START_TEST(the_first_failure_stays)
{
	psm_payload *m = psm_payload_new("patient.updated");

	unknown_name(m);
	add_more(m);
	check_refused(m, 0);
}
END_TEST

START_TEST(types_and_arguments)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	psm_payload *m = psm_payload_new("patient.vanished");

	add_more(m);
	ck_assert_int_eq(psm_event_new_from(m, "test", &ev, err),
	                 PSM_ERR_UNKNOWN_TYPE);
	ck_assert_str_eq(
	    psm_error_message(err),
	    "the catalogue has no event type \"patient.vanished\"");
	ck_assert_int_eq(
	    psm_event_new_from(psm_payload_new(NULL), "test", &ev, err),
	    PSM_ERR_INVAL);
	m = psm_payload_new("patient.updated");
	ck_assert_int_eq(psm_event_new_from(m, NULL, &ev, err), PSM_ERR_INVAL);
	m = psm_payload_new("patient.updated");
	ck_assert_int_eq(psm_event_new_from(m, "test", NULL, err),
	                 PSM_ERR_INVAL);
	add_more(NULL);
	ck_assert_int_eq(psm_event_new_from(NULL, "test", &ev, err),
	                 PSM_ERR_NOMEM);
	ck_assert_ptr_null(ev);
	m = psm_payload_new("patient.updated");
	psm_payload_int(m, "patient_id", 1);
	psm_payload_object(m, "patient_data");
	psm_payload_end(m);
	ck_assert_int_eq(psm_event_new_from(m, "", &ev, err), PSM_ERR_SCHEMA);
	psm_payload_free(psm_payload_new("patient.updated"));
	psm_payload_free(NULL);
	psm_error_free(err);
}
END_TEST

/* -- memory that runs out */

static int
build_and_free(void *arg)
{
	psm_payload *m = psm_payload_new("patient.updated");
	psm_event *ev = NULL;
	int rc;

	psm_payload_int(m, "patient_id", 1);
	psm_payload_object(m, "patient_data");
	psm_payload_json(m, arg, "1", 1);
	psm_payload_end(m);
	rc = psm_event_new_from(m, "test", &ev, NULL);
	psm_event_free(ev);
	return rc == PSM_ERR_SCHEMA ? 0 : rc;
}

START_TEST(without_memory)
{
	static char right[] = "id", wrong[] = "nmae";

	ck_assert_int_ge(testing_fail_each(build_and_free, right, 1), 4);
	ck_assert_int_ge(testing_fail_each(build_and_free, wrong, 1), 3);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("payload");
	TCase *made = tcase_create("made"), *bad = tcase_create("refused");

	tcase_add_test(made, members_in_their_order);
	tcase_add_test(made, each_kind_of_value);
	tcase_add_test(made, a_quote_makes_no_member);
	tcase_add_test(made, an_alias_gives_the_proper_name);
	tcase_add_loop_test(bad, each_refusal, 0, (int)PSM__COUNT(refused));
	tcase_add_test(bad, the_first_failure_stays);
	tcase_add_test(bad, types_and_arguments);
	tcase_add_test(bad, without_memory);
	suite_add_tcase(s, made);
	suite_add_tcase(s, bad);
	return testing_run(srunner_create(s));
}
