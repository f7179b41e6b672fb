/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of the queue of e-mails share: a clock, and a sender. */
#ifndef TESTING_MAIL_H
#define TESTING_MAIL_H

#include "app/mail.h"
#include "testing_app.h"

#include <stdatomic.h>

#define MAILS "communication_service.emails"
#define SECOND INT64_C(1000000)

/* -- the clock */

static _Atomic int64_t now_us;

static inline int64_t
clock_fn(void *user)
{
	(void)user;
	return now_us;
}

/* -- a sender */

#define MAILS_MAX 64
static _Atomic int calls[MAILS_MAX]; /* by the mail's number */
static _Atomic int all_calls;
static int answer;                   /* what the sender returns */
static void (*_Atomic within)(void); /* what happens while it sends, once */

static inline int64_t
number_of(const char *mail)
{
	psm_json *doc = NULL;
	int64_t id = 0;

	ck_assert_int_eq(psm_json_parse(mail, strlen(mail), &doc, NULL), 0);
	ck_assert_int_eq(psm_json_get_int(psm_json_at(doc, "/id"), &id, NULL),
	                 0);
	psm_json_free(doc);
	return id;
}

static inline int
send_fn(const char *mail, void *user, psm_error *e)
{
	int64_t id = number_of(mail);
	void (*then)(void);

	(void)user;
	ck_assert_int_lt(id, MAILS_MAX);
	calls[id]++;
	all_calls++;
	then = atomic_exchange(&within, NULL);
	if (then != NULL)
		then();
	if (answer < 0)
		psm_error_set(e, answer, "550 no such user");
	return answer;
}

/* -- setting up */

/* A store with settings of its own. */
static inline psm_store *
open_store(const char *name, const char *value)
{
	psm_config *cfg = pg_settings();
	psm_store *own = NULL;

	OK(psm_config_set(cfg, name, value, err));
	OK(psm_store_open(cfg, &own, err));
	psm_config_free(cfg);
	return own;
}

static inline void
use(const char *name, const char *value)
{
	psm_store *own = open_store(name, value);

	psm_store_free(st);
	st = own;
}

static inline void
setup(void)
{
	app_setup();
	now_us = psm_now_us();
	psm_set_clock(clock_fn, NULL);
	answer = 0;
	within = NULL;
}

static inline void
teardown(void)
{
	psm_set_clock(NULL, NULL);
	app_teardown();
}

static inline void
queue_mails(int count)
{
	static const char json[] =
	    "{\"betreff\":\"Anfrage - Ref: A12\",\"empfaenger_email\":"
	    "\"p@example.org\",\"empfaenger_name\":\"P\",\"therapist_id\":7,"
	    "\"inhalt_text\":\"x\",\"status\":\"In_Warteschlange\"}";

	while (count-- > 0) {
		OK(psm_mail_create(st, json, strlen(json), NULL, NULL, NULL,
		                   err));
		now_us += SECOND;
	}
}

static inline int
run(void)
{
	int rc = psm_mail_queue_run(st, send_fn, NULL, err);

	ck_assert_msg(rc >= 0, "%s", psm_error_message(err));
	return rc;
}

static inline int64_t
in_state(const char *state)
{
	return pg_int("SELECT count(*) FROM " MAILS " WHERE status = '%s'",
	              state);
}

static inline void
check_column(const char *column, const char *want)
{
	char *got = pg_text("SELECT coalesce(%s::text, 'null') FROM " MAILS
	                    " WHERE id = 1",
	                    column);

	ck_assert_str_eq(got, want);
	free(got);
}

#endif
