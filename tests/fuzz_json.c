/* SPDX-License-Identifier: BSD-2-Clause */
/* Whatever bytes the JSON reader is given: what it accepts has all its
 * promises, and what it refuses has a place. */
#include "fuzz.h"

#include <stdlib.h>

#include "json/json.h"

static void
must(int truth)
{
	if (!truth)
		abort();
}

/* Every promise about a value that does not need the text's meaning. */
static void
walk(psm_json_writer *w, const psm_json *root, const psm_json *v)
{
	size_t len, all, count = psm_json_count(v);
	const char *text = psm_json_text(v, &len),
		   *whole = psm_json_text(root, &all);
	int64_t integer;
	double real;

	must(text >= whole && text + len <= whole + all && len > 0);
	must(psm_json_line(v) >= 1 && psm_json_column(v) >= 1);
	if (psm_json_get_int(v, &integer, NULL) == 0)
		must(psm_json_kind(v) == PSM_JSON_NUMBER);
	if (psm_json_get_double(v, &real, NULL) == 0)
		must(psm_json_kind(v) == PSM_JSON_NUMBER && real - real == 0);
	if (psm_json_kind(v) == PSM_JSON_ARRAY)
		psm_json_write_array(w);
	else if (psm_json_kind(v) == PSM_JSON_OBJECT)
		psm_json_write_object(w);
	else if (psm_json_kind(v) == PSM_JSON_STRING)
		psm_json_write_string(w, psm_json_string(v));
	else
		psm_json_write_value(w, v);
	for (size_t i = 0; i < count; i++) {
		if (psm_json_key(v, i)) {
			psm_json_write_key(w, psm_json_key(v, i));
			must(psm__json_member(v, psm_json_key(v, i)) ==
			     psm_json_item(v, i));
		}
		walk(w, root, psm_json_item(v, i));
	}
	if (psm_json_kind(v) == PSM_JSON_ARRAY ||
	    psm_json_kind(v) == PSM_JSON_OBJECT)
		psm_json_write_end(w);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_error *err = psm_error_new();
	psm_json *doc = NULL, *again = NULL, *other = NULL;
	const char *text;
	size_t len;

	must(w != NULL && err != NULL);
	(void)psm__json_parse_by_yajl((const char *)data, size, &other, err);
	if (psm_json_parse((const char *)data, size, &doc, err) == 0) {
		must(other != NULL && psm_json_equal(doc, other));
		walk(w, doc, doc);
		must(psm_json_writer_finish(w, &text, &len, err) == 0);
		must(psm_json_parse(text, len, &again, err) == 0);
		must(psm_json_equal(doc, again));
	} else {
		must(other == NULL);
		must(doc == NULL && psm_error_code(err) == PSM_ERR_PARSE);
		must(psm_error_offset(err) <= size &&
		     psm_error_message(err)[0] != '\0');
	}
	psm_json_free(doc);
	psm_json_free(again);
	psm_json_free(other);
	psm_error_free(err);
	psm_json_writer_free(w);
	return 0;
}
