/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_TRANSPORT_H
#define PSYMATCH_TRANSPORT_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/* Where events travel: a Kafka cluster, or the memory of this process. Shared
 * by producers and consumers. */
typedef struct psm_transport psm_transport;

/* The one that PSYMATCH_TRANSPORT names ("kafka", "memory"). Never waits for a
 * broker. */
PSM_API int psm_transport_open(const psm_config *cfg, psm_transport **out,
                               psm_error *err) PSM_CHECK;
/* Topics and groups inside this process, partitions per topic (1 to 64). For
 * tests and tools. */
PSM_API int psm_transport_memory(int partitions, psm_transport **out,
                                 psm_error *err) PSM_CHECK;
PSM_API psm_transport *psm_transport_ref(psm_transport *t);
PSM_API void psm_transport_unref(psm_transport *t);
PSM_API const char *psm_transport_name(const psm_transport *t);

PSM_END_DECLS

#endif
