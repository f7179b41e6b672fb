/* SPDX-License-Identifier: BSD-2-Clause */
/* One set of handlers for a consumer and for a replay. */
#include "consumer_rig.h"
#include "testing.h"

#include "client/dispatch.h"

#include <psymatch/communication.h>
#include <psymatch/geo.h>
#include <psymatch/matching.h>
#include <psymatch/patient.h>
#include <psymatch/processor.h>
#include <psymatch/replay.h>
#include <psymatch/therapist.h>

#define TYPE "search.status_changed"
#define OTHER "therapeutenanfrage.sent"

static psm_handlers *
make_set(struct seen *seen)
{
	psm_handlers *hs = NULL;

	ck_assert_int_eq(psm_handlers_new(&hs, NULL), 0);
	ck_assert_int_eq(psm_handlers_on(hs, OTHER, NULL, on_event, seen, NULL),
	                 0);
	ck_assert_int_eq(psm_handlers_on(hs, TYPE, NULL, on_event, seen, NULL),
	                 0);
	return hs;
}

static psm_consumer *
bare_consumer(psm_transport *t)
{
	psm_config *cfg = NULL;
	psm_consumer *c = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "sets", &c, NULL), 0);
	psm_config_free(cfg);
	return c;
}

/* The set may go before those that use it. */
START_TEST(consumer_and_replay)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_number = 0};
	psm_handlers *hs = make_set(&seen);
	psm_consumer *c = bare_consumer(t);
	psm_replay *r = NULL;

	put_event(t, 1, 1);
	put_event(t, 1, 2);
	ck_assert_int_eq(psm_consumer_handlers(c, hs, NULL), 0);
	ck_assert_int_eq(psm_replay_new(t, TOPIC, &r, NULL), 0);
	ck_assert_int_eq(psm_replay_handlers(r, hs, NULL), 0);
	psm_handlers_free(hs);
	poll_until(c, &seen.count, 2);
	ck_assert_int_eq(psm_replay_run(r, NULL, NULL, 60000, NULL), 0);
	ck_assert_int_eq(seen.count, 4);
	psm_replay_free(r);
	psm_consumer_free(c);
	psm_transport_unref(t);
}
END_TEST

START_TEST(all_or_nothing)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_number = 0};
	psm_handlers *hs = make_set(&seen);
	psm_consumer *c = bare_consumer(t);

	ck_assert_int_eq(psm_consumer_on(c, TYPE, on_event, &seen, NULL), 0);
	ck_assert_int_eq(psm_consumer_handlers(c, hs, NULL), PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_consumer_on(c, OTHER, on_event, &seen, NULL), 0);
	psm_consumer_free(c);
	psm_handlers_free(hs);
	psm_transport_unref(t);
}
END_TEST

static int
on_tx(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	(void)tx;
	(void)ev;
	(void)user;
	(void)err;
	return 0;
}

static int
upcast(const psm_event *old, psm_event **out, void *user, psm_error *err)
{
	(void)old;
	(void)out;
	(void)user;
	return psm_error_set(err, PSM_ERR_REJECT, "never called");
}

START_TEST(refusals)
{
	psm_transport *t = open_memory();
	struct seen seen = {.fail_number = 0};
	psm_handler_options *o = NULL;
	psm_handlers *hs = make_set(&seen);
	psm_consumer *c = bare_consumer(t);

	ck_assert_int_eq(psm_handlers_new(NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_handlers_on(hs, TYPE, NULL, on_event, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	/* With a transaction is another table. */
	ck_assert_int_eq(psm_handlers_on_tx(hs, TYPE, NULL, on_tx, NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_handlers_on_tx(hs, TYPE, NULL, on_tx, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(
	    psm_handlers_on(hs, "moon.landed", NULL, on_event, NULL, NULL),
	    PSM_ERR_UNKNOWN_TYPE);
	ck_assert_int_eq(
	    psm_handlers_upcast(hs, TYPE, "1.0", "1.1", upcast, NULL, NULL), 0);
	ck_assert_int_eq(
	    psm_handlers_upcast(hs, TYPE, "1.0", "1.2", upcast, NULL, NULL),
	    PSM_ERR_CONFLICT);
	ck_assert_int_eq(
	    psm_handlers_upcast(hs, TYPE, "1.1", "1.0", upcast, NULL, NULL),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_consumer_handlers(c, NULL, NULL), PSM_ERR_INVAL);
	/* A consumer cannot park. */
	ck_assert_int_eq(psm_handler_options_new(&o, NULL), 0);
	ck_assert_int_eq(
	    psm_handler_options_on_failure(o, PSM_ON_FAILURE_PARK, 0, NULL), 0);
	ck_assert_int_eq(psm_handlers_on(hs, "*", o, on_event, NULL, NULL), 0);
	ck_assert_int_eq(psm_consumer_handlers(c, hs, NULL), PSM_ERR_INVAL);
	psm_handler_options_free(o);
	psm_consumer_free(c);
	psm_handlers_free(hs);
	psm_handlers_free(NULL);
	psm_transport_unref(t);
}
END_TEST

/* What a set has already is refused, so a handler tells what it has. */
START_TEST(matching_service_by_topic)
{
	psm_handlers *hs = NULL;

	ck_assert_int_eq(psm_handlers_new(&hs, NULL), 0);
	ck_assert_int_eq(psm_matching_handlers(NULL, NULL, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_matching_handlers(hs, "moon-events", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_matching_handlers(hs, "therapist-events", NULL),
	                 0);
	ck_assert_int_eq(psm_handlers_on_tx(hs, "therapist.blocked", NULL,
	                                    on_tx, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(
	    psm_handlers_on_tx(hs, "patient.deleted", NULL, on_tx, NULL, NULL),
	    0);
	ck_assert_int_eq(psm_matching_handlers(hs, NULL, NULL),
	                 PSM_ERR_CONFLICT);
	psm_handlers_free(hs);
}
END_TEST

static int
geo_handlers(psm_handlers *hs, const char *topic, psm_error *err)
{
	static psm_geo *geo;

	if (geo == NULL)
		ck_assert_int_eq(
		    psm_geo_new(NULL, NULL, NULL, 0, 1000, &geo, NULL), 0);
	ck_assert_int_eq(psm_geo_handlers(hs, NULL, topic, err), PSM_ERR_INVAL);
	return psm_geo_handlers(hs, geo, topic, err);
}

static const struct {
	int (*add)(psm_handlers *hs, const char *topic, psm_error *err);
	const char *(*type_at)(size_t i);
} services[] = {
    {psm_communication_handlers, psm_communication_type_at},
    {geo_handlers, psm_geo_type_at},
    {psm_matching_handlers, psm_matching_type_at},
    {psm_patient_handlers, psm_patient_type_at},
    {psm_therapist_handlers, psm_therapist_type_at},
};

/* Each type of a topic has a handler, that of another topic has none. */
START_TEST(services_by_topic)
{
	const char *type = services[_i].type_at(0);
	const char *topic = psm_catalogue_type_topic(psm_catalogue_find(type));
	psm_handlers *hs = NULL;

	ck_assert_int_eq(psm_handlers_new(&hs, NULL), 0);
	ck_assert_int_eq(services[_i].add(NULL, NULL, NULL), PSM_ERR_INVAL);
	ck_assert_int_eq(services[_i].add(hs, "moon-events", NULL),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(services[_i].add(hs, topic, NULL), 0);
	/* What has to wait holds up nobody else's. */
	ck_assert_uint_gt(hs->tx.count, 0);
	for (size_t i = 0; i < hs->tx.count; i++)
		ck_assert_int_eq(hs->tx.handlers[i].options.on_failure,
		                 PSM_ON_FAILURE_PARK);
	for (size_t i = 0; (type = services[_i].type_at(i)) != NULL; i++)
		ck_assert_int_eq(
		    psm_handlers_on_tx(hs, type, NULL, on_tx, NULL, NULL),
		    strcmp(psm_catalogue_type_topic(psm_catalogue_find(type)),
		           topic) == 0
			? PSM_ERR_CONFLICT
			: 0);
	ck_assert_int_eq(services[_i].add(hs, NULL, NULL), PSM_ERR_CONFLICT);
	psm_handlers_free(hs);
}
END_TEST

/* One person's event that waits for a geocoder, say, holds up nobody else's. */
START_TEST(services_park)
{
	psm_handlers *hs = NULL;

	ck_assert_int_eq(psm_handlers_new(&hs, NULL), 0);
	ck_assert_int_eq(services[_i].add(hs, NULL, NULL), 0);
	ck_assert_uint_gt(hs->tx.count, 0);
	for (size_t i = 0; i < hs->tx.count; i++) {
		ck_assert_int_eq(hs->tx.handlers[i].options.on_failure,
		                 PSM_ON_FAILURE_PARK);
		ck_assert_int_eq(hs->tx.handlers[i].options.max_attempts, 0);
	}
	psm_handlers_free(hs);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("handlers");
	TCase *tc = tcase_create("handlers");

	tcase_add_test(tc, consumer_and_replay);
	tcase_add_test(tc, all_or_nothing);
	tcase_add_test(tc, refusals);
	tcase_add_test(tc, matching_service_by_topic);
	tcase_add_loop_test(tc, services_by_topic, 0, PSM__COUNT(services));
	tcase_add_loop_test(tc, services_park, 0, PSM__COUNT(services));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
