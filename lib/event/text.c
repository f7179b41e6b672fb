/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts that have a form: type names and versions. */
#include <assert.h>
#include <string.h>

#include "event/catalogue_int.h"

/* count digits as a number, or -1 if one of them is none. */
static int
digits(const char *text, int count)
{
	int i, n = 0;

	for (i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		n = n * 10 + (text[i] - '0');
	}
	return n;
}

/* a-z, then a-z, 0-9 and _; the length of such a word, 0 if there is none. */
static size_t
word_len(const char *text)
{
	size_t n;

	if (*text < 'a' || *text > 'z')
		return 0;
	for (n = 1; text[n] == '_' || (text[n] >= 'a' && text[n] <= 'z') ||
	            (text[n] >= '0' && text[n] <= '9');
	     n++)
		;
	return n;
}

int
psm__is_type_name(const char *text)
{
	size_t noun = word_len(text), verb;

	if (!noun || text[noun] != '.')
		return 0;
	verb = word_len(text + noun + 1);
	return verb && !text[noun + 1 + verb];
}

/* One to four digits without a needless zero; their count, 0 if none. */
static size_t
number_len(const char *text, unsigned *out)
{
	size_t n = strspn(text, "0123456789");

	if (n < 1 || n > 4 || (n > 1 && text[0] == '0'))
		return 0;
	*out = (unsigned)digits(text, (int)n);
	return n;
}

int
psm__version_read(const char *text, unsigned *major, unsigned *minor)
{
	size_t n = number_len(text, major), m;

	if (!n || text[n] != '.')
		return 0;
	m = number_len(text + n + 1, minor);
	return m && !text[n + 1 + m];
}

int
psm__event_version_valid(const char *text)
{
	unsigned major, minor;

	return psm__version_read(text, &major, &minor);
}

int
psm__event_version_cmp(const char *a, const char *b)
{
	unsigned major[2] = {0, 0}, minor[2] = {0, 0};
	int valid;

	if (strcmp(a, b) == 0) /* nearly always */
		return 0;
	valid = psm__version_read(a, &major[0], &minor[0]) &&
	        psm__version_read(b, &major[1], &minor[1]);
	assert(valid);
	(void)valid; /* without assertions nothing else reads it */
	if (major[0] != major[1])
		return major[0] < major[1] ? -1 : 1;
	return (minor[0] > minor[1]) - (minor[0] < minor[1]);
}
