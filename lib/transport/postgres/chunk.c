/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages that were read together. Bytes are put down first and pointed to at
 * the end, because their block moves while it grows: until then, a pointer is
 * the place plus one.
 */
#include "transport/postgres/source.h"

#include <psymatch/json.h>
#include <string.h>

void
psm__pg_release(struct psm__pg_chunk *chunk)
{
	if (!chunk || --chunk->refs > 0)
		return;
	psm__free(chunk->records);
	psm__free(chunk->headers);
	psm__free(chunk->bytes);
	psm__free(chunk);
}

struct build {
	struct psm__pg_chunk *chunk;
	struct psm__buf bytes;
	size_t header_count, header_cap;
};

static void *
place_of(size_t at)
{
	return (void *)(uintptr_t)(at + 1);
}

static size_t
at_place(const void *place)
{
	return (size_t)(uintptr_t)place - 1;
}

/* Puts a NUL behind, too. */
static void *
add_bytes(struct build *b, const void *bytes, size_t len)
{
	size_t at = b->bytes.len;

	psm__buf_put(&b->bytes, bytes, len);
	psm__buf_putc(&b->bytes, '\0');
	return place_of(at);
}

static void *
add_hex(struct build *b, const char *hex, size_t *len)
{
	size_t at = b->bytes.len;
	size_t most = strlen(hex) / 2;

	/* The text itself makes the room, which is twice what is needed. */
	psm__buf_puts(&b->bytes, hex);
	psm__buf_putc(&b->bytes, '\0');
	*len = most;
	if (b->bytes.failed)
		return NULL;
	*len = psm__hex_read(hex, b->bytes.data + at);
	b->bytes.data[at + *len] = '\0';
	b->bytes.len = at + *len + 1;
	return place_of(at);
}

static int
add_header(struct build *b, const psm_json *pair)
{
	const psm_json *value = psm_json_item(pair, 1);
	const psm_json *hex = psm_json_at(value, "/hex");
	const char *name = psm_json_string(psm_json_item(pair, 0));
	const char *text = psm_json_string(value);
	struct psm__header *h;

	if (!name)
		return 0;
	if (psm__grow(&b->chunk->headers, &b->header_cap, b->header_count + 1,
	              sizeof *h) < 0)
		return PSM_ERR_NOMEM;
	h = &b->chunk->headers[b->header_count++];
	memset(h, 0, sizeof *h);
	h->name = add_bytes(b, name, strlen(name));
	if (text) {
		h->len = strlen(text);
		h->value = add_bytes(b, text, h->len);
	} else if (psm_json_string(hex)) {
		h->value = add_hex(b, psm_json_string(hex), &h->len);
	}
	return 0;
}

/* What stands in headers is ours; where it is not, there are none. */
static int
add_headers(struct build *b, struct psm__record *rec, const char *text)
{
	psm_json *doc = NULL;
	size_t i;
	int rc = psm_json_parse(text, strlen(text), &doc, NULL);

	if (rc < 0)
		return rc == PSM_ERR_NOMEM ? rc : 0;
	rec->headers = place_of(b->header_count);
	for (i = 0; i < psm_json_count(doc) && rc == 0; i++)
		rc = add_header(b, psm_json_item(doc, i));
	rec->header_count = b->header_count - at_place(rec->headers);
	psm_json_free(doc);
	return rc;
}

static int
add_record(struct build *b, int32_t partition, const struct psm__topic_row *row)
{
	struct psm__record *rec = &b->chunk->records[b->chunk->count++];

	rec->partition = partition;
	rec->offset = row->offset;
	rec->timestamp_ms = row->timestamp_ms;
	rec->handle = b->chunk;
	if (row->key)
		rec->key = add_hex(b, row->key, &rec->key_len);
	if (row->value)
		rec->value = add_hex(b, row->value, &rec->value_len);
	return row->headers ? add_headers(b, rec, row->headers) : 0;
}

static const char *
point(const char *bytes, const void *place)
{
	return place ? bytes + at_place(place) : NULL;
}

/* The topic's name stands first in the bytes. */
static void
finish(struct build *b)
{
	struct psm__pg_chunk *c = b->chunk;
	size_t i;

	c->bytes = psm__buf_take(&b->bytes, NULL);
	for (i = 0; i < b->header_count; i++) {
		c->headers[i].name = point(c->bytes, c->headers[i].name);
		c->headers[i].value = point(c->bytes, c->headers[i].value);
	}
	for (i = 0; i < c->count; i++) {
		struct psm__record *rec = &c->records[i];

		rec->topic = c->bytes;
		rec->key = point(c->bytes, rec->key);
		rec->value = point(c->bytes, rec->value);
		rec->headers = rec->header_count > 0
		                   ? c->headers + at_place(rec->headers)
		                   : NULL;
	}
}

int
psm__pg_chunk(const struct psm__topic_place *at, const psm_rows *rows,
              size_t first, size_t count, struct psm__pg_chunk **out,
              psm_error *err)
{
	struct build b = {0};
	struct psm__topic_row row;
	size_t i;
	int rc = 0;

	*out = NULL;
	b.chunk = psm__alloc(sizeof *b.chunk);
	if (!b.chunk)
		return psm__nomem(err);
	b.chunk->refs = 1;
	b.chunk->records = psm__array(count, sizeof *b.chunk->records);
	(void)add_bytes(&b, at->topic, strlen(at->topic));
	if (!b.chunk->records)
		rc = PSM_ERR_NOMEM;
	for (i = 0; i < count && rc == 0; i++) {
		psm__topic_row(rows, first + i, &row);
		rc = add_record(&b, at->partition, &row);
	}
	if (rc == 0 && !b.bytes.failed) {
		finish(&b);
		*out = b.chunk;
		return 0;
	}
	psm__buf_free(&b.bytes);
	psm__pg_release(b.chunk);
	return psm__nomem(err);
}
