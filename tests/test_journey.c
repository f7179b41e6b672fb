/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The whole way of a therapist: file, import, outbox, relay, transport,
 * processor, copy. Each service has a database of its own.
 */
#include "base/base.h"
#include "testing.h"
#include "testing_pg.h"

static psm_store *there, *here; /* the therapist service's, matching's */
static psm_transport *t;
static psm_relay *relay;
static psm_processor *pr;
static psm_error *err;
static psm_config *settings[2];
static char folder[4000];

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static void
setup(void)
{
	psm_handlers *hs = NULL;

	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	OK(psm_transport_memory(3, &t, err));
	testing_tmpdir(folder, sizeof(folder));
	pg_database();
	there = pg_store();
	settings[0] = pg_settings();
	OK(psm_store_migrate(there, "therapist", err));
	OK(psm_relay_new(there, t, settings[0], &relay, err));
	OK(psm_relay_start(relay, err));
	/* From here on the test looks at the second database. */
	pg_database();
	here = pg_store();
	settings[1] = pg_settings();
	OK(psm_store_migrate(here, "matching", err));
	OK(psm_processor_new(here, t, settings[1], "matching-service", &pr,
	                     err));
	OK(psm_handlers_new(&hs, err));
	OK(psm_matching_handlers(hs, NULL, err));
	OK(psm_processor_handlers(pr, hs, err));
	psm_handlers_free(hs);
	OK(psm_processor_start(pr, err));
}

static void
teardown(void)
{
	OK(psm_processor_stop(pr, 60000, err));
	OK(psm_relay_stop(relay, 60000, err));
	psm_processor_free(pr);
	psm_relay_free(relay);
	psm_store_free(there);
	psm_store_free(here);
	psm_config_free(settings[0]);
	psm_config_free(settings[1]);
	psm_transport_unref(t);
	psm_error_free(err);
	testing_remove(folder);
}

static int
import(const char *day)
{
	const char *top = getenv("top_srcdir");
	char command[9000];
	int rc;

	(void)snprintf(command, sizeof(command),
	               "cp -R '%s/examples/data/therapists/%s' '%s' && "
	               "chmod -R u+w '%s'",
	               top ? top : ".", day, folder, folder);
	ck_assert_int_eq(system(command), 0);
	rc = psm_therapist_import_run(there, folder, NULL, err);
	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

static void
wait_handled(int64_t count)
{
	int64_t until = psm__mono_ms() + 60000, last;

	do
		last =
		    pg_wait(count, 100, "SELECT count(*) FROM psymatch.inbox");
	while (last < count && psm__mono_ms() < until);
	ck_assert_int_eq(last, count);
}

static void
load_patients(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096], *text;

	(void)snprintf(path, sizeof(path), "%s/examples/data/patients.json",
	               top ? top : ".");
	text = testing_read(path, NULL);
	ck_assert_msg(psm_matching_load(here, text, err) == 6, "%s",
	              psm_error_message(err));
	free(text);
}

/* Events that the therapist service ever put into its outbox. */
static int64_t
emitted(void)
{
	psm_rows *rows;
	psm_tx *tx;
	int64_t n;

	OK(psm_tx_begin(there, &tx, err));
	OK(psm_tx_exec(tx, "SELECT last_value FROM psymatch.outbox_id_seq", 0,
	               NULL, &rows, err));
	n = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	psm_tx_rollback(tx);
	return n;
}

START_TEST(journey)
{
	int64_t id, events;

	ck_assert_int_eq(import("20250601"), 100);
	wait_handled(100);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie "
	           "WHERE status = 'aktiv' AND entity_version = 1"),
	    100);
	/* The same again is no news. */
	ck_assert_int_eq(import("20250601"), 0);
	ck_assert_int_eq(emitted(), 100);
	events = 100 + import("20250701");
	ck_assert_int_gt(events, 100);
	wait_handled(events);
	load_patients();
	id = pg_int("SELECT id FROM matching_service.therapeuten_kopie WHERE "
	            "vorname = 'Adelheid' AND nachname = 'Musterbaum' AND plz "
	            "= '10115'");
	ck_assert_int_eq(psm_therapist_block(there, id, "zieht um", err), 1);
	wait_handled(events + 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeutenanfrage "
	           "WHERE storniert_grund = 'zieht um'"),
	    2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche WHERE "
	           "ausgeschlossene_therapeuten @> '[{\"id\": %lld}]'",
	           (long long)id),
	    2);
	ck_assert_int_eq(psm_therapist_unblock(there, id, err), 1);
	wait_handled(events + 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeuten_kopie "
	           "WHERE id = %lld AND status = 'aktiv'",
	           (long long)id),
	    1);
	ck_assert_int_eq(emitted(), events + 2);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.dead_letter"),
	                 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("journey");
	TCase *tc = tcase_create("journey");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, journey);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{

	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
