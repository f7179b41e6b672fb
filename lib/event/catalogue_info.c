/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into the catalogue: what tools, bindings and the other rooms see. */
#include <string.h>

#include "event/catalogue_int.h"

static const char *const type_names[] = {
#define X(name) #name,
    PSM__FIELD_TYPES(X)
#undef X
};

size_t
psm_catalogue_count(void)
{
	return psm__catalogue_count;
}

const psm_event_type_info *
psm_catalogue_at(size_t i)
{
	return i < psm__catalogue_count ? &psm__catalogue[i] : NULL;
}

static int
has_name(const psm_event_type_info *t, const char *name)
{
	const char *const *alias = t->aliases;

	if (strcmp(t->name, name) == 0)
		return 1;
	for (; alias && *alias; alias++)
		if (strcmp(*alias, name) == 0)
			return 1;
	return 0;
}

const psm_event_type_info *
psm_catalogue_find(const char *type)
{
	size_t i;

	if (!type)
		return NULL;
	for (i = 0; i < psm__catalogue_count; i++)
		if (has_name(&psm__catalogue[i], type))
			return &psm__catalogue[i];
	return NULL;
}

const char *
psm_catalogue_topic_at(size_t i)
{
	size_t n;

	for (n = 0; psm__topics[n].name; n++)
		if (n == i)
			return psm__topics[n].name;
	return NULL;
}

int
psm_catalogue_partitions(const char *topic)
{
	size_t i;

	if (!topic)
		return PSM_ERR_INVAL;
	for (i = 0; psm__topics[i].name; i++)
		if (strcmp(psm__topics[i].name, topic) == 0)
			return psm__topics[i].partitions;
	return PSM_ERR_NOT_FOUND;
}

const char *
psm_type_name(const psm_event_type_info *t)
{
	return t ? t->name : NULL;
}

const char *
psm_type_topic(const psm_event_type_info *t)
{
	return t ? t->topic : NULL;
}

const char *
psm_type_key_field(const psm_event_type_info *t)
{
	return t ? t->key : NULL;
}

const char *
psm_type_key_other(const psm_event_type_info *t)
{
	return t ? t->key_other : NULL;
}

const char *
psm_type_version(const psm_event_type_info *t)
{
	if (!t)
		return NULL;
	return t->version ? t->version : "1.0";
}

const char *
psm_type_meaning(const psm_event_type_info *t)
{
	return t ? t->meaning : NULL;
}

const char *
psm_type_note(const psm_event_type_info *t)
{
	return t ? t->note : NULL;
}

int
psm_type_is_command(const psm_event_type_info *t)
{
	return t ? t->command : 0;
}

/* The i-th of a list that ends with NULL, or NULL past its end. */
static const char *
name_at(const char *const *names, size_t i)
{
	size_t n;

	if (!names)
		return NULL;
	for (n = 0; names[n]; n++)
		if (n == i)
			return names[n];
	return NULL;
}

static const psm_field_info *
field_at(const psm_field_info *fields, size_t i)
{
	size_t n;

	if (!fields)
		return NULL;
	for (n = 0; fields[n].name; n++)
		if (n == i)
			return &fields[n];
	return NULL;
}

const char *
psm_type_alias_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->aliases, i) : NULL;
}

const char *
psm_type_producer_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->producers, i) : NULL;
}

const char *
psm_type_consumer_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->consumers, i) : NULL;
}

const psm_field_info *
psm_type_field_at(const psm_event_type_info *t, size_t i)
{
	return t ? field_at(t->fields, i) : NULL;
}

const char *
psm_field_name(const psm_field_info *f)
{
	return f ? f->name : NULL;
}

const char *
psm_field_type(const psm_field_info *f)
{
	return f ? type_names[f->type] : NULL;
}

int
psm_field_required(const psm_field_info *f)
{
	return f ? f->required : 0;
}

int
psm_field_nullable(const psm_field_info *f)
{
	return f ? f->nullable : 0;
}

int
psm_field_personal(const psm_field_info *f)
{
	return f ? f->personal : 0;
}

const char *
psm_field_word_at(const psm_field_info *f, size_t i)
{
	return f ? name_at(f->words, i) : NULL;
}

const psm_field_info *
psm_field_child_at(const psm_field_info *f, size_t i)
{
	return f ? field_at(f->fields, i) : NULL;
}

const char *
psm_field_item_type(const psm_field_info *f)
{
	if (!f || f->type != PSM__F_array)
		return NULL;
	return type_names[f->item_type];
}
