/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"
#include "store/migrate.h"
#include "store/pool.h"

#include <string.h>

/* "psm migr": services that start together migrate one after the other. The
 * lock ends with each transaction, so a killed service leaves none behind. */
#define LOCK_SQL "SELECT pg_advisory_xact_lock(8102661386254741362)"

/* One migration, or the wait for another service's, may take this long. */
#define MIGRATE_LIMIT_MS (15 * 60 * 1000)

/*
 * Whatever the role's settings are: no timeout of the server ends a migration
 * early, and names without a schema are those of psymatch or public. So a type
 * that a platform's database has in public is used there; what is made goes to
 * psymatch, as not everybody may make things in public (PLACE_TYPES_SQL).
 */
#define SETTINGS_SQL                                                           \
	"SELECT set_config('statement_timeout', '15min', true), "              \
	"set_config('lock_timeout', '0', true), "                              \
	"set_config('idle_in_transaction_session_timeout', '0', true), "       \
	"set_config('search_path', concat_ws(', ', 'psymatch', 'public', "     \
	"nullif(current_setting('search_path'), '')), true)"

/* Enum types where the former platform has them, and where people find them
 * without a schema; they stay in psymatch if only others may make things in
 * public. */
#define PLACE_TYPES_SQL                                                        \
	"DO $$ DECLARE name text; BEGIN "                                      \
	"IF to_regnamespace('public') IS NULL OR NOT "                         \
	"has_schema_privilege('public', 'CREATE') THEN RETURN; END IF; "       \
	"FOR name IN SELECT typname FROM pg_type WHERE typnamespace = "        \
	"'psymatch'::regnamespace AND typtype = 'e' AND "                      \
	"pg_has_role(typowner, 'USAGE') AND "                                  \
	"to_regtype(format('public.%I', typname)) IS NULL LOOP "               \
	"EXECUTE format('ALTER TYPE psymatch.%I SET SCHEMA public', name); "   \
	"END LOOP; END $$"

static int
begin_locked(struct psm__conn *c, psm_error *err)
{
	int rc = psm__conn_begin(c, err);

	if (rc == 0)
		rc = psm__conn_queue(c, SETTINGS_SQL, 0, NULL, NULL, err);
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

/* Each only if it is missing: making needs rights that looking does not. */
static int
make_table(struct psm__conn *c, psm_error *err)
{
	int rc = begin_locked(c, err);

	if (rc == 0)
		rc = psm__conn_script(
		    c,
		    "DO $$ BEGIN\n"
		    "IF to_regnamespace('psymatch') IS NULL THEN\n"
		    "CREATE SCHEMA psymatch;\n"
		    "END IF;\n"
		    "IF to_regclass('psymatch.migration') IS NULL THEN\n"
		    "CREATE TABLE psymatch.migration (\n"
		    "set text NOT NULL, version integer NOT NULL,\n"
		    "name text NOT NULL, checksum text NOT NULL,\n"
		    "applied_at timestamptz NOT NULL DEFAULT now(),\n"
		    "PRIMARY KEY (set, version));\n"
		    "END IF; END $$;",
		    err);
	return finish(c, rc, err);
}

/* 1: the table of migrations is there. */
static int
have_table(struct psm__conn *c, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm__conn_exec(
	    c, "SELECT to_regclass('psymatch.migration') IS NOT NULL", 0, NULL,
	    &rows, err);

	if (rc == 0)
		rc = psm_rows_int(rows, 0, 0) == 1;
	psm_rows_free(rows);
	return rc;
}

/* 1: applied already and the same. 0: not applied. */
static int
is_applied(struct psm__conn *c, const struct psm__migration *m, psm_error *err)
{
	const char *params[2];
	psm_rows *rows = NULL;
	struct psm__number version;
	int rc, fits;

	params[0] = m->set;
	params[1] = psm__number(&version, m->version);
	rc = psm__conn_exec(c,
	                    "SELECT checksum FROM psymatch.migration "
	                    "WHERE set = $1 AND version = $2::integer",
	                    2, params, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0) {
		fits =
		    psm__checksum_fits(m->sql, psm_rows_text(rows, 0, 0), err);
		rc = fits ? fits
		          : psm__fail(err, PSM_ERR_CONFLICT,
		                      "migration %s/%s: changed after it was "
		                      "applied, want a new file",
		                      m->set, m->name);
	}
	psm_rows_free(rows);
	return rc;
}

static int
run_one(struct psm__conn *c, const struct psm__migration *m, psm_error *err)
{
	char checksum[PSM__CHECKSUM_SIZE];
	const char *params[4];
	struct psm__number version;
	int rc;

	rc = psm__checksum(m->sql, checksum, err);
	if (rc < 0)
		return rc;
	rc = psm__conn_script(c, m->sql, err);
	if (rc == 0)
		rc = psm__conn_script(c, PLACE_TYPES_SQL, err);
	if (rc < 0) {
		psm__error_prefix(err, "migration %s/%s: ", m->set, m->name);
		psm__error_source(err, "%s", m->name);
		return rc;
	}
	params[0] = m->set;
	params[1] = psm__number(&version, m->version);
	params[2] = m->name;
	params[3] = checksum;
	return psm__conn_exec(
	    c,
	    "INSERT INTO psymatch.migration (set, version, name, checksum) "
	    "VALUES ($1, $2::integer, $3, $4)",
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

/* 1: nothing is to be done. It takes no locks, and needs no more than to read
 * one table, so that also a standby answers. */
static int
is_up_to_date(struct psm__conn *c, const struct psm__migration *table,
              const char *set, psm_error *err)
{
	const struct psm__migration *m;
	int rc = have_table(c, err);

	for (m = table; m->set && rc == 1; m++)
		if (strcmp(m->set, set) == 0)
			rc = is_applied(c, m, err);
	return rc;
}

int
psm__migrated(struct psm__conn *c, const char *set, psm_error *err)
{
	return is_up_to_date(c, psm__migrations, set, err);
}

int
psm__migrate_on(struct psm__conn *c, const struct psm__migration *table,
                const char *set, psm_error *err)
{
	const struct psm__migration *m;
	int rc = is_up_to_date(c, table, set, err);

	if (rc != 0)
		return rc < 0 ? rc : 0;
	rc = make_table(c, err);
	for (m = table; m->set && rc == 0; m++)
		if (strcmp(m->set, set) == 0)
			rc = apply(c, m, err);
	return rc;
}

/* With the connection *c if there is such a set. */
static int
get_for(psm_store *st, const struct psm__migration *table, const char *set,
        struct psm__conn **c, psm_error *err)
{
	const struct psm__migration *m;
	int found = 0;

	for (m = table; m->set; m++)
		found = found || strcmp(m->set, set) == 0;
	if (!found)
		return psm__fail(err, PSM_ERR_NOT_FOUND,
		                 "set: want a known one, got \"%s\"", set);
	return psm__pool_get(st, PSM__POOL_WAIT_MS, c, err);
}

int
psm__migrate(psm_store *st, const struct psm__migration *table, const char *set,
             psm_error *err)
{
	struct psm__conn *c;
	int rc = get_for(st, table, set, &c, err);

	if (rc < 0)
		return rc;
	psm__conn_limits(c, MIGRATE_LIMIT_MS, NULL);
	rc = psm__migrate_on(c, table, set, err);
	if (rc == 0)
		rc = psm__sequences_follow(c, err);
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

int
psm_store_migrated(psm_store *st, const char *set, psm_error *err)
{
	struct psm__conn *c;
	int rc;

	psm__error_clear(err);
	if (!st || !set)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and the name of a set");
	rc = get_for(st, psm__migrations, set, &c, err);
	if (rc < 0)
		return rc;
	rc = psm__migrated(c, set, err);
	psm__pool_put(st, c);
	return rc;
}
