/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that are removed, made immutable or not kept by the disk while in use:
 * it is noticed, nothing more is accepted, and what was accepted is sent. */
#include "testing_spool.h"

#include <errno.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

static const char *const names[] = {"disk", "interval", "os"};

static struct psm__spool *
open_as(int durability)
{
	struct psm__spool_conf conf = conf_of(durability);

	psm__file_ops.dirsync = no_sync;
	return open_with(&conf);
}

/* tear_down() removes it once more. */
static void
end_without_directory(struct psm__spool *s)
{
	end(s);
	(void)mkdir(dir, 0700); /* it is there, in other cases */
}

static void
look(struct psm__spool *s)
{
	psm__watch_at(s, 0);
	psm__spool_tend(s);
}

/* append fails with PSM_ERR_IO and this word, and the numbers have the
 * fault. */
static void
check_refused(struct psm__spool *s, int fault, const char *word)
{
	struct psm__spool_entry e = {
	    .topic = "a-topic", .id = "", .value = "{}", .value_len = 2};
	psm_error *err = psm_error_new();

	ck_assert_int_eq(numbers(s).fault, fault);
	ck_assert_int_eq(psm__spool_append(s, &e, err), PSM_ERR_IO);
	ck_assert_msg(strstr(psm_error_message(err), word) &&
	                  strstr(psm_error_message(err), dir),
	              "%s", psm_error_message(err));
	psm_error_free(err);
}

/* -- removed */

enum { THE_DIRECTORY, THE_STREAM, A_SEGMENT, RENAMED, WAYS };

static void
take_away(int way)
{
	if (way == THE_DIRECTORY)
		testing_remove(dir);
	else if (way == THE_STREAM)
		testing_remove(path_of("stream.0"));
	else if (way == A_SEGMENT)
		ck_assert_int_eq(unlink(path_of(SEGMENT)), 0);
	else
		move("stream.0", "elsewhere");
}

START_TEST(removed_while_in_use)
{
	int durability = _i % 3, way = _i / 3;
	struct psm__spool *s = open_as(durability);

	put(s, 0, 10);
	look(s);
	ck_assert_int_eq(numbers(s).fault, PSM__FAULT_NONE);
	ck_assert_uint_eq(numbers(s).safe, 10);
	take_away(way);
	look(s);
	check_refused(s, PSM__FAULT_REMOVED, "removed");
	ck_assert_msg(numbers(s).safe == 0, "durability %s", names[durability]);
	/* It does not heal: what was accepted is nowhere else. */
	look(s);
	check_refused(s, PSM__FAULT_REMOVED, "removed");
	expect(s, 0, 10);
	end_without_directory(s);
}
END_TEST

/* What was removed is kept in memory until it is sent, however much it is. */
START_TEST(nothing_is_unmapped_then)
{
	struct psm__spool *s = open_as(PSM__DURABLE_OS);

	put(s, 0, 1);
	consume(s, 0, 1);
	put(s, 1, 400);
	testing_remove(dir);
	psm__watch_at(s, INT64_MAX);
	psm__spool_tend(s);
	look(s);
	check_refused(s, PSM__FAULT_REMOVED, "removed");
	psm__spool_tend(s);
	expect(s, 1, 400);
	end_without_directory(s);
}
END_TEST

/* -- immutable */

static int
set_immutable(const char *below, int on)
{
	int fd = open(path_of(below), O_RDONLY), flags = 0, rc;

	ck_assert_int_ge(fd, 0);
	rc = ioctl(fd, FS_IOC_GETFLAGS, &flags);
	flags = on ? flags | FS_IMMUTABLE_FL : flags & ~FS_IMMUTABLE_FL;
	if (rc == 0)
		rc = ioctl(fd, FS_IOC_SETFLAGS, &flags);
	close(fd);
	return rc;
}

/* After that a store would be a signal, so there must be none. */
START_TEST(immutable_while_in_use)
{
	const char *file = _i ? "stream.0/cursor" : SEGMENT;
	struct psm__spool *s = open_as(PSM__DURABLE_OS);
	int fd;

	put(s, 0, 10);
	consume(s, 0, 2);
	/* Written pages are read-only until the next store. */
	fd = open(path_of(file), O_RDONLY);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
	if (set_immutable(file, 1) < 0) {
		end(s); /* only root may, and not everywhere */
		return;
	}
	look(s);
	check_refused(s, PSM__FAULT_IMMUTABLE, "immutable");
	consume(s, 2, 8);
	ck_assert_int_eq(set_immutable(file, 0), 0);
	look(s);
	put(s, 10, 12);
	expect(s, 8, 12);
	end(s);
}
END_TEST

static int state_now;

static int
fake_state(int fd)
{
	(void)fd;
	return state_now;
}

/* The same where no file can be made so. */
START_TEST(immutable_by_report)
{
	struct psm__spool *s = open_as(_i);

	put(s, 0, 10);
	psm__file_ops.state = fake_state;
	state_now = EPERM;
	look(s);
	check_refused(s, PSM__FAULT_IMMUTABLE, "immutable");
	state_now = 0;
	look(s);
	put(s, 10, 12);
	expect(s, 0, 12);
	end(s);
}
END_TEST

/* -- the disk */

static int disk_rc, asked;

static int
fake_written(int fd)
{
	(void)fd;
	asked++;
	return disk_rc;
}

static int
fake_sync(int fd)
{
	(void)fd;
	asked++;
	errno = disk_rc;
	return disk_rc ? -1 : 0;
}

/* Events are accepted again once a file can be written; in another file, as
 * what was in the first one is not known. */
static void
check_broken_disk(struct psm__spool *s)
{
	disk_rc = EIO;
	look(s);
	check_refused(s, PSM__FAULT_DISK, strerror(EIO));
	ck_assert_int_eq(numbers(s).fault_errno, EIO);
	psm__file_ops.datasync = fake_sync;
	look(s);
	check_refused(s, PSM__FAULT_DISK, strerror(EIO));
	disk_rc = 0;
	look(s);
	ck_assert_int_eq(numbers(s).fault, PSM__FAULT_NONE);
	put(s, 10, 12);
	ck_assert_ptr_ne(psm__queue_first(s), psm__queue_last(s));
	expect(s, 0, 12);
}

START_TEST(write_back_failed)
{
	struct psm__spool *s = open_as(PSM__DURABLE_OS);

	put(s, 0, 10);
	psm__file_ops.written = fake_written;
	check_broken_disk(s);
	end(s);
}
END_TEST

/* A file system that was shut down writes nothing, and so fails no write. */
START_TEST(file_system_is_gone)
{
	struct psm__spool *s = open_as(PSM__DURABLE_OS);

	put(s, 0, 10);
	psm__file_ops.datasync = fake_sync;
	check_broken_disk(s);
	end(s);
}
END_TEST

START_TEST(interval_sync_failed)
{
	struct psm__spool *s = open_as(PSM__DURABLE_INTERVAL);

	put(s, 0, 10);
	psm__file_ops.datasync = fake_sync;
	s->next_sync_ms = 0;
	check_broken_disk(s);
	ck_assert_uint_eq(numbers(s).sync_errors, 1);
	end(s);
}
END_TEST

/* The next append fails, and the numbers have the fault. */
START_TEST(commit_failed)
{
	struct psm__spool *s = open_as(PSM__DURABLE_DISK);

	put(s, 0, 10);
	psm__file_ops.datasync = fake_sync;
	disk_rc = EIO;
	ck_assert_int_eq(try_put(s, 10), PSM_ERR_IO);
	check_refused(s, PSM__FAULT_DISK, strerror(EIO));
	disk_rc = 0;
	put(s, 10, 12);
	ck_assert_int_eq(numbers(s).fault, PSM__FAULT_NONE);
	expect(s, 0, 12);
	end(s);
}
END_TEST

/* Who sends nothing needs no disk. */
START_TEST(an_idle_spool_asks_nothing)
{
	struct psm__spool *s = open_as(PSM__DURABLE_OS);

	put(s, 0, 10);
	psm__file_ops.datasync = fake_sync;
	psm__file_ops.written = fake_written;
	disk_rc = asked = 0;
	look(s);
	ck_assert_int_gt(asked, 0);
	asked = 0;
	look(s);
	look(s);
	ck_assert_int_eq(asked, 0);
	end(s);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool watch");
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, removed_while_in_use, 0, 3 * WAYS);
	tcase_add_test(tc, nothing_is_unmapped_then);
	tcase_add_loop_test(tc, immutable_while_in_use, 0, 2);
	tcase_add_loop_test(tc, immutable_by_report, 0, 3);
	tcase_add_test(tc, write_back_failed);
	tcase_add_test(tc, file_system_is_gone);
	tcase_add_test(tc, interval_sync_failed);
	tcase_add_test(tc, commit_failed);
	tcase_add_test(tc, an_idle_spool_asks_nothing);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
