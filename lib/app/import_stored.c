/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom an import finds stored, and what it keeps of the last record. */
#include <string.h>

#include "app/app.h"

void
psm__stored_list_free(struct psm__stored_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		psm__row_free(&list->items[i].row);
		psm__row_free(&list->items[i].last);
		psm__free(list->items[i].source);
		psm__free(list->items[i].fields);
	}
	psm__free(list->items);
	psm__names_free(&list->names);
	psm__names_free(&list->imported);
	memset(list, 0, sizeof(*list));
}

static int
copy(const char *text, char **out, psm_error *err)
{
	*out = text != NULL ? psm__strdup(text) : NULL;
	return text != NULL && *out == NULL ? psm__nomem(err) : 0;
}

static int
read_last(struct psm__stored *s, psm_error *err)
{
	psm_json *doc = NULL;
	int rc;

	if (s->fields == NULL)
		return 0;
	rc = psm_json_parse(s->fields, strlen(s->fields), &doc, err);
	if (rc == 0)
		rc = psm__row_init(&s->last, &psm__entity_therapist, err);
	if (rc == 0)
		rc = psm__row_read(&s->last, doc, PSM__READ_RECORD, 0, "", err);
	psm_json_free(doc);
	return rc;
}

/* All that is asked for; therapist_import's come behind. */
static const int columns[] = {PSM__THERAPIST_ID,       PSM__THERAPIST_VORNAME,
                              PSM__THERAPIST_NACHNAME, PSM__THERAPIST_PLZ,
                              PSM__THERAPIST_STRASSE,  PSM__THERAPIST_ORT,
                              PSM__THERAPIST_TELEFON,  PSM__THERAPIST_EMAIL};
#define COLUMNS PSM__COUNT(columns)

static int
read_one(const psm_rows *rows, size_t n, struct psm__stored *s, psm_error *err)
{
	int rc = psm__row_init(&s->row, &psm__entity_therapist, err);

	for (size_t i = 0; i < COLUMNS && rc == 0; i++)
		rc = psm__row_set(&s->row, columns[i],
		                  psm_rows_text(rows, n, i), err);
	if (rc == 0)
		rc = copy(psm_rows_text(rows, n, COLUMNS), &s->source, err);
	if (rc == 0)
		rc = copy(psm_rows_text(rows, n, COLUMNS + 1), &s->fields, err);
	return rc == 0 ? read_last(s, err) : rc;
}

static int
add_names(struct psm__stored_list *list, size_t i,
          const struct psm__names *present, psm_error *err)
{
	const struct psm__stored *s = &list->items[i];
	size_t first;
	int rc = psm__names_add(&list->names, &s->row, i, err);

	if (rc < 0 || s->fields == NULL)
		return rc;
	rc = psm__names_find(present, &s->row, &first, err);
	return rc == 0  ? psm__names_add(&list->imported, &s->last, i, err)
	       : rc < 0 ? rc
	                : 0;
}

/* 1, 0 or PSM_ERR_NOMEM. */
static int
is_folded(const char *text, const char *folded)
{
	char *own = psm__text_fold(text != NULL ? text : "");
	int same = own != NULL && strcmp(own, folded) == 0;

	psm__free(own);
	return own == NULL ? PSM_ERR_NOMEM : same;
}

/* May the row be who is asked for? A record that has the first name of the row
 * is not looked into: that is what most have. 1, 0 or PSM_ERR_NOMEM. */
static int
may_be(const psm_rows *rows, size_t n, const char *vorname)
{
	const char *own = psm_rows_text(rows, n, 1);
	const char *fields = psm_rows_text(rows, n, COLUMNS + 1);
	struct psm__buf b = {0};
	int rc;

	if (vorname == NULL)
		return 1;
	rc = is_folded(own, vorname);
	if (rc != 0 || fields == NULL)
		return rc;
	psm__buf_printf(&b, "\"vorname\":\"%s\"", own != NULL ? own : "");
	rc = b.failed ? PSM_ERR_NOMEM : strstr(fields, b.data) == NULL;
	psm__buf_free(&b);
	return rc;
}

/* One that has moved is found by either postal code. */
static int
is_listed(const struct psm__stored_list *list, const char *id)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(psm__row_get(&list->items[i].row, PSM__THERAPIST_ID),
		           id) == 0)
			return 1;
	}
	return 0;
}

static int
read_rows(const psm_rows *rows, const char *vorname,
          const struct psm__names *present, struct psm__stored_list *out,
          psm_error *err)
{
	size_t before = out->count;
	int rc = 0;

	for (size_t n = 0; n < psm_rows_count(rows) && rc == 0; n++) {
		rc = may_be(rows, n, vorname);
		if (rc < 0)
			return psm__nomem(err);
		/* Within one answer each is there once. */
		if (rc == 0 ||
		    (before > 0 && is_listed(out, psm_rows_text(rows, n, 0)))) {
			rc = 0;
			continue;
		}
		if (psm__grow(&out->items, &out->cap, out->count + 1,
		              sizeof(*out->items)) < 0)
			return psm__nomem(err);
		memset(&out->items[out->count], 0, sizeof(*out->items));
		rc = read_one(rows, n, &out->items[out->count++], err);
		if (rc == 0)
			rc = add_names(out, out->count - 1, present, err);
	}
	return rc;
}

/* Digits of the code and KEY of the first name are an index (migration 005).
 * Plain equality: of an array of codes PostgreSQL expects too much while tables
 * are new. OFFSET 0 has each row looked up by its id, for the same reason. */
#define DIGITS "translate(t.plz, translate(t.plz, '0123456789', ''), '')"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ\u00c4\u00d6\u00dc\u00c9"
#define LOWER "abcdefghijklmnopqrstuvwxyz\u00e4\u00f6\u00fc\u00e9"
/* The letters of a first name, as far as it has no others; else '', as its fold
 * may be any. Whose folds are the same have the same key, or one of them ''. */
#define KEY(name)                                                              \
	"CASE WHEN translate(" name ", '" UPPER LOWER                          \
	"\u00df -.''', '') = '' "                                              \
	"THEN replace(translate(" name ", '" UPPER " -.''', '" LOWER "'), "    \
	"'\u00df', 'ss') ELSE '' END"
#define SELECTED                                                               \
	"SELECT t.id, t.vorname, t.nachname, t.plz, t.strasse, t.ort, "        \
	"t.telefon, t.email, i.source, i.fields "
#define FROM_TABLE                                                             \
	"FROM therapist_service.therapeuten t "                                \
	"LEFT JOIN psymatch.therapist_import i ON i.therapist_id = t.id "
#define FROM_IMPORT                                                            \
	"FROM psymatch.therapist_import i "                                    \
	"CROSS JOIN LATERAL (SELECT * FROM therapist_service.therapeuten "     \
	"WHERE id = i.therapist_id OFFSET 0) t "

static int
select_all(psm_tx *tx, const char *code, psm_rows **rows, psm_error *err)
{
	return psm_tx_exec(
	    tx,
	    SELECTED FROM_TABLE
	    "WHERE " DIGITS " = $1 UNION ALL " SELECTED FROM_IMPORT
	    "WHERE i.plz = $1 AND " DIGITS " IS DISTINCT FROM $1 ORDER BY 1",
	    1, &code, rows, err);
}

/* Keep of a folded name what KEY does, in place. 0: it has other letters. */
static int
reduce(char *name)
{
	static const char *const letters[] = {"\u00e4", "\u00f6", "\u00fc",
	                                      "\u00e9"};
	char *to = name;
	size_t i;

	for (const char *c = name; *c != '\0'; c++) {
		if (strchr(" -.'", *c) != NULL)
			continue;
		*to++ = *c;
		if (*c >= 'a' && *c <= 'z')
			continue;
		for (i = 0; i < PSM__COUNT(letters); i++)
			if (strncmp(c, letters[i], 2) == 0)
				break;
		if (i == PSM__COUNT(letters))
			return 0;
		*to++ = *++c;
	}
	*to = '\0';
	return to > name;
}

/* All who may have, or have had, that first name, and few more: else each
 * record would ask for everybody of its postal code. */
static int
select_named(psm_tx *tx, const char *code, const char *vorname, psm_rows **rows,
             psm_error *err)
{
	char *key = psm__strdup(vorname);
	const char *params[2] = {code, key};
	int rc;

	if (key == NULL)
		return psm__nomem(err);
	if (!reduce(key))
		params[1] = NULL;
	rc = psm_tx_exec(
	    tx,
	    SELECTED FROM_TABLE "WHERE " DIGITS " = $1 AND " KEY(
		"t.vorname") " = $2 "
			     "UNION " SELECTED FROM_TABLE "WHERE " DIGITS
			     " = $1 AND " KEY(
				 "t.vorname") " = '' "
					      "UNION " SELECTED FROM_IMPORT
					      "WHERE i.plz = $1 AND i.vorname = $2 "
					      "UNION " SELECTED FROM_IMPORT
					      "WHERE i.plz = $1 AND i.vorname = '' "
					      "ORDER BY 1",
	    2, params, rows, err);
	psm__free(key);
	return rc;
}

int
psm__stored_list_add(psm_tx *tx, const char *code, const char *vorname,
                     const struct psm__names *present,
                     struct psm__stored_list *out, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc;

	rc = vorname != NULL ? select_named(tx, code, vorname, &rows, err)
	                     : select_all(tx, code, &rows, err);
	if (rc == 0)
		rc = read_rows(rows, vorname, present, out, err);
	psm_rows_free(rows);
	return rc;
}

int
psm__stored_list_sort(struct psm__stored_list *list, psm_error *err)
{
	int rc = psm__names_sort(&list->names, err);

	return rc < 0 ? rc : psm__names_sort(&list->imported, err);
}

int
psm__therapist_remember(psm_tx *tx, const char *id,
                        const struct psm__row *record, const char *fields,
                        const char *source, psm_error *err)
{
	const char *params[5] = {
	    id, psm__row_get(record, PSM__THERAPIST_PLZ), fields,
	    psm__row_get(record, PSM__THERAPIST_VORNAME), source};

	return psm_tx_queue(
	    tx,
	    "INSERT INTO psymatch.therapist_import "
	    "(therapist_id, plz, fields, vorname, source) "
	    "VALUES ($1::integer, $2, $3, " KEY(
		"$4::text") ", $5) "
			    "ON CONFLICT (therapist_id) DO UPDATE "
			    "SET plz = excluded.plz, fields = excluded.fields, "
			    "vorname = excluded.vorname, "
			    "source = excluded.source",
	    5, params, err);
}
