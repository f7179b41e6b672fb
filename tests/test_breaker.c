/* SPDX-License-Identifier: BSD-2-Clause */
/* When the breaker opens, and when it closes. */
#include "testing.h"

#include "flow/processor/breaker.h"

#include <psymatch/error.h>

#define ALL 50

static struct psm__breaker b;
static int64_t now;
static uint64_t events; /* each one fed is another one */

static void
set_up(void)
{
	memset(&b, 0, sizeof b);
	now = 1000000;
	events = 0;
}

static int
feed(uint64_t key, int code)
{
	struct psm__trial t = {++events, key, code};

	return psm__breaker_feed(&b, &t, now);
}

static void
feed_keys(uint64_t from, uint64_t to, int code)
{
	for (; from <= to; from++)
		ck_assert_int_eq(feed(from, code), 0);
}

/* Opened by five keys. */
static void
open_it(void)
{
	feed_keys(1, 4, PSM_ERR_RETRY);
	ck_assert_int_eq(feed(5, PSM_ERR_RETRY), 1);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_OPEN);
}

static void
wait_for_probe(void)
{
	now = b.until_ms;
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), 1);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_HALF_OPEN);
}

START_TEST(five_keys_in_a_row)
{
	open_it();
	ck_assert_int_eq(b.cause, PSM_ERR_RETRY);
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), 0);
	ck_assert_int_eq(psm__breaker_allow(&b, b.until_ms - 1, ALL), 0);
}
END_TEST

START_TEST(one_key_is_no_row)
{
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(feed(1, PSM_ERR_RETRY), 0);
	feed_keys(2, 4, PSM_ERR_RETRY);
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), ALL);
}
END_TEST

START_TEST(success_ends_a_row)
{
	for (int i = 0; i < 10; i++) {
		feed_keys(1, 4, PSM_ERR_RETRY);
		for (int good = 0; good < 5; good++)
			ck_assert_int_eq(feed(9, 0), 0);
	}
	ck_assert_int_eq((int)b.state, PSM__BREAKER_CLOSED);
}
END_TEST

START_TEST(another_code_begins_another_row)
{
	for (int i = 0; i < 2; i++) {
		feed_keys(1, 4, PSM_ERR_RETRY);
		feed_keys(5, 8, PSM_ERR_REJECT);
	}
	ck_assert_int_eq((int)b.state, PSM__BREAKER_CLOSED);
	ck_assert_int_eq(feed(9, PSM_ERR_REJECT), 1);
	ck_assert_int_eq(b.cause, PSM_ERR_REJECT);
}
END_TEST

/* 11 of 20, of one key only. */
START_TEST(more_than_half)
{
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(feed(1, PSM_ERR_REJECT), 0);
		ck_assert_int_eq(feed(2, 0), 0);
	}
	/* The 21st pushes a failure out, the 22nd a success. */
	ck_assert_int_eq(feed(1, PSM_ERR_REJECT), 0);
	ck_assert_int_eq(feed(1, PSM_ERR_REJECT), 1);
}
END_TEST

START_TEST(half_of_few_is_nothing)
{
	for (int i = 0; i < PSM__BREAKER_WINDOW - 1; i++)
		ck_assert_int_eq(feed(1, PSM_ERR_REJECT), 0);
	ck_assert_int_eq(feed(1, PSM_ERR_REJECT), 1);
}
END_TEST

/* Two codes, each half of the window. */
START_TEST(codes_are_not_added_up)
{
	for (int i = 0; i < 60; i++)
		ck_assert_int_eq(
		    feed(1, i % 2 ? PSM_ERR_REJECT : PSM_ERR_RETRY), 0);
}
END_TEST

/* One event that is tried again and again fills one place. */
START_TEST(same_event_counts_once)
{
	struct psm__trial t = {1000, 1, PSM_ERR_RETRY};

	for (int i = 0; i < 19; i++)
		ck_assert_int_eq(feed(2, 0), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(psm__breaker_feed(&b, &t, now), 0);
	t.code = 0;
	ck_assert_int_eq(psm__breaker_feed(&b, &t, now), 0);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(feed(1, PSM_ERR_RETRY), 0);
	ck_assert_int_eq(feed(1, PSM_ERR_RETRY), 1);
}
END_TEST

/* -- the probe */

START_TEST(probe_closes)
{
	open_it();
	wait_for_probe();
	ck_assert_int_eq(feed(5, 0), 0);
	/* Not before it is committed. */
	ck_assert_int_eq((int)b.state, PSM__BREAKER_HALF_OPEN);
	psm__breaker_committed(&b);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_CLOSED);
}
END_TEST

START_TEST(probe_that_is_not_committed)
{
	open_it();
	wait_for_probe();
	ck_assert_int_eq(feed(5, 0), 0);
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), 1);
	psm__breaker_committed(&b);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_HALF_OPEN);
}
END_TEST

START_TEST(probe_fails)
{
	open_it();
	wait_for_probe();
	ck_assert_int_eq(feed(5, PSM_ERR_RETRY), 1);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_OPEN);
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), 0);
}
END_TEST

/* An event that is refused while the remote service is away does not keep the
 * breaker open when it is back. */
START_TEST(probe_fails_for_another_reason)
{
	open_it();
	wait_for_probe();
	ck_assert_int_eq(feed(5, PSM_ERR_REJECT), 0);
	psm__breaker_committed(&b);
	ck_assert_int_eq(psm__breaker_allow(&b, now, ALL), 1);
	feed_keys(6, 8, PSM_ERR_REJECT);
	ck_assert_int_eq(feed(9, PSM_ERR_REJECT), 1);
	ck_assert_int_eq(b.cause, PSM_ERR_REJECT);
}
END_TEST

START_TEST(small_batches_after_a_probe)
{
	int most, before = 1;

	open_it();
	wait_for_probe();
	ck_assert_int_eq(feed(1, 0), 0);
	psm__breaker_committed(&b);
	while ((most = psm__breaker_allow(&b, now, ALL)) < ALL) {
		ck_assert_int_eq(most, 2 * before);
		before = most;
		psm__breaker_committed(&b);
	}
	ck_assert_int_gt(before, 8);
}
END_TEST

/* Longer each time, never beyond the cap; short again when all was well. */
START_TEST(waits_grow_to_the_cap)
{
	int64_t wait, longest = 0;

	open_it();
	for (int i = 0; i < 200; i++) {
		wait = b.until_ms - now;
		ck_assert_int_ge(wait, PSM__BREAKER_BASE_MS / 2);
		ck_assert_int_le(wait, PSM__BREAKER_CAP_MS);
		if (i < 5)
			ck_assert_int_le(wait, PSM__BREAKER_BASE_MS << i);
		longest = wait > longest ? wait : longest;
		wait_for_probe();
		ck_assert_int_eq(feed(1, PSM_ERR_RETRY), 1);
	}
	ck_assert_int_gt(longest, PSM__BREAKER_CAP_MS / 2);
	wait_for_probe();
	for (int i = 0; i < PSM__BREAKER_WINDOW; i++)
		ck_assert_int_eq(feed(1, 0), 0);
	psm__breaker_committed(&b);
	open_it();
	ck_assert_int_le(b.until_ms - now, PSM__BREAKER_BASE_MS);
}
END_TEST

/* Events of other threads that were under way when it opened. */
START_TEST(told_while_open)
{
	int64_t until;

	open_it();
	until = b.until_ms;
	ck_assert_int_eq(feed(8, PSM_ERR_REJECT), 1);
	ck_assert_int_eq(feed(9, 0), 0);
	ck_assert_int_eq((int)b.state, PSM__BREAKER_OPEN);
	ck_assert_int_eq(b.until_ms, until);
	ck_assert_str_eq(psm__breaker_name(b.state), "open");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("breaker");
	TCase *tc = tcase_create("breaker");

	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, five_keys_in_a_row);
	tcase_add_test(tc, one_key_is_no_row);
	tcase_add_test(tc, success_ends_a_row);
	tcase_add_test(tc, another_code_begins_another_row);
	tcase_add_test(tc, more_than_half);
	tcase_add_test(tc, half_of_few_is_nothing);
	tcase_add_test(tc, codes_are_not_added_up);
	tcase_add_test(tc, same_event_counts_once);
	suite_add_tcase(s, tc);
	tc = tcase_create("probe");
	tcase_add_checked_fixture(tc, set_up, NULL);
	tcase_add_test(tc, probe_closes);
	tcase_add_test(tc, probe_that_is_not_committed);
	tcase_add_test(tc, probe_fails);
	tcase_add_test(tc, probe_fails_for_another_reason);
	tcase_add_test(tc, small_batches_after_a_probe);
	tcase_add_test(tc, waits_grow_to_the_cap);
	tcase_add_test(tc, told_while_open);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
