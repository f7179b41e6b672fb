/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client has a bucket of as many requests as it may make in a second, which
 * fills again all the time. The table has a fixed size: of the places where a
 * client may stand, the one is taken whose client has been silent for longest.
 */
#include "service/access.h"

#include <string.h>

#define SLOTS 4096u
#define PLACES 8u

struct bucket {
	uint64_t client; /* hash; 0: nobody */
	int64_t at_us;   /* when it was looked at last */
	double left;
};

struct svc_rate {
	double per_s;
	struct bucket buckets[SLOTS];
};

int
psm__svc_rate_new(int per_s, struct svc_rate **out, psm_error *err)
{
	*out = psm__alloc(sizeof **out);
	if (!*out)
		return psm__nomem(err);
	(*out)->per_s = per_s;
	return PSM_OK;
}

void
psm__svc_rate_free(struct svc_rate *r)
{
	psm__free(r);
}

static struct bucket *
find(struct svc_rate *r, uint64_t client, int64_t now_us)
{
	struct bucket *oldest = NULL, *b;
	unsigned i;

	for (i = 0; i < PLACES; i++) {
		b = &r->buckets[(client + i) % SLOTS];
		if (b->client == client)
			return b;
		if (!oldest || b->at_us < oldest->at_us)
			oldest = b;
	}
	oldest->client = client;
	oldest->left = r->per_s;
	oldest->at_us = now_us;
	return oldest;
}

int
psm__svc_rate_take(struct svc_rate *r, const void *client, size_t len,
                   int64_t now_us)
{
	struct bucket *b =
	    find(r, psm__hash(PSM__HASH_START, client, len) | 1, now_us);

	b->left += (double)(now_us - b->at_us) * r->per_s / 1e6;
	if (b->left > r->per_s)
		b->left = r->per_s;
	b->at_us = now_us;
	if (b->left < 1)
		return 0;
	b->left -= 1;
	return 1;
}
