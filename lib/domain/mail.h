/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The decisions about e-mails. A mail that is being sent has a lease: who sends
 * it, and until when the result has to be told. Without a result it is suspect
 * (unklar_seit): nobody knows whether it was sent, and only a policy or a
 * person may decide to send it again.
 */
#ifndef PSM_DOMAIN_MAIL_H
#define PSM_DOMAIN_MAIL_H

#include "domain/domain.h"

/* -- making and changing by hand */

/* What a mail is made of; the texts may be NULL. */
struct psm__mail_wish {
	const psm_json *doc;
	const char *once_key;
	const char *sender, *sender_name; /* if the document names none */
};
psm__decide_fn psm__mail_decide_make;
/* The same for a struct psm__wish. */
psm__decide_fn psm__mail_decide_new;
/* The wish is a struct psm__wish. The platform's words; what is being sent is
 * nobody's to change, only the queue begins to send, and the answer to what was
 * never sent is kept without an event. */
psm__decide_fn psm__mail_decide_patch;

/* -- the queue; each does nothing to a mail that is not as it should be */

/* Begin to send a queued one, or one that failed and is tried again. */
struct psm__mail_claim {
	const char *owner, *until;
};
psm__decide_fn psm__mail_decide_claim;

enum psm__mail_outcome { PSM__MAIL_SENT, PSM__MAIL_REFUSED, PSM__MAIL_UNCLEAR };
/* What came of it. next: when it is tried again, NULL: it is not. */
struct psm__mail_result {
	const char *owner, *reason, *next;
	enum psm__mail_outcome outcome;
};
psm__decide_fn psm__mail_decide_result;

/* Its lease ran out: it is suspect. The wish is the reason, a text. */
psm__decide_fn psm__mail_decide_suspect;
/* Decide about a suspect one: it has failed. A struct psm__mail_result, of
 * which reason and next count. */
psm__decide_fn psm__mail_decide_resolve;
/* It is due now. There is no wish. */
psm__decide_fn psm__mail_decide_due;

/* Its therapist is blocked: what waits is held. There is no wish. */
psm__decide_fn psm__mail_decide_hold;
/* He is not any more. */
psm__decide_fn psm__mail_decide_release;

/* -- answers */

/* One answer; the texts may be NULL, but not text. */
struct psm__mail_answer {
	const char *text, *subject, *from;
	const char *received; /* as PostgreSQL writes a timestamp */
	int64_t received_us;
	int automatic;
};
psm__decide_fn psm__mail_decide_answer;

/* -- references */

#define PSM__MAIL_MESSAGE_ID_SIZE 320
/* "<psymatch-mail-7@domain>", with the domain of the sender's address. */
void psm__mail_message_id(int64_t id, const char *sender,
                          char text[PSM__MAIL_MESSAGE_ID_SIZE]);
/* The mail of such a Message-ID; 0: it is none of ours. */
int64_t psm__mail_of_message_id(const char *text);
/* The number of the inquiry that a subject names, "... Ref: A12"; 0: none. */
int64_t psm__mail_reference(const char *subject);

#endif
