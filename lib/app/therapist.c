/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of a therapist by hand. */
#include <string.h>

#include "app/app.h"

/* Changes a locked row and names the event; count of modified columns. */
typedef int (*decide_fn)(struct psm__row *row, const void *wish,
                         const char *today, const char **event, psm_error *err);

static int
decide_block(struct psm__row *row, const void *wish, const char *today,
             const char **event, psm_error *err)
{
	return psm__therapist_block(row, wish, today, event, err);
}

static int
decide_unblock(struct psm__row *row, const void *wish, const char *today,
               const char **event, psm_error *err)
{
	(void)wish;  /* unblocking has no argument */
	(void)today; /* and leaves no date behind */
	return psm__therapist_unblock(row, event, err);
}

static int
decide_patch(struct psm__row *row, const void *wish, const char *today,
             const char **event, psm_error *err)
{
	return psm__therapist_patch(row, wish, today, event, err);
}

static int
change(psm_store *store, int64_t id, decide_fn decide, const void *wish,
       psm_error *err)
{
	struct psm__row row = {0};
	const char *event = NULL;
	psm_tx *tx = NULL;
	char today[11];
	int rc;

	rc = psm_tx_begin(store, &tx, err);
	if (rc == 0)
		rc = psm__therapist_lock(tx, id, &row, err);
	if (rc == 0)
		rc = psm__app_today(tx, today, err);
	if (rc == 0)
		rc = decide(&row, wish, today, &event, err);
	if (rc <= 0)
		goto out;
	rc = psm__therapist_save(tx, &row, NULL, event, err);
	if (rc == 0) {
		rc = psm_tx_commit(tx, err);
		tx = NULL; /* gone, whatever the result */
	}
	if (rc == 0)
		rc = 1;
out:
	psm_tx_rollback(tx);
	psm__row_free(&row);
	return rc;
}

static int
check(const psm_store *store, int64_t id, psm_error *err)
{
	if (store != NULL && id > 0)
		return 0;
	return psm__fail(err, PSM_ERR_INVAL,
	                 "want a store and a positive therapist id");
}

int
psm_therapist_block(psm_store *store, int64_t id, const char *reason,
                    psm_error *err)
{
	psm__error_clear(err);
	if (check(store, id, err) < 0)
		return PSM_ERR_INVAL;
	return change(store, id, decide_block, reason, err);
}

int
psm_therapist_unblock(psm_store *store, int64_t id, psm_error *err)
{
	psm__error_clear(err);
	if (check(store, id, err) < 0)
		return PSM_ERR_INVAL;
	return change(store, id, decide_unblock, NULL, err);
}

int
psm_therapist_update(psm_store *store, int64_t id, const char *json,
                     psm_error *err)
{
	psm_json *patch = NULL;
	int rc;

	psm__error_clear(err);
	if (check(store, id, err) < 0)
		return PSM_ERR_INVAL;
	if (json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "json is NULL");
	rc = psm_json_parse(json, strlen(json), &patch, err);
	if (rc == 0)
		rc = change(store, id, decide_patch, patch, err);
	psm_json_free(patch);
	return rc;
}
