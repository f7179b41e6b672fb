/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

#define MESSAGE_SIZE 512
#define SOURCE_SIZE 160
#define POINTER_SIZE 160

struct psm_error {
	int code;
	int retriable, fatal;
	struct psm__pos at;
	char message[MESSAGE_SIZE];
	char source[SOURCE_SIZE];
	char pointer[POINTER_SIZE];
};

struct code_row {
	int code;
	const char *name, *text;
};

static const struct code_row codes[] = {
#define X(name, value, text) {value, "PSM_ERR_" #name, text},
    PSM_ERROR_MAP(X)
#undef X
};

/* What may go away by itself; every other code needs somebody to change
 * something. */
static const int retriable_codes[] = {
    PSM_ERR_NOMEM,  PSM_ERR_FULL,    PSM_ERR_IO,    PSM_ERR_DB,
    PSM_ERR_BROKER, PSM_ERR_TIMEOUT, PSM_ERR_RETRY, PSM_ERR_FENCED,
};

const struct psm__pos psm__nowhere = {0, 0, 0};

const char *
psm_version(void)
{
	return PSM_VERSION;
}

struct psm__pos
psm__locate(const char *text, size_t len, size_t offset)
{
	struct psm__pos at = {offset, 1, 1};
	size_t i;

	if (offset > len)
		at.offset = offset = len;
	for (i = 0; i < offset; i++) {
		at.column++;
		if (text[i] == '\n') {
			at.line++;
			at.column = 1;
		}
	}
	return at;
}

psm_error *
psm_error_new(void)
{
	return psm__alloc(sizeof(psm_error));
}

void
psm_error_free(psm_error *err)
{
	psm__free(err);
}

void
psm_error_clear(psm_error *err)
{
	psm__error_clear(err);
}

void
psm__error_clear(psm_error *err)
{
	if (!err)
		return;
	err->code = PSM_OK;
	err->retriable = err->fatal = 0;
	err->at = psm__nowhere;
	err->message[0] = err->source[0] = err->pointer[0] = '\0';
}

static int
is_retriable(int code)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(retriable_codes); i++)
		if (retriable_codes[i] == code)
			return 1;
	return 0;
}

/* A message is one line, whatever a library below us said. */
static void
one_line(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ')
			*text = ' ';
}

static int
fail(psm_error *err, int code, struct psm__pos at, const char *fmt, va_list ap)
{
	if (!err || err->code != PSM_OK)
		return code; /* the first failure is the cause */
	err->code = code;
	err->retriable = is_retriable(code);
	err->at = at;
	(void)vsnprintf(err->message, sizeof err->message, fmt, ap);
	one_line(err->message);
	return code;
}

int
psm__fail(psm_error *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(err, code, psm__nowhere, fmt, ap);
	va_end(ap);
	return code;
}

int
psm__fail_at(psm_error *err, int code, struct psm__pos at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(err, code, at, fmt, ap);
	va_end(ap);
	return code;
}

int
psm__nomem(psm_error *err)
{
	return psm__fail(err, PSM_ERR_NOMEM, "out of memory");
}

int
psm_error_set(psm_error *err, int code, const char *message)
{
	if (!err || code >= 0 || !message)
		return PSM_ERR_INVAL;
	psm__error_clear(err);
	return psm__fail(err, code, "%s", message);
}

void
psm__error_source(psm_error *err, const char *fmt, ...)
{
	va_list ap;

	if (!err || err->code == PSM_OK || err->source[0])
		return;
	va_start(ap, fmt);
	(void)vsnprintf(err->source, sizeof err->source, fmt, ap);
	va_end(ap);
	one_line(err->source);
}

void
psm__error_pointer(psm_error *err, const char *pointer)
{
	if (err && err->code != PSM_OK && !err->pointer[0])
		(void)snprintf(err->pointer, sizeof err->pointer, "%s",
		               pointer);
}

void
psm__error_position(psm_error *err, struct psm__pos at)
{
	if (err && err->code != PSM_OK && err->at.line == 0)
		err->at = at;
}

void
psm__error_prefix(psm_error *err, const char *fmt, ...)
{
	char text[MESSAGE_SIZE];
	size_t used;
	va_list ap;

	if (!err || err->code == PSM_OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	used = strlen(text);
	(void)snprintf(text + used, sizeof text - used, "%s", err->message);
	memcpy(err->message, text, sizeof text);
	one_line(err->message);
}

void
psm__error_flags(psm_error *err, int retriable, int fatal)
{
	if (!err || err->code == PSM_OK)
		return;
	err->retriable = retriable;
	err->fatal = fatal;
}

void
psm__error_copy(psm_error *to, const psm_error *from)
{
	if (to && from && to != from)
		*to = *from;
}

int
psm_error_code(const psm_error *err)
{
	return err ? err->code : PSM_OK;
}

const char *
psm_error_message(const psm_error *err)
{
	return err ? err->message : "";
}

const char *
psm_error_source(const psm_error *err)
{
	return err ? err->source : "";
}

const char *
psm_error_pointer(const psm_error *err)
{
	return err ? err->pointer : "";
}

size_t
psm_error_offset(const psm_error *err)
{
	return err ? err->at.offset : 0;
}

unsigned
psm_error_line(const psm_error *err)
{
	return err ? err->at.line : 0;
}

unsigned
psm_error_column(const psm_error *err)
{
	return err ? err->at.column : 0;
}

int
psm_error_retriable(const psm_error *err)
{
	return err ? err->retriable : 0;
}

int
psm_error_fatal(const psm_error *err)
{
	return err ? err->fatal : 0;
}

static const struct code_row *
row_of(int code)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(codes); i++)
		if (codes[i].code == code)
			return &codes[i];
	return NULL;
}

const char *
psm_strerror(int code)
{
	const struct code_row *row = row_of(code);

	if (code >= 0)
		return "success";
	return row ? row->text : "unknown error";
}

const char *
psm_error_name(int code)
{
	const struct code_row *row = row_of(code);

	if (code >= 0)
		return "PSM_OK";
	return row ? row->name : "PSM_ERR_UNKNOWN";
}

int
psm_error_at(size_t i)
{
	return i < PSM__COUNT(codes) ? codes[i].code : 0;
}
