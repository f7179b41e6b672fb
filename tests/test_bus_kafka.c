/* SPDX-License-Identifier: BSD-2-Clause */
#include "mock.h"
#include "suite_bus.h"

static struct mock mock;

static psm_transport *
open_kafka(void)
{
	mock_open(&mock, "suite-events", bus_partitions);
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
    .regroups = 1,
};

/*
 * For the producer's refusals: the mock takes what is behind a refused request,
 * where a broker would miss the numbers between and refuse it too. So requests
 * go one at a time, and there are many.
 */
static psm_transport *
open_careful(void)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_max_in_flight_requests_per_connection",
	    "1",
	    "PSYMATCH_KAFKA_batch_num_messages",
	    "10",
	    "PSYMATCH_KAFKA_reconnect_backoff_ms",
	    "1",
	    "PSYMATCH_KAFKA_reconnect_backoff_max_ms",
	    "20",
	    NULL,
	};

	mock_open(&mock, "suite-events", bus_partitions);
	return mock_transport(&mock, settings);
}

static void
fail_next(psm_transport *t, int count, int rc)
{
	rd_kafka_resp_err_t e =
	    rc == PSM_ERR_TOO_LARGE
		? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
		: RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;

	(void)t;
	while (count-- > 0)
		rd_kafka_mock_push_request_errors(mock.cluster, 0 /* Produce */,
		                                  1, e);
}

static const struct bus_rig careful_rig = {
    .name = "producer on kafka",
    .open = open_careful,
    .set_down = set_down,
    .close = close_kafka,
    .fail_next = fail_next,
    .by_batch = 1,
    .slow = 1,
    .outages = 300,
};

int
main(void)
{
	SRunner *sr = srunner_create(suite_bus(&kafka_rig));

	srunner_add_suite(sr, suite_producer(&careful_rig));
	return testing_run(sr);
}
