/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The checksum of a migration: MD5 over the bytes of its file, so the same in
 * every database. It finds what was changed by mistake, no more.
 */
#include "store/migrate.h"

#include <openssl/evp.h>
#include <string.h>

#define FORMERLY "-- formerly "

static int
digest(const char *name, const void *bytes, size_t len, char *out, size_t size,
       psm_error *err)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	size_t got = 0;

	if (EVP_Q_digest(NULL, name, NULL, bytes, len, raw, &got) != 1 ||
	    got != (size - 1) / 2)
		return psm__fail(err, PSM_ERR_STATE, "libcrypto has no %s here",
		                 name);
	psm__hex_write(raw, got, out);
	return 0;
}

int
psm__sha256(const void *bytes, size_t len, char out[PSM__SHA256_SIZE],
            psm_error *err)
{
	return digest("SHA256", bytes, len, out, PSM__SHA256_SIZE, err);
}

int
psm__checksum(const char *sql, char out[PSM__CHECKSUM_SIZE], psm_error *err)
{
	return digest("MD5", sql, strlen(sql), out, PSM__CHECKSUM_SIZE, err);
}

/* UTF-8 to one byte each, as a database in LATIN1 sees it. 1: done; 0: it has
 * characters that LATIN1 lacks. */
static int
to_latin1(const char *sql, char *out)
{
	const unsigned char *p = (const unsigned char *)sql;

	for (; *p; p++)
		if (*p < 0x80)
			*out++ = (char)*p;
		else if ((*p == 0xc2 || *p == 0xc3) && (p[1] & 0xc0) == 0x80) {
			*out++ = (char)(((*p & 3) << 6) | (p[1] & 0x3f));
			p++;
		} else
			return 0;
	*out = '\0';
	return 1;
}

/* The server computed it once, over the text in its own encoding. */
static int
is_of_latin1(const char *sql, const char *stored, psm_error *err)
{
	char sum[PSM__CHECKSUM_SIZE];
	char *text = psm__alloc(strlen(sql) + 1);
	int rc = 0;

	if (!text)
		return psm__nomem(err);
	if (to_latin1(sql, text)) {
		rc = psm__checksum(text, sum, err);
		if (rc == 0)
			rc = strcmp(sum, stored) == 0;
	}
	psm__free(text);
	return rc;
}

/* The file names the checksums of what did the same before it. */
static int
is_named(const char *sql, const char *stored)
{
	const char *p = sql;

	while ((p = strstr(p, FORMERLY))) {
		p += strlen(FORMERLY);
		if (strncmp(p, stored, PSM__CHECKSUM_SIZE - 1) == 0)
			return strlen(stored) == PSM__CHECKSUM_SIZE - 1;
	}
	return 0;
}

int
psm__checksum_fits(const char *sql, const char *stored, psm_error *err)
{
	char sum[PSM__CHECKSUM_SIZE];
	int rc = psm__checksum(sql, sum, err);

	if (rc < 0)
		return rc;
	if (strcmp(sum, stored) == 0 || is_named(sql, stored))
		return 1;
	return is_of_latin1(sql, stored, err);
}
