/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rooms above ask of a producer beyond its public functions. */
#ifndef PSM_PRODUCER_H
#define PSM_PRODUCER_H

#include <psymatch/producer.h>

/* The caller keeps its events and sends them again, so a close with unsent
 * events logs no warning. Before the start. */
void psm__producer_backed(psm_producer *p);

/* As psm_producer_send(), but these bytes, which are ev's, travel as they are;
 * NULL: as ev is written. */
int psm__producer_send_as(psm_producer *p, const char *topic,
                          const psm_event *ev, const char *value,
                          psm_error *err);

#endif
