/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd is told about a service of Type=notify: datagrams to the socket
 * that NOTIFY_SOCKET names, as sd_notify(3) describes them. */
#include "service/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The length of the address; 0: there is none, or it does not fit. */
static socklen_t
address(struct sockaddr_un *to)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len = path ? strlen(path) : 0;

	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	if (len < 2 || len >= sizeof(to->sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return 0;
	memcpy(to->sun_path, path, len);
	if (path[0] == '@') /* an abstract name */
		to->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

int
psm__svc_notify(const char *state)
{
	struct sockaddr_un to;
	socklen_t len = address(&to);
	ssize_t sent = -1;
	int fd;

	if (len == 0)
		return 0;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
		              (struct sockaddr *)&to, len);
	if (sent < 0)
		psm__log(PSM_LOG_WARN, "systemd was not told", "state", state,
		         "reason", strerror(errno), NULL);
	if (fd >= 0)
		close(fd);
	return sent >= 0;
}

int64_t
psm__svc_watchdog_us(void)
{
	const char *text = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	char *end = NULL;
	long long us;

	if (!text || *text < '0' || *text > '9' ||
	    (pid && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	errno = 0;
	us = strtoll(text, &end, 10);
	return errno || *end || us < 2 ? 0 : us / 2;
}
