/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CATALOGUE_H
#define PSYMATCH_CATALOGUE_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/json.h>

PSM_BEGIN_DECLS

/* One row of the event catalogue; lives as long as the process. */
typedef struct psm_event_type_info psm_event_type_info;
/* One field of a payload. */
typedef struct psm_field_info psm_field_info;

PSM_API size_t psm_catalogue_count(void);
PSM_API const psm_event_type_info *psm_catalogue_at(size_t i);
/* By name or alias; NULL if unknown. */
PSM_API const psm_event_type_info *psm_catalogue_find(const char *type);

PSM_API const char *psm_type_name(const psm_event_type_info *t);
PSM_API const char *psm_type_topic(const psm_event_type_info *t);
/* Name of the payload field whose text is the message key. */
PSM_API const char *psm_type_key_field(const psm_event_type_info *t);
PSM_API const char *psm_type_version(const psm_event_type_info *t);
PSM_API const char *psm_type_meaning(const psm_event_type_info *t);
/* 1: a request to do something (command), 0: something happened. */
PSM_API int psm_type_is_command(const psm_event_type_info *t);
/* The i-th one; NULL past the end. */
PSM_API const char *psm_type_alias_at(const psm_event_type_info *t, size_t i);
PSM_API const char *psm_type_producer_at(const psm_event_type_info *t,
                                         size_t i);
PSM_API const char *psm_type_consumer_at(const psm_event_type_info *t,
                                         size_t i);
/* Top-level fields of the payload; NULL past the end. */
PSM_API const psm_field_info *psm_type_field_at(const psm_event_type_info *t,
                                                size_t i);

PSM_API const char *psm_field_name(const psm_field_info *f);
/* "integer" "number" "string" "boolean" "object" "array" "date" "time"
 * "datetime" "any" */
PSM_API const char *psm_field_type(const psm_field_info *f);
PSM_API int psm_field_required(const psm_field_info *f);
PSM_API int psm_field_nullable(const psm_field_info *f);
/* 1: tells something about a person; never in a log or a message. */
PSM_API int psm_field_personal(const psm_field_info *f);
PSM_API const char *psm_field_word_at(const psm_field_info *f, size_t i);
/* Fields of an object, or of the objects in an array; NULL past the end. */
PSM_API const psm_field_info *psm_field_child_at(const psm_field_info *f,
                                                 size_t i);
/* Type of the items of an array, as in psm_field_type(); NULL if it is none. */
PSM_API const char *psm_field_item_type(const psm_field_info *f);

/* Check a payload against the catalogue; the error carries the JSON pointer. */
PSM_API int psm_catalogue_check(const char *type, const psm_json *payload,
                                psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
