/* SPDX-License-Identifier: BSD-2-Clause */
/* A processor whose database goes away, and two that want one partition. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

/* -- outages */

START_TEST(database_goes_in_the_middle_of_a_batch)
{
	char reason[200];
	int n;

	plan = (struct flow_plan){.bad = 20, .block = 1};
	for (n = 1; n <= 60; n++)
		flow_put(1, n);
	flow_start();
	flow_wait_blocked();
	pg_down();
	flow_unblock();
	/* Red while it is away, and nothing is dead. */
	PG_UNTIL(psm_processor_stat(pr, "rollbacks") >= 2);
	ck_assert_int_eq(psm_processor_health(pr, reason, sizeof reason),
	                 PSM_HEALTH_RED);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	pg_up();
	flow_wait_offset(60);
	flow_stop();
	flow_check_effects(60);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 60);
}
END_TEST

START_TEST(starts_without_database_and_broker)
{
	int64_t began = psm__mono_ms();
	int n;

	for (n = 1; n <= 5; n++)
		flow_put(1, n);
	psm__memory_set_down(t, 1);
	pg_down();
	flow_start();
	ck_assert_int_lt(psm__mono_ms() - began, 60000);
	psm__memory_set_down(t, 0);
	PG_UNTIL(psm_processor_stat(pr, "rollbacks") >= 1);
	pg_up();
	flow_wait_offset(5);
	flow_stop();
	flow_check_effects(5);
}
END_TEST

/* The row is the truth: a new group and a new broker memory change nothing. */
START_TEST(restart_goes_on)
{
	psm_transport *same;
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	for (n = 1; n <= 60; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		flow_put_to(t, 1, n, id);
		flow_put_to(same, 1, n, id);
	}
	flow_start();
	flow_wait_offset(60);
	flow_stop();
	psm_processor_free(pr);
	psm_transport_unref(t);
	t = same;
	flow_put(1, 61);
	flow_put(1, 62);
	flow_start();
	flow_wait_offset(62);
	flow_stop();
	flow_check_effects(62);
	ck_assert_int_eq(psm_processor_stat(pr, "handled"), 2);
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates"), 0);
}
END_TEST

/* -- two that believe to own the partition */

START_TEST(two_fight_for_a_partition)
{
	psm_transport *same;
	psm_processor *other;
	psm_store *store2 = pg_store();
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	other = flow_processor(store2, same, flow_handler);
	pr = flow_processor(st, t, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
	for (n = 1; n <= 400; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		flow_put_to(t, 1, n, id);
		flow_put_to(same, 1, n, id);
	}
	flow_wait_offset(400);
	flow_stop();
	ck_assert_int_eq(psm_processor_stop(other, 60000, err), 0);
	flow_check_effects(400);
	ck_assert_int_eq(psm_processor_stat(pr, "handled") +
	                     psm_processor_stat(other, "handled"),
	                 400);
	/* Never through the inbox alone: the fence saw all of it. */
	ck_assert_int_eq(psm_processor_stat(pr, "duplicates") +
	                     psm_processor_stat(other, "duplicates"),
	                 0);
	psm_processor_free(other);
	psm_store_free(store2);
	psm_transport_unref(same);
}
END_TEST

/* One sleeps in its handler while its connection ends, another takes over. */
START_TEST(zombie_wakes_up)
{
	psm_transport *same;
	psm_processor *other;
	psm_store *store2;
	int n;

	ck_assert_int_eq(psm_transport_memory(1, &same, err), 0);
	for (n = 1; n <= 10; n++) {
		char id[40];

		ck_assert_int_eq(psm_uuid_new(id, sizeof id), 0);
		flow_put_to(t, 1, n, id);
		flow_put_to(same, 1, n, id);
	}
	plan = (struct flow_plan){.bad = 5, .block = 1};
	flow_start();
	flow_wait_blocked();
	ck_assert_int_gt(pg_kill("psymatch pool"), 0);
	(void)pthread_mutex_lock(&flow_lock);
	plan.bad = -1; /* the other one does not sleep */
	(void)pthread_mutex_unlock(&flow_lock);
	store2 = pg_store();
	other = flow_processor(store2, same, flow_handler);
	ck_assert_int_eq(psm_processor_start(other, err), 0);
	flow_wait_offset(10);
	flow_unblock();
	flow_put(1, 11);
	flow_put_to(same, 1, 12, NULL);
	flow_wait_offset(11);
	flow_stop();
	ck_assert_int_eq(psm_processor_stop(other, 60000, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects WHERE n <= 10"),
	                 10);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 11);
	ck_assert_int_ge(psm_processor_stat(pr, "rollbacks"), 1);
	psm_processor_free(other);
	psm_store_free(store2);
	psm_transport_unref(same);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("processor_outage");
	TCase *tc = tcase_create("processor_outage");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, flow_setup, flow_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, database_goes_in_the_middle_of_a_batch);
	tcase_add_test(tc, starts_without_database_and_broker);
	tcase_add_test(tc, restart_goes_on);
	tcase_add_test(tc, two_fight_for_a_partition);
	tcase_add_test(tc, zombie_wakes_up);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
