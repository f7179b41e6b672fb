/* SPDX-License-Identifier: BSD-2-Clause */
/* Is the argument an event? The program of README.md. */
#include <psymatch/psymatch.h>
#include <stdio.h>
#include <string.h>

int
main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : "";
	psm_error *err = psm_error_new();
	psm_event *ev = NULL;
	int rc = psm_event_parse(text, strlen(text), &ev, err);

	puts(rc == 0 ? psm_event_type(ev) : psm_error_message(err));
	psm_event_free(ev);
	psm_error_free(err);
	return rc == 0 ? 0 : 1;
}
