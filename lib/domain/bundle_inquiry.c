/* SPDX-License-Identifier: BSD-2-Clause */
/* Which searches fit a therapist, and why the others do not. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "domain/bundle_therapist.h"
#include "domain/geo.h"

/* A question about a therapist. */
struct question {
	psm_bundle *b;
	const struct psm__bundle_therapist *t;
	int32_t today;
	uint16_t area; /* or PSM__NO_AREA */
	int override;
	const char *strategy;
	int64_t search; /* id, 0: all */
	unsigned refused;
};

static int
read_area(const psm_json *doc, struct question *q, psm_error *err)
{
	const char *prefix;
	int rc = psm__bundle_text(doc, "plz_prefix", &prefix, err);

	if (rc < 0 || prefix == NULL)
		return rc;
	q->area = psm__bundle_area(q->b, prefix);
	return strlen(prefix) == (size_t)q->b->digits && q->area != PSM__NO_AREA
	           ? 0
	           : psm__bundle_fault("plz_prefix", "the digits of an area",
	                               err);
}

static int
read_question(psm_bundle *b, const psm_json *doc, struct question *q,
              psm_error *err)
{
	int64_t id;
	int rc =
		psm__bundle_int(doc, "therapist_id", 1, INT32_MAX, 0, &id, err),
	    next;

	*q = (struct question){.b = b, .area = PSM__NO_AREA};
	next = psm__bundle_day(doc, "today", 1, &q->today, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_bool(doc, "override", &q->override, err);
	rc = rc < 0 ? rc : next;
	next = psm__bundle_text(doc, "strategy", &q->strategy, err);
	rc = rc < 0 ? rc : next;
	next =
	    psm__bundle_int(doc, "search_id", 0, INT32_MAX, 0, &q->search, err);
	rc = rc < 0 ? rc : next;
	q->t = psm__bundle_therapist(b, id);
	if (q->t != NULL)
		q->area = q->t->area;
	next = read_area(doc, q, err);
	rc = rc < 0 ? rc : next;
	if (rc == 0 && q->t == NULL)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "no such therapist");
	if (rc == 0)
		(void)psm__bundle_contactable(q->t, q->today, &q->refused);
	if (rc == 0 && q->area != q->t->area)
		q->refused |= 1u << PSM__FIT_THERAPIST_AREA;
	psm__bundle_begin_question(b);
	return rc;
}

/* From the therapist to a place of the area; NaN: unknown. */
static double
km_to(const struct question *q, uint16_t place)
{
	const psm_bundle *b = q->b;
	size_t places = psm__bundle_places(b) - 1;
	double km = (double)NAN;
	size_t code;

	if (b->km_of[place] == b->question)
		return b->km[place];
	if (place < places && q->t->plz != PSM__NO_PLZ) {
		code = q->area * places + place;
		/* One that is unknown makes it NaN. */
		km = psm__geo_km(b->lat[q->t->plz], b->lon[q->t->plz],
		                 b->lat[code], b->lon[code]);
		if (isnan(b->lat[q->t->plz]) || isnan(b->lat[code]))
			km = (double)NAN;
	}
	b->km[place] = km;
	b->km_of[place] = b->question;
	return km;
}

static struct psm__fit_patient
patient_of(const struct psm__bundle_search *s)
{
	return (struct psm__fit_patient){.max_km = s->max_km,
	                                 .excluded = s->excluded,
	                                 .excluded_count = s->excluded_count,
	                                 .birth = s->birth,
	                                 .gender = s->gender,
	                                 .wants_gender = s->wants_gender,
	                                 .procedure = s->procedure,
	                                 .group = s->group,
	                                 .odd_max_km = s->odd_max_km};
}

/* All reasons and doubts of a pair. */
static struct psm__fit_result
classify(const struct question *q, const struct psm__bundle_search *s,
         double km)
{
	struct psm__fit_patient p = patient_of(s);
	struct psm__fit_result result;

	(void)psm__fit(&p, &q->t->fit, km, q->today, &result);
	if (psm__bundle_asked(q->t, s->patient_id))
		result.failed |= 1u << PSM__FIT_IN_INQUIRY;
	return result;
}

/* -- finding */

/* What rules out most searches without reading their records: psm__fit() says
 * it of a patient of each class. It decides afterwards, too. */
struct sieve {
	unsigned char passes[PSM__CLASSES];
	int limited; /* 1: birth is from after + 1 to until */
	int64_t after, until;
};

static void
make_sieve(const struct question *q, struct sieve *out)
{
	struct psm__fit_therapist t = q->t->fit;
	struct psm__fit_result result;
	unsigned class = 0, n = PSM__CLASSES;

	out->limited = t.age_min > 0 || t.age_max > 0;
	out->until =
	    t.age_min > 0 ? q->today - t.age_min * INT64_C(10000) : q->today;
	out->after =
	    t.age_max > 0 ? q->today - (t.age_max + INT64_C(1)) * 10000 : 0;
	if (out->after < 0)
		out->after = 0;
	t.age_min = t.age_max = 0;
	for (class = 0; class < n; class ++) {
		struct psm__fit_patient p = {
		    .group = class % 2,
		    .procedure = (unsigned char)(class / 2 % PSM__PROCEDURES),
		    .wants_gender =
			(unsigned char)(class / 2 / PSM__PROCEDURES %
		                        PSM__GENDERS),
		    .gender = (unsigned char)(class / 2 / PSM__PROCEDURES /
		                              PSM__GENDERS)};

		out->passes[class] =
		    (unsigned char)psm__fit(&p, &t, -1, q->today, &result);
	}
}

static int
passes(const struct question *q, const struct sieve *sieve,
       const struct psm__hot *hot)
{
	if (!sieve->passes[hot->class])
		return 0;
	if (sieve->limited &&
	    (hot->birth <= sieve->after || hot->birth > sieve->until))
		return 0;
	return !(km_to(q, hot->place) > (double)hot->km);
}

struct found {
	size_t count;
	uint32_t slot[PSM__BUNDLE_SIZE_MAX];
	double km[PSM__BUNDLE_SIZE_MAX];
	unsigned doubts[PSM__FIT_DOUBTS];
};

static void
count_bits(unsigned bits, unsigned *counts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		counts[i] += bits >> i & 1;
}

/* 1: full. */
static int
try_one(const struct question *q, uint32_t slot, uint16_t place,
        struct found *out)
{
	double km = km_to(q, place);
	struct psm__fit_result result =
	    classify(q, psm__slot(&q->b->slots, slot), km);

	if (result.failed != 0)
		return 0;
	out->slot[out->count] = slot;
	out->km[out->count++] = km;
	count_bits(result.doubts, out->doubts, PSM__FIT_DOUBTS);
	return out->count == (size_t)q->b->size;
}

static void
find(const struct question *q, const struct sieve *sieve, int strategy,
     struct found *out)
{
	const struct psm__order *o =
	    &q->b->orders[q->area * PSM__STRATEGIES + strategy];
	const struct psm__chunk *c;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < o->count; i++) {
		c = o->chunks[i];
		for (uint32_t j = 0; j < c->count; j++)
			if (passes(q, sieve, &c->hot[j]) &&
			    try_one(q, c->slot[j], c->hot[j].place, out))
				return;
	}
}

/* The strategy whose first one was created first. */
static int
choose(const struct question *q, const struct found *found)
{
	const struct psm__bundle_search *a, *b;

	if (q->b->strategies == 1 || found[1].count == 0)
		return 0;
	if (found[0].count == 0)
		return 1;
	a = psm__slot(&q->b->slots, found[0].slot[0]);
	b = psm__slot(&q->b->slots, found[1].slot[0]);
	if (a->created_us != b->created_us)
		return b->created_us < a->created_us;
	return b->id < a->id;
}

/* *strategy: whose; -1: nobody's. */
static int
compose(const struct question *q, struct found *found, int *strategy,
        psm_error *err)
{
	int wanted = -1;
	struct sieve sieve;

	*strategy = -1;
	for (int i = 0; q->strategy != NULL && i < q->b->strategies; i++)
		if (strcmp(q->strategy, q->b->strategy[i].name) == 0)
			wanted = i;
	if (q->strategy != NULL && wanted < 0)
		return psm__fail(err, PSM_ERR_NOT_FOUND, "no such strategy");
	if (q->area == PSM__NO_AREA || (q->refused != 0 && !q->override))
		return 0;
	make_sieve(q, &sieve);
	for (int i = 0; i < q->b->strategies; i++)
		if (wanted < 0 || wanted == i)
			find(q, &sieve, i, &found[i]);
	if (wanted < 0)
		wanted = choose(q, found);
	if (found[wanted].count > 0)
		*strategy = wanted;
	return 0;
}

/* -- answers */

static void
write_begin(psm_json_writer *w, const struct question *q)
{
	char prefix[8];

	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, q->t->fit.id);
	psm_json_write_key(w, "plz_prefix");
	(void)snprintf(prefix, sizeof(prefix), "%0*u", q->b->digits,
	               (unsigned)q->area);
	psm_json_write_string(w, q->area == PSM__NO_AREA ? NULL : prefix);
	psm_json_write_key(w, "refused");
	psm_json_write_array(w);
	for (int i = 0; i < PSM__FIT_REASONS; i++)
		if (q->refused >> i & 1)
			psm_json_write_string(w, psm__fit_reason_name(i));
	psm_json_write_end(w);
}

static void
write_counts(psm_json_writer *w, const char *key, const unsigned *counts, int n,
             const char *(*name)(int))
{
	psm_json_write_key(w, key);
	psm_json_write_object(w);
	for (int i = 0; i < n; i++) {
		if (counts[i] == 0)
			continue;
		psm_json_write_key(w, name(i));
		psm_json_write_int(w, counts[i]);
	}
	psm_json_write_end(w);
}

static void
write_searches(psm_json_writer *w, const struct question *q,
               const struct found *found)
{
	const struct psm__bundle_search *s;

	psm_json_write_key(w, "searches");
	psm_json_write_array(w);
	for (size_t i = 0; i < found->count; i++) {
		s = psm__slot(&q->b->slots, found->slot[i]);
		psm_json_write_object(w);
		psm_json_write_key(w, "search_id");
		psm_json_write_int(w, s->id);
		psm_json_write_key(w, "patient_id");
		psm_json_write_int(w, s->patient_id);
		psm_json_write_key(w, "distance_km");
		if (isnan(found->km[i]))
			psm_json_write_null(w);
		else
			psm_json_write_double(w,
			                      psm__geo_round(found->km[i], 2));
		psm_json_write_end(w);
	}
	psm_json_write_end(w);
}

static int
answer_inquiry(const struct question *q, char **out, psm_error *err)
{
	struct found none = {.count = 0}, found[PSM__STRATEGIES];
	const struct found *chosen = &none;
	psm_json_writer *w;
	int strategy, rc;

	memset(found, 0, sizeof(found));
	rc = compose(q, found, &strategy, err);
	if (rc < 0)
		return rc;
	if (strategy >= 0)
		chosen = &found[strategy];
	w = psm_json_writer_new();
	write_begin(w, q);
	psm_json_write_key(w, "strategy");
	psm_json_write_string(w, strategy < 0 ? NULL
	                                      : q->b->strategy[strategy].name);
	write_searches(w, q, chosen);
	write_counts(w, "doubts", chosen->doubts, PSM__FIT_DOUBTS,
	             psm__fit_doubt_name);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

struct counts {
	int64_t searches, fits;
	unsigned reasons[PSM__FIT_REASONS], doubts[PSM__FIT_DOUBTS];
};

static void
count_one(const struct question *q, const struct psm__bundle_search *s,
          struct counts *out)
{
	struct psm__fit_result result = {0, 0};

	if (s->area == q->area && q->area != PSM__NO_AREA)
		result = classify(q, s, km_to(q, s->place));
	else /* far away, or nobody knows where */
		result.failed = 1u << PSM__FIT_AREA;
	out->searches++;
	out->fits += result.failed == 0;
	count_bits(result.failed, out->reasons, PSM__FIT_REASONS);
	count_bits(result.doubts, out->doubts, PSM__FIT_DOUBTS);
}

static void
count_area(const struct question *q, struct counts *out)
{
	const struct psm__order *o;

	for (int s = 0; q->area != PSM__NO_AREA && s < PSM__STRATEGIES; s++) {
		o = &q->b->orders[q->area * PSM__STRATEGIES + s];
		for (size_t i = 0; i < o->count; i++)
			for (uint32_t j = 0; j < o->chunks[i]->count; j++)
				count_one(q,
				          psm__slot(&q->b->slots,
				                    o->chunks[i]->slot[j]),
				          out);
	}
}

static int
answer_why_not(const struct question *q, char **out, psm_error *err)
{
	struct counts counts = {0};
	psm_json_writer *w;
	int64_t slot;

	if (q->search == 0) {
		count_area(q, &counts);
	} else {
		slot = psm__slots_find(&q->b->slots, (int32_t)q->search);
		if (slot < 0)
			return psm__fail(err, PSM_ERR_NOT_FOUND,
			                 "no such search");
		count_one(q, psm__slot(&q->b->slots, (uint32_t)slot), &counts);
	}
	w = psm_json_writer_new();
	write_begin(w, q);
	psm_json_write_key(w, "searches");
	psm_json_write_int(w, counts.searches);
	psm_json_write_key(w, "fits");
	psm_json_write_int(w, counts.fits);
	write_counts(w, "reasons", counts.reasons, PSM__FIT_REASONS,
	             psm__fit_reason_name);
	write_counts(w, "doubts", counts.doubts, PSM__FIT_DOUBTS,
	             psm__fit_doubt_name);
	psm_json_write_end(w);
	return psm__json_take(w, 0, out, err);
}

static int
ask(psm_bundle *b, const char *json, size_t len,
    int (*answer)(const struct question *q, char **out, psm_error *err),
    char **out, psm_error *err)
{
	psm_json *doc = NULL;
	struct question q;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (b == NULL || json == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "b, json or out is NULL");
	rc = psm__bundle_object(json, len, &doc, err);
	if (rc == 0)
		rc = read_question(b, doc, &q, err);
	if (rc == 0)
		rc = answer(&q, out, err);
	psm_json_free(doc);
	return rc;
}

int
psm_bundle_inquiry(psm_bundle *b, const char *json, size_t len, char **out,
                   psm_error *err)
{
	return ask(b, json, len, answer_inquiry, out, err);
}

int
psm_bundle_why_not(psm_bundle *b, const char *json, size_t len, char **out,
                   psm_error *err)
{
	return ask(b, json, len, answer_why_not, out, err);
}
