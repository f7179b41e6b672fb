/* SPDX-License-Identifier: BSD-2-Clause */
/* What a text must be for its column, and how it is stored. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "entity/fault.h"
#include "json/json.h"

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

static int
is_postcode(const char *text)
{
	return psm__is_digits(text, 5);
}

static const char no_entity[] = "want plain text, found an HTML entity";

static const struct {
	int (*is_good)(const char *text);
	const char *says;
} forms[] = {
    [PSM__FORM_FREE] = {NULL, NULL},
    [PSM__FORM_LINE] = {NULL, NULL},
    [PSM__FORM_NAME] = {is_plain, no_entity},
    [PSM__FORM_MAIL] = {is_address,
                        "want one mail address, found another text"},
    [PSM__FORM_PAGE] = {is_page,
                        "want an address of http or https, found another text"},
    [PSM__FORM_POSTCODE] = {is_postcode,
                            "want five digits, found another text"},
};

/* 1: fault, put into what. */
static int
says(char *what, size_t size, const char *want, const char *found)
{
	(void)snprintf(what, size, "want %s, found %s", want, found);
	return 1;
}

/* Nothing to tidy, and nothing wrong with it as a line: the usual text. */
static int
is_tidy(const char *text)
{
	const unsigned char *at = (const unsigned char *)text;

	if (*at == ' ')
		return 0;
	for (;;) {
		if (*at >= 0x20 && *at < 0x7f)
			at++;
		else if (*at >= 0xc3 && *at <= 0xcb && (at[1] & 0xc0) == 0x80)
			at += 2; /* U+00C0 to U+02FF: letters, in NFC */
		else
			break;
	}
	return *at == '\0' &&
	       (at == (const unsigned char *)text || at[-1] != ' ');
}

/* raw is as it came, NULL if that was tidy; text without the blanks at its
 * ends. */
static int
has_fault(const struct psm_entity_field *f, const char *raw, const char *text,
          char *what, size_t size)
{
	size_t count;

	if (raw != NULL && !psm__text_is_line(raw))
		return says(what, size, "one line without control characters",
		            strpbrk(raw, "\r\n") != NULL
		                ? "a line break"
		                : "a control character");
	if (text[0] != '\0' && forms[f->form].is_good != NULL &&
	    !forms[f->form].is_good(text)) {
		(void)snprintf(what, size, "%s", forms[f->form].says);
		return 1;
	}
	if (strlen(text) <= (size_t)f->most)
		return 0; /* no text has more characters than bytes */
	count = psm__utf8_count(text);
	if (count <= (size_t)f->most)
		return 0;
	(void)snprintf(what, size, "want at most %lld character%s, found %zu",
	               (long long)f->most, PSM__NOUN_S(f->most), count);
	return 1;
}

static int
keep(char **out, const char *text)
{
	*out = psm__strdup(text);
	return *out != NULL ? 0 : PSM_ERR_NOMEM;
}

static int
read_word(const struct psm_entity_field *f, const char *text, char **out,
          char *what, size_t size)
{
	char want[160], found[64];
	int i = psm__word_index(f->words, text);

	/* The list's own spelling is the database's. */
	if (i >= 0)
		return keep(out, f->words[i]);
	psm__want_word(f->words, want, sizeof(want));
	psm__found_text(f->words, text, found, sizeof(found));
	return says(what, size, want, found);
}

/* Texts without a form are notes, stored as they are. */
static int
read_text(const struct psm_entity_field *f, const char *text, char **out,
          char *what, size_t size)
{
	int tidy;

	if (f->words != NULL && text[0] != '\0')
		return read_word(f, text, out, what, size);
	if (f->form == PSM__FORM_FREE)
		return keep(out, text);
	tidy = is_tidy(text);
	*out = tidy ? psm__strdup(text) : psm__text_tidy(text);
	if (*out == NULL)
		return PSM_ERR_NOMEM;
	if (!has_fault(f, tidy ? NULL : text, *out, what, size))
		return 0;
	psm__free(*out);
	*out = NULL;
	return 1;
}

static int
refuse(const char *want, const char *text, char *what, size_t size)
{
	char found[64];

	psm__found_text(NULL, text, found, sizeof(found));
	return says(what, size, want, found);
}

/* Without the zeros at the end of a fraction, which PostgreSQL leaves out. */
static void
cut_zeros(char *text)
{
	char *dot = strchr(text, '.'), *end;

	if (dot == NULL)
		return;
	end = dot + strlen(dot);
	while (end[-1] == '0')
		end--;
	*(end - 1 == dot ? dot : end) = '\0';
}

/* One or two digits as two; how many there are, 0: others. */
static size_t
pad(const char *text, char *out)
{
	size_t n = strspn(text, "0123456789");

	if (n < 1 || n > 2)
		return 0;
	out[0] = '0';
	memcpy(out + 2 - n, text, n);
	return n;
}

/* Also without the zeros of month and day, as the former platform took it. */
static int
read_date(const char *text, char **out, char *what, size_t size)
{
	char full[] = "YYYY-MM-DD";
	size_t month = 0, day = 0;

	if (psm__is_date(text))
		return keep(out, text);
	if (strspn(text, "0123456789") == 4 && text[4] == '-') {
		memcpy(full, text, 4);
		month = pad(text + 5, full + 5);
	}
	if (month > 0 && text[5 + month] == '-')
		day = pad(text + 6 + month, full + 8);
	if (day > 0 && text[6 + month + day] == '\0' && psm__is_date(full))
		return keep(out, full);
	return refuse("a date YYYY-MM-DD", text, what, size);
}

static int
read_time(const char *text, char **out, char *what, size_t size)
{
	char full[24], whole[] = "HH:MM";
	size_t hour = pad(text, whole), minute = 0;

	/* Without the zeros before hour and minute, as dates. */
	if (hour > 0 && text[hour] == ':')
		minute = pad(text + hour + 1, whole + 3);
	if (minute > 0 && text[hour + 1 + minute] == '\0')
		text = whole;
	if (!psm__is_time(text))
		return refuse("a time HH:MM or HH:MM:SS", text, what, size);
	/* PostgreSQL keeps microseconds. */
	(void)snprintf(full, sizeof(full), "%.15s%s", text,
	               strlen(text) == 5 ? ":00" : "");
	cut_zeros(full);
	return keep(out, full);
}

static int
read_timestamp(const char *text, char **out, char *what, size_t size)
{
	char full[40];
	int64_t us;

	if (psm__is_date(text)) {
		(void)snprintf(full, sizeof(full), "%s 00:00:00", text);
		return keep(out, full);
	}
	if (psm_time_parse(text, strlen(text), &us, NULL) < 0 ||
	    psm_time_format(us, full, sizeof(full)) < 0)
		return refuse("a time YYYY-MM-DDTHH:MM:SSZ", text, what, size);
	full[10] = ' ';
	full[strcspn(full, "Z")] = '\0';
	cut_zeros(full);
	return keep(out, full);
}

int
psm__zero_is_none(const struct psm_entity_field *f)
{
	return f->least == 1 && f->most == INT32_MAX &&
	       (f->flags & (PSM__REQUIRED | PSM__NOT_NULL)) == 0;
}

int
psm__value_integer(const struct psm_entity_field *f, int fits, int64_t n,
                   char **out, char *what, size_t size)
{
	char text[24], want[96];

	if (fits && n >= f->least && n <= f->most) {
		(void)snprintf(text, sizeof(text), "%lld", (long long)n);
		return keep(out, text);
	}
	(void)snprintf(want, sizeof(want), "a whole number from %lld to %lld",
	               (long long)f->least, (long long)f->most);
	return says(what, size, want, "another number");
}

static int
read_integer(const struct psm_entity_field *f, const char *text, char **out,
             char *what, size_t size)
{
	size_t len = strlen(text), sign = text[0] == '-';
	int64_t n = 0;
	int fits;

	if (len == sign || !psm__is_digits(text + sign, len - sign))
		return refuse("a whole number", text, what, size);
	fits = psm__json_read_integer(text, len, &n) == PSM__INTEGER_FITS;
	return psm__value_integer(f, fits, n, out, what, size);
}

static int
read_boolean(const char *text, char **out, char *what, size_t size)
{
	if (strcasecmp(text, "true") == 0 || strcmp(text, "t") == 0)
		return keep(out, "t");
	if (strcasecmp(text, "false") == 0 || strcmp(text, "f") == 0)
		return keep(out, "f");
	return refuse("true or false", text, what, size);
}

/* A value of JSON that is written out; its kind is that of the column. */
static int
read_json(int kind, const char *text, char **out, char *what, size_t size)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(text, strlen(text), &doc, NULL);
	int right = psm_json_kind(doc) == kind;

	psm_json_free(doc);
	if (rc == PSM_ERR_NOMEM)
		return rc;
	if (rc == 0 && right)
		return keep(out, text);
	return refuse(psm_json_kind_name(kind), text, what, size);
}

int
psm__value_read(const struct psm_entity_field *f, const char *text, char **out,
                char *what, size_t size)
{
	*out = NULL;
	switch ((enum psm__type)f->type) {
	case PSM__T_INTEGER:
	case PSM__T_BIGINT:
		return read_integer(f, text, out, what, size);
	case PSM__T_NUMERIC:
		return read_json(PSM_JSON_NUMBER, text, out, what, size);
	case PSM__T_BOOLEAN:
		return read_boolean(text, out, what, size);
	case PSM__T_TEXT:
		return read_text(f, text, out, what, size);
	case PSM__T_ENUM:
		return read_word(f, text, out, what, size);
	case PSM__T_DATE:
		return read_date(text, out, what, size);
	case PSM__T_TIME:
		return read_time(text, out, what, size);
	case PSM__T_TIMESTAMP:
		return read_timestamp(text, out, what, size);
	case PSM__T_OBJECT:
		return read_json(PSM_JSON_OBJECT, text, out, what, size);
	case PSM__T_ARRAY:
		return read_json(PSM_JSON_ARRAY, text, out, what, size);
	case PSM__T_ANY: /* only items are that */
		break;
	}
	return says(what, size, "a column", "none");
}
