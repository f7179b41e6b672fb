/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The use cases: load rows, let the domain decide, save and emit, in one
 * transaction each.
 */
#ifndef PSM_APP_INT_H
#define PSM_APP_INT_H

#include <sys/types.h>
#include <time.h>

#include <psymatch/catalogue.h>
#include <psymatch/event.h>
#include <psymatch/json.h>
#include <psymatch/matching.h>
#include <psymatch/patient.h>
#include <psymatch/store.h>
#include <psymatch/therapist.h>

#include "app/change.h"
#include "base/base.h"
#include "domain/domain.h"

/* -- app.c */

/* Commit after rc >= 0, else roll back; tx is gone, and may be NULL after a
 * failure. rc, or why it was not committed. */
int psm__app_end(psm_tx *tx, int rc, psm_error *err);
/* 1 if code means that the database, not the data, is at fault, or memory. */
int psm__app_is_system(int code);

/* What a service does at an event of a type; 0 or a code. */
struct psm__event_handler {
	const char *type; /* its name, not an alias */
	int (*handle)(psm_tx *tx, const psm_event *ev, psm_error *err);
};
/* The one of ev's type; 0 if there is none. PSM_ERR_REJECT: what is wrong is
 * the event's fault; PSM_ERR_INVAL: tx or ev is NULL. */
int psm__app_handle(const struct psm__event_handler *handlers, size_t count,
                    psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- announce.c */

/* psm_therapist_announce() of any entity that has an event "updated". */
int psm__announce(psm_store *store, const struct psm__policy *policy, int all,
                  int limit, psm_error *err);

/* -- import_stored.c */

/* A stored therapist as far as an import asks who it is. */
struct psm__stored {
	struct psm__row row;  /* the id, and what tells people apart */
	char *source;         /* the file that an import last took it from */
	char *fields;         /* what its last record said; both may be NULL */
	struct psm__row last; /* fields as a row; all zero without them */
};
struct psm__stored_list {
	struct psm__stored *items;
	size_t count, cap;
	struct psm__names names; /* of all of them, by index */
	/* Of those whom the file does not tell about by their present name: as
	 * their last record called them, by index. */
	struct psm__names imported;
};
void psm__stored_list_free(struct psm__stored_list *list);
/*
 * Add those who have, or had in their last record, a postal code; of a stored
 * one the digits count. present: whom the file tells about. After the last code
 * the list is to be sorted.
 */
int psm__stored_list_add(psm_tx *tx, const char *code,
                         const struct psm__names *present,
                         struct psm__stored_list *out, psm_error *err);
int psm__stored_list_sort(struct psm__stored_list *list, psm_error *err);
/* Of them only those who may have, or have had, these first names; sorted. What
 * is the same as its neighbour is asked for once. */
struct psm__sought {
	const char *plz; /* five digits */
	char *vorname;   /* folded */
};
int psm__stored_list_named(psm_tx *tx, const struct psm__sought *sought,
                           size_t count, const struct psm__names *present,
                           struct psm__stored_list *out, psm_error *err);
/* What records say, to be kept: arrays, with one element for each. */
struct psm__remembered {
	struct psm__buf ids, codes, fields, names;
};
void psm__remembered_add(struct psm__remembered *list, const char *id,
                         const struct psm__row *record, const char *fields);
void psm__remembered_free(struct psm__remembered *list);
/* Keep it, and which file it is from, in place of what the last records said;
 * the answer comes with the commit. No therapist may be there twice. */
int psm__therapists_remember(psm_tx *tx, struct psm__remembered *list,
                             const char *source, psm_error *err);

/* -- import_status.c: every function accepts a NULL status */

enum psm__import_count {
	PSM__N_RUNS,
	PSM__N_FILES,
	PSM__N_BROKEN,
	PSM__N_FUTURE,
	PSM__N_RECORDS,
	PSM__N_CREATED,
	PSM__N_UPDATED,
	PSM__N_UNCHANGED,
	PSM__N_SKIPPED,
	PSM__N_SUPERSEDED,
	PSM__N_FAILED,
	PSM__N_COUNT
};
/* What one file held. */
struct psm__import_counts {
	int64_t n[PSM__N_COUNT];
};

void psm__import_began(psm_import_status *s);
/* rc < 0: the run ended early because of err. */
void psm__import_ended(psm_import_status *s, int rc, const psm_error *err);
int psm__import_cancelled(psm_import_status *s);
/* A person who waits may be told. */
void psm__import_progress(const psm_import_status *s, size_t done, size_t total,
                          int written);
/* 1: this content of the file was not read to its end before, and counts.
 * *reported: of so many records of it the faults were told already. */
int psm__import_is_new(psm_import_status *s, const char *file,
                       const char *checksum, size_t *reported);
/* The file was read to its end (done 1), or up to this record only: the next
 * run goes on. */
void psm__import_file_read(psm_import_status *s, const char *file,
                           const struct psm__import_counts *counts,
                           size_t record, int done, int is_new);
/* A folder of this name is left out: its day has not come. */
void psm__import_future(psm_import_status *s, const char *day);
/* Log it, and keep it with the status if there is one. record: index, -1: the
 * file as a whole. */
void psm__import_error(psm_import_status *s, const char *file, int64_t record,
                       const psm_error *err);
/* A file that is one patient was imported, or never will be. */
void psm__import_object_done(psm_import_status *s, const char *name);
void psm__import_object_failed(psm_import_status *s, const char *name,
                               const psm_error *err);

/* -- import.c */

/* Which file it is, and which state of it. */
struct psm__file_id {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
};

struct psm__file {
	const char *name; /* "YYYYMMDD/plz.json" */
	char *text;
	size_t len;
	int64_t modified_s;        /* since 1970 */
	char checksum[40];         /* "" when nothing is known of the content */
	int gone;                  /* 1: there is no such file any more */
	struct psm__file_id entry; /* what has the name, a link itself */
	struct psm__file_id content; /* what was read; all 0: nothing */
};
/*
 * Read a file; name is borrowed. What psm__file_is_broken() says: no next try
 * will do better, and out tells which file that is; PSM_ERR_IO: not now, and if
 * out has a checksum, not before somebody allows it.
 */
int psm__file_read(const char *path, const char *name, struct psm__file *out,
                   psm_error *err);
/* 1: it was written within the last minute, or by a clock that is less than a
 * minute ahead of ours: if it is broken, it may still be on its way. */
int psm__file_is_young(const struct psm__file *f);
/* 1: path still has what was read, untouched. */
int psm__file_is_same(const char *path, const struct psm__file *f);
/* Rename what was read, and nothing else: 1 done, 0 not. */
int psm__file_move(const char *from, const char *to, const struct psm__file *f);
void psm__file_free(struct psm__file *f);
/* 1 if code says that the file is no import file. */
int psm__file_is_broken(int code);
/* Count of therapists written, or an error. last_day, "YYYYMMDD": later ones
 * are in the future. */
struct psm__known_files;
int psm__import_document(psm_store *store, const struct psm__file *f,
                         const struct psm__known_files *known,
                         const char *last_day, psm_import_status *status,
                         psm_error *err);

/* -- import_known.c */

/* What imports have stored of files, by name. */
struct psm__known_files {
	struct psm__known_file *items;
	size_t count;
};
int psm__known_files(psm_store *store, struct psm__known_files *out,
                     psm_error *err);
/* Of this one only, and not whether it need be read. */
int psm__known_file(psm_store *store, const struct psm__file *f,
                    struct psm__known_files *out, psm_error *err);
void psm__known_files_free(struct psm__known_files *list);

/* -- matching_copy.c */

/* Write the copy of the therapist or patient that ev is about: 1 written, 0 ev
 * is older than what is there. */
int psm__copy_event(psm_tx *tx, const struct psm_entity *e, const psm_event *ev,
                    psm_error *err);
/* The whole row, as if an event of time_us had it. */
int psm__copy_row(psm_tx *tx, const struct psm__row *row, int64_t time_us,
                  const char *id, psm_error *err);
/* Empty the copy for good. */
int psm__copy_erase(psm_tx *tx, const struct psm_entity *e, const psm_event *ev,
                    psm_error *err);

/* -- inquiry_proposal.c: email.response_received */
int psm__mail_answered(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- inquiry_fail.c: email.failed, email.deleted, email.sent,
 * phone_call.failed, phone_call.deleted, and phone_call.completed of a call that
 * had failed */
int psm__mail_failed(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__mail_deleted(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__phone_call_deleted(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__mail_left(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__call_failed(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__call_left(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- inquiry_distance.c: geocoding.distance_result */
int psm__distance_told(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- matching_contact.c: phone_call.completed */
int psm__call_completed(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- matching_therapist.c */

/* The searches, then the inquiries that are open to the therapist of an event:
 * before his copy, as everybody locks them. */
int psm__therapist_lock_open(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__therapist_blocked(psm_tx *tx, const psm_event *ev, psm_error *err);
int psm__therapist_deleted(psm_tx *tx, const psm_event *ev, psm_error *err);

/* -- matching_patient.c */

int psm__patient_deleted(psm_tx *tx, const psm_event *ev, psm_error *err);

#endif
