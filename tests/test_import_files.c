/* SPDX-License-Identifier: BSD-2-Clause */
/* The import and its files: which are read, which are put aside, what is told.
 */
#include "app/app.h"
#include "testing_import.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utime.h>

/* -- the log */

static char logged[8192];
static const char *replace_from, *replace_to;

static void
keep_log(int level, const char *message, const char *const *fields, void *user)
{
	size_t used = strlen(logged);

	(void)user;
	(void)snprintf(logged + used, sizeof(logged) - used, "%d %s %s\n",
	               level, message, fields[0] ? fields[1] : "");
	if (replace_from != NULL && strcmp(message, "broken import file") == 0)
		ck_assert_int_eq(rename(replace_from, replace_to), 0);
}

static int
import_logged(void)
{
	int rc;

	logged[0] = '\0';
	psm_set_log(keep_log, PSM_LOG_WARN, NULL);
	rc = import();
	psm_set_log(NULL, PSM_LOG_WARN, NULL);
	return rc;
}

static void
make_old(const char *below)
{
	struct timespec times[2] = {{1000000000, 0}, {1000000000, 0}};

	ck_assert_int_eq(
	    utimensat(AT_FDCWD, place(below), times, AT_SYMLINK_NOFOLLOW), 0);
}

static int
has(const char *below)
{
	struct stat found;

	return lstat(place(below), &found) == 0;
}

/* A good file takes the place of a broken one between reading and moving. */
START_TEST(replaced_while_it_is_put_aside)
{
	char from[4200], to[4200];

	put("20250601", "10115.json", "{\"therapists\": [");
	make_old("20250601/10115.json");
	put_one("20250601", "new", "Frau", "Neu", "030 23125 1");
	make_old("20250601/new");
	(void)snprintf(from, sizeof(from), "%s", place("20250601/new"));
	(void)snprintf(to, sizeof(to), "%s", place("20250601/10115.json"));
	replace_from = from;
	replace_to = to;
	/* It is not moved, and read at once. */
	ck_assert_int_eq(import_logged(), 1);
	replace_from = NULL;
	ck_assert_int_eq(has("20250601/10115.json"), 1);
	ck_assert_int_eq(has("failed/20250601/10115.json"), 0);
	ck_assert_int_eq(therapists("nachname = 'Neu'"), 1);
	ck_assert_int_eq(count("broken"), 1);
}
END_TEST

START_TEST(only_what_was_read_is_moved)
{
	static const char *const changes[] = {"other", "time", "size", "gone"};
	struct psm__file f;
	char from[4200], to[4200];

	put("20250601", "10115.json", "{\"a\": 1}");
	make_old("20250601/10115.json");
	(void)snprintf(from, sizeof(from), "%s", place("20250601/10115.json"));
	(void)snprintf(to, sizeof(to), "%s", place("20250601/moved"));
	OK(psm__file_read(from, "20250601/10115.json", &f, err));
	ck_assert_int_eq(psm__file_is_same(from, &f), 1);
	if (strcmp(changes[_i], "other") == 0) {
		put("20250601", "new", "{\"a\": 1}");
		make_old("20250601/new");
		ck_assert_int_eq(rename(place("20250601/new"), from), 0);
	} else if (strcmp(changes[_i], "time") == 0) {
		ck_assert_int_eq(utime(from, NULL), 0);
	} else if (strcmp(changes[_i], "size") == 0) {
		put("20250601", "10115.json", "{\"a\": 12}");
		make_old("20250601/10115.json");
	} else {
		ck_assert_int_eq(unlink(from), 0);
	}
	ck_assert_int_eq(psm__file_is_same(from, &f), 0);
	ck_assert_int_eq(psm__file_move(from, to, &f), 0);
	ck_assert_int_eq(has("20250601/moved"), 0);
	psm__file_free(&f);
	if (strcmp(changes[_i], "gone") == 0)
		return;
	OK(psm__file_read(from, "20250601/10115.json", &f, err));
	ck_assert_int_eq(psm__file_move(from, to, &f), 1);
	ck_assert_int_eq(has("20250601/moved"), 1);
	psm__file_free(&f);
}
END_TEST

static void
make_unreadable(int kind)
{
	const char *path = place("20250602/10115.json");
	int fd;

	(void)mkdir(place("20250602"), 0777);
	path = place("20250602/10115.json");
	switch (kind) {
	case 0:
		ck_assert_int_eq(mkdir(path, 0777), 0);
		break;
	case 1:
		ck_assert_int_eq(symlink("nowhere.json", path), 0);
		break;
	case 2:
		ck_assert_int_eq(symlink("10115.json", path), 0);
		break;
	case 3:
		ck_assert_int_eq(mkfifo(path, 0600), 0);
		break;
	default:
		fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ftruncate(fd, (off_t)PSM__JSON_MAX_BYTES + 1),
		                 0);
		ck_assert_int_eq(close(fd), 0);
	}
}

/* The newest is no file that can be read: told once, put aside, and the older
 * one is read. */
START_TEST(what_is_no_file)
{
	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 1");
	make_unreadable(_i);
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(count("broken"), 1);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("broken"), 1);
	ck_assert_int_eq(has("20250602/10115.json"), 1);
	make_old("20250602/10115.json");
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(has("20250602/10115.json"), 0);
	ck_assert_int_eq(has("failed/20250602/10115.json"), 1);
	ck_assert_int_eq(therapists("true"), 1);
}
END_TEST

#define FAULTY                                                                 \
	"{\"basic_info\": {\"salutation\": \"Frau\"}, \"location\": "          \
	"{\"postal_code\": \"10115\"}, \"therapy_methods\": "                  \
	"[\"Erwachsene\"]}"
#define GOOD                                                                   \
	"{\"basic_info\": {\"salutation\": \"Frau\", \"first_name\": "         \
	"\"A\", \"last_name\": \"B\"}, \"location\": {\"postal_code\": "       \
	"\"10115\"}, \"therapy_methods\": [\"Erwachsene\"]}"

/* A run that the database cuts counts nothing as done, tells no fault twice,
 * and the next run counts the file. */
START_TEST(cut_by_the_database)
{
	static const char *const tables[] = {"therapist_service.therapeuten",
	                                     "psymatch.therapist_import"};
	const char *table = tables[_i];
	char *text;
	psm_json *doc;
	int64_t n;
	int rc;

	put("20250601", "10115.json",
	    "{\"therapists\": [" FAULTY ", " GOOD "]}");
	pg_run("ALTER TABLE %s RENAME TO away", table);
	rc = psm_therapist_import_run(st, folder, status, err);
	ck_assert_msg(psm__app_is_system(rc), "%d", rc);
	ck_assert_int_eq(count("files"), 0);
	pg_run("ALTER TABLE %.*s.away RENAME TO %s",
	       (int)(strchr(table, '.') - table), table,
	       strchr(table, '.') + 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(import(), 1 - i);
		OK(psm_import_status_json(status, &text, err));
		OK(psm_json_parse(text, strlen(text), &doc, err));
		OK(psm_json_get_int(psm_json_at(doc, "/total_files_processed"),
		                    &n, err));
		ck_assert_int_eq(n, 1);
		OK(psm_json_get_int(
		    psm_json_at(doc, "/total_therapists_failed"), &n, err));
		ck_assert_int_eq(n, 1);
		ck_assert_uint_eq(
		    psm_json_count(psm_json_at(doc, "/recent_imports")), 1);
		psm_json_free(doc);
		psm_free(text);
		OK(psm_import_status_errors(status, &text, err));
		OK(psm_json_parse(text, strlen(text), &doc, err));
		ck_assert_uint_eq(psm_json_count(doc), 1);
		psm_json_free(doc);
		psm_free(text);
	}
	ck_assert_int_eq(count("created"), 1);
}
END_TEST

/* A folder dated in the future by mistake hides nothing, and is told. */
START_TEST(dated_in_the_future)
{
	char *text;

	put_one("20990101", "10115.json", "Frau", "Alt", "030 23125 99");
	put_one("20250601", "10115.json", "Frau", "Alt", "030 23125 1");
	ck_assert_int_eq(import_logged(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 1'"), 1);
	ck_assert_int_eq(count("future"), 1);
	ck_assert_ptr_nonnull(strstr(logged, "dated in the future"));
	ck_assert_ptr_nonnull(strstr(logged, "20990101"));
	OK(psm_import_status_json(status, &text, err));
	ck_assert_ptr_nonnull(strstr(text,
	                             "\"last_error\":\"20990101: the folder "
	                             "is dated in the future"));
	psm_free(text);
	ck_assert_int_eq(psm_import_status_health(status, &text, err),
	                 PSM_HEALTH_AMBER);
	ck_assert_ptr_nonnull(
	    strstr(text, "a folder is dated in the future and left out"));
	psm_free(text);
	/* What such a folder wrote in its time is taken back. */
	pg_run("UPDATE psymatch.therapist_import SET source = "
	       "'20990101/10115.json'");
	put_one("20250602", "10115.json", "Frau", "Alt", "030 23125 2");
	ck_assert_int_eq(import(), 1);
	ck_assert_int_eq(therapists("telefon = '030 23125 2'"), 1);
	/* The way out: the right name. */
	testing_remove(place("20990101"));
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("future"), 2);
	ck_assert_int_ge(psm_import_status_health(status, &text, err), 0);
	ck_assert_ptr_null(strstr(text, "a folder is dated in the future"));
	psm_free(text);
}
END_TEST

/* Root reads everything, unless it does without that. */
static void
obey_modes(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2];

	ck_assert_int_eq(syscall(SYS_capget, &head, data), 0);
	data[0].effective &=
	    ~(1u << CAP_DAC_OVERRIDE | 1u << CAP_DAC_READ_SEARCH);
	ck_assert_int_eq(syscall(SYS_capset, &head, data), 0);
}

/* What may not be read is told once, also by the next process, and read when it
 * may be. */
START_TEST(forbidden)
{
	obey_modes();
	put_one("20250602", "10115.json", "Frau", "Alt", "030 23125 1");
	ck_assert_int_eq(chmod(place("20250602/10115.json"), 0), 0);
	ck_assert_int_eq(import_logged(), 0);
	ck_assert_ptr_nonnull(
	    strstr(logged, "broken import file 20250602/10115.json"));
	psm_import_status_free(status);
	OK(psm_import_status_new(86400, &status, err));
	ck_assert_int_eq(import_logged(), 0);
	ck_assert_str_eq(logged, "");
	ck_assert_int_eq(count("broken"), 0);
	ck_assert_int_eq(chmod(place("20250602/10115.json"), 0644), 0);
	ck_assert_int_eq(import_logged(), 1);
	ck_assert_str_eq(logged, "");
	/* Forbidden once more is news. */
	ck_assert_int_eq(chmod(place("20250602/10115.json"), 0), 0);
	ck_assert_int_eq(import(), 0);
	ck_assert_int_eq(count("broken"), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("import files");
	TCase *t = tcase_create("database");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, replaced_while_it_is_put_aside);
	tcase_add_loop_test(t, only_what_was_read_is_moved, 0, 4);
	tcase_add_loop_test(t, what_is_no_file, 0, 5);
	tcase_add_loop_test(t, cut_by_the_database, 0, 2);
	tcase_add_test(t, dated_in_the_future);
	tcase_add_test(t, forbidden);
	suite_add_tcase(s, t);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc; /* Check takes its settings from the environment */
	return app_main(argv, suite);
}
