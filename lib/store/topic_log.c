/* SPDX-License-Identifier: BSD-2-Clause */
#include "json/json.h"
#include "store/conn.h"
#include "store/migrate.h"
#include "store/pool.h"
#include "store/topic_log.h"
#include "store/topic_param.h"

#include <string.h>

/* A statement that has no answer for so long is given up with its connection.
 * Migrations wait for those of other programs. */
#define ANSWER_MS 5000
#define MIGRATE_MS 60000

/*
 * The plan must be the index scan also while statistics know of an empty table:
 * it is kept for as long as the connection.
 */
#define PLANNER_SQL                                                            \
	"SELECT set_config('enable_seqscan', 'off', false), "                  \
	"set_config('enable_bitmapscan', 'off', false)"

static int
set_up(struct psm__conn *c, int *ready, psm_error *err)
{
	int rc = 0;

	if (!__atomic_load_n(ready, __ATOMIC_ACQUIRE)) {
		psm__conn_limits(c, MIGRATE_MS, NULL);
		rc = psm__migrate_on(c, psm__migrations, "transport", err);
	}
	psm__conn_limits(c, ANSWER_MS, NULL);
	if (rc == 0)
		rc = psm__conn_exec(c, PLANNER_SQL, 0, NULL, NULL, err);
	if (rc == 0)
		__atomic_store_n(ready, 1, __ATOMIC_RELEASE);
	return rc;
}

int
psm__topic_connect(psm_store *st, const char *purpose, int timeout_ms,
                   int *ready, struct psm__conn **out, psm_error *err)
{
	int rc;

	rc = psm__store_connect_within(st, purpose, timeout_ms, out, err);
	if (rc < 0)
		return rc;
	rc = set_up(*out, ready, err);
	if (rc < 0) {
		psm__conn_close(*out);
		*out = NULL;
	}
	return rc;
}

int
psm__topic_ensure(struct psm__conn *c, const char *topic, int partitions,
                  int32_t *count, psm_error *err)
{
	psm_rows *rows = NULL;
	const char *params[2];
	struct psm__number text;
	int rc;

	*count = 0;
	params[0] = topic;
	params[1] = psm__number(&text, partitions);
	rc = psm__conn_exec(c,
	                    "SELECT partitions FROM psymatch.topic_ensure("
	                    "ARRAY[$1::text], $2::integer)",
	                    2, params, &rows, err);
	if (rc == 0)
		*count = (int32_t)psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	if (rc == 0 && *count < 1)
		rc = psm__fail(err, PSM_ERR_DB, "topic %s: cannot be made",
		               topic);
	return rc;
}

/* -- appending */

/* Text that JSON in PostgreSQL can hold: UTF-8 without NUL. */
static int
is_text(const struct psm__header *h)
{
	return psm__utf8_check(h->value, h->len) == h->len &&
	       !memchr(h->value, '\0', h->len);
}

static void
put_hex(struct psm__buf *b, const char *bytes, size_t len)
{
	size_t i;

	psm__buf_puts(b, "{\"hex\":\"");
	for (i = 0; i < len; i++)
		psm__buf_printf(b, "%02x", (unsigned char)bytes[i]);
	psm__buf_puts(b, "\"}");
}

/* [[name, value], ..]; the names are the library's or a broker's: text. */
static void
put_headers(struct psm__buf *b, const struct psm__header *list, size_t count)
{
	size_t i;

	psm__buf_reset(b);
	psm__buf_putc(b, '[');
	for (i = 0; i < count; i++) {
		const struct psm__header *h = &list[i];
		size_t len = psm__utf8_check(h->name, strlen(h->name));

		psm__buf_puts(b, i > 0 ? ",[" : "[");
		psm__json_quote(b, h->name, len);
		psm__buf_putc(b, ',');
		if (!h->value)
			psm__buf_puts(b, "null");
		else if (is_text(h))
			psm__json_quote(b, h->value, h->len);
		else
			put_hex(b, h->value, h->len);
		psm__buf_putc(b, ']');
	}
	psm__buf_putc(b, ']');
}

enum append_array { TOPICS, PARTITIONS, KEYS, VALUES, HEADERS, N_ARRAYS };

static void
fill_arrays(struct psm__sql_array a[N_ARRAYS],
            const struct psm__topic_message *list, size_t count)
{
	struct psm__buf headers = {0};
	size_t i;

	psm__sql_array_begin(&a[TOPICS], PSM__ARRAY_TEXT);
	psm__sql_array_begin(&a[PARTITIONS], PSM__ARRAY_INT4);
	psm__sql_array_begin(&a[KEYS], PSM__ARRAY_BYTEA);
	psm__sql_array_begin(&a[VALUES], PSM__ARRAY_BYTEA);
	psm__sql_array_begin(&a[HEADERS], PSM__ARRAY_TEXT);
	for (i = 0; i < count; i++) {
		const struct psm__topic_message *m = &list[i];

		psm__sql_array_text(&a[TOPICS], m->topic);
		psm__sql_array_int4(&a[PARTITIONS], m->partition);
		psm__sql_array_bytes(&a[KEYS], m->key, m->key_len);
		psm__sql_array_bytes(&a[VALUES], m->value, m->value_len);
		if (m->header_count > 0)
			put_headers(&headers, m->headers, m->header_count);
		if (headers.failed)
			a[HEADERS].bytes.failed = 1;
		psm__sql_array_text(&a[HEADERS],
		                    m->header_count > 0 ? headers.data : NULL);
	}
	psm__buf_free(&headers);
}

int
psm__topic_append(struct psm__conn *c, const char *writer, int64_t batch,
                  const struct psm__topic_message *list, size_t count,
                  psm_error *err)
{
	struct psm__sql_array arrays[N_ARRAYS] = {0};
	struct psm__param params[2 + N_ARRAYS];
	struct psm__number text;
	int rc;

	params[0] = psm__param_text(writer);
	params[1] = psm__param_text(psm__number(&text, batch));
	fill_arrays(arrays, list, count);
	rc = psm__sql_array_params(arrays, N_ARRAYS, params + 2, err);
	/* The answer is an acknowledgement: nobody keeps a copy after it. */
	if (rc == 0)
		rc = psm__conn_durable(c, err);
	if (rc == 0)
		rc = psm__conn_queue(
		    c,
		    "SELECT psymatch.log_append($1::uuid, $2::bigint, "
		    "$3::text[], $4::integer[], $5::bytea[], $6::bytea[], "
		    "$7::text[])",
		    PSM__COUNT(params), params, NULL, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	psm__sql_arrays_free(arrays, N_ARRAYS);
	return rc;
}

int
psm__topic_forget_writer(struct psm__conn *c, const char *writer,
                         psm_error *err)
{
	return psm__conn_exec(
	    c, "DELETE FROM psymatch.log_writer WHERE writer = $1::uuid", 1,
	    &writer, NULL, err);
}

/* -- reading */

#define ENDS_SQL                                                               \
	"SELECT p.first, p.next, (SELECT generation FROM "                     \
	"psymatch.group_state WHERE group_name = $3), " PSM__INCARNATION_SQL   \
	" FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY "             \
	"AS w(topic, partition, nth) LEFT JOIN psymatch.log_partition AS p "   \
	"ON p.topic = w.topic AND p.partition = w.partition "                  \
	"LEFT JOIN psymatch.topic AS t ON t.name = w.topic ORDER BY w.nth"

#define GENERATION_SQL                                                         \
	"SELECT generation FROM psymatch.group_state WHERE group_name = $1"

/* The size of a value is known without reading it. */
#define READ_SQL                                                               \
	"SELECT w.nth, l.\"offset\", "                                         \
	"(extract(epoch FROM l.ts) * 1000)::bigint, encode(l.key, 'hex'), "    \
	"encode(l.value, 'hex'), l.headers "                                   \
	"FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bigint[]) "  \
	"AS w(topic, partition, position, nth) CROSS JOIN LATERAL "            \
	"(SELECT * FROM (SELECT h.*, coalesce(octet_length(h.value), 0) AS "   \
	"size, sum(coalesce(octet_length(h.value), 0)) OVER "                  \
	"(ORDER BY h.\"offset\" ROWS UNBOUNDED PRECEDING) AS total "           \
	"FROM (SELECT * FROM psymatch.log AS g WHERE g.topic = w.topic "       \
	"AND g.partition = w.partition AND g.\"offset\" >= w.position "        \
	"ORDER BY g.\"offset\" LIMIT $5::bigint) AS h) AS s "                  \
	"WHERE s.total - s.size < $6::bigint) AS l "                           \
	"ORDER BY w.nth, l.\"offset\""

enum read_array { R_TOPICS, R_PARTITIONS, R_POSITIONS, R_NUMBERS, N_READ };

static int
queue_ends(struct psm__conn *c, const char *group,
           const struct psm__topic_place *list, size_t count, psm_rows **ends,
           psm_error *err)
{
	struct psm__sql_array arrays[2] = {0};
	struct psm__param params[3];
	size_t i;
	int rc;

	psm__sql_array_begin(&arrays[0], PSM__ARRAY_TEXT);
	psm__sql_array_begin(&arrays[1], PSM__ARRAY_INT4);
	for (i = 0; i < count; i++) {
		psm__sql_array_text(&arrays[0], list[i].topic);
		psm__sql_array_int4(&arrays[1], list[i].partition);
	}
	params[2] = psm__param_text(group);
	rc = psm__sql_array_params(arrays, 2, params, err);
	if (rc == 0)
		rc = psm__conn_queue(c, ENDS_SQL, 3, params, ends, err);
	psm__sql_arrays_free(arrays, 2);
	return rc;
}

static int
queue_read(struct psm__conn *c, const struct psm__topic_place *list,
           size_t count, int most, int most_bytes, psm_rows **rows,
           psm_error *err)
{
	struct psm__sql_array a[N_READ] = {0};
	struct psm__param params[N_READ + 2];
	struct psm__number m, b;
	size_t i;
	int rc;

	psm__sql_array_begin(&a[R_TOPICS], PSM__ARRAY_TEXT);
	psm__sql_array_begin(&a[R_PARTITIONS], PSM__ARRAY_INT4);
	psm__sql_array_begin(&a[R_POSITIONS], PSM__ARRAY_INT8);
	psm__sql_array_begin(&a[R_NUMBERS], PSM__ARRAY_INT8);
	for (i = 0; i < count; i++) {
		if (!list[i].wanted)
			continue;
		psm__sql_array_text(&a[R_TOPICS], list[i].topic);
		psm__sql_array_int4(&a[R_PARTITIONS], list[i].partition);
		psm__sql_array_int8(&a[R_POSITIONS], list[i].position);
		psm__sql_array_int8(&a[R_NUMBERS], (int64_t)i);
	}
	params[N_READ] = psm__param_text(psm__number(&m, most));
	params[N_READ + 1] = psm__param_text(psm__number(&b, most_bytes));
	rc = psm__sql_array_params(a, N_READ, params, err);
	if (rc == 0 && a[R_TOPICS].count > 0)
		rc = psm__conn_queue(c, READ_SQL, PSM__COUNT(params), params,
		                     rows, err);
	psm__sql_arrays_free(a, N_READ);
	return rc;
}

static void
take_ends(const psm_rows *ends, struct psm__topic_place *list, size_t count,
          int64_t *generation)
{
	size_t i;

	*generation = -1;
	for (i = 0; i < count; i++) {
		list[i].first = psm_rows_int(ends, i, 0);
		list[i].next =
		    psm_rows_text(ends, i, 1) ? psm_rows_int(ends, i, 1) : -1;
		list[i].incarnation = psm_rows_int(ends, i, 3);
		if (psm_rows_text(ends, i, 2))
			*generation = psm_rows_int(ends, i, 2);
	}
}

/* The ends are read behind the messages: they know of all that was read. */
int
psm__topic_read(struct psm__conn *c, const char *group,
                struct psm__topic_place *list, size_t count, int most,
                int most_bytes, int64_t *generation, psm_rows **rows,
                psm_error *err)
{
	const struct psm__param name = {group, 0, 0};
	psm_rows *ends = NULL;
	int rc;

	*rows = NULL;
	rc = queue_read(c, list, count, most, most_bytes, rows, err);
	if (rc == 0 && count > 0)
		rc = queue_ends(c, group, list, count, &ends, err);
	else if (rc == 0)
		rc = psm__conn_queue(c, GENERATION_SQL, 1, &name, &ends, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	else
		psm__conn_forget(c);
	if (rc == 0 && count > 0)
		take_ends(ends, list, count, generation);
	else if (rc == 0)
		*generation =
		    psm_rows_count(ends) > 0 ? psm_rows_int(ends, 0, 0) : -1;
	psm_rows_free(ends);
	return rc;
}

void
psm__topic_row(const psm_rows *rows, size_t i, struct psm__topic_row *out)
{
	out->place = (size_t)psm_rows_int(rows, i, 0);
	out->offset = psm_rows_int(rows, i, 1);
	out->timestamp_ms = psm_rows_int(rows, i, 2);
	out->key = psm_rows_text(rows, i, 3);
	out->value = psm_rows_text(rows, i, 4);
	out->headers = psm_rows_text(rows, i, 5);
}

int
psm__topic_expire(struct psm__conn *c, int64_t keep_ms, int most,
                  int64_t *count, psm_error *err)
{
	psm_rows *rows = NULL;
	const char *params[2];
	struct psm__number a, b;
	int rc;

	params[0] = psm__number(&a, keep_ms);
	params[1] = psm__number(&b, most);
	rc = psm__conn_exec(
	    c, "SELECT psymatch.log_expire($1::bigint, $2::integer)", 2, params,
	    &rows, err);
	*count = rc == 0 ? psm_rows_int(rows, 0, 0) : 0;
	psm_rows_free(rows);
	return rc;
}
