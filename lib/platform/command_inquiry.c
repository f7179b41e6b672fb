/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries from the command line: what a use case answers is printed. */
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define PROPOSALS_MAX 1000

/* json is taken. */
static int
show(int rc, char *json)
{
	if (rc >= 0 && json)
		printf("%s\n", json);
	psm_free(json);
	return rc;
}

int
psm__platform_inquire(struct platform_call *call, char **args, psm_error *err)
{
	char *json = NULL;
	int rc = psm_inquiry_create(call->store, psm__platform_id(args[0]),
	                            args[1], NULL, 0, &json, err);

	return show(rc, json);
}

int
psm__platform_send(struct platform_call *call, char **args, psm_error *err)
{
	psm_mailer *mailer = NULL;
	char *json = NULL;
	int rc = psm_mailer_new(call->cfg, &mailer, err);

	if (rc == PSM_OK)
		rc = psm_inquiry_send(call->store, psm__platform_id(args[0]),
		                      NULL, 0, psm_mail_render, mailer, &json,
		                      err);
	psm_mailer_free(mailer);
	return show(rc, json);
}

int
psm__platform_proposals(struct platform_call *call, char **args, psm_error *err)
{
	char *json = NULL;
	int rc = psm_inquiry_proposals(call->store, "offen", PROPOSALS_MAX,
	                               &json, err);

	(void)args;
	return show(rc, json);
}

int
psm__platform_confirm(struct platform_call *call, char **args, psm_error *err)
{
	size_t len = args[1] ? strlen(args[1]) : 0;
	char *json = NULL;
	int rc = psm_inquiry_proposal_confirm(
	    call->store, psm__platform_id(args[0]), args[1], len, &json, err);

	return show(rc, json);
}
