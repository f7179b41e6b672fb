/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/inquiry_rows.h"

#include <string.h>

static int
set_number(struct psm__row *row, int column, int64_t value, psm_error *err)
{
	struct psm__number n;

	return psm__row_change(row, column, psm__number(&n, value), err);
}

/* 0: none yet. */
static int
set_id(struct psm__row *row, int column, int64_t value, psm_error *err)
{
	return value > 0 ? set_number(row, column, value, err)
	                 : psm__row_change(row, column, NULL, err);
}

static int
set_flag(struct psm__row *row, int column, int value, psm_error *err)
{
	return psm__row_change(row, column, value ? "t" : "f", err);
}

static int
append(struct psm__row *row, int column, const struct psm__note *note,
       psm_error *err)
{
	char *text = NULL;
	int rc;

	if (note->text == NULL || note->text[0] == '\0')
		return 0;
	rc = psm_note_append(psm__row_get(row, column), note->time_us,
	                     note->author, note->text, &text, err);
	if (rc == 0)
		rc = psm__row_change(row, column, text, err);
	psm__free(text);
	return rc;
}

/* A step from state to state, and the event that tells of it. */
static int
move(struct psm__row *row, int from, int to, const struct psm__now *now,
     struct psm__events *ev, psm_error *err)
{
	const char *event;
	int rc = psm__row_move(row, from, to, now, &event, err);

	if (rc == 0)
		psm__events_add(ev, event);
	return rc;
}

/* -- inquiries */

int
psm__inquiry_decide_make(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int rc =
	    set_number(row, PSM__INQUIRY_THERAPIST_ID, w->therapist_id, err);

	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_ANFRAGEGROESSE,
		                (int64_t)w->size, err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__INQUIRY_STRATEGIE, w->strategy,
		                     err);
	if (rc == 0)
		rc = append(row, PSM__INQUIRY_NOTIZEN, &w->note, err);
	if (rc == 0)
		rc = psm__row_defaults(row, err);
	return rc == 0 ? move(row, -1, PSM_INQUIRY_UNSENT, now, ev, err) : rc;
}

/* The size of an adopted inquiry may tell of people who are gone since. */
int
psm__inquiry_decide_send(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int rc = move(row, psm__row_state(row), PSM_INQUIRY_SENT, now, ev, err);

	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_ANFRAGEGROESSE,
		                (int64_t)w->size, err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__INQUIRY_VERSANDWEG,
		                     w->by_mail ? "email" : "phone_call", err);
	if (rc == 0 && w->by_mail)
		rc = set_id(row, PSM__INQUIRY_EMAIL_ID, w->email_id, err);
	else if (rc == 0)
		rc = set_id(row, PSM__INQUIRY_PHONE_CALL_ID, w->phone_call_id,
		            err);
	return rc == 0 ? append(row, PSM__INQUIRY_NOTIZEN, &w->note, err) : rc;
}

static int
set_counts(struct psm__row *row, const struct psm__inquiry_wish *w,
           psm_error *err)
{
	int rc = set_number(row, PSM__INQUIRY_ANGENOMMEN_ANZAHL,
	                    w->counts[PSM__ACCEPTED], err);

	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_ABGELEHNT_ANZAHL,
		                w->counts[PSM__REJECTED], err);
	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_KEINE_ANTWORT_ANZAHL,
		                w->counts[PSM__UNANSWERED], err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__INQUIRY_ANTWORTTYP,
		                     psm__answer_type(w->counts), err);
	return rc == 0 ? set_number(row, PSM__INQUIRY_ANFRAGEGROESSE,
	                            (int64_t)w->size, err)
	               : rc;
}

/* A correction keeps the date of the answer. */
int
psm__inquiry_decide_answer(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	const char *event;
	int rc =
	    w->correction
		? psm__row_correct(row, PSM_INQUIRY_ANSWERED, now, &event, err)
		: psm__row_move(row, psm__row_state(row), PSM_INQUIRY_ANSWERED,
	                        now, &event, err);

	if (rc < 0)
		return rc;
	psm__events_add(ev, event);
	rc = set_counts(row, w, err);
	return rc == 0 ? append(row, PSM__INQUIRY_NOTIZEN, &w->note, err) : rc;
}

int
psm__inquiry_decide_cancel(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int rc =
	    move(row, psm__row_state(row), PSM_INQUIRY_CANCELLED, now, ev, err);

	if (rc == 0)
		rc = psm__row_change(row, PSM__INQUIRY_STORNIERT_GRUND,
		                     w->reason, err);
	return rc == 0 ? append(row, PSM__INQUIRY_NOTIZEN, &w->note, err) : rc;
}

/* 1: the mail or the call is what it was sent by. A mail of another database may
 * be known before the row has its number; but of a row that was adopted without
 * a way nobody knows that it was a mail. */
static int
is_sent_by(const struct psm__row *row, const struct psm__inquiry_wish *w)
{
	const char *way = psm__row_get(row, PSM__INQUIRY_VERSANDWEG);
	int column =
	    w->by_mail ? PSM__INQUIRY_EMAIL_ID : PSM__INQUIRY_PHONE_CALL_ID;
	int64_t id = w->by_mail ? w->email_id : w->phone_call_id;

	if (way == NULL ? !w->by_mail
	                : (strcmp(way, "email") == 0) != w->by_mail)
		return 0;
	if (psm__row_get(row, column) == NULL)
		return way != NULL;
	return psm__row_int(row, column) == id;
}

int
psm__inquiry_decide_fail(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int state = psm__row_state(row),
	    any = !w->email_id && !w->phone_call_id;
	int rc;

	if (state != PSM_INQUIRY_SENT || (!any && !is_sent_by(row, w)))
		return 0;
	rc = move(row, state, PSM_INQUIRY_UNSENT, now, ev, err);
	if (rc == 0 && w->email_id > 0)
		rc = set_number(row, PSM__INQUIRY_EMAIL_ID, w->email_id, err);
	if (rc == 0 && w->phone_call_id > 0) /* it is no follow-up to come */
		rc =
		    psm__row_change(row, PSM__INQUIRY_PHONE_CALL_ID, NULL, err);
	return rc == 0 ? append(row, PSM__INQUIRY_NOTIZEN, &w->note, err) : rc;
}

int
psm__inquiry_decide_no_mail(struct psm__row *row, const void *wish,
                            const struct psm__now *now, struct psm__events *ev,
                            psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;

	(void)now; /* no date tells of it, */
	(void)ev;  /* the mail's own event did */
	return psm__row_int(row, PSM__INQUIRY_EMAIL_ID) == w->email_id
	           ? psm__row_change(row, PSM__INQUIRY_EMAIL_ID, NULL, err)
	           : 0;
}

int
psm__inquiry_decide_left(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int state = psm__row_state(row);

	if (state == PSM_INQUIRY_UNSENT)
		return psm__inquiry_decide_send(row, w, now, ev, err);
	return state == PSM_INQUIRY_CANCELLED
	           ? append(row, PSM__INQUIRY_NOTIZEN, &w->note, err)
	           : 0;
}

int
psm__inquiry_decide_handed(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;
	int column = w->email_id > 0 ? PSM__INQUIRY_EMAIL_ID
	                             : PSM__INQUIRY_PHONE_CALL_ID;

	(void)now; /* it was sent before */
	(void)ev;  /* and that was told */
	if (psm__row_get(row, column) != NULL)
		return 0;
	return set_number(
	    row, column, w->email_id > 0 ? w->email_id : w->phone_call_id, err);
}

int
psm__inquiry_decide_note(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__inquiry_wish *w = wish;

	(void)now; /* as above */
	(void)ev;
	return append(row, PSM__INQUIRY_NOTIZEN, &w->note, err);
}

/* -- matches */

int
psm__match_decide_make(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	const struct psm__match_wish *w = wish;
	int rc = set_number(row, PSM__INQUIRY_PATIENT_THERAPEUTENANFRAGE_ID,
	                    w->inquiry_id, err);

	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_PATIENT_PLATZSUCHE_ID,
		                w->search_id, err);
	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_PATIENT_PATIENT_ID,
		                w->patient_id, err);
	if (rc == 0)
		rc = set_number(row, PSM__INQUIRY_PATIENT_POSITION_IN_ANFRAGE,
		                w->position, err);
	if (rc == 0)
		rc = psm__row_defaults(row, err);
	return rc == 0 ? move(row, -1, 0, now, ev, err) : rc;
}

int
psm__match_decide_answer(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	const struct psm__match_wish *w = wish;
	int from = psm__row_state(row);
	int to = psm__word_index(psm__words_anfrage_patient_status,
	                         w->outcome->status);
	int rc = from == to ? 0 : move(row, from, to, now, ev, err);

	if (rc == 0)
		rc = psm__row_change(row, PSM__INQUIRY_PATIENT_ANTWORTERGEBNIS,
		                     w->outcome->word, err);
	if (rc == 0 && w->notes != NULL)
		rc = psm__row_change(row, PSM__INQUIRY_PATIENT_ANTWORTNOTIZEN,
		                     w->notes, err);
	if (rc == 0)
		rc = set_flag(row, PSM__INQUIRY_PATIENT_KONFLIKT, w->conflict,
		              err);
	if (rc == 0)
		rc = set_flag(row, PSM__INQUIRY_PATIENT_AUSSCHLUSS,
		              w->excluding, err);
	return rc;
}

int
psm__match_decide_inherit(struct psm__row *row, const void *wish,
                          const struct psm__now *now, struct psm__events *ev,
                          psm_error *err)
{
	(void)wish; /* there is none */
	(void)now;
	(void)ev; /* its status stays */
	return set_flag(row, PSM__INQUIRY_PATIENT_KONFLIKT, 0, err);
}

int
psm__match_decide_exclude(struct psm__row *row, const void *wish,
                          const struct psm__now *now, struct psm__events *ev,
                          psm_error *err)
{
	(void)wish; /* as above */
	(void)now;
	(void)ev;
	return set_flag(row, PSM__INQUIRY_PATIENT_AUSSCHLUSS, 1, err);
}

int
psm__match_decide_withdraw(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err)
{
	(void)row; /* stays, and so it needs none of these */
	(void)wish;
	(void)now;
	(void)err;
	psm__events_add(ev, "match.status_changed");
	return 0;
}

/* -- searches */

static int
change_list(struct psm__row *row, const struct psm__search_wish *w,
            psm_error *err)
{
	const int column = PSM__SEARCH_AUSGESCHLOSSENE_THERAPEUTEN;
	const char *text = psm__row_get(row, column);
	psm_json *list = NULL;
	char *fresh = NULL;
	int rc =
	    text == NULL ? 0 : psm_json_parse(text, strlen(text), &list, err);

	if (rc == 0 && w->effect.exclude > 0)
		rc = psm_exclusion_add(list, w->therapist_id, w->note.time_us,
		                       w->reason, &fresh, err);
	else if (rc == 0)
		rc = psm__exclusion_remove(list, w->therapist_id, &fresh, err);
	if (rc > 0)
		rc = psm__row_change(row, column, fresh, err);
	psm__free(fresh);
	psm_json_free(list);
	return rc;
}

static int
lose_place(struct psm__row *row, const struct psm__search_wish *w,
           const struct psm__now *now, struct psm__events *ev, psm_error *err)
{
	const char *event;
	int rc;

	if (w->heir > 0)
		return set_number(row, PSM__SEARCH_ERFOLGREICHE_ANFRAGE_ID,
		                  w->heir, err);
	rc = psm__row_correct(row,
	                      w->searches_again || w->deleted
	                          ? PSM_SEARCH_ABGEBROCHEN
	                          : PSM_SEARCH_AKTIV,
	                      now, &event, err);
	if (rc == 0)
		psm__events_add(ev, event);
	return rc;
}

int
psm__search_decide_answer(struct psm__row *row, const void *wish,
                          const struct psm__now *now, struct psm__events *ev,
                          psm_error *err)
{
	const struct psm__search_wish *w = wish;
	int rc = w->effect.exclude != 0 ? change_list(row, w, err) : 0;

	if (rc == 0 && w->effect.place > 0) {
		rc = move(row, psm__row_state(row), PSM_SEARCH_ERFOLGREICH, now,
		          ev, err);
		if (rc == 0)
			rc =
			    set_number(row, PSM__SEARCH_ERFOLGREICHE_ANFRAGE_ID,
			               w->inquiry_id, err);
	} else if (rc == 0 && w->effect.place < 0) {
		rc = lose_place(row, w, now, ev, err);
	}
	return rc == 0 ? append(row, PSM__SEARCH_NOTIZEN, &w->note, err) : rc;
}
