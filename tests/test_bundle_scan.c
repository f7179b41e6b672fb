/* SPDX-License-Identifier: BSD-2-Clause */
/* Bundling in memory against a plain scan of everything, on random data. */
#include "testing.h"

#include <math.h>

#include <psymatch/bundle.h>

#include "domain/bundle_therapist.h"
#include "domain/geo.h"

static psm_bundle *b;
static psm_error *err;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))
#define TODAY 20261130
#define TODAY_TEXT "\"today\": \"2026-11-30\""

static void
make(const char *options)
{
	OK(psm_bundle_new(options, options ? strlen(options) : 0, &b, err));
}

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	b = NULL;
}

static void
teardown(void)
{
	psm_bundle_free(b);
	psm_error_free(err);
}

enum { SEARCHES = 1500, THERAPISTS = 40, ROUNDS = 60 };

static unsigned seed;

static unsigned
roll(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static const char *const codes[] = {"10115", "10117", "10999", "10000",
                                    "20095", "20099", "1011",  "x",
                                    NULL,    "30159"};

static struct psm__bundle_wish wishes[SEARCHES];
static int32_t excluded[SEARCHES][8];
static struct psm__therapist_wish people[THERAPISTS];
static int32_t asked[THERAPISTS][4];

static void
roll_search(int i)
{
	struct psm__bundle_wish *w = &wishes[i];

	memset(w, 0, sizeof(*w));
	w->id = i + 1;
	w->patient_id = i + 1;
	w->created_us = (int64_t)roll(200) * INT64_C(86400000000);
	w->plz = codes[roll(PSM__COUNT(codes))];
	w->urgency = (int)roll(4);
	w->returned = roll(5) == 0;
	w->fit.max_km = roll(4) ? 25 : roll(60) / 10.0;
	w->fit.birth = roll(10) ? 19400101 + (int32_t)roll(70) * 10000 : 0;
	w->fit.gender = (unsigned char)roll(5);
	w->fit.wants_gender = roll(2) ? 0 : (unsigned char)roll(6);
	w->fit.procedure = (unsigned char)roll(5);
	w->fit.group = (unsigned char)roll(2);
	w->fit.odd_max_km = roll(20) == 0;
	w->fit.excluded = excluded[i];
	w->fit.excluded_count = roll(3) ? 0 : 1 + roll(8);
	for (uint32_t j = 0; j < w->fit.excluded_count; j++)
		excluded[i][j] = (int32_t)(j * 5 + roll(5) + 1);
}

static void
roll_therapist(int i)
{
	struct psm__therapist_wish *w = &people[i];

	memset(w, 0, sizeof(*w));
	w->fit.id = i + 1;
	w->plz = codes[roll(PSM__COUNT(codes))];
	w->fit.gender = (unsigned char)roll(5);
	w->fit.wants_gender = roll(4) ? 0 : (unsigned char)roll(6);
	w->fit.procedure = (unsigned char)roll(5);
	w->fit.group = roll(6) == 0;
	w->fit.age_min = roll(3) ? 0 : 18 + (int32_t)roll(30);
	w->fit.age_max = roll(3) ? 0 : 30 + (int32_t)roll(50);
	w->asked = asked[i];
	w->asked_count = roll(3);
	for (uint32_t j = 0; j < w->asked_count; j++)
		asked[i][j] = (int32_t)(1 + roll(700) + j * 700);
}

/* The plain way to say whether they fit, without an area. */
static unsigned
plain(const struct psm__bundle_wish *w, const struct psm__therapist_wish *t)
{
	struct psm__fit_result result;
	uint32_t from = psm__bundle_plz(t->plz), to = psm__bundle_plz(w->plz);
	double km = -1;

	if (from != PSM__NO_PLZ && to != PSM__NO_PLZ && !isnan(b->lat[from]) &&
	    !isnan(b->lat[to]))
		km = psm__geo_km(b->lat[from], b->lon[from], b->lat[to],
		                 b->lon[to]);
	(void)psm__fit(&w->fit, &t->fit, km, TODAY, &result);
	for (uint32_t i = 0; i < t->asked_count; i++)
		if (t->asked[i] == w->patient_id)
			result.failed |= 1u << PSM__FIT_IN_INQUIRY;
	return result.failed;
}

static int
comes_first(const struct psm__bundle_wish *x, const struct psm__bundle_wish *y,
            int order)
{
	int64_t a =
	    psm__order_key(order, x->created_us, x->urgency, x->returned);
	int64_t c =
	    psm__order_key(order, y->created_us, y->urgency, y->returned);

	return a != c ? a < c : x->id < y->id;
}

/* The next one after last that fits, of all searches; NULL: none. */
static const struct psm__bundle_wish *
plain_next(const struct psm__therapist_wish *t, uint16_t area, int strategy,
           const struct psm__bundle_wish *last)
{
	const struct psm__bundle_wish *best = NULL;
	int order = b->strategy[strategy].order;

	for (int i = 0; i < SEARCHES; i++) {
		const struct psm__bundle_wish *w = &wishes[i];

		if (w->id == 0 || psm__bundle_area(b, w->plz) != area ||
		    psm__strategy_of(w->id, b->share) != strategy ||
		    (last != NULL && !comes_first(last, w, order)) ||
		    (best != NULL && !comes_first(w, best, order)) ||
		    plain(w, t) != 0)
			continue;
		best = w;
	}
	return best;
}

static void
compare_inquiry(const struct psm__therapist_wish *t, int strategy)
{
	uint16_t area = psm__bundle_area(b, t->plz);
	const struct psm__bundle_wish *w = NULL;
	psm_json *doc = NULL;
	char json[200], *out = NULL;
	int64_t id;

	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, \"strategy\": \"%s\", "
	               "\"override\": true, " TODAY_TEXT "}",
	               t->fit.id, b->strategy[strategy].name);
	OK(psm_bundle_inquiry(b, json, strlen(json), &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	for (size_t i = 0; i < 6; i++) {
		const psm_json *v =
		    psm_json_item(psm_json_at(doc, "/searches"), i);

		w = area == PSM__NO_AREA
		        ? NULL
		        : plain_next(t, area, strategy, i > 0 ? w : NULL);
		if (w == NULL) {
			ck_assert_msg(v == NULL, "seed %u: %s", seed, out);
			break;
		}
		OK(psm_json_get_int(psm_json_at(v, "/search_id"), &id, err));
		ck_assert_msg(id == w->id, "want %d: %s", w->id, out);
	}
	psm_json_free(doc);
	psm_free(out);
}

static void
compare_why_not(const struct psm__therapist_wish *t)
{
	int64_t counts[PSM__FIT_REASONS] = {0}, searches = 0, fits = 0, n;
	uint16_t area = psm__bundle_area(b, t->plz);
	char json[200], pointer[80], *out = NULL;
	psm_json *doc = NULL;

	for (int i = 0; i < SEARCHES && area != PSM__NO_AREA; i++) {
		unsigned failed;

		if (wishes[i].id == 0 ||
		    psm__bundle_area(b, wishes[i].plz) != area)
			continue;
		failed = plain(&wishes[i], t);
		searches++;
		fits += failed == 0;
		for (int r = 0; r < PSM__FIT_REASONS; r++)
			counts[r] += failed >> r & 1;
	}
	(void)snprintf(json, sizeof(json),
	               "{\"therapist_id\": %d, " TODAY_TEXT "}", t->fit.id);
	OK(psm_bundle_why_not(b, json, strlen(json), &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	OK(psm_json_get_int(psm_json_at(doc, "/searches"), &n, err));
	ck_assert_int_eq(n, searches);
	OK(psm_json_get_int(psm_json_at(doc, "/fits"), &n, err));
	ck_assert_int_eq(n, fits);
	for (int r = 0; r < PSM__FIT_REASONS; r++) {
		(void)snprintf(pointer, sizeof(pointer), "/reasons/%s",
		               psm__fit_reason_name(r));
		n = 0;
		if (psm_json_at(doc, pointer) != NULL)
			OK(psm_json_get_int(psm_json_at(doc, pointer), &n,
			                    err));
		ck_assert_msg(n == counts[r], "%s: %s", pointer, out);
	}
	psm_json_free(doc);
	psm_free(out);
}

static void
change_some(void)
{
	for (int i = 0; i < 200; i++) {
		int s = (int)roll(SEARCHES);

		if (roll(3) == 0) {
			ck_assert_int_eq(psm_bundle_remove_search(b, s + 1),
			                 wishes[s].id != 0);
			wishes[s].id = 0;
			continue;
		}
		roll_search(s);
		OK(psm__bundle_put(b, &wishes[s], err));
	}
	for (int i = 0; i < 5; i++) {
		int t = (int)roll(THERAPISTS);

		roll_therapist(t);
		OK(psm__bundle_put_therapist(b, &people[t], err));
	}
}

START_TEST(the_same_as_a_plain_scan)
{
	seed = (unsigned)_i + 1;
	make("{\"share\": 30, \"strategies\": [{\"name\": \"a\", \"policy\": "
	     "\"fifo\"}, {\"name\": \"b\", \"policy\": \"priority\"}]}");
	OK(psm_bundle_place(b, "10115", 52.5, 13.4, err));
	OK(psm_bundle_place(b, "10117", 52.53, 13.38, err));
	OK(psm_bundle_place(b, "10000", 52.6, 13.8, err));
	OK(psm_bundle_place(b, "20095", 53.5, 10, err));
	OK(psm_bundle_place(b, "20099", 53.6, 10.1, err));
	for (int i = 0; i < SEARCHES; i++) {
		roll_search(i);
		OK(psm__bundle_put(b, &wishes[i], err));
	}
	for (int i = 0; i < THERAPISTS; i++) {
		roll_therapist(i);
		OK(psm__bundle_put_therapist(b, &people[i], err));
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < 4; i++) {
			int t = (int)roll(THERAPISTS);

			compare_inquiry(&people[t], (int)roll(2));
			compare_why_not(&people[t]);
		}
		change_some();
	}
	for (int i = 0; i < SEARCHES; i++)
		(void)psm_bundle_remove_search(b, i + 1);
	ck_assert_uint_eq(b->slots.count, 0);
	for (size_t i = 0; i < b->areas * PSM__STRATEGIES; i++)
		ck_assert_uint_eq(b->orders[i].count, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("bundle_scan");
	TCase *t = tcase_create("random");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, the_same_as_a_plain_scan, 0, 4);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
