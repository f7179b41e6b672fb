/* SPDX-License-Identifier: BSD-2-Clause */
/* Each of the five services, and all of them in one process. */
#include <ctype.h>

#include "platform/platform.h"
#include "testing_program.h"

static const char *const names[] = {"patient-service", "therapist-service",
                                    "matching-service", "communication-service",
                                    "geocoding-service"};

static void
name_setting(char *to, size_t size, const char *name)
{
	char *c;

	(void)snprintf(to, size, "%s_INTERNAL_PORT", name);
	for (c = to; *c; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* The geocoding service subscribes by itself, see work.c. */
static int
comes_by(const struct platform_service *row, const char *topic)
{
	const struct platform_group *group = row->groups;

	if (!group)
		return strcmp(topic, "geocoding-requests") == 0;
	while (group->name && strcmp(group->topic, topic) != 0)
		group++;
	return group->name != NULL;
}

/* What the catalogue says that a service handles reaches it. */
START_TEST(each_service_gets_its_events)
{
	const struct platform_service *row = &psm__platform_services[_i];
	const psm_event_type_info *type;
	const char *name;
	size_t i, k, count = 0;

	ck_assert_str_eq(row->name, psm_platform_service_at((size_t)_i));
	for (i = 0; (type = psm_catalogue_at(i)) != NULL; i++)
		for (k = 0; (name = psm_catalogue_type_consumer_at(type, k));
		     k++) {
			if (strcmp(name, row->name) != 0)
				continue;
			ck_assert_msg(
			    comes_by(row, psm_catalogue_type_topic(type)),
			    "%s does not get %s", name,
			    psm_catalogue_type_name(type));
			count++;
		}
	ck_assert_uint_gt(count, 0);
	ck_assert_ptr_null(psm_platform_service_at(PLATFORM_SERVICES));
}
END_TEST

/* psymatch-events links none of this, and has a list of its own. */
START_TEST(groups_are_watched)
{
	const char *dir = getenv("top_srcdir");
	char path[500], quoted[80], text[8000];
	const struct platform_group *group;
	size_t i, len;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/examples/events-services.c",
	               dir ? dir : ".");
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	len = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[len] = '\0';
	for (i = 0; i < PLATFORM_SERVICES; i++)
		for (group = psm__platform_services[i].groups;
		     group && group->name; group++) {
			(void)snprintf(quoted, sizeof quoted, "\"%s\"",
			               group->name);
			ck_assert_msg(strstr(text, quoted) != NULL, "%s",
			              group->name);
		}
	ck_assert_ptr_nonnull(strstr(text, "\"geocoding-service\",\n    NULL"));
}
END_TEST

START_TEST(each_service_runs_alone)
{
	struct program p;
	struct answer a;
	char setting[64], text[128];

	name_setting(setting, sizeof setting, names[_i]);
	EXPECT(0, names[_i], names[_i], "--help");
	EXPECT(0, setting, names[_i], "settings");
	program_service(&p, names[_i], setting);
	(void)snprintf(text, sizeof text,
	               "{\"status\":\"healthy\",\"service\":\"%s\"", names[_i]);
	program_await("/health", 200, text, &a);
	ck_assert_ptr_nonnull(strstr(a.body, "\"name\":\"database\""));
	ck_assert_ptr_nonnull(strstr(a.body, "\"name\":\"relay\""));
	program_await("/openapi.json", 200, "\"openapi\":\"3.1", &a);
	program_stop(&p);
}
END_TEST

static const char therapist_json[] =
    "{\"anrede\":\"Frau\",\"geschlecht\":\"weiblich\",\"vorname\":\"A\","
    "\"nachname\":\"B\",\"plz\":\"10115\"}";
static const char copied[] =
    "SELECT count(*) FROM matching_service.therapeuten_kopie";

/* Events travel through PostgreSQL, from the therapist to the matching
 * service. */
START_TEST(all_services_in_one_process)
{
	struct program p;
	struct answer a;
	int ports[5], i;
	char setting[64], text[128];

	ck_assert_int_eq(unsetenv("PSYMATCH_TRANSPORT"), 0);
	(void)setenv("THERAPIST_IMPORT_ENABLED", "false", 1);
	for (i = 0; i < 5; i++) {
		name_setting(setting, sizeof setting, names[i]);
		program_port(setting, &ports[i]);
	}
	program_start(&p, (const char *const[]){"psymatch-platform", NULL});
	for (i = 0; i < 5; i++) {
		testing_server.port = ports[i];
		(void)snprintf(text, sizeof text,
		               "{\"status\":\"healthy\",\"service\":\"%s\"",
		               names[i]);
		program_await("/health", 200, text, &a);
		ck_assert_ptr_nonnull(strstr(a.body, "\"name\":\"relay\""));
	}
	testing_server.port = ports[1];
	program_send("POST", "/api/therapists", therapist_json, &a);
	ck_assert_msg(a.status == 201, "%ld %s", a.status, a.body);
	ck_assert_int_eq(pg_wait(1, 60000, copied), 1);
	testing_server.port = ports[0];
	testing_ask("GET", "/api/therapists", &a);
	ck_assert_int_eq(a.status, 404);
	testing_ask("GET", "/api/patients", &a);
	ck_assert_int_eq(a.status, 200);
	/* Nobody said where registrations come from. */
	testing_ask("GET", "/api/patients/import-status", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.body, "\"running\":false"));
	program_stop(&p);
}
END_TEST

START_TEST(all_services_at_one_port)
{
	struct program p;
	struct answer a;
	char path[64];
	int i;

	ck_assert_int_eq(unsetenv("PSYMATCH_TRANSPORT"), 0);
	/* Nothing is set up to import from, which is no fault. */
	ck_assert_int_eq(unsetenv("THERAPIST_IMPORT_FOLDER_PATH"), 0);
	program_port("PSYMATCH_HTTP_PORT", &testing_server.port);
	program_start(
	    &p, (const char *const[]){"psymatch-platform", "--one-port", NULL});
	program_await(
	    "/health", 200,
	    "{\"status\":\"healthy\",\"service\":\"psymatch-platform\"", &a);
	for (i = 0; i < 5; i++) {
		ck_assert_ptr_nonnull(strstr(a.body, names[i]));
		(void)snprintf(path, sizeof path, "/%s/openapi.json", names[i]);
		testing_ask("GET", path, &a);
		ck_assert_int_eq(a.status, 200);
		(void)snprintf(path, sizeof path, "/%s/health", names[i]);
		testing_ask("GET", path, &a);
		ck_assert_int_eq(a.status, 200);
		ck_assert_ptr_nonnull(strstr(a.body, names[i]));
		testing_ask("GET", "/health", &a);
	}
	program_send("POST", "/api/therapists", therapist_json, &a);
	ck_assert_msg(a.status == 201, "%ld %s", a.status, a.body);
	testing_ask("GET", "/api/jobs", &a);
	ck_assert_int_eq(a.status, 200);
	testing_ask("GET", "/health/ready", &a);
	ck_assert_int_eq(a.status, 200);
	testing_ask("GET", "/communication-service/health/email-queue", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.body, "\"name\":\"mail-queue\""));
	testing_ask("GET", "/api/therapists/1/communication", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.body, "\"total_emails\":0"));
	testing_ask("GET", "/therapist-service/api/therapists/1", &a);
	ck_assert_int_eq(a.status, 200);
	testing_ask("GET", "/api/patients", &a);
	ck_assert_int_eq(a.status, 200);
	/* What only one of them shows is there, too. */
	program_await("/metrics", 200, "psymatch_follow_ups", &a);
	ck_assert_ptr_nonnull(strstr(a.body, "psymatch_http_responses"));
	testing_promtool(a.body);
	testing_ask("GET", "/patient-service/health/import", &a);
	ck_assert_msg(a.status == 200, "%s", a.body);
	program_await("/therapist-service/health/import", 200,
	              "the import is off", &a);
	testing_ask("GET", "/openapi.json", &a);
	ck_assert_int_eq(a.status, 200);
	ck_assert_ptr_nonnull(strstr(a.body, "\"/api/therapists/{id}\""));
	program_stop(&p);
}
END_TEST

/* Those of a role, also where the routes of all are at one port. */
static long
release_as(const char *token)
{
	struct curl_slist *list = NULL;
	char line[64];
	struct answer a;
	CURL *curl = testing_client(
	    "POST", "/communication-service/api/dead-letters/1/release", &a);

	(void)snprintf(line, sizeof line, "Authorization: Bearer %s", token);
	list = curl_slist_append(list, line);
	list = curl_slist_append(list, "Content-Type: application/json");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS,
	                 "{\"who\":\"a\",\"why\":\"b\"}");
	testing_perform(curl, &a);
	curl_slist_free_all(list);
	return a.status;
}

static void
put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

START_TEST(roles_at_one_port)
{
	/* sha256("writer"), sha256("admin") */
	static const char tokens[] = "w write b93006774cbdd4b299389a03ac3d88c3"
				     "a76b460d538795bc12718011a909fba5\n"
				     "a admin 8c6976e5b5410415bde908bd4dee15df"
				     "b167a9c873fc4bb8a81f6f2ab448a918\n";
	char path[4200];
	struct program p;
	struct answer a;

	(void)snprintf(path, sizeof path, "%s/tokens", program_dir);
	put_text(path, tokens);
	(void)setenv("PSYMATCH_API_TOKENS_FILE", path, 1);
	ck_assert_int_eq(unsetenv("PSYMATCH_TRANSPORT"), 0);
	(void)setenv("THERAPIST_IMPORT_ENABLED", "false", 1);
	program_port("PSYMATCH_HTTP_PORT", &testing_server.port);
	program_start(
	    &p, (const char *const[]){"psymatch-platform", "--one-port", NULL});
	program_await("/health/ready", 200, "healthy", &a);
	ck_assert_int_eq(release_as("nobody"), 401);
	ck_assert_int_eq(release_as("writer"), 403);
	ck_assert_int_eq(release_as("admin"), 404); /* there is no letter */
	/* The file that this port reads is the one whose faults are shown. */
	put_text(path, "w write\n");
	program_await("/therapist-service/health", 200,
	              "\"name\":\"access\",\"status\":\"degraded\"", &a);
	program_stop(&p);
}
END_TEST

START_TEST(commands_of_the_platform)
{
	static const char platform[] = "psymatch-platform";

	EXPECT(0, "psymatch-platform therapist-service block ID", platform,
	       "--help");
	EXPECT(2, "usage: psymatch-platform", platform, "block", "1");
	EXPECT(2, "usage: psymatch-platform", platform, "--one-port", "x");
	EXPECT(0, "", platform, "migrate");
	EXPECT(1, "Therapist 7 not found", platform, "therapist-service",
	       "block", "7");
	EXPECT(1, "PATIENT_IMPORT_SOURCE", platform, "patient-service",
	       "import-once");
	EXPECT(0, "0 patients announced", platform, "patient-service",
	       "announce");
	EXPECT(1, "Patient 7 not found", platform, "patient-service", "set",
	       "7", "zahlung_eingegangen", "true");
	EXPECT(1, "PSM_ERR_NOT_FOUND", platform, "matching-service", "inquire",
	       "7", "10");
	EXPECT(1, "PSM_ERR_NOT_FOUND", platform, "matching-service", "send",
	       "7");
	EXPECT(0, "[]", platform, "matching-service", "proposals");
	EXPECT(1, "PSM_ERR_NOT_FOUND", platform, "matching-service", "confirm",
	       "7");
	EXPECT(0, "psymatch-platform (psymatch) ", platform, "--version");
	EXPECT(1, "/dev/null", platform, "geocoding-service", "load",
	       "/dev/null");
	ck_assert_int_eq(pg_int("SELECT count(DISTINCT table_schema) FROM "
	                        "information_schema.tables WHERE table_schema "
	                        "LIKE '%%_service'"),
	                 5);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("platform");
	TCase *tc = tcase_create("platform");

	tcase_add_checked_fixture(tc, program_set_up, program_tear_down);
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, each_service_gets_its_events, 0, 5);
	tcase_add_test(tc, groups_are_watched);
	tcase_add_loop_test(tc, each_service_runs_alone, 0, 5);
	tcase_add_test(tc, all_services_in_one_process);
	tcase_add_test(tc, all_services_at_one_port);
	tcase_add_test(tc, commands_of_the_platform);
	suite_add_tcase(s, tc);
	tc = tcase_create("roles");
	tcase_add_checked_fixture(tc, program_set_up, program_tear_down);
	tcase_set_timeout(tc, 180);
	tcase_add_test(tc, roles_at_one_port);
	suite_add_tcase(s, tc);
	return s;
}

int
main(int argc, char **argv)
{
	(void)argc;
	return program_main(suite, argv);
}
