/* SPDX-License-Identifier: BSD-2-Clause */
/* A replay into a processor's handlers: into a schema of its own, and live. */
#include "testing.h"
#include "testing_flow.h"
#include "testing_pg.h"

#include "transport/memory/memory.h"

#include <psymatch/replay.h>

#define SHADOW "Sha\"dow of y"
#define QUOTED "\"Sha\"\"dow of y\""
#define MANY 120
#define WAIT_MS 60000

static psm_replay *r;

static void
setup(void)
{
	flow_setup();
	r = NULL;
	ck_assert_int_eq(psm_replay_new(t, FLOW_TOPIC, &r, err), 0);
}

static void
teardown(void)
{
	psm_replay_free(r);
	flow_teardown();
	pr = NULL;
}

static void
make_shadow(void)
{
	static const char *const tables[] = {"public.effects"};

	ck_assert_msg(psm_store_shadow(st, SHADOW, tables, 1, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(psm_replay_into_schema(r, SHADOW, err), 0);
}

static void
put_many(int first, int last)
{
	int n;

	for (n = first; n <= last; n++)
		flow_put(1 + n % 7, n);
}

/* The live processor handles what there is. */
static void
live(int upto)
{
	flow_start();
	flow_wait_offset(upto);
	flow_stop();
	psm_processor_free(pr);
	pr = NULL;
}

/* fn NULL: flow_handler. */
static int
replay(psm_tx_event_fn fn)
{
	psm_processor *p = flow_processor(st, t, fn ? fn : flow_handler);
	int rc = psm_processor_replay(p, r, WAIT_MS, err);

	ck_assert_int_eq(psm_error_code(err), rc);
	psm_processor_free(p);
	return rc;
}

static int64_t
number(const char *name)
{
	return psm_replay_stat(r, name);
}

/* All that a replay must leave as it is, as one text. */
static char *
rest_of_world(void)
{
	return pg_text(
	    "SELECT md5(concat((SELECT string_agg(e::text, ';' ORDER BY seq) "
	    "FROM effects AS e), (SELECT last_value FROM effects_seq_seq), "
	    "(SELECT string_agg(i::text, ';' ORDER BY event_id) FROM "
	    "psymatch.inbox AS i), (SELECT string_agg(o::text, ';') FROM "
	    "psymatch.consumer_offset AS o), (SELECT string_agg(b::text, ';' "
	    "ORDER BY id) FROM psymatch.outbox AS b), (SELECT count(*) FROM "
	    "psymatch.dead_letter), (SELECT count(*) FROM psymatch.parked)))");
}

/* -- into a schema */

START_TEST(shadow_becomes_equal_to_live)
{
	char *before, *after;

	put_many(1, MANY);
	live(MANY);
	flow_check_effects(MANY);
	before = rest_of_world();
	make_shadow();
	ck_assert_msg(replay(NULL) == 0, "%s", psm_error_message(err));
	ck_assert_int_eq(number("read"), MANY);
	ck_assert_int_eq(number("handled"), MANY);
	ck_assert_int_eq(number("duplicates"), 0);
	ck_assert_int_eq(number("dropped"), MANY);
	ck_assert_int_eq(number("offset"), MANY - 1);
	/* To the number that its own sequence gave. */
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (TABLE public.effects "
	                        "EXCEPT TABLE " QUOTED ".effects) AS d"),
	                 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 MANY);
	/* Once more: all of them are known there. */
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("handled"), 0);
	ck_assert_int_eq(number("duplicates"), MANY);
	ck_assert_int_eq(number("dropped"), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 MANY);
	after = rest_of_world();
	ck_assert_str_eq(before, after);
	free(before);
	free(after);
	/* The connections of the pool write where they always did. */
	put_many(MANY + 1, MANY + 60);
	live(MANY + 60);
	flow_check_effects(MANY + 60);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 MANY);
}
END_TEST

/* What a handler does at the third event, beside what it may do. */
static const char *outside_sql;

static int
on_outside(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_save(tx, ev, e);

	(void)user;
	if (rc == 0 && flow_member(ev, "/n") == 3)
		rc = psm_tx_exec(tx, outside_sql, 0, NULL, NULL, e);
	return rc;
}

/* Whatever way leads there. */
static const struct outside {
	const char *sql, *what; /* NULL: it is allowed */
} outsides[] = {
    {"INSERT INTO public.effects VALUES (-1, gen_random_uuid(), 1, 1)",
     "table public.effects"},
    {"UPDATE public.effects SET n = 0 WHERE n = 99", "table public.effects"},
    {"DELETE FROM public.effects", "table public.effects"},
    {"TRUNCATE public.effects", "table public.effects"},
    {"ALTER TABLE public.effects ADD COLUMN x integer", "table public.effects"},
    {"INSERT INTO elsewhere VALUES (1)", "table public.elsewhere"},
    {"SELECT write_live()", "table public.elsewhere"},
    {"WITH w AS (INSERT INTO public.elsewhere VALUES (1) RETURNING 1) "
     "SELECT * FROM w",
     "table public.elsewhere"},
    {"INSERT INTO late VALUES (1)", "table public.elsewhere"},
    {"SELECT nextval('public.effects_seq_seq')",
     "sequence public.effects_seq_seq"},
    {"SELECT lo_from_bytea(0, 'x')", "table pg_catalog.pg_largeobject"},
    {"INSERT INTO psymatch.inbox (consumer) VALUES ('x')", "failed"},
    {"SELECT count(*) FROM public.effects", NULL},
    {"SELECT * FROM public.effects FOR UPDATE", NULL},
    {"CREATE TEMPORARY TABLE aside (x integer) ON COMMIT DROP", NULL},
    {"UPDATE effects SET n = n", NULL},
};

START_TEST(only_the_schema_is_written_to)
{
	const struct outside *o = &outsides[_i];
	char *before, *after;
	int rc;

	pg_run("CREATE TABLE elsewhere (x integer);"
	       "CREATE FUNCTION write_live() RETURNS void LANGUAGE sql AS "
	       "'INSERT INTO public.elsewhere VALUES (1)'");
	put_many(1, 60);
	live(60);
	make_shadow();
	/* In the shadow: a deferred trigger that writes to a live table. */
	pg_run("CREATE TABLE " QUOTED ".late (x integer);"
	       "CREATE FUNCTION late_live() RETURNS trigger LANGUAGE plpgsql "
	       "AS 'BEGIN INSERT INTO public.elsewhere VALUES (1); RETURN "
	       "NULL; END';"
	       "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON " QUOTED
	       ".late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
	       "FUNCTION late_live()");
	before = rest_of_world();
	outside_sql = o->sql;
	rc = replay(on_outside);
	if (!o->what) {
		ck_assert_msg(rc == 0, "%s", psm_error_message(err));
		ck_assert_int_eq(number("handled"), 60);
	} else if (strcmp(o->what, "failed") == 0) {
		/* The statement was refused: an event like others that fail. */
		ck_assert_int_eq(rc, PSM_ERR_SCHEMA);
		ck_assert_int_eq(number("handled"), 2);
	} else {
		ck_assert_int_eq(rc, PSM_ERR_CONFLICT);
		ck_assert_msg(strstr(psm_error_message(err), o->what) != NULL,
		              "%s", psm_error_message(err));
		ck_assert_int_eq(number("handled"), 0);
		ck_assert_int_eq(
		    pg_int("SELECT count(*) FROM " QUOTED ".effects"), 0);
		ck_assert_int_eq(
		    pg_int("SELECT count(*) FROM " QUOTED ".psymatch_replay"),
		    0);
	}
	after = rest_of_world();
	if (o->what && strncmp(o->what, "sequence", 8) != 0)
		ck_assert_str_eq(before, after);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM elsewhere"), 0);
	free(before);
	free(after);
}
END_TEST

/* -- failures, and going on */

START_TEST(failure_stops_and_the_next_run_goes_on)
{
	put_many(1, MANY);
	make_shadow();
	plan = (struct flow_plan){.bad = 70, .times = -1, .rc = PSM_ERR_REJECT};
	ck_assert_int_eq(replay(NULL), PSM_ERR_REJECT);
	ck_assert_str_eq(psm_error_message(err),
	                 FLOW_TOPIC "[0]:69: as planned");
	ck_assert_int_eq(number("handled"), 69);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_int_eq(number("dropped"), 69);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"), 69);
	plan.times = 0;
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("duplicates"), 69);
	ck_assert_int_eq(number("handled"), MANY - 69);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM (SELECT n, lag(n) OVER "
	                        "(ORDER BY seq) AS before FROM " QUOTED
	                        ".effects) AS o WHERE before >= n"),
	                 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 MANY);
	ck_assert_int_eq(flow_dead_rows(), 0);
}
END_TEST

START_TEST(failures_are_counted_when_allowed)
{
	put_many(1, MANY);
	make_shadow();
	plan = (struct flow_plan){.bad = 70, .times = -1, .rc = PSM_ERR_RETRY};
	ck_assert_int_eq(psm_replay_max_failures(r, 1, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("handled"), MANY - 1);
	ck_assert_int_eq(number("failed"), 1);
	/* Neither its row nor what it emitted. */
	ck_assert_int_eq(number("dropped"), MANY - 1);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM " QUOTED ".effects WHERE n = 70"), 0);
	ck_assert_int_eq(flow_dead_rows(), 0);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 0);
	/* It is not in the inbox: it can be tried again. */
	plan.times = 0;
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("handled"), 1);
}
END_TEST

/* Seen by the commit only, and yet it is known whose fault it is. */
START_TEST(deferred_constraint_names_the_event)
{
	pg_run("ALTER TABLE effects ADD UNIQUE (key) DEFERRABLE INITIALLY "
	       "DEFERRED");
	put_many(1, 7);
	flow_put(3, 8);
	flow_put(8, 9);
	if (_i == 0)
		make_shadow();
	else
		ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(replay(NULL), PSM_ERR_CONFLICT);
	ck_assert_msg(strncmp(psm_error_message(err), FLOW_TOPIC "[0]:7: ",
	                      sizeof FLOW_TOPIC "[0]:7: " - 1) == 0 &&
	                  strstr(psm_error_message(err), "effects_key_key"),
	              "%s", psm_error_message(err));
	ck_assert_int_eq(number("handled"), 7);
	ck_assert_int_eq(number("failed"), 1);
	ck_assert_int_eq(psm_replay_max_failures(r, 1, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("duplicates"), 7);
	ck_assert_int_eq(number("handled"), 1);
	ck_assert_int_eq(number("failed"), 1);
}
END_TEST

static int cut_at;

static int
on_cut(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)user;
	if (cut_at == flow_member(ev, "/n")) {
		cut_at = 0;
		(void)pg_kill("psymatch%");
	}
	return flow_save(tx, ev, e);
}

START_TEST(interrupted_replay_doubles_nothing)
{
	put_many(1, MANY);
	make_shadow();
	cut_at = 77;
	ck_assert_int_eq(replay(on_cut), PSM_ERR_DB);
	/* The first batch is kept, the second one is not. */
	ck_assert_int_eq(number("handled"), PSM__BATCH_MAX);
	ck_assert_int_eq(number("failed"), 0);
	ck_assert_int_eq(number("offset"), 76);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 PSM__BATCH_MAX);
	ck_assert_int_eq(replay(on_cut), 0);
	ck_assert_int_eq(number("handled"), MANY - PSM__BATCH_MAX);
	ck_assert_int_eq(number("duplicates"), PSM__BATCH_MAX);
	ck_assert_int_eq(
	    pg_int("SELECT count(DISTINCT n) FROM " QUOTED ".effects"), MANY);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM " QUOTED ".effects"),
	                 MANY);
}
END_TEST

static int down_at;

static int
on_down(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	(void)user;
	if (down_at == flow_member(ev, "/n"))
		psm__memory_set_down(t, 1);
	return flow_save(tx, ev, e);
}

/* Sees that what was handled is committed, then ends the outage. */
static void *
end_outage(void *arg)
{
	int64_t *seen = arg;

	*seen = pg_wait(7, 60000, "SELECT count(*) FROM " QUOTED ".effects");
	psm__memory_set_down(t, 0);
	return NULL;
}

/* While no message comes, no transaction is kept open. */
START_TEST(outage_of_the_broker_keeps_no_transaction)
{
	psm_processor *p = flow_processor(st, t, on_down);
	pthread_t thread;
	int64_t seen = 0;

	put_many(1, 20);
	make_shadow();
	down_at = 7;
	ck_assert_int_eq(psm_processor_replay(p, r, 300, err), PSM_ERR_TIMEOUT);
	ck_assert_int_eq(number("handled"), 7);
	pg_run("TRUNCATE " QUOTED ".effects, " QUOTED ".psymatch_replay");
	psm__memory_set_down(t, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, end_outage, &seen), 0);
	ck_assert_int_eq(psm_processor_replay(p, r, 20000, err), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(seen, 7);
	ck_assert_int_eq(number("handled"), 20);
	psm_processor_free(p);
}
END_TEST

/* -- effects that are not SQL */

static int mails;

/* Sends a mail and forgets to ask, or asks. */
static int
on_mail(psm_tx *tx, const psm_event *ev, void *user, psm_error *e)
{
	int rc = flow_save(tx, ev, e);

	if (rc < 0 || (user && psm_event_is_replay(ev)))
		return rc;
	rc = psm_replay_guard("mail", e);
	if (rc == 0)
		mails++;
	return rc;
}

START_TEST(no_mail_is_sent_by_a_replay)
{
	static int asks;
	psm_processor *p;

	mails = 0;
	put_many(1, 10);
	p = flow_processor(st, t, on_mail);
	ck_assert_int_eq(psm_processor_start(p, err), 0);
	flow_wait_offset(10);
	ck_assert_int_eq(psm_processor_stop(p, WAIT_MS, err), 0);
	psm_processor_free(p);
	ck_assert_int_eq(mails, 10);
	make_shadow();
	ck_assert_int_eq(replay(on_mail), PSM_ERR_STATE);
	ck_assert_str_eq(psm_error_message(err),
	                 FLOW_TOPIC "[0]:0: mail: not in a replay, ask "
	                            "psm_event_is_replay before");
	ck_assert_int_eq(mails, 10);
	ck_assert_int_eq(psm_replay_active(), 0);
	/* One that asks goes through. */
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &p, err), 0);
	ck_assert_int_eq(psm_processor_on(p, "communication.send_email",
	                                  on_mail, &asks, err),
	                 0);
	ck_assert_int_eq(psm_processor_replay(p, r, WAIT_MS, err), 0);
	psm_processor_free(p);
	ck_assert_int_eq(number("handled"), 10);
	ck_assert_int_eq(mails, 10);
}
END_TEST

/* -- into the live tables */

/* Its transactions would have no end. */
START_TEST(refuses_to_follow)
{
	ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(psm_replay_follow(r, err), 0);
	ck_assert_int_eq(replay(NULL), PSM_ERR_STATE);
	ck_assert_str_eq(psm_error_message(err),
	                 "replay: want one with an end, found "
	                 "psm_replay_follow");
}
END_TEST

START_TEST(live_needs_to_be_said_and_is_done_once)
{
	put_many(1, 60);
	live(30 + 30);
	/* Nobody said where to. */
	ck_assert_int_eq(replay(NULL), PSM_ERR_STATE);
	ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("duplicates"), 60);
	flow_check_effects(60);
	/* What the inbox has forgotten is handled again, but nothing is sent.
	 */
	pg_run("DELETE FROM psymatch.inbox WHERE event_id IN (SELECT event_id "
	       "FROM effects WHERE n > 55)");
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("duplicates"), 55);
	ck_assert_int_eq(number("handled"), 5);
	ck_assert_int_eq(number("dropped"), 5);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 65);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.outbox"), 60);
	ck_assert_int_eq(pg_int("SELECT sum(next) FROM "
	                        "psymatch.consumer_offset"),
	                 60);
	/* The live one goes on where it was. */
	put_many(61, 70);
	live(70);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 75);
}
END_TEST

START_TEST(live_does_not_overtake_parked_events)
{
	put_many(1, 20);
	plan = (struct flow_plan){.bad = 8, .times = -1, .rc = PSM_ERR_RETRY};
	pr = flow_processor_with(PSM_ON_FAILURE_PARK, 0, flow_handler);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	flow_wait_offset(20);
	flow_stop();
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 2);
	/* 8 and 15 are parked, 1 is of their key. */
	pg_run("DELETE FROM psymatch.inbox");
	plan.times = 0;
	ck_assert_int_eq(psm_replay_into_live(r, err), 0);
	ck_assert_int_eq(psm_replay_max_failures(r, 3, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("failed"), 3);
	ck_assert_int_eq(number("handled"), 17);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM psymatch.parked"), 2);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM effects WHERE n IN (8, 15)"), 0);
}
END_TEST

/* -- what is read */

static int
up(const psm_event *old, psm_event **out, void *user, psm_error *e)
{
	char payload[64];

	(void)user;
	(void)snprintf(payload, sizeof payload, "{\"email_id\":%d,\"n\":%d}",
	               flow_member(old, "/email_id"),
	               flow_member(old, "/n") + 100);
	return psm_event_upcast(old, "1.1", payload, strlen(payload), out, e);
}

START_TEST(upcasters_and_ranges_hold)
{
	psm_handler_options *o = NULL;
	char *text;
	int n;

	for (n = 1; n <= 4; n++) {
		text = flow_event(n, n, NULL, n % 2 ? "1.0" : "1.1");
		flow_put_raw(t, "k", text, strlen(text));
		free(text);
	}
	make_shadow();
	ck_assert_int_eq(psm_handler_options_new(&o, err), 0);
	ck_assert_int_eq(psm_handler_options_versions(o, "1.1", "1.1", err), 0);
	ck_assert_int_eq(psm_processor_new(st, t, cfg, FLOW_NAME, &pr, err), 0);
	ck_assert_int_eq(psm_processor_replay(pr, r, WAIT_MS, err),
	                 PSM_ERR_STATE); /* without a handler */
	ck_assert_int_eq(psm_processor_on_with(pr, "communication.send_email",
	                                       o, flow_handler, NULL, err),
	                 0);
	psm_handler_options_free(o);
	ck_assert_int_eq(psm_processor_replay(pr, r, WAIT_MS, err),
	                 PSM_ERR_VERSION);
	ck_assert_int_eq(psm_processor_upcast(pr, "communication.send_email",
	                                      "1.0", "1.1", up, NULL, err),
	                 0);
	ck_assert_int_eq(psm_processor_replay(pr, r, WAIT_MS, err), 0);
	ck_assert_int_eq(number("handled"), 4);
	ck_assert_int_eq(pg_int("SELECT sum(n) FROM " QUOTED ".effects"),
	                 101 + 2 + 103 + 4);
	/* Not while it works for itself. */
	ck_assert_int_eq(psm_processor_subscribe(pr, FLOW_TOPIC, err), 0);
	ck_assert_int_eq(psm_processor_start(pr, err), 0);
	ck_assert_int_eq(psm_processor_replay(pr, r, WAIT_MS, err),
	                 PSM_ERR_STATE);
	flow_wait_offset(4);
	flow_stop();
}
END_TEST

START_TEST(offsets_and_keys_are_chosen)
{
	put_many(1, MANY);
	make_shadow();
	ck_assert_int_eq(psm_replay_offsets(r, 0, 9, 100, err), 0);
	ck_assert_int_eq(
	    psm_replay_only(r, "communication.send_email", "3", 1, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	/* n from 10 to 100 with n % 7 = 2. */
	ck_assert_int_eq(number("handled"), 13);
	ck_assert_int_eq(number("skipped"), 91 - 13);
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM " QUOTED ".effects WHERE key = 3"),
	    13);
	/* The rest later, into the same schema. */
	ck_assert_int_eq(psm_replay_offsets(r, 0, 0, INT64_MAX, err), 0);
	ck_assert_int_eq(psm_replay_only(r, NULL, NULL, 0, err), 0);
	ck_assert_int_eq(replay(NULL), 0);
	ck_assert_int_eq(number("handled"), MANY - 13);
	ck_assert_int_eq(number("duplicates"), 13);
}
END_TEST

/* -- the schema */

START_TEST(schema_is_made_and_dropped)
{
	static const char *const good[] = {"kinds", "\"Odd Name\".\"T b\""};
	static const char *const none[] = {"nowhere.nothing"};
	static const char *const null[] = {NULL};

	pg_run("CREATE SCHEMA \"Odd Name\";"
	       "CREATE TABLE \"Odd Name\".\"T b\" (\"Id\" serial UNIQUE, "
	       "t text CHECK (t <> 'x'));"
	       "CREATE TABLE kinds (i integer GENERATED ALWAYS AS IDENTITY, "
	       "b bigserial, d date DEFAULT '2026-01-01', PRIMARY KEY (i))");
	ck_assert_int_eq(psm_store_shadow(st, SHADOW, good, 2, err), 0);
	ck_assert_int_eq(pg_int("WITH a AS (INSERT INTO " QUOTED
	                        ".\"T b\" (t) VALUES ('y') RETURNING 1), "
	                        "b AS (INSERT INTO " QUOTED
	                        ".kinds DEFAULT VALUES RETURNING i, b) "
	                        "SELECT i + b FROM a, b"),
	                 2);
	/* The live sequences were not asked. */
	ck_assert_int_eq(
	    pg_int("SELECT count(*) FROM pg_sequences WHERE schemaname IN "
	           "('public', 'Odd Name') AND last_value IS NOT NULL"),
	    0);
	ck_assert_int_eq(psm_store_shadow(st, SHADOW, good, 2, err),
	                 PSM_ERR_CONFLICT);
	ck_assert_int_eq(psm_store_shadow_drop(st, SHADOW, err), 0);
	ck_assert_int_eq(psm_store_shadow_drop(st, SHADOW, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_store_shadow(st, SHADOW, none, 1, err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM pg_namespace WHERE "
	                        "nspname LIKE 'Sha%%'"),
	                 0);
	ck_assert_int_eq(psm_store_shadow(st, SHADOW, NULL, 0, err), 0);
	ck_assert_int_eq(psm_store_shadow(st, "pg_x", NULL, 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_shadow(st, "", NULL, 0, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_shadow(st, "x", null, 1, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_shadow(NULL, "x", NULL, 0, err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_store_shadow_drop(st, NULL, err), PSM_ERR_INVAL);
	/* One that is not ours is neither dropped nor written to. */
	ck_assert_int_eq(psm_store_shadow_drop(st, "public", err),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_replay_into_schema(r, "nowhere", err), 0);
	ck_assert_int_eq(replay(NULL), PSM_ERR_NOT_FOUND); /* of nothing */
	put_many(1, 3);
	ck_assert_int_eq(psm_replay_into_schema(r, "public", err), 0);
	ck_assert_int_eq(replay(NULL), PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_replay_into_schema(r, "nowhere", err), 0);
	ck_assert_int_eq(replay(NULL), PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(pg_int("SELECT count(*) FROM effects"), 0);
	ck_assert_int_eq(psm_processor_replay(NULL, r, 1, err), PSM_ERR_INVAL);
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *s = suite_create("replay_tx");
	TCase *tc = tcase_create("replay_tx");

	(void)argc;
	pg_main(argv);
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, shadow_becomes_equal_to_live);
	tcase_add_loop_test(tc, only_the_schema_is_written_to, 0,
	                    PSM__COUNT(outsides));
	tcase_add_test(tc, failure_stops_and_the_next_run_goes_on);
	tcase_add_test(tc, failures_are_counted_when_allowed);
	tcase_add_loop_test(tc, deferred_constraint_names_the_event, 0, 2);
	tcase_add_test(tc, interrupted_replay_doubles_nothing);
	tcase_add_test(tc, outage_of_the_broker_keeps_no_transaction);
	tcase_add_test(tc, no_mail_is_sent_by_a_replay);
	tcase_add_test(tc, refuses_to_follow);
	tcase_add_test(tc, live_needs_to_be_said_and_is_done_once);
	tcase_add_test(tc, live_does_not_overtake_parked_events);
	tcase_add_test(tc, upcasters_and_ranges_hold);
	tcase_add_test(tc, offsets_and_keys_are_chosen);
	tcase_add_test(tc, schema_is_made_and_dropped);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
