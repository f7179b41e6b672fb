/* SPDX-License-Identifier: BSD-2-Clause */
/* An outbox, a relay and a processor: an event is committed, published, and
 * handled once, in the transaction of its effects. Needs PostgreSQL, DB_* says
 * where. Ends after the first event, or by a signal. */
#include <psymatch/psymatch.h>
#include <stdio.h>

static int
on_status(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	printf("search %s has another status\n", psm_event_key(ev));
	psm_program_quit(user);
	return psm_tx_exec(tx, "INSERT INTO changes DEFAULT VALUES", 0, NULL,
	                   NULL, err);
}

int
main(void)
{
	psm_error *err = psm_error_new();
	psm_payload *m;
	psm_program *pg = NULL;
	int rc = psm_program_open("example", &pg, err);

	if (rc == 0)
		rc = psm_store_exec(psm_program_store(pg),
		                    "CREATE TABLE changes (n serial)", 0, NULL,
		                    NULL, err);
	if (rc == 0)
		rc = psm_program_on(pg, "search.status_changed", on_status, pg,
		                    err);
	if (rc == 0) {
		m = psm_payload_new("search.status_changed");
		psm_payload_int(m, "search_id", 7);
		psm_payload_int(m, "patient_id", 3);
		psm_payload_null(m, "old_status");
		psm_payload_text(m, "new_status", "aktiv");
		rc = psm_program_emit(pg, m, err);
	}
	if (rc == 0)
		rc = psm_program_run(pg, err);
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	psm_program_free(pg);
	psm_error_free(err);
	return rc < 0;
}
