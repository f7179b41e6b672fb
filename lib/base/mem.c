/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static psm_alloc_fn mem_alloc = malloc;
static psm_realloc_fn mem_realloc = realloc;
static psm_release_fn mem_free = free;
/* Blocks that are out: while there are any, another allocator would be asked to
 * free them. */
static long live;

static void
count(long delta)
{
	__atomic_add_fetch(&live, delta, __ATOMIC_RELAXED);
}

int
psm_set_allocator(psm_alloc_fn alloc, psm_realloc_fn resize,
                  psm_release_fn release)
{
	if (!alloc || !resize || !release)
		return PSM_ERR_INVAL;
	if (__atomic_load_n(&live, __ATOMIC_RELAXED) != 0)
		return PSM_ERR_STATE;
	mem_alloc = alloc;
	mem_realloc = resize;
	mem_free = release;
	return 0;
}

void *
psm__alloc(size_t size)
{
	void *p = mem_alloc(size ? size : 1);

	if (!p)
		return NULL;
	count(1);
	return memset(p, 0, size ? size : 1);
}

void *
psm__array(size_t items, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(items, size, &total))
		return NULL;
	return psm__alloc(total);
}

void *
psm__realloc(void *ptr, size_t size)
{
	void *p = mem_realloc(ptr, size ? size : 1);

	if (p && !ptr)
		count(1);
	return p;
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
	/* The caller's pointer has a type of its own: not to be read as void *.
	 */
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

void
psm__free(void *ptr)
{
	if (!ptr)
		return;
	count(-1);
	mem_free(ptr);
}

void
psm_free(void *ptr)
{
	psm__free(ptr);
}
