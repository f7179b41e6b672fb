/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of a handler. */
#include <stdio.h>
#include <string.h>

#include "client/dispatch.h"
#include "event/event.h"

#define DEADLINE_DEFAULT_MS 30000
#define DEADLINE_MAX_MS 86400000
#define ATTEMPTS_MAX 1000000

int
psm_handler_options_new(psm_handler_options **out, psm_error *err)
{
	psm_handler_options *o;

	psm__error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	o = psm__alloc(sizeof(*o));
	if (!o)
		return psm__nomem(err);
	o->deadline_ms = DEADLINE_DEFAULT_MS;
	*out = o;
	return 0;
}

static int
is_version(const char *text)
{
	return !text || (strlen(text) < PSM__VERSION_SIZE &&
	                 psm__event_version_valid(text));
}

int
psm_handler_options_versions(psm_handler_options *o, const char *min,
                             const char *max, psm_error *err)
{
	psm__error_clear(err);
	if (!o || !is_version(min) || !is_version(max))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "o: want options; min and max: want "
		                 "\"major.minor\" or NULL");
	if (min && max && psm__event_version_cmp(min, max) > 0)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "max: want %s or newer, got %s", min, max);
	snprintf(o->min_version, sizeof(o->min_version), "%s", min ? min : "");
	snprintf(o->max_version, sizeof(o->max_version), "%s", max ? max : "");
	return 0;
}

int
psm_handler_options_on_failure(psm_handler_options *o, int what,
                               int max_attempts, psm_error *err)
{
	psm__error_clear(err);
	if (!o || what < PSM_ON_FAILURE_RETRY || what > PSM_ON_FAILURE_REJECT)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "o: want options; what: want an enum "
		                 "psm_on_failure");
	if (max_attempts < 0 || max_attempts > ATTEMPTS_MAX)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "max_attempts: want 0 to %d, got %d",
		                 ATTEMPTS_MAX, max_attempts);
	o->on_failure = what;
	o->max_attempts = max_attempts;
	return 0;
}

int
psm_handler_options_deadline(psm_handler_options *o, int deadline_ms,
                             psm_error *err)
{
	psm__error_clear(err);
	if (!o || deadline_ms < 0 || deadline_ms > DEADLINE_MAX_MS)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "o: want options; deadline_ms: want 0 to %d",
		                 DEADLINE_MAX_MS);
	o->deadline_ms = deadline_ms;
	return 0;
}

int
psm_handler_options_confirm(psm_handler_options *o, int on, psm_error *err)
{
	psm__error_clear(err);
	if (!o || (on != 0 && on != 1))
		return psm__fail(err, PSM_ERR_INVAL,
		                 "o: want options; on: want 0 or 1");
	o->confirm = on;
	return 0;
}

void
psm_handler_options_free(psm_handler_options *o)
{
	psm__free(o);
}
