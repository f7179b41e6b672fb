/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CLOCK_H
#define PSYMATCH_CLOCK_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * A clock: microseconds since 1970-01-01T00:00:00Z. Runs on any thread, several
 * at once; it must not call the library.
 */
typedef int64_t (*psm_clock_fn)(void *user);

/**
 * Replace the wall clock of the library in this process, for tests and
 * simulations. Deadlines and waits go by the monotonic clock and do not follow.
 *
 * @param fn    the clock; NULL puts the system's back.
 * @param user  given to fn. A thread that is reading the time may call the old
 *              clock once more after this function has returned.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_set_clock(psm_clock_fn fn, void *user);

/**
 * The time.
 *
 * @return microseconds since 1970-01-01T00:00:00Z.
 *
 * Threads: any. Blocks: no, unless the clock that was set does. Since 0.1.
 */
PSM_API int64_t psm_now_us(void);

/**
 * Write a time as RFC 3339 in UTC: "2026-01-31T09:00:00.000001Z", always 27
 * bytes and a NUL.
 *
 * @param time_us  microseconds since 1970-01-01T00:00:00Z; the years 0001 to
 *                 9999.
 * @param text     receives the text.
 * @param size     of text in bytes, at least 28.
 * @return 0, or
 *   PSM_ERR_INVAL  text is NULL or too small; or the time is outside the range
 *                  (then text is "").
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_time_format(int64_t time_us, char *text, size_t size);

/**
 * Read a time: "YYYY-MM-DDThh:mm:ss", then a fraction ".d" of 1 to 9 digits or
 * none (what is finer than a microsecond is cut off), then "Z", an offset
 * "+hh:mm" or "-hh:mm", or nothing, which means UTC. "t", "z" and a blank
 * instead of "T" are understood. Days are those of the calendar; 24:00 is
 * refused, and a leap second (":60") is the second after it.
 *
 * @param text     need not be NUL-terminated.
 * @param len      of text in bytes; all of it must be the time.
 * @param time_us  receives microseconds since 1970-01-01T00:00:00Z, in the
 *                 years 0001 to 9999; unchanged after a failure.
 * @param err      details of a failure; may be NULL. The position is that in
 *                 text; the message does not quote it.
 * @return 0, or
 *   PSM_ERR_INVAL   a NULL argument;
 *   PSM_ERR_SCHEMA  text is not such a time.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_time_parse(const char *text, size_t len, int64_t *time_us,
                           psm_error *err) PSM_CHECK;

/**
 * How far long work is, for a person who waits: "1,200 of 60,000 events, 400 a
 * second, 2 min 27 s left". The rate is that since the beginning.
 *
 * @param done        what is done, 0 or more.
 * @param total       what there is to do; below done: not known, then it and
 *                    the time left are not in the text.
 * @param elapsed_us  since the beginning, in microseconds, 0 or more.
 * @param noun        what is counted, in the plural, e.g. "events"; 1 to 40
 *                    bytes. Of one, the last letter is left out.
 * @param text        receives the text, without a newline.
 * @param size        of text in bytes, at least 160.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument, or one outside its range; text is
 *                  unchanged.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_progress_format(int64_t done, int64_t total, int64_t elapsed_us,
                                const char *noun, char *text, size_t size);

PSM_END_DECLS

#endif
