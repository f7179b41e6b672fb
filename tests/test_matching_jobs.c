/* SPDX-License-Identifier: BSD-2-Clause */
/* Mails and calls of inquiries that another service makes, against a server of
 * the test's own. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include <psymatch/matching_jobs.h>
#include <psymatch/psymatch.h>
#include <psymatch/service.h>

#include "base/base.h"
#include "testing.h"
#include "testing_pg.h"

#define OK(call) ck_assert_msg((call) == 0, "%s", psm_error_message(err))
#define MAX 4

/* Answers the n-th request with the n-th text, then with the last one. */
static struct {
	int fd;
	_Atomic int seen;
	const char *answers[MAX];
	char request[MAX][2048];
	const char *meanwhile; /* a statement, before each answer; or NULL */
	pthread_t thread;
} server;

static psm_store *st;
static psm_config *cfg;
static psm_jobs *jobs;
static psm_error *err;
static _Atomic int64_t clock_us = INT64_C(1772445600000000);

static int64_t
test_clock(void *user)
{
	(void)user;
	return clock_us;
}

/* Headers, and as many bytes as they say. */
static void
read_request(int fd, char *text, size_t size)
{
	const char *body = NULL, *length;
	size_t len = 0, want = size - 1;
	ssize_t n;

	text[0] = '\0';
	while (len < want && (n = read(fd, text + len, want - len)) > 0) {
		len += (size_t)n;
		text[len] = '\0';
		body = strstr(text, "\r\n\r\n");
		length = strstr(text, "Content-Length: ");
		if (body != NULL && length != NULL)
			want = (size_t)(body + 4 - text) +
			       strtoul(length + 16, NULL, 10);
	}
}

static void *
serve(void *arg)
{
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		int i = server.seen < MAX ? server.seen : MAX - 1;

		while (i > 0 && server.answers[i] == NULL)
			i--;
		read_request(fd, server.request[i], sizeof(server.request[i]));
		server.seen++;
		if (server.meanwhile != NULL)
			pg_run("%s", server.meanwhile);
		ck_assert_int_gt(
		    write(fd, server.answers[i], strlen(server.answers[i])), 0);
		close(fd);
	}
	return arg;
}

static void
listen_here(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t len = sizeof(a);
	char url[64];

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(server.fd, 8), 0);
	ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&a, &len),
	                 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d",
	               ntohs(a.sin_port));
	OK(psm_config_set(cfg, "PSYMATCH_REST_COMMUNICATION_URL", url, err));
	ck_assert_int_eq(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void
setup(void)
{
	err = psm_error_new();
	pg_database();
	st = pg_store();
	OK(psm_store_migrate(st, "psymatch", err));
	OK(psm_store_migrate(st, "matching", err));
	OK(psm_service_config(NULL, &cfg, err));
	listen_here();
	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_matching_jobs(jobs, st, cfg, err));
	psm_set_clock(test_clock, NULL);
	pg_run("INSERT INTO matching_service.therapeutenanfrage (id, "
	       "therapist_id, anfragegroesse, gesendet_datum, versandweg) "
	       "VALUES (12, 7, 0, '2026-03-01', 'email')");
}

static void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	psm_jobs_free(jobs);
	psm_store_free(st);
	psm_config_free(cfg);
	psm_error_free(err);
}

#define ANSWER(status, body)                                                   \
	"HTTP/1.1 " status "\r\nConnection: close\r\nContent-Type: "           \
	"application/json\r\n\r\n" body
#define SAYS(want, ...)                                                        \
	do {                                                                   \
		char *got_ = pg_text(__VA_ARGS__);                             \
		ck_assert_msg(strcmp(got_, want) == 0, "want %s, got %s",      \
		              want, got_);                                     \
		free(got_);                                                    \
	} while (0)
#define JOB(want)                                                              \
	SAYS(want, "SELECT concat_ws(' ', state, attempts, error_code) FROM "  \
	           "psymatch.job")
#define INQUIRY(want)                                                          \
	SAYS(want,                                                             \
	     "SELECT concat_ws(' ', coalesce(email_id::text, '-'), "           \
	     "coalesce(phone_call_id::text, '-'), gesendet_datum IS NOT NULL " \
	     ") FROM matching_service.therapeutenanfrage")

static void
job(const char *kind, const char *key, const char *payload)
{
	psm_tx *tx = NULL;

	OK(psm_tx_begin(st, &tx, err));
	ck_assert_int_eq(psm_jobs_add(tx, kind, key, payload, NULL, err), 1);
	OK(psm_tx_commit(tx, err));
}

#define MAIL "{\"therapist_id\": 7, \"betreff\": \"Ref: A12\"}"
#define CALL "{\"therapist_id\": 7, \"therapeutenanfrage_id\": 12}"

/* It is away, then late with an error, then makes the mail: one key for all. */
START_TEST(a_mail)
{
	server.answers[0] = ANSWER("503 Service Unavailable", "{}");
	server.answers[1] = ANSWER("201 Created", "{\"id\": \"no\"}");
	server.answers[2] = ANSWER("201 Created", "{\"id\": 31}");
	pg_run("UPDATE matching_service.therapeutenanfrage SET fehlversuche = "
	       "1");
	job("inquiry.send", "12:1", MAIL);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
		JOB(i < 2 ? (i == 0 ? "waiting 1 PSM_ERR_UNAVAILABLE"
		                    : "waiting 2 PSM_ERR_UNAVAILABLE")
		          : "done 3");
		INQUIRY(i < 2 ? "- - t" : "31 - t");
		clock_us += INT64_C(3600) * 1000000;
	}
	ck_assert_int_eq(server.seen, 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_nonnull(
		    strstr(server.request[i], "POST /api/emails HTTP/1.1"));
		ck_assert_ptr_nonnull(
		    strstr(server.request[i],
		           "\r\nIdempotency-Key: inquiry.send:12:1\r\n"));
		ck_assert_ptr_nonnull(
		    strstr(server.request[i],
		           "\r\nContent-Type: application/json\r\n"));
		ck_assert_ptr_nonnull(strstr(server.request[i], "\r\n\r\n{"));
		ck_assert_ptr_nonnull(strstr(server.request[i], "Ref: A12"));
	}
	/* The mail is to go at once, which is said once. */
	SAYS("31", "SELECT string_agg(payload::jsonb ->> 'email_id', ' ') FROM "
	           "psymatch.outbox WHERE type = 'communication.send_email'");
}
END_TEST

START_TEST(a_call)
{
	server.answers[0] = ANSWER("201 Created", "{\"id\": 8}");
	pg_run("UPDATE matching_service.therapeutenanfrage SET versandweg = "
	       "'phone_call'");
	job("inquiry.send", "12", CALL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("done 1");
	INQUIRY("- 8 t");
	ck_assert_ptr_nonnull(
	    strstr(server.request[0], "POST /api/phone-calls HTTP/1.1"));
}
END_TEST

/* What is refused for good is an inquiry that was not sent. */
START_TEST(a_refused_mail)
{
	server.answers[0] = ANSWER("400 Bad Request", "{\"message\": \"no\"}");
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("done 1");
	INQUIRY("- - f");
	SAYS("t", "SELECT notizen LIKE '%%Not sent: the communication service "
	          "refused%%' FROM matching_service.therapeutenanfrage");
}
END_TEST

/* Nor is one that nobody could be asked for in the end. The job that failed is
 * done again by a person when the inquiry waits for another one: nothing. */
START_TEST(asked_in_vain)
{
	server.answers[0] = ANSWER("503 Service Unavailable", "{}");
	psm_jobs_free(jobs);
	OK(psm_config_set(cfg, "PSYMATCH_JOB_ATTEMPTS", "2", err));
	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_matching_jobs(jobs, st, cfg, err));
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	INQUIRY("- - t");
	clock_us += INT64_C(3600) * 1000000;
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("failed 2 PSM_ERR_UNAVAILABLE");
	INQUIRY("- - f");
	SAYS("1 t", "SELECT concat_ws(' ', fehlversuche, notizen LIKE '%%Not "
	            "sent: the communication service was asked in vain%%') "
	            "FROM matching_service.therapeutenanfrage");
	OK(psm_jobs_retry(st, pg_int("SELECT id FROM psymatch.job"), err));
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("done 1");
	INQUIRY("- - f");
	ck_assert_int_eq(server.seen, 2);
}
END_TEST

/* The last answer was lost, but an event has told of the mail meanwhile. */
START_TEST(asked_in_vain_but_known)
{
	server.answers[0] = ANSWER("503 Service Unavailable", "{}");
	server.meanwhile =
	    "UPDATE matching_service.therapeutenanfrage SET email_id = 31";
	psm_jobs_free(jobs);
	OK(psm_config_set(cfg, "PSYMATCH_JOB_ATTEMPTS", "1", err));
	OK(psm_jobs_new(st, cfg, &jobs, err));
	OK(psm_matching_jobs(jobs, st, cfg, err));
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("failed 1 PSM_ERR_UNAVAILABLE");
	INQUIRY("31 - t");
	SAYS("0", "SELECT fehlversuche FROM "
	          "matching_service.therapeutenanfrage");
}
END_TEST

/* Nobody is asked for what the inquiry does not wait for, or is not any more. */
START_TEST(not_wanted)
{
	static const char *const statements[] = {
	    "UPDATE matching_service.therapeutenanfrage SET fehlversuche = 2",
	    ("UPDATE matching_service.therapeutenanfrage SET gesendet_datum = "
	     "NULL"),
	    "UPDATE matching_service.therapeutenanfrage SET email_id = 31",
	    "DELETE FROM matching_service.therapeutenanfrage"};

	server.answers[0] = ANSWER("201 Created", "{\"id\": 32}");
	pg_run("%s", statements[_i]);
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("done 1");
	ck_assert_int_eq(server.seen, 0);
}
END_TEST

/* What nobody can read fails for good, and the others are done. */
START_TEST(a_wrong_key)
{
	server.answers[0] = ANSWER("201 Created", "{\"id\": 31}");
	job("inquiry.send", "x", MAIL);
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 2);
	SAYS("x failed PSM_ERR_SCHEMA, 12 done",
	     "SELECT string_agg(concat_ws(' ', key, state, error_code), ', ' "
	     "ORDER BY id) FROM psymatch.job");
	INQUIRY("31 - t");
}
END_TEST

START_TEST(a_follow_up)
{
	server.answers[0] = ANSWER("422 Unprocessable", "{}");
	server.answers[1] = ANSWER("200 OK", "{\"id\": 9}");
	job("follow_up.call", "12:2026-03-12", CALL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("failed 1 PSM_ERR_REJECT");
	INQUIRY("- - t");
	pg_run("DELETE FROM psymatch.job");
	job("follow_up.call", "12:2026-03-13", CALL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	INQUIRY("- 9 t");
}
END_TEST

START_TEST(nobody_to_ask)
{
	OK(psm_config_set(cfg, "PSYMATCH_REST_COMMUNICATION_URL", "", err));
	job("inquiry.send", "12", MAIL);
	ck_assert_int_eq(psm_jobs_run_once(jobs, err), 1);
	JOB("waiting 1 PSM_ERR_UNAVAILABLE");
	ck_assert_int_eq(psm_matching_jobs(jobs, st, cfg, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_matching_jobs(jobs, NULL, cfg, err),
	                 PSM_ERR_INVAL);
	OK(psm_config_set(cfg, "MIN_ANFRAGE_SIZE", "7", err));
	ck_assert_int_eq(psm_matching_jobs(jobs, st, cfg, err), PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err),
	                 "MIN_ANFRAGE_SIZE: want at most MAX_ANFRAGE_SIZE, "
	                 "found more");
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("matching_jobs");
	TCase *c = tcase_create("jobs");

	(void)argc;
	pg_main(argv);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_mail);
	tcase_add_test(c, a_call);
	tcase_add_test(c, a_refused_mail);
	tcase_add_test(c, asked_in_vain);
	tcase_add_test(c, asked_in_vain_but_known);
	tcase_add_loop_test(c, not_wanted, 0, 4);
	tcase_add_test(c, a_wrong_key);
	tcase_add_test(c, a_follow_up);
	tcase_add_test(c, nobody_to_ask);
	suite_add_tcase(s, c);
	return testing_run(srunner_create(s));
}
