/* SPDX-License-Identifier: BSD-2-Clause */
/* The rig of a real Apache Kafka. */
#include "rigs.h"
#include "testing_kafka.h"

#include <stdio.h>

static char made[64]; /* the topic of this process */

static void
begin(char **argv)
{
	static const char *const options[] = {
	    "--set", "auto.create.topics.enable=false", NULL};

	kafka_main(argv, options);
}

/* The environment tells every process where the broker is. */
static const char *
real_where(void)
{
	return "";
}

static psm_transport *
real_again(const char *where)
{
	static const char *const settings[] = {
	    "PSYMATCH_KAFKA_session_timeout_ms",
	    "6000",
	    "PSYMATCH_KAFKA_heartbeat_interval_ms",
	    "300",
	    NULL,
	};

	(void)where;
	return kafka_transport(settings);
}

static psm_transport *
real_open(const char *topic)
{
	(void)snprintf(made, sizeof(made), "%s", topic);
	kafka_create(topic, RIG_PARTITIONS, NULL);
	return real_again("");
}

static void
real_set_down(psm_transport *t, int down)
{
	(void)t;
	kafka_ctl(down ? "kill" : "start", 1);
}

static void
real_expire(psm_transport *t, const char *topic)
{
	(void)t;
	kafka_trim(topic, 0, kafka_end(topic, 0) - 1);
}

static void
real_close(psm_transport *t)
{
	psm_transport_unref(t);
	kafka_ctl("start", 1); /* unless it runs */
	kafka_delete(made);
}

const struct rig rig_real = {
    .name = "a real broker",
    .begin = begin,
    .open = real_open,
    .set_down = real_set_down,
    .expire = real_expire,
    .again = real_again,
    .where = real_where,
    .close = real_close,
    .slow_groups = 1,
};
