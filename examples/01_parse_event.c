/* SPDX-License-Identifier: BSD-2-Clause */
/* Read an event, look into it; and what an error tells about a bad one. */
#include <psymatch/psymatch.h>
#include <stdio.h>
#include <string.h>

static const char good[] =
    "{\"eventId\": \"01890a5d-ac96-774b-bcce-b302099a8057\","
    " \"eventType\": \"search.status_changed\", \"version\": \"1.0\","
    " \"timestamp\": \"2025-07-01T09:00:00.25+02:00\","
    " \"producer\": \"matching-service\","
    " \"payload\": {\"search_id\": 7, \"patient_id\": 3,"
    " \"old_status\": \"aktiv\", \"new_status\": \"pausiert\"}}";

static const char bad[] =
    "{\"event_id\": \"01890a5d-ac96-774b-bcce-b302099a8057\",\n"
    " \"event_type\": \"search.status_changed\", \"version\": \"1.0\",\n"
    " \"timestamp\": \"2025-07-01T07:00:00Z\",\n"
    " \"producer\": \"matching-service\",\n"
    " \"payload\": {\"search_id\": 7, \"patient_id\": 3,\n"
    "   \"old_status\": \"aktiv\", \"new_status\": \"asleep\"}}";

static void
show(const psm_event *ev)
{
	const psm_json *payload = psm_event_payload(ev);
	char time[32];

	if (psm_time_format(psm_event_timestamp_us(ev), time, sizeof time) < 0)
		return;
	printf("%s for %s, key %s, at %s\n", psm_event_type(ev),
	       psm_event_topic(ev), psm_event_key(ev), time);
	printf("status is %s\n",
	       psm_json_string(psm_json_at(payload, "/new_status")));
}

int
main(void)
{
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;

	if (psm_event_parse(good, strlen(good), &ev, err) == 0)
		show(ev);
	psm_event_free(ev);
	if (psm_event_parse(bad, strlen(bad), &ev, err) < 0)
		printf("%s at %s, line %u: %s\n",
		       psm_error_name(psm_error_code(err)),
		       psm_error_pointer(err), psm_error_line(err),
		       psm_error_message(err));
	psm_event_free(ev);
	psm_error_free(err);
	return 0;
}
