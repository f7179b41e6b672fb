/* SPDX-License-Identifier: BSD-2-Clause */
/* Days as people write them in German mails. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/answer_text.h"

struct day {
	int year, month, day; /* 0: not said */
	int part;             /* of the month: 1 begin, 2 middle, 3 end */
};

/* Long and short, without umlauts. */
static const char *const months[12][3] = {
    {"januar", "jan", "jaenner"},    {"februar", "feb", "feber"},
    {"maerz", "mrz", "maer"},        {"april", "apr", "april"},
    {"mai", "mai", "mai"},           {"juni", "jun", "juno"},
    {"juli", "jul", "julei"},        {"august", "aug", "august"},
    {"september", "sep", "sept"},    {"oktober", "okt", "oktober"},
    {"november", "nov", "november"}, {"dezember", "dez", "dezember"},
};

static int
is_letter(char c)
{
	return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* word begins text and ends there: its length; else 0. */
static size_t
word(const char *text, const char *word)
{
	size_t len = strlen(word);

	return strncmp(text, word, len) == 0 && !is_letter(text[len]) ? len : 0;
}

static size_t
read_month(const char *text, int *month)
{
	for (int m = 0; m < 12; m++) {
		for (int i = 0; i < 3; i++) {
			size_t len = word(text, months[m][i]);

			if (len > 0) {
				*month = m + 1;
				return len + (text[len] == '.');
			}
		}
	}
	return 0;
}

/* Digits, at most so many; their count. */
static size_t
read_number(const char *text, size_t most, int *number)
{
	size_t len = strspn(text, "0123456789");

	if (len == 0 || len > most)
		return 0;
	*number = (int)strtol(text, NULL, 10);
	return len;
}

static size_t
blanks(const char *text)
{
	return strspn(text, " ");
}

/* " 2026", perhaps: what was read of it. */
static size_t
read_year(const char *text, int *year)
{
	size_t before = blanks(text), len;

	len = read_number(text + before, 4, year);
	if (len == 4 && *year >= 2000 && *year < 2100)
		return before + len;
	if (len == 2 && *year >= 20 && before == 0) {
		*year += 2000;
		return len;
	}
	*year = 0;
	return 0;
}

/* "2026-05-01" */
static size_t
read_iso(const char *text, struct day *d)
{
	char day[11];

	if (strlen(text) < 10)
		return 0;
	(void)snprintf(day, sizeof(day), "%.10s", text);
	if (!psm__is_date(day))
		return 0;
	(void)sscanf(day, "%4d-%2d-%2d", &d->year, &d->month, &d->day);
	return 10;
}

/* "1.5.2026", "01.05.", "1. mai" */
static size_t
read_day(const char *text, struct day *d)
{
	size_t at = read_number(text, 2, &d->day), len;

	if (at == 0 || text[at] != '.')
		return 0;
	at++;
	at += blanks(text + at);
	len = read_month(text + at, &d->month);
	if (len == 0) {
		len = read_number(text + at, 2, &d->month);
		if (len == 0 || text[at + len] != '.')
			return 0;
		len++;
	}
	at += len;
	return at + read_year(text + at, &d->year);
}

/* "ende april", "mai 2027" */
static size_t
read_month_alone(const char *text, struct day *d)
{
	static const char *const parts[] = {"anfang", "mitte", "ende"};
	size_t at = 0, len;

	for (int i = 0; i < 3; i++) {
		len = word(text, parts[i]);
		if (len > 0) {
			d->part = i + 1;
			at = len + blanks(text + len);
			at += word(text + at, "des") > 0 ? 4 : 0;
		}
	}
	len = read_month(text + at, &d->month);
	if (len == 0)
		return 0;
	at += len;
	return at + read_year(text + at, &d->year);
}

/* "3 monaten", "sechs wochen" after "in" */
static size_t
read_span(const char *text, const char *today, char out[11])
{
	static const char *const numbers[] = {
	    "einem",  "zwei", "drei", "vier", "fuenf", "sechs",
	    "sieben", "acht", "neun", "zehn", "elf",   "zwoelf"};
	size_t at = word(text, "in"), len;
	int n = 0, y, m, d;
	int64_t days;

	if (at == 0)
		return 0;
	at += blanks(text + at);
	for (int i = 0; i < 12 && n == 0; i++) {
		len = word(text + at, numbers[i]);
		if (len == 0 && i == 0)
			len = word(text + at, "einer");
		n = len > 0 ? i + 1 : 0;
		at += len;
	}
	if (n == 0)
		at += read_number(text + at, 2, &n);
	at += blanks(text + at);
	if (n == 0 || sscanf(today, "%4d-%2d-%2d", &y, &m, &d) != 3)
		return 0;
	days = psm__date_to_days(y, m, d);
	if ((len = word(text + at, "wochen") + word(text + at, "woche")) > 0)
		days += 7 * n;
	else if ((len = word(text + at, "monaten") + word(text + at, "monat")) >
	         0)
		days += 30 * n;
	else if ((len = word(text + at, "tagen")) > 0)
		days += n;
	else
		return 0;
	psm__date_from_days(days, &y, &m, &d);
	(void)snprintf(out, 11, "%04u-%02u-%02u", (unsigned)y % 10000u,
	               (unsigned)m % 100u, (unsigned)d % 100u);
	return at + len;
}

static int
last_of(int year, int month)
{
	int day = 31;

	while (!psm__date_valid(year, month, day))
		day--;
	return day;
}

/* Without a year: this one, or the next if that is over, or has no such day. */
static int
settle(struct day *d, const char *today, char out[11])
{
	int guess = d->year == 0;

	if (guess)
		d->year = (int)strtol(today, NULL, 10);
	for (int n = 0; n < 2; n++, d->year++) {
		int day = d->day;

		if (day == 0)
			day = d->part == 3   ? last_of(d->year, d->month)
			      : d->part == 2 ? 15
			                     : 1;
		if (!psm__date_valid(d->year, d->month, day)) {
			if (guess && n == 0)
				continue;
			return 0;
		}
		(void)snprintf(out, 11, "%04u-%02u-%02u",
		               (unsigned)d->year % 10000u,
		               (unsigned)d->month % 100u, (unsigned)day % 100u);
		if (!guess || strcmp(out, today) >= 0)
			return 1;
	}
	return 1;
}

int
psm__answer_day(const char *text, const char *today, char out[11], size_t *len)
{
	struct day d = {0};

	*len = read_span(text, today, out);
	if (*len > 0)
		return 1;
	*len = read_iso(text, &d);
	if (*len == 0)
		*len = read_day(text, &d);
	if (*len == 0) {
		d = (struct day){0};
		*len = read_month_alone(text, &d);
	}
	if (*len == 0 || d.month < 1 || d.month > 12 || d.day > 31)
		return 0;
	return settle(&d, today, out);
}
