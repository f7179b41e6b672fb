/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of settings: as the manual page psymatch-settings(7), in mdoc, or a
 * line each for scripts. */
#include <ctype.h>
#include <psymatch/psymatch.h>
#include <psymatch/service.h>
#include <stdio.h>
#include <string.h>

static const char intro[] =
    ".\\\" SPDX-License-Identifier: BSD-2-Clause\n"
    ".\\\" Written by examples/settings.c from the table of settings.\n"
    ".Dd January 1, 2026\n"
    ".Dt PSYMATCH-SETTINGS 7\n"
    ".Os\n"
    ".Sh NAME\n"
    ".Nm psymatch-settings\n"
    ".Nd all settings of the library and of the services\n"
    ".Sh DESCRIPTION\n"
    "A setting is a variable of the environment.\n"
    "An empty value means that none is given, unless a setting says here what "
    "it is.\n"
    "Each is listed with its type, the values that it takes and its default.\n"
    "A program that finds another value does not start, and says which setting "
    "is wrong; an unknown variable that begins with PSYMATCH_ is a warning, and "
    "an error with\n"
    ".Ev PSYMATCH_STRICT .\n"
    ".Xr psm_config 3\n"
    "says how programs read settings and add their own.\n";

static const char kafka[] =
    ".It Ev PSYMATCH_KAFKA_<key>\n"
    "(any)\n"
    "The property <key> of librdkafka, with underscores for dots, for instance\n"
    ".Ev PSYMATCH_KAFKA_security_protocol ;\n"
    "see\n"
    ".Xr psymatch-kafka 7 .\n";

static const char outro[] = ".Sh SEE ALSO\n"
			    ".Xr psm_config 3 ,\n"
			    ".Xr psm_service 3 ,\n"
			    ".Xr psymatch-kafka 7 ,\n"
			    ".Xr psymatch-transport 7\n"
			    ".Sh HISTORY\n"
			    "These settings appeared in version 0.1.\n";

/* A sentence of the table on lines that mdoc takes: none begins with a dot. */
static void
print_sentence(const char *text)
{
	printf("%c%s.\n", toupper((unsigned char)text[0]), text + 1);
}

static void
print_setting(size_t i)
{
	const char *type = psm_config_type_at(i);
	const char *preset = psm_config_default_at(i);
	char takes[200];

	psm_config_takes_at(i, takes, sizeof takes);
	printf(".It Ev %s\n(%s%s%s%s%s)\n", psm_config_name_at(i), type,
	       takes[0] ? strcmp(type, "word") == 0 ? ": " : ", " : "", takes,
	       preset[0] ? "; default " : "", preset);
	print_sentence(psm_config_meaning_at(i));
}

static void
print_page(size_t own)
{
	size_t i;

	fputs(intro, stdout);
	puts(".Ss Of the library, and of all that uses it\n"
	     ".Bl -tag -width Ds");
	for (i = 0; i < own; i++)
		print_setting(i);
	fputs(kafka, stdout);
	puts(".El\n.Ss Of the services\n.Bl -tag -width Ds");
	for (; i < psm_config_count(); i++)
		print_setting(i);
	puts(".El");
	fputs(outro, stdout);
}

int
main(int argc, char **argv)
{
	psm_error *err = psm_error_new();
	size_t own = psm_config_count(), i;
	int rc = psm_config_register(psm_service_settings(), err);

	if (rc < 0)
		fprintf(stderr, "settings: %s\n", psm_error_message(err));
	else if (argc == 2 && strcmp(argv[1], "--man") == 0)
		print_page(own);
	else if (argc == 1)
		for (i = 0; i < psm_config_count(); i++)
			printf("%s\t%s\t%s\n", psm_config_name_at(i),
			       psm_config_type_at(i), psm_config_default_at(i));
	else
		rc = PSM_ERR_INVAL;
	psm_error_free(err);
	return rc < 0 || fflush(stdout) != 0;
}
