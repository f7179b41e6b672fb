/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the JSON room share. */
#ifndef PSM_TESTING_JSON_H
#define PSM_TESTING_JSON_H

#include "testing.h"

#include "json/json.h"

static inline psm_json *
testing_json(const char *text)
{
	psm_error *err = psm_error_new();
	psm_json *doc = NULL;

	ck_assert_msg(psm_json_parse(text, strlen(text), &doc, err) == 0,
	              "%s: %s", text, psm_error_message(err));
	ck_assert_ptr_nonnull(doc);
	psm_error_free(err);
	return doc;
}

/* {"<head>0<tail>":0,...} with count members, numbers of at least width
 * digits. */
static inline char *
testing_object(int count, const char *head, int width, const char *tail)
{
	struct psm__buf b = {0};

	for (int i = 0; i < count; i++) {
		psm__buf_puts(&b, i == 0 ? "{" : ",");
		psm__buf_printf(&b, "\"%s%0*d%s\":%d", head, width, i, tail, i);
	}
	psm__buf_puts(&b, "}");
	return psm__buf_take(&b, NULL);
}

#endif
