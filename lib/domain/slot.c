/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/slot.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MINUTES (24 * 60)

/* -- days and times */

/* Of digits, as a check before has found. */
static int
digits(const char *text, int count)
{
	int n = 0;

	for (int i = 0; i < count; i++)
		n = n * 10 + (text[i] - '0');
	return n;
}

int64_t
psm__slot_day(const char *date)
{
	if (date == NULL || !psm__is_date(date))
		return INT64_MIN;
	return psm__date_to_days(digits(date, 4), digits(date + 5, 2),
	                         digits(date + 8, 2));
}

/* 1970-01-01 was a Thursday. */
int
psm__slot_weekday(int64_t day)
{
	int64_t n = (day + 3) % 7;

	return (int)(n < 0 ? n + 7 : n);
}

int
psm__slot_minutes(const char *time)
{
	if (time == NULL || !psm__is_time(time))
		return -1;
	return digits(time, 2) * 60 + digits(time + 3, 2);
}

/* -- what people write: a part of a text, moved on */

struct text {
	const char *at, *end;
};

static void
skip_blanks(struct text *t)
{
	while (t->at < t->end && (*t->at == ' ' || *t->at == '\t'))
		t->at++;
}

/* A word that ends there, or in front of no letter. 1: it was there. */
static int
skip_word(struct text *t, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(t->end - t->at) < len || memcmp(t->at, word, len) != 0)
		return 0;
	t->at += len;
	return 1;
}

/* One or two digits; -1: there are none, or more. */
static int
read_number(struct text *t)
{
	int n = 0, count = 0;

	while (t->at < t->end && *t->at >= '0' && *t->at <= '9' && count < 3) {
		n = n * 10 + (*t->at++ - '0');
		count++;
	}
	return count == 1 || count == 2 ? n : -1;
}

/* "10:00", "10.00", "10", each also with "Uhr"; -1: it is none. */
static int
read_time(struct text *t)
{
	int hour, minute = 0;

	skip_blanks(t);
	hour = read_number(t);
	if (hour < 0)
		return -1;
	if (t->at < t->end && (*t->at == ':' || *t->at == '.')) {
		t->at++;
		minute = read_number(t);
		/* Seconds are nothing to plan a call by. */
		if (t->at < t->end && *t->at == ':') {
			t->at++;
			if (read_number(t) < 0)
				return -1;
		}
	}
	skip_blanks(t);
	if (skip_word(t, "Uhr") || skip_word(t, "uhr"))
		skip_blanks(t);
	if (minute < 0 || minute > 59 || hour > 24 || (hour == 24 && minute))
		return -1;
	return hour * 60 + minute;
}

/* A hyphen, a dash, "bis" or "to". */
static int
skip_until(struct text *t)
{
	static const char *const marks[] = {"-", "\xe2\x80\x93", "\xe2\x80\x94",
	                                    "bis", "to"};

	for (size_t i = 0; i < PSM__COUNT(marks); i++) {
		if (skip_word(t, marks[i]))
			return 1;
	}
	return 0;
}

/* -- days of the week */

static const char *const names[7][9] = {
    {"montag", "mo", "monday", "mon"},
    {"dienstag", "di", "tuesday", "tue", "tues", "tu"},
    {"mittwoch", "mi", "wednesday", "wed", "we"},
    {"donnerstag", "do", "thursday", "thu", "thur", "thurs", "th"},
    {"freitag", "fr", "friday", "fri"},
    {"samstag", "sa", "saturday", "sat", "sonnabend"},
    {"sonntag", "so", "sunday", "sun", "su"},
};

/* A German day also as "montags". */
static int
is_name(const char *name, const char *word)
{
	size_t n = strlen(name);

	if (strcmp(name, word) == 0)
		return 1;
	return n >= 6 && name[n - 1] != 'y' && strncmp(name, word, n) == 0 &&
	       strcmp(word + n, "s") == 0;
}

/* Letters without regard to case, and a dot that may follow; -1: no day. */
static int
read_weekday(struct text *t)
{
	char word[12];
	size_t len = 0;

	skip_blanks(t);
	while (t->at < t->end && len < sizeof(word) - 1) {
		char c = *t->at;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if (c < 'a' || c > 'z')
			break;
		word[len++] = c;
		t->at++;
	}
	word[len] = '\0';
	if (t->at < t->end && *t->at == '.')
		t->at++;
	skip_blanks(t);
	for (int day = 0; day < 7; day++) {
		for (size_t i = 0; i < 9 && names[day][i] != NULL; i++) {
			if (is_name(names[day][i], word))
				return day;
		}
	}
	return -1;
}

/* "Mo", "montags-freitag": 1 and from and to, else 0. */
static int
read_days(const char *key, int *from, int *to)
{
	struct text t = {key, key + strlen(key)};

	*from = *to = read_weekday(&t);
	if (*from >= 0 && t.at < t.end && skip_until(&t))
		*to = read_weekday(&t);
	return *from >= 0 && *to >= 0 && t.at == t.end;
}

/* -- windows */

static int
add(struct psm__reach *reach, int weekday, int from, int to, psm_error *err)
{
	if (psm__grow(&reach->items, &reach->cap, reach->count + 1,
	              sizeof(*reach->items)) < 0)
		return psm__nomem(err);
	reach->items[reach->count++] =
	    (struct psm__window){.weekday = weekday, .from = from, .to = to};
	return 0;
}

static int
fault(struct psm__reach *reach)
{
	reach->faults++;
	return 0;
}

static int
add_window(struct psm__reach *reach, int weekday, int from, int to,
           psm_error *err)
{
	if (from < 0 || from >= DAY_MINUTES || (to != -1 && to <= from))
		return fault(reach);
	return add(reach, weekday, from, to, err);
}

/* "10:00-12:00, 14-16 Uhr". */
static int
read_text(struct psm__reach *reach, int weekday, const char *text,
          psm_error *err)
{
	struct text t = {text, text + strlen(text)};
	int rc = 0;

	do {
		int from = read_time(&t), to = -1, is_window;

		is_window = from >= 0 && skip_until(&t);
		if (is_window)
			to = read_time(&t);
		if (from < 0 || (is_window && to < 0))
			return fault(reach);
		if (t.at < t.end && *t.at != ',' && *t.at != ';')
			return fault(reach);
		rc = add_window(reach, weekday, from, to, err);
	} while (rc == 0 && t.at < t.end && t.at++ != NULL);
	return rc;
}

static int
time_of(const psm_json *obj, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(obj, pointer));
	struct text t;
	int minutes;

	if (text == NULL)
		return -1;
	t = (struct text){text, text + strlen(text)};
	minutes = read_time(&t);
	return t.at == t.end ? minutes : -1;
}

static int
read_object(struct psm__reach *reach, int weekday, const psm_json *obj,
            psm_error *err)
{
	int from = time_of(obj, "/start"), to = time_of(obj, "/end");

	if (to < 0 && psm_json_at(obj, "/end") != NULL)
		return fault(reach);
	return add_window(reach, weekday, from, to, err);
}

static int
read_value(struct psm__reach *reach, int weekday, const psm_json *v,
           psm_error *err)
{
	int rc = 0;

	switch (psm_json_kind(v)) {
	case PSM_JSON_STRING:
		if (psm_json_string(v) == NULL)
			return fault(reach);
		return psm__text_is_blank(psm_json_string(v))
		           ? 0
		           : read_text(reach, weekday, psm_json_string(v), err);
	case PSM_JSON_OBJECT:
		return read_object(reach, weekday, v, err);
	case PSM_JSON_ARRAY:
		for (size_t i = 0; i < psm_json_count(v) && rc == 0; i++) {
			const psm_json *item = psm_json_item(v, i);

			/* A list in a list is nothing that people write. */
			rc = psm_json_kind(item) == PSM_JSON_ARRAY
			         ? fault(reach)
			         : read_value(reach, weekday, item, err);
		}
		return rc;
	case PSM_JSON_NULL:
		return 0;
	default:
		return fault(reach);
	}
}

static int
compare(const void *a, const void *b)
{
	const struct psm__window *x = a, *y = b;

	if (x->weekday != y->weekday)
		return x->weekday - y->weekday;
	return x->from != y->from ? x->from - y->from : x->to - y->to;
}

int
psm__reach_read(const psm_json *doc, struct psm__reach *out, psm_error *err)
{
	int rc = 0, from, to;

	memset(out, 0, sizeof(*out));
	if (doc == NULL || psm_json_kind(doc) == PSM_JSON_NULL)
		return 0;
	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return fault(out);
	for (size_t i = 0; i < psm_json_count(doc) && rc == 0; i++) {
		if (!read_days(psm_json_key(doc, i), &from, &to)) {
			out->faults++;
			continue;
		}
		for (int n = 0; n <= (to - from + 7) % 7 && rc == 0; n++)
			rc = read_value(out, (from + n) % 7,
			                psm_json_item(doc, i), err);
	}
	if (rc < 0)
		psm__reach_free(out);
	else if (out->count > 1)
		qsort(out->items, out->count, sizeof(*out->items), compare);
	return rc;
}

void
psm__reach_free(struct psm__reach *reach)
{
	psm__free(reach->items);
	memset(reach, 0, sizeof(*reach));
}

/* -- holidays */

static int
compare_days(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* One line without its end: 0, 1 (nothing in it) or -1. */
static int
read_line(struct text t, int64_t *day)
{
	char date[11];

	skip_blanks(&t);
	if (t.at == t.end || *t.at == '#' || *t.at == '\r')
		return 1;
	if (t.end - t.at < 10)
		return -1;
	memcpy(date, t.at, 10);
	date[10] = '\0';
	*day = psm__slot_day(date);
	t.at += 10;
	return *day == INT64_MIN || (t.at < t.end && !strchr(" \t\r#", *t.at))
	           ? -1
	           : 0;
}

int
psm__holidays_read(const char *text, size_t len, struct psm__holidays *out,
                   psm_error *err)
{
	struct text rest = {text, text + len};
	int64_t day = 0;

	memset(out, 0, sizeof(*out));
	for (int n = 1; rest.at < rest.end; n++) {
		const char *eol =
		    memchr(rest.at, '\n', (size_t)(rest.end - rest.at));
		struct text line = {rest.at, eol != NULL ? eol : rest.end};
		int rc = read_line(line, &day);

		if (rc == 0 && psm__grow(&out->days, &out->cap, out->count + 1,
		                         sizeof(*out->days)) < 0) {
			psm__holidays_free(out);
			return psm__nomem(err);
		}
		if (rc < 0) {
			psm__holidays_free(out);
			return psm__fail(err, PSM_ERR_SCHEMA,
			                 "line %d: want a date like "
			                 "2026-12-25, or a comment",
			                 n);
		}
		if (rc == 0)
			out->days[out->count++] = day;
		rest.at = eol != NULL ? eol + 1 : rest.end;
	}
	if (out->count > 1)
		qsort(out->days, out->count, sizeof(*out->days), compare_days);
	return 0;
}

void
psm__holidays_free(struct psm__holidays *h)
{
	psm__free(h->days);
	memset(h, 0, sizeof(*h));
}

int
psm__is_holiday(const struct psm__holidays *h, int64_t day)
{
	return h != NULL && h->count > 0 &&
	       bsearch(&day, h->days, h->count, sizeof(*h->days),
	               compare_days) != NULL;
}

/* -- the first free time */

struct plan {
	const struct psm__busy *busy;
	size_t count;
	const struct psm__slot_wish *wish;
};

static int
is_free(const struct plan *p, int64_t day, int from)
{
	if (day == p->wish->day && from < p->wish->earliest)
		return 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct psm__busy *b = &p->busy[i];

		if (b->day == day && from < b->to &&
		    b->from < from + p->wish->minutes)
			return 0;
	}
	return 1;
}

/* In the windows of a day; -1: none. */
static int
find_in_windows(const struct plan *p, const struct psm__reach *reach,
                int64_t day)
{
	for (size_t i = 0; i < reach->count; i++) {
		const struct psm__window *w = &reach->items[i];
		int last = w->to == -1 ? w->from : w->to - p->wish->minutes;

		if (w->weekday != psm__slot_weekday(day))
			continue;
		for (int at = w->from; at <= last; at += PSM__SLOT_GRID) {
			if (is_free(p, day, at))
				return at;
		}
	}
	return -1;
}

static int
find_in_times(const struct plan *p, int64_t day)
{
	for (size_t i = 0; i < p->wish->time_count; i++) {
		if (is_free(p, day, p->wish->times[i]))
			return p->wish->times[i];
	}
	return -1;
}

/* Hours on days that count. */
static int
has_windows(const struct psm__reach *reach, const struct psm__slot_wish *wish)
{
	for (size_t i = 0; i < reach->count; i++) {
		if (!wish->weekdays || reach->items[i].weekday < 5)
			return 1;
	}
	return 0;
}

int
psm__slot_find(const struct psm__reach *reach, const struct psm__busy *busy,
               size_t busy_count, const struct psm__slot_wish *wish,
               struct psm__slot *out)
{
	struct plan p = {busy, busy_count, wish};
	int has_hours = has_windows(reach, wish);

	for (int64_t day = wish->day; day < wish->day + PSM__SLOT_DAYS; day++) {
		int is_working = psm__slot_weekday(day) < 5, at = -1;

		if (psm__is_holiday(wish->holidays, day) ||
		    (wish->weekdays && !is_working))
			continue;
		if (has_hours)
			at = find_in_windows(&p, reach, day);
		else if (is_working)
			at = find_in_times(&p, day);
		if (at >= 0) {
			*out = (struct psm__slot){day, at};
			return 1;
		}
	}
	return 0;
}
