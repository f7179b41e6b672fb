/* SPDX-License-Identifier: BSD-2-Clause */
/* The workers of a service that sends mails and reads answers. */
#include "service/mailer_int.h"

#include <stdio.h>
#include <string.h>

/* A mail that is due so long: nobody sends, or too slowly. */
#define LATE_S 600

struct work {
	psm_mailer *mailer;
	psm_store *store;
};

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
		rc =
		    psm_mail_queue_run(w->store, psm_smtp_send, w->mailer, err);
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

static int
health(char *reason, size_t size, void *user)
{
	struct work *w = user;
	psm_json *doc = NULL;
	char *json = NULL;
	int64_t due, late_s, suspect;
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
	               "%lld mail%s due, the oldest for %lld s; %lld suspect",
	               (long long)due, PSM__NOUN_S(due), (long long)late_s,
	               (long long)suspect);
	return suspect > 0 || late_s > LATE_S ? PSM_HEALTH_AMBER
	                                      : PSM_HEALTH_GREEN;
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
	*w = (struct work){mailer, store};
	interval_s = (int)mailer->number[SVC_CHECK_S];
	rc = psm__svc_own(svc, w, psm__free, err);
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
