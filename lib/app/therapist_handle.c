/* SPDX-License-Identifier: BSD-2-Clause */
/* Which event means what to the therapist service. */
#include <stdio.h>
#include <string.h>

#include "app/app.h"
#include "app/block.h"

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

static int
cooled(psm_tx *tx, const psm_event *ev, int64_t id, psm_error *err)
{
	const char *day = psm_json_string(
	    psm_json_at(psm_event_payload(ev), "/next_contactable_date"));

	return day == NULL || !psm__is_date(day)
	           ? psm__fail(err, PSM_ERR_REJECT,
	                       "next_contactable_date: want a date")
	           : act(tx, id, "cool", "until", day, err);
}

static int
contact(psm_tx *tx, const psm_event *ev, int64_t id, const char *by,
        psm_error *err)
{
	char day[11];
	int rc = psm__app_day(tx, psm_event_timestamp_us(ev), day, err);

	return rc == 0 ? act(tx, id, "contact", by, day, err) : rc;
}

static int
mailed(psm_tx *tx, const psm_event *ev, int64_t id, psm_error *err)
{
	return contact(tx, ev, id, "email", err);
}

static int
called(psm_tx *tx, const psm_event *ev, int64_t id, psm_error *err)
{
	return contact(tx, ev, id, "telefon", err);
}

/* It is about no therapist. */
static int
scrape(psm_tx *tx, const psm_event *ev, int64_t id, psm_error *err)
{
	(void)id;
	return psm__scraping_asked(tx, ev, err);
}

static const struct {
	const char *type;
	int (*handle)(psm_tx *tx, const psm_event *ev, int64_t id,
	              psm_error *err);
} handlers[] = {
    {"cooling.period_started", cooled},
    {"email.response_received", mailed},
    {"email.sent", mailed},
    {"phone_call.completed", called},
    {"scraping.run", scrape},
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
	int64_t id = 0;
	size_t i = 0;
	int rc = 0;

	(void)user; /* all there is to know stands in the transaction */
	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	while (i < PSM__COUNT(handlers) &&
	       strcmp(psm_event_type(ev), handlers[i].type) != 0)
		i++;
	if (i < PSM__COUNT(handlers) && handlers[i].handle == scrape)
		rc = scrape(tx, ev, 0, err);
	else if (i < PSM__COUNT(handlers) &&
	         psm_json_get_int(
		     psm_json_at(psm_event_payload(ev), "/therapist_id"), &id,
		     NULL) == 0 &&
	         id > 0)
		rc = handlers[i].handle(tx, ev, id, err);
	/* What the database refuses for good is the payload's fault. */
	return rc < 0 && !psm__app_is_system(rc) ? PSM_ERR_REJECT : rc;
}
