/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing_program.h"

#include <sys/stat.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

char program_dir[4096];

static int
create(const char *path)
{
	int fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* args[0] is the program, below the build directory. */
void
program_start(struct program *p, const char *const *args)
{
	static int number;
	const char *top = getenv("top_builddir");
	const char *argv[8] = {NULL};
	char path[4200];
	int out, err, i;

	number++;
	(void)snprintf(path, sizeof path, "%s/%s", top ? top : ".", args[0]);
	(void)snprintf(p->out, sizeof p->out, "%s/out%d", program_dir, number);
	(void)snprintf(p->err, sizeof p->err, "%s/err%d", program_dir, number);
	for (i = 1; i < 7 && args[i]; i++)
		argv[i] = args[i];
	argv[0] = path;
	out = create(p->out);
	err = create(p->err);
	p->pid = fork();
	ck_assert_int_ge(p->pid, 0);
	if (p->pid > 0) {
		close(out);
		close(err);
		return;
	}
	if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
		_exit(99);
	execv(path, (char *const *)(uintptr_t)argv);
	_exit(98);
}

int
program_end(struct program *p)
{
	int status;

	ck_assert_int_eq(waitpid(p->pid, &status, 0), p->pid);
	ck_assert_msg(WIFEXITED(status), "ended by signal %d",
	              WTERMSIG(status));
	return WEXITSTATUS(status);
}

/* Both outputs, one after the other; free() it. */
char *
program_said(const struct program *p)
{
	size_t out_len, err_len;
	char *out = testing_read(p->out, &out_len);
	char *err = testing_read(p->err, &err_len);

	out = realloc(out, out_len + err_len + 1);
	ck_assert_ptr_nonnull(out);
	memcpy(out + out_len, err, err_len + 1);
	free(err);
	return out;
}

/* It ends with that status and says that. */
void
program_expect(const char *const *args, int status, const char *text)
{
	struct program p;
	char *output;
	int got;

	program_start(&p, args);
	got = program_end(&p);
	output = program_said(&p);
	ck_assert_msg(got == status && strstr(output, text),
	              "%s %s: exit %d: %s", args[0], args[1] ? args[1] : "",
	              got, output);
	free(output);
}

/* -- services */

void
program_port(const char *setting, int *port)
{
	char text[16];

	(void)testing_port_hold("127.0.0.1", port); /* until the test ends */
	(void)snprintf(text, sizeof text, "%d", *port);
	(void)setenv(setting, text, 1);
}

/* Ask until the answer has that status and text. Nobody but the other process
 * knows when that is, so it is asked every 20 ms. */
void
program_await(const char *path, long status, const char *text, struct answer *a)
{
	int64_t until = psm__mono_us() + PROGRAM_DEADLINE_US;

	for (;;) {
		testing_ask("GET", path, a);
		if (a->status == status && strstr(a->body, text))
			return;
		ck_assert_msg(psm__mono_us() < until, "%s: %ld %s", path,
		              a->status, a->body);
		(void)poll(NULL, 0, 20);
	}
}

void
program_service(struct program *p, const char *name, const char *setting)
{
	program_port(setting, &testing_server.port);
	program_start(p, (const char *const[]){name, NULL});
}

void
program_stop(struct program *p)
{
	char *output;
	int status;

	ck_assert_int_eq(kill(p->pid, SIGTERM), 0);
	status = program_end(p);
	output = program_said(p);
	ck_assert_msg(status == 0, "exit %d: %s", status, output);
	free(output);
}

/* A body is sent with any method. */
void
program_send(const char *method, const char *path, const char *body,
             struct answer *a)
{
	CURL *curl = testing_client(method, path, a);
	struct curl_slist *list = curl_slist_append(
	    NULL, strcmp(method, "PATCH") == 0
		      ? "Content-Type: application/merge-patch+json"
		      : "Content-Type: application/json");

	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	testing_perform(curl, a);
	curl_slist_free_all(list);
}

/* -- the surroundings */

static void
take_setting(const psm_config *cfg, const char *name)
{
	(void)setenv(name, psm_config_string(cfg, name), 1);
}

void
program_set_up(void)
{
	psm_config *cfg;
	char folder[4200], command[8400];
	const char *top = getenv("top_srcdir");

	testing_tmpdir(program_dir, sizeof program_dir);
	pg_database();
	cfg = pg_settings();
	take_setting(cfg, "DB_HOST");
	take_setting(cfg, "DB_PORT");
	take_setting(cfg, "DB_NAME");
	take_setting(cfg, "DB_USER");
	take_setting(cfg, "DB_PASSWORD");
	psm_config_free(cfg);
	(void)setenv("PSYMATCH_TRANSPORT", "memory", 1);
	(void)setenv("PSYMATCH_SHUTDOWN_MS", "60000", 1);
	(void)setenv("LOG_LEVEL", "DEBUG", 1);
	/* A copy: the import moves broken files. */
	(void)snprintf(command, sizeof command,
	               "cp -r --no-preserve=mode '%s/examples/data/therapists' "
	               "'%s'",
	               top ? top : ".", program_dir);
	ck_assert_int_eq(system(command), 0);
	(void)snprintf(folder, sizeof folder, "%s/therapists", program_dir);
	(void)setenv("THERAPIST_IMPORT_FOLDER_PATH", folder, 1);
}

void
program_tear_down(void)
{
	testing_remove(program_dir);
}

int
program_main(Suite *(*suite)(void), char **argv)
{
	SRunner *sr;
	int failed;

	pg_main(argv);
	sr = srunner_create(suite());
	curl_global_init(CURL_GLOBAL_DEFAULT);
	failed = testing_run(sr);
	curl_global_cleanup();
	return failed;
}
