/* SPDX-License-Identifier: BSD-2-Clause */
/* The import of patients as workers of their service: registrations are read,
 * mails confirm them, what failed is told to the people of the system. */
#include "platform/platform.h"
#include "rest/rest.h"

#include <string.h>

#define MIB ((int64_t)1024 * 1024)

#define CONFIRMED_AT_ONCE 100
#define TOLD_AT_ONCE "50"

struct import {
	psm_store *store; /* borrowed, as the mailer */
	psm_mailer *mailer;
	psm_object_source *source; /* owned, as the status */
	psm_import_status *status;
};

static void
import_free(void *ptr)
{
	struct import *m = ptr;

	psm_object_source_free(m->source);
	psm_import_status_free(m->status);
	psm__free(m);
}

/* At a first start the tables may not be there yet. */
static int
migrate(const struct import *m, psm_error *err)
{
	int rc = psm_store_migrate(m->store, "psymatch", err);

	return rc < 0 ? rc : psm_store_migrate(m->store, "patient", err);
}

/* -- registrations */

static int
confirm(const struct import *m, psm_error *err)
{
	int rc;

	do
		rc = psm_patient_import_confirm(m->store, psm_mail_render,
		                                m->mailer, CONFIRMED_AT_ONCE,
		                                err);
	while (rc == CONFIRMED_AT_ONCE);
	return rc;
}

/* A source that is away does not keep back what was imported before. */
static int
read_registrations(void *user, psm_error *err)
{
	struct import *m = user;
	psm_error *later = psm_error_new();
	int rc = migrate(m, err), confirmed;

	if (rc < 0) {
		psm_error_free(later);
		return rc;
	}
	rc = psm_patient_import_run(m->store, m->source, m->status, err);
	confirmed = confirm(m, rc < 0 ? later : err);
	psm_error_free(later);
	return rc < 0 ? rc : confirmed;
}

/* Of a run that is long. */
static int
cancel(int timeout_ms, void *user, psm_error *err)
{
	struct import *m = user;

	(void)timeout_ms;
	psm_import_status_cancel(m->status);
	return psm_import_status_set_state(m->status, PSM_IMPORT_STOPPED, err);
}

/* -- messages */

#define SUBJECT "Patient registrations that could not be imported"

/* They are told first and marked then: a crash between tells them twice. One
 * that gets visible meanwhile is told the next time, also with a smaller id. */
static int
tell_faults(void *user, psm_error *err)
{
	struct import *m = user;
	const char *ids, *list;
	psm_rows *rows = NULL;
	int rc = migrate(m, err);

	if (rc == PSM_OK)
		rc = psm_store_exec(
		    m->store,
		    "SELECT array_agg(id), string_agg(concat_ws(': ', object_name, "
		    "nullif(pointer, ''), reason), E'\\n' ORDER BY id) FROM "
		    "(SELECT * FROM psymatch.patient_import_fault WHERE NOT "
		    "told ORDER BY id LIMIT " TOLD_AT_ONCE ") AS f",
		    0, NULL, &rows, err);
	if (rc < 0)
		return rc;
	ids = psm_rows_text(rows, 0, 0);
	list = psm_rows_text(rows, 0, 1);
	if (ids && list)
		rc = psm_mail_notify(m->mailer, SUBJECT, list, err);
	if (ids && rc == PSM_OK)
		rc = psm_store_exec(
		    m->store,
		    "UPDATE psymatch.patient_import_fault SET told = true "
		    "WHERE id = ANY($1::bigint[])",
		    1, &ids, NULL, err);
	psm_rows_free(rows);
	return rc;
}

/* -- the service */

static int
add_workers(const psm_platform *pf, psm_service *svc, struct import *m,
            psm_error *err)
{
	int interval_s = (int)psm_config_int(
	    pf->cfg, "PATIENT_IMPORT_CHECK_INTERVAL_SECONDS");
	int rc = psm_service_worker(svc, "import", interval_s,
	                            read_registrations, m, err);

	if (rc == PSM_OK) /* after the worker, so that it stops before */
		rc = psm_service_stage(svc, "cancel-import", NULL, cancel, m,
		                       err);
	if (rc == PSM_OK &&
	    *psm_config_string(pf->cfg, "SYSTEM_NOTIFICATION_EMAIL"))
		rc = psm_service_worker(svc, "import-messages", interval_s,
		                        tell_faults, m, err);
	return rc;
}

static int
open_source(const psm_platform *pf, struct import *m, psm_error *err)
{
	if (!*psm_config_string(pf->cfg, "PATIENT_IMPORT_SOURCE") &&
	    !*psm_config_string(pf->cfg, "GCS_IMPORT_BUCKET"))
		return psm_import_status_set_state(m->status, PSM_IMPORT_OFF,
		                                   err);
	return psm_object_source_open(pf->cfg, &m->source, err);
}

/* Copies are kept on it, or what could not be imported. */
static int
watch_disk(const psm_platform *pf, struct import *m, psm_error *err)
{
	const char *folder =
	    psm_config_string(pf->cfg, "PATIENT_IMPORT_LOCAL_PATH");
	const char *source =
	    psm_config_string(pf->cfg, "PATIENT_IMPORT_SOURCE");

	if (!*folder && strncmp(source, "file:", 5) == 0)
		folder = source + 5;
	return psm_import_status_set_disk(
	    m->status, *folder ? folder : NULL,
	    psm_config_int(pf->cfg, "PSYMATCH_IMPORT_FREE_MIB") * MIB, err);
}

int
psm__platform_patient_work(psm_platform *pf, psm_service *svc, psm_error *err)
{
	struct import *m;
	int rc = psm__platform_mailer(pf, err);

	if (rc < 0)
		return rc;
	m = psm__alloc(sizeof *m);
	if (!m)
		return psm__nomem(err);
	m->store = pf->store;
	m->mailer = pf->mailer;
	rc = psm__svc_own(svc, m, import_free, err);
	if (rc == PSM_OK)
		rc = psm_patient_import_status_new(
		    psm_config_int(pf->cfg,
		                   "PATIENT_IMPORT_CHECK_INTERVAL_SECONDS"),
		    &m->status, err);
	if (rc == PSM_OK)
		rc = open_source(pf, m, err);
	if (rc == PSM_OK)
		rc = watch_disk(pf, m, err);
	if (rc == PSM_OK && m->source)
		rc = add_workers(pf, svc, m, err);
	return rc == PSM_OK
	           ? psm__rest_import_show(svc, m->status, "patient", err)
	           : rc;
}
