/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_RELAY_H
#define PSYMATCH_RELAY_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/store.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * Publishes the events that psm_tx_emit() put into the outbox: in the order of
 * their numbers, each row deleted once the broker has acknowledged it. Of all
 * relays on one database one leads; another takes over within about 2 s when it
 * ends, also by kill -9. Events may arrive twice after that, but none is
 * lost.
 *
 * The one that leads also does the upkeep of psm_store_maintain, hourly.
 */
typedef struct psm_relay psm_relay;

/**
 * Make a relay. One per store.
 *
 * Settings read: those of psm_producer_new(), but PSYMATCH_SPOOL_DIR is always
 * "none": the outbox is the durable copy; and PSYMATCH_LONG_TX_SECONDS.
 *
 * @param st   borrowed until r is freed; its set "psymatch" must be in place
 *             before rows can be sent. The relay uses one connection beside the
 *             pool.
 * @param t    referenced until r is freed.
 * @param cfg  copied.
 * @param out  new (psm_relay_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL   a NULL argument;
 *   PSM_ERR_CONFIG  a setting that could not be copied;
 *   PSM_ERR_IO      there is no file descriptor for its wake-ups;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_relay_new(psm_store *st, psm_transport *t,
                          const psm_config *cfg, psm_relay **out,
                          psm_error *err) PSM_CHECK;

/**
 * Start the relay's thread. Neither the database nor the broker need be there.
 *
 * @param r    a relay that was not started before.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  started or stopped before;
 *   PSM_ERR_NOMEM  no thread could be made.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_relay_start(psm_relay *r, psm_error *err) PSM_CHECK;

/**
 * Stop the thread: wait for the acknowledgement of what was sent, delete those
 * rows, give the lead away. Rows that were not acknowledged stay.
 *
 * @param r           a relay; one that does not run is no error.
 * @param timeout_ms  for the acknowledgements, 0 or more.
 * @param err         details of a failure; may be NULL.
 * @return 0: the thread has ended; or
 *   PSM_ERR_INVAL    a NULL or negative argument;
 *   PSM_ERR_TIMEOUT  it has not, even 1 s after the timeout; call again.
 *
 * Threads: one at a time. Blocks: up to timeout_ms and about 1 s. Since 0.1.
 */
PSM_API int psm_relay_stop(psm_relay *r, int timeout_ms,
                           psm_error *err) PSM_CHECK;

/**
 * Stop if it runs, as psm_relay_stop() with 3 s, and free. What the broker has
 * by then is not sent again by the next relay.
 *
 * @param r  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: until the thread has ended, as a rule at
 * once, about 4 s where the broker does not answer. Since 0.1.
 */
PSM_API void psm_relay_free(psm_relay *r);

/**
 * One number about the relay.
 *
 * @param r     a relay; NULL gives -1.
 * @param name  "sent": rows acknowledged and deleted by this relay;
 *              "waiting": rows in the outbox, counted up to 100000;
 *              "oldest_age_ms": age of the first of them, 0 if there is none;
 *              "leader": 1 if this relay leads;
 *              "wakeups": notifications of commits in other processes that it
 *              received;
 *              "oldest_tx_ms": age of the oldest transaction that another
 *              session of the database has open, as far as the user may see
 *              it, 0 if there is none.
 *              The outbox is measured about once a second.
 * @return the number; -1 for any other name.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_relay_stat(psm_relay *r, const char *name);

/**
 * Does the relay do its work?
 *
 * @param r       a relay.
 * @param reason  reason[size] receives one sentence; may be NULL.
 * @param size    bytes of reason, 0 if it is NULL.
 * @return an enum psm_health: red when it does not run or the database fails,
 *   amber when an event waits for more than a minute, or a transaction of any
 *   session is open for longer than PSYMATCH_LONG_TX_SECONDS: events go on, but
 *   the server can clean no table of its old rows.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_relay_health(psm_relay *r, char *reason, size_t size);

PSM_END_DECLS

#endif
