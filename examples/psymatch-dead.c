/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dead letters and parked events for the people who look after them: list,
 * show, edit, release, skip. The database is that of the environment, as for
 * every program of the platform.
 */
#include "tool.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <psymatch/psymatch.h>

static const char usage[] =
    "usage: psymatch-dead [OPTION]... ls\n"
    "       psymatch-dead [--payload] show ID...\n"
    "       psymatch-dead --payload cat ID\n"
    "       psymatch-dead --why TEXT [--who NAME] edit ID FILE\n"
    "       psymatch-dead --why TEXT [--who NAME] release | skip ID...\n"
    "       psymatch-dead --why TEXT [OPTION]... release | skip --all\n"
    "       psymatch-dead [--json] stats\n"
    "An ID is d and the number of a dead letter, or p and that of a parked\n"
    "event, as ls prints it.\n"
    "  --dead, --parked  only these\n"
    "  --consumer, --type, --key, --topic, --code, --state, --event-id\n"
    "                    only rows with this value\n"
    "  --since TIME      only rows as new as this\n"
    "  --limit N         at most so many rows of each kind (100)\n"
    "  --json            one JSON object a line\n"
    "  --payload         print payloads too: they hold personal data\n"
    "  --why, --who      for the history; who is the user unless given\n"
    "  --all             all rows that the options above select\n"
    "  -h, --help, --version\n";

enum { FILTERS_MAX = 10, EXIT_USAGE = 2 };

struct options {
	const char *filter[2 * FILTERS_MAX + 1]; /* name, value, ..., NULL */
	int filters;
	const char *limit, *who, *why;
	int dead, parked, json, payload, all;
};

struct run {
	struct options o;
	psm_store *st;
	psm_error *err;
	int failed; /* 1: something could not be done */
	struct tool_progress progress;
};

/* Names of the columns of psm_dead_list and of psm_dead_stats. */
static const char *const list_columns[] = {
    "id",        "consumer", "state", "type",   "event_id", "topic",
    "partition", "offset",   "key",   "code",   "reason",   "attempts",
    "since",     "next_at",  "bytes", "edited", NULL};
static const char *const stat_columns[] = {
    "source", "consumer", "state", "code", "count", "oldest", "newest", NULL};

static void
complain(struct run *r, const char *what)
{
	fflush(stdout);
	tool_progress_wipe(&r->progress);
	fprintf(stderr, "psymatch-dead: %s%s%s\n", what, what[0] ? ": " : "",
	        psm_error_message(r->err));
	r->failed = 1;
}

/* "d17", "p17". */
static int
parse_id(const char *text, int *source, int64_t *id)
{
	char *end;

	if ((text[0] != 'd' && text[0] != 'p') || text[1] < '0' ||
	    text[1] > '9')
		return -1;
	*source = text[0] == 'p' ? PSM_DEAD_PARKED : PSM_DEAD_LETTERS;
	*id = strtoll(text + 1, &end, 10);
	return *end ? -1 : 0;
}

/* -- printing */

/* Columns that are no text in the JSON of show, either. */
enum kind { TEXT, NUMBER, FLAG, TIME };
static const struct {
	const char *column;
	enum kind kind;
} kinds[] = {
    {"id", NUMBER},    {"partition", NUMBER}, {"offset", NUMBER},
    {"bytes", NUMBER}, {"attempts", NUMBER},  {"count", NUMBER},
    {"edited", FLAG},  {"since", TIME},       {"next_at", TIME},
    {"oldest", TIME},  {"newest", TIME},
};

static enum kind
kind_of(const char *column)
{
	size_t i;

	for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
		if (strcmp(kinds[i].column, column) == 0)
			return kinds[i].kind;
	return TEXT;
}

/* "2026-02-01 10:00:00+00" as "2026-02-01T10:00:00+00:00". */
static void
write_time(psm_json_writer *w, const char *text)
{
	char time[64], *blank;
	size_t len = strlen(text);
	int is_short =
	    len > 3 && (text[len - 3] == '+' || text[len - 3] == '-');

	(void)snprintf(time, sizeof time, "%s%s", text, is_short ? ":00" : "");
	blank = strchr(time, ' ');
	if (blank)
		*blank = 'T';
	psm_json_write_string(w, time);
}

static void
write_value(psm_json_writer *w, const char *column, const char *text)
{
	if (!text) {
		psm_json_write_null(w);
		return;
	}
	switch (kind_of(column)) {
	case NUMBER:
		psm_json_write_int(w, strtoll(text, NULL, 10));
		break;
	case FLAG:
		psm_json_write_bool(w, text[0] == 't');
		break;
	case TIME:
		write_time(w, text);
		break;
	case TEXT:
		psm_json_write_string(w, text);
		break;
	}
}

static void
print_json(struct run *r, const psm_rows *rows, size_t row,
           const char *const *columns, int source)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text;
	size_t i, len;

	psm_json_write_object(w);
	if (source >= 0) {
		psm_json_write_key(w, "source");
		psm_json_write_string(w, source == PSM_DEAD_PARKED ? "parked"
		                                                   : "dead");
	}
	for (i = 0; columns[i]; i++) {
		psm_json_write_key(w, columns[i]);
		write_value(w, columns[i], psm_rows_text(rows, row, i));
	}
	psm_json_write_end(w);
	if (psm_json_writer_finish(w, &text, &len, r->err) == 0)
		printf("%s\n", text);
	else
		complain(r, "json");
	psm_json_writer_free(w);
}

enum { CELLS_MAX = 10 };

struct table {
	const char *head[CELLS_MAX];
	int column[CELLS_MAX];
	int prefix; /* before the first cell; 0: none */
};

static const char *
cell(const struct table *t, const psm_rows *rows, size_t row, int i)
{
	const char *text = psm_rows_text(rows, row, (size_t)t->column[i]);

	return text && text[0] ? text : "-";
}

/* Columns as wide as their widest cell. */
static void
print_table(const struct table *t, const psm_rows *rows)
{
	size_t width[CELLS_MAX] = {0}, row, count = psm_rows_count(rows), len;
	int i;

	for (i = 0; t->head[i]; i++) {
		width[i] = strlen(t->head[i]);
		for (row = 0; row < count; row++) {
			len = strlen(cell(t, rows, row, i)) +
			      (i == 0 && t->prefix);
			width[i] = len > width[i] ? len : width[i];
		}
	}
	for (i = 0; t->head[i]; i++)
		printf("%-*s%s", t->head[i + 1] ? (int)width[i] : 0, t->head[i],
		       t->head[i + 1] ? "  " : "\n");
	for (row = 0; row < count; row++)
		for (i = 0; t->head[i]; i++) {
			len = width[i];
			if (i == 0 && t->prefix) {
				putchar(t->prefix);
				len--;
			}
			printf("%-*s%s", t->head[i + 1] ? (int)len : 0,
			       cell(t, rows, row, i),
			       t->head[i + 1] ? "  " : "\n");
		}
}

/* -- ls, stats */

static const struct table dead_table = {{"ID", "STATE", "CONSUMER", "TYPE",
                                         "KEY", "CODE", "TRIES", "SINCE",
                                         "REASON", NULL},
                                        {0, 2, 1, 3, 8, 9, 11, 12, 10},
                                        'd'};
static const struct table parked_table = {{"ID", "STATE", "CONSUMER", "TYPE",
                                           "KEY", "CODE", "TRIES", "NEXT",
                                           "REASON", NULL},
                                          {0, 2, 1, 3, 8, 9, 11, 13, 10},
                                          'p'};
static const struct table stat_table = {
    {"SOURCE", "CONSUMER", "STATE", "CODE", "COUNT", "OLDEST", "NEWEST", NULL},
    {0, 1, 2, 3, 4, 5, 6},
    0};

static void
list(struct run *r, int source)
{
	psm_rows *rows = NULL;
	size_t i;

	if (psm_dead_list(r->st, source, r->o.filter, &rows, r->err) < 0) {
		complain(r, "ls");
		return;
	}
	if (r->o.json)
		for (i = 0; i < psm_rows_count(rows); i++)
			print_json(r, rows, i, list_columns, source);
	else if (psm_rows_count(rows) > 0)
		print_table(source == PSM_DEAD_PARKED ? &parked_table
		                                      : &dead_table,
		            rows);
	psm_rows_free(rows);
}

static void
run_ls(struct run *r)
{
	if (!r->o.parked)
		list(r, PSM_DEAD_LETTERS);
	if (!r->o.dead)
		list(r, PSM_DEAD_PARKED);
}

static void
run_stats(struct run *r)
{
	psm_rows *rows = NULL;
	size_t i;

	if (psm_dead_stats(r->st, &rows, r->err) < 0) {
		complain(r, "stats");
		return;
	}
	if (r->o.json)
		for (i = 0; i < psm_rows_count(rows); i++)
			print_json(r, rows, i, stat_columns, -1);
	else if (psm_rows_count(rows) > 0)
		print_table(&stat_table, rows);
	psm_rows_free(rows);
}

/* -- one row */

static void
show(struct run *r, int source, int64_t id, const char *name)
{
	char *json = NULL;

	if (psm_dead_show(r->st, source, id, r->o.payload, &json, r->err) < 0)
		complain(r, name);
	else
		printf("%s\n", json);
	psm_free(json);
}

static void
print_bytes(struct run *r, int source, int64_t id, const char *name)
{
	char *bytes = NULL;
	size_t len;

	if (psm_dead_raw(r->st, source, id, &bytes, &len, r->err) < 0)
		complain(r, name);
	else if (fwrite(bytes ? bytes : "", 1, len, stdout) != len)
		r->failed = 1;
	psm_free(bytes);
}

static void
release(struct run *r, int source, int64_t id, const char *name)
{
	if (psm_dead_release(r->st, source, id, r->o.who, r->o.why, r->err) < 0)
		complain(r, name);
	else
		printf("%s released\n", name);
}

static void
skip(struct run *r, int source, int64_t id, const char *name)
{
	if (psm_dead_skip(r->st, source, id, r->o.who, r->o.why, r->err) < 0)
		complain(r, name);
	else
		printf("%s skipped\n", name);
}

/* At most one byte more than an event may have; new (free), NULL: not readable.
 */
static char *
read_all(const char *path, size_t *len)
{
	FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
	char *bytes = in ? malloc(PSM_EVENT_MAX + 1) : NULL;
	int bad = !bytes;

	if (bytes) {
		*len = fread(bytes, 1, PSM_EVENT_MAX + 1, in);
		bad = ferror(in);
	}
	if (in && in != stdin)
		fclose(in);
	if (!bad)
		return bytes;
	free(bytes);
	return NULL;
}

/* A text editor ends the last line; an event does not. */
static size_t
without_newline(const char *bytes, size_t len)
{
	return len > 0 && bytes[len - 1] == '\n' ? len - 1 : len;
}

static void
edit(struct run *r, int source, int64_t id, const char *name, const char *path)
{
	size_t len = 0;
	char *bytes = read_all(path, &len);

	if (!bytes) {
		perror(path);
		r->failed = 1;
		return;
	}
	len = without_newline(bytes, len);
	if (psm_dead_edit(r->st, source, id, bytes, len, r->o.who, r->o.why,
	                  r->err) < 0)
		complain(r, name);
	else
		printf("%s edited\n", name);
	free(bytes);
}

/* -- commands */

typedef void (*one_fn)(struct run *r, int source, int64_t id, const char *name);

static int
check_id(struct run *r, const char *text, int *source, int64_t *id)
{
	if (parse_id(text, source, id) == 0)
		return 0;
	fflush(stdout);
	fprintf(stderr, "psymatch-dead: %s: want an id such as d17 or p17\n",
	        text);
	r->failed = 1;
	return -1;
}

static void
each_id(struct run *r, one_fn fn, char **ids)
{
	int64_t id;
	int source;

	for (; *ids; ids++)
		if (check_id(r, *ids, &source, &id) == 0)
			fn(r, source, id, *ids);
}

/* Those of a source that the options select, in the order of their ids; a dead
 * letter that was released or skipped before is none of them. */
static void
all_of(struct run *r, one_fn fn, int source)
{
	psm_rows *rows = NULL;
	char name[32];
	size_t i, count;
	int64_t id;

	if (psm_dead_list(r->st, source, r->o.filter, &rows, r->err) < 0) {
		complain(r, "--all");
		return;
	}
	count = psm_rows_count(rows);
	tool_progress_start(&r->progress, "rows", 1);
	for (i = 0; i < count; i++) {
		tool_progress_show(&r->progress, (int64_t)i, (int64_t)count);
		id = psm_rows_int(rows, i, 0);
		snprintf(name, sizeof name, "%c%lld",
		         source == PSM_DEAD_PARKED ? 'p' : 'd', (long long)id);
		if (source == PSM_DEAD_PARKED ||
		    strcmp(psm_rows_text(rows, i, 2), "dead") == 0)
			fn(r, source, id, name);
	}
	tool_progress_end(&r->progress, (int64_t)i, (int64_t)count);
	psm_rows_free(rows);
}

static void
change(struct run *r, one_fn fn, char **ids)
{
	if (!r->o.all) {
		each_id(r, fn, ids);
		return;
	}
	if (!r->o.parked)
		all_of(r, fn, PSM_DEAD_LETTERS);
	if (!r->o.dead)
		all_of(r, fn, PSM_DEAD_PARKED);
}

/* 0: done, whatever came of it. -1: not how the program is used. */
static int
refuse_command(const char *command)
{
	static const char *const known[] = {"ls",   "stats",   "show", "cat",
	                                    "edit", "release", "skip"};
	size_t i = 0;

	while (i < sizeof known / sizeof *known &&
	       strcmp(command, known[i]) != 0)
		i++;
	fprintf(stderr, "psymatch-dead: %s: %s\n", command,
	        i < sizeof known / sizeof *known ? "not with these arguments"
	                                         : "no such command");
	return -1;
}

static int
run_command(struct run *r, const char *command, char **args, int count)
{
	int changes = strcmp(command, "edit") == 0 ||
	              strcmp(command, "release") == 0 ||
	              strcmp(command, "skip") == 0;
	int source;
	int64_t id;

	if (changes && (!r->o.why || !r->o.why[0])) {
		fprintf(stderr, "psymatch-dead: %s: want --why\n", command);
		return -1;
	}
	if (strcmp(command, "ls") == 0 && count == 0)
		run_ls(r);
	else if (strcmp(command, "stats") == 0 && count == 0)
		run_stats(r);
	else if (strcmp(command, "show") == 0 && count > 0)
		each_id(r, show, args);
	else if (strcmp(command, "cat") == 0 && count == 1 && r->o.payload)
		each_id(r, print_bytes, args);
	else if (strcmp(command, "release") == 0 && (count > 0) != r->o.all)
		change(r, release, args);
	else if (strcmp(command, "skip") == 0 && (count > 0) != r->o.all)
		change(r, skip, args);
	else if (strcmp(command, "edit") != 0 || count != 2)
		return refuse_command(command);
	else if (check_id(r, args[0], &source, &id) == 0)
		edit(r, source, id, args[0], args[1]);
	return 0;
}

/* -- options */

enum option_code {
	FILTER = 256, /* and up: a name of filter_names */
	LIMIT = 300,
	WHO,
	WHY,
	DEAD,
	PARKED,
	JSON,
	PAYLOAD,
	ALL
};

static const char *const filter_names[] = {
    "consumer", "type", "key", "topic", "code", "state", "event_id", "since"};

static const struct option options[] = {
    {"consumer", required_argument, NULL, FILTER},
    {"type", required_argument, NULL, FILTER + 1},
    {"key", required_argument, NULL, FILTER + 2},
    {"topic", required_argument, NULL, FILTER + 3},
    {"code", required_argument, NULL, FILTER + 4},
    {"state", required_argument, NULL, FILTER + 5},
    {"event-id", required_argument, NULL, FILTER + 6},
    {"since", required_argument, NULL, FILTER + 7},
    {"limit", required_argument, NULL, LIMIT},
    {"who", required_argument, NULL, WHO},
    {"why", required_argument, NULL, WHY},
    {"dead", no_argument, NULL, DEAD},
    {"parked", no_argument, NULL, PARKED},
    {"json", no_argument, NULL, JSON},
    {"payload", no_argument, NULL, PAYLOAD},
    {"all", no_argument, NULL, ALL},
    TOOL_OPTIONS};

/* What option --name would never find. */
static int
refuse(const char *name, const char *want, const char *value)
{
	fprintf(stderr, "--%s: want %s, got \"%s\"\n", name, want, value);
	return -1;
}

static int
is_state(const char *text)
{
	static const char *const words[] = {"dead",  "released", "skipped",
	                                    "retry", "waiting",  "held"};
	size_t i = 0;

	while (i < sizeof words / sizeof *words && strcmp(words[i], text) != 0)
		i++;
	return i < sizeof words / sizeof *words;
}

/* A time, or a day, which begins in UTC. */
static int
is_time(const char *text)
{
	char day[32];
	int64_t us;

	(void)snprintf(day, sizeof day, "%.10sT00:00:00Z", text);
	return psm_time_parse(text, strlen(text), &us, NULL) == 0 ||
	       (strlen(text) == 10 &&
	        psm_time_parse(day, strlen(day), &us, NULL) == 0);
}

/* Once each. */
static int
add_filter(struct options *o, const char *name, const char *value)
{
	int i;

	if (strcmp(name, "state") == 0 && !is_state(value))
		return refuse(name,
		              "dead, released, skipped, retry, waiting or held",
		              value);
	if (strcmp(name, "event_id") == 0 &&
	    !psm_uuid_valid(value, strlen(value)))
		return refuse("event-id", "a UUID", value);
	if (strcmp(name, "since") == 0 && !is_time(value))
		return refuse(name, "a time as 2026-01-31T09:00:00Z", value);
	for (i = 0; i < o->filters; i++)
		if (strcmp(o->filter[2 * i], name) == 0) {
			fprintf(stderr, "--%s: want it once\n", name);
			return -1;
		}
	o->filter[2 * o->filters] = name;
	o->filter[2 * o->filters + 1] = value;
	o->filters++;
	return 0;
}

/* 0: go on. 1: help was asked for. -1: wrong. */
static int
take_option(struct options *o, int c, const char *value)
{
	long ignored;

	if (c >= FILTER && c < LIMIT)
		return add_filter(o, filter_names[c - FILTER], value);
	switch (c) {
	case LIMIT:
		o->limit = value;
		return tool_number("psymatch-dead", "--limit", value, 1000000,
		                   &ignored);
	case WHO:
		o->who = value;
		return 0;
	case WHY:
		o->why = value;
		return 0;
	case DEAD:
		o->dead = 1;
		return 0;
	case PARKED:
		o->parked = 1;
		return 0;
	case JSON:
		o->json = 1;
		return 0;
	case PAYLOAD:
		o->payload = 1;
		return 0;
	case ALL:
		o->all = 1;
		return 0;
	default:
		return tool_asked(c, "psymatch-dead", usage);
	}
}

static int
read_options(struct options *o, int argc, char **argv)
{
	const struct passwd *user = getpwuid(getuid());
	int c, rc = 0;

	o->who = user ? user->pw_name : "unknown";
	while (rc == 0 &&
	       (c = getopt_long(argc, argv, "h", options, NULL)) != -1)
		rc = take_option(o, c, optarg);
	if (rc == 0 && o->dead && o->parked) {
		tool_complain("psymatch-dead", "--dead: want no --parked");
		rc = -1;
	}
	if (rc == 0)
		rc = add_filter(o, "limit",
		                o->limit ? o->limit
		                : o->all ? "1000000"
		                         : "100");
	return rc;
}

static int
open_store(struct run *r)
{
	psm_config *cfg = NULL;
	static char program[] = "psymatch-dead";
	int rc;

	tool_log_start(program);
	rc = psm_config_from_env(&cfg, r->err);
	if (rc == 0)
		rc = psm_store_open(cfg, &r->st, r->err);
	psm_config_free(cfg);
	return rc;
}

int
main(int argc, char **argv)
{
	struct run r = {.o = {.filters = 0}};
	int rc = read_options(&r.o, argc, argv);

	if (rc == 1)
		return tool_flush("psymatch-dead") < 0;
	if (rc < 0)
		return fputs(usage, stderr), EXIT_USAGE;
	if (optind == argc) {
		tool_refuse("psymatch-dead", argv + optind, 0, usage);
		return EXIT_USAGE;
	}
	r.err = psm_error_new();
	if (!r.err || open_store(&r) < 0) {
		complain(&r, "");
		psm_error_free(r.err);
		return 1;
	}
	rc =
	    run_command(&r, argv[optind], argv + optind + 1, argc - optind - 1);
	if (rc < 0)
		fputs(usage, stderr);
	if (fflush(stdout) != 0)
		r.failed = 1;
	psm_store_free(r.st);
	psm_error_free(r.err);
	return rc < 0 ? EXIT_USAGE : r.failed;
}
