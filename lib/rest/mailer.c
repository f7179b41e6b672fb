/* SPDX-License-Identifier: BSD-2-Clause */
/* Areas whose endpoints write mails. */
#include <psymatch/mailer.h>

#include "rest/rest.h"

static void
free_mailer(void *ptr)
{
	psm_mailer_free(ptr);
}

int
psm__rest_set_up_mailer(struct rest_context *cx, const psm_config *cfg,
                        psm_error *err)
{
	psm_mailer *mailer = NULL;
	int rc = psm_mailer_new(cfg, &mailer, err);

	cx->area = mailer;
	return rc < 0 ? rc : psm__svc_own(cx->svc, mailer, free_mailer, err);
}
