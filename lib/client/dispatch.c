/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

#include <psymatch/catalogue.h>

#include "base/log_trace.h"
#include "client/dispatch.h"
#include "event/event.h"

static const psm_handler_options defaults = {.deadline_ms = 30000};

/* A deadline that is farther than this is not reached yet, by any clock. */
#define FAR_MS 1000

/* -- registering */

static const char *
canonical(const char *type)
{
	if (strcmp(type, "*") == 0)
		return "*";
	/* NULL for an unknown type. */
	return psm_catalogue_type_name(psm_catalogue_find(type));
}

static int
unknown(const char *type, psm_error *err)
{
	return psm__fail(err, PSM_ERR_UNKNOWN_TYPE,
	                 "type: the catalogue has no \"%.100s\"", type);
}

static int
has_range(const psm_handler_options *o)
{
	return o->min_version[0] || o->max_version[0];
}

/* a ends before b begins. */
static int
is_before(const psm_handler_options *a, const psm_handler_options *b)
{
	return a->max_version[0] && b->min_version[0] &&
	       psm__event_version_cmp(a->max_version, b->min_version) < 0;
}

static int
collide(const psm_handler_options *a, const psm_handler_options *b)
{
	/* The one without a range takes what the ranges leave. */
	if (has_range(a) != has_range(b))
		return 0;
	return !is_before(a, b) && !is_before(b, a);
}

int
psm__dispatch_add(struct psm__dispatch *d, const char *type,
                  const psm_handler_options *options, void (*fn)(void),
                  void *user, psm_error *err)
{
	const char *name = canonical(type);
	struct psm__handler *h;
	size_t i;

	if (!options)
		options = &defaults;
	if (!name)
		return unknown(type, err);
	if (strcmp(name, "*") == 0 && has_range(options))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "options: want no versions for \"*\"");
	for (i = 0; i < d->count; i++)
		if (strcmp(d->handlers[i].type, name) == 0 &&
		    collide(&d->handlers[i].options, options))
			return psm__fail(err, PSM_ERR_CONFLICT,
			                 "type: %s has a handler already",
			                 name);
	if (psm__grow(&d->handlers, &d->cap, d->count + 1,
	              sizeof(*d->handlers)) < 0)
		return psm__nomem(err);
	h = &d->handlers[d->count++];
	h->type = name;
	h->fn = fn;
	h->user = user;
	h->options = *options;
	return 0;
}

static const struct psm__upcaster *
find_upcaster(const struct psm__dispatch *d, const char *type,
              const char *version)
{
	size_t i;

	for (i = 0; i < d->upcaster_count; i++)
		if (strcmp(d->upcasters[i].from, version) == 0 &&
		    strcmp(d->upcasters[i].type, type) == 0)
			return &d->upcasters[i];
	return NULL;
}

static int
is_version(const char *text)
{
	return strlen(text) < PSM__VERSION_SIZE &&
	       psm__event_version_valid(text);
}

int
psm__dispatch_add_upcaster(struct psm__dispatch *d, const char *type,
                           const char *from_version, const char *to_version,
                           psm_upcast_fn fn, void *user, psm_error *err)
{
	const char *name = psm_catalogue_type_name(psm_catalogue_find(type));
	struct psm__upcaster *u;

	if (!name)
		return unknown(type, err);
	if (!is_version(from_version) || !is_version(to_version) ||
	    psm__event_version_cmp(from_version, to_version) >= 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "from_version, to_version: want "
		                 "\"major.minor\", the second one newer");
	if (find_upcaster(d, name, from_version))
		return psm__fail(err, PSM_ERR_CONFLICT,
		                 "from_version: %s %s has an upcaster already",
		                 name, from_version);
	if (psm__grow(&d->upcasters, &d->upcaster_cap, d->upcaster_count + 1,
	              sizeof(*d->upcasters)) < 0)
		return psm__nomem(err);
	u = &d->upcasters[d->upcaster_count++];
	u->type = name;
	snprintf(u->from, sizeof(u->from), "%s", from_version);
	snprintf(u->to, sizeof(u->to), "%s", to_version);
	u->fn = fn;
	u->user = user;
	return 0;
}

int
psm__dispatch_add_all(struct psm__dispatch *d, const struct psm__dispatch *more,
                      psm_error *err)
{
	size_t i, count = d->count, upcaster_count = d->upcaster_count;
	int rc = 0;

	for (i = 0; i < more->count && rc == 0; i++) {
		const struct psm__handler *h = &more->handlers[i];

		rc = psm__dispatch_add(d, h->type, &h->options, h->fn, h->user,
		                       err);
	}
	for (i = 0; i < more->upcaster_count && rc == 0; i++) {
		const struct psm__upcaster *u = &more->upcasters[i];

		rc = psm__dispatch_add_upcaster(d, u->type, u->from, u->to,
		                                u->fn, u->user, err);
	}
	if (rc < 0) {
		d->count = count;
		d->upcaster_count = upcaster_count;
	}
	return rc;
}

/* -- finding. A handful of handlers: a walk is faster than a table. Canonical
 * names are the catalogue's own strings, so the pointers mostly decide. */

static int
is_type(const struct psm__handler *h, const char *type)
{
	return h->type == type || strcmp(h->type, type) == 0;
}

static int
covers(const psm_handler_options *o, const char *version)
{
	if (o->min_version[0] &&
	    psm__event_version_cmp(version, o->min_version) < 0)
		return 0;
	return !o->max_version[0] ||
	       psm__event_version_cmp(version, o->max_version) <= 0;
}

/* version NULL: the one without a range. */
static const struct psm__handler *
find_own(const struct psm__dispatch *d, const char *type, const char *version)
{
	size_t i;

	for (i = 0; i < d->count; i++) {
		const struct psm__handler *h = &d->handlers[i];

		if (has_range(&h->options) != (version != NULL))
			continue;
		if (is_type(h, type) &&
		    (!version || covers(&h->options, version)))
			return h;
	}
	return NULL;
}

/* The one that takes what no range does. */
static const struct psm__handler *
find_other(const struct psm__dispatch *d, const char *type)
{
	const struct psm__handler *h = find_own(d, type, NULL);

	return h ? h : find_own(d, "*", NULL);
}

const struct psm__handler *
psm__dispatch_find(const struct psm__dispatch *d, const char *type,
                   const char *version)
{
	const struct psm__handler *h = find_own(d, type, version);

	return h ? h : find_other(d, type);
}

int
psm__dispatch_wants(const struct psm__dispatch *d, const char *type)
{
	size_t i;

	for (i = 0; i < d->count; i++)
		if (is_type(&d->handlers[i], type) ||
		    is_type(&d->handlers[i], "*"))
			return 1;
	return 0;
}

static size_t
count_names(const struct psm__dispatch *d)
{
	const psm_event_type_info *t;
	size_t i, k, count = 0;

	for (i = 0; i < d->count; i++) {
		t = psm_catalogue_find(d->handlers[i].type);
		for (k = 0; psm_catalogue_type_alias_at(t, k); k++)
			count++;
	}
	return count + d->count;
}

int
psm__dispatch_names(const struct psm__dispatch *d, const char ***out,
                    size_t *count)
{
	const psm_event_type_info *t;
	size_t i, k;

	*count = 0;
	*out = NULL;
	if (psm__dispatch_wants(d, "*"))
		return 0;
	*out = psm__array(count_names(d), sizeof(**out));
	if (!*out)
		return PSM_ERR_NOMEM;
	for (i = 0; i < d->count; i++) {
		t = psm_catalogue_find(d->handlers[i].type);
		(*out)[(*count)++] = d->handlers[i].type;
		for (k = 0; psm_catalogue_type_alias_at(t, k); k++)
			(*out)[(*count)++] = psm_catalogue_type_alias_at(t, k);
	}
	return 0;
}

static const char *
topic_of(const struct psm__handler *h)
{
	return psm_catalogue_type_topic(psm_catalogue_find(h->type));
}

const char *
psm__dispatch_topic_at(const struct psm__dispatch *d, size_t i)
{
	const char *topic;
	size_t k;

	if (i >= d->count)
		return NULL;
	topic = topic_of(&d->handlers[i]);
	for (k = 0; topic && k < i; k++) {
		const char *other = topic_of(&d->handlers[k]);

		if (other && strcmp(other, topic) == 0)
			return "";
	}
	return topic ? topic : "";
}

/* -- the way of an event */

static int
check_upcast(const struct psm__upcaster *u, const psm_event *old,
             const psm_event *made, psm_error *err)
{
	if (strcmp(psm_event_version(made), u->to) == 0 &&
	    strcmp(psm_event_type(made), u->type) == 0 &&
	    strcmp(psm_event_id(made), psm_event_id(old)) == 0)
		return 0;
	return psm__fail(err, PSM_ERR_SCHEMA,
	                 "the upcaster of %s from %s to %s made another event",
	                 u->type, u->from, u->to);
}

/* One step; *made: new, NULL after a failure. */
static int
step(const struct psm__upcaster *u, const psm_event *old, psm_event **made,
     psm_error *err)
{
	const struct psm__origin *origin = psm__event_origin(old);
	int rc;

	*made = NULL;
	rc = u->fn(old, made, u->user, err);
	if (rc > 0) /* not a result it may give */
		rc = psm__fail(err, PSM_ERR_REJECT, "the upcaster returned %d",
		               rc);
	if (rc == 0 && !*made) /* no answer: see psm_upcast_fn */
		rc = psm__fail(err, PSM_ERR_RETRY,
		               "the upcaster of %s from %s to %s made no event",
		               u->type, u->from, u->to);
	rc = psm__dispatch_result(old, NULL, rc, err);
	if (rc == 0)
		rc = check_upcast(u, old, *made, err);
	if (rc < 0) {
		psm_event_free(*made);
		*made = NULL;
		return rc;
	}
	if (origin)
		psm__event_set_origin(*made, origin);
	return 0;
}

/* Where the upcasters from here on lead, if none of them fails. */
static const struct psm__handler *
find_goal(const struct psm__dispatch *d, const char *type, const char *version)
{
	const struct psm__handler *h;
	const struct psm__upcaster *u;

	while (!(h = find_own(d, type, version)) &&
	       (u = find_upcaster(d, type, version)))
		version = u->to;
	return h ? h : psm__dispatch_find(d, type, version);
}

int
psm__dispatch_route(const struct psm__dispatch *d, const psm_event *ev,
                    psm_event **upcast, const struct psm__handler **h,
                    psm_error *err)
{
	const char *type = psm_event_type(ev);
	const struct psm__upcaster *u;
	psm_event *made;
	int rc;

	*upcast = NULL;
	while (!(*h = find_own(d, type, psm_event_version(ev))) &&
	       (u = find_upcaster(d, type, psm_event_version(ev)))) {
		rc = step(u, ev, &made, err);
		type = u->type; /* the event that had it may go */
		psm_event_free(*upcast);
		*upcast = made;
		if (rc < 0) {
			*h = find_goal(d, type, u->to);
			return rc;
		}
		ev = made;
		type = psm_event_type(ev);
	}
	if (!*h)
		*h = find_other(d, type);
	if (*h || !psm__dispatch_wants(d, type))
		return 0;
	return psm__fail(err, PSM_ERR_VERSION,
	                 "no handler of %s takes version %s", type,
	                 psm_event_version(ev));
}

void
psm__dispatch_arm(psm_event *ev, const struct psm__handler *h, int attempt)
{
	const struct psm__origin *old = psm__event_origin(ev);
	struct psm__origin origin;

	psm__log_trace(psm_event_traceparent(ev)); /* until its result */
	if (!old)
		return;
	origin = *old;
	origin.attempt = attempt;
	origin.confirmed = 0;
	origin.deadline_ms = h->options.deadline_ms
	                         ? psm__mono_ms() + h->options.deadline_ms
	                         : INT64_MAX;
	psm__event_set_origin(ev, &origin);
}

int
psm__dispatch_result(const psm_event *ev, const struct psm__handler *h, int rc,
                     psm_error *err)
{
	if (h)
		psm__log_trace(NULL);
	if (psm__event_starved(ev)) {
		psm__error_clear(err);
		return psm__nomem(err);
	}
	if (!h || !h->options.confirm)
		return rc;
	if (psm__event_confirmed(ev))
		return 0;
	rc = psm_error_code(err);
	return rc < 0 ? rc
	              : psm__fail(err, PSM_ERR_NOMEM,
	                          "the handler gave no answer");
}

int64_t
psm__dispatch_overrun(const psm_event *ev)
{
	const struct psm__origin *origin = psm__event_origin(ev);
	int64_t over;

	if (!origin || origin->deadline_ms == INT64_MAX ||
	    psm__mono_ms_about() < origin->deadline_ms - FAR_MS)
		return 0;
	over = psm__mono_ms() - origin->deadline_ms;
	return over > 0 ? over : 0;
}

void
psm__dispatch_free(struct psm__dispatch *d)
{
	psm__free(d->handlers);
	psm__free(d->upcasters);
	memset(d, 0, sizeof(*d));
}
