/* SPDX-License-Identifier: BSD-2-Clause */
/* The platform room: the five services as rows of one table, and what runs one
 * of them, or all, in a process. No rule of the domain. */
#ifndef PSM_PLATFORM_INT_H
#define PSM_PLATFORM_INT_H

#include <psymatch/geo_client.h>
#include <psymatch/mailer.h>
#include <psymatch/object_storage.h>
#include <psymatch/platform.h>
#include <psymatch/psymatch.h>
#include <psymatch/rest.h>
#include <psymatch/service.h>

#include "base/base.h"
#include "service/service.h"

/* The name of all services in one process. */
#define PLATFORM_NAME "psymatch-platform"
#define PLATFORM_SERVICES 5

/* -- services.c: a service is a row */

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
	const char *name;                       /* of the program */
	const struct platform_service *service; /* NULL: all */
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
	const char *name;                    /* NULL: the end */
	const char *area;                    /* its set of tables, its REST */
	const char *port;                    /* the setting */
	const struct platform_group *groups; /* NULL: none */
	const platform_jobs_fn *jobs;        /* ends with NULL; NULL: none */
	/* Adds workers of its own, before its REST; may be NULL. */
	int (*work)(psm_platform *pf, psm_service *svc, psm_error *err);
	const struct platform_command *commands; /* NULL: none */
	/* Tell once what a migration did beside tables, on standard output or
	 * in the log; may be NULL. */
	int (*migrated)(psm_store *store, int by_print, psm_error *err);
};

extern const struct platform_service psm__platform_services[];

/* NULL: there is none of that name. */
const struct platform_service *psm__platform_service(const char *name);

/* -- compose.c: what a process is made of */

/* A service that runs here. Of its parts the first own_parts are its own; those
 * behind them belong to the process. */
struct platform_member {
	const struct platform_service *row;
	psm_service *svc;
	size_t own_parts;
};

struct psm_platform {
	const psm_config *cfg; /* borrowed */
	psm_store *store;      /* borrowed */
	psm_transport *transport;
	psm_relay *relay;
	psm_jobs *jobs;     /* NULL: nobody has any */
	psm_mailer *mailer; /* NULL: nobody sends mails */
	psm_geo_client *geo_client;
	psm_geo *geo;
	/* What the services of one process share; NULL: there is one only. */
	psm_service *host;
	struct platform_member members[PLATFORM_SERVICES];
	size_t count;
	psm_processor **processors;
	size_t processor_count, processor_cap;
};

/* -- shared.c */

/* The process's mailer, made at its first use. */
int psm__platform_mailer(psm_platform *pf, psm_error *err);
/* A processor of that group, owned by pf. */
int psm__platform_processor(psm_platform *pf, const char *group,
                            psm_processor **out, psm_error *err);

/* -- mount.c: services under one address */

/* What members have under /api/ is at the same path of the host, all of it
 * below the member's name. */
int psm__platform_mount(psm_platform *pf, psm_error *err);
/* The host shows each member as a part, a member those of the host. */
int psm__platform_share_parts(psm_platform *pf, psm_error *err);

/* -- work_patient.c, work.c: workers of a service */

/* Import of patients, mails that confirm it, messages of what failed. */
int psm__platform_patient_work(psm_platform *pf, psm_service *svc,
                               psm_error *err);
/* The queue of mails, and answers. */
int psm__platform_mail_work(psm_platform *pf, psm_service *svc, psm_error *err);
/* Answers to requests for distances. */
int psm__platform_geo_work(psm_platform *pf, psm_service *svc, psm_error *err);

/* -- command_record.c: what several services have */

/* The tables of the service are up to date. */
int psm__platform_migrate(const struct platform_call *call, psm_error *err);
/* A person who waits sees how far the import is; only on a terminal. Its end
 * wipes a line that tells of less than all, so that the next one can be read. */
void psm__platform_progress(psm_import_status *status);
void psm__platform_progress_end(void);
/* A positive number within the range of an id, or 0. */
int64_t psm__platform_id(const char *text);

typedef int (*platform_announce_fn)(psm_store *store, int all, int limit,
                                    psm_error *err);
/* The command "announce [all]". */
int psm__platform_announce(struct platform_call *call, char **args,
                           platform_announce_fn announce, const char *noun,
                           psm_error *err);

typedef int (*platform_patch_fn)(psm_store *store, int64_t id,
                                 int64_t if_version, const char *json,
                                 size_t len, char **out, psm_error *err);
/* The command "set ID COLUMN VALUE". */
int psm__platform_set(struct platform_call *call, char **args,
                      platform_patch_fn patch, psm_error *err);

/* -- command_inquiry.c: an inquiry from its making to its answer */

int psm__platform_inquire(struct platform_call *call, char **args,
                          psm_error *err);
int psm__platform_send(struct platform_call *call, char **args, psm_error *err);
int psm__platform_proposals(struct platform_call *call, char **args,
                            psm_error *err);
int psm__platform_confirm(struct platform_call *call, char **args,
                          psm_error *err);

/* -- command_patient.c and so on: what only one service has */

extern const struct platform_command psm__platform_patient[];
extern const struct platform_command psm__platform_therapist[];
extern const struct platform_command psm__platform_matching[];
extern const struct platform_command psm__platform_geocoding[];
/* -- command_closed.c */

/* Searches that were closed by the migration are told and published, once. */
int psm__platform_closed(psm_store *store, int by_print, psm_error *err);

#endif
