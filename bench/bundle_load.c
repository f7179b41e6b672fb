/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loading a bundle from PostgreSQL: --searches invented ones and --therapists
 * therapists are put into the database that DB_* says, then loaded:
 * build-aux/with-postgres --private bench/bundle_load.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <psymatch/psymatch.h>

enum { PIECE = 100000 };

static int searches = 1000000, therapists = 40000, json;
static psm_store *store;
static psm_error *err;

static void
check(int rc)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "bundle_load: %s\n", psm_error_message(err));
	exit(1);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
show(const char *name, double value, const char *unit)
{
	if (json)
		printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n",
		       name, value, unit);
	else
		printf("%-40s %12.4g %s\n", name, value, unit);
}

/* A statement for the numbers from $1 to $2, piece by piece. */
static void
fill(const char *sql, int count)
{
	char from[16], to[16];
	const char *params[2] = {from, to};

	for (int first = 1; first <= count; first += PIECE) {
		int last = first + PIECE - 1;

		(void)snprintf(from, sizeof(from), "%d", first);
		(void)snprintf(to, sizeof(to), "%d",
		               last < count ? last : count);
		check(psm_store_exec(store, sql, 2, params, NULL, err));
	}
}

#define SERIES " FROM generate_series($1::int, $2::int) n"
/* One of 100 areas of 80 codes each. */
#define PLZ "lpad((n * 19 % 100 * 1000 + n % 80 * 11)::text, 5, '0')"

static void
fill_all(void)
{
	fill("INSERT INTO geocoding_service.plz_centroids "
	     "(plz, ort, latitude, longitude) SELECT " PLZ
	     ", 'X', 47.5 + n % 700 * 0.01, 6.5 + n % 800 * 0.01" SERIES
	     " ON CONFLICT DO NOTHING",
	     8000);
	fill("INSERT INTO matching_service.therapeuten_kopie (id, plz, status, "
	     "vorname, nachname, email, geschlecht, psychotherapieverfahren, "
	     "alter_min, event_time, event_id) SELECT n, " PLZ
	     ", 'aktiv', 'V' || n, 'Muster' || n, 'praxis' || n || "
	     "'@example.org', 'weiblich', 'Verhaltenstherapie', n % 3 * 10, "
	     "now(), 'x'" SERIES,
	     therapists);
	fill("INSERT INTO matching_service.patienten_kopie (id, plz, "
	     "geschlecht, geburtsdatum, raeumliche_verfuegbarkeit, "
	     "offen_fuer_gruppentherapie, bevorzugtes_therapeutengeschlecht, "
	     "bevorzugtes_therapieverfahren, event_time, event_id) "
	     "SELECT n, " PLZ ", 'weiblich', date '1950-01-01' + n % 20000, "
	     "jsonb_build_object('max_km', 10 + n % 4 * 10), n % 3 = 0, "
	     "CASE WHEN n % 3 = 0 THEN 'Weiblich' END, "
	     "CASE WHEN n % 2 = 0 THEN 'egal' ELSE 'Verhaltenstherapie' END, "
	     "now(), 'x'" SERIES,
	     searches);
	fill("INSERT INTO matching_service.platzsuche (id, patient_id, "
	     "created_at, ausgeschlossene_therapeuten) SELECT n, n, "
	     "timestamp '2025-01-01' + n * interval '30 s', CASE WHEN n % 5 < "
	     "2 THEN jsonb_build_array(n % 1000 + 1, jsonb_build_object('id', "
	     "n % 777 + 1)) ELSE '[]' END" SERIES,
	     searches);
	check(psm_store_exec(store, "ANALYZE", 0, NULL, NULL, err));
}

static void
measure(void)
{
	psm_bundle *b = NULL;
	char *stats = NULL;
	double begin, cpu;
	int count;

	check(psm_bundle_new(NULL, 0, &b, err));
	begin = seconds(CLOCK_MONOTONIC);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	count = psm_bundle_load(b, store, err);
	check(count);
	show("searches loaded", count, "");
	show("time", seconds(CLOCK_MONOTONIC) - begin, "s");
	show("of it processor time here",
	     seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu, "s");
	check(psm_bundle_stats(b, &stats, err));
	show("bytes per search",
	     atof(strstr(stats, "\"bytes_per_search\":") + 19), "bytes");
	psm_free(stats);
	psm_bundle_free(b);
}

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"searches", required_argument, NULL, 's'},
	    {"therapists", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 's')
			searches = atoi(optarg);
		else if (c == 't')
			therapists = atoi(optarg);
		else if (c == 'j')
			json = 1;
		else
			optind = argc + 1;
	}
	if (optind == argc && searches > 0 && therapists > 0)
		return;
	fprintf(stderr, "usage: %s [--searches N] [--therapists N] [--json]\n",
	        argv[0]);
	exit(2);
}

int
main(int argc, char **argv)
{
	psm_config *cfg = NULL;

	read_options(argc, argv);
	err = psm_error_new();
	check(psm_config_from_env(&cfg, err));
	check(psm_store_open(cfg, &store, err));
	check(psm_store_migrate(store, "psymatch", err));
	check(psm_store_migrate(store, "matching", err));
	check(psm_store_migrate(store, "geocoding", err));
	fill_all();
	measure();
	psm_store_free(store);
	psm_config_free(cfg);
	psm_error_free(err);
	return 0;
}
