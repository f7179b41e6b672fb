/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_TOPICS_H
#define PSYMATCH_TOPICS_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * The topics of the catalogue on a Kafka cluster: what is missing there, what
 * differs, and creating what is missing. Nothing is ever deleted or changed.
 *
 * With PSYMATCH_DEAD_LETTER_TOPIC the topics of dead letters (TOPIC.dlq) belong
 * to them. On postgres and memory a topic is created by its first use.
 *
 * Both functions give JSON: {"brokers": count, "topics": [{"topic": text,
 * "state": "same", "missing", "created" or "different", "partitions": pair,
 * "replication": pair, "retention_ms": pair, "min_insync_replicas": pair,
 * "reason": text or null}]}, in the catalogue's order. A pair is {"want":
 * number, "found": number or null}; null: there is no such topic, or the broker
 * does not tell. reason: why a topic could not be created or read.
 */

/**
 * Compare the catalogue with the cluster. Changes nothing.
 *
 * @param cfg          settings, as psm_transport_open reads them.
 * @param partitions   per topic, 1 to 10,000; 0: as many as
 *                     psm_catalogue_partitions says.
 * @param replication  copies of each partition, 1 to 100; 0: as many as there
 *                     are brokers, at most 3.
 * @param retention_s  how long messages are kept, in seconds, from 1 on; 0:
 *                     604,800 (7 days).
 * @param timeout_ms   how long to wait for a broker, in ms, 1 to 3,600,000.
 * @param out          new (psm_free): JSON as above; NULL after a failure.
 * @param err          details of a failure; may be NULL.
 * @return 0 or more: the count of topics that are missing or different.
 *   PSM_ERR_INVAL    a NULL argument, or a number outside its range;
 *   PSM_ERR_CONFIG   PSYMATCH_TRANSPORT is not "kafka", or a setting is
 *                    missing, unknown or out of range;
 *   PSM_ERR_TIMEOUT  no broker answered within timeout_ms;
 *   PSM_ERR_BROKER   the brokers refuse to tell which topics there are;
 *   PSM_ERR_IO       the system has no threads or files left;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: up to timeout_ms. Since 0.1.
 */
PSM_API int psm_topics_plan(const psm_config *cfg, int partitions,
                            int replication, int64_t retention_s,
                            int timeout_ms, char **out,
                            psm_error *err) PSM_CHECK;

/**
 * Create the topics that are missing, then compare. A topic of three or
 * more copies is created with min.insync.replicas=2: an acknowledged event is
 * then in the memory of two brokers. A topic that somebody else creates
 * meanwhile is no failure. May be called again at any time.
 *
 * @param cfg          settings, as psm_transport_open reads them.
 * @param partitions   per topic, 1 to 10,000; 0: as many as
 *                     psm_catalogue_partitions says.
 * @param replication  copies of each partition, 1 to 100; 0: as many as there
 *                     are brokers, at most 3.
 * @param retention_s  how long messages are kept, in seconds, from 1 on; 0:
 *                     604,800 (7 days).
 * @param timeout_ms   how long to wait for a broker and for all topics, in ms,
 *                     1 to 3,600,000.
 * @param out          new (psm_free): JSON as above; NULL after a failure.
 * @param err          details of a failure; may be NULL.
 * @return 0 or more: the count of topics that are still missing; "reason" says
 *                    why.
 *   PSM_ERR_INVAL    a NULL argument, or a number outside its range;
 *   PSM_ERR_CONFIG   PSYMATCH_TRANSPORT is not "kafka", or a setting is
 *                    missing, unknown or out of range;
 *   PSM_ERR_TIMEOUT  no broker answered within timeout_ms;
 *   PSM_ERR_BROKER   the brokers refuse to tell which topics there are;
 *   PSM_ERR_IO       the system has no threads or files left;
 *   PSM_ERR_NOMEM    out of memory.
 *
 * Threads: any. Blocks: up to timeout_ms. Since 0.1.
 */
PSM_API int psm_topics_apply(const psm_config *cfg, int partitions,
                             int replication, int64_t retention_s,
                             int timeout_ms, char **out,
                             psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
