/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CONSUMER_H
#define PSYMATCH_CONSUMER_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/handler.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * Reads events and calls handlers by type, for programs without PostgreSQL: at
 * least once, and in order per key. After a crash or a rebalance the events
 * since the last commit (at most about a second of them) come again, so a
 * handler must bear an event twice; psm_processor makes effects happen once.
 *
 * Life: new, subscribe and on, then either poll on a thread of the application
 * or start, never both; close; free. Starting works without a broker, and an
 * outage ends by itself.
 */
typedef struct psm_consumer psm_consumer;

/**
 * A handler.
 *
 * @param ev    borrowed for the call.
 * @param user  as given to psm_consumer_on().
 * @param err   where the handler may say why it fails (psm_error_set).
 * @return 0: handled.
 *   PSM_ERR_RETRY    not now: the same event comes again within 0.1 s, later up
 *                    to 30 s (drawn at random below a limit that doubles), for
 *                    as long as the handler says so. Its partition waits
 *                    meanwhile, so order is kept; other partitions go on;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_RETRY;
 *   PSM_ERR_BROKER   as PSM_ERR_RETRY;
 *   PSM_ERR_FULL     as PSM_ERR_RETRY;
 *   PSM_ERR_IO       as PSM_ERR_RETRY;
 *   PSM_ERR_UNAVAILABLE  as PSM_ERR_RETRY;
 *   PSM_ERR_NOMEM    not the fault of the event: the same event comes again in
 *                    each case, whatever the handler's options say about
 *                    failures;
 *   PSM_ERR_DB       as PSM_ERR_NOMEM;
 *   PSM_ERR_FENCED   as PSM_ERR_NOMEM;
 *   PSM_ERR_CLOSED   as PSM_ERR_NOMEM;
 *   PSM_ERR_REJECT   never, and so for each code that is not named here and for
 *                    a number above 0: the event is dead, the next one comes.
 *
 * Runs on the dispatch thread, one at a time per consumer, at least once per
 * event. It may call any function but poll, start, close and free of its own
 * consumer (PSM_ERR_STATE). One that runs longer than 5 minutes loses its
 * partitions to another consumer of the group.
 */
typedef int (*psm_event_fn)(const psm_event *ev, void *user, psm_error *err);

/**
 * A message that cannot be handled: not JSON, not an envelope, against its
 * schema, of an unknown version, or given up by its handler. Its offset is
 * committed like that of a handled one, so whoever wants to keep it must do so
 * here, or with psm_consumer_dead_letters(): then this is called after the
 * broker has acknowledged the dead letter.
 *
 * @param topic      borrowed for the call.
 * @param partition  of the topic, from 0.
 * @param offset     in the partition, from 0.
 * @param raw        raw[len], the message as it came; borrowed for the call.
 * @param len        bytes.
 * @param code       what psm_event_parse() or the handler returned.
 * @param reason     a sentence; the handler's own words if it gave any.
 *                   Borrowed for the call.
 * @param user       as given to psm_consumer_on_dead().
 *
 * Runs on the dispatch thread, at least once per dead message; may call what a
 * handler may call.
 */
typedef void (*psm_dead_fn)(const char *topic, int32_t partition,
                            int64_t offset, const void *raw, size_t len,
                            int code, const char *reason, void *user);

/**
 * A consumer of a group. Each partition of a topic is read by one consumer of
 * the group; what a group has committed is where it goes on after a restart. A
 * new group starts at the earliest message that is kept.
 *
 * Where the next message is gone, because it was kept for less time than the
 * consumer was away, or because the topic was recreated, the consumer goes on
 * at the earliest that is kept, and says so: an error in the log, "gaps" in
 * psm_consumer_stat(), and psm_consumer_health() for 15 minutes. One case stays
 * unnoticed: a topic of Kafka that was recreated and grew past the consumer's
 * place before the client saw that it was gone. It knows a topic by its name
 * alone, and what the new one has before that place is left out.
 *
 * @param t      the transport; a reference is kept.
 * @param cfg    settings; none is kept.
 * @param group  1 to 249 bytes of [A-Za-z0-9._-], not "." or ".."; copied.
 * @param out    new (psm_consumer_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: *out is ready to be set up.
 *   PSM_ERR_INVAL  a NULL argument, or a group outside the rule above;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_new(psm_transport *t, const psm_config *cfg,
                             const char *group, psm_consumer **out,
                             psm_error *err) PSM_CHECK;

/**
 * Read this topic, too. A consumer that names none reads the topics that the
 * catalogue gives to its handlers' types. Before the first poll or start.
 *
 * @param c      a consumer.
 * @param topic  1 to 249 bytes of [A-Za-z0-9._-], not "." or ".."; copied.
 *               Twice is once.
 * @param err    details of a failure; may be NULL.
 * @return 0: it will be read, from the moment on when the broker has it.
 *   PSM_ERR_INVAL  a NULL argument, or a topic outside the rule above;
 *   PSM_ERR_STATE  started, polled or closed already;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_subscribe(psm_consumer *c, const char *topic,
                                   psm_error *err) PSM_CHECK;

/**
 * Call fn for events of a type. Events that nobody handles are counted and
 * skipped, like messages with a null value. Before the first poll or start.
 *
 * @param c     a consumer.
 * @param type  a name or an alias of the catalogue: a handler gets the events
 *              of all its names; or "*" for every event without a handler of
 *              its own, also of types that the catalogue does not know.
 * @param fn    the handler.
 * @param user  handed to fn; borrowed until the consumer is freed.
 * @param err   details of a failure; may be NULL.
 * @return 0: registered.
 *   PSM_ERR_INVAL         a NULL argument other than user;
 *   PSM_ERR_STATE         started, polled or closed already;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_CONFLICT      the type has a handler already;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_on(psm_consumer *c, const char *type, psm_event_fn fn,
                            void *user, psm_error *err) PSM_CHECK;

/**
 * As psm_consumer_on(), with options. Options with a range of versions make a
 * handler for these versions only, so a type may have several.
 *
 * @param c        a consumer.
 * @param type     as for psm_consumer_on(); a range is not for "*".
 * @param options  copied; NULL: as psm_consumer_on().
 * @param fn       the handler.
 * @param user     handed to fn; borrowed until the consumer is freed.
 * @param err      details of a failure; may be NULL.
 * @return 0: registered.
 *   PSM_ERR_INVAL         a NULL argument other than options and user, a range
 *                         for "*", or PSM_ON_FAILURE_PARK, which needs a
 *                         psm_processor;
 *   PSM_ERR_STATE         started, polled or closed already;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_CONFLICT      a handler of the type takes one of these versions;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_on_with(psm_consumer *c, const char *type,
                                 const psm_handler_options *options,
                                 psm_event_fn fn, void *user,
                                 psm_error *err) PSM_CHECK;

/**
 * Add a handler without a transaction to a set, for consumers and replays.
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
PSM_API int psm_handlers_on(psm_handlers *hs, const char *type,
                            const psm_handler_options *options, psm_event_fn fn,
                            void *user, psm_error *err) PSM_CHECK;

/**
 * Register all handlers without a transaction, and the upcasters, of a set.
 * After a failure none of them is registered.
 *
 * @param c    a consumer.
 * @param hs   a set; copied.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL     a NULL argument, or a handler that parks;
 *   PSM_ERR_STATE     started, polled or closed already;
 *   PSM_ERR_CONFLICT  one of its types and versions has a handler or an
 *                     upcaster already;
 *   PSM_ERR_NOMEM     out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_handlers(psm_consumer *c, const psm_handlers *hs,
                                  psm_error *err) PSM_CHECK;

/**
 * Make events of a version into a newer one before they are handled. Upcasters
 * of one type follow each other: 1.0 to 1.1, then 1.1 to 1.2. When each of them
 * runs says psm_handler_options.
 *
 * @param c             a consumer.
 * @param type          a name or an alias of the catalogue.
 * @param from_version  the version that fn takes, "major.minor"; copied.
 * @param to_version    the version that fn makes, newer; copied.
 * @param fn            the upcaster.
 * @param user          handed to fn; borrowed until the consumer is freed.
 * @param err           details of a failure; may be NULL.
 * @return 0: registered.
 *   PSM_ERR_INVAL         a NULL argument other than user, a text that is no
 *                         version, or to_version is not newer;
 *   PSM_ERR_STATE         started, polled or closed already;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue has no such type;
 *   PSM_ERR_CONFLICT      from_version of the type has an upcaster already;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_upcast(psm_consumer *c, const char *type,
                                const char *from_version,
                                const char *to_version, psm_upcast_fn fn,
                                void *user, psm_error *err) PSM_CHECK;

/**
 * Call fn for dead messages; without it they are counted and logged (origin and
 * code only). Before the first poll or start.
 *
 * @param c     a consumer.
 * @param fn    the callback; NULL: none.
 * @param user  handed to fn; borrowed until the consumer is freed.
 * @return 0: registered.
 *   PSM_ERR_INVAL  c is NULL;
 *   PSM_ERR_STATE  started, polled or closed already.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_on_dead(psm_consumer *c, psm_dead_fn fn, void *user);

/**
 * Put dead messages into a topic of dead letters on the same transport: that
 * of "orders" is "orders.dlq". It gets key, bytes and headers as they were, and
 * the headers dead-topic, dead-partition, dead-offset, dead-group, dead-code,
 * dead-reason, dead-attempts, dead-bytes (how many) and dead-time. Bytes that
 * are too large for the broker with these headers are left out.
 *
 * The offset is committed only after the broker has acknowledged the dead
 * letter; until then its partition waits, and psm_consumer_health() says so. A
 * message that dies in a topic of dead letters stays there. Before the first
 * poll or start.
 *
 * @param c   a consumer.
 * @param on  1: yes; 0: no. Unless this is called, the setting
 *            PSYMATCH_DEAD_LETTER_TOPIC decides.
 * @return 0: set.
 *   PSM_ERR_INVAL  c is NULL, or on is another number;
 *   PSM_ERR_STATE  started, polled or closed already.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_dead_letters(psm_consumer *c, int on);

/**
 * Wait for the first message and handle what is there, at most 500, on the
 * calling thread. To be called again and again, at least every 5 minutes, or
 * another consumer of the group gets the partitions. Errors of the broker are
 * in the log and in psm_consumer_health(), not in the result.
 *
 * @param c           a consumer that was not started.
 * @param timeout_ms  how long to wait for the first message, 0 or more. While
 *                    partitions come or go, up to 3 s longer; now and then up
 *                    to 1 s when nothing came for 10 s, to ask the broker
 *                    whether that is all.
 * @param err         details of a failure; may be NULL.
 * @return the number of messages finished: handled, skipped or dead.
 *   PSM_ERR_INVAL   c is NULL, or timeout_ms below 0;
 *   PSM_ERR_STATE   no topic and no handler of a type, started, closed, or
 *                   another poll is running;
 *   PSM_ERR_CONFIG  the first poll: PSYMATCH_KAFKA_* settings contradict each
 *                   other;
 *   PSM_ERR_IO      the first poll: the system gave no thread or socket;
 *   PSM_ERR_NOMEM   the first poll: out of memory.
 *
 * Threads: one at a time; it is the dispatch thread. Blocks: as said, and while
 * handlers run. Since 0.1.
 */
PSM_API int psm_consumer_poll(psm_consumer *c, int timeout_ms,
                              psm_error *err) PSM_CHECK;

/**
 * Let a thread of the consumer poll, until close.
 *
 * @param c    a consumer that was not polled.
 * @param err  details of a failure; may be NULL.
 * @return 0: the thread runs; a broker need not be there.
 *   PSM_ERR_INVAL   c is NULL;
 *   PSM_ERR_STATE   no topic and no handler of a type, or started, polled or
 *                   closed already;
 *   PSM_ERR_CONFIG  PSYMATCH_KAFKA_* settings contradict each other;
 *   PSM_ERR_IO      the system gave no thread or socket;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_start(psm_consumer *c, psm_error *err) PSM_CHECK;

/**
 * Stop: let the running handler end, commit what is finished, leave the group.
 * An event that waits for another try stays uncommitted. Closed twice is closed
 * once.
 *
 * @param c           a consumer.
 * @param timeout_ms  how long to wait for the handler and for the group, 0 or
 *                    more; while a broker is there, the commit may take 3 s of
 *                    its own, and leaving the group a second.
 * @param err         details of a failure; may be NULL.
 * @return 0: closed, and everything finished is committed.
 *   PSM_ERR_INVAL    c is NULL, or timeout_ms below 0;
 *   PSM_ERR_STATE    called by a handler of c;
 *   PSM_ERR_TIMEOUT  a handler still runs: nothing is closed, call again; or
 *                    closed, but the commit has no answer;
 *   PSM_ERR_BROKER   closed, but not committed;
 *   PSM_ERR_FENCED   closed, but a partition had gone to another consumer, or
 *                    the group was just changing.
 *   Events that are not committed come again.
 *
 * Threads: any but the handlers', one at a time. Blocks: as said. Since 0.1.
 */
PSM_API int psm_consumer_close(psm_consumer *c, int timeout_ms,
                               psm_error *err) PSM_CHECK;

/**
 * Close unless it is closed, without a deadline for the running handler and
 * with 3 s for the group, then free. From a handler of c it does nothing but
 * log an error.
 *
 * @param c  a consumer; NULL is allowed.
 *
 * Threads: any, no other call on c may be running. Blocks: while a handler
 * runs, then up to 3 s for the commit and 3 s for the group. Since 0.1.
 */
PSM_API void psm_consumer_free(psm_consumer *c);

/**
 * A number of this consumer.
 *
 * @param c     a consumer; NULL is allowed.
 * @param name  counts since psm_consumer_new():
 *              "handled": the handler returned 0;
 *              "retried": tries after which the event comes again;
 *              "dead": dead letters;
 *              "skipped": null values, no handler;
 *              "overrun": calls past their deadline;
 *              "gaps": times that messages were gone before they were read;
 *              "gap_messages": how many that were, as far as known.
 *              As it is now:
 *              "lag_seconds": age of the last message finished, by the
 *              transport's time, 0 while none waits;
 *              "lag": messages behind the end of the partitions it has.
 * @return the number; -1 for another name, for a lag that is not known (yet)
 *   and for NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_consumer_stat(psm_consumer *c, const char *name);

/**
 * How it is.
 *
 * @param c       a consumer; NULL is allowed.
 * @param reason  reason[size] receives one sentence without personal data, cut
 *                if it is longer; may be NULL.
 * @param size    bytes, with the NUL; 160 is enough.
 * @return an enum psm_health.
 *   Green: it reads. Amber: not started, no broker for less than 30 s, no
 *   partition, messages that wait while none came for 10 s, a retry, a gap, a
 *   dead message or a call past its deadline within the last 15 minutes, or
 *   an error of the broker within the last 10 s. Red: closed, no broker for
 *   longer, a retry that lasts a minute or more, nothing that comes for as
 *   long though messages wait, or reading ended for good.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_consumer_health(psm_consumer *c, char *reason, size_t size);

PSM_END_DECLS

#endif
