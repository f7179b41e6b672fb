/* SPDX-License-Identifier: BSD-2-Clause */
/* What a Kafka cluster says of some topics, and creating them. */
#ifndef PSM_KAFKA_ADMIN_H
#define PSM_KAFKA_ADMIN_H

#include "transport/kafka/kafka_int.h"

enum psm__topic_number {
	PSM__TOPIC_PARTITIONS,
	PSM__TOPIC_REPLICATION,
	PSM__TOPIC_RETENTION_MS, /* -1: for ever */
	PSM__TOPIC_MIN_INSYNC,
	PSM__N_TOPIC_NUMBERS
};

/* A number that no broker told. */
#define PSM__TOPIC_UNKNOWN INT64_MIN

struct psm__topic_row {
	char name[250];
	int exists, created; /* created: by us */
	int64_t want[PSM__N_TOPIC_NUMBERS], found[PSM__N_TOPIC_NUMBERS];
	char reason[256]; /* why it could not be created or read, "" */
};

struct psm__admin {
	rd_kafka_t *rk;
	struct psm__kafka_link link;
	int64_t deadline; /* monotonic; for all that it does */
	int controller;   /* 1: one of its brokers was the controller then */
	int brokers;      /* that the cluster had when it was last asked */
};

/* 0: the client is started, which does not wait for a broker. Close it also
 * after a failure. */
int psm__admin_open(struct psm__admin *a, const psm_config *cfg, int timeout_ms,
                    psm_error *err);
void psm__admin_close(struct psm__admin *a);
/* Until the deadline; 0: it is over. */
int psm__admin_left_ms(const struct psm__admin *a);
/* For a question that waits until the deadline at most; new. */
rd_kafka_AdminOptions_t *psm__admin_options(struct psm__admin *a,
                                            rd_kafka_admin_op_t op);
/* Which of the topics there are, with their partitions and copies. Asks until a
 * broker answers. PSM_ERR_TIMEOUT, PSM_ERR_BROKER. */
int psm__admin_find(struct psm__admin *a, struct psm__topic_row *rows,
                    size_t count, psm_error *err);
/* Wait for a controller, without which the brokers tell no settings and create
 * nothing; asks again as find does. 0 also if there is none. */
int psm__admin_await_controller(struct psm__admin *a,
                                struct psm__topic_row *rows, size_t count,
                                psm_error *err);
/* Their settings, as far as brokers tell them. */
void psm__admin_settings(struct psm__admin *a, struct psm__topic_row *rows,
                         size_t count);
/* Create those that do not exist. What became of each is in its row. */
void psm__admin_create(struct psm__admin *a, struct psm__topic_row *rows,
                       size_t count);

#endif
