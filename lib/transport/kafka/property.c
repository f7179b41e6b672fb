/* SPDX-License-Identifier: BSD-2-Clause */
/* One property of librdkafka: it warns about each that is of the other kind of
 * client, and says itself in its table which those are. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "transport/kafka/kafka_int.h"

static char *table; /* its text; never freed, NULL: out of memory */

static void
ask_for_table(void)
{
	size_t size = 0;
	FILE *f = open_memstream(&table, &size);

	if (!f)
		return;
	rd_kafka_conf_properties_show(f);
	if (fclose(f) != 0)
		table = NULL; /* out of memory */
}

/* A row is "key   |  C  | ...". */
char
psm__kafka_kind_of(const char *key)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t len = strlen(key);
	const char *row;

	(void)pthread_once(&once, ask_for_table);
	for (row = table; row && *row; row += *row == '\n') {
		if (strncmp(row, key, len) == 0 &&
		    (row[len] == ' ' || row[len] == '|')) {
			row += strcspn(row, "|\n");
			row += strspn(row, "| ");
			return *row == 'C' || *row == 'P' ? *row : '*';
		}
		row += strcspn(row, "\n");
	}
	return '*';
}

int
psm__kafka_set(rd_kafka_conf_t *conf, const char *key, const char *value,
               psm_error *err)
{
	char text[256] = "";

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) ==
	    RD_KAFKA_CONF_OK)
		return 0;
	return psm__fail(err, PSM_ERR_CONFIG, "librdkafka: %s", text);
}
