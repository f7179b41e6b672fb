/* SPDX-License-Identifier: BSD-2-Clause */
/* A store, a relay and a processor as parts of a service. */
#include "service/service.h"
#include "testing.h"
#include "testing_pg.h"

#define WAIT_MS 60000

static psm_config *cfg;
static psm_store *store;
static psm_transport *transport;
static psm_relay *relay;
static psm_processor *processor;
static psm_service *svc;
static psm_error *err;
static pthread_t thread;
static int run_rc;

static int
handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)tx;
	(void)ev;
	(void)user;
	(void)e;
	return 0;
}

static void
set_up(void)
{
	testing_memory_begin();
	pg_database();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	cfg = pg_settings();
	ck_assert_int_eq(psm_store_open(cfg, &store, err), 0);
	ck_assert_int_eq(psm_transport_memory(1, &transport, err), 0);
	ck_assert_int_eq(psm_relay_new(store, transport, cfg, &relay, err), 0);
	ck_assert_int_eq(
	    psm_processor_new(store, transport, cfg, "parts", &processor, err),
	    0);
	ck_assert_int_eq(
	    psm_processor_subscribe(processor, "matching-events", err), 0);
	ck_assert_int_eq(
	    psm_processor_on(processor, "match.created", handle, NULL, err), 0);
	ck_assert_int_eq(psm_service_new("parts", cfg, &svc, err), 0);
}

static void
tear_down(void)
{
	psm_service_free(svc);
	psm_processor_free(processor);
	psm_relay_free(relay);
	psm_transport_unref(transport);
	psm_store_free(store);
	psm_config_free(cfg);
	psm_error_free(err);
}

static void *
run_service(void *arg)
{
	(void)arg;
	run_rc = psm_service_run(svc, NULL, 0, err);
	return NULL;
}

static void
start(void)
{
	char reason[SVC_REASON_SIZE];

	ck_assert_int_eq(pthread_create(&thread, NULL, run_service, NULL), 0);
	ck_assert_int_eq(psm__svc_wait(svc, SVC_RUNNING, WAIT_MS), 0);
	/* Else it is past that: a stage did not start. */
	ck_assert_int_eq(psm__svc_state_health(svc, reason), PSM_HEALTH_GREEN);
}

static void
stop(void)
{
	psm_service_stop(svc);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_msg(run_rc == 0, "%s", psm_error_message(err));
}

static const struct svc_part *
part(const char *name)
{
	size_t i;

	for (i = 0; i < svc->part_count; i++)
		if (strcmp(svc->parts[i].name, name) == 0)
			return &svc->parts[i];
	ck_abort_msg("no part %s", name);
}

/* Wait until the part says so. */
static void
wait_health(const char *name, int health, const char *text)
{
	const struct svc_part *p = part(name);
	int64_t until = psm__mono_us() + (int64_t)WAIT_MS * 1000;
	char reason[SVC_REASON_SIZE];
	int now;

	do {
		now = p->fn(reason, sizeof reason, p->user);
		ck_assert_msg(psm__mono_us() < until, "%s is %d: %s", name, now,
		              reason);
		sched_yield();
	} while (now != health || !strstr(reason, text));
}

START_TEST(all_parts_come_up_and_go)
{
	ck_assert_int_eq(
	    psm_service_add_store(svc, store, "psymatch therapist", err), 0);
	ck_assert_int_eq(psm_service_add_relay(svc, relay, err), 0);
	ck_assert_int_eq(
	    psm_service_add_processor(svc, "events", processor, err), 0);
	start();
	wait_health("migrations", PSM_HEALTH_GREEN, "last run ended");
	wait_health("database", PSM_HEALTH_GREEN, "");
	wait_health("relay", PSM_HEALTH_GREEN, "");
	wait_health("events", PSM_HEALTH_GREEN, "");
	ck_assert_int_eq(
	    pg_int("SELECT count(DISTINCT set) FROM psymatch.migration"), 2);
	stop();
}
END_TEST

START_TEST(an_unknown_set_is_seen)
{
	ck_assert_int_eq(
	    psm_service_add_store(svc, store, " psymatch  nosuch ", err), 0);
	start();
	wait_health("migrations", PSM_HEALTH_RED, "nosuch");
	ck_assert_int_eq(
	    pg_int("SELECT count(DISTINCT set) FROM psymatch.migration"), 1);
	stop();
}
END_TEST

START_TEST(the_database_comes_later)
{
	svc->run_times.first_us = svc->run_times.limit_us = 50000;
	ck_assert_int_eq(psm_service_add_store(svc, store, "psymatch", err), 0);
	ck_assert_int_eq(psm_service_add_relay(svc, relay, err), 0);
	pg_down();
	start();
	wait_health("migrations", PSM_HEALTH_RED, "failed in a row");
	wait_health("database", PSM_HEALTH_RED, "");
	pg_up();
	wait_health("migrations", PSM_HEALTH_GREEN, "last run ended");
	wait_health("relay", PSM_HEALTH_GREEN, "");
	stop();
}
END_TEST

START_TEST(arguments_are_checked)
{
	ck_assert_int_eq(psm_service_add_store(NULL, store, "a", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_store(svc, NULL, "a", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_store(svc, store, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_relay(NULL, relay, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_relay(svc, NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_service_add_processor(NULL, "events", processor, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_processor(svc, NULL, processor, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_processor(svc, "E", processor, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_service_add_processor(svc, "events", NULL, err),
	                 PSM_ERR_INVAL);
	psm_service_stop(svc);
	ck_assert_int_eq(psm_service_run(svc, NULL, 0, err), 0);
	ck_assert_int_eq(psm_service_add_store(svc, store, "a", err),
	                 PSM_ERR_STATE);
	ck_assert_int_eq(psm_service_add_relay(svc, relay, err), PSM_ERR_STATE);
	ck_assert_int_eq(
	    psm_service_add_processor(svc, "events", processor, err),
	    PSM_ERR_STATE);
}
END_TEST

static int
build(void)
{
	psm_service *s = NULL;
	int rc = psm_service_new("memory", cfg, &s, err);

	if (rc == 0)
		rc = psm_service_add_store(s, store, "psymatch", err);
	if (rc == 0)
		rc = psm_service_add_relay(s, relay, err);
	if (rc == 0)
		rc = psm_service_add_processor(s, "events", processor, err);
	psm_service_free(s);
	return rc;
}

START_TEST(memory_runs_out)
{
	long n, calls;

	atomic_store(&testing_memory.calls, 0);
	ck_assert_int_eq(build(), 0);
	calls = atomic_load(&testing_memory.calls);
	ck_assert_int_ge(calls, 5);
	for (n = 1; n <= calls; n++) {
		atomic_store(&testing_memory.calls, 0);
		testing_memory.fail_at = n;
		ck_assert_int_eq(build(), PSM_ERR_NOMEM);
		testing_memory.fail_at = 0;
		ck_assert_int_eq(build(), 0);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("parts");
	TCase *tc = tcase_create("parts");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, all_parts_come_up_and_go);
	tcase_add_test(tc, an_unknown_set_is_seen);
	tcase_add_test(tc, the_database_comes_later);
	tcase_add_test(tc, arguments_are_checked);
	tcase_add_test(tc, memory_runs_out);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{

	(void)argc;
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
