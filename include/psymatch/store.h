/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_STORE_H
#define PSYMATCH_STORE_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>

PSM_BEGIN_DECLS

/** A pool of PostgreSQL connections that reconnects by itself. */
typedef struct psm_store psm_store;
/** One transaction on one connection of the pool. */
typedef struct psm_tx psm_tx;
/** The rows of one statement. */
typedef struct psm_rows psm_rows;

/* How many consumers psm_tx_emit_required takes. */
enum psm_tx_limit { PSM_TX_REQUIRED_MAX = 16 };

/**
 * Make a pool. Does not connect: the first transaction does.
 *
 * Settings read: DB_HOST DB_PORT DB_NAME DB_USER DB_PASSWORD (a host that
 * begins with "/" is the directory of a unix socket), PSYMATCH_DB_CONNECTIONS
 * (the most connections of the pool) and PSYMATCH_INBOX_DAYS. PostgreSQL 14 or
 * newer, directly or through a pooler in session mode (PgBouncer 1.18 or newer;
 * one in transaction mode is refused). DB_HOST may list several hosts with
 * commas between: the first one that can be written to is taken.
 *
 * Sessions are as the library wants them, whatever defaults the role or the
 * database has: TimeZone UTC, DateStyle ISO, transactions READ COMMITTED and
 * READ WRITE. A connection to a server that cannot be written to, or that is
 * shutting down, is not used again.
 *
 * @param cfg  borrowed for the call.
 * @param out  new (psm_store_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_store_open(const psm_config *cfg, psm_store **out,
                           psm_error *err) PSM_CHECK;

/**
 * Close all connections. Every transaction, relay and processor of the store
 * must have ended.
 *
 * @param st  taken; NULL is allowed.
 *
 * Threads: one at a time, and no other call with st. Blocks: no. Since 0.1.
 */
PSM_API void psm_store_free(psm_store *st);

/**
 * Bring one set of tables up to date. Each migration is a transaction of its
 * own, kept in psymatch.migration(set, version, name, checksum, applied_at);
 * services that start together wait for each other. If nothing is to be done,
 * the right to read psymatch.migration is enough; else the right to make what
 * is missing (CREATE on the database for schemas that are not there). Types are
 * those that a platform's database has in public, else made in psymatch.
 * Timeouts of the role do not apply. At the end a sequence that is behind its
 * table is set, see psymatch-transport(7) for switch-overs.
 *
 * @param st   a store.
 * @param set  "psymatch" (outbox, inbox, offsets, dead letters), "patient",
 *             "therapist", "matching", "communication" or "geocoding".
 * @param err  details of a failure; may be NULL. For a fault in a migration the
 *             source is its file, with line and column where known.
 * @return 0: everything is applied; or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_NOT_FOUND  no such set;
 *   PSM_ERR_CONFLICT   a migration was changed after it had been applied, or
 *                      what it makes exists in another shape;
 *   PSM_ERR_SCHEMA     the data there does not fit a migration;
 *   PSM_ERR_STATE      libcrypto has no MD5, by which changes are noticed;
 *   PSM_ERR_DB         the database is away (retriable) or refuses;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *   What was applied before a failure stays.
 *
 * Threads: any. Blocks: until done, at most 15 minutes per migration. Since
 * 0.1.
 */
PSM_API int psm_store_migrate(psm_store *st, const char *set,
                              psm_error *err) PSM_CHECK;

/**
 * Whether psm_store_migrate() would have nothing to do; nothing is changed.
 *
 * @param st   a store.
 * @param set  as for psm_store_migrate().
 * @param err  details of a failure; may be NULL.
 * @return 1: all of the set is applied; 0: something is missing; or
 *   PSM_ERR_INVAL      a NULL argument;
 *   PSM_ERR_NOT_FOUND  no such set;
 *   PSM_ERR_CONFLICT   a migration was changed after it had been applied;
 *   PSM_ERR_STATE      libcrypto has no MD5, by which changes are noticed;
 *   PSM_ERR_DB         the database is away (retriable) or refuses;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: for the database. Since 0.1.
 */
PSM_API int psm_store_migrated(psm_store *st, const char *set,
                               psm_error *err) PSM_CHECK;

/**
 * The upkeep of the inbox, which the leading relay does by itself once an hour;
 * for programs that handle events and have no relay. The inbox has a partition
 * for the events of each month, by their UUIDv7: those of this month and the
 * next two are made, those that ended PSYMATCH_INBOX_DAYS ago are dropped.
 * Events with any other id, and those that came later than that, are removed
 * that many days after they were handled.
 *
 * @param st   a store with the set "psymatch".
 * @param err  details of a failure; may be NULL.
 * @return 0: nothing is left to do; or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_DB       the database is away, a lock was not to be had within 2 s
 *                    (retriable), or the set is not there;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: until done; consumers wait for up to 2 s of it. Since
 * 0.1.
 */
PSM_API int psm_store_maintain(psm_store *st, psm_error *err) PSM_CHECK;

/**
 * Ask the database whether it answers and can be written to.
 *
 * @param st      a store.
 * @param reason  reason[size] receives one sentence; may be NULL.
 * @param size    bytes of reason, 0 if it is NULL.
 * @return an enum psm_health: green, amber (all connections are busy), or red
 *   (also for a standby).
 *
 * Threads: any. Blocks: at most about 2 s. Since 0.1.
 */
PSM_API int psm_store_health(psm_store *st, char *reason, size_t size);

/**
 * Begin a transaction: READ COMMITTED and READ WRITE, whatever the defaults
 * are. SET TRANSACTION as its first statement changes that for this one.
 *
 * @param st   a store.
 * @param out  new: ended by psm_tx_commit or psm_tx_rollback; NULL after a
 *             failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_DB       no connection to be had; retriable; between two tries to
 *                    reach a server that is away this fails at once;
 *   PSM_ERR_TIMEOUT  all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: up to 10 s for a free connection, or up to 5 s for a
 * new one. Since 0.1.
 */
PSM_API int psm_tx_begin(psm_store *st, psm_tx **out, psm_error *err) PSM_CHECK;

/**
 * Write the emitted events to the outbox and commit. They are the last rows
 * written, so that events of one entity get their numbers in the order in which
 * its transactions commit, if each locks the entity's row first.
 *
 * If events were emitted with psm_tx_emit_required, this then waits until their
 * consumers have handled them; the connection is back in the pool meanwhile.
 *
 * @param tx   taken, also when this fails: then it is rolled back, except with
 *             PSM_ERR_UNCONFIRMED.
 * @param err  details of a failure; may be NULL.
 * @return 0: committed, and what was required is handled; or
 *   PSM_ERR_UNCONFIRMED  committed, and the events will be published, but not
 *                     every required consumer has handled them in time: the
 *                     message names each with the event's id and whether it has
 *                     parked or refused it. Not to be repeated: the change is
 *                     there;
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_REJECT    nothing was kept: a required consumer has parked earlier
 *                     events of the same key, or a deferred trigger refused it;
 *   PSM_ERR_STATE     a statement failed before, nothing was kept; or tx is
 *                     that of a processor's handler, then nothing happened;
 *   PSM_ERR_DB        the database failed; when the connection was lost during
 *                     the commit it may have happened all the same; retriable;
 *   PSM_ERR_CONFLICT  a deferred constraint refused it;
 *   PSM_ERR_SCHEMA    a deferred constraint refused it;
 *   PSM_ERR_TIMEOUT   the server's statement_timeout passed; retriable;
 *   PSM_ERR_NOMEM     out of memory, nothing was kept.
 *
 * Threads: one at a time. Blocks: until the server answers, at most 60 s; then
 * for required events up to the time of psm_tx_set_wait. Since 0.1.
 */
PSM_API int psm_tx_commit(psm_tx *tx, psm_error *err) PSM_CHECK;

/**
 * Roll back.
 *
 * @param tx  taken; NULL is allowed. The transaction of a processor's handler
 *            is left alone.
 *
 * Threads: one at a time. Blocks: until the server answers, at most 60 s.
 * Since 0.1.
 */
PSM_API void psm_tx_rollback(psm_tx *tx);

/**
 * Run one statement. It is prepared once per connection, so its text should not
 * contain values. After a failure the transaction can only be rolled back.
 *
 * SET LOCAL and set_config(.., true) end with the transaction. What a statement
 * does to the session beyond that (SET, temporary tables, session locks) is
 * undone at the end of the transaction, which costs two round trips; but not
 * what a function or a DO block does inside.
 *
 * @param tx      a transaction.
 * @param sql     one statement with $1, $2, ... for the parameters.
 * @param count   parameters, 0 to 200.
 * @param params  params[count], each text or NULL for null; borrowed for the
 *                call; may be NULL if count is 0.
 * @param rows    new (psm_rows_free), NULL after a failure; may be NULL.
 * @param err     details of a failure; may be NULL. Messages have the server's
 *                SQLSTATE and names of the schema, never a value.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument, or too many parameters;
 *   PSM_ERR_STATE     a statement failed before;
 *   PSM_ERR_DB        the server is away, serialization failure, deadlock, disk
 *                     full (retriable), or the statement is wrong (not
 *                     retriable);
 *   PSM_ERR_CONFLICT  a unique, foreign key or exclusion constraint refused it;
 *   PSM_ERR_SCHEMA    a value has the wrong form, range or length, is missing,
 *                     or fails a check constraint;
 *   PSM_ERR_REJECT    a trigger or function refused it by RAISE EXCEPTION; the
 *                     text, up to a colon and without what is quoted, becomes
 *                     part of the message, so it must say nothing about a
 *                     person;
 *   PSM_ERR_TIMEOUT   the server's statement_timeout passed; retriable;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: until the server answers, at most 60 s.
 * Since 0.1.
 */
PSM_API int psm_tx_exec(psm_tx *tx, const char *sql, size_t count,
                        const char *const *params, psm_rows **rows,
                        psm_error *err) PSM_CHECK;

/**
 * Run one statement in a transaction of its own, in one round trip. For the
 * rest as psm_tx_exec(); a statement that begins or ends a transaction is not
 * for this.
 *
 * @param st      a store.
 * @param sql     one statement with $1, $2, ... for the parameters.
 * @param count   parameters, 0 to 200.
 * @param params  params[count], each text or NULL for null; borrowed for the
 *                call; may be NULL if count is 0.
 * @param rows    new (psm_rows_free), NULL after a failure; may be NULL.
 * @param err     details of a failure; may be NULL.
 * @return 0: it is committed; or
 *   PSM_ERR_INVAL    a NULL argument, or too many parameters;
 *   PSM_ERR_TIMEOUT  no connection of the pool became free within 10 s;
 *                    retriable; or
 *   a failure of psm_tx_exec(). Without an answer of the server it may have
 *   been committed.
 *
 * Threads: any. Blocks: until the server answers, at most 60 s, and for a
 * connection of the pool, at most 10 s. Since 0.1.
 */
PSM_API int psm_store_exec(psm_store *st, const char *sql, size_t count,
                           const char *const *params, psm_rows **rows,
                           psm_error *err) PSM_CHECK;

/**
 * Whether to wait no longer for the database, e.g. because of a signal.
 *
 * @param user  as given to psm_store_set_interrupt().
 * @return 0: wait on; else give up.
 *
 * Runs on the thread that waits; it must not call the library.
 */
typedef int (*psm_interrupt_fn)(void *user);

/**
 * Ask a function while the calling thread waits for an answer of a database:
 * after each signal that the thread gets, and each 50 ms. If it says so, the
 * call fails with PSM_ERR_DB, its connection is closed, and the server is asked
 * to cancel the statement; a commit may have been done. While the thread waits
 * for a connection of the pool that is free, it is asked each 50 ms, and the
 * call fails with PSM_ERR_TIMEOUT. For programs whose language lets signals
 * wait until a call has returned.
 *
 * @param fn    the function; NULL: none any more.
 * @param user  given to fn.
 *
 * Threads: any; it holds for the calling thread. Blocks: no. Since 0.1.
 */
PSM_API void psm_store_set_interrupt(psm_interrupt_fn fn, void *user);

/**
 * Send one statement whose rows do not matter, without waiting for the answer:
 * it travels with the next statement or the commit, and if it fails, that one
 * fails. Many small statements take one round trip instead of one each.
 *
 * In a processor's handler nothing else changes: when it turns out later that a
 * statement failed, the batch is rolled back and done again, this time with the
 * answers awaited after each handler, so that only the event fails to which the
 * statement belongs. Then handlers are called once more.
 *
 * @param tx      a transaction.
 * @param sql     one statement with $1, $2, ... for the parameters.
 * @param count   parameters, 0 to 200.
 * @param params  params[count], each text or NULL for null; borrowed for the
 *                call; may be NULL if count is 0.
 * @param err     details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument, or too many parameters;
 *   PSM_ERR_STATE  a statement failed before;
 *   PSM_ERR_NOMEM  out of memory;
 *   and, where many wait already, the results of psm_tx_exec() of one of those.
 *
 * Threads: one at a time. Blocks: no; where 500 statements wait, as
 * psm_tx_exec(). Since 0.1.
 */
PSM_API int psm_tx_queue(psm_tx *tx, const char *sql, size_t count,
                         const char *const *params, psm_error *err) PSM_CHECK;

/**
 * Let an event be published when, and only if, the transaction commits: in the
 * order of the calls, by the relay (psm_relay_new) of any process.
 *
 * @param tx   a transaction.
 * @param ev   of a type of the catalogue; copied.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_emit(psm_tx *tx, const psm_event *ev,
                        psm_error *err) PSM_CHECK;

/**
 * As psm_tx_emit, and psm_tx_commit waits until the named consumers have
 * handled the event.
 *
 * An event exists for others only once its transaction has committed, so no
 * consumer can veto it: when one fails or is late, the change stays and the
 * commit returns PSM_ERR_UNCONFIRMED. A rule that must hold before the change
 * has to be checked inside the transaction. The one thing known beforehand:
 * while a named consumer has events of the same key parked, it would not come
 * to this one, and the commit is refused with PSM_ERR_REJECT.
 *
 * @param tx         a transaction, not that of a processor's handler.
 * @param ev         of a type of the catalogue; copied.
 * @param consumers  consumers[count], names as given to psm_processor_new, of
 *                   processors with a handler for the type and with their
 *                   tables in this database; copied.
 * @param count      1 to PSM_TX_REQUIRED_MAX.
 * @param err        details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL or empty argument, or too many consumers;
 *   PSM_ERR_STATE         tx is that of a handler;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_NOMEM         out of memory.
 *   After any error the event was not emitted.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_emit_required(psm_tx *tx, const psm_event *ev,
                                 const char *const *consumers, size_t count,
                                 psm_error *err) PSM_CHECK;

/**
 * Make the transactions that this thread begins on the same store parts of this
 * one, so that several use cases have one effect, or none: psm_tx_begin() gives
 * this one again; the end of a part commits nothing, and when a part is rolled
 * back nothing can be committed any more: what uses the transaction then fails
 * with PSM_ERR_STATE.
 *
 * @param tx   a transaction, not that of a processor's handler; it is ended by
 *             this thread.
 * @param on   1: from now on; 0: not any more: a part that is still open counts
 *             as rolled back. Its end does that, too.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  tx is that of a handler, or this thread has another one that
 *                  includes.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_include(psm_tx *tx, int on, psm_error *err) PSM_CHECK;

/**
 * How long the commit waits for what psm_tx_emit_required asked for; 5 s unless
 * set.
 *
 * @param tx          a transaction.
 * @param timeout_ms  0: look once.
 * @param err         details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL or negative argument.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_set_wait(psm_tx *tx, int timeout_ms,
                            psm_error *err) PSM_CHECK;

/**
 * Let the events that are emitted from now on continue a trace, e.g. that of
 * the request which the transaction serves. An event with a trace of its own
 * keeps that, and in a handler the handled event's comes first.
 *
 * @param tx           a transaction.
 * @param traceparent  as for psm_event_set_trace(); copied. NULL or "": none.
 * @param tracestate   as for psm_event_set_tracestate(); copied. NULL or "":
 *                     none.
 * @param err          details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  tx is NULL, or a text breaks its rule; nothing has changed;
 *   PSM_ERR_NOMEM  out of memory; nothing has changed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_set_trace(psm_tx *tx, const char *traceparent,
                             const char *tracestate, psm_error *err) PSM_CHECK;

/**
 * Let the commit wait until the consumers of what was emitted have handled it,
 * so that whoever reads their tables next finds the change: those that the
 * catalogue names for the type, with their tables in this database (a name as
 * given to psm_processor_new, or one that begins with it and "-"). This is best
 * effort: the commit's result is the same, however the wait ends.
 *
 * It waits only for consumers that live, which their processors write into
 * psymatch.consumer_alive every 2 s, and that have a handler for the type. An
 * event that is parked or refused is not waited for any longer. A consumer that
 * needs more than the timeout costs it once: commits on this store do not wait
 * for it again until it has caught up, which the log tells.
 *
 * @param tx          a transaction, not that of a processor's handler.
 * @param timeout_ms  0: do not wait; below 0: as long as PSYMATCH_REST_WAIT_MS
 *                    says.
 * @param err         details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  tx is that of a handler.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_tx_wait_consumers(psm_tx *tx, int timeout_ms,
                                  psm_error *err) PSM_CHECK;

/**
 * Wait until a consumer has handled an event, so that what is read next has its
 * effects. A consumer of this process ends the wait as it commits; else the
 * database is asked after 5 ms and then less and less often, at last each
 * 100 ms.
 *
 * @param st          a store on the consumer's database.
 * @param event_id    the event's id, as psm_event_id gives it.
 * @param consumer    a name as given to psm_processor_new. An event for which
 *                    it has no handler is never handled.
 * @param timeout_ms  0: look once.
 * @param err         details of a failure; may be NULL.
 * @return 0: the effects are committed; or
 *   PSM_ERR_INVAL    a NULL, empty or negative argument, or no UUID;
 *   PSM_ERR_REJECT   the event is a dead letter of the consumer;
 *   PSM_ERR_TIMEOUT  not yet; the message says if it is parked;
 *   PSM_ERR_DB       the database was away (retriable) when the time was up, or
 *                    refuses;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any but a handler's. Blocks: up to timeout_ms and for one answer of
 * the server, and up to 1 s where a connection has to be made. Since 0.1.
 */
PSM_API int psm_store_wait_handled(psm_store *st, const char *event_id,
                                   const char *consumer, int timeout_ms,
                                   psm_error *err) PSM_CHECK;

/**
 * Make a schema for a replay to write to (psm_replay_into_schema), with empty
 * copies of tables: columns, defaults, checks, indexes, and sequences of their
 * own for serial and identity columns. Foreign keys and triggers are not
 * copied. Beside them stands psymatch_replay, the events that replays have
 * handled there: to begin anew, drop the schema and make it again.
 *
 * @param st      a store.
 * @param schema  1 to 63 bytes, not beginning with "pg_", as it is (not folded
 *                to lower case).
 * @param tables  tables[count], each as in SQL, e.g.
 *                "patient_service.patienten"; the copy has the name without the
 *                schema. May be NULL if count is 0.
 * @param count   tables.
 * @param err     details of a failure; may be NULL.
 * @return 0: it is there; or
 *   PSM_ERR_INVAL      a NULL or empty argument, or no such name;
 *   PSM_ERR_CONFLICT   there is such a schema;
 *   PSM_ERR_NOT_FOUND  there is no such table;
 *   PSM_ERR_DB         the database is away (retriable), or it refuses: no
 *                      permission, two tables of one name;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *   After a failure there is nothing of it.
 *
 * Threads: any. Blocks: until the server answers, at most 60 s. Since 0.1.
 */
PSM_API int psm_store_shadow(psm_store *st, const char *schema,
                             const char *const *tables, size_t count,
                             psm_error *err) PSM_CHECK;

/**
 * Drop a schema that psm_store_shadow() made, with all that is in it.
 *
 * @param st      a store.
 * @param schema  its name.
 * @param err     details of a failure; may be NULL.
 * @return 0: it is gone; or
 *   PSM_ERR_INVAL      a NULL argument, or no such name;
 *   PSM_ERR_NOT_FOUND  there is none, or it was not made for replays;
 *   PSM_ERR_DB         the database is away (retriable), or refuses;
 *   PSM_ERR_TIMEOUT    all connections were busy for 10 s; retriable;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: until the server answers, at most 60 s. Since 0.1.
 */
PSM_API int psm_store_shadow_drop(psm_store *st, const char *schema,
                                  psm_error *err) PSM_CHECK;

/**
 * @param rows  may be NULL.
 * @return the count of rows that the statement returned; 0 for NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_rows_count(const psm_rows *rows);

/**
 * @param rows  may be NULL.
 * @return the count of rows that an INSERT, UPDATE or DELETE changed, or that a
 *   SELECT returned; 0 for NULL and for any other statement.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_rows_affected(const psm_rows *rows);

/**
 * @param rows    may be NULL.
 * @param row     from 0.
 * @param column  from 0, in the order of the statement.
 * @return the field as PostgreSQL writes it ("t", "2026-01-31", ...), borrowed
 *   until rows is freed; NULL for null and for what is out of range.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_rows_text(const psm_rows *rows, size_t row,
                                  size_t column);

/**
 * @param rows    may be NULL.
 * @param row     from 0.
 * @param column  from 0, in the order of the statement.
 * @return the whole number that the field begins with, behind blanks and a
 *   sign, at most and at least that of the type; 1 for a true boolean; 0 for
 *   null, for anything else, and for what is out of range.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_rows_int(const psm_rows *rows, size_t row, size_t column);

/**
 * How many columns the statement's rows have.
 *
 * @param rows  may be NULL.
 * @return the number; 0 for a statement that gives no rows.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API size_t psm_rows_columns(const psm_rows *rows);

/**
 * The name of a column.
 *
 * @param rows    may be NULL.
 * @param column  from 0, in the order of the statement.
 * @return borrowed until rows is freed; NULL for what is out of range.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_rows_column_name(const psm_rows *rows, size_t column);

/**
 * The type of a column.
 *
 * @param rows    may be NULL.
 * @param column  from 0, in the order of the statement.
 * @return PostgreSQL's OID of the type, as in pg_type (23: integer); 0 for what
 *   is out of range.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_rows_column_type(const psm_rows *rows, size_t column);

/**
 * @param rows  taken; NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_rows_free(psm_rows *rows);

PSM_END_DECLS

#endif
