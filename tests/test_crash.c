/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole server dies under a processor, in a cluster of this program's own.
 */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

START_TEST(server_dies_in_the_middle_of_a_batch)
{
	int round, n;

	for (n = 1; n <= 150; n++)
		flow_put(1, n);
	plan = (struct flow_plan){.bad = 40, .block = 1};
	flow_start();
	for (round = 1; round <= 3; round++) {
		flow_wait_blocked();
		pg_cluster("crash");
		flow_block_next_at(round < 3 ? (round + 1) * 40 : -1);
		pg_cluster("start");
	}
	flow_wait_offset(150);
	PG_UNTIL(psm_processor_health(pr, NULL, 0) == PSM_HEALTH_GREEN);
	flow_stop();
	flow_check_effects(150);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_ge(psm_processor_stat(pr, "rollbacks"), 3);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 150);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("crash");
	TCase *tc = tcase_create("crash");

	(void)argc;
	pg_main_private(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, server_dies_in_the_middle_of_a_batch);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
