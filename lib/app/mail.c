/* SPDX-License-Identifier: BSD-2-Clause */
/* E-mails: how they are made and changed, and their use cases by name. */
#include "app/mail.h"

#include <string.h>

#include "app/own_tx.h"
#include "domain/mail.h"
#include "store/store.h"

static const char email[] = "email";

/* -- making one */

static const char find_sql[] = "SELECT id FROM communication_service.emails "
			       "WHERE einmal_schluessel = $1::text";

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
	int rc = psm__own_find(tx, "mail", find_sql, once_key, id, err);

	if (rc < 0)
		return rc;
	if (*id == 0)
		return psm__own_write(tx, &psm__policy_email,
		                      psm__mail_decide_make, &wish, id, out,
		                      err);
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
	return psm__own_make(tx, json, len, once_key, psm__mail_make_out, out,
	                     err);
}

int
psm_mail_get(psm_store *store, int64_t id, char **out, int64_t *version,
             psm_error *err)
{
	return psm__own_get(store, email, id, out, version, err);
}

int
psm_mail_list(psm_store *store, const char *query, char **out, psm_error *err)
{
	return psm__own_list(store, email, query, out, err);
}

int
psm_mail_update(psm_store *store, int64_t id, int64_t if_version,
                const char *json, size_t len, char **out, psm_error *err)
{
	return psm__own_update(store, email, id, if_version, PSM_CHANGE_PUT,
	                       json, len, out, err);
}

int
psm_mail_delete(psm_store *store, int64_t id, int64_t if_version,
                psm_error *err)
{
	return psm__own_delete(store, email, id, if_version, 0, err);
}
