/* SPDX-License-Identifier: BSD-2-Clause */
/* The base room: what every other room may use. It knows none of them. */
#ifndef PSM_BASE_INT_H
#define PSM_BASE_INT_H

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <psymatch/base.h>
#include <psymatch/clock.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/health.h>
#include <psymatch/log.h>
#include <psymatch/memory.h>
#include <psymatch/metrics.h>
#include <psymatch/uuid.h>

/* -- error.c: each public function clears err first; within a call the first
 * failure wins. */

/* Where in a text: line and column count from 1, column in bytes; all 0 when
 * unknown. */
struct psm__pos {
	size_t offset;
	unsigned line, column;
};
extern const struct psm__pos psm__nowhere;
struct psm__pos psm__locate(const char *text, size_t len, size_t offset);

void psm__error_clear(psm_error *err);
/* Record the failure unless there is one, and return code. Never allocates; err
 * may be NULL. */
int psm__fail(psm_error *err, int code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int psm__fail_at(psm_error *err, int code, struct psm__pos at, const char *fmt,
                 ...) __attribute__((format(printf, 4, 5)));
int psm__nomem(psm_error *err);
/* Add to the recorded failure; the first source and pointer stay. */
void psm__error_source(psm_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void psm__error_pointer(psm_error *err, const char *pointer);
void psm__error_position(psm_error *err, struct psm__pos at);
/* As psm_error_add_fault. */
void psm__error_fault(psm_error *err, const char *pointer, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Put text before the message: "therapists[3]: ...". */
void psm__error_prefix(psm_error *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Override what the code's table row says. */
void psm__error_flags(psm_error *err, int retriable, int fatal);
/* The message quotes another server: psm_error_public() does not show it. */
void psm__error_inside(psm_error *err);
void psm__error_copy(psm_error *to, const psm_error *from);

/* -- effects.c: the calling thread runs a handler of a replay. Between bar and
 * unbar, with the same argument, no mail and no request leaves it; events_too:
 * no event either. */
extern int psm__effects_marks; /* __atomic: set on any thread */
void psm__effects_bar(int events_too);
void psm__effects_unbar(int events_too);
int psm__effects_marked(int events);
/* For the path of each event that is sent: one load while nothing is replayed.
 */
static inline int
psm__effects_barred(int events)
{
	return __atomic_load_n(&psm__effects_marks, __ATOMIC_RELAXED) > 0 &&
	       psm__effects_marked(events);
}

/* -- allocator.c, mem.c: NULL when out of memory or when a size overflows;
 * psm__alloc and psm__array give zeroed memory. */
void *psm__alloc(size_t size);
void *psm__realloc(void *ptr, size_t size);
void psm__free(void *ptr);
void *psm__array(size_t count, size_t size);
/* Grow to at least want items of size; *cap follows; 0 or PSM_ERR_NOMEM (then
 * ptr is as before). */
int psm__grow(void *ptr_to_ptr, size_t *cap, size_t want, size_t size);
char *psm__strdup(const char *text);
/* A number as text, in memory of the caller's. */
struct psm__number {
	char text[24];
};
const char *psm__number(struct psm__number *n, int64_t value);
char *psm__strndup(const char *text, size_t len);

/* -- utf8.c */
/* Bytes of the well-formed character at text, 1 to 4; 0: none (RFC 3629). */
size_t psm__utf8_len(const char *text, size_t len);
/* Where the well-formed part ends: len if all of it is. */
size_t psm__utf8_check(const char *text, size_t len);
/* Bytes of a NUL-terminated text that are not UTF-8 become "?". */
void psm__utf8_clean(char *text);
/* 1: valid text has at most so many characters. */
int psm__utf8_at_most(const char *text, size_t len, size_t count);
/* Characters of valid text. */
size_t psm__utf8_count(const char *text);
/* 1: text is exactly count ASCII digits; NULL is not. */
int psm__is_digits(const char *text, size_t count);

/* -- quote.c: the inside of a JSON string: what is plain, then what stands for
 * the byte behind it, and so on */
/* Bytes of text that need no escape: well-formed UTF-8 up to a control character,
 * DEL, a quote or a backslash. */
size_t psm__quote_plain(const char *text, size_t len);
/* The bytes written; U+FFFD for what is no UTF-8 and for U+0000, which no string
 * may have. */
#define PSM__QUOTED_MAX 6
size_t psm__quote_byte(char c, char to[PSM__QUOTED_MAX]);

/* -- unicode.c: texts of people, NUL-terminated UTF-8. What is made is new, or
 * NULL when out of memory. */
/* In NFC, without blanks at the ends. A blank is all of Unicode's white space,
 * and what has no width. */
char *psm__text_tidy(const char *text);
/* What two texts have in common that are the same to a reader: NFC, case
 * folded, no blanks at the ends and single ones between. */
char *psm__text_fold(const char *text);
/* 1: NULL or nothing but blanks. */
int psm__text_is_blank(const char *text);
/* 1: no line break and no control character in it. */
int psm__text_is_line(const char *text);
/* 1: the same in NFC; no memory is needed. Longer than 128 code points are the
 * same only byte by byte. */
int psm__text_same_word(const char *a, const char *b);

/* -- buf.c: a growing byte buffer, always NUL-terminated; a failed allocation
 * is sticky. */
struct psm__buf {
	char *data;
	size_t len, cap;
	int failed; /* 1: out of memory, all later calls do nothing */
};
void psm__buf_put(struct psm__buf *b, const void *bytes, size_t len);
void psm__buf_puts(struct psm__buf *b, const char *text);
void psm__buf_putc(struct psm__buf *b, char c);
void psm__buf_printf(struct psm__buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void psm__buf_reset(struct psm__buf *b);
void psm__buf_free(struct psm__buf *b);
/* Hand the text over (psm_free); NULL when it failed. The buffer is empty then.
 */
char *psm__buf_take(struct psm__buf *b, size_t *len);

/* -- monotonic.c */
int64_t psm__mono_ms(void); /* monotonic, for waiting; never injected */
/* The same as of the kernel's last tick, some ms ago at most: for what is asked
 * for each event, as it takes a tenth of the time. */
int64_t psm__mono_ms_about(void);
int64_t psm__mono_us(void);
/* 1: since the last call with this *state, 0 at first, the system's clock was
 * set back by more than a second. Whoever waits for a time of that clock then
 * waits for longer than was meant. */
int psm__clock_set_back(int64_t *state);
/* Absolute CLOCK_MONOTONIC time for pthread_cond_timedwait on
 * psm__cond_init()ed conditions. */
struct timespec;
void psm__deadline(struct timespec *ts, int timeout_ms);
/* A condition that is waited on with the monotonic clock. */
int psm__cond_init(pthread_cond_t *cond);
/* Until the monotonic time, 0: for ever; 0 or ETIMEDOUT. */
int psm__cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock,
                         int64_t until_us);

/* -- date.c: the Gregorian calendar */
/* 1: the day exists, in the years 1 to 9999. */
int psm__date_valid(int year, int month, int day);
/* Days since 1970-01-01 of a valid date, and back. */
int64_t psm__date_to_days(int year, int month, int day);
void psm__date_from_days(int64_t days, int *year, int *month, int *day);
/* "2026-02-28", a day that exists; "09:30", "09:30:00" or "09:30:00.25". */
int psm__is_date(const char *text);
int psm__is_time(const char *text);
/* clock.c. 1: the text is as psm_time_format() writes it, which most times are,
 * and is read. 0: try psm_time_parse(). */
int psm__time_usual(const char *text, size_t len, int64_t *time_us);
/* "20260228"; NULL is none. */
int psm__is_folder_day(const char *text);

/* -- hash.c: FNV-1a, for tables and to tell contents apart; no defence against
 * anybody who chooses the bytes. Continues from hash; PSM__HASH_START first. */
#define PSM__HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t psm__hash(uint64_t hash, const void *bytes, size_t len);

/* -- hex.c */
extern const char psm__hex_digits[]; /* by value, small letters */
/* The value of a small or capital digit; -1: it is none. */
int psm__hex_value(char digit);
/* Into to[2 * len + 1], with a NUL. */
void psm__hex_write(const void *bytes, size_t len, char *to);
/* The bytes of text up to its end, or up to a pair that is not hexadecimal;
 * their count. to may be text itself. */
size_t psm__hex_read(const char *text, void *to);

/* -- traceparent.c */
#define PSM__TRACEPARENT_SIZE 128 /* with its NUL; a longer one is none */
/* text[len] is one as W3C Trace Context has it. */
int psm__is_traceparent(const char *text, size_t len);

/* -- log.c: name, value, ..., NULL of const char *. No personal data, ever. */
void psm__log(int level, const char *message, ...) __attribute__((sentinel));

/* -- metrics.c: counters and gauges of the process by name and one label.
 * Cheap: relaxed atomics. */
struct psm__metric;
/* The same pointer for the same (name, label) for ever; NULL when out of memory
 * (all calls accept it). */
struct psm__metric *psm__counter(const char *name, const char *label_name,
                                 const char *label, const char *help);
/* Counts microseconds and shows seconds; name ends in _seconds_total. */
struct psm__metric *psm__counter_us(const char *name, const char *label_name,
                                    const char *label, const char *help);
struct psm__metric *psm__gauge(const char *name, const char *label_name,
                               const char *label, const char *help);
void psm__metric_add(struct psm__metric *m, int64_t delta);
void psm__metric_set(struct psm__metric *m, int64_t value);
int64_t psm__metric_get(const struct psm__metric *m);
/* Times, by the seconds that they took; NULL: out of memory, or the name is of
 * another kind. */
struct psm__histogram;
struct psm__histogram *psm__histogram(const char *name, const char *help);
size_t psm__histogram_bucket(int64_t us);
/* So many more values of one bucket. */
void psm__histogram_add(struct psm__histogram *h, size_t bucket, int64_t count,
                        int64_t sum_us);

/* -- config.c: the rd_kafka properties given as PSYMATCH_KAFKA_<key>, index 0
 * on; NULL past the end. */
const char *psm__config_kafka_name(const psm_config *cfg, size_t i);
const char *psm__config_kafka_value(const psm_config *cfg, size_t i);
int psm__config_copy(const psm_config *cfg, psm_config **out, psm_error *err);

/* -- thread.c */
/* name: at most 15 characters, seen in ps and gdb. All signals are blocked in
 * it. */
int psm__thread_start(pthread_t *thread, const char *name, void *(*fn)(void *),
                      void *arg, psm_error *err);

/* -- waker.c: a wake-up for a thread that waits for a socket as well */

#define PSM__WOKEN 1
#define PSM__READABLE 2
/* A descriptor, from 0; PSM_ERR_IO: there is none to be had. */
int psm__waker_open(psm_error *err);
/* Any thread: ends the wait under way or the next one. fd below 0: nothing. */
void psm__waker_wake(int fd);
/* Until it was woken or the socket (below 0: none) is readable or closed, at
 * most timeout_ms: PSM__WOKEN and PSM__READABLE, or 0. */
int psm__waker_wait(int fd, int socket_fd, int timeout_ms);
void psm__waker_close(int fd);

/* In messages: "%lld event%s wait%s", n, PSM__NOUN_S(n), PSM__VERB_S(n). */
#define PSM__NOUN_S(n) ((n) == 1 ? "" : "s")
#define PSM__VERB_S(n) ((n) == 1 ? "s" : "")

#define PSM__COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
