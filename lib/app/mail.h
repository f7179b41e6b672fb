/* SPDX-License-Identifier: BSD-2-Clause */
/* What other use cases need of e-mails, and what the files of mail_*.c share.
 */
#ifndef PSM_APP_MAIL_H
#define PSM_APP_MAIL_H

#include <psymatch/mail.h>

#include "app/app.h"

/*
 * Make a mail of an object as psm_mail_create() takes it, but with its content
 * ready: no inhalt_markdown. The same once_key (1 to 200 bytes, e.g.
 * "inquiry:7") gives the same mail again, also when two transactions ask at
 * once; NULL: always another one. *id receives its number.
 *
 * 1: made, 0: it was there; PSM_ERR_SCHEMA with all faults of doc, PSM_ERR_DB.
 */
int psm__mail_make(psm_tx *tx, const psm_json *doc, const char *once_key,
                   int64_t *id, psm_error *err);
/* The same, and *out receives the mail as JSON; new. */
int psm__mail_make_out(psm_tx *tx, const psm_json *doc, const char *once_key,
                       int64_t *id, char **out, psm_error *err);

/* A decision about a mail that is there. 1: changed, 0: not. */
int psm__mail_change(psm_tx *tx, int64_t id, psm__decide_fn *decide,
                     const void *wish, psm_error *err);
/* As PostgreSQL writes a timestamp, UTC. */
void psm__mail_time(int64_t time_us, char text[32]);

#endif
