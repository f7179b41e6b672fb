/* SPDX-License-Identifier: BSD-2-Clause */
/* A name that leads to a standby first and to the primary then, as after a
 * failover; both are clusters of this program's own. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include <psymatch/relay.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], name[80];

/* From now on the name leads there. */
static void
lead_to(const char *socket_directory)
{
	(void)unlink(name);
	ck_assert_int_eq(symlink(socket_directory, name), 0);
}

static psm_store *
open_at(const char *host)
{
	psm_store *store;

	ck_assert_int_eq(psm_config_set(cfg, "DB_HOST", host, err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &store, err), 0);
	return store;
}

static int
write_one(psm_store *store)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc < 0)
		return rc;
	rc = psm_tx_exec(tx,
	                 "INSERT INTO effects (event_id) VALUES "
	                 "(gen_random_uuid())",
	                 0, NULL, NULL, err);
	if (rc == 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

static void
exec(psm_store *store, const char *sql)
{
	struct psm__conn *c = NULL;

	ck_assert_int_eq(psm__store_connect(store, "test", &c, err), 0);
	ck_assert_msg(psm__conn_exec(c, sql, 0, NULL, NULL, err) == 0, "%s",
	              psm_error_message(err));
	psm__conn_close(c);
}

/* The database of the test, as it would be on the standby, with an event that
 * waits in the outbox. */
static void
make_standby(void)
{
	psm_config *at = pg_settings();
	psm_store *store;
	char sql[100];

	ck_assert_int_eq(psm_config_set(at, "DB_HOST", pg_other(), err), 0);
	ck_assert_int_eq(psm_config_set(at, "DB_NAME", "postgres", err), 0);
	ck_assert_int_eq(psm_store_open(at, &store, err), 0);
	(void)snprintf(sql, sizeof sql, "CREATE DATABASE %s", pg_name());
	exec(store, sql);
	psm_store_free(store);
	psm_config_free(at);
	store = open_at(pg_other());
	ck_assert_int_eq(psm_store_migrate(store, "psymatch", err), 0);
	exec(store, "INSERT INTO psymatch.outbox (event_id, aggregatetype, "
	            "aggregateid, type, version, producer, event_time, topic, "
	            "payload) VALUES (gen_random_uuid(), 'communication', '1', "
	            "'communication.send_email', '1.0', 'test', now(), "
	            "'elsewhere', '{\"email_id\": 1}')");
	psm_store_free(store);
	pg_other_cluster("stop");
	pg_other_cluster("standby");
	pg_other_cluster("start");
}

static void
setup(void)
{
	flow_setup();
	make_standby();
	(void)snprintf(directory, sizeof directory, "/tmp/psymatch-st.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(chmod(directory, 0755), 0);
	(void)snprintf(name, sizeof name, "%s/here", directory);
	lead_to(pg_other());
	psm_store_free(st);
	st = open_at(name);
}

static void
teardown(void)
{
	(void)unlink(name);
	(void)rmdir(directory);
	flow_teardown();
	pg_other_cluster("stop");
	pg_other_cluster("primary");
	pg_other_cluster("start");
}

static void
expect_standby(int health, const char *reason)
{
	ck_assert_int_eq(health, PSM_HEALTH_RED);
	ck_assert_msg(strstr(reason, "standby") != NULL, "%s", reason);
}

/* Fails while the name leads to the standby, and as soon as it does not, no
 * connection of before is in the way. */
static void
check_store(void)
{
	psm_rows *rows = NULL;
	char reason[200];
	int i, rc;

	expect_standby(psm_store_health(st, reason, sizeof reason), reason);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(write_one(st), PSM_ERR_DB);
		ck_assert_int_eq(psm_error_retriable(err), 1);
		ck_assert_msg(strstr(psm_error_message(err), "standby") != NULL,
		              "%s", psm_error_message(err));
	}
	/* Nothing is to be done, so nothing is in the way. */
	ck_assert_msg(psm_store_migrate(st, "psymatch", err) == 0, "%s",
	              psm_error_message(err));
	/* Reading is fine, so its connection stays. */
	ck_assert_int_eq(psm_dead_list(st, PSM_DEAD_LETTERS, NULL, &rows, err),
	                 0);
	psm_rows_free(rows);
	lead_to(getenv("PSYMATCH_TEST_PG"));
	/* Unless the relay or the processor met the old connection before. */
	rc = write_one(st);
	ck_assert(rc == 0 || rc == PSM_ERR_DB);
	if (rc < 0)
		ck_assert_int_eq(write_one(st), 0);
	ck_assert_int_eq(psm_store_health(st, reason, sizeof reason),
	                 PSM_HEALTH_GREEN);
}

/* What a standby shows is not published, not even once. */
static void
check_relay(psm_relay *r)
{
	char reason[300];

	PG_UNTIL(psm_relay_health(r, reason, sizeof reason) == PSM_HEALTH_RED);
	expect_standby(PSM_HEALTH_RED, reason);
	ck_assert_int_eq(psm_relay_stat(r, "leader"), 0);
	ck_assert_int_eq(psm_relay_stat(r, "sent"), 0);
}

START_TEST(old_connections_are_not_kept)
{
	psm_transport *out = NULL;
	psm_relay *r = NULL;
	char reason[300];

	ck_assert_int_eq(psm_transport_memory(1, &out, err), 0);
	flow_put(1, 1);
	flow_start();
	ck_assert_int_eq(psm_relay_new(st, out, cfg, &r, err), 0);
	ck_assert_int_eq(psm_relay_start(r, err), 0);
	PG_UNTIL(psm_processor_stat(pr, "rollbacks") >= 2);
	expect_standby(psm_processor_health(pr, reason, sizeof reason), reason);
	check_relay(r);
	check_store();
	flow_wait_offset(1);
	PG_UNTIL(psm_relay_stat(r, "leader") == 1 &&
	         psm_relay_health(r, reason, sizeof reason) ==
	             PSM_HEALTH_GREEN);
	PG_UNTIL(psm_relay_stat(r, "sent") == 1); /* the handler's */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 2);
	ck_assert_int_eq(psm_relay_stop(r, 60000, err), 0);
	psm_relay_free(r);
	psm_transport_unref(out);
	flow_stop();
}
END_TEST

START_TEST(of_several_hosts_the_primary)
{
	char hosts[200];

	psm_store_free(st);
	(void)snprintf(hosts, sizeof hosts, "%s,%s", name,
	               getenv("PSYMATCH_TEST_PG"));
	st = open_at(hosts);
	ck_assert_msg(write_one(st) == 0, "%s", psm_error_message(err));
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 1);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("standby");
	TCase *tc = tcase_create("standby");

	(void)argc;
	pg_main_pair(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, old_connections_are_not_kept);
	suite_add_tcase(s, tc);
	tc = tcase_create("hosts");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, of_several_hosts_the_primary);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
