/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_ERROR_H
#define PSYMATCH_ERROR_H

#include <psymatch/base.h>

PSM_BEGIN_DECLS

/* One line per code: name, value, text. Values never change once released. */
#define PSM_ERROR_MAP(X)                                                       \
	X(INVAL, -1, "invalid argument")                                       \
	X(NOMEM, -2, "out of memory")                                          \
	X(PARSE, -3, "malformed JSON")                                         \
	X(SCHEMA, -4, "does not follow its schema")                            \
	X(STATE, -5, "not possible in the current state")                      \
	X(FULL, -6, "queue full")                                              \
	X(TOO_LARGE, -7, "too large")                                          \
	X(IO, -8, "file or system error")                                      \
	X(DB, -9, "database error")                                            \
	X(BROKER, -10, "broker error")                                         \
	X(TIMEOUT, -11, "deadline passed")                                     \
	X(NOT_FOUND, -12, "not found")                                         \
	X(TRANSITION, -13, "status change not allowed")                        \
	X(CONFLICT, -14, "conflicts with what is stored")                      \
	X(CONFIG, -15, "invalid setting")                                      \
	X(VERSION, -16, "unsupported version")                                 \
	X(CORRUPT, -17, "damaged data")                                        \
	X(RETRY, -18, "try again later")                                       \
	X(REJECT, -19, "refused for good")                                     \
	X(CLOSED, -20, "closed before delivery")                               \
	X(FENCED, -21, "another consumer owns the partition")                  \
	X(AMBIGUOUS, -22, "more than one match")                               \
	X(UNKNOWN_TYPE, -23, "unknown event type")

enum psm_err {
	PSM_OK = 0,
#define X(name, value, text) PSM_ERR_##name = value,
	PSM_ERROR_MAP(X)
#undef X
	    PSM_ERR_LAST = -1000 /* not a code; fixes the range of the enum */
};

/** What went wrong: made once by the caller, reused for any number of calls. */
typedef struct psm_error psm_error;

PSM_API psm_error *psm_error_new(void) PSM_CHECK;
PSM_API void psm_error_free(psm_error *err);
PSM_API void psm_error_clear(psm_error *err);

PSM_API int psm_error_code(const psm_error *err);
PSM_API const char *psm_error_message(const psm_error *err);
PSM_API const char *psm_error_source(const psm_error *err);
PSM_API const char *psm_error_pointer(const psm_error *err);
PSM_API size_t psm_error_offset(const psm_error *err);
PSM_API unsigned psm_error_line(const psm_error *err);
PSM_API unsigned psm_error_column(const psm_error *err);
PSM_API int psm_error_retriable(const psm_error *err);
PSM_API int psm_error_fatal(const psm_error *err);
/* A callback of the application reports why it failed. */
PSM_API int psm_error_set(psm_error *err, int code, const char *message);

PSM_API const char *psm_strerror(int code);
PSM_API const char *psm_error_name(int code);
/* The table, for bindings: the i-th code, 0 past the end. */
PSM_API int psm_error_at(size_t i);

PSM_END_DECLS

#endif
