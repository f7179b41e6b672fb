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

/* One that has moved is found by either postal code. */
static int
is_listed(const struct psm__stored_list *list, size_t count, const char *id)
{
	for (size_t i = 0; i < count; i++) {
		if (strcmp(psm__row_get(&list->items[i].row, PSM__THERAPIST_ID),
		           id) == 0)
			return 1;
	}
	return 0;
}

/* By id: one that is there twice follows itself. */
static int
read_rows(const psm_rows *rows, const struct psm__names *present,
          struct psm__stored_list *out, psm_error *err)
{
	size_t before = out->count;
	const char *id, *last = NULL;
	int rc = 0;

	for (size_t n = 0; n < psm_rows_count(rows) && rc == 0; n++) {
		id = psm_rows_text(rows, n, 0);
		if ((last != NULL && strcmp(id, last) == 0) ||
		    is_listed(out, before, id))
			continue;
		last = id;
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
 * OFFSET 0 has each row looked up by its id: while tables are new PostgreSQL
 * expects too little of them. */
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
#define FROM_SOUGHT "FROM unnest($1::text[], $2::text[]) AS w(code, key) "
#define FROM_IMPORT                                                            \
	"FROM psymatch.therapist_import i "                                    \
	"CROSS JOIN LATERAL (SELECT * FROM therapist_service.therapeuten "     \
	"WHERE id = i.therapist_id OFFSET 0) t "

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

int
psm__stored_list_add(psm_tx *tx, const char *code,
                     const struct psm__names *present,
                     struct psm__stored_list *out, psm_error *err)
{
	psm_rows *rows = NULL;
	int rc = psm_tx_exec(
	    tx,
	    SELECTED FROM_TABLE
	    "WHERE " DIGITS " = $1 UNION ALL " SELECTED FROM_IMPORT
	    "WHERE i.plz = $1 AND " DIGITS " IS DISTINCT FROM $1 ORDER BY 1",
	    1, &code, &rows, err);

	if (rc == 0)
		rc = read_rows(rows, present, out, err);
	psm_rows_free(rows);
	return rc;
}

/* One more element of an array of PostgreSQL; the end is to be put behind. */
static void
put_element(struct psm__buf *array, const char *text)
{
	psm__buf_puts(array, array->len > 0 ? ",\"" : "{\"");
	for (size_t n; *text != '\0'; text += n) {
		n = strcspn(text, "\"\\");
		psm__buf_put(array, text, n);
		if (text[n] != '\0') {
			psm__buf_putc(array, '\\');
			psm__buf_putc(array, text[n++]);
		}
	}
	psm__buf_putc(array, '"');
}

/* Two arrays: codes, and the keys of first names; with each code
 * once also the key of those whose names have other letters. */
struct sought_arrays {
	struct psm__buf codes, keys;
	const struct psm__sought *last;
};

static void
put_sought(struct sought_arrays *a, const char *code, const char *key)
{
	put_element(&a->codes, code);
	put_element(&a->keys, key);
}

static int
add_sought(struct sought_arrays *a, const struct psm__sought *s, psm_error *err)
{
	int is_known = a->last != NULL && strcmp(a->last->plz, s->plz) == 0;
	char *key;

	if (is_known && strcmp(a->last->vorname, s->vorname) == 0)
		return 0;
	key = psm__strdup(s->vorname);
	if (key == NULL)
		return psm__nomem(err);
	if (reduce(key))
		put_sought(a, s->plz, key);
	psm__free(key);
	if (!is_known)
		put_sought(a, s->plz, "");
	a->last = s;
	return 0;
}

/* All who may have, or have had, those first names, and few more: else each
 * record would ask for everybody of its postal code. */
static int
select_named(psm_tx *tx, struct sought_arrays *a, psm_rows **rows,
             psm_error *err)
{
	const char *params[2] = {a->codes.data, a->keys.data};

	return psm_tx_exec(
	    tx,
	    SELECTED FROM_SOUGHT
	    "JOIN therapist_service.therapeuten t ON " DIGITS
	    " = w.code AND " KEY(
		"t.vorname") " = w.key "
			     "LEFT JOIN psymatch.therapist_import i "
			     "ON i.therapist_id = t.id "
			     "UNION ALL " SELECTED FROM_SOUGHT
			     "JOIN psymatch.therapist_import i "
			     "ON i.plz = w.code AND i.vorname = w.key "
			     "CROSS JOIN LATERAL (SELECT * FROM "
			     "therapist_service.therapeuten "
			     "WHERE id = i.therapist_id OFFSET 0) t "
			     "WHERE " DIGITS " IS DISTINCT FROM w.code "
			     "OR " KEY("t.vorname") " IS DISTINCT FROM w.key "
						    "ORDER BY 1",
	    2, params, rows, err);
}

int
psm__stored_list_named(psm_tx *tx, const struct psm__sought *sought,
                       size_t count, const struct psm__names *present,
                       struct psm__stored_list *out, psm_error *err)
{
	struct sought_arrays a = {{0}, {0}, NULL};
	psm_rows *rows = NULL;
	int rc = 0;

	for (size_t i = 0; i < count && rc == 0; i++)
		rc = add_sought(&a, &sought[i], err);
	psm__buf_printf(&a.codes, "}");
	psm__buf_printf(&a.keys, "}");
	if (rc == 0 && (a.codes.failed || a.keys.failed))
		rc = psm__nomem(err);
	if (rc == 0)
		rc = select_named(tx, &a, &rows, err);
	if (rc == 0)
		rc = read_rows(rows, present, out, err);
	if (rc == 0)
		rc = psm__stored_list_sort(out, err);
	psm_rows_free(rows);
	psm__buf_free(&a.codes);
	psm__buf_free(&a.keys);
	return rc;
}

int
psm__stored_list_sort(struct psm__stored_list *list, psm_error *err)
{
	int rc = psm__names_sort(&list->names, err);

	return rc < 0 ? rc : psm__names_sort(&list->imported, err);
}

void
psm__remembered_add(struct psm__remembered *list, const char *id,
                    const struct psm__row *record, const char *fields)
{
	put_element(&list->ids, id);
	put_element(&list->codes, psm__row_get(record, PSM__THERAPIST_PLZ));
	put_element(&list->fields, fields);
	put_element(&list->names, psm__row_get(record, PSM__THERAPIST_VORNAME));
}

void
psm__remembered_free(struct psm__remembered *list)
{
	psm__buf_free(&list->ids);
	psm__buf_free(&list->codes);
	psm__buf_free(&list->fields);
	psm__buf_free(&list->names);
}

int
psm__therapists_remember(psm_tx *tx, struct psm__remembered *list,
                         const char *source, psm_error *err)
{
	struct psm__buf *arrays[4] = {&list->ids, &list->codes, &list->fields,
	                              &list->names};
	const char *params[5];

	if (list->ids.len == 0 && !list->ids.failed)
		return 0;
	for (size_t i = 0; i < 4; i++) {
		psm__buf_putc(arrays[i], '}');
		if (arrays[i]->failed)
			return psm__nomem(err);
		params[i] = arrays[i]->data;
	}
	params[4] = source;
	return psm_tx_queue(
	    tx,
	    "INSERT INTO psymatch.therapist_import "
	    "(therapist_id, plz, fields, vorname, source) "
	    "SELECT r.id, r.plz, r.fields, " KEY(
		"r.vorname") ", $5 "
			     "FROM unnest($1::integer[], $2::text[], "
			     "$3::text[], $4::text[]) "
			     "AS r(id, plz, fields, vorname) "
			     "ON CONFLICT (therapist_id) DO UPDATE "
			     "SET plz = excluded.plz, fields = "
			     "excluded.fields, vorname = excluded.vorname, "
			     "source = excluded.source",
	    5, params, err);
}
