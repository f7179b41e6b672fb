/* SPDX-License-Identifier: BSD-2-Clause */
#include <psymatch/dead.h>

#include "base/base.h"
#include "event/event.h"
#include "store/pool.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *list, *show, *raw, *edit, *release, *skip;
} sources[] = {
    [PSM_DEAD_LETTERS] =
	{
	    .list = "SELECT id, consumer, state, type, event_id, topic, "
		    "partition, \"offset\", key, code, reason, attempts, "
		    "failed_at AS since, NULL::timestamptz AS next_at, "
		    "bytes, edited FROM psymatch.v_dead",
	    .show = "SELECT psymatch.dead_show($1::bigint, $2::boolean)",
	    .raw = "SELECT encode(coalesce(edited_raw, raw), 'hex') FROM "
		   "psymatch.dead_letter WHERE id = $1::bigint",
	    .edit = "SELECT psymatch.dead_edit($1::bigint, $4::bytea, $2, "
		    "$3, $5::uuid, $6, $7::bytea)",
	    .release = "SELECT psymatch.dead_release($1::bigint, $2, $3)",
	    .skip = "SELECT psymatch.dead_skip($1::bigint, $2, $3)",
	},
    [PSM_DEAD_PARKED] =
	{
	    .list = "SELECT id, consumer, state, type, event_id, topic, "
		    "partition, \"offset\", key, code, reason, attempts, "
		    "parked_at AS since, next_at, bytes, NULL AS edited "
		    "FROM psymatch.v_parked",
	    .show = "SELECT psymatch.parked_show($1::bigint, $2::boolean)",
	    .raw = "SELECT encode(raw, 'hex') FROM psymatch.parked WHERE id "
		   "= $1::bigint",
	    .edit = "SELECT psymatch.parked_edit($1::bigint, $4::bytea, $2, "
		    "$3, $5::uuid, $6)",
	    .release = "SELECT psymatch.parked_release($1::bigint, $2, $3)",
	    .skip = "SELECT psymatch.parked_skip($1::bigint, $2, $3)",
	},
};

static int
is_any(const char *text)
{
	(void)text;
	return 1;
}

static int
is_uuid(const char *text)
{
	return psm_uuid_valid(text, strlen(text));
}

/* Without an offset a time is UTC, as everywhere. */
static int
is_time(const char *text)
{
	int64_t us;

	return psm__is_date(text) ||
	       psm_time_parse(text, strlen(text), &us, NULL) == 0;
}

static int
is_number(const char *text)
{
	size_t len = strlen(text);

	return len > 0 && len < 19 && strspn(text, "0123456789") == len;
}

/* What a filter compares, the type of its value, and what that looks like. */
enum filter { LIMIT = 9, N_FILTERS };
static const struct {
	const char *name, *compare, *type;
	int (*is)(const char *text);
	const char *want;
} filters[N_FILTERS] = {
    {"consumer", "consumer =", "text", is_any, NULL},
    {"type", "type =", "text", is_any, NULL},
    {"key", "key =", "text", is_any, NULL},
    {"topic", "topic =", "text", is_any, NULL},
    {"code", "code =", "text", is_any, NULL},
    {"state", "state =", "text", is_any, NULL},
    {"event_id", "event_id =", "uuid", is_uuid, "a UUID"},
    {"since", "since >=", "timestamptz", is_time,
     "a time as 2026-01-31T09:00:00Z"},
    {"after", "id >", "bigint", is_number, "the number of a row"},
    [LIMIT] = {"limit", NULL, NULL, is_number, "a number"},
};

/* The value is not repeated: it may name a person. */
static int
refuse(size_t i, psm_error *err)
{
	char pointer[24];

	(void)snprintf(pointer, sizeof pointer, "/%s", filters[i].name);
	psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s, found another text",
	          filters[i].name, filters[i].want);
	psm__error_fault(err, pointer, "want %s, found another text",
	                 filters[i].want);
	return PSM_ERR_SCHEMA;
}

static int
check_source(psm_store *st, int source, psm_error *err)
{
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	if (source != PSM_DEAD_LETTERS && source != PSM_DEAD_PARKED)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "source: want dead letters or parked events");
	return 0;
}

/* One statement, a transaction of its own. */
static int
ask(psm_store *st, const char *sql, size_t count,
    const struct psm__param *params, psm_rows **rows, psm_error *err)
{
	struct psm__conn *c;
	int rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &c, err);

	if (rc < 0)
		return rc;
	/* What a person was told is done must not be undone by a crash. */
	rc = psm__conn_durable(c, err);
	if (rc == 0)
		rc = psm__conn_queue(c, sql, count, params, rows, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	psm__pool_put(st, c);
	return rc;
}

/* -- list */

struct query {
	struct psm__buf sql;
	struct psm__param params[N_FILTERS];
	unsigned count;
	const char *limit;
};

static int
add_filter(struct query *q, const char *name, const char *value, psm_error *err)
{
	size_t i;

	for (i = 0; i < N_FILTERS; i++)
		if (strcmp(filters[i].name, name) == 0)
			break;
	if (i == N_FILTERS || !value)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "filter: want a known name and a value");
	if (!filters[i].is(value))
		return refuse(i, err);
	if (i == LIMIT) {
		q->limit = value;
		return 0;
	}
	if (q->count == LIMIT)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "filter: want each name once");
	q->params[q->count++] = psm__param_text(value);
	psm__buf_printf(&q->sql, "%s %s $%u::%s",
	                q->count > 1 ? " AND" : " WHERE", filters[i].compare,
	                q->count, filters[i].type);
	return 0;
}

static int
build_list(struct query *q, int source, const char *const *filter,
           psm_error *err)
{
	size_t i;
	int rc = 0;

	q->limit = "1000";
	psm__buf_printf(&q->sql, "SELECT * FROM (%s) AS rows",
	                sources[source].list);
	for (i = 0; rc == 0 && filter && filter[i]; i += 2)
		rc = add_filter(q, filter[i], filter[i + 1], err);
	if (rc < 0)
		return rc;
	q->params[q->count++] = psm__param_text(q->limit);
	psm__buf_printf(&q->sql, " ORDER BY id LIMIT $%u::bigint", q->count);
	return q->sql.failed ? psm__nomem(err) : 0;
}

int
psm_dead_list(psm_store *st, int source, const char *const *filter,
              psm_rows **rows, psm_error *err)
{
	struct query q = {.count = 0};
	int rc;

	psm__error_clear(err);
	if (!rows)
		return psm__fail(err, PSM_ERR_INVAL, "rows: want a pointer");
	*rows = NULL;
	rc = check_source(st, source, err);
	if (rc == 0)
		rc = build_list(&q, source, filter, err);
	if (rc == 0)
		rc = ask(st, q.sql.data, q.count, q.params, rows, err);
	psm__buf_free(&q.sql);
	return rc;
}

int
psm_dead_stats(psm_store *st, psm_rows **rows, psm_error *err)
{
	psm__error_clear(err);
	if (!rows)
		return psm__fail(err, PSM_ERR_INVAL, "rows: want a pointer");
	*rows = NULL;
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	return ask(st,
	           "SELECT source, consumer, state, code, count, oldest, "
	           "newest FROM psymatch.v_dead_stats ORDER BY 1, 2, 3, 4",
	           0, NULL, rows, err);
}

/* -- one row */

static int
fail_not_found(int source, int64_t id, psm_error *err)
{
	return psm__fail(err, PSM_ERR_NOT_FOUND, "no %s has the number %lld",
	                 source == PSM_DEAD_PARKED ? "parked event"
	                                           : "dead letter",
	                 (long long)id);
}

int
psm_dead_show(psm_store *st, int source, int64_t id, int payload, char **json,
              psm_error *err)
{
	struct psm__param params[2];
	psm_rows *rows = NULL;
	const char *text;
	struct psm__number number;
	int rc;

	psm__error_clear(err);
	if (!json)
		return psm__fail(err, PSM_ERR_INVAL, "json: want a pointer");
	*json = NULL;
	rc = check_source(st, source, err);
	if (rc < 0)
		return rc;
	params[0] = psm__param_text(psm__number(&number, id));
	params[1] = psm__param_text(payload ? "true" : "false");
	rc = ask(st, sources[source].show, 2, params, &rows, err);
	text = psm_rows_text(rows, 0, 0);
	if (rc == 0 && !text)
		rc = fail_not_found(source, id, err);
	if (rc == 0) {
		*json = psm__strdup(text);
		rc = *json ? 0 : psm__nomem(err);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm_dead_raw(psm_store *st, int source, int64_t id, char **bytes, size_t *len,
             psm_error *err)
{
	struct psm__param param;
	psm_rows *rows = NULL;
	const char *hex;
	struct psm__number number;
	int rc;

	psm__error_clear(err);
	if (!bytes || !len)
		return psm__fail(err, PSM_ERR_INVAL, "bytes: want a pointer");
	*bytes = NULL;
	*len = 0;
	rc = check_source(st, source, err);
	if (rc < 0)
		return rc;
	param = psm__param_text(psm__number(&number, id));
	rc = ask(st, sources[source].raw, 1, &param, &rows, err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = fail_not_found(source, id, err);
	hex = psm_rows_text(rows, 0, 0);
	if (rc == 0 && hex) {
		*bytes = psm__from_hex(hex, len);
		rc = *bytes ? 0 : psm__nomem(err);
	}
	psm_rows_free(rows);
	return rc;
}

/* -- changes */

static int
check_change(psm_store *st, int source, const char *who, const char *why,
             psm_error *err)
{
	int rc = check_source(st, source, err);

	if (rc == 0 && (!who || !who[0] || !why || !why[0]))
		rc = psm__fail(err, PSM_ERR_INVAL, "want who and why");
	return rc;
}

/* params: the first three are filled here. */
static int
change(psm_store *st, const char *sql, int64_t id, const char *who,
       const char *why, struct psm__param *params, size_t count, psm_error *err)
{
	struct psm__number number;

	params[0] = psm__param_text(psm__number(&number, id));
	params[1] = psm__param_text(who);
	params[2] = psm__param_text(why);
	return ask(st, sql, count, params, NULL, err);
}

int
psm_dead_edit(psm_store *st, int source, int64_t id, const void *bytes,
              size_t len, const char *who, const char *why, psm_error *err)
{
	struct psm__param params[7];
	psm_event *ev = NULL;
	char *text = NULL;
	size_t text_len = 0;
	int rc;

	psm__error_clear(err);
	rc = check_change(st, source, who, why, err);
	if (rc == 0 && !bytes)
		rc = psm__fail(err, PSM_ERR_INVAL, "bytes: want an event");
	if (rc == 0)
		rc = psm_event_parse(bytes, len, &ev, err);
	/* A dead letter of the outbox is taken apart in SQL. */
	if (rc == 0 && source == PSM_DEAD_LETTERS && !psm__event_enveloped(ev))
		rc =
		    psm_event_encode(ev, PSM_WIRE_SNAKE, &text, &text_len, err);
	if (rc < 0) {
		psm_event_free(ev);
		return rc;
	}
	params[3] = psm__param_bytes(bytes, len);
	params[4] = psm__param_text(psm_event_id(ev));
	params[5] = psm__param_text(psm_event_type_as_sent(ev));
	params[6] = psm__param_bytes(text, text_len);
	rc = change(st, sources[source].edit, id, who, why, params,
	            source == PSM_DEAD_LETTERS ? 7 : 6, err);
	psm_event_free(ev);
	psm_free(text);
	return rc;
}

int
psm_dead_release(psm_store *st, int source, int64_t id, const char *who,
                 const char *why, psm_error *err)
{
	struct psm__param params[3];
	int rc;

	psm__error_clear(err);
	rc = check_change(st, source, who, why, err);
	if (rc < 0)
		return rc;
	return change(st, sources[source].release, id, who, why, params, 3,
	              err);
}

int
psm_dead_skip(psm_store *st, int source, int64_t id, const char *who,
              const char *why, psm_error *err)
{
	struct psm__param params[3];
	int rc;

	psm__error_clear(err);
	rc = check_change(st, source, who, why, err);
	if (rc < 0)
		return rc;
	return change(st, sources[source].skip, id, who, why, params, 3, err);
}
