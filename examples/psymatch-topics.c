/* SPDX-License-Identifier: BSD-2-Clause */
/* The topics of the catalogue on a Kafka cluster: plan, apply, check. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "tool.h"

static const char usage[] =
    "usage: psymatch-topics [OPTION]... plan | apply | check\n"
    "Commands:\n"
    "  plan   show which topics are missing or different\n"
    "  apply  create the missing ones; nothing is deleted or changed\n"
    "  check  as plan; the exit status is 1 if there are such topics\n"
    "Options:\n"
    "  --partitions N      of a topic (as the catalogue says)\n"
    "  --replication N     copies of a partition (brokers, at most 3)\n"
    "  --retention-days N  how long messages are kept (7)\n"
    "  --wait SECONDS      for a broker (60)\n"
    "  --json              print JSON\n"
    "  -h, --help          print this text\n"
    "  --version           print the version\n";

enum { EXIT_DIFFERENT = 1, EXIT_USAGE = 2, EXIT_FAILED = 3 };

struct options {
	long partitions, replication, days, wait_s; /* 0: not given */
	int json;
	const char *command;
};

static int64_t
number_at(const psm_json *v, const char *pointer, int64_t otherwise)
{
	int64_t n = otherwise;

	if (psm_json_get_int(psm_json_at(v, pointer), &n, NULL) < 0)
		return otherwise;
	return n;
}

/* "3", "6 (want 3)", "?". unit: of one that is shown. */
static const char *
pair(const psm_json *topic, const char *name, int64_t unit, char *text,
     size_t size)
{
	char pointer[64];
	int64_t want, found;

	(void)snprintf(pointer, sizeof pointer, "/%s/want", name);
	want = number_at(topic, pointer, 0);
	(void)snprintf(pointer, sizeof pointer, "/%s/found", name);
	found = number_at(topic, pointer, INT64_MIN);
	if (found == INT64_MIN)
		(void)snprintf(text, size, "?");
	else if (found == want)
		(void)snprintf(text, size, "%.4g", (double)found / unit);
	else if (found < 0)
		(void)snprintf(text, size, "no limit (want %.4g)",
		               (double)want / unit);
	else
		(void)snprintf(text, size, "%.4g (want %.4g)",
		               (double)found / unit, (double)want / unit);
	return text;
}

static void
print_topic(const psm_json *topic)
{
	static const struct {
		const char *name;
		int width;
		int64_t unit;
	} columns[] = {
	    {"partitions", 12, 1},
	    {"replication", 12, 1},
	    {"min_insync_replicas", 12, 1},
	    {"retention_ms", 0, INT64_C(86400000)},
	};
	const char *reason = psm_json_string(psm_json_at(topic, "/reason"));
	const char *state = psm_json_string(psm_json_at(topic, "/state"));
	char text[64];
	size_t i;

	printf("%-22s  %-9s", psm_json_string(psm_json_at(topic, "/topic")),
	       state);
	for (i = 0; i < sizeof columns / sizeof *columns; i++) {
		const char *cell = pair(topic, columns[i].name, columns[i].unit,
		                        text, sizeof text);

		if (strcmp(state, "missing") == 0)
			cell = "-";
		printf("  %-*s", columns[i].width, cell);
	}
	putchar('\n');
	if (reason)
		printf("    %s\n", reason);
}

static int
print(const char *json, psm_error *err)
{
	const psm_json *topics;
	psm_json *doc = NULL;
	size_t i;
	int rc = psm_json_parse(json, strlen(json), &doc, err);

	if (rc < 0)
		return rc;
	topics = psm_json_at(doc, "/topics");
	printf("%-22s  %-9s  %-12s  %-12s  %-12s  %s\n", "TOPIC", "STATE",
	       "PARTITIONS", "REPLICATION", "MIN IN SYNC", "DAYS KEPT");
	for (i = 0; i < psm_json_count(topics); i++)
		print_topic(psm_json_item(topics, i));
	psm_json_free(doc);
	return 0;
}

static int
work(const struct options *o, psm_error *err)
{
	int apply = strcmp(o->command, "apply") == 0, count, rc;
	int wait_ms = (int)(o->wait_s ? o->wait_s : 60) * 1000;
	psm_config *cfg = NULL;
	char *json = NULL;

	rc = psm_config_from_env(&cfg, err);
	if (rc == 0)
		rc = (apply ? psm_topics_apply : psm_topics_plan)(
		    cfg, (int)o->partitions, (int)o->replication,
		    (int64_t)o->days * 86400, wait_ms, &json, err);
	count = rc;
	if (rc >= 0 && o->json)
		printf("%s\n", json);
	else if (rc >= 0)
		rc = print(json, err);
	psm_free(json);
	psm_config_free(cfg);
	if (rc < 0) {
		tool_complain("psymatch-topics", psm_error_message(err));
		return EXIT_FAILED;
	}
	if (tool_flush("psymatch-topics") < 0)
		return EXIT_FAILED;
	return count > 0 && strcmp(o->command, "plan") != 0 ? EXIT_DIFFERENT
	                                                    : 0;
}

static int
parse(struct options *o, int argc, char **argv)
{
	static const struct option known[] = {
	    {"partitions", required_argument, NULL, 'p'},
	    {"replication", required_argument, NULL, 'r'},
	    {"retention-days", required_argument, NULL, 'd'},
	    {"wait", required_argument, NULL, 'w'},
	    {"json", no_argument, NULL, 'j'},
	    TOOL_OPTIONS,
	};
	int c, known_command, rc = 0;

	while (rc == 0 && (c = getopt_long(argc, argv, "h", known, NULL)) != -1)
		if (c == 'p')
			rc = tool_number("psymatch-topics", "--partitions",
			                 optarg, 10000, &o->partitions);
		else if (c == 'r')
			rc = tool_number("psymatch-topics", "--replication",
			                 optarg, 100, &o->replication);
		else if (c == 'd')
			rc = tool_number("psymatch-topics", "--retention-days",
			                 optarg, 36500, &o->days);
		else if (c == 'w')
			rc = tool_number("psymatch-topics", "--wait", optarg,
			                 3600, &o->wait_s);
		else if (c == 'j')
			o->json = 1;
		else
			rc = tool_asked(c, "psymatch-topics", usage);
	if (rc != 0) {
		if (rc < 0)
			fputs(usage, stderr);
		return rc;
	}
	o->command = argv[optind];
	known_command = o->command && (strcmp(o->command, "plan") == 0 ||
	                               strcmp(o->command, "apply") == 0 ||
	                               strcmp(o->command, "check") == 0);
	if (known_command && argc - optind == 1)
		return 0;
	tool_refuse("psymatch-topics", argv + optind, known_command, usage);
	return -1;
}

int
main(int argc, char **argv)
{
	static char name[] = "psymatch-topics";
	struct options o = {0};
	psm_error *err;
	int rc = parse(&o, argc, argv);

	if (rc > 0)
		return tool_flush(name) < 0 ? EXIT_FAILED : 0;
	if (rc < 0)
		return EXIT_USAGE;
	tool_log_start(name);
	err = psm_error_new();
	rc = work(&o, err);
	psm_error_free(err);
	return rc;
}
