/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PROGRAM_H
#define PSYMATCH_PROGRAM_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/payload.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/**
 * The short way to a small program: settings of the environment, store,
 * transport, relay and, where there are handlers, a processor, in one object
 * that starts and stops them in the right order. Whoever needs more uses these
 * one by one, as psm_store(3), psm_relay(3) and psm_processor(3) say. See
 * examples/06_program.c.
 */
typedef struct psm_program psm_program;

/**
 * Open what the environment says (psm_config_from_env(), psm_store_open(),
 * psm_transport_open()), bring the set "psymatch" of tables up to date, and
 * make a relay. Nothing runs yet.
 *
 * @param name  of the program, which is the name of its processor: what it has
 *              handled is remembered under it; copied.
 * @param out   new (psm_program_free); NULL after a failure.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL or empty argument;
 *   PSM_ERR_IO     there is no file descriptor for psm_program_quit();
 *   PSM_ERR_NOMEM  out of memory; or
 *   a failure of psm_config_from_env(), psm_store_open(),
 *   psm_store_migrate(), psm_transport_open(), psm_relay_new() or
 *   psm_processor_new().
 *
 * Threads: any. Blocks: until the database answers. Since 0.1.
 */
PSM_API int psm_program_open(const char *name, psm_program **out,
                             psm_error *err) PSM_CHECK;

/**
 * Handle events of a type, each once, in the transaction of its effects. The
 * topic is the catalogue's.
 *
 * @param pg    a program that was not started.
 * @param type  a name or alias of the catalogue, or "*" for every type of these
 *              topics that has no handler of its own; copied.
 * @param fn    on the processor's thread, as psm_processor_on() says.
 * @param user  passed on; borrowed until pg is freed.
 * @param err   details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      the type has a handler;
 *   PSM_ERR_STATE         started before;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_program_on(psm_program *pg, const char *type,
                           psm_tx_event_fn fn, void *user,
                           psm_error *err) PSM_CHECK;

/**
 * Commit an event by itself: the program is its producer, and the relay
 * publishes it. An event that belongs to a change wants psm_tx_emit() in the
 * transaction of the change.
 *
 * @param pg   a program.
 * @param m    taken, also when the call fails; NULL is out of memory, as
 *             psm_payload_new() returns it.
 * @param err  details of a failure; may be NULL.
 * @return 0: it is committed; or
 *   PSM_ERR_INVAL  a NULL program; or
 *   a failure of psm_event_new_from(), psm_tx_begin(), psm_tx_emit() or
 *   psm_tx_commit().
 *
 * Threads: any. Blocks: until the server answers, at most 60 s. Since 0.1.
 */
PSM_API int psm_program_emit(psm_program *pg, psm_payload *m,
                             psm_error *err) PSM_CHECK;

/**
 * Start the relay and, where there are handlers, the processor. For a program
 * with a loop of its own; psm_program_run() does it by itself.
 *
 * @param pg   a program that was not started.
 * @param err  details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL  a NULL argument;
 *   PSM_ERR_STATE  started before;
 *   PSM_ERR_NOMEM  no thread could be made.
 *   After a failure it can only be freed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_program_start(psm_program *pg, psm_error *err) PSM_CHECK;

/**
 * Start, unless it was, wait for SIGINT, SIGTERM or psm_program_quit(), and
 * stop: what is being handled is finished, what was committed is published as
 * far as the broker answers within 5 s; the rest waits in the outbox.
 *
 * The two signals are blocked in the calling thread meanwhile; what comes of
 * them while it stops changes nothing. Other threads of the program, but not
 * those of this library, must block them, too.
 *
 * @param pg   a program that did not run yet.
 * @param err  details of a failure; may be NULL.
 * @return 0: it ran and has stopped; or
 *   PSM_ERR_INVAL    a NULL argument;
 *   PSM_ERR_STATE    it has stopped before;
 *   PSM_ERR_TIMEOUT  a handler did not end in time; psm_program_free() waits
 *                    for it;
 *   PSM_ERR_IO       there is no file descriptor for the signals;
 *   PSM_ERR_NOMEM    no thread could be made.
 *
 * Threads: one at a time. Blocks: until told to stop, and about 10 s more.
 * Since 0.1.
 */
PSM_API int psm_program_run(psm_program *pg, psm_error *err) PSM_CHECK;

/**
 * Let psm_program_run() end, or return at once when it is called.
 *
 * @param pg  a program; NULL is ignored.
 *
 * Threads: any, also a handler's. Blocks: no. Since 0.1.
 */
PSM_API void psm_program_quit(psm_program *pg);

/**
 * Stop what runs, as psm_relay_free() and psm_processor_free() do, and free.
 *
 * @param pg  taken; NULL is allowed.
 *
 * Threads: one at a time. Blocks: until the threads have ended. Since 0.1.
 */
PSM_API void psm_program_free(psm_program *pg);

/**
 * The worst of what relay and processor say.
 *
 * @param pg      a program.
 * @param reason  reason[size] receives one sentence; may be NULL.
 * @param size    bytes of reason, 0 if it is NULL.
 * @return an enum psm_health; red when it does not run.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_program_health(psm_program *pg, char *reason, size_t size);

/**
 * The program's store, for transactions of its own.
 *
 * @param pg  a program; NULL is allowed.
 * @return borrowed until pg is freed; NULL if pg is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_store *psm_program_store(psm_program *pg);

/**
 * The program's transport.
 *
 * @param pg  a program; NULL is allowed.
 * @return borrowed until pg is freed; NULL if pg is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_transport *psm_program_transport(psm_program *pg);

/**
 * The program's processor, for what psm_program_on() does not offer: upcasters,
 * options of handlers, sets of handlers, numbers. It is started only if it has
 * a handler.
 *
 * @param pg  a program; NULL is allowed.
 * @return borrowed until pg is freed; NULL if pg is NULL.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_processor *psm_program_processor(psm_program *pg);

PSM_END_DECLS

#endif
