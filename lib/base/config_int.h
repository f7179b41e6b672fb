/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings: what config.c keeps is described by config_table.c. A setting
 * is known by its place in the table, 0 to psm_config_count() - 1. */
#ifndef PSM_CONFIG_INT_H
#define PSM_CONFIG_INT_H

#include "base/base.h"

/* The place, or -1. */
int psm__setting_index(const char *name);
int psm__setting_bool(const char *text, int *value);
int psm__setting_int(const char *text, int64_t *value);
/* 1: begins with PSYMATCH_, but is the Python package's, a test's, or of
 * libpsymatch-service, whether this program uses that or not. */
int psm__setting_is_foreign(const char *name);
/* The setting whose name looks most like this one; NULL: none does. */
const char *psm__setting_nearest(const char *name);
/* As Kubernetes names and fills the variables of a service: X_SERVICE_HOST,
 * X_SERVICE_PORT, X_SERVICE_PORT_NAME, X_PORT, X_PORT_80_TCP,
 * X_PORT_80_TCP_ADDR and so on; "tcp://10.0.0.1:80" in a variable X_PORT. */
int psm__is_link_name(const char *name);
int psm__is_link_value(const char *name, const char *value);
/* *copy: value as it is kept, new; for a word that is its spelling in the
 * table. PSM_ERR_CONFIG, PSM_ERR_NOMEM. */
int psm__setting_check(size_t i, const char *value, char **copy,
                       psm_error *err);

#endif
