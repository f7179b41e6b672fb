/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <stdio.h>
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
static int is_text; /* else JSON */
static int is_wiping;
static int is_standard; /* fields have the names of standard_names */

/* OpenTelemetry's semantic conventions, for fields that mean the same wherever
 * they stand; psymatch-services(8) has the list, too. */
static const struct {
	const char *ours, *standard;
} standard_names[] = {
    {"service", "service.name"},
    {"topic", "messaging.destination.name"},
    {"partition", "messaging.destination.partition.id"},
    {"offset", "messaging.kafka.offset"},
    {"key", "messaging.kafka.message.key"},
    {"event_id", "messaging.message.id"},
    {"type", "cloudevents.event_type"},
    {"group", "messaging.consumer.group.name"},
    {"consumer", "messaging.consumer.group.name"},
    {"code", "error.type"},
    {"sqlstate", "db.response.status_code"},
    {"method", "http.request.method"},
    {"route", "http.route"},
    {"status", "http.response.status_code"},
};

/* version-trace-parent-flags: where the trace stands, and its length. */
#define TRACE_AT 3
#define TRACE_LEN 32

/* Of the request that this thread works at; "": none. */
static _Thread_local char traceparent[PSM__TRACEPARENT_SIZE];

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
	char quoted[PSM__QUOTED_MAX];
	size_t len = strlen(text), plain;

	put_locked("\"", 1);
	for (;;) {
		plain = psm__quote_plain(text, len);
		put_locked(text, plain);
		if (plain == len)
			break;
		put_locked(quoted, psm__quote_byte(text[plain], quoted));
		text += plain + 1;
		len -= plain + 1;
	}
	put_locked("\"", 1);
}

/* @locks lock held */
static const char *
name_locked(const char *name)
{
	size_t i;

	for (i = 0; is_standard && i < PSM__COUNT(standard_names); i++)
		if (strcmp(standard_names[i].ours, name) == 0)
			return standard_names[i].standard;
	return name;
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

/* A line break or another control character would forge a line. @locks lock
 * held */
static void
put_plain_locked(const char *text, int is_quoted)
{
	for (; *text; text++) {
		char c = *text;

		if ((unsigned char)c < ' ' || c == 0x7f)
			c = ' ';
		else if (is_quoted && c == '"')
			c = '\'';
		put_locked(&c, 1);
	}
}

/* Quoted if it has a blank, so that a reader finds its end. @locks lock held */
static void
put_field_locked(const char *name, const char *value)
{
	int is_quoted = !*value || strpbrk(value, " \t\r\n\"=") != NULL;

	put_locked(" ", 1);
	put_plain_locked(name_locked(name), 0);
	put_locked("=\"", is_quoted ? 2 : 1);
	put_plain_locked(value, is_quoted);
	put_locked("\"", is_quoted ? 1 : 0);
}

/* Of this thread; "": it has none. */
static void
trace_id(char id[TRACE_LEN + 1])
{
	memcpy(id, traceparent + TRACE_AT, TRACE_LEN);
	id[TRACE_LEN] = '\0';
}

/* time LEVEL service: message name=value ... @locks lock held */
static void
put_text_locked(const char *now, const char *level, const char *message,
                const char *const *fields)
{
	char id[TRACE_LEN + 1];
	size_t i;

	put_locked(now, strlen(now));
	put_locked(" ", 1);
	put_locked(level, strlen(level));
	put_locked(" ", 1);
	if (service[0]) {
		put_locked(service, strlen(service));
		put_locked(": ", 2);
	}
	put_plain_locked(message, 0);
	for (i = 0; fields[i] && fields[i + 1]; i += 2)
		put_field_locked(fields[i], fields[i + 1]);
	trace_id(id);
	if (id[0])
		put_field_locked("trace_id", id);
	put_locked("\n", 1);
}

/* @locks lock held */
static void
put_json_locked(const char *now, const char *level, const char *message,
                const char *const *fields)
{
	char id[TRACE_LEN + 1];
	size_t i;

	put_locked("{\"time\":", 8);
	put_string_locked(now);
	put_member_locked("level", "", level);
	if (service[0])
		put_member_locked(name_locked("service"), "", service);
	put_member_locked("message", "", message);
	for (i = 0; fields[i] && fields[i + 1]; i += 2)
		if (is_reserved(fields[i]))
			put_member_locked(fields[i], "_", fields[i + 1]);
		else
			put_member_locked(name_locked(fields[i]), "",
			                  fields[i + 1]);
	trace_id(id);
	if (id[0])
		put_member_locked("trace_id", "", id);
	put_locked("}\n", 2);
}

static void
log_line(int level, const char *message, const char *const *fields, void *user)
{
	const char *name = psm_log_level_name(level);
	char now[32] = "";

	(void)user;
	if (psm_time_format(psm_now_us(), now, sizeof now) < 0)
		now[0] = '\0'; /* a simulated clock may be out of range */
	pthread_mutex_lock(&lock);
	if (is_wiping)
		put_locked("\033[K", 3);
	(is_text ? put_text_locked : put_json_locked)(now, name ? name : "",
	                                              message, fields);
	flush_locked();
	pthread_mutex_unlock(&lock);
}

void
psm__svc_log_format(const char *format)
{
	pthread_mutex_lock(&lock);
	is_text = strcmp(format, "text") == 0;
	pthread_mutex_unlock(&lock);
}

void
psm__svc_log_names(const char *names)
{
	pthread_mutex_lock(&lock);
	is_standard = strcmp(names, "opentelemetry") == 0;
	pthread_mutex_unlock(&lock);
}

void
psm__svc_log_wipes(int wipes)
{
	pthread_mutex_lock(&lock);
	is_wiping = wipes;
	pthread_mutex_unlock(&lock);
}

void
psm__svc_trace_set(const char *text)
{
	size_t len = text ? strnlen(text, sizeof traceparent - 1) : 0;

	memset(traceparent, 0, sizeof traceparent);
	memcpy(traceparent, len > 0 ? text : "", len);
}

const char *
psm__svc_trace(void)
{
	return traceparent;
}

/* 00-TRACE-PARENT-01, of two random ids. */
static void
make_trace(char to[PSM__TRACEPARENT_SIZE])
{
	char uuid[40], digits[2][40];

	to[0] = '\0';
	for (int i = 0; i < 2; i++) {
		size_t n = 0;

		if (psm_uuid_new(uuid, sizeof uuid) < 0)
			return;
		for (const char *c = uuid; *c; c++)
			if (*c != '-')
				digits[i][n++] = *c;
		digits[i][n] = '\0';
	}
	/* What begins with the time says less than what ends at random. */
	(void)snprintf(to, PSM__TRACEPARENT_SIZE, "00-%s-%s-01", digits[0],
	               digits[1] + 16);
}

int
psm__svc_trace_of(const char *header, char to[PSM__TRACEPARENT_SIZE])
{
	size_t len = header ? strnlen(header, PSM__TRACEPARENT_SIZE) : 0;

	if (len == 0 || !psm__is_traceparent(header, len)) {
		make_trace(to);
		return 0;
	}
	memcpy(to, header, len + 1);
	return 1;
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
