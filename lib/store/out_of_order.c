/* SPDX-License-Identifier: BSD-2-Clause */
/* What parallel workers need beside the inbox: partitions that stay theirs, and
 * what was settled out of order. */
#include "store/delivery.h"

#include "store/topic_param.h"

int
psm__offset_lock(psm_tx *tx, const struct psm__place *places, size_t count,
                 const char *owner, int *ours, psm_error *err)
{
	enum { TOPICS, PARTITIONS, N_ARRAYS };
	struct psm__sql_array arrays[N_ARRAYS] = {0};
	struct psm__param params[2 + N_ARRAYS];
	psm_rows *rows = NULL;
	size_t i;
	int rc;

	*ours = 0;
	psm__sql_array_begin(&arrays[TOPICS], PSM__ARRAY_TEXT);
	psm__sql_array_begin(&arrays[PARTITIONS], PSM__ARRAY_INT4);
	for (i = 0; i < count; i++) {
		psm__sql_array_text(&arrays[TOPICS], places[i].topic);
		psm__sql_array_int4(&arrays[PARTITIONS], places[i].partition);
	}
	params[0] = psm__param_text(places[0].consumer);
	params[1] = psm__param_text(owner);
	rc = psm__sql_array_params(arrays, N_ARRAYS, params + 2, err);
	if (rc == 0)
		rc = psm__tx_queue(
		    tx,
		    "SELECT count(*) FROM (SELECT FROM "
		    "psymatch.consumer_offset AS o JOIN unnest($3::text[], "
		    "$4::integer[]) AS w (topic, partition) "
		    "USING (topic, partition) "
		    "WHERE o.consumer = $1 AND o.owner = $2 FOR SHARE OF o) "
		    "AS ours",
		    2 + N_ARRAYS, params, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*ours = psm_rows_int(rows, 0, 0) == (int64_t)count;
	psm_rows_free(rows);
	psm__sql_arrays_free(arrays, N_ARRAYS);
	return rc;
}

int
psm__parked_any(psm_tx *tx, const char *consumer, psm_rows **rows,
                psm_error *err)
{
	struct psm__param param = psm__param_text(consumer);

	return psm__tx_queue(
	    tx,
	    "SELECT EXISTS (SELECT FROM psymatch.parked "
	    "WHERE consumer = $1), "
	    "EXISTS (SELECT FROM psymatch.consumer_out_of_order "
	    "WHERE consumer = $1)",
	    1, &param, rows, err);
}

struct out_of_order_params {
	struct psm__param list[5];
	struct psm__number partition, offset, checksum;
};

static void
fill(struct out_of_order_params *p, const struct psm__place *at, int64_t offset,
     uint32_t checksum)
{
	p->list[0] = psm__param_text(at->consumer);
	p->list[1] = psm__param_text(at->topic);
	p->list[2] = psm__param_text(psm__number(&p->partition, at->partition));
	p->list[3] = psm__param_text(psm__number(&p->offset, offset));
	p->list[4] = psm__param_text(psm__number(&p->checksum, checksum));
}

int
psm__out_of_order_add(psm_tx *tx, const struct psm__out_of_order *a,
                      psm_error *err)
{
	struct out_of_order_params p;

	fill(&p, &a->at, a->offset, a->checksum);
	return psm__tx_queue(
	    tx,
	    "INSERT INTO psymatch.consumer_out_of_order AS t (consumer, topic, "
	    "partition, \"offset\", checksum) VALUES ($1, $2, $3::integer, "
	    "$4::bigint, $5::bigint) ON CONFLICT (consumer, topic, partition, "
	    "\"offset\") DO UPDATE SET checksum = excluded.checksum",
	    5, p.list, NULL, err);
}

int
psm__out_of_order_has(psm_tx *tx, const struct psm__out_of_order *a, int *found,
                      psm_error *err)
{
	struct out_of_order_params p;
	psm_rows *rows = NULL;
	int rc;

	*found = 0;
	fill(&p, &a->at, a->offset, a->checksum);
	rc = psm__tx_queue(tx,
	                   "SELECT FROM psymatch.consumer_out_of_order WHERE "
	                   "consumer = $1 AND topic = $2 AND "
	                   "partition = $3::integer AND "
	                   "\"offset\" = $4::bigint AND checksum = $5::bigint",
	                   5, p.list, &rows, err);
	if (rc == 0)
		rc = psm__tx_sync(tx, err);
	if (rc == 0)
		*found = psm_rows_count(rows) > 0;
	psm_rows_free(rows);
	return rc;
}

int
psm__out_of_order_clear(psm_tx *tx, const struct psm__place *at, int64_t below,
                        psm_error *err)
{
	struct out_of_order_params p;

	fill(&p, at, below, 0);
	return psm__tx_queue(tx,
	                     "DELETE FROM psymatch.consumer_out_of_order WHERE "
	                     "consumer = $1 AND topic = $2 AND "
	                     "partition = $3::integer AND "
	                     "\"offset\" < $4::bigint",
	                     4, p.list, NULL, err);
}
