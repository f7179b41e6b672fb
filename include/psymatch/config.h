/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CONFIG_H
#define PSYMATCH_CONFIG_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * Settings. Each is a row of one table: name, type, default, unit, meaning; the
 * functions ending in _at show it. A setting keeps its default until a value is
 * given; an empty value means that none is given, unless the meaning of a
 * setting that has a default says what "empty:" is.
 *
 * Types: integer (decimal digits, within the range of the setting), boolean
 * (true 1 yes on, false 0 no off, in any case of letters), word (one of a few,
 * in any case of letters, kept as the table writes it), string, path, secret
 * (a string that no message ever shows).
 *
 * The table has the settings of this library; a program adds its own with
 * psm_config_register().
 *
 * Besides the table there is PSYMATCH_KAFKA_<key> for each property of
 * librdkafka: small or capital letters, dots written as underscores, e.g.
 * PSYMATCH_KAFKA_SECURITY_PROTOCOL. Keys and values are checked when a Kafka
 * client is made with them. A property whose own name has an underscore cannot
 * be given.
 */
typedef struct psm_config psm_config;

/**
 * Add the settings of a program to the table, for the whole process. They are
 * read from the environment, checked and shown like the others. To be called
 * before settings are made. A setting that is there already with the same type,
 * range and default stays.
 *
 * @param rows  six texts per setting, then NULL; all borrowed for ever: the
 *              name of 1 to 80 bytes of [A-Z0-9_], the type, the default (""
 *              if none), the range (of an integer "1 to 60", not below 0; of a
 *              word its words, separated by blanks; else ""), the unit ("" if
 *              none), and the meaning in a few words for people.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument, or a row that breaks these rules;
 *   PSM_ERR_CONFLICT  the name is registered with another type, range or
 *                     default;
 *   PSM_ERR_FULL      256 settings are registered already;
 *   PSM_ERR_NOMEM     out of memory.
 *   The rows before the one at fault were added.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_register(const char *const *rows,
                                psm_error *err) PSM_CHECK;

/**
 * All defaults.
 *
 * @param out  new (psm_config_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  out is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_new(psm_config **out, psm_error *err) PSM_CHECK;

/**
 * Defaults, then what the environment says. Variables with names of the table
 * and PSYMATCH_KAFKA_<key> are read. Any other one that begins with PSYMATCH_
 * is ignored with one warning in the log, which names the nearest setting; with
 * PSYMATCH_STRICT=true it is an error. Ignored without a warning are
 * PSYMATCH_LIBRARY (the Python package's), PSYMATCH_TEST_*, the settings of
 * libpsymatch-service (PSYMATCH_HTTP_*, PSYMATCH_REST_*, PSYMATCH_SERVICE_*,
 * PSYMATCH_SHUTDOWN_MS) in a program without it, and what Kubernetes makes for
 * a service: PSYMATCH_X_SERVICE_HOST, PSYMATCH_X_SERVICE_PORT, PSYMATCH_X_PORT,
 * PSYMATCH_X_PORT_80_TCP and their like. DB_PORT and other ports with a value
 * like "tcp://10.0.0.1:80" are ignored with a warning.
 *
 * @param out  new (psm_config_free); NULL after a failure.
 * @param err  details of a failure; may be NULL. The message names the
 *             variable, what was wanted and, unless it is a secret, what was
 *             found.
 * @return 0, or
 *   PSM_ERR_INVAL   out is NULL;
 *   PSM_ERR_CONFIG  a value of a wrong type or outside its range; with
 *                   PSYMATCH_STRICT=true also a variable that begins with
 *                   PSYMATCH_ and is no setting;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any, while no thread changes the environment. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_from_env(psm_config **out, psm_error *err) PSM_CHECK;

/**
 * Free settings. What was made with them has a copy of its own.
 *
 * @param cfg  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_config_free(psm_config *cfg);

/**
 * Give a setting a value.
 *
 * @param cfg    the settings.
 * @param name   one of the table, or "PSYMATCH_KAFKA_<key>".
 * @param value  as in the environment; copied. "" puts the default back.
 * @param err    details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   a NULL argument;
 *   PSM_ERR_CONFIG  no such setting, or not a value for it;
 *   PSM_ERR_NOMEM   out of memory.
 *   After a failure the setting is as before.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_set(psm_config *cfg, const char *name, const char *value,
                           psm_error *err) PSM_CHECK;

/**
 * The value of a setting of any type.
 *
 * @param cfg   the settings.
 * @param name  as for psm_config_set.
 * @return borrowed until the next psm_config_set; "" for a string without a
 *   value; NULL: no such setting, or a NULL argument.
 *
 * Threads: one at a time; several may read at once. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_string(const psm_config *cfg, const char *name);

/**
 * The value of an integer setting, in the unit of its row.
 *
 * @param cfg   the settings.
 * @param name  as for psm_config_set.
 * @return the number, which is 0 or more for every setting of the table;
 *   PSM_ERR_NOT_FOUND  no such setting, which is logged as an error, too;
 *   PSM_ERR_INVAL      its value is no number, or a NULL argument.
 *
 * Threads: one at a time; several may read at once. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_config_int(const psm_config *cfg, const char *name);

/**
 * The value of a boolean setting.
 *
 * @param cfg   the settings.
 * @param name  as for psm_config_set.
 * @return 1 or 0;
 *   PSM_ERR_NOT_FOUND  no such setting, which is logged as an error, too;
 *   PSM_ERR_INVAL      its value is no boolean, or a NULL argument.
 *
 * Threads: one at a time; several may read at once. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_bool(const psm_config *cfg, const char *name);

/**
 * Whether a value was given, be it the same as the default.
 *
 * @param cfg   the settings.
 * @param name  as for psm_config_set.
 * @return 1 or 0;
 *   PSM_ERR_NOT_FOUND  no such setting, which is logged as an error, too;
 *   PSM_ERR_INVAL      a NULL argument.
 *
 * Threads: one at a time; several may read at once. Blocks: no. Since 0.1.
 */
PSM_API int psm_config_given(const psm_config *cfg, const char *name);

/**
 * Rows of the table, for tools and bindings.
 *
 * @return the count.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_config_count(void);

/**
 * The name of a setting, which is that of its environment variable.
 *
 * @param i  row, 0 to psm_config_count() - 1.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_name_at(size_t i);

/**
 * The type of a setting.
 *
 * @param i  row, 0 to psm_config_count() - 1.
 * @return "integer", "boolean", "word", "string", "path" or "secret", borrowed
 *   for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_type_at(size_t i);

/**
 * The default of a setting.
 *
 * @param i  row, 0 to psm_config_count() - 1.
 * @return borrowed for ever, may be ""; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_default_at(size_t i);

/**
 * The unit of a setting.
 *
 * @param i  row, 0 to psm_config_count() - 1.
 * @return e.g. "ms" or "bytes", "" if it has none, borrowed for ever; NULL past
 *   the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_unit_at(size_t i);

/**
 * Which values a setting takes: "1 to 60000 ms", "disk, interval or os", "" for
 * any text.
 *
 * @param i     row, 0 to psm_config_count() - 1.
 * @param text  receives it, NUL-terminated, cut if need be; "" past the end.
 * @param size  size of text in bytes, 1 or more; 200 are enough for the
 *              library's own settings.
 * @return the length of the whole; 0 past the end, or without a place for it.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_config_takes_at(size_t i, char *text, size_t size);

/**
 * What a setting means, in a few words for people.
 *
 * @param i  row, 0 to psm_config_count() - 1.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_config_meaning_at(size_t i);

PSM_END_DECLS

#endif
