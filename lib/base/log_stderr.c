/* SPDX-License-Identifier: BSD-2-Clause */
/* The log callback of programs that have none of their own: one line per
 * message to standard error, written at once, so that those of several threads
 * do not mix. */
#include "base/base.h"

#include <string.h>
#include <unistd.h>

struct line {
	char text[1024];
	size_t len;
};

static void
put_char(struct line *l, char c)
{
	if (l->len < sizeof l->text - 1) /* one is left for the line break */
		l->text[l->len++] = c;
}

/* A line break or another control character would forge a line, a double quote
 * within quotes would end the value. */
static void
put_text(struct line *l, const char *text, int is_quoted)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			put_char(l, ' ');
		else
			put_char(l, is_quoted && *text == '"' ? '\'' : *text);
}

/* Quoted if it has a blank, so that a reader finds its end. */
static void
put_value(struct line *l, const char *value)
{
	int is_quoted = !*value || strpbrk(value, " \t\r\n\"=") != NULL;

	if (is_quoted)
		put_char(l, '"');
	put_text(l, value, is_quoted);
	if (is_quoted)
		put_char(l, '"');
}

static void
write_line(int level, const char *message, const char *const *fields,
           void *user)
{
	char time[32];
	struct line l = {.len = 0};

	(void)user;
	if (psm_time_format(psm_now_us(), time, sizeof time) == 0) {
		put_text(&l, time, 0);
		put_char(&l, ' ');
	}
	put_text(&l, psm_log_level_name(level), 0);
	put_char(&l, ' ');
	put_text(&l, message, 0);
	for (; fields[0] && fields[1]; fields += 2) {
		put_char(&l, ' ');
		put_text(&l, fields[0], 0);
		put_char(&l, '=');
		put_value(&l, fields[1]);
	}
	l.text[l.len++] = '\n';
	/* Where standard error is closed or full nobody could be told. */
	if (write(STDERR_FILENO, l.text, l.len) < 0)
		return;
}

void
psm_log_to_stderr(int level)
{
	psm_set_log(write_line, level, NULL);
}
