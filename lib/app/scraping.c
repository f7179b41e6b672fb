/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The command that reads the public lists of therapists again, and the import
 * of what it found: a job each, so that it is done once, and after a crash
 * again, and that each has the whole time of a job's lease.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include <psymatch/scraping.h>
#include <psymatch/uuid.h>

#include "app/block.h"
#include "app/own_tx.h"
#include "json/json.h"
#include "store/store.h"

extern char **environ;

#define JOB "scraping.run"
#define IMPORT_JOB "scraping.import"
#define WORDS_MAX 64
#define KEY_MAX 200
/* Of a command that was told to end. */
#define GRACE_MS 5000

/* -- the command scraping.run */

static int
is_plz(const char *text)
{
	size_t len = strspn(text, "0123456789");

	return len >= 1 && len <= 5 && text[len] == '\0';
}

int
psm__scraping_asked(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	const psm_json *payload = psm_event_payload(ev);
	const psm_json *id = psm__json_member(payload, "request_id");
	const char *plz = psm_json_string(psm__json_member(payload, "plz"));
	const char *text = psm_json_string(id);
	struct psm__number number;
	char json[40] = "{}";
	int64_t n;
	int rc;

	if (text == NULL && psm_json_get_int(id, &n, NULL) == 0)
		text = psm__number(&number, n);
	if (text == NULL || text[0] == '\0' || strlen(text) > KEY_MAX)
		return psm__fail(err, PSM_ERR_REJECT,
		                 "request_id: want a text of at most %d bytes, "
		                 "or a whole number",
		                 KEY_MAX);
	if (plz != NULL && !is_plz(plz))
		return psm__fail(err, PSM_ERR_REJECT,
		                 "plz: want 1 to 5 digits");
	if (plz != NULL)
		(void)snprintf(json, sizeof(json), "{\"plz\": \"%s\"}", plz);
	rc = psm_jobs_add(tx, JOB, text, json, NULL, err);
	return rc < 0 ? rc : 0;
}

int
psm_scraping_request(psm_store *store, const char *plz, char **out,
                     psm_error *err)
{
	psm_tx *tx = NULL;
	psm_payload *m;
	char id[37];
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0 && plz != NULL && !is_plz(plz))
		rc = psm__fail(err, PSM_ERR_INVAL, "plz: want 1 to 5 digits");
	if (rc == 0 && psm_uuid_new(id, sizeof(id)) < 0)
		rc = psm__fail(err, PSM_ERR_IO,
		               "the system gave no random bytes");
	if (rc == 0) {
		m = psm_payload_new("scraping.run");
		psm_payload_text(m, "request_id", id);
		if (plz != NULL)
			psm_payload_text(m, "plz", plz);
		rc = psm__emit(tx, m, "therapist-service", err);
	}
	if (rc == 0 && out != NULL && (*out = psm__strdup(id)) == NULL)
		rc = psm__nomem(err);
	return psm__own_end(tx, rc, out, err);
}

/* -- running it */

/* The words of a command line; no shell reads them. line is changed. */
static int
split(char *line, char **words, const char *last)
{
	char *rest = NULL;
	int n = 0;

	for (char *w = strtok_r(line, " \t", &rest);
	     w != NULL && n < WORDS_MAX - 2; w = strtok_r(NULL, " \t", &rest))
		words[n++] = w;
	if (n > 0 && last != NULL)
		words[n++] = (char *)(uintptr_t)last; /* posix_spawn's shape */
	words[n] = NULL;
	return n;
}

/* A group of its own, so that all of it can be ended. */
static int
start(char **words, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none;
	int rc = posix_spawn_file_actions_init(&files);

	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc != 0) {
		(void)posix_spawn_file_actions_destroy(&files);
		return rc;
	}
	(void)sigemptyset(&none);
	rc = posix_spawnattr_setsigmask(&attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setpgroup(&attr, 0);
	if (rc == 0)
		rc = posix_spawnattr_setflags(
		    &attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null",
		                                      O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(&files, 1, "/dev/null",
		                                      O_WRONLY, 0);
	if (rc == 0)
		rc = posix_spawnp(pid, words[0], &files, &attr, words, environ);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return rc;
}

/* 1: it has ended, *status tells how; 0: not within the time. */
static int
wait_for(pid_t pid, int64_t until_ms, int *status)
{
	static const struct timespec pause = {0, 20 * 1000 * 1000};
	pid_t done;

	for (;;) {
		done = waitpid(pid, status, WNOHANG);
		if (done == pid)
			return 1;
		if (done < 0 && errno != EINTR) {
			*status = -1; /* somebody else has waited for it */
			return 1;
		}
		if (psm__mono_ms() >= until_ms)
			return 0;
		(void)nanosleep(&pause, NULL); /* shorter is no harm */
	}
}

static void
end(pid_t pid)
{
	int status;

	(void)kill(-pid, SIGTERM); /* it may have ended by now */
	if (!wait_for(pid, psm__mono_ms() + GRACE_MS, &status)) {
		(void)kill(-pid, SIGKILL);
		(void)wait_for(pid, psm__mono_ms() + GRACE_MS, &status);
	}
}

/* A look at the database each second: whoever stops the jobs is heard, and it
 * does not take the transaction for one that was forgotten. */
static int
run(psm_tx *tx, char **words, int64_t limit_s, psm_error *err)
{
	int64_t until_ms = psm__mono_ms() + limit_s * 1000, now_ms, alive;
	int status = 0, done = 0, rc = 0;
	pid_t pid = 0;

	if (start(words, &pid) != 0)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "SCRAPING_COMMAND: cannot be started");
	while (!done && rc == 0 && (now_ms = psm__mono_ms()) < until_ms) {
		done = wait_for(
		    pid, now_ms + 1000 < until_ms ? now_ms + 1000 : until_ms,
		    &status);
		if (!done)
			rc = psm__app_ask(tx, "SELECT 1", 0, NULL, &alive, err);
	}
	if (!done) {
		end(pid);
		return rc < 0 ? rc
		              : psm__fail(err, PSM_ERR_TIMEOUT,
		                          "SCRAPING_COMMAND: want it to end "
		                          "within SCRAPING_TIMEOUT_SECONDS");
	}
	if (status < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return psm__fail(err, PSM_ERR_UNAVAILABLE,
		                 "SCRAPING_COMMAND: want exit status 0");
	return 0;
}

/* PSM_ERR_RETRY: another one runs. */
static int
be_alone(psm_tx *tx, psm_error *err)
{
	int64_t locked = 0;
	int rc =
	    psm__app_ask(tx,
	                 "SELECT pg_try_advisory_xact_lock(hashtextextended("
	                 "'psymatch scraping', 0))::integer",
	                 0, NULL, &locked, err);

	return rc < 0 || locked
	           ? rc
	           : psm__fail(err, PSM_ERR_RETRY, "another scraping runs");
}

static int
scrape(psm_tx *tx, const char *plz, psm_error *err)
{
	const psm_config *cfg = psm__tx_config(tx);
	char *line = psm__strdup(psm_config_string(cfg, "SCRAPING_COMMAND"));
	char *words[WORDS_MAX];
	int rc;

	if (line == NULL)
		return psm__nomem(err);
	rc = split(line, words, plz) > 0
	         ? run(tx, words,
	               psm_config_int(cfg, "SCRAPING_TIMEOUT_SECONDS"), err)
	         : psm__fail(err, PSM_ERR_CONFIG,
	                     "SCRAPING_COMMAND: want a command");
	psm__free(line);
	return rc;
}

static int
do_job(psm_tx *tx, const char *key, const char *payload, void *user,
       psm_error *err)
{
	const char *folder = psm_config_string(psm__tx_config(tx),
	                                       "THERAPIST_IMPORT_FOLDER_PATH");
	psm_json *doc = NULL;
	int rc = psm_json_parse(payload, strlen(payload), &doc, err);

	(void)user; /* the other job's needs the store */
	psm__log(PSM_LOG_INFO, "scraping begins", "request_id", key, NULL);
	if (rc == 0)
		rc = be_alone(tx, err);
	if (rc == 0)
		rc = scrape(tx, psm_json_string(psm__json_member(doc, "plz")),
		            err);
	psm_json_free(doc);
	if (rc == 0 && folder != NULL)
		rc = psm_jobs_add(tx, IMPORT_JOB, key, NULL, NULL, err);
	return rc < 0 ? rc : 0;
}

static int
do_import(psm_tx *tx, const char *key, const char *payload, void *user,
          psm_error *err)
{
	const char *folder = psm_config_string(psm__tx_config(tx),
	                                       "THERAPIST_IMPORT_FOLDER_PATH");
	int rc = folder == NULL
	             ? 0
	             : psm_therapist_import_run(user, folder, NULL, err);

	(void)payload; /* there is none */
	if (rc >= 0)
		psm__log(PSM_LOG_INFO, "scraping is done", "request_id", key,
		         NULL);
	return rc < 0 ? rc : 0;
}

int
psm_scraping_jobs(psm_jobs *jobs, psm_store *store, const psm_config *cfg,
                  psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (jobs == NULL || store == NULL || cfg == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "jobs, store or cfg is NULL");
	if (psm_config_int(cfg, "SCRAPING_TIMEOUT_SECONDS") >=
	    psm_config_int(cfg, "PSYMATCH_JOB_LEASE_SECONDS"))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "SCRAPING_TIMEOUT_SECONDS: want less than "
		                 "PSYMATCH_JOB_LEASE_SECONDS");
	rc = psm_jobs_on(jobs, JOB, do_job, NULL, err);
	return rc < 0 ? rc
	              : psm_jobs_on(jobs, IMPORT_JOB, do_import, store, err);
}
