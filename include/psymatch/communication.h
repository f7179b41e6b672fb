/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_COMMUNICATION_H
#define PSYMATCH_COMMUNICATION_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/processor.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/**
 * The types psm_communication_handle() knows.
 *
 * @param i  index from 0.
 * @return borrowed for ever; NULL past the end.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_communication_type_at(size_t i);

/**
 * What an event means to the communication service, which has mails and phone
 * calls. communication.send_email and email.send: see psm_mail_handle().
 * communication.schedule_call: see psm_call_handle(). therapist.blocked and
 * .deleted: mails to that therapist that wait in the queue, or are tried again,
 * are not sent, and planned calls are not to be made (angehalten_seit); so with
 * those that are made later. therapist.unblocked: they go on, and a call whose
 * time is over by then moves to the next free one
 * ("communication.call_scheduled"). Of several events the newest counts, in
 * whatever order they come; deleted is for good. Other types do nothing.
 *
 * @param tx    a transaction of a store whose set "communication" is migrated;
 *   it is neither committed nor rolled back.
 * @param ev    the event; borrowed.
 * @param user  not used, may be NULL (so that this is a psm_tx_event_fn).
 * @param err   details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL    tx or ev is NULL;
 *   PSM_ERR_REJECT   the payload does not make sense;
 *   PSM_ERR_STATE    a statement of the transaction failed before;
 *   PSM_ERR_DB       the database failed;
 *   PSM_ERR_RETRY    as PSM_ERR_DB, or PSYMATCH_HOLIDAYS_FILE cannot be read;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_IO       the system gave no random bytes;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any, one at a time per transaction. Blocks: on the database.
 * Since 0.1.
 */
PSM_API int psm_communication_handle(psm_tx *tx, const psm_event *ev,
                                     void *user, psm_error *err);

/**
 * Add psm_communication_handle() to a set of handlers for each type that it
 * knows, or for those of one topic. An event that cannot be
 * handled now is parked (PSM_ON_FAILURE_PARK); other keys go on.
 *
 * @param hs     a set, e.g. for psm_processor_handlers() of a processor whose
 *   store has the set "communication" migrated.
 * @param topic  e.g. "communication-events"; NULL: all topics.
 * @param err    details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL     hs is NULL, or no type is of that topic;
 *   PSM_ERR_CONFLICT  the set has a handler of one of the types;
 *   PSM_ERR_NOMEM     out of memory.
 *   After an error the set may have some of them.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_communication_handlers(psm_handlers *hs, const char *topic,
                                       psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
