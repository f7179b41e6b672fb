/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What cannot be read or is refused for good is somewhere at every instant: in
 * the quarantine, for good, or where it was.
 */
#include "testing_spool.h"
#include "testing_disk.h"

#include <errno.h>
#include <ftw.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define EVENTS 60
/* Stands in the damaged bytes, and nowhere else. */
#define MARKER "MARKER!!"

static char recorded[300], built[300], spool_dir[320];

static struct psm__spool_conf
conf_at(const char *base)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);

	(void)snprintf(spool_dir, sizeof(spool_dir), "%s/spool", base);
	conf.dir = spool_dir;
	return conf;
}

static void
set_up_disk(void)
{
	set_up();
	(void)snprintf(recorded, sizeof(recorded), "%s/recorded", dir);
	(void)snprintf(built, sizeof(built), "%s/built", dir);
	ck_assert_int_eq(mkdir(recorded, 0700), 0);
}

static void
set_up_encrypted_disk(void)
{
	set_up_disk();
	use_keys(KEY_A);
}

/* -- damage */

enum { IN_THE_MIDDLE, AT_THE_END, UNDER_A_RIGHT_CHECKSUM, KINDS };

/* The record of the segment that is to be damaged. */
static struct psm__rec *
find_victim(uint8_t *base, int kind)
{
	size_t at = first_record(), last = at;

	for (int n = 0; n < 5 || kind == AT_THE_END; n++) {
		uint32_t len = psm__rec_at(base, at)->len;

		if (len == 0)
			break;
		last = at;
		at += psm__rec_space(len);
	}
	return (void *)(base + last);
}

static void
alter(uint8_t *base, int kind)
{
	const struct psm__segment_header *sh = (const void *)base;
	struct psm__rec *rec = find_victim(base, kind);

	memcpy((char *)rec + PSM__REC_HEADER + 12, MARKER, 8);
	if (kind == UNDER_A_RIGHT_CHECKSUM)
		rec->crc = psm__rec_crc(sh->seed, rec);
}

/* Of the first segment, or of the newest at its end. */
static void
damage_file(const char *base, int kind)
{
	char path[400];
	uint8_t *bytes;
	int fd, number = 2;

	do {
		(void)snprintf(path, sizeof(path),
		               "%s/spool/stream.0/%016x.pms", base, number++);
	} while (kind == AT_THE_END && number < 20 && access(path, F_OK) == 0);
	if (kind == AT_THE_END)
		for (number = 20; access(path, F_OK) != 0; number--)
			(void)snprintf(path, sizeof(path),
			               "%s/spool/stream.0/%016x.pms", base,
			               number);
	fd = psm__file_ops.open(AT_FDCWD, path, O_RDWR, 0);
	ck_assert_int_ge(fd, 0);
	bytes = psm__file_ops.map(fd, SMALL);
	ck_assert_ptr_ne(bytes, MAP_FAILED);
	alter(bytes, kind);
	psm__file_ops.datasync(fd);
	psm__file_ops.unmap(bytes, SMALL);
	close(fd);
}

/* -- is it there? */

static const char *wanted;
static int found;

static int
look_into(const char *path, const struct stat *st, int type, struct FTW *at)
{
	static char bytes[1 << 16];
	int fd;
	ssize_t n;

	(void)st;
	(void)at;
	if (type != FTW_F || found)
		return 0;
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	n = read(fd, bytes, sizeof(bytes));
	close(fd);
	if (n > 0 && memmem(bytes, (size_t)n, wanted, strlen(wanted)))
		found = 1;
	return 0;
}

static int
is_there(const char *base, const char *text)
{
	wanted = text;
	found = 0;
	ck_assert_int_eq(nftw(base, look_into, 16, FTW_PHYS), 0);
	return found;
}

static int
read_through(struct psm__spool *s)
{
	int count = 0;

	while (read_one(s) >= 0) {
		psm__spool_release(s);
		count++;
	}
	psm__spool_release(s);
	psm__spool_tend(s);
	return count;
}

/* -- every instant */

static const struct disk_crash losses[] = {
    {.data = 0, .names = 0},
    {.data = 100, .names = 100},
    {.data = 80, .names = 30},
    {.data = 30, .names = 80},
};

static ssize_t
no_room(int fd, const void *bytes, size_t len)
{
	(void)fd;
	(void)bytes;
	(void)len;
	errno = ENOSPC;
	return -1;
}

/* What becomes of the copies. */
enum { ROOM, LIMIT_REACHED, DISK_FULL, FATES };

static struct psm__spool *
open_fated(const char *base, int fate)
{
	struct psm__spool_conf conf = conf_at(base);

	if (fate == LIMIT_REACHED)
		conf.max_bytes = 10;
	if (fate == DISK_FULL)
		psm__file_ops.write = no_room;
	return open_with(&conf);
}

/* Where in the book the damage is there for good. */
static size_t
record_life(int kind, int fate)
{
	struct psm__spool *s;
	struct psm__spool_conf conf = conf_at(recorded);
	size_t from;

	disk_record(recorded);
	s = open_with(&conf);
	put(s, 0, EVENTS);
	psm__spool_free(s);
	damage_file(recorded, kind);
	disk_mark(1, 1);
	from = disk_count();
	s = open_fated(recorded, fate);
	ck_assert_int_eq(read_through(s), EVENTS - 1);
	psm__spool_close(s);
	psm__spool_free(s);
	disk_stop();
	return from;
}

static void
check_instant(size_t end, const struct disk_crash *how, int fate)
{
	struct psm__spool *s;

	disk_build(built, end, how);
	ck_assert_msg(is_there(built, MARKER), "lost at call %zu", end);
	s = open_fated(built, fate);
	read_through(s);
	psm__spool_close(s);
	psm__spool_free(s);
	ck_assert_msg(is_there(built, MARKER), "lost after call %zu", end);
	psm__file_ops.write = real.write;
	testing_remove(built);
}

static void
check_every_instant(int kind, int fate)
{
	size_t from = record_life(kind, fate);

	ck_assert_msg(is_there(recorded, MARKER), "lost without any crash");
	ck_assert_int_eq(
	    count_files("recorded/spool/stream.0/quarantine", ".pms"),
	    fate != ROOM);
	psm__file_ops.write = real.write;
	psm__file_ops.datasync = no_sync;
	psm__file_ops.dirsync = no_sync;
	for (size_t end = from; end <= disk_count(); end++)
		for (size_t i = 0; i < PSM__COUNT(losses); i++) {
			struct disk_crash how = losses[i];

			how.seed = (uint32_t)end + 1;
			check_instant(end, &how, fate);
		}
}

START_TEST(damage_is_not_lost)
{
	check_every_instant(_i % 2, _i / 2);
}
END_TEST

START_TEST(altered_is_not_lost)
{
	check_every_instant(UNDER_A_RIGHT_CHECKSUM, _i);
}
END_TEST

/* More damage than is copied piece by piece. */
START_TEST(much_damage)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;
	static uint8_t bytes[65536];
	size_t at = PSM__SEGMENT_HEADER;
	int count = 0;

	conf.segment_size = sizeof(bytes);
	s = open_with(&conf);
	put(s, 0, 300);
	abandon(s);
	load(SEGMENT, bytes, sizeof(bytes));
	for (int n = 0; n < 300; n++) {
		struct psm__rec *rec = (void *)(bytes + at);

		at += psm__rec_space(rec->len);
		if (n % 3 == 1) {
			memcpy((char *)rec + 60, MARKER, 8);
			count++;
		}
	}
	store(SEGMENT, bytes, sizeof(bytes));
	s = open_with(&conf);
	ck_assert_int_eq(read_through(s), 300 - count);
	ck_assert_uint_eq(numbers(s).damaged, (unsigned)count);
	end(s);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".damaged"), 32);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".pms"), 1);
	ck_assert_int_eq(count_files("stream.0", ".pms"), 0);
}
END_TEST

/* -- refused for good */

/* Event 3 is refused, the others are sent. */
static void
refuse_third(struct psm__spool *s, int want)
{
	struct psm__message m;

	while (psm__spool_peek(s, &m)) {
		psm__spool_pass(s);
		if (number_of(&m) == 3)
			ck_assert_int_eq(psm__spool_reject(s, m.token), want);
		else
			ck_assert_int_eq(psm__spool_settle(s, m.token), 1);
		psm__spool_release(s);
	}
}

START_TEST(refused_is_not_lost)
{
	struct psm__spool_conf conf = conf_at(recorded);
	struct psm__spool *s;
	size_t from;

	disk_record(recorded);
	s = open_with(&conf);
	put(s, 0, 10);
	from = disk_count();
	refuse_third(s, 1);
	psm__spool_close(s);
	psm__spool_free(s);
	disk_stop();
	for (size_t end = from; end <= disk_count(); end++)
		for (size_t i = 0; i < PSM__COUNT(losses); i++) {
			struct disk_crash how = losses[i];

			how.seed = (uint32_t)end + 1;
			disk_build(built, end, &how);
			ck_assert_msg(is_there(built, "id-000003"),
			              "lost at call %zu", end);
			testing_remove(built);
		}
}
END_TEST

/* Without a copy it is not settled, and comes again. */
START_TEST(refused_without_room)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__spool *s = open_with(&conf);
	struct psm__message m;

	put(s, 0, 10);
	psm__file_ops.write = no_room;
	refuse_third(s, -1);
	ck_assert_int_eq(numbers(s).quarantine_errno, ENOSPC);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".rejected"), 0);
	ck_assert_uint_eq(numbers(s).waiting, 7);
	psm__file_ops.write = real.write;
	psm__spool_rewind(s);
	ck_assert_int_eq(psm__spool_peek(s, &m), 1);
	ck_assert_int_eq(number_of(&m), 3);
	psm__spool_pass(s);
	ck_assert_int_eq(psm__spool_reject(s, m.token), 1);
	ck_assert_int_eq(psm__spool_reject(s, m.token), 0);
	ck_assert_int_eq(numbers(s).quarantine_errno, 0);
	ck_assert_int_eq(psm__spool_peek(s, &m), 0);
	psm__spool_release(s);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	end(s);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".rejected"), 1);
}
END_TEST

/* After an operator has made room, no restart is needed. */
START_TEST(limit_is_looked_at_again)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;

	ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
	ck_assert_int_eq(mkdir(path_of("stream.0/quarantine"), 0700), 0);
	store("stream.0/quarantine/old", "", 0);
	ck_assert_int_eq(
	    truncate(path_of("stream.0/quarantine/old"), conf.max_bytes), 0);
	s = open_with(&conf);
	put(s, 0, 4);
	refuse_third(s, -1);
	ck_assert_int_eq(numbers(s).quarantine_errno, EDQUOT);
	ck_assert_int_eq(unlink(path_of("stream.0/quarantine/old")), 0);
	s->own_stream->next_count_ms = 0;
	psm__spool_rewind(s);
	refuse_third(s, 1);
	ck_assert_int_lt(numbers(s).quarantined, 1000);
	ck_assert_int_gt(numbers(s).quarantined, 80);
	end(s);
}
END_TEST

/* -- names */

static struct psm__spool *
reject_into(const char *before, size_t len)
{
	struct psm__spool *s = open_spool();

	if (before)
		store("stream.0/quarantine/0000000000000004.rejected", before,
		      len);
	put(s, 0, 4);
	refuse_third(s, 1);
	return s;
}

/* What is there under that name is another event, of an older stream. */
START_TEST(no_copy_is_overwritten)
{
	char bytes[300];

	end(reject_into(NULL, 0));
	testing_remove(path_of("stream.0"));
	ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
	ck_assert_int_eq(mkdir(path_of("stream.0/quarantine"), 0700), 0);
	end(reject_into("another", 7));
	ck_assert_uint_eq(load("stream.0/quarantine/0000000000000004.rejected",
	                       bytes, sizeof(bytes)),
	                  7);
	ck_assert_mem_eq(bytes, "another", 7);
	ck_assert_uint_gt(
	    load("stream.0/quarantine/0000000000000004.rejected.1", bytes,
	         sizeof(bytes)),
	    80);
}
END_TEST

/* The process ended between the copy and the update of the cursor. */
START_TEST(the_same_copy_is_kept_once)
{
	struct psm__spool *s = open_spool();
	struct psm__message m;
	int64_t bytes = 0;

	put(s, 0, 1);
	abandon(s);
	for (int round = 0; round < 3; round++) {
		s = open_spool();
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		psm__spool_pass(s);
		ck_assert_int_eq(psm__spool_reject(s, m.token), 1);
		ck_assert(round == 0 || numbers(s).quarantined == bytes);
		bytes = numbers(s).quarantined;
		abandon(s);
	}
	ck_assert_int_eq(count_files("stream.0/quarantine", ".rejected"), 1);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".1"), 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool quarantine");
	TCase *tc = tcase_create("every instant");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_disk, tear_down);
	tcase_add_loop_test(tc, damage_is_not_lost, 0, 2 * FATES);
	tcase_add_test(tc, refused_is_not_lost);
	suite_add_tcase(s, tc);
	tc = tcase_create("every instant, encrypted");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_encrypted_disk, tear_down);
	tcase_add_loop_test(tc, damage_is_not_lost, 0, 2 * FATES);
	tcase_add_loop_test(tc, altered_is_not_lost, 0, FATES);
	suite_add_tcase(s, tc);
	tc = tcase_create("room and names");
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, much_damage);
	tcase_add_test(tc, refused_without_room);
	tcase_add_test(tc, limit_is_looked_at_again);
	tcase_add_test(tc, no_copy_is_overwritten);
	tcase_add_test(tc, the_same_copy_is_kept_once);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	use_memory_disk();
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
