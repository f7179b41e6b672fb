/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of the matching part, under commands that nobody has planned:
 * inquiries composed, sent, answered, corrected, cancelled, deleted; searches
 * opened, paused, resumed, ended; patients and therapists who change, are
 * blocked, are deleted; events that come again; and statements that fail at any
 * point. After each step the rows agree with one another, and with what the
 * events told; a step that failed has changed nothing and told nothing.
 *
 * PSYMATCH_TEST_SEED=N sets the seed (1; "random" takes another one each time,
 * and prints it), PSYMATCH_TEST_STEPS=N the length (600; 100000 takes a quarter
 * of an hour on a machine of its own). A run of more than half an hour wants
 * CK_FORK=no: Check cannot pass its time on.
 */
#include "app/app.h"
#include "testing_random.h"

#define COMMANDS 13
#define KEPT 40 /* events that may come again */

static psm_event *events[KEPT];
static int steps_done, crashes, successes[COMMANDS];

/* -- a statement that fails: the n-th row that is written from now on */

static void
arm(int n)
{
	pg_run("SELECT setval('crash_at', %d)", n > 0 ? -n : 1);
}

static int
handle(const psm_event *ev)
{
	psm_tx *tx;
	int rc;

	OK(psm_tx_begin(st, &tx, err));
	rc = psm_matching_handle(tx, ev, NULL, err);
	if (rc < 0) {
		psm_tx_rollback(tx);
		return rc;
	}
	return psm_tx_commit(tx, err);
}

static psm_event *
event(const char *type, const char *payload)
{
	char id[37], time[32], text[2000];
	psm_event *ev;

	ck_assert_int_eq(psm_uuid_new(id, sizeof(id)), 0);
	ck_assert_int_ge(psm_time_format(now_us, time, sizeof(time)), 0);
	(void)snprintf(text, sizeof(text),
	               "{\"event_id\": \"%s\", \"event_type\": \"%s\", "
	               "\"version\": \"1.0\", \"timestamp\": \"%s\", "
	               "\"producer\": \"test\", \"payload\": %s}",
	               id, type, time, payload);
	OK(psm_event_parse(text, strlen(text), &ev, err));
	return ev;
}

/* Kept, to come again. */
static int
happen(const char *type, const char *payload)
{
	psm_event **place = &events[below(KEPT)];

	psm_event_free(*place);
	*place = event(type, payload);
	return handle(*place);
}

static int
do_person(void)
{
	char payload[400];
	unsigned id;

	switch (below(5)) {
	case 0:
		id = 1 + below(THERAPISTS);
		(void)snprintf(payload, sizeof(payload),
		               "{\"therapist_id\": %u, \"reason\": null, "
		               "\"therapist_data\": {\"id\": %u, \"status\": "
		               "\"gesperrt\"}}",
		               id, id);
		return happen("therapist.blocked", payload);
	case 1:
	case 2:
		id = 1 + below(THERAPISTS);
		(void)snprintf(payload, sizeof(payload),
		               "{\"therapist_id\": %u, \"therapist_data\": "
		               "{\"id\": %u, \"status\": \"aktiv\"}}",
		               id, id);
		return happen("therapist.unblocked", payload);
	case 3:
		id = 1 + below(PATIENTS);
		(void)snprintf(
		    payload, sizeof(payload),
		    "{\"patient_id\": %u, \"patient_data\": {\"id\": "
		    "%u, \"plz\": \"%s\", "
		    "\"bevorzugtes_therapeutengeschlecht\": \"%s\"}}",
		    id, id, chance(80) ? "10117" : "20095",
		    chance(80) ? "Egal" : "Männlich");
		return happen("patient.updated", payload);
	default:
		if (chance(90))
			return 0;
		(void)snprintf(payload, sizeof(payload), "{\"patient_id\": %u}",
		               1 + below(PATIENTS));
		return happen("patient.deleted", payload);
	}
}

static int
do_call(void)
{
	char payload[200];

	(void)snprintf(payload, sizeof(payload),
	               "{\"call_id\": 1, \"call_data\": {\"id\": 1}, "
	               "\"therapist_id\": %u}",
	               1 + below(THERAPISTS));
	return happen("phone_call.completed", payload);
}

static int
do_again(void)
{
	const psm_event *ev = events[below(KEPT)];

	return ev != NULL ? handle(ev) : 0;
}

static int
do_one(unsigned which)
{
	switch (which) {
	case 0:
	case 1:
		return do_create();
	case 2:
	case 3:
		return do_send();
	case 4:
	case 5:
		return do_answer(0);
	case 6:
		return do_answer(1);
	case 7:
	case 8:
		return do_search();
	case 9:
		return do_person();
	case 10:
		return do_call();
	case 11:
		return do_again();
	default:
		return do_delete();
	}
}

/* A patient who was deleted comes back, or nobody would be left. */
static void
refill(void)
{
	pg_run(
	    "UPDATE matching_service.patienten_kopie k SET geloescht = false, "
	    "geschlecht = 'weiblich', plz = '10117', krankenkasse = 'AOK', "
	    "geburtsdatum = '1990-03-03', symptome = '[\"Stress / "
	    "Überforderung\"]', erfahrung_mit_psychotherapie = false, "
	    "offen_fuer_gruppentherapie = true, zeitliche_verfuegbarkeit = "
	    "'{\"montag\": [\"08:00-10:00\"]}', status = 'auf_der_Suche', "
	    "event_time = '2026-01-01' WHERE geloescht");
}

static void
check(int step, unsigned which, int rc)
{
	char text[2000], sql[60];

	(void)snprintf(sql, sizeof(sql), "SELECT shadow.drain(%lld)",
	               (long long)now_us);
	ask(sql, text, sizeof(text));
	ck_assert_msg(text[0] == '\0', "step %d, command %u (%d): told:%s",
	              step, which, rc, text);
	ask("SELECT coalesce(shadow.broken(), shadow.doubled())", text,
	    sizeof(text));
	ck_assert_msg(text[0] == '\0', "step %d, command %u (%d): %s", step,
	              which, rc, text);
}

/* A step that fails leaves no trace. */
static void
step(int n)
{
	unsigned which = below(COMMANDS);
	int crash = chance(20), rc;
	char before[40] = "", after[40];
	uint64_t start;

	if (chance(10))
		now_us += (int64_t)below(20) * DAY_US;
	now_us += 60 * 1000000;
	start = state;
	if (crash) {
		ask("SELECT shadow.digest()", before, sizeof(before));
		arm(1 + (int)below(30));
	}
	rc = do_one(which);
	if (crash)
		arm(0);
	if (rc < 0 && crash) {
		ask("SELECT shadow.digest()", after, sizeof(after));
		ck_assert_msg(strcmp(before, after) == 0,
		              "step %d, command %u: a failure (%s) left traces",
		              n, which, psm_error_message(err));
		crashes += rc == PSM_ERR_RETRY || rc == PSM_ERR_DB;
	}
	/* What crashed is done again, by the same chances, and goes well. */
	if (rc == PSM_ERR_RETRY || rc == PSM_ERR_DB) {
		state = start;
		(void)below(30);
		rc = do_one(which);
	}
	ck_assert_msg(rc >= 0 || rc == PSM_ERR_NOT_FOUND ||
	                  rc == PSM_ERR_CONFLICT || rc == PSM_ERR_TRANSITION ||
	                  rc == PSM_ERR_SCHEMA || rc == PSM_ERR_REJECT,
	              "step %d, command %u: %d %s", n, which, rc,
	              psm_error_message(err));
	successes[which] += rc >= 0;
	check(n, which, rc);
	if (n % 50 == 0) {
		refill();
		ask("SELECT shadow.forget()", before, sizeof(before));
	}
}

static void
setup(void)
{
	static const char *const tables[] = {
	    SEARCH,
	    MATCH,
	    INQUIRY,
	    "matching_service.therapeuten_kopie",
	    "matching_service.patienten_kopie",
	    "therapist_service.therapeuten",
	    "communication_service.emails",
	    "communication_service.telefonanrufe",
	    "psymatch.outbox",
	    "psymatch.entity_version"};

	inquiry_setup();
	pg_hasty();
	for (int id = 1; id <= THERAPISTS; id++)
		add_therapist(id, "10115",
		              id < THERAPISTS ? "'praxis@example.org'"
		                              : "NULL"); /* by telephone */
	for (int id = 1; id <= PATIENTS; id++)
		add_patient(id, "10117", id);
	run_file("matching/shadow.sql");
	pg_run("UPDATE %s SET ausgeschlossene_therapeuten = '[2, {\"id\": 3}, "
	       "null, \"x\"]' WHERE id %% 3 = 0",
	       SEARCH);
	pg_run("INSERT INTO shadow.search SELECT id, status FROM " SEARCH);
	pg_run("SELECT setval('%s_id_seq', 1000)", SEARCH);
	arm(0);
	for (size_t i = 0; i < PSM__COUNT(tables); i++)
		pg_run("CREATE TRIGGER crash BEFORE INSERT OR UPDATE OR DELETE "
		       "ON %s FOR EACH ROW EXECUTE FUNCTION crash()",
		       tables[i]);
}

static void
teardown(void)
{
	for (int i = 0; i < KEPT; i++)
		psm_event_free(events[i]);
	inquiry_teardown();
}

/* An unlucky seed goes on until it has seen each command do its work. */
static int
all_succeeded(void)
{
	for (unsigned i = 0; i < COMMANDS; i++)
		if (successes[i] == 0)
			return 0;
	return crashes > 0;
}

START_TEST(invariant_1_2_random_commands)
{
	int steps = wanted_steps(600);

	seed();
	for (steps_done = 0; steps_done < steps ||
	                     (!all_succeeded() && steps_done < 20 * steps);
	     steps_done++)
		step(steps_done);
	printf("%d steps, %d crashes;", steps_done, crashes);
	for (unsigned i = 0; i < COMMANDS; i++)
		printf(" %d", successes[i]);
	printf("\n");
	ck_assert_msg(all_succeeded(), "a command was refused each time");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("matching_random");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, 7200);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, invariant_1_2_random_commands);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
