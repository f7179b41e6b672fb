/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a service, and the requests under way. */
#include "service/service.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#define TO(s) (1u << (s))
static const unsigned may_follow[SVC_STATES] = {
    [SVC_NEW] = TO(SVC_STARTING),
    [SVC_STARTING] = TO(SVC_RUNNING) | TO(SVC_STOPPING),
    [SVC_RUNNING] = TO(SVC_STOPPING),
    [SVC_STOPPING] = TO(SVC_STOPPED),
    [SVC_STOPPED] = 0,
};
static const char *const state_names[SVC_STATES] = {
    "new", "starting", "running", "stopping", "stopped"};

int
psm__svc_begin(psm_service *svc, psm_error *err)
{
	enum svc_state state;

	pthread_mutex_lock(&svc->lock);
	state = svc->state;
	if (state == SVC_NEW)
		svc->state = SVC_STARTING;
	pthread_mutex_unlock(&svc->lock);
	if (state == SVC_NEW)
		return PSM_OK;
	return psm__fail(err, PSM_ERR_STATE, "the service is %s",
	                 state_names[state]);
}

void
psm__svc_set_state(psm_service *svc, enum svc_state state)
{
	enum svc_state from;

	pthread_mutex_lock(&svc->lock);
	from = svc->state;
	assert(may_follow[from] & TO(state));
	svc->state = state;
	pthread_cond_broadcast(&svc->changed);
	pthread_mutex_unlock(&svc->lock);
	psm__log(PSM_LOG_INFO, "service state", "name", svc->name, "from",
	         state_names[from], "to", state_names[state], NULL);
}

int
psm__svc_wait(psm_service *svc, enum svc_state state, int timeout_ms)
{
	int64_t until = psm__mono_us() + (int64_t)timeout_ms * 1000;
	int rc = PSM_OK;

	pthread_mutex_lock(&svc->lock);
	while (svc->state < state && rc == PSM_OK)
		if (psm__cond_wait_until(&svc->changed, &svc->lock, until) ==
		    ETIMEDOUT)
			rc = PSM_ERR_TIMEOUT;
	if (svc->state >= state)
		rc = PSM_OK;
	pthread_mutex_unlock(&svc->lock);
	return rc;
}

int
psm__svc_enter(psm_service *svc)
{
	int running;

	pthread_mutex_lock(&svc->lock);
	running = svc->state == SVC_RUNNING;
	if (running)
		svc->in_flight++;
	pthread_mutex_unlock(&svc->lock);
	return running;
}

void
psm__svc_leave(psm_service *svc)
{
	int drained;

	pthread_mutex_lock(&svc->lock);
	drained = --svc->in_flight == 0 && svc->state != SVC_RUNNING;
	if (drained)
		pthread_cond_broadcast(&svc->changed);
	pthread_mutex_unlock(&svc->lock);
}

int
psm__svc_is_over(psm_service *svc)
{
	int is_over;

	pthread_mutex_lock(&svc->lock);
	is_over = svc->is_over;
	pthread_mutex_unlock(&svc->lock);
	return is_over;
}

int
psm__svc_state_health(psm_service *svc, char *reason)
{
	enum svc_state state;
	const char *stage;

	pthread_mutex_lock(&svc->lock);
	state = svc->state;
	stage = svc->starting;
	pthread_mutex_unlock(&svc->lock);
	if (state == SVC_STARTING && stage[0])
		(void)snprintf(reason, SVC_REASON_SIZE, "starting: %s", stage);
	else
		(void)snprintf(reason, SVC_REASON_SIZE, "%s",
		               state_names[state]);
	return state == SVC_RUNNING ? PSM_HEALTH_GREEN : PSM_HEALTH_RED;
}
