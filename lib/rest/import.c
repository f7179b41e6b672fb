/* SPDX-License-Identifier: BSD-2-Clause */
/* The import of therapists as a worker of their service, and what it shows. */
#include "rest/rest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB ((int64_t)1024 * 1024)

struct import {
	psm_store *store;
	psm_import_status *status;
	int is_default; /* nobody has named the folder */
	char folder[];
};

static void
import_free(void *ptr)
{
	struct import *m = ptr;

	psm_import_status_free(m->status);
	psm__free(m);
}

/* A folder that nobody has named, and that is not there: until it is, there is
 * nothing to import. */
static int
is_off(const struct import *m)
{
	return m->is_default && access(m->folder, F_OK) != 0 && errno == ENOENT;
}

/* At a first start the tables may not be there yet. */
static int
run(void *user, psm_error *err)
{
	struct import *m = user;
	int rc;

	if (is_off(m) && psm_import_status_set_state(m->status, PSM_IMPORT_OFF,
	                                             NULL) == PSM_OK)
		return PSM_OK;
	rc = psm_store_migrate(m->store, "psymatch", err);
	if (rc == PSM_OK)
		rc = psm_store_migrate(m->store, "therapist", err);
	if (rc == PSM_OK)
		rc = psm_therapist_import_run(m->store, m->folder, m->status,
		                              err);
	return rc;
}

static int
cancel(int timeout_ms, void *user, psm_error *err)
{
	struct import *m = user;

	(void)timeout_ms;
	psm_import_status_cancel(m->status);
	return psm_import_status_set_state(m->status, PSM_IMPORT_STOPPED, err);
}

/* The health's function returns the health. */
int
psm__rest_show(const psm_request *req, psm_response *res, void *user,
               psm_error *err)
{
	const struct rest_show *what = user;
	char *json = NULL;
	int rc = what->fn(what->status, &json, err);

	(void)req;
	if (rc >= 0)
		psm_response_json(res, rc == PSM_HEALTH_RED ? 503 : 200, json,
		                  strlen(json));
	psm_free(json);
	return rc < 0 ? rc : PSM_OK;
}

/* pattern: without its row */
static int
add_show(psm_service *svc, const struct rest_show *pattern, const char *area,
         const char *path, psm_error *err)
{
	struct rest_show *what = psm__alloc(sizeof *what);
	int rc;

	if (!what)
		return psm__nomem(err);
	*what = *pattern;
	what->endpoint = psm__rest_shown(area, path);
	rc = psm__svc_own(svc, what, psm__free, err);
	return rc < 0 ? rc
	              : psm_service_route(svc, "GET", path, psm__rest_show,
	                                  what, err);
}

int
psm__rest_import_show(psm_service *svc, psm_import_status *status,
                      const char *area, psm_error *err)
{
	struct rest_show show = {NULL, status, psm_import_status_health};
	char path[64];
	int rc = add_show(svc, &show, area, "/health/import", err);

	(void)snprintf(path, sizeof path, "/api/%ss/import-status", area);
	show.fn = psm_import_status_json;
	return rc < 0 ? rc : add_show(svc, &show, area, path, err);
}

static int
add_worker(psm_service *svc, struct import *m, const psm_config *cfg,
           int interval, psm_error *err)
{
	int rc;

	if (!psm_config_bool(cfg, "THERAPIST_IMPORT_ENABLED") || !*m->folder)
		return psm_import_status_set_state(m->status, PSM_IMPORT_OFF,
		                                   err);
	rc = psm_service_worker(svc, "import", interval, run, m, err);
	if (rc == PSM_OK) /* after the worker, so that it stops before */
		rc = psm_service_stage(svc, "cancel-import", NULL, cancel, m,
		                       err);
	return rc;
}

int
psm__rest_import(struct rest_context *cx, const psm_config *cfg, psm_error *err)
{
	struct rest_show errors = {NULL, NULL, psm_import_status_errors};
	psm_service *svc = cx->svc;
	const char *folder =
	    psm_config_string(cfg, "THERAPIST_IMPORT_FOLDER_PATH");
	int interval =
	    (int)psm_config_int(cfg, "THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS");
	size_t size = strlen(folder) + 1;
	struct import *m = psm__alloc(sizeof *m + size);
	int rc;

	if (!m)
		return psm__nomem(err);
	m->store = cx->store;
	m->is_default =
	    psm_config_given(cfg, "THERAPIST_IMPORT_FOLDER_PATH") == 0;
	memcpy(m->folder, folder, size);
	rc = psm__svc_own(svc, m, import_free, err);
	if (rc == PSM_OK)
		rc = psm_import_status_new(interval, &m->status, err);
	if (rc == PSM_OK)
		rc = psm_import_status_set_disk(
		    m->status, folder,
		    psm_config_int(cfg, "PSYMATCH_IMPORT_FREE_MIB") * MIB, err);
	if (rc == PSM_OK)
		rc = add_worker(svc, m, cfg, interval, err);
	if (rc == PSM_OK)
		rc = psm__rest_import_show(svc, m->status, "therapist", err);
	errors.status = m->status;
	if (rc == PSM_OK)
		rc = add_show(svc, &errors, "therapist",
		              "/api/therapists/import-errors", err);
	return rc;
}
