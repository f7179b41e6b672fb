/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a request may come in. With a file of tokens it needs one whose role
 * suffices. Without one the service listens to this machine only; then a web
 * page in somebody's browser must not be able to speak for that person: neither
 * by a name that leads here (Host), nor by sending what it may not read
 * (Origin).
 */
#include "service/access.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define REALM "Bearer realm=\"psymatch\""

/* -- roles */

/* What is there about everybody: raw events, what is to be done. */
static const char *const admin_paths[] = {
    "/api/admin", "/api/dead-letters", "/api/jobs",
    "/api/patients/import-errors", "/api/therapists/import-errors"};
/* What says that the process lives, and no more. */
static const char *const public_paths[] = {"/health", "/health/live",
                                           "/health/ready"};

enum svc_role
psm__svc_role_of(const char *method, const char *path)
{
	size_t i, len;

	for (i = 0; i < PSM__COUNT(public_paths); i++)
		if (strcmp(path, public_paths[i]) == 0)
			return SVC_ROLE_NONE;
	for (i = 0; i < PSM__COUNT(admin_paths); i++) {
		len = strlen(admin_paths[i]);
		if (strncmp(path, admin_paths[i], len) == 0 &&
		    (path[len] == '\0' || path[len] == '/'))
			return SVC_ROLE_ADMIN;
	}
	return strcmp(method, "GET") == 0 ? SVC_ROLE_READ : SVC_ROLE_WRITE;
}

/* -- set up and down */

static int
tls_files(psm_service *svc, const psm_config *cfg, psm_error *err)
{
	const char *cert =
	    psm_config_string(cfg, "PSYMATCH_HTTP_TLS_CERT_FILE");
	const char *key = psm_config_string(cfg, "PSYMATCH_HTTP_TLS_KEY_FILE");

	if (!*cert != !*key)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_HTTP_TLS_CERT_FILE and "
		                 "PSYMATCH_HTTP_TLS_KEY_FILE: want both or "
		                 "none");
	if (!*cert)
		return PSM_OK;
	svc->door.cert_file = psm__strdup(cert);
	svc->door.key_file = psm__strdup(key);
	return svc->door.cert_file && svc->door.key_file ? PSM_OK
	                                                 : psm__nomem(err);
}

/* Without tokens any page could read everything for whoever opens it. */
static int
check_origins(const struct svc_door *door, psm_error *err)
{
	if (door->tokens || door->is_open ||
	    !psm__svc_origins_are_all(door->origins))
		return PSM_OK;
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "CORS_ALLOWED_ORIGINS: without "
	                 "PSYMATCH_API_TOKENS_FILE want origins by name, "
	                 "found *; PSYMATCH_API_OPEN=true lets everybody in");
}

int
psm__svc_door_init(psm_service *svc, const psm_config *cfg, psm_error *err)
{
	const char *tokens = psm_config_string(cfg, "PSYMATCH_API_TOKENS_FILE");
	int rate = (int)psm_config_int(cfg, "PSYMATCH_HTTP_CLIENT_RATE");
	struct svc_door *door = &svc->door;
	int rc;

	door->is_open = psm_config_bool(cfg, "PSYMATCH_API_OPEN");
	svc->limits.connections =
	    (size_t)psm_config_int(cfg, "PSYMATCH_HTTP_CONNECTIONS");
	svc->limits.client_connections =
	    (size_t)psm_config_int(cfg, "PSYMATCH_HTTP_CLIENT_CONNECTIONS");
	rc = psm__svc_origins_new(
	    psm_config_string(cfg, "CORS_ALLOWED_ORIGINS"),
	    psm_config_bool(cfg, "CORS_SUPPORTS_CREDENTIALS"), &door->origins,
	    err);
	if (rc == PSM_OK)
		rc = tls_files(svc, cfg, err);
	if (rc == PSM_OK && rate > 0)
		rc = psm__svc_rate_new(rate, &door->rate, err);
	if (rc == PSM_OK)
		rc = psm__svc_client_settings(cfg, err);
	if (rc == PSM_OK && *tokens)
		rc = psm__svc_tokens_new(tokens, &door->tokens, err);
	return rc < 0 ? rc : check_origins(door, err);
}

void
psm__svc_door_clear(psm_service *svc)
{
	struct svc_door *door = &svc->door;

	psm__svc_tokens_free(door->tokens);
	psm__svc_origins_free(door->origins);
	psm__svc_rate_free(door->rate);
	psm__free(door->cert_file);
	psm__free(door->key_file);
	memset(door, 0, sizeof *door);
}

static int
is_loopback(const struct sockaddr_storage *addr)
{
	const struct sockaddr_in6 *six = (const void *)addr;
	const struct sockaddr_in *four = (const void *)addr;
	const uint8_t *b = six->sin6_addr.s6_addr;

	if (addr->ss_family == AF_INET)
		return ntohl(four->sin_addr.s_addr) >> 24 == 127;
	return addr->ss_family == AF_INET6 &&
	       (IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
	        (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && b[12] == 127));
}

int
psm__svc_door_may_listen(const psm_service *svc, int fd, psm_error *err)
{
	struct sockaddr_storage addr = {0};
	socklen_t len = sizeof addr;

	if (svc->door.tokens || svc->door.is_open ||
	    (getsockname(fd, (struct sockaddr *)&addr, &len) == 0 &&
	     is_loopback(&addr)))
		return PSM_OK;
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "PSYMATCH_HTTP_HOST: without PSYMATCH_API_TOKENS_FILE "
	                 "want an address of this machine only, as 127.0.0.1; "
	                 "PSYMATCH_API_OPEN=true lets everybody in");
}

/* -- a request */

/* The token behind "Bearer"; NULL: none. */
static const char *
bearer(const psm_request *req)
{
	const char *text = psm_request_header(req, "Authorization");

	if (!text || strncasecmp(text, "Bearer", 6) != 0 || text[6] != ' ')
		return NULL;
	return text + 6 + strspn(text + 6, " ");
}

static void
turn_away(struct svc_verdict *v, int status, const char *message,
          const char *challenge)
{
	v->status = status;
	v->message = message;
	v->challenge = challenge;
}

static void
check_token(struct svc_door *door, psm_request *req)
{
	static const char *const scopes[] = {
	    [SVC_ROLE_READ] = REALM ", error=\"insufficient_scope\", "
				    "scope=\"read\"",
	    [SVC_ROLE_WRITE] = REALM ", error=\"insufficient_scope\", "
				     "scope=\"write\"",
	    [SVC_ROLE_ADMIN] = REALM ", error=\"insufficient_scope\", "
				     "scope=\"admin\"",
	};
	struct svc_verdict *v = &req->verdict;
	enum svc_role want = req->route ? req->route->role : SVC_ROLE_READ;
	const char *token = bearer(req);

	psm__svc_tokens_look(door->tokens);
	if (token)
		v->role = psm__svc_tokens_find(door->tokens, token, v->client);
	if (v->role >= want)
		return;
	if (!token)
		turn_away(v, 401, "want a token: Authorization: Bearer", REALM);
	else if (v->role == SVC_ROLE_NONE)
		turn_away(v, 401, "unknown token",
		          REALM ", error=\"invalid_token\"");
	else
		turn_away(v, 403, "the token's role does not suffice",
		          scopes[want]);
}

/* A name may lead here although it is somebody else's, also one without a dot
 * (search domains, single labels): an address and localhost cannot. */
static int
is_local_host(const char *host)
{
	size_t len = strcspn(host, ":");

	return host[0] == '[' || strspn(host, "0123456789.") == len ||
	       (len == 9 && strncasecmp(host, "localhost", len) == 0);
}

static int
is_same_origin(const char *origin, const char *host)
{
	const char *name = strstr(origin, "://");

	return name && host && strcasecmp(name + 3, host) == 0;
}

static void
check_browser(struct svc_door *door, psm_request *req, const char *origin)
{
	const char *host = psm_request_header(req, "Host");
	int is_change =
	    strcmp(req->method, "GET") != 0 && strcmp(req->method, "HEAD") != 0;

	if (!door->is_open && host && !is_local_host(host))
		turn_away(&req->verdict, 403, "Host: want this machine", NULL);
	else if (is_change && origin && !is_same_origin(origin, host) &&
	         (!req->verdict.origin ||
	          psm__svc_origins_are_all(door->origins)))
		turn_away(&req->verdict, 403,
		          "Origin: not in CORS_ALLOWED_ORIGINS", NULL);
}

static void
check_rate(struct svc_door *door, psm_request *req)
{
	struct svc_verdict *v = &req->verdict;
	char client[SVC_PEER_SIZE];
	size_t len = strlen(v->client);

	if (len > 0)
		memcpy(client, v->client, len);
	else
		len = psm__svc_peer(req->conn, client);
	if (!psm__svc_rate_take(door->rate, client, len, req->start_us))
		turn_away(v, 429, "too many requests in a second", NULL);
}

void
psm__svc_door_check(psm_service *svc, psm_request *req)
{
	struct svc_door *door = &svc->door;
	const char *origin = psm_request_header(req, "Origin");
	struct svc_verdict *v = &req->verdict;

	v->credentials = psm__svc_origins_credentials(door->origins);
	if (origin)
		v->origin = psm__svc_origins_find(door->origins, origin);
	v->is_preflight =
	    v->origin && strcmp(req->method, "OPTIONS") == 0 &&
	    psm_request_header(req, "Access-Control-Request-Method");
	if (strcmp(req->method, "OPTIONS") == 0) {
		v->role = SVC_ROLE_NONE; /* of methods, not of persons */
	} else if (door->tokens) {
		check_token(door, req);
	} else {
		v->role = SVC_ROLE_ADMIN;
		check_browser(door, req, origin);
	}
	/* Whoever guesses tokens is slowed down, too. */
	if (door->rate)
		check_rate(door, req);
}

int
psm__svc_request_is_known(const psm_request *req)
{
	return req->verdict.role != SVC_ROLE_NONE;
}

/* -- why not */

void
psm__svc_refuse(psm_request *req, int rc)
{
	psm_response *res = &req->res;

	if (req->verdict.status)
		psm_response_message(res, req->verdict.status,
		                     req->verdict.message);
	else if (rc == PSM_ERR_TOO_LARGE)
		psm_response_message(res, 413,
		                     req->verdict.role == SVC_ROLE_NONE
		                         ? "want no body"
		                         : "body larger than 1 MiB");
	else if (rc == PSM_ERR_PARSE)
		psm_response_message(res, 400, "malformed path or query");
	else if (rc == PSM_ERR_FULL)
		psm_response_message(res, 503, "too many requests at once");
	else if (rc < 0)
		psm_response_message(res, 503, "out of memory");
	else if (!req->allowed)
		psm_response_message(res, 404, "no such path");
	else if (!req->route && strcmp(req->method, "OPTIONS") == 0)
		psm_response_json(res, 204, NULL, 0);
	else if (!req->route)
		psm_response_message(res, 405, "method not allowed");
	else
		psm_response_message(res, 503, "not running");
}
