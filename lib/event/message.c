/* SPDX-License-Identifier: BSD-2-Clause */
#include "event/message.h"

#include <string.h>

size_t
psm__header_bytes(const struct psm__header *headers, size_t count)
{
	size_t i, size = 0;

	for (i = 0; i < count; i++)
		size += strlen(headers[i].name) + 1 + headers[i].len;
	return size;
}

const char *
psm__put(char **at, const void *bytes, size_t len)
{
	char *to = *at;

	if (!bytes)
		return NULL;
	memcpy(to, bytes, len);
	*at += len;
	return to;
}

struct psm__header
psm__put_header(char **at, const struct psm__header *from)
{
	struct psm__header h;

	h.name = psm__put(at, from->name, strlen(from->name) + 1);
	h.value = psm__put(at, from->value, from->len);
	h.len = from->value ? from->len : 0;
	return h;
}
