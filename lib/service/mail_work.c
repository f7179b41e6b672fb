/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers of a service that sends mails and reads answers. */
#include "service/mailer_int.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* A mail that is due so long: nobody sends, or too slowly. */
#define LATE_S 600
/* Of the last tries so many are looked at, and so few tell little. */
#define TRIES_MAX 20
#define TRIES_MIN 5

struct work {
	psm_mailer *mailer;
	psm_store *store;
	pthread_mutex_t lock; /* for: */
	unsigned tries;       /* a bit for each, the last one lowest: failed */
	int count, code;      /* of tries; of the last one */
};

static void
work_free(void *ptr)
{
	struct work *w = ptr;

	pthread_mutex_destroy(&w->lock);
	psm__free(w);
}

/* A mail that is refused for good is no failure of the server. */
static int
send_one(const char *mail, void *user, psm_error *err)
{
	struct work *w = user;
	int rc = psm_smtp_send(mail, w->mailer, err);

	pthread_mutex_lock(&w->lock);
	w->code = rc < 0 && rc != PSM_ERR_REJECT ? rc : PSM_OK;
	w->tries = (w->tries << 1 | (w->code < 0)) & ((1U << TRIES_MAX) - 1);
	w->count += w->count < TRIES_MAX;
	pthread_mutex_unlock(&w->lock);
	return rc;
}

/* At a first start the tables may not be there yet. */
static int
migrate(const struct work *w, psm_error *err)
{
	int rc = psm_store_migrate(w->store, "psymatch", err);

	return rc < 0 ? rc : psm_store_migrate(w->store, "communication", err);
}

static int
send_due(void *user, psm_error *err)
{
	struct work *w = user;
	int rc = migrate(w, err);

	if (rc == PSM_OK)
		rc = psm_mail_queue_run(w->store, send_one, w, err);
	return rc < 0 ? rc : PSM_OK;
}

static int
read_answers(void *user, psm_error *err)
{
	struct work *w = user;
	int rc = migrate(w, err);

	if (rc == PSM_OK)
		rc = psm_maildir_run(w->mailer, w->store, err);
	return rc < 0 ? rc : PSM_OK;
}

static int64_t
number(const psm_json *doc, const char *pointer)
{
	int64_t n = 0;

	return psm_json_get_int(psm_json_at(doc, pointer), &n, NULL) < 0 ? 0
	                                                                 : n;
}

/* Does the mail server take mails? From the last tries. */
static int
server_health(struct work *w, char *text, size_t size)
{
	int failed, tries, code;

	pthread_mutex_lock(&w->lock);
	failed = __builtin_popcount(w->tries);
	tries = w->count;
	code = w->code;
	pthread_mutex_unlock(&w->lock);
	text[0] = '\0';
	if (code == PSM_OK)
		return PSM_HEALTH_GREEN;
	(void)snprintf(text, size,
	               "; %d of the last %d tries to send failed, the last "
	               "one with %s",
	               failed, tries, psm_error_name(code));
	return tries >= TRIES_MIN && failed * 2 > tries ? PSM_HEALTH_RED
	                                                : PSM_HEALTH_AMBER;
}

static int
health(char *reason, size_t size, void *user)
{
	struct work *w = user;
	psm_json *doc = NULL;
	char *json = NULL;
	int64_t due, late_s, suspect;
	char failures[96];
	int server = server_health(w, failures, sizeof failures);
	int rc = psm_mail_queue_status(w->store, &json, NULL);

	if (rc == PSM_OK)
		rc = psm_json_parse(json, strlen(json), &doc, NULL);
	psm_free(json);
	if (rc < 0) {
		(void)snprintf(reason, size, "the queue cannot be read: %s",
		               psm_strerror(rc));
		return PSM_HEALTH_RED;
	}
	due = number(doc, "/due");
	late_s = number(doc, "/oldest_due_seconds");
	suspect = number(doc, "/suspect");
	psm_json_free(doc);
	(void)snprintf(reason, size,
	               "%lld mail%s due, the oldest for %lld s; %lld "
	               "suspect%s",
	               (long long)due, PSM__NOUN_S(due), (long long)late_s,
	               (long long)suspect, failures);
	if (server == PSM_HEALTH_GREEN && (suspect > 0 || late_s > LATE_S))
		server = PSM_HEALTH_AMBER;
	return server;
}

int
psm_service_add_mailer(psm_service *svc, psm_mailer *mailer, psm_store *store,
                       psm_error *err)
{
	struct work *w;
	int rc = psm__svc_check_new(svc, "mail-queue",
	                            mailer != NULL && store != NULL, err);
	int interval_s;

	if (rc < 0)
		return rc;
	w = psm__alloc(sizeof *w);
	if (!w)
		return psm__nomem(err);
	*w = (struct work){.mailer = mailer, .store = store};
	pthread_mutex_init(&w->lock, NULL);
	interval_s = (int)mailer->number[SVC_CHECK_S];
	rc = psm__svc_own(svc, w, work_free, err);
	if (rc == PSM_OK)
		rc = psm_service_worker(svc, "mail-queue", interval_s, send_due,
		                        w, err);
	if (rc == PSM_OK)
		rc = psm_service_health(svc, "mails", health, w, err);
	if (rc == PSM_OK && mailer->text[SVC_MAILDIR][0])
		rc = psm_service_worker(svc, "mail-answers", interval_s,
		                        read_answers, w, err);
	return rc;
}
