/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an event has beside its envelope: the trace, which travels as headers of
 * the record, and the origin, which only a received event has.
 */
#include <limits.h>
#include <string.h>

#include "event/event_int.h"

#define TRACEPARENT "traceparent"
#define TRACESTATE "tracestate"

static int
is_uuid(const char *text, size_t len)
{
	return psm_uuid_valid(text, len);
}

/* The trace as a table: the header's name, where its text is, its rule. */
static const struct part {
	const char *name, *want;
	size_t at, size;
	int (*is_valid)(const char *text, size_t len);
} parts[] = {
#define PART(member, want, rule)                                               \
	{                                                                      \
#member, want, offsetof(struct psm__trace, member),            \
		    sizeof(((struct psm__trace *)NULL)->member), rule          \
	}
    PART(causation_id, "a UUID", is_uuid),
    PART(correlation_id, "a UUID", is_uuid),
    PART(traceparent, "version-trace-parent-flags as in W3C Trace Context",
         psm__is_traceparent),
};

static char *
text_of(const struct part *p, struct psm__trace *trace)
{
	return (char *)trace + p->at;
}

/* What an event without a trace has. */
static const struct psm__trace no_trace = {"", "", "", NULL};

static const struct psm__trace *
trace_of(const psm_event *ev)
{
	return ev->trace ? ev->trace : &no_trace;
}

/* The event's own trace, made if there is none; NULL when out of memory. */
static struct psm__trace *
own_trace(psm_event *ev)
{
	if (!ev->trace)
		ev->trace = psm__alloc(sizeof *ev->trace);
	return ev->trace;
}

void
psm__trace_free(struct psm__trace *trace)
{
	if (!trace)
		return;
	psm__free(trace->tracestate);
	psm__free(trace);
}

/* NULL and "" mean none. */
static const char *
given(const char *text)
{
	return text && *text ? text : NULL;
}

int
psm_event_set_trace(psm_event *ev, const char *causation_id,
                    const char *correlation_id, const char *traceparent,
                    psm_error *err)
{
	const char *texts[PSM__COUNT(parts)] = {
	    given(causation_id), given(correlation_id), given(traceparent)};
	struct psm__trace fresh = no_trace;
	size_t i, len;
	int any = 0;

	psm__error_clear(err);
	if (!ev)
		return psm__fail(err, PSM_ERR_INVAL, "ev is NULL");
	for (i = 0; i < PSM__COUNT(parts); i++) {
		if (!texts[i])
			continue;
		len = strnlen(texts[i], PSM__TRACEPARENT_SIZE);
		if (!parts[i].is_valid(texts[i], len))
			return psm__fail(err, PSM_ERR_INVAL,
			                 "%s: want %s, found another text",
			                 parts[i].name, parts[i].want);
		memcpy(text_of(&parts[i], &fresh), texts[i], len + 1);
		any = 1;
	}
	if (!any && !ev->trace)
		return 0;
	if (!own_trace(ev))
		return psm__nomem(err);
	psm__free(ev->trace->tracestate);
	*ev->trace = fresh;
	return 0;
}

/* A list of whatever the vendors wrote: printable, or a tab. */
static int
is_tracestate(const char *text, size_t len)
{
	size_t i;

	if (len > PSM__TRACESTATE_MAX)
		return 0;
	for (i = 0; i < len; i++)
		if (text[i] != '\t' && (text[i] < ' ' || text[i] > '~'))
			return 0;
	return 1;
}

int
psm__trace_check(const char *traceparent, const char *tracestate,
                 psm_error *err)
{
	const char *parent = given(traceparent), *state = given(tracestate);

	if (parent && !psm__is_traceparent(
			  parent, strnlen(parent, PSM__TRACEPARENT_SIZE)))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "traceparent: want version-trace-parent-flags "
		                 "as in W3C Trace Context, found another text");
	if (state &&
	    (!parent ||
	     !is_tracestate(state, strnlen(state, PSM__TRACESTATE_MAX + 1))))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "tracestate: want printable ASCII beside a "
		                 "traceparent, found another text");
	return 0;
}

int
psm_event_set_tracestate(psm_event *ev, const char *tracestate, psm_error *err)
{
	char *copy = NULL;

	psm__error_clear(err);
	if (!ev)
		return psm__fail(err, PSM_ERR_INVAL, "ev is NULL");
	tracestate = given(tracestate);
	if (tracestate && !trace_of(ev)->traceparent[0])
		return psm__fail(err, PSM_ERR_INVAL,
		                 "tracestate: want a traceparent beside it, "
		                 "found none");
	if (tracestate &&
	    !is_tracestate(tracestate,
	                   strnlen(tracestate, PSM__TRACESTATE_MAX + 1)))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "tracestate: want at most %d printable bytes "
		                 "of ASCII, found another text",
		                 PSM__TRACESTATE_MAX);
	if (tracestate) {
		copy = psm__strdup(tracestate);
		if (!copy)
			return psm__nomem(err);
	}
	if (!ev->trace)
		return 0; /* without a traceparent there is no copy */
	psm__free(ev->trace->tracestate);
	ev->trace->tracestate = copy;
	return 0;
}

const char *
psm_event_causation_id(const psm_event *ev)
{
	return ev ? given(trace_of(ev)->causation_id) : NULL;
}

const char *
psm_event_correlation_id(const psm_event *ev)
{
	return ev ? given(trace_of(ev)->correlation_id) : NULL;
}

const char *
psm_event_traceparent(const psm_event *ev)
{
	return ev ? given(trace_of(ev)->traceparent) : NULL;
}

const char *
psm_event_tracestate(const psm_event *ev)
{
	return ev ? trace_of(ev)->tracestate : NULL;
}

size_t
psm__event_headers(const psm_event *ev,
                   struct psm__header out[PSM__EVENT_HEADERS])
{
	const struct psm__trace *trace = ev->trace;
	size_t i, count = 0;

	if (!trace)
		return 0;
	for (i = 0; i < PSM__COUNT(parts); i++) {
		const char *text = (const char *)trace + parts[i].at;

		if (!*text)
			continue;
		out[count].name = parts[i].name;
		out[count].value = text;
		out[count++].len = strlen(text);
	}
	if (trace->tracestate) {
		out[count].name = TRACESTATE;
		out[count].value = trace->tracestate;
		out[count++].len = strlen(trace->tracestate);
	}
	return count;
}

/* The headers of one name; *differ is set if two of them do. */
static size_t
count_named(const struct psm__header *headers, size_t count, const char *name,
            int *differ)
{
	const struct psm__header *first = NULL;
	size_t i, found = 0;

	*differ = 0;
	for (i = 0; i < count; i++) {
		const struct psm__header *h = &headers[i];

		if (!h->value || strcmp(h->name, name) != 0)
			continue;
		if (!first)
			first = h;
		*differ |= h->len != first->len ||
		           memcmp(h->value, first->value, h->len) != 0;
		found++;
	}
	return found;
}

static const struct part *
find_part(const char *name)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(parts); i++)
		if (strcmp(parts[i].name, name) == 0)
			return &parts[i];
	return NULL;
}

static void
count_bad(size_t bad)
{
	psm__metric_add(
	    psm__counter("psymatch_event_bad_headers_total", NULL, NULL,
	                 "Headers of received events that were ignored because "
	                 "their value is no id or no trace."),
	    (int64_t)bad);
}

/* As one list, each unchanged. *bad counts; 0 or PSM_ERR_NOMEM. */
static int
read_tracestate(psm_event *ev, const struct psm__header *headers, size_t count,
                size_t *bad)
{
	struct psm__buf list = {0};
	int differ;
	size_t i, found = count_named(headers, count, TRACESTATE, &differ);

	if (found == 0 || !trace_of(ev)->traceparent[0])
		return 0;
	for (i = 0; i < count; i++) {
		const struct psm__header *h = &headers[i];

		if (!h->value || h->len == 0 ||
		    strcmp(h->name, TRACESTATE) != 0)
			continue;
		if (list.len > 0)
			psm__buf_putc(&list, ',');
		psm__buf_put(&list, h->value, h->len);
	}
	if (list.failed) {
		psm__buf_free(&list);
		return PSM_ERR_NOMEM;
	}
	if (list.len > 0 && is_tracestate(list.data, list.len)) {
		psm__free(ev->trace->tracestate);
		ev->trace->tracestate = list.data; /* taken */
		return 0;
	}
	*bad += list.len > 0;
	psm__buf_free(&list);
	return 0;
}

int
psm__event_read_headers(psm_event *ev, const struct psm__header *headers,
                        size_t count)
{
	size_t i, bad = 0;
	int differ = 0, rc;

	if (count > 0)
		count_named(headers, count, TRACEPARENT, &differ);
	for (i = 0; i < count; i++) {
		const struct psm__header *h = &headers[i];
		const struct part *p = find_part(h->name);
		char *text;

		/* A header without a value says as much as none. */
		if (!p || !h->value)
			continue;
		if (!p->is_valid(h->value, h->len) ||
		    (differ && strcmp(p->name, TRACEPARENT) == 0)) {
			bad++;
			continue;
		}
		if (!own_trace(ev))
			return PSM_ERR_NOMEM;
		text = text_of(p, ev->trace);
		if (ev->trace->tracestate && text == ev->trace->traceparent &&
		    (strlen(text) != h->len ||
		     memcmp(text, h->value, h->len) != 0)) {
			/* That of another traceparent, in a CloudEvent. */
			psm__free(ev->trace->tracestate);
			ev->trace->tracestate = NULL;
		}
		memcpy(text, h->value, h->len);
		text[h->len] = '\0';
	}
	rc = read_tracestate(ev, headers, count, &bad);
	if (bad)
		count_bad(bad);
	return rc < 0 ? rc : (int)bad;
}

int
psm__event_copy_trace(psm_event *to, const psm_event *from)
{
	char *copy = NULL;

	if (!from->trace)
		return 0;
	if (!own_trace(to))
		return PSM_ERR_NOMEM;
	*to->trace = *from->trace;
	to->trace->tracestate = NULL;
	if (!from->trace->tracestate)
		return 0;
	copy = psm__strdup(from->trace->tracestate);
	to->trace->tracestate = copy;
	return copy ? 0 : PSM_ERR_NOMEM;
}

void
psm__event_set_origin(psm_event *ev, const struct psm__origin *origin)
{
	ev->origin = *origin;
}

void
psm__event_set_attempt(psm_event *ev, int attempt)
{
	if (ev->origin.topic)
		ev->origin.attempt = attempt;
}

const struct psm__origin *
psm__event_origin(const psm_event *ev)
{
	return ev && ev->origin.topic ? &ev->origin : NULL;
}

const char *
psm__event_home(const psm_event *ev)
{
	return ev->info ? ev->info->topic : NULL;
}

const char *
psm_event_topic(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);

	if (origin)
		return origin->topic;
	return ev ? psm__event_home(ev) : NULL;
}

const char *
psm_event_key(const psm_event *ev)
{
	return ev ? ev->key : NULL;
}

int
psm_event_partition(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);

	return origin ? (int)origin->partition : -1;
}

int64_t
psm_event_offset(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);

	return origin ? origin->offset : -1;
}

int
psm_event_attempt(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);

	return origin ? origin->attempt : 0;
}

int
psm_event_time_left_ms(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);
	int64_t left;

	if (!origin || origin->deadline_ms == INT64_MAX)
		return INT_MAX;
	left = origin->deadline_ms - psm__mono_ms();
	if (left < 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

int
psm_event_is_replay(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);

	return origin ? origin->is_replay : 0;
}

void
psm_event_confirm(const psm_event *ev)
{
	psm_event *cell = (psm_event *)(uintptr_t)ev;

	if (ev)
		__atomic_store_n(&cell->origin.confirmed, 1, __ATOMIC_RELAXED);
}

int
psm__event_confirmed(const psm_event *ev)
{
	return __atomic_load_n(&ev->origin.confirmed, __ATOMIC_RELAXED);
}
