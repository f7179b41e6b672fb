/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processes, each with a store of its own, that do the same at one moment: it is
 * done once, and the others are told so. They are forked before anything is
 * connected, and begin together when all of them are ready.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <psymatch/jobs.h>
#include <psymatch/patient_import.h>

#include "testing_inquiry.h"

#define MAILS "communication_service.emails"
#define RACERS 4

/* What they share. */
static struct {
	_Atomic int done, refused, mails, jobs;
} * shared;
static char folder[4000];

typedef int act_fn(psm_store *store, psm_error *e);

static void
race_setup(void)
{
	inquiry_setup();
	OK(psm_store_migrate(st, "patient", err));
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert(shared != MAP_FAILED);
	testing_tmpdir(folder, sizeof(folder));
}

static void
race_teardown(void)
{
	testing_remove(folder);
	(void)munmap(shared, sizeof(*shared));
	inquiry_teardown();
}

/* Never returns: the test goes on in its own process only. */
static void
racer(act_fn *act, int ready, int start)
{
	psm_config *cfg = pg_settings();
	psm_error *e = psm_error_new();
	psm_store *own = NULL;
	char byte = 0;
	int rc = psm_store_open(cfg, &own, e);

	if (rc == 0)
		rc = psm_store_exec(own, "SELECT 1", 0, NULL, NULL, e);
	if (rc < 0 || write(ready, &byte, 1) != 1 ||
	    read(start, &byte, 1) != 0) /* until the parent closes it */
		_exit(2);
	do {
		rc = act(own, e);
	} while (rc == PSM_ERR_RETRY);
	if (rc > 0)
		shared->done++;
	else if (rc == 0 || rc == PSM_ERR_CONFLICT || rc == PSM_ERR_TRANSITION)
		shared->refused++;
	else
		(void)fprintf(stderr, "racer: %s\n", psm_error_message(e));
	_exit(0);
}

static void
let_go(const pid_t *pids, int ready, int start)
{
	int status;
	char byte;

	for (int i = 0; i < RACERS; i++)
		ck_assert_int_eq(read(ready, &byte, 1), 1);
	(void)close(start);
	for (int i = 0; i < RACERS; i++) {
		ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
		ck_assert(WIFEXITED(status));
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	}
}

static void
race(act_fn *act)
{
	int ready[2], start[2];
	pid_t pids[RACERS];

	psm_store_free(st); /* nothing is connected, no thread runs */
	st = NULL;
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(start), 0);
	for (int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		ck_assert_int_ge(pids[i], 0);
		if (pids[i] == 0) {
			(void)close(start[1]);
			(void)close(ready[0]);
			racer(act, ready[1], start[0]);
		}
	}
	(void)close(ready[1]);
	let_go(pids, ready[0], start[1]);
	(void)close(ready[0]);
	(void)close(start[0]);
	st = pg_store();
}

static void
check_one_did(void)
{
	ck_assert_int_eq(shared->done, 1);
	ck_assert_int_eq(shared->refused, RACERS - 1);
}

/* -- inquiries and searches */

static void
people(void)
{
	add_therapist(7, "10115", "'b@example.org'");
	add_patient(1, "10117", 0);
	add_patient(2, "10117", 1);
}

static int
compose(psm_store *store, psm_error *e)
{
	char *text = NULL;
	int rc = psm_inquiry_create(store, 7, "10", NULL, 0, &text, e);

	psm_free(text);
	return rc;
}

START_TEST(one_inquiry_for_a_therapist)
{
	people();
	race(compose);
	check_one_did();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.therapeutenanfrage"),
	    1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeut_anfrage_patient"),
	                 2);
	ck_assert_int_eq(outbox("therapeutenanfrage.created"), 1);
	ck_assert_int_eq(outbox("match.created"), 2);
}
END_TEST

static int
send_one(psm_store *store, psm_error *e)
{
	char *text = NULL;
	int rc = psm_inquiry_send(store, 1, NULL, 0, render, NULL, &text, e);

	psm_free(text);
	return rc;
}

START_TEST(one_sending_of_an_inquiry)
{
	people();
	ck_assert_int_eq(create(7), 1);
	race(send_one);
	check_one_did();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " MAILS), 1);
	ck_assert_int_eq(outbox("therapeutenanfrage.sent"), 1);
}
END_TEST

static int
answer_one(psm_store *store, psm_error *e)
{
	static const char *const json[] = {
	    "{\"patient_responses\": {\"1\": \"angenommen\", \"2\": "
	    "\"abgelehnt_Kapazitaet\"}}",
	    "{\"patient_responses\": {\"1\": \"abgelehnt_Kapazitaet\", \"2\": "
	    "\"angenommen\"}}"};
	const char *mine = json[getpid() % 2];
	char *text = NULL;
	int rc = psm_inquiry_answer(store, 1, mine, strlen(mine), &text, e);

	psm_free(text);
	return rc == 0 ? 1 : rc;
}

START_TEST(one_answer_to_an_inquiry)
{
	people();
	ck_assert_int_eq(create(7), 1);
	ck_assert_int_eq(send_it(1), 1);
	race(answer_one);
	check_one_did();
	ck_assert_int_eq(outbox("therapeutenanfrage.response_received"), 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.therapeut_anfrage_patient "
	                        "WHERE antwortergebnis = 'angenommen'"),
	                 1);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM "
	                        "matching_service.platzsuche WHERE status = "
	                        "'erfolgreich'"),
	                 1);
}
END_TEST

static int
open_search(psm_store *store, psm_error *e)
{
	static const char json[] = "{\"patient_id\": 1}";
	char *text = NULL;
	int rc = psm_search_create(store, json, sizeof(json) - 1, &text, e);

	psm_free(text);
	return rc == 0 ? 1 : rc;
}

START_TEST(one_active_search_of_a_patient)
{
	people();
	pg_run("DELETE FROM matching_service.platzsuche");
	race(open_search);
	check_one_did();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM matching_service.platzsuche"), 1);
	ck_assert_int_eq(outbox("search.status_changed"), 1);
}
END_TEST

/* -- mails and jobs */

static int
count_mail(const char *mail, void *user, psm_error *e)
{
	(void)mail;
	(void)user;
	(void)e;
	shared->mails++;
	return 0;
}

static int
work_once(psm_store *store, psm_error *e)
{
	return psm_mail_queue_run(store, count_mail, NULL, e);
}

START_TEST(one_worker_sends_a_mail)
{
	static const char json[] =
	    "{\"betreff\": \"Anfrage\", \"empfaenger_email\": "
	    "\"p@example.org\", \"empfaenger_name\": \"P\", \"inhalt_text\": "
	    "\"x\", \"therapist_id\": 7, \"status\": \"In_Warteschlange\"}";

	OK(psm_mail_create(st, json, sizeof(json) - 1, NULL, NULL, NULL, err));
	now_us += 1000000;
	race(work_once);
	ck_assert_int_eq(shared->mails, 1);
	check_one_did();
	ck_assert_int_eq(outbox("email.sent"), 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM " MAILS " WHERE status = 'Gesendet'"),
	    1);
}
END_TEST

static int
count_job(psm_tx *tx, const char *key, const char *payload, void *user,
          psm_error *e)
{
	(void)tx;
	(void)key;
	(void)payload;
	(void)user;
	(void)e;
	shared->jobs++;
	return 0;
}

/* A day later, for each of them: the job is due. */
static int
schedule(psm_store *store, psm_error *e)
{
	psm_config *cfg = pg_settings();
	psm_jobs *jobs = NULL;
	int rc = psm_jobs_new(store, cfg, &jobs, e);

	now_us += DAY_US;
	if (rc == 0)
		rc = psm_jobs_daily(jobs, "test.daily", "09:00", PSM_JOBS_LATE,
		                    count_job, NULL, e);
	if (rc == 0)
		rc = psm_jobs_run_once(jobs, e);
	psm_jobs_free(jobs);
	psm_config_free(cfg);
	return rc;
}

START_TEST(one_scheduler_does_a_daily_job)
{
	psm_config *cfg = pg_settings();
	psm_jobs *jobs;

	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_jobs_daily(jobs, "test.daily", "09:00", PSM_JOBS_LATE, count_job,
	                  NULL, err));
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 0); /* from now on */
	psm_jobs_free(jobs);
	psm_config_free(cfg);
	race(schedule);
	ck_assert_int_eq(shared->jobs, 1);
	check_one_did();
}
END_TEST

/* -- imports */

static void
put_file(const char *day)
{
	char path[4200];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, day);
	ck_assert_int_eq(mkdir(path, 0777), 0);
	(void)snprintf(path, sizeof(path), "%s/%s/10115.json", folder, day);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	for (int i = 0; i < 20; i++)
		(void)fprintf(
		    f,
		    "%s{\"basic_info\": {\"salutation\": \"Frau\", "
		    "\"first_name\": \"Berta\", \"last_name\": \"M%d\"}, "
		    "\"location\": {\"street\": \"Musterweg\", "
		    "\"house_number\": \"%d\", \"postal_code\": \"10115\", "
		    "\"city\": \"Berlin\"}, \"contact\": {}, "
		    "\"therapy_methods\": [\"Erwachsene\"]}",
		    i == 0 ? "{\"therapists\": [" : ",\n", i, i);
	(void)fprintf(f, "]}");
	ck_assert_int_eq(fclose(f), 0);
}

static int
import_folder(psm_store *store, psm_error *e)
{
	int rc = psm_therapist_import_run(store, folder, NULL, e);

	return rc < 0 ? rc : rc > 0;
}

/* Whichever writes a record: it is written once. */
START_TEST(one_import_writes_a_record)
{
	put_file("20250601");
	race(import_folder);
	ck_assert_int_ge(shared->done, 1);
	ck_assert_int_eq(shared->done + shared->refused, RACERS);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM therapist_service.therapeuten"), 20);
	ck_assert_int_eq(outbox("therapist.created"), 20);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 20);
	/* A later run finds nothing to do. */
	ck_assert_int_eq(import_folder(st, err), 0);
}
END_TEST

static int
import_patient(psm_store *store, psm_error *e)
{
	static const char text[] =
	    "{\"patient_data\": {\"anrede\": \"Frau\", \"geschlecht\": "
	    "\"weiblich\", \"vorname\": \"Berta\", \"nachname\": "
	    "\"Musterbaum\"}, \"registration_token\": \"ABCDEFGHIJKL\"}";

	return psm_patient_import_document(store, "a.json", text,
	                                   sizeof(text) - 1, NULL, e);
}

START_TEST(one_import_makes_a_patient)
{
	race(import_patient);
	check_one_did();
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM patient_service.patienten"), 1);
	ck_assert_int_eq(outbox("patient.created"), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("races");
	TCase *t = tcase_create("processes");

	tcase_add_checked_fixture(t, race_setup, race_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, one_inquiry_for_a_therapist);
	tcase_add_test(t, one_sending_of_an_inquiry);
	tcase_add_test(t, one_answer_to_an_inquiry);
	tcase_add_test(t, one_active_search_of_a_patient);
	tcase_add_test(t, one_worker_sends_a_mail);
	tcase_add_test(t, one_scheduler_does_a_daily_job);
	tcase_add_test(t, one_import_writes_a_record);
	tcase_add_test(t, one_import_makes_a_patient);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return app_main(argv, suite);
}
