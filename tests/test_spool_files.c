/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool, the file system and other processes: locks, adoption, full disks,
 * failing syncs, kill -9. */
#include "testing_spool.h"

#include "base/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* -- other owners -- */

START_TEST(second_owner_takes_a_sibling)
{
	struct psm__spool *a = open_spool(), *b = open_spool();

	put(a, 0, 10);
	put(b, 10, 20);
	ck_assert_int_eq(access(path_of("stream.0/LOCK"), F_OK), 0);
	ck_assert_int_eq(access(path_of("stream.1/LOCK"), F_OK), 0);
	expect(a, 0, 10);
	expect(b, 10, 20);
	end(a);
	end(b);
}
END_TEST

/* A child fills two streams and ends; only these are adopted. */
static void
die_with_streams(int streams, int each)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		struct psm__spool *s[4];

		for (int i = 0; i < streams; i++) {
			s[i] = open_spool();
			for (int n = i * each; n < (i + 1) * each; n++)
				if (try_put(s[i], n) != 0)
					abort();
		}
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
}

START_TEST(streams_of_the_dead_are_adopted)
{
	struct psm__spool *s;
	int n, count = 0, own = 0;

	die_with_streams(3, 30);
	s = open_spool();
	ck_assert_uint_eq(numbers(s).waiting, 90);
	ck_assert_uint_eq(numbers(s).adopted, 3);
	put(s, 90, 95);
	while ((n = read_one(s)) >= 0) {
		if (n >= 90) {
			own++;
			continue;
		}
		ck_assert_int_eq(own, 0);     /* new ones come last */
		ck_assert_int_eq(n, count++); /* in the order of the starts */
		psm__spool_release(s);
	}
	psm__spool_release(s);
	ck_assert_int_eq(own, 5);
	ck_assert_int_eq(count, 90);
	/* Empty, they are gone. */
	ck_assert_int_ne(access(path_of("stream.0"), F_OK), 0);
	ck_assert_int_ne(access(path_of("stream.1"), F_OK), 0);
	ck_assert_int_ne(access(path_of("stream.2"), F_OK), 0);
	ck_assert_int_eq(access(path_of("stream.3"), F_OK), 0);
	end(s);
}
END_TEST

/* Half read and abandoned again, nothing is lost or doubled. */
START_TEST(adopted_twice)
{
	struct psm__spool *s;

	die_with_streams(2, 20);
	s = open_spool();
	consume(s, 0, 13);
	end(s);
	ck_assert_int_eq(access(path_of("stream.0"), F_OK), 0);
	ck_assert_int_ne(access(path_of("stream.2"), F_OK), 0);
	s = open_spool();
	expect(s, 13, 40);
	end(s);
}
END_TEST

START_TEST(live_neighbours_are_left_alone)
{
	struct psm__spool *a = open_spool(), *b = open_spool(), *c;

	put(a, 0, 5);
	put(b, 5, 10);
	end(a);
	c = open_spool();
	ck_assert_uint_eq(numbers(c).waiting, 5);
	expect(c, 0, 5);
	expect(b, 5, 10);
	end(b);
	end(c);
}
END_TEST

START_TEST(unusable_directory)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s = NULL;
	psm_error *err = psm_error_new();
	int fd = open(path_of("file"), O_CREAT | O_WRONLY, 0600);

	close(fd);
	conf.dir = path_of("file");
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), PSM_ERR_IO);
	ck_assert_ptr_null(s);
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "file"));
	conf.dir = path_of("file/below");
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), PSM_ERR_IO);
	conf.dir = path_of("made/on/the/way");
	psm_error_clear(err);
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), 0);
	put(s, 0, 1);
	end(s);
	psm_error_free(err);
}
END_TEST

/* -- faults -- */

static int allocate_rc, allocations, mkdir_errno, sync_fails, syncs;

static int
faulty_allocate(int fd, off_t size)
{
	allocations++;
	return allocate_rc ? allocate_rc : real.allocate(fd, size);
}

static int
faulty_mkdir(int dirfd, const char *name, mode_t mode)
{
	if (!mkdir_errno)
		return real.mkdir(dirfd, name, mode);
	errno = mkdir_errno;
	return -1;
}

/* Fails as often as sync_fails says. */
static int
faulty_datasync(int fd)
{
	(void)fd;
	__atomic_add_fetch(&syncs, 1, __ATOMIC_RELAXED);
	if (sync_fails == 0)
		return 0;
	sync_fails--;
	errno = EIO;
	return -1;
}

START_TEST(disk_fills_up)
{
	struct psm__spool *s = open_spool();
	int n = 0;

	put(s, 0, 3);
	psm__file_ops.allocate = faulty_allocate;
	allocate_rc = ENOSPC;
	n = 3;
	while (n < 1000 && try_put(s, n) == 0)
		n++;
	ck_assert_int_lt(n, 200); /* the rest of the segment, and a spare */
	ck_assert_int_eq(try_put(s, n), PSM_ERR_FULL);
	ck_assert_int_eq(numbers(s).last_errno, ENOSPC);
	/* A next segment is tried for now and then, not all the time. */
	allocations = 0;
	for (int i = 0; i < 200; i++)
		psm__spool_tend(s);
	ck_assert_int_gt(allocations, 0);
	ck_assert_int_lt(allocations, 100);
	allocate_rc = EIO;
	ck_assert_int_eq(try_put(s, n), PSM_ERR_IO);
	allocate_rc = 0;
	put(s, n, n + 50);
	ck_assert_int_eq(numbers(s).last_errno, 0);
	expect(s, 0, n + 50);
	end(s);
}
END_TEST

/* It starts, and gives what it has. */
START_TEST(disk_full_at_start)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 20);
	end(s);
	psm__file_ops.allocate = faulty_allocate;
	allocate_rc = ENOSPC;
	if (_i) /* even the cursor is gone */
		ck_assert_int_eq(unlink(path_of("stream.0/cursor")), 0);
	s = open_spool();
	ck_assert_int_eq(try_put(s, 20), PSM_ERR_FULL);
	expect(s, 0, 20);
	allocate_rc = 0;
	put(s, 20, 30);
	expect(s, 20, 30);
	end(s);
}
END_TEST

START_TEST(disk_full_and_no_directory)
{
	struct psm__spool *s;

	psm__file_ops.mkdir = faulty_mkdir;
	mkdir_errno = ENOSPC;
	s = open_spool();
	ck_assert_int_eq(read_one(s), -1);
	ck_assert_int_eq(try_put(s, 0), PSM_ERR_FULL);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	psm__spool_tend(s);
	psm__spool_release(s);
	mkdir_errno = 0;
	put(s, 0, 10);
	expect(s, 0, 10);
	end(s);
}
END_TEST

/* No room for anything new. */
static int
full_mkdir(int dirfd, const char *name, mode_t mode)
{
	(void)mode;
	errno = faccessat(dirfd, name, F_OK, 0) == 0 ? EEXIST : ENOSPC;
	return -1;
}

/* What an ended process left may be what fills the disk. */
START_TEST(disk_full_of_what_was_left)
{
	struct psm__spool *a = open_spool(), *s = open_spool();

	put(a, 0, 10);
	put(s, 10, 20);
	psm__spool_free(a); /* as if they died */
	psm__spool_free(s);
	psm__file_ops.mkdir = full_mkdir;
	psm__file_ops.allocate = faulty_allocate;
	allocate_rc = ENOSPC;
	s = open_spool();
	ck_assert_uint_eq(numbers(s).waiting, 20);
	consume(s, 0, 15);
	ck_assert_int_eq(try_put(s, 20), PSM_ERR_FULL);
	psm__file_ops.mkdir = mkdirat;
	a = open_spool(); /* does not begin below it */
	ck_assert_str_eq(a->own_stream->name, "stream.2");
	allocate_rc = 0;
	put(s, 20, 30);
	expect(s, 15, 30);
	end(a);
	end(s);
}
END_TEST

/* The failed file is left, its records move to another one. */
START_TEST(sync_fails_once)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__spool *s = open_with(&conf);

	psm__file_ops.datasync = faulty_datasync;
	put(s, 0, 7);
	consume(s, 0, 3);
	sync_fails = 1;
	put(s, 7, 8);
	put(s, 8, 60);
	ck_assert_uint_eq(numbers(s).sync_errors, 1);
	if (_i) {
		psm__spool_free(s);
		s = open_with(&conf);
	}
	ck_assert_uint_eq(numbers(s).waiting, 57);
	expect(s, 3, 60);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
}
END_TEST

/* Nowhere to move them: exactly that call fails, and leaves nothing. */
START_TEST(sync_fails_for_good)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__spool *s = open_with(&conf);

	psm__file_ops.datasync = faulty_datasync;
	put(s, 0, 5);
	sync_fails = 2;
	ck_assert_int_eq(try_put(s, 777), PSM_ERR_IO);
	ck_assert_uint_eq(numbers(s).waiting, 5);
	put(s, 5, 10);
	if (_i) {
		psm__spool_free(s);
		s = open_with(&conf);
	}
	expect(s, 0, 10);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	ck_assert_int_eq(numbers(s).bytes, 0);
	end(s);
}
END_TEST

START_TEST(interval_syncs_by_itself)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_INTERVAL);
	struct psm__spool *s;

	conf.interval_ms = 1;
	s = open_with(&conf);
	psm__file_ops.datasync = faulty_datasync;
	put(s, 0, 5);
	syncs = 0;
	psm__spool_tend(s);
	ck_assert_int_eq(syncs, 1);
	put(s, 5, 6);
	sync_fails = 1;
	for (int64_t until = psm__mono_ms() + 5; psm__mono_ms() < until;)
		;
	psm__spool_tend(s);
	ck_assert_uint_eq(numbers(s).sync_errors, 1);
	/* Until the disk is well again. */
	ck_assert_int_eq(try_put(s, 6), PSM_ERR_IO);
	for (int64_t until = psm__mono_ms() + 60000;
	     numbers(s).fault && psm__mono_ms() < until;)
		psm__spool_tend(s);
	put(s, 6, 20); /* into another file */
	ck_assert_int_eq(count_files("stream.0", ".pms"), 2);
	expect(s, 0, 20);
	end(s);
}
END_TEST

/* -- threads: group commit and order -- */

#define WRITERS 4
#define EACH 500

struct writer {
	struct psm__spool *s;
	int number, failed;
};

static void *
write_all(void *arg)
{
	struct writer *w = arg;

	for (int i = 0; i < EACH; i++)
		w->failed += try_put(w->s, w->number * 1000 + i) != 0;
	return NULL;
}

START_TEST(writers_against_a_reader)
{
	struct psm__spool_conf conf = conf_of(_i);
	struct psm__spool *s = open_with(&conf);
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	int next[WRITERS] = {0}, total = 0, n;

	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){.s = s, .number = i};
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_all, &writers[i]),
		    0);
	}
	for (int64_t until = psm__mono_ms() + 100000;
	     total < WRITERS * EACH && psm__mono_ms() < until;) {
		if ((n = read_one(s)) < 0) {
			sched_yield();
			continue;
		}
		ck_assert_int_eq(n % 1000, next[n / 1000]);
		next[n / 1000]++;
		total++;
		psm__spool_release(s);
		if (total % 50 == 0)
			psm__spool_tend(s);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		ck_assert_int_eq(writers[i].failed, 0);
	}
	ck_assert_int_eq(total, WRITERS * EACH);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	end(s);
}
END_TEST

/* -- kill -9 at any instant -- */

/* The child appends on, noting in shared memory what was accepted. */
static void
append_until_killed(volatile int *accepted, int from)
{
	struct psm__spool *s = open_spool();

	for (int n = from;; n++) {
		if (try_put(s, n) == 0)
			*accepted = n + 1;
		else
			abort();
	}
}

/* What a file has at the moment in which it becomes a segment. */
static int
look_and_rename(int dirfd, const char *from, const char *to)
{
	struct psm__segment_header sh;
	int fd;

	if (strstr(to, ".pms")) {
		fd = openat(dirfd, from, O_RDONLY);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(read(fd, &sh, sizeof(sh)), sizeof(sh));
		close(fd);
		ck_assert_mem_eq(sh.magic, PSM__SEGMENT_MAGIC, 8);
		ck_assert_uint_eq(
		    le32toh(sh.crc),
		    psm__crc32c(0, &sh,
		                offsetof(struct psm__segment_header, crc)));
		ck_assert_uint_eq(le64toh(sh.number), strtoull(to, NULL, 16));
	}
	return renameat(dirfd, from, dirfd, to);
}

START_TEST(a_name_when_the_header_is_complete)
{
	struct psm__spool *s;

	psm__file_ops.rename = look_and_rename;
	s = open_spool();
	for (int n = 0; n < 200; n++) {
		ck_assert_int_eq(try_put(s, n), 0);
		ck_assert_int_eq(read_one(s), n);
		psm__spool_release(s);
		psm__spool_tend(s);
	}
	end(s);
}
END_TEST

START_TEST(killed_while_appending)
{
	volatile int *accepted = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int next = 0;

	ck_assert_ptr_ne((void *)accepted, MAP_FAILED);
	psm__file_ops.dirsync = no_sync;
	for (int round = 0; round < 30; round++) {
		struct psm__spool *s;
		int start = *accepted, n;
		pid_t pid = fork();

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			append_until_killed(accepted, start);
		while (*accepted < start + 50 + round * 13)
			sched_yield();
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		s = open_spool();
		/* One more than was accepted may be there: the child died
		 * before it could say so. */
		while ((n = read_one(s)) >= 0) {
			ck_assert_int_eq(n, next);
			next++;
			psm__spool_release(s);
		}
		ck_assert_int_ge(next, *accepted);
		ck_assert_int_le(next, *accepted + 1);
		*accepted = next;
		ck_assert_uint_eq(numbers(s).damaged, 0);
		end(s);
	}
	munmap((void *)accepted, 4096);
}
END_TEST

/* -- memory -- */

static int
live_once(void *arg)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s = NULL;
	psm_error *err = psm_error_new();
	const char *where = arg;
	int rc = err ? 0 : PSM_ERR_NOMEM, n = 0, accepted = 0;

	conf.dir = where;
	if (rc == 0)
		rc = psm__spool_open(&conf, &s, err);
	for (; rc == 0 && n < 60; n++) {
		rc = try_put(s, n);
		accepted += rc == 0;
	}
	/* Decrypting wants memory; what it did not get comes a bit later. */
	for (n = 0; s && n < 2; n++)
		for (; read_one(s) >= 0; accepted--)
			psm__spool_release(s);
	ck_assert_int_eq(accepted, 0);
	psm__spool_close(s);
	psm__spool_free(s);
	psm_error_free(err);
	return rc;
}

START_TEST(without_memory)
{
	psm__file_ops.dirsync = no_sync;
	ck_assert_int_gt(testing_fail_each(live_once,
	                                   _i ? dir + strlen(dir) : dir,
	                                   key_file != NULL),
	                 8);
}
END_TEST

static void
add_cases(Suite *s, const char *name, SFun begin)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, begin, tear_down);
	tcase_add_test(tc, second_owner_takes_a_sibling);
	tcase_add_test(tc, streams_of_the_dead_are_adopted);
	tcase_add_test(tc, adopted_twice);
	tcase_add_test(tc, live_neighbours_are_left_alone);
	tcase_add_test(tc, unusable_directory);
	tcase_add_test(tc, disk_fills_up);
	tcase_add_loop_test(tc, disk_full_at_start, 0, 2);
	tcase_add_test(tc, disk_full_and_no_directory);
	tcase_add_test(tc, disk_full_of_what_was_left);
	tcase_add_loop_test(tc, sync_fails_once, 0, 2);
	tcase_add_loop_test(tc, sync_fails_for_good, 0, 2);
	tcase_add_test(tc, interval_syncs_by_itself);
	tcase_add_loop_test(tc, writers_against_a_reader, 0, 3);
	tcase_add_test(tc, a_name_when_the_header_is_complete);
	tcase_add_test(tc, killed_while_appending);
	tcase_add_loop_test(tc, without_memory, 0, 2);
	suite_add_tcase(s, tc);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("spool files");

	add_cases(s, "in the clear", set_up);
	add_cases(s, "encrypted", set_up_encrypted);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
