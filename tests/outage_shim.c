/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Preloaded into a program (LD_PRELOAD), it takes one TCP port away from it
 * while a file exists: connections to the port are refused, and those that
 * stand break at their next use. So a broker that must not be stopped can be
 * down for one program.
 *
 * OUTAGE_PORT  the port, 1 to 65535
 * OUTAGE_FILE  the outage lasts as long as this file exists
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* ISO C has no conversion from void * to a function pointer; POSIX promises
 * that the bytes are the same. */
#define NEXT(fn)                                                               \
	static __typeof__(&fn) next;                                           \
	if (!next) {                                                           \
		void *found = dlsym(RTLD_NEXT, #fn);                           \
		memcpy(&next, &found, sizeof next);                            \
	}

static int
is_outage(void)
{
	const char *file = getenv("OUTAGE_FILE");

	return file && access(file, F_OK) == 0;
}

static int
is_the_port(const struct sockaddr *addr)
{
	const char *wanted = getenv("OUTAGE_PORT");
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	int port = 0;

	if (addr->sa_family == AF_INET) {
		memcpy(&in, addr, sizeof in);
		port = ntohs(in.sin_port);
	} else if (addr->sa_family == AF_INET6) {
		memcpy(&in6, addr, sizeof in6);
		port = ntohs(in6.sin6_port);
	}
	return wanted && port > 0 && port == strtol(wanted, NULL, 10);
}

/* Is fd connected to the port, and the port away? */
static int
is_away(int fd)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof peer;
	int saved = errno;
	int away = is_outage() &&
	           getpeername(fd, (struct sockaddr *)&peer, &len) == 0 &&
	           is_the_port((struct sockaddr *)&peer);

	errno = away ? ECONNRESET : saved;
	return away;
}

int
connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	NEXT(connect)
	if (addr && is_outage() && is_the_port(addr)) {
		errno = ECONNREFUSED;
		return -1;
	}
	return next(fd, addr, len);
}

ssize_t
send(int fd, const void *bytes, size_t size, int flags)
{
	NEXT(send)
	return is_away(fd) ? -1 : next(fd, bytes, size, flags);
}

ssize_t
recv(int fd, void *bytes, size_t size, int flags)
{
	NEXT(recv)
	return is_away(fd) ? -1 : next(fd, bytes, size, flags);
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	NEXT(sendmsg)
	return is_away(fd) ? -1 : next(fd, message, flags);
}

ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
	NEXT(recvmsg)
	return is_away(fd) ? -1 : next(fd, message, flags);
}
