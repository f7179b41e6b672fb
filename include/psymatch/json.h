/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_JSON_H
#define PSYMATCH_JSON_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * A JSON value. The document, which is the root value, owns all values in it;
 * it never changes, so any number of threads may read it at once.
 */
typedef struct psm_json psm_json;

/** What a value is. */
enum psm_json_kind {
	PSM_JSON_NULL = 0,
	PSM_JSON_BOOL = 1,
	PSM_JSON_NUMBER = 2,
	PSM_JSON_STRING = 3,
	PSM_JSON_ARRAY = 4,
	PSM_JSON_OBJECT = 5
};

/**
 * Read a text (RFC 8259), more strictly than most: refused are also the same
 * key twice in an object, more than 64 levels of nesting, U+0000 in a string,
 * half of a surrogate pair, anything but UTF-8, a byte order mark, NaN and
 * Infinity, and anything behind the value. Takes one block of memory, of about
 * twice the text and 36 bytes per value.
 *
 * @param text  need not be NUL-terminated; copied.
 * @param len   of text in bytes, at most 16777216.
 * @param out   receives a new document (psm_json_free); NULL after a failure.
 * @param err   details of a failure; may be NULL. It has the position of the
 *              first fault; the message quotes no string of the text.
 * @return 0, or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_PARSE      text is not such JSON;
 *   PSM_ERR_TOO_LARGE  text is longer than the limit;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_parse(const char *text, size_t len, psm_json **out,
                           psm_error *err) PSM_CHECK;

/**
 * Free a document and all values in it.
 *
 * @param doc  what psm_json_parse gave, taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_free(psm_json *doc);

/**
 * Find a value by its place. Quick also in objects with many members.
 *
 * @param v        where to begin; NULL is allowed.
 * @param pointer  an RFC 6901 pointer, "" for v itself, e.g. "/payload/id".
 * @return borrowed until the document is freed; NULL if there is none, if
 *   pointer is none, and for a NULL argument.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_json *psm_json_at(const psm_json *v, const char *pointer);

/**
 * What a value is.
 *
 * @param v  a value.
 * @return a psm_json_kind, or
 *   PSM_ERR_INVAL  v is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_kind(const psm_json *v);

/**
 * The name of a kind.
 *
 * @param kind  a psm_json_kind.
 * @return "null", "boolean", "number", "string", "array" or "object", borrowed
 *   for ever; NULL: no such kind.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_json_kind_name(int kind);

/**
 * The value of a boolean.
 *
 * @param v    a value; NULL is a missing one.
 * @param out  receives 1 or 0; unchanged after a failure.
 * @param err  details of a failure, with the position of v; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   out is NULL;
 *   PSM_ERR_SCHEMA  v is missing or not a boolean.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_get_bool(const psm_json *v, int *out,
                              psm_error *err) PSM_CHECK;

/**
 * The value of a whole number, exactly, however it is written: 7, 7.0 and 70e-1
 * are the same one, as in a JSON Schema.
 *
 * @param v    a value; NULL is a missing one.
 * @param out  receives the number; unchanged after a failure.
 * @param err  details of a failure, with the position of v; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   out is NULL;
 *   PSM_ERR_SCHEMA  v is missing, not a number, has a fraction, or does not
 *                   fit into 64 bits.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_get_int(const psm_json *v, int64_t *out,
                             psm_error *err) PSM_CHECK;

/**
 * The value of any number, as the nearest double.
 *
 * @param v    a value; NULL is a missing one.
 * @param out  receives the number, which is finite; unchanged after a failure.
 * @param err  details of a failure, with the position of v; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   out is NULL;
 *   PSM_ERR_SCHEMA  v is missing, not a number, or too large for a double;
 *   PSM_ERR_NOMEM   out of memory (at the first call of a process only).
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_get_double(const psm_json *v, double *out,
                                psm_error *err) PSM_CHECK;

/**
 * The text of a string, decoded: UTF-8, NUL-terminated, without a NUL inside.
 *
 * @param v  a value; NULL is allowed.
 * @return borrowed until the document is freed; NULL if v is not a string.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_json_string(const psm_json *v);

/**
 * Members of an object or items of an array.
 *
 * @param v  a value; NULL is allowed.
 * @return the count; 0 for every other kind.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_json_count(const psm_json *v);

/**
 * One item of an array, or the value of one member of an object, in the order
 * of the text.
 *
 * @param v  a value; NULL is allowed.
 * @param i  place, 0 to psm_json_count(v) - 1.
 * @return borrowed until the document is freed; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_json *psm_json_item(const psm_json *v, size_t i);

/**
 * The key of one member of an object, decoded.
 *
 * @param v  a value; NULL is allowed.
 * @param i  place, 0 to psm_json_count(v) - 1.
 * @return borrowed until the document is freed; NULL past the end, and if v is
 *   not an object.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_json_key(const psm_json *v, size_t i);

/**
 * A value as it stood in the text, byte for byte: numbers with all their
 * digits, strings with quotes and escapes.
 *
 * @param v    a value; NULL is allowed.
 * @param len  receives the length in bytes, 0 if v is NULL; may be NULL.
 * @return borrowed until the document is freed, not NUL-terminated; NULL if v
 *   is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_json_text(const psm_json *v, size_t *len);

/**
 * The line in which a value begins. Counts through the text before it.
 *
 * @param v  a value; NULL is allowed.
 * @return the line, from 1; 0 if v is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API unsigned psm_json_line(const psm_json *v);

/**
 * The byte of its line at which a value begins.
 *
 * @param v  a value; NULL is allowed.
 * @return the column in bytes, from 1; 0 if v is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API unsigned psm_json_column(const psm_json *v);

/**
 * Whether two values mean the same: members in any order, strings decoded,
 * numbers compared as written (1 is not 1.0).
 *
 * @param a  a value; NULL is a missing one.
 * @param b  another, of the same document or not; NULL is a missing one.
 * @return 1 or 0; two missing ones are equal.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_equal(const psm_json *a, const psm_json *b);

/**
 * Writes one JSON value, without blanks. The first misuse or failure is kept,
 * nothing is written after it, and psm_json_writer_finish reports it; so the
 * functions between need no check.
 */
typedef struct psm_json_writer psm_json_writer;

/**
 * Make a writer.
 *
 * @return new (psm_json_writer_free); NULL when out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_json_writer *psm_json_writer_new(void) PSM_CHECK;

/**
 * Free a writer and its text.
 *
 * @param w  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_writer_free(psm_json_writer *w);

/**
 * Begin anew, with the memory there is.
 *
 * @param w  a writer; NULL is ignored, here and below.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_writer_reset(psm_json_writer *w);

/**
 * Begin an object; psm_json_write_end ends it. At most 64 levels of nesting.
 *
 * @param w  a writer.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_object(psm_json_writer *w);

/**
 * Begin an array; psm_json_write_end ends it. At most 64 levels of nesting.
 *
 * @param w  a writer.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_array(psm_json_writer *w);

/**
 * End the innermost object or array.
 *
 * @param w  a writer.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_end(psm_json_writer *w);

/**
 * Write the key of the next member. Keys of one object are not compared with
 * each other: that they differ is up to the caller.
 *
 * @param w    a writer, within an object.
 * @param key  UTF-8; copied. NULL is a misuse.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_key(psm_json_writer *w, const char *key);

/**
 * Write a string.
 *
 * @param w     a writer.
 * @param text  UTF-8, else it is a misuse; copied. NULL writes null.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_string(psm_json_writer *w, const char *text);

/**
 * Write a whole number.
 *
 * @param w       a writer.
 * @param number  any.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_int(psm_json_writer *w, int64_t number);

/**
 * Write a number with the fewest digits, at least 15 where there are as many,
 * that read back as the same double; whatever the locale.
 *
 * @param w       a writer.
 * @param number  finite, else it is a misuse.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_double(psm_json_writer *w, double number);

/**
 * Write true or false.
 *
 * @param w      a writer.
 * @param value  0 is false, the rest is true.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_bool(psm_json_writer *w, int value);

/**
 * Write null.
 *
 * @param w  a writer.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_null(psm_json_writer *w);

/**
 * Write a copy of a value that was read, byte for byte as psm_json_text has it.
 *
 * @param w  a writer.
 * @param v  borrowed for the call; NULL writes null.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_json_write_value(psm_json_writer *w, const psm_json *v);

/**
 * The text, if it is one whole value. May be called again; to write another
 * value, also after a failure, psm_json_writer_reset comes first.
 *
 * @param w     a writer.
 * @param text  receives it, NUL-terminated, borrowed until reset or free; NULL
 *              after a failure.
 * @param len   receives its length in bytes; may be NULL.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  w or text is NULL;
 *   PSM_ERR_STATE  the writer was misused, or the value is not finished;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_json_writer_finish(psm_json_writer *w, const char **text,
                                   size_t *len, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
