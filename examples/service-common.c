/* SPDX-License-Identifier: BSD-2-Clause */
#include "service-common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct app app;
static const struct service *service;

/* As the database writes it: digits only, no zero in front, within the range of
 * an integer column. */
int64_t
id_of(const char *text)
{
	long long id;

	if (strspn(text, "0123456789") != strlen(text) || text[0] == '0' ||
	    text[0] == '\0' || strlen(text) > 10)
		return 0;
	id = strtoll(text, NULL, 10);
	return id <= INT32_MAX ? id : 0;
}

static int
jobs_start(void *user, psm_error *err)
{
	return psm_jobs_start(user, err);
}

static int
jobs_stop(int timeout_ms, void *user, psm_error *err)
{
	return psm_jobs_stop(user, timeout_ms, err);
}

static int
jobs_health(char *reason, size_t size, void *user)
{
	return psm_jobs_health(user, reason, size);
}

int
add_jobs(psm_jobs *jobs)
{
	int rc = psm_service_stage(app.svc, "jobs", jobs_start, jobs_stop, jobs,
	                           app.err);

	return rc < 0 ? rc
	              : psm_service_health(app.svc, "jobs", jobs_health, jobs,
	                                   app.err);
}

psm_json_writer *
write_member(const char *name, const char *value)
{
	psm_json_writer *w = psm_json_writer_new();
	psm_json *json = NULL;

	if (!w)
		return NULL;
	psm_json_write_object(w);
	psm_json_write_key(w, name);
	if (psm_json_parse(value, strlen(value), &json, NULL) == 0)
		psm_json_write_value(w, json);
	else
		psm_json_write_string(w, value);
	psm_json_write_end(w);
	psm_json_free(json);
	return w;
}

int
migrate(psm_error *err)
{
	int rc = psm_store_migrate(app.store, "psymatch", err);

	return rc < 0 ? rc : psm_store_migrate(app.store, service->set, err);
}

static int
command_migrate(char **args)
{
	int rc = migrate(app.err);

	(void)args;
	return rc == 0 && service->migrated ? service->migrated() : rc;
}

static int
start(void)
{
	char sets[64];
	int rc = psm_transport_open(app.cfg, &app.transport, app.err);

	if (rc == 0)
		rc = psm_relay_new(app.store, app.transport, app.cfg,
		                   &app.relay, app.err);
	if (rc == 0)
		rc = psm_service_new(service->name, app.cfg, &app.svc, app.err);
	(void)snprintf(sets, sizeof sets, "psymatch %s", service->set);
	if (rc == 0)
		rc = psm_service_add_store(app.svc, app.store, sets, app.err);
	if (rc == 0)
		rc = psm_service_add_relay(app.svc, app.relay, app.err);
	if (rc == 0 && service->rest)
		rc = psm_rest_add(app.svc, app.store, app.cfg, service->rest,
		                  app.err);
	if (rc == 0 && service->set_up)
		rc = service->set_up();
	if (rc == 0)
		rc = psm_service_run(
		    app.svc, psm_config_string(app.cfg, "PSYMATCH_HTTP_HOST"),
		    (int)psm_config_int(app.cfg, service->port), app.err);
	return rc;
}

static void
stop(void)
{
	psm_service_free(app.svc);
	if (service->tear_down)
		service->tear_down();
	psm_relay_free(app.relay);
	psm_transport_unref(app.transport);
	psm_store_free(app.store);
	psm_config_free(app.cfg);
}

static int
command_settings(char **args)
{
	size_t i;

	(void)args;
	for (i = 0; i < psm_config_count(); i++)
		printf("%s (%s; default \"%s\"): %s\n", psm_config_name_at(i),
		       psm_config_type_at(i), psm_config_default_at(i),
		       psm_config_meaning_at(i));
	return 0;
}

static const struct command *
find_command(int argc, char **argv)
{
	static const struct command built_in[] = {
	    {"migrate", 0, 0, command_migrate},
	    {"settings", 0, 0, command_settings},
	    {NULL, 0, 0, NULL}};
	const struct command *c;

	for (c = built_in; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0 && argc == 2)
			return c;
	for (c = service->commands; c->name; c++)
		if (strcmp(c->name, argv[1]) == 0 && argc - 2 >= c->min &&
		    argc - 2 <= c->max)
			return c;
	return NULL;
}

static void
complain(const char *name, const psm_error *err)
{
	const char *source = psm_error_source(err);

	if (!source[0] && app.file)
		source = app.file;
	fprintf(stderr, "%s: %s%s", name, source, source[0] ? ": " : "");
	if (psm_error_line(err) > 0)
		fprintf(stderr, "line %u, column %u: ", psm_error_line(err),
		        psm_error_column(err));
	if (psm_error_pointer(err)[0])
		fprintf(stderr, "%s: ", psm_error_pointer(err));
	fprintf(stderr, "%s (%s)\n", psm_error_message(err),
	        psm_error_name(psm_error_code(err)));
}

int
service_main(const struct service *this_service, int argc, char **argv)
{
	const struct command *command = NULL;
	int rc;

	service = this_service;
	app.err = psm_error_new();
	if (argc > 1 && !(command = find_command(argc, argv))) {
		int help = strcmp(argv[1], "--help") == 0;

		fputs(service->usage, help ? stdout : stderr);
		psm_error_free(app.err);
		return help ? 0 : 2;
	}
	/* It may have to warn of a variable. */
	psm_service_log_to_stderr(service->name, PSM_LOG_WARN);
	rc = psm_service_config(service->settings, &app.cfg, app.err);
	if (rc == 0) {
		psm_service_log_to_stderr(
		    service->name, psm_log_level_from_name(psm_config_string(
				       app.cfg, "LOG_LEVEL")));
		rc = psm_store_open(app.cfg, &app.store, app.err);
	}
	if (rc == 0)
		rc = command ? command->run(argv + 2) : start();
	if (rc < 0)
		complain(service->name, app.err);
	stop();
	psm_error_free(app.err);
	return rc < 0 ? 1 : 0;
}
