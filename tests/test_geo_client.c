/* SPDX-License-Identifier: BSD-2-Clause */
/* Geocoder and router over HTTP, against a server of the test's own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <psymatch/geo_client.h>
#include <psymatch/psymatch.h>
#include <psymatch/service.h>

#include "base/base.h"
#include "testing.h"

/* Answers the n-th request with the n-th text, then with the last one; NULL
 * reads the request and never answers. */
static struct {
	int fd, port, seen; /* seen: __atomic */
	const char *answers[8];
	size_t count;
	char request[8][2048];
	pthread_t thread;
} server;

static psm_config *cfg;
static psm_geo_client *client;
static psm_error *err;

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))

static void
read_request(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	text[0] = '\0';
	while (len + 1 < size && strstr(text, "\r\n\r\n") == NULL &&
	       (n = read(fd, text + len, size - len - 1)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
	}
}

static void *
serve(void *arg)
{
	const char *text;
	char hold;
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		size_t i =
		    (size_t)__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST);

		if (i >= PSM__COUNT(server.request))
			i = PSM__COUNT(server.request) - 1;
		read_request(fd, server.request[i], sizeof(server.request[i]));
		__atomic_fetch_add(&server.seen, 1, __ATOMIC_SEQ_CST);
		text = server.answers[i < server.count ? i : server.count - 1];
		if (text != NULL)
			ck_assert_int_gt(write(fd, text, strlen(text)), 0);
		else /* until the client gives up */
			(void)!read(fd, &hold, 1);
		close(fd);
	}
	return arg;
}

static void
serve_these(const char *const *answers, size_t count)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	char url[64];

	memset(&server, 0, sizeof(server));
	memcpy(server.answers, answers, count * sizeof(*answers));
	server.count = count;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_ge(server.fd, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(server.fd, 8), 0);
	ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&a, &len),
	                 0);
	server.port = ntohs(a.sin_port);
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server.port);
	OK(psm_config_set(cfg, "OSM_API_URL", url, err));
	OK(psm_config_set(cfg, "OSRM_API_URL", url, err));
}
#define SERVE(...)                                                             \
	serve_these((const char *const[]){__VA_ARGS__},                        \
	            PSM__COUNT(((const char *const[]){__VA_ARGS__})))

#define ANSWER(status, body)                                                   \
	"HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: "           \
	"application/json\r\n\r\n" body
#define PLACE                                                                  \
	ANSWER("200 OK", "[{\"lat\": \"50.8\", \"lon\": \"-6.25\", "           \
	                 "\"display_name\": \"Musterau\"}]")
#define WAY                                                                    \
	ANSWER("200 OK", "{\"code\": \"Ok\", \"routes\": [{\"distance\": "     \
	                 "1234.5}]}")

static void
setup(void)
{
	err = psm_error_new();
	OK(psm_service_config(NULL, &cfg, err));
	OK(psm_config_set(cfg, "OSM_RATE_LIMIT", "1000", err));
	OK(psm_config_set(cfg, "GEOCODING_RETRY_MS", "1", err));
	OK(psm_config_set(cfg, "OSM_USER_AGENT", "Musterpraxis/1.0", err));
	client = NULL;
	server.fd = -1;
}

static void
open_client(void)
{
	OK(psm_geo_client_new(cfg, &client, err));
}

static void
teardown(void)
{
	psm_geo_client_free(client);
	if (server.fd >= 0) {
		(void)shutdown(server.fd, SHUT_RDWR);
		pthread_join(server.thread, NULL);
		close(server.fd);
	}
	psm_config_free(cfg);
	psm_error_free(err);
}

static int
find(const char *address, int timeout_ms)
{
	char name[PSM_GEO_NAME_SIZE] = "";
	double lat = 0, lon = 0;
	int rc = psm_geo_client_address(address, &lat, &lon, name, timeout_ms,
	                                client, err);

	if (rc == 0) {
		ck_assert_double_eq(lat, 50.8);
		ck_assert_double_eq(lon, -6.25);
		ck_assert_str_eq(name, "Musterau");
	} else {
		ck_assert_ptr_null(strstr(psm_error_message(err), address));
	}
	return rc;
}

static const double places[] = {52.5, 13.4, -50.8, -6.0000004};

START_TEST(an_address)
{
	SERVE(PLACE);
	open_client();
	OK(find("Musterweg 1, M\xc3\xbcnster & Co", 10000));
	ck_assert_ptr_eq(
	    strstr(server.request[0],
	           "GET /search?q=Musterweg%201%2C%20M%C3%BCnster%20%26%20Co&"
	           "format=json&limit=1&addressdetails=1 HTTP/1.1\r\n"),
	    server.request[0]);
	ck_assert_ptr_nonnull(
	    strstr(server.request[0], "User-Agent: Musterpraxis/1.0\r\n"));
}
END_TEST

START_TEST(a_way)
{
	double km = 0;

	SERVE(WAY);
	open_client();
	OK(psm_geo_client_route(places, "car", &km, 10000, client, err));
	ck_assert_double_eq(km, 1.2345);
	ck_assert_ptr_eq(
	    strstr(server.request[0],
	           "GET /route/v1/car/13.400000,52.500000;-6.000000,-50.800000"
	           "?overview=simplified&geometries=geojson&steps=true&"
	           "annotations=distance,duration HTTP/1.1\r\n"),
	    server.request[0]);
	OK(psm_geo_client_route(places, "transit", &km, 10000, client, err));
	ck_assert_ptr_nonnull(strstr(server.request[1], "/route/v1/foot/"));
}
END_TEST

START_TEST(answers_that_say_no)
{
	double km;

	SERVE(ANSWER("200 OK", "[]"), ANSWER("200 OK", "{}"),
	      ANSWER("200 OK", "no JSON"), ANSWER("404 Not Found", "[{}]"),
	      ANSWER("400 Bad", "{\"code\": \"NoRoute\"}"),
	      ANSWER("400 Bad", "{\"code\": \"InvalidQuery\"}"),
	      ANSWER("200 OK", "{\"code\": \"Ok\", \"routes\": []}"));
	open_client();
	ck_assert_int_eq(find("x1", 10000), PSM_ERR_NOT_FOUND);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(find("x1", 10000), PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(
	    psm_geo_client_route(places, "car", &km, 10000, client, err),
	    PSM_ERR_NOT_FOUND);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(psm_geo_client_route(places, "car", &km, 10000,
		                                      client, err),
		                 PSM_ERR_UNAVAILABLE);
	/* None of them was asked again. */
	ck_assert_int_eq(__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST), 7);
}
END_TEST

START_TEST(tried_again)
{
	SERVE(ANSWER("429 Too Many Requests", "{}"),
	      ANSWER("503 Service Unavailable", ""), PLACE);
	open_client();
	OK(find("x1", 10000));
	ck_assert_int_eq(__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST), 3);
}
END_TEST

START_TEST(tried_so_often)
{
	SERVE(ANSWER("500 Oops", "[]"));
	OK(psm_config_set(cfg, "OSM_MAX_RETRIES", "2", err));
	open_client();
	ck_assert_int_eq(find("x1", 10000), PSM_ERR_UNAVAILABLE);
	ck_assert_int_eq(__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST), 2);
}
END_TEST

/* The deadline counts for all: a server that is mute costs no more. */
START_TEST(a_mute_server)
{
	int64_t until = psm__mono_ms() + 60000;

	SERVE(NULL);
	open_client();
	ck_assert_int_eq(find("x1", 1000), PSM_ERR_UNAVAILABLE);
	ck_assert_int_lt(psm__mono_ms(), until);
	/* The server's thread may come to it later. */
	while (__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST) < 1 &&
	       psm__mono_ms() < until)
		sched_yield();
	ck_assert_int_eq(__atomic_load_n(&server.seen, __ATOMIC_SEQ_CST), 1);
}
END_TEST

START_TEST(no_server)
{
	OK(psm_config_set(cfg, "OSM_API_URL", "http://127.0.0.1:1", err));
	OK(psm_config_set(cfg, "OSRM_API_URL", "", err));
	open_client();
	ck_assert_int_eq(find("x1", 10000), PSM_ERR_UNAVAILABLE);
	psm_geo_client_free(client);
	/* Not the default, which is everybody's geocoder. */
	OK(psm_config_set(cfg, "OSM_API_URL", "", err));
	ck_assert_str_eq(psm_config_string(cfg, "OSM_API_URL"), "");
	open_client();
	ck_assert_int_eq(find("x1", 10000), PSM_ERR_UNAVAILABLE);
	/* Nobody was asked, also not the preset one. */
	ck_assert_ptr_nonnull(strstr(psm_error_message(err), "without URL"));
}
END_TEST

static void *
ask(void *arg)
{
	char name[PSM_GEO_NAME_SIZE];
	psm_geo_client *own = arg;
	double lat, lon;

	ck_assert_int_eq(
	    psm_geo_client_address("x1", &lat, &lon, name, 20000, own, NULL),
	    0);
	return arg;
}

/* Requests of all threads and clients together keep their distance. */
START_TEST(one_after_another)
{
	pthread_t threads[3];
	psm_geo_client *all[3] = {NULL};
	int64_t begin;

	SERVE(PLACE);
	OK(psm_config_set(cfg, "OSM_RATE_LIMIT", "10", err));
	open_client();
	all[0] = client;
	for (size_t i = 1; i < PSM__COUNT(all); i++)
		OK(psm_geo_client_new(cfg, &all[i], err));
	begin = psm__mono_us();
	for (size_t i = 0; i < PSM__COUNT(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask, all[i]),
		                 0);
	for (size_t i = 0; i < PSM__COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	/* From the first to the third begin: two intervals of 100 ms. */
	ck_assert_int_ge(psm__mono_us() - begin, 200000);
	for (size_t i = 1; i < PSM__COUNT(all); i++)
		psm_geo_client_free(all[i]);
	/* A turn that comes too late is not taken: this one is 100 s away. */
	psm_geo_client_free(client);
	OK(psm_config_set(cfg, "OSM_RATE_LIMIT", "0.01", err));
	open_client();
	OK(find("x1", 60000));
	ck_assert_int_eq(find("x1", 5), PSM_ERR_UNAVAILABLE);
}
END_TEST

START_TEST(wrong_settings)
{
	static const char *const rates[] = {"0", "-1", "fast", "1001", "\"1\""};

	for (size_t i = 0; i < PSM__COUNT(rates); i++) {
		OK(psm_config_set(cfg, "OSM_RATE_LIMIT", rates[i], err));
		ck_assert_int_eq(psm_geo_client_new(cfg, &client, err),
		                 PSM_ERR_CONFIG);
		ck_assert_ptr_null(client);
	}
	ck_assert_int_eq(psm_geo_client_new(NULL, &client, err), PSM_ERR_INVAL);
	ck_assert_int_eq(
	    psm_geo_client_address(NULL, NULL, NULL, NULL, 1, NULL, err),
	    PSM_ERR_INVAL);
	ck_assert_int_eq(psm_geo_client_route(NULL, NULL, NULL, 1, NULL, err),
	                 PSM_ERR_INVAL);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("geo_client");
	TCase *t = tcase_create("client");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, an_address);
	tcase_add_test(t, a_way);
	tcase_add_test(t, answers_that_say_no);
	tcase_add_test(t, tried_again);
	tcase_add_test(t, tried_so_often);
	tcase_add_test(t, a_mute_server);
	tcase_add_test(t, no_server);
	tcase_add_test(t, one_after_another);
	tcase_add_test(t, wrong_settings);
	suite_add_tcase(s, t);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
