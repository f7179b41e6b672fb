/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every call to the file system fails in turn: once, or from then on until the
 * disk is well again. Callers of append get an error; accepted records are not
 * lost; and all work continues after the fault.
 */
#include "testing_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* -- calls that fail */

static struct {
	int armed;
	long calls, fail_at; /* from 1 */
	int lasting;         /* 1: all after it, too */
	int why;             /* errno; 0: a write is short */
	long failed;
} fault;

/* 1, with errno: this one fails. */
static int
fails(void)
{
	if (!fault.armed)
		return 0;
	fault.calls++;
	if (fault.calls != fault.fail_at &&
	    (!fault.lasting || fault.calls < fault.fail_at))
		return 0;
	fault.failed++;
	errno = fault.why ? fault.why : ENOSPC;
	return 1;
}

static int
bad_open(int dirfd, const char *name, int flags, mode_t mode)
{
	return fails() ? -1 : real.open(dirfd, name, flags, mode);
}

static int
bad_mkdir(int dirfd, const char *name, mode_t mode)
{
	return fails() ? -1 : real.mkdir(dirfd, name, mode);
}

static int
bad_allocate(int fd, off_t size)
{
	return fails() ? errno : real.allocate(fd, size);
}

static void *
bad_map(int fd, size_t size)
{
	return fails() ? MAP_FAILED : real.map(fd, size);
}

static int
bad_sync(int fd)
{
	(void)fd;
	return fails() ? -1 : 0;
}

static int
bad_written(int fd)
{
	(void)fd;
	return fails() ? errno : 0;
}

static int
bad_rename(int dirfd, const char *from, const char *to)
{
	return fails() ? -1 : real.rename(dirfd, from, to);
}

static int
bad_unlink(int dirfd, const char *name, int flags)
{
	return fails() ? -1 : real.unlink(dirfd, name, flags);
}

static ssize_t
bad_write(int fd, const void *bytes, size_t len)
{
	if (!fails())
		return real.write(fd, bytes, len);
	return fault.why ? -1 : real.write(fd, bytes, len / 2);
}

static void
arm(long at, int lasting, int why)
{
	memset(&fault, 0, sizeof(fault));
	fault.fail_at = at;
	fault.lasting = lasting;
	fault.why = why;
	fault.armed = 1;
}

static void
set_up_faults(void)
{
	set_up();
	psm__file_ops.open = bad_open;
	psm__file_ops.mkdir = bad_mkdir;
	psm__file_ops.allocate = bad_allocate;
	psm__file_ops.map = bad_map;
	psm__file_ops.datasync = bad_sync;
	psm__file_ops.dirsync = bad_sync;
	psm__file_ops.written = bad_written;
	psm__file_ops.rename = bad_rename;
	psm__file_ops.unlink = bad_unlink;
	psm__file_ops.write = bad_write;
	fault.armed = 0;
}

/* -- a life with one fault in it */

#define EVENTS 400

static int durability;
static char accepted[EVENTS], seen[EVENTS];
static int sent, refused, last_rc;

static void
send_to(struct psm__spool *s, int until)
{
	psm_error *err = psm_error_new();

	for (; sent < until; sent++) {
		int rc = try_put(s, sent);

		accepted[sent] = rc == 0;
		last_rc = rc;
		refused += rc != 0;
		ck_assert_msg(rc == 0 || fault.failed > 0,
		              "%d refused before any fault", sent);
		ck_assert(rc == 0 || rc == PSM_ERR_IO || rc == PSM_ERR_FULL);
	}
	psm_error_free(err);
}

static void
take(struct psm__spool *s, int count)
{
	int n, last = -1;

	while (count-- > 0 && (n = read_one(s)) >= 0) {
		ck_assert_int_gt(n, last);
		ck_assert_msg(accepted[n], "%d was refused", n);
		last = n;
		seen[n]++;
		psm__spool_release(s);
	}
	psm__spool_release(s);
}

static struct psm__spool *
try_open(void)
{
	struct psm__spool_conf conf = conf_of(durability);
	struct psm__spool *s = NULL;
	psm_error *err = psm_error_new();
	int rc;

	conf.interval_ms = 0;
	rc = psm__spool_open(&conf, &s, err);
	if (rc < 0) {
		ck_assert_msg(rc == PSM_ERR_IO, "%s", psm_error_message(err));
		ck_assert_ptr_nonnull(strstr(psm_error_message(err), dir));
		ck_assert_ptr_null(s);
		ck_assert_int_gt(fault.failed, 0);
	}
	psm_error_free(err);
	return s;
}

/* What a caller of numbers() sees while events are refused. */
static void
check_told(struct psm__spool *s)
{
	struct psm__spool_numbers n = numbers(s);

	ck_assert_msg(last_rc == 0 || n.last_errno != 0 || n.sync_errors != 0 ||
	                  n.fault != 0,
	              "%d refused, and all looks well", refused);
}

static void
use(struct psm__spool *s)
{
	send_to(s, sent + 15);
	psm__spool_tend(s);
	take(s, 30);
	send_to(s, sent + 45);
	psm__spool_tend(s);
	take(s, 40);
	send_to(s, sent + 20);
	check_told(s);
}

/* Reading may have to wait a second after a segment could not be mapped. */
static void
take_all(struct psm__spool *s)
{
	int64_t until = psm__mono_ms() + 60000;

	take(s, EVENTS);
	while ((numbers(s).waiting > 0 || numbers(s).awaited) &&
	       psm__mono_ms() < until) {
		psm__reader_map_soon(s);
		psm__adopt_soon(s);
		psm__spool_tend(s);
		take(s, EVENTS);
	}
	ck_assert_uint_eq(numbers(s).awaited, 0);
	ck_assert_uint_eq(numbers(s).waiting, 0);
}

/* The number of calls that the life made while they could fail. */
static long
live(long at, int lasting, int why)
{
	struct psm__spool *s;
	int first;

	memset(accepted, 0, sizeof(accepted));
	memset(seen, 0, sizeof(seen));
	sent = refused = 0;
	memset(&fault, 0, sizeof(fault));
	s = try_open();
	send_to(s, 50);
	psm__spool_free(s);
	arm(at, lasting, why);
	s = try_open();
	if (s)
		use(s);
	fault.armed = 0;
	if (!s)
		s = try_open();
	ck_assert_ptr_nonnull(s);
	psm__watch_at(s, 0);
	psm__spool_tend(s);
	refused = 0;
	first = sent;
	send_to(s, sent + 30);
	ck_assert_msg(refused == 0, "still refused");
	ck_assert_int_eq(numbers(s).last_errno, 0);
	take_all(s);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
	for (int n = 0; n < sent; n++)
		ck_assert_msg(seen[n] == accepted[n] ||
		                  (n < first && accepted[n] && seen[n] > 0),
		              "%d: accepted %d, came %d times", n, accepted[n],
		              seen[n]);
	s = try_open();
	ck_assert_uint_eq(numbers(s).waiting, 0);
	end(s);
	testing_remove(dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	return fault.calls;
}

static const int reasons[] = {EIO, ENOSPC, EMFILE, 0};

START_TEST(each_call_fails)
{
	int why = reasons[_i % 4], lasting = _i / 4 % 2;
	long calls;

	durability = _i / 8;
	calls = live(0, 0, EIO);
	ck_assert_int_gt(calls, 20);
	for (long at = 1; at <= calls; at++)
		live(at, lasting, why);
}
END_TEST

/* -- what cannot be read any more */

static size_t bad_page; /* within the mapping that is read next */
static int bad_errno;

static int
bad_populate(void *at, size_t size)
{
	static const uint8_t *base;

	if (size > (size_t)sysconf(_SC_PAGESIZE))
		base = at;
	if (!base || !bad_errno)
		return real.populate(at, size);
	if ((uint8_t *)at <= base + bad_page &&
	    base + bad_page < (uint8_t *)at + size) {
		errno = bad_errno;
		return -1;
	}
	return 0;
}

static int
count_rest(struct psm__spool *s, int *last)
{
	int n, count = 0;

	for (*last = -1; (n = read_one(s)) >= 0; count++) {
		ck_assert_int_gt(n, *last);
		*last = n;
		psm__spool_release(s);
	}
	psm__spool_release(s);
	return count;
}

/* The page is damage: what is in it is lost and counted, no more. */
START_TEST(page_cannot_be_read)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;
	int last, count;

	conf.segment_size = 65536;
	s = open_with(&conf);
	put(s, 0, 300);
	psm__spool_free(s);
	psm__file_ops.populate = bad_populate;
	bad_errno = _i ? EHWPOISON : EFAULT;
	bad_page = 3 * (size_t)sysconf(_SC_PAGESIZE);
	s = open_with(&conf);
	count = count_rest(s, &last);
	ck_assert_int_eq(last, 299);
	ck_assert_int_gt(count, 230);
	ck_assert_int_lt(count, 290);
	ck_assert_uint_eq(numbers(s).damaged, 300u - (unsigned)count);
	ck_assert_int_gt(numbers(s).quarantined, 0);
	bad_errno = 0;
	end(s);
}
END_TEST

/* Somebody cuts files that are in use. That must not kill the process. */
START_TEST(file_is_cut_while_in_use)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;
	char name[400];
	int last, count;

	conf.segment_size = 65536;
	s = open_with(&conf);
	put(s, 0, 1000);
	psm__spool_free(s);
	s = open_with(&conf);
	snprintf(name, sizeof(name), "%s/stream.0/%016x.pms", dir, 2);
	ck_assert_int_eq(truncate(name, _i ? 20000 : 0), 0);
	count = count_rest(s, &last);
	ck_assert_int_eq(last, 999);
	ck_assert_uint_eq(numbers(s).damaged, 1000u - (unsigned)count);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	put(s, 1000, 1010);
	expect(s, 1000, 1010);
	end(s);
}
END_TEST

static int
no_populate(void *at, size_t size)
{
	(void)at;
	(void)size;
	errno = EINVAL;
	return -1;
}

/* An old kernel: pages are looked at through the file. */
START_TEST(old_kernel)
{
	struct psm__spool *s = open_spool();
	char name[400];
	int last;

	put(s, 0, 100);
	psm__spool_free(s);
	psm__file_ops.populate = no_populate;
	s = open_spool();
	snprintf(name, sizeof(name), "%s/stream.0/%016x.pms", dir, 2);
	ck_assert_int_eq(truncate(name, 0), 0);
	ck_assert_int_eq(count_rest(s, &last), 100 - (int)numbers(s).damaged);
	ck_assert_uint_gt(numbers(s).damaged, 10);
	ck_assert_int_eq(last, 99);
	end(s);
}
END_TEST

static int populate_fails;

static int
fail_populate(void *at, size_t size)
{
	if (populate_fails-- <= 0)
		return real.populate(at, size);
	errno = EFAULT;
	return -1;
}

/* An unreadable cursor is recreated. */
START_TEST(cursor_cannot_be_read)
{
	struct psm__spool *s = open_spool();
	int first;

	put(s, 0, 30);
	consume(s, 0, 10);
	psm__spool_free(s);
	psm__file_ops.populate = fail_populate;
	populate_fails = 1;
	s = open_spool();
	first = read_one(s);
	ck_assert_int_le(first, 10);
	expect(s, first + 1, 30);
	psm__spool_free(s);
	s = open_spool();
	ck_assert_int_eq(read_one(s), -1);
	end(s);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool faults");
	TCase *tc = tcase_create("calls");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_faults, tear_down);
	tcase_add_loop_test(tc, each_call_fails, 0, 24);
	suite_add_tcase(s, tc);
	tc = tcase_create("pages");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, page_cannot_be_read, 0, 2);
	tcase_add_loop_test(tc, file_is_cut_while_in_use, 0, 2);
	tcase_add_test(tc, old_kernel);
	tcase_add_test(tc, cursor_cannot_be_read);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 1);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
