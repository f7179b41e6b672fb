/* SPDX-License-Identifier: BSD-2-Clause */
/* The handlers of each service, as sets. */
#include <string.h>

#include <psymatch/communication.h>
#include <psymatch/geo.h>
#include <psymatch/processor.h>

#include "app/app.h"

struct set {
	const char *service;
	const char *(*type_at)(size_t i);
	psm_tx_event_fn handle;
	void *user;
};

static int
is_of(const char *type, const char *topic)
{
	return topic == NULL ||
	       strcmp(psm_catalogue_type_topic(psm_catalogue_find(type)),
	              topic) == 0;
}

static int
add(psm_handlers *hs, const struct set *set, const char *topic, psm_error *err)
{
	psm_handler_options *options = NULL;
	const char *type;
	int rc, count = 0;

	psm__error_clear(err);
	if (hs == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "hs is NULL");
	rc = psm_handler_options_new(&options, err);
	/* One person's event that has to wait holds up nobody else's. */
	if (rc == 0)
		rc = psm_handler_options_on_failure(
		    options, PSM_ON_FAILURE_PARK, 0, err);
	for (size_t i = 0; rc == 0 && (type = set->type_at(i)) != NULL; i++) {
		if (!is_of(type, topic))
			continue;
		rc = psm_handlers_on_tx(hs, type, options, set->handle,
		                        set->user, err);
		count++;
	}
	psm_handler_options_free(options);
	return rc < 0 || count > 0
	           ? rc
	           : psm__fail(err, PSM_ERR_INVAL, "topic: none of the %s's",
	                       set->service);
}

int
psm_patient_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	static const struct set set = {"patient service", psm_patient_type_at,
	                               psm_patient_handle, NULL};

	return add(hs, &set, topic, err);
}

int
psm_therapist_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	static const struct set set = {"therapist service",
	                               psm_therapist_type_at,
	                               psm_therapist_handle, NULL};

	return add(hs, &set, topic, err);
}

int
psm_matching_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	static const struct set set = {"matching service", psm_matching_type_at,
	                               psm_matching_handle, NULL};

	return add(hs, &set, topic, err);
}

int
psm_communication_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	static const struct set set = {"communication service",
	                               psm_communication_type_at,
	                               psm_communication_handle, NULL};

	return add(hs, &set, topic, err);
}

int
psm_geo_handlers(psm_handlers *hs, psm_geo *geo, const char *topic,
                 psm_error *err)
{
	struct set set = {"geocoding service", psm_geo_type_at, psm_geo_handle,
	                  geo};

	psm__error_clear(err);
	if (geo == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "geo is NULL");
	return add(hs, &set, topic, err);
}
