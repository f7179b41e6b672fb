/* SPDX-License-Identifier: BSD-2-Clause */
#include "spool/disk/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#define KEY_SIZE 32
/* Enough for the keys of many years, and comments. */
#define FILE_MAX 65536
#define ID_INFO "psymatch spool key id"

struct key {
	uint8_t id[PSM__KEY_ID];
	uint8_t bytes[KEY_SIZE];
};

struct psm__keys {
	char *path;
	struct key *list;
	size_t count, cap;
};

/* -- HKDF-SHA256 (RFC 5869) -- */

static int
hkdf(const uint8_t key[KEY_SIZE], const void *salt, size_t salt_len,
     const void *info, size_t info_len, uint8_t *out, size_t len)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char digest[] = "SHA256";
	/* Parameters go both ways in this interface; these are only read. */
	OSSL_PARAM params[] = {
	    OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, digest,
	                           sizeof(digest) - 1),
	    OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)key,
	                            KEY_SIZE),
	    OSSL_PARAM_octet_string(OSSL_KDF_PARAM_INFO,
	                            (void *)(uintptr_t)info, info_len),
	    OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SALT,
	                            (void *)(uintptr_t)salt, salt_len),
	    OSSL_PARAM_END,
	};
	int ok;

	/* Without a salt there is no such parameter. */
	if (salt_len == 0)
		params[3] = (OSSL_PARAM)OSSL_PARAM_END;
	ok = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok ? 0 : -1;
}

/* -- the file -- */

static int
bad(const struct psm__keys *k, psm_error *err, const char *why)
{
	return psm__fail(err, PSM_ERR_CONFIG, "key file %s: %s", k->path, why);
}

/* The key file must not be readable or writable for other users. */
static int
check_file(const struct psm__keys *k, const struct stat *st, psm_error *err)
{
	if (!S_ISREG(st->st_mode))
		return bad(k, err, "want a regular file");
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "key file %s: want it owned by user %ld, who "
		                 "runs this, found owner %ld",
		                 k->path, (long)geteuid(), (long)st->st_uid);
	if (st->st_mode & (S_IRWXG | S_IRWXO))
		return psm__fail(err, PSM_ERR_CONFIG,
		                 "key file %s: want mode 0600 or 0400, for its "
		                 "owner only, found %04o",
		                 k->path, (unsigned)st->st_mode & 07777u);
	if (st->st_size > FILE_MAX)
		return bad(k, err, "too long for a list of keys");
	return 0;
}

/* Reads up to size bytes; *len of them. */
static int
read_file(const struct psm__keys *k, uint8_t *bytes, size_t size, size_t *len,
          psm_error *err)
{
	int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	ssize_t n = fd < 0 ? -1 : 1;
	int rc = 0;

	*len = 0;
	if (fd >= 0 && fstat(fd, &st) == 0)
		rc = check_file(k, &st, err);
	while (rc == 0 && n > 0 && *len < size) {
		n = read(fd, bytes + *len, size - *len);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n > 0)
			*len += (size_t)n;
	}
	if (rc == 0 && n < 0)
		rc = psm__fail(err, PSM_ERR_IO, "key file %s: %s", k->path,
		               strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

static int
add_key(struct psm__keys *k, const uint8_t bytes[KEY_SIZE], psm_error *err)
{
	struct key *key;

	if (k->count == k->cap) {
		/* Not by realloc(), which could leave copies of keys in
		 * freed memory. */
		size_t cap = k->cap ? 2 * k->cap : 4;
		struct key *list = psm__array(cap, sizeof(*list));

		if (!list)
			return psm__nomem(err);
		if (k->list)
			memcpy(list, k->list, k->count * sizeof(*list));
		OPENSSL_cleanse(k->list, k->count * sizeof(*list));
		psm__free(k->list);
		k->list = list;
		k->cap = cap;
	}
	key = &k->list[k->count];
	memcpy(key->bytes, bytes, KEY_SIZE);
	if (hkdf(bytes, NULL, 0, ID_INFO, sizeof(ID_INFO) - 1, key->id,
	         PSM__KEY_ID) < 0)
		return psm__nomem(err);
	if (!psm__keys_have(k, key->id))
		k->count++;
	return 0;
}

static int
digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* A line without its blanks: a key, a comment or nothing. */
static int
take_line(struct psm__keys *k, const uint8_t *line, size_t len, unsigned number,
          psm_error *err)
{
	uint8_t key[KEY_SIZE];
	int rc, high = 0, low = 0;

	if (len == 0 || line[0] == '#')
		return 0;
	for (size_t i = 0; len == sizeof(key) * 2 && i < sizeof(key); i++) {
		high = digit(line[2 * i]);
		low = digit(line[2 * i + 1]);
		if (high < 0 || low < 0)
			break;
		key[i] = (uint8_t)(high << 4 | low);
	}
	if (len != sizeof(key) * 2 || high < 0 || low < 0)
		rc = psm__fail(err, PSM_ERR_CONFIG,
		               "key file %s, line %u: want 64 hexadecimal "
		               "digits, or a file of exactly 32 bytes",
		               k->path, number);
	else
		rc = add_key(k, key, err);
	OPENSSL_cleanse(key, sizeof(key));
	return rc;
}

static int
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int
take_lines(struct psm__keys *k, const uint8_t *text, size_t len, psm_error *err)
{
	const uint8_t *end = text + len;
	unsigned number = 0;
	int rc = 0;

	while (rc == 0 && text < end) {
		const uint8_t *stop = memchr(text, '\n', (size_t)(end - text));
		const uint8_t *from = text, *to = stop ? stop : end;

		text = stop ? stop + 1 : end;
		while (from < to && is_blank(*from))
			from++;
		while (to > from && is_blank(to[-1]))
			to--;
		rc = take_line(k, from, (size_t)(to - from), ++number, err);
	}
	return rc;
}

static int
load(struct psm__keys *k, psm_error *err)
{
	uint8_t *bytes = psm__alloc(FILE_MAX);
	size_t len = 0;
	int rc;

	if (!bytes)
		return psm__nomem(err);
	rc = read_file(k, bytes, FILE_MAX, &len, err);
	if (rc == 0 && len == KEY_SIZE)
		rc = add_key(k, bytes, err);
	else if (rc == 0)
		rc = take_lines(k, bytes, len, err);
	if (rc == 0 && k->count == 0)
		rc = bad(k, err, "there is no key in it");
	OPENSSL_cleanse(bytes, FILE_MAX);
	psm__free(bytes);
	return rc;
}

int
psm__keys_load(const char *path, struct psm__keys **out, psm_error *err)
{
	struct psm__keys *k = psm__alloc(sizeof(*k));
	int rc;

	*out = NULL;
	if (!k)
		return psm__nomem(err);
	k->path = psm__strdup(path);
	rc = k->path ? load(k, err) : psm__nomem(err);
	if (rc < 0) {
		psm__keys_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

void
psm__keys_free(struct psm__keys *k)
{
	if (!k)
		return;
	if (k->list)
		OPENSSL_cleanse(k->list, k->cap * sizeof(*k->list));
	psm__free(k->list);
	psm__free(k->path);
	psm__free(k);
}

/* -- identifiers -- */

const char *
psm__keys_path(const struct psm__keys *k)
{
	return k->path;
}

static const struct key *
find(const struct psm__keys *k, const uint8_t id[PSM__KEY_ID])
{
	for (size_t i = 0; k && i < k->count; i++)
		if (memcmp(k->list[i].id, id, PSM__KEY_ID) == 0)
			return &k->list[i];
	return NULL;
}

const uint8_t *
psm__keys_writer(const struct psm__keys *k)
{
	return k->list[0].id;
}

int
psm__keys_have(const struct psm__keys *k, const uint8_t id[PSM__KEY_ID])
{
	return find(k, id) != NULL;
}

void
psm__key_text(const uint8_t id[PSM__KEY_ID], char text[PSM__KEY_TEXT])
{
	psm__hex_write(id, PSM__KEY_ID, text);
}

int
psm__keys_derive(const struct psm__keys *k, const uint8_t id[PSM__KEY_ID],
                 const void *salt, size_t salt_len, const void *info,
                 size_t info_len, uint8_t *out, size_t len)
{
	return hkdf(find(k, id)->bytes, salt, salt_len, info, info_len, out,
	            len);
}
