/* SPDX-License-Identifier: BSD-2-Clause */
/* psymatch-events, called on a database of the test's own. */
#ifndef TESTING_EVENTS_H
#define TESTING_EVENTS_H

#include <stdlib.h>
#include <string.h>

#include "mock.h"
#include "rigs.h"
#include "testing.h"
#include "testing_pg.h"

#define TOPIC "communication-events"
#define SEND "psymatch-events' send search.status_changed"
#define PAYLOAD(n)                                                             \
	"{\"search_id\":" #n ",\"patient_id\":3,\"old_status\":null,"          \
	"\"new_status\":\"aktiv\"}"

static psm_transport *t;
static char builddir[4096];
/* What the last call printed, standard error behind standard output. */
static char out[40000];

static void
setup(void)
{
	pg_database();
	ck_assert_int_eq(setenv("DB_NAME", pg_name(), 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_TRANSPORT", "postgres", 1), 0);
	ck_assert_int_eq(setenv("PSYMATCH_SPOOL_DIR", "none", 1), 0);
	ck_assert_ptr_nonnull(realpath(
	    getenv("top_builddir") ? getenv("top_builddir") : ".", builddir));
	t = rig_postgres.open(TOPIC);
}

static void
teardown(void)
{
	rig_postgres.close(t);
}

/* Returns the exit status of: input | 'builddir/' args. */
static inline int
call(const char *input, const char *args)
{
	char command[16384];

	(void)snprintf(command, sizeof command,
	               "printf '%%s' '%s' | { '%s/%s; } 2>&1", input, builddir,
	               args);
	return testing_shell(command, out, sizeof out);
}

static inline int
lines(void)
{
	const char *at;
	int n = 0;

	for (at = out; (at = strchr(at, '\n')); at++)
		n++;
	return n;
}

#define SAID(text) ck_assert_msg(strstr(out, text) != NULL, "%s", out)

static inline int
on_event(const psm_event *ev, void *user, psm_error *err)
{
	(void)ev;
	(void)user;
	(void)err;
	return 0;
}

/* The group "reader" reads what there is, which is one event. */
static inline void
read_one(psm_transport *from, const psm_config *cfg)
{
	psm_consumer *c = NULL;
	int64_t lag = -1;

	ck_assert_int_eq(psm_consumer_new(from, cfg, "reader", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, "matching-events", NULL), 0);
	ck_assert_int_eq(
	    psm_consumer_on(c, "search.status_changed", on_event, NULL, NULL),
	    0);
	while (psm_transport_lag(from, "reader", 20000, &lag, NULL) < 0 ||
	       lag > 0)
		ck_assert_int_ge(psm_consumer_poll(c, 100, NULL), 0);
	ck_assert_int_eq(psm_consumer_close(c, 30000, NULL), 0);
	psm_consumer_free(c);
}

#endif
