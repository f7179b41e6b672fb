/* SPDX-License-Identifier: BSD-2-Clause */
/* Every row of the catalogue, every field of every payload. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "event/catalogue_int.h"
#include "testing.h"

/*
 * Writes a payload that follows the catalogue, with one exception: at target, a
 * JSON pointer, it does what damage says.
 */
enum damage { NONE, LEFT_OUT, WRONG, IS_NULL, SURPLUS, ONLY_REQUIRED };

struct gen {
	struct psm__buf text;
	char path[256];
	const char *target;
	enum damage damage;
};

/* Stands in wrong places of payloads; no error may repeat it. */
#define INTRUDER "Geheimnis"

static void put_object(struct gen *g, const psm_catalogue_field_info *fields);

static void
put_right(struct gen *g, const psm_catalogue_field_info *f, int type)
{
	switch (type) {
	case PSM__F_integer:
		psm__buf_puts(&g->text, "7");
		break;
	case PSM__F_number:
		psm__buf_puts(&g->text, "7.25");
		break;
	case PSM__F_boolean:
		psm__buf_puts(&g->text, "true");
		break;
	case PSM__F_date:
		psm__buf_puts(&g->text, "\"2024-02-29\"");
		break;
	case PSM__F_time:
		psm__buf_puts(&g->text, "\"09:30:00\"");
		break;
	case PSM__F_datetime:
		psm__buf_puts(&g->text, "\"2024-02-29T09:30:00Z\"");
		break;
	case PSM__F_array:
		psm__buf_puts(&g->text, "[");
		put_right(g, f, f->item_type);
		psm__buf_puts(&g->text, "]");
		break;
	case PSM__F_object:
		if (f->fields)
			put_object(g, f->fields);
		else
			psm__buf_puts(&g->text, "{}");
		break;
	default:
		psm__buf_printf(&g->text, "\"%s\"",
		                f->words ? f->words[0] : "x");
	}
}

/* A value of another kind; for texts with a form or a list, another text. */
static void
put_wrong(struct gen *g, const psm_catalogue_field_info *f)
{
	if (f->type == PSM__F_string && !f->words)
		psm__buf_puts(&g->text, "[\"" INTRUDER "\"]");
	else if (f->type == PSM__F_array && f->item_type != PSM__F_any &&
	         !f->words)
		psm__buf_puts(&g->text, "[{\"" INTRUDER "\":1}]");
	else if (f->type == PSM__F_array && f->words)
		psm__buf_puts(&g->text, "[\"" INTRUDER "\"]");
	else
		psm__buf_puts(&g->text, "\"" INTRUDER "\"");
}

static void
put_value(struct gen *g, const psm_catalogue_field_info *f)
{
	int hit = g->target && strcmp(g->target, g->path) == 0;

	if (hit && g->damage == WRONG)
		put_wrong(g, f);
	else if (hit && g->damage == IS_NULL)
		psm__buf_puts(&g->text, "null");
	else
		put_right(g, f, f->type);
}

static int
is_left_out(const struct gen *g, const psm_catalogue_field_info *f)
{
	if (g->damage == ONLY_REQUIRED)
		return !f->required;
	return g->damage == LEFT_OUT && g->target &&
	       strcmp(g->target, g->path) == 0;
}

static void
put_object(struct gen *g, const psm_catalogue_field_info *fields)
{
	size_t up = strlen(g->path);
	const psm_catalogue_field_info *f;
	const char *comma = "";

	psm__buf_puts(&g->text, "{");
	if (g->damage == SURPLUS && strcmp(g->target, g->path) == 0) {
		psm__buf_puts(&g->text, "\"not_in_the_table\":[1]");
		comma = ",";
	}
	for (f = fields; f->name; f++) {
		snprintf(g->path + up, sizeof g->path - up, "/%s", f->name);
		if (!is_left_out(g, f)) {
			psm__buf_printf(&g->text, "%s\"%s\":", comma, f->name);
			put_value(g, f);
			comma = ",";
		}
		g->path[up] = '\0';
	}
	psm__buf_puts(&g->text, "}");
}

/* Check the payload of t with this damage; the text is new, NULL to ignore. */
static int
check_damaged(const psm_event_type_info *t, const char *target,
              enum damage damage, psm_error *err)
{
	struct gen g = {.target = target, .damage = damage};
	psm_json *doc = NULL;
	int rc;

	put_object(&g, t->fields);
	ck_assert_int_eq(g.text.failed, 0);
	rc = psm_json_parse(g.text.data, g.text.len, &doc, NULL);
	ck_assert_msg(rc == 0, "%s: the test made %s", t->name, g.text.data);
	rc = psm_catalogue_check(t->name, doc, err);
	psm_json_free(doc);
	psm__buf_free(&g.text);
	return rc;
}

typedef void (*visit_fn)(const psm_event_type_info *t, const char *pointer,
                         const psm_catalogue_field_info *f, psm_error *err);

static void
visit_fields(const psm_event_type_info *t, const char *up,
             const psm_catalogue_field_info *fields, visit_fn visit,
             psm_error *err)
{
	const psm_catalogue_field_info *f;
	char pointer[256];

	for (f = fields; f->name; f++) {
		snprintf(pointer, sizeof pointer, "%s/%s", up, f->name);
		visit(t, pointer, f, err);
		if (f->fields && f->type == PSM__F_object)
			visit_fields(t, pointer, f->fields, visit, err);
	}
}

static void
visit_all(int i, visit_fn visit)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)i);
	psm_error *err = psm_error_new();

	ck_assert_ptr_nonnull(err);
	visit_fields(t, "", t->fields, visit, err);
	psm_error_free(err);
}

static int
is_service(const char *name)
{
	static const char *const services[] = {
	    "patient-service", "therapist-service", "matching-service",
	    "communication-service", "geocoding-service"};
	size_t i;

	for (i = 0; i < PSM__COUNT(services); i++)
		if (strcmp(services[i], name) == 0)
			return 1;
	return 0;
}

static int
consumes(const psm_event_type_info *t, const char *service)
{
	const char *name;
	size_t i;

	for (i = 0; (name = psm_catalogue_type_consumer_at(t, i)) != NULL; i++)
		if (strcmp(name, service) == 0)
			return 1;
	return 0;
}

START_TEST(row_is_whole)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)_i);
	unsigned major, minor;
	const char *name;
	size_t i;

	ck_assert_msg(psm__is_type_name(psm_catalogue_type_name(t)), "%s",
	              t->name);
	ck_assert_int_eq(
	    psm__version_read(psm_catalogue_type_version(t), &major, &minor),
	    1);
	ck_assert_uint_eq(major, 1);
	ck_assert_int_ge(psm_catalogue_partitions(psm_catalogue_type_topic(t)),
	                 1);
	name = psm_catalogue_type_meaning(t);
	ck_assert_ptr_nonnull(name);
	ck_assert_int_eq(name[strlen(name) - 1], '.');
	for (i = 0; (name = psm_catalogue_type_producer_at(t, i)) != NULL; i++)
		ck_assert_msg(is_service(name), "%s: %s", t->name, name);
	for (i = 0; (name = psm_catalogue_type_consumer_at(t, i)) != NULL; i++)
		ck_assert_msg(is_service(name), "%s: %s", t->name, name);
	for (i = 0; (name = psm_catalogue_type_planned_at(t, i)) != NULL; i++)
		ck_assert_msg(consumes(t, name), "%s: %s", t->name, name);
	/* A note is there exactly where there is something to explain. */
	ck_assert_msg(!psm_catalogue_type_note(t) ==
	                  (psm_catalogue_type_producer_at(t, 0) &&
	                   psm_catalogue_type_consumer_at(t, 0)),
	              "%s", t->name);
	ck_assert_ptr_null(psm_catalogue_type_producer_at(t, 99));
	ck_assert_ptr_null(psm_catalogue_type_field_at(t, 99));
}
END_TEST

START_TEST(key_is_a_field)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)_i);
	const char *key = psm_catalogue_type_key_field(t),
		   *other = psm_catalogue_type_key_other(t);
	const psm_catalogue_field_info *f, *found = NULL, *found_other = NULL;
	size_t i;

	for (i = 0; (f = psm_catalogue_type_field_at(t, i)) != NULL; i++) {
		if (strcmp(psm_catalogue_field_name(f), key) == 0)
			found = f;
		if (other && strcmp(psm_catalogue_field_name(f), other) == 0)
			found_other = f;
	}
	ck_assert_msg(found != NULL, "%s", t->name);
	ck_assert_int_eq(psm_catalogue_field_required(found), other == NULL);
	ck_assert_int_eq(psm_catalogue_field_personal(found), 0);
	ck_assert_int_eq(other != NULL, found_other != NULL);
}
END_TEST

START_TEST(names_are_unique)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)_i);
	const char *alias;
	size_t i;

	ck_assert_ptr_eq(psm_catalogue_find(psm_catalogue_type_name(t)), t);
	for (i = 0; (alias = psm_catalogue_type_alias_at(t, i)) != NULL; i++) {
		ck_assert_msg(psm__is_type_name(alias), "%s", alias);
		ck_assert_ptr_eq(psm_catalogue_find(alias), t);
		ck_assert_str_ne(alias, psm_catalogue_type_name(t));
	}
}
END_TEST

static void
field_is_sound(const psm_event_type_info *t, const char *pointer,
               const psm_catalogue_field_info *f, psm_error *err)
{
	const psm_catalogue_field_info *other;
	const char *name;
	size_t i, n;

	(void)t;
	(void)err;
	for (other = f + 1; other->name; other++)
		ck_assert_msg(strcmp(other->name, f->name) != 0, "%s", pointer);
	/* The check keeps one bit of a uint64_t for each field. */
	for (n = 1, other = f; other->name; other++)
		n++;
	ck_assert_uint_le(n, 64);
	for (i = 0; (name = psm_catalogue_field_word_at(f, i)) != NULL; i++)
		for (n = 0; n < i; n++)
			ck_assert_str_ne(name,
			                 psm_catalogue_field_word_at(f, n));
	if (f->words)
		ck_assert_msg(f->type == PSM__F_string ||
		                  f->item_type == PSM__F_string,
		              "%s", pointer);
	ck_assert_msg(f->required || f->nullable, "%s", pointer);
	ck_assert_int_eq(psm_catalogue_field_item_type(f) != NULL,
	                 f->type == PSM__F_array);
}

START_TEST(fields_are_sound)
{
	visit_all(_i, field_is_sound);
}
END_TEST

START_TEST(right_payload_passes)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)_i);

	ck_assert_int_eq(check_damaged(t, NULL, NONE, NULL), 0);
	ck_assert_int_eq(check_damaged(t, NULL, ONLY_REQUIRED, NULL),
	                 psm_catalogue_type_key_other(t) ? PSM_ERR_SCHEMA : 0);
}
END_TEST

/* What the error says of one damage. */
static void
refused_at(int rc, const psm_error *err, const psm_event_type_info *t,
           const char *pointer)
{
	const char *message = psm_error_message(err);

	ck_assert_msg(rc == PSM_ERR_SCHEMA, "%s %s: %d", t->name, pointer, rc);
	ck_assert_str_eq(psm_error_pointer(err), pointer);
	ck_assert_msg(strncmp(message, pointer, strlen(pointer)) == 0, "%s",
	              message);
	ck_assert_ptr_nonnull(strstr(message, "want "));
	ck_assert_ptr_nonnull(strstr(message, "found "));
	ck_assert_msg(!strstr(message, INTRUDER), "%s", message);
	ck_assert_uint_eq(psm_error_line(err), 1);
	ck_assert_uint_ge(psm_error_column(err), 1);
}

static void
leave_out(const psm_event_type_info *t, const char *pointer,
          const psm_catalogue_field_info *f, psm_error *err)
{
	int rc = check_damaged(t, pointer, LEFT_OUT, err);

	if (f->required)
		refused_at(rc, err, t, pointer);
	else
		ck_assert_msg(rc == 0, "%s %s", t->name, pointer);
}

START_TEST(required_field_missing)
{
	visit_all(_i, leave_out);
}
END_TEST

static void
make_null(const psm_event_type_info *t, const char *pointer,
          const psm_catalogue_field_info *f, psm_error *err)
{
	int rc = check_damaged(t, pointer, IS_NULL, err);

	if (f->nullable)
		ck_assert_msg(rc == 0, "%s %s", t->name, pointer);
	else
		refused_at(rc, err, t, pointer);
}

START_TEST(null_only_where_allowed)
{
	visit_all(_i, make_null);
}
END_TEST

static void
make_wrong(const psm_event_type_info *t, const char *pointer,
           const psm_catalogue_field_info *f, psm_error *err)
{
	char item[300];
	int rc = check_damaged(t, pointer, WRONG, err);

	if (f->type == PSM__F_any) {
		ck_assert_int_eq(rc, 0);
		return;
	}
	snprintf(item, sizeof item, "%s/0", pointer);
	refused_at(rc, err, t,
	           f->type == PSM__F_array && f->item_type != PSM__F_any
	               ? item
	               : pointer);
}

START_TEST(wrong_type_refused)
{
	visit_all(_i, make_wrong);
}
END_TEST

static void
add_surplus(const psm_event_type_info *t, const char *pointer,
            const psm_catalogue_field_info *f, psm_error *err)
{
	(void)f;
	ck_assert_int_eq(check_damaged(t, pointer, SURPLUS, err), 0);
}

START_TEST(unknown_fields_ignored)
{
	const psm_event_type_info *t = psm_catalogue_at((size_t)_i);

	ck_assert_int_eq(check_damaged(t, "", SURPLUS, NULL), 0);
	visit_all(_i, add_surplus);
}
END_TEST

static int
check_text(const char *type, const char *payload, psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	ck_assert_int_eq(psm_json_parse(payload, strlen(payload), &doc, err),
	                 0);
	rc = psm_catalogue_check(type, doc, err);
	psm_json_free(doc);
	return rc;
}

static const struct one_check {
	const char *type, *payload;
	int rc;
	const char *message;
} checks[] = {
    {"communication.send_email", "{\"email_id\": 0}", PSM_ERR_SCHEMA,
     "/email_id: want an id from 1 on, found a lower number"},
    {"communication.send_email", "{\"email_id\": -3}", PSM_ERR_SCHEMA,
     "/email_id: want an id from 1 on, found a lower number"},
    {"communication.send_email", "{\"email_id\": 1.5}", PSM_ERR_SCHEMA,
     "/email_id: want integer, found another number"},
    {"communication.send_email", "{\"email_id\": 9223372036854775808}",
     PSM_ERR_SCHEMA, "/email_id: want integer, found another number"},
    {"communication.send_email", "{\"email_id\": 9223372036854775807}", 0, ""},
    {"communication.send_email", "[7]", PSM_ERR_SCHEMA,
     "payload: want object, found array"},
    {"communication.schedule_call", "{\"patient_id\": 7}", 0, ""},
    {"communication.schedule_call", "{\"therapist_id\": 7}", 0, ""},
    {"communication.schedule_call",
     "{\"therapist_id\": null, \"patient_id\": 7}", 0, ""},
    {"communication.schedule_call",
     "{\"therapist_id\": null, \"patient_id\": 0}", PSM_ERR_SCHEMA,
     "/patient_id: want an id from 1 on, found a lower number"},
    {"communication.schedule_call", "{\"therapist_id\": null}", PSM_ERR_SCHEMA,
     "/therapist_id: want this id or the other one, found nothing"},
    {"scraping.run", "{\"request_id\": \"\"}", PSM_ERR_SCHEMA,
     "/request_id: want 1 to 200 characters, found another length"},
    {"scraping.run", "{\"request_id\": [1]}", PSM_ERR_SCHEMA,
     "/request_id: want integer or string, found array"},
    {"scraping.run", "{\"request_id\": \"abc\"}", 0, ""},
    {"scraping.run", "{\"request_id\": 12}", 0, ""},
    {"patient.deleted", "{\"patient_id\": 7, \"id\": 7}", 0, ""},
    {"patient.deleted", "{\"patient_id\": 7, \"additional_data\": {\"id\": 7}}",
     0, ""},
    {"patient.deleted", "{\"patient_id\": 7, \"additional_data\": {}}",
     PSM_ERR_SCHEMA, "/additional_data/id: want integer, found nothing"},
    {"cooling.period_started",
     "{\"therapist_id\": 7, \"next_contactable_date\": \"2026-02-29\", "
     "\"reason\": \"manual\"}",
     PSM_ERR_SCHEMA,
     "/next_contactable_date: want a date YYYY-MM-DD, found another text"},
    {"search.status_changed",
     "{\"search_id\": 1, \"patient_id\": 2, \"old_status\": null, "
     "\"new_status\": \"Aktiv\"}",
     PSM_ERR_SCHEMA,
     "/new_status: want one of aktiv, erfolgreich, pausiert, abgebrochen, "
     "found another text"},
    {"therapeutenanfrage.created",
     "{\"anfrage_id\": 1, \"therapist_id\": 2, \"patient_ids\": [3, \"4\"], "
     "\"anfrage_size\": 2}",
     PSM_ERR_SCHEMA, "/patient_ids/1: want integer, found string"},
    {"communication.email_sent", "{\"email_id\": 1, \"email_data\": {}}", 0,
     ""},
    {"patient.create", "{}", PSM_ERR_UNKNOWN_TYPE,
     "the catalogue has no event type \"patient.create\""},
    {"not a type", "{}", PSM_ERR_UNKNOWN_TYPE,
     "the catalogue has no event type \"(not a type's name)\""},
};

START_TEST(check_says_why)
{
	const struct one_check *c = &checks[_i];
	psm_error *err = psm_error_new();

	ck_assert_int_eq(check_text(c->type, c->payload, err), c->rc);
	ck_assert_int_eq(psm_error_code(err), c->rc);
	ck_assert_str_eq(psm_error_message(err), c->message);
	psm_error_free(err);
}
END_TEST

/* Members in any order, the same result. */
START_TEST(order_of_members_does_not_matter)
{
	psm_error *err = psm_error_new();

	ck_assert_int_eq(
	    check_text("therapist.blocked",
	               "{\"reason\": \"x\", \"therapist_data\": {\"plz\": "
	               "\"52062\", \"status\": \"gesperrt\", \"id\": 7}, "
	               "\"therapist_id\": 7}",
	               err),
	    0);
	ck_assert_int_eq(
	    check_text("therapist.blocked",
	               "{\"therapist_data\": {\"status\": \"gesperrt\", "
	               "\"anrede\": 1, \"id\": 7},\n \"therapist_id\": 7}",
	               err),
	    PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/therapist_data/anrede");
	psm_error_free(err);
}
END_TEST

START_TEST(a_datetime_is_checked)
{
	static const psm_catalogue_field_info fields[] = {
	    {.name = "at", .type = PSM__F_datetime, .required = 1},
	    {.name = NULL}};
	static const struct {
		const char *text;
		int rc;
	} cases[] = {{"{\"at\": \"2026-01-31T09:00:00.000001Z\"}", 0},
	             {"{\"at\": \"2026-01-31T09:00:00\"}", 0},
	             {"{\"at\": \"2026-01-31T09:00:00+01:00\"}", 0},
	             {"{\"at\": \"2026-02-30T09:00:00Z\"}", PSM_ERR_SCHEMA},
	             {"{\"at\": \"2026-01-31\"}", PSM_ERR_SCHEMA},
	             {"{\"at\": 7}", PSM_ERR_SCHEMA}};
	psm_json *doc = NULL;
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		ck_assert_int_eq(psm_json_parse(cases[i].text,
		                                strlen(cases[i].text), &doc,
		                                NULL),
		                 0);
		ck_assert_int_eq(psm__fields_check(fields, doc, "", NULL),
		                 cases[i].rc);
		psm_json_free(doc);
	}
}
END_TEST

START_TEST(arguments_are_checked)
{
	psm_error *err = psm_error_new();
	psm_json *doc = NULL;

	ck_assert_int_eq(psm_json_parse("{}", 2, &doc, NULL), 0);
	ck_assert_int_eq(psm_catalogue_check(NULL, doc, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_catalogue_check("scraping.run", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_catalogue_find(NULL));
	ck_assert_ptr_null(psm_catalogue_find("patient"));
	ck_assert_ptr_null(psm_catalogue_at(psm_catalogue_count()));
	ck_assert_int_eq(psm_catalogue_partitions(NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_catalogue_partitions("x"), PSM_ERR_NOT_FOUND);
	ck_assert_ptr_null(psm_catalogue_type_name(NULL));
	ck_assert_ptr_null(psm_catalogue_type_alias_at(NULL, 0));
	ck_assert_ptr_null(psm_catalogue_field_name(NULL));
	ck_assert_ptr_null(psm_catalogue_field_item_type(NULL));
	psm_json_free(doc);
	psm_error_free(err);
}
END_TEST

/* The topics are exactly those that the rows name, without one twice. */
START_TEST(topics_are_those_of_the_rows)
{
	const char *topic;
	size_t n, i, used;

	for (n = 0; (topic = psm_catalogue_topic_at(n)) != NULL; n++) {
		for (i = 0; i < n; i++)
			ck_assert_str_ne(psm_catalogue_topic_at(i), topic);
		for (i = used = 0; i < psm_catalogue_count(); i++)
			used += strcmp(psm_catalogue_type_topic(
					   psm_catalogue_at(i)),
			               topic) == 0;
		ck_assert_uint_ge(used, 1);
	}
	ck_assert_uint_ge(n, 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("catalogue");
	TCase *rows = tcase_create("rows");
	TCase *payloads = tcase_create("payloads");
	int count = (int)psm_catalogue_count();

	tcase_set_timeout(payloads, 60);
	tcase_add_loop_test(rows, row_is_whole, 0, count);
	tcase_add_loop_test(rows, key_is_a_field, 0, count);
	tcase_add_loop_test(rows, names_are_unique, 0, count);
	tcase_add_loop_test(rows, fields_are_sound, 0, count);
	tcase_add_test(rows, topics_are_those_of_the_rows);
	tcase_add_loop_test(payloads, right_payload_passes, 0, count);
	tcase_add_loop_test(payloads, required_field_missing, 0, count);
	tcase_add_loop_test(payloads, null_only_where_allowed, 0, count);
	tcase_add_loop_test(payloads, wrong_type_refused, 0, count);
	tcase_add_loop_test(payloads, unknown_fields_ignored, 0, count);
	tcase_add_loop_test(payloads, check_says_why, 0,
	                    (int)PSM__COUNT(checks));
	tcase_add_test(payloads, order_of_members_does_not_matter);
	tcase_add_test(payloads, a_datetime_is_checked);
	tcase_add_test(payloads, arguments_are_checked);
	suite_add_tcase(s, rows);
	suite_add_tcase(s, payloads);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
