/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What test programs share: test data, a temporary directory, and memory that
 * runs out. Everything here fails the running test when it cannot do its work.
 */
#ifndef PSM_TESTING_H
#define PSM_TESTING_H

#include <check.h>
#include <dirent.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <psymatch/error.h>
#include <psymatch/memory.h>

/*
 * Check writes each place that it passes into a file, and reads that in the
 * end. Loops would spend their time with it, so a place is told of three times.
 */
#define _mark_point(file, line)                                                \
	__extension__({                                                        \
		static unsigned char marked_;                                  \
                                                                               \
		if (__atomic_load_n(&marked_, __ATOMIC_RELAXED) < 3) {         \
			__atomic_add_fetch(&marked_, 1, __ATOMIC_RELAXED);     \
			(_mark_point)(file, line);                             \
		}                                                              \
	})

/* A number whose bits all depend on all of those of x. */
static inline unsigned
testing_mix(unsigned x)
{
	x = (x ^ (x >> 16)) * 0x7feb352du;
	x = (x ^ (x >> 15)) * 0x846ca68bu;
	return x ^ (x >> 16);
}

/* A case of a suite, which may take a minute. */
static inline TCase *
testing_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return tc;
}

/* The end of main: run all, free; the exit status. */
static inline int
testing_run(SRunner *sr)
{
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}

/* Prometheus itself must like a page of metrics, where it is installed. */
static inline void
testing_promtool(const char *page)
{
	FILE *f;

	if (system("command -v promtool >/dev/null") != 0)
		return;
	f = popen("promtool check metrics 1>&2", "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(page, f), 0);
	ck_assert_msg(pclose(f) == 0, "promtool refuses:\n%s", page);
}

/* Of a random test, which prints it: PSYMATCH_TEST_SEED=N; =random: another one
 * each time; without it the same one, so that a run can be repeated. */
static inline unsigned long
testing_seed(void)
{
	const char *given = getenv("PSYMATCH_TEST_SEED");

	if (given == NULL)
		return 1;
	if (strcmp(given, "random") == 0)
		return (unsigned long)time(NULL) * 31 + (unsigned long)getpid();
	return strtoul(given, NULL, 10);
}

/* -- test data, below tests/data of the source tree */

static inline const char *
testing_path(char *path, size_t size, const char *below)
{
	const char *top = getenv("top_srcdir");
	int n =
	    snprintf(path, size, "%s/tests/data/%s", top ? top : ".", below);

	ck_assert_msg(n > 0 && (size_t)n < size, "path too long");
	return path;
}

/* Run a command by the shell, and read what it prints, as much as there is room
 * for. Returns its exit status; not to have one fails the test. */
static inline int
testing_shell(const char *command, char *out, size_t size)
{
	FILE *f = popen(command, "r");
	size_t len;
	int status;

	ck_assert_ptr_nonnull(f);
	len = fread(out, 1, size - 1, f);
	out[len] = '\0';
	status = pclose(f);
	ck_assert_msg(WIFEXITED(status), "%s: %s", command, out);
	return WEXITSTATUS(status);
}

/* A file as one NUL-terminated block, to be freed with free(). */
static inline char *
testing_read(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *text;
	long size;

	ck_assert_msg(f != NULL, "cannot open %s", path);
	ck_assert_int_eq(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	ck_assert_int_ge(size, 0);
	rewind(f);
	text = malloc((size_t)size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(fread(text, 1, (size_t)size, f), (size_t)size);
	text[size] = '\0';
	(void)fclose(f);
	if (len)
		*len = (size_t)size;
	return text;
}

static inline int
testing_not_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* The names in a directory of the test data, sorted; the count. For loop tests,
 * so it runs before Check does: -1 is an error of the set-up. */
static inline int
testing_list(const char *below, struct dirent ***names)
{
	char path[4096];
	const char *top = getenv("top_srcdir");

	(void)snprintf(path, sizeof(path), "%s/tests/data/%s", top ? top : ".",
	               below);
	return scandir(path, names, testing_not_dot, alphasort);
}

/* -- a directory of the test's own */

static inline char *
testing_tmpdir(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");
	int n =
	    snprintf(path, size, "%s/psymatch-test-XXXXXX", tmp ? tmp : "/tmp");

	ck_assert_msg(n > 0 && (size_t)n < size, "path too long");
	ck_assert_msg(mkdtemp(path) != NULL, "cannot make %s", path);
	return path;
}

static inline int
testing_remove_one(const char *path, const struct stat *st, int type,
                   struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void
testing_remove(const char *path)
{
	ck_assert_int_eq(
	    nftw(path, testing_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

/* -- memory that runs out */

static struct {
	atomic_long calls, live;
	atomic_long fail_at; /* this call gives NULL; 0: none */
	int begun;
} testing_memory;
/* 1: this thread's calls are not counted and not refused. */
static _Thread_local int testing_spared;

static inline int
testing_refuses(void)
{
	return !testing_spared &&
	       atomic_fetch_add(&testing_memory.calls, 1) + 1 ==
	           atomic_load(&testing_memory.fail_at);
}

static inline void *
testing_alloc(size_t size)
{
	void *ptr = testing_refuses() ? NULL : malloc(size);

	if (ptr)
		atomic_fetch_add(&testing_memory.live, 1);
	return ptr;
}

static inline void *
testing_realloc(void *old, size_t size)
{
	void *ptr = testing_refuses() ? NULL : realloc(old, size);

	if (ptr && !old)
		atomic_fetch_add(&testing_memory.live, 1);
	return ptr;
}

static inline void
testing_free(void *ptr)
{
	if (ptr)
		atomic_fetch_sub(&testing_memory.live, 1);
	free(ptr);
}

/* First thing in a test, while no block is out. */
static inline void
testing_memory_begin(void)
{
	if (testing_memory.begun)
		return;
	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	testing_memory.begun = 1;
}

/* The n-th allocation from now on is refused; 0: none. */
static inline void
testing_memory_refuse(long n)
{
	atomic_store(&testing_memory.fail_at, 0);
	atomic_store(&testing_memory.calls, 0);
	atomic_store(&testing_memory.fail_at, n);
}

/*
 * For programs with threads: episode(n) does something with them and waits for
 * its end, while the n-th allocation of it is refused, for each n that it
 * comes to, or each step-th. The calling thread is spared. Returns how many
 * were refused.
 */
static inline long
testing_refuse_each(void (*episode)(long n), int step)
{
	long n, calls, count = 0;

	testing_spared = 1;
	for (n = 1;; n += step) {
		testing_memory_refuse(n);
		episode(n);
		calls = atomic_load(&testing_memory.calls);
		testing_memory_refuse(0);
		if (calls < n)
			break;
		count++;
	}
	testing_spared = 0;
	return count;
}

/*
 * fn does one complete thing, frees all of it, and returns 0 or the error code.
 * It runs once in peace (what it keeps for the life of the process it keeps
 * now), then once for each of its allocations with that one refused: it must
 * say PSM_ERR_NOMEM (or 0, if it can do without) and leave nothing behind, and
 * it must work again after that. Call it, or testing_memory_begin, first in a
 * test: the allocator cannot change while blocks are out. Returns the number of
 * allocations.
 */
static inline long
testing_fail_each(int (*fn)(void *arg), void *arg, int may_do_without)
{
	long n, count, live;

	testing_memory_begin();
	ck_assert_int_eq(fn(arg), 0);
	atomic_store(&testing_memory.calls, 0);
	live = atomic_load(&testing_memory.live);
	ck_assert_int_eq(fn(arg), 0);
	ck_assert_int_eq(atomic_load(&testing_memory.live), live);
	count = atomic_load(&testing_memory.calls);
	for (n = 1; n <= count; n++) {
		int rc;

		testing_memory_refuse(n);
		rc = fn(arg);
		testing_memory_refuse(0);
		ck_assert_msg(rc == PSM_ERR_NOMEM ||
		                  (rc == 0 && may_do_without),
		              "allocation %ld of %ld refused: %s", n, count,
		              psm_error_name(rc));
		ck_assert_msg(atomic_load(&testing_memory.live) == live,
		              "allocation %ld of %ld refused: leaked %ld", n,
		              count, atomic_load(&testing_memory.live) - live);
		ck_assert_int_eq(fn(arg), 0);
	}
	return count;
}

#endif
