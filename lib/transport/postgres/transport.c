/* SPDX-License-Identifier: BSD-2-Clause */
/* The postgres transport: open and free. */
#include "transport/postgres/pg_int.h"
#include "transport/postgres/postgres.h"

static void
pg_free(psm_transport *t)
{
	struct psm__pg *pg = (struct psm__pg *)t;

	psm__pg_end_keeper(pg);
	psm_store_free(pg->store);
	psm__free(pg->sources);
	psm__waker_close(pg->waker);
	(void)pthread_cond_destroy(&pg->changed);
	(void)pthread_mutex_destroy(&pg->lock);
	psm__free(pg);
}

static const struct psm__transport_ops pg_ops = {
    .name = "postgres",
    .realm = "postgres/",
    .keeps_groups = 1,
    .open_sink = psm__pg_open_sink,
    .open_source = psm__pg_open_source,
    .open_reader = psm__pg_open_reader,
    .lag = psm__pg_group_lag,
    .free = pg_free,
};

static void
read_settings(struct psm__pg *pg, const psm_config *cfg)
{
	pg->partitions = (int)psm_config_int(cfg, "PSYMATCH_PG_PARTITIONS");
	pg->retention_ms =
	    psm_config_int(cfg, "PSYMATCH_PG_RETENTION_SECONDS") * 1000;
	pg->lease_ms = psm_config_int(cfg, "PSYMATCH_PG_LEASE_MS");
	pg->prefetch_max = psm_config_int(cfg, "PSYMATCH_PREFETCH_MAX_BYTES");
	pg->queue_max = (size_t)psm_config_int(cfg, "PSYMATCH_QUEUE_MAX");
	pg->event_max = (size_t)psm_config_int(cfg, "PSYMATCH_EVENT_MAX_BYTES");
}

/* The topics may be in another database than the tables of the program. */
static int
open_store(struct psm__pg *pg, const psm_config *cfg, psm_error *err)
{
	const char *database = psm_config_string(cfg, "PSYMATCH_PG_DATABASE");
	psm_config *copy = NULL;
	int rc = psm__config_copy(cfg, &copy, err);

	if (rc == 0 && database && database[0])
		rc = psm_config_set(copy, "DB_NAME", database, err);
	if (rc == 0)
		rc = psm_store_open(copy, &pg->store, err);
	psm_config_free(copy);
	return rc;
}

int
psm__transport_postgres(const psm_config *cfg, psm_transport **out,
                        psm_error *err)
{
	struct psm__pg *pg = psm__alloc(sizeof *pg);
	int rc;

	*out = NULL;
	if (!pg)
		return psm__nomem(err);
	if (psm__cond_init(&pg->changed) < 0) {
		psm__free(pg);
		return psm__nomem(err);
	}
	pg->waker = psm__waker_open(err);
	if (pg->waker < 0) {
		rc = pg->waker;
		(void)pthread_cond_destroy(&pg->changed);
		psm__free(pg);
		return rc;
	}
	(void)pthread_mutex_init(&pg->lock, NULL);
	pg->base.ops = &pg_ops;
	pg->base.refs = 1;
	read_settings(pg, cfg);
	rc = open_store(pg, cfg, err);
	if (rc < 0)
		pg_free(&pg->base);
	else
		*out = &pg->base;
	return rc;
}
