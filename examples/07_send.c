/* SPDX-License-Identifier: BSD-2-Clause */
/* Send one event, the short way: PSYMATCH_TRANSPORT and KAFKA_BOOTSTRAP_SERVERS
 * say where to. 02_produce.c hears what became of each event. */
#include <psymatch/psymatch.h>
#include <stdio.h>

int
main(void)
{
	psm_producer *p;
	int rc = psm_producer_open("example", &p, NULL);

	if (rc == 0) {
		psm_payload *m = psm_payload_new("search.status_changed");
		psm_payload_int(m, "search_id", 7);
		psm_payload_int(m, "patient_id", 3);
		psm_payload_null(m, "old_status");
		psm_payload_text(m, "new_status", "aktiv");
		rc = psm_producer_send_payload(p, m, "example", NULL);
	}
	printf("%s\n", rc == 0 ? "accepted" : psm_strerror(rc));
	psm_producer_free(p);
	return rc < 0;
}
