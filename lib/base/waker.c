/* SPDX-License-Identifier: BSD-2-Clause */
/* A wake-up for a thread that waits for a socket as well: an eventfd. */
#include "base/base.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
psm__waker_open(psm_error *err)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		return psm__fail(err, PSM_ERR_IO, "cannot make an eventfd: %s",
		                 strerror(errno));
	return fd;
}

void
psm__waker_wake(int fd)
{
	const uint64_t one = 1;

	/* A full counter is a wake-up as well. */
	if (fd >= 0 && write(fd, &one, sizeof one) < 0)
		return;
}

int
psm__waker_wait(int fd, int socket_fd, int timeout_ms)
{
	struct pollfd fds[2] = {{fd, POLLIN, 0}, {socket_fd, POLLIN, 0}};
	int64_t until_ms = psm__mono_ms() + timeout_ms;
	uint64_t count;
	int rc, left_ms = timeout_ms, woken = 0;

	/* poll passes over a socket below 0. */
	while ((rc = poll(fds, 2, left_ms)) < 0 && errno == EINTR) {
		left_ms = (int)(until_ms - psm__mono_ms());
		if (left_ms < 0)
			left_ms = 0;
	}
	if (rc <= 0)
		return 0;
	if (fds[0].revents && read(fd, &count, sizeof count) > 0)
		woken |= PSM__WOKEN;
	if (fds[1].revents)
		woken |= PSM__READABLE;
	return woken;
}

void
psm__waker_close(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing was written that could be lost */
}
