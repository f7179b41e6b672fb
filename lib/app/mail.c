/* SPDX-License-Identifier: BSD-2-Clause */
/* E-mails: how they are made and changed, and their use cases by name. */
#include "app/mail.h"

#include <string.h>

#include "app/own_tx.h"
#include "domain/mail.h"
#include "store/store.h"

static const char email[] = "email";

/* -- making one */

/* Who wants the same mail at the same time waits here. */
static int
find_once(psm_tx *tx, const char *once_key, int64_t *id, psm_error *err)
{
	int64_t none;
	int rc = psm__app_ask(tx,
	                      "SELECT 1 FROM (SELECT pg_advisory_xact_lock("
	                      "hashtextextended('psymatch mail ' || $1::text, "
	                      "0))) l",
	                      1, &once_key, &none, err);

	if (rc == 0)
		rc = psm__app_ask(tx,
		                  "SELECT id FROM communication_service.emails "
		                  "WHERE einmal_schluessel = $1::text",
		                  1, &once_key, id, err);
	return rc;
}

static int
row_out(const struct psm__row *row, char **out, psm_error *err)
{
	return out == NULL ? 0 : psm__row_text(row, PSM__FOR_REST, out, err);
}

static int
make(psm_tx *tx, const struct psm__mail_wish *wish, int64_t *id, char **out,
     psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_email,
	                        .verb = PSM__MAKE,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = psm__mail_decide_make,
	                        .wish = wish};
	int rc = psm__change_run(&c, err), done;

	if (rc >= 0) {
		*id = psm__row_int(&c.row, PSM__EMAIL_ID);
		done = row_out(&c.row, out, err);
		rc = done < 0 ? done : 1;
	}
	psm__change_free(&c);
	return rc;
}

int
psm__mail_make_out(psm_tx *tx, const psm_json *doc, const char *once_key,
                   int64_t *id, char **out, psm_error *err)
{
	const psm_config *cfg = psm__tx_config(tx);
	struct psm__mail_wish wish = {
	    .doc = doc,
	    .once_key = once_key,
	    .sender = psm_config_string(cfg, "EMAIL_SENDER"),
	    .sender_name = psm_config_string(cfg, "EMAIL_SENDER_NAME"),
	};
	int rc = 0;

	*id = 0;
	if (once_key != NULL && (*once_key == '\0' || strlen(once_key) > 200))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "once_key: want 1 to 200 bytes");
	if (once_key != NULL)
		rc = find_once(tx, once_key, id, err);
	if (rc < 0)
		return rc;
	if (*id == 0)
		return make(tx, &wish, id, out, err);
	return out == NULL ? 0 : psm_entity_get(tx, email, *id, out, NULL, err);
}

int
psm__mail_make(psm_tx *tx, const psm_json *doc, const char *once_key,
               int64_t *id, psm_error *err)
{
	return psm__mail_make_out(tx, doc, once_key, id, NULL, err);
}

int
psm__mail_change(psm_tx *tx, int64_t id, psm__decide_fn *decide,
                 const void *wish, psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_email,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish};
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	return rc;
}

void
psm__mail_time(int64_t time_us, char text[32])
{
	char *zone;

	text[0] = '\0';
	if (psm_time_format(time_us, text, 32) < 0)
		return;
	text[10] = ' ';
	zone = strchr(text, 'Z');
	if (zone != NULL)
		*zone = '\0';
}

/* -- use cases */

int
psm_mail_make(psm_tx *tx, const char *json, size_t len, const char *once_key,
              char **out, psm_error *err)
{
	psm_json *doc = NULL;
	int64_t id;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	if (tx == NULL || json == NULL)
		return psm__fail(err, PSM_ERR_INVAL, "tx or json is NULL");
	rc = psm_json_parse(json, len, &doc, err);
	if (rc == 0)
		rc = psm__mail_make_out(tx, doc, once_key, &id, out, err);
	psm_json_free(doc);
	return rc;
}

int
psm_mail_get(psm_store *store, int64_t id, char **out, int64_t *version,
             psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm_entity_get(tx, email, id, out, version, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm_mail_list(psm_store *store, const char *query, char **out, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc = psm__list_query(tx, email, query, out, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm_mail_update(psm_store *store, int64_t id, int64_t if_version,
                const char *json, size_t len, char **out, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0)
		rc =
		    psm_entity_update(tx, email, id, if_version, PSM_CHANGE_PUT,
		                      json, len, out, NULL, err);
	return psm__own_end(tx, rc, out, err);
}

int
psm_mail_delete(psm_store *store, int64_t id, int64_t if_version,
                psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin(store, &tx, NULL, err);

	if (rc == 0)
		rc = psm_entity_delete(tx, email, id, if_version, 0, err);
	return psm__own_end(tx, rc, NULL, err);
}
