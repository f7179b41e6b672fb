/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle events, each once, until a signal comes: the short way. Needs
 * PostgreSQL, DB_* says where. 03_consume.c does without, at least once. */
#include <psymatch/psymatch.h>
#include <stdio.h>

static int
on_status(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	(void)tx; /* for the effects */
	(void)user;
	(void)err;
	printf("search %s has another status\n", psm_event_key(ev));
	return 0;
}

int
main(void)
{
	psm_program *pg;
	int rc = psm_program_open("example", &pg, NULL);

	if (rc == 0)
		rc = psm_program_on(pg, "search.status_changed", on_status,
		                    NULL, NULL);
	if (rc == 0)
		rc = psm_program_run(pg, NULL);
	printf("%s\n", rc == 0 ? "stopped" : psm_strerror(rc));
	psm_program_free(pg);
	return rc < 0;
}
