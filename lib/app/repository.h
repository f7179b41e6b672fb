/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rows of entities in their tables, each with its version: the count of its
 * committed changes, 0 for a row that was adopted and not changed since. The
 * texts of the statements are the entity room's.
 */
#ifndef PSM_REPOSITORY_INT_H
#define PSM_REPOSITORY_INT_H

#include <psymatch/store.h>

#include "entity/entity.h"

/* By id; *version is never newer than the row. PSM_ERR_NOT_FOUND. */
int psm__repo_get(psm_tx *tx, const struct psm_entity *e, int64_t id,
                  struct psm__row *row, int64_t *version, psm_error *err);
/* The same, FOR UPDATE: both stay as they are until the transaction ends. */
int psm__repo_lock(psm_tx *tx, const struct psm_entity *e, int64_t id,
                   struct psm__row *row, int64_t *version, psm_error *err);
/* Sets the row's id. *version is the one that the write made, as below. */
int psm__repo_insert(psm_tx *tx, struct psm__row *row, int64_t *version,
                     psm_error *err);
/* Write a locked row. */
int psm__repo_update(psm_tx *tx, const struct psm__row *row, int64_t *version,
                     psm_error *err);
/* Count a change of a locked row that changes no column. */
int psm__repo_touch(psm_tx *tx, const struct psm__row *row, int64_t *version,
                    psm_error *err);
/* A deletion counts, too: a row of the same id that is restored later does not
 * begin at 1 again. */
int psm__repo_delete(psm_tx *tx, const struct psm__row *row, int64_t *version,
                     psm_error *err);
/* The rows of a page, to be read by psm__repo_read(), and the count of all. */
int psm__repo_list(psm_tx *tx, const struct psm_entity *e, struct psm__list *l,
                   psm_rows **page, int64_t *total, psm_error *err);
/* Row n of a result that has all columns in their order. */
int psm__repo_read(const psm_rows *rows, size_t n, const struct psm_entity *e,
                   struct psm__row *row, psm_error *err);

#endif
