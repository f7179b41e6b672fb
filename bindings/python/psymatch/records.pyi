# SPDX-License-Identifier: BSD-2-Clause
# Made by build-aux/python-stubs from the library's tables.
import dataclasses
import datetime
from typing import Any, ClassVar, Literal, Optional

from .rows import Record as Record

TYPES: dict[str, Any]
__all__ = ["TYPES", "Record", "Patient", "Therapist", "Search", "Inquiry", "InquiryPatient", "Email", "PhoneCall"]

@dataclasses.dataclass(frozen=True)
class Patient(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    anrede: Literal["Herr", "Frau"]
    geschlecht: Literal["männlich", "weiblich", "divers", "keine_Angabe"]
    vorname: str
    nachname: str
    strasse: Optional[str]
    plz: Optional[str]
    ort: Optional[str]
    email: Optional[str]
    telefon: Optional[str]
    hausarzt: Optional[str]
    krankenkasse: Optional[str]
    krankenversicherungsnummer: Optional[str]
    geburtsdatum: Optional[datetime.date]
    symptome: Optional[list[Literal["Depression / Niedergeschlagenheit", "Ängste / Panikattacken", "Burnout / Erschöpfung", "Schlafstörungen", "Stress / Überforderung", "Trauer / Verlust", "Reizbarkeit / Wutausbrüche", "Stimmungsschwankungen", "Innere Leere", "Einsamkeit", "Sorgen / Grübeln", "Selbstzweifel", "Konzentrationsprobleme", "Negative Gedanken", "Entscheidungsschwierigkeiten", "Psychosomatische Beschwerden", "Chronische Schmerzen", "Essstörungen", "Suchtprobleme (Alkohol/Drogen)", "Sexuelle Probleme", "Beziehungsprobleme", "Familienkonflikte", "Sozialer Rückzug", "Mobbing", "Trennungsschmerz", "Traumatische Erlebnisse", "Zwänge", "Selbstverletzung", "Suizidgedanken", "Identitätskrise"]]]
    erfahrung_mit_psychotherapie: Optional[bool]
    letzte_sitzung_vorherige_psychotherapie: Optional[datetime.date]
    vertraege_unterschrieben: Optional[bool]
    startdatum: Optional[datetime.date]
    erster_therapieplatz_am: Optional[datetime.date]
    funktionierender_therapieplatz_am: Optional[datetime.date]
    status: Optional[Literal["offen", "auf_der_Suche", "in_Therapie", "Therapie_abgeschlossen", "Suche_abgebrochen", "Therapie_abgebrochen"]]
    empfehler_der_unterstuetzung: Optional[str]
    zahlungsreferenz: Optional[str]
    zahlung_eingegangen: bool
    zeitliche_verfuegbarkeit: Optional[dict[str, Any]]
    raeumliche_verfuegbarkeit: Optional[dict[str, Any]]
    verkehrsmittel: Optional[str]
    offen_fuer_gruppentherapie: Optional[bool]
    offen_fuer_diga: Optional[bool]
    letzter_kontakt: Optional[datetime.date]
    ausgeschlossene_therapeuten: Optional[list[Any]]
    bevorzugtes_therapeutengeschlecht: Optional[Literal["Männlich", "Weiblich", "Egal"]]
    bevorzugtes_therapieverfahren: Optional[Literal["egal", "Verhaltenstherapie", "tiefenpsychologisch_fundierte_Psychotherapie"]]
    created_at: Optional[datetime.date]
    updated_at: Optional[datetime.date]

@dataclasses.dataclass(frozen=True)
class Therapist(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    anrede: Literal["Herr", "Frau"]
    geschlecht: Literal["männlich", "weiblich", "divers", "keine_Angabe"]
    titel: Optional[str]
    vorname: str
    nachname: str
    strasse: Optional[str]
    plz: Optional[str]
    ort: Optional[str]
    telefon: Optional[str]
    fax: Optional[str]
    email: Optional[str]
    webseite: Optional[str]
    kassensitz: Optional[bool]
    telefonische_erreichbarkeit: Optional[dict[str, Any]]
    fremdsprachen: Optional[list[Any]]
    psychotherapieverfahren: Optional[Literal["egal", "Verhaltenstherapie", "tiefenpsychologisch_fundierte_Psychotherapie"]]
    zusatzqualifikationen: Optional[str]
    besondere_leistungsangebote: Optional[str]
    letzter_kontakt_email: Optional[datetime.date]
    letzter_kontakt_telefon: Optional[datetime.date]
    letztes_persoenliches_gespraech: Optional[datetime.date]
    potenziell_verfuegbar: Optional[bool]
    potenziell_verfuegbar_notizen: Optional[str]
    ueber_curavani_informiert: Optional[bool]
    naechster_kontakt_moeglich: Optional[datetime.date]
    bevorzugte_diagnosen: Optional[list[Any]]
    alter_min: Optional[int]
    alter_max: Optional[int]
    geschlechtspraeferenz: Optional[str]
    arbeitszeiten: Optional[dict[str, Any]]
    bevorzugt_gruppentherapie: Optional[bool]
    barrierefrei: Optional[bool]
    status: Optional[Literal["aktiv", "gesperrt", "inaktiv"]]
    sperrgrund: Optional[str]
    sperrdatum: Optional[datetime.date]
    created_at: Optional[datetime.date]
    updated_at: Optional[datetime.date]

@dataclasses.dataclass(frozen=True)
class Search(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    patient_id: int
    status: Literal["aktiv", "erfolgreich", "pausiert", "abgebrochen"]
    created_at: datetime.datetime
    updated_at: Optional[datetime.datetime]
    ausgeschlossene_therapeuten: list[Any]
    gesamt_angeforderte_kontakte: int
    erfolgreiche_vermittlung_datum: Optional[datetime.datetime]
    erfolgreiche_anfrage_id: Optional[int]
    dringlichkeit: int
    notizen: Optional[str]

@dataclasses.dataclass(frozen=True)
class Inquiry(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    therapist_id: int
    erstellt_datum: datetime.datetime
    gesendet_datum: Optional[datetime.datetime]
    antwort_datum: Optional[datetime.datetime]
    antworttyp: Optional[Literal["vollstaendige_Annahme", "teilweise_Annahme", "vollstaendige_Ablehnung", "keine_Antwort"]]
    anfragegroesse: int
    angenommen_anzahl: int
    abgelehnt_anzahl: int
    keine_antwort_anzahl: int
    notizen: Optional[str]
    email_id: Optional[int]
    phone_call_id: Optional[int]
    storniert_datum: Optional[datetime.datetime]
    storniert_grund: Optional[str]
    strategie: Optional[str]
    versandweg: Optional[str]
    fehlversuche: int

@dataclasses.dataclass(frozen=True)
class InquiryPatient(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    therapeutenanfrage_id: int
    platzsuche_id: int
    patient_id: int
    position_in_anfrage: int
    status: Literal["anstehend", "angenommen", "abgelehnt", "keine_antwort"]
    antwortergebnis: Optional[Literal["angenommen", "abgelehnt_Kapazitaet", "abgelehnt_nicht_geeignet", "abgelehnt_sonstiges", "nicht_erschienen", "in_Sitzungen"]]
    antwortnotizen: Optional[str]
    created_at: datetime.datetime
    konflikt: bool
    ausschluss: bool

@dataclasses.dataclass(frozen=True)
class Email(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    therapist_id: Optional[int]
    patient_id: Optional[int]
    betreff: str
    inhalt_html: str
    inhalt_text: str
    empfaenger_email: str
    empfaenger_name: str
    absender_email: str
    absender_name: str
    antwort_erhalten: bool
    antwortdatum: Optional[datetime.datetime]
    antwortinhalt: Optional[str]
    status: Optional[Literal["Entwurf", "In_Warteschlange", "Wird_gesendet", "Gesendet", "Fehlgeschlagen"]]
    in_warteschlange_am: Optional[datetime.datetime]
    gesendet_am: Optional[datetime.datetime]
    fehlermeldung: Optional[str]
    wiederholungsanzahl: Optional[int]
    naechster_versuch_am: Optional[datetime.datetime]
    versand_durch: Optional[str]
    versand_bis: Optional[datetime.datetime]
    angehalten_seit: Optional[datetime.datetime]
    unklar_seit: Optional[datetime.datetime]
    einmal_schluessel: Optional[str]
    created_at: Optional[datetime.datetime]
    updated_at: Optional[datetime.datetime]

@dataclasses.dataclass(frozen=True)
class PhoneCall(Record):
    ENTITY: ClassVar[str] = ...
    id: int
    therapist_id: Optional[int]
    patient_id: Optional[int]
    therapeutenanfrage_id: Optional[int]
    geplantes_datum: datetime.date
    geplante_zeit: datetime.time
    dauer_minuten: Optional[int]
    tatsaechliches_datum: Optional[datetime.date]
    tatsaechliche_zeit: Optional[datetime.time]
    status: Literal["geplant", "abgeschlossen", "fehlgeschlagen", "abgebrochen"]
    ergebnis: Optional[str]
    notizen: Optional[str]
    angehalten_seit: Optional[datetime.datetime]
    einmal_schluessel: Optional[str]
    created_at: Optional[datetime.datetime]
    updated_at: Optional[datetime.datetime]
