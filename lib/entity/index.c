/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Columns by name: one look into a table that is made once, from the hash that
 * the reader of JSON has made of each key anyway.
 */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "entity/entity.h"
#include "json/json.h"

#define SLOTS 256 /* at most a quarter is taken */

static struct index {
	uint32_t hash[PSM__COLUMNS_MAX];
	signed char slot[SLOTS]; /* a column, -1: nothing */
} indexes[PSM__ENTITY_COUNT];

static pthread_once_t made = PTHREAD_ONCE_INIT;

static void
make_index(const struct psm_entity *e)
{
	struct index *x = &indexes[e->number];
	size_t at;

	assert(e->count <= PSM__COLUMNS_MAX);
	memset(x->slot, -1, sizeof(x->slot));
	for (size_t i = 0; i < e->count; i++) {
		x->hash[i] =
		    psm__json_key_hash(e->fields[i].name, e->fields[i].len);
		at = x->hash[i] >> 24;
		while (x->slot[at] >= 0)
			at = (at + 1) % SLOTS;
		x->slot[at] = (signed char)i;
	}
}

static void
make_indexes(void)
{
	for (size_t i = 0; i < PSM__ENTITY_COUNT; i++)
		make_index(psm__entities[i]);
}

int
psm__column_of(const struct psm_entity *e, const char *name, uint32_t hash,
               int likely)
{
	const struct index *x = &indexes[e->number];
	int i;

	pthread_once(&made, make_indexes);
	if ((size_t)likely < e->count && x->hash[likely] == hash &&
	    strcmp(e->fields[likely].name, name) == 0)
		return likely;
	for (size_t at = hash >> 24; (i = x->slot[at]) >= 0;
	     at = (at + 1) % SLOTS) {
		if (x->hash[i] == hash && strcmp(e->fields[i].name, name) == 0)
			return i;
	}
	return -1;
}

int
psm__column_find(const struct psm_entity *e, const char *name)
{
	return psm__column_of(e, name, psm__json_key_hash(name, strlen(name)),
	                      0);
}
