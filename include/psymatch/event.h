/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_EVENT_H
#define PSYMATCH_EVENT_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/json.h>

PSM_BEGIN_DECLS

/* One event: read-only after it was made. */
typedef struct psm_event psm_event;

/* How the envelope's two-word names are written: event_id, or eventId as the
 * older platform does. */
enum psm_wire { PSM_WIRE_SNAKE = 0, PSM_WIRE_CAMEL = 1 };

/*
 * A new event of a known type: fresh UUIDv7, the clock's time, the type's
 * current version; the payload (one JSON object, copied) is checked against the
 * catalogue.
 */
PSM_API int psm_event_new(const char *type, const char *producer,
                          const char *payload, size_t payload_len,
                          psm_event **out, psm_error *err) PSM_CHECK;
/* Read an envelope in either writing; the payload of a known type is checked.
 */
PSM_API int psm_event_parse(const char *json, size_t len, psm_event **out,
                            psm_error *err) PSM_CHECK;
/* *text is new (psm_free), NUL-terminated, *len bytes without the NUL; wire is
 * an enum psm_wire. */
PSM_API int psm_event_encode(const psm_event *ev, int wire, char **text,
                             size_t *len, psm_error *err) PSM_CHECK;
PSM_API void psm_event_free(psm_event *ev);

/* All borrowed until ev is freed. */
PSM_API const char *psm_event_id(const psm_event *ev);
/* The canonical name, also if the event came under an alias. */
PSM_API const char *psm_event_type(const psm_event *ev);
/* The name it came under. */
PSM_API const char *psm_event_type_as_sent(const psm_event *ev);
PSM_API const char *psm_event_version(const psm_event *ev);
PSM_API int64_t psm_event_timestamp_us(const psm_event *ev);
PSM_API const char *psm_event_producer(const psm_event *ev);
PSM_API const psm_json *psm_event_payload(const psm_event *ev);
/* The catalogue's topic and the text of the key field; NULL for an unknown
 * type. */
PSM_API const char *psm_event_topic(const psm_event *ev);
PSM_API const char *psm_event_key(const psm_event *ev);

PSM_END_DECLS

#endif
