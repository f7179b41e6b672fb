/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Numbers give events, parked ones and dead letters their order. Logical
 * replication brings the rows to a new server, but not the sequences: after a
 * switch-over new rows would get numbers below those that wait, or of rows that
 * are there.
 */
#include "store/conn.h"
#include "store/delivery.h"

#include <string.h>

/* Those that belong to a column, with the names as SQL wants them, of tables
 * that this role may look at; and whether it may look at the sequence, too. One
 * that it may only draw from is reported; of others it draws nothing. */
#define LIST_SQL                                                               \
	"SELECT q.seqrelid::regclass::text, t.oid::regclass::text, "           \
	"quote_ident(a.attname), has_sequence_privilege(q.seqrelid, "          \
	"'SELECT') FROM pg_depend AS d "                                       \
	"JOIN pg_sequence AS q ON q.seqrelid = d.objid "                       \
	"JOIN pg_class AS t ON t.oid = d.refobjid "                            \
	"JOIN pg_namespace AS n ON n.oid = t.relnamespace "                    \
	"JOIN pg_attribute AS a ON a.attrelid = t.oid AND "                    \
	"a.attnum = d.refobjsubid "                                            \
	"WHERE d.classid = 'pg_class'::regclass AND "                          \
	"d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') "     \
	"AND (n.nspname = 'psymatch' OR n.nspname LIKE '%\\_service') "        \
	"AND has_table_privilege(t.oid, 'SELECT') "                            \
	"AND has_sequence_privilege(q.seqrelid, 'SELECT, USAGE') ORDER BY 1"

struct sequence {
	const char *name, *table, *column;
	int64_t last, highest;
};

/* Ask with a text of one's own; *rows NULL after a failure. */
static int
ask(struct psm__conn *c, struct psm__buf *sql, psm_rows **rows, psm_error *err)
{
	int rc = sql->failed ? psm__nomem(err)
	                     : psm__conn_exec(c, sql->data, 0, NULL, rows, err);

	psm__buf_free(sql);
	return rc;
}

/* 1: rows have numbers that it has not given yet. */
static int
is_behind(struct psm__conn *c, struct sequence *s, psm_error *err)
{
	struct psm__buf sql = {0};
	psm_rows *rows = NULL;
	int rc;

	psm__buf_printf(&sql,
	                "SELECT s.last_value - (NOT s.is_called)::integer, "
	                "coalesce((SELECT max(%s) FROM %s), 0) FROM %s AS s",
	                s->column, s->table, s->name);
	rc = ask(c, &sql, &rows, err);
	if (rc == 0) {
		s->last = psm_rows_int(rows, 0, 0);
		s->highest = psm_rows_int(rows, 0, 1);
		rc = s->last < s->highest;
	}
	psm_rows_free(rows);
	return rc;
}

/* Writers wait until it is done. */
static int
queue_set(struct psm__conn *c, const struct sequence *s, psm_error *err)
{
	struct psm__buf lock = {0}, set = {0};
	int rc = psm__conn_begin(c, err);

	psm__buf_printf(&lock, "LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE",
	                s->table);
	/* Not lower than it is: another process may have done it. */
	psm__buf_printf(&set,
	                "SELECT setval('%s', greatest(max(%s), (SELECT "
	                "last_value FROM %s))) FROM %s",
	                s->name, s->column, s->name, s->table);
	if (rc == 0 && (lock.failed || set.failed))
		rc = psm__nomem(err);
	if (rc == 0)
		rc = psm__conn_exec(c, lock.data, 0, NULL, NULL, err);
	if (rc == 0)
		rc = psm__conn_exec(c, set.data, 0, NULL, NULL, err);
	if (rc == 0)
		rc = psm__conn_exec(c, "COMMIT", 0, NULL, NULL, err);
	psm__buf_free(&lock);
	psm__buf_free(&set);
	return rc;
}

static int
set_forward(struct psm__conn *c, const struct sequence *s, psm_error *err)
{
	struct psm__number from, to;
	int rc = queue_set(c, s, err);

	if (rc == 0) {
		psm__log(PSM_LOG_WARN,
		         "a sequence was behind its table, as after a "
		         "switch-over by logical replication; it was set",
		         "sequence", s->name, "from",
		         psm__number(&from, s->last), "to",
		         psm__number(&to, s->highest), NULL);
		return 0;
	}
	if (!psm__conn_broken(c))
		(void)psm__conn_exec(c, "ROLLBACK", 0, NULL, NULL, NULL);
	psm__error_prefix(err,
	                  "sequence %s is at %lld, its table %s at %lld: want "
	                  "SELECT setval('%s', %lld) by its owner; ",
	                  s->name, (long long)s->last, s->table,
	                  (long long)s->highest, s->name,
	                  (long long)s->highest);
	return rc;
}

int
psm__sequences_follow(struct psm__conn *c, psm_error *err)
{
	psm_rows *rows = NULL;
	struct sequence s = {0};
	size_t i;
	int rc = psm__conn_exec(c, LIST_SQL, 0, NULL, &rows, err);

	for (i = 0; i < psm_rows_count(rows) && rc == 0; i++) {
		s.name = psm_rows_text(rows, i, 0);
		if (!psm_rows_int(rows, i, 3)) {
			psm__log(PSM_LOG_WARN,
			         "a sequence may be behind its table, and this "
			         "role may not look: want GRANT SELECT ON "
			         "SEQUENCE",
			         "sequence", s.name, NULL);
			continue;
		}
		s.table = psm_rows_text(rows, i, 1);
		s.column = psm_rows_text(rows, i, 2);
		rc = is_behind(c, &s, err);
		if (rc == 1)
			rc = set_forward(c, &s, err);
	}
	psm_rows_free(rows);
	return rc;
}
