/* SPDX-License-Identifier: BSD-2-Clause */
/* The states of a consumer: the table of moves, walked whole, and what a call
 * hears in each of them. */
#include "testing.h"

#include <psymatch/transport.h>

#include "client/consumer/consumer_int.h"

/* Row: from; column: to, in the order of the enum. */
static const char *const moves[PSM__N_C_STATES] = {
    [PSM__C_NEW] = "-xx---x-",     [PSM__C_OPENING] = "x---xx--",
    [PSM__C_POLLING] = "x--x-x--", [PSM__C_POLLED] = "--x---x-",
    [PSM__C_RUNNING] = "-----x--", [PSM__C_STOPPING] = "------x-",
    [PSM__C_STOPPED] = "-------x", [PSM__C_CLOSED] = "--------",
};

START_TEST(each_pair)
{
	int to;

	for (to = 0; to < PSM__N_C_STATES; to++)
		ck_assert_int_eq(
		    psm__consumer_may_move((enum psm__consumer_state)_i,
		                           (enum psm__consumer_state)to),
		    moves[_i][to] == 'x');
}
END_TEST

static const struct path {
	const char *calls; /* p: poll, s: start, c: close; capital: refused */
	enum psm__consumer_state end;
} paths[] = {
    {"", PSM__C_NEW},       {"p", PSM__C_POLLED},   {"pp", PSM__C_POLLED},
    {"pS", PSM__C_POLLED},  {"s", PSM__C_RUNNING},  {"sS", PSM__C_RUNNING},
    {"sP", PSM__C_RUNNING}, {"c", PSM__C_CLOSED},   {"pc", PSM__C_CLOSED},
    {"sc", PSM__C_CLOSED},  {"pcc", PSM__C_CLOSED}, {"scP", PSM__C_CLOSED},
    {"cS", PSM__C_CLOSED},
};

START_TEST(calls_in_each_state)
{
	const char *call = paths[_i].calls;
	psm_config *cfg = NULL;
	psm_transport *t = NULL;
	psm_consumer *c = NULL;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	ck_assert_int_eq(psm_transport_memory(1, &t, NULL), 0);
	ck_assert_int_eq(psm_consumer_new(t, cfg, "g", &c, NULL), 0);
	ck_assert_int_eq(psm_consumer_subscribe(c, "t", NULL), 0);
	for (; *call; call++) {
		int rc = *call == 'p' || *call == 'P'
		             ? psm_consumer_poll(c, 0, NULL)
		         : *call == 's' || *call == 'S'
		             ? psm_consumer_start(c, NULL)
		             : psm_consumer_close(c, 5000, NULL);

		ck_assert_int_eq(rc, *call < 'a' ? PSM_ERR_STATE : 0);
	}
	ck_assert_int_eq((int)__atomic_load_n(&c->state, __ATOMIC_ACQUIRE),
	                 (int)paths[_i].end);
	psm_consumer_free(c);
	psm_transport_unref(t);
	psm_config_free(cfg);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("consumer states");
	TCase *tc = tcase_create("states");

	tcase_add_loop_test(tc, each_pair, 0, PSM__N_C_STATES);
	tcase_add_loop_test(tc, calls_in_each_state, 0, (int)PSM__COUNT(paths));
	suite_add_tcase(suite, tc);
	return testing_run(srunner_create(suite));
}
