/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The headers of a record, behind its value: for each of them the name with its
 * NUL, the length of the value in four bytes, the value. A header without a
 * value has NO_VALUE for a length. They end where the record ends.
 */
#include <string.h>

#include "event/cloudevent.h"
#include "spool/disk/disk.h"

#define NO_VALUE UINT32_MAX

size_t
psm__headers_size(const struct psm__header *headers, size_t count)
{
	size_t i, size = 0;

	for (i = 0; i < count; i++)
		size += strlen(headers[i].name) + 1 + sizeof(uint32_t) +
		        headers[i].len;
	return size;
}

void
psm__headers_put(const struct psm__header *headers, size_t count, char *to)
{
	size_t i, size;

	for (i = 0; i < count; i++) {
		const struct psm__header *h = &headers[i];
		uint32_t len = htole32(h->value ? (uint32_t)h->len : NO_VALUE);

		size = strlen(h->name) + 1;
		memcpy(to, h->name, size);
		memcpy(to + size, &len, sizeof(len));
		to += size + sizeof(len);
		if (h->value)
			memcpy(to, h->value, h->len);
		to += h->len;
	}
}

/* The first header of len bytes: how many it takes; 0: there is none. */
static size_t
take_header(const char *from, size_t len, struct psm__header *h)
{
	const char *end = memchr(from, '\0', len);
	size_t used;
	uint32_t size;

	if (!end)
		return 0;
	used = (size_t)(end + 1 - from) + sizeof(size);
	if (used > len)
		return 0;
	memcpy(&size, end + 1, sizeof(size));
	size = le32toh(size);
	h->name = from;
	h->value = size == NO_VALUE ? NULL : from + used;
	h->len = size == NO_VALUE ? 0 : size;
	return h->len > len - used ? 0 : used + h->len;
}

int
psm__headers_read(const struct psm__rec *rec, struct psm__header *out,
                  size_t *count)
{
	const char *at = (const char *)(rec + 1) + le16toh(rec->topic_len) + 1 +
	                 le32toh(rec->key_len) + le32toh(rec->value_len);
	const char *end = (const char *)rec + le32toh(rec->len);
	size_t used;

	for (*count = 0; at < end; ++*count, at += used) {
		if (*count == PSM__REC_HEADERS)
			return 0;
		used = take_header(at, (size_t)(end - at), &out[*count]);
		if (used == 0)
			return 0;
	}
	return 1;
}

size_t
psm__rec_id(const struct psm__rec *rec, const char **id)
{
	struct psm__header headers[PSM__REC_HEADERS];
	const char *value = (const char *)(rec + 1) + le16toh(rec->topic_len) +
	                    1 + le32toh(rec->key_len);
	size_t count, i;

	*id = value + le16toh(rec->id_at);
	if (le16toh(rec->id_len) > 0 ||
	    !psm__headers_read(rec, headers, &count))
		return le16toh(rec->id_len);
	for (i = 0; i < count; i++)
		if (headers[i].value &&
		    strcmp(headers[i].name, psm__ce_names[PSM__CE_ID]) == 0) {
			*id = headers[i].value;
			return headers[i].len;
		}
	return 0;
}
