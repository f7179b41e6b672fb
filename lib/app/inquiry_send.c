/* SPDX-License-Identifier: BSD-2-Clause */
/* An inquiry goes to its therapist, by mail or as a call that is planned, once.
 */
#include <stdio.h>
#include <string.h>

#include <psymatch/jobs.h>

#include "app/call.h"
#include "app/fit_pair.h"
#include "app/inquiry.h"
#include "app/inquiry_leave.h"
#include "app/mail.h"
#include "app/own_tx.h"
#include "domain/inquiry_mail.h"
#include "json/json.h"

struct sending {
	struct psm__inquiry q;
	struct psm__row therapist;
	struct psm__row *patients; /* by their places; owned */
	size_t count;
	const char *override;
	psm_mail_render_fn render;
	void *user;
	int64_t email_id, phone_call_id;
	psm_error *err;
};

/* Who has no mail address is called. */
static int
by_mail(const struct sending *s)
{
	return !psm__text_is_blank(
	    psm__row_get(&s->therapist, PSM__THERAPIST_EMAIL));
}

/* -- whether it may go */

static int
check_state(const struct sending *s)
{
	const struct psm__inquiry *q = &s->q;

	if (q->state == PSM_INQUIRY_UNSENT)
		return 0;
	if (q->sent_at != NULL)
		return psm__fail(s->err, PSM_ERR_TRANSITION,
		                 "inquiry: want one that was not sent, found "
		                 "one that was already sent at %.10sT%sZ "
		                 "(sent_date)",
		                 q->sent_at, q->sent_at + 11);
	return psm__fail(s->err, PSM_ERR_TRANSITION,
	                 "inquiry: want one that was not sent, found one that "
	                 "was cancelled");
}

static int
refuse(const struct sending *s, const char *want, const char *found)
{
	return psm__fail(s->err, PSM_ERR_CONFLICT,
	                 "therapist: want one who %s, found one who %s", want,
	                 found);
}

static int
check_therapist(struct sending *s)
{
	const struct psm__row *t = &s->therapist;
	int rc = psm__copy_read(s->q.tx, &psm__entity_therapist,
	                        s->q.therapist_id, 1, &s->therapist, s->err);

	if (rc < 0)
		return rc;
	if (rc == 0)
		return psm__fail(s->err, PSM_ERR_CONFLICT,
		                 "therapist: want one who is known, found "
		                 "nobody of this number");
	if (psm__row_state(t) != PSM_THERAPIST_AKTIV)
		return refuse(s, "is \"aktiv\"", "is not");
	if (s->override == NULL &&
	    psm__is_cooling(
		psm__row_get(t, PSM__THERAPIST_NAECHSTER_KONTAKT_MOEGLICH),
		s->q.now.today))
		return refuse(s, "may be asked today, or override_cooling",
		              "is left alone for some time");
	if (psm__text_is_blank(psm__row_get(t, PSM__THERAPIST_EMAIL)) &&
	    psm__text_is_blank(psm__row_get(t, PSM__THERAPIST_TELEFON)))
		return refuse(s, "has a mail address or a telephone",
		              "has neither");
	return 0;
}

/* -- who goes with it */

static int
leave(struct sending *s, const struct psm__inquiry_match *m, const char *why)
{
	struct psm__leave l = {.tx = s->q.tx,
	                       .search_id = m->search_id,
	                       .reason = why,
	                       .now = &s->q.now};
	int rc = psm__inquiry_leave(&l, s->q.id, s->err);

	return rc < 0 ? rc : 0;
}

/* What an inquiry was composed of may have changed since, most of all when its
 * first mail failed; but no area is asked for here, as when a person composed
 * it. 1: left; 0: still fits. */
static int
leave_unfit(struct sending *s, const struct psm__fit_terms *terms,
            const struct psm__inquiry_match *m, const struct psm__row *patient)
{
	struct psm__fit_result fit = {0};
	struct psm__buf why = {0};
	int rc = psm__fit_rows(s->q.tx, terms, m->exclusions, patient,
	                       &s->therapist, &fit, NULL, s->err);

	fit.failed &= ~(1u << PSM__FIT_AREA);
	if (rc < 0 || fit.failed == 0)
		return rc;
	psm__fit_put_failed(&why, &fit);
	rc = why.failed ? psm__nomem(s->err) : leave(s, m, why.data);
	psm__buf_free(&why);
	return rc < 0 ? rc : 1;
}

/* 1: the patient goes with it. Whose search is over, who is not known, and who
 * does not fit any more leaves first; or an error. */
static int
gather_one(struct sending *s, const struct psm__fit_terms *terms,
           const struct psm__inquiry_match *m)
{
	struct psm__row *patient = &s->patients[s->count];
	int rc;

	if (m->search_status != PSM_SEARCH_AKTIV)
		return leave(s, m, "the search is not active any more");
	rc = psm__copy_read(s->q.tx, &psm__entity_patient, m->patient_id, 0,
	                    patient, s->err);
	if (rc == 0)
		return leave(s, m, "the patient is not known any more");
	if (rc > 0)
		rc = leave_unfit(s, terms, m, patient);
	if (rc == 0)
		return 1;
	psm__row_free(patient);
	return rc < 0 ? rc : 0;
}

static int
gather(struct sending *s)
{
	struct psm__fit_terms terms;
	int rc = psm__fit_terms(s->q.tx, &terms, s->err);

	if (rc < 0)
		return rc;
	s->patients = psm__array(s->q.count + 1, sizeof(*s->patients));
	if (s->patients == NULL)
		return psm__nomem(s->err);
	for (size_t i = 0; rc >= 0 && i < s->q.count; i++) {
		rc = gather_one(s, &terms, &s->q.matches[i]);
		s->count += rc > 0;
	}
	return rc < 0 ? rc : 0;
}

/* -- by mail */

static void
put(psm_json_writer *w, const char *name, const char *text)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, text);
}

/* {"therapist_id", "betreff", ..}, ready for the queue. */
static int
write_mail(const struct sending *s, const char *subject, const char *html,
           const char *text, char **out)
{
	char *name = psm__inquiry_addressee(&s->therapist);
	psm_json_writer *w = psm_json_writer_new();
	char betreff[64];
	int rc;

	(void)snprintf(betreff, sizeof(betreff),
	               "Suche Psychotherapieplätze - Ref: A%lld",
	               (long long)s->q.id);
	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, s->q.therapist_id);
	put(w, "betreff", subject != NULL ? subject : betreff);
	put(w, "inhalt_html", html);
	put(w, "inhalt_text", text);
	put(w, "empfaenger_email",
	    psm__row_get(&s->therapist, PSM__THERAPIST_EMAIL));
	put(w, "empfaenger_name", name);
	put(w, "status", "In_Warteschlange");
	psm_json_write_end(w);
	if (name == NULL)
		(void)psm__nomem(s->err); /* recorded for the caller */
	rc = name == NULL ? PSM_ERR_NOMEM : 0;
	psm__free(name);
	return psm__json_take(w, rc, out, s->err);
}

/* The template is the platform's: what is wrong with it is no fault of the
 * request, and no sign that there is no such inquiry. */
static int
template_fault(int rc, psm_error *err)
{
	char why[512];

	if (rc != PSM_ERR_NOT_FOUND && rc != PSM_ERR_PARSE &&
	    rc != PSM_ERR_SCHEMA)
		return rc;
	(void)snprintf(why, sizeof why, "%s", psm_error_message(err));
	psm__error_clear(err);
	return psm__fail(err, PSM_ERR_CONFIG, "%s", why);
}

static int
make_text(const struct sending *s, char **mail)
{
	char *values = NULL, *subject = NULL, *html = NULL, *text = NULL;
	int rc;

	if (s->render == NULL)
		return psm__fail(s->err, PSM_ERR_INVAL,
		                 "render is NULL, and the therapist is to get "
		                 "a mail");
	rc =
	    psm__inquiry_mail_values(s->q.id, &s->therapist, s->patients,
	                             s->count, s->q.now.today, &values, s->err);
	if (rc == 0)
		rc = template_fault(s->render("psychotherapie_anfrage", values,
		                              &subject, &html, &text, s->user,
		                              s->err),
		                    s->err);
	if (rc >= 0)
		rc = write_mail(s, subject, html, text, mail);
	psm_free(text);
	psm_free(html);
	psm_free(subject);
	psm__free(values);
	return rc;
}

/* -- as a call */

static int
write_call(const struct sending *s, char **out)
{
	psm_json_writer *w = psm_json_writer_new();
	char note[64];

	(void)snprintf(note, sizeof(note), "Anfrage A%lld", (long long)s->q.id);
	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, s->q.therapist_id);
	psm_json_write_key(w, "therapeutenanfrage_id");
	psm_json_write_int(w, s->q.id);
	put(w, "notizen", note);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, s->err);
}

/* The communication service's tables are here, or a job hands it over. */
static int
hand_over(struct sending *s, const char *text)
{
	psm_json *doc = NULL;
	char key[64];
	int rc = psm__app_has_table(s->q.tx,
	                            by_mail(s)
	                                ? "communication_service.emails"
	                                : "communication_service.telefonanrufe",
	                            s->err);

	/* What failed is not made again, another one is. */
	(void)snprintf(key, sizeof(key), "inquiry:%lld", (long long)s->q.id);
	if (s->q.failures > 0)
		(void)snprintf(key + strlen(key), 24, ":%lld",
		               (long long)s->q.failures);
	if (rc == 0) {
		rc = psm_jobs_add(s->q.tx, "inquiry.send", key + 8, text, NULL,
		                  s->err);
		return rc < 0 ? rc : 0;
	}
	if (rc > 0)
		rc = psm_json_parse(text, strlen(text), &doc, s->err);
	if (rc == 0 && by_mail(s))
		rc = psm__mail_make(s->q.tx, doc, key, &s->email_id, s->err);
	else if (rc == 0)
		rc = psm__call_make(s->q.tx, doc, key, &s->phone_call_id,
		                    s->err);
	psm_json_free(doc);
	return rc < 0 ? rc : 0;
}

static int
communicate(struct sending *s)
{
	char *text = NULL;
	int rc = by_mail(s) ? make_text(s, &text) : write_call(s, &text);

	if (rc == 0)
		rc = hand_over(s, text);
	psm__free(text);
	return rc;
}

/* -- the inquiry */

static int
mark(struct sending *s)
{
	struct psm__inquiry_wish wish = {.therapist_id = s->q.therapist_id,
	                                 .by_mail = by_mail(s),
	                                 .email_id = s->email_id,
	                                 .phone_call_id = s->phone_call_id,
	                                 .size = s->count};
	struct psm__buf note = {0};
	int rc;

	if (s->override != NULL)
		psm__buf_printf(&note,
		                "Sent before the end of the cooling period: %s",
		                s->override);
	wish.note = (struct psm__note){"API", note.data, s->q.now_us};
	rc = note.failed
	         ? psm__nomem(s->err)
	         : psm__inquiry_run_at(s->q.tx, &psm__policy_inquiry, s->q.id,
	                               psm__inquiry_decide_send, &wish,
	                               &s->q.now, s->err);
	psm__buf_free(&note);
	if (rc >= 0 && s->email_id > 0)
		rc = psm__inquiry_ask_to_send(s->q.tx, s->email_id, s->err);
	return rc < 0 ? rc : 0;
}

static void
put_id(psm_json_writer *w, const char *name, int64_t id)
{
	psm_json_write_key(w, name);
	if (id > 0)
		psm_json_write_int(w, id);
	else
		psm_json_write_null(w);
}

static int
tell(const struct sending *s, char **out)
{
	psm_json_writer *w = psm_json_writer_new();
	char when[40];

	(void)snprintf(when, sizeof(when), "%.10sT%.15sZ", s->q.now.timestamp,
	               s->q.now.timestamp + 11);
	psm_json_write_object(w);
	put_id(w, "anfrage_id", s->q.id);
	psm_json_write_key(w, "gesendet");
	psm_json_write_bool(w, s->count > 0);
	psm_json_write_key(w, "anfragegroesse");
	psm_json_write_int(w, (int64_t)s->count);
	put(w, "communication_type",
	    s->count == 0 ? NULL : (by_mail(s) ? "email" : "phone_call"));
	put_id(w, "email_id", s->email_id);
	put_id(w, "phone_call_id", s->phone_call_id);
	put(w, "sent_date", s->count > 0 ? when : NULL);
	psm_json_write_end(w);
	return psm__json_take(w, s->count > 0, out, s->err);
}

/* Who all left have cancelled it. */
static int
send_it(struct sending *s, psm_tx *tx, int64_t id, char **out)
{
	int rc = psm__inquiry_lock(tx, id, &s->q, s->err);

	if (rc == 0)
		rc = check_state(s);
	if (rc == 0)
		rc = check_therapist(s);
	if (rc == 0)
		rc = gather(s);
	if (rc == 0 && s->q.count == 0)
		rc = psm__inquiry_cancel(tx, id, "nobody is in it", NULL,
		                         s->q.now_us, s->err);
	if (rc == 0 && s->count > 0)
		rc = communicate(s);
	if (rc == 0 && s->count > 0)
		rc = mark(s);
	if (rc < 0)
		return rc;
	return out != NULL ? tell(s, out) : s->count > 0;
}

static int
read_options(struct sending *s, const psm_json *doc)
{
	const psm_json *v;

	if (doc == NULL)
		return 0;
	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return psm__fail(s->err, PSM_ERR_SCHEMA,
		                 "options: want an object");
	v = psm__json_member(doc, "override_cooling");
	s->override = psm_json_string(v);
	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL ||
	    (s->override != NULL && !psm__text_is_blank(s->override)))
		return 0;
	psm__fail(s->err, PSM_ERR_SCHEMA,
	          "override_cooling: want a text that is not blank");
	psm__error_fault(s->err, "/override_cooling",
	                 "want a text that is not blank");
	return PSM_ERR_SCHEMA;
}

int
psm_inquiry_send(psm_store *store, int64_t id, const char *options, size_t len,
                 psm_mail_render_fn render, void *user, char **out,
                 psm_error *err)
{
	struct sending s = {.render = render, .user = user, .err = err};
	psm_json *doc = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0 && options != NULL)
		rc = psm_json_parse(options, len, &doc, err);
	if (rc == 0)
		rc = read_options(&s, doc);
	if (rc == 0)
		rc = send_it(&s, tx, id, out);
	for (size_t i = 0; s.patients != NULL && i < s.count; i++)
		psm__row_free(&s.patients[i]);
	psm__free(s.patients);
	psm__row_free(&s.therapist);
	psm__inquiry_free(&s.q);
	psm_json_free(doc);
	return psm__own_end(tx, rc, out, err);
}
