/* SPDX-License-Identifier: BSD-2-Clause */
#include "domain/inquiry_mail.h"

#include <string.h>

#include "domain/fit.h"

int
psm__age_on(const char *birth, const char *today)
{
	int32_t from = psm__fit_day(birth), to = psm__fit_day(today);

	return from == 0 || to < from ? -1 : (int)((to - from) / 10000);
}

static void
put_text(psm_json_writer *w, const char *name, const struct psm__row *row,
         int column)
{
	psm_json_write_key(w, name);
	psm_json_write_string(w, psm__row_get(row, column));
}

static void
put_flag(psm_json_writer *w, const char *name, const struct psm__row *row,
         int column)
{
	const char *text = psm__row_get(row, column);

	psm_json_write_key(w, name);
	if (text == NULL)
		psm_json_write_null(w);
	else
		psm_json_write_bool(w, text[0] == 't');
}

/* What cannot be read is left out like what is not there. */
static int
put_json(psm_json_writer *w, const char *name, const struct psm__row *row,
         int column)
{
	const char *text = psm__row_get(row, column);
	psm_json *doc = NULL;
	int rc = 0;

	psm_json_write_key(w, name);
	if (text != NULL)
		rc = psm_json_parse(text, strlen(text), &doc, NULL);
	if (doc != NULL)
		psm_json_write_value(w, doc);
	else
		psm_json_write_null(w);
	psm_json_free(doc);
	return rc == PSM_ERR_NOMEM ? rc : 0;
}

static void
put_therapist(psm_json_writer *w, const struct psm__row *t)
{
	psm_json_write_key(w, "therapist");
	psm_json_write_object(w);
	put_text(w, "anrede", t, PSM__THERAPIST_ANREDE);
	put_text(w, "geschlecht", t, PSM__THERAPIST_GESCHLECHT);
	put_text(w, "titel", t, PSM__THERAPIST_TITEL);
	put_text(w, "nachname", t, PSM__THERAPIST_NACHNAME);
	put_flag(w, "ueber_curavani_informiert", t,
	         PSM__THERAPIST_UEBER_CURAVANI_INFORMIERT);
	psm_json_write_end(w);
}

static int
put_patient(psm_json_writer *w, const struct psm__row *p, const char *today)
{
	int age =
	    psm__age_on(psm__row_get(p, PSM__PATIENT_GEBURTSDATUM), today);
	int rc;

	psm_json_write_object(w);
	psm_json_write_key(w, "id");
	psm_json_write_int(w, psm__row_int(p, PSM__COLUMN_ID));
	put_text(w, "geschlecht", p, PSM__PATIENT_GESCHLECHT);
	rc = put_json(w, "symptome", p, PSM__PATIENT_SYMPTOME);
	put_text(w, "krankenkasse", p, PSM__PATIENT_KRANKENKASSE);
	psm_json_write_key(w, "age");
	if (age >= 0)
		psm_json_write_int(w, age);
	else
		psm_json_write_null(w);
	put_flag(w, "erfahrung_mit_psychotherapie", p,
	         PSM__PATIENT_ERFAHRUNG_MIT_PSYCHOTHERAPIE);
	put_text(w, "letzte_sitzung_vorherige_psychotherapie", p,
	         PSM__PATIENT_LETZTE_SITZUNG_VORHERIGE_PSYCHOTHERAPIE);
	put_flag(w, "offen_fuer_gruppentherapie", p,
	         PSM__PATIENT_OFFEN_FUER_GRUPPENTHERAPIE);
	if (rc == 0)
		rc = put_json(w, "zeitliche_verfuegbarkeit", p,
		              PSM__PATIENT_ZEITLICHE_VERFUEGBARKEIT);
	psm_json_write_end(w);
	return rc;
}

int
psm__inquiry_mail_values(int64_t inquiry_id, const struct psm__row *therapist,
                         const struct psm__row *patients, size_t count,
                         const char *today, char **out, psm_error *err)
{
	psm_json_writer *w = psm_json_writer_new();
	int rc = 0;

	psm_json_write_object(w);
	put_therapist(w, therapist);
	psm_json_write_key(w, "patient_count");
	psm_json_write_int(w, (int64_t)count);
	psm_json_write_key(w, "anfrage_id");
	psm_json_write_int(w, inquiry_id);
	psm_json_write_key(w, "patients");
	psm_json_write_array(w);
	for (size_t i = 0; i < count && rc == 0; i++)
		rc = put_patient(w, &patients[i], today);
	psm_json_write_end(w);
	psm_json_write_end(w);
	if (rc < 0)
		psm__nomem(err);
	return psm__json_take(w, rc, out, err);
}

char *
psm__inquiry_addressee(const struct psm__row *t)
{
	static const int columns[] = {PSM__THERAPIST_TITEL,
	                              PSM__THERAPIST_VORNAME,
	                              PSM__THERAPIST_NACHNAME};
	struct psm__buf b = {0};

	for (size_t i = 0; i < PSM__COUNT(columns); i++) {
		const char *part = psm__row_get(t, columns[i]);

		if (!psm__text_is_blank(part))
			psm__buf_printf(&b, "%s%s", b.len > 0 ? " " : "", part);
	}
	if (b.len == 0)
		psm__buf_puts(&b, "Praxis");
	return psm__buf_take(&b, NULL);
}
