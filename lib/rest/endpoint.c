/* SPDX-License-Identifier: BSD-2-Clause */
/* What each method does: read the request, call the use case, answer. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#define FILTERS_MAX 32

/* The answer so far, until the transaction has ended. */
struct answer {
	char *json; /* owned; NULL: none */
	int64_t version;
};

/* -- reading the request */

int
psm__rest_id(const psm_request *req, const struct rest_route *route,
             int64_t *id, psm_error *err)
{
	if (psm_request_id(req, "id", id, err) == PSM_OK)
		return PSM_OK;
	psm_error_clear(err);
	return psm__fail(err, PSM_ERR_NOT_FOUND, "%s not found",
	                 route->resource->noun);
}

int
psm__rest_serve(const psm_request *req, psm_response *res, void *user,
                psm_error *err)
{
	const struct rest_route *route = user;
	struct rest_refused refused = {req,
	                               res,
	                               req->method,
	                               route->resource->noun,
	                               route->resource->entity,
	                               0};
	int rc = route->fn(req, res, user, err);

	if (rc >= 0 || psm_error_code(err) == PSM_OK)
		return rc;
	if (psm_request_param(req, "id") &&
	    psm_request_id(req, "id", &refused.id, NULL) < 0)
		refused.id = 0;
	psm__svc_response_clear(res);
	psm__rest_refuse(&refused, err);
	return PSM_OK;
}

/* Which version the record must have: the one that If-Match names, which is
 * compared here and, by the use case, once more under the record's lock. */
static int
read_version(const psm_request *req, const struct rest_route *route, psm_tx *tx,
             int64_t id, int64_t *version, psm_error *err)
{
	char *json = NULL;
	int rc;

	*version = PSM_VERSION_ANY;
	if (!psm_request_header(req, "If-Match"))
		return PSM_OK;
	rc = psm_entity_get(tx, route->resource->entity, id, &json, version,
	                    err);
	psm_free(json);
	if (rc == PSM_OK)
		rc = psm_request_if_match(req, *version, err);
	return rc < 0 ? rc : PSM_OK;
}

/* -- transactions */

/* Begin one that continues the request's trace. Its commit waits for the living
 * consumers, so that what the client asks of another service next has it. */
static int
begin(const psm_request *req, const struct rest_route *route, psm_tx **tx,
      psm_error *err)
{
	int rc = psm_tx_begin(route->store, tx, err);

	if (rc == PSM_OK)
		rc = psm_tx_wait_consumers(*tx, -1, err);
	return rc == PSM_OK ? psm_request_trace(req, *tx, err) : rc;
}

/* Commit if rc says so; takes tx. */
static int
end(psm_tx *tx, int rc, psm_error *err)
{
	if (rc >= 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

static void
answer_record(psm_response *res, int status, const struct answer *a)
{
	psm_response_etag(res, a->version);
	psm_response_json(res, status, a->json, strlen(a->json));
}

/* -- lists */

/* Filters that the request names, as names and values in turn, then NULL. */
static void
read_filters(const psm_request *req, const psm_entity *e, const char **filters)
{
	const char *name, *value;
	size_t i, count = 0;

	for (i = 0; i < FILTERS_MAX && (name = psm_entity_filter_at(e, i));
	     i++) {
		value = psm_request_query(req, name);
		if (!value || !*value)
			continue;
		filters[count++] = name;
		filters[count++] = value;
	}
	filters[count] = NULL;
}

int
psm__rest_list(const psm_request *req, psm_response *res, void *user,
               psm_error *err)
{
	const struct rest_route *route = user;
	const char *filters[2 * FILTERS_MAX + 1];
	char *json = NULL;
	const char *sort = psm_request_query(req, "sort");
	int64_t page, limit;
	psm_tx *tx = NULL;
	int rc;

	psm_request_page(req, &page, &limit);
	read_filters(req, psm_entity_find(route->resource->entity), filters);
	rc = psm_tx_begin(route->store, &tx, err);
	if (rc == PSM_OK)
		rc = psm_entity_list(tx, route->resource->entity, filters,
		                     sort && *sort ? sort : NULL, page, limit,
		                     &json, err);
	psm_tx_rollback(tx); /* nothing was changed */
	if (rc == PSM_OK)
		psm_response_json(res, 200, json, strlen(json));
	psm_free(json);
	return rc;
}

/* -- records */

int
psm__rest_get(const psm_request *req, psm_response *res, void *user,
              psm_error *err)
{
	const struct rest_route *route = user;
	struct answer a = {NULL, 0};
	int64_t id;
	int rc = psm__rest_id(req, route, &id, err);

	if (rc == PSM_OK)
		rc = route->resource->get(route->store, id, &a.json, &a.version,
		                          err);
	if (rc == PSM_OK && psm_request_is_fresh(req, a.version)) {
		psm_response_etag(res, a.version);
		psm_response_json(res, 304, NULL, 0);
	} else if (rc == PSM_OK) {
		answer_record(res, 200, &a);
	}
	psm_free(a.json);
	return rc;
}

/* Answer with 201 and where the new record is. */
static int
answer_created(const struct rest_route *route, psm_response *res,
               const struct answer *a, psm_error *err)
{
	psm_json *doc = NULL;
	char location[128];
	int64_t id = 0;
	int rc = psm_json_parse(a->json, strlen(a->json), &doc, err);

	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(doc, "/id"), &id, err);
	if (rc == PSM_OK) {
		(void)snprintf(location, sizeof location, "%s/%lld",
		               route->resource->path, (long long)id);
		answer_record(res, 201, a);
		psm_response_header(res, "Location", location);
	}
	psm_json_free(doc);
	return rc;
}

static int
create(const psm_request *req, psm_response *res,
       const struct rest_route *route, psm_tx *tx, psm_error *err)
{
	struct answer a = {NULL, 0};
	size_t len;
	const char *body = psm_request_body(req, &len);
	int rc = psm_entity_create(tx, route->resource->entity, body, len,
	                           &a.json, &a.version, err);

	if (rc == PSM_OK)
		rc = answer_created(route, res, &a, err);
	if (rc == PSM_OK)
		rc = psm_response_keep(res, req, tx, err);
	psm_free(a.json);
	return rc;
}

int
psm__rest_create(const psm_request *req, psm_response *res, void *user,
                 psm_error *err)
{
	const struct rest_route *route = user;
	psm_tx *tx = NULL;
	int rc = psm_request_expect(req, "application/json", err);

	/* Clients of the former platform know this as a fault of the body. */
	if (rc == PSM_ERR_MEDIA_TYPE) {
		psm_error_clear(err);
		rc = psm__fail(err, PSM_ERR_PARSE,
		               "body: want application/json");
	}
	if (rc >= 0)
		rc = begin(req, route, &tx, err);
	if (rc == PSM_OK)
		rc = psm_request_once(req, tx, res, err);
	if (rc == 1) { /* answered as before */
		psm_tx_rollback(tx);
		return PSM_OK;
	}
	if (rc == PSM_OK)
		rc = create(req, res, route, tx, err);
	return end(tx, rc, err);
}

static int
update(const psm_request *req, psm_response *res,
       const struct rest_route *route, const char *type, int how,
       psm_error *err)
{
	struct answer a = {NULL, 0};
	psm_tx *tx = NULL;
	int64_t id, version;
	size_t len;
	const char *body = psm_request_body(req, &len);
	int rc = psm__rest_id(req, route, &id, err);

	if (rc == PSM_OK)
		rc = psm_request_expect(req, type, err);
	if (rc == PSM_OK)
		rc = begin(req, route, &tx, err);
	if (rc == PSM_OK)
		rc = read_version(req, route, tx, id, &version, err);
	if (rc == PSM_OK)
		rc =
		    psm_entity_update(tx, route->resource->entity, id, version,
		                      how, body, len, &a.json, &a.version, err);
	rc = end(tx, rc, err);
	if (rc == PSM_OK)
		answer_record(res, 200, &a);
	psm_free(a.json);
	return rc;
}

int
psm__rest_put(const psm_request *req, psm_response *res, void *user,
              psm_error *err)
{
	return update(req, res, user, "application/json", PSM_CHANGE_PUT, err);
}

int
psm__rest_patch(const psm_request *req, psm_response *res, void *user,
                psm_error *err)
{
	return update(req, res, user, "application/merge-patch+json",
	              PSM_CHANGE_MERGE, err);
}

int
psm__rest_delete(const psm_request *req, psm_response *res, void *user,
                 psm_error *err)
{
	const struct rest_route *route = user;
	psm_tx *tx = NULL;
	int64_t id, version;
	int force = 0, rc = psm__rest_id(req, route, &id, err);
	char text[64];

	if (rc == PSM_OK)
		rc = psm_request_query_bool(req, "force", &force, err);
	if (rc >= 0)
		rc = begin(req, route, &tx, err);
	if (rc == PSM_OK)
		rc = read_version(req, route, tx, id, &version, err);
	if (rc == PSM_OK)
		rc = psm_entity_delete(tx, route->resource->entity, id, version,
		                       force, err);
	rc = end(tx, rc, err);
	if (rc < 0)
		return rc;
	(void)snprintf(text, sizeof text, "%s deleted successfully",
	               route->resource->noun);
	psm_response_message(res, 200, text);
	return PSM_OK;
}

/* -- actions */

static int
act(const psm_request *req, psm_response *res, const struct rest_route *route,
    psm_tx *tx, int64_t id, psm_error *err)
{
	struct answer a = {NULL, 0};
	int64_t version;
	size_t len;
	const char *body = psm_request_body(req, &len);
	int rc = read_version(req, route, tx, id, &version, err);

	if (rc == PSM_OK)
		rc = psm_entity_act(tx, route->resource->entity, id, version,
		                    route->action, len > 0 ? body : NULL, len,
		                    &a.json, &a.version, err);
	if (rc >= 0) {
		answer_record(res, 200, &a);
		rc = psm_response_keep(res, req, tx, err);
	}
	psm_free(a.json);
	return rc;
}

int
psm__rest_act(const psm_request *req, psm_response *res, void *user,
              psm_error *err)
{
	const struct rest_route *route = user;
	psm_tx *tx = NULL;
	size_t len;
	int64_t id;
	int rc = psm__rest_id(req, route, &id, err);

	(void)psm_request_body(req, &len);
	if (rc == PSM_OK && len > 0)
		rc = psm_request_expect(req, "application/json", err);
	if (rc == PSM_OK)
		rc = begin(req, route, &tx, err);
	if (rc == PSM_OK)
		rc = psm_request_once(req, tx, res, err);
	if (rc == 1) {
		psm_tx_rollback(tx);
		return PSM_OK;
	}
	if (rc == PSM_OK)
		rc = act(req, res, route, tx, id, err);
	return end(tx, rc, err);
}
