/* SPDX-License-Identifier: BSD-2-Clause */
/* How much of Kafka is read ahead, and that reading goes on with little. */
#include <dlfcn.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "transport/murmur2.h"
#include "transport/transport.h"
#include "mock.h"
#include "testing.h"

#define TOPIC "ahead"
#define PARTITIONS 8
#define VALUE 16384
/* The mock keeps 5 MiB of a partition. */
#define PER_PARTITION 240
#define LIMIT 1048576
#define PATIENCE_MS 30000

static struct mock mock;
static psm_transport *t;
static int reported;
static int woken; /* times that threads of librdkafka were */
static int count_of[PARTITIONS];
static char *value;

static void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	(void)token;
	(void)reason;
	(void)user;
	ck_assert_int_eq(rc, 0);
	reported++;
}

/* PER_PARTITION messages for each of about PARTITIONS keys. */
static void
fill(void)
{
	struct psm__sink *s = NULL;
	char key[16];
	int i;

	ck_assert_int_eq(t->ops->open_sink(t, on_report, NULL, &s, NULL), 0);
	for (i = 0; i < PARTITIONS * PER_PARTITION; i++) {
		struct psm__message m = {
		    .topic = TOPIC, .value = value, .value_len = VALUE};

		snprintf(key, sizeof(key), "%d", i % 64);
		m.key = key;
		m.key_len = strlen(key);
		count_of[psm__partition_of(key, m.key_len, PARTITIONS)]++;
		while (s->ops->send(s, &m, NULL) == PSM_ERR_FULL)
			ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
	}
	while (reported < PARTITIONS * PER_PARTITION)
		ck_assert_int_ge(s->ops->poll(s, 100, NULL), 0);
	s->ops->close(s, 1000);
}

static void
setup(void)
{
	static const char *const settings[] = {"PSYMATCH_PREFETCH_MAX_BYTES",
	                                       "1048576", NULL};

	value = psm__alloc(VALUE);
	ck_assert_ptr_nonnull(value);
	memset(value, 'x', VALUE);
	reported = woken = 0;
	memset(count_of, 0, sizeof(count_of));
	mock_open(&mock, TOPIC, PARTITIONS);
	t = mock_transport(&mock, settings);
	fill();
}

static void
teardown(void)
{
	psm_transport_unref(t);
	mock_close(&mock);
	psm__free(value);
}

static struct psm__source *
open_source(void)
{
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = "ahead", .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;

	ck_assert_int_eq(t->ops->open_source(t, &conf, &s, NULL), 0);
	return s;
}

/* In order per partition, each once. */
static int64_t next_of[PARTITIONS];

static void
take(struct psm__source *s, struct psm__record *rec)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	while (s->ops->poll(s, 100, rec, NULL) != 1)
		ck_assert_int_lt(psm__mono_ms(), deadline);
	ck_assert_int_eq(rec->offset, next_of[rec->partition]++);
}

/* Bytes of the heap in use, the broker's among them. */
static long
used(void)
{
	struct mallinfo2 info = mallinfo2();

	return (long)(info.uordblks + info.hblkhd);
}

/* All partitions are full, and together they hold thirty times the limit.
 * Answers of the broker come on top of it, and its memory is ours. */
START_TEST(limit_is_that_of_all_partitions)
{
	struct psm__source *s = open_source();
	struct psm__record rec;
	long before = used();
	int i;

	take(s, &rec);
	s->ops->release(s, &rec);
	for (i = 0; i < 20; i++) {
		(void)poll(NULL, 0, 50); /* time to read too much */
		ck_assert_int_lt(used() - before,
		                 PARTITIONS * PER_PARTITION * VALUE / 2);
	}
	s->ops->close(s, 1000);
}
END_TEST

/* What wakes the threads of librdkafka stands in front of its own. */

rd_kafka_error_t *
rd_kafka_sasl_set_credentials(rd_kafka_t *rk, const char *user,
                              const char *password)
{
	rd_kafka_error_t *(*real)(rd_kafka_t *, const char *, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "rd_kafka_sasl_set_credentials");
	woken++;
	return real(rk, user, password);
}

/* A thread that sleeps for a second whenever the queue was full is woken
 * several times in each queue's worth; from 2.2 on it looks by itself. */
START_TEST(full_queue_is_no_pause)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	struct psm__source *s = open_source();
	struct psm__record rec;
	int i;

	memset(next_of, 0, sizeof(next_of));
	for (i = 0; i < PARTITIONS * PER_PARTITION; i++) {
		take(s, &rec);
		s->ops->release(s, &rec);
		ck_assert_int_lt(psm__mono_ms(), deadline);
	}
	s->ops->close(s, 1000);
	if (rd_kafka_version() < 0x02020000)
		ck_assert_int_gt(woken, PARTITIONS * PER_PARTITION /
		                            (LIMIT / 2 / VALUE) * 4);
}
END_TEST

/* The partition of the first record is held, with more behind it than may be
 * kept: all others are read to their ends, then its own goes on with the next
 * one. */
START_TEST(held_partition_lets_the_others_go_on)
{
	struct psm__source *s = open_source();
	struct psm__record rec;
	int32_t held;
	int i, left = PARTITIONS * PER_PARTITION;

	memset(next_of, 0, sizeof(next_of));
	take(s, &rec);
	held = rec.partition;
	ck_assert_int_eq(s->ops->pause(s, rec.topic, held, 3600 * 1000, NULL),
	                 0);
	s->ops->release(s, &rec);
	left -= count_of[held];
	for (i = 0; i < left; i++) {
		take(s, &rec);
		ck_assert_int_ne(rec.partition, held);
		s->ops->release(s, &rec);
	}
	ck_assert_int_eq(s->ops->poll(s, 0, &rec, NULL), 0);
	ck_assert_int_eq(s->ops->pause(s, TOPIC, held, 0, NULL), 0);
	while (next_of[held] < count_of[held]) {
		take(s, &rec);
		ck_assert_int_eq(rec.partition, held);
		s->ops->release(s, &rec);
	}
	s->ops->close(s, 1000);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("prefetch");
	TCase *tc = tcase_create("prefetch");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, limit_is_that_of_all_partitions);
	tcase_add_test(tc, full_queue_is_no_pause);
	tcase_add_test(tc, held_partition_lets_the_others_go_on);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
