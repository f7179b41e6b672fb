/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the use cases share: a database with the tables of their
 * services, each a copy of one that app_main() made. */
#ifndef TESTING_APP_H
#define TESTING_APP_H

#include "testing.h"
#include "testing_member.h"
#include "testing_pg.h"

static psm_store *st;
static psm_error *err;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static inline void
app_setup(void)
{
	pg_copy();
	st = pg_store();
	err = psm_error_new();
	ck_assert_ptr_nonnull(err);
	/* There already, but where a program has a main() of its own. */
	OK(psm_store_migrate(st, "therapist", err));
	OK(psm_store_migrate(st, "matching", err));
	OK(psm_store_migrate(st, "communication", err));
}

static inline void
app_teardown(void)
{
	psm_error_free(err);
	psm_store_free(st);
}

/* A clock: the day does not end in the middle of a test. */
static inline int64_t
app_noon(void *user)
{
	(void)user;
	return INT64_C(1772445600000000); /* 2026-03-02T10:00:00Z */
}

static inline int64_t
outbox(const char *type)
{
	return pg_int("SELECT count(*) FROM psymatch.outbox WHERE type = '%s'",
	              type);
}

/* A member of the newest event. */
static inline void
check_event(const char *path, const char *want)
{
	char *got = pg_text("SELECT coalesce(payload::jsonb #>> '{%s}', "
	                    "'null') FROM psymatch.outbox ORDER BY id DESC "
	                    "LIMIT 1",
	                    path);

	ck_assert_str_eq(got, want);
	free(got);
}

/*
 * A text that changes when any row of the tables, or a lock in one, does. xmax
 * and ctid see writes that leave the values as they are.
 */
static inline char *
app_state(void)
{
	return pg_text(
	    "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM ("
	    "SELECT concat(xmin, xmax, ctid, t) AS line "
	    "FROM therapist_service.therapeuten t UNION ALL "
	    "SELECT concat(xmin, xmax, ctid, t) "
	    "FROM psymatch.entity_version t UNION ALL "
	    "SELECT concat(xmin, xmax, ctid, t) "
	    "FROM psymatch.therapist_import t UNION ALL "
	    "SELECT concat(xmin, xmax, ctid, t) "
	    "FROM psymatch.import_broken t UNION ALL "
	    "SELECT concat(xmin, xmax, ctid, t) FROM psymatch.outbox t) x");
}

static inline void
app_check_state(char *before)
{
	char *now = app_state();

	ck_assert_str_eq(now, before);
	free(now);
	free(before);
}

static inline int
app_main(char **argv, Suite *(*suite)(void))
{
	static const char *const sets[] = {"therapist", "matching",
	                                   "communication", NULL};

	pg_main(argv);
	pg_template(sets);
	return testing_run(srunner_create(suite()));
}

#endif
