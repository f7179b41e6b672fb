/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

/* Make room for len more bytes and the NUL; 1 if there is. */
static int
reserve(struct psm__buf *b, size_t len)
{
	size_t want;

	if (b->failed)
		return 0;
	if (__builtin_add_overflow(b->len, len, &want) ||
	    __builtin_add_overflow(want, 1, &want) ||
	    psm__grow(&b->data, &b->cap, want, 1) < 0) {
		b->failed = 1;
		return 0;
	}
	return 1;
}

void
psm__buf_put(struct psm__buf *b, const void *bytes, size_t len)
{
	if (!reserve(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void
psm__buf_puts(struct psm__buf *b, const char *text)
{
	psm__buf_put(b, text, strlen(text));
}

void
psm__buf_putc(struct psm__buf *b, char c)
{
	psm__buf_put(b, &c, 1);
}

void
psm__buf_printf(struct psm__buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0 || !reserve(b, (size_t)len))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void
psm__buf_reset(struct psm__buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
psm__buf_free(struct psm__buf *b)
{
	psm__free(b->data);
	memset(b, 0, sizeof *b);
}

char *
psm__buf_take(struct psm__buf *b, size_t *len)
{
	char *text = NULL;

	psm__buf_put(b, "", 0); /* an empty text is a text too */
	if (!b->failed) {
		text = b->data;
		if (len)
			*len = b->len;
		b->data = NULL;
	}
	psm__buf_free(b);
	return text;
}
