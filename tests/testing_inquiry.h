/* SPDX-License-Identifier: BSD-2-Clause */
/* Therapists, patients and searches as the matching service has them. */
#ifndef PSM_TESTING_INQUIRY_H
#define PSM_TESTING_INQUIRY_H

#include <pthread.h>
#include <stdatomic.h>

#include "entity/entity.h"
#include "testing_app.h"

/* 2026-03-02T10:00:00Z, a Monday. */
#define MONDAY INT64_C(1772445600000000)
#define DAY_US (INT64_C(86400) * 1000000)

static char *out;
static _Atomic int64_t now_us = MONDAY;

__attribute__((unused)) static int64_t
clock_of_the_test(void *user)
{
	(void)user;
	return now_us;
}

__attribute__((unused)) static void
inquiry_setup(void)
{
	out = NULL;
	now_us = MONDAY;
	app_setup();
	OK(psm_store_migrate(st, "communication", err));
	psm_set_clock(clock_of_the_test, NULL);
}

__attribute__((unused)) static void
inquiry_teardown(void)
{
	psm_set_clock(NULL, NULL);
	psm_free(out);
	app_teardown();
}

/* In the therapist service and in the copy; mail may be "NULL". */
__attribute__((unused)) static void
add_therapist(int id, const char *plz, const char *mail)
{
	pg_run("INSERT INTO therapist_service.therapeuten (id, anrede, "
	       "geschlecht, titel, vorname, nachname, plz, email, telefon, "
	       "status) VALUES (%d, 'Frau', 'weiblich', 'Dr.', 'Berta', "
	       "'Musterbaum', '%s', %s, '030 1', 'aktiv')",
	       id, plz, mail);
	pg_run("INSERT INTO matching_service.therapeuten_kopie (id, anrede, "
	       "geschlecht, titel, vorname, nachname, plz, email, telefon, "
	       "status, event_time, event_id) SELECT id, anrede::text, "
	       "geschlecht::text, titel, vorname, nachname, plz, email, "
	       "telefon, status::text, '2026-01-01', 'x' FROM "
	       "therapist_service.therapeuten WHERE id = %d",
	       id);
}

/* The patient of this number with an active search of the same number, made so
 * many minutes after the first one. */
__attribute__((unused)) static void
add_patient(int id, const char *plz, int minutes)
{
	pg_run(
	    "INSERT INTO matching_service.patienten_kopie (id, geschlecht, "
	    "vorname, nachname, plz, krankenkasse, geburtsdatum, symptome, "
	    "erfahrung_mit_psychotherapie, offen_fuer_gruppentherapie, "
	    "zeitliche_verfuegbarkeit, status, event_time, event_id) "
	    "VALUES (%d, 'weiblich', 'Anna', 'Beispiel%d', '%s', 'AOK', "
	    "'1990-03-03', '[\"Schlafstörungen\"]', false, true, "
	    "'{\"montag\": [\"08:00-10:00\"]}', 'auf_der_Suche', '2026-01-01', "
	    "'x')",
	    id, id, plz);
	pg_run("INSERT INTO matching_service.platzsuche (id, patient_id, "
	       "created_at) VALUES (%d, %d, timestamp '2026-01-01' + "
	       "interval '%d minutes')",
	       id, id, minutes);
}

/* -- calls */

/* Where the next answer goes; the last one is freed. */
__attribute__((unused)) static char **
fresh(void)
{
	psm_free(out);
	out = NULL;
	return &out;
}

__attribute__((unused)) static int
create_with(int64_t therapist, const char *prefix, const char *options)
{
	psm_free(out);
	return psm_inquiry_create(st, therapist, prefix, options,
	                          options ? strlen(options) : 0, &out, err);
}

__attribute__((unused)) static int
create(int64_t therapist)
{
	return create_with(therapist, "10", NULL);
}

static _Atomic int renders;
static char rendered[4000]; /* values of the last one */

__attribute__((unused)) static int
render(const char *name, const char *values, char **subject, char **html,
       char **text, void *user, psm_error *e)
{
	(void)user;
	(void)e;
	ck_assert_str_eq(name, "psychotherapie_anfrage");
	(void)snprintf(rendered, sizeof(rendered), "%s", values);
	*subject = NULL;
	*html = psm__strdup("<p>Anfrage</p>");
	*text = psm__strdup("Anfrage");
	renders++;
	return 0;
}

/* Inquiry 1, with another text. */
__attribute__((unused)) static int
send_as(psm_mail_render_fn text, void *user)
{
	psm_free(out);
	return psm_inquiry_send(st, 1, NULL, 0, text, user, &out, err);
}

__attribute__((unused)) static int
send_with(int64_t id, const char *options)
{
	psm_free(out);
	return psm_inquiry_send(st, id, options, options ? strlen(options) : 0,
	                        render, NULL, &out, err);
}

__attribute__((unused)) static int
send_it(int64_t id)
{
	return send_with(id, NULL);
}

__attribute__((unused)) static int
answer(int64_t id, const char *json)
{
	psm_free(out);
	return psm_inquiry_answer(st, id, json, strlen(json), &out, err);
}

/* -- what came of it */

/* A member of what the last call gave. */
__attribute__((unused)) static void
is(const char *pointer, const char *want)
{
	psm_json *doc = NULL;
	const char *text;
	char *got;
	size_t len;

	ck_assert_ptr_nonnull(out);
	OK(psm_json_parse(out, strlen(out), &doc, err));
	text = psm_json_text(psm_json_at(doc, pointer), &len);
	ck_assert_msg(text != NULL, "%s is not in %s", pointer, out);
	got = strndup(text, len);
	ck_assert_msg(psm__text_same_json(got, want, err) == 1,
	              "%s: want %s, got %s", pointer, want, got);
	free(got);
	psm_json_free(doc);
}

/* A text of the database. */
#define SAYS(want, ...)                                                        \
	do {                                                                   \
		char *got_ = pg_text(__VA_ARGS__);                             \
		ck_assert_msg(strcmp(got_, want) == 0, "want %s, got %s",      \
		              want, got_);                                     \
		free(got_);                                                    \
	} while (0)

#define SEARCH "matching_service.platzsuche"
#define INQUIRY "matching_service.therapeutenanfrage"
#define MATCH "matching_service.therapeut_anfrage_patient"

/* "7 anstehend, 8 angenommen" by their places. */
__attribute__((unused)) static void
matches_are(int64_t id, const char *want)
{
	SAYS(want,
	     "SELECT string_agg(patient_id || ' ' || status, ', ' ORDER BY "
	     "position_in_anfrage) FROM " MATCH
	     " WHERE therapeutenanfrage_id = %d",
	     (int)id);
}

__attribute__((unused)) static void
search_is(int id, const char *want)
{
	SAYS(want,
	     "SELECT concat_ws(' ', status, erfolgreiche_anfrage_id, "
	     "erfolgreiche_vermittlung_datum) FROM " SEARCH " WHERE id = %d",
	     id);
}

/* Rows are as many as the size, at 1, 2, ..; counts of answered ones are whole,
 * the kind is theirs; success has a date; nobody has two active searches. Each
 * returns what breaks it. */
__attribute__((unused)) static void
check_invariants(void)
{
	SAYS("",
	     "SELECT string_agg(i.id || ': ' || i.anfragegroesse || ' of ' || "
	     "m.n, ', ') FROM " INQUIRY " i CROSS JOIN LATERAL (SELECT "
	     "count(*) AS n, count(DISTINCT position_in_anfrage) AS d, "
	     "coalesce(max(position_in_anfrage), 0) AS top, "
	     "count(DISTINCT platzsuche_id) AS s FROM " MATCH
	     " WHERE therapeutenanfrage_id = i.id) m WHERE m.n <> "
	     "i.anfragegroesse OR m.d <> m.n OR m.top <> m.n OR m.s <> m.n");
	SAYS("",
	     "SELECT string_agg(i.id::text, ', ') FROM " INQUIRY
	     " i WHERE antwort_datum IS NOT NULL AND (angenommen_anzahl + "
	     "abgelehnt_anzahl + keine_antwort_anzahl <> anfragegroesse OR "
	     "antworttyp::text <> CASE WHEN angenommen_anzahl = "
	     "anfragegroesse THEN 'vollstaendige_Annahme' WHEN "
	     "angenommen_anzahl > 0 THEN 'teilweise_Annahme' WHEN "
	     "abgelehnt_anzahl = anfragegroesse THEN 'vollstaendige_Ablehnung' "
	     "ELSE 'keine_Antwort' END OR angenommen_anzahl <> (SELECT "
	     "count(*) FROM " MATCH " m WHERE m.therapeutenanfrage_id = i.id "
	     "AND status = 'angenommen') OR gesendet_datum IS NULL)");
	SAYS("", "SELECT string_agg(id::text, ', ') FROM " SEARCH
	         " WHERE (status = 'erfolgreich') <> "
	         "(erfolgreiche_vermittlung_datum IS NOT NULL) OR (status <> "
	         "'erfolgreich' AND erfolgreiche_anfrage_id IS NOT NULL)");
	SAYS(
	    "",
	    "SELECT string_agg(patient_id::text, ', ') FROM (SELECT patient_id "
	    "FROM " SEARCH " WHERE status = 'aktiv' GROUP BY patient_id HAVING "
	    "count(*) > 1) x");
	SAYS("",
	     "SELECT string_agg(DISTINCT m.platzsuche_id || ' in ' || i.id, "
	     "', ') FROM " MATCH " m JOIN " INQUIRY
	     " i ON i.id = m.therapeutenanfrage_id JOIN " SEARCH
	     " s ON s.id = m.platzsuche_id WHERE i.gesendet_datum IS NULL AND "
	     "i.storniert_datum IS NULL AND s.status IN ('erfolgreich', "
	     "'abgebrochen')");
}

#endif
