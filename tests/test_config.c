/* SPDX-License-Identifier: BSD-2-Clause */
#include "testing.h"

#include "base/base.h"

static psm_error *err;
static psm_config *cfg;

static void
setup(void)
{
	ck_assert_int_eq(clearenv(), 0);
	err = psm_error_new();
	ck_assert_int_eq(psm_config_new(&cfg, err), 0);
}

static void
teardown(void)
{
	psm_config_free(cfg);
	psm_error_free(err);
}

/* -- the table */

static int setting_count;

START_TEST(each_setting)
{
	static const char *const types[] = {"integer", "boolean", "word",
	                                    "string",  "path",    "secret"};
	size_t at = (size_t)_i, type = 0;
	const char *name = psm_config_name_at(at),
		   *preset = psm_config_default_at(at);

	ck_assert_ptr_nonnull(name);
	ck_assert_uint_gt(strlen(psm_config_meaning_at(at)), 3);
	ck_assert_ptr_nonnull(psm_config_unit_at(at));
	while (type < PSM__COUNT(types) &&
	       strcmp(psm_config_type_at(at), types[type]) != 0)
		type++;
	ck_assert_uint_lt(type, PSM__COUNT(types));
	for (size_t i = 0; i < at; i++)
		ck_assert_str_ne(psm_config_name_at(i), name);
	/* A default must be a value that one could give. */
	ck_assert_str_eq(psm_config_string(cfg, name), preset);
	ck_assert_int_eq(psm_config_given(cfg, name), 0);
	ck_assert_msg(psm_config_set(cfg, name, preset, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_str_eq(psm_config_string(cfg, name), preset);
	ck_assert_int_eq(psm_config_given(cfg, name), preset[0] != '\0');
}
END_TEST

START_TEST(past_the_end)
{
	size_t end = psm_config_count();

	ck_assert_ptr_null(psm_config_name_at(end));
	ck_assert_ptr_null(psm_config_type_at(end));
	ck_assert_ptr_null(psm_config_default_at(end));
	ck_assert_ptr_null(psm_config_unit_at(end));
	ck_assert_ptr_null(psm_config_meaning_at(SIZE_MAX));
}
END_TEST

START_TEST(documented_defaults)
{
	ck_assert_int_eq(psm_config_int(cfg, "DB_PORT"), 5432);
	ck_assert_str_eq(psm_config_string(cfg, "DB_NAME"), "therapy_platform");
	ck_assert_str_eq(psm_config_string(cfg, "KAFKA_BOOTSTRAP_SERVERS"),
	                 "localhost:9092");
	ck_assert_str_eq(psm_config_string(cfg, "PSYMATCH_TRANSPORT"), "kafka");
	ck_assert_str_eq(psm_config_string(cfg, "PSYMATCH_WIRE"), "snake");
	ck_assert_str_eq(psm_config_string(cfg, "PSYMATCH_SPOOL_DIR"), "");
	ck_assert_int_eq(psm_config_int(cfg, "PSYMATCH_EVENT_MAX_BYTES"),
	                 1000000);
	ck_assert_int_eq(psm_config_int(cfg, "PSYMATCH_PG_LEASE_MS"), 10000);
	ck_assert_int_eq(psm_config_bool(cfg, "PSYMATCH_PROCESSOR_BREAKER"), 1);
}
END_TEST

/* -- values */

#define NO PSM_ERR_INVAL /* another type */

static const struct {
	const char *name, *value, *kept;
	int64_t number;
	int flag;
} good[] = {
    {"DB_PORT", "1", "1", 1, 1},
    {"DB_PORT", "65535", "65535", 65535, NO},
    {"DB_PORT", "0005432", "0005432", 5432, NO},
    {"DB_HOST", "/var/run/postgresql", "/var/run/postgresql", NO, NO},
    {"DB_PASSWORD", " spaces = kept ", " spaces = kept ", NO, NO},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "true", "true", NO, 1},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "TRUE", "TRUE", NO, 1},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "1", "1", 1, 1},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "Yes", "Yes", NO, 1},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "oN", "oN", NO, 1},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "False", "False", NO, 0},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "0", "0", 0, 0},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "no", "no", NO, 0},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "OFF", "OFF", NO, 0},
    {"LOG_LEVEL", "debug", "DEBUG", NO, NO},
    {"LOG_LEVEL", "Critical", "CRITICAL", NO, NO},
    {"PSYMATCH_SPOOL_DURABILITY", "OS", "os", NO, NO},
    {"PSYMATCH_SPOOL_DURABILITY", "interval", "interval", NO, NO},
};

START_TEST(accepts)
{
	const char *name = good[_i].name;

	ck_assert_msg(psm_config_set(cfg, name, good[_i].value, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_str_eq(psm_config_string(cfg, name), good[_i].kept);
	ck_assert_int_eq(psm_config_int(cfg, name), good[_i].number);
	ck_assert_int_eq(psm_config_bool(cfg, name), good[_i].flag);
	ck_assert_int_eq(psm_config_given(cfg, name), 1);
}
END_TEST

static const struct {
	const char *name, *value, *message;
} bad[] = {
    {"DB_PORT", "0", "DB_PORT: want an integer from 1 to 65535, found \"0\""},
    {"DB_PORT", "65536",
     "DB_PORT: want an integer from 1 to 65535, found \"65536\""},
    {"DB_PORT", "-1", "DB_PORT: want an integer from 1 to 65535, found \"-1\""},
    {"DB_PORT", "5432 ",
     "DB_PORT: want an integer from 1 to 65535, found \"5432 \""},
    {"DB_PORT", " 5432",
     "DB_PORT: want an integer from 1 to 65535, found \" 5432\""},
    {"DB_PORT", "+5432",
     "DB_PORT: want an integer from 1 to 65535, found \"+5432\""},
    {"DB_PORT", "0x10",
     "DB_PORT: want an integer from 1 to 65535, found \"0x10\""},
    {"DB_PORT", "-", "DB_PORT: want an integer from 1 to 65535, found \"-\""},
    {"DB_PORT", "99999999999999999999",
     "DB_PORT: want an integer from 1 to 65535, found "
     "\"99999999999999999999\""},
    {"PSYMATCH_PG_LEASE_MS", "5s",
     "PSYMATCH_PG_LEASE_MS: want an integer from 300 to 600000 ms, found "
     "\"5s\""},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "maybe",
     "PSYMATCH_DEAD_LETTER_TOPIC: want true or false, found \"maybe\""},
    {"PSYMATCH_DEAD_LETTER_TOPIC", "2",
     "PSYMATCH_DEAD_LETTER_TOPIC: want true or false, found \"2\""},
    {"PSYMATCH_TRANSPORT", "kaf",
     "PSYMATCH_TRANSPORT: want one of kafka memory postgres, found \"kaf\""},
    {"PSYMATCH_TRANSPORT", "kafka memory",
     "PSYMATCH_TRANSPORT: want one of kafka memory postgres, found \"kafka memory\""},
    {"PSYMATCH_TRANSPORT", " ",
     "PSYMATCH_TRANSPORT: want one of kafka memory postgres, found \" \""},
    {"PSYMATCH_SPOOL_DIRECTORY", "/x",
     "PSYMATCH_SPOOL_DIRECTORY: no such setting, the nearest is "
     "PSYMATCH_SPOOL_DIR"},
    {"db_port", "1", "db_port: no such setting"},
    {"PSYMATCH_KAFKA_", "1", "PSYMATCH_KAFKA_: no such setting"},
    {"PSYMATCH_DB_PORT", "1", "PSYMATCH_DB_PORT: no such setting"},
    {"DB_PASSWORD hunter2", "1",
     "DB_PASSWORD...: no such setting, the nearest is DB_PASSWORD"},
    {"", "1", ": no such setting"},
};

START_TEST(refuses)
{
	ck_assert_int_eq(psm_config_set(cfg, bad[_i].name, bad[_i].value, err),
	                 PSM_ERR_CONFIG);
	ck_assert_int_eq(psm_error_code(err), PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err), bad[_i].message);
	ck_assert_int_eq(psm_config_int(cfg, "DB_PORT"), 5432);
	ck_assert_int_le(psm_config_given(cfg, bad[_i].name), 0);
}
END_TEST

START_TEST(a_refused_value_leaves_the_old_one)
{
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "77", err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "x", err),
	                 PSM_ERR_CONFIG);
	ck_assert_int_eq(psm_config_int(cfg, "DB_PORT"), 77);
}
END_TEST

/* VAR= in an environment file means that there is none. */
START_TEST(an_empty_value_is_none)
{
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "77", err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "", err), 0);
	ck_assert_int_eq(psm_config_int(cfg, "DB_PORT"), 5432);
	ck_assert_int_eq(psm_config_given(cfg, "DB_PORT"), 0);
}
END_TEST

/* -- what is logged */

static char lines[4096];
static char nothing[] = "";

static void
collect(int level, const char *message, const char *const *fields, void *user)
{
	size_t used = strlen(lines);

	used += (size_t)snprintf(lines + used, sizeof(lines) - used, "%s%s: %s",
	                         (const char *)user, psm_log_level_name(level),
	                         message);
	for (; *fields; fields += 2)
		used += (size_t)snprintf(lines + used, sizeof(lines) - used,
		                         " %s=%s", fields[0], fields[1]);
	(void)snprintf(lines + used, sizeof(lines) - used, "\n");
}

/* A misspelt name in a program is not a setting that is 0 or false. */
START_TEST(unknown_names)
{
	psm_set_log(collect, PSM_LOG_DEBUG, nothing);
	ck_assert_ptr_null(psm_config_string(cfg, "HOME"));
	ck_assert_int_eq(psm_config_int(cfg, "PSYMATCH_SHUTDOWN"),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_config_bool(cfg, "PSYMATCH_STRIKT"),
	                 PSM_ERR_NOT_FOUND);
	ck_assert_int_eq(psm_config_given(cfg, "HOME"), PSM_ERR_NOT_FOUND);
	ck_assert_str_eq(lines, "ERROR: the program asks for a setting that is "
	                        "none name=PSYMATCH_SHUTDOWN\n"
	                        "ERROR: the program asks for a setting that is "
	                        "none name=PSYMATCH_STRIKT\n"
	                        "ERROR: the program asks for a setting that is "
	                        "none name=HOME\n");
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
	ck_assert_int_eq(psm_config_int(cfg, "PSYMATCH_KAFKA_LINGER_MS"),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_given(cfg, "PSYMATCH_KAFKA_LINGER_MS"), 0);
}
END_TEST

START_TEST(arguments)
{
	ck_assert_int_eq(psm_config_new(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_from_env(NULL, err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_set(NULL, "DB_PORT", "1", err),
	                 PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_set(cfg, NULL, "1", err), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", NULL, err),
	                 PSM_ERR_INVAL);
	ck_assert_ptr_null(psm_config_string(NULL, "DB_PORT"));
	ck_assert_ptr_null(psm_config_string(cfg, NULL));
	ck_assert_int_eq(psm_config_given(NULL, "DB_PORT"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_int(NULL, "DB_PORT"), PSM_ERR_INVAL);
	ck_assert_int_eq(psm_config_bool(cfg, NULL), PSM_ERR_INVAL);
	psm_config_free(NULL);
}
END_TEST

/* -- properties of librdkafka */

START_TEST(kafka_properties)
{
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_SASL_PASSWORD", "secret", err),
	    0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_linger.ms", "5", err), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_Linger_MS", "6", err), 0);
	ck_assert_str_eq(psm__config_kafka_name(cfg, 0), "sasl.password");
	ck_assert_str_eq(psm__config_kafka_value(cfg, 0), "secret");
	ck_assert_str_eq(psm__config_kafka_name(cfg, 1), "linger.ms");
	ck_assert_str_eq(psm__config_kafka_value(cfg, 1), "6");
	ck_assert_ptr_null(psm__config_kafka_name(cfg, 2));
	ck_assert_ptr_null(psm__config_kafka_value(cfg, 2));
	ck_assert_str_eq(psm_config_string(cfg, "PSYMATCH_KAFKA_LINGER_MS"),
	                 "6");
	ck_assert_int_eq(psm_config_given(cfg, "PSYMATCH_KAFKA_linger_ms"), 1);
	ck_assert_str_eq(psm_config_string(cfg, "PSYMATCH_KAFKA_LINGER"), "");
	ck_assert_int_eq(psm_config_given(cfg, "PSYMATCH_KAFKA_LINGER"), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_SASL_PASSWORD", "", err), 0);
	ck_assert_str_eq(psm__config_kafka_name(cfg, 0), "linger.ms");
	ck_assert_ptr_null(psm__config_kafka_name(cfg, 1));
}
END_TEST

/* -- the environment */

static void
put(const char *name, const char *value)
{
	ck_assert_int_eq(setenv(name, value, 1), 0);
}

/* -- settings of programs */

/* One row per setting. */
/* clang-format off */
static const char *const ours[] = {
    "GREETER_PORT", "integer", "8080", "1 to 65535", "", "port of the greeter",
    "GREETER_TONE", "word", "polite", "polite rude", "", "tone of voice",
    "PSYMATCH_HTTP_TEST", "path", "", "", "", "a file",
    NULL};
/* clang-format on */

START_TEST(programs_register_theirs)
{
	size_t before = psm_config_count(), i;
	psm_config *env = NULL, *copy = NULL;

	ck_assert_int_eq(psm_config_set(cfg, "GREETER_PORT", "1", err),
	                 PSM_ERR_CONFIG);
	ck_assert_int_eq(psm_config_register(ours, err), 0);
	ck_assert_uint_eq(psm_config_count(), before + 3);
	ck_assert_int_eq(psm_config_register(ours, err), 0); /* once more */
	ck_assert_uint_eq(psm_config_count(), before + 3);
	for (i = 0; i < 3; i++) {
		ck_assert_str_eq(psm_config_name_at(before + i), ours[6 * i]);
		ck_assert_str_eq(psm_config_type_at(before + i),
		                 ours[6 * i + 1]);
		ck_assert_str_eq(psm_config_default_at(before + i),
		                 ours[6 * i + 2]);
		ck_assert_str_eq(psm_config_meaning_at(before + i),
		                 ours[6 * i + 5]);
	}
	/* Settings that were made before know them, too. */
	ck_assert_int_eq(psm_config_int(cfg, "GREETER_PORT"), 8080);
	ck_assert_int_eq(psm_config_given(cfg, "GREETER_PORT"), 0);
	ck_assert_int_eq(psm_config_set(cfg, "GREETER_TONE", "RUDE", err), 0);
	ck_assert_str_eq(psm_config_string(cfg, "GREETER_TONE"), "rude");
	ck_assert_int_eq(psm_config_set(cfg, "GREETER_PORT", "0", err),
	                 PSM_ERR_CONFIG);
	ck_assert_str_eq(psm_error_message(err),
	                 "GREETER_PORT: want an integer from 1 to 65535, found "
	                 "\"0\"");
	ck_assert_int_eq(psm__config_copy(cfg, &copy, err), 0);
	ck_assert_str_eq(psm_config_string(copy, "GREETER_TONE"), "rude");
	ck_assert_int_eq(psm_config_int(copy, "GREETER_PORT"), 8080);
	psm_config_free(copy);
	put("GREETER_PORT", "81");
	put("PSYMATCH_HTTP_TEST", "/x");
	put("PSYMATCH_STRICT", "true");
	ck_assert_int_eq(psm_config_from_env(&env, err), 0);
	ck_assert_int_eq(psm_config_int(env, "GREETER_PORT"), 81);
	ck_assert_str_eq(psm_config_string(env, "PSYMATCH_HTTP_TEST"), "/x");
	psm_config_free(env);
}
END_TEST

/* Of libpsymatch-service in a program without it; not for everybody. */
START_TEST(settings_of_services_are_no_mistake)
{
	psm_config *env = NULL;

	put("PSYMATCH_STRICT", "true");
	put("PSYMATCH_HTTP_HOST", "::");
	put("PSYMATCH_SHUTDOWN_MS", "x");
	put("PSYMATCH_REST_WAIT_MS", "1");
	ck_assert_int_eq(psm_config_from_env(&env, err), 0);
	psm_config_free(env);
	put("PSYMATCH_HTTPS", "1");
	ck_assert_int_eq(psm_config_from_env(&env, err), PSM_ERR_CONFIG);
}
END_TEST

static const struct {
	const char *row[7];
	int code;
} bad_rows[] = {
    {{"A_b", "string", "", "", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "text", "", "", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "integer", "1", "", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "integer", "1", "9 to 1", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "integer", "1", "1 to 9 ms", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "integer", "10", "1 to 9", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "word", "c", "a b", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "integer", "1", "-1 to 9", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "word", "", "", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "string", "", "1 to 9", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "boolean", "maybe", "", "", "m", NULL}, PSM_ERR_INVAL},
    {{"A", "string", "", "", "", NULL, NULL}, PSM_ERR_INVAL},
    {{"DB_PORT", "integer", "5433", "1 to 65535", "", "m", NULL},
     PSM_ERR_CONFLICT},
    {{"DB_PORT", "string", "5432", "", "", "m", NULL}, PSM_ERR_CONFLICT},
    {{"DB_PORT", "integer", "5432", "1 to 65534", "", "m", NULL},
     PSM_ERR_CONFLICT},
    {{"PSYMATCH_TRANSPORT", "word", "kafka", "kafka pigeon", "", "m", NULL},
     PSM_ERR_CONFLICT},
    {{"DB_PORT", "integer", "5432", "1 to 65535", "", "m", NULL}, 0},
};

START_TEST(bad_rows_are_refused)
{
	size_t before = psm_config_count();

	ck_assert_int_eq(psm_config_register(bad_rows[_i].row, err),
	                 bad_rows[_i].code);
	ck_assert_int_eq(psm_error_code(err), bad_rows[_i].code);
	ck_assert_uint_eq(psm_config_count(), before);
	ck_assert_int_eq(psm_config_register(NULL, err), PSM_ERR_INVAL);
}
END_TEST

START_TEST(registered_ones_are_bounded)
{
	static char names[300][16];
	const char *row[7] = {NULL, "string", "", "", "", "m", NULL};
	int i, rc = 0;

	for (i = 0; i < 300 && rc == 0; i++) {
		(void)snprintf(names[i], sizeof names[i], "GREETER_%d", i);
		row[0] = names[i];
		rc = psm_config_register(row, err);
	}
	ck_assert_int_eq(rc, PSM_ERR_FULL);
	ck_assert_int_eq(i, 257);
}
END_TEST

START_TEST(from_the_environment)
{
	psm_config *env = NULL;

	put("HOME", "/root");
	put("DB_PORT", "6000");
	put("DB_NAME", "");
	put("DB_PASSWORD", "a=b");
	put("PSYMATCH_WIRE", "camel");
	put("PSYMATCH_KAFKA_SECURITY_PROTOCOL", "SASL_SSL");
	put("PSYMATCH_LIBRARY", "./libpsymatch.so");
	put("PSYMATCH_TEST_PG", "1");
	ck_assert_msg(psm_config_from_env(&env, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_int_eq(psm_config_int(env, "DB_PORT"), 6000);
	ck_assert_str_eq(psm_config_string(env, "DB_NAME"), "therapy_platform");
	ck_assert_int_eq(psm_config_given(env, "DB_NAME"), 0);
	ck_assert_str_eq(psm_config_string(env, "DB_PASSWORD"), "a=b");
	ck_assert_str_eq(psm_config_string(env, "PSYMATCH_WIRE"), "camel");
	ck_assert_str_eq(psm__config_kafka_name(env, 0), "security.protocol");
	ck_assert_str_eq(psm__config_kafka_value(env, 0), "SASL_SSL");
	ck_assert_int_eq(psm_config_int(env, "PSYMATCH_PG_LEASE_MS"), 10000);
	psm_config_free(env);
}
END_TEST

static const struct {
	const char *name, *value, *message;
} bad_env[] = {
    {"PSYMATCH_QUEUE_MAX", "many",
     "PSYMATCH_QUEUE_MAX: want an integer from 1 to 1000000 events, found "
     "\"many\""},
    {"LOG_LEVEL", "LOUD",
     "LOG_LEVEL: want one of DEBUG INFO WARNING ERROR CRITICAL, found "
     "\"LOUD\""},
};

/* As Kubernetes makes them for services called psymatch-db, psymatch-kafka and
 * psymatch. */
static const char *const links[] = {
    "PSYMATCH_DB_SERVICE_HOST",
    "PSYMATCH_DB_SERVICE_PORT",
    "PSYMATCH_DB_SERVICE_PORT_POSTGRES",
    "PSYMATCH_DB_PORT",
    "PSYMATCH_DB_PORT_5432_TCP",
    "PSYMATCH_DB_PORT_5432_TCP_PROTO",
    "PSYMATCH_DB_PORT_5432_TCP_PORT",
    "PSYMATCH_DB_PORT_5432_TCP_ADDR",
    "PSYMATCH_KAFKA_SERVICE_HOST",
    "PSYMATCH_KAFKA_SERVICE_PORT",
    "PSYMATCH_KAFKA_PORT",
    "PSYMATCH_KAFKA_PORT_9092_TCP",
    "PSYMATCH_KAFKA_PORT_53_UDP_ADDR",
    "PSYMATCH_SERVICE_HOST",
    "PSYMATCH_PORT",
    "PSYMATCH_PORT_80_SCTP_PROTO",
};

START_TEST(links_are_no_settings)
{
	psm_config *env = NULL;

	psm_set_log(collect, PSM_LOG_DEBUG, nothing);
	if (_i)
		put("PSYMATCH_STRICT", "true");
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		put(links[i], "tcp://10.96.0.12:5432");
	put("PSYMATCH_KAFKA_SASL_KERBEROS_SERVICE_NAME", "kafka");
	ck_assert_msg(psm_config_from_env(&env, err) == 0, "%s",
	              psm_error_message(err));
	ck_assert_str_eq(lines, "");
	ck_assert_str_eq(psm__config_kafka_name(env, 0),
	                 "sasl.kerberos.service.name");
	ck_assert_ptr_null(psm__config_kafka_name(env, 1));
	psm_config_free(env);
	/* Of a service called db. */
	put("DB_PORT", "tcp://10.96.0.12:5432");
	ck_assert_int_eq(psm_config_from_env(&env, err), 0);
	ck_assert_int_eq(psm_config_int(env, "DB_PORT"), 5432);
	ck_assert_int_eq(psm_config_given(env, "DB_PORT"), 0);
	ck_assert_str_eq(lines, "WARNING: environment: the address of a "
	                        "service where a port is wanted; ignored "
	                        "variable=DB_PORT\n");
	psm_config_free(env);
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
}
END_TEST

static const struct {
	const char *name, *nearest;
} unknown_env[] = {
    {"PSYMATCH_SPOL_DIR", "PSYMATCH_SPOOL_DIR"},
    {"PSYMATCH_SPOOL_DIRECTORY", "PSYMATCH_SPOOL_DIR"},
    {"PSYMATCH_QUEUEMAX", "PSYMATCH_QUEUE_MAX"},
    {"PSYMATCH_PROCESSOR_WORKER", "PSYMATCH_PROCESSOR_WORKERS"},
    {"PSYMATCH_SOMETHING_ELSE_ENTIRELY", ""},
};

START_TEST(an_unknown_variable_is_a_warning)
{
	psm_config *env = NULL;
	char want[256];

	psm_set_log(collect, PSM_LOG_DEBUG, nothing);
	put(unknown_env[_i].name, "/x");
	ck_assert_msg(psm_config_from_env(&env, err) == 0, "%s",
	              psm_error_message(err));
	(void)snprintf(want, sizeof(want),
	               "WARNING: environment: no such setting; ignored "
	               "variable=%s nearest=%s\n",
	               unknown_env[_i].name, unknown_env[_i].nearest);
	ck_assert_str_eq(lines, want);
	psm_config_free(env);
	put("PSYMATCH_STRICT", "true");
	ck_assert_int_eq(psm_config_from_env(&env, err), PSM_ERR_CONFIG);
	ck_assert_ptr_null(env);
	(void)snprintf(want, sizeof(want), "%s: no such setting%s%s",
	               unknown_env[_i].name,
	               unknown_env[_i].nearest[0] ? ", the nearest is " : "",
	               unknown_env[_i].nearest);
	ck_assert_str_eq(psm_error_message(err), want);
	ck_assert_str_eq(psm_error_source(err), "environment");
	psm_set_log(NULL, PSM_LOG_DEBUG, NULL);
}
END_TEST

START_TEST(from_a_bad_environment)
{
	psm_config *env = cfg;

	put("DB_PASSWORD", "hunter2");
	put(bad_env[_i].name, bad_env[_i].value);
	ck_assert_int_eq(psm_config_from_env(&env, err), PSM_ERR_CONFIG);
	ck_assert_ptr_null(env);
	ck_assert_str_eq(psm_error_message(err), bad_env[_i].message);
	ck_assert_str_eq(psm_error_source(err), "environment");
}
END_TEST

/* -- copies and memory */

START_TEST(copies)
{
	psm_config *copy = NULL;

	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "77", err), 0);
	ck_assert_int_eq(
	    psm_config_set(cfg, "PSYMATCH_KAFKA_linger_ms", "6", err), 0);
	ck_assert_int_eq(psm__config_copy(cfg, &copy, err), 0);
	ck_assert_int_eq(psm_config_set(cfg, "DB_PORT", "78", err), 0);
	ck_assert_int_eq(psm_config_int(copy, "DB_PORT"), 77);
	ck_assert_int_eq(psm_config_given(copy, "DB_PORT"), 1);
	ck_assert_int_eq(psm_config_given(copy, "DB_HOST"), 0);
	ck_assert_str_eq(psm__config_kafka_value(copy, 0), "6");
	psm_config_free(copy);
}
END_TEST

static int
whole_life(void *arg)
{
	psm_config *one = NULL, *two = NULL;
	int rc;

	(void)arg;
	rc = psm_config_from_env(&one, NULL);
	if (rc == 0)
		rc = psm_config_set(one, "PSYMATCH_KAFKA_LINGER_MS", "7", NULL);
	if (rc == 0)
		rc = psm__config_copy(one, &two, NULL);
	ck_assert_int_eq(rc == 0, two != NULL);
	psm_config_free(one);
	psm_config_free(two);
	return rc;
}

START_TEST(out_of_memory)
{
	ck_assert_int_eq(clearenv(), 0);
	put("DB_PORT", "6000");
	put("PSYMATCH_KAFKA_LINGER_MS", "5");
	ck_assert_int_ge(testing_fail_each(whole_life, NULL, 0), 12);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("config");
	TCase *t = tcase_create("config"), *oom = tcase_create("oom");

	setting_count = (int)psm_config_count();
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_setting, 0, setting_count);
	tcase_add_test(t, past_the_end);
	tcase_add_test(t, documented_defaults);
	tcase_add_loop_test(t, accepts, 0, (int)PSM__COUNT(good));
	tcase_add_loop_test(t, refuses, 0, (int)PSM__COUNT(bad));
	tcase_add_test(t, a_refused_value_leaves_the_old_one);
	tcase_add_test(t, an_empty_value_is_none);
	tcase_add_test(t, unknown_names);
	tcase_add_test(t, arguments);
	tcase_add_test(t, kafka_properties);
	tcase_add_test(t, from_the_environment);
	tcase_add_test(t, programs_register_theirs);
	tcase_add_test(t, settings_of_services_are_no_mistake);
	tcase_add_test(t, registered_ones_are_bounded);
	tcase_add_loop_test(t, bad_rows_are_refused, 0,
	                    (int)PSM__COUNT(bad_rows));
	tcase_add_loop_test(t, links_are_no_settings, 0, 2);
	tcase_add_loop_test(t, an_unknown_variable_is_a_warning, 0,
	                    sizeof(unknown_env) / sizeof(unknown_env[0]));
	tcase_add_loop_test(t, from_a_bad_environment, 0,
	                    (int)PSM__COUNT(bad_env));
	tcase_add_test(t, copies);
	suite_add_tcase(s, t);
	tcase_add_test(oom, out_of_memory);
	suite_add_tcase(s, oom);
	return testing_run(srunner_create(s));
}
