/* SPDX-License-Identifier: BSD-2-Clause */
/* What the services of a process have in common. */
#include "platform/platform.h"

int
psm__platform_mailer(psm_platform *pf, psm_error *err)
{
	return pf->mailer ? PSM_OK : psm_mailer_new(pf->cfg, &pf->mailer, err);
}

int
psm__platform_processor(psm_platform *pf, const char *group,
                        psm_processor **out, psm_error *err)
{
	int rc = psm__grow(&pf->processors, &pf->processor_cap,
	                   pf->processor_count + 1, sizeof(psm_processor *));

	if (rc < 0)
		return psm__nomem(err);
	rc = psm_processor_new(pf->store, pf->transport, pf->cfg, group, out,
	                       err);
	if (rc == PSM_OK)
		pf->processors[pf->processor_count++] = *out;
	return rc;
}
