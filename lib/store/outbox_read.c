/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn.h"
#include "store/delivery.h"

#include <stdlib.h>
#include <string.h>

/*
 * "psm rela": held by the session of the relay that leads. That one asks every
 * second or so; a process that is stopped, or cut off, must not keep the lead.
 */
#define LEAD_SQL                                                               \
	"SELECT pg_try_advisory_lock(8102661386254838881), "                   \
	"set_config('idle_session_timeout', '15s', false)"

enum column {
	ID,
	TOPIC,
	EVENT_ID,
	TYPE,
	VERSION,
	PRODUCER,
	TIME_US,
	PAYLOAD,
	ENVELOPE,
	HEADERS /* and the other ones of header_names */
};

static const char *const header_names[PSM__EVENT_HEADERS] = {
    "causation_id", "correlation_id", "traceparent", "tracestate"};

/*
 * By id, and never with a cursor "id > last": a transaction that commits later
 * may have drawn a lower id.
 */
#define READ_SQL                                                               \
	"SELECT id, topic, event_id, type, version, producer, "                \
	"(extract(epoch FROM event_time) * 1000000)::bigint, payload, "        \
	"envelope, coalesce(causation_id, headers->>'causation_id'), "         \
	"coalesce(correlation_id, headers->>'correlation_id'), "               \
	"coalesce(traceparent, headers->>'traceparent'), "                     \
	"coalesce(tracestate, headers->>'tracestate') "                        \
	"FROM psymatch.outbox WHERE id > $3::bigint AND "                      \
	"id <> ALL ($1::bigint[]) ORDER BY id LIMIT $2::bigint"

int
psm__outbox_lead(struct psm__conn *c, int *leader, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	*leader = 0;
	rc = psm__conn_exec(c, LEAD_SQL, 0, NULL, &rows, err);
	if (rc == 0)
		*leader = psm_rows_int(rows, 0, 0) == 1;
	psm_rows_free(rows);
	return rc;
}

/* "{1,2,3}" */
static void
put_ids(struct psm__buf *b, const int64_t *ids, size_t count)
{
	size_t i;

	psm__buf_putc(b, '{');
	for (i = 0; i < count; i++)
		psm__buf_printf(b, "%s%lld", i > 0 ? "," : "",
		                (long long)ids[i]);
	psm__buf_putc(b, '}');
}

static int
queue_delete(struct psm__conn *c, const struct psm__outbox_query *q,
             psm_error *err)
{
	struct psm__buf ids = {0};
	struct psm__param p;
	int rc;

	put_ids(&ids, q->done, q->done_count);
	p = psm__param_text(ids.data);
	rc = ids.failed ? psm__nomem(err)
	                : psm__conn_queue(c,
	                                  "DELETE FROM psymatch.outbox "
	                                  "WHERE id = ANY ($1::bigint[])",
	                                  1, &p, NULL, err);
	psm__buf_free(&ids);
	return rc;
}

static int
queue_read(struct psm__conn *c, const struct psm__outbox_query *q,
           psm_rows **rows, psm_error *err)
{
	struct psm__buf ids = {0};
	struct psm__param p[3];
	struct psm__number limit, floor;
	int rc;

	put_ids(&ids, q->in_flight, q->in_flight_count);
	p[0] = psm__param_text(ids.data);
	p[1] = psm__param_text(psm__number(&limit, (int64_t)q->limit));
	p[2] = psm__param_text(psm__number(&floor, q->floor));
	rc = ids.failed ? psm__nomem(err)
	                : psm__conn_queue(c, READ_SQL, 3, p, rows, err);
	psm__buf_free(&ids);
	return rc;
}

int
psm__outbox_read(struct psm__conn *c, const struct psm__outbox_query *q,
                 psm_rows **rows, psm_error *err)
{
	int rc = 0;

	*rows = NULL;
	if (q->done_count > 0)
		rc = queue_delete(c, q, err);
	if (rc == 0 && q->limit > 0)
		rc = queue_read(c, q, rows, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	return rc;
}

static void
read_headers(const psm_rows *rows, size_t i, struct psm__outbox_row *out)
{
	const char *value;
	size_t k;

	out->header_count = 0;
	for (k = 0; k < PSM__COUNT(header_names); k++) {
		value = psm_rows_text(rows, i, HEADERS + k);
		if (value)
			out->headers[out->header_count++] =
			    (struct psm__header){header_names[k], value,
			                         strlen(value)};
	}
}

void
psm__outbox_row(const psm_rows *rows, size_t i, struct psm__outbox_row *out)
{
	out->id = psm_rows_int(rows, i, ID);
	out->topic = psm_rows_text(rows, i, TOPIC);
	out->parts.id = psm_rows_text(rows, i, EVENT_ID);
	out->parts.type = psm_rows_text(rows, i, TYPE);
	out->parts.version = psm_rows_text(rows, i, VERSION);
	out->parts.producer = psm_rows_text(rows, i, PRODUCER);
	out->parts.timestamp_us = psm_rows_int(rows, i, TIME_US);
	out->parts.payload = psm_rows_text(rows, i, PAYLOAD);
	out->parts.payload_len = strlen(out->parts.payload);
	out->envelope = psm_rows_text(rows, i, ENVELOPE);
	read_headers(rows, i, out);
}

int
psm__outbox_dead_letter(struct psm__conn *c, int64_t id, int code,
                        const char *reason, psm_error *err)
{
	const char *params[3];
	struct psm__number number;

	params[0] = psm__number(&number, id);
	params[1] = psm_error_name(code);
	params[2] = reason;
	return psm__conn_exec(
	    c,
	    "WITH gone AS (DELETE FROM psymatch.outbox "
	    "WHERE id = $1::bigint RETURNING *) "
	    "INSERT INTO psymatch.dead_letter "
	    "(consumer, topic, key, raw, event_id, type, code, reason, headers) "
	    "SELECT 'outbox', topic, aggregateid, convert_to(coalesce("
	    "envelope, concat("
	    "'{\"event_id\":', to_json(event_id), ',\"event_type\":', "
	    "to_json(type), ',\"version\":', to_json(version), "
	    "',\"timestamp\":', to_json(to_char(event_time AT TIME ZONE 'UTC', "
	    "'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')), ',\"producer\":', "
	    "to_json(producer), ',\"payload\":', payload, '}')), 'UTF8'), "
	    "event_id, type, $2, $3, headers FROM gone",
	    3, params, NULL, err);
}

int
psm__outbox_measure(struct psm__conn *c, int64_t floor, int64_t *waiting,
                    int64_t *oldest_ms, psm_error *err)
{
	const char *params[1];
	psm_rows *rows = NULL;
	struct psm__number number;
	int rc;

	params[0] = psm__number(&number, floor);

	rc = psm__conn_exec(
	    c,
	    "SELECT (SELECT count(*) FROM "
	    "(SELECT 1 FROM psymatch.outbox WHERE id > $1::bigint LIMIT "
	    "100000) AS part), "
	    "(SELECT (extract(epoch FROM clock_timestamp() - created_at) "
	    "* 1000)::bigint FROM psymatch.outbox WHERE id > $1::bigint "
	    "ORDER BY id LIMIT 1)",
	    1, params, &rows, err);
	if (rc == 0) {
		*waiting = psm_rows_int(rows, 0, 0);
		*oldest_ms = psm_rows_int(rows, 0, 1);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__outbox_oldest_tx(struct psm__conn *c, int64_t *oldest_ms, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = psm__conn_exec(
	    c,
	    "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - "
	    "xact_start) * 1000)::bigint, 0) FROM pg_stat_activity WHERE "
	    "datname = current_database() AND pid <> pg_backend_pid() AND "
	    "backend_type = 'client backend'",
	    0, NULL, &rows, err);
	if (rc == 0)
		*oldest_ms = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return rc;
}
