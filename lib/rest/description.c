/* SPDX-License-Identifier: BSD-2-Clause */
/* GET /openapi.json */
#include "rest/rest.h"

#include <string.h>

struct description {
	psm_service *svc;
	char *text; /* from the service's start on */
};

static void
description_free(void *ptr)
{
	struct description *d = ptr;

	psm_free(d->text);
	psm__free(d);
}

static int
show(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	const struct description *d = user;

	(void)req;
	(void)err;
	psm_response_json(res, 200, d->text, strlen(d->text));
	return PSM_OK;
}

/* All routes are there by now. */
static int
describe(void *user, psm_error *err)
{
	struct description *d = user;

	return psm__rest_openapi(d->svc, &d->text, err);
}

int
psm__rest_add_description(psm_service *svc, psm_error *err)
{
	struct description *d = psm__alloc(sizeof *d);
	int rc;

	if (!d)
		return psm__nomem(err);
	d->svc = svc;
	rc = psm__svc_own(svc, d, description_free, err);
	if (rc == PSM_OK)
		rc = psm_service_stage(svc, "openapi", describe, NULL, d, err);
	return rc < 0 ? rc
	              : psm_service_route(svc, "GET", "/openapi.json", show, d,
	                                  err);
}
