/* SPDX-License-Identifier: BSD-2-Clause */
/* Commits of a kafka source, and their results.
 * @thread polling thread */
#ifndef PSM_KAFKA_COMMIT_H
#define PSM_KAFKA_COMMIT_H

#include "transport/kafka/part.h"

struct psm__kafka_commits {
	rd_kafka_t *rk;
	rd_kafka_queue_t *queue; /* of results */
	intptr_t seq;            /* number of the last commit */
	struct psm__kafka_parts *parts;
	/* As in struct psm__source_conf. */
	void (*confirmed)(const char *topic, int32_t partition, int64_t next,
	                  void *user);
	void *user;
};

void psm__kafka_commits_attach(struct psm__kafka_commits *c, rd_kafka_t *rk);
/* Before the client ends. */
void psm__kafka_commits_detach(struct psm__kafka_commits *c);
/* As commit of struct psm__source_ops, of a partition that is assigned. */
int psm__kafka_commit(struct psm__kafka_commits *c, const char *topic,
                      int32_t partition, int64_t next, int wait,
                      psm_error *err);
/* Look at the results of commits that nobody waits for. */
void psm__kafka_commits_drain(struct psm__kafka_commits *c);

#endif
