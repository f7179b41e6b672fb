/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_http.h"

#include <arpa/inet.h>
#include <pthread.h>

/* -- handlers */

/* A handler that waits: how many are inside, and when they may leave. */
static struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int inside, open;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};

void
testing_gate_pass(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.inside++;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

void
testing_gate_wait(int count)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += TESTING_WAIT_MS / 1000;
	pthread_mutex_lock(&gate.lock);
	while (gate.inside < count)
		ck_assert_int_eq(
		    pthread_cond_timedwait(&gate.changed, &gate.lock, &until),
		    0);
	pthread_mutex_unlock(&gate.lock);
}

void
testing_gate_open(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = 1;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

/* "method path id query": what the handler was given. */
static int
echo(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	const char *id = psm_request_param(req, "id");
	const char *q = psm_request_query(req, "q a");
	char text[512];
	int n = snprintf(text, sizeof text, "[\"%s %s %s %s %s\"]",
	                 (const char *)user, psm_request_method(req),
	                 psm_request_path(req), id ? id : "-", q ? q : "-");

	psm_response_json(res, 200, text, (size_t)n);
	(void)err;
	return 0;
}

static int
two_params(const psm_request *req, psm_response *res, void *user,
           psm_error *err)
{
	char text[128];

	(void)user;
	ck_assert_ptr_null(psm_request_param(req, "c"));
	ck_assert_ptr_null(psm_request_param(req, "{a}"));
	(void)snprintf(text, sizeof text, "%s,%s", psm_request_param(req, "a"),
	               psm_request_param(req, "b_2"));
	psm_response_message(res, 201, text);
	(void)err;
	return 0;
}

/* Length and sum of the body. */
static int
take_body(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	char text[64];
	size_t len, i;
	unsigned long sum = 0;
	const char *body = psm_request_body(req, &len);
	int n;

	(void)user;
	for (i = 0; i < len; i++)
		sum += (unsigned char)body[i];
	ck_assert_int_eq(body[len], 0);
	n = snprintf(text, sizeof text, "[%zu,%lu]", len, sum);
	psm_response_json(res, 200, text, (size_t)n);
	(void)err;
	return 0;
}

static int
fail_with(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)user;
	psm_response_message(res, 200, "does not count");
	return psm_error_set(err, atoi(psm_request_param(req, "code")),
	                     "it broke");
}

static int
silent(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	(void)req;
	(void)res;
	(void)user;
	(void)err;
	return 0;
}

static int
twice(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	silent(req, res, user, err);
	psm_response_message(res, 200, "first");
	psm_response_message(res, 999, "last \xff \"quoted\"");
	(void)err;
	return 0;
}

static int
waiting(const psm_request *req, psm_response *res, void *user, psm_error *err)
{
	testing_gate_pass();
	echo(req, res, user, err);
	(void)err;
	return 0;
}

/* -- the server */

struct testing_server testing_server;

static void
add(const char *method, const char *path, psm_route_fn fn, const char *user)
{
	ck_assert_int_eq(psm_service_route(testing_server.svc, method, path, fn,
	                                   (void *)(uintptr_t)user,
	                                   testing_server.err),
	                 0);
}

const char *const *testing_server_settings;

static void
apply_settings(void)
{
	const char *const *s = testing_server_settings;

	ck_assert_int_eq(psm_config_register(psm_service_settings(), NULL), 0);
	ck_assert_int_eq(
	    psm_config_new(&testing_server.cfg, testing_server.err), 0);
	testing_server.is_tls = 0;
	for (; s && s[0]; s += 2) {
		ck_assert_msg(psm_config_set(testing_server.cfg, s[0], s[1],
		                             testing_server.err) == 0,
		              "%s", psm_error_message(testing_server.err));
		if (strcmp(s[0], "PSYMATCH_HTTP_TLS_CERT_FILE") == 0)
			testing_server.is_tls = 1;
	}
}

void
testing_server_new(void)
{
	testing_server.err = psm_error_new();
	ck_assert_ptr_nonnull(testing_server.err);
	apply_settings();
	ck_assert_int_eq(psm_service_new("test-service", testing_server.cfg,
	                                 &testing_server.svc,
	                                 testing_server.err),
	                 0);
	/* They all come from one address. */
	if (testing_server.svc->limits.client_connections == 0)
		testing_server.svc->limits.client_connections = 100000;
	add("GET", "/echo/{id}", echo, "param");
	add("PUT", "/echo/{id}", echo, "put");
	add("GET", "/echo/fixed", echo, "literal");
	add("DELETE", "/{id}/x", echo, "first");
	add("GET", "/", echo, "root");
	add("GET", "/pair/{a}/of/{b_2}", two_params, NULL);
	add("POST", "/body", take_body, NULL);
	add("GET", "/fail/{code}", fail_with, NULL);
	add("GET", "/silent", silent, NULL);
	add("GET", "/twice", twice, NULL);
	add("GET", "/wait", waiting, "waited");
}

static void *
serve(void *arg)
{
	(void)arg;
	testing_server.rc = psm__svc_run_on(
	    testing_server.svc, testing_server.fd, testing_server.err);
	return NULL;
}

void
testing_server_start(void)
{
	testing_server_start_on(0);
}

int
testing_port_hold(const char *host, int *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof at;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, host, &at.sin_addr), 1);
	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

void
testing_server_start_on(int port)
{
	ck_assert_int_eq(psm__svc_listen("127.0.0.1", port, &testing_server.fd,
	                                 &testing_server.port,
	                                 testing_server.err),
	                 0);
	ck_assert_int_eq(
	    pthread_create(&testing_server.thread, NULL, serve, NULL), 0);
}

void
testing_server_up(void)
{
	testing_server_new();
	testing_server_start();
	ck_assert_int_eq(
	    psm__svc_wait(testing_server.svc, SVC_RUNNING, TESTING_WAIT_MS), 0);
}

void
testing_server_down(void)
{
	testing_gate_open();
	psm_service_stop(testing_server.svc);
	ck_assert_int_eq(pthread_join(testing_server.thread, NULL), 0);
	ck_assert_msg(testing_server.rc == 0, "%s",
	              psm_error_message(testing_server.err));
	ck_assert_uint_eq(testing_server.svc->in_flight, 0);
	psm_service_free(testing_server.svc);
	psm_config_free(testing_server.cfg);
	psm_error_free(testing_server.err);
}

/* -- the client */

static size_t
take(char *to, size_t *len, size_t size, const char *data, size_t count)
{
	ck_assert_uint_lt(*len + count, size);
	memcpy(to + *len, data, count);
	*len += count;
	to[*len] = '\0';
	return count;
}

static size_t
on_header(char *data, size_t size, size_t count, void *user)
{
	struct answer *a = user;

	return take(a->headers, &a->headers_len, sizeof a->headers, data,
	            size * count);
}

static size_t
on_body(char *data, size_t size, size_t count, void *user)
{
	struct answer *a = user;

	return take(a->body, &a->body_len, sizeof a->body, data, size * count);
}

CURL *
testing_client(const char *method, const char *path, struct answer *a)
{
	CURL *curl = curl_easy_init();
	char url[2048];

	ck_assert_ptr_nonnull(curl);
	memset(a, 0, sizeof *a);
	(void)snprintf(url, sizeof url, "%s://127.0.0.1:%d%s",
	               testing_server.is_tls ? "https" : "http",
	               testing_server.port, path);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)TESTING_WAIT_MS);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	return curl;
}

void
testing_perform(CURL *curl, struct answer *a)
{
	char *type = NULL;

	a->curl = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
	(void)snprintf(a->type, sizeof a->type, "%s", type ? type : "");
	curl_easy_cleanup(curl);
}

void
testing_ask(const char *method, const char *path, struct answer *a)
{
	testing_perform(testing_client(method, path, a), a);
}

void
testing_assert_alive(void)
{
	struct answer a;

	testing_ask("GET", "/echo/1", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body, "[\"param GET /echo/1 1 -\"]");
}

void
testing_ask_with(const char *method, const char *path, const char *headers,
                 const char *body, struct answer *a)
{
	CURL *curl = testing_client(method, path, a);
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	char line[256];

	for (; headers && *headers; headers += *headers == '\n') {
		(void)snprintf(line, sizeof line, "%.*s",
		               (int)strcspn(headers, "\n"), headers);
		list = curl_slist_append(list, line);
		headers += strcspn(headers, "\n");
	}
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	testing_perform(curl, a);
	curl_slist_free_all(list);
	ck_assert_int_eq(a->curl, CURLE_OK);
}
