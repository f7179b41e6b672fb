/* SPDX-License-Identifier: BSD-2-Clause */
/* What the services of a process are made of, from their rows. */
#include "platform/platform.h"

#include <stdio.h>

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

/* The kinds of jobs of all members. */
static int
register_jobs(psm_platform *pf, psm_error *err)
{
	int rc = PSM_OK;

	for (size_t i = 0; i < pf->count && rc == PSM_OK; i++) {
		const platform_jobs_fn *add = pf->members[i].row->jobs;

		if (add && !pf->jobs)
			rc = psm_jobs_new(pf->store, pf->cfg, &pf->jobs, err);
		for (; add && *add && rc == PSM_OK; add++)
			rc = (*add)(pf->jobs, pf->store, pf->cfg, err);
	}
	return rc;
}

static int
add_jobs(psm_platform *pf, psm_service *svc, psm_error *err)
{
	int rc = register_jobs(pf, err);

	if (rc < 0 || !pf->jobs)
		return rc;
	rc = psm_service_stage(svc, "jobs", jobs_start, jobs_stop, pf->jobs,
	                       err);
	return rc < 0 ? rc
	              : psm_service_health(svc, "jobs", jobs_health, pf->jobs,
	                                   err);
}

/* The sets of tables of all members. */
static int
add_store(psm_platform *pf, psm_service *svc, psm_error *err)
{
	char sets[256] = "psymatch";
	size_t len = sizeof "psymatch" - 1;

	for (size_t i = 0; i < pf->count; i++)
		len += (size_t)snprintf(sets + len, sizeof sets - len, " %s",
		                        pf->members[i].row->area);
	return psm_service_add_store(svc, pf->store, sets, err);
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
add_groups(psm_platform *pf, const struct platform_member *member,
           psm_error *err)
{
	const struct platform_group *group = member->row->groups;
	psm_processor *pr = NULL;
	int rc = PSM_OK;

	for (; group && group->name && rc == PSM_OK; group++) {
		rc = psm__platform_processor(pf, group->name, &pr, err);
		if (rc == PSM_OK)
			rc = add_handlers(pr, group, err);
		if (rc == PSM_OK)
			rc = psm_service_add_processor(member->svc, group->name,
			                               pr, err);
	}
	return rc;
}

/* -- a service */

static int
add_member(psm_platform *pf, const struct platform_service *row, psm_error *err)
{
	struct platform_member *member = &pf->members[pf->count];
	int rc = psm_service_new(row->name, pf->cfg, &member->svc, err);

	if (rc == PSM_OK) {
		member->row = row;
		pf->count++;
	}
	return rc;
}

/* -- what a migration did beside tables */

struct taking_over {
	psm_store *store; /* borrowed */
	const struct platform_service *row;
};

/* The tables may not be there yet. */
static int
take_over(void *user, psm_error *err)
{
	const struct taking_over *t = user;
	int rc = psm_store_migrate(t->store, "psymatch", err);

	if (rc == PSM_OK)
		rc = psm_store_migrate(t->store, t->row->area, err);
	return rc == PSM_OK ? t->row->migrated(t->store, 0, err) : rc;
}

static int
add_taking_over(const psm_platform *pf, const struct platform_member *member,
                psm_error *err)
{
	struct taking_over *t;
	int rc;

	if (!member->row->migrated)
		return PSM_OK;
	t = psm__alloc(sizeof *t);
	if (!t)
		return psm__nomem(err);
	t->store = pf->store;
	t->row = member->row;
	rc = psm__svc_own(member->svc, t, psm__free, err);
	return rc < 0 ? rc
	              : psm_service_worker(member->svc, "taking-over", 0,
	                                   take_over, t, err);
}

static int
fill_member(psm_platform *pf, struct platform_member *member, psm_error *err)
{
	const struct platform_service *row = member->row;
	int rc = row->work ? row->work(pf, member->svc, err) : PSM_OK;

	if (rc == PSM_OK)
		rc = psm_rest_add(member->svc, pf->store, pf->cfg, row->area,
		                  err);
	if (rc == PSM_OK)
		rc = add_taking_over(pf, member, err);
	return rc == PSM_OK ? add_groups(pf, member, err) : rc;
}

/* What is added first starts first and stops last: what a worker or a handler
 * emitted can still leave. */
static int
compose(psm_platform *pf, psm_error *err)
{
	psm_service *base = pf->host ? pf->host : pf->members[0].svc;
	int rc = psm_transport_open(pf->cfg, &pf->transport, err);

	if (rc == PSM_OK)
		rc = psm_relay_new(pf->store, pf->transport, pf->cfg,
		                   &pf->relay, err);
	if (rc == PSM_OK)
		rc = add_store(pf, base, err);
	if (rc == PSM_OK)
		rc = psm_service_add_relay(base, pf->relay, err);
	for (size_t i = 0; i < pf->count && rc == PSM_OK; i++)
		rc = fill_member(pf, &pf->members[i], err);
	if (rc == PSM_OK)
		rc = add_jobs(pf, base, err);
	if (rc == PSM_OK && pf->host)
		rc = psm__platform_share_parts(pf, err);
	if (rc == PSM_OK && pf->host &&
	    psm_config_bool(pf->cfg, "PSYMATCH_HTTP_ONE_PORT"))
		rc = psm__platform_mount(pf, err);
	return rc;
}

/* row NULL: all of them, and a host. */
static int
add_members(psm_platform *pf, const struct platform_service *row,
            psm_error *err)
{
	int rc;

	if (row)
		return add_member(pf, row, err);
	rc = psm_service_new(PLATFORM_NAME, pf->cfg, &pf->host, err);
	for (row = psm__platform_services; row->name && rc == PSM_OK; row++)
		rc = add_member(pf, row, err);
	return rc;
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
	if (service && !row)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "there is no service \"%s\"", service);
	pf = psm__alloc(sizeof *pf);
	if (!pf)
		return psm__nomem(err);
	pf->cfg = cfg;
	pf->store = st;
	rc = add_members(pf, row, err);
	if (rc == PSM_OK)
		rc = compose(pf, err);
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
		psm_service_free(pf->members[--pf->count].svc);
	psm_service_free(pf->host);
	psm_jobs_free(pf->jobs);
	while (pf->processor_count > 0)
		psm_processor_free(pf->processors[--pf->processor_count]);
	psm__free(pf->processors);
	psm_geo_free(pf->geo);
	psm_geo_client_free(pf->geo_client);
	psm_mailer_free(pf->mailer);
	psm_relay_free(pf->relay);
	psm_transport_unref(pf->transport);
	psm__free(pf);
}
