/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/patient_import.h"

#include <string.h>

/* What a token may have at most; platforms make 16 to 64. */
#define TOKEN_MAX 200

static int
refuse(const psm_json *doc, const char *pointer, const char *want,
       psm_error *err)
{
	const psm_json *v = psm_json_at(doc, pointer);
	int rc = psm__fail_at(
	    err, PSM_ERR_SCHEMA, psm__json_position(v != NULL ? v : doc),
	    "%s: want %s", pointer[0] ? pointer + 1 : "file", want);

	psm__error_pointer(err, pointer);
	return rc;
}

/* The first characters of a token that is UTF-8. */
static void
put_reference(struct psm__patient_file *out)
{
	size_t len = 0;

	for (int i = 0; i < PSM__REFERENCE_CHARS && out->token[len]; i++)
		len +=
		    psm__utf8_len(out->token + len, strlen(out->token + len));
	memcpy(out->reference, out->token, len);
	out->reference[len] = '\0';
	out->record.reference = out->reference;
}

static int
read_token(const psm_json *doc, struct psm__patient_file *out, psm_error *err)
{
	static const char pointer[] = "/registration_token";
	const psm_json *v = psm_json_at(doc, pointer);
	const char *text = psm_json_string(v);

	if (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)
		return 0;
	if (text == NULL)
		return refuse(doc, pointer, "a text or null", err);
	out->token = psm__text_tidy(text);
	if (out->token == NULL)
		return psm__nomem(err);
	if (out->token[0] == '\0') {
		psm__free(out->token);
		out->token = NULL;
		return 0;
	}
	if (!psm__text_is_line(out->token) ||
	    psm__utf8_count(out->token) > TOKEN_MAX)
		return refuse(doc, pointer,
		              "one line of at most 200 characters", err);
	put_reference(out);
	return 0;
}

int
psm__patient_file_read(const psm_json *doc, struct psm__patient_file *out,
                       psm_error *err)
{
	static const char pointer[] = "/patient_data";

	memset(out, 0, sizeof(*out));
	if (psm_json_kind(doc) != PSM_JSON_OBJECT)
		return refuse(doc, "", "an object with \"patient_data\"", err);
	out->record.data = psm_json_at(doc, pointer);
	out->record.prefix = pointer;
	if (out->record.data == NULL ||
	    psm_json_kind(out->record.data) != PSM_JSON_OBJECT)
		return refuse(doc, pointer, "an object", err);
	return read_token(doc, out, err);
}

void
psm__patient_file_free(struct psm__patient_file *f)
{
	psm__free(f->token);
	memset(f, 0, sizeof(*f));
}
