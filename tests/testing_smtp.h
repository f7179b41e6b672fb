/* SPDX-License-Identifier: BSD-2-Clause */
/* A real SMTP server, tests/smtp_server.py, in a process of its own. */
#ifndef TESTING_SMTP_H
#define TESTING_SMTP_H

#include "testing.h"

#include <signal.h>
#include <sys/wait.h>

struct smtp_server {
	pid_t pid;
	int in; /* it ends when this is closed */
	int port;
};

/* A Python that has what the server needs, NULL: there is none. The one that
 * the tests use need not be the system's. */
static inline const char *
smtp_python(void)
{
	static char own[256];
	const char *const all[] = {own, "/usr/bin/python3"};
	const char *given = getenv("PYTHON");
	char command[512];

	(void)snprintf(own, sizeof own, "%s", given ? given : "python3");
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(command, sizeof command,
		               "\"%s\" -c 'import aiosmtpd' 2>/dev/null",
		               all[i]);
		if (system(command) == 0)
			return all[i];
	}
	return NULL;
}

static inline struct smtp_server
smtp_start(const char *mode, const char *folder, const char *cert,
           const char *key)
{
	const char *top = getenv("top_srcdir"), *python = smtp_python();
	struct smtp_server s = {.port = 0};
	char script[512];
	int in[2], out[2];
	FILE *f;

	(void)snprintf(script, sizeof script, "%s/tests/smtp_server.py",
	               top ? top : ".");
	ck_assert_ptr_nonnull(python);
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	s.pid = fork();
	if (s.pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		unsetenv("LD_PRELOAD");
		execlp(python, "python3", script, mode, folder, cert, key,
		       (char *)NULL);
		_exit(99);
	}
	close(in[0]);
	close(out[1]);
	s.in = in[1];
	f = fdopen(out[0], "r");
	ck_assert_msg(f && fscanf(f, "%d", &s.port) == 1, "no SMTP server");
	(void)fclose(f);
	return s;
}

static inline void
smtp_stop(struct smtp_server *s)
{
	int status;

	close(s->in);
	ck_assert_int_eq(waitpid(s->pid, &status, 0), s->pid);
}

#endif
