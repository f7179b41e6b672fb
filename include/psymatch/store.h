/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_STORE_H
#define PSYMATCH_STORE_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>

PSM_BEGIN_DECLS

/* A pool of PostgreSQL connections that reconnects by itself. */
typedef struct psm_store psm_store;
/* One transaction on one connection of the pool. */
typedef struct psm_tx psm_tx;
/* The rows of one statement. */
typedef struct psm_rows psm_rows;

/* Settings read: DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD,
 * PSYMATCH_DB_CONNECTIONS. Does not connect. */
PSM_API int psm_store_open(const psm_config *cfg, psm_store **out,
                           psm_error *err) PSM_CHECK;
PSM_API void psm_store_free(psm_store *st);
/* Bring a schema set ("psymatch", "therapist", "matching") up to date; a
 * changed old migration is PSM_ERR_CONFLICT. */
PSM_API int psm_store_migrate(psm_store *st, const char *set,
                              psm_error *err) PSM_CHECK;
PSM_API int psm_store_health(psm_store *st, char *reason, size_t size);

PSM_API int psm_tx_begin(psm_store *st, psm_tx **out, psm_error *err) PSM_CHECK;
/* Write the emitted events, commit, free tx: also when it fails (then it is
 * rolled back). */
PSM_API int psm_tx_commit(psm_tx *tx, psm_error *err) PSM_CHECK;
/* Roll back and free tx; NULL is allowed. */
PSM_API void psm_tx_rollback(psm_tx *tx);
/* One statement with $1.. parameters as text (NULL = null); rows may be NULL,
 * else new (psm_rows_free). */
PSM_API int psm_tx_exec(psm_tx *tx, const char *sql, size_t count,
                        const char *const *params, psm_rows **rows,
                        psm_error *err) PSM_CHECK;
/* Let ev be published when, and only if, the transaction commits. ev is copied.
 */
PSM_API int psm_tx_emit(psm_tx *tx, const psm_event *ev,
                        psm_error *err) PSM_CHECK;

PSM_API size_t psm_rows_count(const psm_rows *rows);
/* Rows changed by an INSERT, UPDATE or DELETE. */
PSM_API size_t psm_rows_affected(const psm_rows *rows);
/* Text of a field by column number from 0; NULL for null or out of range.
 * Borrowed until rows is freed. */
PSM_API const char *psm_rows_text(const psm_rows *rows, size_t row,
                                  size_t column);
PSM_API int64_t psm_rows_int(const psm_rows *rows, size_t row, size_t column);
PSM_API void psm_rows_free(psm_rows *rows);

PSM_END_DECLS

#endif
