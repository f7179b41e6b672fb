/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A real Apache Kafka, started by build-aux/with-kafka: its topics, its access
 * lists, its brokers, and what is in its partitions, seen by a client that is
 * not ours. Everything here aborts the test when it cannot do its work.
 */
#ifndef TESTING_KAFKA_H
#define TESTING_KAFKA_H

#include <stddef.h>
#include <stdint.h>

#include <psymatch/psymatch.h>

/* A broker that comes back is reached after 2 to 4 s; a new leader for a killed
 * one is found after some 12 s. */
#define KAFKA_PATIENCE_MS 60000

/* First thing in main: runs the program again under with-kafka with these
 * options (NULL ends them), unless it runs under one. Exits 77 where Kafka
 * cannot be had. */
void kafka_main(char **argv, const char *const *options);

/* Settings for the brokers, with those of the list "name", "value", ..., NULL.
 */
psm_config *kafka_settings(const char *const *list);
psm_transport *kafka_transport(const char *const *list);
/* The settings of a login; servers and certificate are those of the cluster. */
psm_config *kafka_login(const char *mechanism, const char *user,
                        const char *password);

/* Fixture of a test: a directory for its spool, and the log from here on. */
void kafka_set_up(void);
void kafka_tear_down(void);
/* A started producer with its spool in that directory; takes cfg, hear may be
 * NULL. */
psm_producer *kafka_start(psm_config *cfg, psm_delivery_fn hear);
/* Everything must have been sent. */
void kafka_close(psm_producer *p);
/* 1: its health is amber and says so. */
int kafka_says(psm_producer *p, const char *part);

/* A topic name that no other test uses; it lives until the next call. */
const char *kafka_topic(void);
/* config: "key", "value", ..., NULL, or NULL. Returns when every broker knows
 * it. */
void kafka_create(const char *topic, int partitions, const char *const *config);
void kafka_delete(const char *topic);
/* To so many in all. */
void kafka_add_partitions(const char *topic, int partitions);
/* Move the partition to these brokers ("2,3"); done when one of them leads. */
void kafka_replicas(const char *topic, int partition, const char *brokers);
/* As retention does: the partition begins at the offset. */
void kafka_trim(const char *topic, int partition, int64_t before);
/* The offset of the first message that the partition keeps, and the one behind
 * its last message. */
int64_t kafka_first(const char *topic, int partition);
int64_t kafka_end(const char *topic, int partition);
/* What the group has committed; -1: nothing. */
int64_t kafka_committed(const char *group, const char *topic, int partition);
/* Let the user write to and describe the topic. */
void kafka_allow(const char *user, const char *topic);
/* The count of brokers that the cluster knows. */
int kafka_brokers(void);
/* The number of the broker that leads the partition. */
int kafka_leader(const char *topic, int partition);
/* "start", "stop" or "kill" a broker, by its number from 1. */
void kafka_ctl(const char *action, int broker);

/* Every message that the topic has now, partition by partition. */
typedef void (*kafka_fn)(int partition, const char *key, const char *value,
                         size_t len, void *user);
int64_t kafka_read(const char *topic, kafka_fn fn, void *user);

/* Numbered events: n is of the key n % keys. */
psm_event *kafka_event(int key, int n);
void kafka_send(psm_producer *p, const char *topic, int from, int to, int keys);
/* All of 0 .. count-1 are there, those of a key in order. once: no number is
 * there twice. */
void kafka_check(const char *topic, int count, int keys, int once);

/* What the library logs, from the call on, as text. */
void kafka_log_begin(void);
int kafka_logged(const char *part);
/* Until it was logged. */
void kafka_await_log(const char *part);

/* Look until condition holds. */
#define KAFKA_UNTIL(condition)                                                 \
	do {                                                                   \
		int64_t until_ms = psm__mono_ms() + KAFKA_PATIENCE_MS;         \
                                                                               \
		while (!(condition) && psm__mono_ms() < until_ms)              \
			kafka_pause();                                         \
		ck_assert_msg(psm__mono_ms() < until_ms,                       \
		              "never: " #condition);                           \
	} while (0)
/* Between two looks at something that cannot be waited for. */
void kafka_pause(void);

#endif
