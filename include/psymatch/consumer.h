/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CONSUMER_H
#define PSYMATCH_CONSUMER_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/event.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/* Reads events and calls handlers by type: at least once, in order per key. For
 * programs without PostgreSQL. */
typedef struct psm_consumer psm_consumer;

/* 0: handled. PSM_ERR_RETRY: again later, in order. PSM_ERR_REJECT or another
 * error: dead. Dispatch thread. */
typedef int (*psm_event_fn)(const psm_event *ev, void *user, psm_error *err);
/* A message that cannot be handled: raw bytes (NULL for a null value), origin,
 * code and reason. Dispatch thread. */
typedef void (*psm_dead_fn)(const char *topic, int32_t partition,
                            int64_t offset, const void *raw, size_t len,
                            int code, const char *reason, void *user);

PSM_API int psm_consumer_new(psm_transport *t, const psm_config *cfg,
                             const char *group, psm_consumer **out,
                             psm_error *err) PSM_CHECK;
PSM_API int psm_consumer_subscribe(psm_consumer *c, const char *topic,
                                   psm_error *err) PSM_CHECK;
/* type: a name or alias of the catalogue, or "*" for every type that has no
 * handler of its own. */
PSM_API int psm_consumer_on(psm_consumer *c, const char *type, psm_event_fn fn,
                            void *user, psm_error *err) PSM_CHECK;
PSM_API int psm_consumer_on_dead(psm_consumer *c, psm_dead_fn fn, void *user);
/* Handle what is there on the calling thread, waiting up to timeout_ms for the
 * first; returns the count. */
PSM_API int psm_consumer_poll(psm_consumer *c, int timeout_ms,
                              psm_error *err) PSM_CHECK;
/* Or let a thread of the consumer do it. */
PSM_API int psm_consumer_start(psm_consumer *c, psm_error *err) PSM_CHECK;
PSM_API int psm_consumer_close(psm_consumer *c, int timeout_ms,
                               psm_error *err) PSM_CHECK;
PSM_API void psm_consumer_free(psm_consumer *c);
/* "handled", "retried", "dead", "skipped", "lag"; -1 for another name. */
PSM_API int64_t psm_consumer_stat(psm_consumer *c, const char *name);
PSM_API int psm_consumer_health(psm_consumer *c, char *reason, size_t size);

PSM_END_DECLS

#endif
