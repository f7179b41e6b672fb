/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PROCESSOR_H
#define PSYMATCH_PROCESSOR_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/handler.h>
#include <psymatch/replay.h>
#include <psymatch/store.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * A consumer whose effects happen once: one transaction holds what the handlers
 * write and emit, the inbox row of each event, and the offset. A batch is at
 * most 50 messages.
 *
 * With PSYMATCH_PROCESSOR_WORKERS above 1 that many threads handle the events
 * of different keys at the same time, those of one key one after the other. Up
 * to 50 messages each are read together, and each thread has transactions of
 * its own; the offset is moved when all have ended. What is read again because
 * that was not reached is known by its inbox row. Handlers that lock rows of
 * several keys can meet in a deadlock, which costs a rollback.
 *
 * Where the next message is gone, because it was kept for less time than the
 * processor was away, or because the topic was recreated, it goes on at the
 * earliest that is kept, and says so: an error in the log, "gaps" in
 * psm_processor_stat(), and psm_processor_health() for 15 minutes. One case
 * stays unnoticed: a topic of Kafka that was recreated and grew past the place
 * in the processor's tables before it was read again. Kafka's client knows a
 * topic by its name alone, and what the new one has before that place is left
 * out; drop the rows of psymatch.consumer_offset together with such a topic. On
 * transport postgres the log is compared, also where the topics are in another
 * database.
 *
 * The offsets of the database count, whatever the group has committed: after an
 * older backup was restored, what it has not seen is handled again. Where it
 * has no offset of a partition, because it is new or the backup is older than
 * that, the earliest message that is kept is the first one; what the database
 * has seen is known by its inbox row. If the group had come further, a warning
 * in the log and psm_processor_health() say so, for 15 minutes. So the group of
 * a psm_consumer, which has no inbox, is not a name for a processor.
 *
 * When everything fails it is not the events: as soon as events of 5 different
 * keys fail one after another with the same code, or more than half of the last
 * 20, the batch is rolled back, nothing of it is parked or dead, and nothing is
 * handled for a time, up to 30 s. Then one event is tried: when it is handled
 * reading goes on, when it fails the same way the processor waits again. Only
 * what handlers return counts, not messages that cannot be read: these are dead
 * in any case.
 *
 * What failed in batches that were committed before stays parked or dead, and
 * can be released (psm_dead_release). Where events come one at a time that is
 * an event each of 4 keys, or up to 19 events if they have fewer keys.
 * PSYMATCH_PROCESSOR_BREAKER=false turns all this off, for a log whose events
 * are rightly refused by the dozen.
 */
typedef struct psm_processor psm_processor;

/**
 * Handles one event, inside the batch's transaction and a savepoint of its own.
 * Runs on the processor's thread, or on one of its workers at the same time as
 * other calls, once per event, and again if its effects were rolled back.
 *
 * @param tx    the batch's: psm_tx_exec(), psm_tx_queue() and psm_tx_emit()
 *              only, neither commit nor roll back. A statement may take as long
 *              as the deadline of the handler says
 *              (psm_handler_options_deadline), 30 s unless set; then the
 *              database ends it with PSM_ERR_TIMEOUT. Nothing for four times
 *              the longest deadline of the processor's handlers, and the
 *              database takes the process for dead: the batch is rolled back,
 *              and can be handled by another one.
 * @param ev    borrowed for the call.
 * @param user  as given to psm_processor_on().
 * @param err   for psm_error_set(), or to be handed on; its message is kept
 *              with a dead letter, so it must not say anything about a person.
 * @return 0: handled; or what to do with the event:
 *   PSM_ERR_RETRY    not now: its effects are undone, its partition waits, it
 *                    is tried again after 0.05 to 30 s, in order;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_RETRY;
 *   PSM_ERR_BROKER   as PSM_ERR_RETRY;
 *   PSM_ERR_FULL     as PSM_ERR_RETRY;
 *   PSM_ERR_IO       as PSM_ERR_RETRY;
 *   PSM_ERR_UNAVAILABLE  as PSM_ERR_RETRY;
 *   PSM_ERR_DB       the system's fault: the batch is rolled back and tried
 *                    again after 0.05 to 30 s, never a dead letter;
 *   PSM_ERR_NOMEM    as PSM_ERR_DB;
 *   PSM_ERR_FENCED   as PSM_ERR_DB;
 *   PSM_ERR_CLOSED   as PSM_ERR_DB;
 *   PSM_ERR_REJECT   never, and so for each code that is not named here: its
 *                    effects are undone, it becomes a row of
 *                    psymatch.dead_letter, one row also if the same message
 *                    comes twice.
 *   A statement that failed counts as the handler's failure, even if it then
 *   returns 0. So does a constraint or a trigger deferred to the commit: if one
 *   fails the batch is handled once more, with these checked after each event.
 */
typedef int (*psm_tx_event_fn)(psm_tx *tx, const psm_event *ev, void *user,
                               psm_error *err);

/**
 * Make a processor.
 *
 * @param st    borrowed until pr is freed; its set "psymatch" must be in place
 *              before events can be handled. Uses one connection of the pool.
 * @param t     referenced until pr is freed.
 * @param cfg   borrowed for the call.
 * @param name  the consumer group, e.g. "matching-service-therapist", 1 byte or
 *              more; copied. Also the consumer in psymatch.inbox and
 *              psymatch.consumer_offset, so it must not change.
 * @param out   new (psm_processor_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument, or an empty name;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_new(psm_store *st, psm_transport *t,
                              const psm_config *cfg, const char *name,
                              psm_processor **out, psm_error *err) PSM_CHECK;

/**
 * Read a topic, in addition to those named before. A processor that names none
 * reads the topics that the catalogue gives to its handlers' types.
 *
 * @param pr     a processor that was not started.
 * @param topic  1 byte or more; copied.
 * @param err    details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument, or an empty name;
 *   PSM_ERR_STATE  started before;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_subscribe(psm_processor *pr, const char *topic,
                                    psm_error *err) PSM_CHECK;

/**
 * Handle events of a type. Events of a type without a handler are skipped and
 * counted.
 *
 * @param pr    a processor that was not started.
 * @param type  a name or alias of the catalogue, or "*" for every type that has
 *              no handler of its own.
 * @param fn    the handler.
 * @param user  given to fn; borrowed until pr is stopped.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than user;
 *   PSM_ERR_STATE         started before;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      the type has a handler;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_on(psm_processor *pr, const char *type,
                             psm_tx_event_fn fn, void *user,
                             psm_error *err) PSM_CHECK;

/**
 * As psm_processor_on(), with options. Options with a range of versions make a
 * handler for these versions only, so a type may have several.
 *
 * With PSM_ON_FAILURE_PARK an event that is not to be handled now goes to
 * psymatch.parked, and the later ones of its key behind it; other keys go on.
 * It is tried again within 1 s and then less and less often, at last within 10
 * minutes (drawn at random below a limit that doubles); after max_attempts
 * calls it is dead, and if none are given it is held after 30, until a person
 * releases it (psm_dead_release). No more than PSYMATCH_PARKED_KEY_MAX events
 * of a key and PSYMATCH_PARKED_KEYS_MAX keys of a consumer are parked, as seen
 * by each transaction: the partition of the next one waits until there is room,
 * which is no attempt, and nothing is dropped.
 *
 * A parked event whose type has no handler any more stays, with those behind
 * it, until a processor of the consumer has one or a person skips it
 * (psm_dead_skip); psm_processor_health() names the type. An event that comes
 * for a parked key and has no handler is skipped at once.
 *
 * @param pr       a processor that was not started.
 * @param type     as for psm_processor_on(); a range is not for "*".
 * @param options  copied; NULL: as psm_processor_on().
 * @param fn       the handler.
 * @param user     given to fn; borrowed until pr is stopped.
 * @param err      details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than options and user, or a
 *                         range for "*";
 *   PSM_ERR_STATE         started before;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      a handler of the type takes one of these versions;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_on_with(psm_processor *pr, const char *type,
                                  const psm_handler_options *options,
                                  psm_tx_event_fn fn, void *user,
                                  psm_error *err) PSM_CHECK;

/**
 * Add a handler with a transaction to a set, for processors.
 *
 * @param hs       a set.
 * @param type     a name or alias of the catalogue, or "*" for every type that
 *                 has no handler of its own; no versions for "*".
 * @param options  copied; NULL: those of psm_handler_options_new().
 * @param fn       the handler.
 * @param user     given to fn; borrowed by all that use the set.
 * @param err      details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than options and user, or a
 *                         range for "*";
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      a handler of the type takes one of these versions;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handlers_on_tx(psm_handlers *hs, const char *type,
                               const psm_handler_options *options,
                               psm_tx_event_fn fn, void *user,
                               psm_error *err) PSM_CHECK;

/**
 * Register all handlers with a transaction, and the upcasters, of a set. After
 * a failure none of them is registered.
 *
 * @param pr   a processor that was not started.
 * @param hs   a set; copied.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_STATE     started before;
 *   PSM_ERR_CONFLICT  one of its types and versions has a handler or an
 *                     upcaster already;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_handlers(psm_processor *pr, const psm_handlers *hs,
                                   psm_error *err) PSM_CHECK;

/**
 * Make events of an older version into those of a newer one before they are
 * handled, also when they come from the parked events.
 *
 * @param pr            a processor that was not started.
 * @param type          a name or alias of the catalogue.
 * @param from_version  "major.minor" of the old events; copied.
 * @param to_version    a newer one; copied.
 * @param fn            the upcaster.
 * @param user          given to fn; borrowed until pr is stopped.
 * @param err           details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than user, no version, or
 *                         to_version is not newer;
 *   PSM_ERR_STATE         started before;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      from_version has an upcaster;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_upcast(psm_processor *pr, const char *type,
                                 const char *from_version,
                                 const char *to_version, psm_upcast_fn fn,
                                 void *user, psm_error *err) PSM_CHECK;

/**
 * Start the processor's thread. Never waits for the broker or the database:
 * it attaches when they are there.
 *
 * @param pr   a processor with a topic and a handler, not started before.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  no handler, no topic named and none but the handler "*", or
 *                 started or stopped before;
 *   PSM_ERR_NOMEM  out of memory, or no thread could be made.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_start(psm_processor *pr, psm_error *err) PSM_CHECK;

/**
 * Stop the thread: the batch under way is finished. After timeout_ms a
 * statement under way is given up and the batch rolled back; it is handled
 * after the next start.
 *
 * @param pr          a processor; one that does not run is no error.
 * @param timeout_ms  for the batch under way, 0 or more.
 * @param err         details of a failure; may be NULL.
 * @return 0: the thread has ended; or
 *   PSM_ERR_INVAL    a NULL or negative argument;
 *   PSM_ERR_TIMEOUT  it has not, even 1 s after the timeout: a handler does not
 *                    return; call again.
 *
 * Threads: one at a time; not from a handler. Blocks: up to timeout_ms and
 * about 1 s. Since 0.1.
 */
PSM_API int psm_processor_stop(psm_processor *pr, int timeout_ms,
                               psm_error *err) PSM_CHECK;

/**
 * Stop at once if it runs, leave the group, and free.
 *
 * @param pr  taken; NULL is allowed.
 *
 * Threads: one at a time; not from a handler. Blocks: until the handler under
 * way has returned, and up to a second for the group. Since 0.1.
 */
PSM_API void psm_processor_free(psm_processor *pr);

/**
 * Give events that were once sent to the processor's handlers again, behind its
 * upcasters: in a transaction for 50 of them, each in a savepoint and with an
 * inbox, on the calling thread. The tables it writes to are those of the
 * replay: psm_replay_into_schema() or psm_replay_into_live().
 *
 * Beside these nothing changes: no offset, no parked event, no dead letter.
 * What handlers emit is checked, counted as "dropped" and never sent;
 * psm_event_is_replay() is 1, and psm_replay_guard() and psm_producer_send()
 * refuse. What leaves the database by SQL itself, as NOTIFY does, is the
 * handler's care.
 *
 * An event that fails is not tried again and ends the replay, unless
 * psm_replay_max_failures() allows it. What was handled before is kept, and the
 * same replay into the same place goes on there: it finds the others done.
 *
 * @param pr          with handlers; not running, but for another one of its
 *                    name in whatever process.
 * @param r           what to read and where to write, not running; its
 *                    transport need not be that of pr. psm_replay_stat() tells
 *                    what came of it; its own handlers are not asked.
 * @param timeout_ms  as for psm_replay_run().
 * @param err         details of a failure; may be NULL. That of an event begins
 *                    with "topic[partition]:offset".
 * @return 0: read to the end; or
 *   PSM_ERR_INVAL      a NULL argument, or timeout_ms below 1;
 *   PSM_ERR_STATE      pr runs or has no handler, r runs, follows its topic or
 *                      does not say where to, a handler did what
 *                      psm_replay_guard() refuses, or events of the same key
 *                      are parked;
 *   PSM_ERR_NOT_FOUND  the schema was not made by psm_store_shadow();
 *   PSM_ERR_CONFLICT   a handler wrote to something outside of the schema, its
 *                      batch is undone; the message names it;
 *   PSM_ERR_DB         the database is away (retriable: run it again) or
 *                      refuses; the batch is undone;
 *   PSM_ERR_TIMEOUT    no message within timeout_ms, or no connection;
 *   PSM_ERR_BROKER     there is no such topic or partition, or the client is
 *                      dead;
 *   PSM_ERR_CONFIG     settings contradict each other;
 *   PSM_ERR_IO         the system gave no thread or socket;
 *   PSM_ERR_VERSION    no handler takes the version of an event;
 *   PSM_ERR_NOMEM      out of memory;
 *   else what a handler or an upcaster returned.
 *
 * Threads: one at a time. Blocks: until the end of the topic, and as said.
 * Since 0.1.
 */
PSM_API int psm_processor_replay(psm_processor *pr, psm_replay *r,
                                 int timeout_ms, psm_error *err) PSM_CHECK;

/**
 * One number about the processor.
 *
 * @param pr    a processor; NULL gives -1.
 * @param name  messages by what became of them:
 *              "handled": the handler returned 0;
 *              "duplicates": had before;
 *              "dead": dead letters;
 *              "skipped": no handler, or a null value;
 *              "retried": put off, once per try;
 *              "parked": set aside for the first time.
 *              Other counts:
 *              "rollbacks": batches that were rolled back;
 *              "overrun": calls of handlers past their deadline;
 *              "gaps": times that messages were gone before they were read;
 *              "gap_messages": how many that were, as far as known.
 *              As it is now:
 *              "parked_now": events of the consumer that are parked, as seen
 *              within about a second (10,000 stands for that many or more);
 *              "breaker": 0 while events are handled, 1 while one is tried, 2
 *              while none is because all failed alike;
 *              "retrying": partitions that wait for an event to be tried again;
 *              "full": those of them that wait because no more may be parked;
 *              "lag": messages behind the end, -1 if unknown;
 *              "lag_seconds": age of the last message done, or of the oldest
 *              one that is tried again, by the transport's time, 0 while none
 *              waits, -1 if unknown.
 * @return the number since the start; -1 for any other name.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_processor_stat(psm_processor *pr, const char *name);

/**
 * Does the processor do its work?
 *
 * @param pr      a processor.
 * @param reason  reason[size] receives one sentence; may be NULL.
 * @param size    bytes of reason, 0 if it is NULL.
 * @return an enum psm_health: red when it does not run, nothing is handled
 *   because all events fail alike, a partition waits because no more may be
 *   parked, or the last batch was rolled back, amber when the broker is not
 *   reachable, no partition is assigned to it, an event is to be tried again,
 *   events are parked, messages wait while none came for 10 s (red after a
 *   minute), reading failed within the last 10 s, or messages were found gone,
 *   the database had no offset of a partition that the group has read, an event
 *   died or a handler passed its deadline within the last 15 minutes.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_processor_health(psm_processor *pr, char *reason, size_t size);

PSM_END_DECLS

#endif
