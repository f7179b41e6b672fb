/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_DEAD_H
#define PSYMATCH_DEAD_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/*
 * What could not be handled, for the people who look after it. A dead letter
 * was refused for good, by a consumer or by the relay (consumer "outbox"); a
 * parked event failed and waits to be tried again, with those of its key behind
 * it. All of this is in views and functions of the schema psymatch as well
 * (v_dead, v_parked, v_dead_stats, dead_release, ...), and each change is in
 * psymatch.dead_audit with who and why.
 */
enum psm_dead_source { PSM_DEAD_LETTERS = 0, PSM_DEAD_PARKED = 1 };

/**
 * List rows, the oldest first, without their payloads.
 *
 * @param st      a store with the set "psymatch".
 * @param source  an enum psm_dead_source.
 * @param filter  name, value, name, value, ..., NULL; borrowed for the call;
 *                NULL: all rows. A row must fit all of them:
 *                "consumer", "type", "key", "topic": as they are written;
 *                "code": as psm_error_name() gives it;
 *                "state": dead, released, skipped; retry, waiting, held;
 *                "event_id": a UUID;
 *                "since": a time, the row is as new;
 *                "after": an id, the row's is higher;
 *                "limit": rows at most, 1000 unless given.
 * @param rows    new (psm_rows_free); NULL after a failure. Columns: id,
 *                consumer, state, type, event_id, topic, partition, offset,
 *                key, code, reason, attempts, since, next_at, bytes, edited;
 *                next_at is null for dead letters, edited for parked events.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL    a NULL argument, an unknown source or filter;
 *   PSM_ERR_SCHEMA   a filter's value is no UUID, time or number;
 *   PSM_ERR_DB       the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_list(psm_store *st, int source, const char *const *filter,
                          psm_rows **rows, psm_error *err) PSM_CHECK;

/**
 * One row with its headers and its history, as JSON: `{"id": number,
 * "consumer": string, "state": string, "event_id": uuid or null, "type":
 * string or null, "topic": string, "partition": number, "offset": number,
 * "key": string, "code": string, "reason": string, "attempts": number,
 * "headers": object or null, "bytes": number, "raw": string or null,
 * "history": [{"at", "action", "who", "why"}, ...], ...}`.
 *
 * @param st       a store with the set "psymatch".
 * @param source   an enum psm_dead_source.
 * @param id       of the row.
 * @param payload  1: with the bytes, which hold personal data, as text; those
 *                 that are no UTF-8 as PostgreSQL's escape format. 0: without.
 * @param json     new (psm_free); NULL after a failure.
 * @param err      details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument or an unknown source;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_show(psm_store *st, int source, int64_t id, int payload,
                          char **json, psm_error *err) PSM_CHECK;

/**
 * The bytes that a release would use: those of the last edit, or else as they
 * came.
 *
 * @param st      a store with the set "psymatch".
 * @param source  an enum psm_dead_source.
 * @param id      of the row.
 * @param bytes   new (psm_free), with a NUL behind them; NULL after a failure
 *                and for a message without a value.
 * @param len     without that NUL.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument or an unknown source;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_raw(psm_store *st, int source, int64_t id, char **bytes,
                         size_t *len, psm_error *err) PSM_CHECK;

/**
 * Put other bytes in place of a row's. What came stays in a dead letter; of a
 * parked event the history keeps the SHA-256. They are kept as they are, but a
 * CloudEvent for a dead letter of the relay becomes an envelope.
 *
 * @param st      a store with the set "psymatch".
 * @param source  an enum psm_dead_source.
 * @param id      of the row.
 * @param bytes   bytes[len], an event as psm_event_parse reads it; borrowed for
 *                the call.
 * @param len     count of bytes.
 * @param who     the person, for the history; not empty.
 * @param why     a note without personal data, for the history; not empty.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL or empty argument, or an unknown source;
 *   PSM_ERR_PARSE      the bytes are not JSON;
 *   PSM_ERR_SCHEMA     they are not a valid event;
 *   PSM_ERR_VERSION    they are one of a version that is not read;
 *   PSM_ERR_TOO_LARGE  they are too long for one;
 *   PSM_ERR_CONFLICT   they are another event: its event_id differs;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_STATE      the dead letter was released or skipped;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_edit(psm_store *st, int source, int64_t id,
                          const void *bytes, size_t len, const char *who,
                          const char *why, psm_error *err) PSM_CHECK;

/**
 * Have an event tried once more, by its consumer and through the same inbox: an
 * event that was handled in the meantime is not handled again. A dead letter
 * goes behind what is parked of its key; one of the relay goes back to the end
 * of the outbox. A parked event must be the first of its key.
 *
 * @param st      a store with the set "psymatch".
 * @param source  an enum psm_dead_source.
 * @param id      of the row.
 * @param who     the person, for the history; not empty.
 * @param why     a note without personal data, for the history; not empty.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL or empty argument, or an unknown source;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_STATE      the dead letter was released or skipped before or has no
 *                      bytes, or the parked event waits for another one;
 *   PSM_ERR_SCHEMA     one of the relay is no event: edit it first;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_release(psm_store *st, int source, int64_t id,
                             const char *who, const char *why,
                             psm_error *err) PSM_CHECK;

/**
 * Give an event up: it is not tried again. The row stays to be read, that of a
 * parked event as a dead letter; the next one of its key goes on.
 *
 * @param st      a store with the set "psymatch".
 * @param source  an enum psm_dead_source.
 * @param id      of the row.
 * @param who     the person, for the history; not empty.
 * @param why     a note without personal data, for the history; not empty.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL or empty argument, or an unknown source;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_STATE      the dead letter was released or skipped before;
 *   PSM_ERR_DB         the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_skip(psm_store *st, int source, int64_t id,
                          const char *who, const char *why,
                          psm_error *err) PSM_CHECK;

/**
 * How many rows there are, by source, consumer, state and code.
 *
 * @param st    a store with the set "psymatch".
 * @param rows  new (psm_rows_free); NULL after a failure. Columns: source
 *              ("dead" or "parked"), consumer, state, code, count, oldest,
 *              newest.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_DB       the database is away (retriable), or has no such tables;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: until the server answers. Since 0.1.
 */
PSM_API int psm_dead_stats(psm_store *st, psm_rows **rows,
                           psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
