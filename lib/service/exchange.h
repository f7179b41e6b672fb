/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests to servers of others, and the tokens that let them answer. */
#ifndef PSM_EXCHANGE_INT_H
#define PSM_EXCHANGE_INT_H

#include "service/service.h"

/* -- exchange.c */

struct svc_exchange {
	const char *method, *url;
	const char *token;        /* "": none */
	const char *body;         /* NULL: none */
	const char *content_type; /* of the body; "": none */
	size_t max;               /* bytes of the answer */
	int timeout_ms;           /* for all of it, more than 0 */
	/* The answer: */
	long status;
	char *text; /* new (psm_free), NULL: nothing was in it */
	size_t len;
	char generation[24]; /* of an object; "": it does not say */
};
/* 0, whatever the status is; PSM_ERR_TIMEOUT, PSM_ERR_UNAVAILABLE,
 * PSM_ERR_TOO_LARGE, PSM_ERR_NOMEM. */
int psm__svc_exchange(struct svc_exchange *x, psm_error *err);

/* -- gs_token.c: a service account of Google's. Threads: one at a time. */

struct svc_account;
/* path: its key file. token_url NULL or "": as the file says. */
int psm__svc_account_new(const char *path, const char *scope,
                         const char *token_url, int timeout_ms,
                         struct svc_account **out, psm_error *err);
void psm__svc_account_free(struct svc_account *a);
/* A token that is good for a while, borrowed until the next call;
 * PSM_ERR_UNAVAILABLE, PSM_ERR_TIMEOUT, PSM_ERR_NOMEM. */
int psm__svc_account_token(struct svc_account *a, const char **token,
                           psm_error *err);
/* The server does not take it any more. */
void psm__svc_account_forget(struct svc_account *a);

#endif
