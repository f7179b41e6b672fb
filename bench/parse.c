/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading and checking events beside a bare pass of yajl, without a broker.
 * Instructions per event: valgrind --tool=callgrind bench/parse --only 2, with
 * --rounds 1 and with --rounds 3; the difference is that of 2 * count events.
 */
#include "bench.h"

#include <psymatch/psymatch.h>
#include <yajl/yajl_parse.h>

static int
run_yajl(const struct bench_options *o, void *work)
{
	static const yajl_callbacks none;
	const struct bench_events *e = work;
	int ok = 1;
	size_t i;

	bench_begin();
	for (i = 0; i < o->count && ok; i++) {
		yajl_handle h = yajl_alloc(&none, NULL, NULL);

		ok = yajl_parse(h, (const unsigned char *)e->bytes + e->at[i],
		                e->at[i + 1] - e->at[i]) == yajl_status_ok &&
		     yajl_complete_parse(h) == yajl_status_ok;
		yajl_free(h);
	}
	return ok ? 0 : -1;
}

static int
run_psymatch(const struct bench_options *o, void *work)
{
	const struct bench_events *e = work;
	psm_event *ev = NULL;
	size_t i;
	int rc = 0;

	bench_begin();
	for (i = 0; i < o->count && rc == 0; i++) {
		rc = psm_event_parse(e->bytes + e->at[i],
		                     e->at[i + 1] - e->at[i], &ev, NULL);
		psm_event_free(ev);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench_side sides[] = {
	    {.name = "yajl: one pass, no values", .run = run_yajl},
	    {.name = "psymatch: parse + check + free", .run = run_psymatch},
	};
	struct bench_options o = {.count = 100000};
	struct bench_events e = {0};
	int rc;

	bench_options(argc, argv, &o);
	o.bootstrap = "no broker";
	if (bench_events_make(&e, o.count) != 0)
		return 1;
	rc = bench_compare(&o, sides, 2, &e);
	bench_events_free(&e);
	return rc;
}
