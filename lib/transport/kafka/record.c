/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/record.h"

#include <string.h>

#define CACHE_LINE 64
#define WARM_MAX 1024

/* The list of them is ours until release; what it points to is librdkafka's. */
static void
fill_headers(struct psm__record *rec, const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *list = NULL;
	struct psm__header *headers;
	const void *value;
	size_t count = 0, i;

	rec->headers = NULL;
	rec->header_count = 0;
	if (rd_kafka_message_headers(m, &list) == RD_KAFKA_RESP_ERR_NO_ERROR)
		count = rd_kafka_header_cnt(list);
	if (count == 0)
		return;
	headers = psm__array(count, sizeof(*headers));
	if (!headers) {
		/* The event is worth more than what stands beside it. */
		psm__log(PSM_LOG_ERROR, "out of memory: headers are left out",
		         "topic", rec->topic, NULL);
		return;
	}
	for (i = 0; i < count; i++) {
		rd_kafka_header_get_all(list, i, &headers[i].name, &value,
		                        &headers[i].len);
		headers[i].value = value;
	}
	rec->headers = headers;
	rec->header_count = count;
}

/* The value is in the caches of the thread that received it: it is on its way
 * here while the headers are looked at. Longer ones are read ahead by the
 * processor itself. */
static void
call_for(const char *value, size_t len)
{
	size_t i;

	if (len > WARM_MAX)
		len = WARM_MAX;
	for (i = 0; i < len; i += CACHE_LINE)
		__builtin_prefetch(value + i);
}

void
psm__kafka_fill(struct psm__record *rec, rd_kafka_message_t *m)
{
	rec->topic = rd_kafka_topic_name(m->rkt);
	rec->partition = m->partition;
	rec->offset = m->offset;
	rec->timestamp_ms = rd_kafka_message_timestamp(m, NULL);
	rec->key = m->key;
	rec->key_len = m->key_len;
	rec->value = m->payload;
	rec->value_len = m->len;
	rec->handle = m;
	call_for(m->payload, m->len);
	fill_headers(rec, m);
}

void
psm__kafka_release(struct psm__record *rec)
{
	psm__free((void *)(uintptr_t)rec->headers);
	if (rec->handle)
		rd_kafka_message_destroy(rec->handle);
	memset(rec, 0, sizeof(*rec));
}
