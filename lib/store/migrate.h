/* SPDX-License-Identifier: BSD-2-Clause */
/* The SQL files that build-aux/embed-sql compiled in. */
#ifndef PSM_STORE_MIGRATE_H
#define PSM_STORE_MIGRATE_H

#include "store/store.h"

struct psm__migration {
	const char *set;
	int version;      /* the number the file name begins with */
	const char *name; /* of the file */
	const char *sql;
};

/* Ordered by version within a set; a NULL set ends the table. */
extern const struct psm__migration psm__migrations[];

/* -- checksum.c */

enum { PSM__CHECKSUM_SIZE = 33 }; /* hex digits and a NUL */

int psm__checksum(const char *sql, char out[PSM__CHECKSUM_SIZE],
                  psm_error *err);
/* 1: stored is the checksum of that text: as it is, as a database in LATIN1 had
 * it, or as it was before a change that the text tells of ("-- formerly
 * CHECKSUM"). 0: it is not. */
int psm__checksum_fits(const char *sql, const char *stored, psm_error *err);

/* psm_store_migrate over a table of the caller's. */
int psm__migrate(psm_store *st, const struct psm__migration *table,
                 const char *set, psm_error *err);
/* The same on a connection of the caller's own; the set is in the table. */
int psm__migrate_on(struct psm__conn *c, const struct psm__migration *table,
                    const char *set, psm_error *err);

/* 1: nothing of a set of ours is to be done; 0: something is. */
int psm__migrated(struct psm__conn *c, const char *set, psm_error *err);

#endif
