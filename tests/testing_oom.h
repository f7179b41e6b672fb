/* SPDX-License-Identifier: BSD-2-Clause */
/* Use cases while each of their allocations is refused in turn. */
#ifndef PSM_TESTING_OOM_H
#define PSM_TESTING_OOM_H

#include "testing_app.h"

enum {
	/* Several transactions; those before the failed one stay. */
	OOM_STAYS = 1,
	/* What is told is the same each time. */
	OOM_SAME
};

struct oom_case {
	const char *name;
	/* 0 or more: done; *out, if it is set: what is told of it. */
	int (*call)(char **out);
	/* Makes the rows what call() finds. */
	void (*prepare)(void);
	/* A statement that says 1 where call() did all that it does. */
	const char *done;
	int how; /* one of these, or 0 */
};

/* In the database: a function whose text changes when any row of any table
 * does. */
static inline void
oom_setup(void)
{
	pg_hasty();
	pg_run("DO $do$ BEGIN EXECUTE (SELECT 'CREATE FUNCTION "
	       "public.oom_state() RETURNS text LANGUAGE plpgsql AS $f$ BEGIN "
	       "RETURN (SELECT md5(string_agg(x, ''|'' ORDER BY x)) FROM (' || "
	       "string_agg(format('SELECT concat(%%L, t) AS x FROM %%I.%%I t', "
	       "tablename, schemaname, tablename), ' UNION ALL ') || ') y); "
	       "END $f$' FROM pg_tables WHERE schemaname NOT IN "
	       "('pg_catalog', 'information_schema')); END $do$");
}

static long oom_count;           /* allocations of the last call */
static char oom_told[16 * 1024]; /* by the last one with memory */

/* With an error that holds no more than a new one. */
static inline int
oom_call(const struct oom_case *c, long refused)
{
	char *out = NULL;
	int rc;

	testing_memory_refuse(refused);
	rc = c->call(&out);
	oom_count = atomic_load(&testing_memory.calls);
	testing_memory_refuse(0);
	if (rc < 0) {
		ck_assert_ptr_null(out);
		ck_assert_int_eq(psm_error_code(err), rc);
	} else {
		ck_assert_msg(pg_int("%s", c->done) == 1,
		              "%s, allocation %ld: not all is done", c->name,
		              refused);
	}
	if (refused == 0)
		(void)snprintf(oom_told, sizeof(oom_told), "%s",
		               out != NULL ? out : "");
	else if (rc >= 0 && c->how == OOM_SAME)
		ck_assert_str_eq(out != NULL ? out : "", oom_told);
	psm_free(out);
	psm_error_free(err);
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	return rc;
}

/* What is held after it, by a connection that did nothing else. */
static inline long
oom_live(const struct oom_case *c)
{
	psm_store_free(st);
	st = pg_store();
	for (int i = 0; i < 2; i++) {
		int rc;

		c->prepare();
		rc = oom_call(c, 0);
		ck_assert_msg(rc >= 0, "%s: %s", c->name, psm_error_name(rc));
	}
	c->prepare();
	return atomic_load(&testing_memory.live);
}

/* Call it with the n-th allocation refused; *before: the rows, NULL: they are
 * to be looked at. 1: it failed. */
static inline int
oom_refuse(const struct oom_case *c, long n, char **before)
{
	char *after;
	int rc;

	if (*before == NULL)
		*before = pg_text("SELECT oom_state()");
	rc = oom_call(c, n);
	/* A connection that could not be used is a new one. */
	ck_assert_msg(rc >= 0 || rc == PSM_ERR_NOMEM || rc == PSM_ERR_DB,
	              "%s, allocation %ld: %s", c->name, n, psm_error_name(rc));
	if (rc < 0 && c->how != OOM_STAYS) {
		after = pg_text("SELECT oom_state()");
		ck_assert_msg(strcmp(*before, after) == 0,
		              "%s, allocation %ld: rows changed", c->name, n);
		free(after);
	} else {
		c->prepare();
		free(*before);
		*before = NULL;
	}
	return rc < 0;
}

/* A failure says so, changes nothing and keeps nothing; how many there were. */
static inline int
oom_each(const struct oom_case *c)
{
	char *before = NULL;
	int failures = 0;
	long live, count;

	(void)oom_live(c);
	(void)oom_call(c, 1); /* what is counted for ever */
	live = oom_live(c);
	(void)oom_call(c, 0);
	count = oom_count;
	c->prepare();
	for (long n = 1; n <= count; n++)
		failures += oom_refuse(c, n, &before);
	free(before);
	ck_assert_msg(oom_live(c) == live, "%s: leaked %ld", c->name,
	              atomic_load(&testing_memory.live) - live);
	return failures;
}

/* All of them; each has many allocations that it cannot do without. */
static inline void
oom_all(const struct oom_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int failures = oom_each(&cases[i]);

		ck_assert_msg(failures >= 1, "%s: %d failures", cases[i].name,
		              failures);
	}
}

#endif
