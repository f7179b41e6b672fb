/* SPDX-License-Identifier: BSD-2-Clause */
/* A spool directory seen from outside: psm_spool_scan, psm_spool_repair and the
 * program psymatch-spool. */
#include "testing_spool.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <psymatch/json.h>
#include <psymatch/spool.h>

static char builddir[4096], out[100000];

static void
set_up_tool(void)
{
	set_up();
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
}

/* Returns the exit status; out has what was printed. */
static int
call(const char *args)
{
	char command[9000];

	(void)snprintf(command, sizeof(command), "'%s/psymatch-spool' %s 2>&1",
	               builddir, args);
	return testing_shell(command, out, sizeof out);
}

static int
call_on(const char *command)
{
	char args[1000];

	(void)snprintf(args, sizeof(args), "%s '%s'", command, dir);
	return call(args);
}

static void
says(const char *part)
{
	ck_assert_msg(strstr(out, part) != NULL, "not there: %s\n%s", part,
	              out);
}

struct tally {
	int streams, owned, segments, records, settled, damages, aside;
	int64_t lost, last;
	int stop_at; /* end the scan after so many records; 0: never */
};

static int
count(const psm_spool_item *i, void *user)
{
	int what = psm_spool_item_what(i);
	struct tally *t = user;

	t->streams += what == PSM_SPOOL_STREAM;
	t->owned +=
	    what == PSM_SPOOL_STREAM && psm_spool_item_int(i, "owned") == 1;
	t->segments += what == PSM_SPOOL_SEGMENT;
	t->aside += what == PSM_SPOOL_QUARANTINE;
	if (what == PSM_SPOOL_DAMAGE) {
		t->damages++;
		t->lost += psm_spool_item_int(i, "number");
		ck_assert_ptr_nonnull(psm_spool_item_text(i, "reason", NULL));
	}
	if (what != PSM_SPOOL_RECORD)
		return 0;
	t->records++;
	t->settled += psm_spool_item_int(i, "settled") == 1;
	ck_assert_int_gt(psm_spool_item_int(i, "number"), t->last);
	ck_assert_int_gt(psm_spool_item_int(i, "time_us"), 0);
	ck_assert_ptr_nonnull(psm_spool_item_text(i, "value", NULL));
	t->last = psm_spool_item_int(i, "number");
	return t->stop_at && t->records == t->stop_at ? 77 : 0;
}

static struct tally
scan(void)
{
	struct tally t = {0};
	psm_error *err = psm_error_new();

	ck_assert_msg(psm_spool_scan(dir, key_file, count, &t, err) == 0, "%s",
	              psm_error_message(err));
	psm_error_free(err);
	return t;
}

/* Where record `number` is. */
struct place {
	int64_t number, at;
	char file[700];
};

static int
find(const psm_spool_item *i, void *user)
{
	struct place *p = user;

	if (psm_spool_item_what(i) != PSM_SPOOL_RECORD ||
	    psm_spool_item_int(i, "number") != p->number)
		return 0;
	p->at =
	    psm_spool_item_int(i, "at") + psm_spool_item_int(i, "bytes") / 2;
	ck_assert_int_lt(snprintf(p->file, sizeof(p->file), "%s/%s/%s", dir,
	                          psm_spool_item_text(i, "stream", NULL),
	                          psm_spool_item_text(i, "file", NULL)),
	                 (int)sizeof(p->file));
	return 1;
}

static void
flip(const struct place *p)
{
	int fd = open(p->file, O_RDWR);
	uint8_t byte = 0;

	ck_assert_int_eq(pread(fd, &byte, 1, p->at), 1);
	byte ^= 0x55;
	ck_assert_int_eq(pwrite(fd, &byte, 1, p->at), 1);
	close(fd);
}

/* A byte in the middle of it. */
static struct place
damage_record(int64_t number)
{
	struct place p = {.number = number};

	ck_assert_int_eq(psm_spool_scan(dir, key_file, find, &p, NULL), 1);
	flip(&p);
	return p;
}

/* -- tests */

START_TEST(while_it_is_used)
{
	struct psm__spool *s = open_spool();
	struct tally t;

	put(s, 0, 10);
	t = scan();
	ck_assert_int_eq(t.streams, 1);
	ck_assert_int_eq(t.owned, 1);
	ck_assert_int_eq(t.records, 10);
	ck_assert_int_eq(t.settled, 0);
	ck_assert_int_eq(t.damages, 0);
	consume(s, 0, 4);
	ck_assert_int_eq(scan().records, 10);
	put(s, 10, 20);
	ck_assert_int_eq(scan().records, 20);
	ck_assert_int_eq(call_on("ls"), 0);
	says("stream.0  in use");
	says("0 damaged places");
	ck_assert_int_eq(call_on("--json ls"), 0);
	says("{\"stream\":\"stream.0\",\"in_use\":true,");
	/* And it did not mind. */
	expect(s, 4, 20);
	end(s);
}
END_TEST

/* On a terminal, which is what script(1) makes, and only there. */
START_TEST(shows_how_far_it_is)
{
	struct psm__spool *s = open_spool();
	char command[9000];

	put(s, 0, 10);
	end(s);
	(void)snprintf(command, sizeof(command),
	               "script -qec \"'%s/psymatch-spool' cat '%s' "
	               ">/dev/null\" /dev/null",
	               builddir, dir);
	ck_assert_int_eq(testing_shell(command, out, sizeof(out)), 0);
	says("\r0 events\033[K\r\r10 events, ");
	says("\033[K\r\r\n");
	ck_assert_int_eq(call_on("cat"), 0);
	ck_assert_ptr_null(strchr(out, '\r'));
}
END_TEST

START_TEST(what_the_cursor_says)
{
	struct psm__spool *s = open_spool();
	struct tally t;

	put(s, 0, 10);
	consume(s, 0, 4);
	end(s);
	t = scan();
	ck_assert_int_eq(t.owned, 0);
	ck_assert_int_eq(t.records, 10);
	ck_assert_int_eq(t.settled, 4);
	ck_assert_int_eq(call_on("cat"), 0);
	ck_assert_ptr_null(strstr(out, " 4 2"));
	says("stream.0 5 2");
	ck_assert_int_eq(call_on("--all cat"), 0);
	says("stream.0 4 2");
	says(" sent");
	ck_assert_int_eq(call_on("--json ls"), 0);
	says("{\"stream\":\"stream.0\",\"in_use\":false,\"files\":1,");
	says(",\"sent\":4,\"oldest\":\"2");
	says("\"waiting\":6,\"damaged_places\":0,\"put_aside\":0}\n");
}
END_TEST

/* Each stream has numbers of its own. */
START_TEST(streams_as_json)
{
	static const char empty[] =
	    "{\"stream\":\"stream.7\",\"in_use\":false,\"files\":0,\"bytes\":0,"
	    "\"sent\":0,\"oldest\":null,\"waiting\":0,\"damaged_places\":0,"
	    "\"put_aside\":0}\n";
	struct psm__spool *s = open_spool();
	char path[300];

	put(s, 0, 10);
	end(s);
	(void)snprintf(path, sizeof(path), "%s/stream.7", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(call_on("--json ls"), 0);
	says("\"waiting\":10,\"damaged_places\":0,\"put_aside\":0}\n");
	says(empty);
}
END_TEST

START_TEST(damage_is_told_and_repaired)
{
	struct psm__spool *s = open_spool();
	int64_t damaged = -1, kept = -1;
	struct tally t;

	put(s, 0, 10);
	end(s);
	ck_assert_int_eq(call_on("verify"), 0);
	says("10 events wait; 0 damaged places");
	(void)damage_record(4);
	(void)damage_record(5);
	(void)damage_record(10);
	t = scan();
	ck_assert_int_eq(t.records, 7);
	ck_assert_int_eq(t.damages, 2);
	ck_assert_int_eq(t.lost, 3);
	ck_assert_int_eq(call_on("--json verify"), 1);
	ck_assert_str_eq(out, "{\"lost\":3,\"locked\":0,\"waiting\":7,"
	                      "\"damaged_places\":2,\"put_aside\":0}\n");
	ck_assert_int_eq(call_on("verify"), 1);
	says("these bytes are no record; 2 events lost");
	says("the end is no record; 1 event lost");
	says("7 events wait; 2 damaged places, 3 events lost there");
	/* Looking changes nothing. */
	ck_assert_int_eq(scan().damages, 2);
	ck_assert_int_eq(psm_spool_repair(dir, NULL, &damaged, &kept, NULL), 0);
	ck_assert_int_eq(damaged, 3);
	ck_assert_int_eq(kept, 7);
	t = scan();
	ck_assert_int_eq(t.damages, 0);
	ck_assert_int_eq(t.aside, 2);
	ck_assert_int_eq(call_on("verify"), 0);
	says("2 files in the quarantine");
	/* Once more there is nothing to do, and nothing is lost. */
	ck_assert_int_eq(call_on("repair"), 0);
	says("0 events were unreadable, 7 wait");
	s = open_spool();
	consume(s, 0, 3);
	expect(s, 5, 9);
	end(s);
}
END_TEST

START_TEST(repair_leaves_the_living_alone)
{
	struct psm__spool *s = open_spool();
	struct place place;
	int64_t kept = -1;

	put(s, 0, 10);
	place = damage_record(4);
	ck_assert_int_eq(psm_spool_repair(dir, NULL, NULL, &kept, NULL), 0);
	ck_assert_int_eq(kept, 0);
	ck_assert_int_eq(scan().damages, 1);
	flip(&place); /* as it was */
	expect(s, 0, 10);
	end(s);
}
END_TEST

START_TEST(no_segment_at_all)
{
	struct psm__spool *s = open_spool();
	struct place place;
	char garbage[5000];
	int fd;

	put(s, 0, 3);
	end(s);
	place = damage_record(1);
	fd = open(place.file, O_WRONLY);
	ck_assert_int_ge(fd, 0);
	memset(garbage, 'x', sizeof(garbage));
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, garbage, sizeof(garbage), 0),
	                 sizeof(garbage));
	close(fd);
	ck_assert_int_eq(call_on("verify"), 1);
	says("this is no segment");
	ck_assert_int_eq(call_on("repair"), 0);
	ck_assert_int_eq(scan().aside, 1);
}
END_TEST

/* A file instead of the quarantine folder does not hide events. */
START_TEST(quarantine_is_no_folder)
{
	struct psm__spool *s = open_spool();
	char path[400];
	int fd;

	put(s, 0, 3);
	end(s);
	(void)damage_record(1);
	snprintf(path, sizeof(path), "%s/stream.0/quarantine", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(scan().records, 2);
	ck_assert_int_eq(call_on("verify"), 1);
	says("2 events wait; 1 damaged place");
	ck_assert_int_eq(call_on("repair"), 0);
	ck_assert_int_eq(scan().aside, 1);
	ck_assert_int_eq(call_on("verify"), 0);
}
END_TEST

static int
note_stream(const psm_spool_item *i, void *user)
{
	char *names = user;
	size_t len = 0;
	const char *name = psm_spool_item_text(i, "stream", &len);

	if (psm_spool_item_what(i) == PSM_SPOOL_STREAM)
		(void)strncat(strcat(names, " "), name, len);
	return 0;
}

/* In the order in which their events are sent. */
START_TEST(streams_in_the_order_of_their_numbers)
{
	static const char *const made[] = {"stream.10", "stream.9", "stream.2",
	                                   "stream.100", "stream.1"};
	char names[200] = "", path[1000];

	for (size_t i = 0; i < PSM__COUNT(made); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, made[i]);
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	ck_assert_int_eq(psm_spool_scan(dir, NULL, note_stream, names, NULL),
	                 0);
	ck_assert_str_eq(names, " stream.1 stream.2 stream.9 stream.10 "
	                        "stream.100");
}
END_TEST

START_TEST(stops_when_told)
{
	struct psm__spool *s = open_spool();
	struct tally t = {.stop_at = 3};

	put(s, 0, 10);
	end(s);
	ck_assert_int_eq(psm_spool_scan(dir, NULL, count, &t, NULL), 77);
	ck_assert_int_eq(t.records, 3);
}
END_TEST

START_TEST(wrong_use)
{
	static const char *const commands[] = {"ls", "cat", "verify", "export",
	                                       "repair"};
	char path[5000];
	size_t i;

	psm_error *err = psm_error_new();
	struct tally t = {0};

	ck_assert_int_eq(psm_spool_scan(NULL, NULL, count, &t, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_spool_scan(dir, NULL, NULL, &t, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_spool_repair(NULL, NULL, NULL, NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_spool_scan("/no/such", NULL, count, &t, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "/no/such"));
	ck_assert_int_eq(psm_spool_item_what(NULL), -1);
	ck_assert_int_eq(psm_spool_item_int(NULL, "at"), -1);
	ck_assert_ptr_null(psm_spool_item_text(NULL, "topic", NULL));
	ck_assert_int_eq(psm_spool_repair("/dev/null", NULL, NULL, NULL, err),
	                 PSM_ERR_NOT_FOUND);
	psm_error_free(err);
	ck_assert_int_eq(call(""), 2);
	says("psymatch-spool: a command is missing\nusage:");
	ck_assert_int_eq(call_on("rm"), 2);
	says("psymatch-spool: rm: no such command\nusage:");
	ck_assert_int_eq(call_on("ls more"), 2);
	says("psymatch-spool: ls: not with these arguments\nusage:");
	/* Where a program with this environment has it. */
	setenv("PSYMATCH_SPOOL_DIR", "/no/such", 1);
	ck_assert_int_eq(call("ls"), 1);
	says("psymatch-spool: /no/such: No such file");
	setenv("PSYMATCH_SPOOL_DIR", "none", 1);
	ck_assert_int_eq(call("ls"), 2);
	says("psymatch-spool: PSYMATCH_SPOOL_DIR is none\n");
	unsetenv("PSYMATCH_SPOOL_DIR");
	unsetenv("STATE_DIRECTORY");
	setenv("XDG_STATE_HOME", "/no/home", 1);
	ck_assert_int_eq(call("ls"), 1);
	says("psymatch-spool: /no/home/psymatch/spool: No such file");
	ck_assert_int_eq(call_on("--nonsense ls"), 2);
	ck_assert_int_eq(call_on("--all ls"), 2);
	says("psymatch-spool: --all: not with ls\n");
	ck_assert_int_eq(call_on("--payload verify"), 2);
	ck_assert_int_eq(call_on("--json export"), 2);
	ck_assert_int_eq(call_on("--json repair"), 2);
	says("psymatch-spool: --json: not with repair\n");
	ck_assert_int_eq(call("--help"), 0);
	ck_assert_int_eq(call("ls /no/such"), 1);
	says("psymatch-spool: /no/such: No such file");
	/* What is no spool is not looked through, and not made one. */
	(void)snprintf(path, sizeof(path), "%s/etc", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		ck_assert_int_eq(call_on(commands[i]), 1);
		says("no spool: it has other files only");
	}
	ck_assert_int_eq(psm_spool_repair(dir, NULL, NULL, NULL, NULL),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(rmdir(path), 0);
	(void)snprintf(path, sizeof(path), "%s/lost+found", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	/* An empty directory is nothing to complain about. */
	ck_assert_int_eq(call_on("ls"), 0);
	ck_assert_str_eq(out, "");
}
END_TEST

/* -- encrypted */

static int
call_with_keys(const char *command)
{
	char args[700];

	(void)snprintf(args, sizeof(args), "--key-file '%s' %s", key_path,
	               command);
	return call_on(args);
}

/* ls counts without a key; nothing else comes out without it, and that is not
 * damage. */
START_TEST(encrypted_and_locked)
{
	struct psm__spool *s;
	psm_error *err = psm_error_new();
	int64_t kept = -1;
	struct tally t = {0};

	use_keys(KEY_A);
	s = open_spool();
	put(s, 0, 10);
	end(s);
	t = scan();
	ck_assert_int_eq(t.records, 10);
	ck_assert_int_eq(call_on("ls"), 0);
	says("  encrypted with key ");
	says("10 events wait, the oldest since 2");
	says("0 damaged places");
	ck_assert_ptr_null(strstr(out, "a-topic"));
	if (_i == 1) /* another key is as good as none */
		use_keys(KEY_B);
	ck_assert_int_eq(
	    _i ? call_with_keys("--payload cat") : call_on("--payload cat"), 3);
	says("stream.0/0000000000000002.pms: encrypted with key ");
	says(_i ? "which is not in the key file"
	        : "which is not there without --key-file");
	ck_assert_ptr_null(strstr(out, "id-0000"));
	ck_assert_int_eq(_i ? call_with_keys("export") : call_on("export"), 3);
	ck_assert_ptr_null(strstr(out, "{"));
	ck_assert_int_eq(_i ? call_with_keys("verify") : call_on("verify"), 3);
	says("0 damaged places");
	says("1 file was looked at without its key");
	ck_assert_int_eq(_i ? call_with_keys("repair") : call_on("repair"), 1);
	says(_i ? "is not in key file" : "needs a key file");
	ck_assert_int_eq(
	    psm_spool_repair(dir, _i ? key_path : "", NULL, NULL, err),
	    PSM_ERR_CONFIG);
	psm_error_free(err);
	ck_assert_int_eq(count_files("stream.0/quarantine", ""), 0);
	use_keys(KEY_B KEY_A);
	ck_assert_int_eq(psm_spool_repair(dir, key_path, NULL, &kept, NULL), 0);
	ck_assert_int_eq(kept, 10);
	ck_assert_int_eq(call_with_keys("ls"), 0);
	ck_assert_ptr_null(strstr(out, "not in the key file"));
	ck_assert_int_eq(call_with_keys("cat"), 0);
	says("a-topic k3 id-000003");
	ck_assert_int_eq(call_with_keys("verify"), 0);
	says("10 events wait; 0 damaged places");
	ck_assert_int_eq(chmod(key_path, 0644), 0);
	ck_assert_int_eq(call_with_keys("cat"), 1);
	says("key file ");
	says("want mode 0600 or 0400, for its owner only, found 0644");
}
END_TEST

/* Damage shows without the key; what was altered and given a right checksum
 * with it only. */
START_TEST(encrypted_and_damaged)
{
	struct psm__spool *s;
	struct place p;
	uint8_t bytes[SMALL];
	struct psm__segment g = {
	    .base = bytes, .size = sizeof(bytes), .own_memory = 1};
	struct psm__rec *rec = NULL;
	int64_t damaged = -1, kept = -1;
	int fd;

	use_keys(KEY_A);
	s = open_spool();
	put(s, 0, 10);
	end(s);
	(void)damage_record(4);
	p = damage_record(7);
	fd = open(p.file, O_RDWR);
	ck_assert_int_eq(read(fd, bytes, sizeof(bytes)), (int)sizeof(bytes));
	ck_assert_int_eq(psm__segment_check(&g), 1);
	for (size_t at = g.start; at < (size_t)p.at;
	     at += psm__rec_space(rec->len))
		rec = (void *)(bytes + at);
	rec->crc = psm__rec_crc(g.seed, rec);
	ck_assert_int_eq(pwrite(fd, bytes, sizeof(bytes), 0),
	                 (int)sizeof(bytes));
	close(fd);
	ck_assert_int_eq(call_on("verify"), 1);
	says("these bytes are no record; 1 event lost");
	says("9 events wait; 1 damaged place");
	ck_assert_int_eq(call_with_keys("verify"), 1);
	says("it was altered: its key does not open it; 1 event lost");
	says("8 events wait; 2 damaged places, 2 events lost");
	ck_assert_int_eq(call_with_keys("repair"), 0);
	says("2 events were unreadable, 8 wait");
	ck_assert_int_eq(psm_spool_repair(dir, key_path, &damaged, &kept, NULL),
	                 0);
	ck_assert_int_eq(damaged, 0);
	ck_assert_int_eq(kept, 8);
	ck_assert_int_eq(call_with_keys("verify"), 0);
	says("8 events wait; 0 damaged places, 0 events lost there, 2 files");
}
END_TEST

/* Payloads come only when asked for; export gives the whole event. */
START_TEST(payloads_only_when_asked_for)
{
	int (*ask)(const char *) = _i ? call_with_keys : call_on;
	struct psm__spool *s;
	struct psm__spool_entry e = {.topic = "patient-events",
	                             .key = "7",
	                             .key_len = 1,
	                             .id = "abc",
	                             .value = "{\"event_id\":\"abc\","
	                                      "\"name\":\"Berta\"}"};
	psm_json *doc = NULL;

	if (_i)
		use_keys(KEY_A);
	s = open_spool();
	e.value_len = strlen(e.value);
	ck_assert_int_eq(psm__spool_append(s, &e, NULL), 0);
	end(s);
	ck_assert_int_eq(ask("cat"), 0);
	says("patient-events 7 abc 33 bytes\n");
	ck_assert_ptr_null(strstr(out, "Berta"));
	ck_assert_int_eq(ask("--payload cat"), 0);
	says("Berta");
	ck_assert_int_eq(ask("--json cat"), 0);
	ck_assert_int_eq(psm_json_parse(out, strlen(out), &doc, NULL), 0);
	psm_json_free(doc);
	says("\"number\":1,");
	says("\"sent\":false,\"topic\":\"patient-events\",\"key\":\"7\",");
	says("\"event_id\":\"abc\",\"bytes\":33}\n");
	ck_assert_ptr_null(strstr(out, "Berta"));
	ck_assert_int_eq(ask("--json --payload cat"), 0);
	says("\"event\":{\"event_id\":\"abc\",\"name\":\"Berta\"}");
	ck_assert_int_eq(ask("export"), 0);
	ck_assert_int_eq(psm_json_parse(out, strlen(out), &doc, NULL), 0);
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/event/name")),
	                 "Berta");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/key")), "7");
	ck_assert_str_eq(psm_json_string(psm_json_at(doc, "/topic")),
	                 "patient-events");
	psm_json_free(doc);
}
END_TEST

static int
repair_once(void *arg)
{
	(void)arg;
	return psm_spool_repair(dir, key_file, NULL, NULL, NULL);
}

static int
scan_once(void *arg)
{
	struct tally t = {0};

	(void)arg;
	return psm_spool_scan(dir, key_file, count, &t, NULL);
}

/* _i: in the clear, and encrypted. */
START_TEST(without_memory)
{
	struct psm__spool *s;

	if (_i)
		use_keys(KEY_A);
	/* The allocator cannot change while blocks are out. */
	testing_fail_each(repair_once, NULL, 1);
	s = open_spool();
	put(s, 0, 5);
	end(s);
	testing_fail_each(repair_once, NULL, 1);
	testing_fail_each(scan_once, NULL, 1);
	ck_assert_int_eq(scan().records, 5);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spool tool");
	TCase *tc = tcase_create("tool");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_tool, tear_down);
	tcase_add_loop_test(tc, without_memory, 0, 2);
	tcase_add_test(tc, while_it_is_used);
	tcase_add_test(tc, shows_how_far_it_is);
	tcase_add_test(tc, what_the_cursor_says);
	tcase_add_test(tc, streams_as_json);
	tcase_add_test(tc, damage_is_told_and_repaired);
	tcase_add_test(tc, repair_leaves_the_living_alone);
	tcase_add_test(tc, no_segment_at_all);
	tcase_add_test(tc, quarantine_is_no_folder);
	tcase_add_test(tc, streams_in_the_order_of_their_numbers);
	tcase_add_test(tc, stops_when_told);
	tcase_add_test(tc, wrong_use);
	tcase_add_loop_test(tc, payloads_only_when_asked_for, 0, 2);
	tcase_add_loop_test(tc, encrypted_and_locked, 0, 2);
	tcase_add_test(tc, encrypted_and_damaged);
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
