/* SPDX-License-Identifier: BSD-2-Clause */
/* The matching service: keeps its own copy of therapists and patients, fed by
 * their events, and lets a blocked therapist's inquiries and searches follow.
 */
#define _POSIX_C_SOURCE 200809L /* getdelim */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service-common.h"

static const char usage[] =
    "usage: matching-service            run the service\n"
    "       matching-service migrate    bring the tables up to date\n"
    "       matching-service load FILE  load patients, searches and inquiries\n"
    "Settings come from the environment.\n";

/* One row per setting. */
/* clang-format off */
static const char *const settings[] = {
    "MATCHING_SERVICE_INTERNAL_PORT", "integer", "8003", "0 to 65535", "",
     "HTTP port of matching-service; 0: none",
    NULL};
/* clang-format on */

/* A consumer group per topic: each goes on alone when the other waits. */
static struct {
	const char *group, *topic;
	psm_processor *pr;
} processors[] = {
    {"matching-service-therapist", "therapist-events", NULL},
    {"matching-service-patient", "patient-events", NULL},
    {"matching-service-communication", "communication-events", NULL},
};

static psm_jobs *jobs;

#define PROCESSORS (sizeof processors / sizeof *processors)

/* -- commands */

/* The whole file, NUL-terminated, to be freed; NULL: it cannot be read, see
 * errno. */
static char *
read_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t len = 0;
	ssize_t got;

	if (!file)
		return NULL;
	/* A JSON text has no NUL byte: all of it is one piece. */
	got = getdelim(&text, &len, '\0', file);
	if (got >= 0 && getc(file) != EOF)
		errno = EILSEQ;
	if (!text || ferror(file) || !feof(file)) {
		free(text);
		text = NULL;
	} else if (got < 0) {
		text[0] = '\0'; /* an empty file */
	}
	fclose(file);
	return text;
}

static int
command_load(char **args)
{
	int rc = migrate(app.err);
	char *json;

	if (rc < 0)
		return rc;
	app.file = args[0];
	json = read_file(args[0]);
	if (!json)
		return psm_error_set(app.err, PSM_ERR_IO, strerror(errno));
	rc = psm_matching_load(app.store, json, app.err);
	if (rc >= 0)
		printf("%d %s made\n", rc, rc == 1 ? "inquiry" : "inquiries");
	free(json);
	return rc;
}

static int
publish_closed(psm_tx *tx, int64_t search, int64_t patient)
{
	psm_payload *m = psm_payload_new("search.status_changed");
	psm_event *ev = NULL;
	int rc;

	psm_payload_int(m, "search_id", search);
	psm_payload_int(m, "patient_id", patient);
	psm_payload_text(m, "old_status", "aktiv");
	psm_payload_text(m, "new_status", "abgebrochen");
	rc = psm_event_new_from(m, "matching-service", &ev, app.err);
	if (rc == 0)
		rc = psm_tx_emit(tx, ev, app.err);
	psm_event_free(ev);
	return rc;
}

/* A database that was taken over may have had two active searches of one
 * patient: each that was closed for it is told and published, once. */
static int
tell_closed(void)
{
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	size_t i;
	int rc = psm_tx_begin(app.store, &tx, app.err);

	if (rc == 0)
		rc = psm_tx_exec(tx,
		                 "UPDATE psymatch.search_closed SET reported = "
		                 "true WHERE NOT reported "
		                 "RETURNING search_id, patient_id, kept_id",
		                 0, NULL, &rows, app.err);
	for (i = 0; rc == 0 && i < psm_rows_count(rows); i++) {
		rc = publish_closed(tx, psm_rows_int(rows, i, 0),
		                    psm_rows_int(rows, i, 1));
		printf("patient %s had two active searches: %s stays, %s was "
		       "closed\n",
		       psm_rows_text(rows, i, 1), psm_rows_text(rows, i, 2),
		       psm_rows_text(rows, i, 0));
	}
	psm_rows_free(rows);
	if (rc == 0)
		return psm_tx_commit(tx, app.err);
	psm_tx_rollback(tx);
	return rc;
}

static const struct command commands[] = {
    {"load", 1, 1, command_load},
    {NULL, 0, 0, NULL},
};

/* -- the service */

/* Handle each type that the matching service knows and that comes by topic. */
static int
add_handlers(psm_processor *pr, const char *topic)
{
	psm_handlers *hs = NULL;
	int rc = psm_handlers_new(&hs, app.err);

	if (rc == 0)
		rc = psm_matching_handlers(hs, topic, app.err);
	if (rc == 0)
		rc = psm_processor_handlers(pr, hs, app.err);
	psm_handlers_free(hs);
	return rc;
}

static int
set_up(void)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < PROCESSORS && rc == 0; i++) {
		rc = psm_processor_new(app.store, app.transport, app.cfg,
		                       processors[i].group, &processors[i].pr,
		                       app.err);
		if (rc == 0)
			rc =
			    add_handlers(processors[i].pr, processors[i].topic);
		if (rc == 0)
			rc = psm_service_add_processor(
			    app.svc, processors[i].group, processors[i].pr,
			    app.err);
	}
	if (rc == 0)
		rc = psm_jobs_new(app.store, app.cfg, &jobs, app.err);
	if (rc == 0)
		rc = psm_follow_up_daily(jobs, app.store, app.cfg, app.err);
	if (rc == 0)
		rc = add_jobs(jobs);
	return rc;
}

static void
tear_down(void)
{
	size_t i;

	psm_jobs_free(jobs);
	for (i = 0; i < PROCESSORS; i++)
		psm_processor_free(processors[i].pr);
}

int
main(int argc, char **argv)
{
	static const struct service service = {
	    .name = "matching-service",
	    .usage = usage,
	    .set = "matching",
	    .port = "MATCHING_SERVICE_INTERNAL_PORT",
	    .settings = settings,
	    .commands = commands,
	    .rest = "matching",
	    .migrated = tell_closed,
	    .set_up = set_up,
	    .tear_down = tear_down};

	return service_main(&service, argc, argv);
}
