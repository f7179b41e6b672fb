/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue: claim a mail, commit, send, store what came of it. A mail whose
 * result was not stored in time is suspect: only the policy sends it again.
 */
#include <stdio.h>
#include <string.h>

#include "app/mail.h"
#include "app/own_tx.h"
#include "domain/mail.h"
#include "store/store.h"

/* Of suspect ones at a time: a crash leaves as many as there are workers. */
#define SUSPECTS_MAX "100"
#define RETRY_CAP_MS (4 * 3600 * 1000)
/* A result is worth more than one try: without it the mail is suspect. */
#define RESULT_TRIES 3
/* One mail may be unwelcome for now; so many in a row: the server is away. */
#define AWAY_TRIES 2

enum policy { FAIL, RESEND, HOLD };

struct queue {
	psm_store *store;
	psm_mail_send_fn send;
	void *user;
	psm_error *err;
	psm_error *why; /* what the sender said */
	char owner[40];
	int64_t batch, lease_s, limit;
	int base_ms, away; /* count of sendings in a row that found no server */
	enum policy policy;
};

/* A mail that was claimed. */
struct claimed {
	int64_t id, attempts;
	char *json;
};

static void
count(const char *outcome)
{
	psm__metric_add(psm__counter("psymatch_mails_total", "outcome", outcome,
	                             "E-mails by what came of an attempt to "
	                             "send them"),
	                1);
}

static void
read_settings(struct queue *q, const psm_config *cfg)
{
	const char *policy = psm_config_string(cfg, "EMAIL_SUSPECT_POLICY");

	q->batch = psm_config_int(cfg, "EMAIL_QUEUE_BATCH_SIZE");
	q->lease_s = psm_config_int(cfg, "EMAIL_LEASE_SECONDS");
	q->limit = psm_config_int(cfg, "EMAIL_RETRY_LIMIT");
	q->base_ms =
	    (int)psm_config_int(cfg, "EMAIL_RETRY_BASE_SECONDS") * 1000;
	q->policy = strcmp(policy, "resend") == 0 ? RESEND
	            : strcmp(policy, "hold") == 0 ? HOLD
	                                          : FAIL;
}

/* When a mail that failed so often is tried again; NULL: it is not. */
static const char *
next_attempt(const struct queue *q, int64_t failures, char text[32])
{
	int ms;

	if (failures >= q->limit)
		return NULL;
	ms = psm__backoff_ms((unsigned)(failures > 0 ? failures - 1 : 0),
	                     q->base_ms, RETRY_CAP_MS);
	psm__mail_time(psm_now_us() + (int64_t)ms * 1000, text);
	return text;
}

/* -- suspects */

static const char suspects_sql[] =
    "SELECT id, wiederholungsanzahl FROM communication_service.emails "
    "WHERE status = 'Wird_gesendet' AND (versand_bis IS NULL "
    "OR versand_bis <= $1::timestamp OR unklar_seit IS NOT NULL) "
    "AND (unklar_seit IS NULL OR $2::boolean) ORDER BY id LIMIT " SUSPECTS_MAX;

/* Two steps, so that a crash between them leaves a suspect one. */
static int
settle_suspect(struct queue *q, int64_t id, int64_t failures)
{
	static const char late[] =
	    "nobody knows whether it was sent: its sender did not tell";
	struct psm__number number;
	char next[32];
	struct psm__mail_result result = {
	    .reason = "nobody knows whether it was sent",
	    .next = q->policy == RESEND ? next_attempt(q, failures + 1, next)
	                                : NULL,
	};
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(q->store, &tx, q->err);

	if (rc == 0)
		rc = psm__mail_change(tx, id, psm__mail_decide_suspect, late,
		                      q->err);
	rc = psm__app_end(tx, rc, q->err);
	if (rc > 0) {
		count("suspect");
		psm__log(PSM_LOG_WARN, "nobody knows whether a mail was sent",
		         "email_id", psm__number(&number, id), NULL);
	}
	if (rc < 0 || q->policy == HOLD)
		return rc;
	tx = NULL;
	rc = psm_tx_begin(q->store, &tx, q->err);
	if (rc == 0)
		rc = psm__mail_change(tx, id, psm__mail_decide_resolve, &result,
		                      q->err);
	return psm__app_end(tx, rc, q->err);
}

/* A mail that was deleted meanwhile is nobody's trouble. */
static int
settle_suspects(struct queue *q)
{
	char now[32];
	const char *params[2] = {now, NULL};
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(q->store, &tx, q->err);

	psm__mail_time(psm_now_us(), now);
	if (rc == 0) {
		read_settings(q, psm__tx_config(tx));
		params[1] = q->policy == HOLD ? "false" : "true";
		rc = psm_tx_exec(tx, suspects_sql, 2, params, &rows, q->err);
	}
	psm_tx_rollback(tx);
	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = settle_suspect(q, psm_rows_int(rows, i, 0),
		                    psm_rows_int(rows, i, 1));
		if (rc == PSM_ERR_NOT_FOUND) {
			psm__error_clear(q->err);
			rc = 0;
		}
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : 0;
}

/* -- claiming */

#define DUE                                                                    \
	"coalesce(naechster_versuch_am, in_warteschlange_am, "                 \
	"'-infinity'::timestamp)"
#define QUEUED                                                                 \
	"angehalten_seit IS NULL AND (status = 'In_Warteschlange' OR (status " \
	"= 'Fehlgeschlagen' AND naechster_versuch_am IS NOT NULL))"

static const char next_sql[] =
    "SELECT id FROM communication_service.emails WHERE " QUEUED " AND " DUE
    " <= $1::timestamp ORDER BY " DUE ", id LIMIT 1 FOR UPDATE SKIP LOCKED";

static void
put(psm_json_writer *w, const struct psm__row *row, const char *name,
    int column)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, psm__row_get(row, column));
}

/* What is to be sent, without what only the database needs to know. */
static int
write_mail(const struct psm__row *row, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	char message_id[PSM__MAIL_MESSAGE_ID_SIZE];
	int64_t id = psm__row_int(row, PSM__EMAIL_ID);
	const char *json = NULL;
	int rc;

	if (w == NULL)
		return psm__nomem(err);
	psm__mail_message_id(id, psm__row_get(row, PSM__EMAIL_ABSENDER_EMAIL),
	                     message_id);
	psm_json_write_object(w);
	psm_json_write_key(w, "id");
	psm_json_write_int(w, id);
	psm_json_write_key(w, "message_id");
	psm_json_write_string(w, message_id);
	put(w, row, "betreff", PSM__EMAIL_BETREFF);
	put(w, row, "inhalt_html", PSM__EMAIL_INHALT_HTML);
	put(w, row, "inhalt_text", PSM__EMAIL_INHALT_TEXT);
	put(w, row, "empfaenger_email", PSM__EMAIL_EMPFAENGER_EMAIL);
	put(w, row, "empfaenger_name", PSM__EMAIL_EMPFAENGER_NAME);
	put(w, row, "absender_email", PSM__EMAIL_ABSENDER_EMAIL);
	put(w, row, "absender_name", PSM__EMAIL_ABSENDER_NAME);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &json, NULL, err);
	if (rc == 0) {
		*out = psm__strdup(json);
		rc = *out != NULL ? 0 : psm__nomem(err);
	}
	psm_json_writer_free(w);
	return rc;
}

/* 1: claimed, 0: nothing is due. */
static int
claim_in(struct queue *q, psm_tx *tx, struct claimed *out)
{
	char now[32], until[32];
	const char *params[1] = {now};
	struct psm__mail_claim wish = {.owner = q->owner, .until = until};
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_email,
	                        .verb = PSM__CHANGE,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__mail_decide_claim,
	                        .wish = &wish};
	int64_t now_us = psm_now_us();
	int rc;

	psm__mail_time(now_us, now);
	psm__mail_time(now_us + q->lease_s * 1000000, until);
	rc = psm__app_ask(tx, next_sql, 1, params, &c.id, q->err);
	if (rc < 0 || c.id == 0)
		return rc;
	rc = psm__change_run(&c, q->err);
	if (rc > 0) {
		out->id = c.id;
		out->attempts =
		    psm__row_int(&c.row, PSM__EMAIL_WIEDERHOLUNGSANZAHL);
		rc = write_mail(&c.row, &out->json, q->err);
		rc = rc == 0 ? 1 : rc;
	}
	psm__change_free(&c);
	return rc;
}

/* -- sending */

static int
store_result(struct queue *q, const struct claimed *m,
             const struct psm__mail_result *result)
{
	int rc = PSM_ERR_RETRY;

	for (int i = 0; i < RESULT_TRIES && psm__app_is_system(rc); i++) {
		psm_tx *tx = NULL;

		psm__error_clear(q->err);
		rc = psm_tx_begin(q->store, &tx, q->err);
		if (rc == 0)
			rc = psm__mail_change(
			    tx, m->id, psm__mail_decide_result, result, q->err);
		rc = psm__app_end(tx, rc, q->err);
	}
	return rc;
}

static void
tell(const struct claimed *m, const char *outcome, int code)
{
	struct psm__number id;

	count(outcome);
	if (code >= 0)
		return;
	/* What the server said may name a person: it stands with the mail. */
	psm__log(PSM_LOG_WARN, "a mail was not sent", "email_id",
	         psm__number(&id, m->id), "outcome", outcome, "code",
	         psm_error_name(code), NULL);
}

static int
send_one(struct queue *q, const struct claimed *m)
{
	struct psm__mail_result result = {.owner = q->owner};
	char next[32];
	int rc;

	psm__error_clear(q->why);
	rc = q->send(m->json, q->user, q->why);
	q->away = rc == PSM_ERR_UNAVAILABLE ? q->away + 1 : 0;
	result.reason = psm_error_message(q->why);
	if (result.reason == NULL || result.reason[0] == '\0')
		result.reason = psm_strerror(rc < 0 ? rc : PSM_OK);
	if (rc >= 0) {
		result.outcome = PSM__MAIL_SENT;
		tell(m, "sent", rc);
	} else if (rc == PSM_ERR_UNCONFIRMED) {
		result.outcome = PSM__MAIL_UNCLEAR;
		tell(m, "unclear", rc);
	} else {
		result.outcome = PSM__MAIL_REFUSED;
		if (rc != PSM_ERR_REJECT)
			result.next = next_attempt(q, m->attempts + 1, next);
		tell(m, result.next != NULL ? "later" : "failed", rc);
	}
	return store_result(q, m, &result);
}

/* 1: a mail was tried, 0: none is due. */
static int
run_one(struct queue *q)
{
	struct claimed m = {0};
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(q->store, &tx, q->err);

	if (rc == 0)
		rc = claim_in(q, tx, &m);
	rc = psm__app_end(tx, rc, q->err);
	if (rc > 0)
		rc = send_one(q, &m) < 0 ? psm_error_code(q->err) : 1;
	psm__free(m.json);
	return rc;
}

int
psm_mail_queue_run(psm_store *store, psm_mail_send_fn send, void *user,
                   psm_error *err)
{
	struct queue q = {
	    .store = store, .send = send, .user = user, .err = err};
	int rc, done = 0;

	psm__error_clear(err);
	if (store == NULL || send == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or send is NULL");
	if (psm_uuid_new(q.owner, sizeof(q.owner)) < 0)
		return psm__fail(err, PSM_ERR_IO,
		                 "the system gave no random bytes");
	q.why = psm_error_new();
	if (q.why == NULL)
		return psm__nomem(err);
	rc = settle_suspects(&q);
	while (rc >= 0 && done < q.batch && q.away < AWAY_TRIES) {
		rc = run_one(&q);
		if (rc == 0)
			break;
		done += rc > 0;
	}
	psm_error_free(q.why);
	return rc < 0 ? rc : done;
}

/* -- how it stands */

static const char status_sql[] =
    "SELECT q.due, q.later, q.age, s.sending, s.suspect, h.held FROM "
    "(SELECT count(*) FILTER (WHERE " DUE " <= $1::timestamp) AS due, "
    "count(*) FILTER (WHERE " DUE " > $1::timestamp) AS later, "
    "coalesce(extract(epoch FROM $1::timestamp - min(greatest(" DUE ", "
    "coalesce(created_at, $1::timestamp))) FILTER (WHERE " DUE
    " <= $1::timestamp)), 0)::bigint AS age "
    "FROM communication_service.emails WHERE " QUEUED ") q, "
    "(SELECT count(*) FILTER (WHERE unklar_seit IS NULL) AS sending, "
    "count(unklar_seit) AS suspect FROM communication_service.emails "
    "WHERE status = 'Wird_gesendet') s, (SELECT count(*) AS held FROM "
    "communication_service.emails WHERE angehalten_seit IS NOT NULL) h";

enum { DUE_NOW, LATER, AGE, BEING_SENT, SUSPECT, HELD, NUMBERS };

static int
ask_status(psm_store *store, int64_t n[NUMBERS], psm_error *err)
{
	char now[32];
	const char *params[1] = {now};
	psm_rows *rows = NULL;
	int rc;

	psm__mail_time(psm_now_us(), now);
	rc = psm_store_exec(store, status_sql, 1, params, &rows, err);
	for (size_t i = 0; rc == 0 && i < NUMBERS; i++)
		n[i] = psm_rows_int(rows, 0, i);
	psm_rows_free(rows);
	return rc;
}

int
psm_mail_queue_status(psm_store *store, char **out, psm_error *err)
{
	static const char *const names[NUMBERS] = {
	    "due", "later", "oldest_due_seconds", "sending", "suspect", "held"};
	psm_json_writer *w;
	const char *json;
	int64_t n[NUMBERS];
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || out == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or out is NULL");
	rc = ask_status(store, n, err);
	if (rc < 0)
		return rc;
	w = psm_json_writer_new();
	if (w == NULL)
		return psm__nomem(err);
	psm_json_write_object(w);
	for (size_t i = 0; i < NUMBERS; i++) {
		psm_json_write_key(w, names[i]);
		psm_json_write_int(w, n[i]);
	}
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &json, NULL, err);
	if (rc == 0 && (*out = psm__strdup(json)) == NULL)
		rc = psm__nomem(err);
	psm_json_writer_free(w);
	return rc;
}
