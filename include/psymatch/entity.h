/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_ENTITY_H
#define PSYMATCH_ENTITY_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/** One of the platform's entities: its columns, its states. */
typedef struct psm_entity psm_entity;

/** One column of an entity. */
typedef struct psm_entity_field psm_entity_field;

/* What is said of a column; psm_entity_field_is() asks for one at a time. */
enum psm_entity_flag {
	PSM_ENTITY_REQUIRED = 1,   /* who makes a row must give it */
	PSM_ENTITY_NOT_NULL = 2,   /* NOT NULL in SQL */
	PSM_ENTITY_STAYS = 4,      /* a change never clears it */
	PSM_ENTITY_PERSONAL = 8,   /* tells something about a person */
	PSM_ENTITY_FILTER = 16,    /* lists select by its value */
	PSM_ENTITY_PREFIX = 32,    /* lists select by its beginning */
	PSM_ENTITY_SEARCHED = 64,  /* lists look for a part of it */
	PSM_ENTITY_SORT = 128,     /* lists sort by it */
	PSM_ENTITY_IN_EVENT = 256, /* events carry it */
	PSM_ENTITY_IN_COPY = 512,  /* the matching service's copy has it */
	PSM_ENTITY_CREATED = 1024, /* set when the row is made */
	PSM_ENTITY_UPDATED = 2048  /* set when the row changes */
};

/* Who writes a column. */
enum psm_entity_writer {
	PSM_ENTITY_REST_CREATE = 1,
	PSM_ENTITY_REST_UPDATE = 2,
	PSM_ENTITY_IMPORT_CREATE = 4, /* an import that makes the row */
	PSM_ENTITY_IMPORT_UPDATE = 8, /* an import that finds the row */
	PSM_ENTITY_SYSTEM = 16        /* a rule, whatever the input says */
};

/* What a JSON Schema of an entity is for. */
enum psm_entity_shape {
	PSM_ENTITY_SHOW = 0,   /* what REST answers */
	PSM_ENTITY_CREATE = 1, /* what REST takes to make a row */
	PSM_ENTITY_UPDATE = 2, /* to change one, by the platform's PUT */
	PSM_ENTITY_MERGE = 3,  /* to change one, by RFC 7396 */
	PSM_ENTITY_EVENT = 4   /* what events carry */
};

/**
 * How many entities there are.
 *
 * @return the count.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_entity_count(void);

/**
 * The i-th entity.
 *
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_entity *psm_entity_at(size_t i);

/**
 * The entity of a name: "patient", "therapist", "search", "inquiry",
 * "inquiry_patient", "email" or "phone_call".
 *
 * @param name  the name; NULL gives NULL.
 * @return borrowed for ever; NULL if there is no such entity.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_entity *psm_entity_find(const char *name);

/**
 * The name of an entity.
 *
 * @param e  an entity; NULL is allowed.
 * @return borrowed for ever; NULL if e is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_name(const psm_entity *e);

/**
 * The SQL schema of an entity's table.
 *
 * @param e  an entity; NULL is allowed.
 * @return borrowed for ever; NULL if e is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_sql_schema(const psm_entity *e);

/**
 * The name of an entity's table.
 *
 * @param e  an entity; NULL is allowed.
 * @return borrowed for ever; NULL if e is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_sql_table(const psm_entity *e);

/**
 * The i-th column, in the order of the table. The first one is the id.
 *
 * @param e  an entity; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if e is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_entity_field *psm_entity_field_at(const psm_entity *e,
                                                    size_t i);

/**
 * The name of a column, in SQL and in JSON.
 *
 * @param f  a column; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_name(const psm_entity_field *f);

/**
 * What a column holds.
 *
 * @param f  a column; NULL is allowed.
 * @return "integer", "bigint", "numeric", "boolean", "text", "enum", "date",
 *   "time", "timestamp", "object" or "array", borrowed for ever; NULL if f is
 *   NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_type(const psm_entity_field *f);

/**
 * What the items of an array are.
 *
 * @param f  a column; NULL is allowed.
 * @return as psm_entity_field_type(), or "any", borrowed for ever; NULL if f is
 *   NULL or no array.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_item_type(const psm_entity_field *f);

/**
 * The type of a column in SQL, e.g. "varchar(100)".
 *
 * @param f  a column; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_sql_type(const psm_entity_field *f);

/**
 * What a column is about, in a few words.
 *
 * @param f  a column; NULL is allowed.
 * @return borrowed for ever; NULL if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_meaning(const psm_entity_field *f);

/**
 * What a new row gets in a column that nothing was given for, as PostgreSQL
 * writes it: "f", "aktiv", "[]".
 *
 * @param f  a column; NULL is allowed.
 * @return borrowed for ever; NULL if it stays null, or f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_default(const psm_entity_field *f);

/**
 * The i-th word that a column, or an item of its array, may have.
 *
 * @param f  a column; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end, or if any value may be there.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_field_word_at(const psm_entity_field *f,
                                             size_t i);

/**
 * The limits of a column: the value of a number, the characters of a text, the
 * items of an array.
 *
 * @param f      a column; NULL is allowed.
 * @param least  receives the least; may be NULL.
 * @param most   receives the most; may be NULL.
 * @return 1: there are limits; 0: there are none, and both are 0.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_entity_field_limits(const psm_entity_field *f, int64_t *least,
                                    int64_t *most);

/**
 * Whether a column has a flag.
 *
 * @param f     a column; NULL is allowed.
 * @param flag  an enum psm_entity_flag.
 * @return 1 or 0; 0 if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_entity_field_is(const psm_entity_field *f, int flag);

/**
 * Whether somebody may write a column.
 *
 * @param f       a column; NULL is allowed.
 * @param writer  an enum psm_entity_writer.
 * @return 1 or 0; 0 if f is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_entity_field_writable(const psm_entity_field *f, int writer);

/**
 * The i-th filter of an entity's lists: a column with flag FILTER by its name,
 * one with flag PREFIX as "<name>_prefix", "recipient_type" if the rows are to
 * a therapist or to a patient, and "search" if there are columns with flag
 * SEARCHED.
 *
 * @param e  an entity; NULL is allowed.
 * @param i  from 0 on.
 * @return borrowed for ever; NULL past the end or if e is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_filter_at(const psm_entity *e, size_t i);

/**
 * The column that has a filter's values.
 *
 * @param e       an entity; NULL is allowed.
 * @param filter  as psm_entity_filter_at() gives it; NULL is allowed.
 * @return borrowed for ever; NULL for "search", for another name, and if an
 *   argument is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const psm_entity_field *psm_entity_filter_field(const psm_entity *e,
                                                        const char *filter);

/**
 * The i-th state of an entity.
 *
 * @param e  an entity; NULL is allowed.
 * @param i  from 0 on.
 * @return the state's word, borrowed for ever; NULL past the end or if e is
 *   NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_entity_state_at(const psm_entity *e, size_t i);

/**
 * Whether one state may follow another.
 *
 * @param e      an entity; NULL is allowed.
 * @param from   a word of psm_entity_state_at(); NULL: the row is made.
 * @param to     a word of psm_entity_state_at(); NULL is allowed.
 * @param event  receives the type of the event that the step publishes,
 *               borrowed for ever, or NULL for none; may be NULL itself. Where
 *               it depends on the row, the one of a therapist that carries a
 *               block.
 * @return 1 or 0; 0 if a word is none of the states.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_entity_may_follow(const psm_entity *e, const char *from,
                                  const char *to, const char **event);

/**
 * The JSON Schema (2020-12) of an entity, for OpenAPI 3.1 and for tools.
 *
 * @param e      an entity.
 * @param shape  an enum psm_entity_shape.
 * @param out    receives {"type": "object", "properties": {column: schema},
 *               "required": array of string}, without "$schema"; new
 *               (psm_free), NULL unless 0 is returned.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  e or out is NULL, or shape is none;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_entity_schema(const psm_entity *e, int shape, char **out,
                              psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
