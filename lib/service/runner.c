/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One service of a group. */
struct run {
	psm_service *svc;
	int fd; /* ours until HTTP has it; -1 */
	struct svc_http *http;
	size_t started; /* stages, from the first on */
	int begun;
};

/* What psm__svc_run_group() has at hand. The first service is the one that is
 * asked to stop. */
struct group {
	struct run *runs;
	size_t count;
	struct svc_signals *signals;
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

/* 1: go on with the stage of svc called name. */
static int
may_start(const struct group *g, psm_service *svc, const char *name)
{
	psm_service *lead = g->runs[0].svc;
	int go_on;

	pthread_mutex_lock(&lead->lock);
	go_on = !lead->stop_asked;
	pthread_mutex_unlock(&lead->lock);
	pthread_mutex_lock(&svc->lock);
	svc->starting = name;
	pthread_mutex_unlock(&svc->lock);
	return go_on;
}

static int
start_stages(const struct group *g, struct run *run, psm_error *err)
{
	psm_service *svc = run->svc;
	int rc = PSM_OK;

	while (run->started < svc->stage_count) {
		const struct svc_stage *s = &svc->stages[run->started];

		if (!may_start(g, svc, s->name))
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

static size_t
started_stages(const struct group *g)
{
	size_t n = 0;

	for (size_t i = 0; i < g->count; i++)
		n += g->runs[i].started;
	return n;
}

/* An equal share of the time left for each of the parties still to stop. */
static int
share_ms(const struct group *g, size_t parties)
{
	int64_t left = g->deadline_us - psm__mono_us();

	return left > 0 ? (int)(left / 1000 / (int64_t)parties) : 0;
}

/* Requests under way use what the stages are about to stop. */
static void
drain_requests(psm_service *svc, int64_t until_us)
{
	int rc = 0;

	pthread_mutex_lock(&svc->lock);
	while (svc->in_flight > 0 && rc != ETIMEDOUT)
		rc = psm__cond_wait_until(&svc->changed, &svc->lock, until_us);
	svc->is_over = 1;
	pthread_mutex_unlock(&svc->lock);
	if (rc == ETIMEDOUT)
		psm__log(PSM_LOG_WARN, "requests still run", NULL);
}

/* In reverse order, all of them; the first failure. */
static int
stop_stages(struct group *g, struct run *run, int first)
{
	for (; run->started > 0; run->started--) {
		const struct svc_stage *s = &run->svc->stages[run->started - 1];
		int rc = PSM_OK;

		if (!s->stop)
			continue;
		if (first == PSM_OK)
			psm_error_clear(g->stop_err);
		rc = s->stop(share_ms(g, started_stages(g)), s->user,
		             first == PSM_OK ? g->stop_err : NULL);
		if (rc >= 0)
			continue;
		psm__log(PSM_LOG_ERROR, "stage did not stop", "stage", s->name,
		         "code", psm_error_name(rc), NULL);
		if (first == PSM_OK)
			first = rc;
	}
	return first;
}

/* However many stages follow, requests have a third of the time. */
static size_t
parties(const struct group *g)
{
	size_t all = started_stages(g) + 1;

	return all < 3 ? all : 3;
}

/* First all requests end, then the services stop, the last one first. */
static int
shut_down(struct group *g)
{
	int64_t until_us;
	size_t i, k;
	int rc = PSM_OK;

	g->deadline_us = psm__mono_us() + g->runs[0].svc->shutdown_ms * 1000;
	psm__svc_signals_deadline(g->signals,
	                          g->deadline_us + g->runs[0].svc->grace_us);
	until_us = psm__mono_us() + (int64_t)share_ms(g, parties(g)) * 1000;
	for (i = 0; i < g->count; i++)
		drain_requests(g->runs[i].svc, until_us);
	for (i = g->count; i > 0; i--)
		rc = stop_stages(g, &g->runs[i - 1], rc);
	/* Nothing may be freed before these two: their threads use it. */
	for (i = 0; i < g->count; i++)
		psm__svc_http_stop(g->runs[i].http);
	for (i = 0; i < g->count; i++)
		for (k = 0; k < g->runs[i].svc->stage_count; k++)
			psm__svc_worker_join(g->runs[i].svc->stages[k].worker);
	return rc;
}

static void
set_states(const struct group *g, enum svc_state state)
{
	for (size_t i = 0; i < g->count; i++)
		if (g->runs[i].begun)
			psm__svc_set_state(g->runs[i].svc, state);
}

/* Start, wait, stop; the failure that counts is in err. */
static int
run_stages(struct group *g, psm_error *err)
{
	int rc = PSM_OK, stopped;

	for (size_t i = 0; i < g->count && rc == PSM_OK; i++)
		rc = start_stages(g, &g->runs[i], err);
	if (rc == PSM_OK && may_start(g, g->runs[0].svc, "")) {
		set_states(g, SVC_RUNNING);
		(void)psm__svc_notify("READY=1"); /* it logs */
		wait_for_stop(g->runs[0].svc);
	}
	set_states(g, SVC_STOPPING);
	(void)psm__svc_notify("STOPPING=1"); /* it logs */
	stopped = shut_down(g);
	if (rc == PSM_OK && stopped < 0) {
		rc = stopped;
		(void)psm__fail(err, rc, "%s",
		                psm_error_code(g->stop_err)
		                    ? psm_error_message(g->stop_err)
		                    : psm_strerror(rc));
	}
	return rc;
}

/* All ports answer before the first stage starts. */
static int
open_all(struct group *g, psm_error *err)
{
	int rc =
	    psm__svc_signals_start(on_signal, g->runs[0].svc, &g->signals, err);

	for (size_t i = 0; i < g->count && rc == PSM_OK; i++) {
		struct run *run = &g->runs[i];

		if (run->fd < 0)
			continue;
		rc = psm__svc_http_start(run->svc, run->fd, &run->http, err);
		run->fd = -1; /* taken */
	}
	return rc;
}

static int
run_group(struct group *g, psm_error *err)
{
	int rc = PSM_OK;

	for (size_t i = 0; i < g->count && rc == PSM_OK; i++) {
		rc = psm__svc_begin(g->runs[i].svc, err);
		g->runs[i].begun = rc == PSM_OK;
	}
	if (rc < 0) {
		set_states(g, SVC_STOPPING);
		set_states(g, SVC_STOPPED);
		return rc;
	}
	rc = open_all(g, err);
	if (rc == PSM_OK) {
		rc = run_stages(g, err);
	} else {
		set_states(g, SVC_STOPPING);
		for (size_t i = 0; i < g->count; i++)
			psm__svc_http_stop(g->runs[i].http);
	}
	psm__svc_signals_stop(g->signals);
	set_states(g, SVC_STOPPED);
	return rc;
}

int
psm__svc_run_group(const struct svc_seat *seats, size_t count, psm_error *err)
{
	struct group g = {.runs = psm__array(count, sizeof *g.runs),
	                  .stop_err = psm_error_new()};
	psm_error *own = err ? NULL : psm_error_new();
	int rc = PSM_OK;

	for (size_t i = 0; g.runs && i < count; i++)
		g.runs[g.count++] =
		    (struct run){.svc = seats[i].svc, .fd = seats[i].fd};
	if (!g.runs || !g.stop_err || (!err && !own))
		rc = psm__nomem(err);
	else
		rc = run_group(&g, err ? err : own);
	for (size_t i = 0; i < count; i++) {
		int fd = g.runs ? g.runs[i].fd : seats[i].fd;

		if (fd >= 0)
			close(fd);
	}
	psm__free(g.runs);
	psm_error_free(g.stop_err);
	psm_error_free(own);
	return rc;
}

int
psm__svc_run_on(psm_service *svc, int fd, psm_error *err)
{
	const struct svc_seat seat = {svc, fd};

	return psm__svc_run_group(&seat, 1, err);
}

int
psm_service_run(psm_service *svc, const char *host, int port, psm_error *err)
{
	char text[12];
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
		(void)snprintf(text, sizeof(text), "%d", port);
		psm__log(PSM_LOG_INFO, "listening", "host", host, "port", text,
		         NULL);
	}
	return psm__svc_run_on(svc, fd, err);
}
