/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event catalogue for people and for other tools: as a table, as JSON
 * Schema, as AsyncAPI, as manual page; whether it is sound; and whether the
 * events in files follow it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"

static const char usage[] =
    "usage: psymatch-events [--table | --json | --json-schema | --asyncapi |\n"
    "                        --man | --lint | --check FILE...]\n"
    "       psymatch-events send [--producer NAME] [--wait SECONDS] TYPE [FILE]\n"
    "       psymatch-events trace [--database] [--json] [--since TIME]\n"
    "                             [--wait SECONDS] ID\n"
    "       psymatch-events watch [--type TYPE] [--key KEY] [--since TIME]\n"
    "                             [--group NAME]... [--lag SECONDS] [--json]\n"
    "                             [--payload]\n"
    "  --table        every type with topic, key, senders and readers\n"
    "  --json         the same, one JSON object a line\n"
    "  --json-schema  JSON Schema 2020-12 of all events, one line\n"
    "  --asyncapi     AsyncAPI 3.0 of topics, services and events, one line\n"
    "  --man          the manual page psymatch-events(7), as mdoc\n"
    "  --lint         what is odd in the catalogue, or has no handler; exit 1 if\n"
    "                 not explained\n"
    "  --check        are these files, one event each (- is standard input),\n"
    "                 right? Prints FILE:LINE:COLUMN: what is wrong; exit 1\n"
    "  send           send events of a type: FILE, or standard input, is one\n"
    "                 payload or has one on each line; prints their ids\n"
    "  trace          all events that led to the one with this id, that it led\n"
    "                 to, or that share its correlation id, by time;\n"
    "                 --database: also what its tables say of them\n"
    "  watch          every event of every topic as it is sent, and how far\n"
    "                 behind the services are (asked every 10 seconds), until\n"
    "                 interrupted\n"
    "  -h, --help     print this text\n"
    "  --version      print the version\n";

typedef const char *(*name_at_fn)(const psm_event_type_info *t, size_t i);

/* "a, b" into text[size]; "-" for an empty list. */
static void
join(const psm_event_type_info *t, name_at_fn at, char *text, size_t size)
{
	size_t i, used = 0;
	const char *name;

	snprintf(text, size, "-");
	for (i = 0; (name = at(t, i)) != NULL && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s%s",
		                         i ? ", " : "", name);
}

enum column { NAME, TOPIC, KEY, FROM, TO, ALIASES, N_COLUMNS };

static void
cells(const psm_event_type_info *t, char cell[N_COLUMNS][160])
{
	const char *other = psm_catalogue_type_key_other(t);

	snprintf(cell[NAME], sizeof cell[NAME], "%s%s",
	         psm_catalogue_type_name(t),
	         psm_catalogue_type_is_command(t) ? " (command)" : "");
	snprintf(cell[TOPIC], sizeof cell[TOPIC], "%s",
	         psm_catalogue_type_topic(t));
	snprintf(cell[KEY], sizeof cell[KEY], "%s%s%s",
	         psm_catalogue_type_key_field(t), other ? " or " : "",
	         other ? other : "");
	join(t, psm_catalogue_type_producer_at, cell[FROM], sizeof cell[FROM]);
	join(t, psm_catalogue_type_consumer_at, cell[TO], sizeof cell[TO]);
	join(t, psm_catalogue_type_alias_at, cell[ALIASES],
	     sizeof cell[ALIASES]);
}

static int
print_table(FILE *out)
{
	static const char *const head[N_COLUMNS] = {
	    "TYPE", "TOPIC", "KEY", "FROM", "TO", "ALSO CALLED"};
	char cell[N_COLUMNS][160];
	int width[N_COLUMNS], len, c;
	size_t i;

	for (c = 0; c < N_COLUMNS; c++)
		width[c] = (int)strlen(head[c]);
	for (i = 0; i < psm_catalogue_count(); i++) {
		cells(psm_catalogue_at(i), cell);
		for (c = 0; c < N_COLUMNS; c++) {
			len = (int)strlen(cell[c]);
			if (len > width[c])
				width[c] = len;
		}
	}
	for (c = 0; c < N_COLUMNS - 1; c++)
		fprintf(out, "%-*s  ", width[c], head[c]);
	fprintf(out, "%s\n", head[c]);
	for (i = 0; i < psm_catalogue_count(); i++) {
		cells(psm_catalogue_at(i), cell);
		for (c = 0; c < N_COLUMNS - 1; c++)
			fprintf(out, "%-*s  ", width[c], cell[c]);
		fprintf(out, "%s\n", cell[c]);
	}
	return 0;
}

static void
write_names(psm_json_writer *w, const char *member,
            const psm_event_type_info *t, name_at_fn at)
{
	const char *name;
	size_t i;

	psm_json_write_key(w, member);
	psm_json_write_array(w);
	for (i = 0; (name = at(t, i)) != NULL; i++)
		psm_json_write_string(w, name);
	psm_json_write_end(w);
}

/* The key's field, and the one that stands in for it. */
static const char *
key_at(const psm_event_type_info *t, size_t i)
{
	return i == 0   ? psm_catalogue_type_key_field(t)
	       : i == 1 ? psm_catalogue_type_key_other(t)
	                : NULL;
}

static int
print_json(FILE *out)
{
	psm_json_writer *w = psm_json_writer_new();
	const psm_event_type_info *t;
	const char *text;
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && (t = psm_catalogue_at(i)) != NULL; i++) {
		psm_json_writer_reset(w);
		psm_json_write_object(w);
		psm_json_write_key(w, "type");
		psm_json_write_string(w, psm_catalogue_type_name(t));
		psm_json_write_key(w, "command");
		psm_json_write_bool(w, psm_catalogue_type_is_command(t));
		psm_json_write_key(w, "topic");
		psm_json_write_string(w, psm_catalogue_type_topic(t));
		write_names(w, "key", t, key_at);
		write_names(w, "from", t, psm_catalogue_type_producer_at);
		write_names(w, "to", t, psm_catalogue_type_consumer_at);
		write_names(w, "also_called", t, psm_catalogue_type_alias_at);
		psm_json_write_end(w);
		rc = psm_json_writer_finish(w, &text, NULL, NULL);
		if (rc == 0)
			fprintf(out, "%s\n", text);
	}
	psm_json_writer_free(w);
	return rc;
}

/* How many findings have no explanation. */
struct lint {
	FILE *out;
	int errors;
};

static void
finding(struct lint *l, const psm_event_type_info *t, const char *what,
        const char *why)
{
	if (!why)
		l->errors++;
	fprintf(l->out, "%s: %s: %s%s%s%s\n", why ? "explained" : "error",
	        psm_catalogue_type_name(t), what, why ? " (" : "",
	        why ? why : "", why ? ")" : "");
}

static const psm_catalogue_field_info *
field_named(const psm_event_type_info *t, const char *name)
{
	const psm_catalogue_field_info *f;
	size_t i;

	for (i = 0; name && (f = psm_catalogue_type_field_at(t, i)) != NULL;
	     i++)
		if (strcmp(psm_catalogue_field_name(f), name) == 0)
			return f;
	return NULL;
}

static void
lint_key(struct lint *l, const psm_event_type_info *t)
{
	const psm_catalogue_field_info *key =
	    field_named(t, psm_catalogue_type_key_field(t));
	const char *other = psm_catalogue_type_key_other(t), *type;

	if (!key) {
		finding(l, t, "its key is not a field of its payload", NULL);
		return;
	}
	type = psm_catalogue_field_type(key);
	if (strcmp(type, "integer") != 0 && strcmp(type, "any") != 0)
		finding(l, t, "its key is neither a number nor an id", NULL);
	if (!other && !psm_catalogue_field_required(key))
		finding(l, t, "its key may be missing", NULL);
	if (other && !field_named(t, other))
		finding(l, t, "its other key is not a field", NULL);
}

/* A name must lead back to its own row: else it stands in two rows. */
static void
lint_names(struct lint *l, const psm_event_type_info *t)
{
	const char *alias;
	size_t i;

	if (psm_catalogue_find(psm_catalogue_type_name(t)) != t)
		finding(l, t, "its name belongs to another type too", NULL);
	for (i = 0; (alias = psm_catalogue_type_alias_at(t, i)) != NULL; i++)
		if (psm_catalogue_find(alias) != t ||
		    strcmp(alias, psm_catalogue_type_name(t)) == 0)
			finding(l, t, "an alias belongs to another type too",
			        NULL);
}

static void
lint_topics(struct lint *l)
{
	const psm_event_type_info *t;
	const char *topic;
	size_t i, n;

	for (n = 0; (topic = psm_catalogue_topic_at(n)) != NULL; n++) {
		for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++)
			if (strcmp(psm_catalogue_type_topic(t), topic) == 0)
				break;
		if (t)
			continue;
		l->errors++;
		fprintf(l->out, "error: %s: no type is sent to it\n", topic);
	}
}

static int
has_name(name_at_fn at, const psm_event_type_info *t, const char *name)
{
	const char *found;
	size_t i;

	for (i = 0; (found = at(t, i)) != NULL; i++)
		if (strcmp(found, name) == 0)
			return 1;
	return 0;
}

static int
is_handled(const struct events_service *s, const char *type)
{
	const char *known;
	size_t i;

	for (i = 0; (known = s->type_at(i)) != NULL; i++)
		if (strcmp(known, type) == 0)
			return 1;
	return 0;
}

/* What the catalogue says is read by a service has a handler there, and the
 * other way round. */
static void
lint_handlers(struct lint *l, const psm_event_type_info *t)
{
	const struct events_service *s;
	const char *name;
	char what[120];
	size_t i;

	for (i = 0; (name = psm_catalogue_type_consumer_at(t, i)) != NULL;
	     i++) {
		for (s = events_services; s->name; s++)
			if (strcmp(s->name, name) == 0)
				break;
		snprintf(what, sizeof what, "%s reads it, but has no handler",
		         name);
		if (s->name == NULL ||
		    !is_handled(s, psm_catalogue_type_name(t)))
			finding(l, t, what, NULL);
	}
	for (s = events_services; s->name; s++) {
		if (!is_handled(s, psm_catalogue_type_name(t)) ||
		    has_name(psm_catalogue_type_consumer_at, t, s->name))
			continue;
		snprintf(what, sizeof what,
		         "%s handles it, but does not read it", s->name);
		finding(l, t, what, NULL);
	}
}

static int
lint(FILE *out)
{
	struct lint l = {out, 0};
	const psm_event_type_info *t;
	size_t i;

	for (i = 0; (t = psm_catalogue_at(i)) != NULL; i++) {
		if (!psm_catalogue_type_producer_at(t, 0))
			finding(&l, t, "no service sends it",
			        psm_catalogue_type_note(t));
		if (!psm_catalogue_type_consumer_at(t, 0))
			finding(&l, t, "no service reads it",
			        psm_catalogue_type_note(t));
		if (psm_catalogue_partitions(psm_catalogue_type_topic(t)) < 1)
			finding(&l, t, "its topic has no partitions", NULL);
		lint_key(&l, t);
		lint_names(&l, t);
		lint_handlers(&l, t);
	}
	lint_topics(&l);
	return l.errors > 0;
}

/* The whole file as new memory of *len bytes; NULL when it cannot be read. */
static char *
read_file(FILE *in, size_t *len)
{
	/* One byte more than an event may have shows that it is too large. */
	size_t cap = PSM_EVENT_MAX + 1;
	char *text = malloc(cap);

	if (!text)
		return NULL;
	*len = fread(text, 1, cap, in);
	if (ferror(in)) {
		free(text);
		return NULL;
	}
	return text;
}

static int
check_event(const char *name, const char *text, size_t len, psm_error *err)
{
	psm_event *ev = NULL;
	int rc;

	rc = psm_event_parse(text, len, &ev, err);
	if (rc < 0) {
		printf("%s:%u:%u: %s\n", name, psm_error_line(err),
		       psm_error_column(err), psm_error_message(err));
		return 1;
	}
	rc = psm_event_topic(ev) == NULL;
	if (rc)
		printf("%s:1:1: the catalogue has no event type \"%s\"\n", name,
		       psm_event_type(ev));
	psm_event_free(ev);
	return rc;
}

static int
check_file(const char *name, psm_error *err)
{
	int from_stdin = strcmp(name, "-") == 0, bad;
	FILE *in = from_stdin ? stdin : fopen(name, "rb");
	char *text = NULL;
	size_t len = 0;

	if (in)
		text = read_file(in, &len);
	if (!text) {
		printf("%s:0:0: cannot be read: %s\n", name, strerror(errno));
		bad = 1;
	} else {
		bad = check_event(name, text, len, err);
	}
	free(text);
	if (in && !from_stdin)
		fclose(in);
	return bad;
}

static int
check_files(int count, char **names)
{
	psm_error *err = psm_error_new();
	int i, bad = 0;

	if (!err)
		return 1;
	for (i = 0; i < count; i++)
		bad += check_file(names[i], err);
	psm_error_free(err);
	return bad > 0;
}

static const struct command {
	const char *option;
	int (*run)(FILE *out);
} commands[] = {
    {"--table", print_table},
    {"--json", print_json},
    {"--json-schema", events_json_schema},
    {"--asyncapi", events_asyncapi},
    {"--man", events_man},
    {"--lint", lint},
};

static struct subcommand {
	const char *name;
	int (*run)(int argc, char **argv);
	char full[24]; /* for what getopt says */
} subcommands[] = {
    {"send", events_send, "psymatch-events send"},
    {"trace", events_trace, "psymatch-events trace"},
    {"watch", events_watch, "psymatch-events watch"},
};

static int
run(int argc, char **argv)
{
	size_t i;
	int rc;

	if (argc < 2)
		return print_table(stdout);
	for (i = 0; i < sizeof subcommands / sizeof *subcommands; i++) {
		if (strcmp(argv[1], subcommands[i].name) != 0)
			continue;
		argv[1] = subcommands[i].full;
		rc = subcommands[i].run(argc - 1, argv + 1);
		if (rc == 2)
			fputs(usage, stderr);
		return rc;
	}
	if (strcmp(argv[1], "--check") == 0 && argc > 2)
		return check_files(argc - 2, argv + 2);
	for (i = 0; argc == 2 && i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[1], commands[i].option) != 0)
			continue;
		rc = commands[i].run(stdout);
		/* main() says what is wrong with the output. */
		if (rc < 0 && !ferror(stdout))
			fprintf(stderr, "psymatch-events: %s\n",
			        psm_strerror(rc));
		return rc != 0;
	}
	if (argc == 2 &&
	    (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("psymatch-events (psymatch) %s\n", psm_version());
		return 0;
	}
	fprintf(stderr,
	        "psymatch-events: %s: no such option or command, or not with "
	        "these arguments\n",
	        argv[1]);
	fputs(usage, stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	int status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout)) {
		perror("psymatch-events: standard output");
		return 1;
	}
	return status;
}
