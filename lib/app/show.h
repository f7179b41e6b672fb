/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of a statement, or of an entity, as members of JSON objects. */
#ifndef PSM_SHOW_INT_H
#define PSM_SHOW_INT_H

#include <psymatch/json.h>
#include <psymatch/store.h>

#include "entity/entity.h"

enum psm__show_kind {
	PSM__SHOW_NUMBER,
	PSM__SHOW_TEXT,
	PSM__SHOW_TIME,
	PSM__SHOW_BOOLEAN
};

struct psm__show_column {
	const char *name;
	enum psm__show_kind kind;
};

/* One member. */
void psm__show_value(psm_json_writer *w, const char *name,
                     enum psm__show_kind kind, const psm_rows *rows, size_t row,
                     size_t column);
/* The members of one row, its columns from the first one on. */
void psm__show_row(psm_json_writer *w, const struct psm__show_column *columns,
                   size_t count, const psm_rows *rows, size_t row);
/* An array of objects; rows may be NULL. */
void psm__show_rows(psm_json_writer *w, const struct psm__show_column *columns,
                    size_t count, const psm_rows *rows);
/* The members of an entity's row, as REST shows them. */
int psm__show_entity(psm_json_writer *w, const struct psm__row *row,
                     psm_error *err);
/* key: the record of a patient or therapist, if this database has it, else what
 * the copy has of it; null if there is none. */
int psm__show_person(psm_json_writer *w, psm_tx *tx, const char *key,
                     const struct psm_entity *e, int64_t id, psm_error *err);

/* A record with all that belongs to it. */
struct psm__shown {
	const struct psm_entity *entity;
	const char *key; /* of the person that column names */
	const struct psm_entity *copied;
	size_t column;
	/* Writes the other members. */
	int (*rest)(psm_json_writer *w, psm_tx *tx, const char *id,
	            psm_error *err);
};

/* In a transaction of its own; version may be NULL. */
int psm__show_get(psm_store *store, const struct psm__shown *what, int64_t id,
                  char **out, int64_t *version, psm_error *err);

#endif
