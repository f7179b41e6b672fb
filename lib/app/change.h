/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A change of one row, whoever asks for it: load and lock, decide, save, emit,
 * always in this order. Deciding is pure: it sees the row, the wish and the
 * time, changes the row and says which events tell of it. A change of columns
 * is saved also when no event tells of it.
 */
#ifndef PSM_CHANGE_INT_H
#define PSM_CHANGE_INT_H

#include <psymatch/change.h>
#include <psymatch/payload.h>

#include "app/ask.h"
#include "app/repository.h"
#include "domain/domain.h"

/* What can be done with a row beside what can be done with every one. */
struct psm__action {
	const char *name; /* "block"; NULL ends the list */
	psm__decide_fn *decide;
};
struct psm__change;
/* What an entity's changes need to know; policy.c lists them all. */
struct psm__policy {
	const struct psm_entity *entity;
	/* Types of events; NULL: none is published. */
	const char *created, *updated, *deleted;
	/* Of what the REST interface wants, a struct psm__wish. NULL:
	 * psm__decide_make(), psm__decide_patch(). */
	psm__decide_fn *make, *patch;
	/* Members of an event that are not the id, the record, the version.
	 * NULL: there are none. */
	void (*members)(psm_payload *m, const struct psm__told *told,
	                const struct psm__change *c);
	/* 0, or PSM_ERR_CONFLICT: something needs the row. NULL: nothing can.
	 */
	int (*may_delete)(psm_tx *tx, const char *id, psm_error *err);
	const struct psm__action *actions; /* NULL: there are none */
	int own_record;                    /* 1: members adds the record, too */
	/* Of lists, as psm_entity_list() takes it; NULL: that of the ids. */
	const char *order;
	/* After a change by hand was saved: what follows from it. NULL: nothing
	 * does. */
	int (*follow)(psm_tx *tx, const struct psm__row *row, psm_error *err);
	/* What the log says when its state changes; NULL: nothing. */
	const char *story;
};
extern const struct psm__policy psm__policy_email, psm__policy_patient,
    psm__policy_phone_call, psm__policy_search, psm__policy_therapist;
/* PSM_ERR_INVAL: tx or entity is NULL, or there is no such entity. */
int psm__entity_of(const psm_tx *tx, const char *entity,
                   const struct psm_entity **out, psm_error *err);
/* The same for one that can be changed. */
int psm__policy_find(const psm_tx *tx, const char *entity,
                     const struct psm__policy **out, psm_error *err);
/* How lists of it are sorted unless told; NULL: by the id. */
const char *psm__policy_order(const struct psm_entity *e);

enum psm__verb { PSM__MAKE, PSM__CHANGE, PSM__DELETE };

struct psm__change {
	psm_tx *tx;
	const struct psm__policy *policy;
	enum psm__verb verb;
	int64_t id;             /* of the row that is there */
	int64_t if_version;     /* that it must have, or PSM_VERSION_ANY */
	int force;              /* delete it whoever needs it */
	psm__decide_fn *decide; /* NULL when it is deleted */
	const void *wish;
	/* Of an event, of the first of several; NULL: by the clock. */
	const struct psm__now *at;
	/* What came of it: */
	int changed; /* 1: it was saved */
	int from; /* the state before, -1: none; the row's is the one after */
	struct psm__row row;
	int64_t version;
	struct psm__events events;
};
/*
 * 1: changed, 0: nothing to do;
 * PSM_ERR_NOT_FOUND, PSM_ERR_PRECONDITION, what decide says, what the database
 * says. In any case psm__change_free() follows.
 */
int psm__change_run(struct psm__change *c, psm_error *err);
/* Changes of one transaction and of different rows, in three round trips. Count
 * of those that changed, or the first error: then the transaction is to be
 * rolled back. count > 0. In any case psm__change_free() follows, for each. */
int psm__change_run_all(struct psm__change *c, size_t count, psm_error *err);
void psm__change_free(struct psm__change *c);

/* psm_entity_list() of a JSON object: filters, "sort", "page", "limit"; NULL:
 * the first 20. */
int psm__list_query(psm_tx *tx, const char *entity, const char *json,
                    char **out, psm_error *err);
/* A list of rows, each written by put; 0 or PSM_ERR_NOMEM. */
int
psm__list_write(const psm_rows *rows,
                void (*put)(psm_json_writer *w, const psm_rows *rows, size_t i),
                int page, int limit, int64_t total, char **out, psm_error *err);
/* What each list ends with: "page", "limit" and "total". */
void psm__list_page(psm_json_writer *w, int64_t page, int64_t limit,
                    int64_t total);

/* -- events */

/* The record of a row, as events carry it. */
int psm__payload_record(psm_payload *m, const char *name,
                        const struct psm__row *row, psm_error *err);
/* Make the event of a payload, which is taken, and publish it with tx. */
int psm__emit(psm_tx *tx, psm_payload *m, const char *producer, psm_error *err);

#endif
