/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_RELAY_H
#define PSYMATCH_RELAY_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>
#include <psymatch/store.h>
#include <psymatch/transport.h>

PSM_BEGIN_DECLS

/* Publishes the outbox: rows in id order, deleted once the broker has
 * acknowledged them. One leader per database. */
typedef struct psm_relay psm_relay;

PSM_API int psm_relay_new(psm_store *st, psm_transport *t,
                          const psm_config *cfg, psm_relay **out,
                          psm_error *err) PSM_CHECK;
PSM_API int psm_relay_start(psm_relay *r, psm_error *err) PSM_CHECK;
PSM_API int psm_relay_stop(psm_relay *r, int timeout_ms,
                           psm_error *err) PSM_CHECK;
PSM_API void psm_relay_free(psm_relay *r);
/* "sent", "waiting", "leader", "oldest_age_ms"; -1 for another name. */
PSM_API int64_t psm_relay_stat(psm_relay *r, const char *name);
PSM_API int psm_relay_health(psm_relay *r, char *reason, size_t size);

PSM_END_DECLS

#endif
