/* SPDX-License-Identifier: BSD-2-Clause */
/* A schema with empty copies of tables, for a replay to write to. */
#include "store/shadow.h"

#include <string.h>

/* Its inbox; also the mark that the schema was made here, so that nobody names
 * the live one by mistake. */
#define INBOX "psymatch_replay"

#define NAME_MAX_LEN 63

/* -- making */

static int
check_name(const char *schema, psm_error *err)
{
	size_t len = schema ? strlen(schema) : 0;

	if (len == 0 || len > NAME_MAX_LEN ||
	    psm__utf8_check(schema, len) != len ||
	    strncmp(schema, "pg_", 3) == 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "schema: want 1 to %d bytes of UTF-8, not "
		                 "beginning with \"pg_\"",
		                 NAME_MAX_LEN);
	return 0;
}

/* Run each statement that the query wrote; count: how many there were. */
static int
run_written(psm_tx *tx, const char *query, size_t param_count,
            const char *const *params, size_t *count, psm_error *err)
{
	psm_rows *rows = NULL;
	size_t i;
	int rc = psm_tx_exec(tx, query, param_count, params, &rows, err);

	*count = psm_rows_count(rows);
	for (i = 0; i < *count && rc == 0; i++)
		rc = psm_tx_exec(tx, psm_rows_text(rows, i, 0), 0, NULL, NULL,
		                 err);
	psm_rows_free(rows);
	return rc;
}

#define SCHEMA_SQL                                                             \
	"SELECT format(s, $1::text) FROM (VALUES "                             \
	"(1, 'CREATE SCHEMA %1$I'), "                                          \
	"(2, 'CREATE TABLE %1$I." INBOX " (consumer text NOT NULL, "           \
	"event_id uuid NOT NULL, handled_at timestamptz NOT NULL "             \
	"DEFAULT now(), PRIMARY KEY (consumer, event_id))'), "                 \
	"(3, 'COMMENT ON TABLE %1$I." INBOX                                    \
	" IS ''Events that a replay has handled in this schema''')) "          \
	"AS w(n, s) WHERE NOT EXISTS (SELECT FROM pg_namespace "               \
	"WHERE nspname = $1::text) ORDER BY n"

static int
make_schema(psm_tx *tx, const char *schema, psm_error *err)
{
	size_t count;
	int rc = run_written(tx, SCHEMA_SQL, 1, &schema, &count, err);

	if (rc == 0 && count == 0)
		rc = psm__fail(err, PSM_ERR_CONFLICT,
		               "schema: %s is there already", schema);
	return rc;
}

/*
 * A copy has indexes, checks and defaults of the table. A serial column would
 * still count in the live sequence, so it gets one of its own; an identity
 * column has that by itself.
 */
#define TABLE_SQL                                                              \
	"WITH t AS (SELECT c.oid, n.nspname, c.relname FROM pg_class AS c "    \
	"JOIN pg_namespace AS n ON n.oid = c.relnamespace "                    \
	"WHERE c.oid = to_regclass($2::text)), "                               \
	"serial AS (SELECT t.relname, s.relname AS sequence, a.attname "       \
	"FROM t JOIN pg_depend AS d ON d.refobjid = t.oid "                    \
	"AND d.refclassid = 'pg_class'::regclass "                             \
	"AND d.classid = 'pg_class'::regclass AND d.deptype = 'a' "            \
	"JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S' "           \
	"JOIN pg_attribute AS a ON a.attrelid = t.oid "                        \
	"AND a.attnum = d.refobjsubid) "                                       \
	"SELECT w.s FROM (SELECT 1 AS n, format('CREATE TABLE %I.%I "          \
	"(LIKE %I.%I INCLUDING ALL)', $1::text, relname, nspname, relname) "   \
	"AS s FROM t UNION ALL "                                               \
	"SELECT 2, format('CREATE SEQUENCE %1$I.%2$I OWNED BY %1$I.%3$I.%4$I'" \
	", $1::text, sequence, relname, attname) FROM serial UNION ALL "       \
	"SELECT 3, format('ALTER TABLE %I.%I ALTER COLUMN %I "                 \
	"SET DEFAULT nextval(%L::regclass)', $1::text, relname, attname, "     \
	"format('%I.%I', $1::text, sequence)) FROM serial) AS w ORDER BY w.n"

static int
copy_table(psm_tx *tx, const char *schema, const char *table, psm_error *err)
{
	const char *params[2] = {schema, table};
	size_t count;
	int rc = run_written(tx, TABLE_SQL, 2, params, &count, err);

	if (rc == 0 && count == 0)
		rc = psm__fail(err, PSM_ERR_NOT_FOUND, "table: no %.150s",
		               table);
	return rc;
}

int
psm_store_shadow(psm_store *st, const char *schema, const char *const *tables,
                 size_t count, psm_error *err)
{
	psm_tx *tx = NULL;
	size_t i;
	int rc;

	psm__error_clear(err);
	if (!st || (count > 0 && !tables))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a store and the names of tables");
	for (i = 0; i < count; i++)
		if (!tables[i] || !tables[i][0])
			return psm__fail(err, PSM_ERR_INVAL,
			                 "tables[%zu]: want a name", i);
	rc = check_name(schema, err);
	if (rc == 0)
		rc = psm_tx_begin(st, &tx, err);
	if (rc < 0)
		return rc;
	rc = make_schema(tx, schema, err);
	for (i = 0; i < count && rc == 0; i++)
		rc = copy_table(tx, schema, tables[i], err);
	if (rc == 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

#define DROP_SQL                                                               \
	"SELECT format('DROP SCHEMA %I CASCADE', $1::text) "                   \
	"WHERE to_regclass(format('%I." INBOX "', $1::text)) IS NOT NULL"

static int
not_made_here(const char *schema, psm_error *err)
{
	return psm__fail(err, PSM_ERR_NOT_FOUND,
	                 "schema: %s was not made by psm_store_shadow", schema);
}

int
psm_store_shadow_drop(psm_store *st, const char *schema, psm_error *err)
{
	psm_tx *tx = NULL;
	size_t count = 0;
	int rc;

	psm__error_clear(err);
	if (!st)
		return psm__fail(err, PSM_ERR_INVAL, "st: want a store");
	rc = check_name(schema, err);
	if (rc == 0)
		rc = psm_tx_begin(st, &tx, err);
	if (rc < 0)
		return rc;
	rc = run_written(tx, DROP_SQL, 1, &schema, &count, err);
	if (rc == 0 && count == 0)
		rc = not_made_here(schema, err);
	if (rc == 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

/* -- using */

int
psm__shadow_enter(psm_tx *tx, const char *schema, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = psm_tx_exec(tx,
	                 "SELECT to_regclass(format('%I." INBOX
	                 "', $1::text)) IS NOT NULL, "
	                 "set_config('search_path', concat_ws(', ', "
	                 "quote_ident($1::text), "
	                 "nullif(current_setting('search_path'), '')), true)",
	                 1, &schema, &rows, err);
	if (rc == 0 && psm_rows_int(rows, 0, 0) != 1)
		rc = not_made_here(schema, err);
	psm_rows_free(rows);
	return rc;
}

int
psm__shadow_claim(psm_tx *tx, const char *consumer, const char *event_id,
                  int *fresh, psm_error *err)
{
	struct psm__param params[2] = {psm__param_text(consumer),
	                               psm__param_text(event_id)};
	psm_rows *rows = NULL;
	int rc;

	*fresh = 0;
	rc = psm__tx_queue(tx,
	                   "INSERT INTO " INBOX " (consumer, event_id) "
	                   "VALUES ($1, $2::uuid) ON CONFLICT DO NOTHING",
	                   2, params, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*fresh = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

/*
 * Whoever writes to a table, truncates or changes it, or draws from a sequence,
 * holds a lock on it that readers do not take, until the transaction ends;
 * whatever function, trigger or name brought him there. So the locks tell what
 * was written to. Row locks (FOR UPDATE) change nothing. Catalogues are locked
 * by DDL on what is named here itself, but for large objects, which have no
 * schema.
 */
#define CHECK_SQL                                                              \
	"SELECT CASE WHEN c.relkind = 'S' THEN 'sequence' ELSE 'table' END, "  \
	"n.nspname, c.relname FROM pg_locks AS l "                             \
	"JOIN pg_class AS c ON c.oid = l.relation "                            \
	"JOIN pg_namespace AS n ON n.oid = c.relnamespace "                    \
	"WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' "          \
	"AND l.database = (SELECT oid FROM pg_database "                       \
	"WHERE datname = current_database()) AND l.mode NOT IN "               \
	"('AccessShareLock', 'RowShareLock', 'SIReadLock') "                   \
	"AND c.relkind NOT IN ('i', 'I', 't') AND n.nspname <> $1::text "      \
	"AND n.oid <> pg_my_temp_schema() AND (n.nspname <> 'pg_catalog' "     \
	"OR c.relname = 'pg_largeobject') ORDER BY 1 DESC, 2, 3 LIMIT 1"

int
psm__shadow_check(psm_tx *tx, const char *schema, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	/* What triggers still have to do is done now, before the look. */
	rc = psm__tx_queue(tx, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, NULL,
	                   err);
	if (rc == 0)
		rc = psm_tx_exec(tx, CHECK_SQL, 1, &schema, &rows, err);
	if (rc == 0 && psm_rows_count(rows) > 0)
		rc = psm__fail(
		    err, PSM_ERR_CONFLICT,
		    "a handler wrote to the %s %s.%s, outside of the "
		    "schema %s: nothing of its batch is kept",
		    psm_rows_text(rows, 0, 0), psm_rows_text(rows, 0, 1),
		    psm_rows_text(rows, 0, 2), schema);
	psm_rows_free(rows);
	return rc;
}
