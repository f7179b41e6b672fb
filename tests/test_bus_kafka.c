/* SPDX-License-Identifier: BSD-2-Clause */
#include "mock.h"
#include "suite_bus.h"

static struct mock mock;

static psm_transport *
open_kafka(void)
{
	mock_open(&mock, "suite-events", BUS_PARTITIONS);
	return mock_transport(&mock, NULL);
}

static void
set_down(psm_transport *t, int down)
{
	(void)t;
	mock_set_down(&mock, down);
}

static void
close_kafka(psm_transport *t)
{
	psm_transport_unref(t);
	mock_close(&mock);
}

static const struct bus_rig kafka_rig = {
    .name = "bus on kafka",
    .open = open_kafka,
    .set_down = set_down,
    .close = close_kafka,
};

int
main(void)
{
	SRunner *sr = srunner_create(suite_bus(&kafka_rig));
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
