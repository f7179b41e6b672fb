/* SPDX-License-Identifier: BSD-2-Clause */
/* Here and not with the other transports: one of them needs the store. */
#include "transport/kafka/kafka.h"
#include "transport/memory/memory.h"
#include "transport/postgres/postgres.h"

#include <string.h>

static int
open_memory(const psm_config *cfg, psm_transport **out, psm_error *err)
{
	(void)cfg;
	return psm_transport_memory(PSM__MEMORY_PARTITIONS, out, err);
}

static const struct {
	const char *name;
	int (*open)(const psm_config *cfg, psm_transport **out, psm_error *err);
} kinds[] = {
    {"kafka", psm__transport_kafka},
    {"memory", open_memory},
    {"postgres", psm__transport_postgres},
};

int
psm_transport_open(const psm_config *cfg, psm_transport **out, psm_error *err)
{
	const char *name;
	size_t i;

	psm__error_clear(err);
	if (out)
		*out = NULL;
	if (!cfg || !out)
		return psm__fail(err, PSM_ERR_INVAL,
		                 "cfg and out: want pointers");
	name = psm_config_string(cfg, "PSYMATCH_TRANSPORT");
	for (i = 0; name && i < PSM__COUNT(kinds); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return kinds[i].open(cfg, out, err);
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "PSYMATCH_TRANSPORT: want kafka, memory or postgres, "
	                 "got \"%s\"",
	                 name ? name : "");
}
