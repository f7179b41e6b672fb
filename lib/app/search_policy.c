/* SPDX-License-Identifier: BSD-2-Clause */
/* What changes of searches need to know. */
#include <string.h>

#include "app/app.h"
#include "app/change.h"
#include "app/search.h"

static void
members(psm_payload *m, const struct psm__told *told,
        const struct psm__change *c)
{
	(void)told; /* there is one type */
	psm_payload_int(m, "patient_id",
	                psm__row_int(&c->row, PSM__SEARCH_PATIENT_ID));
	psm_payload_text(m, "old_status", psm_search_status_name(c->from));
	psm_payload_text(m, "new_status",
	                 psm__row_get(&c->row, PSM__SEARCH_STATUS));
}

/* A deleted search would take its rows out of inquiries that are history. */
static int
may_delete(psm_tx *tx, const char *id, psm_error *err)
{
	int64_t used;
	int rc = psm__app_ask(tx,
	                      "SELECT count(*) FROM (SELECT FROM "
	                      "matching_service.therapeut_anfrage_patient "
	                      "WHERE platzsuche_id = $1::integer LIMIT 1) m",
	                      1, &id, &used, err);

	if (rc == 0 && used > 0)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "search: want one that is in no inquiry, found "
		               "one that is; cancel it instead");
	return rc;
}

/* psm_search_create() asks what no decision can see. */
static int
make_by_hand(struct psm__row *row, const void *wish, const struct psm__now *now,
             struct psm__events *ev, psm_error *err)
{
	(void)row;
	(void)wish;
	(void)now;
	(void)ev;
	return psm__fail(err, PSM_ERR_INVAL,
	                 "search: want psm_search_create()");
}

static const struct psm__action actions[] = {
    {"pause", psm__search_pause},     {"resume", psm__search_resume},
    {"cancel", psm__search_cancel},   {"contact", psm__search_contact},
    {"exclude", psm__search_exclude}, {NULL, NULL},
};

const struct psm__policy psm__policy_search = {
    .entity = &psm__entity_search,
    .created = "search.status_changed",
    .make = make_by_hand,
    .patch = psm__search_patch,
    .members = members,
    .may_delete = may_delete,
    .actions = actions,
    .follow = psm__search_settle,
    .story = "state of a search",
};
