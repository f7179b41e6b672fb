/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries and their matches: what their changes need to know, and how they
 * are locked. */
#include "app/inquiry.h"

#include <string.h>

#include "app/own_tx.h"
#include "store/store.h"

#define INQUIRY "matching_service.therapeutenanfrage"
#define MATCH "matching_service.therapeut_anfrage_patient"
#define SEARCH "matching_service.platzsuche"

/* -- policies */

static void
put_column(psm_payload *m, const char *name, const struct psm__row *row,
           int column)
{
	if (psm__row_get(row, column) != NULL)
		psm_payload_int(m, name, psm__row_int(row, column));
	else
		psm_payload_null(m, name);
}

static void
put_made(psm_payload *m, const struct psm__inquiry_wish *w)
{
	psm_payload_int(m, "therapist_id", w->therapist_id);
	psm_payload_array(m, "patient_ids");
	for (size_t i = 0; i < w->size; i++)
		psm_payload_int(m, NULL, w->patient_ids[i]);
	psm_payload_end(m);
	psm_payload_int(m, "anfrage_size", (int64_t)w->size);
}

static void
put_sent(psm_payload *m, const struct psm__row *row,
         const struct psm__inquiry_wish *w)
{
	int by_mail = w->by_mail;

	psm_payload_text(m, "communication_type",
	                 by_mail ? "email" : "phone_call");
	put_column(m, "communication_id", row,
	           by_mail ? PSM__INQUIRY_EMAIL_ID
	                   : PSM__INQUIRY_PHONE_CALL_ID);
}

static void
inquiry_members(psm_payload *m, const struct psm__told *told,
                const struct psm__change *c)
{
	if (strcmp(told->type, "therapeutenanfrage.created") == 0) {
		put_made(m, c->wish);
	} else if (strcmp(told->type, "therapeutenanfrage.sent") == 0) {
		put_sent(m, &c->row, c->wish);
	} else {
		psm_payload_text(
		    m, "response_type",
		    psm__row_get(&c->row, PSM__INQUIRY_ANTWORTTYP));
		put_column(m, "accepted_count", &c->row,
		           PSM__INQUIRY_ANGENOMMEN_ANZAHL);
		put_column(m, "rejected_count", &c->row,
		           PSM__INQUIRY_ABGELEHNT_ANZAHL);
		put_column(m, "no_response_count", &c->row,
		           PSM__INQUIRY_KEINE_ANTWORT_ANZAHL);
	}
}

int
psm__inquiry_ask_to_send(psm_tx *tx, int64_t email_id, psm_error *err)
{
	psm_payload *m = psm_payload_new("communication.send_email");

	psm_payload_int(m, "email_id", email_id);
	return psm__emit(tx, m, "matching-service", err);
}

const struct psm__policy psm__policy_inquiry = {
    .entity = &psm__entity_inquiry,
    .members = inquiry_members,
    .story = "state of an inquiry",
};

static const char *
match_word(int state)
{
	return state < 0 ? NULL : psm__words_anfrage_patient_status[state];
}

static void
match_members(psm_payload *m, const struct psm__told *told,
              const struct psm__change *c)
{
	const struct psm__match_wish *w = c->wish;
	int made = strcmp(told->type, "match.created") == 0;
	int gone =
	    c->verb == PSM__DELETE || c->decide == psm__match_decide_withdraw;

	put_column(m, "patient_id", &c->row, PSM__INQUIRY_PATIENT_PATIENT_ID);
	psm_payload_int(m, "therapist_id", w->therapist_id);
	put_column(m, "search_id", &c->row, PSM__INQUIRY_PATIENT_PLATZSUCHE_ID);
	put_column(m, "anfrage_id", &c->row,
	           PSM__INQUIRY_PATIENT_THERAPEUTENANFRAGE_ID);
	if (made) {
		psm_payload_text(m, "status",
		                 match_word(psm__row_state(&c->row)));
		return;
	}
	psm_payload_text(m, "old_status", match_word(c->from));
	psm_payload_text(m, "new_status",
	                 gone ? NULL : match_word(psm__row_state(&c->row)));
	if (!gone)
		psm_payload_bool(m, "conflict", w->conflict);
}

const struct psm__policy psm__policy_match = {
    .entity = &psm__entity_inquiry_patient,
    .deleted = "match.status_changed",
    .members = match_members,
};

/* -- changes */

int
psm__inquiry_run_at(psm_tx *tx, const struct psm__policy *policy, int64_t id,
                    psm__decide_fn *decide, const void *wish,
                    const struct psm__now *at, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = policy,
	                        .verb =
	                            decide != NULL ? PSM__CHANGE : PSM__DELETE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish,
	                        .at = at};
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	return rc;
}

int
psm__inquiry_run(psm_tx *tx, const struct psm__policy *policy, int64_t id,
                 psm__decide_fn *decide, const void *wish, psm_error *err)
{
	return psm__inquiry_run_at(tx, policy, id, decide, wish, NULL, err);
}

int
psm__inquiry_make(psm_tx *tx, const struct psm__policy *policy,
                  psm__decide_fn *decide, const void *wish, int64_t *id,
                  psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = policy,
	                        .verb = PSM__MAKE,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish};
	int rc = psm__change_run(&c, err);

	*id = rc > 0 ? psm__row_int(&c.row, PSM__COLUMN_ID) : 0;
	psm__change_free(&c);
	return rc;
}

/* -- an inquiry, locked */

#define LOCK_SEARCHES                                                          \
	"SELECT FROM " SEARCH " WHERE id IN (SELECT platzsuche_id FROM " MATCH \
	" WHERE therapeutenanfrage_id = $1::integer) ORDER BY id FOR UPDATE"
#define LOCK_INQUIRY                                                            \
	"SELECT therapist_id, gesendet_datum, antwort_datum, storniert_datum, " \
	"notizen, fehlversuche FROM " INQUIRY                                   \
	" WHERE id = $1::integer FOR UPDATE"
#define LOCK_MATCHES                                                           \
	"SELECT m.id, m.platzsuche_id, m.patient_id, m.antwortergebnis, "      \
	"m.konflikt, m.ausschluss, s.status, s.erfolgreiche_anfrage_id, "      \
	"s.ausgeschlossene_therapeuten FROM " MATCH " m JOIN " SEARCH " s "    \
	"ON s.id = m.platzsuche_id WHERE m.therapeutenanfrage_id = "           \
	"$1::integer ORDER BY m.position_in_anfrage, m.id FOR UPDATE OF m"

static int
is_true(const char *text)
{
	return text != NULL && text[0] == 't';
}

static int
copy(char **out, const char *text, psm_error *err)
{
	*out = text != NULL ? psm__strdup(text) : NULL;
	return text == NULL || *out != NULL ? 0 : psm__nomem(err);
}

static int
read_match(const psm_rows *rows, size_t i, struct psm__inquiry_match *m,
           psm_error *err)
{
	m->id = psm_rows_int(rows, i, 0);
	m->search_id = psm_rows_int(rows, i, 1);
	m->patient_id = psm_rows_int(rows, i, 2);
	m->last = psm__outcome_find(psm_rows_text(rows, i, 3));
	m->conflict = is_true(psm_rows_text(rows, i, 4));
	m->excluding = is_true(psm_rows_text(rows, i, 5));
	m->search_status =
	    psm_search_status_from_name(psm_rows_text(rows, i, 6));
	if (psm_rows_text(rows, i, 7) != NULL)
		m->placed_by = psm_rows_int(rows, i, 7);
	return copy(&m->exclusions, psm_rows_text(rows, i, 8), err);
}

static int
read_inquiry(const psm_rows *rows, struct psm__inquiry *out, psm_error *err)
{
	const char *sent = psm_rows_text(rows, 0, 1);
	int rc;

	out->therapist_id = psm_rows_int(rows, 0, 0);
	out->state =
	    psm__inquiry_state(sent != NULL, psm_rows_text(rows, 0, 2) != NULL,
	                       psm_rows_text(rows, 0, 3) != NULL);
	rc = copy(&out->sent_at, sent, err);
	out->failures = psm_rows_int(rows, 0, 5);
	return rc == 0 ? copy(&out->notes, psm_rows_text(rows, 0, 4), err) : rc;
}

static int
read_matches(const psm_rows *rows, struct psm__inquiry *out, psm_error *err)
{
	size_t count = psm_rows_count(rows);
	int rc = 0;

	out->matches = psm__array(count + 1, sizeof(*out->matches));
	if (out->matches == NULL)
		return psm__nomem(err);
	out->count = count;
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = read_match(rows, i, &out->matches[i], err);
	return rc;
}

/* Each statement sees what those before it waited for. */
static int
lock(struct psm__inquiry *q, const char *id, psm_rows **inquiry,
     psm_rows **matches, psm_error *err)
{
	struct psm__param p = psm__param_text(id);
	int rc = psm__tx_queue(q->tx, LOCK_SEARCHES, 1, &p, NULL, err);

	if (rc == 0)
		rc = psm__tx_queue(q->tx, LOCK_INQUIRY, 1, &p, inquiry, err);
	if (rc == 0)
		rc = psm__tx_queue(q->tx, LOCK_MATCHES, 1, &p, matches, err);
	return rc == 0 ? psm__tx_sync(q->tx, err) : rc;
}

int
psm__inquiry_lock(psm_tx *tx, int64_t id, struct psm__inquiry *out,
                  psm_error *err)
{
	psm_rows *inquiry = NULL, *matches = NULL;
	struct psm__number n;
	int rc;

	memset(out, 0, sizeof(*out));
	out->tx = tx;
	out->id = id;
	out->now_us = psm_now_us();
	if (id < 1 || id > INT32_MAX)
		return psm__fail(err, PSM_ERR_NOT_FOUND, "Inquiry %s not found",
		                 psm__number(&n, id));
	rc = psm__app_now(tx, &out->now, err);
	if (rc == 0)
		rc = lock(out, psm__number(&n, id), &inquiry, &matches, err);
	if (rc == 0 && psm_rows_count(inquiry) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "Inquiry %s not found",
		               n.text);
	if (rc == 0)
		rc = read_inquiry(inquiry, out, err);
	if (rc == 0)
		rc = read_matches(matches, out, err);
	psm_rows_free(matches);
	psm_rows_free(inquiry);
	return rc;
}

void
psm__inquiry_free(struct psm__inquiry *q)
{
	for (size_t i = 0; i < q->count; i++)
		psm__free(q->matches[i].exclusions);
	psm__free(q->matches);
	psm__free(q->sent_at);
	psm__free(q->notes);
	memset(q, 0, sizeof(*q));
}

/* -- reading */

int
psm_inquiry_matches(psm_store *store, const char *query, char **out,
                    psm_error *err)
{
	return psm__own_list(store, "inquiry_patient", query, out, err);
}
