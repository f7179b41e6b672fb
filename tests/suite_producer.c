/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The promises of the producer on every transport. A pNN test is named after
 * the fault of another platform's producer that it shows to be impossible:
 * p01 the rest of a batch lost behind a refused event, p02 one oversized event
 * that blocks all, p03 an event that nobody can write, queued for ever, p04 new
 * events overtake queued ones, p05 an event stored twice after a stall, p06
 * events lost between threads, p07 events lost with the process, p08 a queue
 * without end, p09 a send that waits for the broker, p10 one answer for two
 * outcomes, p14 "sent" that is not on disk, p15 outages that leave threads and
 * descriptors behind or are noticed by senders only, p16 order by row instead
 * of by aggregate.
 */
#include "testing_rows.h"

#include "transport/memory/memory.h"

#include <ftw.h>
#include <signal.h>
#include <sys/wait.h>

/* -- the rows -- */

START_TEST(p01_refused_in_the_middle_loses_nothing)
{
	psm_producer *p = start();

	send_range(p, 0, 10, 4);
	flush(p);
	rig->set_down(transport, 1);
	send_range(p, 10, 100, 4);
	/* Time to hand them over. */
	ck_assert_int_eq(psm_producer_flush(p, 200, NULL, NULL),
	                 PSM_ERR_TIMEOUT);
	if (rig->fail_next)
		rig->fail_next(transport, 3, PSM_ERR_RETRY);
	rig->set_down(transport, 0);
	send_range(p, 100, 200, 4);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 200);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 0);
	end(p);
	heard_each_once(200);
	ck_assert_int_eq(heard.ok, 200);
	arrived(200);
}
END_TEST

/* The same while events keep coming, so that there is always something on its
 * way behind the one that is refused. */
START_TEST(p01_order_survives_refusals_under_load)
{
	psm_producer *p = start();
	int n = 0;

	for (int round = 0; round < 6; round++) {
		send_range(p, n, n + 150, 3);
		n += 150;
		rig->fail_next(transport, 1, PSM_ERR_RETRY);
		send_range(p, n, n + 150, 3);
		n += 150;
	}
	flush(p);
	end(p);
	heard_each_once(n);
	ck_assert_int_eq(heard.ok, n);
	arrived(n);
}
END_TEST

START_TEST(p02_oversized_event_blocks_nobody)
{
	static const char *const small[] = {"PSYMATCH_EVENT_MAX_BYTES", "20000",
	                                    NULL};
	psm_producer *p;
	char *payload = malloc(30000);
	psm_event *ev = NULL;
	int len;

	ck_assert_ptr_nonnull(payload);
	len = snprintf(payload, 30000, "{\"patient_id\":1,\"x\":\"%025000d\"}",
	               7);
	ck_assert_int_eq(psm_event_new("patient.deleted", "test", payload,
	                               (size_t)len, &ev, NULL),
	                 0);
	transport = rig->open();
	p = start_on(transport, dir, small);
	ck_assert_int_eq(psm_producer_send(p, TOPIC, ev, NULL),
	                 PSM_ERR_TOO_LARGE);
	ck_assert_int_eq(psm_producer_stat(p, "queued"), 0);
	send_range(p, 0, 20, 2);
	flush(p);
	end(p);
	heard_each_once(20);
	psm_event_free(ev);
	free(payload);
	arrived(20);
}
END_TEST

/* The broker's own limit is met by a request with many events: only the one to
 * blame is refused. */
START_TEST(p02_refused_request_costs_no_neighbour)
{
	psm_producer *p = start();

	rig->set_down(transport, 1);
	send_range(p, 0, 30, 1);
	rig->fail_next(transport, rig->by_batch ? 2 : 1, PSM_ERR_TOO_LARGE);
	rig->set_down(transport, 0);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "failed"), 1);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 29);
	end(p);
	heard_each_once(30);
	ck_assert_int_eq(heard.refused, 1);
	read_all(29);
	ck_assert_int_eq(seen.times[0], 0);
	rig->close(transport);
}
END_TEST

START_TEST(p03_what_cannot_be_written_is_an_error_at_once)
{
	static const struct {
		const char *payload;
		int rc;
	} bad[] = {
	    {"{\"patient_id\":1,\"x\":NaN}", PSM_ERR_PARSE},
	    {"{\"patient_id\":1,\"x\":\"\xff\xfe\"}", PSM_ERR_PARSE},
	    {"{\"patient_id\":1", PSM_ERR_PARSE},
	    {"{\"patient_id\":\"one\"}", PSM_ERR_SCHEMA},
	    {"{}", PSM_ERR_SCHEMA},
	};
	psm_producer *p = start();

	for (size_t i = 0; i < PSM__COUNT(bad); i++) {
		psm_event *ev = (psm_event *)p;

		ck_assert_int_eq(
		    psm_event_new("patient.deleted", "test", bad[i].payload,
		                  strlen(bad[i].payload), &ev, NULL),
		    bad[i].rc);
		ck_assert_ptr_null(ev);
		ck_assert_int_eq(psm_producer_send(p, TOPIC, ev, NULL),
		                 PSM_ERR_INVAL);
	}
	ck_assert_int_eq(psm_producer_stat(p, "queued"), 0);
	ck_assert_int_eq(psm_producer_stat(p, "accepted"), 0);
	send_range(p, 0, 5, 1);
	end(p);
	heard_each_once(5);
	arrived(5);
}
END_TEST

START_TEST(p04_new_event_waits_behind_queued)
{
	psm_producer *p = start();
	int n = 0;

	for (int round = 0; round < (rig->slow ? 2 : 20); round++) {
		rig->set_down(transport, 1);
		send_range(p, n, n + 21, 2);
		n += 21;
		rig->set_down(transport, 0);
		send_range(p, n, n + 21, 2);
		n += 21;
	}
	flush(p);
	end(p);
	heard_each_once(n);
	arrived(n);
}
END_TEST

START_TEST(p05_a_stall_doubles_no_effect)
{
	psm_producer *p = start();
	size_t left = 0;

	send_range(p, 0, 10, 1);
	flush(p);
	rig->set_down(transport, 1);
	send_range(p, 10, 40, 1);
	ck_assert_int_eq(psm_producer_flush(p, 1500, &left, NULL),
	                 PSM_ERR_TIMEOUT);
	ck_assert_uint_eq(left, 30);
	rig->set_down(transport, 0);
	flush(p);
	end(p);
	heard_each_once(40);
	arrived(40);
}
END_TEST

#define WRITERS 4
#define PER_WRITER 1000

static void *
write_events(void *arg)
{
	psm_producer *p = arg;
	static int next_writer;
	int writer = __atomic_fetch_add(&next_writer, 1, __ATOMIC_RELAXED);

	for (int i = 0; i < PER_WRITER; i++)
		must(try_send(p, writer, i * WRITERS + writer) == 0);
	return NULL;
}

START_TEST(p06_writers_against_the_draining_thread)
{
	psm_producer *p = start();
	pthread_t threads[WRITERS];
	int i;

	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, write_events, p), 0);
	for (i = 0; i < (rig->slow ? 1 : 10); i++) {
		rig->set_down(transport, 1);
		rig->set_down(transport, 0);
	}
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	flush(p);
	end(p);
	heard_each_once(WRITERS * PER_WRITER);
	arrived(WRITERS * PER_WRITER);
}
END_TEST

/* The child is killed while nothing can be sent. */
static void
send_and_die(void)
{
	psm_transport *t = NULL;
	psm_producer *p;

	must(psm_transport_memory(1, &t, NULL) == 0);
	psm__memory_set_down(t, 1);
	p = start_on(t, dir, NULL);
	for (int n = 0; n < 200; n++)
		must(try_send(p, n % 3, n) == 0);
	(void)raise(SIGKILL);
	abort();
}

START_TEST(p07_killed_while_the_broker_is_away)
{
	psm_producer *p;
	int status = 0;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		send_and_die();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	p = start();
	send_range(p, 200, 210, 3);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "damaged"), 0);
	end(p);
	heard_each_once(210);
	arrived(210);
}
END_TEST

/* -- the same with an encrypted spool */

static int marks; /* files of the spool with "patient_id" in them */

static int
look_for_marks(const char *path, const struct stat *st, int type,
               struct FTW *ftw)
{
	size_t len = (size_t)st->st_size, got;
	char *bytes;
	FILE *f;

	(void)ftw;
	if (type != FTW_F || len == 0)
		return 0;
	bytes = malloc(len);
	f = fopen(path, "rb");
	must(bytes && f);
	got = fread(bytes, 1, len, f);
	fclose(f);
	marks += memmem(bytes, got, "patient_id", 10) != NULL;
	free(bytes);
	return 0;
}

/* Events of two keys and two processes, some of them from before there was a
 * key: all arrive as always, and none can be read in the files. */
START_TEST(p07_encrypted_spool_loses_nothing)
{
	char key_path[300];
	const char *const with_key[] = {"PSYMATCH_SPOOL_KEY_FILE", key_path,
	                                NULL};
	psm_producer *p;
	FILE *f;

	snprintf(key_path, sizeof(key_path), "%s.key", dir);
	f = fopen(key_path, "w");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "%064x\n", 7);
	fclose(f);
	ck_assert_int_eq(chmod(key_path, 0600), 0);
	transport = rig->open();
	rig->set_down(transport, 1);
	p = start_on(transport, dir, NULL);
	send_range(p, 0, 20, 4);
	psm_producer_free(p);
	p = start_on(transport, dir, with_key);
	send_range(p, 20, 200, 4);
	psm_producer_free(p);
	ck_assert_int_eq(nftw(dir, look_for_marks, 16, FTW_PHYS), 0);
	ck_assert_int_eq(marks, 1); /* of before */
	heard.count = heard.closed = 0;
	rig->set_down(transport, 0);
	p = start_on(transport, dir, with_key);
	send_range(p, 200, 300, 4);
	flush(p);
	send_range(p, 300, 310, 4);
	flush(p);
	ck_assert_int_eq(psm_producer_stat(p, "sent"), 310);
	ck_assert_int_eq(psm_producer_stat(p, "damaged"), 0);
	marks = 0;
	ck_assert_int_eq(nftw(dir, look_for_marks, 16, FTW_PHYS), 0);
	ck_assert_int_eq(marks, 0);
	end(p);
	ck_assert_int_eq(unlink(key_path), 0);
	heard_each_once(310);
	arrived(310);
}
END_TEST

Suite *
suite_producer(const struct bus_rig *with)
{
	Suite *s = suite_create("producer on a transport");
	TCase *tc = tcase_create("rows");

	rig = with;
	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, p01_refused_in_the_middle_loses_nothing);
	tcase_add_test(tc, p02_oversized_event_blocks_nobody);
	if (rig->fail_next) {
		tcase_add_test(tc, p01_order_survives_refusals_under_load);
		tcase_add_test(tc, p02_refused_request_costs_no_neighbour);
	}
	tcase_add_test(tc, p03_what_cannot_be_written_is_an_error_at_once);
	tcase_add_test(tc, p04_new_event_waits_behind_queued);
	tcase_add_test(tc, p05_a_stall_doubles_no_effect);
	tcase_add_test(tc, p06_writers_against_the_draining_thread);
	tcase_add_test(tc, p07_killed_while_the_broker_is_away);
	tcase_add_test(tc, p07_encrypted_spool_loses_nothing);
	suite_add_tcase(s, tc);
	suite_producer_limits(s, with);
	return s;
}
