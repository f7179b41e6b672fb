/* SPDX-License-Identifier: BSD-2-Clause */
/* The settings of e-mails, read once. */
#include "service/mailer_int.h"

#include <string.h>

static const char *const text_names[SVC_MAIL_TEXTS] = {
    [SVC_SMTP_HOST] = "SMTP_HOST",
    [SVC_SMTP_USERNAME] = "SMTP_USERNAME",
    [SVC_SMTP_PASSWORD] = "SMTP_PASSWORD",
    [SVC_SMTP_CA_FILE] = "SMTP_CA_FILE",
    [SVC_SENDER] = "EMAIL_SENDER",
    [SVC_SENDER_NAME] = "EMAIL_SENDER_NAME",
    [SVC_NOTIFY] = "SYSTEM_NOTIFICATION_EMAIL",
    [SVC_COMPANY_NAME] = "COMPANY_NAME",
    [SVC_COMPANY_STREET] = "COMPANY_STREET",
    [SVC_COMPANY_PLZ] = "COMPANY_PLZ",
    [SVC_COMPANY_CITY] = "COMPANY_CITY",
    [SVC_COMPANY_COUNTRY] = "COMPANY_COUNTRY",
    [SVC_COMPANY_CEO] = "COMPANY_CEO",
    [SVC_COMPANY_HRB] = "COMPANY_HRB",
    [SVC_PRIVACY] = "LEGAL_FOOTER_PRIVACY_TEXT",
    [SVC_TEMPLATES] = "PSYMATCH_TEMPLATE_DIR",
    [SVC_MAILDIR] = "EMAIL_ANSWER_MAILDIR",
};
static const char *const number_names[SVC_MAIL_NUMBERS] = {
    [SVC_SMTP_PORT] = "SMTP_PORT",
    [SVC_SMTP_CONNECT_MS] = "SMTP_CONNECT_TIMEOUT_MS",
    [SVC_SMTP_TOTAL_MS] = "SMTP_TIMEOUT_MS",
    [SVC_ANSWER_MAX] = "EMAIL_ANSWER_MAX_BYTES",
    [SVC_CHECK_S] = "EMAIL_QUEUE_CHECK_INTERVAL_SECONDS",
};
static const char *const flag_names[SVC_MAIL_FLAGS] = {
    [SVC_STARTTLS] = "SMTP_USE_TLS",
    [SVC_IMPLICIT_TLS] = "SMTP_IMPLICIT_TLS",
    [SVC_FOOTER] = "EMAIL_ADD_LEGAL_FOOTER",
};

static int
unknown(const char *name, psm_error *err)
{
	return psm__fail(err, PSM_ERR_CONFIG,
	                 "%s: want the settings of psm_service_config(), found "
	                 "others",
	                 name);
}

static int
read_texts(psm_mailer *m, const psm_config *cfg, psm_error *err)
{
	for (size_t i = 0; i < SVC_MAIL_TEXTS; i++) {
		const char *value = psm_config_string(cfg, text_names[i]);

		if (!value)
			return unknown(text_names[i], err);
		if (i == SVC_TEMPLATES && !*value)
			value = PSM_TEMPLATE_DIR;
		m->text[i] = psm__strdup(value);
		if (!m->text[i])
			return psm__nomem(err);
	}
	return PSM_OK;
}

/* A second sending while the first one goes on would begin with a lease that
 * is too short. */
static int
check(const psm_mailer *m, const psm_config *cfg, psm_error *err)
{
	int64_t lease_s = psm_config_int(cfg, "EMAIL_LEASE_SECONDS");

	if (m->number[SVC_SMTP_TOTAL_MS] >= lease_s * 1000)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "EMAIL_LEASE_SECONDS: want more than "
		                 "SMTP_TIMEOUT_MS, found %lld s for %lld ms",
		                 (long long)lease_s,
		                 (long long)m->number[SVC_SMTP_TOTAL_MS]);
	if (m->flag[SVC_STARTTLS] && m->flag[SVC_IMPLICIT_TLS])
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "SMTP_USE_TLS, SMTP_IMPLICIT_TLS: want one of "
		                 "them, found both");
	return PSM_OK;
}

static int
read_settings(psm_mailer *m, const psm_config *cfg, psm_error *err)
{
	int rc = read_texts(m, cfg, err);

	for (size_t i = 0; i < SVC_MAIL_NUMBERS && rc == PSM_OK; i++) {
		m->number[i] = psm_config_int(cfg, number_names[i]);
		if (m->number[i] < 0)
			rc = unknown(number_names[i], err);
	}
	for (size_t i = 0; i < SVC_MAIL_FLAGS && rc == PSM_OK; i++) {
		m->flag[i] = psm_config_bool(cfg, flag_names[i]);
		if (m->flag[i] < 0)
			rc = unknown(flag_names[i], err);
	}
	return rc == PSM_OK ? check(m, cfg, err) : rc;
}

int
psm_mailer_new(const psm_config *cfg, psm_mailer **out, psm_error *err)
{
	psm_mailer *m;
	int rc;

	psm_error_clear(err);
	if (!out)
		return psm__fail(err, PSM_ERR_INVAL, "out: want a pointer");
	*out = NULL;
	if (!cfg)
		return psm__fail(err, PSM_ERR_INVAL, "cfg: want settings");
	m = psm__alloc(sizeof *m);
	if (!m)
		return psm__nomem(err);
	rc = read_settings(m, cfg, err);
	if (rc == PSM_OK)
		*out = m;
	else
		psm_mailer_free(m);
	return rc;
}

void
psm_mailer_free(psm_mailer *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < SVC_MAIL_TEXTS; i++)
		psm__free(m->text[i]);
	psm__free(m);
}
