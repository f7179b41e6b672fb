/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform room: the five services as rows of one table, and what runs one
 * of them, or all, in a process. No rule of the domain. */
#ifndef PSM_PLATFORM_INT_H
#define PSM_PLATFORM_INT_H

#include <psymatch/platform.h>
#include <psymatch/psymatch.h>
#include <psymatch/rest.h>
#include <psymatch/service.h>

#include "base/base.h"
#include "service/service.h"

/* -- table.c: a service is a row */

/* A consumer group for each topic: each goes on alone when another waits. */
struct platform_group {
	const char *name, *topic; /* name NULL: the end */
	/* Adds the handlers of what comes by that topic. */
	int (*add)(psm_handlers *hs, const char *topic, psm_error *err);
};

/* Registers the kinds of jobs that a service does. */
typedef int (*platform_jobs_fn)(psm_jobs *jobs, psm_store *store,
                                const psm_config *cfg, psm_error *err);

/* What a command works with. */
struct platform_call {
	const struct platform_service *service;
	const psm_config *cfg;
	psm_store *store;
	const char *file; /* what is read, for an error; or NULL */
};

struct platform_command {
	const char *name;    /* NULL: the end */
	int min, max;        /* arguments */
	const char *args;    /* as the usage shows them */
	const char *meaning; /* its lines, each ends with a newline */
	/* args ends with NULL; a negative code: failed, see err. */
	int (*run)(struct platform_call *call, char **args, psm_error *err);
};

struct platform_service {
	const char *name; /* NULL: the end */
	const char *area; /* its set of tables, its resources */
	const char *port; /* the setting */
	const struct platform_group *groups; /* NULL: none */
	const platform_jobs_fn *jobs;        /* ends with NULL; NULL: none */
	const struct platform_command *commands; /* NULL: none */
	/* Tell what a migration did beside tables; may be NULL. */
	int (*migrated)(struct platform_call *call, psm_error *err);
};

extern const struct platform_service psm__platform_services[];
#define PLATFORM_SERVICES 5

/* NULL: there is none of that name. */
const struct platform_service *psm__platform_service(const char *name);

/* -- compose.c: what a process is made of */

struct psm_platform {
	const psm_config *cfg; /* borrowed */
	psm_store *store;      /* borrowed */
	psm_transport *transport;
	psm_relay *relay;
	psm_jobs *jobs; /* NULL: nobody has any */
	/* Those that run here, each with its row. */
	const struct platform_service *rows[PLATFORM_SERVICES];
	psm_service *services[PLATFORM_SERVICES];
	size_t count;
	psm_processor **processors;
	size_t processor_count, processor_cap;
};

/* -- command.c */

/* The tables of the service are up to date. */
int psm__platform_migrate(const struct platform_call *call, psm_error *err);
/* A positive number within the range of an id, or 0. */
int64_t psm__platform_id(const char *text);

/* -- command_therapist.c, command_matching.c */

extern const struct platform_command psm__platform_therapist[];
extern const struct platform_command psm__platform_matching[];
/* Searches that were closed by the migration are told and published, once. */
int psm__platform_closed(struct platform_call *call, psm_error *err);

#endif
