/* SPDX-License-Identifier: BSD-2-Clause */
/* The shapes of objects and arrays: times of the week, distances, exclusions.
 */
#include "entity/shape.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

/* Where a fault is: "/<key>", then "/<index>" unless that is NOWHERE, then
 * "/<member>"; NULL leaves a step out. Written only when there is one. */
struct shape {
	psm__shape_fn *tell;
	void *user;
	const char *key;
	size_t index;
	const char *member;
};
#define NOWHERE SIZE_MAX

static void
fault(const struct shape *s, const psm_json *v, const char *wanted,
      const char *found)
{
	char below[80] = "", what[160];
	size_t n = 0;

	if (s->key != NULL)
		n = (size_t)snprintf(below, sizeof(below), "/%s", s->key);
	if (s->index != NOWHERE)
		n += (size_t)snprintf(below + n, sizeof(below) - n, "/%zu",
		                      s->index);
	if (s->member != NULL)
		(void)snprintf(below + n, sizeof(below) - n, "/%s", s->member);
	(void)snprintf(what, sizeof(what), "want %s, found %s", wanted, found);
	s->tell(s->user, below, v, what);
}

static const char *
kind_of(const psm_json *v)
{
	return psm_json_kind_name(psm_json_kind(v));
}

/* Absent and null are the same: nothing is said. */
static int
is_absent(const psm_json *v)
{
	return v == NULL || psm_json_kind(v) == PSM_JSON_NULL;
}

/* -- times of the week */

/* Mails understand the English names, too. */
const char *const psm__shape_days[] = {
    "montag",   "dienstag", "mittwoch", "donnerstag", "freitag",
    "samstag",  "sonntag",  "monday",   "tuesday",    "wednesday",
    "thursday", "friday",   "saturday", "sunday",     NULL};

static int
is_day(const char *key)
{
	for (size_t i = 0; psm__shape_days[i] != NULL; i++) {
		if (strcmp(psm__shape_days[i], key) == 0)
			return 1;
	}
	return 0;
}

static int
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Minutes since midnight of "HH:MM", to 24:00; -1: it is none. */
static int
minutes_of(const char *text)
{
	int hour, minute;

	if (!is_digit(text[0]) || !is_digit(text[1]) || text[2] != ':' ||
	    !is_digit(text[3]) || !is_digit(text[4]))
		return -1;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	if (minute > 59 || hour * 60 + minute > 24 * 60)
		return -1;
	return hour * 60 + minute;
}

/* A blank slot is one that nobody filled in. */
static void
check_slot(const struct shape *s, const psm_json *v)
{
	static const char wanted[] = "a time HH:MM-HH:MM";
	const char *text = psm_json_string(v);
	int from, to;

	if (text == NULL) {
		fault(s, v, wanted, kind_of(v));
		return;
	}
	if (psm__text_is_blank(text))
		return;
	from = strlen(text) == 11 && text[5] == '-' ? minutes_of(text) : -1;
	to = from >= 0 ? minutes_of(text + 6) : -1;
	if (to < 0)
		fault(s, v, wanted, "another text");
	else if (to <= from)
		fault(s, v, "a start before the end", "a later one");
}

/* The key is the caller's own; one that is no day is not repeated. */
static void
check_day(struct shape *s, const char *key, const psm_json *v)
{
	s->key = is_day(key) ? key : NULL;
	s->index = NOWHERE;
	if (s->key == NULL) {
		fault(s, v, "days of the week (montag to sonntag)",
		      "another name");
		return;
	}
	if (is_absent(v))
		return;
	if (psm_json_kind(v) != PSM_JSON_ARRAY) {
		fault(s, v, "array", kind_of(v));
		return;
	}
	for (size_t i = 0; i < psm_json_count(v); i++) {
		s->index = i;
		check_slot(s, psm_json_item(v, i));
	}
}

static void
check_week(struct shape *s, const psm_json *v)
{
	for (size_t i = 0; i < psm_json_count(v); i++)
		check_day(s, psm_json_key(v, i), psm_json_item(v, i));
}

/* -- distances */

static void
check_distance(struct shape *s, const psm_json *v)
{
	static const char wanted[] = "a number from 0";
	const psm_json *km = psm_json_at(v, "/max_km");
	double number;

	s->key = "max_km";
	if (is_absent(km))
		return;
	if (psm_json_kind(km) != PSM_JSON_NUMBER)
		fault(s, km, wanted, kind_of(km));
	else if (psm_json_get_double(km, &number, NULL) < 0 || number < 0)
		fault(s, km, wanted, "another number");
}

/* -- exclusions */

static const char *
id_found(const psm_json *v)
{
	if (v == NULL)
		return "nothing";
	return psm_json_kind(v) == PSM_JSON_NUMBER ? "another number"
	                                           : kind_of(v);
}

static void
check_id(const struct shape *s, const psm_json *v)
{
	int64_t id;

	if (psm_json_get_int(v, &id, NULL) < 0 || id < 1 || id > INT32_MAX)
		fault(s, v, "the number of a therapist", id_found(v));
}

static void
check_text(struct shape *s, const char *member, const psm_json *v)
{
	s->member = member;
	if (!is_absent(v) && psm_json_string(v) == NULL)
		fault(s, v, "text", kind_of(v));
}

static void
check_exclusion(struct shape *s, const psm_json *item)
{
	s->member = NULL;
	if (psm_json_kind(item) != PSM_JSON_OBJECT) {
		check_id(s, item);
		return;
	}
	s->member = "id";
	check_id(s, psm_json_at(item, "/id"));
	check_text(s, "excluded_at", psm_json_at(item, "/excluded_at"));
	check_text(s, "reason", psm_json_at(item, "/reason"));
}

static void
check_exclusions(struct shape *s, const psm_json *v)
{
	for (size_t i = 0; i < psm_json_count(v); i++) {
		s->index = i;
		check_exclusion(s, psm_json_item(v, i));
	}
}

void
psm__shape_check(enum psm__form form, const psm_json *v, psm__shape_fn *tell,
                 void *user)
{
	struct shape s = {tell, user, NULL, NOWHERE, NULL};

	switch (form) {
	case PSM__FORM_WEEK:
		check_week(&s, v);
		break;
	case PSM__FORM_DISTANCE:
		check_distance(&s, v);
		break;
	case PSM__FORM_EXCLUSIONS:
		check_exclusions(&s, v);
		break;
	case PSM__FORM_FREE:
	case PSM__FORM_LINE:
	case PSM__FORM_NAME:
	case PSM__FORM_MAIL:
	case PSM__FORM_PAGE:
	case PSM__FORM_POSTCODE:
		break;
	}
}
