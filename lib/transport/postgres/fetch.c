/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading messages: one statement for all partitions that have none left. */
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

void
psm__pg_forget(struct psm__pg_part *part)
{
	psm__pg_release(part->chunk);
	part->chunk = NULL;
	part->at = 0;
}

void
psm__pg_count_lag(struct psm__pg_source *s)
{
	int64_t lag = 0;
	size_t i;

	for (i = 0; i < s->part_count && lag >= 0; i++) {
		const struct psm__pg_part *p = s->parts[i];

		if (p->end < 0)
			lag = -1;
		else if (p->end > p->position)
			lag += p->end - (p->position < 0 ? 0 : p->position);
	}
	__atomic_store_n(&s->lag, s->joined ? lag : -1, __ATOMIC_RELAXED);
}

/* -- making records. Bytes are put down first and pointed to at the end,
 * because their block moves while it grows: until then, a pointer is the place
 * plus one. */

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
	*len = psm__topic_unhex(hex, b->bytes.data + at);
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
	rec->hold = b->chunk;
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

static int
take_chunk(struct psm__pg_part *part, const struct psm__topic_place *at,
           const psm_rows *rows, size_t first, size_t count, psm_error *err)
{
	struct psm__pg_chunk *chunk;
	int rc = psm__pg_chunk(at, rows, first, count, &chunk, err);

	if (rc < 0)
		return rc;
	psm__pg_forget(part);
	part->chunk = chunk;
	return 0;
}

/* -- where the log begins and ends */

/* What lies between was deleted, or the log is another one. */
static void
jump(struct psm__pg_part *part, int64_t to)
{
	part->gap_from = part->position;
	part->gap_to = part->position = to;
}

/* first_row: offset of the first message that was read, -1: none was. */
static void
check_ends(struct psm__pg_part *part, const struct psm__topic_place *at,
           int64_t first_row)
{
	if (part->position < 0) {
		part->position = first_row >= 0 ? first_row : at->first;
		return;
	}
	if (!at->wanted)
		return;
	if (first_row > part->position)
		jump(part, first_row);
	else if (first_row < 0 &&
	         (part->position < at->first || part->position > at->next))
		jump(part, at->first);
}

/* 0: the topic was dropped, and may be there again: its messages are not those
 * that the position counts. The group tells where to begin. */
static int
is_same_log(struct psm__pg_source *s, struct psm__pg_part *part,
            const struct psm__topic_place *at)
{
	int64_t before = part->incarnation;

	part->end = at->next;
	if (at->next >= 0)
		part->incarnation = *psm__pg_incarnation(s, part->topic) =
		    at->incarnation;
	if (at->next >= 0 && (before == 0 || before == at->incarnation))
		return 1;
	psm__pg_forget(part);
	if (part->position > 0)
		jump(part, 0);
	__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	return 0;
}

static int
take_rows(struct psm__pg_source *s, const struct psm__topic_place *list,
          const psm_rows *rows, psm_error *err)
{
	size_t i, at = 0, count = psm_rows_count(rows);
	struct psm__topic_row row;
	int rc = 0;

	for (i = 0; i < s->part_count; i++) {
		size_t first = at;
		int64_t offset = -1;

		for (; at < count; at++) {
			psm__topic_row(rows, at, &row);
			if (row.place != i)
				break;
			if (at == first)
				offset = row.offset;
		}
		if (!is_same_log(s, s->parts[i], &list[i]))
			continue;
		check_ends(s->parts[i], &list[i], offset);
		if (at > first && rc == 0)
			rc = take_chunk(s->parts[i], &list[i], rows, first,
			                at - first, err);
	}
	return rc < 0 ? rc : count > 0;
}

/* The answer has the bytes in hexadecimal, and is there together with what is
 * made of it: a quarter of the limit for all partitions. */
static int
fetch_bytes(const struct psm__pg_source *s)
{
	int64_t share = s->pg->prefetch_max / 4 / (int64_t)(s->part_count + 1);

	return share < PSM__PG_FETCH_BYTES ? (int)share : PSM__PG_FETCH_BYTES;
}

int
psm__pg_fetch(struct psm__pg_source *s, psm_error *err)
{
	struct psm__topic_place *list = NULL;
	int64_t now = psm__mono_ms(), generation = -1;
	psm_rows *rows = NULL;
	size_t i;
	int rc;

	list = psm__array(s->part_count + 1, sizeof *list);
	if (!list)
		return psm__nomem(err);
	for (i = 0; i < s->part_count; i++) {
		const struct psm__pg_part *p = s->parts[i];

		list[i] = (struct psm__topic_place){
		    .topic = p->topic,
		    .partition = p->partition,
		    .position = p->position,
		    .wanted = !p->chunk && p->held_until_ms <= now,
		};
	}
	rc = psm__topic_read(s->link.conn, s->group, list, s->part_count,
	                     PSM__PG_FETCH_MOST, fetch_bytes(s), &generation,
	                     &rows, err);
	if (rc == 0)
		rc = take_rows(s, list, rows, err);
	if (rc >= 0 && generation != s->generation)
		__atomic_store_n(&s->follow, 1, __ATOMIC_RELEASE);
	psm__pg_count_lag(s);
	psm_rows_free(rows);
	psm__free(list);
	return rc;
}
