/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/migrate.h"
#include "store/pool.h"

#include <stdio.h>
#include <string.h>

/* "psm migr": services that start together migrate one after the other. The
 * lock ends with each transaction, so a killed service leaves none behind. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(8102661386254741362)"

/* One migration, or the wait for another service's, may take this long. */
#define MIGRATE_LIMIT_MS (15 * 60 * 1000)

static int
begin_locked(struct psm__conn *c, psm_error *err)
{
	int rc = psm__conn_begin(c, err);

	if (rc == 0)
		rc = psm__conn_queue(c, LOCK_SQL, 0, NULL, NULL, err);
	if (rc == 0)
		rc = psm__conn_sync(c, err);
	return rc;
}

static int
finish(struct psm__conn *c, int rc, psm_error *err)
{
	if (rc == 0)
		return psm__conn_exec(c, "COMMIT", 0, NULL, NULL, err);
	/* If this fails the pool closes the connection, which rolls back. */
	if (!psm__conn_broken(c))
		(void)psm__conn_exec(c, "ROLLBACK", 0, NULL, NULL, NULL);
	return rc;
}

static int
make_table(struct psm__conn *c, psm_error *err)
{
	int rc = begin_locked(c, err);

	if (rc == 0)
		rc = psm__conn_script(
		    c,
		    "CREATE SCHEMA IF NOT EXISTS psymatch;\n"
		    "CREATE TABLE IF NOT EXISTS psymatch.migration (\n"
		    "set text NOT NULL, version integer NOT NULL,\n"
		    "name text NOT NULL, checksum text NOT NULL,\n"
		    "applied_at timestamptz NOT NULL DEFAULT now(),\n"
		    "PRIMARY KEY (set, version));",
		    err);
	return finish(c, rc, err);
}

/* 1: applied already and the same. 0: not applied. */
static int
is_applied(struct psm__conn *c, const struct psm__migration *m, psm_error *err)
{
	const char *params[3];
	psm_rows *rows = NULL;
	char version[16];
	int rc;

	(void)snprintf(version, sizeof version, "%d", m->version);
	params[0] = m->set;
	params[1] = version;
	params[2] = m->sql;
	rc = psm__conn_exec(c,
	                    "SELECT checksum = md5($3) FROM psymatch.migration "
	                    "WHERE set = $1 AND version = $2::integer",
	                    3, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = psm_rows_int(rows, 0, 0)
		         ? 1
		         : psm__fail(err, PSM_ERR_CONFLICT,
		                     "migration %s/%s: changed after it was "
		                     "applied, want a new file",
		                     m->set, m->name);
	psm_rows_free(rows);
	return rc;
}

static int
run_one(struct psm__conn *c, const struct psm__migration *m, psm_error *err)
{
	const char *params[4];
	char version[16];
	int rc;

	rc = psm__conn_script(c, m->sql, err);
	if (rc < 0) {
		psm__error_prefix(err, "migration %s/%s: ", m->set, m->name);
		psm__error_source(err, "%s", m->name);
		return rc;
	}
	(void)snprintf(version, sizeof version, "%d", m->version);
	params[0] = m->set;
	params[1] = version;
	params[2] = m->name;
	params[3] = m->sql;
	return psm__conn_exec(
	    c,
	    "INSERT INTO psymatch.migration (set, version, name, checksum) "
	    "VALUES ($1, $2::integer, $3, md5($4))",
	    4, params, NULL, err);
}

static int
apply(struct psm__conn *c, const struct psm__migration *m, psm_error *err)
{
	int rc, done = 0;

	rc = begin_locked(c, err);
	if (rc == 0) {
		rc = is_applied(c, m, err);
		done = rc == 1;
		if (rc == 0)
			rc = run_one(c, m, err);
		else if (rc > 0)
			rc = 0;
	}
	rc = finish(c, rc, err);
	if (rc == 0 && !done)
		psm__log(PSM_LOG_INFO, "migration applied", "set", m->set,
		         "name", m->name, NULL);
	return rc;
}

int
psm__migrate_on(struct psm__conn *c, const struct psm__migration *table,
                const char *set, psm_error *err)
{
	const struct psm__migration *m;
	int rc = make_table(c, err);

	for (m = table; m->set && rc == 0; m++)
		if (strcmp(m->set, set) == 0)
			rc = apply(c, m, err);
	return rc;
}

int
psm__migrate(psm_store *st, const struct psm__migration *table, const char *set,
             psm_error *err)
{
	const struct psm__migration *m;
	struct psm__conn *c;
	int rc, found = 0;

	for (m = table; m->set; m++)
		found = found || strcmp(m->set, set) == 0;
	if (!found)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "set: want a known one, got \"%s\"", set);
	rc = psm__pool_get(st, PSM__POOL_WAIT_MS, &c, err);
	if (rc < 0)
		return rc;
	psm__conn_limits(c, MIGRATE_LIMIT_MS, NULL);
	rc = psm__migrate_on(c, table, set, err);
	psm__pool_put(st, c);
	return rc;
}

int
psm_store_migrate(psm_store *st, const char *set, psm_error *err)
{
	psm__error_clear(err);
	if (!st || !set)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and the name of a set");
	return psm__migrate(st, psm__migrations, set, err);
}
