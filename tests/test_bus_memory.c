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

int
main(void)
{
	SRunner *sr = srunner_create(suite_bus(&memory_rig));

	srunner_add_suite(sr, suite_producer(&memory_rig));
	return testing_run(sr);
}
