/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inquiries composed through PostgreSQL, one after another, each a transaction
 * of its own with its events: --few active searches, then --searches, for
 * --count of --therapists invented therapists each. What grows with the number
 * of searches would show in the ratio, and in sequential scans:
 * build-aux/with-postgres --private bench/inquiry.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"
#include "people.h"

static int few = 10000, searches = 1000000, therapists = 40000, count = 1000;
static int json;
static psm_store *store;
static psm_error *err;

static void
check(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "inquiry: %s\n", psm_error_message(err));
	exit(1);
}

static double
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void
show(const char *name, double value, const char *unit)
{
	if (json)
		printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
		       name, value, unit);
	else
		printf("%-44s %10.4g %s\n", name, value, unit);
	fflush(stdout);
}

static int64_t
ask(const char *sql)
{
	psm_rows *rows = NULL;
	int64_t n;

	check(psm_store_exec(store, sql, 0, NULL, &rows, err));
	n = psm_rows_int(rows, 0, 0);
	psm_rows_free(rows);
	return n;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of the tables that grow with searches. */
static int64_t
sequential_scans(void)
{
	check(psm_store_exec(store, "SELECT pg_stat_force_next_flush()", 0,
	                     NULL, NULL, err));
	return ask("SELECT coalesce(sum(seq_scan), 0)::bigint FROM "
	           "pg_stat_user_tables WHERE relname IN ('platzsuche', "
	           "'aktive_suchen', 'patienten_kopie', 'therapeuten_kopie')");
}

/* 1: made, 0: nobody fits; its area is that of the therapist. */
static int
create(int id)
{
	char sql[100], prefix[3] = "";
	psm_rows *rows = NULL;
	int rc;

	(void)snprintf(sql, sizeof(sql),
	               "SELECT left(plz, 2) FROM "
	               "matching_service.therapeuten_kopie WHERE id = %d",
	               id);
	check(psm_store_exec(store, sql, 0, NULL, &rows, err));
	(void)snprintf(prefix, sizeof(prefix), "%s", psm_rows_text(rows, 0, 0));
	psm_rows_free(rows);
	rc = psm_inquiry_create(store, id, prefix, NULL, 0, NULL, err);
	check(rc);
	return rc;
}

/* The p99. */
static double
measure(int size)
{
	double *ms = malloc(sizeof(*ms) * (size_t)count), p99;
	int64_t before;
	int made = 0;

	if (ms == NULL)
		exit(1);
	for (int i = 0; i < 20; i++) /* statements are prepared */
		(void)create(1 + i);
	before = sequential_scans();
	for (int i = 0; i < count; i++) {
		int id = 21 + (int)((int64_t)i * (therapists - 20) / count);
		double begin = now_ms();

		made += create(id);
		ms[i] = now_ms() - begin;
	}
	qsort(ms, (size_t)count, sizeof(*ms), by_value);
	p99 = ms[count * 99 / 100];
	show("active searches", size, "");
	show("  inquiries made", made, "");
	show("  p50", ms[count / 2], "ms");
	show("  p99", p99, "ms");
	show("  longest", ms[count - 1], "ms");
	show("  sequential scans", (double)(sequential_scans() - before), "");
	free(ms);
	check(psm_store_exec(store,
	                     "DELETE FROM matching_service.therapeutenanfrage",
	                     0, NULL, NULL, err));
	check(psm_store_exec(store, "DELETE FROM psymatch.outbox", 0, NULL,
	                     NULL, err));
	check(people_analyze(store, err));
	return p99;
}

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"few", required_argument, NULL, 'f'},
	    {"searches", required_argument, NULL, 's'},
	    {"therapists", required_argument, NULL, 't'},
	    {"count", required_argument, NULL, 'c'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'f')
			few = atoi(optarg);
		else if (c == 's')
			searches = atoi(optarg);
		else if (c == 't')
			therapists = atoi(optarg);
		else if (c == 'c')
			count = atoi(optarg);
		else if (c == 'j')
			json = 1;
		else
			optind = argc + 1;
	}
	if (optind == argc && few > 0 && searches > few && count > 0 &&
	    therapists > 20 + count)
		return;
	fprintf(stderr,
	        "usage: %s [--few N] [--searches N] [--therapists N] "
	        "[--count N] [--json]\n",
	        argv[0]);
	exit(2);
}

int
main(int argc, char **argv)
{
	psm_config *cfg = NULL;
	double first;

	read_options(argc, argv);
	bench_begin();
	err = psm_error_new();
	check(psm_config_from_env(&cfg, err));
	check(psm_store_open(cfg, &store, err));
	check(people_migrate(store, err));
	check(people_therapists(store, therapists, err));
	check(people_searches(store, 1, few, err));
	check(people_analyze(store, err));
	first = measure(few);
	check(people_searches(store, few + 1, searches, err));
	check(people_analyze(store, err));
	show("p99, of p99 with few", measure(searches) / first, "");
	bench_end(json);
	psm_store_free(store);
	psm_config_free(cfg);
	psm_error_free(err);
	return 0;
}
