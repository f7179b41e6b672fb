/* SPDX-License-Identifier: BSD-2-Clause */
/* Answers find their mail, and commands reach it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "app/mail.h"
#include "app/own_tx.h"
#include "domain/mail.h"
#include "entity/fault.h"

/* -- reading an answer */

struct answer {
	const psm_json *doc;
	const char *id;
	char key[256]; /* which answer it is */
	char received[32];
	struct psm__mail_answer a;
};

static int
refuse(const psm_json *at, const char *pointer, const char *what,
       psm_error *err)
{
	return psm__fault(err, psm__json_position(at), pointer,
	                  pointer[0] == '/' ? pointer + 1 : pointer, what);
}

/* What must be there is a text; *out is NULL for null. */
static int
read_text(const psm_json *doc, const char *pointer, int must, const char **out,
          psm_error *err)
{
	const psm_json *v = psm_json_at(doc, pointer);

	*out = psm_json_string(v);
	if (*out != NULL ||
	    (!must && (v == NULL || psm_json_kind(v) == PSM_JSON_NULL)))
		return 0;
	return refuse(v, pointer,
	              v == NULL ? "want text, found none"
	                        : "want text, found another value",
	              err);
}

static int
read_time(struct answer *in, psm_error *err)
{
	const char *text;
	int rc = read_text(in->doc, "/received_at", 0, &text, err);

	in->a.received_us = psm_now_us();
	if (rc == 0 && text != NULL &&
	    psm_time_parse(text, strlen(text), &in->a.received_us, NULL) < 0)
		rc =
		    refuse(psm_json_at(in->doc, "/received_at"), "/received_at",
		           "want a time as RFC 3339 writes it, found another "
		           "text",
		           err);
	psm__mail_time(in->a.received_us, in->received);
	in->a.received = in->received;
	return rc;
}

static uint64_t
hash_text(uint64_t hash, const char *text)
{
	return psm__hash(hash, text != NULL ? text : "",
	                 text != NULL ? strlen(text) + 1 : 1);
}

/* A Message-ID; without one, which mail is answered by whom, and what the
 * answer says: people write the same words. */
static void
make_key(struct answer *in, int64_t email_id)
{
	uint64_t hash = PSM__HASH_START;

	if (in->id != NULL && *in->id != '\0' &&
	    strlen(in->id) < sizeof(in->key)) {
		(void)snprintf(in->key, sizeof(in->key), "%s", in->id);
		return;
	}
	hash = hash_text(hash, in->a.text);
	hash = hash_text(hash, in->id);
	hash = hash_text(hash, in->a.subject);
	hash = hash_text(hash, in->a.from);
	(void)snprintf(in->key, sizeof(in->key), "%" PRId64 ":%016" PRIx64,
	               email_id, hash);
}

static int
read_answer(struct answer *in, psm_error *err)
{
	const psm_json *refs = psm_json_at(in->doc, "/references");
	const psm_json *automatic = psm_json_at(in->doc, "/automatic");
	int rc, ok;

	if (psm_json_kind(in->doc) != PSM_JSON_OBJECT)
		return refuse(in->doc, "", "want an object, found none", err);
	rc = read_text(in->doc, "/text", 1, &in->a.text, err);
	ok = read_text(in->doc, "/subject", 0, &in->a.subject, err);
	rc = ok < 0 ? ok : rc;
	ok = read_text(in->doc, "/from", 0, &in->a.from, err);
	rc = ok < 0 ? ok : rc;
	ok = read_time(in, err);
	rc = ok < 0 ? ok : rc;
	if (refs != NULL && psm_json_kind(refs) != PSM_JSON_ARRAY)
		rc = refuse(refs, "/references",
		            "want an array of texts, found another value", err);
	if (automatic != NULL &&
	    psm_json_get_bool(automatic, &in->a.automatic, NULL) < 0)
		rc = refuse(automatic, "/automatic",
		            "want true or false, found another value", err);
	ok = read_text(in->doc, "/id", 0, &in->id, err);
	return ok < 0 ? ok : rc;
}

/* -- finding its mail */

/* Only what may have left can be answered. */
#define LEFT "status IN ('Gesendet', 'Wird_gesendet', 'Fehlgeschlagen')"

static int
find_by_id(psm_tx *tx, int64_t id, int64_t *found, psm_error *err)
{
	struct psm__number number;
	const char *params[1] = {psm__number(&number, id)};

	return psm__app_ask(tx,
	                    "SELECT id FROM communication_service.emails "
	                    "WHERE id = $1::integer AND " LEFT " FOR UPDATE",
	                    1, params, found, err);
}

/* The newest mail about an inquiry. */
static int
find_by_reference(psm_tx *tx, int64_t reference, int64_t *found, psm_error *err)
{
	struct psm__number number;
	const char *params[1] = {psm__number(&number, reference)};
	int64_t id = 0;
	int rc =
	    psm__app_ask(tx,
	                 "SELECT id FROM communication_service.emails WHERE "
	                 "substring(betreff FROM '\\mA([0-9]{1,9})\\s*$') = "
	                 "$1::text AND " LEFT " ORDER BY id DESC LIMIT 1",
	                 1, params, &id, err);

	return rc < 0 || id == 0 ? rc : find_by_id(tx, id, found, err);
}

static int
find_mail(psm_tx *tx, const struct answer *in, int64_t *found, psm_error *err)
{
	const psm_json *refs = psm_json_at(in->doc, "/references");
	int64_t id;
	int rc = 0;

	*found = 0;
	for (size_t i = 0; rc == 0 && *found == 0 && i < psm_json_count(refs);
	     i++) {
		id = psm__mail_of_message_id(
		    psm_json_string(psm_json_item(refs, i)));
		if (id > 0 && id <= INT32_MAX)
			rc = find_by_id(tx, id, found, err);
	}
	id = psm__mail_reference(in->a.subject);
	if (rc == 0 && *found == 0 && id > 0)
		rc = find_by_reference(tx, id, found, err);
	if (rc == 0 && *found == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "answer: no mail of ours that it could answer");
	return rc;
}

/* 1: it is new; the mail is locked. */
static int
remember(psm_tx *tx, const struct answer *in, int64_t id, psm_error *err)
{
	struct psm__number number;
	const char *params[3] = {in->key, psm__number(&number, id),
	                         in->received};
	psm_rows *rows = NULL;
	int rc =
	    psm_tx_exec(tx,
	                "INSERT INTO communication_service.email_antworten "
	                "(kennung, email_id, empfangen_am) VALUES "
	                "($1::text, $2::integer, $3::timestamp) "
	                "ON CONFLICT (kennung) DO NOTHING",
	                3, params, &rows, err);

	if (rc == 0)
		rc = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

static int
tell(int64_t id, int is_new, char **out, psm_error *err)
{
	struct psm__buf text = {0};

	if (out == NULL)
		return 0;
	psm__buf_printf(&text, "{\"email_id\":%" PRId64 ",\"new\":%s}", id,
	                is_new ? "true" : "false");
	*out = psm__buf_take(&text, NULL);
	return *out != NULL ? 0 : psm__nomem(err);
}

int
psm_mail_answer(psm_store *store, const char *json, size_t len, char **out,
                psm_error *err)
{
	struct answer in = {0};
	psm_json *doc = NULL;
	psm_tx *tx = NULL;
	int64_t id = 0;
	int rc = 0, is_new = 0;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (store == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "store or json is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	in.doc = doc;
	if (rc == 0)
		rc = read_answer(&in, err);
	if (rc == 0)
		rc = psm_tx_begin(store, &tx, err);
	if (rc == 0)
		rc = find_mail(tx, &in, &id, err);
	if (rc == 0)
		make_key(&in, id);
	if (rc == 0)
		rc = is_new = remember(tx, &in, id, err);
	if (rc > 0)
		rc = psm__mail_change(tx, id, psm__mail_decide_answer, &in.a,
		                      err);
	if (rc >= 0)
		rc = tell(id, is_new, out, err);
	rc = psm__own_end(tx, rc, out, err);
	psm_json_free(doc);
	return rc < 0 ? rc : is_new;
}

/* -- commands */

int
psm_mail_handle(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	static const char *const types[] = {"communication.send_email",
	                                    "email.send"};
	const char *type;
	int64_t id = 0;
	size_t i = 0;
	int rc;

	(void)user; /* all there is to know stands in the transaction */
	psm__error_clear(err);
	if (tx == NULL || ev == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or ev is NULL");
	type = psm_event_type(ev);
	while (i < PSM__COUNT(types) && strcmp(types[i], type) != 0)
		i++;
	if (i == PSM__COUNT(types))
		return 0;
	rc = psm_json_get_int(psm_json_at(psm_event_payload(ev), "/email_id"),
	                      &id, err);
	if (rc == 0)
		rc = psm__mail_change(tx, id, psm__mail_decide_due, NULL, err);
	if (rc == PSM_ERR_NOT_FOUND && id > 0 && id <= INT32_MAX) {
		psm__error_clear(err); /* it was deleted meanwhile */
		return 0;
	}
	if (rc < 0 && !psm__app_is_system(rc))
		return psm__fail(err, PSM_ERR_REJECT,
		                 "email_id: want the number of a mail");
	return rc < 0 ? rc : 0;
}
