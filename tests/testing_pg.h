/* SPDX-License-Identifier: BSD-2-Clause */
/* A database of the test's own in the cluster of build-aux/with-postgres. */
#ifndef TESTING_PG_H
#define TESTING_PG_H

#include <stddef.h>
#include <stdint.h>

#include <psymatch/psymatch.h>

/* First thing in main: runs the program again under with-postgres, unless it
 * runs under one already. Exits 77 where PostgreSQL is not installed. */
void pg_main(char **argv);
/* As pg_main, with a cluster that no other program uses: for tests that stop
 * it. */
void pg_main_private(char **argv);

/* In each test: an empty database, dropped at the end of the process. With
 * TESTING_LOG in the environment the library's log goes to standard error.
 * PSYMATCH_TEST_PG_DEFAULT ("repeatable read", "serializable" or "read only")
 * is then the default of transactions in it, but for those of pg_run(). */
void pg_database(void);
/* The same, but with what pg_template() put there before the tests began, if
 * it was called; migrating takes longer. sets ends with NULL. */
void pg_copy(void);
void pg_template(const char *const *sets);
/* Its commits do not wait for the disk, but for those of connections that are
 * open: for tests that make hundreds. */
void pg_hasty(void);
/* Its name. */
const char *pg_name(void);
/* Settings that lead to it. */
psm_config *pg_settings(void);
/* A store on it, with the set "psymatch" in place. */
psm_store *pg_store(void);

/* All on a connection beside the library's; they abort the test on a failure.
 * The format takes numbers and trusted text. */
void pg_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t pg_int(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The first field of the first row, "" if there is none; free() it. */
char *pg_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* That field is this. */
#define CHECK_TEXT(want, ...)                                                  \
	do {                                                                   \
		char *got_ = pg_text(__VA_ARGS__);                             \
                                                                               \
		ck_assert_str_eq(got_, want);                                  \
		free(got_);                                                    \
	} while (0)
/* An event in a transaction of its own, which ends well if it is handled. */
int pg_handle(psm_store *store, psm_tx_event_fn fn, const psm_event *ev,
              psm_error *err);
/* Ask until the number is want, at most timeout_ms; returns the last answer. */
int64_t pg_wait(int64_t want, int timeout_ms, const char *query);
/* The server waits 5 ms, between two looks at something only it or a statistic
 * can tell. */
void pg_pause(void);
/* Look until condition holds, at most 20 s. */
#define PG_UNTIL(condition)                                                    \
	do {                                                                   \
		int looks = 12000;                                             \
                                                                               \
		while (!(condition) && looks-- > 0)                            \
			pg_pause();                                            \
		ck_assert_msg(looks > 0, "%s", "never: " #condition);          \
	} while (0)

/* The server is away for the library: connections end, new ones are refused. */
void pg_down(void);
void pg_up(void);
/* End all connections whose application_name is like the pattern, and wait
 * until they have ended; how many. */
int pg_kill(const char *pattern);
/* "start", "stop" or "crash" the whole cluster; only after pg_main_private. */
void pg_cluster(const char *action);

/* As pg_main_private, with a second cluster beside the test's. */
void pg_main_pair(char **argv);
/* The directory of the second one's socket. */
const char *pg_other(void);
/* An action of build-aux/with-postgres ctl on the second one. */
void pg_other_cluster(const char *action);

#endif
