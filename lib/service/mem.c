/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory, errors, log lines and waiting for the service room. libpsymatch has
 * no public allocator (its hook is for what it allocates itself), and this
 * library uses public functions only: so here is the one place that calls the C
 * library's.
 */
#include "service/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_FIELDS_MAX 8

void *(*psm__svc_realloc_fn)(void *ptr, size_t size) = NULL;

void *
psm__svc_resize(void *ptr, size_t size)
{
	return psm__svc_realloc_fn ? psm__svc_realloc_fn(ptr, size)
	                           : realloc(ptr, size);
}

void *
psm__svc_alloc(size_t count, size_t size)
{
	void *ptr;

	if (size == 0 || count == 0 || count > SIZE_MAX / size)
		return NULL;
	ptr = psm__svc_resize(NULL, count * size);
	if (ptr)
		memset(ptr, 0, count * size);
	return ptr;
}

void
psm__svc_release(void *ptr)
{
	free(ptr);
}

char *
psm__svc_strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = psm__svc_resize(NULL, size);

	if (copy)
		memcpy(copy, text, size);
	return copy;
}

int
psm__svc_grow(void *array, size_t count, size_t size, psm_error *err)
{
	void *old, *ptr;

	/* Lists of a dozen items, made once: no capacity to keep. */
	if (count >= SIZE_MAX / size)
		return psm__svc_nomem(err);
	memcpy(&old, array, sizeof old);
	ptr = psm__svc_resize(old, (count + 1) * size);
	if (!ptr)
		return psm__svc_nomem(err);
	memset((char *)ptr + count * size, 0, size);
	memcpy(array, &ptr, sizeof ptr);
	return PSM_OK;
}

size_t
psm__svc_utf8_len(const unsigned char *p)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	size_t i;

	if (len == 1)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	for (i = 1; i < len; i++, lo = 0x80, hi = 0xbf)
		if (p[i] < lo || p[i] > hi)
			return 0;
	return len;
}

void
psm__svc_clean(char *text)
{
	unsigned char *p = (unsigned char *)text;

	while (*p) {
		size_t len = psm__svc_utf8_len(p);

		if (len == 0) {
			*p = '?';
			len = 1;
		}
		p += len;
	}
}

int
psm__svc_fail(psm_error *err, int code, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	if (!err || psm_error_code(err) != PSM_OK)
		return code; /* the first failure is the cause */
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	psm_error_set(err, code, message);
	return code;
}

int
psm__svc_nomem(psm_error *err)
{
	return psm__svc_fail(err, PSM_ERR_NOMEM, "out of memory");
}

int
psm__svc_is_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= SVC_NAME_MAX && name[len] == '\0';
}

void
psm__svc_log(int level, const char *message, ...)
{
	const char *fields[2 * LOG_FIELDS_MAX + 1], *text;
	size_t count = 0;
	va_list ap;

	va_start(ap, message);
	while (count < 2 * LOG_FIELDS_MAX &&
	       (text = va_arg(ap, const char *)) != NULL)
		fields[count++] = text;
	va_end(ap);
	fields[count - count % 2] = NULL;
	psm_log(level, message, fields);
}

int64_t
psm__svc_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail on Linux */
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int
psm__svc_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	int rc = pthread_condattr_init(&attr);

	if (rc != 0)
		return PSM_ERR_NOMEM;
	rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (rc == 0)
		rc = pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
	return rc == 0 ? PSM_OK : PSM_ERR_NOMEM;
}

int
psm__svc_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
                   int64_t until_us)
{
	struct timespec until;

	if (until_us == 0)
		return pthread_cond_wait(cond, lock);
	until.tv_sec = until_us / 1000000;
	until.tv_nsec = until_us % 1000000 * 1000;
	return pthread_cond_timedwait(cond, lock, &until);
}
