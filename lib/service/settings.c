/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of the service library: name, type, default, range, unit and
 * meaning of each, as psm_config_register() wants them. */
#include "service/service.h"

/* One row per setting. */
/* clang-format off */
static const char *const settings[] = {
    "PSYMATCH_HTTP_HOST", "string", "127.0.0.1", "", "",
     "address that a service listens on",
    "PSYMATCH_LOG_FORMAT", "word", "json", "json text", "",
     "lines of the log: objects, or words for people",
    "PSYMATCH_LOG_NAMES", "word", "psymatch", "psymatch opentelemetry", "",
     "names of the fields in lines of the log: the library's, or those of "
     "OpenTelemetry where it has some",
    "PSYMATCH_HTTP_CONNECTIONS", "integer", "1024", "1 to 1000000", "",
     "connections at once, at most half of the files that a process may open",
    "PSYMATCH_HTTP_CLIENT_CONNECTIONS", "integer", "0", "0 to 1000000", "",
     "connections of one address; 0: half of them all",
    "PSYMATCH_HTTP_CLIENT_RATE", "integer", "0", "0 to 1000000", "1/s",
     "requests of one token, or else of one address; 0: no limit",
    "PSYMATCH_HTTP_DATABASE_MS", "integer", "10000", "100 to 600000", "ms",
     "how long a request may wait for the database before it is answered by "
     "503",
    "PSYMATCH_HTTP_TLS_CERT_FILE", "path", "", "", "",
     "certificate (PEM, with those in between) of a service; empty: no TLS",
    "PSYMATCH_HTTP_TLS_KEY_FILE", "path", "", "", "",
     "the certificate's key (PEM)",
    "PSYMATCH_API_TOKENS_FILE", "path", "", "", "",
     "who may ask: lines with name, role (read, write, admin) and SHA-256 of a "
     "token; empty: this machine without a token",
    "PSYMATCH_API_OPEN", "boolean", "false", "", "",
     "let other machines in without tokens",
    "PSYMATCH_API_TOKEN", "secret", "", "", "",
     "token of this service for the others",
    "PSYMATCH_API_TOKEN_FILE", "path", "", "", "",
     "file of that token, in place of PSYMATCH_API_TOKEN",
    "PSYMATCH_API_CA_FILE", "path", "", "", "",
     "certificates (PEM) that those of the other services have to be signed "
     "by; empty: the system's",
    "CORS_ALLOWED_ORIGINS", "string",
     "http://localhost:3000,http://localhost:8080", "", "",
     "origins of web pages that may ask, separated by commas; *: all",
    "CORS_SUPPORTS_CREDENTIALS", "boolean", "false", "", "",
     "whether such pages may send what the browser knows of the user",
    "PSYMATCH_SHUTDOWN_MS", "integer", "10000", "100 to 600000", "ms",
     "deadline of an orderly shutdown",
    "PSYMATCH_REST_IDEMPOTENCY_HOURS", "integer", "24", "1 to 8760", "h",
     "how long the answer to an Idempotency-Key is kept",
    "PSYMATCH_REST_COMMUNICATION_URL", "string", "", "", "",
     "base URL of the communication service; empty: there is none",
    "PATIENT_SERVICE_INTERNAL_PORT", "integer", "8001", "0 to 65535", "",
     "HTTP port of patient-service; 0: none",
    "THERAPIST_SERVICE_INTERNAL_PORT", "integer", "8002", "0 to 65535", "",
     "HTTP port of therapist-service; 0: none",
    "MATCHING_SERVICE_INTERNAL_PORT", "integer", "8003", "0 to 65535", "",
     "HTTP port of matching-service; 0: none",
    "COMMUNICATION_SERVICE_INTERNAL_PORT", "integer", "8004", "0 to 65535", "",
     "HTTP port of communication-service; 0: none",
    "GEOCODING_SERVICE_INTERNAL_PORT", "integer", "8005", "0 to 65535", "",
     "HTTP port of geocoding-service; 0: none",
    "PSYMATCH_HTTP_PORT", "integer", "8000", "1 to 65535", "",
     "HTTP port of psymatch-platform --one-port",
    "PSYMATCH_HTTP_ONE_PORT", "boolean", "false", "", "",
     "psymatch-platform: all services at PSYMATCH_HTTP_PORT, none at its own",
    "THERAPIST_IMPORT_FOLDER_PATH", "path", "/scraping_data", "", "",
     "folder of the scraped therapist files",
    "THERAPIST_IMPORT_CHECK_INTERVAL_SECONDS", "integer", "86400",
     "1 to 31536000", "s", "time between two imports",
    "THERAPIST_IMPORT_ENABLED", "boolean", "true", "", "",
     "whether the service imports by itself",
    "PATIENT_IMPORT_SOURCE", "string", "", "", "",
     "where registrations come from, file:FOLDER or gs:BUCKET; empty: the "
     "bucket GCS_IMPORT_BUCKET",
    "PATIENT_IMPORT_LOCAL_PATH", "path", "", "", "",
     "folder of copies of imported registrations; empty: there are none",
    "PATIENT_IMPORT_CHECK_INTERVAL_SECONDS", "integer", "300",
     "1 to 31536000", "s", "time between two imports of patients",
    "PSYMATCH_IMPORT_FREE_MIB", "integer", "1024", "0 to 1073741824", "MiB",
     "what is to be free on the disk of an import, for its health",
    "GCS_IMPORT_BUCKET", "string", "", "", "",
     "bucket of the registrations",
    "GCS_READER_CREDENTIALS_PATH", "path", "", "", "",
     "key file of the service account that lists and reads the bucket",
    "GCS_DELETER_CREDENTIALS_PATH", "path", "", "", "",
     "key file of the one that copies and deletes in it",
    "GCS_BASE_URL", "string", "https://storage.googleapis.com", "", "",
     "base URL of the object storage",
    "GCS_TOKEN_URL", "string", "", "", "",
     "where tokens are asked for; empty: as the key files say",
    "GCS_TIMEOUT_MS", "integer", "30000", "100 to 600000", "ms",
     "deadline of a request to the object storage",
    "OSM_API_URL", "string", "https://nominatim.openstreetmap.org", "", "",
     "base URL of the geocoder; empty: there is none",
    "OSM_USER_AGENT", "string", "TherapyPlatform/1.0", "", "",
     "what geocoder and router are told who asks",
    "OSM_TIMEOUT", "integer", "10", "1 to 60", "s",
     "how long one try of geocoder or router may take",
    "OSM_MAX_RETRIES", "integer", "3", "1 to 10", "",
     "how often geocoder or router are tried",
    "OSM_RATE_LIMIT", "string", "1.0", "", "",
     "requests per second to geocoder and router together",
    "OSRM_API_URL", "string", "https://router.project-osrm.org", "", "",
     "base URL of the router; empty: there is none",
    "OSRM_PROFILE_CAR", "string", "car", "", "",
     "the router's profile for travel mode car",
    "OSRM_PROFILE_TRANSIT", "string", "foot", "", "",
     "the router's profile for travel mode transit",
    "CACHE_TTL_SECONDS", "integer", "2592000", "0 to 2147483647", "s",
     "how long answers of geocoder and router are kept",
    "GEOCODING_TIMEOUT_MS", "integer", "8000", "1 to 600000", "ms",
     "how long geocoder and router may take for one distance",
    "GEOCODING_RETRY_MS", "integer", "1000", "1 to 60000", "ms",
     "pause between two tries of geocoder or router",
    "SMTP_HOST", "string", "localhost", "", "", "mail server",
    "SMTP_PORT", "integer", "1025", "1 to 65535", "", "port of SMTP_HOST",
    "SMTP_USERNAME", "string", "", "", "",
     "name for the login to SMTP_HOST; empty: no login",
    "SMTP_PASSWORD", "secret", "", "", "",
     "password for the login; empty: no login",
    "SMTP_USE_TLS", "boolean", "false", "", "",
     "STARTTLS, without which nothing is sent then",
    "SMTP_IMPLICIT_TLS", "boolean", "false", "", "",
     "TLS from the start of the connection (port 465)",
    "SMTP_CA_FILE", "path", "", "", "",
     "certificates (PEM) that the mail server's has to be signed by; empty: the system's",
    "SMTP_CONNECT_TIMEOUT_MS", "integer", "10000", "100 to 600000", "ms",
     "deadline for the connection to the mail server",
    "SMTP_TIMEOUT_MS", "integer", "60000", "100 to 600000", "ms",
     "deadline for one e-mail; less than EMAIL_LEASE_SECONDS",
    "SYSTEM_NOTIFICATION_EMAIL", "string", "info@curavani.com", "", "",
     "mail address for messages of the system; empty: none are sent",
    "EMAIL_QUEUE_CHECK_INTERVAL_SECONDS", "integer", "30", "1 to 86400", "s",
     "time between two looks at the queue of e-mails, and at answers",
    "EMAIL_ADD_LEGAL_FOOTER", "boolean", "true", "", "",
     "put the legal footer below e-mails that do not say otherwise",
    "EMAIL_ANSWER_MAILDIR", "path", "", "", "",
     "Maildir in which answers to e-mails arrive; empty: none are read",
    "EMAIL_ANSWER_MAX_BYTES", "integer", "10485760", "1024 to 1073741824",
     "bytes", "size limit of an answer",
    "PSYMATCH_TEMPLATE_DIR", "path", "", "", "",
     "folder of the templates of e-mails; empty: the installed one",
    "COMPANY_NAME", "string", "", "", "",
     "first line of the legal footer; empty: there is no footer",
    "COMPANY_STREET", "string", "", "", "", "street in the legal footer",
    "COMPANY_PLZ", "string", "", "", "", "postal code in the legal footer",
    "COMPANY_CITY", "string", "", "", "", "town in the legal footer",
    "COMPANY_COUNTRY", "string", "", "", "", "country in the legal footer",
    "COMPANY_CEO", "string", "", "", "",
     "managing director in the legal footer",
    "COMPANY_HRB", "string", "", "", "",
     "entry in the commercial register in the legal footer",
    "LEGAL_FOOTER_PRIVACY_TEXT", "string", "", "", "",
     "last lines of the legal footer",
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
