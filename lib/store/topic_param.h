/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays as parameters, in PostgreSQL's binary format: no value is quoted and
 * none is read as text. */
#ifndef PSM_STORE_TOPIC_PARAM_H
#define PSM_STORE_TOPIC_PARAM_H

#include "store/store.h"

/* The type numbers of PostgreSQL's catalogue, the same in every version. */
enum psm__sql_array_type {
	PSM__ARRAY_BYTEA = 17,
	PSM__ARRAY_INT8 = 20,
	PSM__ARRAY_INT4 = 23,
	PSM__ARRAY_TEXT = 25,
};

/* Out of memory is sticky, as in its buffer. */
struct psm__sql_array {
	struct psm__buf bytes;
	uint32_t count;
};
void psm__sql_array_begin(struct psm__sql_array *a,
                          enum psm__sql_array_type type);
/* bytes NULL: null. */
void psm__sql_array_bytes(struct psm__sql_array *a, const void *bytes,
                          size_t len);
void psm__sql_array_text(struct psm__sql_array *a, const char *text);
void psm__sql_array_int4(struct psm__sql_array *a, int32_t value);
void psm__sql_array_int8(struct psm__sql_array *a, int64_t value);
/* As a parameter, valid until psm__sql_array_free. */
int psm__sql_array_param(struct psm__sql_array *a, struct psm__param *out,
                         psm_error *err);
void psm__sql_array_free(struct psm__sql_array *a);

/* All of a list at once; 0 or PSM_ERR_NOMEM. */
int psm__sql_array_params(struct psm__sql_array *list, size_t count,
                          struct psm__param *out, psm_error *err);
void psm__sql_arrays_free(struct psm__sql_array *list, size_t count);

#endif
