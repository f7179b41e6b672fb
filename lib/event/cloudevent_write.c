/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing CloudEvents. */
#include "event/cloudevent.h"

#include <stdlib.h>
#include <string.h>

#include "event/event_int.h"
#include "json/json.h"

static const char json_type[] = "application/json";
static const char event_type[] = "application/cloudevents+json";

static void
put_member(struct psm__buf *b, const char *name, size_t name_len,
           const char *text, size_t len)
{
	psm__buf_putc(b, b->len > 0 ? ',' : '{');
	psm__json_quote(b, name, name_len);
	psm__buf_putc(b, ':');
	psm__json_quote(b, text, len);
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

/* The attribute that a header is; NULL: none that the reader of headers looks
 * at, or one that means something else in the text. */
static const char *
attribute_of(const struct psm__header *h)
{
	static const char *const others[] = {
	    "datacontenttype", "data", "data_base64", "event_id", "eventId"};
	const size_t prefix = sizeof PSM__CE_PREFIX - 1;
	const char *name = h->name + prefix;
	size_t i;

	if (!h->value)
		return NULL;
	if (strcmp(h->name, PSM__CE_CONTENT_TYPE) == 0)
		return psm__ce_names[PSM__CE_DATACONTENTTYPE] + prefix;
	if (strncmp(h->name, PSM__CE_PREFIX, prefix) != 0 ||
	    psm__utf8_check(name, strlen(name)) != strlen(name))
		return NULL;
	for (i = 0; i < PSM__COUNT(others); i++)
		if (strcmp(name, others[i]) == 0)
			return NULL;
	return name;
}

static int
by_place(const void *a, const void *b)
{
	const struct psm__header *x = *(const struct psm__header *const *)a,
				 *y = *(const struct psm__header *const *)b;

	return (x > y) - (x < y);
}

static int
by_name(const void *a, const void *b)
{
	const struct psm__header *x = *(const struct psm__header *const *)a,
				 *y = *(const struct psm__header *const *)b;
	int order = strcmp(attribute_of(x), attribute_of(y));

	return order ? order : by_place(a, b);
}

/* The headers that are attributes, in their order, of each name the last one;
 * the number. list has room for all. */
static size_t
pick_attributes(const struct psm__header *headers, size_t count,
                const struct psm__header **list)
{
	size_t i, n = 0, picked = 0;

	for (i = 0; i < count; i++)
		if (attribute_of(&headers[i]))
			list[n++] = &headers[i];
	if (n == 0)
		return 0;
	qsort(list, n, sizeof *list, by_name);
	for (i = 0; i < n; i++)
		if (i + 1 == n || strcmp(attribute_of(list[i]),
		                         attribute_of(list[i + 1])) != 0)
			list[picked++] = list[i];
	qsort(list, picked, sizeof *list, by_place);
	return picked;
}

/* 1: it is the specversion. */
static int
put_attribute(struct psm__buf *b, const struct psm__header *h)
{
	const char *name = attribute_of(h);

	put_member(b, name, strlen(name), h->value, h->len);
	return strcmp(h->name, psm__ce_names[PSM__CE_SPECVERSION]) == 0;
}

/* The text is one level more than the value. */
static void
put_data(struct psm__buf *b, const char *value, size_t len)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(value, len, &doc, NULL);
	int fits = rc == 0 && psm__json_doc(doc)->depth < PSM__JSON_MAX_DEPTH;

	psm_json_free(doc);
	if (rc == PSM_ERR_NOMEM)
		b->failed = 1;
	psm__buf_puts(b, b->len > 0 ? "," : "{");
	if (fits) {
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
	const struct psm__header **list =
	    psm__realloc(NULL, (count + 1) * sizeof(struct psm__header *));
	int versioned = 0;
	size_t i, n;

	if (!list) {
		b->failed = 1;
		return;
	}
	n = pick_attributes(headers, count, list);
	for (i = 0; i < n; i++)
		versioned |= put_attribute(b, list[i]);
	psm__free(list);
	if (!versioned) /* it stays one that lacks it */
		psm__buf_puts(b, b->len > 0 ? ",\"specversion\":null"
		                            : "{\"specversion\":null");
	put_data(b, value, len);
}

int
psm__cloudevent_check_joined(const struct psm__header *headers, size_t count,
                             const void *value, size_t len, psm_error *err)
{
	size_t most = 64 + 4 * (len / 3 + 1), i;
	struct psm__buf b = {0};
	int rc = 0;

	/* Escaped, a byte is six; nearly every record is far from the limit. */
	for (i = 0; i < count; i++)
		most += 24 + 6 * (strlen(headers[i].name) + headers[i].len);
	if (most <= PSM_EVENT_MAX)
		return 0;
	psm__cloudevent_join(headers, count, value, len, &b);
	if (b.failed)
		rc = psm__nomem(err);
	else if (b.len > PSM_EVENT_MAX)
		rc = psm__fail(err, PSM_ERR_TOO_LARGE,
		               "event: want at most %d bytes with its "
		               "attributes, found %zu",
		               PSM_EVENT_MAX, b.len);
	psm__buf_free(&b);
	return rc;
}
