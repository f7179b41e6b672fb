/* SPDX-License-Identifier: BSD-2-Clause */
/* What events carry of an entity, from the table of its fields. */
#include "entity/columns.h"
#include "event/catalogue_int.h"

#define KIND(type)                                                             \
	((type) == PSM__T_INTEGER || (type) == PSM__T_BIGINT ? PSM__F_integer  \
	 : (type) == PSM__T_NUMERIC                          ? PSM__F_number   \
	 : (type) == PSM__T_BOOLEAN                          ? PSM__F_boolean  \
	 : (type) == PSM__T_DATE                             ? PSM__F_date     \
	 : (type) == PSM__T_TIME                             ? PSM__F_time     \
	 : (type) == PSM__T_TIMESTAMP                        ? PSM__F_datetime \
	 : (type) == PSM__T_OBJECT                           ? PSM__F_object   \
	 : (type) == PSM__T_ARRAY                            ? PSM__F_array    \
	 : (type) == PSM__T_ANY                              ? PSM__F_any      \
	                                                     : PSM__F_string)

/*
 * In an event any column may be missing or null, so that a reader does not
 * refuse a record of an older or newer writer. Only the number that the
 * database gave must be there. The words of a choice are for those who write
 * now.
 */
#define MEMBER(...) MEMBER_(__VA_ARGS__)
#define MEMBER_(column, sort, sql, like, low, high, what, list, who, secret)   \
	{.name = #column,                                                      \
	 .len = sizeof #column - 1,                                            \
	 .type = KIND(sort),                                                   \
	 .item_type = KIND(what),                                              \
	 .required = (who) == NOBODY,                                          \
	 .nullable = (who) != NOBODY,                                          \
	 .personal = (secret) != 0,                                            \
	 .words = (sort) == PSM__T_TEXT ? NULL : (list),                       \
	 .fields = NULL},
#define MEMBER_LOCAL(...)
#define MEMBER_EVENT(...) MEMBER(__VA_ARGS__)
#define MEMBER_COPY(...) MEMBER(__VA_ARGS__)
#define M(up, column, type, need, who, secret, share, ...)                     \
	MEMBER_##share(column, type, who, secret)

/* A member that is no column. */
#define EXTRA(text, kind, list)                                                \
	{                                                                      \
		.name = text, .len = sizeof text - 1, .type = PSM__F_##kind,   \
		.nullable = 1, .words = list                                   \
	}

static const char *const recipients[] = {"therapist", "patient", NULL};

/* clang-format off */
const psm_catalogue_field_info psm__patient_data[] = {
	PSM__PATIENT_FIELDS(M)
	{.name = NULL},
};

const psm_catalogue_field_info psm__therapist_data[] = {
	PSM__THERAPIST_FIELDS(M)
	{.name = NULL},
};

const psm_catalogue_field_info psm__email_data[] = {
	EXTRA("email_id", integer, NULL),
	PSM__EMAIL_FIELDS(M)
	EXTRA("recipient_type", string, recipients),
	{.name = NULL},
};

const psm_catalogue_field_info psm__call_data[] = {
	EXTRA("call_id", integer, NULL),
	PSM__PHONE_CALL_FIELDS(M)
	EXTRA("recipient_type", string, recipients),
	EXTRA("scheduled_date", date, NULL),
	EXTRA("scheduled_time", time, NULL),
	{.name = NULL},
};
/* clang-format on */
