/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PRODUCER_H
#define PSYMATCH_PRODUCER_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/* Sends events and survives outages: what send() accepted is written ahead to
 * the spool. */
typedef struct psm_producer psm_producer;

/* Runs once per accepted event on the producer's thread; rc is 0 (sent) or the
 * reason. May call send(), not close(). */
typedef void (*psm_delivery_fn)(const char *event_id, int rc,
                                const char *reason, void *user);

/*
 * Settings read: PSYMATCH_SPOOL_DIR ("" = memory only),
 * PSYMATCH_SPOOL_DURABILITY (disk, interval, os), PSYMATCH_SPOOL_MAX_BYTES,
 * PSYMATCH_QUEUE_MAX, PSYMATCH_EVENT_MAX_BYTES, PSYMATCH_WIRE.
 */
PSM_API int psm_producer_new(psm_transport *t, const psm_config *cfg,
                             psm_producer **out, psm_error *err) PSM_CHECK;
PSM_API int psm_producer_set_delivery(psm_producer *p, psm_delivery_fn fn,
                                      void *user);
PSM_API int psm_producer_start(psm_producer *p, psm_error *err) PSM_CHECK;
PSM_API int psm_producer_send(psm_producer *p, const char *topic,
                              const psm_event *ev, psm_error *err) PSM_CHECK;
/* Wait until nothing is queued; *left (may be NULL) receives what still is.
 * PSM_ERR_TIMEOUT when some is. */
PSM_API int psm_producer_flush(psm_producer *p, int timeout_ms, size_t *left,
                               psm_error *err) PSM_CHECK;
/* Stop taking events, flush, stop the thread; the rest stays in the spool (or
 * is reported as PSM_ERR_CLOSED). */
PSM_API int psm_producer_close(psm_producer *p, int timeout_ms, size_t *left,
                               psm_error *err) PSM_CHECK;
PSM_API void psm_producer_free(psm_producer *p);
/* "accepted", "queued", "spooled", "sent", "failed", "quarantined_bytes",
 * "oldest_age_ms", "restarts"; -1 for another name. */
PSM_API int64_t psm_producer_stat(psm_producer *p, const char *name);
/* An enum psm_health, and a sentence into reason[size]. */
PSM_API int psm_producer_health(psm_producer *p, char *reason, size_t size);

PSM_END_DECLS

#endif
