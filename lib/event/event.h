/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_EVENT_INT_H
#define PSM_EVENT_INT_H

#include <psymatch/catalogue.h>
#include <psymatch/event.h>

#include "base/base.h"
#include "event/message.h"

/* The parts of a stored event, as an outbox row has them; all borrowed. */
struct psm__event_parts {
	const char *id, *type, *version, *producer;
	int64_t timestamp_us;
	const char *payload;
	size_t payload_len;
};

/* A payload's levels of nesting: one less than the envelope that it will be in.
 * lib/json has the limit of that. */
#define PSM__PAYLOAD_MAX_DEPTH 63

/*
 * An event from its stored parts, which are checked as by psm_event_parse(); a
 * type that the catalogue does not know has no topic and no key. *out is new
 * (psm_event_free). PSM_ERR_PARSE, _SCHEMA, _VERSION, _TOO_LARGE or _NOMEM;
 * positions count within the payload.
 */
int psm__event_from_parts(const struct psm__event_parts *parts, psm_event **out,
                          psm_error *err);

/*
 * An event from a received record, in whichever form: as psm_event_parse(), but
 * for a CloudEvent in the binary form, which headers tell; of that, positions
 * count within the value. Of the headers only a CloudEvent's are read.
 */
int psm__event_from_record(const struct psm__header *headers, size_t count,
                           const void *value, size_t len, psm_event **out,
                           psm_error *err);

/* 1: it was read from an envelope; 0: from a CloudEvent, or its parts. */
int psm__event_enveloped(const psm_event *ev);

/* Beside those of enum psm_wire, for records only: the payload, and the rest in
 * headers. */
#define PSM__WIRE_CLOUDEVENTS_BINARY 3
/* The setting PSYMATCH_WIRE as an enum psm_wire, or the one above. */
int psm__wire_of(const char *word);

/* The text that an event was read from, if it is the one that
 * psm__event_write() would make; else NULL. Borrowed until ev is freed. */
const char *psm__event_text(const psm_event *ev, int wire, size_t *len);
/* The event as psm_event_encode() gives it, without an allocation: into
 * to[psm__event_room(ev)]; the length, there is no NUL. */
size_t psm__event_write(const psm_event *ev, int wire, char *to);
/* At least the bytes that psm__event_write() and a NUL need, for either wire;
 * 0: out of memory. */
size_t psm__event_room(const psm_event *ev);

/* Most headers that an event has of its own. */
#define PSM__EVENT_HEADERS 4

/*
 * The event's own headers, named as the members: causation_id, correlation_id,
 * traceparent, tracestate; those it does not have are left out. Their count;
 * names and values are borrowed until ev is freed or its trace is set.
 */
size_t psm__event_headers(const psm_event *ev,
                          struct psm__header out[PSM__EVENT_HEADERS]);
/*
 * Take the trace from a record's headers. Of two ids of one name the last one
 * counts; of two different traceparents none does, as nobody knows which trace
 * it is. Several tracestates are one list; without a traceparent there is none.
 * One with a wrong value is as if it were not there, is counted in the metric
 * psymatch_event_bad_headers_total, and in the result. Others are none of the
 * event's business. PSM_ERR_NOMEM: the trace is not whole.
 */
int psm__event_read_headers(psm_event *ev, const struct psm__header *headers,
                            size_t count);

/* Where a received event came from, and how it is tried. */
struct psm__origin {
	const char *topic; /* borrowed: outlives the event */
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms; /* the broker's, -1: unknown */
	const char *key;      /* the record's, borrowed: outlives the event */
	size_t key_len;
	int attempt;         /* 1: the first */
	int64_t deadline_ms; /* psm__mono_ms(); INT64_MAX: none */
	int is_replay;
	int confirmed; /* __atomic: by psm_event_confirm() */
};
/* Copies the struct. To be called before other threads see ev. */
void psm__event_set_origin(psm_event *ev, const struct psm__origin *origin);
/* The same for how often it is tried; nothing if it was not received. */
void psm__event_set_attempt(psm_event *ev, int attempt);
/* NULL: it was not received. Borrowed until ev is freed. */
const struct psm__origin *psm__event_origin(const psm_event *ev);
/* The topic where the catalogue sends the type, whatever the origin; NULL for
 * an unknown type. */
const char *psm__event_home(const psm_event *ev);
/* 0, or PSM_ERR_INVAL: what psm_event_set_trace() and _set_tracestate() would
 * not take. NULL and "" are nothing. */
int psm__trace_check(const char *traceparent, const char *tracestate,
                     psm_error *err);

/* Two versions "major.minor", each of them well-formed: below 0, 0 or above 0
 * as a is older than b, the same, or newer. */
int psm__event_version_cmp(const char *a, const char *b);
/* 1: text is "major.minor", both at most 9999 and without needless zeros. */
int psm__event_version_valid(const char *text);

/* 1: the payload was asked for and could not be made for lack of memory: a
 * field that seemed to be missing may be there. */
int psm__event_starved(const psm_event *ev);
/* 1: its handler says that it has handled it, since psm__event_set_origin(). */
int psm__event_confirmed(const psm_event *ev);

#endif
