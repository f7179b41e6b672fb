/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that wait to be tried again, each key in its order. */
#include "store/delivery.h"

#include "store/topic_param.h"

#include <stdio.h>
#include <string.h>

/* Held by whoever changes what is parked of a key, until its transaction ends:
 * without it an event could be put behind one that has just been handled. The
 * same in the SQL functions of dead letters. */
#define KEY_LOCK                                                               \
	"hashtextextended($1 || '/' || encode($2::bytea, 'escape'), "          \
	"8102661386)"

/* No bytes are empty ones. */
static struct psm__param
or_empty(const void *bytes, size_t len)
{
	return psm__param_bytes(bytes ? bytes : "", bytes ? len : 0);
}

int
psm__parked_of_key(psm_tx *tx, const char *consumer, const void *key,
                   size_t key_len, int64_t most, int64_t *count, psm_error *err)
{
	struct psm__number limit;
	struct psm__param params[3] = {
	    psm__param_text(consumer), or_empty(key, key_len),
	    psm__param_text(psm__number(&limit, most))};
	psm_rows *rows = NULL;
	int rc;

	*count = 0;
	rc = psm__tx_queue(tx, "SELECT pg_advisory_xact_lock(" KEY_LOCK ")", 2,
	                   params, NULL, err);
	if (rc == 0)
		rc = psm__tx_queue(
		    tx,
		    "SELECT count(*) FROM (SELECT FROM psymatch.parked WHERE "
		    "consumer = $1 AND key = encode($2::bytea, 'escape') LIMIT "
		    "$3::bigint) AS part",
		    3, params, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*count = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__parked_keys(psm_tx *tx, const char *consumer, int64_t most, int64_t *count,
                 psm_error *err)
{
	struct psm__number limit;
	struct psm__param params[2] = {
	    psm__param_text(consumer),
	    psm__param_text(psm__number(&limit, most))};
	psm_rows *rows = NULL;
	int rc;

	*count = 0;
	rc = psm__tx_queue(tx,
	                   "SELECT count(*) FROM (SELECT FROM psymatch.parked "
	                   "WHERE consumer = $1 AND state <> 'waiting' LIMIT "
	                   "$2::bigint) AS part",
	                   2, params, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*count = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}

int
psm__parked_add(psm_tx *tx, const struct psm__parking *p, psm_error *err)
{
	struct psm__number partition, offset, attempts, delay;
	struct psm__param list[17] = {
	    psm__param_text(p->at.consumer),
	    or_empty(p->key, p->key_len),
	    psm__param_text(p->event_id),
	    psm__param_text(p->type),
	    psm__param_text(p->at.topic),
	    psm__param_text(psm__number(&partition, p->at.partition)),
	    psm__param_text(psm__number(&offset, p->offset)),
	    or_empty(p->raw, p->raw_len),
	    psm__param_text(p->causation_id),
	    psm__param_text(p->correlation_id),
	    psm__param_text(p->traceparent),
	    psm__param_text(p->tracestate),
	    psm__param_text(psm__number(&attempts, p->attempts)),
	    psm__param_text(psm__number(&delay, p->delay_ms)),
	    psm__param_text(p->attempts > 0 ? "retry" : "waiting"),
	    psm__param_text(p->code < 0 ? psm_error_name(p->code) : NULL),
	    psm__param_text(p->reason)};

	return psm__tx_queue(
	    tx,
	    "INSERT INTO psymatch.parked (consumer, key, event_id, type, "
	    "topic, partition, \"offset\", raw, headers, attempts, next_at, "
	    "state, last_code, last_error) VALUES ($1, encode($2::bytea, "
	    "'escape'), $3::uuid, $4, $5, $6::integer, $7::bigint, $8::bytea, "
	    "nullif(jsonb_strip_nulls(jsonb_build_object('causation_id', "
	    "$9::text, 'correlation_id', $10::text, 'traceparent', "
	    "$11::text, 'tracestate', $12::text)), '{}'), $13::integer, now() + "
	    "$14::bigint * interval '1 ms', $15, $16, $17)",
	    17, list, NULL, err);
}

/* -- the first ones of some keys */

enum column {
	ID,
	ATTEMPTS,
	STATE,
	TOPIC,
	PARTITION,
	OFFSET,
	KEY_HEX,
	RAW_HEX,
	HEADERS, /* PSM__EVENT_HEADERS of them */
};

/* Keys whose first event is due, and which are ours until the transaction ends:
 * one whose lock another session holds has its turn later. */
#define KEYS_SQL                                                               \
	"WITH heads AS MATERIALIZED (SELECT key, next_at, id "                 \
	"FROM psymatch.parked p WHERE consumer = $1 AND state = 'retry' AND "  \
	"next_at <= now() AND ($2::text[] IS NULL OR type IS NULL OR "         \
	"type = ANY ($2)) AND id = (SELECT min(id) FROM psymatch.parked o "    \
	"WHERE o.consumer = p.consumer AND o.key = p.key) "                    \
	"ORDER BY next_at, id LIMIT $3::bigint FOR UPDATE SKIP LOCKED), "      \
	"ours AS MATERIALIZED (SELECT * FROM heads WHERE "                     \
	"pg_try_advisory_xact_lock(hashtextextended($1 || '/' || key, "        \
	"8102661386))) SELECT key FROM ours ORDER BY next_at, id"

/* Their events, by a statement of its own: it sees all that was committed
 * before the locks were ours. */
#define EVENTS_SQL                                                             \
	"SELECT id, attempts, state, topic, coalesce(partition, -1), "         \
	"coalesce(\"offset\", -1), encode(decode(e.key, 'escape'), 'hex'), "   \
	"encode(raw, 'hex'), headers->>'causation_id', "                       \
	"headers->>'correlation_id', headers->>'traceparent', "                \
	"headers->>'tracestate' "                                              \
	"FROM unnest($2::text[]) WITH ORDINALITY AS w (key, nth) CROSS JOIN "  \
	"LATERAL (SELECT * FROM psymatch.parked WHERE consumer = $1 AND key "  \
	"= w.key ORDER BY id LIMIT $3::bigint FOR UPDATE) AS e "               \
	"ORDER BY nth, id"

static const char *const header_names[PSM__EVENT_HEADERS] = {
    "causation_id", "correlation_id", "traceparent", "tracestate"};

static int
fill(const psm_rows *rows, size_t row, struct psm__parked *p, psm_error *err)
{
	const char *hex = psm_rows_text(rows, row, RAW_HEX), *value;
	size_t i;

	p->id = psm_rows_int(rows, row, ID);
	p->attempts = (int)psm_rows_int(rows, row, ATTEMPTS);
	p->held = strcmp(psm_rows_text(rows, row, STATE), "held") == 0;
	p->topic = psm_rows_text(rows, row, TOPIC);
	p->partition = (int32_t)psm_rows_int(rows, row, PARTITION);
	p->offset = psm_rows_int(rows, row, OFFSET);
	p->key = psm__from_hex(psm_rows_text(rows, row, KEY_HEX), &p->key_len);
	if (hex)
		p->raw = psm__from_hex(hex, &p->raw_len);
	if (!p->key || (hex && !p->raw))
		return psm__nomem(err);
	for (i = 0; i < PSM__COUNT(header_names); i++) {
		value = psm_rows_text(rows, row, HEADERS + i);
		if (value)
			p->headers[p->header_count++] = (struct psm__header){
			    header_names[i], value, strlen(value)};
	}
	return 0;
}

/* Ask with $1: the consumer, $2: texts, null if there is no list, and $3: most;
 * below 0: there is no $3. */
static int
ask(psm_tx *tx, const char *sql, const char *consumer,
    struct psm__sql_array *texts, int64_t most, psm_rows **rows, psm_error *err)
{
	struct psm__number limit;
	struct psm__param params[3] = {
	    psm__param_text(consumer), psm__param_text(NULL),
	    psm__param_text(psm__number(&limit, most))};
	int rc = texts ? psm__sql_array_param(texts, &params[1], err) : 0;

	if (rc == 0)
		rc =
		    psm__tx_queue(tx, sql, most < 0 ? 2 : 3, params, rows, err);
	return rc < 0 ? rc : psm__tx_sync(tx, err);
}

static int
ask_types(psm_tx *tx, const char *sql, const struct psm__parked_whose *whose,
          int64_t most, psm_rows **rows, psm_error *err)
{
	struct psm__sql_array types = {0};
	size_t i;
	int rc;

	psm__sql_array_begin(&types, PSM__ARRAY_TEXT);
	for (i = 0; whose->types && i < whose->type_count; i++)
		psm__sql_array_text(&types, whose->types[i]);
	rc = ask(tx, sql, whose->consumer, whose->types ? &types : NULL, most,
	         rows, err);
	psm__sql_array_free(&types);
	return rc;
}

static int
ask_events(psm_tx *tx, const char *consumer, const psm_rows *keys, size_t most,
           psm_rows **rows, psm_error *err)
{
	size_t i, count = psm_rows_count(keys);
	struct psm__sql_array list = {0};
	int rc;

	psm__sql_array_begin(&list, PSM__ARRAY_TEXT);
	for (i = 0; i < count; i++)
		psm__sql_array_text(&list, psm_rows_text(keys, i, 0));
	rc = ask(tx, EVENTS_SQL, consumer, &list, (int64_t)(most / count), rows,
	         err);
	psm__sql_array_free(&list);
	return rc;
}

int
psm__parked_pick(psm_tx *tx, const struct psm__parked_whose *whose, size_t most,
                 struct psm__parked_list *out, psm_error *err)
{
	psm_rows *keys = NULL;
	size_t i, count;
	int rc;

	memset(out, 0, sizeof *out);
	rc = ask_types(tx, KEYS_SQL, whose, (int64_t)most, &keys, err);
	if (rc == 0 && psm_rows_count(keys) > 0)
		rc = ask_events(tx, whose->consumer, keys, most, &out->rows,
		                err);
	psm_rows_free(keys);
	count = psm_rows_count(out->rows);
	if (rc < 0 || count == 0)
		return rc;
	out->events = psm__array(count, sizeof *out->events);
	if (!out->events)
		return psm__nomem(err);
	for (i = 0; i < count && rc == 0; i++) {
		out->count++;
		rc = fill(out->rows, i, &out->events[i], err);
	}
	return rc;
}

void
psm__parked_free(struct psm__parked_list *list)
{
	size_t i;

	for (i = 0; i < list->count; i++) {
		psm__free(list->events[i].key);
		psm__free(list->events[i].raw);
	}
	psm__free(list->events);
	psm_rows_free(list->rows);
	memset(list, 0, sizeof *list);
}

/* The keys are locked: no other transaction has changed the rows behind those
 * that go. */
#define DONE_SQL                                                               \
	"WITH gone AS (DELETE FROM psymatch.parked WHERE id = ANY "            \
	"($1::bigint[]) RETURNING consumer, key) UPDATE psymatch.parked AS p " \
	"SET state = 'retry', next_at = now() FROM (SELECT DISTINCT "          \
	"consumer, key FROM gone) AS k CROSS JOIN LATERAL (SELECT min(id) AS " \
	"id FROM psymatch.parked AS o WHERE o.consumer = k.consumer AND "      \
	"o.key = k.key AND o.id <> ALL ($1)) AS first WHERE p.id = first.id "  \
	"AND p.state = 'waiting'"

int
psm__parked_done(psm_tx *tx, const int64_t *ids, size_t count, psm_error *err)
{
	struct psm__sql_array list = {0};
	struct psm__param param;
	size_t i;
	int rc;

	psm__sql_array_begin(&list, PSM__ARRAY_INT8);
	for (i = 0; i < count; i++)
		psm__sql_array_int8(&list, ids[i]);
	rc = psm__sql_array_param(&list, &param, err);
	if (rc == 0)
		rc = psm__tx_queue(tx, DONE_SQL, 1, &param, NULL, err);
	psm__sql_array_free(&list);
	return rc;
}

int
psm__parked_later(psm_tx *tx, int64_t id, int delay_ms, int code,
                  const char *reason, psm_error *err)
{
	struct psm__number text, delay;
	struct psm__param list[5] = {
	    psm__param_text(psm__number(&text, id)),
	    psm__param_text(psm__number(&delay, delay_ms)),
	    psm__param_text(delay_ms < 0 ? "held" : "retry"),
	    psm__param_text(psm_error_name(code)), psm__param_text(reason)};

	return psm__tx_queue(tx,
	                     "UPDATE psymatch.parked SET attempts = attempts + "
	                     "1, next_at = now() + greatest($2::bigint, 0) * "
	                     "interval '1 ms', state = $3, last_code = $4, "
	                     "last_error = $5 WHERE id = $1::bigint",
	                     5, list, NULL, err);
}

int
psm__parked_postpone(psm_tx *tx, int64_t id, int delay_ms, psm_error *err)
{
	struct psm__number row, delay;
	struct psm__param list[2] = {
	    psm__param_text(psm__number(&row, id)),
	    psm__param_text(psm__number(&delay, delay_ms))};

	return psm__tx_queue(tx,
	                     "UPDATE psymatch.parked SET next_at = now() + "
	                     "$2::bigint * interval '1 ms' WHERE id = "
	                     "$1::bigint AND state = 'retry'",
	                     2, list, NULL, err);
}

int
psm__parked_set_type(psm_tx *tx, int64_t id, const char *type, psm_error *err)
{
	struct psm__number row;
	struct psm__param list[2] = {psm__param_text(psm__number(&row, id)),
	                             psm__param_text(type)};

	return psm__tx_queue(tx,
	                     "UPDATE psymatch.parked SET type = $2 WHERE id = "
	                     "$1::bigint",
	                     2, list, NULL, err);
}

#define MEASURE_SQL                                                            \
	"WITH part AS (SELECT state, parked_at, type, $2::text[] IS NOT NULL " \
	"AND type <> ALL ($2) AS unhandled FROM psymatch.parked WHERE "        \
	"consumer = $1 LIMIT 10000), most AS (SELECT type, count(*) AS n "     \
	"FROM part WHERE unhandled GROUP BY type ORDER BY n DESC, type LIMIT " \
	"1) SELECT count(*), count(*) FILTER (WHERE state = 'held'), "         \
	"coalesce((extract(epoch FROM now() - min(parked_at)) * "              \
	"1000)::bigint, 0), count(*) FILTER (WHERE unhandled), "               \
	"(SELECT type FROM most), (SELECT n FROM most) FROM part"

int
psm__parked_measure(psm_tx *tx, const struct psm__parked_whose *whose,
                    struct psm__parked_sum *out, psm_error *err)
{
	const char *type;
	psm_rows *rows = NULL;
	int rc;

	memset(out, 0, sizeof *out);
	rc = ask_types(tx, MEASURE_SQL, whose, -1, &rows, err);
	if (rc == 0) {
		out->count = psm_rows_int(rows, 0, 0);
		out->held = psm_rows_int(rows, 0, 1);
		out->oldest_ms = psm_rows_int(rows, 0, 2);
		out->unhandled = psm_rows_int(rows, 0, 3);
		type = psm_rows_text(rows, 0, 4);
		(void)snprintf(out->type, sizeof out->type, "%s",
		               type ? type : "");
		out->unhandled_of_type = psm_rows_int(rows, 0, 5);
	}
	psm_rows_free(rows);
	return rc;
}
