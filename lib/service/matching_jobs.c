/* SPDX-License-Identifier: BSD-2-Clause */
/* What the matching service asks of a communication service that has a database
 * of its own: mails and calls of inquiries. */
#include <psymatch/matching_jobs.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/service.h"

#define NEIGHBOUR "communication"
#define TIMEOUT_MS 5000

/* One job. */
struct order {
	psm_tx *tx;
	const psm_config *cfg;
	const char *kind, *key, *payload;
	int64_t inquiry_id;
	int is_mail;
	psm_error *err;
};

/* "7", "7:1" of the second sending, "7:2026-03-12" of a follow-up. */
static int
read_order(struct order *o)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(o->payload, strlen(o->payload), &doc, o->err);

	o->inquiry_id = strtoll(o->key, NULL, 10);
	o->is_mail = psm_json_at(doc, "/betreff") != NULL;
	psm_json_free(doc);
	if (rc == 0 && o->inquiry_id < 1)
		rc = psm__fail(o->err, PSM_ERR_SCHEMA,
		               "key: want the number of an inquiry");
	return rc;
}

/* What was asked for does not do, and never will. */
static int
is_refusal(long status)
{
	return status == 400 || status == 413 || status == 422;
}

/* The number of what was made; 0: it was refused. */
static int
ask(const struct order *o, int64_t *id)
{
	psm_json *answer = NULL;
	char key[96];
	long status;
	int rc;

	*id = 0;
	(void)snprintf(key, sizeof key, "%s:%.64s", o->kind, o->key);
	rc = psm__svc_post(
	    NEIGHBOUR,
	    psm_config_string(o->cfg, "PSYMATCH_REST_COMMUNICATION_URL"),
	    o->is_mail ? "/api/emails" : "/api/phone-calls", o->payload, key,
	    TIMEOUT_MS, &status, &answer, o->err);
	if (rc == PSM_OK && !is_refusal(status) &&
	    (status < 200 || status > 299 ||
	     psm_json_get_int(psm_json_at(answer, "/id"), id, NULL) < 0 ||
	     *id < 1))
		rc = psm__fail(o->err, PSM_ERR_UNAVAILABLE,
		               "the service \"%s\" answered with status %ld",
		               NEIGHBOUR, status);
	psm_json_free(answer);
	return rc;
}

/* 1: this sending is what the inquiry waits for; a job that failed for good may
 * be done again when the inquiry was sent otherwise. */
static int
is_wanted(const struct order *o)
{
	const char *nth = strchr(o->key, ':'), *number;
	int64_t failures = 0, id;
	psm_json *doc = NULL;
	char *text = NULL;
	int rc = psm_entity_get(o->tx, "inquiry", o->inquiry_id, &text, NULL,
	                        o->err);

	if (rc == PSM_OK)
		rc = psm_json_parse(text, strlen(text), &doc, o->err);
	if (rc == PSM_OK)
		rc = psm_json_get_int(psm_json_at(doc, "/fehlversuche"),
		                      &failures, o->err);
	number = o->is_mail ? "/email_id" : "/phone_call_id";
	if (rc == PSM_OK)
		rc =
		    psm_json_string(psm_json_at(doc, "/gesendet_datum")) &&
		    psm_json_get_int(psm_json_at(doc, number), &id, NULL) < 0 &&
		    failures == (nth ? strtoll(nth + 1, NULL, 10) : 0);
	psm_json_free(doc);
	psm_free(text);
	return rc;
}

static int
send_inquiry(psm_tx *tx, const char *key, const char *payload, void *user,
             psm_error *err)
{
	struct order o = {tx, user, "inquiry.send", key, payload, 0, 0, err};
	int64_t id;
	int rc = read_order(&o);

	if (rc == PSM_OK)
		rc = is_wanted(&o);
	if (rc > 0)
		rc = ask(&o, &id);
	else
		/* Whoever deleted it meanwhile wants nothing of it. */
		return rc == PSM_ERR_NOT_FOUND ? PSM_OK : rc;
	if (rc < 0)
		return rc;
	if (id == 0)
		rc = psm_inquiry_not_sent(
		    tx, o.inquiry_id,
		    "the communication service refused it, see its log", err);
	else
		rc = psm_inquiry_handed_over(tx, o.inquiry_id,
		                             o.is_mail ? id : 0,
		                             o.is_mail ? 0 : id, err);
	/* Whoever deleted the inquiry meanwhile wants nothing of it. */
	return rc == PSM_ERR_NOT_FOUND || rc > 0 ? PSM_OK : rc;
}

/* It is not sent, as far as anybody knows; a mail that was made all the same
 * has the inquiry's reference. */
static int
not_sent(psm_tx *tx, const char *key, const char *payload, void *user,
         psm_error *err)
{
	struct order o = {tx, user, "inquiry.send", key, payload, 0, 0, err};
	int rc = read_order(&o);

	/* What cannot be read is of no inquiry. */
	if (rc < 0)
		return rc == PSM_ERR_NOMEM ? rc : PSM_OK;
	rc = is_wanted(&o);
	if (rc > 0)
		rc = psm_inquiry_not_sent(
		    tx, o.inquiry_id,
		    "the communication service was asked in vain; look there "
		    "before it is sent again",
		    err);
	return rc == PSM_ERR_NOT_FOUND || rc > 0 ? PSM_OK : rc;
}

static int
follow_up(psm_tx *tx, const char *key, const char *payload, void *user,
          psm_error *err)
{
	struct order o = {tx, user, "follow_up.call", key, payload, 0, 0, err};
	int64_t id;
	int rc = read_order(&o);

	if (rc == PSM_OK)
		rc = ask(&o, &id);
	if (rc == PSM_OK && id == 0)
		rc = psm__fail(err, PSM_ERR_REJECT,
		               "the service \"%s\" refused a call", NEIGHBOUR);
	if (rc == PSM_OK)
		rc = psm_follow_up_called(tx, o.inquiry_id, id, err);
	return rc == PSM_ERR_NOT_FOUND || rc > 0 ? PSM_OK : rc;
}

int
psm_matching_jobs(psm_jobs *jobs, psm_store *store, const psm_config *cfg,
                  psm_error *err)
{
	/* psm_jobs_on() hands on what it is given; nobody writes to it. */
	void *user = (void *)(uintptr_t)cfg;
	int rc;

	psm_error_clear(err);
	if (!jobs || !store || !cfg)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "jobs, store or cfg is NULL");
	/* No inquiry could ever be composed. */
	if (psm_config_int(cfg, "MIN_ANFRAGE_SIZE") >
	    psm_config_int(cfg, "MAX_ANFRAGE_SIZE"))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "MIN_ANFRAGE_SIZE: want at most "
		                 "MAX_ANFRAGE_SIZE, found more");
	rc = psm_jobs_on(jobs, "inquiry.send", send_inquiry, user, err);
	if (rc == PSM_OK)
		rc = psm_jobs_on_failure(jobs, "inquiry.send", not_sent, user,
		                         err);
	return rc == PSM_OK
	           ? psm_jobs_on(jobs, "follow_up.call", follow_up, user, err)
	           : rc;
}
