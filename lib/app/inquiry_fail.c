/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries whose mail or call failed after they were sent: they are to be sent
 * again, or cancelled; and those that the other service made meanwhile. */
#include <stdio.h>
#include <string.h>

#include "app/call.h"
#include "app/fit_pair.h"
#include "app/inquiry.h"
#include "app/inquiry_leave.h"
#include "app/mail.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "domain/answer_text.h"
#include "domain/call.h"

#define INQUIRY "matching_service.therapeutenanfrage"

/* Of an event: the mail or the call, and when it was. */
struct failure {
	psm_tx *tx;
	const psm_event *ev;
	int64_t id; /* of the mail or the call */
	struct psm__now at;
	struct psm__inquiry_wish wish;
	psm_error *err;
};

static int64_t
number(const psm_event *ev, const char *pointer)
{
	const psm_json *v = psm_json_at(psm_event_payload(ev), pointer);
	int64_t n = 0;

	if (v == NULL || psm_json_get_int(v, &n, NULL) < 0)
		return 0;
	return n;
}

static const char *
text(const psm_event *ev, const char *pointer)
{
	return psm_json_string(psm_json_at(psm_event_payload(ev), pointer));
}

static int
begin(struct failure *f, psm_tx *tx, const psm_event *ev, int by_mail,
      psm_error *err)
{
	int64_t time_us = psm_event_timestamp_us(ev);
	char when[32];

	*f = (struct failure){.tx = tx, .ev = ev, .err = err};
	f->id = number(ev, by_mail ? "/email_id" : "/call_id");
	f->wish.by_mail = by_mail;
	f->wish.therapist_id = number(ev, "/therapist_id");
	f->wish.note = (struct psm__note){"System", NULL, time_us};
	if (by_mail)
		f->wish.email_id = f->id;
	else
		f->wish.phone_call_id = f->id;
	psm__mail_time(time_us, when);
	(void)snprintf(f->at.timestamp, sizeof(f->at.timestamp), "%.26s", when);
	return psm__app_day(tx, time_us, f->at.today, err);
}

/* Nobody asks a therapist who was blocked or deleted meanwhile: what did not
 * reach him is cancelled, as it is when it was never sent. */
static int
cancel_if_blocked(const struct psm__inquiry *q, const struct psm__now *at,
                  int64_t at_us, psm_error *err)
{
	struct psm__row therapist = {0};
	int rc = psm__copy_read(q->tx, &psm__entity_therapist, q->therapist_id,
	                        1, &therapist, err);
	int gone = rc == 0, blocked = rc > 0 && psm__row_state(&therapist) ==
	                                            PSM_THERAPIST_GESPERRT;

	psm__row_free(&therapist);
	if (rc < 0 || (!gone && !blocked))
		return rc < 0 ? rc : 0;
	return psm__inquiry_cancel(q->tx, q->id,
	                           gone ? "the therapist is not known any more"
	                                : "the therapist is blocked",
	                           at, at_us, err);
}

/* It was with the therapist for a while: who has a place since, or does not fit
 * any more, does not wait in it again. */
static int
leave_unfit(const struct psm__inquiry *q, const struct psm__now *at,
            psm_error *err)
{
	struct psm__leave l = {.tx = q->tx,
	                       .reason = "the search has ended",
	                       .now = at != NULL ? at : &q->now};
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < q->count; i++) {
		const struct psm__inquiry_match *m = &q->matches[i];

		l.search_id = m->search_id;
		rc = m->search_status == PSM_SEARCH_AKTIV ||
		             m->search_status == PSM_SEARCH_PAUSIERT
		         ? psm__search_refit(q->tx, m->search_id, 0, l.now, err)
		         : psm__inquiry_leave(&l, q->id, err);
	}
	return rc < 0 ? rc : 0;
}

/* It is to be sent again, or cancelled. */
static int
settle_failed(const struct psm__inquiry *q, const struct psm__now *at,
              int64_t at_us, psm_error *err)
{
	int rc = cancel_if_blocked(q, at, at_us, err);

	return rc < 0 ? rc : leave_unfit(q, at, err);
}

/* Searches, inquiry, then the therapist's copy, as everybody locks them. */
static int
one(struct failure *f, int64_t id, psm__decide_fn *decide)
{
	struct psm__inquiry q;
	int rc = psm__inquiry_lock(f->tx, id, &q, f->err), changed;

	f->wish.size = q.count;
	if (rc == 0)
		rc = psm__inquiry_run_at(f->tx, &psm__policy_inquiry, id,
		                         decide, &f->wish, &f->at, f->err);
	changed = rc > 0;
	if (changed && decide == psm__inquiry_decide_fail)
		rc = settle_failed(&q, &f->at, f->wish.note.time_us, f->err);
	psm__inquiry_free(&q);
	return rc < 0 ? rc : changed;
}

/* Run a decision on each inquiry that sql finds by the number of the mail or
 * call ($1), the therapist ($2), and the inquiry that it names ($3). Count of
 * those that changed. */
static int
each(struct failure *f, const char *sql, int64_t named, psm__decide_fn *decide)
{
	struct psm__number id, therapist, inquiry;
	const char *params[3] = {psm__number(&id, f->id),
	                         psm__number(&therapist, f->wish.therapist_id),
	                         psm__number(&inquiry, named)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(f->tx, sql, 3, params, &rows, f->err), count = 0;

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = one(f, psm_rows_int(rows, i, 0), decide);
		count += rc > 0;
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : count;
}

#define FOUND "SELECT i.id FROM " INQUIRY " i WHERE "
/* By its number, or, while the job that hands it over has not told it yet, by
 * what it says. */
#define BY(column)                                                             \
	FOUND "(i." column " = $1::bigint OR (i.id = $3::bigint AND i."        \
	      "" column " IS NULL AND EXISTS (SELECT FROM psymatch.job j "     \
	      "WHERE j.kind = 'inquiry.send' AND j.key = i.id || CASE WHEN "   \
	      "i.fehlversuche > 0 THEN ':' || i.fehlversuche ELSE '' END AND " \
	      "j.state IN ('waiting', 'running')))) AND i.therapist_id = "     \
	      "$2::bigint ORDER BY i.id"

/* -- mails */

/* The last try failed: nobody knows (suspect), or it did not leave. */
static int
note_failed(struct failure *f, struct psm__buf *note, int suspect)
{
	const char *reason = text(f->ev, "/reason");

	psm__buf_printf(note,
	                suspect ? "Nobody knows whether the mail %lld was sent"
	                        : "Not sent: the mail %lld failed: %s",
	                (long long)f->id,
	                reason != NULL ? reason : "no reason is known");
	f->wish.note.text = note->data;
	return note->failed ? psm__nomem(f->err) : 0;
}

static int
is_true(const psm_event *ev, const char *pointer)
{
	const psm_json *v = psm_json_at(psm_event_payload(ev), pointer);
	int yes = 0;

	return v != NULL && psm_json_get_bool(v, &yes, NULL) == 0 && yes;
}

int
psm__mail_failed(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *subject = text(ev, "/email_data/betreff");
	int suspect = is_true(ev, "/suspect");
	struct psm__buf note = {0};
	struct failure f;
	int rc;

	if (text(ev, "/next_attempt_at") != NULL ||
	    number(ev, "/therapist_id") <= 0)
		return 0;
	rc = begin(&f, tx, ev, 1, err);
	if (rc == 0)
		rc = note_failed(&f, &note, suspect);
	if (rc == 0)
		rc = each(&f, BY("email_id"),
		          psm__answer_reference(subject, NULL),
		          suspect ? psm__inquiry_decide_note
		                  : psm__inquiry_decide_fail);
	psm__buf_free(&note);
	return rc < 0 ? rc : 0;
}

/* What was sent, or had failed for good, is known already. */
static int
had_still_to_be_sent(const psm_event *ev)
{
	const char *status = text(ev, "/status");

	return status != NULL && strcmp(status, "Gesendet") != 0 &&
	       (strcmp(status, "Fehlgeschlagen") != 0 ||
	        text(ev, "/next_attempt_at") != NULL);
}

#define BY_NUMBER                                                              \
	FOUND "i.email_id = $1::bigint AND i.therapist_id = $2::bigint AND "   \
	      "$3::bigint = 0 ORDER BY i.id"

/* Whoever deletes a mail that was still to be sent does not want it sent. No
 * inquiry names a mail that is gone. */
int
psm__mail_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct failure f;
	int rc;

	if (number(ev, "/therapist_id") <= 0)
		return 0;
	rc = begin(&f, tx, ev, 1, err);
	f.wish.note.text = "Not sent: its mail was deleted";
	if (rc == 0 && had_still_to_be_sent(ev))
		rc = each(&f, BY_NUMBER, 0, psm__inquiry_decide_fail);
	if (rc >= 0)
		rc = each(&f, BY_NUMBER, 0, psm__inquiry_decide_no_mail);
	return rc < 0 ? rc : 0;
}

/* A mail that had failed was sent after all, by whomever. */
int
psm__mail_left(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct failure f;
	int rc;

	if (number(ev, "/therapist_id") <= 0)
		return 0;
	rc = begin(&f, tx, ev, 1, err);
	f.wish.note.text = "Its mail was sent after all";
	if (rc == 0)
		rc = each(&f,
		          FOUND "i.email_id = $1::bigint AND i.therapist_id = "
		                "$2::bigint AND i.fehlversuche > 0 AND "
		                "$3::bigint = 0 ORDER BY i.id",
		          0, psm__inquiry_decide_left);
	return rc < 0 ? rc : 0;
}

/* -- calls */

int
psm__call_failed(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *status = text(ev, "/call_data/status");
	struct failure f;
	int rc = begin(&f, tx, ev, 0, err);
	int reached_nobody =
	    status != NULL && strcmp(status, "fehlgeschlagen") == 0;

	f.wish.note.text = reached_nobody ? "Not sent: the call reached nobody"
	                                  : "Not sent: the call was called off";
	if (rc == 0 && f.wish.therapist_id > 0)
		rc = each(&f, BY("phone_call_id"),
		          number(ev, "/call_data/therapeutenanfrage_id"),
		          psm__inquiry_decide_fail);
	/* A follow-up that reached nobody is tried again. */
	if (rc == 0 && reached_nobody)
		rc = psm__follow_up_lost(tx, f.id, err);
	return rc < 0 ? rc : 0;
}

/* Also a follow-up that took place is gone: another one may be planned. */
int
psm__phone_call_deleted(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *status = text(ev, "/status");
	struct failure f;
	int rc = begin(&f, tx, ev, 0, err);

	f.wish.note.text = "Not sent: its call was deleted";
	if (rc == 0 && f.wish.therapist_id > 0 && status != NULL &&
	    strcmp(status, "geplant") == 0)
		rc = each(&f, BY("phone_call_id"),
		          number(ev, "/therapeutenanfrage_id"),
		          psm__inquiry_decide_fail);
	return rc < 0 ? rc : psm__follow_up_lost(tx, f.id, err);
}

int
psm__call_left(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int64_t named = number(ev, "/call_data/therapeutenanfrage_id");
	struct failure f;
	int rc = named > 0 ? begin(&f, tx, ev, 0, err) : 0;

	if (rc < 0 || named <= 0)
		return rc;
	f.wish.note.text = "Its call took place after all";
	rc = each(&f,
	          FOUND "i.id = $3::bigint AND i.therapist_id = $2::bigint AND "
	                "i.fehlversuche > 0 AND i.versandweg = 'phone_call' "
	                "AND i.gesendet_datum IS NULL "
	                "AND $1::bigint > 0 ORDER BY i.id",
	          named, psm__inquiry_decide_left);
	return rc < 0 ? rc : 0;
}

/* -- by a worker, or a person */

int
psm_inquiry_not_sent(psm_tx *tx, int64_t id, const char *reason, psm_error *err)
{
	struct psm__inquiry_wish wish = {0};
	struct psm__inquiry q = {0};
	struct psm__buf note = {0};
	int rc, changed;

	psm__error_clear(err);
	if (tx == NULL || psm__text_is_blank(reason))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "tx is NULL, or reason is NULL or blank");
	rc = psm__own_reason(reason, err);
	if (rc < 0)
		return rc;
	psm__buf_printf(&note, "Not sent: %s", reason);
	wish.note = (struct psm__note){"System", note.data, psm_now_us()};
	rc = note.failed ? psm__nomem(err) : psm__inquiry_lock(tx, id, &q, err);
	if (rc == 0)
		rc = psm__inquiry_run(tx, &psm__policy_inquiry, id,
		                      psm__inquiry_decide_fail, &wish, err);
	changed = rc > 0;
	if (changed)
		rc = settle_failed(&q, NULL, wish.note.time_us, err);
	psm__inquiry_free(&q);
	psm__buf_free(&note);
	return rc < 0 ? rc : changed;
}

int
psm_inquiry_handed_over(psm_tx *tx, int64_t id, int64_t email_id,
                        int64_t phone_call_id, psm_error *err)
{
	struct psm__inquiry_wish wish = {.email_id = email_id,
	                                 .phone_call_id = phone_call_id};
	int rc;

	psm__error_clear(err);
	if (tx == NULL || email_id < 0 || email_id > INT32_MAX ||
	    phone_call_id < 0 || phone_call_id > INT32_MAX ||
	    (email_id > 0) == (phone_call_id > 0))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction and the number of a mail "
		                 "or of a call");
	rc = psm__inquiry_run(tx, &psm__policy_inquiry, id,
	                      psm__inquiry_decide_handed, &wish, err);
	if (rc > 0 && email_id > 0) {
		int told = psm__inquiry_ask_to_send(tx, email_id, err);

		rc = told < 0 ? told : rc;
	}
	return rc;
}
