/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Patients, therapists, matching and communication together, under commands
 * that nobody has planned: records made, changed, blocked, deleted; inquiries
 * as in test_matching_random; mails and calls that arrive, fail, or are lost
 * sight of; follow-ups. What they tell reaches the others later, in the order
 * of each key and in any order between keys, some of it again, and statements
 * fail at any point. After each step the rows agree with what was told; once
 * all is handled, copies equal their sources, and the same events into empty
 * tables give the same copies.
 *
 * PSYMATCH_TEST_SEED=N sets the seed (1; "random" takes another one each time,
 * and prints it), PSYMATCH_TEST_STEPS=N the length; CK_FORK=no for one of more
 * than half an hour.
 */
#include <psymatch/call.h>
#include <psymatch/communication.h>
#include <psymatch/mail.h>
#include <psymatch/patient.h>
#include <psymatch/therapist.h>

#include "app/app.h"
#include "testing_random.h"

#define STEPS 150
#define SETTLE 50 /* so often all is handled */

static int successes[20], crashes;
static int64_t handled;
static int64_t forgotten; /* events up to it may be about what is gone */

/* No two events have the same time. */
static int64_t
ticking(void *user)
{
	(void)user;
	return ++now_us;
}

/* -- a statement that fails */

static void
arm(int n)
{
	pg_run("SELECT setval('crash_at', %d)", n > 0 ? -n : 1);
}

/* -- records */

static int
make_patient(void)
{
	char json[900];

	(void)snprintf(
	    json, sizeof(json),
	    "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", \"vorname\": "
	    "\"Anna\", \"nachname\": \"Beispiel\", \"plz\": \"10117\", "
	    "\"krankenkasse\": \"AOK\", \"geburtsdatum\": \"1990-03-03\", "
	    "\"symptome\": [\"Schlafstörungen\"], "
	    "\"erfahrung_mit_psychotherapie\": false, "
	    "\"offen_fuer_gruppentherapie\": true, \"zeitliche_verfuegbarkeit\""
	    ": {\"montag\": [\"08:00-10:00\"]}, \"vertraege_unterschrieben\": "
	    "true, \"zahlung_eingegangen\": %s, "
	    "\"ausgeschlossene_therapeuten\": %s}",
	    chance(80) ? "true" : "false",
	    chance(30) ? "[1, {\"id\": 2}]" : "[]");
	return psm_patient_create(st, json, strlen(json), NULL, err);
}

static int
make_therapist(void)
{
	char json[500];

	(void)snprintf(json, sizeof(json),
	               "{\"anrede\": \"Frau\", \"geschlecht\": \"weiblich\", "
	               "\"titel\": \"Dr.\", \"vorname\": \"Berta\", "
	               "\"nachname\": \"Musterbaum\", \"plz\": \"10115\", "
	               "\"email\": %s, \"telefon\": \"030 1\", \"status\": "
	               "\"aktiv\", \"telefonische_erreichbarkeit\": "
	               "{\"montag\": [\"09:00-12:00\"]}}",
	               chance(75) ? "\"praxis@example.org\"" : "null");
	return psm_therapist_create(st, json, strlen(json), NULL, err);
}

#define PATIENT_TABLE "patient_service.patienten"
#define THERAPIST_TABLE "therapist_service.therapeuten"

static int
do_patient(void)
{
	static const char *const wishes[] = {
	    "{\"plz\": \"20095\"}",
	    "{\"plz\": \"10117\"}",
	    "{\"bevorzugtes_therapeutengeschlecht\": \"Männlich\"}",
	    "{\"bevorzugtes_therapeutengeschlecht\": \"Egal\"}",
	    "{\"zahlung_eingegangen\": true}",
	    "{\"status\": \"auf_der_Suche\"}",
	    "{\"status\": \"Suche_abgebrochen\"}",
	    "{\"ausgeschlossene_therapeuten\": [3]}",
	    "{\"krankenkasse\": \"TK\", \"telefon\": \"030 2\"}",
	    "{\"symptome\": [\"Mobbing\"], \"geburtsdatum\": \"1980-01-01\"}"};
	const char *wish = wishes[below(PSM__COUNT(wishes))];

	if (some("SELECT count(*) FROM " PATIENT_TABLE) < PATIENTS)
		return make_patient();
	if (chance(4))
		return psm_patient_delete(st, pick(PATIENT_TABLE),
		                          PSM_VERSION_ANY, err);
	return psm_patient_patch(st, pick(PATIENT_TABLE), PSM_VERSION_ANY, wish,
	                         strlen(wish), NULL, err);
}

static int
do_therapist(void)
{
	static const char *const wishes[] = {
	    "{\"status\": \"inaktiv\"}",
	    "{\"status\": \"aktiv\"}",
	    "{\"status\": \"aktiv\"}",
	    "{\"alter_min\": 18}",
	    "{\"alter_min\": 40}",
	    "{\"bevorzugtes_geschlecht\": \"Egal\"}",
	    "{\"potenziell_verfuegbar\": true, \"telefon\": \"030 3\"}"};
	const char *wish = wishes[below(PSM__COUNT(wishes))];

	if (some("SELECT count(*) FROM " THERAPIST_TABLE) < THERAPISTS)
		return make_therapist();
	if (chance(2))
		return psm_therapist_delete(st, pick(THERAPIST_TABLE),
		                            PSM_VERSION_ANY, 0, err);
	if (chance(15))
		return psm_therapist_block(st, pick(THERAPIST_TABLE), "x", err);
	if (chance(30))
		return psm_therapist_unblock(
		    st, pick(THERAPIST_TABLE " WHERE sperrdatum IS NOT NULL"),
		    err);
	return psm_therapist_patch(st, pick(THERAPIST_TABLE), PSM_VERSION_ANY,
	                           wish, strlen(wish), NULL, err);
}

/* Whom do_create() asks: numbers grow as therapists are deleted. */
static int
do_inquiry(void)
{
	return create_with(pick(THERAPIST_TABLE), "10",
	                   chance(50) ? "{\"override_cooling\": \"x\"}" : NULL);
}

/* -- mails and calls */

static int
deliver_mail(const char *mail, void *user, psm_error *e)
{
	(void)mail;
	(void)user;
	switch (below(8)) {
	case 0:
		psm_error_set(e, PSM_ERR_REJECT, "550 no such user");
		return PSM_ERR_REJECT;
	case 1:
		psm_error_set(e, PSM_ERR_UNAVAILABLE, "away");
		return PSM_ERR_UNAVAILABLE;
	case 2:
		psm_error_set(e, PSM_ERR_UNCONFIRMED, "no answer");
		return PSM_ERR_UNCONFIRMED;
	default:
		return 0;
	}
}

#define CALLS "communication_service.telefonanrufe WHERE status = 'geplant'"

static int
do_outreach(void)
{
	const char *wish = chance(50) ? "{\"status\": \"abgeschlossen\"}"
	                              : "{\"status\": \"fehlgeschlagen\"}";

	switch (below(4)) {
	case 0:
		return psm_follow_up_run(st, NULL, err);
	case 1:
		return psm_call_patch(st, pick(CALLS), PSM_VERSION_ANY, wish,
		                      strlen(wish), NULL, err);
	default:
		return psm_mail_queue_run(st, deliver_mail, NULL, err);
	}
}

static int
do_answer_first(void)
{
	return do_answer(0);
}

static int
do_correction(void)
{
	return do_answer(1);
}

static const struct {
	int (*run)(void);
	int steps; /* transactions of its own: a failure undoes the last one */
} commands[] = {
    {do_inquiry, 0},    {do_inquiry, 0},      {do_send, 0},
    {do_send, 0},       {do_answer_first, 0}, {do_answer_first, 0},
    {do_correction, 0}, {do_search, 0},       {do_patient, 0},
    {do_patient, 0},    {do_therapist, 0},    {do_outreach, 1},
    {do_outreach, 1},   {do_delete, 0},
};

/* -- events */

static const struct {
	const char *name;
	const char *(*type_at)(size_t i);
	psm_tx_event_fn handle;
} consumers[] = {
    {"matching", psm_matching_type_at, psm_matching_handle},
    {"patient", psm_patient_type_at, psm_patient_handle},
    {"therapist", psm_therapist_type_at, psm_therapist_handle},
    {"communication", psm_communication_type_at, psm_communication_handle},
};

static void
subscribe(void)
{
	for (size_t c = 0; c < PSM__COUNT(consumers); c++)
		for (size_t i = 0; consumers[c].type_at(i) != NULL; i++)
			pg_run("INSERT INTO shadow.wants VALUES ('%s', '%s')",
			       consumers[c].name, consumers[c].type_at(i));
}

/* In one transaction with that it is done, as an inbox has it. */
static int
handle(int64_t n, const char *consumer, int again)
{
	char *text = pg_text("SELECT event FROM shadow.topic WHERE n = %lld",
	                     (long long)n);
	char sql[120];
	size_t c = 0;
	psm_event *ev;
	psm_tx *tx;
	int rc;

	while (strcmp(consumers[c].name, consumer) != 0)
		c++;
	OK(psm_event_parse(text, strlen(text), &ev, err));
	(void)snprintf(sql, sizeof(sql),
	               "DELETE FROM shadow.todo WHERE n = %lld AND consumer = "
	               "'%s'",
	               (long long)n, consumer);
	OK(psm_tx_begin(st, &tx, err));
	rc = consumers[c].handle(tx, ev, NULL, err);
	ck_assert_msg(rc == 0 || rc == PSM_ERR_RETRY || rc == PSM_ERR_DB,
	              "%s, %s: %d %s", consumer, text, rc,
	              psm_error_message(err));
	if (rc == 0 && !again)
		rc = psm_tx_exec(tx, sql, 0, NULL, NULL, err);
	if (rc == 0)
		rc = psm_tx_commit(tx, err);
	else
		psm_tx_rollback(tx);
	psm_event_free(ev);
	free(text);
	return rc;
}

static void
check(const char *what, int step)
{
	char text[2000], sql[80];

	(void)snprintf(sql, sizeof(sql),
	               "SELECT shadow.drain(%lld) FROM shadow.publish()",
	               (long long)now_us);
	ask(sql, text, sizeof(text));
	ck_assert_msg(text[0] == '\0', "step %d, %s: told:%s", step, what,
	              text);
	ask("SELECT shadow.broken()", text, sizeof(text));
	ck_assert_msg(text[0] == '\0', "step %d, %s: %s", step, what, text);
}

/* One that is next for its consumer; 0: there is none. */
static int
deliver(int step)
{
	psm_rows *rows = NULL;
	char sql[80], consumer[20], before[40] = "", after[40];
	int crash = chance(10), found, rc = 0;
	int64_t n;

	(void)snprintf(sql, sizeof(sql), "SELECT * FROM shadow.next('%u')",
	               below(1000000));
	OK(psm_store_exec(st, sql, 0, NULL, &rows, err));
	found = psm_rows_text(rows, 0, 0) != NULL;
	n = psm_rows_int(rows, 0, 0);
	if (found)
		(void)snprintf(consumer, sizeof(consumer), "%s",
		               psm_rows_text(rows, 0, 1));
	psm_rows_free(rows);
	if (!found)
		return 0;
	if (crash) {
		ask("SELECT shadow.digest()", before, sizeof(before));
		arm(1 + (int)below(12));
	}
	rc = handle(n, consumer, 0);
	if (crash)
		arm(0);
	if (rc < 0 && crash) {
		ask("SELECT shadow.digest()", after, sizeof(after));
		ck_assert_str_eq(before, after);
		crashes++;
	}
	ck_assert_msg(rc == 0 || crash, "%s", psm_error_message(err));
	handled += rc == 0;
	check(consumer, step);
	return 1;
}

/* One that was handled comes again. */
static void
again(int step)
{
	size_t c = below(PSM__COUNT(consumers));
	char sql[600];
	int64_t n;

	(void)snprintf(
	    sql, sizeof(sql),
	    "SELECT t.n FROM (SELECT * FROM shadow.topic ORDER BY n "
	    "DESC LIMIT 60) t JOIN shadow.wants w USING (type) WHERE "
	    "t.n > %lld AND w.consumer = '%s' AND NOT EXISTS (SELECT FROM "
	    "shadow.todo d WHERE d.topic = t.topic AND d.key = t.key "
	    "AND d.consumer = w.consumer AND d.n <= t.n) ORDER BY "
	    "md5(t.n || '%u') LIMIT 1",
	    (long long)forgotten, consumers[c].name, below(1000000));
	n = some(sql);
	if (n == 0)
		return;
	OK(handle(n, consumers[c].name, 1));
	check(consumers[c].name, step);
}

/* -- when all is handled */

static void
same_copy(const struct psm_entity *e, const char *table)
{
	const signed char *column = psm__copy_columns(e);

	for (; *column >= 0; column++) {
		const char *name = e->fields[*column].name;
		int64_t id = pg_int("SELECT coalesce(min(p.id), 0) FROM %s p "
		                    "JOIN %s k ON k.id = p.id WHERE p.%s::text "
		                    "IS DISTINCT FROM k.%s::text",
		                    table, e->copy, name, name);

		ck_assert_msg(id == 0, "%s of the copy of %s %lld", name,
		              e->name, (long long)id);
	}
}

static void
settle(int step)
{
	char text[2000];

	while (deliver(step))
		continue;
	ask("SELECT shadow.apart()", text, sizeof(text));
	ck_assert_msg(text[0] == '\0', "step %d, all is handled: %s", step,
	              text);
	same_copy(&psm__entity_patient, PATIENT_TABLE);
	same_copy(&psm__entity_therapist, THERAPIST_TABLE);
	ask("SELECT shadow.forget()", text, sizeof(text));
	forgotten = some("SELECT max(n) FROM shadow.topic");
}

/* But for which of the events of one change was the last one to write it. */
#define COPIES                                                                 \
	"SELECT md5(string_agg((x - 'event_time' - 'event_id' - "              \
	"'gekuehlt_am')::text, '|' ORDER BY x ->> 'id', x ? 'titel')) FROM "   \
	"(SELECT to_jsonb(k) AS x FROM matching_service.patienten_kopie k "    \
	"UNION ALL SELECT to_jsonb(k) FROM "                                   \
	"matching_service.therapeuten_kopie k) y"

/* All that was ever told to the matching service, into empty tables. */
static void
replay(void)
{
	char *before = pg_text(COPIES), *after;
	int64_t last = pg_int("SELECT max(n) FROM shadow.topic"), n = 0;

	pg_run("SET client_min_messages = warning");
	pg_run("TRUNCATE " MATCH ", " INQUIRY ", " SEARCH
	       ", matching_service.patienten_kopie, "
	       "matching_service.therapeuten_kopie CASCADE");
	while (n < last) {
		n = pg_int("SELECT coalesce(min(n), %lld) FROM shadow.topic "
		           "JOIN shadow.wants USING (type) WHERE consumer = "
		           "'matching' AND n > %lld",
		           (long long)last + 1, (long long)n);
		if (n <= last)
			OK(handle(n, "matching", 1));
	}
	after = pg_text(COPIES);
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
}

/* -- steps */

static void
command(int step)
{
	unsigned which = below(PSM__COUNT(commands));
	char before[40] = "", after[40], name[20];
	int crash = chance(15), rc;

	if (crash) {
		ask("SELECT shadow.digest()", before, sizeof(before));
		arm(1 + (int)below(30));
	}
	rc = commands[which].run();
	if (crash)
		arm(0);
	if (rc < 0 && crash && !commands[which].steps) {
		ask("SELECT shadow.digest()", after, sizeof(after));
		ck_assert_msg(strcmp(before, after) == 0,
		              "step %d, command %u: a failure (%s) left traces",
		              step, which, psm_error_message(err));
	}
	crashes += rc == PSM_ERR_RETRY || rc == PSM_ERR_DB;
	ck_assert_msg(rc >= 0 || rc == PSM_ERR_NOT_FOUND ||
	                  rc == PSM_ERR_CONFLICT || rc == PSM_ERR_TRANSITION ||
	                  rc == PSM_ERR_SCHEMA || rc == PSM_ERR_REJECT ||
	                  (crash && (rc == PSM_ERR_RETRY || rc == PSM_ERR_DB)),
	              "step %d, command %u: %d %s", step, which, rc,
	              psm_error_message(err));
	successes[which] += rc >= 0;
	(void)snprintf(name, sizeof(name), "command %u (%d)", which, rc);
	check(name, step);
}

static void
step(int n)
{
	int many = (int)below(14);

	if (chance(10))
		now_us += (int64_t)below(20) * DAY_US;
	now_us += 60 * 1000000;
	command(n);
	for (int i = 0; i < many && deliver(n); i++)
		continue;
	if (chance(20))
		again(n);
	if (n % SETTLE == SETTLE - 1)
		settle(n);
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
	    PATIENT_TABLE,
	    THERAPIST_TABLE,
	    "communication_service.emails",
	    "communication_service.telefonanrufe",
	    "psymatch.outbox",
	    "psymatch.entity_version"};

	inquiry_setup();
	psm_set_clock(ticking, NULL);
	OK(psm_store_migrate(st, "patient", err));
	pg_hasty();
	run_file("matching/shadow.sql");
	run_file("matching/topics.sql");
	subscribe();
	arm(0);
	for (size_t i = 0; i < PSM__COUNT(tables); i++)
		pg_run("CREATE TRIGGER crash BEFORE INSERT OR UPDATE OR DELETE "
		       "ON %s FOR EACH ROW EXECUTE FUNCTION crash()",
		       tables[i]);
}

START_TEST(random_services)
{
	int steps = wanted_steps(STEPS);

	seed();
	for (int i = 0; i < THERAPISTS; i++)
		OK(make_therapist());
	for (int i = 0; i < PATIENTS; i++)
		OK(make_patient());
	check("the first ones", -1);
	settle(-1);
	for (int i = 0; i < steps; i++)
		step(i);
	settle(steps);
	replay();
	printf("%d steps, %lld events, %d failures;", steps, (long long)handled,
	       crashes);
	for (size_t i = 0; i < PSM__COUNT(commands); i++)
		printf(" %d", successes[i]);
	printf("\n");
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("services_random");
	TCase *t = tcase_create("random");

	tcase_set_timeout(t, 14400);
	tcase_add_checked_fixture(t, setup, inquiry_teardown);
	tcase_add_test(t, random_services);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	static const char *const sets[] = {"patient", "therapist", "matching",
	                                   "communication", NULL};

	(void)argc;
	pg_main(argv);
	pg_template(sets);
	return testing_run(srunner_create(suite()));
}
