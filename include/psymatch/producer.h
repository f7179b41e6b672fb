/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PRODUCER_H
#define PSYMATCH_PRODUCER_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/payload.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * Sends events, and neither loses nor reorders them while the broker is away.
 *
 * Every event is written to the spool first and sent from there, in the order
 * in which it was accepted, by a thread of the producer; so nothing overtakes,
 * and send never waits for a broker. An event that was accepted is, in this
 * order: queued, spooled (as durable as PSYMATCH_SPOOL_DURABILITY says), and in
 * the end sent (acknowledged) or failed (refused by the broker for good, and
 * copied to the spool's quarantine). If it cannot be copied, because the disk
 * is full or the quarantine has reached PSYMATCH_SPOOL_MAX_BYTES, the event and
 * its topic wait until there is room. After a crash, events may be sent twice,
 * with the same event_id.
 *
 * Events go to the transport straight from the spool's files. With
 * PSYMATCH_SPOOL_KEY_FILE these are encrypted, and an event is in the clear in
 * memory from then until its outcome; at most 64 MiB of events and one more at
 * a time.
 *
 * Used from any thread. After a fork it belongs to the parent: in the child
 * every call is PSM_ERR_STATE, and psm_producer_free() does nothing.
 */
typedef struct psm_producer psm_producer;

/** How far an accepted event is. */
enum psm_delivery_state {
	PSM_DELIVERY_QUEUED = 1,  /* in memory only */
	PSM_DELIVERY_SPOOLED = 2, /* as durable as was asked for */
	PSM_DELIVERY_SENT = 3,    /* acknowledged by the broker */
	PSM_DELIVERY_FAILED = 4   /* refused for good, or given up */
};

/**
 * The name of a delivery state.
 *
 * @param state  a psm_delivery_state.
 * @return "queued", "spooled", "sent" or "failed", borrowed for ever; NULL: no
 *   such state.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_delivery_state_name(int state);

/** Follows the outcome of one event. It may outlive the producer. */
typedef struct psm_receipt psm_receipt;

/**
 * The outcome of one event.
 *
 * @param event_id  the event's id; borrowed for the call.
 * @param rc        0: acknowledged by the broker.
 *                  PSM_ERR_TOO_LARGE: refused for good.
 *                  PSM_ERR_INVAL: refused for good.
 *                  PSM_ERR_REJECT: refused for good.
 *                  PSM_ERR_CLOSED: the producer was closed before; reason says
 *                  whether the event stays in the spool for the next start.
 * @param reason    a sentence, "" for rc 0; borrowed for the call.
 * @param user      as given to psm_producer_set_delivery().
 *
 * Runs on the producer's thread, exactly once for each accepted event, at the
 * latest within psm_producer_close(). It also runs for events that an earlier
 * process left in the spool, once for each of them, and PSM_ERR_CLOSED for them
 * again if they are still there at the close. May call psm_producer_send(),
 * psm_producer_stat() and psm_producer_health(); flush and close are
 * PSM_ERR_STATE from here. Since 0.1.
 */
typedef void (*psm_delivery_fn)(const char *event_id, int rc,
                                const char *reason, void *user);

/**
 * A producer on a transport. Touches neither files nor broker.
 *
 * Settings read: PSYMATCH_SPOOL_DIR ("none": events are kept in memory only;
 * not set: $STATE_DIRECTORY/spool, as systemd gives it, else
 * ${XDG_STATE_HOME:-$HOME/.local/state}/psymatch/spool, but on the transport
 * memory as "none", because what others left there is for a broker),
 * PSYMATCH_SPOOL_DURABILITY, PSYMATCH_SPOOL_INTERVAL_MS,
 * PSYMATCH_SPOOL_MAX_BYTES, PSYMATCH_SPOOL_MAX_AGE_SECONDS,
 * PSYMATCH_SPOOL_AGE_ACTION, PSYMATCH_SPOOL_HIGH_PERCENT,
 * PSYMATCH_SPOOL_LOW_PERCENT, PSYMATCH_SPOOL_KEY_FILE ("": the spool is not
 * encrypted; not read without a spool), PSYMATCH_QUEUE_MAX,
 * PSYMATCH_EVENT_MAX_BYTES, PSYMATCH_WIRE.
 *
 * @param t    kept by a reference of its own.
 * @param cfg  copied as far as needed.
 * @param out  new (psm_producer_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0: *out is the producer, not started.
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_producer_new(psm_transport *t, const psm_config *cfg,
                             psm_producer **out, psm_error *err) PSM_CHECK;

/**
 * Open and start a producer with settings (psm_config_from_env()) and a
 * transport (psm_transport_open()) of its own: the short way for a program that
 * needs no others.
 *
 * @param name  of the program, at least 1 byte; copied. With Kafka it is the
 *              client.id that the broker's logs and quotas show, unless
 *              PSYMATCH_KAFKA_client_id is set. NULL: "psymatch".
 * @param out   new (psm_producer_free, which frees all of it); NULL after a
 *              failure.
 * @param err   details of a failure; may be NULL.
 * @return 0: *out is started. Else as psm_config_from_env(),
 *   psm_transport_open() and psm_producer_start(), and
 *   PSM_ERR_INVAL  out is NULL, or name is "".
 *
 * Threads: any. Blocks: as psm_producer_start(). Since 0.1.
 */
PSM_API int psm_producer_open(const char *name, psm_producer **out,
                              psm_error *err) PSM_CHECK;

/**
 * Set the callback for the outcome of each event. Before the start.
 *
 * @param p     a producer that was not started.
 * @param fn    NULL: nobody, as in the beginning.
 * @param user  given to fn.
 * @return 0.
 *   PSM_ERR_INVAL  p is NULL;
 *   PSM_ERR_STATE  it was started, or belongs to another process.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_producer_set_delivery(psm_producer *p, psm_delivery_fn fn,
                                      void *user);

/**
 * The spool, or the queue in memory, has reached the high watermark of one of
 * its limits, or is below the low watermark again.
 *
 * @param what    "size": of PSYMATCH_SPOOL_MAX_BYTES, or of PSYMATCH_QUEUE_MAX
 *                without a spool;
 *                "age": of PSYMATCH_SPOOL_MAX_AGE_SECONDS.
 * @param high    1: PSYMATCH_SPOOL_HIGH_PERCENT of it is reached;
 *                0: after that, it is below PSYMATCH_SPOOL_LOW_PERCENT.
 * @param reason  a sentence; borrowed for the call.
 * @param user    as given to psm_producer_set_watermark().
 *
 * Runs on the producer's thread, for each of the two limits high and low in
 * turn; a level that lasts less than a second may go unnoticed. The same is
 * logged. May call the functions that psm_delivery_fn may call. Since 0.1.
 */
typedef void (*psm_watermark_fn)(const char *what, int high, const char *reason,
                                 void *user);

/**
 * Set the callback for the watermarks of the spool. Before the start.
 *
 * An accepted event is never dropped for its age or for room. Above the limit
 * of size no event is accepted; above the limit of age events are accepted
 * unless PSYMATCH_SPOOL_AGE_ACTION is "refuse".
 *
 * @param p     a producer that was not started.
 * @param fn    NULL: nobody, as in the beginning.
 * @param user  given to fn.
 * @return 0.
 *   PSM_ERR_INVAL  p is NULL;
 *   PSM_ERR_STATE  it was started, or belongs to another process.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_producer_set_watermark(psm_producer *p, psm_watermark_fn fn,
                                       void *user);

/**
 * Open the spool and start sending what is in it. Never waits for a broker.
 *
 * The spool directory is made if it is missing. Several producers may share it,
 * as all producers of one user do that leave PSYMATCH_SPOOL_DIR unset. Each has
 * a stream directory stream.N of its own, and adopts those without a live
 * owner, i.e. of producers that ended. So they must send to the same broker,
 * with the same key file.
 *
 * The order of a key is kept from one producer to the next: events of an ended
 * producer are sent before those of a producer that starts later. If a third
 * producer has adopted them, the new one waits until they are sent, and its
 * health names the process; if that process ends, it adopts them itself. It
 * waits with all its events, also while the third producer cannot send one
 * topic of the adopted events: programs that must not wait for each other need
 * spool directories of their own. There is no order between events of one key
 * that two producers accept while both run, nor if a running producer continues
 * with the keys of one that ended. Damaged data never fails the start: it is
 * moved to the quarantine and counted. Nor does a full disk: send is
 * PSM_ERR_FULL until there is room. A missing key does: segments that are
 * encrypted with it are not changed.
 *
 * @param p    a new producer.
 * @param err  details of a failure; may be NULL.
 * @return 0: started. Else it can be tried again:
 *   PSM_ERR_INVAL   p is NULL;
 *   PSM_ERR_STATE   started before, closed, or of another process;
 *   PSM_ERR_IO      the spool directory cannot be used at all (the message
 *                   says why, and which setting helps), or the key file cannot
 *                   be read;
 *   PSM_ERR_CONFIG  the key file is none, others than its owner may read it, or
 *                   it lacks the key of something in the spool; the low
 *                   watermark is above the high one; or PSYMATCH_SPOOL_DIR is
 *                   not set, and the environment names no place either;
 *   PSM_ERR_NOMEM   out of memory or threads.
 *
 * Threads: one at a time. Blocks: on the disk, to read the end of the spool.
 * Since 0.1.
 */
PSM_API int psm_producer_start(psm_producer *p, psm_error *err) PSM_CHECK;

/**
 * Accept one event for sending. Does not wait for the broker.
 *
 * @param p      a started producer.
 * @param topic  1 to 249 bytes of [A-Za-z0-9._-], not "." or ".."; NULL: the
 *               topic of the event's type.
 * @param ev     borrowed for the call: it is encoded before the call returns.
 *               Its key (psm_event_key) decides the partition; events of one
 *               key and topic arrive in the order of the calls.
 * @param err    details of a failure; may be NULL.
 * @return 0: accepted, as durable as PSYMATCH_SPOOL_DURABILITY says, and the
 *   delivery callback will run once for it.
 *   PSM_ERR_INVAL         a NULL argument, or a topic outside the rule above;
 *   PSM_ERR_UNKNOWN_TYPE  no topic given, and the catalogue has none;
 *   PSM_ERR_TOO_LARGE     longer than PSYMATCH_EVENT_MAX_BYTES;
 *   PSM_ERR_FULL          PSYMATCH_SPOOL_MAX_BYTES or, without a spool,
 *                         PSYMATCH_QUEUE_MAX is reached, the disk is full, or
 *                         the oldest event waits for too long and
 *                         PSYMATCH_SPOOL_AGE_ACTION is "refuse"; retriable;
 *   PSM_ERR_IO            the spool cannot be written, or within the last
 *                         second its files were removed or made immutable, or
 *                         the disk failed to keep what was written;
 *   PSM_ERR_STATE         not started, closing, of another process, or in a
 *                         handler of a replay (psm_replay_may_send);
 *   PSM_ERR_NOMEM         out of memory.
 *   After an error the event was not accepted and no callback will run for it.
 *
 * Threads: any. Blocks: for the disk with durability disk, else no. Since 0.1.
 */
PSM_API int psm_producer_send(psm_producer *p, const char *topic,
                              const psm_event *ev, psm_error *err) PSM_CHECK;

/**
 * Make an event of a payload and hand it to the producer, for the topic that
 * the catalogue has for the type: psm_event_new_from() and psm_producer_send()
 * in one call. See examples/07_send.c.
 *
 * @param p         a started producer.
 * @param m         taken, also when the call fails; NULL is out of memory, as
 *                  psm_payload_new() returns it.
 * @param producer  name of the sending service, as for psm_event_new_from();
 *                  copied.
 * @param err       details of a failure; may be NULL.
 * @return 0: accepted, as psm_producer_send() says; or
 *   PSM_ERR_INVAL  p or producer is NULL; or
 *   a failure of psm_event_new_from() or psm_producer_send().
 *
 * Threads: any. Blocks: as psm_producer_send(). Since 0.1.
 */
PSM_API int psm_producer_send_payload(psm_producer *p, psm_payload *m,
                                      const char *producer,
                                      psm_error *err) PSM_CHECK;

/**
 * Open a producer (psm_producer_open()), send one event and close it again: for
 * a program that has one event to send and ends. Others keep a producer, which
 * costs them a connection once, not once per event. See examples/09_send_one.c.
 *
 * @param name  of the program: the event's producer, as for
 *              psm_event_new_from(), and the client's name; copied.
 * @param m     taken, also when the call fails; NULL is out of memory, as
 *              psm_payload_new() returns it.
 * @param err   details of a failure; may be NULL.
 * @return 0: accepted. If the broker did not answer within 3 s, the event is in
 *   the spool, and the next program that uses it sends it. Else a failure of
 *   psm_event_new_from(), psm_producer_open(), psm_producer_send() or
 *   psm_producer_close():
 *   PSM_ERR_TIMEOUT  there is no spool, and the event was given up.
 *
 * Threads: any. Blocks: as psm_producer_start(), and up to 3 s. Since 0.1.
 */
PSM_API int psm_producer_send_one(const char *name, psm_payload *m,
                                  psm_error *err) PSM_CHECK;

/**
 * Make an event and hand it to the producer: psm_event_new() and
 * psm_producer_send() in one call.
 *
 * @param p         a started producer.
 * @param topic     as for psm_producer_send().
 * @param type      as for psm_event_new().
 * @param producer  as for psm_event_new().
 * @param payload   payload[len], as for psm_event_new(); borrowed for the call.
 * @param len       bytes of payload.
 * @param err       details of a failure; may be NULL.
 * @return 0: accepted, as psm_producer_send() says; or
 *   PSM_ERR_INVAL  p is NULL; or
 *   a failure of psm_event_new() or psm_producer_send().
 *
 * Threads: any. Blocks: as psm_producer_send(). Since 0.1.
 */
PSM_API int psm_producer_send_json(psm_producer *p, const char *topic,
                                   const char *type, const char *producer,
                                   const char *payload, size_t len,
                                   psm_error *err) PSM_CHECK;

/**
 * As psm_producer_send(), with a receipt that follows this one event.
 *
 * @param p      a started producer.
 * @param topic  as for psm_producer_send().
 * @param ev     borrowed for the call.
 * @param out    new (psm_receipt_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: accepted, and *out follows it. Else as psm_producer_send(), and
 *   PSM_ERR_INVAL  out is NULL, too.
 *
 * Threads: any. Blocks: as psm_producer_send(). Since 0.1.
 */
PSM_API int psm_producer_send_receipt(psm_producer *p, const char *topic,
                                      const psm_event *ev, psm_receipt **out,
                                      psm_error *err) PSM_CHECK;

/**
 * How far the event is: queued without a spool and spooled with one from the
 * beginning, then sent or failed. After a close it stays spooled if the next
 * start will send it.
 *
 * @param r  the receipt.
 * @return an enum psm_delivery_state; PSM_ERR_INVAL for NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_receipt_state(psm_receipt *r);

/**
 * Wait for the outcome of the event, or ask for it with timeout 0.
 *
 * @param r           the receipt.
 * @param timeout_ms  0 or more.
 * @param err         details; may be NULL.
 * @return 0: sent.
 *   PSM_ERR_TIMEOUT    not yet;
 *   PSM_ERR_TOO_LARGE  refused by the broker for good;
 *   PSM_ERR_REJECT     refused by the broker for good;
 *   PSM_ERR_CLOSED     the producer was closed before; the state says whether
 *                      it stays in the spool;
 *   PSM_ERR_INVAL      r is NULL or timeout_ms negative, or the broker refused
 *                      the event as not valid.
 *
 * Threads: any but the delivery callback's. Blocks: up to timeout_ms. Since
 * 0.1.
 */
PSM_API int psm_receipt_wait(psm_receipt *r, int timeout_ms, psm_error *err);

/**
 * Free the receipt. The event is still sent.
 *
 * @param r  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_receipt_free(psm_receipt *r);

/**
 * Wait until every event accepted before this call is sent or failed.
 *
 * @param p           a started producer.
 * @param timeout_ms  0 or more; 0 does not wait.
 * @param left        receives how many events still wait; may be NULL. The
 *                    statistics "left_spool" and "left_memory" say where.
 * @param err         details of a failure; may be NULL.
 * @return 0: none of them waits.
 *   PSM_ERR_TIMEOUT  some still do;
 *   PSM_ERR_INVAL    p is NULL or timeout_ms negative;
 *   PSM_ERR_STATE    not started, in the delivery callback, or of another
 *                    process.
 *
 * Threads: any. Blocks: up to timeout_ms. Since 0.1.
 */
PSM_API int psm_producer_flush(psm_producer *p, int timeout_ms, size_t *left,
                               psm_error *err) PSM_CHECK;

/**
 * Accept no more events, send the accepted ones, and stop.
 *
 * What is not sent in time stays in the spool for the next start, which is no
 * failure; without a spool it is given up, which one WARNING of the log says
 * with the number of events. Either way the delivery callback says
 * PSM_ERR_CLOSED for each such event. A second call returns what the first did.
 *
 * @param p           a producer in any state.
 * @param timeout_ms  0 or more, for sending what waits.
 * @param left        receives how many events were not sent; may be NULL. The
 *                    statistics "left_spool" and "left_memory" say where.
 * @param err         details of a failure; may be NULL.
 * @return 0: closed; what is left is in the spool, as durable as
 *   PSYMATCH_SPOOL_DURABILITY says.
 *   PSM_ERR_TIMEOUT  closed, and *left events were given up;
 *   PSM_ERR_IO       closed, and *left events are in the spool, but not sure to
 *                    survive a power cut: with durability interval their last
 *                    sync to the disk failed, with os the disk was failing;
 *   PSM_ERR_INVAL    p is NULL or timeout_ms negative;
 *   PSM_ERR_STATE    another thread is closing it, called in the delivery
 *                    callback, or of another process.
 *
 * Threads: any. Blocks: up to timeout_ms, and for the callbacks. Since 0.1.
 */
PSM_API int psm_producer_close(psm_producer *p, int timeout_ms, size_t *left,
                               psm_error *err) PSM_CHECK;

/**
 * Close with a timeout of 3 s if that was not done, and free.
 *
 * @param p  taken; NULL is allowed. Not in its delivery callback, and not while
 *           another thread uses it.
 *
 * Threads: one at a time. Blocks: up to 3 s if it was not closed, and for the
 * callbacks. Since 0.1.
 */
PSM_API void psm_producer_free(psm_producer *p);

/**
 * One number about the producer.
 *
 * @param p     a producer in any state.
 * @param name  "accepted": events accepted by send in this process;
 *              "queued": events that wait, with those of earlier processes;
 *              "spooled": of these, as durable as was asked for, 0 without a
 *              spool;
 *              "left_spool", "left_memory": the events that wait, by where
 *              they are; after the close those that stay in the spool, and
 *              those that were given up;
 *              "sent", "failed": events with that outcome in this process;
 *              "damaged": events of the spool found unreadable;
 *              "quarantined_bytes": size of the quarantine;
 *              "oldest_age_ms": how long the oldest waiting event has waited;
 *              "spool_bytes": bytes of waiting events, limited by
 *              PSYMATCH_SPOOL_MAX_BYTES;
 *              "restarts": clients replaced after a fatal error or a refusal.
 * @return the number; -1 for another name, a NULL argument or in another
 *   process.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_producer_stat(psm_producer *p, const char *name);

/**
 * Whether the producer does its work.
 *
 * Red: it does not run, cannot accept events, is at the high watermark of its
 * limit of size or age, has sent nothing for five minutes while events wait, or
 * cannot read the events of an ended producer, for which its own events wait.
 * Amber: no broker is reachable, the broker does not accept a topic, another
 * process has to send older events first, the spool is at the low watermark or
 * had damage, or an event waits for more than half a minute. Green: none of
 * these.
 *
 * @param p       a producer in any state.
 * @param reason  receives a sentence without personal data, cut to size; may
 *                be NULL.
 * @param size    bytes of reason.
 * @return an enum psm_health; red for NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_producer_health(psm_producer *p, char *reason, size_t size);

PSM_END_DECLS

#endif
