/* SPDX-License-Identifier: BSD-2-Clause */
/* The therapist service: imports, blocks and changes therapists. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "service-common.h"

static const char usage[] =
    "usage: therapist-service                      run the service\n"
    "       therapist-service migrate              bring the tables up to date\n"
    "       therapist-service import-once          read the newest files\n"
    "       therapist-service announce [all]       publish whom no event has\n"
    "                                              told about yet, or all; it\n"
    "                                              may be interrupted\n"
    "       therapist-service block ID [REASON]    block a therapist\n"
    "       therapist-service unblock ID           unblock a therapist\n"
    "       therapist-service set ID COLUMN VALUE  VALUE is JSON, else text\n"
    "Settings come from the environment.\n";

/* One row per setting. */
/* clang-format off */
static const char *const settings[] = {
    "THERAPIST_SERVICE_INTERNAL_PORT", "integer", "8002", "0 to 65535", "",
     "HTTP port of therapist-service; 0: none",
    "THERAPIST_IMPORT_FOLDER_PATH", "path", "/scraping_data", "", "",
     "folder of the scraped therapist files",
    "THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS", "integer", "86400",
     "1 to 31536000", "s", "time between two imports",
    "THERAPIST_IMPORT_ENABLED", "boolean", "true", "", "",
     "whether the service imports by itself",
    NULL};
/* clang-format on */

static psm_import_status *status;

/* At a first start the tables may not be there yet. */
static int
import(void *user, psm_error *err)
{
	const char *folder =
	    psm_config_string(app.cfg, "THERAPIST_IMPORT_FOLDER_PATH");
	int rc = migrate(err);

	(void)user;
	return rc ? rc
	          : psm_therapist_import_run(app.store, folder, status, err);
}

/* -- commands */

static int
command_import(char **args)
{
	int rc = psm_import_status_new(86400, &status, app.err);

	if (rc == 0)
		rc = import(args, app.err);
	if (rc >= 0)
		printf("%d therapist%s created or updated\n", rc,
		       rc == 1 ? "" : "s");
	if (rc >= 0 && psm_import_status_stat(status, "future") > 0)
		rc = psm_error_set(app.err, PSM_ERR_CONFLICT,
		                   "a folder is dated in the future and was "
		                   "left out: want its right name (the log has "
		                   "the present one), or the right clock");
	return rc;
}

/* So many a second, that those who handle them have time for others. */
#define ANNOUNCED_PER_SECOND 200

static int
command_announce(char **args)
{
	static const struct timespec pause = {1, 0};
	int all = args[0] && strcmp(args[0], "all") == 0;
	int rc = migrate(app.err), total = 0;

	if (args[0] && !all)
		return psm_error_set(app.err, PSM_ERR_INVAL,
		                     "announce: want nothing or \"all\"");
	while (rc == 0 &&
	       (rc = psm_therapist_announce(
		    app.store, all, ANNOUNCED_PER_SECOND, app.err)) > 0) {
		total += rc;
		if (rc == ANNOUNCED_PER_SECOND)
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

static const struct command commands[] = {{"import-once", 0, 0, command_import},
                                          {"announce", 0, 1, command_announce},
                                          {"block", 1, 2, command_block},
                                          {"unblock", 1, 1, command_unblock},
                                          {"set", 3, 3, command_set},
                                          {NULL, 0, 0, NULL}};

/* -- the service */

static int
cancel_import(int timeout_ms, void *user, psm_error *err)
{
	(void)timeout_ms;
	(void)user;
	psm_import_status_cancel(status);
	return psm_import_status_set_state(status, PSM_IMPORT_STOPPED, err);
}

typedef int (*show_fn)(psm_import_status *, char **, psm_error *);
static show_fn health = psm_import_status_health,
	       counts = psm_import_status_json,
	       errors = psm_import_status_errors;

/* user: what to show. */
static int
show_import(const psm_request *req, psm_response *res, void *user,
            psm_error *err)
{
	char *json = NULL;
	int rc = (*(show_fn *)user)(status, &json, err);

	(void)req;
	if (rc >= 0)
		psm_response_json(res, rc == PSM_HEALTH_RED ? 503 : 200, json,
		                  strlen(json));
	psm_free(json);
	return rc;
}

static int
show_therapist(const psm_request *req, psm_response *res, void *user,
               psm_error *err)
{
	char *json = NULL;
	int rc = psm_therapist_get(
	    app.store, id_of(psm_request_param(req, "id")), &json, NULL, err);

	(void)user;
	if (rc == 0)
		psm_response_json(res, 200, json, strlen(json));
	psm_free(json);
	return rc;
}

/* user: what to do. */
static int
change(const psm_request *req, int64_t id, const char *what, psm_error *err)
{
	size_t len;
	const char *body = psm_request_body(req, &len);
	const char *reason;
	psm_json *doc = NULL;
	int rc;

	if (strcmp(what, "unblock") == 0)
		return psm_therapist_unblock(app.store, id, err);
	if (strcmp(what, "update") == 0)
		return psm_therapist_update(app.store, id, PSM_VERSION_ANY,
		                            body, len, NULL, err);
	rc = read_text(req, "reason", &doc, &reason, err);
	if (rc == 0)
		rc = psm_therapist_block(app.store, id, reason, err);
	psm_json_free(doc);
	return rc;
}

static int
change_therapist(const psm_request *req, psm_response *res, void *user,
                 psm_error *err)
{
	int64_t id;
	int rc = psm_request_id(req, "id", &id, err);

	if (rc == 0)
		rc = change(req, id, user, err);
	if (rc >= 0)
		psm_response_message(res, 200, rc ? "changed" : "unchanged");
	return rc;
}

static const struct route routes[] = {
    {"GET", "/health/import", show_import, &health},
    {"GET", "/api/therapists/import-status", show_import, &counts},
    {"GET", "/api/therapists/import-errors", show_import, &errors},
    {"GET", "/api/therapists/{id}", show_therapist, NULL},
    {"PUT", "/api/therapists/{id}", change_therapist, "update"},
    {"POST", "/api/therapists/{id}/block", change_therapist, "block"},
    {"POST", "/api/therapists/{id}/unblock", change_therapist, "unblock"},
    {NULL, NULL, NULL, NULL},
};

static int
set_up(void)
{
	int interval = (int)psm_config_int(
	    app.cfg, "THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS");
	int rc = psm_import_status_new(interval, &status, app.err);

	if (rc == 0 && !psm_config_bool(app.cfg, "THERAPIST_IMPORT_ENABLED"))
		return psm_import_status_set_state(status, PSM_IMPORT_STOPPED,
		                                   app.err);
	if (rc == 0)
		rc = psm_service_worker(app.svc, "import", interval, import,
		                        NULL, app.err);
	if (rc == 0) /* after the worker, so that it stops before */
		rc = psm_service_stage(app.svc, "cancel-import", NULL,
		                       cancel_import, NULL, app.err);
	return rc;
}

int
main(int argc, char **argv)
{
	static const struct service service = {
	    "therapist-service",
	    usage,
	    "therapist",
	    "THERAPIST_SERVICE_INTERNAL_PORT",
	    settings,
	    commands,
	    routes,
	    NULL,
	    set_up,
	    NULL};
	int rc = service_main(&service, argc, argv);

	psm_import_status_free(status);
	return rc;
}
