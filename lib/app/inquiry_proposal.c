/* SPDX-License-Identifier: BSD-2-Clause */
/* What was read of a therapist's mail is proposed as an answer: a person
 * confirms it, or refuses it. */
#include <string.h>

#include "app/inquiry.h"
#include "app/own_tx.h"
#include "domain/answer_text.h"
#include "json/json.h"
#include "store/store.h"

#define PROPOSAL "matching_service.antwortvorschlag"
#define INQUIRY "matching_service.therapeutenanfrage"
#define MATCH "matching_service.therapeut_anfrage_patient"
/* From here on a reading may be recorded without a person. */
#define SURE_ENOUGH 80

/* -- a reading as JSON */

static void
put_text(psm_json_writer *w, const char *name, const char *text)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, text[0] != '\0' ? text : NULL);
}

static int
write_reading(const struct psm__answer_reading *r, const int64_t *patients,
              size_t count, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	struct psm__number id;

	psm_json_write_object(w);
	psm_json_write_key(w, "patient_responses");
	psm_json_write_object(w);
	for (size_t i = 0; i < count; i++) {
		if (r->outcome[i] == NULL)
			continue;
		psm_json_write_key(w, psm__number(&id, patients[i]));
		psm_json_write_string(w, r->outcome[i]->word);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "missing_patient_ids");
	psm_json_write_array(w);
	for (size_t i = 0; i < count; i++) {
		if (r->outcome[i] == NULL)
			psm_json_write_int(w, patients[i]);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "abwesend");
	psm_json_write_bool(w, r->absent);
	put_text(w, "bis", r->until);
	psm_json_write_key(w, "konfidenz");
	psm_json_write_int(w, r->sure);
	psm_json_write_key(w, "worte");
	psm_json_write_array(w);
	for (size_t i = 0; i < r->words_count; i++)
		psm_json_write_string(w, r->words[i]);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

int
psm_inquiry_read_text(const char *subject, const char *text,
                      const int64_t *patients, size_t count, const char *today,
                      char **out, psm_error *err)
{
	struct psm__answer_reading r;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (out == NULL || (patients == NULL && count > 0) ||
	    count > PSM__ANSWER_PATIENTS_MAX || today == NULL ||
	    !psm__is_date(today))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want at most %d patients, today as a date, "
		                 "and out",
		                 PSM__ANSWER_PATIENTS_MAX);
	rc = psm__answer_text(subject, text, patients, count, today, &r, err);
	return rc == 0 ? write_reading(&r, patients, count, out, err) : rc;
}

/* -- a mail */

struct reply {
	psm_tx *tx;
	const psm_event *ev;
	const char *subject, *text;
	int64_t email_id, therapist_id;
	int64_t inquiry_id;
	int64_t patients[PSM__ANSWER_PATIENTS_MAX];
	size_t count;
	struct psm__now now;
	char day[11]; /* in Berlin, when it was written, as far as is known */
	psm_error *err;
};

static const char *
member(const psm_event *ev, const char *pointer)
{
	return psm_json_string(psm_json_at(psm_event_payload(ev), pointer));
}

/* A machine wrote it, whatever it says. */
static int
is_automatic(const psm_event *ev)
{
	const psm_json *v =
	    psm_json_at(psm_event_payload(ev), "/response_data/automatic");
	int automatic = 0;

	if (v == NULL || psm_json_get_bool(v, &automatic, NULL) < 0)
		return 0;
	return automatic;
}

static int64_t
number(const psm_event *ev, const char *pointer)
{
	const psm_json *v = psm_json_at(psm_event_payload(ev), pointer);
	int64_t n = 0;

	if (v == NULL || psm_json_get_int(v, &n, NULL) < 0)
		return 0;
	return n;
}

/* The one that the mail was about, else the one that is named: sent to this
 * therapist, without an answer. 1: found. */
static int
find_inquiry(struct reply *r)
{
	struct psm__number mail, therapist, named;
	const char *params[3] = {
	    psm__number(&mail, r->email_id),
	    psm__number(&therapist, r->therapist_id),
	    psm__number(&named, psm__answer_reference(r->subject, r->text))};
	int rc = psm__app_ask(
	    r->tx,
	    "SELECT id FROM " INQUIRY " WHERE (email_id = $1::bigint OR id = "
	    "$3::bigint) AND therapist_id = $2::bigint AND "
	    "gesendet_datum IS NOT NULL AND antwort_datum IS NULL ORDER BY "
	    "(email_id IS NOT DISTINCT FROM $1::bigint) DESC, id DESC LIMIT 1",
	    3, params, &r->inquiry_id, r->err);

	return rc == 0 ? r->inquiry_id > 0 : rc;
}

static int
find_patients(struct reply *r)
{
	struct psm__number n;
	const char *params[1] = {psm__number(&n, r->inquiry_id)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(r->tx,
	                     "SELECT DISTINCT patient_id FROM " MATCH
	                     " WHERE therapeutenanfrage_id = $1::integer ORDER "
	                     "BY patient_id LIMIT 100",
	                     1, params, &rows, r->err);

	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++)
		r->patients[r->count++] = psm_rows_int(rows, i, 0);
	psm_rows_free(rows);
	return rc;
}

/* 1: stored; 0: this event's is there already. */
static int
store(struct reply *r, const char *proposal, int sure, const char *status)
{
	struct psm__number inquiry, mail, surely;
	const char *params[7] = {
	    psm__number(&inquiry, r->inquiry_id),
	    r->email_id > 0 ? psm__number(&mail, r->email_id) : NULL,
	    psm_event_id(r->ev),
	    r->now.timestamp,
	    proposal,
	    psm__number(&surely, sure),
	    status};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    r->tx,
	    "INSERT INTO " PROPOSAL " (therapeutenanfrage_id, email_id, "
	    "event_id, erstellt_am, vorschlag, konfidenz, status, erledigt_am) "
	    "VALUES ($1::integer, $2::integer, $3, $4::timestamp, $5::jsonb, "
	    "$6::integer, $7, CASE WHEN $7 = 'offen' THEN NULL ELSE "
	    "$4::timestamp END) ON CONFLICT (event_id) DO NOTHING",
	    7, params, &rows, r->err);

	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

/* What the reading says of everybody is recorded at once. */
static int
apply(struct reply *r, const char *proposal)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(proposal, strlen(proposal), &doc, r->err);

	if (rc == 0)
		rc = psm__inquiry_answer(r->tx, r->inquiry_id, doc, NULL,
		                         r->err);
	psm_json_free(doc);
	return rc;
}

static int
propose(struct reply *r, const char *mode)
{
	struct psm__answer_reading read;
	char *proposal = NULL;
	int rc = psm__answer_text(r->subject, r->text, r->patients, r->count,
	                          r->day, &read, r->err);
	int sure;

	if (is_automatic(r->ev))
		read.sure = 0;
	sure = rc == 0 && strcmp(mode, "apply") == 0 && !read.absent &&
	       read.sure >= SURE_ENOUGH && r->count > 0;

	for (size_t i = 0; i < r->count; i++)
		sure = sure && read.outcome[i] != NULL;
	if (rc == 0)
		rc = write_reading(&read, r->patients, r->count, &proposal,
		                   r->err);
	if (rc == 0)
		rc =
		    store(r, proposal, read.sure, sure ? "angewandt" : "offen");
	if (rc > 0 && sure)
		rc = apply(r, proposal);
	psm__free(proposal);
	return rc < 0 ? rc : 0;
}

/* Days without a year, and "in 3 Wochen", are as of the mail's day, however late
 * it is read. */
static int
find_day(struct reply *r)
{
	const char *received = member(r->ev, "/response_data/received_at");
	int64_t us, event_us = psm_event_timestamp_us(r->ev);

	if (received == NULL ||
	    psm_time_parse(received, strlen(received), &us, NULL) < 0 ||
	    us > event_us)
		us = event_us;
	return psm__app_day(r->tx, us, r->day, r->err);
}

int
psm__mail_answered(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *mode =
	    psm_config_string(psm__tx_config(tx), "PSYMATCH_AUTO_RESPONSE");
	struct reply r = {.tx = tx, .ev = ev, .err = err};
	int rc;

	r.therapist_id = number(ev, "/therapist_id");
	r.email_id = number(ev, "/email_id");
	r.text = member(ev, "/response_data/text");
	if (r.text == NULL)
		r.text = member(ev, "/email_data/antwortinhalt");
	r.subject = member(ev, "/response_data/subject");
	if (r.subject == NULL)
		r.subject = member(ev, "/email_data/betreff");
	if (r.therapist_id <= 0 || r.text == NULL || strcmp(mode, "off") == 0)
		return 0;
	rc = find_inquiry(&r);
	if (rc <= 0)
		return rc;
	rc = find_patients(&r);
	if (rc == 0)
		rc = psm__app_now(tx, &r.now, err);
	if (rc == 0)
		rc = find_day(&r);
	return rc == 0 ? propose(&r, mode) : rc;
}

/* -- a person */

/* An open one, locked: its inquiry and what it proposes. */
static int
lock_proposal(psm_tx *tx, const char *id, psm_rows **rows, psm_error *err)
{
	int rc =
	    psm_tx_exec(tx,
	                "SELECT therapeutenanfrage_id, vorschlag, status "
	                "FROM " PROPOSAL " WHERE id = $1::bigint FOR UPDATE",
	                1, &id, rows, err);

	if (rc == 0 && psm_rows_count(*rows) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "Proposal %s not found",
		               id);
	if (rc == 0 && strcmp(psm_rows_text(*rows, 0, 2), "offen") != 0)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "proposal: want an open one, found one that is "
		               "done with");
	return rc;
}

static int
settle(psm_tx *tx, const char *id, const char *status, const char *reason,
       psm_error *err)
{
	struct psm__now now;
	const char *params[4] = {id, status, reason, NULL};
	int rc = psm__app_now(tx, &now, err);

	params[3] = now.timestamp;
	return rc < 0
	           ? rc
	           : psm_tx_exec(tx,
	                         "UPDATE " PROPOSAL " SET status = $2, grund "
	                         "= $3, erledigt_am = $4::timestamp WHERE "
	                         "id = $1::bigint",
	                         4, params, NULL, err);
}

/* What the person says, or else the proposal, is the answer. */
static int
confirm(psm_tx *tx, const char *id, const char *json, size_t len, char **out,
        psm_error *err)
{
	psm_rows *rows = NULL;
	psm_json *doc = NULL;
	int rc = lock_proposal(tx, id, &rows, err);

	if (rc == 0 && json == NULL) {
		json = psm_rows_text(rows, 0, 1);
		len = strlen(json);
	}
	if (rc == 0)
		rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = settle(tx, id, "bestaetigt", NULL, err);
	if (rc == 0)
		rc = psm__inquiry_answer(tx, psm_rows_int(rows, 0, 0), doc, out,
		                         err);
	psm_json_free(doc);
	psm_rows_free(rows);
	return rc;
}

int
psm_inquiry_proposal_confirm(psm_store *store, int64_t id, const char *json,
                             size_t len, char **out, psm_error *err)
{
	struct psm__number n;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = confirm(tx, psm__number(&n, id), json, len, out, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm_inquiry_proposal_refuse(psm_store *store, int64_t id, const char *reason,
                            psm_error *err)
{
	struct psm__number n;
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm__own_reason(reason, err);
	if (rc == 0)
		rc = lock_proposal(tx, psm__number(&n, id), &rows, err);
	if (rc == 0)
		rc = settle(tx, n.text, "verworfen", reason, err);
	psm_rows_free(rows);
	return psm__own_end(tx, rc, NULL, err);
}

int
psm_inquiry_proposals(psm_store *store, const char *status, int limit,
                      char **out, psm_error *err)
{
	struct psm__number n;
	const char *params[2] = {status, psm__number(&n, limit)};
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || out == NULL || limit < 1 || limit > 1000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want store, out, and a limit of 1 to 1000");
	rc = psm_store_exec(
	    store,
	    "SELECT coalesce(jsonb_agg(to_jsonb(x) || jsonb_build_object("
	    "'erstellt_am', replace(x.erstellt_am::text, ' ', 'T') || 'Z', "
	    "'erledigt_am', replace(x.erledigt_am::text, ' ', 'T') || 'Z') "
	    "ORDER BY x.id DESC), '[]')::text FROM (SELECT v.*, "
	    "i.therapist_id FROM " PROPOSAL " v JOIN " INQUIRY
	    " i ON i.id = v.therapeutenanfrage_id WHERE $1::text "
	    "IS NULL OR v.status = $1 ORDER BY v.id DESC LIMIT "
	    "$2::integer) x",
	    2, params, &rows, err);
	if (rc == 0) {
		*out = psm__strdup(psm_rows_text(rows, 0, 0));
		rc = *out != NULL ? 0 : psm__nomem(err);
	}
	psm_rows_free(rows);
	return rc;
}
