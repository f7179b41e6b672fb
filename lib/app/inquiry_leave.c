/* SPDX-License-Identifier: BSD-2-Clause */
#include "app/inquiry_leave.h"

#include <string.h>

#include "app/change.h"
#include "domain/search_rules.h"
#include "store/store.h"

#define INQUIRY "matching_service.therapeutenanfrage"
#define MEMBER "matching_service.therapeut_anfrage_patient"

/* What the steps of one inquiry need. */
struct leaving {
	const struct psm__leave *l;
	struct psm__row inquiry;
	int64_t place; /* of the last one who stays */
	int64_t gone;  /* patient who left; 0: nobody did */
};

static int
tell(const struct leaving *g, const struct psm__row *member, psm_error *err)
{
	psm_payload *m = psm_payload_new("match.status_changed");

	psm_payload_int(m, "match_id", psm__row_int(member, PSM__COLUMN_ID));
	psm_payload_int(m, "patient_id",
	                psm__row_int(member, PSM__INQUIRY_PATIENT_PATIENT_ID));
	psm_payload_int(m, "therapist_id",
	                psm__row_int(&g->inquiry, PSM__INQUIRY_THERAPIST_ID));
	psm_payload_int(
	    m, "search_id",
	    psm__row_int(member, PSM__INQUIRY_PATIENT_PLATZSUCHE_ID));
	psm_payload_int(m, "anfrage_id",
	                psm__row_int(&g->inquiry, PSM__COLUMN_ID));
	psm_payload_text(m, "old_status",
	                 psm__row_get(member, PSM__INQUIRY_PATIENT_STATUS));
	psm_payload_text(m, "new_status", NULL);
	return psm__emit(g->l->tx, m, "matching-service", err);
}

static int
leaves(const struct psm__leave *l, const struct psm__row *member)
{
	return l->search_id > 0
	           ? psm__row_int(member, PSM__INQUIRY_PATIENT_PLATZSUCHE_ID) ==
	                 l->search_id
	           : psm__row_int(member, PSM__INQUIRY_PATIENT_PATIENT_ID) ==
	                 l->patient_id;
}

static int
take_out(const struct leaving *g, struct psm__row *member, psm_error *err)
{
	struct psm__answer answer = {0};
	int64_t version;
	int rc = psm__repo_put(g->l->tx, member, PSM__PUT_DELETE, &answer, err);

	if (rc == 0)
		rc = psm__tx_sync(g->l->tx, err);
	if (rc == 0)
		rc = psm__repo_stored(&answer, member, &version, err);
	psm__answer_free(&answer);
	return rc;
}

static int
go_or_move_up(struct leaving *g, struct psm__row *member, psm_error *err)
{
	const int column = PSM__INQUIRY_PATIENT_POSITION_IN_ANFRAGE;
	struct psm__number place;
	int64_t version;
	int rc;

	if (leaves(g->l, member)) {
		g->gone = psm__row_int(member, PSM__INQUIRY_PATIENT_PATIENT_ID);
		rc = tell(g, member, err);
		return rc == 0 ? take_out(g, member, err) : rc;
	}
	rc = psm__row_change(member, column, psm__number(&place, ++g->place),
	                     err);
	return rc == 0 && member->modified[column]
	           ? psm__repo_update(g->l->tx, member, &version, err)
	           : rc;
}

static int
each_member(struct leaving *g, psm_error *err)
{
	const char *id = psm__row_get(&g->inquiry, PSM__COLUMN_ID);
	struct psm__row member = {0};
	psm_rows *rows = NULL;
	int64_t version;
	int rc = psm_tx_exec(g->l->tx,
	                     "SELECT id FROM " MEMBER
	                     " WHERE therapeutenanfrage_id = $1::integer "
	                     "ORDER BY position_in_anfrage, id",
	                     1, &id, &rows, err);

	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++) {
		rc = psm__repo_lock(g->l->tx, &psm__entity_inquiry_patient,
		                    psm_rows_int(rows, i, 0), &member, &version,
		                    err);
		if (rc == 0)
			rc = go_or_move_up(g, &member, err);
		psm__row_free(&member);
	}
	psm_rows_free(rows);
	return rc;
}

/* The last one left: there is nobody to ask for. */
static int
cancel(struct leaving *g, psm_error *err)
{
	const char *event; /* none tells of a cancelled inquiry */
	int rc = psm__row_change(&g->inquiry, PSM__INQUIRY_STORNIERT_GRUND,
	                         g->l->reason, err);

	return rc == 0 ? psm__row_move(&g->inquiry, PSM_INQUIRY_UNSENT,
	                               PSM_INQUIRY_CANCELLED, g->l->now, &event,
	                               err)
	               : rc;
}

static int
settle(struct leaving *g, psm_error *err)
{
	struct psm__buf note = {0};
	struct psm__number size;
	int64_t version;
	int rc = psm__row_change(&g->inquiry, PSM__INQUIRY_ANFRAGEGROESSE,
	                         psm__number(&size, g->place), err);

	if (g->place == 0)
		psm__buf_puts(&note, "Cancelled");
	else
		psm__buf_printf(&note, "Patient %lld left", (long long)g->gone);
	psm__buf_printf(&note, ": %s", g->l->reason);
	if (rc == 0 && g->place == 0)
		rc = cancel(g, err);
	if (rc == 0)
		rc = note.failed
		         ? psm__nomem(err)
		         : psm__row_note(&g->inquiry, PSM__INQUIRY_NOTIZEN,
		                         g->l->now, "System", note.data, err);
	psm__buf_free(&note);
	if (rc == 0)
		rc = psm__row_stamp(&g->inquiry, 0, g->l->now, err);
	return rc == 0 ? psm__repo_update(g->l->tx, &g->inquiry, &version, err)
	               : rc;
}

int
psm__inquiry_leave(const struct psm__leave *l, int64_t inquiry, psm_error *err)
{
	struct leaving g = {.l = l};
	int64_t version;
	int rc = psm__repo_lock(l->tx, &psm__entity_inquiry, inquiry,
	                        &g.inquiry, &version, err);

	if (rc == 0 && psm__row_state(&g.inquiry) == PSM_INQUIRY_UNSENT)
		rc = each_member(&g, err);
	if (rc == 0 && g.gone > 0)
		rc = settle(&g, err);
	psm__row_free(&g.inquiry);
	return rc == 0 ? g.gone > 0 : rc;
}

#define UNSENT(column)                                                         \
	"SELECT DISTINCT a.id FROM " MEMBER " m JOIN " INQUIRY                 \
	" a ON a.id = m.therapeutenanfrage_id WHERE m." column                 \
	" = $1::integer AND a.gesendet_datum IS NULL "                         \
	"AND a.storniert_datum IS NULL ORDER BY a.id"

int
psm__inquiry_leave_all(const struct psm__leave *l, psm_error *err)
{
	struct psm__number id;
	const char *param =
	    psm__number(&id, l->search_id > 0 ? l->search_id : l->patient_id);
	const char *sql =
	    l->search_id > 0 ? UNSENT("platzsuche_id") : UNSENT("patient_id");
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(l->tx, sql, 1, &param, &rows, err), count = 0;

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = psm__inquiry_leave(l, psm_rows_int(rows, i, 0), err);
		count += rc > 0;
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : count;
}
