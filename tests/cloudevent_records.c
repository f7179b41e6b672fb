/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For tests/check_cloudevents.py: events and the records they are, a line each.
 * cloudevent_records write WIRE: envelopes become {"key", "value", "headers"};
 * cloudevent_records read: such records become envelopes, with the trace beside
 * them, or {"code", "message"}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <psymatch/memory.h>

#include "event/cloudevent.h"
#include "transport/transport.h"

#define CAUSE "0198c0de-0000-7000-8000-00000000000a"
#define STORY "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
#define HEADERS_MAX 32

static psm_error *err;
static psm_json_writer *w;

static void
die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, psm_error_message(err));
	exit(1);
}

static void
put(const char *name, const char *text)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, text);
}

static void
put_bytes(const char *name, const void *bytes, size_t len)
{
	char *text = strndup(bytes, len);

	put(name, text);
	free(text);
}

static void
print_line(void)
{
	const char *text = NULL;
	size_t len = 0;

	if (psm_json_writer_finish(w, &text, &len, err) < 0)
		die("output");
	puts(text);
	psm_json_writer_reset(w);
}

static void
write_record(const char *line, size_t len, int wire)
{
	struct psm__cloudevent_record made;
	psm_event *ev = NULL;
	size_t i;

	if (psm_event_parse(line, len, &ev, err) < 0 ||
	    psm_event_set_trace(ev, CAUSE, STORY, TRACE, err) < 0 ||
	    psm_event_set_tracestate(ev, "a=b", err) < 0 ||
	    psm__cloudevent_write(ev, wire, &made) < 0)
		die(line);
	psm_json_write_object(w);
	put("key", psm_event_key(ev));
	put_bytes("value", made.value, made.value_len);
	psm_json_write_key(w, "headers");
	psm_json_write_object(w);
	for (i = 0; i < made.header_count; i++)
		put_bytes(made.headers[i].name, made.headers[i].value,
		          made.headers[i].len);
	psm_json_write_end(w);
	psm_json_write_end(w);
	print_line();
	psm__cloudevent_record_free(&made);
	psm_event_free(ev);
}

static void
print_event(const psm_event *ev)
{
	psm_json *doc = NULL;
	char *text = NULL;
	size_t len = 0;

	if (psm_event_encode(ev, PSM_WIRE_SNAKE, &text, &len, err) < 0 ||
	    psm_json_parse(text, len, &doc, err) < 0)
		die("event");
	psm_json_write_object(w);
	psm_json_write_key(w, "event");
	psm_json_write_value(w, doc);
	put("causation_id", psm_event_causation_id(ev));
	put("correlation_id", psm_event_correlation_id(ev));
	put("traceparent", psm_event_traceparent(ev));
	put("tracestate", psm_event_tracestate(ev));
	psm_json_write_end(w);
	psm_json_free(doc);
	psm_free(text);
}

static void
read_record(const char *line, size_t len)
{
	struct psm__header headers[HEADERS_MAX];
	struct psm__record rec = {.topic = "t", .headers = headers};
	const psm_json *list;
	psm_event *ev = NULL;
	psm_json *doc = NULL;
	size_t i;

	if (psm_json_parse(line, len, &doc, err) < 0)
		die(line);
	rec.value = psm_json_string(psm_json_at(doc, "/value"));
	rec.value_len = strlen(rec.value);
	list = psm_json_at(doc, "/headers");
	rec.header_count = psm_json_count(list);
	for (i = 0; i < rec.header_count && i < HEADERS_MAX; i++) {
		headers[i].name = psm_json_key(list, i);
		headers[i].value = psm_json_string(psm_json_item(list, i));
		headers[i].len = strlen(headers[i].value);
	}
	if (psm__record_parse(&rec, &ev, err) == 0) {
		print_event(ev);
	} else {
		psm_json_write_object(w);
		put("code", psm_error_name(psm_error_code(err)));
		put("message", psm_error_message(err));
		psm_json_write_end(w);
	}
	print_line();
	psm_event_free(ev);
	psm_json_free(doc);
}

int
main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	err = psm_error_new();
	w = psm_json_writer_new();
	if (!err || !w || argc < 2)
		return 1;
	while ((len = getline(&line, &size, stdin)) > 0) {
		len -= line[len - 1] == '\n';
		if (argc > 2)
			write_record(line, (size_t)len, psm__wire_of(argv[2]));
		else
			read_record(line, (size_t)len);
	}
	free(line);
	psm_json_writer_free(w);
	psm_error_free(err);
	return 0;
}
