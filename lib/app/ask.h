/* SPDX-License-Identifier: BSD-2-Clause */
/* What use cases ask the database beside rows: the time, and what is there. */
#ifndef PSM_ASK_INT_H
#define PSM_ASK_INT_H

#include <psymatch/store.h>

#include "domain/domain.h"

/* The times of a decision, by the library's clock. */
int psm__app_now(psm_tx *tx, struct psm__now *now, psm_error *err);
/* The day in Berlin of a time, "YYYY-MM-DD". */
int psm__app_day(psm_tx *tx, int64_t time_us, char day[11], psm_error *err);
/* Tomorrow in Berlin, as "YYYYMMDD". */
int psm__app_tomorrow(psm_store *store, char day[9], psm_error *err);
/* The first field of the first row as a number; 0 if there is none. */
int psm__app_ask(psm_tx *tx, const char *sql, size_t count,
                 const char *const *params, int64_t *answer, psm_error *err);
/* 1: a table, with its schema, is in this database and may be read; that of
 * another service may be out of this role's reach. */
int psm__app_has_table(psm_tx *tx, const char *name, psm_error *err);
/* The same as an expression; to_regclass() fails where the schema may not be
 * used. */
#define PSM__HAS_TABLE(schema, table)                                          \
	"EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = "       \
	"c.relnamespace WHERE n.nspname = " schema " AND c.relname = " table   \
	" AND has_schema_privilege(n.oid, 'USAGE') AND "                       \
	"has_table_privilege(c.oid, 'SELECT'))"
/* The same of a column: a condition, not yet in brackets. */
#define PSM__HAS_COLUMN(schema, table, column)                                 \
	PSM__HAS_TABLE(schema, table)                                          \
	" AND EXISTS (SELECT FROM information_schema.columns WHERE "           \
	"table_schema = " schema " AND table_name = " table                    \
	" AND column_name = " column ")"

#endif
