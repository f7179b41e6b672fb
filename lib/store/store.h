/* SPDX-License-Identifier: BSD-2-Clause */
/* The only room that includes libpq. What app and flow may use beyond the
 * public header: */
#ifndef PSM_STORE_INT_H
#define PSM_STORE_INT_H

#include <psymatch/store.h>

#include "base/base.h"

/* -- tx.c: inside a transaction */

/* name is a plain identifier. Travels with the next statement. */
int psm__tx_savepoint(psm_tx *tx, const char *name, psm_error *err);
/* Also undoes what was emitted since the savepoint. */
int psm__tx_rollback_to(psm_tx *tx, const char *name, psm_error *err);
/* Travels with the next statement. */
int psm__tx_release(psm_tx *tx, const char *name, psm_error *err);
/* What deferred constraints would say at the commit; how they are set, and that
 * they are looked at again then, stays as it is. */
int psm__tx_check_deferred(psm_tx *tx, psm_error *err);
/* The settings that its store was opened with; borrowed from the store. */
const psm_config *psm__tx_config(const psm_tx *tx);
/* 0, or the code of the statement that failed since the last savepoint the
 * transaction went back to. */
int psm__tx_failed(const psm_tx *tx);
/* Lent to a callback: it can neither commit nor roll back. */
void psm__tx_lend(psm_tx *tx, int lent);
/* From now on an emitted event that says nothing of its origin was caused by
 * ev, belongs to the same correlation and the same trace. ev is borrowed until
 * the next call; NULL: nothing caused it. */
void psm__tx_set_cause(psm_tx *tx, const psm_event *ev);
/* For a replay: what is emitted is checked and counted, but never written. */
void psm__tx_silence(psm_tx *tx);
size_t psm__tx_emitted(const psm_tx *tx);
/* A line of the log at INFO, as psm__log(), once the transaction is committed;
 * message lives for ever. 0 or PSM_ERR_NOMEM. */
int psm__tx_note(psm_tx *tx, const char *message, ...)
    __attribute__((sentinel));
/* While *cancel is not 0 (read with __atomic), a wait for the server ends and
 * the connection is given up. Borrowed until the transaction ends. */
void psm__tx_cancel(psm_tx *tx, const int *cancel);
/* The same, and a wait ends after timeout_ms, 0: as long as usual. */
void psm__tx_limits(psm_tx *tx, int timeout_ms, const int *cancel);

/* A parameter as text (NULL: null), or as len bytes in binary format. */
struct psm__param {
	const char *value;
	size_t len;
	int binary;
};
static inline struct psm__param
psm__param_text(const char *text)
{
	return (struct psm__param){text, 0, 0};
}
static inline struct psm__param
psm__param_bytes(const void *bytes, size_t len)
{
	return (struct psm__param){bytes, len, 1};
}
/*
 * Queue a statement that travels with the next one; a failure is the next one's
 * failure. *rows (may be NULL) is new after that one succeeded.
 */
int psm__tx_queue(psm_tx *tx, const char *sql, size_t count,
                  const struct psm__param *params, psm_rows **rows,
                  psm_error *err);
/* Send what is queued and wait for the answers. */
int psm__tx_sync(psm_tx *tx, psm_error *err);
/* The next psm__tx_sync() is the last of a transaction that only reads: the
 * COMMIT travels with it, or it needs neither BEGIN nor COMMIT. So nothing may
 * be queued after it, and until then neither what writes nor SET LOCAL nor a
 * savepoint. */
void psm__tx_last(psm_tx *tx);
/* 1: the answer to a statement of psm_tx_queue() is awaited. */
int psm__tx_lazy(const psm_tx *tx);

/* Called after each commit that wrote to the outbox, on the committing thread;
 * for the relay. It returns 1 if it reads the outbox itself, so that no other
 * process needs to be told. fn NULL: nobody; when this returns no call is under
 * way. */
void psm__store_on_outbox(psm_store *st, int (*fn)(void *user), void *user);

/* -- a connection of one's own, beside the pool, for a thread that needs a
 * session (advisory lock). One thread at a time. */
struct psm__conn;
int psm__store_connect(psm_store *st, const char *purpose,
                       struct psm__conn **out, psm_error *err);
int psm__store_connect_within(psm_store *st, const char *purpose,
                              int timeout_ms, struct psm__conn **out,
                              psm_error *err);
/* As psm_tx_exec, in a transaction of its own. */
int psm__conn_exec(struct psm__conn *c, const char *sql, size_t count,
                   const char *const *params, psm_rows **rows, psm_error *err);
/* Give up on an answer after timeout_ms (0: 60 s; the connection is broken
 * then), or as soon as *cancel is not 0 (may be NULL; read with __atomic). */
void psm__conn_limits(struct psm__conn *c, int timeout_ms, const int *cancel);
/* Ask the server whether it can be written to. If not, the connection is broken
 * afterwards: a new one may lead to another server. */
int psm__conn_writable(struct psm__conn *c, psm_error *err);
void psm__conn_close(struct psm__conn *c);
/* 1: usable as far as the socket tells, without a round trip. */
int psm__conn_usable(struct psm__conn *c);
/* 1: it broke; only close is left. */
int psm__conn_broken(const struct psm__conn *c);

/* -- notify.c: wake-ups between processes. They may be lost: whoever listens
 * looks now and then all the same. A channel is a plain identifier. */

/* At most one notification per process and channel within this time: whoever
 * listens looks again by itself that long after it found something. */
#define PSM__NOTIFY_MS 5
/* 1: it is time for one; *at_ms (read and written with __atomic, 0 at first) is
 * when the last one was. */
int psm__notify_due(int64_t *at_ms, int64_t now_ms);
/* In a transaction of its own, which is not synced to disk; one round trip. A
 * failure is logged and otherwise ignored. */
void psm__conn_notify(struct psm__conn *c, const char *channel);
/* From now on psm__conn_heard() tells of notifications. */
int psm__conn_listen(struct psm__conn *c, const char *channel, psm_error *err);
/* How many notifications came since the last call; < 0: the connection is
 * broken. Does not wait. */
int psm__conn_heard(struct psm__conn *c);
/* For poll: readable when there may be something to hear. */
int psm__conn_socket(const struct psm__conn *c);

/* -- rows.c: what encode(bytes, 'hex') wrote; new, with a NUL behind. */
char *psm__from_hex(const char *hex, size_t *len);

/* -- checksum.c: of bytes, as small hexadecimal digits with a NUL behind. */
#define PSM__SHA256_SIZE 65
int psm__sha256(const void *bytes, size_t len, char out[PSM__SHA256_SIZE],
                psm_error *err);

/* -- backoff.c */

/* Full jitter: a random time up to base_ms * 2^attempt, at most cap_ms, never
 * below base_ms / 2. attempt counts from 0. */
int psm__backoff_ms(unsigned attempt, int base_ms, int cap_ms);

#endif
