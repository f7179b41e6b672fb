/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_ERROR_H
#define PSYMATCH_ERROR_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/*
 * One line per code: name, value, HTTP status of an answer that tells of it,
 * text. Values never change once released. Retriable (the same call may succeed
 * later, with nothing changed) are NOMEM, FULL, IO, DB, BROKER, TIMEOUT, RETRY,
 * FENCED and UNAVAILABLE, unless an error object says otherwise.
 */
#define PSM_ERROR_MAP(X)                                                       \
	X(INVAL, -1, 400, "invalid argument")                                  \
	X(NOMEM, -2, 503, "out of memory")                                     \
	X(PARSE, -3, 400, "malformed JSON")                                    \
	X(SCHEMA, -4, 400, "does not follow its schema")                       \
	X(STATE, -5, 500, "not possible in the current state")                 \
	X(FULL, -6, 503, "queue full")                                         \
	X(TOO_LARGE, -7, 413, "too large")                                     \
	X(IO, -8, 503, "file or system error")                                 \
	X(DB, -9, 503, "database error")                                       \
	X(BROKER, -10, 503, "broker error")                                    \
	X(TIMEOUT, -11, 503, "deadline passed")                                \
	X(NOT_FOUND, -12, 404, "not found")                                    \
	X(TRANSITION, -13, 409, "status change not allowed")                   \
	X(CONFLICT, -14, 409, "conflicts with what is stored")                 \
	X(CONFIG, -15, 500, "invalid setting")                                 \
	X(VERSION, -16, 400, "unsupported version")                            \
	X(CORRUPT, -17, 500, "damaged data")                                   \
	X(RETRY, -18, 503, "try again later")                                  \
	X(REJECT, -19, 422, "refused for good")                                \
	X(CLOSED, -20, 503, "closed before delivery")                          \
	X(FENCED, -21, 503, "another consumer owns the partition")             \
	X(AMBIGUOUS, -22, 409, "more than one match")                          \
	X(UNKNOWN_TYPE, -23, 400, "unknown event type")                        \
	X(UNCONFIRMED, -24, 202,                                               \
	  "committed, but not confirmed by all consumers")                     \
	X(PRECONDITION, -25, 412, "changed since it was read")                 \
	X(MEDIA_TYPE, -26, 415, "unsupported media type")                      \
	X(UNAVAILABLE, -27, 503, "a service that is needed is unavailable")

enum psm_err {
	PSM_OK = 0,
#define X(name, value, status, text) PSM_ERR_##name = value,
	PSM_ERROR_MAP(X)
#undef X
	    PSM_ERR_LAST = -1000 /* not a code; fixes the range of the enum */
};

/**
 * What went wrong: made once by the caller, reused for any number of calls.
 *
 * Every function that takes one clears it first and fills it when it fails; the
 * first failure within a call is kept. Wherever one is taken, NULL may be
 * given. Filling it never needs memory. An object belongs to one thread at a
 * time.
 */
typedef struct psm_error psm_error;

/**
 * Make an error object that holds no error.
 *
 * @return new (psm_error_free); NULL when out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_error *psm_error_new(void) PSM_CHECK;

/**
 * Free an error object.
 *
 * @param err  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_error_free(psm_error *err);

/**
 * Forget the error: code PSM_OK, texts empty, numbers 0.
 *
 * @param err  NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_error_clear(psm_error *err);

/**
 * The code, which is also what the failed call returned.
 *
 * @param err  NULL is allowed.
 * @return a negative PSM_ERR_ value; PSM_OK: there is no error, or err is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_code(const psm_error *err);

/**
 * What was wanted and what was found, for people: one line of UTF-8 without
 * control characters, at most 511 bytes. It quotes no personal data.
 *
 * @param err  NULL is allowed.
 * @return borrowed until the next call with err; "" without an error.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_message(const psm_error *err);

/**
 * The message as far as it may be told to a stranger, as /health does: what a
 * database or another server said of itself (names of tables, paths of sockets)
 * is replaced by the text of the code. Log psm_error_message().
 *
 * @param err  NULL is allowed.
 * @return borrowed until the next call with err; "" without an error.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_public(const psm_error *err);

/**
 * What was being read or spoken to: a file, a topic, a host. One line, at most
 * 255 bytes.
 *
 * @param err  NULL is allowed.
 * @return borrowed until the next call with err; "" if unknown.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_source(const psm_error *err);

/**
 * The place in a JSON document, as an RFC 6901 pointer; at most 255 bytes, then
 * it is cut off.
 *
 * @param err  NULL is allowed.
 * @return borrowed until the next call with err; "" for the root or if unknown
 *   (then psm_error_line is 0).
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_pointer(const psm_error *err);

/**
 * The place in a text: bytes before it.
 *
 * @param err  NULL is allowed.
 * @return the offset from 0; 0 as well if psm_error_line is 0 (unknown).
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_error_offset(const psm_error *err);

/**
 * The place in a text: its line.
 *
 * @param err  NULL is allowed.
 * @return the line, counted from 1; 0 if unknown.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API unsigned psm_error_line(const psm_error *err);

/**
 * The place in a text: the byte in its line.
 *
 * @param err  NULL is allowed.
 * @return the column in bytes, counted from 1; 0 if unknown.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API unsigned psm_error_column(const psm_error *err);

/**
 * Whether the same call may succeed later, with nothing changed.
 *
 * @param err  NULL is allowed.
 * @return 1 or 0.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_retriable(const psm_error *err);

/**
 * Whether the object that was called is of no use any more.
 *
 * @param err  NULL is allowed.
 * @return 1 or 0.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_fatal(const psm_error *err);

/**
 * Say why a callback of the application fails. Replaces what err holds.
 *
 * @param err      NULL is allowed.
 * @param code     a PSM_ERR_ value, which also decides whether it is retriable;
 *                 PSM_OK clears err.
 * @param message  copied, as one line of UTF-8; it may be a text of err itself.
 *                 NULL: the code's own text. It may end in logs: no personal
 *                 data.
 * @return code, so that a callback can end with return psm_error_set(...);
 *   PSM_ERR_INVAL  code is not in the table; err says so.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_set(psm_error *err, int code, const char *message);

/**
 * Add a fault to a recorded failure that has several, e.g. each wrong member of
 * a document. About 4000 bytes of texts are kept; a fault that does not fit is
 * left out. Without a recorded failure nothing happens.
 *
 * @param err      NULL is allowed.
 * @param pointer  where: an RFC 6901 pointer, or the name of a parameter; the
 *                 first one becomes psm_error_pointer() if that is empty.
 *                 Copied, NULL is "".
 * @param message  what was wanted and what was found; copied, as one line of
 *                 UTF-8. No personal data. NULL is "".
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_error_add_fault(psm_error *err, const char *pointer,
                                 const char *message);

/**
 * How many faults a failure lists.
 *
 * @param err  NULL is allowed.
 * @return the count; 0: the message says it all.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_error_fault_count(const psm_error *err);

/**
 * Where a fault is.
 *
 * @param err  NULL is allowed.
 * @param i    0 to psm_error_fault_count() - 1.
 * @return borrowed until the next call with err; NULL past the end.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_fault_pointer(const psm_error *err, size_t i);

/**
 * What is wrong there.
 *
 * @param err  NULL is allowed.
 * @param i    0 to psm_error_fault_count() - 1.
 * @return borrowed until the next call with err; NULL past the end.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_fault_message(const psm_error *err, size_t i);

/**
 * The text of a code in the table.
 *
 * @param code  any number.
 * @return borrowed for ever, e.g. "queue full"; "success" from 0 up, "unknown
 *   error code" for the rest.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_strerror(int code);

/**
 * The name of a code in the table.
 *
 * @param code  any number.
 * @return borrowed for ever, e.g. "PSM_ERR_FULL"; "PSM_OK" from 0 up,
 *   "PSM_UNKNOWN" for the rest.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_error_name(int code);

/**
 * The HTTP status of an answer that tells of a failure.
 *
 * @param code  any number.
 * @return as in the table; 200 from 0 up, 500 for what is not in the table.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_http_status(int code);

/**
 * The table, for bindings and tools.
 *
 * @param i  place in the table, from 0.
 * @return the code there; 0 past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_error_at(size_t i);

PSM_END_DECLS

#endif
