/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_TRANSPORT_H
#define PSYMATCH_TRANSPORT_H

#include <psymatch/base.h>
#include <psymatch/config.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/**
 * Where events travel: a Kafka cluster, a PostgreSQL database, or the memory of
 * this process. One per process is enough: producers, consumers, processors and
 * relays share it. It is counted by reference; each of them keeps a reference
 * of its own.
 */
typedef struct psm_transport psm_transport;

/**
 * Open the transport that PSYMATCH_TRANSPORT names: "kafka", "postgres" or
 * "memory" (with 3 partitions per topic). Never waits for a broker: a transport
 * opens while the broker is away, and connects when it is back.
 *
 * Kafka reads KAFKA_BOOTSTRAP_SERVERS, KAFKA_LOG_LEVEL,
 * PSYMATCH_EVENT_MAX_BYTES, PSYMATCH_QUEUE_MAX and every PSYMATCH_KAFKA_<key>,
 * which is the librdkafka property <key> with underscores for dots and
 * overrides the library's default. A property that only producers or only
 * consumers have is set for those alone. The properties that the library's
 * guarantees depend on are refused: delivery.report.only.error,
 * enable.auto.commit, enable.auto.offset.store, enable.gapless.guarantee,
 * enable.partition.eof, group.id, transactional.id.
 *
 * Postgres reads the settings of psm_store_open, PSYMATCH_PG_DATABASE,
 * PSYMATCH_PG_PARTITIONS, PSYMATCH_PG_RETENTION_SECONDS, PSYMATCH_PG_LEASE_MS,
 * PSYMATCH_EVENT_MAX_BYTES and PSYMATCH_QUEUE_MAX. Programs that exchange
 * events name one database, in PSYMATCH_PG_DATABASE where their tables are in
 * several. It needs no broker and creates its tables, the set "transport", when
 * it first reaches the server. A topic is created at its first use, and a key
 * goes to the partition that Kafka would choose. Each producer and each
 * consumer has a connection of its own beside those of the stores, and one more
 * extends the leases of all consumers. See psymatch-transport(7), also for how
 * a system moves from one transport to another.
 *
 * @param cfg  settings; copied.
 * @param out  new (psm_transport_unref); NULL after a failure.
 * @param err  details of a failure; may be NULL. Values of secrets are never in
 *             it.
 * @return 0: *out is open.
 *   PSM_ERR_INVAL   a NULL argument;
 *   PSM_ERR_CONFIG  a setting is missing, unknown or out of range; the message
 *                   names the variable;
 *   PSM_ERR_NOMEM   out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_transport_open(const psm_config *cfg, psm_transport **out,
                               psm_error *err) PSM_CHECK;

/**
 * Topics and groups inside this process, for tests and tools. A topic exists
 * from its first use on. A partition keeps its newest 100,000 messages or
 * 64 MiB, whichever is less; a group misses older messages that it has not
 * read, as with Kafka's retention. The last reference frees all of it.
 *
 * @param partitions  per topic, 1 to 64. A key goes to the partition that Kafka
 *                    would choose.
 * @param out         new (psm_transport_unref); NULL after a failure.
 * @param err         details of a failure; may be NULL.
 * @return 0: *out is open.
 *   PSM_ERR_INVAL  a NULL argument, or partitions outside 1 to 64;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_transport_memory(int partitions, psm_transport **out,
                                 psm_error *err) PSM_CHECK;

/**
 * One more reference.
 *
 * @param t  a transport; NULL is allowed.
 * @return t.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API psm_transport *psm_transport_ref(psm_transport *t);

/**
 * One reference less; the last one frees the transport.
 *
 * @param t  a transport; NULL is allowed.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API void psm_transport_unref(psm_transport *t);

/**
 * What kind it is.
 *
 * @param t  a transport; NULL is allowed.
 * @return "kafka", "memory" or "postgres", "" for NULL; borrowed for ever.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_transport_name(const psm_transport *t);

/**
 * How far a group of consumers is behind, in all partitions that it has
 * committed an offset of; in PostgreSQL and in memory those count, too, that it
 * was given and has not read yet. The group is not joined, and nothing changes.
 *
 * @param t           a transport.
 * @param group       the name of the group, which is that of the consumer or
 *                    the processor; 1 byte or more.
 * @param timeout_ms  how long to wait for all answers, in ms, 1 to 3,600,000.
 * @param out         messages that are kept behind those that the group has
 *                    committed; -1 after a failure. In Kafka markers of
 *                    transactions and messages that compaction removed count,
 *                    too.
 * @param err         details of a failure; may be NULL.
 * @return 0: *out is set.
 *   PSM_ERR_INVAL      a NULL argument other than err, an empty group, or
 *                      timeout_ms outside its range;
 *   PSM_ERR_NOT_FOUND  the group has read nothing yet, or is unknown;
 *   PSM_ERR_TIMEOUT    no answer within timeout_ms;
 *   PSM_ERR_BROKER     the broker refuses to tell;
 *   PSM_ERR_DB         the database of the postgres transport refuses or is
 *                      away;
 *   PSM_ERR_CONFIG     settings contradict each other;
 *   PSM_ERR_IO         the system gave no thread or socket;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: up to timeout_ms. Since 0.1.
 */
PSM_API int psm_transport_lag(psm_transport *t, const char *group,
                              int timeout_ms, int64_t *out,
                              psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
