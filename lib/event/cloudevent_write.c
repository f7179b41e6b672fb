/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing CloudEvents. */
#include "event/cloudevent.h"

#include <string.h>
#include <strings.h>

#include "event/event_int.h"

static const char json_type[] = "application/json";
static const char event_type[] = "application/cloudevents+json";

/* The inside of a JSON string; what is no UTF-8 becomes U+FFFD. */
static void
put_quoted(struct psm__buf *b, const char *text, size_t len)
{
	size_t i, good;

	psm__buf_putc(b, '"');
	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		good = c < 0x80 ? 1 : psm__utf8_len(text + i, len - i);
		if (c < 0x20 || c == 0x7f)
			psm__buf_printf(b, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			psm__buf_printf(b, "\\%c", c);
		else if (good == 0)
			psm__buf_puts(b, "\xef\xbf\xbd");
		else
			psm__buf_put(b, text + i, good);
		i += good > 1 ? good - 1 : 0;
	}
	psm__buf_putc(b, '"');
}

static void
put_member(struct psm__buf *b, const char *name, size_t name_len,
           const char *text, size_t len)
{
	psm__buf_putc(b, b->len > 0 ? ',' : '{');
	put_quoted(b, name, name_len);
	psm__buf_putc(b, ':');
	put_quoted(b, text, len);
}

/* -- an event's attributes */

static int
is_plain(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));
}

/* A name that is a URI already, as psm__cloudevent_of_tree() left it: letters,
 * a colon, and nothing that a URI may not have. */
static int
is_uri(const char *name)
{
	size_t scheme = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	                             "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");
	const char *p = name;

	if (scheme == 0 || name[scheme] != ':' || !name[scheme + 1] ||
	    (*name | 0x20) < 'a')
		return 0;
	while (is_plain((unsigned char)*p) ||
	       (*p && strchr(":/?#[]@!$&'()*+,;=%", *p)))
		p++;
	return !*p;
}

static void
write_source(const char *name, char to[PSM__CE_SOURCE_SIZE])
{
	const unsigned char *from = (const unsigned char *)name;

	if (is_uri(name)) {
		memcpy(to, name, strlen(name) + 1);
		return;
	}
	for (; *from; from++) {
		if (is_plain(*from)) {
			*to++ = (char)*from;
			continue;
		}
		*to++ = '%';
		*to++ = psm__hex_digits[*from >> 4];
		*to++ = psm__hex_digits[*from & 15];
	}
	*to = '\0';
}

static void
list_attributes(const psm_event *ev, struct psm__cloudevent_record *out,
                const char *text[PSM__N_ATTRIBUTES])
{
	/* 27 bytes, and never fails for a checked time. */
	(void)psm_time_format(psm_event_timestamp_us(ev), out->time,
	                      sizeof out->time);
	write_source(psm_event_producer(ev), out->source);
	text[PSM__CE_SPECVERSION] = "1.0";
	text[PSM__CE_ID] = psm_event_id(ev);
	text[PSM__CE_TYPE] = psm_event_type_as_sent(ev);
	text[PSM__CE_SOURCE] = out->source;
	text[PSM__CE_SUBJECT] = psm_event_key(ev);
	text[PSM__CE_TIME] = out->time;
	text[PSM__CE_SCHEMAVERSION] = psm_event_version(ev);
	text[PSM__CE_CAUSATIONID] = psm_event_causation_id(ev);
	text[PSM__CE_CORRELATIONID] = psm_event_correlation_id(ev);
	text[PSM__CE_TRACEPARENT] = psm_event_traceparent(ev);
	text[PSM__CE_TRACESTATE] = psm_event_tracestate(ev);
	text[PSM__CE_DATACONTENTTYPE] = json_type;
}

static void
add_header(struct psm__cloudevent_record *out, const char *name,
           const char *text)
{
	if (!text)
		return;
	out->headers[out->header_count].name = name;
	out->headers[out->header_count].value = text;
	out->headers[out->header_count++].len = strlen(text);
}

/* The trace has the names that every tracing system looks for. */
static void
write_binary(const psm_event *ev, struct psm__cloudevent_record *out)
{
	const char *text[PSM__N_ATTRIBUTES];
	int i;

	list_attributes(ev, out, text);
	for (i = 0; i < PSM__CE_TRACEPARENT; i++)
		add_header(out, psm__ce_names[i], text[i]);
	add_header(out, PSM__CE_CONTENT_TYPE, json_type);
	out->value = psm_event_payload_text(ev, &out->value_len);
}

static int
write_structured(const psm_event *ev, struct psm__cloudevent_record *out)
{
	const size_t prefix = sizeof PSM__CE_PREFIX - 1;
	const char *text[PSM__N_ATTRIBUTES], *payload;
	struct psm__buf *b = &out->text;
	size_t len;
	int i;

	list_attributes(ev, out, text);
	for (i = 0; i < PSM__N_ATTRIBUTES; i++)
		if (text[i])
			put_member(b, psm__ce_names[i] + prefix,
			           strlen(psm__ce_names[i] + prefix), text[i],
			           strlen(text[i]));
	payload = psm_event_payload_text(ev, &len);
	psm__buf_puts(b, ",\"data\":");
	psm__buf_put(b, payload, len);
	psm__buf_putc(b, '}');
	if (b->failed)
		return PSM_ERR_NOMEM;
	add_header(out, PSM__CE_CONTENT_TYPE, event_type);
	out->value = b->data;
	out->value_len = b->len;
	return 0;
}

int
psm__cloudevent_write(const psm_event *ev, int wire,
                      struct psm__cloudevent_record *out)
{
	int rc = 0;

	out->header_count = 0;
	memset(&out->text, 0, sizeof out->text);
	if (wire == PSM__WIRE_CLOUDEVENTS_BINARY)
		write_binary(ev, out);
	else
		rc = write_structured(ev, out);
	add_header(out, "traceparent", psm_event_traceparent(ev));
	add_header(out, "tracestate", psm_event_tracestate(ev));
	return rc;
}

void
psm__cloudevent_record_free(struct psm__cloudevent_record *out)
{
	psm__buf_free(&out->text);
}

/* -- a record in the binary form, in one text */

/* 1: a later header says the same. */
static int
is_repeated(const struct psm__header *headers, size_t count, size_t i)
{
	size_t k;

	for (k = i + 1; k < count; k++)
		if (headers[k].value &&
		    strcmp(headers[k].name, headers[i].name) == 0)
			return 1;
	return 0;
}

static void
put_data(struct psm__buf *b, const char *value, size_t len)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(value, len, &doc, NULL);

	psm_json_free(doc);
	if (rc == PSM_ERR_NOMEM)
		b->failed = 1;
	psm__buf_puts(b, b->len > 0 ? "," : "{");
	if (rc == 0) {
		psm__buf_puts(b, "\"data\":");
		psm__buf_put(b, value, len);
	} else {
		psm__buf_puts(b, "\"data_base64\":\"");
		psm__base64_put(b, value, len);
		psm__buf_putc(b, '"');
	}
	psm__buf_putc(b, '}');
}

void
psm__cloudevent_join(const struct psm__header *headers, size_t count,
                     const void *value, size_t len, struct psm__buf *b)
{
	const size_t prefix = sizeof PSM__CE_PREFIX - 1;
	int versioned = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct psm__header *h = &headers[i];
		const char *name = NULL;

		versioned |= strcmp(h->name, psm__ce_names[0]) == 0 && h->value;
		if (strncmp(h->name, PSM__CE_PREFIX, prefix) == 0)
			name = h->name + prefix;
		else if (strcasecmp(h->name, PSM__CE_CONTENT_TYPE) == 0)
			name = psm__ce_names[PSM__CE_DATACONTENTTYPE] + prefix;
		if (name && h->value && !is_repeated(headers, count, i))
			put_member(b, name, strlen(name), h->value, h->len);
	}
	if (!versioned) /* it stays one that lacks it */
		psm__buf_puts(b, b->len > 0 ? ",\"specversion\":null"
		                            : "{\"specversion\":null");
	put_data(b, value, len);
}
