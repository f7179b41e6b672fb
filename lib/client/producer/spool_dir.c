/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the spool is: PSYMATCH_SPOOL_DIR, or a folder in the user's state
 * directory. */
#include <stdlib.h>
#include <string.h>

#include "client/producer/producer_int.h"

#define IN_MEMORY "none"

/* By the XDG base directory specification, a relative path is ignored. */
static const char *
absolute(const char *variable)
{
	const char *path = secure_getenv(variable);

	return path && path[0] == '/' ? path : NULL;
}

/* NULL: out of memory. */
static char *
join(const char *path, size_t len, const char *below)
{
	char *whole = psm__alloc(len + strlen(below) + 1);

	if (!whole)
		return NULL;
	memcpy(whole, path, len);
	memcpy(whole + len, below, strlen(below) + 1);
	return whole;
}

/* systemd gives a unit with several state directories all of them, separated by
 * colons. *out stays NULL if no variable names a place. 0 or PSM_ERR_NOMEM. */
static int
usual_place(char **out)
{
	const char *path = absolute("STATE_DIRECTORY"), *below = "/spool";
	size_t len = path ? strcspn(path, ":") : 0;

	if (!path) {
		path = absolute("XDG_STATE_HOME");
		below = "/psymatch/spool";
	}
	if (!path) {
		path = absolute("HOME");
		below = "/.local/state/psymatch/spool";
	}
	if (!path)
		return 0;
	*out = join(path, len > 0 ? len : strlen(path), below);
	return *out ? 0 : PSM_ERR_NOMEM;
}

int
psm__producer_set_spool_dir(struct psm_producer *p, const char *setting,
                            int ends_with_process)
{
	char *dir = NULL;

	/* Programs of the same user wait there for a broker. */
	if (setting[0] == '\0' && ends_with_process)
		setting = IN_MEMORY;
	if (setting[0] == '\0' && usual_place(&dir) < 0)
		return PSM_ERR_NOMEM;
	p->no_spool_dir = setting[0] == '\0' && !dir;
	if (!dir)
		dir = psm__strdup(strcmp(setting, IN_MEMORY) ? setting : "");
	p->dir = dir;
	return dir ? 0 : PSM_ERR_NOMEM;
}

int
psm__producer_check_spool_dir(const struct psm_producer *p, psm_error *err)
{
	if (!p->no_spool_dir)
		return 0;
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "PSYMATCH_SPOOL_DIR: not set, and neither "
	                 "STATE_DIRECTORY nor XDG_STATE_HOME nor HOME names "
	                 "a place; set it to a directory that can be written, "
	                 "or to \"" IN_MEMORY
	                 "\" to keep events in memory only");
}

int
psm__producer_explain_spool_dir(int rc, psm_error *err)
{
	char *why;

	/* A failure of the key file belongs to another setting. */
	if (rc != PSM_ERR_IO || !err ||
	    strncmp(psm_error_message(err), "spool ", 6) != 0)
		return rc;
	why = psm__strdup(psm_error_message(err));
	if (!why)
		return rc;
	psm__error_clear(err);
	rc = psm__fail(err, rc,
	               "%s; set PSYMATCH_SPOOL_DIR to a directory that can be "
	               "written, or to \"" IN_MEMORY
	               "\" to keep events in memory only",
	               why);
	psm__free(why);
	return rc;
}
