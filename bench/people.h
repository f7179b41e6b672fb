/* SPDX-License-Identifier: BSD-2-Clause */
/* Invented therapists and searches in PostgreSQL, spread over Germany's postal
 * areas; always the same. */
#ifndef PSM_BENCH_PEOPLE_H
#define PSM_BENCH_PEOPLE_H

#include <psymatch/psymatch.h>

/* The sets "psymatch", "matching" and "geocoding", and places of the codes. */
int people_migrate(psm_store *store, psm_error *err);
int people_therapists(psm_store *store, int count, psm_error *err);
/* Patients with an active search each, numbers from first to last. */
int people_searches(psm_store *store, int first, int last, psm_error *err);
/* After that: what the planner knows. */
int people_analyze(psm_store *store, psm_error *err);

#endif
