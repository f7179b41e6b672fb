/* SPDX-License-Identifier: BSD-2-Clause */
/* What a text that people give must be, beside its type. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "domain/domain.h"

/* '&', a name or a number, ';': what a page's source has for a letter. */
static int
has_entity(const char *text)
{
	const char *at = text;
	size_t n;

	while ((at = strchr(at, '&')) != NULL) {
		at++;
		n = strspn(at, "abcdefghijklmnopqrstuvwxyz"
		               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789#");
		if (n >= 2 && n <= 32 && at[n] == ';')
			return 1;
	}
	return 0;
}

static int
is_plain(const char *text)
{
	return !has_entity(text);
}

/* No grammar of addresses: only what cannot add a header or a recipient. */
static int
is_address(const char *text)
{
	const char *at = strchr(text, '@');

	return at != NULL && at != text && at[1] != '\0' &&
	       strchr(at + 1, '@') == NULL &&
	       strpbrk(text, " \t\r\n<>(),;:\\\"[]") == NULL;
}

/* A host has a dot and a port is digits: "javascript:1/x()" has neither. */
static int
is_host_and_port(const char *text, size_t colon)
{
	size_t digits = strspn(text + colon + 1, "0123456789");
	const char *end = text + colon + 1 + digits;

	return digits > 0 && memchr(text, '.', colon) != NULL &&
	       (*end == '\0' || strchr("/?#", *end) != NULL);
}

/* A page of the web; without a scheme, too: "www.praxis.example:8080/x". */
static int
is_page(const char *text)
{
	size_t n = strcspn(text, ":/?#");

	if (strpbrk(text, " \t\r\n<>\"") != NULL)
		return 0;
	if (text[n] != ':' || is_host_and_port(text, n))
		return n > 0;
	return strncasecmp(text, "http://", 7) == 0 ||
	       strncasecmp(text, "https://", 8) == 0;
}

static const struct {
	const char *column;
	int (*is_good)(const char *text);
	const char *says;
} forms[] = {
    {"vorname", is_plain, "want plain text, found an HTML entity"},
    {"nachname", is_plain, "want plain text, found an HTML entity"},
    {"titel", is_plain, "want plain text, found an HTML entity"},
    {"strasse", is_plain, "want plain text, found an HTML entity"},
    {"ort", is_plain, "want plain text, found an HTML entity"},
    {"email", is_address, "want one mail address, found another text"},
    {"webseite", is_page,
     "want an address of http or https, found another text"},
};

/* raw is as it came, text without the blanks at its ends. */
static int
has_fault(const struct psm__entity_field *f, const char *raw, const char *text,
          char *what, size_t size)
{
	size_t count = psm__utf8_count(text);

	if (!psm__text_is_line(raw)) {
		snprintf(what, size,
		         "want one line without control characters, found a "
		         "%s",
		         strpbrk(raw, "\r\n") != NULL ? "line break"
		                                      : "control character");
		return 1;
	}
	for (size_t i = 0; i < PSM__COUNT(forms); i++) {
		if (strcmp(f->name, forms[i].column) != 0 || text[0] == '\0' ||
		    forms[i].is_good(text))
			continue;
		snprintf(what, size, "%s", forms[i].says);
		return 1;
	}
	if (count <= (size_t)f->max_len)
		return 0;
	snprintf(what, size, "want at most %d characters, found %zu",
	         f->max_len, count);
	return 1;
}

int
psm__value_tidy(const struct psm__entity_field *f, const char *text,
                char **tidy, char *what, size_t size)
{
	/* Texts without a limit are notes, numbers or documents. */
	*tidy = f->max_len > 0 ? psm__text_tidy(text) : psm__strdup(text);
	if (*tidy == NULL)
		return PSM_ERR_NOMEM;
	if (f->max_len == 0 || !has_fault(f, text, *tidy, what, size))
		return 0;
	psm__free(*tidy);
	*tidy = NULL;
	return 1;
}
