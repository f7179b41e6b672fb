/* SPDX-License-Identifier: BSD-2-Clause */
/* Contacts with therapists, as the communication service tells of them. */
#include "app/inquiry.h"

static int64_t
number(const psm_event *ev, const char *pointer)
{
	const psm_json *v = psm_json_at(psm_event_payload(ev), pointer);
	int64_t n = 0;

	if (v == NULL || psm_json_get_int(v, &n, NULL) < 0)
		return 0;
	return n;
}

/* Whoever was spoken with is left alone from that day on; it is published when
 * the call took place, so a replay starts nothing again. */
int
psm__call_completed(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	int64_t therapist = number(ev, "/therapist_id");
	char day[11];
	int rc;

	if (therapist <= 0 || therapist > INT32_MAX)
		return 0;
	/* The inquiry is locked before the therapist's copy. */
	rc = psm__call_left(tx, ev, err);
	if (rc == 0)
		rc = psm__app_day(tx, psm_event_timestamp_us(ev), day, err);
	if (rc == 0)
		rc = psm__cooling_start(
		    tx, therapist, day,
		    number(ev, "/call_data/therapeutenanfrage_id") > 0
			? "response_received"
			: "manual",
		    err);
	return rc < 0 ? rc : 0;
}
