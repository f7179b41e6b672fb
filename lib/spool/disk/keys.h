/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keys that an encrypted spool is written and read with: a file of the
 * operator's. They leave this file only as what HKDF makes of them, and are in
 * no message and no log line; their ids are.
 */
#ifndef PSM_SPOOL_KEYS_H
#define PSM_SPOOL_KEYS_H

#include "base/base.h"

#define PSM__KEY_ID 8
#define PSM__KEY_TEXT (2 * PSM__KEY_ID + 1)

struct psm__keys;

/*
 * Read the file: 32 bytes, or lines of 64 hexadecimal digits, of which the
 * first one is for writing. PSM_ERR_CONFIG: not such a file, or others than its
 * owner may read or change it; PSM_ERR_IO: it cannot be read. PSM_ERR_NOMEM.
 * The message names the file and never quotes it.
 */
int psm__keys_load(const char *path, struct psm__keys **out, psm_error *err);
/* Wiped before it is freed. NULL is allowed. */
void psm__keys_free(struct psm__keys *k);

const char *psm__keys_path(const struct psm__keys *k);
/* The id of the key for writing. */
const uint8_t *psm__keys_writer(const struct psm__keys *k);
/* 1: the key with this id is there. k may be NULL. */
int psm__keys_have(const struct psm__keys *k, const uint8_t id[PSM__KEY_ID]);
void psm__key_text(const uint8_t id[PSM__KEY_ID], char text[PSM__KEY_TEXT]);

/* HKDF-SHA256 of the key with this id, which is there. 0, or -1: out of
 * memory. */
int psm__keys_derive(const struct psm__keys *k, const uint8_t id[PSM__KEY_ID],
                     const void *salt, size_t salt_len, const void *info,
                     size_t info_len, uint8_t *out, size_t len);

#endif
