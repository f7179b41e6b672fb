/* SPDX-License-Identifier: BSD-2-Clause */
#include "transport/kafka/prefetch.h"

#include <stdio.h>
#include <string.h>

/* The least that a limit is divided into, as an answer has to fit, and the most
 * that is asked for at once. */
#define FETCH_MIN 65536
#define FETCH_MAX (16 << 20)
/* What librdkafka asks for per partition unless told otherwise. */
#define PARTITION_DEFAULT 1048576
/* With which releases of librdkafka a full queue is looked at again by itself:
 * after so many ms. */
#define QUEUE_BACKOFF "fetch.queue.backoff.ms"
#define QUEUE_BACKOFF_MS 10

static int64_t
limit_of(const psm_config *cfg)
{
	return psm_config_int(cfg, "PSYMATCH_PREFETCH_MAX_BYTES");
}

size_t
psm__kafka_keep_max(const psm_config *cfg)
{
	return (size_t)limit_of(cfg) / 4;
}

static int
set_number(rd_kafka_conf_t *conf, const char *key, int64_t value,
           psm_error *err)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	return psm__kafka_set(conf, key, text, err);
}

/*
 * One answer of a broker goes into the queue as a whole, however full it is, and
 * its messages are larger than it when they were compressed. Too small ones cost
 * speed: a broker answers one request after the other, so a consumer that is
 * faster than that waits for round trips.
 */
static int
set_answer(rd_kafka_conf_t *conf, int64_t limit, psm_error *err)
{
	char text[32] = "";
	size_t size = sizeof(text);
	int64_t answer = limit / 16;
	long long message = 0;
	int rc;

	if (answer < FETCH_MIN)
		answer = FETCH_MIN;
	if (answer > FETCH_MAX)
		answer = FETCH_MAX;
	if (rd_kafka_conf_get(conf, "message.max.bytes", text, &size) ==
	        RD_KAFKA_CONF_OK &&
	    sscanf(text, "%lld", &message) == 1 && message > answer)
		answer = message;
	rc = set_number(conf, "fetch.max.bytes", answer, err);
	if (rc == 0 && answer / 2 > PARTITION_DEFAULT)
		rc = set_number(conf, "max.partition.fetch.bytes", answer / 2,
		                err);
	return rc;
}

int
psm__kafka_prefetch(rd_kafka_conf_t *conf, const psm_config *cfg,
                    psm_error *err)
{
	int64_t limit = limit_of(cfg), queue = limit / 2;
	char text[256];
	int rc =
	    set_number(conf, "queued.max.messages.kbytes", queue / 1024, err);

	/* What messages cost beside their bytes is limited like these. */
	if (rc == 0)
		rc = set_number(conf, "queued.min.messages",
		                queue / (2 * PSM__MESSAGE_COST), err);
	if (rc == 0)
		rc = set_answer(conf, limit, err);
	if (rc == 0) {
		snprintf(text, sizeof(text), "%d", QUEUE_BACKOFF_MS);
		(void)rd_kafka_conf_set(conf, QUEUE_BACKOFF, text, text,
		                        sizeof(text)); /* where it is known */
	}
	return rc;
}

/* -- waking */

/* NULL: out of memory. */
static char *
get_text(const rd_kafka_conf_t *conf, const char *key)
{
	size_t size = 0;
	char *text;

	if (rd_kafka_conf_get(conf, key, NULL, &size) != RD_KAFKA_CONF_OK)
		return psm__strdup("");
	text = psm__alloc(size + 1);
	if (text)
		(void)rd_kafka_conf_get(conf, key, text, &size);
	return text;
}

int
psm__kafka_waker_init(struct psm__kafka_waker *w, const rd_kafka_conf_t *conf,
                      const psm_config *cfg, psm_error *err)
{
	char text[32];
	size_t size = sizeof(text);

	w->step = (size_t)limit_of(cfg) / 2 / 8;
	if (rd_kafka_conf_get(conf, QUEUE_BACKOFF, text, &size) ==
	    RD_KAFKA_CONF_OK)
		return 0;
	w->user = get_text(conf, "sasl.username");
	w->password = get_text(conf, "sasl.password");
	return w->user && w->password ? 0 : psm__nomem(err);
}

void
psm__kafka_waker_destroy(struct psm__kafka_waker *w)
{
	psm__free(w->user);
	psm__free(w->password);
	w->user = w->password = NULL;
}

/* The one public function that wakes the threads of all brokers of a consumer,
 * which is what it is called for: the login stays what it is. */
void
psm__kafka_wake_fetchers(struct psm__kafka_waker *w)
{
	w->eaten = 0;
	if (w->rk)
		rd_kafka_error_destroy(
		    rd_kafka_sasl_set_credentials(w->rk, w->user, w->password));
}
