/* SPDX-License-Identifier: BSD-2-Clause */
/* A service with settings, a file of tokens, and raw connections. */
#ifndef PSM_TESTING_ACCESS_H
#define PSM_TESTING_ACCESS_H

#include <netinet/in.h>
#include <poll.h>
#include <sys/stat.h>

#include "service/access.h"
#include "testing_http.h"

/* sha256("reader"), sha256("writer"), sha256("admin") */
#define READER                                                                 \
	"r.1 read "                                                            \
	"3d0941964aa3ebdcb00ccef58b1bb399f9f898465e9886d5aec7f31090a0fb30\n"
#define WRITER                                                                 \
	"w write "                                                             \
	"b93006774cbdd4b299389a03ac3d88c3a76b460d538795bc12718011a909fba5\n"
#define ADMIN                                                                  \
	"a admin "                                                             \
	"8c6976e5b5410415bde908bd4dee15dfb167a9c873fc4bb8a81f6f2ab448a918\n"

static char dir[256], path[300];

static inline void
put_file(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static inline void
set_up_dir(void)
{
	testing_tmpdir(dir, sizeof dir);
	(void)snprintf(path, sizeof path, "%s/tokens", dir);
	(void)umask(022);
	put_file("# who\n\n" READER WRITER "\t" ADMIN);
}

static inline void
tear_down_dir(void)
{
	testing_remove(dir);
}

static inline int
yes(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)user;
	(void)err;
	psm_response_message(res, 200, "yes");
	return 0;
}

static inline int
bad_part(char *reason, size_t size, void *user)
{
	(void)user;
	(void)snprintf(reason, size, "db.example.org is away");
	return PSM_HEALTH_AMBER;
}

static inline void
admin_handler_new(void)
{
	psm_service *svc = testing_server.svc;

	ck_assert_int_eq(psm_service_route(svc, "GET", "/api/dead-letters/{id}",
	                                   yes, NULL, NULL),
	                 0);
	ck_assert_int_eq(
	    psm_service_route(svc, "GET", "/api/jobsite", yes, NULL, NULL), 0);
	ck_assert_int_eq(psm_service_route(svc, "GET",
	                                   "/api/patients/import-errors", yes,
	                                   NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_service_route(svc, "GET",
	                                   "/api/therapists/import-errors", yes,
	                                   NULL, NULL),
	                 0);
	ck_assert_int_eq(psm_service_health(svc, "part", bad_part, NULL, NULL),
	                 0);
}

/* settings: see testing_server_settings */
static inline void
up(const char *const *settings)
{
	testing_server_settings = settings;
	testing_server_new();
	admin_handler_new();
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

/* 1: the other side hung up; 0: it did not, yet. */
static inline int
is_closed(int fd, int timeout_ms)
{
	struct pollfd p = {fd, POLLIN, 0};
	char c;

	return poll(&p, 1, timeout_ms) == 1 && recv(fd, &c, 1, 0) <= 0;
}

static inline int
connect_to_server(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = htons((uint16_t)testing_server.port);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
	return fd;
}

#endif
