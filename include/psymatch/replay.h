/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_REPLAY_H
#define PSYMATCH_REPLAY_H

#include <psymatch/base.h>
#include <psymatch/consumer.h>
#include <psymatch/error.h>
#include <psymatch/handler.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * Reads a topic again, or a part of it, into handlers: plain ones
 * (psm_replay_run) or those of a processor, with their transactions
 * (psm_processor_replay). No group is joined and no offset is committed, so
 * consumers do not notice.
 *
 * What cannot be taken back is not done again. psm_event_is_replay() tells the
 * handler, which then leaves it out. What a handler forgets is refused while it
 * runs: psm_replay_guard() for mail and requests to others, psm_producer_send()
 * for events (unless psm_replay_may_send); events emitted in a transaction are
 * dropped.
 *
 * A replay ends where the topic ended when it began, or follows it. Events of
 * one key come in their order; partitions come in any order.
 *
 * Life: new, what to read, run (again and again if wanted), free.
 */
typedef struct psm_replay psm_replay;

/**
 * A replay of a whole topic.
 *
 * @param t      the transport; a reference is kept.
 * @param topic  1 to 249 bytes of [A-Za-z0-9._-], not "." or ".."; copied.
 * @param out    new (psm_replay_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: *out is ready to be narrowed or run.
 *   PSM_ERR_INVAL  a NULL argument, a topic outside the rule above, or a
 *                  transport that cannot be read without a group;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_new(psm_transport *t, const char *topic,
                           psm_replay **out, psm_error *err) PSM_CHECK;

/**
 * Only messages of this time, by the transport's clock when they were sent.
 *
 * @param r        a replay.
 * @param from_us  the first microsecond since 1970; 0: from the start.
 * @param to_us    behind the last one; INT64_MAX: until the end. Both count in
 *                 whole milliseconds.
 * @param err      details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL, from_us below 0, or to_us not above it.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_between(psm_replay *r, int64_t from_us, int64_t to_us,
                               psm_error *err) PSM_CHECK;

/**
 * Only this partition, and only these offsets of it.
 *
 * @param r          a replay.
 * @param partition  from 0.
 * @param from       the first offset, 0 or more.
 * @param to         behind the last one; INT64_MAX: until the end.
 * @param err        details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL, a number below 0, or to not above from.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_offsets(psm_replay *r, int32_t partition, int64_t from,
                               int64_t to, psm_error *err) PSM_CHECK;

/**
 * Go on behind the topic's end with what is sent from then on, and wait for it
 * for as long as it takes, also while the broker is away. It ends only when the
 * handler fails, at the last offset of psm_replay_offsets(), or, in PostgreSQL,
 * with PSM_ERR_BROKER when the topic is dropped, also if it is made anew.
 * Partitions that the topic gets later are not read. For psm_replay_run()
 * alone.
 *
 * @param r    a replay.
 * @param err  details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_follow(psm_replay *r, psm_error *err) PSM_CHECK;

/**
 * Only events of this type, of this key, or both.
 *
 * @param r        a replay.
 * @param type     a name or an alias of the catalogue, or a name that it does
 *                 not know; copied. NULL: every type.
 * @param key      key[key_len], copied; NULL: every key.
 * @param key_len  bytes.
 * @param err      details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL;
 *   PSM_ERR_NOMEM  out of memory; nothing has changed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_only(psm_replay *r, const char *type, const char *key,
                            size_t key_len, psm_error *err) PSM_CHECK;

/**
 * Handle events of a type, for psm_replay_run() without a handler of its own;
 * as psm_consumer_on_with(). Only the versions and the deadline of the options
 * count: an event that fails is not tried again.
 *
 * @param r        a replay that does not run.
 * @param type     a name or alias of the catalogue, or "*" for every type that
 *                 has no handler of its own; no versions for "*".
 * @param options  copied; NULL: every version.
 * @param fn       the handler.
 * @param user     given to fn; borrowed until r is freed.
 * @param err      details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than options and user, or
 *                         versions for "*";
 *   PSM_ERR_STATE         it is running;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      a handler of the type takes one of these versions;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_on(psm_replay *r, const char *type,
                          const psm_handler_options *options, psm_event_fn fn,
                          void *user, psm_error *err) PSM_CHECK;

/**
 * Register all handlers without a transaction, and the upcasters, of a set.
 * After a failure none of them is registered.
 *
 * @param r    a replay that does not run.
 * @param hs   a set; copied.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument;
 *   PSM_ERR_STATE     it is running;
 *   PSM_ERR_CONFLICT  one of its types and versions has a handler or an
 *                     upcaster already;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_handlers(psm_replay *r, const psm_handlers *hs,
                                psm_error *err) PSM_CHECK;

/**
 * Make events of an older version into those of a newer one before they are
 * handled, as psm_consumer_upcast() does. For psm_replay_run(); a processor has
 * its own.
 *
 * @param r             a replay that does not run.
 * @param type          a name or alias of the catalogue.
 * @param from_version  "major.minor" of the old events; copied.
 * @param to_version    a newer one; copied.
 * @param fn            the upcaster.
 * @param user          given to fn; borrowed until r is freed.
 * @param err           details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than user, no version, or
 *                         to_version is not newer;
 *   PSM_ERR_STATE         it is running;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      from_version has an upcaster;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_upcast(psm_replay *r, const char *type,
                              const char *from_version, const char *to_version,
                              psm_upcast_fn fn, void *user,
                              psm_error *err) PSM_CHECK;

/**
 * Go on behind events that fail. Unless this is set, the first one ends the
 * replay. One that fails with PSM_ERR_NOMEM always does.
 *
 * @param r      a replay.
 * @param count  so many may fail, 0 or more: the next one ends the replay.
 * @param err    details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL, or count is below 0.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_max_failures(psm_replay *r, int64_t count,
                                    psm_error *err) PSM_CHECK;

/**
 * Its plain handlers may send events with a producer, e.g. to copy a topic.
 * Mail and requests stay refused.
 *
 * @param r    a replay.
 * @param err  details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_may_send(psm_replay *r, psm_error *err) PSM_CHECK;

/**
 * For psm_processor_replay(): the handlers write to the tables of this schema.
 *
 * It stands first in their search_path, so only tables that they name without a
 * schema are found there. A batch in which anything else was written to, a
 * table with its schema's name for example, is rolled back and ends the replay.
 * What is not in the schema is read from where it always is.
 *
 * @param r       a replay.
 * @param schema  1 to 63 bytes, as it is (not folded to lower case); copied.
 *                Made by psm_store_shadow().
 * @param err     details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  a NULL argument, or no such name;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_into_schema(psm_replay *r, const char *schema,
                                   psm_error *err) PSM_CHECK;

/**
 * For psm_processor_replay(): the handlers write to the tables that they always
 * write to.
 *
 * Events that the processor has handled before, as far as its inbox remembers
 * (PSYMATCH_INBOX_DAYS), are left out; older ones are handled once more, behind
 * what came later. Events whose key is parked fail.
 *
 * @param r    a replay.
 * @param err  details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  r is NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_into_live(psm_replay *r, psm_error *err) PSM_CHECK;

/**
 * Read, and call the handler for each event that is wanted. Null values are
 * skipped; messages that are no events are counted as "unreadable" and passed
 * over.
 *
 * @param r           a replay.
 * @param fn          handles every event, behind the upcasters, on the calling
 *                    thread. NULL: the handlers of psm_replay_on() do, and
 *                    events of types without one are skipped. An event fails
 *                    with whatever it returns but 0, or with what its upcaster
 *                    returns; so it can also be used to stop.
 * @param user        handed to fn.
 * @param timeout_ms  how long to wait for the next message, 1 or more, before
 *                    giving up; there is one, so only a missing broker takes
 *                    long. With psm_replay_follow(): for the topic's ends only.
 * @param err         details of a failure; may be NULL. That of an event begins
 *                    with "topic[partition]:offset".
 * @return 0: read to the end.
 *   PSM_ERR_INVAL    r is NULL, no handler, or timeout_ms below 1;
 *   PSM_ERR_STATE    it is running;
 *   PSM_ERR_TIMEOUT  no message, or no answer at all, within timeout_ms;
 *   PSM_ERR_BROKER   the broker has no such topic or partition, or the client
 *                    is dead;
 *   PSM_ERR_CONFIG   settings contradict each other;
 *   PSM_ERR_IO       the system gave no thread or socket;
 *   PSM_ERR_NOMEM    out of memory;
 *   PSM_ERR_VERSION  no handler takes the version of an event;
 *   else what the handler or the upcaster returned (a number above 0:
 *   PSM_ERR_REJECT).
 *
 * Threads: one at a time. Blocks: as said, and while fn runs. Since 0.1.
 */
PSM_API int psm_replay_run(psm_replay *r, psm_event_fn fn, void *user,
                           int timeout_ms, psm_error *err) PSM_CHECK;

/**
 * Whether the calling thread is in a handler of a replay.
 *
 * @return 1: it is; 0: not.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_active(void);

/**
 * To be called first by everything that acts outside the database, as sending a
 * mail or a request to another service does: in a handler of a replay it
 * refuses. A thread that a handler starts is not known as one of its.
 *
 * @param effect  what is about to be done, e.g. "mail", for the message.
 * @param err     details of a failure; may be NULL.
 * @return 0: go on.
 *   PSM_ERR_INVAL  effect is NULL or empty;
 *   PSM_ERR_STATE  this is a replay: do not.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_replay_guard(const char *effect, psm_error *err) PSM_CHECK;

/**
 * A number of the last or the running run.
 *
 * @param r     a replay; NULL is allowed.
 * @param name  "read": messages.
 *              What became of them:
 *              "handled": in transactions: committed;
 *              "skipped": not wanted, no handler, or null values;
 *              "unreadable": no event, or its version has no handler;
 *              "failed": the handler failed;
 *              "duplicates": handled before, for psm_processor_replay();
 *              "dropped": events that handlers emitted.
 *              "to_read": how many "read" will be, at most in Kafka, where
 *              offsets without a message count, and with
 *              psm_replay_between(); -1: not known yet, or with
 *              psm_replay_follow().
 *              The last message that went to a handler, -1 if none did:
 *              "partition": where it was;
 *              "offset": where it was there.
 * @return the number; -1 for another name and for NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_replay_stat(const psm_replay *r, const char *name);

/**
 * Free a replay that is not running.
 *
 * @param r  a replay; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_replay_free(psm_replay *r);

PSM_END_DECLS

#endif
