/* SPDX-License-Identifier: BSD-2-Clause */
/* The transports of the consumer's row tests: one line of rigs[] each. */
#ifndef PSM_CONSUMER_ENV_H
#define PSM_CONSUMER_ENV_H

#include "consumer_rig.h"
#include "mock.h"
#include "testing_pg.h"

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
	void (*open)(struct env *e);
	void (*set_down)(struct env *e, int down);
	void (*close)(struct env *e);
};

/* -- memory */

static inline void
memory_open(struct env *e)
{
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
kafka_open(struct env *e)
{
	mock_open(&e->mock, TOPIC, PARTITIONS);
	e->t = mock_transport(&e->mock, NULL);
}

static inline void
kafka_down(struct env *e, int down)
{
	mock_set_down(&e->mock, down);
}

static inline void
kafka_close(struct env *e)
{
	psm_transport_unref(e->t);
	mock_close(&e->mock);
}

/* -- postgres */

static inline void
postgres_open(struct env *e)
{
	psm_config *cfg;

	pg_database();
	cfg = pg_settings();
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", NULL), 0);
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

/* Places in rigs[]. */
#define KAFKA 1
#define POSTGRES 2

static const struct rig rigs[] = {
    {"memory", memory_open, memory_down, memory_close},
    {"kafka", kafka_open, kafka_down, kafka_close},
    {"postgres", postgres_open, postgres_down, postgres_close},
};

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
open_env(struct env *e, int i)
{
	memset(e, 0, sizeof(*e));
	e->rig = &rigs[i];
	e->rig->open(e);
	ck_assert_int_eq(
	    e->t->ops->open_sink(e->t, on_report, e, &e->sink, NULL), 0);
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

struct row {
	const char *name;
	const TTest *test;
	int loops; /* 0: on each transport; it needs what only one offers */
};

/* Each row on each transport; main's status. */
static inline int
run_rows(const char *name, const struct row *rows, size_t count)
{
	Suite *s = suite_create(name);
	size_t i;

	for (i = 0; i < count; i++) {
		TCase *tc = tcase_create(rows[i].name);

		tcase_set_timeout(tc, 90);
		tcase_add_loop_test(tc, rows[i].test, 0,
		                    rows[i].loops ? rows[i].loops
		                                  : (int)PSM__COUNT(rigs));
		suite_add_tcase(s, tc);
	}
	return testing_run(srunner_create(s));
}

#endif
