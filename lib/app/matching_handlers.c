/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include <psymatch/processor.h>

#include "app/app.h"

static int
is_of(const char *type, const char *topic)
{
	return topic == NULL ||
	       strcmp(psm_catalogue_type_topic(psm_catalogue_find(type)),
	              topic) == 0;
}

int
psm_matching_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	const char *type;
	int rc = 0, count = 0;

	psm__error_clear(err);
	if (hs == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "hs is NULL");
	for (size_t i = 0; rc == 0 && (type = psm_matching_type_at(i)) != NULL;
	     i++) {
		if (!is_of(type, topic))
			continue;
		rc = psm_handlers_on_tx(hs, type, NULL, psm_matching_handle,
		                        NULL, err);
		count++;
	}
	return rc < 0 || count > 0
	           ? rc
	           : psm__fail(err, PSM_ERR_INVAL,
	                       "topic: none of the matching service's");
}
