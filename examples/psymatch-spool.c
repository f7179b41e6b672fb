/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists, checks, repairs and exports the events of a spool directory. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] =
    "usage: psymatch-spool [OPTION]... ls | cat | verify | repair | export "
    "[DIR]\n"
    "DIR: unless given, that of programs with this environment. Commands:\n"
    "  ls       streams, files, and how many events wait there\n"
    "  cat      one line per event that waits\n"
    "  verify   say where it is damaged; the exit status is 1 if it is\n"
    "  repair   move damaged bytes of streams without a live owner to the quarantine\n"
    "  export   the events that wait, one JSON object a line\n"
    "Options:\n"
    "  --all      cat, export: also events that were sent, as far as they are\n"
    "             still there\n"
    "  --payload  cat: print payloads too: they hold personal data\n"
    "  --json     ls, cat, verify: one JSON object for each stream, for each\n"
    "             event, for all of it\n"
    "  --key-file FILE\n"
    "             the keys of an encrypted spool; ls needs none\n"
    "  -h, --help  print this text\n"
    "  --version   print the version\n";

enum { EXIT_DAMAGED = 1, EXIT_USAGE = 2, EXIT_LOCKED = 3 };

struct run {
	int all, payload, json;
	const char *key_file; /* NULL: none */
	/* of the stream or of everything */
	long long waiting, sent, lost, files, bytes, damages, aside, locked;
	long long oldest_us; /* when the oldest that waits was accepted */
	char stream[32];     /* ls --json: the one that is read; "": none */
	int owned;
	psm_error *err;
	int failed;
	struct tool_progress progress;
	int64_t seen; /* events */
};

static const char *
time_of(int64_t us, char *text, size_t size)
{
	return us > 0 && psm_time_format(us, text, size) >= 0 ? text : "-";
}

static long long
num(const psm_spool_item *i, const char *name)
{
	return (long long)psm_spool_item_int(i, name);
}

/* A copy of a short text, cut if need be; "-" if there is none. */
static const char *
text(const psm_spool_item *i, const char *name, char *copy, size_t size)
{
	size_t len;
	const char *bytes = psm_spool_item_text(i, name, &len);

	if (!bytes)
		return "-";
	(void)snprintf(copy, size, "%.*s", (int)len, bytes);
	return copy;
}

/* In "%lld event%s wait%s". */
static const char *
noun_s(int64_t n)
{
	return n == 1 ? "" : "s";
}

static const char *
verb_s(int64_t n)
{
	return n == 1 ? "s" : "";
}

/* Every command passes each item by here. */
static void
show_progress(struct run *r, const psm_spool_item *i)
{
	r->seen += psm_spool_item_what(i) == PSM_SPOOL_RECORD;
	tool_progress_show(&r->progress, r->seen, -1);
}

static int
wanted(const struct run *r, const psm_spool_item *i)
{
	return psm_spool_item_what(i) == PSM_SPOOL_RECORD &&
	       (!num(i, "settled") || r->all);
}

/* -- as JSON */

static void
write_number(psm_json_writer *w, const char *name, long long n)
{
	psm_json_write_key(w, name);
	psm_json_write_int(w, n);
}

/* What was counted, of a stream or of everything. */
static void
print_counts(struct run *r)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *line;
	char time[40];

	psm_json_write_object(w);
	if (r->stream[0]) {
		psm_json_write_key(w, "stream");
		psm_json_write_string(w, r->stream);
		psm_json_write_key(w, "in_use");
		psm_json_write_bool(w, r->owned);
		write_number(w, "files", r->files);
		write_number(w, "bytes", r->bytes);
		write_number(w, "sent", r->sent);
		psm_json_write_key(w, "oldest");
		if (r->waiting)
			psm_json_write_string(
			    w, time_of(r->oldest_us, time, sizeof time));
		else
			psm_json_write_null(w);
	} else {
		write_number(w, "lost", r->lost);
		write_number(w, "locked", r->locked);
	}
	write_number(w, "waiting", r->waiting);
	write_number(w, "damaged_places", r->damages);
	write_number(w, "put_aside", r->aside);
	psm_json_write_end(w);
	if (psm_json_writer_finish(w, &line, NULL, r->err) == 0)
		printf("%s\n", line);
	psm_json_writer_free(w);
}

/* -- ls */

static void
end_stream(struct run *r)
{
	char time[40];

	if (r->json && r->stream[0])
		print_counts(r);
	else if (r->files || r->aside) {
		printf("  %lld event%s wait%s", r->waiting, noun_s(r->waiting),
		       verb_s(r->waiting));
		if (r->waiting)
			printf(", the oldest since %s",
			       time_of(r->oldest_us, time, sizeof time));
		printf(", %lld %s sent; %lld damaged place%s, %lld file%s put "
		       "aside\n",
		       r->sent, r->sent == 1 ? "was" : "were", r->damages,
		       noun_s(r->damages), r->aside, noun_s(r->aside));
	}
	r->waiting = r->sent = r->damages = r->files = r->aside = 0;
	r->bytes = r->oldest_us = 0;
}

static void
ls_file(const struct run *r, const psm_spool_item *i, int is_segment)
{
	char name[300], time[40], key[40];

	if (r->json)
		return;
	printf("  %s  %10lld bytes  %s", text(i, "file", name, sizeof name),
	       num(i, "bytes"), time_of(num(i, "time_us"), time, sizeof time));
	if (is_segment)
		printf("  from event %lld on", num(i, "number"));
	if (num(i, "encrypted"))
		printf("  encrypted with key %s%s",
		       text(i, "key_id", key, sizeof key),
		       r->key_file && num(i, "locked")
		           ? ", which is not in the key file"
		           : "");
	printf("\n");
}

static int
ls_item(const psm_spool_item *i, void *user)
{
	struct run *r = user;

	show_progress(r, i);
	switch (psm_spool_item_what(i)) {
	case PSM_SPOOL_STREAM:
		end_stream(r);
		r->owned = num(i, "owned") != 0;
		if (text(i, "stream", r->stream, sizeof r->stream) != r->stream)
			strcpy(r->stream, "-");
		if (!r->json)
			printf("%s  %s\n", r->stream,
			       r->owned ? "in use" : "no live owner");
		break;
	case PSM_SPOOL_SEGMENT:
		r->files++;
		r->bytes += num(i, "bytes");
		ls_file(r, i, 1);
		break;
	case PSM_SPOOL_RECORD:
		if (num(i, "settled")) {
			r->sent++;
			break;
		}
		if (!r->waiting || num(i, "time_us") < r->oldest_us)
			r->oldest_us = num(i, "time_us");
		r->waiting++;
		break;
	case PSM_SPOOL_DAMAGE:
		r->damages++;
		break;
	default:
		r->aside++;
		ls_file(r, i, 0);
	}
	return 0;
}

/* Once for each segment that cannot be read for want of its key. */
static void
complain(struct run *r, const psm_spool_item *i, FILE *to)
{
	char stream[32], file[300], key[40];

	show_progress(r, i);
	if (psm_spool_item_what(i) != PSM_SPOOL_SEGMENT || !num(i, "locked"))
		return;
	r->locked++;
	tool_progress_wipe(&r->progress);
	fprintf(to, "%s/%s: encrypted with key %s, which is not %s\n",
	        text(i, "stream", stream, sizeof stream),
	        text(i, "file", file, sizeof file),
	        text(i, "key_id", key, sizeof key),
	        r->key_file ? "in the key file" : "there without --key-file");
}

/* -- export, and cat with --json */

static void
write_text(psm_json_writer *w, const psm_spool_item *i, const char *name)
{
	char copy[300];

	psm_json_write_key(w, name);
	if (psm_spool_item_text(i, name, NULL))
		psm_json_write_string(w, text(i, name, copy, sizeof copy));
	else
		psm_json_write_null(w);
}

/* event: the parsed value; NULL: without. cat says more. */
static void
write_event(psm_json_writer *w, const psm_spool_item *i, const psm_json *event,
            int cat)
{
	size_t len = 0;
	char time[40];

	psm_json_write_object(w);
	write_text(w, i, "stream");
	psm_json_write_key(w, "number");
	psm_json_write_int(w, num(i, "number"));
	psm_json_write_key(w, "accepted");
	psm_json_write_string(w, time_of(num(i, "time_us"), time, sizeof time));
	psm_json_write_key(w, "sent");
	psm_json_write_bool(w, num(i, "settled") != 0);
	write_text(w, i, "topic");
	write_text(w, i, "key");
	if (cat) {
		write_text(w, i, "event_id");
		(void)psm_spool_item_text(i, "value", &len);
		psm_json_write_key(w, "bytes");
		psm_json_write_int(w, (int64_t)len);
	}
	if (event) {
		psm_json_write_key(w, "event");
		psm_json_write_value(w, event);
	}
	psm_json_write_end(w);
}

static int
print_json(const psm_spool_item *i, struct run *r, int cat)
{
	psm_json_writer *w = NULL;
	psm_json *event = NULL;
	const char *value, *line;
	char stream[32];
	size_t len;
	int rc = 0;

	complain(r, i, stderr);
	if (!wanted(r, i) || num(i, "locked"))
		return 0;
	value = psm_spool_item_text(i, "value", &len);
	if (!cat || r->payload)
		rc = psm_json_parse(value, len, &event, r->err);
	if (rc == 0) {
		w = psm_json_writer_new();
		write_event(w, i, event, cat);
		rc = psm_json_writer_finish(w, &line, NULL, r->err);
	}
	if (rc == 0) {
		printf("%s\n", line);
	} else {
		fflush(stdout);
		tool_progress_wipe(&r->progress);
		fprintf(stderr, "psymatch-spool: %s event %lld: %s\n",
		        text(i, "stream", stream, sizeof stream),
		        num(i, "number"), psm_error_message(r->err));
		r->failed = 1;
	}
	psm_json_writer_free(w);
	psm_json_free(event);
	return 0;
}

static int
export_item(const psm_spool_item *i, void *user)
{
	return print_json(i, user, 0);
}

/* -- cat */

static int
cat_item(const psm_spool_item *i, void *user)
{
	char stream[32], time[40], topic[300], key[300], id[64];
	struct run *r = user;
	const char *value;
	size_t len;

	if (r->json)
		return print_json(i, r, 1);
	complain(r, i, stderr);
	if (!wanted(r, i) || num(i, "locked"))
		return 0;
	value = psm_spool_item_text(i, "value", &len);
	printf("%s %lld %s %s %s %s %zu bytes%s",
	       text(i, "stream", stream, sizeof stream), num(i, "number"),
	       time_of(num(i, "time_us"), time, sizeof time),
	       text(i, "topic", topic, sizeof topic),
	       text(i, "key", key, sizeof key),
	       text(i, "event_id", id, sizeof id), len,
	       num(i, "settled") ? " sent" : "");
	if (r->payload)
		printf(" %.*s", (int)len, value);
	printf("\n");
	return 0;
}

/* -- verify */

static int
verify_item(const psm_spool_item *i, void *user)
{
	char stream[32], file[300], reason[100];
	struct run *r = user;
	int what = psm_spool_item_what(i);

	if (what == PSM_SPOOL_RECORD)
		r->waiting += !num(i, "settled");
	if (what == PSM_SPOOL_QUARANTINE)
		r->aside++;
	complain(r, i, r->json ? stderr : stdout);
	if (what != PSM_SPOOL_DAMAGE)
		return 0;
	r->damages++;
	r->lost += num(i, "number");
	if (r->json)
		return 0;
	tool_progress_wipe(&r->progress);
	printf("%s/%s: bytes %lld to %lld: %s; %lld event%s lost\n",
	       text(i, "stream", stream, sizeof stream),
	       text(i, "file", file, sizeof file), num(i, "at"),
	       num(i, "at") + num(i, "bytes") - 1,
	       text(i, "reason", reason, sizeof reason), num(i, "number"),
	       noun_s(num(i, "number")));
	return 0;
}

/* -- the program */

static int
repair(const char *dir, const char *key_file, psm_error *err)
{
	int64_t damaged = 0, kept = 0;
	int rc = psm_spool_repair(dir, key_file, &damaged, &kept, err);

	if (rc == 0)
		printf("%lld event%s unreadable, %lld wait%s\n",
		       (long long)damaged, damaged == 1 ? " was" : "s were",
		       (long long)kept, verb_s(kept));
	return rc;
}

/* prints: 1: fn does it for most events. */
static int
scan(struct run *r, const char *dir, psm_spool_fn fn, int prints)
{
	int rc;

	tool_progress_start(&r->progress, "events", prints);
	rc = psm_spool_scan(dir, r->key_file, fn, r, r->err);
	tool_progress_end(&r->progress, r->seen, -1);
	return rc;
}

static int
run(struct run *r, const char *command, const char *dir)
{
	int rc;

	if (strcmp(command, "repair") == 0)
		return repair(dir, r->key_file, r->err);
	if (strcmp(command, "cat") == 0)
		return scan(r, dir, cat_item, 1);
	if (strcmp(command, "export") == 0)
		return scan(r, dir, export_item, 1);
	if (strcmp(command, "ls") == 0) {
		rc = scan(r, dir, ls_item, 1);
		if (rc == 0)
			end_stream(r);
		return rc;
	}
	rc = scan(r, dir, verify_item, 0);
	if (rc == 0 && r->json)
		print_counts(r);
	else if (rc == 0)
		printf("%lld event%s wait%s; %lld damaged place%s, %lld "
		       "event%s lost there, %lld file%s in the quarantine\n",
		       r->waiting, noun_s(r->waiting), verb_s(r->waiting),
		       r->damages, noun_s(r->damages), r->lost, noun_s(r->lost),
		       r->aside, noun_s(r->aside));
	if (rc == 0 && r->locked && !r->json)
		printf("%lld file%s looked at without %s key: only %s\n",
		       r->locked, r->locked == 1 ? " was" : "s were",
		       r->locked == 1 ? "its" : "their",
		       r->locked == 1 ? "its checksums" : "their checksums");
	r->failed = r->damages > 0;
	return rc;
}

/* The options of a command beside --key-file, by their letters; NULL: there is
 * no such command. */
static const char *
options_of(const char *command)
{
	static const struct {
		const char *name, *letters;
	} commands[] = {
	    {"ls", "j"},    {"cat", "apj"},  {"verify", "j"},
	    {"repair", ""}, {"export", "a"},
	};
	size_t i;

	for (i = 0; i < sizeof commands / sizeof *commands; i++)
		if (strcmp(command, commands[i].name) == 0)
			return commands[i].letters;
	return NULL;
}

/* -1: an option that the command does not know, which is said. */
static int
check_options(const struct run *r, const char *command)
{
	const struct {
		int given, letter;
		const char *name;
	} options[] = {{r->all, 'a', "--all"},
	               {r->payload, 'p', "--payload"},
	               {r->json, 'j', "--json"}};
	size_t i;

	for (i = 0; i < sizeof options / sizeof *options; i++)
		if (options[i].given &&
		    !strchr(options_of(command), options[i].letter)) {
			fprintf(stderr, "psymatch-spool: %s: not with %s\n",
			        options[i].name, command);
			return -1;
		}
	return 0;
}

/* The directory of the environment. NULL: it names none, which is said. */
static const char *
given(char *usual, size_t size)
{
	const char *dir = getenv("PSYMATCH_SPOOL_DIR");

	if (!dir || !dir[0])
		dir = tool_usual_spool(usual, size);
	if (dir && strcmp(dir, "none") != 0)
		return dir;
	fputs(dir ? "psymatch-spool: PSYMATCH_SPOOL_DIR is none\n"
	          : "psymatch-spool: the environment names no directory\n",
	      stderr);
	return NULL;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"all", no_argument, NULL, 'a'},
	    {"payload", no_argument, NULL, 'p'},
	    {"json", no_argument, NULL, 'j'},
	    {"key-file", required_argument, NULL, 'k'},
	    TOOL_OPTIONS,
	};
	struct run r = {0};
	const char *dir;
	char usual[4200];
	int c, is_known, rc;

	tool_hold_closed();
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (tool_asked(c, "psymatch-spool", usage) > 0)
			return tool_flush("psymatch-spool") < 0;
		if (c == '?')
			return fputs(usage, stderr), EXIT_USAGE;
		r.all |= c == 'a';
		r.payload |= c == 'p';
		r.json |= c == 'j';
		if (c == 'k')
			r.key_file = optarg;
	}
	is_known = optind < argc && options_of(argv[optind]);
	if (!is_known || argc - optind > 2) {
		tool_refuse("psymatch-spool", argv + optind, is_known, usage);
		return EXIT_USAGE;
	}
	if (check_options(&r, argv[optind]) < 0)
		return fputs(usage, stderr), EXIT_USAGE;
	dir = argv[optind + 1] ? argv[optind + 1] : given(usual, sizeof usual);
	if (!dir)
		return fputs(usage, stderr), EXIT_USAGE;
	r.err = psm_error_new();
	rc = run(&r, argv[optind], dir);
	if (rc < 0)
		fprintf(stderr, "psymatch-spool: %s\n",
		        psm_error_message(r.err));
	r.failed |= tool_flush("psymatch-spool") < 0;
	psm_error_free(r.err);
	if (rc < 0 || r.failed)
		return EXIT_DAMAGED;
	return r.locked ? EXIT_LOCKED : 0;
}
