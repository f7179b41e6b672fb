/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to records from the command line: a column is set; those that no
 * event has told about, or all, are published. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "platform/platform.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define A_SECOND 200 /* that those who handle them have time for others */

int
psm__platform_announce(struct platform_call *call, char **args,
                       platform_announce_fn announce, const char *noun,
                       psm_error *err)
{
	static const struct timespec pause = {1, 0};
	int all = args[0] && strcmp(args[0], "all") == 0;
	int rc, total = 0;

	if (args[0] && !all)
		return psm_error_set(err, PSM_ERR_INVAL,
		                     "announce: want nothing or \"all\"");
	rc = psm__platform_migrate(call, err);
	while (rc == PSM_OK &&
	       (rc = announce(call->store, all, A_SECOND, err)) > 0) {
		total += rc;
		if (rc == A_SECOND)
			(void)nanosleep(&pause, NULL); /* shorter is no harm */
		rc = PSM_OK;
	}
	printf("%d %s%s announced\n", total, noun, PSM__NOUN_S(total));
	return rc;
}

/* {"name": value}, where value is JSON or else a text; NULL: out of memory. */
static psm_json_writer *
write_member(const char *name, const char *value)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_json *json = NULL;

	if (!w)
		return NULL;
	psm_json_write_object(w);
	psm_json_write_key(w, name);
	if (psm_json_parse(value, strlen(value), &json, NULL) == 0)
		psm_json_write_value(w, json);
	else
		psm_json_write_string(w, value);
	psm_json_write_end(w);
	psm_json_free(json);
	return w;
}

int
psm__platform_set(struct platform_call *call, char **args,
                  platform_patch_fn patch, psm_error *err)
{
	psm_json_writer *w = write_member(args[1], args[2]);
	const char *json;
	size_t len;
	int rc = psm_json_writer_finish(w, &json, &len, err);

	if (rc == PSM_OK)
		rc = patch(call->store, psm__platform_id(args[0]),
		           PSM_VERSION_ANY, json, len, NULL, err);
	psm_json_writer_free(w);
	return rc;
}
