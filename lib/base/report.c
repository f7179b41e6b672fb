/* SPDX-License-Identifier: BSD-2-Clause */
/* Failures and log records with arguments, made of public functions only:
 * libpsymatch-service has a copy of its own. */
#include "base/base.h"

#include <assert.h>
#include <stdio.h>

#define MAX_FIELDS 16 /* more than any message of ours has */
#define MESSAGE_SIZE 512

int
psm__fail(psm_error *err, int code, const char *fmt, ...)
{
	char message[MESSAGE_SIZE];
	va_list ap;

	assert(code < 0);
	if (err == NULL || psm_error_code(err) != PSM_OK)
		return code; /* the first failure is the cause */
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = '\0';
	va_end(ap);
	(void)psm_error_set(err, code, message);
	return code;
}

int
psm__nomem(psm_error *err)
{
	return psm__fail(err, PSM_ERR_NOMEM, "out of memory");
}

void
psm__log(int level, const char *message, ...)
{
	const char *fields[2 * MAX_FIELDS + 1];
	const char *name;
	size_t n = 0;
	va_list ap;

	if (!psm_log_wanted(level))
		return;
	va_start(ap, message);
	while (n < 2 * MAX_FIELDS && (name = va_arg(ap, const char *))) {
		const char *value = va_arg(ap, const char *);

		fields[n++] = name;
		fields[n++] = value != NULL ? value : "";
	}
	va_end(ap);
	fields[n] = NULL;
	psm_log(level, message, fields);
}
