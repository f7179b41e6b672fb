/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/follow_up.h"

#include <string.h>

#define MINUTES 5 /* that such a call takes */

int
psm__follow_up_is_due(const struct psm__row *row, const char *before)
{
	const char *sent = psm__row_get(row, PSM__INQUIRY_GESENDET_DATUM);

	return sent != NULL && strcmp(sent, before) < 0 &&
	       psm__row_get(row, PSM__INQUIRY_ANTWORT_DATUM) == NULL &&
	       psm__row_get(row, PSM__INQUIRY_STORNIERT_DATUM) == NULL &&
	       psm__row_get(row, PSM__INQUIRY_PHONE_CALL_ID) == NULL;
}

int
psm__follow_up_decide(struct psm__row *row, const void *wish,
                      const struct psm__now *now, struct psm__events *ev,
                      psm_error *err)
{
	const struct psm__follow_up *w = wish;
	struct psm__number id;

	(void)now; /* the wish has the time */
	(void)ev;  /* the call has its own event */
	if (!psm__follow_up_is_due(row, w->before))
		return 0;
	return psm__row_change(row, PSM__INQUIRY_PHONE_CALL_ID,
	                       psm__number(&id, w->call_id), err);
}

int
psm__follow_up_decide_lost(struct psm__row *row, const void *wish,
                           const struct psm__now *now, struct psm__events *ev,
                           psm_error *err)
{
	const char *way = psm__row_get(row, PSM__INQUIRY_VERSANDWEG);

	(void)now; /* whenever it was */
	(void)ev;  /* the call's own event told */
	/* What an answered inquiry was sent by is no follow-up. */
	if (psm__row_int(row, PSM__INQUIRY_PHONE_CALL_ID) !=
	        *(const int64_t *)wish ||
	    (way != NULL && strcmp(way, "phone_call") == 0 &&
	     psm__row_get(row, PSM__INQUIRY_ANTWORT_DATUM) != NULL))
		return 0;
	return psm__row_change(row, PSM__INQUIRY_PHONE_CALL_ID, NULL, err);
}

int
psm__follow_up_find(const struct psm__reach *reach,
                    const struct psm__busy *busy, size_t busy_count,
                    const struct psm__holidays *holidays, int default_time,
                    const struct psm__now *now, struct psm__slot *out)
{
	struct psm__slot_wish wish = {.day = psm__slot_day(now->today) + 1,
	                              .minutes = MINUTES,
	                              .weekdays = 1,
	                              .times = {default_time},
	                              .time_count = 1,
	                              .holidays = holidays};

	return psm__slot_find(reach, busy, busy_count, &wish, out);
}
