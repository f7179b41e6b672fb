/* SPDX-License-Identifier: BSD-2-Clause */
#include <check.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "transport/murmur2.h"
#include "testing.h"

/* What org.apache.kafka.common.utils.Utils.murmur2() returns. */
static const struct {
	const char *key;
	int32_t hash;
} java[] = {
    {"21", -973932308},
    {"foobar", -790332482},
    {"a-little-bit-long-string", -985981536},
    {"a-little-bit-longer-string", -1486304829},
    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
    {"abc", 479470107},
};

START_TEST(hash_is_javas)
{
	ck_assert_int_eq(
	    (int32_t)psm__murmur2(java[_i].key, strlen(java[_i].key)),
	    java[_i].hash);
}
END_TEST

/* librdkafka's own murmur2 partitioner needs no client to be asked. */
START_TEST(partition_is_librdkafkas)
{
	static const int counts[] = {1, 2, 3, 7, 12, 64};
	char key[32];
	size_t c;
	int i;

	for (i = 0; i < 5000; i++) {
		int len =
		    snprintf(key, sizeof(key), i % 2 ? "%d" : "key-%d", i);

		for (c = 0; c < PSM__COUNT(counts); c++)
			ck_assert_int_eq(
			    psm__partition_of(key, (size_t)len, counts[c]),
			    rd_kafka_msg_partitioner_murmur2(
				NULL, key, (size_t)len, counts[c], NULL, NULL));
	}
	ck_assert_int_eq(
	    psm__partition_of("", 0, 3),
	    rd_kafka_msg_partitioner_murmur2(NULL, "", 0, 3, NULL, NULL));
}
END_TEST

/* Where the platform's producers put the first ids of a topic with 3
 * partitions: fixed here, so that no change can move a key. */
START_TEST(partitions_of_ids_are_fixed)
{
	static const int want[] = {0, 2, 2, 1, 0, 1, 0, 0, 2, 1, 0, 1};
	char key[16];
	int i;

	for (i = 0; i < (int)PSM__COUNT(want); i++) {
		int len = snprintf(key, sizeof(key), "%d", i + 1);

		ck_assert_msg(psm__partition_of(key, (size_t)len, 3) == want[i],
		              "id %d is in %d", i + 1,
		              psm__partition_of(key, (size_t)len, 3));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("murmur2");
	TCase *tc = tcase_create("murmur2");

	tcase_add_loop_test(tc, hash_is_javas, 0, PSM__COUNT(java));
	tcase_add_test(tc, partition_is_librdkafkas);
	tcase_add_test(tc, partitions_of_ids_are_fixed);
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
