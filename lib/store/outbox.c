/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/outbox.h"
#include "store/topic_param.h"
#include "store/wait.h"

#include <string.h>

#include "event/event.h"

/* The columns that an event fills, in the order of INSERT_SQL. */
enum column {
	EVENT_ID,
	AGGREGATE_TYPE,
	AGGREGATE_ID,
	TYPE,
	VERSION,
	PRODUCER,
	EVENT_TIME,
	TOPIC,
	PAYLOAD,
	ENVELOPE,
	/* From here on a null is right. */
	CAUSATION,
	CORRELATION,
	TRACEPARENT,
	TRACESTATE,
	N_COLUMNS
};

#define INSERT_INTO                                                            \
	"INSERT INTO psymatch.outbox (event_id, aggregatetype, aggregateid, "  \
	"type, version, producer, event_time, topic, payload, envelope, "      \
	"causation_id, correlation_id, traceparent, tracestate, headers) "

#define INSERT_SQL                                                             \
	INSERT_INTO                                                            \
	"VALUES ($1::uuid, $2, $3, $4, $5, $6, $7::timestamptz, $8, $9, "      \
	"$10, $11, $12, $13, $14, "                                            \
	"nullif(jsonb_strip_nulls(jsonb_build_object('causation_id', "         \
	"$11::text, 'correlation_id', $12::text, 'traceparent', "              \
	"$13::text, 'tracestate', $14::text)), '{}'))"

/* From arrays: a statement costs more than a row. */
#define INSERT_MANY_SQL                                                        \
	INSERT_INTO                                                            \
	"SELECT c1::uuid, c2, c3, c4, c5, c6, c7::timestamptz, c8, c9, c10, "  \
	"c11, c12, c13, c14, "                                                 \
	"nullif(jsonb_strip_nulls(jsonb_build_object('causation_id', c11, "    \
	"'correlation_id', c12, 'traceparent', c13, 'tracestate', c14)), "     \
	"'{}') "                                                               \
	"FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], "         \
	"$5::text[], $6::text[], $7::text[], $8::text[], $9::text[], "         \
	"$10::text[], $11::text[], $12::text[], $13::text[], $14::text[]) "    \
	"WITH ORDINALITY AS e(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, "  \
	"c12, c13, c14, n) ORDER BY n"
/* At most so many rows in one statement, or so many bytes and a row. */
#define ROWS_MAX 100
#define BYTES_MAX (1024 * 1024)

struct psm__outgoing_event {
	char *text[N_COLUMNS];
	char **required; /* consumers */
	size_t required_count;
};

static void
free_texts(struct psm__outgoing_event *e)
{
	size_t i;

	for (i = 0; i < N_COLUMNS; i++)
		psm__free(e->text[i]);
	for (i = 0; i < e->required_count; i++)
		psm__free(e->required[i]);
	psm__free(e->required);
}

static char *
copy_payload(const psm_event *ev)
{
	size_t len = 0;
	const char *text = psm_json_text(psm_event_payload(ev), &len);

	return text ? psm__strndup(text, len) : NULL;
}

static char *
write_envelope(const psm_event *ev, int wire)
{
	char *text = NULL;
	size_t len = 0;

	return psm_event_encode(ev, wire, &text, &len, NULL) == 0 ? text : NULL;
}

/* Copies of what the event says of its trace, or else of what its cause says; 0
 * or PSM_ERR_NOMEM. */
static int
copy_trace(const struct psm__outgoing *o, struct psm__outgoing_event *e,
           const psm_event *ev, const psm_event *cause)
{
	const char *trace[N_COLUMNS] = {
	    [CAUSATION] = psm_event_causation_id(ev),
	    [CORRELATION] = psm_event_correlation_id(ev),
	    [TRACEPARENT] = psm_event_traceparent(ev),
	    [TRACESTATE] = psm_event_tracestate(ev)};
	int i;

	if (!trace[CAUSATION])
		trace[CAUSATION] = psm_event_id(cause);
	if (!trace[CORRELATION])
		trace[CORRELATION] = psm_event_correlation_id(cause);
	if (!trace[CORRELATION]) /* a story begins with its first event */
		trace[CORRELATION] = psm_event_id(cause);
	if (!trace[TRACEPARENT]) { /* one is of no use without the other */
		trace[TRACEPARENT] = psm_event_traceparent(cause);
		trace[TRACESTATE] = psm_event_tracestate(cause);
	}
	if (!trace[TRACEPARENT]) {
		trace[TRACEPARENT] = o->traceparent;
		trace[TRACESTATE] = o->tracestate;
	}
	for (i = CAUSATION; i < N_COLUMNS; i++) {
		if (!trace[i])
			continue;
		e->text[i] = psm__strdup(trace[i]);
		if (!e->text[i])
			return PSM_ERR_NOMEM;
	}
	return 0;
}

int
psm__outgoing_add(struct psm__outgoing *o, const psm_event *ev,
                  const psm_event *cause, int wire, psm_error *err)
{
	struct psm__outgoing_event e = {{NULL}, NULL, 0};
	const char *type = psm_event_type(ev), *key = psm_event_key(ev);
	const char *topic = psm__event_home(ev);
	char time[32];
	int i, failed;

	if (!topic || !key)
		return psm__fail(err, PSM_ERR_UNKNOWN_TYPE,
		                 "event_type: want one of the catalogue");
	if (psm__grow(&o->events, &o->cap, o->count + 1, sizeof e) < 0 ||
	    psm_time_format(psm_event_timestamp_us(ev), time, sizeof time) < 0)
		return psm__nomem(err);
	e.text[EVENT_ID] = psm__strdup(psm_event_id(ev));
	e.text[AGGREGATE_TYPE] = psm__strndup(type, strcspn(type, "."));
	e.text[AGGREGATE_ID] = psm__strdup(key);
	e.text[TYPE] = psm__strdup(psm_event_type_as_sent(ev));
	e.text[VERSION] = psm__strdup(psm_event_version(ev));
	e.text[PRODUCER] = psm__strdup(psm_event_producer(ev));
	e.text[EVENT_TIME] = psm__strdup(time);
	e.text[TOPIC] = psm__strdup(topic);
	e.text[PAYLOAD] = copy_payload(ev);
	e.text[ENVELOPE] = write_envelope(ev, wire);
	failed = copy_trace(o, &e, ev, cause) < 0;
	for (i = 0; i < CAUSATION; i++)
		failed = failed || !e.text[i];
	if (failed) {
		free_texts(&e);
		return psm__nomem(err);
	}
	o->events[o->count++] = e;
	return 0;
}

int
psm__outgoing_require(struct psm__outgoing *o, const char *const *consumers,
                      size_t count, psm_error *err)
{
	struct psm__outgoing_event *e = &o->events[o->count - 1];
	size_t i;

	e->required = psm__array(count, sizeof *e->required);
	if (!e->required)
		return psm__nomem(err);
	for (i = 0; i < count; i++) {
		e->required[i] = psm__strdup(consumers[i]);
		if (!e->required[i])
			return psm__nomem(err);
		e->required_count++;
	}
	return 0;
}

size_t
psm__outgoing_required(const struct psm__outgoing *o)
{
	size_t i, n = 0;

	for (i = 0; i < o->count; i++)
		n += o->events[i].required_count;
	return n;
}

void
psm__outgoing_awaited(const struct psm__outgoing *o, struct psm__awaited *list)
{
	size_t i, k, n = 0;

	for (i = 0; i < o->count; i++)
		for (k = 0; k < o->events[i].required_count; k++)
			list[n++] = (struct psm__awaited){
			    o->events[i].required[k],
			    o->events[i].text[EVENT_ID],
			    o->events[i].text[AGGREGATE_ID], NULL,
			    PSM__AWAIT_OPEN};
}

size_t
psm__outgoing_living(const struct psm__outgoing *o, struct psm__awaited *list,
                     size_t max)
{
	const psm_event_type_info *info;
	const char *consumer;
	size_t i, k, n = 0;

	for (i = o->count; i-- > 0;) {
		info = psm_catalogue_find(o->events[i].text[TYPE]);
		for (k = 0; n < max; k++) {
			consumer = psm_catalogue_type_consumer_at(info, k);
			if (!consumer)
				break;
			list[n++] = (struct psm__awaited){
			    .consumer = consumer,
			    .event_id = o->events[i].text[EVENT_ID],
			    .type = psm_catalogue_type_name(info)};
		}
	}
	return n;
}

void
psm__outgoing_cut(struct psm__outgoing *o, size_t keep)
{
	while (o->count > keep)
		free_texts(&o->events[--o->count]);
}

static int
queue_one(const struct psm__outgoing_event *e, struct psm__conn *c,
          psm_error *err)
{
	struct psm__param params[N_COLUMNS];
	size_t k;

	for (k = 0; k < N_COLUMNS; k++)
		params[k] = psm__param_text(e->text[k]);
	return psm__conn_queue(c, INSERT_SQL, N_COLUMNS, params, NULL, err);
}

static int
queue_many(const struct psm__outgoing_event *e, size_t count,
           struct psm__conn *c, psm_error *err)
{
	struct psm__sql_array lists[N_COLUMNS];
	struct psm__param params[N_COLUMNS];
	size_t i, k;
	int rc;

	memset(lists, 0, sizeof lists);
	for (k = 0; k < N_COLUMNS; k++) {
		psm__sql_array_begin(&lists[k], PSM__ARRAY_TEXT);
		for (i = 0; i < count; i++)
			psm__sql_array_text(&lists[k], e[i].text[k]);
	}
	rc = psm__sql_array_params(lists, N_COLUMNS, params, err);
	if (rc == 0)
		rc = psm__conn_queue(c, INSERT_MANY_SQL, N_COLUMNS, params,
		                     NULL, err);
	psm__sql_arrays_free(lists, N_COLUMNS);
	return rc;
}

/* How many from there on go into one statement. */
static size_t
rows_together(const struct psm__outgoing *o, size_t from)
{
	size_t i, bytes = 0;

	for (i = from; i < o->count && i - from < ROWS_MAX; i++) {
		bytes += strlen(o->events[i].text[PAYLOAD]) +
		         strlen(o->events[i].text[ENVELOPE]);
		if (bytes > BYTES_MAX)
			return i - from + 1;
	}
	return i - from;
}

int
psm__outgoing_queue(struct psm__outgoing *o, struct psm__conn *c,
                    psm_error *err)
{
	size_t i, n;
	int rc = 0;

	for (i = 0; i < o->count && rc == 0; i += n) {
		n = rows_together(o, i);
		rc = n == 1 ? queue_one(&o->events[i], c, err)
		            : queue_many(&o->events[i], n, c, err);
	}
	return rc;
}

void
psm__outgoing_free(struct psm__outgoing *o)
{
	psm__outgoing_cut(o, 0);
	psm__free(o->events);
	psm__free(o->traceparent);
	psm__free(o->tracestate);
	*o = (struct psm__outgoing){0};
}
