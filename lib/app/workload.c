/* SPDX-License-Identifier: BSD-2-Clause */
/* What therapists have to do, and how they answer. */
#include "app/workload.h"

#include <stdlib.h>
#include <string.h>

#include <psymatch/suggestion.h>

#include "app/own_tx.h"
#include "domain/geo.h"
#include "json/json.h"

/* An inquiry whose mail or call failed afterwards did not reach the therapist.
 * It is answered when a patient was accepted or refused, as in reports. */
const char psm__workload_sql[] =
    " CROSS JOIN LATERAL (SELECT z.*, a.* FROM (SELECT "
    "count(*) FILTER (WHERE z.status = 'anstehend') AS waiting, "
    "count(*) FILTER (WHERE z.status = 'angenommen') AS accepted, "
    "count(*) FILTER (WHERE z.status = 'abgelehnt') AS rejected, "
    "count(*) FILTER (WHERE z.status = 'keine_antwort') AS unanswered "
    "FROM therapist_service.zuordnungen z WHERE z.therapist_id = t.id) z, "
    "(SELECT count(*) AS sent, count(*) FILTER (WHERE a.answer) AS answered, "
    "coalesce(sum(a.angenommen) FILTER (WHERE a.answer), 0) AS "
    "answered_accepted, coalesce(sum(a.angenommen + a.abgelehnt) FILTER "
    "(WHERE a.answer), 0) AS answered_patients, "
    "(avg(greatest(extract(epoch FROM a.beantwortet_am - a.gesendet_am), 0)) "
    "FILTER (WHERE a.answer) / 3600)::float8 AS hours, "
    "to_char(max(a.gesendet_am) AT TIME ZONE 'UTC', "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS last_sent, "
    "to_char(max(a.beantwortet_am) FILTER (WHERE a.answer) AT TIME ZONE "
    "'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS last_answer "
    "FROM (SELECT *, beantwortet_am IS NOT NULL AND coalesce(angenommen, 0) + "
    "coalesce(abgelehnt, 0) > 0 AS answer FROM therapist_service.anfragen "
    "WHERE therapist_id = t.id AND gesendet_am IS NOT NULL OFFSET 0) a "
    "WHERE a.answer OR NOT EXISTS (SELECT FROM therapist_service.zustellungen "
    "f WHERE f.art = a.gesendet_per AND f.id = a.kommunikation_id AND "
    "f.gescheitert AND f.event_time > a.gesendet_am)) a) w ";

enum {
	WAITING,
	ACCEPTED,
	REJECTED,
	UNANSWERED,
	SENT,
	ANSWERED,
	OF_ACCEPTED,
	OF_PATIENTS,
	HOURS,
	LAST_SENT,
	LAST_ANSWER
};

static void
put_rate(psm_json_writer *w, const char *name, int64_t part, int64_t whole)
{
	psm_json_write_key(w, name);
	if (whole > 0)
		psm_json_write_double(
		    w, psm__geo_round((double)part / (double)whole, 4));
	else
		psm_json_write_null(w);
}

static void
put_text(psm_json_writer *w, const char *name, const char *text)
{
	psm_json_write_key(w, name);
	if (text != NULL)
		psm_json_write_string(w, text);
	else
		psm_json_write_null(w);
}

void
psm__workload_write(psm_json_writer *w, const psm_rows *rows, size_t i,
                    size_t column)
{
	static const char *const counts[] = {
	    "pending_patients",    "accepted_patients", "rejected_patients",
	    "unanswered_patients", "sent_inquiries",    "answered_inquiries"};
	const char *hours = psm_rows_text(rows, i, column + HOURS);

	for (size_t n = 0; n < PSM__COUNT(counts); n++) {
		psm_json_write_key(w, counts[n]);
		psm_json_write_int(w, psm_rows_int(rows, i, column + n));
	}
	put_rate(w, "response_rate", psm_rows_int(rows, i, column + ANSWERED),
	         psm_rows_int(rows, i, column + SENT));
	put_rate(w, "acceptance_rate",
	         psm_rows_int(rows, i, column + OF_ACCEPTED),
	         psm_rows_int(rows, i, column + OF_PATIENTS));
	psm_json_write_key(w, "hours_to_response");
	if (hours != NULL)
		psm_json_write_double(w,
		                      psm__geo_round(strtod(hours, NULL), 2));
	else
		psm_json_write_null(w);
	put_text(w, "last_sent", psm_rows_text(rows, i, column + LAST_SENT));
	put_text(w, "last_response",
	         psm_rows_text(rows, i, column + LAST_ANSWER));
}

static void
write_one(psm_json_writer *w, const psm_rows *rows, size_t i)
{
	psm_json_write_object(w);
	psm_json_write_key(w, "therapist_id");
	psm_json_write_int(w, psm_rows_int(rows, i, 0));
	psm__workload_write(w, rows, i, 1);
	psm_json_write_end(w);
}

#define SELECT                                                                 \
	"SELECT t.id, " PSM__WORKLOAD_COLUMNS                                  \
	" FROM therapist_service.therapeuten t"

int
psm_therapist_workload(psm_store *store, int64_t id, char **out, psm_error *err)
{
	struct psm__number number;
	const char *param = psm__number(&number, id);
	struct psm__buf sql = {0};
	psm_json_writer *w;
	psm_rows *rows = NULL;
	psm_tx *tx = NULL;
	int rc = psm__own_begin_out(store, &tx, out, err);

	psm__buf_printf(&sql, SELECT "%s WHERE t.id = $1::bigint",
	                psm__workload_sql);
	if (rc == 0)
		rc = sql.failed
		         ? psm__nomem(err)
		         : psm_tx_exec(tx, sql.data, 1, &param, &rows, err);
	if (rc == 0 && psm_rows_count(rows) == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND,
		               "Therapist %lld not found", (long long)id);
	if (rc == 0) {
		w = psm_json_writer_new();
		write_one(w, rows, 0);
		rc = psm__json_take(w, 0, out, err);
	}
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return psm__own_end(tx, rc, out, err);
}

/* -- the list */

/* The page first: what a therapist has to do is asked for these only. */
#define PAGE                                                                   \
	"SELECT t.id, " PSM__WORKLOAD_COLUMNS " FROM (SELECT id FROM "         \
	"therapist_service.therapeuten WHERE plz ~>=~ $1 AND plz ~<~ $2 "      \
	"ORDER BY id LIMIT $3::bigint OFFSET ($4::bigint - 1) * $3::bigint) t" \
	"%s ORDER BY t.id"
#define PAGE_OF_ALL                                                            \
	"SELECT t.id, " PSM__WORKLOAD_COLUMNS " FROM (SELECT id FROM "         \
	"therapist_service.therapeuten ORDER BY id LIMIT $1::bigint "          \
	"OFFSET ($2::bigint - 1) * $1::bigint) t%s ORDER BY t.id"

/* The first text behind all that begin with a prefix of digits. */
static int
prefix_end(const char *prefix, char end[8], psm_error *err)
{
	size_t digits = strlen(prefix);

	if (digits < 1 || digits > 5 || !psm__is_digits(prefix, digits)) {
		(void)psm__fail(err, PSM_ERR_SCHEMA,
		                "plz_prefix: want 1 to 5 digits");
		psm__error_fault(err, "/plz_prefix", "want 1 to 5 digits");
		return PSM_ERR_SCHEMA;
	}
	memcpy(end, prefix, digits + 1);
	end[digits - 1]++; /* behind "9" comes ":" */
	return 0;
}

static int
list(psm_tx *tx, const char *prefix, int page, int limit, char **out,
     psm_error *err)
{
	struct psm__number n[2];
	const char *params[4], *const *paging = params + 2;
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int64_t total = 0;
	char end[8];
	int rc = prefix != NULL ? prefix_end(prefix, end, err) : 0;

	params[0] = prefix;
	params[1] = end;
	params[2] = psm__number(&n[0], limit);
	params[3] = psm__number(&n[1], page);
	if (rc < 0)
		return rc;
	if (prefix != NULL)
		psm__buf_printf(&sql, PAGE, psm__workload_sql);
	else
		psm__buf_printf(&sql, PAGE_OF_ALL, psm__workload_sql);
	rc = sql.failed
	         ? psm__nomem(err)
	         : psm__app_ask(tx,
	                        prefix != NULL
	                            ? "SELECT count(*) FROM "
	                              "therapist_service.therapeuten "
	                              "WHERE plz ~>=~ $1 AND plz ~<~ $2"
	                            : "SELECT count(*) FROM "
	                              "therapist_service.therapeuten",
	                        prefix != NULL ? 2 : 0, params, &total, err);
	if (rc == 0)
		rc = psm_tx_exec(tx, sql.data, prefix != NULL ? 4 : 2,
		                 prefix != NULL ? params : paging, &rows, err);
	if (rc == 0)
		rc = psm__list_write(rows, write_one, page, limit, total, out,
		                     err);
	psm_rows_free(rows);
	psm__buf_free(&sql);
	return rc;
}

int
psm_therapist_workloads(psm_store *store, const char *plz_prefix, int page,
                        int limit, char **out, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm__own_begin_out(store, &tx, out, err);

	if (rc == 0 && (page < 1 || limit < 1 || limit > 1000))
		rc = psm__fail(err, PSM_ERR_INVAL,
		               "want a page from 1 on and a limit of 1 to "
		               "1000");
	if (rc == 0)
		rc = list(tx, plz_prefix, page, limit, out, err);
	return psm__own_end(tx, rc, out, err);
}
