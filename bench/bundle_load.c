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

#include "people.h"

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
	check(people_migrate(store, err));
	check(people_therapists(store, therapists, err));
	check(people_searches(store, 1, searches, err));
	check(people_analyze(store, err));
	measure();
	psm_store_free(store);
	psm_config_free(cfg);
	psm_error_free(err);
	return 0;
}
