/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tests of searches share: patients and therapists by their events,
 * searches and inquiries by their rows. */
#ifndef PSM_TESTING_SEARCH_H
#define PSM_TESTING_SEARCH_H

#include "testing_matching.h"

#include <psymatch/search.h>

/* All that a search needs. */
#define COMPLETE                                                               \
	"\"geschlecht\": \"weiblich\", \"vorname\": \"Wilma\", "               \
	"\"nachname\": \"Test\", \"plz\": \"10115\", \"ort\": \"Berlin\", "    \
	"\"krankenkasse\": \"Kasse\", \"geburtsdatum\": \"1990-05-05\", "      \
	"\"symptome\": [\"Mobbing\"], "                                        \
	"\"erfahrung_mit_psychotherapie\": false, "                            \
	"\"offen_fuer_gruppentherapie\": false, "                              \
	"\"zeitliche_verfuegbarkeit\": {\"montag\": [\"09:00-12:00\"]}"

/* The event of a patient; record: members of patient_data, but for the id. */
__attribute__((unused)) static psm_event *
patient_event(const char *type, int id, const char *more, const char *record)
{
	char payload[2500];

	(void)snprintf(payload, sizeof(payload),
	               "{\"patient_id\": %d%s, \"patient_data\": {\"id\": "
	               "%d, %s}}",
	               id, more, id, record);
	return make(type, payload);
}

__attribute__((unused)) static void
patient_is(int id, const char *record)
{
	receive(patient_event("patient.updated", id, "", record));
}

/* A therapist who is active in area 10, but for what more says: members of the
 * record. */
__attribute__((unused)) static void
therapist_is(int id, const char *last, const char *more)
{
	static const struct {
		const char *key, *value;
	} usual[] = {{"status", "aktiv"},
	             {"geschlecht", "weiblich"},
	             {"psychotherapieverfahren", "egal"},
	             {"plz", "10117"}};
	char payload[2000], key[40];

	(void)snprintf(payload, sizeof(payload),
	               "{\"therapist_id\": %d, \"therapist_data\": {\"id\": "
	               "%d, \"vorname\": \"Anna\", \"nachname\": \"%s\"%s",
	               id, id, last, more);
	for (size_t i = 0; i < PSM__COUNT(usual); i++) {
		size_t len = strlen(payload);

		(void)snprintf(key, sizeof(key), "\"%s\":", usual[i].key);
		if (strstr(more, key) == NULL)
			(void)snprintf(payload + len, sizeof(payload) - len,
			               ", %s \"%s\"", key, usual[i].value);
	}
	ck_assert_uint_lt(strlen(payload) + 3, sizeof(payload));
	(void)strcat(payload, "}}");
	receive(make("therapist.updated", payload));
}

/* The number of a new search. */
__attribute__((unused)) static int64_t
search_of(int patient)
{
	char json[64];
	char *out = NULL;
	psm_json *doc;
	int64_t id;

	(void)snprintf(json, sizeof(json), "{\"patient_id\": %d}", patient);
	OK(psm_search_create(st, json, strlen(json), &out, err));
	OK(psm_json_parse(out, strlen(out), &doc, err));
	OK(psm_json_get_int(psm_json_at(doc, "/id"), &id, err));
	psm_json_free(doc);
	psm_free(out);
	return id;
}

/* An unsent inquiry, without patients. */
__attribute__((unused)) static int64_t
inquiry_to(int therapist)
{
	return pg_int("INSERT INTO matching_service.therapeutenanfrage "
	              "(therapist_id, anfragegroesse) VALUES (%d, 0) "
	              "RETURNING id",
	              therapist);
}

__attribute__((unused)) static void
put_into(int64_t inquiry, int64_t search)
{
	pg_run("INSERT INTO matching_service.therapeut_anfrage_patient "
	       "(therapeutenanfrage_id, platzsuche_id, patient_id, "
	       "position_in_anfrage) SELECT %lld, s.id, s.patient_id, "
	       "1 + a.anfragegroesse FROM matching_service.platzsuche s, "
	       "matching_service.therapeutenanfrage a WHERE s.id = %lld "
	       "AND a.id = %lld",
	       (long long)inquiry, (long long)search, (long long)inquiry);
	pg_run("UPDATE matching_service.therapeutenanfrage SET "
	       "anfragegroesse = anfragegroesse + 1 WHERE id = %lld",
	       (long long)inquiry);
}

/* A value of a JSON text as it stands there, "" if there is none; free(). */
__attribute__((unused)) static char *
json_at(const char *json, const char *pointer)
{
	const psm_json *v;
	psm_json *doc;
	const char *text;
	size_t len;
	char *copy;

	OK(psm_json_parse(json, strlen(json), &doc, err));
	v = psm_json_at(doc, pointer);
	text = v != NULL ? psm_json_text(v, &len) : "";
	copy = v != NULL ? strndup(text, len) : strdup("");
	ck_assert_ptr_nonnull(copy);
	psm_json_free(doc);
	return copy;
}

#define CHECK_JSON(json, pointer, want)                                        \
	do {                                                                   \
		char *found_ = json_at(json, pointer);                         \
                                                                               \
		ck_assert_msg(strcmp(found_, want) == 0,                       \
		              "%s: want %s, found %s in %s", pointer, want,    \
		              found_, json);                                   \
		free(found_);                                                  \
	} while (0)

/* What a statement says, as text. */
#define CHECK_PG(want, ...)                                                    \
	do {                                                                   \
		char *found_ = pg_text(__VA_ARGS__);                           \
                                                                               \
		ck_assert_str_eq(found_, want);                                \
		free(found_);                                                  \
	} while (0)

#endif
