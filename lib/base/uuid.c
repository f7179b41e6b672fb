/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/*
 * UUIDv7 (RFC 9562): 48 bits of milliseconds, then 12 bits that count within
 * the millisecond (method 1), then 62 random bits. A full counter borrows the
 * next millisecond, so ids of a process only ever grow.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t last; /* milliseconds << 12 | counter, of the last id */
static unsigned char pool[512];
static size_t pool_left;
static pid_t pool_pid; /* a forked child must not repeat its parent's bytes */

static int
random_bytes_locked(unsigned char *out, size_t len)
{
	if (pool_pid != getpid() || pool_left < len) {
		ssize_t n;

		do
			n = getrandom(pool, sizeof pool, 0);
		while (n < 0 && errno == EINTR);
		if (n != (ssize_t)sizeof pool)
			return PSM_ERR_IO;
		pool_left = sizeof pool;
		pool_pid = getpid();
	}
	pool_left -= len;
	memcpy(out, pool + pool_left, len);
	return 0;
}

int
psm_uuid_new(char *text, size_t size)
{
	uint64_t now = (uint64_t)(psm_now_us() / 1000) << 12, id;
	unsigned char r[8];
	int rc;

	if (!text || size < 37)
		return PSM_ERR_INVAL;
	pthread_mutex_lock(&lock);
	rc = random_bytes_locked(r, sizeof r);
	id = last = now > last ? now : last + 1;
	pthread_mutex_unlock(&lock);
	if (rc < 0)
		return rc;
	(void)snprintf(text, size,
	               "%08x-%04x-7%03x-%02x%02x-%02x%02x%02x%02x%02x%02x",
	               (unsigned)(id >> 28), (unsigned)(id >> 12 & 0xffff),
	               (unsigned)(id & 0xfff), 0x80u | (r[0] & 0x3fu), r[1],
	               r[2], r[3], r[4], r[5], r[6], r[7]);
	return 0;
}

int
psm_uuid_valid(const char *text, size_t len)
{
	size_t i;

	if (!text || len != 36)
		return 0;
	for (i = 0; i < 36; i++) {
		char c = text[i];
		int dash = i == 8 || i == 13 || i == 18 || i == 23;
		int hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
		          (c >= 'A' && c <= 'F');

		if (dash ? c != '-' : !hex)
			return 0;
	}
	return 1;
}
