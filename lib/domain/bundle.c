/* SPDX-License-Identifier: BSD-2-Clause */
/* The bundle itself: what it is made with, and where postal codes are. */
#include "domain/bundle.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "domain/bundle_therapist.h"

enum { AREAS = 1000 };

static int
read_strategy(const psm_json *doc, struct psm__strategy *out, psm_error *err)
{
	const char *name = NULL, *policy = NULL;
	int rc = psm__bundle_text(doc, "name", &name, err), next;

	next = psm__bundle_text(doc, "policy", &policy, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0 &&
	    (name == NULL || *name == '\0' || psm__utf8_count(name) > 50 ||
	     strlen(name) >= sizeof(out->name)))
		rc = psm__bundle_fault("strategies",
		                       "a name of 1 to 50 characters", err);
	out->order = psm__order_from_name(policy);
	if (rc == 0 && out->order < 0)
		rc = psm__bundle_fault(
		    "strategies", "a policy of \"fifo\" or \"priority\"", err);
	if (rc == 0)
		(void)snprintf(out->name, sizeof(out->name), "%s", name);
	return rc;
}

static int
read_strategies(psm_bundle *b, const psm_json *doc, psm_error *err)
{
	const psm_json *list = psm__bundle_member(doc, "strategies"), *item;
	size_t count = psm_json_count(list);
	int rc = 0;

	b->strategies = 1;
	(void)snprintf(b->strategy[0].name, sizeof(b->strategy[0].name),
	               "fifo");
	if (list == NULL)
		return 0;
	if (psm_json_kind(list) != PSM_JSON_ARRAY || count < 1 ||
	    count > PSM__STRATEGIES)
		return psm__bundle_fault("strategies", "a list of one or two",
		                         err);
	for (size_t i = 0; i < count && rc == 0; i++) {
		item = psm_json_item(list, i);
		rc = read_strategy(item, &b->strategy[i], err);
	}
	b->strategies = (int)count;
	if (rc == 0 && count == 2 &&
	    strcmp(b->strategy[0].name, b->strategy[1].name) == 0)
		rc = psm__bundle_fault("strategies", "two names", err);
	return rc;
}

static int
read_options(psm_bundle *b, const psm_json *doc, psm_error *err)
{
	int64_t digits, size, share;
	int rc = psm__bundle_int(doc, "plz_digits", 1, 3, 2, &digits, err),
	    next;

	next = psm__bundle_int(doc, "size", 1, PSM__BUNDLE_SIZE_MAX, 6, &size,
	                       err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_int(doc, "share", 0, 100, 50, &share, err);
	rc = rc < 0 ? rc : next;
	next =
	    psm__bundle_number(doc, "default_max_km", 25, &b->default_km, err);
	rc = rc < 0 ? rc : next;
	next = read_strategies(b, doc, err);
	rc = rc < 0 ? rc : next;
	b->digits = (int)digits;
	b->size = (int)size;
	b->share = b->strategies == 2 ? (int)share : 0;
	b->areas = digits == 1 ? 10 : digits == 2 ? 100 : AREAS;
	return rc;
}

static int
make_tables(psm_bundle *b, psm_error *err)
{
	size_t places = psm__bundle_places(b);

	b->orders = psm__array(b->areas * PSM__STRATEGIES, sizeof(*b->orders));
	b->therapist_areas = psm__array(b->areas, sizeof(*b->therapist_areas));
	b->lat = psm__array(PSM__CODES, sizeof(*b->lat));
	b->lon = psm__array(PSM__CODES, sizeof(*b->lon));
	b->km = psm__array(places, sizeof(*b->km));
	b->km_of = psm__array(places, sizeof(*b->km_of));
	if (b->orders == NULL || b->therapist_areas == NULL || b->lat == NULL ||
	    b->lon == NULL || b->km == NULL || b->km_of == NULL)
		return psm__nomem(err);
	for (size_t i = 0; i < PSM__CODES; i++)
		b->lat[i] = b->lon[i] = (double)NAN;
	return 0;
}

int
psm_bundle_new(const char *json, size_t len, psm_bundle **out, psm_error *err)
{
	psm_json *doc = NULL;
	psm_bundle *b;
	int rc = 0;

	psm__error_clear(err);
	if (out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	*out = NULL;
	if (json != NULL)
		rc = psm__bundle_object(json, len, &doc, err);
	if (rc < 0)
		return rc;
	b = psm__alloc(sizeof(*b));
	rc = b == NULL ? psm__nomem(err) : read_options(b, doc, err);
	if (rc == 0) {
		b->has_options = psm_json_count(doc) > 0;
		rc = make_tables(b, err);
	}
	psm_json_free(doc);
	if (rc == 0)
		*out = b;
	else
		psm_bundle_free(b);
	return rc;
}

int
psm__bundle_set_options(psm_bundle *b, const char *json, size_t len,
                        psm_error *err)
{
	struct psm_bundle old = *b;
	psm_bundle *fresh;
	int rc = psm_bundle_new(json, len, &fresh, err);

	if (rc < 0)
		return rc;
	*b = *fresh;
	b->lat = old.lat;
	b->lon = old.lon;
	b->has_options = old.has_options;
	old.lat = fresh->lat;
	old.lon = fresh->lon;
	*fresh = old;
	psm_bundle_free(fresh);
	return 0;
}

void
psm_bundle_free(psm_bundle *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->slots.used; i++)
		if (psm__slot(&b->slots, (uint32_t)i)->id != 0)
			psm__free(psm__slot(&b->slots, (uint32_t)i)->excluded);
	psm__slots_free(&b->slots);
	for (size_t i = 0; b->orders != NULL && i < b->areas * PSM__STRATEGIES;
	     i++)
		psm__order_free(&b->orders[i]);
	psm__bundle_free_therapists(b);
	psm__free(b->orders);
	psm__free(b->lat);
	psm__free(b->lon);
	psm__free(b->km);
	psm__free(b->km_of);
	psm__free(b);
}

int
psm_bundle_stats(const psm_bundle *b, char **out, psm_error *err)
{
	psm_json_writer *w;
	size_t bytes, count;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (b == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b or out is NULL");
	w = psm_json_writer_new();
	bytes = b->bytes + b->slots.bytes;
	count = b->slots.count;
	psm_json_write_object(w);
	psm_json_write_key(w, "searches");
	psm_json_write_int(w, (int64_t)count);
	psm_json_write_key(w, "therapists");
	psm_json_write_int(w, (int64_t)b->therapist_count);
	psm_json_write_key(w, "bytes");
	psm_json_write_int(w, (int64_t)bytes);
	psm_json_write_key(w, "bytes_per_search");
	psm_json_write_double(w, count ? (double)bytes / (double)count : 0);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}
