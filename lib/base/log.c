/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/base.h"

#include <string.h>
#include <strings.h>

#define MAX_FIELDS 16

static const char *const level_names[] = {"DEBUG", "INFO", "WARN", "ERROR"};

static psm_log_fn log_fn;
static void *log_user;
static int log_level = PSM_LOG_INFO;

void
psm_set_log(psm_log_fn fn, int level, void *user)
{
	log_user = user;
	__atomic_store_n(&log_level, level, __ATOMIC_RELAXED);
	__atomic_store_n(&log_fn, fn, __ATOMIC_RELEASE);
}

const char *
psm_log_level_name(int level)
{
	if (level < 0 || (size_t)level >= PSM__COUNT(level_names))
		return NULL;
	return level_names[level];
}

int
psm_log_level_from_name(const char *name)
{
	size_t i;

	if (!name)
		return PSM_ERR_INVAL;
	if (strcasecmp(name, "WARNING") == 0)
		return PSM_LOG_WARN;
	if (strcasecmp(name, "CRITICAL") == 0)
		return PSM_LOG_ERROR;
	for (i = 0; i < PSM__COUNT(level_names); i++)
		if (strcasecmp(name, level_names[i]) == 0)
			return (int)i;
	return PSM_ERR_INVAL;
}

int
psm__log_wanted(int level)
{
	return level >= __atomic_load_n(&log_level, __ATOMIC_RELAXED) &&
	       __atomic_load_n(&log_fn, __ATOMIC_RELAXED) != NULL;
}

void
psm_log(int level, const char *message, const char *const *fields)
{
	static const char *const none[] = {NULL};
	psm_log_fn fn = __atomic_load_n(&log_fn, __ATOMIC_ACQUIRE);

	if (fn && message &&
	    level >= __atomic_load_n(&log_level, __ATOMIC_RELAXED))
		fn(level, message, fields ? fields : none, log_user);
}

void
psm__log(int level, const char *message, ...)
{
	const char *fields[2 * MAX_FIELDS + 1], *text;
	size_t count = 0;
	va_list ap;

	if (!psm__log_wanted(level))
		return;
	va_start(ap, message);
	while (count < 2 * MAX_FIELDS &&
	       (text = va_arg(ap, const char *)) != NULL)
		fields[count++] = text;
	va_end(ap);
	fields[count - count % 2] = NULL;
	psm_log(level, message, fields);
}
