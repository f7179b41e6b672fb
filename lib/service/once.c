/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that are sent again with the same Idempotency-Key. The key is
 * claimed by inserting its row: who comes second at the same time waits there
 * until the first one's transaction has ended. The row is gone if that failed.
 */
#include "service/service.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MAX_LEN 255
/* Keys that are kept at most, whatever their age. */
#define KEPT_MAX "100000"

/* An expired row is taken over as if it were new, so with a new id. */
#define CLAIM                                                                  \
	"INSERT INTO psymatch.idempotency AS i (scope, key, request) "         \
	"VALUES ($1, $2, sha256(decode($3, 'hex'))) "                          \
	"ON CONFLICT (scope, key) DO UPDATE SET request = EXCLUDED.request, "  \
	"created_at = now(), id = DEFAULT, status = NULL, etag = NULL, "       \
	"location = NULL, body = NULL "                                        \
	"WHERE i.created_at < now() - $4 * interval '1 hour' RETURNING id"
#define LOOK                                                                   \
	"SELECT request = sha256(decode($3, 'hex')), status, etag, location, " \
	"body FROM psymatch.idempotency WHERE scope = $1 AND key = $2"
/* Two of the oldest go for each one that comes, so the table stays bounded and
 * the cost of a request does not grow with it. */
#define FORGET                                                                 \
	"DELETE FROM psymatch.idempotency WHERE id IN (SELECT id FROM "        \
	"psymatch.idempotency WHERE id < 20 + (SELECT min(id) FROM "           \
	"psymatch.idempotency) AND (created_at < now() - $1 * interval "       \
	"'1 hour' OR id <= $2 - " KEPT_MAX ") ORDER BY id LIMIT 2 FOR UPDATE " \
	"SKIP LOCKED)"
/* Whoever works with a row at the moment forgets it, or uses it again. */
#define FORGET_ALL                                                             \
	"DELETE FROM psymatch.idempotency WHERE id IN (SELECT id FROM "        \
	"psymatch.idempotency WHERE created_at < now() - $1 * interval "       \
	"'1 hour' FOR UPDATE SKIP LOCKED)"
#define KEEP                                                                   \
	"UPDATE psymatch.idempotency SET status = $3, etag = $4, "             \
	"location = $5, body = $6 WHERE scope = $1 AND key = $2"

/* 1: *key was given; 0: none was; or an error. */
static int
read_key(const psm_request *req, const char **key, psm_error *err)
{
	const char *p;

	*key = p = psm_request_header(req, "Idempotency-Key");
	if (!p)
		return 0;
	while (*p > ' ' && *p <= '~')
		p++;
	if (!*p && p > *key && p - *key <= KEY_MAX_LEN)
		return 1;
	return psm__fail(err, PSM_ERR_INVAL,
	                 "Idempotency-Key: want 1 to %d printable characters "
	                 "of ASCII without blanks",
	                 KEY_MAX_LEN);
}

/* "POST /api/therapists"; NULL: out of memory. */
static char *
scope_of(const psm_request *req)
{
	size_t size = strlen(req->method) + strlen(req->path) + 2;
	char *scope = psm__alloc(size);

	if (scope)
		(void)snprintf(scope, size, "%s %s", req->method, req->path);
	return scope;
}

/* Of any bytes: a text parameter cannot have all of them. */
static char *
body_in_hex(const psm_request *req)
{
	char *hex = psm__alloc(2 * req->body_len + 1);

	if (hex)
		psm__hex_write(req->body, req->body_len, hex);
	return hex;
}

/* What was answered before, from the row of LOOK; 1 or an error. */
static int
repeat(psm_response *res, const psm_rows *rows, psm_error *err)
{
	const char *same = psm_rows_text(rows, 0, 0);
	const char *body = psm_rows_text(rows, 0, 4);

	if (!same || !psm_rows_text(rows, 0, 1))
		return psm__fail(err, PSM_ERR_RETRY,
		                 "Idempotency-Key: its answer is gone");
	if (*same != 't')
		return psm__fail(err, PSM_ERR_REJECT,
		                 "Idempotency-Key: was used with another body");
	psm_response_json(res, (int)psm_rows_int(rows, 0, 1), body,
	                  body ? strlen(body) : 0);
	psm_response_header(res, "ETag", psm_rows_text(rows, 0, 2));
	psm_response_header(res, "Location", psm_rows_text(rows, 0, 3));
	psm_response_header(res, "Idempotency-Replayed", "true");
	return 1;
}

static int
claim(psm_tx *tx, psm_response *res, const char *const *params, psm_error *err)
{
	psm_rows *rows = NULL;
	const char *forget[2] = {params[3], NULL};
	int rc = psm_tx_exec(tx, CLAIM, 4, params, &rows, err);

	if (rc == PSM_OK && psm_rows_count(rows) > 0) {
		forget[1] = psm_rows_text(rows, 0, 0);
		rc = psm_tx_exec(tx, FORGET, 2, forget, NULL, err);
	} else if (rc == PSM_OK) {
		psm_rows_free(rows);
		rows = NULL;
		rc = psm_tx_exec(tx, LOOK, 3, params, &rows, err);
		if (rc == PSM_OK)
			rc = repeat(res, rows, err);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm_request_once(const psm_request *req, psm_tx *tx, psm_response *res,
                 psm_error *err)
{
	const char *key;
	char *scope, *hex, hours[24];
	int rc;

	psm_error_clear(err);
	if (!req || !tx || !res)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request, a transaction, an answer");
	rc = read_key(req, &key, err);
	if (rc <= 0)
		return rc;
	scope = scope_of(req);
	hex = body_in_hex(req);
	(void)snprintf(hours, sizeof hours, "%d", req->key_hours);
	if (scope && hex) {
		const char *params[] = {scope, key, hex, hours};

		rc = claim(tx, res, params, err);
	} else {
		rc = psm__nomem(err);
	}
	psm__free(scope);
	psm__free(hex);
	return rc;
}

static const char *
header_of(const psm_response *res, const char *name)
{
	size_t i;

	for (i = 0; i < res->header_count; i++)
		if (strcmp(res->headers[i].name, name) == 0)
			return res->headers[i].value;
	return NULL;
}

int
psm_response_keep(const psm_response *res, const psm_request *req, psm_tx *tx,
                  psm_error *err)
{
	const char *key = psm_request_header(req, "Idempotency-Key");
	char *scope = NULL, *body = NULL, status[16];
	int rc = PSM_OK;

	psm_error_clear(err);
	if (!req || !tx || !res)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want an answer, a request, a transaction");
	if (!key)
		return PSM_OK;
	scope = scope_of(req);
	body = psm__strndup(res->body ? res->body : "", res->len);
	(void)snprintf(status, sizeof status, "%d", res->status);
	if (scope && body) {
		const char *params[] = {scope,
		                        key,
		                        status,
		                        header_of(res, "ETag"),
		                        header_of(res, "Location"),
		                        res->body ? body : NULL};

		rc = psm_tx_exec(tx, KEEP, 6, params, NULL, err);
	} else {
		rc = psm__nomem(err);
	}
	psm__free(scope);
	psm__free(body);
	return rc;
}

int
psm__svc_forget_keys(psm_store *st, int hours, psm_error *err)
{
	char text[16];
	const char *const params[] = {text};
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, err);

	(void)snprintf(text, sizeof text, "%d", hours);
	if (rc == PSM_OK)
		rc = psm_tx_exec(tx, FORGET_ALL, 1, params, NULL, err);
	if (rc == PSM_OK)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}
