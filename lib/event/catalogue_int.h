/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this room share: the shape of the catalogue's rows. */
#ifndef PSM_CATALOGUE_INT_H
#define PSM_CATALOGUE_INT_H

#include "entity/entity.h"
#include "event/event.h"

/* Name of a type as tools see it; the enumerator is PSM__F_ and the name. */
#define PSM__FIELD_TYPES(X)                                                    \
	X(any)                                                                 \
	X(integer)                                                             \
	X(number)                                                              \
	X(string)                                                              \
	X(boolean)                                                             \
	X(object)                                                              \
	X(array)                                                               \
	X(date)                                                                \
	X(time)                                                                \
	X(datetime)

enum psm__field_type {
#define X(name) PSM__F_##name,
	PSM__FIELD_TYPES(X)
#undef X
};

/* A list of fields ends with one whose name is NULL; at most 64 per object. */
struct psm_catalogue_field_info {
	const char *name;
	unsigned char len;       /* of name */
	unsigned char type;      /* enum psm__field_type */
	unsigned char item_type; /* of an array's items */
	unsigned char required, nullable, personal;
	const char *const *words; /* of the text, or of each item */
	const psm_catalogue_field_info
	    *fields; /* of the object, or of each item */
};

/* All lists end with NULL. */
struct psm_event_type_info {
	const char *name, *topic;
	const char *key;       /* payload field whose text is the key */
	const char *key_other; /* used when that one is absent or null */
	const char *version;   /* NULL: "1.0" */
	const char *meaning;
	const char *note; /* why nobody produces or consumes it */
	int command;
	const char *const *aliases, *const *producers, *const *consumers;
	const char *const *planned; /* of the consumers: not written yet */
	const psm_catalogue_field_info *fields;
};

extern const psm_event_type_info psm__catalogue[];
extern const size_t psm__catalogue_count;

struct psm__topic {
	const char *name;
	int partitions;
};
extern const struct psm__topic psm__topics[]; /* the last name is NULL */

/* record.c: what an event carries of an entity, made from its table. */
extern const psm_catalogue_field_info psm__patient_data[],
    psm__therapist_data[], psm__email_data[], psm__call_data[];

/* The row of a name or an alias of len bytes; NULL: there is none. */
const psm_event_type_info *psm__catalogue_find(const char *type, size_t len);
/* Where a payload stands in its document: "" or "/payload". */
int psm__payload_check(const psm_event_type_info *t, const psm_json *payload,
                       const char *where, psm_error *err);
/* The value that the message key is made of; NULL if there is none. */
const psm_json *psm__payload_key(const psm_event_type_info *t,
                                 const psm_json *payload);
/* Characters of a key. Kafka sets no limit; no id is longer. */
#define PSM__KEY_MAX 200
int psm__unknown_type(const char *type, psm_error *err);
/* Check that v is an object and follows a list of fields, unless NULL. */
int psm__fields_check(const psm_catalogue_field_info *fields, const psm_json *v,
                      const char *where, psm_error *err);

/* "patient.created": two words of a-z, 0-9 and _, joined by one dot. */
int psm__is_type_name(const char *text);
/* "1.0" into its two numbers; 0 if text is something else. */
int psm__version_read(const char *text, unsigned *major, unsigned *minor);

#endif
