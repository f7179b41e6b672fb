/* SPDX-License-Identifier: BSD-2-Clause */
/* What a kafka source hands out next. @thread polling thread */
#ifndef PSM_KAFKA_QUEUE_H
#define PSM_KAFKA_QUEUE_H

#include "transport/kafka/end.h"
#include "transport/kafka/prefetch.h"

struct psm__kafka_queue {
	struct psm__kafka_parts *parts;
	struct psm__kafka_link *link;
	struct psm__kafka_waker *waker;
	const char *group; /* for the log */
	/* As in struct psm__source_conf. */
	void (*gap)(const struct psm__gap *gap, void *user);
	void *user;
	size_t keep_max;  /* bytes */
	int64_t stuck_ms; /* since when no more can be kept; 0: it can */
};

/* 1: a record. 0: none; *due is brought forward to when to look again. */
int psm__kafka_next(struct psm__kafka_queue *q, int64_t now,
                    struct psm__record *rec, int64_t *due, psm_error *err);

#endif
