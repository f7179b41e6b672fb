/* SPDX-License-Identifier: BSD-2-Clause */
/* Send events; each accepted one is reported exactly once. PSYMATCH_TRANSPORT
 * says where to, PSYMATCH_SPOOL_DIR where they survive an outage. */
#include <psymatch/psymatch.h>
#include <stdio.h>

/* On the producer's thread. */
static void
delivered(const char *event_id, int rc, const char *reason, void *user)
{
	int *count = user;

	if (rc == 0)
		++*count;
	else
		fprintf(stderr, "%s: %s\n", event_id, reason);
}

static int
send_one(psm_producer *p, int search, psm_error *err)
{
	psm_payload *m = psm_payload_new("search.status_changed");
	psm_event *ev = NULL;
	int rc;

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", 3);
	psm_payload_null(m, "old_status");
	psm_payload_text(m, "new_status", "aktiv");
	rc = psm_event_new_from(m, "example", &ev, err);
	if (rc == 0)
		rc = psm_producer_send(p, psm_event_topic(ev), ev, err);
	psm_event_free(ev);
	return rc;
}

int
main(void)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	int count = 0, i, rc;

	rc = psm_config_from_env(&cfg, err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_set_delivery(p, delivered, &count);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	for (i = 1; i <= 3 && rc == 0; i++)
		rc = send_one(p, i, err);
	if (rc == 0)
		rc = psm_producer_close(p, 10000, NULL, err);
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	psm_producer_free(p);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	printf("%d delivered\n", count);
	return rc == 0 ? 0 : 1;
}
