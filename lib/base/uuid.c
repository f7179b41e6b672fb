/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif
#include <sys/random.h>

/*
 * RFC 9562, version 7: 48 bits of milliseconds, then 74 bits that start at
 * random in each new millisecond and grow by a random step within it (method
 * "monotonic random"). high holds rand_a (12 bits), low holds rand_b (62).
 */
static struct {
	pthread_mutex_t lock;
	uint64_t ms;
	uint64_t high, low;
	unsigned char pool[512]; /* one system call for many ids */
	size_t left;
} state = {.lock = PTHREAD_MUTEX_INITIALIZER};

static pthread_once_t once = PTHREAD_ONCE_INIT;

#define HIGH_MAX UINT64_C(0xfff)
#define LOW_MAX UINT64_C(0x3fffffffffffffff)
#define MS_MAX UINT64_C(0xffffffffffff)

static void
before_fork(void)
{
	(void)pthread_mutex_lock(&state.lock);
}

static void
after_fork_in_parent(void)
{
	(void)pthread_mutex_unlock(&state.lock);
}

/* The child must not hand out what the parent hands out: it drops the pool and
 * draws afresh in a millisecond of its own, above all ids seen so far. */
static void
after_fork_in_child(void)
{
	state.left = 0;
	state.high = HIGH_MAX;
	state.low = LOW_MAX;
	(void)pthread_mutex_unlock(&state.lock);
}

static void
watch_forks(void)
{
	/* Fails only without memory at the first id; then a child that forks
	 * without exec draws from the same pool. */
	(void)pthread_atfork(before_fork, after_fork_in_parent,
	                     after_fork_in_child);
}

/* @locks state.lock held */
static int
draw_locked(uint64_t *out)
{
	if (state.left < sizeof(*out)) {
		ssize_t n;

		do
			n = getrandom(state.pool, sizeof(state.pool), 0);
		while (n < 0 && errno == EINTR);
		if (n < (ssize_t)sizeof(*out))
			return PSM_ERR_IO;
		state.left = (size_t)n;
	}
	state.left -= sizeof(*out);
	memcpy(out, state.pool + state.left, sizeof(*out));
	return 0;
}

/* @locks state.lock held */
static int
step_locked(uint64_t ms)
{
	uint64_t random, step;
	int rc = draw_locked(&random);

	if (rc < 0)
		return rc;
	step = (random & UINT32_MAX) + 1;
	if (ms <= state.ms) {
		/* The same millisecond, or the clock was put back. */
		if (state.low <= LOW_MAX - step) {
			state.low += step;
			return 0;
		}
		if (state.high < HIGH_MAX) {
			state.low = state.low + step - LOW_MAX - 1;
			state.high++;
			return 0;
		}
		ms = state.ms + 1;
	}
	rc = draw_locked(&state.low);
	if (rc < 0)
		return rc;
	state.low &= LOW_MAX;
	/* The upper half stays free for the steps. */
	state.high = (random >> 32) & (HIGH_MAX >> 1);
	state.ms = ms & MS_MAX;
	return 0;
}

static void
write_text(uint64_t first, uint64_t second, char *text)
{
	size_t at = 0;

	for (int i = 0; i < 32; i++) {
		uint64_t half = i < 16 ? first : second;

		if (i == 8 || i == 12 || i == 16 || i == 20)
			text[at++] = '-';
		text[at++] =
		    psm__hex_digits[(half >> (60 - 4 * (i % 16))) & 15];
	}
	text[at] = '\0';
}

int
psm_uuid_new(char *text, size_t size)
{
	uint64_t first, second;
	int64_t now_us;
	int rc;

	if (text == NULL || size < 37)
		return PSM_ERR_INVAL;
	text[0] = '\0';
	(void)pthread_once(&once, watch_forks);
	/* Before the lock: the clock may be the application's. */
	now_us = psm_now_us();
	(void)pthread_mutex_lock(&state.lock);
	rc = step_locked(now_us > 0 ? (uint64_t)now_us / 1000 : 0);
	first = state.ms << 16 | UINT64_C(7) << 12 | state.high;
	second = UINT64_C(2) << 62 | state.low;
	(void)pthread_mutex_unlock(&state.lock);
	if (rc < 0)
		return rc;
	write_text(first, second, text);
	return 0;
}

#ifdef __SSE2__
/* A bit for each of the sixteen bytes at text that is no hexadecimal digit. */
static inline unsigned
not_hex(const unsigned char *text)
{
	__m128i block, digit, letter;

	block = _mm_loadu_si128((const __m128i *)(const void *)text);
	digit = _mm_sub_epi8(block, _mm_set1_epi8('0'));
	/* Capital letters are small ones without this bit. */
	letter = _mm_sub_epi8(_mm_or_si128(block, _mm_set1_epi8(0x20)),
	                      _mm_set1_epi8('a'));
	/* An unsigned byte is at most n if the lesser of both is itself. */
	digit = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
	letter = _mm_cmpeq_epi8(_mm_min_epu8(letter, _mm_set1_epi8(5)), letter);
	return (unsigned)_mm_movemask_epi8(_mm_or_si128(digit, letter)) ^
	       0xffff;
}

/* All but the four dashes at 8, 13, 18 and 23. */
static int
is_hex_between(const unsigned char *text)
{
	return not_hex(text) == (1u << 8 | 1u << 13) &&
	       not_hex(text + 16) == (1u << (18 - 16) | 1u << (23 - 16)) &&
	       not_hex(text + 20) == 1u << (23 - 20);
}
#else
static int
is_hex_between(const unsigned char *text)
{
	unsigned hex = 1;

	for (int i = 0; i < 36; i++)
		hex &= i == 8 || i == 13 || i == 18 || i == 23 ||
		       psm__hex_value((char)text[i]) >= 0;
	return (int)hex;
}
#endif

int
psm_uuid_valid(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text;

	return text != NULL && len == 36 && p[8] == '-' && p[13] == '-' &&
	       p[18] == '-' && p[23] == '-' && is_hex_between(p);
}
