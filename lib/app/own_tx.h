/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is the same for every entity (psm_entity_create(), ...), in a
 * transaction of its own: the use cases by name are made of it.
 */
#ifndef PSM_OWN_TX_INT_H
#define PSM_OWN_TX_INT_H

#include <psymatch/change.h>

/* Clears err and *out, which may be NULL. PSM_ERR_INVAL: store is NULL. */
int psm__own_begin(psm_store *store, psm_tx **tx, char **out, psm_error *err);
/* Commits after rc >= 0, else rolls back; what was not committed is not told.
 * tx may be NULL after a failure. rc, or why it was not committed. */
int psm__own_end(psm_tx *tx, int rc, char **out, psm_error *err);

int psm__own_create(psm_store *store, const char *entity, const char *json,
                    size_t len, char **out, psm_error *err);
int psm__own_get(psm_store *store, const char *entity, int64_t id, char **out,
                 int64_t *version, psm_error *err);
/* query: as of psm__list_query(). */
int psm__own_list(psm_store *store, const char *entity, const char *query,
                  char **out, psm_error *err);
/* how: enum psm_change_how. */
int psm__own_update(psm_store *store, const char *entity, int64_t id,
                    int64_t if_version, int how, const char *json, size_t len,
                    char **out, psm_error *err);
int psm__own_delete(psm_store *store, const char *entity, int64_t id,
                    int64_t if_version, int force, psm_error *err);
/* out may be NULL. */
int psm__own_act(psm_store *store, const char *entity, int64_t id,
                 const char *action, const char *json, size_t len, char **out,
                 psm_error *err);

#endif
