/* SPDX-License-Identifier: BSD-2-Clause */
/* Who comes first, and by which rule. Pure. */
#ifndef PSM_DOMAIN_PRIORITY_H
#define PSM_DOMAIN_PRIORITY_H

#include <stdint.h>

/* Order of searches in an inquiry. */
enum psm__policy_order {
	PSM__ORDER_FIFO,    /* who waits longest */
	PSM__ORDER_PRIORITY /* the same, with days given in advance */
};
/* An enum psm__policy_order; -1: no such word. */
int psm__order_from_name(const char *name);
const char *psm__order_name(int order);

/* Days that count as waited, for each of: */
enum {
	PSM__URGENCY_DAYS = 30, /* a step of declared urgency, of which there
	                           are PSM__URGENCY_MAX */
	PSM__RETURNED_DAYS = 60 /* a patient whom a therapist accepted, and who
	                           came back after a missed first meeting */
};
#define PSM__URGENCY_MAX 3

/*
 * What to sort by, ascending; who has the same is sorted by the search's id.
 * Of PSM__ORDER_PRIORITY it is created_us less the days above, so that waiting
 * counts as it goes on, and the order of two searches never changes by itself.
 * returned: 1 or 0. An urgency out of 0 to PSM__URGENCY_MAX is the nearest one.
 */
int64_t psm__order_key(int order, int64_t created_us, int urgency,
                       int returned);

/*
 * Two strategies side by side: which one a search belongs to, 0 or 1, by a hash
 * of its id. share: percent of the second one, 0 to 100. A search stays with
 * its strategy while the share grows towards it.
 */
int psm__strategy_of(int64_t search_id, int share);

/* The same in SQL: a number of 0 to 99 that is less than the share where the
 * search belongs to the second one. id: SQL of an integer. */
#define PSM__STRATEGY_PERCENT(id) "(" PSM__HASH_4(id) " % 100)"
#define PSM__HASH_1(id) "((" id "::bigint * 1640531527) & 2147483647)"
#define PSM__HASH_2(id) "(" PSM__HASH_1(id) " # (" PSM__HASH_1(id) " >> 15))"
#define PSM__HASH_3(id) "((" PSM__HASH_2(id) " * 1274126177) & 2147483647)"
#define PSM__HASH_4(id) "(" PSM__HASH_3(id) " # (" PSM__HASH_3(id) " >> 13))"

#endif
