/* SPDX-License-Identifier: BSD-2-Clause */
/* Encrypted segments that were altered without the key, and given right
 * checksums: what was altered is reported, and nothing else comes out. */
#include "testing_spool.h"

#include "base/crc32c.h"

static uint8_t bytes[SMALL];
static size_t at[4];

static struct psm__rec *
rec(int n)
{
	return (struct psm__rec *)(void *)(bytes + at[n]);
}

static struct psm__sealed_header *
head(int copy)
{
	return (struct psm__sealed_header *)(void *)(bytes +
	                                             (size_t)copy *
	                                                 sizeof(*head(0)));
}

static void
fix(int n)
{
	rec(n)->crc = psm__rec_crc(head(0)->plain.seed, rec(n));
}

/* Four records, of which the last two have equal lengths. */
static void
make_four(void)
{
	static const int which[] = {0, 1, 90, 90};
	struct psm__spool *s;

	set_up_encrypted();
	s = open_spool();
	for (int i = 0; i < 4; i++)
		put(s, which[i], which[i] + 1);
	abandon(s);
	load(SEGMENT, bytes, sizeof(bytes));
	at[0] = PSM__SEALED_START;
	for (int i = 1; i < 4; i++)
		at[i] = at[i - 1] + psm__rec_space(rec(i - 1)->len);
	ck_assert_uint_eq(rec(2)->len, rec(3)->len);
}

/* Which of the four come; the others count as damaged. */
static unsigned
what_comes(void)
{
	static const int which[] = {0, 1, 90, 90};
	struct psm__spool *s;
	unsigned got = 0;
	int n, i = 0;

	testing_remove(path_of("stream.0"));
	ck_assert_int_eq(mkdir(path_of("stream.0"), 0700), 0);
	store(SEGMENT, bytes, sizeof(bytes));
	s = open_spool();
	while ((n = read_one(s)) >= 0) {
		for (; i < 4 && which[i] != n; i++)
			;
		ck_assert_int_lt(i, 4);
		got |= 1u << i++;
		psm__spool_release(s);
	}
	psm__spool_release(s);
	ck_assert_uint_eq(numbers(s).waiting, 0);
	ck_assert_int_eq(numbers(s).damaged, 4 - __builtin_popcount(got));
	ck_assert_int_eq(numbers(s).quarantined > 0, got != 15);
	end(s);
	return got;
}

START_TEST(untouched)
{
	ck_assert_uint_eq(what_comes(), 15);
}
END_TEST

/* Every byte of its time, of what is encrypted and of the tag, with a checksum
 * that fits. */
START_TEST(record_altered)
{
	static uint8_t copy[SMALL];
	size_t i, len = rec(1)->len;

	memcpy(copy, bytes, sizeof(copy));
	for (i = offsetof(struct psm__rec, time_us); i < len; i++) {
		if (i == offsetof(struct psm__rec, kind))
			i = sizeof(
			    struct psm__rec); /* that would be no record */
		memcpy(bytes, copy, sizeof(bytes));
		bytes[at[1] + i] ^= (uint8_t)(1u << (i % 8));
		fix(1);
		ck_assert_msg(what_comes() == 13, "byte %zu", i);
	}
}
END_TEST

/* Then the next one has the same number: one of them is a copy, it seems. */
START_TEST(number_altered)
{
	struct psm__spool *s;
	int n;

	rec(1)->seq++;
	fix(1);
	store(SEGMENT, bytes, sizeof(bytes));
	s = open_spool();
	ck_assert_int_eq(read_one(s), 0);
	while ((n = read_one(s)) >= 0)
		ck_assert_int_eq(n, 90);
	ck_assert_uint_ge(numbers(s).damaged, 1);
	ck_assert_int_gt(numbers(s).quarantined, 0);
	end(s);
}
END_TEST

START_TEST(records_swapped)
{
	uint8_t other[SMALL];
	size_t len = rec(2)->len;

	memcpy(other, rec(2), len);
	memcpy(rec(2), rec(3), len);
	memcpy(rec(3), other, len);
	/* The numbers go with the place: so nothing shows from outside. */
	rec(2)->seq = rec(1)->seq + 1;
	rec(3)->seq = rec(1)->seq + 2;
	fix(2);
	fix(3);
	ck_assert_uint_eq(what_comes(), 3);
}
END_TEST

/* With their numbers: nothing but the place is another. */
START_TEST(records_moved)
{
	uint8_t other[SMALL];
	size_t len = rec(2)->len;
	struct psm__spool *s;

	memcpy(other, rec(2), len);
	memcpy(rec(2), rec(3), len);
	memcpy(rec(3), other, len);
	store(SEGMENT, bytes, sizeof(bytes));
	s = open_spool();
	ck_assert_int_eq(read_one(s), 0);
	ck_assert_int_eq(read_one(s), 1);
	ck_assert_int_eq(read_one(s), -1);
	ck_assert_uint_ge(numbers(s).damaged, 1);
	end(s);
}
END_TEST

START_TEST(record_repeated_in_another_place)
{
	memcpy(rec(3), rec(2), rec(2)->len);
	rec(3)->seq++;
	fix(3);
	ck_assert_uint_eq(what_comes(), 7);
}
END_TEST

START_TEST(record_of_another_segment)
{
	uint8_t other[SMALL];
	struct psm__spool *s;

	/* The same events, the same places, the same key of the operator's. */
	memcpy(other, bytes, sizeof(other));
	testing_remove(dir);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	s = open_spool();
	put(s, 0, 2);
	put(s, 90, 91);
	put(s, 90, 91);
	abandon(s);
	load(SEGMENT, bytes, sizeof(bytes));
	memcpy(rec(1), other + at[1], rec(1)->len);
	fix(1);
	ck_assert_uint_eq(what_comes(), 13);
}
END_TEST

/* A hole that was written without the key hides no records. */
START_TEST(hole_forged)
{
	size_t len = rec(1)->len;

	memset(rec(1), 0, len);
	rec(1)->len = (uint32_t)len;
	rec(1)->seq = rec(0)->seq + 1;
	rec(1)->kind = PSM__REC_HOLE;
	rec(1)->value_len =
	    (uint32_t)(len - PSM__REC_HEADER - 1 - (_i ? PSM__SEAL_TAG : 0));
	fix(1);
	ck_assert_uint_eq(what_comes(), 13);
}
END_TEST

/* A record in the clear among the encrypted ones is none. */
START_TEST(record_forged)
{
	char *p = (char *)(rec(1) + 1);
	size_t len = rec(1)->len;

	memset(rec(1), 0, len);
	rec(1)->len = (uint32_t)len;
	rec(1)->seq = rec(0)->seq + 1;
	rec(1)->time_us = 1;
	rec(1)->kind = PSM__REC_NO_KEY;
	rec(1)->topic_len = 7;
	memcpy(p, "a-topic", 8);
	rec(1)->value_len = (uint32_t)(len - PSM__REC_HEADER - 8);
	memset(p + 8, '{', rec(1)->value_len);
	fix(1);
	ck_assert_uint_eq(what_comes(), 13);
}
END_TEST

static void
fix_heads(void)
{
	for (int i = 0; i < 2; i++)
		head(i)->crc = psm__crc32c(
		    0, head(i), offsetof(struct psm__sealed_header, crc));
}

/* Then no part of it is valid, so the file is moved to the quarantine. */
START_TEST(header_altered)
{
	static const size_t fields[] = {
	    offsetof(struct psm__segment_header, uuid),
	    offsetof(struct psm__segment_header, first_seq),
	    offsetof(struct psm__segment_header, number),
	    offsetof(struct psm__segment_header, created_us),
	    offsetof(struct psm__segment_header, crc),
	    offsetof(struct psm__sealed_header, salt),
	    offsetof(struct psm__sealed_header, tag),
	};
	struct psm__spool *s;

	bytes[fields[_i]] ^= 4;
	bytes[fields[_i] + sizeof(*head(0))] ^= 4;
	fix_heads();
	store(SEGMENT, bytes, sizeof(bytes));
	s = open_spool();
	ck_assert_int_eq(read_one(s), -1);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".pms"), 1);
	ck_assert_uint_ge(numbers(s).damaged, 4);
	end(s);
}
END_TEST

/* One copy of the header is altered: the other one will do. */
START_TEST(one_header_altered)
{
	head(_i)->key_id[0] ^= 1;
	head(_i)->salt[3] ^= 1;
	fix_heads();
	ck_assert_uint_eq(what_comes(), 15);
}
END_TEST

/* Damage with a copy in the quarantine is not counted again. */
START_TEST(altered_is_met_once)
{
	struct psm__spool *s;

	bytes[at[1] + 60] ^= 1;
	fix(1);
	ck_assert_int_eq(unlink(path_of("stream.0/cursor")), 0);
	store(SEGMENT, bytes, sizeof(bytes));
	for (int round = 0; round < 2; round++) {
		s = open_spool();
		ck_assert_int_eq(read_one(s), 0);
		ck_assert_int_eq(read_one(s), 90);
		ck_assert_int_eq(read_one(s), 90);
		ck_assert_int_eq(read_one(s), -1);
		ck_assert_uint_eq(numbers(s).damaged, round == 0);
		abandon(s);
	}
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool altered");
	TCase *tc = tcase_create("altered");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, make_four, tear_down);
	tcase_add_test(tc, untouched);
	tcase_add_test(tc, record_altered);
	tcase_add_test(tc, number_altered);
	tcase_add_test(tc, records_swapped);
	tcase_add_test(tc, records_moved);
	tcase_add_test(tc, record_repeated_in_another_place);
	tcase_add_test(tc, record_of_another_segment);
	tcase_add_loop_test(tc, hole_forged, 0, 2);
	tcase_add_test(tc, record_forged);
	tcase_add_loop_test(tc, header_altered, 0, 7);
	tcase_add_loop_test(tc, one_header_altered, 0, 2);
	tcase_add_test(tc, altered_is_met_once);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
