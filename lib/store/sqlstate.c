/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn.h"

#include <stdio.h>
#include <string.h>

/*
 * The first row whose prefix fits decides; so whole states stand before their
 * class. A state of no row is a fault of the program or of the schema: not
 * retriable.
 */
static const struct state_rule {
	const char *prefix;
	int code;
	int retriable;
	int ends; /* the connection is of no use any more */
} rules[] = {
    {"22", PSM_ERR_SCHEMA, 0, 0},       /* data exception, too long, range */
    {"23502", PSM_ERR_SCHEMA, 0, 0},    /* not null */
    {"23514", PSM_ERR_SCHEMA, 0, 0},    /* check */
    {"23", PSM_ERR_CONFLICT, 0, 0},     /* unique, foreign key, exclusion */
    {"25006", PSM_ERR_DB, 1, 1},        /* read only: a standby */
    {"25P03", PSM_ERR_DB, 1, 1},        /* silent for too long in between */
    {"25P02", PSM_ERR_STATE, 0, 0},     /* an earlier statement failed */
    {"26000", PSM_ERR_DB, 1, 1},        /* its prepared statements are gone */
    {"40", PSM_ERR_DB, 1, 0},           /* serialization, deadlock */
    {"0A000", PSM_ERR_DB, 1, 0},        /* plan made before a migration */
    {"08", PSM_ERR_DB, 1, 1},           /* connection */
    {"28", PSM_ERR_DB, 1, 0},           /* login: an operator can repair it */
    {"3D", PSM_ERR_DB, 1, 0},           /* no such database */
    {"53", PSM_ERR_DB, 1, 0},           /* disk full, too many connections */
    {"55P03", PSM_ERR_DB, 1, 0},        /* lock not available */
    {"P0001", PSM_ERR_REJECT, 0, 0},    /* RAISE: a rule of the schema */
    {"P0002", PSM_ERR_NOT_FOUND, 0, 0}, /* raised by functions of ours */
    {"55000", PSM_ERR_STATE, 0, 0},     /* the same */
    {"57014", PSM_ERR_TIMEOUT, 1, 0},   /* statement_timeout */
    {"57P", PSM_ERR_DB, 1, 1},          /* shutdown */
    {"57", PSM_ERR_DB, 1, 0},           /* intervention of an operator */
    {"58", PSM_ERR_DB, 1, 0},           /* system error */
    {"", PSM_ERR_DB, 0, 0},
};

/* Classes whose messages quote names of the schema or of the server, and no
 * values. */
static int
quotes_names(const char *state)
{
	static const char *const classes[] = {"08", "28", "3D", "42", "57"};
	size_t i;

	for (i = 0; i < PSM__COUNT(classes); i++)
		if (strncmp(state, classes[i], 2) == 0)
			return 1;
	return 0;
}

void
psm__sqlstate_text(const char *state, const char *message, char *out,
                   size_t size)
{
	char *first, *last, *colon;

	(void)snprintf(out, size, "%.*s", (int)strcspn(message, "\r\n"),
	               message);
	if (quotes_names(state))
		return;
	colon = strstr(out, ": ");
	if (colon)
		*colon = '\0';
	first = strchr(out, '"');
	last = strrchr(out, '"');
	if (!first)
		return;
	if (first == last)
		first[1] = '\0'; /* cut off inside the value */
	else
		memmove(first + 1, last, strlen(last) + 1);
}

static const struct state_rule *
find_rule(const char *state)
{
	const struct state_rule *r = rules;

	while (strncmp(state, r->prefix, strlen(r->prefix)) != 0)
		r++;
	return r;
}

int
psm__sqlstate_ends(const char *state)
{
	return find_rule(state)->ends;
}

int
psm__sqlstate_fail(const struct psm__sqlstate *s, psm_error *err)
{
	const char *state = s->state ? s->state : "";
	const struct state_rule *r = find_rule(state);
	char text[160], where[200];

	psm__sqlstate_text(state, s->message ? s->message : "no message", text,
	                   sizeof text);
	(void)snprintf(where, sizeof where, "%s%s%s%s%s%s",
	               s->constraint ? ", constraint " : "",
	               s->constraint ? s->constraint : "",
	               s->table ? ", table " : "", s->table ? s->table : "",
	               s->column ? ", column " : "",
	               s->column ? s->column : "");
	(void)psm__fail(err, r->code, "database: %s%s%s%s",
	                state[0] ? state : "", state[0] ? " " : "", text,
	                where);
	psm__error_flags(err, r->retriable || !state[0], 0);
	psm__error_inside(err);
	return r->code;
}
