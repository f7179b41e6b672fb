/* SPDX-License-Identifier: BSD-2-Clause */
/* The REST room: the resources of the services as rows, and what is derived
 * from a row: its routes and their description. No rule of the domain. */
#ifndef PSM_REST_INT_H
#define PSM_REST_INT_H

#include <psymatch/change.h>
#include <psymatch/entity.h>
#include <psymatch/psymatch.h>
#include <psymatch/rest.h>
#include <psymatch/service.h>

#include "base/base.h"
#include "service/service.h"

/* -- table.c: a resource is a row */

enum rest_method {
	REST_LIST = 1,
	REST_CREATE = 2,
	REST_GET = 4,
	REST_PUT = 8,
	REST_PATCH = 16,
	REST_DELETE = 32,
	REST_ALL = 63
};

struct rest_resource {
	const char *service; /* whose it is */
	const char *path;    /* of the list */
	const char *entity;  /* of lib/entity */
	const char *noun;    /* in messages: "Therapist" */
	unsigned methods;    /* enum rest_method */
	/* Each is POST path/{id}/NAME; ends with NULL. */
	const char *const *actions;
	/* What the communication service calls the id; NULL: it knows nobody
	 * of these. */
	const char *contact;
};

extern const struct rest_resource psm__rest_resources[]; /* path NULL: end */

/* What a route serves; lives as long as its service. */
struct rest_route {
	const struct rest_resource *resource;
	const char *action; /* NULL: none */
	psm_store *store;
	const char *neighbour; /* base URL, "": none */
};

/* -- endpoint.c */

/* The {id} of the path; PSM_ERR_NOT_FOUND in the resource's words. */
int psm__rest_id(const psm_request *req, const struct rest_route *route,
                 int64_t *id, psm_error *err);

/* Handlers; user is a struct rest_route. */

int psm__rest_list(const psm_request *req, psm_response *res, void *user,
                   psm_error *err);
int psm__rest_create(const psm_request *req, psm_response *res, void *user,
                     psm_error *err);
int psm__rest_get(const psm_request *req, psm_response *res, void *user,
                  psm_error *err);
int psm__rest_put(const psm_request *req, psm_response *res, void *user,
                  psm_error *err);
int psm__rest_patch(const psm_request *req, psm_response *res, void *user,
                    psm_error *err);
int psm__rest_delete(const psm_request *req, psm_response *res, void *user,
                     psm_error *err);
int psm__rest_act(const psm_request *req, psm_response *res, void *user,
                  psm_error *err);

/* -- contact.c: the same for path/{id}/communication */

int psm__rest_contact(const psm_request *req, psm_response *res, void *user,
                      psm_error *err);

/* -- import.c */

/* The worker of the therapists' import, /health/import and what it shows. */
int psm__rest_import(psm_service *svc, psm_store *st, const psm_config *cfg,
                     psm_error *err);
/* An import at /health/import and /api/AREAs/import-status. */
int psm__rest_import_show(psm_service *svc, psm_import_status *status,
                          const char *area, psm_error *err);

/* -- openapi.c */

/* The description of all routes of a service as JSON, new (psm_free). */
int psm__rest_openapi(const psm_service *svc, char **out, psm_error *err);

#endif
