/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/call.h"

#include <stdio.h>
#include <string.h>

#include "entity/fault.h"

/* By their place in psm__words_telefonanrufstatus. */
enum state { PLANNED, COMPLETED };

#define PATIENT_TIME "10:00:00"
#define PATIENT_MINUTES "10"
/* Of therapists of whom nobody knows when they can be reached. */
static const int working_times[2] = {10 * 60, 14 * 60};

static const char scheduled[] = "communication.call_scheduled";

static int
is_null(const struct psm__row *row, int column)
{
	return psm__row_get(row, column) == NULL;
}

static int
fill(struct psm__row *row, int column, const char *text, psm_error *err)
{
	return is_null(row, column) ? psm__row_change(row, column, text, err)
	                            : 0;
}

static void
day_text(int64_t day, char text[48])
{
	int y, m, d;

	psm__date_from_days(day, &y, &m, &d);
	(void)snprintf(text, 48, "%04d-%02d-%02d", y, m, d);
}

static void
time_text(int minutes, char text[48])
{
	(void)snprintf(text, 48, "%02d:%02d:00", minutes / 60, minutes % 60);
}

/* The first free time from the row's day on, but not in the past. */
static int
find(struct psm__row *row, const struct psm__call_wish *w,
     const struct psm__now *now, psm_error *err)
{
	struct psm__slot_wish wish = {
	    .day = psm__slot_day(
		psm__row_get(row, PSM__PHONE_CALL_GEPLANTES_DATUM)),
	    .minutes = (int)psm__row_int(row, PSM__PHONE_CALL_DAUER_MINUTEN),
	    .times = {working_times[0], working_times[1]},
	    .time_count = 2,
	    .holidays = w->holidays};
	int64_t today = psm__slot_day(now->today);
	struct psm__slot slot;
	char text[48];
	int rc;

	if (wish.day <= today) {
		wish.day = today;
		wish.earliest = psm__slot_minutes(now->time) + 1;
	}
	if (!psm__slot_find(w->reach, w->busy, w->busy_count, &wish, &slot))
		return psm__row_fault(row, PSM__PHONE_CALL_GEPLANTE_ZEIT, "",
		                      err,
		                      "No available slots found for this "
		                      "therapist");
	day_text(slot.day, text);
	rc = psm__row_change(row, PSM__PHONE_CALL_GEPLANTES_DATUM, text, err);
	time_text(slot.from, text);
	if (rc == 0)
		rc = psm__row_change(row, PSM__PHONE_CALL_GEPLANTE_ZEIT, text,
		                     err);
	return rc;
}

/* Read the row, and what it has whoever is called. 1: it has no time yet. */
static int
begin(struct psm__row *row, const psm_json *doc, const struct psm__now *now,
      struct psm__events *ev, psm_error *err)
{
	const char *step = NULL;
	const psm_json *minutes = psm_json_at(doc, "/dauer_minuten");
	char tomorrow[48];
	int rc = psm__row_make(row, doc, PSM__W_REST_CREATE, now, &step, err);
	int is_done;

	if (rc < 0)
		return rc;
	psm__events_add(ev, step);
	is_done = psm__row_state(row) == COMPLETED;
	day_text(psm__slot_day(now->today) + 1, tomorrow);
	rc = fill(row, PSM__PHONE_CALL_GEPLANTES_DATUM,
	          is_done ? now->today : tomorrow, err);
	if (rc == 0 && is_done)
		rc = fill(row, PSM__PHONE_CALL_GEPLANTE_ZEIT, now->time, err);
	if (rc < 0 || is_null(row, PSM__PHONE_CALL_PATIENT_ID))
		return rc < 0 ? rc
		              : is_null(row, PSM__PHONE_CALL_GEPLANTE_ZEIT);
	rc = fill(row, PSM__PHONE_CALL_GEPLANTE_ZEIT, PATIENT_TIME, err);
	if (rc == 0 &&
	    (minutes == NULL || psm_json_kind(minutes) == PSM_JSON_NULL))
		rc = psm__row_change(row, PSM__PHONE_CALL_DAUER_MINUTEN,
		                     PATIENT_MINUTES, err);
	return rc;
}

int
psm__call_decide_make(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	const struct psm__call_wish *w = wish;
	int rc = begin(row, w->doc, now, ev, err);

	if (rc == 1)
		rc = find(row, w, now, err);
	if (rc == 0 && w->once_key != NULL)
		rc = psm__row_change(row, PSM__PHONE_CALL_EINMAL_SCHLUESSEL,
		                     w->once_key, err);
	return rc;
}

int
psm__call_decide_new(struct psm__row *row, const void *wish,
                     const struct psm__now *now, struct psm__events *ev,
                     psm_error *err)
{
	const struct psm__wish *w = wish;
	int rc = begin(row, w->doc, now, ev, err);

	return rc < 1 ? rc
	              : psm__row_fault(row, PSM__PHONE_CALL_GEPLANTE_ZEIT, "",
	                               err, "want a time, found none");
}

int
psm__call_decide_patch(struct psm__row *row, const void *wish,
                       const struct psm__now *now, struct psm__events *ev,
                       psm_error *err)
{
	static const int moves[] = {PSM__PHONE_CALL_GEPLANTES_DATUM,
	                            PSM__PHONE_CALL_GEPLANTE_ZEIT};
	const struct psm__wish *w = wish;
	struct psm__wish quiet = {.doc = w->doc, .how = w->how};
	int rc = psm__decide_patch(row, &quiet, now, ev, err);

	if (rc < 0)
		return rc;
	for (size_t i = 0; i < PSM__COUNT(moves); i++) {
		if (is_null(row, moves[i]))
			return psm__row_fault(row, moves[i], "", err,
			                      "want a value, found null");
		if (ev->count == 0 && row->modified[moves[i]] &&
		    psm__row_state(row) == PLANNED)
			psm__events_add(ev, scheduled);
	}
	return 0;
}

int
psm__call_decide_hold(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	(void)wish;
	(void)ev; /* the therapist's own event has told it */
	return psm__row_state(row) != PLANNED ||
	               !is_null(row, PSM__PHONE_CALL_ANGEHALTEN_SEIT)
	           ? 0
	           : psm__row_change(row, PSM__PHONE_CALL_ANGEHALTEN_SEIT,
	                             now->timestamp, err);
}

static int
is_over(const struct psm__row *row, const struct psm__now *now)
{
	int64_t day =
	    psm__slot_day(psm__row_get(row, PSM__PHONE_CALL_GEPLANTES_DATUM));
	int64_t today = psm__slot_day(now->today);

	return day < today ||
	       (day == today &&
	        strcmp(psm__row_get(row, PSM__PHONE_CALL_GEPLANTE_ZEIT),
	               now->time) <= 0);
}

int
psm__call_decide_release(struct psm__row *row, const void *wish,
                         const struct psm__now *now, struct psm__events *ev,
                         psm_error *err)
{
	int rc;

	if (is_null(row, PSM__PHONE_CALL_ANGEHALTEN_SEIT))
		return 0;
	rc = psm__row_change(row, PSM__PHONE_CALL_ANGEHALTEN_SEIT, NULL, err);
	if (rc < 0 || psm__row_state(row) != PLANNED || !is_over(row, now))
		return rc;
	rc = find(row, wish, now, err);
	if (rc == 0)
		psm__events_add(ev, scheduled);
	if (rc != PSM_ERR_SCHEMA)
		return rc;
	psm__error_clear(err); /* a person has to find a time */
	return 0;
}
