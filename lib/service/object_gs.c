/* SPDX-License-Identifier: BSD-2-Clause */
/* A bucket of Google Cloud Storage as a source of files to import, by its JSON
 * interface. One account may list and read, the other one copy and delete. */
#include "service/exchange.h"

#include <stdio.h>
#include <string.h>

#include "service/object_gs.h"

#define READER_SCOPE "https://www.googleapis.com/auth/devstorage.read_only"
#define DELETER_SCOPE "https://www.googleapis.com/auth/devstorage.read_write"
#define ANSWER_MAX ((size_t)16 * 1024 * 1024)
#define PAGE_SIZE 1000
/* Parts of one copy; a server makes a MiB at least of each. */
#define COPIES_MAX 1000

struct bucket {
	char *objects; /* URL, ends with "/o" */
	char *name;    /* escaped */
	struct svc_account *reader, *deleter;
	int timeout_ms;
	/* What was read last. */
	char *last;
	char generation[24];
};

static void
release(void *user)
{
	struct bucket *b = user;

	psm__svc_account_free(b->reader);
	psm__svc_account_free(b->deleter);
	psm__free(b->objects);
	psm__free(b->name);
	psm__free(b->last);
	psm__free(b);
}

/* -- URLs */

/* All but what never has a meaning in a URL: a slash, too, is part of a name. */
static void
put_escaped(struct psm__buf *out, const char *text)
{
	for (; *text; text++) {
		if (strchr(
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			"0123456789-._~",
			*text))
			psm__buf_putc(out, *text);
		else
			psm__buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/* objects[/NAME][MIDDLE][ESCAPED], new. */
static char *
make_url(const struct bucket *b, const char *name, const char *middle,
         const char *escaped)
{
	struct psm__buf url = {0};

	psm__buf_puts(&url, b->objects);
	if (name) {
		psm__buf_putc(&url, '/');
		put_escaped(&url, name);
	}
	psm__buf_puts(&url, middle);
	put_escaped(&url, escaped);
	return psm__buf_take(&url, NULL);
}

/* -- requests */

/* 412: what was meant is gone, another one has its name. Any other refusal is
 * of this object alone, unless it is of the account, or asks us to wait. */
static int
refused(long status, psm_error *err)
{
	int wait = status == 401 || status == 408 || status == 429;
	int code = status == 404 || status == 412 ? PSM_ERR_NOT_FOUND
	           : status / 100 == 4 && !wait   ? PSM_ERR_IO
	                                          : PSM_ERR_UNAVAILABLE;

	return psm__fail(err, code,
	                 "the object storage answers with status %ld", status);
}

/* Once more with a new token if the old one is not taken. url is taken. */
static int
ask(struct svc_account *account, const char *method, char *url, size_t max,
    int timeout_ms, struct svc_exchange *x, psm_error *err)
{
	int rc = url ? 0 : psm__nomem(err);

	memset(x, 0, sizeof *x);
	for (int i = 0; i < 2 && rc == 0; i++) {
		const char *token;

		rc = psm__svc_account_token(account, &token, err);
		if (rc < 0)
			break;
		psm__free(x->text);
		*x = (struct svc_exchange){.method = method,
		                           .url = url,
		                           .token = token,
		                           .content_type = "",
		                           .max = max,
		                           .timeout_ms = timeout_ms};
		if (strcmp(method, "POST") == 0) {
			x->body = "";
			/* else curl calls it a form, which is refused */
			x->content_type = "application/json";
		}
		rc = psm__svc_exchange(x, err);
		if (rc < 0 || x->status != 401)
			break;
		psm__svc_account_forget(account);
	}
	x->url = NULL;
	psm__free(url);
	if (rc == 0 && (x->status < 200 || x->status > 299))
		rc = refused(x->status, err);
	return rc;
}

static int
ask_json(struct svc_account *account, const char *method, char *url,
         int timeout_ms, psm_json **doc, psm_error *err)
{
	struct svc_exchange x;
	int rc = ask(account, method, url, ANSWER_MAX, timeout_ms, &x, err);

	*doc = NULL;
	if (rc == 0)
		rc = psm_json_parse(x.text ? x.text : "", x.len, doc, err);
	psm__free(x.text);
	return rc == PSM_ERR_PARSE || rc == PSM_ERR_TOO_LARGE
	           ? psm__fail(err, PSM_ERR_UNAVAILABLE,
	                       "the object storage answers without JSON")
	           : rc;
}

/* -- list */

/* 1: the caller has enough. */
static int
list_page(const psm_json *doc, psm_object_name_fn each, void *names)
{
	const psm_json *items = psm_json_at(doc, "/items");
	const char *name;

	for (size_t i = 0; i < psm_json_count(items); i++) {
		name = psm_json_string(
		    psm_json_at(psm_json_item(items, i), "/name"));
		if (name && each(name, names) != 0)
			return 1;
	}
	return 0;
}

static int
list(psm_object_name_fn each, void *names, void *user, psm_error *err)
{
	struct bucket *b = user;
	char first[128];
	psm_json *doc = NULL;
	const char *next = "";
	int rc;

	(void)snprintf(first, sizeof first,
	               "?fields=items%%2Fname%%2CnextPageToken&maxResults=%d"
	               "&pageToken=",
	               PAGE_SIZE);
	do {
		char *url = make_url(b, NULL, first, next);

		psm_json_free(doc);
		rc = ask_json(b->reader, "GET", url, b->timeout_ms, &doc, err);
		if (rc == PSM_ERR_IO || rc == PSM_ERR_NOT_FOUND)
			return psm__fail(err, PSM_ERR_UNAVAILABLE,
			                 "the bucket cannot be listed: %s",
			                 rc == PSM_ERR_IO ? "it is refused"
			                                  : "there is none");
		if (rc < 0)
			return rc;
		next = psm_json_string(psm_json_at(doc, "/nextPageToken"));
	} while (!list_page(doc, each, names) && next && *next);
	psm_json_free(doc);
	return 0;
}

/* -- read */

static int
read_one(const char *name, size_t max, char **text, size_t *len, void *user,
         psm_error *err)
{
	struct bucket *b = user;
	struct svc_exchange x;
	int rc;

	psm__free(b->last);
	b->last = psm__strdup(name);
	if (!b->last)
		return psm__nomem(err);
	rc = ask(b->reader, "GET", make_url(b, name, "?alt=media", ""), max,
	         b->timeout_ms, &x, err);
	memcpy(b->generation, x.generation, sizeof b->generation);
	if (rc < 0) {
		psm__free(x.text);
		return rc;
	}
	*text = x.text;
	*len = x.len;
	return 0;
}

/* -- end */

static int
copy_to_failed(struct bucket *b, psm_error *err)
{
	struct psm__buf middle = {0}, to = {0};
	psm_json *doc = NULL;
	char *url;
	int rc = 0, done = 0;

	psm__buf_printf(&to, "failed/%s", b->last);
	for (int i = 0; i < COPIES_MAX && rc == 0 && !done; i++) {
		const char *part =
		    psm_json_string(psm_json_at(doc, "/rewriteToken"));

		psm__buf_reset(&middle);
		psm__buf_printf(&middle, "/rewriteTo/b/%s/o/", b->name);
		if (!to.failed)
			put_escaped(&middle, to.data);
		psm__buf_printf(&middle, "?ifSourceGenerationMatch=%s%s",
		                b->generation, part ? "&rewriteToken=" : "");
		if (middle.failed || to.failed) {
			rc = psm__nomem(err);
			break;
		}
		url = make_url(b, b->last, middle.data, part ? part : "");

		psm_json_free(doc);
		rc =
		    ask_json(b->deleter, "POST", url, b->timeout_ms, &doc, err);
		if (rc == 0 && psm_json_get_bool(psm_json_at(doc, "/done"),
		                                 &done, NULL) < 0)
			done = 0;
	}
	psm_json_free(doc);
	psm__buf_free(&middle);
	psm__buf_free(&to);
	if (rc == 0 && !done)
		rc = psm__fail(err, PSM_ERR_UNAVAILABLE,
		               "the object storage does not end a copy");
	return rc;
}

static int
end(const char *name, int how, void *user, psm_error *err)
{
	struct bucket *b = user;
	struct svc_exchange x;
	char only[64];
	int rc = 0;

	if (!b->last || strcmp(b->last, name) != 0 || !b->generation[0])
		return psm__fail(err, PSM_ERR_STATE,
		                 "want the object that was read last");
	if (how == PSM_OBJECT_FAILED)
		rc = copy_to_failed(b, err);
	if (rc < 0)
		return rc == PSM_ERR_NOT_FOUND ? 0 : rc;
	(void)snprintf(only, sizeof only, "?ifGenerationMatch=%s",
	               b->generation);
	rc = ask(b->deleter, "DELETE", make_url(b, name, only, ""), ANSWER_MAX,
	         b->timeout_ms, &x, err);
	psm__free(x.text);
	return rc == PSM_ERR_NOT_FOUND ? 0 : rc;
}

/* -- open */

static char *
objects_url(const char *base, const char *name)
{
	struct psm__buf url = {0};
	size_t len = strlen(base);

	while (len > 0 && base[len - 1] == '/')
		len--;
	psm__buf_put(&url, base, len);
	psm__buf_printf(&url, "/storage/v1/b/%s/o", name);
	return psm__buf_take(&url, NULL);
}

static int
set_up(struct bucket *b, const char *bucket, const psm_config *cfg,
       psm_error *err)
{
	struct psm__buf name = {0};
	const char *token_url = psm_config_string(cfg, "GCS_TOKEN_URL");
	int rc;

	put_escaped(&name, bucket);
	b->name = psm__buf_take(&name, NULL);
	b->timeout_ms = (int)psm_config_int(cfg, "GCS_TIMEOUT_MS");
	if (b->name)
		b->objects = objects_url(psm_config_string(cfg, "GCS_BASE_URL"),
		                         b->name);
	if (!b->objects)
		return psm__nomem(err);
	rc = psm__svc_account_new(
	    psm_config_string(cfg, "GCS_READER_CREDENTIALS_PATH"), READER_SCOPE,
	    token_url, b->timeout_ms, &b->reader, err);
	if (rc == 0)
		rc = psm__svc_account_new(
		    psm_config_string(cfg, "GCS_DELETER_CREDENTIALS_PATH"),
		    DELETER_SCOPE, token_url, b->timeout_ms, &b->deleter, err);
	return rc;
}

int
psm__svc_object_gs(const char *bucket, const psm_config *cfg,
                   psm_object_source **out, psm_error *err)
{
	struct bucket *b = psm__alloc(sizeof *b);
	int rc = b ? set_up(b, bucket, cfg, err) : psm__nomem(err);

	if (rc < 0) {
		if (b)
			release(b);
		return rc;
	}
	return psm_object_source_new(list, read_one, end, release, b, out, err);
}
