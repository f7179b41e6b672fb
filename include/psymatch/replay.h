/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_REPLAY_H
#define PSYMATCH_REPLAY_H

#include <psymatch/base.h>
#include <psymatch/consumer.h>
#include <psymatch/error.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * Reads a topic again, or a part of it, into a handler. No group is joined and
 * no offset is committed, so consumers do not notice. psm_event_is_replay()
 * tells the handler, which then leaves out what cannot be taken back.
 *
 * A replay ends where the topic ended when it began. Events of one key come in
 * their order; partitions come in any order.
 *
 * Life: new, what to read, run (again and again if wanted), free.
 */
typedef struct psm_replay psm_replay;

/**
 * A replay of a whole topic.
 *
 * @param t      the transport; a reference is kept.
 * @param topic  1 to 249 bytes of [A-Za-z0-9._-]; copied.
 * @param out    new (psm_replay_free); NULL after a failure.
 * @param err    details of a failure; may be NULL.
 * @return 0: *out is ready to be narrowed or run.
 *   PSM_ERR_INVAL  a NULL argument, a topic outside the rule above, or a
 *                  transport that cannot be read without a group (each of the
 *                  library's can);
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
 * Read, and call fn for each event that is wanted. Null values are skipped;
 * messages that are no events are counted as "unreadable" and passed over.
 *
 * @param r           a replay.
 * @param fn          the handler, on the calling thread. Whatever it returns
 *                    but 0 ends the replay, so it can also be used to stop.
 * @param user        handed to fn.
 * @param timeout_ms  how long to wait for the next message, 1 or more, before
 *                    giving up; there is one, so only a missing broker takes
 *                    long.
 * @param err         details of a failure; may be NULL.
 * @return 0: read to the end.
 *   PSM_ERR_INVAL    a NULL argument other than user, or timeout_ms below 1;
 *   PSM_ERR_STATE    it is running;
 *   PSM_ERR_TIMEOUT  no message, or no answer at all, within timeout_ms;
 *   PSM_ERR_BROKER   the broker has no such topic, or the client is dead;
 *   PSM_ERR_CONFIG   settings contradict each other;
 *   PSM_ERR_IO       the system gave no thread or socket;
 *   PSM_ERR_NOMEM    out of memory;
 *   else what fn returned (a number above 0: PSM_ERR_REJECT).
 *
 * Threads: one at a time. Blocks: as said, and while fn runs. Since 0.1.
 */
PSM_API int psm_replay_run(psm_replay *r, psm_event_fn fn, void *user,
                           int timeout_ms, psm_error *err) PSM_CHECK;

/**
 * A number of the last or the running run.
 *
 * @param r     a replay; NULL is allowed.
 * @param name  "handled" (fn returned 0), "skipped" (not wanted, or null
 *              values), "unreadable".
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
