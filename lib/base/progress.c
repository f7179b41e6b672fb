/* SPDX-License-Identifier: BSD-2-Clause */
/* How far long work is, for a person who waits. */
#include <stdio.h>
#include <string.h>

#include <psymatch/clock.h>

#include "base/base.h"

#define SECOND_US 1000000.0
#define TEXT_MIN 160
#define NOUN_MAX 40

/* 1234567 as "1,234,567". */
static void
group(int64_t n, char text[32])
{
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%lld", (long long)n);
	int i, used = 0;

	for (i = 0; i < len; i++) {
		if (i > 0 && (len - i) % 3 == 0)
			text[used++] = ',';
		text[used++] = digits[i];
	}
	text[used] = '\0';
}

/* Two units are enough: "2 h 5 min". */
static void
span(double seconds, char text[48])
{
	int64_t s = seconds < 3e9 ? (int64_t)(seconds + 0.5) : 3000000000;

	if (s < 60)
		snprintf(text, 48, "%lld s", (long long)s);
	else if (s < 3600)
		snprintf(text, 48, "%lld min %lld s", (long long)(s / 60),
		         (long long)(s % 60));
	else
		snprintf(text, 48, "%lld h %lld min", (long long)(s / 3600),
		         (long long)(s % 3600 / 60));
}

/* ", 512 a second" */
static size_t
add_rate(double rate, char *text, size_t size)
{
	char number[32];

	if (rate < 10)
		return (size_t)snprintf(text, size, ", %.1f a second", rate);
	group(rate < 1e15 ? (int64_t)rate : (int64_t)1e15, number);
	return (size_t)snprintf(text, size, ", %s a second", number);
}

int
psm_progress_format(int64_t done, int64_t total, int64_t elapsed_us,
                    const char *noun, char *text, size_t size)
{
	char number[32], of[40] = "", left[48];
	double rate;
	size_t used;

	if (!noun || !noun[0] || strlen(noun) > NOUN_MAX || !text ||
	    size < TEXT_MIN || done < 0 || elapsed_us < 0)
		return PSM_ERR_INVAL;
	if (total >= done) {
		group(total, number);
		snprintf(of, sizeof(of), " of %s", number);
	}
	group(done, number);
	used = (size_t)snprintf(
	    text, size, "%s%s %.*s", number, of,
	    (int)strlen(noun) - ((total >= done ? total : done) == 1), noun);
	if (done == 0 || elapsed_us == 0)
		return 0;
	rate = (double)done / ((double)elapsed_us / SECOND_US);
	used += add_rate(rate, text + used, size - used);
	if (total > done) {
		span((double)(total - done) / rate, left);
		snprintf(text + used, size - used, ", %s left", left);
	}
	return 0;
}
