/* SPDX-License-Identifier: BSD-2-Clause */
/* Statements that change the session. */
#include "store/conn_int.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* The next word of sql, behind blanks and comments; *len 0: none. */
static const char *
next_word(const char *sql, size_t *len)
{
	const char *end;

	for (;;) {
		sql += strspn(sql, " \t\r\n;(");
		if (strncmp(sql, "--", 2) == 0)
			sql += strcspn(sql, "\n");
		else if (strncmp(sql, "/*", 2) == 0 &&
		         (end = strstr(sql + 2, "*/")))
			sql = end + 2;
		else
			break;
	}
	for (*len = 0; isalpha((unsigned char)sql[*len]) || sql[*len] == '_';)
		++*len;
	return sql;
}

static int
is_word(const char *word, size_t len, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == len && strncasecmp(word, *list, len) == 0)
			return 1;
	return 0;
}

/* 1: a call of set_config at text, which ends after its parenthesis, is not
 * for the transaction alone. */
static int
sets_for_long(const char *text)
{
	int depth = 0;
	const char *p;

	for (p = strchr(text, '('); p && *p; p++) {
		depth += *p == '(';
		depth -= *p == ')';
		if (depth == 0)
			break;
	}
	if (!p || !*p)
		return 1;
	do
		p--;
	while (isspace((unsigned char)*p));
	return p - text < 4 || strncasecmp(p - 3, "true", 4) != 0;
}

static int
calls(const char *sql)
{
	const char *p;

	for (p = sql; (p = strcasestr(p, "set_config")); p++)
		if (sets_for_long(p))
			return 1;
	/* Those of a transaction are called pg_advisory_xact_lock. */
	return strcasestr(sql, "advisory_lock") != NULL;
}

int
psm__session_changed_by(const char *sql)
{
	static const char *const always[] = {
	    "reset",    "discard", "deallocate", "prepare", "listen",
	    "unlisten", "load",    "declare",    "do",      NULL};
	static const char *const for_transaction[] = {"local", "transaction",
	                                              "constraints", NULL};
	static const char *const set[] = {"set", NULL};
	static const char *const create[] = {"create", NULL};
	static const char *const temp[] = {"temp", "temporary", "local",
	                                   "global", NULL};
	size_t len, len2;
	const char *word = next_word(sql, &len);
	const char *second = next_word(word + len, &len2);

	if (is_word(word, len, always))
		return 1;
	if (is_word(word, len, set))
		return !is_word(second, len2, for_transaction);
	if (is_word(word, len, create) && is_word(second, len2, temp))
		return !strcasestr(sql, "on commit drop");
	return calls(sql);
}
