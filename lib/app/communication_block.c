/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nobody writes to a blocked therapist, or calls him: mails in the queue and
 * planned calls are held until he is free again. What is made meanwhile is held
 * by the database, see 006_sperren.sql.
 */
#include "app/block.h"
#include "app/call.h"
#include "app/mail.h"
#include "domain/call.h"
#include "domain/mail.h"

/* One row: a struct psm__block is what happened to its therapist. */
typedef int one_fn(psm_tx *tx, const struct psm__block *b, int64_t id,
                   psm_error *err);

/* Count of those that changed. */
static int
each(psm_tx *tx, const char *sql, const struct psm__block *b, one_fn *one,
     psm_error *err)
{
	struct psm__number n;
	const char *params[1] = {psm__number(&n, b->therapist)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, 1, params, &rows, err), changed = 0;

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++) {
		rc = one(tx, b, psm_rows_int(rows, i, 0), err);
		changed += rc > 0;
		if (rc == PSM_ERR_NOT_FOUND) { /* deleted in this moment */
			psm__error_clear(err);
			rc = 0;
		}
	}
	psm_rows_free(rows);
	return rc < 0 ? rc : changed;
}

static int
one_mail(psm_tx *tx, const struct psm__block *b, int64_t id, psm_error *err)
{
	return psm__mail_change(tx, id,
	                        b->blocked ? psm__mail_decide_hold
	                                   : psm__mail_decide_release,
	                        NULL, err);
}

/* A call whose time is over by now gets another one. */
static int
one_call(psm_tx *tx, const struct psm__block *b, int64_t id, psm_error *err)
{
	struct psm__call_times times = {0};
	struct psm__call_wish wish = {0};
	struct psm__change c = {.tx = tx,
	                        .policy = &psm__policy_phone_call,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = b->blocked ? psm__call_decide_hold
	                                             : psm__call_decide_release,
	                        .wish = &wish};
	int rc =
	    b->blocked ? 0 : psm__call_times(tx, b->therapist, &times, err);

	wish.reach = &times.reach;
	wish.busy = times.busy;
	wish.busy_count = times.busy_count;
	wish.holidays = &times.holidays;
	if (rc == 0)
		rc = psm__change_run(&c, err);
	psm__change_free(&c);
	psm__call_times_free(&times);
	return rc;
}

#define MAILS "SELECT id FROM communication_service.emails WHERE "
#define CALLS "SELECT id FROM communication_service.telefonanrufe WHERE "
#define HELD "therapist_id = $1::integer AND angehalten_seit IS NOT NULL "
#define QUEUED                                                                 \
	"therapist_id = $1::integer AND angehalten_seit IS NULL AND (status "  \
	"= 'In_Warteschlange' OR (status = 'Fehlgeschlagen' AND "              \
	"naechster_versuch_am IS NOT NULL)) "
#define PLANNED                                                                \
	"therapist_id = $1::integer AND angehalten_seit IS NULL AND status = " \
	"'geplant' "

/* Whoever makes a mail or a call of the therapist looks at the table with a
 * lock of the same name: see 006_sperren.sql. The lock of calls comes before
 * it, and both before rows. */
static const char lock_sql[] =
    "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended('psymatch "
    "block of therapist ' || $1::text, 0))) l";

static int
lock_therapist(psm_tx *tx, const psm_event *ev, psm_error *err)
{
	struct psm__number n;
	const char *params[1];
	int64_t id;
	int rc = psm__event_number(ev, "therapist_id", &id, err);

	if (rc < 0)
		return rc;
	rc = psm__call_lock(tx, id, err);
	if (rc < 0)
		return rc;
	params[0] = psm__number(&n, id);
	return psm_tx_exec(tx, lock_sql, 1, params, NULL, err);
}

int
psm__outreach_blocked(psm_tx *tx, const psm_event *ev, void *user,
                      psm_error *err)
{
	struct psm__number id, mail_count, call_count;
	struct psm__block b;
	int rc, mails = 0;

	(void)user;
	rc = lock_therapist(tx, ev, err);
	if (rc == 0)
		rc = psm__block_note(tx, "communication_service", ev, &b, err);
	if (rc > 0)
		rc = mails = each(tx,
		                  b.blocked ? MAILS QUEUED "ORDER BY id"
		                            : MAILS HELD "ORDER BY id",
		                  &b, one_mail, err);
	else
		return rc;
	if (rc >= 0)
		rc = each(tx,
		          b.blocked ? CALLS PLANNED "ORDER BY id"
		                    : CALLS HELD "ORDER BY id",
		          &b, one_call, err);
	if (rc < 0)
		return rc;
	if (mails + rc > 0)
		psm__log(PSM_LOG_INFO,
		         b.blocked ? "a therapist is blocked: mails and calls "
		                     "are held"
		                   : "a therapist is not blocked any more: "
		                     "mails and calls go on",
		         "therapist_id", psm__number(&id, b.therapist), "mails",
		         psm__number(&mail_count, mails), "calls",
		         psm__number(&call_count, rc), NULL);
	return 0;
}
