/* SPDX-License-Identifier: BSD-2-Clause */
/* The commands of the matching service. */
#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 65536

/* The whole file, NUL-terminated, new (psm__free). */
static int
read_file(const char *path, char **out, psm_error *err)
{
	FILE *file = fopen(path, "r");
	size_t len = 0, cap = 0, got = 1;
	int rc = PSM_OK;

	*out = NULL;
	if (!file)
		return psm_error_set(err, PSM_ERR_IO, strerror(errno));
	while (got > 0 && rc == PSM_OK) {
		if (psm__grow(out, &cap, len + BLOCK + 1, 1) < 0)
			rc = psm__nomem(err);
		else
			len += got = fread(*out + len, 1, BLOCK, file);
	}
	if (rc == PSM_OK && ferror(file))
		rc = psm_error_set(err, PSM_ERR_IO, strerror(errno));
	else if (rc == PSM_OK && memchr(*out, '\0', len))
		rc = psm_error_set(err, PSM_ERR_PARSE, "a NUL byte");
	else if (rc == PSM_OK)
		(*out)[len] = '\0';
	fclose(file);
	if (rc < 0) {
		psm__free(*out);
		*out = NULL;
	}
	return rc;
}

static int
command_load(struct platform_call *call, char **args, psm_error *err)
{
	int rc = psm__platform_migrate(call, err);
	char *json;

	if (rc < 0)
		return rc;
	call->file = args[0];
	rc = read_file(args[0], &json, err);
	if (rc < 0)
		return rc;
	rc = psm_matching_load(call->store, json, err);
	if (rc >= 0)
		printf("%d %s made\n", rc, rc == 1 ? "inquiry" : "inquiries");
	psm__free(json);
	return rc;
}

const struct platform_command psm__platform_matching[] = {
    {"load", 1, 1, "FILE", "load patients, searches and inquiries\n",
     command_load},
    {"inquire", 2, 2, "THERAPIST AREA",
     "compose an inquiry of the patients\n"
     "of a postal area\n",
     psm__platform_inquire},
    {"send", 1, 1, "INQUIRY", "send it by mail, or plan a call\n",
     psm__platform_send},
    {"proposals", 0, 0, "", "show answers that wait for a person\n",
     psm__platform_proposals},
    {"confirm", 1, 2, "PROPOSAL [JSON]",
     "record it, or what a person made of it\n", psm__platform_confirm},
    {NULL, 0, 0, NULL, NULL, NULL}};
