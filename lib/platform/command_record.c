/* SPDX-License-Identifier: BSD-2-Clause */
/* What is done to records from the command line: a column is set; those that no
 * event has told about, or all, are published. */
#define _POSIX_C_SOURCE 200809L /* nanosleep */

#include "platform/platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define A_SECOND 200 /* that those who handle them have time for others */

int64_t
psm__platform_id(const char *text)
{
	long long id;

	/* As the database writes it: digits only, no zero in front. */
	if (strspn(text, "0123456789") != strlen(text) || text[0] == '0' ||
	    text[0] == '\0' || strlen(text) > 10)
		return 0;
	id = strtoll(text, NULL, 10);
	return id <= INT32_MAX ? id : 0;
}

int
psm__platform_migrate(const struct platform_call *call, psm_error *err)
{
	int rc = psm_store_migrate(call->store, "psymatch", err);

	return rc < 0
	           ? rc
	           : psm_store_migrate(call->store, call->service->area, err);
}

/* One line, written again and again; what is logged meanwhile takes its place. */
struct progress {
	int64_t begun_us;
	int is_shown;
};

static struct progress progress;

static void
show_progress(int64_t done, int64_t total, int64_t written, void *user)
{
	struct progress *p = user;
	char text[160];

	if (psm_progress_format(done, total, psm__mono_us() - p->begun_us,
	                        "files", text, sizeof(text)) < 0)
		return;
	p->is_shown = done < total;
	psm__svc_log_wipes(p->is_shown);
	fprintf(stderr, "\r%s, %lld written\033[K%s", text, (long long)written,
	        p->is_shown ? "\r" : "\n");
}

void
psm__platform_progress(psm_import_status *status)
{
	progress = (struct progress){.begun_us = psm__mono_us()};
	if (isatty(STDERR_FILENO))
		psm_import_status_on_progress(status, show_progress, &progress);
}

void
psm__platform_progress_end(void)
{
	if (progress.is_shown)
		fputs("\033[K", stderr);
	progress.is_shown = 0;
	psm__svc_log_wipes(0);
}

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
