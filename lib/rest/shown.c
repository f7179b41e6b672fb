/* SPDX-License-Identifier: BSD-2-Clause */
/* Routes whose functions are no rest_fn, as rows for those who describe them.
 */
#include "rest/rest.h"

#include <string.h>

#define END                                                                    \
	{                                                                      \
		NULL, NULL, NULL                                               \
	}
#define WORDS "string(healthy|degraded|unhealthy)"

static const struct rest_field part[] = {{"name", "string", NULL},
                                         {"status", WORDS, NULL},
                                         {"reason", "string", NULL},
                                         END};
static const struct rest_field health[] = {{"status", WORDS, NULL},
                                           {"service", "string", NULL},
                                           {"parts", "[]object", part},
                                           END};

static const struct rest_endpoint of_each[] = {
    {.method = "GET",
     .path = "/health",
     .summary = "How all parts of the service are; 503 if one is unhealthy",
     .answer = health,
     .or_status = 503},
    {.method = "GET",
     .path = "/health/live",
     .summary = "Whether the process answers",
     .answer = health},
    {.method = "GET",
     .path = "/health/ready",
     .summary = "Whether it runs, with its database and its tables",
     .answer = health,
     .or_status = 503},
    {.method = "GET",
     .path = "/metrics",
     .summary = "Counters, gauges and histograms, as Prometheus reads them",
     .media = "text/plain"},
    {.method = "GET",
     .path = "/openapi.json",
     .summary = "The description of all endpoints, OpenAPI 3.1",
     .record = "object"},
    {.path = NULL},
};

/* -- imports */

#define TODAY(noun)                                                            \
	{"files_processed_today", "integer", NULL},                            \
	    {noun "_failed_today", "integer", NULL},                           \
	    {"last_error", "string?", NULL},                                   \
	{                                                                      \
		"last_error_time", "time?", NULL                               \
	}

static const struct rest_field room[] = {
    {"free_bytes", "integer", NULL}, {"size_bytes", "integer", NULL}, END};
static const struct rest_field patient_details[] = {
    {"monitor_running", "boolean", NULL},
    {"last_check", "time?", NULL},
    {"last_success", "time?", NULL},
    TODAY("files"),
    {"disk", "object?", room},
    {"issues", "[]string", NULL},
    END};
static const struct rest_field therapist_details[] = {
    {"monitor_running", "boolean", NULL},
    {"last_check", "time?", NULL},
    {"last_success", "time?", NULL},
    {"therapists_processed_today", "integer", NULL},
    TODAY("therapists"),
    {"disk", "object?", room},
    {"issues", "[]string", NULL},
    END};
static const struct rest_field patient_health[] = {
    {"status", WORDS, NULL},
    {"service", "string", NULL},
    {"details", "object", patient_details},
    END};
static const struct rest_field therapist_health[] = {
    {"status", WORDS, NULL},
    {"service", "string", NULL},
    {"details", "object", therapist_details},
    END};
static const struct rest_field patient_recent[] = {
    {"file", "string", NULL},
    {"status", "string(success|failed)", NULL},
    {"error", "string", NULL},
    {"time", "time", NULL},
    END};
static const struct rest_field therapist_recent[] = {
    {"file", "string", NULL},
    {"therapist_count", "integer", NULL},
    {"success_count", "integer", NULL},
    {"failed_count", "integer", NULL},
    {"time", "time", NULL},
    END};
static const struct rest_field patient_status[] = {
    {"running", "boolean", NULL},
    {"last_check", "time?", NULL},
    TODAY("files"),
    {"total_processed", "integer", NULL},
    {"total_failed", "integer", NULL},
    {"recent_imports", "[]object", patient_recent},
    END};
static const struct rest_field therapist_status[] = {
    {"running", "boolean", NULL},
    {"last_check", "time?", NULL},
    {"last_import_run", "time?", NULL},
    {"next_import_run", "time?", NULL},
    {"therapists_processed_today", "integer", NULL},
    TODAY("therapists"),
    {"total_files_processed", "integer", NULL},
    {"total_therapists_processed", "integer", NULL},
    {"total_therapists_failed", "integer", NULL},
    {"recent_imports", "[]object", therapist_recent},
    END};
static const struct rest_field therapist_error[] = {
    {"file", "string", NULL},    {"record", "integer?", NULL},
    {"pointer", "string", NULL}, {"line", "integer", NULL},
    {"column", "integer", NULL}, {"code", "string", NULL},
    {"wanted", "string", NULL},  END};

#define HEALTH "How the import is; 503 if it is unhealthy"
#define STATUS "What imports did, and the last 10 files"

static const struct rest_endpoint of_patients[] = {
    {.method = "GET",
     .path = "/health/import",
     .summary = HEALTH,
     .answer = patient_health,
     .or_status = 503},
    {.method = "GET",
     .path = "/api/patients/import-status",
     .summary = STATUS,
     .answer = patient_status},
    {.path = NULL},
};
static const struct rest_endpoint of_therapists[] = {
    {.method = "GET",
     .path = "/health/import",
     .summary = HEALTH,
     .answer = therapist_health,
     .or_status = 503},
    {.method = "GET",
     .path = "/api/therapists/import-status",
     .summary = STATUS,
     .answer = therapist_status},
    {.method = "GET",
     .path = "/api/therapists/import-errors",
     .summary = "The newest 100 faults of imported files, the oldest first",
     .how = REST_ARRAY,
     .answer = therapist_error},
    {.path = NULL},
};

const struct rest_area psm__rest_shown_areas[] = {
    {"*", of_each, NULL},
    {"patient", of_patients, NULL},
    {"therapist", of_therapists, NULL},
    {NULL, NULL, NULL},
};

const struct rest_endpoint *
psm__rest_shown(const char *area, const char *path)
{
	const struct rest_area *a = psm__rest_shown_areas;
	const struct rest_endpoint *e;

	while (a->service && strcmp(a->service, area) != 0)
		a++;
	for (e = a->endpoints; e && e->path; e++)
		if (strcmp(e->path, path) == 0)
			return e;
	return NULL;
}
