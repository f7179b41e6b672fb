/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow/tables.h"

#include "store/migrate.h"
#include "store/store.h"

/* Between two looks, and until the failures of who needs the tables say it. */
#define LOOK_MS 100
#define PATIENCE_MS 30000

/* 1: there. 0: not yet. < 0: it cannot be told. */
static int
look(psm_store *st, struct psm__conn **c, psm_error *err)
{
	int rc = 0;

	if (!*c)
		rc = psm__store_connect(st, "start", c, err);
	return rc < 0 ? rc : psm__migrated(*c, "psymatch", err);
}

void
psm__tables_await(psm_store *st, struct psm__worker *w, const char *who)
{
	int64_t until_ms = psm__mono_ms() + PATIENCE_MS;
	struct psm__conn *c = NULL;
	int said = 0;

	while (!psm__worker_stopping(w) && look(st, &c, NULL) == 0 &&
	       psm__mono_ms() < until_ms) {
		if (!said++)
			psm__log(PSM_LOG_INFO, "waiting for migrations", "who",
			         who, "set", "psymatch", NULL);
		(void)psm__worker_wait(w, LOOK_MS);
	}
	psm__conn_close(c);
}
