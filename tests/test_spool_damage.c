/* SPDX-License-Identifier: BSD-2-Clause */
/* The spool and files that are damaged, cut, missing or not its own. */
#include "testing_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define RECORDS 3

/* The bytes of a stream's only segment with three records, and of its cursor.
 */
static char segment[SMALL], cursor[128];
static size_t starts[RECORDS + 1]; /* of the records; the end of the last */

static void
fill_three(void)
{
	struct psm__spool *s;
	size_t at = first_record();

	psm__file_ops.dirsync = no_sync;
	psm__file_ops.datasync = no_sync;
	s = open_spool();
	put(s, 0, RECORDS);
	abandon(s);
	ck_assert_uint_eq(load(SEGMENT, segment, sizeof(segment)),
	                  sizeof(segment));
	load("stream.0/cursor", cursor, sizeof(cursor));
	for (int i = 0; i < RECORDS; i++) {
		starts[i] = at;
		at += psm__rec_space(
		    psm__rec_at((const uint8_t *)segment, at)->len);
	}
	starts[RECORDS] = at;
}

static void
make_three(void)
{
	set_up();
	fill_three();
}

static void
make_three_encrypted(void)
{
	set_up_encrypted();
	fill_three();
}

/* A directory with this segment, and with the cursor or without. */
static struct psm__spool *
open_made(const char *bytes, size_t len, int with_cursor)
{
	testing_remove(dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
	store("stream.0/0000000000000002.pms", bytes, len);
	if (with_cursor)
		store("stream.0/cursor", cursor, sizeof(cursor));
	return open_spool();
}

/* Reads everything: bit i of the result is set if record i came, in order and
 * undamaged. */
static unsigned
read_all(struct psm__spool *s)
{
	unsigned seen = 0;
	int n, last = -1;

	while ((n = read_one(s)) >= 0) {
		ck_assert_int_lt(last, n);
		ck_assert_int_lt(n, RECORDS);
		seen |= 1u << n;
		last = n;
	}
	psm__spool_release(s);
	return seen;
}

static int
contains_byte(size_t at, size_t from, size_t to)
{
	return at >= from && at < to;
}

/* Opens, gives every record but the damaged one, counts that, and meets the
 * same damage never again. */
static void
check_damage(const char *bytes, size_t len, int with_cursor, unsigned want,
             unsigned lost, const char *what, size_t at)
{
	struct psm__spool *s = open_made(bytes, len, with_cursor);
	unsigned seen = read_all(s);

	ck_assert_msg(seen == want, "%s at %zu: read %x, want %x", what, at,
	              seen, want);
	ck_assert_msg(numbers(s).damaged == lost,
	              "%s at %zu: %u damaged, want %u", what, at,
	              (unsigned)numbers(s).damaged, lost);
	ck_assert_msg(lost == 0 || numbers(s).quarantined > 0,
	              "%s at %zu: nothing in the quarantine", what, at);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	put(s, 7, 8);
	ck_assert_int_eq(read_one(s), 7);
	psm__spool_release(s);
	end(s);
}

static void
flip_all(char mask, int with_cursor)
{
	static char bytes[SMALL];

	for (size_t at = 0; at < starts[RECORDS] + 64; at++) {
		unsigned want = 7, lost = 0;

		for (int i = 0; i < RECORDS; i++) {
			size_t len =
			    psm__rec_at((const uint8_t *)segment, starts[i])
				->len;

			/* The zeros up to the next record mean nothing. */
			if (contains_byte(at, starts[i], starts[i] + len)) {
				want &= ~(1u << i);
				lost = 1;
			}
		}
		memcpy(bytes, segment, sizeof(bytes));
		bytes[at] = (char)(bytes[at] ^ mask);
		check_damage(bytes, sizeof(bytes), with_cursor, want, lost,
		             "flip", at);
	}
}

START_TEST(every_byte_flipped)
{
	static const char masks[] = {(char)0xff, 0x01, (char)0x80};

	flip_all(masks[_i % 3], _i < 3);
}
END_TEST

/* Of the segment. What is encrypted begins with a zero now and then. */
static int
all_zeros(size_t from, size_t to)
{
	while (from < to && segment[from] == 0)
		from++;
	return from >= to;
}

/* What is cut off without a trace cannot be counted: only the record that the
 * cut goes through is. */
START_TEST(cut_at_every_length)
{
	for (size_t len = 0; len <= starts[RECORDS] + 8; len++) {
		unsigned want = 0, lost = 0;
		int traceless = 0;

		for (int i = 0; i < RECORDS; i++) {
			size_t last =
			    starts[i] +
			    psm__rec_at((const uint8_t *)segment, starts[i])
				->len;

			if (len >= last)
				want |= 1u << i;
			else if (len > starts[i])
				lost = 1;
			traceless |= len > starts[i] && len < last &&
			             all_zeros(starts[i], len);
		}
		/* Even the header is not whole. */
		if (len > 0 && len <= first_record())
			lost = 1;
		if (!traceless)
			check_damage(segment, len, _i, want, lost, "cut", len);
	}
}
END_TEST

START_TEST(damage_is_met_once)
{
	struct psm__spool *s;
	int64_t quarantined;

	segment[starts[1] + 50] ^= 1;
	s = open_made(segment, sizeof(segment), 1);
	for (int i = 0; i < 2; i++)
		ck_assert_int_ge(read_one(s), 0);
	ck_assert_uint_eq(numbers(s).damaged, 1);
	quarantined = numbers(s).quarantined;
	ck_assert_int_gt(quarantined, 0);
	psm__spool_free(s);
	/* The cursor may say that all of these are settled. */
	ck_assert_int_eq(unlink(path_of("stream.0/cursor")), 0);
	s = open_spool();
	ck_assert_uint_eq(read_all(s), 5);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	ck_assert_int_eq(numbers(s).quarantined, quarantined);
	end(s);
}
END_TEST

/* An append that the process did not survive leaves no event and no alarm. */
START_TEST(half_an_append)
{
	struct psm__spool *s;

	memset(segment + starts[2], 0, PSM__REC_HEADER);
	s = open_made(segment, sizeof(segment), 1);
	ck_assert_uint_eq(read_all(s), 3);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	ck_assert_int_eq(numbers(s).quarantined, 0);
	end(s);
}
END_TEST

/* Of many segments some are missing, empty, of zeros, of garbage or no files.
 */
START_TEST(segments_missing_or_garbage)
{
	struct psm__spool *s = open_spool();
	char garbage[SMALL];
	char name[64];
	int n, last = -1, count = 0, read = 0;

	put(s, 0, 400);
	abandon(s);
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = (char)(i * 7 + i / 31 + 1);
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 6);
	ck_assert_int_eq(unlink(path_of(name)), 0);
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 10);
	store(name, garbage, 0);
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 14);
	store(name, garbage, sizeof(garbage));
	memset(garbage, 0, sizeof(garbage));
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 18);
	store(name, garbage, sizeof(garbage));
	snprintf(name, sizeof(name), "stream.0/%016x.pms", 22);
	ck_assert_int_eq(unlink(path_of(name)), 0);
	ck_assert_int_eq(mkdir(path_of(name), 0700), 0);
	store("stream.0/notes.txt", "x", 1);

	s = open_spool();
	while ((n = read_one(s)) >= 0) {
		ck_assert_int_gt(n, last);
		last = n;
		read++;
		psm__spool_release(s);
	}
	psm__spool_release(s);
	ck_assert_int_eq(last, 399);
	count = read + (int)numbers(s).damaged;
	/* Five segments' records are gone, and each of them is counted; the
	 * garbage counts for one more, as nobody knows what it was. */
	ck_assert_int_eq(count, 401);
	ck_assert_int_lt(read, 390);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	put(s, 400, 410);
	expect(s, 400, 410);
	end(s);
	ck_assert_int_eq(access(path_of("stream.0/notes.txt"), F_OK), 0);
}
END_TEST

/* Without a cursor, or with another's, everything comes again. */
START_TEST(cursor_damaged)
{
	struct psm__spool *s;
	char bytes[128];

	testing_remove(dir);
	s = open_spool();
	put(s, 0, 50);
	consume(s, 0, 20);
	abandon(s);
	load("stream.0/cursor", bytes, sizeof(bytes));
	if (_i == 0)
		ck_assert_int_eq(unlink(path_of("stream.0/cursor")), 0);
	else if (_i == 1)
		store("stream.0/cursor", "", 0);
	else if (_i == 2)
		store("stream.0/cursor", memset(bytes, 'x', 128), 128);
	else if (_i == 3)
		store("stream.0/cursor", cursor, sizeof(cursor));
	s = open_spool();
	if (_i == 4) {
		expect(s, 20, 50);
	} else {
		int first = read_one(s);

		/* Full segments are gone already. */
		ck_assert_int_ge(first, 0);
		ck_assert_int_le(first, 20);
		expect(s, first + 1, 50);
	}
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
}
END_TEST

/* One slot half written: the other still counts. */
START_TEST(cursor_slot_torn)
{
	struct psm__spool *s = open_spool();
	char bytes[128];
	int first;

	put(s, 0, 30);
	consume(s, 0, 20);
	abandon(s);
	load("stream.0/cursor", bytes, sizeof(bytes));
	bytes[_i * 64 + 20] ^= 1;
	store("stream.0/cursor", bytes, sizeof(bytes));
	s = open_spool();
	first = read_one(s);
	ck_assert(first == 19 || first == 20);
	expect(s, first + 1, 30);
	end(s);
}
END_TEST

/* A file, or a link to nothing, has the name of the quarantine folder. */
static void
occupy_quarantine(int link)
{
	if (link)
		ck_assert_int_eq(
		    symlink("nowhere", path_of("stream.0/quarantine")), 0);
	else
		store("stream.0/quarantine", "mine", 4);
}

static void
check_set_aside(int link)
{
	struct stat st;
	char bytes[4];

	ck_assert_int_eq(lstat(path_of("stream.0/quarantine.0"), &st), 0);
	ck_assert_int_eq(!!S_ISLNK(st.st_mode), link);
	if (link)
		return;
	load("stream.0/quarantine.0", bytes, sizeof(bytes));
	ck_assert_mem_eq(bytes, "mine", 4);
}

/* What has the quarantine's name is set aside, not lost; what is damaged is
 * still quarantined, and so met only once. */
START_TEST(quarantine_is_no_folder)
{
	struct psm__spool *s;
	struct stat st;
	int link = _i;

	segment[starts[1] + 50] ^= 1;
	testing_remove(dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
	store("stream.0/0000000000000001.pms", "garbage, no segment", 19);
	store("stream.0/0000000000000002.pms", segment, sizeof(segment));
	occupy_quarantine(link);
	s = open_spool();
	ck_assert_uint_eq(numbers(s).damaged, 2);
	ck_assert_int_gt(numbers(s).quarantined, 19);
	ck_assert_int_eq(access(path_of("stream.0/0000000000000001.pms"), F_OK),
	                 -1);
	ck_assert_int_eq(
	    stat(path_of("stream.0/quarantine/0000000000000001.pms"), &st), 0);
	ck_assert_int_eq(st.st_size, 19);
	check_set_aside(link);
	abandon(s);
	s = open_spool();
	ck_assert_uint_eq(numbers(s).damaged, 0);
	ck_assert_uint_eq(read_all(s), 5);
	put(s, 7, 8);
	ck_assert_int_eq(read_one(s), 7);
	end(s);
}
END_TEST

static int
refuse_rename(int dirfd, const char *from, const char *to)
{
	/* The names of new segments are needed for appending. */
	if (strncmp(to, "quarantine", 10) != 0)
		return real.rename(dirfd, from, to);
	errno = EACCES;
	return -1;
}

/* Nothing can be copied to the quarantine: the segment stays where it is,
 * and neither the start nor the other events care. */
START_TEST(no_quarantine_at_all)
{
	struct psm__spool *s;

	for (int round = 0; round < 2; round++) {
		testing_remove(dir);
		ck_assert_int_eq(mkdir(dir, 0700), 0);
		ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
		store("stream.0/0000000000000001.pms", "garbage", 7);
		store("stream.0/0000000000000002.pms", segment,
		      sizeof(segment));
		occupy_quarantine(round);
		psm__file_ops.rename = refuse_rename;
		s = open_spool();
		ck_assert_uint_eq(numbers(s).damaged, 1);
		ck_assert_int_eq(numbers(s).quarantined, 0);
		ck_assert_uint_eq(read_all(s), 7);
		put(s, 7, 8);
		ck_assert_int_eq(read_one(s), 7);
		end(s);
		psm__file_ops = real;
		ck_assert_int_eq(
		    access(path_of("stream.0/0000000000000001.pms"), F_OK), 0);
	}
}
END_TEST

static void
add_cases(Suite *s, const char *name, SFun three, SFun none)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, three, tear_down);
	tcase_add_loop_test(tc, every_byte_flipped, 0, 6);
	tcase_add_loop_test(tc, cut_at_every_length, 0, 2);
	tcase_add_test(tc, damage_is_met_once);
	tcase_add_test(tc, half_an_append);
	tcase_add_loop_test(tc, cursor_damaged, 3, 4);
	tcase_add_loop_test(tc, quarantine_is_no_folder, 0, 2);
	tcase_add_test(tc, no_quarantine_at_all);
	suite_add_tcase(s, tc);
	tc = tcase_create(name);
	tcase_add_checked_fixture(tc, none, tear_down);
	tcase_add_test(tc, segments_missing_or_garbage);
	tcase_add_loop_test(tc, cursor_damaged, 0, 3);
	tcase_add_loop_test(tc, cursor_damaged, 4, 5);
	tcase_add_loop_test(tc, cursor_slot_torn, 0, 2);
	suite_add_tcase(s, tc);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("spool damage");

	add_cases(s, "in the clear", make_three, set_up);
	add_cases(s, "encrypted", make_three_encrypted, set_up_encrypted);
	return s;
}

int
main(void)
{
	use_memory_disk();
	return testing_run(srunner_create(suite()));
}
