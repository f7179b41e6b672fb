/* SPDX-License-Identifier: BSD-2-Clause */
/* A consumer's handlers with options, and its upcasters. */
#include "consumer_rig.h"

static const char unheard_of[] =
    "{\"event_id\": \"0190b5a0-0000-7000-8000-000000000001\", "
    "\"event_type\": \"search.unheard_of\", \"version\": \"1.0\", "
    "\"timestamp\": \"2025-08-11T09:44:00Z\", \"producer\": \"x\", "
    "\"payload\": {}}";

static psm_consumer *
make_with(psm_transport *t, const char *group, psm_handler_options *o,
          struct seen *seen)
{
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, group, &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(psm_consumer_on_with(c, "search.status_changed", o,
	                                      on_event, seen, NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_on_dead(c, on_dead, seen), 0);
	psm_handler_options_free(o);
	return c;
}

static psm_handler_options *
options(int what, int max_attempts, int deadline_ms)
{
	psm_handler_options *o = NULL;

	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(
	    psm_handler_options_on_failure(o, what, max_attempts, NULL), 0);
	ck_assert_int_eq(psm_handler_options_deadline(o, deadline_ms, NULL), 0);
	return o;
}

static const struct {
	int what, max_attempts, fails, code, calls, dead;
} policies[] = {
    {PSM_ON_FAILURE_RETRY, 3, 2, PSM_ERR_RETRY, 5, 0},
    {PSM_ON_FAILURE_RETRY, 3, 100, PSM_ERR_RETRY, 5, 1},
    {PSM_ON_FAILURE_RETRY, 1, 100, PSM_ERR_TIMEOUT, 3, 1},
    {PSM_ON_FAILURE_REJECT, 0, 100, PSM_ERR_UNAVAILABLE, 3, 1},
};

/* Event 2 of three fails so often; the others are handled in any case. */
START_TEST(follows_the_policy)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_number = 2,
	                    .fail_times = policies[_i].fails,
	                    .fail_rc = policies[_i].code};
	psm_consumer *c = make_with(
	    t, "policy",
	    options(policies[_i].what, policies[_i].max_attempts, 0), &seen);
	int i;

	for (i = 1; i <= 3; i++)
		put_event(t, 1, i);
	poll_until(c, &seen.count, 3 - policies[_i].dead);
	check_order(&seen);
	ck_assert_int_eq(seen.calls, policies[_i].calls);
	ck_assert_int_eq(seen.dead, policies[_i].dead);
	ck_assert_int_eq(psm_consumer_stat(c, "retried"),
	                 policies[_i].calls - 3);
	if (seen.dead) {
		ck_assert_int_eq(seen.dead_code, policies[_i].code);
		ck_assert_str_eq(seen.dead_reason, "the test says so");
	}
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* Twice no answer, whatever it returns; then it confirms. Number 2 is refused. */
static int
on_event_foreign(const psm_event *ev, void *user, psm_error *err)
{
	static const int garbage[] = {0, PSM_ERR_REJECT, 7};
	struct seen *seen = user;
	int number = (int)member(psm_event_payload(ev), "/patient_id");

	seen->calls++;
	if (number == 2)
		(void)psm_error_set(err, PSM_ERR_REJECT, "never");
	else if (seen->fail_times-- > 0)
		return garbage[seen->fail_times];
	else
		psm_event_confirm(ev);
	seen->count += number != 2;
	return garbage[seen->calls % 3];
}

/* Whatever the policy: no answer is no failure of the event. */
START_TEST(no_answer_brings_the_event_again)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_times = 2};
	psm_handler_options *o = options(PSM_ON_FAILURE_REJECT, 1, 0);
	psm_consumer *c = NULL;
	psm_config *cfg = NULL;

	ck_assert_int_eq(psm_handler_options_confirm(o, 1, NULL), 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "foreign", &c, NULL), 0);
	psm_config_free(cfg);
	ck_assert_int_eq(psm_consumer_subscribe(c, TOPIC, NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on_with(c, "*", o, on_event_foreign, &seen, NULL), 0);
	ck_assert_int_eq(psm_consumer_on_dead(c, on_dead, &seen), 0);
	psm_handler_options_free(o);
	put_event(t, 1, 1);
	put_event(t, 1, 2);
	put_event(t, 1, 3);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(seen.calls, 5);
	ck_assert_int_eq(seen.dead, 1);
	ck_assert_int_eq(seen.dead_code, PSM_ERR_REJECT);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 2);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* Without a topic of its own: a type says its topic, "*" does not. */
START_TEST(topics_are_those_of_the_handlers)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_number = 0};
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "topics", &c, NULL), 0);
	psm_config_free(cfg);
	put_event(t, 1, 1);
	ck_assert_int_eq(psm_consumer_on(c, "*", on_event, &seen, NULL), 0);
	ck_assert_int_eq(psm_consumer_poll(c, 0, NULL), PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_consumer_on(c, "search.status_changed", on_event, &seen, NULL),
	    0);
	ck_assert_int_eq(psm_consumer_on(c, "therapeutenanfrage.sent", on_event,
	                                 &seen, NULL),
	                 0);
	poll_until(c, &seen.count, 1);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

struct refusal {
	int times; /* still to be said */
	int calls;
	int attempt; /* of the last one, as the event has it */
};

static int
not_now(const psm_event *old, psm_event **out, void *user, psm_error *err)
{
	static const char payload[] =
	    "{\"search_id\": 1, \"patient_id\": 1, \"old_status\": null, "
	    "\"new_status\": \"aktiv\"}";
	struct refusal *r = user;

	r->calls++;
	r->attempt = psm_event_attempt(old);
	if (r->times-- > 0)
		return psm_error_set(err, PSM_ERR_RETRY, "the test says so");
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, err);
}

/* The same when an upcaster says it: the policy is that of the handler. */
START_TEST(upcaster_follows_the_policy)
{
	struct refusal refusal = {.times = policies[_i].fails};
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_handler_options *o =
	    options(policies[_i].what, policies[_i].max_attempts, 0);
	psm_consumer *c;

	ck_assert_int_eq(psm_handler_options_versions(o, "1.1", NULL, NULL), 0);
	c = make_with(t, "upcast-policy", o, &seen);
	ck_assert_int_eq(psm_consumer_upcast(c, "search.status_changed", "1.0",
	                                     "1.1", not_now, &refusal, NULL),
	                 0);
	put_event(t, 1, 1);
	if (policies[_i].dead) {
		poll_until(c, &seen.dead, 1);
		ck_assert_int_eq(seen.dead_code, PSM_ERR_RETRY);
		ck_assert_str_eq(seen.dead_reason, "the test says so");
		ck_assert_int_eq(seen.count, 0);
	} else {
		poll_until(c, &seen.count, 1);
		ck_assert_int_eq(seen.dead, 0);
	}
	/* Without the handlings of the other two events. */
	ck_assert_int_eq(refusal.calls, policies[_i].calls - 2);
	ck_assert_int_eq(refusal.attempt, refusal.calls);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

START_TEST(parking_needs_a_database)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "park", &seen);
	psm_handler_options *o = options(PSM_ON_FAILURE_PARK, 0, 0);
	psm_error *err = psm_error_new();

	ck_assert_int_eq(
	    psm_consumer_on_with(c, "email.sent", o, on_event, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "processor"));
	psm_error_free(err);
	psm_handler_options_free(o);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

/* Works until its deadline has passed. */
static int
overrun(const psm_event *ev, void *user, psm_error *err)
{
	int *attempts = user;

	(void)err;
	ck_assert_int_le(psm_event_time_left_ms(ev), 20);
	while (psm_event_time_left_ms(ev) > 0)
		sched_yield();
	/* Overrun is measured in whole ms. */
	{
		int64_t until = psm__mono_ms() + 2;

		while (psm__mono_ms() < until)
			sched_yield();
	}
	*attempts = psm_event_attempt(ev);
	return *attempts < 2 ? PSM_ERR_RETRY : 0;
}

START_TEST(overrun_is_counted_and_shown)
{
	psm_transport *t = open_memory();
	psm_handler_options *o = options(PSM_ON_FAILURE_RETRY, 0, 20);
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "overrun", &seen);
	int attempts = 0;
	char reason[160];

	ck_assert_int_eq(
	    psm_consumer_on_with(c, "*", o, overrun, &attempts, NULL), 0);
	psm_handler_options_free(o);
	put_text(t, unheard_of);
	poll_until(c, &attempts, 2);
	ck_assert_int_eq(psm_consumer_stat(c, "handled"), 1);
	ck_assert_int_eq(psm_consumer_stat(c, "overrun"), 2);
	ck_assert_int_eq(
	    psm_metrics_value("psymatch_consumer_overrun_total", "overrun"), 2);
	ck_assert_int_eq(psm_consumer_health(c, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(strstr(reason, "calls past their deadline: 2"));
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

static int
renumber(const psm_event *old, psm_event **out, void *user, psm_error *err)
{
	char payload[128];

	snprintf(payload, sizeof(payload),
	         "{\"search_id\": %d, \"patient_id\": %d, "
	         "\"old_status\": null, \"new_status\": \"aktiv\"}",
	         (int)member(psm_event_payload(old), "/search_id"),
	         (int)member(psm_event_payload(old), "/patient_id") + 100);
	return psm_event_upcast(old, user, payload, strlen(payload), out, err);
}

START_TEST(upcasts_before_the_handler)
{
	psm_transport *t = open_memory();
	struct seen seen = {0};
	psm_consumer *c = make_consumer(t, "upcast", &seen);
	char v1[] = "1.1", v2[] = "1.2";

	ck_assert_int_eq(psm_consumer_upcast(c, "search.status_changed", "1.0",
	                                     v1, renumber, v1, NULL),
	                 0);
	ck_assert_int_eq(psm_consumer_upcast(c, "search.status_changed", v1, v2,
	                                     renumber, v2, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_consumer_upcast(c, "no.such", v1, v2, renumber, v2, NULL),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(
	    psm_consumer_upcast(c, "email.sent", v1, v2, NULL, v2, NULL),
	    PSM_ERR_INVAL);
	put_event(t, 1, 1);
	poll_until(c, &seen.count, 1);
	ck_assert_int_eq(seen.number[0], 201);
	ck_assert_int_eq(psm_consumer_upcast(c, "search.status_changed", v2,
	                                     "1.3", renumber, NULL, NULL),
	                 PSM_ERR_STATE);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("consumer_options");

	tcase_add_loop_test(testing_case(s, "policy"), follows_the_policy, 0,
	                    PSM__COUNT(policies));
	tcase_add_loop_test(testing_case(s, "upcast policy"),
	                    upcaster_follows_the_policy, 0,
	                    PSM__COUNT(policies));
	tcase_add_test(testing_case(s, "no answer"),
	               no_answer_brings_the_event_again);
	tcase_add_test(testing_case(s, "park"), parking_needs_a_database);
	tcase_add_test(testing_case(s, "topics"),
	               topics_are_those_of_the_handlers);
	tcase_add_test(testing_case(s, "overrun"),
	               overrun_is_counted_and_shown);
	tcase_add_test(testing_case(s, "upcast"), upcasts_before_the_handler);
	return testing_run(srunner_create(s));
}
