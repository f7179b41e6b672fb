/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of an event, for the files of this room that make and read it. */
#ifndef PSM_EVENT_ROOM_H
#define PSM_EVENT_ROOM_H

#include "event/catalogue_int.h"

/* The members of an envelope, in the order in which they are written. */
enum member { ID, TYPE, VERSION, TIMESTAMP, PRODUCER, PAYLOAD, N_MEMBERS };

/* Its name; wire is an enum psm_wire. */
const char *psm__member_name(int wire, enum member which);
/* Which member a key means in either writing, N_MEMBERS if none; likely is
 * looked at first. */
enum member psm__member_index(const char *key, size_t len, enum member likely);
/* Characters; long enough for any name that a person would give. */
#define PSM__NAME_MAX 100

/* Bytes of a traceparent with its NUL. Version 00 has 55; later ones may have
 * more behind them. */

/* Bytes; the standard asks for at least 512. */
#define PSM__TRACESTATE_MAX 4096

/* "" where there is none. */
struct psm__trace {
	char causation_id[37], correlation_id[37];
	char traceparent[PSM__TRACEPARENT_SIZE];
	char *tracestate; /* of our own; NULL: none, or no traceparent */
};
/* Copy the trace of one event to another one, which has none. 0, or
 * PSM_ERR_NOMEM. */
int psm__event_copy_trace(psm_event *to, const psm_event *from);
void psm__trace_free(struct psm__trace *trace);

/* A piece of the text that an event is read from. */
struct psm__piece {
	const char *text;
	size_t len;
};

/*
 * stream.c: what one pass over an event's text finds, without a tree. All
 * pieces lie in the text; none has an escape.
 */
struct psm__stream {
	struct psm__piece text[PAYLOAD]; /* unused without an envelope */
	struct psm__piece payload;       /* with its brackets */
	struct psm__piece key;           /* of a known type */
	const psm_event_type_info *info; /* NULL: unknown type */
	int64_t timestamp_us;
	int others;     /* the envelope has unknown members */
	int as_written; /* the text is what psm__event_write() would make */
};

/*
 * 1: the text is an event, all of it is checked and *out is filled. 0: it is
 * not, or it is one that a pass is not made for (members in an odd order, keys
 * with escapes, ...): then it is read into a tree, which tells what is wrong.
 */
int psm__stream_event(const char *json, size_t len, struct psm__stream *out);
/* The same for a payload alone, of a type, or NULL for an unknown one; fills
 * payload and key. */
int psm__stream_payload(const psm_event_type_info *info, const char *json,
                        size_t len, struct psm__stream *out);
/* psm_event_parse() by the tree alone: tests compare it with the pass. */
int psm__event_read(const char *json, size_t len, psm_event **out,
                    psm_error *err);

/*
 * An event has its texts and the document in its own block. The tree of values
 * is made by the first thread that asks for a value; one that comes at the same
 * time frees the tree that it made in vain.
 */
struct psm_event {
	const psm_json *payload; /* __atomic; NULL: there is no tree yet */
	struct psm__piece raw;   /* what the tree is made from */
	int enveloped;           /* raw is an envelope, not a payload alone */
	int others;              /* it has unknown members */
	int as_written;          /* raw is what psm__event_write() makes */
	int starved; /* __atomic: there was no memory for the tree once */
	struct psm__piece payload_text;
	size_t texts_len;                /* of bytes, without raw */
	const psm_event_type_info *info; /* NULL: unknown type */
	const char *text[PAYLOAD];       /* ID to PRODUCER; no TIMESTAMP */
	const char *key;                 /* NULL for an unknown type */
	int64_t timestamp_us;
	struct psm__trace *trace;  /* of its own; NULL: none */
	struct psm__origin origin; /* topic NULL: not received */
	char bytes[];              /* the texts, the key, raw */
};

#endif
