/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the therapist service. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/block.h"
#include "app/workload.h"

static int
act(psm_tx *tx, int64_t id, const char *action, const char *name,
    const char *day, psm_error *err)
{
	char json[64];
	int rc;

	(void)snprintf(json, sizeof(json), "{\"%s\": \"%s\"}", name, day);
	rc = psm_entity_act(tx, "therapist", id, PSM_VERSION_ANY, action, json,
	                    strlen(json), NULL, NULL, err);
	/* Who was deleted since needs neither. */
	if (rc == PSM_ERR_NOT_FOUND) {
		psm__error_clear(err);
		rc = 0;
	}
	return rc < 0 ? rc : 0;
}

/* The therapist of an event; 0: it is about none. */
static int64_t
therapist_of(const psm_event *ev)
{
	int64_t id = 0;

	if (psm_json_get_int(
		psm_json_at(psm_event_payload(ev), "/therapist_id"), &id,
		NULL) < 0)
		return 0;
	return id > 0 ? id : 0;
}

static int
cooled(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const char *day = psm_json_string(
	    psm_json_at(psm_event_payload(ev), "/next_contactable_date"));
	int64_t id = therapist_of(ev);

	if (id == 0)
		return 0;
	return day == NULL || !psm__is_date(day)
	           ? psm__fail(err, PSM_ERR_REJECT,
	                       "next_contactable_date: want a date")
	           : act(tx, id, "cool", "until", day, err);
}

/* An event of the future is one of today: its producer's clock is wrong, and a
 * last contact never goes back. */
static int
contact(psm_tx *tx, const psm_event *ev, const char *by, psm_error *err)
{
	int64_t at = psm_event_timestamp_us(ev), now = psm_now_us();
	int64_t id = therapist_of(ev);
	char day[11];
	int rc;

	if (id == 0)
		return 0;
	rc = psm__app_day(tx, at < now ? at : now, day, err);
	return rc == 0 ? act(tx, id, "contact", by, day, err) : rc;
}

static int
answered(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	return contact(tx, ev, "email", err);
}

static int
mailed(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int rc = contact(tx, ev, "email", err);

	return rc == 0 ? psm__workload_delivery(tx, ev, err) : rc;
}

static int
called(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int rc = contact(tx, ev, "telefon", err);

	return rc == 0 ? psm__workload_delivery(tx, ev, err) : rc;
}

static const struct psm__event_handler handlers[] = {
    {"cooling.period_started", cooled},
    {"email.deleted", psm__workload_delivery},
    {"email.failed", psm__workload_delivery},
    {"email.response_received", answered},
    {"email.sent", mailed},
    {"match.created", psm__workload_match},
    {"match.status_changed", psm__workload_match},
    {"patient.created", psm__suggestion_patient},
    {"patient.deleted", psm__suggestion_patient},
    {"patient.updated", psm__suggestion_patient},
    {"phone_call.completed", called},
    {"phone_call.deleted", psm__workload_delivery},
    {"phone_call.failed", psm__workload_delivery},
    {"scraping.run", psm__scraping_asked},
    {"therapeutenanfrage.created", psm__workload_inquiry},
    {"therapeutenanfrage.response_received", psm__workload_inquiry},
    {"therapeutenanfrage.sent", psm__workload_inquiry},
};

const char *
psm_therapist_type_at(size_t i)
{
	return i < PSM__COUNT(handlers) ? handlers[i].type : NULL;
}

int
psm_therapist_handle(psm_tx *tx, const psm_event *ev, void *user,
                     psm_error *err)
{
	(void)user; /* all there is to know stands in the transaction */
	return psm__app_handle(handlers, PSM__COUNT(handlers), tx, ev, err);
}
