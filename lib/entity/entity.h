/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The entity room: one table of fields and one state machine per entity, and
 * rows that are read, checked, changed and written by them. The table of an
 * entity is a list of lines in a header of its own (patient.h, ...); all else
 * is derived from it: columns, SQL, JSON, event payloads, schemas.
 */
#ifndef PSM_ENTITY_INT_H
#define PSM_ENTITY_INT_H

#include <psymatch/entity.h>
#include <psymatch/json.h>

#include "base/base.h"
#include "entity/email.h"
#include "entity/inquiry.h"
#include "entity/inquiry_patient.h"
#include "entity/patient.h"
#include "entity/phone_call.h"
#include "entity/search.h"
#include "entity/therapist.h"

/* Columns by position: PSM__PATIENT_PLZ, ..., and their count. */
#define PSM__PATIENT_COLUMN(up, ...) PSM__PATIENT_##up,
enum { PSM__PATIENT_FIELDS(PSM__PATIENT_COLUMN) PSM__PATIENT_COUNT };
#define PSM__THERAPIST_COLUMN(up, ...) PSM__THERAPIST_##up,
enum { PSM__THERAPIST_FIELDS(PSM__THERAPIST_COLUMN) PSM__THERAPIST_COUNT };
#define PSM__SEARCH_COLUMN(up, ...) PSM__SEARCH_##up,
enum { PSM__SEARCH_FIELDS(PSM__SEARCH_COLUMN) PSM__SEARCH_COUNT };
#define PSM__INQUIRY_COLUMN(up, ...) PSM__INQUIRY_##up,
enum { PSM__INQUIRY_FIELDS(PSM__INQUIRY_COLUMN) PSM__INQUIRY_COUNT };
#define PSM__INQUIRY_PATIENT_COLUMN(up, ...) PSM__INQUIRY_PATIENT_##up,
enum {
	PSM__INQUIRY_PATIENT_FIELDS(PSM__INQUIRY_PATIENT_COLUMN)
	    PSM__INQUIRY_PATIENT_COUNT
};
#define PSM__EMAIL_COLUMN(up, ...) PSM__EMAIL_##up,
enum { PSM__EMAIL_FIELDS(PSM__EMAIL_COLUMN) PSM__EMAIL_COUNT };
#define PSM__PHONE_CALL_COLUMN(up, ...) PSM__PHONE_CALL_##up,
enum { PSM__PHONE_CALL_FIELDS(PSM__PHONE_CALL_COLUMN) PSM__PHONE_CALL_COUNT };

/* No entity has more columns; the id is column 0 of each. */
#define PSM__COLUMNS_MAX 64
#define PSM__COLUMN_ID 0

/* -- tables.c */

/* What a column holds. There is no other type: a switch names them all. */
enum psm__type {
	PSM__T_INTEGER,
	PSM__T_BIGINT,
	PSM__T_NUMERIC,
	PSM__T_BOOLEAN,
	PSM__T_TEXT,
	PSM__T_ENUM,
	PSM__T_DATE,
	PSM__T_TIME,
	PSM__T_TIMESTAMP, /* without time zone, always UTC */
	PSM__T_OBJECT,
	PSM__T_ARRAY,
	PSM__T_ANY /* of an array's items: any value */
};

/* What a text must look like, beside its length, or an object or array inside.
 * What is stored already may look otherwise: see psm__row_read(). */
enum psm__form {
	PSM__FORM_FREE,     /* any text, also of several lines */
	PSM__FORM_LINE,     /* one line */
	PSM__FORM_NAME,     /* one line without HTML entities */
	PSM__FORM_MAIL,     /* one mail address */
	PSM__FORM_PAGE,     /* an address of http or https */
	PSM__FORM_POSTCODE, /* five digits */
	/* Objects and arrays, shape.c: */
	PSM__FORM_WEEK,      /* {"montag": ["09:00-12:00"]} */
	PSM__FORM_DISTANCE,  /* {"max_km": number} */
	PSM__FORM_EXCLUSIONS /* [7, {"id": 8, "reason": text or null}] */
};

/* Who may write a column, as bits: enum psm_entity_writer in short. */
enum psm__writer {
	PSM__W_REST_CREATE = PSM_ENTITY_REST_CREATE,
	PSM__W_REST_UPDATE = PSM_ENTITY_REST_UPDATE,
	PSM__W_IMPORT_CREATE = PSM_ENTITY_IMPORT_CREATE,
	PSM__W_IMPORT_UPDATE = PSM_ENTITY_IMPORT_UPDATE,
	PSM__W_SYSTEM = PSM_ENTITY_SYSTEM
};

/* enum psm_entity_flag in short. */
enum psm__flag {
	PSM__REQUIRED = PSM_ENTITY_REQUIRED,
	PSM__NOT_NULL = PSM_ENTITY_NOT_NULL,
	PSM__STAYS = PSM_ENTITY_STAYS,
	PSM__PERSONAL = PSM_ENTITY_PERSONAL,
	PSM__FILTER = PSM_ENTITY_FILTER,
	PSM__PREFIX = PSM_ENTITY_PREFIX,
	PSM__SEARCHED = PSM_ENTITY_SEARCHED,
	PSM__SORT = PSM_ENTITY_SORT,
	PSM__IN_EVENT = PSM_ENTITY_IN_EVENT,
	PSM__IN_COPY = PSM_ENTITY_IN_COPY,
	PSM__CREATED = PSM_ENTITY_CREATED,
	PSM__UPDATED = PSM_ENTITY_UPDATED
};

struct psm_entity_field {
	const char *name;     /* column and JSON name */
	const char *sql_type; /* "varchar(100)", "date", "jsonb", ... */
	const char *preset;   /* default, as PostgreSQL writes it; NULL: null */
	const char *meaning;  /* one line for people */
	const char *const
	    *words; /* of an enum or of an array's items, or NULL */
	/* Value of a number, characters of a text, items of an array. A text
	 * with most 0 has no limit. */
	int64_t least, most;
	unsigned flags;        /* enum psm__flag */
	unsigned char len;     /* of name */
	unsigned char type;    /* enum psm__type */
	unsigned char item;    /* enum psm__type of an array's items */
	unsigned char form;    /* enum psm__form of a text */
	unsigned char writers; /* enum psm__writer; 0: only the database */
};

struct psm__row;
struct psm__now;
struct psm__machine;

struct psm_entity {
	const char *name; /* "inquiry_patient" */
	const char *schema, *table;
	const char *copy;      /* table of the copy, or NULL */
	const char *service;   /* whose it is: "patient-service" */
	const char *id_name;   /* of the id in events: "patient_id" */
	const char *data_name; /* of the record in events, or NULL */
	const struct psm_entity_field *fields;
	size_t count;
	const struct psm__machine *machine; /* NULL: has no states */
	/* The rules across columns, for those that changed; a column with a
	 * fault of its own has the value from before. 0 or PSM_ERR_SCHEMA with
	 * all faults. NULL: there are none. */
	int (*check)(const struct psm__row *row, const struct psm__now *now,
	             const char *prefix, psm_error *err);
	int number; /* in psm__entities */
};

extern const struct psm_entity psm__entity_patient, psm__entity_therapist,
    psm__entity_search, psm__entity_inquiry, psm__entity_inquiry_patient,
    psm__entity_email, psm__entity_phone_call;
#define PSM__ENTITY_COUNT 7
extern const struct psm_entity *const psm__entities[PSM__ENTITY_COUNT];

/* -- index.c: the column of a name that came from outside; code uses the
 * constants. -1: there is none. hash: as of psm__json_key_hash(); likely: the
 * column to look at first. */
int psm__column_of(const struct psm_entity *e, const char *name, uint32_t hash,
                   int likely);
int psm__column_find(const struct psm_entity *e, const char *name);

/* -- words.c: the closed word lists, each ends with NULL */
extern const char *const psm__words_anrede[];
extern const char *const psm__words_geschlecht[];
extern const char *const psm__words_patientenstatus[];
extern const char *const psm__words_therapeutgeschlechtspraeferenz[];
extern const char *const psm__words_therapieverfahren[];
extern const char *const psm__words_therapeutstatus[];
extern const char *const psm__words_suchstatus[];
extern const char *const psm__words_antworttyp[];
extern const char *const psm__words_anfrage_patient_status[];
extern const char *const psm__words_patientenergebnis[];
extern const char *const psm__words_emailstatus[];
extern const char *const psm__words_telefonanrufstatus[];
extern const char *const psm__words_symptome[];
extern const char *const psm__words_inquiry_state[];
/*
 * Index of text in words, -1 if it is none of them or NULL. Compared in NFC: an
 * umlaut may be one code point or two; store words[index], not text.
 */
int psm__word_index(const char *const *words, const char *text);

/* -- row.c */

/* One row, as texts in the way PostgreSQL writes them: booleans "t" and "f",
 * timestamps "2026-07-01 09:30:00.5", json as its text; NULL is null. */
struct psm__row {
	const struct psm_entity *entity;
	char **value;   /* by column; owned, with the marks and the texts */
	char *modified; /* by column: 1: changed since it was read */
	char *given;    /* by column: 1: the last reading named it */
};

/* All null. An all-zero row may be freed. */
int psm__row_init(struct psm__row *r, const struct psm_entity *e,
                  psm_error *err);
void psm__row_free(struct psm__row *r);
const char *psm__row_get(const struct psm__row *r, int column);
/* A number or a bigint column; 0 for null. */
int64_t psm__row_int(const struct psm__row *r, int column);
/* text is copied, NULL sets null. As it is: nothing is checked or marked. */
int psm__row_set(struct psm__row *r, int column, const char *text,
                 psm_error *err);
/* The same, and marks the column as modified if that changes what it says. */
int psm__row_change(struct psm__row *r, int column, const char *text,
                    psm_error *err);
/* Put the default of every column that is null. */
int psm__row_defaults(struct psm__row *r, psm_error *err);
/* 1 if a column of both says the same, json by meaning; or an error. */
int psm__row_same(const struct psm__row *a, const struct psm__row *b,
                  int column, psm_error *err);
/* 1 if the column is null, blank, or an empty array or object. */
int psm__row_is_empty(const struct psm__row *r, int column);
/* 1: json has the same meaning, 0: another; or an error. */
int psm__text_same_json(const char *a, const char *b, psm_error *err);
/* 1: the column's text is json that psm_json_parse() reads. */
int psm__field_is_json(const struct psm_entity_field *f);
/* Count of modified columns. */
int psm__row_modified(const struct psm__row *r);

/* The times of one decision, so that all of it has the same. */
struct psm__now {
	char today[11];     /* in Berlin, "YYYY-MM-DD" */
	char time[9];       /* in Berlin, "HH:MM:SS" */
	char timestamp[27]; /* UTC, as PostgreSQL writes a timestamp */
};
/* Set what a row gets by itself when it is made, or changed: created_at, ... */
int psm__row_stamp(struct psm__row *r, int is_new, const struct psm__now *now,
                   psm_error *err);

/* -- value.c */

/*
 * A value as its column stores it, from text: tidy, in the list's spelling, a
 * time in PostgreSQL's form. 0: *out is new; 1: it does not do for the column,
 * what[size] says why without the value: "want .., found .."; PSM_ERR_NOMEM.
 */
int psm__value_read(const struct psm_entity_field *f, const char *text,
                    char **out, char *what, size_t size);

/* -- read.c */

enum psm__reading {
	/* A row is made: null is as if absent, then defaults are put and
	 * required columns must be there. In a registration that is imported a
	 * blank text is as null, too, in a date or a word that may be absent. */
	PSM__READ_NEW,
	/* The platform's PUT: null leaves a column as it is; the empty text
	 * clears a date, a time or a word. */
	PSM__READ_PUT,
	/* RFC 7396, strict: null clears, what the writer may not write and what
	 * is no column are faults. */
	PSM__READ_MERGE,
	/* A part of a record that people wrote: every value must do for its
	 * column, nothing must be there, whoever may write it; null is null. */
	PSM__READ_PART,
	/* A record that another program wrote, or this one before: types alone
	 * are checked, whoever wrote it; null is null. */
	PSM__READ_RECORD
};

/*
 * Read the members of an object into a row. The members that writer may not
 * write, and those that name no column, are left out (but see above). A value
 * that is stored already is no fault, whatever it looks like: who read a record
 * of an adopted database can write it back. Columns
 * that say something else than before are marked as modified, and all that were
 * named as given.
 *
 * The count of modified columns;
 *   PSM_ERR_SCHEMA  obj is no object, or some values do not do. err has ALL
 *                   faults (psm_error_fault_count()), each with its pointer
 *                   "<prefix>/<column>", what was wanted and what was found.
 *                   The row is to be thrown away;
 *   PSM_ERR_NOMEM   out of memory.
 */
int psm__row_read(struct psm__row *r, const psm_json *obj,
                  enum psm__reading how, unsigned writer, const char *prefix,
                  psm_error *err);
/* One value into one column, as psm__row_read() does it. */
int psm__row_read_value(struct psm__row *r, int column, const psm_json *v,
                        enum psm__reading how, const char *prefix,
                        psm_error *err);
/* The rules across columns of a row; 0 or PSM_ERR_SCHEMA with all faults. now
 * NULL: without those of time. */
int psm__row_check(const struct psm__row *r, const struct psm__now *now,
                   const char *prefix, psm_error *err);
/* Both, psm__row_read() and then the rules: all faults of a record at once.
 * change.c */
int psm__row_accept(struct psm__row *r, const psm_json *obj,
                    enum psm__reading how, unsigned writer,
                    const struct psm__now *now, const char *prefix,
                    psm_error *err);

/* -- write.c */

enum psm__audience {
	PSM__FOR_REST,  /* every column, null where it has no value */
	PSM__FOR_EVENT, /* those flagged; null where the value is no such one */
	PSM__FOR_COPY,  /* id and those flagged, the same */
	PSM__FOR_LOG,   /* nothing personal, nothing that is null */
	PSM__FOR_STORE  /* every column that has a value */
};

/* The row as one object. */
int psm__row_write(const struct psm__row *r, enum psm__audience audience,
                   psm_json_writer *w, psm_error *err);
/* The same as a text of its own (psm__free). */
int psm__row_text(const struct psm__row *r, enum psm__audience audience,
                  char **out, psm_error *err);

/* "2026-07-01 09:30:00.5" in UTC as RFC 3339 has it. */
void psm__write_timestamp(psm_json_writer *w, const char *text);

/* -- machine.c */

/* Which state a row has: a word's index in machine->words; -1: none. */
int psm__row_state(const struct psm__row *r);
/*
 * Move a row from one state to another: what the step sets is set, except what
 * the last reading gave itself, and marked; *event gets the type to publish,
 * NULL: none. from is -1 for a row that is made. The state's own column, if
 * there is one, may have the new state already.
 *
 * 0;
 *   PSM_ERR_TRANSITION  the table has no such step; the message names both;
 *   PSM_ERR_NOMEM       out of memory.
 */
int psm__row_move(struct psm__row *r, int from, int to,
                  const struct psm__now *now, const char **event,
                  psm_error *err);
/* The same for what a correction alone may do, from the row's state: back from
 * success, say. */
int psm__row_correct(struct psm__row *r, int to, const struct psm__now *now,
                     const char **event, psm_error *err);
/* 0 or PSM_ERR_TRANSITION: may the one follow the other at all? */
int psm__state_may_follow(const struct psm_entity *e, int from, int to,
                          psm_error *err);
/* The state that an inquiry's dates tell; -1: they contradict each other. */
int psm__inquiry_state(int sent, int answered, int cancelled);
/* The words of an entity's states; NULL: it has none. */
const char *const *psm__state_words(const struct psm_entity *e);

/*
 * A change by hand, whole: psm__row_read() as REST update, then the rules
 * across columns, then the step if the state is another one; *event is the
 * step's event, or NULL if there was no step. Count of modified columns or an
 * error of these.
 */
int psm__row_patch(struct psm__row *r, const psm_json *patch,
                   enum psm__reading how, const struct psm__now *now,
                   const char **event, psm_error *err);
/* The same for a row that is made: defaults, required columns, rules, the step
 * from nothing, and psm__row_stamp(). 0 or an error. */
int psm__row_make(struct psm__row *r, const psm_json *obj, unsigned writer,
                  const struct psm__now *now, const char **event,
                  psm_error *err);

/* -- sql.c: the texts of an entity's statements, made once. Results have all
 * columns in the order of the table. */

enum psm__sql {
	/* $1 id (bigint); the version behind the columns, NULL: none */
	PSM__SQL_SELECT,
	PSM__SQL_LOCK,   /* the same, FOR UPDATE */
	PSM__SQL_INSERT, /* $1.. every column but the id; RETURNING id */
	PSM__SQL_UPDATE, /* $1 id, $2.. every other column */
	PSM__SQL_DELETE, /* $1 id (bigint) */
	/* The copy: $1 id, $2 version, $3 time, $4 event id, $5.. the columns
	 * of psm__copy_columns(), then an array of booleans: which of these are
	 * told about. No row is affected when what is there is newer. */
	PSM__SQL_COPY,
	PSM__SQL_COPY_ERASE, /* $1 .. $4 */
	PSM__SQL_STATEMENTS
};

/* Borrowed for ever; NULL: out of memory. */
const char *psm__sql(const struct psm_entity *e, enum psm__sql which);
/* The parameters of INSERT and UPDATE: point into r. Their count. */
size_t psm__sql_insert_params(const struct psm__row *r, const char **params);
size_t psm__sql_update_params(const struct psm__row *r, const char **params);
/* Columns that are flagged for the copy, without the id; ends with -1. */
const signed char *psm__copy_columns(const struct psm_entity *e);

/* A page of a list: what it selects, and in which order. All zero: all rows by
 * their id; set limit. */
struct psm__list {
	/* By column, as psm__list_filter() makes them; owned. */
	char *equal[PSM__COLUMNS_MAX], *prefix[PSM__COLUMNS_MAX];
	char *search;
	int filled;     /* a column that has a value; the id: any */
	int sort;       /* a column with flag SORT, or the id */
	int descending; /* 1: downwards */
	int64_t limit, offset;
	char numbers[2][24]; /* what two of the parameters point to */
};
/* The statements of a list: how many rows there are, and its page in its order.
 * New (psm__free); NULL: out of memory. */
char *psm__list_count_sql(const struct psm__list *l,
                          const struct psm_entity *e);
char *psm__list_page_sql(const struct psm__list *l, const struct psm_entity *e);
/* 1: the entity's rows are to a therapist or to a patient, and lists of it know
 * "recipient_type". */
int psm__list_has_recipients(const struct psm_entity *e);
/*
 * Add a wish by its name, "status", "plz_prefix" or "search", and its value.
 * 0; PSM_ERR_NOT_FOUND: lists of this entity know no such filter;
 * PSM_ERR_SCHEMA: the value does not do, err has the pointer "/<name>";
 * PSM_ERR_NOMEM.
 */
int psm__list_filter(struct psm__list *l, const struct psm_entity *e,
                     const char *name, const char *value, psm_error *err);
/* "created_at", "-created_at": 0 or PSM_ERR_SCHEMA, which names the columns. */
int psm__list_sort(struct psm__list *l, const struct psm_entity *e,
                   const char *order, psm_error *err);
/* Into params[PSM__LIST_PARAMS]; their count. Borrowed from l. The count's
 * statement takes all but the last two. */
#define PSM__LIST_PARAMS (2 * PSM__COLUMNS_MAX + 3)
size_t psm__list_params(struct psm__list *l, const struct psm_entity *e,
                        const char **params);
void psm__list_free(struct psm__list *l);

#endif
