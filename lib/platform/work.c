/* SPDX-License-Identifier: BSD-2-Clause */
/* Workers that libpsymatch-service has ready. */
#include "platform/platform.h"

int
psm__platform_mail_work(psm_platform *pf, psm_service *svc, psm_error *err)
{
	int rc = psm__platform_mailer(pf, err);

	return rc < 0 ? rc
	              : psm_service_add_mailer(svc, pf->mailer, pf->store, err);
}

int
psm__platform_geo_work(psm_platform *pf, psm_service *svc, psm_error *err)
{
	const char *group = "geocoding-service";
	psm_processor *pr = NULL;
	int rc = psm_geo_client_new(pf->cfg, &pf->geo_client, err);

	if (rc == PSM_OK)
		rc = psm_geo_new(
		    psm_geo_client_address, psm_geo_client_route,
		    pf->geo_client,
		    psm_config_int(pf->cfg, "CACHE_TTL_SECONDS"),
		    (int)psm_config_int(pf->cfg, "GEOCODING_TIMEOUT_MS"),
		    &pf->geo, err);
	if (rc == PSM_OK)
		rc = psm__platform_processor(pf, group, &pr, err);
	if (rc == PSM_OK)
		rc = psm_geo_subscribe(pr, pf->geo, err);
	return rc < 0 ? rc : psm_service_add_processor(svc, group, pr, err);
}
