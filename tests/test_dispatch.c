/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <string.h>

#include "bus/dispatch.h"
#include "testing.h"

static void
first(void)
{
}

static void
second(void)
{
}

START_TEST(finds_by_name_alias_and_star)
{
	struct psm__dispatch d = {0};
	const struct psm__handler *h;
	int mark;

	ck_assert_ptr_null(psm__dispatch_find(&d, "email.sent"));
	ck_assert_int_eq(psm__dispatch_add(&d, "communication.email_sent",
	                                   first, &mark, NULL),
	                 0);
	h = psm__dispatch_find(&d, "email.sent");
	ck_assert_ptr_nonnull(h);
	ck_assert_str_eq(h->type, "email.sent");
	ck_assert_ptr_eq(h->user, &mark);
	ck_assert(h->fn == first);
	ck_assert_ptr_null(psm__dispatch_find(&d, "patient.created"));

	ck_assert_int_eq(psm__dispatch_add(&d, "*", second, NULL, NULL), 0);
	h = psm__dispatch_find(&d, "patient.created");
	ck_assert(h && h->fn == second);
	h = psm__dispatch_find(&d, "nobody.knows");
	ck_assert(h && h->fn == second);
	h = psm__dispatch_find(&d, "email.sent");
	ck_assert(h && h->fn == first);
	psm__dispatch_free(&d);
	ck_assert_ptr_null(psm__dispatch_find(&d, "email.sent"));
}
END_TEST

START_TEST(refuses_unknown_and_double)
{
	struct psm__dispatch d = {0};
	psm_error *err = psm_error_new();

	ck_assert_int_eq(
	    psm__dispatch_add(&d, "patient.craeted", first, NULL, err),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "patient.craeted"));
	ck_assert_int_eq(psm__dispatch_add(&d, "email.sent", first, NULL, NULL),
	                 0);
	psm_error_clear(err);
	ck_assert_int_eq(psm__dispatch_add(&d, "communication.email_sent",
	                                   second, NULL, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "email.sent"));
	ck_assert_int_eq(psm__dispatch_add(&d, "*", first, NULL, NULL), 0);
	ck_assert_int_eq(psm__dispatch_add(&d, "*", first, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	psm__dispatch_free(&d);
	psm_error_free(err);
}
END_TEST

static int
add_one(void *arg)
{
	struct psm__dispatch d = {0};
	int rc;

	(void)arg;
	rc = psm__dispatch_add(&d, "email.sent", first, NULL, NULL);
	psm__dispatch_free(&d);
	return rc;
}

START_TEST(survives_no_memory)
{
	ck_assert_int_gt(testing_fail_each(add_one, NULL, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dispatch");
	TCase *tc = tcase_create("dispatch");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, finds_by_name_alias_and_star);
	tcase_add_test(tc, refuses_unknown_and_double);
	tcase_add_test(tc, survives_no_memory);
	suite_add_tcase(suite, tc);
	sr = srunner_create(suite);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
