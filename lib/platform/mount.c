/* SPDX-License-Identifier: BSD-2-Clause */
/* Services under one address. */
#include "platform/platform.h"
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#define API "/api/"
#define PATH_SIZE 300

/* -- health */

/* The worst of the member's own parts. */
static int
member_health(char *reason, size_t size, void *user)
{
	const struct platform_member *member = user;
	char said[SVC_REASON_SIZE];
	int worst = PSM_HEALTH_GREEN;

	(void)snprintf(reason, size, "%zu parts", member->own_parts);
	for (size_t i = 0; i < member->own_parts; i++) {
		const struct svc_part *part = &member->svc->parts[i];
		int health;

		said[0] = '\0';
		health = part->fn(said, sizeof said, part->user);
		if (!psm_health_name(health))
			health = PSM_HEALTH_RED;
		if (health > worst) {
			worst = health;
			(void)snprintf(reason, size, "%s: %s", part->name,
			               said);
		}
	}
	return worst;
}

static struct svc_part *
find_part(psm_service *svc, const char *name)
{
	for (size_t i = 0; i < svc->part_count; i++)
		if (strcmp(svc->parts[i].name, name) == 0)
			return &svc->parts[i];
	return NULL;
}

/* Of two with one name the host's counts: its door is the one that is used
 * when the member has none. */
static int
share_part(psm_service *svc, const struct svc_part *part, int one_port,
           psm_error *err)
{
	struct svc_part *own = find_part(svc, part->name);

	if (!own)
		return psm__svc_add_part(svc, part->name, part->fn, part->user,
		                         err);
	if (one_port)
		*own = *part;
	return PSM_OK;
}

int
psm__platform_share_parts(psm_platform *pf, psm_error *err)
{
	int one_port = psm_config_bool(pf->cfg, "PSYMATCH_HTTP_ONE_PORT");
	size_t shared = pf->host->part_count;
	int rc = PSM_OK;

	for (size_t i = 0; i < pf->count; i++) {
		struct platform_member *member = &pf->members[i];

		member->own_parts = member->svc->part_count;
		for (size_t k = 0; k < shared && rc == PSM_OK; k++) {
			const struct svc_part *part = &pf->host->parts[k];

			rc = share_part(member->svc, part, one_port, err);
		}
		if (rc == PSM_OK)
			rc = psm__svc_add_part(pf->host, member->row->name,
			                       member_health, member, err);
	}
	return rc;
}

/* -- routes */

/* Who may call it, and when, is as in the member. */
static int
add_route(psm_service *host, const struct svc_route *route, const char *path,
          psm_error *err)
{
	struct svc_route *made;
	int rc = psm_service_route(host, route->method, path, route->fn,
	                           route->user, err);

	if (rc < 0)
		return rc;
	made = &host->routes[host->route_count - 1];
	made->role = route->role;
	made->built_in = route->built_in;
	return PSM_OK;
}

/* What each service has, e.g. /api/jobs, is there once: the database is one. */
static int
is_there(const psm_service *host, const struct svc_route *route)
{
	for (size_t i = 0; i < host->route_count; i++)
		if (strcmp(host->routes[i].path, route->path) == 0 &&
		    strcmp(host->routes[i].method, route->method) == 0)
			return 1;
	return 0;
}

static int
mount_route(psm_platform *pf, const struct platform_member *member,
            const struct svc_route *route, psm_error *err)
{
	char path[PATH_SIZE];
	int rc;

	(void)snprintf(path, sizeof path, "/%s%s", member->row->name,
	               route->path);
	rc = add_route(pf->host, route, path, err);
	if (rc == PSM_OK && strncmp(route->path, API, sizeof API - 1) == 0 &&
	    !is_there(pf->host, route))
		rc = add_route(pf->host, route, route->path, err);
	return rc;
}

/* The figures of all members. */
static char *
show_figures(void *user)
{
	const psm_platform *pf = user;
	struct psm__buf page = {NULL, 0, 0, 0};
	size_t len;

	for (size_t i = 0; i < pf->count; i++) {
		const psm_service *svc = pf->members[i].svc;
		char *text = svc->more_metrics
		                 ? svc->more_metrics(svc->more_metrics_user)
		                 : NULL;

		psm__buf_puts(&page, text ? text : "");
		psm__free(text);
	}
	return psm__buf_take(&page, &len);
}

int
psm__platform_mount(psm_platform *pf, psm_error *err)
{
	int rc = psm__rest_add_description(pf->host, err);

	pf->host->more_metrics = show_figures;
	pf->host->more_metrics_user = pf;
	for (size_t i = 0; i < pf->count; i++) {
		const struct platform_member *member = &pf->members[i];

		member->svc->is_mounted = 1;
		for (size_t k = 0; k < member->svc->route_count && rc == PSM_OK;
		     k++)
			rc = mount_route(pf, member, &member->svc->routes[k],
			                 err);
	}
	return rc;
}
