/* SPDX-License-Identifier: BSD-2-Clause */
/* psymatch-events send: events of a type, as a service would send them. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "events.h"
#include "tool.h"

static const char name[] = "psymatch-events send";

struct batch {
	const char *type, *producer;
	psm_event **events;
	size_t count, size;
	long wait_s;
	psm_error *err;
};

static time_t
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* All of a stream as new memory, NUL-terminated; NULL: it cannot be read. */
static char *
read_all(FILE *in, size_t *len)
{
	size_t cap = 65536;
	char *text = malloc(cap), *grown;

	for (*len = 0; text; cap *= 2) {
		*len += fread(text + *len, 1, cap - 1 - *len, in);
		text[*len] = '\0';
		if (ferror(in))
			break;
		if (*len < cap - 1)
			return text;
		grown = realloc(text, cap * 2);
		if (!grown)
			break;
		text = grown;
	}
	free(text);
	return NULL;
}

/* line: 0: the payload is all that there is. */
static int
add(struct batch *b, const char *payload, size_t len, int line)
{
	psm_event *ev = NULL, **grown;

	if (psm_event_new(b->type, b->producer, payload, len, &ev, b->err) <
	    0) {
		if (line)
			fprintf(stderr, "%s: line %d: %s\n", name, line,
			        psm_error_message(b->err));
		else
			fprintf(stderr, "%s: %s\n", name,
			        psm_error_message(b->err));
		return -1;
	}
	if (b->count == b->size) {
		b->size = b->size ? b->size * 2 : 64;
		grown = realloc(b->events, b->size * sizeof *grown);
		if (!grown) {
			psm_event_free(ev);
			tool_complain(name, "out of memory");
			return -1;
		}
		b->events = grown;
	}
	b->events[b->count++] = ev;
	return 0;
}

/* One payload, else a payload on each line. */
static int
add_all(struct batch *b, const char *text, size_t len)
{
	const char *at = text, *end = text + len, *newline;
	psm_json *doc = NULL;
	int line = 0, wrong = 0;

	newline = memchr(at, '\n', len);
	if (!newline || strspn(newline, " \t\r\n") == (size_t)(end - newline) ||
	    psm_json_parse(text, len, &doc, NULL) == 0) {
		psm_json_free(doc);
		return add(b, text, len, 0);
	}
	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			newline = end;
		line++;
		if (strspn(at, " \t\r") < (size_t)(newline - at))
			wrong |= add(b, at, (size_t)(newline - at), line);
	}
	return wrong;
}

/* Where there is no room, it waits for the broker. */
static int
send_one(psm_producer *p, const struct batch *b, const psm_event *ev)
{
	const struct timespec moment = {.tv_nsec = 10000000};
	time_t end = seconds() + b->wait_s;
	int rc;

	while ((rc = psm_producer_send(p, NULL, ev, b->err)) == PSM_ERR_FULL &&
	       seconds() < end)
		if (psm_producer_flush(p, 1000, NULL, NULL) != PSM_ERR_TIMEOUT)
			(void)nanosleep(&moment, NULL);
	return rc;
}

static void
tell_rest(size_t sent, size_t count, size_t left)
{
	(void)fflush(stdout);
	if (sent < count)
		fprintf(stderr, "%s: %zu of %zu events were not accepted\n",
		        name, count - sent, count);
	if (left > 0)
		fprintf(stderr,
		        "%s: no broker has taken %zu event%s: what is in the "
		        "spool is sent by the next program that uses it\n",
		        name, left, left == 1 ? "" : "s");
}

static int
send_all(const struct batch *b)
{
	struct tool_progress progress;
	psm_producer *p = NULL;
	size_t sent = 0, left = 0;
	int rc = psm_producer_open(b->producer, &p, b->err), closed = 0;

	tool_progress_start(&progress, "events", 1);
	while (sent < b->count && rc == 0) {
		tool_progress_show(&progress, (int64_t)sent, (int64_t)b->count);
		rc = send_one(p, b, b->events[sent]);
		if (rc == 0)
			printf("%s\n", psm_event_id(b->events[sent++]));
	}
	tool_progress_end(&progress, (int64_t)sent, (int64_t)b->count);
	if (rc < 0)
		tool_complain(name, psm_error_message(b->err));
	if (p)
		closed =
		    psm_producer_close(p, (int)b->wait_s * 1000, &left, b->err);
	if (closed < 0 && closed != PSM_ERR_TIMEOUT)
		tool_complain(name, psm_error_message(b->err));
	tell_rest(sent, b->count, left);
	/* The log says why the broker refused one. */
	if (p && psm_producer_stat(p, "failed") > 0)
		closed = PSM_ERR_REJECT;
	psm_producer_free(p);
	return rc < 0 || closed < 0 || left > 0 ? -1 : 0;
}

static int
send_file(struct batch *b, const char *file)
{
	int from_stdin = !file || strcmp(file, "-") == 0, rc = -1;
	FILE *in = from_stdin ? stdin : fopen(file, "rb");
	char *text = NULL;
	size_t len = 0;

	if (in)
		text = read_all(in, &len);
	if (!text)
		fprintf(stderr, "%s: %s cannot be read: %s\n", name,
		        from_stdin ? "standard input" : file, strerror(errno));
	else
		rc = add_all(b, text, len);
	/* All or none: what is wrong is seen before anything is sent. */
	if (rc == 0)
		rc = send_all(b);
	if (in && !from_stdin)
		fclose(in);
	free(text);
	return rc;
}

int
events_send(int argc, char **argv)
{
	static const struct option known[] = {
	    {"producer", required_argument, NULL, 'p'},
	    {"wait", required_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0},
	};
	static char program[] = "psymatch-events";
	struct batch b = {.producer = "psymatch-events", .wait_s = 10};
	size_t i;
	int c, rc = 0;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
		if (c == 'p')
			b.producer = optarg;
		else if (c != 'w' ||
		         tool_number("psymatch-events send", "--wait", optarg,
		                     3600, &b.wait_s) < 0)
			return 2;
	if (argc - optind < 1 || argc - optind > 2) {
		tool_complain("psymatch-events send",
		              "want a type, and one file at most");
		return 2;
	}
	b.type = argv[optind];
	tool_log_start(program);
	b.err = psm_error_new();
	rc = send_file(&b, argv[optind + 1]);
	for (i = 0; i < b.count; i++)
		psm_event_free(b.events[i]);
	free(b.events);
	psm_error_free(b.err);
	return rc < 0;
}
