/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_spool.h"

#include <sys/stat.h>

/* -- the plain way -- */

static const char *const durabilities[] = {"disk", "interval", "os"};

START_TEST(append_read_settle)
{
	struct psm__spool_conf conf = conf_of(_i);
	struct psm__spool *s = open_with(&conf);

	ck_assert_ptr_nonnull(durabilities[_i]);
	put(s, 0, 500);
	ck_assert_uint_eq(numbers(s).waiting, 500);
	ck_assert_uint_eq(numbers(s).safe, 500);
	expect(s, 0, 500);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	ck_assert_int_eq(numbers(s).bytes, 0);
	put(s, 500, 510);
	expect(s, 500, 510);
	end(s);
	/* Nothing of what was sent stays on the disk. */
	ck_assert_int_eq(count_files("stream.0", ".pms"), 0);
	ck_assert_int_eq(count_files("stream.0", ".spare"), 0);
}
END_TEST

START_TEST(in_memory)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_DISK);
	struct psm__spool *s;

	conf.dir = "";
	conf.max_records = 100;
	s = open_with(&conf);
	for (int round = 0; round < 20; round++) {
		put(s, 0, 100);
		ck_assert_int_eq(try_put(s, 100), PSM_ERR_FULL);
		expect(s, 0, 100);
	}
	end(s);
}
END_TEST

START_TEST(replayed_after_reopen)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 300);
	consume(s, 0, 100);
	end(s);
	for (int round = 0; round < 3; round++) {
		s = open_spool();
		ck_assert_uint_eq(numbers(s).waiting,
		                  200 - 40 * (unsigned)round);
		put(s, 300 + round * 10, 310 + round * 10);
		consume(s, 100 + round * 50, 150 + round * 50);
		/* What is read from here on comes again. */
		psm__spool_freeze(s);
		for (int n = 150 + round * 50; n < 310 + round * 10; n++) {
			ck_assert_int_eq(read_one(s), n);
			psm__spool_release(s);
		}
		ck_assert_int_eq(read_one(s), -1);
		ck_assert_uint_eq(numbers(s).damaged, 0);
		end(s);
	}
}
END_TEST

START_TEST(settled_out_of_order)
{
	struct psm__spool *s = open_spool();
	struct psm__message m;
	uint64_t tokens[60];

	put(s, 0, 60);
	for (int n = 0; n < 60; n++) {
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		psm__spool_pass(s);
		tokens[n] = m.token;
	}
	for (int n = 59; n >= 30; n--)
		ck_assert_int_eq(psm__spool_settle(s, tokens[n]), 1);
	ck_assert_int_eq(psm__spool_settle(s, tokens[45]), 0);
	ck_assert_uint_eq(psm__spool_release(s), 0);
	ck_assert_uint_eq(numbers(s).waiting, 60);
	/* Only what is not settled comes again, in order. */
	psm__spool_rewind(s);
	for (int n = 0; n < 30; n++)
		ck_assert_int_eq(read_one(s), n);
	ck_assert_int_eq(read_one(s), -1);
	ck_assert_uint_eq(psm__spool_release(s), 60);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	end(s);
}
END_TEST

START_TEST(window_bounds_the_reader)
{
	struct psm__spool *s = open_spool();
	struct psm__message m;
	uint64_t first = 0;
	int n = 0;

	put(s, 0, 200);
	for (; psm__spool_peek(s, &m); n++) {
		if (n == 0)
			first = m.token;
		else
			psm__spool_settle(s, m.token);
		psm__spool_pass(s);
	}
	ck_assert_int_eq(n, 64);
	ck_assert_int_eq(psm__spool_rest(s), 1);
	psm__spool_settle(s, first);
	psm__spool_release(s);
	expect(s, 64, 200);
	end(s);
}
END_TEST

START_TEST(segments_roll_and_go)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 400);
	ck_assert_int_gt(count_files("stream.0", ".pms"), 10);
	expect(s, 0, 400);
	ck_assert_int_eq(count_files("stream.0", ".pms"), 1);
	ck_assert_int_le(count_files("stream.0", ".spare"), 2);
	put(s, 400, 900);
	expect(s, 400, 900);
	end(s);
}
END_TEST

static int filled;

static void
count_fills(int fd, size_t size)
{
	filled++;
	real.fill(fd, size);
}

/* The next segment is filled before it is needed, unless a sync would have to
 * write all of it; whoever appends never waits for that. The zeros change
 * nothing. */
START_TEST(segments_are_filled)
{
	struct psm__spool_conf conf = conf_of(_i);
	struct psm__spool *s;
	int unfilled;

	psm__file_ops.fill = count_fills;
	s = open_with(&conf);
	put(s, 0, 200);
	ck_assert_int_eq(filled, 0);
	unfilled = count_files("stream.0", ".pms");
	for (int n = 200; n < 400; n++) {
		psm__spool_tend(s);
		put(s, n, n + 1);
	}
	if (_i == PSM__DURABLE_OS)
		ck_assert_int_ge(filled, count_files("stream.0", ".pms") -
		                             unfilled - 1);
	else
		ck_assert_int_eq(filled, 0);
	expect(s, 0, 400);
	end(s);
}
END_TEST

START_TEST(limit_in_bytes)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s;
	int n = 0;

	conf.max_bytes = 20000;
	s = open_with(&conf);
	while (try_put(s, n) == 0)
		n++;
	ck_assert_int_eq(try_put(s, n), PSM_ERR_FULL);
	ck_assert_int_le(numbers(s).bytes, 20000);
	ck_assert_int_gt(numbers(s).bytes, 20000 - 300);
	ck_assert_int_eq(read_one(s), 0);
	ck_assert_int_eq(read_one(s), 1);
	psm__spool_release(s);
	ck_assert_int_eq(try_put(s, n), 0);
	expect(s, 2, n + 1);
	end(s);
}
END_TEST

START_TEST(larger_than_a_segment)
{
	struct psm__spool *s = open_spool();
	struct psm__spool_entry e = {.topic = "t", .id = "none"};
	struct psm__message m;
	char *value = malloc(100000);

	ck_assert_ptr_nonnull(value);
	memset(value, 'x', 100000);
	e.value = value;
	e.value_len = 100000;
	put(s, 0, 1);
	ck_assert_int_eq(psm__spool_append(s, &e, NULL), 0);
	put(s, 1, 2);
	end(s);
	s = open_spool();
	ck_assert_int_eq(read_one(s), 0);
	ck_assert_int_eq(psm__spool_peek(s, &m), 1);
	ck_assert_uint_eq(m.value_len, 100000);
	ck_assert_mem_eq(m.value, value, 100000);
	ck_assert_ptr_null(m.key);
	psm__spool_pass(s);
	psm__spool_settle(s, m.token);
	ck_assert_int_eq(read_one(s), 1);
	psm__spool_release(s);
	end(s);
	free(value);
}
END_TEST

/* Wherever it stands; the place of the one before may lie behind the end. */
START_TEST(ids_are_found)
{
	static const struct {
		const char *value, *id, *found;
	} cases[] = {
	    {"id-1", "id-1", "id-1"},
	    {"{\"a\":\"long text\",\"id\":\"id-2\"}", "id-2", "id-2"},
	    {"{\"a\":\"long text\",\"id\":\"id-3\"}", "id-3", "id-3"},
	    {"{\"id\":\"id-4\"}", "id-4", "id-4"},
	    {"no", "id-5", ""},
	    {"{\"id\":\"id-6\",\"a\":1}", "id-6", "id-6"},
	    {"{\"id\":\"id-7\",\"a\":1}", "id-8", ""},
	    {"{\"id\":\"id-9\",\"a\":1}", "", ""},
	};
	struct psm__spool *s = open_spool();
	struct psm__message m;
	char id[32];

	for (size_t i = 0; i < PSM__COUNT(cases); i++) {
		struct psm__spool_entry e = {.topic = "t",
		                             .id = cases[i].id,
		                             .value = cases[i].value,
		                             .value_len =
		                                 strlen(cases[i].value)};

		ck_assert_int_eq(psm__spool_append(s, &e, NULL), 0);
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		psm__spool_id(s, m.token, id, sizeof(id));
		ck_assert_str_eq(id, cases[i].found);
		psm__spool_pass(s);
		psm__spool_settle(s, m.token);
		psm__spool_release(s);
	}
	end(s);
}
END_TEST

START_TEST(shut_refuses)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 1);
	psm__spool_shut(s);
	ck_assert_int_eq(try_put(s, 1), PSM_ERR_STATE);
	end(s);
}
END_TEST

START_TEST(numbers_never_come_twice)
{
	char seen[64][300] = {{0}};
	int count = 0;

	for (int round = 0; round < 8; round++) {
		struct psm__spool *s = open_spool();
		struct dirent **names = NULL;
		char path[512];
		int n;

		put(s, 0, 60);
		snprintf(path, sizeof(path), "%s/stream.0", dir);
		n = scandir(path, &names, testing_not_dot, alphasort);
		for (int i = 0; i < n; i++) {
			if (strstr(names[i]->d_name, ".pms")) {
				for (int j = 0; j < count; j++)
					ck_assert_str_ne(names[i]->d_name,
					                 seen[j]);
				ck_assert_int_lt(count, 64);
				snprintf(seen[count++], 300, "%s",
				         names[i]->d_name);
			}
			free(names[i]);
		}
		free(names);
		expect(s, 0, 60);
		end(s);
	}
	ck_assert_int_ge(count, 16);
}
END_TEST

START_TEST(private_files)
{
	struct psm__spool *s = open_spool();
	char path[512];
	struct stat st;

	put(s, 0, 1);
	snprintf(path, sizeof(path), "%s/stream.0", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/stream.0/LOCK", dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s/stream.0/%016x.pms", dir, 2);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	end(s);
}
END_TEST

static void
add_cases(Suite *s, const char *name, SFun begin)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, begin, tear_down);
	tcase_add_loop_test(tc, append_read_settle, 0, 3);
	tcase_add_test(tc, in_memory);
	tcase_add_test(tc, replayed_after_reopen);
	tcase_add_test(tc, settled_out_of_order);
	tcase_add_test(tc, window_bounds_the_reader);
	tcase_add_test(tc, segments_roll_and_go);
	tcase_add_loop_test(tc, segments_are_filled, 0, 3);
	tcase_add_test(tc, limit_in_bytes);
	tcase_add_test(tc, larger_than_a_segment);
	tcase_add_test(tc, ids_are_found);
	tcase_add_test(tc, shut_refuses);
	tcase_add_test(tc, numbers_never_come_twice);
	tcase_add_test(tc, private_files);
	suite_add_tcase(s, tc);
}

static Suite *
suite(void)
{
	Suite *s = suite_create("spool");

	add_cases(s, "in the clear", set_up);
	add_cases(s, "encrypted", set_up_encrypted);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
