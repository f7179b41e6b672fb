/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <string.h>

#define PATH_MAX_LEN 200
#define WORD "abcdefghijklmnopqrstuvwxyz0123456789_"
#define LITERAL "ABCDEFGHIJKLMNOPQRSTUVWXYZ.~-" WORD

const char *const psm__svc_methods[] = {"GET",   "POST",   "PUT",
                                        "PATCH", "DELETE", NULL};

static int
method_index(const char *method)
{
	int i;

	for (i = 0; psm__svc_methods[i]; i++)
		if (strcmp(psm__svc_methods[i], method) == 0)
			return i;
	return -1;
}

/* text[len] between two slashes of a route's path. */
static int
segment_init(struct svc_segment *s, const char *text, size_t len)
{
	s->is_param = len > 2 && text[0] == '{' && text[len - 1] == '}';
	s->text = s->is_param ? text + 1 : text;
	s->len = s->is_param ? len - 2 : len;
	if (s->len == 0)
		return 0;
	return strspn(s->text, s->is_param ? WORD : LITERAL) >= s->len;
}

static int
path_init(struct svc_route *r)
{
	const char *p = r->path;

	if (strlen(p) > PATH_MAX_LEN || *p != '/')
		return 0;
	if (strcmp(p, "/") == 0)
		return 1;
	while (*p == '/') {
		size_t len = strcspn(++p, "/");

		if (r->count == SVC_SEGMENTS_MAX ||
		    !segment_init(&r->segments[r->count++], p, len))
			return 0;
		p += len;
	}
	return 1;
}

int
psm__svc_route_init(struct svc_route *r, const char *method, const char *path,
                    psm_error *err)
{
	int index = method_index(method);

	if (index < 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "method: want GET, POST, PUT, PATCH or "
		                 "DELETE, got \"%s\"",
		                 method);
	r->method = psm__svc_methods[index];
	r->path = psm__strdup(path);
	if (!r->path)
		return psm__nomem(err);
	if (!path_init(r))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "path: want /literal/{name}/..., got "
		                 "\"%s\"",
		                 path);
	return PSM_OK;
}

void
psm__svc_route_clear(struct svc_route *r)
{
	psm__free(r->path);
	r->path = NULL;
}

static int
same_segment(const struct svc_segment *a, const struct svc_segment *b)
{
	if (a->is_param || b->is_param)
		return a->is_param && b->is_param;
	return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
}

int
psm__svc_route_same(const struct svc_route *a, const struct svc_route *b)
{
	size_t i;

	if (a->method != b->method || a->count != b->count)
		return 0;
	for (i = 0; i < a->count; i++)
		if (!same_segment(&a->segments[i], &b->segments[i]))
			return 0;
	return 1;
}

/* Literals are compared with the path as sent: none of their characters needs
 * an escape, and "%61" for "a" is nothing a client writes by accident. */
static int
fits(const struct svc_route *r, const char *path)
{
	size_t i;

	if (r->count == 0)
		return strcmp(path, "/") == 0;
	for (i = 0; i < r->count; i++) {
		const struct svc_segment *s = &r->segments[i];
		size_t len;

		if (*path != '/')
			return 0;
		len = strcspn(++path, "/");
		if (len == 0)
			return 0;
		if (!s->is_param &&
		    (len != s->len || memcmp(path, s->text, len) != 0))
			return 0;
		path += len;
	}
	return *path == '\0';
}

/* Both fit the same path: 1 if a is literal where they first differ. */
static int
is_better(const struct svc_route *a, const struct svc_route *b)
{
	size_t i;

	for (i = 0; i < a->count; i++)
		if (a->segments[i].is_param != b->segments[i].is_param)
			return b->segments[i].is_param;
	return 0;
}

const struct svc_route *
psm__svc_route_find(const struct svc_route *routes, size_t count,
                    const char *method, const char *path, unsigned *allowed)
{
	const struct svc_route *found = NULL, *best = NULL;
	size_t i;

	*allowed = 0;
	if (strcmp(method, "HEAD") == 0)
		method = "GET";
	for (i = 0; i < count; i++) {
		const struct svc_route *r = &routes[i];

		if (!fits(r, path) || (best && is_better(best, r)))
			continue;
		if (!best || is_better(r, best)) {
			best = r;
			found = NULL;
			*allowed = 0;
		}
		*allowed |= 1u << method_index(r->method);
		if (strcmp(r->method, method) == 0)
			found = r;
	}
	return found;
}

int
psm__svc_decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		int high, low;

		if (*text != '%') {
			*out++ = *text;
			continue;
		}
		high = psm__hex_value(text[1]);
		low = high < 0 ? -1 : psm__hex_value(text[2]);
		if (low < 0 || high * 16 + low == 0)
			return PSM_ERR_PARSE;
		*out++ = (char)(high * 16 + low);
		text += 2;
	}
	*out = '\0';
	return PSM_OK;
}
