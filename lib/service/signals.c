/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

struct svc_signals {
	void (*on_signal)(int number, void *user);
	void *user;
	int signal_fd, wake_fd; /* -1: not open */
	sigset_t before;        /* the calling thread's mask */
	pthread_t thread;

	pthread_mutex_t lock; /* guards what follows */
	int64_t deadline_us;  /* 0: none */
	int stop;
};

/* @thread signals. Wait for one; 0: only woken. */
static int
next_signal(struct svc_signals *s, int timeout_ms)
{
	struct pollfd fds[2] = {{s->signal_fd, POLLIN, 0},
	                        {s->wake_fd, POLLIN, 0}};
	struct signalfd_siginfo info;
	uint64_t count;

	if (poll(fds, 2, timeout_ms) <= 0)
		return 0; /* time is up: the caller looks */
	if (fds[1].revents && read(s->wake_fd, &count, sizeof count) < 0)
		return 0; /* nothing to reset, so nothing to do */
	if (fds[0].revents &&
	    read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info)
		return (int)info.ssi_signo;
	return 0;
}

static int
until_ms(int64_t deadline_us)
{
	int64_t left = deadline_us - psm__mono_us();

	if (deadline_us == 0)
		return -1;
	return left > 0 ? (int)(left / 1000) + 1 : 0;
}

/* @thread signals */
static void
overdue(int64_t deadline_us)
{
	if (deadline_us == 0 || psm__mono_us() < deadline_us)
		return;
	psm__log(PSM_LOG_ERROR, "shutdown overdue, process ends", NULL);
	_exit(EXIT_FAILURE); /* not exit(): other threads still run */
}

static void *
watch(void *arg)
{
	struct svc_signals *s = arg;
	int64_t deadline_us = 0;
	int number, seen = 0, stop = 0;

	while (!stop) {
		number = next_signal(s, until_ms(deadline_us));
		if (number > 0 && seen++ > 0)
			_exit(128 + number);
		if (number > 0)
			s->on_signal(number, s->user);
		pthread_mutex_lock(&s->lock);
		deadline_us = s->deadline_us;
		stop = s->stop;
		pthread_mutex_unlock(&s->lock);
		if (!stop)
			overdue(deadline_us);
	}
	return NULL;
}

static void
signals_free(struct svc_signals *s)
{
	if (s->signal_fd >= 0)
		close(s->signal_fd);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	pthread_mutex_destroy(&s->lock);
	(void)pthread_sigmask(SIG_SETMASK, &s->before, NULL); /* was valid */
	psm__free(s);
}

int
psm__svc_signals_start(void (*on_signal)(int number, void *user), void *user,
                       struct svc_signals **out, psm_error *err)
{
	struct svc_signals *s = psm__alloc(sizeof *s);
	sigset_t set;
	int rc;

	*out = NULL;
	if (!s)
		return psm__nomem(err);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &set, &s->before); /* a valid set */
	pthread_mutex_init(&s->lock, NULL);
	s->on_signal = on_signal;
	s->user = user;
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = s->signal_fd < 0 || s->wake_fd < 0
	         ? errno
	         : pthread_create(&s->thread, NULL, watch, s);
	if (rc != 0) {
		signals_free(s);
		return psm__fail(err, PSM_ERR_IO, "cannot wait for signals: %s",
		                 strerror(rc));
	}
	(void)pthread_setname_np(s->thread, "signals"); /* for ps and gdb */
	*out = s;
	return PSM_OK;
}

static void
wake(struct svc_signals *s)
{
	const uint64_t one = 1;

	if (write(s->wake_fd, &one, sizeof one) < 0)
		return; /* full: it is awake anyway */
}

void
psm__svc_signals_deadline(struct svc_signals *s, int64_t at_us)
{
	pthread_mutex_lock(&s->lock);
	s->deadline_us = at_us;
	pthread_mutex_unlock(&s->lock);
	wake(s);
}

void
psm__svc_signals_stop(struct svc_signals *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = 1;
	pthread_mutex_unlock(&s->lock);
	wake(s);
	(void)pthread_join(s->thread, NULL); /* it is ours and joinable */
	signals_free(s);
}
