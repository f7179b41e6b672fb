/* SPDX-License-Identifier: BSD-2-Clause */
/* Origins of web pages, as CORS_ALLOWED_ORIGINS names them. */
#include "service/access.h"

#include <string.h>
#include <strings.h>

struct svc_origins {
	char *text; /* cut at the commas */
	char **list;
	size_t count, cap;
	int credentials, all;
};

/* scheme://host[:port], as browsers write it. */
static int
is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	return host && host > text && host[3] &&
	       strcspn(host + 3, "/?#@ ") == strlen(host + 3);
}

static int
add(struct svc_origins *o, char *text, psm_error *err)
{
	size_t len;

	text += strspn(text, " \t");
	len = strlen(text);
	while (len > 0 && strchr(" \t/", text[len - 1]))
		text[--len] = '\0';
	if (len == 0)
		return PSM_OK;
	if (strcmp(text, "*") != 0 && !is_origin(text))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "CORS_ALLOWED_ORIGINS: want origins like "
		                 "https://example.org separated by commas, or "
		                 "*, found \"%s\"",
		                 text);
	if (strcmp(text, "*") == 0)
		o->all = 1;
	if (psm__grow(&o->list, &o->cap, o->count + 1, sizeof *o->list) < 0)
		return psm__nomem(err);
	o->list[o->count++] = text;
	return PSM_OK;
}

int
psm__svc_origins_new(const char *list, int credentials,
                     struct svc_origins **out, psm_error *err)
{
	struct svc_origins *o = psm__alloc(sizeof *o);
	char *next, *text;
	int rc = PSM_OK;

	*out = NULL;
	if (!o)
		return psm__nomem(err);
	o->credentials = credentials;
	o->text = text = psm__strdup(list);
	if (!text)
		rc = psm__nomem(err);
	for (; rc == PSM_OK && text; text = next) {
		next = strchr(text, ',');
		if (next)
			*next++ = '\0';
		rc = add(o, text, err);
	}
	/* Any page could act for whoever is logged in. */
	if (rc == PSM_OK && o->all && credentials)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "CORS_SUPPORTS_CREDENTIALS: want origins by "
		               "name in CORS_ALLOWED_ORIGINS, found *");
	if (rc < 0) {
		psm__svc_origins_free(o);
		return rc;
	}
	*out = o;
	return PSM_OK;
}

void
psm__svc_origins_free(struct svc_origins *o)
{
	if (!o)
		return;
	psm__free(o->list);
	psm__free(o->text);
	psm__free(o);
}

const char *
psm__svc_origins_find(const struct svc_origins *o, const char *origin)
{
	size_t i;

	if (o->all)
		return "*";
	for (i = 0; i < o->count; i++)
		if (strcasecmp(o->list[i], origin) == 0)
			return o->list[i];
	return NULL;
}

int
psm__svc_origins_are_all(const struct svc_origins *o)
{
	return o->all;
}

int
psm__svc_origins_credentials(const struct svc_origins *o)
{
	return o->credentials;
}
