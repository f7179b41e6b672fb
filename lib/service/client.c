/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to a neighbour; the only file that calls libcurl. */
#include "service/service.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)16 * 1024 * 1024)

struct text {
	char *data;
	size_t len, cap;
};

static void
init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT); /* else init fails below */
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

static CURLcode
perform(const char *url, int timeout_ms, struct text *answer, long *status)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct curl_slist *headers = NULL;
	CURLcode rc = CURLE_FAILED_INIT;
	CURL *curl;

	(void)pthread_once(&once, init_curl);
	curl = curl_easy_init();
	if (!curl)
		return rc;
	headers = curl_slist_append(NULL, "Accept: application/json");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
	                 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	rc = curl_easy_perform(curl);
	if (rc == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
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

int
psm__svc_fetch(const char *service, const char *base, const char *path,
               int timeout_ms, psm_json **out, psm_error *err)
{
	size_t size = strlen(base) + strlen(path) + 1;
	struct text answer = {NULL, 0, 0};
	char *url, text[32];
	long status = 0;
	CURLcode code;
	int rc;

	*out = NULL;
	if (!*base)
		return unavailable(service, "no base URL is set", err);
	url = psm__alloc(size);
	if (!url)
		return psm__nomem(err);
	(void)snprintf(url, size, "%s%s", base, path);
	code = perform(url, timeout_ms, &answer, &status);
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
	psm__free(url);
	return rc;
}
