/* SPDX-License-Identifier: BSD-2-Clause */
/* Helpers above the allocator. No state: libpsymatch-service has a copy of its
 * own. */
#include "base/base.h"

#include <stdio.h>
#include <string.h>

void *
psm__array(size_t items, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(items, size, &total))
		return NULL;
	return psm__alloc(total);
}

int
psm__grow(void *ptr_to_ptr, size_t *cap, size_t want, size_t size)
{
	void *p;
	size_t next = *cap ? *cap : 8, bytes;

	if (want <= *cap)
		return 0;
	while (next < want)
		if (__builtin_mul_overflow(next, 2, &next))
			return PSM_ERR_NOMEM;
	if (__builtin_mul_overflow(next, size, &bytes))
		return PSM_ERR_NOMEM;
	/* The caller's pointer is not a void *, so it is copied, not cast. */
	memcpy(&p, ptr_to_ptr, sizeof p);
	p = psm__realloc(p, bytes);
	if (!p)
		return PSM_ERR_NOMEM;
	memcpy(ptr_to_ptr, &p, sizeof p);
	*cap = next;
	return 0;
}

char *
psm__strndup(const char *text, size_t len)
{
	char *copy = len < SIZE_MAX ? psm__alloc(len + 1) : NULL;

	return copy ? memcpy(copy, text, len) : NULL;
}

char *
psm__strdup(const char *text)
{
	return psm__strndup(text, strlen(text));
}

const char *
psm__number(struct psm__number *n, int64_t value)
{
	(void)snprintf(n->text, sizeof n->text, "%lld", (long long)value);
	return n->text;
}
