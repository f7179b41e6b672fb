/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command line tools share. */
#ifndef TOOL_H
#define TOOL_H

#include <getopt.h>
#include <psymatch/psymatch.h>
#include <stdio.h>
#include <stdlib.h>

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

/* At the end of every tool's list of long options; "h" is its short one. */
#define TOOL_OPTIONS                                                           \
	{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, \
	{                                                                      \
		NULL, 0, NULL, 0                                               \
	}

/* What getopt_long() gave: 1: help or the version was asked for and is printed.
 * -1: neither. */
static inline int
tool_asked(int c, const char *program, const char *usage)
{
	if (c == 'h') {
		fputs(usage, stdout);
		return 1;
	}
	if (c != 'V')
		return -1;
	printf("%s (psymatch) %s\n", program, psm_version());
	return 1;
}

/* A whole number from 1 to max. -1: it is none, which is said. */
static inline int
tool_number(const char *option, const char *text, long max, long *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && n >= 1 && n <= max) {
		*out = n;
		return 0;
	}
	fprintf(stderr, "%s: want a number from 1 to %ld, got \"%s\"\n", option,
	        max, text);
	return -1;
}

static inline void
tool_complain(const char *program, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program, what);
}

/* Before the end. -1: what was printed did not arrive, which is said. */
static inline int
tool_flush(const char *program)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	fprintf(stderr, "%s: ", program);
	perror("standard output");
	return -1;
}

#endif
