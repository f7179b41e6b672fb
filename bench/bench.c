/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka_mock.h>

static pid_t mock_pid;

static void
usage(const char *program)
{
	fprintf(
	    stderr,
	    "usage: %s [--bootstrap HOST:PORT] [--count N] [--rounds N] "
	    "[--codec none|lz4|...]\n"
	    "       [--durability os|interval|disk] [--only SIDE] [--json]\n"
	    "Without --bootstrap (or KAFKA_BOOTSTRAP_SERVERS) a mock "
	    "cluster is the broker:\n"
	    "good for a look, not for a figure.\n",
	    program);
	exit(2);
}

void
bench_options(int argc, char **argv, struct bench_options *o)
{
	static const struct option names[] = {
	    {"bootstrap", required_argument, NULL, 'b'},
	    {"count", required_argument, NULL, 'n'},
	    {"rounds", required_argument, NULL, 'r'},
	    {"codec", required_argument, NULL, 'c'},
	    {"durability", required_argument, NULL, 'd'},
	    {"json", no_argument, NULL, 'j'},
	    {"only", required_argument, NULL, 'o'},
	    {NULL, 0, NULL, 0},
	};
	int c;

	o->bootstrap = getenv("KAFKA_BOOTSTRAP_SERVERS");
	o->codec = "none";
	o->durability = "os";
	o->rounds = 5;
	o->json = 0;
	o->only = 0;
	while ((c = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (c) {
		case 'b':
			o->bootstrap = optarg;
			break;
		case 'n':
			o->count = strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->rounds = atoi(optarg);
			break;
		case 'c':
			o->codec = optarg;
			break;
		case 'd':
			o->durability = optarg;
			break;
		case 'j':
			o->json = 1;
			break;
		case 'o':
			o->only = atoi(optarg);
			break;
		default:
			usage(argv[0]);
		}
	}
	if (optind < argc || o->count < 100 || o->rounds < 1 ||
	    o->rounds > BENCH_ROUNDS)
		usage(argv[0]);
}

/* -- events */

static const char *const surnames[] = {
    "Ahornblatt",  "Birkental", "Cederwald",   "Distelfink",
    "Eichengrund", "Fichtenau", "Ginsterfeld", "Haselbusch"};
static const char *const cities[] = {"Musterstadt", "Beispielhausen",
                                     "Probedorf", "Testlingen"};

static int
one_event(char *text, size_t size, size_t i)
{
	unsigned h = (unsigned)(i * 2654435761u);

	return snprintf(
	    text, size,
	    "{\"event_id\":\"0190%04x-%04x-7%03x-8%03x-%012zx\","
	    "\"event_type\":\"therapist.updated\",\"version\":\"1.0\","
	    "\"timestamp\":\"2026-03-%02uT%02u:%02u:00.%06uZ\","
	    "\"producer\":\"therapist-service\","
	    "\"payload\":{\"therapist_id\":%zu,\"therapist_data\":{\"id\":%zu,"
	    "\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\",\"titel\":\"Dr.\","
	    "\"vorname\":\"Beispiel\",\"nachname\":\"%s-%x\","
	    "\"strasse\":\"Probeweg %u\",\"plz\":\"%05u\",\"ort\":\"%s\","
	    "\"telefon\":\"030 000%06u\",\"email\":\"praxis%zu@praxis.example\","
	    "\"kassensitz\":true,"
	    "\"psychotherapieverfahren\":\"Verhaltenstherapie\","
	    "\"potenziell_verfuegbar\":%s,\"status\":\"aktiv\"}}}",
	    h & 0xffff, (h >> 8) & 0xffff, h & 0xfff, (h >> 4) & 0xfff, i,
	    1 + h % 28, h % 24, h % 60, h % 1000000, 1 + i % 40000,
	    1 + i % 40000, surnames[h % 8], h, 1 + h % 200, 10000 + h % 89999,
	    cities[(h >> 5) % 4], h % 1000000, i, h & 1 ? "true" : "false");
}

int
bench_events_make(struct bench_events *e, size_t count)
{
	char text[1024];
	size_t i, cap = count * 640;

	e->count = count;
	e->bytes = malloc(cap);
	e->at = malloc((count + 1) * sizeof *e->at);
	if (!e->bytes || !e->at)
		return -1;
	e->at[0] = 0;
	for (i = 0; i < count; i++) {
		int n = one_event(text, sizeof text, i);

		if (e->at[i] + (size_t)n > cap)
			return -1;
		memcpy(e->bytes + e->at[i], text, (size_t)n);
		e->at[i + 1] = e->at[i] + (size_t)n;
	}
	return 0;
}

void
bench_events_free(struct bench_events *e)
{
	free(e->bytes);
	free(e->at);
}

int
bench_key(size_t i, char *text, size_t size)
{
	return snprintf(text, size, "%zu", 1 + i % 40000);
}

/* -- measuring */

static double
wall(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double
cpu(int whom)
{
	struct rusage ru;

	getrusage(whom, &ru);
	return (double)(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) +
	       1e-6 * (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec);
}

/* Seconds of CPU that all of the machine has used; -1: it does not tell. */
static double
machine_cpu(void)
{
	unsigned long long user, nice, system, idle, iowait, irq, softirq;
	FILE *f = fopen("/proc/stat", "r");
	double busy = -1;

	if (f && fscanf(f, "cpu %llu %llu %llu %llu %llu %llu %llu", &user,
	                &nice, &system, &idle, &iowait, &irq, &softirq) == 7)
		busy = (double)(user + nice + system + irq + softirq) /
		       (double)sysconf(_SC_CLK_TCK);
	if (f)
		fclose(f);
	return busy;
}

/* Seconds that this thread ran or waited for a processor; -1: unknown. On a
 * busy machine this tells who had to wait for data from who had to wait for a
 * turn. */
static double
awake(void)
{
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	unsigned long long ran = 0, waited = 0;
	double s = -1;

	if (f && fscanf(f, "%llu %llu", &ran, &waited) == 2)
		s = 1e-9 * (double)(ran + waited);
	if (f)
		fclose(f);
	return s;
}

static struct {
	double wall, process, thread, machine, awake;
} begun;

void
bench_begin(void)
{
	begun.wall = wall();
	begun.process = cpu(RUSAGE_SELF);
	begun.thread = cpu(RUSAGE_THREAD);
	begun.machine = machine_cpu();
	begun.awake = awake();
}

void
bench_end(int json)
{
	double seconds = wall() - begun.wall;
	double own = cpu(RUSAGE_SELF) - begun.process + cpu(RUSAGE_CHILDREN);
	double others = (machine_cpu() - begun.machine - own) / seconds;
	double asleep =
	    begun.awake < 0 ? 0 : 1 - (awake() - begun.awake) / seconds;

	printf(json ? "{\"wall_s\":%.3f,\"cpu_s\":%.3f,\"others\":%.1f,"
	              "\"asleep\":%.3f}\n"
	            : "all of it: %.3f s, %.3f s of CPU, others kept %.1f "
	              "CPUs busy, this thread slept %.3f of it\n",
	       seconds, own, others, asleep > 0 ? asleep : 0);
}

static int
run_once(const struct bench_options *o, struct bench_side *side, int round,
         void *work)
{
	struct bench_run *r = &side->runs[round];
	double process;

	bench_begin();
	if (side->run(o, work) != 0) {
		fprintf(stderr, "%s failed\n", side->name);
		return -1;
	}
	r->seconds = wall() - begun.wall;
	process = cpu(RUSAGE_SELF) - begun.process;
	r->cpu_us = 1e6 * process / (double)o->count;
	r->caller_us =
	    1e6 * (cpu(RUSAGE_THREAD) - begun.thread) / (double)o->count;
	r->others = (machine_cpu() - begun.machine - process) / r->seconds;
	r->asleep =
	    begun.awake < 0 ? 0 : 1 - (awake() - begun.awake) / r->seconds;
	return 0;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof *values, by_value);
	return values[count / 2];
}

/* The medians of a side, and of its ratios to ours. */
struct summary {
	struct bench_run of;
	double ratio, least, most;
};

static void
summarise(const struct bench_options *o, const struct bench_side *side,
          const struct bench_side *ours, struct summary *out)
{
	double seconds[BENCH_ROUNDS], cpu_us[BENCH_ROUNDS];
	double caller_us[BENCH_ROUNDS], others[BENCH_ROUNDS];
	double asleep[BENCH_ROUNDS];
	double ratios[BENCH_ROUNDS];
	int i;

	for (i = 0; i < o->rounds; i++) {
		seconds[i] = side->runs[i].seconds;
		cpu_us[i] = side->runs[i].cpu_us;
		caller_us[i] = side->runs[i].caller_us;
		others[i] = side->runs[i].others;
		asleep[i] = side->runs[i].asleep;
		ratios[i] = seconds[i] / ours->runs[i].seconds;
	}
	out->of.seconds = median(seconds, o->rounds);
	out->of.cpu_us = median(cpu_us, o->rounds);
	out->of.caller_us = median(caller_us, o->rounds);
	out->of.others = median(others, o->rounds);
	out->of.asleep = median(asleep, o->rounds);
	out->ratio = median(ratios, o->rounds);
	out->least = ratios[0];
	out->most = ratios[o->rounds - 1];
}

static void
print_table(const struct bench_options *o, const struct bench_side *sides,
            size_t count)
{
	struct summary s;
	size_t i;

	printf("%zu events, %d rounds, codec %s, durability %s, broker %s\n",
	       o->count, o->rounds, o->codec, o->durability, o->bootstrap);
	printf("%-34s %9s %9s %9s %7s %8s  %s\n", "side (medians)", "events/s",
	       "CPU us", "caller's", "asleep", "others",
	       "psymatch / this (range)");
	for (i = 0; i < count; i++) {
		summarise(o, &sides[i], &sides[count - 1], &s);
		printf("%-34s %9.0f %9.2f %9.2f %6.0f%% %8.1f  %.2f (%.2f to "
		       "%.2f)\n",
		       sides[i].name, (double)o->count / s.of.seconds,
		       s.of.cpu_us, s.of.caller_us, 100 * s.of.asleep,
		       s.of.others, s.ratio, s.least, s.most);
	}
}

static void
print_json(const struct bench_options *o, const struct bench_side *sides,
           size_t count)
{
	struct summary s;
	size_t i;

	printf("{\"events\":%zu,\"rounds\":%d,\"codec\":\"%s\",\"durability\":"
	       "\"%s\",\"sides\":[",
	       o->count, o->rounds, o->codec, o->durability);
	for (i = 0; i < count; i++) {
		summarise(o, &sides[i], &sides[count - 1], &s);
		printf("%s{\"name\":\"%s\",\"events_per_s\":%.0f,"
		       "\"cpu_us\":%.3f,\"caller_us\":%.3f,"
		       "\"asleep\":%.3f,\"others\":%.1f,\"ratio\":%.3f}",
		       i ? "," : "", sides[i].name,
		       (double)o->count / s.of.seconds, s.of.cpu_us,
		       s.of.caller_us, s.of.asleep, s.of.others, s.ratio);
	}
	printf("]}\n");
}

int
bench_compare(const struct bench_options *o, struct bench_side *sides,
              size_t count, void *work)
{
	int round;
	size_t i;

	if (o->only > 0 && (size_t)o->only <= count) {
		sides += o->only - 1;
		count = 1;
	}
	for (round = 0; round < o->rounds; round++)
		for (i = 0; i < count; i++)
			if (run_once(o, &sides[round % 2 ? count - 1 - i : i],
			             round, work) != 0)
				return 1;
	(o->json ? print_json : print_table)(o, sides, count);
	return 0;
}

/* -- a mock cluster of its own process, so that its CPU is not counted as ours
 */

static void
mock_main(int fd)
{
	char errstr[256];
	rd_kafka_t *rk =
	    rd_kafka_new(RD_KAFKA_PRODUCER, NULL, errstr, sizeof errstr);
	rd_kafka_mock_cluster_t *mc =
	    rk ? rd_kafka_mock_cluster_new(rk, 1) : NULL;
	const char *bootstrap = mc ? rd_kafka_mock_cluster_bootstraps(mc) : "";

	if (write(fd, bootstrap, strlen(bootstrap) + 1) < 0)
		_exit(1);
	for (;;)
		pause();
}

const char *
bench_mock_start(void)
{
	static char bootstrap[256];
	int fds[2];
	ssize_t n;

	if (pipe(fds) != 0)
		return NULL;
	mock_pid = fork();
	if (mock_pid == 0)
		mock_main(fds[1]);
	close(fds[1]);
	n = read(fds[0], bootstrap, sizeof bootstrap);
	close(fds[0]);
	return n > 1 ? bootstrap : NULL;
}

void
bench_mock_stop(void)
{
	if (mock_pid <= 0)
		return;
	kill(mock_pid, SIGKILL);
	waitpid(mock_pid, NULL, 0);
}

/* -- the raw side */

static int raw_failed;

static void
on_report(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	(void)opaque;
	if (m->err)
		raw_failed++;
}

rd_kafka_t *
bench_raw_producer(const struct bench_options *o)
{
	const char *settings[][2] = {
	    {"bootstrap.servers", o->bootstrap},
	    {"enable.idempotence", "true"},
	    {"acks", "all"},
	    {"linger.ms", "5"},
	    {"partitioner", "murmur2_random"},
	    {"compression.codec", o->codec},
	    {"message.timeout.ms", "0"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char errstr[256];
	size_t i;
	rd_kafka_t *rk;

	raw_failed = 0;
	for (i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1],
		                      errstr,
		                      sizeof errstr) != RD_KAFKA_CONF_OK)
			fprintf(stderr, "%s\n", errstr);
	rd_kafka_conf_set_dr_msg_cb(conf, on_report);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, errstr, sizeof errstr);
	if (!rk)
		rd_kafka_conf_destroy(conf);
	return rk;
}

int
bench_raw_send(rd_kafka_t *rk, const char *topic, size_t i, const void *value,
               size_t len)
{
	char key[24];
	int key_len = bench_key(i, key, sizeof key);
	rd_kafka_resp_err_t e;

	for (;;) {
		e = rd_kafka_producev(
		    rk, RD_KAFKA_V_TOPIC(topic),
		    RD_KAFKA_V_KEY(key, (size_t)key_len),
		    RD_KAFKA_V_VALUE((void *)(uintptr_t)value, len),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
		if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		rd_kafka_poll(rk, 10);
	}
	if (i % 256 == 0)
		rd_kafka_poll(rk, 0);
	return e ? -1 : 0;
}

int
bench_raw_finish(rd_kafka_t *rk)
{
	int rc = rd_kafka_flush(rk, 60000) || raw_failed ? -1 : 0;

	rd_kafka_destroy(rk);
	return rc;
}
