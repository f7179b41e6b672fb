/* SPDX-License-Identifier: BSD-2-Clause */
/* Imported patients get a mail that confirms it: once, and when the mails are
 * in the same database. */
#include <stdio.h>
#include <string.h>

#include <psymatch/mail.h>

#include "app/app.h"
#include "app/ask.h"
#include "app/patient_import.h"
#include "json/json.h"

#define TEMPLATE "patient_registration_confirmation"
/* When the template has no subject of its own. */
#define SUBJECT "Registrierung Suche Psychotherapieplatz erfolgreich"
#define LIMIT_MAX 1000

struct mail {
	char *subject, *html, *text;
};

enum column { HASH, PATIENT, ANREDE, VORNAME, NACHNAME, EMAIL, REFERENCE };

static void
put(psm_json_writer *w, const char *name, const char *value)
{
	if (value == NULL)
		return;
	psm_json_write_key(w, name);
	psm_json_write_string(w, value);
}

/* What the template is told; NULL: out of memory. */
static char *
values_of(const psm_rows *rows, psm_error *err)
{
	static const struct {
		const char *name;
		enum column column;
	} members[] = {{"anrede", ANREDE},
	               {"nachname", NACHNAME},
	               {"zahlungsreferenz", REFERENCE}};
	psm_json_writer *w = psm_json_writer_new();
	char *text = NULL;

	if (w == NULL) {
		(void)psm__nomem(err);
		return NULL;
	}
	psm_json_write_object(w);
	psm_json_write_key(w, "patient");
	psm_json_write_object(w);
	for (size_t i = 0; i < PSM__COUNT(members); i++) {
		const char *value = psm_rows_text(rows, 0, members[i].column);

		psm_json_write_key(w, members[i].name);
		if (value != NULL)
			psm_json_write_string(w, value);
		else
			psm_json_write_null(w);
	}
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, 0, &text, err) == 0 ? text : NULL;
}

static int
document_of(const psm_rows *rows, const struct mail *m, char **out,
            psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	struct psm__buf name = {0};
	int rc;

	psm__buf_printf(&name, "%s %s", psm_rows_text(rows, 0, VORNAME),
	                psm_rows_text(rows, 0, NACHNAME));
	if (w == NULL || name.failed) {
		psm_json_writer_free(w);
		psm__buf_free(&name);
		return psm__nomem(err);
	}
	psm_json_write_object(w);
	psm_json_write_key(w, "patient_id");
	psm_json_write_int(w, psm_rows_int(rows, 0, PATIENT));
	put(w, "betreff", m->subject != NULL ? m->subject : SUBJECT);
	put(w, "empfaenger_email", psm_rows_text(rows, 0, EMAIL));
	put(w, "empfaenger_name", name.data);
	put(w, "inhalt_html", m->html);
	put(w, "inhalt_text", m->text);
	put(w, "status", "In_Warteschlange");
	psm_json_write_end(w);
	rc = psm__json_take(w, 0, out, err);
	psm__buf_free(&name);
	return rc;
}

static void
tell_refused(const psm_rows *rows, const psm_error *err)
{
	psm__log(PSM_LOG_WARN, "a registration cannot be confirmed",
	         "patient_id", psm_rows_text(rows, 0, PATIENT), "reason",
	         psm_error_message(err), NULL);
}

/* The service that sends mails is told; it may be another program. */
static int
ask_to_send(psm_tx *tx, const char *mail, psm_error *err)
{
	psm_json *doc = NULL;
	psm_payload *m;
	int64_t id = 0;
	int rc = psm_json_parse(mail, strlen(mail), &doc, err);

	if (rc == 0)
		rc = psm_json_get_int(psm__json_member(doc, "id"), &id, err);
	psm_json_free(doc);
	if (rc < 0)
		return rc;
	m = psm_payload_new("email.send");
	psm_payload_int(m, "email_id", id);
	return psm__emit(tx, m, "patient-service", err);
}

/* 1: it is there; 2: it cannot be made of this patient, ever. A template that
 * fails can be corrected: that is an error, whatever its code is. */
static int
make(psm_tx *tx, const psm_rows *rows, psm_mail_render_fn render, void *user,
     psm_error *err)
{
	struct mail m = {NULL, NULL, NULL};
	char key[100], *doc = NULL, *mail = NULL;
	char *values = values_of(rows, err);
	int rc = values == NULL ? PSM_ERR_NOMEM : 0;

	if (rc == 0)
		rc = render(TEMPLATE, values, &m.subject, &m.html, &m.text,
		            user, err);
	if (rc >= 0)
		rc = document_of(rows, &m, &doc, err);
	(void)snprintf(key, sizeof(key), "patient_import:%s",
	               psm_rows_text(rows, 0, HASH));
	if (rc == 0) {
		rc = psm_mail_make(tx, doc, strlen(doc), key, &mail, err);
		if (rc == PSM_ERR_SCHEMA)
			tell_refused(rows, err);
		if (rc == 1)
			rc = ask_to_send(tx, mail, err);
		rc = rc >= 0 ? 1 : rc == PSM_ERR_SCHEMA ? 2 : rc;
	}
	psm_free(mail);
	psm_free(doc);
	psm_free(values);
	psm_free(m.subject);
	psm_free(m.html);
	psm_free(m.text);
	return rc;
}

static int
mark(psm_tx *tx, const char *hash, const char *confirmation, psm_error *err)
{
	const char *params[2] = {hash, confirmation};

	return psm_tx_queue(tx,
	                    "UPDATE psymatch.patient_import "
	                    "SET confirmation = $2 WHERE content_hash = $1",
	                    2, params, err);
}

/* 1: a mail was made; 0: none is open; 2: this one cannot be. */
static int
confirm_in(psm_tx *tx, psm_mail_render_fn render, void *user, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    "SELECT i.content_hash, p.id, p.anrede, p.vorname, p.nachname, "
	    "p.email, p.zahlungsreferenz FROM psymatch.patient_import i "
	    "LEFT JOIN patient_service.patienten p ON p.id = i.patient_id "
	    "WHERE i.confirmation = 'open' ORDER BY i.patient_id LIMIT 1 "
	    "FOR UPDATE OF i SKIP LOCKED",
	    0, NULL, &rows, err);
	int found = rc == 0 && psm_rows_count(rows) > 0;

	if (found && psm_rows_text(rows, 0, EMAIL) == NULL)
		rc = 2; /* the patient, or the address, is gone */
	else if (found)
		rc = make(tx, rows, render, user, err);
	if (rc > 0) {
		int marked = mark(tx, psm_rows_text(rows, 0, HASH),
		                  rc == 1 ? "made" : "none", err);

		rc = marked < 0 ? marked : rc;
	}
	psm_rows_free(rows);
	return rc;
}

/* Older tables have no such column. */
#define IS_THERE                                                               \
	PSM__HAS_TABLE("'psymatch'", "'patient_import'")                       \
	" AND " PSM__HAS_COLUMN("'communication_service'", "'emails'",         \
	                        "'einmal_schluessel'")

static int
confirm_one(psm_store *store, psm_mail_render_fn render, void *user,
            psm_error *err)
{
	psm_tx *tx = NULL;
	int64_t there = 0;
	int rc = psm_tx_begin(store, &tx, err);

	if (rc == 0)
		rc = psm__app_ask(tx, "SELECT " IS_THERE, 0, NULL, &there, err);
	if (rc == 0 && there)
		rc = confirm_in(tx, render, user, err);
	return psm__app_end(tx, rc, err);
}

int
psm_patient_import_confirm(psm_store *store, psm_mail_render_fn render,
                           void *user, int limit, psm_error *err)
{
	psm_error *own;
	int made = 0, rc = 1;

	psm__error_clear(err);
	if (store == NULL || render == NULL || limit < 1 || limit > LIMIT_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want store, render and 1 to %d mails",
		                 LIMIT_MAX);
	own = psm_error_new(); /* a code is wanted in any case */
	if (own == NULL)
		return psm__nomem(err);
	for (int i = 0; i < limit && rc > 0; i++) {
		rc = confirm_one(store, render, user, own);
		made += rc == 1;
	}
	if (rc < 0)
		psm__error_copy(err, own);
	psm_error_free(own);
	return rc < 0 ? rc : made;
}
