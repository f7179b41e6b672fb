/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include "base/base.h"

static void
count_memory(void)
{
	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
}

static void
nothing_left(void)
{
	ck_assert_int_eq(atomic_load(&testing_memory.live), 0);
}

static void
refuse_next(void)
{
	testing_memory.fail_at = atomic_load(&testing_memory.calls) + 1;
}

/* -- memory */

static void *
dirty_alloc(size_t size)
{
	void *ptr = malloc(size);

	return ptr ? memset(ptr, 0xa5, size) : NULL;
}

START_TEST(new_memory_is_zero)
{
	unsigned char *p;

	ck_assert_int_eq(psm_set_allocator(dirty_alloc, realloc, free), 0);
	p = psm__alloc(1000);
	ck_assert_ptr_nonnull(p);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(p[i], 0);
	psm__free(p);
	p = psm__array(10, 100);
	ck_assert_ptr_nonnull(p);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(p[i], 0);
	psm_free(p);
}
END_TEST

START_TEST(sizes_that_overflow)
{
	size_t cap = 0;
	char *p = NULL;

	ck_assert_ptr_null(psm__array(SIZE_MAX / 2, 3));
	ck_assert_ptr_null(psm__array(SIZE_MAX, 2));
	ck_assert_ptr_null(psm__strndup("", SIZE_MAX));
	ck_assert_int_eq(psm__grow(&p, &cap, SIZE_MAX, 1), PSM_ERR_NOMEM);
	ck_assert_int_eq(psm__grow(&p, &cap, SIZE_MAX / 8, 16), PSM_ERR_NOMEM);
	ck_assert_ptr_null(p);
	ck_assert_uint_eq(cap, 0);
	ck_assert_int_eq(atomic_load(&testing_memory.calls), 0);
}
END_TEST

START_TEST(nothing_is_something)
{
	void *p = psm__alloc(0), *q = psm__array(0, 8),
	     *r = psm__realloc(NULL, 0);

	ck_assert_ptr_nonnull(p);
	ck_assert_ptr_nonnull(q);
	ck_assert_ptr_nonnull(r);
	psm__free(p);
	psm__free(q);
	psm__free(r);
	psm__free(NULL);
	psm_free(NULL);
}
END_TEST

START_TEST(grows)
{
	int *items = NULL;
	size_t cap = 0;

	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(
		    psm__grow(&items, &cap, (size_t)i + 1, sizeof(*items)), 0);
		ck_assert_uint_gt(cap, (size_t)i);
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(items[i], i);
	/* Doubling: not an allocation per item. */
	ck_assert_int_le(atomic_load(&testing_memory.calls), 10);
	refuse_next();
	ck_assert_int_eq(psm__grow(&items, &cap, cap + 1, sizeof(*items)),
	                 PSM_ERR_NOMEM);
	ck_assert_int_eq(items[999], 999);
	ck_assert_uint_ge(cap, 1000);
	psm__free(items);
}
END_TEST

START_TEST(duplicates)
{
	char *all = psm__strdup("abc"), *part = psm__strndup("abcdef", 4),
	     *none = psm__strndup("x", 0);

	ck_assert_str_eq(all, "abc");
	ck_assert_str_eq(part, "abcd");
	ck_assert_str_eq(none, "");
	psm__free(all);
	psm__free(part);
	psm__free(none);
	refuse_next();
	ck_assert_ptr_null(psm__strdup("abc"));
}
END_TEST

/* A block must go back to where it came from. */
START_TEST(the_allocator_changes_only_while_nothing_is_out)
{
	void *p;

	ck_assert_int_eq(psm_set_allocator(NULL, realloc, free), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_set_allocator(malloc, NULL, free), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_set_allocator(malloc, realloc, NULL),
	                 PSM_ERR_INVAL);
	p = psm__alloc(1);
	p = psm__realloc(p, 2);
	ck_assert_int_eq(psm_set_allocator(malloc, realloc, free),
	                 PSM_ERR_STATE);
	psm__free(p);
	ck_assert_int_eq(psm_set_allocator(malloc, realloc, free), 0);
	p = psm__realloc(NULL, 1);
	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free),
	    PSM_ERR_STATE);
	psm__free(p);
}
END_TEST

/* -- the buffer */

START_TEST(buffer_collects)
{
	struct psm__buf b = {0};
	char *text;
	size_t len = 99;

	psm__buf_puts(&b, "one");
	psm__buf_putc(&b, ' ');
	psm__buf_put(&b, "two\0three", 9);
	psm__buf_printf(&b, " %d %s", 4, "five");
	ck_assert_uint_eq(b.len, 20);
	ck_assert_mem_eq(b.data, "one two\0three 4 five", 21);
	psm__buf_printf(&b, "%5000d", 1);
	ck_assert_uint_eq(b.len, 5020);
	ck_assert_int_eq(b.data[5020], '\0');
	psm__buf_reset(&b);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_str_eq(b.data, "");
	psm__buf_puts(&b, "again");
	text = psm__buf_take(&b, &len);
	ck_assert_str_eq(text, "again");
	ck_assert_uint_eq(len, 5);
	ck_assert_ptr_null(b.data);
	psm_free(text);
	text = psm__buf_take(&b, &len);
	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(len, 0);
	psm_free(text);
	psm__buf_free(&b);
}
END_TEST

/* A hole in the middle of a text is worse than no text. */
START_TEST(buffer_failure_is_kept)
{
	struct psm__buf b = {0};

	psm__buf_puts(&b, "start");
	refuse_next();
	psm__buf_printf(&b, "%100d", 1);
	ck_assert_int_eq(b.failed, 1);
	psm__buf_puts(&b, "x");
	ck_assert_str_eq(b.data, "start");
	ck_assert_ptr_null(psm__buf_take(&b, NULL));
	ck_assert_int_eq(b.failed, 0);
	nothing_left();
	refuse_next();
	psm__buf_puts(&b, "x");
	ck_assert_int_eq(b.failed, 1);
	psm__buf_reset(&b);
	psm__buf_puts(&b, "y");
	ck_assert_str_eq(b.data, "y");
	psm__buf_put(&b, "z", SIZE_MAX - 1);
	ck_assert_int_eq(b.failed, 1);
	psm__buf_free(&b);
}
END_TEST

/* -- UTF-8 */

static const struct {
	const char *text;
	size_t good; /* bytes before the first wrong one */
} texts[] = {
    {"", 0},
    {"only ascii, and more than eight of it", 37},
    {"\x7f", 1},
    {"\xc2\x80", 2},
    {"\xdf\xbf", 2},
    {"\xe0\xa0\x80", 3},
    {"\xed\x9f\xbf", 3},
    {"\xee\x80\x80", 3},
    {"\xef\xbf\xbf", 3},
    {"\xf0\x90\x80\x80", 4},
    {"\xf4\x8f\xbf\xbf", 4},
    {"12345678\xc3\xa4", 10},
    {"1234567\xc3\xa4", 9},
    {"\x80", 0},
    {"\xbf", 0},
    {"\xc0\x80", 0},
    {"\xc1\xbf", 0},
    {"\xc2", 0},
    {"a\xc2\x7f", 1},
    {"\xc2\xc0", 0},
    {"\xe0\x9f\xbf", 0},
    {"\xe0\xa0", 0},
    {"\xe1\x80\x7f", 0},
    {"\xe1\x7f\x80", 0},
    {"\xed\xa0\x80", 0},
    {"\xed\xbf\xbf", 0},
    {"\xf0\x8f\xbf\xbf", 0},
    {"\xf0\x90\x80", 0},
    {"\xf1\x80\x80\x7f", 0},
    {"\xf4\x90\x80\x80", 0},
    {"\xf5\x80\x80\x80", 0},
    {"\xff", 0},
    {"12345678\xff", 8},
    {"1234567890123456\xfe"
     "8",
     16},
};

START_TEST(utf8)
{
	const char *text = texts[_i].text;

	ck_assert_uint_eq(psm__utf8_check(text, strlen(text)), texts[_i].good);
}
END_TEST

/* All code points, and all pairs and triples of bytes against their rule. */
START_TEST(utf8_completely)
{
	unsigned long good = 0;
	char t[4];

	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++)
			for (int c = 0; c < 256; c++) {
				t[0] = (char)a;
				t[1] = (char)b;
				t[2] = (char)c;
				good += psm__utf8_len(t, 3) == 3;
			}
	/* U+0800 to U+FFFF without the surrogates. */
	ck_assert_uint_eq(good, 0x10000 - 0x800 - 0x800);
	good = 0;
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 256; b++) {
			t[0] = (char)a;
			t[1] = (char)b;
			good += psm__utf8_len(t, 2) == 2;
		}
	ck_assert_uint_eq(good, 0x800 - 0x80);
	ck_assert_uint_eq(psm__utf8_len(t, 0), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("mem");
	TCase *zero = tcase_create("zero"), *mem = tcase_create("mem"),
	      *utf8_case = tcase_create("utf8");

	tcase_add_test(zero, new_memory_is_zero);
	suite_add_tcase(s, zero);
	tcase_add_checked_fixture(mem, count_memory, nothing_left);
	tcase_add_test(mem, sizes_that_overflow);
	tcase_add_test(mem, nothing_is_something);
	tcase_add_test(mem, grows);
	tcase_add_test(mem, duplicates);
	tcase_add_test(mem, the_allocator_changes_only_while_nothing_is_out);
	tcase_add_test(mem, buffer_collects);
	tcase_add_test(mem, buffer_failure_is_kept);
	suite_add_tcase(s, mem);
	tcase_add_loop_test(utf8_case, utf8, 0, (int)PSM__COUNT(texts));
	tcase_add_test(utf8_case, utf8_completely);
	tcase_set_timeout(utf8_case, 30);
	suite_add_tcase(s, utf8_case);
	return testing_run(srunner_create(s));
}
