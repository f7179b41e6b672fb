/* SPDX-License-Identifier: BSD-2-Clause */
/* Handle events by type: one that fails for now comes again, in order; one that
 * fails for good is dead, and the next one comes. */
#include <psymatch/psymatch.h>
#include <stdio.h>
#include <string.h>

static int tries;

static int
on_status(const psm_event *ev, void *user, psm_error *err)
{
	const char *key = psm_event_key(ev);

	(void)user;
	if (strcmp(key, "1") == 0 && ++tries < 3)
		return PSM_ERR_RETRY;
	if (strcmp(key, "2") == 0) {
		psm_error_set(err, PSM_ERR_REJECT, "no such search");
		return PSM_ERR_REJECT;
	}
	printf("handled %s of search %s\n", psm_event_type(ev), key);
	return 0;
}

static void
on_dead(const char *topic, int32_t partition, int64_t offset, const void *raw,
        size_t len, int code, const char *reason, void *user)
{
	(void)raw; /* raw[len] is the message, to be kept somewhere */
	(void)len;
	(void)user;
	printf("dead: %s/%d/%d: %s: %s\n", topic, (int)partition, (int)offset,
	       psm_error_name(code), reason);
}

/* What another program would send. */
static int
produce(psm_transport *t, const psm_config *cfg, psm_error *err)
{
	psm_producer *p = NULL;
	psm_event *ev = NULL;
	int i, rc = psm_producer_new(t, cfg, &p, err);

	if (rc == 0)
		rc = psm_producer_start(p, err);
	for (i = 1; i <= 3 && rc == 0; i++) {
		psm_payload *m = psm_payload_new("search.status_changed");

		psm_payload_int(m, "search_id", i);
		psm_payload_int(m, "patient_id", 3);
		psm_payload_null(m, "old_status");
		psm_payload_text(m, "new_status", "aktiv");
		rc = psm_event_new_from(m, "example", &ev, err);
		if (rc == 0)
			rc = psm_producer_send(p, psm_event_topic(ev), ev, err);
		psm_event_free(ev);
	}
	if (rc == 0)
		rc = psm_producer_close(p, 10000, NULL, err);
	psm_producer_free(p);
	return rc;
}

int
main(void)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_consumer *c = NULL;
	int rc, done = 0;

	rc = psm_config_new(&cfg, err);
	if (rc == 0) /* what is in memory needs no spool */
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", "none", err);
	if (rc == 0)
		rc = psm_transport_memory(1, &t, err);
	if (rc == 0)
		rc = produce(t, cfg, err);
	if (rc == 0)
		rc = psm_consumer_new(t, cfg, "example", &c, err);
	if (rc == 0)
		rc = psm_consumer_subscribe(c, "matching-events", err);
	if (rc == 0)
		rc = psm_consumer_on(c, "search.status_changed", on_status,
		                     NULL, err);
	if (rc == 0)
		rc = psm_consumer_on_dead(c, on_dead, NULL);
	while (rc >= 0 && done < 3 &&
	       (rc = psm_consumer_poll(c, 1000, err)) >= 0)
		done += rc;
	if (rc < 0)
		fprintf(stderr, "%s\n", psm_error_message(err));
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc < 0 ? 1 : 0;
}
