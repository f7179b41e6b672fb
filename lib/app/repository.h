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

/* What the server says to a statement that was queued; the texts that are
 * parameters need not outlive the call. */
struct psm__answer {
	psm_rows *rows, *versions;
	int is_locked; /* else the version is in rows */
	struct psm__number id;
};
void psm__answer_free(struct psm__answer *a);

/* Queue the question for a row, locked or not; in any case
 * psm__answer_free() follows. */
int psm__repo_ask(psm_tx *tx, const struct psm_entity *e, int64_t id, int lock,
                  struct psm__answer *a, psm_error *err);
/* After psm__tx_sync(): the row; as psm__repo_get(). */
int psm__repo_loaded(const struct psm__answer *a, const struct psm_entity *e,
                     struct psm__row *row, int64_t *version, psm_error *err);

enum psm__put {
	PSM__PUT_INSERT,
	PSM__PUT_UPDATE,
	PSM__PUT_TOUCH, /* counts a change that changes no column */
	/* A deletion counts, too: a row of the same id that is restored later
	 * does not begin at 1 again. */
	PSM__PUT_DELETE
};
/* Queue a write of a row, which is locked, or new. In any case
 * psm__answer_free() follows. */
int psm__repo_put(psm_tx *tx, const struct psm__row *row, enum psm__put how,
                  struct psm__answer *a, psm_error *err);
/* After psm__tx_sync(): sets the id of a new row; *version is the one that the
 * write made. */
int psm__repo_stored(const struct psm__answer *a, struct psm__row *row,
                     int64_t *version, psm_error *err);

/* The same at once, with a round trip each. By id; *version is never newer than
 * the row. PSM_ERR_NOT_FOUND. */
int psm__repo_get(psm_tx *tx, const struct psm_entity *e, int64_t id,
                  struct psm__row *row, int64_t *version, psm_error *err);
/* FOR UPDATE: both stay as they are until the transaction ends. */
int psm__repo_lock(psm_tx *tx, const struct psm_entity *e, int64_t id,
                   struct psm__row *row, int64_t *version, psm_error *err);
int psm__repo_insert(psm_tx *tx, struct psm__row *row, int64_t *version,
                     psm_error *err);
int psm__repo_update(psm_tx *tx, struct psm__row *row, int64_t *version,
                     psm_error *err);
/* The rows of a page, to be read by psm__repo_read(), and the count of all. */
int psm__repo_list(psm_tx *tx, const struct psm_entity *e, struct psm__list *l,
                   psm_rows **page, int64_t *total, psm_error *err);
/* Row n of a result that has all columns in their order. */
int psm__repo_read(const psm_rows *rows, size_t n, const struct psm_entity *e,
                   struct psm__row *row, psm_error *err);

#endif
