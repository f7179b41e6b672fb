/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each call on rows of entities without memory, at each of its allocations in
 * turn: it says so, nothing is left behind, and it works when it is repeated.
 */
#include "testing.h"
#include "testing_pg.h"

#include <psymatch/change.h>
#include <psymatch/patient.h>

#define JSON(text) text, sizeof text - 1

static psm_config *cfg;
static psm_event *sent; /* a mail to the first patient */

static void
setup(void)
{
	psm_store *st;

	testing_memory_begin();
	pg_database();
	pg_hasty();
	st = pg_store();
	ck_assert_int_eq(psm_store_migrate(st, "therapist", NULL), 0);
	ck_assert_int_eq(psm_store_migrate(st, "patient", NULL), 0);
	psm_store_free(st);
	cfg = pg_settings();
	pg_run("INSERT INTO therapist_service.therapeuten (anrede, geschlecht, "
	       "vorname, nachname) SELECT 'Frau', 'weiblich', 'A', 'B' "
	       "FROM generate_series(1, 2)");
	pg_run("INSERT INTO patient_service.patienten (anrede, geschlecht, "
	       "vorname, nachname, vertraege_unterschrieben, "
	       "ausgeschlossene_therapeuten) VALUES ('Frau', 'weiblich', "
	       "'A', 'B', true, '[7]')");
	ck_assert_int_eq(
	    psm_event_new("email.sent", "test",
	                  JSON("{\"email_id\": 1, \"email_data\": {}, "
	                       "\"patient_id\": 1}"),
	                  &sent, NULL),
	    0);
}

static void
teardown(void)
{
	psm_event_free(sent);
	psm_config_free(cfg);
}

static int
make(psm_tx *tx, char **out)
{
	return psm_entity_create(
	    tx, "therapist",
	    JSON("{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\","
	         "\"vorname\":\"Berta\",\"nachname\":\"Musterbaum\","
	         "\"status\":\"gesperrt\"}"),
	    out, NULL, NULL);
}

static int
get(psm_tx *tx, char **out)
{
	return psm_entity_get(tx, "therapist", 1, out, NULL, NULL);
}

static int
update(psm_tx *tx, char **out)
{
	return psm_entity_update(tx, "therapist", 1, 0, PSM_CHANGE_MERGE,
	                         JSON("{\"titel\":\"Dr.\",\"fremdsprachen\":"
	                              "[\"Deutsch\"]}"),
	                         out, NULL, NULL);
}

static int
act(psm_tx *tx, char **out)
{
	return psm_entity_act(tx, "therapist", 1, PSM_VERSION_ANY, "block",
	                      JSON("{\"reason\":\"x\"}"), out, NULL, NULL);
}

static int
erase(psm_tx *tx, char **out)
{
	(void)out; /* nothing is left */
	return psm_entity_delete(tx, "therapist", 1, PSM_VERSION_ANY, 0, NULL);
}

static int
list(psm_tx *tx, char **out)
{
	static const char *const filters[] = {
	    "search", "b", "plz_prefix", "", "status", "aktiv", NULL};

	return psm_entity_list(tx, "therapist", filters, "-nachname", 1, 20,
	                       out, NULL);
}

/* Starts, and has somebody on the list. */
static int
make_patient(psm_tx *tx, char **out)
{
	return psm_entity_create(
	    tx, "patient",
	    JSON("{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\","
	         "\"vorname\":\"Berta\",\"nachname\":\"Musterbaum\","
	         "\"zahlung_eingegangen\":true,"
	         "\"vertraege_unterschrieben\":true,"
	         "\"ausgeschlossene_therapeuten\":[{\"id\":8,"
	         "\"reason\":\"x\"}]}"),
	    out, NULL, NULL);
}

static int
start_patient(psm_tx *tx, char **out)
{
	return psm_entity_update(
	    tx, "patient", 1, 0, PSM_CHANGE_PUT,
	    JSON("{\"zahlung_eingegangen\":true,"
	         "\"ausgeschlossene_therapeuten\":[7,{\"id\":8}]}"),
	    out, NULL, NULL);
}

static int
contact_patient(psm_tx *tx, char **out)
{
	(void)out; /* it gives nothing */
	return psm_patient_handle(tx, sent, NULL, NULL);
}

static int (*const calls[])(psm_tx *, char **) = {
    make,         get,           update,         act, erase, list,
    make_patient, start_patient, contact_patient};

/* With the n-th allocation refused; 0: none. *reached: there was one. */
static int
try_call(int (*call)(psm_tx *, char **), long n, int *reached)
{
	long live = atomic_load(&testing_memory.live);
	psm_store *st = NULL;
	psm_tx *tx = NULL;
	char *out = NULL;
	int rc;

	ck_assert_int_eq(psm_store_open(cfg, &st, NULL), 0);
	ck_assert_int_eq(psm_tx_begin(st, &tx, NULL), 0);
	testing_memory_refuse(n);
	rc = call(tx, &out);
	*reached = atomic_load(&testing_memory.calls) >= n;
	testing_memory_refuse(0);
	if (rc < 0)
		ck_assert_ptr_null(out);
	psm_free(out);
	psm_tx_rollback(tx);
	psm_store_free(st);
	if (n > 0)
		ck_assert_int_eq(atomic_load(&testing_memory.live), live);
	return rc < 0 ? rc : 0;
}

START_TEST(refused)
{
	long n = 0, refused_count = 0;
	int rc, reached;

	/* Texts that are made once and kept. */
	ck_assert_int_eq(try_call(calls[_i], 0, &reached), 0);
	do {
		rc = try_call(calls[_i], ++n, &reached);
		/* An index over many members it may do without. */
		ck_assert_msg(rc == 0 || (reached && rc == PSM_ERR_NOMEM),
		              "allocation %ld refused: %s", n,
		              psm_error_name(rc));
		refused_count += rc < 0;
	} while (reached);
	ck_assert_int_ge(refused_count, n - 5);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("oom change");
	TCase *t = tcase_create("calls");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 300);
	tcase_add_loop_test(t, refused, 0,
	                    (int)(sizeof calls / sizeof calls[0]));
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	return testing_run(srunner_create(suite()));
}
