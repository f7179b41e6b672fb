/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/mail.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entity/fault.h"

/* By their place in psm__words_emailstatus. */
enum state { DRAFT, QUEUED, SENDING, LEFT, FAILED };

static const char created[] = "communication.email_created";
static const char answered[] = "email.response_received";

/* -- what every decision does */

static int
clear(struct psm__row *row, int column, psm_error *err)
{
	return psm__row_change(row, column, NULL, err);
}

/* 1: the queue sends it some time. */
static int
waits(const struct psm__row *row)
{
	int state = psm__row_state(row);

	return state == QUEUED ||
	       (state == FAILED &&
	        psm__row_get(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM) != NULL);
}

static int
is_held(const struct psm__row *row)
{
	return psm__row_get(row, PSM__EMAIL_ANGEHALTEN_SEIT) != NULL;
}

/* A mail that is not being sent has no lease, and one that does not wait has no
 * time to wait for. */
static int
settle(struct psm__row *row, psm_error *err)
{
	int state = psm__row_state(row), rc = 0;

	if (state != SENDING) {
		rc = clear(row, PSM__EMAIL_VERSAND_DURCH, err);
		if (rc == 0)
			rc = clear(row, PSM__EMAIL_VERSAND_BIS, err);
		if (rc == 0)
			rc = clear(row, PSM__EMAIL_UNKLAR_SEIT, err);
	}
	if (rc == 0 && state != QUEUED && state != FAILED)
		rc = clear(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM, err);
	if (rc == 0 && !waits(row))
		rc = clear(row, PSM__EMAIL_ANGEHALTEN_SEIT, err);
	return rc;
}

static int
move(struct psm__row *row, int to, const struct psm__now *now,
     struct psm__events *ev, psm_error *err)
{
	const char *event;
	int rc = psm__row_move(row, psm__row_state(row), to, now, &event, err);

	if (rc == 0)
		psm__events_add(ev, event);
	return rc;
}

static int
is_suspect(const struct psm__row *row)
{
	return psm__row_state(row) == SENDING &&
	       psm__row_get(row, PSM__EMAIL_UNKLAR_SEIT) != NULL;
}

/* 1: its sender may still tell the result. */
static int
is_leased(const struct psm__row *row, const struct psm__now *now)
{
	const char *until = psm__row_get(row, PSM__EMAIL_VERSAND_BIS);

	return psm__row_state(row) == SENDING && !is_suspect(row) &&
	       until != NULL && strcmp(until, now->timestamp) > 0;
}

/* -- making and changing by hand */

static int
fill(struct psm__row *row, int column, const char *text, psm_error *err)
{
	const char *given = psm__row_get(row, column);

	/* Blank is not given: nobody could send a mail from nowhere. */
	if (text == NULL || *text == '\0' ||
	    (given != NULL && !psm__text_is_blank(given)))
		return 0;
	return psm__row_change(row, column, text, err);
}

static int
fill_sender(struct psm__row *row, const struct psm__mail_wish *w,
            psm_error *err)
{
	int rc = fill(row, PSM__EMAIL_ABSENDER_EMAIL, w->sender, err);

	if (rc == 0)
		rc = fill(row, PSM__EMAIL_ABSENDER_NAME, w->sender_name, err);
	/* Without a name the address stands for it. */
	if (rc == 0)
		rc = fill(row, PSM__EMAIL_ABSENDER_NAME,
		          psm__row_get(row, PSM__EMAIL_ABSENDER_EMAIL), err);
	if (rc == 0 && psm__row_get(row, PSM__EMAIL_ABSENDER_EMAIL) == NULL)
		rc = psm__row_fault(row, PSM__EMAIL_ABSENDER_EMAIL, "", err,
		                    "want a sender, found none, and "
		                    "EMAIL_SENDER is not set");
	return rc;
}

int
psm__mail_decide_make(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	const struct psm__mail_wish *w = wish;
	struct psm__wish make = {
	    .doc = w->doc, .created = created, .updated = created};
	int rc = psm__decide_make(row, &make, now, ev, err);

	if (rc == 0)
		rc = fill_sender(row, w, err);
	if (rc == 0 && w->once_key != NULL)
		rc = psm__row_change(row, PSM__EMAIL_EINMAL_SCHLUESSEL,
		                     w->once_key, err);
	return rc;
}

int
psm__mail_decide_new(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	const struct psm__wish *w = wish;
	struct psm__mail_wish make = {.doc = w->doc};

	return psm__mail_decide_make(row, &make, now, ev, err);
}

static int
is_answered(const struct psm__row *row)
{
	const char *flag = psm__row_get(row, PSM__EMAIL_ANTWORT_ERHALTEN);

	return flag != NULL && *flag == 't';
}

/* Also one that failed: its server may have been wrong. */
static int
may_have_left(const struct psm__row *row)
{
	int state = psm__row_state(row);

	return state == SENDING || state == LEFT || state == FAILED;
}

int
psm__mail_decide_patch(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	const struct psm__wish *w = wish;
	int had = is_answered(row), from = psm__row_state(row);
	int leased = is_leased(row, now), rc;
	const char *event = NULL;

	rc = psm__row_patch(row, w->doc, w->how, now, &event, err);
	if (rc <= 0)
		return rc;
	if (psm__row_state(row) != from && leased)
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "email: it is being sent at the moment");
	if (psm__row_state(row) != from && psm__row_state(row) == SENDING)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "email: only the queue begins to send");
	psm__events_add(ev, event);
	rc = settle(row, err);
	/* Whoever queues it again wants it sent now. */
	if (rc == 0 && from == FAILED && psm__row_state(row) == QUEUED)
		rc = clear(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM, err);
	if (rc == 0 && !had && is_answered(row)) {
		rc = fill(row, PSM__EMAIL_ANTWORTDATUM, now->timestamp, err);
		/* What was never sent answers no inquiry. */
		if (may_have_left(row))
			psm__events_add(ev, answered);
	}
	return rc;
}

/* -- the queue */

int
psm__mail_decide_claim(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	const struct psm__mail_claim *w = wish;
	const char *next = psm__row_get(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM);
	int state = psm__row_state(row), rc = 0;

	if (!waits(row) || is_held(row))
		return 0;
	if (next != NULL && strcmp(next, now->timestamp) > 0)
		return 0;
	if (state == FAILED)
		rc = move(row, QUEUED, now, ev, err);
	if (rc == 0)
		rc = move(row, SENDING, now, ev, err);
	if (rc == 0)
		rc = settle(row, err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__EMAIL_VERSAND_DURCH, w->owner,
		                     err);
	return rc < 0 ? rc
	              : psm__row_change(row, PSM__EMAIL_VERSAND_BIS, w->until,
	                                err);
}

static int
fail(struct psm__row *row, const struct psm__mail_result *w,
     const struct psm__now *now, struct psm__events *ev, psm_error *err)
{
	int rc = psm__row_change(row, PSM__EMAIL_FEHLERMELDUNG, w->reason, err);

	if (rc == 0)
		rc = move(row, FAILED, now, ev, err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM,
		                     w->next, err);
	return rc < 0 ? rc : settle(row, err);
}

static int
suspect(struct psm__row *row, const char *reason, const struct psm__now *now,
        psm_error *err)
{
	int rc =
	    psm__row_change(row, PSM__EMAIL_UNKLAR_SEIT, now->timestamp, err);

	return rc < 0 ? rc
	              : psm__row_change(row, PSM__EMAIL_FEHLERMELDUNG, reason,
	                                err);
}

int
psm__mail_decide_result(struct psm__row *row, const void *wish,
                        const struct psm__now *now, struct psm__events *ev,
                        psm_error *err)
{
	const struct psm__mail_result *w = wish;
	const char *owner = psm__row_get(row, PSM__EMAIL_VERSAND_DURCH);
	int rc;

	if (psm__row_state(row) != SENDING || owner == NULL ||
	    strcmp(owner, w->owner) != 0)
		return 0;
	switch (w->outcome) {
	case PSM__MAIL_REFUSED:
		return fail(row, w, now, ev, err);
	case PSM__MAIL_UNCLEAR:
		return suspect(row, w->reason, now, err);
	case PSM__MAIL_SENT:
		break;
	}
	rc = move(row, LEFT, now, ev, err);
	if (rc == 0)
		rc = clear(row, PSM__EMAIL_FEHLERMELDUNG, err);
	return rc < 0 ? rc : settle(row, err);
}

int
psm__mail_decide_suspect(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	(void)ev; /* what follows, a failure, has one */
	if (psm__row_state(row) != SENDING || is_suspect(row) ||
	    is_leased(row, now))
		return 0;
	return suspect(row, wish, now, err);
}

int
psm__mail_decide_resolve(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	return is_suspect(row) ? fail(row, wish, now, ev, err) : 0;
}

int
psm__mail_decide_due(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	const char *next = psm__row_get(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM);

	(void)wish;
	(void)ev; /* it changes nothing that others could see */
	if (next == NULL || !waits(row) || is_held(row) ||
	    strcmp(next, now->timestamp) <= 0)
		return 0;
	return psm__row_change(row, PSM__EMAIL_NAECHSTER_VERSUCH_AM,
	                       now->timestamp, err);
}

int
psm__mail_decide_hold(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	(void)wish;
	(void)ev; /* the therapist's own event has told it */
	return !waits(row) || is_held(row)
	           ? 0
	           : psm__row_change(row, PSM__EMAIL_ANGEHALTEN_SEIT,
	                             now->timestamp, err);
}

int
psm__mail_decide_release(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	(void)wish;
	(void)now;
	(void)ev;
	return clear(row, PSM__EMAIL_ANGEHALTEN_SEIT, err);
}

/* -- answers */

/* Several answers stand one below the other. */
static int
append(struct psm__row *row, const char *text, psm_error *err)
{
	const char *old = psm__row_get(row, PSM__EMAIL_ANTWORTINHALT);
	struct psm__buf all = {0};
	int rc;

	if (old != NULL && *old != '\0')
		psm__buf_printf(&all, "%s\n\n---\n\n", old);
	psm__buf_puts(&all, text);
	rc = all.failed ? psm__nomem(err)
	                : psm__row_change(row, PSM__EMAIL_ANTWORTINHALT,
	                                  all.data, err);
	psm__buf_free(&all);
	return rc;
}

/* What was answered has arrived, whatever its sender said: it is not sent
 * again. */
static int
arrived(struct psm__row *row, const struct psm__now *now,
        struct psm__events *ev, psm_error *err)
{
	int state = psm__row_state(row), rc;
	const char *event;

	if (state == SENDING) {
		rc = move(row, LEFT, now, ev, err);
	} else if (state == FAILED) {
		rc = psm__row_correct(row, LEFT, now, &event, err);
		if (rc == 0)
			psm__events_add(ev, event);
	} else {
		return 0;
	}
	return rc < 0 ? rc : settle(row, err);
}

int
psm__mail_decide_answer(struct psm__row *row, const void *wish,
                        const struct psm__now *now, struct psm__events *ev,
                        psm_error *err)
{
	const struct psm__mail_answer *w = wish;
	int rc = arrived(row, now, ev, err);

	if (rc == 0)
		rc = append(row, w->text, err);
	if (rc == 0)
		rc =
		    psm__row_change(row, PSM__EMAIL_ANTWORT_ERHALTEN, "t", err);
	if (rc == 0)
		rc = psm__row_change(row, PSM__EMAIL_ANTWORTDATUM, w->received,
		                     err);
	psm__events_add(ev, answered);
	return rc;
}

/* -- references */

#define OURS "psymatch-mail-"

void
psm__mail_message_id(int64_t id, const char *sender,
                     char text[PSM__MAIL_MESSAGE_ID_SIZE])
{
	const char *at = sender != NULL ? strrchr(sender, '@') : NULL;

	(void)snprintf(text, PSM__MAIL_MESSAGE_ID_SIZE,
	               "<" OURS "%" PRId64 "@%s>", id,
	               at != NULL ? at + 1 : "localhost");
}

/* A number of at most nine digits that begins at text; 0: there is none. */
static int64_t
number_at(const char *text, const char **end)
{
	size_t digits = strspn(text, "0123456789");

	*end = text + digits;
	return digits >= 1 && digits <= 9 ? strtoll(text, NULL, 10) : 0;
}

int64_t
psm__mail_of_message_id(const char *text)
{
	const char *at = text != NULL ? strstr(text, OURS) : NULL, *end;
	int64_t id;

	if (at == NULL)
		return 0;
	id = number_at(at + strlen(OURS), &end);
	return *end == '@' ? id : 0;
}

static int
is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_' || (c & 0x80) != 0;
}

/* The last one counts: what a mail program puts before a subject is not ours.
 */
int64_t
psm__mail_reference(const char *subject)
{
	int64_t found = 0, number;
	const char *end;

	for (const char *p = subject; p != NULL && *p != '\0'; p++) {
		if (*p != 'A' || (p > subject && is_word(p[-1])))
			continue;
		number = number_at(p + 1, &end);
		if (number > 0 && !is_word(*end))
			found = number;
	}
	return found;
}
