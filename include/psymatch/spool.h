/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_SPOOL_H
#define PSYMATCH_SPOOL_H

#include <psymatch/base.h>
#include <psymatch/error.h>

PSM_BEGIN_DECLS

/** What an item of psm_spool_scan() is. */
enum psm_spool_what {
	PSM_SPOOL_STREAM,     /* a stream of the directory */
	PSM_SPOOL_SEGMENT,    /* a file of a stream */
	PSM_SPOOL_RECORD,     /* an event in a file */
	PSM_SPOOL_DAMAGE,     /* bytes of a file that are no record */
	PSM_SPOOL_QUARANTINE, /* a file that was put aside */
};

/** One thing in a spool directory, as long as the callback that got it runs. */
typedef struct psm_spool_item psm_spool_item;

/**
 * Gets one item.
 *
 * @param item  borrowed for the call.
 * @param user  as given to psm_spool_scan().
 * @return 0 to go on; anything else ends the scan.
 */
typedef int (*psm_spool_fn)(const psm_spool_item *item, void *user);

/**
 * Read a spool directory without changing it, also while producers use it: then
 * events that are appended or released meanwhile may be missing. Streams come
 * by number, in them first the segments with their records in order, then the
 * quarantine.
 *
 * Without the key of an encrypted segment its records are counted, but have no
 * texts; this is no failure.
 *
 * @param dir       the directory that PSYMATCH_SPOOL_DIR names.
 * @param key_file  the file that PSYMATCH_SPOOL_KEY_FILE names; NULL or "":
 *                  none.
 * @param fn        called for each item, on the calling thread.
 * @param user      handed to fn.
 * @param err       details of a failure; may be NULL.
 * @return 0, or what fn returned if that is not 0;
 *   PSM_ERR_INVAL      dir or fn is NULL;
 *   PSM_ERR_NOT_FOUND  no such directory, or it has other files only;
 *   PSM_ERR_CONFIG     key_file is no key file, or others may read it;
 *   PSM_ERR_IO         it cannot be read;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the disk. Since 0.1.
 */
PSM_API int psm_spool_scan(const char *dir, const char *key_file,
                           psm_spool_fn fn, void *user,
                           psm_error *err) PSM_CHECK;

/**
 * @param item  an item.
 * @return an enum psm_spool_what; -1 for NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int psm_spool_item_what(const psm_spool_item *item);

/**
 * A number of an item.
 *
 * @param item  an item.
 * @param name  "owned": 1 if a live process owns or has adopted the stream;
 *              "at": where in the file, in bytes;
 *              "bytes": length of file, record or damage;
 *              "number": of a record in its stream, of the first record of a
 *              segment, or how many records are lost in damage, at least;
 *              "time_us": when a record was accepted, or a file changed;
 *              "settled": 1 for a record that was sent, or refused for good,
 *              as far as the cursor tells;
 *              "encrypted": 1 for a segment, and what is in it, that is
 *              encrypted;
 *              "locked": 1 if its key is missing.
 * @return the number, 0 where it does not apply; -1 for another name or NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API int64_t psm_spool_item_int(const psm_spool_item *item,
                                   const char *name);

/**
 * A text of an item.
 *
 * @param item  an item.
 * @param name  "stream" and "file" of each item;
 *              "key_id" of what is encrypted: 16 digits that name its
 *              key;
 *              "topic", "key", "event_id" of a record;
 *              "value" of a record: the event as it is sent, which is personal
 *              data;
 *              "reason" of damage: a sentence.
 * @param len   receives the bytes of it, 0 with NULL; may be NULL.
 * @return text[len], not always followed by a NUL byte; borrowed until the
 *   callback returns. NULL where there is none, for another name or NULL.
 *
 * Threads: one at a time. Blocks: no. Since 0.1.
 */
PSM_API const char *psm_spool_item_text(const psm_spool_item *item,
                                        const char *name, size_t *len);

/**
 * Do now what a producer does when it starts: move the damaged bytes of all
 * streams without an owner to their quarantine, and keep every other event.
 * Streams of live processes are not touched.
 *
 * @param dir       the directory that PSYMATCH_SPOOL_DIR names.
 * @param key_file  the file that PSYMATCH_SPOOL_KEY_FILE names; NULL or "":
 *                  none.
 * @param damaged   receives how many events were found unreadable; may be NULL.
 * @param kept      receives how many events wait there now; may be NULL.
 * @param err       details of a failure; may be NULL.
 * @return 0, or
 *   PSM_ERR_INVAL      dir is NULL;
 *   PSM_ERR_NOT_FOUND  no such directory, or it has other files only;
 *   PSM_ERR_CONFIG     key_file is no key file, others may read it, or it lacks
 *                      the key of an encrypted segment: nothing was changed in
 *                      its stream;
 *   PSM_ERR_FULL       no room on the disk;
 *   PSM_ERR_IO         it cannot be read or written, or damaged bytes could not
 *                      be copied: they are still where they were;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: any. Blocks: on the disk. Since 0.1.
 */
PSM_API int psm_spool_repair(const char *dir, const char *key_file,
                             int64_t *damaged, int64_t *kept,
                             psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
