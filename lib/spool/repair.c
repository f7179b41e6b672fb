/* SPDX-License-Identifier: BSD-2-Clause */
/* psm_spool_repair(): read a spool directory to its end, so that all damaged
 * bytes are copied to the quarantine. */
#include <inttypes.h>
#include <string.h>

#include <psymatch/spool.h>

#include "spool/spool_int.h"

/* Reading finds all damage. Returns the number of readable records. The
 * spool is frozen, so releasing them deletes nothing. */
static int64_t
read_through(struct psm__spool *s)
{
	struct psm__message m;
	int64_t count = 0;

	for (; psm__spool_peek(s, &m); count++) {
		psm__spool_pass(s);
		psm__spool_settle(s, m.token);
		psm__spool_release(s);
	}
	return count;
}

int
psm_spool_repair(const char *dir, const char *key_file, int64_t *damaged,
                 int64_t *kept, psm_error *err)
{
	struct psm__spool_conf conf = {.dir = dir,
	                               .key_file = key_file,
	                               .window = 1,
	                               .durability = PSM__DURABLE_DISK,
	                               .max_bytes = INT64_MAX};
	struct psm__spool_numbers n = {0};
	struct psm__spool *s = NULL;
	int64_t readable;
	int rc;

	psm__error_clear(err);
	if (!dir)
		return psm__fail(err, PSM_ERR_INVAL, "want a directory");
	rc = psm__spool_is_one(dir, err); /* to open would make one */
	if (rc == 0)
		rc = psm__spool_open(&conf, &s, err);
	if (rc < 0)
		return rc;
	psm__spool_shut(s);
	psm__spool_freeze(s);
	readable = read_through(s);
	psm__spool_numbers(s, &n);
	psm__spool_close(s);
	psm__spool_free(s);
	if (damaged)
		*damaged = (int64_t)n.damaged;
	if (kept)
		*kept = readable;
	if (n.last_errno)
		return psm__fail(err, PSM_ERR_FULL, "%s: %s", dir,
		                 strerror(n.last_errno));
	if (n.quarantine_errno)
		return psm__fail(err, PSM_ERR_IO, "%s: quarantine: %s", dir,
		                 strerror(n.quarantine_errno));
	return 0;
}
