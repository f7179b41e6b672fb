/* SPDX-License-Identifier: BSD-2-Clause */
/* What systemd hears of a service, on a socket of the test's. */
#include "service/service.h"
#include "testing.h"

#include <sys/socket.h>
#include <sys/un.h>

static char dir[256], path[300];
static int fd;
static psm_config *cfg;
static psm_service *svc;
static psm_error *err;
static pthread_t thread;

/* '@' stands for an abstract name. */
static void
listen_on(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct timeval patience = {60, 0};
	size_t len = strlen(name);

	ck_assert_uint_lt(len, sizeof at.sun_path);
	memcpy(at.sun_path, name, len);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
	    bind(fd, (struct sockaddr *)&at,
	         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
	    0);
	ck_assert_int_eq(
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience),
	    0);
	ck_assert_int_eq(setenv("NOTIFY_SOCKET", name, 1), 0);
}

static void
hears(const char *want)
{
	char text[100];
	ssize_t len = recv(fd, text, sizeof text - 1, 0);

	ck_assert_int_gt(len, 0);
	text[len] = '\0';
	ck_assert_str_eq(text, want);
}

static void
set_up(void)
{
	testing_tmpdir(dir, sizeof dir);
	(void)snprintf(path, sizeof path, "%s/notify", dir);
	fd = -1;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	err = psm_error_new();
	ck_assert_int_eq(psm_config_register(psm_service_settings(), err), 0);
	ck_assert_int_eq(psm_config_new(&cfg, err), 0);
	ck_assert_int_eq(psm_service_new("notify", cfg, &svc, err), 0);
}

static void
tear_down(void)
{
	psm_service_free(svc);
	psm_config_free(cfg);
	psm_error_free(err);
	if (fd >= 0)
		close(fd);
	testing_remove(dir);
}

static void *
run(void *unused)
{
	(void)unused;
	ck_assert_int_eq(psm__svc_run_on(svc, -1, err), 0);
	return NULL;
}

static void
start(void)
{
	ck_assert_int_eq(pthread_create(&thread, NULL, run, NULL), 0);
}

static void
stop(void)
{
	psm_service_stop(svc);
	pthread_join(thread, NULL);
}

static int
refuse(void *user, psm_error *e)
{
	(void)user;
	(void)e;
	return PSM_ERR_IO;
}

START_TEST(from_start_to_end)
{
	listen_on(path);
	start();
	hears("READY=1");
	stop();
	hears("STOPPING=1");
}
END_TEST

START_TEST(an_abstract_name)
{
	char name[100];

	(void)snprintf(name, sizeof name, "@psymatch-test-%d", (int)getpid());
	listen_on(name);
	start();
	hears("READY=1");
	stop();
	hears("STOPPING=1");
}
END_TEST

/* Whatever else wakes the thread that says so. */
START_TEST(the_watchdog)
{
	int i;

	listen_on(path);
	ck_assert_int_eq(setenv("WATCHDOG_USEC", "20000", 1), 0);
	start();
	hears("READY=1");
	for (i = 0; i < 3; i++)
		hears("WATCHDOG=1");
	ck_assert_int_eq(psm__svc_enter(svc), 1);
	psm__svc_leave(svc);
	hears("WATCHDOG=1");
	/* What was said before the end may still be there. */
	ck_assert_int_eq(psm__svc_wait(svc, SVC_RUNNING, 60000), 0);
	stop();
}
END_TEST

START_TEST(the_watchdog_of_another_process)
{
	static const struct {
		const char *usec, *pid;
		int64_t want;
	} cases[] = {
	    {NULL, NULL, 0},
	    {"1000", NULL, 500},
	    {"1000", "1", 0},
	    {"", NULL, 0},
	    {"x", NULL, 0},
	    {"10s", NULL, 0},
	    {"1", NULL, 0},
	    {"-5", NULL, 0},
	    {"10000000", NULL, 5000000},
	    {"99999999999999999999", NULL, 0},
	};
	size_t i;

	for (i = 0; i < sizeof cases / sizeof *cases; i++) {
		unsetenv("WATCHDOG_USEC");
		unsetenv("WATCHDOG_PID");
		if (cases[i].usec)
			(void)setenv("WATCHDOG_USEC", cases[i].usec, 1);
		if (cases[i].pid)
			(void)setenv("WATCHDOG_PID", cases[i].pid, 1);
		ck_assert_int_eq(psm__svc_watchdog_us(), cases[i].want);
	}
}
END_TEST

/* A service that cannot start was never ready. */
START_TEST(never_ready)
{
	listen_on(path);
	ck_assert_int_eq(
	    psm_service_stage(svc, "stage", refuse, NULL, NULL, err), 0);
	ck_assert_int_eq(psm__svc_run_on(svc, -1, err), PSM_ERR_IO);
	hears("STOPPING=1");
}
END_TEST

/* Nobody listens, or nobody wants to hear: the service runs all the same. */
START_TEST(nobody_listens)
{
	static const char *const names[] = {NULL, "", "relative", "@",
	                                    "/nonexistent/notify"};
	size_t i;

	for (i = 0; i < sizeof names / sizeof *names; i++) {
		unsetenv("NOTIFY_SOCKET");
		if (names[i])
			(void)setenv("NOTIFY_SOCKET", names[i], 1);
		ck_assert_int_eq(psm__svc_notify("READY=1"), 0);
	}
	start();
	ck_assert_int_eq(psm__svc_wait(svc, SVC_RUNNING, 60000), 0);
	stop();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("notify");
	TCase *tc = tcase_create("notify");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, from_start_to_end);
	tcase_add_test(tc, an_abstract_name);
	tcase_add_test(tc, the_watchdog);
	tcase_add_test(tc, the_watchdog_of_another_process);
	tcase_add_test(tc, never_ready);
	tcase_add_test(tc, nobody_listens);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
