/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/priority.h"

#include <string.h>

#include "base/base.h"

#define DAY_US (INT64_C(86400) * 1000000)

static const char *const names[] = {"fifo", "priority"};

int
psm__order_from_name(const char *name)
{
	for (size_t i = 0; name != NULL && i < PSM__COUNT(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

const char *
psm__order_name(int order)
{
	return order >= 0 && (size_t)order < PSM__COUNT(names) ? names[order]
	                                                       : NULL;
}

int64_t
psm__order_key(int order, int64_t created_us, int urgency, int returned)
{
	if (order == PSM__ORDER_FIFO)
		return created_us;
	if (urgency < 0)
		urgency = 0;
	if (urgency > PSM__URGENCY_MAX)
		urgency = PSM__URGENCY_MAX;
	return created_us - urgency * PSM__URGENCY_DAYS * DAY_US -
	       (returned ? PSM__RETURNED_DAYS * DAY_US : 0);
}

int
psm__strategy_of(int64_t search_id, int share)
{
	/* As PSM__STRATEGY_PERCENT has it. */
	uint64_t hash = ((uint64_t)search_id * 1640531527) & 0x7fffffff;

	hash ^= hash >> 15;
	hash = (hash * 1274126177) & 0x7fffffff;
	hash ^= hash >> 13;
	return (int)(hash % 100) < share;
}
