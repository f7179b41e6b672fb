/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words that the tables of fields are written in; only for files that
 * expand these tables. A line is
 *
 *   F(NAME, name, type, need, writers, personal, share, find, default, meaning)
 *
 * share is one of LOCAL (only REST has it), EVENT (events carry it, too) and
 * COPY (and the matching service's copy keeps it).
 */
#ifndef PSM_COLUMNS_INT_H
#define PSM_COLUMNS_INT_H

#include "entity/entity.h"

/* Type, SQL type, form, least, most, type of items, words. */
#define T_(type, sql, form, least, most, item, words)                          \
	PSM__T_##type, sql, PSM__FORM_##form, least, most, PSM__T_##item, words
#define INTEGER T_(INTEGER, "integer", FREE, INT32_MIN, INT32_MAX, ANY, NULL)
#define RANGE(least, most) T_(INTEGER, "integer", FREE, least, most, ANY, NULL)
#define NUMBER_ID RANGE(1, INT32_MAX)
#define COUNTER RANGE(0, INT32_MAX)
#define BIGINT T_(BIGINT, "bigint", FREE, INT64_MIN, INT64_MAX, ANY, NULL)
#define NUMERIC T_(NUMERIC, "numeric", FREE, 0, 0, ANY, NULL)
#define BOOLEAN T_(BOOLEAN, "boolean", FREE, 0, 0, ANY, NULL)
#define TEXT T_(TEXT, "text", FREE, 0, 0, ANY, NULL)
#define LINE(n) T_(TEXT, "varchar(" #n ")", LINE, 0, n, ANY, NULL)
#define NAME(n) T_(TEXT, "varchar(" #n ")", NAME, 0, n, ANY, NULL)
#define MAIL(n) T_(TEXT, "varchar(" #n ")", MAIL, 0, n, ANY, NULL)
/* A German postal code in a column that may be wider. */
#define POSTCODE(n) T_(TEXT, "varchar(" #n ")", POSTCODE, 0, n, ANY, NULL)
#define PAGE(n) T_(TEXT, "varchar(" #n ")", PAGE, 0, n, ANY, NULL)
/* A text of which people choose one of some words; older rows may have others.
 */
#define CHOICE(n, list)                                                        \
	T_(TEXT, "varchar(" #n ")", LINE, 0, n, ANY, psm__words_##list)
#define ENUM(list) T_(ENUM, #list, FREE, 0, 0, ANY, psm__words_##list)
#define DATE T_(DATE, "date", FREE, 0, 0, ANY, NULL)
#define TIME T_(TIME, "time", FREE, 0, 0, ANY, NULL)
#define TIMESTAMP T_(TIMESTAMP, "timestamp", FREE, 0, 0, ANY, NULL)
#define OBJECT T_(OBJECT, "jsonb", FREE, 0, 0, ANY, NULL)
/* An object or array that must look so inside. */
#define OBJECT_OF(form) T_(OBJECT, "jsonb", form, 0, 0, ANY, NULL)
/* most: items that a writer may give, 0: any number. */
#define EXCLUSIONS(most) T_(ARRAY, "jsonb", EXCLUSIONS, 0, most, ANY, NULL)
#define ARRAY T_(ARRAY, "jsonb", FREE, 0, 0, ANY, NULL)
#define ARRAY_OF(item) T_(ARRAY, "jsonb", FREE, 0, 0, item, NULL)
#define WORDS_OF(list, least, most)                                            \
	T_(ARRAY, "jsonb", FREE, least, most, ENUM, psm__words_##list)

/* need: what must be there, and what comes by itself. */
#define MAY 0u
#define MUST ((unsigned)PSM__REQUIRED | PSM__NOT_NULL)
#define FILLED ((unsigned)PSM__NOT_NULL)
#define STAYS ((unsigned)PSM__STAYS)
#define CREATED ((unsigned)PSM__CREATED)
#define UPDATED ((unsigned)PSM__UPDATED)

/* writers */
#define NOBODY 0u
#define SYS ((unsigned)PSM__W_SYSTEM)
#define NEW ((unsigned)PSM__W_REST_CREATE)
#define CHANGE ((unsigned)PSM__W_REST_UPDATE)
#define REST (NEW | CHANGE)
#define IMPORT_NEW ((unsigned)PSM__W_IMPORT_CREATE)
#define IMPORT (IMPORT_NEW | PSM__W_IMPORT_UPDATE)

#define PERSONAL ((unsigned)PSM__PERSONAL)
#define OPEN 0u

#define SHARE_LOCAL 0u
#define SHARE_EVENT ((unsigned)PSM__IN_EVENT)
#define SHARE_COPY ((unsigned)PSM__IN_EVENT | PSM__IN_COPY)

/* find: what lists can do with it */
#define NO 0u
#define FILTER ((unsigned)PSM__FILTER)
#define PREFIX ((unsigned)PSM__PREFIX)
#define SEARCH ((unsigned)PSM__SEARCHED)
#define SORT ((unsigned)PSM__SORT)

#endif
