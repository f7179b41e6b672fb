/* SPDX-License-Identifier: BSD-2-Clause */
/* What the example services share: settings, log, database, outbox, commands.
 */
#ifndef SERVICE_COMMON_H
#define SERVICE_COMMON_H

#include <psymatch/psymatch.h>
#include <psymatch/rest.h>
#include <psymatch/service.h>

/* There is one service per process. */
extern struct app {
	psm_error *err;   /* for main's thread */
	const char *file; /* what a command reads, for its error; or NULL */
	psm_config *cfg;
	psm_store *store;
	/* Only while the service runs, not for a command: */
	psm_transport *transport;
	psm_relay *relay;
	psm_service *svc;
} app;

struct command {
	const char *name;
	int min, max; /* arguments */
	/* args ends with NULL; a negative code: failed, see app.err. */
	int (*run)(char **args);
};

struct service {
	const char *name;
	const char *usage;
	const char *set;             /* of tables; "psymatch" comes before it */
	const char *port;            /* the setting */
	const char *const *settings; /* as for psm_config_register(); or NULL */
	const struct command *commands; /* the last one has no name */
	/* Tell what a migration did beside tables; may be NULL. */
	int (*migrated)(void);
	const char *rest; /* as for psm_rest_add(); may be NULL */
	/* Add to app.svc what is this service's own; may be NULL. */
	int (*set_up)(void);
	void (*tear_down)(void); /* free it again; may be NULL */
};

/* Run the service, the command "migrate" or one of its own: 0, 1 after a
 * failure (said on standard error), 2 when called wrongly. */
int service_main(const struct service *service, int argc, char **argv);

/* Bring the service's tables up to date. */
int migrate(psm_error *err);
/* Let app.svc do jobs: a stage and a part under /health. */
int add_jobs(psm_jobs *jobs);
/* {"name": value}, where value is JSON or else a text; to be finished and
 * freed; NULL: out of memory. */
psm_json_writer *write_member(const char *name, const char *value);
/* A positive number, or 0. */
int64_t id_of(const char *text);

#endif
