/* SPDX-License-Identifier: BSD-2-Clause */
/* Where all memory of the library comes from. */
#include "base/base.h"

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
psm__realloc(void *ptr, size_t size)
{
	void *p = mem_realloc(ptr, size ? size : 1);

	if (p && !ptr)
		count(1);
	return p;
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

void *
psm_alloc(size_t size)
{
	return psm__alloc(size);
}

void *
psm_realloc(void *ptr, size_t size)
{
	return psm__realloc(ptr, size);
}
