/* SPDX-License-Identifier: BSD-2-Clause */
/* What a processor knows of a partition's row, and whose a partition is: the
 * tables of moves, walked whole. */
#include "testing.h"

#include "flow/processor/processor_int.h"

/* Row: from; column: to, in the order of the enum. */
static const char *const moves[PSM__N_PART_STATES] = {
    [PSM__PART_UNREAD] = "-x-x",
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

static const char *const uses[PSM__N_PART_USES] = {
    [PSM__PART_AWAY] = "-x-",
    [PSM__PART_ASSIGNED] = "x-x",
    [PSM__PART_IN_BATCH] = "xx-",
};

START_TEST(each_pair_of_uses)
{
	int to;

	for (to = 0; to < PSM__N_PART_USES; to++)
		ck_assert_int_eq(psm__part_may_use((enum psm__part_use)_i,
		                                   (enum psm__part_use)to),
		                 uses[_i][to] == 'x');
}
END_TEST

/* The number in the metrics and the health. */
START_TEST(assigned_ones_are_counted)
{
	psm_processor pr = {0};
	struct psm__part p = {.topic = "t"};

	psm__part_set_use(&pr, &p, PSM__PART_ASSIGNED);
	psm__part_set_use(&pr, &p, PSM__PART_ASSIGNED);
	ck_assert_int_eq(pr.assigned, 1);
	psm__part_set_use(&pr, &p, PSM__PART_IN_BATCH);
	ck_assert_int_eq(pr.assigned, 1);
	psm__part_set_use(&pr, &p, PSM__PART_AWAY);
	ck_assert_int_eq(pr.assigned, 0);
}
END_TEST

/* Only the row that is moved ends this, whatever fails on the way. */
START_TEST(a_forgotten_row_is_still_of_a_recreated_topic)
{
	struct psm__part p = {.topic = "t", .state = (enum psm__part_state)_i};

	psm__part_forget_row(&p);
	ck_assert_int_eq((int)p.state, _i == PSM__PART_RECREATED
	                                   ? PSM__PART_RECREATED
	                                   : PSM__PART_UNREAD);
	ck_assert_int_eq(psm__part_is_known(&p), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("partition states");
	TCase *tc = tcase_create("states");

	tcase_add_loop_test(tc, each_pair, 0, PSM__N_PART_STATES);
	tcase_add_loop_test(tc, a_forgotten_row_is_still_of_a_recreated_topic,
	                    0, PSM__N_PART_STATES);
	tcase_add_loop_test(tc, each_pair_of_uses, 0, PSM__N_PART_USES);
	tcase_add_test(tc, assigned_ones_are_counted);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
