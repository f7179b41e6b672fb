/* SPDX-License-Identifier: BSD-2-Clause */
/* What the makers of statements share. */
#ifndef PSM_ENTITY_SQL_INT_H
#define PSM_ENTITY_SQL_INT_H

#include "entity/entity.h"

/* "schema.table"; "t.id, t.anrede, ..." */
void psm__sql_table(struct psm__buf *b, const struct psm_entity *e);
void psm__sql_columns(struct psm__buf *b, const struct psm_entity *e);

void psm__sql_put_copy(struct psm__buf *b, const struct psm_entity *e);
void psm__sql_put_erase(struct psm__buf *b, const struct psm_entity *e);

#endif
