/* SPDX-License-Identifier: BSD-2-Clause */
/* A row that is made, and one that is changed by hand: read, check, move. */
#include "entity/entity.h"

int
psm__row_accept(struct psm__row *r, const psm_json *obj, enum psm__reading how,
                unsigned writer, const struct psm__now *now, const char *prefix,
                psm_error *err)
{
	int rc = psm__row_read(r, obj, how, writer, prefix, err), checked = 0;

	/* Of a record with faults the values that will do have rules, too. */
	if (rc >= 0 || rc == PSM_ERR_SCHEMA)
		checked = psm__row_check(r, now, prefix, err);
	return rc < 0 || checked == 0 ? rc : checked;
}

int
psm__row_patch(struct psm__row *r, const psm_json *patch, enum psm__reading how,
               const struct psm__now *now, const char **event, psm_error *err)
{
	int from = psm__row_state(r), to, rc;

	*event = NULL;
	rc = psm__row_accept(r, patch, how, PSM__W_REST_UPDATE, now, "", err);
	to = psm__row_state(r);
	if (rc >= 0 && to != from)
		rc = psm__row_move(r, from, to, now, event, err);
	return rc < 0 ? rc : psm__row_modified(r);
}

int
psm__row_make(struct psm__row *r, const psm_json *obj, unsigned writer,
              const struct psm__now *now, const char **event, psm_error *err)
{
	int rc;

	*event = NULL;
	rc = psm__row_accept(r, obj, PSM__READ_NEW, writer, now, "", err);
	if (rc >= 0 && psm__state_words(r->entity) != NULL)
		rc = psm__row_move(r, -1, psm__row_state(r), now, event, err);
	return rc < 0 ? rc : psm__row_stamp(r, 1, now, err);
}
