/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into the catalogue: what tools, bindings and the other rooms see. */
#include <assert.h>
#include <pthread.h>
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

/*
 * Names and aliases by their hash, so that an event's type costs one look. The
 * table is made once, before anybody looks, and is half empty.
 */
#define SLOTS 256
static struct slot {
	const char *name;
	size_t len;
	const psm_event_type_info *type;
} slots[SLOTS];

static pthread_once_t slots_once = PTHREAD_ONCE_INIT;
static int slots_made; /* __atomic: a look costs one load, not a call */

/* Types share their first words and differ in the last ones. */
static size_t
slot_of(const char *name, size_t len)
{
	uint64_t first = 0, last = 0;

	if (len >= 8) {
		memcpy(&first, name, 8);
		memcpy(&last, name + len - 8, 8);
	} else {
		memcpy(&first, name, len);
	}
	first = (first ^ len) * UINT64_C(0x9e3779b97f4a7c15);
	last = (last ^ first >> 32) * UINT64_C(0xff51afd7ed558ccd);
	return (size_t)(last >> 32) % SLOTS;
}

static void
add_slot(const char *name, const psm_event_type_info *type)
{
	size_t len = strlen(name), i = slot_of(name, len);

	while (slots[i].name)
		i = (i + 1) % SLOTS;
	slots[i] = (struct slot){name, len, type};
}

static void
make_slots(void)
{
	const char *const *alias;
	size_t i, names = 0;

	for (i = 0; i < psm__catalogue_count; i++) {
		add_slot(psm__catalogue[i].name, &psm__catalogue[i]);
		alias = psm__catalogue[i].aliases;
		for (names++; alias && *alias; alias++, names++)
			add_slot(*alias, &psm__catalogue[i]);
	}
	assert(names <= SLOTS / 2);
	__atomic_store_n(&slots_made, 1, __ATOMIC_RELEASE);
}

const psm_event_type_info *
psm__catalogue_find(const char *type, size_t len)
{
	size_t i;

	if (!__atomic_load_n(&slots_made, __ATOMIC_ACQUIRE))
		pthread_once(&slots_once, make_slots);
	for (i = slot_of(type, len); slots[i].name; i = (i + 1) % SLOTS)
		if (slots[i].len == len &&
		    memcmp(slots[i].name, type, len) == 0)
			return slots[i].type;
	return NULL;
}

const psm_event_type_info *
psm_catalogue_find(const char *type)
{
	return type ? psm__catalogue_find(type, strlen(type)) : NULL;
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
psm_catalogue_type_name(const psm_event_type_info *t)
{
	return t ? t->name : NULL;
}

const char *
psm_catalogue_type_topic(const psm_event_type_info *t)
{
	return t ? t->topic : NULL;
}

const char *
psm_catalogue_type_key_field(const psm_event_type_info *t)
{
	return t ? t->key : NULL;
}

const char *
psm_catalogue_type_key_other(const psm_event_type_info *t)
{
	return t ? t->key_other : NULL;
}

const char *
psm_catalogue_type_version(const psm_event_type_info *t)
{
	if (!t)
		return NULL;
	return t->version ? t->version : "1.0";
}

const char *
psm_catalogue_type_meaning(const psm_event_type_info *t)
{
	return t ? t->meaning : NULL;
}

const char *
psm_catalogue_type_note(const psm_event_type_info *t)
{
	return t ? t->note : NULL;
}

int
psm_catalogue_type_is_command(const psm_event_type_info *t)
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

static const psm_catalogue_field_info *
field_at(const psm_catalogue_field_info *fields, size_t i)
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
psm_catalogue_type_alias_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->aliases, i) : NULL;
}

const char *
psm_catalogue_type_producer_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->producers, i) : NULL;
}

const char *
psm_catalogue_type_consumer_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->consumers, i) : NULL;
}

const char *
psm_catalogue_type_planned_at(const psm_event_type_info *t, size_t i)
{
	return t ? name_at(t->planned, i) : NULL;
}

const psm_catalogue_field_info *
psm_catalogue_type_field_at(const psm_event_type_info *t, size_t i)
{
	return t ? field_at(t->fields, i) : NULL;
}

const char *
psm_catalogue_field_name(const psm_catalogue_field_info *f)
{
	return f ? f->name : NULL;
}

const char *
psm_catalogue_field_type(const psm_catalogue_field_info *f)
{
	return f ? type_names[f->type] : NULL;
}

int
psm_catalogue_field_required(const psm_catalogue_field_info *f)
{
	return f ? f->required : 0;
}

int
psm_catalogue_field_nullable(const psm_catalogue_field_info *f)
{
	return f ? f->nullable : 0;
}

int
psm_catalogue_field_personal(const psm_catalogue_field_info *f)
{
	return f ? f->personal : 0;
}

const char *
psm_catalogue_field_word_at(const psm_catalogue_field_info *f, size_t i)
{
	return f ? name_at(f->words, i) : NULL;
}

const psm_catalogue_field_info *
psm_catalogue_field_child_at(const psm_catalogue_field_info *f, size_t i)
{
	return f ? field_at(f->fields, i) : NULL;
}

const char *
psm_catalogue_field_item_type(const psm_catalogue_field_info *f)
{
	if (!f || f->type != PSM__F_array)
		return NULL;
	return type_names[f->item_type];
}
