/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One topic of a sink: which of its partitions are open, and the messages that
 * wait for those which are not.
 *
 * A broker does not know a new producer id and takes any first sequence number
 * of it. With several requests on their way to a partition that this client has
 * not written to yet, the broker can refuse the first one (it does not lead the
 * partition yet) and store the second; librdkafka then reports the first one as
 * acknowledged, and no broker has it. So a partition gets a single message
 * first, and the others after its acknowledgement: from then on the broker
 * refuses what does not follow.
 */
#ifndef PSM_KAFKA_TOPIC_H
#define PSM_KAFKA_TOPIC_H

#include "transport/kafka/kafka_int.h"

/* One of librdkafka's: rd_kafka_msg_partitioner_murmur2() and so on. */
typedef int32_t (*psm__partitioner_fn)(const rd_kafka_topic_t *rkt,
                                       const void *key, size_t key_len,
                                       int32_t count, void *topic_opaque,
                                       void *message_opaque);

/* What is asked of the caller when a message that waited cannot be sent. */
typedef void (*psm__unsent_fn)(uint64_t token, rd_kafka_resp_err_t e,
                               void *user);

struct psm__kafka_topic;

/*
 * choose: the partitioner of its messages; NULL: every partition is open from
 * the start. *moved (__atomic) becomes 1 when the client must be replaced:
 * messages lost their partition, because the topic was deleted, and would go
 * to the next topic of this name all at once.
 * PSM_ERR_INVAL: not a topic name. PSM_ERR_NOMEM.
 */
int psm__kafka_topic_new(rd_kafka_t *rk, const char *name,
                         psm__partitioner_fn choose, int *moved,
                         struct psm__kafka_topic **out, psm_error *err);
/* Nothing waits any more. First leave for all topics, then the client is
 * destroyed, which may still ask for partitions, then free. */
void psm__kafka_topic_leave(struct psm__kafka_topic *t);
void psm__kafka_topic_free(struct psm__kafka_topic *t);
const char *psm__kafka_topic_name(const struct psm__kafka_topic *t);

/* 0: taken, and what librdkafka does not have yet waits here.
 * _CRIT_SYS_RESOURCE: out of memory. */
rd_kafka_resp_err_t psm__kafka_topic_send(struct psm__kafka_topic *t,
                                          const struct psm__message *m,
                                          int64_t now_ms);
/* The broker has the message. */
void psm__kafka_topic_acked(struct psm__kafka_topic *t, int32_t partition,
                            uint64_t token, int64_t now_ms);
/* Send what need not wait any more. Whatever cannot be sent goes to fn. */
void psm__kafka_topic_resume(struct psm__kafka_topic *t, int64_t now_ms,
                             psm__unsent_fn fn, void *user);
/* The message was not stored, because of e, which is of the topic: everything
 * that waits goes to fn, and all partitions are to be opened again. */
void psm__kafka_topic_reset(struct psm__kafka_topic *t, uint64_t token,
                            rd_kafka_resp_err_t e, psm__unsent_fn fn,
                            void *user);
/* Everything that waits goes to fn. */
void psm__kafka_topic_give_back(struct psm__kafka_topic *t,
                                rd_kafka_resp_err_t e, psm__unsent_fn fn,
                                void *user);

/* A partition without an acknowledgement for so long is opened again: brokers
 * forget silent producers, after a day unless they are told otherwise. For
 * tests. */
extern int psm__kafka_forget_ms;

#endif
