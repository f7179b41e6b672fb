/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory for yajl: its handle, its lexer, two buffers, of which one is used (2
 * KiB), and a byte per level of nesting. None of it grows with the text: there
 * are no escapes to decode (they are masked before), and no token reaches the
 * end of the input (it ends in a blank).
 */
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

/* Each block has its size in the 16 bytes before it. */
void *
psm__json_arena_alloc(void *arena, size_t size)
{
	struct psm__json_arena *a = arena;
	char *block = a->bytes + a->used + 16;

	size = (size + 15) & ~(size_t)15;
	/* Never the case, for the reasons above: it would be a bug, not a lack
	 * of memory. */
	if (size + 16 > PSM__JSON_ARENA - a->used)
		abort();
	memcpy(block - 16, &size, sizeof(size));
	a->used += size + 16;
	return block;
}

void *
psm__json_arena_realloc(void *arena, void *ptr, size_t size)
{
	size_t old = 0;
	void *fresh;

	if (ptr)
		memcpy(&old, (char *)ptr - 16, sizeof(old));
	if (ptr && size <= old)
		return ptr;
	fresh = psm__json_arena_alloc(arena, size);
	if (ptr)
		memcpy(fresh, ptr, old);
	return fresh;
}

void
psm__json_arena_free(void *arena, void *ptr)
{
	(void)arena;
	(void)ptr; /* freed with the arena */
}
