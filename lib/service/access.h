/* SPDX-License-Identifier: BSD-2-Clause */
/* The door of a service: who may ask for what, from where, and how often. */
#ifndef PSM_ACCESS_INT_H
#define PSM_ACCESS_INT_H

#include "service/service.h"

/* -- tokens.c. Threads: one at a time, but for the health. */

struct svc_tokens;

/* PSM_ERR_CONFIG: the file cannot be used. */
int psm__svc_tokens_new(const char *path, struct svc_tokens **out,
                        psm_error *err);
void psm__svc_tokens_free(struct svc_tokens *t);
/* Read the file again if it changed: once before tokens are looked up. */
void psm__svc_tokens_look(struct svc_tokens *t);
/* The role of a token, and whose it is. */
enum svc_role psm__svc_tokens_find(struct svc_tokens *t, const char *token,
                                   char name[SVC_NAME_MAX + 1]);
/* A part of the service; any thread. */
int psm__svc_tokens_health(char *reason, size_t size, void *tokens);

/* -- cors.c: pages of which origins a browser lets read answers. */

struct svc_origins;

/* list: separated by commas, "*": all; PSM_ERR_CONFIG. */
int psm__svc_origins_new(const char *list, int credentials,
                         struct svc_origins **out, psm_error *err);
void psm__svc_origins_free(struct svc_origins *o);
/* What Access-Control-Allow-Origin says to an origin, borrowed until free;
 * NULL: nothing. */
const char *psm__svc_origins_find(const struct svc_origins *o,
                                  const char *origin);
/* Any page may read; that gives none the right to change something. */
int psm__svc_origins_are_all(const struct svc_origins *o);
int psm__svc_origins_credentials(const struct svc_origins *o);

/* -- rate.c: requests of a client per second. */

struct svc_rate;

/* per_s: 1 or more. */
int psm__svc_rate_new(int per_s, struct svc_rate **out, psm_error *err);
void psm__svc_rate_free(struct svc_rate *r);
/* 1: it may ask now. */
int psm__svc_rate_take(struct svc_rate *r, const void *client, size_t len,
                       int64_t now_us);

#endif
