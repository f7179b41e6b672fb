/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A service on a port of its own, with handlers that say what they were given,
 * and a client for it. One of each per test process.
 */
#ifndef PSM_TESTING_HTTP_H
#define PSM_TESTING_HTTP_H

#include <curl/curl.h>

#include "service/service.h"
#include "testing.h"

#define TESTING_WAIT_MS 60000

extern struct testing_server {
	psm_config *cfg;
	psm_service *svc;
	psm_error *err;
	int fd, port, rc, is_tls;
	pthread_t thread;
} testing_server;

struct answer {
	CURLcode curl;
	long status;
	char type[64];
	char headers[2048], body[262144];
	size_t headers_len, body_len;
};

/* Settings of the next service: names and values in turn, then NULL. */
extern const char *const *testing_server_settings;

/* Make the service with the routes of testing_http.c; then let it run. */
void testing_server_new(void);
void testing_server_start(void);
/* On this port, 0: any. */
void testing_server_start_on(int port);
/* The socket that keeps a port of the IPv4 address from all others; who binds
 * with SO_REUSEADDR, as services do, may listen there. */
int testing_port_hold(const char *host, int *port);
/* Fixture: both, and wait until it runs. */
void testing_server_up(void);
void testing_server_down(void);

/* GET /wait stays inside until the gate opens. */
void testing_gate_pass(void);
void testing_gate_wait(int count);
void testing_gate_open(void);

CURL *testing_client(const char *method, const char *path, struct answer *a);
/* Takes curl. */
void testing_perform(CURL *curl, struct answer *a);
void testing_ask(const char *method, const char *path, struct answer *a);
void testing_assert_alive(void);

/* headers: lines separated by "\n"; NULL: none. body NULL: none. */
void testing_ask_with(const char *method, const char *path, const char *headers,
                      const char *body, struct answer *a);

#endif
