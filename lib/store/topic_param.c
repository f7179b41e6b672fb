/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/topic_param.h"

#include <string.h>

/* Where the number of elements stands. */
#define COUNT_AT 12

static void
put32(char *out, uint32_t value)
{
	out[0] = (char)(value >> 24);
	out[1] = (char)(value >> 16);
	out[2] = (char)(value >> 8);
	out[3] = (char)value;
}

static void
add32(struct psm__buf *b, uint32_t value)
{
	char bytes[4];

	put32(bytes, value);
	psm__buf_put(b, bytes, sizeof bytes);
}

void
psm__sql_array_begin(struct psm__sql_array *a, enum psm__sql_array_type type)
{
	a->count = 0;
	psm__buf_reset(&a->bytes);
	add32(&a->bytes, 1); /* dimensions */
	add32(&a->bytes, 1); /* there may be nulls */
	add32(&a->bytes, (uint32_t)type);
	add32(&a->bytes, 0); /* elements, written at the end */
	add32(&a->bytes, 1); /* the first one's index */
}

void
psm__sql_array_bytes(struct psm__sql_array *a, const void *bytes, size_t len)
{
	a->count++;
	if (!bytes || len > INT32_MAX) {
		add32(&a->bytes, UINT32_MAX);
		return;
	}
	add32(&a->bytes, (uint32_t)len);
	psm__buf_put(&a->bytes, bytes, len);
}

void
psm__sql_array_text(struct psm__sql_array *a, const char *text)
{
	psm__sql_array_bytes(a, text, text ? strlen(text) : 0);
}

void
psm__sql_array_int4(struct psm__sql_array *a, int32_t value)
{
	char bytes[4];

	put32(bytes, (uint32_t)value);
	psm__sql_array_bytes(a, bytes, sizeof bytes);
}

void
psm__sql_array_int8(struct psm__sql_array *a, int64_t value)
{
	char bytes[8];

	put32(bytes, (uint32_t)((uint64_t)value >> 32));
	put32(bytes + 4, (uint32_t)value);
	psm__sql_array_bytes(a, bytes, sizeof bytes);
}

int
psm__sql_array_param(struct psm__sql_array *a, struct psm__param *out,
                     psm_error *err)
{
	if (a->bytes.failed)
		return psm__nomem(err);
	put32(a->bytes.data + COUNT_AT, a->count);
	*out = psm__param_bytes(a->bytes.data, a->bytes.len);
	return 0;
}

void
psm__sql_array_free(struct psm__sql_array *a)
{
	psm__buf_free(&a->bytes);
}

int
psm__sql_array_params(struct psm__sql_array *list, size_t count,
                      struct psm__param *out, psm_error *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < count && rc == 0; i++)
		rc = psm__sql_array_param(&list[i], &out[i], err);
	return rc;
}

void
psm__sql_arrays_free(struct psm__sql_array *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		psm__sql_array_free(&list[i]);
}
