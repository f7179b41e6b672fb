/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is the same for every entity (psm_entity_create(), ...), in a
 * transaction of its own: the use cases by name are made of it.
 */
#ifndef PSM_OWN_TX_INT_H
#define PSM_OWN_TX_INT_H

#include "app/change.h"

/* Clears err and *out, which may be NULL. PSM_ERR_INVAL: store is NULL. */
int psm__own_begin(psm_store *store, psm_tx **tx, char **out, psm_error *err);
/* The same where out must not be NULL: PSM_ERR_INVAL. */
int psm__own_begin_out(psm_store *store, psm_tx **tx, char **out,
                       psm_error *err);
/* Commits after rc >= 0, else rolls back; what was not committed is not told.
 * tx may be NULL after a failure. rc, or why it was not committed. */
int psm__own_end(psm_tx *tx, int rc, char **out, psm_error *err);

/* A reason that somebody gives. PSM_ERR_INVAL: it is not UTF-8; NULL is. */
int psm__own_reason(const char *reason, psm_error *err);

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

/* -- rows that are made at most once, in the caller's transaction */

/*
 * Make a row of doc. The same once_key (1 to 200 bytes) gives the same row
 * again; NULL: always another one. *id receives its number; *out, unless out is
 * NULL, the row as JSON, new. 1: made, 0: it was there, or an error.
 */
typedef int psm__make_fn(psm_tx *tx, const psm_json *doc, const char *once_key,
                         int64_t *id, char **out, psm_error *err);
/* The same of a text; clears err and *out. */
int psm__own_make(psm_tx *tx, const char *json, size_t len,
                  const char *once_key, psm__make_fn *make, char **out,
                  psm_error *err);
/* The number of the row that a key made, 0: none. Who asks for the same kind and
 * key at the same time waits until tx ends. sql selects the id by the key, $1;
 * a key of NULL finds nothing. PSM_ERR_INVAL: it is empty or too long. */
int psm__own_find(psm_tx *tx, const char *kind, const char *sql,
                  const char *once_key, int64_t *id, psm_error *err);
/* Make it. 1, or an error. */
int psm__own_write(psm_tx *tx, const struct psm__policy *policy,
                   psm__decide_fn *decide, const void *wish, int64_t *id,
                   char **out, psm_error *err);

#endif
