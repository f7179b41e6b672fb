/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of objects: found, and found twice. A big object is sorted once, which
 * costs n log n whatever the keys are: a hash table could be filled with keys
 * that an attacker made to collide.
 */
#include "json/json.h"

#include <string.h>

/* Most keys differ in their hash; where it is equal, strcmp decides. */
uint32_t
psm__json_key_hash(const char *key, size_t len)
{
	uint32_t head = 0, tail = 0;

	if (len >= sizeof(head)) {
		memcpy(&head, key, sizeof(head));
		memcpy(&tail, key + len - sizeof(tail), sizeof(tail));
	} else {
		for (size_t i = 0; i < len; i++)
			head = head << 8 | (unsigned char)key[i];
	}
	return (head * UINT32_C(0x9e3779b1)) ^ (tail * UINT32_C(0x85ebca77)) ^
	       (uint32_t)len;
}

static const char *
key_of(const struct psm__json_doc *doc, const struct psm_json *member)
{
	return doc->strings + member->key;
}

static int
compare(uint32_t hash, const char *key, const struct psm__json_doc *doc,
        const struct psm_json *member)
{
	if (hash != member->key_hash)
		return hash < member->key_hash ? -1 : 1;
	return strcmp(key, key_of(doc, member));
}

/* Members with one key stay in the order of the text. */
static int
is_before(const struct psm__json_doc *doc, uint32_t a, uint32_t b)
{
	const struct psm_json *one = &doc->value[a];
	int diff =
	    compare(one->key_hash, key_of(doc, one), doc, &doc->value[b]);

	return diff != 0 ? diff < 0 : a < b;
}

static void
sift_down(const struct psm__json_doc *doc, uint32_t *heap, size_t at,
          size_t count)
{
	for (;;) {
		size_t child = 2 * at + 1;
		uint32_t moved = heap[at];

		if (child >= count)
			return;
		if (child + 1 < count &&
		    is_before(doc, heap[child], heap[child + 1]))
			child++;
		if (!is_before(doc, moved, heap[child]))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
		at = child;
	}
}

/* Heap sort: in place, no recursion, no bad case. */
static void
sort(const struct psm__json_doc *doc, uint32_t *order, size_t count)
{
	for (size_t i = count / 2; i > 0; i--)
		sift_down(doc, order, i - 1, count);
	for (size_t i = count; i > 1; i--) {
		uint32_t last = order[i - 1];

		order[i - 1] = order[0];
		order[0] = last;
		sift_down(doc, order, 0, i - 1);
	}
}

static int
same_key(const struct psm__json_doc *doc, const struct psm_json *a,
         const struct psm_json *b)
{
	return a->key_hash == b->key_hash &&
	       strcmp(key_of(doc, a), key_of(doc, b)) == 0;
}

static const struct psm_json *
index_few(const struct psm__json_doc *doc, const struct psm_json *object)
{
	const struct psm_json *member = &doc->value[object->first];

	for (uint32_t i = 1; i < object->count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (same_key(doc, &member[i], &member[j]))
				return &member[i];
	return NULL;
}

const struct psm_json *
psm__json_index(struct psm__json_doc *doc, const struct psm_json *object)
{
	const struct psm_json *first_twice = NULL;
	uint32_t *order = doc->order + object->first;

	if (object->count <= PSM__JSON_FEW)
		return index_few(doc, object);
	for (uint32_t i = 0; i < object->count; i++)
		order[i] = object->first + i;
	sort(doc, order, object->count);
	for (uint32_t i = 1; i < object->count; i++) {
		const struct psm_json *member = &doc->value[order[i]];

		if (same_key(doc, member, &doc->value[order[i - 1]]) &&
		    (!first_twice || member->number < first_twice->number))
			first_twice = member;
	}
	return first_twice;
}

static const struct psm_json *
search(const struct psm__json_doc *doc, const struct psm_json *object,
       uint32_t hash, const char *key)
{
	const uint32_t *order = doc->order + object->first;
	size_t low = 0, high = object->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct psm_json *member = &doc->value[order[middle]];
		int diff = compare(hash, key, doc, member);

		if (diff == 0)
			return member;
		if (diff < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct psm_json *
psm__json_member(const struct psm_json *object, const char *key)
{
	const struct psm__json_doc *doc = psm__json_doc(object);
	const struct psm_json *member = &doc->value[object->first];
	uint32_t hash = psm__json_key_hash(key, strlen(key));

	if (object->count > PSM__JSON_FEW)
		return search(doc, object, hash, key);
	for (uint32_t i = 0; i < object->count; i++)
		if (compare(hash, key, doc, &member[i]) == 0)
			return &member[i];
	return NULL;
}
