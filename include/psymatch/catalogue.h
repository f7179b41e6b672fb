/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CATALOGUE_H
#define PSYMATCH_CATALOGUE_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/json.h>

PSM_BEGIN_DECLS

/**
 * The event catalogue: every event and command of the platform. All that these
 * functions return, other than numbers, is borrowed for ever.
 */

/* One row: a type of event. */
typedef struct psm_event_type_info psm_event_type_info;
/* One field of a payload. */
typedef struct psm_catalogue_field_info psm_catalogue_field_info;

/**
 * How many types the catalogue has.
 *
 * @return their count.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_catalogue_count(void);

/**
 * The i-th type.
 *
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_event_type_info *psm_catalogue_at(size_t i);

/**
 * The type of a name or an alias.
 *
 * @param type  the name; NULL gives NULL.
 * @return borrowed for ever; NULL if there is no such type.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_event_type_info *psm_catalogue_find(const char *type);

/**
 * The name of the i-th topic that types are sent to.
 *
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_topic_at(size_t i);

/**
 * How many partitions a new topic of the catalogue is made with.
 *
 * @param topic  its name.
 * @return 1 or more: the count.
 *   PSM_ERR_INVAL      topic is NULL;
 *   PSM_ERR_NOT_FOUND  no type is sent to a topic of this name.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_partitions(const char *topic);

/**
 * The type's proper name, "noun.verb".
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_name(const psm_event_type_info *t);

/**
 * The topic that events of this type are sent to.
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_topic(const psm_event_type_info *t);

/**
 * Name of the payload field whose text is the message key.
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_key_field(const psm_event_type_info *t);

/**
 * Name of the field that gives the key when the first one is missing or null.
 * One of the two must be there.
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL or needs no other field.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_key_other(const psm_event_type_info *t);

/**
 * The version that new events of this type carry, "major.minor".
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_version(const psm_event_type_info *t);

/**
 * What the event tells or asks for, in a sentence or two.
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_meaning(const psm_event_type_info *t);

/**
 * Why no service produces or no service consumes the type.
 *
 * @param t  a row; NULL is allowed.
 * @return borrowed for ever; NULL if t is NULL, or there is nothing to explain.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_note(const psm_event_type_info *t);

/**
 * Whether the type is a command.
 *
 * @param t  a row; NULL is allowed.
 * @return 1: a request to do something; 0: something happened, or t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_type_is_command(const psm_event_type_info *t);

/**
 * The i-th other name that events of this type may come under.
 *
 * @param t  a row; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_alias_at(const psm_event_type_info *t,
                                                size_t i);

/**
 * The i-th service that sends events of this type.
 *
 * @param t  a row; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_producer_at(const psm_event_type_info *t,
                                                   size_t i);

/**
 * The i-th service that handles events of this type, or will once its handler
 * is written (psm_catalogue_type_planned_at).
 *
 * @param t  a row; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_consumer_at(const psm_event_type_info *t,
                                                   size_t i);

/**
 * The i-th of these services that does not handle events of this type yet.
 *
 * @param t  a row; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_type_planned_at(const psm_event_type_info *t,
                                                  size_t i);

/**
 * The i-th field of the payload.
 *
 * @param t  a row; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if t is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_catalogue_field_info *
psm_catalogue_type_field_at(const psm_event_type_info *t, size_t i);

/**
 * The name of a field.
 *
 * @param f  a field; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_field_name(const psm_catalogue_field_info *f);

/**
 * The type of a field: "any", "integer", "number", "string", "boolean",
 * "object", "array", or a string of a form: "date" (YYYY-MM-DD), "time" (HH:MM
 * or HH:MM:SS), "datetime" (RFC 3339, UTC if it has no zone).
 *
 * @param f  a field; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_catalogue_field_type(const psm_catalogue_field_info *f);

/**
 * Whether a field must be there.
 *
 * @param f  a field; NULL is allowed.
 * @return 1: it must; 0: it may be missing, or f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_field_required(const psm_catalogue_field_info *f);

/**
 * Whether a field may be null.
 *
 * @param f  a field; NULL is allowed.
 * @return 1: it may; 0: it may not, or f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_field_nullable(const psm_catalogue_field_info *f);

/**
 * Whether a field tells something about a person, so that no log and no
 * message may show it.
 *
 * @param f  a field; NULL is allowed.
 * @return 1: it does; 0: it does not, or f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_field_personal(const psm_catalogue_field_info *f);

/**
 * The i-th word that a field, or an item of it, may hold.
 *
 * @param f  a field; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end, if any text will do, or if f is
 *   NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *
psm_catalogue_field_word_at(const psm_catalogue_field_info *f, size_t i);

/**
 * The i-th field of an object, or of the objects in an array.
 *
 * @param f  a field; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end, if any object will do, or if f
 *   is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_catalogue_field_info *
psm_catalogue_field_child_at(const psm_catalogue_field_info *f, size_t i);

/**
 * The type of the items of an array, as psm_catalogue_field_type() names it.
 *
 * @param f  a field; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL or no array.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *
psm_catalogue_field_item_type(const psm_catalogue_field_info *f);

/**
 * Check a payload against the catalogue. Fields that it does not know are
 * ignored.
 *
 * @param type     a type's name or alias.
 * @param payload  the payload; borrowed for the call.
 * @param err      details of a failure, with JSON pointer, line and column
 *                 within payload's document, and without anything of what stood
 *                 there; may be NULL.
 * @return 0: the payload is right.
 *   PSM_ERR_INVAL         a NULL argument;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_SCHEMA        a field is missing or wrong.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_catalogue_check(const char *type, const psm_json *payload,
                                psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
