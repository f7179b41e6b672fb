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
	/* The use case of REST_GET, in one round trip. */
	int (*get)(psm_store *store, int64_t id, char **out, int64_t *version,
	           psm_error *err);
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
	psm_route_fn fn;       /* what psm__rest_serve() calls */
};

/* -- areas: what a service has beside its resources */

/* What all endpoints of a service share; lives as long as it. */
struct rest_context {
	psm_service *svc;
	psm_store *store;
	const char *service;   /* "matching" */
	const char *neighbour; /* base URL of the communication, "": none */
	void *area;            /* of the area's set_up() */
};

/*
 * A parameter of the query, a member of a body or of an answer. The type is
 * "integer", "number", "boolean", "string", "date", "time" (of a day, with
 * zone), "object", "any" or a resource's noun ("Patient"); "[]" before it: a
 * list of such; behind it "?": or null; "!": has to be given. A string's words
 * stand in parentheses: "string(a|b)".
 */
struct rest_field {
	const char *name; /* NULL: end of the list */
	const char *type;
	const struct rest_field *members; /* of an object; NULL: any */
};
/* clang-format off */
/* Who a person of a list is, and where. */
#define PSM__REST_CONTACT \
	{"anrede", "string?", NULL}, \
	{"titel", "string?", NULL}, \
	{"vorname", "string?", NULL}, \
	{"nachname", "string?", NULL}, \
	{"strasse", "string?", NULL}, \
	{"plz", "string?", NULL}, \
	{"ort", "string?", NULL}, \
	{"telefon", "string?", NULL}, \
	{"email", "string?", NULL}
/* clang-format on */

enum rest_how {
	/* All of it is one transaction, which continues the request's trace,
	 * waits for the consumers and, of POST, takes an Idempotency-Key. */
	REST_CHANGE = 1,
	REST_BODY_MAY_LACK = 2,
	/* "page" and "limit"; the answer is a page of what the row says. */
	REST_PAGE = 4,
	/* The answer is a list of what the row says. */
	REST_ARRAY = 8,
	/* The body is application/merge-patch+json. */
	REST_MERGE = 16
};

/* Another status than that of the table of errors. */
struct rest_status {
	int code, status; /* both 0: end of the list */
};

struct rest_call;

/* Returns 0 or more, or an error code. */
typedef int (*rest_fn)(struct rest_call *c);

/* An endpoint is a row. */
struct rest_endpoint {
	const char *method, *path; /* NULL: end of the list */
	const char *summary;
	rest_fn fn;
	/* NULL: nothing; called after a failure, when the transaction is gone,
	 * to say more of it (psm__rest_extra()). */
	rest_fn explain;
	unsigned how;     /* enum rest_how */
	const char *noun; /* "Patient search not found"; NULL without {id} */
	/* Whose members its body and query have; NULL: of none. */
	const char *entity;
	const struct rest_field *query, *body; /* NULL: none */
	const struct rest_field *answer;       /* NULL: {"message"} */
	const char *record; /* noun of a resource, whose record the answer is
	                       instead; NULL: none */
	/* NULL: none; members that the answer has beside those of REST_PAGE. */
	const struct rest_field *more;
	int or_status;        /* another one of success; 0: none */
	int status;           /* 0: 200 */
	const char *failures; /* statuses, separated by blanks; those that any
	                         endpoint may have, 503 included, come by
	                         themselves */
	const struct rest_status *statuses; /* NULL: none differs */
	const char *media; /* of the answer; NULL: application/json */
};

/* A request to such an endpoint, and the answer so far. */
struct rest_call {
	const psm_request *req;
	psm_response *res;
	const struct rest_context *cx;
	const struct rest_endpoint *endpoint;
	psm_store *store; /* cx's */
	psm_tx *tx; /* of REST_CHANGE; use cases on store are part of it */
	int64_t id; /* the {id} of the path, 0: there is none */
	const char *body; /* NULL: none */
	size_t len;
	psm_error *err;

	int status;         /* 0: that of the row */
	char *json;         /* new, is freed; NULL: only the message */
	char message[256];  /* joins json as its last member, "": none */
	int64_t version;    /* for the ETag, below 0: none */
	char location[128]; /* "": none */
	/* Set by fn before it fails: undo everything and call it again, with
	 * this as its attempt. */
	int again;
	int attempt;      /* 0: the first */
	char failed[256]; /* why the last one did not do, in public words */
	/* Members that the body of an error has beside its own ones, as
	 * "key":value, separated by commas; "": none. */
	char extra[2048];
};

/* What belongs to a service: rows, and what they need. */
struct rest_area {
	const char *service;                   /* "*": each */
	const struct rest_endpoint *endpoints; /* may be NULL */
	/* May be NULL; cx->area is its own, cfg is gone later. */
	int (*set_up)(struct rest_context *cx, const psm_config *cfg,
	              psm_error *err);
};

extern const struct rest_area psm__rest_areas[]; /* service NULL: end */

/* -- call.c: what is the same for all endpoints */

/* The route's function; user is a struct rest_bound. */
int psm__rest_call(const psm_request *req, psm_response *res, void *user,
                   psm_error *err);

/* What a route of an endpoint serves; lives as long as its service. */
struct rest_bound {
	const struct rest_endpoint *endpoint;
	const struct rest_context *cx;
};

/* The parameters of the row that the request gives, as a JSON object, new
 * (psm_free): integers and booleans as such, "page" and "limit" of REST_PAGE
 * always. PSM_ERR_INVAL: a value does not do, or a parameter lacks. */
int psm__rest_query(struct rest_call *c, char **json);
/* What such a function answers to the query. */
int psm__rest_listed(struct rest_call *c,
                     int (*list)(psm_store *store, const char *query,
                                 char **out, psm_error *err));

/* 1: NULL, or nothing but blanks. */
int psm__rest_is_blank(const char *text);

/* What was written, new (psm_free); takes w. */
int psm__rest_take(psm_json_writer *w, char **json, psm_error *err);

/* PSM_OK and *version, which the record must have: that of If-Match, else
 * PSM_VERSION_ANY. PSM_ERR_PRECONDITION: it has another one. */
int psm__rest_if_version(struct rest_call *c, const char *entity,
                         int64_t *version);

/* Put members, as "key":value, behind those of the answer, an object. */
int psm__rest_join(struct rest_call *c, const char *members);

/* -- body.c */

/* The body, new (psm_json_free), and its member of that name, borrowed from it;
 * both NULL if there is none. PSM_ERR_PARSE; PSM_ERR_SCHEMA: no object, or no
 * text. */
int psm__rest_text(struct rest_call *c, psm_json **doc, const char *key,
                   const char **text);
/* A member of the body of an error; what does not fit is left out. */
void psm__rest_extra(struct rest_call *c, const char *key, const char *json);
void psm__rest_extra_int(struct rest_call *c, const char *key, int64_t value);
void psm__rest_extra_text(struct rest_call *c, const char *key,
                          const char *value);

/* -- failure.c */

struct rest_refused {
	const psm_request *req;
	psm_response *res;
	const char *method, *noun, *entity; /* the last two may be NULL */
	int64_t id;                         /* of the path, 0: none */
};

/* Answer as psm_response_error(), in the former platform's words. */
void psm__rest_refuse(const struct rest_refused *r, const psm_error *err);

/* -- endpoint.c */

/* The {id} of the path; PSM_ERR_NOT_FOUND in the resource's words. */
int psm__rest_id(const psm_request *req, const struct rest_route *route,
                 int64_t *id, psm_error *err);

/* The route's function, and of its failures an answer; user of it, and of the
 * handlers below, is a struct rest_route. */
int psm__rest_serve(const psm_request *req, psm_response *res, void *user,
                    psm_error *err);

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
int psm__rest_import(struct rest_context *cx, const psm_config *cfg,
                     psm_error *err);
/* What a route of an import shows; lives as long as its service. */
struct rest_show {
	const struct rest_endpoint *endpoint;
	psm_import_status *status;
	int (*fn)(psm_import_status *status, char **json, psm_error *err);
};
/* The function of such a route; user is a struct rest_show. */
int psm__rest_show(const psm_request *req, psm_response *res, void *user,
                   psm_error *err);
/* An import at /health/import and /api/AREAs/import-status. */
int psm__rest_import_show(psm_service *svc, psm_import_status *status,
                          const char *area, psm_error *err);

/* -- patient.c, matching.c, ...: rows of an area; path NULL: end */

extern const struct rest_endpoint psm__rest_patient[];
extern const struct rest_endpoint psm__rest_searches[];
extern const struct rest_endpoint psm__rest_therapist[];
extern const struct rest_endpoint psm__rest_inquiries[];
extern const struct rest_endpoint psm__rest_answers[];
extern const struct rest_endpoint psm__rest_communication[];
extern const struct rest_endpoint psm__rest_geocoding[];
extern const struct rest_endpoint psm__rest_admin[]; /* of each service */
extern const struct rest_endpoint psm__rest_import_errors[];

/* Their set_up(). */

/* area: a psm_mailer */
int psm__rest_set_up_mailer(struct rest_context *cx, const psm_config *cfg,
                            psm_error *err);
int psm__rest_set_up_geocoding(struct rest_context *cx, const psm_config *cfg,
                               psm_error *err);

/* -- admin.c */

/* psm_jobs_list() of a kind, NULL or "": all, as {"data": [...]}; the request
 * may name a state and a limit. */
int psm__rest_jobs(struct rest_call *c, const char *kind);
extern const struct rest_field psm__rest_jobs_answer[];

/* -- describe_parts.c: what descriptions are made of */

void psm__rest_member(psm_json_writer *w, const char *key, const char *text);
void psm__rest_open(psm_json_writer *w, const char *key);
/* "content": {media: {"schema": {... }}}, to be filled and closed thrice. */
void psm__rest_content(psm_json_writer *w, const char *media);
void psm__rest_close(psm_json_writer *w, int count);
void psm__rest_parameter(psm_json_writer *w, const char *in, const char *name,
                         const char *type);
/* The answers of a failure: of the list, separated by blanks, and what any
 * request to the route may be told; but for one status, 0: all. */
void psm__rest_failures(psm_json_writer *w, const struct svc_route *route,
                        const char *list, int but);
/* What those refer to. */
void psm__rest_responses(psm_json_writer *w);
void psm__rest_reference(psm_json_writer *w, const char *name,
                         const char *suffix);

/* -- describe.c: what rows say, in the words of OpenAPI */

/* The members of an operation, in an object that is open. */
void psm__rest_describe(psm_json_writer *w, const struct svc_route *route,
                        const struct rest_endpoint *e);

/* -- shown.c: routes that are made otherwise, as rows without a function. */

/* As psm__rest_areas. */
extern const struct rest_area psm__rest_shown_areas[];
/* GET path of an area; NULL: there is none. */
const struct rest_endpoint *psm__rest_shown(const char *area, const char *path);

/* -- figures.c */

/* What the matching service shows of its inquiries under /metrics. */
int psm__rest_figures(psm_service *svc, psm_store *st, psm_error *err);

/* -- openapi.c */

/* What a route of a resource does, in a few words; "": there is none. */
const char *psm__rest_summary(const char *verb, const char *tail);

/* The description of all routes of a service as JSON, new (psm_free). */
int psm__rest_openapi(const psm_service *svc, char **out, psm_error *err);

/* -- description.c */

/* GET /openapi.json: of all routes that the service has when it starts. */
int psm__rest_add_description(psm_service *svc, psm_error *err);

#endif
