/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the kafka transport share. */
#ifndef PSM_KAFKA_INT_H
#define PSM_KAFKA_INT_H

#include <librdkafka/rdkafka.h>

#include "transport/transport.h"

/* The opaque of every librdkafka client of ours. */
struct psm__kafka_link {
	int connected; /* __atomic; 1: a broker answered since the last outage
	                */
	int stale;     /* __atomic; 1: the next statistics may be older than
	                * the outage */
	void *owner;   /* as the callbacks of its client want it */
	pthread_mutex_t lock; /* a leaf */
	char last_error[384]; /* lock: why no broker answers, "" */
};

struct psm__kafka {
	psm_transport base;
	psm_config *cfg; /* own copy */
};

/*
 * A configuration for one client: ours, then what PSYMATCH_KAFKA_<key> says,
 * with the callbacks for log, errors and statistics. *out is new
 * (rd_kafka_conf_destroy).
 * PSM_ERR_CONFIG: names the variable. PSM_ERR_NOMEM.
 */
int psm__kafka_conf(const psm_config *cfg, rd_kafka_type_t type,
                    rd_kafka_conf_t **out, psm_error *err);
/* Which kind of client knows a property: 'C' or 'P'; '*': both, or nobody can
 * say. */
char psm__kafka_kind_of(const char *key);
int psm__kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value,
                   psm_error *err);
/* 1: its messages have sequence numbers. */
int psm__kafka_is_idempotent(const rd_kafka_conf_t *conf);
/* Takes conf, also when it fails; link must outlive *out. */
int psm__kafka_client(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                      struct psm__kafka_link *link, rd_kafka_t **out,
                      psm_error *err);

/* The outcome of one message as a PSM_ERR code; 0 for no error. */
int psm__kafka_outcome(rd_kafka_resp_err_t e);
void psm__kafka_link_init(struct psm__kafka_link *link, void *owner);
void psm__kafka_link_destroy(struct psm__kafka_link *link);
void psm__kafka_up(struct psm__kafka_link *link);
void psm__kafka_down(struct psm__kafka_link *link);
/* json: a text of librdkafka's statistics, NUL-terminated. */
void psm__kafka_stats(struct psm__kafka_link *link, const char *json);
/* Any thread. */
void psm__kafka_last_error(struct psm__kafka_link *link, char *text,
                           size_t size);
int psm__kafka_connected(struct psm__kafka_link *link);

int psm__kafka_open_sink(psm_transport *t, psm__report_fn report, void *user,
                         struct psm__sink **out, psm_error *err);
int psm__kafka_open_reader(psm_transport *t,
                           const struct psm__reader_conf *conf, int timeout_ms,
                           struct psm__reader **out, psm_error *err);
int psm__kafka_group_lag(psm_transport *t, const char *group, int timeout_ms,
                         int64_t *out, psm_error *err);
int psm__kafka_open_source(psm_transport *t,
                           const struct psm__source_conf *conf,
                           struct psm__source **out, psm_error *err);

#endif
