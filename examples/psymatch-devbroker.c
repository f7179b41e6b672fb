/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Kafka broker to try things out with: librdkafka's mock cluster as a
 * program, on ports of the loopback interface. Nothing is kept on disk.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <psymatch/psymatch.h>

#include "tool.h"

#define DEFAULT_PARTITIONS 3
#define MAX_PARTITIONS 64
#define MAX_BROKERS 16

static const char usage[] =
    "usage: psymatch-devbroker [--brokers N] [--topic NAME:PARTITIONS]...\n"
    "                          [--port PORT] [--port-file FILE]\n"
    "\n"
    "A Kafka broker for demos and tests, reachable from this machine only.\n"
    "  --brokers N               1 to 16 brokers (default 1)\n"
    "  --topic NAME:PARTITIONS   make this topic; may be repeated (default:\n"
    "                            every topic of the event catalogue, with 3)\n"
    "  --port PORT               listen there, and further brokers on the ports\n"
    "                            behind it (default: ports that are free)\n"
    "  --port-file FILE          write HOST:PORT[,HOST:PORT...] there, too\n"
    "  -h, --help                print this text\n"
    "  --version                 print the version\n"
    "\n"
    "Standard output: \"bootstrap=HOST:PORT[,...]\" when ready, then one line\n"
    "per action. Signals: SIGUSR1 takes all brokers down, SIGUSR2 brings them\n"
    "back on the same ports, SIGTERM or SIGINT ends the program.\n"
    "\n"
    "It is librdkafka's mock cluster, and no more than that:\n"
    "  - everything is in memory; a partition keeps its newest 5 MiB;\n"
    "  - duplicates of an idempotent producer are not removed, aborted\n"
    "    transactions are visible, there is no TLS, no login, no topic admin;\n"
    "  - a topic that nobody made appears at its first use, with 4 partitions;\n"
    "  - the first join of a group takes 3 s, and a join after the last member\n"
    "    left or died waits for that member's session timeout.\n";

struct topic {
	char name[250];
	int partitions;
};

struct options {
	int brokers;
	struct topic *topics;
	size_t topic_count;
	const char *port_file;
	int port; /* 0: any */
};

/* -- the ports */

static int next_port; /* of the next broker; 0: any */

/* bind() of this program and of librdkafka, which asks for any port; musl and
 * glibc declare the name in ways of their own. */
int devbroker_bind(int fd, const void *address, socklen_t len) __asm__("bind")
    __attribute__((visibility("default")));

int
devbroker_bind(int fd, const void *address, socklen_t len)
{
	struct sockaddr_in in;
	int on = 1;

	if (next_port == 0 || len != sizeof in)
		return (int)syscall(SYS_bind, fd, address, len);
	memcpy(&in, address, sizeof in);
	if (in.sin_family != AF_INET || in.sin_port != 0)
		return (int)syscall(SYS_bind, fd, address, len);
	/* Also when a broker has just ended there. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	in.sin_port = htons((uint16_t)next_port++);
	return (int)syscall(SYS_bind, fd, &in, sizeof in);
}

/* librdkafka (2.0.2 to 2.8, at least) ends the program when a port cannot be
 * had: try before. */
static int
try_ports(int first, int count)
{
	struct sockaddr_in any = {.sin_family = AF_INET,
	                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd, rc = 0;

	for (next_port = first; rc == 0 && next_port < first + count;) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		rc = fd < 0 ? -1 : devbroker_bind(fd, &any, sizeof any);
		if (rc < 0)
			fprintf(stderr, "psymatch-devbroker: port %d: %s\n",
			        next_port - 1, strerror(errno));
		if (fd >= 0)
			close(fd);
	}
	next_port = first;
	return rc;
}

/* -- options */

static int
add_topic(struct options *o, const char *name, size_t len, int partitions)
{
	struct topic *grown;
	size_t i;

	if (len == 0 || len >= sizeof(grown->name))
		return -1;
	for (i = 0; i < o->topic_count; i++)
		if (strlen(o->topics[i].name) == len &&
		    memcmp(o->topics[i].name, name, len) == 0)
			return 0;
	grown = realloc(o->topics, (o->topic_count + 1) * sizeof(*grown));
	if (!grown)
		return -1;
	o->topics = grown;
	memcpy(grown[i].name, name, len);
	grown[i].name[len] = '\0';
	grown[i].partitions = partitions;
	o->topic_count++;
	return 0;
}

/* A number from 1 to max, or -1. */
static int
number(const char *text, int max)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *text && !*end && value >= 1 && value <= max ? (int)value : -1;
}

static int
parse_topic(struct options *o, const char *arg)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	const char *colon = strrchr(arg, ':');
	int partitions = colon ? number(colon + 1, MAX_PARTITIONS) : -1;

	if (partitions < 0 || strspn(arg, allowed) != (size_t)(colon - arg))
		return -1;
	return add_topic(o, arg, (size_t)(colon - arg), partitions);
}

static int
parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
	    {"brokers", required_argument, NULL, 'b'},
	    {"topic", required_argument, NULL, 't'},
	    {"port", required_argument, NULL, 'P'},
	    {"port-file", required_argument, NULL, 'p'},
	    TOOL_OPTIONS,
	};
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		if (tool_asked(c, "psymatch-devbroker", usage) > 0)
			exit(tool_flush("psymatch-devbroker") < 0);
		if (c == 'b' && (o->brokers = number(optarg, MAX_BROKERS)) > 0)
			continue;
		if (c == 't' && parse_topic(o, optarg) == 0)
			continue;
		if (c == 'P' && (o->port = number(optarg, 65535)) > 0)
			continue;
		if (c == 'p') {
			o->port_file = optarg;
			continue;
		}
		if (c != '?')
			fprintf(stderr, "psymatch-devbroker: %s, got \"%s\"\n",
			        c == 'b' ? "--brokers: want a number from 1 to "
			                   "16"
			        : c == 't' ? "--topic: want NAME:PARTITIONS"
			                   : "--port: want a number from 1 to "
			                     "65535",
			        optarg);
		return -1;
	}
	return optind == argc && o->port + o->brokers <= 65536 ? 0 : -1;
}

static int
add_catalogue(struct options *o)
{
	size_t i;

	for (i = 0; i < psm_catalogue_count(); i++) {
		const char *name =
		    psm_catalogue_type_topic(psm_catalogue_at(i));

		if (add_topic(o, name, strlen(name), DEFAULT_PARTITIONS) < 0)
			return -1;
	}
	return 0;
}

/* Renamed into place, so that whoever waits for the file never reads half of
 * it. */
static int
write_port_file(const char *path, const char *bootstrap)
{
	char temporary[4096];
	FILE *f;
	int n;

	n = snprintf(temporary, sizeof(temporary), "%s.new", path);
	if (n < 0 || (size_t)n >= sizeof(temporary))
		return -1;
	f = fopen(temporary, "w");
	if (!f)
		return -1;
	n = fprintf(f, "%s\n", bootstrap);
	if (fclose(f) != 0 || n < 0)
		return -1;
	return rename(temporary, path);
}

static void
serve(rd_kafka_mock_cluster_t *cluster, const sigset_t *signals)
{
	int sig;

	while (sigwait(signals, &sig) == 0) {
		if (sig == SIGUSR1) {
			rd_kafka_mock_broker_set_down(cluster, -1);
			puts("brokers are down");
		} else if (sig == SIGUSR2) {
			rd_kafka_mock_broker_set_up(cluster, -1);
			puts("brokers are up");
		} else {
			puts("end");
			return;
		}
	}
}

static int
run(const struct options *o, rd_kafka_mock_cluster_t *cluster,
    const sigset_t *signals)
{
	const char *bootstrap = rd_kafka_mock_cluster_bootstraps(cluster);
	size_t i;

	for (i = 0; i < o->topic_count; i++) {
		const struct topic *t = &o->topics[i];

		if (rd_kafka_mock_topic_create(cluster, t->name, t->partitions,
		                               1)) {
			fprintf(stderr, "cannot make topic %s\n", t->name);
			return 1;
		}
		printf("topic %s with %d partition%s\n", t->name, t->partitions,
		       t->partitions == 1 ? "" : "s");
	}
	if (o->port_file && write_port_file(o->port_file, bootstrap) < 0) {
		perror(o->port_file);
		return 1;
	}
	printf("bootstrap=%s\n", bootstrap);
	if (tool_flush("psymatch-devbroker") < 0)
		return 1;
	serve(cluster, signals);
	return 0;
}

/* The cluster lives in a client; it has no server to connect to and would
 * warn of that. */
static rd_kafka_t *
open_client(void)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256] = "";

	rd_kafka_conf_set(conf, "log_level", "3", NULL, 0);
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (!rk) {
		fprintf(stderr, "%s\n", text);
		rd_kafka_conf_destroy(conf);
	}
	return rk;
}

int
main(int argc, char **argv)
{
	struct options o = {.brokers = 1};
	rd_kafka_mock_cluster_t *cluster;
	rd_kafka_t *rk;
	sigset_t signals;
	int rc;

	tool_hold_closed();
	if (parse(&o, argc, argv) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (o.topic_count == 0 && add_catalogue(&o) < 0)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigemptyset(&signals);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGUSR2);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* Before librdkafka starts threads: they inherit it. */
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (o.port && try_ports(o.port, o.brokers) < 0) {
		free(o.topics);
		return 1;
	}
	rk = open_client();
	cluster = rk ? rd_kafka_mock_cluster_new(rk, o.brokers) : NULL;
	next_port = 0;
	if (!cluster) {
		fputs("psymatch-devbroker: cannot start the cluster\n", stderr);
		return 1;
	}
	rc = run(&o, cluster, &signals);
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(rk);
	free(o.topics);
	return rc;
}
