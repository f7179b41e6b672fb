/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of templates as a German reader wants them. */
#include "service/mailer_int.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static int
is_null(const psm_json *v)
{
	return !v || psm_json_kind(v) == PSM_JSON_NULL;
}

static const char *
text_of(const psm_json *object, const char *pointer)
{
	const char *text = psm_json_string(psm_json_at(object, pointer));

	return text ? text : "";
}

/* -- plain */

static enum svc_filter_result
put_scalar(struct psm__buf *b, const psm_json *v)
{
	const char *raw;
	size_t len;
	int flag;

	switch (v ? psm_json_kind(v) : PSM_JSON_NULL) {
	case PSM_JSON_NULL:
		return SVC_FILTERED;
	case PSM_JSON_STRING:
		psm__buf_puts(b, psm_json_string(v));
		return SVC_FILTERED;
	case PSM_JSON_NUMBER:
		raw = psm_json_text(v, &len);
		psm__buf_put(b, raw, len);
		return SVC_FILTERED;
	case PSM_JSON_BOOL:
		if (psm_json_get_bool(v, &flag, NULL) < 0)
			return SVC_WRONG_KIND;
		psm__buf_puts(b, flag ? "ja" : "nein");
		return SVC_FILTERED;
	default:
		return SVC_WRONG_KIND;
	}
}

/* "a, b und c"; what is null in it is left out. */
static enum svc_filter_result
put_plain(struct psm__buf *b, const psm_json *v)
{
	size_t count = psm_json_count(v), left = 0;

	if (!v || psm_json_kind(v) != PSM_JSON_ARRAY)
		return put_scalar(b, v);
	for (size_t i = 0; i < count; i++)
		left += !is_null(psm_json_item(v, i));
	for (size_t i = 0, n = 0; i < count; i++) {
		const psm_json *item = psm_json_item(v, i);

		if (is_null(item))
			continue;
		if (n++ > 0)
			psm__buf_puts(b, n == left ? " und " : ", ");
		if (put_scalar(b, item) != SVC_FILTERED)
			return SVC_WRONG_KIND;
	}
	return SVC_FILTERED;
}

/* -- "keine_Angabe" as people write it */

static enum svc_filter_result
put_words(struct psm__buf *b, const psm_json *v)
{
	struct psm__buf plain = {0};
	enum svc_filter_result r = put_plain(&plain, v);

	for (size_t i = 0; i < plain.len; i++)
		if (plain.data[i] == '_')
			plain.data[i] = ' ';
	if (plain.failed)
		b->failed = 1;
	else
		psm__buf_put(b, plain.data, plain.len);
	psm__buf_free(&plain);
	return r;
}

/* -- "2025-07-03" as "03. Juli 2025"; what is no date stays as it is */

static enum svc_filter_result
put_date(struct psm__buf *b, const psm_json *v)
{
	static const char *const months[] = {"Januar",  "Februar",  "März",
	                                     "April",   "Mai",      "Juni",
	                                     "Juli",    "August",   "September",
	                                     "Oktober", "November", "Dezember"};
	const char *text = psm_json_string(v);
	unsigned year, month, day;
	char behind;
	int n;

	if (!text)
		return put_scalar(b, v);
	n = sscanf(text, "%4u-%2u-%2u%c", &year, &month, &day, &behind);
	if ((n == 3 || (n == 4 && (behind == 'T' || behind == ' '))) &&
	    strspn(text, "0123456789") == 4 && month >= 1 && month <= 12 &&
	    day >= 1 && day <= 31)
		psm__buf_printf(b, "%02u. %s %u", day, months[month - 1], year);
	else
		psm__buf_puts(b, text);
	return SVC_FILTERED;
}

/* -- {"anrede", "titel", "nachname"} as the first words of a letter */

static enum svc_filter_result
put_salutation(struct psm__buf *b, const psm_json *v)
{
	const char *anrede = text_of(v, "/anrede");
	const char *titel = text_of(v, "/titel");
	const char *nachname = text_of(v, "/nachname");

	if (!v || psm_json_kind(v) != PSM_JSON_OBJECT)
		return SVC_WRONG_KIND;
	if (!nachname[0]) {
		psm__buf_puts(b, "Sehr geehrte Damen und Herren");
		return SVC_FILTERED;
	}
	if (strcmp(text_of(v, "/geschlecht"), "divers") == 0)
		psm__buf_puts(b, "Guten Tag");
	else if (strcmp(anrede, "Frau") == 0)
		psm__buf_puts(b, "Sehr geehrte Frau");
	else if (strcmp(anrede, "Herr") == 0)
		psm__buf_puts(b, "Sehr geehrter Herr");
	else
		psm__buf_puts(b, "Guten Tag");
	if (titel[0])
		psm__buf_printf(b, " %s", titel);
	psm__buf_printf(b, " %s", nachname);
	return SVC_FILTERED;
}

/* -- {"montag": ["09:00-12:00"]} as "Montag: 09:00 - 12:00 Uhr" */

static const struct {
	const char *german, *key, *english, *abbreviation;
} days[] = {
    {"Montag", "montag", "monday", "mo"},
    {"Dienstag", "dienstag", "tuesday", "di"},
    {"Mittwoch", "mittwoch", "wednesday", "mi"},
    {"Donnerstag", "donnerstag", "thursday", "do"},
    {"Freitag", "freitag", "friday", "fr"},
    {"Samstag", "samstag", "saturday", "sa"},
    {"Sonntag", "sonntag", "sunday", "so"},
};

static const psm_json *
windows_of(const psm_json *v, size_t day)
{
	for (size_t i = 0; i < psm_json_count(v); i++) {
		const char *key = psm_json_key(v, i);

		if (key && (strcasecmp(key, days[day].key) == 0 ||
		            strcasecmp(key, days[day].english) == 0 ||
		            strcasecmp(key, days[day].abbreviation) == 0))
			return psm_json_item(v, i);
	}
	return NULL;
}

/* "9:00 - 12:30" or {"start": "09:00", "end": "12:30"}; 0: neither. */
static int
put_window(struct psm__buf *b, const psm_json *w)
{
	const char *text = psm_json_string(w);
	unsigned from[2], to[2];
	char line[64];
	size_t n = 0;

	if (text) {
		for (; *text && n + 1 < sizeof line; text++)
			if (*text != ' ')
				line[n++] = *text;
		line[n] = '\0';
	} else {
		(void)snprintf(line, sizeof line, "%.5s-%.5s",
		               text_of(w, "/start"), text_of(w, "/end"));
	}
	if (sscanf(line, "%2u:%2u-%2u:%2u", &from[0], &from[1], &to[0],
	           &to[1]) != 4)
		return 0;
	psm__buf_printf(b, "%02u:%02u - %02u:%02u Uhr", from[0], from[1], to[0],
	                to[1]);
	return 1;
}

/* The first window of each day is enough to tell whom it could suit. */
static enum svc_filter_result
put_availability(struct psm__buf *b, const psm_json *v)
{
	int lines = 0;

	if (!is_null(v) && psm_json_kind(v) != PSM_JSON_OBJECT)
		return put_scalar(b, v);
	for (size_t day = 0; day < PSM__COUNT(days); day++) {
		const psm_json *w = windows_of(v, day);
		struct psm__buf window = {0};

		if (w && psm_json_kind(w) == PSM_JSON_ARRAY)
			w = psm_json_item(w, 0);
		if (w && put_window(&window, w)) {
			psm__buf_printf(b, "%s%s: %s", lines++ ? "\n" : "",
			                days[day].german,
			                window.data ? window.data : "");
			b->failed |= window.failed;
		}
		psm__buf_free(&window);
	}
	if (lines == 0)
		psm__buf_puts(b, "Nicht angegeben");
	return SVC_FILTERED;
}

static const struct {
	const char *name;
	enum svc_filter_result (*put)(struct psm__buf *b, const psm_json *v);
} filters[] = {
    {"", put_plain},      {"availability", put_availability},
    {"date", put_date},   {"salutation", put_salutation},
    {"words", put_words},
};

enum svc_filter_result
psm__svc_value_put(struct psm__buf *b, const psm_json *v, const char *filter)
{
	for (size_t i = 0; i < PSM__COUNT(filters); i++)
		if (strcmp(filters[i].name, filter) == 0)
			return filters[i].put(b, v);
	return SVC_NO_FILTER;
}
