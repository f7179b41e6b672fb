/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

/* Room for more bytes and the NUL. */
static int
make_room(struct psm__buf *b, size_t more)
{
	if (b->failed)
		return 0;
	if (more < b->cap - b->len)
		return 1;
	if (more > SIZE_MAX - b->len - 1 ||
	    psm__grow(&b->data, &b->cap, b->len + more + 1, 1) < 0) {
		b->failed = 1;
		return 0;
	}
	return 1;
}

void
psm__buf_put(struct psm__buf *b, const void *bytes, size_t len)
{
	if (!make_room(b, len))
		return;
	if (len != 0)
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
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->failed = 1;
		return;
	}
	if (!make_room(b, (size_t)n))
		return;
	va_start(ap, fmt);
	(void)vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void
psm__buf_reset(struct psm__buf *b)
{
	b->len = 0;
	b->failed = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void
psm__buf_free(struct psm__buf *b)
{
	psm__free(b->data);
	*b = (struct psm__buf){NULL, 0, 0, 0};
}

char *
psm__buf_take(struct psm__buf *b, size_t *len)
{
	char *text = NULL;

	psm__buf_put(b, "", 0);
	if (len != NULL)
		*len = 0;
	if (!b->failed) {
		text = b->data;
		if (len != NULL)
			*len = b->len;
		b->data = NULL;
	}
	psm__buf_free(b);
	return text;
}
