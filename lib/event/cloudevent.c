/* SPDX-License-Identifier: BSD-2-Clause */
/* Reading CloudEvents: their attributes become the parts of an event. */
#include "event/cloudevent.h"

#include <string.h>
#include <strings.h>

#include "event/event_int.h"
#include "json/json.h"

const char *const psm__ce_names[PSM__N_ATTRIBUTES] = {
    [PSM__CE_SPECVERSION] = "ce_specversion",
    [PSM__CE_ID] = "ce_id",
    [PSM__CE_TYPE] = "ce_type",
    [PSM__CE_SOURCE] = "ce_source",
    [PSM__CE_SUBJECT] = "ce_subject",
    [PSM__CE_TIME] = "ce_time",
    [PSM__CE_SCHEMAVERSION] = "ce_schemaversion",
    [PSM__CE_CAUSATIONID] = "ce_causationid",
    [PSM__CE_CORRELATIONID] = "ce_correlationid",
    [PSM__CE_TRACEPARENT] = "ce_traceparent",
    [PSM__CE_TRACESTATE] = "ce_tracestate",
    [PSM__CE_DATACONTENTTYPE] = "ce_datacontenttype",
};

#define STRUCTURED "application/cloudevents"
#define DATA "data"
#define DATA_BASE64 "data_base64"

/* What was found, wherever it stood. */
struct found {
	struct psm__piece text[PSM__N_ATTRIBUTES]; /* text NULL: not there */
	struct psm__piece data;
	const psm_json *root; /* NULL: a record */
};

static const char *
name_of(int which)
{
	return psm__ce_names[which] + sizeof PSM__CE_PREFIX - 1;
}

/* Where it stands, if it is in a tree. */
static int
at(const struct found *f, const char *name, int rc, psm_error *err)
{
	const psm_json *v = f->root ? psm__json_member(f->root, name) : NULL;
	char pointer[32] = "/";

	if (!err)
		return rc;
	memcpy(pointer + 1, name, strlen(name) + 1);
	psm__error_pointer(err, pointer);
	if (f->root)
		psm__error_position(err, psm__json_position(v ? v : f->root));
	return rc;
}

static int
refuse(const struct found *f, const char *name, const char *why, psm_error *err)
{
	psm__fail(err, PSM_ERR_SCHEMA, "%s: %s", name, why);
	return at(f, name, PSM_ERR_SCHEMA, err);
}

static int
piece_is(const struct psm__piece *p, const char *text)
{
	return p->len == strlen(text) && memcmp(p->text, text, p->len) == 0;
}

/* -- what each attribute has to be */

/* application/json, or any type that ends so; what follows a semicolon is none
 * of our business. */
static int
is_json_type(const struct psm__piece *p)
{
	const char *end = memchr(p->text, ';', p->len);
	size_t len = end ? (size_t)(end - p->text) : p->len;

	while (len > 0 && p->text[len - 1] == ' ')
		len--;
	return len >= 5 && (strncasecmp(p->text + len - 5, "/json", 5) == 0 ||
	                    strncasecmp(p->text + len - 5, "+json", 5) == 0);
}

static int
check(const struct found *f, psm_error *err)
{
	static const int needed[] = {PSM__CE_SPECVERSION, PSM__CE_ID,
	                             PSM__CE_TYPE, PSM__CE_SOURCE,
	                             PSM__CE_TIME};
	const struct psm__piece *t = f->text;
	size_t i;

	for (i = 0; i < PSM__COUNT(needed); i++)
		if (!t[needed[i]].text)
			return refuse(f, name_of(needed[i]), "missing", err);
	for (i = 0; i < PSM__N_ATTRIBUTES; i++)
		if (t[i].text &&
		    (memchr(t[i].text, '\0', t[i].len) ||
		     psm__utf8_check(t[i].text, t[i].len) != t[i].len))
			return refuse(f, name_of((int)i),
			              "want UTF-8, found other bytes", err);
	if (!piece_is(&t[PSM__CE_SPECVERSION], "1.0")) {
		psm__fail(err, PSM_ERR_VERSION,
		          "specversion: want 1.0, found another one");
		return at(f, name_of(PSM__CE_SPECVERSION), PSM_ERR_VERSION,
		          err);
	}
	if (t[PSM__CE_DATACONTENTTYPE].text &&
	    !is_json_type(&t[PSM__CE_DATACONTENTTYPE]))
		return refuse(f, name_of(PSM__CE_DATACONTENTTYPE),
		              "want application/json, found another type", err);
	return 0;
}

/* -- the producer is the source; what we write is a relative reference, in
 * which everything but letters and digits is escaped: so a colon tells it from
 * a URI, which stays as it is */

static size_t
read_source(const struct psm__piece *source, char *to)
{
	const char *from = source->text, *end = from + source->len;
	char *start = to;
	int high, low;

	if (memchr(from, ':', source->len)) {
		memcpy(to, from, source->len);
		return source->len;
	}
	while (from < end) {
		high = *from == '%' && end - from > 2 ? psm__hex_value(from[1])
		                                      : -1;
		low = high >= 0 ? psm__hex_value(from[2]) : -1;
		if (low >= 0 && (high || low)) {
			*to++ = (char)(high << 4 | low);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	return (size_t)(to - start);
}

/* -- the parts */

static const char *
keep(char **to, const struct psm__piece *p)
{
	const char *start = *to;

	memcpy(*to, p->text, p->len);
	*to += p->len;
	*(*to)++ = '\0';
	return start;
}

static void
keep_trace(const struct found *f, char **to, struct psm__cloudevent *out)
{
	static const struct {
		int which;
		const char *name; /* as psm__event_read_headers() knows it */
	} list[] = {{PSM__CE_CAUSATIONID, "causation_id"},
	            {PSM__CE_CORRELATIONID, "correlation_id"},
	            {PSM__CE_TRACEPARENT, "traceparent"},
	            {PSM__CE_TRACESTATE, "tracestate"}};
	size_t i;

	for (i = 0; i < PSM__COUNT(list); i++) {
		const struct psm__piece *p = &f->text[list[i].which];

		if (!p->text)
			continue;
		out->trace[out->trace_count++] =
		    (struct psm__header){list[i].name, keep(to, p), p->len};
	}
}

static int
keep_parts(const struct found *f, struct psm__cloudevent *out, psm_error *err)
{
	static const struct psm__piece first = {"1.0", 3};
	const struct psm__piece *t = f->text,
				*version = &t[PSM__CE_SCHEMAVERSION];
	struct psm__event_parts *p = &out->parts;
	size_t size = first.len + 1, i;
	char *to, *producer;

	for (i = 0; i < PSM__N_ATTRIBUTES; i++)
		size += t[i].len + 1;
	to = out->texts = psm__realloc(NULL, size);
	if (!to)
		return psm__nomem(err);
	p->id = keep(&to, &t[PSM__CE_ID]);
	p->type = keep(&to, &t[PSM__CE_TYPE]);
	p->version = keep(&to, version->text ? version : &first);
	p->producer = producer = to;
	to += read_source(&t[PSM__CE_SOURCE], producer);
	*to++ = '\0';
	if (psm__utf8_check(producer, (size_t)(to - producer) - 1) !=
	    (size_t)(to - producer) - 1)
		return refuse(f, name_of(PSM__CE_SOURCE),
		              "want UTF-8, found other bytes", err);
	if (psm_time_parse(t[PSM__CE_TIME].text, t[PSM__CE_TIME].len,
	                   &p->timestamp_us, NULL) < 0)
		return refuse(f, name_of(PSM__CE_TIME),
		              "want YYYY-MM-DDTHH:MM:SSZ, found another text",
		              err);
	p->payload = f->data.text;
	p->payload_len = f->data.len;
	keep_trace(f, &to, out);
	return 0;
}

void
psm__cloudevent_free(struct psm__cloudevent *ce)
{
	psm__free(ce->texts);
	psm__free(ce->bytes);
	ce->texts = ce->bytes = NULL;
}

/* -- the structured form */

int
psm__cloudevent_is_tree(const psm_json *root)
{
	return psm_json_kind(root) == PSM_JSON_OBJECT &&
	       psm__json_member(root, name_of(PSM__CE_SPECVERSION)) &&
	       !psm__json_member(root, psm__member_name(PSM_WIRE_SNAKE, ID)) &&
	       !psm__json_member(root, psm__member_name(PSM_WIRE_CAMEL, ID));
}

/* *v NULL: not there; null says the same. */
static int
find_string(const struct found *f, const char *name, const psm_json **v,
            psm_error *err)
{
	*v = psm__json_member(f->root, name);
	if (!*v || psm_json_string(*v))
		return 0;
	if (psm_json_kind(*v) != PSM_JSON_NULL)
		return refuse(f, name, "want string, found another kind", err);
	*v = NULL;
	return 0;
}

/* The decoded bytes stand in bytes, which is NULL or new. */
static int
find_data(struct found *f, const psm_json **data, char **bytes, psm_error *err)
{
	const psm_json *v = NULL;
	int rc;

	*data = psm__json_member(f->root, DATA);
	rc = find_string(f, DATA_BASE64, &v, err);
	if (rc < 0)
		return rc;
	if (*data && v)
		return refuse(f, DATA, "want one of data and data_base64", err);
	if (!*data && !v)
		return refuse(f, DATA, "missing", err);
	if (*data)
		return 0;
	*bytes = psm__realloc(NULL, strlen(psm_json_string(v)) + 1);
	if (!*bytes)
		return psm__nomem(err);
	f->data.text = *bytes;
	if (!psm__base64_read(psm_json_string(v), *bytes, &f->data.len))
		return refuse(f, DATA_BASE64, "want Base64, found another text",
		              err);
	return 0;
}

int
psm__cloudevent_of_tree(const psm_json *root, struct psm__cloudevent *out,
                        psm_error *err)
{
	struct found f = {.root = root};
	const psm_json *v;
	int rc = 0, i;

	memset(out, 0, sizeof *out);
	for (i = 0; i < PSM__N_ATTRIBUTES && rc == 0; i++) {
		rc = find_string(&f, name_of(i), &v, err);
		if (rc == 0 && v) {
			f.text[i].text = psm_json_string(v);
			f.text[i].len = strlen(f.text[i].text);
		}
	}
	if (rc == 0)
		rc = check(&f, err);
	if (rc == 0)
		rc = find_data(&f, &out->data, &out->bytes, err);
	return rc == 0 ? keep_parts(&f, out, err) : rc;
}

/* -- the binary form */

/* Kafka's names of headers have a case: ce_ID is another one than ce_id. */
static const struct psm__header *
find_header(const struct psm__header *headers, size_t count, const char *name)
{
	while (count > 0)
		if (headers[--count].value &&
		    strcmp(headers[count].name, name) == 0)
			return &headers[count];
	return NULL;
}

static inline int
has_prefix(const char *name)
{
	return name[0] == 'c' && name[1] == 'e' && name[2] == '_';
}

int
psm__cloudevent_is_binary(const struct psm__header *headers, size_t count)
{
	const struct psm__header *type;
	size_t i;

	/* Each record that is read comes by here. */
	for (i = 0; i < count && !has_prefix(headers[i].name); i++)
		;
	if (i == count ||
	    (!find_header(headers, count, psm__ce_names[PSM__CE_ID]) &&
	     !find_header(headers, count, psm__ce_names[PSM__CE_SPECVERSION])))
		return 0;
	type = find_header(headers, count, PSM__CE_CONTENT_TYPE);
	return !type || type->len < sizeof STRUCTURED - 1 ||
	       strncasecmp(type->value, STRUCTURED, sizeof STRUCTURED - 1) != 0;
}

/* Of two headers of one name the last one counts. */
int
psm__cloudevent_of_record(const struct psm__header *headers, size_t count,
                          const void *value, size_t len,
                          struct psm__cloudevent *out, psm_error *err)
{
	struct found f = {.data = {value, len}};
	const struct psm__header *h;
	int rc, i;

	memset(out, 0, sizeof *out);
	for (i = 0; i < PSM__N_ATTRIBUTES; i++) {
		h = find_header(headers, count,
		                i == PSM__CE_DATACONTENTTYPE
		                    ? PSM__CE_CONTENT_TYPE
		                    : psm__ce_names[i]);
		if (h)
			f.text[i] = (struct psm__piece){h->value, h->len};
	}
	rc = check(&f, err);
	if (rc == 0 && len == 0)
		rc = refuse(&f, DATA, "missing", err);
	return rc == 0 ? keep_parts(&f, out, err) : rc;
}
