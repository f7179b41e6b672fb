/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "app/app.h"

/* Subscribing twice to a topic would be a mistake, so each one goes once. */
static int
subscribe(psm_processor *pr, psm_error *err)
{
	const psm_event_type_info *info;
	const char *topic, *last = "";
	int rc = 0;

	for (size_t i = 0; psm_matching_type_at(i) != NULL && rc == 0; i++) {
		info = psm_catalogue_find(psm_matching_type_at(i));
		topic = info == NULL ? last : psm_catalogue_type_topic(info);
		if (strcmp(topic, last) != 0) /* types stand by topic */
			rc = psm_processor_subscribe(pr, topic, err);
		last = topic;
	}
	return rc;
}

int
psm_matching_subscribe(psm_processor *pr, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (pr == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "pr is NULL");
	rc = subscribe(pr, err);
	for (size_t i = 0; psm_matching_type_at(i) != NULL && rc == 0; i++)
		rc = psm_processor_on(pr, psm_matching_type_at(i),
		                      psm_matching_handle, NULL, err);
	return rc;
}
