/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of a service's program. It talks to a person: on standard
 * output what was done, on standard error what went wrong. */
#include "platform/platform.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- commands of all services */

static int
migrate_one(struct platform_call *call, psm_error *err)
{
	int rc = psm__platform_migrate(call, err);

	return rc == PSM_OK && call->service->migrated
	           ? call->service->migrated(call->store, 1, err)
	           : rc;
}

static int
command_migrate(struct platform_call *call, char **args, psm_error *err)
{
	struct platform_call one = *call;
	int rc = PSM_OK;

	(void)args;
	if (call->service)
		return migrate_one(call, err);
	for (one.service = psm__platform_services;
	     one.service->name && rc == PSM_OK; one.service++)
		rc = migrate_one(&one, err);
	return rc;
}

static int
command_settings(struct platform_call *call, char **args, psm_error *err)
{
	(void)call;
	(void)args;
	(void)err;
	for (size_t i = 0; i < psm_config_count(); i++)
		printf("%s (%s; default \"%s\"): %s\n", psm_config_name_at(i),
		       psm_config_type_at(i), psm_config_default_at(i),
		       psm_config_meaning_at(i));
	return PSM_OK;
}

static const struct platform_command built_in[] = {
    {"migrate", 0, 0, "", "bring the tables up to date\n", command_migrate},
    {"settings", 0, 0, "", "show what it can be told\n", command_settings},
    {NULL, 0, 0, NULL, NULL, NULL}};

static const struct platform_command *
find(const struct platform_command *c, const char *name, int count)
{
	for (; c && c->name; c++)
		if (strcmp(c->name, name) == 0 && count >= c->min &&
		    count <= c->max)
			return c;
	return NULL;
}

/* The exit status, when what was asked for is printed. */
static int
flushed(const char *name)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	/* What failed before, failed for a reason that is gone. */
	fprintf(stderr, "%s: standard output: %s\n", name,
	        errno ? strerror(errno) : "not all of it was written");
	return 1;
}

/* -- the usage */

static const struct platform_command one_port;

#define USAGE_COLUMN 32

/* Each line of the meaning stands in the same column. */
static void
show_command(FILE *to, const char *name, const struct platform_command *c)
{
	const char *line = c->meaning;
	int width = fprintf(to, "       %s %s%s%s", name, c->name,
	                    c->args[0] ? " " : "", c->args);

	while (*line) {
		size_t len = strcspn(line, "\n");

		fprintf(to, "%*s%.*s\n",
		        (int)strlen(name) + USAGE_COLUMN - width, "", (int)len,
		        line);
		line += len + 1;
		width = 0;
	}
}

static void
show_commands(FILE *to, const char *name, const struct platform_service *row)
{
	for (const struct platform_command *c = row->commands; c && c->name;
	     c++)
		show_command(to, name, c);
}

static void
show_usage(FILE *to, const struct platform_call *call)
{
	const struct platform_service *row = psm__platform_services;
	const char *name = call->name;
	char both[64];

	fprintf(to, "usage: %s%*srun the service%s\n", name, USAGE_COLUMN - 7,
	        "", call->service ? "" : "s");
	if (!call->service)
		show_command(to, name, &one_port);
	for (const struct platform_command *c = built_in; c->name; c++)
		show_command(to, name, c);
	if (call->service)
		show_commands(to, name, call->service);
	for (; !call->service && row->name; row++) {
		(void)snprintf(both, sizeof both, "%s %s", name, row->name);
		show_commands(to, both, row);
	}
	fputs("Settings come from the environment.\n", to);
}

static void
complain(const struct platform_call *call, const psm_error *err)
{
	const char *source = psm_error_source(err);

	if (!source[0] && call->file)
		source = call->file;
	fprintf(stderr, "%s: %s%s", call->name, source, source[0] ? ": " : "");
	if (psm_error_line(err) > 0)
		fprintf(stderr, "line %u, column %u: ", psm_error_line(err),
		        psm_error_column(err));
	if (psm_error_pointer(err)[0])
		fprintf(stderr, "%s: ", psm_error_pointer(err));
	fprintf(stderr, "%s (%s)\n", psm_error_message(err),
	        psm_error_name(psm_error_code(err)));
}

/* -- the program */

static int
run_services(struct platform_call *call, char **args, psm_error *err)
{
	psm_platform *pf = NULL;
	int rc = psm_platform_new(call->service ? call->service->name : NULL,
	                          call->store, call->cfg, &pf, err);

	(void)args;
	if (rc == PSM_OK)
		rc = psm_platform_run(pf, err);
	psm_platform_free(pf);
	return rc;
}

static const struct platform_command service = {NULL, 0,    0,
                                                NULL, NULL, run_services};
static const struct platform_command one_port = {
    "--one-port", 0, 0, "", "run them at one port, PSYMATCH_HTTP_PORT\n",
    run_services};

/* What all services in one process have for settings, unless they are given: a
 * database is all they need. */
static int
read_settings(const struct platform_call *call,
              const struct platform_command *command, psm_config **cfg,
              psm_error *err)
{
	int rc = psm_service_config(NULL, cfg, err);

	if (rc == PSM_OK && !call->service &&
	    !psm_config_given(*cfg, "PSYMATCH_TRANSPORT"))
		rc =
		    psm_config_set(*cfg, "PSYMATCH_TRANSPORT", "postgres", err);
	if (rc == PSM_OK && !call->service &&
	    !psm_config_given(*cfg, "PSYMATCH_DB_CONNECTIONS"))
		rc = psm_config_set(*cfg, "PSYMATCH_DB_CONNECTIONS", "24", err);
	if (rc == PSM_OK && command == &one_port)
		rc =
		    psm_config_set(*cfg, "PSYMATCH_HTTP_ONE_PORT", "true", err);
	return rc;
}

static int
run(struct platform_call *call, const struct platform_command *command,
    char **args, psm_error *err)
{
	psm_config *cfg = NULL;
	int rc;

	/* It may have to warn of a variable. */
	psm_service_log_to_stderr(call->name, PSM_LOG_WARN);
	rc = read_settings(call, command, &cfg, err);
	if (rc == PSM_OK) {
		psm__svc_log_format(
		    psm_config_string(cfg, "PSYMATCH_LOG_FORMAT"));
		psm__svc_log_names(
		    psm_config_string(cfg, "PSYMATCH_LOG_NAMES"));
		psm_service_log_to_stderr(
		    call->name, psm_log_level_from_name(
				    psm_config_string(cfg, "LOG_LEVEL")));
		rc = psm_store_open(cfg, &call->store, err);
	}
	call->cfg = cfg;
	if (rc == PSM_OK)
		rc = command->run(call, args, err);
	if (rc < 0)
		complain(call, err);
	psm_store_free(call->store);
	psm_config_free(cfg);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The command of args[0], or NULL. */
static const struct platform_command *
choose(const struct platform_call *call, char **args, int count)
{
	const struct platform_command *command;

	if (count == 0)
		return &service;
	command = find(built_in, args[0], count - 1);
	if (!command && call->service)
		command = find(call->service->commands, args[0], count - 1);
	if (!command && !call->service && count == 1 &&
	    strcmp(args[0], one_port.name) == 0)
		command = &one_port;
	return command;
}

int
psm_platform_main(const char *service_name, int argc, char **argv)
{
	struct platform_call call = {.name = service_name ? service_name
	                                                  : PLATFORM_NAME};
	const struct platform_command *command;
	char **args = argv + (argc > 0);
	int count = argc > 0 ? argc - 1 : 0, rc;
	psm_error *err;

	if (service_name)
		call.service = psm__platform_service(service_name);
	else if (count > 1)
		call.service = psm__platform_service(args[0]);
	if (service_name && !call.service)
		return 2;
	if (!service_name && call.service) {
		args++;
		count--;
	}
	command = choose(&call, args, count);
	if (!command) {
		if (strcmp(args[0], "--version") == 0 && count == 1) {
			printf("%s (psymatch) %s\n", call.name, psm_version());
			return flushed(call.name);
		}
		if (strcmp(args[0], "--help") == 0 ||
		    strcmp(args[0], "-h") == 0) {
			show_usage(stdout, &call);
			return flushed(call.name);
		}
		fprintf(stderr,
		        "%s: %s: no such command, or not with these "
		        "arguments\n",
		        call.name, args[0]);
		show_usage(stderr, &call);
		return 2;
	}
	err = psm_error_new();
	rc = run(&call, command, args + (count > 0), err);
	psm_error_free(err);
	return rc;
}
