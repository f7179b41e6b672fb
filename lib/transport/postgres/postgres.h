/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSM_FLOW_TRANSPORT_OPEN_H
#define PSM_FLOW_TRANSPORT_OPEN_H

#include "transport/transport.h"

/* Topics and groups in PostgreSQL, without a broker. */
int psm__transport_postgres(const psm_config *cfg, psm_transport **out,
                            psm_error *err);

#endif
