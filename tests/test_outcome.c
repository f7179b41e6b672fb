/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens to an event: the whole table. */
#include "testing.h"

#include <limits.h>

#include "client/outcome.h"
#include "store/store.h"

#define MAX 5 /* attempts */

static const int codes[] = {0,
#define ROW(name, value, status, text) PSM_ERR_##name,
                            PSM_ERROR_MAP(ROW)
#undef ROW
};

static enum psm__failure
wanted_failure(int code)
{
	switch (code) {
	case 0:
		return PSM__NO_FAILURE;
	case PSM_ERR_RETRY:
	case PSM_ERR_TIMEOUT:
	case PSM_ERR_BROKER:
	case PSM_ERR_FULL:
	case PSM_ERR_IO:
	case PSM_ERR_UNAVAILABLE:
		return PSM__FAILURE_TRANSIENT;
	case PSM_ERR_DB:
	case PSM_ERR_NOMEM:
	case PSM_ERR_FENCED:
	case PSM_ERR_CLOSED:
		return PSM__FAILURE_SYSTEM;
	default:
		return PSM__FAILURE_PERMANENT;
	}
}

START_TEST(every_code_has_its_failure)
{
	ck_assert_int_eq((int)psm__classify(codes[_i]),
	                 (int)wanted_failure(codes[_i]));
}
END_TEST

/* What the table of errors calls retriable is never the end of an event. */
START_TEST(a_retriable_code_is_not_permanent)
{
	psm_error *err = psm_error_new();

	ck_assert_ptr_nonnull(err);
	(void)psm_error_set(err, codes[_i], "x");
	if (codes[_i] < 0 && psm_error_retriable(err))
		ck_assert_int_ne((int)psm__classify(codes[_i]),
		                 (int)PSM__FAILURE_PERMANENT);
	psm_error_free(err);
}
END_TEST

/* Columns: the handler's on_failure. */
static const struct row {
	int code, attempt, max_attempts, parked;
	enum psm__outcome want[3]; /* retry, park, reject */
} rows[] = {
    {0, 1, 0, 0, {PSM__HANDLED, PSM__HANDLED, PSM__HANDLED}},
    {0, MAX, MAX, 1, {PSM__HANDLED, PSM__HANDLED, PSM__HANDLED}},
    {PSM_ERR_REJECT, 1, 0, 0, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    {PSM_ERR_REJECT, 1, MAX, 1, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    {PSM_ERR_SCHEMA, 1, 0, 0, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    /* May pass: as the handler wants, until its attempts are used up. */
    {PSM_ERR_RETRY, 1, 0, 0, {PSM__RETRY, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_FULL, 1000000, 0, 0, {PSM__RETRY, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_RETRY, MAX - 1, MAX, 0, {PSM__RETRY, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_RETRY, MAX, MAX, 0, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    {PSM_ERR_IO, MAX + 1, MAX, 0, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    /* A parked event stays parked, also for a handler that has changed its
     * mind since; without max_attempts a person looks at it at last. */
    {PSM_ERR_RETRY, 1, 0, 1, {PSM__PARKED, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_RETRY, 29, 0, 1, {PSM__PARKED, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_RETRY, 30, 0, 1, {PSM__HELD, PSM__HELD, PSM__DEAD}},
    {PSM_ERR_RETRY, 30, 31, 1, {PSM__PARKED, PSM__PARKED, PSM__DEAD}},
    {PSM_ERR_RETRY, 31, 31, 1, {PSM__DEAD, PSM__DEAD, PSM__DEAD}},
    /* Not the event's fault: no attempt counts. */
    {PSM_ERR_DB, 1, 0, 0, {PSM__ROLLBACK, PSM__ROLLBACK, PSM__ROLLBACK}},
    {PSM_ERR_NOMEM, 9, MAX, 0, {PSM__ROLLBACK, PSM__ROLLBACK, PSM__ROLLBACK}},
    {PSM_ERR_FENCED, 40, 0, 1, {PSM__ROLLBACK, PSM__ROLLBACK, PSM__ROLLBACK}},
};

START_TEST(every_row_has_its_outcome)
{
	static const int policies[] = {
	    PSM_ON_FAILURE_RETRY, PSM_ON_FAILURE_PARK, PSM_ON_FAILURE_REJECT};
	const struct row *row = &rows[_i];
	size_t i;

	for (i = 0; i < PSM__COUNT(policies); i++) {
		psm_handler_options o = {.on_failure = policies[i],
		                         .max_attempts = row->max_attempts};
		struct psm__try_result r = {.code = row->code,
		                            .options = &o,
		                            .attempt = row->attempt,
		                            .parked = row->parked};

		ck_assert_int_eq((int)psm__outcome(&r), (int)row->want[i]);
	}
}
END_TEST

/* A message that has no value or no handler, one that cannot be read, and an
 * upcaster that fails on the way to no handler. */
START_TEST(without_a_handler)
{
	static const struct {
		int code;
		enum psm__outcome want;
	} cases[] = {
	    {0, PSM__SKIPPED},
	    {PSM_ERR_PARSE, PSM__DEAD},
	    {PSM_ERR_VERSION, PSM__DEAD},
	    {PSM_ERR_RETRY, PSM__RETRY},
	    {PSM_ERR_NOMEM, PSM__ROLLBACK},
	};
	size_t i;

	for (i = 0; i < PSM__COUNT(cases); i++) {
		struct psm__try_result r = {.code = cases[i].code,
		                            .attempt = 1};

		ck_assert_int_eq((int)psm__outcome(&r), (int)cases[i].want);
	}
}
END_TEST

static const struct effective {
	int failed, returned, want;
} effective[] = {
    {0, 0, 0},
    {0, PSM_ERR_REJECT, PSM_ERR_REJECT},
    {0, 5, PSM_ERR_REJECT},
    {PSM_ERR_DB, 0, PSM_ERR_DB},
    {PSM_ERR_DB, PSM_ERR_REJECT, PSM_ERR_DB},
    {PSM_ERR_TIMEOUT, PSM_ERR_REJECT, PSM_ERR_TIMEOUT},
    {PSM_ERR_CONFLICT, 0, PSM_ERR_CONFLICT},
    {PSM_ERR_CONFLICT, PSM_ERR_RETRY, PSM_ERR_RETRY},
    {PSM_ERR_CONFLICT, PSM_ERR_REJECT, PSM_ERR_REJECT},
};

START_TEST(what_the_database_said_counts)
{
	ck_assert_int_eq(
	    psm__effective_code(effective[_i].failed, effective[_i].returned),
	    effective[_i].want);
}
END_TEST

START_TEST(those_that_are_counted_have_names)
{
	int i;

	for (i = 0; i < PSM__N_OUTCOMES; i++)
		ck_assert((psm__outcome_name((enum psm__outcome)i) != NULL) ==
		          (i < PSM__N_COUNTED));
}
END_TEST

/* Until it comes again: a limit that doubles, never less than half the first. */
static const struct {
	unsigned attempt;
	int base_ms, cap_ms, low_ms, high_ms;
} waits[] = {
    {0, 100, 30000, 50, 100},           {1, 100, 30000, 50, 200},
    {8, 100, 30000, 50, 25600},         {9, 100, 30000, 50, 30000},
    {UINT_MAX, 100, 30000, 50, 30000},  {0, 1000, 600000, 500, 1000},
    {10, 1000, 600000, 500, 600000},    {0, 1, 1, 0, 1},
    {UINT_MAX, 1, INT_MAX, 0, INT_MAX}, {5, 1000, 500, 500, 500},
};

START_TEST(waits_are_bounded)
{
	int i, ms;

	for (i = 0; i < 1000; i++) {
		ms = psm__backoff_ms(waits[_i].attempt, waits[_i].base_ms,
		                     waits[_i].cap_ms);
		ck_assert_int_ge(ms, waits[_i].low_ms);
		ck_assert_int_le(ms, waits[_i].high_ms);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("outcome");
	TCase *tc = tcase_create("outcome");

	tcase_add_loop_test(tc, every_code_has_its_failure, 0,
	                    (int)PSM__COUNT(codes));
	tcase_add_loop_test(tc, a_retriable_code_is_not_permanent, 0,
	                    (int)PSM__COUNT(codes));
	tcase_add_loop_test(tc, every_row_has_its_outcome, 0,
	                    (int)PSM__COUNT(rows));
	tcase_add_test(tc, without_a_handler);
	tcase_add_loop_test(tc, what_the_database_said_counts, 0,
	                    (int)PSM__COUNT(effective));
	tcase_add_test(tc, those_that_are_counted_have_names);
	tcase_add_loop_test(tc, waits_are_bounded, 0, (int)PSM__COUNT(waits));
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
