/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a neighbour. */
#include "service/service.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
/* Half of the handlers' threads: when a neighbour is slow, the other half has
 * time for requests that need none. */
#define CALLS_MAX 32

#define TOKEN_SIZE 512
#define PATH_SIZE 4096

static int calls; /* under way; __atomic */

/* What other services are shown, and by whom theirs are to be signed. */
static struct {
	pthread_mutex_t lock;
	char token[TOKEN_SIZE];  /* "": none */
	char file[PATH_SIZE];    /* of the token, read each time; "" */
	char ca_file[PATH_SIZE]; /* "": the system's */
} own = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct text {
	char *data;
	size_t len, cap;
};

static void
init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT); /* else init fails below */
}

void
psm__svc_init_curl(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, init_curl);
}

/* Anything but all of the bytes ends the transfer. */
static size_t
take(char *data, size_t size, size_t count, void *user)
{
	struct text *t = user;
	size_t len = size * count;

	if (len > ANSWER_MAX - t->len ||
	    psm__grow(&t->data, &t->cap, t->len + len + 1, 1) < 0)
		return 0;
	memcpy(t->data + t->len, data, len);
	t->len += len;
	return len;
}

/* -- who we are */

/* The first line of a file; 0: there is none, or it is no token. */
static int
read_token(const char *path, char token[TOKEN_SIZE])
{
	FILE *f = fopen(path, "re");
	int ok = f && fgets(token, TOKEN_SIZE, f) != NULL;

	if (f)
		(void)fclose(f); /* nothing was written to it */
	if (ok)
		token[strcspn(token, "\r\n")] = '\0';
	/* One more character of a header would be another header. */
	return ok && token[0] && strlen(token) < TOKEN_SIZE - 1 &&
	       !strpbrk(token, " \t\r\n");
}

int
psm__svc_client_settings(const psm_config *cfg, psm_error *err)
{
	const char *token = psm_config_string(cfg, "PSYMATCH_API_TOKEN");
	const char *file = psm_config_string(cfg, "PSYMATCH_API_TOKEN_FILE");
	const char *ca_file = psm_config_string(cfg, "PSYMATCH_API_CA_FILE");
	char test[TOKEN_SIZE];

	if (*token &&
	    (strlen(token) >= TOKEN_SIZE || strpbrk(token, " \t\r\n") != NULL))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_API_TOKEN: want at most %d bytes "
		                 "without blanks",
		                 TOKEN_SIZE - 1);
	if (strlen(file) >= PATH_SIZE || strlen(ca_file) >= PATH_SIZE ||
	    (*file && !read_token(file, test)))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_API_TOKEN_FILE: want a file with a "
		                 "token in its first line");
	pthread_mutex_lock(&own.lock);
	(void)snprintf(own.token, sizeof own.token, "%s", token);
	(void)snprintf(own.file, sizeof own.file, "%s", file);
	(void)snprintf(own.ca_file, sizeof own.ca_file, "%s", ca_file);
	pthread_mutex_unlock(&own.lock);
	return PSM_OK;
}

/* A neighbour learns who we are; a stranger does not. */
static void
show_token(CURL *curl, struct curl_slist **headers)
{
	char line[sizeof "Authorization: Bearer " + TOKEN_SIZE];
	char token[TOKEN_SIZE], file[PATH_SIZE], ca_file[PATH_SIZE];
	struct curl_slist *longer = NULL;

	pthread_mutex_lock(&own.lock);
	memcpy(token, own.token, sizeof token);
	memcpy(file, own.file, sizeof file);
	memcpy(ca_file, own.ca_file, sizeof ca_file);
	pthread_mutex_unlock(&own.lock);
	if (*ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
	if (*file && !read_token(file, token))
		token[0] = '\0'; /* its answer says that one is missing */
	(void)snprintf(line, sizeof line, "Authorization: Bearer %s", token);
	if (*token)
		longer = curl_slist_append(*headers, line);
	if (longer)
		*headers = longer;
}

/* -- a request */

struct call {
	const char *url, *agent; /* NULL: nobody */
	int is_neighbour, timeout_ms;
	const char *body, *key; /* of a POST; body NULL: it is a GET */
};

/* 0: out of memory, the list is as it was. */
static int
add_header(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

/* What the neighbour logs and emits belongs to the request that asks it. */
static void
show_trace(struct curl_slist **headers)
{
	char line[sizeof "traceparent: " + PSM__TRACEPARENT_SIZE];

	(void)snprintf(line, sizeof line, "traceparent: %s", psm__svc_trace());
	if (*psm__svc_trace()) /* without memory it goes without one */
		(void)add_header(headers, line);
}

static int
set_body(CURL *curl, const struct call *call, struct curl_slist **headers)
{
	char line[128];

	if (!call->body)
		return 1;
	(void)snprintf(line, sizeof line, "Idempotency-Key: %s", call->key);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(call->body));
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
	return add_header(headers, "Content-Type: application/json") &&
	       add_header(headers, "Expect:") && add_header(headers, line);
}

static CURLcode
perform(const struct call *call, struct text *answer, long *status)
{
	struct curl_slist *headers = NULL;
	CURLcode rc = CURLE_FAILED_INIT;
	CURL *curl;

	psm__svc_init_curl();
	curl = curl_easy_init();
	if (!curl)
		return rc;
	if (!add_header(&headers, "Accept: application/json") ||
	    !set_body(curl, call, &headers)) {
		rc = CURLE_OUT_OF_MEMORY;
		goto out;
	}
	if (call->is_neighbour) {
		curl_easy_setopt(curl, CURLOPT_PROXY, ""); /* no one between */
		show_token(curl, &headers);
		show_trace(&headers);
	}
	curl_easy_setopt(curl, CURLOPT_URL, call->url);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, call->agent);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
	                 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Else the deadline does not count while a name is looked up. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
out:
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	return rc;
}

/* What the neighbour said stays in the log: the client learns who it was. */
static int
unavailable(const char *service, const char *why, psm_error *err)
{
	psm__log(PSM_LOG_WARN, "a service is unavailable", "service", service,
	         "reason", why, NULL);
	return psm__fail(err, PSM_ERR_UNAVAILABLE,
	                 "the service \"%s\" is unavailable", service);
}

/* The URL, new: a base may end with slashes, a path begins with one. */
static char *
url_of(const char *base, const char *path)
{
	size_t len = strlen(base), size;
	char *url;

	while (len > 0 && base[len - 1] == '/')
		len--;
	size = len + strlen(path) + 1;
	url = psm__alloc(size);
	if (url)
		(void)snprintf(url, size, "%.*s%s", (int)len, base, path);
	return url;
}

static int
fetch(const char *service, const char *url, int timeout_ms, psm_json **out,
      psm_error *err)
{
	struct text answer = {NULL, 0, 0};
	char text[32];
	long status = 0;
	const struct call call = {url, NULL, 1, timeout_ms, NULL, NULL};
	CURLcode code = perform(&call, &answer, &status);
	int rc;

	(void)snprintf(text, sizeof text, "status %ld", status);
	if (code != CURLE_OK)
		rc = unavailable(service, curl_easy_strerror(code), err);
	else if (status != 200)
		rc = unavailable(service, text, err);
	else if (psm_json_parse(answer.data ? answer.data : "", answer.len, out,
	                        NULL) < 0)
		rc = unavailable(service, "its answer is no JSON", err);
	else
		rc = PSM_OK;
	psm__free(answer.data);
	return rc;
}

int
psm__svc_fetch(const char *service, const char *base, const char *path,
               int timeout_ms, psm_json **out, psm_error *err)
{
	char *url;
	int rc;

	*out = NULL;
	if (!*base)
		return unavailable(service, "no base URL is set", err);
	if (timeout_ms <= 0) /* to libcurl that is no deadline */
		return unavailable(service, "no time is left", err);
	url = url_of(base, path);
	if (!url)
		return psm__nomem(err);
	if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) < CALLS_MAX)
		rc = fetch(service, url, timeout_ms, out, err);
	else
		rc = unavailable(service, "too many requests wait for it", err);
	__atomic_fetch_sub(&calls, 1, __ATOMIC_RELAXED);
	psm__free(url);
	return rc;
}

int
psm__svc_get(const char *base, const char *path, const char *agent,
             int timeout_ms, long *status, psm_json **out)
{
	struct text answer = {NULL, 0, 0};
	char *url = url_of(base, path);
	const struct call call = {url, agent, 0, timeout_ms, NULL, NULL};
	CURLcode code;
	int rc = 0;

	*out = NULL;
	*status = 0;
	if (!url)
		return PSM_ERR_NOMEM;
	code = perform(&call, &answer, status);
	if (code != CURLE_OK)
		rc = PSM_ERR_UNAVAILABLE;
	else if (psm_json_parse(answer.data ? answer.data : "", answer.len, out,
	                        NULL) == PSM_ERR_NOMEM)
		rc = PSM_ERR_NOMEM;
	psm__free(answer.data);
	psm__free(url);
	return rc;
}

static int
post(const char *service, const struct call *call, long *status, psm_json **out,
     psm_error *err)
{
	struct text answer = {NULL, 0, 0};
	CURLcode code = perform(call, &answer, status);
	int rc = PSM_OK;

	if (code != CURLE_OK)
		rc = unavailable(service, curl_easy_strerror(code), err);
	else if (psm_json_parse(answer.data ? answer.data : "", answer.len, out,
	                        NULL) == PSM_ERR_NOMEM)
		rc = psm__nomem(err);
	psm__free(answer.data);
	return rc;
}

int
psm__svc_post(const char *service, const char *base, const char *path,
              const char *body, const char *key, int timeout_ms, long *status,
              psm_json **out, psm_error *err)
{
	struct call call = {NULL, NULL, 1, timeout_ms, body, key};
	char *url;
	int rc;

	*out = NULL;
	*status = 0;
	if (!*base)
		return unavailable(service, "no base URL is set", err);
	url = url_of(base, path);
	if (!url)
		return psm__nomem(err);
	call.url = url;
	if (__atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED) < CALLS_MAX)
		rc = post(service, &call, status, out, err);
	else
		rc = unavailable(service, "too many requests wait for it", err);
	__atomic_fetch_sub(&calls, 1, __ATOMIC_RELAXED);
	psm__free(url);
	return rc;
}
