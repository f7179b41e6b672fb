/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CONFIG_H
#define PSYMATCH_CONFIG_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* Settings: every one is a row of one table (name, type, default, unit, range,
 * meaning). */
typedef struct psm_config psm_config;

/* All defaults. */
PSM_API int psm_config_new(psm_config **out, psm_error *err) PSM_CHECK;
/* Defaults, then what the environment says; a bad value is PSM_ERR_CONFIG
 * naming the variable. */
PSM_API int psm_config_from_env(psm_config **out, psm_error *err) PSM_CHECK;
PSM_API void psm_config_free(psm_config *cfg);
/* name: one of the table, or "PSYMATCH_KAFKA_<key>" for a librdkafka property
 * (dots as underscores). */
PSM_API int psm_config_set(psm_config *cfg, const char *name, const char *value,
                           psm_error *err) PSM_CHECK;

/* Borrowed until the next set of that name; "" if unset. NULL: no such setting.
 */
PSM_API const char *psm_config_string(const psm_config *cfg, const char *name);
/* 0 if there is no such setting. */
PSM_API int64_t psm_config_int(const psm_config *cfg, const char *name);
PSM_API int psm_config_bool(const psm_config *cfg, const char *name);
/* 1 if it was given and not left to its default. */
PSM_API int psm_config_given(const psm_config *cfg, const char *name);

/* The table, for tools and bindings: index 0 to psm_config_count() - 1; NULL
 * past the end. */
PSM_API size_t psm_config_count(void);
PSM_API const char *psm_config_name_at(size_t i);
PSM_API const char *psm_config_type_at(size_t i);
PSM_API const char *psm_config_default_at(size_t i);
PSM_API const char *psm_config_unit_at(size_t i);
PSM_API const char *psm_config_meaning_at(size_t i);

PSM_END_DECLS

#endif
