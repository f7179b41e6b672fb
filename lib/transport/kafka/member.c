/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kafka source as a member of its group.
 *
 * It has an instance id of its own, so that it is known again after an outage:
 * librdkafka forgets its member id when the broker was away for a session, and
 * without an instance id it comes back as a new member. The group then waits
 * for the former one, which no longer exists, for another session. The price:
 * librdkafka leaves a group for such a member only when its subscription ends,
 * not when it is closed.
 */
#include "transport/kafka/member.h"

/* Leaving a group takes some milliseconds. Who has no time left gets this much:
 * a member that is silent keeps its partitions for a whole session. */
#define LEAVE_MS 1000
/* Between two looks at how far it is. */
#define LOOK_MS 10

#define INSTANCE "group.instance.id"

int
psm__kafka_name_member(rd_kafka_conf_t *conf, int *ours, psm_error *err)
{
	char id[40] = "";
	size_t size = sizeof(id);

	*ours = 0;
	/* Who names it wants it to keep its partitions over a restart. */
	if (rd_kafka_conf_get(conf, INSTANCE, NULL, &size) == RD_KAFKA_CONF_OK)
		return 0;
	if (psm_uuid_new(id, sizeof(id)) < 0)
		return psm__nomem(err);
	*ours = 1;
	return psm__kafka_set(conf, INSTANCE, id, err);
}

/* 1: nobody is there to be told, and nobody has time to wait for one. */
static int
cannot_leave(rd_kafka_t *rk, struct psm__kafka_link *link, int timeout_ms)
{
	return rd_kafka_fatal_error(rk, NULL, 0) ||
	       (timeout_ms <= 0 && !psm__kafka_connected(link));
}

/* 1: the group has it as a member, as far as is known here. */
static int
is_member(rd_kafka_t *rk)
{
	char *id = rd_kafka_memberid(rk);
	int yes = id && id[0];

	rd_kafka_mem_free(rk, id);
	return yes;
}

/* Rebalances are answered until the member is or is not one. */
static void
await_member(rd_kafka_t *rk, int want, int64_t deadline)
{
	while (is_member(rk) != want && psm__mono_ms() < deadline) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, LOOK_MS);

		if (m)
			rd_kafka_message_destroy(m);
	}
}

/* One that is just joining is a member for the broker, but does not know yet
 * which one: only then it can leave. */
static void
end_membership(rd_kafka_t *rk, struct psm__kafka_link *link, int64_t deadline)
{
	int64_t joined = psm__mono_ms() + LEAVE_MS;

	if (psm__kafka_connected(link))
		await_member(rk, 1, joined < deadline ? joined : deadline);
	if (is_member(rk) &&
	    rd_kafka_unsubscribe(rk) == RD_KAFKA_RESP_ERR_NO_ERROR)
		await_member(rk, 0, deadline);
}

/*
 * Not rd_kafka_consumer_close(): it may take as long as the session timeout, or
 * for ever when a topic was removed. Once begun, the partitions must be given
 * back, or rd_kafka_destroy_flags() waits for that for ever: so it gets some
 * time in any case.
 */
int
psm__kafka_leave(rd_kafka_t *rk, struct psm__kafka_link *link, int named_by_us,
                 int timeout_ms)
{
	int64_t deadline;
	rd_kafka_queue_t *queue;
	rd_kafka_error_t *error;
	int closed = 0;

	if (cannot_leave(rk, link, timeout_ms))
		return 0;
	deadline =
	    psm__mono_ms() + (timeout_ms < LEAVE_MS ? LEAVE_MS : timeout_ms);
	if (named_by_us)
		end_membership(rk, link, deadline);
	queue = rd_kafka_queue_new(rk);
	error = rd_kafka_consumer_close_queue(rk, queue);
	while (!error && !(closed = rd_kafka_consumer_closed(rk))) {
		int64_t left = deadline - psm__mono_ms();

		if (left <= 0)
			break;
		rd_kafka_queue_poll_callback(queue, left > 20 ? 20 : (int)left);
	}
	rd_kafka_error_destroy(error);
	rd_kafka_queue_destroy(queue);
	return closed;
}
