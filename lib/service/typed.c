/* SPDX-License-Identifier: BSD-2-Clause */
/* What a request says, as values of a type: ids, query parameters, the media
 * type of the body, conditions. */
#include "service/service.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ID_MAX INT32_MAX /* of a column of type integer */
#define LIMIT_MAX 1000
#define LIMIT_PRESET 20

/* Digits with a minus sign or none; out of range becomes the nearest. */
static int
read_int(const char *text, int64_t *value)
{
	size_t sign = *text == '-';

	if (text[sign] == '\0' ||
	    strspn(text + sign, "0123456789") != strlen(text + sign))
		return 0;
	*value = strtoll(text, NULL, 10);
	return 1;
}

int
psm_request_id(const psm_request *req, const char *name, int64_t *id,
               psm_error *err)
{
	const char *text = psm_request_param(req, name);

	psm_error_clear(err);
	if (!text || !id)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request whose path has this name");
	*id = 0;
	/* As the database writes it, so that a record has one address. */
	if (text[0] == '0' || text[0] == '-' || strlen(text) > 10 ||
	    !read_int(text, id) || *id > ID_MAX) {
		*id = 0;
		return psm__fail(err, PSM_ERR_NOT_FOUND, "no such %s", name);
	}
	return PSM_OK;
}

/* A value that does not do is not repeated: it may name a person. */
static int
wrong_query(const char *name, psm_error *err, const char *want)
{
	psm__fail(err, PSM_ERR_INVAL, "%s: %s", name, want);
	psm_error_add_fault(err, name, want);
	return PSM_ERR_INVAL;
}

int
psm_request_query_int(const psm_request *req, const char *name, int64_t min,
                      int64_t max, int64_t *value, psm_error *err)
{
	const char *text = psm_request_query(req, name);
	char want[80];
	int64_t number;

	psm_error_clear(err);
	if (!req || !name || !value)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request, a name and a value");
	if (!text || !*text)
		return 0;
	if (read_int(text, &number) && number >= min && number <= max) {
		*value = number;
		return 1;
	}
	if (min == INT64_MIN && max == INT64_MAX)
		return wrong_query(name, err, "want an integer");
	(void)snprintf(want, sizeof want,
	               "want an integer from %" PRId64 " to %" PRId64, min,
	               max);
	return wrong_query(name, err, want);
}

int
psm_request_query_bool(const psm_request *req, const char *name, int *value,
                       psm_error *err)
{
	const char *text = psm_request_query(req, name);

	psm_error_clear(err);
	if (!req || !name || !value)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request, a name and a value");
	if (!text || !*text)
		return 0;
	if (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0)
		return wrong_query(name, err, "want true or false");
	*value = strcasecmp(text, "true") == 0;
	return 1;
}

/* The platform's clients send what they like, and get the nearest page. */
static int64_t
lenient(const psm_request *req, const char *name, int64_t preset, int64_t max)
{
	const char *text = psm_request_query(req, name);
	int64_t value;

	if (!text || !read_int(text, &value))
		return preset;
	if (value < 1)
		return 1;
	return value < max ? value : max;
}

void
psm_request_page(const psm_request *req, int64_t *page, int64_t *limit)
{
	if (page)
		*page = lenient(req, "page", 1, INT32_MAX);
	if (limit)
		*limit = lenient(req, "limit", LIMIT_PRESET, LIMIT_MAX);
}

/* 1: type, without its parameters, is the word of len bytes. */
static int
is_type(const char *type, const char *word, size_t len)
{
	size_t end = strcspn(type, "; \t");

	return end == len && strncasecmp(type, word, len) == 0;
}

int
psm_request_expect(const psm_request *req, const char *types, psm_error *err)
{
	const char *given = psm_request_header(req, "Content-Type");
	const char *p;
	int index = 0;

	psm_error_clear(err);
	if (!req || !types)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request and media types");
	for (p = types; given && *p; p += *p == ' ', index++) {
		size_t len = strcspn(p, " ");

		if (is_type(given, p, len)) {
			if (req->body_len > 0)
				return index;
			return psm__fail(err, PSM_ERR_PARSE,
			                 "body: want a document, found none");
		}
		p += len;
	}
	return psm__fail(err, PSM_ERR_MEDIA_TYPE, "Content-Type: want %s",
	                 types);
}

/* -- conditions */

/* 1: a list of entity tags has that of the version, or is "*". weak: W/"7" is
 * as good as "7". */
static int
has_tag(const char *list, int64_t version, int weak)
{
	char tag[32];
	size_t len;

	len = (size_t)snprintf(tag, sizeof tag, "\"%" PRId64 "\"", version);
	for (; *list; list += *list == ',') {
		int is_weak;

		list += strspn(list, " \t,");
		if (*list == '*')
			return 1;
		is_weak = strncmp(list, "W/", 2) == 0;
		if (is_weak)
			list += 2;
		if ((weak || !is_weak) && strncmp(list, tag, len) == 0 &&
		    strchr(" \t,", list[len])) /* or the end */
			return 1;
		list += strcspn(list, ",");
	}
	return 0;
}

int
psm_request_if_match(const psm_request *req, int64_t version, psm_error *err)
{
	const char *list = psm_request_header(req, "If-Match");

	psm_error_clear(err);
	if (!list)
		return 0;
	if (has_tag(list, version, 0))
		return 1;
	return psm__fail(err, PSM_ERR_PRECONDITION,
	                 "If-Match: the record has version %" PRId64
	                 " by now: read it again",
	                 version);
}

int
psm_request_is_fresh(const psm_request *req, int64_t version)
{
	const char *list = psm_request_header(req, "If-None-Match");

	return list && has_tag(list, version, 1);
}

/* -- trace */

int
psm_request_trace(const psm_request *req, psm_tx *tx, psm_error *err)
{
	const char *state;
	int rc;

	psm_error_clear(err);
	if (!req || !tx)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a request and a transaction");
	state =
	    req->is_trace_theirs ? psm_request_header(req, "tracestate") : NULL;
	rc = psm_tx_set_trace(tx, req->traceparent, state, err);
	if (rc == PSM_ERR_INVAL)
		rc = psm_tx_set_trace(tx, req->traceparent, NULL, err);
	return rc;
}
