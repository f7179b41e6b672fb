/* SPDX-License-Identifier: BSD-2-Clause */
/* What the command line tools share. */
#ifndef TOOL_H
#define TOOL_H

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <psymatch/psymatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* __atomic. 1: a line that says how far work is may stand there, the cursor at
 * its start. */
static int tool_shows_progress;

/* A psm_log_fn: user is the program's name; fields as "name value". */
static inline void
tool_log(int level, const char *message, const char *const *fields, void *user)
{
	const char *name = psm_log_level_name(level);
	int wipe = __atomic_load_n(&tool_shows_progress, __ATOMIC_RELAXED);

	fprintf(stderr, "%s%s: %s: %s", wipe ? "\033[K" : "",
	        (const char *)user, name ? name : "LOG", message);
	for (; fields[0]; fields += 2)
		fprintf(stderr, ", %s %s", fields[0], fields[1]);
	fputc('\n', stderr);
}

/* What is opened later must not become standard output because that is closed:
 * lines would go to the database. To read or to write still fails. */
static inline void
tool_hold_closed(void)
{
	static const int unusable[] = {O_WRONLY, O_RDONLY, O_RDONLY};
	int fd;

	for (fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", unusable[fd]);
}

/* Warnings and errors of the library go to standard error. */
static inline void
tool_log_start(char *program)
{
	tool_hold_closed();
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

/* The words behind the options, which argv ends with NULL, are not how it is
 * used: says which, and how. known: the first is a command. */
static inline void
tool_refuse(const char *program, char *const *words, int known,
            const char *usage)
{
	if (!words[0])
		fprintf(stderr, "%s: a command is missing\n", program);
	else if (!known)
		fprintf(stderr, "%s: %s: no such command\n", program, words[0]);
	else
		fprintf(stderr, "%s: %s: not with these arguments\n", program,
		        words[0]);
	fputs(usage, stderr);
}

/* Where a program of this user that has no setting keeps its spool, see
 * psm_producer(3); in text, or NULL: nowhere. */
static inline const char *
tool_usual_spool(char *text, size_t size)
{
	const char *state = getenv("STATE_DIRECTORY"), *below = "/spool";

	if (!state || state[0] != '/') {
		state = getenv("XDG_STATE_HOME");
		below = "/psymatch/spool";
	}
	if (!state || state[0] != '/') {
		state = getenv("HOME");
		below = "/.local/state/psymatch/spool";
	}
	if (!state || state[0] != '/')
		return NULL;
	(void)snprintf(text, size, "%.*s%s", (int)strcspn(state, ":"), state,
	               below);
	return text;
}

/* A whole number from 1 to max. -1: it is none, which is said. */
static inline int
tool_number(const char *program, const char *option, const char *text, long max,
            long *out)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && n >= 1 && n <= max) {
		*out = n;
		return 0;
	}
	fprintf(stderr, "%s: %s: want a number from 1 to %ld, got \"%s\"\n",
	        program, option, max, text);
	return -1;
}

static inline void
tool_complain(const char *program, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s: %s\n", program, what);
}

/* A time, or the word "now" where now is 1. -1: it is neither, which is said. */
static inline int
tool_time(const char *program, const char *option, const char *text, int now)
{
	int64_t us;

	if ((now && strcmp(text, "now") == 0) ||
	    psm_time_parse(text, strlen(text), &us, NULL) == 0)
		return 0;
	fprintf(stderr,
	        "%s: %s: want a time such as 2026-01-31T09:00:00Z%s, got "
	        "\"%s\"\n",
	        program, option, now ? ", or now" : "", text);
	return -1;
}

/* A name of the catalogue, or an alias. -1: it is neither, which is said. */
static inline int
tool_type(const char *program, const char *option, const char *text)
{
	if (psm_catalogue_find(text))
		return 0;
	fprintf(stderr, "%s: %s: the catalogue has no event type \"%s\"\n",
	        program, option, text);
	return -1;
}

/* Before the end. -1: what was printed did not arrive, which is said. */
static inline int
tool_flush(const char *program)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	/* What failed before, failed for a reason that is gone. */
	fprintf(stderr, "%s: standard output: %s\n", program,
	        errno ? strerror(errno) : "not all of it was written");
	return -1;
}

/* How far long work is, on one line that is written again and again; only where
 * a person looks at standard error. */
struct tool_progress {
	int on, shown;
	const char *noun; /* "events" */
	int64_t begun_us, next_us;
};

#define TOOL_PROGRESS_EVERY_US 200000

static inline int64_t
tool_now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* prints: 1: lines go to standard output meanwhile, which should not be the same
 * terminal. */
static inline void
tool_progress_start(struct tool_progress *p, const char *noun, int prints)
{
	*p = (struct tool_progress){
	    .on = isatty(STDERR_FILENO) && !(prints && isatty(STDOUT_FILENO)),
	    .noun = noun,
	    .begun_us = tool_now_us(),
	};
	p->next_us = p->begun_us;
	__atomic_store_n(&tool_shows_progress, p->on, __ATOMIC_RELAXED);
}

/* total: -1: not known. */
static inline void
tool_progress_show(struct tool_progress *p, int64_t done, int64_t total)
{
	char text[160];
	int64_t now;

	if (!p->on || (now = tool_now_us()) < p->next_us)
		return;
	p->next_us = now + TOOL_PROGRESS_EVERY_US;
	if (psm_progress_format(done, total, now - p->begun_us, p->noun, text,
	                        sizeof text) < 0)
		return;
	fprintf(stderr, "\r%s\033[K\r", text);
	p->shown = 1;
}

/* Before anything else is printed there: the line is wiped. */
static inline void
tool_progress_wipe(struct tool_progress *p)
{
	if (p->shown)
		fputs("\033[K", stderr);
	p->shown = 0;
}

/* All that was done is shown once more, and stays. */
static inline void
tool_progress_end(struct tool_progress *p, int64_t done, int64_t total)
{
	p->next_us = 0;
	tool_progress_show(p, done, total);
	if (p->shown)
		fputc('\n', stderr);
	p->shown = p->on = 0;
	__atomic_store_n(&tool_shows_progress, 0, __ATOMIC_RELAXED);
}

#endif
