/* SPDX-License-Identifier: BSD-2-Clause */
/* The states of a segment: the table of moves, walked whole, and the states
 * that a spool's segments go through. */
#include "testing_spool.h"

#include <errno.h>
#include <signal.h>

/* Which move is allowed; one row per state that it begins in. */
static const char *const allowed[PSM__N_SEGMENT_STATES] = {
    [PSM__SEGMENT_LEFT] = ".NS...",  [PSM__SEGMENT_NEWEST] = "......",
    [PSM__SEGMENT_SPARE] = "...A..", [PSM__SEGMENT_ACTIVE] = "..S.FX",
    [PSM__SEGMENT_FULL] = "L.S..X",  [PSM__SEGMENT_FAILED] = "......",
};

START_TEST(every_move)
{
	int from = _i / PSM__N_SEGMENT_STATES, to = _i % PSM__N_SEGMENT_STATES;
	struct psm__segment g = {.state = from};
	int yes = allowed[from][to] != '.';

	ck_assert_int_eq(psm__segment_may_become(from, to), yes);
	ck_assert_ptr_nonnull(psm__segment_state_name(from));
	if (!yes)
		return;
	psm__segment_set_state(&g, (enum psm__segment_state)to);
	ck_assert_int_eq(g.state, to);
}
END_TEST

START_TEST(another_move_aborts)
{
	struct psm__segment g = {.state = PSM__SEGMENT_FAILED};

	psm__segment_set_state(&g, PSM__SEGMENT_ACTIVE);
}
END_TEST

START_TEST(no_such_state)
{
	ck_assert_ptr_null(psm__segment_state_name(-1));
	ck_assert_ptr_null(psm__segment_state_name(PSM__N_SEGMENT_STATES));
}
END_TEST

/* _i: as when it is closed, or as kill -9 ends it. */
START_TEST(states_of_a_spool)
{
	struct psm__spool *s = open_spool();
	int n;

	put(s, 0, 1);
	ck_assert_int_eq(psm__queue_first(s)->state, PSM__SEGMENT_ACTIVE);
	ck_assert(psm__segment_is_own(psm__queue_first(s)));
	for (n = 1; psm__queue_first(s) == psm__queue_last(s); n++)
		put(s, n, n + 1);
	ck_assert_int_eq(psm__queue_first(s)->state, PSM__SEGMENT_FULL);
	ck_assert_int_eq(psm__queue_last(s)->state, PSM__SEGMENT_ACTIVE);
	if (_i == 0)
		end(s);
	else
		abandon(s);
	s = open_spool();
	ck_assert_int_eq(psm__queue_first(s)->state, PSM__SEGMENT_LEFT);
	ck_assert_int_eq(psm__queue_last(s)->state, PSM__SEGMENT_NEWEST);
	ck_assert(!psm__segment_is_own(psm__queue_last(s)));
	expect(s, 0, n);
	end(s);
}
END_TEST

/* A datasync fails: nothing more goes into that file, and the record is in the
 * next one. */
static int
failing_sync(int fd)
{
	(void)fd;
	psm__file_ops.datasync = real.datasync;
	errno = EIO;
	return -1;
}

START_TEST(failed_for_good)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__spool *s = open_with(&conf);

	put(s, 0, 1);
	psm__file_ops.datasync = failing_sync;
	put(s, 1, 2);
	ck_assert_int_eq(psm__queue_first(s)->state, PSM__SEGMENT_FAILED);
	ck_assert_int_eq(psm__queue_active(s)->state, PSM__SEGMENT_ACTIVE);
	ck_assert_ptr_ne(psm__queue_first(s), psm__queue_active(s));
	expect(s, 0, 2);
	end(s);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("spool states");
	TCase *tc = tcase_create("states");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, every_move, 0,
	                    PSM__N_SEGMENT_STATES * PSM__N_SEGMENT_STATES);
	tcase_add_test_raise_signal(tc, another_move_aborts, SIGABRT);
	tcase_add_test(tc, no_such_state);
	tcase_add_loop_test(tc, states_of_a_spool, 0, 2);
	tcase_add_test(tc, failed_for_good);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
