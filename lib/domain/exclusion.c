/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of excluded therapists: numbers, or objects with a number and more. */
#include <string.h>

#include "domain/fit.h"
#include "domain/search_rules.h"

/* The object of a therapist in a list, or NULL. */
static const psm_json *
rich_entry(const psm_json *list, int64_t id)
{
	for (size_t i = 0; i < psm_json_count(list); i++) {
		const psm_json *v = psm_json_item(list, i);

		if (psm_json_kind(v) == PSM_JSON_OBJECT &&
		    psm__excluded_id(v) == id)
			return v;
	}
	return NULL;
}

static int
is_repeated(const psm_json *list, size_t at, int64_t id)
{
	for (size_t i = 0; i < at; i++) {
		if (psm__excluded_id(psm_json_item(list, i)) == id)
			return 1;
	}
	return 0;
}

/* Lists are short: each entry is compared with those before. */
static void
write_list(psm_json_writer *w, const psm_json *fresh, const psm_json *old)
{
	const psm_json *v, *kept;
	int64_t id;

	psm_json_write_array(w);
	for (size_t i = 0; i < psm_json_count(fresh); i++) {
		v = psm_json_item(fresh, i);
		id = psm__excluded_id(v);
		if (id < 1 || id > INT32_MAX || is_repeated(fresh, i, id))
			continue;
		kept = psm_json_kind(v) == PSM_JSON_NUMBER ? rich_entry(old, id)
		                                           : NULL;
		psm_json_write_value(w, kept != NULL ? kept : v);
	}
	psm_json_write_end(w);
}

int
psm__exclusion_parse(const char *text, psm_json **out, psm_error *err)
{
	int rc = 0;

	*out = NULL;
	if (text != NULL)
		rc = psm_json_parse(text, strlen(text), out, NULL);
	if (rc == 0 && *out != NULL && psm_json_kind(*out) != PSM_JSON_ARRAY) {
		psm_json_free(*out);
		*out = NULL;
	}
	return rc == PSM_ERR_NOMEM ? psm__nomem(err) : 0;
}

int
psm__exclusion_replace(const char *old, const char *fresh, char **out,
                       psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_json *before = NULL, *after = NULL;
	int rc = psm__exclusion_parse(old, &before, err);

	if (rc == 0)
		rc = psm__exclusion_parse(fresh, &after, err);
	write_list(w, after, before);
	psm_json_free(before);
	psm_json_free(after);
	return psm__json_take(w, rc, out, err);
}

int
psm__exclusion_seed(const char *list, char **out, psm_error *err)
{
	return psm__exclusion_replace(NULL, list, out, err);
}
