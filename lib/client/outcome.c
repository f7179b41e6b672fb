/* SPDX-License-Identifier: BSD-2-Clause */
#include "client/outcome.h"

/* Every other code below 0 is permanent. */
static const struct {
	int code;
	enum psm__failure failure;
} failures[] = {
    {0, PSM__NO_FAILURE},
    /* What passes: a remote service, a lock, a full queue. */
    {PSM_ERR_RETRY, PSM__FAILURE_TRANSIENT},
    {PSM_ERR_TIMEOUT, PSM__FAILURE_TRANSIENT},
    {PSM_ERR_BROKER, PSM__FAILURE_TRANSIENT},
    {PSM_ERR_FULL, PSM__FAILURE_TRANSIENT},
    {PSM_ERR_IO, PSM__FAILURE_TRANSIENT},
    {PSM_ERR_UNAVAILABLE, PSM__FAILURE_TRANSIENT},
    /* What the next event would meet, too. */
    {PSM_ERR_DB, PSM__FAILURE_SYSTEM},
    {PSM_ERR_NOMEM, PSM__FAILURE_SYSTEM},
    {PSM_ERR_FENCED, PSM__FAILURE_SYSTEM},
    {PSM_ERR_CLOSED, PSM__FAILURE_SYSTEM},
};

enum psm__failure
psm__classify(int code)
{
	size_t i;

	for (i = 0; i < PSM__COUNT(failures); i++)
		if (failures[i].code == code)
			return failures[i].failure;
	return PSM__FAILURE_PERMANENT;
}

int
psm__effective_code(int failed, int returned)
{
	enum psm__failure f = psm__classify(failed);

	/* A handler can take a failed statement for its own or return as if
	 * nothing had happened; what the database said counts. */
	if (f == PSM__FAILURE_SYSTEM || f == PSM__FAILURE_TRANSIENT ||
	    returned == 0)
		return failed;
	return returned < 0 ? returned : PSM_ERR_REJECT; /* not a result */
}

/* By failure, then by enum psm_on_failure. */
static const enum psm__outcome outcomes[PSM__N_FAILURES][3] = {
    [PSM__NO_FAILURE] = {PSM__HANDLED, PSM__HANDLED, PSM__HANDLED},
    [PSM__FAILURE_PERMANENT] = {PSM__DEAD, PSM__DEAD, PSM__DEAD},
    [PSM__FAILURE_TRANSIENT] = {PSM__RETRY, PSM__PARKED, PSM__DEAD},
    [PSM__FAILURE_SYSTEM] = {PSM__ROLLBACK, PSM__ROLLBACK, PSM__ROLLBACK},
};

enum psm__outcome
psm__outcome(const struct psm__try_result *r)
{
	int policy = r->options ? r->options->on_failure : PSM_ON_FAILURE_RETRY;
	int most = r->options ? r->options->max_attempts : 0;
	enum psm__outcome o = outcomes[psm__classify(r->code)][policy];

	if (r->code == 0 && !r->options)
		return PSM__SKIPPED;
	if (o != PSM__RETRY && o != PSM__PARKED)
		return o;
	if (most > 0 && r->attempt >= most)
		return PSM__DEAD;
	if (!r->parked)
		return o;
	/* It stays where it is, whatever its handler wants now. */
	return most == 0 && r->attempt >= PSM__PARKED_ATTEMPTS_MAX
	           ? PSM__HELD
	           : PSM__PARKED;
}

const char *
psm__outcome_name(enum psm__outcome o)
{
	static const char *const names[PSM__N_COUNTED] = {
	    [PSM__HANDLED] = "handled", [PSM__DUPLICATE] = "duplicates",
	    [PSM__DEAD] = "dead",       [PSM__SKIPPED] = "skipped",
	    [PSM__RETRY] = "retried",   [PSM__PARKED] = "parked",
	};

	return o < PSM__N_COUNTED ? names[o] : NULL;
}
