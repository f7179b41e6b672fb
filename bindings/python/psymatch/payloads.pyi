# SPDX-License-Identifier: BSD-2-Clause
# Made by build-aux/python-stubs from the library's tables.
from typing import Any, Literal, Optional

from typing_extensions import NotRequired, TypedDict

TYPES: dict[str, Any]
__all__ = ["TYPES", "PatientData", "PatientCreated", "PatientUpdated", "PatientStatusChanged", "PatientTherapistExcluded", "AdditionalData", "PatientDeleted", "TherapistData", "TherapistCreated", "TherapistUpdated", "TherapistBlocked", "TherapistUnblocked", "TherapistDeleted", "SearchStatusChanged", "MatchCreated", "MatchStatusChanged", "TherapeutenanfrageCreated", "TherapeutenanfrageSent", "TherapeutenanfrageResponseReceived", "CoolingPeriodStarted", "EmailData", "CommunicationEmailCreated", "EmailSent", "EmailFailed", "EmailDeleted", "ResponseData", "EmailResponseReceived", "CallData", "CommunicationCallScheduled", "PhoneCallCompleted", "PhoneCallFailed", "PhoneCallDeleted", "CommunicationSendEmail", "CommunicationScheduleCall", "EmailSend", "GeocodingCalculateDistance", "GeocodingSearchTherapists", "GeocodingDistanceResultResult", "GeocodingDistanceResult", "GeocodingGeocodeResult", "GeocodingTherapistSearchResult", "ScrapingRun"]

class PatientData(TypedDict):
    id: int
    anrede: NotRequired[Optional[Literal["Herr", "Frau"]]]
    geschlecht: NotRequired[Optional[Literal["männlich", "weiblich", "divers", "keine_Angabe"]]]
    vorname: NotRequired[Optional[str]]
    nachname: NotRequired[Optional[str]]
    strasse: NotRequired[Optional[str]]
    plz: NotRequired[Optional[str]]
    ort: NotRequired[Optional[str]]
    email: NotRequired[Optional[str]]
    telefon: NotRequired[Optional[str]]
    hausarzt: NotRequired[Optional[str]]
    krankenkasse: NotRequired[Optional[str]]
    krankenversicherungsnummer: NotRequired[Optional[str]]
    geburtsdatum: NotRequired[Optional[str]]
    symptome: NotRequired[Optional[list[Literal["Depression / Niedergeschlagenheit", "Ängste / Panikattacken", "Burnout / Erschöpfung", "Schlafstörungen", "Stress / Überforderung", "Trauer / Verlust", "Reizbarkeit / Wutausbrüche", "Stimmungsschwankungen", "Innere Leere", "Einsamkeit", "Sorgen / Grübeln", "Selbstzweifel", "Konzentrationsprobleme", "Negative Gedanken", "Entscheidungsschwierigkeiten", "Psychosomatische Beschwerden", "Chronische Schmerzen", "Essstörungen", "Suchtprobleme (Alkohol/Drogen)", "Sexuelle Probleme", "Beziehungsprobleme", "Familienkonflikte", "Sozialer Rückzug", "Mobbing", "Trennungsschmerz", "Traumatische Erlebnisse", "Zwänge", "Selbstverletzung", "Suizidgedanken", "Identitätskrise"]]]]
    erfahrung_mit_psychotherapie: NotRequired[Optional[bool]]
    letzte_sitzung_vorherige_psychotherapie: NotRequired[Optional[str]]
    vertraege_unterschrieben: NotRequired[Optional[bool]]
    startdatum: NotRequired[Optional[str]]
    erster_therapieplatz_am: NotRequired[Optional[str]]
    funktionierender_therapieplatz_am: NotRequired[Optional[str]]
    status: NotRequired[Optional[Literal["offen", "auf_der_Suche", "in_Therapie", "Therapie_abgeschlossen", "Suche_abgebrochen", "Therapie_abgebrochen"]]]
    empfehler_der_unterstuetzung: NotRequired[Optional[str]]
    zahlungsreferenz: NotRequired[Optional[str]]
    zahlung_eingegangen: NotRequired[Optional[bool]]
    zeitliche_verfuegbarkeit: NotRequired[Optional[dict[str, Any]]]
    raeumliche_verfuegbarkeit: NotRequired[Optional[dict[str, Any]]]
    verkehrsmittel: NotRequired[Optional[str]]
    offen_fuer_gruppentherapie: NotRequired[Optional[bool]]
    offen_fuer_diga: NotRequired[Optional[bool]]
    letzter_kontakt: NotRequired[Optional[str]]
    ausgeschlossene_therapeuten: NotRequired[Optional[list[Any]]]
    bevorzugtes_therapeutengeschlecht: NotRequired[Optional[Literal["Männlich", "Weiblich", "Egal"]]]
    bevorzugtes_therapieverfahren: NotRequired[Optional[Literal["egal", "Verhaltenstherapie", "tiefenpsychologisch_fundierte_Psychotherapie"]]]
    created_at: NotRequired[Optional[str]]
    updated_at: NotRequired[Optional[str]]

class PatientCreated(TypedDict):
    patient_id: int
    patient_data: PatientData
    entity_version: NotRequired[Optional[int]]

class PatientUpdated(TypedDict):
    patient_id: int
    patient_data: PatientData
    updated_fields: NotRequired[Optional[list[str]]]
    entity_version: NotRequired[Optional[int]]

class PatientStatusChanged(TypedDict):
    patient_id: int
    old_status: Optional[Literal["offen", "auf_der_Suche", "in_Therapie", "Therapie_abgeschlossen", "Suche_abgebrochen", "Therapie_abgebrochen"]]
    new_status: Optional[Literal["offen", "auf_der_Suche", "in_Therapie", "Therapie_abgeschlossen", "Suche_abgebrochen", "Therapie_abgebrochen"]]
    patient_data: PatientData
    entity_version: NotRequired[Optional[int]]

class PatientTherapistExcluded(TypedDict):
    patient_id: int
    therapist_id: int
    reason: NotRequired[Optional[str]]

class AdditionalData(TypedDict):
    id: int

class PatientDeleted(TypedDict):
    patient_id: int
    additional_data: NotRequired[Optional[AdditionalData]]
    id: NotRequired[Optional[int]]
    entity_version: NotRequired[Optional[int]]

class TherapistData(TypedDict):
    id: int
    anrede: NotRequired[Optional[Literal["Herr", "Frau"]]]
    geschlecht: NotRequired[Optional[Literal["männlich", "weiblich", "divers", "keine_Angabe"]]]
    titel: NotRequired[Optional[str]]
    vorname: NotRequired[Optional[str]]
    nachname: NotRequired[Optional[str]]
    strasse: NotRequired[Optional[str]]
    plz: NotRequired[Optional[str]]
    ort: NotRequired[Optional[str]]
    telefon: NotRequired[Optional[str]]
    fax: NotRequired[Optional[str]]
    email: NotRequired[Optional[str]]
    webseite: NotRequired[Optional[str]]
    kassensitz: NotRequired[Optional[bool]]
    telefonische_erreichbarkeit: NotRequired[Optional[dict[str, Any]]]
    fremdsprachen: NotRequired[Optional[list[Any]]]
    psychotherapieverfahren: NotRequired[Optional[Literal["egal", "Verhaltenstherapie", "tiefenpsychologisch_fundierte_Psychotherapie"]]]
    zusatzqualifikationen: NotRequired[Optional[str]]
    besondere_leistungsangebote: NotRequired[Optional[str]]
    letzter_kontakt_email: NotRequired[Optional[str]]
    letzter_kontakt_telefon: NotRequired[Optional[str]]
    letztes_persoenliches_gespraech: NotRequired[Optional[str]]
    potenziell_verfuegbar: NotRequired[Optional[bool]]
    potenziell_verfuegbar_notizen: NotRequired[Optional[str]]
    ueber_curavani_informiert: NotRequired[Optional[bool]]
    naechster_kontakt_moeglich: NotRequired[Optional[str]]
    bevorzugte_diagnosen: NotRequired[Optional[list[Any]]]
    alter_min: NotRequired[Optional[int]]
    alter_max: NotRequired[Optional[int]]
    geschlechtspraeferenz: NotRequired[Optional[str]]
    arbeitszeiten: NotRequired[Optional[dict[str, Any]]]
    bevorzugt_gruppentherapie: NotRequired[Optional[bool]]
    barrierefrei: NotRequired[Optional[bool]]
    status: NotRequired[Optional[Literal["aktiv", "gesperrt", "inaktiv"]]]
    sperrgrund: NotRequired[Optional[str]]
    sperrdatum: NotRequired[Optional[str]]
    created_at: NotRequired[Optional[str]]
    updated_at: NotRequired[Optional[str]]

class TherapistCreated(TypedDict):
    therapist_id: int
    therapist_data: TherapistData
    entity_version: NotRequired[Optional[int]]

class TherapistUpdated(TypedDict):
    therapist_id: int
    therapist_data: TherapistData
    entity_version: NotRequired[Optional[int]]

class TherapistBlocked(TypedDict):
    therapist_id: int
    therapist_data: TherapistData
    reason: NotRequired[Optional[str]]
    entity_version: NotRequired[Optional[int]]

class TherapistUnblocked(TypedDict):
    therapist_id: int
    therapist_data: TherapistData
    entity_version: NotRequired[Optional[int]]

class TherapistDeleted(TypedDict):
    therapist_id: int
    entity_version: NotRequired[Optional[int]]

class SearchStatusChanged(TypedDict):
    search_id: int
    patient_id: int
    old_status: Optional[Literal["aktiv", "erfolgreich", "pausiert", "abgebrochen"]]
    new_status: Literal["aktiv", "erfolgreich", "pausiert", "abgebrochen"]

class MatchCreated(TypedDict):
    match_id: int
    patient_id: int
    therapist_id: int
    search_id: NotRequired[Optional[int]]
    anfrage_id: NotRequired[Optional[int]]
    status: NotRequired[Optional[Literal["anstehend", "angenommen", "abgelehnt", "keine_antwort"]]]

class MatchStatusChanged(TypedDict):
    match_id: int
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    search_id: NotRequired[Optional[int]]
    anfrage_id: NotRequired[Optional[int]]
    old_status: Optional[Literal["anstehend", "angenommen", "abgelehnt", "keine_antwort"]]
    new_status: Optional[Literal["anstehend", "angenommen", "abgelehnt", "keine_antwort"]]
    conflict: NotRequired[Optional[bool]]

class TherapeutenanfrageCreated(TypedDict):
    anfrage_id: int
    therapist_id: int
    patient_ids: list[int]
    anfrage_size: int

class TherapeutenanfrageSent(TypedDict):
    anfrage_id: int
    communication_type: Literal["email", "phone_call"]
    communication_id: NotRequired[Optional[int]]

class TherapeutenanfrageResponseReceived(TypedDict):
    anfrage_id: int
    response_type: Optional[Literal["vollstaendige_Annahme", "teilweise_Annahme", "vollstaendige_Ablehnung", "keine_Antwort"]]
    accepted_count: int
    rejected_count: int
    no_response_count: int

class CoolingPeriodStarted(TypedDict):
    therapist_id: int
    next_contactable_date: str
    reason: Literal["response_received", "manual"]

class EmailData(TypedDict):
    email_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    patient_id: NotRequired[Optional[int]]
    betreff: NotRequired[Optional[str]]
    status: NotRequired[Optional[Literal["Entwurf", "In_Warteschlange", "Wird_gesendet", "Gesendet", "Fehlgeschlagen"]]]
    recipient_type: NotRequired[Optional[Literal["therapist", "patient"]]]

class CommunicationEmailCreated(TypedDict):
    email_id: int
    email_data: EmailData

class EmailSent(TypedDict):
    email_id: int
    email_data: EmailData
    communication_type: NotRequired[Optional[Literal["email"]]]
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]

class EmailFailed(TypedDict):
    email_id: int
    email_data: EmailData
    communication_type: NotRequired[Optional[Literal["email"]]]
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    reason: NotRequired[Optional[str]]
    attempts: int
    suspect: NotRequired[Optional[bool]]
    next_attempt_at: NotRequired[Optional[str]]

class EmailDeleted(TypedDict):
    email_id: int
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    status: NotRequired[Optional[Literal["Entwurf", "In_Warteschlange", "Wird_gesendet", "Gesendet", "Fehlgeschlagen"]]]
    next_attempt_at: NotRequired[Optional[str]]

ResponseData = TypedDict("ResponseData", {"text": NotRequired[Optional[str]], "subject": NotRequired[Optional[str]], "from": NotRequired[Optional[str]], "received_at": NotRequired[Optional[str]], "automatic": NotRequired[Optional[bool]]})

class EmailResponseReceived(TypedDict):
    email_id: int
    email_data: NotRequired[Optional[EmailData]]
    communication_type: NotRequired[Optional[Literal["email"]]]
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    response_data: NotRequired[Optional[ResponseData]]

class CallData(TypedDict):
    call_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    patient_id: NotRequired[Optional[int]]
    therapeutenanfrage_id: NotRequired[Optional[int]]
    status: NotRequired[Optional[Literal["geplant", "abgeschlossen", "fehlgeschlagen", "abgebrochen"]]]
    ergebnis: NotRequired[Optional[str]]
    recipient_type: NotRequired[Optional[Literal["therapist", "patient"]]]
    scheduled_date: NotRequired[Optional[str]]
    scheduled_time: NotRequired[Optional[str]]

class CommunicationCallScheduled(TypedDict):
    call_id: int
    call_data: CallData

class PhoneCallCompleted(TypedDict):
    call_id: int
    call_data: CallData
    communication_type: NotRequired[Optional[Literal["phone_call"]]]
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    outcome: NotRequired[Optional[str]]

class PhoneCallFailed(TypedDict):
    call_id: int
    call_data: CallData
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]

class PhoneCallDeleted(TypedDict):
    call_id: int
    patient_id: NotRequired[Optional[int]]
    therapist_id: NotRequired[Optional[int]]
    therapeutenanfrage_id: NotRequired[Optional[int]]
    status: NotRequired[Optional[Literal["geplant", "abgeschlossen", "fehlgeschlagen", "abgebrochen"]]]

class CommunicationSendEmail(TypedDict):
    email_id: int

class CommunicationScheduleCall(TypedDict):
    therapist_id: NotRequired[Optional[int]]
    patient_id: NotRequired[Optional[int]]

class EmailSend(TypedDict):
    email_id: int

class GeocodingCalculateDistance(TypedDict):
    request_id: Any
    origin: NotRequired[Any]
    destination: NotRequired[Any]
    travel_mode: NotRequired[Any]

class GeocodingSearchTherapists(TypedDict):
    request_id: Any
    patient_location: NotRequired[Any]
    search_params: NotRequired[Any]

class GeocodingDistanceResultResult(TypedDict):
    distance_km: NotRequired[Optional[float]]
    status: Literal["success", "partial", "error"]
    source: NotRequired[Optional[str]]
    travel_mode: NotRequired[Optional[str]]
    route_available: NotRequired[Optional[bool]]
    error: NotRequired[Optional[str]]

class GeocodingDistanceResult(TypedDict):
    request_id: Any
    result: GeocodingDistanceResultResult

class GeocodingGeocodeResult(TypedDict):
    request_id: Any
    address: str
    coordinates: NotRequired[Any]
    display_name: NotRequired[Optional[str]]

class GeocodingTherapistSearchResult(TypedDict):
    request_id: Any
    status: NotRequired[Optional[Literal["success", "error"]]]
    error: NotRequired[Optional[str]]
    patient_location: NotRequired[Any]
    therapists: list[Any]
    search_params: NotRequired[Optional[dict[str, Any]]]

class ScrapingRun(TypedDict):
    request_id: Any
    plz: NotRequired[Optional[str]]
