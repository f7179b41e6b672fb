/* SPDX-License-Identifier: BSD-2-Clause */
/* The producer while it sends: order, outages, refusals, fatal errors. */
#include "testing_producer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <psymatch/health.h>

/* -- the plain way -- */

START_TEST(sends_in_order)
{
	psm_producer *p = start(_i);

	send_range(p, 0, 500, 7);
	flush(p);
	arrived(500, 7);
	ck_assert_int_eq(stat_of(p, "accepted"), 500);
	ck_assert_int_eq(stat_of(p, "sent"), 500);
	ck_assert_int_eq(stat_of(p, "queued"), 0);
	ck_assert_int_eq(stat_of(p, "spooled"), 0);
	ck_assert_int_eq(stat_of(p, "failed"), 0);
	ck_assert_int_eq(stat_of(p, "no such"), -1);
	end(p, 0);
	heard_once(500);
	ck_assert_int_eq(heard.ok, 500);
}
END_TEST

START_TEST(every_durability)
{
	static const char *const words[] = {"disk", "interval", "os"};
	psm_producer *p = start_with(dir, words[_i], "1000");

	send_range(p, 0, 100, 5);
	flush(p);
	arrived(100, 5);
	end(p, 0);
	heard_once(100);
}
END_TEST

/* Old: events sent during a drain overtook the queue. */
START_TEST(outages_keep_the_order)
{
	psm_producer *p = start(_i);
	int n = 0;

	for (int round = 0; round < 20; round++) {
		fake_set_down(&fake, 1);
		send_range(p, n, n + 21, 3);
		n += 21;
		fake_set_down(&fake, 0);
		send_range(p, n, n + 21, 3);
		n += 21;
	}
	flush(p);
	arrived(n, 3);
	ck_assert_int_eq(fake.opened, 1);
	end(p, 0);
	heard_once(n);
}
END_TEST

/* Old: the rest of the batch was lost when one failed. Here whatever is in
 * flight behind the failing one fails with it. */
START_TEST(kth_fails_and_nothing_is_lost)
{
	psm_producer *p;

	fake.down = 1;
	fake.rules[0] =
	    (struct fake_rule){FAKE_BURST, 1 + _i % 10, PSM_ERR_RETRY};
	p = start(_i >= 10);
	send_range(p, 0, 10, 1);
	fake_set_down(&fake, 0);
	flush(p);
	arrived(10, 1);
	end(p, 0);
	heard_once(10);
	ck_assert_int_eq(heard.ok, 10);
}
END_TEST

START_TEST(fatal_error_opens_another_client)
{
	psm_producer *p;

	/* 200 tries by the first client, 196 by the second. */
	fake.rules[0] = (struct fake_rule){FAKE_DIE, 5, 0};
	fake.rules[1] = (struct fake_rule){FAKE_DIE, 240, 0};
	fake.rules[2] = (struct fake_rule){FAKE_DIE, 400, 0};
	fake.down = 1;
	p = start(_i);
	send_range(p, 0, 200, 4);
	ck_assert_int_eq(fake_wait_sends(&fake, 200), 0);
	fake_set_down(&fake, 0);
	flush(p);
	arrived(200, 4);
	ck_assert_int_eq(fake.opened, 4);
	ck_assert_int_eq(fake.most_live, 1);
	ck_assert_int_eq(stat_of(p, "restarts"), 3);
	end(p, 0);
	heard_once(200);
}
END_TEST

START_TEST(refused_for_good_does_not_block)
{
	psm_producer *p;
	char path[512];
	struct stat st;

	fake.rules[0] = (struct fake_rule){FAKE_REPORT, 3, PSM_ERR_TOO_LARGE};
	fake.rules[1] = (struct fake_rule){FAKE_REFUSE, 5, PSM_ERR_INVAL};
	p = start(_i);
	send_range(p, 0, 20, 1);
	flush(p);
	ck_assert_int_eq(fake.delivered, 18);
	ck_assert_int_eq(stat_of(p, "failed"), 2);
	ck_assert_int_eq(stat_of(p, "sent"), 18);
	if (!_i) {
		ck_assert_int_gt(stat_of(p, "quarantined_bytes"), 200);
		snprintf(path, sizeof(path),
		         "%s/stream.0/quarantine/%016x.rejected", dir, 5);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_int_eq(st.st_mode & 0777, 0600);
	}
	end(p, 0);
	heard_once(20);
	ck_assert_int_eq(heard.ok, 18);
}
END_TEST

/* An event that cannot be copied to the quarantine is not given up: it
 * waits, with its topic, until there is room. */
START_TEST(refused_without_quarantine_waits)
{
	psm_producer *p;
	char path[512], reason[200];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/stream.0", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/stream.0/quarantine", dir);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/stream.0/quarantine/old", dir);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	fake.bad_rc = PSM_ERR_TOO_LARGE;
	fake_set_bad_topic(&fake, "too.narrow");
	p = start(0);
	for (int n = 0; n < 20; n++)
		ck_assert_int_eq(
		    try_send(p, n % 2, n, n % 2 ? "too.narrow" : NULL), 0);
	ck_assert_int_eq(fake_wait(&fake, 10), 0);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_RED);
	ck_assert_ptr_nonnull(strstr(reason, "quarantine"));
	ck_assert_int_eq(stat_of(p, "failed"), 0);
	ck_assert_int_eq(unlink(path), 0);
	flush(p);
	ck_assert_int_eq(stat_of(p, "failed"), 10);
	ck_assert_int_eq(stat_of(p, "sent"), 10);
	ck_assert_int_lt(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_RED);
	end(p, 0);
	heard_once(20);
}
END_TEST

START_TEST(sink_full_is_waited_for)
{
	psm_producer *p;

	fake.queue_max = 10;
	p = start(_i);
	send_range(p, 0, 500, 3);
	flush(p);
	arrived(500, 3);
	end(p, 0);
}
END_TEST

/* -- topics that the broker does not take -- */

/* Others go on; when it is taken again, its own come in order. */
START_TEST(missing_topic_stops_nobody_else)
{
	psm_producer *p = start(_i);
	char reason[200];
	int last = -1;

	fake_set_bad_topic(&fake, "not.there");
	for (int n = 0; n < 100; n++)
		ck_assert_int_eq(
		    try_send(p, n % 2, n, n % 2 ? "not.there" : NULL), 0);
	ck_assert_int_eq(fake_wait(&fake, 50), 0);
	ck_assert_int_eq(psm_producer_health(p, reason, sizeof(reason)),
	                 PSM_HEALTH_AMBER);
	fake_set_bad_topic(&fake, NULL);
	flush(p);
	ck_assert_int_eq(fake.delivered, 100);
	for (int i = 50; i < 100; i++) {
		ck_assert_int_eq(fake.keys[i], 1);
		ck_assert_int_gt(fake.numbers[i], last);
		last = fake.numbers[i];
	}
	ck_assert_int_eq(fake.opened, 1);
	end(p, 0);
	heard_once(100);
	ck_assert_int_eq(heard.ok, 100);
}
END_TEST

/* It fails now and then, while new events of it come in. */
START_TEST(topic_on_and_off)
{
	psm_producer *p = start(_i);
	int n = 0;

	for (int round = 0; round < 6; round++) {
		fake_set_bad_topic(&fake, round % 2 ? NULL : TOPIC);
		send_range(p, n, n + 40, 3);
		n += 40;
	}
	fake_set_bad_topic(&fake, NULL);
	flush(p);
	arrived(n, 3);
	end(p, 0);
	heard_once(n);
}
END_TEST

/* While the outcome of others is open, nobody knows which one is the first that
 * has to come again. */
START_TEST(nothing_again_before_all_is_known)
{
	psm_producer *p;

	fake.down = 1;
	fake.rules[0] = (struct fake_rule){FAKE_STALL, 1, PSM_ERR_RETRY};
	p = start(_i);
	send_range(p, 0, 10, 1);
	ck_assert_int_eq(fake_wait_sends(&fake, 10), 0);
	fake_set_down(&fake, 0);
	fake_pass_ms(&fake, 400); /* the topic is held for at most 125 ms */
	pthread_mutex_lock(&fake.lock);
	ck_assert_int_eq(fake.sends, 10);
	pthread_mutex_unlock(&fake.lock);
	fake_set_down(&fake, 0);
	flush(p);
	ck_assert_int_eq(fake.delivered, 10);
	end(p, 0);
	heard_once(10);
}
END_TEST

START_TEST(probe_refused_for_good)
{
	psm_producer *p;

	fake.down = 1;
	fake.rules[0] = (struct fake_rule){FAKE_BURST, 1, PSM_ERR_RETRY};
	fake.rules[1] = (struct fake_rule){FAKE_REPORT, 11, PSM_ERR_TOO_LARGE};
	p = start(_i);
	send_range(p, 0, 10, 1);
	ck_assert_int_eq(fake_wait_sends(&fake, 10), 0);
	fake_set_down(&fake, 0);
	flush(p);
	ck_assert_int_eq(fake.delivered, 9);
	ck_assert_int_eq(fake.numbers[0], 1);
	ck_assert_int_eq(fake.numbers[8], 9);
	end(p, 0);
	heard_once(10);
}
END_TEST

START_TEST(send_says_retry)
{
	psm_producer *p;

	fake.rules[0] = (struct fake_rule){FAKE_REFUSE, 1, PSM_ERR_RETRY};
	fake.rules[1] = (struct fake_rule){FAKE_REFUSE, 2, PSM_ERR_NOMEM};
	fake.rules[2] = (struct fake_rule){FAKE_REFUSE, 4, PSM_ERR_RETRY};
	p = start(_i);
	send_range(p, 0, 30, 2);
	flush(p);
	arrived(30, 2);
	end(p, 0);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("producer");
	TCase *tc = tcase_create("sending");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, sends_in_order, 0, 2);
	tcase_add_loop_test(tc, every_durability, 0, 3);
	tcase_add_loop_test(tc, outages_keep_the_order, 0, 2);
	tcase_add_loop_test(tc, kth_fails_and_nothing_is_lost, 0, 20);
	tcase_add_loop_test(tc, fatal_error_opens_another_client, 0, 2);
	tcase_add_loop_test(tc, refused_for_good_does_not_block, 0, 2);
	tcase_add_test(tc, refused_without_quarantine_waits);
	tcase_add_loop_test(tc, sink_full_is_waited_for, 0, 2);
	tcase_add_loop_test(tc, missing_topic_stops_nobody_else, 0, 2);
	tcase_add_loop_test(tc, topic_on_and_off, 0, 2);
	tcase_add_loop_test(tc, nothing_again_before_all_is_known, 0, 2);
	tcase_add_loop_test(tc, probe_refused_for_good, 0, 2);
	tcase_add_loop_test(tc, send_says_retry, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
