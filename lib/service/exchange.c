/* SPDX-License-Identifier: BSD-2-Clause */
/* One request to a server of somebody else's, any method, any answer. */
#include "service/exchange.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

struct exchange {
	struct svc_exchange *x;
	size_t cap;
	int too_large;
};

/* Anything but all of the bytes ends the transfer. */
static size_t
on_body(char *data, size_t size, size_t count, void *user)
{
	struct exchange *e = user;
	struct svc_exchange *x = e->x;
	size_t len = size * count;

	if (len > x->max - x->len) {
		e->too_large = 1;
		return 0;
	}
	if (psm__grow(&x->text, &e->cap, x->len + len + 1, 1) < 0)
		return 0;
	memcpy(x->text + x->len, data, len);
	x->len += len;
	x->text[x->len] = '\0';
	return len;
}

static size_t
on_header(char *data, size_t size, size_t count, void *user)
{
	static const char name[] = "x-goog-generation:";
	struct exchange *e = user;
	struct svc_exchange *x = e->x;
	size_t len = size * count, n = 0, i = sizeof name - 1;

	if (len < i || strncasecmp(data, name, i) != 0)
		return len;
	while (i < len && data[i] == ' ')
		i++;
	while (i < len && data[i] >= '0' && data[i] <= '9' &&
	       n + 1 < sizeof x->generation)
		x->generation[n++] = data[i++];
	x->generation[n] = '\0';
	return len;
}

static struct curl_slist *
add_header(struct curl_slist *list, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 1;
	char *text = value[0] ? psm__alloc(size) : NULL;
	struct curl_slist *longer;

	if (!text)
		return list;
	(void)snprintf(text, size, "%s%s", name, value);
	longer = curl_slist_append(list, text);
	psm__free(text);
	return longer ? longer : list;
}

static void
set_up(CURL *curl, struct exchange *e)
{
	struct svc_exchange *x = e->x;

	curl_easy_setopt(curl, CURLOPT_URL, x->url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, x->method);
	if (x->body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, x->body);
	/* The URL is escaped by us, dots in it are names. */
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)x->timeout_ms);
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS,
	                 (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
#if LIBCURL_VERSION_NUM >= 0x075700
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, e);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, e);
}

static int
failed(const struct exchange *e, CURLcode code, psm_error *err)
{
	if (e->too_large)
		return psm__fail(err, PSM_ERR_TOO_LARGE,
		                 "want at most %zu bytes, found more",
		                 e->x->max);
	if (code == CURLE_OUT_OF_MEMORY)
		return psm__nomem(err);
	return psm__fail(err,
	                 code == CURLE_OPERATION_TIMEDOUT ? PSM_ERR_TIMEOUT
	                                                  : PSM_ERR_UNAVAILABLE,
	                 "the object storage is unavailable: %s",
	                 curl_easy_strerror(code));
}

int
psm__svc_exchange(struct svc_exchange *x, psm_error *err)
{
	struct exchange e = {x, 0, 0};
	struct curl_slist *headers = NULL;
	CURL *curl;
	CURLcode code;

	x->text = NULL;
	x->len = 0;
	x->status = 0;
	x->generation[0] = '\0';
	psm__svc_init_curl();
	curl = curl_easy_init();
	if (!curl)
		return psm__nomem(err);
	headers = add_header(headers, "Authorization: Bearer ", x->token);
	headers = add_header(headers, "Content-Type: ", x->content_type);
	set_up(curl, &e);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	if (code == CURLE_OK)
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE,
		                        &x->status);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK)
		return 0;
	psm__free(x->text);
	x->text = NULL;
	return failed(&e, code, err);
}
