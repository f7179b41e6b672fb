/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <psymatch/health.h>
#include <psymatch/producer.h>

#include "bus/spool.h"
#include "fake_sink.h"

#define FLUSH_MS 20000
#define TOPIC "patient-events"

static struct fake fake;
static char dir[256];

static void
set_up(void)
{
	fake_init(&fake);
	testing_tmpdir(dir, sizeof(dir));
}

static void
tear_down(void)
{
	fake_free(&fake);
	testing_remove(dir);
}

/* -- a producer, and what its callback heard -- */

#define MAX_HEARD 20000
static struct heard {
	pthread_mutex_t lock;
	int count, ok;
	int last_rc;
	char reason[128];
	char ids[MAX_HEARD][40];
} heard = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
hear(const char *event_id, int rc, const char *reason, void *user)
{
	ck_assert_ptr_eq(user, &heard);
	pthread_mutex_lock(&heard.lock);
	ck_assert_int_lt(heard.count, MAX_HEARD);
	snprintf(heard.ids[heard.count++], sizeof(heard.ids[0]), "%s",
	         event_id);
	if (rc == 0)
		heard.ok++;
	else
		heard.last_rc = rc;
	snprintf(heard.reason, sizeof(heard.reason), "%s", reason);
	pthread_mutex_unlock(&heard.lock);
}

static int
compare_ids(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Exactly once, each. */
static void
heard_once(int count)
{
	ck_assert_int_eq(heard.count, count);
	qsort(heard.ids, (size_t)count, sizeof(heard.ids[0]), compare_ids);
	for (int i = 0; i < count; i++) {
		ck_assert_uint_eq(strlen(heard.ids[i]), 36);
		if (i > 0)
			ck_assert_str_ne(heard.ids[i - 1], heard.ids[i]);
	}
}

static psm_producer *
make_with(psm_transport *t, const char *spool, const char *durability,
          const char *queue_max)
{
	psm_config *cfg = NULL;
	psm_producer *p = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", durability, NULL),
	    0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_QUEUE_MAX", queue_max, NULL), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_EVENT_MAX_BYTES", "20000", NULL), 0);
	ck_assert_int_eq(psm_producer_new(t, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_set_delivery(p, hear, &heard), 0);
	psm_config_free(cfg);
	return p;
}

static psm_producer *
start_with(const char *spool, const char *durability, const char *queue_max)
{
	psm_producer *p = make_with(&fake.base, spool, durability, queue_max);

	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	return p;
}

/* _i of a loop test: with and without a spool. */
static psm_producer *
start(int in_memory)
{
	return start_with(in_memory ? "" : dir, "os", "1000");
}

static psm_event *
event(int key, int n)
{
	psm_event *ev = NULL;
	char payload[64];
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":%d,\"n\":%d}", key + 1, n);

	ck_assert_int_eq(psm_event_new("patient.deleted", "test", payload,
	                               (size_t)len, &ev, NULL),
	                 0);
	return ev;
}

static int
try_send(psm_producer *p, int key, int n, const char *topic)
{
	psm_event *ev = event(key, n);
	int rc = psm_producer_send(p, topic, ev, NULL);

	psm_event_free(ev);
	return rc;
}

static void
send_range(psm_producer *p, int from, int to, int keys)
{
	for (int n = from; n < to; n++)
		ck_assert_int_eq(try_send(p, n % keys, n, NULL), 0);
}

static void
flush(psm_producer *p)
{
	size_t left = 99;

	ck_assert_int_eq(psm_producer_flush(p, FLUSH_MS, &left, NULL), 0);
	ck_assert_uint_eq(left, 0);
}

static void
end(psm_producer *p, int rc)
{
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL), rc);
	psm_producer_free(p);
}

/* All of 0 .. count-1 arrived once, and in order per key. */
static void
arrived(int count, int keys)
{
	int *next = calloc((size_t)keys, sizeof(*next));

	ck_assert_ptr_nonnull(next);
	ck_assert_int_eq(fake.delivered, count);
	for (int i = 0; i < count; i++) {
		int key = fake.keys[i];

		ck_assert_int_eq(fake.numbers[i], next[key] * keys + key);
		next[key]++;
	}
	free(next);
}

static int64_t
stat_of(psm_producer *p, const char *name)
{
	return psm_producer_stat(p, name);
}

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
	tcase_add_loop_test(tc, sink_full_is_waited_for, 0, 2);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	SRunner *sr = srunner_create(suite());
	int failed;

	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? 1 : 0;
}
