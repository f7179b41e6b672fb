/* SPDX-License-Identifier: BSD-2-Clause */
/* Members of the objects that the bundle is given. */
#include <stdio.h>
#include <string.h>

#include "domain/bundle.h"

static int
fault(const char *name, psm_error *err, const char *want)
{
	char pointer[80];

	(void)psm__fail(err, PSM_ERR_SCHEMA, "%s: want %s", name, want);
	(void)snprintf(pointer, sizeof(pointer), "/%s", name);
	psm__error_fault(err, pointer, "%s: want %s", name, want);
	return PSM_ERR_SCHEMA;
}

/* NULL: absent or null, also in what is no object. */
const psm_json *
psm__bundle_member(const psm_json *doc, const char *name)
{
	const psm_json *v = psm_json_kind(doc) == PSM_JSON_OBJECT
	                        ? psm__json_member(doc, name)
	                        : NULL;

	return v != NULL && psm_json_kind(v) == PSM_JSON_NULL ? NULL : v;
}

int
psm__bundle_int(const psm_json *doc, const char *name, int64_t least,
                int64_t most, int64_t fallback, int64_t *out, psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);
	char want[80];

	*out = fallback;
	if (v == NULL && fallback >= least)
		return 0;
	if (psm_json_get_int(v, out, NULL) == 0 && *out >= least &&
	    *out <= most)
		return 0;
	*out = fallback;
	(void)snprintf(want, sizeof(want), "a whole number of %lld to %lld",
	               (long long)least, (long long)most);
	return fault(name, err, want);
}

int
psm__bundle_text(const psm_json *doc, const char *name, const char **out,
                 psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);

	*out = psm_json_string(v);
	return v == NULL || *out != NULL ? 0 : fault(name, err, "a text");
}

int
psm__bundle_bool(const psm_json *doc, const char *name, int *out,
                 psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);

	*out = 0;
	return v == NULL || psm_json_get_bool(v, out, NULL) == 0
	           ? 0
	           : fault(name, err, "true or false");
}

int
psm__bundle_day(const psm_json *doc, const char *name, int required,
                int32_t *out, psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);
	const char *text = psm_json_string(v);

	*out = psm__fit_day(text);
	if (*out > 0 || (v == NULL && !required))
		return 0;
	return fault(name, err, "a day as 2026-02-28");
}

int
psm__bundle_number(const psm_json *doc, const char *name, double fallback,
                   double *out, psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);

	*out = fallback;
	if (v == NULL || (psm_json_get_double(v, out, NULL) == 0 && *out >= 0))
		return 0;
	return fault(name, err, "a number of 0 or more");
}

int
psm__bundle_time(const psm_json *doc, const char *name, int64_t *out,
                 psm_error *err)
{
	const char *text = psm_json_string(psm__bundle_member(doc, name));

	*out = 0;
	return text != NULL &&
	               psm_time_parse(text, strlen(text), out, NULL) == 0
	           ? 0
	           : fault(name, err, "a time as RFC 3339 writes it");
}

int
psm__bundle_fault(const char *name, const char *want, psm_error *err)
{
	return fault(name, err, want);
}

int
psm__bundle_object(const char *json, size_t len, psm_json **out, psm_error *err)
{
	int rc;

	*out = NULL;
	rc = psm_json_parse(json, len, out, err);
	if (rc < 0 || psm_json_kind(*out) == PSM_JSON_OBJECT)
		return rc;
	psm_json_free(*out);
	*out = NULL;
	return psm__fail(err, PSM_ERR_SCHEMA, "want an object");
}

char *
psm__bundle_json(const psm_json *doc, const char *name, int *rc, psm_error *err)
{
	const psm_json *v = psm__bundle_member(doc, name);
	char *copy = NULL;
	const char *text;
	size_t len = 0;

	if (v == NULL)
		return NULL;
	text = psm_json_text(v, &len);
	copy = psm__strndup(text, len);
	if (copy == NULL)
		*rc = psm__nomem(err);
	return copy;
}
