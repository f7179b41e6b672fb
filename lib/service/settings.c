/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of the service library: name, type, default, range, unit and
 * meaning of each, as psm_config_register() wants them. */
#include "service/service.h"

/* One row per setting. */
/* clang-format off */
static const char *const settings[] = {
    "PSYMATCH_HTTP_HOST", "string", "127.0.0.1", "", "",
     "address that a service listens on",
    "PSYMATCH_SHUTDOWN_MS", "integer", "10000", "100 to 600000", "ms",
     "deadline of an orderly shutdown",
    "PSYMATCH_REST_IDEMPOTENCY_HOURS", "integer", "24", "1 to 8760", "h",
     "how long the answer to an Idempotency-Key is kept",
    "PSYMATCH_REST_COMMUNICATION_URL", "string", "", "", "",
     "base URL of the communication service; empty: there is none",
    "THERAPIST_SERVICE_INTERNAL_PORT", "integer", "8002", "0 to 65535", "",
     "HTTP port of therapist-service; 0: none",
    "THERAPIST_IMPORT_FOLDER_PATH", "path", "/scraping_data", "", "",
     "folder of the scraped therapist files",
    "THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS", "integer", "86400",
     "1 to 31536000", "s", "time between two imports",
    "THERAPIST_IMPORT_ENABLED", "boolean", "true", "", "",
     "whether the service imports by itself",
    NULL};
/* clang-format on */

const char *const *
psm_service_settings(void)
{
	return settings;
}

int
psm_service_config(const char *const *rows, psm_config **out, psm_error *err)
{
	int rc;

	psm_error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	rc = psm_config_register(settings, err);
	if (rc == PSM_OK && rows)
		rc = psm_config_register(rows, err);
	return rc == PSM_OK ? psm_config_from_env(out, err) : rc;
}
