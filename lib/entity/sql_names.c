/* SPDX-License-Identifier: BSD-2-Clause */
/* What statements of every kind name: the table and its columns. */
#include "entity/sql.h"

void
psm__sql_table(struct psm__buf *b, const struct psm_entity *e)
{
	psm__buf_printf(b, "%s.%s", e->schema, e->table);
}

void
psm__sql_columns(struct psm__buf *b, const struct psm_entity *e)
{
	for (size_t i = 0; i < e->count; i++)
		psm__buf_printf(b, "%st.%s", i ? ", " : "", e->fields[i].name);
}
