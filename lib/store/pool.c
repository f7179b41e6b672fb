/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/pool.h"
#include "store/delivery.h"
#include "store/living.h"

#include <psymatch/event.h>
#include <string.h>

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* Between two tries to reach a server that is away: the first after about
 * 100 ms, at most every 3 s, so that its return is noticed soon. */
#define RETRY_BASE_MS 100
#define RETRY_CAP_MS 3000
/* What a health check may cost. */
#define HEALTH_WAIT_MS 1000
/* What a wake-up may cost a commit whose server does not answer. */
#define NOTIFY_WAIT_MS 1000

struct psm_store {
	struct psm__conn_conf conf;
	size_t max;
	int inbox_days;
	int wire; /* enum psm_wire: of the outbox */
	int rest_wait_ms;
	psm_config *cfg; /* of the areas that use the store */
	struct psm__late late;

	pthread_mutex_t lock;
	pthread_cond_t freed; /* lock: a connection came back or was closed */
	struct psm__conn **idle; /* lock: the last one used is taken first */
	size_t idle_count;       /* lock */
	size_t open;             /* lock: idle, borrowed and being opened */
	unsigned failures;       /* lock: connects that failed in a row */
	int64_t retry_at_ms;     /* lock: no try before, while failures > 0 */
	psm_error *why;          /* lock: of the last failed connect */
	int health_rc;           /* __atomic: what was logged of the health */

	/* Held for reading while the hook runs, so that taking it away waits
	 * for calls under way. */
	pthread_rwlock_t hook_lock;
	int (*hook)(void *user);
	void *hook_user;
	int64_t notified_ms; /* __atomic: of the outbox */
};

static int
copy_setting(const psm_config *cfg, const char *name, char **out,
             psm_error *err)
{
	const char *value = psm_config_string(cfg, name);

	*out = psm__strdup(value ? value : "");
	return *out ? 0 : psm__nomem(err);
}

static int
copy_settings(psm_store *st, const psm_config *cfg, psm_error *err)
{
	const struct {
		const char *name;
		char **to;
	} settings[] = {
	    {"DB_HOST", &st->conf.host},         {"DB_PORT", &st->conf.port},
	    {"DB_NAME", &st->conf.dbname},       {"DB_USER", &st->conf.user},
	    {"DB_PASSWORD", &st->conf.password},
	};
	int64_t max = psm_config_int(cfg, "PSYMATCH_DB_CONNECTIONS");
	size_t i;
	int rc = 0;

	for (i = 0; i < PSM__COUNT(settings) && rc == 0; i++)
		rc = copy_setting(cfg, settings[i].name, settings[i].to, err);
	if (rc < 0)
		return rc;
	st->max = max > 0 ? (size_t)max : 1;
	/* CloudEvents are made by the relay's producer. */
	st->wire = psm__wire_of(psm_config_string(cfg, "PSYMATCH_WIRE"));
	if (st->wire >= PSM_WIRE_CLOUDEVENTS)
		st->wire = PSM_WIRE_SNAKE;
	st->inbox_days = (int)psm_config_int(cfg, "PSYMATCH_INBOX_DAYS");
	st->rest_wait_ms = (int)psm_config_int(cfg, "PSYMATCH_REST_WAIT_MS");
	st->idle = psm__array(st->max, sizeof *st->idle);
	st->why = psm_error_new();
	if (!st->idle || !st->why)
		return psm__nomem(err);
	return psm__config_copy(cfg, &st->cfg, err);
}

int
psm_store_open(const psm_config *cfg, psm_store **out, psm_error *err)
{
	psm_store *st;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!cfg)
		return psm__fail(err, PSM_ERR_INVAL, "cfg: want settings");
	st = psm__alloc(sizeof *st);
	if (!st)
		return psm__nomem(err);
	(void)pthread_mutex_init(&st->lock, NULL);
	(void)pthread_mutex_init(&st->late.lock, NULL);
	(void)pthread_rwlock_init(&st->hook_lock, NULL);
	if (psm__cond_init(&st->freed) < 0) {
		pthread_rwlock_destroy(&st->hook_lock);
		pthread_mutex_destroy(&st->late.lock);
		pthread_mutex_destroy(&st->lock);
		psm__free(st);
		return psm__nomem(err);
	}
	rc = copy_settings(st, cfg, err);
	if (rc < 0)
		psm_store_free(st);
	else
		*out = st;
	return rc;
}

void
psm_store_free(psm_store *st)
{
	size_t i;

	if (!st)
		return;
	for (i = 0; i < st->idle_count; i++)
		psm__conn_close(st->idle[i]);
	psm__free(st->idle);
	psm__free(st->conf.host);
	psm__free(st->conf.port);
	psm__free(st->conf.dbname);
	psm__free(st->conf.user);
	psm__free(st->conf.password);
	psm_error_free(st->why);
	psm_config_free(st->cfg);
	pthread_cond_destroy(&st->freed);
	pthread_rwlock_destroy(&st->hook_lock);
	pthread_mutex_destroy(&st->late.lock);
	pthread_mutex_destroy(&st->lock);
	psm__free(st);
}

/* -- borrowing */

/* @locks st->lock held. 0, or the reason of the last try while the next one is
 * not due. */
static int
may_try_locked(psm_store *st, psm_error *err)
{
	if (st->failures == 0 || psm__mono_ms() >= st->retry_at_ms)
		return 0;
	psm__error_copy(err, st->why);
	return psm_error_code(st->why);
}

/* Open one more; st->open counts it already. @locks st->lock not held. */
static int
open_counted(psm_store *st, int timeout_ms, struct psm__conn **out,
             psm_error *err)
{
	psm_error *why = psm_error_new();
	int rc = why ? psm__conn_open(&st->conf, "pool", timeout_ms, out, why)
	             : psm__nomem(err);

	(void)pthread_mutex_lock(&st->lock);
	if (rc == 0) {
		st->failures = 0;
	} else {
		st->open--;
		st->retry_at_ms =
		    psm__mono_ms() +
		    psm__backoff_ms(st->failures, RETRY_BASE_MS, RETRY_CAP_MS);
		if (st->failures++ == 0)
			psm__log(PSM_LOG_WARN, "database not reachable",
			         "reason", psm_error_message(why), NULL);
		psm__error_clear(st->why);
		if (why)
			psm__error_copy(st->why, why);
		(void)pthread_cond_signal(&st->freed);
	}
	(void)pthread_mutex_unlock(&st->lock);
	if (rc < 0 && why)
		psm__error_copy(err, why);
	psm_error_free(why);
	return rc;
}

/* Wait for a slice. @locks st->lock held; given up while waiting, and while the
 * program is asked. */
static int
wait_free_locked(psm_store *st, int64_t until_ms, int wait_ms, psm_error *err)
{
	int64_t left = until_ms - psm__mono_ms();
	struct timespec slice;
	int asked;

	if (left > 0) {
		psm__deadline(&slice,
		              left < PSM__SLICE_MS ? (int)left : PSM__SLICE_MS);
		if (pthread_cond_timedwait(&st->freed, &st->lock, &slice) !=
		    ETIMEDOUT)
			return 0;
		(void)pthread_mutex_unlock(&st->lock);
		asked = psm__interrupt_asked();
		(void)pthread_mutex_lock(&st->lock);
		if (!asked)
			return 0;
		return psm__fail(err, PSM_ERR_TIMEOUT,
		                 "database: all %zu connections are busy; "
		                 "given up on request",
		                 st->max);
	}
	return psm__fail(err, PSM_ERR_TIMEOUT,
	                 "database: all %zu connections are busy for %d ms",
	                 st->max, wait_ms);
}

static int
connect_ms(int wait_ms)
{
	if (wait_ms < PSM__POOL_CONNECT_LEAST_MS)
		return PSM__POOL_CONNECT_LEAST_MS;
	return wait_ms < PSM__POOL_CONNECT_MS ? wait_ms : PSM__POOL_CONNECT_MS;
}

int
psm__pool_get(psm_store *st, int wait_ms, struct psm__conn **out,
              psm_error *err)
{
	int64_t until_ms = psm__mono_ms() + wait_ms;
	struct psm__conn *c;
	int rc = 0;

	*out = NULL;
	(void)pthread_mutex_lock(&st->lock);
	while (rc == 0) {
		if (st->idle_count > 0) {
			c = st->idle[--st->idle_count];
			(void)pthread_mutex_unlock(&st->lock);
			if (psm__conn_usable(c)) {
				*out = c;
				return 0;
			}
			psm__conn_close(c);
			(void)pthread_mutex_lock(&st->lock);
			st->open--;
		} else if (st->open < st->max) {
			rc = may_try_locked(st, err);
			if (rc < 0)
				break;
			st->open++;
			(void)pthread_mutex_unlock(&st->lock);
			return open_counted(st, connect_ms(wait_ms), out, err);
		} else {
			rc = wait_free_locked(st, until_ms, wait_ms, err);
		}
	}
	(void)pthread_mutex_unlock(&st->lock);
	return rc;
}

/* Those that lead to the same server as one that proved to be of no use. */
static void
close_idle(psm_store *st)
{
	struct psm__conn *c;

	(void)pthread_mutex_lock(&st->lock);
	while (st->idle_count > 0) {
		c = st->idle[--st->idle_count];
		(void)pthread_mutex_unlock(&st->lock);
		psm__conn_close(c);
		(void)pthread_mutex_lock(&st->lock);
		st->open--;
		(void)pthread_cond_signal(&st->freed);
	}
	(void)pthread_mutex_unlock(&st->lock);
}

void
psm__pool_put(psm_store *st, struct psm__conn *c)
{
	int keep;

	if (!c)
		return;
	psm__conn_limits(c, 0, NULL);
	keep = !psm__conn_broken(c) && !psm__conn_in_tx(c) &&
	       psm__conn_clean(c) == 0;
	if (psm__conn_outdated(c))
		close_idle(st);
	if (!keep)
		psm__conn_close(c);
	(void)pthread_mutex_lock(&st->lock);
	if (keep)
		st->idle[st->idle_count++] = c;
	else
		st->open--;
	(void)pthread_mutex_unlock(&st->lock);
	/* Behind it: who is woken need not wait for the lock. */
	(void)pthread_cond_signal(&st->freed);
}

int
psm__store_connect(psm_store *st, const char *purpose, struct psm__conn **out,
                   psm_error *err)
{
	return psm__conn_open(&st->conf, purpose, PSM__POOL_CONNECT_MS, out,
	                      err);
}

int
psm__pool_wire(const psm_store *st)
{
	return st->wire;
}

const psm_config *
psm__pool_config(const psm_store *st)
{
	return st->cfg;
}

int
psm__pool_rest_wait_ms(const psm_store *st)
{
	return st->rest_wait_ms;
}

struct psm__late *
psm__pool_late(psm_store *st)
{
	return &st->late;
}

int
psm__pool_inbox_days(const psm_store *st)
{
	return st->inbox_days;
}

int
psm__store_connect_within(psm_store *st, const char *purpose, int timeout_ms,
                          struct psm__conn **out, psm_error *err)
{
	return psm__conn_open(&st->conf, purpose, timeout_ms, out, err);
}

/* -- the outbox hook */

void
psm__store_on_outbox(psm_store *st, int (*fn)(void *user), void *user)
{
	(void)pthread_rwlock_wrlock(&st->hook_lock);
	st->hook = fn;
	st->hook_user = user;
	(void)pthread_rwlock_unlock(&st->hook_lock);
}

int
psm__pool_outbox_written(psm_store *st)
{
	int told;

	(void)pthread_rwlock_rdlock(&st->hook_lock);
	told = st->hook && st->hook(st->hook_user);
	(void)pthread_rwlock_unlock(&st->hook_lock);
	return told;
}

void
psm__pool_notify(psm_store *st, struct psm__conn *c)
{
	if (!psm__notify_due(&st->notified_ms, psm__mono_ms()))
		return;
	psm__conn_limits(c, NOTIFY_WAIT_MS, NULL);
	psm__conn_notify(c, PSM__OUTBOX_CHANNEL);
}

/* -- health */

int
psm_store_health(psm_store *st, char *reason, size_t size)
{
	struct psm__conn *c = NULL;
	psm_error *err = psm_error_new();
	int health = PSM_HEALTH_RED;
	int rc;

	if (!st || !err) {
		rc = st ? PSM_ERR_NOMEM : PSM_ERR_INVAL;
		if (reason && size > 0)
			(void)snprintf(reason, size, "%s", psm_strerror(rc));
		psm_error_free(err);
		return PSM_HEALTH_RED;
	}
	rc = psm__pool_get(st, HEALTH_WAIT_MS, &c, err);
	if (rc == 0) {
		psm__conn_limits(c, HEALTH_WAIT_MS, NULL);
		rc = psm__conn_writable(c, err);
		psm__pool_put(st, c);
	}
	if (rc == 0)
		health = PSM_HEALTH_GREEN;
	else if (rc == PSM_ERR_TIMEOUT)
		health = PSM_HEALTH_AMBER; /* all in use: busy, not away */
	if (reason && size > 0)
		(void)snprintf(reason, size, "%s",
		               rc == 0 ? "database reachable"
		                       : psm_error_public(err));
	if (__atomic_exchange_n(&st->health_rc, rc, __ATOMIC_RELAXED) != rc &&
	    rc < 0)
		psm__log(PSM_LOG_WARN, "database not healthy", "reason",
		         psm_error_message(err), NULL);
	psm_error_free(err);
	return health;
}
