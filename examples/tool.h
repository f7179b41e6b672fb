/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command line tools share. */
#ifndef TOOL_H
#define TOOL_H

#include <psymatch/psymatch.h>
#include <stdio.h>

/* A psm_log_fn: user is the program's name; fields as "name value". */
static inline void
tool_log(int level, const char *message, const char *const *fields, void *user)
{
	const char *name = psm_log_level_name(level);

	fprintf(stderr, "%s: %s: %s", (const char *)user, name ? name : "LOG",
	        message);
	for (; fields[0]; fields += 2)
		fprintf(stderr, ", %s %s", fields[0], fields[1]);
	fputc('\n', stderr);
}

/* Warnings and errors of the library go to standard error. */
static inline void
tool_log_start(char *program)
{
	psm_set_log(tool_log, PSM_LOG_WARN, program);
}

#endif
