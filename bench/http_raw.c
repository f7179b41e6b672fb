/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What bench/http is measured against beside pgbench: libmicrohttpd and libpq
 * alone. GET /api/therapists/ID answers the row as an object of texts, by
 * threads that keep a database connection each and wait for it: nothing is
 * checked, limited or counted, and there is no version.
 *
 *	http_raw PORT THREADS
 */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <microhttpd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local PGconn *pg;

/* 0, or the thread has no connection. */
static int
connect_once(void)
{
	PGresult *res;
	int rc;

	if (pg)
		return 0;
	pg = PQconnectdb("");
	res = PQprepare(pg, "record",
	                "SELECT * FROM therapist_service.therapeuten WHERE "
	                "id = $1",
	                0, NULL);
	rc = PQresultStatus(res) == PGRES_COMMAND_OK ? 0 : -1;
	if (rc < 0)
		fprintf(stderr, "http_raw: %s", PQerrorMessage(pg));
	PQclear(res);
	return rc;
}

/* New (free), NULL: there is no such row. */
static char *
row_text(const PGresult *res, size_t *len)
{
	int i, count = PQnfields(res);
	char *text = NULL;
	FILE *f;

	if (PQntuples(res) != 1)
		return NULL;
	f = open_memstream(&text, len);
	if (!f)
		return NULL;
	for (i = 0; i < count; i++) {
		fprintf(f, "%s\"%s\":", i ? "," : "{", PQfname(res, i));
		if (PQgetisnull(res, 0, i))
			fputs("null", f);
		else
			fprintf(f, "\"%s\"", PQgetvalue(res, 0, i));
	}
	fputc('}', f);
	fclose(f);
	return text;
}

static enum MHD_Result
on_request(void *user, struct MHD_Connection *conn, const char *path,
           const char *method, const char *version, const char *data,
           size_t *len, void **context)
{
	const char *id = strrchr(path, '/') + 1;
	struct MHD_Response *response;
	enum MHD_Result queued;
	size_t size = 0;
	PGresult *res;
	char *text;

	(void)user, (void)method, (void)version, (void)data, (void)len;
	if (!*context) { /* the headers are there, the end is not */
		*context = &pg;
		return MHD_YES;
	}
	if (connect_once() < 0)
		return MHD_NO;
	res = PQexecPrepared(pg, "record", 1, &id, NULL, NULL, 0);
	text = row_text(res, &size);
	PQclear(res);
	if (!text)
		return MHD_NO;
	response =
	    MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
	(void)MHD_add_response_header(response, "Content-Type",
	                              "application/json");
	queued = MHD_queue_response(conn, MHD_HTTP_OK, response);
	MHD_destroy_response(response);
	return queued;
}

int
main(int argc, char **argv)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	struct MHD_Daemon *daemon;
	sigset_t end;
	int signo;

	if (argc != 3) {
		fprintf(stderr, "usage: http_raw PORT THREADS\n");
		return 2;
	}
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	at.sin_port = htons((uint16_t)atoi(argv[1]));
	(void)sigemptyset(&end);
	(void)sigaddset(&end, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &end, NULL);
	daemon = MHD_start_daemon(
	    MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, on_request, NULL,
	    MHD_OPTION_SOCK_ADDR, &at, MHD_OPTION_THREAD_POOL_SIZE,
	    (unsigned)atoi(argv[2]), MHD_OPTION_CONNECTION_LIMIT, 4000u,
	    MHD_OPTION_END);
	if (!daemon) {
		perror("http_raw: cannot listen");
		return 1;
	}
	(void)sigwait(&end, &signo);
	MHD_stop_daemon(daemon);
	return 0;
}
