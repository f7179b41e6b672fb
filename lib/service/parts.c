/* SPDX-License-Identifier: BSD-2-Clause */
/* Objects of libpsymatch as parts of a service: how each is started, stopped
 * and asked. */
#include "service/service.h"

#include <stdio.h>
#include <string.h>

static int
relay_start(void *user, psm_error *err)
{
	return psm_relay_start(user, err);
}

static int
relay_stop(int timeout_ms, void *user, psm_error *err)
{
	return psm_relay_stop(user, timeout_ms, err);
}

static int
relay_health(char *reason, size_t size, void *user)
{
	return psm_relay_health(user, reason, size);
}

int
psm_service_add_relay(psm_service *svc, psm_relay *relay, psm_error *err)
{
	int rc = psm__svc_check_new(svc, "relay", relay != NULL, err);

	if (rc == PSM_OK)
		rc = psm__svc_add_stage(svc, "relay", relay_start, relay_stop,
		                        relay, err);
	if (rc == PSM_OK)
		rc = psm__svc_add_part(svc, "relay", relay_health, relay, err);
	return rc;
}

static int
processor_start(void *user, psm_error *err)
{
	return psm_processor_start(user, err);
}

static int
processor_stop(int timeout_ms, void *user, psm_error *err)
{
	return psm_processor_stop(user, timeout_ms, err);
}

static int
processor_health(char *reason, size_t size, void *user)
{
	return psm_processor_health(user, reason, size);
}

int
psm_service_add_processor(psm_service *svc, const char *name, psm_processor *pr,
                          psm_error *err)
{
	int rc = psm__svc_check_new(svc, name, pr != NULL, err);

	if (rc == PSM_OK)
		rc = psm__svc_add_stage(svc, name, processor_start,
		                        processor_stop, pr, err);
	if (rc == PSM_OK)
		rc = psm__svc_add_part(svc, name, processor_health, pr, err);
	return rc;
}

static int
store_health(char *reason, size_t size, void *user)
{
	return psm_store_health(user, reason, size);
}

/* A store and the names of its sets of tables, each followed by a NUL, an empty
 * one last; one block, which the stage owns. */
struct migration {
	psm_store *st;
	struct svc_worker *worker;
	int done; /* __atomic */
	char sets[];
};

static int
migrate(void *user, psm_error *err)
{
	struct migration *m = user;
	const char *set;
	int rc = PSM_OK;

	for (set = m->sets; *set && rc == PSM_OK; set += strlen(set) + 1)
		rc = psm_store_migrate(m->st, set, err);
	if (rc == PSM_OK)
		__atomic_store_n(&m->done, 1, __ATOMIC_RELEASE);
	return rc;
}

/* Without its tables a service is of no use yet. */
static int
migration_health(char *reason, size_t size, void *user)
{
	struct migration *m = user;
	int health = psm__svc_worker_health(reason, size, m->worker);

	if (health != PSM_HEALTH_GREEN ||
	    __atomic_load_n(&m->done, __ATOMIC_ACQUIRE))
		return health;
	(void)snprintf(reason, size, "the tables are not up to date yet");
	return PSM_HEALTH_RED;
}

static struct migration *
migration_new(psm_store *st, const char *sets)
{
	size_t len = strlen(sets);
	struct migration *m = psm__alloc(sizeof *m + len + 2);
	char *to;

	if (!m)
		return NULL;
	m->st = st;
	to = m->sets;
	while (*sets) {
		len = strcspn(sets, " ");
		memcpy(to, sets, len);
		to += len + (len > 0); /* the NUL is there already */
		sets += len + (sets[len] == ' ');
	}
	return m;
}

int
psm_service_add_store(psm_service *svc, psm_store *st, const char *sets,
                      psm_error *err)
{
	struct migration *m;
	int rc = psm__svc_check_new(svc, "database", st && sets, err);

	if (rc < 0)
		return rc;
	m = migration_new(st, sets);
	if (!m)
		return psm__nomem(err);
	rc = psm__svc_add_part(svc, "database", store_health, st, err);
	if (rc == PSM_OK)
		rc = psm_service_worker(svc, "migrations", 0, migrate, m, err);
	if (rc < 0) {
		psm__free(m);
		return rc;
	}
	svc->stages[svc->stage_count - 1].owned = m;
	m->worker = svc->stages[svc->stage_count - 1].worker;
	svc->parts[svc->part_count - 1].fn = migration_health;
	svc->parts[svc->part_count - 1].user = m;
	return PSM_OK;
}
