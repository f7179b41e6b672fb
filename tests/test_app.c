/* SPDX-License-Identifier: BSD-2-Clause */
/* A therapist changed by hand, on a real database. */
#include "app/app.h"
#include "testing_app.h"

#include <pthread.h>

/* The therapist of each test. */
static int64_t id;

static void
setup(void)
{
	app_setup();
	id = pg_int("INSERT INTO therapist_service.therapeuten "
	            "(anrede, geschlecht, vorname, nachname, plz, telefon) "
	            "VALUES ('Frau', 'weiblich', 'Berta', 'Musterbaum', "
	            "'10115', '030 23125 1') RETURNING id");
}

static int
patch(const char *json)
{
	return psm_therapist_patch(st, id, PSM_VERSION_ANY, json, strlen(json),
	                           NULL, err);
}

static int
has(const char *where)
{
	return (int)pg_int("SELECT count(*) FROM therapist_service.therapeuten "
	                   "WHERE %s",
	                   where);
}

START_TEST(fault_68_block)
{
	psm_set_clock(app_noon, NULL);
	ck_assert_int_eq(psm_therapist_block(st, id, "zieht um", err), 1);
	ck_assert_int_eq(outbox("therapist.blocked"), 1);
	check_event("reason", "zieht um");
	check_event("therapist_data,status", "gesperrt");
	check_event("therapist_data,nachname", "Musterbaum");
	check_event("entity_version", "1");
	ck_assert_int_eq(
	    has("status = 'gesperrt' AND sperrgrund = 'zieht um' AND "
	        "sperrdatum = '2026-03-02' AND "
	        "updated_at = sperrdatum"),
	    1);
	/* Again: nothing. Another reason: told, but no second block. */
	ck_assert_int_eq(psm_therapist_block(st, id, "zieht um", err), 0);
	ck_assert_int_eq(psm_therapist_block(st, id, NULL, err), 1);
	check_event("therapist_data,sperrgrund", "null");
	check_event("entity_version", "2");
	ck_assert_int_eq(outbox("therapist.blocked"), 1);
	ck_assert_int_eq(outbox("therapist.updated"), 1);
}
END_TEST

START_TEST(block_without_reason)
{
	ck_assert_int_eq(psm_therapist_block(st, id, NULL, err), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox WHERE "
	                        "payload::jsonb ? 'reason' AND payload::jsonb "
	                        "-> 'reason' = 'null'"),
	                 1);
}
END_TEST

START_TEST(block_refused)
{
	ck_assert_int_eq(psm_therapist_block(st, id, "\xff", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_block(NULL, id, "x", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

START_TEST(unblock)
{
	ck_assert_int_eq(psm_therapist_unblock(st, id, err), 0);
	ck_assert_int_eq(psm_therapist_block(st, id, "x", err), 1);
	ck_assert_int_eq(psm_therapist_unblock(st, id, err), 1);
	ck_assert_int_eq(outbox("therapist.unblocked"), 1);
	check_event("therapist_data,sperrdatum", "null");
	ck_assert_int_eq(has("status = 'aktiv' AND sperrgrund IS NULL AND "
	                     "sperrdatum IS NULL"),
	                 1);
	ck_assert_int_eq(psm_therapist_unblock(st, id, err), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 2);
}
END_TEST

/* Blocked, inactive, active: the last step is the unblocking. */
START_TEST(detour)
{
	ck_assert_int_eq(psm_therapist_block(st, id, "x", err), 1);
	ck_assert_int_eq(patch("{\"status\": \"inaktiv\"}"), 1);
	ck_assert_int_eq(outbox("therapist.updated"), 1);
	ck_assert_int_eq(outbox("therapist.unblocked"), 0);
	ck_assert_int_eq(has("sperrdatum IS NOT NULL"), 1);
	ck_assert_int_eq(patch("{\"status\": \"aktiv\"}"), 1);
	ck_assert_int_eq(outbox("therapist.unblocked"), 1);
	/* Inactive without a block is no detour. */
	ck_assert_int_eq(patch("{\"status\": \"inaktiv\"}"), 1);
	ck_assert_int_eq(psm_therapist_unblock(st, id, err),
	                 PSM_ERR_TRANSITION);
	ck_assert_int_eq(patch("{\"status\": \"aktiv\"}"), 1);
	ck_assert_int_eq(outbox("therapist.unblocked"), 1);
	ck_assert_int_eq(outbox("therapist.updated"), 3);
}
END_TEST

START_TEST(update)
{
	ck_assert_int_eq(patch("{\"telefon\": null, \"alter_min\": 18, "
	                       "\"fremdsprachen\": [\"Deutsch\"], "
	                       "\"kassensitz\": false, "
	                       "\"naechster_kontakt_moeglich\": "
	                       "\"2026-05-01\"}"),
	                 1);
	ck_assert_int_eq(has("telefon IS NULL AND alter_min = 18 AND "
	                     "fremdsprachen = '[\"Deutsch\"]' AND NOT "
	                     "kassensitz AND naechster_kontakt_moeglich = "
	                     "'2026-05-01'"),
	                 1);
	ck_assert_int_eq(outbox("therapist.updated"), 1);
	check_event("therapist_data,alter_min", "18");
	check_event("therapist_data,kassensitz", "false");
	check_event("therapist_data,fremdsprachen,0", "Deutsch");
	ck_assert_int_eq(patch("{\"alter_min\": 18}"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 1);
}
END_TEST

START_TEST(update_refused)
{
	ck_assert_int_eq(patch("{\"telefon\": \"1\",\n \"titel\": \"a title "
	                       "that is too long\"}"),
	                 PSM_ERR_SCHEMA);
	ck_assert_str_eq(psm_error_pointer(err), "/titel");
	ck_assert_uint_eq(psm_error_line(err), 2);
	ck_assert_ptr_null(strstr(psm_error_message(err), "too long"));
	ck_assert_int_eq(patch("{\"id\": 2}"), PSM_ERR_SCHEMA);
	ck_assert_int_eq(patch("{\"telefon\""), PSM_ERR_PARSE);
	ck_assert_int_eq(has("telefon = '030 23125 1' AND updated_at IS NULL"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

START_TEST(nobody)
{
	ck_assert_int_eq(psm_therapist_block(st, id + 1, "x", err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_therapist_unblock(st, INT64_MAX, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_therapist_patch(st, id + 1, PSM_VERSION_ANY, "{}",
	                                     2, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_str_eq(psm_error_message(err), "Therapist 2 not found");
	ck_assert_int_eq(psm_therapist_block(st, 0, "x", err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_therapist_unblock(NULL, id, err), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_therapist_patch(st, id, PSM_VERSION_ANY, NULL, 0, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_therapist_patch(st, id, -2, "{}", 2, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 0);
}
END_TEST

#define THREADS 4
#define ROUNDS 20

/* Each writer has a column of its own: an event made from an old look at the
 * row would lack what the others wrote. */
static const char *const columns[THREADS] = {"titel", "webseite", "fax", "ort"};

static void *
writer(void *arg)
{
	psm_error *own = psm_error_new();
	char json[64];
	int *mine = arg, done = 0;

	for (int i = 0; i < ROUNDS; i++) {
		(void)snprintf(json, sizeof(json), "{\"%s\": \"%d\"}",
		               columns[*mine], i);
		if (psm_therapist_patch(st, id, PSM_VERSION_ANY, json,
		                        strlen(json), NULL, own) == 1)
			done++;
	}
	psm_error_free(own);
	*mine = done;
	return NULL;
}

/* The order of the outbox is the order of the changes: versions rise with ids,
 * and the newest event says what the row says. */
START_TEST(many_writers)
{
	pthread_t thread[THREADS];
	int number[THREADS];

	for (int i = 0; i < THREADS; i++) {
		number[i] = i;
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, writer, &number[i]), 0);
	}
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		ck_assert_int_eq(number[i], ROUNDS);
	}
	ck_assert_int_eq(outbox("therapist.updated"), THREADS * ROUNDS);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT (payload::jsonb ->> "
	           "'entity_version')::bigint AS v, row_number() OVER "
	           "(ORDER BY id) AS n FROM psymatch.outbox) x WHERE v = n"),
	    THREADS * ROUNDS);
	/* Each event is the one before it and one column more. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT d, lag(d) OVER (ORDER BY id) "
	           "AS p FROM (SELECT id, (payload::jsonb -> "
	           "'therapist_data') - 'updated_at' AS d FROM "
	           "psymatch.outbox) x) y WHERE p IS NOT NULL AND (SELECT "
	           "count(*) FROM jsonb_each(d) e WHERE e.value <> p -> e.key) "
	           "<> 1"),
	    0);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM (SELECT payload FROM psymatch.outbox "
	           "ORDER BY id DESC LIMIT 1) o JOIN "
	           "therapist_service.therapeuten t ON o.payload::jsonb -> "
	           "'therapist_data' = to_jsonb(t)"),
	    1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("app");
	TCase *t = tcase_create("therapist");

	tcase_add_checked_fixture(t, setup, app_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, fault_68_block);
	tcase_add_test(t, block_without_reason);
	tcase_add_test(t, block_refused);
	tcase_add_test(t, unblock);
	tcase_add_test(t, detour);
	tcase_add_test(t, update);
	tcase_add_test(t, update_refused);
	tcase_add_test(t, nobody);
	tcase_add_test(t, many_writers);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
