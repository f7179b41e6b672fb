/* SPDX-License-Identifier: BSD-2-Clause */
/* What a team wants to see of its inquiries beside events and requests: read
 * from the database now and then, and shown with the metrics. */
#include "rest/rest.h"

#include <stdio.h>
#include <string.h>

#define FIGURES_S 30
#define TEXT_SIZE 2048

struct figures {
	psm_store *store;
	int is_migrated; /* the worker's alone */
	/* Guards the text; nothing is called under it. */
	pthread_mutex_t lock;
	char text[TEXT_SIZE];
};

/* Of the newest inquiries, so that the cost does not grow: more than these are
 * not made in a month. The day is Berlin's. */
#define NEWEST                                                                 \
	"WITH n AS (SELECT * FROM matching_service.therapeutenanfrage"         \
	" WHERE id > (SELECT coalesce(max(id), 0) - 20000"                     \
	" FROM matching_service.therapeutenanfrage)),"                         \
	" d AS (SELECT date_trunc('day', now() AT TIME ZONE 'Europe/Berlin')"  \
	" AT TIME ZONE 'Europe/Berlin' AT TIME ZONE 'UTC' AS today)"

static const char inquiries[] =
    NEWEST " SELECT count(*) FILTER (WHERE erstellt_datum >= today),"
	   " count(*) FILTER (WHERE gesendet_datum >= today),"
	   " count(*) FILTER (WHERE antwort_datum >= today),"
	   " coalesce(extract(epoch FROM avg(antwort_datum - gesendet_datum)"
	   " FILTER (WHERE antwort_datum >= today - interval '30 days'"
	   " AND antwort_datum >= gesendet_datum)), 0)::bigint,"
	   " count(*) FILTER (WHERE phone_call_id IS NOT NULL),"
	   /* not to_regclass(): it fails where the schema may not be used */
	   " (SELECT count(*) > 0 FROM pg_class c JOIN pg_namespace s"
	   " ON s.oid = c.relnamespace"
	   " WHERE s.nspname = 'communication_service'"
	   " AND c.relname = 'telefonanrufe'"
	   " AND has_schema_privilege(s.oid, 'USAGE')"
	   " AND has_table_privilege(c.oid, 'SELECT'))"
	   " FROM n, d";

/* Where the calls are in the same database. */
static const char calls_done[] =
    NEWEST " SELECT count(*) FROM n JOIN communication_service.telefonanrufe c"
	   " ON c.id = n.phone_call_id WHERE c.status::text = 'abgeschlossen'";

static void
put(struct figures *f, const psm_rows *rows, int64_t done)
{
	char done_line[80] = "";

	if (done >= 0)
		(void)snprintf(done_line, sizeof done_line,
		               "psymatch_follow_ups{what=\"done\"} %lld\n",
		               (long long)done);
	pthread_mutex_lock(&f->lock);
	(void)snprintf(
	    f->text, sizeof f->text,
	    "# HELP psymatch_inquiries_today Inquiries of this day in Berlin.\n"
	    "# TYPE psymatch_inquiries_today gauge\n"
	    "psymatch_inquiries_today{what=\"created\"} %s\n"
	    "psymatch_inquiries_today{what=\"sent\"} %s\n"
	    "psymatch_inquiries_today{what=\"answered\"} %s\n"
	    "# HELP psymatch_inquiry_answer_seconds Mean time from sending to "
	    "answer, of answers of the last 30 days.\n"
	    "# TYPE psymatch_inquiry_answer_seconds gauge\n"
	    "psymatch_inquiry_answer_seconds %s\n"
	    "# HELP psymatch_follow_ups Calls about the newest 20,000 "
	    "inquiries.\n"
	    "# TYPE psymatch_follow_ups gauge\n"
	    "psymatch_follow_ups{what=\"planned\"} %s\n%s",
	    psm_rows_text(rows, 0, 0), psm_rows_text(rows, 0, 1),
	    psm_rows_text(rows, 0, 2), psm_rows_text(rows, 0, 3),
	    psm_rows_text(rows, 0, 4), done_line);
	pthread_mutex_unlock(&f->lock);
}

static int
read_all(struct figures *f, psm_tx *tx, psm_error *err)
{
	psm_rows *rows = NULL, *done = NULL;
	int rc = psm_tx_exec(tx, inquiries, 0, NULL, &rows, err);

	if (rc >= 0 && strcmp(psm_rows_text(rows, 0, 5), "t") == 0)
		rc = psm_tx_exec(tx, calls_done, 0, NULL, &done, err);
	if (rc >= 0)
		put(f, rows, done ? psm_rows_int(done, 0, 0) : -1);
	psm_rows_free(rows);
	psm_rows_free(done);
	return rc < 0 ? rc : PSM_OK;
}

/* At a first start the tables may not be there yet. */
static int
run(void *user, psm_error *err)
{
	struct figures *f = user;
	psm_tx *tx = NULL;
	int rc = f->is_migrated ? PSM_OK
	                        : psm_store_migrate(f->store, "psymatch", err);

	if (rc == PSM_OK && !f->is_migrated)
		rc = psm_store_migrate(f->store, "matching", err);
	if (rc == PSM_OK) {
		f->is_migrated = 1;
		rc = psm_tx_begin(f->store, &tx, err);
	}
	if (rc == PSM_OK)
		rc = read_all(f, tx, err);
	psm_tx_rollback(tx); /* nothing was changed */
	return rc;
}

static char *
show(void *user)
{
	struct figures *f = user;
	char *copy;

	pthread_mutex_lock(&f->lock);
	copy = psm__strdup(f->text);
	pthread_mutex_unlock(&f->lock);
	return copy;
}

static void
figures_free(void *ptr)
{
	struct figures *f = ptr;

	pthread_mutex_destroy(&f->lock);
	psm__free(f);
}

int
psm__rest_figures(psm_service *svc, psm_store *st, psm_error *err)
{
	struct figures *f = psm__alloc(sizeof *f);
	int rc;

	if (!f)
		return psm__nomem(err);
	f->store = st;
	pthread_mutex_init(&f->lock, NULL);
	rc = psm__svc_own(svc, f, figures_free, err); /* also when it fails */
	if (rc < 0)
		return rc;
	svc->more_metrics = show;
	svc->more_metrics_user = f;
	return psm_service_worker(svc, "figures", FIGURES_S, run, f, err);
}
