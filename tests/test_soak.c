/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two producers in a directory, killed at any instant and started again, while
 * the broker goes up and down. What send accepted arrives, in order per key,
 * and nothing else does. PSYMATCH_SOAK says how often somebody is killed.
 */
#include "testing.h"
#include "mock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define TOPIC "patient-events"
#define PARTITIONS 3
#define SENDERS 2
#define KEYS 4 /* of each sender */
#define EACH 200000
#define ROUNDS 25
/* Further ahead of the reader no sender goes: the mock keeps only 5 MiB. */
#define AHEAD 2000
#define PATIENCE_MS 60000

/* A number is tried once. Who dies between a call and its note leaves one that
 * may have been accepted or not. */
struct book {
	int tried[SENDERS * KEYS], arrived[SENDERS * KEYS];
	int started[SENDERS];
	int done;
	char accepted[SENDERS * KEYS][EACH];
};

static volatile struct book *book;
static char dir[256];

static void
map_book(int create)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/book", dir);
	fd = open(path, O_RDWR | (create ? O_CREAT : 0), 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*book)) != 0)
		abort();
	book = mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED, fd,
	            0);
	close(fd);
	if (book == MAP_FAILED)
		abort();
}

static int64_t
now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* -- a sender, which is this program again */

static psm_producer *
start(const char *bootstrap, const char *durability)
{
	const char *settings[][2] = {
	    {"PSYMATCH_TRANSPORT", "kafka"},
	    {"KAFKA_BOOTSTRAP_SERVERS", bootstrap},
	    {"KAFKA_LOG_LEVEL", "CRITICAL"},
	    {"PSYMATCH_SPOOL_DURABILITY", durability},
	};
	char spool[300];
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_producer *p = NULL;
	psm_error *err = psm_error_new();
	int rc = psm_config_new(&cfg, err);

	(void)snprintf(spool, sizeof(spool), "%s/spool", dir);
	if (rc == 0)
		rc = psm_config_set(cfg, "PSYMATCH_SPOOL_DIR", spool, err);
	for (size_t i = 0; rc == 0 && i < 4; i++)
		rc = psm_config_set(cfg, settings[i][0], settings[i][1], err);
	if (rc == 0)
		rc = psm_transport_open(cfg, &t, err);
	if (rc == 0)
		rc = psm_producer_new(t, cfg, &p, err);
	if (rc == 0)
		rc = psm_producer_start(p, err);
	if (rc != 0) {
		(void)fprintf(stderr, "sender: %s\n", psm_error_message(err));
		exit(1);
	}
	psm_transport_unref(t);
	psm_config_free(cfg);
	psm_error_free(err);
	return p;
}

static void
send_one(psm_producer *p, int key)
{
	int n = book->tried[key];
	char payload[80];
	int len = snprintf(payload, sizeof(payload),
	                   "{\"patient_id\":%d,\"n\":%d}", key + 1, n);
	psm_event *ev = NULL;

	if (n >= EACH)
		exit(1);
	if (psm_event_new("patient.deleted", "test", payload, (size_t)len, &ev,
	                  NULL) != 0)
		exit(1);
	book->tried[key] = n + 1;
	if (psm_producer_send(p, TOPIC, ev, NULL) != 0)
		exit(1);
	book->accepted[key][n] = 1;
	psm_event_free(ev);
}

static int
sender_main(char **argv)
{
	int number = atoi(argv[2]);
	psm_producer *p;
	size_t left = 0;

	(void)snprintf(dir, sizeof(dir), "%s", argv[3]);
	map_book(0);
	p = start(argv[4], argv[5]);
	book->started[number] = 1;
	for (int i = 0; !book->done; i++) {
		int key = number * KEYS + i % KEYS;

		if (book->tried[key] - book->arrived[key] < AHEAD)
			send_one(p, key);
		if (i % 16 == 0)
			(void)poll(NULL, 0, 1);
	}
	if (psm_producer_close(p, PATIENCE_MS, &left, NULL) != 0 || left > 0)
		return 1;
	psm_producer_free(p);
	return 0;
}

/* Returns when the other program runs: see mock_set_down. */
static pid_t
spawn(int number, const char *bootstrap, const char *durability)
{
	char self[] = "test_soak", role[] = "sender", text[16], at[256],
	     how[16];
	char *args[] = {self, role, text, dir, at, how, NULL};
	pid_t pid;

	(void)snprintf(text, sizeof(text), "%d", number);
	(void)snprintf(at, sizeof(at), "%s", bootstrap);
	(void)snprintf(how, sizeof(how), "%s", durability);
	book->started[number] = 0;
	ck_assert_int_eq(
	    posix_spawn(&pid, "/proc/self/exe", NULL, NULL, args, environ), 0);
	return pid;
}

/* -- the reader */

static rd_kafka_t *
open_reader(const char *bootstrap)
{
	static const char *const settings[][2] = {
	    {"group.id", "soak"},
	    {"enable.auto.commit", "false"},
	    {"auto.offset.reset", "earliest"},
	    {"reconnect.backoff.max.ms", "200"},
	    {"log_level", "0"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_topic_partition_list_t *all =
	    rd_kafka_topic_partition_list_new(PARTITIONS);
	char text[256];
	rd_kafka_t *rk;

	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, NULL, 0);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL,
		                  0);
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	ck_assert_msg(rk != NULL, "%s", text);
	rd_kafka_poll_set_consumer(rk);
	for (int i = 0; i < PARTITIONS; i++)
		rd_kafka_topic_partition_list_add(all, TOPIC, i)->offset = 0;
	ck_assert_int_eq(rd_kafka_assign(rk, all), 0);
	rd_kafka_topic_partition_list_destroy(all);
	return rk;
}

static char (*seen)[EACH];
static int newest[SENDERS * KEYS];
static long repeats;

static void
note(const rd_kafka_message_t *m)
{
	char text[1024];
	const char *at;
	int key, n;

	ck_assert_uint_lt(m->len, sizeof(text));
	memcpy(text, m->payload, m->len);
	text[m->len] = '\0';
	at = strstr(text, "\"patient_id\":");
	ck_assert_ptr_nonnull(at);
	ck_assert_int_eq(sscanf(at, "\"patient_id\":%d,\"n\":%d", &key, &n), 2);
	ck_assert_int_ge(--key, 0);
	ck_assert_int_lt(key, SENDERS * KEYS);
	ck_assert_msg(n >= 0 && n < book->tried[key], "key %d: %d was invented",
	              key, n);
	if (seen[key][n]) {
		repeats++;
		return;
	}
	ck_assert_msg(n > newest[key], "key %d: %d came after %d", key, n,
	              newest[key]);
	seen[key][n] = 1;
	newest[key] = n;
	book->arrived[key] = n;
}

static void
read_for(rd_kafka_t *rk, int ms)
{
	int64_t until = now_ms() + ms;
	int left = ms;

	do {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, left);

		if (m && !m->err)
			note(m);
		if (m)
			rd_kafka_message_destroy(m);
		left = (int)(until - now_ms());
	} while (left > 0);
}

static long
count_missing(void)
{
	long missing = 0;

	for (int key = 0; key < SENDERS * KEYS; key++)
		for (int n = 0; n < book->tried[key]; n++)
			missing += book->accepted[key][n] && !seen[key][n];
	return missing;
}

static long
count_tried(void)
{
	long all = 0;

	for (int key = 0; key < SENDERS * KEYS; key++)
		all += book->tried[key];
	return all;
}

/* -- the rounds */

static int
rounds(void)
{
	const char *text = getenv("PSYMATCH_SOAK");

	return text ? atoi(text) : ROUNDS;
}

static unsigned
chance(unsigned below)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static const char *
any_durability(void)
{
	static const char *const all[] = {"os", "os", "interval", "disk"};

	return all[chance(4)];
}

static void
tell(int round, int down)
{
	if (!getenv("PSYMATCH_SOAK") || (round % 20 != 0 && round != rounds()))
		return;
	(void)printf("%d killed, %ld events, %ld on their way, %ld came more "
	             "than once, broker %s\n",
	             round, count_tried(), count_missing(), repeats,
	             down ? "down" : "up");
	(void)fflush(stdout);
}

static void
stop(pid_t pid, int signal)
{
	if (signal)
		ck_assert_int_eq(kill(pid, signal), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void
drain(rd_kafka_t *reader, const char *bootstrap)
{
	int64_t until = now_ms() + PATIENCE_MS;
	int status = -1;
	pid_t pid;

	book->done = 1;
	pid = spawn(0, bootstrap, "os");
	while (waitpid(pid, &status, WNOHANG) == 0)
		read_for(reader, 20);
	ck_assert_int_eq(status, 0);
	while (count_missing() > 0 && now_ms() < until)
		read_for(reader, 50);
	ck_assert_msg(count_missing() == 0, "%ld events are lost",
	              count_missing());
}

/* Who starts takes over what a dead one left, and then nobody keeps the order
 * of that and of what the dead one's successor sends. So only one at a time. */
static void
wait_for_other(rd_kafka_t *reader, int i)
{
	int64_t until = now_ms() + PATIENCE_MS;

	while (!book->started[!i] && now_ms() < until)
		read_for(reader, 1);
	ck_assert_int_eq(book->started[!i], 1);
}

/* Mostly in the midst of sending, now and then while it starts. */
static int
instant_ms(void)
{
	return (int)(chance(4) == 0 ? chance(20) : 20 + chance(120));
}

START_TEST(killed_at_any_instant)
{
	pid_t pids[SENDERS];
	struct mock mock;
	char bootstrap[256];
	rd_kafka_t *reader;
	int down = 0;

	testing_tmpdir(dir, sizeof(dir));
	map_book(1);
	seen = calloc(SENDERS * KEYS, sizeof(*seen));
	ck_assert_ptr_nonnull(seen);
	memset(newest, -1, sizeof(newest));
	mock_open(&mock, TOPIC, PARTITIONS);
	(void)snprintf(bootstrap, sizeof(bootstrap), "%s",
	               rd_kafka_mock_cluster_bootstraps(mock.cluster));
	reader = open_reader(bootstrap);
	for (int i = 0; i < SENDERS; i++)
		pids[i] = spawn(i, bootstrap, any_durability());
	for (int round = 1; round <= rounds(); round++) {
		int i = (int)chance(SENDERS);

		read_for(reader, instant_ms());
		if (chance(3) == 0)
			mock_set_down(&mock, down = !down);
		wait_for_other(reader, i);
		stop(pids[i], SIGKILL);
		pids[i] = spawn(i, bootstrap, any_durability());
		tell(round, down);
	}
	for (int i = 0; i < SENDERS; i++)
		stop(pids[i], SIGKILL);
	if (down)
		mock_set_down(&mock, 0);
	drain(reader, bootstrap);
	ck_assert_int_gt(count_tried(), 100);
	tell(rounds(), 0);
	rd_kafka_consumer_close(reader);
	rd_kafka_destroy(reader);
	mock_close(&mock);
	free(seen);
	munmap((void *)book, sizeof(*book));
	testing_remove(dir);
}
END_TEST

int
main(int argc, char **argv)
{
	TCase *tc;
	Suite *s;

	if (argc == 6 && strcmp(argv[1], "sender") == 0)
		return sender_main(argv);
	s = suite_create("soak");
	tc = tcase_create("soak");
	tcase_set_timeout(tc, 120 + rounds());
	tcase_add_test(tc, killed_at_any_instant);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
