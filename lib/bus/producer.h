/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rooms above ask of a producer beyond its public functions. */
#ifndef PSM_PRODUCER_H
#define PSM_PRODUCER_H

#include <psymatch/producer.h>

/* Somebody else keeps its events and sends them again: to close it without
 * having sent them is nothing to warn of. Before the start. */
void psm__producer_backed(psm_producer *p);

#endif
