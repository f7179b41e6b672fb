/* SPDX-License-Identifier: BSD-2-Clause */
/* psm_config(3) says of every setting what the table says: type, range or
 * words, default, unit and meaning, in the table's order. */
#include "testing.h"

#include <ctype.h>

#include <psymatch/config.h>

#include "base/config_int.h"

static char page[200000];

/* The list of the settings, with one blank for each run of white space. */
static void
read_page(void)
{
	const char *dir = getenv("top_srcdir");
	char path[1024], *from, *to, *at = page;
	size_t len;
	FILE *f;

	snprintf(path, sizeof(path), "%s/man/psm_config.3", dir ? dir : "..");
	f = fopen(path, "re");
	ck_assert_msg(f != NULL, "%s", path);
	len = fread(page, 1, sizeof(page) - 1, f);
	fclose(f);
	page[len] = '\0';
	from = strstr(page, ".It Ev DB_HOST");
	to = strstr(page, ".It Ev PSYMATCH_KAFKA_<key>");
	ck_assert(from && to && from < to);
	for (; from < to; from++) {
		if (!isspace((unsigned char)*from))
			*at++ = *from;
		else if (at > page && at[-1] != ' ')
			*at++ = ' ';
	}
	*at = '\0';
}

/* (integer, 1 to 60000 ms; default 100) or (word: disk or os; default os) */
static void
put_values(size_t i, char *text, size_t size)
{
	const char *preset = psm_config_default_at(i);
	const char *type = psm_config_type_at(i);
	const char *between = strcmp(type, "word") == 0 ? ": " : ", ";
	char takes[200];

	psm_config_takes_at(i, takes, sizeof(takes));
	snprintf(text, size, "(%s%s%s%s%s)", type, takes[0] ? between : "",
	         takes, preset[0] ? "; default " : "", preset);
}

START_TEST(page_and_table_agree)
{
	const char *at = page;
	char want[1000], values[400];

	read_page();
	for (size_t i = 0; i < psm_config_count(); i++) {
		const char *meaning = psm_config_meaning_at(i);
		size_t len;

		put_values(i, values, sizeof(values));
		snprintf(want, sizeof(want), ".It Ev %s %s %c%s. ",
		         psm_config_name_at(i), values,
		         toupper((unsigned char)meaning[0]), meaning + 1);
		len = strlen(want);
		ck_assert_msg(strncmp(at, want, len) == 0,
		              "psm_config.3: want\n%s\nfound\n%.*s", want,
		              (int)len, at);
		at += len;
	}
	ck_assert_str_eq(at, "");
}
END_TEST

/* What the page says of a range is what is refused outside. */
START_TEST(ranges_hold)
{
	psm_config *cfg = NULL;
	long long min, max;
	char takes[200], value[40];
	int count = 0;

	ck_assert_int_eq(psm_config_new(&cfg, NULL), 0);
	for (size_t i = 0; i < psm_config_count(); i++) {
		const char *name = psm_config_name_at(i);

		if (strcmp(psm_config_type_at(i), "integer") != 0)
			continue;
		psm_config_takes_at(i, takes, sizeof(takes));
		ck_assert_int_eq(sscanf(takes, "%lld to %lld", &min, &max), 2);
		for (int outside = 0; outside < 2; outside++) {
			int want = outside ? PSM_ERR_CONFIG : 0;

			snprintf(value, sizeof(value), "%lld", min - outside);
			ck_assert_int_eq(psm_config_set(cfg, name, value, NULL),
			                 want);
			snprintf(value, sizeof(value), "%lld", max + outside);
			ck_assert_int_eq(psm_config_set(cfg, name, value, NULL),
			                 want);
		}
		count++;
	}
	ck_assert_int_gt(count, 10);
	psm_config_free(cfg);
}
END_TEST

/* A value that is cut says so with its length. */
START_TEST(takes_fit)
{
	char takes[200];

	for (size_t i = 0; i < psm_config_count(); i++)
		ck_assert_uint_lt(psm_config_takes_at(i, takes, sizeof(takes)),
		                  sizeof(takes));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("settings in the manual");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, page_and_table_agree);
	tcase_add_test(tc, ranges_hold);
	tcase_add_test(tc, takes_fit);
	suite_add_tcase(s, tc);
	return testing_run(srunner_create(s));
}
