/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs of the build tree as a user runs them, on a database of the test's
 * own. */
#ifndef TESTING_PROGRAM_H
#define TESTING_PROGRAM_H

#include <sys/types.h>

#include "testing_http.h"
#include "testing_pg.h"

#define PROGRAM_DEADLINE_US ((int64_t)60000000)

extern char program_dir[4096]; /* of the test */

struct program {
	pid_t pid;
	char out[4200], err[4200]; /* the files */
};

/* args[0] is the program, below the build directory. */
void program_start(struct program *p, const char *const *args);
/* Its exit status, when it has ended. */
int program_end(struct program *p);
/* Both outputs, one after the other; free() it. */
char *program_said(const struct program *p);
/* It ends with that status and says that. */
void program_expect(const char *const *args, int status, const char *text);

#define EXPECT(status, text, ...)                                              \
	program_expect((const char *const[]){__VA_ARGS__, NULL}, status, text)

/* A port that no other program gets while the test runs. */
void program_port(const char *setting, int *port);
/* Ask until the answer has that status and text. */
void program_await(const char *path, long status, const char *text,
                   struct answer *a);
void program_service(struct program *p, const char *name, const char *setting);
void program_stop(struct program *p);
/* A body is sent with any method. */
void program_send(const char *method, const char *path, const char *body,
                  struct answer *a);

/* What main() returns. */
int program_main(Suite *(*suite)(void), char **argv);

/* Fixtures. */
void program_set_up(void);
void program_tear_down(void);

#endif
