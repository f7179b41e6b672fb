/* SPDX-License-Identifier: BSD-2-Clause */
/* Store, transport, relay and processor of a small program in one object. */
#include "flow/program.h"

#include "base/base.h"

#include <assert.h>
#include <errno.h>
#include <psymatch/health.h>
#include <psymatch/relay.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* At the end: for what is being handled, and for acknowledgements. */
#define STOP_MS 5000
/* The longest single wait; it means nothing, the loop goes on. */
#define WAIT_MS 60000

enum state { IDLE, RUNNING, STOPPED, N_STATES };

#define TO(s) (1u << (s))
static const unsigned may_follow[N_STATES] = {
    [IDLE] = TO(RUNNING) | TO(STOPPED),
    [RUNNING] = TO(STOPPED),
    [STOPPED] = 0,
};

struct psm_program {
	char *name;
	psm_config *cfg;
	psm_store *st;
	psm_transport *t;
	psm_relay *r;
	psm_processor *pr;
	enum state state; /* __atomic: health asks from any thread */
	int waker;
};

static enum state
state_of(psm_program *pg)
{
	return __atomic_load_n(&pg->state, __ATOMIC_ACQUIRE);
}

static void
set_state(psm_program *pg, enum state to)
{
	assert(may_follow[state_of(pg)] & TO(to));
	__atomic_store_n(&pg->state, to, __ATOMIC_RELEASE);
}

/* -- life */

static int
open_parts(psm_program *pg, const char *name, psm_error *err)
{
	int rc = psm_config_from_env(&pg->cfg, err);

	if (rc == 0)
		rc = psm_store_open(pg->cfg, &pg->st, err);
	if (rc == 0)
		rc = psm_store_migrate(pg->st, "psymatch", err);
	if (rc >= 0)
		rc = psm_transport_open(pg->cfg, &pg->t, err);
	if (rc == 0)
		rc = psm_relay_new(pg->st, pg->t, pg->cfg, &pg->r, err);
	if (rc == 0)
		rc = psm_processor_new(pg->st, pg->t, pg->cfg, name, &pg->pr,
		                       err);
	if (rc == 0)
		rc = pg->waker = psm__waker_open(err);
	return rc < 0 ? rc : 0;
}

int
psm_program_open(const char *name, psm_program **out, psm_error *err)
{
	psm_program *pg;
	int rc;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!name || !name[0])
		return psm__fail(err, PSM_ERR_INVAL, "name: want a name");
	pg = psm__alloc(sizeof *pg);
	if (!pg)
		return psm__nomem(err);
	pg->waker = -1;
	pg->name = psm__strdup(name);
	rc = pg->name ? open_parts(pg, name, err) : psm__nomem(err);
	if (rc < 0)
		psm_program_free(pg);
	else
		*out = pg;
	return rc;
}

void
psm_program_free(psm_program *pg)
{
	if (!pg)
		return;
	/* What the handlers emit last is still for the relay. */
	psm_processor_free(pg->pr);
	psm_relay_free(pg->r);
	psm_transport_unref(pg->t);
	psm_store_free(pg->st);
	psm_config_free(pg->cfg);
	psm__waker_close(pg->waker);
	psm__free(pg->name);
	psm__free(pg);
}

/* -- handlers */

int
psm_program_on(psm_program *pg, const char *type, psm_tx_event_fn fn,
               void *user, psm_error *err)
{
	psm__error_clear(err);
	if (!pg || !type || !fn)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a program, a type and a handler");
	/* Without a handler the processor was not started, and takes one. */
	if (state_of(pg) != IDLE)
		return psm__fail(err, PSM_ERR_STATE, "program: started before");
	return psm_processor_on(pg->pr, type, fn, user, err);
}

/* -- sending */

static int
commit_event(psm_store *st, const psm_event *ev, psm_error *err)
{
	psm_tx *tx = NULL;
	int rc = psm_tx_begin(st, &tx, err);

	if (rc == 0)
		rc = psm_tx_emit(tx, ev, err);
	if (rc == 0)
		return psm_tx_commit(tx, err);
	psm_tx_rollback(tx);
	return rc;
}

int
psm_program_emit(psm_program *pg, psm_payload *m, psm_error *err)
{
	psm_event *ev = NULL;
	int rc;

	psm__error_clear(err);
	if (!pg) {
		psm_payload_free(m);
		return psm__fail(err, PSM_ERR_INVAL, "pg: want a program");
	}
	rc = psm_event_new_from(m, pg->name, &ev, err);
	if (rc == 0)
		rc = commit_event(pg->st, ev, err);
	psm_event_free(ev);
	return rc;
}

/* -- running */

int
psm_program_start(psm_program *pg, psm_error *err)
{
	int rc;

	psm__error_clear(err);
	if (!pg)
		return psm__fail(err, PSM_ERR_INVAL, "pg: want a program");
	if (state_of(pg) != IDLE)
		return psm__fail(err, PSM_ERR_STATE, "program: started before");
	set_state(pg, RUNNING);
	rc = psm_relay_start(pg->r, err);
	if (rc == 0 && psm__processor_handles(pg->pr))
		rc = psm_processor_start(pg->pr, err);
	if (rc < 0)
		set_state(pg, STOPPED);
	return rc;
}

static int
stop(psm_program *pg, psm_error *err)
{
	int rc = psm_processor_stop(pg->pr, STOP_MS, err);

	if (rc == 0)
		rc = psm_relay_stop(pg->r, STOP_MS, err);
	set_state(pg, STOPPED);
	return rc;
}

/* Until a signal comes or quit was called. */
static void
wait_for_end(psm_program *pg, int signals_fd)
{
	int woken = 0;

	while (!woken)
		woken = psm__waker_wait(pg->waker, signals_fd, WAIT_MS);
}

/* The one that ended it, and those that came while it stopped: they would end
 * the process as soon as they are not blocked any more. */
static void
take_signals(int signals_fd)
{
	struct signalfd_siginfo info;

	while (read(signals_fd, &info, sizeof info) > 0)
		continue;
}

int
psm_program_run(psm_program *pg, psm_error *err)
{
	sigset_t set, before;
	int fd, rc = 0;

	psm__error_clear(err);
	if (!pg)
		return psm__fail(err, PSM_ERR_INVAL, "pg: want a program");
	if (state_of(pg) == STOPPED)
		return psm__fail(err, PSM_ERR_STATE, "program: stopped before");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return psm__fail(err, PSM_ERR_IO, "cannot make a signalfd: %s",
		                 strerror(errno));
	(void)pthread_sigmask(SIG_BLOCK, &set, &before);
	if (state_of(pg) == IDLE)
		rc = psm_program_start(pg, err);
	if (rc == 0) {
		wait_for_end(pg, fd);
		rc = stop(pg, err);
		take_signals(fd);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)close(fd);
	return rc;
}

void
psm_program_quit(psm_program *pg)
{
	if (pg)
		psm__waker_wake(pg->waker);
}

/* -- asked from outside */

int
psm_program_health(psm_program *pg, char *reason, size_t size)
{
	char other[256];
	char none[1];
	int health, second;

	if (!reason || size == 0) {
		reason = none;
		size = sizeof none;
	}
	if (!pg || state_of(pg) != RUNNING) {
		(void)snprintf(reason, size, "the program does not run");
		return PSM_HEALTH_RED;
	}
	health = psm_relay_health(pg->r, reason, size);
	if (!psm__processor_handles(pg->pr))
		return health;
	second = psm_processor_health(pg->pr, other, sizeof other);
	if (second <= health)
		return health;
	(void)snprintf(reason, size, "%s", other);
	return second;
}

psm_store *
psm_program_store(psm_program *pg)
{
	return pg ? pg->st : NULL;
}

psm_transport *
psm_program_transport(psm_program *pg)
{
	return pg ? pg->t : NULL;
}

psm_processor *
psm_program_processor(psm_program *pg)
{
	return pg ? pg->pr : NULL;
}
