/* SPDX-License-Identifier: BSD-2-Clause */
#include "suite_bus.h"
#include "testing_pg.h"

static psm_transport *
open_postgres(void)
{
	psm_config *cfg;
	psm_transport *t = NULL;
	psm_error *err = psm_error_new();
	char partitions[16];

	pg_database();
	cfg = pg_settings();
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_TRANSPORT", "postgres", NULL), 0);
	(void)snprintf(partitions, sizeof partitions, "%d", bus_partitions);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_PG_PARTITIONS", partitions, NULL), 0);
	ck_assert_msg(psm_transport_open(cfg, &t, err) == 0, "%s",
	              psm_error_message(err));
	psm_config_free(cfg);
	psm_error_free(err);
	return t;
}

static void
set_down(psm_transport *t, int down)
{
	(void)t;
	if (down)
		pg_down();
	else
		pg_up();
}

static const struct bus_rig postgres_rig = {
    .name = "bus on postgres",
    .open = open_postgres,
    .set_down = set_down,
    .close = psm_transport_unref,
    .slow = 1,
    .outages = 300,
};

int
main(int argc, char **argv)
{
	SRunner *sr;

	(void)argc;
	pg_main(argv);
	sr = srunner_create(suite_bus(&postgres_rig));
	srunner_add_suite(sr, suite_producer(&postgres_rig));
	return testing_run(sr);
}
