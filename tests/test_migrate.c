/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/migrate.h"
#include "testing.h"
#include "testing_pg.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static psm_store *st;
static psm_error *err;

static const struct psm__migration first[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"b", 1, "001_other.sql", "CREATE TABLE other (id integer);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration second[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"a", 2, "002_two.sql",
     "CREATE TABLE two (id integer);\nINSERT INTO two VALUES (1);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration changed[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id bigint);\n"},
    {NULL, 0, NULL, NULL}};
static const struct psm__migration broken[] = {
    {"a", 1, "001_one.sql", "CREATE TABLE one (id integer);\n"},
    {"a", 2, "002_bad.sql",
     "CREATE TABLE two (id integer);\nCREATE TABEL three ();\n"},
    {"a", 3, "003_never.sql", "CREATE TABLE three (id integer);\n"},
    {NULL, 0, NULL, NULL}};
/* Slow, so that two of them meet. */
static const struct psm__migration slow[] = {
    {"a", 1, "001_slow.sql",
     "SELECT pg_sleep(0.3);\nCREATE TABLE one (id integer);\n"},
    {NULL, 0, NULL, NULL}};

static void
setup(void)
{
	psm_config *cfg;

	pg_database();
	cfg = pg_settings();
	err = psm_error_new();
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	psm_config_free(cfg);
}

static void
teardown(void)
{
	psm_store_free(st);
	psm_error_free(err);
}

START_TEST(applies_once_and_goes_on)
{
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"), 1);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('psymatch.other'))"),
	                 0);
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
	ck_assert_int_eq(pg_int("SELECT id FROM psymatch.two"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration "
	                        "WHERE set = 'a' AND checksum <> '' AND "
	                        "applied_at <= now()"),
	                 2);
	/* An older program on a newer database. */
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "b", err), 0);
	ck_assert_int_eq(psm__migrate(st, first, "c", err), PSM_ERR_NOT_FOUND);
}
END_TEST

START_TEST(says_whether_it_is_applied)
{
	ck_assert_int_eq(psm_store_migrated(NULL, "psymatch", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_migrated(st, "nonsense", err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_store_migrated(st, "psymatch", err), 0);
	/* Looking has made nothing. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_namespace WHERE "
	                        "nspname = 'psymatch'"),
	                 0);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", err), 0);
	ck_assert_int_eq(psm_store_migrated(st, "psymatch", err), 1);
	ck_assert_int_eq(psm_store_migrated(st, "matching", err), 0);
	pg_run("DELETE FROM psymatch.migration WHERE version = 3 AND "
	       "set = 'psymatch'");
	ck_assert_int_eq(psm_store_migrated(st, "psymatch", err), 0);
	pg_run("UPDATE psymatch.migration SET checksum = 'x'");
	ck_assert_int_eq(psm_store_migrated(st, "psymatch", err),
	                 PSM_ERR_CONFLICT);
}
END_TEST

START_TEST(refuses_a_changed_file)
{
	ck_assert_int_eq(psm__migrate(st, first, "a", err), 0);
	ck_assert_int_eq(psm__migrate(st, changed, "a", err), PSM_ERR_CONFLICT);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "a/001_one.sql"));
	/* The pool's connection is whole. */
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
}
END_TEST

START_TEST(fault_names_file_and_line)
{
	ck_assert_int_eq(psm__migrate(st, broken, "a", err), PSM_ERR_DB);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "a/002_bad.sql"));
	ck_assert_str_eq(psm_error_source(err), "002_bad.sql");
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_uint_eq(psm_error_column(err), 8);
	/* All or nothing, and nothing after it. */
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('psymatch.one'))"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('psymatch.two'))"),
	                 0);
	ck_assert_int_eq(pg_int("SELECT count(to_regclass('psymatch.three'))"),
	                 0);
	ck_assert_int_eq(psm__migrate(st, second, "a", err), 0);
}
END_TEST

static void *
migrate_thread(void *arg)
{
	int *rc = arg;

	*rc = psm__migrate(st, slow, "a", NULL);
	return NULL;
}

START_TEST(services_start_together)
{
	pthread_t threads[4];
	int rc[4];
	size_t i;

	for (i = 0; i < 4; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, migrate_thread, &rc[i]),
		    0);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(rc[i], 0);
	}
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"), 1);
}
END_TEST

/* -- roles with fewer rights than an owner's */

static char role[40];

/* From now on st is a store of that role; settings: of the role, may be "". */
static void
become(const char *settings)
{
	psm_config *cfg = pg_settings();

	(void)snprintf(role, sizeof role, "psm_role_%ld", (long)getpid());
	pg_run("SET client_min_messages = warning");
	pg_run("DROP ROLE IF EXISTS %s", role);
	pg_run("CREATE ROLE %s LOGIN", role);
	if (settings[0])
		pg_run("ALTER ROLE %s SET %s", role, settings);
	psm_store_free(st);
	ck_assert_int_eq(psm_config_set(cfg, "DB_USER", role, err), 0);
	ck_assert_int_eq(psm_store_open(cfg, &st, err), 0);
	psm_config_free(cfg);
}

static void
migrate_all(void)
{
	const struct psm__migration *m;

	for (m = psm__migrations; m->set; m++)
		ck_assert_msg(psm_store_migrate(st, m->set, err) == 0, "%s: %s",
		              m->name, psm_error_message(err));
}

/* Services rarely own the tables. */
START_TEST(nothing_to_do_needs_no_rights)
{
	migrate_all();
	become("");
	pg_run("GRANT USAGE ON SCHEMA psymatch TO %s", role);
	pg_run("GRANT SELECT ON psymatch.migration TO %s", role);
	migrate_all();
	ck_assert_int_eq(psm__migrate(st, changed, "a", err), PSM_ERR_DB);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "42501"));
}
END_TEST

/* Since PostgreSQL 15 not everybody may make things in public. */
static const char *const role_settings[] = {"", "search_path = ''",
                                            "search_path = elsewhere",
                                            "statement_timeout = 5000"};

START_TEST(public_is_not_ours)
{
	pg_run("REVOKE CREATE ON SCHEMA public FROM public");
	become(role_settings[_i]);
	pg_run("GRANT CREATE ON DATABASE %s TO %s", pg_name(), role);
	migrate_all();
	migrate_all();
	ck_assert_int_gt(
	    pg_int("SELECT count(*) FROM pg_type WHERE typtype = "
	           "'e' AND typnamespace = 'psymatch'::regnamespace"),
	    7);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_class WHERE relnamespace = "
	           "'public'::regnamespace") +
		pg_int("SELECT count(*) FROM pg_type WHERE typtype = 'e' AND "
	               "typnamespace = 'public'::regnamespace"),
	    0);
}
END_TEST

/* An administrator made the schemas, the role may make none. */
START_TEST(schemas_are_there)
{
	static const char *const schemas[] = {
	    "psymatch",         "patient_service",       "therapist_service",
	    "matching_service", "communication_service", "geocoding_service"};

	become("");
	for (size_t i = 0; i < PSM__COUNT(schemas); i++)
		pg_run("CREATE SCHEMA %s AUTHORIZATION %s", schemas[i], role);
	pg_run("REVOKE CREATE ON DATABASE %s FROM public", pg_name());
	migrate_all();
}
END_TEST

static const char *const services[] = {"patient", "therapist", "matching",
                                       "communication", "geocoding"};

/* A service's role owns its own schema, and may not even look into others. */
START_TEST(neighbours_are_out_of_reach)
{
	const struct psm__migration *m;

	for (m = psm__migrations; m->set; m++)
		if (strcmp(m->set, services[_i]) != 0)
			ck_assert_int_eq(psm_store_migrate(st, m->set, err), 0);
	become("");
	pg_run("CREATE SCHEMA IF NOT EXISTS %s_service", services[_i]);
	pg_run("ALTER SCHEMA %s_service OWNER TO %s", services[_i], role);
	pg_run("GRANT ALL ON SCHEMA psymatch, public TO %s", role);
	pg_run("GRANT ALL ON ALL TABLES IN SCHEMA psymatch TO %s", role);
	pg_run("GRANT ALL ON ALL SEQUENCES IN SCHEMA psymatch TO %s", role);
	ck_assert_msg(psm_store_migrate(st, services[_i], err) == 0, "%s",
	              psm_error_message(err));
}
END_TEST

/* Where a platform's database has them, and people find them. */
START_TEST(types_are_made_in_public)
{
	migrate_all();
	ck_assert_int_gt(
	    pg_int("SELECT count(*) FROM pg_type WHERE typtype = 'e' AND "
	           "typnamespace = 'public'::regnamespace"),
	    7);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_type WHERE typtype = 'e' AND "
	           "typnamespace = 'psymatch'::regnamespace"),
	    0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_class WHERE "
	                        "relnamespace = 'public'::regnamespace"),
	                 0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_class WHERE oid = to_regclass("
	           "'therapist_service.ix_therapist_service_therapeuten_id') "
	           "AND to_regnamespace('scraping_service') IS NOT NULL"),
	    1);
}
END_TEST

/* A platform's database has them in public. */
START_TEST(types_of_the_platform_are_used)
{
	pg_run("CREATE TYPE anrede AS ENUM ('Herr', 'Frau')");
	migrate_all();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_attribute WHERE attrelid = "
	           "'therapist_service.therapeuten'::regclass AND attname = "
	           "'anrede' AND atttypid = 'public.anrede'::regtype"),
	    1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_type WHERE typname = "
	                        "'anrede' AND typtype = 'e'"),
	                 1);
}
END_TEST

/* What a role or a database says of timeouts is not meant for migrations, also
 * while they wait for another service's. */
START_TEST(timeouts_of_the_role_do_not_matter)
{
	pthread_t thread;
	int rc[2];

	pg_run("ALTER DATABASE %s SET statement_timeout = 100", pg_name());
	pg_run("ALTER DATABASE %s SET lock_timeout = 100", pg_name());
	pg_run(
	    "ALTER DATABASE %s SET idle_in_transaction_session_timeout = 100",
	    pg_name());
	ck_assert_int_eq(pthread_create(&thread, NULL, migrate_thread, &rc[0]),
	                 0);
	(void)migrate_thread(&rc[1]);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(rc[0], 0);
	ck_assert_int_eq(rc[1], 0);
}
END_TEST

/* -- sequences that are behind their tables */

/* A column, a row that another server's sequence gave a number. */
static const struct behind {
	const char *sequence, *insert;
} behinds[] = {
    {"psymatch.outbox_id_seq",
     "INSERT INTO psymatch.outbox (id, event_id, aggregatetype, aggregateid, "
     "type, version, producer, event_time, topic, payload) OVERRIDING SYSTEM "
     "VALUE VALUES (4900, gen_random_uuid(), 'a', '1', 'a.b', '1.0', 'p', "
     "now(), 't', '{}')"},
    {"psymatch.parked_id_seq",
     "INSERT INTO psymatch.parked (id, consumer, key, topic, state) OVERRIDING "
     "SYSTEM VALUE VALUES (4900, 'c', '1', 't', 'retry')"},
    {"psymatch.dead_letter_id_seq",
     "INSERT INTO psymatch.dead_letter (id, consumer, topic, code, reason) "
     "OVERRIDING SYSTEM VALUE VALUES (4900, 'c', 't', 'x', 'y')"},
    {"matching_service.platzsuche_id_seq",
     "INSERT INTO matching_service.platzsuche (id, patient_id) VALUES (4900, "
     "1)"},
    {"therapist_service.therapeuten_id_seq",
     "INSERT INTO therapist_service.therapeuten (id, anrede, geschlecht, "
     "vorname, nachname) VALUES (4900, 'Frau', 'weiblich', 'A', 'B')"},
};

START_TEST(sequences_follow_their_tables)
{
	const struct behind *b = &behinds[_i];

	migrate_all();
	pg_run("%s", b->insert);
	migrate_all();
	ck_assert_int_eq(pg_int("SELECT nextval('%s')", b->sequence), 4901);
	/* One that is ahead is left alone. */
	pg_run("SELECT setval('%s', 9000)", b->sequence);
	migrate_all();
	ck_assert_int_eq(pg_int("SELECT nextval('%s')", b->sequence), 9001);
}
END_TEST

/* Who may only look says what to do. */
START_TEST(sequences_of_another_owner)
{
	migrate_all();
	pg_run("%s", behinds[0].insert);
	become("");
	pg_run("GRANT USAGE ON SCHEMA psymatch TO %s", role);
	pg_run("GRANT SELECT ON ALL TABLES IN SCHEMA psymatch TO %s", role);
	pg_run("GRANT SELECT ON ALL SEQUENCES IN SCHEMA psymatch TO %s", role);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", err), PSM_ERR_DB);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err),
	           "want SELECT setval('psymatch.outbox_id_seq', 4900)"));
}
END_TEST

static void
count_warnings(int level, const char *message, const char *const *fields,
               void *user)
{
	(void)level;
	(void)fields;
	if (strstr(message, "want GRANT SELECT ON SEQUENCE"))
		++*(int *)user;
}

/* Who may draw numbers but not look at the sequence hears of it. */
START_TEST(sequences_that_cannot_be_looked_at)
{
	int warnings = 0;

	migrate_all();
	become("");
	pg_run("GRANT USAGE ON SCHEMA psymatch TO %s", role);
	pg_run("GRANT SELECT ON ALL TABLES IN SCHEMA psymatch TO %s", role);
	psm_set_log(count_warnings, PSM_LOG_WARN, &warnings);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", err), 0);
	ck_assert_int_eq(warnings, 0);
	pg_run("GRANT USAGE ON SEQUENCE psymatch.outbox_id_seq TO %s", role);
	ck_assert_int_eq(psm_store_migrate(st, "psymatch", err), 0);
	psm_set_log(NULL, PSM_LOG_WARN, NULL);
	ck_assert_int_eq(warnings, 1);
}
END_TEST

/* -- checksums */

static const struct psm__migration umlaut[] = {
    {"a", 1, "001_one.sql",
     "-- \xc3\xa4\xc3\x9f, formerly less\n"
     "-- formerly 0123456789abcdef0123456789abcdef\nSELECT 1;\n"},
    {NULL, 0, NULL, NULL}};

static const struct stored {
	const char *checksum; /* SQL, $: the text */
	int rc;
} checksums[] = {
    {"md5($)", 0},
    {"md5(convert_to($, 'UTF8'))", 0},
    {"md5(convert_to($, 'LATIN1'))", 0},
    {"'0123456789abcdef0123456789abcdef'", 0},
    {"'0123456789abcdef0123456789abcde'", PSM_ERR_CONFLICT},
    {"'0123456789abcdef0123456789abcdef0'", PSM_ERR_CONFLICT},
    {"md5(convert_to($, 'UTF8') || 'x')", PSM_ERR_CONFLICT},
    {"''", PSM_ERR_CONFLICT},
};

START_TEST(checksums_of_before)
{
	const char *sql = checksums[_i].checksum, *at = strchr(sql, '$');

	ck_assert_int_eq(psm__migrate(st, umlaut, "a", err), 0);
	if (at)
		pg_run("UPDATE psymatch.migration SET checksum = %.*s'%s'%s",
		       (int)(at - sql), sql, umlaut[0].sql, at + 1);
	else
		pg_run("UPDATE psymatch.migration SET checksum = %s", sql);
	ck_assert_int_eq(psm__migrate(st, umlaut, "a", err), checksums[_i].rc);
}
END_TEST

/* Every set that is compiled in, on an empty database, twice. */
START_TEST(own_sets)
{
	const struct psm__migration *m, *before;
	int round, files = 0;

	for (round = 0; round < 2; round++)
		for (m = psm__migrations; m->set; m++)
			ck_assert_msg(psm_store_migrate(st, m->set, err) == 0,
			              "%s", psm_error_message(err));
	/* A number may be left out, none is used twice. */
	for (m = psm__migrations; m->set; m++, files++)
		for (before = psm__migrations; before < m; before++)
			ck_assert_msg(strcmp(before->set, m->set) != 0 ||
			                  before->version != m->version,
			              "%s: %d", m->set, m->version);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.migration"),
	                 files);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_tables WHERE "
	                        "schemaname = 'psymatch' AND tablename IN "
	                        "('outbox', 'inbox', 'consumer_offset', "
	                        "'dead_letter')"),
	                 4);
}
END_TEST

/* Where a set is not migrated the database has no such tables, and it does not
 * help to call again. */
static char *out;
#define CALL(name, ...)                                                        \
	static int name##_early(void)                                          \
	{                                                                      \
		return psm_##name(st, __VA_ARGS__, err);                       \
	}
CALL(patient_list, NULL, &out)
CALL(patient_reassignments, 1, 20, &out)
CALL(therapist_workload, 1, &out)
CALL(therapist_suggestions, 1, 1, 20, &out)
CALL(search_list, NULL, &out)
CALL(inquiry_get, 1, &out, NULL)
CALL(inquiry_cancel, 1, "x")
CALL(inquiry_answer, 1, "{}", 2, &out)
CALL(call_create, "{\"patient_id\": 1}", 17, &out)
CALL(follow_up_run, &out)
CALL(mail_list, NULL, &out)
CALL(mail_queue_status, &out)
CALL(scraping_request, NULL, &out)
CALL(jobs_status, &out)

static int (*const too_early[])(void) = {
    patient_list_early,       patient_reassignments_early,
    therapist_workload_early, therapist_suggestions_early,
    search_list_early,        inquiry_get_early,
    inquiry_cancel_early,     inquiry_answer_early,
    call_create_early,        follow_up_run_early,
    mail_list_early,          mail_queue_status_early,
    scraping_request_early,   jobs_status_early,
};

START_TEST(before_a_migration)
{
	ck_assert_int_eq(too_early[_i](), PSM_ERR_DB);
	ck_assert_int_eq(psm_error_retriable(err), 0);
	ck_assert_ptr_null(out);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("migrate");
	TCase *tc = tcase_create("migrate");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, applies_once_and_goes_on);
	tcase_add_test(tc, says_whether_it_is_applied);
	tcase_add_test(tc, refuses_a_changed_file);
	tcase_add_test(tc, fault_names_file_and_line);
	tcase_add_test(tc, services_start_together);
	tcase_add_test(tc, own_sets);
	tcase_add_test(tc, nothing_to_do_needs_no_rights);
	tcase_add_loop_test(tc, public_is_not_ours, 0,
	                    PSM__COUNT(role_settings));
	tcase_add_test(tc, schemas_are_there);
	tcase_add_loop_test(tc, neighbours_are_out_of_reach, 0,
	                    PSM__COUNT(services));
	tcase_add_test(tc, types_are_made_in_public);
	tcase_add_test(tc, types_of_the_platform_are_used);
	tcase_add_test(tc, timeouts_of_the_role_do_not_matter);
	tcase_add_loop_test(tc, sequences_follow_their_tables, 0,
	                    PSM__COUNT(behinds));
	tcase_add_test(tc, sequences_of_another_owner);
	tcase_add_test(tc, sequences_that_cannot_be_looked_at);
	tcase_add_loop_test(tc, before_a_migration, 0, PSM__COUNT(too_early));
	tcase_add_loop_test(tc, checksums_of_before, 0, PSM__COUNT(checksums));
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
