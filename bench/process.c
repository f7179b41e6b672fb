/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process: one UPDATE for each event, with its inbox row. By a program that
 * makes a transaction of each (BEGIN, INSERT into the inbox, UPDATE, COMMIT:
 * four round trips with prepared statements, the events need not be read or
 * parsed), and by a processor, which reads and checks them; also when they are
 * parked and due, each of a key of its own, or all of one. The transport is the
 * process's own memory, so the database is what is measured: it should be one
 * that writes to a disk.
 *
 * WITH_POSTGRES_FSYNC=on build-aux/with-postgres bench/process
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#include <libpq-fe.h>
#include <psymatch/psymatch.h>

#define TOPIC "therapist-events"
#define TYPE "therapist.updated"

/* What all sides have: the events, and a connection beside the library's. */
struct work {
	struct bench_events events;
	char (*ids)[40]; /* of the events */
	PGconn *pg;
	psm_store *st;
	psm_transport *t; /* with the events in it */
};

static void
consumer_name(char *text, size_t size)
{
	static int n;

	snprintf(text, size, "bench-%ld-%d", (long)getpid(), n++);
}

static int
run(PGconn *pg, const char *sql)
{
	PGresult *res = PQexec(pg, sql);
	int ok = PQresultStatus(res) == PGRES_COMMAND_OK ||
	         PQresultStatus(res) == PGRES_TUPLES_OK;

	if (!ok)
		fprintf(stderr, "%s: %s", sql, PQerrorMessage(pg));
	PQclear(res);
	return ok ? 0 : -1;
}

/* -- by hand */

static int
run_prepared(PGconn *pg, const char *name, int count, const char *const *params)
{
	PGresult *res = PQexecPrepared(pg, name, count, params, NULL, NULL, 0);
	int ok = PQresultStatus(res) == PGRES_COMMAND_OK;

	if (!ok)
		fprintf(stderr, "%s: %s", name, PQerrorMessage(pg));
	PQclear(res);
	return ok ? 0 : -1;
}

static int
prepare(PGconn *pg)
{
	static const char *const sql[][2] = {
	    {"begin", "BEGIN"},
	    {"claim", "INSERT INTO psymatch.inbox (consumer, event_id) VALUES "
	              "($1, $2::uuid) ON CONFLICT DO NOTHING"},
	    {"update",
	     "UPDATE bench_process SET n = n + 1 WHERE id = $1::integer"},
	    {"commit", "COMMIT"},
	};
	int rc = run(pg, "DEALLOCATE ALL");
	size_t i;

	for (i = 0; i < sizeof sql / sizeof sql[0] && rc == 0; i++) {
		PGresult *res = PQprepare(pg, sql[i][0], sql[i][1], 0, NULL);

		rc = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : -1;
		PQclear(res);
	}
	return rc;
}

static int
run_by_hand(const struct bench_options *o, void *arg)
{
	struct work *w = arg;
	char consumer[64], key[24];
	int rc = prepare(w->pg);

	consumer_name(consumer, sizeof consumer);
	bench_begin();
	for (size_t i = 0; i < o->count && rc == 0; i++) {
		const char *claim[] = {consumer, w->ids[i]};
		const char *update[] = {key};

		bench_key(i, key, sizeof key);
		rc = run_prepared(w->pg, "begin", 0, NULL);
		if (rc == 0)
			rc = run_prepared(w->pg, "claim", 2, claim);
		if (rc == 0)
			rc = run_prepared(w->pg, "update", 1, update);
		if (rc == 0)
			rc = run_prepared(w->pg, "commit", 0, NULL);
	}
	return rc;
}

/* -- by a processor */

static int
update(psm_tx *tx, const psm_event *ev, void *user, psm_error *err)
{
	const char *params[] = {psm_event_key(ev)};

	(void)user;
	return psm_tx_queue(tx,
	                    "UPDATE bench_process SET n = n + 1 WHERE id = "
	                    "$1::integer",
	                    1, params, err);
}

/* All are done, or nothing has been for 30 s. */
static int
wait_handled(psm_processor *pr, size_t count)
{
	int64_t before = 0, now = 0;
	int idle = 0;

	while (now < (int64_t)count && idle < 30000) {
		usleep(1000);
		now = psm_processor_stat(pr, "handled");
		idle = now == before ? idle + 1 : 0;
		before = now;
	}
	return now == (int64_t)count ? 0 : -1;
}

static int
process(const struct work *w, psm_transport *from, const char *consumer,
        const char *workers, size_t count)
{
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_processor *pr = NULL;
	int rc = psm_config_from_env(&cfg, err);

	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_PROCESSOR_WORKERS", workers,
		                    err);
	if (rc == 0)
		rc = psm_processor_new(w->st, from, cfg, consumer, &pr, err);
	if (rc == 0)
		rc = psm_processor_subscribe(pr, TOPIC, err);
	if (rc == 0)
		rc = psm_processor_on(pr, TYPE, update, NULL, err);
	bench_begin();
	if (rc == 0)
		rc = psm_processor_start(pr, err);
	if (rc == 0)
		rc = wait_handled(pr, count);
	if (rc < 0)
		fprintf(stderr, "process: %s\n", psm_error_message(err));
	psm_processor_free(pr);
	psm_config_free(cfg);
	psm_error_free(err);
	return rc;
}

static int
run_sent(const struct work *w, const char *workers, size_t count)
{
	char consumer[64];

	consumer_name(consumer, sizeof consumer);
	return process(w, w->t, consumer, workers, count);
}

static int
run_four(const struct bench_options *o, void *work)
{
	return run_sent(work, "4", o->count);
}

static int
run_one(const struct bench_options *o, void *work)
{
	return run_sent(work, "1", o->count);
}

/* -- the same, parked */

static int
park(const struct work *w, const char *consumer, int one_key, size_t i)
{
	const struct bench_events *e = &w->events;
	const char *state = one_key && i > 0 ? "waiting" : "retry";
	char key[24];
	const char *params[] = {consumer, one_key ? "1" : key, w->ids[i], state,
	                        e->bytes + e->at[i]};
	int lengths[] = {0, 0, 0, 0, (int)(e->at[i + 1] - e->at[i])};
	int formats[] = {0, 0, 0, 0, 1}, ok;
	PGresult *res;

	bench_key(i, key, sizeof key);
	res = PQexecParams(
	    w->pg,
	    "INSERT INTO psymatch.parked (consumer, key, event_id, type, "
	    "topic, partition, \"offset\", raw, state) VALUES ($1, $2, "
	    "$3::uuid, '" TYPE "', '" TOPIC "', 0, 0, $5::bytea, $4)",
	    5, NULL, params, lengths, formats, 0);
	ok = PQresultStatus(res) == PGRES_COMMAND_OK;
	if (!ok)
		fprintf(stderr, "park: %s", PQerrorMessage(w->pg));
	PQclear(res);
	return ok ? 0 : -1;
}

static int
run_parked(const struct work *w, int one_key, size_t count)
{
	psm_transport *empty = NULL;
	char consumer[64];
	size_t i;
	int rc = run(w->pg, "BEGIN");

	consumer_name(consumer, sizeof consumer);
	for (i = 0; i < count && rc == 0; i++)
		rc = park(w, consumer, one_key, i);
	if (rc == 0)
		rc = run(w->pg, "COMMIT");
	if (rc == 0)
		rc = run(w->pg, "ANALYZE psymatch.parked");
	if (rc == 0)
		rc = psm_transport_memory(1, &empty, NULL);
	if (rc == 0)
		rc = process(w, empty, consumer, "1", count);
	psm_transport_unref(empty);
	return rc;
}

static int
run_parked_keys(const struct bench_options *o, void *work)
{
	return run_parked(work, 0, o->count);
}

static int
run_parked_key(const struct bench_options *o, void *work)
{
	return run_parked(work, 1, o->count);
}

/* -- before */

static int
send_one(psm_producer *p, struct work *w, size_t i, psm_error *err)
{
	const struct bench_events *e = &w->events;
	psm_event *ev = NULL;
	size_t left;
	int rc = psm_event_parse(e->bytes + e->at[i], e->at[i + 1] - e->at[i],
	                         &ev, err);

	if (rc == 0) {
		snprintf(w->ids[i], sizeof w->ids[i], "%s", psm_event_id(ev));
		rc = psm_producer_send(p, TOPIC, ev, err);
	}
	if (rc == PSM_ERR_FULL) {
		rc = psm_producer_flush(p, 60000, &left, err);
		if (rc == 0)
			rc = psm_producer_send(p, TOPIC, ev, err);
	}
	psm_event_free(ev);
	return rc;
}

static int
fill(struct work *w, const psm_config *cfg, psm_error *err)
{
	psm_producer *p = NULL;
	size_t i, left = 0;
	int rc = psm_producer_new(w->t, cfg, &p, err);

	if (rc == 0)
		rc = psm_producer_start(p, err);
	for (i = 0; i < w->events.count && rc == 0; i++)
		rc = send_one(p, w, i, err);
	if (rc == 0)
		rc = psm_producer_close(p, 60000, &left, err);
	psm_producer_free(p);
	return rc;
}

static int
set_up(struct work *w, size_t count, psm_error *err)
{
	psm_config *cfg = NULL;
	int rc = psm_config_from_env(&cfg, err);

	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", "none", err);
	w->ids = calloc(count, sizeof *w->ids);
	if (!w->ids || bench_events_make(&w->events, count) != 0)
		rc = PSM_ERR_NOMEM;
	if (rc == 0)
		rc = psm_store_open(cfg, &w->st, err);
	if (rc == 0)
		rc = psm_store_migrate(w->st, "psymatch", err);
	if (rc == 0)
		rc = psm_transport_memory(3, &w->t, err);
	if (rc == 0)
		rc = fill(w, cfg, err);
	if (rc == 0) {
		const char *const names[] = {"host", "port",     "dbname",
		                             "user", "password", NULL};
		const char *const values[] = {
		    psm_config_string(cfg, "DB_HOST"),
		    psm_config_string(cfg, "DB_PORT"),
		    psm_config_string(cfg, "DB_NAME"),
		    psm_config_string(cfg, "DB_USER"),
		    psm_config_string(cfg, "DB_PASSWORD"),
		    NULL};

		w->pg = PQconnectdbParams(names, values, 0);
		rc = PQstatus(w->pg) == CONNECTION_OK ? 0 : PSM_ERR_DB;
	}
	psm_config_free(cfg);
	return rc;
}

static void
clear(struct work *w)
{
	PQfinish(w->pg);
	psm_transport_unref(w->t);
	psm_store_free(w->st);
	bench_events_free(&w->events);
	free(w->ids);
}

int
main(int argc, char **argv)
{
	struct bench_side sides[] = {
	    {.name = "by hand: a transaction each", .run = run_by_hand},
	    {.name = "psymatch, 4 workers", .run = run_four},
	    {.name = "psymatch, parked, a key each", .run = run_parked_keys},
	    {.name = "psymatch, parked, one key", .run = run_parked_key},
	    {.name = "psymatch, 1 worker", .run = run_one},
	};
	struct bench_options o = {.count = 10000};
	psm_error *err = psm_error_new();
	struct work w = {0};
	int rc;

	bench_options(argc, argv, &o);
	o.bootstrap = "the process's memory";
	o.durability = "of the database";
	rc = set_up(&w, o.count, err);
	if (rc == 0)
		rc = run(w.pg, "SET client_min_messages = warning");
	if (rc == 0)
		rc = run(w.pg, "DROP TABLE IF EXISTS bench_process");
	if (rc == 0)
		rc = run(w.pg,
		         "CREATE TABLE bench_process AS SELECT id, 0::bigint "
		         "AS n FROM generate_series(1, 40000) AS id");
	if (rc == 0)
		rc =
		    run(w.pg, "ALTER TABLE bench_process ADD PRIMARY KEY (id), "
		              "SET (fillfactor = 50)");
	if (rc == 0)
		rc = run(w.pg, "VACUUM FULL ANALYZE bench_process");
	if (rc < 0)
		fprintf(stderr, "process: cannot set up: %s\n",
		        psm_error_message(err));
	else
		rc = bench_compare(&o, sides, sizeof sides / sizeof sides[0],
		                   &w);
	clear(&w);
	psm_error_free(err);
	return rc ? 1 : 0;
}
