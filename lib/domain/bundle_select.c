/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom to contact in an area. */
#include <stdlib.h>
#include <string.h>

#include "domain/bundle_therapist.h"

struct choice {
	const struct psm__bundle_therapist **all; /* of the area, active */
	size_t count, kept;                       /* the first ones are kept */
	int64_t pending, cooling, mailbox;
};

static int
by_id(const struct psm__bundle_therapist *x,
      const struct psm__bundle_therapist *y)
{
	return (x->fit.id > y->fit.id) - (x->fit.id < y->fit.id);
}

static int
by_mail(const void *a, const void *b)
{
	const struct psm__bundle_therapist *x, *y;
	int order;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	order = strcmp(x->mail, y->mail);
	return order ? order : by_id(x, y);
}

/* Available and informed count, but less than being reachable by mail. */
static int
tier(const struct psm__bundle_therapist *t)
{
	return (t->available ? 0 : 2) + (t->informed ? 0 : 1) +
	       (*t->mail ? 0 : 4);
}

static int
by_tier(const void *a, const void *b)
{
	const struct psm__bundle_therapist *x, *y;
	int order;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	order = tier(x) - tier(y);
	if (order == 0)
		order = strcmp(x->last, y->last);
	if (order == 0)
		order = strcmp(x->first, y->first);
	return order ? order : by_id(x, y);
}

static int
rank(const struct psm__bundle_therapist *t)
{
	if (strstr(t->title, "Prof") != NULL)
		return 1;
	return strstr(t->title, "Dr") != NULL ? 2 : 3;
}

/* Of those who share a mailbox, sorted by id: who has the practice. */
static size_t
owner(const struct psm__bundle_therapist *const *group, size_t count)
{
	size_t best = 0;

	for (size_t i = 0; i < count; i++)
		if (*group[i]->name != '\0' &&
		    strstr(group[i]->mail, group[i]->name) != NULL)
			return i;
	for (size_t i = 1; i < count; i++)
		if (rank(group[i]) < rank(group[best]))
			best = i;
	return best;
}

/* Keep one of a group, or nobody. */
static void
settle(struct choice *c, size_t first, size_t count, int32_t today)
{
	unsigned why, all = 0;
	size_t kept;

	for (size_t i = first; i < first + count; i++) {
		(void)psm__bundle_contactable(c->all[i], today, &why);
		all |= why;
	}
	if (all & 1u << PSM__FIT_PENDING) {
		c->pending += (int64_t)count;
	} else if (all & 1u << PSM__FIT_COOLING) {
		c->cooling += (int64_t)count;
	} else {
		kept = first + owner(&c->all[first], count);
		c->mailbox += (int64_t)count - 1;
		c->all[c->kept++] = c->all[kept];
	}
}

static void
choose(struct choice *c, int32_t today)
{
	size_t first = 0, next;

	qsort(c->all, c->count, sizeof(*c->all), by_mail);
	while (first < c->count) {
		next = first + 1;
		while (next < c->count && *c->all[first]->mail != '\0' &&
		       strcmp(c->all[first]->mail, c->all[next]->mail) == 0)
			next++;
		settle(c, first, next - first, today);
		first = next;
	}
	qsort(c->all, c->kept, sizeof(*c->all), by_tier);
}

static int
collect(const psm_bundle *b, uint16_t area, struct choice *out, psm_error *err)
{
	const struct psm__therapist_area *a = &b->therapist_areas[area];
	const struct psm__bundle_therapist *t;

	out->all = psm__array(a->count + 1, sizeof(*out->all));
	if (out->all == NULL)
		return psm__nomem(err);
	for (size_t i = 0; i < a->count; i++) {
		t = psm__bundle_therapist(b, a->ids[i]);
		if (t->active)
			out->all[out->count++] = t;
	}
	return 0;
}

static void
write_count(psm_json_writer *w, const char *key, int64_t n)
{
	psm_json_write_key(w, key);
	psm_json_write_int(w, n);
}

static int
write_choice(const struct choice *c, const char *prefix, char **out,
             psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();

	psm_json_write_object(w);
	psm_json_write_key(w, "plz_prefix");
	psm_json_write_string(w, prefix);
	psm_json_write_key(w, "therapists");
	psm_json_write_array(w);
	for (size_t i = 0; i < c->kept; i++) {
		psm_json_write_object(w);
		write_count(w, "id", c->all[i]->fit.id);
		write_count(w, "tier", tier(c->all[i]));
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
	psm_json_write_key(w, "left_out");
	psm_json_write_object(w);
	write_count(w, "pending", c->pending);
	write_count(w, "cooling", c->cooling);
	write_count(w, "mailbox", c->mailbox);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

static int
answer(const psm_bundle *b, const psm_json *doc, char **out, psm_error *err)
{
	struct choice choice = {.all = NULL};
	uint16_t area = PSM__NO_AREA;
	const char *prefix;
	int32_t today;
	int rc = psm__bundle_text(doc, "plz_prefix", &prefix, err), next;

	if (prefix != NULL && strlen(prefix) == (size_t)b->digits)
		area = psm__bundle_area(b, prefix);
	if (rc == 0 && area == PSM__NO_AREA)
		rc = psm__bundle_fault("plz_prefix", "the digits of an area",
		                       err);
	next = psm__bundle_day(doc, "today", 1, &today, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0)
		rc = collect(b, area, &choice, err);
	if (rc == 0) {
		choose(&choice, today);
		rc = write_choice(&choice, prefix, out, err);
	}
	psm__free(choice.all);
	return rc;
}

int
psm_bundle_select(psm_bundle *b, const char *json, size_t len, char **out,
                  psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (b == NULL || json == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b, json or out is NULL");
	rc = psm__bundle_object(json, len, &doc, err);
	if (rc == 0)
		rc = answer(b, doc, out, err);
	psm_json_free(doc);
	return rc;
}
