/* SPDX-License-Identifier: BSD-2-Clause */
/* The transports of the consumer's row tests: one line of rigs[] each. With
 * REAL defined there is one, and it is Apache Kafka itself. */
#ifndef PSM_CONSUMER_ENV_H
#define PSM_CONSUMER_ENV_H

#include "consumer_rig.h"
#include "mock.h"
#include "testing_pg.h"
#ifdef REAL
#include "testing_kafka.h"

#include "transport/memory/memory.h"
#endif

#define DLQ TOPIC ".dlq"

struct env {
	const struct rig *rig;
	psm_transport *t;
	struct psm__sink *sink;
	struct mock mock;
	int reported;
};

struct rig {
	const char *name;
	/* settings: pairs, NULL at the end, for what has any; may be NULL. */
	void (*open)(struct env *e, const char *const *settings);
	void (*set_down)(struct env *e, int down);
	void (*close)(struct env *e);
};

/* -- memory */

static inline void
memory_open(struct env *e, const char *const *settings)
{
	(void)settings;
	e->t = open_memory();
}

static inline void
memory_down(struct env *e, int down)
{
	psm__memory_set_down(e->t, down);
}

static inline void
memory_close(struct env *e)
{
	psm_transport_unref(e->t);
}

/* -- kafka */

static inline void
mocked_open(struct env *e, const char *const *settings)
{
	mock_open(&e->mock, TOPIC, PARTITIONS);
	e->t = mock_transport(&e->mock, settings);
}

static inline void
mocked_down(struct env *e, int down)
{
	mock_set_down(&e->mock, down);
}

static inline void
mocked_close(struct env *e)
{
	psm_transport_unref(e->t);
	mock_close(&e->mock);
}

/* -- postgres */

static inline void
postgres_open(struct env *e, const char *const *settings)
{
	psm_config *cfg;

	pg_database();
	cfg = pg_settings();
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", NULL), 0);
	for (; settings && *settings; settings += 2)
		ck_assert_int_eq(
		    psm_config_set(cfg, settings[0], settings[1], NULL), 0);
	ck_assert_int_eq(psm_transport_open(cfg, &e->t, NULL), 0);
	psm_config_free(cfg);
}

static inline void
postgres_down(struct env *e, int down)
{
	(void)e;
	if (down)
		pg_down();
	else
		pg_up();
}

static inline void
postgres_close(struct env *e)
{
	psm_transport_unref(e->t);
}

/* -- a real broker */

#ifdef REAL
static inline void
real_open(struct env *e, const char *const *settings)
{
	const char *list[16] = {"PSYMATCH_KAFKA_session_timeout_ms", "4000",
	                        "PSYMATCH_KAFKA_heartbeat_interval_ms", "300"};
	size_t n = 4;

	for (; settings && *settings && n < 15; settings++)
		list[n++] = *settings;
	kafka_create(TOPIC, PARTITIONS, NULL);
	kafka_create(DLQ, 1, NULL);
	e->t = kafka_transport(list);
}

static inline void
real_down(struct env *e, int down)
{
	(void)e;
	kafka_ctl(down ? "kill" : "start", 1);
}

static inline void
real_close(struct env *e)
{
	psm_transport_unref(e->t);
	kafka_delete(DLQ);
	kafka_delete(TOPIC);
}

static inline void
begin_rows(char **argv)
{
	static const char *const options[] = {
	    "--set", "auto.create.topics.enable=false", "--set",
	    "group.min.session.timeout.ms=100", NULL};

	kafka_main(argv, options);
}
#else
#define begin_rows pg_main
#endif

/* Places in rigs[]. */
enum { MEMORY, KAFKA, POSTGRES };

static const struct rig rigs[] = {
#ifdef REAL
    [KAFKA] = {"a real broker", real_open, real_down, real_close},
#else
    [MEMORY] = {"memory", memory_open, memory_down, memory_close},
    [KAFKA] = {"kafka", mocked_open, mocked_down, mocked_close},
    [POSTGRES] = {"postgres", postgres_open, postgres_down, postgres_close},
#endif
};

/* 1: the rig is librdkafka's mock cluster. */
static inline int
is_mocked(int i)
{
#ifdef REAL
	(void)i;
	return 0;
#else
	return i == KAFKA;
#endif
}

/* -- sending */

static inline void
on_report(uint64_t token, int rc, const char *reason, void *user)
{
	struct env *e = user;

	(void)token;
	(void)reason;
	ck_assert_int_eq(rc, 0);
	e->reported++;
}

static inline void
open_env_with(struct env *e, int i, const char *const *settings)
{
	memset(e, 0, sizeof(*e));
	e->rig = &rigs[i];
	e->rig->open(e, settings);
	ck_assert_int_eq(
	    e->t->ops->open_sink(e->t, on_report, e, &e->sink, NULL), 0);
}

static inline void
open_env(struct env *e, int i)
{
	open_env_with(e, i, NULL);
}

static inline void
close_env(struct env *e)
{
	e->sink->ops->close(e->sink, 5000);
	e->rig->close(e);
}

/* Send and see it stored. */
static inline void
put(struct env *e, const void *value, size_t len,
    const struct psm__header *headers, size_t header_count)
{
	struct psm__message m = {.topic = TOPIC,
	                         .key = "1",
	                         .key_len = 1,
	                         .value = value,
	                         .value_len = len,
	                         .headers = headers,
	                         .header_count = header_count};
	int64_t deadline = psm__mono_ms() + PATIENCE_MS;

	e->reported = 0;
	ck_assert_int_eq(e->sink->ops->send(e->sink, &m, NULL), 0);
	while (!e->reported) {
		ck_assert_int_lt(psm__mono_ms(), deadline);
		ck_assert_int_ge(e->sink->ops->poll(e->sink, 100, NULL), 0);
	}
}

static inline void
put_good(struct env *e, int number)
{
	size_t len;
	char *text = event_text(1, number, &len);

	put(e, text, len, NULL, 0);
	psm_free(text);
}

static inline void
end(psm_consumer *c, int want)
{
	ck_assert_int_eq(psm_consumer_close(c, 8000, NULL), want);
	psm_consumer_free(c);
}

/* -- the end of main */

/* Which transports it is for: all; what the test opens itself, without a real
 * broker; Kafka, the mock's and a real one. */
enum where { EVERYWHERE, HERE, ON_KAFKA };

struct row {
	const char *name;
	const TTest *test;
	enum where where;
	int loops; /* of one that is HERE, 0: 1 */
};

/* Each row on each transport; main's status. */
static inline int
run_rows(const char *name, const struct row *rows, size_t count)
{
	Suite *s = suite_create(name);
	size_t i;

	for (i = 0; i < count; i++) {
		TCase *tc = tcase_create(rows[i].name);
		int first = MEMORY, end = POSTGRES + 1;

#ifdef REAL
		if (rows[i].where == HERE)
			end = first;
		else
			first = KAFKA, end = KAFKA + 1;
#else
		if (rows[i].where == HERE || rows[i].where == ON_KAFKA)
			end = first + (rows[i].loops ? rows[i].loops : 1);
#endif
		tcase_set_timeout(tc, 180);
		tcase_add_loop_test(tc, rows[i].test, first, end);
		suite_add_tcase(s, tc);
	}
	return testing_run(srunner_create(s));
}

#endif
