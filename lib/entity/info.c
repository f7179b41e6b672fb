/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into the tables: what tools, bindings and services see of them. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "entity/machine.h"

static const char *const type_names[] = {
    [PSM__T_INTEGER] = "integer",     [PSM__T_BIGINT] = "bigint",
    [PSM__T_NUMERIC] = "numeric",     [PSM__T_BOOLEAN] = "boolean",
    [PSM__T_TEXT] = "text",           [PSM__T_ENUM] = "enum",
    [PSM__T_DATE] = "date",           [PSM__T_TIME] = "time",
    [PSM__T_TIMESTAMP] = "timestamp", [PSM__T_OBJECT] = "object",
    [PSM__T_ARRAY] = "array",         [PSM__T_ANY] = "any",
};

size_t
psm_entity_count(void)
{
	return PSM__ENTITY_COUNT;
}

const psm_entity *
psm_entity_at(size_t i)
{
	return i < PSM__ENTITY_COUNT ? psm__entities[i] : NULL;
}

const psm_entity *
psm_entity_find(const char *name)
{
	for (size_t i = 0; name != NULL && i < PSM__ENTITY_COUNT; i++)
		if (strcmp(psm__entities[i]->name, name) == 0)
			return psm__entities[i];
	return NULL;
}

const char *
psm_entity_name(const psm_entity *e)
{
	return e != NULL ? e->name : NULL;
}

const char *
psm_entity_sql_schema(const psm_entity *e)
{
	return e != NULL ? e->schema : NULL;
}

const char *
psm_entity_sql_table(const psm_entity *e)
{
	return e != NULL ? e->table : NULL;
}

const psm_entity_field *
psm_entity_field_at(const psm_entity *e, size_t i)
{
	return e != NULL && i < e->count ? &e->fields[i] : NULL;
}

const char *
psm_entity_field_name(const psm_entity_field *f)
{
	return f != NULL ? f->name : NULL;
}

const char *
psm_entity_field_type(const psm_entity_field *f)
{
	return f != NULL ? type_names[f->type] : NULL;
}

const char *
psm_entity_field_item_type(const psm_entity_field *f)
{
	return f != NULL && f->type == PSM__T_ARRAY ? type_names[f->item]
	                                            : NULL;
}

const char *
psm_entity_field_sql_type(const psm_entity_field *f)
{
	return f != NULL ? f->sql_type : NULL;
}

const char *
psm_entity_field_meaning(const psm_entity_field *f)
{
	return f != NULL ? f->meaning : NULL;
}

const char *
psm_entity_field_default(const psm_entity_field *f)
{
	return f != NULL ? f->preset : NULL;
}

/* The i-th of a list that ends with NULL, or NULL past its end. */
static const char *
word_at(const char *const *words, size_t i)
{
	for (size_t n = 0; words != NULL && words[n] != NULL; n++)
		if (n == i)
			return words[n];
	return NULL;
}

const char *
psm_entity_field_word_at(const psm_entity_field *f, size_t i)
{
	return f != NULL ? word_at(f->words, i) : NULL;
}

int
psm_entity_field_limits(const psm_entity_field *f, int64_t *least,
                        int64_t *most)
{
	int limited = f != NULL && (f->least != 0 || f->most != 0);

	if (least != NULL)
		*least = limited ? f->least : 0;
	if (most != NULL)
		*most = limited ? f->most : 0;
	return limited;
}

int
psm_entity_field_is(const psm_entity_field *f, int flag)
{
	return f != NULL && (f->flags & (unsigned)flag) != 0;
}

int
psm_entity_field_writable(const psm_entity_field *f, int writer)
{
	return f != NULL && (f->writers & (unsigned)writer) != 0;
}

/* -- filters: their names are made once, some of them are no column's */

#define FILTERS_MAX 16
static struct filter {
	char name[48];
	const psm_entity_field *field; /* NULL: search, recipient_type */
} filters[PSM__ENTITY_COUNT][FILTERS_MAX + 1];
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void
add_filter(size_t e, size_t *count, const psm_entity_field *f, const char *name,
           const char *tail)
{
	if (*count == FILTERS_MAX)
		return;
	filters[e][*count].field = f;
	(void)snprintf(filters[e][*count].name, sizeof(filters[e][0].name),
	               "%s%s", name, tail);
	++*count;
}

static void
make_filters(void)
{
	for (size_t n = 0; n < PSM__ENTITY_COUNT; n++) {
		const psm_entity *e = psm__entities[n];
		size_t count = 0, searched = 0;

		for (size_t i = 0; i < e->count; i++) {
			const psm_entity_field *f = &e->fields[i];

			if (f->flags & PSM__FILTER)
				add_filter(n, &count, f, f->name, "");
			if (f->flags & PSM__PREFIX)
				add_filter(n, &count, f, f->name, "_prefix");
			searched += (f->flags & PSM__SEARCHED) != 0;
		}
		if (psm__list_has_recipients(e))
			add_filter(n, &count, NULL, "recipient_type", "");
		if (searched > 0)
			add_filter(n, &count, NULL, "search", "");
	}
}

const char *
psm_entity_filter_at(const psm_entity *e, size_t i)
{
	pthread_once(&made, make_filters);
	if (e == NULL || i >= FILTERS_MAX ||
	    filters[e->number][i].name[0] == '\0')
		return NULL;
	return filters[e->number][i].name;
}

const psm_entity_field *
psm_entity_filter_field(const psm_entity *e, const char *filter)
{
	const char *name;

	for (size_t i = 0;
	     filter != NULL && (name = psm_entity_filter_at(e, i)) != NULL; i++)
		if (strcmp(name, filter) == 0)
			return filters[e->number][i].field;
	return NULL;
}

/* -- states */

const char *
psm_entity_state_at(const psm_entity *e, size_t i)
{
	return e != NULL ? word_at(psm__state_words(e), i) : NULL;
}

static int
state_of(const psm_entity *e, const char *word)
{
	const char *state;

	for (size_t i = 0;
	     word != NULL && (state = psm_entity_state_at(e, i)) != NULL; i++)
		if (strcmp(state, word) == 0)
			return (int)i;
	return -1;
}

int
psm_entity_may_follow(const psm_entity *e, const char *from, const char *to,
                      const char **event)
{
	int before = state_of(e, from), after = state_of(e, to);
	const struct psm__step *step = NULL;

	if (event != NULL)
		*event = NULL;
	if (after >= 0 && (before >= 0 || from == NULL))
		step = psm__step_find(e->machine, before, after, NULL);
	if (step != NULL && event != NULL)
		*event = step->event;
	return step != NULL;
}
