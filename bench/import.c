/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The import of therapists: --count invented ones in --files files, into an
 * empty database, and then the same files again. Needs PostgreSQL as DB_* says:
 * build-aux/with-postgres --private bench/import.
 */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <psymatch/psymatch.h>

#define DAY "20250601"

struct options {
	int count, files, runs, json;
};
static struct options o = {.count = 40000, .files = 100, .runs = 2};

static void
usage(const char *program)
{
	fprintf(stderr,
	        "usage: %s [--count N] [--files N] [--runs N] [--json]\n",
	        program);
	exit(2);
}

static void
read_options(int argc, char **argv)
{
	static const struct option names[] = {
	    {"count", required_argument, NULL, 'n'},
	    {"files", required_argument, NULL, 'f'},
	    {"runs", required_argument, NULL, 'r'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (c == 'n')
			o.count = atoi(optarg);
		else if (c == 'f')
			o.files = atoi(optarg);
		else if (c == 'r')
			o.runs = atoi(optarg);
		else if (c == 'j')
			o.json = 1;
		else
			usage(argv[0]);
	}
	if (optind < argc || o.count < 1 || o.files < 1 || o.files > 80000 ||
	    o.runs < 1)
		usage(argv[0]);
}

static double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
check(int rc, const psm_error *err)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "import: %s\n", psm_error_message(err));
	exit(1);
}

/* -- the files */

static void
write_therapist(FILE *f, int i, int plz)
{
	static const char *const first[] = {
	    "Anna",  "Berta", "Clara", "Doris",  "Emil",
	    "Franz", "Georg", "Hanna", "Ingrid", "J\u00fcrgen"};
	static const char *const methods[] = {"Verhaltenstherapie",
	                                      "Tiefenpsychologisch fundierte"};

	fprintf(f,
	        "{\"basic_info\": {\"salutation\": \"%s\", \"title\": \"%s\", "
	        "\"first_name\": \"%s\", \"last_name\": \"Muster-%d\"},\n"
	        "\"location\": {\"street\": \"Musterstra\u00dfe\", "
	        "\"house_number\": \"%d\", \"postal_code\": \"%05d\", "
	        "\"city\": \"Musterstadt\"},\n"
	        "\"contact\": {\"phone\": \"030 23125 %d\", \"email\": "
	        "\"praxis%d@example.org\", \"fax\": \"\"},\n"
	        "\"therapy_methods\": [\"%s f\u00fcr Erwachsene\"],\n"
	        "\"languages\": [\"Deutsch\", \"Englisch\"],\n"
	        "\"telephone_hours\": {\"Montag\": [\"09:00-10:00\"], "
	        "\"Mittwoch\": [\"12:00-12:50\"]}}",
	        i % 3 != 0 ? "Frau" : "Herr", i % 4 != 0 ? "" : "Dr.",
	        first[i % 10], i, i % 200 + 1, plz, i % 1000, i,
	        methods[i % 2]);
}

static int
write_files(const char *folder)
{
	char path[4200];
	FILE *f;
	int i = 0, plz, end;

	(void)snprintf(path, sizeof(path), "%s/" DAY, folder);
	if (mkdir(path, 0777) < 0)
		return -1;
	for (int n = 0; n < o.files; n++) {
		plz = 10000 + n;
		end = (int)((int64_t)o.count * (n + 1) / o.files);
		(void)snprintf(path, sizeof(path), "%s/" DAY "/%05d.json",
		               folder, plz);
		f = fopen(path, "w");
		if (f == NULL)
			return -1;
		fputs("{\"therapists\": [\n", f);
		for (const char *comma = ""; i < end; i++, comma = ",\n") {
			fputs(comma, f);
			write_therapist(f, i, plz);
		}
		fputs("]}\n", f);
		if (fclose(f) != 0)
			return -1;
	}
	return 0;
}

static void
remove_files(const char *folder)
{
	char path[4200];

	for (int n = 0; n < o.files; n++) {
		(void)snprintf(path, sizeof(path), "%s/" DAY "/%05d.json",
		               folder, 10000 + n);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/" DAY, folder);
	(void)rmdir(path);
	(void)rmdir(folder);
}

/* -- a run */

static void
run(psm_store *st, const char *folder, int number, psm_error *err)
{
	double wall = seconds(CLOCK_MONOTONIC);
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	struct rusage usage = {0};
	int rc = psm_therapist_import_run(st, folder, NULL, err);

	check(rc, err);
	wall = seconds(CLOCK_MONOTONIC) - wall;
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	(void)getrusage(RUSAGE_SELF, &usage);
	if (o.json)
		printf("{\"run\":%d,\"written\":%d,\"seconds\":%.3f,"
		       "\"cpu_s\":%.3f,\"peak_kb\":%ld}\n",
		       number, rc, wall, cpu, usage.ru_maxrss);
	else
		printf("run %d: %6d written, %7.2f s, of it %6.2f s of our own "
		       "CPU, peak %ld KiB\n",
		       number, rc, wall, cpu, usage.ru_maxrss);
}

int
main(int argc, char **argv)
{
	char folder[] = "/tmp/psymatch-import.XXXXXX";
	psm_error *err = psm_error_new();
	psm_config *cfg = NULL;
	psm_store *st = NULL;

	read_options(argc, argv);
	if (mkdtemp(folder) == NULL || write_files(folder) < 0) {
		perror("import: files");
		return 1;
	}
	check(psm_config_from_env(&cfg, err), err);
	check(psm_store_open(cfg, &st, err), err);
	check(psm_store_migrate(st, "psymatch", err), err);
	check(psm_store_migrate(st, "therapist", err), err);
	for (int i = 1; i <= o.runs; i++)
		run(st, folder, i, err);
	remove_files(folder);
	psm_store_free(st);
	psm_config_free(cfg);
	psm_error_free(err);
	return 0;
}
