/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One connection to PostgreSQL, always in libpq's pipeline mode: statements are
 * queued and travel together with the next sync, one round trip for all of
 * them. One thread at a time; a connection that broke stays broken.
 */
#ifndef PSM_STORE_CONN_H
#define PSM_STORE_CONN_H

#include "store/store.h"

/* Where to connect; all strings are the store's. */
struct psm__conn_conf {
	char *host, *port, *dbname, *user, *password;
	int pooler_known; /* read and written with __atomic */
};

/* A wait is cut into slices of this length to look whether it is given up. */
#define PSM__SLICE_MS 50

/* 1: the calling thread is to wait no longer (psm_store_set_interrupt). */
int psm__interrupt_asked(void);

/* Connect within timeout_ms; purpose ends up in application_name. */
int psm__conn_open(struct psm__conn_conf *conf, const char *purpose,
                   int timeout_ms, struct psm__conn **out, psm_error *err);
/* 1: a transaction is open on it, failed or not. */
int psm__conn_in_tx(const struct psm__conn *c);
/* 1: it has said that it can be written to. */
int psm__conn_writes(const struct psm__conn *c);
/* 1: the server behind it cannot be written to, so that connections made
 * before are no better; a new one may lead to another server. */
int psm__conn_outdated(const struct psm__conn *c);
/* Undo what statements of the application did to the session; < 0: it must be
 * closed. Without such a statement it does nothing. */
int psm__conn_clean(struct psm__conn *c);
/* Queue BEGIN, of the kind that everything here relies on. */
int psm__conn_begin(struct psm__conn *c, psm_error *err);
/* Queue what makes the transaction survive a crash of the server although
 * synchronous_commit is off; other settings stay, they are no weaker. */
int psm__conn_durable(struct psm__conn *c, psm_error *err);
/* Queue what lets the statements behind it, until the next sync or the end of
 * the transaction, wait so long for a lock, e.g. "100ms". */
int psm__conn_lock_limit(struct psm__conn *c, const char *limit,
                         psm_error *err);

/*
 * Queue one statement. Parameters are read before the call returns. Its failure
 * is reported by the next sync. rows may be NULL; else *rows is NULL until a
 * successful sync made it new, so it must live until then, or until this fails:
 * after a failure, but for PSM_ERR_INVAL, no answer is written to where those
 * queued before wanted theirs, as after psm__conn_forget().
 */
int psm__conn_queue(struct psm__conn *c, const char *sql, size_t count,
                    const struct psm__param *params, psm_rows **rows,
                    psm_error *err);
/*
 * Queue a question behind a COMMIT that is queued last: whatever comes of it, the
 * sync is what it would be without it. The commit's answer does not wait for
 * this one's, nor the sync for more than a second; *rows is NULL without an
 * answer.
 */
void psm__conn_queue_after(struct psm__conn *c, const char *sql,
                           psm_rows **rows);
/* What is queued is still sent; its answers are thrown away. For who queued and
 * returns without a sync. */
void psm__conn_forget(struct psm__conn *c);
/* The same with parameters that are all text. */
int psm__conn_queue_texts(struct psm__conn *c, const char *sql, size_t count,
                          const char *const *params, psm_rows **rows,
                          psm_error *err);
/* Statements whose answers have not been read. */
size_t psm__conn_queued(const struct psm__conn *c);
/* Send what is queued and read all answers; the first failure wins, then no
 * rows are handed out. Without queued statements it does nothing. */
int psm__conn_sync(struct psm__conn *c, psm_error *err);
/* Several statements of one text without parameters, e.g. a migration. */
int psm__conn_script(struct psm__conn *c, const char *sql, psm_error *err);
/* The command tag of the last statement of the last sync, e.g. "ROLLBACK"; not of
 * a question behind a COMMIT. */
const char *psm__conn_tag(const struct psm__conn *c);

/* -- sqlstate.c */

/* What a failed statement's fields say, without values and without DETAIL. */
struct psm__sqlstate {
	const char *state;   /* five characters, NULL if unknown */
	const char *message; /* the server's primary message, may be NULL */
	const char *table, *column, *constraint; /* may be NULL */
};
/*
 * The message without what it may quote from a row: everything between the
 * first and the last double quote and all behind a colon ("invalid input syntax
 * for type integer: ..."), unless messages of that state quote only names.
 */
void psm__sqlstate_text(const char *state, const char *message, char *out,
                        size_t size);
int psm__sqlstate_fail(const struct psm__sqlstate *s, psm_error *err);
/* 1: with such a failure a connection is of no use any more. */
int psm__sqlstate_ends(const char *state);

/* -- rows.c: takes the result (a PGresult), also when it fails. */
psm_rows *psm__rows_new(void *result);

#endif
