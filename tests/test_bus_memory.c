/* SPDX-License-Identifier: BSD-2-Clause */
#include "suite_bus.h"

#include "transport/memory/memory.h"

static psm_transport *
open_memory(void)
{
	psm_transport *t = NULL;

	ck_assert_int_eq(psm_transport_memory(bus_partitions, &t, NULL), 0);
	return t;
}

static const struct bus_rig memory_rig = {
    .name = "bus on memory",
    .open = open_memory,
    .set_down = psm__memory_set_down,
    .close = psm_transport_unref,
    .fail_next = psm__memory_fail_next,
};

START_TEST(asks_for_the_lag_of_a_group)
{
	psm_transport *t = open_memory();
	int64_t lag = 7;

	ck_assert_int_eq(psm_transport_lag(NULL, "g", 1, &lag, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(lag, -1);
	ck_assert_int_eq(psm_transport_lag(t, "g", 1, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_transport_lag(t, NULL, 1, &lag, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_transport_lag(t, "", 1, &lag, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_transport_lag(t, "g", 0, &lag, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_transport_lag(t, "g", 3600001, &lag, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_transport_lag(t, "g", 1, &lag, NULL),
	                 PSM_ERR_NOT_FOUND);
	psm_transport_unref(t);
}
END_TEST

/* One whose members read no topic, as in PostgreSQL. */
START_TEST(a_group_without_topics_has_read_nothing)
{
	static const char *const none[] = {NULL};
	const struct psm__source_conf conf = {.group = "g", .topics = none};
	psm_transport *t = open_memory();
	struct psm__source *s;
	int64_t lag = 7;

	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, NULL), 0);
	ck_assert_int_eq(psm_transport_lag(t, "g", 1, &lag, NULL),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(lag, -1);
	s->ops->close(s, 1);
	psm_transport_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_bus(&memory_rig);
	TCase *tc = tcase_create("lag");
	SRunner *sr;

	tcase_add_test(tc, asks_for_the_lag_of_a_group);
	tcase_add_test(tc, a_group_without_topics_has_read_nothing);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_add_suite(sr, suite_producer(&memory_rig));
	return testing_run(sr);
}
