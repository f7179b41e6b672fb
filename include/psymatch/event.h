/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_EVENT_H
#define PSYMATCH_EVENT_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/json.h>

PSM_BEGIN_DECLS

/**
 * One event: an envelope and its payload. Read-only after it was made and its
 * trace set, so any number of threads may look at it at once; freed by one.
 *
 * As JSON: `{"event_id": uuid, "event_type": "noun.verb", "version": "1.0",
 * "timestamp": time, "producer": string, "payload": object}`.
 */
typedef struct psm_event psm_event;

/* The largest event, in bytes, as JSON: what a broker takes by default. */
enum psm_event_limit { PSM_EVENT_MAX = 1048576 };

/* How an event is written: with event_id and event_type, with eventId and
 * eventType as the older platform does, or as a CloudEvent in JSON. */
enum psm_wire {
	PSM_WIRE_SNAKE = 0,
	PSM_WIRE_CAMEL = 1,
	PSM_WIRE_CLOUDEVENTS = 2
};

/**
 * A new event of a type of the catalogue: fresh UUIDv7, the clock's time, the
 * type's current version.
 *
 * @param type         a type's name; an alias gives the event its proper name.
 * @param producer     name of the sending service, 1 to 100 characters without
 *                     control characters; copied.
 * @param payload      one JSON object, UTF-8; copied.
 * @param payload_len  bytes of payload.
 * @param out          new (psm_event_free); NULL after a failure.
 * @param err          details of a failure; may be NULL. Pointer, line and
 *                     column count within payload.
 * @return 0: *out is the event.
 *   PSM_ERR_INVAL         a NULL argument;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_PARSE         payload is not JSON, has a key twice in one object,
 *                         or is nested deeper than 63 levels;
 *   PSM_ERR_SCHEMA        payload does not follow the catalogue, or producer
 *                         the rule above;
 *   PSM_ERR_TOO_LARGE     the event could pass PSM_EVENT_MAX in one of its
 *                         forms;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_new(const char *type, const char *producer,
                          const char *payload, size_t payload_len,
                          psm_event **out, psm_error *err) PSM_CHECK;

/**
 * Read an event in any writing of the envelope, or a CloudEvent 1.0 in JSON,
 * which has its trace with it; psymatch-events(7) says which attribute is what.
 *
 * Unknown members of envelope and payload are kept and otherwise ignored. A
 * timestamp without zone is UTC. The payload of a type that the catalogue knows
 * is checked; any other type is read too, and psm_event_topic() and
 * psm_event_key() give NULL for it.
 *
 * @param json  one JSON object, UTF-8; copied.
 * @param len   bytes of json.
 * @param out   new (psm_event_free); NULL after a failure.
 * @param err   details of a failure, with JSON pointer, line and column; may be
 *              NULL.
 * @return 0: *out is the event.
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      json is not JSON, has a key twice in one object, or is
 *                      nested deeper than 64 levels;
 *   PSM_ERR_SCHEMA     a member is missing, double or wrong, or the payload
 *                      does not follow the catalogue;
 *   PSM_ERR_VERSION    the version is not 1.x;
 *   PSM_ERR_TOO_LARGE  longer than PSM_EVENT_MAX;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_parse(const char *json, size_t len, psm_event **out,
                            psm_error *err) PSM_CHECK;

/**
 * The same event in another version: what an upcaster returns. Id, type,
 * timestamp, producer and trace are those of old, so that handling it twice is
 * noticed; members of the envelope that this release does not know are left
 * behind. It counts as not received until the library passes it to a handler.
 *
 * @param old          the event as it came.
 * @param version      the version of payload, "1.0" to "1.9999"; copied.
 * @param payload      one JSON object, UTF-8; copied.
 * @param payload_len  bytes of payload.
 * @param out          new (psm_event_free); NULL after a failure.
 * @param err          details of a failure; may be NULL. Pointer, line and
 *                     column count within payload.
 * @return 0: *out is the event.
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      payload is not JSON, has a key twice in one object, or
 *                      is nested deeper than 63 levels;
 *   PSM_ERR_SCHEMA     payload does not follow the catalogue, or version is not
 *                      "major.minor";
 *   PSM_ERR_VERSION    the version is not 1.x;
 *   PSM_ERR_TOO_LARGE  the event could pass PSM_EVENT_MAX in one of its forms;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_upcast(const psm_event *old, const char *version,
                             const char *payload, size_t payload_len,
                             psm_event **out, psm_error *err) PSM_CHECK;

/**
 * The event as JSON: the envelope's members in their order, the timestamp in
 * UTC with microseconds and Z, the payload byte for byte as it came, then the
 * unknown members. As a CloudEvent: the attributes, those of the trace too, and
 * the payload; unknown members are left behind.
 *
 * @param ev    the event.
 * @param wire  an enum psm_wire.
 * @param text  new (psm_free), NUL-terminated; NULL after a failure.
 * @param len   bytes of *text without the NUL.
 * @param err   details of a failure; may be NULL.
 * @return 0: *text and *len are set.
 *   PSM_ERR_INVAL  a NULL argument, or a wire outside the enum;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_encode(const psm_event *ev, int wire, char **text,
                             size_t *len, psm_error *err) PSM_CHECK;

/**
 * Free an event and all that was borrowed from it.
 *
 * @param ev  the event; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_event_free(psm_event *ev);

/**
 * The event's id, a UUID as it was written.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_id(const psm_event *ev);

/**
 * The type's proper name, also if the event came under an alias.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_type(const psm_event *ev);

/**
 * The type's name as the event carries it, perhaps an alias.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_type_as_sent(const psm_event *ev);

/**
 * The version, "major.minor".
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_version(const psm_event *ev);

/**
 * When the event was made, by its own timestamp.
 *
 * @param ev  the event; NULL gives 0.
 * @return microseconds since 1970-01-01T00:00:00Z.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_event_timestamp_us(const psm_event *ev);

/**
 * The service that made the event.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_producer(const psm_event *ev);

/**
 * The payload, an object. Its values are made by the first call; an event of
 * which nobody asks for a value does without.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed; NULL when out of memory. A handler to
 *         which this has happened counts as one that returned PSM_ERR_NOMEM.
 *
 * Threads: any, also for the first call. Blocks: no. Since 0.1.
 */
PSM_API const psm_json *psm_event_payload(const psm_event *ev);

/**
 * The payload as it stood in the text that the event was made from, byte for
 * byte, for readers of one's own: no values are made.
 *
 * @param ev   the event; NULL gives NULL.
 * @param len  receives the payload's length in bytes, 0 if ev is NULL; may be
 *   NULL.
 * @return borrowed until ev is freed. Behind the payload may follow what else
 *   the text has; a NUL ends it.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_payload_text(const psm_event *ev, size_t *len);

/**
 * Note what caused an event, in place of what was noted before. It travels
 * beside the envelope, as headers of the record named causation_id,
 * correlation_id and traceparent, and comes back with the event that is
 * received. A tracestate that was set before is forgotten.
 *
 * @param ev              the event, before it is handed to another thread.
 * @param causation_id    id of the event that this one answers, a UUID; copied.
 *                        NULL or "": none, and so with the next two.
 * @param correlation_id  id that all events of one story share, a UUID; copied.
 * @param traceparent     W3C Trace Context, 55 to 127 bytes: version, trace id,
 *                        parent id and flags in small hexadecimal digits,
 *                        joined by dashes; copied.
 * @param err             details of a failure; may be NULL.
 * @return 0: all three are as given.
 *   PSM_ERR_INVAL  ev is NULL, or a text breaks its rule; nothing has changed;
 *   PSM_ERR_NOMEM  out of memory; nothing has changed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_set_trace(psm_event *ev, const char *causation_id,
                                const char *correlation_id,
                                const char *traceparent,
                                psm_error *err) PSM_CHECK;

/**
 * Note what the tracing systems on the way want to know, in place of what was
 * noted before. It travels unchanged beside the traceparent, as a header of the
 * record named tracestate.
 *
 * @param ev          the event, before it is handed to another thread, with a
 *                    traceparent.
 * @param tracestate  W3C Trace Context, at most 4096 printable bytes of ASCII;
 *                    copied. NULL or "": none.
 * @param err         details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  ev is NULL or has no traceparent, or the text breaks its
 *                  rule; nothing has changed;
 *   PSM_ERR_NOMEM  out of memory; nothing has changed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_set_tracestate(psm_event *ev, const char *tracestate,
                                     psm_error *err) PSM_CHECK;

/**
 * The id of the event that this one answers.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed or its trace is set; NULL if there is
 *         none.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_causation_id(const psm_event *ev);

/**
 * The id that all events of one story share.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed or its trace is set; NULL if there is
 *         none.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_correlation_id(const psm_event *ev);

/**
 * The W3C Trace Context of the event.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed or its trace is set; NULL if there is
 *         none.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_traceparent(const psm_event *ev);

/**
 * What travels beside the traceparent.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed or its trace is set; NULL if there is
 *         none.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_tracestate(const psm_event *ev);

/**
 * The topic that a received event came from; of any other event, the topic that
 * the catalogue gives to its type.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed; NULL for an unknown type that was not
 *         received.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_topic(const psm_event *ev);

/**
 * The partition that a received event came from.
 *
 * @param ev  the event; NULL gives -1.
 * @return 0 or more; -1 if the event was not received.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_partition(const psm_event *ev);

/**
 * Where a received event stands in its partition.
 *
 * @param ev  the event; NULL gives -1.
 * @return 0 or more; -1 if the event was not received.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_event_offset(const psm_event *ev);

/**
 * How often the handler has been given this event, this time included.
 *
 * @param ev  the event; NULL gives 0.
 * @return 1 for the first time, and so on; 0 if the event was not received.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_attempt(const psm_event *ev);

/**
 * How long the handler may still take, before the event counts as failed.
 *
 * @param ev  the event; NULL gives INT_MAX.
 * @return milliseconds, 0: the time is up; INT_MAX: there is no deadline.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_time_left_ms(const psm_event *ev);

/**
 * Whether the event is replayed: then a handler leaves out what cannot be taken
 * back, such as a mail.
 *
 * @param ev  the event; NULL gives 0.
 * @return 1: a replay; 0: not.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_is_replay(const psm_event *ev);

/**
 * Say that the event is handled: for a handler that is registered with
 * psm_handler_options_confirm(). The last thing that it does; for any other
 * event without effect.
 *
 * @param ev  the event that the handler was given; NULL is allowed.
 *
 * Threads: the handler's. Blocks: no. Since 0.1.
 */
PSM_API void psm_event_confirm(const psm_event *ev);

/**
 * The message key: the key field of the payload, a number as decimal digits.
 * Events with the same key stay in order.
 *
 * @param ev  the event; NULL gives NULL.
 * @return borrowed until ev is freed, 1 to 200 characters; NULL for a type
 *         that is unknown.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_event_key(const psm_event *ev);

PSM_END_DECLS

#endif
