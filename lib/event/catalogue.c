/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The catalogue: every event and command of the platform, one entry each.
 * Payload checks, the tables and schemas of psymatch-events, its man page and
 * the Python package are all made from these rows.
 */
#include "event/catalogue_int.h"

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define FIELDS(...)                                                            \
	((const psm_catalogue_field_info[]){__VA_ARGS__, {.name = NULL}})

/*
 * What may be missing may also be null. NEED: must be there; OR_NULL: must be
 * there, perhaps as null. The rest of the arguments are the struct's members.
 */
#define FIELD(field, kind, ...)                                                \
	{                                                                      \
		.name = field, .len = sizeof field - 1, .type = PSM__F_##kind, \
		__VA_ARGS__                                                    \
	}
#define NEED .required = 1
#define OR_NULL .required = 1, .nullable = 1
#define MAY .nullable = 1
#define SECRET .personal = 1 /* tells something about a person */
#define ONE_OF(list) .words = psm__words_##list
#define WORD(...) .words = NAMES(__VA_ARGS__)
#define OF(kind) .item_type = PSM__F_##kind
#define HAS(...) .fields = FIELDS(__VA_ARGS__)
#define PATIENT .fields = psm__patient_data
#define THERAPIST .fields = psm__therapist_data
#define EMAIL .fields = psm__email_data
#define CALL .fields = psm__call_data

#define PATIENT_SERVICE "patient-service"
#define THERAPIST_SERVICE "therapist-service"
#define MATCHING_SERVICE "matching-service"
#define COMMUNICATION_SERVICE "communication-service"
#define GEOCODING_SERVICE "geocoding-service"

/* clang-format off */
/*
 * Sorted by topic, then in the order in which things happen. entity_version
 * counts the committed changes of one patient or therapist: it tells which of
 * two events is the newer one where their times do not.
 */
const psm_event_type_info psm__catalogue[] = {
{ .name = "patient.created", .topic = "patient-events", .key = "patient_id",
  .meaning = "A patient was registered.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("patient_id", integer, NEED),
	FIELD("patient_data", object, NEED, SECRET, PATIENT),
	FIELD("entity_version", integer, MAY)) },

{ .name = "patient.updated", .topic = "patient-events", .key = "patient_id",
  .meaning = "Data of a patient changed; the record is the new one.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("patient_id", integer, NEED),
	FIELD("patient_data", object, NEED, SECRET, PATIENT),
	FIELD("updated_fields", array, MAY, OF(string)),
	FIELD("entity_version", integer, MAY)) },

{ .name = "patient.status_changed", .topic = "patient-events",
  .key = "patient_id",
  .meaning = "A patient moved to another status.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("patient_id", integer, NEED),
	FIELD("old_status", string, OR_NULL, ONE_OF(patientenstatus)),
	FIELD("new_status", string, OR_NULL, ONE_OF(patientenstatus)),
	FIELD("patient_data", object, NEED, SECRET, PATIENT),
	FIELD("entity_version", integer, MAY)) },

{ .name = "patient.therapist_excluded", .topic = "patient-events",
  .key = "patient_id",
  .meaning = "A patient does not want to be offered a therapist any more.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("patient_id", integer, NEED),
	FIELD("therapist_id", integer, NEED),
	FIELD("reason", string, MAY, SECRET)) },

{ .name = "patient.deleted", .topic = "patient-events", .key = "patient_id",
  .meaning = "A patient was removed. The id may come three times: in "
	"patient_id, in additional_data, and in id as the older platform "
	"writes it.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("patient_id", integer, NEED),
	FIELD("additional_data", object, MAY, HAS(FIELD("id", integer, NEED))),
	FIELD("id", integer, MAY),
	FIELD("entity_version", integer, MAY)) },

{ .name = "therapist.created", .topic = "therapist-events",
  .key = "therapist_id",
  .meaning = "A therapist was entered or imported.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("therapist_data", object, NEED, SECRET, THERAPIST),
	FIELD("entity_version", integer, MAY)) },

{ .name = "therapist.updated", .topic = "therapist-events",
  .key = "therapist_id",
  .meaning = "Data of a therapist changed; the record is the new one.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("therapist_data", object, NEED, SECRET, THERAPIST),
	FIELD("entity_version", integer, MAY)) },

{ .name = "therapist.blocked", .topic = "therapist-events",
  .key = "therapist_id",
  .meaning = "A therapist must not be asked any more.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, COMMUNICATION_SERVICE,
	PATIENT_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("therapist_data", object, NEED, SECRET, THERAPIST),
	FIELD("reason", string, MAY, SECRET),
	FIELD("entity_version", integer, MAY)) },

{ .name = "therapist.unblocked", .topic = "therapist-events",
  .key = "therapist_id",
  .meaning = "A blocked therapist may be asked again.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, COMMUNICATION_SERVICE,
	PATIENT_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("therapist_data", object, NEED, SECRET, THERAPIST),
	FIELD("entity_version", integer, MAY)) },

{ .name = "therapist.deleted", .topic = "therapist-events",
  .key = "therapist_id",
  .meaning = "A therapist's record was deleted: copies of it are to be emptied.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, COMMUNICATION_SERVICE,
	PATIENT_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("entity_version", integer, MAY)) },

{ .name = "search.status_changed", .topic = "matching-events",
  .key = "search_id",
  .meaning = "A patient's search was opened (from null) or changed status.",
  .note = "for reports and for programs of the user's own",
  .producers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("search_id", integer, NEED),
	FIELD("patient_id", integer, NEED),
	FIELD("old_status", string, OR_NULL, ONE_OF(suchstatus)),
	FIELD("new_status", string, NEED, ONE_OF(suchstatus))) },

{ .name = "match.created", .topic = "matching-events", .key = "match_id",
  .meaning = "A search was put into an inquiry to a therapist.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("match_id", integer, NEED),
	FIELD("patient_id", integer, NEED),
	FIELD("therapist_id", integer, NEED),
	FIELD("search_id", integer, MAY),
	FIELD("anfrage_id", integer, MAY),
	FIELD("status", string, MAY, ONE_OF(anfrage_patient_status))) },

{ .name = "match.status_changed", .topic = "matching-events",
  .key = "match_id",
  .meaning = "The status of a match changed; to null: it was withdrawn before "
	"it was answered.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("match_id", integer, NEED),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("search_id", integer, MAY),
	FIELD("anfrage_id", integer, MAY),
	FIELD("old_status", string, OR_NULL, ONE_OF(anfrage_patient_status)),
	FIELD("new_status", string, OR_NULL, ONE_OF(anfrage_patient_status)),
	FIELD("conflict", boolean, MAY)) },

{ .name = "therapeutenanfrage.created", .topic = "matching-events",
  .key = "anfrage_id",
  .meaning = "Patients were bundled into an inquiry to a therapist.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("anfrage_id", integer, NEED),
	FIELD("therapist_id", integer, NEED),
	FIELD("patient_ids", array, NEED, OF(integer)),
	FIELD("anfrage_size", integer, NEED)) },

{ .name = "therapeutenanfrage.sent", .topic = "matching-events",
  .key = "anfrage_id",
  .meaning = "An inquiry went to its therapist by e-mail or phone.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("anfrage_id", integer, NEED),
	FIELD("communication_type", string, NEED, WORD("email", "phone_call")),
	FIELD("communication_id", integer, MAY)) },

{ .name = "therapeutenanfrage.response_received", .topic = "matching-events",
  .key = "anfrage_id",
  .meaning = "A therapist's answer to an inquiry was recorded.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("anfrage_id", integer, NEED),
	FIELD("response_type", string, OR_NULL, ONE_OF(antworttyp)),
	FIELD("accepted_count", integer, NEED),
	FIELD("rejected_count", integer, NEED),
	FIELD("no_response_count", integer, NEED)) },

{ .name = "cooling.period_started", .topic = "matching-events",
  .key = "therapist_id",
  .meaning = "A therapist is left alone until a date.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, NEED),
	FIELD("next_contactable_date", date, NEED),
	FIELD("reason", string, NEED, WORD("response_received", "manual"))) },

{ .name = "communication.email_created", .topic = "communication-events",
  .key = "email_id",
  .meaning = "An e-mail was written, not yet sent.",
  .note = "for reports and for programs of the user's own",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .fields = FIELDS(
	FIELD("email_id", integer, NEED),
	FIELD("email_data", object, NEED, SECRET, EMAIL)) },

{ .name = "email.sent", .topic = "communication-events", .key = "email_id",
  .aliases = NAMES("communication.email_sent"),
  .meaning = "An e-mail left for its recipient.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE, MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("email_id", integer, NEED),
	FIELD("email_data", object, NEED, SECRET, EMAIL),
	FIELD("communication_type", string, MAY, WORD("email")),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY)) },

{ .name = "email.failed", .topic = "communication-events", .key = "email_id",
  .meaning = "An e-mail could not be sent, or nobody knows whether it was "
	"(suspect): an inquiry that did not leave is to be sent again.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("email_id", integer, NEED),
	FIELD("email_data", object, NEED, SECRET, EMAIL),
	FIELD("communication_type", string, MAY, WORD("email")),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("reason", string, MAY, SECRET),
	FIELD("attempts", integer, NEED),
	FIELD("suspect", boolean, MAY),
	FIELD("next_attempt_at", datetime, MAY)) },

{ .name = "email.deleted", .topic = "communication-events", .key = "email_id",
  .meaning = "An e-mail was deleted, in the status that it had: an inquiry "
	"whose mail had still to be sent is to be sent again, and none names "
	"it any more.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("email_id", integer, NEED),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("status", string, MAY, ONE_OF(emailstatus)),
	FIELD("next_attempt_at", datetime, MAY)) },

{ .name = "email.response_received", .topic = "communication-events",
  .key = "email_id",
  .aliases = NAMES("communication.email_response_received"),
  .meaning = "An e-mail was answered.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE, MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("email_id", integer, NEED),
	FIELD("email_data", object, MAY, SECRET, EMAIL),
	FIELD("communication_type", string, MAY, WORD("email")),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("response_data", object, MAY, SECRET, HAS(
		FIELD("text", string, MAY, SECRET),
		FIELD("subject", string, MAY, SECRET),
		FIELD("from", string, MAY, SECRET),
		FIELD("received_at", datetime, MAY),
		FIELD("automatic", boolean, MAY)))) },

{ .name = "communication.call_scheduled", .topic = "communication-events",
  .key = "call_id",
  .meaning = "A phone call was planned.",
  .note = "for reports and for programs of the user's own",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .fields = FIELDS(
	FIELD("call_id", integer, NEED),
	FIELD("call_data", object, NEED, SECRET, CALL)) },

{ .name = "phone_call.completed", .topic = "communication-events",
  .key = "call_id",
  .aliases = NAMES("communication.call_completed"),
  .meaning = "A planned phone call took place.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE, MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("call_id", integer, NEED),
	FIELD("call_data", object, NEED, SECRET, CALL),
	FIELD("communication_type", string, MAY, WORD("phone_call")),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("outcome", string, MAY, SECRET)) },

{ .name = "phone_call.failed", .topic = "communication-events",
  .key = "call_id",
  .meaning = "A planned phone call reached nobody (fehlgeschlagen), or was "
	"called off (abgebrochen): an inquiry that it was for is to be sent again.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("call_id", integer, NEED),
	FIELD("call_data", object, NEED, SECRET, CALL),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY)) },

{ .name = "phone_call.deleted", .topic = "communication-events",
  .key = "call_id",
  .meaning = "A phone call was deleted, in the status that it had: an inquiry "
	"whose follow-up is gone may get another one, and one that was still "
	"to be asked by it is to be sent again.",
  .producers = NAMES(COMMUNICATION_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE, THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("call_id", integer, NEED),
	FIELD("patient_id", integer, MAY),
	FIELD("therapist_id", integer, MAY),
	FIELD("therapeutenanfrage_id", integer, MAY),
	FIELD("status", string, MAY, ONE_OF(telefonanrufstatus))) },

{ .name = "communication.send_email", .topic = "communication-events",
  .key = "email_id", .command = 1,
  .meaning = "Send a queued e-mail with the next run of the queue, also one that "
	"would be tried later: the mail of an inquiry that was sent.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(COMMUNICATION_SERVICE),
  .fields = FIELDS(FIELD("email_id", integer, NEED)) },

{ .name = "communication.schedule_call", .topic = "communication-events",
  .key = "therapist_id", .key_other = "patient_id", .command = 1,
  .meaning = "Plan a phone call with a therapist or a patient: somebody asked for "
	"one at their record.",
  .producers = NAMES(PATIENT_SERVICE, THERAPIST_SERVICE),
  .consumers = NAMES(COMMUNICATION_SERVICE),
  .fields = FIELDS(
	FIELD("therapist_id", integer, MAY),
	FIELD("patient_id", integer, MAY)) },

{ .name = "email.send", .topic = "email-commands", .key = "email_id",
  .command = 1,
  .meaning = "Send an e-mail, as communication.send_email: the mail that confirms "
	"a registration.",
  .producers = NAMES(PATIENT_SERVICE),
  .consumers = NAMES(COMMUNICATION_SERVICE),
  .fields = FIELDS(FIELD("email_id", integer, NEED)) },

{ .name = "geocoding.calculate_distance", .topic = "geocoding-requests",
  .key = "request_id", .command = 1,
  .meaning = "Find the distance between two places, each an address or "
	"[latitude, longitude]. A wrong request is answered, too.",
  .producers = NAMES(MATCHING_SERVICE),
  .consumers = NAMES(GEOCODING_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("origin", any, MAY, SECRET),
	FIELD("destination", any, MAY, SECRET),
	FIELD("travel_mode", any, MAY)) },

{ .name = "geocoding.search_therapists", .topic = "geocoding-requests",
  .key = "request_id", .command = 1,
  .meaning = "Find the therapists around a patient's place. A wrong request "
	"is answered, too.",
  .note = "for programs of the user's own: the services ask over HTTP",
  .consumers = NAMES(GEOCODING_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("patient_location", any, MAY, SECRET),
	FIELD("search_params", any, MAY)) },

{ .name = "geocoding.distance_result", .topic = "geocoding-events",
  .key = "request_id",
  .meaning = "The answer to geocoding.calculate_distance.",
  .producers = NAMES(GEOCODING_SERVICE),
  .consumers = NAMES(MATCHING_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("result", object, NEED, SECRET, HAS(
		FIELD("distance_km", number, MAY),
		FIELD("status", string, NEED,
			WORD("success", "partial", "error")),
		FIELD("source", string, MAY),
		FIELD("travel_mode", string, MAY),
		FIELD("route_available", boolean, MAY),
		FIELD("error", string, MAY, SECRET)))) },

{ .name = "geocoding.geocode_result", .topic = "geocoding-events",
  .key = "request_id",
  .meaning = "The geocoder turned an address of a request into coordinates.",
  .note = "for the program that asked",
  .producers = NAMES(GEOCODING_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("address", string, NEED, SECRET),
	FIELD("coordinates", any, MAY, SECRET),
	FIELD("display_name", string, MAY, SECRET)) },

{ .name = "geocoding.therapist_search_result", .topic = "geocoding-events",
  .key = "request_id",
  .meaning = "The answer to geocoding.search_therapists.",
  .note = "for the program that asked",
  .producers = NAMES(GEOCODING_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("status", string, MAY, WORD("success", "error")),
	FIELD("error", string, MAY),
	FIELD("patient_location", any, MAY, SECRET),
	FIELD("therapists", array, NEED, SECRET, OF(any)),
	FIELD("search_params", object, MAY)) },

{ .name = "scraping.run", .topic = "scraping-requests", .key = "request_id",
  .command = 1,
  .meaning = "Read the public therapist lists again, all or of one postal "
	"code.",
  .producers = NAMES(THERAPIST_SERVICE),
  .consumers = NAMES(THERAPIST_SERVICE),
  .fields = FIELDS(
	FIELD("request_id", any, NEED),
	FIELD("plz", string, MAY)) },
};

const size_t psm__catalogue_count = PSM__COUNT(psm__catalogue);

/* Every topic of the rows, with the partitions a new one is made with. */
const struct psm__topic psm__topics[] = {
	{"patient-events", 3},
	{"therapist-events", 3},
	{"matching-events", 3},
	{"communication-events", 3},
	{"email-commands", 3},
	{"geocoding-requests", 3},
	{"geocoding-events", 3},
	{"scraping-requests", 3},
	{NULL, 0},
};
/* clang-format on */
