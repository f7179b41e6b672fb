/* SPDX-License-Identifier: BSD-2-Clause */
/* The kafka transport: an address and settings; the clients belong to its
 * sinks, sources and readers. */
#include "transport/kafka/kafka.h"
#include "transport/kafka/kafka_int.h"

static void
kafka_free(psm_transport *t)
{
	struct psm__kafka *k = (struct psm__kafka *)t;

	psm_config_free(k->cfg);
	psm__free(k);
}

static const struct psm__transport_ops kafka_ops = {
    .name = "kafka",
    .open_sink = psm__kafka_open_sink,
    .open_source = psm__kafka_open_source,
    .open_reader = psm__kafka_open_reader,
    .lag = psm__kafka_group_lag,
    .free = kafka_free,
};

/* A wrong setting is an error now, not when the first sink is opened. */
static int
check_settings(const psm_config *cfg, psm_error *err)
{
	static const rd_kafka_type_t types[] = {RD_KAFKA_PRODUCER,
	                                        RD_KAFKA_CONSUMER};
	rd_kafka_conf_t *conf = NULL;
	size_t i;
	int rc;

	for (i = 0; i < PSM__COUNT(types); i++) {
		rc = psm__kafka_conf(cfg, types[i], &conf, err);
		if (rc < 0)
			return rc;
		rd_kafka_conf_destroy(conf);
	}
	return 0;
}

int
psm__transport_kafka(const psm_config *cfg, psm_transport **out, psm_error *err)
{
	struct psm__kafka *k;
	int rc;

	*out = NULL;
	rc = check_settings(cfg, err);
	if (rc < 0)
		return rc;
	k = psm__alloc(sizeof(*k));
	if (!k)
		return psm__nomem(err);
	k->base.ops = &kafka_ops;
	k->base.refs = 1;
	rc = psm__config_copy(cfg, &k->cfg, err);
	if (rc < 0) {
		psm__free(k);
		return rc;
	}
	*out = &k->base;
	return 0;
}
