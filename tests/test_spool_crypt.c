/* SPDX-License-Identifier: BSD-2-Clause */
/* The encrypted spool: its keys, what is in its files, and what becomes of
 * files that somebody has altered. That it does all a spool must do is shown by
 * the other tests of the spool, which run on encrypted ones, too. */
#include "testing_spool.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/crc32c.h"

/* A sum over the names and bytes of all files of the directory, but for the
 * lock with its process id and the spares, which are nothing. */
static struct {
	uint32_t sum;
	int files;
	const char *wanted; /* bytes to look for */
	size_t wanted_len;
	int found;
} seen;

static int
see(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	static uint8_t bytes[1 << 20];
	const char *name = path + ftw->base;
	size_t len;

	if (type != FTW_F || strcmp(name, "LOCK") == 0 ||
	    strstr(name, ".spare"))
		return 0;
	ck_assert_uint_le((size_t)st->st_size, sizeof(bytes));
	len = load(path + strlen(dir) + 1, bytes, sizeof(bytes));
	seen.sum = psm__crc32c(seen.sum, name, strlen(name));
	seen.sum = psm__crc32c(seen.sum, bytes, len);
	seen.files++;
	if (seen.wanted && memmem(bytes, len, seen.wanted, seen.wanted_len))
		seen.found++;
	return 0;
}

static int
see_with_spares(const char *path, const struct stat *st, int type,
                struct FTW *ftw)
{
	static uint8_t bytes[1 << 20];
	size_t len;

	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return 0;
	len = load(path + strlen(dir) + 1, bytes, sizeof(bytes));
	seen.files++;
	if (memmem(bytes, len, seen.wanted, seen.wanted_len))
		seen.found++;
	return 0;
}

static uint32_t
sum_of_files(void)
{
	seen.sum = 0;
	seen.files = 0;
	seen.wanted = NULL;
	ck_assert_int_eq(nftw(dir, see, 16, FTW_PHYS), 0);
	return seen.sum;
}

/* In how many files these bytes are. */
static int
files_with(const char *bytes)
{
	seen.wanted = bytes;
	seen.wanted_len = strlen(bytes);
	seen.found = seen.files = 0;
	ck_assert_int_eq(nftw(dir, see_with_spares, 16, FTW_PHYS), 0);
	ck_assert_int_gt(seen.files, 1);
	return seen.found;
}

/* Opening fails, its message has all of these words, and no byte of the
 * directory is another. */
static void
refused(const char *a, const char *b)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s = (struct psm__spool *)&conf;
	psm_error *err = psm_error_new();
	uint32_t before = sum_of_files();
	int rc = psm__spool_open(&conf, &s, err);
	const char *text = psm_error_message(err);

	ck_assert_msg(rc == PSM_ERR_CONFIG, "%s: %s", psm_error_name(rc), text);
	ck_assert_ptr_null(s);
	ck_assert_msg(strstr(text, a) && strstr(text, b), "%s", text);
	ck_assert_uint_eq(sum_of_files(), before);
	psm_error_free(err);
}

/* The id of the key in use, as a segment says it. */
static void
id_of(const char *below, char id[PSM__KEY_TEXT])
{
	uint8_t bytes[PSM__SEALED_START];
	const struct psm__sealed_header *sh = (const void *)bytes;

	ck_assert_uint_eq(load(below, bytes, sizeof(bytes)), sizeof(bytes));
	psm__key_text(sh->key_id, id);
}

/* -- what is in the files */

/* In the clear, the test does find it. */
START_TEST(nothing_in_the_clear_anywhere)
{
	struct psm__spool *s;
	struct psm__message m;
	int encrypted = _i;

	if (encrypted)
		use_keys(KEY_A);
	s = open_spool();
	put(s, 0, 100);
	for (int n = 0; n < 60; n++) {
		ck_assert_int_eq(psm__spool_peek(s, &m), 1);
		psm__spool_pass(s);
		if (n == 30)
			ck_assert_int_eq(psm__spool_reject(s, m.token), 1);
		else
			psm__spool_settle(s, m.token);
		psm__spool_release(s);
	}
	put(s, 100, 130);
	ck_assert_int_eq(count_files("stream.0/quarantine", ".rejected"), 1);
	ck_assert_int_eq(files_with("event_id") > 0, !encrypted);
	ck_assert_int_eq(files_with("id-0000") > 0, !encrypted);
	ck_assert_int_eq(files_with("a-topic") > 0, !encrypted);
	abandon(s);
	ck_assert_int_eq(files_with("event_id") > 0, !encrypted);
	ck_assert_int_eq(files_with("a-topic") > 0, !encrypted);
}
END_TEST

/* No two segments have the same key, also when a file is used again. */
START_TEST(every_segment_has_a_key_of_its_own)
{
	static uint8_t salts[200][32];
	struct psm__spool *s = open_spool();
	int count = 0, next = 0;

	for (; count < 100; next++) {
		uint8_t bytes[PSM__SEALED_START];
		const struct psm__sealed_header *sh = (const void *)bytes;
		char name[64];

		put(s, next, next + 1);
		ck_assert_int_eq(read_one(s), next);
		psm__spool_release(s);
		snprintf(name, sizeof(name), "stream.0/%016llx.pms",
		         (unsigned long long)psm__queue_last(s)->number);
		load(name, bytes, sizeof(bytes));
		if (count &&
		    memcmp(salts[count - 1], sh->salt, sizeof(sh->salt)) == 0)
			continue;
		for (int i = 0; i < count; i++)
			ck_assert_mem_ne(salts[i], sh->salt, sizeof(sh->salt));
		memcpy(salts[count++], sh->salt, sizeof(sh->salt));
		ck_assert_mem_eq(bytes, bytes + sizeof(*sh), sizeof(*sh));
	}
	end(s);
}
END_TEST

/* -- psymatch-spool(5) read by a stranger: nothing of the spool's own code */

static void
hkdf(const uint8_t *salt, size_t salt_len, const char *info, uint8_t *out,
     size_t len)
{
	static const uint8_t none[32];
	uint8_t key[32], prk[32], block[32], text[128];
	size_t used = 0, info_len = strlen(info);

	for (int i = 0; i < 32; i++)
		key[i] = (uint8_t)i;
	HMAC(EVP_sha256(), salt ? salt : none, salt ? (int)salt_len : 32, key,
	     32, prk, NULL);
	for (uint8_t n = 1; len > 0; n++) {
		size_t part = len < 32 ? len : 32;

		memcpy(text + used, info, info_len);
		text[used + info_len] = n;
		HMAC(EVP_sha256(), prk, 32, text, used + info_len + 1, block,
		     NULL);
		memcpy(out, block, part);
		memcpy(text, block, 32);
		used = 32;
		out += part;
		len -= part;
	}
}

/* 1: the tag is right, and out has what was encrypted. */
static int
gcm(const uint8_t key[32], uint32_t purpose, uint64_t place, const uint8_t *aad,
    size_t aad_len, const uint8_t *in, size_t len, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t nonce[12], tag[16];
	uint64_t le = htole64(place);
	int n, ok;

	purpose = htole32(purpose);
	memcpy(nonce, &purpose, 4);
	memcpy(nonce + 4, &le, 8);
	memcpy(tag, in + len, sizeof(tag));
	ok =
	    EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
	    EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_len) == 1 &&
	    (len == 0 || EVP_DecryptUpdate(ctx, out, &n, in, (int)len) == 1) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, tag) == 1 &&
	    EVP_DecryptFinal_ex(ctx, out + len, &n) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

static uint32_t
u32(const uint8_t *at)
{
	uint32_t le;

	memcpy(&le, at, sizeof(le));
	return le32toh(le);
}

START_TEST(format_is_as_documented)
{
	static const char value[] =
	    "{\"event_id\":\"id-000000\",\"n\":0000000000}";
	struct psm__spool *s = open_spool();
	static uint8_t file[SMALL], text[SMALL], aad[44];
	uint8_t keys[64], id[8];
	char id_text[17];
	size_t at = 256, len;
	uint64_t le;

	put(s, 0, 2);
	abandon(s);
	load(SEGMENT, file, sizeof(file));
	ck_assert_mem_eq(file, "PMSPOOL1", 8);
	ck_assert_uint_eq(u32(file + 8), 2);
	ck_assert_mem_eq(file, file + 128, 128);
	/* HKDF by another program. */
	for (int i = 0; i < 8; i++)
		snprintf(id_text + 2 * i, 3, "%02x", file[64 + i]);
	ck_assert_str_eq(id_text, "f58942d4e1d6714a");
	hkdf(NULL, 0, "psymatch spool key id", id, sizeof(id));
	ck_assert_mem_eq(file + 64, id, sizeof(id));
	hkdf(file + 72, 32, "psymatch spool segment", keys, sizeof(keys));
	ck_assert_int_eq(gcm(keys, 2, 0, file, 104, file + 104, 0, text), 1);
	len = u32(file + at + 4);
	ck_assert_uint_eq(file[at + 24], 4);
	ck_assert_uint_eq(u32(file + at + 32), len - 40 - 16);
	memcpy(aad, file + at + 4, 36);
	le = htole64(at);
	memcpy(aad + 36, &le, 8);
	ck_assert_int_eq(gcm(keys, 1, at, aad, sizeof(aad), file + at + 40,
	                     len - 40 - 16, text + 24),
	                 1);
	/* From byte 24 of the record on. */
	ck_assert_uint_eq(text[24], 1);
	ck_assert_uint_eq(text[26], 7);
	ck_assert_mem_eq(text + 40, "a-topic\0k0", 10);
	ck_assert_uint_eq(u32(text + 32), sizeof(value) - 1);
	ck_assert_mem_eq(text + 50, value, sizeof(value) - 1);
	/* Not at the place of the second. */
	le = htole64(at + 8);
	memcpy(aad + 36, &le, 8);
	ck_assert_int_eq(gcm(keys, 1, at, aad, sizeof(aad), file + at + 40,
	                     len - 40 - 16, text + 24),
	                 0);
}
END_TEST

/* A record that was refused for good can be read again, with its key. */
START_TEST(rejected_is_a_segment)
{
	struct psm__spool *s = open_spool();
	struct psm__message m;

	put(s, 0, 3);
	ck_assert_int_eq(psm__spool_peek(s, &m), 1);
	psm__spool_pass(s);
	ck_assert_int_eq(psm__spool_peek(s, &m), 1);
	psm__spool_pass(s);
	ck_assert_int_eq(psm__spool_reject(s, m.token), 1);
	end(s);
	ck_assert_int_eq(unlink(path_of("stream.0/cursor")), 0);
	move("stream.0/quarantine/0000000000000002.rejected", SEGMENT);
	s = open_spool();
	expect(s, 1, 2);
	end(s);
}
END_TEST

/* -- keys */

/* Not even what is damaged. */
START_TEST(without_the_key_nothing_is_touched)
{
	struct psm__spool *s = open_spool();
	uint8_t file[SMALL];

	put(s, 0, 10);
	consume(s, 0, 2);
	abandon(s);
	if (_i == 1) {
		load(SEGMENT, file, sizeof(file));
		file[PSM__SEALED_START + 800] ^= 1;
		store(SEGMENT, file, sizeof(file));
	}
	sum_of_files();
	ck_assert_int_eq(seen.files, 2);
	use_keys(KEY_B);
	refused("stream.0: segment 0000", key_path);
	key_file = NULL;
	refused("stream.0: segment 0000", "needs a key file");
	use_keys(KEY_A);
	s = open_spool();
	if (_i == 0)
		expect(s, 2, 10);
	ck_assert_uint_eq(numbers(s).damaged, (unsigned)_i);
	ck_assert_int_eq(numbers(s).quarantined > 0, _i);
	put(s, 100, 101);
	end(s);
}
END_TEST

START_TEST(the_missing_key_is_named)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s = open_spool();
	psm_error *err = psm_error_new();
	char id[PSM__KEY_TEXT], want[64];

	put(s, 0, 10);
	abandon(s);
	id_of(SEGMENT, id);
	use_keys(KEY_B);
	snprintf(want, sizeof(want), "with key %s, which is not in", id);
	refused(want, "0000000000000002.pms");
	/* Also if it is the stream of another process that ended. */
	ck_assert_int_eq(mkdir(path_of("stream.1"), 0700), 0);
	move(SEGMENT, "stream.1/0000000000000002.pms");
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "stream.1: segment"));
	psm_error_free(err);
	use_keys(KEY_A);
	s = open_spool();
	expect(s, 0, 10);
	end(s);
}
END_TEST

/* The first key writes, all read; an old one may go when all of it is sent. */
START_TEST(rotation)
{
	struct psm__spool *s = open_spool();
	char a[PSM__KEY_TEXT], b[PSM__KEY_TEXT], name[64];

	put(s, 0, 5);
	abandon(s);
	id_of(SEGMENT, a);
	use_keys(KEY_B KEY_A);
	s = open_spool();
	put(s, 5, 10);
	snprintf(name, sizeof(name), "%s/%016llx.pms", s->own_stream->name,
	         (unsigned long long)psm__queue_last(s)->number);
	id_of(name, b);
	ck_assert_str_ne(a, b);
	abandon(s);
	use_keys(KEY_B);
	refused(a, key_path);
	use_keys(KEY_A);
	refused(b, key_path);
	use_keys(KEY_A KEY_B);
	s = open_spool();
	consume(s, 0, 5);
	abandon(s);
	/* Its segment may still be there: nothing in it is wanted. */
	use_keys(KEY_B);
	s = open_spool();
	expect(s, 5, 10);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
}
END_TEST

START_TEST(settled_segments_need_no_key)
{
	struct psm__spool *s = open_spool();

	put(s, 0, 5);
	consume(s, 0, 5);
	abandon(s);
	ck_assert_int_eq(access(path_of(SEGMENT), F_OK), 0);
	use_keys(KEY_B);
	s = open_spool();
	ck_assert_int_eq(access(path_of(SEGMENT), F_OK), -1);
	put(s, 5, 8);
	expect(s, 5, 8);
	ck_assert_uint_eq(numbers(s).damaged, 0);
	end(s);
}
END_TEST

START_TEST(encryption_is_switched_on_and_off)
{
	struct psm__spool *s;

	key_file = NULL;
	s = open_spool();
	put(s, 0, 50);
	abandon(s);
	ck_assert_int_gt(files_with("id-000010"), 0);
	use_keys(KEY_A);
	s = open_spool();
	put(s, 50, 100);
	ck_assert_int_eq(files_with("id-000060"), 0);
	consume(s, 0, 20);
	abandon(s);
	key_file = NULL;
	refused("segment", "needs a key file");
	use_keys(KEY_A);
	s = open_spool();
	consume(s, 20, 50);
	psm__spool_release(s);
	expect(s, 50, 100);
	end(s);
	/* What was encrypted is sent: it can be switched off. */
	key_file = NULL;
	s = open_spool();
	put(s, 100, 110);
	expect(s, 100, 110);
	end(s);
}
END_TEST

/* -- the key file */

static const struct {
	const char *bytes;
	size_t len; /* 0: of the text */
	mode_t mode;
	const char *want; /* of the message; NULL: it is a key file */
} key_files[] = {
    {KEY_A, 0, 0600, NULL},
    {KEY_A, 0, 0400, NULL},
    {KEY_A KEY_B, 0, 0600, NULL},
    {"# mine\n\n  " KEY_A "\t\r\n#", 0, 0600, NULL},
    {"0123456789\0abcdef0123456789abcde\n", 32, 0600, NULL},
    {"AABBCCDDEEFF0011223344556677889900112233445566778899aabbccddeeff", 0,
     0600, NULL},
    {KEY_A, 0, 0640, "want mode 0600 or 0400, for its owner only, found 0640"},
    {KEY_A, 0, 0604, "found 0604"},
    {KEY_A, 0, 0620, "found 0620"},
    {"", 0, 0600, "there is no key in it"},
    {"# only words\n", 0, 0600, "there is no key in it"},
    {"0123456789\0abcdef0123456789abcde\n", 33, 0600, "line 1: want 64"},
    {"0123456789\0abcdef0123456789abcde\n", 31, 0600, "line 1: want 64"},
    {KEY_A "0011\n", 0, 0600, "line 2: want 64 hexadecimal digits"},
    {KEY_A "secret" KEY_B, 0, 0600, "line 2: want 64"},
    {"00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg", 0,
     0600, "line 1: want 64"},
};

START_TEST(key_file_is_read)
{
	struct psm__keys *keys = (struct psm__keys *)&key_files;
	psm_error *err = psm_error_new();
	const char *bytes = key_files[_i].bytes;
	size_t len = key_files[_i].len ? key_files[_i].len : strlen(bytes);
	const char *want = key_files[_i].want, *text;
	int rc;

	write_key_file(bytes, len);
	ck_assert_int_eq(chmod(key_path, key_files[_i].mode), 0);
	rc = psm__keys_load(key_path, &keys, err);
	text = psm_error_message(err);
	ck_assert_msg(rc == (want ? PSM_ERR_CONFIG : 0), "%s", text);
	if (want) {
		ck_assert_ptr_null(keys);
		ck_assert_msg(strstr(text, want) != NULL, "%s", text);
		ck_assert_ptr_nonnull(strstr(text, key_path));
		ck_assert_ptr_null(strstr(text, "secret"));
		ck_assert_ptr_null(strstr(text, "0001"));
	}
	psm__keys_free(keys);
	psm_error_free(err);
}
END_TEST

START_TEST(no_key_file_at_all)
{
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool *s = NULL;
	psm_error *err = psm_error_new();

	conf.key_file = "/no/such/key";
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), PSM_ERR_IO);
	ck_assert_str_eq(psm_error_message(err),
	                 "key file /no/such/key: No such file or directory");
	psm_error_clear(err);
	conf.key_file = dir;
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), PSM_ERR_CONFIG);
	ck_assert_ptr_nonnull(
	    strstr(psm_error_message(err), "want a regular file"));
	/* In memory, nothing is at rest. */
	conf.dir = "";
	ck_assert_int_eq(psm__spool_open(&conf, &s, err), 0);
	put(s, 0, 10);
	expect(s, 0, 10);
	end(s);
	psm_error_free(err);
}
END_TEST

/* Who may chown can try that, too. */
START_TEST(key_file_of_somebody_else)
{
	struct psm__keys *keys = NULL;
	psm_error *err = psm_error_new();

	use_keys(KEY_A);
	if (chown(key_path, 12345, (gid_t)-1) == 0) {
		ck_assert_int_eq(psm__keys_load(key_path, &keys, err),
		                 PSM_ERR_CONFIG);
		ck_assert_ptr_nonnull(
		    strstr(psm_error_message(err), "found owner 12345"));
		ck_assert_ptr_null(keys);
	}
	psm_error_free(err);
}
END_TEST

/* One key has one id, whatever the form of its file. */
START_TEST(ids_are_of_the_key)
{
	uint8_t raw[32], digits[2 * 32 + 1];
	uint8_t ids[2][PSM__KEY_ID];
	struct psm__keys *keys = NULL;

	for (int i = 0; i < 32; i++) {
		raw[i] = (uint8_t)(i * 37 + 5);
		snprintf((char *)digits + 2 * i, 3, "%02X", raw[i]);
	}
	for (int i = 0; i < 2; i++) {
		write_key_file(i ? digits : raw, i ? 64 : 32);
		ck_assert_int_eq(psm__keys_load(key_path, &keys, NULL), 0);
		memcpy(ids[i], psm__keys_writer(keys), PSM__KEY_ID);
		ck_assert_int_eq(psm__keys_have(keys, ids[i]), 1);
		psm__keys_free(keys);
	}
	ck_assert_mem_eq(ids[0], ids[1], PSM__KEY_ID);
	use_keys(KEY_A);
	ck_assert_int_eq(psm__keys_load(key_path, &keys, NULL), 0);
	ck_assert_int_eq(psm__keys_have(keys, ids[0]), 0);
	psm__keys_free(keys);
}
END_TEST

/* -- the reader's memory */

/* Far more than may be decrypted at a time waits, and all of it comes. */
START_TEST(memory_is_bounded)
{
	enum { COUNT = 100 };
	const size_t size = 1 << 20;
	struct psm__spool_conf conf = conf_of(PSM__DURABLE_OS);
	struct psm__spool_entry e = {.topic = "a-topic", .id = ""};
	struct psm__spool *s;
	struct psm__message m;
	char *value = malloc(size);
	uint64_t tokens[COUNT];
	int open = 0, most = 0, n = 0;

	ck_assert_ptr_nonnull(value);
	memset(value, 'x', size);
	conf.max_bytes = 1 << 28;
	conf.window = 1000;
	s = open_with(&conf);
	e.value = value;
	e.value_len = size;
	for (int i = 0; i < COUNT; i++)
		ck_assert_int_eq(psm__spool_append(s, &e, NULL), 0);
	while (n < COUNT) {
		while (psm__spool_peek(s, &m)) {
			ck_assert_uint_eq(m.value_len, size);
			tokens[n + open++] = m.token;
			psm__spool_pass(s);
		}
		most = open > most ? open : most;
		ck_assert_int_gt(open, 0);
		ck_assert_uint_le(psm__ring_decrypted(s), 66 * size);
		for (; open > 0; open--)
			psm__spool_settle(s, tokens[n++]);
		psm__spool_release(s);
		/* The next one was looked at for its age. */
		ck_assert_uint_le(psm__ring_decrypted(s), size + 1000);
	}
	ck_assert_int_ge(most, 60);
	ck_assert_int_le(most, 65);
	ck_assert_int_eq(psm__spool_peek(s, &m), 0);
	end(s);
	free(value);
}
END_TEST

static Suite *
suite(void)
{
	Suite *s = suite_create("spool encryption");
	TCase *tc = tcase_create("clear");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(tc, nothing_in_the_clear_anywhere, 0, 2);
	tcase_add_loop_test(tc, key_file_is_read, 0,
	                    (int)PSM__COUNT(key_files));
	tcase_add_test(tc, no_key_file_at_all);
	tcase_add_test(tc, key_file_of_somebody_else);
	tcase_add_test(tc, ids_are_of_the_key);
	suite_add_tcase(s, tc);
	tc = tcase_create("encrypted");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, set_up_encrypted, tear_down);
	tcase_add_test(tc, every_segment_has_a_key_of_its_own);
	tcase_add_test(tc, format_is_as_documented);
	tcase_add_test(tc, rejected_is_a_segment);
	tcase_add_loop_test(tc, without_the_key_nothing_is_touched, 0, 2);
	tcase_add_test(tc, the_missing_key_is_named);
	tcase_add_test(tc, rotation);
	tcase_add_test(tc, settled_segments_need_no_key);
	tcase_add_test(tc, encryption_is_switched_on_and_off);
	tcase_add_test(tc, memory_is_bounded);
	suite_add_tcase(s, tc);
	return s;
}

int
main(void)
{
	return testing_run(srunner_create(suite()));
}
