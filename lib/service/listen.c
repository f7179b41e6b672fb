/* SPDX-License-Identifier: BSD-2-Clause */
#include "service/service.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What waits to be accepted costs us nothing; the kernel knows its limit. */
#define BACKLOG SOMAXCONN

static int
try_listen(const struct addrinfo *a)
{
	int on = 1, saved;
	int fd =
	    socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
	           a->ai_protocol);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
	    bind(fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int
bound_port(int fd, int *port)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof addr;
	char text[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    getnameinfo((struct sockaddr *)&addr, len, NULL, 0, text,
	                sizeof text, NI_NUMERICSERV) != 0 ||
	    sscanf(text, "%d", port) != 1)
		return -1;
	return 0;
}

int
psm__svc_listen(const char *host, int port, int *fd, int *bound, psm_error *err)
{
	struct addrinfo hints = {.ai_family = AF_UNSPEC,
	                         .ai_socktype = SOCK_STREAM,
	                         .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
	struct addrinfo *list = NULL, *a;
	const char *why;
	char service[8];
	int rc;

	*fd = -1;
	(void)snprintf(service, sizeof service, "%d", port);
	rc = getaddrinfo(host, service, &hints, &list);
	if (rc != 0)
		return psm__fail(err, PSM_ERR_IO, "cannot listen on \"%s\": %s",
		                 host, gai_strerror(rc));
	for (a = list; a && *fd < 0; a = a->ai_next)
		*fd = try_listen(a);
	why = strerror(errno);
	freeaddrinfo(list);
	if (*fd >= 0 && bound && bound_port(*fd, bound) < 0) {
		close(*fd);
		*fd = -1;
	}
	if (*fd < 0)
		return psm__fail(err, PSM_ERR_IO,
		                 "cannot listen on %s port %d: %s", host, port,
		                 why);
	return PSM_OK;
}
