/* SPDX-License-Identifier: BSD-2-Clause */
/* What a relay finds at its start: a database without tables, or one that rows
 * came to from another server. */
#include "testing.h"
#include "testing_outbox.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

/* -- a service starts its relay while it migrates */

static int warnings, waits; /* __atomic */

static void
count_log(int level, const char *message, const char *const *fields, void *user)
{
	(void)fields;
	(void)user;
	if (level >= PSM_LOG_WARN)
		(void)__atomic_add_fetch(&warnings, 1, __ATOMIC_SEQ_CST);
	if (strcmp(message, "waiting for migrations") == 0)
		(void)__atomic_add_fetch(&waits, 1, __ATOMIC_SEQ_CST);
}

START_TEST(tables_are_waited_for)
{
	outbox_teardown();
	r = NULL;
	pg_database();
	err = psm_error_new();
	cfg = pg_settings();
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	ck_assert_int_eq(psm_transport_memory(1, &t, err), 0);
	psm_set_log(count_log, PSM_LOG_INFO, NULL);
	outbox_start();
	PG_UNTIL(__atomic_load_n(&waits, __ATOMIC_SEQ_CST) == 1);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", err), 0);
	PG_UNTIL(psm_relay_stat(r, "leader") == 1);
	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	psm_set_log(NULL, PSM_LOG_INFO, NULL);
	ck_assert_int_eq(__atomic_load_n(&warnings, __ATOMIC_SEQ_CST), 0);
	ck_assert_int_eq(__atomic_load_n(&waits, __ATOMIC_SEQ_CST), 1);
}
END_TEST

/* -- a switch-over to another server */

/* Logical replication brings the rows, not the sequence. */
START_TEST(rows_of_elsewhere_keep_their_place)
{
	struct arrived a;
	int i;

	for (i = 0; i < 40; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	pg_run("ALTER SEQUENCE psymatch.outbox_id_seq RESTART WITH 1");
	pg_run("UPDATE psymatch.outbox SET id = DEFAULT"); /* 1 to 40 */
	pg_run("ALTER SEQUENCE psymatch.outbox_id_seq RESTART WITH 1");
	psm__memory_set_down(t, 1);
	outbox_start();
	PG_UNTIL(psm_relay_stat(r, "leader") == 1);
	for (i = 0; i < 40; i++)
		ck_assert_int_eq(outbox_change(st, i % OUTBOX_KEYS + 1, err),
		                 0);
	psm__memory_set_down(t, 0);
	outbox_wait_empty();
	a = outbox_read();
	ck_assert_int_eq(a.events, 80);
	ck_assert_int_eq(a.inversions, 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("relay start");
	TCase *tc = tcase_create("relay start");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, outbox_setup, outbox_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, tables_are_waited_for);
	tcase_add_test(tc, rows_of_elsewhere_keep_their_place);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
