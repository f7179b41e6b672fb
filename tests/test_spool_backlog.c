/* SPDX-License-Identifier: BSD-2-Clause */
/* A backlog of full segments: it holds no descriptor, and is checked and mapped
 * again when its turn comes. */
#include "testing_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

/* While no records are read, full segments need no mapping and no
 * descriptor. */
static int
count_fds(void)
{
	struct dirent **names = NULL;
	int n = scandir("/proc/self/fd", &names, NULL, NULL);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n;
}

START_TEST(backlog_needs_no_descriptors)
{
	struct psm__spool *s = open_spool();
	int fds;

	put(s, 0, 10);
	ck_assert_int_eq(read_one(s), 0); /* reading has begun */
	psm__spool_release(s);
	fds = count_fds();
	for (int n = 10; n < 2000; n++) {
		put(s, n, n + 1);
		psm__spool_tend(s);
	}
	ck_assert_int_le(count_fds(), fds + 2);
	expect(s, 1, 2000);
	ck_assert_int_le(count_fds(), fds + 2);
	end(s);
}
END_TEST

/* What was unmapped may be damaged when it is read again. */
START_TEST(backlog_is_checked_again)
{
	struct psm__spool *s = open_spool();
	char name[64], byte = 'x';
	int fd, n, read = 1;

	put(s, 0, 100);
	ck_assert_int_eq(read_one(s), 0);
	psm__spool_tend(s);
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 4);
	fd = open(path_of(name), O_WRONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t)first_record() + 60), 1);
	close(fd);
	for (; (n = read_one(s)) >= 0; read++)
		psm__spool_release(s);
	psm__spool_release(s);
	ck_assert_int_eq(read, 99);
	ck_assert_uint_eq(numbers(s).damaged, 1);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	end(s);
}
END_TEST

static int maps;

static void *
count_map(int fd, size_t size)
{
	maps++;
	return real.map(fd, size);
}

/* How many segments of a backlog are mapped again when they are read. */
static int
mapped_again(size_t ahead)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;

	conf.mapped_ahead = ahead;
	s = open_with(&conf);
	put(s, 0, 400);
	consume(s, 0, 1);
	psm__spool_tend(s);
	maps = 0;
	psm__file_ops.map = count_map;
	for (int n = 1; n < 400; n++)
		consume(s, n, n + 1);
	psm__file_ops.map = real.map;
	end(s);
	return maps;
}

START_TEST(backlog_next_to_the_reader_stays_mapped)
{
	int without = mapped_again(0);

	ck_assert_int_gt(without, 3);
	ck_assert_int_eq(mapped_again((size_t)3 * SMALL), without - 3);
}
END_TEST

/* What cannot be mapped now is not skipped: it comes first when it can. */
static void *
no_map(int fd, size_t size)
{
	(void)fd;
	(void)size;
	errno = ENOMEM;
	return MAP_FAILED;
}

START_TEST(backlog_cannot_be_mapped_now)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 100);
	end(s);
	s = open_spool();
	psm__file_ops.map = no_map;
	ck_assert_int_eq(read_one(s), -1);
	psm__file_ops.map = real.map;
	for (int64_t until = psm__mono_ms() + 60000; psm__mono_ms() < until;) {
		struct psm__message m;

		if (psm__spool_peek(s, &m))
			break;
		sched_yield();
	}
	expect(s, 0, 100);
	end(s);
}
END_TEST

/* At the end there is no later. */
START_TEST(backlog_could_not_be_mapped_before_the_end)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 100);
	end(s);
	s = open_spool();
	psm__file_ops.map = no_map;
	ck_assert_int_eq(read_one(s), -1);
	psm__file_ops.map = real.map;
	psm__spool_freeze(s);
	psm__spool_rewind(s);
	expect(s, 0, 100);
	end(s);
}
END_TEST

/* What cannot be mapped even then hides nothing but itself, and stays. */
START_TEST(backlog_cannot_be_mapped_at_the_end)
{
	struct psm__spool *s = open_spool();
	int n, last = 0, count = 1;

	put(s, 0, 100);
	consume(s, 0, 1);
	psm__spool_tend(s);
	psm__file_ops.map = no_map;
	psm__spool_freeze(s);
	psm__spool_rewind(s);
	for (; (n = read_one(s)) >= 0; last = n, count++)
		ck_assert_int_gt(n, last);
	ck_assert_int_eq(last, 99);
	ck_assert_int_lt(count, 100);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	psm__file_ops.map = real.map;
	end(s);
	s = open_spool();
	expect(s, 1, 100);
	end(s);
}
END_TEST

static void
add_cases(Suite *s, const char *name, SFun begin)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, begin, tear_down);
	tcase_add_test(tc, backlog_needs_no_descriptors);
	tcase_add_test(tc, backlog_is_checked_again);
	tcase_add_test(tc, backlog_next_to_the_reader_stays_mapped);
	tcase_add_test(tc, backlog_cannot_be_mapped_now);
	tcase_add_test(tc, backlog_could_not_be_mapped_before_the_end);
	tcase_add_test(tc, backlog_cannot_be_mapped_at_the_end);
	suite_add_tcase(s, tc);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("spool backlog");

	add_cases(s, "in the clear", set_up);
	add_cases(s, "encrypted", set_up_encrypted);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
