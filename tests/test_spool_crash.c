/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The spool at every instant of its life: killed, or without power. Whatever is
 * left is opened again, and has every event that was accepted as durable and is
 * not settled, in order, and none that nobody sent.
 */
#include "testing_spool.h"
#include "testing_disk.h"

#include <sys/stat.h>

/* No record of try_put() is as small. */
#define SMALLEST 80

enum mark { TRY, ACCEPT, SETTLING, SETTLED, SYNCED, MARKS };

static char recorded[300], built[300], spool_dir[320];

static struct psm__spool_conf
conf_at(const char *base, int durability)
{
	struct psm__spool_conf conf = conf_of(durability);

	snprintf(spool_dir, sizeof(spool_dir), "%s/spool", base);
	conf.dir = spool_dir;
	conf.interval_ms = 0;
	return conf;
}

/* -- a life */

static int next, settled;

static void
put_marked(struct psm__spool *s, int count)
{
	for (; count > 0; count--) {
		disk_mark(TRY, next + 1);
		ck_assert_int_eq(try_put(s, next), 0);
		disk_mark(ACCEPT, ++next);
	}
}

static void
settle_marked(struct psm__spool *s, int count)
{
	for (; count > 0; count--) {
		disk_mark(SETTLING, settled + 1);
		ck_assert_int_eq(read_one(s), settled);
		psm__spool_release(s);
		disk_mark(SETTLED, ++settled);
	}
}

static void
tend(struct psm__spool *s)
{
	psm__spool_tend(s);
	disk_mark(SYNCED, next);
}

static void
put_large(struct psm__spool *s)
{
	static char value[3 * SMALL];
	struct psm__spool_entry e = {
	    .topic = "large", .id = "", .value = value};

	e.value_len = sizeof(value);
	memset(value, 'x', sizeof(value));
	ck_assert_int_eq(psm__spool_append(s, &e, NULL), 0);
}

/* The oldest segment is released when the newest has no room for even the
 * smallest event, so the next event goes into the file that was released. */
static void
use_again(struct psm__spool *s)
{
	const struct psm__segment *oldest = psm__queue_first(s);

	while (psm__queue_first(s) == psm__queue_last(s) ||
	       psm__queue_active(s)->size - psm__queue_active(s)->used >
	           SMALLEST)
		put_marked(s, 1);
	tend(s);
	while (psm__queue_first(s) == oldest)
		settle_marked(s, 1);
	put_marked(s, 2);
	ck_assert_ptr_ne(psm__queue_first(s), psm__queue_last(s));
}

/* Segments are filled, drained, used again and deleted; the reader is at times
 * behind and at times level; the spool is closed and opened again. */
static void
live(int durability)
{
	struct psm__spool_conf conf = conf_at(recorded, durability);
	struct psm__spool *s;

	next = settled = 0;
	disk_record(recorded);
	s = open_with(&conf);
	put_marked(s, 20);
	tend(s);
	settle_marked(s, 18);
	put_marked(s, 22);
	tend(s);
	settle_marked(s, 24);
	use_again(s);
	tend(s);
	put_marked(s, 20);
	tend(s);
	settle_marked(s, 30);
	end(s);
	disk_mark(SYNCED, durability == PSM__DURABLE_DISK ? next : 0);
	s = open_with(&conf);
	put_marked(s, 20);
	tend(s);
	settle_marked(s, 28);
	tend(s);
	put_marked(s, 3);
	psm__spool_free(s);
	disk_stop();
}

/* -- what is left of it */

static int
last_mark(size_t until, int kind)
{
	for (size_t i = until; i > 0; i--) {
		const struct disk_op *op = disk_at(i - 1);

		if (op->what == DISK_MARK && op->kind == kind)
			return op->value;
	}
	return 0;
}

struct bounds {
	int from;  /* this one must be there, if any is */
	int to;    /* all before it were accepted for good */
	int tried; /* none from here on */
	int first; /* none before it: they are settled for good */
	int gaps;  /* what is neither settled nor durable may be missing */
};

static void
check_reading(struct psm__spool *s, const struct bounds *b, const char *what)
{
	int n, before = -1, want = b->from;

	while ((n = read_one(s)) >= 0) {
		ck_assert_msg(n > before && n < b->tried && n >= b->first,
		              "%s: read %d after %d of %d", what, n, before,
		              b->tried);
		if (n >= b->from && n < b->to) {
			ck_assert_msg(n == want, "%s: %d is lost, found %d",
			              what, want, n);
			want++;
		}
		ck_assert_msg(b->gaps || before < 0 || n == before + 1,
		              "%s: %d after %d", what, n, before);
		before = n;
		psm__spool_release(s);
	}
	psm__spool_release(s);
	ck_assert_msg(want >= b->to, "%s: %d is lost, of %d", what, want,
	              b->to);
}

/* Nobody has to survive only once: what opens it may be killed, too. */
static void
check_built(int durability, size_t end, const struct bounds *b, int clean,
            const char *what)
{
	struct psm__spool_conf conf = conf_at(built, durability);
	struct psm__spool *s;

	if (end % 4 == 0) {
		s = open_with(&conf);
		psm__spool_free(s);
	}
	s = open_with(&conf);
	check_reading(s, b, what);
	ck_assert_msg(!clean || numbers(s).damaged == 0, "%s: damaged", what);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	put(s, 1000, 1003);
	expect(s, 1000, 1003);
	psm__spool_close(s);
	psm__spool_free(s);
	testing_remove(built);
}

static void
describe_crash(char text[200], const char *kind, size_t end,
               const struct disk_crash *how)
{
	const struct disk_op *op = disk_at(end ? end - 1 : 0);

	snprintf(text, 200,
	         "%s at call %zu (torn %zu, data %d, names %d, seed %u) after "
	         "%d %s %d",
	         kind, end, how->torn, how->data, how->names, how->seed,
	         op->what, op->name, op->file);
}

static struct bounds
bounds_at(size_t end)
{
	return (struct bounds){
	    .from = last_mark(end, SETTLING),
	    .to = last_mark(end, ACCEPT),
	    .tried = last_mark(end, TRY),
	    .first = last_mark(end, SETTLED),
	};
}

/* Every store is there, up to some instant. */
static void
kill_at(int durability, size_t end, size_t torn)
{
	struct disk_crash how = {.torn = torn, .data = 100, .names = 100};
	struct bounds b = bounds_at(end);
	char what[200];

	describe_crash(what, "killed", end, &how);
	disk_build(built, end, &how);
	check_built(durability, end, &b, 1, what);
}

static void
set_up_crash(void)
{
	set_up();
	snprintf(recorded, sizeof(recorded), "%s/recorded", dir);
	snprintf(built, sizeof(built), "%s/built", dir);
	ck_assert_int_eq(mkdir(recorded, 0700), 0);
}

static void
set_up_encrypted_crash(void)
{
	set_up_crash();
	use_keys(KEY_A);
}

/* Marks change nothing. */
static int
is_call(size_t end)
{
	return end == 0 || disk_at(end - 1)->what != DISK_MARK;
}

static void
forget_syncs(void)
{
	psm__file_ops.datasync = no_sync;
	psm__file_ops.dirsync = no_sync;
}

START_TEST(killed_at_every_call)
{
	live(_i);
	forget_syncs();
	for (size_t end = 0; end < disk_count(); end++)
		if (is_call(end))
			kill_at(_i, end, 0);
}
END_TEST

START_TEST(killed_in_every_store)
{
	int durability = PSM__DURABLE_OS;

	live(durability);
	forget_syncs();
	for (size_t end = 0; end < disk_count(); end++) {
		const struct disk_op *op = disk_at(end);
		size_t step = op->len > 512 ? 256 : 8;

		if (op->what == DISK_STORE)
			for (size_t torn = 4; torn < op->len; torn += step)
				kill_at(durability, end, torn);
	}
}
END_TEST

/* -- without power */

static const struct disk_crash losses[] = {
    {.data = 0, .names = 0},   {.data = 100, .names = 0},
    {.data = 0, .names = 100}, {.data = 100, .names = 100},
    {.data = 50, .names = 50}, {.data = 80, .names = 30},
    {.data = 30, .names = 80},
};

START_TEST(power_lost_at_every_call)
{
	live(_i);
	forget_syncs();
	for (size_t end = 0; end < disk_count(); end++) {
		struct bounds b = bounds_at(end);

		if (!is_call(end))
			continue;
		b.first = 0; /* the cursor is never synced */
		b.gaps = 1;
		if (_i == PSM__DURABLE_INTERVAL)
			b.to = last_mark(end, SYNCED);
		for (size_t i = 0; i < PSM__COUNT(losses); i++) {
			struct disk_crash how = losses[i];
			char what[200];

			how.seed = (uint32_t)end + 1;
			describe_crash(what, "no power", end, &how);
			disk_build(built, end, &how);
			check_built(_i, end, &b, 0, what);
		}
	}
}
END_TEST

/* Events larger than a segment have a file of their own. */
START_TEST(large_ones)
{
	struct psm__spool_conf conf = conf_at(recorded, PSM__DURABLE_DISK);
	struct psm__spool *s;
	struct psm__message m;
	size_t accepted;

	disk_record(recorded);
	s = open_with(&conf);
	put_large(s);
	disk_mark(ACCEPT, 1);
	accepted = disk_count();
	put_large(s);
	psm__spool_free(s);
	disk_stop();
	forget_syncs();
	for (size_t end = accepted; end < disk_count(); end++) {
		struct disk_crash how = {.seed = (uint32_t)end,
		                         .data = 50,
		                         .names = (int)(end % 2) * 100};

		disk_build(built, end, &how);
		conf = conf_at(built, PSM__DURABLE_DISK);
		s = open_with(&conf);
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		ck_assert_uint_eq(m.value_len, 3 * SMALL);
		psm__spool_free(s);
		testing_remove(built);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool crash");
	TCase *tc = tcase_create("every instant");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_crash, tear_down);
	tcase_add_loop_test(tc, killed_at_every_call, 0, 3);
	tcase_add_test(tc, killed_in_every_store);
	tcase_add_loop_test(tc, power_lost_at_every_call, 0, 2);
	tcase_add_test(tc, large_ones);
	suite_add_tcase(s, tc);
	tc = tcase_create("every instant, encrypted");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, set_up_encrypted_crash, tear_down);
	tcase_add_test(tc, killed_in_every_store);
	tcase_add_test(tc, power_lost_at_every_call);
	tcase_add_test(tc, large_ones);
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
