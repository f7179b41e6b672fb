/* SPDX-License-Identifier: BSD-2-Clause */
/* When a therapist can be called: his hours, the calls that are planned, the
 * holidays. */
#include "app/call.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "store/store.h"

/* A list of holidays is a few lines a year. */
#define FILE_MAX (1024 * 1024)

/* -- holidays */

static int
read_file(FILE *f, const char *path, struct psm__holidays *out, psm_error *err)
{
	char *text = psm__alloc(FILE_MAX + 1);
	size_t len;
	int rc = 0;

	if (text == NULL)
		return psm__nomem(err);
	len = fread(text, 1, FILE_MAX + 1, f);
	if (ferror(f) || len > FILE_MAX)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "PSYMATCH_HOLIDAYS_FILE: %s: want a file of at "
		               "most 1 MiB",
		               path);
	if (rc == 0)
		rc = psm__holidays_read(text, len, out, err);
	if (rc == PSM_ERR_SCHEMA) {
		char why[200];

		(void)snprintf(why, sizeof(why), "%s", psm_error_message(err));
		psm__error_clear(err);
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "PSYMATCH_HOLIDAYS_FILE: %s: %s", path, why);
	}
	psm__free(text);
	return rc;
}

int
psm__holidays(const psm_config *cfg, struct psm__holidays *out, psm_error *err)
{
	const char *path = psm_config_string(cfg, "PSYMATCH_HOLIDAYS_FILE");
	FILE *f;
	int rc;

	memset(out, 0, sizeof(*out));
	if (path == NULL || *path == '\0')
		return 0;
	f = fopen(path, "re");
	if (f == NULL)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "PSYMATCH_HOLIDAYS_FILE: cannot open %s: %s",
		                 path, strerror(errno));
	rc = read_file(f, path, out, err);
	(void)fclose(f);
	return rc;
}

/* -- hours */

/* The therapist service's row, where its tables are here, else the matching
 * service's copy; where neither is, nothing is known. */
static const struct {
	const char *table, *sql;
} sources[] = {
    {"therapist_service.therapeuten",
     "SELECT telefonische_erreichbarkeit FROM therapist_service.therapeuten "
     "WHERE id = $1::integer"},
    {"matching_service.therapeuten_kopie",
     "SELECT telefonische_erreichbarkeit FROM "
     "matching_service.therapeuten_kopie WHERE id = $1::integer"},
};

static int
read_hours(psm_tx *tx, const char *id, const char *sql, struct psm__reach *out,
           psm_error *err)
{
	psm_json *doc = NULL;
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(tx, sql, 1, &id, &rows, err);
	const char *text = rc == 0 ? psm_rows_text(rows, 0, 0) : NULL;

	/* jsonb may hold what the strict reader does not take. */
	if (text != NULL && psm_json_parse(text, strlen(text), &doc, NULL) < 0)
		out->faults = 1;
	if (doc != NULL)
		rc = psm__reach_read(doc, out, err);
	if (rc == 0 && out->faults > 0)
		psm__log(PSM_LOG_WARN,
		         "parts of telefonische_erreichbarkeit say no time",
		         "therapist_id", id, NULL);
	psm_json_free(doc);
	psm_rows_free(rows);
	return rc;
}

static int
load_hours(psm_tx *tx, const char *id, struct psm__reach *out, psm_error *err)
{
	for (size_t i = 0; i < PSM__COUNT(sources); i++) {
		int rc = psm__app_has_table(tx, sources[i].table, err);

		if (rc < 0)
			return rc;
		if (rc > 0)
			return read_hours(tx, id, sources[i].sql, out, err);
	}
	return 0;
}

/* -- planned calls */

static int
load_busy(psm_tx *tx, const char *id, struct psm__call_times *t, psm_error *err)
{
	struct psm__number now;
	const char *params[] = {id, psm__number(&now, psm_now_us())};
	psm_rows *rows = NULL;
	int rc =
	    psm__app_has_table(tx, "communication_service.telefonanrufe", err);
	size_t count;

	if (rc <= 0)
		return rc;
	rc = psm_tx_exec(
	    tx,
	    "SELECT geplantes_datum - date '1970-01-01', "
	    "extract(hour FROM geplante_zeit)::integer * 60 + "
	    "extract(minute FROM geplante_zeit)::integer, "
	    "greatest(coalesce(dauer_minuten, 5), 1) "
	    "FROM communication_service.telefonanrufe "
	    "WHERE therapist_id = $1::integer AND status = 'geplant' "
	    "AND geplantes_datum >= (timestamptz 'epoch' + $2::bigint * "
	    "interval '1 microsecond')::date - 1 "
	    "AND isfinite(geplantes_datum)",
	    2, params, &rows, err);
	count = psm_rows_count(rows);
	t->busy =
	    rc == 0 && count > 0 ? psm__array(count, sizeof(*t->busy)) : NULL;
	if (rc == 0 && count > 0 && t->busy == NULL)
		rc = psm__nomem(err);
	for (size_t i = 0; rc == 0 && i < count; i++) {
		int from = (int)psm_rows_int(rows, i, 1);

		t->busy[i] = (struct psm__busy){
		    .day = psm_rows_int(rows, i, 0),
		    .from = from,
		    .to = from + (int)psm_rows_int(rows, i, 2)};
		t->busy_count++;
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__call_lock(psm_tx *tx, int64_t therapist, psm_error *err)
{
	struct psm__number n;
	const char *id = psm__number(&n, therapist);
	int64_t none;

	return psm__app_ask(
	    tx,
	    "SELECT 1 FROM (SELECT pg_advisory_xact_lock("
	    "hashtextextended('psymatch call of therapist ' || $1::text, "
	    "0))) l",
	    1, &id, &none, err);
}

int
psm__call_times(psm_tx *tx, int64_t therapist, struct psm__call_times *out,
                psm_error *err)
{
	struct psm__number n;
	const char *id = psm__number(&n, therapist);
	int rc;

	memset(out, 0, sizeof(*out));
	rc = psm__holidays(psm__tx_config(tx), &out->holidays, err);
	if (rc < 0 || therapist == 0)
		return rc;
	rc = psm__call_lock(tx, therapist, err);
	if (rc == 0)
		rc = load_hours(tx, id, &out->reach, err);
	if (rc == 0)
		rc = load_busy(tx, id, out, err);
	return rc;
}

void
psm__call_times_free(struct psm__call_times *t)
{
	psm__reach_free(&t->reach);
	psm__holidays_free(&t->holidays);
	psm__free(t->busy);
	memset(t, 0, sizeof(*t));
}
