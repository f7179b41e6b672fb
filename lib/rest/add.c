/* SPDX-License-Identifier: BSD-2-Clause */
/* The routes of a service, from its rows. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#define PATH_SIZE 200
#define FORGET_S 3600

/* A kind of route: what of a resource has it, and where. */
static const struct kind {
	unsigned method; /* enum rest_method; 0: see below */
	const char *verb, *tail;
	psm_route_fn fn;
} kinds[] = {
    {REST_LIST, "GET", "", psm__rest_list},
    {REST_CREATE, "POST", "", psm__rest_create},
    {REST_GET, "GET", "/{id}", psm__rest_get},
    {REST_PUT, "PUT", "/{id}", psm__rest_put},
    {REST_PATCH, "PATCH", "/{id}", psm__rest_patch},
    {REST_DELETE, "DELETE", "/{id}", psm__rest_delete},
};

static int
add_route(psm_service *svc, const struct rest_route *pattern, const char *verb,
          const char *tail, psm_route_fn fn, psm_error *err)
{
	struct rest_route *route = psm__alloc(sizeof *route);
	char path[PATH_SIZE];
	int rc;

	if (!route)
		return psm__nomem(err);
	*route = *pattern;
	route->fn = fn;
	rc = psm__svc_own(svc, route, psm__free, err); /* also when it fails */
	if (rc < 0)
		return rc;
	(void)snprintf(path, sizeof path, "%s%s", pattern->resource->path,
	               tail);
	return psm_service_route(svc, verb, path, psm__rest_serve, route, err);
}

static int
add_resource(psm_service *svc, struct rest_route *pattern, psm_error *err)
{
	const struct rest_resource *r = pattern->resource;
	char tail[64];
	int rc = PSM_OK;

	for (size_t i = 0; i < PSM__COUNT(kinds) && rc == PSM_OK; i++)
		if (r->methods & kinds[i].method)
			rc = add_route(svc, pattern, kinds[i].verb,
			               kinds[i].tail, kinds[i].fn, err);
	for (size_t i = 0; r->actions && r->actions[i] && rc == PSM_OK; i++) {
		pattern->action = r->actions[i];
		(void)snprintf(tail, sizeof tail, "/{id}/%s", r->actions[i]);
		rc = add_route(svc, pattern, "POST", tail, psm__rest_act, err);
	}
	if (rc == PSM_OK && r->contact)
		rc = add_route(svc, pattern, "GET", "/{id}/communication",
		               psm__rest_contact, err);
	return rc;
}

/* -- endpoints of their own */

static int
add_endpoint(const struct rest_context *cx, const struct rest_endpoint *e,
             psm_error *err)
{
	struct rest_bound *bound = psm__alloc(sizeof *bound);
	int rc;

	if (!bound)
		return psm__nomem(err);
	bound->endpoint = e;
	bound->cx = cx;
	rc = psm__svc_own(cx->svc, bound, psm__free, err);
	return rc < 0 ? rc
	              : psm_service_route(cx->svc, e->method, e->path,
	                                  psm__rest_call, bound, err);
}

static int
add_area(struct rest_context *cx, const struct rest_area *a,
         const psm_config *cfg, psm_error *err)
{
	const struct rest_endpoint *e = a->endpoints;
	int rc = a->set_up ? a->set_up(cx, cfg, err) : PSM_OK;

	for (; e && e->path && rc >= 0; e++)
		rc = add_endpoint(cx, e, err);
	return rc < 0 ? rc : PSM_OK;
}

/* Each area has a context of its own. */
static int
add_areas(const struct rest_context *pattern, const psm_config *cfg,
          psm_error *err)
{
	const struct rest_area *a = psm__rest_areas;
	struct rest_context *cx;
	int rc = PSM_OK;

	for (; a->service && rc == PSM_OK; a++) {
		if (strcmp(a->service, "*") != 0 &&
		    strcmp(a->service, pattern->service) != 0)
			continue;
		cx = psm__alloc(sizeof *cx);
		if (!cx)
			return psm__nomem(err);
		*cx = *pattern;
		rc = psm__svc_own(cx->svc, cx, psm__free, err);
		if (rc == PSM_OK)
			rc = add_area(cx, a, cfg, err);
	}
	return rc;
}

/* 1: there is such a service. */
static int
is_service(const char *name)
{
	const struct rest_resource *r = psm__rest_resources;
	const struct rest_area *a = psm__rest_areas;

	while (r->path && strcmp(r->service, name) != 0)
		r++;
	while (a->service && strcmp(a->service, name) != 0)
		a++;
	return r->path || (a->service && strcmp(name, "*") != 0);
}

/* -- answers that are kept for an Idempotency-Key */

struct keys {
	psm_store *store;
	int hours;
};

/* They hold records of persons, so they go also when no request comes that
 * removes the oldest. At a first start the table may not be there yet. */
static int
forget_keys(void *user, psm_error *err)
{
	const struct keys *keys = user;
	int rc = psm_store_migrate(keys->store, "psymatch", err);

	return rc < 0 ? rc
	              : psm__svc_forget_keys(keys->store, keys->hours, err);
}

static int
add_forgetting(psm_service *svc, psm_store *st, psm_error *err)
{
	struct keys *keys = psm__alloc(sizeof *keys);
	int rc;

	if (!keys)
		return psm__nomem(err);
	keys->store = st;
	keys->hours = svc->key_hours;
	rc = psm__svc_own(svc, keys, psm__free, err);
	return rc < 0 ? rc
	              : psm_service_worker(svc, "idempotency", FORGET_S,
	                                   forget_keys, keys, err);
}

int
psm_rest_add(psm_service *svc, psm_store *st, const psm_config *cfg,
             const char *service, psm_error *err)
{
	const struct rest_resource *r = psm__rest_resources;
	struct rest_route pattern = {NULL, NULL, st, NULL, NULL};
	struct rest_context cx = {svc, st, NULL, NULL, NULL};
	int rc = PSM_OK;

	psm_error_clear(err);
	if (!svc || !st || !cfg || !service)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a service, a store, settings, a name");
	if (!is_service(service))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "there is no service \"%s\"", service);
	cx.service = psm__svc_keep_text(svc, service, err);
	cx.neighbour = psm__svc_keep_text(
	    svc, psm_config_string(cfg, "PSYMATCH_REST_COMMUNICATION_URL"),
	    err);
	if (!cx.service || !cx.neighbour)
		return PSM_ERR_NOMEM;
	pattern.neighbour = cx.neighbour;
	for (; r->path && rc == PSM_OK; r++) {
		if (strcmp(r->service, service) != 0)
			continue;
		pattern.resource = r;
		pattern.action = NULL;
		rc = add_resource(svc, &pattern, err);
	}
	if (rc == PSM_OK)
		rc = add_forgetting(svc, st, err);
	if (rc == PSM_OK)
		rc = add_areas(&cx, cfg, err);
	if (rc == PSM_OK && strcmp(service, "matching") == 0)
		rc = psm__rest_figures(svc, st, err);
	return rc == PSM_OK ? psm__rest_add_description(svc, err) : rc;
}
