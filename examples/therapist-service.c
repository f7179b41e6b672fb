/* SPDX-License-Identifier: BSD-2-Clause */
/* The therapist service: its REST and its import come from libpsymatch-service,
 * its rules from libpsymatch. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "service-common.h"

static const char usage[] =
    "usage: therapist-service                      run the service\n"
    "       therapist-service migrate              bring the tables up to date\n"
    "       therapist-service settings             show what it can be told\n"
    "       therapist-service import-once          read the newest files\n"
    "       therapist-service announce [all]       publish whom no event has\n"
    "                                              told about yet, or all; it\n"
    "                                              may be interrupted\n"
    "       therapist-service block ID [REASON]    block a therapist\n"
    "       therapist-service unblock ID           unblock a therapist\n"
    "       therapist-service set ID COLUMN VALUE  VALUE is JSON, else text\n"
    "Settings come from the environment.\n";

/* For a person who waits: one line, written again and again. */
static void
show_progress(int64_t done, int64_t total, int64_t written, void *user)
{
	(void)user;
	fprintf(stderr, "\r%lld of %lld files, %lld therapists written%s",
	        (long long)done, (long long)total, (long long)written,
	        done == total ? "\n" : "");
}

static int
command_import(char **args)
{
	const char *folder =
	    psm_config_string(app.cfg, "THERAPIST_IMPORT_FOLDER_PATH");
	psm_import_status *status = NULL;
	int rc = psm_import_status_new(86400, &status, app.err);

	(void)args;
	if (rc == 0)
		rc = migrate(app.err);
	if (isatty(STDERR_FILENO))
		psm_import_status_on_progress(status, show_progress, NULL);
	if (rc == 0)
		rc = psm_therapist_import_run(app.store, folder, status,
		                              app.err);
	if (rc >= 0)
		printf("%d therapist%s created or updated\n", rc,
		       rc == 1 ? "" : "s");
	if (rc >= 0 && psm_import_status_stat(status, "future") > 0)
		rc = psm_error_set(
		    app.err, PSM_ERR_CONFLICT,
		    "a folder is dated in the future and was left out: want "
		    "its right name (see the log), or the right clock");
	psm_import_status_free(status);
	return rc;
}

/* 200 a second, that those who handle them have time for others. */
static int
command_announce(char **args)
{
	static const struct timespec pause = {1, 0};
	int all = args[0] && strcmp(args[0], "all") == 0;
	int rc = migrate(app.err), total = 0;

	if (args[0] && !all)
		return psm_error_set(app.err, PSM_ERR_INVAL,
		                     "announce: want nothing or \"all\"");
	while (rc == 0 && (rc = psm_therapist_announce(app.store, all, 200,
	                                               app.err)) > 0) {
		total += rc;
		if (rc == 200)
			(void)nanosleep(&pause, NULL); /* shorter is no harm */
		rc = 0;
	}
	printf("%d therapist%s announced\n", total, total == 1 ? "" : "s");
	return rc;
}

static int
command_block(char **args)
{
	return psm_therapist_block(app.store, id_of(args[0]), args[1], app.err);
}

static int
command_unblock(char **args)
{
	return psm_therapist_unblock(app.store, id_of(args[0]), app.err);
}

static int
command_set(char **args)
{
	psm_json_writer *w = write_member(args[1], args[2]);
	const char *json;
	size_t len;
	int rc = psm_json_writer_finish(w, &json, &len, app.err);

	if (rc == 0)
		rc = psm_therapist_patch(app.store, id_of(args[0]),
		                         PSM_VERSION_ANY, json, len, NULL,
		                         app.err);
	psm_json_writer_free(w);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct command commands[] = {
	    {"import-once", 0, 0, command_import},
	    {"announce", 0, 1, command_announce},
	    {"block", 1, 2, command_block},
	    {"unblock", 1, 1, command_unblock},
	    {"set", 3, 3, command_set},
	    {NULL, 0, 0, NULL}};
	static const struct service service = {
	    .name = "therapist-service",
	    .usage = usage,
	    .set = "therapist",
	    .rest = "therapist",
	    .port = "THERAPIST_SERVICE_INTERNAL_PORT",
	    .commands = commands};

	return service_main(&service, argc, argv);
}
