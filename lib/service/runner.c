/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* After the deadline the stages have had their say; this is for returning. */
#define GRACE_US 1000000

/* What psm__svc_run_on() has at hand. */
struct run {
	psm_service *svc;
	struct svc_signals *signals;
	struct svc_http *http;
	size_t started; /* stages, from the first on */
	int64_t deadline_us;
	psm_error *stop_err; /* scratch, one stage after the other */
};

void
psm_service_stop(psm_service *svc)
{
	if (!svc)
		return;
	pthread_mutex_lock(&svc->lock);
	svc->stop_asked = 1;
	pthread_cond_broadcast(&svc->changed);
	pthread_mutex_unlock(&svc->lock);
}

static void
on_signal(int number, void *user)
{
	psm__log(PSM_LOG_INFO, "signal", "name", strsignal(number), NULL);
	psm_service_stop(user);
}

/* 1: go on with the stage called name. */
static int
may_start(psm_service *svc, const char *name)
{
	int go_on;

	pthread_mutex_lock(&svc->lock);
	go_on = !svc->stop_asked;
	svc->starting = name;
	pthread_mutex_unlock(&svc->lock);
	return go_on;
}

static int
start_stages(struct run *run, psm_error *err)
{
	psm_service *svc = run->svc;
	int rc = PSM_OK;

	while (run->started < svc->stage_count) {
		const struct svc_stage *s = &svc->stages[run->started];

		if (!may_start(svc, s->name))
			break;
		if (s->start)
			rc = s->start(s->user, err);
		if (rc < 0) {
			(void)psm__fail(err, rc, "stage %s: %s", s->name,
			                psm_strerror(rc));
			psm__log(PSM_LOG_ERROR, "stage did not start", "stage",
			         s->name, "code", psm_error_name(rc), "reason",
			         psm_error_message(err), NULL);
			return rc;
		}
		run->started++;
	}
	return PSM_OK;
}

/* A service whose lock somebody keeps for ever does not come to tell the
 * watchdog, and is started again. */
static void
wait_for_stop(psm_service *svc)
{
	int64_t every = psm__svc_watchdog_us();
	int64_t at = every ? psm__mono_us() + every : 0;

	pthread_mutex_lock(&svc->lock);
	while (!svc->stop_asked) {
		psm__cond_wait_until(&svc->changed, &svc->lock, at);
		if (!at || psm__mono_us() < at)
			continue;
		pthread_mutex_unlock(&svc->lock);
		(void)psm__svc_notify("WATCHDOG=1"); /* it logs */
		at = psm__mono_us() + every;
		pthread_mutex_lock(&svc->lock);
	}
	pthread_mutex_unlock(&svc->lock);
}

/* An equal share of the time left for each of the parties still to stop. */
static int
share_ms(const struct run *run, size_t parties)
{
	int64_t left = run->deadline_us - psm__mono_us();

	return left > 0 ? (int)(left / 1000 / (int64_t)parties) : 0;
}

/* Requests under way use what the stages are about to stop. */
static void
drain_requests(struct run *run)
{
	psm_service *svc = run->svc;
	int64_t until =
	    psm__mono_us() + (int64_t)share_ms(run, run->started + 1) * 1000;
	int rc = 0;

	pthread_mutex_lock(&svc->lock);
	while (svc->in_flight > 0 && rc != ETIMEDOUT)
		rc = psm__cond_wait_until(&svc->changed, &svc->lock, until);
	svc->is_over = 1;
	pthread_mutex_unlock(&svc->lock);
	if (rc == ETIMEDOUT)
		psm__log(PSM_LOG_WARN, "requests still run", NULL);
}

/* In reverse order, all of them; the first failure. */
static int
stop_stages(struct run *run)
{
	int first = PSM_OK;

	for (; run->started > 0; run->started--) {
		const struct svc_stage *s = &run->svc->stages[run->started - 1];
		int rc = PSM_OK;

		if (!s->stop)
			continue;
		if (first == PSM_OK)
			psm_error_clear(run->stop_err);
		rc = s->stop(share_ms(run, run->started), s->user,
		             first == PSM_OK ? run->stop_err : NULL);
		if (rc >= 0)
			continue;
		psm__log(PSM_LOG_ERROR, "stage did not stop", "stage", s->name,
		         "code", psm_error_name(rc), NULL);
		if (first == PSM_OK)
			first = rc;
	}
	return first;
}

static int
shut_down(struct run *run)
{
	psm_service *svc = run->svc;
	size_t i;
	int rc;

	run->deadline_us = psm__mono_us() + svc->shutdown_ms * 1000;
	psm__svc_signals_deadline(run->signals, run->deadline_us + GRACE_US);
	drain_requests(run);
	rc = stop_stages(run);
	/* Nothing may be freed before these two: their threads use it. */
	psm__svc_http_stop(run->http);
	for (i = 0; i < svc->stage_count; i++)
		psm__svc_worker_join(svc->stages[i].worker);
	return rc;
}

/* Start, wait, stop; the failure that counts is in err. */
static int
run_stages(struct run *run, psm_error *err)
{
	int rc = start_stages(run, err), stopped;

	if (rc == PSM_OK && may_start(run->svc, "")) {
		psm__svc_set_state(run->svc, SVC_RUNNING);
		(void)psm__svc_notify("READY=1"); /* it logs */
		wait_for_stop(run->svc);
	}
	psm__svc_set_state(run->svc, SVC_STOPPING);
	(void)psm__svc_notify("STOPPING=1"); /* it logs */
	stopped = shut_down(run);
	if (rc == PSM_OK && stopped < 0) {
		rc = stopped;
		(void)psm__fail(err, rc, "%s",
		                psm_error_code(run->stop_err)
		                    ? psm_error_message(run->stop_err)
		                    : psm_strerror(rc));
	}
	return rc;
}

int
psm__svc_run_on(psm_service *svc, int fd, psm_error *err)
{
	struct run run = {.svc = svc, .stop_err = psm_error_new()};
	psm_error *own = err ? NULL : psm_error_new();
	int rc = PSM_OK;

	if (!run.stop_err || (!err && !own))
		rc = psm__nomem(err);
	if (rc == PSM_OK)
		rc = psm__svc_begin(svc, err ? err : own);
	if (rc < 0) {
		if (fd >= 0)
			close(fd);
		goto out;
	}
	err = err ? err : own;
	rc = psm__svc_signals_start(on_signal, svc, &run.signals, err);
	if (rc == PSM_OK && fd >= 0)
		rc = psm__svc_http_start(svc, fd, &run.http, err);
	else if (fd >= 0)
		close(fd);
	if (rc == PSM_OK)
		rc = run_stages(&run, err);
	else
		psm__svc_set_state(svc, SVC_STOPPING);
	psm__svc_signals_stop(run.signals);
	psm__svc_set_state(svc, SVC_STOPPED);
out:
	psm_error_free(run.stop_err);
	psm_error_free(own);
	return rc;
}

int
psm_service_run(psm_service *svc, const char *host, int port, psm_error *err)
{
	int fd = -1, rc;

	psm_error_clear(err);
	if (!svc || port < 0 || port > 65535 || (port > 0 && !host))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "want a service, an address and a port "
		                 "from 0 to 65535");
	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
		return psm__fail(err, PSM_ERR_IO, "cannot ignore SIGPIPE");
	if (port > 0) {
		rc = psm__svc_listen(host, port, &fd, NULL, err);
		if (rc == PSM_OK)
			rc = psm__svc_door_may_listen(svc, fd, err);
		if (rc < 0) {
			if (fd >= 0)
				close(fd);
			return rc;
		}
		psm__log(PSM_LOG_INFO, "listening", "host", host, NULL);
	}
	return psm__svc_run_on(svc, fd, err);
}
