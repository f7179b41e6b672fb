/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * The object has room for every text, so that recording a failure needs no
 * memory: it may have run out. Longer texts are cut at a character boundary.
 */
struct psm_error {
	int code, retriable, fatal;
	int is_inside; /* the message quotes a server: not for clients */
	unsigned line, column;
	size_t offset;
	char message[512];
	char source[256];
	char pointer[256];
	/* Of each fault its pointer and its message, each with its NUL. */
	size_t fault_count, faults_len;
	char faults[4096];
};

const struct psm__pos psm__nowhere = {0, 0, 0};

static const struct row {
	int code, status;
	const char *name, *text;
} table[] = {
#define X(name, value, status, text) {value, status, "PSM_ERR_" #name, text},
    PSM_ERROR_MAP(X)
#undef X
};

/* The same call may succeed later, without a change by the caller. */
static const int retriable_codes[] = {
    PSM_ERR_NOMEM, PSM_ERR_FULL,   PSM_ERR_IO,
    PSM_ERR_DB,    PSM_ERR_BROKER, PSM_ERR_TIMEOUT,
    PSM_ERR_RETRY, PSM_ERR_FENCED, PSM_ERR_UNAVAILABLE,
};

static const struct row *
find_row(int code)
{
	for (size_t i = 0; i < PSM__COUNT(table); i++)
		if (table[i].code == code)
			return &table[i];
	return NULL;
}

static int
is_retriable(int code)
{
	for (size_t i = 0; i < PSM__COUNT(retriable_codes); i++)
		if (retriable_codes[i] == code)
			return 1;
	return 0;
}

/* Make a text one line of valid UTF-8: messages quote what programs and files
 * contain, and end in log lines and in Python strings. */
static void
tidy(char *text)
{
	size_t len = strlen(text), in = 0, out = 0;

	while (in < len) {
		size_t n = psm__utf8_len(text + in, len - in);
		unsigned char c = (unsigned char)text[in];

		if (n == 0 && len - in < 4 && c >= 0xc0) {
			/* vsnprintf cut a character in half. */
			break;
		} else if (n == 0) {
			text[out++] = '?';
			in++;
		} else if (n == 1) {
			text[out++] = c < 0x20 || c == 0x7f ? ' ' : text[in];
			in++;
		} else {
			memmove(text + out, text + in, n);
			out += n;
			in += n;
		}
	}
	text[out] = '\0';
}

static void put_text(char *to, size_t size, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static void
put_text(char *to, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(to, size, fmt, ap) < 0)
		to[0] = '\0';
	tidy(to);
}

static void
record(psm_error *err, int code, struct psm__pos at)
{
	err->code = code;
	err->retriable = is_retriable(code);
	err->fatal = 0;
	err->is_inside = 0;
	err->offset = at.offset;
	err->line = at.line;
	err->column = at.column;
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
	/* Without a code there is nothing else. Each event comes by here. */
	if (err == NULL || err->code == PSM_OK)
		return;
	record(err, PSM_OK, psm__nowhere);
	err->message[0] = '\0';
	err->source[0] = '\0';
	err->pointer[0] = '\0';
	err->fault_count = err->faults_len = 0;
}

int
psm_error_code(const psm_error *err)
{
	return err != NULL ? err->code : PSM_OK;
}

const char *
psm_error_message(const psm_error *err)
{
	return err != NULL ? err->message : "";
}

const char *
psm_error_public(const psm_error *err)
{
	if (err != NULL && err->is_inside)
		return psm_strerror(err->code);
	return psm_error_message(err);
}

const char *
psm_error_source(const psm_error *err)
{
	return err != NULL ? err->source : "";
}

const char *
psm_error_pointer(const psm_error *err)
{
	return err != NULL ? err->pointer : "";
}

/* The i-th text of the faults: pointers are even, messages odd. */
static const char *
fault_text(const psm_error *err, size_t i)
{
	const char *text;

	if (err == NULL || i / 2 >= err->fault_count)
		return NULL;
	for (text = err->faults; i > 0; i--)
		text += strlen(text) + 1;
	return text;
}

size_t
psm_error_fault_count(const psm_error *err)
{
	return err != NULL ? err->fault_count : 0;
}

const char *
psm_error_fault_pointer(const psm_error *err, size_t i)
{
	return fault_text(err, 2 * i);
}

const char *
psm_error_fault_message(const psm_error *err, size_t i)
{
	return fault_text(err, 2 * i + 1);
}

void
psm_error_add_fault(psm_error *err, const char *pointer, const char *message)
{
	char where[sizeof(err->pointer)], what[sizeof(err->message)];
	size_t where_size, what_size;

	if (err == NULL || err->code == PSM_OK)
		return;
	(void)snprintf(where, sizeof(where), "%s", pointer ? pointer : "");
	(void)snprintf(what, sizeof(what), "%s", message ? message : "");
	tidy(where);
	tidy(what);
	psm__error_pointer(err, where);
	where_size = strlen(where) + 1;
	what_size = strlen(what) + 1;
	if (where_size + what_size > sizeof(err->faults) - err->faults_len)
		return;
	memcpy(err->faults + err->faults_len, where, where_size);
	err->faults_len += where_size;
	memcpy(err->faults + err->faults_len, what, what_size);
	err->faults_len += what_size;
	err->fault_count++;
}

size_t
psm_error_offset(const psm_error *err)
{
	return err != NULL ? err->offset : 0;
}

unsigned
psm_error_line(const psm_error *err)
{
	return err != NULL ? err->line : 0;
}

unsigned
psm_error_column(const psm_error *err)
{
	return err != NULL ? err->column : 0;
}

int
psm_error_retriable(const psm_error *err)
{
	return err != NULL ? err->retriable : 0;
}

int
psm_error_fatal(const psm_error *err)
{
	return err != NULL ? err->fatal : 0;
}

int
psm_error_set(psm_error *err, int code, const char *message)
{
	char copy[sizeof(err->message)] = ""; /* message may be one of err's */
	int is_inside = err != NULL && err->is_inside &&
	                message >= err->message &&
	                message < err->message + sizeof(err->message);

	if (message != NULL)
		(void)snprintf(copy, sizeof(copy), "%s", message);
	psm__error_clear(err);
	if (code == PSM_OK)
		return PSM_OK;
	if (find_row(code) == NULL) {
		(void)snprintf(copy, sizeof(copy), "unknown error code %d",
		               code);
		message = copy;
		code = PSM_ERR_INVAL;
	}
	if (err == NULL)
		return code;
	record(err, code, psm__nowhere);
	(void)snprintf(err->message, sizeof(err->message), "%s",
	               message != NULL ? copy : psm_strerror(code));
	tidy(err->message);
	if (is_inside)
		psm__error_inside(err);
	return code;
}

const char *
psm_strerror(int code)
{
	const struct row *row = find_row(code);

	if (code >= 0)
		return "success";
	return row != NULL ? row->text : "unknown error code";
}

const char *
psm_error_name(int code)
{
	const struct row *row = find_row(code);

	if (code >= 0)
		return "PSM_OK";
	return row != NULL ? row->name : "PSM_UNKNOWN";
}

int
psm_error_http_status(int code)
{
	const struct row *row = find_row(code);

	if (code >= 0)
		return 200;
	return row != NULL ? row->status : 500;
}

int
psm_error_at(size_t i)
{
	return i < PSM__COUNT(table) ? table[i].code : 0;
}

int
psm__fail_at(psm_error *err, int code, struct psm__pos at, const char *fmt, ...)
{
	va_list ap;

	assert(code < 0);
	if (err == NULL || err->code != PSM_OK)
		return code;
	record(err, code, at);
	va_start(ap, fmt);
	put_text(err->message, sizeof(err->message), fmt, ap);
	va_end(ap);
	return code;
}

void
psm__error_source(psm_error *err, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL || err->code == PSM_OK || err->source[0] != '\0')
		return;
	va_start(ap, fmt);
	put_text(err->source, sizeof(err->source), fmt, ap);
	va_end(ap);
}

void
psm__error_pointer(psm_error *err, const char *pointer)
{
	if (err == NULL || err->code == PSM_OK || err->pointer[0] != '\0')
		return;
	(void)snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);
	tidy(err->pointer);
}

void
psm__error_fault(psm_error *err, const char *pointer, const char *fmt, ...)
{
	char message[sizeof(err->message)];
	va_list ap;

	va_start(ap, fmt);
	put_text(message, sizeof(message), fmt, ap);
	va_end(ap);
	psm_error_add_fault(err, pointer, message);
}

void
psm__error_position(psm_error *err, struct psm__pos at)
{
	if (err == NULL || err->code == PSM_OK || err->line != 0)
		return;
	err->offset = at.offset;
	err->line = at.line;
	err->column = at.column;
}

void
psm__error_prefix(psm_error *err, const char *fmt, ...)
{
	char joined[sizeof(err->message)];
	size_t used;
	va_list ap;

	if (err == NULL || err->code == PSM_OK)
		return;
	va_start(ap, fmt);
	put_text(joined, sizeof(joined), fmt, ap);
	va_end(ap);
	used = strlen(joined);
	(void)snprintf(joined + used, sizeof(joined) - used, "%s",
	               err->message);
	tidy(joined);
	memcpy(err->message, joined, sizeof(joined));
}

void
psm__error_flags(psm_error *err, int retriable, int fatal)
{
	if (err == NULL || err->code == PSM_OK)
		return;
	err->retriable = retriable;
	err->fatal = fatal;
}

void
psm__error_inside(psm_error *err)
{
	if (err != NULL && err->code != PSM_OK)
		err->is_inside = 1;
}

void
psm__error_copy(psm_error *to, const psm_error *from)
{
	if (to == NULL || to == from)
		return;
	if (from != NULL)
		*to = *from;
	else
		psm__error_clear(to);
}

struct psm__pos
psm__locate(const char *text, size_t len, size_t offset)
{
	struct psm__pos at = {offset, 1, 1};
	const char *end, *nl;

	if (at.offset > len)
		at.offset = len;
	end = text + at.offset;
	while (text < end && (nl = memchr(text, '\n', (size_t)(end - text)))) {
		at.line++;
		text = nl + 1;
	}
	at.column = (unsigned)(end - text) + 1;
	return at;
}
