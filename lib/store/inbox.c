/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/delivery.h"

#include <string.h>

/* The parameters that name a place, and room for the numbers as text. */
struct place_params {
	struct psm__param list[7];
	struct psm__number partition, a, b, incarnation;
};

static void
fill_place(struct place_params *p, const struct psm__place *at)
{
	p->list[0] = psm__param_text(at->consumer);
	p->list[1] = psm__param_text(at->topic);
	p->list[2] = psm__param_text(psm__number(&p->partition, at->partition));
}

#define WHERE_PLACE                                                            \
	"WHERE consumer = $1 AND topic = $2 AND partition = $3::integer"

int
psm__offset_read(psm_tx *tx, const struct psm__place *at, int64_t *next,
                 int64_t *incarnation, psm_error *err)
{
	struct place_params p;
	psm_rows *rows = NULL;
	int rc;

	*next = -1;
	*incarnation = 0;
	fill_place(&p, at);
	rc = psm__tx_queue(
	    tx,
	    "SELECT next, incarnation FROM psymatch.consumer_offset " WHERE_PLACE,
	    3, p.list, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0 && psm_rows_count(rows) > 0) {
		*next = psm_rows_int(rows, 0, 0);
		*incarnation = psm_rows_int(rows, 0, 1);
	}
	psm_rows_free(rows);
	return rc;
}

int
psm__offset_move(psm_tx *tx, const struct psm__place *at, int64_t expected,
                 int64_t next, const char *owner, psm_rows **rows,
                 psm_error *err)
{
	struct place_params p;

	fill_place(&p, at);
	p.list[3] = psm__param_text(psm__number(&p.a, next));
	p.list[4] = psm__param_text(owner);
	p.list[5] =
	    psm__param_text(psm__number(&p.incarnation, at->incarnation));
	if (expected < 0)
		return psm__tx_queue(
		    tx,
		    "INSERT INTO psymatch.consumer_offset "
		    "(consumer, topic, partition, next, owner, incarnation) "
		    "VALUES ($1, $2, $3::integer, $4::bigint, $5, "
		    "nullif($6::bigint, 0)) ON CONFLICT DO NOTHING",
		    6, p.list, rows, err);
	p.list[6] = psm__param_text(psm__number(&p.b, expected));
	return psm__tx_queue(tx,
	                     "UPDATE psymatch.consumer_offset SET "
	                     "next = $4::bigint, owner = $5, "
	                     "incarnation = nullif($6::bigint, 0), "
	                     "updated_at = now() " WHERE_PLACE
	                     " AND next = $7::bigint",
	                     7, p.list, rows, err);
}

int
psm__offset_set(psm_tx *tx, const struct psm__place *at, int64_t next,
                psm_error *err)
{
	struct place_params p;

	fill_place(&p, at);
	p.list[3] = psm__param_text(psm__number(&p.a, next));
	return psm__tx_queue(tx,
	                     "UPDATE psymatch.consumer_offset SET "
	                     "next = $4::bigint " WHERE_PLACE,
	                     4, p.list, NULL, err);
}

int
psm__inbox_claim(psm_tx *tx, const char *consumer, const char *event_id,
                 int *fresh, psm_error *err)
{
	struct psm__param params[2] = {psm__param_text(consumer),
	                               psm__param_text(event_id)};
	psm_rows *rows = NULL;
	int rc;

	*fresh = 0;
	rc = psm__tx_queue(tx,
	                   "INSERT INTO psymatch.inbox (consumer, event_id) "
	                   "VALUES ($1, $2::uuid) ON CONFLICT DO NOTHING",
	                   2, params, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*fresh = psm_rows_affected(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

int
psm__inbox_claim_all(psm_tx *tx, const char *consumer, const char *const *ids,
                     size_t count, psm_rows **rows, psm_error *err)
{
	char list[PSM__CLAIMS_MAX * (PSM__UUID_LEN + 1) + 2], *at = list;
	struct psm__param params[2] = {psm__param_text(consumer),
	                               psm__param_text(list)};
	size_t i;
	int rc;

	*rows = NULL;
	for (i = 0; i < count && i < PSM__CLAIMS_MAX; i++) {
		*at++ = i > 0 ? ',' : '{';
		memcpy(at, ids[i], PSM__UUID_LEN);
		at += PSM__UUID_LEN;
	}
	memcpy(at, "}", 2);
	rc = psm__tx_queue(tx,
	                   "INSERT INTO psymatch.inbox (consumer, event_id) "
	                   "SELECT $1, id FROM unnest($2::uuid[]) AS id "
	                   "ON CONFLICT DO NOTHING RETURNING event_id",
	                   2, params, rows, err);
	return rc < 0 ? rc : psm__tx_sync(tx, err);
}

int
psm__inbox_unclaim(psm_tx *tx, const char *consumer, const char *event_id,
                   psm_error *err)
{
	struct psm__param params[2] = {psm__param_text(consumer),
	                               psm__param_text(event_id)};

	return psm__tx_queue(tx,
	                     "DELETE FROM psymatch.inbox WHERE consumer = $1 "
	                     "AND event_id = $2::uuid",
	                     2, params, NULL, err);
}

/* -- dead letters */

/*
 * A copy in which every byte that is not UTF-8 is a question mark. A reason can
 * quote the message it is about; refused by the server, it would stop the
 * consumer at that message for ever.
 */
static char *
copy_utf8(const char *text)
{
	char *copy = psm__strdup(text ? text : "");
	char *at = copy;
	size_t n;

	while (at && *at) {
		n = psm__utf8_len(at, strlen(at));
		if (n == 0)
			*at = '?';
		at += n > 0 ? n : 1;
	}
	return copy;
}

int
psm__dead_letter_add(psm_tx *tx, const struct psm__dead_letter *d,
                     psm_error *err)
{
	struct place_params p;
	struct psm__param list[16];
	struct psm__number attempts;
	char *type = NULL, *reason = NULL, *pointer = NULL;
	int rc = PSM_ERR_NOMEM;

	type = copy_utf8(d->type);
	reason = copy_utf8(d->reason);
	pointer = copy_utf8(d->pointer);
	if (!type || !reason || !pointer) {
		rc = psm__nomem(err);
		goto out;
	}
	fill_place(&p, &d->at);
	memcpy(list, p.list, 3 * sizeof *list);
	list[3] = psm__param_text(psm__number(&p.a, d->offset));
	list[4] = psm__param_bytes(d->key, d->key_len);
	list[5] = psm__param_bytes(d->raw, d->raw_len);
	list[6] = psm__param_text(d->event_id);
	list[7] = psm__param_text(*type ? type : NULL);
	list[8] = psm__param_text(psm_error_name(d->code));
	list[9] = psm__param_text(reason);
	list[10] = psm__param_text(*pointer ? pointer : NULL);
	list[11] = psm__param_text(d->causation_id);
	list[12] = psm__param_text(d->correlation_id);
	list[13] = psm__param_text(d->traceparent);
	list[14] = psm__param_text(d->tracestate);
	list[15] = psm__param_text(
	    psm__number(&attempts, d->attempts > 0 ? d->attempts : 1));
	rc = psm__tx_queue(
	    tx,
	    "INSERT INTO psymatch.dead_letter (consumer, topic, partition, "
	    "\"offset\", key, raw, event_id, type, code, reason, pointer, "
	    "headers, attempts) "
	    "SELECT $1, $2, $3::integer, $4::bigint, "
	    "encode($5::bytea, 'escape'), $6::bytea, $7::uuid, $8, $9, $10, "
	    "$11, nullif(jsonb_strip_nulls(jsonb_build_object('causation_id', "
	    "$12::text, 'correlation_id', $13::text, 'traceparent', "
	    "$14::text, 'tracestate', $15::text)), '{}'), $16::integer "
	    "WHERE NOT EXISTS (SELECT FROM psymatch.dead_letter WHERE "
	    "event_id = $7::uuid AND consumer = $1 AND raw = $6::bytea AND "
	    "state = 'dead')",
	    16, list, NULL, err);
out:
	psm__free(type);
	psm__free(reason);
	psm__free(pointer);
	return rc;
}
