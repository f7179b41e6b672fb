/* SPDX-License-Identifier: BSD-2-Clause */
/* Inquiries that were sent and not answered get a call, once each. */
#include <stdio.h>
#include <string.h>

#include "app/call.h"
#include "app/inquiry.h"
#include "app/own_tx.h"
#include "domain/follow_up.h"
#include "store/store.h"

/* More than that are for the next day. */
#define CANDIDATES "10000"

#define NOW(n)                                                                 \
	"((timestamptz 'epoch' + $" #n                                         \
	"::bigint * interval '1 microsecond') AT TIME ZONE 'Europe/Berlin')"
/* Full days are days of the calendar in Berlin, so that those on which the
 * clocks change count as one. */
#define BEFORE(now, days)                                                      \
	"((" NOW(now) " - $" #days "::integer * interval '1 day') AT TIME "    \
		      "ZONE 'Europe/Berlin' AT TIME ZONE 'UTC')"
/* What the partial index has, so that answered ones cost nothing. */
#define OPEN                                                                   \
	"a.gesendet_datum IS NOT NULL AND a.antwort_datum IS NULL AND "        \
	"a.phone_call_id IS NULL AND a.storniert_datum IS NULL"
#define JOB "follow_up.call"
/* A worker has still to do it. */
#define HANDED_OVER                                                            \
	"EXISTS (SELECT FROM psymatch.job j WHERE j.kind = '" JOB              \
	"' AND j.state IN ('waiting', 'running') AND "                         \
	"split_part(j.key, ':', 1) = a.id::text)"
#define CALLED                                                                 \
	"NOT t.geloescht AND coalesce(t.status, '') NOT IN ('gesperrt', "      \
	"'inaktiv')"

struct run {
	psm_store *store;
	psm_error *err;
	char before[40];
	struct psm__now now;
	int default_time;
	int64_t planned, handed_over, without_time, failed;
};

/* Nothing is published of an inquiry that gets its call. */
static const struct psm__policy policy = {.entity = &psm__entity_inquiry};

static int
change(psm_tx *tx, int64_t id, psm__decide_fn *decide, const void *wish,
       psm_error *err)
{
	struct psm__change c = {.tx = tx,
	                        .policy = &policy,
	                        .verb = PSM__CHANGE,
	                        .id = id,
	                        .if_version = PSM_VERSION_ANY,
	                        .decide = decide,
	                        .wish = wish};
	int rc = psm__change_run(&c, err);

	psm__change_free(&c);
	return rc;
}

/* -- settings */

/* "HH:MM": minutes, or PSM_ERR_CONFIG. */
static int
read_time(const psm_config *cfg, const char *name, psm_error *err)
{
	const char *text = psm_config_string(cfg, name);
	int minutes =
	    text != NULL && strlen(text) == 5 ? psm__slot_minutes(text) : -1;

	return minutes >= 0
	           ? minutes
	           : psm__fail(err, PSM_ERR_CONFIG,
	                       "%s: want HH:MM, found another text", name);
}

/* -- one inquiry */

/* The call as the communication service takes it. */
static int
write_call(int64_t inquiry, int64_t therapist, const struct psm__slot *slot,
           psm_json_writer *w)
{
	char text[64];
	int y, m, d;

	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, therapist);
	psm_json_write_key(w, "therapeutenanfrage_id");
	psm_json_write_int(w, inquiry);
	psm__date_from_days(slot->day, &y, &m, &d);
	(void)snprintf(text, sizeof(text), "%04d-%02d-%02d", y, m, d);
	psm_json_write_key(w, "geplantes_datum");
	psm_json_write_string(w, text);
	(void)snprintf(text, sizeof(text), "%02d:%02d", slot->from / 60,
	               slot->from % 60);
	psm_json_write_key(w, "geplante_zeit");
	psm_json_write_string(w, text);
	(void)snprintf(text, sizeof(text), "Follow-up für Anfrage A%lld",
	               (long long)inquiry);
	psm_json_write_key(w, "notizen");
	psm_json_write_string(w, text);
	psm_json_write_end(w);
	return 0;
}

/* Its tables are in this database: the call is made with the inquiry. */
static int
make(struct run *r, psm_tx *tx, int64_t inquiry, const char *json, size_t len)
{
	struct psm__follow_up wish = {.before = r->before};
	psm_json *doc = NULL;
	char key[48];
	int rc = psm_json_parse(json, len, &doc, r->err);

	(void)snprintf(key, sizeof(key), "follow-up:%lld", (long long)inquiry);
	if (rc == 0)
		rc = psm__call_make(tx, doc, key, &wish.call_id, r->err);
	psm_json_free(doc);
	if (rc >= 0)
		rc = change(tx, inquiry, psm__follow_up_decide, &wish, r->err);
	if (rc > 0)
		r->planned++;
	return rc;
}

/* The communication service has a database of its own: a worker asks it. The
 * day is in the key, so that another day may ask again: when the job has failed,
 * and when its call is gone. */
static int
hand_over(struct run *r, psm_tx *tx, int64_t inquiry, const char *json)
{
	char key[48];
	int rc;

	(void)snprintf(key, sizeof(key), "%lld:%s", (long long)inquiry,
	               r->now.today);
	rc = psm_jobs_add(tx, JOB, key, json, NULL, r->err);
	if (rc > 0)
		r->handed_over++;
	return rc;
}

static int
call_at(struct run *r, psm_tx *tx, int64_t inquiry, int64_t therapist,
        const struct psm__slot *slot)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *json;
	size_t len;
	int rc;

	if (w == NULL)
		return psm__nomem(r->err);
	(void)write_call(inquiry, therapist, slot, w);
	rc = psm_json_writer_finish(w, &json, &len, r->err);
	if (rc == 0)
		rc = psm__app_has_table(
		    tx, "communication_service.telefonanrufe", r->err);
	if (rc >= 0)
		rc = rc > 0 ? make(r, tx, inquiry, json, len)
		            : hand_over(r, tx, inquiry, json);
	psm_json_writer_free(w);
	return rc;
}

/* Lock it, unless somebody else is at it: 1, or 0: it is not due any more. */
static int
lock(struct run *r, psm_tx *tx, int64_t inquiry)
{
	struct psm__number n;
	const char *params[] = {psm__number(&n, inquiry), r->before};
	int64_t found;
	int rc = psm__app_ask(
	    tx,
	    "SELECT 1 FROM matching_service.therapeutenanfrage a JOIN "
	    "matching_service.therapeuten_kopie t ON t.id = a.therapist_id "
	    "WHERE a.id = $1::integer AND a.gesendet_datum < $2::timestamp "
	    "AND " OPEN " AND " CALLED " FOR UPDATE OF a SKIP LOCKED",
	    2, params, &found, r->err);

	return rc < 0 ? rc : (int)found;
}

static int
follow_up(struct run *r, psm_tx *tx, int64_t inquiry, int64_t therapist)
{
	struct psm__call_times times = {0};
	struct psm__slot slot;
	int rc = lock(r, tx, inquiry);

	if (rc <= 0)
		return rc;
	rc = psm__call_times(tx, therapist, &times, r->err);
	if (rc == 0) {
		if (psm__follow_up_find(&times.reach, times.busy,
		                        times.busy_count, &times.holidays,
		                        r->default_time, &r->now, &slot))
			rc = call_at(r, tx, inquiry, therapist, &slot);
		else
			r->without_time++;
	}
	psm__call_times_free(&times);
	return rc;
}

/* A transaction for each: what is wrong with one stops no other. */
static int
one(struct run *r, int64_t inquiry, int64_t therapist)
{
	int64_t planned = r->planned, handed_over = r->handed_over;
	struct psm__number id;
	psm_tx *tx;
	int rc = psm__own_begin(r->store, &tx, NULL, r->err);

	if (rc == 0)
		rc = follow_up(r, tx, inquiry, therapist);
	rc = psm__own_end(tx, rc, NULL, r->err);
	if (rc >= 0)
		return 0;
	r->planned = planned;
	r->handed_over = handed_over;
	if (psm__app_is_system(rc) || rc == PSM_ERR_CONFIG)
		return rc;
	r->failed++;
	psm__log(PSM_LOG_WARN, "no follow-up of an inquiry", "inquiry_id",
	         psm__number(&id, inquiry), "code", psm_error_name(rc), NULL);
	psm__error_clear(r->err);
	return 0;
}

/* -- all of them */

static int
load(struct run *r, psm_rows **rows)
{
	struct psm__number now, days;
	const char *params[2];
	psm_tx *tx;
	int rc = psm__own_begin(r->store, &tx, NULL, r->err);

	if (rc == 0) {
		const psm_config *cfg = psm__tx_config(tx);

		rc = r->default_time =
		    read_time(cfg, "DEFAULT_PHONE_CALL_TIME", r->err);
		params[0] = psm__number(&now, psm_now_us());
		params[1] = psm__number(
		    &days, psm_config_int(cfg, "FOLLOW_UP_THRESHOLD_DAYS"));
	}
	if (rc >= 0)
		rc = psm__app_now(tx, &r->now, r->err);
	if (rc == 0)
		rc = psm_tx_exec(
		    tx,
		    "SELECT a.id, a.therapist_id, b.before::text FROM (SELECT " BEFORE(
			1,
			2) " AS before) b, "
			   "matching_service.therapeutenanfrage a JOIN "
			   "matching_service.therapeuten_kopie t "
			   "ON t.id = a.therapist_id WHERE a.gesendet_datum < " BEFORE(
			       1,
			       2) " AND " OPEN " AND " CALLED
				  " AND NOT " HANDED_OVER
				  " ORDER BY a.gesendet_datum, a.id LIMIT " CANDIDATES,
		    2, params, rows, r->err);
	return psm__own_end(tx, rc, NULL, r->err);
}

static int
tell(const struct run *r, char **out)
{
	struct psm__buf text = {0};

	psm__buf_printf(&text,
	                "{\"planned\":%lld,\"handed_over\":%lld,"
	                "\"without_time\":%lld,\"failed\":%lld}",
	                (long long)r->planned, (long long)r->handed_over,
	                (long long)r->without_time, (long long)r->failed);
	*out = psm__buf_take(&text, NULL);
	return *out != NULL ? 0 : psm__nomem(r->err);
}

int
psm_follow_up_run(psm_store *store, char **out, psm_error *err)
{
	struct run r = {.store = store, .err = err};
	psm_rows *rows = NULL;
	int rc;

	psm__error_clear(err);
	if (out != NULL)
		*out = NULL;
	rc = load(&r, &rows);
	if (rc == 0 && psm_rows_count(rows) > 0)
		(void)snprintf(r.before, sizeof(r.before), "%s",
		               psm_rows_text(rows, 0, 2));
	for (size_t i = 0; rc == 0 && i < psm_rows_count(rows); i++)
		rc =
		    one(&r, psm_rows_int(rows, i, 0), psm_rows_int(rows, i, 1));
	psm_rows_free(rows);
	if (rc == 0 && out != NULL)
		rc = tell(&r, out);
	return rc;
}

/* -- each day */

static int
run_job(psm_tx *tx, const char *key, const char *payload, void *user,
        psm_error *err)
{
	(void)tx; /* each inquiry has a transaction of its own */
	(void)key;
	(void)payload;
	return psm_follow_up_run(user, NULL, err);
}

int
psm_follow_up_daily(psm_jobs *jobs, psm_store *store, const psm_config *cfg,
                    psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (jobs == NULL || store == NULL || cfg == NULL)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "jobs, store or cfg is NULL");
	rc = read_time(cfg, "FOLLOW_UP_TIME", err);
	if (rc >= 0)
		rc = read_time(cfg, "DEFAULT_PHONE_CALL_TIME", err);
	return rc < 0 ? rc
	              : psm_jobs_daily(jobs, "follow_up.run",
	                               psm_config_string(cfg, "FOLLOW_UP_TIME"),
	                               PSM_JOBS_LATE, run_job, store, err);
}

/* -- calls of another database, and calls that are gone */

int
psm_follow_up_called(psm_tx *tx, int64_t inquiry_id, int64_t call_id,
                     psm_error *err)
{
	/* However new the inquiry is. */
	struct psm__follow_up wish = {.before = "9999", .call_id = call_id};

	psm__error_clear(err);
	if (tx == NULL || call_id < 1 || call_id > INT32_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a transaction and the number of a call");
	return change(tx, inquiry_id, psm__follow_up_decide, &wish, err);
}

int
psm__follow_up_lost(psm_tx *tx, int64_t call_id, psm_error *err)
{
	struct psm__number n;
	const char *params[] = {psm__number(&n, call_id)};
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx,
	                     "SELECT id FROM "
	                     "matching_service.therapeutenanfrage WHERE "
	                     "phone_call_id = $1::integer ORDER BY id",
	                     1, params, &rows, err);

	for (size_t i = 0; rc >= 0 && i < psm_rows_count(rows); i++)
		rc = change(tx, psm_rows_int(rows, i, 0),
		            psm__follow_up_decide_lost, &call_id, err);
	psm_rows_free(rows);
	return rc < 0 ? rc : 0;
}
