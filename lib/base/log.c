/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"
#include "base/log_trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

static struct {
	pthread_mutex_t lock;
	psm_log_fn fn;
	void *user;
	/* Beside the lock, so that a message nobody wants costs one load. */
	atomic_int level;
} sink = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = PSM_LOG_ERROR + 1};

static const struct {
	const char *name;
	int level;
} names[] = {
    {"DEBUG", PSM_LOG_DEBUG},  {"INFO", PSM_LOG_INFO},
    {"WARNING", PSM_LOG_WARN}, {"ERROR", PSM_LOG_ERROR},
    {"WARN", PSM_LOG_WARN},    {"CRITICAL", PSM_LOG_ERROR},
};

void
psm_set_log(psm_log_fn fn, int level, void *user)
{
	(void)pthread_mutex_lock(&sink.lock);
	sink.fn = fn;
	sink.user = user;
	atomic_store(&sink.level, fn != NULL ? level : PSM_LOG_ERROR + 1);
	(void)pthread_mutex_unlock(&sink.lock);
}

const char *
psm_log_level_name(int level)
{
	for (size_t i = 0; i < PSM__COUNT(names); i++)
		if (names[i].level == level)
			return names[i].name;
	return NULL;
}

int
psm_log_level_from_name(const char *name)
{
	if (name == NULL)
		return PSM_ERR_INVAL;
	for (size_t i = 0; i < PSM__COUNT(names); i++)
		if (strcasecmp(names[i].name, name) == 0)
			return names[i].level;
	return PSM_ERR_INVAL;
}

int
psm_log_wanted(int level)
{
	return level >= PSM_LOG_DEBUG && level <= PSM_LOG_ERROR &&
	       level >= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

/* Of the event that this thread handles; "": none. */
#define TRACE_AT 3 /* version-trace-parent-flags */
#define TRACE_LEN 32
static _Thread_local char trace_id[TRACE_LEN + 1];

void
psm__log_trace(const char *traceparent)
{
	memset(trace_id, 0, sizeof(trace_id));
	if (traceparent != NULL)
		memcpy(trace_id, traceparent + TRACE_AT, TRACE_LEN);
}

const char *
psm__log_trace_id(void)
{
	return trace_id;
}

static int
has_trace(const char *const *fields)
{
	for (size_t i = 0; fields[i] != NULL && fields[i + 1] != NULL; i += 2)
		if (strcmp(fields[i], "trace_id") == 0)
			return 1;
	return 0;
}

#define FIELDS_MAX 32 /* names; of more than that the rest is not shown */

static void
add_trace(const char *const *fields, const char *more[2 * FIELDS_MAX + 3])
{
	size_t n = 0;

	while (n < 2 * (size_t)FIELDS_MAX && fields[n] != NULL &&
	       fields[n + 1] != NULL) {
		more[n] = fields[n];
		more[n + 1] = fields[n + 1];
		n += 2;
	}
	more[n++] = "trace_id";
	more[n++] = trace_id;
	more[n] = NULL;
}

void
psm_log(int level, const char *message, const char *const *fields)
{
	static const char *const none[] = {NULL};
	const char *more[2 * FIELDS_MAX + 3];
	psm_log_fn fn;
	void *user;

	if (message == NULL || !psm_log_wanted(level))
		return;
	if (fields == NULL)
		fields = none;
	if (trace_id[0] != '\0' && !has_trace(fields)) {
		add_trace(fields, more);
		fields = more;
	}
	/* The callback runs without the lock: it may log or set another. */
	(void)pthread_mutex_lock(&sink.lock);
	fn = sink.fn;
	user = sink.user;
	(void)pthread_mutex_unlock(&sink.lock);
	if (fn != NULL)
		fn(level, message, fields, user);
}
