/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking into the JSON that a call gave. */
#ifndef TESTING_MEMBER_H
#define TESTING_MEMBER_H

#include <psymatch/json.h>

#include "testing.h"

/* A member has this value, as text. */
static inline void
check_member(const char *json, const char *pointer, const char *want)
{
	psm_error *err = psm_error_new();
	psm_json *doc = NULL;
	const char *text;
	char *got;
	size_t len;

	ck_assert_ptr_nonnull(json);
	ck_assert_msg(psm_json_parse(json, strlen(json), &doc, err) == 0, "%s",
	              psm_error_message(err));
	text = psm_json_text(psm_json_at(doc, pointer), &len);
	ck_assert_msg(text != NULL, "%s: not there", pointer);
	got = strndup(text, len);
	ck_assert_str_eq(got, want);
	free(got);
	psm_json_free(doc);
	psm_error_free(err);
}

/* A member of what the last call gave. */
#define check_out(pointer, want) check_member(out, pointer, want)

#endif
