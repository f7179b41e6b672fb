/* SPDX-License-Identifier: BSD-2-Clause */
/* The topics of the catalogue: what a cluster has of them, and what it lacks. */
#include <poll.h>
#include <psymatch/catalogue.h>
#include <psymatch/json.h>
#include <psymatch/topics.h>
#include <stdio.h>
#include <string.h>

#include "transport/kafka/admin.h"

#define RETENTION_S 604800
/* Beyond that acknowledged events would be lost with one broker. */
#define COPIES_WANTED 3
/* A new topic is known to all brokers a little later. */
#define SETTLE_MS 50

struct topics {
	struct psm__admin admin;
	struct psm__topic_row *rows;
	size_t count;
	/* As the caller says, 0: the usual. */
	int partitions, replication;
	int64_t retention_s;
};

/* -- what is wanted */

static int
list_topics(struct topics *t, const psm_config *cfg, psm_error *err)
{
	int with_dead = psm_config_bool(cfg, "PSYMATCH_DEAD_LETTER_TOPIC") == 1;
	struct psm__topic_row *row;
	size_t n = 0, i;

	while (psm_catalogue_topic_at(n))
		n++;
	t->count = with_dead ? 2 * n : n;
	t->rows = psm__array(t->count, sizeof(*t->rows));
	if (!t->rows)
		return psm__nomem(err);
	for (i = 0; i < t->count; i++) {
		const char *name = psm_catalogue_topic_at(i % n);

		row = &t->rows[i];
		snprintf(row->name, sizeof(row->name), "%s%s", name,
		         i < n ? "" : ".dlq");
		row->want[PSM__TOPIC_PARTITIONS] =
		    t->partitions ? t->partitions
				  : psm_catalogue_partitions(name);
	}
	return 0;
}

/* When the count of brokers is known. */
static void
want_copies(struct topics *t)
{
	int copies = t->replication;
	size_t i;

	if (copies == 0)
		copies = t->admin.brokers < COPIES_WANTED ? t->admin.brokers
		                                          : COPIES_WANTED;
	for (i = 0; i < t->count; i++) {
		int64_t *want = t->rows[i].want;

		want[PSM__TOPIC_REPLICATION] = copies;
		want[PSM__TOPIC_MIN_INSYNC] = copies >= COPIES_WANTED ? 2 : 1;
		want[PSM__TOPIC_RETENTION_MS] =
		    (t->retention_s ? t->retention_s : RETENTION_S) * 1000;
	}
}

/* -- what there is */

static int
is_different(const struct psm__topic_row *row)
{
	size_t n;

	for (n = 0; n < PSM__N_TOPIC_NUMBERS; n++)
		if (row->found[n] != PSM__TOPIC_UNKNOWN &&
		    row->found[n] != row->want[n])
			return 1;
	return 0;
}

static const char *
state_of(const struct psm__topic_row *row)
{
	if (!row->exists)
		return "missing";
	if (is_different(row))
		return "different";
	return row->created ? "created" : "same";
}

static int
count_missing(const struct topics *t, int with_different)
{
	size_t i;
	int n = 0;

	for (i = 0; i < t->count; i++)
		n += !t->rows[i].exists ||
		     (with_different && is_different(&t->rows[i]));
	return n;
}

static void
write_topic(psm_json_writer *w, const struct psm__topic_row *row)
{
	static const char *const names[PSM__N_TOPIC_NUMBERS] = {
	    [PSM__TOPIC_PARTITIONS] = "partitions",
	    [PSM__TOPIC_REPLICATION] = "replication",
	    [PSM__TOPIC_RETENTION_MS] = "retention_ms",
	    [PSM__TOPIC_MIN_INSYNC] = "min_insync_replicas",
	};
	size_t n;

	psm_json_write_object(w);
	psm_json_write_key(w, "topic");
	psm_json_write_string(w, row->name);
	psm_json_write_key(w, "state");
	psm_json_write_string(w, state_of(row));
	for (n = 0; n < PSM__N_TOPIC_NUMBERS; n++) {
		psm_json_write_key(w, names[n]);
		psm_json_write_object(w);
		psm_json_write_key(w, "want");
		psm_json_write_int(w, row->want[n]);
		psm_json_write_key(w, "found");
		if (row->found[n] == PSM__TOPIC_UNKNOWN)
			psm_json_write_null(w);
		else
			psm_json_write_int(w, row->found[n]);
		psm_json_write_end(w);
	}
	psm_json_write_key(w, "reason");
	if (row->reason[0])
		psm_json_write_string(w, row->reason);
	else
		psm_json_write_null(w);
	psm_json_write_end(w);
}

static int
write_all(const struct topics *t, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	const char *text = NULL;
	size_t i, len = 0;
	int rc;

	psm_json_write_object(w);
	psm_json_write_key(w, "brokers");
	psm_json_write_int(w, t->admin.brokers);
	psm_json_write_key(w, "topics");
	psm_json_write_array(w);
	for (i = 0; i < t->count; i++)
		write_topic(w, &t->rows[i]);
	psm_json_write_end(w);
	psm_json_write_end(w);
	rc = psm_json_writer_finish(w, &text, &len, err);
	if (rc == 0) {
		*out = psm__strndup(text, len);
		rc = *out ? 0 : psm__nomem(err);
	}
	psm_json_writer_free(w);
	return rc;
}

/* -- comparing and creating */

static int
check_numbers(const struct topics *t, int timeout_ms, psm_error *err)
{
	if (t->partitions < 0 || t->partitions > 10000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "partitions: want 1 to 10000, got %d",
		                 t->partitions);
	if (t->replication < 0 || t->replication > 100)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "replication: want 1 to 100, got %d",
		                 t->replication);
	if (t->retention_s < 0 || t->retention_s > INT64_MAX / 1000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "retention: want 1 s or more, got %lld",
		                 (long long)t->retention_s);
	if (timeout_ms < 1 || timeout_ms > 3600000)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "timeout: want 1 to 3600000 ms, got %d",
		                 timeout_ms);
	return 0;
}

static int
check_transport(const psm_config *cfg, psm_error *err)
{
	const char *name = psm_config_string(cfg, "PSYMATCH_TRANSPORT");

	if (name && strcmp(name, "kafka") == 0)
		return 0;
	return psm__fail(
	    err, PSM_ERR_CONFIG,
	    "PSYMATCH_TRANSPORT: want \"kafka\", got \"%s\", whose "
	    "topics are created by their first use",
	    name ? name : "");
}

/* Also topics that somebody else created, and that no broker we asked knew. */
static int
await_created(struct topics *t, psm_error *err)
{
	size_t i;
	int rc, pending;

	for (;;) {
		rc = psm__admin_find(&t->admin, t->rows, t->count, err);
		if (rc < 0)
			return rc;
		for (i = 0, pending = 0; i < t->count; i++)
			pending |= !t->rows[i].exists && !t->rows[i].reason[0];
		if (!pending || psm__mono_ms() >= t->admin.deadline)
			return 0;
		(void)poll(NULL, 0, SETTLE_MS);
	}
}

static int
work(struct topics *t, const psm_config *cfg, int timeout_ms, int create,
     psm_error *err)
{
	int rc = check_numbers(t, timeout_ms, err);

	if (rc == 0)
		rc = check_transport(cfg, err);
	if (rc == 0)
		rc = list_topics(t, cfg, err);
	if (rc == 0)
		rc = psm__admin_open(&t->admin, cfg, timeout_ms, err);
	if (rc == 0)
		rc = psm__admin_find(&t->admin, t->rows, t->count, err);
	if (rc == 0)
		rc = psm__admin_await_controller(&t->admin, t->rows, t->count,
		                                 err);
	if (rc < 0)
		return rc;
	want_copies(t);
	if (create && count_missing(t, 0) > 0) {
		psm__admin_create(&t->admin, t->rows, t->count);
		rc = await_created(t, err);
	}
	if (rc == 0)
		psm__admin_settings(&t->admin, t->rows, t->count);
	return rc;
}

static int
topics(struct topics *t, const psm_config *cfg, int timeout_ms, int create,
       char **out, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want settings and a place for the result, "
		                 "got NULL");
	rc = work(t, cfg, timeout_ms, create, err);
	if (rc == 0)
		rc = write_all(t, out, err);
	if (rc == 0)
		rc = count_missing(t, !create);
	psm__admin_close(&t->admin);
	psm__free(t->rows);
	return rc;
}

int
psm_topics_plan(const psm_config *cfg, int partitions, int replication,
                int64_t retention_s, int timeout_ms, char **out, psm_error *err)
{
	struct topics t = {.partitions = partitions,
	                   .replication = replication,
	                   .retention_s = retention_s};

	return topics(&t, cfg, timeout_ms, 0, out, err);
}

int
psm_topics_apply(const psm_config *cfg, int partitions, int replication,
                 int64_t retention_s, int timeout_ms, char **out,
                 psm_error *err)
{
	struct topics t = {.partitions = partitions,
	                   .replication = replication,
	                   .retention_s = retention_s};

	return topics(&t, cfg, timeout_ms, 1, out, err);
}
