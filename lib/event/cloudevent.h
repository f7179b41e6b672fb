/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event as a CloudEvent (CloudEvents 1.0): in the structured form, one JSON
 * object, or in Kafka's binary form, where the attributes are headers and the
 * value is the payload.
 */
#ifndef PSM_EVENT_CLOUDEVENT_H
#define PSM_EVENT_CLOUDEVENT_H

#include "event/event.h"

/* The attributes that are of the event's business; the order is that of
 * writing. */
enum psm__attribute {
	PSM__CE_SPECVERSION,
	PSM__CE_ID,
	PSM__CE_TYPE,
	PSM__CE_SOURCE,
	PSM__CE_SUBJECT,
	PSM__CE_TIME,
	PSM__CE_SCHEMAVERSION,
	PSM__CE_CAUSATIONID,
	PSM__CE_CORRELATIONID,
	PSM__CE_TRACEPARENT,
	PSM__CE_TRACESTATE,
	PSM__CE_DATACONTENTTYPE,
	PSM__N_ATTRIBUTES
};
/* The header of it; its name is this without "ce_". */
extern const char *const psm__ce_names[PSM__N_ATTRIBUTES];
#define PSM__CE_PREFIX "ce_"
#define PSM__CE_CONTENT_TYPE "content-type"

/* -- cloudevent.c: reading */

/* What an event is made of; free it in each case. */
struct psm__cloudevent {
	struct psm__event_parts parts;
	const psm_json *data; /* of a tree: the payload; NULL: parts has it */
	struct psm__header trace[PSM__EVENT_HEADERS];
	size_t trace_count;
	char *texts; /* what parts and trace point to */
	char *bytes; /* of data_base64; NULL: none */
};

/* 1: a CloudEvent in the structured form, and not one of our envelopes. */
int psm__cloudevent_is_tree(const psm_json *root);
/*
 * Its parts, borrowed from root; the id, the type, the version and the producer
 * are not checked. PSM_ERR_SCHEMA: an attribute is missing or wrong; err has
 * its pointer and position. PSM_ERR_VERSION: not CloudEvents 1.0.
 * PSM_ERR_NOMEM.
 */
int psm__cloudevent_of_tree(const psm_json *root, struct psm__cloudevent *out,
                            psm_error *err);
/* 1: the headers are those of a CloudEvent in the binary form. */
int psm__cloudevent_is_binary(const struct psm__header *headers, size_t count);
/* The same for one, whose value is borrowed, too. */
int psm__cloudevent_of_record(const struct psm__header *headers, size_t count,
                              const void *value, size_t len,
                              struct psm__cloudevent *out, psm_error *err);
void psm__cloudevent_free(struct psm__cloudevent *ce);

/* -- cloudevent_write.c */

#define PSM__CE_HEADERS (PSM__N_ATTRIBUTES + 2)
#define PSM__CE_SOURCE_SIZE (3 * 400 + 1)

struct psm__cloudevent_record {
	const char *value;
	size_t value_len;
	struct psm__header headers[PSM__CE_HEADERS];
	size_t header_count;
	struct psm__buf text; /* of the structured form */
	char time[32], source[PSM__CE_SOURCE_SIZE];
};

/* The event as PSM_WIRE_CLOUDEVENTS or PSM__WIRE_CLOUDEVENTS_BINARY; borrows
 * from ev. PSM_ERR_NOMEM. Free it in each case. */
int psm__cloudevent_write(const psm_event *ev, int wire,
                          struct psm__cloudevent_record *out);
void psm__cloudevent_record_free(struct psm__cloudevent_record *out);

/*
 * A record in the binary form as one text in the structured form, whatever is
 * wrong with it: the headers as attributes, and a value that is no JSON as
 * data_base64, as one of all levels of nesting. What the reader of headers took
 * is the same event in the text: of two headers of one name the last one
 * counts, and those that would be another member are left out. Names are
 * compared with their case, as Kafka does. b->failed: out of memory.
 */
void psm__cloudevent_join(const struct psm__header *headers, size_t count,
                          const void *value, size_t len, struct psm__buf *b);
/* 0 if that is no longer than an event may be; PSM_ERR_TOO_LARGE,
 * PSM_ERR_NOMEM. */
int psm__cloudevent_check_joined(const struct psm__header *headers,
                                 size_t count, const void *value, size_t len,
                                 psm_error *err);

/* -- base64.c */

void psm__base64_put(struct psm__buf *b, const void *bytes, size_t len);
/* The bytes, at most 3/4 of the digits: 1; 0: it is no Base64. */
int psm__base64_read(const char *text, char *to, size_t *len);

#endif
