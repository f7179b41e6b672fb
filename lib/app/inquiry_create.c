/* SPDX-License-Identifier: BSD-2-Clause */
/* An inquiry is composed: the patients of an area who fit a therapist, the
 * longest waiting first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/candidates.h"
#include "app/inquiry.h"
#include "app/inquiry_choose.h"
#include "app/own_tx.h"
#include "json/json.h"
#include "store/store.h"

/* How often others may take away whom this one has chosen. */
#define TRIES 5

/* What one inquiry is made with. */
struct making {
	psm_tx *tx;
	int64_t therapist_id;
	struct psm__number therapist_text;
	const char *prefix, *override, *note, *strategy;
	struct psm__row therapist; /* of the copy, locked */
	struct psm__fit_terms terms;
	int least;
	struct psm__choosing fits;
	psm_error *err;
};

/* -- who may be asked */

static int
refuse(const struct making *m, const char *want, const char *found)
{
	return psm__fail(m->err, PSM_ERR_CONFLICT,
	                 "therapist: want one who %s, found one who %s", want,
	                 found);
}

static int
check_prefix(const struct making *m)
{
	const char *plz = psm__row_get(&m->therapist, PSM__THERAPIST_PLZ);
	size_t digits = (size_t)m->terms.digits;

	if (m->prefix == NULL || !psm__is_digits(m->prefix, digits)) {
		psm__fail(m->err, PSM_ERR_SCHEMA, "plz_prefix: want %d digits",
		          m->terms.digits);
		psm__error_fault(m->err, "/plz_prefix", "want %d digits",
		                 m->terms.digits);
		return PSM_ERR_SCHEMA;
	}
	if (plz == NULL || strncmp(plz, m->prefix, digits) != 0)
		return refuse(m, "practises in the postal area",
		              "practises elsewhere");
	return 0;
}

int
psm__inquiry_lock_therapist(psm_tx *tx, int64_t therapist_id, psm_error *err)
{
	struct psm__number id;
	const char *params[1] = {psm__number(&id, therapist_id)};

	/* 7463: the number of this lock */
	return psm_tx_exec(tx,
	                   "SELECT pg_advisory_xact_lock(7463, $1::integer)", 1,
	                   params, NULL, err);
}

static int
lock_therapist(struct making *m)
{
	int rc = psm__inquiry_lock_therapist(m->tx, m->therapist_id, m->err);

	if (rc == 0)
		rc = psm__copy_read(m->tx, &psm__entity_therapist,
		                    m->therapist_id, 0, &m->therapist, m->err);
	if (rc == 0)
		rc =
		    psm__fail(m->err, PSM_ERR_NOT_FOUND,
		              "Therapist %s not found", m->therapist_text.text);
	return rc < 0 ? rc : 0;
}

static int
check_therapist(struct making *m)
{
	const char *params[2] = {m->therapist_text.text,
	                         m->terms.pending_since};
	int64_t pending;
	int rc = check_prefix(m);

	if (rc < 0)
		return rc;
	if (psm__row_state(&m->therapist) != PSM_THERAPIST_AKTIV)
		return refuse(m, "is \"aktiv\"", "is not");
	if (m->override == NULL &&
	    psm__is_cooling(
		psm__row_get(&m->therapist,
	                     PSM__THERAPIST_NAECHSTER_KONTAKT_MOEGLICH),
		m->terms.day))
		return refuse(m, "may be asked today, or override_cooling",
		              "is left alone for some time");
	rc = psm__app_ask(m->tx,
	                  "SELECT count(*) FROM " PSM__PENDING("$1::integer",
	                                                       "$2::timestamp"),
	                  2, params, &pending, m->err);
	if (rc == 0 && pending > 0)
		rc = refuse(m, "has answered each inquiry",
		            "has one that was not sent or not answered");
	return rc;
}

/* -- the inquiry */

/* 1: all who were chosen still search, and will until the transaction ends. */
static int
lock_chosen(struct making *m)
{
	struct psm__buf list = {0};
	const char *params[1];
	psm_rows *rows = NULL;
	int rc;

	for (size_t i = 0; i < m->fits.count; i++)
		psm__buf_printf(&list, "%s%lld", i == 0 ? "{" : ",",
		                (long long)m->fits.chosen[i].search_id);
	psm__buf_puts(&list, "}");
	params[0] = list.data;
	rc = list.failed
	         ? psm__nomem(m->err)
	         : psm_tx_exec(m->tx,
	                       "SELECT id FROM matching_service.platzsuche "
	                       "WHERE id = ANY($1::integer[]) AND status = "
	                       "'aktiv' ORDER BY id FOR UPDATE",
	                       1, params, &rows, m->err);
	if (rc == 0)
		rc = psm_rows_count(rows) == m->fits.count;
	psm_rows_free(rows);
	psm__buf_free(&list);
	return rc;
}

/* 1: those who were chosen are locked, and would be chosen again: what others
 * changed before the lock is seen. */
static int
settle(struct making *m)
{
	const size_t count = m->fits.count;
	struct psm__chosen *before = psm__array(count, sizeof(*before));
	int rc = before == NULL ? psm__nomem(m->err) : lock_chosen(m);

	if (rc > 0) {
		memcpy(before, m->fits.chosen, count * sizeof(*before));
		rc = psm__choose(&m->fits);
		if (rc == 0)
			rc = m->fits.count == count &&
			     memcmp(before, m->fits.chosen,
			            count * sizeof(*before)) == 0;
	}
	psm__free(before);
	return rc;
}

static int
make_matches(const struct making *m, int64_t id)
{
	int64_t match;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < m->fits.count; i++) {
		struct psm__match_wish wish = {
		    .therapist_id = m->therapist_id,
		    .inquiry_id = id,
		    .search_id = m->fits.chosen[i].search_id,
		    .patient_id = m->fits.chosen[i].patient_id,
		    .position = (int64_t)i + 1};

		rc = psm__inquiry_make(m->tx, &psm__policy_match,
		                       psm__match_decide_make, &wish, &match,
		                       m->err);
	}
	return rc < 0 ? rc : 0;
}

static int
put_note(const struct making *m, struct psm__buf *b)
{
	if (m->override != NULL)
		psm__buf_printf(b,
		                "Asked before the end of the cooling "
		                "period: %s%s",
		                m->override, m->note != NULL ? "\n" : "");
	if (m->note != NULL)
		psm__buf_puts(b, m->note);
	return b->failed ? psm__nomem(m->err) : 0;
}

static int
make_inquiry(const struct making *m, int64_t *id)
{
	struct psm__buf note = {0};
	int64_t *patients = psm__array(m->fits.count, sizeof(*patients));
	struct psm__inquiry_wish wish = {.therapist_id = m->therapist_id,
	                                 .patient_ids = patients,
	                                 .size = m->fits.count,
	                                 .strategy =
	                                     psm__order_name(m->fits.order)};
	int rc = patients == NULL ? psm__nomem(m->err) : put_note(m, &note);

	wish.note = (struct psm__note){"API", note.data, psm_now_us()};
	for (size_t i = 0; rc == 0 && i < m->fits.count; i++)
		patients[i] = m->fits.chosen[i].patient_id;
	if (rc == 0)
		rc = psm__inquiry_make(m->tx, &psm__policy_inquiry,
		                       psm__inquiry_decide_make, &wish, id,
		                       m->err);
	if (rc >= 0)
		rc = make_matches(m, *id);
	psm__free(patients);
	psm__buf_free(&note);
	return rc;
}

static int
tell(const struct making *m, int64_t id, char **out)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "anfrage_id");
	if (id > 0)
		psm_json_write_int(w, id);
	else
		psm_json_write_null(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, m->therapist_id);
	psm_json_write_key(w, "plz_prefix");
	psm_json_write_string(w, m->prefix);
	psm_json_write_key(w, "anfragegroesse");
	psm_json_write_int(w, id > 0 ? (int64_t)m->fits.count : 0);
	psm_json_write_key(w, "patient_ids");
	psm_json_write_array(w);
	for (size_t i = 0; id > 0 && i < m->fits.count; i++)
		psm_json_write_int(w, m->fits.chosen[i].patient_id);
	psm_json_write_end(w);
	psm_json_write_key(w, "strategie");
	psm_json_write_string(w, psm__order_name(m->fits.order));
	psm_json_write_key(w, "geprueft");
	psm_json_write_int(w, (int64_t)m->fits.seen);
	psm__fit_write_counts(w, "gruende", m->fits.reasons, PSM__FIT_REASONS,
	                      psm__fit_reason_name);
	psm__fit_write_counts(w, "cannot_tell", m->fits.doubts, PSM__FIT_DOUBTS,
	                      psm__fit_doubt_name);
	psm_json_write_end(w);
	return psm__json_take(w, id > 0, out, m->err);
}

static int
prepare(struct making *m)
{
	const psm_config *cfg = psm__tx_config(m->tx);
	int rc = psm__fit_terms(m->tx, &m->terms, m->err);

	m->least = (int)psm_config_int(cfg, "MIN_ANFRAGE_SIZE");
	(void)psm__number(&m->therapist_text, m->therapist_id);
	if (rc == 0)
		rc = lock_therapist(m);
	if (rc == 0)
		rc = check_therapist(m);
	return rc < 0 ? rc
	              : psm__choosing_init(&m->fits, m->tx, &m->therapist,
	                                   m->prefix, m->strategy, &m->terms,
	                                   m->err);
}

static int
compose(struct making *m, char **out)
{
	int64_t id = 0;
	int rc = prepare(m), whole = 0;

	for (int n = 0; rc == 0 && !whole && n < TRIES; n++) {
		rc = psm__choose(&m->fits);
		if (rc == 0 && (int)m->fits.count >= m->least &&
		    m->fits.count > 0)
			rc = whole = settle(m);
		else
			whole = 1;
		rc = rc < 0 ? rc : 0;
	}
	if (rc == 0 && !whole)
		rc = psm__fail(m->err, PSM_ERR_RETRY,
		               "searches: others change them all the time");
	if (rc == 0 && (int)m->fits.count >= m->least && m->fits.count > 0)
		rc = make_inquiry(m, &id);
	if (rc == 0)
		rc = out != NULL ? tell(m, id, out) : id > 0;
	psm__choosing_free(&m->fits);
	psm__row_free(&m->therapist);
	return rc;
}

/* -- its options */

static int
fault(psm_error *err, const char *name, const char *want)
{
	char pointer[48];

	psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s", name, want);
	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	psm__error_fault(err, pointer, "want %s", want);
	return PSM_ERR_SCHEMA;
}

static int
read_text(const psm_json *doc, const char *name, const char **out,
          psm_error *err)
{
	const psm_json *v = psm__json_member(doc, name);

	*out = psm_json_string(v);
	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	return *out != NULL && !psm__text_is_blank(*out)
	           ? 0
	           : fault(err, name, "a text that is not blank");
}

static int
read_options(struct making *m, const psm_json *doc)
{
	int rc;

	if (doc == NULL)
		return 0;
	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return psm__fail(m->err, PSM_ERR_SCHEMA,
		                 "options: want an object");
	rc = read_text(doc, "override_cooling", &m->override, m->err);
	if (rc == 0)
		rc = read_text(doc, "notizen", &m->note, m->err);
	if (rc == 0)
		rc = read_text(doc, "strategie", &m->strategy, m->err);
	if (rc == 0 && m->strategy != NULL &&
	    psm__order_from_name(m->strategy) < 0)
		rc = fault(m->err, "strategie", "\"fifo\" or \"priority\"");
	return rc;
}

int
psm_inquiry_create(psm_store *store, int64_t therapist_id,
                   const char *plz_prefix, const char *options, size_t len,
                   char **out, psm_error *err)
{
	struct making m = {
	    .therapist_id = therapist_id, .prefix = plz_prefix, .err = err};
	psm_json *doc = NULL;
	int rc = psm__own_begin(store, &m.tx, out, err);

	if (rc == 0 && options != NULL)
		rc = psm_json_parse(options, len, &doc, err);
	if (rc == 0)
		rc = read_options(&m, doc);
	if (rc == 0 && (therapist_id < 1 || therapist_id > INT32_MAX))
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "therapist: there is no such number");
	if (rc == 0)
		rc = compose(&m, out);
	psm_json_free(doc);
	return psm__own_end(m.tx, rc, out, err);
}
