/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef PSYMATCH_CHANGE_H
#define PSYMATCH_CHANGE_H

#include <psymatch/base.h>
#include <psymatch/error.h>
#include <psymatch/store.h>

PSM_BEGIN_DECLS

/* How a change reads a member that is null. */
enum psm_change_how {
	PSM_CHANGE_PUT = 0,  /* as if it were absent: the column stays */
	PSM_CHANGE_MERGE = 1 /* RFC 7396: the column becomes null */
};

/* Instead of a version: the caller has none in mind. */
enum { PSM_VERSION_ANY = -1 };

/**
 * Make a row, and publish it.
 *
 * Like all functions of this page it works within the caller's transaction:
 * nothing is stored or published before psm_tx_commit(). Every entity of
 * psm_entity_at() can be read; which ones can be changed, the manual page of
 * each says.
 *
 * @param tx       an open transaction of a store whose set for the entity is
 *   migrated.
 * @param entity   the entity's name, NUL-terminated.
 * @param json     an object of the columns that a caller may write at creation
 *   (psm_entity_schema() with PSM_ENTITY_CREATE); other members are left out,
 *   null is as if absent, columns that are not named get their defaults.
 *   UTF-8, need not be NUL-terminated.
 * @param len      bytes of json.
 * @param out      receives the row as JSON (PSM_ENTITY_SHOW), NUL-terminated,
 *   new (psm_free); NULL after a failure. May be NULL.
 * @param version  receives the row's version, from 1; may be NULL.
 * @param err      details of a failure, with a fault (psm_error_fault_count())
 *   for each member that is not valid; may be NULL.
 * @return 0: made;
 *   PSM_ERR_INVAL      tx, entity or json is NULL, or there is no such
 *                      entity, or it is not one that can be changed;
 *   PSM_ERR_PARSE      json is malformed;
 *   PSM_ERR_TOO_LARGE  json, or the event that is to tell of the row, is larger
 *                      than it may be;
 *   PSM_ERR_SCHEMA     json is no object, a required column is missing, or
 *                      values do not fit their columns;
 *   PSM_ERR_TRANSITION  the entity's first state may not be that one;
 *   PSM_ERR_CONFLICT   the database refuses the row for what is stored;
 *   PSM_ERR_STATE      a statement of the transaction failed before;
 *   PSM_ERR_DB         the transaction is lost, begin again;
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_create(psm_tx *tx, const char *entity, const char *json,
                              size_t len, char **out, int64_t *version,
                              psm_error *err) PSM_CHECK;

/**
 * Read a row.
 *
 * @param tx       as for psm_entity_create().
 * @param entity   as for psm_entity_create().
 * @param id       the row's id.
 * @param out      receives the row as JSON (PSM_ENTITY_SHOW), NUL-terminated,
 *   new (psm_free); NULL after a failure.
 * @param version  receives the row's version: the count of its committed
 *   changes, 0 for a row of an adopted database that was not changed since.
 *   The row is never older than it. May be NULL.
 * @param err      details of a failure; may be NULL.
 * @return 0: read;
 *   PSM_ERR_INVAL      tx, entity or out is NULL, or there is no such
 *                      entity;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_STATE      as for psm_entity_create();
 *   PSM_ERR_DB         as for psm_entity_create();
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_get(psm_tx *tx, const char *entity, int64_t id,
                           char **out, int64_t *version,
                           psm_error *err) PSM_CHECK;

/**
 * Change columns of a row, and publish it if that changes what it says. The
 * row is locked until the transaction ends.
 *
 * @param tx          as for psm_entity_create().
 * @param entity      as for psm_entity_create().
 * @param id          the row's id.
 * @param if_version  the version that the row must have, as psm_entity_get()
 *   gives it, or PSM_VERSION_ANY.
 * @param how         an enum psm_change_how. PSM_CHANGE_PUT: absent and null
 *   leave a column as it is, the empty text clears a date, a time or a word
 *   that may be missing (else it is a fault), members that are no columns or
 *   that a caller may not write are left out. PSM_CHANGE_MERGE: absent leaves a
 *   column as it is, null clears it where it may be missing, and such members
 *   are faults.
 * @param json        an object of columns (psm_entity_schema() with
 *   PSM_ENTITY_UPDATE or PSM_ENTITY_MERGE), UTF-8, need not be NUL-terminated.
 * @param len         bytes of json.
 * @param out         receives the whole row after the change, as for
 *   psm_entity_get(); may be NULL.
 * @param version     receives the row's version after the change; may be NULL.
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: it said all of that already, nothing is published;
 *   PSM_ERR_INVAL      as for psm_entity_create(), or how or if_version is out
 *                      of range;
 *   PSM_ERR_PARSE      as for psm_entity_create();
 *   PSM_ERR_TOO_LARGE  as for psm_entity_create();
 *   PSM_ERR_SCHEMA     as for psm_entity_create();
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_PRECONDITION  the row has another version than if_version;
 *   PSM_ERR_TRANSITION  the state may not follow the present one;
 *   PSM_ERR_CONFLICT   as for psm_entity_create();
 *   PSM_ERR_STATE      as for psm_entity_create();
 *   PSM_ERR_DB         as for psm_entity_create();
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_update(psm_tx *tx, const char *entity, int64_t id,
                              int64_t if_version, int how, const char *json,
                              size_t len, char **out, int64_t *version,
                              psm_error *err) PSM_CHECK;

/**
 * Delete a row, and publish that.
 *
 * A therapist is not deleted while one of the matching service's inquiries was
 * sent to the therapist and has no answer, if these are in the same database
 * and the store's role may read them. One that is sent at the same moment stays
 * as history, like all that were sent when force is 1.
 *
 * @param tx          as for psm_entity_create().
 * @param entity      as for psm_entity_create().
 * @param id          the row's id.
 * @param if_version  as for psm_entity_update().
 * @param force       1: delete even so; else 0.
 * @param err         details of a failure; may be NULL.
 * @return 0: deleted;
 *   PSM_ERR_INVAL      tx or entity is NULL, the entity is not one of those
 *                      above, or if_version is out of range;
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_PRECONDITION  the row has another version than if_version;
 *   PSM_ERR_CONFLICT   something needs the row, as said above;
 *   PSM_ERR_STATE      as for psm_entity_create();
 *   PSM_ERR_DB         as for psm_entity_create();
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_delete(psm_tx *tx, const char *entity, int64_t id,
                              int64_t if_version, int force,
                              psm_error *err) PSM_CHECK;

/**
 * Do to a row what has a name of its own.
 *
 * For a therapist: "block", json {"reason": text or null}, and "unblock", with
 * the rules of psm_therapist_block() and psm_therapist_unblock(); "cool", json
 * {"until": date}, and "contact", json {"email": date, "telefon": date}, which
 * never make a date an earlier one.
 *
 * @param tx          as for psm_entity_create().
 * @param entity      as for psm_entity_create().
 * @param id          the row's id.
 * @param if_version  as for psm_entity_update().
 * @param action      its name, NUL-terminated.
 * @param json        what it needs to know, an object, UTF-8; NULL is as the
 *   empty object.
 * @param len         bytes of json.
 * @param out         as for psm_entity_update(); may be NULL.
 * @param version     as for psm_entity_update(); may be NULL.
 * @param err         as for psm_entity_create().
 * @return 1: changed; 0: it was so already, nothing is published;
 *   PSM_ERR_INVAL      tx, entity or action is NULL, the entity has no such
 *                      action, or if_version is out of range;
 *   PSM_ERR_PARSE      as for psm_entity_create();
 *   PSM_ERR_TOO_LARGE  as for psm_entity_create();
 *   PSM_ERR_SCHEMA     as for psm_entity_create();
 *   PSM_ERR_NOT_FOUND  there is no such row;
 *   PSM_ERR_PRECONDITION  the row has another version than if_version;
 *   PSM_ERR_TRANSITION  the row's state does not allow it;
 *   PSM_ERR_CONFLICT   as for psm_entity_create();
 *   PSM_ERR_STATE      as for psm_entity_create();
 *   PSM_ERR_DB         as for psm_entity_create();
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_IO         the system gave no random bytes;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_act(psm_tx *tx, const char *entity, int64_t id,
                           int64_t if_version, const char *action,
                           const char *json, size_t len, char **out,
                           int64_t *version, psm_error *err) PSM_CHECK;

/**
 * A page of a list.
 *
 * @param tx       as for psm_entity_create().
 * @param entity   as for psm_entity_create().
 * @param filters  names and values in turn, then NULL; NULL: all rows. A column
 *   with PSM_ENTITY_FILTER is compared with the value, "<name>_prefix" with the
 *   beginning of one that has PSM_ENTITY_PREFIX, and "search" is looked for in
 *   all that have PSM_ENTITY_SEARCHED, whatever its case (of letters beyond
 *   ASCII as far as the LC_CTYPE of the database knows them). Nothing in a
 *   value is a wildcard. A word that its column's list does not have selects
 *   nothing.
 * @param sort     a column with PSM_ENTITY_SORT, with a "-" before it
 *   downwards; rows that say the same there stand by their ids. NULL: "id".
 * @param page     from 1.
 * @param limit    rows of a page, 1 to 1000.
 * @param out      receives {"data": [row], "page": page, "limit": limit,
 *   "total": count of all selected rows}, the rows as psm_entity_get() gives
 *   them, NUL-terminated, new (psm_free); NULL after a failure.
 * @param err      details of a failure; may be NULL.
 * @return 0;
 *   PSM_ERR_INVAL      tx, entity or out is NULL, there is no such
 *                      entity, or page or limit is out of range;
 *   PSM_ERR_SCHEMA     there is no such filter or order, or a value is not
 *                      valid; the pointer is "/<name>" or "/sort";
 *   PSM_ERR_STATE      as for psm_entity_create();
 *   PSM_ERR_DB         as for psm_entity_create();
 *   PSM_ERR_RETRY      as PSM_ERR_DB;
 *   PSM_ERR_TIMEOUT    as PSM_ERR_DB;
 *   PSM_ERR_NOMEM      out of memory.
 *
 * Threads: one at a time. Blocks: on the database. Since 0.1.
 */
PSM_API int psm_entity_list(psm_tx *tx, const char *entity,
                            const char *const *filters, const char *sort,
                            int64_t page, int64_t limit, char **out,
                            psm_error *err) PSM_CHECK;

PSM_END_DECLS

#endif
