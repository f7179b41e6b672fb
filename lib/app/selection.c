/* SPDX-License-Identifier: BSD-2-Clause */
/* The therapists of an area who can be asked. */
#include "domain/selection.h"

#include <string.h>

#include "app/app.h"
#include "app/candidates.h"
#include "app/own_tx.h"
#include "app/search.h"
#include "json/json.h"

#define COPY "matching_service.therapeuten_kopie"
#define BOX "lower(btrim(k.email, E' \\t\\r\\n'))"

enum column {
	ID,
	ANREDE,
	TITEL,
	VORNAME,
	NACHNAME,
	STRASSE,
	PLZ,
	ORT,
	TELEFON,
	EMAIL,
	AVAILABLE,
	INFORMED,
	NEXT_CONTACT,
	DIAGNOSES,
	PROCEDURE,
	SHOWN, /* count of what is shown */
	HERE = SHOWN,
	BLOCKED,
	COOLING,
	PENDING
};
#define COLUMNS                                                                \
	"k.id, k.anrede, k.titel, k.vorname, k.nachname, k.strasse, k.plz, "   \
	"k.ort, k.telefon, k.email, k.potenziell_verfuegbar, "                 \
	"k.ueber_curavani_informiert, k.naechster_kontakt_moeglich, "          \
	"k.bevorzugte_diagnosen, k.psychotherapieverfahren"

/*
 * Those of the area ($1 up to $4), and whoever shares a mailbox with one of
 * them, wherever that is and whatever the status. $2: today, $3: the time since
 * which an inquiry that was sent still waits. OFFSET 0: one look into an index
 * for each mailbox and each therapist, not a pass over all of them.
 */
const char psm__selection_sql[] =
    "WITH here AS MATERIALIZED (SELECT id, " BOX " AS box FROM " COPY
    " k WHERE k.plz ~>=~ $1 AND k.plz ~<~ $4 AND k.status = 'aktiv' AND NOT "
    "k.geloescht), known AS (SELECT id, bool_or(own) AS own FROM (SELECT id, "
    "true AS own FROM here UNION ALL SELECT k.id, false FROM (SELECT DISTINCT "
    "box FROM here WHERE box <> '') b, LATERAL (SELECT id FROM " COPY
    " k WHERE " BOX " = b.box AND NOT k.geloescht OFFSET 0) k) a GROUP BY id) "
    "SELECT " COLUMNS ", n.own, k.status = 'gesperrt', "
    "coalesce(k.naechster_kontakt_moeglich > $2::date, false), "
    "EXISTS (SELECT FROM " PSM__PENDING(
	"k.id", "$3::timestamp") ") FROM known n, LATERAL (SELECT * FROM " COPY
				 " k WHERE k.id = n.id OFFSET 0) k";

static int
is_true(const psm_rows *rows, size_t row, size_t column)
{
	const char *text = psm_rows_text(rows, row, column);

	return text != NULL && text[0] == 't';
}

static void
read_choice(const psm_rows *rows, size_t i, struct psm__choice *c)
{
	c->id = psm_rows_int(rows, i, ID);
	c->email = psm_rows_text(rows, i, EMAIL);
	c->titel = psm_rows_text(rows, i, TITEL);
	c->vorname = psm_rows_text(rows, i, VORNAME);
	c->nachname = psm_rows_text(rows, i, NACHNAME);
	c->available = (unsigned char)is_true(rows, i, AVAILABLE);
	c->informed = (unsigned char)is_true(rows, i, INFORMED);
	c->here = (unsigned char)is_true(rows, i, HERE);
	c->blocked = (unsigned char)is_true(rows, i, BLOCKED);
	c->cooling = (unsigned char)is_true(rows, i, COOLING);
	c->pending = (unsigned char)is_true(rows, i, PENDING);
	c->row = i;
}

static const char *const names[SHOWN] = {
    [ID] = "id",
    [ANREDE] = "anrede",
    [TITEL] = "titel",
    [VORNAME] = "vorname",
    [NACHNAME] = "nachname",
    [STRASSE] = "strasse",
    [PLZ] = "plz",
    [ORT] = "ort",
    [TELEFON] = "telefon",
    [EMAIL] = "email",
    [AVAILABLE] = "potenziell_verfuegbar",
    [INFORMED] = "ueber_curavani_informiert",
    [NEXT_CONTACT] = "naechster_kontakt_moeglich",
    [DIAGNOSES] = "bevorzugte_diagnosen",
    [PROCEDURE] = "psychotherapieverfahren",
};

static int
write_json(psm_json_writer *w, const char *text, psm_error *err)
{
	psm_json *doc = NULL;
	int rc = psm_json_parse(text, strlen(text), &doc, err);

	if (rc == 0)
		psm_json_write_value(w, doc);
	psm_json_free(doc);
	return rc;
}

static int
write_one(psm_json_writer *w, const psm_rows *rows, const struct psm__choice *c,
          psm_error *err)
{
	const char *text;
	int rc = 0;

	psm_json_write_object(w);
	for (size_t i = 0; i < SHOWN && rc == 0; i++) {
		text = psm_rows_text(rows, c->row, i);
		psm_json_write_key(w, names[i]);
		if (text == NULL)
			psm_json_write_null(w);
		else if (i == ID)
			psm_json_write_int(w, c->id);
		else if (i == AVAILABLE || i == INFORMED)
			psm_json_write_bool(w, text[0] == 't');
		else if (i == DIAGNOSES)
			rc = write_json(w, text, err);
		else
			psm_json_write_string(w, text);
	}
	psm_json_write_key(w, "tier");
	psm_json_write_int(w, c->tier);
	psm_json_write_end(w);
	return rc;
}

static int
write_all(const char *prefix, const psm_rows *rows,
          const struct psm__choice *list, int chosen, char **out,
          psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc = 0;

	psm_json_write_object(w);
	psm_json_write_key(w, "plz_prefix");
	psm_json_write_string(w, prefix);
	psm_json_write_key(w, "total");
	psm_json_write_int(w, chosen);
	psm_json_write_key(w, "data");
	psm_json_write_array(w);
	for (int i = 0; i < chosen && rc == 0; i++)
		rc = write_one(w, rows, &list[i], err);
	psm_json_write_end(w);
	psm_json_write_end(w);
	return psm__json_take(w, rc, out, err);
}

static int
select_of(const char *prefix, const psm_rows *rows, char **out, psm_error *err)
{
	size_t count = psm_rows_count(rows);
	struct psm__choice *list = psm__array(count + 1, sizeof(*list));
	int rc;

	if (list == NULL)
		return psm__nomem(err);
	for (size_t i = 0; i < count; i++)
		read_choice(rows, i, &list[i]);
	rc = psm__selection(list, count, err);
	if (rc >= 0)
		rc = write_all(prefix, rows, list, rc, out, err);
	psm__selection_free(list, count);
	psm__free(list);
	return rc;
}

int
psm_therapist_selection(psm_store *store, const char *plz_prefix, char **out,
                        psm_error *err)
{
	struct psm__fit_terms terms;
	char end[8];
	const char *params[4] = {plz_prefix, terms.day, terms.pending_since,
	                         end};
	psm_rows *rows = NULL;
	psm_tx *tx;
	int rc = psm__own_begin(store, &tx, out, err);

	if (rc == 0 && out == NULL)
		rc = psm__fail(err, PSM_ERR_INVAL, "out is NULL");
	if (rc == 0)
		rc = psm__fit_terms(tx, &terms, err);
	if (rc == 0)
		rc = psm__area_end(&terms, plz_prefix, end, err);
	if (rc == 0)
		rc = psm_tx_exec(tx, psm__selection_sql, 4, params, &rows, err);
	if (rc == 0)
		rc = select_of(plz_prefix, rows, out, err);
	psm_rows_free(rows);
	return psm__own_end(tx, rc, out, err);
}
