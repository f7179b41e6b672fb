/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Encrypted segments. Each has a key of its own, made from one of the
 * operator's keys and 32 random bytes of its header; the nonce is the place of
 * a record in its segment. Each place is encrypted once: an active segment only
 * grows, and a reused one gets another header. Number, length and place of a
 * record are authenticated with it.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/crc32c.h"
#include "spool/disk/disk.h"

#define KEY_INFO "psymatch spool segment"
#define NONCE 12
/* Of the header of a record, what stays in the clear: checksum, length, number
 * and time. */
#define CLEAR offsetof(struct psm__rec, kind)

/* Part of the nonce, so that header and records never share one. */
enum { FOR_RECORD = 1, FOR_HEADER = 2 };

struct psm__seal {
	struct {
		uint8_t gcm[32];
		uint8_t holes[32];
	} keys;
	EVP_CIPHER_CTX *put;  /* the spool's lock */
	EVP_CIPHER_CTX *open; /* lock: the reader and a failed commit */
	pthread_mutex_t lock;
};

void
psm__seal_free(struct psm__seal *seal)
{
	if (!seal)
		return;
	/* libcrypto wipes its copies of the key. */
	EVP_CIPHER_CTX_free(seal->put);
	EVP_CIPHER_CTX_free(seal->open);
	pthread_mutex_destroy(&seal->lock);
	OPENSSL_cleanse(&seal->keys, sizeof(seal->keys));
	psm__free(seal);
}

static struct psm__seal *
derive(const struct psm__keys *keys, const struct psm__sealed_header *sh)
{
	struct psm__seal *seal = psm__alloc(sizeof(*seal));

	if (!seal)
		return NULL;
	pthread_mutex_init(&seal->lock, NULL);
	if (psm__keys_derive(keys, sh->key_id, sh->salt, sizeof(sh->salt),
	                     KEY_INFO, sizeof(KEY_INFO) - 1,
	                     (uint8_t *)&seal->keys, sizeof(seal->keys)) < 0) {
		psm__seal_free(seal);
		return NULL;
	}
	return seal;
}

/* -- AES-256-GCM -- */

/* One message. in[len] becomes out[len]; encrypting writes the tag,
 * decrypting checks it. */
struct gcm {
	int encrypt;
	uint32_t purpose;
	uint64_t place;
	const void *aad, *aad2;
	size_t aad_len, aad2_len;
	const uint8_t *in;
	uint8_t *out;
	size_t len;
	uint8_t *tag;
};

static EVP_CIPHER_CTX *
context(const struct psm__seal *seal, int encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL,
	                             seal->keys.gcm, NULL, encrypt) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

/* 0, ENOMEM, or EBADMSG: these bytes were not encrypted with this key and
 * place. Lengths are below PSM__REC_MAX, so they fit an int. */
static int
run(const struct psm__seal *seal, EVP_CIPHER_CTX **ctx, const struct gcm *m)
{
	struct {
		uint32_t purpose;
		uint8_t place[8];
	} nonce = {.purpose = htole32(m->purpose)};
	uint64_t place = htole64(m->place);
	int n;

	_Static_assert(sizeof(nonce) == NONCE, "96 bits, as GCM likes it");
	memcpy(nonce.place, &place, sizeof(place));
	if (!*ctx)
		*ctx = context(seal, m->encrypt);
	if (!*ctx ||
	    EVP_CipherInit_ex(*ctx, NULL, NULL, NULL, (const void *)&nonce,
	                      m->encrypt) != 1 ||
	    EVP_CipherUpdate(*ctx, NULL, &n, m->aad, (int)m->aad_len) != 1 ||
	    (m->aad2_len && EVP_CipherUpdate(*ctx, NULL, &n, m->aad2,
	                                     (int)m->aad2_len) != 1) ||
	    (m->len &&
	     EVP_CipherUpdate(*ctx, m->out, &n, m->in, (int)m->len) != 1) ||
	    (!m->encrypt && EVP_CIPHER_CTX_ctrl(*ctx, EVP_CTRL_AEAD_SET_TAG,
	                                        PSM__SEAL_TAG, m->tag) != 1))
		return ENOMEM;
	if (EVP_CipherFinal_ex(*ctx, m->out + m->len, &n) != 1)
		return m->encrypt ? ENOMEM : EBADMSG;
	if (m->encrypt && EVP_CIPHER_CTX_ctrl(*ctx, EVP_CTRL_AEAD_GET_TAG,
	                                      PSM__SEAL_TAG, m->tag) != 1)
		return ENOMEM;
	return 0;
}

/* -- the header of a segment -- */

static uint32_t
header_crc(const struct psm__sealed_header *sh)
{
	return psm__crc32c(0, sh, offsetof(struct psm__sealed_header, crc));
}

/* Write the tag, or check it. */
static int
header_tag(struct psm__seal *seal, struct psm__sealed_header *sh, int encrypt)
{
	uint8_t none[16];
	EVP_CIPHER_CTX *ctx = NULL;
	struct gcm m = {.encrypt = encrypt,
	                .purpose = FOR_HEADER,
	                .aad = sh,
	                .aad_len = offsetof(struct psm__sealed_header, tag),
	                .out = none,
	                .tag = sh->tag};
	int rc = run(seal, &ctx, &m);

	EVP_CIPHER_CTX_free(ctx);
	return rc;
}

int
psm__seal_new(const struct psm__keys *keys, struct psm__segment *g)
{
	struct psm__sealed_header sh = {0};
	int rc;

	memcpy(&sh.plain, g->base, sizeof(sh.plain));
	memcpy(sh.key_id, psm__keys_writer(keys), PSM__KEY_ID);
	if (getentropy(sh.salt, sizeof(sh.salt)) < 0)
		return errno;
	g->seal = derive(keys, &sh);
	rc = g->seal ? header_tag(g->seal, &sh, 1) : ENOMEM;
	if (rc != 0)
		return rc;
	sh.crc = htole32(header_crc(&sh));
	memcpy(g->base, &sh, sizeof(sh));
	memcpy(g->base + sizeof(sh), &sh, sizeof(sh));
	return 0;
}

const struct psm__sealed_header *
psm__seal_header(const struct psm__segment *g, int copy)
{
	const struct psm__sealed_header *sh =
	    (const void *)(g->base + (size_t)copy * sizeof(*sh));

	if (g->size < PSM__SEALED_START + PSM__REC_HEADER ||
	    memcmp(sh->plain.magic, PSM__SEGMENT_MAGIC, 8) != 0 ||
	    le32toh(sh->plain.version) != PSM__SEALED_VERSION ||
	    le32toh(sh->crc) != header_crc(sh))
		return NULL;
	return sh;
}

static int
unlock(const struct psm__keys *keys, struct psm__segment *g,
       const struct psm__sealed_header *from)
{
	struct psm__sealed_header sh = *from;
	struct psm__seal *seal;
	int rc;

	if (!psm__keys_have(keys, sh.key_id))
		return ENOKEY;
	seal = derive(keys, &sh);
	rc = seal ? header_tag(seal, &sh, 0) : ENOMEM;
	if (rc != 0) {
		psm__seal_free(seal);
		return rc;
	}
	g->first_seq = le64toh(sh.plain.first_seq);
	g->seed = le32toh(sh.plain.seed);
	memcpy(g->uuid, sh.plain.uuid, sizeof(g->uuid));
	g->seal = seal;
	return 0;
}

int
psm__seal_unlock(const struct psm__keys *keys, struct psm__segment *g)
{
	int rc = EBADMSG, why;

	/* The second copy is used if the first one is damaged. */
	for (int copy = 0; copy < 2; copy++) {
		const struct psm__sealed_header *sh = psm__seal_header(g, copy);

		if (!sh)
			continue;
		why = unlock(keys, g, sh);
		if (why == 0 || why == ENOMEM)
			return why;
		if (why == ENOKEY)
			rc = why;
	}
	return rc;
}

/* -- records -- */

/* The record that rec is in the clear has so many bytes. */
static size_t
inner_len(const struct psm__rec *rec)
{
	return le32toh(rec->len) - PSM__SEAL_EXTRA;
}

static struct gcm
record_message(const struct psm__rec *head, const uint64_t *place)
{
	return (struct gcm){.purpose = FOR_RECORD,
	                    .place = le64toh(*place),
	                    .aad = (const uint8_t *)head + sizeof(head->crc),
	                    .aad_len = sizeof(*head) - sizeof(head->crc),
	                    .aad2 = place,
	                    .aad2_len = sizeof(*place),
	                    .len = inner_len(head) - CLEAR};
}

int
psm__seal_put(struct psm__segment *g, size_t at, const struct psm__rec *plain)
{
	struct psm__rec *to = (void *)(g->base + at), head = {0};
	size_t len = le32toh(plain->len) + PSM__SEAL_EXTRA;
	uint64_t place = htole64(at);
	struct gcm m;
	int rc;

	head.len = htole32((uint32_t)len);
	head.seq = plain->seq;
	head.time_us = plain->time_us;
	head.kind = htole16(PSM__REC_SEALED);
	head.value_len =
	    htole32((uint32_t)(len - sizeof(head) - PSM__SEAL_TAG));
	m = record_message(&head, &place);
	m.encrypt = 1;
	m.in = (const uint8_t *)plain + CLEAR;
	m.out = (uint8_t *)(to + 1);
	m.tag = m.out + m.len;
	rc = run(g->seal, &g->seal->put, &m);
	if (rc != 0) {
		memset(to, 0, len);
		return rc;
	}
	memcpy((uint8_t *)to + sizeof(to->crc),
	       (uint8_t *)&head + sizeof(head.crc),
	       sizeof(head) - sizeof(head.crc));
	psm__file_ops.publish(&to->crc, htole32(psm__rec_crc(g->seed, to)));
	return 0;
}

int
psm__seal_open(struct psm__segment *g, const struct psm__rec *rec,
               struct psm__rec **out)
{
	size_t len = inner_len(rec);
	uint64_t place = htole64((uint64_t)((const uint8_t *)rec - g->base));
	struct psm__rec *plain = psm__alloc(len), head = *rec;
	uint8_t tag[PSM__SEAL_TAG];
	struct gcm m;
	int rc;

	*out = NULL;
	if (!plain)
		return ENOMEM;
	m = record_message(&head, &place);
	m.in = (const uint8_t *)(rec + 1);
	m.out = (uint8_t *)plain + CLEAR;
	memcpy(tag, m.in + m.len, sizeof(tag));
	m.tag = tag;
	plain->len = htole32((uint32_t)len);
	plain->seq = head.seq;
	plain->time_us = head.time_us;
	pthread_mutex_lock(&g->seal->lock);
	rc = run(g->seal, &g->seal->open, &m);
	pthread_mutex_unlock(&g->seal->lock);
	if (rc == 0 && !psm__rec_sound(plain, len))
		rc = EBADMSG;
	if (rc != 0) {
		psm__wipe(plain, len);
		return rc;
	}
	*out = plain;
	return 0;
}

void
psm__wipe(void *bytes, size_t len)
{
	if (bytes)
		OPENSSL_cleanse(bytes, len);
	psm__free(bytes);
}

/* -- holes -- */

/* HMAC, not GCM: a record was encrypted with the nonce of this place before. */
static void
hole_tag(const struct psm__segment *g, const struct psm__rec *hole,
         uint8_t tag[PSM__SEAL_TAG])
{
	struct psm__rec head = *hole;
	uint64_t place = htole64((uint64_t)((const uint8_t *)hole - g->base));
	uint8_t text[sizeof(head) + sizeof(place)], mac[EVP_MAX_MD_SIZE] = {0};

	head.crc = 0;
	memcpy(text, &head, sizeof(head));
	memcpy(text + sizeof(head), &place, sizeof(place));
	/* Out of memory gives a tag of zeros, which is not valid: then the
	 * damage is counted once more. */
	(void)HMAC(EVP_sha256(), g->seal->keys.holes,
	           sizeof(g->seal->keys.holes), text, sizeof(text), mac, NULL);
	memcpy(tag, mac, PSM__SEAL_TAG);
}

void
psm__seal_hole(const struct psm__segment *g, struct psm__rec *hole)
{
	uint8_t tag[PSM__SEAL_TAG];

	hole_tag(g, hole, tag);
	memcpy((uint8_t *)hole + le32toh(hole->len) - sizeof(tag), tag,
	       sizeof(tag));
}

int
psm__seal_is_hole(const struct psm__segment *g, const struct psm__rec *hole)
{
	uint8_t tag[PSM__SEAL_TAG];

	if (le32toh(hole->len) < PSM__REC_HEADER + 1 + sizeof(tag))
		return 0;
	/* Without the key only the checksum is checked. */
	if (!g->seal)
		return 1;
	hole_tag(g, hole, tag);
	return CRYPTO_memcmp((const uint8_t *)hole + le32toh(hole->len) -
	                         sizeof(tag),
	                     tag, sizeof(tag)) == 0;
}
