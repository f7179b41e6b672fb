/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <pthread.h>
#include <stdatomic.h>
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

void
psm_log(int level, const char *message, const char *const *fields)
{
	static const char *const none[] = {NULL};
	psm_log_fn fn;
	void *user;

	if (message == NULL || !psm_log_wanted(level))
		return;
	/* The callback runs without the lock: it may log or set another. */
	(void)pthread_mutex_lock(&sink.lock);
	fn = sink.fn;
	user = sink.user;
	(void)pthread_mutex_unlock(&sink.lock);
	if (fn != NULL)
		fn(level, message, fields != NULL ? fields : none, user);
}
