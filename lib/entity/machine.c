/* SPDX-License-Identifier: BSD-2-Clause */
#include "entity/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* States by the place of their word in its list. */
enum { NONE = -1 };
enum patient {
	OFFEN,
	AUF_DER_SUCHE,
	IN_THERAPIE,
	DONE,
	SEARCH_OFF,
	THERAPY_OFF
};
enum therapist { AKTIV, GESPERRT, INAKTIV };
enum search { ACTIVE, SUCCESSFUL, PAUSED, CANCELLED };
enum inquiry { UNSENT, SENT, ANSWERED, DROPPED };
enum match { PENDING, ACCEPTED, REJECTED, NO_ANSWER };
enum email { DRAFT, QUEUED, SENDING, LEFT, FAILED };
enum call { PLANNED, COMPLETED, MISSED, CALLED_OFF };

#define IF_SET(column) PSM__IF_SET, column
#define IF_NULL(column) PSM__IF_NULL, column
#define ALWAYS PSM__ALWAYS, 0
#define CORRECTING PSM__CORRECTING, 0
#define DO(...)                                                                \
	{                                                                      \
		__VA_ARGS__                                                    \
	}
#define TODAY(column)                                                          \
	{                                                                      \
		column, PSM__SETS_TODAY                                        \
	}
#define NOW(column)                                                            \
	{                                                                      \
		column, PSM__SETS_NOW                                          \
	}
#define FILL_TODAY(column)                                                     \
	{                                                                      \
		column, PSM__FILLS_TODAY                                       \
	}
#define FILL_NOW(column)                                                       \
	{                                                                      \
		column, PSM__FILLS_NOW                                         \
	}
#define FILL_TIME(column)                                                      \
	{                                                                      \
		column, PSM__FILLS_TIME                                        \
	}
#define COUNT(column)                                                          \
	{                                                                      \
		column, PSM__ADDS_ONE                                          \
	}
#define CLEAR(column)                                                          \
	{                                                                      \
		column, PSM__CLEARS                                            \
	}
#define CLEAR_OLD(column)                                                      \
	{                                                                      \
		column, PSM__CLEARS_OLD                                        \
	}
#define NOTHING                                                                \
	{                                                                      \
		{                                                              \
			0, PSM__DOES_NOTHING                                   \
		}                                                              \
	}

#define MACHINE(list, state, derived, steps_)                                  \
	{                                                                      \
		.words = psm__words_##list, .column = state,                   \
		.derive = derived, .steps = steps_,                            \
		.count = PSM__COUNT(steps_)                                    \
	}

/* clang-format off */
/*
 * The way of a patient, and the steps back that people need: a payment that
 * bounced, a place that fell through, somebody who comes again. A patient may
 * be entered at any point of the way. startdatum is not the status's: it comes
 * with payment and contracts.
 */
#define PATIENT_MOVED "patient.status_changed"
static const struct psm__step patient_steps[] = {
	{NONE, OFFEN, ALWAYS, "patient.created", NOTHING},
	{NONE, AUF_DER_SUCHE, ALWAYS, "patient.created", NOTHING},
	{NONE, IN_THERAPIE, ALWAYS, "patient.created", NOTHING},
	{NONE, DONE, ALWAYS, "patient.created", NOTHING},
	{NONE, SEARCH_OFF, ALWAYS, "patient.created", NOTHING},
	{NONE, THERAPY_OFF, ALWAYS, "patient.created", NOTHING},
	{OFFEN, AUF_DER_SUCHE, ALWAYS, PATIENT_MOVED, NOTHING},
	{OFFEN, IN_THERAPIE, ALWAYS, PATIENT_MOVED, NOTHING},
	{OFFEN, SEARCH_OFF, ALWAYS, PATIENT_MOVED, NOTHING},
	{AUF_DER_SUCHE, OFFEN, ALWAYS, PATIENT_MOVED, NOTHING},
	{AUF_DER_SUCHE, IN_THERAPIE, ALWAYS, PATIENT_MOVED, NOTHING},
	{AUF_DER_SUCHE, SEARCH_OFF, ALWAYS, PATIENT_MOVED, NOTHING},
	{IN_THERAPIE, AUF_DER_SUCHE, ALWAYS, PATIENT_MOVED, NOTHING},
	{IN_THERAPIE, DONE, ALWAYS, PATIENT_MOVED, NOTHING},
	{IN_THERAPIE, THERAPY_OFF, ALWAYS, PATIENT_MOVED, NOTHING},
	{DONE, AUF_DER_SUCHE, ALWAYS, PATIENT_MOVED, NOTHING},
	{DONE, IN_THERAPIE, ALWAYS, PATIENT_MOVED, NOTHING},
	{SEARCH_OFF, OFFEN, ALWAYS, PATIENT_MOVED, NOTHING},
	{SEARCH_OFF, AUF_DER_SUCHE, ALWAYS, PATIENT_MOVED, NOTHING},
	{THERAPY_OFF, AUF_DER_SUCHE, ALWAYS, PATIENT_MOVED, NOTHING},
	{THERAPY_OFF, IN_THERAPIE, ALWAYS, PATIENT_MOVED, NOTHING},
};

/*
 * Every change is allowed, also of an adopted row without a status. Who is
 * blocked has a sperrdatum, also on the detour "gesperrt" -> "inaktiv": the
 * later step to "aktiv" is the one that unblocks. A leftover reason is not the
 * reason of a new block.
 */
#define DAY PSM__THERAPIST_SPERRDATUM
#define WHY PSM__THERAPIST_SPERRGRUND
#define THERAPIST_BLOCKED "therapist.blocked", DO(TODAY(DAY), CLEAR_OLD(WHY))
#define THERAPIST_FREE "therapist.unblocked", DO(CLEAR(DAY), CLEAR(WHY))
#define THERAPIST_MOVED "therapist.updated", NOTHING
static const struct psm__step therapist_steps[] = {
	{NONE, AKTIV, IF_SET(DAY), THERAPIST_FREE},
	{NONE, AKTIV, ALWAYS, THERAPIST_MOVED},
	{NONE, GESPERRT, ALWAYS, THERAPIST_BLOCKED},
	{NONE, INAKTIV, ALWAYS, THERAPIST_MOVED},
	{AKTIV, GESPERRT, ALWAYS, THERAPIST_BLOCKED},
	{AKTIV, INAKTIV, IF_SET(DAY), "therapist.updated", DO(CLEAR(DAY), CLEAR(WHY))},
	{AKTIV, INAKTIV, ALWAYS, THERAPIST_MOVED},
	{GESPERRT, AKTIV, ALWAYS, THERAPIST_FREE},
	{GESPERRT, INAKTIV, IF_NULL(DAY), "therapist.updated", DO(TODAY(DAY))},
	{GESPERRT, INAKTIV, ALWAYS, THERAPIST_MOVED},
	{INAKTIV, AKTIV, IF_SET(DAY), THERAPIST_FREE},
	{INAKTIV, AKTIV, ALWAYS, THERAPIST_MOVED},
	{INAKTIV, GESPERRT, ALWAYS, THERAPIST_BLOCKED},
};

/* An answer that was recorded by mistake is the one way back from success; who
 * searches again by now keeps the later search. */
#define SEARCH_MOVED "search.status_changed"
#define NO_PLACE DO(CLEAR(PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM), CLEAR(PSM__SEARCH_ERFOLGREICHE_ANFRAGE_ID))
static const struct psm__step search_steps[] = {
	{NONE, ACTIVE, ALWAYS, SEARCH_MOVED, NOTHING},
	{ACTIVE, PAUSED, ALWAYS, SEARCH_MOVED, NOTHING},
	{ACTIVE, SUCCESSFUL, ALWAYS, SEARCH_MOVED, DO(NOW(PSM__SEARCH_ERFOLGREICHE_VERMITTLUNG_DATUM))},
	{ACTIVE, CANCELLED, ALWAYS, SEARCH_MOVED, NOTHING},
	{PAUSED, ACTIVE, ALWAYS, SEARCH_MOVED, NOTHING},
	{PAUSED, CANCELLED, ALWAYS, SEARCH_MOVED, NOTHING},
	{SUCCESSFUL, ACTIVE, CORRECTING, SEARCH_MOVED, NO_PLACE},
	{SUCCESSFUL, CANCELLED, CORRECTING, SEARCH_MOVED, NO_PLACE},
};

/* No column has the state: the dates tell it. */
static const struct psm__step inquiry_steps[] = {
	{NONE, UNSENT, ALWAYS, "therapeutenanfrage.created", NOTHING},
	{UNSENT, SENT, ALWAYS, "therapeutenanfrage.sent", DO(NOW(PSM__INQUIRY_GESENDET_DATUM))},
	{UNSENT, DROPPED, ALWAYS, NULL, DO(NOW(PSM__INQUIRY_STORNIERT_DATUM))},
	{SENT, ANSWERED, ALWAYS, "therapeutenanfrage.response_received", DO(NOW(PSM__INQUIRY_ANTWORT_DATUM))},
	/* Its mail or call failed afterwards: it may be sent again. */
	{SENT, UNSENT, ALWAYS, NULL, DO(CLEAR(PSM__INQUIRY_GESENDET_DATUM), COUNT(PSM__INQUIRY_FEHLVERSUCHE))},
	{ANSWERED, ANSWERED, CORRECTING, "therapeutenanfrage.response_received", NOTHING},
};

/* From one outcome to another: an answer is corrected. */
#define MATCH_MOVED "match.status_changed"
static const struct psm__step inquiry_patient_steps[] = {
	{NONE, PENDING, ALWAYS, "match.created", NOTHING},
	{PENDING, ACCEPTED, ALWAYS, MATCH_MOVED, NOTHING},
	{PENDING, REJECTED, ALWAYS, MATCH_MOVED, NOTHING},
	{PENDING, NO_ANSWER, ALWAYS, MATCH_MOVED, NOTHING},
	{ACCEPTED, REJECTED, ALWAYS, MATCH_MOVED, NOTHING},
	{ACCEPTED, NO_ANSWER, ALWAYS, MATCH_MOVED, NOTHING},
	{REJECTED, ACCEPTED, ALWAYS, MATCH_MOVED, NOTHING},
	{REJECTED, NO_ANSWER, ALWAYS, MATCH_MOVED, NOTHING},
	{NO_ANSWER, ACCEPTED, ALWAYS, MATCH_MOVED, NOTHING},
	{NO_ANSWER, REJECTED, ALWAYS, MATCH_MOVED, NOTHING},
};

/* Straight to Gesendet or Fehlgeschlagen: somebody sent it by hand, or tried
 * to, and records that. */
#define QUEUED_AT PSM__EMAIL_IN_WARTESCHLANGE_AM
#define SENT_AT PSM__EMAIL_GESENDET_AM
static const struct psm__step email_steps[] = {
	{NONE, DRAFT, ALWAYS, "communication.email_created", NOTHING},
	{NONE, QUEUED, ALWAYS, "communication.email_created", DO(FILL_NOW(QUEUED_AT))},
	{NONE, LEFT, ALWAYS, "email.sent", DO(FILL_NOW(SENT_AT))},
	{NONE, FAILED, ALWAYS, "email.failed", NOTHING},
	{DRAFT, QUEUED, ALWAYS, NULL, DO(FILL_NOW(QUEUED_AT))},
	{DRAFT, LEFT, ALWAYS, "email.sent", DO(FILL_NOW(SENT_AT))},
	{DRAFT, FAILED, ALWAYS, "email.failed", NOTHING},
	{QUEUED, SENDING, ALWAYS, NULL, NOTHING},
	{QUEUED, LEFT, ALWAYS, "email.sent", DO(FILL_NOW(SENT_AT))},
	{QUEUED, FAILED, ALWAYS, "email.failed", NOTHING},
	{SENDING, LEFT, ALWAYS, "email.sent", DO(NOW(SENT_AT))},
	{SENDING, FAILED, ALWAYS, "email.failed", DO(COUNT(PSM__EMAIL_WIEDERHOLUNGSANZAHL))},
	{FAILED, QUEUED, ALWAYS, NULL, DO(FILL_NOW(QUEUED_AT), CLEAR_OLD(PSM__EMAIL_FEHLERMELDUNG))},
	{FAILED, LEFT, CORRECTING, "email.sent", DO(NOW(SENT_AT), CLEAR_OLD(PSM__EMAIL_FEHLERMELDUNG))},
};

#define CALL_DONE "phone_call.completed", \
	DO(FILL_TODAY(PSM__PHONE_CALL_TATSAECHLICHES_DATUM), FILL_TIME(PSM__PHONE_CALL_TATSAECHLICHE_ZEIT))
static const struct psm__step phone_call_steps[] = {
	{NONE, PLANNED, ALWAYS, "communication.call_scheduled", NOTHING},
	{NONE, COMPLETED, ALWAYS, CALL_DONE},
	{NONE, MISSED, ALWAYS, "phone_call.failed", NOTHING},
	{NONE, CALLED_OFF, ALWAYS, "phone_call.failed", NOTHING},
	{PLANNED, COMPLETED, ALWAYS, CALL_DONE},
	{PLANNED, MISSED, ALWAYS, "phone_call.failed", NOTHING},
	{PLANNED, CALLED_OFF, ALWAYS, "phone_call.failed", NOTHING},
	{MISSED, PLANNED, ALWAYS, "communication.call_scheduled", NOTHING},
};
/* clang-format on */

int
psm__inquiry_state(int sent, int answered, int cancelled)
{
	if ((cancelled && (sent || answered)) || (answered && !sent))
		return -1;
	if (cancelled)
		return DROPPED;
	if (answered)
		return ANSWERED;
	return sent ? SENT : UNSENT;
}

static int
derive_inquiry(const struct psm__row *r)
{
	return psm__inquiry_state(r->value[PSM__INQUIRY_GESENDET_DATUM] != NULL,
	                          r->value[PSM__INQUIRY_ANTWORT_DATUM] != NULL,
	                          r->value[PSM__INQUIRY_STORNIERT_DATUM] !=
	                              NULL);
}

const struct psm__machine psm__machine_patient =
    MACHINE(patientenstatus, PSM__PATIENT_STATUS, NULL, patient_steps);
const struct psm__machine psm__machine_therapist =
    MACHINE(therapeutstatus, PSM__THERAPIST_STATUS, NULL, therapist_steps);
const struct psm__machine psm__machine_search =
    MACHINE(suchstatus, PSM__SEARCH_STATUS, NULL, search_steps);
const struct psm__machine psm__machine_inquiry =
    MACHINE(inquiry_state, -1, derive_inquiry, inquiry_steps);
const struct psm__machine psm__machine_inquiry_patient =
    MACHINE(anfrage_patient_status, PSM__INQUIRY_PATIENT_STATUS, NULL,
            inquiry_patient_steps);
const struct psm__machine psm__machine_email =
    MACHINE(emailstatus, PSM__EMAIL_STATUS, NULL, email_steps);
const struct psm__machine psm__machine_phone_call =
    MACHINE(telefonanrufstatus, PSM__PHONE_CALL_STATUS, NULL, phone_call_steps);

const char *const *
psm__state_words(const struct psm_entity *e)
{
	return e->machine != NULL ? e->machine->words : NULL;
}

int
psm__row_state(const struct psm__row *r)
{
	const struct psm__machine *m = r->entity->machine;

	if (m == NULL)
		return NONE;
	if (m->derive != NULL)
		return m->derive(r);
	return psm__word_index(m->words, r->value[m->column]);
}

static int
fits(const struct psm__step *s, const struct psm__row *r)
{
	if (s->when == PSM__CORRECTING)
		return 0;
	if (s->when == PSM__ALWAYS || r == NULL)
		return 1;
	return (s->when == PSM__IF_SET) == (r->value[s->column] != NULL);
}

const struct psm__step *
psm__step_find(const struct psm__machine *m, int from, int to,
               const struct psm__row *r)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct psm__step *s = &m->steps[i];

		if (s->from == from && s->to == to && fits(s, r))
			return s;
	}
	return NULL;
}

static int
refuse(const struct psm_entity *e, int from, int to, psm_error *err)
{
	const char *const *words = e->machine->words;

	if (from < 0)
		return psm__fail(err, PSM_ERR_TRANSITION,
		                 "%s: \"%s\" may not be the first state",
		                 e->name, to < 0 ? "" : words[to]);
	return psm__fail(err, PSM_ERR_TRANSITION,
	                 "%s: \"%s\" may not follow \"%s\"", e->name,
	                 to < 0 ? "" : words[to], words[from]);
}

int
psm__state_may_follow(const struct psm_entity *e, int from, int to,
                      psm_error *err)
{
	if (psm__step_find(e->machine, from, to, NULL) != NULL)
		return 0;
	return refuse(e, from, to, err);
}

/* The text that a step sets; NULL clears. number is room for a count. */
static const char *
text_of(const struct psm__row *r, struct psm__set set,
        const struct psm__now *now, char number[24])
{
	switch ((enum psm__effect)set.effect) {
	case PSM__SETS_TODAY:
	case PSM__FILLS_TODAY:
		return now->today;
	case PSM__SETS_NOW:
	case PSM__FILLS_NOW:
		return now->timestamp;
	case PSM__FILLS_TIME:
		return now->time;
	case PSM__ADDS_ONE:
		(void)snprintf(number, 24, "%lld",
		               (long long)psm__row_int(r, set.column) + 1);
		return number;
	case PSM__DOES_NOTHING:
	case PSM__CLEARS:
	case PSM__CLEARS_OLD:
		break;
	}
	return NULL;
}

static int
stays(const struct psm__row *r, struct psm__set set)
{
	switch ((enum psm__effect)set.effect) {
	case PSM__DOES_NOTHING:
		return 1;
	case PSM__CLEARS:
		return 0;
	case PSM__FILLS_TODAY:
	case PSM__FILLS_NOW:
	case PSM__FILLS_TIME:
		return r->given[set.column] || r->value[set.column] != NULL;
	case PSM__SETS_TODAY:
	case PSM__SETS_NOW:
	case PSM__ADDS_ONE:
	case PSM__CLEARS_OLD:
		break;
	}
	return r->given[set.column];
}

static int
take(struct psm__row *r, const struct psm__step *s, const struct psm__now *now,
     psm_error *err)
{
	const struct psm__machine *m = r->entity->machine;
	char number[24];
	int rc = 0;

	if (m->column >= 0)
		rc = psm__row_change(r, m->column, m->words[s->to], err);
	for (size_t i = 0; i < PSM__SETS_MAX && rc == 0; i++) {
		if (!stays(r, s->sets[i]))
			rc = psm__row_change(
			    r, s->sets[i].column,
			    text_of(r, s->sets[i], now, number), err);
	}
	return rc;
}

int
psm__row_move(struct psm__row *r, int from, int to, const struct psm__now *now,
              const char **event, psm_error *err)
{
	const struct psm__step *s =
	    psm__step_find(r->entity->machine, from, to, r);

	*event = s != NULL ? s->event : NULL;
	return s != NULL ? take(r, s, now, err)
	                 : refuse(r->entity, from, to, err);
}

int
psm__row_correct(struct psm__row *r, int to, const struct psm__now *now,
                 const char **event, psm_error *err)
{
	const struct psm__machine *m = r->entity->machine;
	const struct psm__step *s = NULL;
	int from = psm__row_state(r);

	for (size_t i = 0; i < m->count && s == NULL; i++) {
		if (m->steps[i].when == PSM__CORRECTING &&
		    m->steps[i].from == from && m->steps[i].to == to)
			s = &m->steps[i];
	}
	*event = s != NULL ? s->event : NULL;
	return s != NULL ? take(r, s, now, err)
	                 : refuse(r->entity, from, to, err);
}
