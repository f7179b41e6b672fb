/* SPDX-License-Identifier: BSD-2-Clause */
/* What the services of a process are made of, from their rows. */
#include "platform/platform.h"

#include <stdio.h>

/* -- jobs */

static int
jobs_start(void *user, psm_error *err)
{
	return psm_jobs_start(user, err);
}

static int
jobs_stop(int timeout_ms, void *user, psm_error *err)
{
	return psm_jobs_stop(user, timeout_ms, err);
}

static int
jobs_health(char *reason, size_t size, void *user)
{
	return psm_jobs_health(user, reason, size);
}

static int
add_jobs(psm_platform *pf, const struct platform_service *row, psm_service *svc,
         psm_error *err)
{
	const platform_jobs_fn *add = row->jobs;
	int rc = PSM_OK;

	if (!add)
		return PSM_OK;
	if (!pf->jobs)
		rc = psm_jobs_new(pf->store, pf->cfg, &pf->jobs, err);
	for (; rc == PSM_OK && *add; add++)
		rc = (*add)(pf->jobs, pf->store, pf->cfg, err);
	if (rc == PSM_OK)
		rc = psm_service_stage(svc, "jobs", jobs_start, jobs_stop,
		                       pf->jobs, err);
	if (rc == PSM_OK)
		rc =
		    psm_service_health(svc, "jobs", jobs_health, pf->jobs, err);
	return rc;
}

/* -- consumer groups */

static int
add_handlers(psm_processor *pr, const struct platform_group *group,
             psm_error *err)
{
	psm_handlers *hs = NULL;
	int rc = psm_handlers_new(&hs, err);

	if (rc == PSM_OK)
		rc = group->add(hs, group->topic, err);
	if (rc == PSM_OK)
		rc = psm_processor_handlers(pr, hs, err);
	psm_handlers_free(hs);
	return rc;
}

static int
add_group(psm_platform *pf, const struct platform_group *group,
          psm_service *svc, psm_error *err)
{
	psm_processor *pr = NULL;
	int rc = psm__grow(&pf->processors, &pf->processor_cap,
	                   pf->processor_count + 1, sizeof(psm_processor *));

	if (rc < 0)
		return psm__nomem(err);
	rc = psm_processor_new(pf->store, pf->transport, pf->cfg, group->name,
	                       &pr, err);
	if (rc < 0)
		return rc;
	pf->processors[pf->processor_count++] = pr;
	rc = add_handlers(pr, group, err);
	return rc < 0 ? rc
	              : psm_service_add_processor(svc, group->name, pr, err);
}

static int
add_groups(psm_platform *pf, const struct platform_service *row,
           psm_service *svc, psm_error *err)
{
	const struct platform_group *group = row->groups;
	int rc = PSM_OK;

	for (; group && group->name && rc == PSM_OK; group++)
		rc = add_group(pf, group, svc, err);
	return rc;
}

/* -- a service */

/* What is added first starts first and stops last: what a worker or a handler
 * emitted can still leave. */
static int
add_all(psm_platform *pf, const struct platform_service *row, psm_service *svc,
        psm_error *err)
{
	char sets[SVC_NAME_MAX];
	int rc;

	(void)snprintf(sets, sizeof sets, "psymatch %s", row->area);
	rc = psm_service_add_store(svc, pf->store, sets, err);
	if (rc == PSM_OK)
		rc = psm_service_add_relay(svc, pf->relay, err);
	if (rc == PSM_OK)
		rc = psm_rest_add(svc, pf->store, pf->cfg, row->area, err);
	if (rc == PSM_OK)
		rc = add_groups(pf, row, svc, err);
	return rc == PSM_OK ? add_jobs(pf, row, svc, err) : rc;
}

static int
add_service(psm_platform *pf, const struct platform_service *row,
            psm_error *err)
{
	psm_service *svc = NULL;
	int rc = psm_service_new(row->name, pf->cfg, &svc, err);

	if (rc < 0)
		return rc;
	pf->rows[pf->count] = row;
	pf->services[pf->count++] = svc;
	return add_all(pf, row, svc, err);
}

static int
compose(psm_platform *pf, const struct platform_service *row, psm_error *err)
{
	int rc = psm_transport_open(pf->cfg, &pf->transport, err);

	if (rc == PSM_OK)
		rc = psm_relay_new(pf->store, pf->transport, pf->cfg,
		                   &pf->relay, err);
	return rc == PSM_OK ? add_service(pf, row, err) : rc;
}

int
psm_platform_new(const char *service, psm_store *st, const psm_config *cfg,
                 psm_platform **out, psm_error *err)
{
	const struct platform_service *row =
	    service ? psm__platform_service(service) : NULL;
	psm_platform *pf;
	int rc;

	psm_error_clear(err);
	if (out)
		*out = NULL;
	if (!st || !cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store, settings and a pointer");
	if (!row)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "there is no service \"%s\"",
		                 service ? service : "");
	pf = psm__alloc(sizeof *pf);
	if (!pf)
		return psm__nomem(err);
	pf->cfg = cfg;
	pf->store = st;
	rc = compose(pf, row, err);
	if (rc < 0)
		psm_platform_free(pf);
	else
		*out = pf;
	return rc;
}

void
psm_platform_free(psm_platform *pf)
{
	if (!pf)
		return;
	while (pf->count > 0)
		psm_service_free(pf->services[--pf->count]);
	psm_jobs_free(pf->jobs);
	while (pf->processor_count > 0)
		psm_processor_free(pf->processors[--pf->processor_count]);
	psm__free(pf->processors);
	psm_relay_free(pf->relay);
	psm_transport_unref(pf->transport);
	psm__free(pf);
}

int
psm_platform_run(psm_platform *pf, psm_error *err)
{
	psm_error_clear(err);
	if (!pf)
		return psm__fail(err, PSM_ERR_INVAL, "want services");
	return psm_service_run(
	    pf->services[0], psm_config_string(pf->cfg, "PSYMATCH_HTTP_HOST"),
	    (int)psm_config_int(pf->cfg, pf->rows[0]->port), err);
}

void
psm_platform_stop(psm_platform *pf)
{
	if (pf)
		psm_service_stop(pf->services[0]);
}
