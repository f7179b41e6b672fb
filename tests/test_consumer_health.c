/* SPDX-License-Identifier: BSD-2-Clause */
/* What a consumer says of its health when nothing comes. */
#include "client/consumer/consumer_int.h"
#include "consumer_rig.h"

static int
poll_nothing(struct psm__source *s, int timeout_ms, struct psm__record *rec,
             psm_error *err)
{
	(void)s;
	(void)timeout_ms;
	(void)rec;
	(void)err;
	return 0;
}

static int
looks(psm_consumer *c, int health, const char *words)
{
	char reason[160];

	c->commit_ms = 0; /* it looks around with each poll */
	ck_assert_int_ge(psm_consumer_poll(c, 0, NULL), 0);
	return psm_consumer_health(c, reason, sizeof(reason)) == health &&
	       strstr(reason, words) != NULL;
}

START_TEST(health_sees_that_nothing_comes)
{
	psm_transport *t = open_memory();
	struct psm__source_ops ops, deaf;
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "deaf", &seen);

	ck_assert(looks(c, PSM_HEALTH_GREEN, "0 behind"));
	c->stall_ms = 0;
	ops = deaf = *c->source->ops;
	deaf.poll = poll_nothing;
	c->source->ops = &deaf;
	ck_assert(looks(c, PSM_HEALTH_GREEN, "0 behind"));
	put_event(t, 1, 1);
	ck_assert(looks(c, PSM_HEALTH_AMBER, "1 message waits, and none came"));
	c->stalled_ms -= 60000;
	ck_assert(looks(c, PSM_HEALTH_RED, "1 message waits, and none came"));
	c->source->ops = &ops;
	poll_until(c, &seen.count, 1);
	ck_assert(looks(c, PSM_HEALTH_GREEN, "0 behind"));
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* What came is with its handler: that is seen while it still runs. */
static int
look_while_handled(const psm_event *ev, void *user, psm_error *err)
{
	psm_consumer **c = user;
	char reason[160];

	(void)ev;
	(void)err;
	ck_assert_int_eq(psm_consumer_health(*c, reason, sizeof(reason)),
	                 PSM_HEALTH_GREEN);
	return 0;
}

START_TEST(health_is_green_while_a_handler_takes_its_time)
{
	psm_transport *t = open_memory();
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;
	struct psm__source_ops ops, deaf;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "slow", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on(c, "*", look_while_handled, &c, NULL),
	                 0);
	ck_assert(looks(c, PSM_HEALTH_GREEN, "0 behind"));
	c->stall_ms = 0;
	ops = deaf = *c->source->ops;
	deaf.poll = poll_nothing;
	c->source->ops = &deaf;
	put_event(t, 1, 1);
	ck_assert(looks(c, PSM_HEALTH_AMBER, "1 message waits, and none came"));
	c->source->ops = &ops;
	ck_assert_int_eq(psm_consumer_poll(c, 60000, NULL), 1);
	psm_consumer_free(c);
	psm_config_free(cfg);
	psm_transport_unref(t);
}
END_TEST

static int64_t
unknown_lag(struct psm__source *s)
{
	(void)s;
	return -1;
}

/* More members than partitions: for who has none, nothing has to come, whatever
 * is known of the log. */
START_TEST(health_without_a_partition)
{
	struct psm__source_ops ops[PARTITIONS + 1];
	psm_transport *t = open_memory();
	psm_consumer *c[PARTITIONS + 1];
	struct seen seen = {0};
	int i, without = 0;

	for (i = 0; i <= PARTITIONS; i++) {
		c[i] = make_consumer(t, "crowd", &seen);
		ck_assert_int_eq(psm_consumer_poll(c[i], 0, NULL), 0);
	}
	for (i = 0; i <= PARTITIONS; i++)
		ck_assert_int_eq(psm_consumer_poll(c[i], 0, NULL), 0);
	for (i = 0; i <= PARTITIONS; i++) {
		ops[i] = *c[i]->source->ops;
		ops[i].lag = unknown_lag;
		c[i]->source->ops = &ops[i];
		c[i]->stall_ms = 0;
		(void)looks(c[i], PSM_HEALTH_AMBER, "");
		without += looks(c[i], PSM_HEALTH_AMBER, "no partition");
	}
	ck_assert_int_eq(without, 1);
	for (i = 0; i <= PARTITIONS; i++)
		psm_consumer_free(c[i]);
	psm_transport_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("consumer health");

	tcase_add_test(testing_case(s, "deaf"), health_sees_that_nothing_comes);
	tcase_add_test(testing_case(s, "slow"),
	               health_is_green_while_a_handler_takes_its_time);
	tcase_add_test(testing_case(s, "crowd"), health_without_a_partition);
	return testing_run(srunner_create(s));
}
