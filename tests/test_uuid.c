/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <pthread.h>
#include <sys/wait.h>

#include "base/base.h"

#define PER_THREAD 100000
#define THREADS 4

typedef char uuid_text[37];

static void
make(uuid_text text)
{
	ck_assert_int_eq(psm_uuid_new(text, sizeof(uuid_text)), 0);
}

START_TEST(form)
{
	int64_t before_ms = psm_now_us() / 1000;
	unsigned long long ms, low;
	uuid_text text;

	for (int i = 0; i < 1000; i++) {
		make(text);
		ck_assert_uint_eq(strlen(text), 36);
		ck_assert_int_eq(psm_uuid_valid(text, 36), 1);
		ck_assert_int_eq(text[14], '7');
		ck_assert_ptr_nonnull(strchr("89ab", text[19]));
		ck_assert_ptr_null(strpbrk(text, "ABCDEF"));
	}
	ck_assert_int_eq(sscanf(text, "%8llx-%4llx", &ms, &low), 2);
	ms = ms << 16 | low;
	ck_assert_uint_ge(ms, (unsigned long long)before_ms);
	/* A full millisecond borrows the next one; not many of them. */
	ck_assert_uint_le(ms, (unsigned long long)(psm_now_us() / 1000 + 2));
}
END_TEST

static int64_t clock_us;

static int64_t
given(void *user)
{
	(void)user;
	return clock_us;
}

static void
expect_rising(int count)
{
	uuid_text last, text;

	make(last);
	for (int i = 0; i < count; i++) {
		make(text);
		ck_assert_msg(strcmp(last, text) < 0, "%s after %s", text,
		              last);
		memcpy(last, text, sizeof(text));
	}
}

START_TEST(rises)
{
	expect_rising(50000);
}
END_TEST

START_TEST(rises_while_the_clock_stands_still)
{
	clock_us = INT64_C(1769850000000000);
	psm_set_clock(given, NULL);
	expect_rising(50000);
}
END_TEST

START_TEST(rises_while_the_clock_goes_back)
{
	uuid_text first, text;

	clock_us = INT64_C(1769850000000000);
	psm_set_clock(given, NULL);
	make(first);
	for (int i = 0; i < 1000; i++) {
		clock_us -= 60000000;
		make(text);
		ck_assert_str_lt(first, text);
		memcpy(first, text, sizeof(text));
	}
	clock_us = -5;
	make(text);
	ck_assert_str_lt(first, text);
}
END_TEST

START_TEST(no_time_before_the_epoch)
{
	uuid_text text;

	clock_us = INT64_MIN;
	psm_set_clock(given, NULL);
	make(text);
	ck_assert_int_eq(strncmp(text, "00000000-0000-7", 15), 0);
}
END_TEST

/* Each thread sees its own ids rise, and what a thread made before another
 * began is smaller: together with no id twice that is one rising sequence. */
static uuid_text made[THREADS][PER_THREAD];
static pthread_barrier_t start;

static void *
make_many(void *arg)
{
	uuid_text *mine = arg;

	(void)pthread_barrier_wait(&start);
	for (int i = 0; i < PER_THREAD; i++)
		if (psm_uuid_new(mine[i], sizeof(*mine)) != 0)
			mine[i][0] = '\0';
	return NULL;
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

START_TEST(threads)
{
	pthread_t thread[THREADS];
	static uuid_text all[THREADS * PER_THREAD];
	uuid_text before, after;

	make(before);
	ck_assert_int_eq(pthread_barrier_init(&start, NULL, THREADS), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(psm__thread_start(&thread[i], "uuid",
		                                   make_many, made[i], NULL),
		                 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	make(after);
	for (int i = 0; i < THREADS; i++)
		for (int k = 1; k < PER_THREAD; k++)
			if (strcmp(made[i][k - 1], made[i][k]) >= 0)
				ck_abort_msg("%s after %s", made[i][k],
				             made[i][k - 1]);
	memcpy(all, made, sizeof(all));
	qsort(all, PSM__COUNT(all), sizeof(*all), by_text);
	ck_assert_str_lt(before, all[0]);
	ck_assert_str_lt(all[THREADS * PER_THREAD - 1], after);
	for (int i = 1; i < THREADS * PER_THREAD; i++)
		if (strcmp(all[i - 1], all[i]) == 0)
			ck_abort_msg("%s twice", all[i]);
}
END_TEST

/* Parent and children go on from the same state: none may repeat another, and
 * a child's first id is above all that were before it. */
START_TEST(forks)
{
	enum { CHILDREN = 3, EACH = 200 };
	uuid_text all[CHILDREN + 1][EACH], flat[(CHILDREN + 1) * EACH], before;
	int pipes[CHILDREN][2];

	clock_us = INT64_C(1769850000000000);
	psm_set_clock(given, NULL);
	make(before);
	for (int c = 0; c < CHILDREN; c++) {
		ck_assert_int_eq(pipe(pipes[c]), 0);
		if (fork() == 0) {
			uuid_text mine[EACH];

			for (int i = 0; i < EACH; i++)
				if (psm_uuid_new(mine[i], sizeof(mine[i])))
					_exit(1);
			_exit(write(pipes[c][1], mine, sizeof(mine)) !=
			      (ssize_t)sizeof(mine));
		}
		ck_assert_int_eq(close(pipes[c][1]), 0);
	}
	for (int i = 0; i < EACH; i++)
		make(all[CHILDREN][i]);
	for (int c = 0; c < CHILDREN; c++) {
		size_t have = 0;
		ssize_t n;
		int status;

		while (have < sizeof(all[c]) &&
		       (n = read(pipes[c][0], (char *)all[c] + have,
		                 sizeof(all[c]) - have)) > 0)
			have += (size_t)n;
		ck_assert_uint_eq(have, sizeof(all[c]));
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
		ck_assert_str_lt(before, all[c][0]);
	}
	memcpy(flat, all, sizeof(flat));
	qsort(flat, PSM__COUNT(flat), sizeof(uuid_text), by_text);
	for (size_t i = 1; i < PSM__COUNT(flat); i++)
		ck_assert_str_ne(flat[i - 1], flat[i]);
}
END_TEST

static const struct {
	const char *text;
	int valid;
} texts[] = {
    {"019079b1-3779-79b1-879b-000000000001", 1},
    {"019079B1-3779-49B1-879B-ABCDEFabcdef", 1},
    {"00000000-0000-0000-0000-000000000000", 1},
    {"", 0},
    {"019079b1-3779-79b1-879b-00000000000", 0},
    {"019079b1-3779-79b1-879b-0000000000011", 0},
    {"019079b1-3779-79b1-879b-00000000000g", 0},
    {"019079b13779-79b1-879b--000000000001", 0},
    {"019079b1_3779_79b1_879b_000000000001", 0},
    {"{19079b1-3779-79b1-879b-00000000001}", 0},
    {"019079b1-3779-79b1-879b-00000000001\xc3", 0},
    {"019079b1-3779-79b1-879b000000000000-", 0},
};

START_TEST(valid)
{
	const char *text = texts[_i].text;

	ck_assert_int_eq(psm_uuid_valid(text, strlen(text)), texts[_i].valid);
}
END_TEST

/* Each byte at each place, in small and capital letters. */
START_TEST(valid_byte_by_byte)
{
	static const char id[] = "0198c0de-0000-7000-8000-00000000000F";
	uuid_text text;
	size_t at;
	int c, want;

	for (at = 0; at < 36; at++)
		for (c = 0; c < 256; c++) {
			memcpy(text, id, sizeof text);
			text[at] = (char)c;
			want = id[at] == '-' ? c == '-'
			                     : psm__hex_value((char)c) >= 0;
			ck_assert_msg(psm_uuid_valid(text, 36) == want,
			              "byte %d at %zu", c, at);
		}
}
END_TEST

START_TEST(arguments)
{
	char text[37] = "x";

	ck_assert_int_eq(psm_uuid_new(NULL, 37), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_uuid_new(text, 36), PSM_ERR_INVAL);
	ck_assert_str_eq(text, "x");
	ck_assert_int_eq(psm_uuid_valid(NULL, 36), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("uuid");
	TCase *t = tcase_create("uuid");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, form);
	tcase_add_test(t, rises);
	tcase_add_test(t, rises_while_the_clock_stands_still);
	tcase_add_test(t, rises_while_the_clock_goes_back);
	tcase_add_test(t, no_time_before_the_epoch);
	tcase_add_test(t, threads);
	tcase_add_test(t, forks);
	tcase_add_loop_test(t, valid, 0, (int)PSM__COUNT(texts));
	tcase_add_test(t, valid_byte_by_byte);
	tcase_add_test(t, arguments);
	suite_add_tcase(s, t);
	return testing_run(srunner_create(s));
}
