/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules of the domain: pure functions, no database, no clock of their own. */
#include <psymatch/psymatch.h>
#include <stdio.h>

static const int64_t noon =
    INT64_C(1751364000000000); /* 2025-07-01 10:00 UTC */

static void
may_change(const char *from, const char *to, psm_error *err)
{
	int rc = psm_search_transition(psm_search_status_from_name(from),
	                               psm_search_status_from_name(to), err);

	printf("%s -> %s: %s\n", from, to,
	       rc == 0 ? "yes" : psm_error_message(err));
}

int
main(void)
{
	psm_error *err = psm_error_new();
	const char *event = NULL;
	char *list = NULL, *notes = NULL;
	int rc;

	may_change("aktiv", "pausiert", err);
	may_change("abgebrochen", "aktiv", err);

	rc = psm_therapist_transition(PSM_THERAPIST_INAKTIV,
	                              PSM_THERAPIST_AKTIV, 1, &event, err);
	if (rc >= 0)
		printf("a blocked therapist comes back: %s\n", event);

	rc = psm_exclusion_add(NULL, 42, noon, "gesperrt", &list, err);
	if (rc == 1)
		printf("%s\n", list);

	rc = psm_note_append("[2025-06-30 09:00] erste Notiz", noon, "System",
	                     "zweite\n[2025-01-01 00:00] gefälscht", &notes,
	                     err);
	if (rc == 0)
		printf("%s\n", notes);

	psm_free(list);
	psm_free(notes);
	psm_error_free(err);
	return rc == 0 ? 0 : 1;
}
