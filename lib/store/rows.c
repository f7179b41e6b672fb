/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/conn.h"

#include <libpq-fe.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct psm_rows {
	PGresult *res;
	size_t count, columns;
};

psm_rows *
psm__rows_new(void *result)
{
	psm_rows *rows = psm__alloc(sizeof *rows);

	if (!rows) {
		PQclear(result);
		return NULL;
	}
	rows->res = result;
	rows->count = (size_t)PQntuples(result);
	rows->columns = (size_t)PQnfields(result);
	return rows;
}

size_t
psm_rows_count(const psm_rows *rows)
{
	return rows ? rows->count : 0;
}

size_t
psm_rows_affected(const psm_rows *rows)
{
	/* "" for a command that changes no rows. */
	return rows ? (size_t)strtoull(PQcmdTuples(rows->res), NULL, 10) : 0;
}

const char *
psm_rows_text(const psm_rows *rows, size_t row, size_t column)
{
	if (!rows || row >= rows->count || column >= rows->columns)
		return NULL;
	if (PQgetisnull(rows->res, (int)row, (int)column))
		return NULL;
	return PQgetvalue(rows->res, (int)row, (int)column);
}

int64_t
psm_rows_int(const psm_rows *rows, size_t row, size_t column)
{
	const char *text = psm_rows_text(rows, row, column);

	if (!text)
		return 0;
	if (text[0] == 't' && text[1] == '\0')
		return 1;
	return (int64_t)strtoll(text, NULL, 10);
}

size_t
psm_rows_columns(const psm_rows *rows)
{
	return rows ? rows->columns : 0;
}

const char *
psm_rows_column_name(const psm_rows *rows, size_t column)
{
	if (column >= psm_rows_columns(rows))
		return NULL;
	return PQfname(rows->res, (int)column);
}

int64_t
psm_rows_column_type(const psm_rows *rows, size_t column)
{
	if (column >= psm_rows_columns(rows))
		return 0;
	return (int64_t)PQftype(rows->res, (int)column);
}

void
psm_rows_free(psm_rows *rows)
{
	if (!rows)
		return;
	PQclear(rows->res);
	psm__free(rows);
}

char *
psm__from_hex(const char *hex, size_t *len)
{
	char *bytes = psm__alloc(strlen(hex) / 2 + 1);

	*len = bytes ? psm__hex_read(hex, bytes) : strlen(hex) / 2;
	return bytes;
}
