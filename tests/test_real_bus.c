/* SPDX-License-Identifier: BSD-2-Clause */
/* SUITE, one of those of all transports, on a real broker. */
#include "suite_bus.h"
#include "testing_kafka.h"

#define TOPIC "suite-events"

static psm_transport *
open_kafka(void)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms",
	    "4000",
	    "PSYMATCH_KAFKA_heartbeat_interval_ms",
	    "300",
	    NULL,
	};

	kafka_create(TOPIC, bus_partitions, NULL);
	return kafka_transport(settings);
}

static void
set_down(psm_transport *t, int down)
{
	(void)t;
	kafka_ctl(down ? "kill" : "start", 1);
}

static void
close_kafka(psm_transport *t)
{
	psm_transport_unref(t);
	kafka_ctl("start", 1); /* unless it runs */
	kafka_delete(TOPIC);
}

static const struct bus_rig kafka_rig = {
    .name = "bus on a real broker",
    .open = open_kafka,
    .set_down = set_down,
    .close = close_kafka,
    .regroups = 1,
    .slow = 1,
    .outages = 3,
};

int
main(int argc, char **argv)
{
	static const char *const options[] = {
	    "--set", "auto.create.topics.enable=false", "--set",
	    "group.min.session.timeout.ms=100", NULL};

	(void)argc; /* Check takes its settings from the environment */
	kafka_main(argv, options);
	return testing_run(srunner_create(SUITE(&kafka_rig)));
}
