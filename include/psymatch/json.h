/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_JSON_H
#define PSYMATCH_JSON_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* A JSON value. The document (the root) owns all values in it; values are
 * read-only. */
typedef struct psm_json psm_json;

enum psm_json_kind {
	PSM_JSON_NULL = 0,
	PSM_JSON_BOOL = 1,
	PSM_JSON_NUMBER = 2,
	PSM_JSON_STRING = 3,
	PSM_JSON_ARRAY = 4,
	PSM_JSON_OBJECT = 5
};

PSM_API int psm_json_parse(const char *text, size_t len, psm_json **out,
                           psm_error *err) PSM_CHECK;
PSM_API void psm_json_free(psm_json *doc);

/* The value at an RFC 6901 pointer below v ("" is v itself); NULL if there is
 * none. Borrowed until the document is freed. */
PSM_API const psm_json *psm_json_at(const psm_json *v, const char *pointer);
PSM_API int psm_json_kind(const psm_json *v);
PSM_API const char *psm_json_kind_name(int kind);
PSM_API int psm_json_get_bool(const psm_json *v, int *out,
                              psm_error *err) PSM_CHECK;
PSM_API int psm_json_get_int(const psm_json *v, int64_t *out,
                             psm_error *err) PSM_CHECK;
PSM_API int psm_json_get_double(const psm_json *v, double *out,
                                psm_error *err) PSM_CHECK;
/* NUL-terminated (a NUL inside is refused on parse); NULL if v is NULL or not a
 * string. */
PSM_API const char *psm_json_string(const psm_json *v);
/* Members of an object or items of an array; 0 for the rest. */
PSM_API size_t psm_json_count(const psm_json *v);
PSM_API const psm_json *psm_json_item(const psm_json *v, size_t i);
PSM_API const char *psm_json_key(const psm_json *v, size_t i);
/* The value as it stood in the text, byte for byte; borrowed until the document
 * is freed. */
PSM_API const char *psm_json_text(const psm_json *v, size_t *len);
PSM_API unsigned psm_json_line(const psm_json *v);
PSM_API unsigned psm_json_column(const psm_json *v);
/* 1 if both mean the same JSON value (members in any order, numbers compared as
 * written). */
PSM_API int psm_json_equal(const psm_json *a, const psm_json *b);

/* Writes JSON; the first misuse or failure is kept and reported by finish. */
typedef struct psm_json_writer psm_json_writer;

PSM_API psm_json_writer *psm_json_writer_new(void) PSM_CHECK;
PSM_API void psm_json_writer_free(psm_json_writer *w);
PSM_API void psm_json_writer_reset(psm_json_writer *w);
PSM_API void psm_json_write_object(psm_json_writer *w);
PSM_API void psm_json_write_array(psm_json_writer *w);
/* End the innermost object or array. */
PSM_API void psm_json_write_end(psm_json_writer *w);
PSM_API void psm_json_write_key(psm_json_writer *w, const char *key);
/* NULL writes null. */
PSM_API void psm_json_write_string(psm_json_writer *w, const char *text);
PSM_API void psm_json_write_int(psm_json_writer *w, int64_t number);
PSM_API void psm_json_write_double(psm_json_writer *w, double number);
PSM_API void psm_json_write_bool(psm_json_writer *w, int value);
PSM_API void psm_json_write_null(psm_json_writer *w);
/* A copy of a parsed value; NULL writes null. */
PSM_API void psm_json_write_value(psm_json_writer *w, const psm_json *v);
/* text is borrowed until reset or free. */
PSM_API int psm_json_writer_finish(psm_json_writer *w, const char **text,
                                   size_t *len, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
