/* SPDX-License-Identifier: BSD-2-Clause */
/* The pool to the other files of this room. */
#ifndef PSM_STORE_POOL_H
#define PSM_STORE_POOL_H

#include "store/conn.h"

/* How long a thread waits for a free connection, and for the server to accept a
 * new one. LEAST: a try gets that much, however little time the caller has,
 * for what fails is not tried again by anybody for a while. */
#define PSM__POOL_WAIT_MS 10000
#define PSM__POOL_CONNECT_MS 5000
#define PSM__POOL_CONNECT_LEAST_MS 1000

/* Borrow a connection, waiting up to wait_ms for a free one; give it back with
 * psm__pool_put, which closes it if it broke or is inside a transaction. While
 * the server cannot be reached this fails at once between two tries. */
int psm__pool_get(psm_store *st, int wait_ms, struct psm__conn **out,
                  psm_error *err);
void psm__pool_put(psm_store *st, struct psm__conn *c);
/* How long the inbox remembers, by the settings. */
int psm__pool_inbox_days(const psm_store *st);
/* How long a commit waits for living consumers, by the settings. */
/* The settings that the store was opened with; borrowed from it. */
const psm_config *psm__pool_config(const psm_store *st);
int psm__pool_rest_wait_ms(const psm_store *st);
struct psm__late *psm__pool_late(psm_store *st);
/* How events travel: an enum psm_wire. */
int psm__pool_wire(const psm_store *st);
/* Wake the relay of this process after a commit with outbox rows. 1: it leads,
 * so no other process needs to know. */
int psm__pool_outbox_written(psm_store *st);
/* Wake the relay that leads, in whatever process, if it is time; c is not in a
 * transaction. */
void psm__pool_notify(psm_store *st, struct psm__conn *c);

#endif
