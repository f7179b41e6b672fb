/* SPDX-License-Identifier: BSD-2-Clause */
/* Copies of imported objects, and others who write to the same folders. */
#include <dirent.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "testing_patient_run.h"

/* -- copies */

static char kept[4200];

static void
keep_copies(void)
{
	(void)snprintf(kept, sizeof(kept), "%s/.kept", folder);
	OK(psm_object_source_keep(source, kept, err));
}

static size_t
count_files(const char *path, const char *beginning)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL)
		n += strcmp(e->d_name, ".") != 0 &&
		     strcmp(e->d_name, "..") != 0 &&
		     strncmp(e->d_name, beginning, strlen(beginning)) == 0;
	closedir(dir);
	return n;
}

START_TEST(copies_are_kept)
{
	struct stat info;

	(void)snprintf(kept, sizeof(kept), "%s/in", folder);
	psm_object_source_free(source);
	OK(psm_object_source_folder(kept, &source, err));
	keep_copies();
	put_file("in/b.json", GOOD);
	put_file("in/c.json", BAD);
	let_settle();
	check_run(1);
	ck_assert(is_there(".kept/b.json") && is_there(".kept/failed/c.json"));
	ck_assert(!is_there("in/b.json") && !is_there("in/c.json"));
	ck_assert_int_eq(stat(place(".kept/b.json"), &info), 0);
	ck_assert_int_eq(info.st_mode & 0777, 0600);
	ck_assert_int_eq(info.st_size, strlen(GOOD));
	/* Fault 73: another one of that name overwrites nothing. */
	put_file("in/b.json", OTHER);
	check_run(1);
	ck_assert_int_eq(stat(place(".kept/b.json"), &info), 0);
	ck_assert_int_eq(info.st_size, strlen(GOOD));
	ck_assert_uint_eq(count_files(place(".kept"), "b"), 2);
}
END_TEST

static const char *const names[][2] = {
    {"../../x.json", "%2E.%2F..%2Fx.json"},
    {"a/b.json", "a%2Fb.json"},
    {"/etc/passwd.json", "%2Fetc%2Fpasswd.json"},
    {"a%2Fb.json", "a%252Fb.json"},
    {".json", ".json"},
    {"\u00fc b.json", "%C3%BC%20b.json"},
    {"..json", "%2E.json"},
};

START_TEST(fault_73_names_of_copies)
{
	char name[256], longest[1025];

	psm__object_copy_name(names[_i][0], NULL, name);
	ck_assert_str_eq(name, names[_i][1]);
	psm__object_copy_name(names[_i][0], "0123456789abcdef0123", name);
	ck_assert_ptr_nonnull(strstr(name, "-0123456789abcdef.json"));
	memset(longest, '/', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	psm__object_copy_name(longest, "0123456789abcdef0123", name);
	ck_assert_uint_lt(strlen(name), 256);
}
END_TEST

/* -- others who write to the same folders */

/* What they do, once, before a file is moved or removed, and after a copy was
 * put in its place; NULL: nothing. */
static void (*before_end)(void), (*after_copy)(void);

static void
let_others_act(void (**what)(void))
{
	void (*act)(void) = *what;

	if (act == NULL)
		return;
	*what = NULL;
	act();
}

/* These are called in the place of the C library's. */
int
rename(const char *from, const char *to)
{
	let_others_act(&before_end);
	return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
unlink(const char *path)
{
	let_others_act(&before_end);
	return unlinkat(AT_FDCWD, path, 0);
}

int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);

	let_others_act(&after_copy);
	return rc;
}

static void
put_newer(void)
{
	char to[4200];

	put_file("new", OTHER);
	(void)snprintf(to, sizeof(to), "%s/a.json", folder);
	ck_assert_int_eq(renameat(AT_FDCWD, place("new"), AT_FDCWD, to), 0);
}

/* A newer file that comes in the moment between look and end stays: of one that
 * is moved, of one that is removed as a copy is kept, of a broken one. */
START_TEST(a_newer_file_is_not_taken)
{
	if (_i == 1)
		keep_copies();
	put_file("a.json", _i == 2 ? BAD : GOOD);
	let_settle();
	before_end = put_newer;
	check_run(_i == 2 ? 0 : 1);
	ck_assert_ptr_null(before_end);
	ck_assert(is_there("a.json"));
	ck_assert_uint_eq(count_files(folder, "taken-"), 0);
	check_run(1);
	ck_assert_int_eq(patients(), _i == 2 ? 1 : 2);
	ck_assert(!is_there("a.json"));
	ck_assert_uint_eq(count_files(folder, "taken-"), 0);
}
END_TEST

static int
copy(const char *name, const char *text)
{
	return psm__object_copy(folder, 0, name, "0123456789abcdef", text,
	                        strlen(text), NULL);
}

static void
put_another_copy(void)
{
	put_file("a.json", OTHER);
}

/* What another container is writing is left alone; and a copy that was replaced
 * is none. */
START_TEST(copies_of_others)
{
	put_file(".tmp/1-0-another", OTHER);
	after_copy = put_another_copy;
	ck_assert_int_eq(copy("a.json", GOOD), PSM_ERR_IO);
	ck_assert_int_eq(copy("a.json", GOOD), 0);
	ck_assert(is_there("a-0123456789abcdef.json"));
	ck_assert(is_there(".tmp/1-0-another"));
	ck_assert_uint_eq(count_files(place(".tmp"), ""), 1);
}
END_TEST

/* What a killed import left goes, what another one writes now stays. */
START_TEST(copies_half_written)
{
	const struct timespec old[2] = {{.tv_sec = 1600000000},
	                                {.tv_sec = 1600000000}};

	keep_copies();
	put_file(".kept/.tmp/old", OTHER);
	put_file(".kept/.tmp/new", OTHER);
	put_file(".kept/old.json", OTHER);
	ck_assert_int_eq(utimensat(AT_FDCWD, place(".kept/.tmp/old"), old, 0),
	                 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, place(".kept/old.json"), old, 0),
	                 0);
	let_settle();
	check_run(0);
	ck_assert(!is_there(".kept/.tmp/old"));
	ck_assert(is_there(".kept/.tmp/new") && is_there(".kept/old.json"));
}
END_TEST

/* A folder of copies that is the source would lose them; one below it is no
 * source. */
START_TEST(copies_beside_the_source)
{
	char path[4200];

	ck_assert_int_eq(psm_object_source_keep(source, place("."), err),
	                 PSM_ERR_INVAL);
	(void)snprintf(path, sizeof(path), "%s/copies", folder);
	OK(psm_object_source_keep(source, path, err));
	put_file("copies/b.json", OTHER);
	put_file("a.json", GOOD);
	let_settle();
	check_run(1);
	ck_assert(is_there("copies/a.json") && is_there("copies/b.json"));
	testing_remove(path);
	ck_assert_int_eq(symlink(folder, path), 0);
	check_run(PSM_ERR_CONFIG);
}
END_TEST

#define COPIES 20

static void *
copy_thread(void *arg)
{
	static const char *const texts[] = {GOOD, OTHER};
	int *which = arg, failed = 0;
	char name[32];

	for (int i = 0; i < COPIES; i++) {
		(void)snprintf(name, sizeof(name), "t%d-%d.json", *which, i);
		failed += copy(name, texts[*which % 2]) < 0;
	}
	*which = failed;
	return NULL;
}

START_TEST(copies_at_once)
{
	pthread_t threads[4];
	int which[4];

	for (int i = 0; i < 4; i++) {
		which[i] = i;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, copy_thread, &which[i]),
		    0);
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		ck_assert_int_eq(which[i], 0);
	}
	ck_assert_uint_eq(count_files(folder, "t"), (size_t)4 * COPIES);
	ck_assert_uint_eq(count_files(place(".tmp"), ""), 0);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("copies of patient imports");
	TCase *t = tcase_create("folder");

	(void)argc; /* Check takes its settings from the environment */
	pg_main(argv);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, copies_are_kept);
	tcase_add_loop_test(t, a_newer_file_is_not_taken, 0, 3);
	tcase_add_test(t, copies_of_others);
	tcase_add_test(t, copies_half_written);
	tcase_add_test(t, copies_beside_the_source);
	tcase_add_test(t, copies_at_once);
	suite_add_tcase(s, t);
	t = tcase_create("names");
	tcase_add_loop_test(t, fault_73_names_of_copies, 0,
	                    (int)PSM__COUNT(names));
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
