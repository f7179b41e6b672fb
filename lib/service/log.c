/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/*
 * Guards the line. It is the last lock of all: nothing is called under it but
 * write(). The buffer is static because a log must work when memory is out; a
 * line that is longer goes out in pieces, and the lock keeps them together.
 */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char line[4096];
static size_t used;
static char service[SVC_NAME_MAX + 1];

/* @locks lock held */
static void
flush_locked(void)
{
	size_t at = 0;

	while (at < used) {
		ssize_t n = write(STDERR_FILENO, line + at, used - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break; /* nobody to tell it to */
		at += (size_t)n;
	}
	used = 0;
}

/* @locks lock held */
static void
put_locked(const char *bytes, size_t len)
{
	while (len > 0) {
		size_t piece = sizeof line - used;

		if (piece > len)
			piece = len;
		memcpy(line + used, bytes, piece);
		used += piece;
		bytes += piece;
		len -= piece;
		if (used == sizeof line)
			flush_locked();
	}
}

/* @locks lock held */
static void
put_string_locked(const char *text)
{
	const char *p = text;
	size_t left = strlen(text);

	put_locked("\"", 1);
	while (left > 0) {
		char escape[] = "\\u0000";
		size_t len = psm__utf8_len(p, left);

		if (len == 0) {
			put_locked("\xef\xbf\xbd", 3);
			len = 1;
		} else if (*p == '"' || *p == '\\') {
			put_locked("\\", 1);
			put_locked(p, 1);
		} else if (len == 1 && (*p < ' ' || *p == 0x7f)) {
			escape[4] = psm__hex_digits[*p >> 4];
			escape[5] = psm__hex_digits[*p & 15];
			put_locked(escape, 6);
		} else {
			put_locked(p, len);
		}
		p += len;
		left -= len;
	}
	put_locked("\"", 1);
}

static int
is_reserved(const char *name)
{
	static const char *const names[] = {"time", "level", "service",
	                                    "message"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0)
			return 1;
	return 0;
}

/* @locks lock held */
static void
put_member_locked(const char *name, const char *suffix, const char *value)
{
	/* Names are the code's own words: nothing in them needs an escape. */
	put_locked(",\"", 2);
	put_locked(name, strlen(name));
	put_locked(suffix, strlen(suffix));
	put_locked("\":", 2);
	put_string_locked(value);
}

static void
log_line(int level, const char *message, const char *const *fields, void *user)
{
	const char *name = psm_log_level_name(level);
	char now[32] = "";
	size_t i;

	(void)user;
	if (psm_time_format(psm_now_us(), now, sizeof now) < 0)
		now[0] = '\0'; /* a simulated clock may be out of range */
	pthread_mutex_lock(&lock);
	put_locked("{\"time\":", 8);
	put_string_locked(now);
	put_member_locked("level", "", name ? name : "");
	if (service[0])
		put_member_locked("service", "", service);
	put_member_locked("message", "", message);
	for (i = 0; fields[i] && fields[i + 1]; i += 2)
		put_member_locked(fields[i], is_reserved(fields[i]) ? "_" : "",
		                  fields[i + 1]);
	put_locked("}\n", 2);
	flush_locked();
	pthread_mutex_unlock(&lock);
}

void
psm_service_log_to_stderr(const char *name, int level)
{
	size_t len = name ? strnlen(name, SVC_NAME_MAX) : 0;

	pthread_mutex_lock(&lock);
	if (len > 0)
		memcpy(service, name, len);
	service[len] = '\0';
	pthread_mutex_unlock(&lock);
	psm_set_log(log_line, level, NULL);
}
