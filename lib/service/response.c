/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers, before they are sent. */
#include "service/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKEN                                                                  \
	"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"                  \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define JSON_TYPE "application/json"
/* What an answer is when no memory is left for a better one. */
static const char no_memory[] = "{\"message\":\"out of memory\"}";

void
psm__svc_response_clear(psm_response *res)
{
	size_t i;

	psm__free(res->body);
	for (i = 0; i < res->header_count; i++) {
		psm__free(res->headers[i].name);
		psm__free(res->headers[i].value);
	}
	memset(res, 0, sizeof *res);
}

/* The headers stay: they belong to no body. */
static void
clear_body(psm_response *res)
{
	psm__free(res->body);
	res->body = NULL;
	res->fixed = NULL;
	res->len = 0;
}

/* What cannot be said makes the answer a 500; later ones do not change that. */
static void
no_memory_left(psm_response *res)
{
	clear_body(res);
	res->status = 500;
	res->content_type = JSON_TYPE;
	res->fixed = no_memory;
	res->len = sizeof no_memory - 1;
}

void
psm__svc_response_text(psm_response *res, int status, const char *content_type,
                       const char *text, size_t len)
{
	char *copy = text && len > 0 ? psm__realloc(NULL, len) : NULL;

	clear_body(res);
	if (text && len > 0 && !copy) {
		no_memory_left(res);
		return;
	}
	res->status = status >= 200 && status <= 599 ? status : 500;
	res->content_type = content_type;
	if (copy)
		memcpy(copy, text, len);
	res->body = copy;
	res->len = copy ? len : 0;
}

/* 1: a token of RFC 9110, and a value of one line. */
static int
is_header(const char *name, const char *value)
{
	const char *p;

	if (!*name || strspn(name, TOKEN) != strlen(name))
		return 0;
	for (p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return 0;
	return 1;
}

void
psm_response_header(psm_response *res, const char *name, const char *value)
{
	struct svc_pair *pair;
	size_t i;

	if (!res || !name || !value || !is_header(name, value))
		return;
	for (i = 0; i < res->header_count; i++)
		if (strcasecmp(res->headers[i].name, name) == 0)
			break;
	if (i == SVC_HEADERS_MAX)
		return;
	pair = &res->headers[i];
	if (i == res->header_count)
		res->header_count++; /* from here on clear() frees them */
	psm__free(pair->name);
	psm__free(pair->value);
	pair->name = psm__strdup(name);
	pair->value = psm__strdup(value);
	if (!pair->name || !pair->value) {
		psm__free(pair->name);
		psm__free(pair->value);
		*pair = res->headers[--res->header_count];
		no_memory_left(res);
	}
}

void
psm_response_etag(psm_response *res, int64_t version)
{
	char text[32];

	(void)snprintf(text, sizeof text, "\"%" PRId64 "\"", version);
	psm_response_header(res, "ETag", text);
}

void
psm_response_json(psm_response *res, int status, const char *text, size_t len)
{
	if (res)
		psm__svc_response_text(res, status, JSON_TYPE, text, len);
}

/* Give the writer's document; without one, say so. */
static void
finish(psm_response *res, int status, psm_json_writer *w)
{
	const char *text;
	size_t len;

	if (w && psm_json_writer_finish(w, &text, &len, NULL) == PSM_OK)
		psm_response_json(res, status, text, len);
	else
		psm_response_json(res, 500, no_memory, sizeof no_memory - 1);
	psm_json_writer_free(w);
}

/* A message may quote a client's bytes, or be cut inside a character. */
static void
write_text(psm_json_writer *w, const char *name, const char *text)
{
	char *copy = text ? psm__strdup(text) : NULL;

	if (copy)
		psm__utf8_clean(copy);
	psm_json_write_key(w, name);
	psm_json_write_string(w, copy);
	psm__free(copy);
}

void
psm_response_message(psm_response *res, int status, const char *message)
{
	psm_json_writer *w;

	if (!res)
		return;
	w = psm_json_writer_new();
	if (w) {
		psm_json_write_object(w);
		write_text(w, "message", message);
		psm_json_write_end(w);
	}
	finish(res, status, w);
}

static void
write_details(psm_json_writer *w, const psm_error *err)
{
	size_t i, count = psm_error_fault_count(err);

	if (psm_error_pointer(err)[0])
		write_text(w, "pointer", psm_error_pointer(err));
	if (psm_error_line(err) > 0) {
		psm_json_write_key(w, "line");
		psm_json_write_int(w, psm_error_line(err));
		psm_json_write_key(w, "column");
		psm_json_write_int(w, psm_error_column(err));
	}
	if (count == 0)
		return;
	psm_json_write_key(w, "errors");
	psm_json_write_array(w);
	for (i = 0; i < count; i++) {
		psm_json_write_object(w);
		write_text(w, "pointer", psm_error_fault_pointer(err, i));
		write_text(w, "message", psm_error_fault_message(err, i));
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

void
psm_response_error(psm_response *res, const psm_error *err)
{
	psm__svc_response_error(res, err, NULL);
}

void
psm__svc_response_error(psm_response *res, const psm_error *err,
                        const char *message)
{
	int code = psm_error_code(err), status = psm_error_http_status(code);
	const char *text = psm_error_public(err);
	psm_json_writer *w;

	if (!res)
		return;
	if (code == PSM_OK) {
		psm_response_message(res, 500, "internal error");
		return;
	}
	/* Of what went wrong in here a client learns the kind only, but which
	 * service is away is not a secret. */
	if (status >= 500 && code != PSM_ERR_UNAVAILABLE)
		text = psm_strerror(code);
	if (text != psm_error_message(err))
		psm__log(status == 500 ? PSM_LOG_ERROR : PSM_LOG_WARN,
		         "request failed", "code", psm_error_name(code),
		         "reason", psm_error_message(err), NULL);
	w = psm_json_writer_new();
	if (w) {
		psm_json_write_object(w);
		write_text(w, "message", message ? message : text);
		psm_json_write_key(w, "code");
		psm_json_write_string(w, psm_error_name(code));
		write_details(w, err);
		psm_json_write_end(w);
	}
	finish(res, status, w);
}
