/* SPDX-License-Identifier: BSD-2-Clause */
/* One import file: what reading its records and writing them share. */
#ifndef PSM_IMPORT_INT_H
#define PSM_IMPORT_INT_H

#include "app/app.h"
#include "json/json.h"

/* So many records are written in one transaction: its cost is shared, and a
 * wait for another import, or a second try record by record, stays short. */
#define PSM__IMPORT_BATCH 100

/* A record, and what is to be written of it. */
struct psm__import_record {
	const psm_json *json;
	size_t number; /* in the file */
	char pointer[48];
	struct psm__row row;
	/* From here on only while it is written. */
	int result;   /* enum psm__import_count */
	int64_t id;   /* who it is, once they are stored; 0: nobody */
	char *fields; /* what is kept of the record; NULL: nothing is written */
	const struct psm__stored *known; /* NULL: is new */
	struct psm__merge_wish merge;
};

/* What is known of the last file of a name. */
#define PSM__CONTENT_LEN 80
struct psm__known_file {
	char file[11]; /* "10115.json" */
	char writer[37];
	char checksum[PSM__CONTENT_LEN]; /* "": its records may have changed */
	int64_t records, people;
};

struct psm__import {
	psm_store *store;
	const struct psm__file *file;
	psm_import_status *status;
	const psm_json *list;    /* "therapists" */
	struct psm__names names; /* of all records, also those left out */
	struct psm__stored_list stored; /* of the records' postal codes */
	int is_new;                     /* its errors are reported, */
	size_t reported;                /* from this record on */
	const char *last_day;           /* of the past */
	struct psm__lost *lost;         /* records that are no JSON */
	size_t lost_count;
	psm_error *field; /* what is wrong with one field of a record */
	size_t field_faults;
	const struct psm__known_file *known; /* may be NULL */
	char writer[37];                     /* this import */
	char last_writer[37];                /* as far as we know; "": nobody */
	int is_disturbed;    /* another import wrote meanwhile */
	struct psm__buf ids; /* who the records are: "{7,8" */
	/* Read, and to be written; of different people, but for the last. */
	struct psm__import_record *waiting;
	size_t waiting_count;
	struct psm__import_counts counts;
};

/* -- import_known.c */

/* 1: im->known says that this content is stored. */
int psm__known_begin(struct psm__import *im,
                     const struct psm__known_files *list, psm_error *err);
/* Queue the word that this import writes records of the file; once its answer
 * is there psm__known_claimed() follows. */
int psm__known_claim(struct psm__import *im, psm_tx *tx, psm_rows **rows,
                     psm_error *err);
void psm__known_claimed(struct psm__import *im, const psm_rows *rows);
/* One of the file's records is this therapist. */
void psm__known_person(struct psm__import *im, int64_t id);
/* All records were read: if they are stored as they are, the next import need
 * not read them. */
int psm__known_keep(struct psm__import *im, psm_error *err);

/* -- import_write.c */

/* What becomes of the record beside those stored: an enum psm__import_count or
 * an error; r->id is who is stored. plan 0: a look only, and "updated" may turn
 * out to be "unchanged"; 1: r->fields and r->known are set, too. */
int psm__import_decide(const struct psm__import *im,
                       struct psm__import_record *r,
                       const struct psm__stored_list *list, int plan,
                       psm_error *err);
/* Write what waits, and count it: together, or, if that fails, one by one. */
int psm__import_write(struct psm__import *im, psm_error *err);
/* Forget what waits. */
void psm__import_drop(struct psm__import *im);
/* Tell of a record that cannot be imported because of err. PSM__N_FAILED. */
int psm__import_refused(const struct psm__import *im, size_t i, psm_error *err);
/* One more record with this result. */
void psm__import_count(struct psm__import *im,
                       const struct psm__import_record *r, int result);

#endif
