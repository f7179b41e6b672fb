/* SPDX-License-Identifier: BSD-2-Clause */
/* What a processor knows of a partition's row: the table of moves, walked
 * whole. */
#include "testing.h"

#include "flow/processor/processor_int.h"

/* Row: from; column: to, in the order of the enum. */
static const char *const moves[PSM__N_PART_STATES] = {
    [PSM__PART_DOUBTED] = "-x-x",
    [PSM__PART_KNOWN] = "x-xx",
    [PSM__PART_CLAIMED] = "x--x",
    [PSM__PART_RECREATED] = "-x--",
};

START_TEST(each_pair)
{
	int to;

	for (to = 0; to < PSM__N_PART_STATES; to++)
		ck_assert_int_eq(psm__part_may_move((enum psm__part_state)_i,
		                                    (enum psm__part_state)to),
		                 moves[_i][to] == 'x');
}
END_TEST

/* Only the row that is moved ends this, whatever fails on the way. */
START_TEST(doubt_does_not_forget_that_a_topic_was_recreated)
{
	struct psm__part p = {.topic = "t", .state = (enum psm__part_state)_i};

	psm__part_doubt(&p);
	ck_assert_int_eq((int)p.state, _i == PSM__PART_RECREATED
	                                   ? PSM__PART_RECREATED
	                                   : PSM__PART_DOUBTED);
	ck_assert_int_eq(psm__part_is_known(&p), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partition states");
	TCase *tc = tcase_create("states");

	tcase_add_loop_test(tc, each_pair, 0, PSM__N_PART_STATES);
	tcase_add_loop_test(tc,
	                    doubt_does_not_forget_that_a_topic_was_recreated, 0,
	                    PSM__N_PART_STATES);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
