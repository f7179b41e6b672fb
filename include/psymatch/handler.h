/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_HANDLER_H
#define PSYMATCH_HANDLER_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>

PSM_BEGIN_DECLS

/**
 * How a handler is called: for which versions, how long, and what becomes of an
 * event that it fails. The same for psm_consumer and psm_processor.
 *
 * An event is given to the handler of its type whose range holds its version.
 * Without one it is taken one upcaster further, and so on; at the end of the
 * upcasters comes the type's handler without a range, then the handler "*". An
 * event that has handlers, but none for its version and no "*", is dead:
 * PSM_ERR_VERSION. An event whose type has no handler at all is counted as
 * skipped, like a record with a null value: that is how a log says that a key
 * is gone, so it is no fault of anybody and no dead letter.
 */
typedef struct psm_handler_options psm_handler_options;

/* What becomes of an event after a failure that may pass: its handler returned
 * PSM_ERR_RETRY, PSM_ERR_TIMEOUT, PSM_ERR_BROKER, PSM_ERR_FULL, PSM_ERR_IO or
 * PSM_ERR_UNAVAILABLE.
 * After one that is not the fault of the event (PSM_ERR_NOMEM, PSM_ERR_DB,
 * PSM_ERR_FENCED, PSM_ERR_CLOSED) it comes again in each case; after every
 * other failure it is dead. */
enum psm_on_failure {
	/* The same event again, its partition waits meanwhile. */
	PSM_ON_FAILURE_RETRY = 0,
	/* The event is parked with all later ones of its key; other keys go
	 * on. Needs a database: psm_processor only. */
	PSM_ON_FAILURE_PARK = 1,
	/* Never again: it is dead. */
	PSM_ON_FAILURE_REJECT = 2
};

/**
 * Makes an event of an older version into one of a newer version.
 *
 * @param old   borrowed for the call.
 * @param out   to be set to a new event (psm_event_upcast), taken by the
 *              library: id, type and producer of old, version as registered.
 * @param user  as given when it was registered.
 * @param err   where it may say why it fails (psm_error_set).
 * @return 0: *out is set. Where it is not, as after PSM_ERR_RETRY.
 *   PSM_ERR_RETRY   not now; this and each other code counts as if the handler
 *                   had returned it;
 *   PSM_ERR_NOMEM   out of memory: the event comes again;
 *   PSM_ERR_REJECT  never: the event is dead.
 *
 * Runs on the dispatch thread, each time before the handler, so it should be
 * quick and without effects. May call what a handler may call.
 */
typedef int (*psm_upcast_fn)(const psm_event *old, psm_event **out, void *user,
                             psm_error *err);

/**
 * New options: every version, PSM_ON_FAILURE_RETRY without a limit of attempts,
 * a deadline of 30 s.
 *
 * @param out  new (psm_handler_options_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0: *out is set.
 *   PSM_ERR_INVAL  out is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_handler_options_new(psm_handler_options **out,
                                    psm_error *err) PSM_CHECK;

/**
 * Only these versions. Not for the handler "*".
 *
 * @param o    options.
 * @param min  the oldest, "major.minor"; NULL: however old. Copied.
 * @param max  the newest; NULL: however new. Copied. Both NULL: no range.
 * @param err  details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  o is NULL, a text is not "major.minor", or max is older than
 *                  min.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handler_options_versions(psm_handler_options *o,
                                         const char *min, const char *max,
                                         psm_error *err) PSM_CHECK;

/**
 * What becomes of an event after a failure that may pass.
 *
 * @param o             options.
 * @param what          an enum psm_on_failure.
 * @param max_attempts  so many calls for one event, then it is dead with what
 *                      the last one returned: 1 to 1,000,000; 0: no limit for
 *                      PSM_ON_FAILURE_RETRY, as the processor says for
 *                      PSM_ON_FAILURE_PARK. A consumer counts from its start,
 *                      a processor what it parked also across restarts.
 * @param err           details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  o is NULL, or a number is outside its range.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handler_options_on_failure(psm_handler_options *o, int what,
                                           int max_attempts,
                                           psm_error *err) PSM_CHECK;

/**
 * How long one call may take. A handler asks psm_event_time_left_ms() and gives
 * up with PSM_ERR_RETRY; it is not interrupted, but for a statement in the
 * transaction of a processor, which ends with PSM_ERR_TIMEOUT after as long.
 * One that takes longer is counted as overrun, logged, and seen in the health
 * for 15 minutes; its result counts as it is.
 *
 * @param o            options.
 * @param deadline_ms  1 to 86,400,000; 0: none. 30,000 unless set.
 * @param err          details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  o is NULL, or deadline_ms is outside its range.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handler_options_deadline(psm_handler_options *o,
                                         int deadline_ms,
                                         psm_error *err) PSM_CHECK;

/**
 * What the handler returns counts for nothing: it says that it has handled an
 * event by psm_event_confirm(), and why not by psm_error_set(). For callbacks
 * that are written in another language: an exception that leaves one (an
 * interrupt, for example) makes it return whatever stands in a register.
 *
 * @param o    options.
 * @param on   1: as said. An event that is neither confirmed nor refused comes
 *             again, as after PSM_ERR_NOMEM; 0, the default: what the handler
 *             returns counts.
 * @param err  details of a failure; may be NULL.
 * @return 0: set.
 *   PSM_ERR_INVAL  o is NULL, or on is neither 0 nor 1.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handler_options_confirm(psm_handler_options *o, int on,
                                        psm_error *err) PSM_CHECK;

/**
 * Free options; handlers that were registered with them keep a copy.
 *
 * @param o  options; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_handler_options_free(psm_handler_options *o);

/**
 * A set of handlers and upcasters, registered once for all that use it:
 * psm_consumer_handlers(), psm_processor_handlers(), psm_replay_handlers().
 * psm_handlers_on() adds a handler without a transaction, for consumers and
 * replays; psm_handlers_on_tx() one with a transaction, for processors; a type
 * can have both.
 */
typedef struct psm_handlers psm_handlers;

/**
 * An empty set.
 *
 * @param out  new (psm_handlers_free); NULL after a failure.
 * @param err  details of a failure; may be NULL.
 * @return 0: *out is set.
 *   PSM_ERR_INVAL  out is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_handlers_new(psm_handlers **out, psm_error *err) PSM_CHECK;

/**
 * Take events of a version one step further, before any handler of the set.
 *
 * @param hs            a set.
 * @param type          a name or alias of the catalogue.
 * @param from_version  "major.minor"; copied.
 * @param to_version    a newer one; copied.
 * @param fn            the upcaster.
 * @param user          given to fn; borrowed by all that use the set.
 * @param err           details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL         a NULL argument other than user, no version, or
 *                         to_version is not newer;
 *   PSM_ERR_UNKNOWN_TYPE  the catalogue does not have the type;
 *   PSM_ERR_CONFLICT      from_version has an upcaster already;
 *   PSM_ERR_NOMEM         out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_handlers_upcast(psm_handlers *hs, const char *type,
                                const char *from_version,
                                const char *to_version, psm_upcast_fn fn,
                                void *user, psm_error *err) PSM_CHECK;

/**
 * Free the set; whoever used it keeps a copy.
 *
 * @param hs  a set; NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_handlers_free(psm_handlers *hs);

PSM_END_DECLS

#endif
