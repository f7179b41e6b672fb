/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of suite_producer.c about limits: room, time, disks, descriptors,
 * partitions, memory. */
#include "testing_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "transport/murmur2.h"
#include "spool/spool.h"

/* _i: with a limit of the spool in bytes, and of the memory in events. */
START_TEST(p08_full_is_said_and_memory_stays_flat)
{
	static const char *const limits[][3] = {
	    {"PSYMATCH_SPOOL_MAX_BYTES", "16777216", NULL},
	    {"PSYMATCH_QUEUE_MAX", "500", NULL}};
	psm_producer *p;
	int n = 0, pad = _i ? 1 : 15000;
	long live;

	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	transport = rig->open();
	rig->set_down(transport, 1);
	p = start_on(transport, _i ? "none" : dir, limits[_i]);
	while (n < MAX_EVENTS && send_long(p, n % 5, n, pad) == 0)
		n++;
	ck_assert_int_ge(n, 500);
	ck_assert_int_lt(n, MAX_EVENTS);
	live = atomic_load(&testing_memory.live);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(send_long(p, 0, n, pad), PSM_ERR_FULL);
	/* The transport may be at work meanwhile. */
	ck_assert_int_le(atomic_load(&testing_memory.live), live + n + 100);
	ck_assert_int_eq(psm_producer_stat(p, "accepted"), n);
	ck_assert_int_eq(psm_producer_stat(p, "queued"), n);
	rig->set_down(transport, 0);
	flush(p);
	send_range(p, n, n + 10, 5);
	end(p);
	heard_each_once(n + 10);
	arrived(n + 10);
}
END_TEST

static int
compare_times(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Best of three, because other programs run as well. */
START_TEST(p09_send_never_waits_for_the_broker)
{
	enum { COUNT = 1000 };
	static int64_t times[COUNT];
	psm_producer *p = start();
	int64_t best = INT64_MAX; /* of 9 in 10: busy machines stop a few */

	send_range(p, 0, 10, 1);
	flush(p);
	rig->set_down(transport, 1);
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < COUNT; i++) {
			int64_t from = psm__mono_us();

			ck_assert_int_eq(try_send(p, i % 7, i), 0);
			times[i] = psm__mono_us() - from;
		}
		qsort(times, COUNT, sizeof(*times), compare_times);
		if (times[COUNT * 9 / 10] < best)
			best = times[COUNT * 9 / 10];
	}
	ck_assert_msg(best < 5000, "p90 of send: %lld us", (long long)best);
	rig->set_down(transport, 0);
	flush(p);
	end(p);
	rig->close(transport);
}
END_TEST

static psm_receipt *
send_followed(psm_producer *p, int n)
{
	char payload[64];
	psm_receipt *r = NULL;
	psm_event *ev = NULL;
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":1,\"n\":%d}", n);

	ck_assert_int_eq(psm_event_new("patient.deleted", "test", payload,
	                               (size_t)len, &ev, NULL),
	                 0);
	ck_assert_int_eq(psm_producer_send_receipt(p, TOPIC, ev, &r, NULL), 0);
	psm_event_free(ev);
	return r;
}

/* What is in memory only is failed when the producer ends, and so is what the
 * broker refuses. Without an event there is no receipt. */
static void
check_given_up(const char *const *settings)
{
	psm_receipt *r, *none = (psm_receipt *)&r;
	psm_error *err = psm_error_new();
	psm_producer *p;

	rig->set_down(transport, 1);
	p = start_on(transport, "none", settings);
	ck_assert_int_eq(psm_producer_send_receipt(p, NULL, NULL, &none, NULL),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(none);
	r = send_followed(p, 0);
	psm_producer_free(p);
	ck_assert_int_eq(psm_receipt_wait(r, 0, err), PSM_ERR_CLOSED);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "closed before delivery"));
	ck_assert_int_eq(psm_receipt_state(r), PSM_DELIVERY_FAILED);
	ck_assert_str_eq(psm_delivery_state_name(psm_receipt_state(r)),
	                 "failed");
	ck_assert_ptr_null(psm_delivery_state_name(0));
	ck_assert_int_eq(psm_receipt_state(NULL), PSM_ERR_INVAL);
	psm_receipt_free(r);
	psm_receipt_free(NULL);
	rig->set_down(transport, 0);
	psm_error_free(err);
}

/* Each answer is its own: durable, in memory only, refused and why. */
START_TEST(p10_every_outcome_has_its_own_answer)
{
	static const char *const few[] = {"PSYMATCH_QUEUE_MAX", "20",
	                                  "PSYMATCH_EVENT_MAX_BYTES", "2000",
	                                  NULL};
	psm_receipt *receipt;
	psm_producer *p;
	size_t left = 0;
	int n = 0;

	transport = rig->open();
	rig->set_down(transport, 1);
	p = start_on(transport, dir, few);
	send_range(p, 0, 9, 1);
	receipt = send_followed(p, 9);
	ck_assert_int_eq(psm_receipt_state(receipt), PSM_DELIVERY_SPOOLED);
	ck_assert_int_eq(psm_receipt_wait(receipt, 0, NULL), PSM_ERR_TIMEOUT);
	ck_assert_int_eq(psm_producer_stat(p, "queued"), 10);
	ck_assert_int_eq(psm_producer_stat(p, "spooled"), 10);
	ck_assert_int_eq(psm_producer_close(p, 0, &left, NULL), 0);
	ck_assert_uint_eq(left, 10);
	ck_assert_int_eq(heard.closed, 10);
	ck_assert_int_eq(try_send(p, 0, 11), PSM_ERR_STATE);
	ck_assert_int_eq(psm_producer_stat(p, "left_spool"), 10);
	ck_assert_int_eq(psm_producer_stat(p, "left_memory"), 0);
	psm_producer_free(p);
	ck_assert_int_eq(psm_receipt_wait(receipt, 0, NULL), PSM_ERR_CLOSED);
	ck_assert_int_eq(psm_receipt_state(receipt), PSM_DELIVERY_SPOOLED);
	psm_receipt_free(receipt);

	p = start_on(transport, "none", few);
	receipt = send_followed(p, n++);
	while (n < 100 && try_send(p, 0, n) == 0)
		n++;
	ck_assert_int_eq(n, 20);
	ck_assert_int_eq(psm_receipt_state(receipt), PSM_DELIVERY_QUEUED);
	ck_assert_int_eq(psm_producer_flush(p, 10, &left, NULL),
	                 PSM_ERR_TIMEOUT);
	ck_assert_int_eq(psm_producer_stat(p, "left_memory"), 20);
	ck_assert_int_eq(psm_producer_stat(p, "left_spool"), 0);
	ck_assert_int_eq(try_send(p, 0, n), PSM_ERR_FULL);
	ck_assert_int_eq(psm_producer_stat(p, "queued"), 20);
	ck_assert_int_eq(psm_producer_stat(p, "spooled"), 0);
	rig->set_down(transport, 0);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 20);
	ck_assert_int_eq(psm_receipt_wait(receipt, PATIENCE_MS, NULL), 0);
	ck_assert_int_eq(psm_receipt_state(receipt), PSM_DELIVERY_SENT);
	psm_receipt_free(receipt);
	end(p);
	heard_each_once(30);
	check_given_up(few);
	rig->close(transport);
}
END_TEST

/* -- p14: what a power cut would leave -- */

static struct psm__file_ops real_ops;
static char image[256];

static void
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);

		must(n > 0);
		bytes += n;
		len -= (size_t)n;
	}
}

/* Only what was synced is in the image. */
static int
keep_synced(int fd)
{
	static char bytes[1 << 16];
	char link[64], from[512] = "", to[1024];
	const char *below;
	off_t at = 0;
	ssize_t n;
	int out, rc = real_ops.datasync(fd);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	must(readlink(link, from, sizeof(from) - 1) > 0);
	below = strstr(from, "/stream.");
	must(below != NULL);
	snprintf(to, sizeof(to), "%s%s", image, below);
	out = open(to, O_CREAT | O_WRONLY | O_TRUNC, 0600);
	must(out >= 0);
	for (; (n = pread(fd, bytes, sizeof(bytes), at)) > 0; at += n)
		write_all(out, bytes, (size_t)n);
	close(out);
	return rc;
}

static int
sync_fails(int fd)
{
	(void)fd;
	errno = EIO;
	return -1;
}

START_TEST(p14_accepted_means_on_disk)
{
	static const char *const on_disk[] = {"PSYMATCH_SPOOL_DURABILITY",
	                                      "disk", NULL};
	psm_producer *p;
	char path[300];

	testing_tmpdir(image, sizeof(image));
	snprintf(path, sizeof(path), "%s/stream.0", image);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	real_ops = psm__file_ops;
	psm__file_ops.datasync = keep_synced;
	transport = rig->open();
	rig->set_down(transport, 1);
	p = start_on(transport, dir, on_disk);
	send_range(p, 0, 20, 3);
	/* A disk that fails: the caller hears it, and nothing is accepted. */
	psm__file_ops.datasync = sync_fails;
	ck_assert_int_eq(try_send(p, 0, 21), PSM_ERR_IO);
	ck_assert_int_eq(psm_producer_stat(p, "accepted"), 20);
	ck_assert_int_eq(psm_producer_close(p, 0, NULL, NULL), 0);
	psm_producer_free(p);
	psm__file_ops = real_ops;
	heard_each_once(20);
	heard.count = 0;

	rig->set_down(transport, 0);
	p = start_on(transport, image, on_disk);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 20);
	end(p);
	heard_each_once(20);
	testing_remove(image);
	arrived(20);
}
END_TEST

/* -- p15 -- */

static int
count_in(const char *path)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, testing_not_dot, NULL);

	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n;
}

/* 1 once health has that colour, though nobody sends. */
static int
becomes(psm_producer *p, int health)
{
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;
	pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t never;
	struct timespec at;

	must(psm__cond_init(&never) == 0);
	while (psm_producer_health(p, NULL, 0) != health &&
	       psm__mono_ms() < deadline) {
		psm__deadline(&at, 5);
		pthread_mutex_lock(&lock);
		(void)pthread_cond_timedwait(&never, &lock, &at);
		pthread_mutex_unlock(&lock);
	}
	pthread_cond_destroy(&never);
	return psm_producer_health(p, NULL, 0) == health;
}

START_TEST(p15_outages_leave_nothing_behind)
{
	psm_producer *p = start();
	const char *soak = getenv("PSYMATCH_SOAK");
	int rounds = soak && rig->outages ? atoi(soak)
	             : rig->outages       ? rig->outages
	                                  : 1000;
	int threads, fds;

	send_range(p, 0, 3, 1);
	flush(p);
	rig->set_down(transport, 1);
	ck_assert(becomes(p, PSM_HEALTH_AMBER));
	rig->set_down(transport, 0);
	ck_assert(becomes(p, PSM_HEALTH_GREEN));
	threads = count_in("/proc/self/task");
	fds = count_in("/proc/self/fd");
	for (int round = 0; round < rounds; round++) {
		rig->set_down(transport, 1);
		if (rig->slow && round % 100 == 0)
			ck_assert(becomes(p, PSM_HEALTH_AMBER));
		ck_assert_int_eq(try_send(p, 0, 3 + round), 0);
		rig->set_down(transport, 0);
		flush(p);
	}
	ck_assert_int_le(count_in("/proc/self/task"), threads);
	ck_assert_int_le(count_in("/proc/self/fd"), fds + 2);
	end(p);
	heard_each_once(3 + rounds);
	arrived(3 + rounds);
}
END_TEST

/* -- p16 -- */

/* Types whose events belong to one aggregate, sent to one topic in a mixed-up
 * order: all of an aggregate is in one partition, in the order of sending. */
static int64_t last_of[64];
static int32_t part_of[64];

static void
check_partition(const struct psm__record *rec, int partitions)
{
	char text[512] = "";
	int key = -1, n = -1;

	memcpy(text, rec->value, rec->value_len);
	ck_assert_int_eq(sscanf(strstr(text, "\"patient_id\""),
	                        "\"patient_id\":%d,\"n\":%d", &key, &n),
	                 2);
	ck_assert_int_eq(rec->partition,
	                 psm__partition_of(rec->key, rec->key_len, partitions));
	ck_assert(part_of[key] < 0 || part_of[key] == rec->partition);
	part_of[key] = rec->partition;
	ck_assert_int_gt(n, last_of[key]);
	last_of[key] = n;
}

START_TEST(p16_order_per_aggregate_for_any_partition_count)
{
	static const int counts[] = {1, 5, 16, 2, 3, 8, 64};
	static const char *const topics[] = {TOPIC};
	struct psm__source_conf conf = {
	    .group = "p16", .topics = topics, .topic_count = 1};
	struct psm__source *s = NULL;
	struct psm__record rec;
	psm_producer *p;
	unsigned random = 12345u + (unsigned)_i;
	int n;

	memset(last_of, -1, sizeof(last_of));
	memset(part_of, -1, sizeof(part_of));
	bus_partitions = counts[_i];
	p = start();
	for (n = 0; n < 1000; n++) {
		random = random * 1103515245u + 12345u;
		ck_assert_int_eq(try_send(p, (int)(random >> 16) % 50, n), 0);
		if (n % 100 == 50 && rig->fail_next && !rig->slow)
			rig->fail_next(transport, 2, PSM_ERR_RETRY);
	}
	flush(p);
	end(p);
	ck_assert_int_eq(
	    transport->ops->open_source(transport, &conf, &s, NULL), 0);
	for (n = 0; n < 1000; n++) {
		ck_assert_int_eq(s->ops->poll(s, PATIENCE_MS, &rec, NULL), 1);
		check_partition(&rec, counts[_i]);
		s->ops->release(s, &rec);
	}
	s->ops->close(s, 1000);
	rig->close(transport);
}
END_TEST

/* -- memory in a long run -- */

static void
forget(const char *event_id, int rc, const char *reason, void *user)
{
	(void)event_id;
	(void)reason;
	(void)user;
	must(rc == 0);
}

START_TEST(a_long_run_keeps_the_memory_flat)
{
	enum { PART = 20000, PARTS = 15 };
	psm_config *cfg = NULL;
	psm_producer *p = NULL;
	long live[PARTS];

	ck_assert_int_eq(
	    psm_set_allocator(testing_alloc, testing_realloc, testing_free), 0);
	ck_assert_int_eq(psm_transport_memory(1, &transport, NULL), 0);
	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", dir, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_SPOOL_DURABILITY", "os", NULL), 0);
	ck_assert_int_eq(psm_producer_new(transport, cfg, &p, NULL), 0);
	ck_assert_int_eq(psm_producer_set_delivery(p, forget, NULL), 0);
	ck_assert_int_eq(psm_producer_start(p, NULL), 0);
	for (int part = 0; part < PARTS; part++) {
		for (int n = 0; n < PART; n++)
			ck_assert_int_eq(try_send(p, n % 9, n), 0);
		flush(p);
		live[part] = atomic_load(&testing_memory.live);
	}
	/* The transport keeps 100,000 messages, so it is full by then. */
	ck_assert_int_le(live[PARTS - 1], live[6] + 20);
	end(p);
	psm_config_free(cfg);
	psm_transport_unref(transport);
}
END_TEST

void
suite_producer_limits(Suite *s, const struct bus_rig *with)
{
	TCase *tc = tcase_create("limits");

	rig = with;
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, p08_full_is_said_and_memory_stays_flat, 0, 2);
	tcase_add_test(tc, p09_send_never_waits_for_the_broker);
	tcase_add_test(tc, p10_every_outcome_has_its_own_answer);
	tcase_add_test(tc, p14_accepted_means_on_disk);
	tcase_add_test(tc, p15_outages_leave_nothing_behind);
	tcase_add_loop_test(tc, p16_order_per_aggregate_for_any_partition_count,
	                    0, rig->slow ? 3 : 7);
	suite_add_tcase(s, tc);
	if (rig->slow)
		return;
	/* What needs no broker but a quick one. */
	tc = tcase_create("memory");
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_long_run_keeps_the_memory_flat);
	suite_add_tcase(s, tc);
}
