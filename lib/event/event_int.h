/* SPDX-License-Identifier: BSD-2-Clause */
/* The inside of an event, for the files of this room that make and read it. */
#ifndef PSM_EVENT_ROOM_H
#define PSM_EVENT_ROOM_H

#include "event/catalogue_int.h"

/* The members of an envelope, in the order in which they are written. */
enum member { ID, TYPE, VERSION, TIMESTAMP, PRODUCER, PAYLOAD, N_MEMBERS };

/* Bytes of a traceparent with its NUL. Version 00 has 55; later ones may have
 * more behind them. */
#define PSM__TRACEPARENT_SIZE 128

/* "" where there is none. */
struct psm__trace {
	char causation_id[37], correlation_id[37];
	char traceparent[PSM__TRACEPARENT_SIZE];
};

struct psm_event {
	psm_json *doc;        /* owns what the pointers below point to */
	const psm_json *root; /* the envelope; NULL if made from parts */
	const psm_json *payload;
	const psm_event_type_info *info; /* NULL: unknown type */
	const char *text[PAYLOAD];       /* ID to PRODUCER, as they came */
	const char *key;
	int64_t timestamp_us;
	struct psm__trace trace;
	struct psm__origin origin; /* topic NULL: not received */
	char number[24];           /* the key, when it is a number */
	char copies[];             /* the texts, when there is no envelope */
};

#endif
