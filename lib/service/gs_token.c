/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service account asks for a token with a claim that is signed with its key
 * (RFC 7523, RS256). Neither key nor token appear in a message.
 */
#include "service/exchange.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define KEY_FILE_MAX 65536
#define CLAIM_LIVES_S 3600
/* A token that ends so soon is not used: a request takes time. */
#define MARGIN_S 60
#define ANSWER_MAX 65536

struct svc_account {
	char *mail, *scope, *url;
	EVP_PKEY *key;
	int timeout_ms;
	char *token;
	int64_t until_s;
};

/* -- the key file */

static int
fail_file(const char *what, psm_error *err)
{
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "credentials of the object storage: %s", what);
}

static int
read_file(const char *path, char **out, size_t *len, psm_error *err)
{
	FILE *f = fopen(path, "rbe");
	int rc = 0;

	if (!f)
		return fail_file("the key file cannot be read", err);
	*out = psm__alloc(KEY_FILE_MAX);
	if (!*out) {
		rc = psm__nomem(err);
	} else {
		*len = fread(*out, 1, KEY_FILE_MAX, f);
		if (ferror(f) || *len == KEY_FILE_MAX)
			rc = fail_file("the key file cannot be read", err);
	}
	(void)fclose(f); /* nothing was written to it */
	return rc;
}

static EVP_PKEY *
read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key =
	    bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	if (key && EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static int
read_account(struct svc_account *a, const psm_json *doc, const char *token_url,
             psm_error *err)
{
	const char *mail = psm_json_string(psm_json_at(doc, "/client_email"));
	const char *pem = psm_json_string(psm_json_at(doc, "/private_key"));
	const char *url = token_url && *token_url
	                      ? token_url
	                      : psm_json_string(psm_json_at(doc, "/token_uri"));

	if (!mail || !pem || !url)
		return fail_file("want a key file of a service account "
		                 "(client_email, private_key, token_uri)",
		                 err);
	a->mail = psm__strdup(mail);
	a->url = psm__strdup(url);
	if (!a->mail || !a->url)
		return psm__nomem(err);
	a->key = read_key(pem);
	return a->key ? 0 : fail_file("want an RSA private_key", err);
}

int
psm__svc_account_new(const char *path, const char *scope, const char *token_url,
                     int timeout_ms, struct svc_account **out, psm_error *err)
{
	struct svc_account *a = psm__alloc(sizeof *a);
	psm_json *doc = NULL;
	char *text = NULL;
	size_t len = 0;
	int rc;

	*out = NULL;
	if (!a)
		return psm__nomem(err);
	a->timeout_ms = timeout_ms;
	a->scope = psm__strdup(scope);
	rc = a->scope ? read_file(path, &text, &len, err) : psm__nomem(err);
	if (rc == 0 && psm_json_parse(text, len, &doc, NULL) < 0)
		rc = fail_file("the key file is no JSON", err);
	if (rc == 0)
		rc = read_account(a, doc, token_url, err);
	psm_json_free(doc);
	if (text)
		memset(text, 0, len);
	psm__free(text);
	if (rc == 0)
		*out = a;
	else
		psm__svc_account_free(a);
	return rc;
}

void
psm__svc_account_free(struct svc_account *a)
{
	if (!a)
		return;
	EVP_PKEY_free(a->key);
	psm__free(a->mail);
	psm__free(a->scope);
	psm__free(a->url);
	psm__free(a->token);
	psm__free(a);
}

void
psm__svc_account_forget(struct svc_account *a)
{
	psm__free(a->token);
	a->token = NULL;
}

/* -- the claim */

/* Base64 for URLs, without padding (RFC 4648, 5). */
static void
put_base64(struct psm__buf *b, const void *bytes, size_t len)
{
	size_t size = 4 * ((len + 2) / 3) + 1;
	char *text = psm__alloc(size);

	if (!text) {
		b->failed = 1;
		return;
	}
	(void)EVP_EncodeBlock((unsigned char *)text, bytes, (int)len);
	for (char *c = text; *c && *c != '='; c++)
		psm__buf_putc(b, (char)(*c == '+'   ? '-'
		                        : *c == '/' ? '_'
		                                    : *c));
	psm__free(text);
}

static void
put_member(psm_json_writer *w, const char *name, const char *value)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, value);
}

static void
put_claims(const struct svc_account *a, int64_t now_s, struct psm__buf *b)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *json = NULL;
	size_t len = 0;

	psm_json_write_object(w);
	put_member(w, "iss", a->mail);
	put_member(w, "scope", a->scope);
	put_member(w, "aud", a->url);
	psm_json_write_key(w, "iat");
	psm_json_write_int(w, now_s);
	psm_json_write_key(w, "exp");
	psm_json_write_int(w, now_s + CLAIM_LIVES_S);
	psm_json_write_end(w);
	if (w && psm_json_writer_finish(w, &json, &len, NULL) == 0)
		put_base64(b, json, len);
	else
		b->failed = 1;
	psm_json_writer_free(w);
}

static int
put_signature(const struct svc_account *a, struct psm__buf *b, size_t from)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char *bytes = NULL;
	size_t len = 0, end = b->len;
	const unsigned char *text = (const unsigned char *)b->data + from;
	int ok;

	ok = ctx &&
	     EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, a->key) == 1 &&
	     EVP_DigestSign(ctx, NULL, &len, text, end - from) == 1 &&
	     (bytes = psm__alloc(len)) != NULL &&
	     EVP_DigestSign(ctx, bytes, &len, text, end - from) == 1;
	if (ok) {
		psm__buf_putc(b, '.');
		put_base64(b, bytes, len);
	}
	psm__free(bytes);
	EVP_MD_CTX_free(ctx);
	return ok;
}

/* The body of the request, new; NULL: there is no memory. */
static char *
make_body(const struct svc_account *a, int64_t now_s)
{
	static const char head[] = "{\"alg\":\"RS256\",\"typ\":\"JWT\"}";
	struct psm__buf b = {0};
	size_t from;

	psm__buf_puts(&b, "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type"
	                  "%3Ajwt-bearer&assertion=");
	from = b.len;
	put_base64(&b, head, sizeof head - 1);
	psm__buf_putc(&b, '.');
	put_claims(a, now_s, &b);
	if (b.failed || !put_signature(a, &b, from)) {
		psm__buf_free(&b);
		return NULL;
	}
	return psm__buf_take(&b, NULL);
}

/* -- the token */

static int
read_token(struct svc_account *a, const struct svc_exchange *x, int64_t now_s,
           psm_error *err)
{
	psm_json *doc = NULL;
	const char *token;
	int64_t lives = 0;

	if (x->status == 200 && x->text &&
	    psm_json_parse(x->text, x->len, &doc, NULL) < 0)
		doc = NULL;
	token = psm_json_string(psm_json_at(doc, "/access_token"));
	if (token &&
	    psm_json_get_int(psm_json_at(doc, "/expires_in"), &lives, NULL) < 0)
		lives = 0;
	a->token = token ? psm__strdup(token) : NULL;
	a->until_s = now_s + lives - MARGIN_S;
	psm_json_free(doc);
	return a->token ? 0
	                : psm__fail(err, PSM_ERR_UNAVAILABLE,
	                            "the object storage gives no token: status "
	                            "%ld",
	                            x->status);
}

int
psm__svc_account_token(struct svc_account *a, const char **token,
                       psm_error *err)
{
	int64_t now_s = psm_now_us() / 1000000;
	struct svc_exchange x = {.method = "POST",
	                         .url = a->url,
	                         .token = "",
	                         .content_type =
	                             "application/x-www-form-urlencoded",
	                         .max = ANSWER_MAX,
	                         .timeout_ms = a->timeout_ms};
	char *body;
	int rc = 0;

	*token = NULL;
	if (a->token && now_s >= a->until_s)
		psm__svc_account_forget(a);
	if (!a->token) {
		body = make_body(a, now_s);
		if (!body)
			return psm__nomem(err);
		x.body = body;
		rc = psm__svc_exchange(&x, err);
		psm__free(body);
		if (rc == 0)
			rc = read_token(a, &x, now_s, err);
		psm__free(x.text);
	}
	*token = a->token;
	return rc;
}
