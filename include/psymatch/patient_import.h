/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_PATIENT_IMPORT_H
#define PSYMATCH_PATIENT_IMPORT_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/mail.h>
#include <psymatch/memory.h>
#include <psymatch/store.h>
#include <psymatch/therapist.h>

PSM_BEGIN_DECLS

/**
 * Import one registration: the patient, "patient.created" and the note that it
 * was imported are written in one transaction. The same content again, or by
 * two callers at once, writes and publishes nothing more.
 *
 * zahlungsreferenz is the first 8 characters of the token. The contracts count
 * as signed, the payment as not received, the status is "offen"; only the
 * columns that an import may write (PSM_ENTITY_IMPORT_CREATE) are read from
 * patient_data, other members are left out. A blank text in a date or a word
 * that may be absent is as null: a form sends its blank fields, too. A byte
 * order mark is skipped.
 *
 * @param store   an open store whose set "patient" is migrated.
 * @param name    how the file is called, NUL-terminated UTF-8, 1 to 1024 bytes;
 *   it is kept with the note.
 * @param text    {"patient_data": object, "registration_token": string or
 *   null}; UTF-8, need not be NUL-terminated.
 * @param len     bytes of text, at most 1048576.
 * @param result  receives {"patient_id": n, "created": boolean}, new
 *   (psm_free); NULL after a failure. May be NULL.
 * @param err     details of a failure, with a fault (psm_error_fault_count())
 *   for each member that is not valid; may be NULL.
 * @return 1: the patient was made; 0: this content was imported before;
 *   PSM_ERR_INVAL      store, name or text is NULL, or name is too long;
 *   PSM_ERR_PARSE      malformed JSON;
 *   PSM_ERR_TOO_LARGE  text is longer than it may be;
 *   PSM_ERR_SCHEMA     text has not the shape above, or values do not fit their
 *                      columns;
 *   PSM_ERR_CONFLICT   the token was imported with another content;
 *   PSM_ERR_DB         not done, call again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_import_document(psm_store *store, const char *name,
                                        const char *text, size_t len,
                                        char **result, psm_error *err);

/** Where files to import come from: a folder, a bucket, a program's own. */
typedef struct psm_object_source psm_object_source;

/* What becomes of an object. */
enum psm_object_end {
	PSM_OBJECT_DONE = 0,  /* remove it: what it says is stored */
	PSM_OBJECT_FAILED = 1 /* put it aside, where it is not listed */
};

/**
 * Called for each object of a list.
 *
 * @param name  NUL-terminated UTF-8, borrowed for the call.
 * @param list  as given to psm_object_list_fn.
 * @return 0: go on; otherwise end the list, which is no failure.
 */
typedef int (*psm_object_name_fn)(const char *name, void *list);
/**
 * List the objects, in any order. Runs on the thread that imports.
 *
 * @param each  to be called for each object.
 * @param list  for each.
 * @param user  as given to psm_object_source_new().
 * @param err   details of a failure.
 * @return 0, or an error: the import ends with it.
 */
typedef int (*psm_object_list_fn)(psm_object_name_fn each, void *list,
                                  void *user, psm_error *err);
/**
 * Read one object.
 *
 * @param name  as the list has it.
 * @param max   more bytes are PSM_ERR_TOO_LARGE.
 * @param text  receives the content, new (psm_alloc).
 * @param len   receives its bytes.
 * @param user  as given to psm_object_source_new().
 * @param err   details of a failure.
 * @return 0, or PSM_ERR_NOT_FOUND when it is gone, PSM_ERR_TOO_LARGE or
 *   PSM_ERR_SCHEMA when it will never be a file to import, PSM_ERR_IO when it
 *   cannot be read now but others may; any other error ends the import.
 */
typedef int (*psm_object_read_fn)(const char *name, size_t max, char **text,
                                  size_t *len, void *user, psm_error *err);
/**
 * End with the object that was read last, and with no other that has its name
 * now.
 *
 * @param name  as the list has it.
 * @param how   an enum psm_object_end.
 * @param user  as given to psm_object_source_new().
 * @param err   details of a failure.
 * @return 0, also when it is gone; an error: it is still there.
 */
typedef int (*psm_object_end_fn)(const char *name, int how, void *user,
                                 psm_error *err);

/**
 * A source of the program's own.
 *
 * @param list     see above, as the next two.
 * @param read     see above.
 * @param end      see above.
 * @param release  called once with user when the source is freed, or was not
 *   made; may be NULL.
 * @param user     for these functions.
 * @param out      receives the source, new (psm_object_source_free).
 * @param err      details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  list, read, end or out is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_object_source_new(psm_object_list_fn list,
                                  psm_object_read_fn read,
                                  psm_object_end_fn end, psm_release_fn release,
                                  void *user, psm_object_source **out,
                                  psm_error *err) PSM_CHECK;

/**
 * The files of a folder and of those below it; names that begin with a dot, and
 * links, are left alone. What is done is moved to folder/imported/, or removed
 * if copies are kept (psm_object_source_keep()); what failed is moved to
 * folder/failed/. A file that is no right one yet and was written within the
 * last minute, or by a clock that is less than a minute ahead of this
 * machine's, is left for a later run: it may still be on its way.
 *
 * @param folder  the folder, copied; it need not be there yet.
 * @param out     receives the source, new (psm_object_source_free).
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  folder is NULL or empty, or out is NULL;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_object_source_folder(const char *folder,
                                     psm_object_source **out,
                                     psm_error *err) PSM_CHECK;

/**
 * Keep a copy of what was imported in a folder of this machine, and of what
 * failed in its folder failed/, before the object goes. The copy has the
 * object's name, with all but letters, digits, ".", "_" and "-" written as
 * %XX, and a part of its hash where another one has that name. Only the owner
 * may read it. What a killed import left half written, in the folder .tmp/, is
 * removed by a run that begins an hour later.
 *
 * @param source  a source that no import uses.
 * @param folder  the folder, copied; it is made when needed, and is not the
 *   source. One below that is not listed. NULL or empty: no copies.
 * @param err     details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  source is NULL, or is that folder;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: on files. Since 0.1.
 */
PSM_API int psm_object_source_keep(psm_object_source *source,
                                   const char *folder, psm_error *err);

/**
 * Free a source that no import uses any more. NULL is allowed.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API void psm_object_source_free(psm_object_source *source);

/**
 * As psm_import_status_new(), of an import of patients: then
 * psm_import_status_json() gives
 * {"running": boolean, "last_check": time or null,
 * "files_processed_today": n, "files_failed_today": n, "last_error": string or
 * null, "last_error_time": time or null, "total_processed": n, "total_failed":
 * n, "recent_imports": at most 10 of {"file", "status": "success" or "failed",
 * "error": string, only of a failed one, "time"}, newest last}, and
 * psm_import_status_health() tells of "patient-import-monitor". Processed is
 * what was imported; what was there already counts in no number.
 *
 * @param interval_s  seconds between two runs, 1 to 31536000.
 * @param out         receives the status, new (psm_import_status_free).
 * @param err         details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  out is NULL or interval_s is out of range;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: any. Blocks: no. Since 0.1.
 */
PSM_API int psm_patient_import_status_new(int64_t interval_s,
                                          psm_import_status **out,
                                          psm_error *err) PSM_CHECK;

/**
 * Let the health look at the disk that an import needs.
 *
 * @param status     a status that no other thread uses yet.
 * @param folder     a folder on that disk, copied; NULL: none is looked at.
 * @param free_min   bytes that are to be free, 0 or more: with less the health
 *   is amber, with less than a tenth of them red.
 * @param err        details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL  status is NULL or free_min below 0;
 *   PSM_ERR_NOMEM  out of memory.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_import_status_set_disk(psm_import_status *status,
                                       const char *folder, int64_t free_min,
                                       psm_error *err) PSM_CHECK;

/**
 * Import what a source has: every object whose name ends with ".json" and does
 * not begin with "failed/", in the order of the names, at most 10,000. An
 * object goes after its transaction was committed and its copy was kept. One
 * that cannot be imported is told once per content (log, status, table
 * psymatch.patient_import_fault) and put aside. Whatever may be better next
 * time, an unreachable database or source, changes nothing: the next run tries
 * again. A process that ends at any point imports nothing twice and loses
 * nothing.
 *
 * @param store   an open store whose set "patient" is migrated.
 * @param source  where the files are; no other run may use it meanwhile.
 * @param status  of psm_patient_import_status_new(), receives times, counts and
 *   errors; may be NULL.
 * @param err     details of a failure; may be NULL.
 * @return count of patients made;
 *   PSM_ERR_INVAL  store or source is NULL;
 *   PSM_ERR_IO     the folder, or an object, could not be read, or an object
 *                  not removed; others were done;
 *   PSM_ERR_UNAVAILABLE  the source cannot be reached;
 *   PSM_ERR_DB     the database is away: what was done stays, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB, or the source was too slow;
 *   PSM_ERR_STATE  cancelled (psm_import_status_cancel());
 *   PSM_ERR_NOMEM  out of memory; or any other error of the source's own.
 *
 * Threads: any; also with other sources of the same objects at once. Blocks: on
 * the source, files and database. Since 0.1.
 */
PSM_API int psm_patient_import_run(psm_store *store, psm_object_source *source,
                                   psm_import_status *status,
                                   psm_error *err) PSM_CHECK;

/**
 * Write the mails that confirm imported registrations, to patients who gave an
 * address: one for each, with the template "patient_registration_confirmation",
 * in a transaction that also says so. Nothing is done, and the mails stay owed,
 * where the e-mails are in another database. A patient who is gone by now, or
 * has no address any more, gets none.
 *
 * @param store   an open store whose set "patient" is migrated.
 * @param render  renders the template.
 * @param user    for render.
 * @param limit   how many at most, 1 to 1000.
 * @param err     details of a failure; may be NULL.
 * @return count of mails written, 0: none is owed, or another caller writes it;
 *   PSM_ERR_INVAL    store or render is NULL, or limit is out of range;
 *   PSM_ERR_DB       what was written stays, call again;
 *   PSM_ERR_RETRY    as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT  as PSM_ERR_DB;
 *   PSM_ERR_NOMEM    out of memory; or any other error of render's.
 *
 * Threads: any. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_patient_import_confirm(psm_store *store,
                                       psm_mail_render_fn render, void *user,
                                       int limit, psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
