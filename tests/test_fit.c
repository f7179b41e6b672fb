/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hard constraints, each by itself and in thousands of combinations against
 * an oracle that is written as people say the rules.
 */
#include "domain/fit.h"
#include "testing.h"

#define TODAY "2026-11-30"
#define TODAY_NUMBER 20261130

static psm_error *err;

static void
setup(void)
{
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
}

static void
teardown(void)
{
	psm_error_free(err);
}

/* -- values as columns have them, and what people would say of each */

struct value {
	const char *text;
	const char *said;
};

static const struct value genders[] = {
    {"m\xc3\xa4nnlich", "man"},   {"ma\xcc\x88nnlich", "man"},
    {"weiblich", "woman"},        {"divers", "diverse"},
    {"keine_Angabe", "unstated"}, {NULL, "nobody knows"},
    {"Weiblich", "nobody knows"}, {"", "nobody knows"},
};
static const struct value wishes[] = {
    {NULL, "any"},
    {"", "any"},
    {"  ", "any"},
    {"Egal", "any"},
    {"egal", "any"},
    {"EGAL ", "any"},
    {"M\xc3\xa4nnlich", "man"},
    {"m\xc3\xa4nnlich", "man"},
    {"MA\xcc\x88NNLICH", "man"},
    {"Weiblich", "woman"},
    {" weiblich", "woman"},
    {"divers", "diverse"},
    {"keine_Angabe", "unstated"},
    {"nur Frauen", "unreadable"},
};
static const struct value wanted_procedures[] = {
    {NULL, "any"},
    {"", "any"},
    {"egal", "any"},
    {"Verhaltenstherapie", "V"},
    {"tiefenpsychologisch_fundierte_Psychotherapie", "T"},
    {"Analyse", "unreadable"},
};
static const struct value offered_procedures[] = {
    {NULL, "unknown"},
    {"egal", "both"},
    {"Verhaltenstherapie", "V"},
    {"tiefenpsychologisch_fundierte_Psychotherapie", "T"},
    {"Hypnose", "unreadable"},
};
/* Age on TODAY; "?" where there is no date of birth. */
static const struct value births[] = {
    {NULL, "?"},           {"1996-11-30", "30"}, /* today */
    {"1996-12-01", "29"},                        /* tomorrow */
    {"1996-11-29", "30"},  {"2026-11-30", "0"},  {"2026-12-01", "?"},
    {"1900-02-28", "126"}, {"2008-02-29", "18"}, {"kaputt", "?"},
    {"2008-02-30", "?"},   {"infinity", "?"},
};
static const struct value limits[] = {
    {NULL, "0"},  {"0", "0"},   {"18", "18"},
    {"29", "29"}, {"30", "30"}, {"-3", "0"},
};
/* "!" before the number: odd, and 25 is the default. */
static const struct value distances[] = {
    {NULL, "25"},
    {"{}", "25"},
    {"{\"max_km\": null}", "25"},
    {"{\"max_km\": 0}", "0"},
    {"{\"max_km\": 10}", "10"},
    {"{\"max_km\": 10.5}", "10.5"},
    {"{\"max_km\": 1e3}", "1000"},
    {"{\"max_km\": \"10\"}", "!25"},
    {"{\"max_km\": true}", "!25"},
    {"{\"max_km\": -1}", "!25"},
    {"{\"max_km\": [10]}", "!25"},
    {"[10]", "!25"},
    {"\"10\"", "!25"},
    {"null", "25"},
};
static const double kms[] = {-1, 0, 5, 10, 10.25, 25, 25.001, 999};
/* Is therapist 7 in it? */
static const struct value exclusions[] = {
    {NULL, "no"},
    {"[]", "no"},
    {"[7]", "yes"},
    {"[9, 8, 3, 70, 1]", "no"},
    {"[9, 8, 7, 3, 7, 1]", "yes"},
    {"[{\"id\": 7, \"reason\": null}]", "yes"},
    {"[1, {\"id\": 5}, {\"id\": 7, \"excluded_at\": \"2026-01-01\"}]", "yes"},
    {"[\"7\", true, null, {\"nr\": 7}, [7], 7.5]", "no"},
    {"{\"id\": 7}", "no"},
    {"[-7, 0, 4294967303]", "no"},
};
static const struct value booleans[] = {
    {NULL, "no"}, {"f", "no"}, {"t", "yes"}};

/* -- a pair of rows, and the oracle */

struct pair {
	const struct value *gender, *wants_gender, *wants_procedure, *birth,
	    *max_km, *excluded, *open;
	const struct value *t_gender, *t_wants, *t_procedure, *t_min, *t_max,
	    *t_group;
	double km;
};

static int
is(const struct value *v, const char *said)
{
	return strcmp(v->said, said) == 0;
}

/* Both said alike, or nothing was wanted. */
static int
wish_granted(const struct value *wanted, const struct value *is_there)
{
	if (is(wanted, "any"))
		return 1;
	return !is(wanted, "unreadable") &&
	       strcmp(wanted->said, is_there->said) == 0;
}

static unsigned
oracle_age(const struct pair *c)
{
	int least = atoi(c->t_min->said), greatest = atoi(c->t_max->said);
	unsigned failed = 0;

	if (least == 0 && greatest == 0)
		return 0;
	if (is(c->birth, "?"))
		return 1u << PSM__FIT_NO_BIRTH_DATE;
	if (least > 0 && atoi(c->birth->said) < least)
		failed += 1u << PSM__FIT_TOO_YOUNG;
	if (greatest > 0 && atoi(c->birth->said) > greatest)
		failed += 1u << PSM__FIT_TOO_OLD;
	return failed;
}

static unsigned
oracle(const struct pair *c)
{
	const char *limit = c->max_km->said;
	unsigned failed = oracle_age(c);

	if (c->km >= 0 && c->km > atof(limit + (limit[0] == '!')))
		failed += 1u << PSM__FIT_DISTANCE;
	if (is(c->excluded, "yes"))
		failed += 1u << PSM__FIT_EXCLUDED;
	if (!wish_granted(c->wants_gender, c->t_gender))
		failed += 1u << PSM__FIT_THERAPIST_GENDER;
	if (!wish_granted(c->wants_procedure, c->t_procedure) &&
	    !(is(c->t_procedure, "both") &&
	      !is(c->wants_procedure, "unreadable")))
		failed += 1u << PSM__FIT_PROCEDURE;
	if (!wish_granted(c->t_wants, c->gender))
		failed += 1u << PSM__FIT_PATIENT_GENDER;
	if (is(c->t_group, "yes") && is(c->open, "no"))
		failed += 1u << PSM__FIT_GROUP;
	return failed;
}

static unsigned
oracle_doubts(const struct pair *c)
{
	unsigned doubts = 0;

	if (c->km < 0)
		doubts += 1u << PSM__FIT_NO_DISTANCE;
	if (c->max_km->said[0] == '!')
		doubts += 1u << PSM__FIT_ODD_MAX_KM;
	if (is(c->t_wants, "unreadable"))
		doubts += 1u << PSM__FIT_ODD_PREFERENCE;
	return doubts;
}

static void
set(struct psm__row *r, int column, const struct value *v)
{
	ck_assert_int_eq(psm__row_set(r, column, v->text, err), 0);
}

static int
run(const struct pair *c, struct psm__fit_result *out)
{
	struct psm__row p = {0}, t = {0};
	struct psm__fit_patient patient;
	struct psm__fit_therapist therapist;
	static const struct value seven = {"7", ""};
	int32_t *excluded;
	int fits;

	ck_assert_int_eq(psm__row_init(&p, &psm__entity_patient, err), 0);
	ck_assert_int_eq(psm__row_init(&t, &psm__entity_therapist, err), 0);
	set(&p, PSM__PATIENT_GESCHLECHT, c->gender);
	set(&p, PSM__PATIENT_BEVORZUGTES_THERAPEUTENGESCHLECHT,
	    c->wants_gender);
	set(&p, PSM__PATIENT_BEVORZUGTES_THERAPIEVERFAHREN, c->wants_procedure);
	set(&p, PSM__PATIENT_GEBURTSDATUM, c->birth);
	set(&p, PSM__PATIENT_RAEUMLICHE_VERFUEGBARKEIT, c->max_km);
	set(&p, PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE, c->open);
	set(&t, PSM__COLUMN_ID, &seven);
	set(&t, PSM__THERAPIST_GESCHLECHT, c->t_gender);
	set(&t, PSM__THERAPIST_GESCHLECHTSPRAEFERENZ, c->t_wants);
	set(&t, PSM__THERAPIST_PSYCHOTHERAPIEVERFAHREN, c->t_procedure);
	set(&t, PSM__THERAPIST_ALTER_MIN, c->t_min);
	set(&t, PSM__THERAPIST_ALTER_MAX, c->t_max);
	set(&t, PSM__THERAPIST_BEVORZUGT_GRUPPENTHERAPIE, c->t_group);
	ck_assert_int_eq(psm__fit_patient_row(&p, c->excluded->text, 25,
	                                      &patient, &excluded, err),
	                 0);
	psm__fit_therapist_row(&t, &therapist);
	fits = psm__fit(&patient, &therapist, c->km, TODAY_NUMBER, out);
	psm__free(excluded);
	psm__row_free(&p);
	psm__row_free(&t);
	return fits;
}

static void
check(const struct pair *c, int n)
{
	struct psm__fit_result got;
	int fits = run(c, &got);

	ck_assert_msg(got.failed == oracle(c), "case %d: want %x, found %x", n,
	              oracle(c), got.failed);
	ck_assert_msg(got.doubts == oracle_doubts(c),
	              "case %d: want doubts %x, found %x", n, oracle_doubts(c),
	              got.doubts);
	ck_assert_int_eq(fits, oracle(c) == 0);
}

static unsigned seed = 20261130;

static size_t
any(size_t count)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % count;
}

#define ANY(list) (&(list)[any(PSM__COUNT(list))])

static void
any_pair(struct pair *c)
{
	c->gender = ANY(genders);
	c->wants_gender = ANY(wishes);
	c->wants_procedure = ANY(wanted_procedures);
	c->birth = ANY(births);
	c->max_km = ANY(distances);
	c->excluded = ANY(exclusions);
	c->open = ANY(booleans);
	c->t_gender = ANY(genders);
	c->t_wants = ANY(wishes);
	c->t_procedure = ANY(offered_procedures);
	c->t_min = ANY(limits);
	c->t_max = ANY(limits);
	c->t_group = ANY(booleans);
	c->km = *ANY(kms);
}

START_TEST(all_alike)
{
	struct pair c;
	int fitted = 0;

	for (int n = 0; n < 4000; n++) {
		any_pair(&c);
		check(&c, n);
		fitted += oracle(&c) == 0;
	}
	ck_assert_int_gt(fitted, 0);
}
END_TEST

/* A pair without any wish, that fits. */
static const struct pair easy = {
    .gender = &genders[0],
    .wants_gender = &wishes[0],
    .wants_procedure = &wanted_procedures[0],
    .birth = &births[1],
    .max_km = &distances[0],
    .excluded = &exclusions[0],
    .open = &booleans[1],
    .t_gender = &genders[2],
    .t_wants = &wishes[0],
    .t_procedure = &offered_procedures[1],
    .t_min = &limits[0],
    .t_max = &limits[0],
    .t_group = &booleans[0],
    .km = 3,
};

/* Every value of a pair of lists, all else easy: what is rare by chance. */
#define EACH(a, list_a, b, list_b)                                             \
	for (size_t i = 0; i < PSM__COUNT(list_a); i++) {                      \
		for (size_t j = 0; j < PSM__COUNT(list_b); j++) {              \
			struct pair c = easy;                                  \
                                                                               \
			c.a = &(list_a)[i];                                    \
			c.b = &(list_b)[j];                                    \
			check(&c, (int)(i * 100 + j));                         \
		}                                                              \
	}

START_TEST(each_alike)
{
	check(&easy, 0);
	EACH(gender, genders, t_wants, wishes)
	EACH(wants_gender, wishes, t_gender, genders)
	EACH(wants_procedure, wanted_procedures, t_procedure,
	     offered_procedures)
	EACH(birth, births, t_min, limits)
	EACH(birth, births, t_max, limits)
	EACH(t_min, limits, t_max, limits)
	EACH(open, booleans, t_group, booleans)
	EACH(max_km, distances, excluded, exclusions)
	for (size_t i = 0; i < PSM__COUNT(distances); i++) {
		for (size_t j = 0; j < PSM__COUNT(kms); j++) {
			struct pair c = easy;

			c.max_km = &distances[i];
			c.km = kms[j];
			check(&c, (int)(i * 100 + j));
		}
	}
}
END_TEST

/* -- the known faults, said directly */

static unsigned
failed(const struct pair *c)
{
	struct psm__fit_result got;

	(void)run(c, &got);
	return got.failed;
}

START_TEST(fault_47_egal_of_a_therapist_is_both)
{
	static const struct value v = {"Verhaltenstherapie", "V"};
	static const struct value t = {
	    "tiefenpsychologisch_fundierte_Psychotherapie", "T"};
	struct pair c = easy;

	c.wants_procedure = &v;
	ck_assert_uint_eq(failed(&c), 0);
	c.wants_procedure = &t;
	ck_assert_uint_eq(failed(&c), 0);
	c.t_procedure = &v;
	ck_assert_uint_eq(failed(&c), 1u << PSM__FIT_PROCEDURE);
}
END_TEST

START_TEST(fault_48_a_max_km_that_is_none_breaks_nothing)
{
	static const char *const odd[] = {"{\"max_km\": \"20\"}",
	                                  "{\"max_km\": {}}",
	                                  "{\"max_km\": false}",
	                                  "[]",
	                                  "7",
	                                  "{\"max_km\": "};
	int is_odd;

	for (size_t i = 0; i < PSM__COUNT(odd); i++) {
		ck_assert(psm__fit_max_km(odd[i], 30, &is_odd) == 30);
		ck_assert_int_eq(is_odd, 1);
	}
	ck_assert(psm__fit_max_km("{\"max_km\": null}", 30, &is_odd) == 30);
	ck_assert_int_eq(is_odd, 0);
}
END_TEST

START_TEST(fault_49_an_unknown_distance_is_told)
{
	struct psm__fit_result got;
	struct pair c = easy;

	c.km = -1;
	ck_assert_int_eq(run(&c, &got), 1);
	ck_assert_uint_eq(got.doubts, 1u << PSM__FIT_NO_DISTANCE);
	c.km = 0.0 / (c.km + 1); /* not a number */
	ck_assert_int_eq(run(&c, &got), 1);
	ck_assert_uint_eq(got.doubts, 1u << PSM__FIT_NO_DISTANCE);
}
END_TEST

START_TEST(fault_50_words_in_any_case)
{
	static const struct value small = {"egal", ""};
	struct pair c = easy;

	c.t_wants = &small;
	ck_assert_uint_eq(failed(&c), 0);
	c.t_wants = &wishes[10]; /* " weiblich", and the patient is a man */
	ck_assert_uint_eq(failed(&c), 1u << PSM__FIT_PATIENT_GENDER);
}
END_TEST

START_TEST(all_reasons_at_once)
{
	struct pair c = easy;

	c.km = 26;
	c.excluded = &exclusions[2];
	c.wants_gender = &wishes[6];
	c.wants_procedure = &wanted_procedures[3];
	c.t_procedure = &offered_procedures[3];
	c.birth = &births[1];
	c.t_min = &(const struct value){"31", "31"};
	c.t_max = &(const struct value){"29", "29"};
	c.t_wants = &wishes[9];
	c.t_group = &booleans[2];
	ck_assert_uint_eq(failed(&c), ((1u << PSM__FIT_CONSTRAINTS) - 1) &
	                                  ~(1u << PSM__FIT_NO_BIRTH_DATE));
}
END_TEST

START_TEST(exclusions_are_sorted_once_each)
{
	int32_t *ids;
	uint32_t count;

	ck_assert_int_eq(psm__fit_excluded("[9, {\"id\": 2}, 9, 5, \"1\", 2]",
	                                   &ids, &count, err),
	                 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_int_eq(ids[0], 2);
	ck_assert_int_eq(ids[1], 5);
	ck_assert_int_eq(ids[2], 9);
	psm__free(ids);
	ck_assert_int_eq(psm__fit_excluded("nothing", &ids, &count, err), 0);
	ck_assert_ptr_null(ids);
}
END_TEST

START_TEST(each_reason_has_a_name_and_a_text)
{
	for (int i = 0; i < PSM__FIT_REASONS; i++) {
		ck_assert_ptr_nonnull(psm__fit_reason_name(i));
		ck_assert_ptr_nonnull(psm__fit_reason_text(i));
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(psm__fit_reason_name(i),
			                 psm__fit_reason_name(j));
	}
	ck_assert_ptr_null(psm__fit_reason_name(PSM__FIT_REASONS));
	ck_assert_ptr_null(psm__fit_reason_text(-1));
	for (int i = 0; i < PSM__FIT_DOUBTS; i++) {
		ck_assert_ptr_nonnull(psm__fit_doubt_name(i));
		ck_assert_ptr_nonnull(psm__fit_doubt_text(i));
	}
	ck_assert_ptr_null(psm__fit_doubt_name(PSM__FIT_DOUBTS));
	ck_assert_ptr_null(psm__fit_doubt_text(-1));
	ck_assert_int_eq(psm__fit_day(TODAY), TODAY_NUMBER);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("fit");
	TCase *tc = tcase_create("fit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_alike);
	tcase_add_test(tc, each_alike);
	tcase_add_test(tc, fault_47_egal_of_a_therapist_is_both);
	tcase_add_test(tc, fault_48_a_max_km_that_is_none_breaks_nothing);
	tcase_add_test(tc, fault_49_an_unknown_distance_is_told);
	tcase_add_test(tc, fault_50_words_in_any_case);
	tcase_add_test(tc, all_reasons_at_once);
	tcase_add_test(tc, exclusions_are_sorted_once_each);
	tcase_add_test(tc, each_reason_has_a_name_and_a_text);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
