/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PROCESSOR_H
#define PSYMATCH_PROCESSOR_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/store.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/* A consumer whose effects happen once: one transaction holds the effects, the
 * inbox and the offset. */
typedef struct psm_processor psm_processor;

/*
 * 0: handled. PSM_ERR_RETRY: not now. PSM_ERR_REJECT: never (dead letter).
 * PSM_ERR_DB, PSM_ERR_NOMEM: the system's fault, the batch is rolled back and
 * tried again. tx is the batch's: neither commit nor roll back.
 */
typedef int (*psm_tx_event_fn)(psm_tx *tx, const psm_event *ev, void *user,
                               psm_error *err);

/* name: the consumer group, e.g. "matching-service-therapist"; also the name in
 * inbox and offsets. */
PSM_API int psm_processor_new(psm_store *st, psm_transport *t,
                              const psm_config *cfg, const char *name,
                              psm_processor **out, psm_error *err) PSM_CHECK;
PSM_API int psm_processor_subscribe(psm_processor *pr, const char *topic,
                                    psm_error *err) PSM_CHECK;
PSM_API int psm_processor_on(psm_processor *pr, const char *type,
                             psm_tx_event_fn fn, void *user,
                             psm_error *err) PSM_CHECK;
/* Never waits for the broker or the database: attaches when they are there. */
PSM_API int psm_processor_start(psm_processor *pr, psm_error *err) PSM_CHECK;
PSM_API int psm_processor_stop(psm_processor *pr, int timeout_ms,
                               psm_error *err) PSM_CHECK;
PSM_API void psm_processor_free(psm_processor *pr);
/* "handled", "duplicates", "dead", "skipped", "rollbacks", "lag"; -1 for
 * another name. */
PSM_API int64_t psm_processor_stat(psm_processor *pr, const char *name);
PSM_API int psm_processor_health(psm_processor *pr, char *reason, size_t size);

PSM_END_DECLS

#endif
