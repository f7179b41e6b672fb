/* SPDX-License-Identifier: BSD-2-Clause */
/* The tables of fields as data, and the entities they belong to. */
#include "entity/columns.h"
#include "entity/machine.h"
#include "entity/rules.h"

#define FIELD(...) FIELD_(__VA_ARGS__)
#define FIELD_(up, column, sort, sql, like, low, high, what, list, need, who,  \
               secret, shared, find, value, text)                              \
	{.name = #column,                                                      \
	 .sql_type = sql,                                                      \
	 .preset = value,                                                      \
	 .meaning = text,                                                      \
	 .words = list,                                                        \
	 .least = low,                                                         \
	 .most = high,                                                         \
	 .flags = (need) | (secret) | (shared) | (find),                       \
	 .len = sizeof #column - 1,                                            \
	 .type = sort,                                                         \
	 .item = what,                                                         \
	 .form = like,                                                         \
	 .writers = (who)},
#define F(up, column, type, need, who, secret, share, ...)                     \
	FIELD(up, column, type, need, who, secret, SHARE_##share, __VA_ARGS__)

static const struct psm_entity_field patient_fields[] = {
    PSM__PATIENT_FIELDS(F)};
static const struct psm_entity_field therapist_fields[] = {
    PSM__THERAPIST_FIELDS(F)};
static const struct psm_entity_field search_fields[] = {PSM__SEARCH_FIELDS(F)};
static const struct psm_entity_field inquiry_fields[] = {
    PSM__INQUIRY_FIELDS(F)};
static const struct psm_entity_field inquiry_patient_fields[] = {
    PSM__INQUIRY_PATIENT_FIELDS(F)};
static const struct psm_entity_field email_fields[] = {PSM__EMAIL_FIELDS(F)};
static const struct psm_entity_field phone_call_fields[] = {
    PSM__PHONE_CALL_FIELDS(F)};

#define FIELDS(list) .fields = list##_fields, .count = PSM__COUNT(list##_fields)

const struct psm_entity psm__entity_patient = {
    .name = "patient",
    .schema = "patient_service",
    .table = "patienten",
    .copy = "matching_service.patienten_kopie",
    .service = "patient-service",
    .id_name = "patient_id",
    .data_name = "patient_data",
    FIELDS(patient),
    .machine = &psm__machine_patient,
    .check = psm__check_patient,
    .number = 0,
};

const struct psm_entity psm__entity_therapist = {
    .name = "therapist",
    .schema = "therapist_service",
    .table = "therapeuten",
    .copy = "matching_service.therapeuten_kopie",
    .service = "therapist-service",
    .id_name = "therapist_id",
    .data_name = "therapist_data",
    FIELDS(therapist),
    .machine = &psm__machine_therapist,
    .check = psm__check_therapist,
    .number = 1,
};

const struct psm_entity psm__entity_search = {
    .name = "search",
    .schema = "matching_service",
    .table = "platzsuche",
    .service = "matching-service",
    .id_name = "search_id",
    FIELDS(search),
    .machine = &psm__machine_search,
    .number = 2,
};

const struct psm_entity psm__entity_inquiry = {
    .name = "inquiry",
    .schema = "matching_service",
    .table = "therapeutenanfrage",
    .service = "matching-service",
    .id_name = "anfrage_id",
    FIELDS(inquiry),
    .machine = &psm__machine_inquiry,
    .number = 3,
};

const struct psm_entity psm__entity_inquiry_patient = {
    .name = "inquiry_patient",
    .schema = "matching_service",
    .table = "therapeut_anfrage_patient",
    .service = "matching-service",
    .id_name = "match_id",
    FIELDS(inquiry_patient),
    .machine = &psm__machine_inquiry_patient,
    .number = 4,
};

const struct psm_entity psm__entity_email = {
    .name = "email",
    .schema = "communication_service",
    .table = "emails",
    .service = "communication-service",
    .id_name = "email_id",
    .data_name = "email_data",
    FIELDS(email),
    .machine = &psm__machine_email,
    .check = psm__check_email,
    .number = 5,
};

const struct psm_entity psm__entity_phone_call = {
    .name = "phone_call",
    .schema = "communication_service",
    .table = "telefonanrufe",
    .service = "communication-service",
    .id_name = "call_id",
    .data_name = "call_data",
    FIELDS(phone_call),
    .machine = &psm__machine_phone_call,
    .check = psm__check_recipient,
    .number = 6,
};

const struct psm_entity *const psm__entities[PSM__ENTITY_COUNT] = {
    &psm__entity_patient,    &psm__entity_therapist,       &psm__entity_search,
    &psm__entity_inquiry,    &psm__entity_inquiry_patient, &psm__entity_email,
    &psm__entity_phone_call,
};
