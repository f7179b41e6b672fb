/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of resources and endpoints as the manual page psymatch-rest(7). */
#include "rest/rest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char head[] =
    ".\\\" SPDX-License-Identifier: BSD-2-Clause\n"
    ".\\\" Written by rest-page from the rows of lib/rest.\n"
    ".Dd January 1, 2026\n"
    ".Dt PSYMATCH-REST 7\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm psymatch-rest\n"
    ".Nd what the services answer over HTTP\n"
    ".Sh DESCRIPTION\n"
    "The endpoints of each service; GET /openapi.json of a service describes\n"
    "them with parameters, bodies, answers and statuses.\n"
    "What is the same for all is told by\n"
    ".Xr psm_rest 3 .\n"
    "A list takes page and limit, answers\n"
    ".Li {\\(dqdata\\(dq, \\(dqpage\\(dq, \\(dqlimit\\(dq, \\(dqtotal\\(dq}\n"
    "and counts in total what its filters leave.\n";
static const char tail[] = ".Sh SEE ALSO\n"
			   ".Xr psm_platform 3 ,\n"
			   ".Xr psm_rest 3 ,\n"
			   ".Xr psm_service 3\n";

static void
item(const char *verb, const char *path, const char *more, const char *summary)
{
	printf(".It Cm %s %s%s\n%s", verb, path, more, summary);
}

static void
resource(const struct rest_resource *r)
{
	static const struct {
		unsigned method;
		const char *verb, *tail;
	} all[] = {
	    {REST_LIST, "GET", ""},         {REST_CREATE, "POST", ""},
	    {REST_GET, "GET", "/{id}"},     {REST_PUT, "PUT", "/{id}"},
	    {REST_PATCH, "PATCH", "/{id}"}, {REST_DELETE, "DELETE", "/{id}"}};
	const psm_entity *e = psm_entity_find(r->entity);
	const char *name;

	for (size_t i = 0; i < PSM__COUNT(all); i++) {
		if (!(r->methods & all[i].method))
			continue;
		item(all[i].verb, r->path, all[i].tail,
		     psm__rest_summary(all[i].verb, all[i].tail));
		for (size_t k = 0; all[i].method == REST_LIST &&
		                   (name = psm_entity_filter_at(e, k));
		     k++)
			printf("%s%s", k == 0 ? "; filters: " : ", ", name);
		printf(".\n");
	}
	for (size_t i = 0; r->actions && r->actions[i]; i++)
		printf(".It Cm POST %s/{id}/%s\n%c%s one.\n", r->path,
		       r->actions[i], toupper(r->actions[i][0]),
		       r->actions[i] + 1);
	if (r->contact) {
		item("GET", r->path, "/{id}/communication",
		     psm__rest_summary("GET", "/{id}/communication"));
		printf(".\n");
	}
}

static void
endpoint(const struct rest_endpoint *e)
{
	const struct rest_field *f;

	item(e->method, e->path, "", e->summary);
	for (f = e->query; f && f->name; f++)
		printf("%s%s", f == e->query ? "; parameters: " : ", ",
		       f->name);
	printf(".\n");
}

static void
endpoints(const struct rest_area *a, const char *service)
{
	const struct rest_endpoint *e;

	for (; a->service; a++)
		for (e = a->endpoints;
		     strcmp(a->service, service) == 0 && e && e->path; e++)
			endpoint(e);
}

static void
section(const char *service)
{
	const struct rest_resource *r;

	if (strcmp(service, "*") == 0)
		printf(".Sh EACH SERVICE\n");
	else
		printf(".Sh %s SERVICE\n", service);
	printf(".Bl -tag -width Ds\n");
	for (r = psm__rest_resources; r->path; r++)
		if (strcmp(r->service, service) == 0)
			resource(r);
	endpoints(psm__rest_areas, service);
	endpoints(psm__rest_shown_areas, service);
	printf(".El\n");
}

int
main(void)
{
	const struct rest_area *a, *before;

	printf("%s", head);
	for (a = psm__rest_areas; a->service; a++) {
		for (before = psm__rest_areas; before < a; before++)
			if (strcmp(before->service, a->service) == 0)
				break;
		if (before == a)
			section(a->service);
	}
	printf("%s", tail);
	return fflush(stdout) == 0 ? 0 : 1;
}
