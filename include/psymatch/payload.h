/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PAYLOAD_H
#define PSYMATCH_PAYLOAD_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>

PSM_BEGIN_DECLS

/**
 * The payload of a new event, built member by member. The first failure is
 * kept, nothing is added after it, and psm_event_new_from() reports it; so the
 * functions between need no check. See examples/02_produce.c.
 *
 * A name that the catalogue does not have at its place is a failure: it is
 * misspelt, or the catalogue needs the field. Names within what
 * psm_payload_json() adds are not looked up.
 */
typedef struct psm_payload psm_payload;

/**
 * Begin the payload of an event.
 *
 * @param type  a type's name or alias; copied. NULL, or a type that the
 *              catalogue does not have, is a failure as said above.
 * @return new (psm_event_new_from takes it; else psm_payload_free); NULL when
 *   out of memory, which psm_event_new_from() reports, too.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_payload *psm_payload_new(const char *type) PSM_CHECK;

/**
 * Free a payload of which no event was made.
 *
 * @param m  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_free(psm_payload *m);

/**
 * Add a text.
 *
 * @param m     a payload; NULL is ignored, here and below.
 * @param name  the member's name; NULL for an item of an array; copied. This
 *              holds for the functions below as well.
 * @param text  UTF-8, NUL-terminated; copied. NULL adds null.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_text(psm_payload *m, const char *name,
                              const char *text);

/**
 * Add a whole number.
 *
 * @param m       a payload.
 * @param name    as for psm_payload_text().
 * @param number  any.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_int(psm_payload *m, const char *name, int64_t number);

/**
 * Add a number, written as psm_json_write_double() does.
 *
 * @param m       a payload.
 * @param name    as for psm_payload_text().
 * @param number  finite, else it is a failure.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_double(psm_payload *m, const char *name,
                                double number);

/**
 * Add true or false.
 *
 * @param m      a payload.
 * @param name   as for psm_payload_text().
 * @param value  0 is false, any other number is true.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_bool(psm_payload *m, const char *name, int value);

/**
 * Add null.
 *
 * @param m     a payload.
 * @param name  as for psm_payload_text().
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_null(psm_payload *m, const char *name);

/**
 * Add a point in time as text: UTC, with microseconds and Z.
 *
 * @param m        a payload.
 * @param name     as for psm_payload_text().
 * @param time_us  microseconds since 1970-01-01T00:00:00Z, in the years 1 to
 *                 9999, else it is a failure.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_time(psm_payload *m, const char *name,
                              int64_t time_us);

/**
 * Add a value that is JSON already, as psm_json_text() gives it.
 *
 * @param m     a payload.
 * @param name  as for psm_payload_text().
 * @param json  one JSON value, UTF-8, else it is a failure; copied.
 * @param len   bytes of json.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_json(psm_payload *m, const char *name,
                              const char *json, size_t len);

/**
 * Begin an object: what is added next are its members, until psm_payload_end().
 *
 * @param m     a payload.
 * @param name  as for psm_payload_text().
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_object(psm_payload *m, const char *name);

/**
 * Begin an array: what is added next are its items, without a name, until
 * psm_payload_end().
 *
 * @param m     a payload.
 * @param name  as for psm_payload_text().
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_array(psm_payload *m, const char *name);

/**
 * End the innermost object or array. The payload itself needs no end.
 *
 * @param m  a payload.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_payload_end(psm_payload *m);

/**
 * A new event with this payload: fresh UUIDv7, the clock's time, the type's
 * current version, as psm_event_new() makes it.
 *
 * @param m         taken, also when the call fails.
 * @param producer  name of the sending service, 1 to 100 characters without
 *                  control characters; copied.
 * @param out       new (psm_event_free); NULL after a failure.
 * @param err       details of a failure; may be NULL. The pointer names the
 *                  member that is to blame, or the object or array that it
 *                  was to be added to.
 * @return 0: *out is the event.
 *   PSM_ERR_INVAL         the type, a json, producer or out is NULL;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_PARSE         a name comes twice in one object, or what was given
 *                         to psm_payload_json() is not JSON;
 *   PSM_ERR_SCHEMA        a name that the catalogue does not have, a member
 *                         missing or of the wrong kind, or a producer that
 *                         breaks the rule above;
 *   PSM_ERR_STATE         a member without a name or an item with one, a text
 *                         that is not UTF-8, a number that is not finite, a
 *                         time out of range, an end too many or too few, more
 *                         than 63 levels;
 *   PSM_ERR_TOO_LARGE     the event could pass PSM_EVENT_MAX in one of its
 *                         forms;
 *   PSM_ERR_IO            the system gave no random bytes;
 *   PSM_ERR_NOMEM         out of memory now, or in a call before.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_event_new_from(psm_payload *m, const char *producer,
                               psm_event **out, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
