/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The fields of patients and therapists: one line each, from which SQL, REST,
 * imports, redaction and the event payloads are made.
 */
#include <string.h>

#include "event/catalogue_int.h"

/* SQL type, JSON type, type of an array's items, longest text */
#define SERIAL "integer", integer, any, 0
#define INTEGER "integer", integer, any, 0
#define VARCHAR(n) "varchar(" #n ")", string, any, n
#define TEXT "text", string, any, 0
#define BOOLEAN "boolean", boolean, any, 0
#define DATE "date", date, any, 0
#define JSON_OBJECT "jsonb", object, any, 0
#define JSON_ARRAY(item) "jsonb", array, item, 0
#define ENUM(list) #list, string, any, 0

/* who writes: the REST calls; they and imports; ...; nobody but the database */
#define DB_ 0u
#define SYS (unsigned)PSM__W_SYSTEM
#define REST (unsigned)(PSM__W_REST_CREATE | PSM__W_REST_UPDATE)
#define REST_SYS (REST | SYS)
#define REST_NEW (REST | (unsigned)PSM__W_IMPORT_CREATE)
#define REST_IMP (REST | (unsigned)PSM__W_IMPORT)

#define FREE NULL
#define OF(list) psm__words_##list
#define MUST 1
#define MAY 0
#define PERSONAL 1
#define OPEN 0

/*
 * A patient import only ever makes rows, so its fields are REST_NEW. What the
 * import sets by itself, whatever the file says, is SYS.
 */
/* clang-format off */
#define PATIENT(F) \
F("id",                          SERIAL,       FREE, MAY,  DB_,      OPEN) \
F("anrede",                      ENUM(anrede), OF(anrede), MUST, REST_NEW, PERSONAL) \
F("geschlecht",                  ENUM(geschlecht), OF(geschlecht), MUST, REST_NEW, PERSONAL) \
F("vorname",                     VARCHAR(100), FREE, MUST, REST_NEW, PERSONAL) \
F("nachname",                    VARCHAR(100), FREE, MUST, REST_NEW, PERSONAL) \
F("strasse",                     VARCHAR(255), FREE, MAY,  REST_NEW, PERSONAL) \
F("plz",                         VARCHAR(10),  FREE, MAY,  REST_NEW, PERSONAL) \
F("ort",                         VARCHAR(100), FREE, MAY,  REST_NEW, PERSONAL) \
F("email",                       VARCHAR(255), FREE, MAY,  REST_NEW, PERSONAL) \
F("telefon",                     VARCHAR(50),  FREE, MAY,  REST_NEW, PERSONAL) \
F("hausarzt",                    VARCHAR(255), FREE, MAY,  REST_NEW, PERSONAL) \
F("krankenkasse",                VARCHAR(100), FREE, MAY,  REST_NEW, PERSONAL) \
F("krankenversicherungsnummer",  VARCHAR(50),  FREE, MAY,  REST,     PERSONAL) \
F("geburtsdatum",                DATE,         FREE, MAY,  REST_NEW, PERSONAL) \
F("symptome",                    JSON_ARRAY(string), OF(symptome), MAY, REST_NEW, PERSONAL) \
F("erfahrung_mit_psychotherapie", BOOLEAN,     FREE, MAY,  REST_NEW, PERSONAL) \
F("letzte_sitzung_vorherige_psychotherapie", DATE, FREE, MAY, REST_NEW, PERSONAL) \
F("vertraege_unterschrieben",    BOOLEAN,      FREE, MAY,  REST_SYS, PERSONAL) \
F("startdatum",                  DATE,         FREE, MAY,  SYS,      PERSONAL) \
F("erster_therapieplatz_am",     DATE,         FREE, MAY,  REST,     PERSONAL) \
F("funktionierender_therapieplatz_am", DATE,   FREE, MAY,  REST,     PERSONAL) \
F("status",                      ENUM(patientenstatus), OF(patientenstatus), MAY, REST_SYS, OPEN) \
F("empfehler_der_unterstuetzung", TEXT,        FREE, MAY,  REST_NEW, PERSONAL) \
F("zahlungsreferenz",            VARCHAR(8),   FREE, MAY,  REST_NEW, PERSONAL) \
F("zahlung_eingegangen",         BOOLEAN,      FREE, MAY,  REST_SYS, PERSONAL) \
F("zeitliche_verfuegbarkeit",    JSON_OBJECT,  FREE, MAY,  REST_NEW, PERSONAL) \
F("raeumliche_verfuegbarkeit",   JSON_OBJECT,  FREE, MAY,  REST_NEW, PERSONAL) \
F("verkehrsmittel",              VARCHAR(50),  FREE, MAY,  REST_NEW, PERSONAL) \
F("offen_fuer_gruppentherapie",  BOOLEAN,      FREE, MAY,  REST_NEW, PERSONAL) \
F("offen_fuer_diga",             BOOLEAN,      FREE, MAY,  REST,     PERSONAL) \
F("letzter_kontakt",             DATE,         FREE, MAY,  SYS,      PERSONAL) \
F("ausgeschlossene_therapeuten", JSON_ARRAY(any), FREE, MAY, REST,   PERSONAL) \
F("bevorzugtes_therapeutengeschlecht", ENUM(therapeutgeschlechtspraeferenz), OF(therapeutgeschlechtspraeferenz), MAY, REST_NEW, PERSONAL) \
F("bevorzugtes_therapieverfahren", ENUM(therapieverfahren), OF(therapieverfahren), MAY, REST_NEW, PERSONAL) \
F("created_at",                  DATE,         FREE, MAY,  SYS,      OPEN) \
F("updated_at",                  DATE,         FREE, MAY,  SYS,      OPEN)

#define THERAPIST(F) \
F("id",                          SERIAL,       FREE, MAY,  DB_,      OPEN) \
F("anrede",                      ENUM(anrede), OF(anrede), MUST, REST_IMP, PERSONAL) \
F("geschlecht",                  ENUM(geschlecht), OF(geschlecht), MUST, REST_IMP, PERSONAL) \
F("titel",                       VARCHAR(20),  FREE, MAY,  REST_IMP, PERSONAL) \
F("vorname",                     VARCHAR(100), FREE, MUST, REST_IMP, PERSONAL) \
F("nachname",                    VARCHAR(100), FREE, MUST, REST_IMP, PERSONAL) \
F("strasse",                     VARCHAR(255), FREE, MAY,  REST_IMP, PERSONAL) \
F("plz",                         VARCHAR(10),  FREE, MAY,  REST_IMP, PERSONAL) \
F("ort",                         VARCHAR(100), FREE, MAY,  REST_IMP, PERSONAL) \
F("telefon",                     VARCHAR(50),  FREE, MAY,  REST_IMP, PERSONAL) \
F("fax",                         VARCHAR(50),  FREE, MAY,  REST_IMP, PERSONAL) \
F("email",                       VARCHAR(255), FREE, MAY,  REST_IMP, PERSONAL) \
F("webseite",                    VARCHAR(255), FREE, MAY,  REST,     PERSONAL) \
F("kassensitz",                  BOOLEAN,      FREE, MAY,  REST_NEW, OPEN) \
F("telefonische_erreichbarkeit", JSON_OBJECT,  FREE, MAY,  REST_IMP, PERSONAL) \
F("fremdsprachen",               JSON_ARRAY(any), FREE, MAY, REST_IMP, PERSONAL) \
F("psychotherapieverfahren",     ENUM(therapieverfahren), OF(therapieverfahren), MAY, REST_IMP, OPEN) \
F("zusatzqualifikationen",       TEXT,         FREE, MAY,  REST,     PERSONAL) \
F("besondere_leistungsangebote", TEXT,         FREE, MAY,  REST,     PERSONAL) \
F("letzter_kontakt_email",       DATE,         FREE, MAY,  REST_SYS, PERSONAL) \
F("letzter_kontakt_telefon",     DATE,         FREE, MAY,  REST_SYS, PERSONAL) \
F("letztes_persoenliches_gespraech", DATE,     FREE, MAY,  REST,     PERSONAL) \
F("potenziell_verfuegbar",       BOOLEAN,      FREE, MAY,  REST_NEW, OPEN) \
F("potenziell_verfuegbar_notizen", TEXT,       FREE, MAY,  REST,     PERSONAL) \
F("ueber_curavani_informiert",   BOOLEAN,      FREE, MAY,  REST_NEW, OPEN) \
F("naechster_kontakt_moeglich",  DATE,         FREE, MAY,  REST_SYS, OPEN) \
F("bevorzugte_diagnosen",        JSON_ARRAY(any), FREE, MAY, REST,   PERSONAL) \
F("alter_min",                   INTEGER,      FREE, MAY,  REST,     OPEN) \
F("alter_max",                   INTEGER,      FREE, MAY,  REST,     OPEN) \
F("geschlechtspraeferenz",       VARCHAR(50),  FREE, MAY,  REST,     PERSONAL) \
F("arbeitszeiten",               JSON_OBJECT,  FREE, MAY,  REST,     PERSONAL) \
F("bevorzugt_gruppentherapie",   BOOLEAN,      FREE, MAY,  REST,     OPEN) \
F("status",                      ENUM(therapeutstatus), OF(therapeutstatus), MAY, REST_NEW, OPEN) \
F("sperrgrund",                  TEXT,         FREE, MAY,  REST,     PERSONAL) \
F("sperrdatum",                  DATE,         FREE, MAY,  REST_SYS, OPEN) \
F("created_at",                  DATE,         FREE, MAY,  SYS,      OPEN) \
F("updated_at",                  DATE,         FREE, MAY,  SYS,      OPEN)
/* clang-format on */

#define COLUMN(...) COLUMN_(__VA_ARGS__)
#define COLUMN_(name, sql, json, item, max, words, must, writers, personal)    \
	{name, sql, #json, words, max, must, writers, personal},

/*
 * In an event any column may be missing or null, so that a reader does not
 * refuse a record of an older or newer writer. Only the number that the
 * database gave (the one field nobody writes) must be there.
 */
#define MEMBER(...) MEMBER_(__VA_ARGS__)
#define MEMBER_(name, sql, json, item, max, words, must, writers, personal)    \
	{name,          sizeof name - 1, PSM__F_##json,                        \
	 PSM__F_##item, (writers) == 0,  (writers) != 0,                       \
	 personal,      words,           NULL},

static const struct psm__entity_field patient_fields[] = {PATIENT(COLUMN)};
static const struct psm__entity_field therapist_fields[] = {THERAPIST(COLUMN)};

const psm_catalogue_field_info psm__patient_data[] = {
    PATIENT(MEMBER){.name = NULL}};
const psm_catalogue_field_info psm__therapist_data[] = {
    THERAPIST(MEMBER){.name = NULL}};

const struct psm__entity psm__entity_patient = {"patient", "patient_service",
                                                "patienten", patient_fields,
                                                PSM__COUNT(patient_fields)};
const struct psm__entity psm__entity_therapist = {
    "therapist", "therapist_service", "therapeuten", therapist_fields,
    PSM__COUNT(therapist_fields)};

const struct psm__entity_field *
psm__entity_find(const struct psm__entity *e, const char *name)
{
	size_t i;

	for (i = 0; i < e->count; i++)
		if (strcmp(e->fields[i].name, name) == 0)
			return &e->fields[i];
	return NULL;
}
