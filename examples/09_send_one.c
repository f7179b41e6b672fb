/* SPDX-License-Identifier: BSD-2-Clause */
/* Send one event and end: the shortest way. A program that sends more keeps a
 * producer, as 07_send.c does. */
#include <psymatch/psymatch.h>
#include <stdio.h>

int
main(void)
{
	psm_error *err = psm_error_new();
	psm_payload *m = psm_payload_new("email.response_received");

	psm_payload_int(m, "email_id", 7);
	int rc = psm_producer_send_one("example", m, err);
	puts(rc == 0 ? "accepted" : psm_error_message(err));
	psm_error_free(err);
	return rc < 0;
}
