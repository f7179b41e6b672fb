/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts of people: what is stored, and what is the same. */
#include "base/base.h"
#include "testing.h"

/* Text, how it is stored, what it is compared by. */
static const char *const texts[][3] = {
    {"", "", ""},
    {"Anna", "Anna", "anna"},
    {"  Anna\t Maria ", "Anna\t Maria", "anna maria"},
    {" \r\n ", "", ""},
    {"Mu\u0308ller", "M\u00fcller", "m\u00fcller"},
    {"M\u00dcLLER", "M\u00dcLLER", "m\u00fcller"},
    {"\u00a0\ufeffM\u00fc\u2003\u3000X\u200b", "M\u00fc\u2003\u3000X",
     "m\u00fc x"},
    {"Gro\u00df", "Gro\u00df", "gross"},
    {"Gro\u1e9e", "Gro\u1e9e", "gross"},
    {"A\u030a\u0323", "\u1ea0\u030a", "\u1ea1\u030a"},
    {"\u212bngstr\u00f6m", "\u00c5ngstr\u00f6m", "\u00e5ngstr\u00f6m"},
    {"Ma\u00adrie", "Ma\u00adrie", "marie"},
    {"\U0001f600 X", "\U0001f600 X", "\U0001f600 x"},
    /* No UTF-8: left alone. */
    {"a\xff", "a\xff", "a\xff"},
};

START_TEST(tidy_and_fold)
{
	const char *const *t = texts[_i];
	char *tidy = psm__text_tidy(t[0]), *fold = psm__text_fold(t[0]);
	char *again = psm__text_tidy(tidy), *same = psm__text_fold(tidy);

	ck_assert_str_eq(tidy, t[1]);
	ck_assert_str_eq(fold, t[2]);
	/* Twice is the same as once, and what is stored is found. */
	ck_assert_str_eq(again, tidy);
	ck_assert_str_eq(same, fold);
	psm__free(tidy);
	psm__free(fold);
	psm__free(again);
	psm__free(same);
}
END_TEST

START_TEST(blanks_and_lines)
{
	static const char *const blanks[] = {"", " \t\r\n\v\f", "\u00a0",
	                                     "\u2028 \u3000", "\u200b\ufeff"};
	static const char *const broken[] = {"a\nb", "a\r",      "\x01",
	                                     "\x7f", "\xc2\x85", "a\u2028",
	                                     "\t",   "\u2029",   "\xc2\x9f"};

	for (size_t i = 0; i < PSM__COUNT(blanks); i++)
		ck_assert_int_eq(psm__text_is_blank(blanks[i]), 1);
	ck_assert_int_eq(psm__text_is_blank(NULL), 1);
	ck_assert_int_eq(psm__text_is_blank("\u00a0x"), 0);
	ck_assert_int_eq(psm__text_is_blank("\xff"), 0);
	for (size_t i = 0; i < PSM__COUNT(broken); i++)
		ck_assert_msg(!psm__text_is_line(broken[i]), "%zu", i);
	ck_assert_int_eq(psm__text_is_line("M\u00fcller \u00a0x"), 1);
}
END_TEST

START_TEST(words)
{
	char big[600];

	ck_assert_int_eq(psm__text_same_word("m\u00e4nnlich", "ma\u0308nnlich"),
	                 1);
	ck_assert_int_eq(psm__text_same_word("m\u00e4nnlich", "mannlich"), 0);
	ck_assert_int_eq(psm__text_same_word("m\u00e4nnlich", "M\u00e4nnlich"),
	                 0);
	ck_assert_int_eq(psm__text_same_word("\u00e4", "\u00e4 "), 0);
	ck_assert_int_eq(psm__text_same_word("\u00e4", "\xff"), 0);
	/* Longer than any word: no memory is written beyond. */
	for (size_t i = 0; i + 2 < sizeof(big); i += 2)
		memcpy(big + i, "\u00e4", 3);
	ck_assert_int_eq(psm__text_same_word("\u00e4", big), 0);
	ck_assert_int_eq(psm__text_same_word(big, big), 1);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("unicode");
	TCase *t = tcase_create("texts");

	tcase_add_loop_test(t, tidy_and_fold, 0, (int)PSM__COUNT(texts));
	tcase_add_test(t, blanks_and_lines);
	tcase_add_test(t, words);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
